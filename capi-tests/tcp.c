/* TCP endpoints: syntax, wildcards, LAST_ENDPOINT, unbinding, disconnecting, addresses. */
#include "check.h"
#include "raw.h"
#include "events.h"

static void syntax (void)
{
    static const struct
    {
        const char *endpoint;
        int bind_error, connect_error;
    } rows[] = {
      {"", EINVAL, EINVAL},
      {"tcp", EINVAL, EINVAL},
      {"tcp:", EINVAL, EINVAL},
      {"tcp:/127.0.0.1:80", EINVAL, EINVAL},
      {"tcp://", EINVAL, EINVAL},
      {"://127.0.0.1:5555", EINVAL, EINVAL},
      {"127.0.0.1:5555", EINVAL, EINVAL},
      {"tcp://127.0.0.1", EINVAL, EINVAL},
      {"tcp://127.0.0.1:", EINVAL, EINVAL},
      {"tcp://127.0.0.1:abc", EINVAL, EINVAL},
      {"tcp://127.0.0.1:65536", EINVAL, -1},
      {"tcp://no such interface:5555", ENODEV, EINVAL},
      {"tcp://127.0.0.1:*", 0, EINVAL},
      {"TCP://127.0.0.1:5555", EPROTONOSUPPORT, EPROTONOSUPPORT},
      {"http://127.0.0.1:5555", EPROTONOSUPPORT, EPROTONOSUPPORT},
      {"udp://127.0.0.1:5555", ENOCOMPATPROTO, ENOCOMPATPROTO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int before = checks_failed;
        void *s = OPEN (ZMQ_DEALER);
        if (rows[i].bind_error)
            FAILS (zmq_bind (s, rows[i].endpoint), rows[i].bind_error);
        if (rows[i].connect_error > 0)
            FAILS (zmq_connect (s, rows[i].endpoint), rows[i].connect_error);
        if (checks_failed != before)
            printf ("    ... that was \"%s\"\n", rows[i].endpoint);
        EQUAL (strcmp (last_endpoint (s), ""), 0);
    }
}

static void unknown_hosts_are_tried_later (void)
{
    void *s = OPEN (ZMQ_DEALER);
    OK (zmq_connect (s, "tcp://no-such-host.invalid:5555"));
    EQUAL (strcmp (last_endpoint (s), "tcp://no-such-host.invalid:5555"), 0);
    FAILS (zmq_bind (s, "tcp://no-such-interface.invalid:5555"), ENODEV);
}

static void wildcards (void)
{
    static const char *const endpoints[] = {"tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "tcp://*:*", "tcp://*:0",
                                            "tcp://lo:*"};
    static const char *const starts[] = {"tcp://127.0.0.1:", "tcp://127.0.0.1:", "tcp://0.0.0.0:", "tcp://0.0.0.0:",
                                         "tcp://127.0.0.1:"};
    for (int i = 0; i < 5; i++) {
        void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
        char endpoint[100];
        OK (zmq_bind (a, endpoints[i]));
        const char *last = last_endpoint (a);
        EQUAL (strncmp (last, starts[i], strlen (starts[i])), 0);
        CHECK (raw_port (last) > 0);
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", raw_port (last));
        OK (zmq_connect (b, endpoint));
        EQUAL (strcmp (last_endpoint (b), endpoint), 0);
        SEND (b, "hello");
        RECV (a, "hello");
    }
}

static void two_wildcards_two_ports (void)
{
    void *s = OPEN (ZMQ_PULL), *one = OPEN (ZMQ_PUSH), *two = OPEN (ZMQ_PUSH);
    char first[100], second[100];
    strcpy (first, BIND (s, "tcp"));
    strcpy (second, BIND (s, "tcp"));
    CHECK (strcmp (first, second) != 0);
    OK (zmq_connect (one, first));
    OK (zmq_connect (two, second));
    SEND (one, "x");
    RECV (s, "x");
    SEND (two, "y");
    RECV (s, "y");
}

static void address_in_use (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PULL);
    char endpoint[100];
    strcpy (endpoint, BIND (a, "tcp"));
    FAILS (zmq_bind (b, endpoint), EADDRINUSE); /* reported at once */
    FAILS (zmq_bind (a, endpoint), EADDRINUSE);
    EQUAL (strcmp (last_endpoint (b), ""), 0);
    OK (zmq_unbind (a, endpoint));
    EVENTUALLY (zmq_bind (b, endpoint) == 0);
    CLOSE (b);
    EVENTUALLY (zmq_bind (a, endpoint) == 0);
    FAILS (zmq_bind (OPEN (ZMQ_PULL), "tcp://192.0.2.1:5555"), EADDRNOTAVAIL);
}

