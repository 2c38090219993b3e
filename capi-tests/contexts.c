/* Contexts: options, shutdown, termination, calls that a termination or a signal wakes. */
#include "check.h"

static void defaults (void)
{
    void *c = zmq_ctx_new ();
    REQUIRE (c);
    EQUAL (zmq_ctx_get (c, ZMQ_IO_THREADS), 1);
    EQUAL (zmq_ctx_get (c, ZMQ_MAX_SOCKETS), 1023);
    EQUAL (zmq_ctx_get (c, ZMQ_SOCKET_LIMIT), 65535);
    EQUAL (zmq_ctx_get (c, ZMQ_THREAD_SCHED_POLICY), -1);
    EQUAL (zmq_ctx_get (c, ZMQ_MAX_MSGSZ), 2147483647);
    EQUAL (zmq_ctx_get (c, ZMQ_MSG_T_SIZE), sizeof (zmq_msg_t));
    EQUAL (zmq_ctx_get (c, ZMQ_IPV6), 0);
    EQUAL (zmq_ctx_get (c, ZMQ_BLOCKY), 1);
    OK (zmq_ctx_term (c));
}

static void set_and_get (void)
{
    static const struct
    {
        int option, good, bad;
    } rows[] = {
      {ZMQ_IO_THREADS, 0, -1}, {ZMQ_IO_THREADS, 3, -2}, {ZMQ_MAX_SOCKETS, 1, 0},
      {ZMQ_MAX_SOCKETS, 77, -1}, {ZMQ_MAX_MSGSZ, 0, -1}, {ZMQ_MAX_MSGSZ, 1000, -2},
      {ZMQ_IPV6, 1, -1}, {ZMQ_BLOCKY, 0, -1}, {ZMQ_THREAD_SCHED_POLICY, 0, -1},
    };
    void *c = zmq_ctx_new ();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        OK (zmq_ctx_set (c, rows[i].option, rows[i].good));
        FAILS (zmq_ctx_set (c, rows[i].option, rows[i].bad), EINVAL);
        EQUAL (zmq_ctx_get (c, rows[i].option), rows[i].good);
    }
    /* Number 3 is the priority when set and the socket limit when read. */
    OK (zmq_ctx_set (c, ZMQ_THREAD_PRIORITY, 5));
    EQUAL (zmq_ctx_get (c, ZMQ_SOCKET_LIMIT), 65535);
    FAILS (zmq_ctx_set (c, ZMQ_THREAD_PRIORITY, -1), EINVAL);
    OK (zmq_ctx_set (c, ZMQ_THREAD_AFFINITY_CPU_ADD, 0));
    OK (zmq_ctx_set (c, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0));
    FAILS (zmq_ctx_set (c, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 0), EINVAL);
    FAILS (zmq_ctx_set (c, ZMQ_THREAD_AFFINITY_CPU_ADD, -1), EINVAL);
    FAILS (zmq_ctx_get (c, ZMQ_THREAD_AFFINITY_CPU_ADD), EINVAL);
    FAILS (zmq_ctx_set (c, ZMQ_MSG_T_SIZE, 64), EINVAL);
    OK (zmq_ctx_set (c, ZMQ_THREAD_NAME_PREFIX, 42));
    EQUAL (zmq_ctx_get (c, ZMQ_THREAD_NAME_PREFIX), 42);
    static const int unknown[] = {0, -1, 43, 69, 71, 1000};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        FAILS (zmq_ctx_set (c, unknown[i], 1), EINVAL);
        FAILS (zmq_ctx_get (c, unknown[i]), EINVAL);
    }
    OK (zmq_ctx_term (c));
}

static void inherited_by_sockets (void)
{
    void *c = context ();
    void *before = zmq_socket (c, ZMQ_DEALER);
    EQUAL (get_int (before, ZMQ_LINGER), -1);
    EQUAL (get_int (before, ZMQ_IPV6), 0);
    OK (zmq_ctx_set (c, ZMQ_BLOCKY, 0));
    OK (zmq_ctx_set (c, ZMQ_IPV6, 1));
    void *after = zmq_socket (c, ZMQ_DEALER);
    EQUAL (get_int (after, ZMQ_LINGER), 0);
    EQUAL (get_int (after, ZMQ_IPV6), 1);
    EQUAL (get_int (after, ZMQ_IPV4ONLY), 0);
    EQUAL (get_int (before, ZMQ_LINGER), -1);
    EQUAL (get_int (before, ZMQ_IPV6), 0);
    OK (zmq_close (before));
    OK (zmq_close (after));
}

