/* Socket options: defaults, ranges, sizes, strings, who may set what. */
#include "check.h"
#include <limits.h>

typedef struct
{
    const char *name;
    int option, initial;
    int good[4], good_count;
    int bad[4], bad_count;
} int_row;

#define ROW(option, initial, ...) {#option, option, initial, __VA_ARGS__}
#define GOOD1(a) {a}, 1
#define GOOD2(a, b) {a, b}, 2
#define GOOD3(a, b, c) {a, b, c}, 3
#define BAD0 {0}, 0
#define BAD1(a) {a}, 1
#define BAD2(a, b) {a, b}, 2
#define BAD3(a, b, c) {a, b, c}, 3

static const int_row int_rows[] = {
  ROW (ZMQ_RATE, 100, GOOD2 (1, 5000), BAD2 (0, -1)),
  ROW (ZMQ_RECOVERY_IVL, 10000, GOOD2 (0, 60000), BAD1 (-1)),
  ROW (ZMQ_SNDBUF, -1, GOOD3 (0, 4096, -1), BAD1 (-2)),
  ROW (ZMQ_RCVBUF, -1, GOOD3 (0, 4096, -1), BAD1 (-2)),
  ROW (ZMQ_LINGER, -1, GOOD3 (0, 500, -1), BAD2 (-2, INT_MIN)),
  ROW (ZMQ_RECONNECT_IVL, 100, GOOD3 (-1, 0, 7), BAD1 (-2)),
  ROW (ZMQ_RECONNECT_IVL_MAX, 0, GOOD2 (0, 1000), BAD1 (-1)),
  ROW (ZMQ_BACKLOG, 100, GOOD2 (0, 1000), BAD1 (-1)),
  ROW (ZMQ_SNDHWM, 1000, GOOD3 (0, 1, INT_MAX), BAD2 (-1, INT_MIN)),
  ROW (ZMQ_RCVHWM, 1000, GOOD3 (0, 1, INT_MAX), BAD2 (-1, INT_MIN)),
  ROW (ZMQ_MULTICAST_HOPS, 1, GOOD2 (2, 255), BAD2 (0, -1)),
  ROW (ZMQ_RCVTIMEO, -1, GOOD3 (0, 100, -1), BAD1 (-2)),
  ROW (ZMQ_SNDTIMEO, -1, GOOD3 (0, 100, -1), BAD1 (-2)),
  ROW (ZMQ_IPV4ONLY, 1, GOOD2 (0, 1), BAD2 (2, -1)),
  ROW (ZMQ_IPV6, 0, GOOD2 (1, 0), BAD2 (2, -1)),
  ROW (ZMQ_TCP_KEEPALIVE, -1, GOOD3 (0, 1, -1), BAD2 (2, -2)),
  ROW (ZMQ_TCP_KEEPALIVE_CNT, -1, GOOD3 (0, 5, -1), BAD1 (-2)),
  ROW (ZMQ_TCP_KEEPALIVE_IDLE, -1, GOOD3 (0, 5, -1), BAD1 (-2)),
  ROW (ZMQ_TCP_KEEPALIVE_INTVL, -1, GOOD3 (0, 5, -1), BAD1 (-2)),
  ROW (ZMQ_IMMEDIATE, 0, GOOD2 (1, 0), BAD2 (2, -1)),
  ROW (ZMQ_PLAIN_SERVER, 0, GOOD2 (1, 0), BAD2 (2, -1)),
  ROW (ZMQ_CONFLATE, 0, GOOD2 (1, 0), BAD2 (2, -1)),
  ROW (ZMQ_TOS, 0, GOOD2 (8, 0), BAD1 (-1)),
  ROW (ZMQ_HANDSHAKE_IVL, 30000, GOOD2 (0, 100), BAD1 (-1)),
  ROW (ZMQ_INVERT_MATCHING, 0, GOOD2 (1, 0), BAD0),
  ROW (ZMQ_HEARTBEAT_IVL, 0, GOOD2 (1000, 0), BAD1 (-1)),
  ROW (ZMQ_HEARTBEAT_TTL, 0, GOOD3 (100, 6553500, 0), BAD2 (6553600, -100)),
  ROW (ZMQ_HEARTBEAT_TIMEOUT, -1, GOOD2 (0, 1000), BAD1 (-1)),
  ROW (ZMQ_CONNECT_TIMEOUT, 0, GOOD2 (1000, 0), BAD1 (-1)),
  ROW (ZMQ_TCP_MAXRT, 0, GOOD2 (1000, 0), BAD1 (-1)),
  ROW (ZMQ_MULTICAST_MAXTPDU, 1500, GOOD2 (1, 9000), BAD2 (0, -1)),
  ROW (ZMQ_USE_FD, -1, GOOD1 (-1), BAD1 (-2)),
};

