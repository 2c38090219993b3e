/*  Request-reply, the client: sends "Hello N" and expects "World N".

    hwclient [endpoint] [requests] */

#include "example.h"

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5555");
    int requests = atoi (argument (argc, argv, 2, "10"));
    char request[64], expected[64], reply[64];
    void *context, *requester;
    int i;

    print_library ("hwclient");

    context = zmq_ctx_new ();
    check (context != NULL, "zmq_ctx_new");
    requester = zmq_socket (context, ZMQ_REQ);
    check (requester != NULL, "zmq_socket");
    /*  The server need not be there yet: the connection is made when it is. */
    check (zmq_connect (requester, endpoint) == 0, "zmq_connect");

    for (i = 0; i < requests; i++) {
        sprintf (request, "Hello %d", i);
        sprintf (expected, "World %d", i);
        check (zmq_send (requester, request, strlen (request), 0) >= 0, "zmq_send");
        receive_text (requester, reply, sizeof reply);
        if (strcmp (reply, expected)) {
            fprintf (stderr, "hwclient: expected \"%s\", got \"%s\"\n", expected, reply);
            return 1;
        }
    }
    printf ("hwclient: got %d replies\n", i);

    check (zmq_close (requester) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
    return 0;
}
