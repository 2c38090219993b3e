/* CURVE with real boxes, byte by byte: the dialogue as it should be, and what travels inside. */
#include "check.h"
#include "raw.h"
#include "events.h"
#include "security.h"
#include "curve_peers.h"

static void golden_server (void)
{
    struct peer peer;
    struct frame frame;
    make_keys ();
    void *pull = open_server (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, GREETING_CURVE);
    RAW_EXPECT (fd, GREETING_CURVE); /* as-server is 0 */
    RAW_QUIET (fd);                  /* the client speaks first */
    begin_client (&peer, fd, client_public, client_secret, server_public);
    say_hello (&peer);
    RAW_QUIET (fd);
    make_initiate (&peer, &frame, META_PUSH, sizeof META_PUSH - 1);
    EQUAL (frame.size, 277);
    SEND_FRAME (fd, &frame);
    take_ready (&peer, &frame, META_PULL, sizeof META_PULL - 1);
    EQUAL (frame.size, 50);
    EQUAL (peer.received, 1);
    SAY (&peer, 0, "hello");
    RECV (pull, "hello");
    SAY (&peer, INNER_MORE, "a");
    SAY (&peer, 0, "");
    RECVMORE (pull, "a");
    RECV (pull, "");
    EQUAL (peer.sent, 5);
    /* Counters need only grow. */
    peer.sent += 1000;
    SAY (&peer, 0, "later");
    RECV (pull, "later");
    peer.sent = ((uint64_t) 1 << 63) + 5;
    SAY (&peer, 0, "much later");
    RECV (pull, "much later");
    RAW_QUIET (fd);
    /* Nothing in WELCOME is used twice. */
    struct peer other;
    dial_client (&other, endpoint);
    struct frame first;
    make_hello (&other, &first);
    SEND_FRAME (other.fd, &first);
    take_welcome (&other, &frame);
    CHECK (memcmp (peer.their_short, other.their_short, KEY) != 0);
    CHECK (memcmp (peer.cookie, other.cookie, 16) != 0);
    CHECK (memcmp (peer.cookie + 16, other.cookie + 16, COOKIE_SIZE - 16) != 0);
    close (other.fd);
    close (fd);
}

static void golden_server_answers (void)
{
    struct peer peer;
    make_keys ();
    void *router = open_server (ZMQ_ROUTER);
    OK (zmq_setsockopt (router, ZMQ_ROUTING_ID, "me", 2));
    BIND (router, "tcp");
    int fd = RAW_CONNECT (last_endpoint (router));
    RAW_SEND (fd, GREETING_CURVE);
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\3\x7f\3\1" MECHANISM_CURVE FILLER);
    begin_client (&peer, fd, client_public, client_secret, server_public);
    say_hello (&peer);
    SAY_INITIATE (&peer, "\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\4peer",
                  "\13Socket-Type\0\0\0\6ROUTER\10Identity\0\0\0\2me");
    SAY (&peer, 0, "question");
    RECVMORE (router, "peer");
    RECV (router, "question");
    SENDMORE (router, "peer");
    SENDMORE (router, "answer");
    SEND (router, "");
    TAKE_MESSAGE (&peer, INNER_MORE, "answer"); /* counters 2 and 3 */
    TAKE_MESSAGE (&peer, 0, "");
    EQUAL (peer.received, 3);
    static char large[300];
    SENDMORE (router, "peer");
    SEND_BYTES (router, large, sizeof large, 0);
    take_message_at (&peer, 0, large, sizeof large, __FILE__, __LINE__);
    /* The longest that is a short frame, and the shortest that is not. */
    SENDMORE (router, "peer");
    SEND_BYTES (router, large, 222, 0);
    take_message_at (&peer, 0, large, 222, __FILE__, __LINE__);
    SENDMORE (router, "peer");
    SEND_BYTES (router, large, 223, 0);
    take_message_at (&peer, 0, large, 223, __FILE__, __LINE__);
    RAW_QUIET (fd);
    close (fd);
}

/* A scripted server for a library client that has connected to `listener`. */
static void answer (struct peer *peer, int listener)
{
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_CURVE);
    RAW_EXPECT (fd, GREETING_CURVE);
    begin_server (peer, fd, server_public, server_secret);
}

