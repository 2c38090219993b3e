/* Sending and receiving: sizes, truncation, flags, timeouts, parts, the call families. */
#include "check.h"
#include <sys/uio.h>

static void truncation (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        char buffer[8];
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        SEND (a, "0123456789");
        SEND (a, "abcdefgh");
        SEND (a, "");
        SEND (a, "gone");
        memset (buffer, '.', sizeof buffer);
        EQUAL (zmq_recv (b, buffer, 4, 0), 10); /* the full size, the rest is lost */
        EQUAL (memcmp (buffer, "0123....", 8), 0);
        EQUAL (zmq_recv (b, buffer, 8, 0), 8);
        EQUAL (memcmp (buffer, "abcdefgh", 8), 0);
        EQUAL (zmq_recv (b, buffer, 8, 0), 0);
        EQUAL (zmq_recv (b, NULL, 0, 0), 4);
        EQUAL (zmq_send (a, NULL, 0, 0), 0);
        EQUAL (zmq_recv (b, NULL, 0, 0), 0);
    }
}

static void sizes (void)
{
    static const size_t list[] = {0, 1, 28, 29, 30, 33, 34, 63, 64, 65, 127, 128, 254, 255, 256, 257, 1000, 4095, 4096,
                                  8183, 8190, 8191, 8192, 8193, 16384, 65535, 65536, 65537, 300000, 1 << 20, 5000001};
    enum
    {
        COUNT = sizeof list / sizeof list[0]
    };
    char *data = malloc (list[COUNT - 1]);
    for (size_t i = 0; i < list[COUNT - 1]; i++)
        data[i] = (char) (i * 7 + i / 251);
    EACH_TRANSPORT (transport) {
        void *a, *b;
        JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, transport);
        for (int i = 0; i < COUNT; i++) { /* one at a time */
            SEND_BYTES (b, data, list[i], 0);
            RECV_BYTES (a, data, list[i], 0);
        }
        for (int i = 0; i < COUNT; i++) /* many in a row */
            SEND_BYTES (b, data, list[i], 0);
        for (int i = 0; i < COUNT; i++)
            RECV_BYTES (a, data, list[i], 0);
        for (int i = 0; i < COUNT; i++) /* as parts of one message */
            SEND_BYTES (b, data, list[i], i < COUNT - 1 ? ZMQ_SNDMORE : 0);
        for (int i = 0; i < COUNT; i++)
            RECV_BYTES (a, data, list[i], i < COUNT - 1);
    }
    free (data);
}

static void many_small_messages (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        int number;
        JOIN (a, ZMQ_PULL, b, ZMQ_PUSH, transport);
        for (int block = 0; block < 40; block++) {
            for (int i = 0; i < 500; i++) {
                number = block * 500 + i;
                REQUIRE (zmq_send (b, &number, sizeof number, 0) == sizeof number);
            }
            for (int i = 0; i < 500; i++) {
                REQUIRE (zmq_recv (a, &number, sizeof number, 0) == sizeof number);
                REQUIRE (number == block * 500 + i);
            }
        }
    }
}

