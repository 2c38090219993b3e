/* Monitors that the reference waits for: here they never delay anything. */
#include "../check.h"
#include "../raw.h"
#include <dlfcn.h>

static int next_event (void *reader)
{
    uint8_t head[8];
    char text[200];
    uint16_t event;
    if (!await (reader, ZMQ_POLLIN, ARRIVES_MS) || zmq_recv (reader, head, sizeof head, 0) != 6
        || zmq_recv (reader, text, sizeof text, 0) < 0)
        return -1;
    memcpy (&event, head, 2);
    return event;
}

/* The reference hangs in zmq_bind until somebody reads. */
static void reader_comes_late (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH), *reader = OPEN (ZMQ_PAIR);
    OK (zmq_socket_monitor (pull, "inproc://late", ZMQ_EVENT_ALL));
    OK (zmq_connect (push, BIND (pull, "tcp")));
    SEND (push, "x");
    RECV (pull, "x");
    OK (zmq_connect (reader, "inproc://late"));
    EQUAL (next_event (reader), ZMQ_EVENT_LISTENING);
    EQUAL (next_event (reader), ZMQ_EVENT_ACCEPTED);
    EQUAL (next_event (reader), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
}

/* More events than fit: messages flow all the same, and what the reader gets is whole. */
static void reader_is_slow (void)
{
    void *pull = OPEN (ZMQ_PULL), *reader = OPEN (ZMQ_PAIR);
    SET (reader, ZMQ_RCVHWM, 10);
    OK (zmq_socket_monitor (pull, "inproc://slow", ZMQ_EVENT_ALL));
    OK (zmq_connect (reader, "inproc://slow"));
    const char *endpoint = BIND (pull, "tcp");
    for (int i = 0; i < 500; i++) {
        void *push = OPEN (ZMQ_PUSH);
        OK (zmq_connect (push, endpoint));
        SEND (push, "x");
        RECV (pull, "x");
        CLOSE (push);
    }
    CLOSE (pull);
    int count = 0, event = 0;
    while (await (reader, ZMQ_POLLIN, 200)) {
        event = next_event (reader);
        CHECK (event > 0);
        count++;
    }
    CHECK (count >= 10 && count < 1502);
    EQUAL (event, ZMQ_EVENT_MONITOR_STOPPED); /* what a loop waits for is not lost */
}

/* Events for nobody are kept up to a number, the first of them; a reader that takes any number gets them all. */
static void nobody_reads_at_all (void)
{
    enum { EVENTS = 12000, KEPT = 10000 };
    void *pull = OPEN (ZMQ_PULL), *reader = OPEN (ZMQ_PAIR);
    OK (zmq_socket_monitor (pull, "inproc://unread", ZMQ_EVENT_LISTENING | ZMQ_EVENT_CLOSED));
    for (int i = 0; i < EVENTS / 2 && !checks_failed; i++)
        OK (zmq_unbind (pull, BIND (pull, "ipc")));
    SET (reader, ZMQ_RCVHWM, 0);
    OK (zmq_connect (reader, "inproc://unread"));
    for (int i = 0; i < KEPT && !checks_failed; i++)
        EQUAL (next_event (reader), i % 2 ? ZMQ_EVENT_CLOSED : ZMQ_EVENT_LISTENING);
    QUIET (reader);
    BIND (pull, "ipc"); /* and what comes now, as ever */
    EQUAL (next_event (reader), ZMQ_EVENT_LISTENING);
}

/* Draft: both endpoints, and other socket types. */
static void second_format (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH), *reader = OPEN (ZMQ_PULL);
    int (*monitor) (void *, const char *, uint64_t, int, int);
    uint64_t numbers[3] = {0};
    char local[100] = "", remote[100] = "";
    *(void **) &monitor = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_versioned");
    REQUIRE (monitor != NULL);
    OK (monitor (push, "inproc://second", ZMQ_EVENT_CONNECTED, 2, ZMQ_PUSH));
    FAILS (monitor (pull, "inproc://third", ZMQ_EVENT_ALL, 2, ZMQ_ROUTER), EINVAL);
    OK (zmq_connect (reader, "inproc://second"));
    const char *endpoint = BIND (pull, "tcp");
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 3; i++) {
        REQUIRE (await (reader, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (reader, numbers + i, 8, 0), 8);
    }
    CHECK (zmq_recv (reader, local, sizeof local, 0) > 0);
    CHECK (zmq_recv (reader, remote, sizeof remote, 0) > 0);
    EQUAL (get_int (reader, ZMQ_RCVMORE), 0);
    CHECK (numbers[0] == ZMQ_EVENT_CONNECTED && numbers[1] == 1 && numbers[2] > 2);
    CHECK (strncmp (local, "tcp://127.0.0.1:", 16) == 0 && strcmp (remote, endpoint) == 0);
}

