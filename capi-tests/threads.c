/* Sockets handed between threads, closing and terminating from others, many threads at once. */
#include "check.h"

struct hand
{
    void *a, *b, *context;
    int good;
};

static void *create (void *arg)
{
    struct hand *h = arg;
    h->a = zmq_socket (h->context, ZMQ_PAIR);
    h->b = zmq_socket (h->context, ZMQ_PAIR);
    h->good = h->a && h->b && zmq_bind (h->a, "tcp://127.0.0.1:*") == 0 && zmq_connect (h->b, last_endpoint (h->a)) == 0;
    return NULL;
}

static void *use (void *arg)
{
    struct hand *h = arg;
    char buffer[8];
    for (int i = 0; i < 100 && h->good; i++)
        h->good = zmq_send (h->b, "ping", 4, 0) == 4 && zmq_recv (h->a, buffer, sizeof buffer, 0) == 4
                  && zmq_send (h->a, "pong", 4, 0) == 4 && zmq_recv (h->b, buffer, sizeof buffer, 0) == 4;
    return NULL;
}

static void *close_both (void *arg)
{
    struct hand *h = arg;
    h->good = h->good && zmq_close (h->a) == 0 && zmq_close (h->b) == 0;
    return NULL;
}

static void *terminate (void *arg)
{
    struct hand *h = arg;
    h->good = h->good && zmq_ctx_term (h->context) == 0;
    return NULL;
}

static void handed_from_thread_to_thread (void)
{
    static void *(*const steps[]) (void *) = {create, use, use, close_both, terminate};
    struct hand h = {NULL, NULL, zmq_ctx_new (), 0};
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        pthread_create (&thread, NULL, steps[i], &h);
        pthread_join (thread, NULL);
        CHECK (h.good);
    }
}

static void *worker (void *arg)
{
    /* A worker that runs until the context ends, then closes its socket. */
    void *context = arg, *rep = zmq_socket (context, ZMQ_REP);
    char buffer[8];
    int n;
    if (!rep) /* the context may end before this thread began */
        return (void *) (intptr_t) (zmq_errno () == ETERM);
    if (zmq_connect (rep, "inproc://work") != 0)
        return (void *) (intptr_t) (zmq_errno () == ETERM && zmq_close (rep) == 0);
    while ((n = zmq_recv (rep, buffer, sizeof buffer, 0)) != -1)
        if (zmq_send (rep, buffer, (size_t) n, 0) == -1)
            break;
    intptr_t good = zmq_errno () == ETERM && zmq_close (rep) == 0;
    return (void *) good;
}

static void terminated_from_a_third_thread (void)
{
    struct hand h = {NULL, NULL, zmq_ctx_new (), 1};
    pthread_t workers[4], ender;
    void *dealer = zmq_socket (h.context, ZMQ_DEALER), *result;
    OK (zmq_bind (dealer, "inproc://work"));
    for (int i = 0; i < 4; i++)
        pthread_create (&workers[i], NULL, worker, h.context);
    for (int i = 0; i < 400; i++) {
        SENDMORE (dealer, "");
        SEND (dealer, "job");
    }
    for (int i = 0; i < 400; i++) {
        RECVMORE (dealer, "");
        RECV (dealer, "job");
    }
    pthread_create (&ender, NULL, terminate, &h);
    for (int i = 0; i < 4; i++) {
        pthread_join (workers[i], &result);
        CHECK (result != NULL);
    }
    OK (zmq_close (dealer));
    pthread_join (ender, NULL);
    CHECK (h.good);
}

