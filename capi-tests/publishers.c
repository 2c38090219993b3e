/* Publishers in bursts: each subscriber gets every message once, whole, in order, and soon. */
#include "check.h"
#include "publishers.h"

#include <stdatomic.h>

enum
{
    SUBS_MAX = 10,
    BODY_MAX = 5000
};

/* ---- messages that are known by their number ---------------------------------------------------- */

/* Some stretches are small messages alone, of one size or of several; in others there are large ones and such of several parts. */
static size_t size_of (int number, int part)
{
    static const size_t sizes[] = {0, 1, 33, 34, 100, 254, 255, 256, 2047, 2048, BODY_MAX};
    unsigned roll = mixed ((unsigned) number * 4 + (unsigned) part), stretch = mixed ((unsigned) number / 100) % 4;
    if (stretch == 0)
        return sizes[mixed ((unsigned) number / 100 + 77) % 8];
    if (roll % 8 != 0)
        return sizes[roll / 8 % 8];
    return sizes[8 + roll / 8 % (stretch == 1 ? 1 : 3)];
}

static int parts_of (int number)
{
    unsigned roll = mixed ((unsigned) number ^ 0x5555), stretch = mixed ((unsigned) number / 100) % 4;
    return stretch < 2 || roll % 32 != 0 ? 1 : 2 + (int) (roll / 32 % 2);
}

static void write_body (char *body, int number, int part, size_t size)
{
    memset (body, (char) (number * 3 + part), size);
    if (size >= sizeof number)
        memcpy (body, &number, sizeof number);
    if (size > 8)
        body[size - 1] = (char) size;
}

static int publish (void *pub, int number)
{
    char body[BODY_MAX];
    int parts = parts_of (number);
    for (int part = 0; part < parts; part++) {
        size_t size = size_of (number, part);
        write_body (body, number, part, size);
        if (zmq_send (pub, body, size, part + 1 < parts ? ZMQ_SNDMORE : 0) != (int) size)
            return 0;
    }
    return 1;
}

/* The next message is this one, and whole. For any thread. */
static int is_next (void *sub, int number)
{
    char expected[BODY_MAX];
    zmq_msg_t message;
    int parts = parts_of (number), good = 1;
    zmq_msg_init (&message);
    for (int part = 0; part < parts && good; part++) {
        size_t size = size_of (number, part);
        write_body (expected, number, part, size);
        if (zmq_msg_recv (&message, sub, 0) == -1) {
            fail_at (__FILE__, __LINE__, "part %d of message %d did not come (errno %d)", part, number, zmq_errno ());
            return 0;
        }
        good = zmq_msg_size (&message) == size && memcmp (zmq_msg_data (&message), expected, size) == 0
               && zmq_msg_more (&message) == (part + 1 < parts);
        if (!good)
            fail_at (__FILE__, __LINE__, "instead of part %d of message %d (%zu bytes): \"%s\" (%zu bytes), more: %d", part, number, size,
                     printable (zmq_msg_data (&message), zmq_msg_size (&message)), zmq_msg_size (&message), zmq_msg_more (&message));
    }
    zmq_msg_close (&message);
    return good;
}

/* ---- one publisher and its subscribers --------------------------------------------------------- */

struct audience
{
    void *pub, *subs[SUBS_MAX];
    int count;
};

/* Each subscribed to everything, over a transport, or over all in turn. */
static void gather (struct audience *all, int type, int count, const char *transport)
{
    char endpoints[3][100];
    all->count = count;
    all->pub = OPEN (type);
    without_limits (all->pub);
    for (int i = 0; i < 3; i++)
        strcpy (endpoints[i], BIND (all->pub, transport ? transport : transports[i]));
    for (int i = 0; i < count; i++)
        all->subs[i] = connect_subscriber (endpoints[i % 3]);
    settle (all->pub, all->subs, all->count);
}

static void all_get (struct audience *all, int from, int to)
{
    for (int i = 0; i < all->count; i++)
        for (int number = from; number < to; number++)
            REQUIRE (is_next (all->subs[i], number));
}

static void all_are_done (struct audience *all)
{
    for (int i = 0; i < all->count; i++)
        EQUAL (await (all->subs[i], ZMQ_POLLIN, i == 0 ? QUIET_MS : 0), 0);
    close_all (all->pub, all->subs, all->count);
}

/* A subscriber with a thread of its own. */
struct reader
{
    void *sub;
    int from, to, good;
    pthread_t thread;
};

