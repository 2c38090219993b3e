#define _GNU_SOURCE
#include "patterns.h"
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Requests on the way at a time: below the default high-water mark, because REP and ROUTER drop what does not fit. */
#define WINDOW 200
/* Messages moved per turn of a poll loop. */
#define TURN 32
/* Pairs of wanted and unwanted messages in the filter phase. */
#define FILTERED 1000
/* Messages from XSUB to XPUB. */
#define UPSTREAM 200

static const char SYNC[] = "~sync";

/* ---- one way ---------------------------------------------------------------------------------------------------- */

static void send_all(const side_t *side)
{
    link_t link = {.socket = side->socket};
    for (unsigned seq = 0; seq < plan_total(&side->plan); seq++)
        send_planned(&link, &side->plan, seq, 0);
}

static void recv_all(const side_t *side)
{
    link_t link = {.socket = side->socket};
    for (unsigned seq = 0; seq < plan_total(&side->plan); seq++)
        recv_planned(&link, &side->plan, seq, 0);
}

/* ---- both ways at once ------------------------------------------------------------------------------------------ */

/* Send the whole plan and receive the whole plan, whichever is possible, with at most `window` messages unanswered (0: no
 * limit but the socket's). */
static void exchange(const link_t *link, const plan_t *plan, unsigned window)
{
    unsigned total = plan_total(plan), sent = 0, got = 0;
    while (sent < total || got < total) {
        int may_send = sent < total && (window == 0 || sent - got < window);
        zmq_pollitem_t item = {.socket = link->socket};
        item.events = (short)((got < total ? ZMQ_POLLIN : 0) | (may_send ? ZMQ_POLLOUT : 0));
        int ready = zmq_poll(&item, 1, -1);
        if (ready < 0)
            fail("zmq_poll: %s", zmq_strerror(zmq_errno()));
        if (item.revents & ~item.events)
            fail("zmq_poll: event not asked for");
        if (item.revents & ZMQ_POLLOUT) {
            for (int turn = 0; turn < TURN && sent < total && (window == 0 || sent - got < window); turn++, sent++)
                if (send_planned(link, plan, sent, ZMQ_DONTWAIT) < 0)
                    break;
        }
        if (item.revents & ZMQ_POLLIN) {
            for (int turn = 0; turn < TURN && got < total; turn++, got++)
                if (recv_planned(link, plan, got, ZMQ_DONTWAIT) < 0)
                    break;
        }
    }
}

static void duplex(const side_t *side)
{
    link_t link = {.socket = side->socket};
    exchange(&link, &side->plan, 0);
}

/* The connecting ROUTER names its peer beforehand; the binding one learns the name from the first message. */
static void router_duplex(const side_t *side)
{
    link_t link = {.socket = side->socket};
    char id[64];
    char hello[16] = "";
    if (side->binding) {
        int size = zmq_recv(side->socket, id, sizeof id, 0);
        require(size > 0, "routing id of the first message");
        if (size != 9 || memcmp(id, "connector", 9) != 0)
            fail("wrong routing id in the first message");
        require(zmq_recv(side->socket, hello, sizeof hello, 0) == 5, "first message");
        link.id = id;
        link.id_size = (size_t)size;
    } else {
        link.id = "binder";
        link.id_size = 6;
        require(zmq_send(side->socket, link.id, link.id_size, ZMQ_SNDMORE) == 6, "send routing id");
        require(zmq_send(side->socket, "hello", 5, 0) == 5, "send first message");
    }
    exchange(&link, &side->plan, 0);
}

/* ---- request and reply ------------------------------------------------------------------------------------------ */

static void request(const side_t *side)
{
    link_t link = {.socket = side->socket};
    for (unsigned seq = 0; seq < plan_total(&side->plan); seq++) {
        send_planned(&link, &side->plan, seq, 0);
        recv_planned(&link, &side->plan, seq, 0);
    }
}

static void request_many(const side_t *side)
{
    link_t link = {.socket = side->socket, .delimiter = side->other == ZMQ_REP};
    exchange(&link, &side->plan, WINDOW);
}

