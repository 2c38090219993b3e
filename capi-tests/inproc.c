/* inproc: names, connecting before binding, shared memory of messages, ends of connections. */
#include "check.h"

static void connect_before_bind (void)
{
    void *a = OPEN (ZMQ_PUSH), *b = OPEN (ZMQ_PULL);
    OK (zmq_connect (a, "inproc://later"));
    SEND (a, "early");
    SENDMORE (a, "two");
    SEND (a, "parts");
    OK (zmq_bind (b, "inproc://later"));
    RECV (b, "early");
    RECVMORE (b, "two");
    RECV (b, "parts");
    SEND (a, "after");
    RECV (b, "after");
}

static void many_connect_before_bind (void)
{
    void *a[20], *b = OPEN (ZMQ_PULL);
    for (int i = 0; i < 20; i++) {
        a[i] = OPEN (ZMQ_PUSH);
        OK (zmq_connect (a[i], "inproc://later"));
        SEND (a[i], "x");
    }
    OK (zmq_bind (b, "inproc://later"));
    for (int i = 0; i < 20; i++)
        RECV (b, "x");
}

static void capacity_before_bind (void)
{
    void *a = OPEN (ZMQ_PUSH), *b = OPEN (ZMQ_PULL);
    SET (a, ZMQ_SNDHWM, 3);
    SET (b, ZMQ_RCVHWM, 4);
    OK (zmq_connect (a, "inproc://later"));
    EQUAL (fill (a, "x", 100), 3);
    OK (zmq_bind (b, "inproc://later"));
    EVENTUALLY (zmq_send (a, "x", 1, ZMQ_DONTWAIT) == 1);
    EQUAL (fill (a, "x", 100), 3);
    for (int i = 0; i < 7; i++)
        RECV (b, "x");
}

static void names (void)
{
    void *a = OPEN (ZMQ_PAIR), *b = OPEN (ZMQ_PAIR), *c = OPEN (ZMQ_PAIR);
    char longest[400];
    OK (zmq_bind (a, "inproc://x"));
    FAILS (zmq_bind (b, "inproc://x"), EADDRINUSE);
    FAILS (zmq_bind (a, "inproc://x"), EADDRINUSE);
    OK (zmq_bind (b, "inproc://X")); /* another name */
    OK (zmq_bind (b, "inproc://with spaces/and:other*signs"));
    OK (zmq_connect (c, "inproc://with spaces/and:other*signs"));
    SEND (c, "hello");
    RECV (b, "hello");
    FAILS (zmq_bind (a, "inproc://"), EINVAL);
    FAILS (zmq_connect (a, "inproc://"), EINVAL);
    strcpy (longest, "inproc://");
    memset (longest + 9, 'n', sizeof longest - 10);
    longest[sizeof longest - 1] = 0;
    OK (zmq_bind (a, longest));
    FAILS (zmq_unbind (b, "inproc://x"), ENOENT);
    FAILS (zmq_disconnect (b, "inproc://none"), ENOENT);
    FAILS (zmq_unbind (a, "inproc://xy"), ENOENT);
}

static void name_is_free_again (void)
{
    for (int i = 0; i < 20; i++) {
        void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PULL), *c = OPEN (ZMQ_PUSH);
        OK (zmq_bind (a, "inproc://again"));
        OK (zmq_unbind (a, "inproc://again"));
        FAILS (zmq_unbind (a, "inproc://again"), ENOENT);
        OK (zmq_bind (b, "inproc://again"));
        OK (zmq_connect (c, "inproc://again"));
        SEND (c, "for b");
        RECV (b, "for b");
        CLOSE (b);
        EVENTUALLY (zmq_bind (a, "inproc://again") == 0);
        CLOSE (a);
        CLOSE (c);
        EVENTUALLY (zmq_bind (b = OPEN (ZMQ_PULL), "inproc://again") == 0);
        CLOSE (b);
        void *d = OPEN (ZMQ_PULL);
        EVENTUALLY (zmq_bind (d, "inproc://again") == 0);
        OK (zmq_unbind (d, "inproc://again"));
    }
}

static void unbind_keeps_connections (void)
{
    void *a, *b, *late = OPEN (ZMQ_PAIR);
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    SEND (b, "before");
    OK (zmq_unbind (a, last_endpoint (a)));
    RECV (a, "before");
    SEND (b, "after");
    RECV (a, "after");
    SEND (a, "back");
    RECV (b, "back");
    OK (zmq_connect (late, last_endpoint (b))); /* waits for a new owner of the name */
    SEND (late, "x");
    QUIET (a);
}

