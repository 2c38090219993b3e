/* XPUB and XSUB: subscription messages, the verbose and manual modes, welcome, no-drop. */
#include "check.h"

static void subscribe (void *sub, const char *topic)
{
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)));
}

static void unsubscribe (void *sub, const char *topic)
{
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic, strlen (topic)));
}

#define RECV_SUB(pub, topic) RECV_BYTES (pub, "\1" topic, sizeof topic, 0)
#define RECV_UNSUB(pub, topic) RECV_BYTES (pub, "\0" topic, sizeof topic, 0)
#define SEND_SUB(sub, topic) SEND_BYTES (sub, "\1" topic, sizeof topic, 0)
#define SEND_UNSUB(sub, topic) SEND_BYTES (sub, "\0" topic, sizeof topic, 0)

static void notifications (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *one, *two;
        JOIN (pub, ZMQ_XPUB, one, ZMQ_SUB, transport);
        subscribe (one, "A");
        RECV_SUB (pub, "A");
        two = OPEN (ZMQ_SUB);
        OK (zmq_connect (two, last_endpoint (pub)));
        subscribe (two, "A"); /* known already: not reported */
        subscribe (two, "B");
        RECV_SUB (pub, "B");
        subscribe (two, "");
        RECV_SUB (pub, "");
        unsubscribe (two, "A"); /* somebody is left */
        unsubscribe (two, "B");
        RECV_UNSUB (pub, "B");
        unsubscribe (one, "A");
        RECV_UNSUB (pub, "A");
        CLOSE (two);
        RECV_UNSUB (pub, "");
    }
}

static void leaving_subscriber_is_unsubscribed (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        JOIN (pub, ZMQ_XPUB, sub, ZMQ_SUB, transport);
        subscribe (sub, "b");
        RECV_SUB (pub, "b");
        subscribe (sub, "a");
        RECV_SUB (pub, "a");
        CLOSE (sub);
        RECV_UNSUB (pub, "a");
        RECV_UNSUB (pub, "b");
        QUIET (pub);
    }
}

static void filtering (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        JOIN (pub, ZMQ_XPUB, sub, ZMQ_SUB, transport);
        subscribe (sub, "A");
        RECV_SUB (pub, "A");
        SEND (pub, "B");
        SENDMORE (pub, "A1");
        SEND (pub, "B");
        RECVMORE (sub, "A1");
        RECV (sub, "B");
        unsubscribe (sub, "A");
        RECV_UNSUB (pub, "A");
        SEND (pub, "A2");
        QUIET (sub);
    }
}

static void xsub_subscribes_by_messages (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        JOIN (pub, ZMQ_XPUB, sub, ZMQ_XSUB, transport);
        SEND_SUB (sub, "A");
        RECV_SUB (pub, "A");
        SEND (pub, "A1");
        RECV (sub, "A1");
        SEND_SUB (sub, "A");
        SEND_UNSUB (sub, "A"); /* counted: one is left */
        SEND_SUB (sub, "B");
        RECV_SUB (pub, "B");
        SEND (pub, "A2");
        RECV (sub, "A2");
        SEND_UNSUB (sub, "A");
        RECV_UNSUB (pub, "A");
        SEND_UNSUB (sub, "unknown");
        /* Other messages go upstream to the publisher. */
        SENDMORE (sub, "user");
        SEND (sub, "message");
        RECVMORE (pub, "user");
        RECV (pub, "message");
        SEND (sub, "");
        RECV (pub, "");
    }
}

static void late_publisher_gets_all_topics (void)
{
    void *sub = OPEN (ZMQ_XSUB), *pub = OPEN (ZMQ_XPUB);
    SEND_SUB (sub, "A");
    SEND_SUB (sub, "A");
    SEND_SUB (sub, "B");
    SEND_SUB (sub, "C");
    SEND_UNSUB (sub, "B");
    OK (zmq_connect (sub, BIND (pub, "tcp")));
    int seen[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        char text[4] = "";
        REQUIRE (await (pub, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (pub, text, sizeof text, 0), 2);
        EQUAL (text[0], 1);
        seen[0] += text[1] == 'A';
        seen[1] += text[1] == 'C';
    }
    EQUAL (seen[0], 1);
    EQUAL (seen[1], 1);
    QUIET (pub);
}

static void verbose (void)
{
    void *pub = OPEN (ZMQ_XPUB), *one = OPEN (ZMQ_SUB), *two = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_XPUB_VERBOSE, 1);
    const char *name = BIND (pub, "inproc");
    OK (zmq_connect (one, name));
    OK (zmq_connect (two, name));
    subscribe (one, "A");
    RECV_SUB (pub, "A");
    subscribe (two, "A");
    RECV_SUB (pub, "A");
    unsubscribe (one, "A");
    EQUAL (await (pub, ZMQ_POLLIN, 0), 0);
    unsubscribe (two, "A");
    RECV_UNSUB (pub, "A");
}

