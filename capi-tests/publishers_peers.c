/* Publishers in bursts, while subscribers of many kinds come, go, and fail: the others notice nothing. */
#include "check.h"
#include "publishers.h"
#include "raw.h"
#include "faults.h"

#include <stdatomic.h>

enum
{
    STEADY = 2,
    AHEAD = 20000 /* messages that a publisher may be ahead of those who read */
};

/* ---- a publisher in a thread, and those who get everything ------------------------------------------ */

struct steady
{
    void *sub;
    atomic_int got;
    int good;
    pthread_t thread;
};

static struct steady steady[STEADY];
static struct
{
    void *pub;
    atomic_int stop, said;
    pthread_t thread;
} speaker;

static void *listen_steadily (void *argument)
{
    struct steady *self = argument;
    struct label label;
    for (int next = 0;; next++) {
        if (!take (self->sub, &label)) {
            fail_at (__FILE__, __LINE__, "message %d did not come", next);
            return NULL;
        }
        if (label.number == THE_END)
            break;
        if (label.number != next) {
            fail_at (__FILE__, __LINE__, "message %d came instead of %d", label.number, next);
            return NULL;
        }
        atomic_store (&self->got, next);
    }
    self->good = 1;
    return NULL;
}

/* Bursts with short pauses; stretches of messages of one topic. */
static void *speak (void *argument)
{
    int in_topic[2] = {0}, number = 0, good = 1;
    for (unsigned burst = 0; !atomic_load (&speaker.stop) && good; burst++) {
        for (int end = number + 20 + (int) (mixed (burst) % 600); number < end; number++) {
            int topic = mixed ((unsigned) number >> burst % 8) % 2;
            good &= publish_in_topic (speaker.pub, topic ? 'b' : 'a', number, in_topic[topic]++);
        }
        atomic_store (&speaker.said, number);
        do
            poll (NULL, 0, 1);
        while (!atomic_load (&speaker.stop) && number - atomic_load (&steady[0].got) > AHEAD);
    }
    good &= publish_in_topic (speaker.pub, 'e', THE_END, 0);
    return good ? argument : NULL;
}

static void begin_speaking (void *pub, const char *endpoint)
{
    void *subs[STEADY];
    speaker.pub = pub;
    atomic_store (&speaker.stop, 0);
    for (int i = 0; i < STEADY; i++) {
        subs[i] = steady[i].sub = connect_subscriber (endpoint);
        atomic_store (&steady[i].got, 0);
        steady[i].good = 0;
    }
    settle (pub, subs, STEADY);
    for (int i = 0; i < STEADY; i++)
        REQUIRE (pthread_create (&steady[i].thread, NULL, listen_steadily, &steady[i]) == 0);
    REQUIRE (pthread_create (&speaker.thread, NULL, speak, &speaker) == 0);
}

static void end_speaking (void)
{
    void *good;
    atomic_store (&speaker.stop, 1);
    pthread_join (speaker.thread, &good);
    CHECK (good != NULL);
    for (int i = 0; i < STEADY; i++) {
        pthread_join (steady[i].thread, NULL);
        CHECK (steady[i].good);
    }
}

/* ---- subscribers that come and go --------------------------------------------------------------- */

/* So many messages of a topic, or of all, without a gap. */
static void take_in_a_row (void *sub, int by_topic, int count)
{
    struct label label;
    int last = -1;
    for (int i = 0; i < count; i++) {
        REQUIRE (take (sub, &label));
        REQUIRE (!by_topic || (label.topic[0] == 'a') == (by_topic == 'a'));
        int number = by_topic ? label.in_topic : label.number;
        if (last != -1 && number != last + 1) {
            fail_at (__FILE__, __LINE__, "%s: message %d came after %d", by_topic ? "topic" : "all", number, last);
            longjmp (end_of_case, 1);
        }
        last = number;
    }
}

