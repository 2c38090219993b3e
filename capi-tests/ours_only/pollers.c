/* Pollers. They are draft, so that stable builds of the reference do not have them, but every binding uses them. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"
#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

typedef zmq_poller_event_t event_t;

/* Looked up, because the programs are linked with the reference. */
static void *(*poller_new) (void);
static int (*poller_destroy) (void **), (*poller_size) (void *), (*poller_add) (void *, void *, void *, short),
  (*poller_modify) (void *, void *, short), (*poller_remove) (void *, void *), (*poller_add_fd) (void *, int, void *, short),
  (*poller_modify_fd) (void *, int, short), (*poller_remove_fd) (void *, int), (*poller_wait) (void *, event_t *, long),
  (*poller_wait_all) (void *, event_t *, int, long), (*poller_fd) (void *, int *);

static void look_up (void)
{
    const struct
    {
        void *place;
        const char *name;
    } functions[] = {{&poller_new, "new"},           {&poller_destroy, "destroy"},     {&poller_size, "size"},
                     {&poller_add, "add"},           {&poller_modify, "modify"},       {&poller_remove, "remove"},
                     {&poller_add_fd, "add_fd"},     {&poller_modify_fd, "modify_fd"}, {&poller_remove_fd, "remove_fd"},
                     {&poller_wait, "wait"},         {&poller_wait_all, "wait_all"},   {&poller_fd, "fd"}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        char name[40];
        snprintf (name, sizeof name, "zmq_poller_%s", functions[i].name);
        void *function = dlsym (RTLD_DEFAULT, name);
        REQUIRE (function != NULL);
        memcpy (functions[i].place, &function, sizeof function);
    }
}

static void *new_poller (void)
{
    look_up ();
    void *poller = poller_new ();
    REQUIRE (poller != NULL);
    return poller;
}

/* poller_wait, which must not last as long as it may: then nothing has woken it. */
static int soon (void *poller, event_t *event)
{
    long long start = now_ms ();
    int rc = poller_wait (poller, event, ARRIVES_MS);
    return rc == 0 && now_ms () - start >= ARRIVES_MS ? -2 : rc;
}

static int is_empty (const event_t *event)
{
    return event->socket == NULL && event->fd == -1 && event->user_data == NULL && event->events == 0;
}

static void what_is_watched (void)
{
    void *poller = new_poller (), *pull = OPEN (ZMQ_PULL);
    int fds[2];
    REQUIRE (pipe (fds) == 0);
    EQUAL (poller_size (poller), 0);
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    FAILS (poller_add (poller, pull, NULL, ZMQ_POLLIN), EINVAL);
    OK (poller_add_fd (poller, fds[0], NULL, ZMQ_POLLIN));
    FAILS (poller_add_fd (poller, fds[0], NULL, ZMQ_POLLIN), EINVAL);
    EQUAL (poller_size (poller), 2);
    FAILS (poller_add (poller, NULL, NULL, ZMQ_POLLIN), ENOTSOCK);
    FAILS (poller_add_fd (poller, -1, NULL, ZMQ_POLLIN), EBADF);
    FAILS (poller_add_fd (poller, fds[1], NULL, 16), EINVAL);
    FAILS (poller_modify (poller, pull, 16), EINVAL);
    FAILS (poller_modify_fd (poller, fds[1], ZMQ_POLLIN), EINVAL);
    FAILS (poller_remove_fd (poller, fds[1]), EINVAL);
    FAILS (poller_remove (poller, poller), ENOTSOCK);
    OK (poller_remove (poller, pull));
    FAILS (poller_remove (poller, pull), EINVAL);
    FAILS (poller_modify (poller, pull, ZMQ_POLLIN), EINVAL);
    OK (poller_remove_fd (poller, fds[0]));
    EQUAL (poller_size (poller), 0);
    event_t event;
    FAILS (poller_wait (poller, &event, -1), EFAULT); /* nothing would ever end it */
    FAILS (poller_wait (poller, &event, 0), EAGAIN);
    FAILS (poller_wait (poller, NULL, 0), EFAULT);
    FAILS (poller_wait_all (poller, &event, -1, 0), EINVAL);
    FAILS (poller_wait (NULL, &event, 0), EFAULT);
    FAILS (poller_size (pull), EFAULT);
    int fd;
    FAILS (poller_fd (poller, &fd), EINVAL); /* no thread-safe socket */
    OK (poller_destroy (&poller));
    CHECK (poller == NULL);
    FAILS (poller_destroy (&poller), EFAULT);
    close (fds[0]);
    close (fds[1]);
}