static void without_waiting (void)
{
    char buffer[4];
    zmq_msg_t m;
    zmq_msg_init (&m);
    void *s = OPEN (ZMQ_DEALER);
    FAILS (zmq_recv (s, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_msg_recv (&m, s, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_recvmsg (s, &m, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_send (s, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_send (s, "x", 1, ZMQ_NOBLOCK | ZMQ_SNDMORE), EAGAIN);
    SET (s, ZMQ_SNDTIMEO, 0);
    SET (s, ZMQ_RCVTIMEO, 0);
    FAILS (zmq_send (s, "x", 1, 0), EAGAIN);
    FAILS (zmq_recv (s, buffer, sizeof buffer, 0), EAGAIN);
    SET (s, ZMQ_SNDTIMEO, 30000);
    SET (s, ZMQ_RCVTIMEO, 30000);
    FAILS (zmq_send (s, "x", 1, ZMQ_DONTWAIT), EAGAIN); /* the flag is stronger */
    FAILS (zmq_recv (s, buffer, sizeof buffer, ZMQ_DONTWAIT), EAGAIN);
    /* Unknown flags are ignored. */
    FAILS (zmq_recv (s, buffer, sizeof buffer, ZMQ_DONTWAIT | 64), EAGAIN);
    OK (zmq_msg_close (&m));
}

static void timeouts (void)
{
    void *s = OPEN (ZMQ_DEALER);
    char buffer[4];
    SET (s, ZMQ_SNDTIMEO, 120);
    SET (s, ZMQ_RCVTIMEO, 120);
    long long start = now_ms ();
    FAILS (zmq_recv (s, buffer, sizeof buffer, 0), EAGAIN);
    long long took = now_ms () - start;
    CHECK (took >= 115 && took < 1500);
    start = now_ms ();
    FAILS (zmq_send (s, "x", 1, 0), EAGAIN);
    took = now_ms () - start;
    CHECK (took >= 115 && took < 1500);
}

static void *send_later (void *socket)
{
    poll (NULL, 0, 60);
    return zmq_send (socket, "late", 4, 0) == 4 ? socket : NULL;
}

static void waiting_call_is_served (void)
{
    EACH_TRANSPORT (transport)
        for (int timeout = -1; timeout < 20000; timeout += 10000) {
            void *a, *b, *result;
            char buffer[8];
            pthread_t thread;
            JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
            SET (a, ZMQ_RCVTIMEO, timeout);
            pthread_create (&thread, NULL, send_later, b);
            EQUAL (zmq_recv (a, buffer, sizeof buffer, 0), 4);
            pthread_join (thread, &result);
            CHECK (result == b);
        }
}

static void parts (void)
{
    EACH_TRANSPORT (transport) {
        void *a, *b;
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        SENDMORE (a, "one");
        SENDMORE (a, "");
        QUIET (b); /* nothing is visible before the last part */
        SEND (a, "three");
        SEND (a, "single");
        EQUAL (get_int (b, ZMQ_RCVMORE), 0);
        RECVMORE (b, "one");
        RECVMORE (b, "");
        RECV (b, "three");
        RECV (b, "single");
        for (int i = 0; i < 500; i++)
            EQUAL (zmq_send (a, &i, sizeof i, i < 499 ? ZMQ_SNDMORE : 0), sizeof i);
        for (int i = 0; i < 500; i++)
            RECV_BYTES (b, &i, sizeof i, i < 499);
        QUIET (b);
    }
}

static void unfinished_message_is_dropped (void)
{
    EACH_TRANSPORT (transport) {
        void *pull, *first, *second = OPEN (ZMQ_PUSH);
        JOIN (pull, ZMQ_PULL, first, ZMQ_PUSH, transport);
        SENDMORE (first, "never");
        SENDMORE (first, "finished");
        OK (zmq_connect (second, last_endpoint (pull)));
        CLOSE (first);
        SEND (second, "whole");
        RECV (pull, "whole");
        QUIET (pull);
    }
}

static void constant_data (void)
{
    static const char constant[] = "this text lives as long as the program and is longer than a message holds inline";
    EACH_TRANSPORT (transport) {
        void *a, *b;
        zmq_msg_t m;
        JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, transport);
        EQUAL (zmq_send_const (a, constant, sizeof constant, ZMQ_SNDMORE), sizeof constant);
        EQUAL (zmq_send_const (a, constant, 4, 0), 4);
        EQUAL (zmq_send_const (a, NULL, 0, 0), 0);
        zmq_msg_init (&m);
        EQUAL (zmq_msg_recv (&m, b, 0), sizeof constant);
        EQUAL (memcmp (zmq_msg_data (&m), constant, sizeof constant), 0);
        EQUAL (zmq_msg_more (&m), 1);
        if (strcmp (transport, "inproc") == 0) {
            EQUAL (zmq_msg_get (&m, ZMQ_SHARED), 1);
            CHECK (zmq_msg_data (&m) == constant);
        }
        OK (zmq_msg_close (&m));
        RECV (b, "this");
        RECV (b, "");
    }
}

static void old_argument_order (void)
{
    void *a, *b;
    zmq_msg_t m;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    zmq_msg_init_size (&m, 3);
    memcpy (zmq_msg_data (&m), "old", 3);
    EQUAL (zmq_sendmsg (a, &m, ZMQ_SNDMORE), 3);
    zmq_msg_init_size (&m, 5);
    memcpy (zmq_msg_data (&m), "order", 5);
    EQUAL (zmq_sendmsg (a, &m, 0), 5);
    EQUAL (zmq_recvmsg (b, &m, 0), 3);
    EQUAL (zmq_msg_more (&m), 1);
    EQUAL (zmq_recvmsg (b, &m, 0), 5);
    EQUAL (zmq_msg_more (&m), 0);
    OK (zmq_msg_close (&m));
}

static void vectors_out (void)
{
    void *a, *b;
    char one[] = "one", two[] = "second", three[] = "3";
    struct iovec v[3] = {{one, 3}, {two, 6}, {three, 1}};
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    FAILS (zmq_sendiov (a, v, 0, ZMQ_SNDMORE), EINVAL);
    FAILS (zmq_sendiov (a, NULL, 3, ZMQ_SNDMORE), EINVAL);
    FAILS (zmq_sendiov (NULL, v, 3, ZMQ_SNDMORE), ENOTSOCK);
    EQUAL (zmq_sendiov (a, v, 3, ZMQ_SNDMORE), 1); /* the size of the last part */
    RECVMORE (b, "one");
    RECVMORE (b, "second");
    RECV (b, "3");
    EQUAL (zmq_sendiov (a, v, 3, 0), 1); /* three messages */
    RECV (b, "one");
    RECV (b, "second");
    RECV (b, "3");
    FAILS (zmq_sendiov (OPEN (ZMQ_PUSH), v, 3, ZMQ_SNDMORE | ZMQ_DONTWAIT), EAGAIN);
}

static void vectors_in (void)
{
    void *a, *b;
    struct iovec v[4];
    size_t n = 0;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    FAILS (zmq_recviov (b, v, &n, 0), EINVAL);
    n = 4;
    FAILS (zmq_recviov (b, NULL, &n, 0), EINVAL);
    FAILS (zmq_recviov (NULL, v, &n, 0), ENOTSOCK);
    FAILS (zmq_recviov (b, v, &n, ZMQ_DONTWAIT), EAGAIN);
    EQUAL (n, 0);
    SENDMORE (a, "one");
    SENDMORE (a, "two");
    SEND (a, "three");
    n = 2;
    EQUAL (zmq_recviov (b, v, &n, 0), 2);
    EQUAL (n, 2);
    CHECK (v[0].iov_len == 3 && memcmp (v[0].iov_base, "one", 3) == 0);
    CHECK (v[1].iov_len == 3 && memcmp (v[1].iov_base, "two", 3) == 0);
    free (v[0].iov_base);
    free (v[1].iov_base);
    n = 4; /* the part that was left */
    EQUAL (zmq_recviov (b, v, &n, 0), 1);
    EQUAL (n, 1);
    CHECK (v[0].iov_len == 5 && memcmp (v[0].iov_base, "three", 5) == 0);
    free (v[0].iov_base);
}

RUN_CASES (CASE (truncation), CASE (sizes), CASE (many_small_messages), CASE (without_waiting), CASE (timeouts),
           CASE (waiting_call_is_served), CASE (parts), CASE (unfinished_message_is_dropped), CASE (constant_data),
           CASE (old_argument_order), CASE (vectors_out), CASE (vectors_in))
