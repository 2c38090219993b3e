/*  Small helpers such as many users of the library have in a header of their own, and
    include in each program: strings in and out, a dump, a clock, a signal flag. This
    one is written as theirs are, and is compiled without a word about warnings. */

#ifndef HELPERS_H
#define HELPERS_H

#include <zmq.h>
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#if ZMQ_VERSION_MAJOR < 4
#error "needs version 4 or later"
#endif

#define within(num) (int) ((float) (num) * random () / (RAND_MAX + 1.0))

/*  A string of its own, to be freed; NULL when interrupted. */
static char *s_recv (void *socket)
{
    enum { cap = 256 };
    char buffer[cap];
    int size = zmq_recv (socket, buffer, cap - 1, 0);
    if (size == -1)
        return NULL;
    buffer[size < cap ? size : cap - 1] = '\0';
    return strdup (buffer);
}

static int s_send (void *socket, const char *string)
{
    return zmq_send (socket, string, strlen (string), 0);
}

static int s_sendmore (void *socket, const char *string)
{
    return zmq_send (socket, string, strlen (string), ZMQ_SNDMORE);
}

/*  Prints the parts of a message, in hexadecimal where they are no text. */
static void s_dump (void *socket)
{
    int64_t more; /* as it was before version 3, and still works */
    size_t more_size = sizeof (more);
    zmq_msg_t message;

    assert (zmq_msg_init (&message) == 0);
    puts ("----------------------------------------");
    do {
        int size = zmq_msg_recv (&message, socket, 0), char_nbr, is_text = 1;
        unsigned char *data = (unsigned char *) zmq_msg_data (&message);

        assert (size != -1);
        for (char_nbr = 0; char_nbr < size; char_nbr++)
            if (data[char_nbr] < 32 || data[char_nbr] > 126)
                is_text = 0;
        printf ("[%03d] ", size);
        for (char_nbr = 0; char_nbr < size; char_nbr++)
            printf (is_text ? "%c" : "%02X", data[char_nbr]);
        printf ("\n");
        more_size = sizeof (more);
        zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &more_size);
    } while (more);
    zmq_msg_close (&message);
}

/*  A readable random identity. */
static void s_set_id (void *socket)
{
    char identity[10];
    sprintf (identity, "%04X-%04X", within (0x10000), within (0x10000));
    zmq_setsockopt (socket, ZMQ_IDENTITY, identity, strlen (identity));
}

static void s_sleep (int msecs)
{
    struct timespec t;
    t.tv_sec = msecs / 1000;
    t.tv_nsec = (msecs % 1000) * 1000000;
    nanosleep (&t, NULL);
}

static int64_t s_clock (void)
{
    struct timeval tv;
    gettimeofday (&tv, NULL);
    return (int64_t) tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static int s_interrupted = 0;
static void s_signal_handler (int signal_value)
{
    s_interrupted = 1;
}

static void s_catch_signals (void)
{
    struct sigaction action;
    action.sa_handler = s_signal_handler;
    action.sa_flags = 0;
    sigemptyset (&action.sa_mask);
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
}

#endif
