/* Whoever hears of something may act on it at once. The reference tells of some of it before it is so, or the other way round. */
#include "../check.h"
#include "../events.h"
#include "../raw.h"

/* The event of a handshake comes before what the peer says then. (The reference closes a connection on which both come in one piece.) */
static void handshake_before_the_first_message (void)
{
    for (int round = 0; round < 300; round++) {
        void *pull = OPEN (ZMQ_PULL), *reader = watch (pull, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS);
        int fd = RAW_CONNECT (BIND (pull, "tcp"));
        char body[8];
        RAW_SEND (fd, GREETING READY4 ("PUSH") "\0\2hi");
        REQUIRE (zmq_recv (pull, body, sizeof body, 0) == 2);
        REQUIRE (next_event (reader, NULL, &value, 0) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        close (fd);
        CLOSE (reader);
        CLOSE (pull);
    }
}

/* What is sent when the end of a connection was told waits for the next one. */
static void sent_when_told_of_the_end (void)
{
    for (int round = 0; round < 200; round++) {
        char endpoint[100];
        void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_DISCONNECTED);
        int listener = raw_listen (endpoint);
        SET (push, ZMQ_RECONNECT_IVL, 1);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        SEND (push, "one");
        RAW_EXPECT (fd, "\0\3one");
        close (fd);
        hear (reader);
        REQUIRE (zmq_send (push, "two", 3, ZMQ_DONTWAIT) == 3);
        fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        RAW_EXPECT (fd, "\0\3two");
        close (fd);
        close (listener);
        CLOSE (reader);
        CLOSE (push);
    }
}

/* A socket that does not connect again by itself may be told to when the end of a connection was told. */
static void connected_anew_when_told_of_the_end (void)
{
    for (int round = 0; round < 200; round++) {
        char endpoint[100];
        void *dealer = OPEN (ZMQ_DEALER), *reader = watch (dealer, ZMQ_EVENT_DISCONNECTED);
        int listener = raw_listen (endpoint);
        SET (dealer, ZMQ_RECONNECT_IVL, -1);
        OK (zmq_connect (dealer, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY6 ("ROUTER"), READY_DEALER);
        close (fd);
        hear (reader);
        OK (zmq_connect (dealer, endpoint));
        close (RAW_ACCEPT (listener));
        close (listener);
        CLOSE (reader);
        CLOSE (dealer);
    }
}

/* Nobody is there any more when the end of the only connection was told. */
static void nobody_there_when_told_of_the_end (void)
{
    for (int round = 0; round < 200; round++) {
        void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_DISCONNECTED);
        int fd = RAW_CONNECT (BIND (push, "tcp"));
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        SEND (push, "one");
        RAW_EXPECT (fd, "\0\3one");
        close (fd);
        hear (reader);
        REQUIRE (!(get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT));
        CLOSE (reader);
        CLOSE (push);
    }
}

/* A peer leaves and comes back with its id while the application that has talked with it does something else. */
static void id_is_taken_over_while_nobody_looks (void)
{
    for (int round = 0; round < 3; round++) {
        void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
        const char *endpoint = BIND (router, "tcp");
        char body[8];
        SET (router, ZMQ_RCVTIMEO, ARRIVES_MS);
        OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "K", 1));
        OK (zmq_connect (dealer, endpoint));
        for (int i = 0; i < 1000; i++) {
            REQUIRE (zmq_send (dealer, "q", 1, 0) == 1);
            REQUIRE (zmq_recv (router, body, sizeof body, 0) == 1);
            REQUIRE (zmq_recv (router, body, sizeof body, 0) == 1);
        }
        CLOSE (dealer);
        dealer = OPEN (ZMQ_DEALER);
        OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "K", 1));
        OK (zmq_connect (dealer, endpoint));
        SEND (dealer, "new");
        poll (NULL, 0, 200);
        RECVMORE (router, "K");
        RECV (router, "new");
        CLOSE (router);
        CLOSE (dealer);
    }
}

/* One of many peers says something and leaves while the application, which has read from all of them until now, does something else. On a
 * busy machine this side may not know in time: so, in some rounds at least. */
static void one_of_many_leaves_while_nobody_looks (void)
{
    enum
    {
        MANY = 6,
        ROUNDS = 10
    };
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++) {
        int known = 0;
        for (int round = 0; round < ROUNDS; round++) {
            void *router = OPEN (ZMQ_ROUTER), *dealers[MANY];
            const char *endpoint = BIND (router, kinds[k]);
            char body[8];
            SET (router, ZMQ_ROUTER_MANDATORY, 1);
            SET (router, ZMQ_RCVTIMEO, ARRIVES_MS);
            for (int i = 0; i < MANY; i++) {
                body[0] = (char) ('a' + i);
                OK (zmq_setsockopt (dealers[i] = OPEN (ZMQ_DEALER), ZMQ_ROUTING_ID, body, 1));
                SET (dealers[i], ZMQ_LINGER, 1000);
                OK (zmq_connect (dealers[i], endpoint));
            }
            for (int i = 0; i < 300; i++) {
                REQUIRE (zmq_send (dealers[i % MANY], "q", 1, 0) == 1);
                REQUIRE (zmq_recv (router, body, sizeof body, 0) == 1);
                REQUIRE (zmq_recv (router, body, sizeof body, 0) == 1);
            }
            SEND (dealers[round % MANY], "last");
            CLOSE (dealers[round % MANY]);
            poll (NULL, 0, 8);
            body[0] = (char) ('a' + round % MANY);
            int rc = zmq_send (router, body, 1, ZMQ_SNDMORE | ZMQ_DONTWAIT);
            known += rc == -1 && errno == EHOSTUNREACH;
            if (rc == 1)
                zmq_send (router, "x", 1, ZMQ_DONTWAIT);
            RECV_BYTES (router, body, 1, 1);
            RECV (router, "last");
            for (int i = 0; i < MANY; i++)
                if (i != round % MANY)
                    CLOSE (dealers[i]);
            CLOSE (router);
        }
        if (known < ROUNDS / 4)
            fail_at (__FILE__, __LINE__, "%s: known in %d of %d rounds", kinds[k], known, ROUNDS);
    }
}

RUN_CASES (CASE (one_of_many_leaves_while_nobody_looks), CASE (handshake_before_the_first_message), CASE (sent_when_told_of_the_end), CASE (connected_anew_when_told_of_the_end),
           CASE (nobody_there_when_told_of_the_end), CASE (id_is_taken_over_while_nobody_looks))