static void *many_sockets (void *arg)
{
    void *context = arg;
    intptr_t good = 1;
    for (int i = 0; i < 100 && good; i++) {
        char name[60], buffer[4];
        void *a = zmq_socket (context, ZMQ_PAIR), *b = zmq_socket (context, ZMQ_PAIR);
        snprintf (name, sizeof name, "inproc://%lx/%d", (unsigned long) pthread_self (), i);
        set_int (a, ZMQ_LINGER, 0);
        good = a && b && zmq_bind (a, i & 1 ? name : "tcp://127.0.0.1:*") == 0;
        char endpoint[100] = "";
        size_t size = sizeof endpoint;
        good = good && zmq_getsockopt (a, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0 && zmq_connect (b, endpoint) == 0
               && zmq_send (b, "x", 1, 0) == 1 && zmq_recv (a, buffer, sizeof buffer, 0) == 1;
        good = zmq_close (a) == 0 && zmq_close (b) == 0 && good;
    }
    return (void *) good;
}

static void threads_create_and_close (void)
{
    pthread_t threads[6];
    void *result;
    for (int i = 0; i < 6; i++)
        pthread_create (&threads[i], NULL, many_sockets, context ());
    for (int i = 0; i < 6; i++) {
        pthread_join (threads[i], &result);
        CHECK (result != NULL);
    }
}

static void *contexts (void *arg)
{
    intptr_t good = 1;
    (void) arg;
    for (int i = 0; i < 30 && good; i++) {
        void *c = zmq_ctx_new (), *s = zmq_socket (c, ZMQ_REP);
        good = s && zmq_bind (s, "tcp://127.0.0.1:*") == 0 && zmq_close (s) == 0 && zmq_ctx_term (c) == 0;
    }
    return (void *) good;
}

static void contexts_in_many_threads (void)
{
    pthread_t threads[6];
    void *result;
    for (int i = 0; i < 6; i++)
        pthread_create (&threads[i], NULL, contexts, NULL);
    for (int i = 0; i < 6; i++) {
        pthread_join (threads[i], &result);
        CHECK (result != NULL);
    }
}

static void *push_numbers (void *arg)
{
    struct hand *h = arg;
    void *push = zmq_socket (h->context, ZMQ_PUSH);
    intptr_t good = zmq_connect (push, (const char *) h->b) == 0;
    for (int i = 0; i < 5000 && good; i++)
        good = zmq_send (push, &i, sizeof i, 0) == sizeof i;
    return good ? push : NULL;
}

static void many_senders_one_receiver (void)
{
    EACH_TRANSPORT (transport) {
        void *pull = OPEN (ZMQ_PULL), *result;
        pthread_t threads[4];
        long long sum = 0;
        struct hand h = {NULL, (void *) (uintptr_t) BIND (pull, transport), context (), 1};
        for (int i = 0; i < 4; i++)
            pthread_create (&threads[i], NULL, push_numbers, &h);
        for (int i = 0; i < 20000; i++) {
            int number = -1;
            REQUIRE (zmq_recv (pull, &number, sizeof number, 0) == sizeof number);
            sum += number;
        }
        EQUAL (sum, 4LL * 4999 * 5000 / 2);
        for (int i = 0; i < 4; i++) {
            pthread_join (threads[i], &result);
            REQUIRE (result != NULL);
            OK (zmq_close (result));
        }
    }
}

static void errno_is_per_thread (void)
{
    void *s = OPEN (ZMQ_PULL), *result;
    char buffer[4];
    pthread_t thread;
    EQUAL (zmq_recv (s, buffer, sizeof buffer, ZMQ_DONTWAIT), -1);
    zmq_recv (s, buffer, sizeof buffer, ZMQ_DONTWAIT);
    struct hand h = {NULL, NULL, NULL, 1};
    pthread_create (&thread, NULL, terminate, &h); /* fails with EFAULT there */
    pthread_join (thread, &result);
    int mine = zmq_errno ();
    EQUAL (mine, EAGAIN);
    EQUAL (h.good, 0);
}

RUN_CASES (CASE (handed_from_thread_to_thread), CASE (terminated_from_a_third_thread), CASE (threads_create_and_close),
           CASE (contexts_in_many_threads), CASE (many_senders_one_receiver), CASE (errno_is_per_thread))