static void integers (void)
{
    for (size_t i = 0; i < sizeof int_rows / sizeof int_rows[0]; i++) {
        const int_row *row = &int_rows[i];
        /* LINGER is the one that OPEN has changed. */
        void *s = zmq_socket (context (), ZMQ_DEALER);
        keep (s);
        int before = checks_failed;
        EQUAL (get_int (s, row->option), row->initial);
        for (int k = 0; k < row->good_count; k++) {
            OK (set_int (s, row->option, row->good[k]));
            EQUAL (get_int (s, row->option), row->good[k]);
            for (int b = 0; b < row->bad_count; b++)
                FAILS (set_int (s, row->option, row->bad[b]), EINVAL);
            EQUAL (get_int (s, row->option), row->good[k]); /* as it was */
        }
        if (checks_failed != before)
            printf ("    ... that was %s\n", row->name);
        set_int (s, ZMQ_LINGER, 0);
    }
}

static void sizes_of_integers (void)
{
    char buffer[16] = {0};
    for (size_t i = 0; i < sizeof int_rows / sizeof int_rows[0]; i++) {
        const int_row *row = &int_rows[i];
        void *s = OPEN (ZMQ_DEALER);
        int before = checks_failed;
        static const size_t wrong[] = {1, 2, 3, 5, 8, 16};
        for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
            size_t n = wrong[w];
            memset (buffer, 0, sizeof buffer);
            FAILS (zmq_setsockopt (s, row->option, buffer, n), EINVAL);
            FAILS (zmq_getsockopt (s, row->option, buffer, &n), EINVAL);
        }
        FAILS (zmq_setsockopt (s, row->option, NULL, 0), EINVAL);
        size_t n = 4;
        OK (zmq_getsockopt (s, row->option, buffer, &n));
        EQUAL (n, 4);
        if (checks_failed != before)
            printf ("    ... that was %s\n", row->name);
    }
}

static void read_only_integers (void)
{
    static const struct
    {
        int option, initial;
    } rows[] = {{ZMQ_RCVMORE, 0}, {ZMQ_EVENTS, 0}, {ZMQ_THREAD_SAFE, 0}};
    void *s = OPEN (ZMQ_DEALER);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char buffer[12];
        size_t n = sizeof buffer;
        memset (buffer, 0xee, sizeof buffer);
        OK (zmq_getsockopt (s, rows[i].option, buffer, &n));
        EQUAL (n, 4);
        int value;
        memcpy (&value, buffer, 4);
        EQUAL (value, rows[i].initial);
        EQUAL (buffer[4] | buffer[11], 0); /* a larger buffer is filled with zeros */
        n = 3;
        FAILS (zmq_getsockopt (s, rows[i].option, buffer, &n), EINVAL);
        FAILS (set_int (s, rows[i].option, 0), EINVAL);
    }
    EQUAL (get_int (s, ZMQ_TYPE), ZMQ_DEALER);
    FAILS (set_int (s, ZMQ_TYPE, ZMQ_PUB), EINVAL);
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    FAILS (set_int (s, ZMQ_MECHANISM, ZMQ_PLAIN), EINVAL);
    FAILS (set_int (s, ZMQ_FD, 1), EINVAL);
    char wide[8];
    size_t n = sizeof wide;
    OK (zmq_getsockopt (s, ZMQ_FD, wide, &n));
    EQUAL (n, 4);
    n = sizeof wide;
    FAILS (zmq_getsockopt (s, ZMQ_TYPE, wide, &n), EINVAL);
}

