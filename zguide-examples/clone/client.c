/*  Clone, a client: has a copy of the hashmap, or of a subtree, and changes it.

    client NAME SUBTREE SETS PACE-MS TTL-S INTERVAL-MS SERVER...

    Makes so many changes, one at each PACE, to ten keys of its own; with a TTL the
    values disappear by themselves. Then it follows until it is asked to end, and prints what it has.

    A change is done when it comes back from the server. Until then it is sent again. */

#include "chp.h"

#define KEYS 10
#define RESEND 5 /* intervals */

static zmq_pollitem_t items[4];
enum { UPDATES, SNAPSHOT, EVENTS, PUBLISHER, SOCKETS };

static enum { WAITING, ASKED, FOLLOWING } state;
static void *context;
static const char *subtree;
static char **servers;
static int server_count, current, interval, monitors;
static int64_t connected_at, vote_at, heard_at;
static uint64_t sequence;
static struct chp_map map, outstanding;

static void disconnect (void)
{
    int i;
    if (items[UPDATES].socket)
        zmq_socket_monitor (items[UPDATES].socket, NULL, 0);
    for (i = UPDATES; i <= EVENTS; i++)
        if (items[i].socket)
            zmq_close (items[i].socket);
}

static void open_snapshot (void)
{
    items[SNAPSHOT].socket = open_socket (context, ZMQ_DEALER);
    set_option (items[SNAPSHOT].socket, ZMQ_LINGER, 0);
    set_option (items[SNAPSHOT].socket, ZMQ_RCVHWM, 0);
    chp_connect (items[SNAPSHOT].socket, servers[current], CHP_SNAPSHOT);
}

/*  Begins anew, with the server that is the current one. The first message on the
    subscription shows that it has arrived; only then the snapshot is asked for. */
static void connect_client (void)
{
    char monitor[64];

    disconnect ();
    items[UPDATES].socket = open_socket (context, ZMQ_SUB);
    set_option (items[UPDATES].socket, ZMQ_RCVHWM, 0);
    check (zmq_setsockopt (items[UPDATES].socket, ZMQ_SUBSCRIBE, subtree, strlen (subtree)) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_setsockopt (items[UPDATES].socket, ZMQ_SUBSCRIBE, "HUGZ", 4) == 0, "ZMQ_SUBSCRIBE");
    /*  A subscription that was interrupted has missed something: one has to know. */
    sprintf (monitor, "inproc://monitor-%d", ++monitors);
    check (zmq_socket_monitor (items[UPDATES].socket, monitor, ZMQ_EVENT_DISCONNECTED) == 0, "zmq_socket_monitor");
    items[EVENTS].socket = open_socket (context, ZMQ_PAIR);
    check (zmq_connect (items[EVENTS].socket, monitor) == 0, "zmq_connect");
    chp_connect (items[UPDATES].socket, servers[current], CHP_PUBLISHER);
    open_snapshot ();
    state = WAITING;
    connected_at = heard_at = clock_ms ();
    vote_at = connected_at + 2 * interval;
}

static void ask_for_snapshot (void)
{
    struct message request;
    message_init (&request);
    message_append_text (&request, "ICANHAZ?");
    message_append_text (&request, subtree);
    message_send (&request, items[SNAPSHOT].socket);
    message_clear (&request);
}

static void show (struct chp_entry *entry)
{
    if (entry->size)
        printf ("client: %s=%.*s\n", entry->key, (int) entry->size, (char *) entry->value);
    else
        printf ("client: %s is gone\n", entry->key);
}

static void on_snapshot (struct message *message)
{
    if (state == ASKED && chp_valid (message)) {
        if (message_is (message, 0, "KTHXBAI")) {
            sequence = chp_sequence (message);
            state = FOLLOWING;
            printf ("client: in sync with %s, %d entries\n", servers[current], map.count);
        } else {
            struct chp_entry *entry = chp_read (message);
            show (entry);
            chp_store (&map, entry);
        }
    }
    message_clear (message);
}

static void on_update (struct message *message)
{
    if (chp_valid (message) && !message_is (message, 0, "HUGZ") && chp_sequence (message) > sequence) {
        struct chp_entry *entry = chp_read (message), *mine = *chp_find (&outstanding, entry->key);
        sequence = entry->sequence;
        if (mine && entry->has_uuid && !memcmp (mine->uuid, entry->uuid, CHP_UUID))
            chp_delete (&outstanding, entry->key);
        show (entry);
        chp_store (&map, entry);
    }
    message_clear (message);
}

static void send_entry (struct chp_entry *entry)
{
    struct message message;
    message_init (&message);
    chp_write_entry (&message, entry);
    message_send (&message, items[PUBLISHER].socket);
    message_clear (&message);
    entry->sent_at = clock_ms ();
}

