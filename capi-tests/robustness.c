/* Hostile and dying peers, many peers, fork, and a process that runs out of descriptors. */
#include "check.h"
#include "raw.h"
#include <sys/resource.h>

/* Runs in a process of its own: connects a PUSH and sends until it is killed. */
static pid_t start_flood (const char *endpoint)
{
    pid_t child = fork ();
    if (child == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        static char big[3000000];
        void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
        zmq_connect (push, endpoint);
        for (;;) {
            zmq_send (push, "head", 4, ZMQ_SNDMORE);
            zmq_send (push, big, sizeof big, ZMQ_SNDMORE);
            zmq_send (push, "tail", 4, 0);
        }
    }
    return child;
}

static void killed_in_the_middle_of_a_message (void)
{
    static const char *const kinds[] = {"tcp", "ipc"};
    for (int k = 0; k < 2; k++) {
        char endpoint[100];
        int status;
        void *pull = OPEN (ZMQ_PULL);
        SET (pull, ZMQ_RCVHWM, 2);
        strcpy (endpoint, BIND (pull, kinds[k]));
        for (int round = 0; round < 3; round++) {
            pid_t child = start_flood (endpoint);
            for (int i = 0; i < 3 + round; i++) {
                RECVMORE (pull, "head");
                REQUIRE (discard (pull, ARRIVES_MS)); /* the two other parts */
            }
            kill (child, SIGKILL);
            waitpid (child, &status, 0);
            /* Everything that comes is whole. */
            while (await (pull, ZMQ_POLLIN, 100)) {
                RECVMORE (pull, "head");
                REQUIRE (discard (pull, 0));
            }
        }
        void *push = OPEN (ZMQ_PUSH);
        OK (zmq_connect (push, endpoint));
        SEND (push, "good");
        RECV (pull, "good");
    }
}

static void killed_client_is_forgotten (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    int status;
    SET (router, ZMQ_ROUTER_MANDATORY, 1);
    const char *endpoint = BIND (router, "tcp");
    pid_t child = fork ();
    if (child == 0) {
        void *c = zmq_ctx_new (), *dealer = zmq_socket (c, ZMQ_DEALER);
        char buffer[8];
        zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "child", 5);
        zmq_connect (dealer, endpoint);
        zmq_send (dealer, "hello", 5, 0);
        zmq_recv (dealer, buffer, sizeof buffer, 0);
        zmq_recv (dealer, buffer, sizeof buffer, 0);
        _exit (0);
    }
    RECVMORE (router, "child");
    RECV (router, "hello");
    SENDMORE (router, "child");
    SEND (router, "live");
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    EVENTUALLY (zmq_send (router, "child", 5, ZMQ_SNDMORE | ZMQ_DONTWAIT) == -1
                || (zmq_send (router, "", 0, ZMQ_DONTWAIT), 0));
    FAILS (zmq_send (router, "child", 5, ZMQ_SNDMORE | ZMQ_DONTWAIT), EHOSTUNREACH);
}

