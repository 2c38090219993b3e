/* zmq_poll, ZMQ_EVENTS and the descriptor behind ZMQ_FD. */
#include "check.h"
#include "raw.h"
#include <sys/resource.h>
#include <time.h>

static void sockets_and_descriptors (void)
{
    void *a, *b;
    int pipe_fds[2];
    REQUIRE (pipe (pipe_fds) == 0);
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    zmq_pollitem_t items[4] = {{a, 0, ZMQ_POLLIN, 99},
                               {b, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 99},
                               {NULL, pipe_fds[0], ZMQ_POLLIN, 99},
                               {NULL, pipe_fds[1], ZMQ_POLLOUT, 99}};
    EQUAL (zmq_poll (items, 4, 0), 2);
    EQUAL (items[0].revents, 0); /* every result is written */
    EQUAL (items[1].revents, ZMQ_POLLOUT);
    EQUAL (items[2].revents, 0);
    EQUAL (items[3].revents, ZMQ_POLLOUT);
    SEND (b, "x");
    EQUAL (write (pipe_fds[1], "x", 1), 1);
    EQUAL (zmq_poll (items, 4, -1), 4);
    EQUAL (items[0].revents, ZMQ_POLLIN);
    EQUAL (items[2].revents, ZMQ_POLLIN);
    EQUAL (zmq_poll (items, 3, 1000), 3); /* it stays so until it is read */
    RECV (a, "x");
    EQUAL (zmq_poll (items, 1, 0), 0);
    EQUAL (items[0].revents, 0);
}

static void timeouts (void)
{
    void *a = OPEN (ZMQ_PULL);
    zmq_pollitem_t item = {a, 0, ZMQ_POLLIN, 0};
    long long start = now_ms ();
    EQUAL (zmq_poll (&item, 1, 0), 0);
    CHECK (now_ms () - start < 1000);
    start = now_ms ();
    EQUAL (zmq_poll (&item, 1, 120), 0);
    long long took = now_ms () - start;
    CHECK (took >= 115 && took < 1500);
    item.events = 0; /* never ready, but it waits */
    start = now_ms ();
    EQUAL (zmq_poll (&item, 1, 50), 0);
    CHECK (now_ms () - start >= 45);
}

static void no_items (void)
{
    zmq_pollitem_t item = {NULL, -1, ZMQ_POLLIN, 7};
    EQUAL (zmq_poll (NULL, 0, 0), 0);
    long long start = now_ms ();
    EQUAL (zmq_poll (NULL, 0, 120), 0); /* a portable way to sleep */
    long long took = now_ms () - start;
    CHECK (took >= 115 && took < 1500);
    EQUAL (zmq_poll (&item, 0, 0), 0);
    FAILS (zmq_poll (NULL, 1, 0), EFAULT);
    FAILS (zmq_poll (&item, -1, 0), EINVAL);
    FAILS (zmq_poll (NULL, -1, 20), EINVAL);
}

static void descriptor_errors (void)
{
    int pipe_fds[2];
    REQUIRE (pipe (pipe_fds) == 0);
    zmq_pollitem_t item = {NULL, pipe_fds[0], ZMQ_POLLIN, 0};
    close (pipe_fds[1]);
    EQUAL (zmq_poll (&item, 1, 1000), 1); /* hangup: an error, asked for or not */
    EQUAL (item.revents, ZMQ_POLLERR);
    close (pipe_fds[0]);
    EQUAL (zmq_poll (&item, 1, 1000), 1); /* a closed descriptor too */
    EQUAL (item.revents, ZMQ_POLLERR);
}

/* Errors come unasked. */
static void descriptors_without_events (void)
{
    int pipe_fds[2];
    void *idle = OPEN (ZMQ_PULL);
    REQUIRE (pipe (pipe_fds) == 0);
    zmq_pollitem_t items[2] = {{NULL, pipe_fds[0], 0, 99}, {idle, 0, ZMQ_POLLIN, 99}};
    EQUAL (write (pipe_fds[1], "x", 1), 1);
    EQUAL (zmq_poll (items, 2, 50), 0);
    EQUAL (items[0].revents, 0);
    EQUAL (read (pipe_fds[0], &(char){0}, 1), 1);
    close (pipe_fds[1]);
    for (int count = 1; count <= 2; count++) {
        items[0].revents = 99;
        long long start = now_ms ();
        EQUAL (zmq_poll (items, count, ARRIVES_MS), 1);
        CHECK (now_ms () - start < ARRIVES_MS);
        EQUAL (items[0].revents, ZMQ_POLLERR);
    }
    EQUAL (items[1].revents, 0);
    close (pipe_fds[0]);
    EQUAL (zmq_poll (items, 1, ARRIVES_MS), 1);
    EQUAL (items[0].revents, ZMQ_POLLERR);
    items[0].fd = -1; /* nothing at all */
    EQUAL (zmq_poll (items, 1, 20), 0);
    EQUAL (items[0].revents, 0);
}