static void events_and_timeouts (void)
{
    void *poller = new_poller (), *a, *b;
    int fds[2], mark;
    event_t events[4];
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    REQUIRE (pipe (fds) == 0);
    OK (poller_add (poller, a, &mark, ZMQ_POLLIN));
    OK (poller_add_fd (poller, fds[0], fds, ZMQ_POLLIN));
    memset (events, 255, sizeof events);
    long long start = now_ms ();
    FAILS (poller_wait_all (poller, events, 4, 120), EAGAIN);
    CHECK (now_ms () - start >= 115);
    SEND (b, "x");
    REQUIRE (write (fds[1], "x", 1) == 1);
    EQUAL (poller_wait_all (poller, events, 4, -1), 2);
    CHECK (events[0].socket == a && events[0].user_data == &mark && events[0].events == ZMQ_POLLIN && events[0].fd == -1);
    CHECK (events[1].socket == NULL && events[1].user_data == fds && events[1].events == ZMQ_POLLIN && events[1].fd == fds[0]);
    CHECK (is_empty (&events[2]) && is_empty (&events[3]));
    EQUAL (poller_wait_all (poller, events, 4, -1), 2); /* it stays so until it is read */
    OK (poller_modify (poller, a, ZMQ_POLLIN | ZMQ_POLLOUT));
    EQUAL (poller_wait (poller, events, -1), 0);
    EQUAL (events[0].events, ZMQ_POLLIN | ZMQ_POLLOUT);
    RECV (a, "x");
    OK (poller_modify (poller, a, ZMQ_POLLIN));
    EQUAL (poller_wait_all (poller, events, 4, -1), 1);
    CHECK (events[0].socket == NULL);
    OK (poller_modify_fd (poller, fds[0], 0));
    FAILS (poller_wait (poller, events, 0), EAGAIN);
    OK (poller_modify (poller, a, 0));
    FAILS (poller_wait (poller, events, -1), EFAULT);
    OK (poller_destroy (&poller));
    close (fds[0]);
    close (fds[1]);
}

/* Room for several is left as it was where there is nothing to tell, room for one is emptied. */
static void answer_where_nothing_happened (void)
{
    void *poller = new_poller ();
    event_t events[3], before[3];
    memset (before, 255, sizeof before);
    for (int watched = 0; watched < 2; watched++) {
        if (watched)
            OK (poller_add (poller, OPEN (ZMQ_PULL), NULL, ZMQ_POLLIN));
        for (int ms = 0; ms <= 20; ms += 20) {
            memcpy (events, before, sizeof events);
            FAILS (poller_wait_all (poller, events, 3, ms), EAGAIN);
            EQUAL (memcmp (events, before, sizeof events), 0);
            FAILS (poller_wait (poller, events, ms), EAGAIN);
            CHECK (is_empty (&events[0]));
            EQUAL (memcmp (events + 1, before + 1, 2 * sizeof events[0]), 0);
        }
    }
    memcpy (events, before, sizeof events);
    FAILS (poller_wait (NULL, events, 0), EFAULT);
    CHECK (is_empty (&events[0]));
    OK (poller_destroy (&poller));
}

/* Where several arguments are wrong, the first of them counts. */
static void first_wrong_argument_counts (void)
{
    void *poller = new_poller ();
    event_t event;
    FAILS (poller_wait_all (NULL, &event, -1, 0), EFAULT);
    FAILS (poller_wait_all (NULL, NULL, -1, 0), EFAULT);
    FAILS (poller_wait_all (poller, NULL, -1, 0), EFAULT);
    FAILS (poller_wait_all (poller, NULL, 1, 0), EFAULT);
    FAILS (poller_wait_all (poller, &event, -1, 0), EINVAL);
    OK (poller_destroy (&poller));
}

