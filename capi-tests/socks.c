/* tcp connections through a SOCKS5 proxy that the test plays byte by byte. */
#include "check.h"
#include "raw.h"

/* A DEALER that connects to `target` through a raw proxy; the proxy's side of the connection. */
static int ask (void *dealer, int proxy, const char *proxy_endpoint, const char *target)
{
    const char *address = proxy_endpoint + strlen ("tcp://");
    OK (zmq_setsockopt (dealer, ZMQ_SOCKS_PROXY, address, strlen (address)));
    SET (dealer, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (dealer, target));
    return RAW_ACCEPT (proxy);
}

MAYBE_UNUSED static void a_name_is_the_proxys_business (void)
{
    char endpoint[64];
    int proxy = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = ask (dealer, proxy, endpoint, "tcp://no.such.host.invalid:5555");
    RAW_EXPECT (fd, "\5\1\0");
    RAW_SEND (fd, "\5\0");
    RAW_EXPECT (fd, "\5\1\0\3\24no.such.host.invalid\x15\xb3");
    /* The reply names its address as text, in pieces; the peer's greeting comes right behind it. */
    RAW_SEND (fd, "\5\0\0\3");
    poll (NULL, 0, 20);
    RAW_SEND (fd, "\2ab\0\1" SIGNATURE);
    RAW_EXPECT (fd, SIGNATURE);
    RAW_EXPECT (fd, "\3");
    RAW_SEND (fd, "\3\1" MECHANISM_NULL FILLER READY6 ("DEALER"));
    RAW_EXPECT (fd, "\1" MECHANISM_NULL FILLER READY_DEALER);
    SEND (dealer, "through");
    RAW_EXPECT (fd, "\0\7through");
    RAW_SEND (fd, "\0\4back");
    RECV (dealer, "back");
    close (fd);
    close (proxy);
}

MAYBE_UNUSED static void literals (void)
{
    char endpoint[64];
    int proxy = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = ask (dealer, proxy, endpoint, "tcp://10.11.12.13:80");
    RAW_EXPECT (fd, "\5\1\0");
    RAW_SEND (fd, "\5\0");
    RAW_EXPECT (fd, "\5\1\0\1\12\13\14\15\0\x50");
    RAW_SEND (fd, "\5\0\0\1\0\0\0\0\0\0");
    RAW_EXPECT (fd, SIGNATURE);
    close (fd);
    close (proxy);
}

MAYBE_UNUSED static void other_transports_do_not_need_it (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    OK (zmq_setsockopt (push, ZMQ_SOCKS_PROXY, "127.0.0.1:1", 11));
    OK (zmq_connect (push, BIND (pull, "ipc")));
    SEND (push, "direct");
    RECV (pull, "direct");
}

MAYBE_UNUSED static void the_monitor_names_the_proxy (void)
{
    char endpoint[64];
    int proxy = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER), *monitor = OPEN (ZMQ_PAIR);
    OK (zmq_socket_monitor (dealer, "inproc://socks-monitor", ZMQ_EVENT_CONNECTED));
    OK (zmq_connect (monitor, "inproc://socks-monitor"));
    int fd = ask (dealer, proxy, endpoint, "tcp://10.11.12.13:80");
    RAW_EXPECT (fd, "\5\1\0");
    RAW_SEND (fd, "\5\0");
    RAW_EXPECT (fd, "\5\1\0\1\12\13\14\15\0\x50");
    RAW_SEND (fd, "\5\0\0\1\0\0\0\0\0\0");
    unsigned char event[6];
    CHECK (await (monitor, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_recv (monitor, event, sizeof event, ZMQ_DONTWAIT), 6);
    EQUAL (event[0], ZMQ_EVENT_CONNECTED);
    RECV (monitor, endpoint);
    close (fd);
    close (proxy);
}

/* The reference ends the process now and then while a monitor watches a connection through a proxy. */
#ifdef MONITORED
RUN_CASES (CASE (the_monitor_names_the_proxy))
#else
RUN_CASES (CASE (a_name_is_the_proxys_business), CASE (literals), CASE (other_transports_do_not_need_it))
#endif
