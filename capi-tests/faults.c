/* Faults of peers, of networks and of applications that are met in long runs. */
#include "check.h"
#include "raw.h"
#include "faults.h"
#include <sys/stat.h>

/* ---- binding -------------------------------------------------------------------------------- */

static void bound_to_new_endpoints (void)
{
    void *tcp = OPEN (ZMQ_PULL), *ipc = OPEN (ZMQ_PULL);
    char endpoint[100];
    const char *directory = make_directory ();
    for (int i = 0; i < 200; i++) {
        strcpy (endpoint, BIND (tcp, "tcp"));
        if (i < 199)
            OK (zmq_unbind (tcp, endpoint));
    }
    talk_over (tcp, endpoint);
    CHECK_IDLE ();
    CLOSE (tcp);
    for (int i = 0; i < 200; i++) {
        snprintf (endpoint, sizeof endpoint, "ipc://%s/%d", directory, i);
        OK (zmq_bind (ipc, endpoint));
        if (i < 199)
            OK (zmq_unbind (ipc, endpoint));
    }
    talk_over (ipc, endpoint);
    CHECK_IDLE ();
    CLOSE (ipc);
    remove_directory (directory);
}

static void bound_to_the_same_path (void)
{
    const char *directory = make_directory ();
    void *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    snprintf (endpoint, sizeof endpoint, "ipc://%s/path", directory);
    OK (zmq_bind (pull, endpoint));
    for (int i = 0; i < 200; i++) {
        OK (zmq_unbind (pull, endpoint));
        OK (zmq_bind (pull, endpoint));
    }
    talk_over (pull, endpoint);
    CHECK_IDLE ();
    remove_directory (directory);
}

static void bound_and_unbound_under_fire (void)
{
    /* Peers come while the endpoint goes. */
    void *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    for (int i = 0; i < 100; i++) {
        int fds[3];
        strcpy (endpoint, BIND (pull, "tcp"));
        for (int k = 0; k < 3; k++) {
            fds[k] = RAW_CONNECT (endpoint);
            send (fds[k], GREETING, 64, MSG_NOSIGNAL);
        }
        OK (zmq_unbind (pull, endpoint));
        for (int k = 0; k < 3; k++)
            close (fds[k]);
    }
    talk_over (pull, BIND (pull, "tcp"));
    CHECK_IDLE ();
}

/* ---- whole messages -------------------------------------------------------------------------- */

static void messages_are_whole_across_reconnects (void)
{
    cut_off_messages (0, 60);
}

/* Trap 66: the peer of an unfinished message dies. What is left of the message goes nowhere, the next one is whole. */
static void unfinished_message_of_a_dead_peer (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    int refused = 0;
    const char *endpoint = BIND (push, "tcp");
    int fd = RAW_CONNECT (endpoint);
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    SENDMORE (push, "begin");
    close (fd);
    /* EAGAIN once at most, when the end was noticed in the middle. */
    for (int i = 0; i < 50; i++) {
        int rc = zmq_send (push, "middle", 6, ZMQ_SNDMORE | ZMQ_DONTWAIT);
        refused += rc == -1;
        if (rc != 6 && (rc != -1 || zmq_errno () != EAGAIN))
            fail_at (__FILE__, __LINE__, "part %d: %d, errno %d", i, rc, zmq_errno ());
        poll (NULL, 0, 2);
    }
    CHECK (refused <= 1);
    EQUAL (zmq_send (push, "end", 3, ZMQ_DONTWAIT), 3);
    EVENTUALLY (zmq_send (push, "nobody", 6, ZMQ_DONTWAIT) == -1);
    OK (zmq_connect (pull, endpoint));
    SENDMORE (push, "first");
    SEND (push, "last");
    RECVMORE (pull, "first");
    RECV (pull, "last");
    QUIET (pull);
}

/* ---- waiting for room ------------------------------------------------------------------------- */

#define READY_FULL "\4\x2d\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\4full"
/* The first part of a message to somebody who has no room; 0 when it went. */
typedef int send_first (void *socket, int flags);

static int send_to_full (void *router, int flags)
{
    return zmq_send (router, "full", 4, flags | ZMQ_SNDMORE);
}

static int publish (void *xpub, int flags)
{
    return zmq_send (xpub, megabyte, sizeof megabyte, flags);
}