static void wide_integers (void)
{
    void *s = OPEN (ZMQ_DEALER);
    int64_t limit = 0;
    uint64_t mask = 7;
    size_t n = sizeof limit;
    OK (zmq_getsockopt (s, ZMQ_MAXMSGSIZE, &limit, &n));
    EQUAL (limit, -1);
    OK (zmq_getsockopt (s, ZMQ_AFFINITY, &mask, &n));
    EQUAL (mask, 0);
    static const int64_t limits[] = {0, 1, 1LL << 40, INT64_MAX, -1, -5};
    for (int i = 0; i < 6; i++) {
        OK (zmq_setsockopt (s, ZMQ_MAXMSGSIZE, &limits[i], 8));
        OK (zmq_getsockopt (s, ZMQ_MAXMSGSIZE, &limit, &n));
        EQUAL (limit, limits[i]);
    }
    mask = 0x8000000000000001ULL;
    OK (zmq_setsockopt (s, ZMQ_AFFINITY, &mask, 8));
    mask = 0;
    OK (zmq_getsockopt (s, ZMQ_AFFINITY, &mask, &n));
    CHECK (mask == 0x8000000000000001ULL);
    static const int both[] = {ZMQ_MAXMSGSIZE, ZMQ_AFFINITY};
    for (int i = 0; i < 2; i++) {
        char buffer[16] = {0};
        static const size_t wrong[] = {1, 4, 7, 9, 16};
        for (int w = 0; w < 5; w++) {
            n = wrong[w];
            FAILS (zmq_setsockopt (s, both[i], buffer, n), EINVAL);
            FAILS (zmq_getsockopt (s, both[i], buffer, &n), EINVAL);
        }
    }
}

static void rounded_ttl (void)
{
    void *s = OPEN (ZMQ_DEALER);
    static const int rows[][2] = {{6553599, 6553500}, {50, 0}, {199, 100}, {-99, 0}};
    for (int i = 0; i < 4; i++) {
        SET (s, ZMQ_HEARTBEAT_TTL, rows[i][0]);
        EQUAL (get_int (s, ZMQ_HEARTBEAT_TTL), rows[i][1]);
    }
}

static void unknown_numbers (void)
{
    static const int numbers[] = {-1, 0, 1, 2, 3, 10, 20, 26, 29, 30, 67, 82, 83, 129, 500, 100000};
    for (int type = ZMQ_PAIR; type <= ZMQ_XSUB; type++) {
        void *s = OPEN (type);
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            int value = 0;
            size_t n = sizeof value;
            FAILS (set_int (s, numbers[i], 0), EINVAL);
            FAILS (zmq_getsockopt (s, numbers[i], &value, &n), EINVAL);
        }
    }
}

static void routing_id (void)
{
    void *s = OPEN (ZMQ_DEALER);
    char id[300], longest[256];
    size_t n = sizeof id;
    OK (zmq_getsockopt (s, ZMQ_ROUTING_ID, id, &n));
    EQUAL (n, 0);
    OK (zmq_setsockopt (s, ZMQ_ROUTING_ID, "a\0b", 3));
    memset (id, 'z', sizeof id);
    n = sizeof id;
    OK (zmq_getsockopt (s, ZMQ_ROUTING_ID, id, &n));
    EQUAL (n, 3); /* no NUL is added */
    EQUAL (memcmp (id, "a\0b\0", 4), 0);
    EQUAL (id[299], 0);
    n = 2;
    FAILS (zmq_getsockopt (s, ZMQ_ROUTING_ID, id, &n), EINVAL);
    n = 3;
    OK (zmq_getsockopt (s, ZMQ_ROUTING_ID, id, &n));
    FAILS (zmq_setsockopt (s, ZMQ_ROUTING_ID, "", 0), EINVAL);
    memset (longest, 'l', sizeof longest);
    OK (zmq_setsockopt (s, ZMQ_ROUTING_ID, longest, 255));
    FAILS (zmq_setsockopt (s, ZMQ_ROUTING_ID, longest, 256), EINVAL);
    OK (zmq_setsockopt (s, ZMQ_ROUTING_ID, "\0x", 2));
}

