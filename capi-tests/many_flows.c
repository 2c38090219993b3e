/* Sockets with many connections under load, on several threads, and beside each other: nothing is lost or out of order, and nobody is
 * passed over. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"
#include "many.h"
#include "proxy.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct kind *const kinds[] = {&pulls, &routes, &subscribes, &deals};
static const char *const mixtures[] = {"tcp", "ipc", "mixed"};

/* ---- who is slow, and who is not ------------------------------------------------------------------- */

static atomic_int stop;

static void *send_without_end (void *argument)
{
    struct crowd *crowd = argument;
    while (!atomic_load (&stop))
        if (!say_at (crowd, 0, ZMQ_DONTWAIT) && zmq_errno () != EAGAIN)
            return NULL;
    return crowd;
}

static void *send_slowly (void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; !atomic_load (&stop); i++) {
        if (!say (crowd, 1 + i % (crowd->count - 1)))
            return NULL;
        poll (NULL, 0, 3);
    }
    return crowd;
}

/* One peer sends without end, with a full pipe or not, and others now and then. The application pauses, or not. */
static void a_flood_and_nine_others (void)
{
    for (int variant = 0; variant < 4; variant++) {
        struct crowd crowd;
        pthread_t flood, others;
        void *flooded, *sent;
        int limit = variant % 2 ? 1000 : 5;
        open_crowd (&crowd, variant == 1 || variant == 2 ? &pulls : &routes, mixtures[variant / 2]);
        SET (crowd.here, ZMQ_RCVHWM, limit);
        bind_crowd (&crowd);
        while (crowd.count < 10)
            add_peer (&crowd);
        wait_often (&crowd, 0);
        atomic_store (&stop, 0);
        REQUIRE (pthread_create (&flood, NULL, send_without_end, &crowd) == 0);
        REQUIRE (pthread_create (&others, NULL, send_slowly, &crowd) == 0);
        int slow = 0, late = 0, worst = 0;
        for (long long until = now_ms () + ARRIVES_MS; slow < 50 && now_ms () < until;) {
            int flooding = crowd.taken[0], waited = crowd.worst;
            crowd.worst = 0;
            REQUIRE (take (&crowd, 0));
            if (crowd.taken[0] == flooding) {
                slow++;
                late += crowd.worst > 200;
                worst = crowd.worst > worst ? crowd.worst : worst;
            }
            crowd.worst = waited;
            if (variant > 1 && crowd.got % 4000 == 0)
                poll (NULL, 0, 60);
        }
        atomic_store (&stop, 1);
        pthread_join (flood, &flooded);
        pthread_join (others, &sent);
        CHECK (flooded && sent);
        take_all (&crowd);
        if (slow < 50 || late > slow / 2 || worst > 2500)
            fail_at (__FILE__, __LINE__, "variant %d: %d messages of the others came, %d of them late, one after %d ms", variant, slow, late, worst);
        part (&crowd);
    }
}

/* Everybody sends until nothing more is taken. The application comes late, and gets all of it, in any way. */
static void full_pipes (void)
{
    for (int t = 0; t < 3; t++)
        for (int limit = 1; limit <= 30; limit *= 30) {
            struct crowd crowd;
            open_crowd (&crowd, &pulls, mixtures[t]);
            SET (crowd.here, ZMQ_RCVHWM, limit);
            bind_crowd (&crowd);
            crowd.limit = limit;
            while (crowd.count < 8)
                add_peer (&crowd);
            for (enum way way = limit == 1; way < WAYS; way += 2) {
                crowd.size = sizeof (struct label);
                wait_often (&crowd, way % 3 == 0);
                crowd.size = 20000;
                for (int i = 0, refused = 0; refused < 8; i++) {
                    refused = say_at (&crowd, i % 8, ZMQ_DONTWAIT) ? 0 : refused + 1;
                    if (refused == 8 && i < 5000) {
                        /* Once more, when no lease can be left. */
                        poll (NULL, 0, 60);
                        i = 5000;
                        refused = 0;
                    }
                }
                collect (&crowd, way);
                FAILS (zmq_recv (crowd.here, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
            }
            part (&crowd);
        }
}

/* ---- several threads, several sockets ------------------------------------------------------------- */

/* The connections of one socket are served by several I/O threads. */
static void spread_over_io_threads (void)
{
    OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, 3));
    for (int t = 0; t < 3; t++)
        for (int k = 0; k < 4; k++) {
            struct crowd crowd;
            gather (&crowd, kinds[k], mixtures[t], 12);
            for (enum way way = 0; way < WAYS; way++) {
                wait_often (&crowd, way % 2);
                talk_during_a_rest (&crowd, 20, way == WITHOUT_WAITING ? 60 : 4);
                collect (&crowd, way);
            }
            part (&crowd);
        }
}