static void unbinding (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    char endpoint[100], wildcard[100];
    OK (zmq_bind (a, "tcp://*:*"));
    strcpy (endpoint, last_endpoint (a));
    snprintf (wildcard, sizeof wildcard, "tcp://*:%d", raw_port (endpoint));
    FAILS (zmq_unbind (a, wildcard), ENOENT); /* only the resolved text is known */
    FAILS (zmq_unbind (a, "tcp://127.0.0.1:1"), ENOENT);
    FAILS (zmq_unbind (b, endpoint), ENOENT);
    FAILS (zmq_unbind (a, "nonsense"), EINVAL);
    FAILS (zmq_unbind (a, "http://127.0.0.1:1"), EPROTONOSUPPORT);
    OK (zmq_unbind (a, endpoint));
    EQUAL (strcmp (last_endpoint (a), endpoint), 0);
    FAILS (zmq_unbind (a, endpoint), ENOENT);
    /* A name is resolved when the text is not found. */
    strcpy (endpoint, BIND (a, "tcp"));
    snprintf (wildcard, sizeof wildcard, "tcp://localhost:%d", raw_port (endpoint));
    OK (zmq_unbind (a, wildcard));
    /* One byte less is not the same endpoint. */
    strcpy (endpoint, BIND (a, "tcp"));
    endpoint[strlen (endpoint) - 1] = 0;
    FAILS (zmq_unbind (a, endpoint), ENOENT);
}

static void unbind_ends_accepted_connections (void)
{
    void *a = OPEN (ZMQ_PULL);
    BIND (a, "tcp");
    int fd = RAW_CONNECT (last_endpoint (a));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\2hi");
    EQUAL (await (a, ZMQ_POLLIN, ARRIVES_MS), ZMQ_POLLIN);
    OK (zmq_unbind (a, last_endpoint (a)));
    RECV (a, "hi"); /* what came in before can be read */
    EVENTUALLY (get_int (a, ZMQ_EVENTS) == 0 && raw_readable (fd, 2));
    RAW_CLOSED (fd);
}

static void disconnecting (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    char endpoint[100], other[100];
    strcpy (endpoint, BIND (pull, "tcp"));
    OK (zmq_connect (push, endpoint));
    SEND (push, "one");
    RECV (pull, "one");
    snprintf (other, sizeof other, "tcp://127.0.0.2:%d", raw_port (endpoint));
    FAILS (zmq_disconnect (push, other), ENOENT);
    FAILS (zmq_disconnect (push, "tcp://"), EINVAL);
    OK (zmq_disconnect (push, endpoint));
    EVENTUALLY ((get_int (push, ZMQ_EVENTS) & ZMQ_POLLOUT) == 0);
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN);
    FAILS (zmq_disconnect (push, endpoint), ENOENT);
    OK (zmq_connect (push, endpoint));
    SEND (push, "two");
    RECV (pull, "two");
    OK (zmq_unbind (push, endpoint)); /* either name serves */
    FAILS (zmq_disconnect (push, endpoint), ENOENT);
}

static void disconnect_lets_queued_messages_out (void)
{
    void *push = OPEN (ZMQ_PUSH), *pull = OPEN (ZMQ_PULL);
    char endpoint[100];
    int listener = raw_listen (endpoint);
    close (listener); /* a free port */
    SET (push, ZMQ_LINGER, -1);
    SET (push, ZMQ_RECONNECT_IVL, 10);
    OK (zmq_connect (push, endpoint));
    SEND (push, "queued");
    OK (zmq_disconnect (push, endpoint));
    FAILS (zmq_send (push, "x", 1, ZMQ_DONTWAIT), EAGAIN); /* new ones do not go there */
    EVENTUALLY (zmq_bind (pull, endpoint) == 0);
    RECV (pull, "queued");
}

/* The endpoint is the name as it was given, not what it stands for. */
static void by_name (void)
{
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    const char *resolved = BIND (pull, "tcp");
    char endpoint[100];
    snprintf (endpoint, sizeof endpoint, "tcp://localhost:%d", raw_port (resolved));
    void *reader = watch (push, ZMQ_EVENT_ALL);
    OK (zmq_connect (push, endpoint));
    EQUAL (strcmp (last_endpoint (push), endpoint), 0);
    EVENT (reader, ZMQ_EVENT_CONNECT_DELAYED, endpoint);
    EVENT (reader, ZMQ_EVENT_CONNECTED, endpoint);
    EVENT (reader, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, endpoint);
    SEND (push, "hello");
    RECV (pull, "hello");
    FAILS (zmq_disconnect (push, resolved), ENOENT);
    OK (zmq_disconnect (push, endpoint));
    FAILS (zmq_disconnect (push, endpoint), ENOENT);
    OK (zmq_connect (push, resolved));
    OK (zmq_disconnect (push, endpoint)); /* the other way round it is looked up */
}

