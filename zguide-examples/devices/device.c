/*  Devices: two sockets, and whatever comes in at one goes out at the other.

    device queue FRONTEND BACKEND        requests from clients to services
    device forwarder FRONTEND BACKEND    updates from publishers to subscribers
    device streamer FRONTEND BACKEND     tasks from ventilators to workers
    device bridge FRONTEND BACKEND       a forwarder that connects to a publisher

    zmq_proxy runs until the context ends. A thread of its own runs it, so that
    the main thread can wait for the signal: nothing is interrupted half-way. */

#include "example.h"

struct kind
{
    const char *name;
    int frontend, backend, frontend_connects;
};

static const struct kind kinds[] = {
    {"queue", ZMQ_ROUTER, ZMQ_DEALER, 0},
    {"forwarder", ZMQ_XSUB, ZMQ_XPUB, 0},
    {"streamer", ZMQ_PULL, ZMQ_PUSH, 0},
    {"bridge", ZMQ_XSUB, ZMQ_XPUB, 1},
};

static void *sockets[2];

static void run_proxy (void *unused)
{
    (void) unused;
    zmq_proxy (sockets[0], sockets[1], NULL);
    zmq_close (sockets[0]);
    zmq_close (sockets[1]);
}

int main (int argc, char **argv)
{
    const struct kind *kind = NULL;
    void *context, *thread;
    size_t i;

    stop_on_signals ();
    print_library ("device");
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp (argument (argc, argv, 1, ""), kinds[i].name))
            kind = &kinds[i];
    if (!kind || argc != 4) {
        fprintf (stderr, "usage: device queue|forwarder|streamer|bridge FRONTEND BACKEND\n");
        return 2;
    }
    context = zmq_ctx_new ();
    sockets[0] = open_socket (context, kind->frontend);
    sockets[1] = open_socket (context, kind->backend);
    if (kind->frontend_connects)
        check (zmq_connect (sockets[0], argv[2]) == 0, "zmq_connect");
    else
        bind_socket (sockets[0], argv[2], "device frontend");
    bind_socket (sockets[1], argv[3], "device backend");

    thread = zmq_threadstart (run_proxy, NULL);
    wait_any (NULL, 0, -1);
    check (zmq_ctx_shutdown (context) == 0, "zmq_ctx_shutdown");
    zmq_threadclose (thread);
    zmq_ctx_term (context);
    printf ("device: ended\n");
    return 0;
}