struct later
{
    struct crowd *crowd;
    int peer;
};

static void *say_later (void *argument)
{
    struct later *later = argument;
    poll (NULL, 0, 5);
    return say (later->crowd, later->peer) ? later : NULL;
}

/* zmq_poll over sockets with many connections and few: what comes on any of them ends the wait at once. */
static void several_sockets_at_once (void)
{
    static const int sizes[][6] = {{8, 8}, {8, 2}, {1, 5, 4}, {5, 6, 7, 8}, {5, 5, 5, 5, 5, 5}};
    for (int row = 0; row < 5; row++) {
        struct crowd crowds[6];
        zmq_pollitem_t items[6];
        int count = 0, rounds = 0, late = 0;
        for (; count < 6 && sizes[row][count]; count++) {
            gather (&crowds[count], count % 2 ? &pulls : &routes, row % 2 ? "ipc" : "tcp", sizes[row][count]);
            items[count] = (zmq_pollitem_t){crowds[count].here, 0, ZMQ_POLLIN, 0};
        }
        for (; rounds < 24; rounds++) {
            int which = rounds % count;
            pthread_t thread;
            void *result;
            if (rounds % 3)
                wait_often (&crowds[(rounds / 2) % count], rounds % 2);
            struct later later = {&crowds[which], rounds % crowds[which].count};
            REQUIRE (pthread_create (&thread, NULL, say_later, &later) == 0);
            int got = crowds[which].got;
            REQUIRE (zmq_poll (items, count, ARRIVES_MS) == 1 && items[which].revents == ZMQ_POLLIN);
            crowds[which].worst = 0;
            REQUIRE (take (&crowds[which], ZMQ_DONTWAIT) && crowds[which].got == got + 1);
            late += crowds[which].worst > 7;
            pthread_join (thread, &result);
            CHECK (result != NULL);
        }
        if (late > rounds / 2)
            fail_at (__FILE__, __LINE__, "row %d: %d of %d waits took more than 7 ms", row, late, rounds);
        for (int i = 0; i < count; i++)
            part (&crowds[i]);
    }
}

/* Three peers, then six, and three again: a message of one who was there all the time ends the next wait at once. */
static void from_few_to_many_and_back (void)
{
    enum
    {
        ROUNDS = 16
    };
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        int late = 0;
        gather (&crowd, &pulls, mixtures[t], 3);
        for (int round = 0; round < ROUNDS; round++) {
            for (int change = 0; change < 2; change++) {
                wait_often (&crowd, round % 2);
                for (int i = 0; i < 3; i++)
                    if (change)
                        CLOSE (crowd.peers[--crowd.count]);
                    else
                        add_peer (&crowd);
                for (int i = 3; i < crowd.count; i++) {
                    /* A number of its own, as it is a new one. */
                    crowd.sent[i] = crowd.taken[i] = 1000 * round;
                    crowd.got = said (&crowd);
                    REQUIRE (say (&crowd, i));
                    take_all (&crowd);
                }
                if (change)
                    poll (NULL, 0, 3);
                crowd.worst = 0;
                REQUIRE (say (&crowd, round % 3));
                take_all (&crowd);
                late += crowd.worst > 7;
            }
        }
        if (late > ROUNDS / 2)
            fail_at (__FILE__, __LINE__, "%s: %d of %d waits took more than 7 ms", mixtures[t], late, 2 * ROUNDS);
        part (&crowd);
    }
}