static void three_hundred_peers (void)
{
    enum
    {
        PEERS = 300
    };
    static const char *const kinds[] = {"tcp", "ipc"};
    struct rlimit files;
    getrlimit (RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
    setrlimit (RLIMIT_NOFILE, &files);
    for (int k = 0; k < 2; k++) {
        static void *dealers[PEERS];
        void *router = OPEN (ZMQ_ROUTER);
        SET (router, ZMQ_BACKLOG, PEERS);
        const char *endpoint = BIND (router, kinds[k]);
        for (int i = 0; i < PEERS; i++) {
            dealers[i] = OPEN (ZMQ_DEALER);
            OK (zmq_connect (dealers[i], endpoint));
            EQUAL (zmq_send (dealers[i], &i, sizeof i, 0), sizeof i);
        }
        for (int i = 0; i < PEERS; i++) {
            char id[8];
            int number;
            REQUIRE (await (router, ZMQ_POLLIN, ARRIVES_MS));
            EQUAL (zmq_recv (router, id, sizeof id, 0), 5);
            EQUAL (zmq_recv (router, &number, sizeof number, 0), sizeof number);
            EQUAL (zmq_send (router, id, 5, ZMQ_SNDMORE), 5);
            EQUAL (zmq_send (router, &number, sizeof number, 0), sizeof number);
        }
        for (int i = 0; i < PEERS; i++)
            RECV_BYTES (dealers[i], &i, sizeof i, 0);
        for (int i = 0; i < PEERS; i++)
            CLOSE (dealers[i]);
    }
}

static void peers_that_come_and_go (void)
{
    /* 500 short connections, some cut off in the handshake. */
    void *pull = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    for (int i = 0; i < 500; i++) {
        int fd = RAW_CONNECT (endpoint);
        switch (i % 5) {
            case 0:
                break;
            case 1:
                RAW_SEND (fd, "\xff");
                break;
            case 2:
                RAW_SEND (fd, GREETING);
                break;
            case 3:
                RAW_SEND (fd, GREETING READY4 ("PUSH") "\1\5part1");
                break;
            default:
                RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
                RAW_SEND (fd, "\0\5whole");
        }
        close (fd);
    }
    for (int i = 0; i < 100; i++)
        RECV (pull, "whole");
    QUIET (pull);
}

#ifdef WITH_GARBAGE
static void garbage_while_a_good_client_is_served (void)
{
    void *rep, *req;
    char noise[600];
    unsigned seed = 12345;
    JOIN (rep, ZMQ_REP, req, ZMQ_REQ, "tcp");
    const char *endpoint = last_endpoint (rep);
    int fds[40];
    for (int i = 0; i < 40; i++) {
        for (size_t k = 0; k < sizeof noise; k++) {
            seed = seed * 1103515245 + 12345;
            noise[k] = (char) (seed >> 16);
        }
        fds[i] = RAW_CONNECT (endpoint);
        if (i % 3 == 1)
            send (fds[i], SIGNATURE, 10, MSG_NOSIGNAL);
        if (i % 3 == 2)
            send (fds[i], GREETING, 64, MSG_NOSIGNAL);
        noise[0] = (char) (i % 3 == 0 ? 'G' : noise[0]);
        send (fds[i], noise, sizeof noise, MSG_NOSIGNAL);
        SEND (req, "question");
        RECV (rep, "question");
        SEND (rep, "answer");
        RECV (req, "answer");
    }
    for (int i = 0; i < 40; i++)
        close (fds[i]);
    SEND (req, "question");
    RECV (rep, "question");
    SEND (rep, "answer");
    RECV (req, "answer");
}
#endif

static void calls_in_a_forked_child (void)
{
    void *a, *b;
    int status;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "tcp");
    SEND (b, "before");
    RECV (a, "before");
    pid_t child = fork ();
    if (child == 0) {
        char buffer[8];
        checks_failed = 0;
        FAILS (zmq_recv (a, buffer, sizeof buffer, 0), EINTR);
        FAILS (zmq_poll (&(zmq_pollitem_t){a, 0, ZMQ_POLLIN, 0}, 1, -1), EINTR);
        FAILS (zmq_bind (a, "tcp://127.0.0.1:*"), EINTR);
        FAILS (zmq_connect (b, "tcp://127.0.0.1:1"), EINTR);
        FAILS (zmq_unbind (a, "tcp://127.0.0.1:1"), EINTR);
        FAILS (zmq_getsockopt (a, ZMQ_EVENTS, buffer, &(size_t){sizeof (int)}), EINTR);
#ifdef WITH_GARBAGE /* ours */
        FAILS (zmq_send (b, "x", 1, 0), EINTR);
        FAILS (set_int (a, ZMQ_RCVHWM, 5), EINTR);
        FAILS (zmq_getsockopt (a, ZMQ_RCVHWM, buffer, &(size_t){sizeof (int)}), EINTR);
        FAILS (zmq_socket_monitor (a, "inproc://monitor", ZMQ_EVENT_ALL), EINTR);
        NOTHING (zmq_socket (context (), ZMQ_PAIR), EINTR);
#endif
        FAILS (zmq_ctx_term (context ()), EINTR);
        /* A context of its own works. */
        void *own = zmq_ctx_new (), *x = zmq_socket (own, ZMQ_PAIR), *y = zmq_socket (own, ZMQ_PAIR);
        OK (zmq_connect (y, BIND (x, "tcp")));
        SEND (x, "child");
        RECV (y, "child");
        OK (zmq_close (x));
        OK (zmq_close (y));
        OK (zmq_ctx_term (own));
        fflush (stdout);
        _exit (checks_failed ? 1 : 0);
    }
    waitpid (child, &status, 0);
    CHECK (WIFEXITED (status));
    EQUAL (WEXITSTATUS (status), 0);
    /* The parent is undisturbed. */
    for (int i = 0; i < 10; i++) {
        SEND (b, "after");
        RECV (a, "after");
    }
}

