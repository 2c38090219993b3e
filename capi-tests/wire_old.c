/* Peers that speak ZMTP 2.0 and 1.0. */
#include "check.h"
#include "raw.h"

static void version_2 (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    int fd = RAW_CONNECT (BIND (router, "tcp"));
    RAW_SEND (fd, SIGNATURE "\1\5");
    RAW_EXPECT (fd, SIGNATURE "\3\6\0\0"); /* own type, own empty identity */
    RAW_SEND (fd, "\0\3abc\0\5hello");
    RECVMORE (router, "abc");
    RECV (router, "hello");
    SENDMORE (router, "abc");
    SENDMORE (router, "xxx");
    SEND (router, "y");
    RAW_EXPECT (fd, "\1\3xxx\0\1y");
}

static void version_2_connecting (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "me", 2));
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, SIGNATURE "\1\6\0\0");
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7f\3\5\0\2me");
    SEND (dealer, "hello");
    RAW_EXPECT (fd, "\0\5hello");
    RAW_SEND (fd, "\0\4back");
    RECV (dealer, "back");
}

static void version_2_subscribes_by_messages (void)
{
    void *pub = OPEN (ZMQ_XPUB);
    int fd = RAW_CONNECT (BIND (pub, "tcp"));
    RAW_SEND (fd, SIGNATURE "\1\2\0\0\0\2\1A");
    RECV (pub, "\1A");
    RAW_EXPECT (fd, SIGNATURE "\3\x09\0\0");
    SEND (pub, "B");
    SEND (pub, "A1");
    RAW_EXPECT (fd, "\0\2A1");
    RAW_SEND (fd, "\0\2\0A");
    RECV_BYTES (pub, "\0A", 2, 0);
}

static void version_1_versioned_greeting (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_SEND (fd, SIGNATURE "\0\x08");
    RAW_EXPECT (fd, SIGNATURE "\3\x07");
    RAW_SEND (fd, "\1\0\6\0hello\4\1end\1\0");
    RECV (pull, "hello");
    RECVMORE (pull, "end");
    RECV (pull, "");
}

static void version_1_unversioned (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    OK (zmq_setsockopt (router, ZMQ_ROUTING_ID, "rid", 3));
    int fd = RAW_CONNECT (BIND (router, "tcp"));
    RAW_SEND (fd, "\4\0abc\6\0hello");
    RECVMORE (router, "abc");
    RECV (router, "hello");
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\4\x7frid"); /* the signature is the header of the identity */
    SENDMORE (router, "abc");
    SEND (router, "back");
    RAW_EXPECT (fd, "\5\0back");
}

static void version_1_subscriber_gets_everything (void)
{
    void *pub = OPEN (ZMQ_XPUB);
    int fd = RAW_CONNECT (BIND (pub, "tcp"));
    RAW_SEND (fd, "\1\0");
    RECV (pub, "\1");
    SEND (pub, "ABC");
    RAW_EXPECT (fd, SIGNATURE "\4\0ABC");
}

static void version_1_long_frames (void)
{
    static char body[300];
    void *pull = OPEN (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    memset (body, 'l', sizeof body);
    RAW_SEND (fd, "\1\0\xff\0\0\0\0\0\0\1\x2d\0");
    raw_send_at (fd, body, 300, __FILE__, __LINE__);
    RECV_BYTES (pull, body, 300, 0);
    RAW_SEND (fd, "\0"); /* a frame without even its flags */
    RAW_CLOSED (fd);
}

/* ---- our own types at peers of each kind, which connect or are connected to --------------------------------- */

static int meet (void *socket, int connects)
{
    char endpoint[100];
    if (!connects)
        return RAW_CONNECT (BIND (socket, "tcp"));
    int listener = raw_listen (endpoint);
    OK (zmq_connect (socket, endpoint));
    int fd = RAW_ACCEPT (listener);
    close (listener);
    return fd;
}

/* Until bytes come: the reference sends subscriptions when the socket is looked at. */
static void attend (void *socket, int fd)
{
    for (int i = 0; i < 500 && !raw_readable (fd, 10); i++)
        get_int (socket, ZMQ_EVENTS);
}

static void subscriber_at_a_version_2_publisher (void)
{
    for (int connects = 0; connects < 2; connects++) {
        void *sub = OPEN (ZMQ_SUB);
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1));
        int fd = meet (sub, connects);
        RAW_SEND (fd, SIGNATURE "\1\1\0\0");
        RAW_EXPECT (fd, SIGNATURE "\3\2\0\0");
        attend (sub, fd);
        RAW_EXPECT (fd, "\0\2\1A");
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "BC", 2));
        RAW_EXPECT (fd, "\0\3\1BC");
        RAW_SEND (fd, "\0\2A1\0\1B\1\3BCD\0\1x"); /* it need not have filtered */
        RECV (sub, "A1");
        RECVMORE (sub, "BCD");
        RECV (sub, "x");
        OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "A", 1));
        RAW_EXPECT (fd, "\0\2\0A");
        RAW_SEND (fd, "\0\2A2\0\3BC2");
        RECV (sub, "BC2");
        close (fd);
    }
}