static void *read_all (void *argument)
{
    struct reader *reader = argument;
    reader->good = 1;
    for (int number = reader->from; number < reader->to && reader->good; number++)
        reader->good = is_next (reader->sub, number);
    return NULL;
}

static void start_readers (struct audience *all, struct reader *readers, int from, int to)
{
    for (int i = 0; i < all->count; i++) {
        readers[i] = (struct reader){.sub = all->subs[i], .from = from, .to = to};
        REQUIRE (pthread_create (&readers[i].thread, NULL, read_all, &readers[i]) == 0);
    }
}

static void end_readers (struct audience *all, struct reader *readers)
{
    for (int i = 0; i < all->count; i++) {
        pthread_join (readers[i].thread, NULL);
        REQUIRE (readers[i].good);
    }
}

/* ---- everything in order ----------------------------------------------------------------------- */

static void get_a_burst (int count, const char *transport, int length)
{
    struct audience all;
    struct reader readers[SUBS_MAX];
    gather (&all, ZMQ_PUB, count, transport);
    for (int i = 0; i < length; i++)
        REQUIRE (publish (all.pub, i));
    all_get (&all, 0, length);
    start_readers (&all, readers, length, 2 * length);
    for (int i = length; i < 2 * length; i++)
        REQUIRE (publish (all.pub, i));
    end_readers (&all, readers);
    all_are_done (&all);
}

static void two_get_everything (void)
{
    get_a_burst (2, "tcp", 30000);
    get_a_burst (2, "ipc", 30000);
}

static void three_get_everything (void)
{
    get_a_burst (3, "tcp", 20000);
    get_a_burst (3, NULL, 20000);
}

static void ten_get_everything (void)
{
    get_a_burst (10, "tcp", 5000);
    get_a_burst (10, NULL, 5000);
}

static void several_io_threads (void)
{
    OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, 2));
    get_a_burst (2, "tcp", 15000);
    get_a_burst (7, NULL, 6000);
}

/* ---- topics ------------------------------------------------------------------------------------ */

static const char *const topics[] = {"a", "ab", "abc", "b", "c", "x", ""};

static const char *topic_of (int number)
{
    /* Stretches in which it changes each time, or stays for 2, 4, 8 ... 128 messages. */
    return topics[mixed ((unsigned) number >> mixed ((unsigned) number / 1024) % 8) % 7];
}

static void topics_that_change_and_stay (void)
{
    static const char *const wanted[][4] = {{"a"}, {"a", "ab", "abc", "ab"}, {"", "b"}, {"b", "c"}, {"abc"}, {"x"}};
    enum
    {
        COUNT = 6,
        LENGTH = 30000
    };
    for (int inverted = 0; inverted < 2; inverted++) {
        struct audience all = {OPEN (ZMQ_XPUB), {NULL}, COUNT};
        int subscriptions = 0;
        without_limits (all.pub);
        SET (all.pub, ZMQ_INVERT_MATCHING, inverted);
        SET (all.pub, ZMQ_XPUB_VERBOSE, 1);
        const char *endpoint = BIND (all.pub, "tcp");
        for (int i = 0; i < COUNT; i++) {
            all.subs[i] = OPEN (ZMQ_SUB);
            without_limits (all.subs[i]);
            SET (all.subs[i], ZMQ_INVERT_MATCHING, inverted);
            for (int k = 0; k < 4 && wanted[i][k]; k++)
                if (!inverted || *wanted[i][k]) { /* everything is nothing then */
                    subscribe (all.subs[i], wanted[i][k]);
                    subscriptions += k < 3; /* the same again is not sent */
                }
            if (!inverted)
                subscribe (all.subs[i], "~");
            OK (zmq_connect (all.subs[i], endpoint));
        }
        for (subscriptions += inverted ? 0 : COUNT; subscriptions > 0; subscriptions--)
            REQUIRE (discard (all.pub, ARRIVES_MS));
        settle (all.pub, all.subs, all.count);
        char body[64], got[64];
        for (int i = 0; i < LENGTH; i++) {
            int size = snprintf (body, sizeof body, "%s:%d", topic_of (i), i);
            REQUIRE (zmq_send (all.pub, body, (size_t) size, 0) == size);
        }
        for (int i = 0; i < COUNT; i++)
            for (int number = 0; number < LENGTH; number++) {
                int size = snprintf (body, sizeof body, "%s:%d", topic_of (number), number), matches = 0;
                for (int k = 0; k < 4 && wanted[i][k]; k++)
                    if (!inverted || *wanted[i][k])
                        matches |= strncmp (body, wanted[i][k], strlen (wanted[i][k])) == 0;
                if (matches == inverted)
                    continue;
                EQUAL (zmq_recv (all.subs[i], got, sizeof got, 0), size);
                REQUIRE (memcmp (body, got, (size_t) size) == 0);
            }
        all_are_done (&all);
    }
}

