/*  Routing ids: how a ROUTER knows its peers, and what happens with those it does not know.

    identity */

#include "example.h"

static void ask (void *router, void *client, const char *what)
{
    struct message request;
    char text[64];

    send_text (client, "", ZMQ_SNDMORE);
    send_text (client, what, 0);
    check (wait_readable (router, -1) == 1, "interrupted");
    check (message_receive (&request, router) == 0, "message_receive");
    if (*(char *) message_data (&request, 0))
        printf ("identity: from %s: %s\n", message_text (&request, 0, text, sizeof text), what);
    else
        printf ("identity: from an id of %d bytes that begins with 0: %s\n", (int) message_size (&request, 0), what);
    check (message_send (&request, router) == 0, "message_send");
    receive_text (client, text, sizeof text);
    receive_text (client, text, sizeof text);
    printf ("identity: answered: %s\n", text);
}

int main (void)
{
    void *context, *router, *unnamed, *named;

    print_library ("identity");
    context = zmq_ctx_new ();
    router = open_socket (context, ZMQ_ROUTER);
    check (zmq_bind (router, "inproc://identity") == 0, "zmq_bind");

    unnamed = open_socket (context, ZMQ_DEALER);
    check (zmq_connect (unnamed, "inproc://identity") == 0, "zmq_connect");
    ask (router, unnamed, "no name of my own");

    named = open_socket (context, ZMQ_DEALER);
    /*  Before connecting: the id is told once, at the beginning. */
    check (zmq_setsockopt (named, ZMQ_ROUTING_ID, "bob", 3) == 0, "ZMQ_ROUTING_ID");
    check (zmq_connect (named, "inproc://identity") == 0, "zmq_connect");
    ask (router, named, "my name is bob");

    /*  By default a message to nobody disappears. */
    send_text (router, "eve", ZMQ_SNDMORE);
    send_text (router, "are you there?", 0);
    printf ("identity: to eve: sent, and dropped\n");
    /*  With this option the sender is told, which is what brokers want. */
    set_option (router, ZMQ_ROUTER_MANDATORY, 1);
    if (zmq_send (router, "eve", 3, ZMQ_SNDMORE) == -1 && zmq_errno () == EHOSTUNREACH)
        printf ("identity: to eve: no such peer\n");

    zmq_close (router);
    zmq_close (unnamed);
    zmq_close (named);
    zmq_ctx_term (context);
    return 0;
}
