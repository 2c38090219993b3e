/* Sockets with many connections, of which some end, come again, or say nothing, while the application waits, and after it has waited often:
 * it is noticed soon, costs little, and the others go on. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"
#include "raw.h"
#include "events.h"
#include "faults.h"
#include "many.h"

#include <pthread.h>

static const char *const streams[] = {"tcp", "ipc"};

/* A message of a raw peer, as a frame; it is one of the crowd's. */
static void raw_say (struct crowd *crowd, int fd, int peer)
{
    struct label label = {peer, crowd->sent[peer]++, now_ms (), sizeof label};
    char frame[2 + sizeof label] = {0, sizeof label};
    memcpy (frame + 2, &label, sizeof label);
    raw_send_at (fd, frame, sizeof frame, __FILE__, __LINE__);
}

/* Raw peers, which count as the ones from `first` on. */
static void add_raw_peers (struct crowd *crowd, int *fds, int first, int count)
{
    for (int i = 0; i < count; i++) {
        fds[i] = RAW_CONNECT (crowd->endpoints[0]);
        RAW_HANDSHAKE (fds[i], READY_PUSH, READY_PULL);
        raw_say (crowd, fds[i], first + i);
    }
    take_all (crowd);
}

enum death
{
    CLOSED,     /* between messages */
    IN_MESSAGE, /* behind half of one */
    RESET,
    RESET_IN_MESSAGE,
    DEATHS
};

static void die (int fd, enum death death)
{
    struct linger none = {1, 0};
    if (death == IN_MESSAGE || death == RESET_IN_MESSAGE)
        RAW_SEND (fd, "\0\50half of a message");
    if (death == RESET || death == RESET_IN_MESSAGE)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close (fd);
}

/* So many of these events within the time, and how long the last one took. */
static void lost_in_time (void *monitor, int count, int ms)
{
    long long start = now_ms ();
    for (int i = 0; i < count; i++) {
        long long left = start + ms - now_ms ();
        int event = next_event (monitor, NULL, &value, left > 0 ? (int) left : 0);
        if (event != ZMQ_EVENT_DISCONNECTED)
            fail_at (__FILE__, __LINE__, "%d of %d ends were noticed within %d ms (%d)", i, count, ms, event);
        if (event != ZMQ_EVENT_DISCONNECTED)
            longjmp (end_of_case, 1);
    }
}

/* ---- while nobody receives --------------------------------------------------------------------- */

