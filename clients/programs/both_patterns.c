/*  Request-reply and publish-subscribe through CZMQ, the second with CURVE and
    CZMQ's own authentication. */

#include <czmq.h>

#define ROUNDS 100

#define expect(condition) \
    do { \
        if (!(condition)) { \
            fprintf (stderr, "both_patterns: line %d: %s\n", __LINE__, #condition); \
            exit (1); \
        } \
    } while (0)

static void receive (zsock_t *socket, const char *format, int number)
{
    char wanted[64];
    char *text = zstr_recv (socket);

    snprintf (wanted, sizeof wanted, format, number);
    expect (text && streq (text, wanted));
    zstr_free (&text);
}

/*  Answers in a thread of its own, which CZMQ calls an actor. */
static void serve (zsock_t *pipe, void *arguments)
{
    zsock_t *server = (zsock_t *) arguments;
    int i;

    zsock_signal (pipe, 0);
    for (i = 0; i < ROUNDS; i++) {
        receive (server, "Hello %d", i);
        expect (zstr_sendf (server, "World %d", i) == 0);
    }
    free (zstr_recv (pipe));
}

static void request_reply (void)
{
    zsock_t *server = zsock_new (ZMQ_REP);
    zsock_t *client = zsock_new (ZMQ_REQ);
    zactor_t *actor;
    int i;
    int port = zsock_bind (server, "tcp://127.0.0.1:*");

    expect (port > 0);
    zsock_set_rcvtimeo (server, 10000);
    zsock_set_rcvtimeo (client, 10000);
    expect (zsock_connect (client, "tcp://127.0.0.1:%d", port) == 0);
    actor = zactor_new (serve, server);
    for (i = 0; i < ROUNDS; i++) {
        expect (zstr_sendf (client, "Hello %d", i) == 0);
        receive (client, "World %d", i);
    }
    zactor_destroy (&actor);
    zsock_destroy (&client);
    zsock_destroy (&server);
    printf ("request-reply: %d answers\n", ROUNDS);
}

static void publish_subscribe (void)
{
    zactor_t *auth = zactor_new (zauth, NULL);
    zcert_t *server_cert = zcert_new ();
    zcert_t *client_cert = zcert_new ();
    zsock_t *publisher = zsock_new (ZMQ_XPUB);
    zsock_t *subscriber = zsock_new (ZMQ_SUB);
    zframe_t *frame;
    int i, port;

    expect (zstr_sendx (auth, "CURVE", CURVE_ALLOW_ANY, NULL) == 0 && zsock_wait (auth) == 0);
    zcert_apply (server_cert, publisher);
    zsock_set_curve_server (publisher, 1);
    zsock_set_zap_domain (publisher, "global");
    zsock_set_rcvtimeo (publisher, 10000);
    port = zsock_bind (publisher, "tcp://127.0.0.1:*");
    expect (port > 0);

    zcert_apply (client_cert, subscriber);
    zsock_set_curve_serverkey (subscriber, zcert_public_txt (server_cert));
    zsock_set_rcvtimeo (subscriber, 10000);
    zsock_set_subscribe (subscriber, "update");
    expect (zsock_connect (subscriber, "tcp://127.0.0.1:%d", port) == 0);

    frame = zframe_recv (publisher);
    expect (frame && zframe_size (frame) == 7 && memcmp (zframe_data (frame), "\1update", 7) == 0);
    zframe_destroy (&frame);
    for (i = 0; i < ROUNDS; i++) {
        expect (zstr_send (publisher, "other") == 0);
        expect (zstr_sendf (publisher, "update %d", i) == 0);
    }
    for (i = 0; i < ROUNDS; i++)
        receive (subscriber, "update %d", i);

    zsock_destroy (&subscriber);
    zsock_destroy (&publisher);
    zcert_destroy (&client_cert);
    zcert_destroy (&server_cert);
    zactor_destroy (&auth);
    printf ("publish-subscribe: %d updates\n", ROUNDS);
}

int main (void)
{
    int major, minor, patch;

    zmq_version (&major, &minor, &patch);
    printf ("libzmq %d.%d.%d\n", major, minor, patch);
    request_reply ();
    publish_subscribe ();
    return 0;
}
