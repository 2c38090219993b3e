/*
 * What an idle connection costs the process that is bound, and what comes back when the peers have left.
 *
 * Three processes. The bound one owns one ROUTER (or PULL) and sleeps; a second one holds the peers, plain tcp sockets; this one
 * reads /proc of the bound one from outside. While peers connect the bound process waits in zmq_poll, as a program would. Before
 * they leave it goes over to poll() on a pipe alone, so that whatever it gives back it gives back without being called.
 */
#define _GNU_SOURCE
#include "common.h"
#include "raw_peer.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Memory counts as settled when it has not moved by more than this in SETTLED_FOR samples. */
#define SETTLED_BYTES 65536
#define SETTLED_FOR 10
#define SAMPLE_NS 50000000u
/* Seconds to wait for it at most. */
#define SETTLE_LIMIT 6
/* Seconds over which the processor time of the idle process is taken. */
#define IDLE_SECONDS 1

static int pull(const options_t *options)
{
    return strcmp(options->pattern, "pull") == 0;
}

static void bound_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX], command;
    void *context = zmq_ctx_new();
    void *socket = new_socket(context, pull(options) ? ZMQ_PULL : ZMQ_ROUTER, 0);
    bind_fresh(socket, "tcp", endpoint);
    say_endpoint(out, endpoint);

    zmq_pollitem_t items[] = {{.socket = socket, .events = ZMQ_POLLIN}, {.fd = in, .events = ZMQ_POLLIN}};
    do {
        require(zmq_poll(items, 2, -1) >= 0, "zmq_poll");
        if (items[0].revents)
            fail("a message from a peer that sent none");
    } while (!items[1].revents);

    for (;;) {
        struct pollfd sleeping = {.fd = in, .events = POLLIN};
        require_system(poll(&sleeping, 1, -1) >= 0, "poll");
        hear(in, &command, 1);
        if (command == 'q')
            break;
        int events;
        size_t size = sizeof events;
        require(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0, "ZMQ_EVENTS");
        say(out, &command, 1);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void peers_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX], command = 0;
    hear_endpoint(in, endpoint);
    int *fds = calloc((size_t)options->peers, sizeof *fds);
    handshake_t handshake = handshake_of(pull(options) ? "PUSH" : "DEALER");
    for (long i = 0; i < options->peers; i++) {
        fds[i] = connect_raw(endpoint, handshake.bytes, handshake.size);
        finish_handshake(fds[i]);
    }
    say(out, &command, 1);
    hear(in, &command, 1);
    for (long i = 0; i < options->peers; i++)
        close(fds[i]);
}

static long open_files(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    require_system(directory != NULL, path);
    long count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static memory_t settled_memory(pid_t pid)
{
    memory_t last = memory_of(pid);
    int still = 0;
    double limit = now() + SETTLE_LIMIT;
    while (still < SETTLED_FOR && now() < limit) {
        pace_until(now_ns() + SAMPLE_NS);
        memory_t next = memory_of(pid);
        double change = next.pss > last.pss ? next.pss - last.pss : last.pss - next.pss;
        still = change <= SETTLED_BYTES ? still + 1 : 0;
        if (still == 0)
            last = next;
    }
    return memory_of(pid);
}

static double process_seconds(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    require_system(file != NULL, path);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    long user = 0, system = 0;
    char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) != 2)
        fail("%s: not understood", path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

void bench_memory(const options_t *options)
{
    need_files(options->peers + 200);
    char endpoint[ENDPOINT_MAX], command = 'e';
    child_t bound = start_child(bound_process, options);
    hear_endpoint(bound.in, endpoint);
    child_t peers = start_child(peers_process, options);
    memory_t before = settled_memory(bound.pid);
    long files_before = open_files(bound.pid);

    double start = now();
    say_endpoint(peers.out, endpoint);
    hear(peers.in, &command, 1);
    double seconds = now() - start;
    if (open_files(bound.pid) < files_before + options->peers)
        fail("not all peers are connected");
    command = 'e';
    say(bound.out, &command, 1);
    hear(bound.in, &command, 1);
    memory_t with = settled_memory(bound.pid);
    double idle = -process_seconds(bound.pid);
    pace_until(now_ns() + IDLE_SECONDS * 1000000000u);
    idle += process_seconds(bound.pid);

    /* From here on the bound process sleeps in poll(). */
    say(peers.out, &command, 1);
    finish_child(&peers);
    double limit = now() + SETTLE_LIMIT;
    while (open_files(bound.pid) > files_before && now() < limit)
        pace_until(now_ns() + SAMPLE_NS);
    memory_t after = settled_memory(bound.pid);
    long files_left = open_files(bound.pid) - files_before;

    say(bound.out, &command, 1);
    hear(bound.in, &command, 1);
    memory_t called = settled_memory(bound.pid);

    double growth = with.pss - before.pss;
    printf("bytes_per_peer=%.0f rss_per_peer=%.0f given_back=%.3f given_back_after_call=%.3f files_left=%ld "
           "idle_cpu_ms_per_s=%.1f handshakes_per_s=%.0f\n",
           growth / (double)options->peers, (with.rss - before.rss) / (double)options->peers, (with.pss - after.pss) / growth,
           (with.pss - called.pss) / growth, files_left, idle / IDLE_SECONDS * 1000, (double)options->peers / seconds);
    fflush(stdout);
    command = 'q';
    say(bound.out, &command, 1);
    finish_child(&bound);
}
