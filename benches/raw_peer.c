#define _GNU_SOURCE
#include "raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

void need_files(long needed)
{
    struct rlimit limit;
    require_system(getrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
    limit.rlim_cur = limit.rlim_max;
    require_system(setrlimit(RLIMIT_NOFILE, &limit) == 0, "RLIMIT_NOFILE");
    if (limit.rlim_cur != RLIM_INFINITY && (long)limit.rlim_cur < needed)
        fail("only %ld open files are allowed, %ld are needed (ulimit -n)", (long)limit.rlim_cur, needed);
}

static void append(handshake_t *handshake, const void *data, size_t size)
{
    memcpy(handshake->bytes + handshake->size, data, size);
    handshake->size += size;
}

static void append_property(handshake_t *handshake, const char *name, const char *value)
{
    unsigned char name_size = (unsigned char)strlen(name);
    unsigned char value_size[4] = {0, 0, 0, (unsigned char)strlen(value)};
    append(handshake, &name_size, 1);
    append(handshake, name, name_size);
    append(handshake, value_size, sizeof value_size);
    append(handshake, value, value_size[3]);
}

handshake_t handshake_of(const char *socket_type)
{
    static const unsigned char GREETING[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 1, 'N', 'U', 'L', 'L'};
    handshake_t handshake = {.size = 0};
    append(&handshake, GREETING, sizeof GREETING);
    size_t frame = handshake.size;
    append(&handshake, "\x04\x00\x05READY", 8); /* a short command; its size is filled in below */
    append_property(&handshake, "Socket-Type", socket_type);
    if (strcmp(socket_type, "DEALER") == 0)
        append_property(&handshake, "Identity", "");
    handshake.bytes[frame + 1] = (unsigned char)(handshake.size - frame - 2);
    return handshake;
}

int listen_raw(char endpoint[ENDPOINT_MAX], int flags)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    require_system(fd >= 0, "socket");
    require_system(bind(fd, (struct sockaddr *)&address, length) == 0, "bind");
    require_system(listen(fd, SOMAXCONN) == 0, "listen");
    require_system(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
    snprintf(endpoint, ENDPOINT_MAX, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    return fd;
}

int accept_raw(int listener)
{
    int fd = accept(listener, NULL, NULL);
    require_system(fd >= 0, "accept");
    no_delay(fd);
    return fd;
}

void no_delay(int fd)
{
    int one = 1;
    require_system(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "TCP_NODELAY");
}

int connect_silent(const char *endpoint)
{
    int port = 0;
    if (sscanf(endpoint, "tcp://127.0.0.1:%d", &port) != 1)
        fail("%s: not tcp on 127.0.0.1", endpoint);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    require_system(fd >= 0, "socket");
    require_system(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

int connect_raw(const char *endpoint, const void *data, size_t size)
{
    int fd = connect_silent(endpoint);
    struct timeval limit = {.tv_sec = 20};
    require_system(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    require_system(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size, "send");
    return fd;
}

static void receive(int fd, unsigned char *data, size_t size)
{
    require_system(recv(fd, data, size, MSG_WAITALL) == (ssize_t)size, "the handshake was not answered");
}

void finish_handshake(int fd)
{
    unsigned char greeting[64], head[2], command[256];
    receive(fd, greeting, sizeof greeting);
    if (greeting[0] != 0xff || greeting[9] != 0x7f || greeting[10] != 3)
        fail("not a ZMTP 3 greeting");
    receive(fd, head, sizeof head);
    if (head[0] != 4)
        fail("a frame with flags %d where a short command was due", head[0]);
    receive(fd, command, head[1]);
    if (head[1] < 6 || memcmp(command, "\x05READY", 6) != 0)
        fail("the handshake was not answered with READY");
}

void transmit(int fd, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put = send(fd, data + at, size - at, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        require_system(put > 0, "send");
        at += (size_t)put;
    }
}

size_t frame_size(size_t size)
{
    return size + (size > 255 ? 9 : 2);
}

void watch(int epoll, int fd, void *data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = data};
    require_system(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

int wait_for(int epoll, struct epoll_event events[EVENTS_MAX])
{
    int ready = epoll_wait(epoll, events, EVENTS_MAX, -1);
    require_system(ready >= 0 || errno == EINTR, "epoll_wait");
    return ready;
}

/* Connections whose handshake is not yet answered: below any listen backlog. */
#define UNANSWERED 64

/* The message follows the answer to the handshake: libzmq 4.3 drops a connection whose READY and first message come in one
 * piece. */
void connecting_process(const options_t *options, int in, int out)
{
    char endpoint[ENDPOINT_MAX], command;
    handshake_t handshake = handshake_of("PUSH");
    int *fds = calloc((size_t)options->peers, sizeof *fds);
    hear_endpoint(in, endpoint);
    for (long i = 0; i < options->peers + UNANSWERED; i++) {
        if (i < options->peers)
            fds[i] = connect_raw(endpoint, handshake.bytes, handshake.size);
        long answered = i - UNANSWERED;
        if (answered < 0 || answered >= options->peers)
            continue;
        finish_handshake(fds[answered]);
        require_system(send(fds[answered], HELLO_FRAME, HELLO_SIZE, MSG_NOSIGNAL) == HELLO_SIZE, "send");
    }
    hear(in, &command, 1);
    say(out, &command, 1);
}

void end_connections(child_t *child, const options_t *options, double seconds, double cpu)
{
    char command = 'q';
    printf("connections_per_s=%.0f cpu_s_per_million=%.2f\n", (double)options->peers / seconds, cpu / (double)options->peers * 1e6);
    fflush(stdout);
    say(child->out, &command, 1);
    hear(child->in, &command, 1);
    finish_child(child);
}