static void check_waiting (void *socket, send_first *first)
{
    /* The time is kept, and nothing turns meanwhile. */
    SET (socket, ZMQ_SNDTIMEO, 200);
    for (int i = 0; i < 2; i++) {
        long long start = now_ms (), cpu = cpu_ms ();
        FAILS (first (socket, 0), EAGAIN);
        cpu = cpu_ms () - cpu;
        CHECK (now_ms () - start >= 190 && now_ms () - start < LATE_MS);
        if (cpu >= 60)
            fail_at (__FILE__, __LINE__, "%lld ms of processor time while waiting", cpu);
    }
    SET (socket, ZMQ_SNDTIMEO, -1);
    long long start = now_ms (), cpu = cpu_ms ();
    alarm_every (200);
    FAILS (first (socket, 0), EINTR);
    alarm_every (0);
    cpu = cpu_ms () - cpu;
    CHECK (now_ms () - start < LATE_MS);
    if (cpu >= 60)
        fail_at (__FILE__, __LINE__, "%lld ms of processor time until the signal", cpu);
}

static void full_peer_of_a_router (void)
{
    void *router = OPEN (ZMQ_ROUTER), *good = OPEN (ZMQ_DEALER);
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    SET (router, ZMQ_SNDHWM, 1);
    SET (router, ZMQ_SNDBUF, 20000);
    const char *endpoint = BIND (router, "tcp");
    OK (zmq_setsockopt (good, ZMQ_ROUTING_ID, "good", 4));
    OK (zmq_connect (good, endpoint));
    int fd = RAW_CONNECT (endpoint);
    RAW_HANDSHAKE (fd, READY_FULL, READY_ROUTER);
    RAW_SEND (fd, "\0\5hello");
    RECVMORE (router, "full");
    RECV (router, "hello");
    SEND (good, "hello");
    RECVMORE (router, "good");
    RECV (router, "hello");
    long long taken = now_ms ();
    while (now_ms () - taken < 100)
        if (send_to_full (router, ZMQ_DONTWAIT) == -1)
            poll (NULL, 0, 5);
        else {
            EQUAL (zmq_send (router, megabyte, sizeof megabyte, ZMQ_DONTWAIT), sizeof megabyte);
            taken = now_ms ();
        }
    check_waiting (router, send_to_full);
    for (int i = 0; i < 10; i++) {
        SENDMORE (router, "good");
        SEND (router, "still");
        RECV (good, "still");
    }
    /* Room comes when the peer reads. */
    int flags;
    char byte;
    SET (router, ZMQ_SNDTIMEO, ARRIVES_MS);
    EQUAL (raw_frame (fd, &flags, &byte, 1, ARRIVES_MS), sizeof megabyte);
    EQUAL (raw_frame (fd, &flags, &byte, 1, ARRIVES_MS), sizeof megabyte);
    EQUAL (send_to_full (router, 0), 4);
    EQUAL (zmq_send (router, "end", 3, 0), 3);
    close (fd);
}

static void full_subscriber_without_dropping (void)
{
    void *xpub = OPEN (ZMQ_XPUB), *good = OPEN (ZMQ_SUB);
    SET (xpub, ZMQ_XPUB_NODROP, 1);
    SET (xpub, ZMQ_SNDHWM, 1);
    SET (xpub, ZMQ_SNDBUF, 20000);
    const char *endpoint = BIND (xpub, "tcp");
    int fd = RAW_CONNECT (endpoint);
    RAW_HANDSHAKE (fd, READY3 ("SUB"), READY_XPUB);
    RAW_SEND (fd, "\0\1\1");
    RECV_BYTES (xpub, "\1", 1, 0);
    OK (zmq_setsockopt (good, ZMQ_SUBSCRIBE, "good", 4));
    OK (zmq_connect (good, endpoint));
    RECV_BYTES (xpub, "\1good", 5, 0);
    long long taken = now_ms ();
    while (now_ms () - taken < 100)
        if (publish (xpub, ZMQ_DONTWAIT) == -1)
            poll (NULL, 0, 5);
        else
            taken = now_ms ();
    check_waiting (xpub, publish);
    /* Subscriptions are read meanwhile. */
    OK (zmq_setsockopt (good, ZMQ_SUBSCRIBE, "more", 4));
    RECV_BYTES (xpub, "\1more", 5, 0);
    int flags;
    char byte;
    SET (xpub, ZMQ_SNDTIMEO, ARRIVES_MS);
    EQUAL (raw_frame (fd, &flags, &byte, 1, ARRIVES_MS), sizeof megabyte);
    EQUAL (raw_frame (fd, &flags, &byte, 1, ARRIVES_MS), sizeof megabyte);
    EQUAL (publish (xpub, 0), sizeof megabyte);
    close (fd);
}

