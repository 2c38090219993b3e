/*
 * zmq_proxy between two other processes: "xpub" passes PUB to SUB through XSUB/XPUB, "router" passes requests of a DEALER to an
 * echoing DEALER and back through ROUTER/DEALER. The proxy has a process of its own.
 */
#define _GNU_SOURCE
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int router(const options_t *options)
{
    return strcmp(options->pattern, "router") == 0;
}

static void proxy_process(const options_t *options, int in, int out)
{
    (void)in;
    char endpoint[ENDPOINT_MAX];
    void *context = zmq_ctx_new();
    void *front = new_socket(context, router(options) ? ZMQ_ROUTER : ZMQ_XSUB, 1);
    void *back = new_socket(context, router(options) ? ZMQ_DEALER : ZMQ_XPUB, 1);
    void *control = new_socket(context, ZMQ_PAIR, 0);
    bind_fresh(front, options->transport, endpoint);
    say_endpoint(out, endpoint);
    bind_fresh(back, options->transport, endpoint);
    say_endpoint(out, endpoint);
    bind_fresh(control, options->transport, endpoint);
    say_endpoint(out, endpoint);
    require(zmq_proxy_steerable(front, back, NULL, control) == 0, "zmq_proxy_steerable");
    zmq_close(front);
    zmq_close(back);
    zmq_close(control);
    zmq_ctx_term(context);
    say_double(out, cpu_seconds());
}

/* The process before the proxy: publishes, or asks. */
static void front_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    char *buffer = calloc(1, options->size + 1);
    hear_endpoint(in, endpoint);
    void *context = zmq_ctx_new();
    void *socket = new_socket(context, router(options) ? ZMQ_DEALER : ZMQ_PUB, 1);
    require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    double seconds = 0;
    if (router(options)) {
        long sent = 0;
        double start = 0;
        for (long got = 0; got < options->count; got++) {
            for (; sent < options->count && sent - got < PROXY_WINDOW; sent++)
                require(zmq_send(socket, buffer, options->size, 0) >= 0, "zmq_send");
            require(zmq_recv(socket, buffer, options->size + 1, 0) == (int)options->size, "zmq_recv");
            if (got == 0)
                start = now();
        }
        seconds = now() - start;
    } else {
        zmq_pollitem_t heard = {.fd = in, .events = ZMQ_POLLIN};
        do
            require(zmq_send(socket, "!", 1, 0) == 1, "zmq_send");
        while (zmq_poll(&heard, 1, 5) == 0);
        hear_double(in);
        for (long i = 0; i < options->count; i++)
            require(zmq_send(socket, buffer, options->size, 0) >= 0, "zmq_send");
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    say_double(out, seconds);
    say_double(out, cpu_seconds());
}

/* This process stands behind the proxy: subscribes, or echoes. */
void bench_proxy(const options_t *options)
{
    if (options->size < 2)
        fail("--size must be at least 2");
    child_t proxy = start_child(proxy_process, options);
    child_t front = start_child(front_process, options);
    char front_endpoint[ENDPOINT_MAX], back_endpoint[ENDPOINT_MAX], control_endpoint[ENDPOINT_MAX];
    hear_endpoint(proxy.in, front_endpoint);
    hear_endpoint(proxy.in, back_endpoint);
    hear_endpoint(proxy.in, control_endpoint);
    double cpu = -cpu_seconds();
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, router(options) ? ZMQ_DEALER : ZMQ_SUB, 1);
    if (!router(options))
        require(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    require(zmq_connect(socket, back_endpoint) == 0, "zmq_connect");
    say_endpoint(front.out, front_endpoint);

    double seconds;
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (router(options)) {
        for (long i = 0; i < options->count; i++) {
            int more;
            do {
                require(zmq_msg_recv(&message, socket, 0) >= 0, "zmq_msg_recv");
                more = zmq_msg_more(&message);
                require(zmq_msg_send(&message, socket, more ? ZMQ_SNDMORE : 0) >= 0, "zmq_msg_send");
            } while (more);
        }
        seconds = hear_double(front.in);
    } else {
        double start = 0;
        require(zmq_msg_recv(&message, socket, 0) == 1, "zmq_msg_recv");
        say_double(front.out, 0);
        for (long i = 0; i < options->count;) {
            require(zmq_msg_recv(&message, socket, 0) >= 0, "zmq_msg_recv");
            if (zmq_msg_size(&message) != options->size)
                continue;
            if (i++ == 0)
                start = now();
        }
        seconds = now() - start;
        hear_double(front.in);
    }
    zmq_msg_close(&message);
    cpu += hear_double(front.in);
    finish_child(&front);

    void *control = new_socket(context, ZMQ_PAIR, 0);
    require(zmq_connect(control, control_endpoint) == 0, "zmq_connect");
    require(zmq_send(control, "TERMINATE", 9, 0) == 9, "zmq_send");
    cpu += hear_double(proxy.in);
    finish_child(&proxy);
    zmq_close(control);
    zmq_close(socket);
    zmq_ctx_term(context);
    cpu += cpu_seconds();
    remove_endpoint(front_endpoint);
    remove_endpoint(back_endpoint);
    remove_endpoint(control_endpoint);
    printf("msgs_per_s=%.0f cpu_s_per_million=%.4f\n", (double)(options->count - 1) / seconds, cpu / (double)options->count * 1e6);
}
