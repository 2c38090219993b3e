/* Options that can only be set: a set that is refused changes nothing of what they do. */
#include "check.h"
#include "raw.h"

/* Values that an option of a number does not take. */
static void refuse (void *socket, int option)
{
    static const char wrong[16] = {1, 1, 1, 1, 1};
    FAILS (set_int (socket, option, -1), EINVAL);
    for (size_t size = 0; size < 10; size++)
        if (size != sizeof (int))
            FAILS (zmq_setsockopt (socket, option, wrong, size), EINVAL);
}

static void router_mandatory (void)
{
    for (int on = 0; on < 2; on++) {
        void *router = OPEN (ZMQ_ROUTER);
        SET (router, ZMQ_ROUTER_MANDATORY, on);
        refuse (router, ZMQ_ROUTER_MANDATORY);
        if (on)
            FAILS (zmq_send (router, "nobody", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT), EHOSTUNREACH);
        else
            EQUAL (zmq_send (router, "nobody", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT), 6);
    }
}

static void router_handover (void)
{
    for (int on = 0; on < 2; on++) {
        void *router = OPEN (ZMQ_ROUTER), *first = OPEN (ZMQ_DEALER), *second = OPEN (ZMQ_DEALER);
        SET (router, ZMQ_ROUTER_HANDOVER, on);
        refuse (router, ZMQ_ROUTER_HANDOVER);
        OK (zmq_setsockopt (first, ZMQ_ROUTING_ID, "id", 2));
        OK (zmq_setsockopt (second, ZMQ_ROUTING_ID, "id", 2));
        const char *endpoint = BIND (router, "tcp");
        OK (zmq_connect (first, endpoint));
        SEND (first, "first");
        RECVMORE (router, "id");
        RECV (router, "first");
        OK (zmq_connect (second, endpoint));
        SEND (second, "second");
        if (on) {
            RECVMORE (router, "id");
            RECV (router, "second");
        } else
            QUIET (router);
    }
}

static void xpub_manual (void)
{
    for (int on = 0; on < 2; on++) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_SUB);
        SET (pub, ZMQ_XPUB_MANUAL, on);
        refuse (pub, ZMQ_XPUB_MANUAL);
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "A", 1));
        OK (zmq_connect (sub, BIND (pub, "tcp")));
        RECV (pub, "\1A");
        SEND (pub, "A1");
        if (on)
            QUIET (sub);
        else
            RECV (sub, "A1");
    }
}

static void xpub_verbose (void)
{
    static const int options[] = {ZMQ_XPUB_VERBOSE, ZMQ_XPUB_VERBOSER};
    for (int k = 0; k < 2; k++)
        for (int on = 0; on < 2; on++) {
            void *pub = OPEN (ZMQ_XPUB), *one = OPEN (ZMQ_XSUB), *two = OPEN (ZMQ_XSUB);
            SET (pub, options[k], on);
            refuse (pub, options[k]);
            const char *endpoint = BIND (pub, "inproc");
            OK (zmq_connect (one, endpoint));
            OK (zmq_connect (two, endpoint));
            SEND (one, "\1A");
            RECV (pub, "\1A");
            SEND (two, "\1A");
            if (on)
                RECV (pub, "\1A");
            else
                QUIET (pub);
        }
}

static void accept_filters (void)
{
    static const char *const wrong[] = {"nonsense", "127.0.0.1/33", "127.0.0.1/-1", "127.0.0.1/", "/8", "127.0.0.256", "[::1]"};
    for (int filtered = 0; filtered < 2; filtered++) {
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        if (filtered)
            OK (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.2", 9));
        for (int i = 0; i < 7; i++)
            FAILS (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, wrong[i], strlen (wrong[i])), EINVAL);
        char endpoint[100];
        int port = raw_port (BIND (pull, "tcp"));
        int fd = RAW_CONNECT (last_endpoint (pull)); /* from 127.0.0.1 */
        if (filtered)
            RAW_CLOSED (fd);
        else
            RAW_EXPECT (fd, SIGNATURE);
        close (fd);
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.2:0;127.0.0.1:%d", port);
        OK (zmq_connect (push, endpoint));
        SEND (push, "in");
        RECV (pull, "in");
    }
}

static void connect_routing_id (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "chosen", 6));
    FAILS (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "", 0), EINVAL);
    OK (zmq_connect (router, BIND (dealer, "tcp")));
    SENDMORE (router, "chosen");
    SEND (router, "hello");
    RECV (dealer, "hello");
}

static void req_relaxed (void)
{
    for (int on = 0; on < 2; on++) {
        void *req = OPEN (ZMQ_REQ), *rep = OPEN (ZMQ_REP);
        SET (req, ZMQ_REQ_RELAXED, on);
        refuse (req, ZMQ_REQ_RELAXED);
        OK (zmq_connect (req, BIND (rep, "inproc")));
        SEND (req, "one");
        if (on)
            EQUAL (zmq_send (req, "two", 3, 0), 3);
        else
            FAILS (zmq_send (req, "two", 3, 0), EFSM);
    }
}

static void req_correlate (void)
{
    for (int on = 0; on < 2; on++) {
        void *req = OPEN (ZMQ_REQ), *dealer = OPEN (ZMQ_DEALER);
        SET (req, ZMQ_REQ_CORRELATE, on);
        refuse (req, ZMQ_REQ_CORRELATE);
        OK (zmq_connect (req, BIND (dealer, "inproc")));
        SEND (req, "question");
        if (on)
            EQUAL (zmq_recv (dealer, (char[8]){0}, 8, 0), 4);
        RECVMORE (dealer, "");
        RECV (dealer, "question");
    }
}

static void probe_router (void)
{
    static const int types[] = {ZMQ_REQ, ZMQ_DEALER, ZMQ_ROUTER};
    for (int i = 0; i < 3; i++)
        for (int on = 0; on < 2; on++) {
            void *router = OPEN (ZMQ_ROUTER), *prober = OPEN (types[i]);
            SET (prober, ZMQ_PROBE_ROUTER, on);
            refuse (prober, ZMQ_PROBE_ROUTER);
            OK (zmq_setsockopt (prober, ZMQ_ROUTING_ID, "prober", 6));
            OK (zmq_connect (prober, BIND (router, "tcp")));
            if (on) {
                RECVMORE (router, "prober");
                RECV (router, "");
            }
            QUIET (router);
        }
}

RUN_CASES (CASE (router_mandatory), CASE (router_handover), CASE (xpub_manual), CASE (xpub_verbose), CASE (accept_filters),
           CASE (connect_routing_id), CASE (req_relaxed), CASE (req_correlate), CASE (probe_router))
