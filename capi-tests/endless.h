/* A thread that sends without end, and connections that are lost meanwhile. Include after raw.h. */
#ifndef CAPI_ENDLESS_H
#define CAPI_ENDLESS_H

#include <pthread.h>
#include <stdatomic.h>

#define READY_PULL READY4 ("PULL")
#define READY_PUSH READY4 ("PUSH")

/* Ends what one thread sends without end. */
static atomic_int stop;

MAYBE_UNUSED static pthread_t start_sending (void *(*send) (void *), void *push)
{
    pthread_t thread;
    atomic_store (&stop, 0);
    REQUIRE (pthread_create (&thread, NULL, send, push) == 0);
    return thread;
}

MAYBE_UNUSED static void stop_sending (pthread_t thread, void *push)
{
    void *result;
    atomic_store (&stop, 1);
    pthread_join (thread, &result);
    CHECK (result == push);
}

/* Accepts, reads some of the same message over and over, and closes, again and again: each connection begins with the begin of a message. */
static void lose_connections (int listener, const char *message, size_t size)
{
    char bytes[4096];
    for (int round = 0; round < 30; round++) {
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY_PULL, READY_PUSH);
        size_t left = size * (size_t) (1 + round * 211), at = 0;
        while (left > 0) {
            ssize_t n = raw_readable (fd, ARRIVES_MS) ? read (fd, bytes, left < sizeof bytes ? left : sizeof bytes) : 0;
            REQUIRE (n > 0);
            for (ssize_t i = 0; i < n; i++, at++)
                REQUIRE (bytes[i] == message[at % size]);
            left -= (size_t) n;
        }
        close (fd);
    }
}

/* The connections of a sender that sends the same message without end. */
MAYBE_UNUSED static void lose_connections_of (void *(*send) (void *), const char *message, size_t size)
{
    char endpoint[64];
    int listener = raw_listen (endpoint);
    void *push = OPEN (ZMQ_PUSH);
    SET (push, ZMQ_RECONNECT_IVL, 1);
    OK (zmq_connect (push, endpoint));
    pthread_t thread = start_sending (send, push);
    lose_connections (listener, message, size);
    stop_sending (thread, push);
    close (listener);
}

#endif
