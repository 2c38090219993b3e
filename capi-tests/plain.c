/* PLAIN (RFC 24): byte by byte in both roles, and peers that do not keep to it. */
#include "check.h"
#include "raw.h"
#include "events.h"

#include <pthread.h>

#define GREETING_PLAIN SIGNATURE "\3\1" MECHANISM_PLAIN FILLER
/* The first byte is what libzmq makes of the length and the first letter of "ERROR". */
#define ERROR(status) "\4\11^RROR\003" status
#define HELLO "\4\20\5HELLO\2me\6secret"
#define INITIATE(type) "\4\035\10INITIATE\13Socket-Type\0\0\0\4" type

/* Lets everybody in whose name is "me". */
static void *judge (void *handler)
{
    char frame[8][256];
    for (;;) {
        int count = 0, more = 1, size;
        while (more) {
            size = zmq_recv (handler, frame[count < 7 ? count : 7], 255, 0);
            if (size < 0) {
                zmq_close (handler);
                return NULL;
            }
            frame[count < 7 ? count : 7][size < 255 ? size : 255] = 0;
            count++;
            more = get_int (handler, ZMQ_RCVMORE);
        }
        const char *status = strcmp (frame[6], "me") == 0 || strlen (frame[6]) == 255 ? "200" : "400";
        zmq_send (handler, "1.0", 3, ZMQ_SNDMORE);
        zmq_send (handler, "1", 1, ZMQ_SNDMORE);
        zmq_send (handler, status, 3, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, 0);
    }
}

/* Runs until the context ends. */
static void start_judge (void)
{
    pthread_t thread;
    void *handler = zmq_socket (context (), ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    OK (pthread_create (&thread, NULL, judge, handler));
    pthread_detach (thread);
}

static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_PLAIN_SERVER, 1);
    return socket;
}

static void *open_client (int type, const char *name)
{
    void *socket = OPEN (type);
    OK (zmq_setsockopt (socket, ZMQ_PLAIN_USERNAME, name, strlen (name)));
    OK (zmq_setsockopt (socket, ZMQ_PLAIN_PASSWORD, "secret", 6));
    SET (socket, ZMQ_LINGER, 0);
    SET (socket, ZMQ_RECONNECT_IVL, 30);
    return socket;
}

static void golden_server (void)
{
    start_judge ();
    void *pull = open_server (ZMQ_PULL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_SEND (fd, GREETING_PLAIN);
    RAW_EXPECT (fd, GREETING_PLAIN);
    RAW_QUIET (fd);
    RAW_SEND (fd, HELLO);
    RAW_EXPECT (fd, "\4\10\7WELCOME");
    RAW_SEND (fd, INITIATE ("PUSH"));
    RAW_EXPECT (fd, READY_PULL);
    RAW_SEND (fd, "\0\2hi");
    RECV (pull, "hi");
    close (fd);
    /* The wrong name. */
    fd = RAW_CONNECT (last_endpoint (pull));
    RAW_SEND (fd, GREETING_PLAIN "\4\20\5HELLO\2he\6secret");
    RAW_EXPECT (fd, GREETING_PLAIN ERROR ("400"));
    RAW_QUIET (fd);
    close (fd);
}

static void golden_client (void)
{
    char endpoint[100];
    void *push = open_client (ZMQ_PUSH, "me");
    int listener = raw_listen (endpoint);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_PLAIN);
    RAW_EXPECT (fd, GREETING_PLAIN HELLO);
    RAW_QUIET (fd);
    RAW_SEND (fd, "\4\10\7WELCOME");
    RAW_EXPECT (fd, INITIATE ("PUSH"));
    RAW_SEND (fd, READY_PULL);
    SEND (push, "hi");
    RAW_EXPECT (fd, "\0\2hi");
    close (fd);
    close (listener);
}

static void names_of_255_bytes (void)
{
    char name[256];
    memset (name, 'n', 255);
    name[255] = 0;
    start_judge ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER, name);
    OK (zmq_setsockopt (client, ZMQ_PLAIN_PASSWORD, name, 255));
    OK (zmq_connect (client, BIND (server, "ipc")));
    SEND (client, "hi");
    RECV (server, "hi");
}

static void the_server_connects (void)
{
    start_judge ();
    void *server = open_server (ZMQ_REP), *client = open_client (ZMQ_REQ, "me");
    OK (zmq_connect (server, BIND (client, "tcp")));
    for (int i = 0; i < 20; i++) {
        SEND (client, "question");
        RECV (server, "question");
        SEND (server, "answer");
        RECV (client, "answer");
    }
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
        ROW ("\4\1\5", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\5\5HELL", MALFORMED_COMMAND_UNSPECIFIED),
        ROW ("\4\6\5HELLO", MALFORMED_COMMAND_HELLO),
        ROW ("\4\7\5HELLO\2", MALFORMED_COMMAND_HELLO),
        ROW ("\4\11\5HELLO\2me", MALFORMED_COMMAND_HELLO),
        ROW ("\4\12\5HELLO\2me\1", MALFORMED_COMMAND_HELLO),
        ROW ("\4\21\5HELLO\2me\6secretx", MALFORMED_COMMAND_HELLO),
        ROW ("\4\17\5HELLO\2me\6secre", MALFORMED_COMMAND_HELLO),
        ROW ("\4\10\7WELCOME", UNEXPECTED_COMMAND),
        ROW (INITIATE ("PUSH"), UNEXPECTED_COMMAND),
        ROW (READY_PUSH, UNEXPECTED_COMMAND),
        ROW ("\4\12\5ERROR\003400", UNEXPECTED_COMMAND),
        ROW ("\4\20\5hello\2me\6secret", UNEXPECTED_COMMAND),
    };
    start_judge ();
    void *pull = open_server (ZMQ_PULL);
    void *events = watch (pull, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    const char *endpoint = BIND (pull, "tcp");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = RAW_CONNECT (endpoint);
        RAW_SEND (fd, GREETING_PLAIN);
        RAW_EXPECT (fd, GREETING_PLAIN);
        raw_send_at (fd, rows[i].bytes, rows[i].size, __FILE__, __LINE__);
        EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
        if (value != rows[i].code)
            fail_at (__FILE__, __LINE__, "row %d: code %#x instead of %#x", (int) i, value, rows[i].code);
        RAW_CLOSED (fd);
        close (fd);
    }
}

