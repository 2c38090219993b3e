/* Sockets with CURVE keys, and the beginnings of scripted conversations with them. Include after check.h, raw.h, events.h and security.h. */
#ifndef CAPI_CURVE_PEERS_H
#define CAPI_CURVE_PEERS_H

enum
{
    ENDS = ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
           | ZMQ_EVENT_DISCONNECTED
};

#define META_DEALER "\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0"
#define META_ROUTER "\13Socket-Type\0\0\0\6ROUTER\10Identity\0\0\0\0"
#define META_PUSH "\13Socket-Type\0\0\0\4PUSH"
#define META_PULL "\13Socket-Type\0\0\0\4PULL"
#define META_SUB "\13Socket-Type\0\0\0\3SUB"
#define META_XPUB "\13Socket-Type\0\0\0\4XPUB"

MAYBE_UNUSED static uint8_t server_public[KEY], server_secret[KEY], client_public[KEY], client_secret[KEY];

MAYBE_UNUSED static void make_keys (void)
{
    load_sodium ();
    box_keypair (server_public, server_secret);
    box_keypair (client_public, client_secret);
}

MAYBE_UNUSED static void *open_server (int type)
{
    void *socket = OPEN (type);
    SET (socket, ZMQ_CURVE_SERVER, 1);
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, server_secret, KEY));
    return socket;
}

MAYBE_UNUSED static void *open_client (int type)
{
    void *socket = OPEN (type);
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, server_public, KEY));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, client_public, KEY));
    OK (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, client_secret, KEY));
    SET (socket, ZMQ_RECONNECT_IVL, 20);
    return socket;
}

/* Both greetings of a scripted peer that connects. */
MAYBE_UNUSED static int dial (const char *endpoint)
{
    int fd = RAW_CONNECT (endpoint);
    RAW_SEND (fd, GREETING_CURVE);
    RAW_EXPECT (fd, GREETING_CURVE);
    return fd;
}

MAYBE_UNUSED static void dial_client (struct peer *peer, const char *endpoint)
{
    begin_client (peer, dial (endpoint), client_public, client_secret, server_public);
}

MAYBE_UNUSED static void say_hello (struct peer *peer)
{
    struct frame frame;
    make_hello (peer, &frame);
    SEND_FRAME (peer->fd, &frame);
    take_welcome (peer, &frame);
}

#define SAY_INITIATE(peer, sends, expects) say_initiate (peer, sends, sizeof sends - 1, expects, sizeof expects - 1)
MAYBE_UNUSED static void say_initiate (struct peer *peer, const char *sends, size_t sends_size, const char *expects, size_t expects_size)
{
    struct frame frame;
    make_initiate (peer, &frame, sends, sends_size);
    SEND_FRAME (peer->fd, &frame);
    take_ready (peer, &frame, expects, expects_size);
}

#endif
