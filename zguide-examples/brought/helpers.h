/*  Small helpers such as many users of the library have in a header of their own, and
    include in each program: strings in and out, a dump, a clock, a signal flag. As
    with theirs, no program uses all of them, and nobody asks for warnings. */

#ifndef HELPERS_H
#define HELPERS_H

#include <zmq.h>
#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#if ZMQ_VERSION < ZMQ_MAKE_VERSION (3, 2, 0)
#error "too old"
#endif

/*  The next part as a string that the caller frees; NULL when there is none to come. */
static char *s_recv (void *socket)
{
    zmq_msg_t part;
    char *string = NULL;

    zmq_msg_init (&part);
    if (zmq_recvmsg (socket, &part, 0) >= 0) {
        string = calloc (1, zmq_msg_size (&part) + 1);
        memcpy (string, zmq_msg_data (&part), zmq_msg_size (&part));
    }
    zmq_msg_close (&part);
    return string;
}

static int s_send (void *socket, const char *string)
{
    return zmq_send (socket, string, strlen (string), 0);
}

static int s_sendmore (void *socket, const char *string)
{
    return zmq_send (socket, string, strlen (string), ZMQ_SNDMORE);
}

/*  One line a part: its size, and its text or its bytes. */
static void s_dump (void *socket)
{
    int64_t more = -1; /* an int since version 3; programs from before still have this */
    while (more) {
        unsigned char bytes[255];
        size_t more_size = sizeof more;
        int i, printable = 1, size = zmq_recv (socket, bytes, sizeof bytes, 0);

        for (i = 0; i < size; i++)
            printable &= isprint (bytes[i]) != 0;
        printf ("%d:", size);
        for (i = 0; i < size; i++)
            printf (printable ? "%c" : " %02x", bytes[i]);
        putchar ('\n');
        zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &more_size);
    }
}

/*  An id that one can read. */
static void s_set_id (void *socket)
{
    static int drawn;
    char id[32];
    sprintf (id, "%lX-%d", random () & 0xFFFF, __sync_add_and_fetch (&drawn, 1));
    zmq_setsockopt (socket, ZMQ_IDENTITY, id, strlen (id));
}

static void s_sleep (int msecs)
{
    zmq_poll (NULL, 0, msecs);
}

/*  Milliseconds of the time of day. */
static int64_t s_clock (void)
{
    struct timeval time;
    gettimeofday (&time, NULL);
    return time.tv_sec * (int64_t) 1000 + time.tv_usec / 1000;
}

static volatile int s_interrupted;

static void s_on_signal (int number)
{
    s_interrupted = number;
}

static void s_catch_signals (void)
{
    struct sigaction action = {0};
    action.sa_handler = s_on_signal;
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
}

#endif