static void urgent_data (void)
{
    char endpoint[100], byte;
    int listener = raw_listen (endpoint), near = RAW_CONNECT (endpoint), far = RAW_ACCEPT (listener);
    zmq_pollitem_t item = {NULL, far, ZMQ_POLLPRI, 99};
    EQUAL (zmq_poll (&item, 1, 20), 0);
    EQUAL (item.revents, 0);
    EQUAL (send (near, "!", 1, MSG_OOB), 1);
    EQUAL (zmq_poll (&item, 1, ARRIVES_MS), 1);
    EQUAL (item.revents, ZMQ_POLLPRI);
    item.events = ZMQ_POLLIN; /* it is no input */
    EQUAL (zmq_poll (&item, 1, 0), 0);
    EQUAL (send (near, "x", 1, 0), 1);
    EQUAL (zmq_poll (&item, 1, ARRIVES_MS), 1);
    item.events = ZMQ_POLLIN | ZMQ_POLLPRI;
    EQUAL (zmq_poll (&item, 1, ARRIVES_MS), 1);
    EQUAL (item.revents, ZMQ_POLLIN | ZMQ_POLLPRI);
    EQUAL (recv (far, &byte, 1, MSG_OOB), 1);
    EQUAL (recv (far, &byte, 1, 0), 1);
    EQUAL (zmq_poll (&item, 1, 0), 0);
    /* A socket knows nothing of the kind. */
    zmq_pollitem_t of_a_socket = {OPEN (ZMQ_PULL), 0, ZMQ_POLLPRI | ZMQ_POLLERR, 99};
    EQUAL (zmq_poll (&of_a_socket, 1, 20), 0);
    EQUAL (of_a_socket.revents, 0);
    close (near);
    close (far);
    close (listener);
}

static void same_socket_twice (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    zmq_pollitem_t items[3] = {{a, 0, ZMQ_POLLIN, 0}, {a, 0, ZMQ_POLLOUT, 0}, {a, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0}};
    SEND (b, "x");
    EQUAL (zmq_poll (items, 3, 0), 3);
    EQUAL (items[0].revents, ZMQ_POLLIN);
    EQUAL (items[1].revents, ZMQ_POLLOUT);
    EQUAL (items[2].revents, ZMQ_POLLIN | ZMQ_POLLOUT);
}

static void *send_to (void *s)
{
    poll (NULL, 0, 60);
    return zmq_send (s, "x", 1, 0) == 1 ? s : NULL;
}

static void woken_by_a_message (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b, *idle = OPEN (ZMQ_PULL), *result;
        pthread_t thread;
        JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, transport);
        zmq_pollitem_t items[2] = {{idle, 0, ZMQ_POLLIN, 0}, {a, 0, ZMQ_POLLIN, 0}};
        pthread_create (&thread, NULL, send_to, b);
        EQUAL (zmq_poll (items, 2, -1), 1);
        EQUAL (items[1].revents, ZMQ_POLLIN);
        RECV (a, "x");
        pthread_join (thread, &result);
        CHECK (result == b);
    }
}

static void many_items (void)
{
    enum
    {
        COUNT = 300
    };
    void *a[COUNT], *b[COUNT];
    static zmq_pollitem_t items[COUNT];
    for (int i = 0; i < COUNT; i++) {
        JOIN (a[i], ZMQ_PAIR, b[i], ZMQ_PAIR, "inproc");
        items[i] = (zmq_pollitem_t){a[i], 0, ZMQ_POLLIN, 0};
    }
    EQUAL (zmq_poll (items, COUNT, 0), 0);
    SEND (b[7], "x");
    SEND (b[299], "y");
    EQUAL (zmq_poll (items, COUNT, 1000), 2);
    for (int i = 0; i < COUNT; i++)
        EQUAL (items[i].revents, i == 7 || i == 299 ? ZMQ_POLLIN : 0);
}

