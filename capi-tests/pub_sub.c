/* PUB and SUB: prefixes, reference counts, drops at the high-water mark, reconnection. */
#include "check.h"

static void subscribe (void *sub, const char *topic)
{
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)));
}

static void unsubscribe (void *sub, const char *topic)
{
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic, strlen (topic)));
}

/* Publishes a marker, subscribed to just now, until the subscriber has it, then throws the other copies away, and what came before. Afterwards every earlier
   subscription of it is in force at the publisher. */
static void settle (void *pub, void *sub)
{
    static int number;
    char marker[16], end[20], buffer[32] = "";
    snprintf (marker, sizeof marker, "~%d.", number++);
    snprintf (end, sizeof end, "%send", marker);
    subscribe (sub, marker);
    for (int i = 0; i < 500 && strcmp (buffer, marker) != 0; i++) {
        zmq_send (pub, marker, strlen (marker) + 1, 0);
        if (await (sub, ZMQ_POLLIN, 10))
            zmq_recv (sub, buffer, sizeof buffer, ZMQ_DONTWAIT);
    }
    EQUAL (strcmp (buffer, marker), 0);
    zmq_send (pub, end, strlen (end) + 1, 0);
    do
        REQUIRE (await (sub, ZMQ_POLLIN, ARRIVES_MS));
    while (zmq_recv (sub, buffer, sizeof buffer, 0) == -1 || strcmp (buffer, end) != 0);
    unsubscribe (sub, marker);
}

static void prefixes (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, transport);
        subscribe (sub, "ab");
        subscribe (sub, "xyz");
        subscribe (sub, "#");
        settle (pub, sub);
        static const char *const sent[] = {"a", "ab", "abc", "b", "xy", "xyz1", "", "ABC", "cab"};
        for (int i = 0; i < 9; i++)
            SEND (pub, sent[i]);
        SENDMORE (pub, "no"); /* only the first part decides */
        SEND (pub, "ab");
        SENDMORE (pub, "ab");
        SEND (pub, "no");
        RECV (sub, "ab");
        RECV (sub, "abc");
        RECV (sub, "xyz1");
        RECVMORE (sub, "ab");
        RECV (sub, "no");
        QUIET (sub);
    }
}

static void nothing_without_subscription (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *all, *none;
        JOIN (pub, ZMQ_PUB, none, ZMQ_SUB, transport);
        all = OPEN (ZMQ_SUB);
        subscribe (all, "");
        OK (zmq_connect (all, last_endpoint (pub)));
        settle (pub, all);
        SEND (pub, "x");
        RECV (all, "x");
        QUIET (none);
        subscribe (none, "");
        settle (pub, none);
        SEND (pub, "y");
        RECV (none, "y");
        unsubscribe (none, "");
        QUIET (none);
    }
}

static void topics_are_counted (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, transport);
        subscribe (sub, "#");
        subscribe (sub, "t");
        subscribe (sub, "t");
        unsubscribe (sub, "t");
        settle (pub, sub);
        SEND (pub, "t1");
        RECV (sub, "t1"); /* one copy, and still one subscription */
        unsubscribe (sub, "t");
        unsubscribe (sub, "t");
        SEND (pub, "t2");
        settle (pub, sub);
        subscribe (sub, "t");
        settle (pub, sub);
        SEND (pub, "t3");
        RECV (sub, "t3");
        QUIET (sub);
    }
}

