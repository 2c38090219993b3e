/* Arguments that end the process in the reference: here they give an error and nothing else happens. */
#include "../check.h"
#include <sys/uio.h>

static void null_buffers (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    FAILS (zmq_send (a, NULL, 5, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_send_const (a, NULL, 5, ZMQ_DONTWAIT), EFAULT);
    SEND (b, "kept?");
    FAILS (zmq_recv (a, NULL, 5, ZMQ_DONTWAIT), EFAULT);
    EQUAL (zmq_send (a, NULL, 0, ZMQ_DONTWAIT), 0);
    RECV (b, "");
}

/* Nothing of a message has gone out when a part of it is refused. */
static void null_parts (void)
{
    void *a, *b;
    JOIN (a, ZMQ_PAIR, b, ZMQ_PAIR, "inproc");
    FAILS (zmq_sendiov (a, (struct iovec[]){{"first", 5}, {NULL, 5}}, 2, ZMQ_SNDMORE), EFAULT);
    SEND (a, "whole");
    RECV (b, "whole");
    EQUAL (zmq_sendiov (a, (struct iovec[]){{"first", 5}, {NULL, 0}}, 2, ZMQ_SNDMORE), 0);
    RECVMORE (b, "first");
    RECV (b, "");
}

static void null_messages (void)
{
    void *a = OPEN (ZMQ_PAIR);
    zmq_msg_t closed;
    memset (&closed, 0, sizeof closed);
    FAILS (zmq_msg_send (NULL, a, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_msg_recv (NULL, a, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_sendmsg (a, NULL, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_recvmsg (a, NULL, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_msg_send (&closed, a, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_msg_close (NULL), EFAULT);
    FAILS (zmq_msg_init (NULL), EFAULT);
    FAILS (zmq_msg_init_size (NULL, 5), EFAULT);
    FAILS (zmq_msg_copy (NULL, &closed), EFAULT);
    FAILS (zmq_msg_move (NULL, NULL), EFAULT);
}

static void closed_message_getters (void)
{
    zmq_msg_t m;
    zmq_msg_init_size (&m, 100);
    OK (zmq_msg_close (&m));
    EQUAL (zmq_msg_size (&m), 0);
    CHECK (zmq_msg_data (&m) == NULL);
    EQUAL (zmq_msg_more (&m), 0);
    FAILS (zmq_msg_get (&m, ZMQ_MORE), EFAULT);
    FAILS (zmq_msg_set (&m, ZMQ_MORE, 1), EINVAL);
    NOTHING (zmq_msg_gets (&m, "Socket-Type"), EFAULT);
}

static void null_endpoints (void)
{
    void *a = OPEN (ZMQ_PAIR);
    FAILS (zmq_bind (a, NULL), EINVAL);
    FAILS (zmq_connect (a, NULL), EINVAL);
    FAILS (zmq_unbind (a, NULL), EINVAL);
    FAILS (zmq_disconnect (a, NULL), EINVAL);
}

static void null_options (void)
{
    void *a = OPEN (ZMQ_DEALER);
    int value = 0;
    size_t size = sizeof value;
    FAILS (zmq_setsockopt (a, ZMQ_LINGER, NULL, 4), EINVAL);
    FAILS (zmq_setsockopt (a, ZMQ_ROUTING_ID, NULL, 4), EINVAL);
    FAILS (zmq_setsockopt (OPEN (ZMQ_SUB), ZMQ_SUBSCRIBE, NULL, 4), EINVAL);
    FAILS (zmq_getsockopt (a, ZMQ_LINGER, NULL, &size), EFAULT);
    FAILS (zmq_getsockopt (a, ZMQ_LINGER, &value, NULL), EFAULT);
    FAILS (zmq_getsockopt (a, ZMQ_LAST_ENDPOINT, NULL, &size), EFAULT);
}

static void null_helpers (void)
{
    unsigned char data[8];
    CHECK (zmq_has (NULL) == 0);
    NOTHING (zmq_z85_decode (data, NULL), EINVAL);
    FAILS (zmq_timers_destroy (NULL), EFAULT);
    FAILS (zmq_poll (NULL, -1, 0), EINVAL);
    zmq_atomic_counter_destroy (NULL);
}

static void unfinished_context_of_full_table (void)
{
    /* A pending inproc connect while every socket slot is taken. */
    OK (zmq_ctx_set (context (), ZMQ_MAX_SOCKETS, 2));
    void *a = OPEN (ZMQ_PUSH), *b = OPEN (ZMQ_PUSH);
    OK (zmq_connect (a, "inproc://nobody"));
    OK (zmq_connect (b, "inproc://nobody"));
    SEND (a, "x");
}

static void same_routing_id_for_two_connects (void)
{
    void *router = OPEN (ZMQ_ROUTER), *a = OPEN (ZMQ_DEALER), *b = OPEN (ZMQ_DEALER);
    const char *first = BIND (a, "inproc"), *second = BIND (b, "inproc");
    OK (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "same", 4));
    OK (zmq_connect (router, first));
    OK (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, "same", 4));
    FAILS (zmq_connect (router, second), EADDRINUSE);
    SENDMORE (router, "same");
    SEND (router, "first");
    RECV (a, "first");
}

RUN_CASES (CASE (null_buffers), CASE (null_parts), CASE (null_messages), CASE (closed_message_getters), CASE (null_endpoints),
           CASE (null_options), CASE (null_helpers), CASE (unfinished_context_of_full_table),
           CASE (same_routing_id_for_two_connects))
