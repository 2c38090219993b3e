/* Publishers in bursts to peers of all versions of the protocol, with other mechanisms, and behind a proxy. */
#include "check.h"
#include "publishers.h"
#include "raw.h"
#include "faults.h"
#include "security.h"
#include "curve_peers.h"

/* ---- frames of all versions ---------------------------------------------------------------------- */

/* Adds the frame of a part. */
static size_t frame (char *at, int version, const char *body, size_t size, int more)
{
    size_t counted = version == 1 ? size + 1 : size, used = 0; /* the flags count */
    if (version > 1)
        at[used++] = (char) (more | (size > 255 ? 2 : 0));
    if (counted > (version == 1 ? 254 : 255)) {
        if (version == 1)
            at[used++] = (char) 255;
        for (int i = 7; i >= 0; i--)
            at[used++] = (char) (counted >> (8 * i));
    } else
        at[used++] = (char) counted;
    if (version == 1)
        at[used++] = (char) more;
    memcpy (at + used, body, size);
    return used + size;
}

/* Peers of ZMTP 1.0, 2.0, 3.0 and 3.1 beside each other: each gets the same in frames of its own. */
static void peers_of_all_versions (void)
{
    enum
    {
        LENGTH = 8000,
        ROOM = LENGTH * 320
    };
    static const int versions[] = {1, 2, 3, 3};
    static char expected[4][ROOM], got[ROOM];
    size_t sizes[4] = {0};
    char endpoint[100], body[300];
    int fds[4];
    void *pub = OPEN (ZMQ_XPUB), *subs[2];
    without_limits (pub);
    SET (pub, ZMQ_XPUB_VERBOSE, 1);
    strcpy (endpoint, BIND (pub, "tcp"));
    for (int i = 0; i < 2; i++) {
        subs[i] = connect_subscriber (endpoint);
        RECV_BYTES (pub, "\1", 1, 0);
    }
    for (int i = 0; i < 4; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        if (i == 0) {
            RAW_SEND (fds[i], "\1\0");
            RAW_EXPECT (fds[i], SIGNATURE);
        } else if (i == 1) {
            RAW_SEND (fds[i], SIGNATURE "\1\2\0\0\0\1\1");
            RAW_EXPECT (fds[i], SIGNATURE "\3\x09\0\0");
        } else {
            if (i == 2)
                RAW_SEND (fds[i], GREETING_30 READY_SUB);
            else
                RAW_SEND (fds[i], GREETING READY_SUB);
            RAW_EXPECT (fds[i], GREETING READY_XPUB);
            if (i == 2)
                RAW_SEND (fds[i], "\0\1\1");
            else
                RAW_SEND (fds[i], "\4\12\11SUBSCRIBE");
        }
        RECV_BYTES (pub, "\1", 1, 0);
    }
    for (int number = 0; number < LENGTH; number++) {
        size_t size = mixed ((unsigned) number) % (number / 500 % 2 ? 300 : 20);
        int more = number % 331 == 0;
        memset (body, number, size);
        for (int i = 0; i < 4; i++) {
            if (more)
                sizes[i] += frame (expected[i] + sizes[i], versions[i], "first", 5, 1);
            sizes[i] += frame (expected[i] + sizes[i], versions[i], body, size, 0);
        }
        REQUIRE (!more || zmq_send (pub, "first", 5, ZMQ_SNDMORE) == 5);
        REQUIRE (zmq_send (pub, body, size, 0) == (int) size);
    }
    for (int i = 0; i < 4; i++) {
        REQUIRE (raw_take (fds[i], got, sizes[i], ARRIVES_MS));
        for (size_t at = 0; at < sizes[i]; at++)
            if (got[at] != expected[i][at]) {
                fail_at (__FILE__, __LINE__, "peer %d, byte %zu of %zu: \"%s\", expected \"%s\"", i, at, sizes[i], printable (got + at, 20),
                         printable (expected[i] + at, 20));
                break;
            }
        EQUAL (raw_readable (fds[i], 0), 0);
        close (fds[i]);
    }
    for (int i = 0; i < 2; i++)
        for (int number = 0; number < LENGTH; number++) {
            if (number % 331 == 0)
                REQUIRE (zmq_recv (subs[i], got, 300, 0) == 5 && get_int (subs[i], ZMQ_RCVMORE) == 1);
            int size = (int) (mixed ((unsigned) number) % (number / 500 % 2 ? 300 : 20));
            memset (body, number, (size_t) size);
            REQUIRE (zmq_recv (subs[i], got, 300, 0) == size && memcmp (got, body, (size_t) size) == 0);
        }
}

