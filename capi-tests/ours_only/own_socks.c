/* SOCKS5 proxies that refuse (the reference aborts on some of them), are silent, or ask for a user name and password (draft API). */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"

/* A DEALER that connects through a raw proxy; the proxy's side of the connection. */
static int ask (void *dealer, int proxy, const char *proxy_endpoint)
{
    const char *address = proxy_endpoint + strlen ("tcp://");
    OK (zmq_setsockopt (dealer, ZMQ_SOCKS_PROXY, address, strlen (address)));
    SET (dealer, ZMQ_RECONNECT_IVL, 20);
    OK (zmq_connect (dealer, "tcp://10.11.12.13:80"));
    return RAW_ACCEPT (proxy);
}

/* Whatever goes wrong, the next attempt comes, from the beginning. */
static void refusals_are_retried (void)
{
    static const struct
    {
        const char *bytes;
        size_t size;
    } answers[] = {{"\4\0", 2}, {"\5\xff", 2}, {"", 0}};
    char endpoint[64];
    int proxy = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    int fd = ask (dealer, proxy, endpoint);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        RAW_EXPECT (fd, "\5\1\0");
        if (answers[i].size) {
            raw_send_at (fd, answers[i].bytes, answers[i].size, __FILE__, __LINE__);
            RAW_CLOSED (fd);
        }
        close (fd);
        fd = RAW_ACCEPT (proxy);
    }
    RAW_EXPECT (fd, "\5\1\0");
    RAW_SEND (fd, "\5\0");
    RAW_EXPECT (fd, "\5\1\0\1\12\13\14\15\0\x50");
    RAW_SEND (fd, "\5\5\0\1\0\0\0\0\0\0"); /* connection refused */
    RAW_CLOSED (fd);
    close (fd);
    fd = RAW_ACCEPT (proxy);
    RAW_EXPECT (fd, "\5\1\0");
    close (fd);
    close (proxy);
}

static void user_and_password (void)
{
    static const char *const passwords[] = {"secret", ""};
    for (int i = 0; i < 2; i++) {
        char endpoint[64];
        int proxy = raw_listen (endpoint);
        void *dealer = OPEN (ZMQ_DEALER);
        OK (zmq_setsockopt (dealer, ZMQ_SOCKS_USERNAME, "me", 2));
        OK (zmq_setsockopt (dealer, ZMQ_SOCKS_PASSWORD, passwords[i], strlen (passwords[i])));
        int fd = ask (dealer, proxy, endpoint);
        RAW_EXPECT (fd, "\5\1\2");
        RAW_SEND (fd, "\5\2");
        if (i == 0)
            RAW_EXPECT (fd, "\1\2me\6secret");
        else
            RAW_EXPECT (fd, "\1\2me\0");
        RAW_SEND (fd, "\1\1"); /* wrong: tried again */
        RAW_CLOSED (fd);
        close (fd);
        fd = RAW_ACCEPT (proxy);
        RAW_EXPECT (fd, "\5\1\2");
        RAW_SEND (fd, "\5\2");
        if (i == 0)
            RAW_EXPECT (fd, "\1\2me\6secret");
        else
            RAW_EXPECT (fd, "\1\2me\0");
        RAW_SEND (fd, "\1\0");
        RAW_EXPECT (fd, "\5\1\0\1\12\13\14\15\0\x50");
        RAW_SEND (fd, "\5\0\0\1\0\0\0\0\0\0");
        RAW_EXPECT (fd, SIGNATURE);
        close (fd);
        close (proxy);
        CLOSE (dealer);
    }
}

static void a_silent_proxy_is_left (void)
{
    char endpoint[64];
    int proxy = raw_listen (endpoint);
    void *dealer = OPEN (ZMQ_DEALER);
    SET (dealer, ZMQ_HANDSHAKE_IVL, 200);
    int fd = ask (dealer, proxy, endpoint);
    RAW_EXPECT (fd, "\5\1\0");
    RAW_CLOSED (fd);
    close (fd);
    fd = RAW_ACCEPT (proxy);
    RAW_EXPECT (fd, "\5\1\0");
    close (fd);
    close (proxy);
}

RUN_CASES (CASE (refusals_are_retried), CASE (user_and_password), CASE (a_silent_proxy_is_left))
