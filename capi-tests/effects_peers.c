/* What options do to those at the other end: who is let in, how often somebody is called, what is said and kept. */
#include "check.h"
#include "raw.h"
#include "events.h"
#include "faults.h"

/* Drafts in the header, which stable builds of the reference know all the same. */
enum
{
    ZAP_ENFORCE_DOMAIN = 93,
    LOOPBACK_FASTPATH = 94,
    METADATA = 95,
    MULTICAST_LOOP = 96,
    MANUAL_LAST_VALUE = 98,
    ONLY_FIRST_SUBSCRIBE = 108,
    RECONNECT_STOP = 109,
    STOP_REFUSED = 1,
    STOP_HANDSHAKE_FAILED = 2
};

/* An endpoint where nobody listens, and nobody else will meanwhile. */
static int closed_port (char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE (fd != -1 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0);
    REQUIRE (getsockname (fd, (struct sockaddr *) &address, &size) == 0);
    sprintf (endpoint, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

/* A listener that lets nobody in: its queue is full, and the kernel drops what comes. */
static int full_listener (char *endpoint, int *waiting)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = raw_listen (endpoint), count = 0;
    REQUIRE (listen (fd, 0) == 0);
    REQUIRE (getsockname (fd, (struct sockaddr *) &address, &size) == 0);
    for (; count < 10; count++) {
        int one = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd item = {one, POLLOUT, 0};
        waiting[count] = one;
        if (connect (one, (struct sockaddr *) &address, sizeof address) != 0 && poll (&item, 1, 100) == 0)
            break;
    }
    REQUIRE (count < 10);
    return fd;
}

static void connect_timeout (void)
{
    char endpoint[100];
    int waiting[10], listener = full_listener (endpoint, waiting);
    void *patient = OPEN (ZMQ_PUSH), *push = OPEN (ZMQ_PUSH);
    SET (push, ZMQ_CONNECT_TIMEOUT, 100);
    SET (push, ZMQ_RECONNECT_IVL, 20);
    void *at_patient = watch (patient, ZMQ_EVENT_ALL), *reader = watch (push, ZMQ_EVENT_ALL);
    OK (zmq_connect (patient, endpoint));
    EVENT (at_patient, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
    /* The clock starts before the first attempt: events may be read late, never early. */
    long long begin = now_ms ();
    OK (zmq_connect (push, endpoint));
    for (int i = 1; i <= 2; i++) {
        EVENT (reader, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
        EVENT (reader, ZMQ_EVENT_CLOSED, endpoint);
        CHECK (now_ms () - begin >= i * 90);
        EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
    }
    NO_EVENT (at_patient); /* without it the system's time counts, which is minutes */
    close (listener);
}

/* The intervals that the monitor names, while nobody listens. */
static void intervals_of (int interval, int maximum, int count, uint32_t *intervals)
{
    char endpoint[100];
    int port = closed_port (endpoint);
    void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_CONNECT_RETRIED);
    SET (push, ZMQ_RECONNECT_IVL, interval);
    SET (push, ZMQ_RECONNECT_IVL_MAX, maximum);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < count; i++) {
        EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
        intervals[i] = value;
    }
    close (port);
    CLOSE (push);
}

static void reconnect_intervals (void)
{
    uint32_t got[5];
    static const uint32_t growing[] = {20, 40, 80, 100, 100};
    intervals_of (20, 100, 5, got);
    /* Debian's adds something random below the interval, the newest does not. */
    for (int i = 0; i < 5; i++)
        CHECK (got[i] >= growing[i] && got[i] < growing[i] + 20);
    intervals_of (20, 0, 5, got);
    for (int i = 0; i < 5; i++)
        CHECK (got[i] >= 20 && got[i] < 40);
    intervals_of (50, 30, 3, got); /* a maximum below the interval is none */
    for (int i = 0; i < 3; i++)
        CHECK (got[i] >= 50 && got[i] < 100);
}

/* A connection that was made begins the intervals anew. */
static void interval_after_a_success (void)
{
    char endpoint[100];
    void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_CONNECT_RETRIED);
    int listener = raw_listen (endpoint);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    SET (push, ZMQ_RECONNECT_IVL_MAX, 10000);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 3; i++) {
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        close (fd);
        EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
        CHECK (value >= 10 && value < 20);
    }
    close (listener);
}