/* Also those that are added last are told about when few fit into the answer. */
static void everybody_gets_a_turn (void)
{
    enum { SOCKETS = 7, DESCRIPTORS = 3 };
    void *poller = new_poller (), *sockets[SOCKETS];
    int fds[DESCRIPTORS][2], turns[SOCKETS + DESCRIPTORS] = {0};
    for (int i = 0; i < SOCKETS; i++) {
        void *push;
        JOIN (sockets[i], ZMQ_PULL, push, ZMQ_PUSH, "inproc");
        SEND (push, "x");
        OK (poller_add (poller, sockets[i], &turns[i], ZMQ_POLLIN));
    }
    for (int i = 0; i < DESCRIPTORS; i++) {
        REQUIRE (pipe (fds[i]) == 0 && write (fds[i][1], "x", 1) == 1);
        OK (poller_add_fd (poller, fds[i][0], &turns[SOCKETS + i], ZMQ_POLLIN));
    }
    for (int round = 0; round < 50; round++) {
        event_t events[2];
        EQUAL (poller_wait_all (poller, events, 2, -1), 2);
        CHECK (events[0].user_data != events[1].user_data);
        ++*(int *) events[0].user_data;
        ++*(int *) events[1].user_data;
    }
    for (int i = 0; i < SOCKETS + DESCRIPTORS; i++)
        CHECK (turns[i] >= 3);
    event_t all[SOCKETS + DESCRIPTORS];
    EQUAL (poller_wait_all (poller, all, SOCKETS + DESCRIPTORS, -1), SOCKETS + DESCRIPTORS);
    for (int i = 0; i < SOCKETS + DESCRIPTORS; i++)
        CHECK (all[i].user_data == &turns[i]); /* in the order of adding */
    OK (poller_destroy (&poller));
    for (int i = 0; i < DESCRIPTORS; i++) {
        close (fds[i][0]);
        close (fds[i][1]);
    }
}

/* ---- whatever happens to a socket, the poller agrees with zmq_poll ---------------------------------- */

enum { PAIRS = 24, KINDS = 4 };

static void random_step (void **near, void **far, unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    unsigned which = *seed >> 8, what = *seed >> 24;
    void **side = what & 1 ? near : far, *socket = side[which % PAIRS];
    char buffer[40];
    switch (what >> 1 & 7) {
        case 0:
        case 1:
        case 2:
            zmq_send (socket, "message", 7, ZMQ_DONTWAIT);
            break;
        case 3:
        case 4:
        case 5:
            zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT);
            break;
        case 6: /* all that is there */
            while (zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT) >= 0)
                ;
            break;
        case 7: /* up to the limit */
            while (zmq_send (socket, "message", 7, ZMQ_DONTWAIT) >= 0)
                ;
            break;
    }
}

/* zmq_poll and the poller on the same sockets. The I/O threads may be at work between the two. */
static int agree (void *poller, zmq_pollitem_t *items)
{
    event_t events[PAIRS];
    int ready = zmq_poll (items, PAIRS, 0), found = poller_wait_all (poller, events, PAIRS, 0);
    if (ready != (found < 0 ? 0 : found))
        return 0;
    for (int i = 0, next = 0; i < PAIRS; i++)
        if (items[i].revents) {
            if (events[next].socket != items[i].socket || events[next].events != items[i].revents)
                return 0;
            next++;
        }
    return 1;
}

