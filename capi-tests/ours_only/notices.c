/* Messages that the library adds by itself: ZMQ_HELLO_MSG, ZMQ_DISCONNECT_MSG, ZMQ_HICCUP_MSG, ZMQ_ROUTER_NOTIFY (draft API). */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"

#define SET_TEXT(socket, option, text) OK (zmq_setsockopt (socket, option, text, strlen (text)))

/* Each end of a DEALER - ROUTER pair greets the other before anything else. */
static void hello (void)
{
    EACH_TRANSPORT (transport) {
        void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
        SET_TEXT (router, ZMQ_HELLO_MSG, "from router");
        SET_TEXT (dealer, ZMQ_HELLO_MSG, "from dealer");
        SET_TEXT (dealer, ZMQ_ROUTING_ID, "d");
        const char *endpoint = BIND (router, transport);
        OK (zmq_connect (dealer, endpoint));
        SEND (dealer, "second");
        RECVMORE (router, "d");
        RECV (router, "from dealer");
        RECVMORE (router, "d");
        RECV (router, "second");
        RECV (dealer, "from router");
        CLOSE (dealer);
        CLOSE (router);
    }
}

static void hello_to_a_late_bind (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    SET_TEXT (router, ZMQ_HELLO_MSG, "from router");
    SET_TEXT (dealer, ZMQ_HELLO_MSG, "from dealer");
    SET_TEXT (dealer, ZMQ_ROUTING_ID, "d");
    OK (zmq_connect (dealer, "inproc://late-hello"));
    OK (zmq_bind (router, "inproc://late-hello"));
    RECVMORE (router, "d");
    RECV (router, "from dealer");
    RECV (dealer, "from router");
}

static void hello_again_after_a_reconnect (void)
{
    char endpoint[64];
    int listener = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    SET_TEXT (dealer, ZMQ_HELLO_MSG, "hi");
    SET (dealer, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (dealer, endpoint));
    for (int i = 0; i < 3; i++) {
        int fd = RAW_ACCEPT (listener);
        RAW_HANDSHAKE (fd, READY6 ("ROUTER"), READY_DEALER);
        RAW_EXPECT (fd, "\0\2hi");
        close (fd);
    }
    close (listener);
}

static void hello_is_for_some_types_only (void)
{
    void *push, *pull;
    push = OPEN (ZMQ_PUSH);
    pull = OPEN (ZMQ_PULL);
    SET_TEXT (push, ZMQ_HELLO_MSG, "hi");
    OK (zmq_connect (push, BIND (pull, "tcp")));
    QUIET (pull);
}

static void disconnect_message (void)
{
    EACH_TRANSPORT (transport) {
        for (int close_it = 0; close_it < 2; close_it++) {
            void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
            SET_TEXT (router, ZMQ_DISCONNECT_MSG, "gone");
            SET_TEXT (dealer, ZMQ_ROUTING_ID, "d");
            const char *endpoint = BIND (router, transport);
            OK (zmq_connect (dealer, endpoint));
            SEND (dealer, "here");
            RECVMORE (router, "d");
            RECV (router, "here");
            if (close_it)
                CLOSE (dealer);
            else
                OK (zmq_disconnect (dealer, endpoint));
            RECVMORE (router, "d");
            RECV (router, "gone");
            QUIET (router);
            CLOSE (router);
        }
    }
}

static void disconnect_message_after_half_a_message (void)
{
    void *router = OPEN (ZMQ_ROUTER);
    SET_TEXT (router, ZMQ_DISCONNECT_MSG, "gone");
    int fd = RAW_CONNECT (BIND (router, "tcp"));
    RAW_SEND (fd, GREETING "\4\x2a\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\1x");
    RAW_SEND (fd, "\0\3one\1\4part");
    RECVMORE (router, "x");
    RECV (router, "one");
    close (fd);
    RECVMORE (router, "x");
    RECV (router, "gone");
    QUIET (router);
}

static void disconnect_message_of_a_late_bind (void)
{
    void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
    SET_TEXT (router, ZMQ_DISCONNECT_MSG, "gone");
    SET_TEXT (dealer, ZMQ_ROUTING_ID, "d");
    OK (zmq_connect (dealer, "inproc://late"));
    OK (zmq_bind (router, "inproc://late"));
    CLOSE (dealer);
    RECVMORE (router, "d");
    RECV (router, "gone");
}

static void hiccup_message (void)
{
    char endpoint[64];
    int listener = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    SET_TEXT (dealer, ZMQ_HICCUP_MSG, "hiccup");
    SET (dealer, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (dealer, endpoint));
    int fd = RAW_ACCEPT (listener);
    close (fd); /* before the handshake: nothing was lost */
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY6 ("ROUTER"), READY_DEALER);
    RAW_SEND (fd, "\0\3one");
    RECV (dealer, "one");
    close (fd);
    RECV (dealer, "hiccup");
    fd = RAW_ACCEPT (listener);
    RAW_HANDSHAKE (fd, READY6 ("ROUTER"), READY_DEALER);
    RAW_SEND (fd, "\0\3two");
    RECV (dealer, "two");
    QUIET (dealer);
    close (fd);
    close (listener);
}

static void router_notify (void)
{
    for (int notify = 0; notify < 4; notify++) {
        void *router = OPEN (ZMQ_ROUTER), *dealer = OPEN (ZMQ_DEALER);
        SET (router, ZMQ_ROUTER_NOTIFY, notify);
        EQUAL (get_int (router, ZMQ_ROUTER_NOTIFY), notify);
        SET_TEXT (dealer, ZMQ_ROUTING_ID, "d");
        OK (zmq_connect (dealer, BIND (router, "tcp")));
        if (notify & ZMQ_NOTIFY_CONNECT) {
            RECVMORE (router, "d");
            RECV (router, "");
        }
        SEND (dealer, "x");
        RECVMORE (router, "d");
        RECV (router, "x");
        CLOSE (dealer);
        if (notify & ZMQ_NOTIFY_DISCONNECT) {
            RECVMORE (router, "d");
            RECV (router, "");
        }
        QUIET (router);
        CLOSE (router);
    }
}

RUN_CASES (CASE (hello), CASE (hello_to_a_late_bind), CASE (hello_again_after_a_reconnect),
           CASE (hello_is_for_some_types_only), CASE (disconnect_message),
           CASE (disconnect_message_after_half_a_message), CASE (disconnect_message_of_a_late_bind),
           CASE (hiccup_message), CASE (router_notify))