/* ---- receiving nothing ------------------------------------------------------------------------ */

struct publisher
{
    int fd;
    volatile int stop;
};

static void *publish_noise (void *arg)
{
    struct publisher *publisher = arg;
    while (!publisher->stop) {
        raw_push (publisher->fd, "\0\5noise\1\5noise\0\4tail", 20, 100);
        poll (NULL, 0, 5); /* faster, and the reference does not come to an end */
    }
    return NULL;
}

static void unwanted_messages_do_not_delay_the_timeout (void)
{
    struct publisher publisher;
    pthread_t thread;
    void *sub = OPEN (ZMQ_SUB);
    char buffer[8];
    publisher.stop = 0;
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "wanted", 6));
    publisher.fd = RAW_CONNECT (BIND (sub, "tcp"));
    RAW_HANDSHAKE (publisher.fd, READY3 ("PUB"), READY_SUB);
    pthread_create (&thread, NULL, publish_noise, &publisher);
    SET (sub, ZMQ_RCVTIMEO, 200);
    for (int i = 0; i < 3; i++) {
        long long start = now_ms ();
        FAILS (zmq_recv (sub, buffer, sizeof buffer, 0), EAGAIN);
        CHECK (now_ms () - start >= 190 && now_ms () - start < LATE_MS);
        start = now_ms ();
        EQUAL (await (sub, ZMQ_POLLIN, 100), 0);
        CHECK (now_ms () - start < LATE_MS);
        FAILS (zmq_recv (sub, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    }
    publisher.stop = 1;
    pthread_join (thread, NULL);
    RAW_SEND (publisher.fd, "\0\6wanted");
    RECV (sub, "wanted");
}

/* ---- lingering -------------------------------------------------------------------------------- */

/* ---- hostile peers ---------------------------------------------------------------------------- */

static void unread_pongs (void)
{
    void *rep, *req;
    JOIN (rep, ZMQ_REP, req, ZMQ_REQ, "tcp");
    SEND (req, "question");
    RECV (rep, "question");
    SEND (rep, "answer");
    RECV (req, "answer");
    int fd = RAW_CONNECT (last_endpoint (rep));
    RAW_HANDSHAKE (fd, READY3 ("REQ"), READY3 ("REP"));
    static char pings[25 * 2000];
    for (size_t i = 0; i < sizeof pings; i += 25)
        memcpy (pings + i, "\4\x17\4PING\0\0sixteen bytes of.", 25);
    long before = resident_kb ();
    size_t sent = 0;
    long long start = now_ms ();
    while (sent < 40000000 && now_ms () - start < 2000) {
        size_t n = raw_push (fd, pings, sizeof pings, 100);
        sent += n;
        if (n < sizeof pings)
            break; /* not read any more, for good */
        if (sent % (20 * sizeof pings) == 0) {
            SEND (req, "question");
            RECV (rep, "question");
            SEND (rep, "answer");
            RECV (req, "answer");
        }
    }
    long grown = resident_kb () - before;
    if (grown > 10000)
        fail_at (__FILE__, __LINE__, "%ld kB more after %zu bytes of PINGs", grown, sent);
    for (int i = 0; i < 10; i++) {
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECV (req, "answer");
    }
    close (fd);
}

static void flood_after_an_error (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
    } beginnings[] = {
        {GREETING "\4\x0a\5ERROR\3why", 64 + 12},
        {GREETING READY3 ("REQ") "\4\x0a\5ERROR\3why", 64 + 27 + 12},
        {GREETING READY3 ("REQ") READY3 ("REQ"), 64 + 27 + 27},
        {GREETING "\4\x0a\5ERROR\3why" READY3 ("REQ"), 64 + 12 + 27},
    };
    static char noise[100000];
    void *rep, *req;
    JOIN (rep, ZMQ_REP, req, ZMQ_REQ, "tcp");
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        long before = resident_kb ();
        for (int kind = 0; kind < 2; kind++) {
            int fd = RAW_CONNECT (last_endpoint (rep));
            raw_send_at (fd, beginnings[i].bytes, beginnings[i].size, __FILE__, __LINE__);
            for (size_t k = 0; k < sizeof noise; k++)
                noise[k] = kind ? (char) random_below (256) : "\4\x0a\5ERROR\3why"[k % 12];
            long long start = now_ms ();
            size_t sent = 0;
            while (sent < 10000000 && now_ms () - start < 300) {
                size_t n = raw_push (fd, noise, sizeof noise, 20);
                sent += n;
                SEND (req, "question");
                RECV (rep, "question");
                SEND (rep, "answer");
                RECV (req, "answer");
                if (n < sizeof noise)
                    break;
            }
            close (fd);
        }
        /* The connection may take a moment to end: whoever waits for input reads it. A body of 10 MB is read into memory of 16, in the heap of this
         * thread or of an I/O thread, and glibc keeps as much of each. */
        EVENTUALLY (resident_kb () - before < 40000);
    }
    CHECK_IDLE ();
}