static void subscribers_that_come_and_go (void)
{
    char endpoint[100], first[16];
    void *pub = OPEN (ZMQ_XPUB);
    without_limits (pub);
    OK (zmq_setsockopt (pub, ZMQ_XPUB_WELCOME_MSG, "Welcome", 7));
    strcpy (endpoint, BIND (pub, "tcp"));
    const char *other = BIND (pub, "ipc"), *inproc = BIND (pub, "inproc");
    begin_speaking (pub, endpoint);
    for (unsigned round = 0; round < 60; round++) {
        const char *where = round % 5 == 3 ? other : round % 5 == 4 ? inproc : endpoint;
        int topic = round % 3 == 0 ? 0 : round % 3 == 1 ? 'a' : 'b';
        char name[2] = {(char) topic, 0};
        void *sub = open_subscriber (name);
        subscribe (sub, "Wel");
        OK (zmq_connect (sub, where));
        EQUAL (zmq_recv (sub, first, sizeof first, 0), 7); /* nothing before it */
        take_in_a_row (sub, topic, 1 + (int) (mixed (round) % 400));
        if (round % 4 == 1) {
            /* The other topic in place of this; in this order, for what is published between the two. */
            topic = topic == 'a' ? 'b' : 'a';
            subscribe (sub, topic == 'a' ? "a" : "b");
            OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, name, strlen (name)));
            name[0] = (char) topic;
            take_in_a_row (sub, topic, 100);
        } else if (round % 4 == 2) {
            OK (zmq_disconnect (sub, where));
            OK (zmq_connect (sub, where));
            do
                REQUIRE (zmq_recv (sub, first, sizeof first, 0) != -1);
            while (memcmp (first, "Wel", 3) != 0);
            take_in_a_row (sub, topic, 100);
        }
        CLOSE (sub);
    }
    end_speaking ();
}

static int raw_subscriber (const char *endpoint)
{
    int fd = RAW_CONNECT (endpoint);
    RAW_HANDSHAKE (fd, READY_SUB, READY_PUB);
    RAW_SEND (fd, "\0\1\1");
    return fd;
}

/* Connections that are reset, or just end, in the middle of what comes; it was whole, and in order. */
static void subscribers_that_are_killed (void)
{
    char endpoint[100], body[400];
    void *pub = OPEN (ZMQ_PUB);
    without_limits (pub);
    strcpy (endpoint, BIND (pub, "tcp"));
    begin_speaking (pub, endpoint);
    for (unsigned round = 0; round < 60; round++) {
        int fd = raw_subscriber (endpoint), flags = 0, last = -1;
        for (unsigned i = 0; i < mixed (round) % 300; i++) {
            struct label label;
            long size = raw_frame (fd, &flags, body, sizeof body, ARRIVES_MS);
            REQUIRE (is_whole (body, size, &label));
            REQUIRE ((flags & ~2) == 0 && (last == -1 || label.number == last + 1));
            last = label.number;
        }
        struct linger reset = {1, 0};
        if (round % 3)
            setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close (fd);
    }
    end_speaking ();
}

/* One of three subscribers is connected now and then, from either side, or the publisher bound. Nothing comes twice; messages of several
 * connections to one socket are in no order. */
static void connections_made_and_ended_within_bursts (void)
{
    static char seen[60 * 420 + 1];
    for (int way = 0; way < 3; way++) {
        void *pub = OPEN (ZMQ_PUB), *subs[3];
        char endpoints[3][100];
        struct label label;
        int number = 0, last = -1, got = 0;
        without_limits (pub);
        SET (pub, ZMQ_RECONNECT_IVL, 10);
        for (int i = 0; i < 3; i++) {
            subs[i] = open_subscriber ("");
            SET (subs[i], ZMQ_RECONNECT_IVL, 10);
            if (way == 0) { /* the publisher connects */
                strcpy (endpoints[i], BIND (subs[i], "tcp"));
                OK (zmq_connect (pub, endpoints[i]));
            } else {
                strcpy (endpoints[i], BIND (pub, "tcp"));
                OK (zmq_connect (subs[i], endpoints[i]));
            }
        }
        settle (pub, subs, 3);
        for (unsigned round = 0; round < 60; round++) {
            for (int end = number + 20 + (int) (mixed (round) % 400); number < end; number++)
                REQUIRE (publish_number (pub, number));
            if (way == 0)
                OK (round % 2 ? zmq_connect (pub, endpoints[2]) : zmq_disconnect (pub, endpoints[2]));
            else if (way == 1)
                OK (round % 2 ? zmq_connect (subs[2], endpoints[2]) : zmq_disconnect (subs[2], endpoints[2]));
            else if (round % 2 == 0)
                OK (zmq_unbind (pub, endpoints[2]));
            else
                EVENTUALLY (zmq_bind (pub, endpoints[2]) == 0);
            if (round % 4 == 3)
                poll (NULL, 0, 20);
        }
        publish_number (pub, number++);
        all_take (subs, 2, 0, number);
        SET (subs[2], ZMQ_RCVTIMEO, QUIET_MS);
        memset (seen, 0, sizeof seen);
        for (; take (subs[2], &label); got++, last = label.number)
            if (label.number >= number || seen[label.number]++ || (way == 2 && label.number <= last)) {
                fail_at (__FILE__, __LINE__, "way %d: message %d came after %d", way, label.number, last);
                longjmp (end_of_case, 1);
            }
        CHECK (got <= number);
        EVENTUALLY (publish_number (pub, number++) && take (subs[2], &label));
        close_all (pub, subs, 3);
    }
}

