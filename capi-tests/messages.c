/* Messages: the zmq_msg_t family, sharing, free functions, metadata. */
#include "check.h"
#include <sys/stat.h>

static char block[6000];
static volatile int freed;
static void *freed_data, *freed_hint;
static pthread_mutex_t freed_lock = PTHREAD_MUTEX_INITIALIZER;

static void count_free (void *data, void *hint)
{
    pthread_mutex_lock (&freed_lock);
    freed++;
    freed_data = data;
    freed_hint = hint;
    pthread_mutex_unlock (&freed_lock);
}

static int frees (void)
{
    pthread_mutex_lock (&freed_lock);
    int n = freed;
    pthread_mutex_unlock (&freed_lock);
    return n;
}

static void init_kinds (void)
{
    static const size_t sizes[] = {0, 1, 29, 30, 33, 34, 64, 100, 8192, 1 << 20};
    zmq_msg_t m;
    memset (&m, 0xff, sizeof m); /* any content may lie in a message before it is initialised */
    OK (zmq_msg_init (&m));
    EQUAL (zmq_msg_size (&m), 0);
    EQUAL (zmq_msg_more (&m), 0);
    OK (zmq_msg_close (&m));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset (&m, 0xaa, sizeof m);
        OK (zmq_msg_init_size (&m, sizes[i]));
        EQUAL (zmq_msg_size (&m), sizes[i]);
        memset (zmq_msg_data (&m), 'x', sizes[i]);
        EQUAL (zmq_msg_more (&m), 0);
        OK (zmq_msg_close (&m));
    }
    FAILS (zmq_msg_init_size (&m, (size_t) -1), ENOMEM);
    FAILS (zmq_msg_init_size (&m, (size_t) -8), ENOMEM);
    FAILS (zmq_msg_init_size (&m, (size_t) -1 / 2), ENOMEM);
}

static void closed_messages (void)
{
    zmq_msg_t m, good;
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    SEND (a, "waiting");
    memset (&m, 0, sizeof m);
    zmq_msg_init_size (&good, 3);
    for (int round = 0; round < 2; round++) {
        FAILS (zmq_msg_close (&m), EFAULT);
        FAILS (zmq_msg_recv (&m, b, 0), EFAULT);
        FAILS (zmq_msg_copy (&good, &m), EFAULT);
        FAILS (zmq_msg_move (&good, &m), EFAULT);
        FAILS (zmq_msg_copy (&m, &good), EFAULT);
        FAILS (zmq_msg_move (&m, &good), EFAULT);
        EQUAL (zmq_msg_size (&good), 3);
        zmq_msg_init_size (&m, 100);
        OK (zmq_msg_close (&m));
    }
    OK (zmq_msg_close (&good));
    RECV (b, "waiting");
}

static void moving (void)
{
    zmq_msg_t from, to;
    zmq_msg_init_data (&from, block, 10, count_free, NULL);
    zmq_msg_init_data (&to, block + 100, 20, count_free, block + 7);
    OK (zmq_msg_move (&to, &from));
    EQUAL (frees (), 1); /* what was in the target */
    CHECK (freed_data == block + 100 && freed_hint == block + 7);
    CHECK (zmq_msg_data (&to) == block);
    EQUAL (zmq_msg_size (&to), 10);
    EQUAL (zmq_msg_size (&from), 0);
    OK (zmq_msg_close (&from));
    EQUAL (frees (), 1);
    OK (zmq_msg_close (&to));
    EQUAL (frees (), 2);
    CHECK (freed_data == block && freed_hint == NULL);
}