static void verboser (void)
{
    void *pub = OPEN (ZMQ_XPUB), *one = OPEN (ZMQ_SUB), *two = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_XPUB_VERBOSER, 1);
    const char *name = BIND (pub, "inproc");
    OK (zmq_connect (one, name));
    OK (zmq_connect (two, name));
    subscribe (one, "A");
    RECV_SUB (pub, "A");
    subscribe (two, "A");
    RECV_SUB (pub, "A");
    unsubscribe (one, "A");
    RECV_UNSUB (pub, "A");
    CLOSE (two);
    RECV_UNSUB (pub, "A");
    subscribe (one, "B");
    RECV_SUB (pub, "B");
    /* This one turns the verbose unsubscriptions off again. */
    SET (pub, ZMQ_XPUB_VERBOSE, 1);
    void *three = OPEN (ZMQ_SUB);
    OK (zmq_connect (three, name));
    subscribe (three, "B");
    RECV_SUB (pub, "B");
    unsubscribe (three, "B");
    EQUAL (await (pub, ZMQ_POLLIN, 0), 0);
}

static void manual (void)
{
    EACH_TRANSPORT (transport) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB);
        SET (pub, ZMQ_XPUB_MANUAL, 1);
        OK (zmq_connect (sub, BIND (pub, transport)));
        subscribe (sub, "A");
        subscribe (sub, "B");
        RECV_SUB (pub, "A");
        SEND (pub, "A not yet");
        subscribe (pub, "B"); /* another topic than the one asked for */
        SEND (pub, "A still not");
        SEND (pub, "B1");
        RECV (sub, "B1");
        RECV_SUB (pub, "B");
        unsubscribe (pub, "B");
        SEND (pub, "B2");
        subscribe (pub, "A");
        SEND (pub, "A3");
        RECV (sub, "A3");
        unsubscribe (sub, "A");
        RECV_UNSUB (pub, "A");
        QUIET (sub);
        CLOSE (sub);
    }
}

static void manual_unsubscribed_when_leaving (void)
{
    void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_XPUB_MANUAL, 1);
    OK (zmq_connect (sub, BIND (pub, "tcp")));
    subscribe (sub, "A");
    RECV_SUB (pub, "A");
    subscribe (pub, "XA");
    CLOSE (sub);
    RECV_UNSUB (pub, "A"); /* what the peer had asked for */
    QUIET (pub);
}

static void welcome_message (void)
{
    EACH_TRANSPORT (transport) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB);
        OK (zmq_setsockopt (pub, ZMQ_XPUB_WELCOME_MSG, "W", 1));
        subscribe (sub, "W");
        OK (zmq_connect (sub, BIND (pub, transport)));
        RECV_SUB (pub, "W");
        RECV (sub, "W");
        OK (zmq_setsockopt (pub, ZMQ_XPUB_WELCOME_MSG, NULL, 0));
        void *later = OPEN (ZMQ_XSUB);
        OK (zmq_connect (later, last_endpoint (pub)));
        SEND_SUB (later, "X");
        RECV_SUB (pub, "X");
        SEND (pub, "X1");
        RECV (later, "X1");
    }
}

static void no_drop (void)
{
    void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB), *other = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_XPUB_NODROP, 1);
    SET (pub, ZMQ_SNDHWM, 2);
    SET (sub, ZMQ_RCVHWM, 2);
    SET (other, ZMQ_RCVHWM, 100);
    const char *name = BIND (pub, "inproc");
    subscribe (sub, "a");
    subscribe (other, "");
    OK (zmq_connect (sub, name));
    OK (zmq_connect (other, name));
    for (int i = 0; i < 2; i++)
        discard (pub, ARRIVES_MS);
    EQUAL (fill (pub, "a", 100), 4);
    FAILS (zmq_send (pub, "a", 1, ZMQ_DONTWAIT), EAGAIN);
    SET (pub, ZMQ_SNDTIMEO, 20);
    FAILS (zmq_send (pub, "a", 1, 0), EAGAIN);
    EQUAL (get_int (pub, ZMQ_EVENTS) & ZMQ_POLLOUT, ZMQ_POLLOUT); /* all the same */
    EQUAL (zmq_send (pub, "b", 1, ZMQ_DONTWAIT), 1);              /* the full one is not concerned */
    for (int i = 0; i < 4; i++) {
        RECV (sub, "a");
        RECV (other, "a");
    }
    RECV (other, "b");
    EQUAL (await (other, ZMQ_POLLIN, 0), 0); /* what failed went to nobody */
    EVENTUALLY (zmq_send (pub, "a", 1, ZMQ_DONTWAIT) == 1);
    RECV (sub, "a");
    RECV (other, "a");
}