/* -1 and 0: one attempt, and no other after a connection is lost. */
static void without_reconnecting (void)
{
    for (int interval = -1; interval <= 0; interval++) {
        for (int ipc = 0; ipc < 2; ipc++) {
            char endpoint[100] = "ipc://@capi-nobody-is-here";
            int port = ipc ? -1 : closed_port (endpoint);
            void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED);
            SET (push, ZMQ_RECONNECT_IVL, interval);
            OK (zmq_connect (push, endpoint));
            EVENT (reader, ZMQ_EVENT_CLOSED, endpoint);
            NO_EVENT (reader);
            EQUAL (zmq_send (push, "kept", 4, ZMQ_DONTWAIT), 4); /* for nobody */
            OK (zmq_disconnect (push, endpoint));
            close (port);
        }
        char endpoint[100];
        int listener = raw_listen (endpoint);
        void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
        SET (push, ZMQ_RECONNECT_IVL, interval);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        close (fd);
        EVENT (reader, ZMQ_EVENT_DISCONNECTED, endpoint);
        NO_EVENT (reader);
        EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
        EQUAL (raw_accept (listener, QUIET_MS), -1);
        close (listener);
    }
}

static void stopped_when_refused (void)
{
    char endpoint[100];
    int port = closed_port (endpoint);
    for (int i = 0; i < 2; i++) {
        void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED);
        SET (push, ZMQ_RECONNECT_IVL, 10);
        SET (push, RECONNECT_STOP, i ? STOP_HANDSHAKE_FAILED : STOP_REFUSED);
        OK (zmq_connect (push, endpoint));
        EVENT (reader, ZMQ_EVENT_CLOSED, endpoint);
        if (i) /* another reason */
            EVENT (reader, ZMQ_EVENT_CONNECT_RETRIED, endpoint);
        else {
            NO_EVENT (reader);
            EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
            FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
        }
    }
    close (port);
}

static void stopped_when_the_handshake_fails (void)
{
    char endpoint[100];
    int listener = raw_listen (endpoint);
    for (int i = 0; i < 2; i++) {
        void *push = OPEN (ZMQ_PUSH);
        SET (push, ZMQ_RECONNECT_IVL, 10);
        SET (push, RECONNECT_STOP, i ? STOP_REFUSED : STOP_HANDSHAKE_FAILED);
        OK (zmq_connect (push, endpoint));
        int fd = RAW_ACCEPT (listener);
        RAW_EXPECT (fd, SIGNATURE);
        close (fd);
        fd = raw_accept (listener, i ? ARRIVES_MS : QUIET_MS);
        EQUAL (fd != -1, i);
        close (fd);
        CLOSE (push);
    }
    close (listener);
}

/* ---- filters --------------------------------------------------------------------------------- */

/* Whether a PUSH gets through to a PULL that was prepared and bound. */
static int gets_in (void *pull)
{
    void *push = OPEN (ZMQ_PUSH);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    SET (push, ZMQ_IMMEDIATE, 1);
    void *reader = watch (pull, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED);
    OK (zmq_connect (push, last_endpoint (pull)));
    int event = next_event (reader, last_endpoint (pull), &value, ARRIVES_MS);
    if (event == ZMQ_EVENT_ACCEPTED) {
        SEND (push, "in");
        RECV (pull, "in");
    } else
        EQUAL (event, ZMQ_EVENT_ACCEPT_FAILED);
    CLOSE (push);
    OK (zmq_socket_monitor (pull, NULL, 0));
    return event == ZMQ_EVENT_ACCEPTED;
}

