/* Sockets with many connections, whose application waits in one way and then asks in another, or comes back late: nothing is lost, late, or
 * out of order. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"
#include "many.h"

#include <pthread.h>

static const struct kind *const kinds[] = {&pulls, &routes, &subscribes, &deals};
static const char *const mixtures[] = {"tcp", "ipc", "mixed"};

/* What came right after a run of waits, when nobody has noticed yet that there is none any more, is found by the first question. On a busy
 * machine it may not have come: so, in most rounds. */
static void the_first_question_finds_it (void)
{
    enum
    {
        ROUNDS = 16,
        REST_MS = 6
    };
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        gather (&crowd, t ? &routes : &pulls, mixtures[t], 8);
        for (enum way way = 0; way < WAYS; way++) {
            int found = 0;
            for (int round = 0; round < ROUNDS; round++) {
                wait_often (&crowd, round % 2);
                REQUIRE (say (&crowd, round % 8));
                poll (NULL, 0, REST_MS);
                found += ask (&crowd, way, way == DESCRIPTOR ? 0 : ARRIVES_MS);
                take_all (&crowd);
            }
            if (found < ROUNDS / 2)
                fail_at (__FILE__, __LINE__, "%s, %s: found at once in %d of %d rounds", mixtures[t], way_names[way], found, ROUNDS);
        }
        part (&crowd);
    }
}