static void *send_all (void *pub)
{
    for (int i = 0; i < 2000; i++)
        if (zmq_send (pub, &i, sizeof i, 0) != sizeof i)
            return NULL;
    return pub;
}

static void no_drop_blocks_until_there_is_room (void)
{
    EACH_TRANSPORT (transport) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB), *result;
        pthread_t thread;
        SET (pub, ZMQ_XPUB_NODROP, 1);
        SET (pub, ZMQ_SNDHWM, 3);
        SET (sub, ZMQ_RCVHWM, 3);
        subscribe (sub, "");
        OK (zmq_connect (sub, BIND (pub, transport)));
        RECV_SUB (pub, "");
        pthread_create (&thread, NULL, send_all, pub);
        for (int i = 0; i < 2000; i++) {
            int number = -1;
            REQUIRE (zmq_recv (sub, &number, sizeof number, 0) == sizeof number);
            REQUIRE (number == i);
        }
        pthread_join (thread, &result);
        CHECK (result == pub);
    }
}

static void user_messages_to_pub_are_ignored (void)
{
    void *pub, *sub;
    JOIN (pub, ZMQ_PUB, sub, ZMQ_XSUB, "inproc");
    SEND (sub, "for nobody");
    SEND_SUB (sub, "a");
    SEND (pub, "a1");
    RECV (sub, "a1");
}

static void inverted_matching (void)
{
    void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_XSUB);
    SET (pub, ZMQ_INVERT_MATCHING, 1);
    OK (zmq_connect (sub, BIND (pub, "inproc")));
    SEND_SUB (sub, "a");
    RECV_SUB (pub, "a");
    SEND (pub, "apple");
    SEND (pub, "banana");
    RECV (sub, "banana");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

static void long_and_binary_topics (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        char topic[3001];
        JOIN (pub, ZMQ_XPUB, sub, ZMQ_SUB, transport);
        static const size_t sizes[] = {1, 128, 244, 256, 257, 3000};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            memset (topic + 1, (int) (200 + i), sizes[i]);
            topic[0] = 1;
            topic[sizes[i] / 2 + 1] = 0;
            OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic + 1, sizes[i]));
            RECV_BYTES (pub, topic, sizes[i] + 1, 0);
            SEND_BYTES (pub, topic + 1, sizes[i], 0);
            RECV_BYTES (sub, topic + 1, sizes[i], 0);
        }
    }
}

/* A publisher that has waited for its first subscribers listens to later ones while it publishes. A subscription needs a moment: on a
 * busy machine more than this, so, in some rounds at least. */
static void subscribed_while_publishing (void)
{
    enum
    {
        ROUNDS = 10
    };
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++) {
        int got = 0;
        for (int round = 0; round < ROUNDS; round++) {
            void *xpub, *sub;
            char topic[40], body[40];
            JOIN (xpub, ZMQ_XPUB, sub, ZMQ_SUB, kinds[k]);
            SET (xpub, ZMQ_RCVTIMEO, ARRIVES_MS);
            for (int i = 0; i < 50; i++) {
                sprintf (topic, "topic %d", i);
                OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)));
                REQUIRE (zmq_recv (xpub, body, sizeof body, 0) == (int) strlen (topic) + 1);
            }
            OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "late", 4));
            poll (NULL, 0, 5);
            SEND_BYTES (xpub, "late", 4, 0);
            got += await (sub, ZMQ_POLLIN, 300) != 0;
            CLOSE (xpub);
            CLOSE (sub);
        }
        if (got < ROUNDS / 4)
            fail_at (__FILE__, __LINE__, "%s: %d of %d messages", kinds[k], got, ROUNDS);
    }
}

RUN_CASES (CASE (notifications), CASE (subscribed_while_publishing), CASE (leaving_subscriber_is_unsubscribed), CASE (filtering),
           CASE (xsub_subscribes_by_messages), CASE (late_publisher_gets_all_topics), CASE (verbose), CASE (verboser),
           CASE (manual), CASE (manual_unsubscribed_when_leaving), CASE (welcome_message), CASE (no_drop),
           CASE (no_drop_blocks_until_there_is_room), CASE (user_messages_to_pub_are_ignored),
           CASE (inverted_matching), CASE (long_and_binary_topics))
