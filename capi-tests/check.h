/* Helpers shared by the C tests. Include this file first in every test.
 *
 * A test program is a list of cases. Each case runs in a forked child, so that a crash or a hang of
 * one case is reported by name and the others still run. A case has a context and a set of sockets
 * that are closed when it ends; closing and terminating is itself part of the test.
 *
 *     program              run all cases
 *     program NAME...      run the named cases
 *     program --which      print the version and the path of the loaded library
 *     CAPI_NOFORK=1        run the cases inside the process (for a debugger)
 *     REQUIRE_ALL=1        fail where the machine lacks what a case needs
 */
#ifndef CAPI_CHECK_H
#define CAPI_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define MAYBE_UNUSED __attribute__ ((unused))

enum
{
    CASE_SECONDS = 20,    /* a single case that takes longer has hung */
    PROGRAM_SECONDS = 40, /* the whole program */
    ARRIVES_MS = 5000,    /* deadline for something that must happen */
    QUIET_MS = 150        /* how long to watch that nothing happens */
};

/* ---- reporting ------------------------------------------------------------------------------ */

typedef struct
{
    const char *name;
    void (*run) (void);
} test_case;

static const char *current_case = "";
static int checks_failed;
static jmp_buf end_of_case;

static const char *base_name (const char *path)
{
    const char *slash = strrchr (path, '/');
    return slash ? slash + 1 : path;
}

MAYBE_UNUSED __attribute__ ((format (printf, 3, 4))) static void
fail_at (const char *file, int line, const char *format, ...)
{
    va_list args;
    checks_failed++;
    printf ("%s:%d: %s: ", base_name (file), line, current_case);
    va_start (args, format);
    vprintf (format, args);
    va_end (args);
    printf ("\n");
    fflush (stdout);
}

static void check_true (int ok, int error, const char *text, const char *file, int line)
{
    if (!ok)
        fail_at (file, line, "%s is false (errno %d: %s)", text, error, zmq_strerror (error));
}

/* What this machine cannot show, and why; with REQUIRE_ALL=1 that is a failure. */
#define NOT_SHOWN(reason)                                                                           \
    do {                                                                                            \
        const char *all_ = getenv ("REQUIRE_ALL");                                                  \
        if (all_ && strcmp (all_, "1") == 0)                                                        \
            fail_at (__FILE__, __LINE__, "not shown: %s", reason);                                  \
        else                                                                                        \
            printf ("    not shown: %s: %s\n", current_case, reason);                               \
    } while (0)

MAYBE_UNUSED static void
check_equal (long long got, long long expected, int error, const char *text, const char *file, int line)
{
    if (got != expected)
        fail_at (file, line, "%s is %lld, expected %lld (errno %d: %s)", text, got, expected, error,
                 zmq_strerror (error));
}

MAYBE_UNUSED static void
check_failed_with (long long rc, int error, int expected, const char *text, const char *file, int line)
{
    if (rc != -1)
        fail_at (file, line, "%s returned %lld, expected -1 with errno %d (%s)", text, rc, expected,
                 zmq_strerror (expected));
    else if (error != expected)
        fail_at (file, line, "%s failed with errno %d (%s), expected %d (%s)", text, error,
                 zmq_strerror (error), expected, zmq_strerror (expected));
}

