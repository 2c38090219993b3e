/* Many connections of sockets that do more than receive: they answer, ask, send much, keep the latest, speak in bytes, or encrypt. */
#define ZMQ_BUILD_DRAFT_API
#include "check.h"
#include "raw.h"
#include "many.h"

#include <pthread.h>

static const char *const streams[] = {"tcp", "ipc"};

/* ---- questions and answers ----------------------------------------------------------------------- */

enum
{
    QUESTIONS = 300
};

static void *ask_in_turn (void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; i < QUESTIONS; i++) {
        int number = -1;
        void *req = crowd->peers[i % 8];
        if (zmq_send (req, &i, sizeof i, 0) != sizeof i || zmq_recv (req, &number, sizeof number, 0) != sizeof number || number != i)
            return NULL;
        if (i % 50 == 0)
            poll (NULL, 0, 60);
    }
    return crowd;
}

static void one_who_answers (void)
{
    static const struct kind answers = {ZMQ_REP, ZMQ_REQ, 0, "REP"};
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        pthread_t thread;
        void *result;
        open_crowd (&crowd, &answers, streams[t]);
        bind_crowd (&crowd);
        while (crowd.count < 8)
            add_peer (&crowd);
        REQUIRE (pthread_create (&thread, NULL, ask_in_turn, &crowd) == 0);
        for (int i = 0; i < QUESTIONS; i++) {
            int number;
            if (i % 7 == 0)
                REQUIRE (await (crowd.here, ZMQ_POLLIN, ARRIVES_MS));
            REQUIRE (zmq_recv (crowd.here, &number, sizeof number, 0) == sizeof number && number == i);
            REQUIRE (zmq_send (crowd.here, &number, sizeof number, 0) == sizeof number);
        }
        pthread_join (thread, &result);
        CHECK (result != NULL);
        part (&crowd);
    }
}

/* Gives back what comes on eight sockets, until a message is empty. */
static void *echo (void *argument)
{
    struct crowd *crowd = argument;
    zmq_pollitem_t items[8];
    for (int i = 0; i < 8; i++)
        items[i] = (zmq_pollitem_t){crowd->peers[i], 0, ZMQ_POLLIN, 0};
    while (zmq_poll (items, 8, ARRIVES_MS) > 0)
        for (int i = 0; i < 8; i++) {
            zmq_msg_t message;
            if (!items[i].revents)
                continue;
            zmq_msg_init (&message);
            int size = zmq_msg_recv (&message, crowd->peers[i], ZMQ_DONTWAIT);
            if (size < 0 || zmq_msg_send (&message, crowd->peers[i], 0) != size)
                return NULL;
            if (size == 0)
                return crowd;
        }
    return NULL;
}

static void one_who_asks (void)
{
    static const struct kind asks = {ZMQ_REQ, ZMQ_REP, 1, "REQ"};
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        pthread_t thread;
        void *result;
        open_crowd (&crowd, &asks, streams[t]);
        while (crowd.count < 8)
            add_peer (&crowd);
        REQUIRE (pthread_create (&thread, NULL, echo, &crowd) == 0);
        for (int i = 0; i <= QUESTIONS; i++) {
            int number = -1, size = i < QUESTIONS ? sizeof number : 0;
            REQUIRE (zmq_send (crowd.here, &i, (size_t) size, 0) == size);
            if (i % 50 == 0)
                poll (NULL, 0, 60);
            if (i % 7 == 0)
                REQUIRE (await (crowd.here, ZMQ_POLLIN, ARRIVES_MS));
            REQUIRE (zmq_recv (crowd.here, &number, sizeof number, 0) == size);
            REQUIRE (size == 0 || number == i);
        }
        pthread_join (thread, &result);
        CHECK (result != NULL);
        part (&crowd);
    }
}

/* ---- both ways ------------------------------------------------------------------------------------ */

/* Right behind a run of waits much is sent to all, more than queues have room for. Whoever gets it can go on only if somebody reads the
 * answers, although the application's thread does nothing but send. Without that each round takes long; on a busy machine one or two may. */
static void much_to_send_after_waits (void)
{
    for (int t = 0; t < 2; t++)
        for (int to_answer = 0; to_answer < 2; to_answer++) {
            static char body[10000];
            struct crowd crowd;
            pthread_t thread;
            void *result;
            open_crowd (&crowd, &deals, streams[t]);
            SET (crowd.here, ZMQ_SNDHWM, 5);
            SET (crowd.here, ZMQ_RCVHWM, 0);
            crowd.limit = 5;
            while (crowd.count < 8)
                add_peer (&crowd);
            REQUIRE (pthread_create (&thread, NULL, echo, &crowd) == 0);
            int slow_rounds = 0;
            for (int round = 0; round < 5; round++) {
                for (int i = 0; i < 20; i++) {
                    REQUIRE (zmq_send (crowd.here, "x", 1, 0) == 1);
                    REQUIRE (zmq_recv (crowd.here, body, sizeof body, 0) == 1);
                }
                long long start = now_ms ();
                for (int i = 0; i < 4000; i++) {
                    if (to_answer)
                        REQUIRE (await (crowd.here, ZMQ_POLLOUT, ARRIVES_MS));
                    REQUIRE (zmq_send (crowd.here, body, sizeof body, 0) == sizeof body);
                }
                slow_rounds += now_ms () - start >= 2000;
                for (int i = 0; i < 4000; i++)
                    REQUIRE (zmq_recv (crowd.here, body, sizeof body, 0) == sizeof body);
            }
            CHECK (slow_rounds <= 2);
            REQUIRE (zmq_send (crowd.here, "", 0, 0) == 0);
            pthread_join (thread, &result);
            CHECK (result != NULL);
            part (&crowd);
        }
}

