/*  Simple Pirate, a worker of the load balancing broker. It sends back what it gets.

    worker BROKER NAME WORK-MS */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 2, "worker");
    int work = atoi (argument (argc, argv, 3, "0"));
    void *context, *broker;
    struct message request;
    char text[96];

    stop_on_signals ();
    print_library ("worker");
    context = zmq_ctx_new ();
    broker = open_socket (context, ZMQ_REQ);
    set_option (broker, ZMQ_LINGER, 1000);
    check (zmq_connect (broker, argument (argc, argv, 1, "tcp://127.0.0.1:5673")) == 0, "zmq_connect");
    send_text (broker, "READY", 0);
    printf ("worker: %s is ready\n", name);

    /*  Client's id, empty, request: all of it goes back as it came. */
    while (wait_readable (broker, -1) == 1) {
        if (message_receive (&request, broker))
            continue;
        printf ("worker: does %s\n", message_text (&request, request.count - 1, text, sizeof text));
        pause_ms (work);
        message_send (&request, broker);
        message_clear (&request);
    }
    zmq_close (broker);
    zmq_ctx_term (context);
    return 0;
}
