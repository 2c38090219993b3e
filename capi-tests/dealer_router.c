/* DEALER and ROUTER: routing ids, unroutable messages, handover, probes, queues. */
#include "check.h"
#include <sched.h>

static void *dealer_named (const char *id, const char *endpoint)
{
    void *dealer = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, id, strlen (id)));
    SET (dealer, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (dealer, endpoint));
    return dealer;
}

static void named_peers (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER);
        const char *endpoint = BIND (router, transport);
        void *a = dealer_named ("A", endpoint), *b = dealer_named ("a longer name than the other one", endpoint);
        SEND (a, "from a");
        RECVMORE (router, "A");
        RECV (router, "from a");
        SENDMORE (b, "from");
        SEND (b, "b");
        RECVMORE (router, "a longer name than the other one");
        RECVMORE (router, "from");
        RECV (router, "b");
        SENDMORE (router, "a longer name than the other one");
        SEND (router, "to b");
        SENDMORE (router, "A");
        SENDMORE (router, "to");
        SEND (router, "a");
        RECV (b, "to b");
        RECVMORE (a, "to");
        RECV (a, "a");
    }
}

static void automatic_ids (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *dealer[3];
        const char *endpoint = BIND (router, transport);
        char id[3][16];
        for (int i = 0; i < 3; i++) {
            dealer[i] = OPEN (ZMQ_DEALER);
            OK (zmq_connect (dealer[i], endpoint));
            SEND (dealer[i], "hello");
            REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (router, id[i], sizeof id[i], 0), 5);
            EQUAL (id[i][0], 0);
            RECV (router, "hello");
            for (int k = 0; k < i; k++)
                CHECK (memcmp (id[i], id[k], 5) != 0);
        }
        for (int i = 0; i < 3; i++) {
            EQUAL (zmq_send (router, id[i], 5, ZMQ_SNDMORE), 5);
            SEND (router, "you");
            RECV (dealer[i], "you");
        }
    }
}

static void odd_ids (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER);
        const char *endpoint = BIND (router, transport);
        static char ids[3][255];
        static const size_t sizes[3] = {1, 3, 255};
        memset (ids, 0, sizeof ids);
        ids[0][0] = 'x';
        memcpy (ids[1], "\0\xff\0", 3);
        memset (ids[2], 'l', 255);
        for (int i = 0; i < 3; i++) {
            void *dealer = OPEN (ZMQ_DEALER);
            OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, ids[i], sizes[i]));
            OK (zmq_connect (dealer, endpoint));
            SEND (dealer, "");
            RECV_BYTES (router, ids[i], sizes[i], 1);
            RECV (router, "");
            SEND_BYTES (router, ids[i], sizes[i], ZMQ_SNDMORE);
            SEND (router, "back");
            RECV (dealer, "back");
        }
    }
}

static void unroutable_is_dropped (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    void *dealer = dealer_named ("A", BIND (router, "inproc"));
    SENDMORE (router, "nobody");
    SENDMORE (router, "one");
    SEND (router, "two");
    SEND (router, "A"); /* an id and nothing else */
    SENDMORE (router, "A");
    SEND (router, "arrives");
    RECV (dealer, "arrives");
}