static void reply(const side_t *side)
{
    unsigned envelope = 0;
    if (side->type == ZMQ_ROUTER)
        envelope = side->other == ZMQ_REQ ? 2 : 1;
    for (unsigned seq = 0; seq < plan_total(&side->plan); seq++)
        echo_planned(side->socket, &side->plan, seq, envelope);
}

/* ---- publish and subscribe -------------------------------------------------------------------------------------- */

static void send_text(void *socket, const char *text)
{
    int size = (int)strlen(text);
    if (zmq_send(socket, text, (size_t)size, 0) != size)
        fail("send \"%s\": %s", text, zmq_strerror(zmq_errno()));
}

/* The next message as text, which must have one part. */
static void recv_text(void *socket, char *text, size_t space)
{
    int size = zmq_recv(socket, text, space - 1, 0);
    require(size >= 0, "recv");
    if ((size_t)size >= space)
        fail("a message of %d bytes where a short one was due", size);
    text[size] = 0;
    int more = -1;
    size_t more_size = sizeof more;
    require(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) == 0, "ZMQ_RCVMORE");
    if (more)
        fail("\"%s\": more parts than one", text);
}

/* An XPUB sees (un)subscriptions as messages: byte 1 or 0, then the topic. */
static void expect_subscription(void *socket, char mark, const char *topic)
{
    char got[64];
    int size = zmq_recv(socket, got, sizeof got, 0);
    require(size >= 0, "recv subscription");
    if ((size_t)size != 1 + strlen(topic) || got[0] != mark || memcmp(got + 1, topic, strlen(topic)) != 0)
        fail("expected the %ssubscription of \"%s\"", mark ? "" : "un", topic);
}

/* A PUB is not told of subscriptions: it publishes until the subscriber says over the pipe that something came. */
static void publish_until_heard(void *socket, const char *unwanted, const char *wanted)
{
    char text[32];
    unsigned count = 0;
    do {
        if (unwanted) {
            snprintf(text, sizeof text, "%s%u", unwanted, count);
            send_text(socket, text);
        }
        snprintf(text, sizeof text, wanted, count);
        send_text(socket, text);
        count++;
    } while (!heard_within(5));
    hear("ready");
}

static void publish(const side_t *side)
{
    void *socket = side->socket;
    if (side->type == ZMQ_XPUB)
        expect_subscription(socket, 1, "");
    else
        publish_until_heard(socket, NULL, SYNC);
    send_all(side);

    if (side->type == ZMQ_XPUB) {
        expect_subscription(socket, 1, "yes:");
        expect_subscription(socket, 0, "");
    } else {
        publish_until_heard(socket, "no:sync", "yes:sync%u");
    }
    char text[32];
    for (unsigned i = 0; i < FILTERED; i++) {
        snprintf(text, sizeof text, "no:%u", i);
        send_text(socket, text);
        snprintf(text, sizeof text, "yes:%u", i);
        send_text(socket, text);
    }

    if (side->type != ZMQ_XPUB || side->other != ZMQ_XSUB)
        return;
    for (unsigned i = 0; i < UPSTREAM; i++) {
        char expected[32], got[32];
        snprintf(expected, sizeof expected, "up %u", i);
        recv_text(socket, got, sizeof got);
        if (strcmp(got, expected) != 0)
            fail("upstream: got \"%s\", expected \"%s\"", got, expected);
    }
}

static void subscription(const side_t *side, int on, const char *topic)
{
    if (side->type == ZMQ_SUB) {
        int option = on ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE;
        require(zmq_setsockopt(side->socket, option, topic, strlen(topic)) == 0, "subscription");
        return;
    }
    char frame[64];
    frame[0] = (char)on;
    memcpy(frame + 1, topic, strlen(topic));
    require(zmq_send(side->socket, frame, 1 + strlen(topic), 0) >= 0, "subscription");
}

/* Take messages off until the publisher's subscription is certain to stand, and leave the first planned one unread. The first
 * planned message is empty, so it cannot be mistaken. */
