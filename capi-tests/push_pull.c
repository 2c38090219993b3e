/* PUSH and PULL: round robin, fair queueing, high-water marks, IMMEDIATE. */
#include "check.h"

static void round_robin (void)
{
    EACH_TRANSPORT (transport) {
        void *push = OPEN (ZMQ_PUSH), *pull[3];
        for (int i = 0; i < 3; i++) {
            pull[i] = OPEN (ZMQ_PULL);
            OK (zmq_connect (push, BIND (pull[i], transport)));
        }
        /* The first message of each makes sure that all are connected. */
        for (int i = 0; i < 9; i++) {
            char text[2] = {(char) ('0' + i), 0};
            SENDMORE (push, text);
            SEND (push, "body");
        }
        for (int i = 0; i < 9; i++) {
            char text[2] = {(char) ('0' + i), 0};
            RECVMORE (pull[i % 3], text);
            RECV (pull[i % 3], "body");
        }
        for (int i = 0; i < 3; i++)
            EQUAL (await (pull[i], ZMQ_POLLIN, 0), 0);
    }
}

static void fair_queueing (void)
{
    void *pull = OPEN (ZMQ_PULL), *push[3];
    const char *name = BIND (pull, "inproc");
    for (int i = 0; i < 3; i++) {
        push[i] = OPEN (ZMQ_PUSH);
        OK (zmq_connect (push[i], name));
    }
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            char text[4] = {(char) ('a' + i), (char) ('0' + k), 0};
            SENDMORE (push[i], text);
            SEND (push[i], "end");
        }
    static const char *const order[] = {"a0", "b0", "c0", "a1", "b1", "c1", "a2", "b2", "c2"};
    for (int i = 0; i < 9; i++) {
        RECVMORE (pull, order[i]);
        RECV (pull, "end");
    }
}

static void no_peer_no_loss (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (push, "tcp");
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    OK (zmq_connect (pull, endpoint));
    EQUAL (zmq_send (push, "waited", 6, 0), 6);
    RECV (pull, "waited");
}

static int capacity (int send_hwm, int receive_hwm, int limit)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    SET (push, ZMQ_SNDHWM, send_hwm);
    SET (pull, ZMQ_RCVHWM, receive_hwm);
    OK (zmq_connect (push, BIND (pull, "inproc")));
    int n = fill (push, "x", limit);
    CLOSE (push);
    CLOSE (pull);
    return n;
}

static void inproc_capacity (void)
{
    EQUAL (capacity (2, 3, 100), 5);
    EQUAL (capacity (1, 1, 100), 2);
    EQUAL (capacity (10, 20, 100), 30);
    EQUAL (capacity (0, 5, 3000), 3000);
    EQUAL (capacity (5, 0, 3000), 3000);
    EQUAL (capacity (0, 0, 3000), 3000);
    EQUAL (capacity (1000, 1000, 5000), 2000);
}

static void hwm_counts_messages_not_parts (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    SET (push, ZMQ_SNDHWM, 2);
    SET (pull, ZMQ_RCVHWM, 1);
    OK (zmq_connect (push, BIND (pull, "inproc")));
    for (int i = 0; i < 3; i++) {
        EQUAL (zmq_send (push, "1", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT), 1);
        EQUAL (zmq_send (push, "2", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT), 1);
        EQUAL (zmq_send (push, "3", 1, ZMQ_DONTWAIT), 1);
    }
    FAILS (zmq_send (push, "4", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT), EAGAIN);
    for (int i = 0; i < 3; i++) {
        RECVMORE (pull, "1");
        RECVMORE (pull, "2");
        RECV (pull, "3");
    }
}

static void resumes_at_the_low_water_mark (void)
{
    /* A full queue of n takes messages again after (n + 1) / 2 have been read. */
    static const int rows[][3] = {{5, 5, 5}, {3, 4, 4}, {2, 2, 2}, {1, 2, 2}, {1, 1, 1}};
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        int total = rows[row][0] + rows[row][1], reads = 0;
        SET (push, ZMQ_SNDHWM, rows[row][0]);
        SET (pull, ZMQ_RCVHWM, rows[row][1]);
        OK (zmq_connect (push, BIND (pull, "inproc")));
        EQUAL (fill (push, "x", 100), total);
        while (reads < total) {
            if (get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT)
                break;
            RECV (pull, "x");
            reads++;
        }
        EQUAL (reads, rows[row][2]);
        /* What was given back can be sent without waiting. */
        EVENTUALLY (zmq_send (push, "y", 1, ZMQ_DONTWAIT) == 1);
        EQUAL (fill (push, "y", 100), reads - 1);
    }
}

static void full_peer_is_skipped (void)
{
    void *push = OPEN (ZMQ_PUSH), *slow = OPEN (ZMQ_PULL), *fast = OPEN (ZMQ_PULL);
    SET (push, ZMQ_SNDHWM, 1);
    SET (slow, ZMQ_RCVHWM, 1);
    SET (fast, ZMQ_RCVHWM, 100);
    OK (zmq_connect (push, BIND (slow, "inproc")));
    OK (zmq_connect (push, BIND (fast, "inproc")));
    EQUAL (fill (push, "x", 1000), 2 + 101);
    for (int i = 0; i < 101; i++)
        RECV (fast, "x");
    for (int i = 0; i < 2; i++)
        RECV (slow, "x");
}

