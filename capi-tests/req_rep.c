/* REQ and REP: the order of calls, envelopes, RELAXED and CORRELATE, peers that go away. */
#include "check.h"

static void order_of_calls (void)
{
    EACH_TRANSPORT (transport) {
        void *rep, *req;
        char buffer[8];
        JOIN (rep, ZMQ_REP, req, ZMQ_REQ, transport);
        FAILS (zmq_recv (req, buffer, sizeof buffer, ZMQ_DONTWAIT), EFSM);
        FAILS (zmq_recv (req, buffer, sizeof buffer, 0), EFSM);
        FAILS (zmq_send (rep, "x", 1, ZMQ_DONTWAIT), EFSM);
        for (int i = 0; i < 3; i++) {
            SENDMORE (req, "question");
            FAILS (zmq_recv (req, buffer, sizeof buffer, ZMQ_DONTWAIT), EFSM); /* not complete */
            SEND (req, "more");
            FAILS (zmq_send (req, "again", 5, ZMQ_DONTWAIT), EFSM);
            EQUAL (get_int (req, ZMQ_EVENTS) & ZMQ_POLLOUT, 0);
            RECVMORE (rep, "question");
            FAILS (zmq_send (rep, "x", 1, ZMQ_DONTWAIT), EFSM); /* not read to its end */
            RECV (rep, "more");
            FAILS (zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT), EFSM);
            EQUAL (get_int (rep, ZMQ_EVENTS), ZMQ_POLLOUT);
            SENDMORE (rep, "answer");
            FAILS (zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT), EFSM);
            SEND (rep, "end");
            FAILS (zmq_send (rep, "x", 1, ZMQ_DONTWAIT), EFSM);
            RECVMORE (req, "answer");
            FAILS (zmq_send (req, "x", 1, ZMQ_DONTWAIT), EFSM);
            RECV (req, "end");
            FAILS (zmq_recv (req, buffer, sizeof buffer, ZMQ_DONTWAIT), EFSM);
        }
        FAILS (zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    }
}

static void requests_go_round (void)
{
    void *req = OPEN (ZMQ_REQ), *rep[3];
    for (int i = 0; i < 3; i++) {
        rep[i] = OPEN (ZMQ_REP);
        OK (zmq_connect (req, BIND (rep[i], "tcp")));
    }
    for (int i = 0; i < 6; i++) {
        SEND (req, "question");
        RECV (rep[i % 3], "question");
        SEND (rep[i % 3], "answer");
        RECV (req, "answer");
    }
}

static void clients_are_served_fairly (void)
{
    void *rep = OPEN (ZMQ_REP), *req[4];
    const char *name = BIND (rep, "inproc");
    for (int i = 0; i < 4; i++) {
        char text[2] = {(char) ('0' + i), 0};
        req[i] = OPEN (ZMQ_REQ);
        OK (zmq_connect (req[i], name));
        SEND (req[i], text);
    }
    for (int i = 0; i < 4; i++) {
        char text[2] = {(char) ('0' + i), 0};
        RECV (rep, text);
        SEND (rep, text);
        RECV (req[i], text);
    }
}

static void envelope_of_req (void)
{
    EACH_TRANSPORT (transport) {
        void *router, *req;
        char id[10];
        JOIN (router, ZMQ_ROUTER, req, ZMQ_REQ, transport);
        SENDMORE (req, "a");
        SEND (req, "b");
        REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
        RECVMORE (router, "");
        RECVMORE (router, "a");
        RECV (router, "b");
        EQUAL (zmq_send (router, id, 5, ZMQ_SNDMORE), 5);
        SENDMORE (router, "");
        SEND (router, "answer");
        RECV (req, "answer");
    }
}

