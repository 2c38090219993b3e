#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Seconds after which a process of a benchmark ends itself, whatever it waits for. */
#define PROCESS_LIMIT 110

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "zbench: ");
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1);
}

void require(int ok, const char *what)
{
    if (!ok)
        fail("%s: %s", what, zmq_strerror(zmq_errno()));
}

void require_system(int ok, const char *what)
{
    if (!ok)
        fail("%s: %s", what, strerror(errno));
}

uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double now(void)
{
    return (double)now_ns() * 1e-9;
}

void pace_until(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
}

double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

child_t start_child(void (*run)(const options_t *options, int in, int out), const options_t *options)
{
    int to_child[2], from_child[2];
    require_system(pipe(to_child) == 0 && pipe(from_child) == 0, "pipe");
    fflush(stdout);
    pid_t parent = getpid();
    pid_t pid = fork();
    require_system(pid >= 0, "fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        alarm(PROCESS_LIMIT); /* not inherited over fork */
        close(to_child[1]);
        close(from_child[0]);
        run(options, to_child[0], from_child[1]);
        _exit(0);
    }
    alarm(PROCESS_LIMIT);
    close(to_child[0]);
    close(from_child[1]);
    return (child_t){.pid = pid, .in = from_child[0], .out = to_child[1]};
}

void finish_child(child_t *child)
{
    int status = 0;
    close(child->out);
    require_system(waitpid(child->pid, &status, 0) == child->pid, "waitpid");
    close(child->in);
    if (status != 0)
        fail("the second process failed (status %d)", status);
}

void say(int fd, const void *data, size_t size)
{
    require_system(write(fd, data, size) == (ssize_t)size, "write to the other process");
}

void hear(int fd, void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, (char *)data + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fail("the other process is gone");
        at += (size_t)got;
    }
}

void say_double(int fd, double value)
{
    say(fd, &value, sizeof value);
}

double hear_double(int fd)
{
    double value;
    hear(fd, &value, sizeof value);
    return value;
}

void say_endpoint(int fd, const char *endpoint)
{
    char text[ENDPOINT_MAX] = "";
    snprintf(text, sizeof text, "%s", endpoint);
    say(fd, text, sizeof text);
}

void hear_endpoint(int fd, char endpoint[ENDPOINT_MAX])
{
    hear(fd, endpoint, ENDPOINT_MAX);
}

void *new_socket(void *context, int type, int unlimited)
{
    void *socket = zmq_socket(context, type);
    require(socket != NULL, "zmq_socket");
    if (unlimited) {
        int zero = 0;
        require(zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero) == 0, "ZMQ_SNDHWM");
        require(zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero) == 0, "ZMQ_RCVHWM");
    }
    return socket;
}

void bind_fresh(void *socket, const char *transport, char endpoint[ENDPOINT_MAX])
{
    static int serial;
    if (strcmp(transport, "tcp") == 0) {
        snprintf(endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:*");
    } else if (strcmp(transport, "ipc") == 0) {
        const char *directory = getenv("TMPDIR");
        snprintf(endpoint, ENDPOINT_MAX, "ipc://%s/zbench-%d-%d", directory ? directory : "/tmp", (int)getpid(), serial++);
    } else if (strcmp(transport, "inproc") == 0) {
        snprintf(endpoint, ENDPOINT_MAX, "inproc://zbench-%d", serial++);
    } else {
        fail("no such transport: %s", transport);
    }
    if (zmq_bind(socket, endpoint) != 0)
        fail("bind %s: %s", endpoint, zmq_strerror(zmq_errno()));
    size_t size = ENDPOINT_MAX;
    require(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
}

void remove_endpoint(const char *endpoint)
{
    if (strncmp(endpoint, "ipc://", 6) == 0)
        unlink(endpoint + 6);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void print_one_way(uint64_t *round_trips, long count)
{
    double sum = 0;
    for (long i = 0; i < count; i++)
        sum += (double)round_trips[i];
    qsort(round_trips, (size_t)count, sizeof *round_trips, compare);
    printf(" p50_us=%.3f p99_us=%.3f mean_us=%.3f", (double)round_trips[count / 2] / 2000,
           (double)round_trips[count * 99 / 100] / 2000, sum / (double)count / 2000);
}

void print_rate(double messages, size_t size, double seconds, double cpu, double cpu_messages)
{
    printf("msgs_per_s=%.0f mb_per_s=%.2f seconds=%.4f cpu_s_per_million=%.4f\n", messages / seconds,
           messages * (double)size / seconds / 1e6, seconds, cpu / cpu_messages * 1e6);
}

memory_t memory_of(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    require_system(file != NULL, path);
    memory_t memory = {0, 0};
    double kilobytes;
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Rss: %lf kB", &kilobytes) == 1)
            memory.rss = kilobytes * 1024;
        else if (sscanf(line, "Pss: %lf kB", &kilobytes) == 1)
            memory.pss = kilobytes * 1024;
    }
    fclose(file);
    return memory;
}

const char *loaded_library(void)
{
    static char found[PATH_MAX];
    char line[PATH_MAX + 128];
    FILE *maps = fopen("/proc/self/maps", "r");
    require_system(maps != NULL, "/proc/self/maps");
    snprintf(found, sizeof found, "none");
    while (fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (!path || !strstr(path, "libzmq"))
            continue;
        path[strcspn(path, "\n")] = 0;
        snprintf(found, sizeof found, "%s", path);
        break;
    }
    fclose(maps);
    return found;
}