/* Whether a mandatory ROUTER finds the peer. */
static int routable (void *router, const char *id)
{
    if (zmq_send (router, id, strlen (id), ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1)
        return 0;
    zmq_send (router, "", 0, ZMQ_DONTWAIT);
    return 1;
}

static void mandatory (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER);
        SET (router, ZMQ_ROUTER_MANDATORY, 1);
        void *dealer = dealer_named ("A", BIND (router, transport));
        FAILS (zmq_send (router, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
        FAILS (zmq_send (router, "nobody", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT), EHOSTUNREACH);
        EVENTUALLY (zmq_send (router, "A", 1, ZMQ_SNDMORE) == 1); /* an id again: the failed one is forgotten */
        SEND (router, "arrives");
        RECV (dealer, "arrives");
        SEND (dealer, "unread");
        EQUAL (await (router, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
        CLOSE (dealer);
        EVENTUALLY (!routable (router, "A"));
        FAILS (zmq_send (router, "A", 1, ZMQ_SNDMORE), EHOSTUNREACH);
        RECVMORE (router, "A");
        RECV (router, "unread");
    }
}

static int fill_routed (void *router, int limit)
{
    int sent = 0;
    while (sent < limit && zmq_send (router, "A", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 1) {
        if (zmq_send (router, &sent, sizeof sent, ZMQ_DONTWAIT) == -1)
            break;
        sent++;
    }
    return sent;
}

static void mandatory_and_full (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    SET (router, ZMQ_SNDHWM, 2);
    SET (dealer, ZMQ_RCVHWM, 3);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "A", 1));
    OK (zmq_connect (dealer, BIND (router, "inproc")));
    EQUAL (fill_routed (router, 100), 5);
    FAILS (zmq_send (router, "A", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT), EAGAIN);
    SET (router, ZMQ_SNDTIMEO, 20);
    FAILS (zmq_send (router, "A", 1, ZMQ_SNDMORE), EAGAIN);
    EQUAL (get_int (router, ZMQ_EVENTS) & ZMQ_POLLOUT, 0);
    for (int i = 0; i < 5; i++)
        RECV_BYTES (dealer, &i, sizeof i, 0);
    EVENTUALLY (get_int (router, ZMQ_EVENTS) & ZMQ_POLLOUT);
    EVENTUALLY (zmq_send (router, "A", 1, ZMQ_SNDMORE | ZMQ_DONTWAIT) == 1);
    SEND (router, "room");
    RECV (dealer, "room");
}

static void full_peer_loses_without_mandatory (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    SET (router, ZMQ_SNDHWM, 2);
    SET (dealer, ZMQ_RCVHWM, 3);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "A", 1));
    OK (zmq_connect (dealer, BIND (router, "inproc")));
    EQUAL (fill_routed (router, 50), 50);
    EQUAL (get_int (router, ZMQ_EVENTS), ZMQ_POLLOUT);
    for (int i = 0; i < 5; i++)
        RECV_BYTES (dealer, &i, sizeof i, 0);
    EQUAL (await (dealer, ZMQ_POLLIN, 0), 0);
}

static void same_id_twice (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER);
        const char *endpoint = BIND (router, transport);
        void *first = dealer_named ("A", endpoint);
        SEND (first, "first");
        RECVMORE (router, "A");
        RECV (router, "first");
        void *second = dealer_named ("A", endpoint);
        SEND (second, "ignored");
        QUIET (router);
        SENDMORE (router, "A");
        SEND (router, "for the first");
        RECV (first, "for the first");
        EQUAL (await (second, ZMQ_POLLIN, 0), 0);
    }
}

/* Two peers of the same id, one after the other. */
static void hand_over (void *router, const char *transport, void **first, void **second)
{
    SET (router, ZMQ_ROUTER_HANDOVER, 1);
    const char *endpoint = BIND (router, transport);
    *first = dealer_named ("A", endpoint);
    SEND (*first, "first");
    RECVMORE (router, "A");
    RECV (router, "first");
    *second = dealer_named ("A", endpoint);
    SEND (*second, "second");
    RECVMORE (router, "A");
    RECV (router, "second");
}

static void handover (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *first, *second;
        hand_over (router, transport, &first, &second);
        SENDMORE (router, "A");
        SEND (router, "for the second");
        RECV (second, "for the second");
        QUIET (first);
    }
}

/* Over inproc the one whose id went to another learns of it: it has no peer, and takes nothing that would be lost. */
static void handover_leaves_the_first_without_a_peer (void)
{
    void *router = OPEN (ZMQ_ROUTER), *first, *second;
    hand_over (router, "inproc", &first, &second);
    EVENTUALLY ((get_int (router, ZMQ_EVENTS), get_int (first, ZMQ_EVENTS)) == 0);
    FAILS (zmq_send (first, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    for (int i = 0; i < 10; i++) {
        SENDMORE (router, "A");
        SEND (router, "for the second");
        RECV (second, "for the second");
        SEND (second, "back");
        RECVMORE (router, "A");
        RECV (router, "back");
    }
    FAILS (zmq_send (first, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    EQUAL (get_int (first, ZMQ_EVENTS), 0);
    QUIET (router);
}

static void id_is_free_after_the_peer_left (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER);
        SET (router, ZMQ_ROUTER_MANDATORY, 1);
        const char *endpoint = BIND (router, transport);
        for (int i = 0; i < 5; i++) {
            /* Unknown to senders is not yet gone: until then the next one counts as a duplicate. */
            void *dealer = NULL;
            for (int tries = 0; tries < 20; tries++) {
                dealer = dealer_named ("A", endpoint);
                SEND (dealer, "hello");
                if (await (router, ZMQ_POLLIN, 250))
                    break;
                CLOSE (dealer);
            }
            RECVMORE (router, "A");
            RECV (router, "hello");
            CLOSE (dealer);
            EVENTUALLY (!routable (router, "A"));
        }
    }
}

static void probe (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
        SET (dealer, ZMQ_PROBE_ROUTER, 1);
        OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "A", 1));
        OK (zmq_connect (dealer, BIND (router, transport)));
        RECVMORE (router, "A");
        RECV (router, "");
        SENDMORE (router, "A");
        SEND (router, "hello");
        RECV (dealer, "hello");
    }
}