static void bad_handles (void)
{
    static char not_a_context[8192];
    FAILS (zmq_ctx_set (NULL, ZMQ_IO_THREADS, 1), EFAULT);
    FAILS (zmq_ctx_get (NULL, ZMQ_IO_THREADS), EFAULT);
    FAILS (zmq_ctx_shutdown (NULL), EFAULT);
    FAILS (zmq_ctx_term (NULL), EFAULT);
    FAILS (zmq_ctx_destroy (NULL), EFAULT);
    FAILS (zmq_term (NULL), EFAULT);
    errno = 0;
    CHECK (zmq_socket (NULL, ZMQ_PAIR) == NULL && errno == EFAULT);
    FAILS (zmq_ctx_set (not_a_context, ZMQ_IO_THREADS, 1), EFAULT);
    FAILS (zmq_ctx_term (not_a_context), EFAULT);
    CHECK (zmq_socket (not_a_context, ZMQ_PAIR) == NULL && errno == EFAULT);
    void *socket = OPEN (ZMQ_PAIR);
    FAILS (zmq_ctx_set (socket, ZMQ_IO_THREADS, 1), EFAULT);
}

static void old_names (void)
{
    CHECK (zmq_init (-1) == NULL && errno == EINVAL);
    void *c = zmq_init (3);
    REQUIRE (c);
    EQUAL (zmq_ctx_get (c, ZMQ_IO_THREADS), 3);
    OK (zmq_term (c));
    c = zmq_ctx_new ();
    OK (zmq_ctx_destroy (c));
}

static void many_contexts (void)
{
    void *c[20], *s[20];
    for (int i = 0; i < 20; i++) {
        c[i] = zmq_ctx_new ();
        REQUIRE (c[i]);
        s[i] = zmq_socket (c[i], ZMQ_PAIR);
        OK (zmq_bind (s[i], "inproc://same-name"));
    }
    for (int i = 0; i < 20; i++) {
        OK (zmq_close (s[i]));
        OK (zmq_ctx_term (c[i]));
    }
    for (int i = 0; i < 100; i++) {
        void *fresh = zmq_ctx_new ();
        OK (zmq_ctx_term (fresh));
    }
}

static void shutdown_stops_everything (void)
{
    void *c = zmq_ctx_new ();
    void *s = zmq_socket (c, ZMQ_DEALER);
    OK (zmq_bind (s, "inproc://here"));
    OK (zmq_ctx_shutdown (c));
    OK (zmq_ctx_shutdown (c));
    CHECK (zmq_socket (c, ZMQ_PAIR) == NULL && errno == ETERM);
    char buffer[4];
    zmq_msg_t m;
    zmq_msg_init (&m);
    FAILS (zmq_send (s, "x", 1, 0), ETERM);
    FAILS (zmq_recv (s, buffer, sizeof buffer, 0), ETERM);
    FAILS (zmq_msg_send (&m, s, ZMQ_DONTWAIT), ETERM);
    FAILS (zmq_msg_recv (&m, s, ZMQ_DONTWAIT), ETERM);
    FAILS (zmq_bind (s, "inproc://there"), ETERM);
    FAILS (zmq_connect (s, "inproc://there"), ETERM);
    FAILS (zmq_unbind (s, "inproc://here"), ETERM);
    FAILS (zmq_disconnect (s, "inproc://here"), ETERM);
    FAILS (set_int (s, ZMQ_SNDHWM, 1), ETERM);
    int value;
    size_t size = sizeof value;
    FAILS (zmq_getsockopt (s, ZMQ_EVENTS, &value, &size), ETERM);
    zmq_pollitem_t item = {s, 0, ZMQ_POLLIN, 0};
    FAILS (zmq_poll (&item, 1, 0), ETERM);
    FAILS (zmq_poll (&item, 1, -1), ETERM);
    OK (zmq_msg_close (&m));
    OK (zmq_close (s));
    OK (zmq_ctx_term (c));
}

