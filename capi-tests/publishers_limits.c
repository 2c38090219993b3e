/* Publishers in bursts at their high-water marks, beside slow subscribers, and at other paces. */
#include "check.h"
#include "publishers.h"
#include "raw.h"
#include "faults.h"

#include <stdatomic.h>

enum
{
    LATER = 1000000 /* the number of one that is sent until it comes */
};

/* One with little room, or without limit. */
static void *connect_limited (const char *endpoint, int limit)
{
    void *sub = open_subscriber ("");
    if (limit) {
        SET (sub, ZMQ_RCVHWM, limit);
        SET (sub, ZMQ_RCVBUF, 16384);
    }
    OK (zmq_connect (sub, endpoint));
    return sub;
}

/* ---- those who do not keep up --------------------------------------------------------------------- */

/* One does not read, and the others keep up: they get everything, and it gets what there was room for, and later again something. */
static void a_slow_subscriber_among_fast_ones (void)
{
    for (int ipc = 0; ipc < 2; ipc++) {
        enum
        {
            ROUNDS = 60,
            EACH = 300
        };
        void *pub = OPEN (ZMQ_PUB), *subs[4];
        struct label label;
        int last = -1, got = 0;
        SET (pub, ZMQ_SNDHWM, 1000);
        SET (pub, ZMQ_SNDBUF, 100000);
        const char *endpoint = BIND (pub, ipc ? "ipc" : "tcp");
        for (int i = 0; i < 4; i++)
            subs[i] = connect_limited (endpoint, i == 2 ? 10 : 0);
        settle (pub, subs, 4);
        for (int round = 0; round < ROUNDS; round++) {
            get_int (pub, ZMQ_EVENTS); /* by which the reference learns that messages were taken */
            for (int i = 0; i < EACH; i++)
                REQUIRE (publish_sized (pub, round * EACH + i, 100 + round * 10, 0));
            for (int k = 0; k < 4; k++)
                for (int i = 0; i < EACH && k != 2; i++) {
                    REQUIRE (take (subs[k], &label));
                    if (label.number != round * EACH + i) {
                        fail_at (__FILE__, __LINE__, "%s: subscriber %d got message %d instead of %d", ipc ? "ipc" : "tcp", k,
                                 label.number, round * EACH + i);
                        longjmp (end_of_case, 1);
                    }
                }
        }
        SET (subs[2], ZMQ_RCVTIMEO, 20);
        for (long long until = now_ms () + 2 * ARRIVES_MS; last != LATER && now_ms () < until;) {
            if (!take (subs[2], &label)) {
                REQUIRE (publish_sized (pub, LATER, 100, 0)); /* once there is room */
                continue;
            }
            REQUIRE (label.number > last);
            last = label.number;
            got += last != LATER;
        }
        EQUAL (last, LATER);
        if (got < 100 || got == ROUNDS * EACH)
            fail_at (__FILE__, __LINE__, "%s: the slow one got %d messages", ipc ? "ipc" : "tcp", got);
        close_all (pub, subs, 4);
    }
}

/* Nobody reads: the publisher never waits, and keeps no more than it may. What comes later is whole and in order, and begins at the
 * beginning. */
