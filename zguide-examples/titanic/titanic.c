/*  Titanic: requests that survive a crash. It stands beside a Majordomo broker, as
    a worker of three services and as a client of all others.

    titanic BROKER FOLDER HEARTBEAT-MS

    titanic.request stores a request and returns its id; titanic.reply returns the reply
    when there is one; titanic.close forgets both. This is the Titanic Service
    Protocol, https://rfc.zeromq.org/spec/9/ */

#include "../majordomo/mdp_client.h"
#include "../majordomo/mdp_worker.h"
#include "store.h"

#define ASK_AGAIN 1000 /* ms without a reply until a stored request is sent again */
#define PAUSE 100      /* ms, when no service that is needed is there */

struct waiting
{
    struct waiting *next;
    char id[ID_SIZE];
};

static struct waiting *first, **last = &first;
static int in_line;

static void wait_in_line (const char *id)
{
    struct waiting *waiting = malloc (sizeof *waiting);
    check (waiting != NULL, "malloc");
    snprintf (waiting->id, sizeof waiting->id, "%s", id);
    waiting->next = NULL;
    *last = waiting;
    last = &waiting->next;
    in_line++;
}

static void leave_line (void)
{
    struct waiting *waiting = first;
    first = waiting->next;
    if (!first)
        last = &first;
    in_line--;
    free (waiting);
}

/* ------------------------------------------------------------------ the services */

static void status (struct message *reply, const char *code)
{
    message_clear (reply);
    message_append_text (reply, code);
}

/*  The request: service, body. It is accepted when it is on the disk, not sooner. */
static void on_request (struct message *message)
{
    char id[ID_SIZE];

    if (message->count < 2) {
        status (message, "400");
        return;
    }
    store_new_id (id);
    if (store_put (id, "request", message)) {
        status (message, "500");
        return;
    }
    wait_in_line (id);
    printf ("titanic: stored %s\n", id);
    status (message, "200");
    message_append_text (message, id);
}

static void on_reply (struct message *message)
{
    char id[64];

    message_text (message, 0, id, sizeof id);
    if (!store_is_id (id))
        status (message, "400");
    else if (store_has (id, "reply")) {
        message_clear (message);
        if (store_take (id, "reply", message))
            status (message, "500");
        else
            message_insert (message, 0, "200", 3);
    } else
        status (message, store_has (id, "request") ? "300" : "400");
}

static void on_close (struct message *message)
{
    char id[64];

    message_text (message, 0, id, sizeof id);
    status (message, !store_is_id (id) ? "400" : store_remove (id) ? "500" : "200");
}

/* ----------------------------------------------------------------- the dispatcher */

/*  What is in line is asked one at a time: the protocol has no numbers by which
    several replies could be told apart. A service that is not there must not hold up
    the others, so the broker is first asked whether it is. */
static struct
{
    enum { IDLE, LOOKING_UP, ASKING } state;
    struct mdp_client client;
    char service[256];
    int64_t deadline; /* of the answer; when idle, of the next attempt */
    int skipped;      /* how many in line had no service, one after the other */
} dispatcher;

/*  Leaves the first one for later. After a round in which nobody could be served there is a pause. */
static void dispatcher_rest (void)
{
    dispatcher.state = IDLE;
    dispatcher.deadline = clock_ms ();
    if (first) {
        wait_in_line (first->id);
        leave_line ();
    }
    if (++dispatcher.skipped >= in_line) {
        dispatcher.skipped = 0;
        dispatcher.deadline += PAUSE;
    }
}

static void dispatcher_begin (void)
{
    struct message request;

    while (first && store_take (first->id, "request", &request))
        leave_line (); /* closed meanwhile */
    if (!first)
        return;
    message_text (&request, 0, dispatcher.service, sizeof dispatcher.service);
    message_clear (&request);
    message_append_text (&request, dispatcher.service);
    mdp_client_send (&dispatcher.client, "mmi.service", &request);
    dispatcher.state = LOOKING_UP;
    dispatcher.deadline = clock_ms () + ASK_AGAIN;
}

static void dispatcher_ask (void)
{
    struct message request;

    if (store_take (first->id, "request", &request)) {
        leave_line ();
        dispatcher.state = IDLE;
        dispatcher.deadline = clock_ms ();
        return;
    }
    message_remove (&request, 0);
    mdp_client_send (&dispatcher.client, dispatcher.service, &request);
    dispatcher.state = ASKING;
    dispatcher.deadline = clock_ms () + ASK_AGAIN;
}

static void dispatcher_on_answer (struct message *answer)
{
    if (dispatcher.state == LOOKING_UP) {
        if (message_is (answer, 0, "200"))
            dispatcher_ask ();
        else
            dispatcher_rest ();
    } else if (dispatcher.state == ASKING) {
        /*  Closed meanwhile: then nobody wants it. */
        if (store_has (first->id, "request")) {
            if (store_put (first->id, "reply", answer)) {
                dispatcher_rest ();
                message_clear (answer);
                return;
            }
            printf ("titanic: answered %s\n", first->id);
        }
        leave_line ();
        dispatcher.skipped = 0;
        dispatcher.state = IDLE;
        dispatcher.deadline = clock_ms ();
    }
    message_clear (answer);
}

int main (int argc, char **argv)
{
    static const char *const names[3] = {"titanic.request", "titanic.reply", "titanic.close"};
    static void (*const handlers[3]) (struct message *) = {on_request, on_reply, on_close};
    const char *broker = argument (argc, argv, 1, "tcp://127.0.0.1:5555");
    int interval = atoi (argument (argc, argv, 3, "1000"));
    struct mdp_worker services[3];
    struct message message;
    zmq_pollitem_t items[4];
    void *context;
    int i;

    stop_on_signals ();
    print_library ("titanic");
    store_open (argument (argc, argv, 2, "titanic.store"));
    store_scan (wait_in_line);
    context = zmq_ctx_new ();
    for (i = 0; i < 3; i++)
        mdp_worker_open (&services[i], context, broker, names[i], interval);
    mdp_client_open (&dispatcher.client, context, broker);
    printf ("titanic: is ready\n");

    for (;;) {
        int64_t deadline = first || dispatcher.state != IDLE ? dispatcher.deadline : -1;
        memset (items, 0, sizeof items);
        for (i = 0; i < 3; i++) {
            int64_t due = mdp_worker_deadline (&services[i]);
            items[i].socket = services[i].socket;
            items[i].events = ZMQ_POLLIN;
            if (deadline < 0 || due < deadline)
                deadline = due;
        }
        items[3].socket = dispatcher.client.socket;
        items[3].events = ZMQ_POLLIN;
        if (wait_any (items, 4, deadline) < 0)
            break;
        for (i = 0; i < 3; i++)
            while (mdp_worker_serve (&services[i], &message)) {
                handlers[i](&message);
                mdp_worker_reply (&services[i], &message);
            }
        while (mdp_client_receive (&dispatcher.client, &message) == 0)
            dispatcher_on_answer (&message);
        if (dispatcher.state == IDLE && first && clock_ms () >= dispatcher.deadline)
            dispatcher_begin ();
        else if (dispatcher.state != IDLE && clock_ms () >= dispatcher.deadline) {
            /*  Whatever may still come belongs to a socket that is no more. */
            mdp_client_connect (&dispatcher.client);
            dispatcher_rest ();
        }
    }
    for (i = 0; i < 3; i++)
        mdp_worker_close (&services[i]);
    mdp_client_close (&dispatcher.client);
    while (first)
        leave_line ();
    zmq_ctx_term (context);
    return 0;
}
