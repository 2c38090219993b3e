/* A socket with many peers, whose messages are numbered. Include after check.h. */
#ifndef CAPI_MANY_H
#define CAPI_MANY_H

#include <dlfcn.h>

enum
{
    MANY = 100,   /* peers, at most */
    LATE_AT = 25, /* milliseconds */
    NAMES = 64    /* the first routing id: one must not begin with a zero byte */
};

/* The type of the socket, that of its peers, and who connects. */
struct kind
{
    int here, there, connects;
    const char *name;
};

MAYBE_UNUSED static const struct kind pulls = {ZMQ_PULL, ZMQ_PUSH, 0, "PULL"}, routes = {ZMQ_ROUTER, ZMQ_DEALER, 0, "ROUTER"},
                                      subscribes = {ZMQ_SUB, ZMQ_XPUB, 1, "SUB"}, deals = {ZMQ_DEALER, ZMQ_DEALER, 1, "DEALER"},
                                      collects = {ZMQ_PULL, ZMQ_PUSH, 1, "connected PULL"};

struct crowd
{
    const struct kind *kind;
    const char *transport; /* or "mixed" */
    void *here, *peers[MANY], *ready;
    char endpoints[MANY][100]; /* where peers are bound; otherwise three where the socket is */
    int count;
    size_t size;     /* of the messages that are sent from now on */
    int limit;       /* ZMQ_SNDHWM of peers that come from now on, if not 0 */
    int sent[MANY];  /* used by whoever sends */
    int taken[MANY]; /* and by whoever receives */
    int got, late, worst;
};

struct label
{
    int peer, number;
    long long at;
    int size;
};

MAYBE_UNUSED static const char *transport_of (const struct crowd *crowd, int peer)
{
    return strcmp (crowd->transport, "mixed") == 0 ? transports[peer % 3] : crowd->transport;
}

/* The next message of a peer; 0 when it could not be sent, which is not counted. */
MAYBE_UNUSED static int say_at (struct crowd *crowd, int peer, int flags)
{
    zmq_msg_t message;
    struct label label = {peer, crowd->sent[peer], now_ms (), (int) crowd->size};
    if (zmq_msg_init_size (&message, crowd->size) != 0)
        return 0;
    memset (zmq_msg_data (&message), 'x', crowd->size);
    memcpy (zmq_msg_data (&message), &label, sizeof label);
    if (zmq_msg_send (&message, crowd->peers[peer], flags) == -1) {
        zmq_msg_close (&message);
        return 0;
    }
    crowd->sent[peer]++;
    return 1;
}

MAYBE_UNUSED static int say (struct crowd *crowd, int peer)
{
    return say_at (crowd, peer, 0);
}

MAYBE_UNUSED static int said (const struct crowd *crowd)
{
    int total = 0;
    for (int i = 0; i < MANY; i++)
        total += crowd->sent[i];
    return total;
}

/* One message, if there is one; it is whole, and the next of its peer. */
MAYBE_UNUSED static int take (struct crowd *crowd, int flags)
{
    zmq_msg_t part;
    struct label label;
    zmq_msg_init (&part);
    int size = zmq_msg_recv (&part, crowd->here, flags), error = errno;
    if (size == -1) {
        REQUIRE (error == EAGAIN);
        return 0;
    }
    if (crowd->kind->here == ZMQ_ROUTER) {
        REQUIRE (zmq_msg_more (&part));
        size = zmq_msg_recv (&part, crowd->here, 0);
    }
    REQUIRE (size >= (int) sizeof label && !zmq_msg_more (&part));
    memcpy (&label, zmq_msg_data (&part), sizeof label);
    REQUIRE (size == label.size && label.peer >= 0 && label.peer < MANY);
    if (label.number != crowd->taken[label.peer]++) {
        fail_at (__FILE__, __LINE__, "%s, %s: number %d of peer %d came instead of %d", crowd->kind->name, crowd->transport, label.number,
                 label.peer, crowd->taken[label.peer] - 1);
        longjmp (end_of_case, 1);
    }
    zmq_msg_close (&part);
    int delay = (int) (now_ms () - label.at);
    crowd->got++;
    crowd->late += delay > LATE_AT;
    crowd->worst = delay > crowd->worst ? delay : crowd->worst;
    return 1;
}

MAYBE_UNUSED static void without_waiting_long (void *socket)
{
    SET (socket, ZMQ_RCVTIMEO, ARRIVES_MS);
    SET (socket, ZMQ_SNDTIMEO, ARRIVES_MS);
    SET (socket, ZMQ_RECONNECT_IVL, 10);
}

