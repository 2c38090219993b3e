/* Long runs of messages that begin, stop, and are looked at in other ways: nothing is lost, late, or out of order. */
#include "check.h"
#include "raw.h"
#include "endless.h"

enum
{
    BURST = 30000
};

/* A number as the first bytes of a message of some size. */
static void send_number (void *socket, int number, size_t size)
{
    char body[300];
    memset (body, 'x', sizeof body);
    memcpy (body, &number, sizeof number);
    REQUIRE (zmq_send (socket, body, size, 0) == (int) size);
}

static int receive_number (void *socket, int flags)
{
    char body[300];
    int number, size = zmq_recv (socket, body, sizeof body, flags);
    if (size < (int) sizeof number)
        return -1;
    memcpy (&number, body, sizeof number);
    return number;
}

static void without_limits (void *socket)
{
    SET (socket, ZMQ_SNDHWM, 0);
    SET (socket, ZMQ_RCVHWM, 0);
    SET (socket, ZMQ_RCVTIMEO, ARRIVES_MS);
}

static void join_without_limits (void **pull, void **push, const char *transport)
{
    *pull = OPEN (ZMQ_PULL);
    *push = OPEN (ZMQ_PUSH);
    without_limits (*pull);
    without_limits (*push);
    OK (zmq_connect (*push, BIND (*pull, transport)));
}

/* The sender stops after any number of messages, and does nothing more: all of them come, and soon. */
static void a_burst_that_stops (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pull, *push;
        int next = 0;
        join_without_limits (&pull, &push, transport);
        for (int length = 1; length < 3000; length += length / 2 + 1) {
            for (int i = 0; i < length; i++)
                send_number (push, next + i, 64);
            for (int i = 0; i < length; i++)
                EQUAL (receive_number (pull, 0), next++);
        }
        CLOSE (push);
        CLOSE (pull);
    }
}

/* Parts of several sizes, one message of several parts now and then. */
static void order_among_parts_of_all_kinds (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pull, *push;
        join_without_limits (&pull, &push, transport);
        for (int i = 0; i < BURST; i++) {
            if (i % 97 == 0) {
                REQUIRE (zmq_send (push, &i, sizeof i, ZMQ_SNDMORE) == sizeof i);
                REQUIRE (zmq_send (push, "middle", 6, ZMQ_SNDMORE) == 6);
            }
            send_number (push, i, 4 + (size_t) (i * 7) % 290);
        }
        for (int i = 0; i < BURST; i++) {
            if (i % 97 == 0) {
                REQUIRE (receive_number (pull, 0) == i && get_int (pull, ZMQ_RCVMORE) == 1);
                REQUIRE (receive_number (pull, 0) != -1 && get_int (pull, ZMQ_RCVMORE) == 1);
            }
            REQUIRE (receive_number (pull, 0) == i);
            REQUIRE (i % 500 != 0 || get_int (pull, ZMQ_RCVMORE) == 0);
        }
        CLOSE (push);
        CLOSE (pull);
    }
}

/* In the middle of what has come the application asks in every other way. */
static void other_questions_in_between (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pull, *push;
        join_without_limits (&pull, &push, transport);
        for (int i = 0; i < BURST; i++)
            send_number (push, i, 64);
        for (int i = 0; i < BURST;) {
            REQUIRE (receive_number (pull, 0) == i++);
            if (i == BURST)
                break;
            switch (i % 1000) {
            case 100:
                REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
                break;
            case 200:
                EVENTUALLY (get_int (pull, ZMQ_EVENTS) & ZMQ_POLLIN);
                break;
            case 300:
                SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS + i);
                break;
            case 400: {
                /* Without waiting, as long as there is something. */
                int number;
                while (i < BURST && (number = receive_number (pull, ZMQ_DONTWAIT)) != -1)
                    REQUIRE (number == i++);
                break;
            }
            case 500:
                BIND (pull, "inproc");
                break;
            case 600:
                poll (NULL, 0, 25);
                break;
            }
        }
        FAILS (zmq_recv (pull, NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CLOSE (push);
        CLOSE (pull);
    }
}