static void child_that_closes_everything (void)
{
    void *a, *b;
    int status;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "ipc");
    SEND (b, "before");
    RECV (a, "before");
    pid_t child = fork ();
    if (child == 0) {
        zmq_close (a);
        zmq_close (b);
        _exit (0);
    }
    waitpid (child, &status, 0);
    CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    SEND (a, "after");
    RECV (b, "after");
}

static void out_of_descriptors_while_accepting (void)
{
    void *pull = OPEN (ZMQ_PULL);
    const char *endpoint = BIND (pull, "tcp");
    int first = RAW_CONNECT (endpoint), second, copies[512], filled = 0;
    RAW_HANDSHAKE (first, READY4 ("PUSH"), READY_PULL);
    struct rlimit files;
    getrlimit (RLIMIT_NOFILE, &files);
    files.rlim_cur = 256;
    setrlimit (RLIMIT_NOFILE, &files);
    second = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    while (filled < 512 && (copies[filled] = dup (0)) != -1)
        filled++;
    CHECK (filled < 512);
    struct sockaddr_in address;
    memset (&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons ((uint16_t) raw_port (endpoint));
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    OK (connect (second, (struct sockaddr *) &address, sizeof address)); /* the kernel queues it */
    CHECK (zmq_socket (context (), ZMQ_PAIR) == NULL && errno == EMFILE);
    /* The others are served meanwhile. */
    RAW_SEND (first, "\0\5still");
    RECV (pull, "still");
    RAW_QUIET (second);
    while (filled-- > 0)
        close (copies[filled]);
    /* And afterwards it recovers: at the latest a new connection is accepted. */
    int third = RAW_CONNECT (endpoint);
    RAW_HANDSHAKE (third, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (third, "\0\4back");
    RECV (pull, "back");
    RAW_SEND (first, "\0\2ok");
    RECV (pull, "ok");
}

static void context_without_descriptors (void)
{
    struct rlimit files;
    getrlimit (RLIMIT_NOFILE, &files);
    files.rlim_cur = 64;
    setrlimit (RLIMIT_NOFILE, &files);
    int copies[64], filled = 0;
    while (filled < 64 && (copies[filled] = dup (0)) != -1)
        filled++;
    errno = 0;
    CHECK (zmq_ctx_new () == NULL && errno == EMFILE);
    while (filled-- > 0)
        close (copies[filled]);
    void *c = zmq_ctx_new ();
    CHECK (c != NULL);
    OK (zmq_ctx_term (c));
}

static void no_broken_pipe_signal (void)
{
    void *push = OPEN (ZMQ_PUSH);
    signal (SIGPIPE, SIG_DFL);
    SET (push, ZMQ_LINGER, 0);
    BIND (push, "tcp");
    for (int i = 0; i < 10; i++) {
        int fd = RAW_CONNECT (last_endpoint (push));
        struct linger reset = {1, 0};
        RAW_HANDSHAKE (fd, READY4 ("PULL"), READY_PUSH);
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close (fd); /* a reset, then writes into it */
        fill (push, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 1000);
    }
}

#ifdef WITH_GARBAGE /* ours: in the reference a send of the child may succeed */
/* The child of a publisher that reads its connections itself sends: what a subscriber has said is the parent's to read. */
static void a_forked_child_publishes (void)
{
    for (int round = 0; round < 10; round++) {
        void *xpub, *sub;
        char topic[20], body[20];
        int status;
        JOIN (xpub, ZMQ_XPUB, sub, ZMQ_SUB, "tcp");
        SET (xpub, ZMQ_RCVTIMEO, ARRIVES_MS);
        for (int i = 0; i < 20; i++) {
            sprintf (topic, "topic %d", i);
            OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, topic, strlen (topic)));
            REQUIRE (zmq_recv (xpub, body, sizeof body, 0) == (int) strlen (topic) + 1);
        }
        OK (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "late", 4));
        pid_t child = fork ();
        if (child == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            poll (NULL, 0, 2);
            checks_failed = 0;
            FAILS (zmq_send (xpub, "x", 1, 0), EINTR);
            fflush (stdout);
            _exit (checks_failed ? 1 : 0);
        }
        waitpid (child, &status, 0);
        CHECK (WIFEXITED (status) && WEXITSTATUS (status) == 0);
        RECV (xpub, "\1late");
        CLOSE (xpub);
        CLOSE (sub);
    }
}

