/* GSSAPI: both roles, against a key distribution centre that kdc.sh has started; byte by byte, and peers that do not keep to it. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"
#include "peer.h"

#define SERVICE "zmq@localhost"
#define AGAIN_MS 300

static void name_it (void *socket, int option, const char *name, int kind)
{
    int kind_option = option == ZMQ_GSSAPI_PRINCIPAL ? ZMQ_GSSAPI_PRINCIPAL_NAMETYPE : ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE;
    OK (zmq_setsockopt (socket, option, name, strlen (name)));
    SET (socket, kind_option, kind);
}

/* A server that accepts with whatever key there is. */
static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_GSSAPI_SERVER, 1);
    return socket;
}

/* A client with the ticket that there is. */
static void *open_client (int type)
{
    void *socket = OPEN (type);
    name_it (socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, SERVICE, ZMQ_GSSAPI_NT_HOSTBASED);
    SET (socket, ZMQ_RECONNECT_IVL, 30);
    return socket;
}

#define EACH_STREAM(name) for (const char *const *each_ = &transports[1], *name; (name = *each_); each_++)

static void options (void)
{
    char name[300];
    size_t size = sizeof name;
    void *socket = OPEN (ZMQ_DEALER);
    EQUAL (zmq_has ("gssapi"), 1);
    EQUAL (get_int (socket, ZMQ_MECHANISM), ZMQ_NULL);
    SET (socket, ZMQ_GSSAPI_SERVER, 1);
    EQUAL (get_int (socket, ZMQ_MECHANISM), ZMQ_GSSAPI);
    name_it (socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, SERVICE, ZMQ_GSSAPI_NT_KRB5_PRINCIPAL);
    EQUAL (get_int (socket, ZMQ_GSSAPI_SERVER), 0);
    OK (zmq_getsockopt (socket, ZMQ_GSSAPI_SERVICE_PRINCIPAL, name, &size));
    EQUAL (size, sizeof SERVICE);
    CHECK (strcmp (name, SERVICE) == 0);
}

static void requests_and_replies (void)
{
    EACH_STREAM (transport)
    {
        void *server = open_server (ZMQ_REP), *client = open_client (ZMQ_REQ);
        OK (zmq_connect (client, BIND (server, transport)));
        for (int i = 0; i < 50; i++) {
            SEND (client, "question");
            RECV (server, "question");
            SENDMORE (server, "");
            SEND (server, "answer");
            RECVMORE (client, "");
            RECV (client, "answer");
        }
    }
}

static void a_server_that_asks (void)
{
    void *server = open_server (ZMQ_REQ), *client = open_client (ZMQ_REP);
    OK (zmq_connect (client, BIND (server, "tcp")));
    for (int i = 0; i < 20; i++) {
        SEND (server, "question");
        RECV (client, "question");
        SEND (client, "answer");
        RECV (server, "answer");
    }
}

static void events_of_both_sides (void)
{
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    void *at_server = watch (server, ZMQ_EVENT_ALL), *at_client = watch (client, ZMQ_EVENT_ALL);
    OK (zmq_connect (client, BIND (server, "tcp")));
    SEND (client, "hello");
    RECV (server, "hello");
    EVENT (at_client, ZMQ_EVENT_CONNECT_DELAYED, NULL);
    EVENT (at_client, ZMQ_EVENT_CONNECTED, NULL);
    EVENT (at_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
    NO_EVENT (at_client);
    EVENT (at_server, ZMQ_EVENT_LISTENING, NULL);
    EVENT (at_server, ZMQ_EVENT_ACCEPTED, NULL);
    EVENT (at_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
    NO_EVENT (at_server);
    CLOSE (client);
    EVENT (at_server, ZMQ_EVENT_DISCONNECTED, NULL);
}

/* Who binds and who is the server have nothing to do with each other. */
static void the_server_connects (void)
{
    EACH_STREAM (transport)
    {
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_ROUTER);
        OK (zmq_setsockopt (server, ZMQ_ROUTING_ID, "me", 2));
        OK (zmq_connect (server, BIND (client, transport)));
        SEND (server, "hello");
        RECVMORE (client, "me");
        RECV (client, "hello");
        SENDMORE (client, "me");
        SEND (client, "welcome");
        RECV (server, "welcome");
    }
}

static void every_size_in_order (void)
{
    static const size_t sizes[] = {0, 1, 100, 177, 178, 179, 180, 255, 256, 4000, 8192, 65535, 65536, 300000, 1000000};
    static char body[1000000];
    EACH_STREAM (transport)
    {
        void *pull = open_server (ZMQ_PULL), *push = open_client (ZMQ_PUSH);
        OK (zmq_connect (push, BIND (pull, transport)));
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            memset (body, 'a' + (int) i, sizes[i]);
            SENDMORE (push, "head");
            SEND_BYTES (push, body, sizes[i], ZMQ_SNDMORE);
            SEND_BYTES (push, body, sizes[i], 0);
            RECVMORE (pull, "head");
            RECV_BYTES (pull, body, sizes[i], 1);
            RECV_BYTES (pull, body, sizes[i], 0);
        }
    }
}

