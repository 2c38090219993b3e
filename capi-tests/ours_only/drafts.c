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

static volatile sig_atomic_t signals;
static void on_signal (int number)
{
    (void) number;
    signals++;
}

/* A signal that only the mask of zmq_ppoll lets through is seen, even where there is no need to wait. */
static void mask_counts_without_waiting (void)
{
    int (*ppoll_) (zmq_pollitem_t *, int, long, const void *);
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked, none;
    void *pull, *push;
    *(void **) &ppoll_ = dlsym (RTLD_DEFAULT, "zmq_ppoll");
    REQUIRE (ppoll_ != NULL);
    sigemptyset (&none);
    sigemptyset (&blocked);
    sigaddset (&blocked, SIGUSR1);
    OK (sigaction (SIGUSR1, &action, NULL));
    OK (pthread_sigmask (SIG_BLOCK, &blocked, NULL));
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    raise (SIGUSR1);
    FAILS (ppoll_ (&item, 1, 0, &none), EINTR); /* asks and does not wait */
    EQUAL (signals, 1);
    EQUAL (ppoll_ (&item, 1, 0, &none), 0);
    SEND (push, "x");
    REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
    raise (SIGUSR1);
    FAILS (ppoll_ (&item, 1, -1, &none), EINTR); /* would wait, and has a message */
    EQUAL (signals, 2);
    EQUAL (ppoll_ (&item, 1, -1, &none), 1);
    raise (SIGUSR1);
    EQUAL (ppoll_ (&item, 1, -1, &blocked), 1); /* blocked there as well */
    EQUAL (signals, 2);
    RECV (pull, "x");
}

RUN_CASES (CASE (mask_counts_without_waiting), CASE (peer_state), CASE (peer_state_of_rep))
