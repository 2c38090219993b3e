/* CURVE: keys, options, who gets in, and what happens to those who do something to the bytes. */
#include "check.h"
#include "raw.h"
#include "events.h"
#include "relay.h"

static char server_public[41], server_secret[41], client_public[41], client_secret[41];

static void make_keys (void)
{
    OK (zmq_curve_keypair (server_public, server_secret));
    OK (zmq_curve_keypair (client_public, client_secret));
}

static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_CURVE_SERVER, 1);
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, server_secret, 41));
    return socket;
}

static void *open_client (int type)
{
    void *socket = OPEN (type);
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, server_public, 41));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, client_public, 41));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, client_secret, 41));
    SET (socket, ZMQ_RECONNECT_IVL, 20);
    return socket;
}

static void keys (void)
{
    char text[41], other[41];
    CHECK (zmq_has ("curve"));
    make_keys ();
    EQUAL (strlen (server_public), 40);
    EQUAL (strlen (server_secret), 40);
    CHECK (strcmp (server_secret, client_secret) != 0);
    OK (zmq_curve_public (text, server_secret));
    CHECK (strcmp (text, server_public) == 0);
    /* A pair that does not change. */
    OK (zmq_curve_public (text, "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"));
    CHECK (strcmp (text, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7") == 0);
    FAILS (zmq_curve_public (other, "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh"), EINVAL);
    FAILS (zmq_curve_public (other, "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh60"), EINVAL);
    FAILS (zmq_curve_public (other, ""), EINVAL);
}

static void talk (void *client, void *server, int count)
{
    for (int i = 0; i < count; i++) {
        SENDMORE (client, "more");
        SEND (client, "question");
        RECVMORE (server, "more");
        RECV (server, "question");
        SEND (server, "answer");
        RECV (client, "answer");
    }
}

static void either_side_is_the_server (void)
{
    make_keys ();
    EACH_TRANSPORT (transport)
        for (int binds = 0; binds < 2; binds++) {
            void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
            const char *endpoint = BIND (binds ? server : client, transport);
            OK (zmq_connect (binds ? client : server, endpoint));
            talk (client, server, 100);
            CLOSE (client);
            CLOSE (server);
        }
}

static void sizes (void)
{
    static const size_t all[] = {0, 1, 30, 31, 33, 62, 63, 221, 222, 223, 224, 225, 255, 256, 2047, 2048, 8191, 70000, 1 << 20};
    static char data[1 << 20];
    make_keys ();
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char) (i * 7 + (i >> 8));
    void *pull = open_server (ZMQ_PULL), *push = open_client (ZMQ_PUSH);
    OK (zmq_connect (push, BIND (pull, "tcp")));
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            SEND_BYTES (push, data, all[i], round == 1 ? ZMQ_SNDMORE : 0);
            if (round == 1)
                SEND (push, "end");
        }
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            RECV_BYTES (pull, data, all[i], round == 1);
            if (round == 1)
                RECV (pull, "end");
        }
    /* Many, in bursts. */
    for (int i = 0; i < 900; i++)
        SEND_BYTES (push, data, (size_t) (i % 300), 0);
    for (int i = 0; i < 900; i++)
        RECV_BYTES (pull, data, (size_t) (i % 300), 0);
}

static void subscriptions (void)
{
    make_keys ();
    void *xpub = open_server (ZMQ_XPUB), *sub = open_client (ZMQ_SUB);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1));
    OK (zmq_connect (sub, BIND (xpub, "tcp")));
    RECV (xpub, "\1A");
    SEND (xpub, "B no");
    SEND (xpub, "A yes");
    RECV (sub, "A yes");
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "A", 1));
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "C", 1));
    RECV_BYTES (xpub, "\0A", 2, 0);
    RECV (xpub, "\1C");
    SEND (xpub, "A no");
    SEND (xpub, "C yes");
    RECV (sub, "C yes");
}

static void heartbeats (void)
{
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    SET (client, ZMQ_HEARTBEAT_IVL, 20);
    SET (client, ZMQ_HEARTBEAT_TIMEOUT, 400);
    SET (client, ZMQ_HEARTBEAT_TTL, 1000);
    void *at_client = watch (client, ZMQ_EVENT_DISCONNECTED);
    OK (zmq_connect (client, BIND (server, "tcp")));
    talk (client, server, 1);
    EQUAL (next_event (at_client, NULL, &value, 800), -1);
    talk (client, server, 1);
}

static void server_comes_back (void)
{
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    char endpoint[100];
    strcpy (endpoint, BIND (server, "tcp"));
    OK (zmq_connect (client, endpoint));
    talk (client, server, 1);
    for (int i = 0; i < 5; i++) {
        /* Messages that are sent before the client knows of the end are lost with the connection. */
        void *at_client = watch (client, ZMQ_EVENT_DISCONNECTED);
        SET (server, ZMQ_LINGER, 0);
        CLOSE (server);
        EVENT (at_client, ZMQ_EVENT_DISCONNECTED, NULL);
        OK (zmq_socket_monitor (client, NULL, 0));
        CLOSE (at_client);
        server = open_server (ZMQ_DEALER);
        EVENTUALLY (zmq_bind (server, endpoint) == 0);
        talk (client, server, 3);
    }
}