/* Both directions at once, more than fits into the queues. */
static void many_messages (void)
{
    enum
    {
        COUNT = 5000
    };
    char text[20];
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    OK (zmq_connect (client, BIND (server, "tcp")));
    void *sides[] = {client, server};
    int sent[2] = {0, 0}, received[2] = {0, 0};
    long long until = now_ms () + 10000;
    while ((received[0] < COUNT || received[1] < COUNT) && now_ms () < until)
        for (int i = 0; i < 2; i++) {
            while (sent[i] < COUNT) {
                snprintf (text, sizeof text, "number %d", sent[i]);
                if (zmq_send (sides[i], text, strlen (text), ZMQ_DONTWAIT) < 0)
                    break;
                sent[i]++;
            }
            int size;
            char got[20];
            while ((size = zmq_recv (sides[1 - i], got, sizeof got - 1, received[i] < sent[i] && i ? 0 : ZMQ_DONTWAIT)) >= 0) {
                got[size] = 0;
                snprintf (text, sizeof text, "number %d", received[i]++);
                if (strcmp (got, text) != 0)
                    fail_at (__FILE__, __LINE__, "\"%s\" came instead of \"%s\"", got, text);
                if (received[i] == sent[i])
                    break;
            }
        }
    EQUAL (received[0], COUNT);
    EQUAL (received[1], COUNT);
}

/* Subscriptions that the application makes itself. */
static void subscriptions (void)
{
    EACH_STREAM (transport)
    {
        void *xpub = open_server (ZMQ_XPUB), *xsub = open_client (ZMQ_XSUB);
        OK (zmq_connect (xsub, BIND (xpub, transport)));
        SEND (xsub, "\1topic");
        RECV (xpub, "\1topic");
        SEND (xpub, "other");
        SENDMORE (xpub, "topic");
        SEND (xpub, "news");
        RECVMORE (xsub, "topic");
        RECV (xsub, "news");
        OK (zmq_send (xsub, "\0topic", 6, 0) - 6);
        RECV_BYTES (xpub, "\0topic", 6, 0);
    }
}

static void plain_text (void)
{
    EACH_STREAM (transport)
    {
        void *pub = open_server (ZMQ_XPUB), *sub = open_client (ZMQ_SUB);
        SET (pub, ZMQ_GSSAPI_PLAINTEXT, 1);
        SET (sub, ZMQ_GSSAPI_PLAINTEXT, 1);
        OK (zmq_connect (sub, BIND (pub, transport)));
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "topic", 5));
        RECV (pub, "\1topic");
        SENDMORE (pub, "topic");
        SEND (pub, "news");
        RECVMORE (sub, "topic");
        RECV (sub, "news");
    }
}