static void filters_of_local_peers (void)
{
    static const int options[] = {ZMQ_IPC_FILTER_PID, ZMQ_IPC_FILTER_UID, ZMQ_IPC_FILTER_GID};
    const uint32_t mine[] = {(uint32_t) getpid (), getuid (), getgid ()};
    for (int i = 0; i < 3; i++) {
        void *pull = OPEN (ZMQ_PULL);
        uint32_t other = mine[i] + 12345;
        BIND (pull, "ipc");
        CHECK (gets_in (pull));
        OK (zmq_setsockopt (pull, options[i], &other, sizeof other));
        BIND (pull, "ipc");
        CHECK (!gets_in (pull));
        OK (zmq_setsockopt (pull, options[i], &mine[i], sizeof mine[i])); /* one of two */
        BIND (pull, "ipc");
        CHECK (gets_in (pull));
        OK (zmq_setsockopt (pull, options[i], NULL, 0));
        OK (zmq_setsockopt (pull, options[i], &other, sizeof other));
        BIND (pull, "ipc");
        CHECK (!gets_in (pull));
        /* Whoever satisfies any kind of filter comes in. */
        OK (zmq_setsockopt (pull, options[(i + 1) % 3], &mine[(i + 1) % 3], sizeof mine[0]));
        BIND (pull, "ipc");
        CHECK (gets_in (pull));
        /* They are not about tcp. */
        BIND (pull, "tcp");
        CHECK (gets_in (pull));
        CLOSE (pull);
    }
}

static void filters_of_addresses (void)
{
    static const struct
    {
        const char *filters[3];
        int in;
    } rows[] = {
      {{NULL}, 1},
      {{"127.0.0.1"}, 1},
      {{"127.0.0.1/32"}, 1},
      {{"127.0.0.2"}, 0},
      {{"127.0.0.0/31"}, 1},
      {{"127.0.0.2/31"}, 0},
      {{"127.255.255.255/8"}, 1},
      {{"126.0.0.1/8"}, 0},
      {{"0.0.0.0/0"}, 1},
      {{"10.0.0.0/8", "127.0.0.1"}, 1},
      {{"10.0.0.0/8", "192.168.0.0/16"}, 0},
      {{"10.0.0.0/8", "192.168.0.0/16", "127.0.0.0/24"}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *pull = OPEN (ZMQ_PULL);
        int before = checks_failed;
        for (int k = 0; k < 3 && rows[i].filters[k]; k++)
            OK (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, rows[i].filters[k], strlen (rows[i].filters[k])));
        BIND (pull, "tcp");
        EQUAL (gets_in (pull), rows[i].in);
        /* Taken away again. */
        OK (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, NULL, 0));
        BIND (pull, "tcp");
        CHECK (gets_in (pull));
        /* And they are not about local peers. */
        OK (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, "10.0.0.0/8", 10));
        BIND (pull, "ipc");
        CHECK (gets_in (pull));
        if (checks_failed != before)
            printf ("    ... that was row %zu\n", i);
        CLOSE (pull);
    }
}

static void filters_of_ipv6_addresses (void)
{
    static const struct
    {
        const char *filter;
        int six, four; /* who comes in: ::1, 127.0.0.1 */
    } rows[] = {{"::1", 1, 0},    {"::1/128", 1, 0}, {"[::1]", 1, 0},     {"::2", 0, 0},       {"::/127", 1, 0},
                {"::/0", 1, 1},   {"fe80::/10", 0, 0}, {"127.0.0.1", 0, 1}, {"::ffff:127.0.0.1", 0, 1}};
    void *probe = OPEN (ZMQ_PULL);
    FAILS (zmq_setsockopt (probe, ZMQ_TCP_ACCEPT_FILTER, "::1", 3), EINVAL); /* without ZMQ_IPV6 */
    SET (probe, ZMQ_IPV6, 1);
    if (zmq_bind (probe, "tcp://[::1]:*") != 0) {
        NOT_SHOWN ("no IPv6");
        return;
    }
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        int four = i & 1, in = four ? rows[i / 2].four : rows[i / 2].six, before = checks_failed;
        char endpoint[100];
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        SET (pull, ZMQ_IPV6, 1);
        SET (push, ZMQ_IPV6, 1);
        OK (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, rows[i / 2].filter, strlen (rows[i / 2].filter)));
        OK (zmq_bind (pull, "tcp://*:*"));
        void *reader = watch (pull, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED);
        snprintf (endpoint, sizeof endpoint, "tcp://%s:%d", four ? "127.0.0.1" : "[::1]", raw_port (last_endpoint (pull)));
        OK (zmq_connect (push, endpoint));
        EVENT (reader, in ? ZMQ_EVENT_ACCEPTED : ZMQ_EVENT_ACCEPT_FAILED, NULL);
        if (in) {
            SEND (push, "in");
            RECV (pull, "in");
        }
        if (checks_failed != before)
            printf ("    ... that was %s with %s\n", endpoint, rows[i / 2].filter);
        CLOSE (push);
        CLOSE (pull);
    }
}

