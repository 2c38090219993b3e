/* zmq_proxy, zmq_proxy_steerable and zmq_device: what they forward, obey and count, and how they end. */
#include "check.h"
#include "proxy.h"

static void null_sockets (void)
{
    void *socket = OPEN (ZMQ_PAIR);
    FAILS (zmq_proxy (NULL, socket, NULL), EFAULT);
    FAILS (zmq_proxy (socket, NULL, NULL), EFAULT);
    FAILS (zmq_proxy_steerable (NULL, socket, NULL, NULL), EFAULT);
    FAILS (zmq_proxy_steerable (socket, NULL, NULL, socket), EFAULT);
}

/* Requests and answers; every part, with its MORE flag, goes through. */
static void queue (void)
{
    EACH_TRANSPORT (transport) {
        char front[100], back[100];
        struct proxy proxy = {.front = side (ZMQ_ROUTER, transport, front), .back = side (ZMQ_DEALER, transport, back)};
        void *client[3], *worker[2];
        for (int i = 0; i < 2; i++)
            worker[i] = peer_of (back, ZMQ_REP);
        for (int i = 0; i < 3; i++)
            client[i] = peer_of (front, ZMQ_REQ);
        start (&proxy);
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 3; i++) {
                char text[2] = {(char) ('a' + i), 0};
                SENDMORE (client[i], text);
                SENDMORE (client[i], "");
                SEND (client[i], "request");
            }
            for (int answered = 0; answered < 3;) {
                zmq_pollitem_t items[2] = {{worker[0], 0, ZMQ_POLLIN, 0}, {worker[1], 0, ZMQ_POLLIN, 0}};
                REQUIRE (zmq_poll (items, 2, ARRIVES_MS) > 0);
                for (int i = 0; i < 2; i++)
                    if (items[i].revents) {
                        char text[2] = "";
                        EQUAL (zmq_recv (worker[i], text, 1, 0), 1);
                        RECVMORE (worker[i], "");
                        RECV (worker[i], "request");
                        SENDMORE (worker[i], text);
                        SEND (worker[i], "answer");
                        answered++;
                    }
            }
            for (int i = 0; i < 3; i++) {
                char text[2] = {(char) ('a' + i), 0};
                RECVMORE (client[i], text);
                RECV (client[i], "answer");
            }
        }
        SHUT_DOWN (&proxy);
    }
}

/* A pipeline: everything once and in order, although it is more than fits at a time. */
static void streamer (void)
{
    EACH_TRANSPORT (transport) {
        char front[100], back[100];
        struct proxy proxy = {.front = side (ZMQ_PULL, transport, front), .back = side (ZMQ_PUSH, transport, back)};
        void *push = peer_of (front, ZMQ_PUSH), *pull = peer_of (back, ZMQ_PULL);
        start (&proxy);
        for (int sent = 0, got = 0; got < 6000;) {
            zmq_pollitem_t items[2] = {{pull, 0, ZMQ_POLLIN, 0}, {push, 0, ZMQ_POLLOUT, 0}};
            int number;
            REQUIRE (zmq_poll (items, sent < 6000 ? 2 : 1, ARRIVES_MS) > 0);
            while (sent < 6000 && zmq_send (push, &sent, sizeof sent, ZMQ_DONTWAIT) != -1)
                sent++;
            while (zmq_recv (pull, &number, sizeof number, ZMQ_DONTWAIT) != -1)
                REQUIRE (number == got++);
        }
        QUIET (pull);
        SHUT_DOWN (&proxy);
    }
}

