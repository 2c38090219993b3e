/* Sockets with many connections that are closed, given up, or left by their context while the application's thread reads them; and how a
 * wait ends that finds nothing. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"
#include "raw.h"
#include "faults.h"
#include "many.h"

#include <pthread.h>
#include <sys/resource.h>

static const char *const streams[] = {"tcp", "ipc"};

static int open_descriptors (void)
{
    int count = 0;
    DIR *directory = opendir ("/proc/self/fd");
    while (directory && readdir (directory))
        count++;
    if (directory)
        closedir (directory);
    return count;
}

/* Closed while the application's thread reads the connections. No descriptor stays. */
static void closed_between_waits (void)
{
    int before = 0;
    for (int round = 0; round < 60; round++) {
        struct crowd crowd;
        gather (&crowd, round % 3 ? &pulls : &routes, streams[round % 2], 8);
        wait_often (&crowd, round / 2 % 2);
        for (int i = 0; i < 8 && round % 4 == 0; i++)
            REQUIRE (say (&crowd, i));
        poll (NULL, 0, round % 5 * 4);
        part (&crowd);
        if (round == 10)
            before = open_descriptors ();
    }
    EVENTUALLY (open_descriptors () <= before + 8);
}

static void *end_context_of (void *c)
{
    return zmq_ctx_term (c) == 0 ? c : NULL;
}

/* A socket with much to send to each of twelve is closed and lingers; they read late, and all of it comes. */
static void lingering_for_many (void)
{
    enum
    {
        EACH = 300,
        SIZE = 5000
    };
    for (int t = 0; t < 2; t++)
        for (int rest = 0; rest <= 80; rest += 80) {
            static char body[SIZE];
            void *c = zmq_ctx_new (), *router = zmq_socket (c, ZMQ_ROUTER), *dealers[12], *result;
            char endpoint[100], name[1];
            pthread_t thread;
            SET (router, ZMQ_SNDHWM, 0);
            SET (router, ZMQ_LINGER, -1);
            without_waiting_long (router);
            strcpy (endpoint, BIND (router, streams[t]));
            for (int i = 0; i < 12; i++) {
                name[0] = (char) (1 + i);
                dealers[i] = OPEN (ZMQ_DEALER);
                without_waiting_long (dealers[i]);
                /* The reference loses what an ipc peer has not read when we close, if its queue is full. */
                SET (dealers[i], ZMQ_RCVHWM, t == 0 ? 2 : 1000);
                OK (zmq_setsockopt (dealers[i], ZMQ_ROUTING_ID, name, 1));
                OK (zmq_connect (dealers[i], endpoint));
            }
            for (int i = 0; i < 24; i++) {
                SEND (dealers[i % 12], "here");
                REQUIRE (zmq_recv (router, name, 1, 0) == 1 && name[0] == 1 + i % 12);
                RECV (router, "here");
            }
            poll (NULL, 0, rest);
            for (int i = 0; i < 12 * EACH; i++) {
                name[0] = (char) (1 + i % 12);
                memcpy (body, &i, sizeof i);
                REQUIRE (zmq_send (router, name, 1, ZMQ_SNDMORE) == 1 && zmq_send (router, body, SIZE, 0) == SIZE);
            }
            OK (zmq_close (router));
            REQUIRE (pthread_create (&thread, NULL, end_context_of, c) == 0);
            poll (NULL, 0, rest);
            for (int i = 0; i < 12 * EACH; i++) {
                int number = -1;
                REQUIRE (zmq_recv (dealers[i % 12], body, SIZE, 0) == SIZE);
                memcpy (&number, body, sizeof number);
                REQUIRE (number == i);
            }
            long long start = now_ms ();
            pthread_join (thread, &result);
            CHECK (result == c && now_ms () - start < 1000);
            for (int i = 0; i < 12; i++)
                CLOSE (dealers[i]);
        }
}

/* One of two endpoints is given up, with the peers that came there. */
static void an_endpoint_that_is_given_up (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        gather (&crowd, &pulls, streams[t], 9);
        for (int left = 2; left >= 0; left--) {
            for (int i = 0; i < 3; i++)
                wait_often (&crowd, i % 2);
            if (left == 0)
                break;
            OK (zmq_unbind (crowd.here, crowd.endpoints[left]));
            for (int i = left; i < 9; i += 3)
                crowd.peers[i] = NULL;
        }
        part (&crowd);
    }
}

/* Without descriptors connections go on as they are. */
static void without_more_descriptors (void)
{
    for (int more = 0; more < 4; more++) {
        struct crowd crowd;
        struct rlimit limit, less;
        OK (zmq_ctx_set (context (), ZMQ_IO_THREADS, 3));
        open_crowd (&crowd, &pulls, "tcp");
        bind_crowd (&crowd);
        while (crowd.count < 9)
            add_peer (&crowd);
        for (int i = 0; i < 9; i++)
            REQUIRE (say (&crowd, i));
        collect (&crowd, WITHOUT_WAITING);
        EQUAL (ask (&crowd, RECEIVING, 10), 0);
        poll (NULL, 0, 50);
        REQUIRE (getrlimit (RLIMIT_NOFILE, &limit) == 0);
        int next = dup (0);
        close (next);
        less = limit;
        less.rlim_cur = (rlim_t) (next + more);
        REQUIRE (setrlimit (RLIMIT_NOFILE, &less) == 0);
        for (int i = 0; i < 4; i++) {
            wait_often (&crowd, i % 2);
            for (int peer = 0; peer < 9; peer++)
                REQUIRE (say (&crowd, peer));
            poll (NULL, 0, 20 * i);
            collect (&crowd, i % 2 ? POLLING : WITHOUT_WAITING);
        }
        REQUIRE (setrlimit (RLIMIT_NOFILE, &limit) == 0);
        wait_often (&crowd, 0);
        end_context ();
    }
}