/* ---- what is said and kept ------------------------------------------------------------------- */

static void metadata_of_our_own (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    zmq_msg_t m;
    FAILS (zmq_setsockopt (pull, METADATA, "X-b:", 4), EINVAL); /* too short: taken for a number */
    OK (zmq_setsockopt (push, METADATA, "X-one:first", 11));
    OK (zmq_setsockopt (push, METADATA, "X-one:later", 11));
    OK (zmq_setsockopt (push, METADATA, "X-two:with:colons", 17));
    OK (zmq_connect (push, BIND (pull, "tcp")));
    SEND (push, "x");
    zmq_msg_init (&m);
    REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_msg_recv (&m, pull, 0), 1);
    static const char *const rows[][2] = {{"X-one", "first"}, {"X-two", "with:colons"}, {"Socket-Type", "PUSH"}};
    for (int i = 0; i < 3; i++) {
        const char *text = zmq_msg_gets (&m, rows[i][0]);
        CHECK (text && strcmp (text, rows[i][1]) == 0);
    }
    OK (zmq_msg_close (&m));
    /* As bytes: a property like the others. */
    void *plain = OPEN (ZMQ_PULL);
    OK (zmq_setsockopt (plain, METADATA, "X-k:v", 5));
    int fd = RAW_CONNECT (BIND (plain, "tcp"));
    RAW_SEND (fd, GREETING);
    RAW_EXPECT (fd, GREETING "\4\x23\5READY\13Socket-Type\0\0\0\4PULL\3X-k\0\0\0\1v");
}