static void one_copy_for_overlapping_topics (void)
{
    void *pub, *sub;
    JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, "inproc");
    subscribe (sub, "");
    subscribe (sub, "a");
    subscribe (sub, "ab");
    SEND (pub, "abc");
    RECV (sub, "abc");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void subscription_over_inproc_is_immediate (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    subscribe (sub, "a");
    OK (zmq_connect (sub, "inproc://first-connect"));
    OK (zmq_bind (pub, "inproc://first-connect"));
    SEND (pub, "a1");
    RECV (sub, "a1");
    void *late = OPEN (ZMQ_SUB);
    subscribe (late, "a");
    OK (zmq_connect (late, "inproc://first-connect"));
    SEND (pub, "a2");
    RECV (late, "a2");
    RECV (sub, "a2");
    unsubscribe (sub, "a");
    SEND (pub, "a3");
    RECV (late, "a3");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void unsubscribed_while_queued (void)
{
    void *pub, *sub;
    JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, "inproc");
    subscribe (sub, "a");
    subscribe (sub, "b");
    SEND (pub, "a1");
    SEND (pub, "b1");
    SEND (pub, "a2");
    unsubscribe (sub, "a");
    RECV (sub, "b1");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void full_subscriber_loses_the_newest (void)
{
    void *pub = OPEN (ZMQ_PUB), *slow = OPEN (ZMQ_SUB), *fast = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_SNDHWM, 4);
    SET (slow, ZMQ_RCVHWM, 6);
    SET (fast, ZMQ_RCVHWM, 1000);
    const char *name = BIND (pub, "inproc");
    subscribe (slow, "");
    subscribe (fast, "");
    OK (zmq_connect (slow, name));
    OK (zmq_connect (fast, name));
    for (int i = 0; i < 50; i++) {
        EQUAL (get_int (pub, ZMQ_EVENTS), ZMQ_POLLOUT);
        EQUAL (zmq_send (pub, &i, sizeof i, ZMQ_DONTWAIT), sizeof i);
    }
    for (int i = 0; i < 50; i++)
        RECV_BYTES (fast, &i, sizeof i, 0);
    for (int i = 0; i < 10; i++)
        RECV_BYTES (slow, &i, sizeof i, 0);
    EQUAL (await (slow, ZMQ_POLLIN, 0), 0);
    /* After that it gets new ones again. */
    int next = 1000;
    EVENTUALLY (zmq_send (pub, &next, sizeof next, 0) == sizeof next && await (slow, ZMQ_POLLIN, 10));
    RECV_BYTES (slow, &next, sizeof next, 0);
}

static void slow_reader_does_not_delay_others (void)
{
    void *pub = OPEN (ZMQ_PUB), *slow = OPEN (ZMQ_SUB), *fast = OPEN (ZMQ_SUB);
    char *big = calloc (1, 20000);
    SET (pub, ZMQ_SNDHWM, 200);
    SET (slow, ZMQ_RCVHWM, 1);
    const char *endpoint = BIND (pub, "tcp");
    subscribe (slow, "");
    subscribe (fast, "");
    OK (zmq_connect (slow, endpoint));
    OK (zmq_connect (fast, endpoint));
    settle (pub, fast);
    for (int i = 0; i < 2000; i++) {
        memcpy (big, &i, sizeof i);
        REQUIRE (zmq_send (pub, big, 20000, 0) == 20000);
        RECV_BYTES (fast, big, 20000, 0);
    }
    free (big);
}

