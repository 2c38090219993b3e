/* LINGER: how long closing and terminating wait for unsent messages. */
#include "check.h"
#include "raw.h"
#include "ending.h"

/* Terminates a context whose one PUSH has this many messages for nobody; returns the milliseconds it took. */
static long long term_takes (int linger, int messages, const char *endpoint)
{
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
    SET (push, ZMQ_LINGER, linger);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < messages; i++)
        EQUAL (zmq_send (push, "x", 1, 0), 1);
    OK (zmq_close (push));
    long long start = now_ms ();
    OK (zmq_ctx_term (c));
    return now_ms () - start;
}

static void zero_drops (void)
{
    CHECK (term_takes (0, 10, "tcp://127.0.0.1:1") < 1000);
    CHECK (term_takes (0, 10, "ipc://@capi-nobody-is-here") < 1000);
}

static void milliseconds_are_waited (void)
{
    long long took = term_takes (300, 10, "tcp://127.0.0.1:1");
    CHECK (took >= 250 && took < 2500);
    took = term_takes (300, 10, "ipc://@capi-nobody-is-here");
    CHECK (took >= 250 && took < 2500);
}

static void nothing_pending_nothing_waited (void)
{
    CHECK (term_takes (-1, 0, "tcp://127.0.0.1:1") < 1000);
    CHECK (term_takes (60000, 0, "tcp://127.0.0.1:1") < 1000);
    CHECK (term_takes (-1, 3, "inproc://never-bound") < 1000);
}

static void forever_waits_for_the_peer (void)
{
    char endpoint[100];
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH), *result;
    int listener = raw_listen (endpoint);
    close (listener);
    pthread_t thread;
    SET (push, ZMQ_RECONNECT_IVL, 10); /* LINGER is -1 by default */
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 500; i++)
        EQUAL (zmq_send (push, &i, sizeof i, 0), sizeof i);
    OK (zmq_close (push));
    pthread_create (&thread, NULL, terminate, c);
    struct timespec soon;
    clock_gettime (CLOCK_REALTIME, &soon);
    soon.tv_sec += 1;
    EQUAL (pthread_timedjoin_np (thread, &result, &soon), ETIMEDOUT);
    void *pull = OPEN (ZMQ_PULL);
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    pthread_join (thread, &result);
    CHECK (result == c);
    for (int i = 0; i < 500; i++)
        RECV_BYTES (pull, &i, sizeof i, 0);
}

static void everything_is_written_before_the_end (void)
{
    /* Much more than fits the kernel's buffers, and the receiver is slow to take it. */
    void *pull = OPEN (ZMQ_PULL), *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH), *result;
    static char big[100000];
    pthread_t thread;
    SET (pull, ZMQ_RCVHWM, 1);
    OK (zmq_connect (push, BIND (pull, "tcp")));
    for (int i = 0; i < 200; i++) {
        memcpy (big, &i, sizeof i);
        EQUAL (zmq_send (push, big, sizeof big, 0), sizeof big);
    }
    OK (zmq_close (push));
    pthread_create (&thread, NULL, terminate, c);
    for (int i = 0; i < 200; i++) {
        int number = -1;
        EQUAL (zmq_recv (pull, &number, sizeof number, 0), sizeof big);
        EQUAL (number, i);
    }
    pthread_join (thread, &result);
    CHECK (result == c);
}

/* A PUSH that ends as soon as it has sent its burst. */
static void *burst (void *endpoint)
{
    static char body[65536];
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 500; i++)
        EQUAL (zmq_send (push, body, sizeof body, 0), sizeof body);
    OK (zmq_close (push));
    OK (zmq_ctx_term (c));
    return endpoint;
}

static void closing_in_a_burst_sends_all_of_it (void)
{
    /* The receiver keeps up, so that closing falls into every state that sending can be in. */
    void *pull = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    for (int round = 0; round < 40; round++) {
        pthread_t thread;
        void *result;
        pthread_create (&thread, NULL, burst, (void *) endpoint);
        for (int i = 0; i < 500; i++) {
            char byte;
            EQUAL (zmq_recv (pull, &byte, 1, 0), 65536);
        }
        pthread_join (thread, &result);
        CHECK (result == endpoint);
    }
}

static void value_at_closing_counts (void)
{
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (push, "x", 1, 0), 1);
    SET (push, ZMQ_LINGER, 0);
    OK (zmq_close (push));
    long long start = now_ms ();
    OK (zmq_ctx_term (c));
    CHECK (now_ms () - start < 1000);
}

static void context_without_blocking (void)
{
    void *c = zmq_ctx_new ();
    OK (zmq_ctx_set (c, ZMQ_BLOCKY, 0));
    void *push = zmq_socket (c, ZMQ_PUSH);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (push, "x", 1, 0), 1);
    OK (zmq_close (push));
    long long start = now_ms ();
    OK (zmq_ctx_term (c));
    CHECK (now_ms () - start < 1000);
}

static void silent_peer_is_waited_for (void)
{
    /* It accepts and says nothing: the handshake is not done, so the message counts as not sent. */
    char endpoint[100];
    int listener = raw_listen (endpoint);
    long long took = term_takes (300, 1, endpoint);
    CHECK (took >= 250 && took < 2500);
    close (listener);
}

static void shutdown_keeps_lingering (void)
{
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
    SET (push, ZMQ_LINGER, 300);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (push, "x", 1, 0), 1);
    long long start = now_ms ();
    OK (zmq_ctx_shutdown (c));
    OK (zmq_close (push));
    OK (zmq_ctx_term (c));
    long long took = now_ms () - start;
    CHECK (took >= 250 && took < 2500);
}

/* It leaves the waiting to zmq_ctx_term. */
static void shutdown_does_not_wait (void)
{
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
    SET (push, ZMQ_LINGER, 500);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (push, "x", 1, 0), 1);
    long long start = now_ms ();
    OK (zmq_close (push));
    OK (zmq_ctx_shutdown (c));
    OK (zmq_ctx_shutdown (c));
    CHECK (now_ms () - start < 300);
    OK (zmq_ctx_term (c));
    long long took = now_ms () - start;
    CHECK (took >= 450 && took < 2500);
}

static void unread_messages_do_not_delay (void)
{
    void *c = zmq_ctx_new (), *pull = zmq_socket (c, ZMQ_PULL), *push = zmq_socket (c, ZMQ_PUSH);
    OK (zmq_connect (push, BIND (pull, "tcp")));
    EQUAL (zmq_send (push, "x", 1, 0), 1);
    EQUAL (await (pull, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
    OK (zmq_close (push));
    OK (zmq_close (pull));
    long long start = now_ms ();
    OK (zmq_ctx_term (c));
    CHECK (now_ms () - start < 1000);
}

static void every_order_of_the_end (void)
{
    for (int silent = 0; silent < 2; silent++)
        for (int i = 0; i < 7; i++) {
            if (!strchr (orders[i], 'D'))
                end_in_order (orders[i], 0, silent);
            end_in_order (orders[i], 300, silent);
            end_in_order (orders[i], -1, silent);
        }
}

RUN_CASES (CASE (zero_drops), CASE (milliseconds_are_waited), CASE (nothing_pending_nothing_waited),
           CASE (forever_waits_for_the_peer), CASE (everything_is_written_before_the_end),
           CASE (closing_in_a_burst_sends_all_of_it), CASE (value_at_closing_counts), CASE (context_without_blocking), CASE (silent_peer_is_waited_for),
           CASE (shutdown_keeps_lingering), CASE (shutdown_does_not_wait), CASE (unread_messages_do_not_delay), CASE (every_order_of_the_end))