static void connected_twice (void)
{
    /* A second connect to the same text is a no-op for some types and a second connection for the others. */
    static const int types[] = {ZMQ_DEALER, ZMQ_SUB, ZMQ_PUB, ZMQ_REQ, ZMQ_PUSH, ZMQ_ROUTER};
    static const int connections[] = {1, 1, 1, 1, 2, 2};
    for (int i = 0; i < 6; i++) {
        char endpoint[100];
        void *s = OPEN (types[i]);
        int listener = raw_listen (endpoint), accepted = 0, fds[3];
        OK (zmq_connect (s, endpoint));
        OK (zmq_connect (s, endpoint));
        while (accepted < 3 && (fds[accepted] = raw_accept (listener, accepted < connections[i] ? ARRIVES_MS : 100)) != -1)
            accepted++;
        EQUAL (accepted, connections[i]);
        OK (zmq_disconnect (s, endpoint));
        FAILS (zmq_disconnect (s, endpoint), ENOENT);
        while (accepted-- > 0) {
            EVENTUALLY (get_int (s, ZMQ_EVENTS) >= 0 && raw_closed (fds[accepted], 2));
            close (fds[accepted]);
        }
        close (listener);
    }
}

static int have_ipv6 (void)
{
    struct sockaddr_in6 address;
    int fd = socket (AF_INET6, SOCK_STREAM, 0);
    memset (&address, 0, sizeof address);
    address.sin6_family = AF_INET6;
    address.sin6_addr.s6_addr[15] = 1;
    int works = fd != -1 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0;
    if (fd != -1)
        close (fd);
    return works;
}

static void ipv6 (void)
{
    void *off = OPEN (ZMQ_PULL);
    FAILS (zmq_bind (off, "tcp://[::1]:*"), ENODEV);
    if (!have_ipv6 ()) {
        NOT_SHOWN ("no IPv6");
        return;
    }
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    SET (a, ZMQ_IPV6, 1);
    SET (b, ZMQ_IPV6, 1);
    OK (zmq_bind (a, "tcp://[::1]:*"));
    EQUAL (strncmp (last_endpoint (a), "tcp://[::1]:", 12), 0);
    OK (zmq_connect (b, last_endpoint (a)));
    SEND (b, "hello");
    REQUIRE (await (a, ZMQ_POLLIN, ARRIVES_MS));
    zmq_msg_t m;
    zmq_msg_init (&m);
    EQUAL (zmq_msg_recv (&m, a, 0), 5);
    CHECK (strcmp (zmq_msg_gets (&m, "Peer-Address"), "::1") == 0);
    OK (zmq_msg_close (&m));
    /* The wildcard serves both families. */
    void *both = OPEN (ZMQ_PULL), *four = OPEN (ZMQ_PUSH), *six = OPEN (ZMQ_PUSH);
    char endpoint[100];
    SET (both, ZMQ_IPV6, 1);
    SET (six, ZMQ_IPV6, 1);
    OK (zmq_bind (both, "tcp://*:*"));
    EQUAL (strncmp (last_endpoint (both), "tcp://[::]:", 11), 0);
    int port = raw_port (last_endpoint (both));
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    OK (zmq_connect (four, endpoint));
    snprintf (endpoint, sizeof endpoint, "tcp://[::1]:%d", port);
    OK (zmq_connect (six, endpoint));
    SEND (four, "4");
    RECV (both, "4");
    SEND (six, "6");
    RECV (both, "6");
}

/* Who comes over IPv4 to a socket of both families has an address of the newer one. */
static void address_of_an_ipv4_peer_at_both_families (void)
{
    static const int kinds[][2] = {{ZMQ_PULL, ZMQ_PUSH}, {ZMQ_ROUTER, ZMQ_DEALER}};
    if (!have_ipv6 ()) {
        NOT_SHOWN ("no IPv6");
        return;
    }
    for (int i = 0; i < 2; i++) {
        void *both = OPEN (kinds[i][0]), *four = OPEN (kinds[i][1]);
        char endpoint[100];
        zmq_msg_t m;
        SET (both, ZMQ_IPV6, 1);
        OK (zmq_bind (both, "tcp://*:*"));
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", raw_port (last_endpoint (both)));
        OK (zmq_connect (four, endpoint));
        SEND (four, "hello");
        REQUIRE (await (both, ZMQ_POLLIN, ARRIVES_MS));
        zmq_msg_init (&m);
        if (kinds[i][0] == ZMQ_ROUTER)
            EQUAL (zmq_msg_recv (&m, both, 0), 5);
        EQUAL (zmq_msg_recv (&m, both, 0), 5);
        const char *address = zmq_msg_gets (&m, "Peer-Address");
        if (!address || strcmp (address, "::ffff:127.0.0.1") != 0)
            fail_at (__FILE__, __LINE__, "type %d: the peer's address is \"%s\"", kinds[i][0], address ? address : "(none)");
        OK (zmq_msg_close (&m));
    }
}

