/* PAIR: one peer at a time, both directions. */
#include "check.h"

static void both_directions (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        for (int i = 0; i < 100; i++) {
            SEND (a, "ping");
            SENDMORE (b, "po");
            SEND (b, "ng");
            RECV (b, "ping");
            RECVMORE (a, "po");
            RECV (a, "ng");
        }
    }
}

static void no_peer (void)
{
    void *a = OPEN (ZMQ_PAIR);
    char buffer[4];
    BIND (a, "tcp");
    FAILS (zmq_send (a, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_recv (a, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    EQUAL (get_int (a, ZMQ_EVENTS), 0);
}

static void second_peer_is_ignored (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *first, *second = OPEN (ZMQ_PAIR);
        JOIN (a, ZMQ_PAIR, first, ZMQ_PAIR, transport);
        SEND (first, "hello");
        RECV (a, "hello");
        OK (zmq_connect (second, last_endpoint (a)));
        zmq_send (second, "ignored", 7, ZMQ_DONTWAIT);
        SEND (a, "to the first");
        RECV (first, "to the first");
        QUIET (a);
        EQUAL (await (second, ZMQ_POLLIN, 0), 0);
        SEND (first, "still there");
        RECV (a, "still there");
    }
}

/* Over inproc the one that is ignored learns of it: it has no peer, and takes nothing that would be lost. */
static void third_of_a_pair_has_no_peer (void)
{
    void *a, *first, *third = OPEN (ZMQ_PAIR);
    JOIN (a, ZMQ_PAIR, first, ZMQ_PAIR, "inproc");
    SEND (first, "hello");
    RECV (a, "hello");
    OK (zmq_connect (third, last_endpoint (a)));
    EVENTUALLY ((get_int (a, ZMQ_EVENTS), get_int (third, ZMQ_EVENTS)) == 0);
    FAILS (zmq_send (third, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    for (int i = 0; i < 10; i++) {
        SEND (a, "to the first");
        RECV (first, "to the first");
        SEND (first, "back");
        RECV (a, "back");
    }
    FAILS (zmq_send (third, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    EQUAL (get_int (third, ZMQ_EVENTS), 0);
    QUIET (a);
}

static void next_peer_after_the_first_left (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *first;
        JOIN (a, ZMQ_PAIR, first, ZMQ_PAIR, transport);
        SEND (first, "hello");
        RECV (a, "hello");
        CLOSE (first);
        EVENTUALLY ((get_int (a, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
        /* The place is free a moment after the old peer is gone: until then a newcomer is ignored. */
        void *next = NULL;
        for (int tries = 0; tries < 20; tries++) {
            next = OPEN (ZMQ_PAIR);
            OK (zmq_connect (next, last_endpoint (a)));
            SEND (next, "next");
            if (await (a, ZMQ_POLLIN, 250))
                break;
            CLOSE (next);
        }
        RECV (a, "next");
        SEND (a, "welcome");
        RECV (next, "welcome");
    }
}

static void unread_messages_survive_the_peer (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        SEND (b, "one");
        RECV (a, "one"); /* connected: the next ones reach the other side */
        SEND (b, "two");
        SENDMORE (b, "three");
        SEND (b, "four");
        EQUAL (await (a, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
        SET (b, ZMQ_LINGER, -1);
        CLOSE (b);
        RECV (a, "two");
        RECVMORE (a, "three");
        RECV (a, "four");
        QUIET (a);
    }
}

static void queue_is_bounded (void)
{
    void *a = OPEN (ZMQ_PAIR), *b = OPEN (ZMQ_PAIR);
    SET (a, ZMQ_RCVHWM, 3);
    SET (b, ZMQ_SNDHWM, 2);
    OK (zmq_connect (b, BIND (a, "inproc")));
    EQUAL (fill (b, "x", 100), 5);
    EQUAL (get_int (b, ZMQ_EVENTS), 0);
    EQUAL (get_int (a, ZMQ_EVENTS), ZMQ_POLLIN | ZMQ_POLLOUT);
    for (int i = 0; i < 5; i++)
        RECV (a, "x");
    EVENTUALLY (get_int (b, ZMQ_EVENTS) == ZMQ_POLLOUT);
}

static void any_type_over_inproc (void)
{
    /* There is no check of the peer's type inside a process. */
    void *pull, *pair;
    JOIN (pull, ZMQ_PULL, pair, ZMQ_PAIR, "inproc");
    SEND (pair, "accepted");
    RECV (pull, "accepted");
}

static void wrong_type_over_tcp (void)
{
    void *pull, *pair;
    JOIN (pull, ZMQ_PULL, pair, ZMQ_PAIR, "tcp");
    zmq_send (pair, "refused", 7, ZMQ_DONTWAIT);
    QUIET (pull);
}

RUN_CASES (CASE (both_directions), CASE (no_peer), CASE (second_peer_is_ignored),
           CASE (third_of_a_pair_has_no_peer),
           CASE (next_peer_after_the_first_left), CASE (unread_messages_survive_the_peer), CASE (queue_is_bounded),
           CASE (any_type_over_inproc), CASE (wrong_type_over_tcp))
