/* Subscriptions of a publisher that is behind, of which the reference drops what is beyond the limit. */
#include "../check.h"
#include "../raw.h"
#include "../faults.h"

enum
{
    ROUNDS = 100,
    SMALL = 4096, /* bytes for the kernel */
    KNOWN = 10,
    MANY = 60,
    TOPIC_SIZE = 1000
};

/* A long topic; the letter and the number tell it from others. */
static const char *topic_of (char letter, int number)
{
    static char topic[TOPIC_SIZE];
    memset (topic, '.', sizeof topic);
    topic[0] = letter;
    topic[1] = (char) number;
    return topic;
}

static void subscribe (void *sub, char letter, int number)
{
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic_of (letter, number), TOPIC_SIZE));
}

static void unsubscribe (void *sub, char letter, int number)
{
    OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, topic_of (letter, number), TOPIC_SIZE));
}

/* The next connection, of a publisher for which subscriptions are messages. */
static int accept_subscriber (int listener)
{
    int fd = RAW_ACCEPT (listener);
    RAW_SEND (fd, GREETING_30);
    RAW_EXPECT (fd, GREETING);
    RAW_SEND (fd, READY3 ("PUB"));
    RAW_EXPECT (fd, READY_SUB);
    return fd;
}

/* What was asked for over a connection and not taken back, by the first two bytes of topics. */
static int wanted[256][256];

/* Reads one subscription or what takes it back; 0 when none comes in time. */
static int read_one (int fd, int ms)
{
    unsigned char body[3];
    int flags;
    long size = raw_frame (fd, &flags, body, sizeof body, ms);
    if (size == -1)
        return 0;
    REQUIRE (size == TOPIC_SIZE + 1 && (flags & ~2) == 0 && body[0] <= 1);
    int *now = &wanted[body[1]][body[2]];
    if (!body[0] && !*now)
        fail_at (__FILE__, __LINE__, "topic %c%d is taken back, which was not asked for", body[1], body[2]);
    *now = body[0];
    return 1;
}

/* Whether the publisher has heard what is wanted in the end. */
static int is_up_to_date (void)
{
    int wrong = !wanted['z'][0];
    for (int i = 0; i < KNOWN; i++)
        wrong += wanted['k'][i];
    for (int i = 0; i < MANY; i++)
        wrong += wanted['m'][i] != (i % 2 == 0);
    return wrong == 0;
}

/* What a publisher was told over a connection that is lost does not matter to the next: there it is told what is wanted, and
 * nothing is taken back that was not asked for. */
static void nothing_is_taken_back_that_was_not_asked_for (void)
{
    for (int round = 0; round < ROUNDS && checks_failed == 0; round++) {
        char endpoint[100];
        int small = SMALL, listener = raw_listen (endpoint);
        void *sub = OPEN (ZMQ_SUB);
        setsockopt (listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        SET (sub, ZMQ_SNDHWM, 1);
        SET (sub, ZMQ_SNDBUF, small);
        SET (sub, ZMQ_RECONNECT_IVL, 1);
        OK (zmq_connect (sub, endpoint));
        int fd = accept_subscriber (listener);
        for (int number = 0; number < KNOWN; number++)
            subscribe (sub, 'k', number);
        memset (wanted, 0, sizeof wanted);
        for (int number = 0; number < KNOWN; number++)
            REQUIRE (read_one (fd, ARRIVES_MS));
        /* From here on the peer does not read. */
        for (int number = 0; number < MANY; number++) {
            subscribe (sub, 'm', number);
            if (number % 2)
                unsubscribe (sub, 'm', number);
        }
        for (int number = 0; number < KNOWN; number++)
            unsubscribe (sub, 'k', number);
        close (fd);
        for (long long until = now_ms () + ARRIVES_MS; !raw_readable (listener, 0) && now_ms () < until;)
            get_int (sub, ZMQ_EVENTS); /* hears of the end while it comes about */
        fd = accept_subscriber (listener);
        subscribe (sub, 'z', 0);
        memset (wanted, 0, sizeof wanted);
        while (!is_up_to_date () && checks_failed == 0)
            REQUIRE (read_one (fd, ARRIVES_MS));
        while (checks_failed == 0 && read_one (fd, 5))
            ;
        CHECK (is_up_to_date () || checks_failed);
        if (checks_failed)
            printf ("    ... that was round %d\n", round);
        close (fd);
        close (listener);
        CLOSE (sub);
    }
}

RUN_CASES (CASE (nothing_is_taken_back_that_was_not_asked_for))