/* The newest message only, however many came in over the wire. */
static void conflated_from_the_wire (void)
{
    static const struct
    {
        int type;
        const char *ready;
        size_t size;
        int kept;
    } rows[] = {{ZMQ_PULL, READY4 ("PUSH"), sizeof READY4 ("PUSH") - 1, 1},
                {ZMQ_DEALER, READY6 ("DEALER"), sizeof READY6 ("DEALER") - 1, 1},
                {ZMQ_PAIR, READY4 ("PAIR"), sizeof READY4 ("PAIR") - 1, 5}}; /* knows no such thing */
    for (int i = 0; i < 3; i++) {
        void *socket = OPEN (rows[i].type);
        char greeting[64], ready[100];
        int count = 0;
        SET (socket, ZMQ_CONFLATE, 1);
        int fd = RAW_CONNECT (BIND (socket, "tcp"));
        RAW_SEND (fd, GREETING);
        EQUAL (recv (fd, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
        raw_send_at (fd, rows[i].ready, rows[i].size, __FILE__, __LINE__);
        EQUAL (recv (fd, ready, 2, MSG_WAITALL), 2);
        EQUAL (recv (fd, ready + 2, (size_t) ready[1], MSG_WAITALL), ready[1]);
        RAW_SEND (fd, "\0\1" "1\0\1" "2\0\1" "3\0\1" "4\0\1" "5\4\7\4PING\0\0");
        RAW_EXPECT (fd, "\4\5\4PONG"); /* all of them have been read */
        char last = 0;
        while (await (socket, ZMQ_POLLIN, count ? 20 : ARRIVES_MS)) {
            EQUAL (zmq_recv (socket, &last, 1, 0), 1);
            count++;
        }
        EQUAL (last, '5');
        EQUAL (count, rows[i].kept);
        close (fd);
        CLOSE (socket);
    }
}

/* An empty message to whoever turns up, from every type that may have the option. */
static void probes (void)
{
    static const int types[] = {ZMQ_REQ, ZMQ_DEALER, ZMQ_ROUTER};
    static const char *const kinds[] = {"tcp", "inproc"};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 3; i++) {
            void *router = OPEN (ZMQ_ROUTER), *prober = OPEN (types[i]);
            SET (prober, ZMQ_PROBE_ROUTER, 1);
            OK (zmq_setsockopt (prober, ZMQ_ROUTING_ID, "prober", 6));
            OK (zmq_connect (prober, BIND (router, kinds[k])));
            RECVMORE (router, "prober");
            RECV (router, "");
            QUIET (router); /* once */
            CLOSE (prober);
            CLOSE (router);
        }
}

/* A REP has the option as well; what is behind is a DEALER that sees the empty message. */
static void probes_of_rep (void)
{
    static const char *const kinds[] = {"tcp", "inproc"};
    for (int k = 0; k < 2; k++) {
        void *dealer = OPEN (ZMQ_DEALER), *rep = OPEN (ZMQ_REP);
        SET (rep, ZMQ_PROBE_ROUTER, 1);
        OK (zmq_connect (rep, BIND (dealer, kinds[k])));
        RECV (dealer, "");
        SENDMORE (dealer, "");
        SEND (dealer, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECVMORE (dealer, "");
        RECV (dealer, "answer");
        QUIET (dealer);
    }
    FAILS (set_int (OPEN (ZMQ_PUSH), ZMQ_PROBE_ROUTER, 1), EINVAL);
}

/* How long an answer to a PING is waited for: the interval where nothing else is set, and for ever with 0. */
static void patience_for_heartbeats (void)
{
    static const struct
    {
        int timeout, earliest, latest;
    } rows[] = {{-1, 180, 1500}, {0, 0, 0}, {30, 110, 1000}, {300, 380, 1700}};
    for (int i = 0; i < 4; i++) {
        void *pull = OPEN (ZMQ_PULL);
        SET (pull, ZMQ_HEARTBEAT_IVL, 100);
        EQUAL (get_int (pull, ZMQ_HEARTBEAT_TIMEOUT), -1);
        if (rows[i].timeout >= 0)
            SET (pull, ZMQ_HEARTBEAT_TIMEOUT, rows[i].timeout);
        EQUAL (get_int (pull, ZMQ_HEARTBEAT_TIMEOUT), rows[i].timeout);
        int fd = RAW_CONNECT (BIND (pull, "tcp"));
        RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
        long long start = now_ms ();
        if (rows[i].timeout == 0) {
            EQUAL (raw_closed (fd, 700), 0);
            RAW_SEND (fd, "\0\5still");
            RECV (pull, "still");
        } else {
            RAW_CLOSED (fd);
            long long took = now_ms () - start;
            CHECK (took >= rows[i].earliest && took < rows[i].latest);
        }
        close (fd);
        CLOSE (pull);
    }
}

/* Patience begins when the PING has left: behind messages that the peer does not read yet it is not waited for. */
static void patience_begins_when_the_ping_has_left (void)
{
    char endpoint[100], byte;
    void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_DISCONNECTED);
    int small = 20000, listener = raw_listen (endpoint), sent = 0, got = 0, flags = 0;
    setsockopt (listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    SET (push, ZMQ_HEARTBEAT_IVL, 400);
    SET (push, ZMQ_SNDHWM, 20);
    SET (push, ZMQ_SNDBUF, small);
    OK (zmq_connect (push, endpoint));
    /* There is something to send from the first moment on. */
    while (zmq_send (push, megabyte, sizeof megabyte, ZMQ_DONTWAIT) != -1)
        sent++;
    EQUAL (sent, 20);
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    for (long long until = now_ms () + 100; now_ms () < until; poll (NULL, 0, 5))
        while (zmq_send (push, megabyte, sizeof megabyte, ZMQ_DONTWAIT) != -1)
            sent++;
    EQUAL (next_event (reader, NULL, &value, 1500), -1);
    /* Nothing is lost when the peer reads again, over the same connection. */
    while (got < sent && checks_failed == 0) {
        long size = raw_frame (fd, &flags, &byte, 1, ARRIVES_MS);
        if (flags & 4)
            RAW_SEND (fd, "\4\5\4PONG");
        else {
            EQUAL (size, sizeof megabyte);
            got++;
        }
    }
    EQUAL (got, sent);
    EQUAL (raw_accept (listener, 0), -1);
    NO_EVENT (reader);
    close (fd);
    close (listener);
}

static void *read_everything (void *fd)
{
    static char buffer[65536];
    while (read (*(int *) fd, buffer, sizeof buffer) > 0)
        ;
    return NULL;
}

/* `pause`: microseconds after each message. */
static void give_up_a_silent_reader (int pause)
{
    char endpoint[100];
    pthread_t thread;
    void *push = OPEN (ZMQ_PUSH), *reader = watch (push, ZMQ_EVENT_DISCONNECTED);
    int listener = raw_listen (endpoint), sent = 0, given_up = 0;
    SET (push, ZMQ_HEARTBEAT_IVL, 200);
    SET (push, ZMQ_SNDTIMEO, 50);
    OK (zmq_connect (push, endpoint));
    int fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    REQUIRE (pthread_create (&thread, NULL, read_everything, &fd) == 0);
    long long begin = now_ms ();
    while (!given_up && now_ms () - begin < 3000) {
        for (int i = 0; i < 50 && zmq_send (push, "small", 5, 0) == 5; i++, sent++)
            if (pause)
                usleep ((useconds_t) pause);
        given_up = get_int (reader, ZMQ_EVENTS) & ZMQ_POLLIN;
    }
    long long took = now_ms () - begin;
    if (!given_up || took >= 2000)
        fail_at (__FILE__, __LINE__, "%s after %lld ms and %d messages", given_up ? "given up" : "not given up", took, sent);
    shutdown (fd, SHUT_RDWR);
    pthread_join (thread, NULL);
    close (fd);
    close (listener);
    CLOSE (push);
    CLOSE (reader);
}

/* A peer that reads everything and says nothing any more is given up, however busy the sender is. */
static void silent_reader_of_a_stream_of_messages (void)
{
    static const int pauses[] = {0, 0, 0, 0, 100};
    for (int i = 0; i < 5 && checks_failed == 0; i++)
        give_up_a_silent_reader (pauses[i]);
}

/* The XPUB's options are the PUB's too. */
static void publisher_with_options_of_xpub (void)
{
    void *pub = OPEN (ZMQ_PUB), *sub = OPEN (ZMQ_SUB);
    SET (pub, ZMQ_XPUB_NODROP, 1);
    SET (pub, ZMQ_SNDHWM, 1);
    OK (zmq_setsockopt (pub, ZMQ_XPUB_WELCOME_MSG, "welcome", 7));
    SET (sub, ZMQ_RCVHWM, 1);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0));
    OK (zmq_connect (sub, BIND (pub, "inproc")));
    /* Room for two, of which the welcome has one. */
    EQUAL (fill (pub, "news", 100), 1);
    FAILS (zmq_send (pub, "news", 4, ZMQ_DONTWAIT), EAGAIN);
    RECV (sub, "welcome");
    RECV (sub, "news");
    void *manual = OPEN (ZMQ_PUB), *reader = OPEN (ZMQ_SUB);
    SET (manual, ZMQ_XPUB_MANUAL, 1);
    OK (zmq_setsockopt (reader, ZMQ_SUBSCRIBE, "a", 1));
    OK (zmq_connect (reader, BIND (manual, "inproc")));
    SEND (manual, "a1"); /* nobody has said yes */
    QUIET (reader);
}

