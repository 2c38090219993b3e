/* Steered proxies as the newest libzmq has them: Debian's ends the process over an unknown command, owes a REP its answers,
 * counts messages where frames are promised, and may wait for room in one direction while the other one has traffic. */
#include "../check.h"
#include "../proxy.h"

struct steered
{
    struct proxy proxy;
    void *a, *b, *control;
};

static void steer (struct steered *steered, int control, int steering, const char *transport)
{
    char front[100], back[100], orders[100];
    memset (steered, 0, sizeof *steered);
    steered->proxy.kind = STEERABLE;
    steered->proxy.front = side (ZMQ_PAIR, transport, front);
    steered->proxy.back = side (ZMQ_PAIR, transport, back);
    steered->proxy.control = side (control, transport, orders);
    steered->a = peer_of (front, ZMQ_PAIR);
    steered->b = peer_of (back, ZMQ_PAIR);
    steered->control = peer_of (orders, steering);
    start (&steered->proxy);
}

/* Every command but STATISTICS gets one empty frame. */
static void reply_control (void)
{
    static const char *const commands[] = {"PAUSE", "RESUME", "nonsense", "", "pause", "PAUSE ", "RESUME"};
    EACH_TRANSPORT (transport) {
        struct steered s;
        uint64_t numbers[NUMBERS];
        steer (&s, ZMQ_REP, ZMQ_REQ, transport);
        for (int i = 0; i < 7; i++) {
            SEND (s.control, commands[i]);
            RECV (s.control, "");
            SEND (s.a, "x");
            if (i == 0)
                QUIET (s.b);
            else
                RECV (s.b, "x");
            if (i == 1)
                RECV (s.b, "x");
        }
        statistics (s.control, numbers);
        EQUAL (numbers[FRONT_IN], 7);
        SEND (s.control, "PAUSE");
        RECV (s.control, "");
        statistics (s.control, numbers);
        EQUAL (numbers[BACK_OUT], 7);
        SEND (s.control, "TERMINATE");
        RECV (s.control, "");
        ENDED (&s.proxy, 0);
        end_context ();
    }
}

static void unknown_commands (void)
{
    struct steered s;
    steer (&s, ZMQ_PAIR, ZMQ_PAIR, "inproc");
    SEND (s.control, "nonsense");
    SEND (s.control, "");
    SEND (s.control, "TERMINATE now");
    SENDMORE (s.control, "of two");
    SEND (s.control, "TERMINATE");
    EQUAL (number_of (s.control, FRONT_IN), 0);
    SEND (s.a, "x");
    RECV (s.b, "x");
    QUIET (s.control);
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
}

static void frames_are_counted (void)
{
    struct steered s;
    uint64_t numbers[NUMBERS];
    steer (&s, ZMQ_PAIR, ZMQ_PAIR, "inproc");
    for (int i = 0; i < 3; i++) {
        SENDMORE (s.a, "12");
        SENDMORE (s.a, "");
        SEND (s.a, "345");
        RECVMORE (s.b, "12");
        RECVMORE (s.b, "");
        RECV (s.b, "345");
    }
    SENDMORE (s.b, "1234567");
    SEND (s.b, "89");
    RECVMORE (s.a, "1234567");
    RECV (s.a, "89");
    EVENTUALLY (number_of (s.control, FRONT_OUT) == 2);
    statistics (s.control, numbers);
    static const uint64_t expected[NUMBERS] = {9, 15, 2, 9, 2, 9, 9, 15};
    for (int i = 0; i < NUMBERS; i++)
        EQUAL (numbers[i], expected[i]);
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
}

