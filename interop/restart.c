#define _GNU_SOURCE
#include "restart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* For something that must happen. */
#define PATIENCE_MS 15000
/* Without an answer for so long, a request counts as lost. */
#define LOST_MS 30
/* Requests on the way. */
#define WINDOW 50
#define EXTRA_MAX 1000

/* What is in a message, before as many bytes as its number demands. */
typedef struct {
    unsigned life; /* of the sender; FINAL from one that was not killed, when the other side is there for good */
    unsigned seq;
    unsigned by; /* in an answer: the life of who answered */
} stamp_t;

enum { FINAL = LIVES_MAX };

/* ---- lives ------------------------------------------------------------------------------------------------------ */

void live_and_die(side_t *side)
{
    side->past = mmap(NULL, sizeof *side->past, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(side->past != MAP_FAILED, "mmap");
    for (unsigned life = 0; life <= side->last_life; life++) {
        int status;
        pid_t parent = getpid(), child = fork();
        require(child >= 0, "fork");
        if (child == 0) {
            require(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl");
            if (getppid() != parent)
                _exit(1);
            side->life = life;
            return;
        }
        while (waitpid(child, &status, 0) < 0)
            require(errno == EINTR, "waitpid");
        if (life < side->last_life && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            continue;
        if (WIFSIGNALED(status))
            fail("life %u ended by signal %d", life, WTERMSIG(status));
        exit(life < side->last_life && WEXITSTATUS(status) == 0 ? 1 : WEXITSTATUS(status));
    }
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    pause();
}

/* What has to arrive before a death, and after the last one. */
static unsigned share(const side_t *side) { return side->plan.small / 10; }

static unsigned all(const side_t *side) { return side->plan.small / 2; }

void prepare_restart(const side_t *side)
{
    static const int zero = 0, one = 1, soon = 10, patience = PATIENCE_MS;
    require(zmq_setsockopt(side->socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon) == 0, "ZMQ_RECONNECT_IVL");
    require(zmq_setsockopt(side->socket, ZMQ_RCVTIMEO, &patience, sizeof patience) == 0, "ZMQ_RCVTIMEO");
    require(zmq_setsockopt(side->socket, ZMQ_SNDTIMEO, &patience, sizeof patience) == 0, "ZMQ_SNDTIMEO");
    /* What must arrive is said to have arrived before anybody leaves. */
    require(zmq_setsockopt(side->socket, ZMQ_LINGER, &zero, sizeof zero) == 0, "ZMQ_LINGER");
    switch (side->type) {
    case ZMQ_DEALER:
        require(zmq_setsockopt(side->socket, ZMQ_ROUTING_ID, "dealer", 6) == 0, "ZMQ_ROUTING_ID");
        break;
    case ZMQ_ROUTER:
        require(zmq_setsockopt(side->socket, ZMQ_ROUTER_HANDOVER, &one, sizeof one) == 0, "ZMQ_ROUTER_HANDOVER");
        /* Whoever is not there gets nothing. */
        require(zmq_setsockopt(side->socket, ZMQ_ROUTER_MANDATORY, &zero, sizeof zero) == 0, "ZMQ_ROUTER_MANDATORY");
        break;
    case ZMQ_REQ:
        require(zmq_setsockopt(side->socket, ZMQ_REQ_RELAXED, &one, sizeof one) == 0, "ZMQ_REQ_RELAXED");
        require(zmq_setsockopt(side->socket, ZMQ_REQ_CORRELATE, &one, sizeof one) == 0, "ZMQ_REQ_CORRELATE");
        break;
    case ZMQ_SUB:
        require(zmq_setsockopt(side->socket, ZMQ_SUBSCRIBE, "yes:", 4) == 0, "ZMQ_SUBSCRIBE");
        break;
    default:
        break;
    }
}

/* ---- messages --------------------------------------------------------------------------------------------------- */

static size_t extra(unsigned seq) { return (size_t)seq * 37 % EXTRA_MAX; }

static char filling(unsigned seq, size_t at) { return (char)(seq + at * 5); }

/* 1, or 0 when `flags` has ZMQ_DONTWAIT and nothing was taken. */
static int put(void *socket, const char *topic, stamp_t stamp, int flags)
{
    char text[16 + sizeof stamp + EXTRA_MAX];
    size_t size = strlen(topic);
    memcpy(text, topic, size);
    memcpy(text + size, &stamp, sizeof stamp);
    size += sizeof stamp;
    for (size_t at = 0; at < extra(stamp.seq); at++)
        text[size++] = filling(stamp.seq, at);
    if (zmq_send(socket, text, size, flags) == (int)size)
        return 1;
    if (!(flags & ZMQ_DONTWAIT) || zmq_errno() != EAGAIN)
        fail("send %u of life %u: %s", stamp.seq, stamp.life, zmq_strerror(zmq_errno()));
    return 0;
}

/* 1, or 0 when `flags` has ZMQ_DONTWAIT and nothing was there. */
static int take(void *socket, const char *topic, stamp_t *stamp, int flags)
{
    char text[16 + sizeof *stamp + EXTRA_MAX];
    size_t head = strlen(topic) + sizeof *stamp;
    int more = -1, size = zmq_recv(socket, text, sizeof text, flags);
    size_t more_size = sizeof more;
    if (size < 0) {
        if (!(flags & ZMQ_DONTWAIT) || zmq_errno() != EAGAIN)
            fail("recv: %s", zmq_strerror(zmq_errno()));
        return 0;
    }
    if ((size_t)size < head || (size_t)size > sizeof text || memcmp(text, topic, strlen(topic)) != 0)
        fail("a message of %d bytes that nobody has sent", size);
    memcpy(stamp, text + strlen(topic), sizeof *stamp);
    if ((size_t)size != head + extra(stamp->seq))
        fail("message %u has %d bytes", stamp->seq, size);
    for (size_t at = 0; at < extra(stamp->seq); at++)
        if (text[head + at] != filling(stamp->seq, at))
            fail("message %u: byte %zu is wrong", stamp->seq, at);
    require(zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size) == 0, "ZMQ_RCVMORE");
    if (more)
        fail("message %u has another part", stamp->seq);
    if (stamp->life > FINAL)
        fail("life %u", stamp->life);
    return 1;
}

/* Whether something can be received, or sent, in that time. */
static int ready(void *socket, int events, int milliseconds)
{
    zmq_pollitem_t item = {.socket = socket, .events = (short)events};
    if (zmq_poll(&item, 1, milliseconds) < 0)
        fail("zmq_poll: %s", zmq_strerror(zmq_errno()));
    return item.revents;
}

/* The next message of its life: none is missing, none comes twice. */
static void in_turn(const stamp_t *stamp, unsigned *next)
{
    if (stamp->seq != *next)
        fail("got message %u of life %u, expected %u", stamp->seq, stamp->life, *next);
    (*next)++;
}

/* Later than what came before: some may be missing. */
static void later(const stamp_t *stamp, unsigned *next)
{
    if (stamp->seq < *next)
        fail("got message %u of life %u, after %u", stamp->seq, stamp->life, *next - 1);
    *next = stamp->seq + 1;
}

/* ---- one way ---------------------------------------------------------------------------------------------------- */

/* Sends until it hears that enough has arrived. */
void push_killed(const side_t *side)
{
    stamp_t stamp = {.life = side->life};
    if (side->life < side->last_life)
        for (;; stamp.seq += (unsigned)put(side->socket, "", stamp, ZMQ_DONTWAIT))
            if ((stamp.seq % 16 == 0 || !ready(side->socket, ZMQ_POLLOUT, 2)) && heard_within(0)) {
                hear("enough");
                die();
            }
    for (; stamp.seq < all(side); stamp.seq++)
        put(side->socket, "", stamp, 0);
    hear("all");
}

void pull_beside_killed(const side_t *side)
{
    unsigned next[LIVES_MAX + 1] = {0};
    while (next[side->last_life] < all(side)) {
        stamp_t stamp;
        take(side->socket, "", &stamp, 0);
        in_turn(&stamp, &next[stamp.life]);
        if (stamp.life < side->last_life && next[stamp.life] == share(side))
            tell("enough");
    }
    tell("all");
}

/* Sends until it hears that the last receiver is there. From then on everything arrives. */
void push_beside_killed(const side_t *side)
{
    stamp_t stamp = {0};
    while (!heard_within(0))
        if (ready(side->socket, ZMQ_POLLOUT, 2))
            for (int turn = 0; turn < 16; turn++)
                stamp.seq += (unsigned)put(side->socket, "", stamp, ZMQ_DONTWAIT);
    hear("there");
    for (stamp = (stamp_t){.life = FINAL}; stamp.seq < all(side); stamp.seq++)
        put(side->socket, "", stamp, 0);
    hear("all");
}

void pull_killed(const side_t *side)
{
    unsigned count = 0, final = 0;
    while (final < all(side)) {
        stamp_t stamp;
        take(side->socket, "", &stamp, 0);
        if (stamp.life == FINAL) {
            in_turn(&stamp, &final);
            continue;
        }
        if (final)
            fail("message %u after a final one", stamp.seq);
        later(&stamp, &side->past->next[0]);
        if (++count != share(side))
            continue;
        if (side->life < side->last_life)
            die();
        tell("there");
    }
    tell("all");
}

/* ---- publish and subscribe -------------------------------------------------------------------------------------- */

static void publish_until(const side_t *side, const char *line)
{
    stamp_t stamp = {.life = side->life};
    while (!heard_within(1))
        for (int turn = 0; turn < 10; turn++, stamp.seq++) {
            put(side->socket, "no:", stamp, 0);
            put(side->socket, "yes:", stamp, 0);
        }
    hear(line);
}

void publish_killed(const side_t *side)
{
    publish_until(side, side->life < side->last_life ? "enough" : "all");
    if (side->life < side->last_life)
        die();
}

/* Without gaps from the first that comes on: the publisher has no limit that would make it drop something. */
static void in_turn_from_the_first(const stamp_t *stamp, unsigned *next, unsigned *count)
{
    if ((*count)++ == 0)
        *next = stamp->seq;
    in_turn(stamp, next);
}

/* It subscribes once, and hears each new publisher. */
void subscribe_beside_killed(const side_t *side)
{
    unsigned next[LIVES_MAX + 1] = {0}, count[LIVES_MAX + 1] = {0};
    while (count[side->last_life] < all(side)) {
        stamp_t stamp;
        take(side->socket, "yes:", &stamp, 0);
        in_turn_from_the_first(&stamp, &next[stamp.life], &count[stamp.life]);
        if (stamp.life < side->last_life && count[stamp.life] == share(side))
            tell("enough");
    }
    tell("all");
}

void publish_beside_killed(const side_t *side) { publish_until(side, "all"); }

void subscribe_killed(const side_t *side)
{
    unsigned next = 0, count = 0;
    while (count < all(side)) {
        stamp_t stamp;
        take(side->socket, "yes:", &stamp, 0);
        in_turn_from_the_first(&stamp, &next, &count);
        later(&stamp, &side->past->next[0]);
        if (side->life < side->last_life && count == share(side))
            die();
    }
    tell("all");
}

/* ---- DEALER and ROUTER ------------------------------------------------------------------------------------------ */

/* Requests of one life and their answers, which come in the order of the requests, until `count` are answered. What was asked in
 * earlier lives may be answered to this one, which has their name. */
static void ask(const side_t *side, unsigned life, unsigned count, unsigned *stale)
{
    stamp_t request = {.life = life}, answer;
    unsigned answered = 0;
    while (answered < count) {
        int may_ask = request.seq - answered < WINDOW;
        int events = ready(side->socket, ZMQ_POLLIN | (may_ask ? ZMQ_POLLOUT : 0), PATIENCE_MS);
        if (!events)
            fail("no answer to request %u of life %u", answered, life);
        if (events & ZMQ_POLLOUT)
            request.seq += (unsigned)put(side->socket, "", request, ZMQ_DONTWAIT);
        if (!(events & ZMQ_POLLIN) || !take(side->socket, "", &answer, ZMQ_DONTWAIT))
            continue;
        if (answer.life == life)
            in_turn(&answer, &answered);
        else
            later(&answer, &stale[answer.life]);
    }
}

void dealer_killed(const side_t *side)
{
    int last = side->life == side->last_life;
    ask(side, side->life, last ? all(side) : share(side), side->past->next);
    side->past->next[side->life] = share(side);
    if (!last)
        die();
    tell("all");
}

/* Answers one request, if there is one in that time; 0 if not. */
static int answer(const side_t *side, stamp_t *request, int milliseconds)
{
    char id[16];
    if (!ready(side->socket, ZMQ_POLLIN, milliseconds))
        return 0;
    int size = zmq_recv(side->socket, id, sizeof id, ZMQ_DONTWAIT);
    if (size < 0 && zmq_errno() == EAGAIN)
        return 0;
    /* The reference gives the last message of a connection that was taken over under a number. */
    if ((size != 6 || memcmp(id, "dealer", 6) != 0) && (size != 5 || id[0] != 0))
        fail("the routing id has %d bytes", size);
    take(side->socket, "", request, 0);
    stamp_t reply = *request;
    reply.by = side->life;
    require(zmq_send(side->socket, id, (size_t)size, ZMQ_SNDMORE) == size, "send the routing id");
    put(side->socket, "", reply, 0);
    return 1;
}

void router_beside_killed(const side_t *side)
{
    unsigned next[LIVES_MAX + 1] = {0};
    stamp_t request;
    while (!heard_within(0))
        for (int turn = 0; turn < 16 && answer(side, &request, 2); turn++)
            in_turn(&request, &next[request.life]);
    hear("all");
}

/* Asks on although some answers never come, until the last ROUTER answers. From then on each request is answered. */
void dealer_beside_killed(const side_t *side)
{
    unsigned waiting = 0, next[LIVES_MAX + 1] = {0};
    stamp_t request = {0}, reply = {0};
    long long silent_since = 0;
    do {
        int events = ready(side->socket, ZMQ_POLLIN | (waiting < WINDOW ? ZMQ_POLLOUT : 0), LOST_MS);
        if (events & ZMQ_POLLOUT && put(side->socket, "", request, ZMQ_DONTWAIT)) {
            request.seq++;
            waiting++;
        }
        if (events & ZMQ_POLLIN && take(side->socket, "", &reply, ZMQ_DONTWAIT)) {
            later(&reply, &next[0]);
            waiting -= waiting > 0;
            silent_since = 0;
        } else if (!events) {
            waiting = 0;
            if ((silent_since += LOST_MS) > PATIENCE_MS)
                fail("nobody answers any more");
        }
    } while (reply.by < side->last_life);
    ask(side, FINAL, all(side), next);
    tell("all");
}

void router_killed(const side_t *side)
{
    stamp_t request;
    for (unsigned count = 0; side->life < side->last_life;)
        if (answer(side, &request, PATIENCE_MS)) {
            later(&request, &side->past->next[request.life]);
            if (++count == share(side))
                die();
        } else {
            fail("no request");
        }
    while (!heard_within(0))
        for (int turn = 0; turn < 16 && answer(side, &request, 2); turn++)
            later(&request, &side->past->next[request.life]);
    hear("all");
}

/* ---- REQ, relaxed, and REP -------------------------------------------------------------------------------------- */

static long long now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* The answer to this request and to no other; 0 when none comes in that time. */
static int answered(const side_t *side, const stamp_t *request, stamp_t *reply, int milliseconds)
{
    long long until = now_ms() + milliseconds;
    do {
        /* The answer to an earlier one ends the wait, and is not given out. */
        long long left = until - now_ms();
        if (left <= 0 || !ready(side->socket, ZMQ_POLLIN, (int)left))
            return 0;
    } while (!take(side->socket, "", reply, ZMQ_DONTWAIT));
    if (reply->life != request->life || reply->seq != request->seq)
        fail("got the answer to request %u of life %u instead of %u of life %u", reply->seq, reply->life, request->seq,
             request->life);
    return 1;
}

static void ask_one_by_one(const side_t *side, unsigned life, unsigned count)
{
    stamp_t request = {.life = life}, reply;
    for (; request.seq < count; request.seq++) {
        put(side->socket, "", request, 0);
        if (!answered(side, &request, &reply, PATIENCE_MS))
            fail("no answer to request %u of life %u", request.seq, life);
    }
}

void request_killed(const side_t *side)
{
    int last = side->life == side->last_life;
    ask_one_by_one(side, side->life, last ? all(side) : share(side));
    if (!last) {
        put(side->socket, "", (stamp_t){.life = side->life, .seq = share(side)}, 0);
        die();
    }
    tell("all");
}

static void reply_to(const side_t *side, stamp_t request)
{
    request.by = side->life;
    put(side->socket, "", request, 0);
}

void reply_beside_killed(const side_t *side)
{
    unsigned next[LIVES_MAX + 1] = {0};
    stamp_t request;
    while (!heard_within(0))
        while (ready(side->socket, ZMQ_POLLIN, 2) && take(side->socket, "", &request, ZMQ_DONTWAIT)) {
            in_turn(&request, &next[request.life]);
            reply_to(side, request);
        }
    hear("all");
}

/* Gives a request up that is not answered in time, until the last REP answers. From then on each is answered. */
void request_beside_killed(const side_t *side)
{
    stamp_t request = {0}, reply = {0};
    do {
        put(side->socket, "", request, 0);
        answered(side, &request, &reply, LOST_MS);
        request.seq++;
    } while (reply.by < side->last_life);
    ask_one_by_one(side, FINAL, all(side));
    tell("all");
}

/* Dies with a request that it has not answered. */
void reply_killed(const side_t *side)
{
    stamp_t request;
    for (unsigned count = 0; side->life < side->last_life; count++) {
        take(side->socket, "", &request, 0);
        later(&request, &side->past->next[request.life]);
        if (count == share(side))
            die();
        reply_to(side, request);
    }
    while (!heard_within(0))
        while (ready(side->socket, ZMQ_POLLIN, 2) && take(side->socket, "", &request, ZMQ_DONTWAIT)) {
            later(&request, &side->past->next[request.life]);
            reply_to(side, request);
        }
    hear("all");
}