static void copying (void)
{
    static const size_t sizes[] = {0, 1, 33, 34, 100, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        int shares = n > 33;
        zmq_msg_t a, b;
        zmq_msg_init_size (&a, n);
        memset (zmq_msg_data (&a), 'a', n);
        zmq_msg_init_data (&b, block, 10, count_free, NULL);
        int before = frees ();
        OK (zmq_msg_copy (&b, &a));
        EQUAL (frees (), before + 1);
        EQUAL (zmq_msg_size (&b), n);
        EQUAL (zmq_msg_size (&a), n);
        CHECK (memcmp (zmq_msg_data (&a), zmq_msg_data (&b), n) == 0);
        CHECK ((zmq_msg_data (&a) == zmq_msg_data (&b)) == shares);
        EQUAL (zmq_msg_get (&a, ZMQ_SHARED), shares);
        EQUAL (zmq_msg_get (&b, ZMQ_SHARED), shares);
        OK (zmq_msg_close (&a));
        EQUAL (zmq_msg_size (&b), n);
        if (n)
            EQUAL (((char *) zmq_msg_data (&b))[n - 1], 'a');
        EQUAL (zmq_msg_get (&b, ZMQ_SHARED), shares); /* once shared, always shared */
        OK (zmq_msg_close (&b));
    }
}

static void copies_of_user_data (void)
{
    zmq_msg_t m[6];
    OK (zmq_msg_init_data (&m[0], block, 5, count_free, block + 1));
    EQUAL (zmq_msg_get (&m[0], ZMQ_SHARED), 0);
    for (int i = 1; i < 6; i++) {
        zmq_msg_init (&m[i]);
        OK (zmq_msg_copy (&m[i], &m[i - 1]));
        CHECK (zmq_msg_data (&m[i]) == block);
    }
    EQUAL (zmq_msg_get (&m[0], ZMQ_SHARED), 1);
    for (int i = 0; i < 6; i++) {
        EQUAL (frees (), 0);
        OK (zmq_msg_close (&m[i]));
    }
    EQUAL (frees (), 1);
    CHECK (freed_data == block && freed_hint == block + 1);
    /* Without a free function the data is constant and counts as shared. */
    OK (zmq_msg_init_data (&m[0], block, 500, NULL, NULL));
    CHECK (zmq_msg_data (&m[0]) == block);
    EQUAL (zmq_msg_get (&m[0], ZMQ_SHARED), 1);
    OK (zmq_msg_close (&m[0]));
    /* No bytes at all, the function is still called. */
    OK (zmq_msg_init_data (&m[0], block, 0, count_free, NULL));
    OK (zmq_msg_close (&m[0]));
    EQUAL (frees (), 2);
}

static void properties (void)
{
    zmq_msg_t m;
    zmq_msg_init_size (&m, 100);
    EQUAL (zmq_msg_get (&m, ZMQ_MORE), 0);
    EQUAL (zmq_msg_get (&m, ZMQ_SHARED), 0);
    FAILS (zmq_msg_get (&m, ZMQ_SRCFD), EINVAL);
    FAILS (zmq_msg_get (&m, 0), EINVAL);
    FAILS (zmq_msg_get (&m, 99), EINVAL);
    FAILS (zmq_msg_set (&m, ZMQ_MORE, 1), EINVAL);
    FAILS (zmq_msg_set (&m, 0, 0), EINVAL);
    errno = 0;
    CHECK (zmq_msg_gets (&m, "Socket-Type") == NULL && errno == EINVAL);
    OK (zmq_msg_close (&m));
}

static void moved_bitwise (void)
{
    /* Structures of other languages are moved by copying their bytes. */
    static const size_t sizes[] = {5, 33, 34, 3000};
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        zmq_msg_t first, second;
        zmq_msg_init_size (&first, sizes[i]);
        memset (zmq_msg_data (&first), 'm', sizes[i]);
        memcpy (&second, &first, sizeof first);
        memset (&first, 0x55, sizeof first);
        EQUAL (((char *) zmq_msg_data (&second))[sizes[i] - 1], 'm');
        memcpy (&first, &second, sizeof first);
        memset (&second, 0x55, sizeof first);
        EQUAL (zmq_msg_send (&first, a, 0), sizes[i]);
        zmq_msg_init (&second);
        EQUAL (zmq_msg_recv (&second, b, 0), sizes[i]);
        memcpy (&first, &second, sizeof first);
        memset (&second, 0x55, sizeof first);
        EQUAL (((char *) zmq_msg_data (&first))[sizes[i] - 1], 'm');
        OK (zmq_msg_close (&first));
    }
}

