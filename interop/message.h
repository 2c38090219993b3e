/*
 * What travels in an interop run: a fixed plan of messages that both processes can compute for themselves, so that the
 * receiver knows the number of parts, the size and every byte of each message before it arrives.
 */
#ifndef INTEROP_MESSAGE_H
#define INTEROP_MESSAGE_H

#include <stddef.h>
#include <zmq.h>

#define MAX_PARTS 10

/* How many messages of each kind a run sends, in this order. */
typedef struct {
    unsigned small;  /* one part, 0 to 64 bytes */
    unsigned multi;  /* 1 to 10 parts, with empty ones among them */
    unsigned rounds; /* times through the list of sizes, once alone and once between other parts */
} plan_t;

/* What stands before the planned parts on the wire, on this socket. */
typedef struct {
    void *socket;
    const void *id; /* routing id to send to, or NULL */
    size_t id_size;
    int delimiter; /* an empty frame before the body */
} link_t;

unsigned plan_total(const plan_t *plan);
unsigned plan_parts(const plan_t *plan, unsigned seq);
size_t plan_size(const plan_t *plan, unsigned seq, unsigned part);

/* Send message `seq`; 0, or -1 with errno EAGAIN when `flags` has ZMQ_DONTWAIT and nothing was taken. Ends the process on
 * any other error. */
int send_planned(const link_t *link, const plan_t *plan, unsigned seq, int flags);

/* Receive and check message `seq`; 0, or -1 with errno EAGAIN when `flags` has ZMQ_DONTWAIT and nothing was there. */
int recv_planned(const link_t *link, const plan_t *plan, unsigned seq, int flags);

/* Receive a request, check it after `envelope` leading frames, and send all of it back, frame by frame. */
void echo_planned(void *socket, const plan_t *plan, unsigned seq, unsigned envelope);

/* Print the reason on stderr and end the process with status 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* fail() with the text of errno if `ok` is false. */
void require(int ok, const char *what);

#endif
