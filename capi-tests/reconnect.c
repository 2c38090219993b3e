/* Connections that come and go: servers that restart, queues that survive, retry intervals. */
#include "check.h"
#include "raw.h"

static void server_restarts (void)
{
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        char endpoint[100];
        SET (push, ZMQ_RECONNECT_IVL, 10);
        strcpy (endpoint, BIND (pull, kinds[k]));
        OK (zmq_connect (push, endpoint));
        for (int i = 0; i < 5; i++) {
            SEND (push, "hello");
            RECV (pull, "hello");
            CLOSE (pull);
            pull = OPEN (ZMQ_PULL);
            EVENTUALLY (zmq_bind (pull, endpoint) == 0);
            /* What is written into a dying connection is lost: wait until one arrives. */
            EVENTUALLY (zmq_send (push, "?", 1, ZMQ_DONTWAIT) >= -1 && await (pull, ZMQ_POLLIN, 10));
            while (await (pull, ZMQ_POLLIN, 30))
                discard (pull, 0);
        }
    }
}

static void queue_survives (void)
{
    char endpoint[100];
    void *push = OPEN (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SEND (push, "one");
    RAW_EXPECT (fd, "\0\3one");
    close (listener);
    close (fd);
    listener = -1;
    /* Nobody listens: all of these wait for the next peer. */
    poll (NULL, 0, 50);
    SEND (push, "two");
    SENDMORE (push, "three");
    SEND (push, "four");
    void *pull = OPEN (ZMQ_PULL);
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    RECV (pull, "two");
    RECVMORE (pull, "three");
    RECV (pull, "four");
}

static void queue_of_the_binding_side_ends_with_the_peer (void)
{
    void *push = OPEN (ZMQ_PUSH);
    BIND (push, "tcp");
    int fd = RAW_CONNECT (last_endpoint (push));
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SEND (push, "one");
    RAW_EXPECT (fd, "\0\3one");
    close (fd);
    EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    fd = RAW_CONNECT (last_endpoint (push));
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SEND (push, "two");
    RAW_EXPECT (fd, "\0\3two");
}

static void unfinished_message_is_completed_later (void)
{
    /* The application has not sent the last part when the connection is replaced. */
    char endpoint[100];
    void *push = OPEN (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SENDMORE (push, "begin");
    close (fd);
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SEND (push, "end");
    RAW_EXPECT (fd, "\1\5begin\0\3end");
}

static void partial_input_is_dropped (void)
{
    char endpoint[100];
    void *pull = OPEN (ZMQ_PULL);
    int listener = raw_listen (endpoint);
    SET (pull, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (pull, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\5whole\1\4half\1\4more");
    close (fd);
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\4next");
    RECV (pull, "whole");
    RECV (pull, "next");
}

static void no_retry_when_off (void)
{
    static const int off[] = {-1, 0};
    for (int i = 0; i < 2; i++) {
        char endpoint[100];
        void *push = OPEN (ZMQ_PUSH);
        int listener = raw_listen (endpoint);
        SET (push, ZMQ_RECONNECT_IVL, off[i]);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        close (fd);
        EQUAL (raw_accept (listener, 300), -1);
    }
}

/* Milliseconds between the connections of a socket whose peer always closes at once. */
static void measure (int interval, int maximum, int count, long long *gaps)
{
    char endpoint[100];
    void *push = OPEN (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    SET (push, ZMQ_RECONNECT_IVL, interval);
    SET (push, ZMQ_RECONNECT_IVL_MAX, maximum);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < count; i++) {
        int fd = RAW_ACCEPT (listener);
        RAW_EXPECT (fd, SIGNATURE);
        close (fd);
        long long last = now_ms ();
        fd = RAW_ACCEPT (listener);
        gaps[i] = now_ms () - last;
        close (fd);
        if (i + 1 < count)
            close (RAW_ACCEPT (listener));
    }
    CLOSE (push);
    close (listener);
}

static void retry_interval (void)
{
    long long gaps[3];
    measure (100, 0, 3, gaps); /* with a random part of the same size */
    for (int i = 0; i < 3; i++)
        CHECK (gaps[i] >= 80 && gaps[i] < 1500);
}

static void refused_connection_is_retried (void)
{
    static const int maxima[] = {0, 100};
    for (int i = 0; i < 2; i++) {
        char endpoint[100];
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        close (raw_listen (endpoint));
        SET (push, ZMQ_RECONNECT_IVL, 20);
        SET (push, ZMQ_RECONNECT_IVL_MAX, maxima[i]);
        OK (zmq_connect (push, endpoint));
        SEND (push, "patience");
        QUIET (pull); /* let some attempts fail */
        EVENTUALLY (zmq_bind (pull, endpoint) == 0);
        RECV (pull, "patience");
    }
}

static void many_connections_one_server (void)
{
    void *rep = OPEN (ZMQ_REP), *req[20];
    char endpoint[100];
    strcpy (endpoint, BIND (rep, "tcp"));
    for (int i = 0; i < 20; i++) {
        req[i] = OPEN (ZMQ_DEALER);
        SET (req[i], ZMQ_RECONNECT_IVL, 10);
        SET (req[i], ZMQ_IMMEDIATE, 1);
        OK (zmq_connect (req[i], endpoint));
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            char buffer[8] = "";
            /* A send into a connection that is just ending is lost: ask until answered. */
            for (int tries = 0; tries < 50 && !buffer[0]; tries++) {
                SENDMORE (req[i], "");
                SEND (req[i], "ask");
                if (!await (rep, ZMQ_POLLIN, 100))
                    continue;
                RECV (rep, "ask");
                SEND (rep, "told");
                RECVMORE (req[i], "");
                EQUAL (zmq_recv (req[i], buffer, sizeof buffer, 0), 4);
            }
            EQUAL (memcmp (buffer, "told", 4), 0);
        }
        CLOSE (rep);
        for (int i = 0; i < 20; i++)
            EVENTUALLY ((get_int (req[i], ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
        rep = OPEN (ZMQ_REP);
        EVENTUALLY (zmq_bind (rep, endpoint) == 0);
    }
}

static void peer_closed_unread_messages_stay (void)
{
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++)
        for (int side = 0; side < 2; side++) {
            void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
            OK (side ? zmq_connect (push, BIND (pull, kinds[k])) : zmq_connect (pull, BIND (push, kinds[k])));
            for (int i = 0; i < 100; i++)
                EQUAL (zmq_send (push, &i, sizeof i, 0), sizeof i);
            SET (push, ZMQ_LINGER, -1);
            CLOSE (push);
            for (int i = 0; i < 100; i++)
                RECV_BYTES (pull, &i, sizeof i, 0);
        }
}

/* A server leaves while its client, which has talked with it until now, does something else: what the client sends then is for the
 * next server. On a busy machine the client's side may not know yet: so, in some rounds at least. */
static void a_request_after_the_server_left (void)
{
    enum
    {
        ROUNDS = 10
    };
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++) {
        int kept_requests = 0;
        for (int round = 0; round < ROUNDS; round++) {
            void *rep = OPEN (ZMQ_REP), *req = OPEN (ZMQ_REQ);
            char endpoint[100], body[8];
            SET (req, ZMQ_RECONNECT_IVL, 10);
            SET (req, ZMQ_RCVTIMEO, ARRIVES_MS);
            SET (rep, ZMQ_RCVTIMEO, ARRIVES_MS);
            strcpy (endpoint, BIND (rep, kinds[k]));
            OK (zmq_connect (req, endpoint));
            for (int i = 0; i < 300; i++) {
                REQUIRE (zmq_send (req, "q", 1, 0) == 1);
                REQUIRE (zmq_recv (rep, body, sizeof body, 0) == 1);
                REQUIRE (zmq_send (rep, "a", 1, 0) == 1);
                REQUIRE (zmq_recv (req, body, sizeof body, 0) == 1);
            }
            CLOSE (rep);
            poll (NULL, 0, 8);
            SEND (req, "again");
            rep = OPEN (ZMQ_REP);
            EVENTUALLY (zmq_bind (rep, endpoint) == 0);
            kept_requests += await (rep, ZMQ_POLLIN, 300) != 0;
            CLOSE (rep);
            CLOSE (req);
        }
        if (kept_requests < ROUNDS / 4)
            fail_at (__FILE__, __LINE__, "%s: the next server got %d of %d requests", kinds[k], kept_requests, ROUNDS);
    }
}

RUN_CASES (CASE (server_restarts), CASE (a_request_after_the_server_left), CASE (queue_survives), CASE (queue_of_the_binding_side_ends_with_the_peer),
           CASE (unfinished_message_is_completed_later), CASE (partial_input_is_dropped), CASE (no_retry_when_off),
           CASE (retry_interval), CASE (refused_connection_is_retried), CASE (many_connections_one_server),
           CASE (peer_closed_unread_messages_stay))
