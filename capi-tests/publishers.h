/* Publishers in bursts, whose messages are numbered. Include after check.h. */
#ifndef CAPI_PUBLISHERS_H
#define CAPI_PUBLISHERS_H

enum
{
    LABELLED_MAX = 3000, /* bytes of a message with a label */
    THE_END = -1         /* the number of the last one, for those who read until then */
};

/* A topic, the number among all messages and among those of the topic, the size, the time, and then bytes that show that the message is
 * whole. */
struct label
{
    char topic[4];
    int number, in_topic, size;
    long long at; /* microseconds */
};

/* The same for the same number, but in no order. */
MAYBE_UNUSED static unsigned mixed (unsigned x)
{
    x = (x ^ x >> 16) * 0x7feb352d;
    x = (x ^ x >> 15) * 0x846ca68b;
    return x ^ x >> 16;
}

MAYBE_UNUSED static long long now_us (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (long long) t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

MAYBE_UNUSED static int by_value (const void *a, const void *b)
{
    return *(const int *) a - *(const int *) b;
}

/* ---- messages with a label --------------------------------------------------------------------- */

/* 0: it could not be sent. For any thread, as is take. */
MAYBE_UNUSED static int publish_label (void *pub, struct label label, int flags)
{
    char body[LABELLED_MAX];
    label.at = now_us ();
    memset (body, (char) label.number, (size_t) label.size);
    memcpy (body, &label, sizeof label);
    return zmq_send (pub, body, (size_t) label.size, flags) == label.size;
}

/* One of several sizes, of a topic. */
MAYBE_UNUSED static int publish_in_topic (void *pub, char topic, int number, int in_topic)
{
    struct label label = {{topic, 0, 0, 0}, number, in_topic, (int) sizeof label + (int) (mixed ((unsigned) number) % 8) * 47, 0};
    return publish_label (pub, label, 0);
}

MAYBE_UNUSED static int publish_number (void *pub, int number)
{
    return publish_in_topic (pub, 'a', number, 0);
}

MAYBE_UNUSED static int publish_sized (void *pub, int number, int size, int flags)
{
    return publish_label (pub, (struct label){.number = number, .size = size}, flags);
}

MAYBE_UNUSED static int is_whole (const char *body, long size, struct label *label)
{
    if (size < (long) sizeof *label)
        return 0;
    memcpy (label, body, sizeof *label);
    for (long i = sizeof *label; i < size; i++)
        if (body[i] != (char) label->number)
            return 0;
    return label->size == size;
}

/* The next message; what is none of those above is passed over. 0: none came, or one that is broken. */
MAYBE_UNUSED static int take (void *sub, struct label *label)
{
    char body[LABELLED_MAX];
    for (;;) {
        int size = zmq_recv (sub, body, sizeof body, 0);
        if (size == -1)
            return 0;
        if (size < (int) sizeof *label)
            continue;
        if (!is_whole (body, size, label)) {
            fail_at (__FILE__, __LINE__, "a broken message: \"%s\" (%d bytes)", printable (body, (size_t) size), size);
            return 0;
        }
        return 1;
    }
}

/* Each of them gets these next. */
MAYBE_UNUSED static void all_take (void **subs, int count, int from, int to)
{
    struct label label;
    for (int i = 0; i < count; i++)
        for (int number = from; number < to; number++) {
            int came = take (subs[i], &label);
            if (came && label.number == number)
                continue;
            fail_at (__FILE__, __LINE__, "subscriber %d: message %d came instead of %d (of %d to %d)", i, came ? label.number : -1, number,
                     from, to - 1);
            longjmp (end_of_case, 1);
        }
}

/* ---- a publisher and its subscribers ----------------------------------------------------------- */

MAYBE_UNUSED static void without_limits (void *socket)
{
    SET (socket, ZMQ_SNDHWM, 0);
    SET (socket, ZMQ_RCVHWM, 0);
    SET (socket, ZMQ_RCVTIMEO, ARRIVES_MS);
}

MAYBE_UNUSED static void subscribe (void *sub, const char *topic)
{
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)));
}

MAYBE_UNUSED static void *open_subscriber (const char *topic)
{
    void *sub = OPEN (ZMQ_SUB);
    without_limits (sub);
    subscribe (sub, topic);
    return sub;
}

/* Subscribed to everything. */
MAYBE_UNUSED static void *connect_subscriber (const char *endpoint)
{
    void *sub = open_subscriber ("");
    OK (zmq_connect (sub, endpoint));
    return sub;
}

/* Each of them hears the publisher, and has nothing waiting. Their subscriptions include those for what is sent here. */
MAYBE_UNUSED static void settle (void *pub, void **subs, int count)
{
    char got[8];
    for (int i = 0; i < count; i++) {
        int size = 0; /* a welcome does not count */
        for (long long until = now_ms () + ARRIVES_MS; size != 1 && now_ms () < until;) {
            zmq_send (pub, "~", 1, 0);
            size = await (subs[i], ZMQ_POLLIN, 5) ? zmq_recv (subs[i], got, sizeof got, 0) : 0;
        }
        REQUIRE (size == 1);
    }
    zmq_send (pub, "~end", 4, 0);
    for (int i = 0; i < count; i++)
        do
            REQUIRE (await (subs[i], ZMQ_POLLIN, ARRIVES_MS));
        while (zmq_recv (subs[i], got, sizeof got, 0) != 4);
}

MAYBE_UNUSED static void close_all (void *pub, void **subs, int count)
{
    for (int i = 0; i < count; i++)
        CLOSE (subs[i]);
    CLOSE (pub);
}

#endif
