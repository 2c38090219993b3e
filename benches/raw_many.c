/*
 * The limits the kernel sets where a message passes more than one connection: one writer and many sockets, and a process that
 * stands between two others. Beside `fanout` and `proxy`, with as many processes and the same clocks. The messages are ZMTP frames
 * on plain tcp sockets, about 60 KiB of them in one write; who reads counts the bytes and looks for no frames.
 */
#define _GNU_SOURCE
#include "common.h"
#include "raw_peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of a write, about, and of a read, at most. */
enum { CHUNK = 60 * 1024, READ_MAX = 128 * 1024 };

/* Writes so many messages as frames, one after the other; returns the bytes they take. */
static size_t encode(char *chunk, const char *body, size_t size, long messages)
{
    size_t head = frame_size(size) - size;
    char *at = chunk;
    for (; messages > 0; messages--) {
        *at++ = head > 2 ? 2 : 0;
        for (size_t i = 1; i < head; i++)
            *at++ = (char)((uint64_t)size >> 8 * (head - 1 - i));
        memcpy(at, body, size);
        at += size;
    }
    return (size_t)(at - chunk);
}

static size_t total_size(const options_t *options)
{
    return frame_size(options->size) * (size_t)options->count;
}

/* All messages to each of the sockets. */
static void publish(const int *fds, long peers, const options_t *options)
{
    size_t frame = frame_size(options->size);
    long batch = frame < CHUNK ? (long)(CHUNK / frame) : 1;
    char *body = calloc(1, options->size + 1), *chunk = malloc((size_t)batch * frame);
    for (long left = options->count; left > 0; left -= batch) {
        size_t size = encode(chunk, body, options->size, left < batch ? left : batch);
        for (long i = 0; i < peers; i++)
            transmit(fds[i], chunk, size);
    }
    free(body);
    free(chunk);
}

/* One read of what is there, of the bytes still to come. */
static size_t read_some(int fd, char *buffer, size_t *left)
{
    ssize_t got;
    do
        got = recv(fd, buffer, READ_MAX, 0);
    while (got < 0 && errno == EINTR);
    require_system(got >= 0, "recv");
    if (got == 0)
        fail("a connection ended with %zu bytes to come", *left);
    if ((size_t)got > *left)
        fail("%zd bytes came where %zu were due", got, *left);
    *left -= (size_t)got;
    return (size_t)got;
}

/* ---- fan-out ----------------------------------------------------------------------------------------------------- */

typedef struct {
    int fd;
    size_t left;
} reader_t;

static void readers_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    char *buffer = malloc(READ_MAX);
    reader_t *readers = calloc((size_t)options->peers, sizeof *readers);
    int epoll = epoll_create1(0);
    require_system(epoll >= 0, "epoll_create1");
    for (long i = 0; i < options->peers; i++) {
        readers[i] = (reader_t){.fd = connect_silent(endpoint), .left = total_size(options)};
        watch(epoll, readers[i].fd, &readers[i]);
    }
    double start = 0;
    struct epoll_event events[EVENTS_MAX];
    for (long remaining = options->peers; remaining > 0;) {
        int ready = wait_for(epoll, events);
        if (start == 0)
            start = now();
        for (int i = 0; i < ready; i++) {
            reader_t *reader = events[i].data.ptr;
            read_some(reader->fd, buffer, &reader->left);
            if (reader->left > 0)
                continue;
            close(reader->fd);
            remaining--;
        }
    }
    say_double(out, now() - start);
    say_double(out, cpu_seconds());
}

void raw_fanout(const options_t *options)
{
    if (options->count < 1 || options->peers < 1)
        fail("--count and --peers must be at least 1");
    need_files(options->peers + 200);
    child_t child = start_child(readers_process, options);
    char endpoint[ENDPOINT_MAX];
    int listener = listen_raw(endpoint, 0);
    say_endpoint(child.out, endpoint);
    int *fds = calloc((size_t)options->peers, sizeof *fds);
    for (long i = 0; i < options->peers; i++)
        fds[i] = accept_raw(listener);
    double cpu = -cpu_seconds();
    publish(fds, options->peers, options);
    for (long i = 0; i < options->peers; i++)
        close(fds[i]);
    double seconds = hear_double(child.in);
    cpu += cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    double deliveries = (double)options->count * (double)options->peers;
    print_rate(deliveries, options->size, seconds, cpu, deliveries);
}

