/*
 * The benchmark harness: C on zmq.h alone, so that the same binary measures whichever library LD_LIBRARY_PATH names.
 *
 *   zbench COMMAND [--name VALUE]...
 *
 * Prints one line of name=value pairs; see USAGE below and the head of each file.
 */
#define _GNU_SOURCE
#include "common.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: zbench COMMAND [--transport tcp|ipc|inproc] [--size BYTES] [--count N] [--peers N]\n"
    "                      [--pace MICROSECONDS] [--pattern NAME] [--spin] [--copy] [--curve]\n"
    "  version        the version and the file of the library in use\n"
    "  throughput     PUSH to PULL: --transport --size --count --copy --curve\n"
    "  latency        round trips: --transport --size --count --pace --pattern reqrep|pair\n"
    "  fanout         PUB to --peers SUB: --transport --size --count\n"
    "  clients        ROUTER with --peers DEALER: --transport --size --count (rounds)\n"
    "  proxy          zmq_proxy: --pattern xpub|router --transport --size --count\n"
    "  memory         --peers idle tcp connections: --pattern router|pull\n"
    "  subscriptions  --peers subscriptions, --count matching messages: --transport\n"
    "  connections    --peers tcp connections with one message each\n"
    "  poll           zmq_poll over --peers sockets, --count times\n"
    "  setup          context, socket, close, term, --count times: --pattern one|pair --transport\n"
    "  raw-pingpong   plain sockets: --transport tcp|ipc --size --count --pace --spin --pattern woken\n"
    "  raw-stream     plain writes: --transport tcp|ipc --size --count\n"
    "  raw-queue      two threads and a ring of slots: --size --count\n"
    "  raw-clients    clients with plain tcp sockets: --peers --size --count (rounds)\n"
    "  raw-connections  connections with a plain tcp server: --peers\n"
    "  raw-fanout     one writer and --peers plain tcp sockets: --size --count\n"
    "  raw-proxy      three processes and plain tcp sockets: --pattern xpub|router --size --count\n";

/* Each command with its defaults. */
static const struct {
    const char *name;
    void (*run)(const options_t *);
    options_t defaults;
} COMMANDS[] = {
    {"throughput", bench_throughput, {.transport = "tcp", .size = 64, .count = 1000000}},
    {"latency", bench_latency, {.transport = "tcp", .pattern = "reqrep", .size = 64, .count = 10000}},
    {"fanout", bench_fanout, {.transport = "tcp", .size = 100, .count = 100000, .peers = 10}},
    {"clients", bench_clients, {.transport = "tcp", .size = 100, .count = 1000, .peers = 100}},
    {"proxy", bench_proxy, {.transport = "tcp", .pattern = "xpub", .size = 100, .count = 200000}},
    {"memory", bench_memory, {.pattern = "router", .peers = 10000}},
    {"subscriptions", bench_subscriptions, {.transport = "tcp", .count = 1000000, .peers = 1000000}},
    {"connections", bench_connections, {.peers = 5000}},
    {"poll", bench_poll, {.count = 1000, .peers = 1000}},
    {"setup", bench_setup, {.transport = "inproc", .pattern = "one", .count = 1000}},
    {"raw-pingpong", raw_pingpong, {.transport = "tcp", .size = 64, .count = 10000}},
    {"raw-stream", raw_stream, {.transport = "tcp", .size = 65536, .count = 20000}},
    {"raw-queue", raw_queue, {.count = 4000000}},
    {"raw-clients", raw_clients, {.size = 100, .count = 1000, .peers = 100}},
    {"raw-connections", raw_connections, {.peers = 5000}},
    {"raw-fanout", raw_fanout, {.size = 100, .count = 1000000, .peers = 10}},
    {"raw-proxy", raw_proxy, {.pattern = "xpub", .size = 100, .count = 2000000}},
};

static long number(const char *name, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == 0 || *end != 0 || value < 0)
        fail("%s: not a number: %s", name, text);
    return value;
}

static void parse(options_t *options, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--spin") == 0) {
            options->spin = 1;
            continue;
        }
        if (strcmp(name, "--copy") == 0) {
            options->copy = 1;
            continue;
        }
        if (strcmp(name, "--curve") == 0) {
            options->curve = 1;
            continue;
        }
        const char *value = i + 1 < argc ? argv[++i] : NULL;
        if (!value)
            fail("%s: no value\n%s", name, USAGE);
        if (strcmp(name, "--transport") == 0)
            options->transport = value;
        else if (strcmp(name, "--pattern") == 0)
            options->pattern = value;
        else if (strcmp(name, "--size") == 0)
            options->size = (size_t)number(name, value);
        else if (strcmp(name, "--count") == 0)
            options->count = number(name, value);
        else if (strcmp(name, "--peers") == 0)
            options->peers = number(name, value);
        else if (strcmp(name, "--pace") == 0)
            options->pace = number(name, value);
        else
            fail("%s: not known\n%s", name, USAGE);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        fputs(USAGE, stderr);
        return 2;
    }
    if (strcmp(argv[1], "version") == 0) {
        int major, minor, patch;
        zmq_version(&major, &minor, &patch);
        printf("version=%d.%d.%d library=%s\n", major, minor, patch, loaded_library());
        return 0;
    }
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) != 0)
            continue;
        options_t options = COMMANDS[i].defaults;
        parse(&options, argc, argv);
        COMMANDS[i].run(&options);
        return 0;
    }
    fail("%s: no such command\n%s", argv[1], USAGE);
}