static void sending_takes_the_content (void)
{
    EACH_TRANSPORT (transport) {
        static const size_t sizes[] = {5, 40, 5000};
        void *push, *pull;
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        for (int i = 0; i < 3; i++) {
            zmq_msg_t m;
            zmq_msg_init_size (&m, sizes[i]);
            memset (zmq_msg_data (&m), 's', sizes[i]);
            EQUAL (zmq_msg_send (&m, push, 0), sizes[i]);
            EQUAL (zmq_msg_size (&m), 0);
            EQUAL (zmq_msg_more (&m), 0);
            OK (zmq_msg_close (&m)); /* allowed, not needed */
            zmq_msg_init (&m);
            EQUAL (zmq_msg_recv (&m, pull, 0), sizes[i]);
            EQUAL (((char *) zmq_msg_data (&m))[sizes[i] - 1], 's');
            OK (zmq_msg_close (&m));
        }
    }
}

static void failed_send_keeps_the_content (void)
{
    void *push = OPEN (ZMQ_PUSH);
    zmq_msg_t m;
    zmq_msg_init_data (&m, memset (block, 'k', 100), 100, count_free, NULL);
    FAILS (zmq_msg_send (&m, push, ZMQ_DONTWAIT), EAGAIN);
    SET (push, ZMQ_SNDTIMEO, 10);
    FAILS (zmq_msg_send (&m, push, 0), EAGAIN);
    FAILS (zmq_sendmsg (push, &m, ZMQ_SNDMORE), EAGAIN);
    FAILS (zmq_msg_send (&m, OPEN (ZMQ_SUB), 0), ENOTSUP);
    EQUAL (frees (), 0);
    EQUAL (zmq_msg_size (&m), 100);
    CHECK (zmq_msg_data (&m) == block && block[99] == 'k');
    EQUAL (zmq_msg_more (&m), 0);
    OK (zmq_msg_close (&m));
    EQUAL (frees (), 1);
}

static void freed_once_after_sending (void)
{
    int expected = 0;
    EACH_TRANSPORT (transport)
        for (int i = 0; i < 2; i++) {
            size_t n = i ? 5000 : 20;
            void *push, *pull;
            zmq_msg_t m;
            JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
            zmq_msg_init_data (&m, memset (block, 'f', n), n, count_free, NULL);
            EQUAL (zmq_msg_send (&m, push, 0), n);
            EQUAL (zmq_msg_recv (&m, pull, 0), n);
            EQUAL (((char *) zmq_msg_data (&m))[n - 1], 'f');
            OK (zmq_msg_close (&m));
            expected++;
            EVENTUALLY (frees () == expected);
        }
    end_context ();
    EQUAL (frees (), expected);
}

static void freed_without_subscriber (void)
{
    void *pub = OPEN (ZMQ_PUB);
    zmq_msg_t m;
    zmq_msg_init_data (&m, block, 100, count_free, NULL);
    EQUAL (zmq_msg_send (&m, pub, 0), 100);
    EQUAL (frees (), 1);
}

static void freed_once_after_fan_out (void)
{
    void *pub = OPEN (ZMQ_XPUB), *subs[4];
    const char *name = BIND (pub, "inproc");
    for (int i = 0; i < 4; i++) {
        subs[i] = OPEN (ZMQ_SUB);
        OK (zmq_setsockopt (subs[i], ZMQ_SUBSCRIBE, "", 0));
        OK (zmq_connect (subs[i], name));
    }
    for (int i = 0; i < 2; i++) {
        zmq_msg_t m, got;
        size_t n = i ? 4000 : 3;
        zmq_msg_init_data (&m, block, n, count_free, NULL);
        EQUAL (zmq_msg_send (&m, pub, 0), n);
        zmq_msg_init (&got);
        for (int k = 0; k < 4; k++) {
            EQUAL (frees (), i);
            EQUAL (zmq_msg_recv (&got, subs[k], 0), n);
        }
        OK (zmq_msg_close (&got));
        EQUAL (frees (), i + 1);
    }
}