/* The end comes before a wrong message, once the socket has noticed it; contexts are still asked. */
static void shutdown_comes_before_wrong_messages (void)
{
    void *pull = OPEN (ZMQ_PULL);
    zmq_msg_t message;
    OK (zmq_msg_init (&message));
    OK (zmq_msg_close (&message));
    FAILS (zmq_msg_recv (&message, pull, ZMQ_DONTWAIT), EFAULT);
    OK (zmq_ctx_shutdown (case_context));
    FAILS (zmq_recv (pull, &(char){0}, 1, ZMQ_DONTWAIT), ETERM);
    FAILS (zmq_msg_recv (&message, pull, ZMQ_DONTWAIT), ETERM);
    FAILS (zmq_recvmsg (pull, &message, 0), ETERM);
    FAILS (zmq_msg_recv (NULL, pull, ZMQ_DONTWAIT), ETERM);
    FAILS (zmq_recvmsg (pull, NULL, 0), ETERM);
    EQUAL (zmq_ctx_get (case_context, ZMQ_IO_THREADS), 1);
    OK (zmq_ctx_set (case_context, ZMQ_MAX_SOCKETS, 7));
    EQUAL (zmq_ctx_get (case_context, ZMQ_MAX_SOCKETS), 7);
    FAILS (zmq_ctx_set (case_context, ZMQ_MAX_SOCKETS, -1), EINVAL);
}

/* Options are refused by a socket that has been used since the end began, and not by its neighbours. */
static void options_after_the_end_began (void)
{
    void *c = zmq_ctx_new ();
    void *used = zmq_socket (c, ZMQ_PAIR), *other = zmq_socket (c, ZMQ_DEALER);
    zmq_pollitem_t items[2] = {{used, 0, ZMQ_POLLIN, 0}, {other, 0, ZMQ_POLLIN, 0}};
    int value = 0;
    size_t size = sizeof value;
    OK (zmq_ctx_shutdown (c));
    FAILS (zmq_poll (items, 2, -1), ETERM);
    FAILS (set_int (used, ZMQ_LINGER, 0), ETERM);
    FAILS (zmq_getsockopt (used, ZMQ_LINGER, &value, &size), ETERM);
    OK (set_int (other, ZMQ_LINGER, 7));
    OK (zmq_getsockopt (other, ZMQ_LINGER, &value, &size));
    EQUAL (value, 7);
    poll (NULL, 0, 10);
    FAILS (zmq_send (other, "x", 1, ZMQ_DONTWAIT), ETERM);
    FAILS (set_int (other, ZMQ_LINGER, 0), ETERM);
    OK (zmq_close (used));
    OK (zmq_close (other));
    OK (zmq_ctx_term (c));
}

static void *give_up (void *sockets)
{
    void *control = ((void **) sockets)[0], *dealer = ((void **) sockets)[1];
    zmq_pollitem_t items[2] = {{control, 0, ZMQ_POLLIN, 0}, {dealer, 0, ZMQ_POLLIN, 0}};
    if (zmq_poll (items, 2, -1) != -1 || zmq_errno () != ETERM)
        return NULL;
    int zero = 0;
    if (zmq_setsockopt (dealer, ZMQ_LINGER, &zero, sizeof zero) != 0)
        return NULL;
    zmq_close (control);
    zmq_close (dealer);
    return sockets;
}

/* A thread that learns of the end drops what nobody will take: then the end comes. */
static void linger_given_up_at_the_end (void)
{
    void *c = zmq_ctx_new (), *result;
    void *sockets[2] = {zmq_socket (c, ZMQ_PAIR), zmq_socket (c, ZMQ_DEALER)};
    pthread_t thread;
    OK (zmq_bind (sockets[0], "inproc://control"));
    OK (zmq_connect (sockets[1], "tcp://127.0.0.1:1"));
    EQUAL (zmq_send (sockets[1], "for nobody", 10, 0), 10);
    REQUIRE (pthread_create (&thread, NULL, give_up, sockets) == 0);
    poll (NULL, 0, 50);
    long long before = now_ms ();
    OK (zmq_ctx_term (c));
    CHECK (now_ms () - before < ARRIVES_MS);
    pthread_join (thread, &result);
    CHECK (result == sockets);
}

static void shutdown_of_unused_context (void)
{
    void *c = zmq_ctx_new ();
    OK (zmq_ctx_shutdown (c));
    CHECK (zmq_socket (c, ZMQ_PAIR) == NULL && errno == ETERM);
    OK (zmq_ctx_term (c));
}

/* A thread blocked in one call until the context ends. */
enum blocked_call
{
    IN_RECV,
    IN_SEND,
    IN_POLL,
    IN_RECV_TIMEOUT,
    BLOCKED_CALLS
};
struct blocked
{
    void *socket;
    enum blocked_call call;
    int ready[2];
    int rc, error, close_rc;
};

