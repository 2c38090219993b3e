/*  Publish-subscribe, the subscriber: the weather at one place.

    wuclient [endpoint] [rounds] [place]

    Subscribes to the prefix "PLACE ", expects one update for each round, in
    order, with nothing else in between, and prints the average temperature. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5556");
    int rounds = atoi (argument (argc, argv, 2, "100"));
    const char *place = argument (argc, argv, 3, "10001");
    char topic[32], text[64];
    size_t length;
    void *context, *subscriber;
    int i;
    long total = 0;

    print_library ("wuclient");
    if (rounds < 1 || strlen (place) > sizeof topic - 2) {
        fprintf (stderr, "usage: wuclient [endpoint] [rounds] [place]\n");
        return 2;
    }
    sprintf (topic, "%s ", place);
    length = strlen (topic);

    context = zmq_ctx_new ();
    check (context != NULL, "zmq_ctx_new");
    subscriber = zmq_socket (context, ZMQ_SUB);
    check (subscriber != NULL, "zmq_socket");
    check (zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, topic, length) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (subscriber, endpoint) == 0, "zmq_connect");

    for (i = 0; i < rounds; i++) {
        int round, temperature;
        receive_text (subscriber, text, sizeof text);
        if (strncmp (text, topic, length)
            || sscanf (text + length, "%d %d", &round, &temperature) != 2 || round != i) {
            fprintf (stderr, "wuclient: round %d: unexpected update: %s\n", i, text);
            return 1;
        }
        total += temperature;
    }
    printf ("wuclient: got %d updates for %s, average %ld\n", i, place, total / i);

    check (zmq_close (subscriber) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
    return 0;
}