/* ---- the end of a burst ------------------------------------------------------------------------ */

/* A machine that is busy delays some of them. */
static void check_delays (int *delays, int count, int usual, const char *what)
{
    qsort (delays, (size_t) count, sizeof *delays, by_value);
    if (delays[count / 2] > usual || delays[count - 1] > 1500)
        fail_at (__FILE__, __LINE__, "%s: after %d ms in the middle, and %d ms at worst", what, delays[count / 2], delays[count - 1]);
}

/* The publisher stops anywhere, and does nothing any more. Later it sends a single message. */
static void bursts_that_stop (void)
{
    static const char *const mixes[] = {"tcp", "ipc", NULL};
    for (int mix = 0; mix < 3; mix++) {
        struct audience all;
        int next = 0, rounds = 0, ends[40], singles[40];
        gather (&all, mix == 2 ? ZMQ_XPUB : ZMQ_PUB, 3, mixes[mix]);
        for (int length = 1; length < 4000; length += length / 4 + 1, rounds++) {
            for (int i = 0; i < length; i++)
                REQUIRE (publish (all.pub, next + i));
            long long done = now_ms ();
            all_get (&all, next, next + length);
            ends[rounds] = (int) (now_ms () - done);
            next += length;
            if (rounds % 3 == 0)
                poll (NULL, 0, 10);
            done = now_ms ();
            REQUIRE (publish (all.pub, next));
            all_get (&all, next, next + 1);
            singles[rounds] = (int) (now_ms () - done);
            next++;
        }
        check_delays (ends, rounds, 50, "the end of a burst");
        check_delays (singles, rounds, 20, "one message after a burst");
        all_are_done (&all);
    }
}

/* Closed right behind it, and its context ended: what was sent lingers. */
static void closed_behind_a_burst (void)
{
    for (int length = 1; length < 20000; length = length * 3 + 1)
        for (int ipc = 0; ipc < 2; ipc++) {
            struct audience all;
            void *subscribers = context (), *publishers = zmq_ctx_new ();
            char endpoint[100];
            all.count = 3;
            all.pub = zmq_socket (publishers, ZMQ_PUB);
            without_limits (all.pub);
            SET (all.pub, ZMQ_LINGER, -1);
            strcpy (endpoint, BIND (all.pub, ipc ? "ipc" : "tcp"));
            for (int i = 0; i < all.count; i++)
                all.subs[i] = connect_subscriber (endpoint);
            settle (all.pub, all.subs, all.count);
            for (int i = 0; i < length; i++)
                REQUIRE (publish (all.pub, i));
            OK (zmq_close (all.pub));
            OK (zmq_ctx_term (publishers));
            all_get (&all, 0, length);
            for (int i = 0; i < all.count; i++)
                CLOSE (all.subs[i]);
            CHECK (context () == subscribers);
        }
}

/* Without linger nothing hangs, wherever the burst was. */
static void closed_without_lingering (void)
{
    for (int length = 1; length < 100000; length *= 5) {
        struct audience all;
        gather (&all, ZMQ_PUB, 3, "tcp");
        for (int i = 0; i < length; i++)
            REQUIRE (zmq_send (all.pub, "0123456789", 10, 0) == 10);
        long long start = now_ms ();
        CLOSE (all.pub);
        for (int i = 0; i < all.count; i++)
            CLOSE (all.subs[i]);
        end_context ();
        CHECK (now_ms () - start < 2000);
    }
}

/* ---- what else is done in the middle ------------------------------------------------------------- */

