/* Functions of the draft API that stable builds of the reference do not have. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include <dlfcn.h>

/* Looked up, because the programs are linked with the reference. */
static int state_of (void *socket, const void *id, size_t size)
{
    int (*function) (void *, const void *, size_t);
    *(void **) &function = dlsym (RTLD_DEFAULT, "zmq_socket_get_peer_state");
    REQUIRE (function != NULL);
    return function (socket, id, size);
}

static void peer_state (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER), *push = OPEN (ZMQ_PUSH);
    FAILS (state_of (push, "d", 1), ENOTSUP);
    FAILS (state_of (NULL, "d", 1), ENOTSOCK);
    FAILS (state_of (router, "d", 1), EHOSTUNREACH);
    FAILS (state_of (router, NULL, 1), EFAULT);
    FAILS (state_of (router, "", 0), EHOSTUNREACH);
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    SET (router, ZMQ_SNDHWM, 2);
    SET (dealer, ZMQ_RCVHWM, 2);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "d", 1));
    OK (zmq_connect (dealer, BIND (router, "inproc")));
    EVENTUALLY (state_of (router, "d", 1) == ZMQ_POLLOUT);
    int sent = 0;
    while (zmq_send (router, "d", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 1) {
        EQUAL (zmq_send (router, "x", 1, 0), 1);
        sent++;
    }
    EQUAL (sent, 4);
    EQUAL (state_of (router, "d", 1), 0);
    for (int i = 0; i < sent; i++)
        RECV (dealer, "x");
    EQUAL (state_of (router, "d", 1), ZMQ_POLLOUT);
    CLOSE (dealer);
    EVENTUALLY (state_of (router, "d", 1) == -1 && errno == EHOSTUNREACH);
}

static void peer_state_of_rep (void)
{
    void *rep = OPEN (ZMQ_REP), *req = OPEN (ZMQ_REQ);
    OK (zmq_setsockopt (req, ZMQ_ROUTING_ID, "r", 1));
    OK (zmq_connect (req, BIND (rep, "tcp")));
    SEND (req, "hello");
    RECV (rep, "hello");
    EQUAL (state_of (rep, "r", 1), ZMQ_POLLOUT);
    FAILS (state_of (rep, "other", 5), EHOSTUNREACH);
}

RUN_CASES (CASE (peer_state), CASE (peer_state_of_rep))
