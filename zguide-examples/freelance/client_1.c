/*  Freelance, model one: tries one server after the other.

    client_1 NAME REQUESTS TIMEOUT-MS ROUNDS SERVER...

    The servers are those of the Lazy Pirate. Simple; a dead server costs a timeout
    each time it is tried, so the client remembers who answered last. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 1, "client");
    int requests = atoi (argument (argc, argv, 2, "100"));
    int timeout = atoi (argument (argc, argv, 3, "1000"));
    int rounds = atoi (argument (argc, argv, 4, "3"));
    int servers = argc - 5, current = 0, number, status = 0;
    void *context;

    stop_on_signals ();
    print_library ("client_1");
    if (servers < 1) {
        fprintf (stderr, "usage: client_1 NAME REQUESTS TIMEOUT-MS ROUNDS SERVER...\n");
        return 2;
    }
    context = zmq_ctx_new ();
    for (number = 1; number <= requests; number++) {
        int tries = rounds * servers, answered = 0;
        char request[96], text[96];

        sprintf (request, "%.32s %d", name, number);
        while (!answered && tries-- > 0) {
            void *server = open_socket (context, ZMQ_REQ);
            struct message reply;
            int ready;

            set_option (server, ZMQ_LINGER, 0);
            check (zmq_connect (server, argv[5 + current]) == 0, "zmq_connect");
            printf ("client: asks %d\n", number);
            send_text (server, request, 0);
            ready = wait_readable (server, clock_ms () + timeout);
            if (ready == 1 && message_receive (&reply, server) == 0) {
                message_text (&reply, 0, text, sizeof text);
                message_clear (&reply);
                answered = 1;
                printf (strcmp (text, request) ? "client: strange reply to %d: %s\n" : "client: reply %d: %s\n", number, text);
            } else if (ready == 0) {
                printf ("client: no reply to %d\n", number);
                current = (current + 1) % servers;
            }
            zmq_close (server);
            if (ready < 0)
                goto end;
        }
        if (!answered) {
            printf ("client: gives up at %d\n", number);
            status = 1;
            break;
        }
    }
end:
    zmq_ctx_term (context);
    return status;
}