/* ---- fork ------------------------------------------------------------------------------------- */

static void child_uses_inherited_sockets (void)
{
    void *pull, *push, *rep, *req;
    struct stat info;
    int status;
    pull = OPEN (ZMQ_PULL);
    push = OPEN (ZMQ_PUSH);
    OK (zmq_bind (pull, "ipc://*"));
    const char *endpoint = last_endpoint (pull);
    OK (zmq_connect (push, endpoint));
    JOIN (rep, ZMQ_REP, req, ZMQ_REQ, "tcp");
    SEND (push, "before");
    RECV (pull, "before");
    for (int round = 0; round < 5; round++) {
        SEND (push, "unread");
        REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
        pid_t child = fork ();
        if (child == 0) {
            char buffer[8];
            alarm (5);
            signal (SIGALRM, SIG_DFL);
            get_int (pull, ZMQ_EVENTS);
            get_int (push, ZMQ_EVENTS);
            get_int (rep, ZMQ_EVENTS);
            zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT);
            zmq_send (req, "child", 5, ZMQ_DONTWAIT);
            zmq_close (pull);
            zmq_close (push);
            zmq_close (rep);
            zmq_close (req);
            _exit (0);
        }
        waitpid (child, &status, 0);
        CHECK (WIFEXITED (status));
        OK (stat (endpoint + 6, &info));
        CHECK (S_ISSOCK (info.st_mode));
        RECV (pull, "unread");
        SEND (push, "after");
        RECV (pull, "after");
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECV (req, "answer");
    }
    /* And it can still be connected to. */
    void *other = OPEN (ZMQ_PUSH);
    OK (zmq_connect (other, endpoint));
    SEND (other, "new");
    RECV (pull, "new");
    CHECK_IDLE ();
}

/* ---- traps ------------------------------------------------------------------------------------ */

/* Trap 73: the limit for what is accepted later is that of the time of the bind. */
static void limits_are_taken_at_bind (void)
{
    enum
    {
        COUNT = 50,
        SIZE = 200000
    };
    for (int late = 0; late < 2; late++) {
        void *pull = OPEN (ZMQ_PULL);
        int small = 20000;
        size_t sent = 0;
        static char frame[9 + SIZE] = "\2\0\0\0\0\0\3\x0d\x40"; /* 200000 is 0x30d40 */
        SET (pull, ZMQ_RCVBUF, small);
        if (!late)
            SET (pull, ZMQ_RCVHWM, 1);
        int fd = RAW_CONNECT (BIND (pull, "tcp"));
        if (late)
            SET (pull, ZMQ_RCVHWM, 1);
        setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
        for (int i = 0; i < COUNT; i++)
            sent += raw_push (fd, frame, sizeof frame, late ? ARRIVES_MS : 20);
        if (late)
            EQUAL (sent, COUNT * sizeof frame);
        else
            CHECK (sent < 10 * sizeof frame);
        close (fd);
    }
}

