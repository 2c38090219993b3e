/* The bytes on the wire: scripted ZMTP 3 peers against bound and connected sockets, NULL mechanism. */
#include "check.h"
#include "raw.h"

_Static_assert (sizeof GREETING - 1 == 64, "a greeting has 64 bytes");

static int dial (void *bound)
{
    return RAW_CONNECT (BIND (bound, "tcp"));
}

/* A handshaken raw PUSH peer of a bound PULL, and so on. */
static int dial_pull (void *pull)
{
    int fd = dial (pull);
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    return fd;
}

static void greeting_in_steps (void)
{
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = dial (dealer);
    RAW_EXPECT (fd, SIGNATURE);
    RAW_SEND (fd, SIGNATURE);
    RAW_EXPECT (fd, "\3");
    RAW_SEND (fd, "\3");
    RAW_EXPECT (fd, "\1" MECHANISM_NULL FILLER);
    RAW_SEND (fd, "\1" MECHANISM_NULL FILLER);
    RAW_EXPECT (fd, READY_DEALER); /* does not wait for the other READY */
    RAW_SEND (fd, READY6 ("DEALER"));
    RAW_SEND (fd, "\0\2hi");
    RECV (dealer, "hi");
    SEND (dealer, "back");
    RAW_EXPECT (fd, "\0\4back");
}

static void trickle (int fd, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        raw_send_at (fd, bytes + i, 1, __FILE__, __LINE__);
        if (i % 16 == 0)
            poll (NULL, 0, 1); /* so that they arrive in several pieces */
    }
}

static void byte_by_byte (void)
{
    static const char handshake[] = GREETING READY6 ("DEALER");
    static const char messages[] = "\1\3one\0\3two\2\0\0\0\0\0\0\0\5three";
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = dial (dealer);
    trickle (fd, handshake, sizeof handshake - 1);
    /* Something comes back only after the handshake: messages read together with it are lost by the reference. */
    RAW_EXPECT (fd, GREETING READY_DEALER);
    SEND (dealer, "go");
    RAW_EXPECT (fd, "\0\2go");
    trickle (fd, messages, sizeof messages - 1);
    RECVMORE (dealer, "one");
    RECV (dealer, "two");
    RECV (dealer, "three");
}

static void greeting_with_routing_id (void)
{
    void *dealer = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "myid", 4));
    int fd = dial (dealer);
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\5\x7f");
    RAW_SEND (fd, GREETING READY6 ("ROUTER"));
    RAW_EXPECT (fd, "\3\1" MECHANISM_NULL FILLER
                    "\4\x2d\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\4myid");
    SENDMORE (dealer, "a");
    SENDMORE (dealer, "");
    SEND (dealer, "b");
    RAW_EXPECT (fd, "\1\1a\1\0\0\1b");
}

static void frame_sizes (void)
{
    static const char body[70000];
    void *push = OPEN (ZMQ_PUSH);
    int fd = dial (push);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SEND_BYTES (push, body, 0, 0);
    RAW_EXPECT (fd, "\0\0");
    SEND_BYTES (push, body, 255, ZMQ_SNDMORE);
    SEND_BYTES (push, body, 256, 0);
    RAW_EXPECT (fd, "\1\xff");
    raw_expect_at (fd, body, 255, __FILE__, __LINE__);
    RAW_EXPECT (fd, "\2\0\0\0\0\0\0\1\0");
    raw_expect_at (fd, body, 256, __FILE__, __LINE__);
    SEND_BYTES (push, body, 70000, 0);
    RAW_EXPECT (fd, "\2\0\0\0\0\0\1\x11\x70");
    for (int i = 0; i < 70; i++)
        raw_expect_at (fd, body, 1000, __FILE__, __LINE__);
}

static void lenient_frames (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial_pull (pull);
    RAW_SEND (fd, "\2\0\0\0\0\0\0\0\3abc"); /* a long length for a short body */
    RECV (pull, "abc");
    RAW_SEND (fd, "\xf8\2xy"); /* unknown flags */
    RECV (pull, "xy");
    RAW_SEND (fd, "\0\0");
    RECV (pull, "");
}

static void unfinished_message (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial_pull (pull);
    RAW_SEND (fd, "\1\4part");
    close (fd);
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\5alone\0\x64" "half");
    RECV (pull, "alone");
    close (fd); /* in the middle of a frame */
    QUIET (pull);
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\3end");
    RECV (pull, "end");
}

static void half_open (void)
{
    /* The peer ends its sending direction after a message: the message still arrives. */
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial_pull (pull);
    RAW_SEND (fd, "\0\4last");
    shutdown (fd, SHUT_WR);
    RECV (pull, "last");
    RAW_CLOSED (fd);
}

