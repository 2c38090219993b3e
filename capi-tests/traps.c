/* Behaviour that is easily missed and that no other program has for its subject. */
#include "check.h"
#include "raw.h"
#include "events.h"

static void count_free (void *data, void *hint)
{
    (void) data;
    __atomic_add_fetch ((int *) hint, 1, __ATOMIC_SEQ_CST);
}

/* Over inproc nothing is copied, and what the sender gave is freed when the receiver lets go of it. */
static void freed_by_the_receiver (void)
{
    static char block[5000];
    static const size_t sizes[] = {1, 20, 33, 34, 5000};
    void *push, *pull;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        zmq_msg_t m, copy;
        int freed = 0;
        OK (zmq_msg_init_data (&m, block, sizes[i], count_free, &freed));
        EQUAL (zmq_msg_send (&m, push, 0), sizes[i]);
        EQUAL (zmq_msg_size (&m), 0);
        OK (zmq_msg_close (&m)); /* no longer the sender's */
        OK (zmq_msg_init (&m));
        OK (zmq_msg_init (&copy));
        EQUAL (zmq_msg_recv (&m, pull, 0), sizes[i]);
        CHECK (zmq_msg_data (&m) == block);
        OK (zmq_msg_copy (&copy, &m));
        OK (zmq_msg_close (&m));
        EQUAL (freed, 0);
        CHECK (zmq_msg_data (&copy) == block);
        OK (zmq_msg_close (&copy));
        EQUAL (freed, 1);
    }
}

/* What a SUB has taken off for the sake of ZMQ_EVENTS counts as received; what is behind it is filtered later. */
static void unsubscribed_after_polling (void)
{
    void *pub, *sub;
    JOIN (pub, ZMQ_PUB, sub, ZMQ_SUB, "inproc");
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1));
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "b", 1));
    SEND (pub, "a1");
    SEND (pub, "a2");
    SEND (pub, "b1");
    EQUAL (await (sub, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "a", 1));
    RECV (sub, "a1");
    RECV (sub, "b1");
    EQUAL (await (sub, ZMQ_POLLIN, 0), 0);
}

/* First and last subscriber of a topic, also when they say it by commands. */
static void subscriptions_by_command (void)
{
    void *pub = OPEN (ZMQ_XPUB);
    BIND (pub, "tcp");
    int one = RAW_CONNECT (last_endpoint (pub)), two = RAW_CONNECT (last_endpoint (pub));
    RAW_HANDSHAKE (one, READY3 ("SUB"), READY_XPUB);
    RAW_HANDSHAKE (two, READY3 ("SUB"), READY_XPUB);
    RAW_SEND (one, "\4\15\11SUBSCRIBEabc");
    RECV_BYTES (pub, "\1abc", 4, 0);
    RAW_SEND (two, "\4\15\11SUBSCRIBEabc\4\13\11SUBSCRIBEz"); /* the second of a topic is no news */
    RECV_BYTES (pub, "\1z", 2, 0);
    RAW_SEND (one, "\4\15\11SUBSCRIBEabc\4\12\6CANCELabc\4\12\11SUBSCRIBE"); /* the same peer counts once */
    RECV_BYTES (pub, "\1", 1, 0);
    RAW_SEND (two, "\4\12\6CANCELabc");
    RECV_BYTES (pub, "\0abc", 4, 0);
    RAW_SEND (one, "\4\12\6CANCELabc"); /* an unknown one is passed on */
    RECV_BYTES (pub, "\0abc", 4, 0);
    close (two);
    RECV_BYTES (pub, "\0z", 2, 0);
    close (one);
    RECV_BYTES (pub, "\0", 1, 0);
    QUIET (pub);
}

/* ZMQ_MAXMSGSIZE holds for the handshake too. */
static void limit_in_the_handshake (void)
{
    static const int64_t limits[] = {25, 26};
    for (int i = 0; i < 2; i++) {
        void *pull = OPEN (ZMQ_PULL);
        OK (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &limits[i], sizeof limits[i]));
        int fd = RAW_CONNECT (BIND (pull, "tcp"));
        RAW_SEND (fd, GREETING);
        RAW_EXPECT (fd, GREETING READY_PULL);
        RAW_SEND (fd, READY4 ("PUSH")); /* 26 bytes */
        if (i == 0)
            RAW_CLOSED (fd);
        else {
            RAW_SEND (fd, "\0\2ok");
            RECV (pull, "ok");
        }
        close (fd);
    }
}