/* Hands each thread its turn: sockets may wander if memory is in order between. */
typedef struct
{
    void *push, *pull;
    int from;
} turn_t;

static void *take_a_turn (void *argument)
{
    turn_t *turn = argument;
    intptr_t good = 1;
    for (int i = 0; i < 2000; i++)
        good &= zmq_send (turn->push, &(int){turn->from + i}, sizeof (int), 0) == sizeof (int);
    /* Half of them are left to the next. */
    for (int i = 0; i < 1000; i++)
        good &= receive_number (turn->pull, 0) == turn->from / 2 + i;
    return (void *) good;
}

static void sockets_that_wander (void)
{
    EACH_TRANSPORT (transport)
    {
        turn_t turn = {NULL, NULL, 0};
        join_without_limits (&turn.pull, &turn.push, transport);
        for (int round = 0; round < 10; round++) {
            pthread_t thread;
            void *good;
            REQUIRE (pthread_create (&thread, NULL, take_a_turn, &turn) == 0);
            pthread_join (thread, &good);
            CHECK (good != NULL);
            turn.from += 2000;
        }
        for (int i = 10000; i < 20000; i++)
            REQUIRE (receive_number (turn.pull, 0) == i);
        CLOSE (turn.push);
        CLOSE (turn.pull);
    }
}

static void *send_without_end (void *push)
{
    while (!atomic_load (&stop))
        if (zmq_send (push, "0123456789", 10, ZMQ_DONTWAIT) == -1 && zmq_errno () != EAGAIN)
            return NULL;
    return push;
}

/* A PING is answered within a burst that does not stop, and not only when the kernel takes no more. */
static void a_ping_within_a_burst (void)
{
    char endpoint[64], bytes[65536];
    int listener = raw_listen (endpoint), answers = 0, asked = 0;
    void *push = OPEN (ZMQ_PUSH);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY_PULL, READY_PUSH);
    pthread_t thread = start_sending (send_without_end, push);
    long long until = now_ms () + ARRIVES_MS, next = now_ms ();
    while (answers < 20 && now_ms () < until) {
        if (asked == answers && now_ms () >= next) {
            RAW_SEND (fd, "\4\x09\4PING\0\0cx");
            asked++;
            next = now_ms () + 20;
        }
        ssize_t n = raw_readable (fd, 100) ? read (fd, bytes, sizeof bytes) : 0;
        for (ssize_t i = 0; i + 4 <= n; i++)
            if (memcmp (bytes + i, "PONG", 4) == 0)
                answers++;
    }
    EQUAL (answers, 20);
    stop_sending (thread, push);
    close (fd);
    close (listener);
}

/* A PING in the middle of many messages that came in one piece, of which the application has taken a few. */
static void a_ping_among_messages (void)
{
    static char piece[64 * 1024];
    void *pull = OPEN (ZMQ_PULL);
    without_limits (pull);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_HANDSHAKE (fd, READY_PUSH, READY_PULL);
    for (int round = 0; round < 20; round++) {
        size_t size = 0;
        for (int i = 0; i < 5000; i++) {
            memcpy (piece + size, "\0\4", 2);
            memcpy (piece + size + 2, &i, 4);
            size += 6;
            if (i == 2500) {
                memcpy (piece + size, "\4\x09\4PING\0\0cx", 11);
                size += 11;
            }
        }
        raw_send_at (fd, piece, size, __FILE__, __LINE__);
        for (int i = 0; i < 5000; i++) {
            REQUIRE (receive_number (pull, 0) == i);
            if (i == 2600 + round)
                RAW_EXPECT (fd, "\4\7\4PONGcx");
        }
    }
    close (fd);
}

/* The connection is lost in the middle of a burst, again and again; what came over each is a piece of the whole, in order. */
static void connections_lost_within_a_burst (void)
{
    lose_connections_of (send_without_end, "\0\12" "0123456789", 12);
}

