/*
 * What all benchmarks share: the clock, the processor time, the second process and the pipes to it, percentiles.
 *
 * A benchmark prints one line of name=value pairs on stdout. Whatever goes wrong ends the process with status 1 and a reason on
 * stderr; nothing is ever measured after an error.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <zmq.h>

#define ENDPOINT_MAX 256
/* Requests on the way through a proxy. */
#define PROXY_WINDOW 500

/* The options of all benchmarks; each reads those it knows. */
typedef struct {
    const char *transport; /* tcp, ipc or inproc */
    const char *pattern;   /* the socket types, where there is a choice */
    size_t size;           /* bytes of a message or of a write */
    long count;            /* messages, round trips, or peers */
    long peers;
    long pace; /* microseconds from one round trip to the next; 0: back to back */
    int spin;  /* raw sockets: never block */
    int curve; /* encrypted */
    int copy;  /* zmq_send and zmq_recv with a buffer, not zmq_msg_t */
} options_t;

void bench_throughput(const options_t *options);
void bench_latency(const options_t *options);
void bench_fanout(const options_t *options);
void bench_clients(const options_t *options);
void bench_memory(const options_t *options);
void bench_subscriptions(const options_t *options);
void bench_setup(const options_t *options);
void bench_connections(const options_t *options);
void bench_poll(const options_t *options);
void bench_proxy(const options_t *options);
void raw_pingpong(const options_t *options);
void raw_stream(const options_t *options);
void raw_queue(const options_t *options);
void raw_clients(const options_t *options);
void raw_connections(const options_t *options);
void raw_fanout(const options_t *options);
void raw_proxy(const options_t *options);

void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void require(int ok, const char *what);        /* fail with the text of zmq_errno() */
void require_system(int ok, const char *what); /* fail with the text of errno */

double now(void);          /* seconds, monotonic */
uint64_t now_ns(void);     /* the same in nanoseconds */
double cpu_seconds(void);  /* user and system time of this process so far */
void pace_until(uint64_t); /* sleep until that time of now_ns() */

/* A second process, made by fork before any context exists. It dies with this one. */
typedef struct {
    pid_t pid;
    int in;  /* what it says */
    int out; /* what it hears */
} child_t;

child_t start_child(void (*run)(const options_t *options, int in, int out), const options_t *options);
void finish_child(child_t *child);

void say(int fd, const void *data, size_t size);
void hear(int fd, void *data, size_t size);
void say_double(int fd, double value);
double hear_double(int fd);
void say_endpoint(int fd, const char *endpoint);
void hear_endpoint(int fd, char endpoint[ENDPOINT_MAX]);

/* A socket with the options a benchmark wants: no limit on the queues if `unlimited`. */
void *new_socket(void *context, int type, int unlimited);
/* Bind to a fresh endpoint of the transport and store its name. */
void bind_fresh(void *socket, const char *transport, char endpoint[ENDPOINT_MAX]);
/* Remove what bind_fresh left in the file system. */
void remove_endpoint(const char *endpoint);

/* Prints the rate of messages of that size, and the processor seconds spent on `cpu_messages` of them. */
void print_rate(double messages, size_t size, double seconds, double cpu, double cpu_messages);

/* Prints p50, p99 and mean of `count` round trips in nanoseconds as one-way microseconds. Sorts them. */
void print_one_way(uint64_t *round_trips, long count);

/* /proc/PID/smaps_rollup in bytes. */
typedef struct {
    double rss, pss;
} memory_t;
memory_t memory_of(pid_t pid);

/* The file loaded as libzmq, or "none". */
const char *loaded_library(void);

#endif