static void *block (void *arg)
{
    struct blocked *b = arg;
    char buffer[4];
    zmq_pollitem_t item = {b->socket, 0, ZMQ_POLLIN, 0};
    if (write (b->ready[1], "r", 1) != 1)
        return NULL;
    switch (b->call) {
        case IN_RECV:
        case IN_RECV_TIMEOUT:
            b->rc = zmq_recv (b->socket, buffer, sizeof buffer, 0);
            break;
        case IN_SEND:
            b->rc = zmq_send (b->socket, "x", 1, 0);
            break;
        default:
            b->rc = zmq_poll (&item, 1, -1);
    }
    b->error = zmq_errno ();
    b->close_rc = zmq_close (b->socket);
    return NULL;
}

static void end_wakes_blocked_calls (int with_shutdown)
{
    void *c = zmq_ctx_new ();
    struct blocked b[BLOCKED_CALLS];
    pthread_t threads[BLOCKED_CALLS];
    for (int i = 0; i < BLOCKED_CALLS; i++) {
        char go;
        b[i].call = (enum blocked_call) i;
        b[i].socket = zmq_socket (c, i == IN_SEND ? ZMQ_PUSH : ZMQ_PULL);
        if (i == IN_RECV_TIMEOUT)
            SET (b[i].socket, ZMQ_RCVTIMEO, 60000);
        REQUIRE (pipe (b[i].ready) == 0);
        pthread_create (&threads[i], NULL, block, &b[i]);
        EQUAL (read (b[i].ready[0], &go, 1), 1);
    }
    poll (NULL, 0, 50); /* most of them are now inside the call; both orders are right */
    if (with_shutdown)
        OK (zmq_ctx_shutdown (c));
    OK (zmq_ctx_term (c));
    for (int i = 0; i < BLOCKED_CALLS; i++) {
        pthread_join (threads[i], NULL);
        EQUAL (b[i].rc, -1);
        EQUAL (b[i].error, ETERM);
        EQUAL (b[i].close_rc, 0);
    }
}

static void term_wakes_blocked_calls (void)
{
    end_wakes_blocked_calls (0);
}

static void shutdown_wakes_blocked_calls (void)
{
    end_wakes_blocked_calls (1);
}

static void *terminate (void *c)
{
    return zmq_ctx_term (c) == 0 ? c : NULL;
}

