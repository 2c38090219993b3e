/*  What the example programs share: saying which library they run on, stopping
    with a readable message, ending on Ctrl-C, deadlines, multipart messages.
    It uses zmq.h, standard C and POSIX. */

#ifndef EXAMPLE_H
#define EXAMPLE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* -------------------------------------------------------------- the beginning */

/*  Prints the version that the library reports, and the file that the process
    has really mapped (Linux: read from /proc/self/maps). */
static inline void print_library (const char *program)
{
    int major, minor, patch;
    char line[8192], last[8192] = "";
    FILE *maps;

    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    zmq_version (&major, &minor, &patch);
    printf ("%s: libzmq %d.%d.%d\n", program, major, minor, patch);

    maps = fopen ("/proc/self/maps", "r");
    if (!maps)
        return;
    while (fgets (line, sizeof line, maps)) {
        const char *path = strchr (line, '/');
        const char *name = strrchr (line, '/');
        line[strcspn (line, "\n")] = '\0';
        if (path && !strncmp (name, "/libzmq", 7) && strcmp (path, last)) {
            printf ("%s: loaded %s\n", program, path);
            strcpy (last, path);
        }
    }
    fclose (maps);
}

/*  Ends the program when a libzmq call has failed. */
static inline void check (int ok, const char *what)
{
    if (!ok) {
        fprintf (stderr, "%s: %s\n", what, zmq_strerror (zmq_errno ()));
        exit (1);
    }
}

/*  Argument number n, or a default where it is not given. */
static inline const char *argument (int argc, char **argv, int n, const char *otherwise)
{
    return argc > n ? argv[n] : otherwise;
}

/*  A socket, or the end of the program. */
static inline void *open_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    check (socket != NULL, "zmq_socket");
    return socket;
}

/*  Sets an option that is an int. */
static inline void set_option (void *socket, int option, int value)
{
    check (zmq_setsockopt (socket, option, &value, sizeof value) == 0, "zmq_setsockopt");
}