/*  A newer change to a key takes the place of one that is still outstanding. */
static void set (const char *key, const char *value, int ttl)
{
    struct chp_entry *entry = calloc (1, sizeof *entry);

    check (entry != NULL && (entry->value = malloc (strlen (value) + 1)) != NULL, "malloc");
    snprintf (entry->key, sizeof entry->key, "%s", key);
    entry->size = strlen (value);
    memcpy (entry->value, value, entry->size);
    if (ttl)
        sprintf (entry->properties, "ttl=%d\n", ttl);
    chp_new_uuid (entry->uuid);
    entry->has_uuid = 1;
    send_entry (entry);
    chp_store (&outstanding, entry);
}

static void send_again (void)
{
    int i;
    for (i = 0; i < CHP_BUCKETS; i++) {
        struct chp_entry *entry;
        for (entry = outstanding.buckets[i]; entry; entry = entry->next)
            if (clock_ms () > entry->sent_at + RESEND * (int64_t) interval) {
                printf ("client: sends %s again\n", entry->key);
                send_entry (entry);
            }
    }
}

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 1, "client");
    int sets = atoi (argument (argc, argv, 3, "100"));
    int pace = atoi (argument (argc, argv, 4, "10"));
    int ttl = atoi (argument (argc, argv, 5, "0"));
    int done = 0, finished = 0, subscribed = 0, i;
    int64_t set_at, looked_at;

    stop_on_signals ();
    print_library ("client");
    if (argc < 8) {
        fprintf (stderr, "usage: client NAME SUBTREE SETS PACE-MS TTL-S INTERVAL-MS SERVER...\n");
        return 2;
    }
    subtree = argv[2];
    interval = atoi (argv[6]);
    servers = argv + 7;
    server_count = argc - 7;
    context = zmq_ctx_new ();
    /*  As good as a PUB on the wire, and it tells when a server has subscribed. */
    items[PUBLISHER].socket = open_socket (context, ZMQ_XPUB);
    set_option (items[PUBLISHER].socket, ZMQ_XPUB_VERBOSE, 1);
    set_option (items[PUBLISHER].socket, ZMQ_LINGER, 500);
    for (i = 0; i < server_count; i++)
        chp_connect (items[PUBLISHER].socket, servers[i], CHP_COLLECTOR);
    for (i = 0; i < SOCKETS; i++)
        items[i].events = ZMQ_POLLIN;
    connect_client ();
    set_at = looked_at = clock_ms ();

    for (;;) {
        struct message message;
        char key[CHP_KEY], value[64];
        int64_t now = clock_ms ();
        int busy = done < sets && state == FOLLOWING && (subscribed >= server_count || now > set_at + 20 * (int64_t) interval);

        items[UPDATES].events = state == ASKED ? 0 : ZMQ_POLLIN;
        if (wait_any (items, SOCKETS, busy ? set_at : now + interval / 2) < 0)
            break;
        now = clock_ms ();
        while (message_receive (&message, items[PUBLISHER].socket) == 0) {
            subscribed += message_size (&message, 0) > 0 && *(char *) message_data (&message, 0) == 1;
            message_clear (&message);
        }
        if (message_receive (&message, items[EVENTS].socket) == 0 || now - looked_at > CHP_LIVENESS * interval) {
            /*  The connection broke, or this program has been asleep. */
            message_clear (&message);
            connect_client ();
        }
        looked_at = now;
        if (state == WAITING && wait_readable (items[UPDATES].socket, 0) == 1) {
            zmq_close (items[SNAPSHOT].socket);
            open_snapshot ();
            chp_clear (&map);
            ask_for_snapshot ();
            state = ASKED;
            heard_at = now;
        } else if (state == WAITING && now > vote_at) {
            /*  Nothing comes. To a passive server this is a vote; its answer is too early. */
            ask_for_snapshot ();
            vote_at = now + interval;
        }
        while (message_receive (&message, items[SNAPSHOT].socket) == 0) {
            on_snapshot (&message);
            heard_at = now;
        }
        while (state == FOLLOWING && message_receive (&message, items[UPDATES].socket) == 0) {
            on_update (&message);
            heard_at = now;
        }
        if (now > heard_at + (state == WAITING ? 3 : 1) * CHP_LIVENESS * interval) {
            current = (current + 1) % server_count;
            printf ("client: silence, goes to %s\n", servers[current]);
            connect_client ();
        }
        if (busy && now >= set_at) {
            sprintf (key, "%.100s%.32s/%d", subtree, name, ++done % KEYS);
            sprintf (value, "%d", done);
            set (key, value, ttl);
            set_at = now + pace;
        }
        if (state == FOLLOWING)
            send_again ();
        if (done == sets && !finished && outstanding.count == 0) {
            printf ("client: all %d changes are done\n", sets);
            finished = 1;
            sprintf (key, "%.100s%.32s/end", subtree, name);
            set (key, "end", 0);
        }
    }
    for (i = 0; i < CHP_BUCKETS; i++) {
        struct chp_entry *entry;
        for (entry = map.buckets[i]; entry; entry = entry->next)
            printf ("client: has %s=%.*s\n", entry->key, (int) entry->size, (char *) entry->value);
    }
    disconnect ();
    zmq_close (items[PUBLISHER].socket);
    chp_clear (&map);
    chp_clear (&outstanding);
    zmq_ctx_term (context);
    return 0;
}
