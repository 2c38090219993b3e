/*  Clone, a server: keeps the hashmap that all clients share.

    server single BASE INTERVAL-MS
    server primary|backup BASE PEER-BASE INTERVAL-MS     one of a Binary Star

    Whoever joins asks for a snapshot, and takes the updates from there on. Of a pair
    the active one serves; the passive one takes a snapshot as a client
    does, follows the updates, and keeps what clients have sent until it has seen it published. */

#include "../binary_star/bstar.h"
#include "chp.h"

enum { PEER_STATE, PEER_UPDATES, PEER_SNAPSHOT, COLLECTOR, SNAPSHOT, SOCKETS };

static zmq_pollitem_t items[SOCKETS];
static void *context, *publisher, *state;
static struct bstar bstar;
static struct chp_map map;
static uint64_t sequence;
static int single, interval;
static const char *peer_base;

/* ------------------------------------------------- what the passive one remembers */

/*  What clients have sent and nobody has published yet, the oldest first. */
static struct chp_entry *pending;

/*  What was published before it came from the client: the two take different ways. */
#define PUBLISHED 4096
static unsigned char published[PUBLISHED][CHP_UUID];
static int published_next;

/*  A passive server first loads a snapshot. Until its map is complete it cannot take over. */
static enum { WAITING, ASKED, LOADING, LOADED } loading;
static int64_t asked_at;
static int complete = 1;

/*  Takes out the pending entry with this UUID, and the older ones with its key: what
    is older has been published, too, or its client will send it again. Returns 0 when
    there is none. */
static int pending_done (struct chp_entry *published_entry)
{
    struct chp_entry **link = &pending, *end;

    for (end = pending; end; end = end->next)
        if (end->has_uuid && !memcmp (end->uuid, published_entry->uuid, CHP_UUID))
            break;
    if (!end)
        return 0;
    end = end->next;
    while (*link != end) {
        struct chp_entry *entry = *link;
        if (!strcmp (entry->key, published_entry->key)) {
            *link = entry->next;
            chp_entry_free (entry);
        } else
            link = &entry->next;
    }
    return 1;
}

static void remember_published (struct chp_entry *entry)
{
    if (entry->has_uuid && !pending_done (entry))
        memcpy (published[published_next++ % PUBLISHED], entry->uuid, CHP_UUID);
}

static void remember_sent (struct chp_entry *entry)
{
    struct chp_entry **link = &pending;
    int i;

    /*  Sent again: once is enough. */
    for (; *link; link = &(*link)->next)
        if (entry->has_uuid && !memcmp ((*link)->uuid, entry->uuid, CHP_UUID)) {
            chp_entry_free (entry);
            return;
        }
    entry->next = NULL;
    *link = entry;
    for (i = 0; entry->has_uuid && i < PUBLISHED; i++)
        if (!memcmp (published[i], entry->uuid, CHP_UUID)) {
            memset (published[i], 0, CHP_UUID);
            pending_done (entry);
            return;
        }
}

static void forget_pending (void)
{
    while (pending) {
        struct chp_entry *entry = pending;
        pending = entry->next;
        chp_entry_free (entry);
    }
}

/* ---------------------------------------------------------------- being active */

static void publish (struct message *message)
{
    message_send (message, publisher);
    message_clear (message);
}

/*  Makes a change: gives it a number, publishes and keeps it. */
static void change (struct chp_entry *entry)
{
    struct message message;

    entry->sequence = ++sequence;
    message_init (&message);
    chp_write_entry (&message, entry);
    publish (&message);
    chp_store (&map, entry);
}

static void expire (void)
{
    int i;
    for (i = 0; i < CHP_BUCKETS; i++) {
        struct chp_entry *entry = map.buckets[i], *next;
        for (; entry; entry = next) {
            next = entry->next;
            if (entry->expires && clock_ms () >= entry->expires) {
                struct message message;
                message_init (&message);
                chp_write (&message, entry->key, ++sequence, NULL, "", "", 0);
                publish (&message);
                chp_delete (&map, entry->key);
            }
        }
    }
}

static int64_t next_expiry (int64_t deadline)
{
    int i;
    for (i = 0; i < CHP_BUCKETS; i++) {
        struct chp_entry *entry;
        for (entry = map.buckets[i]; entry; entry = entry->next)
            if (entry->expires && entry->expires < deadline)
                deadline = entry->expires;
    }
    return deadline;
}

static int active (void)
{
    return single || bstar.state == BSTAR_ACTIVE;
}

