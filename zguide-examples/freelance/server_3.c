/*  Freelance, model three, a server of the Freelance Protocol, https://rfc.zeromq.org/spec/10/

    server_3 ENDPOINT WORK-MS

    Its routing id is its endpoint: that is how clients address it. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5555");
    int work = atoi (argument (argc, argv, 2, "0"));
    void *context, *clients;
    struct message message;
    char text[96];

    stop_on_signals ();
    print_library ("server_3");
    context = zmq_ctx_new ();
    clients = open_socket (context, ZMQ_ROUTER);
    set_option (clients, ZMQ_LINGER, 0);
    check (zmq_setsockopt (clients, ZMQ_ROUTING_ID, endpoint, strlen (endpoint)) == 0, "ZMQ_ROUTING_ID");
    bind_socket (clients, endpoint, "server");

    /*  Client's id, then PING; or the client's id, its control frame, and the request. */
    while (wait_readable (clients, -1) == 1) {
        if (message_receive (&message, clients))
            continue;
        if (message.count == 2 && message_is (&message, 1, "PING")) {
            message_remove (&message, 1);
            message_append_text (&message, "PONG");
            message_send (&message, clients);
        } else if (message.count >= 3) {
            printf ("server: does %s\n", message_text (&message, 2, text, sizeof text));
            pause_ms (work);
            message_send (&message, clients);
        }
        message_clear (&message);
    }
    zmq_close (clients);
    zmq_ctx_term (context);
    return 0;
}
