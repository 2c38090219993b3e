/*
 * The limits the kernel sets, without any library: a ping-pong over one connected socket, blocking or spinning, and a stream of
 * plain writes. Same processes, same clocks as the benchmarks they stand beside.
 */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connected pair for two processes: tcp over 127.0.0.1, or unix stream sockets. */
static void connected_pair(const char *transport, int pair[2])
{
    if (strcmp(transport, "ipc") == 0) {
        require_system(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
        return;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    require_system(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    require_system(listen(listener, 1) == 0, "listen");
    require_system(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    require_system(connect(pair[0], (struct sockaddr *)&address, length) == 0, "connect");
    pair[1] = accept(listener, NULL, NULL);
    require_system(pair[1] >= 0, "accept");
    close(listener);
    int one = 1;
    for (int i = 0; i < 2; i++)
        require_system(setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
}

static int sockets[2];

static void receive(int fd, char *data, size_t size, int spin)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = recv(fd, data + at, size - at, spin ? MSG_DONTWAIT : 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        require_system(got > 0, "recv");
        at += (size_t)got;
    }
}

static void transmit(int fd, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put = send(fd, data + at, size - at, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        require_system(put > 0, "send");
        at += (size_t)put;
    }
}

static long warm_up(const options_t *options)
{
    return options->count / 10;
}

static void answer_process(const options_t *options, int in, int out)
{
    (void)in;
    close(sockets[0]);
    char *buffer = malloc(options->size);
    for (long i = 0; i < options->count + warm_up(options); i++) {
        receive(sockets[1], buffer, options->size, options->spin);
        transmit(sockets[1], buffer, options->size);
    }
    say_double(out, cpu_seconds());
}

void raw_pingpong(const options_t *options)
{
    if (options->size < 1)
        fail("--size must be at least 1");
    connected_pair(options->transport, sockets);
    child_t child = start_child(answer_process, options);
    close(sockets[1]);
    char *buffer = calloc(1, options->size);
    uint64_t *round_trips = calloc((size_t)options->count, sizeof *round_trips);
    uint64_t due = now_ns();
    for (long i = -warm_up(options); i < options->count; i++) {
        if (options->pace > 0)
            pace_until(due += (uint64_t)options->pace * 1000);
        uint64_t start = now_ns();
        transmit(sockets[0], buffer, options->size);
        receive(sockets[0], buffer, options->size, options->spin);
        if (i >= 0)
            round_trips[i] = now_ns() - start;
    }
    double cpu = cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    printf("cpu_s_per_million=%.4f", cpu / (2.0 * (double)(options->count + warm_up(options))) * 1e6);
    print_one_way(round_trips, options->count);
    putchar('\n');
}

static void write_process(const options_t *options, int in, int out)
{
    (void)in;
    close(sockets[0]);
    char *buffer = calloc(1, options->size);
    for (long i = 0; i < options->count; i++)
        transmit(sockets[1], buffer, options->size);
    say_double(out, cpu_seconds());
}

void raw_stream(const options_t *options)
{
    if (options->size < 1)
        fail("--size must be at least 1");
    connected_pair(options->transport, sockets);
    child_t child = start_child(write_process, options);
    close(sockets[1]);
    char *buffer = malloc(options->size);
    double start = 0, bytes = 0;
    double total = (double)options->size * (double)options->count;
    for (double got = 0; got < total;) {
        ssize_t size = recv(sockets[0], buffer, options->size, 0);
        if (size < 0 && errno == EINTR)
            continue;
        require_system(size > 0, "recv");
        got += (double)size;
        if (start == 0)
            start = now();
        else
            bytes += (double)size;
    }
    double seconds = now() - start;
    double cpu = cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    printf("msgs_per_s=%.0f mb_per_s=%.2f seconds=%.4f cpu_s_per_million=%.4f\n", bytes / (double)options->size / seconds,
           bytes / seconds / 1e6, seconds, cpu / (double)options->count * 1e6);
}
