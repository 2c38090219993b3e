/*  Pairs of socket types that cannot talk to each other, and what one sees of it.

    invalid [ENDPOINT]

    zmq_connect succeeds: it does not wait for the peer. In the handshake each side
    names its type, and a pair that makes no sense is disconnected there. No call
    reports it; the socket monitor does, and a timeout has to. */

#include "example.h"

static const struct
{
    const char *name;
    int bind_type, connect_type;
    const char *why;
} pairs[] = {
    {"req/req", ZMQ_REQ, ZMQ_REQ, "both want to ask first"},
    {"req/dealer", ZMQ_REQ, ZMQ_DEALER, "the REQ expects a reply, the DEALER may speak first"},
    {"rep/rep", ZMQ_REP, ZMQ_REP, "both wait for a question"},
    {"rep/router", ZMQ_REP, ZMQ_ROUTER, "the ROUTER never asks by itself"},
    {"push/push", ZMQ_PUSH, ZMQ_PUSH, "nobody receives"},
    {"pub/pull", ZMQ_PUB, ZMQ_PULL, "the PULL never subscribes"},
};

static void *context;

/*  Over a network: waits for the end of the attempt, and says whether the handshake succeeded. */
static void over_network (const char *endpoint, size_t number)
{
    void *binder = open_socket (context, pairs[number].bind_type);
    void *connecter = open_socket (context, pairs[number].connect_type);
    void *events = open_socket (context, ZMQ_PAIR);
    int connected = 0, succeeded = 0, ended = 0;
    int64_t deadline = clock_ms () + 10000;
    char bound[256], monitor[64];
    size_t size = sizeof bound;

    set_option (binder, ZMQ_LINGER, 0);
    set_option (connecter, ZMQ_LINGER, 0);
    check (zmq_bind (binder, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (binder, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "ZMQ_LAST_ENDPOINT");
    /*  A name for each: the last one may not be free again yet. */
    sprintf (monitor, "inproc://events-%d", (int) number);
    check (zmq_socket_monitor (connecter, monitor, ZMQ_EVENT_ALL) == 0, "zmq_socket_monitor");
    check (zmq_connect (events, monitor) == 0, "zmq_connect");
    check (zmq_connect (connecter, bound) == 0, "zmq_connect");

    while (!ended && wait_readable (events, deadline) > 0) {
        struct message event;
        uint16_t what = 0;
        if (message_receive (&event, events))
            continue;
        memcpy (&what, message_data (&event, 0), sizeof what);
        message_clear (&event);
        connected |= what == ZMQ_EVENT_CONNECTED;
        succeeded |= what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        ended |= what == ZMQ_EVENT_DISCONNECTED || succeeded;
    }
    printf ("invalid: %s: zmq_connect succeeds, %s, %s (%s)\n", pairs[number].name,
            connected ? "the connection is made" : "no connection is made",
            succeeded ? "the handshake succeeds" : ended ? "the handshake ends it" : "nothing more happens",
            pairs[number].why);

    check (zmq_socket_monitor (connecter, NULL, 0) == 0, "zmq_socket_monitor");
    zmq_close (events);
    zmq_close (connecter);
    zmq_close (binder);
}

/*  Over inproc there is no handshake, and nobody notices: the REQ that asked first
    takes the question of the other for its answer; the other has thrown away,
    when it asked, what had come before. */
static void over_inproc (void)
{
    void *one = open_socket (context, ZMQ_REQ), *other = open_socket (context, ZMQ_REQ);
    char text[64];

    check (zmq_bind (one, "inproc://pair") == 0, "zmq_bind");
    check (zmq_connect (other, "inproc://pair") == 0, "zmq_connect");
    send_text (one, "question of one", 0);
    send_text (other, "question of the other", 0);
    receive_text (one, text, sizeof text);
    printf ("invalid: req/req over inproc: one takes \"%s\" for its answer\n", text);
    printf ("invalid: req/req over inproc: the other is %s\n",
            wait_readable (other, clock_ms () + 50) ? "answered" : "not answered");
    zmq_close (one);
    zmq_close (other);
}

int main (int argc, char **argv)
{
    size_t i;

    print_library ("invalid");
    context = zmq_ctx_new ();
    for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        over_network (argument (argc, argv, 1, "tcp://127.0.0.1:*"), i);
    over_inproc ();
    zmq_ctx_term (context);
    return 0;
}
