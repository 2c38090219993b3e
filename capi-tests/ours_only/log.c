/* What ZMQ_LOG=debug prints, and the counters that it shows. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"
#include "../events.h"
#include <dlfcn.h>
#include <fcntl.h>

#define GREETING_UNKNOWN "\xff\0\0\0\0\0\0\0\1\x7f\3\1CRAZY\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" FILLER

static int log_fd;

/* From here on stderr goes to a file. Before the first call of the library, which reads the environment once. */
static void begin_log (const char *setting)
{
    char path[] = "/tmp/zmq-log-XXXXXX";
    if (setting)
        setenv ("ZMQ_LOG", setting, 1);
    else
        unsetenv ("ZMQ_LOG");
    log_fd = mkstemp (path);
    REQUIRE (log_fd >= 0);
    unlink (path);
    REQUIRE (dup2 (log_fd, 2) == 2);
}

static const char *logged (void)
{
    static char text[65536];
    ssize_t size = pread (log_fd, text, sizeof text - 1, 0);
    text[size < 0 ? 0 : size] = 0;
    return text;
}

/* Waits until the log has a line with all of this. */
static int says_at (const char *first, const char *second)
{
    for (long long end = now_ms () + ARRIVES_MS; now_ms () < end; usleep (2000))
        for (const char *line = logged (); *line; line += strcspn (line, "\n"), line += *line == '\n') {
            char one[1000];
            snprintf (one, sizeof one, "%.*s", (int) strcspn (line, "\n"), line);
            if (strncmp (one, "zmq: ", 5) == 0 && strstr (one, first) && strstr (one, second))
                return 1;
        }
    printf ("    the log:\n%s", logged ());
    return 0;
}
#define SAYS(first, second) CHECK (says_at (first, second))

static void nothing_without_the_variable (void)
{
    begin_log (NULL);
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    BIND (pull, "tcp");
    int fd = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (fd, GREETING_UNKNOWN);
    RAW_CLOSED (fd);
    close (fd);
    CLOSE (push);
    CLOSE (pull);
    end_context ();
    CHECK (logged ()[0] == 0);
}

static void failures_and_their_reasons (void)
{
    begin_log ("debug");
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL), *pub = OPEN (ZMQ_PUB);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    SAYS ("tcp://127.0.0.1:1", "refused");
    SAYS ("tcp://127.0.0.1:1", "next attempt in");
    BIND (pull, "tcp");
    int fd = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (fd, GREETING_UNKNOWN);
    RAW_CLOSED (fd);
    close (fd);
    SAYS (last_endpoint (pull), ": handshaking ended: the peer uses the mechanism \"CRAZY\"");
    OK (zmq_connect (pub, last_endpoint (pull)));
    SAYS (last_endpoint (pull), "cannot talk to");
}

/* Two clients of PLAIN, of which one should be the server: the reason is told, and what it came from is not. */
static void no_password (void)
{
    begin_log ("debug");
    void *ends[] = {OPEN (ZMQ_PULL), OPEN (ZMQ_PUSH)};
    for (int i = 0; i < 2; i++) {
        OK (zmq_setsockopt (ends[i], ZMQ_PLAIN_USERNAME, "me", 2));
        OK (zmq_setsockopt (ends[i], ZMQ_PLAIN_PASSWORD, "secret-word", 11));
    }
    OK (zmq_connect (ends[1], BIND (ends[0], "tcp")));
    SAYS (last_endpoint (ends[0]), ": handshaking ended: ");
    CLOSE (ends[1]);
    CLOSE (ends[0]);
    if (strstr (logged (), "secret-word"))
        fail_at (__FILE__, __LINE__, "the password is in the log:\n%s", logged ());
}

static void *busy (void *socket)
{
    for (int i = 0; i < 300000; i++)
        get_int (socket, ZMQ_EVENTS);
    return NULL;
}