/* Trap 74: a new connection begins from the beginning, and has its own heartbeats. */
static void everything_is_said_again (void)
{
    char endpoint[100];
    void *sub = OPEN (ZMQ_SUB);
    int listener = raw_listen (endpoint);
    SET (sub, ZMQ_RECONNECT_IVL, 10);
    SET (sub, ZMQ_HEARTBEAT_IVL, 100);
    SET (sub, ZMQ_HEARTBEAT_TTL, 1000);
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "a", 1));
    OK (zmq_connect (sub, endpoint));
    for (int i = 0; i < 5; i++) {
        int fd = RAW_ACCEPT (listener);
        RAW_SEND (fd, GREETING READY3 ("PUB"));
        RAW_EXPECT (fd, GREETING READY_SUB);
        get_int (sub, ZMQ_EVENTS); /* the reference subscribes again when it is polled */
        EVENTUALLY ((get_int (sub, ZMQ_EVENTS), raw_readable (fd, 0)));
        RAW_EXPECT (fd, "\4\13\11SUBSCRIBEa");
        RAW_EXPECT (fd, "\4\7\4PING\0\x0a");
        RAW_SEND (fd, "\4\5\4PONG\0\5a yes");
        RECV (sub, "a yes");
        close (fd);
    }
}

/* Trap 69: the free function uses the library, whoever runs it. */
static void *note_socket;
static char block[6000];
static volatile int freed;

static void busy_free (void *data, void *hint)
{
    zmq_msg_t message, copy;
    (void) data;
    (void) hint;
    zmq_msg_init_size (&message, 100);
    zmq_msg_init (&copy);
    zmq_msg_copy (&copy, &message);
    zmq_msg_close (&message);
    zmq_msg_init_data (&message, block, 50, NULL, NULL);
    zmq_msg_move (&message, &copy);
    zmq_msg_close (&copy);
    zmq_msg_send (&message, note_socket, ZMQ_DONTWAIT);
    zmq_msg_close (&message);
    __atomic_add_fetch (&freed, 1, __ATOMIC_SEQ_CST);
}

static void send_block (void *socket, int flags)
{
    zmq_msg_t message;
    zmq_msg_init_data (&message, block, sizeof block, busy_free, NULL);
    EQUAL (zmq_msg_send (&message, socket, flags), sizeof block);
}

static void free_function_uses_the_library (void)
{
    EACH_TRANSPORT (transport) {
        void *notes, *push, *pull, *pub;
        JOIN (notes, ZMQ_PULL, note_socket, ZMQ_PUSH, "inproc");
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        SET (pull, ZMQ_RCVHWM, 10);
        freed = 0;
        /* Freed by the receiver, or by the thread that wrote it. */
        send_block (push, 0);
        EQUAL (discard (pull, ARRIVES_MS), 1);
        EVENTUALLY (freed == 1);
        EQUAL (discard (notes, ARRIVES_MS), 1);
        /* Freed in the call that sends, for want of subscribers. */
        pub = OPEN (ZMQ_PUB);
        BIND (pub, transport);
        send_block (pub, ZMQ_SNDMORE);
        send_block (pub, 0);
        EVENTUALLY (freed == 3);
        EQUAL (discard (notes, ARRIVES_MS) + discard (notes, ARRIVES_MS), 2);
        /* Freed as the next message takes its place. */
        zmq_msg_t message;
        zmq_msg_init_data (&message, block, sizeof block, busy_free, NULL);
        SEND (push, "next");
        REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_msg_recv (&message, pull, 0), 4);
        EVENTUALLY (freed == 4);
        OK (zmq_msg_close (&message));
        EQUAL (discard (notes, ARRIVES_MS), 1);
        /* Freed unread or unsent, by closing. */
        for (int i = 0; i < 5; i++)
            send_block (push, 0);
        CLOSE (push);
        CLOSE (pull);
        EVENTUALLY (freed == 9);
        for (int i = 0; i < 5; i++)
            EQUAL (discard (notes, ARRIVES_MS), 1);
        /* Freed with a queue that nobody reads. */
        push = OPEN (ZMQ_PUSH);
        OK (zmq_connect (push, "tcp://127.0.0.1:1"));
        for (int i = 0; i < 5; i++)
            send_block (push, 0);
        OK (zmq_disconnect (push, "tcp://127.0.0.1:1"));
        CLOSE (push);
        EVENTUALLY (freed == 14);
        for (int i = 0; i < 5; i++)
            EQUAL (discard (notes, ARRIVES_MS), 1);
    }
}

/* ---- bursts ----------------------------------------------------------------------------------- */

struct burst
{
    void *push;
    int count, sent;
    long long done_at;
    pthread_barrier_t sent_all, go_on;
};