static void connect_routing_id (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *one = OPEN (ZMQ_DEALER), *two = OPEN (ZMQ_DEALER);
        SET (router, ZMQ_ROUTER_MANDATORY, 1);
        OK (zmq_setsockopt (one, ZMQ_ROUTING_ID, "own name", 8));
        const char *endpoint_one = BIND (one, transport), *endpoint_two = BIND (two, transport);
        OK (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "one", 3));
        OK (zmq_connect (router, endpoint_one));
        EQUAL (zmq_send (router, "one", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT), 3); /* known at once */
        SEND (router, "hello");
        RECV (one, "hello");
        SEND (one, "back");
        RECVMORE (router, "one");
        RECV (router, "back");
        OK (zmq_connect (router, endpoint_two)); /* used up: this one gets a number */
        SEND (two, "hi");
        char id[8];
        REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
        RECV (router, "hi");
    }
}

static void router_to_router (void)
{
    EACH_TRANSPORT (transport) {
        void *a = OPEN (ZMQ_ROUTER), *b = OPEN (ZMQ_ROUTER);
        OK (zmq_setsockopt (a, ZMQ_ROUTING_ID, "A", 1));
        OK (zmq_setsockopt (b, ZMQ_ROUTING_ID, "B", 1));
        SET (b, ZMQ_ROUTER_MANDATORY, 1);
        OK (zmq_connect (b, BIND (a, transport)));
        EVENTUALLY (zmq_send (b, "A", 1, ZMQ_SNDMORE) == 1);
        SEND (b, "hello");
        RECVMORE (a, "B");
        RECV (a, "hello");
        SENDMORE (a, "B");
        SEND (a, "back");
        RECVMORE (b, "A");
        RECV (b, "back");
    }
}

static void dealer_to_dealer (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        JOIN (a, ZMQ_DEALER, b, ZMQ_DEALER, transport);
        SENDMORE (b, "");
        SEND (b, "x");
        RECVMORE (a, "");
        RECV (a, "x");
        SEND (a, "y");
        RECV (b, "y");
    }
}

/* Who connects to what the same socket has bound is not a peer of itself. */
static void dealer_that_connects_to_itself (void)
{
    void *dealer = OPEN (ZMQ_DEALER), *router = OPEN (ZMQ_ROUTER);
    char id[8];
    const char *endpoint = BIND (dealer, "tcp");
    OK (zmq_connect (dealer, endpoint));
    FAILS (zmq_send (dealer, "nobody", 6, ZMQ_DONTWAIT), EAGAIN);
    poll (NULL, 0, 100);
    FAILS (zmq_send (dealer, "nobody", 6, ZMQ_DONTWAIT), EAGAIN);
    OK (zmq_connect (router, endpoint));
    SEND (dealer, "question");
    REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
    RECV (router, "question");
    SEND_BYTES (router, id, 5, ZMQ_SNDMORE);
    SEND (router, "answer");
    RECV (dealer, "answer");
}

static void dealer_goes_round (void)
{
    void *dealer = OPEN (ZMQ_DEALER), *rep[3];
    for (int i = 0; i < 3; i++) {
        rep[i] = OPEN (ZMQ_REP);
        OK (zmq_connect (dealer, BIND (rep[i], "inproc")));
    }
    for (int i = 0; i < 3; i++) { /* many requests at once */
        char text[2] = {(char) ('0' + i), 0};
        SENDMORE (dealer, "");
        SEND (dealer, text);
    }
    for (int i = 2; i >= 0; i--) {
        char text[2] = {(char) ('0' + i), 0};
        RECV (rep[i], text);
        SEND (rep[i], text);
        RECVMORE (dealer, "");
        RECV (dealer, text);
    }
}