/* Peers close after the application has waited often; it does nothing then. */
static void ends_after_the_last_wait (void)
{
    for (int t = 0; t < 2; t++)
        for (int polling = 0; polling < 2; polling++) {
            struct crowd crowd;
            gather (&crowd, &routes, streams[t], 8);
            void *monitor = watch (crowd.here, ZMQ_EVENT_DISCONNECTED);
            for (int peer = 0; peer < 4; peer++) {
                char name = (char) (NAMES + peer);
                wait_often (&crowd, polling);
                EQUAL (zmq_send (crowd.here, &name, 1, ZMQ_SNDMORE), 1);
                EQUAL (zmq_send (crowd.here, "x", 1, 0), 1);
                RECV (crowd.peers[peer], "x");
                SET (crowd.here, ZMQ_ROUTER_MANDATORY, 1);
                CLOSE (crowd.peers[peer]);
                crowd.peers[peer] = NULL;
                if (peer % 2)
                    lost_in_time (monitor, 1, 1000);
                int error = 0;
                for (long long until = now_ms () + 1000; error == 0 && now_ms () < until; poll (NULL, 0, 5))
                    if (zmq_send (crowd.here, &name, 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1)
                        error = errno;
                    else
                        EQUAL (zmq_send (crowd.here, "x", 1, ZMQ_DONTWAIT), 1);
                REQUIRE (error == EHOSTUNREACH);
                if (peer % 2 == 0)
                    lost_in_time (monitor, 1, 1000);
            }
            wait_often (&crowd, polling);
            part (&crowd);
            CLOSE (monitor);
        }
}

/* Asks whether we live, after a while; how long the answer took is left in the last place. */
static void *ask_for_life (void *argument)
{
    int *places = argument;
    char answer[9];
    poll (NULL, 0, places[1]);
    long long start = now_ms ();
    if (send (places[0], "\4\x09\4PING\0\0cx", 11, MSG_NOSIGNAL) != 11 || !raw_take (places[0], answer, 9, ARRIVES_MS)
        || memcmp (answer, "\4\7\4PONGcx", 9) != 0)
        return NULL;
    places[2] = (int) (now_ms () - start);
    return places;
}

/* Peers ask whether we live: while the application does nothing after it has waited often, and while it waits for long. */
static void questions_of_peers (void)
{
    struct crowd crowd;
    int fds[4], late = 0;
    gather (&crowd, &pulls, "tcp", 4);
    add_raw_peers (&crowd, fds, 4, 4);
    for (int round = 0; round < 12; round++) {
        int places[3] = {fds[round % 4], round % 2 ? 0 : 30, -1};
        pthread_t thread;
        void *result;
        wait_often (&crowd, round % 2);
        REQUIRE (pthread_create (&thread, NULL, ask_for_life, places) == 0);
        if (round % 3)
            EQUAL (ask (&crowd, round % 3 == 1 ? RECEIVING : POLLING, 500), 0);
        pthread_join (thread, &result);
        CHECK (result != NULL);
        late += places[2] > 300;
        if (places[2] > LATE_MS || late > 3)
            fail_at (__FILE__, __LINE__, "round %d: an answer after %d ms", round, places[2]);
        raw_say (&crowd, fds[round % 4], 4 + round % 4);
        take_all (&crowd);
    }
    for (int i = 0; i < 4; i++)
        close (fds[i]);
}

/* Both sides ask each other whether they live. Who answers is not taken for dead, who does not is: while the application waits or rests. */
static void heartbeats_of_many (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        int fd = -1;
        open_crowd (&crowd, &pulls, streams[t]);
        SET (crowd.here, ZMQ_HEARTBEAT_IVL, 60);
        SET (crowd.here, ZMQ_HEARTBEAT_TIMEOUT, 500);
        void *monitor = watch (crowd.here, ZMQ_EVENT_DISCONNECTED);
        bind_crowd (&crowd);
        for (int i = 0; i < 8; i++) {
            crowd.count++;
            open_peer (&crowd, i);
            SET (crowd.peers[i], ZMQ_HEARTBEAT_IVL, 60);
            SET (crowd.peers[i], ZMQ_HEARTBEAT_TIMEOUT, 500);
            SET (crowd.peers[i], ZMQ_HEARTBEAT_TTL, 500);
            REQUIRE (connect_peer (&crowd, i));
            REQUIRE (say (&crowd, i));
        }
        take_all (&crowd);
        if (t == 0)
            add_raw_peers (&crowd, &fd, 8, 1);
        long long start = now_ms ();
        wait_often (&crowd, 0);
        poll (NULL, 0, 300);
        wait_often (&crowd, 1);
        SET (crowd.here, ZMQ_RCVTIMEO, 300);
        FAILS (zmq_recv (crowd.here, NULL, 0, 0), EAGAIN);
        SET (crowd.here, ZMQ_RCVTIMEO, ARRIVES_MS);
        wait_often (&crowd, 0);
        if (t == 0) {
            lost_in_time (monitor, 1, 1500);
            CHECK (now_ms () - start > 400);
            RAW_CLOSED (fd);
            close (fd);
        }
        for (int i = 0; i < 20; i++) {
            wait_often (&crowd, i % 2);
            poll (NULL, 0, 30);
        }
        NO_EVENT (monitor);
        part (&crowd);
    }
}

/* ---- peers that die -------------------------------------------------------------------------------- */

struct dying
{
    int *fds, count, ms;
};