/* Its socket, without peers. */
MAYBE_UNUSED static void open_crowd (struct crowd *crowd, const struct kind *kind, const char *transport)
{
    memset (crowd, 0, sizeof *crowd);
    crowd->kind = kind;
    crowd->transport = transport;
    crowd->size = sizeof (struct label);
    crowd->here = OPEN (kind->here);
    without_waiting_long (crowd->here);
    if (kind->here == ZMQ_SUB)
        OK (zmq_setsockopt (crowd->here, ZMQ_SUBSCRIBE, "", 0));
}

MAYBE_UNUSED static void bind_crowd (struct crowd *crowd)
{
    for (int i = 0; i < 3 && !crowd->kind->connects; i++)
        strcpy (crowd->endpoints[i], BIND (crowd->here, transport_of (crowd, i)));
}

/* Makes the connection of a peer that is open. */
MAYBE_UNUSED static int connect_peer (struct crowd *crowd, int peer)
{
    char name = (char) (NAMES + peer);
    if (crowd->kind->here == ZMQ_ROUTER && zmq_setsockopt (crowd->peers[peer], ZMQ_ROUTING_ID, &name, 1) != 0)
        return 0;
    return zmq_connect (crowd->peers[peer], crowd->endpoints[peer % 3]) == 0;
}

MAYBE_UNUSED static void open_peer (struct crowd *crowd, int peer)
{
    crowd->peers[peer] = OPEN (crowd->kind->there);
    without_waiting_long (crowd->peers[peer]);
    if (crowd->limit)
        SET (crowd->peers[peer], ZMQ_SNDHWM, crowd->limit);
}

/* A subscription is there before what is sent next. The reference repeats it when the subscriber is asked something. */
MAYBE_UNUSED static void await_subscription (struct crowd *crowd, int peer)
{
    if (crowd->kind->there != ZMQ_XPUB)
        return;
    EVENTUALLY (get_int (crowd->here, ZMQ_EVENTS) >= 0 && await (crowd->peers[peer], ZMQ_POLLIN, 5));
    RECV (crowd->peers[peer], "\1");
}

MAYBE_UNUSED static void add_peer (struct crowd *crowd)
{
    int peer = crowd->count++;
    open_peer (crowd, peer);
    if (crowd->kind->connects) {
        strcpy (crowd->endpoints[peer], BIND (crowd->peers[peer], transport_of (crowd, peer)));
        OK (zmq_connect (crowd->here, crowd->endpoints[peer]));
    } else
        REQUIRE (connect_peer (crowd, peer));
    await_subscription (crowd, peer);
}

/* Everything that was sent comes in blocking receives, and no receive lasts long. */
MAYBE_UNUSED static void take_all (struct crowd *crowd)
{
    for (int total = said (crowd); crowd->got < total;)
        if (!take (crowd, 0)) {
            fail_at (__FILE__, __LINE__, "%s, %s: %d of %d messages came", crowd->kind->name, crowd->transport, crowd->got, total);
            longjmp (end_of_case, 1);
        }
}

/* So many peers, all of which have been heard. */
MAYBE_UNUSED static void gather (struct crowd *crowd, const struct kind *kind, const char *transport, int count)
{
    open_crowd (crowd, kind, transport);
    bind_crowd (crowd);
    while (crowd->count < count)
        add_peer (crowd);
    for (int i = 0; i < count; i++)
        REQUIRE (say (crowd, i));
    take_all (crowd);
}

MAYBE_UNUSED static void part (struct crowd *crowd)
{
    CLOSE (crowd->here);
    for (int i = 0; i < crowd->count; i++)
        if (crowd->peers[i])
            CLOSE (crowd->peers[i]);
}

/* Receives that follow each other closely, or such waits in zmq_poll. The last one ended with a message. */
MAYBE_UNUSED static void wait_often (struct crowd *crowd, int by_polling)
{
    for (int i = 0; i < 20; i++) {
        int peer = i % crowd->count;
        if (!crowd->peers[peer])
            continue;
        REQUIRE (say (crowd, peer));
        if (by_polling)
            REQUIRE (await (crowd->here, ZMQ_POLLIN, ARRIVES_MS));
        take_all (crowd);
    }
}

/* Each peer sends some messages while the application does something else. */
MAYBE_UNUSED static void talk_during_a_rest (struct crowd *crowd, int each, int rest_ms)
{
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < crowd->count * each; i++)
            REQUIRE (say (crowd, i % crowd->count));
        poll (NULL, 0, rest_ms / 2);
    }
}

/* ---- ways to ask ------------------------------------------------------------------------------ */

enum way
{
    WITHOUT_WAITING,
    GLANCE,
    EVENTS,
    DESCRIPTOR,
    BESIDE_OUTPUT,  /* for which there is always room, at sockets that send */
    BESIDE_ANOTHER, /* socket that is always ready */
    POLLER,         /* where the library has one */
    POLLING,
    RECEIVING,
    WAYS
};