static void agrees_with_poll (void)
{
    static const int kinds[KINDS][2] = {{ZMQ_PAIR, ZMQ_PAIR}, {ZMQ_REQ, ZMQ_REP}, {ZMQ_DEALER, ZMQ_DEALER}, {ZMQ_PULL, ZMQ_PUSH}};
    void *poller = new_poller (), *near[PAIRS], *far[PAIRS];
    zmq_pollitem_t items[PAIRS];
    unsigned seed = 1;
    for (int i = 0; i < PAIRS; i++) {
        near[i] = OPEN (kinds[i % KINDS][0]);
        far[i] = OPEN (kinds[i % KINDS][1]);
        SET (near[i], ZMQ_SNDHWM, 5);
        SET (near[i], ZMQ_RCVHWM, 5);
        SET (far[i], ZMQ_SNDHWM, 5);
        SET (far[i], ZMQ_RCVHWM, 5);
        /* What the kernel holds counts, too: the less, the sooner a socket is full. */
        SET (near[i], ZMQ_SNDBUF, 4096);
        SET (near[i], ZMQ_RCVBUF, 4096);
        SET (far[i], ZMQ_SNDBUF, 4096);
        SET (far[i], ZMQ_RCVBUF, 4096);
        OK (zmq_connect (far[i], BIND (near[i], transports[i / KINDS % 3])));
        items[i] = (zmq_pollitem_t){near[i], 0, i % 5 ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN, 0};
        OK (poller_add (poller, near[i], NULL, items[i].events));
    }
    for (int step = 0; step < 20000; step++) {
        for (int i = 0; i < 3; i++)
            random_step (near, far, &seed);
        if (step % 20 == 0)
            EVENTUALLY (agree (poller, items));
        else
            agree (poller, items);
        if (checks_failed)
            break;
    }
    OK (poller_destroy (&poller));
}

/* ---- waking ------------------------------------------------------------------------------------------ */

enum { ROUNDS = 3000 };

static void *echo (void *socket)
{
    char buffer[10];
    for (int i = 0; i < ROUNDS; i++) {
        int size = zmq_recv (socket, buffer, sizeof buffer, 0);
        if (size < 0 || zmq_send (socket, buffer, size, 0) != size)
            break;
    }
    return NULL;
}

static void no_message_is_slept_through (void)
{
    EACH_TRANSPORT (transport)
    {
        void *poller = new_poller (), *a, *b, *idle = OPEN (ZMQ_PULL);
        BIND (idle, transport);
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        OK (poller_add (poller, idle, NULL, ZMQ_POLLIN));
        OK (poller_add (poller, a, NULL, ZMQ_POLLIN));
        pthread_t thread;
        REQUIRE (pthread_create (&thread, NULL, echo, b) == 0);
        for (int i = 0; i < ROUNDS; i++) {
            event_t event;
            SEND (a, "x");
            EQUAL (soon (poller, &event), 0);
            if (zmq_recv (a, &event, 1, ZMQ_DONTWAIT) != 1) {
                CHECK (0 && "woken for nothing, or too early");
                break;
            }
        }
        pthread_join (thread, NULL);
        OK (poller_destroy (&poller));
    }
}

/* Joins, peers that come and go, and what is left unread. */
static void peers_come_and_go (void)
{
    void *poller = new_poller (), *router = OPEN (ZMQ_ROUTER);
    char endpoint[100], buffer[100];
    event_t event;
    strcpy (endpoint, BIND (router, "tcp"));
    OK (poller_add (poller, router, NULL, ZMQ_POLLIN));
    for (int i = 0; i < 30; i++) {
        void *dealer = OPEN (ZMQ_DEALER);
        OK (zmq_connect (dealer, endpoint));
        SEND (dealer, "hello");
        SEND (dealer, "again");
        EQUAL (soon (poller, &event), 0);
        EQUAL (zmq_recv (router, buffer, sizeof buffer, 0), 5);
        RECV (router, "hello");
        EQUAL (soon (poller, &event), 0);
        CLOSE (dealer);
        EQUAL (zmq_recv (router, buffer, sizeof buffer, 0), 5);
        RECV (router, "again");
        FAILS (poller_wait (poller, &event, 0), EAGAIN);
    }
    OK (poller_destroy (&poller));
}

static void *close_later (void *socket)
{
    struct timespec pause = {0, 30000000};
    nanosleep (&pause, NULL);
    zmq_close (socket);
    return NULL;
}