/* What follows the first part of a message is data, whatever it begins with. */
static void only_the_first_part_subscribes (void)
{
    for (int first_only = 0; first_only < 2; first_only++) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_XSUB);
        SET (pub, ONLY_FIRST_SUBSCRIBE, first_only);
        SET (sub, ONLY_FIRST_SUBSCRIBE, first_only);
        OK (zmq_connect (sub, BIND (pub, "inproc")));
        SENDMORE (sub, "data");
        SEND (sub, "\1A");
        RECVMORE (pub, "data");
        RECV (pub, "\1A");
        SEND (pub, "A1");
        if (first_only)
            EQUAL (await (sub, ZMQ_POLLIN, QUIET_MS), 0);
        else
            RECV (sub, "A1");
        CLOSE (sub);
        CLOSE (pub);
    }
}

/* The next message goes to the subscriber that was heard last, and to nobody else. */
static void last_value_by_hand (void)
{
    void *pub = OPEN (ZMQ_XPUB), *one = OPEN (ZMQ_SUB), *two = OPEN (ZMQ_SUB);
    SET (pub, MANUAL_LAST_VALUE, 1);
    const char *name = BIND (pub, "inproc");
    OK (zmq_connect (one, name));
    OK (zmq_connect (two, name));
    OK (zmq_setsockopt (one, ZMQ_SUBSCRIBE, "A", 1));
    RECV (pub, "\1A");
    OK (zmq_setsockopt (pub, ZMQ_SUBSCRIBE, "A", 1));
    SEND (pub, "A last value");
    RECV (one, "A last value");
    OK (zmq_setsockopt (two, ZMQ_SUBSCRIBE, "A", 1));
    RECV (pub, "\1A");
    OK (zmq_setsockopt (pub, ZMQ_SUBSCRIBE, "A", 1));
    SEND (pub, "A last value");
    RECV (two, "A last value");
    EQUAL (await (one, ZMQ_POLLIN, 0), 0);
    SEND (pub, "A news");
    RECV (one, "A news");
    RECV (two, "A news");
}