/* ---- others --------------------------------------------------------------------------------------- */

/* The latest message of each peer alone. */
static void the_latest_of_each (void)
{
    for (int t = 0; t < 2; t++) {
        struct crowd crowd;
        struct label label;
        open_crowd (&crowd, &pulls, streams[t]);
        SET (crowd.here, ZMQ_CONFLATE, 1);
        bind_crowd (&crowd);
        while (crowd.count < 8)
            add_peer (&crowd);
        wait_often (&crowd, 0);
        for (enum way way = 0; way < WAYS; way++) {
            int seen = 0;
            wait_often (&crowd, way % 2);
            for (int i = 0; i < 800; i++)
                REQUIRE (say (&crowd, i % 8));
            poll (NULL, 0, 100);
            for (int i = 0; i < 8; i++) {
                if (way == EVENTS)
                    EVENTUALLY (get_int (crowd.here, ZMQ_EVENTS) & ZMQ_POLLIN);
                REQUIRE (zmq_recv (crowd.here, &label, sizeof label, way == RECEIVING ? 0 : ZMQ_DONTWAIT) == sizeof label);
                EQUAL (label.number, crowd.sent[label.peer] - 1);
                seen |= 1 << label.peer;
                crowd.taken[label.peer] = crowd.sent[label.peer];
            }
            EQUAL (seen, 0xff);
            crowd.got = said (&crowd);
        }
        part (&crowd);
    }
}

/* Peers that do not speak ZMTP: their bytes come in order, and their end comes. */
static void streams_of_bytes (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    int fds[8], sent[8] = {0}, taken[8] = {0};
    char names[8][5], name[5], body[1000];
    without_waiting_long (stream);
    const char *endpoint = BIND (stream, "tcp");
    for (int i = 0; i < 8; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        REQUIRE (zmq_recv (stream, names[i], 5, 0) == 5 && zmq_recv (stream, body, sizeof body, 0) == 0);
    }
    for (int round = 0; round < 60; round++) {
        int total = 0, got = 0, count = round % 3 ? 1 : 300;
        for (int i = 0; i < count; i++) {
            int peer = (round + i) % 8;
            uint8_t byte = (uint8_t) sent[peer]++;
            raw_send_at (fds[peer], (char *) &byte, 1, __FILE__, __LINE__);
            total++;
        }
        if (round % 10 == 9)
            poll (NULL, 0, 60);
        while (got < total) {
            int peer = 0;
            REQUIRE (zmq_recv (stream, name, 5, 0) == 5);
            int size = zmq_recv (stream, body, sizeof body, 0);
            while (memcmp (name, names[peer], 5) != 0)
                REQUIRE (++peer < 8);
            REQUIRE (size > 0);
            for (int i = 0; i < size; i++)
                REQUIRE ((uint8_t) body[i] == (uint8_t) taken[peer]++);
            got += size;
        }
    }
    for (int i = 0; i < 8; i++) {
        close (fds[i]);
        if (i % 2)
            poll (NULL, 0, 60);
        REQUIRE (await (stream, ZMQ_POLLIN, 1000));
        REQUIRE (zmq_recv (stream, name, 5, 0) == 5 && memcmp (name, names[i], 5) == 0);
        EQUAL (zmq_recv (stream, body, sizeof body, 0), 0);
    }
}

/* What comes encrypted is decrypted by whoever reads. */
static void with_encryption (void)
{
    char server_public[41], server_secret[41], client_public[41], client_secret[41];
    if (!zmq_has ("curve")) {
        NOT_SHOWN ("the library has no CURVE");
        return;
    }
    OK (zmq_curve_keypair (server_public, server_secret));
    OK (zmq_curve_keypair (client_public, client_secret));
    struct crowd crowd;
    open_crowd (&crowd, &pulls, "tcp");
    SET (crowd.here, ZMQ_CURVE_SERVER, 1);
    OK (zmq_setsockopt (crowd.here, ZMQ_CURVE_SECRETKEY, server_secret, 41));
    bind_crowd (&crowd);
    for (int i = 0; i < 8; i++) {
        crowd.count++;
        open_peer (&crowd, i);
        OK (zmq_setsockopt (crowd.peers[i], ZMQ_CURVE_SERVERKEY, server_public, 41));
        OK (zmq_setsockopt (crowd.peers[i], ZMQ_CURVE_PUBLICKEY, client_public, 41));
        OK (zmq_setsockopt (crowd.peers[i], ZMQ_CURVE_SECRETKEY, client_secret, 41));
        REQUIRE (connect_peer (&crowd, i));
    }
    for (enum way way = 0; way < WAYS; way++) {
        wait_often (&crowd, way % 2);
        for (int i = 0; i < 400; i++) {
            crowd.size = sizeof (struct label) + (size_t) (i % 50) * 100;
            REQUIRE (say (&crowd, i % 8));
        }
        poll (NULL, 0, way % 2 ? 60 : 0);
        collect (&crowd, way);
    }
}

RUN_CASES (CASE (one_who_answers), CASE (one_who_asks), CASE (much_to_send_after_waits), CASE (the_latest_of_each), CASE (streams_of_bytes),
           CASE (with_encryption))
