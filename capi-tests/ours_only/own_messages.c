/* What free functions of messages may do here. The reference calls them on its own threads, which must not use a socket of the application. */
#include "../check.h"

#include <pthread.h>
#include <stdatomic.h>

enum
{
    SIZE = 4000,
    MESSAGES = 3000
};

static void *push, *pull;
static atomic_int freed, not_sent;
static pthread_t application;

/* Says on the same socket that the memory is free; on the application's own thread, in the middle of its call. */
static void say_free (void *data, void *hint)
{
    (void) hint;
    free (data);
    freed++;
    if (pthread_equal (pthread_self (), application) && zmq_send (push, "free", 4, 0) != 4)
        not_sent++;
}

static void *read_with_pauses (void *done)
{
    char body[SIZE];
    for (int i = 0; !*(volatile int *) done; i++) {
        zmq_recv (pull, body, sizeof body, 0);
        if (i % 100 == 0)
            usleep (2000);
    }
    return NULL;
}

static void a_free_function_that_sends_on_the_socket_that_waits (void)
{
    pthread_t reader;
    int done = 0;
    application = pthread_self ();
    push = OPEN (ZMQ_PUSH), pull = OPEN (ZMQ_PULL);
    SET (push, ZMQ_SNDHWM, 100);
    SET (push, ZMQ_SNDTIMEO, 3000);
    SET (pull, ZMQ_RCVHWM, 100);
    SET (pull, ZMQ_RCVTIMEO, 100);
    SET (push, ZMQ_SNDBUF, 16384);
    OK (zmq_connect (push, BIND (pull, "tcp")));
    pthread_create (&reader, NULL, read_with_pauses, &done);
    for (int i = 0; i < MESSAGES; i++) {
        zmq_msg_t message;
        OK (zmq_msg_init_data (&message, malloc (SIZE), SIZE, say_free, NULL));
        REQUIRE (zmq_msg_send (&message, push, 0) == SIZE);
    }
    EQUAL (not_sent, 0);
    *(volatile int *) &done = 1;
    pthread_join (reader, NULL);
    application = reader; /* the rest goes with the sockets */
    SET (push, ZMQ_LINGER, 0);
    CLOSE (push);
    CLOSE (pull);
    end_context ();
    EQUAL (freed, MESSAGES);
}

RUN_CASES (CASE (a_free_function_that_sends_on_the_socket_that_waits))