static void strings (void)
{
    static const int options[] = {ZMQ_PLAIN_USERNAME, ZMQ_PLAIN_PASSWORD, ZMQ_SOCKS_PROXY, ZMQ_ZAP_DOMAIN,
                                  ZMQ_BINDTODEVICE};
    char text[300], longest[257];
    memset (longest, 'l', sizeof longest);
    for (int i = 0; i < 5; i++) {
        void *s = OPEN (ZMQ_DEALER);
        size_t n = sizeof text;
        OK (zmq_getsockopt (s, options[i], text, &n));
        EQUAL (n, 1);
        EQUAL (text[0], 0);
        OK (zmq_setsockopt (s, options[i], "value", 5));
        memset (text, 'z', sizeof text);
        n = sizeof text;
        OK (zmq_getsockopt (s, options[i], text, &n));
        EQUAL (n, 6); /* with its NUL */
        EQUAL (memcmp (text, "value\0\0", 7), 0);
        n = 5;
        FAILS (zmq_getsockopt (s, options[i], text, &n), EINVAL);
        n = 6;
        OK (zmq_getsockopt (s, options[i], text, &n));
        if (options[i] != ZMQ_SOCKS_PROXY && options[i] != ZMQ_BINDTODEVICE) {
            OK (zmq_setsockopt (s, options[i], longest, 255));
            FAILS (zmq_setsockopt (s, options[i], longest, 256), EINVAL);
        }
        if (options[i] != ZMQ_ZAP_DOMAIN) {
            FAILS (zmq_setsockopt (s, options[i], "x", 0), EINVAL);
            OK (zmq_setsockopt (s, options[i], NULL, 0));
        }
    }
    /* This one also chooses the mechanism; the last setter wins. */
    void *s = OPEN (ZMQ_DEALER);
    OK (zmq_setsockopt (s, ZMQ_PLAIN_USERNAME, "u", 1));
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_PLAIN);
    EQUAL (get_int (s, ZMQ_PLAIN_SERVER), 0);
    OK (zmq_setsockopt (s, ZMQ_PLAIN_PASSWORD, NULL, 0));
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    SET (s, ZMQ_PLAIN_SERVER, 1);
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_PLAIN);
    SET (s, ZMQ_PLAIN_SERVER, 0);
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
    OK (zmq_setsockopt (s, ZMQ_ZAP_DOMAIN, "d", 1));
    EQUAL (get_int (s, ZMQ_MECHANISM), ZMQ_NULL);
}

static void last_endpoint_text (void)
{
    void *s = OPEN (ZMQ_PULL);
    char text[100];
    size_t n = sizeof text;
    OK (zmq_getsockopt (s, ZMQ_LAST_ENDPOINT, text, &n));
    EQUAL (n, 1);
    EQUAL (text[0], 0);
    OK (zmq_bind (s, "inproc://abc"));
    n = sizeof text;
    OK (zmq_getsockopt (s, ZMQ_LAST_ENDPOINT, text, &n));
    EQUAL (n, sizeof "inproc://abc");
    EQUAL (strcmp (text, "inproc://abc"), 0);
    n = sizeof "inproc://abc" - 1;
    FAILS (zmq_getsockopt (s, ZMQ_LAST_ENDPOINT, text, &n), EINVAL);
    FAILS (zmq_setsockopt (s, ZMQ_LAST_ENDPOINT, "x", 1), EINVAL);
}

static void filters (void)
{
    void *s = OPEN (ZMQ_PULL);
    OK (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.1", 9));
    OK (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "10.0.0.0/8", 10));
    FAILS (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.1/33", 12), EINVAL);
    FAILS (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "not an address", 14), EINVAL);
    FAILS (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, "x", 0), EINVAL);
    OK (zmq_setsockopt (s, ZMQ_TCP_ACCEPT_FILTER, NULL, 0));
    char buffer[100];
    size_t n = sizeof buffer;
    FAILS (zmq_getsockopt (s, ZMQ_TCP_ACCEPT_FILTER, buffer, &n), EINVAL);
    for (int option = ZMQ_IPC_FILTER_PID; option <= ZMQ_IPC_FILTER_GID; option++) {
        OK (set_int (s, option, 1));
        FAILS (zmq_setsockopt (s, option, "abc", 3), EINVAL);
        OK (zmq_setsockopt (s, option, NULL, 0));
        FAILS (zmq_getsockopt (s, option, buffer, &n), EINVAL);
    }
}

