/*  Publish-subscribe: a subscriber of a topic prefix, at several publishers.

    subscriber PREFIX COUNT ENDPOINT...

    Prints COUNT updates and ends. One SUB socket may connect to any number of
    publishers: what they send is fair-queued. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *prefix = argument (argc, argv, 1, "");
    int count = atoi (argument (argc, argv, 2, "10"));
    char topic[64], from[64], contents[64];
    void *context, *subscriber;
    int i;

    print_library ("subscriber");
    context = zmq_ctx_new ();
    subscriber = open_socket (context, ZMQ_SUB);
    /*  Before connecting, so that the subscription is the first thing sent. */
    check (zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, prefix, strlen (prefix)) == 0, "ZMQ_SUBSCRIBE");
    for (i = 3; i < argc; i++)
        check (zmq_connect (subscriber, argv[i]) == 0, "zmq_connect");

    for (i = 0; i < count; i++) {
        receive_text (subscriber, topic, sizeof topic);
        receive_text (subscriber, from, sizeof from);
        receive_text (subscriber, contents, sizeof contents);
        printf ("subscriber: update %s %s %s\n", topic, from, contents);
    }
    zmq_close (subscriber);
    zmq_ctx_term (context);
    return 0;
}