static void sockets_that_are_closed (void)
{
    void *poller = new_poller (), *first = OPEN (ZMQ_PULL), *push, *second;
    event_t event;
    OK (poller_add (poller, first, NULL, ZMQ_POLLIN));
    pthread_t thread;
    forget (first);
    REQUIRE (pthread_create (&thread, NULL, close_later, first) == 0);
    FAILS (poller_wait (poller, &event, -1), EFAULT); /* nothing is left to wait for */
    pthread_join (thread, NULL);
    FAILS (poller_wait (poller, &event, 0), EAGAIN);
    JOIN (second, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    OK (poller_add (poller, second, NULL, ZMQ_POLLIN));
    SEND (push, "x");
    EQUAL (soon (poller, &event), 0);
    CHECK (event.socket == second);
    /* Removed and destroyed in any order. */
    OK (poller_destroy (&poller));
    RECV (second, "x");
}

/* The poller hears of news also when the descriptor of ZMQ_FD does. */
static void beside_the_descriptor (void)
{
    EACH_TRANSPORT (transport)
    {
        void *poller = new_poller (), *pull, *push;
        event_t event;
        JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, transport);
        OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
        FAILS (poller_wait (poller, &event, 20), EAGAIN);
        get_int (pull, ZMQ_FD);
        SEND (push, "x");
        EQUAL (soon (poller, &event), 0);
        RECV (pull, "x");
        OK (poller_destroy (&poller));
    }
}

/* A handle that was closed and is another socket's now. */
static void a_handle_used_again (void)
{
    void *poller = new_poller (), *first = OPEN (ZMQ_PULL), *again = NULL;
    event_t event;
    OK (poller_add (poller, first, NULL, ZMQ_POLLIN));
    CLOSE (first);
    for (int i = 0; i < 1000 && again != first; i++) {
        again = zmq_socket (context (), ZMQ_PULL);
        if (again != first)
            OK (zmq_close (again));
    }
    REQUIRE (again == first);
    keep (again);
    FAILS (poller_modify (poller, again, ZMQ_POLLIN), EINVAL);
    OK (poller_add (poller, again, NULL, ZMQ_POLLIN));
    EQUAL (poller_size (poller), 1);
    void *push = OPEN (ZMQ_PUSH);
    OK (zmq_connect (push, BIND (again, "tcp")));
    SEND (push, "x");
    EQUAL (soon (poller, &event), 0);
    RECV (again, "x");
    OK (poller_destroy (&poller));
}

static void *receive_until_the_end (void *socket)
{
    char buffer[10];
    while (zmq_recv (socket, buffer, sizeof buffer, 0) >= 0)
        ;
    return NULL;
}

/* The child of a fork may let go of its copy at any time, and can do nothing else with it. */
static void in_a_forked_child (void)
{
    void *poller = new_poller (), *pull, *push;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    pthread_t thread;
    REQUIRE (pthread_create (&thread, NULL, receive_until_the_end, pull) == 0);
    for (int i = 0; i < 200 && checks_failed == 0; i++) {
        for (int k = 0; k < 20; k++)
            SEND (push, "x");
        pid_t child = fork ();
        REQUIRE (child >= 0);
        if (child == 0) {
            event_t event;
            alarm (5);
            int wrong = poller_wait (poller, &event, -1) != -1 || errno != EINTR;
            wrong |= poller_modify (poller, pull, 0) != -1 || errno != EINTR;
            wrong |= poller_destroy (&poller) != 0;
            _exit (wrong);
        }
        int status;
        REQUIRE (waitpid (child, &status, 0) == child);
        EQUAL (status, 0);
    }
    OK (zmq_ctx_shutdown (context ()));
    pthread_join (thread, NULL);
    OK (poller_destroy (&poller));
}

