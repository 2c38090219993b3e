/* What the programs about faults share. Include after check.h and raw.h. */
#ifndef CAPI_FAULTS_H
#define CAPI_FAULTS_H

#include <dirent.h>
#include <stdint.h>
#include <sys/resource.h>

enum
{
    LATE_MS = 1500 /* what is due after 200 ms has come by then, on a busy machine too */
};

/* One part of a message, by which a receiver sees whether messages are whole, and who sends them. */
struct part
{
    char kind[4]; /* head, part, tail */
    uint32_t message, number;
};

struct sender
{
    void *push;
    volatile int stop;
};

MAYBE_UNUSED static char megabyte[1 << 20];

/* Processor time of the whole process, in milliseconds. */
MAYBE_UNUSED static long long cpu_ms (void)
{
    struct rusage used;
    getrusage (RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000LL
           + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* Memory in use, in kilobytes. */
MAYBE_UNUSED static long resident_kb (void)
{
    long pages = 0;
    FILE *statm = fopen ("/proc/self/statm", "r");
    if (!statm || fscanf (statm, "%*s %ld", &pages) != 1)
        pages = 0;
    if (statm)
        fclose (statm);
    return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

/* The process does nothing while nothing is asked of it. */
#define CHECK_IDLE()                                                                                \
    do {                                                                                            \
        long long cpu_ = cpu_ms ();                                                                 \
        poll (NULL, 0, 200);                                                                        \
        cpu_ = cpu_ms () - cpu_;                                                                    \
        if (cpu_ >= 50)                                                                             \
            fail_at (__FILE__, __LINE__, "%lld ms of processor time in 200 ms of idling", cpu_);    \
    } while (0)

MAYBE_UNUSED static unsigned seed = 1;
MAYBE_UNUSED static unsigned random_below (unsigned limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % limit;
}

/* A directory for ipc paths. Sockets' files stay when they are closed: see remove_directory. */
MAYBE_UNUSED static const char *make_directory (void)
{
    static char path[64];
    strcpy (path, "/tmp/capi-faults-XXXXXX");
    REQUIRE (mkdtemp (path) != NULL);
    return path;
}

MAYBE_UNUSED static void remove_directory (const char *directory)
{
    char path[400];
    struct dirent *entry;
    DIR *entries = opendir (directory);
    while (entries && (entry = readdir (entries)))
        if (snprintf (path, sizeof path, "%s/%s", directory, entry->d_name) < (int) sizeof path)
            unlink (path);
    if (entries)
        closedir (entries);
    OK (rmdir (directory));
}

/* Writes without waiting for the peer beyond `ms` in a row; the number of bytes that went. */
MAYBE_UNUSED static size_t raw_push (int fd, const char *data, size_t size, int ms)
{
    size_t sent = 0;
    while (sent < size) {
        struct pollfd item = {fd, POLLOUT, 0};
        ssize_t n = send (fd, data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t) n;
        else if (errno != EAGAIN || poll (&item, 1, ms) != 1)
            break;
    }
    return sent;
}

/* Exactly `size` bytes; 0 when they did not come. */
MAYBE_UNUSED static int raw_take (int fd, void *data, size_t size, int ms)
{
    size_t got = 0;
    while (got < size) {
        if (!raw_readable (fd, ms))
            return 0;
        ssize_t n = read (fd, (char *) data + got, size - got);
        if (n <= 0)
            return 0;
        got += (size_t) n;
    }
    return 1;
}

/* The next frame; its body's size, or -1. At most `room` bytes of the body are kept. */
MAYBE_UNUSED static long raw_frame (int fd, int *flags, void *body, size_t room, int ms)
{
    unsigned char head[8];
    static char rest[65536];
    unsigned long size = 0;
    if (!raw_take (fd, head, 2, ms))
        return -1;
    *flags = head[0];
    if (head[0] & 2) {
        size = head[1];
        if (!raw_take (fd, head, 7, ms))
            return -1;
        for (int i = 0; i < 7; i++)
            size = size << 8 | head[i];
    } else
        size = head[1];
    size_t kept = size < room ? size : room, left = size - kept;
    if (!raw_take (fd, body, kept, ms))
        return -1;
    for (size_t n; left > 0; left -= n) {
        n = left < sizeof rest ? left : sizeof rest;
        if (!raw_take (fd, rest, n, ms))
            return -1;
    }
    return (long) size;
}

MAYBE_UNUSED static void alarmed (int signal_number)
{
    (void) signal_number;
}

/* SIGALRM without SA_RESTART after `ms`, again and again; 0 turns it off. */
MAYBE_UNUSED static void alarm_every (int ms)
{
    struct sigaction action;
    struct itimerval timer = {{0, ms * 1000}, {0, ms * 1000}};
    memset (&action, 0, sizeof action);
    action.sa_handler = alarmed;
    sigaction (SIGALRM, &action, NULL);
    setitimer (ITIMER_REAL, &timer, NULL);
}

MAYBE_UNUSED static void talk_over (void *pull, const char *endpoint)
{
    void *push = OPEN (ZMQ_PUSH);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 10; i++) {
        SEND (push, "talk");
        RECV (pull, "talk");
    }
    CLOSE (push);
}

#endif
