/* ZAP (RFC 27): what a handler is asked, and what follows from its answers. */
#include "check.h"
#include "raw.h"
#include "events.h"

#include <pthread.h>

static const char CLIENT_SECRET[] = "interop.client.key.9876543210.jihgfedcba";
static const char SERVER_SECRET[] = "interop.server.key.0123456789.abcdefghij";

/* A handler in the hands of the test, which sees each request and answers it. */
static void *open_handler (int type)
{
    void *handler = OPEN (type);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    return handler;
}

/* The frames that all requests have. */
#define REQUEST(handler, domain, id, mechanism, more)                                               \
    do {                                                                                            \
        RECVMORE (handler, "1.0");                                                                  \
        RECVMORE (handler, "1");                                                                    \
        RECVMORE (handler, domain);                                                                 \
        RECVMORE (handler, "127.0.0.1");                                                            \
        RECVMORE (handler, id);                                                                     \
        if (more)                                                                                   \
            RECVMORE (handler, mechanism);                                                          \
        else                                                                                        \
            RECV (handler, mechanism);                                                              \
    } while (0)

#define PLAIN_REQUEST(handler)                                                                      \
    do {                                                                                            \
        REQUEST (handler, "", "", "PLAIN", 1);                                                      \
        RECVMORE (handler, "me");                                                                   \
        RECV (handler, "secret");                                                                   \
    } while (0)

static void reply (void *handler, const char *status, const char *user, const char *properties, size_t size)
{
    SENDMORE (handler, "1.0");
    SENDMORE (handler, "1");
    SENDMORE (handler, status);
    SENDMORE (handler, "text");
    SENDMORE (handler, user);
    SEND_BYTES (handler, properties, size, 0);
}

static void *plain_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_PLAIN_SERVER, 1);
    return socket;
}

static void *plain_client (int type)
{
    void *socket = OPEN (type);
    OK (zmq_setsockopt (socket, ZMQ_PLAIN_USERNAME, "me", 2));
    OK (zmq_setsockopt (socket, ZMQ_PLAIN_PASSWORD, "secret", 6));
    SET (socket, ZMQ_LINGER, 0);
    SET (socket, ZMQ_RECONNECT_IVL, 30);
    return socket;
}

static void requests (void)
{
    void *handler = open_handler (ZMQ_REP);
    /* NULL, with a domain. */
    void *server = OPEN (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "there", 5));
    OK (zmq_setsockopt (server, ZMQ_ROUTING_ID, "id", 2));
    OK (zmq_connect (client, BIND (server, "tcp")));
    REQUEST (handler, "there", "id", "NULL", 0);
    reply (handler, "200", "", "", 0);
    SEND (client, "hi");
    RECV (server, "hi");
    CLOSE (client);
    CLOSE (server);
    /* PLAIN needs none. */
    server = plain_server (ZMQ_DEALER), client = plain_client (ZMQ_DEALER);
    OK (zmq_connect (client, BIND (server, "tcp")));
    PLAIN_REQUEST (handler);
    reply (handler, "200", "", "", 0);
    SEND (client, "hi");
    RECV (server, "hi");
    CLOSE (client);
    CLOSE (server);
    /* CURVE: the client's public key. */
    char server_public[41], client_public[41];
    uint8_t key[32];
    OK (zmq_curve_public (server_public, SERVER_SECRET));
    OK (zmq_curve_public (client_public, CLIENT_SECRET));
    CHECK (zmq_z85_decode (key, client_public));
    server = OPEN (ZMQ_DEALER), client = OPEN (ZMQ_DEALER);
    SET (server, ZMQ_CURVE_SERVER, 1);
    OK (zmq_setsockopt (server, ZMQ_CURVE_SECRETKEY, SERVER_SECRET, 41));
    OK (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, server_public, 41));
    OK (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, client_public, 41));
    OK (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, CLIENT_SECRET, 41));
    OK (zmq_connect (client, BIND (server, "tcp")));
    REQUEST (handler, "", "", "CURVE", 1);
    RECV_BYTES (handler, key, 32, 0);
    reply (handler, "200", "", "", 0);
    SEND (client, "hi");
    RECV (server, "hi");
}