/* A frame that is too long ends a connection without a word, and the side that connected does not come back. */
static void too_long_ends_reconnecting (void)
{
    static char body[300];
    int64_t limit = 100;
    char endpoint[100];
    void *pull = OPEN (ZMQ_PULL);
    int listener = raw_listen (endpoint);
    OK (zmq_setsockopt (pull, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
    SET (pull, ZMQ_RECONNECT_IVL, 10);
    void *reader = watch (pull, ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED
                                  | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    OK (zmq_connect (pull, endpoint));
    EVENT (reader, ZMQ_EVENT_CONNECTED, endpoint);
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    EVENT (reader, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
    RAW_SEND (fd, "\0\2ok\2\0\0\0\0\0\0\0\x65");
    raw_send_at (fd, body, 0x65, __FILE__, __LINE__);
    RECV (pull, "ok");
    RAW_CLOSED (fd);
    EVENT (reader, ZMQ_EVENT_DISCONNECTED, endpoint);
    EQUAL (raw_accept (listener, 200), -1);
    NO_EVENT (reader);
}

/* The network fails: it comes back. The peer breaks the rules: it does not. */
static void rules_and_networks (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
        int comes_back;
    } rows[] = {
#define ROW(literal, comes_back) {literal, sizeof literal - 1, comes_back}
      ROW ("", 1),                                                  /* the end before any byte */
      ROW (SIGNATURE "\3\1", 1),                                    /* in the middle of the greeting */
      ROW (GREETING, 1),                                            /* before READY */
      ROW (GREETING READY6 ("DEALER"), 1),                          /* after the handshake */
      ROW (GREETING READY3 ("PUB"), 0),                             /* the wrong type */
      ROW (GREETING "\4\7\4PING\0\0", 0),                           /* the wrong command */
      ROW (GREETING "\0\5hello", 0),                                /* no command */
      ROW (SIGNATURE "\3\1" MECHANISM_PLAIN FILLER, 0),             /* another mechanism */
      ROW (GREETING "\4\x1c\5READY\13Socket-Type\0\0\0\7" "DEALER", 0), /* a value longer than the frame */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char endpoint[100];
        int before = checks_failed;
        void *dealer = OPEN (ZMQ_DEALER);
        int listener = raw_listen (endpoint);
        SET (dealer, ZMQ_RECONNECT_IVL, 10);
        OK (zmq_connect (dealer, endpoint));
        int fd = RAW_ACCEPT (listener);
        raw_send_at (fd, rows[i].bytes, rows[i].size, __FILE__, __LINE__);
        if (rows[i].comes_back)
            shutdown (fd, SHUT_WR);
        RAW_CLOSED (fd);
        close (fd);
        fd = raw_accept (listener, rows[i].comes_back ? ARRIVES_MS : 150);
        EQUAL (fd != -1, rows[i].comes_back);
        if (rows[i].comes_back)
            EQUAL (zmq_send (dealer, "kept", 4, ZMQ_DONTWAIT), 4);
        else {
            EVENTUALLY ((get_int (dealer, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
            FAILS (zmq_send (dealer, "x", 1, ZMQ_DONTWAIT), EAGAIN);
        }
        if (checks_failed != before)
            printf ("    ... that was row %zu\n", i);
        CLOSE (dealer);
        close (listener);
        close (fd);
    }
}

/* Only ZMTP 3 has a handshake that can succeed. */
static void old_peers_have_no_handshake (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
    } peers[] = {
#define PEER(literal) {literal, sizeof literal - 1}
      PEER ("\1\0\3\0hi"),                /* 1.0 */
      PEER (SIGNATURE "\0\x08\1\0\3\0hi"), /* 1.0 with a signature */
      PEER (SIGNATURE "\1\x08\0\0\0\2hi"), /* 2.0 */
    };
    for (int i = 0; i < 3; i++) {
        void *pull = OPEN (ZMQ_PULL);
        void *reader = watch (pull, ZMQ_EVENT_ALL);
        BIND (pull, "tcp");
        EVENT (reader, ZMQ_EVENT_LISTENING, NULL);
        int fd = RAW_CONNECT (last_endpoint (pull));
        EVENT (reader, ZMQ_EVENT_ACCEPTED, NULL);
        raw_send_at (fd, peers[i].bytes, peers[i].size, __FILE__, __LINE__);
        RECV (pull, "hi");
        close (fd);
        /* The reference says once more at the end that there was none. */
        int event = next_event (reader, NULL, &value, ARRIVES_MS);
        if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
            event = next_event (reader, NULL, &value, ARRIVES_MS);
        EQUAL (event, ZMQ_EVENT_DISCONNECTED);
        NO_EVENT (reader);
    }
}

/* A key goes in as 32 bytes or as text with or without its NUL, and comes out as 32 bytes or as text with it. */
static void sizes_of_curve_keys (void)
{
    static const int options[] = {ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY, ZMQ_CURVE_SERVERKEY};
    static const char text[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    uint8_t binary[32];
    CHECK (zmq_z85_decode (binary, text));
    for (int i = 0; i < 3; i++) {
        void *socket = OPEN (ZMQ_DEALER);
        for (size_t size = 0; size <= 50; size++) {
            char buffer[51] = "";
            size_t got = size;
            int good = size == 32 || size == 40 || size == 41;
            memset (buffer, 'x', sizeof buffer);
            if (good)
                OK (zmq_setsockopt (socket, options[i], size == 32 ? (const char *) binary : text, size));
            else
                FAILS (zmq_setsockopt (socket, options[i], buffer, size), EINVAL);
            if (size != 32 && size != 41)
                FAILS (zmq_getsockopt (socket, options[i], buffer, &got), EINVAL);
            else {
                OK (zmq_getsockopt (socket, options[i], buffer, &got));
                EQUAL (got, size);
                EQUAL (memcmp (buffer, size == 32 ? (const char *) binary : text, size), 0);
            }
        }
        EQUAL (get_int (socket, ZMQ_MECHANISM), ZMQ_CURVE);
        FAILS (zmq_setsockopt (socket, options[i], "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y\"7", 40), EINVAL);
    }
}

/* Heartbeats are of ZMTP 3.1, and answered for whoever sends one. */
static void ping_of_an_older_peer (void)
{
    void *pull = OPEN (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_SEND (fd, GREETING_30 READY4 ("PUSH"));
    RAW_EXPECT (fd, GREETING READY_PULL);
    RAW_SEND (fd, "\4\12\4PING\0\0ctx");
    RAW_EXPECT (fd, "\4\10\4PONGctx");
    RAW_SEND (fd, "\0\2ok");
    RECV (pull, "ok");
}

/* What is set after zmq_bind is not for the peers that this endpoint accepts. */
static void identity_and_security_are_taken_at_bind (void)
{
    void *dealer = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "old", 3));
    BIND (dealer, "tcp");
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "newer", 5));
    SET (dealer, ZMQ_PLAIN_SERVER, 1);
    int fd = RAW_CONNECT (last_endpoint (dealer));
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\4\x7f");
    RAW_SEND (fd, GREETING READY6 ("DEALER"));
    RAW_EXPECT (fd, "\3\1" MECHANISM_NULL FILLER "\4\x2c\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\3old");
    close (fd);
    /* A second endpoint has them. */
    fd = RAW_CONNECT (BIND (dealer, "tcp"));
    RAW_EXPECT (fd, "\xff\0\0\0\0\0\0\0\6\x7f");
    RAW_SEND (fd, SIGNATURE "\3\1" MECHANISM_PLAIN FILLER);
    RAW_EXPECT (fd, "\3\1" MECHANISM_PLAIN);
    close (fd);
}

/* ---- ZAP ------------------------------------------------------------------------------------- */

static void *plain_client (const char *endpoint)
{
    void *client = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (client, ZMQ_PLAIN_USERNAME, "me", 2));
    OK (zmq_setsockopt (client, ZMQ_PLAIN_PASSWORD, "secret", 6));
    SET (client, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (client, endpoint));
    return client;
}

static void let_in (void *handler)
{
    static const char *const request[] = {"1.0", "1", "", "127.0.0.1", "", "PLAIN", "me"};
    static const char *const answer[] = {"1.0", "1", "200", "", ""};
    for (int i = 0; i < 7; i++)
        RECVMORE (handler, request[i]);
    RECV (handler, "secret");
    for (int i = 0; i < 5; i++)
        SENDMORE (handler, answer[i]);
    SEND (handler, "");
}

/* Whoever is there when a peer shakes hands is asked: the handler may come after the bind, and leave again. */
static void handler_comes_and_goes (void)
{
    void *server = OPEN (ZMQ_DEALER);
    SET (server, ZMQ_PLAIN_SERVER, 1);
    void *reader = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    const char *endpoint = BIND (server, "tcp");
    for (int round = 0; round < 2; round++) {
        void *handler = OPEN (ZMQ_REP);
        OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
        void *client = plain_client (endpoint);
        let_in (handler);
        SEND (client, "in");
        RECV (server, "in");
        OK (zmq_unbind (handler, "inproc://zeromq.zap.01"));
        if (round)
            CLOSE (handler);
        SEND (client, "still in"); /* nobody is asked twice */
        RECV (server, "still in");
        void *later = plain_client (endpoint);
        EVENT (reader, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
        EQUAL (value, EFAULT);
        CLOSE (later);
        CLOSE (client);
        while (next_event (reader, NULL, &value, 50) > 0)
            ;
    }
}

/* The NULL mechanism asks only when there is a domain; then either side does, as neither is the server. */
static void null_is_asked_about_with_a_domain (void)
{
    void *handler = OPEN (ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    void *server = OPEN (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER), *other = OPEN (ZMQ_DEALER);
    const char *endpoint = BIND (server, "tcp");
    OK (zmq_connect (client, endpoint));
    SEND (client, "in");
    RECV (server, "in");
    EQUAL (await (handler, ZMQ_POLLIN, 0), 0);
    OK (zmq_setsockopt (other, ZMQ_ZAP_DOMAIN, "the other's", 11));
    OK (zmq_connect (other, endpoint));
    RECVMORE (handler, "1.0");
    RECVMORE (handler, "1");
    RECVMORE (handler, "the other's");
    RECVMORE (handler, "127.0.0.1");
    RECVMORE (handler, "");
    RECV (handler, "NULL");
}

/* ---- threads and memory ------------------------------------------------------------------------ */

/* zmq_close by one thread, zmq_ctx_term by another, with messages that still have to go out. */
static void *close_it (void *socket)
{
    return zmq_close (socket) == 0 ? socket : NULL;
}

static void *end_it (void *ctx)
{
    int rc;
    do
        rc = zmq_ctx_term (ctx);
    while (rc == -1 && zmq_errno () == EINTR);
    return rc == 0 ? ctx : NULL;
}

static void closed_by_a_collector (void)
{
    void *pull = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    for (int i = 0; i < 20; i++) {
        void *ctx = zmq_ctx_new (), *push = zmq_socket (ctx, ZMQ_PUSH), *result;
        pthread_t closer, ender;
        REQUIRE (push != NULL);
        OK (zmq_connect (push, endpoint));
        for (int k = 0; k < 50; k++)
            EQUAL (zmq_send (push, &k, sizeof k, 0), sizeof k);
        REQUIRE (pthread_create (&ender, NULL, end_it, ctx) == 0);
        REQUIRE (pthread_create (&closer, NULL, close_it, push) == 0);
        pthread_join (closer, &result);
        CHECK (result == push);
        pthread_join (ender, &result);
        CHECK (result == ctx);
        for (int k = 0; k < 50; k++)
            RECV_BYTES (pull, &k, sizeof k, 0);
    }
}

/* The bytes of a short message lie in zmq_msg_t itself: whoever moves the structure finds them in the new place. */
static void moved_while_full (void)
{
    void *push, *pull;
    zmq_msg_t here, there, third;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    static const size_t sizes[] = {0, 1, 29, 33, 34, 3000};
    static char bytes[3000];
    memset (bytes, 'm', sizeof bytes);
    for (int i = 0; i < 6; i++) {
        OK (zmq_msg_init_size (&here, sizes[i]));
        memcpy (zmq_msg_data (&here), bytes, sizes[i]);
        memcpy (&there, &here, sizeof here);
        memset (&here, 0xa5, sizeof here);
        EQUAL (zmq_msg_send (&there, push, 0), sizes[i]);
        OK (zmq_msg_init (&here));
        EQUAL (zmq_msg_recv (&here, pull, 0), sizes[i]);
        memcpy (&third, &here, sizeof here);
        memset (&here, 0xa5, sizeof here);
        EQUAL (zmq_msg_size (&third), sizes[i]);
        EQUAL (memcmp (zmq_msg_data (&third), bytes, sizes[i]), 0);
        const char *type = zmq_msg_gets (&third, "Socket-Type");
        CHECK (type && strcmp (type, "PUSH") == 0);
        OK (zmq_msg_close (&third));
    }
}

RUN_CASES (CASE (freed_by_the_receiver), CASE (unsubscribed_after_polling), CASE (subscriptions_by_command),
           CASE (limit_in_the_handshake), CASE (too_long_ends_reconnecting), CASE (rules_and_networks),
           CASE (old_peers_have_no_handshake), CASE (sizes_of_curve_keys), CASE (ping_of_an_older_peer),
           CASE (identity_and_security_are_taken_at_bind), CASE (handler_comes_and_goes),
           CASE (null_is_asked_about_with_a_domain), CASE (closed_by_a_collector), CASE (moved_while_full))