static void term_waits_for_close (void)
{
    void *c = zmq_ctx_new ();
    void *s = zmq_socket (c, ZMQ_REP);
    pthread_t thread;
    void *result = NULL;
    pthread_create (&thread, NULL, terminate, c);
    char buffer[4];
    FAILS (zmq_recv (s, buffer, sizeof buffer, 0), ETERM);
    struct timespec soon;
    clock_gettime (CLOCK_REALTIME, &soon);
    soon.tv_nsec += 100 * 1000000L;
    soon.tv_sec += soon.tv_nsec / 1000000000L;
    soon.tv_nsec %= 1000000000L;
    EQUAL (pthread_timedjoin_np (thread, &result, &soon), ETIMEDOUT);
    OK (zmq_close (s));
    pthread_join (thread, &result);
    CHECK (result == c);
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;
static void on_signal (int signal_number)
{
    (void) signal_number;
    alarms++;
}

/* Repeats, so that one signal certainly falls into the blocking call. */
static void start_signals (int sa_flags)
{
    struct sigaction action;
    memset (&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = sa_flags;
    sigaction (SIGALRM, &action, NULL);
    struct itimerval every = {{0, 50000}, {0, 50000}};
    setitimer (ITIMER_REAL, &every, NULL);
}

static void stop_signals (void)
{
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer (ITIMER_REAL, &off, NULL);
}

static void signals_interrupt (int sa_flags)
{
    void *push, *pull;
    char buffer[8];
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    SEND (push, "first");
    RECV (pull, "first");
    void *lonely = OPEN (ZMQ_PUSH);
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    zmq_msg_t m;
    zmq_msg_init_size (&m, 100);
    memset (zmq_msg_data (&m), 'k', 100);
    start_signals (sa_flags);
    FAILS (zmq_recv (pull, buffer, sizeof buffer, 0), EINTR);
    FAILS (zmq_send (lonely, "x", 1, 0), EINTR);
    FAILS (zmq_msg_send (&m, lonely, 0), EINTR);
    FAILS (zmq_poll (&item, 1, -1), EINTR);
    SET (pull, ZMQ_RCVTIMEO, 60000);
    FAILS (zmq_recv (pull, buffer, sizeof buffer, 0), EINTR);
    stop_signals ();
    CHECK (alarms > 0);
    EQUAL (zmq_msg_size (&m), 100);
    EQUAL (((char *) zmq_msg_data (&m))[99], 'k');
    OK (zmq_msg_close (&m));
    /* Nothing was lost by it. */
    SEND (push, "second");
    EQUAL (zmq_recv (pull, buffer, sizeof buffer, 0), 6);
}

static void signals_interrupt_blocking_calls (void)
{
    signals_interrupt (0);
}

static void signals_interrupt_with_restart_flag (void)
{
    signals_interrupt (SA_RESTART);
}

static void term_is_interrupted (int sa_flags)
{
    void *c = zmq_ctx_new ();
    void *s = zmq_socket (c, ZMQ_PULL);
    start_signals (sa_flags);
    FAILS (zmq_ctx_term (c), EINTR);
    FAILS (zmq_ctx_term (c), EINTR);
    stop_signals ();
    char buffer[4];
    FAILS (zmq_recv (s, buffer, sizeof buffer, 0), ETERM);
    OK (zmq_close (s));
    OK (zmq_ctx_term (c));
}

static void interrupted_term_is_repeated (void)
{
    term_is_interrupted (0);
    term_is_interrupted (SA_RESTART);
}

/* While a socket that is closed lingers too. */
static void lingering_is_interrupted (void)
{
    for (int k = 0; k < 2; k++) {
        void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH);
        SET (push, ZMQ_LINGER, 400);
        OK (zmq_connect (push, "tcp://127.0.0.1:1"));
        EQUAL (zmq_send (push, "x", 1, 0), 1);
        OK (zmq_close (push));
        start_signals (k ? SA_RESTART : 0);
        long long start = now_ms ();
        FAILS (zmq_ctx_term (c), EINTR);
        FAILS (zmq_ctx_term (c), EINTR);
        CHECK (now_ms () - start < 350);
        stop_signals ();
        OK (zmq_ctx_term (c));
        CHECK (now_ms () - start >= 350);
    }
}

static void interrupted_proxy (void)
{
    for (int k = 0; k < 2; k++) {
        void *front = OPEN (ZMQ_ROUTER), *back = OPEN (ZMQ_DEALER), *req = OPEN (ZMQ_REQ), *rep = OPEN (ZMQ_REP);
        OK (zmq_connect (req, BIND (front, "tcp")));
        OK (zmq_connect (rep, BIND (back, "tcp")));
        SEND (req, "question");
        /* It can be called again and again, and nothing is lost. */
        for (int calls = 0; calls < 2 || (calls < 50 && !await (rep, ZMQ_POLLIN, 0)); calls++) {
            start_signals (k ? SA_RESTART : 0);
            FAILS (zmq_proxy (front, back, NULL), EINTR);
            stop_signals ();
        }
        RECV (rep, "question");
    }
}

static void library_threads_block_signals (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "tcp");
    SEND (b, "x");
    RECV (a, "x");
    /* Sent to the process while this thread blocks it, the signal stays pending: no other thread takes it. */
    sigset_t one, pending;
    sigemptyset (&one);
    sigaddset (&one, SIGUSR1);
    signal (SIGUSR1, on_signal);
    pthread_sigmask (SIG_BLOCK, &one, NULL);
    kill (getpid (), SIGUSR1);
    SEND (b, "y");
    RECV (a, "y");
    sigpending (&pending);
    CHECK (sigismember (&pending, SIGUSR1) == 1);
    EQUAL (alarms, 0);
    pthread_sigmask (SIG_UNBLOCK, &one, NULL);
    EQUAL (alarms, 1);
}

static void term_with_unbound_inproc_connects (void)
{
    void *c = zmq_ctx_new ();
    void *s = zmq_socket (c, ZMQ_PUSH);
    SET (s, ZMQ_LINGER, -1);
    OK (zmq_connect (s, "inproc://nobody-binds-this"));
    EQUAL (zmq_send (s, "lost", 4, 0), 4);
    OK (zmq_close (s));
    OK (zmq_ctx_term (c));
}

RUN_CASES (CASE (defaults), CASE (set_and_get), CASE (inherited_by_sockets), CASE (bad_handles),
           CASE (old_names), CASE (many_contexts), CASE (shutdown_stops_everything),
           CASE (shutdown_comes_before_wrong_messages), CASE (options_after_the_end_began), CASE (linger_given_up_at_the_end), CASE (shutdown_of_unused_context), CASE (term_wakes_blocked_calls),
           CASE (shutdown_wakes_blocked_calls), CASE (term_waits_for_close),
           CASE (signals_interrupt_blocking_calls), CASE (signals_interrupt_with_restart_flag),
           CASE (interrupted_term_is_repeated), CASE (lingering_is_interrupted), CASE (interrupted_proxy), CASE (library_threads_block_signals),
           CASE (term_with_unbound_inproc_connects))