/* Both sides have to think the same of encryption. */
static void half_plain_text (void)
{
    for (int i = 0; i < 2; i++) {
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        SET (i ? server : client, ZMQ_GSSAPI_PLAINTEXT, 1);
        void *events = watch (client, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
                                          | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
        OK (zmq_connect (client, BIND (server, "tcp")));
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
        EVENT (events, ZMQ_EVENT_DISCONNECTED, NULL);
        NO_EVENT (events);
        zmq_send (client, "secret", 6, ZMQ_DONTWAIT);
        QUIET (server);
    }
}

/* Names of both sides, in every form that they can have. */
static void names (void)
{
    static const struct
    {
        const char *server;
        int server_kind;
        const char *client;
        int client_kind;
        const char *service;
        int service_kind;
    } rows[] = {
        {"zmq@localhost", ZMQ_GSSAPI_NT_HOSTBASED, "client", ZMQ_GSSAPI_NT_USER_NAME, "zmq@localhost", ZMQ_GSSAPI_NT_HOSTBASED},
        {"other@localhost", ZMQ_GSSAPI_NT_HOSTBASED, "guest@ZMQ.TEST", ZMQ_GSSAPI_NT_KRB5_PRINCIPAL, "other/localhost@ZMQ.TEST",
         ZMQ_GSSAPI_NT_KRB5_PRINCIPAL},
        {"zmq/localhost@ZMQ.TEST", ZMQ_GSSAPI_NT_KRB5_PRINCIPAL, "guest", ZMQ_GSSAPI_NT_USER_NAME, "zmq/localhost",
         ZMQ_GSSAPI_NT_KRB5_PRINCIPAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        name_it (server, ZMQ_GSSAPI_PRINCIPAL, rows[i].server, rows[i].server_kind);
        name_it (client, ZMQ_GSSAPI_PRINCIPAL, rows[i].client, rows[i].client_kind);
        name_it (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, rows[i].service, rows[i].service_kind);
        OK (zmq_connect (client, BIND (server, "tcp")));
        SEND (client, "hello");
        RECV (server, "hello");
    }
}

/* The client comes to nothing, and again and again to the same. */
static void fails (void *server, void *client)
{
    SET (server, ZMQ_HANDSHAKE_IVL, AGAIN_MS);
    SET (client, ZMQ_HANDSHAKE_IVL, AGAIN_MS);
    void *events = watch (client, ZMQ_EVENT_ALL);
    OK (zmq_connect (client, BIND (server, "tcp")));
    zmq_send (client, "secret", 6, ZMQ_DONTWAIT);
    for (int i = 0; i < 2; i++) {
        EVENT (events, ZMQ_EVENT_CONNECT_DELAYED, NULL);
        EVENT (events, ZMQ_EVENT_CONNECTED, NULL);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
        EVENT (events, ZMQ_EVENT_DISCONNECTED, NULL);
        EVENT (events, ZMQ_EVENT_CONNECT_RETRIED, NULL);
    }
    QUIET (server);
}

static void the_key_of_another_service (void)
{
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    name_it (server, ZMQ_GSSAPI_PRINCIPAL, "other@localhost", ZMQ_GSSAPI_NT_HOSTBASED);
    fails (server, client);
}

static void a_service_that_nobody_knows (void)
{
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    name_it (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, "nobody@localhost", ZMQ_GSSAPI_NT_HOSTBASED);
    fails (server, client);
}

static void a_client_that_nobody_knows (void)
{
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    name_it (client, ZMQ_GSSAPI_PRINCIPAL, "nobody", ZMQ_GSSAPI_NT_USER_NAME);
    fails (server, client);
}

static void a_client_without_a_service (void)
{
    void *server = open_server (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    SET (client, ZMQ_RECONNECT_IVL, 30);
    name_it (client, ZMQ_GSSAPI_PRINCIPAL, "client", ZMQ_GSSAPI_NT_USER_NAME);
    fails (server, client);
}

/* An environment variable that names a file in the folder of the test. */
static void set_file (const char *variable, const char *form, const char *file)
{
    char text[300];
    snprintf (text, sizeof text, "%s%s/%s", form, getenv ("GSSAPI_FOLDER"), file);
    setenv (variable, text, 1);
}

static void no_ticket (void)
{
    set_file ("KRB5CCNAME", "FILE:", "no-such-file");
    set_file ("KRB5_CLIENT_KTNAME", "FILE:", "no-such-file");
    fails (open_server (ZMQ_DEALER), open_client (ZMQ_DEALER));
}

static void no_key (void)
{
    set_file ("KRB5_KTNAME", "FILE:", "no-such-file");
    fails (open_server (ZMQ_DEALER), open_client (ZMQ_DEALER));
}

static void nobody_serves_the_realm (void)
{
    set_file ("KRB5_CONFIG", "", "stranger");
    fails (open_server (ZMQ_DEALER), open_client (ZMQ_DEALER));
}

/* ---- ZAP ------------------------------------------------------------------------------------- */

static void *open_handler (void)
{
    void *handler = OPEN (ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    return handler;
}

static void judge (void *handler, const char *who, const char *status)
{
    RECVMORE (handler, "1.0");
    RECVMORE (handler, "1");
    RECVMORE (handler, "domain");
    RECVMORE (handler, "127.0.0.1");
    RECVMORE (handler, "server");
    RECVMORE (handler, "GSSAPI");
    RECV (handler, who);
    SENDMORE (handler, "1.0");
    SENDMORE (handler, "1");
    SENDMORE (handler, status);
    SENDMORE (handler, "text");
    SENDMORE (handler, "somebody");
    SEND_BYTES (handler, "\5Level\0\0\0\4high", 14, 0);
}

static void *open_judged (int type)
{
    void *server = open_server (type);
    OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "domain", 6));
    OK (zmq_setsockopt (server, ZMQ_ROUTING_ID, "server", 6));
    return server;
}

static void zap_sees_the_principal (void)
{
    void *handler = open_handler ();
    for (int i = 0; i < 2; i++) {
        void *server = open_judged (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        SET (server, ZMQ_GSSAPI_PLAINTEXT, i);
        SET (client, ZMQ_GSSAPI_PLAINTEXT, i);
        if (i)
            name_it (client, ZMQ_GSSAPI_PRINCIPAL, "guest", ZMQ_GSSAPI_NT_USER_NAME);
        void *events = watch (server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        OK (zmq_connect (client, BIND (server, "tcp")));
        judge (handler, i ? "guest@ZMQ.TEST" : "client@ZMQ.TEST", "200");
        EVENT (events, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, NULL);
        SEND (client, "hello");
        zmq_msg_t message;
        zmq_msg_init (&message);
        CHECK (await (server, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_msg_recv (&message, server, 0), 5);
        CHECK (strcmp (zmq_msg_gets (&message, "User-Id"), "somebody") == 0);
        CHECK (strcmp (zmq_msg_gets (&message, "Level"), "high") == 0);
        CHECK (strcmp (zmq_msg_gets (&message, "Socket-Type"), "DEALER") == 0);
        zmq_msg_close (&message);
    }
}

/* What follows from it is another matter: see own_gssapi.c. */
static void zap_says_no (void)
{
    static const char *const verdicts[] = {"300", "400", "500"};
    void *handler = open_handler ();
    for (int i = 0; i < 3; i++) {
        void *server = open_judged (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
        void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        OK (zmq_connect (client, BIND (server, "tcp")));
        judge (handler, "client@ZMQ.TEST", verdicts[i]);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, NULL);
        EQUAL (value, (uint32_t) atoi (verdicts[i]));
    }
}

/* ---- byte by byte ----------------------------------------------------------------------------- */

/* A raw client up to and including READY of both sides. */
static void join_server (struct peer *peer, const char *endpoint)
{
    struct frame frame;
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, GREETING_GSSAPI);
    RAW_EXPECT (fd, GREETING_GSSAPI);
    RAW_QUIET (fd);
    make_initiate (peer, fd, SERVICE, &frame);
    SEND_FRAME (fd, &frame);
    take_answer (peer, &frame);
    RAW_SEND (fd, "\4\0");
    HEAR_READY (peer, READY_OF ("PULL", "\4"));
    SAY_READY (peer, READY_OF ("PUSH", "\4"));
}

static void golden_server (void)
{
    struct peer peer;
    void *pull = open_server (ZMQ_PULL);
    join_server (&peer, BIND (pull, "tcp"));
    SAY (&peer, 0, "hi");
    RECV (pull, "hi");
    SAY (&peer, INNER_MORE, "one");
    SAY (&peer, 0, "");
    RECVMORE (pull, "one");
    RECV (pull, "");
    SAY (&peer, INNER_COMMAND, "\4PING\0\0context");
    HEAR (&peer, INNER_COMMAND, "\4PONGcontext");
    close (peer.fd);
}

static void golden_client (void)
{
    char endpoint[100];
    struct peer peer;
    struct frame frame;
    void *push = open_client (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_GSSAPI);
    RAW_EXPECT (fd, GREETING_GSSAPI);
    answer_initiate (&peer, fd, &frame);
    RAW_QUIET (fd);
    SEND_FRAME (fd, &frame);
    RAW_EXPECT (fd, "\4\0");
    RAW_QUIET (fd);
    SAY_READY (&peer, READY_OF ("PULL", "\4"));
    HEAR_READY (&peer, READY_OF ("PUSH", "\4"));
    SENDMORE (push, "one");
    SEND (push, "");
    HEAR (&peer, INNER_MORE, "one");
    HEAR (&peer, 0, "");
    close (fd);
    close (listener);
}

static void golden_plain_text (void)
{
    struct peer peer;
    struct frame frame;
    void *pull = open_server (ZMQ_PULL);
    SET (pull, ZMQ_GSSAPI_PLAINTEXT, 1);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_SEND (fd, GREETING_GSSAPI);
    RAW_EXPECT (fd, GREETING_GSSAPI);
    make_initiate (&peer, fd, SERVICE, &frame);
    SEND_FRAME (fd, &frame);
    take_answer (&peer, &frame);
    RAW_SEND (fd, "\4\0");
    RAW_EXPECT (fd, READY_PULL);
    RAW_SEND (fd, READY_PUSH "\0\2hi");
    RECV (pull, "hi");
    close (fd);
}

static void malformed_to_the_server (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
        unsigned code;
    } rows[] = {
#define ROW(bytes, code) {bytes, sizeof bytes - 1, ZMQ_PROTOCOL_ERROR_ZMTP_##code}
        ROW ("\4\0", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\1\10", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\3foo", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\10\10INITIAT", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\4\3foo", UNEXPECTED_COMMAND),
        ROW ("\4\11\10INITIATE", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\14\10INITIATE\0\0\0", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\17\10INITIATE\0\0\0\3xx", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\17\10INITIATE\0\0\0\1xx", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\17\10INITIATE\xff\xff\xff\xffxx", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\20\10initiate\0\0\0\3xxx", UNEXPECTED_COMMAND),
        ROW (READY_PUSH, UNEXPECTED_COMMAND),
        ROW ("\4\12\5ERROR\003400", UNEXPECTED_COMMAND),
        ROW ("\4\15\7MESSAGE\0\0\0\1x", UNEXPECTED_COMMAND),
    };
    void *pull = open_server (ZMQ_PULL);
    void *events = watch (pull, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    const char *endpoint = BIND (pull, "tcp");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = RAW_CONNECT (endpoint);
        RAW_SEND (fd, GREETING_GSSAPI);
        RAW_EXPECT (fd, GREETING_GSSAPI);
        raw_send_at (fd, rows[i].bytes, rows[i].size, __FILE__, __LINE__);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        if (value != rows[i].code)
            fail_at (__FILE__, __LINE__, "row %d: code %#x instead of %#x", (int) i, value, rows[i].code);
        RAW_CLOSED (fd);
        close (fd);
    }
}

/* After INITIATE has come from the client. */
static void malformed_to_the_client (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
        unsigned code;
    } rows[] = {
        ROW ("\4\3foo", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\4\3foo", UNEXPECTED_COMMAND),
        ROW ("\4\11\10INITIATE", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\17\10INITIATE\0\0\0\3xx", MALFORMED_COMMAND_INITIATE),
        ROW ("\4\17\10INITIATE\0\0\0\1xx", MALFORMED_COMMAND_INITIATE),
        ROW (READY_PULL, UNEXPECTED_COMMAND),
        ROW ("\4\15\7MESSAGE\0\0\0\1x", UNEXPECTED_COMMAND),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char endpoint[100];
        struct frame frame;
        void *push = open_client (ZMQ_PUSH);
        void *events = watch (push, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
        int listener = raw_listen (endpoint);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_SEND (fd, GREETING_GSSAPI);
        RAW_EXPECT (fd, GREETING_GSSAPI);
        TAKE_FRAME (fd, &frame);
        raw_send_at (fd, rows[i].bytes, rows[i].size, __FILE__, __LINE__);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        if (value != rows[i].code)
            fail_at (__FILE__, __LINE__, "row %d: code %#x instead of %#x", (int) i, value, rows[i].code);
        RAW_CLOSED (fd);
        /* And it does not come back. */
        EQUAL (raw_accept (listener, 100), -1);
        close (fd);
        close (listener);
        CLOSE (push);
    }
}

/* What is done to a MESSAGE of an established connection. */
static void tampered_messages (void)
{
    enum
    {
        FIRST_BYTE,
        LENGTH,
        TRUNCATED,
        EXTENDED,
        TOKEN,
        TWICE,
        IN_CLEAR,
        MIRRORED,
        LEFT_OUT,
        NO_FLAGS,
        ALL
    };
    static const unsigned codes[ALL] = {
#define CODE(what, code) [what] = ZMQ_PROTOCOL_ERROR_ZMTP_##code
        CODE (FIRST_BYTE, UNEXPECTED_COMMAND),   CODE (LENGTH, MALFORMED_COMMAND_MESSAGE),
        CODE (TRUNCATED, MALFORMED_COMMAND_MESSAGE), CODE (EXTENDED, MALFORMED_COMMAND_MESSAGE),
        CODE (TOKEN, CRYPTOGRAPHIC),             CODE (TWICE, CRYPTOGRAPHIC),
        CODE (IN_CLEAR, MALFORMED_COMMAND_UNSPECIFIED), CODE (MIRRORED, CRYPTOGRAPHIC),
        CODE (LEFT_OUT, CRYPTOGRAPHIC),          CODE (NO_FLAGS, CRYPTOGRAPHIC),
    };
    void *pull = open_server (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    void *events = watch (pull, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    for (int what = 0; what < ALL; what++) {
        struct peer peer;
        struct frame frame;
        join_server (&peer, endpoint);
        SAY (&peer, 0, "right");
        RECV (pull, "right");
        if (what != MIRRORED)
            make_message (&peer, &frame, 0, 0, "wrong", 5);
        switch (what) {
        case FIRST_BYTE: frame.body[0] = 6; break;
        case LENGTH: frame.body[11]++; break;
        case TRUNCATED: frame.size--; break;
        case EXTENDED: frame.body[frame.size++] = 0; break;
        case TOKEN: frame.body[frame.size - 1] ^= 1; break;
        case TWICE:
            SEND_FRAME (peer.fd, &frame);
            RECV (pull, "wrong");
            break;
        case IN_CLEAR: frame.size = 5; memcpy (frame.body, "wrong", 5); break;
        case MIRRORED:
            SAY (&peer, INNER_COMMAND, "\4PING\0\0");
            TAKE_FRAME (peer.fd, &frame);
            break;
        case LEFT_OUT: make_message (&peer, &frame, 0, 0, "wrong", 5); break;
        case NO_FLAGS: make_sized (&frame, 0, MESSAGE_NAME, 8, "", 0); break;
        }
        SEND_FRAME (peer.fd, &frame);
        if (!raw_closed (peer.fd, ARRIVES_MS))
            fail_at (__FILE__, __LINE__, "the connection stays after %d", what);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        if (value != codes[what])
            fail_at (__FILE__, __LINE__, "case %d: code %#x instead of %#x", what, value, codes[what]);
        close (peer.fd);
    }
    QUIET (pull);
}

/* Mechanism and role must fit. */
static void those_who_do_not_fit (void)
{
    void *server = open_server (ZMQ_DEALER), *null = OPEN (ZMQ_DEALER);
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    char endpoint[100];
    strcpy (endpoint, BIND (server, "tcp"));
    OK (zmq_connect (null, endpoint));
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
    EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    zmq_send (null, "hi", 2, ZMQ_DONTWAIT);
    QUIET (server);
    /* ZMTP 2.0 has no mechanisms. */
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, SIGNATURE "\1\5\0\0\0\2hi");
    RAW_CLOSED (fd);
    close (fd);
    void *good = open_client (ZMQ_DEALER);
    OK (zmq_connect (good, endpoint));
    SEND (good, "hi");
    RECV (server, "hi");
}

RUN_CASES (CASE (options), CASE (requests_and_replies), CASE (a_server_that_asks), CASE (events_of_both_sides),
           CASE (the_server_connects), CASE (every_size_in_order), CASE (many_messages), CASE (subscriptions),
           CASE (plain_text), CASE (half_plain_text), CASE (names),
           CASE (the_key_of_another_service), CASE (a_service_that_nobody_knows), CASE (a_client_that_nobody_knows),
           CASE (a_client_without_a_service), CASE (no_ticket), CASE (no_key), CASE (nobody_serves_the_realm),
           CASE (zap_sees_the_principal), CASE (zap_says_no), CASE (golden_server), CASE (golden_client),
           CASE (golden_plain_text), CASE (malformed_to_the_server), CASE (malformed_to_the_client), CASE (tampered_messages),
           CASE (those_who_do_not_fit))
