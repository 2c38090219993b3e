/*  Binary Star, a client: asks one server of the pair, and the other one when there is no reply.

    client PRIMARY BACKUP NAME REQUESTS TIMEOUT-MS SETTLE-MS TRIES

    Before it goes to the other one it waits for SETTLE, longer than a server needs to notice
    that its peer is gone: a vote that comes too soon is not counted. */

#include "example.h"

static void *context;

static void *connect_client (const char *endpoint)
{
    void *server = open_socket (context, ZMQ_REQ);
    set_option (server, ZMQ_LINGER, 0);
    check (zmq_connect (server, endpoint) == 0, "zmq_connect");
    return server;
}

int main (int argc, char **argv)
{
    const char *servers[2] = {argument (argc, argv, 1, "tcp://127.0.0.1:5001"), argument (argc, argv, 2, "tcp://127.0.0.1:5002")};
    const char *name = argument (argc, argv, 3, "client");
    int requests = atoi (argument (argc, argv, 4, "100"));
    int timeout = atoi (argument (argc, argv, 5, "1000"));
    int settle = atoi (argument (argc, argv, 6, "2000"));
    int tries = atoi (argument (argc, argv, 7, "10"));
    int number, current = 0, tried, status = 0;
    char request[96], text[96];
    void *server;

    stop_on_signals ();
    print_library ("client");
    context = zmq_ctx_new ();
    server = connect_client (servers[current]);

    for (number = 1; number <= requests; number++) {
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
            printf ("client: no reply to %d, goes to the %s\n", number, current ? "primary" : "backup");
            if (tried == tries) {
                printf ("client: gives up at %d\n", number);
                status = 1;
                goto end;
            }
            zmq_close (server);
            server = NULL;
            current = !current;
            if (pause_ms (settle) < 0)
                goto end;
            server = connect_client (servers[current]);
        }
    }
end:
    if (server)
        zmq_close (server);
    zmq_ctx_term (context);
    return status;
}
