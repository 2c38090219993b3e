#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Around the limits of the short frame (255), of messages kept inside zmq_msg_t (33), of the batch buffers (8192), of
 * 16 bits, and far beyond any socket buffer. */
static const size_t SIZES[] = {0,    1,    2,    33,    34,    254,     255,    256,
                               257,  8191, 8192, 8193,  65535, 65536,   1 << 20, 8 << 20};
#define SIZE_COUNT (sizeof SIZES / sizeof SIZES[0])

static const size_t PART_SIZES[] = {0, 5, 0, 33, 1, 254, 255, 300, 8, 34, 256, 0, 1000};
#define PART_SIZE_COUNT (sizeof PART_SIZES / sizeof PART_SIZES[0])

unsigned plan_total(const plan_t *plan)
{
    return plan->small + plan->multi + plan->rounds * 2 * (unsigned)SIZE_COUNT;
}

unsigned plan_parts(const plan_t *plan, unsigned seq)
{
    if (seq < plan->small)
        return 1;
    seq -= plan->small;
    if (seq < plan->multi)
        return 1 + seq % MAX_PARTS;
    seq -= plan->multi;
    return seq % 2 == 0 ? 1 : 4;
}

size_t plan_size(const plan_t *plan, unsigned seq, unsigned part)
{
    if (seq < plan->small)
        return seq % 65;
    seq -= plan->small;
    if (seq < plan->multi) {
        /* Now and then a message of nothing but empty parts. */
        if ((seq / MAX_PARTS) % 5 == 0)
            return 0;
        return PART_SIZES[(seq * 7 + part * 3) % PART_SIZE_COUNT];
    }
    seq -= plan->multi;
    size_t size = SIZES[seq / 2 % SIZE_COUNT];
    if (seq % 2 == 0)
        return size;
    /* size, nothing, the same size, one byte */
    return part == 0 || part == 2 ? size : part == 1 ? 0 : 1;
}

/* The bytes of a part: a splitmix64 stream whose seed is the place of the part in the plan. */
static uint64_t stream_start(unsigned seq, unsigned part, size_t size)
{
    return ((uint64_t)seq << 32) ^ ((uint64_t)part << 24) ^ (uint64_t)size;
}

static uint64_t stream_next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill(unsigned char *data, unsigned seq, unsigned part, size_t size)
{
    uint64_t state = stream_start(seq, part, size);
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = stream_next(&state);
        memcpy(data + at, &word, size - at < 8 ? size - at : 8);
    }
}

static void check(const unsigned char *data, unsigned seq, unsigned part, size_t size)
{
    uint64_t state = stream_start(seq, part, size);
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = stream_next(&state);
        if (memcmp(data + at, &word, size - at < 8 ? size - at : 8) != 0)
            fail("message %u part %u: wrong bytes at %zu of %zu", seq, part, at, size);
    }
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
    _Exit(1);
}

void require(int ok, const char *what)
{
    if (!ok)
        fail("%s: %s", what, zmq_strerror(zmq_errno()));
}