static void await_first(const side_t *side)
{
    int told = 0;
    if (side->other != ZMQ_PUB)
        return;
    for (;;) {
        char text[32];
        recv_text(side->socket, text, sizeof text);
        if (text[0] == 0 && told)
            return;
        if (strcmp(text, SYNC) != 0)
            fail("\"%s\" before the first message", text);
        if (!told)
            tell("ready");
        told = 1;
    }
}

static void recv_filtered(const side_t *side)
{
    char text[64], expected[32], refused[32] = "";
    unsigned next = 0;
    int told = side->other != ZMQ_PUB;
    while (next < FILTERED) {
        recv_text(side->socket, text, sizeof text);
        unsigned count;
        if (!told && sscanf(text, "no:sync%u", &count) == 1) {
            /* Still under the old subscription: the partner of this one proves nothing. */
            snprintf(refused, sizeof refused, "yes:sync%u", count);
            continue;
        }
        if (next == 0 && side->other == ZMQ_PUB && strncmp(text, "yes:sync", 8) == 0) {
            if (!told && strcmp(text, refused) != 0) {
                tell("ready");
                told = 1;
            }
            continue;
        }
        snprintf(expected, sizeof expected, "yes:%u", next);
        if (strcmp(text, expected) != 0)
            fail("filter: got \"%s\", expected \"%s\"", text, expected);
        next++;
    }
}

static void subscribe(const side_t *side)
{
    link_t link = {.socket = side->socket};
    subscription(side, 1, "");
    await_first(side);
    /* After await_first the first planned message, which is empty, has been read. */
    for (unsigned seq = side->other == ZMQ_PUB ? 1 : 0; seq < plan_total(&side->plan); seq++)
        recv_planned(&link, &side->plan, seq, 0);

    subscription(side, 1, "yes:");
    subscription(side, 0, "");
    recv_filtered(side);

    if (side->type != ZMQ_XSUB || side->other != ZMQ_XPUB)
        return;
    for (unsigned i = 0; i < UPSTREAM; i++) {
        char text[32];
        snprintf(text, sizeof text, "up %u", i);
        send_text(side->socket, text);
    }
}

/* Every subscription is reported, also one that the peer has made already; unsubscriptions as ever. */
static void prepare_verbose(const side_t *side)
{
    int one = 1;
    if (side->type == ZMQ_XPUB)
        require(zmq_setsockopt(side->socket, ZMQ_XPUB_VERBOSE, &one, sizeof one) == 0, "ZMQ_XPUB_VERBOSE");
}

static void publish_verbose(const side_t *side)
{
    char topic[32], text[64];
    /* What is said before the connection stands is said once. */
    expect_subscription(side->socket, 1, "up");
    send_text(side->socket, "up");
    for (unsigned round = 0; round < side->plan.multi; round++) {
        snprintf(topic, sizeof topic, "%u:", round);
        snprintf(text, sizeof text, "%ssaid twice, heard once", topic);
        expect_subscription(side->socket, 1, topic);
        expect_subscription(side->socket, 1, topic);
        send_text(side->socket, "nobody's");
        send_text(side->socket, text);
        expect_subscription(side->socket, 0, topic);
    }
}

static void recv_exactly(void *socket, const char *expected)
{
    char text[64];
    recv_text(socket, text, sizeof text);
    if (strcmp(text, expected) != 0)
        fail("got \"%s\", expected \"%s\"", text, expected);
}

static void subscribe_verbose(const side_t *side)
{
    char topic[32], text[64];
    subscription(side, 1, "up");
    recv_exactly(side->socket, "up");
    for (unsigned round = 0; round < side->plan.multi; round++) {
        snprintf(topic, sizeof topic, "%u:", round);
        snprintf(text, sizeof text, "%ssaid twice, heard once", topic);
        subscription(side, 1, topic);
        subscription(side, 1, topic);
        recv_exactly(side->socket, text);
        subscription(side, 0, topic);
        subscription(side, 0, topic);
    }
}