typedef struct
{
    uint64_t event, value;
    char local[120], remote[120];
} second_event;

/* The next event in the second format. */
static second_event next_second (void *reader)
{
    second_event got = {0};
    uint64_t values = 0;
    REQUIRE (await (reader, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_recv (reader, &got.event, 8, 0), 8);
    EQUAL (zmq_recv (reader, &values, 8, 0), 8);
    EQUAL (values, 1);
    EQUAL (zmq_recv (reader, &got.value, 8, 0), 8);
    CHECK (zmq_recv (reader, got.local, sizeof got.local - 1, 0) >= 0);
    CHECK (zmq_recv (reader, got.remote, sizeof got.remote - 1, 0) >= 0);
    EQUAL (get_int (reader, ZMQ_RCVMORE), 0);
    return got;
}

static void is (second_event got, uint64_t event, const char *local, const char *remote, int line)
{
    if (got.event != event || strcmp (got.local, local) != 0 || strcmp (got.remote, remote) != 0)
        fail_at (__FILE__, line, "event %#x from \"%s\" to \"%s\", expected %#x from \"%s\" to \"%s\"", (int) got.event,
                 got.local, got.remote, (int) event, local, remote);
}
#define IS(got, event, local, remote) is (got, event, local, remote, __LINE__)

/* Each event at both ends: what has been bound is local to the one and remote to the other. */
static void second_format_at_both_ends (void)
{
    int (*monitor) (void *, const char *, uint64_t, int, int);
    *(void **) &monitor = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_versioned");
    REQUIRE (monitor != NULL);
    for (int tcp = 0; tcp < 2; tcp++) {
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH), *at_pull = OPEN (ZMQ_PAIR), *at_push = OPEN (ZMQ_PAIR);
        char endpoint[120], peer[120] = "ipc://"; /* it has no name */
        SET (push, ZMQ_RECONNECT_IVL, 30);
        OK (monitor (pull, "inproc://at-pull", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
        OK (monitor (push, "inproc://at-push", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
        OK (zmq_connect (at_pull, "inproc://at-pull"));
        OK (zmq_connect (at_push, "inproc://at-push"));
        strcpy (endpoint, BIND (pull, tcp ? "tcp" : "ipc"));
        IS (next_second (at_pull), ZMQ_EVENT_LISTENING, endpoint, "");
        OK (zmq_connect (push, endpoint));
        if (tcp)
            IS (next_second (at_push), ZMQ_EVENT_CONNECT_DELAYED, "", endpoint);
        second_event connected = next_second (at_push);
        if (tcp)
            strcpy (peer, connected.local); /* the port is the system's choice */
        CHECK (!tcp || (strncmp (peer, "tcp://127.0.0.1:", 16) == 0 && strcmp (peer, endpoint) != 0));
        IS (connected, ZMQ_EVENT_CONNECTED, peer, endpoint);
        IS (next_second (at_push), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, peer, endpoint);
        IS (next_second (at_pull), ZMQ_EVENT_ACCEPTED, endpoint, peer);
        IS (next_second (at_pull), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint, peer);
        OK (zmq_unbind (pull, endpoint)); /* ends what was accepted too */
        IS (next_second (at_pull), ZMQ_EVENT_CLOSED, endpoint, "");
        IS (next_second (at_push), ZMQ_EVENT_DISCONNECTED, peer, endpoint);
        IS (next_second (at_push), ZMQ_EVENT_CONNECT_RETRIED, "", endpoint);
        if (tcp)
            IS (next_second (at_push), ZMQ_EVENT_CONNECT_DELAYED, "", endpoint);
        IS (next_second (at_push), ZMQ_EVENT_CLOSED, "", endpoint);
        IS (next_second (at_push), ZMQ_EVENT_CONNECT_RETRIED, "", endpoint);
        OK (zmq_bind (pull, endpoint));
        IS (next_second (at_pull), ZMQ_EVENT_LISTENING, endpoint, "");
        second_event accepted = next_second (at_pull);
        if (tcp)
            strcpy (peer, accepted.remote);
        IS (accepted, ZMQ_EVENT_ACCEPTED, endpoint, peer);
        IS (next_second (at_pull), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint, peer);
        CLOSE (push);
        IS (next_second (at_pull), ZMQ_EVENT_DISCONNECTED, endpoint, peer);
        CLOSE (pull);
        IS (next_second (at_pull), ZMQ_EVENT_CLOSED, endpoint, "");
        IS (next_second (at_pull), ZMQ_EVENT_MONITOR_STOPPED, "", "");
        CLOSE (at_pull);
        CLOSE (at_push);
    }
}

/* Who has reset a connection is told when it ends, though the system does not know the peer any more then. */
static void second_format_of_a_reset (void)
{
    static const struct linger at_once = {1, 0};
    int (*monitor) (void *, const char *, uint64_t, int, int);
    *(void **) &monitor = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_versioned");
    REQUIRE (monitor != NULL);
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH), *at_pull = OPEN (ZMQ_PAIR), *at_push = OPEN (ZMQ_PAIR);
    char endpoint[120], peer[120];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    OK (monitor (pull, "inproc://at-pull", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
    OK (zmq_connect (at_pull, "inproc://at-pull"));
    strcpy (endpoint, BIND (pull, "tcp"));
    IS (next_second (at_pull), ZMQ_EVENT_LISTENING, endpoint, "");
    int fd = RAW_CONNECT (endpoint);
    REQUIRE (getsockname (fd, (struct sockaddr *) &address, &size) == 0);
    sprintf (peer, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    IS (next_second (at_pull), ZMQ_EVENT_ACCEPTED, endpoint, peer);
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    IS (next_second (at_pull), ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint, peer);
    OK (setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    close (fd);
    IS (next_second (at_pull), ZMQ_EVENT_DISCONNECTED, endpoint, peer);
    /* The same of who was connected to. */
    OK (monitor (push, "inproc://at-push", ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED, 2, ZMQ_PAIR));
    OK (zmq_connect (at_push, "inproc://at-push"));
    int listener = raw_listen (endpoint);
    OK (zmq_connect (push, endpoint));
    fd = RAW_ACCEPT (listener);
    second_event connected = next_second (at_push);
    IS (connected, ZMQ_EVENT_CONNECTED, connected.local, endpoint);
    RAW_HANDSHAKE (fd, READY_PULL, READY_PUSH);
    OK (setsockopt (fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    close (fd);
    IS (next_second (at_push), ZMQ_EVENT_DISCONNECTED, connected.local, endpoint);
    close (listener);
}

/* The same of what fails. */
static void second_format_of_failures (void)
{
    int (*monitor) (void *, const char *, uint64_t, int, int);
    *(void **) &monitor = dlsym (RTLD_DEFAULT, "zmq_socket_monitor_versioned");
    REQUIRE (monitor != NULL);
    void *first = OPEN (ZMQ_PULL), *second = OPEN (ZMQ_PULL), *reader = OPEN (ZMQ_PAIR);
    char endpoint[120];
    OK (monitor (second, "inproc://second", ZMQ_EVENT_ALL, 2, ZMQ_PAIR));
    OK (zmq_connect (reader, "inproc://second"));
    strcpy (endpoint, BIND (first, "tcp"));
    FAILS (zmq_bind (second, endpoint), EADDRINUSE);
    IS (next_second (reader), ZMQ_EVENT_CLOSED, "", "");
    IS (next_second (reader), ZMQ_EVENT_BIND_FAILED, endpoint + strlen ("tcp://"), "");
    strcpy (endpoint, BIND (second, "tcp"));
    IS (next_second (reader), ZMQ_EVENT_LISTENING, endpoint, "");
    int fd = RAW_CONNECT (endpoint);
    second_event accepted = next_second (reader);
    IS (accepted, ZMQ_EVENT_ACCEPTED, endpoint, accepted.remote);
    RAW_SEND (fd, SIGNATURE "\3\1" "WHAT\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" FILLER);
    second_event failed = next_second (reader);
    IS (failed, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, endpoint, accepted.remote);
    EQUAL (failed.value, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    IS (next_second (reader), ZMQ_EVENT_DISCONNECTED, endpoint, accepted.remote);
    close (fd);
}

RUN_CASES (CASE (reader_comes_late), CASE (reader_is_slow), CASE (nobody_reads_at_all), CASE (second_format),
           CASE (second_format_at_both_ends), CASE (second_format_of_a_reset),
           CASE (second_format_of_failures))
