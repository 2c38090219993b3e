/* Threads that wait in one way and then ask in another: what has come is there, and nobody is held up by who rests. */
#include "check.h"

#include <pthread.h>

enum
{
    ROUNDS = 20,
    REST_MS = 20 /* long enough for any message to come, on most rounds */
};

/* One socket that receives, and its peer. */
static void join_dealers (void **here, void **there, const char *transport)
{
    *here = OPEN (ZMQ_DEALER);
    *there = OPEN (ZMQ_DEALER);
    SET (*here, ZMQ_RCVTIMEO, ARRIVES_MS);
    OK (zmq_connect (*there, BIND (*here, transport)));
    SEND (*there, "hello");
    RECV (*here, "hello");
}

/* Waits and receives some times in a row, in a blocking receive or in zmq_poll. */
static void get_used_to (void *here, void *there, int by_polling)
{
    char body[8];
    for (int i = 0; i < 5; i++) {
        REQUIRE (zmq_send (there, "x", 1, 0) == 1);
        if (by_polling)
            REQUIRE (await (here, ZMQ_POLLIN, ARRIVES_MS));
        REQUIRE (zmq_recv (here, body, sizeof body, 0) == 1);
        if (by_polling)
            EQUAL (await (here, ZMQ_POLLIN, 1), 0);
    }
}

static int by_dontwait (void *here)
{
    char body[8];
    return zmq_recv (here, body, sizeof body, ZMQ_DONTWAIT) == 4;
}

static int by_glance (void *here)
{
    return await (here, ZMQ_POLLIN, 0) == ZMQ_POLLIN;
}

static int by_events (void *here)
{
    return get_int (here, ZMQ_EVENTS) & ZMQ_POLLIN;
}

/* There is always room for output: that must not hide the input. */
static int beside_output (void *here)
{
    zmq_pollitem_t item = {here, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0};
    return zmq_poll (&item, 1, ARRIVES_MS) == 1 && (item.revents & ZMQ_POLLIN);
}

/* Another socket is always ready: that must not hide this one. */
static void *busy;

static int beside_another (void *here)
{
    zmq_pollitem_t items[2] = {{busy, 0, ZMQ_POLLOUT, 0}, {here, 0, ZMQ_POLLIN, 0}};
    return zmq_poll (items, 2, ARRIVES_MS) >= 1 && items[1].revents == ZMQ_POLLIN;
}

/* A message that came while the application did something else is found by the first question, whatever that is. On a busy machine it
 * may not have come: so, in most rounds. */
static void the_first_question_finds_it (void)
{
    static const char *const streams[] = {"ipc", "tcp"};
    static int (*const questions[]) (void *) = {by_dontwait, by_glance, by_events, beside_output, beside_another};
    for (int t = 0; t < 2; t++)
        for (int polling = 0; polling < 2; polling++)
            for (size_t q = 0; q < sizeof questions / sizeof *questions; q++) {
                void *here, *there, *peer;
                int found = 0;
                join_dealers (&here, &there, streams[t]);
                join_dealers (&busy, &peer, streams[t]);
                for (int round = 0; round < ROUNDS; round++) {
                    char body[8];
                    get_used_to (here, there, polling);
                    REQUIRE (zmq_send (there, "late", 4, 0) == 4);
                    poll (NULL, 0, REST_MS);
                    int hit = questions[q](here) != 0;
                    found += hit;
                    if (!hit || questions[q] != by_dontwait)
                        REQUIRE (zmq_recv (here, body, sizeof body, 0) == 4);
                }
                if (found < ROUNDS / 2)
                    fail_at (__FILE__, __LINE__, "%s, %s, question %zu: found at once in %d of %d rounds", streams[t],
                             polling ? "polling" : "receiving", q, found, ROUNDS);
                CLOSE (here);
                CLOSE (there);
                CLOSE (busy);
                CLOSE (peer);
            }
}

static void *send_later (void *push)
{
    poll (NULL, 0, 5);
    long long sent = now_ms ();
    return zmq_send (push, &sent, sizeof sent, 0) == sizeof sent ? push : NULL;
}

static int compare (const void *a, const void *b)
{
    return *(const int *) a - *(const int *) b;
}