static void disconnect (void)
{
    void *pull, *push;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    SEND (push, "sent");
    FAILS (zmq_disconnect (push, "inproc://other"), ENOENT);
    OK (zmq_disconnect (push, last_endpoint (pull)));
    FAILS (zmq_disconnect (push, last_endpoint (pull)), ENOENT);
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    RECV (pull, "sent");
    OK (zmq_connect (push, last_endpoint (pull)));
    SEND (push, "again");
    RECV (pull, "again");
}

/* Not only text is a name. */
static void names_are_bytes (void)
{
    static const char *const names[] = {"inproc://caf\xe9", "inproc://\xff\xfe", "inproc://\x80"};
    void *pulls[3], *pushes[3];
    for (int i = 0; i < 3; i++) {
        pulls[i] = OPEN (ZMQ_PULL), pushes[i] = OPEN (ZMQ_PUSH);
        OK (zmq_connect (pushes[i], names[i]));
        OK (zmq_bind (pulls[i], names[i]));
        EQUAL (strcmp (last_endpoint (pulls[i]), names[i]), 0);
        EQUAL (strcmp (last_endpoint (pushes[i]), names[i]), 0);
    }
    FAILS (zmq_bind (pulls[0], "inproc://caf\xe9"), EADDRINUSE);
    FAILS (zmq_unbind (pulls[0], "inproc://caf\xe8"), ENOENT);
    FAILS (zmq_bind (pulls[0], "caf\xe9://name"), EPROTONOSUPPORT);
    for (int i = 0; i < 3; i++) {
        SEND (pushes[i], names[i]);
        RECV (pulls[i], names[i]);
        OK (zmq_disconnect (pushes[i], names[i]));
        OK (zmq_unbind (pulls[i], names[i]));
        OK (zmq_bind (OPEN (ZMQ_PULL), names[i]));
    }
}

