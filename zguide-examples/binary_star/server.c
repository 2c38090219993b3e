/*  Binary Star, a server of a pair. It sends back what it gets, if it is the active one.

    server primary|backup FRONTEND OWN-STATE PEER-STATE INTERVAL-MS WORK-MS */

#include "bstar.h"

int main (int argc, char **argv)
{
    int primary = !strcmp (argument (argc, argv, 1, "primary"), "primary");
    int interval = atoi (argument (argc, argv, 5, "1000"));
    int work = atoi (argument (argc, argv, 6, "0"));
    void *context, *frontend, *state, *peer;
    struct bstar bstar;
    int64_t say_at = 0, split_at = 0;
    zmq_pollitem_t items[2];
    int status = 0;

    stop_on_signals ();
    print_library ("server");
    context = zmq_ctx_new ();
    /*  Not a REP: a passive server does not answer. */
    frontend = open_socket (context, ZMQ_ROUTER);
    state = open_socket (context, ZMQ_PUB);
    peer = open_socket (context, ZMQ_SUB);
    set_option (frontend, ZMQ_LINGER, 500);
    set_option (state, ZMQ_LINGER, 0);
    check (zmq_setsockopt (peer, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    bind_socket (frontend, argument (argc, argv, 2, "tcp://127.0.0.1:5001"), "server frontend");
    bind_socket (state, argument (argc, argv, 3, "tcp://127.0.0.1:5003"), "server state");
    check (zmq_connect (peer, argument (argc, argv, 4, "tcp://127.0.0.1:5004")) == 0, "zmq_connect");
    bstar_init (&bstar, primary, interval);

    memset (items, 0, sizeof items);
    items[0].socket = peer;
    items[1].socket = frontend;
    items[0].events = items[1].events = ZMQ_POLLIN;
    while (wait_any (items, 2, say_at) >= 0) {
        struct message message;
        char text[96];

        bstar_woke_up (&bstar);
        while (message_receive (&message, peer) == 0) {
            message_text (&message, 0, text, sizeof text);
            message_clear (&message);
            bstar_on_peer (&bstar, text);
        }
        if (items[1].revents && message_receive (&message, frontend) == 0) {
            if (bstar_on_client (&bstar)) {
                printf ("server: does %s\n", message_text (&message, message.count - 1, text, sizeof text));
                pause_ms (work);
                message_send (&message, frontend);
            }
            message_clear (&message);
        }
        if (clock_ms () >= say_at) {
            bstar_say (&bstar, text);
            send_text (state, text, 0);
            say_at = clock_ms () + interval;
        }
        /*  It ends when the other one has had time to hear it, too. */
        if (bstar.state == BSTAR_SPLIT) {
            split_at = split_at ? split_at : clock_ms ();
            if (clock_ms () >= split_at + 4 * BSTAR_LIVENESS * interval) {
                status = BSTAR_SPLIT_STATUS;
                break;
            }
        }
    }
    zmq_close (frontend);
    zmq_close (state);
    zmq_close (peer);
    zmq_ctx_term (context);
    return status;
}