/* Subscriptions travel the other way, and only what somebody wants goes through. */
static void forwarder (void)
{
    EACH_TRANSPORT (transport) {
        char front[100], back[100];
        struct proxy proxy = {.front = side (ZMQ_XSUB, transport, front), .back = side (ZMQ_XPUB, transport, back)};
        void *pub = peer_of (front, ZMQ_XPUB), *sub = OPEN (ZMQ_SUB), *other = OPEN (ZMQ_SUB);
        start (&proxy);
        OK (zmq_connect (sub, back));
        OK (zmq_connect (other, back));
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1));
        RECV_BYTES (pub, "\1a", 2, 0);
        OK (zmq_setsockopt (other, ZMQ_SUBSCRIBE, "b", 1));
        RECV_BYTES (pub, "\1b", 2, 0);
        SENDMORE (pub, "a1");
        SEND (pub, "body");
        SEND (pub, "nobody's");
        SEND (pub, "b1");
        RECVMORE (sub, "a1");
        RECV (sub, "body");
        RECV (other, "b1");
        OK (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "a", 1));
        RECV_BYTES (pub, "\0a", 2, 0);
        CLOSE (other);
        RECV_BYTES (pub, "\0b", 2, 0);
        SHUT_DOWN (&proxy);
    }
}

/* Sides that only send, or only receive, or both: what one cannot do is not asked of it. */
static void sides_of_one_way (void)
{
    static const struct
    {
        int front, back, source, sink;
    } rows[] = {{ZMQ_SUB, ZMQ_PUB, ZMQ_PUB, ZMQ_SUB},
                {ZMQ_XSUB, ZMQ_PUB, ZMQ_PUB, ZMQ_SUB},
                {ZMQ_SUB, ZMQ_XPUB, ZMQ_PUB, ZMQ_SUB},
                {ZMQ_PULL, ZMQ_PUB, ZMQ_PUSH, ZMQ_SUB},
                {ZMQ_SUB, ZMQ_PUSH, ZMQ_PUB, ZMQ_PULL},
                {ZMQ_PULL, ZMQ_DEALER, ZMQ_PUSH, ZMQ_DEALER}};
    EACH_TRANSPORT (transport)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            char front[100], back[100], word[8] = "";
            struct proxy proxy = {.front = side (rows[i].front, transport, front),
                                  .back = side (rows[i].back, transport, back)};
            if (rows[i].front == ZMQ_SUB)
                OK (zmq_setsockopt (proxy.front, ZMQ_SUBSCRIBE, "", 0));
            if (rows[i].front == ZMQ_XSUB)
                EQUAL (zmq_send (proxy.front, "\1", 1, 0), 1);
            void *source = peer_of (front, rows[i].source), *sink = peer_of (back, rows[i].sink);
            if (rows[i].sink == ZMQ_SUB)
                OK (zmq_setsockopt (sink, ZMQ_SUBSCRIBE, "", 0));
            start (&proxy);
            /* Publishers pass nothing on before the subscriptions are there. */
            int there = 0;
            for (long long until = now_ms () + ARRIVES_MS; !there && now_ms () < until;) {
                SEND (source, "first");
                there = await (sink, ZMQ_POLLIN, 20);
            }
            REQUIRE (there);
            for (int number = 0; number < 500; number++) {
                SENDMORE (source, "next");
                REQUIRE (zmq_send (source, &number, sizeof number, 0) == sizeof number);
            }
            for (int number = 0; number < 500;) {
                SET (sink, ZMQ_RCVTIMEO, ARRIVES_MS);
                REQUIRE (zmq_recv (sink, word, sizeof word, 0) >= 4);
                if (memcmp (word, "next", 4) != 0)
                    continue;
                RECV_BYTES (sink, (char *) &number, sizeof number, 0);
                number++;
            }
            SHUT_DOWN (&proxy);
        }
}

/* A copy of every part, of both directions, in the order in which they pass. */
static void capture (void)
{
    static const int types[][2] = {{ZMQ_PUSH, ZMQ_PULL}, {ZMQ_PUB, ZMQ_SUB}, {ZMQ_DEALER, ZMQ_DEALER}, {ZMQ_PAIR, ZMQ_PAIR}};
    for (int i = 0; i < 4; i++) {
        char front[100], back[100], copies[100];
        struct proxy proxy = {.front = side (ZMQ_PAIR, "inproc", front), .back = side (ZMQ_PAIR, "inproc", back)};
        proxy.capture = side (types[i][0], "inproc", copies);
        void *a = peer_of (front, ZMQ_PAIR), *b = peer_of (back, ZMQ_PAIR), *reader = peer_of (copies, types[i][1]);
        start (&proxy);
        SENDMORE (a, "to");
        SENDMORE (a, "");
        SEND (a, "b");
        RECVMORE (b, "to");
        RECVMORE (b, "");
        RECV (b, "b");
        SENDMORE (b, "to");
        SEND (b, "a");
        RECVMORE (a, "to");
        RECV (a, "a");
        RECVMORE (reader, "to");
        RECVMORE (reader, "");
        RECV (reader, "b");
        RECVMORE (reader, "to");
        RECV (reader, "a");
        QUIET (reader);
        SHUT_DOWN (&proxy);
    }
}