static void freed_when_thrown_away (void)
{
    /* Queued and never received: the sockets close, or there was never a peer. */
    void *push, *pull;
    zmq_msg_t m;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    for (int i = 0; i < 5; i++) {
        zmq_msg_init_data (&m, block, i & 1 ? 10 : 500, count_free, NULL);
        EQUAL (zmq_msg_send (&m, push, 0), i & 1 ? 10 : 500);
    }
    void *lonely = OPEN (ZMQ_PUSH);
    OK (zmq_connect (lonely, "tcp://127.0.0.1:1"));
    zmq_msg_init_data (&m, block, 50, count_free, NULL);
    EQUAL (zmq_msg_send (&m, lonely, 0), 50);
    void *unfinished = OPEN (ZMQ_PUSH);
    OK (zmq_connect (unfinished, "inproc://never-bound"));
    zmq_msg_init_data (&m, block, 50, count_free, NULL);
    EQUAL (zmq_msg_send (&m, unfinished, ZMQ_SNDMORE), 50);
    EQUAL (frees (), 0);
    end_context ();
    EQUAL (frees (), 7);
}

static void received_into_used_message (void)
{
    void *a, *b;
    zmq_msg_t m;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    zmq_msg_init_data (&m, block, 100, count_free, NULL);
    SEND (a, "new");
    EQUAL (zmq_msg_recv (&m, b, 0), 3);
    EQUAL (frees (), 1);
    EQUAL (zmq_msg_size (&m), 3);
    OK (zmq_msg_close (&m));
}

/* The free function itself uses the library. */
static void *note_socket;
static void send_note (void *data, void *hint)
{
    (void) data;
    (void) hint;
    zmq_send (note_socket, "freed", 5, ZMQ_DONTWAIT);
}

static void free_function_may_send (void)
{
    EACH_TRANSPORT (transport) {
        void *notes, *push, *pull;
        JOIN (notes, ZMQ_PULL, note_socket, ZMQ_PUSH, "inproc");
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        zmq_msg_t m;
        zmq_msg_init_data (&m, block, 6000, send_note, NULL);
        EQUAL (zmq_msg_send (&m, push, 0), 6000);
        EQUAL (zmq_msg_recv (&m, pull, 0), 6000);
        OK (zmq_msg_close (&m));
        RECV (notes, "freed");
    }
}

/* Free functions that use the library have their turns: each begins when the one before has ended, in the order of sending. */
static int depth, deepest, turns, out_of_turn;
static void free_in_turn (void *data, void *hint)
{
    (void) data;
    int now = __atomic_add_fetch (&depth, 1, __ATOMIC_SEQ_CST);
    if (now > __atomic_load_n (&deepest, __ATOMIC_SEQ_CST))
        __atomic_store_n (&deepest, now, __ATOMIC_SEQ_CST);
    if ((intptr_t) hint != __atomic_fetch_add (&turns, 1, __ATOMIC_SEQ_CST))
        __atomic_add_fetch (&out_of_turn, 1, __ATOMIC_SEQ_CST);
    zmq_send (note_socket, "x", 1, ZMQ_DONTWAIT);
    __atomic_sub_fetch (&depth, 1, __ATOMIC_SEQ_CST);
}

static void send_to_be_freed_in_turn (void *push, int count)
{
    zmq_msg_t m;
    for (int i = 0; i < count; i++) {
        OK (zmq_msg_init_data (&m, block, 20, free_in_turn, (void *) (intptr_t) i));
        EQUAL (zmq_msg_send (&m, push, ZMQ_DONTWAIT), 20);
    }
    EQUAL (__atomic_load_n (&turns, __ATOMIC_SEQ_CST), 0);
}

static void check_turns (int count)
{
    EVENTUALLY (__atomic_load_n (&turns, __ATOMIC_SEQ_CST) >= count);
    EVENTUALLY (__atomic_load_n (&depth, __ATOMIC_SEQ_CST) == 0);
    end_context ();
    EQUAL (turns, count);
    EQUAL (deepest, 1);
    EQUAL (out_of_turn, 0);
}

