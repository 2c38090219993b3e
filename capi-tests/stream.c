/* STREAM sockets, and ROUTER sockets in raw mode: peers that do not speak ZMTP. */
#include "check.h"
#include "raw.h"

/* The id of a peer, as it came in the first part of a message. */
typedef struct
{
    char bytes[256];
    int size;
} peer_id;

/* Receives an id part; what follows it is for RECV. */
static peer_id from_at (void *socket, const char *file, int line)
{
    peer_id id = {"", -1};
    if (await (socket, ZMQ_POLLIN, ARRIVES_MS))
        id.size = zmq_recv (socket, id.bytes, sizeof id.bytes, ZMQ_DONTWAIT);
    if (id.size < 1 || get_int (socket, ZMQ_RCVMORE) != 1) {
        fail_at (file, line, "no id part came in time");
        longjmp (end_of_case, 1);
    }
    return id;
}
#define FROM(socket) from_at (socket, __FILE__, __LINE__)
#define TO(socket, id) SEND_BYTES (socket, id.bytes, (size_t) id.size, ZMQ_SNDMORE)

/* A part from this very peer. */
static void piece_at (void *socket, const peer_id *id, const char *text, const char *file, int line)
{
    recv_at (socket, id->bytes, (size_t) id->size, 1, file, line);
    recv_at (socket, text, strlen (text), 0, file, line);
}
#define PIECE(socket, id, text) piece_at (socket, &id, text, __FILE__, __LINE__)

/* Nothing can be sent to a peer that is gone, once the socket has noticed. */
static int is_unreachable (void *socket, const peer_id *id)
{
    if (zmq_send (socket, id->bytes, (size_t) id->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1)
        return errno == EHOSTUNREACH;
    zmq_send (socket, "for nobody", 10, 0);
    return 0;
}

/* A raw peer of a bound socket, and the id it was announced under. */
static int dial (void *bound, peer_id *id)
{
    int fd = RAW_CONNECT (BIND (bound, "tcp"));
    *id = FROM (bound);
    RECV (bound, "");
    return fd;
}

static void accepts (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    peer_id id;
    int fd = dial (stream, &id);
    EQUAL (id.size, 5);
    EQUAL (id.bytes[0], 0);
    RAW_QUIET (fd); /* no greeting */
    RAW_SEND (fd, "GET /");
    PIECE (stream, id, "GET /");
    TO (stream, id);
    SEND (stream, "200 ");
    TO (stream, id);
    SEND (stream, "OK");
    RAW_EXPECT (fd, "200 OK");
    close (fd);
    PIECE (stream, id, "");
    QUIET (stream);
    EVENTUALLY (is_unreachable (stream, &id));
}

static void connects (void)
{
    char endpoint[64];
    int listener = raw_listen (endpoint);
    void *stream = OPEN (ZMQ_STREAM);
    OK (zmq_connect (stream, endpoint));
    int fd = RAW_ACCEPT (listener);
    peer_id id = FROM (stream);
    RECV (stream, "");
    peer_id own;
    size_t size = sizeof own.bytes;
    OK (zmq_getsockopt (stream, ZMQ_ROUTING_ID, own.bytes, &size));
    own.size = (int) size;
    EQUAL (own.size, id.size);
    CHECK (memcmp (own.bytes, id.bytes, size) == 0);
    TO (stream, own);
    SEND (stream, "hello");
    RAW_EXPECT (fd, "hello");
    RAW_SEND (fd, "welcome");
    PIECE (stream, id, "welcome");
    /* A lost connection is told, and made again under the same id. */
    close (fd);
    PIECE (stream, id, "");
    fd = RAW_ACCEPT (listener);
    PIECE (stream, id, "");
    TO (stream, id);
    SEND (stream, "again");
    RAW_EXPECT (fd, "again");
    close (fd);
    close (listener);
}

static void two_streams (void)
{
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int i = 0; i < 2; i++) {
        void *server, *client;
        JOIN (server, ZMQ_STREAM, client, ZMQ_STREAM, kinds[i]);
        peer_id to_server = FROM (client), to_client = FROM (server);
        RECV (client, "");
        RECV (server, "");
        TO (client, to_server);
        SEND (client, "ping");
        PIECE (server, to_client, "ping");
        TO (server, to_client);
        SEND (server, "pong");
        PIECE (client, to_server, "pong");
        CLOSE (client);
        PIECE (server, to_client, "");
        CLOSE (server);
    }
}