/* Waits in a receive on one socket, then in zmq_poll on several, which have more connections together: what comes ends that wait at once. */
static void a_wait_for_more_than_before (void)
{
    EACH_TRANSPORT (transport)
    {
        void *first = OPEN (ZMQ_PULL), *second = OPEN (ZMQ_PULL), *to_first[2], *to_second[4];
        const char *endpoint = BIND (first, transport);
        int delays[ROUNDS];
        for (int i = 0; i < 2; i++)
            OK (zmq_connect (to_first[i] = OPEN (ZMQ_PUSH), endpoint));
        endpoint = BIND (second, transport);
        for (int i = 0; i < 4; i++)
            OK (zmq_connect (to_second[i] = OPEN (ZMQ_PUSH), endpoint));
        SET (first, ZMQ_RCVTIMEO, ARRIVES_MS);
        for (int i = 0; i < 2; i++) {
            SEND (to_first[i], "x");
            RECV (first, "x");
        }
        for (int i = 0; i < 4; i++) {
            SEND (to_second[i], "x");
            RECV (second, "x");
        }
        for (int round = 0; round < ROUNDS; round++) {
            char body[8];
            pthread_t thread;
            void *result;
            for (int i = 0; i < 6; i++) {
                REQUIRE (zmq_send (to_first[i % 2], "x", 1, 0) == 1);
                REQUIRE (zmq_recv (first, body, sizeof body, 0) == 1);
            }
            REQUIRE (pthread_create (&thread, NULL, send_later, to_first[round % 2]) == 0);
            zmq_pollitem_t items[2] = {{first, 0, ZMQ_POLLIN, 0}, {second, 0, ZMQ_POLLIN, 0}};
            REQUIRE (zmq_poll (items, 2, ARRIVES_MS) == 1 && items[0].revents == ZMQ_POLLIN);
            long long sent;
            REQUIRE (zmq_recv (first, &sent, sizeof sent, 0) == sizeof sent);
            delays[round] = (int) (now_ms () - sent);
            pthread_join (thread, &result);
            CHECK (result != NULL);
        }
        qsort (delays, ROUNDS, sizeof *delays, compare);
        if (delays[ROUNDS / 2] > 7)
            fail_at (__FILE__, __LINE__, "%s: half of the waits took %d ms and more", transport, delays[ROUNDS / 2]);
        CLOSE (first);
        CLOSE (second);
        for (int i = 0; i < 2; i++)
            CLOSE (to_first[i]);
        for (int i = 0; i < 4; i++)
            CLOSE (to_second[i]);
    }
}

/* A receiver without a limit takes a few messages and rests: the sender gets rid of everything meanwhile, at the latest when it is noticed that nobody
 * reads. */
static void who_rests_holds_nobody_up (void)
{
    enum
    {
        COUNT = 20000,
        SIZE = 1000
    };
    EACH_TRANSPORT (transport)
        for (int taken = 10; taken < COUNT; taken *= 40) {
            static char body[SIZE];
            void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
            SET (pull, ZMQ_RCVHWM, 0);
            SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS);
            SET (push, ZMQ_SNDTIMEO, ARRIVES_MS);
            OK (zmq_connect (push, BIND (pull, transport)));
            int sent = 0, got = 0;
            for (; sent < COUNT / 10; sent++)
                REQUIRE (zmq_send (push, body, SIZE, 0) == SIZE);
            for (; got < taken && got < sent; got++)
                REQUIRE (zmq_recv (pull, body, SIZE, 0) == SIZE);
            long long before = now_ms ();
            for (; sent < COUNT; sent++)
                REQUIRE (zmq_send (push, body, SIZE, 0) == SIZE);
            CHECK (now_ms () - before < 1000);
            for (; got < COUNT; got++)
                REQUIRE (zmq_recv (pull, body, SIZE, 0) == SIZE);
            CLOSE (push);
            CLOSE (pull);
        }
}

/* Three sockets with six peers, which send now and then, and in bursts; the application asks in every way, in any order. */
enum
{
    SOCKETS = 3,
    PEERS = 6,
    SENT = 3000
};

typedef struct
{
    int number;
    long long at;
} stamp_t;

typedef struct
{
    void *sockets[PEERS];
    unsigned seed;
} senders_t;

static void *send_now_and_then (void *argument)
{
    senders_t *senders = argument;
    int next[PEERS] = {0};
    for (int i = 0; i < SENT; i++) {
        int peer = rand_r (&senders->seed) % PEERS;
        stamp_t stamp = {next[peer]++, now_ms ()};
        if (zmq_send (senders->sockets[peer], &stamp, sizeof stamp, 0) != sizeof stamp)
            return NULL;
        if (rand_r (&senders->seed) % 8 == 0)
            poll (NULL, 0, rand_r (&senders->seed) % 4);
    }
    return senders;
}

typedef struct
{
    void *sockets[SOCKETS];
    int got, next[PEERS];
    int delays[SENT];
} receiver_t;