/* What cannot be captured waits, and everything behind it. */
static void full_capture_holds_the_proxy (void)
{
    char front[100], back[100], copies[100];
    struct proxy proxy = {.front = side (ZMQ_PULL, "inproc", front), .back = side (ZMQ_PUSH, "inproc", back)};
    proxy.capture = side (ZMQ_PUSH, "inproc", copies);
    void *push = peer_of (front, ZMQ_PUSH), *pull = peer_of (back, ZMQ_PULL);
    start (&proxy);
    SEND (push, "x");
    QUIET (pull);
    void *reader = peer_of (copies, ZMQ_PULL);
    RECV (reader, "x");
    RECV (pull, "x");
    SHUT_DOWN (&proxy);
}

/* One socket as both sides sends back what it gets. */
static void front_is_back (void)
{
    EACH_TRANSPORT (transport) {
        char endpoint[100];
        struct proxy proxy = {.front = side (ZMQ_ROUTER, transport, endpoint)};
        proxy.back = proxy.front;
        void *dealer[2] = {peer_of (endpoint, ZMQ_DEALER), peer_of (endpoint, ZMQ_DEALER)};
        start (&proxy);
        for (int i = 0; i < 100; i++)
            for (int k = 0; k < 2; k++) {
                SENDMORE (dealer[k], k ? "one" : "zero");
                SEND (dealer[k], "echo");
            }
        for (int i = 0; i < 100; i++)
            for (int k = 0; k < 2; k++) {
                RECVMORE (dealer[k], k ? "one" : "zero");
                RECV (dealer[k], "echo");
            }
        SHUT_DOWN (&proxy);
    }
}

static void devices (void)
{
    static const int types[] = {ZMQ_STREAMER, ZMQ_FORWARDER, ZMQ_QUEUE};
    for (int i = 0; i < 3; i++) {
        char front[100], back[100];
        struct proxy proxy = {.kind = DEVICE, .device = types[i]};
        proxy.front = side (ZMQ_ROUTER, "inproc", front);
        proxy.back = side (ZMQ_DEALER, "inproc", back);
        void *req = peer_of (front, ZMQ_REQ), *rep = peer_of (back, ZMQ_REP);
        start (&proxy);
        SEND (req, "request");
        RECV (rep, "request");
        SEND (rep, "answer");
        RECV (req, "answer");
        SHUT_DOWN (&proxy);
    }
}


static void *send_until_the_end (void *push)
{
    while (zmq_send (push, "flood", 5, 0) == 5)
        ;
    return zmq_errno () == ETERM ? push : NULL;
}

static void *receive_until_the_end (void *pull)
{
    char buffer[8];
    while (zmq_recv (pull, buffer, sizeof buffer, 0) == 5)
        ;
    return zmq_errno () == ETERM ? pull : NULL;
}

