/* zmq_socket_monitor: which events come, in which order, about which endpoint. */
#include "check.h"
#include "raw.h"
#include "events.h"

static void connected_and_lost (void)
{
    EACH_TRANSPORT (transport) {
        if (strcmp (transport, "inproc") == 0)
            continue;
        void *rep = OPEN (ZMQ_REP), *req = OPEN (ZMQ_REQ);
        void *at_rep = watch (rep, ZMQ_EVENT_ALL), *at_req = watch (req, ZMQ_EVENT_ALL);
        char endpoint[200];
        strcpy (endpoint, BIND (rep, transport));
        EVENT (at_rep, ZMQ_EVENT_LISTENING, endpoint);
        OK (zmq_connect (req, endpoint));
        if (strcmp (transport, "tcp") == 0) {
            EVENT (at_req, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
            EQUAL (value, EINPROGRESS);
        }
        EVENT (at_req, ZMQ_EVENT_CONNECTED, endpoint);
        CHECK (value > 2); /* a descriptor */
        EVENT (at_req, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
        EVENT (at_rep, ZMQ_EVENT_ACCEPTED, endpoint);
        EVENT (at_rep, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
        CLOSE (req);
        EVENT (at_req, ZMQ_EVENT_MONITOR_STOPPED, ""); /* what it ends itself is no event */
        EVENT (at_rep, ZMQ_EVENT_DISCONNECTED, endpoint);
        OK (zmq_unbind (rep, endpoint));
        EVENT (at_rep, ZMQ_EVENT_CLOSED, endpoint);
        CLOSE (rep);
        EVENT (at_rep, ZMQ_EVENT_MONITOR_STOPPED, "");
        NO_EVENT (at_rep);
        CLOSE (at_req);
        CLOSE (at_rep);
    }
}

static void refused_and_retried (void)
{
    void *push = OPEN (ZMQ_PUSH);
    char endpoint[200];
    SET (push, ZMQ_RECONNECT_IVL, 40);
    /* A port that is taken, and where nobody listens. */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    OK (bind (fd, (struct sockaddr *) &address, sizeof address));
    OK (getsockname (fd, (struct sockaddr *) &address, &size));
    sprintf (endpoint, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    void *reader = watch (push, ZMQ_EVENT_ALL);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 3; i++) {
        EVENT (reader, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
        EVENT (reader, ZMQ_EVENT_CLOSED, endpoint);
        EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
        CHECK (value >= 40 && value < 80);
    }
    close (fd);
}

/* The same where the kernel refuses at once: there is a descriptor that is closed, and none where a name leads nowhere. */
static void refused_at_once (void)
{
    static const char *const endpoints[] = {"ipc://@capi-nobody-listens-here", "ipc:///nonexistent/socket", "tcp://255.255.255.255:5"};
    for (int k = 0; k < 3; k++) {
        void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_ALL);
        SET (push, ZMQ_RECONNECT_IVL, 40);
        OK (zmq_connect (push, endpoints[k]));
        for (int i = 0; i < 3; i++) {
            EVENT (reader, ZMQ_EVENT_CLOSED, endpoints[k]);
            CHECK (value > 2);
            EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoints[k]);
            CHECK (value >= 40 && value < 80);
        }
    }
    void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_ALL);
    SET (push, ZMQ_RECONNECT_IVL, 40);
    OK (zmq_connect (push, "tcp://no.such.host.invalid:5"));
    EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, "tcp://no.such.host.invalid:5");
    EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, "tcp://no.such.host.invalid:5");
}

static void endpoint_in_use (void)
{
    void *first = OPEN (ZMQ_PULL), *second = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (first, "tcp");
    void *reader = watch (second, ZMQ_EVENT_BIND_FAILED | ZMQ_EVENT_LISTENING);
    EQUAL (zmq_bind (second, endpoint), -1);
    EVENT (reader, ZMQ_EVENT_BIND_FAILED, endpoint + strlen ("tcp://"));
    EQUAL (value, EADDRINUSE);
    NO_EVENT (reader);
}