/* ---- mechanisms and proxies ----------------------------------------------------------------------- */

/* Lets everybody in, until the context ends. */
static void *welcome_all (void *handler)
{
    static const char *const answer[] = {"1.0", "1", "200", "", "", ""};
    char got[300];
    for (;;) {
        do
            if (zmq_recv (handler, got, sizeof got, 0) == -1) {
                zmq_close (handler);
                return NULL;
            }
        while (get_int (handler, ZMQ_RCVMORE));
        for (int i = 0; i < 6; i++)
            zmq_send (handler, answer[i], strlen (answer[i]), i < 5 ? ZMQ_SNDMORE : 0);
    }
}

static void *open_plain_client (void)
{
    void *sub = OPEN (ZMQ_SUB);
    OK (zmq_setsockopt (sub, ZMQ_PLAIN_USERNAME, "me", 2));
    OK (zmq_setsockopt (sub, ZMQ_PLAIN_PASSWORD, "secret", 6));
    return sub;
}

static void other_mechanisms (void)
{
    pthread_t thread;
    void *handler = zmq_socket (context (), ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    OK (pthread_create (&thread, NULL, welcome_all, handler));
    pthread_detach (thread);
    make_keys ();
    for (int curve = 0; curve < 2; curve++) {
        void *pub = curve ? open_server (ZMQ_PUB) : OPEN (ZMQ_PUB), *subs[3];
        if (!curve)
            SET (pub, ZMQ_PLAIN_SERVER, 1);
        without_limits (pub);
        const char *endpoint = BIND (pub, "tcp"), *inproc = BIND (pub, "inproc");
        for (int i = 0; i < 3; i++) {
            subs[i] = i == 2 ? OPEN (ZMQ_SUB) : curve ? open_client (ZMQ_SUB) : open_plain_client ();
            without_limits (subs[i]);
            subscribe (subs[i], "");
            OK (zmq_connect (subs[i], i == 2 ? inproc : endpoint)); /* inproc has no mechanism */
        }
        settle (pub, subs, 3);
        for (int number = 0; number < 10000; number++)
            REQUIRE (publish_number (pub, number));
        all_take (subs, 3, 0, 10000);
    }
}

static void *pass_on (void *argument)
{
    void **ends = argument;
    zmq_proxy (ends[0], ends[1], NULL);
    return NULL;
}

/* Through a proxy: all of a burst, and its end, too. */
static void through_a_proxy (void)
{
    void *ends[2] = {OPEN (ZMQ_XSUB), OPEN (ZMQ_XPUB)};
    pthread_t thread;
    void *pub = OPEN (ZMQ_PUB), *subs[3];
    int next = 0;
    without_limits (ends[0]);
    without_limits (ends[1]);
    without_limits (pub);
    OK (zmq_connect (pub, BIND (ends[0], "tcp")));
    const char *back = BIND (ends[1], "tcp");
    for (int i = 0; i < 3; i++)
        subs[i] = connect_subscriber (back);
    REQUIRE (pthread_create (&thread, NULL, pass_on, ends) == 0);
    settle (pub, subs, 3);
    for (int length = 1; length < 20000; length = length * 2 + 1) {
        for (int i = 0; i < length; i++)
            REQUIRE (publish_number (pub, next + i));
        all_take (subs, 3, next, next + length);
        next += length;
    }
    OK (zmq_ctx_shutdown (context ()));
    pthread_join (thread, NULL);
}

RUN_CASES (CASE (peers_of_all_versions), CASE (other_mechanisms), CASE (through_a_proxy))