MAYBE_UNUSED static const char *const way_names[WAYS] = {
  "ZMQ_DONTWAIT", "zmq_poll(0)", "ZMQ_EVENTS", "ZMQ_FD", "beside output", "beside another socket", "a poller", "zmq_poll", "receive"};

MAYBE_UNUSED static int find_function (void *place, const char *name)
{
    void *function = dlsym (RTLD_DEFAULT, name);
    memcpy (place, &function, sizeof function);
    return function != NULL;
}

MAYBE_UNUSED static int poller_finds (void *socket, int ms)
{
    void *(*poller_new) (void);
    int (*poller_add) (void *, void *, void *, short), (*poller_wait) (void *, zmq_poller_event_t *, long), (*poller_destroy) (void **);
    if (!find_function (&poller_new, "zmq_poller_new") || !find_function (&poller_add, "zmq_poller_add")
        || !find_function (&poller_wait, "zmq_poller_wait") || !find_function (&poller_destroy, "zmq_poller_destroy"))
        return await (socket, ZMQ_POLLIN, ms);
    zmq_poller_event_t event = {0};
    void *poller = poller_new ();
    REQUIRE (poller != NULL);
    OK (poller_add (poller, socket, NULL, ZMQ_POLLIN));
    int rc = poller_wait (poller, &event, ms), error = errno;
    REQUIRE (rc == 0 || error == EAGAIN);
    OK (poller_destroy (&poller));
    return rc == 0 && event.events == ZMQ_POLLIN;
}

MAYBE_UNUSED static int descriptor_finds (void *socket, int ms)
{
    struct pollfd fd = {get_int (socket, ZMQ_FD), POLLIN, 0};
    if (get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN)
        return 1;
    poll (&fd, 1, ms);
    return get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN;
}

/* Room for output, of this socket or of another one, must not hide the input. */
MAYBE_UNUSED static int found_beside (void *socket, void *other, int ms)
{
    zmq_pollitem_t items[2] = {{other, 0, ZMQ_POLLOUT, 0}, {socket, 0, ZMQ_POLLIN, 0}};
    if (socket == other)
        items[1].events |= ZMQ_POLLOUT;
    int ready = zmq_poll (socket == other ? items + 1 : items, socket == other ? 1 : 2, ms);
    REQUIRE (ready == (items[0].revents != 0) + (items[1].revents != 0));
    return items[1].revents & ZMQ_POLLIN;
}

/* Asks once, and waits so long where this way of asking waits; what is found is taken. */
MAYBE_UNUSED static int ask (struct crowd *crowd, enum way way, int ms)
{
    int found = 0;
    switch (way) {
    case WITHOUT_WAITING:
        return take (crowd, ZMQ_DONTWAIT);
    case RECEIVING:
        SET (crowd->here, ZMQ_RCVTIMEO, ms);
        found = take (crowd, 0);
        SET (crowd->here, ZMQ_RCVTIMEO, ARRIVES_MS);
        return found;
    case GLANCE:
        found = await (crowd->here, ZMQ_POLLIN, 0);
        break;
    case EVENTS:
        found = get_int (crowd->here, ZMQ_EVENTS) & ZMQ_POLLIN;
        break;
    case DESCRIPTOR:
        found = descriptor_finds (crowd->here, ms);
        break;
    case BESIDE_OUTPUT:
        found = found_beside (crowd->here, crowd->here, ms);
        break;
    case BESIDE_ANOTHER:
        if (!crowd->ready)
            crowd->ready = OPEN (ZMQ_PUB);
        found = found_beside (crowd->here, crowd->ready, ms);
        break;
    case POLLER:
        found = poller_finds (crowd->here, ms);
        break;
    default:
        found = await (crowd->here, ZMQ_POLLIN, ms);
    }
    if (found)
        REQUIRE (take (crowd, ZMQ_DONTWAIT));
    return found != 0;
}

/* Everything that was sent comes by asking in this way. */
MAYBE_UNUSED static void collect (struct crowd *crowd, enum way way)
{
    int total = said (crowd);
    long long until = now_ms () + ARRIVES_MS;
    while (crowd->got < total && now_ms () < until)
        if (!ask (crowd, way, ARRIVES_MS) && way != DESCRIPTOR && way < POLLER)
            poll (NULL, 0, 1);
    if (crowd->got < total || now_ms () >= until) {
        fail_at (__FILE__, __LINE__, "%s, %s, %s: %d of %d messages came in time", crowd->kind->name, crowd->transport, way_names[way],
                 crowd->got, total);
        longjmp (end_of_case, 1);
    }
}

#endif
