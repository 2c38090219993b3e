/*
 * Many of something: clients of one ROUTER, subscriptions of one XPUB, connections in a row, sockets in one zmq_poll, contexts
 * made and ended.
 */
#define _GNU_SOURCE
#include "common.h"
#include "raw_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- ROUTER with many DEALER clients, each with one request on the way -------------------------------------------- */

static void clients_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    void *context = zmq_ctx_new();
    void **sockets = calloc((size_t)options->peers, sizeof *sockets);
    char *buffer = calloc(1, options->size + 1);
    for (long i = 0; i < options->peers; i++) {
        sockets[i] = new_socket(context, ZMQ_DEALER, 0);
        require(zmq_connect(sockets[i], endpoint) == 0, "zmq_connect");
    }
    double start = 0;
    /* The first round makes sure that all are connected. */
    for (long round = 0; round <= options->count; round++) {
        for (long i = 0; i < options->peers; i++)
            require(zmq_send(sockets[i], buffer, options->size, 0) >= 0, "zmq_send");
        for (long i = 0; i < options->peers; i++)
            require(zmq_recv(sockets[i], buffer, options->size + 1, 0) == (int)options->size, "zmq_recv");
        if (round == 0)
            start = now();
    }
    say_double(out, now() - start);
    for (long i = 0; i < options->peers; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
    say_double(out, cpu_seconds());
}

void bench_clients(const options_t *options)
{
    child_t child = start_child(clients_process, options);
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, ZMQ_ROUTER, 0);
    char endpoint[ENDPOINT_MAX];
    bind_fresh(socket, options->transport, endpoint);
    say_endpoint(child.out, endpoint);
    double cpu = -cpu_seconds();
    zmq_msg_t id, body;
    zmq_msg_init(&id);
    zmq_msg_init(&body);
    for (long i = 0; i < (options->count + 1) * options->peers; i++) {
        require(zmq_msg_recv(&id, socket, 0) >= 0, "zmq_msg_recv");
        require(zmq_msg_recv(&body, socket, 0) >= 0, "zmq_msg_recv");
        require(zmq_msg_send(&id, socket, ZMQ_SNDMORE) >= 0, "zmq_msg_send");
        require(zmq_msg_send(&body, socket, 0) >= 0, "zmq_msg_send");
    }
    double seconds = hear_double(child.in);
    zmq_close(socket);
    zmq_ctx_term(context);
    cpu += cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    remove_endpoint(endpoint);
    double requests = (double)options->count * (double)options->peers;
    printf("requests_per_s=%.0f cpu_s_per_million=%.4f\n", requests / seconds, cpu / requests * 1e6);
}

/* ---- subscriptions ----------------------------------------------------------------------------------------------- */

#define TOPIC_MAX 32

static void topic_of(long number, char topic[TOPIC_MAX])
{
    /* Spread over the alphabet rather than counted up, as real topics are. */
    snprintf(topic, TOPIC_MAX, "topic.%08lx", (unsigned long)((uint32_t)number * 2654435761u));
}

static void subscriber_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX], topic[1 + TOPIC_MAX];
    hear_endpoint(in, endpoint);
    void *context = zmq_ctx_new();
    void *socket = new_socket(context, ZMQ_XSUB, 1);
    require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    for (long i = 0; i < options->peers; i++) {
        topic[0] = 1;
        topic_of(i, topic + 1);
        require(zmq_send(socket, topic, 1 + strlen(topic + 1), 0) >= 0, "zmq_send");
    }
    char buffer[64];
    double start = 0;
    for (long i = 0; i < options->count; i++) {
        require(zmq_recv(socket, buffer, sizeof buffer, 0) >= 0, "zmq_recv");
        if (i == 0)
            start = now();
    }
    say_double(out, now() - start);
    zmq_close(socket);
    zmq_ctx_term(context);
}

