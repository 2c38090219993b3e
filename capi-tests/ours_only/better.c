/* Where the reference loses or refuses what it should not: known faults of it that ours does not have. */
#include "../check.h"
#include "../raw.h"

static void everything_at_once (void)
{
    /* A peer that sends greeting, READY and messages in one write. */
    static const char all[] = GREETING READY6 ("DEALER") "\1\3one\0\3two\0\5three";
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = RAW_CONNECT (BIND (dealer, "tcp"));
    raw_send_at (fd, all, sizeof all - 1, __FILE__, __LINE__);
    RECVMORE (dealer, "one");
    RECV (dealer, "two");
    RECV (dealer, "three");
}

static void topics_around_the_long_form (void)
{
    EACH_TRANSPORT (transport) {
        void *pub, *sub;
        char topic[300];
        JOIN (pub, ZMQ_XPUB, sub, ZMQ_SUB, transport);
        for (size_t n = 240; n <= 260; n++) {
            memset (topic, (int) n, sizeof topic);
            topic[0] = 1;
            OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic + 1, n));
            RECV_BYTES (pub, topic, n + 1, 0);
            OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic + 1, n));
            topic[0] = 0;
            RECV_BYTES (pub, topic, n + 1, 0);
        }
    }
}

static void topic_lengths_for_a_3_0_peer (void)
{
    static char topic[256];
    void *sub = OPEN (ZMQ_SUB);
    int fd = RAW_CONNECT (BIND (sub, "tcp"));
    RAW_SEND (fd, GREETING_30 READY3 ("PUB"));
    RAW_EXPECT (fd, GREETING READY_SUB);
    memset (topic, 't', sizeof topic);
    EVENTUALLY (get_int (sub, ZMQ_EVENTS) == 0);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, 254));
    RAW_EXPECT (fd, "\0\xff\1");
    raw_expect_at (fd, topic, 254, __FILE__, __LINE__);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, 255));
    RAW_EXPECT (fd, "\2\0\0\0\0\0\0\1\0\1");
    raw_expect_at (fd, topic, 255, __FILE__, __LINE__);
}

static void *send_and_close (void *endpoint)
{
    void *push = zmq_socket (case_context, ZMQ_PUSH);
    intptr_t good = zmq_connect (push, endpoint) == 0;
    for (int i = 0; i < 5000 && good; i++)
        good = zmq_send (push, &i, sizeof i, 0) == sizeof i;
    return (void *) (intptr_t) (zmq_close (push) == 0 && good);
}

static void closed_sender_over_ipc_loses_nothing (void)
{
    for (int round = 0; round < 10; round++) {
        void *pull = OPEN (ZMQ_PULL), *result;
        char endpoint[100];
        pthread_t threads[4];
        strcpy (endpoint, BIND (pull, "ipc"));
        for (int i = 0; i < 4; i++)
            pthread_create (&threads[i], NULL, send_and_close, endpoint);
        for (int i = 0; i < 20000; i++)
            REQUIRE (discard (pull, ARRIVES_MS));
        for (int i = 0; i < 4; i++) {
            pthread_join (threads[i], &result);
            CHECK (result != NULL);
        }
        CLOSE (pull);
    }
}

/* An old peer gets its messages after it has said who it is; the reference does not wait for that. */
static void old_peers_say_who_they_are (void)
{
    void *push = OPEN (ZMQ_PUSH);
    int fd = RAW_CONNECT (BIND (push, "tcp"));
    RAW_SEND (fd, SIGNATURE "\1\7");
    RAW_EXPECT (fd, SIGNATURE "\3\x08\0\0");
    EQUAL (await (push, ZMQ_POLLOUT, QUIET_MS), 0);
    RAW_SEND (fd, "\0\0");
    SEND (push, "hello");
    RAW_EXPECT (fd, "\0\5hello");
    close (fd);
}

static void short_ping (void)
{
    /* A PING without its TTL: ignored or the end of the connection, the socket goes on. */
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\4\5\4PING\4\6\4PING\0");
    OK (zmq_connect (push, last_endpoint (pull)));
    SEND (push, "on");
    RECV (pull, "on");
}

static void long_ttl (void)
{
    /* 65.6 seconds are not 64 milliseconds. */
    void *pull = OPEN (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\4\7\4PING\2\x90");
    RAW_EXPECT (fd, "\4\5\4PONG");
    RAW_QUIET (fd);
    RAW_SEND (fd, "\0\2ok");
    RECV (pull, "ok");
}

static void promised_length_allocates_nothing (void)
{
    /* A peer announces 2^60 bytes, after the handshake and in it. */
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\2\x10\0\0\0\0\0\0\0some");
    int other = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (other, GREETING "\6\x10\0\0\0\0\0\0\0\5READY");
    OK (zmq_connect (push, last_endpoint (pull)));
    SEND (push, "on");
    RECV (pull, "on");
    close (fd);
    close (other);
}

static void garbage_from_a_handshaken_peer (void)
{
    void *rep, *req;
    char noise[600];
    unsigned seed = 12345;
    JOIN (rep, ZMQ_REP, req, ZMQ_REQ, "tcp");
    const char *endpoint = last_endpoint (rep);
    int fds[40];
    for (int i = 0; i < 40; i++) {
        for (size_t k = 0; k < sizeof noise; k++) {
            seed = seed * 1103515245 + 12345;
            noise[k] = (char) (seed >> 16);
        }
        fds[i] = RAW_CONNECT (endpoint);
        RAW_HANDSHAKE (fds[i], READY3 ("REQ"), READY3 ("REP"));
        send (fds[i], noise, sizeof noise, MSG_NOSIGNAL);
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECV (req, "answer");
    }
    for (int i = 0; i < 40; i++)
        close (fds[i]);
    SEND (req, "question");
    RECV (rep, "question");
    SEND (rep, "answer");
    RECV (req, "answer");
}

RUN_CASES (CASE (everything_at_once), CASE (topics_around_the_long_form), CASE (topic_lengths_for_a_3_0_peer),
           CASE (closed_sender_over_ipc_loses_nothing), CASE (old_peers_say_who_they_are), CASE (short_ping), CASE (long_ttl),
           CASE (promised_length_allocates_nothing),
           CASE (garbage_from_a_handshaken_peer))