static void free_functions_have_their_turns (void)
{
    void *notes, *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    JOIN (notes, ZMQ_PAIR, note_socket, ZMQ_PAIR, "inproc");
    strcpy (endpoint, BIND (pull, "tcp"));
    OK (zmq_unbind (pull, endpoint)); /* a free port */
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    send_to_be_freed_in_turn (push, 50);
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    for (int i = 0; i < 50; i++)
        RECV_BYTES (pull, block, 20, 0);
    check_turns (50);
}

/* Very many at once, which nobody has received. */
static void free_functions_of_a_long_queue_have_their_turns (void)
{
    void *notes, *push = OPEN (ZMQ_PUSH);
    JOIN (notes, ZMQ_PAIR, note_socket, ZMQ_PAIR, "inproc");
    SET (push, ZMQ_SNDHWM, 0);
    OK (zmq_connect (push, "tcp://127.0.0.1:1"));
    send_to_be_freed_in_turn (push, 20000);
    CLOSE (push);
    check_turns (20000);
}

static void more_flag (void)
{
    void *a, *b, *c, *d;
    zmq_msg_t m, copy;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    JOIN (c, ZMQ_PAIR, d, ZMQ_PAIR, "inproc");
    SENDMORE (a, "one");
    SEND (a, "two");
    zmq_msg_init (&m);
    zmq_msg_init (&copy);
    EQUAL (zmq_msg_recv (&m, b, 0), 3);
    EQUAL (zmq_msg_more (&m), 1);
    EQUAL (zmq_msg_get (&m, ZMQ_MORE), 1);
    OK (zmq_msg_copy (&copy, &m));
    EQUAL (zmq_msg_more (&copy), 1);
    /* Only the flag of the call decides when it is sent on. */
    EQUAL (zmq_msg_send (&m, c, 0), 3);
    RECV (d, "one");
    EQUAL (zmq_msg_recv (&m, b, 0), 3);
    EQUAL (zmq_msg_more (&m), 0);
    EQUAL (zmq_msg_send (&m, c, ZMQ_SNDMORE), 3);
    EQUAL (zmq_msg_send (&copy, c, 0), 3);
    RECVMORE (d, "two");
    RECV (d, "one");
}

static int says (zmq_msg_t *m, const char *name, const char *expected)
{
    const char *value = zmq_msg_gets (m, name);
    return expected ? value && strcmp (value, expected) == 0 : value == NULL && errno == EINVAL;
}

static void metadata (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "me", 2));
    OK (zmq_connect (dealer, BIND (router, "tcp")));
    SEND (dealer, "hello");
    zmq_msg_t id, body;
    struct stat about;
    zmq_msg_init (&id);
    zmq_msg_init (&body);
    EQUAL (zmq_msg_recv (&id, router, 0), 2);
    EQUAL (zmq_msg_recv (&body, router, 0), 5);
    zmq_msg_t *const both[] = {&id, &body};
    for (int i = 0; i < 2; i++) {
        CHECK (says (both[i], "Socket-Type", "DEALER"));
        CHECK (says (both[i], "Peer-Address", "127.0.0.1"));
        CHECK (says (both[i], "Identity", "me"));
        CHECK (says (both[i], "User-Id", NULL));
        CHECK (says (both[i], "socket-type", NULL));
        CHECK (says (both[i], "Nothing", NULL));
    }
    CHECK (zmq_msg_get (&body, ZMQ_SRCFD) >= 0);
    CHECK (fstat (zmq_msg_get (&body, ZMQ_SRCFD), &about) == 0 && S_ISSOCK (about.st_mode));
    /* A copy has it too; a message that is sent on loses it. */
    zmq_msg_t copy;
    zmq_msg_init (&copy);
    OK (zmq_msg_copy (&copy, &body));
    CHECK (says (&copy, "Identity", "me"));
    OK (zmq_msg_close (&id));
    OK (zmq_msg_close (&copy));
    end_context ();
    CHECK (says (&body, "Socket-Type", "DEALER")); /* outlives the connection */
    EQUAL (memcmp (zmq_msg_data (&body), "hello", 5), 0);
    OK (zmq_msg_close (&body));
}