static void router_receives_fairly (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    const char *endpoint = BIND (router, "inproc");
    static const char *const names[] = {"A", "B", "C"};
    for (int i = 0; i < 3; i++) {
        void *dealer = dealer_named (names[i], endpoint);
        for (int k = 0; k < 3; k++)
            SEND (dealer, k == 0 ? "0" : k == 1 ? "1" : "2");
    }
    int seen[3] = {0, 0, 0};
    for (int k = 0; k < 9; k++) {
        char name, number;
        EQUAL (zmq_recv (router, &name, 1, 0), 1);
        EQUAL (zmq_recv (router, &number, 1, 0), 1);
        EQUAL (number - '0', seen[name - 'A']++);
        EQUAL (number - '0', k / 3); /* nobody gets a second turn before all had a first */
    }
}

static void many_peers_answered (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *dealer[50];
        const char *endpoint = BIND (router, transport);
        for (int i = 0; i < 50; i++) {
            dealer[i] = OPEN (ZMQ_DEALER);
            OK (zmq_connect (dealer[i], endpoint));
            EQUAL (zmq_send (dealer[i], &i, sizeof i, 0), sizeof i);
        }
        for (int i = 0; i < 50; i++) {
            char id[8];
            int number;
            REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
            EQUAL (zmq_recv (router, &number, sizeof number, 0), sizeof number);
            EQUAL (zmq_send (router, id, 5, ZMQ_SNDMORE), 5);
            EQUAL (zmq_send (router, &number, sizeof number, 0), sizeof number);
        }
        for (int i = 0; i < 50; i++)
            RECV_BYTES (dealer[i], &i, sizeof i, 0);
    }
}

/* Who is refused at a small limit, and then waits on the descriptor alone, is told when there is room. */
static void room_below_a_small_limit_is_told (void)
{
    /* On one processor, where an I/O thread that is woken runs at once, it keeps pace with the sender. */
    cpu_set_t one;
    CPU_ZERO (&one);
    CPU_SET (sched_getcpu (), &one);
    REQUIRE (sched_setaffinity (0, sizeof one, &one) == 0);
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    SET (router, ZMQ_SNDHWM, 1);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "A", 1));
    OK (zmq_connect (dealer, BIND (router, "tcp")));
    SEND (dealer, "hello");
    RECVMORE (router, "A");
    RECV (router, "hello");
    int fd = get_int (router, ZMQ_FD), refused = 0, sent = 0;
    for (; refused < 20 && sent < 100000; sent++) {
        if (zmq_send (router, "A", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE) == -1) {
            int error = zmq_errno ();
            EQUAL (error, EAGAIN);
            struct pollfd item = {fd, POLLIN, 0};
            EQUAL (poll (&item, 1, ARRIVES_MS), 1);
            while (!(get_int (router, ZMQ_EVENTS) & ZMQ_POLLOUT) && poll (&item, 1, ARRIVES_MS) == 1)
                ;
            EQUAL (zmq_send (router, "A", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE), 1);
            refused++;
        }
        EQUAL (zmq_send (router, "x", 1, ZMQ_DONTWAIT), 1);
        if (checks_failed)
            return;
    }
    EQUAL (refused, 20);
    for (int i = 0; i < sent; i++)
        RECV (dealer, "x");
}

RUN_CASES (CASE (named_peers), CASE (automatic_ids), CASE (odd_ids), CASE (unroutable_is_dropped), CASE (mandatory),
           CASE (mandatory_and_full), CASE (full_peer_loses_without_mandatory), CASE (same_id_twice), CASE (handover),
           CASE (handover_leaves_the_first_without_a_peer),
           CASE (id_is_free_after_the_peer_left), CASE (probe), CASE (connect_routing_id), CASE (router_to_router),
           CASE (dealer_to_dealer), CASE (dealer_that_connects_to_itself), CASE (dealer_goes_round), CASE (router_receives_fairly),
           CASE (many_peers_answered), CASE (room_below_a_small_limit_is_told))
