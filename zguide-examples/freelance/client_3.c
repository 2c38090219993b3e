/*  Freelance, model three, a client of the Freelance Protocol, https://rfc.zeromq.org/spec/10/

    client_3 NAME REQUESTS TIMEOUT-MS PING-MS SERVER...

    It pings all servers, so it knows who is there. A request goes to one of them,
    and to another when that one falls silent. The control frame carries the number. */

#include "example.h"

#define SERVERS 16
#define LIVENESS 3 /* intervals without a sign of life: the server is gone */
#define PATIENCE 5 /* intervals without a reply: it has died and come back between two pings */

struct server
{
    const char *endpoint;
    int64_t expires; /* 0: has not been heard of */
};

static struct server servers[SERVERS];
static int count;
static void *router;

static int alive (const struct server *server)
{
    return server->expires > clock_ms ();
}

static int send_to (const struct server *server, const char *control, const char *body)
{
    struct message message;
    int result;

    message_init (&message);
    message_append_text (&message, server->endpoint);
    message_append_text (&message, control);
    if (body)
        message_append_text (&message, body);
    result = message_send (&message, router);
    message_clear (&message);
    return result;
}

/*  The first one that is there. */
static struct server *choose (void)
{
    int i;
    for (i = 0; i < count; i++)
        if (alive (&servers[i]))
            return &servers[i];
    return NULL;
}

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 1, "client");
    int requests = atoi (argument (argc, argv, 2, "100"));
    int timeout = atoi (argument (argc, argv, 3, "5000"));
    int interval = atoi (argument (argc, argv, 4, "1000"));
    int64_t ping_at = 0;
    int number, i, late = 0, status = 0;
    void *context;

    stop_on_signals ();
    print_library ("client_3");
    context = zmq_ctx_new ();
    router = open_socket (context, ZMQ_ROUTER);
    set_option (router, ZMQ_LINGER, 0);
    set_option (router, ZMQ_ROUTER_MANDATORY, 1);
    /*  What waits for a dead server is of no use when it comes back. */
    set_option (router, ZMQ_SNDHWM, 4);
    for (i = 5; i < argc && count < SERVERS; i++) {
        servers[count++].endpoint = argv[i];
        /*  So that it can be addressed before it has said anything. */
        check (zmq_setsockopt (router, ZMQ_CONNECT_ROUTING_ID, argv[i], strlen (argv[i])) == 0, "ZMQ_CONNECT_ROUTING_ID");
        check (zmq_connect (router, argv[i]) == 0, "zmq_connect");
    }

    for (number = 1; number <= requests; number++) {
        int64_t deadline = clock_ms () + timeout;
        struct server *asked = NULL;
        int64_t asked_at = 0;
        char request[96], sequence[32], text[96];
        int answered = 0;

        sprintf (request, "%.32s %d", name, number);
        sprintf (sequence, "%d", number);
        while (!answered && clock_ms () < deadline) {
            struct message reply;
            int ready;

            if (clock_ms () >= ping_at) {
                for (i = 0; i < count; i++)
                    send_to (&servers[i], "PING", NULL);
                ping_at = clock_ms () + interval;
            }
            if (asked && (!alive (asked) || clock_ms () > asked_at + PATIENCE * (int64_t) interval)) {
                printf ("client: no reply to %d from %s\n", number, asked->endpoint);
                asked = NULL;
            }
            if (!asked && (asked = choose ())) {
                printf ("client: asks %d\n", number);
                asked_at = clock_ms ();
                if (send_to (asked, sequence, request)) {
                    asked->expires = 0;
                    asked = NULL;
                    continue;
                }
            }
            ready = wait_readable (router, ping_at < deadline ? ping_at : deadline);
            if (ready < 0)
                goto end;
            if (!ready || message_receive (&reply, router))
                continue;
            /*  Whatever comes from a server shows that it is there. */
            for (i = 0; i < count; i++)
                if (message_is (&reply, 0, servers[i].endpoint))
                    servers[i].expires = clock_ms () + LIVENESS * interval;
            if (reply.count >= 3 && message_is (&reply, 1, sequence)) {
                answered = 1;
                message_text (&reply, 2, text, sizeof text);
                printf (strcmp (text, request) ? "client: strange reply to %d: %s\n" : "client: reply %d: %s\n", number, text);
            } else if (reply.count >= 3)
                late++;
            message_clear (&reply);
        }
        if (!answered) {
            printf ("client: gives up at %d\n", number);
            status = 1;
            break;
        }
    }
end:
    printf ("client: dropped %d late replies\n", late);
    zmq_close (router);
    zmq_ctx_term (context);
    return status;
}