static void disconnect_discards_unread (void)
{
    EACH_TRANSPORT (transport) {
        void *push, *pull;
        JOIN (push, ZMQ_PUSH, pull, ZMQ_PULL, transport);
        SEND (push, "read");
        RECV (pull, "read");
        SEND (push, "unread");
        EQUAL (await (pull, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
        OK (zmq_disconnect (pull, last_endpoint (push)));
        QUIET (pull);
    }
}

static void same_memory (void)
{
    static char block[5000];
    static const size_t sizes[] = {34, 100, 5000};
    void *a, *b;
    zmq_msg_t m;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    for (int i = 0; i < 3; i++) {
        zmq_msg_init_size (&m, sizes[i]);
        void *data = zmq_msg_data (&m);
        EQUAL (zmq_msg_send (&m, a, 0), sizes[i]);
        EQUAL (zmq_msg_recv (&m, b, 0), sizes[i]);
        CHECK (zmq_msg_data (&m) == data);
        OK (zmq_msg_close (&m));
    }
    static const size_t user_sizes[] = {1, 20, 5000};
    for (int i = 0; i < 3; i++) {
        OK (zmq_msg_init_data (&m, block, user_sizes[i], NULL, NULL));
        EQUAL (zmq_msg_send (&m, a, 0), user_sizes[i]);
        EQUAL (zmq_msg_recv (&m, b, 0), user_sizes[i]);
        CHECK (zmq_msg_data (&m) == block);
        OK (zmq_msg_close (&m));
    }
}

static void closed_sender_has_delivered (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "inproc");
    SET (b, ZMQ_LINGER, 0); /* not even so are they lost */
    for (int i = 0; i < 100; i++)
        EQUAL (zmq_send (b, &i, sizeof i, 0), sizeof i);
    CLOSE (b);
    for (int i = 0; i < 100; i++)
        RECV_BYTES (a, &i, sizeof i, 0);
    QUIET (a);
}

static void closed_receiver (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "inproc");
    SEND (b, "x");
    CLOSE (a);
    EVENTUALLY ((get_int (b, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    FAILS (zmq_send (b, "x", 1, ZMQ_DONTWAIT), EAGAIN);
}

/* With the peer its endpoint is gone: there is nothing left to disconnect from. */
static void endpoint_of_a_closed_peer_is_forgotten (void)
{
    /* A socket that has ended completely makes room for another one. */
    OK (zmq_ctx_set (context (), ZMQ_MAX_SOCKETS, 2));
    void *pull, *push, *next = NULL;
    char endpoint[100];
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    strcpy (endpoint, last_endpoint (pull));
    SEND (push, "x");
    RECV (pull, "x");
    CLOSE (pull);
    EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    EVENTUALLY ((get_int (push, ZMQ_EVENTS), next = zmq_socket (context (), ZMQ_PULL)) != NULL);
    REQUIRE (next);
    keep (next);
    EQUAL (get_int (push, ZMQ_EVENTS), 0);
    FAILS (zmq_disconnect (push, endpoint), ENOENT);
    /* The name serves again. */
    OK (zmq_bind (next, endpoint));
    OK (zmq_connect (push, endpoint));
    SEND (push, "again");
    RECV (next, "again");
    OK (zmq_disconnect (push, endpoint));
}

static void several_names (void)
{
    void *a = OPEN (ZMQ_PULL), *b[5];
    char name[30];
    for (int i = 0; i < 5; i++) {
        snprintf (name, sizeof name, "inproc://name/%d", i);
        OK (zmq_bind (a, name));
        EQUAL (strcmp (last_endpoint (a), name), 0);
        b[i] = OPEN (ZMQ_PUSH);
        OK (zmq_connect (b[i], name));
        SEND (b[i], "x");
    }
    for (int i = 0; i < 5; i++)
        RECV (a, "x");
}

static void connected_twice (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "inproc");
    OK (zmq_connect (b, last_endpoint (a))); /* a second connection */
    SET (a, ZMQ_RCVHWM, 1000);
    for (int i = 0; i < 10; i++)
        SEND (b, "x");
    for (int i = 0; i < 10; i++)
        RECV (a, "x");
    OK (zmq_disconnect (b, last_endpoint (a))); /* ends both */
    FAILS (zmq_send (b, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_disconnect (b, last_endpoint (a)), ENOENT);
}

/* Every thread binds or connects its own name against the others. */
static void *one_client (void *arg)
{
    void *s = zmq_socket (case_context, ZMQ_REQ);
    char buffer[8];
    (void) arg;
    set_int (s, ZMQ_RCVTIMEO, ARRIVES_MS);
    intptr_t good = zmq_connect (s, "inproc://server") == 0;
    for (int i = 0; i < 200 && good; i++)
        good = zmq_send (s, "ask", 3, 0) == 3 && zmq_recv (s, buffer, sizeof buffer, 0) == 3;
    zmq_close (s);
    return (void *) good;
}

static void threads_connect_at_once (void)
{
    pthread_t threads[8];
    void *rep = OPEN (ZMQ_REP), *result;
    char buffer[8];
    for (int i = 0; i < 8; i++)
        pthread_create (&threads[i], NULL, one_client, NULL);
    OK (zmq_bind (rep, "inproc://server"));
    for (int i = 0; i < 1600; i++) {
        REQUIRE (await (rep, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (rep, buffer, sizeof buffer, 0), 3);
        EQUAL (zmq_send (rep, buffer, 3, 0), 3);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join (threads[i], &result);
        CHECK (result != NULL);
    }
}

/* A limit that is changed later still has the peer's beside it, whoever came first. */
static void limit_changed_after_connect_before_bind (void)
{
    static const char *const names[] = {"inproc://connected-first", "inproc://bound-first"};
    for (int first = 0; first < 2; first++) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        SET (push, ZMQ_SNDHWM, 2);
        SET (pull, ZMQ_RCVHWM, 3);
        if (first)
            OK (zmq_bind (pull, names[first]));
        OK (zmq_connect (push, names[first]));
        if (!first)
            OK (zmq_bind (pull, names[first]));
        SET (push, ZMQ_SNDHWM, 4);
        EQUAL (fill (push, "x", 100), 7);
        CLOSE (push);
        CLOSE (pull);
    }
}

RUN_CASES (CASE (connect_before_bind), CASE (limit_changed_after_connect_before_bind), CASE (many_connect_before_bind), CASE (capacity_before_bind), CASE (names),
           CASE (name_is_free_again), CASE (unbind_keeps_connections), CASE (disconnect),
           CASE (disconnect_discards_unread), CASE (same_memory), CASE (closed_sender_has_delivered),
           CASE (closed_receiver), CASE (endpoint_of_a_closed_peer_is_forgotten), CASE (several_names), CASE (names_are_bytes), CASE (connected_twice), CASE (threads_connect_at_once))
