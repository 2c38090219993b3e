/*  Inter-broker routing: clusters that lend each other their free workers.

    broker FOLDER NAME PEER...

    Binds ipc endpoints in FOLDER: NAME-localfe for clients, NAME-localbe for
    workers (those of the load balancing broker), NAME-cloud for requests from
    peers, NAME-state for its state.

    Requests of local clients go to a local worker, or to a peer that says it has
    a free one. Requests from peers go to local workers only: none travels twice. */

#include "../load_balancer/queue.h"

#define STATE_INTERVAL 200 /* ms; also published when it changes */
#define PEERS 16

struct peer
{
    const char *name;
    int free; /* workers, as it said last, less what was sent there since */
};

enum { LOCAL_BACKEND, CLOUD_BACKEND, STATE, LOCAL_FRONTEND, CLOUD_FRONTEND, SOCKETS };

static struct peer peers[PEERS];
static int peer_count, sent_away;
static struct worker_queue workers;
static zmq_pollitem_t items[SOCKETS];

static char *endpoint_of (const char *folder, const char *name, const char *purpose)
{
    static char endpoint[256];
    snprintf (endpoint, sizeof endpoint, "ipc://%s/%s-%s", folder, name, purpose);
    return endpoint;
}

static struct peer *peer_with_room (void)
{
    struct peer *best = NULL;
    int i;
    for (i = 0; i < peer_count; i++)
        if (peers[i].free > 0 && (!best || peers[i].free > best->free))
            best = &peers[i];
    return best;
}

/*  A request that has been taken in, and which way its reply goes: "local" or "cloud". */
static struct message request;
static const char *origin;

/*  What a worker gets in front of the request comes back with the reply: there
    the origin is kept. */
static int give_to_worker (void)
{
    message_insert (&request, 0, origin, strlen (origin));
    message_insert (&request, 0, "", 0);
    while (workers.count > 0) {
        struct address worker = workers_take (&workers);
        message_insert (&request, 0, worker.bytes, worker.size);
        if (message_send (&request, items[LOCAL_BACKEND].socket) == 0)
            return 0;
        message_remove (&request, 0);
    }
    message_remove (&request, 0);
    message_remove (&request, 0);
    return -1;
}

/*  A peer's state may be known before the connection to it is ready. It says
    again that it has free workers, and is then tried again. */
static int give_to_peer (void)
{
    struct peer *peer;
    while ((peer = peer_with_room ())) {
        message_insert (&request, 0, peer->name, strlen (peer->name));
        if (message_send (&request, items[CLOUD_BACKEND].socket) == 0) {
            peer->free--;
            sent_away++;
            return 0;
        }
        message_remove (&request, 0);
        peer->free = 0;
    }
    return -1;
}

/*  Hands the request on; it stays where it is while nobody takes it. */
static void dispatch (void)
{
    if (request.count > 0 && give_to_worker () && !strcmp (origin, "local"))
        give_to_peer ();
}

/*  From a worker: id, empty, then READY, or "local" or "cloud", the way back and the reply. */
static void on_worker (struct message *message)
{
    workers_add (&workers, message);
    if (message->count > 3) {
        int cloud = message_is (message, 2, "cloud");
        message_remove (message, 0);
        message_remove (message, 0);
        message_remove (message, 0);
        message_send (message, items[cloud ? CLOUD_FRONTEND : LOCAL_FRONTEND].socket);
    }
    message_clear (message);
}

/*  A reply from a peer: its name, then the client's envelope. */
static void on_peer_reply (struct message *message)
{
    message_remove (message, 0);
    message_send (message, items[LOCAL_FRONTEND].socket);
    message_clear (message);
}

static void on_state (struct message *message)
{
    char text[16];
    int i;
    for (i = 0; i < peer_count; i++)
        if (message_is (message, 0, peers[i].name))
            peers[i].free = atoi (message_text (message, 1, text, sizeof text));
    message_clear (message);
}