static void golden_client (void)
{
    char endpoint[100];
    struct peer peer;
    struct frame frame;
    make_keys ();
    void *push = open_client (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    OK (zmq_connect (push, endpoint));
    answer (&peer, listener);
    take_hello (&peer, &frame);
    EQUAL (peer.received, 1);
    RAW_QUIET (peer.fd);
    make_welcome (&peer, &frame);
    SEND_FRAME (peer.fd, &frame);
    take_initiate (&peer, &frame, META_PUSH, sizeof META_PUSH - 1);
    EQUAL (peer.received, 2);
    CHECK (memcmp (peer.their_public, client_public, KEY) == 0);
    SEND (push, "early"); /* waits for READY */
    RAW_QUIET (peer.fd);
    make_ready (&peer, &frame, META_PULL, sizeof META_PULL - 1);
    SEND_FRAME (peer.fd, &frame);
    TAKE_MESSAGE (&peer, 0, "early"); /* counter 3 */
    EQUAL (peer.received, 3);
    SENDMORE (push, "a");
    SEND (push, "");
    TAKE_MESSAGE (&peer, INNER_MORE, "a");
    TAKE_MESSAGE (&peer, 0, "");
    RAW_QUIET (peer.fd);
    /* Another connection, other keys, and counters from the beginning. */
    struct peer again;
    close (peer.fd);
    answer (&again, listener);
    take_hello (&again, &frame);
    EQUAL (again.received, 1);
    CHECK (memcmp (again.their_short, peer.their_short, KEY) != 0);
    close (again.fd);
    close (listener);
}

/* Commands travel inside boxes. */
static void commands_inside (void)
{
    struct peer peer;
    make_keys ();
    void *xpub = open_server (ZMQ_XPUB);
    dial_client (&peer, BIND (xpub, "tcp"));
    say_hello (&peer);
    SAY_INITIATE (&peer, META_SUB, META_XPUB);
    SAY (&peer, INNER_COMMAND, "\11SUBSCRIBEA");
    RECV (xpub, "\1A");
    SAY (&peer, 0, "\1B"); /* in the form of ZMTP 3.0 */
    RECV (xpub, "\1B");
    SEND (xpub, "Ax");
    TAKE_MESSAGE (&peer, 0, "Ax");
    SAY (&peer, INNER_COMMAND, "\4PING\0\0ctx");
    TAKE_MESSAGE (&peer, INNER_COMMAND, "\4PONGctx");
    SAY (&peer, INNER_COMMAND, "\6CANCELA");
    RECV_BYTES (xpub, "\0A", 2, 0);
    /* What nobody knows is ignored. */
    SAY (&peer, INNER_COMMAND, "\3FOOx");
    SAY (&peer, INNER_COMMAND, "\5ERROR\003400");
    SEND (xpub, "Ay");
    SEND (xpub, "By");
    TAKE_MESSAGE (&peer, 0, "By");
    /* Others get what they ask for. */
    SAY (&peer, INNER_COMMAND, "\11SUBSCRIBE");
    RECV (xpub, "\1");
    SEND (xpub, "zz");
    TAKE_MESSAGE (&peer, 0, "zz");
    close (peer.fd);
    /* The library as subscriber, and its heartbeat. */
    char endpoint[100];
    struct frame frame;
    void *sub = open_client (ZMQ_SUB);
    int listener = raw_listen (endpoint);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "T", 1));
    OK (zmq_connect (sub, endpoint));
    answer (&peer, listener);
    take_hello (&peer, &frame);
    make_welcome (&peer, &frame);
    SEND_FRAME (peer.fd, &frame);
    take_initiate (&peer, &frame, META_SUB, sizeof META_SUB - 1);
    make_ready (&peer, &frame, META_XPUB, sizeof META_XPUB - 1);
    SEND_FRAME (peer.fd, &frame);
    TAKE_MESSAGE (&peer, INNER_COMMAND, "\11SUBSCRIBET");
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "T", 1));
    TAKE_MESSAGE (&peer, INNER_COMMAND, "\6CANCELT");
    close (peer.fd);
    close (listener);
}

static void heartbeat_inside (void)
{
    struct peer peer;
    make_keys ();
    void *pull = open_server (ZMQ_PULL);
    SET (pull, ZMQ_HEARTBEAT_IVL, 60);
    SET (pull, ZMQ_HEARTBEAT_TIMEOUT, 250);
    SET (pull, ZMQ_HEARTBEAT_TTL, 3000);
    void *events = watch (pull, ENDS);
    dial_client (&peer, BIND (pull, "tcp"));
    say_hello (&peer);
    SAY_INITIATE (&peer, META_PUSH, META_PULL);
    long long start = now_ms ();
    TAKE_MESSAGE (&peer, INNER_COMMAND, "\4PING\0\036");
    TAKE_MESSAGE (&peer, INNER_COMMAND, "\4PING\0\036");
    SAY (&peer, INNER_COMMAND, "\4PONG");
    EVENT (events, ZMQ_EVENT_DISCONNECTED, NULL); /* nothing more has come */
    CHECK (now_ms () - start >= 250);
    RAW_CLOSED (peer.fd);
    close (peer.fd);
}

RUN_CASES (CASE (golden_server), CASE (golden_server_answers), CASE (golden_client), CASE (commands_inside), CASE (heartbeat_inside))
