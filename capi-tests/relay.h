/* A relay between two library sockets that passes ZMTP 3 frames on and can do things to one of them. Include after check.h and raw.h. */
#ifndef CAPI_RELAY_H
#define CAPI_RELAY_H

#include <poll.h>
#include <pthread.h>

enum
{
    TO_SERVER,
    TO_CLIENT
};

enum action
{
    PASS,
    FLIP,     /* change one byte of the body, `at` from the front, or from the back if negative */
    TRUNCATE, /* take `at` bytes from the end */
    EXTEND,   /* add `at` bytes */
    TWICE,
    DROP,
    FLAGS,   /* set bits of the flags byte */
    REPLACE, /* by bytes of the test */
    RECORD,  /* pass, and keep a copy for REPLAY */
    REPLAY,
    CUT /* close both connections instead */
};

struct relay
{
    int listener, server_port;
    volatile int stop;
    pthread_t thread;
    /* What is done to which frame; commands of the handshake count from 0, messages follow. */
    int direction, number;
    enum action action;
    int at;
    const char *bytes;
    size_t size;
    unsigned char recorded[1000];
    size_t recorded_size;
    volatile int connections;
};

struct way
{
    int from, to, frames;
    size_t greeting, filled;
    unsigned char buffer[200000];
};

MAYBE_UNUSED static void relay_write (int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = send (fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        size -= (size_t) n;
    }
}

/* A frame with another body size. */
MAYBE_UNUSED static void relay_frame (int fd, unsigned flags, const unsigned char *body, size_t size)
{
    unsigned char head[9] = {(unsigned char) (flags & ~2u), (unsigned char) size};
    size_t head_size = 2;
    if (size > 255) {
        head[0] |= 2;
        for (int i = 0; i < 8; i++)
            head[1 + i] = (unsigned char) ((uint64_t) size >> (56 - 8 * i));
        head_size = 9;
    }
    relay_write (fd, head, head_size);
    relay_write (fd, body, size);
}

/* One whole frame. 0 when the connection is to be cut. */
MAYBE_UNUSED static int relay_pass (struct relay *relay, struct way *way, int direction, unsigned char *frame, size_t head,
                                    size_t size)
{
    unsigned char *body = frame + head;
    if (direction != relay->direction || way->frames++ != relay->number || relay->action == PASS) {
        relay_write (way->to, frame, head + size);
        return 1;
    }
    switch (relay->action) {
    case FLIP:
        body[relay->at >= 0 ? (size_t) relay->at : size - (size_t) -relay->at] ^= 1;
        relay_write (way->to, frame, head + size);
        break;
    case TRUNCATE:
        relay_frame (way->to, frame[0], body, size - (size_t) relay->at);
        break;
    case EXTEND: {
        static unsigned char larger[sizeof way->buffer + 1000];
        memcpy (larger, body, size);
        memset (larger + size, 0, (size_t) relay->at);
        relay_frame (way->to, frame[0], larger, size + (size_t) relay->at);
        break;
    }
    case TWICE:
        relay_write (way->to, frame, head + size);
        relay_write (way->to, frame, head + size);
        break;
    case FLAGS:
        frame[0] |= (unsigned char) relay->at;
        relay_write (way->to, frame, head + size);
        break;
    case REPLACE:
        relay_write (way->to, relay->bytes, relay->size);
        break;
    case RECORD:
        relay->recorded_size = head + size;
        memcpy (relay->recorded, frame, head + size);
        relay_write (way->to, frame, head + size);
        break;
    case REPLAY:
        relay_write (way->to, relay->recorded, relay->recorded_size);
        break;
    case CUT:
        return 0;
    default:
        break;
    }
    return 1;
}

MAYBE_UNUSED static int relay_move (struct relay *relay, struct way *way, int direction)
{
    ssize_t n = read (way->from, way->buffer + way->filled, sizeof way->buffer - way->filled);
    if (n <= 0)
        return 0;
    way->filled += (size_t) n;
    size_t used = 0;
    if (way->greeting < 64) {
        used = way->filled < 64 - way->greeting ? way->filled : 64 - way->greeting;
        relay_write (way->to, way->buffer, used);
        way->greeting += used;
    }
    while (way->filled - used >= 2) {
        unsigned char *frame = way->buffer + used;
        size_t head = frame[0] & 2 ? 9 : 2, size = frame[1];
        if (way->filled - used < head)
            break;
        if (head == 9)
            for (int i = size = 0; i < 8; i++)
                size = size << 8 | frame[1 + i];
        if (way->filled - used < head + size)
            break;
        if (!relay_pass (relay, way, direction, frame, head, size))
            return 0;
        used += head + size;
    }
    memmove (way->buffer, way->buffer + used, way->filled - used);
    way->filled -= used;
    return 1;
}

/* One connection after the other. */
MAYBE_UNUSED static void *relay_run (void *arg)
{
    struct relay *relay = arg;
    while (!relay->stop) {
        int client = raw_accept (relay->listener, 50);
        if (client == -1)
            continue;
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
        address.sin_port = htons ((uint16_t) relay->server_port);
        int server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        static struct way ways[2];
        memset (ways, 0, sizeof ways);
        ways[TO_SERVER].from = ways[TO_CLIENT].to = client;
        ways[TO_SERVER].to = ways[TO_CLIENT].from = server;
        int going = connect (server, (struct sockaddr *) &address, sizeof address) == 0;
        relay->connections++;
        while (going && !relay->stop) {
            struct pollfd fds[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
            poll (fds, 2, 50);
            if (fds[0].revents)
                going = relay_move (relay, &ways[TO_SERVER], TO_SERVER);
            if (going && fds[1].revents)
                going = relay_move (relay, &ways[TO_CLIENT], TO_CLIENT);
        }
        close (client);
        close (server);
    }
    return NULL;
}

/* Starts a relay to `server` and writes the endpoint of the relay. */
MAYBE_UNUSED static void relay_start (struct relay *relay, const char *server, char *endpoint)
{
    relay->listener = raw_listen (endpoint);
    relay->server_port = raw_port (server);
    relay->stop = 0;
    OK (pthread_create (&relay->thread, NULL, relay_run, relay));
}

MAYBE_UNUSED static void relay_stop (struct relay *relay)
{
    relay->stop = 1;
    pthread_join (relay->thread, NULL);
    close (relay->listener);
}

#endif
