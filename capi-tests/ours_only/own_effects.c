/* Options that Debian's build does not know, drafts there, or that end the process or a peer's patience. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"

#include <dirent.h>
#include <dlfcn.h>

enum
{
    ZAP_ENFORCE_DOMAIN = 93,
    RECONNECT_STOP = 109,
    STOP_AFTER_DISCONNECT = 4,
    IN_BATCH_SIZE = 101,
    OUT_BATCH_SIZE = 102,
    PRIORITY = 112,
    BUSY_POLL = 113,
    XSUB_VERBOSE_UNSUBSCRIBE = 115,
    TOPICS_COUNT = 116
};

static int option_of (int fd, int level, int name)
{
    int number = -1;
    socklen_t size = sizeof number;
    return getsockopt (fd, level, name, &number, &size) == 0 ? number : -1;
}

/* The largest piece that a STREAM gives is what it reads at a time. */
static void size_of_pieces (void)
{
    static const int sizes[] = {100, 1000, 8192, 30000};
    static char data[60000], piece[60000];
    for (int i = 0; i < 4; i++) {
        void *stream = OPEN (ZMQ_STREAM);
        char id[8];
        int largest = 0, total = 0;
        if (sizes[i] != 8192) /* the default */
            SET (stream, IN_BATCH_SIZE, sizes[i]);
        SET (stream, OUT_BATCH_SIZE, sizes[i]);
        SET (stream, ZMQ_STREAM_NOTIFY, 0);
        int fd = RAW_CONNECT (BIND (stream, "tcp"));
        for (int k = 0; k < (int) sizeof data; k++)
            data[k] = (char) (k * 7 + k / 251);
        raw_send_at (fd, data, sizeof data, __FILE__, __LINE__);
        while (total < (int) sizeof data) {
            REQUIRE (await (stream, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (stream, id, sizeof id, 0), 5);
            int got = zmq_recv (stream, piece, sizeof piece, 0);
            REQUIRE (got > 0 && got <= sizes[i]);
            EQUAL (memcmp (piece, data + total, (size_t) got), 0);
            largest = got > largest ? got : largest;
            total += got;
        }
        EQUAL (largest, sizes[i]);
        /* What goes out does not depend on the size of what is written at a time. */
        SEND_BYTES (stream, id, 5, ZMQ_SNDMORE);
        SEND_BYTES (stream, data, sizeof data, 0);
        EQUAL (recv (fd, piece, sizeof piece, MSG_WAITALL), sizeof piece);
        EQUAL (memcmp (piece, data, sizeof data), 0);
        close (fd);
        CLOSE (stream);
    }
}

/* Batches of the smallest size: everything is slow and nothing is wrong. */
static void tiny_batches (void)
{
    static const char *const kinds[] = {"tcp", "ipc"};
    static char big[20000];
    for (int k = 0; k < 2; k++) {
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        SET (push, OUT_BATCH_SIZE, 1);
        SET (pull, OUT_BATCH_SIZE, 1);
        SET (push, IN_BATCH_SIZE, 1);
        SET (pull, IN_BATCH_SIZE, 1);
        OK (zmq_connect (push, BIND (pull, kinds[k])));
        for (int i = 0; i < 50; i++) {
            SENDMORE (push, "a");
            SEND_BYTES (push, big, (size_t) i * 10, 0);
        }
        SEND_BYTES (push, big, sizeof big, 0);
        for (int i = 0; i < 50; i++) {
            RECVMORE (pull, "a");
            RECV_BYTES (pull, big, (size_t) i * 10, 0);
        }
        RECV_BYTES (pull, big, sizeof big, 0);
    }
}

static void priority_and_busy_poll (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    SET (pull, PRIORITY, 5);
    SET (push, PRIORITY, 5);
    SET (pull, BUSY_POLL, 1);
    SET (push, BUSY_POLL, 1);
    EQUAL (get_int (push, BUSY_POLL), 1);
    void *at_pull = watch (pull, ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED), *at_push = watch (push, ZMQ_EVENT_CONNECTED);
    const char *endpoint = BIND (pull, "tcp");
    OK (zmq_connect (push, endpoint));
    EVENT (at_pull, ZMQ_EVENT_LISTENING, endpoint);
    EQUAL (option_of ((int) value, SOL_SOCKET, SO_PRIORITY), 5);
    EVENT (at_pull, ZMQ_EVENT_ACCEPTED, endpoint);
    SEND (push, "x");
    RECV (pull, "x");
    EQUAL (option_of ((int) value, SOL_SOCKET, SO_PRIORITY), 5);
    EVENT (at_push, ZMQ_EVENT_CONNECTED, endpoint);
    EQUAL (option_of ((int) value, SOL_SOCKET, SO_PRIORITY), 5);
    /* Whether a kernel can do it is another matter. */
    int polled = option_of ((int) value, SOL_SOCKET, SO_BUSY_POLL), fd = socket (AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd != -1 && setsockopt (fd, SOL_SOCKET, SO_BUSY_POLL, &one, sizeof one) == 0)
        EQUAL (polled, 1);
    close (fd);
}

/* Every unsubscription is passed on, not only the last of a topic. */
static void verbose_unsubscriptions (void)
{
    for (int verbose = 0; verbose < 2; verbose++) {
        void *pub = OPEN (ZMQ_XPUB), *sub = OPEN (ZMQ_XSUB);
        SET (pub, ZMQ_XPUB_VERBOSER, 1);
        SET (sub, XSUB_VERBOSE_UNSUBSCRIBE, verbose);
        OK (zmq_connect (sub, BIND (pub, "inproc")));
        for (int i = 0; i < 2; i++) {
            SEND_BYTES (sub, "\1A", 2, 0);
            RECV_BYTES (pub, "\1A", 2, 0);
        }
        SEND_BYTES (sub, "\0A", 2, 0);
        if (verbose)
            RECV_BYTES (pub, "\0A", 2, 0);
        SEND_BYTES (sub, "\0A", 2, 0);
        RECV_BYTES (pub, "\0A", 2, 0);
        QUIET (pub);
        CLOSE (sub);
        CLOSE (pub);
    }
}

static int topics (void *socket)
{
    get_int (socket, ZMQ_EVENTS); /* a publisher takes note of subscriptions when it is used */
    return get_int (socket, TOPICS_COUNT);
}

/* Different topics of all peers at the publisher; at the subscriber each subscription counts. */
static void counted_topics (void)
{
    void *pub = OPEN (ZMQ_XPUB), *one = OPEN (ZMQ_SUB), *two = OPEN (ZMQ_SUB);
    const char *name = BIND (pub, "inproc");
    OK (zmq_connect (one, name));
    OK (zmq_connect (two, name));
    EQUAL (topics (pub), 0);
    EQUAL (topics (one), 0);
    OK (zmq_setsockopt (one, ZMQ_SUBSCRIBE, "a", 1));
    OK (zmq_setsockopt (one, ZMQ_SUBSCRIBE, "ab", 2));
    OK (zmq_setsockopt (two, ZMQ_SUBSCRIBE, "ab", 2));
    OK (zmq_setsockopt (two, ZMQ_SUBSCRIBE, "", 0));
    EQUAL (topics (pub), 3);
    EQUAL (topics (one), 2);
    EQUAL (topics (two), 2);
    OK (zmq_setsockopt (two, ZMQ_UNSUBSCRIBE, "ab", 2));
    EQUAL (topics (two), 1);
    EQUAL (topics (pub), 3);
    for (int times = 3; times < 6; times++) { /* again and again the same */
        OK (zmq_setsockopt (one, ZMQ_SUBSCRIBE, "a", 1));
        EQUAL (topics (one), times);
    }
    EQUAL (topics (pub), 3);
    OK (zmq_setsockopt (one, ZMQ_UNSUBSCRIBE, "a", 1));
    EQUAL (topics (one), 4);
    CLOSE (one);
    EVENTUALLY (topics (pub) == 1);
    CLOSE (two);
    EVENTUALLY (topics (pub) == 0);
}

/* A connection that was given up is not tried again, even where it had something left to say. */
static void stopped_after_disconnect (void)
{
    for (int stop = 0; stop < 2; stop++) {
        char endpoint[100];
        void *push = OPEN (ZMQ_PUSH);
        int listener = raw_listen (endpoint);
        SET (push, ZMQ_LINGER, -1);
        SET (push, ZMQ_RECONNECT_IVL, 10);
        SET (push, RECONNECT_STOP, stop ? STOP_AFTER_DISCONNECT : 0);
        OK (zmq_connect (push, endpoint));
        SEND (push, "left");
        int fd = RAW_ACCEPT (listener);
        OK (zmq_disconnect (push, endpoint));
        close (fd);
        fd = raw_accept (listener, stop ? QUIET_MS : ARRIVES_MS);
        EQUAL (fd == -1, stop);
        if (fd != -1) {
            RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
            RAW_EXPECT (fd, "\0\4left");
            close (fd);
        }
        SET (push, ZMQ_LINGER, 0);
        CLOSE (push);
        close (listener);
    }
}

/* A domain and nobody to ask: nobody comes in, and learns it at once. */
static void enforced_domain_without_a_handler (void)
{
    void *server = OPEN (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    SET (server, ZAP_ENFORCE_DOMAIN, 1);
    OK (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "there", 5));
    SET (client, ZMQ_RECONNECT_IVL, 10);
    SET (client, ZMQ_IMMEDIATE, 1);
    void *reader = watch (server, ZMQ_EVENT_ALL);
    const char *endpoint = BIND (server, "tcp");
    EVENT (reader, ZMQ_EVENT_LISTENING, endpoint);
    OK (zmq_connect (client, endpoint));
    for (int i = 0; i < 2; i++) {
        EVENT (reader, ZMQ_EVENT_ACCEPTED, endpoint);
        EVENT (reader, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, endpoint);
        EVENT (reader, ZMQ_EVENT_DISCONNECTED, endpoint);
    }
    EQUAL (await (client, ZMQ_POLLOUT, 0), 0);
}

/* PLAIN is asked about with an empty domain too. */
static void enforced_without_a_domain (void)
{
    static const char *const request[] = {"1.0", "1", "", "127.0.0.1", "", "PLAIN", "me"};
    static const char *const answer[] = {"1.0", "1", "200", "", ""};
    void *handler = OPEN (ZMQ_REP), *server = OPEN (ZMQ_DEALER), *client = OPEN (ZMQ_DEALER);
    OK (zmq_bind (handler, "inproc://zeromq.zap.01"));
    SET (server, ZAP_ENFORCE_DOMAIN, 1);
    SET (server, ZMQ_PLAIN_SERVER, 1);
    OK (zmq_setsockopt (client, ZMQ_PLAIN_USERNAME, "me", 2));
    OK (zmq_setsockopt (client, ZMQ_PLAIN_PASSWORD, "secret", 6));
    OK (zmq_connect (client, BIND (server, "tcp")));
    for (int i = 0; i < 7; i++)
        RECVMORE (handler, request[i]);
    RECV (handler, "secret");
    for (int i = 0; i < 5; i++)
        SENDMORE (handler, answer[i]);
    SEND (handler, "");
    SEND (client, "in");
    RECV (server, "in");
}

/* What a peer calls itself, by both names; the reference knows it as Identity alone. inproc has no such properties. */
static void routing_id_of_the_peer (void)
{
    EACH_TRANSPORT (transport) {
        void *bound = OPEN (ZMQ_DEALER), *connected = OPEN (ZMQ_DEALER);
        zmq_msg_t message;
        OK (zmq_setsockopt (connected, ZMQ_ROUTING_ID, "me", 2));
        OK (zmq_connect (connected, BIND (bound, transport)));
        SEND (connected, "x");
        SEND (bound, "y");
        REQUIRE (await (bound, ZMQ_POLLIN, ARRIVES_MS) && await (connected, ZMQ_POLLIN, ARRIVES_MS));
        OK (zmq_msg_init (&message));
        EQUAL (zmq_msg_recv (&message, bound, ZMQ_DONTWAIT), 1);
        static const char *const names[] = {"Routing-Id", "Identity"};
        for (int i = 0; i < 2; i++) {
            const char *id = zmq_msg_gets (&message, names[i]);
            CHECK (strcmp (transport, "inproc") == 0 ? id == NULL : id && strcmp (id, "me") == 0);
        }
        /* A peer without one. */
        EQUAL (zmq_msg_recv (&message, connected, ZMQ_DONTWAIT), 1);
        for (int i = 0; i < 2 && strcmp (transport, "inproc") != 0; i++) {
            const char *id = zmq_msg_gets (&message, names[i]);
            CHECK (id && *id == 0);
        }
        OK (zmq_msg_close (&message));
    }
}

static int have_thread (const char *wanted)
{
    int found = 0;
    struct dirent *entry;
    DIR *entries = opendir ("/proc/self/task");
    while (entries && (entry = readdir (entries))) {
        char path[300], name[20] = "";
        snprintf (path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *comm = fopen (path, "r");
        if (comm) {
            found += fscanf (comm, "%19[^\n]", name) == 1 && strcmp (name, wanted) == 0;
            fclose (comm);
        }
    }
    if (entries)
        closedir (entries);
    return found == 1;
}

/* A prefix of any text; the system keeps 15 bytes of a name. */
static void text_before_the_names_of_threads (void)
{
    static const char *const rows[][2] = {
      {"me", "me/ZMQbg/IO/0"}, {"sixteen letters!", "sixteen letters"}, {"a/b c", "a/b c/ZMQbg/IO/"}};
    int (*set_ext) (void *, int, const void *, size_t);
    int (*get_ext) (void *, int, void *, size_t *);
    *(void **) &set_ext = dlsym (RTLD_DEFAULT, "zmq_ctx_set_ext");
    *(void **) &get_ext = dlsym (RTLD_DEFAULT, "zmq_ctx_get_ext");
    REQUIRE (set_ext && get_ext);
    for (int i = 0; i < 3; i++) {
        char text[20] = "";
        size_t size = sizeof text;
        OK (set_ext (context (), ZMQ_THREAD_NAME_PREFIX, rows[i][0], strlen (rows[i][0])));
        OK (get_ext (context (), ZMQ_THREAD_NAME_PREFIX, text, &size));
        EQUAL (memcmp (text, rows[i][0], strlen (rows[i][0])), 0);
        FAILS (set_ext (context (), ZMQ_THREAD_NAME_PREFIX, "seventeen letters", 17), EINVAL);
        FAILS (set_ext (context (), ZMQ_THREAD_NAME_PREFIX, "", 0), EINVAL);
        BIND (OPEN (ZMQ_PULL), "tcp");
        EVENTUALLY (have_thread (rows[i][1]));
        end_context ();
    }
}

/* A text that came with the NUL of a C string: names end before it. Who opens the first socket stays open to signals. */
static void text_with_a_nul_before_the_names_of_threads (void)
{
    int (*set_ext) (void *, int, const void *, size_t);
    sigset_t before, after;
    *(void **) &set_ext = dlsym (RTLD_DEFAULT, "zmq_ctx_set_ext");
    REQUIRE (set_ext != NULL);
    OK (set_ext (context (), ZMQ_THREAD_NAME_PREFIX, "worker", 7));
    OK (pthread_sigmask (SIG_SETMASK, NULL, &before));
    void *pull = zmq_socket (context (), ZMQ_PULL);
    CHECK (pull != NULL);
    if (pull) {
        keep (pull);
        OK (zmq_bind (pull, "tcp://127.0.0.1:*"));
        EVENTUALLY (have_thread ("worker/ZMQbg/IO"));
    }
    OK (pthread_sigmask (SIG_SETMASK, NULL, &after));
    for (int number = 1; number < NSIG; number++)
        if (sigismember (&before, number) != sigismember (&after, number)) {
            fail_at (__FILE__, __LINE__, "signal %d is blocked now", number);
            break;
        }
}

RUN_CASES (CASE (size_of_pieces), CASE (tiny_batches), CASE (priority_and_busy_poll), CASE (verbose_unsubscriptions),
           CASE (counted_topics), CASE (stopped_after_disconnect), CASE (enforced_domain_without_a_handler),
           CASE (enforced_without_a_domain), CASE (text_before_the_names_of_threads),
           CASE (text_with_a_nul_before_the_names_of_threads), CASE (routing_id_of_the_peer))