static void *die_later (void *argument)
{
    struct dying *dying = argument;
    poll (NULL, 0, dying->ms);
    for (int i = 0; i < dying->count; i++) {
        struct linger none = {1, 0};
        /* As in `die`, which may end the case. */
        if (i & 1)
            send (dying->fds[i], "\0\50half", 6, MSG_NOSIGNAL);
        if (i & 2)
            setsockopt (dying->fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof none);
        close (dying->fds[i]);
    }
    return NULL;
}

/* Ten of twenty die: before a long wait, in it, or while the application rests. */
static void the_dead_cost_nothing (void)
{
    for (int variant = 0; variant < 3; variant++) {
        struct crowd crowd;
        int fds[10];
        gather (&crowd, &pulls, "tcp", 10);
        void *monitor = watch (crowd.here, ZMQ_EVENT_DISCONNECTED);
        add_raw_peers (&crowd, fds, 10, 10);
        wait_often (&crowd, 0);
        for (int i = 0; i < 10; i++)
            raw_say (&crowd, fds[i], 10 + i);
        take_all (&crowd);
        struct dying dying = {fds, 10, variant == 1 ? 100 : 0};
        pthread_t thread;
        long long cpu = cpu_ms ();
        REQUIRE (pthread_create (&thread, NULL, die_later, &dying) == 0);
        if (variant == 2) {
            pthread_join (thread, NULL);
            lost_in_time (monitor, 10, 1000);
        }
        SET (crowd.here, ZMQ_RCVTIMEO, 800);
        long long start = now_ms ();
        FAILS (zmq_recv (crowd.here, NULL, 0, 0), EAGAIN);
        CHECK (now_ms () - start >= 790);
        cpu = cpu_ms () - cpu;
        if (cpu > 100)
            fail_at (__FILE__, __LINE__, "variant %d: %lld ms of processor time in a wait of 800 ms", variant, cpu);
        SET (crowd.here, ZMQ_RCVTIMEO, ARRIVES_MS);
        if (variant != 2) {
            pthread_join (thread, NULL);
            lost_in_time (monitor, 10, 1000);
        }
        for (int i = 0; i < 3; i++)
            wait_often (&crowd, i % 2);
        CHECK_IDLE ();
        part (&crowd);
        CLOSE (monitor);
    }
}

/* They die while their queues are full, so that nobody may read from them: what came before is there, the end is found afterwards, and nothing
 * is busy meanwhile. */
static void the_dead_with_full_queues (void)
{
    for (enum death death = 0; death < DEATHS; death++) {
        struct crowd crowd;
        int fds[4], whole = death == CLOSED || death == IN_MESSAGE;
        open_crowd (&crowd, &pulls, "tcp");
        SET (crowd.here, ZMQ_RCVHWM, 3);
        bind_crowd (&crowd);
        while (crowd.count < 4)
            add_peer (&crowd);
        add_raw_peers (&crowd, fds, 4, 4);
        wait_often (&crowd, (int) death % 2);
        int before = said (&crowd);
        for (int i = 0; i < 40; i++) {
            raw_say (&crowd, fds[i % 4], 4 + i % 4);
            REQUIRE (say (&crowd, i % 4));
        }
        if (death % 2)
            poll (NULL, 0, 60);
        for (int i = 0; i < 4; i++)
            die (fds[i], death);
        poll (NULL, 0, 60);
        CHECK_IDLE ();
        CHECK (crowd.got == before);
        SET (crowd.here, ZMQ_RCVTIMEO, whole ? ARRIVES_MS : 300);
        if (whole)
            take_all (&crowd);
        else
            while (take (&crowd, 0))
                ;
        for (int i = 0; i < 4; i++) {
            EQUAL (crowd.taken[i], crowd.sent[i]);
            /* Of what a reset has cut off nobody knows how much has come. */
            crowd.sent[4 + i] = crowd.taken[4 + i];
        }
        SET (crowd.here, ZMQ_RCVTIMEO, ARRIVES_MS);
        wait_often (&crowd, 0);
        CHECK_IDLE ();
        part (&crowd);
    }
}

