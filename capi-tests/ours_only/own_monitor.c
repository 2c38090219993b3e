/* Monitors that the reference waits for: here they never delay anything. */
#include "../check.h"
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
    int count = 0;
    while (await (reader, ZMQ_POLLIN, 200)) {
        int event = next_event (reader);
        CHECK (event > 0);
        count++;
    }
    CHECK (count >= 10 && count < 1502);
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

RUN_CASES (CASE (reader_comes_late), CASE (reader_is_slow), CASE (second_format))