/* One message for all that comes, from two peers in turn: each time it says who sent it, and after a receive in vain nothing. */
static void metadata_in_one_message (void)
{
    static const size_t sizes[] = {1, 100, 5000, 100, 1};
    static char body[5000];
    void *dealer = OPEN (ZMQ_DEALER), *peers[2];
    zmq_msg_t m;
    zmq_msg_init (&m);
    const char *endpoint = BIND (dealer, "tcp");
    for (int i = 0; i < 2; i++) {
        peers[i] = OPEN (ZMQ_DEALER);
        OK (zmq_setsockopt (peers[i], ZMQ_ROUTING_ID, i ? "b" : "a", 1));
        OK (zmq_connect (peers[i], endpoint));
    }
    for (int round = 0; round < 50; round++) {
        const int from = round % 3 == 1;
        const size_t size = sizes[round % 5];
        const int parts = round % 7 == 0 ? 2 : 1;
        for (int part = 0; part < parts; part++)
            EQUAL (zmq_send (peers[from], body, size, part + 1 < parts ? ZMQ_SNDMORE : 0), size);
        for (int part = 0; part < parts; part++) {
            EQUAL (zmq_msg_recv (&m, dealer, 0), size);
            EQUAL (zmq_msg_more (&m), part + 1 < parts);
            CHECK (says (&m, "Identity", from ? "b" : "a"));
        }
        if (round % 4 == 3) {
            FAILS (zmq_msg_recv (&m, dealer, ZMQ_DONTWAIT), EAGAIN);
            EQUAL (zmq_msg_size (&m), 0);
            EQUAL (zmq_msg_more (&m), 0);
            CHECK (says (&m, "Identity", NULL));
        }
    }
    OK (zmq_msg_close (&m));
}

static void metadata_of_local_transports (void)
{
    void *a, *b;
    zmq_msg_t m;
    char address[100];
    zmq_msg_init (&m);
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "ipc");
    SEND (b, "x");
    EQUAL (zmq_msg_recv (&m, a, 0), 1);
    CHECK (says (&m, "Socket-Type", "PUSH"));
    snprintf (address, sizeof address, "localhost:%d:%d:%d", (int) getuid (), (int) getgid (), (int) getpid ());
    CHECK (says (&m, "Peer-Address", address));
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "inproc");
    SEND (b, "x");
    EQUAL (zmq_msg_recv (&m, a, 0), 1);
    CHECK (says (&m, "Socket-Type", NULL));
    CHECK (says (&m, "Peer-Address", NULL));
    FAILS (zmq_msg_get (&m, ZMQ_SRCFD), EINVAL);
    OK (zmq_msg_close (&m));
}

static void received_message_outlives_the_context (void)
{
    static const size_t sizes[] = {10, 50, 4000, 100000};
    zmq_msg_t m[4];
    void *push, *pull;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    for (int i = 0; i < 4; i++) {
        zmq_msg_init_size (&m[i], sizes[i]);
        memset (zmq_msg_data (&m[i]), 'a' + i, sizes[i]);
        EQUAL (zmq_msg_send (&m[i], push, 0), sizes[i]);
    }
    for (int i = 0; i < 4; i++)
        EQUAL (zmq_msg_recv (&m[i], pull, 0), sizes[i]);
    end_context ();
    for (int i = 0; i < 4; i++) {
        const char *data = zmq_msg_data (&m[i]);
        CHECK (data[0] == 'a' + i && data[sizes[i] - 1] == 'a' + i);
        OK (zmq_msg_close (&m[i]));
    }
}

RUN_CASES (CASE (init_kinds), CASE (closed_messages), CASE (moving), CASE (copying),
           CASE (copies_of_user_data), CASE (properties), CASE (moved_bitwise),
           CASE (sending_takes_the_content), CASE (failed_send_keeps_the_content),
           CASE (freed_once_after_sending), CASE (freed_without_subscriber),
           CASE (freed_once_after_fan_out), CASE (freed_when_thrown_away),
           CASE (received_into_used_message), CASE (free_function_may_send),
           CASE (free_functions_have_their_turns), CASE (free_functions_of_a_long_queue_have_their_turns), CASE (more_flag),
           CASE (metadata), CASE (metadata_in_one_message), CASE (metadata_of_local_transports),
           CASE (received_message_outlives_the_context))