struct busy
{
    void *push;
    volatile int stop;
};

static void *send_all_the_time (void *arg)
{
    struct busy *busy = arg;
    while (!busy->stop)
        zmq_send (busy->push, "x", 1, ZMQ_DONTWAIT);
    return NULL;
}

/* Whatever another thread is doing with the socket while the process forks, the child does not wait for it. */
static void forked_while_another_thread_sends (void)
{
    struct busy busy = {OPEN (ZMQ_PUSH), 0};
    pthread_t thread;
    pthread_create (&thread, NULL, send_all_the_time, &busy);
    for (int round = 0; round < 20 && checks_failed == 0; round++) {
        int status = -1;
        poll (NULL, 0, 2);
        pid_t child = fork ();
        if (child == 0) {
            prctl (PR_SET_PDEATHSIG, SIGKILL);
            signal (SIGALRM, SIG_DFL);
            alarm (5);
            FAILS (zmq_send (busy.push, "x", 1, ZMQ_DONTWAIT), EINTR);
            OK (zmq_close (busy.push));
            FAILS (zmq_close (busy.push), ENOTSOCK);
            _exit (checks_failed ? 1 : 0);
        }
        REQUIRE (child > 0 && waitpid (child, &status, 0) == child);
        if (WIFSIGNALED (status))
            fail_at (__FILE__, __LINE__, "round %d: the child was ended by signal %d", round, WTERMSIG (status));
        EQUAL (status, 0);
    }
    busy.stop = 1;
    pthread_join (thread, NULL);
    /* The parent is undisturbed. */
    void *pull = OPEN (ZMQ_PULL);
    OK (zmq_connect (busy.push, BIND (pull, "tcp")));
    SEND (busy.push, "after");
    RECV (pull, "after");
}
#endif

#define OF_BOTH                                                                                     \
    CASE (killed_in_the_middle_of_a_message), CASE (killed_client_is_forgotten), CASE (three_hundred_peers), \
      CASE (peers_that_come_and_go), CASE (calls_in_a_forked_child), CASE (child_that_closes_everything), \
      CASE (out_of_descriptors_while_accepting), CASE (context_without_descriptors), CASE (no_broken_pipe_signal)
#ifdef WITH_GARBAGE
RUN_CASES (OF_BOTH, CASE (garbage_while_a_good_client_is_served), CASE (a_forked_child_publishes),
           CASE (forked_while_another_thread_sends))
#else
RUN_CASES (OF_BOTH)
#endif
