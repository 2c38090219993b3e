/*  Exclusive pair: threads that signal each other, in a chain.

    pair_threads [MESSAGES]

    Threads share the context and nothing else: each has its own end of a pair,
    over inproc. Step 1 sends numbers to step 2, which doubles them for the main thread. */

#include "example.h"

static int messages;

/*  Connecting before the other end has bound is fine over inproc, too. */
static void step_1 (void *context)
{
    void *next = open_socket (context, ZMQ_PAIR);
    char text[32];
    int i;

    check (zmq_connect (next, "inproc://step-2") == 0, "zmq_connect");
    for (i = 1; i <= messages; i++) {
        sprintf (text, "%d", i);
        send_text (next, text, 0);
    }
    zmq_close (next);
}

static void step_2 (void *context)
{
    void *previous = open_socket (context, ZMQ_PAIR), *next = open_socket (context, ZMQ_PAIR);
    char text[32];
    int i;

    check (zmq_bind (previous, "inproc://step-2") == 0, "zmq_bind");
    check (zmq_connect (next, "inproc://step-3") == 0, "zmq_connect");
    for (i = 1; i <= messages; i++) {
        receive_text (previous, text, sizeof text);
        sprintf (text, "%d", 2 * atoi (text));
        send_text (next, text, 0);
    }
    zmq_close (previous);
    zmq_close (next);
}

int main (int argc, char **argv)
{
    void *context, *last, *thread_1, *thread_2;
    char text[32];
    int i;

    messages = atoi (argument (argc, argv, 1, "1000"));
    print_library ("pair_threads");
    context = zmq_ctx_new ();
    last = open_socket (context, ZMQ_PAIR);
    check (zmq_bind (last, "inproc://step-3") == 0, "zmq_bind");
    thread_1 = zmq_threadstart (step_1, context);
    thread_2 = zmq_threadstart (step_2, context);
    for (i = 1; i <= messages; i++) {
        receive_text (last, text, sizeof text);
        if (atoi (text) != 2 * i) {
            fprintf (stderr, "pair_threads: message %d was %s\n", i, text);
            return 1;
        }
    }
    zmq_threadclose (thread_1);
    zmq_threadclose (thread_2);
    printf ("pair_threads: %d messages, in order\n", messages);
    zmq_close (last);
    zmq_ctx_term (context);
    return 0;
}