static void envelope_kept_by_rep (void)
{
    EACH_TRANSPORT (transport) {
        void *rep, *dealer;
        JOIN (rep, ZMQ_REP, dealer, ZMQ_DEALER, transport);
        SENDMORE (dealer, "hop 1");
        SENDMORE (dealer, "hop 2");
        SENDMORE (dealer, "");
        SENDMORE (dealer, "body");
        SENDMORE (dealer, "");
        SEND (dealer, "end");
        RECVMORE (rep, "body");
        RECVMORE (rep, "");
        RECV (rep, "end");
        SENDMORE (rep, "answer");
        SEND (rep, "last");
        RECVMORE (dealer, "hop 1");
        RECVMORE (dealer, "hop 2");
        RECVMORE (dealer, "");
        RECVMORE (dealer, "answer");
        RECV (dealer, "last");
    }
}

static void bad_envelopes_are_dropped (void)
{
    void *rep, *dealer;
    JOIN (rep, ZMQ_REP, dealer, ZMQ_DEALER, "tcp");
    SEND (dealer, "no delimiter");
    SENDMORE (dealer, "id");
    SEND (dealer, "no delimiter");
    SENDMORE (dealer, "id");
    SENDMORE (dealer, "");
    SEND (dealer, "good");
    RECV (rep, "good");
    SEND (rep, "answer");
    RECVMORE (dealer, "id");
    RECVMORE (dealer, "");
    RECV (dealer, "answer");
}

static void only_the_asked_peer_may_answer (void)
{
    void *req = OPEN (ZMQ_REQ), *one = OPEN (ZMQ_ROUTER), *two = OPEN (ZMQ_ROUTER);
    char id_one[5], id_two[5];
    OK (zmq_setsockopt (req, ZMQ_ROUTING_ID, "req", 3));
    OK (zmq_connect (req, BIND (one, "inproc")));
    OK (zmq_connect (req, BIND (two, "inproc")));
    SEND (req, "first");
    EQUAL (zmq_recv (one, id_one, sizeof id_one, 0), 3);
    RECVMORE (one, "");
    RECV (one, "first");
    SENDMORE (two, "req"); /* it was not asked */
    SENDMORE (two, "");
    SEND (two, "wrong");
    SENDMORE (one, "req");
    SENDMORE (one, "");
    SEND (one, "right");
    RECV (req, "right");
    SEND (req, "second");
    EQUAL (zmq_recv (two, id_two, sizeof id_two, 0), 3);
    RECVMORE (two, "");
    RECV (two, "second");
}

static void late_answer_is_forgotten_by_the_next_request (void)
{
    /* With CORRELATE only the answer to the newest request counts. */
    EACH_TRANSPORT (transport) {
        void *req = OPEN (ZMQ_REQ), *router = OPEN (ZMQ_ROUTER);
        char id[8], number[2][8];
        SET (req, ZMQ_REQ_RELAXED, 1);
        SET (req, ZMQ_REQ_CORRELATE, 1);
        OK (zmq_connect (req, BIND (router, transport)));
        for (int i = 0; i < 2; i++) {
            SEND (req, i ? "second" : "first");
            REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
            EQUAL (zmq_recv (router, number[i], sizeof number[i], 0), 4);
            RECVMORE (router, "");
            RECV (router, i ? "second" : "first");
        }
        uint32_t a, b;
        memcpy (&a, number[0], 4);
        memcpy (&b, number[1], 4);
        EQUAL (b, (uint32_t) (a + 1));
        for (int i = 0; i < 2; i++) {
            EQUAL (zmq_send (router, id, 5, ZMQ_SNDMORE), 5);
            EQUAL (zmq_send (router, number[i], 4, ZMQ_SNDMORE), 4);
            SENDMORE (router, "");
            SEND (router, i ? "answer 2" : "answer 1");
        }
        RECV (req, "answer 2");
    }
}

static void relaxed (void)
{
    void *req = OPEN (ZMQ_REQ), *rep[2];
    SET (req, ZMQ_REQ_RELAXED, 1);
    for (int i = 0; i < 2; i++) {
        rep[i] = OPEN (ZMQ_REP);
        OK (zmq_connect (req, BIND (rep[i], "inproc")));
    }
    SEND (req, "one");
    RECV (rep[0], "one");
    SEND (req, "two"); /* gives the first one up */
    RECV (rep[1], "two");
    SEND (rep[0], "answer one");
    SEND (rep[1], "answer two");
    RECV (req, "answer two");
}

