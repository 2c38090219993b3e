/*  Sends to the three sockets of the poller, and asks at the end.

    feeder TASKS UPDATES REQUESTS COUNT */

#include "example.h"

int main (int argc, char **argv)
{
    int count = atoi (argument (argc, argv, 4, "100"));
    void *context, *tasks, *updates, *requests;
    char text[32];
    int i;

    print_library ("feeder");
    context = zmq_ctx_new ();
    tasks = open_socket (context, ZMQ_PUSH);
    updates = open_socket (context, ZMQ_XPUB);
    requests = open_socket (context, ZMQ_REQ);
    check (zmq_connect (tasks, argument (argc, argv, 1, "")) == 0, "zmq_connect");
    check (zmq_connect (updates, argument (argc, argv, 2, "")) == 0, "zmq_connect");
    check (zmq_connect (requests, argument (argc, argv, 3, "")) == 0, "zmq_connect");

    /*  The poller binds and subscribes; the publisher may be either side. */
    receive_text (updates, text, sizeof text);
    for (i = 0; i < count; i++) {
        send_text (tasks, "task", 0);
        send_text (updates, "update", 0);
        send_text (requests, "request", 0);
        receive_text (requests, text, sizeof text);
    }
    printf ("feeder: sent %d of each\n", count);
    zmq_close (tasks);
    zmq_close (updates);
    zmq_close (requests);
    zmq_ctx_term (context);
    return 0;
}
