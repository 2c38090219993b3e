/*  Freelance, model two: asks all servers at once, and takes the first reply.

    client_2 NAME REQUESTS TIMEOUT-MS SERVER...

    No failure costs a timeout while one server lives; each request is done by all
    of them. The replies of the slower ones are told by their number, and dropped. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 1, "client");
    int requests = atoi (argument (argc, argv, 2, "100"));
    int timeout = atoi (argument (argc, argv, 3, "1000"));
    int servers = argc - 4, number, i, late = 0, status = 0;
    void *context, *all;

    stop_on_signals ();
    print_library ("client_2");
    context = zmq_ctx_new ();
    all = open_socket (context, ZMQ_DEALER);
    set_option (all, ZMQ_LINGER, 0);
    for (i = 0; i < servers; i++)
        check (zmq_connect (all, argv[4 + i]) == 0, "zmq_connect");

    for (number = 1; number <= requests; number++) {
        int64_t deadline = clock_ms () + timeout;
        char request[96], sequence[32], text[96];
        int answered = 0, ready = 0;

        sprintf (request, "%.32s %d", name, number);
        sprintf (sequence, "%d", number);
        printf ("client: asks %d\n", number);
        /*  A DEALER deals: so many messages to so many connections, one to each. */
        for (i = 0; i < servers; i++) {
            struct message message;
            message_init (&message);
            message_append (&message, "", 0);
            message_append_text (&message, sequence);
            message_append_text (&message, request);
            message_send (&message, all);
            message_clear (&message);
        }
        while (!answered && (ready = wait_readable (all, deadline)) == 1) {
            struct message reply;
            if (message_receive (&reply, all))
                continue;
            if (message_is (&reply, 1, sequence)) {
                answered = 1;
                message_text (&reply, 2, text, sizeof text);
                printf (strcmp (text, request) ? "client: strange reply to %d: %s\n" : "client: reply %d: %s\n", number, text);
            } else
                late++;
            message_clear (&reply);
        }
        if (!answered) {
            if (ready == 0) {
                printf ("client: gives up at %d\n", number);
                status = 1;
            }
            break;
        }
    }
    printf ("client: dropped %d late replies\n", late);
    zmq_close (all);
    zmq_ctx_term (context);
    return status;
}
