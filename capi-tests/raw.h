/* Scripted peers on raw TCP sockets: bytes out, bytes expected in. Include after check.h. */
#ifndef CAPI_RAW_H
#define CAPI_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* The parts of a ZMTP 3 conversation as C string literals; the last byte of MECHANISM_* is as-server's first. */
#define SIGNATURE "\xff\0\0\0\0\0\0\0\1\x7f"
#define MECHANISM_NULL "NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define MECHANISM_PLAIN "PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define FILLER "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREETING SIGNATURE "\3\1" MECHANISM_NULL FILLER
#define GREETING_30 SIGNATURE "\3\0" MECHANISM_NULL FILLER
/* READY of a peer with a type name of 3, 4, 6 letters. */
#define READY3(type) "\4\x19\5READY\13Socket-Type\0\0\0\3" type
#define READY4(type) "\4\x1a\5READY\13Socket-Type\0\0\0\4" type
#define READY6(type) "\4\x1c\5READY\13Socket-Type\0\0\0\6" type

MAYBE_UNUSED static int raw_port (const char *endpoint)
{
    const char *colon = strrchr (endpoint, ':');
    return colon ? atoi (colon + 1) : 0;
}

MAYBE_UNUSED static int raw_connect_at (const char *endpoint, const char *file, int line)
{
    struct sockaddr_in address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    memset (&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons ((uint16_t) raw_port (endpoint));
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if (fd == -1 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0) {
        check_true (0, errno, "raw connect", file, line);
        longjmp (end_of_case, 1);
    }
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}
#define RAW_CONNECT(endpoint) raw_connect_at (endpoint, __FILE__, __LINE__)

/* Listens on an ephemeral port of 127.0.0.1 and writes the endpoint for zmq_connect. */
MAYBE_UNUSED static int raw_listen (char *endpoint)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    memset (&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    /* So that the port can be bound again although ended connections of it are remembered for a while. */
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd == -1 || bind (fd, (struct sockaddr *) &address, sizeof address) != 0 || listen (fd, 50) != 0
        || getsockname (fd, (struct sockaddr *) &address, &size) != 0) {
        check_true (0, errno, "raw listen", __FILE__, __LINE__);
        longjmp (end_of_case, 1);
    }
    sprintf (endpoint, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

MAYBE_UNUSED static int raw_readable (int fd, int ms)
{
    struct pollfd item = {fd, POLLIN, 0};
    return poll (&item, 1, ms) == 1;
}

/* The next connection, or -1 when none came within the time. */
MAYBE_UNUSED static int raw_accept (int listener, int ms)
{
    return raw_readable (listener, ms) ? accept4 (listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

MAYBE_UNUSED static int raw_accept_at (int listener, const char *file, int line)
{
    int fd = raw_accept (listener, ARRIVES_MS);
    if (fd == -1) {
        fail_at (file, line, "no connection came in time");
        longjmp (end_of_case, 1);
    }
    return fd;
}
#define RAW_ACCEPT(listener) raw_accept_at (listener, __FILE__, __LINE__)

MAYBE_UNUSED static void raw_send_at (int fd, const char *data, size_t size, const char *file, int line)
{
    ssize_t n = send (fd, data, size, MSG_NOSIGNAL);
    check_equal (n, (long long) size, errno, "raw send", file, line);
}
/* The bytes of a literal, without its final NUL. */
#define RAW_SEND(fd, literal) raw_send_at (fd, literal, sizeof literal - 1, __FILE__, __LINE__)

/* Reads exactly these bytes. */
MAYBE_UNUSED static void
raw_expect_at (int fd, const char *data, size_t size, const char *file, int line)
{
    char buffer[4096];
    size_t got = 0;
    while (got < size) {
        if (!raw_readable (fd, ARRIVES_MS)) {
            fail_at (file, line, "%zu of %zu bytes came in time: \"%s\"", got, size, printable (buffer, got));
            longjmp (end_of_case, 1);
        }
        ssize_t n = read (fd, buffer + got, size - got);
        if (n <= 0) {
            fail_at (file, line, "the connection ended after %zu of %zu bytes", got, size);
            longjmp (end_of_case, 1);
        }
        got += (size_t) n;
    }
    if (memcmp (buffer, data, size) != 0) {
        size_t at = 0;
        while (buffer[at] == data[at])
            at++;
        fail_at (file, line, "byte %zu on: got \"%s\", expected \"%s\"", at, printable (buffer + at, size - at),
                 printable (data + at, size - at));
    }
}
#define RAW_EXPECT(fd, literal) raw_expect_at (fd, literal, sizeof literal - 1, __FILE__, __LINE__)

/* No byte and no end of the connection for a while. */
#define RAW_QUIET(fd)                                                                               \
    do {                                                                                            \
        if (raw_readable (fd, QUIET_MS))                                                            \
            fail_at (__FILE__, __LINE__, "bytes or the end came on %s, expected silence", #fd);     \
    } while (0)

/* The other side closes within the time, whatever it sends before. */
MAYBE_UNUSED static int raw_closed (int fd, int ms)
{
    char buffer[512];
    long long until = now_ms () + ms;
    for (;;) {
        long long left = until - now_ms ();
        if (left < 0 || !raw_readable (fd, (int) left))
            return 0;
        if (read (fd, buffer, sizeof buffer) <= 0)
            return 1;
    }
}
#define RAW_CLOSED(fd) CHECK (raw_closed (fd, ARRIVES_MS))

/* Both greetings and READY frames; `ready` is what this side sends, `size` the size of the answer's READY frame. */
MAYBE_UNUSED static void
raw_handshake_at (int fd, const char *ready, size_t ready_size, const char *expected, size_t size, const char *file,
                  int line)
{
    raw_send_at (fd, GREETING, sizeof GREETING - 1, file, line);
    raw_expect_at (fd, GREETING, sizeof GREETING - 1, file, line);
    raw_send_at (fd, ready, ready_size, file, line);
    raw_expect_at (fd, expected, size, file, line);
}
#define RAW_HANDSHAKE(fd, ready, expected)                                                          \
    raw_handshake_at (fd, ready, sizeof ready - 1, expected, sizeof expected - 1, __FILE__, __LINE__)

/* READY frames the library sends: types with and without an identity property. */
#define READY_PULL READY4 ("PULL")
#define READY_PUSH READY4 ("PUSH")
#define READY_SUB READY3 ("SUB")
#define READY_PUB READY3 ("PUB")
#define READY_XPUB READY4 ("XPUB")
#define READY_DEALER "\4\x29\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0"
#define READY_ROUTER "\4\x29\5READY\13Socket-Type\0\0\0\6ROUTER\10Identity\0\0\0\0"
#define READY_REQ "\4\x26\5READY\13Socket-Type\0\0\0\3REQ\10Identity\0\0\0\0"

#endif