static void nobody_reads (void)
{
    enum
    {
        LIMIT = 100,
        SIZE = 100,
        SENT = 100000
    };
    for (int stuck = 1; stuck < 3; stuck++) {
        char body[SIZE], endpoint[100];
        int fds[2], flags, small = 4096;
        void *pub = OPEN (ZMQ_XPUB), *fast = OPEN (ZMQ_SUB);
        SET (pub, ZMQ_SNDHWM, LIMIT);
        SET (pub, ZMQ_SNDBUF, 4096);
        SET (pub, ZMQ_XPUB_VERBOSE, 1);
        strcpy (endpoint, BIND (pub, "tcp"));
        for (int i = 0; i < stuck; i++) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
            address.sin_port = htons ((uint16_t) raw_port (endpoint));
            fds[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            OK (setsockopt (fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
            OK (connect (fds[i], (struct sockaddr *) &address, sizeof address));
            RAW_HANDSHAKE (fds[i], READY_SUB, READY_XPUB);
            RAW_SEND (fds[i], "\0\1\1");
            RECV_BYTES (pub, "\1", 1, 0);
        }
        if (stuck == 1) { /* and one who does */
            SET (fast, ZMQ_RCVHWM, 0);
            subscribe (fast, "");
            OK (zmq_connect (fast, endpoint));
            RECV_BYTES (pub, "\1", 1, 0);
        }
        long before = resident_kb ();
        long long start = now_ms ();
        for (int number = 0; number < SENT; number++)
            REQUIRE (publish_sized (pub, number, SIZE, 0));
        CHECK (now_ms () - start < ARRIVES_MS);
        long grown = resident_kb () - before;
        if (stuck == 2 && grown > 5000)
            fail_at (__FILE__, __LINE__, "%ld kB more", grown);
        for (int i = 0; i < stuck; i++) {
            struct label label;
            int last = -1, got = 0, in_a_row = 0;
            for (long long until = now_ms () + ARRIVES_MS; last != LATER && now_ms () < until;) {
                if (!raw_readable (fds[i], 20)) {
                    REQUIRE (publish_sized (pub, LATER, SIZE, 0)); /* once there is room */
                    continue;
                }
                long size = raw_frame (fds[i], &flags, body, sizeof body, ARRIVES_MS);
                REQUIRE (is_whole (body, size, &label) && flags == 0 && label.number > last);
                in_a_row += label.number == in_a_row;
                last = label.number;
                got++;
            }
            EQUAL (last, LATER);
            if (in_a_row < LIMIT || got > LIMIT + 4000)
                fail_at (__FILE__, __LINE__, "%d messages came, %d of them without a gap", got, in_a_row);
            close (fds[i]);
        }
        CLOSE (fast);
        CLOSE (pub);
    }
}

/* ---- nothing may be lost ------------------------------------------------------------------------- */

struct reader
{
    void *sub;
    atomic_int good;
    int pause;
    pthread_t thread;
};

/* Everything up to the end, with pauses. */
static void *read_in_order (void *argument)
{
    struct reader *reader = argument;
    struct label label;
    for (int next = 0; take (reader->sub, &label); next++) {
        if (label.number == THE_END) {
            reader->good = 1;
            return NULL;
        }
        if (label.number != next) {
            fail_at (__FILE__, __LINE__, "message %d came instead of %d", label.number, next);
            return NULL;
        }
        if (reader->pause && next % reader->pause == 0)
            poll (NULL, 0, 1);
    }
    return NULL;
}

static void start_reader (struct reader *reader, void *(*how) (void *) )
{
    reader->good = 0;
    REQUIRE (pthread_create (&reader->thread, NULL, how, reader) == 0);
}

static void end_reader (struct reader *reader)
{
    pthread_join (reader->thread, NULL);
    CHECK (reader->good);
}

/* With ZMQ_XPUB_NODROP a full subscriber holds up all, and nobody loses anything; with waiting and without. */
static void without_dropping (void)
{
    static const int limits[] = {1, 10, 100, 1000};
    for (int waits = 0; waits < 2; waits++)
        for (int l = 0; l < 4; l++) {
            void *pub = OPEN (ZMQ_XPUB), *subs[2];
            struct reader readers[2];
            int refused = 0, length = limits[l] == 1 ? 300 : 5000;
            SET (pub, ZMQ_SNDHWM, limits[l]);
            SET (pub, ZMQ_SNDBUF, 16384);
            SET (pub, ZMQ_SNDTIMEO, ARRIVES_MS);
            SET (pub, ZMQ_XPUB_VERBOSE, 1);
            SET (pub, ZMQ_XPUB_NODROP, 1);
            const char *endpoint = BIND (pub, "tcp");
            for (int i = 0; i < 2; i++) {
                subs[i] = connect_limited (endpoint, 10);
                RECV_BYTES (pub, "\1", 1, 0);
            }
            for (int i = 0; i < 2; i++) {
                readers[i] = (struct reader){.sub = subs[i], .pause = i == 0 ? 400 : 0};
                start_reader (&readers[i], read_in_order);
            }
            for (int number = 0; number <= length; number++) {
                long long until = now_ms () + ARRIVES_MS;
                while (!publish_sized (pub, number < length ? number : THE_END, 200, waits ? 0 : ZMQ_DONTWAIT)) {
                    int error = zmq_errno ();
                    REQUIRE (!waits && error == EAGAIN && now_ms () < until);
                    refused++;
                    poll (NULL, 0, 1);
                }
            }
            for (int i = 0; i < 2; i++)
                end_reader (&readers[i]);
            CHECK (waits || refused > 0);
            close_all (pub, subs, 2);
        }
}

/* A part of what there is room for, again and again, all of which is read before the next: nothing is lost, as long as room is given
 * back, exactly and in time. */
static void use_part_of_the_room (int part)
{
    static const int limits[] = {20, 50, 100, 1000};
    for (int l = 0; l < 4; l++) {
        void *pub = OPEN (ZMQ_PUB), *subs[3];
        struct label label;
        int number = 0, most = limits[l] / part - 1;
        SET (pub, ZMQ_SNDHWM, limits[l]);
        const char *endpoint = BIND (pub, "tcp");
        for (int i = 0; i < 3; i++)
            subs[i] = connect_limited (endpoint, 0);
        settle (pub, subs, 3);
        for (int round = 0; round < 200; round++) {
            int length = round % 8 ? most : 1 + (int) random_below ((unsigned) most);
            get_int (pub, ZMQ_EVENTS); /* by which the reference learns that messages were taken */
            for (int i = 0; i < length; i++)
                REQUIRE (publish_sized (pub, number + i, 24 + round % 100, 0));
            for (int k = 0; k < 3; k++)
                for (int i = 0; i < length; i++) {
                    int came = take (subs[k], &label) ? label.number : -1;
                    if (came != number + i) {
                        fail_at (__FILE__, __LINE__, "limit %d, round %d, subscriber %d: message %d came instead of %d (of %d to %d)",
                                 limits[l], round, k, came, number + i, number, number + length - 1);
                        longjmp (end_of_case, 1);
                    }
                }
            number += length;
        }
        close_all (pub, subs, 3);
    }
}

static void a_quarter_of_the_room (void)
{
    use_part_of_the_room (4);
}

/* The other half may be messages of which it was not reported yet that they are written. */
static void half_of_the_room (void)
{
    use_part_of_the_room (2);
}

/* Until LATER, with pauses; what there was no room for is missing. */
static void *read_with_gaps (void *argument)
{
    struct reader *reader = argument;
    struct label label;
    for (int last = -1, got = 0; take (reader->sub, &label); last = label.number, got++) {
        if (label.number == LATER) {
            reader->good = 1;
            return NULL;
        }
        if (label.number <= last) {
            fail_at (__FILE__, __LINE__, "message %d came after %d", label.number, last);
            return NULL;
        }
        if (reader->pause && got % reader->pause == 0)
            poll (NULL, 0, 3);
    }
    return NULL;
}

/* The publisher is faster than its subscribers, one or all of them, now and then. */
static void limits_that_are_reached (void)
{
    static const int limits[] = {9, 10, 17, 50, 100, 1000};
    for (int l = 0; l < 6; l++) {
        void *pub = OPEN (ZMQ_PUB), *subs[3];
        struct reader readers[3];
        SET (pub, ZMQ_SNDHWM, limits[l]);
        SET (pub, ZMQ_SNDBUF, 32768);
        const char *endpoint = BIND (pub, l % 2 ? "ipc" : "tcp");
        for (int i = 0; i < 3; i++)
            subs[i] = connect_limited (endpoint, i == 2 ? 10 : 0);
        settle (pub, subs, 3);
        for (int i = 0; i < 3; i++) {
            readers[i] = (struct reader){.sub = subs[i], .pause = i == 0 ? 0 : 300};
            start_reader (&readers[i], read_with_gaps);
        }
        for (int number = 0; number < 30000; number++) {
            REQUIRE (publish_sized (pub, number, 24 + number / 500 * 40, 0));
            if (number % 2000 == 1999)
                poll (NULL, 0, 1);
        }
        for (long long until = now_ms () + ARRIVES_MS; now_ms () < until && !(readers[0].good & readers[1].good & readers[2].good);) {
            REQUIRE (publish_sized (pub, LATER, 24, 0)); /* once there is room */
            poll (NULL, 0, 2);
        }
        for (int i = 0; i < 3; i++)
            end_reader (&readers[i]);
        close_all (pub, subs, 3);
    }
}

/* A publisher that only keeps the latest itself. The reference may forget that one when it is being read just then. */
static void a_publisher_that_keeps_the_latest (void)
{
    void *pub = OPEN (ZMQ_PUB), *subs[3];
    struct label label = {.number = 0};
    SET (pub, ZMQ_CONFLATE, 1);
    const char *endpoint = BIND (pub, "tcp");
    for (int i = 0; i < 3; i++) {
        subs[i] = connect_limited (endpoint, 0);
        EVENTUALLY (publish_sized (pub, 0, 50, 0) && await (subs[i], ZMQ_POLLIN, 5));
    }
    for (int number = 1; number < 20000; number++)
        REQUIRE (publish_sized (pub, number, 50, 0));
    for (int i = 0; i < 3; i++) {
        long long until = now_ms () + ARRIVES_MS;
        for (int last = 0; label.number != 20000 && now_ms () < until; last = label.number) {
            while (!await (subs[i], ZMQ_POLLIN, 5) && now_ms () < until)
                REQUIRE (publish_sized (pub, 20000, 50, 0));
            REQUIRE (take (subs[i], &label) && label.number >= last);
        }
        EQUAL (label.number, 20000);
        label.number = 0;
    }
}

/* ---- other paces -------------------------------------------------------------------------------- */

enum
{
    TIMED = 50000
};

struct timed
{
    void *sub;
    int count, good, *delays;
    pthread_t thread;
};

static void *read_timed (void *argument)
{
    struct timed *timed = argument;
    struct label label;
    for (timed->count = 0; take (timed->sub, &label) && label.number == timed->count && timed->count < TIMED; timed->count++)
        timed->delays[timed->count] = (int) (now_us () - label.at);
    timed->good = label.number == THE_END;
    return NULL;
}

/* A burst, then one message each so many microseconds: all come, in order. The delay of the quickest quarter, for the subscriber that
 * waited longest: those that waited until much was together would be late nearly all. */
static int paced (int shortest, int longest)
{
    void *pub = OPEN (ZMQ_PUB);
    struct timed timed[3];
    int number = 0, delay = 0;
    SET (pub, ZMQ_SNDHWM, 0);
    const char *endpoint = BIND (pub, "tcp");
    void *subs[3];
    for (int i = 0; i < 3; i++)
        subs[i] = connect_limited (endpoint, 0);
    settle (pub, subs, 3);
    for (int i = 0; i < 3; i++) {
        timed[i] = (struct timed){.sub = subs[i], .delays = malloc (TIMED * sizeof (int))};
        REQUIRE (pthread_create (&timed[i].thread, NULL, read_timed, &timed[i]) == 0);
    }
    for (; number < 200; number++)
        REQUIRE (publish_sized (pub, number, 60, 0));
    for (long long until = now_ms () + 250, next = now_us (); now_ms () < until && number < TIMED; number++) {
        next += shortest + (int) random_below ((unsigned) (longest - shortest + 1));
        while (now_us () < next)
            ;
        REQUIRE (publish_sized (pub, number, 60, 0));
    }
    REQUIRE (publish_sized (pub, THE_END, 60, 0));
    for (int i = 0; i < 3; i++) {
        pthread_join (timed[i].thread, NULL);
        CHECK (timed[i].good);
        EQUAL (timed[i].count, number);
        qsort (timed[i].delays, (size_t) timed[i].count, sizeof (int), by_value);
        int quarter = timed[i].delays[timed[i].count / 4];
        delay = quarter > delay ? quarter : delay;
        free (timed[i].delays);
    }
    close_all (pub, subs, 3);
    return delay;
}

/* Too slow for a burst, about as fast as one, and both in turn: messages are kept back for a moment only. A busy machine may need
 * several attempts. */
static void slow_bursts (void)
{
    static const int paces[][2] = {{50, 50}, {0, 200}, {500, 1500}};
    for (int i = 0; i < 3; i++) {
        int delay = 5001;
        for (int attempt = 0; attempt < 10 && delay > 5000; attempt++)
            delay = paced (paces[i][0], paces[i][1]);
        if (delay > 5000)
            fail_at (__FILE__, __LINE__, "every %d to %d us: a quarter of the messages came after %d us", paces[i][0], paces[i][1], delay);
    }
    paced (20, 20);
    paced (0, 10);
}

RUN_CASES (CASE (a_slow_subscriber_among_fast_ones), CASE (nobody_reads), CASE (a_quarter_of_the_room), CASE (half_of_the_room),
           CASE (limits_that_are_reached), CASE (without_dropping), CASE (a_publisher_that_keeps_the_latest),
           CASE (slow_bursts))
