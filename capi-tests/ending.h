/* Every order of disconnect (D), close (C) and shutdown (S) before zmq_ctx_term. Include after check.h and raw.h. */
#ifndef CAPI_ENDING_H
#define CAPI_ENDING_H

static void *terminate (void *c)
{
    return zmq_ctx_term (c) == 0 ? c : NULL;
}

static const char *const orders[] = {"C", "DC", "SC", "CS", "DSC", "SDC", "DCS"};

/* Five messages for a peer that is not there, or accepts and says nothing. No step waits, and the end waits as linger says: not at
 * all, for that time, or until a PULL has come that gets all of them. */
static void end_in_order (const char *order, int linger, int silent)
{
    char endpoint[100];
    int listener = raw_listen (endpoint), fd = -1, failures = checks_failed;
    void *c = zmq_ctx_new (), *push = zmq_socket (c, ZMQ_PUSH), *result;
    pthread_t thread;
    if (!silent)
        close (listener);
    SET (push, ZMQ_LINGER, linger);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    for (int i = 0; i < 5; i++)
        SEND_BYTES (push, &i, sizeof i, 0);
    if (silent)
        fd = RAW_ACCEPT (listener);
    long long start = now_ms ();
    for (const char *step = order; *step; step++) {
        if (*step == 'D' && strchr (order, 'S') && strchr (order, 'S') < step)
            FAILS (zmq_disconnect (push, endpoint), ETERM);
        else if (*step == 'D')
            OK (zmq_disconnect (push, endpoint));
        else
            OK (*step == 'C' ? zmq_close (push) : zmq_ctx_shutdown (c));
    }
    CHECK (now_ms () - start < 250); /* less than linger, where that is not 0 */
    if (linger >= 0) {
        OK (zmq_ctx_term (c));
        long long took = now_ms () - start;
        CHECK (took >= linger - 20 && took < linger + 1500);
    } else {
        struct timespec soon;
        pthread_create (&thread, NULL, terminate, c);
        clock_gettime (CLOCK_REALTIME, &soon);
        soon.tv_nsec += 200000000;
        soon.tv_sec += soon.tv_nsec / 1000000000;
        soon.tv_nsec %= 1000000000;
        EQUAL (pthread_timedjoin_np (thread, &result, &soon), ETIMEDOUT);
    }
    if (silent) {
        close (fd);
        close (listener);
    }
    if (linger < 0) {
        void *pull = OPEN (ZMQ_PULL);
        EVENTUALLY (zmq_bind (pull, endpoint) == 0);
        for (int i = 0; i < 5; i++)
            RECV_BYTES (pull, &i, sizeof i, 0);
        pthread_join (thread, &result);
        CHECK (result == c);
        CLOSE (pull);
    }
    if (checks_failed > failures)
        printf ("    order %s, linger %d, the peer %s\n", order, linger, silent ? "says nothing" : "is not there");
}

#endif