static void *send_burst (void *arg)
{
    struct burst *burst = arg;
    char data[64] = "";
    for (int i = 0; i < burst->count; i++) {
        memcpy (data, &i, sizeof i);
        burst->sent += zmq_send (burst->push, data, sizeof data, 0) == sizeof data;
    }
    burst->done_at = now_ms ();
    pthread_barrier_wait (&burst->sent_all);
    pthread_barrier_wait (&burst->go_on); /* no further call until everything was received */
    return NULL;
}

static void burst_and_silence (void)
{
    for (int round = 0; round < 10; round++) {
        struct burst burst;
        pthread_t thread;
        void *pull;
        JOIN (pull, ZMQ_PULL, burst.push, ZMQ_PUSH, transports[round % 3]);
        SET (pull, ZMQ_RCVTIMEO, ARRIVES_MS);
        burst.count = 100000;
        burst.sent = 0;
        pthread_barrier_init (&burst.sent_all, NULL, 2);
        pthread_barrier_init (&burst.go_on, NULL, 2);
        pthread_create (&thread, NULL, send_burst, &burst);
        for (int i = 0; i < burst.count; i++) {
            char data[64];
            int number = -1;
            int rc = zmq_recv (pull, data, sizeof data, 0);
            memcpy (&number, data, sizeof number);
            if (rc != sizeof data || number != i) {
                fail_at (__FILE__, __LINE__, "round %d: number %d instead of %d (%d, errno %d)", round, number, i, rc,
                         zmq_errno ());
                fflush (stdout);
                _exit (1); /* the sender may be stuck */
            }
        }
        long long received = now_ms ();
        pthread_barrier_wait (&burst.sent_all);
        EQUAL (burst.sent, burst.count);
        CHECK (received - burst.done_at < 1000);
        pthread_barrier_wait (&burst.go_on);
        pthread_join (thread, NULL);
        CLOSE (burst.push);
        CLOSE (pull);
    }
}

/* ---- all ways of receiving -------------------------------------------------------------------- */

enum
{
    MIXED_COUNT = 10000
};

struct mixed
{
    void *socket;
    const char *address; /* of a ROUTER's peer */
    int parts, count;
    int failed;
};

static void *send_mixed (void *arg)
{
    struct mixed *mixed = arg;
    static __thread char data[30000];
    unsigned state = 7;
    for (int i = 0; i < mixed->count && !mixed->failed; i++) {
        if (mixed->address)
            mixed->failed |= zmq_send (mixed->socket, mixed->address, strlen (mixed->address), ZMQ_SNDMORE) == -1;
        for (int part = 0; part < mixed->parts; part++) {
            state = state * 1103515245 + 12345;
            unsigned roll = state >> 8;
            size_t size = 8 + roll % 200;
            if (roll % 97 == 0)
                size = 8 + roll % 29000;
            memcpy (data, &i, 4);
            memcpy (data + 4, &part, 4);
            memset (data + 8, i & 127, size - 8);
            mixed->failed |= zmq_send (mixed->socket, data, size, part < mixed->parts - 1 ? ZMQ_SNDMORE : 0) == -1;
        }
        if (state % 1000 < 3)
            poll (NULL, 0, 1); /* a pause now and then lets everybody fall asleep */
    }
    return NULL;
}

/* Waits for input in a way of its own. */
static void wait_in_some_way (void *socket, unsigned way)
{
    long long until = now_ms () + ARRIVES_MS;
    if (way == 0) {
        CHECK (await (socket, ZMQ_POLLIN, ARRIVES_MS));
    } else if (way == 1) {
        struct pollfd item = {get_int (socket, ZMQ_FD), POLLIN, 0};
        while (!(get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN) && now_ms () < until)
            poll (&item, 1, (int) (until - now_ms ()));
        CHECK (now_ms () < until);
    }
}