static void release(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* The three ways a program can hand over its bytes, taken in turn. */
static int send_part(void *socket, unsigned seq, unsigned part, size_t size, int flags)
{
    if (seq % 3 == 0) {
        unsigned char stack[1024];
        unsigned char *data = size <= sizeof stack ? stack : malloc(size);
        if (!data)
            fail("out of memory");
        fill(data, seq, part, size);
        int rc = zmq_send(socket, data, size, flags);
        int error = errno;
        if (data != stack)
            free(data);
        errno = error;
        return rc;
    }

    zmq_msg_t message;
    if (seq % 3 == 1) {
        require(zmq_msg_init_size(&message, size) == 0, "zmq_msg_init_size");
        fill(zmq_msg_data(&message), seq, part, size);
    } else {
        unsigned char *data = malloc(size ? size : 1);
        if (!data)
            fail("out of memory");
        fill(data, seq, part, size);
        require(zmq_msg_init_data(&message, data, size, release, NULL) == 0, "zmq_msg_init_data");
    }
    int rc = zmq_msg_send(&message, socket, flags);
    int error = errno;
    if (rc < 0)
        zmq_msg_close(&message);
    errno = error;
    return rc;
}

static void expect_sent(int rc, size_t size, unsigned seq, unsigned part)
{
    if (rc < 0)
        fail("message %u part %u: send: %s", seq, part, zmq_strerror(zmq_errno()));
    if ((size_t)rc != size)
        fail("message %u part %u: send returned %d, not %zu", seq, part, rc, size);
}

int send_planned(const link_t *link, const plan_t *plan, unsigned seq, int flags)
{
    /* Only the first frame may be refused; the rest of a message that was begun is always taken. */
    int begun = 0;
    if (link->id) {
        int rc = zmq_send(link->socket, link->id, link->id_size, flags | ZMQ_SNDMORE);
        if (rc < 0 && zmq_errno() == EAGAIN && (flags & ZMQ_DONTWAIT))
            return -1;
        expect_sent(rc, link->id_size, seq, 0);
        begun = 1;
    }
    if (link->delimiter) {
        int rc = zmq_send(link->socket, "", 0, flags | ZMQ_SNDMORE);
        if (rc < 0 && !begun && zmq_errno() == EAGAIN && (flags & ZMQ_DONTWAIT))
            return -1;
        expect_sent(rc, 0, seq, 0);
        begun = 1;
    }
    unsigned parts = plan_parts(plan, seq);
    for (unsigned part = 0; part < parts; part++) {
        size_t size = plan_size(plan, seq, part);
        int more = part + 1 < parts ? ZMQ_SNDMORE : 0;
        int rc = send_part(link->socket, seq, part, size, flags | more);
        if (rc < 0 && !begun && zmq_errno() == EAGAIN && (flags & ZMQ_DONTWAIT))
            return -1;
        expect_sent(rc, size, seq, part);
        begun = 1;
    }
    return 0;
}

/* One received frame against what the plan says of it. */
static void check_part(zmq_msg_t *message, const plan_t *plan, unsigned seq, unsigned part)
{
    size_t size = plan_size(plan, seq, part);
    if (zmq_msg_size(message) != size)
        fail("message %u part %u: %zu bytes, not %zu", seq, part, zmq_msg_size(message), size);
    check(zmq_msg_data(message), seq, part, size);
    int more = part + 1 < plan_parts(plan, seq);
    if (zmq_msg_more(message) != more)
        fail("message %u part %u: more is %d, not %d", seq, part, zmq_msg_more(message), more);
}

static void check_rcvmore(void *socket, zmq_msg_t *message, unsigned seq)
{
    int more = -1;
    size_t size = sizeof more;
    require(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0, "ZMQ_RCVMORE");
    if (more != zmq_msg_more(message))
        fail("message %u: ZMQ_RCVMORE and zmq_msg_more disagree", seq);
}

int recv_planned(const link_t *link, const plan_t *plan, unsigned seq, int flags)
{
    zmq_msg_t message;
    require(zmq_msg_init(&message) == 0, "zmq_msg_init");
    unsigned envelope = (link->id ? 1 : 0) + (link->delimiter ? 1 : 0);
    unsigned frames = envelope + plan_parts(plan, seq);
    for (unsigned frame = 0; frame < frames; frame++) {
        int rc = zmq_msg_recv(&message, link->socket, flags);
        if (rc < 0 && frame == 0 && zmq_errno() == EAGAIN && (flags & ZMQ_DONTWAIT)) {
            zmq_msg_close(&message);
            errno = EAGAIN;
            return -1;
        }
        if (rc < 0)
            fail("message %u frame %u: recv: %s", seq, frame, zmq_strerror(zmq_errno()));
        if ((size_t)rc != zmq_msg_size(&message))
            fail("message %u frame %u: recv returned %d, size is %zu", seq, frame, rc, zmq_msg_size(&message));
        if (frame >= envelope) {
            check_part(&message, plan, seq, frame - envelope);
            continue;
        }
        if (!zmq_msg_more(&message))
            fail("message %u: nothing after the envelope", seq);
        if (link->id && frame == 0) {
            if ((size_t)rc != link->id_size || memcmp(zmq_msg_data(&message), link->id, link->id_size) != 0)
                fail("message %u: not from the expected routing id", seq);
        } else if (rc != 0) {
            fail("message %u: delimiter is not empty", seq);
        }
    }
    check_rcvmore(link->socket, &message, seq);
    zmq_msg_close(&message);
    return 0;
}

void echo_planned(void *socket, const plan_t *plan, unsigned seq, unsigned envelope)
{
    zmq_msg_t frames[MAX_PARTS + 2];
    unsigned count = envelope + plan_parts(plan, seq);
    for (unsigned frame = 0; frame < count; frame++) {
        require(zmq_msg_init(&frames[frame]) == 0, "zmq_msg_init");
        if (zmq_msg_recv(&frames[frame], socket, 0) < 0)
            fail("request %u frame %u: recv: %s", seq, frame, zmq_strerror(zmq_errno()));
        if (frame >= envelope)
            check_part(&frames[frame], plan, seq, frame - envelope);
        else if (!zmq_msg_more(&frames[frame]))
            fail("request %u: nothing after the envelope", seq);
    }
    check_rcvmore(socket, &frames[count - 1], seq);
    for (unsigned frame = 0; frame < count; frame++) {
        int more = frame + 1 < count ? ZMQ_SNDMORE : 0;
        size_t size = zmq_msg_size(&frames[frame]);
        expect_sent(zmq_msg_send(&frames[frame], socket, more), size, seq, frame);
    }
}