/* A direction without room does not hold up the other one, and loses nothing. */
static void one_way_is_blocked (void)
{
    char front[100], back[100];
    struct proxy proxy = {.front = side (ZMQ_DEALER, "inproc", front), .back = side (ZMQ_DEALER, "inproc", back)};
    void *a = peer_of (front, ZMQ_DEALER), *b = peer_of (back, ZMQ_DEALER);
    start (&proxy);
    int sent = 0, number;
    /* Until it stays full: nobody reads at b. */
    while (sent < 100000) {
        if (zmq_send (a, &sent, sizeof sent, ZMQ_DONTWAIT) != -1)
            sent++;
        else if (!await (a, ZMQ_POLLOUT, 100))
            break;
    }
    CHECK (sent >= 2000 && sent < 100000);
    for (int i = 0; i < 3000; i++) {
        EQUAL (zmq_send (b, &i, sizeof i, 0), sizeof i);
        REQUIRE (await (a, ZMQ_POLLIN, ARRIVES_MS));
        REQUIRE (zmq_recv (a, &number, sizeof number, 0) == sizeof number && number == i);
    }
    for (int i = 0; i < sent; i++) {
        REQUIRE (await (b, ZMQ_POLLIN, ARRIVES_MS));
        REQUIRE (zmq_recv (b, &number, sizeof number, 0) == sizeof number && number == i);
    }
    QUIET (b);
    SHUT_DOWN (&proxy);
}

/* A proxy that is paused while messages wait, and asked for other things, does not turn round and round. */
static void paused_with_messages_waiting (void)
{
    struct steered s;
    struct timespec before, after;
    clockid_t clock;
    steer (&s, ZMQ_PAIR, ZMQ_PAIR, "inproc");
    SEND (s.control, "PAUSE");
    EQUAL (number_of (s.control, FRONT_IN), 0);
    for (int i = 0; i < 100; i++) {
        SEND (s.a, "x");
        SEND (s.b, "y");
    }
    REQUIRE (pthread_getcpuclockid (s.proxy.thread, &clock) == 0);
    OK (clock_gettime (clock, &before));
    QUIET (s.b);
    QUIET (s.a);
    OK (clock_gettime (clock, &after));
    CHECK ((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 50);
    SEND (s.control, "RESUME");
    for (int i = 0; i < 100; i++) {
        RECV (s.b, "x");
        RECV (s.a, "y");
    }
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
}

/* The same for one that waits for room, in both directions. */
static void blocked_both_ways (void)
{
    struct steered s;
    struct timespec before, after;
    clockid_t clock;
    int from_a = 0, from_b = 0;
    steer (&s, ZMQ_PAIR, ZMQ_PAIR, "inproc");
    for (int idle = 0; idle < 2;) {
        int more = fill (s.a, "x", 100), also = fill (s.b, "y", 100);
        from_a += more;
        from_b += also;
        if (more + also == 0)
            idle += !await (s.a, ZMQ_POLLOUT, 50) && !await (s.b, ZMQ_POLLOUT, 50);
    }
    CHECK (from_a >= 2000 && from_b >= 2000);
    REQUIRE (pthread_getcpuclockid (s.proxy.thread, &clock) == 0);
    OK (clock_gettime (clock, &before));
    EQUAL (await (s.a, ZMQ_POLLOUT, QUIET_MS), 0);
    OK (clock_gettime (clock, &after));
    CHECK ((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 50);
    for (int i = 0; i < from_a; i++)
        REQUIRE (discard (s.b, ARRIVES_MS));
    for (int i = 0; i < from_b; i++)
        REQUIRE (discard (s.a, ARRIVES_MS));
    QUIET (s.a);
    EQUAL (await (s.b, ZMQ_POLLIN, 0), 0);
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
}

static void wrong_sockets (void)
{
    void *socket = OPEN (ZMQ_PAIR), *closed = zmq_socket (context (), ZMQ_PAIR), *push = OPEN (ZMQ_PUSH);
    FAILS (zmq_device (ZMQ_QUEUE, NULL, socket), EFAULT);
    FAILS (zmq_device (ZMQ_QUEUE, socket, NULL), EFAULT);
    OK (zmq_close (closed));
    FAILS (zmq_proxy (closed, socket, NULL), ENOTSOCK);
    FAILS (zmq_proxy (socket, closed, NULL), ENOTSOCK);
    FAILS (zmq_proxy_steerable (socket, push, NULL, closed), ENOTSOCK);
}

RUN_CASES (CASE (reply_control), CASE (unknown_commands), CASE (frames_are_counted), CASE (one_way_is_blocked),
           CASE (paused_with_messages_waiting), CASE (blocked_both_ways), CASE (wrong_sockets))