/* Who could make a poller can also wait. */
static void without_descriptors (void)
{
    void *poller = new_poller (), *pull = OPEN (ZMQ_PULL);
    struct rlimit limit, none;
    event_t event;
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    REQUIRE (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    none = limit;
    none.rlim_cur = 3;
    REQUIRE (setrlimit (RLIMIT_NOFILE, &none) == 0);
    FAILS (poller_wait (poller, &event, 20), EAGAIN);
    CHECK (poller_new () == NULL && errno == EMFILE);
    REQUIRE (setrlimit (RLIMIT_NOFILE, &limit) == 0);
    OK (poller_destroy (&poller));
}

static long resident_kilobytes (void)
{
    long pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    REQUIRE (file && fscanf (file, "%*d %ld", &pages) == 1);
    fclose (file);
    return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

static void asking_without_waiting_costs_no_memory (void)
{
    void *poller = new_poller (), *pull = OPEN (ZMQ_PULL);
    char buffer[10];
    event_t event;
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    long before = 0;
    for (int i = 0; i < 400000; i++) {
        if (i == 20000)
            before = resident_kilobytes ();
        zmq_recv (pull, buffer, sizeof buffer, ZMQ_DONTWAIT);
        poller_wait (poller, &event, 0);
    }
    CHECK (resident_kilobytes () - before < 1000);
    OK (poller_destroy (&poller));
}

static void *end_later (void *context)
{
    struct timespec pause = {0, 30000000};
    nanosleep (&pause, NULL);
    zmq_ctx_shutdown (context);
    return NULL;
}

static void ended_by_the_context (void)
{
    void *poller = new_poller (), *pull = OPEN (ZMQ_PULL);
    event_t event;
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    pthread_t thread;
    REQUIRE (pthread_create (&thread, NULL, end_later, context ()) == 0);
    FAILS (poller_wait (poller, &event, -1), ETERM);
    FAILS (poller_wait (poller, &event, -1), ETERM);
    pthread_join (thread, NULL);
    OK (poller_destroy (&poller));
}

static void on_signal (int number)
{
    (void) number;
}

static void ended_by_a_signal (void)
{
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        void *poller = new_poller (), *pull = OPEN (ZMQ_PULL);
        event_t event;
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
        struct itimerval timer = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
        OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
        REQUIRE (sigaction (SIGALRM, &action, NULL) == 0 && setitimer (ITIMER_REAL, &timer, NULL) == 0);
        FAILS (soon (poller, &event), EINTR);
        REQUIRE (setitimer (ITIMER_REAL, &off, NULL) == 0);
        OK (poller_destroy (&poller));
    }
}

/* ---- the number of idle sockets does not matter -------------------------------------------------------- */

static double processor_seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* The best of several measurements of processor time for a message sent, waited for and received. */
static double cost (void *poller, void *pull, void *push)
{
    double best = 1e9;
    for (int round = 0; round < 7; round++) {
        double start = processor_seconds ();
        for (int i = 0; i < 500; i++) {
            event_t event;
            zmq_send (push, "x", 1, 0);
            EQUAL (soon (poller, &event), 0);
            EQUAL (zmq_recv (pull, &event, 1, ZMQ_DONTWAIT), 1);
            FAILS (poller_wait (poller, &event, 0), EAGAIN);
        }
        double spent = processor_seconds () - start;
        best = spent < best ? spent : best;
    }
    return best;
}

static void idle_sockets_cost_nothing (void)
{
    enum { IDLE = 1000 };
    void *poller = new_poller (), *pull, *push;
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "inproc");
    OK (poller_add (poller, pull, NULL, ZMQ_POLLIN));
    double alone = cost (poller, pull, push);
    for (int i = 0; i < IDLE; i++)
        OK (poller_add (poller, OPEN (ZMQ_PULL), NULL, ZMQ_POLLIN));
    event_t event;
    FAILS (poller_wait (poller, &event, 0), EAGAIN);
    double among = cost (poller, pull, push);
    if (among > alone * 3)
        fail_at (__FILE__, __LINE__, "%d idle sockets make a wait %.1f times as dear", IDLE, among / alone);
    OK (poller_destroy (&poller));
}

RUN_CASES (CASE (what_is_watched), CASE (events_and_timeouts), CASE (answer_where_nothing_happened),
           CASE (first_wrong_argument_counts), CASE (everybody_gets_a_turn), CASE (agrees_with_poll),
           CASE (no_message_is_slept_through), CASE (peers_come_and_go), CASE (sockets_that_are_closed),
           CASE (beside_the_descriptor), CASE (a_handle_used_again), CASE (in_a_forked_child), CASE (without_descriptors),
           CASE (asking_without_waiting_costs_no_memory), CASE (ended_by_the_context), CASE (ended_by_a_signal), CASE (idle_sockets_cost_nothing))
