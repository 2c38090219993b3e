/*  Request-reply, the server: answers "Hello N" with "World N".

    hwserver [endpoint] [requests]

    Binds, serves that many requests, and ends. A port given as * is chosen by
    the system; the line "bound to" names it. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5555");
    int requests = atoi (argument (argc, argv, 2, "10"));
    char bound[256], text[64], number[32];
    size_t size = sizeof bound;
    void *context, *responder;
    int i;

    print_library ("hwserver");

    context = zmq_ctx_new ();
    check (context != NULL, "zmq_ctx_new");
    responder = zmq_socket (context, ZMQ_REP);
    check (responder != NULL, "zmq_socket");
    check (zmq_bind (responder, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (responder, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "zmq_getsockopt");
    printf ("hwserver: bound to %s\n", bound);

    for (i = 0; i < requests; i++) {
        receive_text (responder, text, sizeof text);
        if (sscanf (text, "Hello %31s", number) != 1) {
            fprintf (stderr, "hwserver: unexpected request: %s\n", text);
            return 1;
        }
        sprintf (text, "World %s", number);
        check (zmq_send (responder, text, strlen (text), 0) >= 0, "zmq_send");
    }
    printf ("hwserver: served %d requests\n", i);

    /*  The last reply may still be on its way: zmq_ctx_term waits for it. */
    check (zmq_close (responder) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
    return 0;
}