int main (int argc, char **argv)
{
    static const int types[SOCKETS] = {ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_SUB, ZMQ_ROUTER, ZMQ_ROUTER};
    const char *folder = argument (argc, argv, 1, "/tmp");
    const char *name = argument (argc, argv, 2, "one");
    void *context, *publisher;
    int i, published = -1;
    int64_t publish_at = 0;

    stop_on_signals ();
    print_library ("broker");
    context = zmq_ctx_new ();
    memset (items, 0, sizeof items);
    for (i = 0; i < SOCKETS; i++) {
        items[i].socket = open_socket (context, types[i]);
        items[i].events = ZMQ_POLLIN;
        set_option (items[i].socket, ZMQ_LINGER, 0);
    }
    publisher = open_socket (context, ZMQ_PUB);
    set_option (publisher, ZMQ_LINGER, 0);
    set_option (items[LOCAL_BACKEND].socket, ZMQ_ROUTER_MANDATORY, 1);
    set_option (items[CLOUD_BACKEND].socket, ZMQ_ROUTER_MANDATORY, 1);
    /*  Brokers know each other by name. */
    for (i = CLOUD_BACKEND; i <= CLOUD_FRONTEND; i += CLOUD_FRONTEND - CLOUD_BACKEND)
        check (zmq_setsockopt (items[i].socket, ZMQ_ROUTING_ID, name, strlen (name)) == 0, "ZMQ_ROUTING_ID");
    check (zmq_setsockopt (items[STATE].socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");

    bind_socket (items[LOCAL_FRONTEND].socket, endpoint_of (folder, name, "localfe"), "broker");
    bind_socket (items[LOCAL_BACKEND].socket, endpoint_of (folder, name, "localbe"), "broker");
    bind_socket (items[CLOUD_FRONTEND].socket, endpoint_of (folder, name, "cloud"), "broker");
    bind_socket (publisher, endpoint_of (folder, name, "state"), "broker");
    for (i = 3; i < argc && peer_count < PEERS; i++) {
        peers[peer_count++].name = argv[i];
        check (zmq_connect (items[CLOUD_BACKEND].socket, endpoint_of (folder, argv[i], "cloud")) == 0, "zmq_connect");
        check (zmq_connect (items[STATE].socket, endpoint_of (folder, argv[i], "state")) == 0, "zmq_connect");
    }

    for (;;) {
        /*  Requests are taken in only when somebody can do them: from peers
            for a local worker, from clients also for a worker of a peer. */
        int watched = request.count > 0    ? LOCAL_FRONTEND
                      : workers.count > 0  ? SOCKETS
                      : peer_with_room ()  ? LOCAL_FRONTEND + 1
                                           : LOCAL_FRONTEND;
        struct message message;
        char text[16];

        if (wait_any (items, watched, publish_at) < 0)
            break;
        for (i = watched; i < SOCKETS; i++)
            items[i].revents = 0;
        if (items[LOCAL_BACKEND].revents && message_receive (&message, items[LOCAL_BACKEND].socket) == 0)
            on_worker (&message);
        if (items[CLOUD_BACKEND].revents && message_receive (&message, items[CLOUD_BACKEND].socket) == 0)
            on_peer_reply (&message);
        if (items[STATE].revents && message_receive (&message, items[STATE].socket) == 0)
            on_state (&message);
        dispatch ();
        for (i = CLOUD_FRONTEND; i >= LOCAL_FRONTEND; i--)
            if (items[i].revents && request.count == 0 && (workers.count > 0 || (i == LOCAL_FRONTEND && peer_with_room ()))
                && message_receive_from_client (&request, items[i].socket) == 0) {
                origin = i == LOCAL_FRONTEND ? "local" : "cloud";
                dispatch ();
            }
        /*  Again at intervals: a peer that joins later wants to know, too. */
        if (workers.count != published || clock_ms () >= publish_at) {
            published = workers.count;
            publish_at = clock_ms () + STATE_INTERVAL;
            sprintf (text, "%d", published);
            send_text (publisher, name, ZMQ_SNDMORE);
            send_text (publisher, text, 0);
        }
    }
    printf ("broker: %s: %d sent to peers\n", name, sent_away);
    message_clear (&request);
    for (i = 0; i < SOCKETS; i++)
        zmq_close (items[i].socket);
    zmq_close (publisher);
    zmq_ctx_term (context);
    return 0;
}