/* With a greeting of version 3 and without any: both know no subscriptions, get them all the same, and send everything. */
static void subscriber_at_a_version_1_publisher (void)
{
    for (int connects = 0; connects < 2; connects++)
        for (int bare = 0; bare < 2; bare++) {
            void *sub = OPEN (ZMQ_SUB);
            OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1));
            int fd = meet (sub, connects);
            if (bare) {
                RAW_SEND (fd, "\1\0");
                RAW_EXPECT (fd, SIGNATURE);
            } else {
                RAW_SEND (fd, SIGNATURE "\0\1\1\0");
                RAW_EXPECT (fd, SIGNATURE "\3\2\1\0");
            }
            attend (sub, fd);
            RAW_EXPECT (fd, "\3\0\1A");
            RAW_SEND (fd, "\2\0B\3\0A1\2\1A\2\0B");
            RECV (sub, "A1");
            RECVMORE (sub, "A");
            RECV (sub, "B");
            OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "A", 1));
            RAW_EXPECT (fd, "\3\0\0A");
            close (fd);
        }
}

/* The longest frame with a length of one byte, and longer ones. */
static void lengths_of_frames (void)
{
    static char body[300];
    memset (body, 'l', sizeof body);
    for (int connects = 0; connects < 2; connects++)
        for (int version = 2; version >= 0; version--) { /* 0: of 1.0, without a greeting */
            void *dealer = OPEN (ZMQ_DEALER);
            OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "me", 2));
            int fd = meet (dealer, connects);
            if (version == 2) {
                RAW_SEND (fd, SIGNATURE "\1\5\0\0");
                RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7f\3\5\0\2me");
            } else if (version == 1) {
                RAW_SEND (fd, SIGNATURE "\0\5\1\0");
                RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7f\3\5\3\0me");
            } else {
                RAW_SEND (fd, "\1\0");
                RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7fme");
            }
            SEND_BYTES (dealer, body, version == 2 ? 255 : 253, ZMQ_SNDMORE);
            SEND_BYTES (dealer, body, version == 2 ? 256 : 254, ZMQ_SNDMORE);
            SEND_BYTES (dealer, body, 300, 0);
            if (version == 2) {
                RAW_EXPECT (fd, "\1\xff");
                raw_expect_at (fd, body, 255, __FILE__, __LINE__);
                RAW_EXPECT (fd, "\3\0\0\0\0\0\0\1\0");
                raw_expect_at (fd, body, 256, __FILE__, __LINE__);
                RAW_EXPECT (fd, "\2\0\0\0\0\0\0\1\x2c");
            } else { /* the flags count */
                RAW_EXPECT (fd, "\xfe\1");
                raw_expect_at (fd, body, 253, __FILE__, __LINE__);
                RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\xff\1");
                raw_expect_at (fd, body, 254, __FILE__, __LINE__);
                RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\1\x2d\0");
            }
            raw_expect_at (fd, body, 300, __FILE__, __LINE__);
            /* The same back. */
            if (version == 2)
                RAW_SEND (fd, "\2\0\0\0\0\0\0\1\x2c");
            else
                RAW_SEND (fd, "\xff\0\0\0\0\0\0\1\x2d\0");
            raw_send_at (fd, body, 300, __FILE__, __LINE__);
            RECV_BYTES (dealer, body, 300, 0);
            close (fd);
        }
}

/* A listener that speaks only when it has been spoken to. */
static void version_1_listener (void)
{
    char endpoint[100];
    void *dealer = OPEN (ZMQ_DEALER);
    int listener = raw_listen (endpoint);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "me", 2));
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7f"); /* for it, the header of a long frame */
    RAW_QUIET (fd);
    RAW_SEND (fd, "\1");
    RAW_EXPECT (fd, "me");
    RAW_SEND (fd, "\0");
    SEND (dealer, "hello");
    RAW_EXPECT (fd, "\6\0hello");
    RAW_SEND (fd, "\5\0back\2\1a\2\0b");
    RECV (dealer, "back");
    RECVMORE (dealer, "a");
    RECV (dealer, "b");
    close (fd);
    close (listener);
}

static void eleventh_byte_decides (void)
{
    /* The answer to the signature alone is one byte more: no deadlock between two careful peers. */
    void *pull = OPEN (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_EXPECT (fd, SIGNATURE);
    RAW_QUIET (fd);
    RAW_SEND (fd, SIGNATURE);
    RAW_EXPECT (fd, "\3");
    RAW_QUIET (fd);
    RAW_SEND (fd, "\1");
    RAW_EXPECT (fd, "\x07");
    RAW_SEND (fd, "\x08\0\0\0\2hi");
    RECV (pull, "hi");
}

RUN_CASES (CASE (version_2), CASE (version_2_connecting), CASE (version_2_subscribes_by_messages),
           CASE (version_1_versioned_greeting), CASE (version_1_unversioned),
           CASE (version_1_subscriber_gets_everything), CASE (version_1_long_frames),
           CASE (subscriber_at_a_version_2_publisher), CASE (subscriber_at_a_version_1_publisher), CASE (lengths_of_frames),
           CASE (version_1_listener), CASE (eleventh_byte_decides))
