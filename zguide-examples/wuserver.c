/*  Publish-subscribe, the publisher: weather updates for five places.

    wuserver [endpoint] [rounds] [subscribers]

    Binds, waits for that many subscriptions, publishes one update per place
    and round, and ends. An update reads "PLACE ROUND TEMPERATURE".

    A publisher drops what it sends before a subscriber has joined. Sleeping
    first would only hope that everybody is there; an XPUB socket is told, as
    messages that it can receive, who has subscribed to what. */

#include "example.h"

static const char *const places[] = {"10001", "10002", "20001", "20002", "30001"};

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5556");
    int rounds = atoi (argument (argc, argv, 2, "100"));
    int subscribers = atoi (argument (argc, argv, 3, "1"));
    const int count = (int) (sizeof places / sizeof places[0]);
    char bound[256], text[64];
    size_t size = sizeof bound;
    void *context, *publisher;
    int joined = 0, on = 1, round, place;

    print_library ("wuserver");

    context = zmq_ctx_new ();
    check (context != NULL, "zmq_ctx_new");
    publisher = zmq_socket (context, ZMQ_XPUB);
    check (publisher != NULL, "zmq_socket");
    /*  VERBOSE: report a subscription even when another peer has the same one.
        NODROP: with a full queue, wait for the subscriber. */
    check (zmq_setsockopt (publisher, ZMQ_XPUB_VERBOSE, &on, sizeof on) == 0, "ZMQ_XPUB_VERBOSE");
    check (zmq_setsockopt (publisher, ZMQ_XPUB_NODROP, &on, sizeof on) == 0, "ZMQ_XPUB_NODROP");
    check (zmq_bind (publisher, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (publisher, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "zmq_getsockopt");
    printf ("wuserver: bound to %s\n", bound);

    while (joined < subscribers) {
        /*  First byte: 1 subscribes, 0 unsubscribes. The topic follows. */
        receive_text (publisher, text, sizeof text);
        if (text[0] == 1) {
            printf ("wuserver: subscription to \"%s\"\n", text + 1);
            joined++;
        }
    }

    for (round = 0; round < rounds; round++)
        for (place = 0; place < count; place++) {
            sprintf (text, "%s %d %d", places[place], round, (round * 7 + place * 13) % 60 - 20);
            check (zmq_send (publisher, text, strlen (text), 0) >= 0, "zmq_send");
        }
    printf ("wuserver: published %d updates\n", rounds * count);

    /*  What is still queued goes out before zmq_ctx_term returns. */
    check (zmq_close (publisher) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
    return 0;
}