static void large_input_comes_in_pieces (void)
{
    static char sent[50000], got[50000];
    void *stream = OPEN (ZMQ_STREAM);
    peer_id id;
    int fd = dial (stream, &id);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char) (i * 7 + i / 251);
    raw_send_at (fd, sent, sizeof sent, __FILE__, __LINE__);
    size_t size = 0;
    while (size < sizeof sent) {
        FROM (stream);
        int n = zmq_recv (stream, got + size, sizeof got - size, 0);
        CHECK (n > 0 && n <= 8192);
        EQUAL (get_int (stream, ZMQ_RCVMORE), 0);
        size += (size_t) n;
    }
    CHECK (memcmp (sent, got, sizeof sent) == 0);
    /* And back, in one part. */
    TO (stream, id);
    SEND_BYTES (stream, sent, sizeof sent, 0);
    for (size = 0; size < sizeof sent;) {
        CHECK (raw_readable (fd, ARRIVES_MS));
        ssize_t n = read (fd, got + size, sizeof got - size);
        REQUIRE (n > 0);
        size += (size_t) n;
    }
    CHECK (memcmp (sent, got, sizeof sent) == 0);
}

static void without_notifications (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    FAILS (set_int (stream, ZMQ_STREAM_NOTIFY, 2), EINVAL);
    FAILS (set_int (stream, ZMQ_STREAM_NOTIFY, -1), EINVAL);
    SET (stream, ZMQ_STREAM_NOTIFY, 0);
    int fd = RAW_CONNECT (BIND (stream, "tcp"));
    QUIET (stream);
    RAW_SEND (fd, "data");
    FROM (stream);
    RECV (stream, "data");
    close (fd);
    QUIET (stream);
}

static void an_empty_part_hangs_up (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    peer_id id;
    int fd = dial (stream, &id);
    TO (stream, id);
    SEND (stream, "");
    /* The reference finishes in further calls. */
    EVENTUALLY (get_int (stream, ZMQ_EVENTS) >= 0 && raw_closed (fd, 1));
    QUIET (stream);
    EVENTUALLY (is_unreachable (stream, &id));
}