/* ---- proxy ------------------------------------------------------------------------------------------------------- */

static int router(const options_t *options)
{
    return strcmp(options->pattern, "router") == 0;
}

static void pass_on(int from, int to, char *buffer, size_t *left)
{
    transmit(to, buffer, read_some(from, buffer, left));
}

static void proxy_process(const options_t *options, int in, int out)
{
    (void)in;
    char front_endpoint[ENDPOINT_MAX], back_endpoint[ENDPOINT_MAX], *buffer = malloc(READ_MAX);
    int front_listener = listen_raw(front_endpoint, 0), back_listener = listen_raw(back_endpoint, 0);
    say_endpoint(out, front_endpoint);
    say_endpoint(out, back_endpoint);
    int front = accept_raw(front_listener), back = accept_raw(back_listener);
    size_t requests = total_size(options), replies = router(options) ? requests : 0;
    while (replies > 0) {
        struct pollfd entries[] = {{.fd = front, .events = POLLIN}, {.fd = back, .events = POLLIN}};
        /* The front has no more to say, and may be gone, once all requests are here. */
        if (requests == 0)
            entries[0].fd = -1;
        require_system(poll(entries, 2, -1) > 0 || errno == EINTR, "poll");
        if (entries[0].revents)
            pass_on(front, back, buffer, &requests);
        if (entries[1].revents)
            pass_on(back, front, buffer, &replies);
    }
    while (requests > 0)
        pass_on(front, back, buffer, &requests);
    say_double(out, cpu_seconds());
}

/* Asks, and returns the answers a second from the first read on. */
static double ask(int fd, const options_t *options)
{
    size_t frame = frame_size(options->size), left = total_size(options), timed = 0;
    char *body = calloc(1, options->size + 1), *chunk = malloc(PROXY_WINDOW * frame), *buffer = malloc(READ_MAX);
    double start = 0;
    for (long sent = 0; left > 0;) {
        long answered = options->count - (long)((left + frame - 1) / frame);
        long allowed = answered + PROXY_WINDOW < options->count ? answered + PROXY_WINDOW : options->count;
        transmit(fd, chunk, encode(chunk, body, options->size, allowed - sent));
        sent = allowed;
        read_some(fd, buffer, &left);
        if (start == 0) {
            start = now();
            timed = left;
        }
    }
    return (double)timed / (double)frame / (now() - start);
}

static void front_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    int fd = connect_silent(endpoint);
    no_delay(fd);
    double rate = 0;
    if (router(options))
        rate = ask(fd, options);
    else
        publish(&fd, 1, options);
    say_double(out, rate);
    say_double(out, cpu_seconds());
}

/* This process stands behind the proxy: counts, or echoes. */
void raw_proxy(const options_t *options)
{
    if (options->count < 1)
        fail("--count must be at least 1");
    /* The window has to fit into the buffers of the sockets, or all three could be writing. */
    if (router(options) && PROXY_WINDOW * frame_size(options->size) > READ_MAX)
        fail("--size is too large for a window of %d requests", PROXY_WINDOW);
    child_t proxy = start_child(proxy_process, options);
    child_t front = start_child(front_process, options);
    char front_endpoint[ENDPOINT_MAX], back_endpoint[ENDPOINT_MAX], *buffer = malloc(READ_MAX);
    hear_endpoint(proxy.in, front_endpoint);
    hear_endpoint(proxy.in, back_endpoint);
    double cpu = -cpu_seconds(), rate;
    int fd = connect_silent(back_endpoint);
    no_delay(fd);
    say_endpoint(front.out, front_endpoint);
    size_t left = total_size(options);
    if (router(options)) {
        while (left > 0)
            pass_on(fd, fd, buffer, &left);
        rate = hear_double(front.in);
    } else {
        read_some(fd, buffer, &left);
        double start = now(), timed = (double)left;
        while (left > 0)
            read_some(fd, buffer, &left);
        rate = timed / (double)frame_size(options->size) / (now() - start);
        hear_double(front.in);
    }
    cpu += hear_double(front.in);
    finish_child(&front);
    cpu += hear_double(proxy.in);
    finish_child(&proxy);
    cpu += cpu_seconds();
    printf("msgs_per_s=%.0f cpu_s_per_million=%.4f\n", rate, cpu / (double)options->count * 1e6);
}