/* Hands each thread its turn: sockets may wander if memory is in order between. */
static void *take_a_turn (void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; i < 400; i++)
        if (!say (crowd, i % crowd->count))
            return NULL;
    /* A part of it is left to the next. Not `take`, which may end the case. */
    for (int i = 0; i < 300; i++) {
        struct label label;
        if (zmq_recv (crowd->here, &label, sizeof label, 0) != sizeof label || label.number != crowd->taken[label.peer]++)
            return NULL;
        crowd->got++;
    }
    return crowd;
}

static void sockets_that_wander (void)
{
    for (int t = 0; t < 3; t++) {
        struct crowd crowd;
        gather (&crowd, &pulls, mixtures[t], 8);
        for (int round = 0; round < 10; round++) {
            pthread_t thread;
            void *good;
            REQUIRE (pthread_create (&thread, NULL, take_a_turn, &crowd) == 0);
            pthread_join (thread, &good);
            REQUIRE (good != NULL);
        }
        take_all (&crowd);
        part (&crowd);
    }
}

/* Echoes what comes on six sockets until a message is empty. */
static void *echo (void *argument)
{
    void **workers = argument;
    zmq_pollitem_t items[6];
    for (int i = 0; i < 6; i++)
        items[i] = (zmq_pollitem_t){workers[i], 0, ZMQ_POLLIN, 0};
    while (zmq_poll (items, 6, -1) > 0)
        for (int i = 0; i < 6; i++) {
            zmq_msg_t part;
            int more = items[i].revents & ZMQ_POLLIN;
            while (more) {
                zmq_msg_init (&part);
                if (zmq_msg_recv (&part, workers[i], 0) == -1)
                    return NULL;
                more = zmq_msg_more (&part);
                if (zmq_msg_send (&part, workers[i], more ? ZMQ_SNDMORE : 0) == -1)
                    return NULL;
            }
        }
    return NULL;
}

/* Eight clients, six workers; some of both rest now and then. */
static void through_a_proxy (void)
{
    for (int t = 0; t < 2; t++) {
        char front[100], back[100];
        struct proxy proxy = {.kind = PLAIN};
        proxy.front = side (ZMQ_ROUTER, mixtures[t], front);
        proxy.back = side (ZMQ_DEALER, mixtures[t], back);
        void *clients[8], *workers[6];
        pthread_t thread;
        int sent[8] = {0}, taken[8] = {0};
        for (int i = 0; i < 6; i++)
            workers[i] = peer_of (back, ZMQ_DEALER);
        for (int i = 0; i < 8; i++) {
            clients[i] = peer_of (front, ZMQ_DEALER);
            SET (clients[i], ZMQ_RCVTIMEO, ARRIVES_MS);
        }
        start (&proxy);
        REQUIRE (pthread_create (&thread, NULL, echo, workers) == 0);
        for (int round = 0; round < 200; round++) {
            int each = round % 10 == 0 ? 50 : 1, number;
            for (int i = 0; i < 8 * each; i++, sent[i % 8]++)
                REQUIRE (zmq_send (clients[i % 8], &sent[i % 8], sizeof (int), 0) == sizeof (int));
            /* Several workers: not in order. */
            for (int i = 0; i < 8 * each; i++, taken[i % 8]++)
                REQUIRE (zmq_recv (clients[i % 8], &number, sizeof number, 0) == sizeof number);
            if (round % 20 == 0)
                poll (NULL, 0, 30);
        }
        for (int i = 0; i < 8; i++)
            EQUAL (taken[i], sent[i]);
        OK (zmq_ctx_shutdown (context ()));
        ENDED (&proxy, ETERM);
        pthread_join (thread, NULL);
        end_context ();
    }
}

RUN_CASES (CASE (a_flood_and_nine_others), CASE (full_pipes), CASE (spread_over_io_threads), CASE (several_sockets_at_once),
           CASE (from_few_to_many_and_back), CASE (sockets_that_wander), CASE (through_a_proxy))
