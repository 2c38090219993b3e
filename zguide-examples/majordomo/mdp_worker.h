/*  The worker's side of the Majordomo Protocol, for a program that polls. */

#ifndef MDP_WORKER_H
#define MDP_WORKER_H

#include "example.h"
#include "mdp.h"

struct mdp_worker
{
    void *context, *socket;
    const char *broker, *service;
    int interval;           /* of heartbeats, in ms */
    int64_t beat_at;        /* when to send the next one */
    int64_t silent_at;      /* when the broker counts as gone */
    struct message address; /* of the client who is owed a reply */
};

static inline void mdp_worker_send (struct mdp_worker *worker, const char *command, struct message *message)
{
    message_insert (message, 0, command, 1);
    message_insert (message, 0, MDP_WORKER, strlen (MDP_WORKER));
    message_insert (message, 0, "", 0);
    message_send (message, worker->socket);
    message_clear (message);
    worker->beat_at = clock_ms () + worker->interval;
}

/*  Opens the conversation, or begins it anew on a new socket. */
static inline void mdp_worker_connect (struct mdp_worker *worker)
{
    struct message ready;

    message_clear (&worker->address);
    if (worker->socket)
        zmq_close (worker->socket);
    worker->socket = open_socket (worker->context, ZMQ_DEALER);
    set_option (worker->socket, ZMQ_LINGER, 0);
    check (zmq_connect (worker->socket, worker->broker) == 0, "zmq_connect");
    message_init (&ready);
    message_append_text (&ready, worker->service);
    mdp_worker_send (worker, MDP_READY, &ready);
    worker->silent_at = clock_ms () + MDP_LIVENESS * worker->interval;
}

static inline void mdp_worker_open (struct mdp_worker *worker, void *context, const char *broker, const char *service,
                                    int interval)
{
    memset (worker, 0, sizeof *worker);
    worker->context = context;
    worker->broker = broker;
    worker->service = service;
    worker->interval = interval;
    mdp_worker_connect (worker);
}

static inline void mdp_worker_close (struct mdp_worker *worker)
{
    struct message bye;
    message_init (&bye);
    mdp_worker_send (worker, MDP_DISCONNECT, &bye);
    set_option (worker->socket, ZMQ_LINGER, 500);
    message_clear (&worker->address);
    zmq_close (worker->socket);
}

/*  When the worker has to be looked after, though its socket be silent. */
static inline int64_t mdp_worker_deadline (struct mdp_worker *worker)
{
    return worker->beat_at < worker->silent_at ? worker->beat_at : worker->silent_at;
}

/*  Takes what is there, and does what is due. Returns 1 and the request's frames
    when there is a request, else 0. Each request has to be answered. */
static inline int mdp_worker_serve (struct mdp_worker *worker, struct message *request)
{
    while (message_receive (request, worker->socket) == 0) {
        int i;
        if (request->count < 3 || !message_is (request, 0, "") || !message_is (request, 1, MDP_WORKER)) {
            message_clear (request);
            continue;
        }
        worker->silent_at = clock_ms () + MDP_LIVENESS * worker->interval;
        if (message_is (request, 2, MDP_REQUEST) && request->count >= 6 && message_is (request, 4, "")) {
            message_clear (&worker->address);
            message_append (&worker->address, message_data (request, 3), message_size (request, 3));
            for (i = 0; i < 5; i++)
                message_remove (request, 0);
            return 1;
        }
        if (message_is (request, 2, MDP_DISCONNECT)) {
            printf ("worker: disconnected by the broker\n");
            /*  Not at once: it would only be told the same again. */
            worker->silent_at = clock_ms () + worker->interval;
            zmq_close (worker->socket);
            worker->socket = open_socket (worker->context, ZMQ_DEALER);
            worker->beat_at = worker->silent_at;
        }
        message_clear (request);
    }
    if (clock_ms () >= worker->silent_at) {
        printf ("worker: joins again\n");
        mdp_worker_connect (worker);
    }
    if (clock_ms () >= worker->beat_at) {
        struct message beat;
        message_init (&beat);
        mdp_worker_send (worker, MDP_HEARTBEAT, &beat);
    }
    return 0;
}

/*  Answers the request; takes the reply's frames. */
static inline void mdp_worker_reply (struct mdp_worker *worker, struct message *reply)
{
    if (worker->address.count == 1) {
        message_insert (reply, 0, "", 0);
        message_insert (reply, 0, message_data (&worker->address, 0), message_size (&worker->address, 0));
        mdp_worker_send (worker, MDP_REPLY, reply);
    }
    message_clear (&worker->address);
    message_clear (reply);
}

#endif