/* The publisher decides what a subscription is good for. */
static void prepare_manual(const side_t *side)
{
    int one = 1;
    if (side->type == ZMQ_XPUB)
        require(zmq_setsockopt(side->socket, ZMQ_XPUB_MANUAL, &one, sizeof one) == 0, "ZMQ_XPUB_MANUAL");
}

static void publish_manual(const side_t *side)
{
    char asked[32], given[32];
    for (unsigned round = 0; round < side->plan.multi; round++) {
        snprintf(asked, sizeof asked, "asked %u", round);
        snprintf(given, sizeof given, "given %u", round);
        expect_subscription(side->socket, 1, asked);
        send_text(side->socket, asked);
        send_text(side->socket, given);
        require(zmq_setsockopt(side->socket, ZMQ_SUBSCRIBE, given, strlen(given)) == 0, "ZMQ_SUBSCRIBE");
        send_text(side->socket, asked);
        send_text(side->socket, given);
        expect_subscription(side->socket, 0, asked);
        require(zmq_setsockopt(side->socket, ZMQ_UNSUBSCRIBE, given, strlen(given)) == 0, "ZMQ_UNSUBSCRIBE");
        send_text(side->socket, given);
    }
}

/* An XSUB has no filter of its own: what comes is what the other side lets through. */
static void subscribe_manual(const side_t *side)
{
    char asked[32], given[32];
    for (unsigned round = 0; round < side->plan.multi; round++) {
        snprintf(asked, sizeof asked, "asked %u", round);
        snprintf(given, sizeof given, "given %u", round);
        subscription(side, 1, asked);
        recv_exactly(side->socket, given);
        subscription(side, 0, asked);
    }
}

/* ---- plain streams ---------------------------------------------------------------------------------------------- */

#define BLOCKS 300
#define BLOCK_MAX 70000

static size_t block_size(unsigned index) { return 1 + (size_t)index * index * 7919 % BLOCK_MAX; }

static char stream_byte(size_t offset) { return (char)(offset * 31 + offset / 257); }

/* Who is at the other end: whoever connected has named it, and speaks first. */
static int meet(const side_t *side, char *id, size_t space)
{
    char text[8];
    if (!side->binding) {
        memcpy(id, "binder", 6);
        require(zmq_send(side->socket, id, 6, ZMQ_SNDMORE) == 6 && zmq_send(side->socket, "hi", 2, 0) == 2, "hello");
        require(zmq_recv(side->socket, id, space, 0) == 6 && zmq_recv(side->socket, text, sizeof text, 0) == 2, "hello");
        return 6;
    }
    int size = zmq_recv(side->socket, id, space, 0);
    require(size > 0 && zmq_recv(side->socket, text, sizeof text, 0) == 2, "hello");
    require(zmq_send(side->socket, id, (size_t)size, ZMQ_SNDMORE) == size, "hello");
    require(zmq_send(side->socket, "yo", 2, 0) == 2, "hello");
    return size;
}

static void stream_out(const side_t *side)
{
    static char block[BLOCK_MAX];
    char id[256], text[8];
    int id_size = meet(side, id, sizeof id);
    /* A stream has no bounds: it begins when those words were read. */
    hear("ready");
    size_t offset = 0;
    for (unsigned index = 0; index < BLOCKS; index++) {
        size_t size = block_size(index);
        for (size_t i = 0; i < size; i++)
            block[i] = stream_byte(offset++);
        require(zmq_send(side->socket, id, (size_t)id_size, ZMQ_SNDMORE) == id_size, "send id");
        require(zmq_send(side->socket, block, size, 0) == (int)size, "send block");
    }
    require(zmq_recv(side->socket, id, sizeof id, 0) == id_size, "recv id");
    require(zmq_recv(side->socket, text, sizeof text, 0) == 4, "recv done");
}