static void handshakes_that_fail (void)
{
    void *rep = OPEN (ZMQ_REP);
    void *reader = watch (rep, ZMQ_EVENT_ALL & ~ZMQ_EVENT_LISTENING);
    const char *endpoint = BIND (rep, "tcp");
    /* Ends before it has said anything. */
    int fd = RAW_CONNECT (endpoint);
    EVENT (reader, ZMQ_EVENT_ACCEPTED, endpoint);
    close (fd);
    EVENT (reader, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
    EVENT (reader, ZMQ_EVENT_DISCONNECTED, endpoint);
    /* A socket type that does not fit is no event of its own. */
    fd = RAW_CONNECT (endpoint);
    EVENT (reader, ZMQ_EVENT_ACCEPTED, endpoint);
    void *pub = OPEN (ZMQ_PUB);
    void *at_pub = watch (pub, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    OK (zmq_connect (pub, endpoint));
    EVENT (at_pub, ZMQ_EVENT_DISCONNECTED, endpoint);
    EVENT (reader, ZMQ_EVENT_ACCEPTED, endpoint);
    EVENT (reader, ZMQ_EVENT_DISCONNECTED, endpoint);
    close (fd);
}

/* What the library cannot remove any more, or not yet. */
static void file_of_a_wildcard_is_gone (void)
{
    char endpoint[200], other[200];
    for (int closes = 0; closes < 2; closes++) {
        void *pull = OPEN (ZMQ_PULL), *reader = watch (pull, ZMQ_EVENT_ALL);
        OK (zmq_bind (pull, "ipc://*"));
        strcpy (endpoint, last_endpoint (pull));
        EVENT (reader, ZMQ_EVENT_LISTENING, endpoint);
        OK (unlink (endpoint + strlen ("ipc://")));
        if (!closes)
            OK (zmq_unbind (pull, endpoint));
        CLOSE (pull);
        EVENT (reader, ZMQ_EVENT_CLOSE_FAILED, endpoint);
        EQUAL (value, ENOENT);
        EVENT (reader, ZMQ_EVENT_MONITOR_STOPPED, "");
        *strrchr (endpoint, '/') = 0;
        rmdir (endpoint + strlen ("ipc://")); /* the reference leaves it behind */
    }
    void *pull = OPEN (ZMQ_PULL), *reader = watch (pull, ZMQ_EVENT_ALL);
    OK (zmq_bind (pull, "ipc://*"));
    strcpy (endpoint, last_endpoint (pull));
    strcpy (other, endpoint + strlen ("ipc://"));
    strcpy (strrchr (other, '/'), "/other");
    EVENT (reader, ZMQ_EVENT_LISTENING, endpoint);
    int fd = open (other, O_CREAT | O_WRONLY, 0600);
    OK (zmq_unbind (pull, endpoint));
    EVENT (reader, ZMQ_EVENT_CLOSE_FAILED, endpoint);
    EQUAL (value, ENOTEMPTY);
    close (fd);
    unlink (other);
    *strrchr (other, '/') = 0;
    OK (rmdir (other));
}

static void only_what_was_asked_for (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    void *reader = watch (pull, ZMQ_EVENT_ACCEPTED);
    const char *endpoint = BIND (pull, "tcp");
    OK (zmq_connect (push, endpoint));
    EVENT (reader, ZMQ_EVENT_ACCEPTED, endpoint);
    NO_EVENT (reader);
    CLOSE (pull);
    NO_EVENT (reader); /* not even the end */
}

/* Who was told that a handshake is done can send to the peer. The reader does not sleep, to be as early as one can be. */
static void told_when_the_peer_can_be_sent_to (void)
{
    EACH_TRANSPORT (transport) {
        if (strcmp (transport, "inproc") == 0)
            continue;
        for (int round = 0; round < 200; round++) {
            void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
            void *reader = watch (push, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
            const char *endpoint = BIND (push, transport);
            OK (zmq_connect (pull, endpoint));
            hear (reader);
            REQUIRE (get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT);
            EVENT (reader, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
            CLOSE (reader);
            CLOSE (push);
            CLOSE (pull);
        }
    }
}

static void stopped_and_moved (void)
{
    void *pull = OPEN (ZMQ_PULL);
    void *first = watch (pull, ZMQ_EVENT_ALL), *second = watch (pull, ZMQ_EVENT_ALL);
    EVENT (first, ZMQ_EVENT_MONITOR_STOPPED, "");
    const char *endpoint = BIND (pull, "tcp");
    EVENT (second, ZMQ_EVENT_LISTENING, endpoint);
    NO_EVENT (first);
    OK (zmq_socket_monitor (pull, NULL, 0));
    EVENT (second, ZMQ_EVENT_MONITOR_STOPPED, "");
    OK (zmq_socket_monitor (pull, NULL, 0));
}

static void wrong_arguments (void)
{
    void *pull = OPEN (ZMQ_PULL), *other = OPEN (ZMQ_PAIR);
    FAILS (zmq_socket_monitor (pull, "tcp://127.0.0.1:5555", ZMQ_EVENT_ALL), EPROTONOSUPPORT);
    FAILS (zmq_socket_monitor (pull, "nothing", ZMQ_EVENT_ALL), EINVAL);
    FAILS (zmq_socket_monitor (pull, "inproc://wrong", 0x10000), EINVAL);
    FAILS (zmq_socket_monitor (NULL, "inproc://wrong", ZMQ_EVENT_ALL), ENOTSOCK);
    OK (zmq_bind (other, "inproc://taken"));
    FAILS (zmq_socket_monitor (pull, "inproc://taken", ZMQ_EVENT_ALL), EADDRINUSE);
    OK (zmq_ctx_shutdown (case_context));
    FAILS (zmq_socket_monitor (pull, "inproc://late", ZMQ_EVENT_ALL), ETERM);
}

RUN_CASES (CASE (connected_and_lost), CASE (refused_and_retried), CASE (refused_at_once), CASE (endpoint_in_use), CASE (handshakes_that_fail),
           CASE (only_what_was_asked_for), CASE (told_when_the_peer_can_be_sent_to),
           CASE (file_of_a_wildcard_is_gone), CASE (stopped_and_moved), CASE (wrong_arguments))
