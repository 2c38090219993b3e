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

enum
{
    PARTS = 20,
    PART_SIZE = 20000
};

MAYBE_UNUSED static void *send_in_parts (void *arg)
{
    struct sender *sender = arg;
    static char data[PART_SIZE];
    for (uint32_t message = 0; !sender->stop; message++)
        for (uint32_t number = 0; number < PARTS; number++) {
            int last = number == PARTS - 1, rc;
            struct part part = {{0}, message, number};
            memcpy (part.kind, number == 0 ? "head" : last ? "tail" : "part", 4);
            memcpy (data, &part, sizeof part);
            do
                rc = zmq_send (sender->push, data, sizeof data, last ? 0 : ZMQ_SNDMORE);
            while (rc == -1 && number == 0 && !sender->stop);
            if (number == 0 && rc == -1)
                break;
        }
    return NULL;
}

/* A server that closes in the middle of reading: the next connection begins with a first part. */
MAYBE_UNUSED static void cut_off_messages (int immediate, int rounds)
{
    char endpoint[100];
    pthread_t thread;
    struct sender sender = {OPEN (ZMQ_PUSH), 0};
    long long last = -1;
    int listener = raw_listen (endpoint), whole = 0;
    SET (sender.push, ZMQ_RECONNECT_IVL, 1);
    SET (sender.push, ZMQ_SNDTIMEO, 100);
    SET (sender.push, ZMQ_IMMEDIATE, immediate);
    OK (zmq_connect (sender.push, endpoint));
    pthread_create (&thread, NULL, send_in_parts, &sender);
    for (int round = 0; round < rounds && checks_failed == 0; round++) {
        int fd = raw_accept (listener, ARRIVES_MS), frames = (int) random_below (3 * PARTS), flags;
        if (fd == -1) {
            fail_at (__FILE__, __LINE__, "no connection came in round %d", round);
            break;
        }
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        for (int i = 0; i < frames; i++) {
            struct part part;
            uint32_t number = (uint32_t) (i % PARTS);
            long size = raw_frame (fd, &flags, &part, sizeof part, ARRIVES_MS);
            if (size != PART_SIZE || part.number != number || (flags & 1) != (number < PARTS - 1)
                || memcmp (part.kind, number == 0 ? "head" : number == PARTS - 1 ? "tail" : "part", 4) != 0) {
                fail_at (__FILE__, __LINE__, "round %d frame %d: flags %d, %ld bytes, %.4s %u of message %u", round, i,
                         flags, size, part.kind, part.number, part.message);
                break;
            }
            if (number == 0 && part.message <= last)
                fail_at (__FILE__, __LINE__, "round %d: message %u after %lld", round, part.message, last);
            if (number > 0 && part.message != last)
                fail_at (__FILE__, __LINE__, "round %d: part of message %u in %lld", round, part.message, last);
            last = part.message;
            whole += number == PARTS - 1;
        }
        char some[PART_SIZE];
        size_t more = random_below (PART_SIZE); /* and a piece of a frame */
        while (more > 0 && raw_readable (fd, 0)) {
            ssize_t n = read (fd, some, more);
            more -= n > 0 ? (size_t) n : more;
        }
        close (fd);
    }
    sender.stop = 1;
    close (listener);
    pthread_join (thread, NULL);
    CHECK (checks_failed || whole > 0);
    CLOSE (sender.push);
}

#endif