static void stream_in(const side_t *side)
{
    static char block[BLOCK_MAX];
    char id[256];
    int id_size = meet(side, id, sizeof id);
    tell("ready");
    size_t offset = 0, total = 0;
    for (unsigned index = 0; index < BLOCKS; index++)
        total += block_size(index);
    while (offset < total) {
        require(zmq_recv(side->socket, id, sizeof id, 0) == id_size, "recv id");
        int size = zmq_recv(side->socket, block, sizeof block, 0);
        require(size > 0 && (size_t)size <= total - offset, "recv piece");
        for (int i = 0; i < size; i++)
            if (block[i] != stream_byte(offset++))
                fail("byte %zu of the stream is wrong", offset - 1);
    }
    require(zmq_send(side->socket, id, (size_t)id_size, ZMQ_SNDMORE) == id_size, "send id");
    require(zmq_send(side->socket, "done", 4, 0) == 4, "send done");
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

#define HEARTBEAT_MS 20
#define PATIENCE_MS 700  /* for the answer to a heartbeat: other processes take their time too */
#define SILENCE_MS 200   /* ten heartbeats */
#define LONG_MS 1500     /* a connection without heartbeats would not last so long */
#define ROUNDS 5
/* A draft in the header; the option itself is in stable builds too. */
#ifndef ZMQ_METADATA
#define ZMQ_METADATA 95
#endif

static void set_int(const side_t *side, int option, const char *name, int value)
{
    require(zmq_setsockopt(side->socket, option, &value, sizeof value) == 0, name);
}

static void prepare_with_options(const side_t *side)
{
    set_int(side, ZMQ_HEARTBEAT_IVL, "ZMQ_HEARTBEAT_IVL", HEARTBEAT_MS);
    set_int(side, ZMQ_HEARTBEAT_TIMEOUT, "ZMQ_HEARTBEAT_TIMEOUT", PATIENCE_MS);
    set_int(side, ZMQ_HEARTBEAT_TTL, "ZMQ_HEARTBEAT_TTL", PATIENCE_MS);
    require(zmq_setsockopt(side->socket, ZMQ_METADATA, "X-Side:this", 11) == 0, "ZMQ_METADATA");
    if (side->type == ZMQ_DEALER) {
        set_int(side, ZMQ_PROBE_ROUTER, "ZMQ_PROBE_ROUTER", 1);
        require(zmq_setsockopt(side->socket, ZMQ_ROUTING_ID, "dealer", 6) == 0, "ZMQ_ROUTING_ID");
    }
}

static void expect(const side_t *side, const char *text, int more)
{
    char got[64];
    int left = 0, size = zmq_recv(side->socket, got, sizeof got, 0);
    size_t left_size = sizeof left;
    require(size >= 0, "zmq_recv");
    if ((size_t)size != strlen(text) || memcmp(got, text, (size_t)size) != 0)
        fail("received %d bytes \"%.*s\", expected \"%s\"", size, size, got, text);
    require(zmq_getsockopt(side->socket, ZMQ_RCVMORE, &left, &left_size) == 0, "ZMQ_RCVMORE");
    if (left != more)
        fail("\"%s\" is %sfollowed by another part", text, left ? "" : "not ");
}

/* A message whose properties are those of the other side. */
static void expect_properties(const side_t *side, const char *text, const char *type)
{
    zmq_msg_t message;
    require(zmq_msg_init(&message) == 0, "zmq_msg_init");
    int size = zmq_msg_recv(&message, side->socket, 0);
    if (size != (int)strlen(text) || memcmp(zmq_msg_data(&message), text, (size_t)size) != 0)
        fail("expected \"%s\"", text);
    const char *got = zmq_msg_gets(&message, "Socket-Type");
    if (!got || strcmp(got, type) != 0)
        fail("Socket-Type is %s, expected %s", got ? got : "missing", type);
    got = zmq_msg_gets(&message, "X-Side");
    if (!got || strcmp(got, "this") != 0)
        fail("X-Side is %s", got ? got : "missing");
    require(zmq_msg_close(&message) == 0, "zmq_msg_close");
}

/* Speaks, keeps silent for many heartbeats, speaks again: a new connection would show as a second probe. */
static void dealer_with_options(const side_t *side)
{
    for (int round = 0; round < ROUNDS; round++) {
        require(zmq_send(side->socket, "question", 8, 0) == 8, "zmq_send");
        expect_properties(side, "answer", "ROUTER");
        poll(NULL, 0, round == 0 ? LONG_MS : SILENCE_MS);
    }
}

static void router_with_options(const side_t *side)
{
    expect(side, "dealer", 1);
    expect(side, "", 0); /* the probe */
    if (zmq_send(side->socket, "nobody", 6, ZMQ_SNDMORE) != -1 || zmq_errno() != EHOSTUNREACH)
        fail("a message to nobody was not refused");
    for (int round = 0; round < ROUNDS; round++) {
        expect(side, "dealer", 1);
        expect_properties(side, "question", "DEALER");
        require(zmq_send(side->socket, "dealer", 6, ZMQ_SNDMORE) == 6, "zmq_send");
        require(zmq_send(side->socket, "answer", 6, 0) == 6, "zmq_send");
    }
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const pattern_t PATTERNS[] = {
    {"PUSH/PULL", {ZMQ_PUSH, ZMQ_PULL}, {send_all, recv_all}, 0, NULL, 0},
    {"PUB/SUB", {ZMQ_PUB, ZMQ_SUB}, {publish, subscribe}, 0, NULL, 0},
    {"XPUB/XSUB", {ZMQ_XPUB, ZMQ_XSUB}, {publish, subscribe}, 0, NULL, 0},
    {"PUB/XSUB", {ZMQ_PUB, ZMQ_XSUB}, {publish, subscribe}, 0, NULL, 0},
    {"XPUB/SUB", {ZMQ_XPUB, ZMQ_SUB}, {publish, subscribe}, 0, NULL, 0},
    {"XPUB/XSUB-verbose", {ZMQ_XPUB, ZMQ_XSUB}, {publish_verbose, subscribe_verbose}, 1, prepare_verbose, 0},
    {"XPUB/XSUB-manual", {ZMQ_XPUB, ZMQ_XSUB}, {publish_manual, subscribe_manual}, 1, prepare_manual, 0},
    {"REQ/REP", {ZMQ_REQ, ZMQ_REP}, {request, reply}, 1, NULL, 0},
    {"REQ/ROUTER", {ZMQ_REQ, ZMQ_ROUTER}, {request, reply}, 1, NULL, 0},
    {"DEALER/REP", {ZMQ_DEALER, ZMQ_REP}, {request_many, reply}, 0, NULL, 0},
    {"DEALER/ROUTER", {ZMQ_DEALER, ZMQ_ROUTER}, {request_many, reply}, 0, NULL, 0},
    {"DEALER/DEALER", {ZMQ_DEALER, ZMQ_DEALER}, {duplex, duplex}, 0, NULL, 0},
    {"ROUTER/ROUTER", {ZMQ_ROUTER, ZMQ_ROUTER}, {router_duplex, router_duplex}, 0, NULL, 0},
    {"PAIR/PAIR", {ZMQ_PAIR, ZMQ_PAIR}, {duplex, duplex}, 0, NULL, 0},
    {"options", {ZMQ_DEALER, ZMQ_ROUTER}, {dealer_with_options, router_with_options}, 0, prepare_with_options, 0},
    {"STREAM/STREAM", {ZMQ_STREAM, ZMQ_STREAM}, {stream_out, stream_in}, 0, NULL, 0},
    {"PUSH/PULL-kill-a", {ZMQ_PUSH, ZMQ_PULL}, {push_killed, pull_beside_killed}, 0, prepare_restart, 'a'},
    {"PUSH/PULL-kill-b", {ZMQ_PUSH, ZMQ_PULL}, {push_beside_killed, pull_killed}, 0, prepare_restart, 'b'},
    {"PUB/SUB-kill-a", {ZMQ_PUB, ZMQ_SUB}, {publish_killed, subscribe_beside_killed}, 0, prepare_restart, 'a'},
    {"PUB/SUB-kill-b", {ZMQ_PUB, ZMQ_SUB}, {publish_beside_killed, subscribe_killed}, 0, prepare_restart, 'b'},
    {"DEALER/ROUTER-kill-a", {ZMQ_DEALER, ZMQ_ROUTER}, {dealer_killed, router_beside_killed}, 0, prepare_restart, 'a'},
    {"DEALER/ROUTER-kill-b", {ZMQ_DEALER, ZMQ_ROUTER}, {dealer_beside_killed, router_killed}, 0, prepare_restart, 'b'},
    {"REQ/REP-kill-a", {ZMQ_REQ, ZMQ_REP}, {request_killed, reply_beside_killed}, 1, prepare_restart, 'a'},
    {"REQ/REP-kill-b", {ZMQ_REQ, ZMQ_REP}, {request_beside_killed, reply_killed}, 1, prepare_restart, 'b'},
};
#define PATTERN_COUNT (sizeof PATTERNS / sizeof PATTERNS[0])

const pattern_t *find_pattern(const char *name)
{
    for (size_t i = 0; i < PATTERN_COUNT; i++)
        if (strcmp(PATTERNS[i].name, name) == 0)
            return &PATTERNS[i];
    return NULL;
}

void list_patterns(void)
{
    for (size_t i = 0; i < PATTERN_COUNT; i++)
        puts(PATTERNS[i].name);
}

void prepare_socket(const side_t *side)
{
    int zero = 0, one = 1;
    switch (side->type) {
    case ZMQ_PUB:
    case ZMQ_XPUB:
    case ZMQ_SUB:
    case ZMQ_XSUB:
        /* Publishers drop at the mark; without one nothing may be lost. */
        require(zmq_setsockopt(side->socket, ZMQ_SNDHWM, &zero, sizeof zero) == 0, "ZMQ_SNDHWM");
        require(zmq_setsockopt(side->socket, ZMQ_RCVHWM, &zero, sizeof zero) == 0, "ZMQ_RCVHWM");
        break;
    case ZMQ_ROUTER:
        require(zmq_setsockopt(side->socket, ZMQ_ROUTER_MANDATORY, &one, sizeof one) == 0, "ZMQ_ROUTER_MANDATORY");
        if (side->other != ZMQ_ROUTER)
            break;
        if (side->binding) {
            require(zmq_setsockopt(side->socket, ZMQ_ROUTING_ID, "binder", 6) == 0, "ZMQ_ROUTING_ID");
        } else {
            require(zmq_setsockopt(side->socket, ZMQ_ROUTING_ID, "connector", 9) == 0, "ZMQ_ROUTING_ID");
            require(zmq_setsockopt(side->socket, ZMQ_CONNECT_ROUTING_ID, "binder", 6) == 0, "ZMQ_CONNECT_ROUTING_ID");
        }
        break;
    case ZMQ_STREAM:
        /* The end of the other side would be a message after the last one. */
        require(zmq_setsockopt(side->socket, ZMQ_STREAM_NOTIFY, &zero, sizeof zero) == 0, "ZMQ_STREAM_NOTIFY");
        if (!side->binding)
            require(zmq_setsockopt(side->socket, ZMQ_CONNECT_ROUTING_ID, "binder", 6) == 0, "ZMQ_CONNECT_ROUTING_ID");
        break;
    default:
        break;
    }
}

/* ---- the pipes --------------------------------------------------------------------------------------------------- */

void tell(const char *line)
{
    if (printf("%s\n", line) < 0 || fflush(stdout) != 0)
        fail("the other process is gone");
}

void hear(const char *line)
{
    char got[256];
    size_t at = 0;
    while (at + 1 < sizeof got) {
        if (read(STDIN_FILENO, got + at, 1) != 1)
            fail("the other process is gone");
        if (got[at] == '\n')
            break;
        at++;
    }
    got[at] = 0;
    if (strcmp(got, line) != 0)
        fail("heard \"%s\", expected \"%s\"", got, line);
}

int heard_within(int milliseconds)
{
    struct pollfd item = {.fd = STDIN_FILENO, .events = POLLIN};
    int ready = poll(&item, 1, milliseconds);
    if (ready < 0 && errno != EINTR)
        fail("poll: %s", strerror(errno));
    return ready > 0;
}
