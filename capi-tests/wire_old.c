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
           CASE (version_1_subscriber_gets_everything), CASE (version_1_long_frames), CASE (eleventh_byte_decides))
