/* Faults in whose face the reference hangs, loses messages or turns in circles. */
#include "../check.h"
#include "../raw.h"
#include "../faults.h"

/* ---- binding -------------------------------------------------------------------------------- */

static void bound_to_the_same_port (void)
{
    /* The reference gives the port up a little later, and at times not at all. */
    void *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    strcpy (endpoint, BIND (pull, "tcp"));
    for (int i = 0; i < 200; i++) {
        OK (zmq_unbind (pull, endpoint));
        OK (zmq_bind (pull, endpoint));
    }
    talk_over (pull, endpoint);
    CHECK_IDLE ();
}

/* ---- whole messages -------------------------------------------------------------------------- */

/* Small parts in bursts, written many at a time, to peers that leave in the middle. The reference passes most of the time, and at
   times aborts (an assertion on EAGAIN when it cleans up behind the peer). */
static void *send_small_parts (void *arg)
{
    struct sender *sender = arg;
    for (uint32_t message = 0; !sender->stop; message++)
        for (uint32_t number = 0; number < 3; number++) {
            struct part part = {{0}, message, number};
            int rc;
            do
                rc = zmq_send (sender->push, &part, sizeof part, number < 2 ? ZMQ_SNDMORE : 0);
            while (rc == -1 && number == 0 && !sender->stop);
            if (number == 0 && rc == -1)
                break;
        }
    return NULL;
}

static void small_messages_are_whole_across_reconnects (void)
{
    char endpoint[100];
    pthread_t thread;
    struct sender sender = {OPEN (ZMQ_PUSH), 0};
    int listener = raw_listen (endpoint);
    SET (sender.push, ZMQ_RECONNECT_IVL, 1);
    SET (sender.push, ZMQ_SNDTIMEO, 100);
    OK (zmq_connect (sender.push, endpoint));
    pthread_create (&thread, NULL, send_small_parts, &sender);
    for (int round = 0; round < 60 && checks_failed == 0; round++) {
        static unsigned char data[200000];
        enum
        {
            FRAME = 2 + sizeof (struct part)
        };
        int fd = raw_accept (listener, ARRIVES_MS);
        size_t got = 0, wanted = 1 + random_below (sizeof data);
        if (fd == -1) {
            fail_at (__FILE__, __LINE__, "no connection came in round %d", round);
            break;
        }
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        while (got < wanted && raw_readable (fd, ARRIVES_MS)) {
            ssize_t n = read (fd, data + got, wanted - got);
            if (n <= 0)
                break;
            got += (size_t) n;
        }
        EQUAL (got, wanted);
        uint32_t message = 0;
        for (size_t i = 0; (i + 1) * FRAME <= got && checks_failed == 0; i++) {
            struct part part;
            memcpy (&part, data + i * FRAME + 2, sizeof part);
            if (data[i * FRAME] != (i % 3 < 2) || data[i * FRAME + 1] != sizeof part || part.number != i % 3
                || (i % 3 > 0 && part.message != message))
                fail_at (__FILE__, __LINE__, "round %d frame %zu: flags %d, part %u of message %u, before %u", round, i,
                         data[i * FRAME], part.number, part.message, message);
            message = part.message;
        }
        close (fd);
    }
    sender.stop = 1;
    close (listener);
    pthread_join (thread, NULL);
}

/* With ZMQ_IMMEDIATE the pipe goes with the connection, and the socket may be closed before it has heard of that. The reference
   passes most of the time, and at times aborts, in the same place. */
static void messages_are_whole_with_immediate (void)
{
    cut_off_messages (1, 60);
}

/* ---- receiving nothing ------------------------------------------------------------------------ */

/* The reference looks through what it does not want without an end; here timeouts hold. */
struct publisher
{
    int fd;
    volatile int stop;
};

static void *flood_with_noise (void *arg)
{
    struct publisher *publisher = arg;
    static char noise[70000];
    for (size_t i = 0; i + 20 <= sizeof noise; i += 20)
        memcpy (noise + i, "\0\5noise\1\5noise\0\4tail", 20);
    size_t whole = sizeof noise / 20 * 20, at = 0;
    while (!publisher->stop)
        at = (at + raw_push (publisher->fd, noise + at, whole - at, 20)) % whole;
    /* To the end of a message. */
    if (at % 20)
        raw_push (publisher->fd, noise + at, 20 - at % 20, ARRIVES_MS);
    raw_push (publisher->fd, "\0\6wanted", 8, ARRIVES_MS);
    return NULL;
}

