/*  Links with: -lczmq */
/*  Compiled with: -std=gnu11 */
/*  A program as users bring them: czmq's sockets, messages, actors, loop, proxy,
    monitor and authentication, each of which stands on the library. */

#include <czmq.h>

static void echo_service (zsock_t *pipe, void *args)
{
    zsock_t *service = zsock_new_rep ((char *) args);
    zpoller_t *poller = zpoller_new (pipe, service, NULL);

    assert (service && poller);
    zsock_signal (pipe, 0);
    while (true) {
        void *which = zpoller_wait (poller, -1);
        if (which == service) {
            zmsg_t *msg = zmsg_recv (service);
            zmsg_addstr (msg, "echoed");
            zmsg_send (&msg, service);
        } else
            break; /* $TERM, or interrupted */
    }
    zpoller_destroy (&poller);
    zsock_destroy (&service);
}

static void proxy (void)
{
    zactor_t *proxy = zactor_new (zproxy, NULL);
    zactor_t *service;
    zsock_t *client, *capture;
    int count;

    assert (proxy);
    zstr_sendx (proxy, "FRONTEND", "ROUTER", "inproc://front", NULL);
    zsock_wait (proxy);
    zstr_sendx (proxy, "BACKEND", "DEALER", "inproc://back", NULL);
    zsock_wait (proxy);
    capture = zsock_new_pull ("@inproc://capture");
    zstr_sendx (proxy, "CAPTURE", "inproc://capture", NULL);
    zsock_wait (proxy);
    service = zactor_new (echo_service, ">inproc://back");
    client = zsock_new_req (">inproc://front");
    for (count = 0; count < 100; count++) {
        char *text, *echoed;
        zstr_sendf (client, "request %d", count);
        assert (zstr_recvx (client, &text, &echoed, NULL) == 2);
        assert (streq (echoed, "echoed"));
        zstr_free (&text);
        zstr_free (&echoed);
    }
    for (count = 0; count < 200; count++) {
        zmsg_t *msg = zmsg_recv (capture);
        zmsg_destroy (&msg);
    }
    printf ("czmq: proxy: 100 requests and replies, 200 captured\n");
    zsock_destroy (&client);
    zactor_destroy (&service);
    zactor_destroy (&proxy);
    zsock_destroy (&capture);
}

static int ticks;

static int on_timer (zloop_t *loop, int timer_id, void *arg)
{
    zsock_send ((zsock_t *) arg, "si", "tick", ++ticks);
    return 0;
}

static int on_tick (zloop_t *loop, zsock_t *reader, void *arg)
{
    char *text;
    int number;
    zsock_recv (reader, "si", &text, &number);
    assert (streq (text, "tick"));
    zstr_free (&text);
    return number == 5 ? -1 : 0;
}

static void loop (void)
{
    zsock_t *push = zsock_new (ZMQ_PUSH), *pull = zsock_new (ZMQ_PULL);
    zloop_t *loop = zloop_new ();
    int port = zsock_bind (pull, "tcp://127.0.0.1:*");

    assert (port > 0);
    zsock_connect (push, "tcp://127.0.0.1:%d", port);
    zloop_timer (loop, 2, 5, on_timer, push);
    zloop_reader (loop, pull, on_tick, NULL);
    zloop_start (loop);
    printf ("czmq: loop: %d ticks\n", ticks);
    zloop_destroy (&loop);
    zsock_destroy (&push);
    zsock_destroy (&pull);
}

static void monitor (void)
{
    zsock_t *server = zsock_new (ZMQ_DEALER), *client = zsock_new (ZMQ_DEALER);
    zactor_t *events = zactor_new (zmonitor, server);
    char *name = NULL;
    int port;

    zstr_sendx (events, "LISTEN", "LISTENING", "ACCEPTED", NULL);
    zstr_send (events, "START");
    zsock_wait (events);
    port = zsock_bind (server, "tcp://127.0.0.1:*");
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    zmsg_t *msg = zmsg_recv (events);
    name = zmsg_popstr (msg);
    printf ("czmq: monitor: %s", name);
    zstr_free (&name);
    zmsg_destroy (&msg);
    msg = zmsg_recv (events);
    name = zmsg_popstr (msg);
    printf (", %s\n", name);
    zstr_free (&name);
    zmsg_destroy (&msg);
    zactor_destroy (&events);
    zsock_destroy (&client);
    zsock_destroy (&server);
}

static void curve (void)
{
    zactor_t *auth = zactor_new (zauth, NULL);
    zcert_t *server_cert = zcert_new (), *client_cert = zcert_new ();
    zsock_t *server = zsock_new (ZMQ_PUSH), *client = zsock_new (ZMQ_PULL);
    char *text;
    int port;

    assert (auth && server_cert && client_cert);
    zstr_sendx (auth, "CURVE", CURVE_ALLOW_ANY, NULL);
    zsock_wait (auth);
    zcert_apply (server_cert, server);
    zsock_set_zap_domain (server, "global");
    zsock_set_curve_server (server, 1);
    port = zsock_bind (server, "tcp://127.0.0.1:*");
    zcert_apply (client_cert, client);
    zsock_set_curve_serverkey (client, zcert_public_txt (server_cert));
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    zstr_send (server, "a secret");
    text = zstr_recv (client);
    printf ("czmq: curve and zauth: %s\n", text);
    zstr_free (&text);
    zsock_destroy (&client);
    zsock_destroy (&server);
    zcert_destroy (&client_cert);
    zcert_destroy (&server_cert);
    zactor_destroy (&auth);
}

static void frames (void)
{
    zsock_t *writer = zsock_new_push ("@inproc://frames"), *reader = zsock_new_pull (">inproc://frames");
    zmsg_t *msg = zmsg_new (), *copy;
    zframe_t *frame;

    zmsg_pushmem (msg, "body", 4);
    zmsg_pushstr (msg, "");
    frame = zframe_new ("address", 7);
    zmsg_prepend (msg, &frame);
    copy = zmsg_dup (msg);
    zmsg_send (&msg, writer);
    msg = zmsg_recv (reader);
    printf ("czmq: frames: %d, %s\n", (int) zmsg_size (msg), zmsg_eq (msg, copy) ? "equal" : "not equal");
    zmsg_destroy (&msg);
    zmsg_destroy (&copy);
    zsock_destroy (&writer);
    zsock_destroy (&reader);
}

int main (void)
{
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    proxy ();
    loop ();
    monitor ();
    curve ();
    frames ();
    printf ("czmq: done\n");
    return 0;
}