static void questions_in_between (void)
{
    struct audience all;
    char got[8];
    struct reader readers[SUBS_MAX];
    enum
    {
        LENGTH = 40000
    };
    gather (&all, ZMQ_XPUB, 3, "tcp");
    void *other = OPEN (ZMQ_SUB);
    OK (zmq_connect (other, BIND (all.pub, "tcp")));
    start_readers (&all, readers, 0, LENGTH);
    for (int i = 0; i < LENGTH; i++) {
        REQUIRE (publish (all.pub, i));
        unsigned roll = mixed ((unsigned) i);
        if (roll % 16 != 0 && i / 1000 % 2)
            continue;
        switch (roll / 16 % (i / 1000 % 2 ? 11 : 2)) {
        case 0:
            while (zmq_recv (all.pub, got, sizeof got, ZMQ_DONTWAIT) != -1)
                ;
            break;
        case 1:
            CHECK (get_int (all.pub, ZMQ_EVENTS) & ZMQ_POLLOUT);
            break;
        case 2:
            CHECK (await (all.pub, ZMQ_POLLOUT, 0));
            break;
        case 3:
            await (all.pub, ZMQ_POLLIN, 0);
            break;
        case 4:
            SET (all.pub, ZMQ_XPUB_NODROP, (int) (roll / 1024 % 2));
            break;
        case 5:
            SET (all.pub, ZMQ_SNDHWM, (int) (roll / 1024 % 2 * 1000000));
            break;
        case 6:
            CHECK (get_int (all.pub, ZMQ_FD) >= 0);
            break;
        case 7:
            OK (zmq_setsockopt (other, roll / 1024 % 2 ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, "~x", 2));
            break;
        case 8:
            SET (all.pub, ZMQ_XPUB_VERBOSE, (int) (roll / 1024 % 2));
            break;
        case 9:
            if (roll / 1024 % 16 == 0)
                poll (NULL, 0, 1);
            break;
        case 10:
            SET (all.pub, ZMQ_RCVTIMEO, 1);
            if (roll / 1024 % 16 == 0)
                zmq_recv (all.pub, got, sizeof got, 0);
            break;
        }
    }
    end_readers (&all, readers);
    CLOSE (other);
    all_are_done (&all);
}

struct turn
{
    void *pub;
    int from, to, good;
};

static void *take_a_turn (void *argument)
{
    struct turn *turn = argument;
    turn->good = 1;
    for (int number = turn->from; number < turn->to; number++)
        turn->good &= publish (turn->pub, number);
    return NULL;
}

/* Threads hand the publisher on in the middle of a burst. */
static void a_publisher_that_wanders (void)
{
    struct audience all;
    struct turn turn = {NULL, 0, 0, 0};
    gather (&all, ZMQ_PUB, 3, "tcp");
    turn.pub = all.pub;
    for (int round = 0; round < 150; round++) {
        pthread_t thread;
        turn.to = turn.from + 30 + (int) (mixed ((unsigned) round) % 200);
        REQUIRE (pthread_create (&thread, NULL, take_a_turn, &turn) == 0);
        pthread_join (thread, NULL);
        REQUIRE (turn.good);
        turn.from = turn.to;
    }
    all_get (&all, 0, turn.to);
    all_are_done (&all);
}

static atomic_int freed;

static void note_freed (void *data, void *hint)
{
    (void) hint;
    ((char *) data)[0] = 'F';
    atomic_fetch_add (&freed, 1);
}

/* Bodies that belong to the application are freed once, and not read after that. */
static void bodies_of_the_application (void)
{
    enum
    {
        LENGTH = 5000,
        SIZE = 300
    };
    struct audience all;
    char *bodies = malloc (LENGTH * SIZE), got[SIZE], expected[SIZE];
    gather (&all, ZMQ_PUB, 3, "tcp");
    for (int i = 0; i < LENGTH; i++) {
        zmq_msg_t message, copy;
        memset (bodies + i * SIZE, i, SIZE);
        OK (zmq_msg_init_data (&message, bodies + i * SIZE, 40 + (size_t) i % 250, note_freed, NULL));
        zmq_msg_init (&copy);
        if (i % 3 == 0)
            OK (zmq_msg_copy (&copy, &message));
        REQUIRE (zmq_msg_send (&message, all.pub, 0) == 40 + i % 250);
        if (i % 3 == 0)
            CHECK (*(char *) zmq_msg_data (&copy) == (char) i);
        OK (zmq_msg_close (&copy));
    }
    for (int i = 0; i < all.count; i++)
        for (int number = 0; number < LENGTH; number++) {
            memset (expected, number, SIZE);
            REQUIRE (zmq_recv (all.subs[i], got, SIZE, 0) == 40 + number % 250);
            REQUIRE (memcmp (got, expected, 40 + (size_t) number % 250) == 0);
        }
    EVENTUALLY (atomic_load (&freed) == LENGTH);
    all_are_done (&all);
    EQUAL (atomic_load (&freed), LENGTH);
    free (bodies);
}

RUN_CASES (CASE (two_get_everything), CASE (three_get_everything), CASE (ten_get_everything), CASE (several_io_threads),
           CASE (topics_that_change_and_stay), CASE (bursts_that_stop), CASE (closed_behind_a_burst), CASE (closed_without_lingering),
           CASE (questions_in_between), CASE (a_publisher_that_wanders), CASE (bodies_of_the_application))