/* The condition holds; the case goes on when it does not. */
#define CHECK(condition)                                                                            \
    do {                                                                                            \
        errno = 0;                                                                                  \
        int ok_ = (condition) ? 1 : 0;                                                              \
        check_true (ok_, errno, #condition, __FILE__, __LINE__);                                    \
    } while (0)

/* Two integers are equal. */
#define EQUAL(call, expected)                                                                       \
    do {                                                                                            \
        errno = 0;                                                                                  \
        long long got_ = (long long) (call);                                                        \
        check_equal (got_, (long long) (expected), errno, #call, __FILE__, __LINE__);               \
    } while (0)

/* The call returns -1 with this errno. */
#define FAILS(call, error)                                                                          \
    do {                                                                                            \
        errno = 0;                                                                                  \
        long long got_ = (long long) (call);                                                        \
        check_failed_with (got_, errno, error, #call, __FILE__, __LINE__);                          \
    } while (0)

/* The call returns NULL with this errno. */
#define NOTHING(call, error) FAILS ((call) ? 0 : -1, error)

/* The call returns 0. */
#define OK(call) EQUAL (call, 0)

/* The condition holds, or the case ends here. */
#define REQUIRE(condition)                                                                          \
    do {                                                                                            \
        errno = 0;                                                                                  \
        if (!(condition)) {                                                                         \
            check_true (0, errno, #condition, __FILE__, __LINE__);                                  \
            longjmp (end_of_case, 1);                                                               \
        }                                                                                           \
    } while (0)

/* The condition becomes true before the deadline. */
#define EVENTUALLY(condition)                                                                       \
    do {                                                                                            \
        long long until_ = now_ms () + ARRIVES_MS;                                                  \
        int ok_ = (condition) ? 1 : 0;                                                              \
        while (!ok_ && now_ms () < until_) {                                                        \
            poll (NULL, 0, 2);                                                                      \
            ok_ = (condition) ? 1 : 0;                                                              \
        }                                                                                           \
        check_true (ok_, errno, "eventually " #condition, __FILE__, __LINE__);                      \
    } while (0)

/* At most 40 bytes as text, others than printable ones as \\xx, in one of two buffers. */
MAYBE_UNUSED static const char *printable (const void *data, size_t size)
{
    static char buffers[2][200];
    static int next;
    char *buffer = buffers[next++ & 1], *at = buffer;
    for (size_t i = 0; i < size && i < 40; i++) {
        unsigned char c = ((const unsigned char *) data)[i];
        at += sprintf (at, c >= 32 && c < 127 ? "%c" : "\\%02x", c);
    }
    *at = 0;
    return buffer;
}

/* ---- time ----------------------------------------------------------------------------------- */

MAYBE_UNUSED static long long now_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (long long) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the context and sockets of a case -------------------------------------------------------- */

enum
{
    KEPT_MAX = 1200
};
static void *case_context;
static void *kept[KEPT_MAX];
static int kept_count;

MAYBE_UNUSED static void *context (void)
{
    if (!case_context)
        case_context = zmq_ctx_new ();
    return case_context;
}

MAYBE_UNUSED static void keep (void *socket)
{
    if (kept_count < KEPT_MAX)
        kept[kept_count++] = socket;
}

/* The case has closed this socket itself, or hands it to somebody who will. */
MAYBE_UNUSED static void forget (void *socket)
{
    for (int i = 0; i < kept_count; i++)
        if (kept[i] == socket) {
            memmove (&kept[i], &kept[i + 1], (size_t) (kept_count - i - 1) * sizeof kept[0]);
            kept_count--;
            return;
        }
}

MAYBE_UNUSED static int set_int (void *socket, int option, int value)
{
    return zmq_setsockopt (socket, option, &value, sizeof value);
}

MAYBE_UNUSED static int get_int (void *socket, int option)
{
    int value = -12345;
    size_t size = sizeof value;
    if (zmq_getsockopt (socket, option, &value, &size) != 0)
        return -54321;
    return value;
}

#define SET(socket, option, value) OK (set_int (socket, option, value))

/* A new socket of the case's context; unsent messages do not delay its closing. */
MAYBE_UNUSED static void *open_at (int type, const char *file, int line)
{
    void *socket = zmq_socket (context (), type);
    if (!socket) {
        check_true (0, errno, "zmq_socket", file, line);
        longjmp (end_of_case, 1);
    }
    set_int (socket, ZMQ_LINGER, 0);
    keep (socket);
    return socket;
}
#define OPEN(type) open_at (type, __FILE__, __LINE__)

MAYBE_UNUSED static void close_at (void *socket, const char *file, int line)
{
    forget (socket);
    int rc = zmq_close (socket);
    check_true (rc == 0, errno, "zmq_close", file, line);
}
#define CLOSE(socket) close_at (socket, __FILE__, __LINE__)

static void end_context (void)
{
    while (kept_count > 0)
        CLOSE (kept[kept_count - 1]);
    if (case_context) {
        int rc;
        do
            rc = zmq_ctx_term (case_context);
        while (rc == -1 && errno == EINTR);
        check_true (rc == 0, errno, "zmq_ctx_term at the end of the case", __FILE__, __LINE__);
        case_context = NULL;
    }
}

/* ---- endpoints ------------------------------------------------------------------------------ */

/* The socket's LAST_ENDPOINT, in one of a few rotating buffers. */
MAYBE_UNUSED static const char *last_endpoint (void *socket)
{
    static char buffers[8][300];
    static int next;
    char *buffer = buffers[next++ & 7];
    size_t size = sizeof buffers[0];
    if (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, buffer, &size) != 0)
        strcpy (buffer, "(no endpoint)");
    return buffer;
}

/* Binds to a fresh endpoint of the transport ("tcp", "ipc" or "inproc") and returns it. */
MAYBE_UNUSED static const char *bind_at (void *socket, const char *transport, const char *file, int line)
{
    static int names;
    char endpoint[100];
    if (strcmp (transport, "tcp") == 0)
        strcpy (endpoint, "tcp://127.0.0.1:*");
    else if (strcmp (transport, "ipc") == 0)
        snprintf (endpoint, sizeof endpoint, "ipc://@capi-%d-%d", (int) getpid (), names++);
    else
        snprintf (endpoint, sizeof endpoint, "inproc://name-%d", names++);
    if (zmq_bind (socket, endpoint) != 0) {
        check_true (0, errno, "zmq_bind", file, line);
        longjmp (end_of_case, 1);
    }
    return last_endpoint (socket);
}
#define BIND(socket, transport) bind_at (socket, transport, __FILE__, __LINE__)

MAYBE_UNUSED static const char *const transports[] = {"inproc", "ipc", "tcp", NULL};
#define EACH_TRANSPORT(name) for (const char *const *each_ = transports, *name; (name = *each_); each_++)

/* A bound and a connected socket over this transport. */
MAYBE_UNUSED static void
pair_at (void **bound, int bound_type, void **connected, int type, const char *transport, const char *file, int line)
{
    *bound = open_at (bound_type, file, line);
    *connected = open_at (type, file, line);
    const char *endpoint = bind_at (*bound, transport, file, line);
    int rc = zmq_connect (*connected, endpoint);
    check_true (rc == 0, errno, "zmq_connect", file, line);
}
#define JOIN(bound, bound_type, connected, type, transport)                                         \
    pair_at (&bound, bound_type, &connected, type, transport, __FILE__, __LINE__)

/* ---- sending and receiving ------------------------------------------------------------------ */

/* Waits for the events (ZMQ_POLLIN, ZMQ_POLLOUT); 0 when the time is over. What must happen and is only found when the time is
 * over has not woken the wait: that is a failure. */
MAYBE_UNUSED static int await (void *socket, int events, int ms)
{
    long long until = now_ms () + ms;
    for (;;) {
        zmq_pollitem_t item = {socket, 0, (short) events, 0};
        long long left = until - now_ms ();
        int rc = zmq_poll (&item, 1, (long) (left > 0 ? left : 0));
        if (rc > 0 && ms >= ARRIVES_MS && now_ms () >= until)
            fail_at (__FILE__, __LINE__, "events %#x did not end the wait", item.revents);
        if (rc > 0)
            return item.revents;
        if (rc == 0 || errno != EINTR)
            return 0;
    }
}

MAYBE_UNUSED static void
send_at (void *socket, const void *data, size_t size, int flags, const char *file, int line)
{
    if (!await (socket, ZMQ_POLLOUT, ARRIVES_MS)) {
        fail_at (file, line, "cannot send \"%s\": no ZMQ_POLLOUT in time", printable (data, size));
        longjmp (end_of_case, 1);
    }
    int rc = zmq_send (socket, data, size, flags | ZMQ_DONTWAIT);
    /* The reference reports room a little before a send that found none notices it. */
    for (int i = 0; i < 500 && rc == -1 && errno == EAGAIN; i++) {
        poll (NULL, 0, 2);
        rc = zmq_send (socket, data, size, flags | ZMQ_DONTWAIT);
    }
    check_equal (rc, (long long) size, errno, "zmq_send", file, line);
}
#define SEND(socket, text) send_at (socket, text, strlen (text), 0, __FILE__, __LINE__)
#define SENDMORE(socket, text) send_at (socket, text, strlen (text), ZMQ_SNDMORE, __FILE__, __LINE__)
#define SEND_BYTES(socket, data, size, flags) send_at (socket, data, size, flags, __FILE__, __LINE__)

/* Receives one part within the deadline and compares it and its MORE flag. */
MAYBE_UNUSED static void
recv_at (void *socket, const void *data, size_t size, int more, const char *file, int line)
{
    zmq_msg_t part;
    zmq_msg_init (&part);
    long long until = now_ms () + ARRIVES_MS;
    int rc = -1;
    /* Something that turns out to be nothing for us may end the wait: then it goes on. */
    while (rc == -1) {
        if (!await (socket, ZMQ_POLLIN, (int) (until - now_ms ()))) {
            fail_at (file, line, "did not receive \"%s\" in time", printable (data, size));
            longjmp (end_of_case, 1);
        }
        rc = zmq_msg_recv (&part, socket, ZMQ_DONTWAIT);
        if (rc == -1 && errno != EAGAIN) {
            check_true (0, errno, "zmq_msg_recv", file, line);
            longjmp (end_of_case, 1);
        }
    }
    if (now_ms () >= until)
        fail_at (file, line, "\"%s\" did not end the wait", printable (data, size));
    if (zmq_msg_size (&part) != size || (size && memcmp (zmq_msg_data (&part), data, size) != 0))
        fail_at (file, line, "received \"%s\" (%zu bytes), expected \"%s\" (%zu bytes)",
                 printable (zmq_msg_data (&part), zmq_msg_size (&part)), zmq_msg_size (&part), printable (data, size),
                 size);
    if (zmq_msg_more (&part) != more)
        fail_at (file, line, "MORE of \"%s\" is %d", printable (data, size), !more);
    if (get_int (socket, ZMQ_RCVMORE) != more)
        fail_at (file, line, "ZMQ_RCVMORE after \"%s\" is not %d", printable (data, size), more);
    zmq_msg_close (&part);
}
#define RECV(socket, text) recv_at (socket, text, strlen (text), 0, __FILE__, __LINE__)
#define RECVMORE(socket, text) recv_at (socket, text, strlen (text), 1, __FILE__, __LINE__)
#define RECV_BYTES(socket, data, size, more) recv_at (socket, data, size, more, __FILE__, __LINE__)

/* Nothing can be received for a while. */
#define QUIET(socket)                                                                               \
    do {                                                                                            \
        if (await (socket, ZMQ_POLLIN, QUIET_MS))                                                   \
            fail_at (__FILE__, __LINE__, "%s has a message, expected none", #socket);               \
    } while (0)

/* Sends without waiting until the socket refuses; returns how many messages went out. */
MAYBE_UNUSED static int fill (void *socket, const char *text, int limit)
{
    int sent = 0;
    while (sent < limit && zmq_send (socket, text, strlen (text), ZMQ_DONTWAIT) != -1)
        sent++;
    return sent;
}

/* Receives and discards one message of any number of parts; 0 when none came in time. */
MAYBE_UNUSED static int discard (void *socket, int ms)
{
    char buffer[8];
    if (!await (socket, ZMQ_POLLIN, ms))
        return 0;
    do
        if (zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT) == -1)
            return 0;
    while (get_int (socket, ZMQ_RCVMORE) == 1);
    return 1;
}

/* ---- the runner ------------------------------------------------------------------------------ */

static int run_case (const test_case *one)
{
    current_case = one->name;
    checks_failed = 0;
    if (setjmp (end_of_case) == 0)
        one->run ();
    if (checks_failed == 0)
        end_context ();
    return checks_failed;
}

static volatile sig_atomic_t watchdog_barked;
static void watchdog (int signal_number)
{
    (void) signal_number;
    watchdog_barked = 1;
}

/* Runs the case in a child; returns 0 when it passed. */
static int run_forked (const test_case *one, int seconds)
{
    int status = 0;
    fflush (stdout);
    pid_t parent = getpid ();
    pid_t child = fork ();
    if (child == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (getppid () != parent)
            _exit (1);
        signal (SIGALRM, SIG_DFL);
        int failed = run_case (one);
        fflush (stdout);
        if (failed)
            _exit (1);
        exit (0);
    }
    alarm ((unsigned) seconds);
    while (waitpid (child, &status, 0) == -1)
        if (watchdog_barked) {
            kill (child, SIGKILL);
            waitpid (child, &status, 0);
            break;
        }
    alarm (0);
    current_case = one->name;
    if (watchdog_barked)
        printf ("%s: hangs: stopped after %d seconds\n", one->name, seconds);
    else if (WIFSIGNALED (status))
        printf ("%s: killed by signal %d (%s)\n", one->name, WTERMSIG (status), strsignal (WTERMSIG (status)));
    return watchdog_barked || status != 0;
}

static int print_library (void)
{
    int major, minor, patch;
    char line[4200], path[4100] = "";
    zmq_version (&major, &minor, &patch);
    FILE *maps = fopen ("/proc/self/maps", "r");
    while (maps && fgets (line, sizeof line, maps))
        if (strstr (line, "libzmq.so"))
            sscanf (strchr (line, '/'), "%4095[^\n]", path);
    if (maps)
        fclose (maps);
    printf ("%d.%d.%d %s\n", major, minor, patch, path);
    return 0;
}

static int run_cases (const test_case *cases, int count, int argc, char **argv)
{
    int failed = 0, ran = 0, forked = getenv ("CAPI_NOFORK") == NULL;
    struct sigaction on_alarm;
    if (argc == 2 && strcmp (argv[1], "--which") == 0)
        return print_library ();
    memset (&on_alarm, 0, sizeof on_alarm);
    on_alarm.sa_handler = watchdog;
    sigaction (SIGALRM, &on_alarm, NULL);
    long long start = now_ms ();
    for (int i = 0; i < count; i++) {
        int wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            wanted |= strcmp (argv[a], cases[i].name) == 0;
        if (!wanted)
            continue;
        int left = PROGRAM_SECONDS - (int) ((now_ms () - start) / 1000);
        if (left <= 0) {
            printf ("%s: not run, the program is out of time\n", cases[i].name);
            failed++;
            continue;
        }
        watchdog_barked = 0;
        long long began = now_ms ();
        ran++;
        if ((forked ? run_forked (&cases[i], left < CASE_SECONDS ? left : CASE_SECONDS) : run_case (&cases[i])) != 0)
            failed++;
        if (getenv ("CAPI_TIMES"))
            printf ("# %5lld ms %s\n", now_ms () - began, cases[i].name);
    }
    if (failed)
        printf ("%d of %d cases failed\n", failed, ran);
    else
        printf ("%d cases passed\n", ran);
    return failed || !ran;
}

#define CASE(function) {#function, function}
#define RUN_CASES(...)                                                                              \
    int main (int argc, char **argv)                                                                \
    {                                                                                               \
        static const test_case cases[] = {__VA_ARGS__};                                             \
        return run_cases (cases, (int) (sizeof cases / sizeof cases[0]), argc, argv);               \
    }

#endif