static void statuses (void)
{
    static const struct
    {
        const char *text;
        unsigned number;
    } statuses[] = {{"400", 400}, {"500", 500}, {"300", 300}};
    void *handler = open_handler (ZMQ_REP);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        void *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
        SET (server, ZMQ_HANDSHAKE_IVL, 300);
        void *at_server = watch (server, ZMQ_EVENT_ALL), *at_client = watch (client, ZMQ_EVENT_ALL);
        char endpoint[100];
        strcpy (endpoint, BIND (server, "tcp"));
        EVENT (at_server, ZMQ_EVENT_LISTENING, endpoint);
        OK (zmq_connect (client, endpoint));
        EVENT (at_server, ZMQ_EVENT_ACCEPTED, endpoint);
        PLAIN_REQUEST (handler);
        reply (handler, statuses[i].text, "", "", 0);
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, endpoint);
        EQUAL (value, statuses[i].number);
        /* Why was told. */
        EVENT (at_server, ZMQ_EVENT_DISCONNECTED, endpoint);
        EVENT (at_client, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
        EVENT (at_client, ZMQ_EVENT_CONNECTED, endpoint);
        if (statuses[i].number == 300) {
            /* Nothing is said; it ends with the time for the handshake, and the client tries again. */
            EVENT (at_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
            EVENT (at_client, ZMQ_EVENT_DISCONNECTED, endpoint);
            EVENT (at_client, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
        } else {
            EVENT (at_client, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, endpoint);
            EQUAL (value, statuses[i].number);
            EVENT (at_client, ZMQ_EVENT_DISCONNECTED, endpoint);
            NO_EVENT (at_client);
        }
        CLOSE (client);
        CLOSE (server);
        /* The second attempt may have asked already. */
        if (statuses[i].number == 300 && await (handler, ZMQ_POLLIN, 50)) {
            PLAIN_REQUEST (handler);
            reply (handler, "400", "", "", 0);
        }
    }
}

static const char *text_of (zmq_msg_t *message, const char *name)
{
    const char *text = zmq_msg_gets (message, name);
    return text ? text : "(none)";
}

static void what_the_handler_vouches_for (void)
{
    zmq_msg_t message;
    void *handler = open_handler (ZMQ_REP), *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
    /* What the client claims does not count against that. */
    OK (zmq_setsockopt (client, 95, "X-Level:claimed", 15));
    OK (zmq_setsockopt (client, 95, "X-Other:claimed", 15));
    OK (zmq_connect (client, BIND (server, "tcp")));
    PLAIN_REQUEST (handler);
    reply (handler, "200", "somebody", "\7X-Level\0\0\0\4high\5Group\0\0\0\1g", 27);
    SEND (client, "hi");
    zmq_msg_init (&message);
    SET (server, ZMQ_RCVTIMEO, ARRIVES_MS);
    EQUAL (zmq_msg_recv (&message, server, 0), 2);
    CHECK (strcmp (text_of (&message, "User-Id"), "somebody") == 0);
    CHECK (strcmp (text_of (&message, "X-Level"), "high") == 0);
    CHECK (strcmp (text_of (&message, "Group"), "g") == 0);
    CHECK (strcmp (text_of (&message, "X-Other"), "claimed") == 0);
    zmq_msg_close (&message);
}

/* What a peer calls itself does not count, also where the handler has no name for it. */
static void nobody_names_himself (void)
{
    zmq_msg_t message;
    void *handler = open_handler (ZMQ_REP), *server = OPEN (ZMQ_PULL);
    OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "d", 1));
    int fd = RAW_CONNECT (BIND (server, "tcp"));
    RAW_SEND (fd, GREETING "\4\x2b\5READY\13Socket-Type\0\0\0\4PUSH\7User-Id\0\0\0\5admin");
    RAW_EXPECT (fd, GREETING);
    REQUEST (handler, "d", "", "NULL", 0);
    reply (handler, "200", "", "", 0);
    RAW_EXPECT (fd, READY_PULL);
    RAW_SEND (fd, "\0\2hi");
    REQUIRE (await (server, ZMQ_POLLIN, ARRIVES_MS));
    zmq_msg_init (&message);
    EQUAL (zmq_msg_recv (&message, server, 0), 2);
    if (strcmp (text_of (&message, "User-Id"), "") != 0)
        fail_at (__FILE__, __LINE__, "User-Id is \"%s\", expected \"\"", text_of (&message, "User-Id"));
    OK (zmq_msg_close (&message));
    close (fd);
}

