/*
 * Peers without a library: plain tcp sockets that say the fixed bytes of a ZMTP 3.1 NULL handshake, so that a benchmark measures
 * the process it connects to and nothing else. And what is done with plain sockets in more than one place.
 */
#ifndef BENCH_RAW_PEER_H
#define BENCH_RAW_PEER_H

#include "common.h"

#include <sys/epoll.h>

/* Raise the limit of open files to the highest allowed; ends the process if that is not above `needed`. */
void need_files(long needed);

/* The greeting and the READY command of a peer of that socket type. */
typedef struct {
    unsigned char bytes[256];
    size_t size;
} handshake_t;
handshake_t handshake_of(const char *socket_type);

/* Listen on a fresh port of 127.0.0.1 and store the endpoint, "tcp://127.0.0.1:port". Flags: 0 or SOCK_NONBLOCK. */
int listen_raw(char endpoint[ENDPOINT_MAX], int flags);

/* The next connection of such a listener, without delay of small writes. */
int accept_raw(int listener);
void no_delay(int fd);

/* Connect to such an endpoint. */
int connect_silent(const char *endpoint);

/* The same, and send `data` at once. */
int connect_raw(const char *endpoint, const void *data, size_t size);

/* Read the peer's greeting and its READY command to the end. */
void finish_handshake(int fd);

/* Write all of it, however long that takes. */
void transmit(int fd, const char *data, size_t size);

/* What a message of that size takes as a ZMTP frame: flags, and a size of one or eight bytes. */
size_t frame_size(size_t size);

#define EVENTS_MAX 256
void watch(int epoll, int fd, void *data);
/* How many events there are; -1: interrupted. */
int wait_for(int epoll, struct epoll_event events[EVENTS_MAX]);

/* A second process: --peers connections to the endpoint it hears, each with the handshake of a PUSH socket and the frame below.
 * They stay open until it hears one byte, which it says back. */
void connecting_process(const options_t *options, int in, int out);
/* Print what so many seconds of accepting came to, and let the connecting process end. */
void end_connections(child_t *child, const options_t *options, double seconds, double cpu);
#define HELLO_FRAME "\0\5hello"
#define HELLO_SIZE 7

#endif
