/*  Asynchronous client: sends without waiting for the replies.

    client ENDPOINT NAME REQUESTS

    Replies may come in any order, so that each carries the number of its request. */

#include "example.h"

#define WINDOW 20 /* requests under way at most */

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 2, "client");
    int requests = atoi (argument (argc, argv, 3, "100"));
    int sent = 0, received = 0, strange = 0, overtaken = 0, highest = 0;
    char *answered = calloc ((size_t) requests + 1, 1);
    void *context, *server;

    stop_on_signals ();
    print_library ("client");
    context = zmq_ctx_new ();
    server = open_socket (context, ZMQ_DEALER);
    check (zmq_setsockopt (server, ZMQ_ROUTING_ID, name, strlen (name)) == 0, "ZMQ_ROUTING_ID");
    check (zmq_connect (server, argument (argc, argv, 1, "tcp://127.0.0.1:5570")) == 0, "zmq_connect");

    while (received < requests) {
        struct message message;
        char text[64];
        int number;

        while (sent < requests && sent - received < WINDOW) {
            message_init (&message);
            sprintf (text, "Hello %d", sent + 1);
            message_append_text (&message, text);
            if (message_send (&message, server)) {
                message_clear (&message);
                break;
            }
            sent++;
        }
        if (wait_readable (server, -1) < 0)
            break;
        if (message_receive (&message, server))
            continue;
        if (sscanf (message_text (&message, 0, text, sizeof text), "World %d", &number) == 1 && number >= 1
            && number <= sent && !answered[number]) {
            answered[number] = 1;
            received++;
            overtaken += number < highest;
            highest = number > highest ? number : highest;
        } else
            strange++;
        message_clear (&message);
    }
    printf ("client: %s: %d requests, %d replies, %d strange, %d overtaken\n", name, sent, received, strange, overtaken);
    free (answered);
    zmq_close (server);
    zmq_ctx_term (context);
    return 0;
}
