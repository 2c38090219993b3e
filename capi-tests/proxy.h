/* A proxy in a thread of its own. Include after check.h. */
#ifndef CAPI_PROXY_H
#define CAPI_PROXY_H

enum
{
    PLAIN,     /* zmq_proxy */
    STEERABLE, /* zmq_proxy_steerable */
    DEVICE     /* zmq_device */
};

struct proxy
{
    int kind, device;
    void *front, *back, *capture, *control;
    int result, error;
    volatile int ended;
    pthread_t thread;
};

static void *run_proxy (void *argument)
{
    struct proxy *proxy = argument;
    if (proxy->kind == PLAIN)
        proxy->result = zmq_proxy (proxy->front, proxy->back, proxy->capture);
    else if (proxy->kind == DEVICE)
        proxy->result = zmq_device (proxy->device, proxy->front, proxy->back);
    else
        proxy->result = zmq_proxy_steerable (proxy->front, proxy->back, proxy->capture, proxy->control);
    proxy->error = zmq_errno ();
    __atomic_store_n (&proxy->ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* The sockets belong to the proxy from here on, until it has ended. */
static void start (struct proxy *proxy)
{
    proxy->ended = 0;
    REQUIRE (pthread_create (&proxy->thread, NULL, run_proxy, proxy) == 0);
}

static int has_ended (struct proxy *proxy)
{
    return __atomic_load_n (&proxy->ended, __ATOMIC_ACQUIRE);
}

/* It has returned -1 with this errno, or 0 for errno 0. */
static void ended_at (struct proxy *proxy, int error, const char *file, int line)
{
    long long until = now_ms () + ARRIVES_MS;
    while (!has_ended (proxy) && now_ms () < until)
        poll (NULL, 0, 2);
    if (!has_ended (proxy)) {
        fail_at (file, line, "the proxy has not ended in time");
        longjmp (end_of_case, 1);
    }
    pthread_join (proxy->thread, NULL);
    check_equal (proxy->result, error ? -1 : 0, proxy->error, "result of the proxy", file, line);
    if (error)
        check_equal (proxy->error, error, proxy->error, "errno of the proxy", file, line);
}
#define ENDED(proxy, error) ended_at (proxy, error, __FILE__, __LINE__)

/* The usual way out; after it the case can begin anew with another context. */
#define SHUT_DOWN(proxy)                                                                            \
    do {                                                                                            \
        OK (zmq_ctx_shutdown (context ()));                                                         \
        ENDED (proxy, ETERM);                                                                       \
        end_context ();                                                                             \
    } while (0)

/* A socket of the proxy that is bound, and the endpoint for its peers. */
static void *side (int type, const char *transport, char *endpoint)
{
    void *socket = OPEN (type);
    strcpy (endpoint, BIND (socket, transport));
    return socket;
}

static void *peer_of (const char *endpoint, int type)
{
    void *socket = OPEN (type);
    if (type == ZMQ_SUB)
        OK (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0));
    OK (zmq_connect (socket, endpoint));
    return socket;
}

/* The eight numbers of STATISTICS: of the front end received frames and bytes, sent frames and bytes; the back end alike. */
enum
{
    FRONT_IN,
    FRONT_IN_BYTES,
    FRONT_OUT,
    FRONT_OUT_BYTES,
    BACK_IN,
    BACK_IN_BYTES,
    BACK_OUT,
    BACK_OUT_BYTES,
    NUMBERS
};

MAYBE_UNUSED static void statistics (void *control, uint64_t *numbers)
{
    SEND (control, "STATISTICS");
    for (int i = 0; i < NUMBERS; i++) {
        REQUIRE (await (control, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (control, numbers + i, sizeof *numbers, 0), sizeof *numbers);
        EQUAL (get_int (control, ZMQ_RCVMORE), i < NUMBERS - 1);
    }
}

MAYBE_UNUSED static uint64_t number_of (void *control, int which)
{
    uint64_t numbers[NUMBERS];
    statistics (control, numbers);
    return numbers[which];
}

#endif