static void receive_mixed (void *socket, int count, int parts)
{
    static char data[30000];
    int next = 0;
    SET (socket, ZMQ_RCVTIMEO, ARRIVES_MS);
    while (next < count && checks_failed == 0) {
        unsigned way = random_below (4);
        int some = 1 + (int) random_below (random_below (20) == 0 ? 500 : 10);
        for (int k = 0; k < some && next < count; k++, next++) {
            /* 0: zmq_poll, 1: descriptor and events, 2: without waiting, 3: blocking */
            int flags = way == 3 ? 0 : ZMQ_DONTWAIT;
            wait_in_some_way (socket, way);
            for (int part = 0; part < parts; part++) {
                int number, which, rc = zmq_recv (socket, data, sizeof data, flags);
                long long until = now_ms () + ARRIVES_MS;
                while (rc == -1 && zmq_errno () == EAGAIN && way == 2 && part == 0 && now_ms () < until) {
                    sched_yield ();
                    rc = zmq_recv (socket, data, sizeof data, flags);
                }
                memcpy (&number, data, 4);
                memcpy (&which, data + 4, 4);
                if (rc < 8 || number != next || which != part || get_int (socket, ZMQ_RCVMORE) != (part < parts - 1)
                    || (rc > 8 && (data[8] != (next & 127) || data[rc - 1] != (next & 127)))) {
                    fail_at (__FILE__, __LINE__, "way %u: part %d of message %d: %d (errno %d), part %d of %d", way, part,
                             next, rc, rc == -1 ? zmq_errno () : 0, which, number);
                    return;
                }
            }
        }
    }
}

static void mix (int receiving, int sending, int parts)
{
    for (int i = 0; i < 3 && checks_failed == 0; i++) {
        struct mixed mixed = {NULL, sending == ZMQ_ROUTER ? "me" : NULL, parts, MIXED_COUNT, 0};
        pthread_t thread;
        void *receiver = OPEN (receiving);
        mixed.socket = OPEN (sending);
        SET (mixed.socket, ZMQ_SNDTIMEO, ARRIVES_MS);
        if (sending == ZMQ_XPUB) {
            SET (mixed.socket, ZMQ_XPUB_NODROP, 1);
            OK (zmq_setsockopt (receiver, ZMQ_SUBSCRIBE, "", 0));
        }
        if (sending == ZMQ_ROUTER) {
            SET (mixed.socket, ZMQ_ROUTER_MANDATORY, 1);
            OK (zmq_setsockopt (receiver, ZMQ_ROUTING_ID, "me", 2));
        }
        OK (zmq_connect (receiver, BIND (mixed.socket, transports[i])));
        if (sending == ZMQ_XPUB)
            RECV_BYTES (mixed.socket, "\1", 1, 0);
        if (sending == ZMQ_ROUTER) {
            SEND (receiver, "here");
            RECVMORE (mixed.socket, "me");
            RECV (mixed.socket, "here");
        }
        pthread_create (&thread, NULL, send_mixed, &mixed);
        receive_mixed (receiver, MIXED_COUNT, parts);
        if (checks_failed) {
            printf ("    over %s\n", transports[i]);
            fflush (stdout);
            _exit (1); /* the sender may be stuck */
        }
        pthread_join (thread, NULL);
        EQUAL (mixed.failed, 0);
        CLOSE (receiver);
        CLOSE (mixed.socket);
    }
}

static void ways_of_receiving_from_push (void)
{
    mix (ZMQ_PULL, ZMQ_PUSH, 1);
    mix (ZMQ_PULL, ZMQ_PUSH, 3);
}

static void ways_of_receiving_from_pub (void)
{
    mix (ZMQ_SUB, ZMQ_XPUB, 1);
    mix (ZMQ_SUB, ZMQ_XPUB, 2);
}

static void ways_of_receiving_from_router (void)
{
    mix (ZMQ_DEALER, ZMQ_ROUTER, 1);
    mix (ZMQ_DEALER, ZMQ_ROUTER, 4);
}

/* ---- heartbeats while the application does something else --------------------------------------- */

struct taker
{
    void *pull;
    int count, good;
    unsigned way;
    pthread_barrier_t taken, go_on;
};

static void *take_some (void *arg)
{
    struct taker *taker = arg;
    char buffer[8];
    for (int i = 0; i < taker->count; i++) {
        zmq_pollitem_t item = {taker->pull, 0, ZMQ_POLLIN, 0};
        if (taker->way == 1)
            zmq_poll (&item, 1, ARRIVES_MS);
        taker->good += zmq_recv (taker->pull, buffer, sizeof buffer, 0) == 4;
    }
    pthread_barrier_wait (&taker->taken);
    pthread_barrier_wait (&taker->go_on); /* busy with something else */
    return NULL;
}