static void subscriptions_of_both_versions (void)
{
    for (int minor = 0; minor < 2; minor++) {
        void *pub = OPEN (ZMQ_XPUB);
        int fd = dial (pub);
        if (minor)
            RAW_SEND (fd, GREETING READY3 ("SUB"));
        else
            RAW_SEND (fd, GREETING_30 READY3 ("SUB"));
        RAW_EXPECT (fd, GREETING READY_XPUB);
        RAW_SEND (fd, "\0\2\1A");
        RECV (pub, "\1A");
        RAW_SEND (fd, "\4\13\11SUBSCRIBEB");
        RECV (pub, "\1B");
        SEND (pub, "C");
        SEND (pub, "A1");
        SEND (pub, "B1");
        RAW_EXPECT (fd, "\0\2A1\0\2B1");
        RAW_SEND (fd, "\0\2\0A\4\10\6CANCELB");
        RECV_BYTES (pub, "\0A", 2, 0);
        RECV_BYTES (pub, "\0B", 2, 0);
        SEND (pub, "A2");
        RAW_QUIET (fd);
    }
}

static void subscribing (void)
{
    /* A 3.1 peer gets commands, a 3.0 peer messages. */
    void *sub = OPEN (ZMQ_SUB);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1));
    int new = dial (sub);
    RAW_HANDSHAKE (new, READY3 ("PUB"), READY_SUB);
    /* The socket may have to be used for it to see the new peer. */
    EVENTUALLY (get_int (sub, ZMQ_EVENTS) == 0 && raw_readable (new, 2));
    RAW_EXPECT (new, "\4\13\11SUBSCRIBEA");
    int old = RAW_CONNECT (last_endpoint (sub));
    RAW_SEND (old, GREETING_30 READY3 ("PUB"));
    RAW_EXPECT (old, GREETING READY_SUB);
    EVENTUALLY (get_int (sub, ZMQ_EVENTS) == 0 && raw_readable (old, 2));
    RAW_EXPECT (old, "\0\2\1A");
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "BB", 2));
    RAW_EXPECT (new, "\4\14\11SUBSCRIBEBB");
    RAW_EXPECT (old, "\0\3\1BB");
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "A", 1));
    RAW_EXPECT (new, "\4\10\6CANCELA");
    RAW_EXPECT (old, "\0\2\0A");
    /* It filters again what comes in. */
    RAW_SEND (new, "\1\1A\0\2BB\1\3BBx\0\1y");
    RECVMORE (sub, "BBx");
    RECV (sub, "y");
}

static void unknown_commands_are_ignored (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY6 ("ROUTER"), READY_DEALER);
    RAW_SEND (fd, "\4\5\3FOOx"    /* unknown */
                  "\4\12\5ERROR\3400" /* too late for that */
                  "\4\0"          /* empty */
                  "\4\5\4PONG"    /* unasked */
                  "\0\2hi");
    RECV (dealer, "hi");
    SEND (dealer, "up");
    RAW_EXPECT (fd, "\0\2up");
}

static void ping_is_answered (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial_pull (pull);
    RAW_SEND (fd, "\4\12\4PING\0\0ctx");
    RAW_EXPECT (fd, "\4\10\4PONGctx");
    RAW_SEND (fd, "\4\7\4PING\0\0");
    RAW_EXPECT (fd, "\4\5\4PONG");
    RAW_SEND (fd, "\4\x1b\4PING\0\0" "0123456789abcdef0123"); /* only 16 bytes of it come back */
    RAW_EXPECT (fd, "\4\x15\4PONG0123456789abcdef");
    RAW_SEND (fd, "\0\2ok");
    RECV (pull, "ok");
}

static void ping_ttl (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial_pull (pull);
    RAW_SEND (fd, "\4\7\4PING\0\3"); /* 300 ms */
    long long start = now_ms ();
    RAW_EXPECT (fd, "\4\5\4PONG");
    RAW_CLOSED (fd);
    long long took = now_ms () - start;
    CHECK (took >= 250 && took < 3000);
}

static void heartbeats (void)
{
    void *pull = OPEN (ZMQ_PULL);
    SET (pull, ZMQ_HEARTBEAT_IVL, 100);
    SET (pull, ZMQ_HEARTBEAT_TTL, 3000);
    SET (pull, ZMQ_HEARTBEAT_TIMEOUT, 400);
    int fd = dial_pull (pull);
    long long start = now_ms ();
    for (int i = 0; i < 6; i++) { /* answered, it goes on */
        RAW_EXPECT (fd, "\4\7\4PING\0\x1e");
        RAW_SEND (fd, "\4\5\4PONG");
    }
    CHECK (now_ms () - start >= 450);
    RAW_EXPECT (fd, "\4\7\4PING\0\x1e");
    start = now_ms ();
    RAW_CLOSED (fd); /* 400 ms after a PING without any answer */
    long long took = now_ms () - start;
    CHECK (took >= 250 && took < 3000);
}

