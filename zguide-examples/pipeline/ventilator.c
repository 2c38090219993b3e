/*  Pipeline, the ventilator: deals out tasks.

    ventilator ENDPOINT SINK TASKS WORKERS
    ventilator --connect ENDPOINT SINK TASKS     to the frontend of a streamer device

    PUSH deals to the workers that are there. So that the first one does not get
    everything, the ventilator waits for all of them: the socket monitor says when
    a connection is ready. The sink learns from it how many results to expect. */

#include "example.h"

/*  Waits until `count` peers have completed their handshake. */
static void wait_for_peers (void *context, void *socket, const char *endpoint, int connects, int count)
{
    void *events;

    check (zmq_socket_monitor (socket, "inproc://monitor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED) == 0, "zmq_socket_monitor");
    events = open_socket (context, ZMQ_PAIR);
    check (zmq_connect (events, "inproc://monitor") == 0, "zmq_connect");
    if (connects)
        check (zmq_connect (socket, endpoint) == 0, "zmq_connect");
    else
        bind_socket (socket, endpoint, "ventilator");
    while (count > 0) {
        struct message event;
        check (wait_readable (events, -1) == 1, "interrupted");
        if (message_receive (&event, events) == 0) {
            message_clear (&event);
            count--;
        }
    }
    check (zmq_socket_monitor (socket, NULL, 0) == 0, "zmq_socket_monitor");
    zmq_close (events);
}

int main (int argc, char **argv)
{
    int connects = argc > 1 && !strcmp (argv[1], "--connect");
    const char *endpoint = argument (argc, argv, 1 + connects, "tcp://127.0.0.1:5557");
    const char *sink_endpoint = argument (argc, argv, 2 + connects, "tcp://127.0.0.1:5558");
    int tasks = atoi (argument (argc, argv, 3 + connects, "100"));
    int workers = connects ? 1 : atoi (argument (argc, argv, 4, "1"));
    char text[64];
    void *context, *sender, *sink;
    int i;

    print_library ("ventilator");
    context = zmq_ctx_new ();
    sender = open_socket (context, ZMQ_PUSH);
    wait_for_peers (context, sender, endpoint, connects, workers);

    sink = open_socket (context, ZMQ_PUSH);
    check (zmq_connect (sink, sink_endpoint) == 0, "zmq_connect");
    sprintf (text, "tasks %d", tasks);
    send_text (sink, text, 0);

    check (wait_writable (sender, -1) == 1, "interrupted");
    for (i = 1; i <= tasks; i++) {
        sprintf (text, "%d", i);
        send_text (sender, text, 0);
    }
    printf ("ventilator: dealt out %d tasks\n", tasks);
    zmq_close (sink);
    zmq_close (sender);
    zmq_ctx_term (context);
    return 0;
}
