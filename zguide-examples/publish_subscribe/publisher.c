/*  Publish-subscribe: a publisher of several topics.

    publisher ENDPOINT NAME ROUNDS SUBSCRIPTIONS
    publisher --connect ENDPOINT NAME ROUNDS SUBSCRIPTIONS     to a forwarder device

    Waits for that many subscriptions, then publishes ROUNDS updates of each
    topic, and ends. A message is an envelope: topic, who sent it, contents. */

#include "example.h"

static const char *const topics[] = {"news.art", "news.sport", "weather"};

int main (int argc, char **argv)
{
    int connects = argc > 1 && !strcmp (argv[1], "--connect");
    const char *endpoint = argument (argc, argv, 1 + connects, "tcp://127.0.0.1:5556");
    const char *name = argument (argc, argv, 2 + connects, "one");
    int rounds = atoi (argument (argc, argv, 3 + connects, "100"));
    int subscriptions = atoi (argument (argc, argv, 4 + connects, "1"));
    int joined = 0, round, topic;
    char text[64];
    void *context, *publisher;

    print_library ("publisher");
    context = zmq_ctx_new ();
    publisher = open_socket (context, ZMQ_XPUB);
    set_option (publisher, ZMQ_XPUB_VERBOSE, 1);
    if (connects)
        check (zmq_connect (publisher, endpoint) == 0, "zmq_connect");
    else
        bind_socket (publisher, endpoint, "publisher");

    while (joined < subscriptions) {
        receive_text (publisher, text, sizeof text);
        joined += text[0] == 1;
    }
    for (round = 1; round <= rounds; round++)
        for (topic = 0; topic < 3; topic++) {
            /*  The filter looks at the first part only: contents never match by chance. */
            send_text (publisher, topics[topic], ZMQ_SNDMORE);
            send_text (publisher, name, ZMQ_SNDMORE);
            sprintf (text, "%d", round);
            send_text (publisher, text, 0);
        }
    printf ("publisher: %s published %d updates of each topic\n", name, rounds);
    zmq_close (publisher);
    zmq_ctx_term (context);
    return 0;
}