static void who_may_set (void)
{
    static const struct
    {
        int option;
        unsigned types;
    } rows[] = {
      {ZMQ_ROUTER_MANDATORY, 1 << ZMQ_ROUTER | 1 << ZMQ_REP},
      {ZMQ_ROUTER_HANDOVER, 1 << ZMQ_ROUTER | 1 << ZMQ_REP},
      {ZMQ_ROUTER_RAW, 1 << ZMQ_ROUTER | 1 << ZMQ_REP},
      {ZMQ_PROBE_ROUTER, 1 << ZMQ_REQ | 1 << ZMQ_REP | 1 << ZMQ_DEALER | 1 << ZMQ_ROUTER},
      {ZMQ_REQ_CORRELATE, 1 << ZMQ_REQ},
      {ZMQ_REQ_RELAXED, 1 << ZMQ_REQ},
      {ZMQ_XPUB_VERBOSE, 1 << ZMQ_PUB | 1 << ZMQ_XPUB},
      {ZMQ_XPUB_VERBOSER, 1 << ZMQ_PUB | 1 << ZMQ_XPUB},
      {ZMQ_XPUB_NODROP, 1 << ZMQ_PUB | 1 << ZMQ_XPUB},
      {ZMQ_XPUB_MANUAL, 1 << ZMQ_PUB | 1 << ZMQ_XPUB},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int type = ZMQ_PAIR; type <= ZMQ_XSUB; type++) {
            void *s = OPEN (type);
            int value = 0;
            size_t n = sizeof value;
            if (rows[i].types >> type & 1) {
                OK (set_int (s, rows[i].option, 1));
                OK (set_int (s, rows[i].option, 0));
                FAILS (set_int (s, rows[i].option, -1), EINVAL);
                FAILS (zmq_setsockopt (s, rows[i].option, "12345678", 8), EINVAL);
            } else
                FAILS (set_int (s, rows[i].option, 1), EINVAL);
            FAILS (zmq_getsockopt (s, rows[i].option, &value, &n), EINVAL);
            CLOSE (s);
        }
    for (int type = ZMQ_PAIR; type <= ZMQ_XSUB; type++) {
        void *s = OPEN (type);
        int named = type == ZMQ_ROUTER || type == ZMQ_REP, topics = type == ZMQ_SUB;
        int welcome = type == ZMQ_PUB || type == ZMQ_XPUB;
        EQUAL (zmq_setsockopt (s, ZMQ_CONNECT_ROUTING_ID, "peer", 4), named ? 0 : -1);
        EQUAL (zmq_setsockopt (s, ZMQ_SUBSCRIBE, "t", 1), topics ? 0 : -1);
        EQUAL (zmq_setsockopt (s, ZMQ_UNSUBSCRIBE, "t", 1), topics ? 0 : -1);
        EQUAL (zmq_setsockopt (s, ZMQ_XPUB_WELCOME_MSG, "hi", 2), welcome ? 0 : -1);
        EQUAL (set_int (s, ZMQ_STREAM_NOTIFY, 1), -1);
        if (named)
            FAILS (zmq_setsockopt (s, ZMQ_CONNECT_ROUTING_ID, "", 0), EINVAL);
        CLOSE (s);
    }
}

static void subscriptions (void)
{
    void *s = OPEN (ZMQ_SUB);
    OK (zmq_setsockopt (s, ZMQ_SUBSCRIBE, NULL, 0));
    OK (zmq_setsockopt (s, ZMQ_SUBSCRIBE, "", 0));
    OK (zmq_setsockopt (s, ZMQ_UNSUBSCRIBE, "never subscribed", 16));
    char big[2000];
    memset (big, 'b', sizeof big);
    OK (zmq_setsockopt (s, ZMQ_SUBSCRIBE, big, sizeof big));
    size_t n = sizeof big;
    FAILS (zmq_getsockopt (s, ZMQ_SUBSCRIBE, big, &n), EINVAL);
    void *pub = OPEN (ZMQ_XPUB);
    FAILS (zmq_setsockopt (pub, ZMQ_SUBSCRIBE, "t", 1), EINVAL);
    SET (pub, ZMQ_XPUB_MANUAL, 1);
    OK (zmq_setsockopt (pub, ZMQ_SUBSCRIBE, "t", 1));
}

RUN_CASES (CASE (integers), CASE (sizes_of_integers), CASE (read_only_integers), CASE (wide_integers),
           CASE (rounded_ttl), CASE (unknown_numbers), CASE (routing_id), CASE (strings), CASE (last_endpoint_text),
           CASE (filters), CASE (who_may_set), CASE (subscriptions))
