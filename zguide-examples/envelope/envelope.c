/*  The reply envelope: what each socket on the way adds and takes away.

    envelope

    REQ -> ROUTER/DEALER -> ROUTER/DEALER -> REP, all in one process, and one message at a time. */

#include "example.h"

/*  Ids that the library has chosen are shown as "id": they differ each time. */
static void show (const char *where, struct message *message)
{
    int i;
    char text[64];

    printf ("envelope: %s sees", where);
    for (i = 0; i < message->count; i++) {
        if (message_size (message, i) == 5 && !*(char *) message_data (message, i))
            printf (" [id]");
        else
            printf (" [%s]", message_text (message, i, text, sizeof text));
    }
    printf ("\n");
}

static void pass (const char *where, void *from, void *to)
{
    struct message message;
    check (wait_readable (from, -1) == 1, "interrupted");
    check (message_receive (&message, from) == 0, "message_receive");
    show (where, &message);
    check (message_send (&message, to) == 0, "message_send");
}

int main (void)
{
    void *context, *client, *router_1, *dealer_1, *router_2, *dealer_2, *server;
    char text[32];

    print_library ("envelope");
    context = zmq_ctx_new ();
    client = open_socket (context, ZMQ_REQ);
    router_1 = open_socket (context, ZMQ_ROUTER);
    dealer_1 = open_socket (context, ZMQ_DEALER);
    router_2 = open_socket (context, ZMQ_ROUTER);
    dealer_2 = open_socket (context, ZMQ_DEALER);
    server = open_socket (context, ZMQ_REP);
    check (zmq_bind (router_1, "inproc://one") == 0, "zmq_bind");
    check (zmq_bind (router_2, "inproc://two") == 0, "zmq_bind");
    check (zmq_bind (server, "inproc://three") == 0, "zmq_bind");
    check (zmq_setsockopt (client, ZMQ_ROUTING_ID, "ann", 3) == 0, "ZMQ_ROUTING_ID");
    check (zmq_connect (client, "inproc://one") == 0, "zmq_connect");
    check (zmq_connect (dealer_1, "inproc://two") == 0, "zmq_connect");
    check (zmq_connect (dealer_2, "inproc://three") == 0, "zmq_connect");

    send_text (client, "Hello", 0);
    pass ("the first ROUTER", router_1, dealer_1);
    pass ("the second ROUTER", router_2, dealer_2);
    receive_text (server, text, sizeof text);
    printf ("envelope: REP sees [%s]\n", text);
    send_text (server, "World", 0);
    pass ("the second DEALER", dealer_2, router_2);
    pass ("the first DEALER", dealer_1, router_1);
    receive_text (client, text, sizeof text);
    printf ("envelope: REQ sees [%s]\n", text);

    zmq_close (client);
    zmq_close (router_1);
    zmq_close (dealer_1);
    zmq_close (router_2);
    zmq_close (dealer_2);
    zmq_close (server);
    zmq_ctx_term (context);
    return 0;
}