static void two_threads_at_once (void)
{
    begin_log ("debug");
    void *pair = OPEN (ZMQ_PAIR);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        REQUIRE (pthread_create (&threads[i], NULL, busy, pair) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join (threads[i], NULL);
    SAYS ("is used by two threads at once", "log (");
}

static void traffic_of_sockets_and_links (void)
{
    begin_log ("debug");
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    strcpy (endpoint, BIND (pull, "tcp"));
    OK (zmq_connect (push, endpoint));
    SEND (push, "12345");
    SENDMORE (push, "123");
    SEND (push, "");
    for (int i = 0; i < 1000; i++)
        SEND (push, "x");
    RECV (pull, "12345");
    RECVMORE (pull, "123");
    RECV (pull, "");
    for (int i = 0; i < 1000; i++)
        RECV (pull, "x");
    CLOSE (push);
    SAYS ("PUSH socket", "closed: 1002 messages (1008 bytes) sent, 0 messages (0 bytes) received; dropped: 0 to full");
    SAYS (endpoint, "ended after 1 connections; 1002 messages (1008 bytes) sent, 0 messages (0 bytes) received");
    CLOSE (pull);
    SAYS ("PULL socket", "closed: 0 messages (0 bytes) sent, 1002 messages (1008 bytes) received");
    SAYS ("peer tcp://127.0.0.1:", "ended after 1 connections; 0 messages (0 bytes) sent, 1002 messages (1008 bytes) received");
}

static void what_is_dropped (void)
{
    begin_log ("debug");
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB), *router = OPEN (ZMQ_ROUTER);
    SET (pub, ZMQ_SNDHWM, 2);
    SET (sub, ZMQ_RCVHWM, 3);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1));
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "b", 1));
    OK (zmq_connect (sub, BIND (pub, "inproc")));
    for (int i = 0; i < 9; i++) { /* five fit */
        SENDMORE (pub, i % 2 ? "b" : "a");
        SEND (pub, "rest");
    }
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "b", 1));
    for (int i = 0; i < 3; i++) {
        RECVMORE (sub, "a");
        RECV (sub, "rest");
    }
    QUIET (sub);
    CLOSE (sub);
    SAYS ("SUB socket", "3 messages (15 bytes) received; dropped: 0 to full peers, 0 to unknown peers, 2 without a subscription");
    CLOSE (pub);
    SAYS ("PUB socket", "9 messages (45 bytes) sent, 0 messages (0 bytes) received; dropped: 4 to full peers");
    SENDMORE (router, "nobody");
    SEND (router, "hello");
    CLOSE (router);
    SAYS ("ROUTER socket", "dropped: 0 to full peers, 1 to unknown peers");
}

/* ---- zmq_socket_monitor_pipes_stats ---------------------------------------------------------------------- */

static uint64_t number (void *reader)
{
    uint64_t number = UINT64_MAX;
    REQUIRE (await (reader, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_recv (reader, &number, sizeof number, 0), 8);
    return number;
}

static void queue_lengths (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH), *reader = OPEN (ZMQ_PAIR);
    int (*monitor) (void *, const char *, uint64_t, int, int), (*statistics) (void *);
    *(void **) &monitor = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_versioned");
    *(void **) &statistics = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_pipes_stats");
    REQUIRE (monitor && statistics);
    FAILS (statistics (pull), EINVAL);
    FAILS (statistics (NULL), ENOTSOCK);
    FAILS (monitor (pull, "inproc://stats", ZMQ_EVENT_PIPES_STATS, 1, ZMQ_PAIR), EINVAL);
    OK (monitor (pull, "inproc://stats", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
    FAILS (statistics (pull), EINVAL);
    OK (monitor (pull, "inproc://stats", ZMQ_EVENT_PIPES_STATS, 2, ZMQ_PAIR));
    FAILS (statistics (pull), EAGAIN); /* no pipe */
    OK (zmq_connect (reader, "inproc://stats"));
    char endpoint[100];
    strcpy (endpoint, BIND (pull, "tcp"));
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 7; i++) {
        SENDMORE (push, "a message");
        SEND (push, "of two parts");
    }
    uint64_t inbound;
    for (long long end = now_ms () + ARRIVES_MS;;) {
        OK (await (pull, ZMQ_POLLIN, ARRIVES_MS) ? 0 : -1);
        OK (statistics (pull));
        EQUAL (number (reader), ZMQ_EVENT_PIPES_STATS);
        EQUAL (number (reader), 2);
        EQUAL (number (reader), 0);
        inbound = number (reader);
        RECVMORE (reader, endpoint);
        char remote[100];
        CHECK (zmq_recv (reader, remote, sizeof remote, 0) > 6 && get_int (reader, ZMQ_RCVMORE) == 0);
        CHECK (strncmp (remote, "tcp://127.0.0.1:", 16) == 0);
        if (inbound == 7 || now_ms () > end)
            break;
    }
    EQUAL (inbound, 7);
    for (int i = 0; i < 7; i++) {
        RECVMORE (pull, "a message");
        RECV (pull, "of two parts");
    }
    EQUAL (get_int (pull, ZMQ_EVENTS), 0); /* what was taken shows at the latest when nothing is left */
    OK (statistics (pull));
    for (int i = 0; i < 3; i++)
        number (reader);
    EQUAL (number (reader), 0);
}

RUN_CASES (CASE (nothing_without_the_variable), CASE (failures_and_their_reasons), CASE (no_password), CASE (two_threads_at_once),
           CASE (traffic_of_sockets_and_links), CASE (what_is_dropped), CASE (queue_lengths))
