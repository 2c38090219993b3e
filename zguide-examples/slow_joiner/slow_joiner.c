/*  The slow joiner: why the first updates are missing, and three ways out.

    slow_joiner ENDPOINT

    A publisher drops what nobody has subscribed to. A subscription travels to the
    publisher like any message, so there is a moment after zmq_connect in which
    the subscriber believes to be subscribed and the publisher does not know it. */

#include "example.h"

#define UPDATES 100

static void *context;

static void *open_publisher (int type, const char *endpoint, char *bound, size_t size)
{
    void *publisher = open_socket (context, type);
    check (zmq_bind (publisher, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (publisher, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "ZMQ_LAST_ENDPOINT");
    return publisher;
}

static void *open_subscriber (const char *endpoint)
{
    void *subscriber = open_socket (context, ZMQ_SUB);
    check (zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (subscriber, endpoint) == 0, "zmq_connect");
    return subscriber;
}

static void publish (void *publisher)
{
    int i;
    for (i = 0; i < UPDATES; i++)
        send_text (publisher, "update", 0);
    send_text (publisher, "end", 0);
}

static int count_updates (void *subscriber)
{
    char text[16];
    int count = 0;
    for (;;) {
        receive_text (subscriber, text, sizeof text);
        if (!strcmp (text, "end"))
            return count;
        count += !strcmp (text, "update");
    }
}

/*  The trap: publish at once. The second "end" is published when the subscriber
    has really joined, so that the count comes to an end. */
static void trap (const char *endpoint)
{
    char bound[256], text[16];
    void *publisher = open_publisher (ZMQ_XPUB, endpoint, bound, sizeof bound);
    void *subscriber = open_subscriber (bound);

    publish (publisher);
    receive_text (publisher, text, sizeof text);
    send_text (publisher, "end", 0);
    printf ("slow_joiner: published at once: %d of %d arrive\n", count_updates (subscriber), UPDATES);
    zmq_close (subscriber);
    zmq_close (publisher);
}

/*  The publisher waits: an XPUB receives the subscriptions as messages. */
static void wait_for_subscription (const char *endpoint)
{
    char bound[256], text[16];
    void *publisher = open_publisher (ZMQ_XPUB, endpoint, bound, sizeof bound);
    void *subscriber = open_subscriber (bound);

    receive_text (publisher, text, sizeof text);
    publish (publisher);
    printf ("slow_joiner: after the subscription: %d of %d arrive\n", count_updates (subscriber), UPDATES);
    zmq_close (subscriber);
    zmq_close (publisher);
}

/*  The subscriber is told: the welcome message is the first that each new one
    gets. It comes when the publisher takes up the connection. */
static void welcome (const char *endpoint)
{
    char bound[256], text[16];
    void *publisher = open_publisher (ZMQ_XPUB, endpoint, bound, sizeof bound);
    void *subscriber;

    check (zmq_setsockopt (publisher, ZMQ_XPUB_WELCOME_MSG, "welcome", 7) == 0, "ZMQ_XPUB_WELCOME_MSG");
    subscriber = open_subscriber (bound);
    receive_text (publisher, text, sizeof text);
    receive_text (subscriber, text, sizeof text);
    publish (publisher);
    printf ("slow_joiner: after \"%s\": %d of %d arrive\n", text, count_updates (subscriber), UPDATES);
    zmq_close (subscriber);
    zmq_close (publisher);
}

/*  The subscriber reports over a second socket, once it has seen a probe. Needs
    nothing but PUB, and works through any number of forwarders. */
static void report (const char *endpoint)
{
    char bound[256];
    void *publisher = open_publisher (ZMQ_PUB, endpoint, bound, sizeof bound);
    void *subscriber = open_subscriber (bound);

    do
        send_text (publisher, "probe", 0);
    while (wait_readable (subscriber, clock_ms () + 10) == 0);
    publish (publisher);
    printf ("slow_joiner: after a probe: %d of %d arrive\n", count_updates (subscriber), UPDATES);
    zmq_close (subscriber);
    zmq_close (publisher);
}

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:*");

    print_library ("slow_joiner");
    context = zmq_ctx_new ();
    trap (endpoint);
    wait_for_subscription (endpoint);
    welcome (endpoint);
    report (endpoint);
    zmq_ctx_term (context);
    return 0;
}