/*  Client's id, ICANHAZ?, subtree. */
static void on_snapshot (struct message *request)
{
    struct message reply;
    char subtree[CHP_KEY];
    size_t length;
    int i;

    if (request->count == 3 && message_is (request, 1, "ICANHAZ?")) {
        length = strlen (message_text (request, 2, subtree, sizeof subtree));
        for (i = 0; i < CHP_BUCKETS; i++) {
            struct chp_entry *entry;
            for (entry = map.buckets[i]; entry; entry = entry->next)
                if (!strncmp (entry->key, subtree, length)) {
                    message_init (&reply);
                    message_append (&reply, message_data (request, 0), message_size (request, 0));
                    /*  With its properties: a backup has to know what is ephemeral. */
                    chp_write (&reply, entry->key, entry->sequence, NULL, entry->properties, entry->value, entry->size);
                    message_send (&reply, items[SNAPSHOT].socket);
                    message_clear (&reply);
                }
        }
        message_init (&reply);
        message_append (&reply, message_data (request, 0), message_size (request, 0));
        chp_write (&reply, "KTHXBAI", sequence, NULL, "", subtree, length);
        message_send (&reply, items[SNAPSHOT].socket);
        message_clear (&reply);
    }
    message_clear (request);
}

/* ---------------------------------------------------------------- being passive */