/* Before the verdict, which never comes here. */
static void hello_again (void)
{
    void *judge = OPEN (ZMQ_REP), *pull = open_server (ZMQ_PULL);
    OK (zmq_bind (judge, "inproc://zeromq.zap.01"));
    void *events = watch (pull, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_SEND (fd, GREETING_PLAIN);
    RAW_EXPECT (fd, GREETING_PLAIN);
    RAW_SEND (fd, HELLO HELLO);
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
    EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED);
    RAW_CLOSED (fd);
    close (fd);
}

static void malformed_to_the_client (void)
{
    static const struct
    {
        const char *welcome;
        size_t welcome_size;
        const char *ready;
        size_t ready_size;
        int event;
        unsigned code;
    } rows[] = {
#define SAYS(bytes) bytes, sizeof bytes - 1
        {SAYS ("\4\11\7WELCOMEx"), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME},
        {SAYS (READY_PULL), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
        {SAYS (HELLO), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
        {SAYS (ERROR ("400")), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400},
        {SAYS (ERROR ("500")), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 500},
        {SAYS (ERROR ("300")), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 300},
        {SAYS ("\4\5^RROR"), NULL, 0, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR},
        {SAYS ("\4\10\7WELCOME"), SAYS ("\4\10\7WELCOME"), ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
         ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND},
        {SAYS ("\4\10\7WELCOME"), SAYS (ERROR ("400")), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400},
        {SAYS ("\4\10\7WELCOME"), SAYS ("\4\12\5READY\2X-\0"), ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
         ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char endpoint[100];
        void *push = open_client (ZMQ_PUSH, "me");
        void *events = watch (push, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        int listener = raw_listen (endpoint);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_SEND (fd, GREETING_PLAIN);
        RAW_EXPECT (fd, GREETING_PLAIN HELLO);
        raw_send_at (fd, rows[i].welcome, rows[i].welcome_size, __FILE__, __LINE__);
        if (rows[i].ready) {
            RAW_EXPECT (fd, INITIATE ("PUSH"));
            raw_send_at (fd, rows[i].ready, rows[i].ready_size, __FILE__, __LINE__);
        }
        EVENT (events, rows[i].event, NULL);
        if (value != rows[i].code)
            fail_at (__FILE__, __LINE__, "row %d: value %#x instead of %#x", (int) i, value, rows[i].code);
        /* The reference stays after malformed metadata, and waits. */
        int stays = rows[i].code == ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA;
        if (!stays && !raw_closed (fd, ARRIVES_MS))
            fail_at (__FILE__, __LINE__, "row %d: the connection stays", (int) i);
        /* And it does not come back. */
        EQUAL (raw_accept (listener, 100), -1);
        close (fd);
        close (listener);
        CLOSE (push);
    }
}

/* Mechanism and role must fit, and nobody talks without them. */
static void those_who_do_not_fit (void)
{
    start_judge ();
    void *server = open_server (ZMQ_DEALER);
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    char endpoint[100];
    strcpy (endpoint, BIND (server, "tcp"));
    void *null = OPEN (ZMQ_DEALER), *stranger = open_client (ZMQ_DEALER, "stranger");
    OK (zmq_connect (null, endpoint));
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
    EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    OK (zmq_connect (stranger, endpoint));
    zmq_send (null, "hi", 2, ZMQ_DONTWAIT);
    zmq_send (stranger, "hi", 2, ZMQ_DONTWAIT);
    QUIET (server);
    /* ZMTP 2.0 has no mechanisms. */
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, SIGNATURE "\1\5\0\0\0\2hi");
    RAW_CLOSED (fd);
    close (fd);
    /* Client and client. */
    void *one = open_client (ZMQ_DEALER, "me"), *two = open_client (ZMQ_DEALER, "me");
    events = watch (one, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL);
    OK (zmq_connect (two, BIND (one, "tcp")));
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, NULL);
    EQUAL (value, ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
    QUIET (server);
    void *good = open_client (ZMQ_DEALER, "me");
    OK (zmq_connect (good, endpoint));
    SEND (good, "hi");
    RECV (server, "hi");
}

RUN_CASES (CASE (golden_server), CASE (golden_client), CASE (names_of_255_bytes), CASE (the_server_connects),
           CASE (malformed_to_the_server), CASE (hello_again), CASE (malformed_to_the_client), CASE (those_who_do_not_fit))