static void odd_parts (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    peer_id id;
    int fd = dial (stream, &id);
    FAILS (zmq_send (stream, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    /* The refused id was not taken as one. */
    TO (stream, id);
    SENDMORE (stream, "MORE is ");
    TO (stream, id);
    SEND (stream, "ignored");
    RAW_EXPECT (fd, "MORE is ignored");
    /* An id alone makes the next part its data, for nobody. */
    SEND_BYTES (stream, id.bytes, (size_t) id.size, 0);
    SEND (stream, "dropped");
    TO (stream, id);
    SEND (stream, "kept");
    RAW_EXPECT (fd, "kept");
    RAW_QUIET (fd);
}

static void a_chosen_id (void)
{
    char endpoint[64];
    int listener = raw_listen (endpoint);
    void *stream = OPEN (ZMQ_STREAM);
    FAILS (zmq_setsockopt (stream, ZMQ_CONNECT_ROUTING_ID, "", 0), EINVAL);
    OK (zmq_setsockopt (stream, ZMQ_CONNECT_ROUTING_ID, "peer", 4));
    OK (zmq_connect (stream, endpoint));
    int fd = RAW_ACCEPT (listener);
    RECVMORE (stream, "peer");
    RECV (stream, "");
    SENDMORE (stream, "peer");
    SEND (stream, "x");
    RAW_EXPECT (fd, "x");
    close (fd);
    close (listener);
}

static void metadata (void)
{
    void *stream = OPEN (ZMQ_STREAM);
    int fd = RAW_CONNECT (BIND (stream, "tcp"));
    for (int part = 0; part < 2; part++) {
        zmq_msg_t m;
        zmq_msg_init (&m);
        CHECK (await (stream, ZMQ_POLLIN, ARRIVES_MS));
        CHECK (zmq_msg_recv (&m, stream, ZMQ_DONTWAIT) >= 0);
        const char *address = zmq_msg_gets (&m, "Peer-Address");
        CHECK (address && strcmp (address, "127.0.0.1") == 0);
        CHECK (zmq_msg_gets (&m, "Socket-Type") == NULL);
        CHECK (zmq_msg_get (&m, ZMQ_SRCFD) > 0);
        zmq_msg_close (&m);
    }
    close (fd);
}

static void many_peers (void)
{
    enum { PEERS = 50 };
    int fds[PEERS];
    void *stream = OPEN (ZMQ_STREAM);
    const char *endpoint = BIND (stream, "tcp");
    for (int i = 0; i < PEERS; i++) {
        fds[i] = RAW_CONNECT (endpoint);
        FROM (stream);
        RECV (stream, "");
    }
    for (int i = 0; i < PEERS; i++) {
        char text[16];
        sprintf (text, "peer %d", i);
        raw_send_at (fds[i], text, strlen (text), __FILE__, __LINE__);
    }
    /* Each gets its own words back. */
    for (int i = 0; i < PEERS; i++) {
        char text[16];
        peer_id id = FROM (stream);
        int n = zmq_recv (stream, text, sizeof text, 0);
        TO (stream, id);
        SEND_BYTES (stream, text, (size_t) n, 0);
    }
    for (int i = 0; i < PEERS; i++) {
        char text[16];
        sprintf (text, "peer %d", i);
        raw_expect_at (fds[i], text, strlen (text), __FILE__, __LINE__);
        close (fds[i]);
    }
    for (int i = 0; i < PEERS; i++) {
        FROM (stream);
        RECV (stream, "");
    }
    QUIET (stream);
}

static void a_slow_reader_is_waited_for (void)
{
    static char block[100000];
    void *stream = OPEN (ZMQ_STREAM);
    SET (stream, ZMQ_SNDHWM, 4);
    SET (stream, ZMQ_SNDBUF, 20000);
    peer_id id;
    int fd = dial (stream, &id);
    int blocks = 0;
    while (blocks < 1000) {
        if (zmq_send (stream, id.bytes, (size_t) id.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1) {
            int error = errno;
            EQUAL (error, EAGAIN);
            break;
        }
        memset (block, 'a' + blocks % 26, sizeof block);
        EQUAL (zmq_send (stream, block, sizeof block, 0), sizeof block);
        blocks++;
    }
    CHECK (blocks > 3 && blocks < 1000);
    for (int i = 0; i < blocks; i++)
        for (size_t left = sizeof block; left > 0;) {
            CHECK (raw_readable (fd, ARRIVES_MS));
            ssize_t n = read (fd, block, left);
            REQUIRE (n > 0);
            CHECK (block[0] == 'a' + i % 26 && block[n - 1] == 'a' + i % 26);
            left -= (size_t) n;
        }
    close (fd);
}

static void router_raw (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    SET (router, ZMQ_ROUTER_RAW, 1);
    peer_id id;
    int fd = dial (router, &id);
    EQUAL (id.size, 5);
    RAW_SEND (fd, "abc");
    PIECE (router, id, "abc");
    SENDMORE (router, "nobody");
    SEND (router, "dropped");
    TO (router, id);
    SENDMORE (router, "def");
    TO (router, id);
    SEND (router, "ghi");
    RAW_EXPECT (fd, "defghi");
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    FAILS (zmq_send (router, "nobody", 6, ZMQ_SNDMORE), EHOSTUNREACH);
    TO (router, id);
    SEND (router, "");
    EVENTUALLY (get_int (router, ZMQ_EVENTS) >= 0 && raw_closed (fd, 1));
    QUIET (router);
    int second = RAW_CONNECT (last_endpoint (router));
    id = FROM (router);
    RECV (router, "");
    close (second);
    PIECE (router, id, "");
}

RUN_CASES (CASE (accepts), CASE (connects), CASE (two_streams), CASE (large_input_comes_in_pieces),
           CASE (without_notifications), CASE (an_empty_part_hangs_up), CASE (odd_parts), CASE (a_chosen_id),
           CASE (metadata), CASE (many_peers), CASE (a_slow_reader_is_waited_for), CASE (router_raw))