/* Peers come and die all the time, the others talk. */
static void coming_and_dying_beside_others (void)
{
    struct crowd crowd;
    gather (&crowd, &pulls, "tcp", 6);
    for (int round = 0; round < 120; round++) {
        int fd = RAW_CONNECT (crowd.endpoints[0]);
        if (round % 3)
            RAW_HANDSHAKE (fd, READY_PUSH, READY_PULL);
        for (int i = 0; i < 12; i++) {
            REQUIRE (say (&crowd, i % 6));
            if (i % 3 == 0 && round % 5)
                take_all (&crowd);
        }
        die (fd, (enum death) (round % DEATHS));
        take_all (&crowd);
    }
    CHECK_IDLE ();
}

/* ---- connections that are made again ---------------------------------------------------------------- */

static void reopen (struct crowd *crowd, int peer)
{
    open_peer (crowd, peer);
    EVENTUALLY (zmq_bind (crowd->peers[peer], crowd->endpoints[peer]) == 0);
}

/* Three of eight peers that we have connected to go and come again: while the application waits and rests. */
static void peers_that_come_again (void)
{
    static const struct kind *const kinds[] = {&collects, &deals, &subscribes};
    for (int k = 0; k < 6; k++) {
        struct crowd crowd;
        open_crowd (&crowd, kinds[k % 3], streams[k / 3]);
        SET (crowd.here, ZMQ_IMMEDIATE, k % 2);
        while (crowd.count < 8)
            add_peer (&crowd);
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < crowd.count; i++)
                REQUIRE (say (&crowd, i));
            wait_often (&crowd, round % 2);
            int first = round * 2;
            for (int i = first; i < first + 3; i++) {
                CLOSE (crowd.peers[i % 8]);
                crowd.peers[i % 8] = NULL;
            }
            if (round % 2) {
                poll (NULL, 0, 60);
                wait_often (&crowd, 0);
            }
            for (int i = first; i < first + 3; i++)
                reopen (&crowd, i % 8);
            for (int i = first; i < first + 3; i++)
                await_subscription (&crowd, i % 8);
        }
        for (int i = 0; i < 24; i++)
            REQUIRE (say (&crowd, i % 8));
        take_all (&crowd);
        part (&crowd);
    }
}

/* From eight connections to three and back, by zmq_disconnect and zmq_connect. */
static void connections_of_our_own (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        gather (&crowd, &collects, streams[t], 8);
        for (int round = 0; round < 6; round++) {
            void *all[8];
            wait_often (&crowd, round % 2);
            memcpy (all, crowd.peers, sizeof all);
            for (int i = 0; i < 5; i++) {
                OK (zmq_disconnect (crowd.here, crowd.endpoints[i]));
                crowd.peers[i] = NULL;
            }
            wait_often (&crowd, round / 2 % 2);
            wait_often (&crowd, 0);
            memcpy (crowd.peers, all, sizeof all);
            /* What is sent over a connection that is ended already does not come. */
            for (int i = 0; i < 5; i++)
                EVENTUALLY (!(get_int (crowd.peers[i], ZMQ_EVENTS) & ZMQ_POLLOUT));
            for (int i = 0; i < 5; i++)
                OK (zmq_connect (crowd.here, crowd.endpoints[i]));
            if (round % 3 == 0)
                poll (NULL, 0, 60);
            for (int i = 0; i < 8; i++) {
                REQUIRE (say (&crowd, i));
                take_all (&crowd);
            }
        }
        part (&crowd);
    }
}

RUN_CASES (CASE (ends_after_the_last_wait), CASE (questions_of_peers), CASE (heartbeats_of_many), CASE (the_dead_cost_nothing),
           CASE (the_dead_with_full_queues), CASE (coming_and_dying_beside_others), CASE (peers_that_come_again), CASE (connections_of_our_own))
