/*
 * One side of an interop run.
 *
 *   peer PATTERN a|b bind|connect TRANSPORT quick|full LIBRARY MECHANISM
 *   peer patterns
 *
 * The process that binds writes the endpoint to its stdout, which is the stdin of the other one; the two pipes between them
 * carry nothing else but the few lines that synchronise publishers with subscribers. LIBRARY is the file that must have been
 * loaded as libzmq. TRANSPORT is "tcp" or the path of a socket file for ipc. MECHANISM is "null", or "plain" or "curve" and the side that is
 * the server: "curve-a".
 *
 * Status 0 if every message arrived once, in order and unchanged; otherwise 1 and the reason on stderr.
 */
#define _GNU_SOURCE
#include "patterns.h"
#include "restart.h"
#include "security.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const plan_t FULL = {.small = 20000, .multi = 2000, .rounds = 3};
static const plan_t FULL_LOCKSTEP = {.small = 4000, .multi = 1000, .rounds = 2};
static const plan_t QUICK = {.small = 3000, .multi = 300, .rounds = 1};
static const plan_t QUICK_LOCKSTEP = {.small = 400, .multi = 100, .rounds = 1};

/* The wrong library would make a run worthless: exactly one libzmq may be mapped, and it must be the given file. */
static void check_library(const char *expected)
{
    char wanted[PATH_MAX], line[PATH_MAX + 128], found[PATH_MAX] = "";
    if (!realpath(expected, wanted))
        fail("%s: no such library", expected);
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!maps)
        fail("/proc/self/maps cannot be read");
    while (fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (!path || !strstr(path, "libzmq"))
            continue;
        path[strcspn(path, "\n")] = 0;
        if (found[0] && strcmp(found, path) != 0)
            fail("two libraries are loaded: %s and %s", found, path);
        snprintf(found, sizeof found, "%s", path);
    }
    fclose(maps);
    if (strcmp(found, wanted) != 0)
        fail("loaded %s, not %s", found[0] ? found : "nothing", wanted);
}

/* The endpoint of a side that is killed is known from its first life. */
static char *endpoint_of_all_lives(const side_t *side)
{
    static char endpoint[ENDPOINT_MAX];
    return side->past ? side->past->endpoint : endpoint;
}

static void bind_and_tell(const side_t *side, const char *transport)
{
    char *endpoint = endpoint_of_all_lives(side);
    size_t size = ENDPOINT_MAX;
    if (side->life > 0) {
        if (zmq_bind(side->socket, endpoint) != 0)
            fail("bind %s again: %s", endpoint, zmq_strerror(zmq_errno()));
        return;
    }
    if (strcmp(transport, "tcp") == 0)
        snprintf(endpoint, size, "tcp://127.0.0.1:*");
    else
        snprintf(endpoint, size, "ipc://%s", transport);
    if (zmq_bind(side->socket, endpoint) != 0)
        fail("bind %s: %s", endpoint, zmq_strerror(zmq_errno()));
    require(zmq_getsockopt(side->socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
    tell(endpoint);
}

static void hear_and_connect(const side_t *side)
{
    char *endpoint = endpoint_of_all_lives(side);
    size_t at = 0;
    while (side->life == 0) {
        if (at + 1 >= ENDPOINT_MAX || read(STDIN_FILENO, endpoint + at, 1) != 1)
            fail("the binding process gave no endpoint");
        if (endpoint[at] == '\n') {
            endpoint[at] = 0;
            break;
        }
        at++;
    }
    if (zmq_connect(side->socket, endpoint) != 0)
        fail("connect %s: %s", endpoint, zmq_strerror(zmq_errno()));
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "patterns") == 0) {
        list_patterns();
        return 0;
    }
    const pattern_t *pattern = argc == 8 ? find_pattern(argv[1]) : NULL;
    if (!pattern)
        fail("usage: peer PATTERN a|b bind|connect TRANSPORT quick|full LIBRARY MECHANISM");
    signal(SIGPIPE, SIG_IGN);
    check_library(argv[6]);

    int which = argv[2][0] == 'b';
    int quick = strcmp(argv[5], "quick") == 0;
    side_t side = {
        .plan = quick ? (pattern->lockstep ? QUICK_LOCKSTEP : QUICK) : (pattern->lockstep ? FULL_LOCKSTEP : FULL),
        .type = pattern->types[which],
        .other = pattern->types[!which],
        .binding = strcmp(argv[3], "bind") == 0,
    };
    if (pattern->killed) {
        side.last_life = side.plan.rounds;
        if (pattern->killed == argv[2][0])
            live_and_die(&side);
    }
    void *context = zmq_ctx_new();
    require(context != NULL, "zmq_ctx_new");
    side.socket = zmq_socket(context, side.type);
    require(side.socket != NULL, "zmq_socket");
    prepare_socket(&side);
    begin_security(context, &side, argv[7], !which);
    if (pattern->prepare)
        pattern->prepare(&side);
    if (side.binding)
        bind_and_tell(&side, argv[4]);
    else
        hear_and_connect(&side);

    pattern->sides[which](&side);

    /* Nobody sends more than the plan: something left over is a duplicate. A side that is killed has no plan. */
    int readable = 0;
    size_t size = sizeof readable;
    require(zmq_getsockopt(side.socket, ZMQ_EVENTS, &readable, &size) == 0, "ZMQ_EVENTS");
    if (readable & ZMQ_POLLIN && !pattern->killed) {
        /* An XPUB is told when a subscriber leaves, which the other side may have done by now. */
        unsigned char first = 1;
        if (side.type == ZMQ_XPUB)
            require(zmq_recv(side.socket, &first, 1, ZMQ_DONTWAIT) >= 0, "zmq_recv");
        if (first != 0)
            fail("a message is left after the last one");
    }
    /* The default linger waits for all that was sent: what is still on its way must not be lost by leaving. */
    require(zmq_close(side.socket) == 0, "zmq_close");
    require(zmq_ctx_shutdown(context) == 0, "zmq_ctx_shutdown");
    end_security();
    require(zmq_ctx_term(context) == 0, "zmq_ctx_term");
    return 0;
}
