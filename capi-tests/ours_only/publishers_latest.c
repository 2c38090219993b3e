/* Subscribers that keep the latest message alone, in a publisher's bursts. The reference may forget it while it is being read. */
#include "../check.h"
#include "../publishers.h"

#include <pthread.h>
#include <stdatomic.h>

/* Two who want but the latest, among two who get everything. */
static void the_latest_alone (void)
{
    void *pub = OPEN (ZMQ_PUB), *subs[4];
    struct label label;
    SET (pub, ZMQ_SNDHWM, 0);
    const char *endpoint = BIND (pub, "tcp"), *inproc = BIND (pub, "inproc");
    for (int i = 0; i < 4; i++) {
        subs[i] = OPEN (ZMQ_SUB);
        SET (subs[i], ZMQ_RCVTIMEO, ARRIVES_MS);
        if (i < 2)
            SET (subs[i], ZMQ_RCVHWM, 0);
        else
            SET (subs[i], ZMQ_CONFLATE, 1);
        subscribe (subs[i], "");
        OK (zmq_connect (subs[i], i == 3 ? inproc : endpoint));
    }
    settle (pub, subs, 4);
    int next = 0;
    for (int length = 1; length < 3000; length = length * 3 / 2 + 1) {
        for (int i = 0; i < length; i++)
            REQUIRE (publish_sized (pub, next + i, 50, 0));
        all_take (subs, 2, next, next + length);
        for (int k = 2, last = -1; k < 4; k++, last = -1)
            while (last != next + length - 1) {
                REQUIRE (take (subs[k], &label) && label.number > last);
                last = label.number;
            }
        next += length;
    }
}

enum
{
    FRAME = 500 * 1000
};

static atomic_int newest, stop;

/* Some 200 frames a second, until it is to stop. */
static void *send_frames (void *pub)
{
    char *frame = calloc (1, FRAME);
    for (int number = 1; !atomic_load (&stop); number++) {
        memcpy (frame, &number, sizeof number);
        zmq_send (pub, frame, FRAME, 0);
        atomic_store (&newest, number);
        usleep (5000);
    }
    free (frame);
    return NULL;
}

/* Who takes its time over each message, and waits for one now and then, gets what is new, not what waits in the connection. */
static void the_latest_for_a_slow_reader (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    pthread_t sender;
    static char frame[FRAME];
    int number, worst = 0;
    SET (sub, ZMQ_CONFLATE, 1);
    SET (sub, ZMQ_RCVTIMEO, ARRIVES_MS);
    subscribe (sub, "");
    OK (zmq_connect (sub, BIND (pub, "tcp")));
    atomic_store (&stop, 0);
    pthread_create (&sender, NULL, send_frames, pub);
    for (long long until = now_ms () + 3000; now_ms () < until;) {
        REQUIRE (zmq_recv (sub, frame, FRAME, 0) == FRAME);
        memcpy (&number, frame, sizeof number);
        int behind = atomic_load (&newest) - number;
        worst = behind > worst ? behind : worst;
        if (now_ms () > until - 2000)
            usleep (20000);
    }
    atomic_store (&stop, 1);
    pthread_join (sender, NULL);
    if (worst > 100)
        fail_at (__FILE__, __LINE__, "a message was %d behind the newest", worst);
}

/* The latest message alone, of those that come in pieces larger than a reader takes one by one. */
static void the_latest_of_large_ones (void)
{
    EACH_TRANSPORT (transport)
    {
        static char body[8192], got[8192];
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        SET (pull, ZMQ_CONFLATE, 1);
        SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS);
        OK (zmq_connect (push, BIND (pull, transport)));
        for (int i = 0; i < 300; i++) {
            memcpy (body, &i, sizeof i);
            REQUIRE (zmq_send (push, body, sizeof body, 0) == sizeof body);
            REQUIRE (zmq_recv (pull, got, sizeof got, 0) == sizeof got);
            REQUIRE (memcmp (got, body, sizeof got) == 0);
        }
        CLOSE (push);
        CLOSE (pull);
    }
}

RUN_CASES (CASE (the_latest_alone), CASE (the_latest_for_a_slow_reader), CASE (the_latest_of_large_ones))