/* There may be as many items as a process may have descriptors, however many were opened while more were allowed. */
static void many_items_near_the_limit_of_descriptors (void)
{
    enum
    {
        COUNT = 300
    };
    static zmq_pollitem_t items[COUNT];
    struct rlimit files, few;
    for (int i = 0; i < COUNT; i++) {
        void *pull = OPEN (ZMQ_PULL);
        BIND (pull, "inproc");
        items[i] = (zmq_pollitem_t){pull, 0, ZMQ_POLLIN, 99};
    }
    REQUIRE (getrlimit (RLIMIT_NOFILE, &files) == 0);
    few = files;
    few.rlim_cur = COUNT + 100;
    REQUIRE (setrlimit (RLIMIT_NOFILE, &few) == 0);
    EQUAL (zmq_poll (items, COUNT, 50), 0);
    for (int i = 0; i < COUNT; i++)
        EQUAL (items[i].revents, 0);
    EQUAL (zmq_poll (items, COUNT, 0), 0);
    OK (setrlimit (RLIMIT_NOFILE, &files));
}

static int fd_readable (void *socket, int ms)
{
    struct pollfd item = {get_int (socket, ZMQ_FD), POLLIN, 0};
    return poll (&item, 1, ms) == 1;
}

static void descriptor_is_edge_like (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, "tcp");
    int fd = get_int (a, ZMQ_FD);
    SEND (b, "one");
    SEND (b, "two");
    /* Wait for both to be there, by the protocol: descriptor, then EVENTS. */
    for (int rounds = 0; rounds < 1000 && !(get_int (a, ZMQ_EVENTS) & ZMQ_POLLIN); rounds++)
        fd_readable (a, 20);
    EQUAL (get_int (a, ZMQ_EVENTS), ZMQ_POLLIN);
    RECV (a, "one");
    EVENTUALLY (get_int (a, ZMQ_EVENTS) == ZMQ_POLLIN);
    /* Silent after EVENTS, although a message waits. */
    EQUAL (fd_readable (a, 50), 0);
    EQUAL (get_int (a, ZMQ_EVENTS), ZMQ_POLLIN);
    RECV (a, "two");
    EQUAL (get_int (a, ZMQ_EVENTS), 0);
    EQUAL (get_int (a, ZMQ_FD), fd);
    /* The next message makes it readable again. */
    SEND (b, "three");
    EQUAL (fd_readable (a, ARRIVES_MS), 1);
    EVENTUALLY (get_int (a, ZMQ_EVENTS) == ZMQ_POLLIN);
    RECV (a, "three");
}

/* As event loops do: the descriptor is taken when the socket is opened, and the socket is asked when the descriptor says so. Over inproc
 * the reference's descriptor says nothing. */
static void descriptor_taken_before_connecting (void)
{
    EACH_TRANSPORT (transport)
        for (int binding = strcmp (transport, "inproc") == 0; binding < 2; binding++) {
            void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
            struct pollfd item = {get_int (pull, ZMQ_FD), POLLIN, 0};
            if (binding)
                OK (zmq_connect (push, BIND (pull, transport)));
            else
                OK (zmq_connect (pull, BIND (push, transport)));
            SEND (push, "x");
            int events = 0;
            while (!(events & ZMQ_POLLIN)) {
                REQUIRE (poll (&item, 1, ARRIVES_MS) == 1);
                events = get_int (pull, ZMQ_EVENTS);
            }
            RECV (pull, "x");
            CLOSE (pull);
            CLOSE (push);
        }
}

static double processor_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void *join_later (void *endpoint)
{
    poll (NULL, 0, 100);
    void *push = zmq_socket (context (), ZMQ_PUSH);
    zmq_connect (push, endpoint);
    poll (NULL, 0, 500);
    zmq_close (push);
    return NULL;
}

/* News that bring nothing to receive do not keep a waiting thread busy. */
static void waiting_while_peers_come_and_go (void)
{
    EACH_TRANSPORT (transport)
    {
        void *pull = OPEN (ZMQ_PULL);
        pthread_t thread;
        char endpoint[100];
        strcpy (endpoint, BIND (pull, transport));
        zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
        REQUIRE (pthread_create (&thread, NULL, join_later, endpoint) == 0);
        double before = processor_seconds ();
        EQUAL (zmq_poll (&item, 1, 800), 0);
        CHECK (processor_seconds () - before < 0.1);
        pthread_join (thread, NULL);
    }
}

static void descriptor_without_events_is_harmless (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "tcp");
    for (int i = 0; i < 20; i++) {
        fd_readable (a, 5);
        CHECK ((get_int (a, ZMQ_EVENTS) & ZMQ_POLLIN) == 0);
    }
    EQUAL (fd_readable (a, 50), 0); /* it comes to rest */
    SEND (b, "x");
    RECV (a, "x");
}