static void conflate (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    SET (sub, ZMQ_CONFLATE, 1);
    subscribe (sub, "");
    OK (zmq_connect (sub, BIND (pub, "inproc")));
    for (int i = 0; i < 100; i++)
        EQUAL (zmq_send (pub, &i, sizeof i, 0), sizeof i);
    int last = 99;
    RECV_BYTES (sub, &last, sizeof last, 0);
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void resubscribes_after_reconnection (void)
{
    void *sub = OPEN (ZMQ_SUB), *pub = OPEN (ZMQ_XPUB);
    char endpoint[100];
    SET (sub, ZMQ_RECONNECT_IVL, 10);
    subscribe (sub, "keep");
    subscribe (sub, "keep");
    subscribe (sub, "drop");
    strcpy (endpoint, BIND (pub, "tcp"));
    OK (zmq_connect (sub, endpoint));
    /* Over the wire each distinct topic comes once, in any order. */
    for (int i = 0; i < 2; i++)
        REQUIRE (discard (pub, ARRIVES_MS));
    unsubscribe (sub, "drop");
    RECV_BYTES (pub, "\0drop", 5, 0);
    CLOSE (pub);
    pub = OPEN (ZMQ_XPUB);
    EVENTUALLY (zmq_bind (pub, endpoint) == 0);
    /* The subscriber may need a call of its own to renew its subscriptions. */
    EVENTUALLY (await (sub, ZMQ_POLLIN, 0) == 0 && await (pub, ZMQ_POLLIN, 5));
    RECV (pub, "\001keep");
    QUIET (pub);
    SEND (pub, "drop");
    SEND (pub, "keep");
    RECV (sub, "keep");
}

static void several_publishers (void)
{
    void *sub = OPEN (ZMQ_SUB), *pub[3];
    subscribe (sub, "a");
    for (int i = 0; i < 3; i++) {
        pub[i] = OPEN (ZMQ_PUB);
        OK (zmq_connect (sub, BIND (pub[i], "inproc")));
    }
    for (int i = 0; i < 3; i++) {
        SEND (pub[i], "b");
        SEND (pub[i], "a");
    }
    for (int i = 0; i < 3; i++)
        RECV (sub, "a");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
    subscribe (sub, "b");
    for (int i = 0; i < 3; i++)
        SEND (pub[i], "b");
    for (int i = 0; i < 3; i++)
        RECV (sub, "b");
}

static void publisher_connects (void)
{
    void *sub, *pub;
    JOIN (sub, ZMQ_SUB, pub, ZMQ_PUB, "tcp");
    subscribe (sub, "");
    settle (pub, sub);
    SEND (pub, "hello");
    RECV (sub, "hello");
}

static void many_topics (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    char topic[32];
    /* Subscriptions count against the high-water marks like messages. */
    SET (pub, ZMQ_RCVHWM, 0);
    SET (sub, ZMQ_SNDHWM, 0);
    OK (zmq_connect (sub, BIND (pub, "tcp")));
    for (int i = 0; i < 2000; i++) {
        snprintf (topic, sizeof topic, "topic/%d/", i);
        subscribe (sub, topic);
    }
    subscribe (sub, "#");
    settle (pub, sub);
    for (int i = 0; i < 2000; i += 97) {
        snprintf (topic, sizeof topic, "topic/%d/x", i);
        SEND (pub, topic);
        RECV (sub, topic);
    }
    for (int i = 0; i < 2000; i += 2) {
        snprintf (topic, sizeof topic, "topic/%d/", i);
        unsubscribe (sub, topic);
    }
    settle (pub, sub);
    SEND (pub, "topic/2/");
    SEND (pub, "topic/2000/");
    SEND (pub, "topic/3/");
    RECV (sub, "topic/3/");
    QUIET (sub);
}

static void inverted_matching (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_INVERT_MATCHING, 1);
    SET (sub, ZMQ_INVERT_MATCHING, 1);
    subscribe (sub, "a");
    OK (zmq_connect (sub, BIND (pub, "inproc")));
    SEND (pub, "apple");
    SEND (pub, "banana");
    RECV (sub, "banana");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void multipart_is_atomic (void)
{
    void *pub, *sub;
    JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, "inproc");
    SENDMORE (pub, "a");
    void *late = OPEN (ZMQ_SUB);
    subscribe (late, "");
    OK (zmq_connect (late, last_endpoint (pub)));
    SEND (pub, "rest");
    SEND (pub, "next");
    RECV (late, "next"); /* it joined in the middle of the first message */
    (void) sub;
}

RUN_CASES (CASE (prefixes), CASE (nothing_without_subscription), CASE (topics_are_counted),
           CASE (one_copy_for_overlapping_topics), CASE (subscription_over_inproc_is_immediate),
           CASE (unsubscribed_while_queued), CASE (full_subscriber_loses_the_newest),
           CASE (slow_reader_does_not_delay_others), CASE (conflate), CASE (resubscribes_after_reconnection),
           CASE (several_publishers), CASE (publisher_connects), CASE (many_topics), CASE (inverted_matching),
           CASE (multipart_is_atomic))