void bench_subscriptions(const options_t *options)
{
    child_t child = start_child(subscriber_process, options);
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, ZMQ_XPUB, 0);
    int zero = 0;
    require(zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero) == 0, "ZMQ_SNDHWM");
    char endpoint[ENDPOINT_MAX], topic[64];
    bind_fresh(socket, options->transport, endpoint);
    memory_t before = memory_of(getpid());
    say_endpoint(child.out, endpoint);
    double start = now();
    for (long i = 0; i < options->peers; i++)
        require(zmq_recv(socket, topic, sizeof topic, 0) > 1, "zmq_recv");
    double taken = now() - start;
    memory_t with = memory_of(getpid());
    for (long i = 0; i < options->count; i++) {
        topic_of((long)(((uint64_t)i * 7919) % (uint64_t)options->peers), topic);
        require(zmq_send(socket, topic, strlen(topic), 0) >= 0, "zmq_send");
    }
    double seconds = hear_double(child.in);
    printf("bytes_per_subscription=%.1f matches_per_s=%.0f subscriptions_per_s=%.0f\n",
           (with.pss - before.pss) / (double)options->peers, (double)(options->count - 1) / seconds,
           (double)options->peers / taken);
    fflush(stdout);
    finish_child(&child);
    zmq_close(socket);
    zmq_ctx_term(context);
    remove_endpoint(endpoint);
}

/* ---- connections: handshake and one message each ----------------------------------------------------------------- */

void bench_connections(const options_t *options)
{
    need_files(options->peers + 200);
    child_t child = start_child(connecting_process, options);
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, ZMQ_PULL, 0);
    char endpoint[ENDPOINT_MAX], buffer[16];
    bind_fresh(socket, "tcp", endpoint);
    double cpu = -cpu_seconds(), start = now();
    say_endpoint(child.out, endpoint);
    for (long i = 0; i < options->peers; i++)
        require(zmq_recv(socket, buffer, sizeof buffer, 0) == 5, "zmq_recv");
    double seconds = now() - start;
    cpu += cpu_seconds();
    end_connections(&child, options, seconds, cpu);
    zmq_close(socket);
    zmq_ctx_term(context);
}

/* ---- zmq_poll over many sockets, the last one ready ---------------------------------------------------------------- */

void bench_poll(const options_t *options)
{
    need_files(2 * options->peers + 200);
    void *context = zmq_ctx_new();
    require(zmq_ctx_set(context, ZMQ_MAX_SOCKETS, (int)options->peers + 10) == 0, "ZMQ_MAX_SOCKETS");
    zmq_pollitem_t *items = calloc((size_t)options->peers, sizeof *items);
    char endpoint[ENDPOINT_MAX], buffer[8] = "";
    for (long i = 0; i < options->peers; i++) {
        items[i].socket = new_socket(context, ZMQ_PULL, 0);
        items[i].events = ZMQ_POLLIN;
        bind_fresh(items[i].socket, "inproc", endpoint);
    }
    void *sender = new_socket(context, ZMQ_PUSH, 0);
    require(zmq_connect(sender, endpoint) == 0, "zmq_connect");
    double seconds = 0;
    for (long i = 0; i < options->count; i++) {
        require(zmq_send(sender, "x", 1, 0) == 1, "zmq_send");
        double start = now();
        int ready = zmq_poll(items, (int)options->peers, -1);
        seconds += now() - start;
        if (ready != 1 || !items[options->peers - 1].revents)
            fail("zmq_poll found %d sockets ready", ready);
        require(zmq_recv(items[options->peers - 1].socket, buffer, sizeof buffer, 0) == 1, "zmq_recv");
    }
    printf("us_per_poll=%.3f\n", seconds / (double)options->count * 1e6);
    for (long i = 0; i < options->peers; i++)
        zmq_close(items[i].socket);
    zmq_close(sender);
    zmq_ctx_term(context);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

void bench_setup(const options_t *options)
{
    double cpu = -cpu_seconds(), start = now();
    for (long i = 0; i < options->count; i++) {
        void *context = zmq_ctx_new();
        require(context != NULL, "zmq_ctx_new");
        void *socket = new_socket(context, ZMQ_PUSH, 0);
        if (strcmp(options->pattern, "pair") == 0) {
            char endpoint[ENDPOINT_MAX], buffer[8];
            void *other = new_socket(context, ZMQ_PULL, 0);
            bind_fresh(other, options->transport, endpoint);
            require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
            require(zmq_send(socket, "x", 1, 0) == 1, "zmq_send");
            require(zmq_recv(other, buffer, sizeof buffer, 0) == 1, "zmq_recv");
            zmq_close(other);
            remove_endpoint(endpoint);
        }
        require(zmq_close(socket) == 0, "zmq_close");
        require(zmq_ctx_term(context) == 0, "zmq_ctx_term");
    }
    double seconds = now() - start;
    cpu += cpu_seconds();
    printf("setups_per_s=%.1f cpu_s_per_million=%.2f\n", (double)options->count / seconds, cpu / (double)options->count * 1e6);
}