/*  Binds, and prints where: a port given as * is chosen by the system. */
static inline void bind_socket (void *socket, const char *endpoint, const char *who)
{
    char bound[256];
    size_t size = sizeof bound;
    check (zmq_bind (socket, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "zmq_getsockopt");
    printf ("%s: bound to %s\n", who, bound);
}

/* --------------------------------------------------------- time, and the ending */

/*  Milliseconds of a clock that nobody sets. */
static inline int64_t clock_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*  A flag alone would not do: a signal that comes after the flag was read and
    before the poll began would be slept over. A pipe stays readable. */
static volatile sig_atomic_t stop_requested;
static int stop_pipe[2] = {-1, -1};

static inline void on_stop_signal (int number)
{
    int saved = errno;
    char byte = (char) number;
    stop_requested = 1;
    if (write (stop_pipe[1], &byte, 1) != 1)
        stop_requested = 1;
    errno = saved;
}

/*  Called first. From here on SIGINT and SIGTERM do not end the program: wait_any reports them,
    and the program closes its sockets and returns from main. */
static inline void stop_on_signals (void)
{
    struct sigaction action;
    int i;

    check (pipe (stop_pipe) == 0, "pipe");
    for (i = 0; i < 2; i++) {
        fcntl (stop_pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl (stop_pipe[i], F_SETFL, O_NONBLOCK);
    }
    memset (&action, 0, sizeof action);
    action.sa_handler = on_stop_signal;
    sigemptyset (&action.sa_mask);
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
}

#define WAIT_ITEMS 15

/*  Waits until one of the items is ready, or until the deadline (a value of
    clock_ms, -1 for none). Returns how many are ready, 0 when the time is over,
    -1 when the program has been asked to end. */
static inline int wait_any (zmq_pollitem_t *items, int count, int64_t deadline)
{
    zmq_pollitem_t all[WAIT_ITEMS + 1];
    int i, ready, stop = stop_pipe[0] >= 0;

    for (;;) {
        int64_t left = deadline < 0 ? -1 : deadline - clock_ms ();
        if (stop_requested)
            return -1;
        if (deadline >= 0 && left < 0)
            left = 0;
        for (i = 0; i < count; i++)
            all[i] = items[i];
        all[count].socket = NULL;
        all[count].fd = stop_pipe[0];
        all[count].events = ZMQ_POLLIN;
        all[count].revents = 0;
        ready = zmq_poll (all, count + stop, (long) left);
        if (stop_requested)
            return -1;
        if (ready >= 0)
            break;
        check (zmq_errno () == EINTR, "zmq_poll");
    }
    for (i = 0; i < count; i++)
        items[i].revents = all[i].revents;
    return ready;
}

static inline int wait_for (void *socket, short events, int64_t deadline)
{
    zmq_pollitem_t item = {NULL, 0, 0, 0};
    item.socket = socket;
    item.events = events;
    return wait_any (&item, 1, deadline);
}

/*  The same for one socket; 1, 0 or -1. */
static inline int wait_readable (void *socket, int64_t deadline)
{
    return wait_for (socket, ZMQ_POLLIN, deadline);
}

static inline int wait_writable (void *socket, int64_t deadline)
{
    return wait_for (socket, ZMQ_POLLOUT, deadline);
}

/*  Pretends to work. Returns 0, or -1 when the program has been asked to end. */
static inline int pause_ms (int64_t duration)
{
    return wait_any (NULL, 0, clock_ms () + duration);
}

/* ------------------------------------------------------------ one part as text */

/*  Receives one message part as a C string, cut to the buffer's size. */
static inline void receive_text (void *socket, char *buffer, size_t size)
{
    int length = zmq_recv (socket, buffer, size - 1, 0);
    check (length >= 0, "zmq_recv");
    buffer[(size_t) length < size ? (size_t) length : size - 1] = '\0';
}

/*  Sends a C string, without its terminating zero, as one part. */
static inline void send_text (void *socket, const char *text, int flags)
{
    check (zmq_send (socket, text, strlen (text), flags) >= 0, "zmq_send");
}

/*  True when the part received last is followed by another one. */
static inline int more_parts (void *socket)
{
    int more;
    size_t size = sizeof more;
    check (zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size) == 0, "ZMQ_RCVMORE");
    return more;
}

/* ------------------------------------------------------------ whole messages */

/*  A multipart message. The frames are owned: clear what is not sent. Not so many
    are received as there is room for, because programs on the way add envelopes; and
    brokers take still fewer from their clients, so that what they pass on arrives. */
#define MESSAGE_FRAMES 64
#define MESSAGE_FRAMES_RECEIVED 48
#define MESSAGE_FRAMES_OF_CLIENTS 16
struct message
{
    int count;
    zmq_msg_t frames[MESSAGE_FRAMES];
};

static inline void message_init (struct message *message)
{
    message->count = 0;
}

static inline void message_clear (struct message *message)
{
    while (message->count > 0)
        zmq_msg_close (&message->frames[--message->count]);
}

static inline size_t message_size (struct message *message, int index)
{
    return zmq_msg_size (&message->frames[index]);
}

static inline void *message_data (struct message *message, int index)
{
    return zmq_msg_data (&message->frames[index]);
}

/*  True when there is such a frame and it holds exactly these bytes. */
static inline int message_equals (struct message *message, int index, const void *bytes, size_t size)
{
    return index < message->count && message_size (message, index) == size
           && (size == 0 || memcmp (message_data (message, index), bytes, size) == 0);
}

static inline int message_is (struct message *message, int index, const char *text)
{
    return message_equals (message, index, text, strlen (text));
}

/*  A frame as a C string, cut to the buffer's size; "" when there is no such frame. */
static inline char *message_text (struct message *message, int index, char *buffer, size_t size)
{
    size_t length = index < message->count ? message_size (message, index) : 0;
    if (length >= size)
        length = size - 1;
    if (length)
        memcpy (buffer, message_data (message, index), length);
    buffer[length] = '\0';
    return buffer;
}

/*  Puts a frame in front of frame number index. */
static inline void message_insert (struct message *message, int index, const void *bytes, size_t size)
{
    int i;
    check (message->count < MESSAGE_FRAMES, "message_insert");
    check (zmq_msg_init (&message->frames[message->count]) == 0, "zmq_msg_init");
    for (i = message->count++; i > index; i--)
        zmq_msg_move (&message->frames[i], &message->frames[i - 1]);
    zmq_msg_close (&message->frames[index]);
    check (zmq_msg_init_size (&message->frames[index], size) == 0, "zmq_msg_init_size");
    if (size)
        memcpy (message_data (message, index), bytes, size);
}

static inline void message_append (struct message *message, const void *bytes, size_t size)
{
    message_insert (message, message->count, bytes, size);
}

static inline void message_append_text (struct message *message, const char *text)
{
    message_append (message, text, strlen (text));
}

/*  Takes frame number index away. */
static inline void message_remove (struct message *message, int index)
{
    int i;
    for (i = index; i + 1 < message->count; i++)
        zmq_msg_move (&message->frames[i], &message->frames[i + 1]);
    zmq_msg_close (&message->frames[--message->count]);
}

/*  A second message with the same frames; large contents are shared, not copied. */
static inline void message_copy (struct message *to, struct message *from)
{
    for (to->count = 0; to->count < from->count; to->count++) {
        check (zmq_msg_init (&to->frames[to->count]) == 0, "zmq_msg_init");
        check (zmq_msg_copy (&to->frames[to->count], &from->frames[to->count]) == 0, "zmq_msg_copy");
    }
}

/*  Receives a whole message if one is there. Returns 0, or -1 with an empty
    message when there is none, when the context has been shut down, or (EMSGSIZE) when it had
    more frames than any of these programs uses: whoever sent it is not to end the receiver. */
static inline int message_receive (struct message *message, void *socket)
{
    int lost = 0;

    message_init (message);
    for (;;) {
        zmq_msg_t frame, *place = &frame;
        int more;

        if (message->count < MESSAGE_FRAMES_RECEIVED)
            place = &message->frames[message->count];
        else
            lost = 1;
        check (zmq_msg_init (place) == 0, "zmq_msg_init");
        while (zmq_msg_recv (place, socket, ZMQ_DONTWAIT) < 0) {
            if (zmq_errno () == EINTR)
                continue;
            check (zmq_errno () == EAGAIN || zmq_errno () == ETERM, "zmq_msg_recv");
            zmq_msg_close (place);
            message_clear (message);
            return -1;
        }
        more = zmq_msg_more (place);
        if (place == &frame)
            zmq_msg_close (place);
        else
            message->count++;
        if (!more)
            break;
    }
    if (lost) {
        message_clear (message);
        errno = EMSGSIZE;
    }
    return lost ? -1 : 0;
}

/*  The same for the frontend of a broker. */
static inline int message_receive_from_client (struct message *message, void *socket)
{
    if (message_receive (message, socket))
        return -1;
    if (message->count <= MESSAGE_FRAMES_OF_CLIENTS)
        return 0;
    message_clear (message);
    return -1;
}

/*  The same for a REP, which has to answer everything: what it cannot take it answers with nothing. */
static inline int message_receive_question (struct message *message, void *socket)
{
    int result = message_receive (message, socket);
    if (result && zmq_errno () == EMSGSIZE)
        zmq_send (socket, "", 0, ZMQ_DONTWAIT);
    return result;
}

/*  Sends a whole message without waiting, and leaves it empty. Returns 0, or -1
    when the socket cannot take it now: no peer, a full queue, or (ROUTER with
    ZMQ_ROUTER_MANDATORY) no such peer. The message is then as it was.

    A peer that dies between two parts takes the message with it, as one does that
    dies a moment later: the library swallows the rest, and may say EAGAIN once. */
static inline int message_send (struct message *message, void *socket)
{
    int i;
    for (i = 0; i < message->count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < message->count ? ZMQ_SNDMORE : 0);
        while (zmq_msg_send (&message->frames[i], socket, flags) < 0) {
            if (zmq_errno () == EINTR)
                continue;
            check (zmq_errno () == EAGAIN || zmq_errno () == ETERM || (i == 0 && zmq_errno () == EHOSTUNREACH),
                   "zmq_msg_send");
            if (i == 0)
                return -1;
            zmq_msg_close (&message->frames[i]);
            break;
        }
    }
    message->count = 0;
    return 0;
}

#endif
