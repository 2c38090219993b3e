/*
 * Latency: one message at a time to and fro, REQ/REP or PAIR/PAIR, between two processes (inproc: two threads) with nothing
 * pinned. Half of a round trip counts as one way. Back to back, or one round trip every --pace microseconds.
 */
#define _GNU_SOURCE
#include "common.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Round trips before the measured ones: at most these, and at most a tenth. */
#define WARM_UP 1000

static long warm_up(const options_t *options)
{
    return options->count / 10 < WARM_UP ? options->count / 10 : WARM_UP;
}

static void answer(void *socket, const options_t *options)
{
    char *buffer = malloc(options->size + 1);
    for (long i = 0; i < options->count + warm_up(options); i++) {
        int size = zmq_recv(socket, buffer, options->size + 1, 0);
        require(size == (int)options->size, "zmq_recv");
        require(zmq_send(socket, buffer, (size_t)size, 0) == size, "zmq_send");
    }
    free(buffer);
}

/* The round trips in nanoseconds. */
static uint64_t *ask(void *socket, const options_t *options)
{
    char *buffer = calloc(1, options->size + 1);
    uint64_t *round_trips = calloc((size_t)options->count, sizeof *round_trips);
    uint64_t due = now_ns();
    for (long i = -warm_up(options); i < options->count; i++) {
        if (options->pace > 0)
            pace_until(due += (uint64_t)options->pace * 1000);
        uint64_t start = now_ns();
        require(zmq_send(socket, buffer, options->size, 0) >= 0, "zmq_send");
        require(zmq_recv(socket, buffer, options->size + 1, 0) == (int)options->size, "zmq_recv");
        if (i >= 0)
            round_trips[i] = now_ns() - start;
    }
    free(buffer);
    return round_trips;
}

static int type_of(const options_t *options, int asking)
{
    if (strcmp(options->pattern, "pair") == 0)
        return ZMQ_PAIR;
    return asking ? ZMQ_REQ : ZMQ_REP;
}

static void answer_process(const options_t *options, int in, int out)
{
    (void)in;
    char endpoint[ENDPOINT_MAX];
    void *context = zmq_ctx_new();
    void *socket = new_socket(context, type_of(options, 0), 0);
    bind_fresh(socket, options->transport, endpoint);
    say_endpoint(out, endpoint);
    answer(socket, options);
    zmq_close(socket);
    zmq_ctx_term(context);
    remove_endpoint(endpoint);
    say_double(out, cpu_seconds());
}

typedef struct {
    void *socket;
    const options_t *options;
} answerer_t;

static void *answer_thread(void *argument)
{
    answerer_t *answerer = argument;
    answer(answerer->socket, answerer->options);
    return NULL;
}

void bench_latency(const options_t *options)
{
    int inproc = strcmp(options->transport, "inproc") == 0;
    char endpoint[ENDPOINT_MAX];
    child_t child = {0};
    pthread_t thread;
    answerer_t answerer = {.options = options};
    if (!inproc)
        child = start_child(answer_process, options);
    double cpu = -cpu_seconds();
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    void *socket = new_socket(context, type_of(options, 1), 0);
    if (inproc) {
        answerer.socket = new_socket(context, type_of(options, 0), 0);
        bind_fresh(answerer.socket, options->transport, endpoint);
        require_system(pthread_create(&thread, NULL, answer_thread, &answerer) == 0, "pthread_create");
    } else {
        hear_endpoint(child.in, endpoint);
    }
    require(zmq_connect(socket, endpoint) == 0, "zmq_connect");
    uint64_t *round_trips = ask(socket, options);
    zmq_close(socket);
    if (inproc) {
        pthread_join(thread, NULL);
        zmq_close(answerer.socket);
    }
    zmq_ctx_term(context);
    cpu += cpu_seconds();
    if (!inproc) {
        cpu += hear_double(child.in);
        finish_child(&child);
    }
    /* Two messages a round trip. */
    printf("cpu_s_per_million=%.4f", cpu / (2.0 * (double)(options->count + warm_up(options))) * 1e6);
    print_one_way(round_trips, options->count);
    putchar('\n');
    free(round_trips);
}