static void source_address (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    char endpoint[200];
    zmq_msg_t m;
    BIND (a, "tcp");
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.2:0;127.0.0.1:%d", raw_port (last_endpoint (a)));
    OK (zmq_connect (b, endpoint));
    EQUAL (strcmp (last_endpoint (b), endpoint), 0);
    SEND (b, "hello");
    zmq_msg_init (&m);
    REQUIRE (await (a, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_msg_recv (&m, a, 0), 5);
    CHECK (strcmp (zmq_msg_gets (&m, "Peer-Address"), "127.0.0.2") == 0);
    OK (zmq_msg_close (&m));
    OK (zmq_disconnect (b, endpoint));
}

static void accept_filter (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    OK (zmq_setsockopt (a, ZMQ_TCP_ACCEPT_FILTER, "127.0.0.2/32", 12));
    BIND (a, "tcp");
    int fd = RAW_CONNECT (last_endpoint (a)); /* comes from 127.0.0.1 */
    RAW_CLOSED (fd);
    char endpoint[200];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.2:0;127.0.0.1:%d", raw_port (last_endpoint (a)));
    OK (zmq_connect (b, endpoint));
    SEND (b, "welcome");
    RECV (a, "welcome");
}

static void use_fd (void)
{
    char endpoint[100];
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    int listener = raw_listen (endpoint);
    fcntl (listener, F_SETFL, O_NONBLOCK);
    SET (a, ZMQ_USE_FD, listener);
    OK (zmq_bind (a, endpoint));
    OK (zmq_connect (b, endpoint));
    SEND (b, "hello");
    RECV (a, "hello");
}

static void keepalive_and_buffers (void)
{
    void *a = OPEN (ZMQ_PULL), *b = OPEN (ZMQ_PUSH);
    zmq_msg_t m;
    SET (a, ZMQ_TCP_KEEPALIVE, 1);
    SET (a, ZMQ_TCP_KEEPALIVE_IDLE, 77);
    SET (a, ZMQ_TCP_KEEPALIVE_CNT, 3);
    SET (a, ZMQ_TCP_KEEPALIVE_INTVL, 9);
    SET (a, ZMQ_TOS, 8);
    OK (zmq_connect (b, BIND (a, "tcp")));
    SEND (b, "x");
    zmq_msg_init (&m);
    REQUIRE (await (a, ZMQ_POLLIN, ARRIVES_MS));
    EQUAL (zmq_msg_recv (&m, a, 0), 1);
    int fd = zmq_msg_get (&m, ZMQ_SRCFD);
    static const int rows[][3] = {{SOL_SOCKET, SO_KEEPALIVE, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 77},
                                  {IPPROTO_TCP, TCP_KEEPCNT, 3}, {IPPROTO_TCP, TCP_KEEPINTVL, 9},
                                  {IPPROTO_TCP, TCP_NODELAY, 1}};
    for (int i = 0; i < 5; i++) {
        int value = -1;
        socklen_t size = sizeof value;
        OK (getsockopt (fd, rows[i][0], rows[i][1], &value, &size));
        EQUAL (value, rows[i][2]);
    }
    OK (zmq_msg_close (&m));
}

static void options_are_taken_at_bind (void)
{
    /* What is set after binding does not reach the connections accepted later. */
    void *late = OPEN (ZMQ_PULL);
    int64_t limit = 5;
    BIND (late, "tcp");
    OK (zmq_setsockopt (late, ZMQ_MAXMSGSIZE, &limit, sizeof limit));
    int fd = RAW_CONNECT (last_endpoint (late));
    RAW_HANDSHAKE (fd, READY4 ("PUSH"), READY_PULL);
    RAW_SEND (fd, "\0\x0alonger one");
    RECV (late, "longer one");
}

RUN_CASES (CASE (syntax), CASE (unknown_hosts_are_tried_later), CASE (wildcards), CASE (two_wildcards_two_ports),
           CASE (address_in_use), CASE (unbinding), CASE (unbind_ends_accepted_connections), CASE (disconnecting),
           CASE (disconnect_lets_queued_messages_out), CASE (by_name), CASE (connected_twice), CASE (ipv6),
           CASE (address_of_an_ipv4_peer_at_both_families), CASE (source_address),
           CASE (accept_filter), CASE (use_fd), CASE (keepalive_and_buffers), CASE (options_are_taken_at_bind))