/* A child of the process has the same descriptors for a while: ends are noticed all the same, and nothing is busy. */
static void a_child_with_all_descriptors (void)
{
    struct crowd crowd;
    int fds[8];
    gather (&crowd, &pulls, "tcp", 6);
    for (int i = 0; i < 8; i++) {
        fds[i] = RAW_CONNECT (crowd.endpoints[0]);
        RAW_HANDSHAKE (fds[i], READY_PUSH, READY_PULL);
    }
    wait_often (&crowd, 0);
    pid_t child = fork ();
    if (child == 0) {
        poll (NULL, 0, 1500);
        _exit (0);
    }
    REQUIRE (child > 0);
    wait_often (&crowd, 1);
    for (int i = 0; i < 8; i++) {
        if (i >= 4)
            RAW_SEND (fds[i], "\0\50half");
        if (i == 4)
            wait_often (&crowd, 0);
        OK (shutdown (fds[i], i % 2 ? SHUT_RDWR : SHUT_WR));
    }
    for (int i = 0; i < 2; i++) {
        wait_often (&crowd, i % 2);
        long long cpu = cpu_ms ();
        EQUAL (ask (&crowd, RECEIVING, 200), 0);
        CHECK (cpu_ms () - cpu < 60);
        CHECK_IDLE ();
    }
    wait_often (&crowd, 0);
    part (&crowd);
    CHECK_IDLE ();
    kill (child, SIGKILL);
    EQUAL (waitpid (child, NULL, 0), child);
    for (int i = 0; i < 8; i++)
        close (fds[i]);
}

/* ---- the end of a wait -------------------------------------------------------------------------------- */

/* A wait lasts as long as it may, and no longer. */
static void times_that_are_kept (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        gather (&crowd, &pulls, streams[t], 8);
        for (int round = 0; round < 6; round++) {
            int polling = round % 2, limit = round < 4 ? 80 : 3;
            if (round / 2 != 1)
                wait_often (&crowd, polling);
            SET (crowd.here, ZMQ_RCVTIMEO, limit);
            long long start = now_ms ();
            if (polling)
                EQUAL (await (crowd.here, ZMQ_POLLIN, limit), 0);
            else
                FAILS (zmq_recv (crowd.here, NULL, 0, 0), EAGAIN);
            long long took = now_ms () - start;
            SET (crowd.here, ZMQ_RCVTIMEO, ARRIVES_MS);
            if (took < limit - 2 || took > limit + 150)
                fail_at (__FILE__, __LINE__, "round %d: %lld ms instead of %d", round, took, limit);
        }
        part (&crowd);
    }
}

static void signals_end_waits (void)
{
    struct crowd crowd;
    gather (&crowd, &pulls, "tcp", 8);
    zmq_pollitem_t item = {crowd.here, 0, ZMQ_POLLIN, 0};
    for (int round = 0; round < 3; round++) {
        wait_often (&crowd, round % 2);
        alarm_every (30);
        FAILS (zmq_recv (crowd.here, NULL, 0, 0), EINTR);
        FAILS (zmq_poll (&item, 1, -1), EINTR);
        alarm_every (0);
        for (int i = 0; i < 8; i++)
            REQUIRE (say (&crowd, i));
        take_all (&crowd);
    }
}

static void *shut_down_later (void *argument)
{
    poll (NULL, 0, 50);
    return zmq_ctx_shutdown (argument) == 0 ? argument : NULL;
}

static void *terminate_later (void *argument)
{
    poll (NULL, 0, 50);
    return end_context_of (argument);
}

/* The end of the context ends a wait, and finds the connections in any thread's hands. */
static void the_context_ends (void)
{
    for (int variant = 0; variant < 16; variant++) {
        struct crowd crowd;
        pthread_t thread;
        void *result;
        int by_term = variant & 1, polling = variant & 2, resting = variant & 4;
        gather (&crowd, variant & 8 ? &routes : &deals, streams[variant / 4 % 2], 8);
        zmq_pollitem_t item = {crowd.here, 0, ZMQ_POLLIN, 0};
        wait_often (&crowd, variant / 2 % 2);
        SET (crowd.here, ZMQ_RCVTIMEO, -1);
        REQUIRE (pthread_create (&thread, NULL, by_term ? terminate_later : shut_down_later, context ()) == 0);
        if (resting)
            poll (NULL, 0, 80);
        long long start = now_ms ();
        if (polling)
            FAILS (zmq_poll (&item, 1, -1), ETERM);
        else
            FAILS (zmq_recv (crowd.here, NULL, 0, 0), ETERM);
        CHECK (now_ms () - start < 1000);
        part (&crowd);
        pthread_join (thread, &result);
        CHECK (result != NULL);
        if (by_term)
            case_context = NULL;
        else
            end_context ();
    }
}

RUN_CASES (CASE (closed_between_waits), CASE (lingering_for_many), CASE (an_endpoint_that_is_given_up), CASE (without_more_descriptors),
           CASE (a_child_with_all_descriptors), CASE (times_that_are_kept), CASE (signals_end_waits), CASE (the_context_ends))