/* ---- answers in between ------------------------------------------------------------------------- */

/* A connection that is read in large pieces. */
struct stream
{
    int fd, last, asked, answers, pings;
    size_t held;
    char bytes[1 << 16];
};

/* All whole frames that are there: commands, and the next messages. */
static void digest (struct stream *stream)
{
    size_t used = 0;
    ssize_t n = read (stream->fd, stream->bytes + stream->held, sizeof stream->bytes - stream->held);
    REQUIRE (n > 0);
    stream->held += (size_t) n;
    while (stream->held - used >= 2) {
        const char *at = stream->bytes + used;
        size_t head = at[0] & 2 ? 9 : 2, size = (unsigned char) at[1];
        struct label label;
        if (stream->held - used < head)
            break;
        if (head == 9)
            size = (size_t) (unsigned char) at[7] << 8 | (unsigned char) at[8];
        if (stream->held - used < head + size)
            break;
        if (at[0] & 4) {
            int is_ping = memcmp (at + head, "\4PING", 5) == 0;
            REQUIRE (is_ping || (size == 7 && memcmp (at + head, "\4PONGcx", 7) == 0));
            stream->pings += is_ping;
            stream->answers += !is_ping;
            if (is_ping)
                RAW_SEND (stream->fd, "\4\5\4PONG");
        } else {
            REQUIRE (is_whole (at + head, (long) size, &label) && (stream->last == -1 || label.number == stream->last + 1));
            stream->last = label.number;
        }
        used += head + size;
    }
    memmove (stream->bytes, stream->bytes + used, stream->held - used);
    stream->held -= used;
}

/* Answers to PING get between the messages of a burst, and not into them; each message is whole. */
static void pings_within_bursts (void)
{
    static struct stream streams[2];
    char endpoint[100];
    void *pub = OPEN (ZMQ_PUB);
    without_limits (pub);
    SET (pub, ZMQ_HEARTBEAT_IVL, 50);
    SET (pub, ZMQ_HEARTBEAT_TIMEOUT, 2 * ARRIVES_MS); /* a PING lies behind all messages before it */
    strcpy (endpoint, BIND (pub, "tcp"));
    begin_speaking (pub, endpoint);
    for (int i = 0; i < 2; i++) {
        streams[i].fd = raw_subscriber (endpoint);
        streams[i].last = -1;
    }
    long long next = 0, until = now_ms () + ARRIVES_MS;
    while ((streams[0].answers < 20 || streams[1].answers < 20 || streams[0].pings == 0) && now_ms () < until) {
        for (int i = 0; i < 2 && now_ms () >= next; i++)
            if (streams[i].asked == streams[i].answers) {
                RAW_SEND (streams[i].fd, "\4\x09\4PING\0\0cx");
                streams[i].asked++;
                next = now_ms () + 10 * i;
            }
        for (int i = 0; i < 2; i++)
            if (raw_readable (streams[i].fd, 1))
                digest (&streams[i]);
    }
    for (int i = 0; i < 2; i++) {
        CHECK (streams[i].answers >= 20 && streams[i].pings > 0);
        close (streams[i].fd);
    }
    end_speaking ();
}

RUN_CASES (CASE (subscribers_that_come_and_go), CASE (subscribers_that_are_killed), CASE (connections_made_and_ended_within_bursts),
           CASE (pings_within_bursts))
