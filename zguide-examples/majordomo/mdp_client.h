/*  The client's side of the Majordomo Protocol: one request at a time. */

#ifndef MDP_CLIENT_H
#define MDP_CLIENT_H

#include "example.h"
#include "mdp.h"

struct mdp_client
{
    void *context, *socket;
    const char *broker;
    int again; /* requests that were sent once more */
};

/*  Also begins anew: a late reply to the old socket reaches nobody. */
static inline void mdp_client_connect (struct mdp_client *client)
{
    if (client->socket)
        zmq_close (client->socket);
    client->socket = open_socket (client->context, ZMQ_DEALER);
    set_option (client->socket, ZMQ_LINGER, 0);
    check (zmq_connect (client->socket, client->broker) == 0, "zmq_connect");
}

static inline void mdp_client_open (struct mdp_client *client, void *context, const char *broker)
{
    client->context = context;
    client->socket = NULL;
    client->broker = broker;
    client->again = 0;
    mdp_client_connect (client);
}

static inline void mdp_client_close (struct mdp_client *client)
{
    zmq_close (client->socket);
}

/*  Sends a request, its frames, and leaves the message empty. */
static inline void mdp_client_send (struct mdp_client *client, const char *service, struct message *request)
{
    message_insert (request, 0, service, strlen (service));
    message_insert (request, 0, MDP_CLIENT, strlen (MDP_CLIENT));
    message_insert (request, 0, "", 0);
    message_send (request, client->socket);
    message_clear (request);
}

/*  Takes a reply that is there. Returns 0 and the reply's frames, or -1. */
static inline int mdp_client_receive (struct mdp_client *client, struct message *reply)
{
    int i;
    if (message_receive (reply, client->socket))
        return -1;
    if (reply->count < 4 || !message_is (reply, 0, "") || !message_is (reply, 1, MDP_CLIENT)) {
        message_clear (reply);
        return -1;
    }
    for (i = 0; i < 3; i++)
        message_remove (reply, 0);
    return 0;
}

/*  Asks, and asks again after each timeout. Takes the request; returns 0 and the
    reply, or -1 when there was none or the program has been asked to end. */
static inline int mdp_client_ask (struct mdp_client *client, const char *service, struct message *request,
                                  struct message *reply, int timeout, int tries)
{
    int result = -1, first = 1;

    for (; result && tries-- > 0; first = 0) {
        struct message copy;
        int64_t deadline = clock_ms () + timeout;
        int ready;

        message_copy (&copy, request);
        mdp_client_send (client, service, &copy);
        client->again += !first;
        while ((ready = wait_readable (client->socket, deadline)) == 1)
            if ((result = mdp_client_receive (client, reply)) == 0)
                break;
        if (ready < 0)
            break;
        if (ready == 0)
            mdp_client_connect (client);
    }
    message_clear (request);
    return result;
}

#endif