static void correlated_with_rep (void)
{
    EACH_TRANSPORT (transport) {
        void *req = OPEN (ZMQ_REQ), *rep = OPEN (ZMQ_REP);
        SET (req, ZMQ_REQ_CORRELATE, 1);
        OK (zmq_connect (req, BIND (rep, transport)));
        for (int i = 0; i < 3; i++) {
            SEND (req, "question");
            RECV (rep, "question");
            SEND (rep, "answer");
            RECV (req, "answer");
        }
    }
}

static void answer_to_a_dead_client (void)
{
    EACH_TRANSPORT (transport) {
        void *rep, *req, *next = OPEN (ZMQ_REQ);
        JOIN (rep, ZMQ_REP, req, ZMQ_REQ, transport);
        SEND (req, "question");
        RECV (rep, "question");
        CLOSE (req);
        poll (NULL, 0, 30); /* before or after the loss is seen: it succeeds */
        SENDMORE (rep, "for");
        SEND (rep, "nobody");
        OK (zmq_connect (next, last_endpoint (rep)));
        SEND (next, "next");
        RECV (rep, "next");
        SEND (rep, "answer");
        RECV (next, "answer");
    }
}

static void server_dies_while_asked (void)
{
    void *rep = OPEN (ZMQ_REP), *req = OPEN (ZMQ_REQ), *strict = OPEN (ZMQ_REQ);
    char endpoint[100], buffer[8];
    strcpy (endpoint, BIND (rep, "tcp"));
    void *const both[] = {req, strict};
    SET (req, ZMQ_REQ_RELAXED, 1);
    SET (req, ZMQ_REQ_CORRELATE, 1);
    for (int i = 0; i < 2; i++) {
        SET (both[i], ZMQ_RECONNECT_IVL, 10);
        OK (zmq_connect (both[i], endpoint));
        SEND (both[i], "question");
        RECV (rep, "question");
        if (i == 0)
            SEND (rep, "answer");
    }
    RECV (req, "answer");
    SEND (req, "lost");
    CLOSE (rep);
    rep = OPEN (ZMQ_REP);
    EVENTUALLY (zmq_bind (rep, endpoint) == 0);
    /* The strict one stays waiting for its answer, the relaxed one asks again. */
    FAILS (zmq_send (strict, "x", 1, ZMQ_DONTWAIT), EFSM);
    FAILS (zmq_recv (strict, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    /* A request written into the connection that is just ending is lost: it asks until it is answered. */
    for (int tries = 0; tries < 30 && !await (req, ZMQ_POLLIN, 0); tries++) {
        SEND (req, "again");
        while (await (rep, ZMQ_POLLIN, 100)) {
            memset (buffer, 0, sizeof buffer);
            zmq_recv (rep, buffer, sizeof buffer, 0);
            SEND (rep, buffer);
            await (req, ZMQ_POLLIN, 50);
        }
    }
    RECV (req, "again");
}

static void no_server (void)
{
    void *req = OPEN (ZMQ_REQ);
    FAILS (zmq_send (req, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_send (req, "x", 1, ZMQ_DONTWAIT), EAGAIN); /* the state did not change */
    OK (zmq_connect (req, "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (req, "queued", 6, ZMQ_DONTWAIT), 6);
    FAILS (zmq_send (req, "x", 1, ZMQ_DONTWAIT), EFSM);
}

RUN_CASES (CASE (order_of_calls), CASE (requests_go_round), CASE (clients_are_served_fairly), CASE (envelope_of_req),
           CASE (envelope_kept_by_rep), CASE (bad_envelopes_are_dropped), CASE (only_the_asked_peer_may_answer),
           CASE (late_answer_is_forgotten_by_the_next_request), CASE (relaxed), CASE (correlated_with_rep),
           CASE (answer_to_a_dead_client), CASE (server_dies_while_asked), CASE (no_server))
