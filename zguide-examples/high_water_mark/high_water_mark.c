/*  High-water marks: what happens when a queue is full.

    high_water_mark

    Over inproc there is one queue between two sockets, whose limit is the sum of
    the sender's ZMQ_SNDHWM and the receiver's ZMQ_RCVHWM. Over a network each
    side has its own queue, and the kernel has buffers in between. */

#include "example.h"

static void *pair_of (void *context, int sender_type, int receiver_type, const char *endpoint, void **receiver)
{
    void *sender = open_socket (context, sender_type);
    *receiver = open_socket (context, receiver_type);
    set_option (sender, ZMQ_SNDHWM, 5);
    set_option (*receiver, ZMQ_RCVHWM, 3);
    check (zmq_bind (sender, endpoint) == 0, "zmq_bind");
    if (receiver_type == ZMQ_SUB)
        check (zmq_setsockopt (*receiver, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (*receiver, endpoint) == 0, "zmq_connect");
    return sender;
}

/*  Sends without waiting until the socket refuses, 20 messages at most. */
static int fill (void *socket)
{
    int sent = 0;
    while (sent < 20 && zmq_send (socket, &sent, sizeof sent, ZMQ_DONTWAIT) >= 0)
        sent++;
    return sent;
}

static int drain (void *socket)
{
    int received = 0, value;
    while (zmq_recv (socket, &value, sizeof value, ZMQ_DONTWAIT) >= 0)
        received++;
    return received;
}

int main (void)
{
    void *context, *sender, *receiver;
    int sent;

    print_library ("high_water_mark");
    context = zmq_ctx_new ();

    sender = pair_of (context, ZMQ_PUSH, ZMQ_PULL, "inproc://push", &receiver);
    sent = fill (sender);
    printf ("high_water_mark: PUSH took %d, then would block\n", sent);
    printf ("high_water_mark: PULL got %d\n", drain (receiver));
    printf ("high_water_mark: writable again: %s\n", wait_writable (sender, clock_ms () + 10000) == 1 ? "yes" : "no");
    zmq_close (sender);
    zmq_close (receiver);

    sender = pair_of (context, ZMQ_PUB, ZMQ_SUB, "inproc://pub", &receiver);
    sent = fill (sender);
    printf ("high_water_mark: PUB took %d: it drops and never blocks\n", sent);
    printf ("high_water_mark: SUB got %d\n", drain (receiver));
    zmq_close (sender);
    zmq_close (receiver);

    sender = pair_of (context, ZMQ_XPUB, ZMQ_SUB, "inproc://xpub", &receiver);
    set_option (sender, ZMQ_XPUB_NODROP, 1);
    sent = fill (sender);
    printf ("high_water_mark: XPUB with ZMQ_XPUB_NODROP took %d, then would block\n", sent);
    printf ("high_water_mark: SUB got %d\n", drain (receiver));
    zmq_close (sender);
    zmq_close (receiver);

    zmq_ctx_term (context);
    return 0;
}
