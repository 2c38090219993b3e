/* What the reference does in another way, or not within its limits. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"

#include "../security.h"
#include "../curve_peers.h"

#include <sys/resource.h>

static long resident_kb (void)
{
    char line[100];
    long kb = 0;
    FILE *status = fopen ("/proc/self/status", "r");
    while (status && fgets (line, sizeof line, status))
        if (sscanf (line, "VmRSS: %ld", &kb) == 1)
            break;
    if (status)
        fclose (status);
    return kb;
}

static double processor_seconds (void)
{
    struct rusage used;
    getrusage (RUSAGE_SELF, &used);
    return (double) (used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double) (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Peers that stop in the middle of the handshake: somewhere in the greeting, in the first command, or behind the answer to it, when the
 * server has worked for them. They cost little, disturb nobody, and are sent away when their time is over. */
static void a_thousand_half_open_peers (void)
{
    enum
    {
        PEERS = 1000,
        HANDSHAKE_MS = 4000
    };
    static int fds[PEERS];
    static char bytes[264] = SIGNATURE "\3\1" "CURVE";
    struct rlimit limit = {4096, 4096};
    setrlimit (RLIMIT_NOFILE, &limit);
    memcpy (bytes + 64, "\4\310\5HELLO\1\0", 10);
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = open_client (ZMQ_DEALER);
    SET (server, ZMQ_BACKLOG, PEERS);
    SET (server, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    void *events = watch (server, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    const char *endpoint = BIND (server, "tcp");
    OK (zmq_connect (client, endpoint));
    SEND (client, "first");
    RECV (server, "first");
    long before = resident_kb ();
    long long begun = now_ms ();
    for (int i = 0; i < PEERS; i++) {
        if (i % 3 == 0) {
            struct peer peer;
            dial_client (&peer, endpoint);
            say_hello (&peer);
            fds[i] = peer.fd;
        } else {
            fds[i] = RAW_CONNECT (endpoint);
            CHECK (send (fds[i], bytes, (size_t) i % sizeof bytes, MSG_NOSIGNAL) >= 0);
        }
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
    long grown = resident_kb () - before;
    if (now_ms () - begun < HANDSHAKE_MS - 1000) {
        /* All are there: 8 kB each, and no work. */
        CHECK (grown < PEERS * 8);
        double idle = processor_seconds ();
        poll (NULL, 0, 500);
        CHECK (processor_seconds () - idle < 0.1);
    }
    int sent_away = 0;
    while (sent_away < PEERS && next_event (events, NULL, &value, HANDSHAKE_MS + ARRIVES_MS) == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        sent_away++;
    EQUAL (sent_away, PEERS);
    for (int i = 0; i < PEERS; i++) {
        RAW_CLOSED (fds[i]);
        close (fds[i]);
    }
    SEND (another, "still served");
    RECV (server, "still served");
    NO_EVENT (events);
}

/* A server that turns a client away is asked less and less often. */
static void attempts_become_rare (void)
{
    make_keys ();
    void *server = open_server (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    /* Keys that do not fit. */
    OK (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, client_public, KEY));
    OK (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, client_public, KEY));
    OK (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, client_secret, KEY));
    SET (client, ZMQ_RECONNECT_IVL, 10);
    SET (client, ZMQ_RECONNECT_IVL_MAX, 5000);
    void *events = watch (server, ZMQ_EVENT_ACCEPTED);
    OK (zmq_connect (client, BIND (server, "tcp")));
    int attempts = 0;
    long long end = now_ms () + 1500;
    while (now_ms () < end)
        attempts += next_event (events, NULL, &value, (int) (end - now_ms ())) == ZMQ_EVENT_ACCEPTED;
    /* 10, 20, 40, 80, 160, 320, 640 ms, each of them or down to half of it. */
    CHECK (attempts >= 3 && attempts <= 14);
}

/* REQ as the server: with the reference no handshake ends. */
static void request_socket_as_the_server (void)
{
    make_keys ();
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
    make_keys ();
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