static void open_peer (void)
{
    items[PEER_UPDATES].socket = open_socket (context, ZMQ_SUB);
    items[PEER_SNAPSHOT].socket = open_socket (context, ZMQ_DEALER);
    set_option (items[PEER_UPDATES].socket, ZMQ_RCVHWM, 0);
    set_option (items[PEER_SNAPSHOT].socket, ZMQ_RCVHWM, 0);
    set_option (items[PEER_SNAPSHOT].socket, ZMQ_LINGER, 0);
    check (zmq_setsockopt (items[PEER_UPDATES].socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    chp_connect (items[PEER_UPDATES].socket, peer_base, CHP_PUBLISHER);
    chp_connect (items[PEER_SNAPSHOT].socket, peer_base, CHP_SNAPSHOT);
}

/*  Begins to load. The updates that come meanwhile wait in their socket. The first of
    them, an update or a HUGZ, shows that the subscription has arrived: what is asked for
    after that has no gap. */
static void load (void)
{
    zmq_close (items[PEER_UPDATES].socket);
    zmq_close (items[PEER_SNAPSHOT].socket);
    open_peer ();
    loading = WAITING;
}

static void ask_for_snapshot (void)
{
    struct message request;
    message_init (&request);
    message_append_text (&request, "ICANHAZ?");
    message_append_text (&request, "");
    message_send (&request, items[PEER_SNAPSHOT].socket);
    message_clear (&request);
    loading = ASKED;
    asked_at = clock_ms ();
}

static void on_peer_snapshot (struct message *message)
{
    /*  What it had is kept until there is something better. */
    if (loading == ASKED) {
        chp_clear (&map);
        complete = 0;
        loading = LOADING;
    }
    if (chp_valid (message)) {
        if (message_is (message, 0, "KTHXBAI")) {
            sequence = chp_sequence (message);
            loading = LOADED;
            complete = 1;
            /*  From before: it is in the snapshot, or will be published, or sent again. */
            forget_pending ();
            printf ("server: has a snapshot of %d entries\n", map.count);
        } else
            chp_store (&map, chp_read (message));
    }
    message_clear (message);
}

static void on_peer_update (struct message *message)
{
    if (chp_valid (message) && !message_is (message, 0, "HUGZ") && chp_sequence (message) > sequence) {
        struct chp_entry *entry = chp_read (message);
        sequence = entry->sequence;
        remember_published (entry);
        chp_store (&map, entry);
    }
    message_clear (message);
}

static void become_active (void)
{
    printf ("server: takes over with %d entries\n", map.count);
    while (pending) {
        struct chp_entry *entry = pending;
        pending = entry->next;
        change (entry);
    }
}

/* ------------------------------------------------------------------------- both */

static void open_sockets (const char *base)
{
    static const int types[SOCKETS] = {ZMQ_SUB, ZMQ_SUB, ZMQ_DEALER, ZMQ_SUB, ZMQ_ROUTER};
    int i;

    for (i = 0; i < SOCKETS; i++) {
        items[i].events = ZMQ_POLLIN;
        if (i != PEER_UPDATES && i != PEER_SNAPSHOT)
            items[i].socket = open_socket (context, types[i]);
    }
    publisher = open_socket (context, ZMQ_PUB);
    state = open_socket (context, ZMQ_PUB);
    set_option (publisher, ZMQ_LINGER, 500);
    set_option (state, ZMQ_LINGER, 0);
    set_option (items[SNAPSHOT].socket, ZMQ_LINGER, 500);
    /*  A ROUTER drops what does not fit: a snapshot has to fit as a whole. */
    set_option (items[SNAPSHOT].socket, ZMQ_SNDHWM, 0);
    /*  A client that is so far behind loses updates: see the README. */
    set_option (publisher, ZMQ_SNDHWM, 100000);
    set_option (items[COLLECTOR].socket, ZMQ_RCVHWM, 100000);
    check (zmq_setsockopt (items[COLLECTOR].socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_setsockopt (items[PEER_STATE].socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    chp_bind (items[SNAPSHOT].socket, base, CHP_SNAPSHOT);
    chp_bind (publisher, base, CHP_PUBLISHER);
    chp_bind (items[COLLECTOR].socket, base, CHP_COLLECTOR);
    if (!single) {
        chp_bind (state, base, CHP_STATE);
        chp_connect (items[PEER_STATE].socket, peer_base, CHP_STATE);
        open_peer ();
    }
}

int main (int argc, char **argv)
{
    const char *role = argument (argc, argv, 1, "single"), *base = argument (argc, argv, 2, "tcp://127.0.0.1:5556");
    enum bstar_state was;
    int64_t say_at = 0, split_at = 0;
    int i, first;

    stop_on_signals ();
    print_library ("server");
    single = !strcmp (role, "single");
    peer_base = argument (argc, argv, 3, "");
    interval = atoi (argument (argc, argv, single ? 3 : 4, "1000"));
    context = zmq_ctx_new ();
    open_sockets (base);
    first = single ? COLLECTOR : 0;
    if (!single)
        bstar_init (&bstar, !strcmp (role, "primary"), interval);
    was = bstar.state;
    printf ("server: is ready\n");

    while (wait_any (items + first, SOCKETS - first, active () ? next_expiry (say_at) : say_at) >= 0) {
        struct message message;
        char text[96];

        if (!single) {
            bstar.incomplete = !complete;
            bstar_woke_up (&bstar);
            while (message_receive (&message, items[PEER_STATE].socket) == 0) {
                bstar_on_peer (&bstar, message_text (&message, 0, text, sizeof text));
                message_clear (&message);
            }
        }
        /*  A snapshot that is asked for is a client's vote. */
        if (items[SNAPSHOT].revents && message_receive (&message, items[SNAPSHOT].socket) == 0) {
            if (single || (complete && bstar_on_client (&bstar)))
                on_snapshot (&message);
            message_clear (&message);
        }
        if (!single && bstar.state != was) {
            if (bstar.state == BSTAR_PASSIVE) {
                complete = complete && was == BSTAR_ACTIVE;
                load ();
            }
            if (bstar.state == BSTAR_ACTIVE) {
                complete = 1;
                become_active ();
            }
            was = bstar.state;
        }
        if (!single && bstar.state == BSTAR_PASSIVE) {
            if (loading == WAITING && wait_readable (items[PEER_UPDATES].socket, 0) == 1)
                ask_for_snapshot ();
            while ((loading == ASKED || loading == LOADING) && message_receive (&message, items[PEER_SNAPSHOT].socket) == 0)
                on_peer_snapshot (&message);
            while (loading == LOADED && message_receive (&message, items[PEER_UPDATES].socket) == 0)
                on_peer_update (&message);
            if (loading != LOADED && loading != WAITING && clock_ms () > asked_at + 10 * (int64_t) interval)
                load ();
        }
        while (message_receive (&message, items[COLLECTOR].socket) == 0) {
            if (chp_valid (&message)) {
                struct chp_entry *entry = chp_read (&message);
                if (active ())
                    change (entry);
                else
                    remember_sent (entry);
            }
            message_clear (&message);
        }
        if (active ())
            expire ();
        if (clock_ms () >= say_at) {
            message_init (&message);
            if (active ()) {
                chp_write (&message, "HUGZ", 0, NULL, "", "", 0);
                publish (&message);
            }
            if (!single) {
                bstar.incomplete = !complete;
                bstar_say (&bstar, text);
                send_text (state, text, 0);
            }
            say_at = clock_ms () + interval;
        }
        /*  The peer is of interest to a passive server only, and its updates not
            while they wait for the snapshot. */
        items[PEER_SNAPSHOT].events = items[PEER_UPDATES].events = 0;
        if (!single && bstar.state == BSTAR_PASSIVE)
            items[loading == WAITING || loading == LOADED ? PEER_UPDATES : PEER_SNAPSHOT].events = ZMQ_POLLIN;
        /*  It ends when the other one has had time to hear it, too. */
        if (!single && bstar.state == BSTAR_SPLIT) {
            split_at = split_at ? split_at : clock_ms ();
            if (clock_ms () >= split_at + 4 * BSTAR_LIVENESS * (int64_t) interval)
                break;
        }
    }
    printf ("server: %d entries\n", map.count);
    chp_clear (&map);
    forget_pending ();
    for (i = 0; i < SOCKETS; i++)
        if (items[i].socket)
            zmq_close (items[i].socket);
    zmq_close (publisher);
    zmq_close (state);
    zmq_ctx_term (context);
    return !single && bstar.state == BSTAR_SPLIT ? BSTAR_SPLIT_STATUS : 0;
}
