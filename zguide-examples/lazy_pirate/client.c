/*  Lazy Pirate, the client: asks again when there is no reply in time.

    client ENDPOINT NAME REQUESTS TIMEOUT-MS TRIES

    After a timeout the socket is closed and a new one asks: a REQ socket that
    waits cannot ask again, and a late reply must not answer the next request. Ends with
    status 1 when one request has had no reply after that many tries. */

#include "example.h"

static void *context;

static void *connect_client (const char *endpoint)
{
    void *server = open_socket (context, ZMQ_REQ);
    /*  What was not delivered is not to outlive the socket. */
    set_option (server, ZMQ_LINGER, 0);
    check (zmq_connect (server, endpoint) == 0, "zmq_connect");
    return server;
}

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5555");
    const char *name = argument (argc, argv, 2, "client");
    int requests = atoi (argument (argc, argv, 3, "100"));
    int timeout = atoi (argument (argc, argv, 4, "2500"));
    int tries = atoi (argument (argc, argv, 5, "3"));
    int number, tried = 0, status = 0;
    char request[96], text[96];
    void *server;

    stop_on_signals ();
    print_library ("client");
    context = zmq_ctx_new ();
    server = connect_client (endpoint);

    for (number = 1; number <= requests && !status; number++) {
        sprintf (request, "%.32s %d", name, number);
        for (tried = 1;; tried++) {
            struct message reply;
            int ready;

            printf ("client: asks %d\n", number);
            send_text (server, request, 0);
            ready = wait_readable (server, clock_ms () + timeout);
            if (ready < 0)
                goto end;
            if (ready && message_receive (&reply, server) == 0) {
                message_text (&reply, 0, text, sizeof text);
                message_clear (&reply);
                printf (strcmp (text, request) ? "client: strange reply to %d: %s\n" : "client: reply %d: %s\n", number, text);
                break;
            }
            printf ("client: no reply to %d\n", number);
            zmq_close (server);
            server = connect_client (endpoint);
            if (tried == tries) {
                printf ("client: gives up at %d\n", number);
                status = 1;
                break;
            }
        }
    }
end:
    zmq_close (server);
    zmq_ctx_term (context);
    return status;
}