static void heartbeat_kept_alive_by_traffic (void)
{
    void *pull = OPEN (ZMQ_PULL);
    SET (pull, ZMQ_HEARTBEAT_IVL, 100);
    SET (pull, ZMQ_HEARTBEAT_TIMEOUT, 1000);
    int fd = dial_pull (pull);
    /* Messages count as a sign of life, for twice the timeout. */
    for (int i = 0; i < 25; i++) {
        RAW_EXPECT (fd, "\4\7\4PING\0\0");
        RAW_SEND (fd, "\0\1x");
        RECV (pull, "x");
    }
}

static void handshake_timeout (void)
{
    void *pull = OPEN (ZMQ_PULL);
    SET (pull, ZMQ_HANDSHAKE_IVL, 250);
    int silent = dial (pull);
    int half = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (half, GREETING); /* and no READY */
    long long start = now_ms ();
    RAW_CLOSED (silent);
    RAW_CLOSED (half);
    long long took = now_ms () - start;
    CHECK (took >= 150 && took < 3000);
}

static void handshake_timeout_of_connecter (void)
{
    char endpoint[100];
    void *push = OPEN (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    SET (push, ZMQ_HANDSHAKE_IVL, 200);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_CLOSED (fd);
    fd = RAW_ACCEPT (listener); /* it tries again */
    RAW_EXPECT (fd, SIGNATURE);
}

static void max_message_size (void)
{
    static char big[200];
    int64_t limit = 100;
    void *pull = OPEN (ZMQ_PULL);
    OK (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
    int fd = dial_pull (pull);
    memset (big, 'b', sizeof big);
    RAW_SEND (fd, "\0\x64");
    raw_send_at (fd, big, 100, __FILE__, __LINE__);
    RECV_BYTES (pull, big, 100, 0);
    for (int i = 0; i < 2; i++) { /* it is about one part, not all together */
        if (i)
            RAW_SEND (fd, "\0\x3c");
        else
            RAW_SEND (fd, "\1\x3c");
        raw_send_at (fd, big, 60, __FILE__, __LINE__);
    }
    RECV_BYTES (pull, big, 60, 1);
    RECV_BYTES (pull, big, 60, 0);
    RAW_SEND (fd, "\0\x65");
    raw_send_at (fd, big, 101, __FILE__, __LINE__);
    RAW_CLOSED (fd);
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\2\x40\0\0\0\0\0\0\0"); /* refused by its length alone */
    RAW_CLOSED (fd);
    QUIET (pull);
}

static void mechanism_mismatch (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial (pull);
    RAW_SEND (fd, SIGNATURE "\3\1" MECHANISM_PLAIN FILLER);
    RAW_CLOSED (fd);
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (fd, SIGNATURE "\3\1NULL\0x\0\0\0\0\0\0\0\0\0\0\0\0\0\0" FILLER); /* all 20 bytes count */
    RAW_CLOSED (fd);
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (fd, SIGNATURE "\3\1" MECHANISM_NULL "\1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    RAW_EXPECT (fd, GREETING READY_PULL);
    RAW_SEND (fd, READY4 ("PUSH") "\0\2ok");
    RECV (pull, "ok"); /* as-server and filler do not */
}

static void bad_handshakes (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
    } rows[] = {
#define BAD(literal) {literal, sizeof literal - 1}
      BAD ("\4\7\4PING\0\0"),         /* a command too early */
      BAD ("\0\5hello"),              /* a message too early */
      BAD (READY3 ("PUB")),           /* the wrong type of peer */
      BAD (READY4 ("push")),          /* names are exact */
      BAD ("\4\7\5READY\13"),         /* a single trailing byte */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *pull = OPEN (ZMQ_PULL);
        int fd = dial (pull);
        RAW_SEND (fd, GREETING);
        RAW_EXPECT (fd, GREETING READY_PULL);
        raw_send_at (fd, rows[i].bytes, rows[i].size, __FILE__, __LINE__);
        RAW_CLOSED (fd);
        EQUAL (await (pull, ZMQ_POLLIN, 0), 0);
    }
}

static void peer_without_socket_type (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial (pull);
    RAW_SEND (fd, GREETING);
    RAW_EXPECT (fd, GREETING READY_PULL);
    RAW_SEND (fd, "\4\6\5READY\0\5hello");
    RECV (pull, "hello");
}

static void peer_properties (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = dial (pull);
    zmq_msg_t m;
    RAW_SEND (fd, GREETING);
    RAW_EXPECT (fd, GREETING READY_PULL);
    RAW_SEND (fd, "\4\x70\5READY\13Socket-Type\0\0\0\4PUSH"
                           "\5X-foo\0\0\0\5first" "\5X-foo\0\0\0\6second"
                           "\14Peer-Address\0\0\0\7" "8.8.8.8" "\7User-Id\0\0\0\4user"
                           "\10Identity\0\0\0\2id" "\0\2hi");
    zmq_msg_init (&m);
    REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_msg_recv (&m, pull, 0), 2);
    static const char *const rows[][2] = {
      {"X-foo", "first"}, {"Peer-Address", "127.0.0.1"}, {"User-Id", "user"}, {"Identity", "id"}, {"Socket-Type", "PUSH"}};
    for (int i = 0; i < 5; i++) {
        const char *value = zmq_msg_gets (&m, rows[i][0]);
        CHECK (value && strcmp (value, rows[i][1]) == 0);
    }
    OK (zmq_msg_close (&m));
}

static void wrong_peer_ends_reconnecting (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    SET (dealer, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY3 ("PUB"), READY_DEALER);
    RAW_CLOSED (fd);
    EQUAL (raw_accept (listener, 300), -1);
    EVENTUALLY ((get_int (dealer, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    FAILS (zmq_send (dealer, "x", 1, ZMQ_DONTWAIT), EAGAIN);
}

static void early_end_is_retried (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    SET (dealer, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (dealer, endpoint));
    SEND (dealer, "kept");
    close (RAW_ACCEPT (listener)); /* before any byte */
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING);
    RAW_EXPECT (fd, GREETING);
    close (fd); /* after the greeting */
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY6 ("DEALER"), READY_DEALER);
    RAW_EXPECT (fd, "\0\4kept");
    close (fd); /* after the handshake */
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY6 ("DEALER"), READY_DEALER);
    SEND (dealer, "again");
    RAW_EXPECT (fd, "\0\5again");
}

static void error_command_ends_reconnecting (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    SET (dealer, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING);
    RAW_EXPECT (fd, GREETING READY_DEALER);
    RAW_SEND (fd, "\4\12\5ERROR\3" "400");
    RAW_CLOSED (fd);
    EQUAL (raw_accept (listener, 300), -1);
}

static void request_envelopes (void)
{
    char endpoint[100];
    void *req = OPEN (ZMQ_REQ);
    int listener = raw_listen (endpoint);
    SET (req, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (req, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY3 ("REP"), READY_REQ);
    SEND (req, "hello");
    RAW_EXPECT (fd, "\1\0\0\5hello");
    RAW_SEND (fd, "\1\0\0\2r1");
    RECV (req, "r1");
    SEND (req, "again");
    RAW_EXPECT (fd, "\1\0\0\5again");
    RAW_SEND (fd, "\0\7nodelim"); /* no envelope: the end of this connection */
    RAW_CLOSED (fd);
    EQUAL (raw_accept (listener, 300), -1);
}

static void correlated_requests (void)
{
    char endpoint[100], number[16];
    void *req = OPEN (ZMQ_REQ);
    int listener = raw_listen (endpoint);
    SET (req, ZMQ_REQ_CORRELATE, 1);
    OK (zmq_connect (req, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY3 ("REP"), READY_REQ);
    SEND (req, "h");
    RAW_EXPECT (fd, "\1\4");
    EQUAL (recv (fd, number, 4, MSG_WAITALL), 4);
    RAW_EXPECT (fd, "\1\0\0\1h");
    number[0] ^= 1;
    RAW_SEND (fd, "\1\4");
    raw_send_at (fd, number, 4, __FILE__, __LINE__);
    RAW_SEND (fd, "\1\0\0\5wrong");
    number[0] ^= 1;
    RAW_SEND (fd, "\1\4");
    raw_send_at (fd, number, 4, __FILE__, __LINE__);
    RAW_SEND (fd, "\1\0\0\5right");
    RECV (req, "right");
}

RUN_CASES (CASE (greeting_in_steps), CASE (byte_by_byte), CASE (greeting_with_routing_id),
           CASE (frame_sizes), CASE (lenient_frames), CASE (unfinished_message), CASE (half_open),
           CASE (subscriptions_of_both_versions), CASE (subscribing), CASE (unknown_commands_are_ignored),
           CASE (ping_is_answered), CASE (ping_ttl), CASE (heartbeats), CASE (heartbeat_kept_alive_by_traffic),
           CASE (handshake_timeout), CASE (handshake_timeout_of_connecter), CASE (max_message_size),
           CASE (mechanism_mismatch), CASE (bad_handshakes), CASE (peer_without_socket_type), CASE (peer_properties),
           CASE (wrong_peer_ends_reconnecting), CASE (early_end_is_retried), CASE (error_command_ends_reconnecting),
           CASE (request_envelopes), CASE (correlated_requests))