/* One message, if there is one; its peer is its first part. */
static int take (receiver_t *receiver, int which, int flags)
{
    void *socket = receiver->sockets[which];
    char peer;
    stamp_t stamp;
    int rc = zmq_recv (socket, &peer, 1, flags), error = errno;
    if (rc == -1) {
        REQUIRE (error == EAGAIN);
        return 0;
    }
    REQUIRE (get_int (socket, ZMQ_RCVMORE) == 1);
    REQUIRE (zmq_recv (socket, &stamp, sizeof stamp, 0) == sizeof stamp);
    REQUIRE (stamp.number == receiver->next[peer - 1]++);
    receiver->delays[receiver->got++] = (int) (now_ms () - stamp.at);
    return 1;
}

static void poll_and_take (receiver_t *receiver, int first, int count, int ms)
{
    zmq_pollitem_t items[SOCKETS] = {{0}};
    for (int i = 0; i < count; i++)
        items[i] = (zmq_pollitem_t){receiver->sockets[first + i], 0, ZMQ_POLLIN, 0};
    int ready = zmq_poll (items, count, ms), found = 0;
    for (int i = 0; i < count; i++)
        if (items[i].revents) {
            REQUIRE (take (receiver, first + i, ZMQ_DONTWAIT));
            found++;
        }
    REQUIRE (ready == found);
}

static void ask (receiver_t *receiver, unsigned *seed, int with_descriptors)
{
    int which = rand_r (seed) % SOCKETS;
    void *socket = receiver->sockets[which];
    switch (rand_r (seed) % (with_descriptors ? 9 : 8)) {
    case 0:
        take (receiver, which, 0); /* ZMQ_RCVTIMEO ends it */
        break;
    case 1:
        take (receiver, which, ZMQ_DONTWAIT);
        break;
    case 2:
        poll_and_take (receiver, 0, SOCKETS, 5);
        break;
    case 3:
        poll_and_take (receiver, 0, SOCKETS, 0);
        break;
    case 4:
        poll_and_take (receiver, which, 1, 2);
        break;
    case 5:
        if (get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN)
            REQUIRE (take (receiver, which, ZMQ_DONTWAIT));
        break;
    case 6:
        while (take (receiver, which, ZMQ_DONTWAIT))
            ;
        break;
    case 7:
        if (rand_r (seed) % 8 == 0)
            poll (NULL, 0, 5);
        break;
    case 8: {
        struct pollfd fd = {get_int (socket, ZMQ_FD), POLLIN, 0};
        poll (&fd, 1, 2);
        while (get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN)
            REQUIRE (take (receiver, which, ZMQ_DONTWAIT));
        break;
    }
    }
}

/* Each message comes, in the order of its peer, and no way of asking leaves it lying for long. */
static void in_every_way_in_turn (void)
{
    static const int peers[SOCKETS] = {2, 3, 1};
    for (unsigned seed = 1; seed <= 4; seed++) {
        senders_t senders = {.seed = seed};
        receiver_t receiver = {.got = 0};
        unsigned asks = seed;
        int peer = 0;
        for (int i = 0; i < SOCKETS; i++) {
            receiver.sockets[i] = OPEN (ZMQ_ROUTER);
            SET (receiver.sockets[i], ZMQ_RCVTIMEO, 3);
            const char *endpoint = BIND (receiver.sockets[i], seed % 2 ? "tcp" : "ipc");
            for (int j = 0; j < peers[i]; j++, peer++) {
                /* A routing id must not begin with a zero byte. */
                char name = (char) (peer + 1);
                senders.sockets[peer] = OPEN (ZMQ_DEALER);
                OK (zmq_setsockopt (senders.sockets[peer], ZMQ_ROUTING_ID, &name, 1));
                OK (zmq_connect (senders.sockets[peer], endpoint));
            }
        }
        pthread_t thread;
        void *result;
        REQUIRE (pthread_create (&thread, NULL, send_now_and_then, &senders) == 0);
        for (long long until = now_ms () + 15000; receiver.got < SENT && now_ms () < until;)
            ask (&receiver, &asks, seed > 2);
        pthread_join (thread, &result);
        CHECK (result != NULL);
        EQUAL (receiver.got, SENT);
        qsort (receiver.delays, SENT, sizeof *receiver.delays, compare);
        if (receiver.delays[SENT / 2] > 25 || receiver.delays[SENT - 1] > 1000)
            fail_at (__FILE__, __LINE__, "seed %u: half of the messages took %d ms and more, one %d", seed, receiver.delays[SENT / 2],
                     receiver.delays[SENT - 1]);
        for (int i = 0; i < SOCKETS; i++)
            CLOSE (receiver.sockets[i]);
        for (int i = 0; i < PEERS; i++)
            CLOSE (senders.sockets[i]);
    }
}

RUN_CASES (CASE (the_first_question_finds_it), CASE (a_wait_for_more_than_before), CASE (who_rests_holds_nobody_up),
           CASE (in_every_way_in_turn))