static void tcp_back_pressure (void)
{
    EACH_TRANSPORT (transport) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        char *big = calloc (1, 100000);
        SET (push, ZMQ_SNDHWM, 10);
        SET (pull, ZMQ_RCVHWM, 10);
        OK (zmq_connect (push, BIND (pull, transport)));
        int sent = 0, got = 0;
        /* Until it stays blocked: two tries with a pause fail. */
        while (sent < 20000) {
            if (zmq_send (push, big, 100000, ZMQ_DONTWAIT) == 100000)
                sent++;
            else if (!await (push, ZMQ_POLLOUT, 200))
                break;
        }
        CHECK (sent >= 20 && sent < 5000);
        while (got < sent && await (pull, ZMQ_POLLIN, ARRIVES_MS)) {
            EQUAL (zmq_recv (pull, big, 100000, 0), 100000);
            got++;
        }
        EQUAL (got, sent);
        free (big);
        CLOSE (push);
        CLOSE (pull);
    }
}

static void *send_many (void *push)
{
    for (int i = 0; i < 3000; i++)
        if (zmq_send (push, &i, sizeof i, 0) != sizeof i)
            return NULL;
    return push;
}

static void blocked_sender_continues (void)
{
    EACH_TRANSPORT (transport) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL), *result;
        pthread_t thread;
        int number;
        SET (push, ZMQ_SNDHWM, 3);
        SET (pull, ZMQ_RCVHWM, 2);
        OK (zmq_connect (push, BIND (pull, transport)));
        pthread_create (&thread, NULL, send_many, push);
        for (int i = 0; i < 3000; i++) {
            EQUAL (zmq_recv (pull, &number, sizeof number, 0), sizeof number);
            REQUIRE (number == i);
        }
        pthread_join (thread, &result);
        CHECK (result == push);
    }
}

static void queues_before_the_peer_exists (void)
{
    /* A connecting socket takes its high-water mark of messages before any peer is there. */
    void *push = OPEN (ZMQ_PUSH), *holder = OPEN (ZMQ_PULL);
    char endpoint[100];
    strcpy (endpoint, BIND (holder, "tcp"));
    OK (zmq_unbind (holder, endpoint));
    SET (push, ZMQ_SNDHWM, 3);
    SET (push, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (push, endpoint));
    EQUAL (fill (push, "queued", 100), 3);
    void *pull = OPEN (ZMQ_PULL);
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    for (int i = 0; i < 3; i++)
        RECV (pull, "queued");
}

static void immediate (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL), *holder = OPEN (ZMQ_PULL);
    char endpoint[100];
    strcpy (endpoint, BIND (holder, "tcp"));
    OK (zmq_unbind (holder, endpoint));
    SET (push, ZMQ_IMMEDIATE, 1);
    SET (push, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (push, endpoint));
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    EQUAL (await (push, ZMQ_POLLOUT, QUIET_MS), 0);
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    SEND (push, "connected");
    RECV (pull, "connected");
    CLOSE (pull);
    EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
}

static void immediate_sends_only_to_the_living (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    SET (push, ZMQ_IMMEDIATE, 1);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    OK (zmq_connect (push, BIND (pull, "tcp")));
    for (int i = 0; i < 20; i++)
        SEND (push, "x");
    for (int i = 0; i < 20; i++)
        RECV (pull, "x");
}

static void conflate (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    SET (pull, ZMQ_CONFLATE, 1);
    SET (push, ZMQ_CONFLATE, 1);
    OK (zmq_connect (push, BIND (pull, "inproc")));
    for (int i = 0; i < 5000; i++)
        REQUIRE (zmq_send (push, &i, sizeof i, ZMQ_DONTWAIT) == sizeof i);
    int last = 4999;
    RECV_BYTES (pull, &last, sizeof last, 0);
    QUIET (pull);
    SENDMORE (push, "first");
    SEND (push, "last");
    RECV (pull, "last"); /* only the last part remains, without MORE */
    QUIET (pull);
}

static void hwm_can_be_raised_later (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    SET (push, ZMQ_SNDHWM, 1);
    SET (pull, ZMQ_RCVHWM, 1);
    OK (zmq_connect (push, BIND (pull, "inproc")));
    SET (push, ZMQ_SNDHWM, 5);
    EQUAL (fill (push, "x", 100), 6);
    CLOSE (push);
    CLOSE (pull);
}

RUN_CASES (CASE (round_robin), CASE (fair_queueing), CASE (no_peer_no_loss), CASE (inproc_capacity),
           CASE (hwm_counts_messages_not_parts), CASE (resumes_at_the_low_water_mark), CASE (full_peer_is_skipped),
           CASE (tcp_back_pressure), CASE (blocked_sender_continues), CASE (queues_before_the_peer_exists),
           CASE (immediate), CASE (immediate_sends_only_to_the_living), CASE (conflate),
           CASE (hwm_can_be_raised_later))