/* Closed right behind a burst: what was sent lingers, all of it. */
static void closed_behind_a_burst (void)
{
    for (int tcp = 0; tcp < 2; tcp++)
        for (int length = 1; length < BURST; length = length * 3 + 1) {
            void *pull, *push;
            join_without_limits (&pull, &push, tcp ? "tcp" : "ipc");
            SET (push, ZMQ_LINGER, -1);
            for (int i = 0; i < length; i++)
                send_number (push, i, 64);
            CLOSE (push);
            for (int i = 0; i < length; i++)
                REQUIRE (receive_number (pull, 0) == i);
            CLOSE (pull);
        }
}

/* A small limit counts what is on its way; a reader who keeps up never makes the sender wait for long. With a limit of one each message
 * needs several threads in turn: not many, for the sake of busy machines. */
static void small_limits (void)
{
    EACH_TRANSPORT (transport)
        for (int limit = 1; limit < 200; limit *= 5) {
            void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
            SET (pull, ZMQ_RCVHWM, limit);
            SET (push, ZMQ_SNDHWM, limit);
            SET (push, ZMQ_SNDTIMEO, ARRIVES_MS);
            SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS);
            OK (zmq_connect (push, BIND (pull, transport)));
            pthread_t thread = start_sending (send_without_end, push);
            for (int i = 0; i < 100; i++)
                REQUIRE (zmq_recv (pull, NULL, 0, 0) == 10);
            stop_sending (thread, push);
            CLOSE (push);
            CLOSE (pull);
        }
}

/* One publisher, some subscribers who keep up, without limits: each gets each message. */
static void every_subscriber_gets_all (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pub = OPEN (ZMQ_XPUB), *subs[5];
        char subscription[1];
        without_limits (pub);
        const char *endpoint = BIND (pub, transport);
        for (int i = 0; i < 5; i++) {
            subs[i] = OPEN (ZMQ_SUB);
            without_limits (subs[i]);
            OK (zmq_setsockopt (subs[i], ZMQ_SUBSCRIBE, "", 0));
            OK (zmq_connect (subs[i], endpoint));
            if (i == 0)
                EQUAL (zmq_recv (pub, subscription, 1, 0), 1);
        }
        /* The others' subscriptions are not told again: what shows that they are there is that messages come. */
        for (int i = 0; i < 5; i++) {
            int there = 0;
            for (long long until = now_ms () + ARRIVES_MS; !there && now_ms () < until;) {
                send_number (pub, -2, 4);
                there = await (subs[i], ZMQ_POLLIN, 5);
            }
            REQUIRE (there);
        }
        for (int i = 0; i < BURST; i++)
            send_number (pub, i, 4 + (size_t) i % 200);
        for (int i = 0; i < 5; i++) {
            int number = -2;
            while (number == -2)
                number = receive_number (subs[i], 0);
            for (int expected = 0; expected < BURST; expected++) {
                REQUIRE (number == expected);
                number = expected + 1 < BURST ? receive_number (subs[i], 0) : 0;
            }
            CLOSE (subs[i]);
        }
        CLOSE (pub);
    }
}

/* Messages of two and three parts alone; a message begun is finished only later, and nothing of it is seen before. */
static void nothing_but_messages_of_parts (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pull, *push;
        int sent = 0, got = 0;
        join_without_limits (&pull, &push, transport);
        for (int round = 0; round < 4; round++) {
            for (int end = sent + BURST / 4; sent < end; sent++) {
                REQUIRE (zmq_send (push, &sent, sizeof sent, ZMQ_SNDMORE) == sizeof sent);
                if (sent % 3 == 0)
                    REQUIRE (zmq_send (push, "middle", 6, ZMQ_SNDMORE) == 6);
                send_number (push, sent, 4 + (size_t) (sent * 7) % 290);
            }
            REQUIRE (zmq_send (push, &sent, sizeof sent, ZMQ_SNDMORE) == sizeof sent);
            for (; got < sent; got++) {
                REQUIRE (receive_number (pull, 0) == got && get_int (pull, ZMQ_RCVMORE) == 1);
                REQUIRE (got % 3 != 0 || (receive_number (pull, 0) != -1 && get_int (pull, ZMQ_RCVMORE) == 1));
                REQUIRE (receive_number (pull, 0) == got && get_int (pull, ZMQ_RCVMORE) == 0);
            }
            QUIET (pull);
            send_number (push, sent++, 64);
            REQUIRE (receive_number (pull, 0) == got && get_int (pull, ZMQ_RCVMORE) == 1);
            REQUIRE (receive_number (pull, 0) == got++ && get_int (pull, ZMQ_RCVMORE) == 0);
        }
        /* What is never finished is never seen. */
        SET (push, ZMQ_LINGER, -1);
        send_number (push, sent, 64);
        REQUIRE (zmq_send (push, "half", 4, ZMQ_SNDMORE) == 4);
        CLOSE (push);
        REQUIRE (receive_number (pull, 0) == got);
        QUIET (pull);
        CLOSE (pull);
    }
}

