/* What is over takes no memory: subscriptions that were taken back, and peers that have left. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"
#include "../faults.h"

enum
{
    TIMES = 300000,
    TOPICS = 50,
    TOPIC_SIZE = 8,
    ROUNDS = 200,
    ANSWERS_MS = 100
};

/* ---- subscriptions --------------------------------------------------------------------------- */

static const char *topic_of (int i)
{
    static char topic[16];
    sprintf (topic, "topic %02d", i % TOPICS);
    return topic;
}

/* Subscribes to one topic after the other, and takes each back; at last it has every other one. */
static void change_ones_mind (void *sub, int times)
{
    for (int i = 0; i < times; i++) {
        REQUIRE (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic_of (i), TOPIC_SIZE) == 0);
        REQUIRE (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic_of (i), TOPIC_SIZE) == 0);
    }
}

/* How much more is in use after a lot of them, in kilobytes. */
static long growth_of_changes (void *sub)
{
    change_ones_mind (sub, 1000);
    long before = resident_kb ();
    change_ones_mind (sub, TIMES);
    return resident_kb () - before;
}

static void subscribe_to_every_other (void *sub)
{
    for (int i = 0; i < TOPICS; i += 2)
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic_of (i), TOPIC_SIZE));
}

/* A publisher that is not there. */
static void subscriptions_for_nobody (void)
{
    char endpoint[100], topic[16];
    void *sub = OPEN (ZMQ_SUB), *pub = OPEN (ZMQ_PUB);
    close (raw_listen (endpoint));
    SET (sub, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (sub, endpoint));
    long grown = growth_of_changes (sub);
    if (grown >= 4000)
        fail_at (__FILE__, __LINE__, "%ld kB more", grown);
    /* And one that is there at last. */
    subscribe_to_every_other (sub);
    OK (zmq_bind (pub, endpoint));
    long long until = now_ms () + ARRIVES_MS;
    int came;
    do {
        REQUIRE (now_ms () < until);
        for (int i = 0; i < TOPICS; i++)
            EQUAL (zmq_send (pub, topic_of (i), TOPIC_SIZE, 0), TOPIC_SIZE);
        for (came = 0; await (sub, ZMQ_POLLIN, 50); came++) {
            REQUIRE (zmq_recv (sub, topic, sizeof topic, 0) == TOPIC_SIZE);
            topic[TOPIC_SIZE] = 0;
            CHECK (atoi (topic + strlen ("topic ")) % 2 == 0);
        }
    } while (came != TOPICS / 2);
}

/* What a peer that speaks ZMTP 3.0 hears about each topic, until nothing comes for a while; whether the last of it is right. */
static int hear_subscriptions (int fd, char *heard)
{
    unsigned char body[100];
    int flags;
    while (raw_readable (fd, 300)) {
        REQUIRE (raw_frame (fd, &flags, body, sizeof body, ARRIVES_MS) == 1 + TOPIC_SIZE && flags == 0 && body[0] <= 1);
        body[1 + TOPIC_SIZE] = 0;
        int number = atoi ((char *) body + 1 + strlen ("topic "));
        EQUAL (memcmp (body + 1, topic_of (number), TOPIC_SIZE), 0);
        heard[number % TOPICS] = (char) body[0];
    }
    int right = 1;
    for (int i = 0; i < TOPICS; i++)
        right &= heard[i] == (i % 2 == 0);
    return right;
}

/* A publisher that does not listen for a while. */
static void subscriptions_for_a_deaf_peer (void)
{
    char endpoint[100], heard[TOPICS] = {0};
    int listener = raw_listen (endpoint), little = 4096;
    void *sub = OPEN (ZMQ_SUB);
    OK (setsockopt (listener, SOL_SOCKET, SO_RCVBUF, &little, sizeof little));
    SET (sub, ZMQ_SNDBUF, little);
    OK (zmq_connect (sub, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_30 READY_XPUB);
    RAW_EXPECT (fd, GREETING READY_SUB);
    long grown = growth_of_changes (sub);
    if (grown >= 8000)
        fail_at (__FILE__, __LINE__, "%ld kB more", grown);
    subscribe_to_every_other (sub);
    EVENTUALLY (hear_subscriptions (fd, heard));
    close (fd);
    close (listener);
}

/* ---- peers ----------------------------------------------------------------------------------- */

/* READY with a long property. */
static const char *long_ready (const char *type, size_t *size)
{
    enum
    {
        VALUE = 30000
    };
    static char frame[VALUE + 100];
    char *at = frame + 9;
    at += sprintf (at, "\5READY\13Socket-Type");
    *at++ = 0, *at++ = 0, *at++ = 0, *at++ = (char) strlen (type);
    at += sprintf (at, "%s\3X-a", type);
    *at++ = 0, *at++ = 0, *at++ = (char) (VALUE >> 8), *at++ = (char) (VALUE & 255);
    memset (at, 'v', VALUE);
    at += VALUE;
    *size = (size_t) (at - frame);
    memcpy (frame, "\6\0\0\0\0\0\0", 7);
    frame[7] = (char) ((*size - 9) >> 8);
    frame[8] = (char) (*size - 9);
    return frame;
}

/* A socket that only sends has a peer that comes and goes; how much more is in use in the end. */
static long growth_of_visits (int kind, const char *peer, int sends)
{
    char endpoint[100];
    int listener = raw_listen (endpoint);
    size_t size;
    const char *ready = long_ready (peer, &size);
    void *socket = OPEN (kind), *reader = watch (socket, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    long before = 0;
    SET (socket, ZMQ_RECONNECT_IVL, 1);
    SET (socket, ZMQ_SNDTIMEO, ARRIVES_MS);
    OK (zmq_connect (socket, endpoint));
    for (int i = 0; i < ROUNDS + 20; i++) {
        if (i == 20)
            before = resident_kb ();
        int fd = RAW_ACCEPT (listener);
        RAW_SEND (fd, GREETING);
        raw_send_at (fd, ready, size, __FILE__, __LINE__);
        REQUIRE (next_event (reader, endpoint, &value, ARRIVES_MS) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        if (kind == ZMQ_DEALER)
            RAW_EXPECT (fd, GREETING READY_DEALER);
        else
            RAW_EXPECT (fd, GREETING READY_PUSH);
        if (sends) {
            REQUIRE (zmq_send (socket, "x", 1, 0) == 1);
            RAW_EXPECT (fd, "\0\1x");
        }
        close (fd);
        REQUIRE (next_event (reader, endpoint, &value, ARRIVES_MS) == ZMQ_EVENT_DISCONNECTED);
    }
    close (listener);
    return resident_kb () - before;
}

static void visits_to_a_socket_without_messages (void)
{
    long grown = growth_of_visits (ZMQ_PUSH, "PULL", 0);
    if (grown >= 2000)
        fail_at (__FILE__, __LINE__, "%ld kB more", grown);
}

static void visits_to_a_socket_that_only_sends (void)
{
    long grown = growth_of_visits (ZMQ_DEALER, "ROUTER", 1);
    if (grown >= 2000)
        fail_at (__FILE__, __LINE__, "%ld kB more", grown);
}

RUN_CASES (CASE (subscriptions_for_nobody), CASE (subscriptions_for_a_deaf_peer), CASE (visits_to_a_socket_without_messages),
           CASE (visits_to_a_socket_that_only_sends))