static void shut_down_while_traffic_flows (void)
{
    EACH_TRANSPORT (transport) {
        for (int reading = 0; reading < 2; reading++) {
            char front[100], back[100];
            struct proxy proxy = {.front = side (ZMQ_PULL, transport, front), .back = side (ZMQ_PUSH, transport, back)};
            void *push = peer_of (front, ZMQ_PUSH), *pull = peer_of (back, ZMQ_PULL), *result;
            pthread_t sender, receiver;
            start (&proxy);
            REQUIRE (pthread_create (&sender, NULL, send_until_the_end, push) == 0);
            for (int i = 0; i < 2000; i++)
                REQUIRE (discard (pull, ARRIVES_MS));
            /* With a reader it is in the middle of forwarding, without one it waits for room. */
            if (reading)
                REQUIRE (pthread_create (&receiver, NULL, receive_until_the_end, pull) == 0);
            poll (NULL, 0, 20);
            OK (zmq_ctx_shutdown (context ()));
            ENDED (&proxy, ETERM);
            pthread_join (sender, &result);
            CHECK (result == push);
            if (reading) {
                pthread_join (receiver, &result);
                CHECK (result == pull);
            }
            end_context ();
        }
    }
}

/* zmq_ctx_term in another thread waits until the proxy's thread has closed its sockets. */
static void *terminate (void *ctx)
{
    return zmq_ctx_term (ctx) == 0 ? ctx : NULL;
}

static void ended_by_term (void)
{
    char front[100], back[100];
    struct proxy proxy = {.front = side (ZMQ_ROUTER, "tcp", front), .back = side (ZMQ_DEALER, "tcp", back)};
    void *result, *ctx = context ();
    pthread_t thread;
    start (&proxy);
    REQUIRE (pthread_create (&thread, NULL, terminate, ctx) == 0);
    ENDED (&proxy, ETERM);
    CLOSE (proxy.front);
    CLOSE (proxy.back);
    pthread_join (thread, &result);
    CHECK (result == ctx);
    case_context = NULL;
}

static void interrupted (int signal_number)
{
    (void) signal_number;
}

static void ended_by_a_signal (void)
{
    char front[100], back[100];
    struct proxy proxy = {.front = side (ZMQ_PULL, "inproc", front), .back = side (ZMQ_PUSH, "inproc", back)};
    struct sigaction action;
    memset (&action, 0, sizeof action);
    action.sa_handler = interrupted; /* without SA_RESTART */
    OK (sigaction (SIGUSR1, &action, NULL));
    start (&proxy);
    /* The first one may come before it waits. */
    EVENTUALLY (has_ended (&proxy) || pthread_kill (proxy.thread, SIGUSR1) != 0);
    ENDED (&proxy, EINTR);
}

/* ---- steering -------------------------------------------------------------------------------- */

struct steered
{
    struct proxy proxy;
    void *push, *pull, *control;
};

/* PULL and PUSH steered by a PAIR. */
static void steer (struct steered *steered, int control, int steering)
{
    char front[100], back[100], orders[100];
    memset (steered, 0, sizeof *steered);
    steered->proxy.kind = STEERABLE;
    steered->proxy.front = side (ZMQ_PULL, "inproc", front);
    steered->proxy.back = side (ZMQ_PUSH, "inproc", back);
    steered->proxy.control = side (control, "inproc", orders);
    if (control == ZMQ_SUB)
        OK (zmq_setsockopt (steered->proxy.control, ZMQ_SUBSCRIBE, "", 0));
    steered->push = peer_of (front, ZMQ_PUSH);
    steered->pull = peer_of (back, ZMQ_PULL);
    steered->control = peer_of (orders, steering);
    start (&steered->proxy);
}

static void paused_resumed_terminated (void)
{
    static const int types[][2] = {{ZMQ_PAIR, ZMQ_PAIR}, {ZMQ_PULL, ZMQ_PUSH}, {ZMQ_SUB, ZMQ_PUB}, {ZMQ_DEALER, ZMQ_DEALER}};
    for (int i = 0; i < 4; i++) {
        struct steered s;
        steer (&s, types[i][0], types[i][1]);
        SEND (s.push, "one");
        RECV (s.pull, "one");
        /* It looks at its orders when no message is waiting, or after a thousand. */
        SEND (s.control, "PAUSE");
        int passed = 0;
        do
            SEND (s.push, "two");
        while (discard (s.pull, QUIET_MS) && ++passed < 2000);
        CHECK (passed < 2000);
        SEND (s.push, "three");
        QUIET (s.pull);
        SEND (s.control, "RESUME");
        RECV (s.pull, "two");
        RECV (s.pull, "three");
        SEND (s.control, "PAUSE");
        SEND (s.control, "TERMINATE");
        ENDED (&s.proxy, 0);
        end_context ();
    }
}

