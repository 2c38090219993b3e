/*
 * Throughput: PUSH to PULL, two processes (inproc: two threads), one connection. The clock starts at the receiver when the first
 * message is there and stops with the last.
 *
 * By default messages are zmq_msg_t, their contents untouched, as libzmq's own perf/local_thr and remote_thr do it; with --copy
 * they are zmq_send and zmq_recv with one buffer.
 *
 * Fan-out: one PUB and a process with N SUB sockets, each of which receives every message; figures are of deliveries.
 */
#define _GNU_SOURCE
#include "common.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fixed keys, known to both sides: the receiver is the server. */
static void encrypt(void *socket, const options_t *options, int server)
{
    static const char server_secret[] = "zbench..server.key.0123456789.abcdefghij";
    static const char client_secret[] = "zbench..client.key.9876543210.jihgfedcba";
    char server_public[41], client_public[41];
    if (!options->curve)
        return;
    const int one = 1;
    require(zmq_curve_public(server_public, server_secret) == 0, "zmq_curve_public");
    require(zmq_curve_public(client_public, client_secret) == 0, "zmq_curve_public");
    if (server) {
        require(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one) == 0, "ZMQ_CURVE_SERVER");
        require(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, server_secret, 41) == 0, "ZMQ_CURVE_SECRETKEY");
        return;
    }
    require(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_public, 41) == 0, "ZMQ_CURVE_SERVERKEY");
    require(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, client_public, 41) == 0, "ZMQ_CURVE_PUBLICKEY");
    require(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, client_secret, 41) == 0, "ZMQ_CURVE_SECRETKEY");
}

static void send_messages(void *socket, const options_t *options)
{
    char *buffer = calloc(1, options->size + 1);
    if (!buffer)
        fail("out of memory");
    for (long i = 0; i < options->count; i++) {
        if (options->copy) {
            require(zmq_send(socket, buffer, options->size, 0) >= 0, "zmq_send");
            continue;
        }
        zmq_msg_t message;
        require(zmq_msg_init_size(&message, options->size) == 0, "zmq_msg_init_size");
        require(zmq_msg_send(&message, socket, 0) >= 0, "zmq_msg_send");
    }
    free(buffer);
}

/* Seconds from the first message to the last. */
static double recv_messages(void *socket, const options_t *options)
{
    char *buffer = malloc(options->size + 1);
    if (!buffer)
        fail("out of memory");
    zmq_msg_t message;
    require(zmq_msg_init(&message) == 0, "zmq_msg_init");
    double start = 0;
    for (long i = 0; i < options->count; i++) {
        int size;
        if (options->copy)
            size = zmq_recv(socket, buffer, options->size + 1, 0);
        else
            size = zmq_msg_recv(&message, socket, 0);
        require(size >= 0, "recv");
        if ((size_t)size != options->size)
            fail("a message of %d bytes, not %zu", size, options->size);
        if (i == 0)
            start = now();
    }
    double seconds = now() - start;
    zmq_msg_close(&message);
    free(buffer);
    return seconds;
}

static void send_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    void *context = zmq_ctx_new();
    void *socket = new_socket(context, ZMQ_PUSH, 0);
    encrypt(socket, options, 0);
    require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    send_messages(socket, options);
    zmq_close(socket);
    zmq_ctx_term(context);
    say_double(out, cpu_seconds());
}

typedef struct {
    void *socket;
    const options_t *options;
} sender_t;

static void *send_thread(void *argument)
{
    sender_t *sender = argument;
    send_messages(sender->socket, sender->options);
    return NULL;
}

void bench_throughput(const options_t *options)
{
    if (options->count < 2)
        fail("--count must be at least 2");
    int inproc = strcmp(options->transport, "inproc") == 0;
    char endpoint[ENDPOINT_MAX];
    child_t child = {0};
    if (!inproc)
        child = start_child(send_process, options);
    double cpu = -cpu_seconds();
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, ZMQ_PULL, 0);
    encrypt(socket, options, 1);
    bind_fresh(socket, options->transport, endpoint);

    double seconds;
    if (inproc) {
        pthread_t thread;
        sender_t sender = {.socket = new_socket(context, ZMQ_PUSH, 0), .options = options};
        require(zmq_connect(sender.socket, endpoint) == 0, "zmq_connect");
        require_system(pthread_create(&thread, NULL, send_thread, &sender) == 0, "pthread_create");
        seconds = recv_messages(socket, options);
        pthread_join(thread, NULL);
        zmq_close(sender.socket);
    } else {
        say_endpoint(child.out, endpoint);
        seconds = recv_messages(socket, options);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    cpu += cpu_seconds();
    if (!inproc) {
        cpu += hear_double(child.in);
        finish_child(&child);
    }
    remove_endpoint(endpoint);
    print_rate((double)(options->count - 1), options->size, seconds, cpu, (double)options->count);
}

/* ---- fan-out ----------------------------------------------------------------------------------------------------- */

/* Messages taken from one subscriber before the next one's turn: no poll, because all get the same. */
#define FANOUT_TURN 100

static void subscribe_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    void *context = zmq_ctx_new();
    void **sockets = calloc((size_t)options->peers, sizeof *sockets);
    for (long i = 0; i < options->peers; i++) {
        sockets[i] = new_socket(context, ZMQ_SUB, 1);
        require(zmq_setsockopt(sockets[i], ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
        require(zmq_connect(sockets[i], endpoint) == 0, "zmq_connect");
    }
    zmq_msg_t message;
    require(zmq_msg_init(&message) == 0, "zmq_msg_init");

    /* Short messages go before the measured ones, until every subscriber has had one and has said so. */
    for (long i = 0; i < options->peers; i++)
        require(zmq_msg_recv(&message, sockets[i], 0) >= 0, "zmq_msg_recv");
    say_double(out, 0);

    double start = 0;
    long *left = calloc((size_t)options->peers, sizeof *left);
    for (long i = 0; i < options->peers; i++)
        left[i] = options->count;
    for (long remaining = options->peers; remaining > 0;) {
        for (long i = 0; i < options->peers; i++) {
            for (long turn = 0; turn < FANOUT_TURN && left[i] > 0;) {
                require(zmq_msg_recv(&message, sockets[i], 0) >= 0, "zmq_msg_recv");
                if (zmq_msg_size(&message) != options->size)
                    continue;
                if (start == 0)
                    start = now();
                turn++;
                if (--left[i] == 0)
                    remaining--;
            }
        }
    }
    say_double(out, now() - start);
    zmq_msg_close(&message);
    for (long i = 0; i < options->peers; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
    say_double(out, cpu_seconds());
}

void bench_fanout(const options_t *options)
{
    if (options->size < 2)
        fail("--size must be at least 2");
    child_t child = start_child(subscribe_process, options);
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, ZMQ_PUB, 1);
    char endpoint[ENDPOINT_MAX];
    bind_fresh(socket, options->transport, endpoint);
    say_endpoint(child.out, endpoint);

    zmq_pollitem_t ready = {.fd = child.in, .events = ZMQ_POLLIN};
    do
        require(zmq_send(socket, "!", 1, 0) == 1, "zmq_send");
    while (zmq_poll(&ready, 1, 5) == 0);
    hear_double(child.in);

    double cpu = -cpu_seconds();
    send_messages(socket, options);
    double seconds = hear_double(child.in);
    zmq_close(socket);
    zmq_ctx_term(context);
    cpu += cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    remove_endpoint(endpoint);
    double deliveries = (double)options->count * (double)options->peers;
    print_rate(deliveries, options->size, seconds, cpu, deliveries);
}