static void limit_of_message_size (void)
{
    make_keys ();
    void *server = open_server (ZMQ_PULL), *client = open_client (ZMQ_PUSH);
    OK (zmq_setsockopt (server, ZMQ_MAXMSGSIZE, (&(int64_t){100}), 8));
    /* The limit is that of a frame, and a HELLO has 200 bytes: nobody gets in. */
    void *at_server = watch (server, ZMQ_EVENT_ALL);
    const char *endpoint = BIND (server, "tcp");
    EVENT (at_server, ZMQ_EVENT_LISTENING, NULL);
    OK (zmq_connect (client, endpoint));
    EVENT (at_server, ZMQ_EVENT_ACCEPTED, NULL);
    int event = next_event (at_server, NULL, &value, ARRIVES_MS);
    CHECK (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    CLOSE (client);
    CLOSE (server);
    /* 33 bytes of it are the wrapping. */
    server = open_server (ZMQ_PULL), client = open_client (ZMQ_PUSH);
    OK (zmq_setsockopt (server, ZMQ_MAXMSGSIZE, (&(int64_t){300}), 8));
    OK (zmq_connect (client, BIND (server, "tcp")));
    static char large[300];
    SEND_BYTES (client, large, 267, 0);
    RECV_BYTES (server, large, 267, 0);
    SEND_BYTES (client, large, 268, 0);
    QUIET (server);
}

static void wrong_server_key (void)
{
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    OK (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, client_public, 41));
    void *at_server = watch (server, ZMQ_EVENT_ALL), *at_client = watch (client, ZMQ_EVENT_ALL);
    char endpoint[100];
    strcpy (endpoint, BIND (server, "tcp"));
    OK (zmq_connect (client, endpoint));
    EVENT (at_server, ZMQ_EVENT_LISTENING, endpoint);
    for (int i = 0; i < 2; i++) {
        EVENT (at_server, ZMQ_EVENT_ACCEPTED, endpoint);
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, endpoint);
        EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
        EVENT (at_server, ZMQ_EVENT_DISCONNECTED, endpoint);
    }
    EVENT (at_client, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
    EVENT (at_client, ZMQ_EVENT_CONNECTED, endpoint);
    int event = next_event (at_client, endpoint, &value, ARRIVES_MS);
    CHECK (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    EVENT (at_client, ZMQ_EVENT_DISCONNECTED, endpoint);
    EVENT (at_client, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
    QUIET (server);
}

/* ---- peers that mean harm ---------------------------------------------------------------------- */

/* What the relay does to which frame, and what the receiver of that frame reports. */
static const struct harm
{
    int direction, number;
    enum action action;
    int at;
    unsigned code;
} harms[] = {
    /* HELLO */
    {TO_SERVER, 0, FLIP, 0, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    {TO_SERVER, 0, FLIP, 6, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
    {TO_SERVER, 0, FLIP, 80, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 0, FLIP, 119, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 0, FLIP, -1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 0, TRUNCATE, 1, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
    {TO_SERVER, 0, EXTEND, 1, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
    {TO_SERVER, 0, EXTEND, 900, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO},
    {TO_SERVER, 0, TRUNCATE, 199, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED},
    {TO_SERVER, 0, TWICE, 0, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    /* WELCOME */
    {TO_CLIENT, 0, FLIP, 0, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    {TO_CLIENT, 0, FLIP, 8, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 0, FLIP, -1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 0, TRUNCATE, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 0, EXTEND, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    /* INITIATE */
    {TO_SERVER, 1, FLIP, 1, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    {TO_SERVER, 1, FLIP, 9, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 1, FLIP, 40, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 1, FLIP, 112, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 1, FLIP, -1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 1, TRUNCATE, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 1, TRUNCATE, 60, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE},
    {TO_SERVER, 1, EXTEND, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    /* READY */
    {TO_CLIENT, 1, FLIP, 1, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    {TO_CLIENT, 1, FLIP, 13, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 1, FLIP, -1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 1, TRUNCATE, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 1, TRUNCATE, 40, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY},
    {TO_CLIENT, 1, EXTEND, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_CLIENT, 1, TWICE, 0, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    /* the first message */
    {TO_SERVER, 2, FLIP, 1, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
    {TO_SERVER, 2, FLIP, 15, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE},
    {TO_SERVER, 2, FLIP, -1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 2, TRUNCATE, 1, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC},
    {TO_SERVER, 2, TRUNCATE, 14, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE},
    {TO_SERVER, 2, TWICE, 0, ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE},
};

static void what_is_done_to_bytes_is_noticed (void)
{
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *good = open_client (ZMQ_DEALER);
    void *at_server = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    char direct[100], endpoint[100];
    strcpy (direct, BIND (server, "tcp"));
    for (size_t i = 0; i < sizeof harms / sizeof *harms && checks_failed == 0; i++) {
        const struct harm *harm = &harms[i];
        struct relay relay = {.direction = harm->direction, .number = harm->number, .action = harm->action, .at = harm->at};
        void *client = open_client (ZMQ_DEALER);
        SET (client, ZMQ_LINGER, 0);
        SET (client, ZMQ_RECONNECT_IVL, -1);
        relay_start (&relay, direct, endpoint);
        void *at_client = watch (client, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        OK (zmq_connect (client, endpoint));
        zmq_send (client, "hello", 5, ZMQ_DONTWAIT);
        EQUAL (next_event (harm->direction == TO_SERVER ? at_server : at_client, NULL, &value, ARRIVES_MS),
               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        if (value != harm->code)
            fail_at (__FILE__, __LINE__, "row %d: code %#x instead of %#x", (int) i, value, harm->code);
        /* What was genuine has arrived. */
        if (harm->number == 2 && harm->action == TWICE)
            RECV (server, "hello");
        else if (await (server, ZMQ_POLLIN, 0))
            RECV (server, "hello");
        CLOSE (at_client);
        CLOSE (client);
        relay_stop (&relay);
    }
    QUIET (server);
    OK (zmq_connect (good, direct));
    SEND (good, "still there");
    RECV (server, "still there");
}

/* Nothing that was recorded on one connection opens on another. */
static void replayed_from_another_connection (void)
{
    make_keys ();
    for (int number = 1; number < 3; number++) {
        struct relay relay = {.direction = TO_SERVER, .number = number, .action = RECORD};
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        char endpoint[100];
        relay_start (&relay, BIND (server, "tcp"), endpoint);
        OK (zmq_connect (client, endpoint));
        SEND (client, "hello");
        RECV (server, "hello");
        SET (client, ZMQ_LINGER, 0);
        CLOSE (client);
        void *at_server = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        relay.action = REPLAY;
        client = open_client (ZMQ_DEALER);
        SET (client, ZMQ_LINGER, 0);
        OK (zmq_connect (client, endpoint));
        SEND (client, "hello");
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
        CHECK (!await (server, ZMQ_POLLIN, 0));
        CLOSE (client);
        CLOSE (at_server);
        CLOSE (server);
        relay_stop (&relay);
    }
}

/* Clear text behind the handshake, also in the disguise of commands. */
static void nothing_unencrypted_gets_through (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
        unsigned code;
    } clear[] = {{"\0\5hello", 7, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED},
                 {"\0\0", 2, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED},
                 {"\4\7\4PING\0\0", 9, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
                 {"\4\13\11SUBSCRIBEA", 13, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
                 {"\4\6\5ERROR", 8, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND}};
    make_keys ();
    for (size_t i = 0; i < sizeof clear / sizeof *clear; i++) {
        struct relay relay = {.direction = TO_SERVER, .number = 2, .action = REPLACE};
        relay.bytes = clear[i].bytes;
        relay.size = clear[i].size;
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        char endpoint[100];
        relay_start (&relay, BIND (server, "tcp"), endpoint);
        void *at_server = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        SET (client, ZMQ_LINGER, 0);
        SET (client, ZMQ_RECONNECT_IVL, -1);
        OK (zmq_connect (client, endpoint));
        SEND (client, "hello");
        EVENT (at_server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        EQUAL (value, clear[i].code);
        CHECK (!await (server, ZMQ_POLLIN, 0));
        CLOSE (client);
        CLOSE (server);
        relay_stop (&relay);
    }
}

/* Peers that stop somewhere in the handshake cost others nothing. */
static void half_open_peers (void)
{
    enum
    {
        PEERS = 200
    };
    static char hello[202];
    int fds[PEERS];
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    const char *endpoint = BIND (server, "tcp");
    memcpy (hello, "\4\310\5HELLO\1\0", 10);
    for (int i = 0; i < PEERS; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        if (i % 4 > 0)
            send (fds[i], SIGNATURE "\3\1" "CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" FILLER, i % 4 == 1 ? 20 : 64, MSG_NOSIGNAL);
        if (i % 4 == 3)
            send (fds[i], hello, 1 + (size_t) i, MSG_NOSIGNAL);
    }
    OK (zmq_connect (client, endpoint));
    talk (client, server, 10);
    for (int i = 0; i < PEERS; i++)
        close (fds[i]);
    talk (client, server, 10);
}

RUN_CASES (CASE (keys), CASE (either_side_is_the_server), CASE (sizes), CASE (subscriptions), CASE (heartbeats),
           CASE (server_comes_back), CASE (limit_of_message_size), CASE (wrong_server_key), CASE (what_is_done_to_bytes_is_noticed),
           CASE (replayed_from_another_connection), CASE (nothing_unencrypted_gets_through), CASE (half_open_peers))
