/*  Paranoid Pirate, the broker: the load balancing broker, with heartbeats.

    broker FRONTEND BACKEND HEARTBEAT-MS */

#include "../load_balancer/queue.h"
#include "ppp.h"

struct worker
{
    struct address address;
    int64_t expires;
    int busy;
    struct address client; /* for whom it works */
    int64_t free_since;
};

static struct worker workers[WORKERS];
static int count;
static int64_t interval, turn;

static struct worker *find (struct message *message)
{
    int i;
    for (i = 0; i < count; i++)
        if (message_equals (message, 0, workers[i].address.bytes, workers[i].address.size))
            return &workers[i];
    return NULL;
}

static void forget (struct worker *worker)
{
    *worker = workers[--count];
}

static struct worker *longest_free (void)
{
    struct worker *best = NULL;
    int i;
    for (i = 0; i < count; i++)
        if (!workers[i].busy && (!best || workers[i].free_since < best->free_since))
            best = &workers[i];
    return best;
}

/*  From a worker: its id, then a command of one byte, or a client's id, empty, and the reply. */
static void on_worker (struct message *message, void *frontend)
{
    struct worker *worker = find (message);

    if (message->count == 2 && message_is (message, 1, PPP_READY)) {
        if (!worker && count < WORKERS) {
            worker = &workers[count++];
            worker->address = address_of (message, 0);
            printf ("broker: a worker has joined, %d now\n", count);
        }
        if (worker) {
            worker->busy = 0;
            worker->free_since = turn++;
        }
    } else if (worker && worker->busy && message->count > 3
               && message_equals (message, 1, worker->client.bytes, worker->client.size)) {
        /*  Only from a worker that was given the request. One that was given up may
            be late; and after a restart of the broker, its id for a client may
            by now be that of another. */
        worker->busy = 0;
        worker->free_since = turn++;
        message_remove (message, 0);
        message_send (message, frontend);
    }
    if (worker)
        worker->expires = clock_ms () + PPP_LIVENESS * interval;
    message_clear (message);
}

/*  From a client: its id, empty, the request. */
static void on_client (struct message *message, void *backend)
{
    struct worker *worker;
    /*  What is no request is not given to a worker, which would not answer it. */
    if (message->count < 3 || !message_is (message, 1, ""))
        message_clear (message);
    while (message->count > 0 && (worker = longest_free ())) {
        worker->client = address_of (message, 0);
        message_insert (message, 0, worker->address.bytes, worker->address.size);
        if (message_send (message, backend) == 0) {
            worker->busy = 1;
            return;
        }
        message_remove (message, 0);
        forget (worker);
        printf ("broker: a worker cannot be reached, %d left\n", count);
    }
    if (message->count > 0)
        printf ("broker: a request is lost, every worker is gone\n");
    message_clear (message);
}

/*  `late` is how much later than planned it is: a broker that was itself stopped
    for a while must not blame the workers for it. */
static void heartbeat (void *backend, int64_t late)
{
    int i;
    for (i = 0; i < count && late > interval; i++)
        workers[i].expires += late;
    for (i = 0; i < count; i++) {
        struct message beat;
        if (clock_ms () >= workers[i].expires) {
            forget (&workers[i--]);
            printf ("broker: a worker is silent, %d left\n", count);
            continue;
        }
        message_init (&beat);
        message_append (&beat, workers[i].address.bytes, workers[i].address.size);
        message_append_text (&beat, PPP_HEARTBEAT);
        message_send (&beat, backend);
        message_clear (&beat);
    }
}

int main (int argc, char **argv)
{
    void *context, *frontend, *backend;
    zmq_pollitem_t items[2];
    int64_t beat_at;

    stop_on_signals ();
    print_library ("broker");
    interval = atoi (argument (argc, argv, 3, "1000"));
    context = zmq_ctx_new ();
    frontend = open_socket (context, ZMQ_ROUTER);
    backend = open_socket (context, ZMQ_ROUTER);
    set_option (backend, ZMQ_ROUTER_MANDATORY, 1);
    set_option (backend, ZMQ_LINGER, 0);
    set_option (frontend, ZMQ_LINGER, 1000);
    bind_socket (frontend, argument (argc, argv, 1, "tcp://127.0.0.1:5672"), "broker frontend");
    bind_socket (backend, argument (argc, argv, 2, "tcp://127.0.0.1:5673"), "broker backend");

    memset (items, 0, sizeof items);
    items[0].socket = backend;
    items[1].socket = frontend;
    items[0].events = items[1].events = ZMQ_POLLIN;
    beat_at = clock_ms () + interval;
    for (;;) {
        struct message message;

        items[1].revents = 0;
        if (wait_any (items, longest_free () ? 2 : 1, beat_at) < 0)
            break;
        if (items[0].revents && message_receive (&message, backend) == 0)
            on_worker (&message, frontend);
        if (items[1].revents && message_receive_from_client (&message, frontend) == 0)
            on_client (&message, backend);
        if (clock_ms () >= beat_at) {
            heartbeat (backend, clock_ms () - beat_at);
            beat_at = clock_ms () + interval;
        }
    }
    zmq_close (frontend);
    zmq_close (backend);
    zmq_ctx_term (context);
    return 0;
}