/* One step of a program that waits on the descriptor alone and reads EVENTS after every call. A descriptor that says nothing is
 * not asked again. */
static int ready (void *socket, int event)
{
    long long until = now_ms () + ARRIVES_MS;
    while (!(get_int (socket, ZMQ_EVENTS) & event)) {
        long long left = until - now_ms ();
        if (left < 0 || !fd_readable (socket, (int) left))
            return 0;
    }
    return 1;
}

static void *answer (void *rep)
{
    char buffer[16];
    for (int i = 0; i < 300; i++) {
        if (!ready (rep, ZMQ_POLLIN) || zmq_recv (rep, buffer, sizeof buffer, ZMQ_DONTWAIT) != 3)
            return NULL;
        if (!ready (rep, ZMQ_POLLOUT) || zmq_send (rep, buffer, 3, ZMQ_DONTWAIT) != 3)
            return NULL;
    }
    return rep;
}

static void loop_on_descriptors (void)
{
    EACH_TRANSPORT (transport) {
        void *rep, *req, *result;
        char buffer[16];
        pthread_t thread;
        JOIN (rep, ZMQ_REP, req, ZMQ_REQ, transport);
        pthread_create (&thread, NULL, answer, rep);
        for (int i = 0; i < 300; i++) {
            REQUIRE (ready (req, ZMQ_POLLOUT));
            EQUAL (zmq_send (req, "ask", 3, ZMQ_DONTWAIT), 3);
            REQUIRE (ready (req, ZMQ_POLLIN));
            EQUAL (zmq_recv (req, buffer, sizeof buffer, ZMQ_DONTWAIT), 3);
        }
        pthread_join (thread, &result);
        CHECK (result == rep);
    }
}

static void *send_burst (void *push)
{
    for (int i = 0; i < 20000; i++)
        if (zmq_send (push, &i, sizeof i, 0) != sizeof i)
            return NULL;
    return push;
}

static void burst_on_descriptor (void)
{
    /* Drain until EAGAIN, then wait on the descriptor: nothing may be missed. */
    EACH_TRANSPORT (transport) {
        void *pull, *push, *result;
        pthread_t thread;
        int number, next = 0;
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        pthread_create (&thread, NULL, send_burst, push);
        while (next < 20000) {
            REQUIRE (ready (pull, ZMQ_POLLIN));
            while (zmq_recv (pull, &number, sizeof number, ZMQ_DONTWAIT) == sizeof number) {
                REQUIRE (number == next);
                next++;
            }
        }
        pthread_join (thread, &result);
        CHECK (result == push);
    }
}

static void writable_again_wakes (void)
{
    EACH_TRANSPORT (transport) {
        static char big[50000];
        void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
        SET (push, ZMQ_SNDHWM, 2);
        SET (pull, ZMQ_RCVHWM, 2);
        OK (zmq_connect (push, BIND (pull, transport)));
        int sent = 0, got = 0;
        while (sent < 5000 && (zmq_send (push, big, sizeof big, ZMQ_DONTWAIT) != -1 || await (push, ZMQ_POLLOUT, 100)))
            sent++;
        CHECK (sent < 5000);
        while (!await (push, ZMQ_POLLOUT, 0) && discard (pull, ARRIVES_MS))
            got++;
        EVENTUALLY (await (push, ZMQ_POLLOUT, 100));
        CHECK (got <= sent);
    }
}

static void term_ends_polling (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PULL);
    zmq_pollitem_t items[2] = {{a, 0, ZMQ_POLLIN, 0}, {b, 0, ZMQ_POLLIN, 0}};
    OK (zmq_ctx_shutdown (context ()));
    FAILS (zmq_poll (items, 2, -1), ETERM);
}

RUN_CASES (CASE (sockets_and_descriptors), CASE (timeouts), CASE (no_items), CASE (descriptor_errors),
           CASE (descriptors_without_events), CASE (urgent_data), CASE (same_socket_twice), CASE (woken_by_a_message), CASE (many_items),
           CASE (many_items_near_the_limit_of_descriptors), CASE (descriptor_is_edge_like),
           CASE (descriptor_taken_before_connecting), CASE (waiting_while_peers_come_and_go), CASE (descriptor_without_events_is_harmless), CASE (loop_on_descriptors), CASE (burst_on_descriptor),
           CASE (writable_again_wakes), CASE (term_ends_polling))
