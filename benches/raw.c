/*
 * The limits the kernel sets, without any library: a ping-pong over one connected socket, blocking, able to be woken or
 * spinning, a stream of plain writes, many clients of one server, connections in a row. Same processes, same clocks as the
 * benchmarks they stand beside. See raw_many.c for messages that go to many, or through a process.
 */
#define _GNU_SOURCE
#include "common.h"
#include "raw_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connected pair for two processes: tcp over 127.0.0.1, or unix stream sockets. */
static void connected_pair(const char *transport, int pair[2])
{
    if (strcmp(transport, "ipc") == 0) {
        require_system(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
        return;
    }
    char endpoint[ENDPOINT_MAX];
    int listener = listen_raw(endpoint, 0);
    pair[0] = connect_silent(endpoint);
    pair[1] = accept_raw(listener);
    close(listener);
    no_delay(pair[0]);
}

static int sockets[2];

/* With --pattern woken: waits as whoever can be woken by another thread has to, in ppoll, for a descriptor of its own, too. */
static void await_input(int fd)
{
    static int wake = -1;
    if (wake < 0)
        wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct pollfd entries[] = {{.fd = wake, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    require_system(ppoll(entries, 2, NULL, NULL) > 0 || errno == EINTR, "ppoll");
}

static void receive(int fd, char *data, size_t size, const options_t *options)
{
    int woken = options->pattern && strcmp(options->pattern, "woken") == 0;
    for (size_t at = 0; at < size;) {
        if (woken)
            await_input(fd);
        ssize_t got = recv(fd, data + at, size - at, options->spin || woken ? MSG_DONTWAIT : 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        require_system(got > 0, "recv");
        at += (size_t)got;
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
        receive(sockets[1], buffer, options->size, options);
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
        receive(sockets[0], buffer, options->size, options);
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
    print_rate(bytes / (double)options->size, options->size, seconds, cpu, (double)options->count);
}

/* ---- an epoll server: the processes of `clients` and `connections` ------------------------------------------------- */

static void raw_clients_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX];
    hear_endpoint(in, endpoint);
    size_t size = frame_size(options->size);
    int *fds = calloc((size_t)options->peers, sizeof *fds);
    char *buffer = calloc(1, size);
    for (long i = 0; i < options->peers; i++) {
        fds[i] = connect_silent(endpoint);
        no_delay(fds[i]);
    }
    double start = 0;
    /* The first round makes sure that all are accepted. */
    for (long round = 0; round <= options->count; round++) {
        for (long i = 0; i < options->peers; i++)
            transmit(fds[i], buffer, size);
        for (long i = 0; i < options->peers; i++)
            receive(fds[i], buffer, size, options);
        if (round == 0)
            start = now();
    }
    say_double(out, now() - start);
    for (long i = 0; i < options->peers; i++)
        close(fds[i]);
    say_double(out, cpu_seconds());
}

void raw_clients(const options_t *options)
{
    need_files(options->peers + 200);
    child_t child = start_child(raw_clients_process, options);
    char endpoint[ENDPOINT_MAX];
    int listener = listen_raw(endpoint, 0), epoll = epoll_create1(0);
    require_system(epoll >= 0, "epoll_create1");
    say_endpoint(child.out, endpoint);
    double cpu = -cpu_seconds();
    size_t size = frame_size(options->size);
    char *buffer = malloc(size);
    int *fds = calloc((size_t)options->peers, sizeof *fds);
    for (long i = 0; i < options->peers; i++) {
        fds[i] = accept_raw(listener);
        watch(epoll, fds[i], &fds[i]);
    }
    struct epoll_event events[EVENTS_MAX];
    for (size_t left = (size_t)(options->count + 1) * (size_t)options->peers * size; left > 0;) {
        int ready = wait_for(epoll, events);
        for (int i = 0; i < ready; i++) {
            int fd = *(int *)events[i].data.ptr;
            /* A piece of a request is answered with a piece. */
            ssize_t got = recv(fd, buffer, size, 0);
            require_system(got > 0, "recv");
            transmit(fd, buffer, (size_t)got);
            left -= (size_t)got;
        }
    }
    double seconds = hear_double(child.in);
    cpu += cpu_seconds() + hear_double(child.in);
    finish_child(&child);
    double requests = (double)options->count * (double)options->peers;
    printf("requests_per_s=%.0f cpu_s_per_million=%.4f\n", requests / seconds, cpu / requests * 1e6);
}

typedef struct {
    int fd;
    size_t got; /* bytes so far */
} accepted_t;

/* One read, and whatever answer is due: greeting and READY in one write, once the peer's greeting is there to the end. Returns
 * whether the message is there. A server for peers that send the rest of their greeting only after ours has begun, as libzmq
 * does, would need a second write. */
static int read_once(accepted_t *peer, const handshake_t *answer, size_t needed)
{
    static const size_t GREETING = 64;
    char buffer[512];
    ssize_t got = recv(peer->fd, buffer, sizeof buffer, 0);
    require_system(got > 0, "recv");
    size_t before = peer->got;
    peer->got += (size_t)got;
    if (before < GREETING && peer->got >= GREETING)
        require_system(send(peer->fd, answer->bytes, answer->size, MSG_NOSIGNAL) == (ssize_t)answer->size, "send");
    return peer->got == needed;
}

void raw_connections(const options_t *options)
{
    need_files(options->peers + 200);
    child_t child = start_child(connecting_process, options);
    char endpoint[ENDPOINT_MAX];
    int listener = listen_raw(endpoint, SOCK_NONBLOCK), epoll = epoll_create1(0);
    require_system(epoll >= 0, "epoll_create1");
    watch(epoll, listener, NULL);
    handshake_t answer = handshake_of("PULL");
    size_t needed = handshake_of("PUSH").size + HELLO_SIZE;
    accepted_t *peers = calloc((size_t)options->peers, sizeof *peers);
    struct epoll_event events[EVENTS_MAX];
    double cpu = -cpu_seconds(), start = now();
    say_endpoint(child.out, endpoint);
    for (long accepted = 0, done = 0; done < options->peers;) {
        int ready = wait_for(epoll, events);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr) {
                done += read_once(events[i].data.ptr, &answer, needed);
                continue;
            }
            /* One at a time: no accept that finds nothing. */
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (fd < 0 && errno == EAGAIN)
                continue;
            require_system(fd >= 0, "accept4");
            accepted_t *peer = &peers[accepted++];
            peer->fd = fd;
            no_delay(peer->fd);
            watch(epoll, peer->fd, peer);
        }
    }
    double seconds = now() - start;
    cpu += cpu_seconds();
    end_connections(&child, options, seconds, cpu);
}