static void flood_of_unwanted_messages (void)
{
    struct publisher publisher;
    pthread_t thread;
    void *sub = OPEN (ZMQ_SUB);
    char buffer[8];
    publisher.stop = 0;
    OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "wanted", 6));
    publisher.fd = RAW_CONNECT (BIND (sub, "tcp"));
    RAW_HANDSHAKE (publisher.fd, READY3 ("PUB"), READY_SUB);
    pthread_create (&thread, NULL, flood_with_noise, &publisher);
    SET (sub, ZMQ_RCVTIMEO, 200);
    for (int i = 0; i < 3; i++) {
        long long start = now_ms ();
        FAILS (zmq_recv (sub, buffer, sizeof buffer, 0), EAGAIN);
        CHECK (now_ms () - start >= 190 && now_ms () - start < LATE_MS);
        start = now_ms ();
        await (sub, ZMQ_POLLIN, 100);
        CHECK (now_ms () - start < LATE_MS);
        start = now_ms ();
        FAILS (zmq_recv (sub, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
        CHECK (now_ms () - start < LATE_MS);
    }
    SET (sub, ZMQ_RCVTIMEO, -1);
    publisher.stop = 1;
    RECV (sub, "wanted");
    pthread_join (thread, NULL);
}

/* ---- lingering -------------------------------------------------------------------------------- */

static void lingering_ends_with_a_raw_peer (void)
{
    for (int i = 0; i < 8; i++) {
        void *push = OPEN (ZMQ_PUSH);
        struct linger reset = {1, 0};
        SET (push, ZMQ_LINGER, -1);
        int fd = RAW_CONNECT (BIND (push, "tcp"));
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        for (int k = 0; k < 20; k++)
            SEND_BYTES (push, megabyte, sizeof megabyte, 0);
        if (i & 1)
            setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (i & 4)
            CLOSE (push);
        if (i & 2)
            shutdown (fd, SHUT_WR); /* says that it ends, and is still there */
        else
            close (fd);
        if (!(i & 4))
            CLOSE (push);
        long long start = now_ms ();
        end_context ();
        CHECK (now_ms () - start < ARRIVES_MS);
        if (i & 2)
            close (fd);
    }
}

static void *kill_later (void *arg)
{
    poll (NULL, 0, 100);
    kill (*(pid_t *) arg, SIGKILL);
    return NULL;
}

/* The reference hangs here now and then. */
static void lingering_ends_with_the_peer (void)
{
    for (int during = 0; during < 2; during++) {
        static char data[100000];
        void *push = OPEN (ZMQ_PUSH);
        int status;
        SET (push, ZMQ_LINGER, -1);
        SET (push, ZMQ_SNDHWM, 50);
        const char *endpoint = BIND (push, "tcp");
        pid_t child = fork ();
        if (child == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            void *c = zmq_ctx_new (), *pull = zmq_socket (c, ZMQ_PULL);
            set_int (pull, ZMQ_RCVHWM, 1);
            set_int (pull, ZMQ_RCVBUF, 20000);
            zmq_connect (pull, endpoint);
            zmq_recv (pull, data, sizeof data, 0);
            for (;;)
                pause ();
        }
        int sent = 0;
        while (sent < 500 && await (push, ZMQ_POLLOUT, sent ? 100 : ARRIVES_MS)) {
            EQUAL (zmq_send (push, data, sizeof data, ZMQ_DONTWAIT), sizeof data);
            sent++;
        }
        CHECK (sent >= 50 && sent < 500);
        CLOSE (push);
        pthread_t thread;
        if (during)
            pthread_create (&thread, NULL, kill_later, &child);
        else
            kill (child, SIGKILL);
        long long start = now_ms ();
        end_context ();
        CHECK (now_ms () - start < ARRIVES_MS);
        CHECK (!during || now_ms () - start >= 50); /* and not before */
        if (during)
            pthread_join (thread, NULL);
        waitpid (child, &status, 0);
    }
}

/* A reader that takes its time, and answers PINGs meanwhile; `size` bytes a message. */
static void read_slowly (size_t size, int buffer)
{
    enum
    {
        COUNT = 20
    };
    void *push = OPEN (ZMQ_PUSH);
    int flags = 0;
    SET (push, ZMQ_LINGER, -1);
    SET (push, ZMQ_HEARTBEAT_IVL, 100);
    /* Less than all of it takes, much more than a single message: a busy machine keeps a thread from running for a while. */
    SET (push, ZMQ_HEARTBEAT_TIMEOUT, 1500);
    SET (push, ZMQ_SNDBUF, buffer);
    int fd = RAW_CONNECT (BIND (push, "tcp"));
    RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
    for (uint32_t i = 0; i < COUNT; i++) {
        memcpy (megabyte, &i, sizeof i);
        SEND_BYTES (push, megabyte, size, 0);
    }
    CLOSE (push);
    for (uint32_t next = 0; next < COUNT; next++) {
        uint32_t number[2] = {0, 0};
        long got;
        poll (NULL, 0, 100); /* the slowness */
        send (fd, "\4\5\4PONG", 7, MSG_NOSIGNAL);
        do
            got = raw_frame (fd, &flags, number, sizeof number, ARRIVES_MS);
        while (got > 0 && flags & 4);
        if (got != (long) size || number[0] != next) {
            fail_at (__FILE__, __LINE__, "message %u: %ld bytes, number %u, flags %d", next, got, number[0], flags);
            break;
        }
    }
    /* The end of the context waits for nothing else now. */
    long long start = now_ms ();
    end_context ();
    CHECK (now_ms () - start < ARRIVES_MS);
    close (fd);
}

static void slow_reader_of_a_lingering_socket (void)
{
    read_slowly (300000, 20000);
}

/* The reader goes on saying something (PONG) while the last messages are on their way: the reference loses them. */
static void slow_reader_of_large_messages (void)
{
    read_slowly (sizeof megabyte, -1);
}

/* ---- hostile peers ---------------------------------------------------------------------------- */

static void nothing_turns_for_unread_pongs (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    int fd = RAW_CONNECT (BIND (pull, "tcp"));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    static char pings[25 * 2000];
    for (size_t i = 0; i < sizeof pings; i += 25)
        memcpy (pings + i, "\4\x17\4PING\0\0sixteen bytes of.", 25);
    size_t sent = 0;
    long long start = now_ms ();
    long before = resident_kb ();
    while (sent < 40000000 && now_ms () - start < 2000) {
        size_t n = raw_push (fd, pings, sizeof pings, 100);
        sent += n;
        if (n < sizeof pings)
            break;
    }
    /* On a busy machine what was sent is not yet read when nothing more can be sent. */
    long long used;
    do {
        used = cpu_ms ();
        poll (NULL, 0, 100);
    } while (cpu_ms () - used > 5 && now_ms () - start < ARRIVES_MS);
    CHECK_IDLE ();
    CHECK (resident_kb () - before < 10000);
    OK (zmq_connect (push, last_endpoint (pull)));
    SEND (push, "on");
    RECV (pull, "on");
    /* Waiting for input does not turn either. */
    long long cpu = cpu_ms ();
    EQUAL (await (pull, ZMQ_POLLIN, 200), 0);
    CHECK (cpu_ms () - cpu < 60);
    SET (pull, ZMQ_RCVTIMEO, 200);
    char buffer[8];
    cpu = cpu_ms ();
    FAILS (zmq_recv (pull, buffer, sizeof buffer, 0), EAGAIN);
    CHECK (cpu_ms () - cpu < 60);
    close (fd);
}

/* ---- inproc ----------------------------------------------------------------------------------- */

static void connected_and_closed_before_the_bind (void)
{
    void *push = OPEN (ZMQ_PUSH), *live = OPEN (ZMQ_PULL);
    for (int i = 0; i < 3; i++) {
        void *gone = OPEN (ZMQ_PULL);
        OK (zmq_connect (gone, "inproc://a"));
        CLOSE (gone);
    }
    OK (zmq_bind (push, "inproc://a"));
    FAILS (zmq_send (push, "lost?", 5, ZMQ_DONTWAIT), EAGAIN);
    OK (zmq_connect (live, "inproc://a"));
    for (int i = 0; i < 10; i++)
        SEND (push, "kept");
    for (int i = 0; i < 10; i++)
        RECV (live, "kept");
}

static void disconnected_before_the_bind (void)
{
    void *push = OPEN (ZMQ_PUSH), *live = OPEN (ZMQ_PULL);
    OK (zmq_connect (live, "inproc://a"));
    OK (zmq_disconnect (live, "inproc://a"));
    OK (zmq_bind (push, "inproc://a"));
    FAILS (zmq_send (push, "lost?", 5, ZMQ_DONTWAIT), EAGAIN);
    OK (zmq_connect (live, "inproc://a"));
    SEND (push, "kept");
    RECV (live, "kept");
}

/* ---- limits of a live socket ------------------------------------------------------------------ */

static void exchange (void *push, void *pull, int count, int batch, const char *what)
{
    char text[16];
    for (int i = 0; i < count && checks_failed == 0; i += batch) {
        for (int k = 0; k < batch; k++) {
            sprintf (text, "%d", i + k);
            SEND (push, text);
        }
        for (int k = 0; k < batch; k++) {
            sprintf (text, "%d", i + k);
            RECV (pull, text);
        }
    }
    /* It looks for more, as receivers do. */
    if (await (pull, ZMQ_POLLIN, 0) || checks_failed)
        fail_at (__FILE__, __LINE__, "%s", what);
}

static void limits_changed_on_live_sockets (void)
{
    static const int limits[][2] = {{0, 100}, {1000, 10}, {10, 1000}, {100, 0}, {1, 2}, {3, 1}, {0, 1}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        EACH_TRANSPORT (transport) {
            for (int sending = 0; sending < 2; sending++) {
                char what[100];
                int option = sending ? ZMQ_SNDHWM : ZMQ_RCVHWM, now = limits[i][1];
                void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL), *changed = sending ? push : pull;
                sprintf (what, "%s: %s from %d to %d", transport, sending ? "SNDHWM" : "RCVHWM", limits[i][0], now);
                SET (changed, option, limits[i][0]);
                /* The other limit is not what stops it. */
                SET (sending ? pull : push, sending ? ZMQ_RCVHWM : ZMQ_SNDHWM, 1);
                OK (zmq_connect (push, BIND (pull, transport)));
                exchange (push, pull, 400, 1, what);
                SET (changed, option, now);
                exchange (push, pull, 400, 1, what);
                /* With the limit reached again and again. */
                char buffer[8];
                int sent = 0, received = 0;
                long long until = now_ms () + ARRIVES_MS;
                while (received < 1000 && now_ms () < until) {
                    while (sent < 1000 && zmq_send (push, "x", 1, ZMQ_DONTWAIT) == 1)
                        sent++;
                    if (!await (pull, ZMQ_POLLIN, ARRIVES_MS))
                        break;
                    for (int k = 0; k < 7 && zmq_recv (pull, buffer, sizeof buffer, ZMQ_DONTWAIT) == 1; k++)
                        received++;
                }
                if (received != 1000)
                    fail_at (__FILE__, __LINE__, "%s: stalls after %d sent and %d received", what, sent, received);
                CLOSE (push);
                CLOSE (pull);
                REQUIRE (checks_failed == 0);
            }
        }
}

static void limit_lowered_below_what_is_queued (void)
{
    EACH_TRANSPORT (transport) {
        void *push, *pull;
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        for (int i = 0; i < 400; i++)
            SEND (push, "x");
        SET (push, ZMQ_SNDHWM, 10);
        SET (pull, ZMQ_RCVHWM, 10);
        for (int i = 0; i < 400; i++)
            RECV (pull, "x");
        exchange (push, pull, 400, 1, transport);
    }
}

/* ---- two threads on one socket ---------------------------------------------------------------- */

struct receiver
{
    void *socket;
    int received, error;
    int *both;
};

static void *receive_all (void *arg)
{
    struct receiver *receiver = arg;
    char buffer[8];
    while (zmq_recv (receiver->socket, buffer, sizeof buffer, 0) != -1) {
        receiver->received++;
        __atomic_add_fetch (receiver->both, 1, __ATOMIC_SEQ_CST);
    }
    receiver->error = zmq_errno ();
    return NULL;
}

static void two_threads_receive_from_one_socket (void)
{
    static const int types[][2] = {{ZMQ_PULL, ZMQ_PUSH}, {ZMQ_DEALER, ZMQ_DEALER}};
    for (int t = 0; t < 2; t++)
        EACH_TRANSPORT (transport) {
            void *socket, *sender;
            int both = 0;
            JOIN (socket, types[t][0], sender, types[t][1], transport);
            struct receiver receivers[2] = {{socket, 0, 0, &both}, {socket, 0, 0, &both}};
            pthread_t threads[2];
            for (int i = 0; i < 2; i++)
                pthread_create (&threads[i], NULL, receive_all, &receivers[i]);
            /* One at a time, so that both are blocked when it comes; then in a burst. */
            for (int i = 0; i < 100; i++) {
                SEND (sender, "one");
                EVENTUALLY (__atomic_load_n (&both, __ATOMIC_SEQ_CST) == i + 1);
                REQUIRE (checks_failed == 0);
            }
            for (int i = 0; i < 10000; i++)
                EQUAL (zmq_send (sender, "burst", 5, 0), 5);
            EVENTUALLY (__atomic_load_n (&both, __ATOMIC_SEQ_CST) == 10100);
            CHECK_IDLE ();
            OK (zmq_ctx_shutdown (context ()));
            for (int i = 0; i < 2; i++) {
                pthread_join (threads[i], NULL);
                EQUAL (receivers[i].error, ETERM);
            }
            EQUAL (receivers[0].received + receivers[1].received, 10100);
            end_context ();
        }
}

static void one_thread_sends_while_another_receives (void)
{
    void *here, *there;
    int received = 0;
    JOIN (here, ZMQ_DEALER, there, ZMQ_DEALER, "tcp");
    struct receiver receiver = {here, 0, 0, &received}, echo = {there, 0, 0, &received};
    pthread_t threads[2];
    pthread_create (&threads[0], NULL, receive_all, &receiver);
    pthread_create (&threads[1], NULL, receive_all, &echo);
    for (int i = 0; i < 2000; i++) {
        EQUAL (zmq_send (here, "to", 2, 0), 2);
        EQUAL (zmq_send (there, "fro", 3, 0), 3);
    }
    EVENTUALLY (__atomic_load_n (&received, __ATOMIC_SEQ_CST) == 4000);
    EQUAL (receiver.received, 2000);
    OK (zmq_ctx_shutdown (context ()));
    pthread_join (threads[0], NULL);
    pthread_join (threads[1], NULL);
    EQUAL (receiver.error, ETERM);
    EQUAL (echo.error, ETERM);
}

/* ---- traps ------------------------------------------------------------------------------------ */

#define READY_K "\4\x2a\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\1K"

/* Trap 61: a peer comes back under its name before its messages were read. */
static void peer_is_back_before_its_messages_are_read (void)
{
    for (int handover = 0; handover < 2; handover++) {
        void *router = OPEN (ZMQ_ROUTER);
        SET (router, ZMQ_ROUTER_HANDOVER, handover);
        const char *endpoint = BIND (router, "tcp");
        int fd = RAW_CONNECT (endpoint);
        RAW_HANDSHAKE (fd, READY_K, READY_ROUTER);
        RAW_SEND (fd, "\0\3one\0\3two");
        RECVMORE (router, "K");
        RECV (router, "one");
        shutdown (fd, SHUT_WR);
        RAW_CLOSED (fd); /* it has seen the end */
        close (fd);
        fd = RAW_CONNECT (endpoint);
        RAW_HANDSHAKE (fd, READY_K, READY_ROUTER);
        RAW_SEND (fd, "\0\4back");
        RECVMORE (router, "K");
        RECV (router, "two");
        RECVMORE (router, "K");
        RECV (router, "back");
        SENDMORE (router, "K");
        SEND (router, "answer");
        RAW_EXPECT (fd, "\0\6answer");
        close (fd);
        CLOSE (router);
    }
}

/* Trap 69: the free function opens and closes sockets of the same context, and talks. */
static char block[6000];
static volatile int freed;

static void opening_free (void *data, void *hint)
{
    void *a = zmq_socket (hint, ZMQ_PAIR), *b = zmq_socket (hint, ZMQ_PAIR);
    char name[40], buffer[8];
    (void) data;
    static int names;
    sprintf (name, "inproc://free-%d", __atomic_add_fetch (&names, 1, __ATOMIC_SEQ_CST));
    if (a && b && zmq_bind (a, name) == 0 && zmq_connect (b, name) == 0 && zmq_send (a, "note", 4, 0) == 4
        && zmq_recv (b, buffer, sizeof buffer, ZMQ_DONTWAIT) == 4 && zmq_bind (a, "tcp://127.0.0.1:*") == 0)
        __atomic_add_fetch (&freed, 1, __ATOMIC_SEQ_CST);
    if (a)
        zmq_close (a);
    if (b)
        zmq_close (b);
}

static void send_block (void *socket, int flags)
{
    zmq_msg_t message;
    zmq_msg_init_data (&message, block, sizeof block, opening_free, context ());
    EQUAL (zmq_msg_send (&message, socket, flags), sizeof block);
}

static void free_function_opens_sockets (void)
{
    EACH_TRANSPORT (transport) {
        void *push, *pull;
        freed = 0;
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        for (int i = 0; i < 20; i++) {
            send_block (push, 0);
            EQUAL (discard (pull, ARRIVES_MS), 1);
        }
        EVENTUALLY (freed == 20);
        void *pub = OPEN (ZMQ_PUB);
        send_block (pub, ZMQ_SNDMORE);
        send_block (pub, 0);
        EVENTUALLY (freed == 22);
        /* A frame in the place of the block, and the block dropped by the call that receives. */
        zmq_msg_t message;
        zmq_msg_init_data (&message, block, sizeof block, opening_free, context ());
        SEND (push, "next");
        REQUIRE (await (pull, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_msg_recv (&message, pull, 0), 4);
        OK (zmq_msg_close (&message));
        EVENTUALLY (freed == 23);
        /* Unread and unsent. */
        for (int i = 0; i < 5; i++)
            send_block (push, i < 4 ? 0 : ZMQ_SNDMORE);
        CLOSE (push);
        CLOSE (pull);
        EVENTUALLY (freed == 28);
        push = OPEN (ZMQ_PUSH);
        OK (zmq_connect (push, "tcp://127.0.0.1:1"));
        for (int i = 0; i < 5; i++)
            send_block (push, 0);
        CLOSE (push);
        EVENTUALLY (freed == 33);
        end_context ();
    }
}

/* A free function that uses the very socket that drops the message must not block for ever. */
static void *own_socket;
static void use_own_socket (void *data, void *hint)
{
    (void) data;
    (void) hint;
    get_int (own_socket, ZMQ_EVENTS);
    zmq_send (own_socket, "freed", 5, ZMQ_DONTWAIT);
    __atomic_add_fetch (&freed, 1, __ATOMIC_SEQ_CST);
}

static void free_function_uses_the_socket_itself (void)
{
    zmq_msg_t message;
    EACH_TRANSPORT (transport) {
        void *peer;
        freed = 0;
        JOIN (peer, ZMQ_PAIR, own_socket, ZMQ_PAIR, transport);
        zmq_msg_init_data (&message, block, sizeof block, use_own_socket, NULL);
        EQUAL (zmq_msg_send (&message, own_socket, 0), sizeof block);
        EQUAL (discard (peer, ARRIVES_MS), 1);
        EVENTUALLY (freed == 1);
        RECV (peer, "freed");
        /* Into a used message. */
        zmq_msg_init_data (&message, block, sizeof block, use_own_socket, NULL);
        SEND (peer, "next");
        REQUIRE (await (own_socket, ZMQ_POLLIN, ARRIVES_MS));
        EQUAL (zmq_msg_recv (&message, own_socket, 0), 4);
        EVENTUALLY (freed == 2);
        OK (zmq_msg_close (&message));
    }
}

RUN_CASES (CASE (bound_to_the_same_port), CASE (lingering_ends_with_a_raw_peer), CASE (slow_reader_of_a_lingering_socket),
           CASE (small_messages_are_whole_across_reconnects), CASE (messages_are_whole_with_immediate),
           CASE (flood_of_unwanted_messages), CASE (lingering_ends_with_the_peer), CASE (slow_reader_of_large_messages),
           CASE (nothing_turns_for_unread_pongs),
           CASE (connected_and_closed_before_the_bind), CASE (disconnected_before_the_bind),
           CASE (limits_changed_on_live_sockets), CASE (limit_lowered_below_what_is_queued),
           CASE (two_threads_receive_from_one_socket), CASE (one_thread_sends_while_another_receives),
           CASE (peer_is_back_before_its_messages_are_read), CASE (free_function_opens_sockets),
           CASE (free_function_uses_the_socket_itself))
