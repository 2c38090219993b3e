/*  How processes begin and end around the library. Each case is a run of its own:

        lifetimes CASE

    and has to end with 0, in time and without a signal. */

#include <zmq.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define expect(condition) \
    do { \
        if (!(condition)) { \
            fprintf (stderr, "line %d: %s: %s\n", __LINE__, #condition, zmq_strerror (zmq_errno ())); \
            _exit (1); \
        } \
    } while (0)

typedef struct {
    void *context, *server, *client;
    char endpoint[256];
} pair_t;

static void *new_socket (void *context, int type)
{
    int timeout = 10000;
    void *socket = zmq_socket (context, type);

    expect (socket);
    expect (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    return socket;
}

static void open_server (pair_t *pair)
{
    size_t size = sizeof pair->endpoint;

    pair->context = zmq_ctx_new ();
    expect (pair->context);
    pair->server = new_socket (pair->context, ZMQ_REP);
    expect (zmq_bind (pair->server, "tcp://127.0.0.1:*") == 0);
    expect (zmq_getsockopt (pair->server, ZMQ_LAST_ENDPOINT, pair->endpoint, &size) == 0);
}

static void open_pair (pair_t *pair)
{
    open_server (pair);
    pair->client = new_socket (pair->context, ZMQ_REQ);
    expect (zmq_connect (pair->client, pair->endpoint) == 0);
}

static void exchange (pair_t *pair)
{
    char text[8];

    expect (zmq_send (pair->client, "Hello", 5, 0) == 5);
    expect (zmq_recv (pair->server, text, sizeof text, 0) == 5);
    expect (zmq_send (pair->server, "World", 5, 0) == 5);
    expect (zmq_recv (pair->client, text, sizeof text, 0) == 5 && memcmp (text, "World", 5) == 0);
}

static void close_pair (pair_t *pair)
{
    expect (zmq_close (pair->client) == 0);
    expect (zmq_close (pair->server) == 0);
    expect (zmq_ctx_term (pair->context) == 0);
}

/* ------------------------------------------------------------------ how main ends */

static pair_t at_end;

static void finish (void)
{
    exchange (&at_end);
    close_pair (&at_end);
}

/*  The last use of the library is in a function that exit calls. */
static int case_atexit (void)
{
    open_pair (&at_end);
    exchange (&at_end);
    atexit (finish);
    return 0;
}

/*  Registered before the library has been used at all: runs after whatever the
    library itself may have registered later. */
static int case_atexit_first (void)
{
    atexit (finish);
    open_pair (&at_end);
    exchange (&at_end);
    return 0;
}

static int destructor_is_wanted;

__attribute__ ((destructor)) static void destructor (void)
{
    if (destructor_is_wanted)
        finish ();
}

static int case_destructor (void)
{
    destructor_is_wanted = 1;
    open_pair (&at_end);
    return 0;
}

/*  Neither socket nor context is closed. */
static int case_left_open (void)
{
    pair_t pair;

    open_pair (&pair);
    exchange (&pair);
    return 0;
}

/*  Messages that nobody will ever read are under way. */
static int case_left_open_with_messages (void)
{
    pair_t pair;
    void *sender;
    int i;

    open_pair (&pair);
    sender = new_socket (pair.context, ZMQ_DEALER);
    expect (zmq_connect (sender, pair.endpoint) == 0);
    for (i = 0; i < 500; i++)
        expect (zmq_send (sender, "Hello", 5, 0) == 5);
    return 0;
}

/* ------------------------------------------------------------------------ threads */

static pthread_barrier_t barrier;

static void *receive_for_ever (void *argument)
{
    void *socket = new_socket (((pair_t *) argument)->context, ZMQ_PULL);
    int timeout = -1;
    char text[8];

    expect (zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0);
    expect (zmq_bind (socket, "tcp://127.0.0.1:*") == 0);
    pthread_barrier_wait (&barrier);
    zmq_recv (socket, text, sizeof text, 0);
    return NULL;
}

static void *exchange_for_ever (void *argument)
{
    pair_t pair;

    (void) argument;
    open_pair (&pair);
    exchange (&pair);
    pthread_barrier_wait (&barrier);
    for (;;)
        exchange (&pair);
    return NULL;
}

static void start (void *(*function) (void *), void *argument, int count)
{
    pthread_t thread;
    int i;

    expect (pthread_barrier_init (&barrier, NULL, (unsigned) count + 1) == 0);
    for (i = 0; i < count; i++)
        expect (pthread_create (&thread, NULL, function, argument) == 0 && pthread_detach (thread) == 0);
    pthread_barrier_wait (&barrier);
}

/*  main returns while threads wait in the library. */
static int case_exit_while_receiving (void)
{
    pair_t pair;

    open_pair (&pair);
    start (receive_for_ever, &pair, 4);
    return 0;
}

/*  main returns while threads are busy in the library. */
static int case_exit_while_busy (void)
{
    start (exchange_for_ever, NULL, 2);
    return 0;
}

static void *end_the_process (void *argument)
{
    pair_t *pair = (pair_t *) argument;
    int i;

    for (i = 0; i < 200; i++)
        exchange (pair);
    close_pair (pair);
    /*  A context made when main is long gone. */
    open_pair (pair);
    exchange (pair);
    close_pair (pair);
    exit (0);
}

/*  The thread of main ends, another one goes on with its sockets. */
static int case_thread_outlives_main (void)
{
    static pair_t pair;
    pthread_t thread;

    open_pair (&pair);
    exchange (&pair);
    expect (pthread_create (&thread, NULL, end_the_process, &pair) == 0);
    pthread_exit (NULL);
}

static pthread_key_t key;

static void close_at_end_of_thread (void *argument)
{
    pair_t *pair = (pair_t *) argument;

    exchange (pair);
    close_pair (pair);
    free (pair);
}

static void *leave_it_to_the_key (void *argument)
{
    pair_t *pair = (pair_t *) malloc (sizeof (pair_t));

    (void) argument;
    open_pair (pair);
    exchange (pair);
    expect (pthread_setspecific (key, pair) == 0);
    return NULL;
}

/*  The library is used by the destructors of thread-specific data. */
static int case_thread_specific_data (void)
{
    pthread_t threads[4];
    int i;

    expect (pthread_key_create (&key, close_at_end_of_thread) == 0);
    for (i = 0; i < 4; i++)
        expect (pthread_create (&threads[i], NULL, leave_it_to_the_key, NULL) == 0);
    for (i = 0; i < 4; i++)
        expect (pthread_join (threads[i], NULL) == 0);
    return 0;
}

/* -------------------------------------------------------------------------- forks */

static void wait_for (pid_t child)
{
    int status;

    expect (waitpid (child, &status, 0) == child);
    if (!WIFEXITED (status) || WEXITSTATUS (status) != 0) {
        fprintf (stderr, "child ended with status %x\n", status);
        _exit (1);
    }
}

/*  A child with a context of its own asks the parent. */
static void ask (const char *endpoint)
{
    pair_t pair;
    char text[8];

    pair.context = zmq_ctx_new ();
    expect (pair.context);
    pair.client = new_socket (pair.context, ZMQ_REQ);
    expect (zmq_connect (pair.client, endpoint) == 0);
    expect (zmq_send (pair.client, "Hello", 5, 0) == 5);
    expect (zmq_recv (pair.client, text, sizeof text, 0) == 5);
    expect (zmq_close (pair.client) == 0);
    expect (zmq_ctx_term (pair.context) == 0);
}

static void serve_children (int count, int clean)
{
    pair_t pair;
    pid_t children[8];
    char text[8];
    int i;

    open_pair (&pair);
    exchange (&pair);
    for (i = 0; i < count; i++) {
        children[i] = fork ();
        expect (children[i] >= 0);
        if (children[i] == 0) {
            ask (pair.endpoint);
            if (clean)
                exit (0);
            _exit (0);
        }
    }
    for (i = 0; i < count; i++) {
        expect (zmq_recv (pair.server, text, sizeof text, 0) == 5);
        expect (zmq_send (pair.server, "World", 5, 0) == 5);
    }
    for (i = 0; i < count; i++)
        wait_for (children[i]);
    /*  The parent's own sockets are as they were. */
    exchange (&pair);
    close_pair (&pair);
}

static int case_fork_server (void)
{
    serve_children (8, 1);
    return 0;
}

static int case_fork_server_quick_exit (void)
{
    serve_children (8, 0);
    return 0;
}

/*  Forked while threads of the process are in the middle of calls: locks that they
    hold stay locked in the child. */
static int case_fork_while_busy (void)
{
    pair_t pair;
    pid_t child;
    char text[8];
    int i;

    start (exchange_for_ever, NULL, 2);
    open_pair (&pair);
    for (i = 0; i < 10; i++) {
        child = fork ();
        expect (child >= 0);
        if (child == 0) {
            ask (pair.endpoint);
            _exit (0);
        }
        expect (zmq_recv (pair.server, text, sizeof text, 0) == 5);
        expect (zmq_send (pair.server, "World", 5, 0) == 5);
        wait_for (child);
    }
    close_pair (&pair);
    return 0;
}

/*  A child of a child, as daemons do it. */
static int case_daemon (void)
{
    pair_t pair;
    pid_t child;
    char text[8];

    open_server (&pair);
    child = fork ();
    if (child == 0) {
        setsid ();
        child = fork ();
        if (child == 0)
            ask (pair.endpoint);
        _exit (0);
    }
    wait_for (child);
    expect (zmq_recv (pair.server, text, sizeof text, 0) == 5);
    expect (zmq_send (pair.server, "World", 5, 0) == 5);
    expect (zmq_close (pair.server) == 0);
    expect (zmq_ctx_term (pair.context) == 0);
    return 0;
}

/*  The child lets go of what it has inherited, and uses the library then. The calls
    on the inherited things have to come back; what they answer is not said. */
static int case_fork_closes_inherited (void)
{
    pair_t pair, own;
    pid_t child;

    open_pair (&pair);
    exchange (&pair);
    child = fork ();
    if (child == 0) {
        zmq_close (pair.client);
        zmq_close (pair.server);
        zmq_ctx_term (pair.context);
        open_pair (&own);
        exchange (&own);
        close_pair (&own);
        _exit (0);
    }
    wait_for (child);
    exchange (&pair);
    close_pair (&pair);
    return 0;
}

/*  A program is started in the child: nothing of the library's is inherited. */
static int case_fork_exec (void)
{
    pair_t pair;
    pid_t child;

    open_pair (&pair);
    exchange (&pair);
    child = fork ();
    if (child == 0) {
        /*  Only the first three, and the one that lists them. */
        execl ("/bin/sh", "sh", "-c", "for fd in /proc/self/fd/*; do "
               "case $(readlink \"$fd\") in socket:* | *eventfd* | *eventpoll*) exit 1 ;; esac; done", (char *) NULL);
        _exit (127);
    }
    wait_for (child);
    close_pair (&pair);
    return 0;
}

/* --------------------------------------------------------------------------- main */

#define CASE(name) { #name, case_##name }

static const struct {
    const char *name;
    int (*function) (void);
} cases[] = {
    CASE (atexit), CASE (atexit_first), CASE (destructor), CASE (left_open), CASE (left_open_with_messages),
    CASE (exit_while_receiving), CASE (exit_while_busy), CASE (thread_outlives_main), CASE (thread_specific_data),
    CASE (fork_server), CASE (fork_server_quick_exit), CASE (fork_while_busy), CASE (daemon),
    CASE (fork_closes_inherited), CASE (fork_exec),
};

int main (int argc, char **argv)
{
    size_t i, count = sizeof cases / sizeof cases[0];

    for (i = 0; i < count; i++)
        if (argc < 2)
            puts (cases[i].name);
        else if (strcmp (argv[1], cases[i].name) == 0)
            return cases[i].function ();
    return argc < 2 ? 0 : 2;
}
