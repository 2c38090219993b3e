/*  Freelance, model two, a server: sends back what it gets, its number in front.

    server_2 ENDPOINT WORK-MS */

#include "example.h"

int main (int argc, char **argv)
{
    int work = atoi (argument (argc, argv, 2, "0"));
    void *context, *clients;
    struct message request;
    char text[96];

    stop_on_signals ();
    print_library ("server_2");
    context = zmq_ctx_new ();
    clients = open_socket (context, ZMQ_REP);
    /*  Clients that have gone are not waited for: with its usual linger libzmq may do so for ever. */
    set_option (clients, ZMQ_LINGER, 500);
    bind_socket (clients, argument (argc, argv, 1, "tcp://127.0.0.1:5555"), "server");
    while (wait_readable (clients, -1) == 1) {
        if (message_receive_question (&request, clients))
            continue;
        printf ("server: does %s\n", message_text (&request, 1, text, sizeof text));
        pause_ms (work);
        message_send (&request, clients);
        message_clear (&request);
    }
    zmq_close (clients);
    zmq_ctx_term (context);
    return 0;
}