/* After its end the sockets are as before, and what was not forwarded is still there. */
static void sockets_after_the_end (void)
{
    struct steered s;
    steer (&s, ZMQ_PAIR, ZMQ_PAIR);
    SEND (s.control, "PAUSE");
    SEND (s.push, "left");
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
    RECV (s.proxy.front, "left");
    SEND (s.proxy.back, "by hand");
    RECV (s.pull, "by hand");
    /* The same sockets serve another proxy. */
    start (&s.proxy);
    SEND (s.push, "again");
    RECV (s.pull, "again");
    SEND (s.control, "TERMINATE");
    ENDED (&s.proxy, 0);
}

static void without_control (void)
{
    char front[100], back[100];
    struct proxy proxy = {.kind = STEERABLE, .front = side (ZMQ_PULL, "inproc", front)};
    proxy.back = side (ZMQ_PUSH, "inproc", back);
    void *push = peer_of (front, ZMQ_PUSH), *pull = peer_of (back, ZMQ_PULL);
    start (&proxy);
    SEND (push, "x");
    RECV (pull, "x");
    SHUT_DOWN (&proxy);
}

static void steerable_ends_with_the_context (void)
{
    for (int paused = 0; paused < 2; paused++) {
        struct steered s;
        steer (&s, ZMQ_PAIR, ZMQ_PAIR);
        if (paused) {
            uint64_t numbers[NUMBERS];
            SEND (s.control, "PAUSE");
            statistics (s.control, numbers);
        }
        SHUT_DOWN (&s.proxy);
    }
}

/* Messages and bytes of both sides, as numbers of eight bytes in the machine's order. */
static void counted (void)
{
    char front[100], back[100], orders[100];
    struct proxy proxy = {.kind = STEERABLE, .front = side (ZMQ_PAIR, "inproc", front)};
    proxy.back = side (ZMQ_PAIR, "inproc", back);
    proxy.control = side (ZMQ_PAIR, "inproc", orders);
    void *a = peer_of (front, ZMQ_PAIR), *b = peer_of (back, ZMQ_PAIR), *control = peer_of (orders, ZMQ_PAIR);
    uint64_t numbers[NUMBERS];
    start (&proxy);
    statistics (control, numbers);
    for (int i = 0; i < NUMBERS; i++)
        EQUAL (numbers[i], 0);
    for (int i = 0; i < 3; i++) {
        SEND (a, "12345");
        RECV (b, "12345");
    }
    SEND (b, "1234567");
    RECV (a, "1234567");
    EVENTUALLY (number_of (control, FRONT_OUT) == 1);
    statistics (control, numbers);
    static const uint64_t expected[NUMBERS] = {3, 15, 1, 7, 1, 7, 3, 15};
    for (int i = 0; i < NUMBERS; i++)
        EQUAL (numbers[i], expected[i]);
    /* They go on while it is paused. */
    SEND (control, "PAUSE");
    EQUAL (number_of (control, BACK_OUT_BYTES), 15);
    SEND (a, "later");
    EQUAL (number_of (control, FRONT_IN), 3);
    SEND (control, "RESUME");
    RECV (b, "later");
    EVENTUALLY (number_of (control, BACK_OUT_BYTES) == 20);
    SEND (control, "TERMINATE");
    ENDED (&proxy, 0);
}

RUN_CASES (CASE (null_sockets), CASE (queue), CASE (streamer), CASE (forwarder), CASE (sides_of_one_way), CASE (capture),
           CASE (full_capture_holds_the_proxy), CASE (front_is_back), CASE (devices),
           CASE (shut_down_while_traffic_flows), CASE (ended_by_term), CASE (ended_by_a_signal),
           CASE (paused_resumed_terminated), CASE (sockets_after_the_end), CASE (without_control),
           CASE (steerable_ends_with_the_context), CASE (counted))