static void pings_are_answered_while_the_application_is_busy (void)
{
    static char bytes[100000];
    for (int round = 0; round < 8; round++) {
        struct taker taker;
        pthread_t thread;
        size_t size = 0;
        int batch = 1 + (int) random_below (400);
        taker.pull = OPEN (ZMQ_PULL);
        taker.count = 1 + round % 5;
        taker.good = 0;
        taker.way = round & 1;
        pthread_barrier_init (&taker.taken, NULL, 2);
        pthread_barrier_init (&taker.go_on, NULL, 2);
        int fd = RAW_CONNECT (BIND (taker.pull, "tcp"));
        RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
        /* Less than the high-water mark of 1000, with two PINGs among the messages. */
        for (int i = 0; i < 2 * batch + 8; i++) {
            memcpy (bytes + size, "\0\4data", 6);
            size += 6;
            if (i == batch || i == 2 * batch) {
                memcpy (bytes + size, "\4\7\4PING\0\0", 9);
                size += 9;
            }
        }
        pthread_create (&thread, NULL, take_some, &taker);
        if (round % 3)
            poll (NULL, 0, 10); /* it waits already, mostly */
        raw_send_at (fd, bytes, size, __FILE__, __LINE__);
        pthread_barrier_wait (&taker.taken);
        EQUAL (taker.good, taker.count);
        /* Not a call is made from here on. */
        RAW_EXPECT (fd, "\4\5\4PONG\4\5\4PONG");
        for (int i = 0; i < 5; i++) {
            RAW_SEND (fd, "\0\4data\4\7\4PING\0\0");
            RAW_EXPECT (fd, "\4\5\4PONG");
        }
        RAW_QUIET (fd);
        pthread_barrier_wait (&taker.go_on);
        pthread_join (thread, NULL);
        for (int i = taker.count; i < 2 * batch + 8 + 5; i++)
            RECV (taker.pull, "data");
        close (fd);
        CLOSE (taker.pull);
    }
}

static void heartbeats_of_a_sender_while_the_receiver_is_busy (void)
{
    /* The sender gives up a peer that does not answer for 300 ms: then messages would be lost. */
    static const int counts[] = {200, 900};
    for (int i = 0; i < 2; i++) {
        void *push, *pull;
        char buffer[200] = "";
        push = OPEN (ZMQ_PUSH);
        pull = OPEN (ZMQ_PULL);
        SET (push, ZMQ_HEARTBEAT_IVL, 100);
        SET (push, ZMQ_HEARTBEAT_TIMEOUT, 300);
        OK (zmq_connect (pull, BIND (push, "tcp")));
        for (int k = 0; k < counts[i]; k++) {
            memcpy (buffer, &k, sizeof k);
            EQUAL (zmq_send (push, buffer, sizeof buffer, 0), sizeof buffer);
        }
        for (int k = 0; k < counts[i]; k++) {
            int number = -1;
            if (k == 3)
                poll (NULL, 0, 800); /* busy */
            REQUIRE (k <= 3 || await (pull, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (pull, &number, sizeof number, 0), sizeof buffer);
            EQUAL (number, k);
            if (k > 3 && k % 100 == 0)
                SEND (push, "more"); /* a new connection would have been needed for it */
        }
        for (int k = 4; k < counts[i]; k++)
            if (k % 100 == 0)
                RECV (pull, "more");
        CLOSE (push);
        CLOSE (pull);
    }
}

RUN_CASES (CASE (bound_to_new_endpoints), CASE (bound_to_the_same_path), CASE (bound_and_unbound_under_fire),
           CASE (messages_are_whole_across_reconnects),
           CASE (unfinished_message_of_a_dead_peer),
           CASE (full_peer_of_a_router), CASE (full_subscriber_without_dropping),
           CASE (unwanted_messages_do_not_delay_the_timeout),
           CASE (unread_pongs), CASE (flood_after_an_error), CASE (child_uses_inherited_sockets),
           CASE (limits_are_taken_at_bind), CASE (everything_is_said_again),
           CASE (free_function_uses_the_library), CASE (burst_and_silence), CASE (ways_of_receiving_from_push),
           CASE (ways_of_receiving_from_pub), CASE (ways_of_receiving_from_router),
           CASE (pings_are_answered_while_the_application_is_busy),
           CASE (heartbeats_of_a_sender_while_the_receiver_is_busy))