/* Without a domain NULL is not asked about, whether it is enforced or not; with one everybody is. */
static void enforced_domain (void)
{
    void *handler = OPEN (ZMQ_REP);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    for (int domain = 0; domain < 2; domain++) {
        void *server = OPEN (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
        SET (server, ZAP_ENFORCE_DOMAIN, 1);
        if (domain)
            OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "there", 5));
        OK (zmq_connect (client, BIND (server, "tcp")));
        if (domain) {
            static const char *const request[] = {"1.0", "1", "there", "127.0.0.1", ""};
            static const char *const answer[] = {"1.0", "1", "200", "", ""};
            for (int i = 0; i < 5; i++)
                RECVMORE (handler, request[i]);
            RECV (handler, "NULL");
            for (int i = 0; i < 5; i++)
                SENDMORE (handler, answer[i]);
            SEND (handler, "");
        }
        SEND (client, "in");
        RECV (server, "in");
        EQUAL (await (handler, ZMQ_POLLIN, 0), 0);
    }
}

/* What is stored and never asked again. */
static void options_without_an_effect (void)
{
    static const int options[][2] = {{ZMQ_RATE, 7},           {ZMQ_RECOVERY_IVL, 3},     {ZMQ_MULTICAST_HOPS, 9},
                                     {MULTICAST_LOOP, 0},     {ZMQ_MULTICAST_MAXTPDU, 5}, {LOOPBACK_FASTPATH, 1}};
    static char big[5000];
    OK (zmq_ctx_set (context (), ZMQ_MAX_MSGSZ, 10));
    EACH_TRANSPORT (transport) {
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
            SET (pull, options[i][0], options[i][1]);
            SET (push, options[i][0], options[i][1]);
            EQUAL (get_int (push, options[i][0]), options[i][1]);
        }
        OK (zmq_connect (push, BIND (pull, transport)));
        SEND_BYTES (push, big, sizeof big, 0);
        RECV_BYTES (pull, big, sizeof big, 0);
    }
}

RUN_CASES (CASE (connect_timeout), CASE (reconnect_intervals), CASE (interval_after_a_success),
           CASE (without_reconnecting), CASE (stopped_when_refused), CASE (stopped_when_the_handshake_fails), CASE (filters_of_local_peers),
           CASE (filters_of_addresses), CASE (metadata_of_our_own), CASE (conflated_from_the_wire), CASE (probes), CASE (filters_of_ipv6_addresses), CASE (probes_of_rep), CASE (patience_for_heartbeats),
           CASE (patience_begins_when_the_ping_has_left), CASE (silent_reader_of_a_stream_of_messages),
           CASE (publisher_with_options_of_xpub), CASE (only_the_first_part_subscribes), CASE (last_value_by_hand),
           CASE (enforced_domain), CASE (options_without_an_effect))
