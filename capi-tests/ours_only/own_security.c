/* What the reference does in another way, or not within its limits. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"

#include <sys/resource.h>

static const char SERVER_SECRET[] = "interop.server.key.0123456789.abcdefghij";
static const char CLIENT_SECRET[] = "interop.client.key.9876543210.jihgfedcba";

static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_CURVE_SERVER, 1);
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, SERVER_SECRET, 41));
    return socket;
}

static void *open_client (int type)
{
    char key[41];
    void *socket = OPEN (type);
    OK (zmq_curve_public (key, SERVER_SECRET));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, key, 41));
    OK (zmq_curve_public (key, CLIENT_SECRET));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, key, 41));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, CLIENT_SECRET, 41));
    return socket;
}

/* Peers that stop in the middle of the handshake, at every place of it. */
static void a_thousand_half_open_peers (void)
{
    enum
    {
        PEERS = 1000
    };
    static int fds[PEERS];
    static char bytes[264] = SIGNATURE "\3\1" "CURVE";
    struct rlimit limit = {4096, 4096};
    setrlimit (RLIMIT_NOFILE, &limit);
    memcpy (bytes + 64, "\4\310\5HELLO\1\0", 10);
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    SET (server, ZMQ_BACKLOG, PEERS);
    const char *endpoint = BIND (server, "tcp");
    OK (zmq_connect (client, endpoint));
    for (int i = 0; i < PEERS; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        CHECK (send (fds[i], bytes, (size_t) i % sizeof bytes, MSG_NOSIGNAL) >= 0);
        if (i % 50 == 0) {
            long long start = now_ms ();
            SEND (client, "question");
            RECV (server, "question");
            SEND (server, "answer");
            RECV (client, "answer");
            CHECK (now_ms () - start < 1000);
        }
    }
    void *another = open_client (ZMQ_DEALER);
    OK (zmq_connect (another, endpoint));
    SEND (another, "served");
    RECV (server, "served");
    for (int i = 0; i < PEERS; i++)
        close (fds[i]);
}

/* A server that turns a client away is asked less and less often. */
static void attempts_become_rare (void)
{
    void *server = open_server (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    char key[41];
    /* Keys that do not fit. */
    OK (zmq_curve_public (key, CLIENT_SECRET));
    OK (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, key, 41));
    OK (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, key, 41));
    OK (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, CLIENT_SECRET, 41));
    SET (client, ZMQ_RECONNECT_IVL, 10);
    SET (client, ZMQ_RECONNECT_IVL_MAX, 5000);
    void *events = watch (server, ZMQ_EVENT_ACCEPTED);
    OK (zmq_connect (client, BIND (server, "tcp")));
    int attempts = 0;
    long long end = now_ms () + 1500;
    while (now_ms () < end)
        attempts += next_event (events, NULL, &value, (int) (end - now_ms ())) == ZMQ_EVENT_ACCEPTED;
    /* 10, 20, 40, 80, 160, 320, 640 ms, each up to twice as long. */
    CHECK (attempts >= 3 && attempts <= 12);
}

/* REQ as the server: with the reference no handshake ends. */
static void request_socket_as_the_server (void)
{
    void *req = open_server (ZMQ_REQ), *rep = open_client (ZMQ_REP);
    OK (zmq_connect (rep, BIND (req, "tcp")));
    for (int i = 0; i < 10; i++) {
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECV (req, "answer");
    }
}

/* Nobody comes in past a handler that cannot answer. */
static void handler_of_the_wrong_type (void)
{
    void *handler = OPEN (ZMQ_PULL), *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    OK (zmq_connect (client, BIND (server, "tcp")));
    zmq_send (client, "hi", 2, ZMQ_DONTWAIT);
    SET (client, ZMQ_LINGER, 0);
    EVENT (events, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, NULL);
    EQUAL (value, EFAULT);
    QUIET (server);
    QUIET (handler);
}

RUN_CASES (CASE (a_thousand_half_open_peers), CASE (attempts_become_rare), CASE (request_socket_as_the_server),
           CASE (handler_of_the_wrong_type))