/* Some rests are longer than anybody waits for the application to come back: what has come is there. */
static void what_comes_during_a_rest (void)
{
    for (int t = 0; t < 3; t++)
        for (int k = 0; k < 4; k++) {
            int is_short = (k + t) % 2;
            struct crowd crowd;
            gather (&crowd, kinds[k], mixtures[t], 8);
            for (enum way way = 0; way < WAYS; way++) {
                wait_often (&crowd, way % 2);
                talk_during_a_rest (&crowd, 3, is_short ? 10 : 80);
                int at_once = ask (&crowd, way, way == DESCRIPTOR ? 0 : ARRIVES_MS);
                CHECK (at_once || is_short);
                collect (&crowd, way);
                FAILS (zmq_recv (crowd.here, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
            }
            part (&crowd);
        }
}

/* More peers with something to say than one look finds, and a long rest. */
static void what_a_hundred_peers_say (void)
{
    struct crowd crowd;
    gather (&crowd, &pulls, "tcp", MANY);
    for (enum way way = 0; way < WAYS; way++) {
        wait_often (&crowd, way % 2);
        talk_during_a_rest (&crowd, 5, way % 2 ? 200 : 0);
        if (way % 2)
            EQUAL (ask (&crowd, way, ARRIVES_MS), 1);
        collect (&crowd, way);
    }
}

/* The application comes back in the middle of large messages. */
static void large_messages_and_small_ones (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        gather (&crowd, &routes, mixtures[t], 8);
        for (enum way way = 0; way < WAYS; way++) {
            wait_often (&crowd, way % 2);
            for (int i = 0; i < 16; i++) {
                crowd.size = i % 3 ? 100 : 1 << 20;
                REQUIRE (say (&crowd, i % 8));
                /* Not so many that the peers' own buffers are full. */
                if (i % 5 == 0)
                    take (&crowd, i % 2 ? 0 : ZMQ_DONTWAIT);
            }
            poll (NULL, 0, way % 2 ? 30 : 0);
            collect (&crowd, way);
            crowd.size = sizeof (struct label);
        }
        part (&crowd);
    }
}

/* ---- in every way in turn ------------------------------------------------------------------------ */

enum
{
    SENT = 1600 /* by the peers of each of two sockets */
};

struct senders
{
    struct crowd crowds[2];
    unsigned seed;
};

static int leave (struct crowd *crowd, int peer)
{
    return set_int (crowd->peers[peer], ZMQ_LINGER, -1) == 0 && zmq_close (crowd->peers[peer]) == 0;
}

static int come (struct crowd *crowd)
{
    int peer = crowd->count++;
    crowd->peers[peer] = zmq_socket (context (), crowd->kind->there);
    return crowd->peers[peer] && set_int (crowd->peers[peer], ZMQ_SNDTIMEO, ARRIVES_MS) == 0 && connect_peer (crowd, peer);
}

/* The peers of one socket are three, then more, and three again; those of the other are six all the time. */
static void *send_now_and_then (void *argument)
{
    static const int steps[] = {3, 8, 3, 12, 3, 6, 20, 2};
    struct senders *senders = argument;
    int first[2] = {0};
    for (int i = 0; i < 2 * SENT; i++) {
        int which = i % 2, wanted = which ? 6 : steps[i / 2 / (SENT / 8)];
        struct crowd *crowd = &senders->crowds[which];
        for (; crowd->count - first[which] > wanted; first[which]++)
            if (!leave (crowd, first[which]))
                return NULL;
        while (crowd->count - first[which] < wanted)
            if (!come (crowd))
                return NULL;
        if (!say (crowd, first[which] + rand_r (&senders->seed) % wanted))
            return NULL;
        if (rand_r (&senders->seed) % 8 == 0)
            poll (NULL, 0, rand_r (&senders->seed) % 4);
    }
    for (int which = 0; which < 2; which++)
        for (int i = first[which]; i < senders->crowds[which].count; i++)
            if (!leave (&senders->crowds[which], i))
                return NULL;
    return senders;
}

static void poll_both (struct crowd *crowds, int ms)
{
    zmq_pollitem_t items[2] = {{crowds[0].here, 0, ZMQ_POLLIN, 0}, {crowds[1].here, 0, ZMQ_POLLIN, 0}};
    int ready = zmq_poll (items, 2, ms), found = 0;
    for (int i = 0; i < 2; i++)
        if (items[i].revents) {
            REQUIRE (take (&crowds[i], ZMQ_DONTWAIT));
            found++;
        }
    REQUIRE (ready == found);
}

static void ask_somehow (struct senders *senders, unsigned *seed, int ways)
{
    struct crowd *crowd = &senders->crowds[rand_r (seed) % 2];
    unsigned choice = rand_r (seed) % 16;
    if (choice < 8)
        ask (crowd, (enum way) (rand_r (seed) % ways), 2);
    else if (choice < 10)
        poll_both (senders->crowds, choice == 8 ? 0 : 3);
    else if (choice < 13)
        for (int i = 0; i < 10 && ask (crowd, choice == 10 ? POLLING : RECEIVING, 3); i++)
            ;
    else if (choice < 15)
        while (take (crowd, ZMQ_DONTWAIT))
            ;
    else if (rand_r (seed) % 8 == 0)
        poll (NULL, 0, rand_r (seed) % 16 ? 5 : 60);
}

/* Each message comes, in the order of its peer, and no way of asking leaves it lying for long. */
static void in_every_way_in_turn (void)
{
    for (unsigned seed = 1; seed <= 4; seed++) {
        struct senders senders = {.seed = seed};
        unsigned asks = seed;
        pthread_t thread;
        void *result;
        for (int i = 0; i < 2; i++) {
            open_crowd (&senders.crowds[i], seed % 2 == (unsigned) i ? &pulls : &routes, seed % 2 ? "tcp" : "ipc");
            bind_crowd (&senders.crowds[i]);
        }
        REQUIRE (pthread_create (&thread, NULL, send_now_and_then, &senders) == 0);
        for (long long until = now_ms () + 15000; senders.crowds[0].got + senders.crowds[1].got < 2 * SENT && now_ms () < until;)
            ask_somehow (&senders, &asks, seed > 2 ? WAYS : DESCRIPTOR);
        pthread_join (thread, &result);
        CHECK (result != NULL);
        for (int i = 0; i < 2; i++) {
            struct crowd *crowd = &senders.crowds[i];
            EQUAL (crowd->got, SENT);
            if (crowd->late > SENT / 2 || crowd->worst > 2500)
                fail_at (__FILE__, __LINE__, "seed %u: %d of %d messages were late, one by %d ms", seed, crowd->late, SENT, crowd->worst);
            CLOSE (crowd->here);
        }
    }
}

RUN_CASES (CASE (the_first_question_finds_it), CASE (what_comes_during_a_rest), CASE (what_a_hundred_peers_say),
           CASE (large_messages_and_small_ones), CASE (in_every_way_in_turn))
