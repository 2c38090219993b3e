/*  Asynchronous server: many clients, and threads that work side by side.

    server ENDPOINT THREADS
    server --connect ENDPOINT THREADS     to the backend of a queue device

    Clients talk to a ROUTER; a DEALER deals their messages to the threads over
    inproc. Each thread is a small server of its own. Answers "Hello N" with
    "World N"; even numbers take longer than odd ones. */

#include "example.h"

static void *context;
static void *sockets[2];

static void work (void *unused)
{
    void *worker = open_socket (context, ZMQ_DEALER);
    struct message message;

    (void) unused;
    set_option (worker, ZMQ_LINGER, 0);
    check (zmq_connect (worker, "inproc://workers") == 0, "zmq_connect");
    /*  zmq_ctx_shutdown, in the main thread, ends the waiting. */
    for (;;) {
        zmq_pollitem_t item = {NULL, 0, ZMQ_POLLIN, 0};
        char text[64], reply[80];
        item.socket = worker;
        if (zmq_poll (&item, 1, -1) < 0 && zmq_errno () != EINTR)
            break;
        if (message_receive (&message, worker))
            continue;
        /*  The last frame is the request, all before it the way back. */
        message_text (&message, message.count - 1, text, sizeof text);
        if (strchr (text, ' ') && atoi (strchr (text, ' ')) % 2 == 0)
            zmq_poll (NULL, 0, 2);
        sprintf (reply, "World%s", strchr (text, ' ') ? strchr (text, ' ') : "");
        message_remove (&message, message.count - 1);
        message_append_text (&message, reply);
        message_send (&message, worker);
        message_clear (&message);
    }
    zmq_close (worker);
}

static void run_proxy (void *unused)
{
    (void) unused;
    zmq_proxy (sockets[0], sockets[1], NULL);
    zmq_close (sockets[0]);
    zmq_close (sockets[1]);
}

int main (int argc, char **argv)
{
    int connects = argc > 1 && !strcmp (argv[1], "--connect");
    const char *endpoint = argument (argc, argv, 1 + connects, "tcp://127.0.0.1:5570");
    int count = atoi (argument (argc, argv, 2 + connects, "3")), i;
    void *threads[64], *proxy;

    stop_on_signals ();
    print_library ("server");
    if (count < 1 || count > 64) {
        fprintf (stderr, "server: between 1 and 64 threads\n");
        return 2;
    }
    context = zmq_ctx_new ();
    sockets[0] = open_socket (context, ZMQ_ROUTER);
    sockets[1] = open_socket (context, ZMQ_DEALER);
    set_option (sockets[0], ZMQ_LINGER, 0);
    set_option (sockets[1], ZMQ_LINGER, 0);
    check (zmq_bind (sockets[1], "inproc://workers") == 0, "zmq_bind");
    if (connects)
        check (zmq_connect (sockets[0], endpoint) == 0, "zmq_connect");
    else
        bind_socket (sockets[0], endpoint, "server");

    for (i = 0; i < count; i++)
        threads[i] = zmq_threadstart (work, NULL);
    proxy = zmq_threadstart (run_proxy, NULL);
    wait_any (NULL, 0, -1);
    check (zmq_ctx_shutdown (context) == 0, "zmq_ctx_shutdown");
    zmq_threadclose (proxy);
    for (i = 0; i < count; i++)
        zmq_threadclose (threads[i]);
    zmq_ctx_term (context);
    printf ("server: ended\n");
    return 0;
}