static void wrong_replies (void)
{
    static const struct
    {
        const char *frames[7];
        int count;
        unsigned code;
    } replies[] = {
        {{"1.1", "1", "200", "", "", ""}, 6, ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
        {{"", "1", "200", "", "", ""}, 6, ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION},
        {{"1.0", "2", "200", "", "", ""}, 6, ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID},
        {{"1.0", "1", "100", "", "", ""}, 6, ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
        {{"1.0", "1", "2000", "", "", ""}, 6, ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE},
        {{"1.0", "1", "200", "", "", "\5nonsense"}, 6, ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA},
        {{"1.0", "1", "200", "", ""}, 5, ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
        {{"1.0", "1", "200", "", "", "", ""}, 7, ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY},
    };
    void *handler = open_handler (ZMQ_REP);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        void *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
        SET (client, ZMQ_RECONNECT_IVL, -1);
        void *at_server = watch (server, ZMQ_EVENT_ALL);
        OK (zmq_connect (client, BIND (server, "tcp")));
        EVENT (at_server, ZMQ_EVENT_LISTENING, NULL);
        EVENT (at_server, ZMQ_EVENT_ACCEPTED, NULL);
        PLAIN_REQUEST (handler);
        for (int k = 0; k < replies[i].count; k++)
            SEND_BYTES (handler, replies[i].frames[k], strlen (replies[i].frames[k]),
                        k < replies[i].count - 1 ? ZMQ_SNDMORE : 0);
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        if (value != replies[i].code)
            fail_at (__FILE__, __LINE__, "row %d: code %#x instead of %#x", (int) i, value, replies[i].code);
        EVENT (at_server, ZMQ_EVENT_DISCONNECTED, NULL);
        CLOSE (client);
        CLOSE (server);
    }
}

/* Now and then the reference forgets such a connection: no DISCONNECTED, and no other attempt of the client. */
MAYBE_UNUSED static void no_handler (void)
{
    void *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
    void *at_server = watch (server, ZMQ_EVENT_ALL);
    OK (zmq_connect (client, BIND (server, "tcp")));
    EVENT (at_server, ZMQ_EVENT_LISTENING, NULL);
    for (int i = 0; i < 2; i++) {
        EVENT (at_server, ZMQ_EVENT_ACCEPTED, NULL);
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
        EQUAL (value, EFAULT);
        EVENT (at_server, ZMQ_EVENT_DISCONNECTED, NULL);
    }
    /* NULL does without. */
    void *dealer = OPEN (ZMQ_DEALER), *other = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (dealer, ZMQ_ZAP_DOMAIN, "there", 5));
    OK (zmq_connect (other, BIND (dealer, "tcp")));
    SEND (other, "hi");
    RECV (dealer, "hi");
    /* The client gets in as soon as there is one. */
    void *handler = open_handler (ZMQ_REP);
    PLAIN_REQUEST (handler);
    reply (handler, "200", "", "", 0);
    SEND (client, "at last");
    RECV (server, "at last");
}

/* One peer waits for its verdict, others come and go. A ROUTER can answer in any order. */
static void slow_handler (void)
{
    void *handler = open_handler (ZMQ_ROUTER), *server = plain_server (ZMQ_PULL);
    char endpoint[100], first[20], second[20];
    strcpy (endpoint, BIND (server, "tcp"));
    void *one = plain_client (ZMQ_PUSH), *two = plain_client (ZMQ_PUSH);
    OK (zmq_connect (one, endpoint));
    SET (handler, ZMQ_RCVTIMEO, ARRIVES_MS);
    int first_size = zmq_recv (handler, first, sizeof first, 0);
    RECVMORE (handler, "");
    PLAIN_REQUEST (handler);
    OK (zmq_connect (two, endpoint));
    int second_size = zmq_recv (handler, second, sizeof second, 0);
    RECVMORE (handler, "");
    PLAIN_REQUEST (handler);
    CHECK (first_size > 0 && second_size > 0);
    SEND_BYTES (handler, second, (size_t) second_size, ZMQ_SNDMORE);
    SENDMORE (handler, "");
    reply (handler, "200", "", "", 0);
    SEND (two, "second");
    RECV (server, "second");
    zmq_send (one, "first", 5, ZMQ_DONTWAIT);
    QUIET (server);
    SEND_BYTES (handler, first, (size_t) first_size, ZMQ_SNDMORE);
    SENDMORE (handler, "");
    reply (handler, "200", "", "", 0);
    RECV (server, "first");
}

static void handler_that_never_answers (void)
{
    void *handler = open_handler (ZMQ_REP), *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
    SET (server, ZMQ_HANDSHAKE_IVL, 200);
    SET (client, ZMQ_RECONNECT_IVL, -1);
    void *at_server = watch (server, ZMQ_EVENT_ALL);
    OK (zmq_connect (client, BIND (server, "tcp")));
    EVENT (at_server, ZMQ_EVENT_LISTENING, NULL);
    EVENT (at_server, ZMQ_EVENT_ACCEPTED, NULL);
    PLAIN_REQUEST (handler);
    EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
    EVENT (at_server, ZMQ_EVENT_DISCONNECTED, NULL);
    QUIET (server);
}

/* A verdict is on the way when the socket goes. */
static void server_closes_meanwhile (void)
{
    void *handler = open_handler (ZMQ_REP), *server = plain_server (ZMQ_DEALER), *client = plain_client (ZMQ_DEALER);
    OK (zmq_connect (client, BIND (server, "tcp")));
    PLAIN_REQUEST (handler);
    CLOSE (server);
    reply (handler, "200", "", "", 0);
    server = plain_server (ZMQ_DEALER);
    void *another = plain_client (ZMQ_DEALER);
    OK (zmq_connect (another, BIND (server, "tcp")));
    PLAIN_REQUEST (handler);
    reply (handler, "200", "", "", 0);
    SEND (another, "hi");
    RECV (server, "hi");
}

#define OF_BOTH                                                                                     \
    CASE (requests), CASE (statuses), CASE (what_the_handler_vouches_for), CASE (nobody_names_himself), \
      CASE (wrong_replies), CASE (slow_handler), CASE (handler_that_never_answers), CASE (server_closes_meanwhile)
#ifdef WITHOUT_HANDLER
RUN_CASES (OF_BOTH, CASE (no_handler))
#else
RUN_CASES (OF_BOTH)
#endif
