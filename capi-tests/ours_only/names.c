/* Host names, with files of the test's own in /etc. The reference tries the first address only, and its I/O threads ask. */
#include "check.h"
#include "raw.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define NAME "several.addresses.test"

/* Gives the calling process a file of /etc with this text. 0 when it may not have one: that takes privileges. */
static int use_file (const char *name, const char *text)
{
    char path[] = "/tmp/hosts-XXXXXX";
    if (unshare (CLONE_NEWNS) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        NOT_SHOWN ("no mount namespace without privileges");
        return 0;
    }
    int fd = mkstemp (path);
    REQUIRE (fd >= 0);
    EQUAL (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    OK (fchmod (fd, 0644));
    close (fd);
    umount2 (name, MNT_DETACH); /* that of an earlier case in this process */
    REQUIRE (mount (path, name, NULL, MS_BIND, NULL) == 0); /* else a case would write the real one */
    OK (unlink (path));
    return 1;
}

static int use_hosts (const char *text)
{
    return use_file ("/etc/hosts", text);
}

/* A server on one of the addresses only, and a client that makes a single attempt. */
static void reaches (const char *server)
{
    char endpoint[100];
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    snprintf (endpoint, sizeof endpoint, "tcp://%s:*", server);
    OK (zmq_bind (pull, endpoint));
    size_t size = sizeof endpoint;
    OK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size));
    int port = atoi (strrchr (endpoint, ':') + 1);
    snprintf (endpoint, sizeof endpoint, "tcp://" NAME ":%d", port);
    SET (push, ZMQ_RECONNECT_IVL, -1);
    SET (pull, ZMQ_RCVTIMEO, 5000);
    OK (zmq_connect (push, endpoint));
    SEND (push, "hello");
    RECV (pull, "hello");
}

static void every_address_is_tried (void)
{
    /* Whichever the resolver puts first, for one of the two servers it is the wrong one. */
    if (!use_hosts ("127.0.0.1 localhost\n127.0.0.7 " NAME "\n127.0.0.8 " NAME "\n"))
        return;
    reaches ("127.0.0.7");
    reaches ("127.0.0.8");
}

static void a_later_answer_counts (void)
{
    /* The name means something else by the time of the next attempt. */
    if (!use_hosts ("127.0.0.7 " NAME "\n"))
        return;
    void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
    char endpoint[100];
    OK (zmq_bind (pull, "tcp://127.0.0.8:*"));
    size_t size = sizeof endpoint;
    OK (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size));
    int port = atoi (strrchr (endpoint, ':') + 1);
    snprintf (endpoint, sizeof endpoint, "tcp://" NAME ":%d", port);
    SET (push, ZMQ_RECONNECT_IVL, 50);
    OK (zmq_connect (push, endpoint));
    SEND (push, "hello");
    QUIET (pull);
    FILE *hosts = fopen ("/etc/hosts", "w");
    REQUIRE (hosts != NULL);
    fputs ("127.0.0.8 " NAME "\n", hosts);
    fclose (hosts);
    SET (pull, ZMQ_RCVTIMEO, 5000);
    RECV (pull, "hello");
}

/* A listener on ::1 or 127.0.0.1 that lets nobody in: its queue is full, and the kernel drops what comes. */
static void listen_in_silence (int family, int port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons ((uint16_t) port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {
      .sin_family = AF_INET, .sin_port = htons ((uint16_t) port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    struct sockaddr *address = family == AF_INET6 ? (struct sockaddr *) &six : (struct sockaddr *) &four;
    socklen_t size = family == AF_INET6 ? sizeof six : sizeof four;
    int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0), count = 0;
    REQUIRE (fd != -1 && bind (fd, address, size) == 0 && listen (fd, 0) == 0);
    for (; count < 10; count++) { /* they stay open to the end of the case */
        int one = socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd item = {one, POLLOUT, 0};
        if (connect (one, address, size) != 0 && poll (&item, 1, 100) == 0)
            break;
    }
    REQUIRE (count < 10);
}

static void addresses_after_a_silent_one (void)
{
    /* Whichever the resolver puts first, for one of the two servers it is the silent one. */
    static const char *const servers[] = {"127.0.0.1", "[::1]"};
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int probe = socket (AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe == -1 || bind (probe, (struct sockaddr *) &loopback, sizeof loopback) != 0) {
        NOT_SHOWN ("no IPv6");
        return;
    }
    close (probe);
    if (!use_hosts ("127.0.0.1 localhost\n::1 " NAME "\n127.0.0.1 " NAME "\n"))
        return;
    for (int i = 0; i < 2; i++) {
        char endpoint[100];
        void *pull = OPEN (ZMQ_PULL), *push = OPEN (ZMQ_PUSH);
        SET (pull, ZMQ_IPV6, i);
        snprintf (endpoint, sizeof endpoint, "tcp://%s:*", servers[i]);
        OK (zmq_bind (pull, endpoint));
        int port = raw_port (last_endpoint (pull));
        listen_in_silence (i == 0 ? AF_INET6 : AF_INET, port);
        SET (push, ZMQ_IPV6, 1);
        SET (push, ZMQ_CONNECT_TIMEOUT, 300);
        snprintf (endpoint, sizeof endpoint, "tcp://" NAME ":%d", port);
        OK (zmq_connect (push, endpoint));
        EQUAL (zmq_send (push, "hello", 5, ZMQ_DONTWAIT), 5);
        if (await (pull, ZMQ_POLLIN, 2000))
            RECV (pull, "hello");
        else
            fail_at (__FILE__, __LINE__, "nothing came to %s in time", servers[i]);
        CLOSE (push);
        CLOSE (pull);
    }
}

/* A name server that hears and says nothing holds up nobody but those who ask it. */
static void nobody_waits_for_a_silent_name_server (void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (53), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int server = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind (server, (struct sockaddr *) &address, sizeof address) != 0) {
        NOT_SHOWN ("the port of name servers is not to be had");
        return;
    }
    if (!use_file ("/etc/resolv.conf", "nameserver 127.0.0.1\n"))
        return;
    void *lost = OPEN (ZMQ_PUSH), *pull, *push;
    SET (lost, ZMQ_LINGER, -1);
    long long start = now_ms ();
    OK (zmq_connect (lost, "tcp://silent.name.test:5555"));
    EQUAL (zmq_send (lost, "x", 1, ZMQ_DONTWAIT), 1);
    REQUIRE (raw_readable (server, ARRIVES_MS)); /* it is asked */
    JOIN (pull, ZMQ_PULL, push, ZMQ_PUSH, "tcp");
    for (int i = 0; i < 100; i++) {
        SEND_BYTES (push, &i, sizeof i, 0);
        RECV_BYTES (pull, &i, sizeof i, 0);
    }
    SET (lost, ZMQ_LINGER, 0);
    OK (zmq_disconnect (lost, "tcp://silent.name.test:5555"));
    void *again = OPEN (ZMQ_PUSH); /* this one is still waiting at the end */
    OK (zmq_connect (again, "tcp://silent.too.test:5555"));
    end_context ();
    CHECK (now_ms () - start < 2000);
    close (server);
}

RUN_CASES (CASE (every_address_is_tried), CASE (a_later_answer_counts), CASE (addresses_after_a_silent_one),
           CASE (nobody_waits_for_a_silent_name_server))
