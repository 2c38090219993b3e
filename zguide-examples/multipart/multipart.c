/*  Multipart messages: parts arrive together or not at all.

    multipart [ENDPOINT] */

#include "example.h"

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "inproc://multipart");
    void *context, *sender, *receiver;
    char bound[256];
    size_t size = sizeof bound;
    zmq_msg_t part;
    int number = 0, more;

    print_library ("multipart");
    context = zmq_ctx_new ();
    receiver = open_socket (context, ZMQ_PULL);
    sender = open_socket (context, ZMQ_PUSH);
    check (zmq_bind (receiver, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (receiver, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "ZMQ_LAST_ENDPOINT");
    check (zmq_connect (sender, bound) == 0, "zmq_connect");

    send_text (sender, "header", ZMQ_SNDMORE);
    send_text (sender, "", ZMQ_SNDMORE);
    check (zmq_msg_init_size (&part, 100000) == 0, "zmq_msg_init_size");
    memset (zmq_msg_data (&part), 'x', 100000);
    check (zmq_msg_send (&part, sender, ZMQ_SNDMORE) == 100000, "zmq_msg_send");

    /*  Three parts are sent, but the message is not complete: nothing arrives. */
    printf ("multipart: before the last part: %s\n",
            wait_readable (receiver, clock_ms () + 50) ? "readable" : "nothing to read");

    send_text (sender, "trailer", 0);
    do {
        check (zmq_msg_init (&part) == 0, "zmq_msg_init");
        check (zmq_msg_recv (&part, receiver, 0) >= 0, "zmq_msg_recv");
        /*  The same question twice: the message knows, and so does the socket. */
        more = zmq_msg_more (&part);
        check (more == more_parts (receiver), "ZMQ_RCVMORE");
        printf ("multipart: part %d: %d bytes, %s\n", ++number, (int) zmq_msg_size (&part),
                more ? "more follow" : "the last one");
        zmq_msg_close (&part);
    } while (more);

    zmq_close (sender);
    zmq_close (receiver);
    zmq_ctx_term (context);
    return 0;
}
