/*  Espresso: a forwarder with a tap, through which one sees everything that flows.

    tap FRONTEND BACKEND

    The proxy copies each part, in both directions, to a third socket: updates on their
    way down, and subscriptions on their way up. A thread reads and prints them. */

#include "example.h"

static void *sockets[3];

static void run_proxy (void *unused)
{
    int i;
    (void) unused;
    zmq_proxy (sockets[0], sockets[1], sockets[2]);
    for (i = 0; i < 3; i++)
        zmq_close (sockets[i]);
}

/*  Ends when the context does. */
static void listen_to (void *socket)
{
    struct message message;
    zmq_pollitem_t item = {NULL, 0, ZMQ_POLLIN, 0};

    item.socket = socket;
    while (zmq_poll (&item, 1, -1) >= 0 || zmq_errno () == EINTR) {
        int i;
        if (message_receive (&message, socket))
            continue;
        printf ("tap:");
        for (i = 0; i < message.count; i++) {
            size_t size = message_size (&message, i);
            char *bytes = message_data (&message, i);
            if (i == 0 && size > 0 && (bytes[0] == 0 || bytes[0] == 1))
                printf (" %s \"%.*s\"", bytes[0] ? "subscribe" : "unsubscribe", (int) size - 1, bytes + 1);
            else
                printf (" [%.*s]", (int) size, bytes);
        }
        printf ("\n");
        message_clear (&message);
    }
    zmq_close (socket);
}

int main (int argc, char **argv)
{
    void *context, *listener, *threads[2];

    stop_on_signals ();
    print_library ("tap");
    context = zmq_ctx_new ();
    sockets[0] = open_socket (context, ZMQ_XSUB);
    sockets[1] = open_socket (context, ZMQ_XPUB);
    sockets[2] = open_socket (context, ZMQ_PAIR);
    listener = open_socket (context, ZMQ_PAIR);
    bind_socket (sockets[0], argument (argc, argv, 1, "tcp://127.0.0.1:6000"), "tap frontend");
    bind_socket (sockets[1], argument (argc, argv, 2, "tcp://127.0.0.1:6001"), "tap backend");
    check (zmq_bind (sockets[2], "inproc://tap") == 0, "zmq_bind");
    check (zmq_connect (listener, "inproc://tap") == 0, "zmq_connect");

    threads[0] = zmq_threadstart (run_proxy, NULL);
    threads[1] = zmq_threadstart (listen_to, listener);
    wait_any (NULL, 0, -1);
    check (zmq_ctx_shutdown (context) == 0, "zmq_ctx_shutdown");
    zmq_threadclose (threads[0]);
    zmq_threadclose (threads[1]);
    zmq_ctx_term (context);
    printf ("tap: ended\n");
    return 0;
}