/* The application takes some of what has come, then does something else: peers that ask whether it lives are answered. */
static void a_ping_while_the_application_rests (void)
{
    static char piece[6 * 5000];
    void *pull = OPEN (ZMQ_PULL);
    without_limits (pull);
    int fd = RAW_CONNECT (BIND (pull, "tcp")), sent = 0, got = 0;
    RAW_HANDSHAKE (fd, READY_PUSH, READY_PULL);
    for (int round = 0; round < 8; round++) {
        /* The last rounds follow on many reads of the application. */
        for (int i = 0; i < 5000; i++, sent++) {
            memcpy (piece + 6 * i, "\0\4", 2);
            memcpy (piece + 6 * i + 2, &sent, 4);
        }
        raw_send_at (fd, piece, sizeof piece, __FILE__, __LINE__);
        for (; got < sent - 2500; got++)
            REQUIRE (receive_number (pull, 0) == got);
        RAW_SEND (fd, "\4\x09\4PING\0\0cx");
        REQUIRE (raw_readable (fd, 1500));
        RAW_EXPECT (fd, "\4\7\4PONGcx");
    }
    for (; got < sent; got++)
        REQUIRE (receive_number (pull, 0) == got);
    close (fd);
}

/* One thread takes a hundred messages from each of many sockets in turn, and rests now and then. */
static void many_sockets_in_turn (void)
{
    enum
    {
        SOCKETS = 40,
        EACH = 4000
    };
    void *pub = OPEN (ZMQ_PUB), *subs[SOCKETS];
    int number, next[SOCKETS] = {0};
    without_limits (pub);
    const char *endpoint = BIND (pub, "tcp");
    for (int i = 0; i < SOCKETS; i++) {
        subs[i] = OPEN (ZMQ_SUB);
        without_limits (subs[i]);
        OK (zmq_setsockopt (subs[i], ZMQ_SUBSCRIBE, "", 0));
        OK (zmq_connect (subs[i], endpoint));
        int there = 0;
        for (long long until = now_ms () + ARRIVES_MS; !there && now_ms () < until;) {
            send_number (pub, -2, 4);
            there = await (subs[i], ZMQ_POLLIN, 5);
        }
        REQUIRE (there);
    }
    for (int i = 0; i < EACH; i++)
        send_number (pub, i, 100);
    for (int round = 0; round < EACH / 100; round++) {
        for (int i = 0; i < SOCKETS; i++)
            for (int turn = 0; turn < 100; turn++) {
                do
                    number = receive_number (subs[i], 0);
                while (number == -2);
                REQUIRE (number == next[i]++);
            }
        if (round % 10 == 9)
            poll (NULL, 0, 150);
    }
    for (int i = 0; i < SOCKETS; i++) {
        FAILS (zmq_recv (subs[i], NULL, 0, ZMQ_DONTWAIT), EAGAIN);
        CLOSE (subs[i]);
    }
    CLOSE (pub);
}

RUN_CASES (CASE (a_burst_that_stops), CASE (order_among_parts_of_all_kinds), CASE (other_questions_in_between),
           CASE (sockets_that_wander), CASE (a_ping_within_a_burst), CASE (a_ping_among_messages),
           CASE (connections_lost_within_a_burst), CASE (closed_behind_a_burst), CASE (small_limits), CASE (every_subscriber_gets_all),
           CASE (nothing_but_messages_of_parts), CASE (a_ping_while_the_application_rests), CASE (many_sockets_in_turn))
