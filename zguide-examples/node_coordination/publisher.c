/*  Node coordination, the publisher: begins when every subscriber is there.

    publisher UPDATES SYNC SUBSCRIBERS COUNT

    Until then it publishes probes. A subscriber reports only after it has seen
    a probe, so a report proves that updates reach it. */

#include "example.h"

#define PROBE_INTERVAL 20 /* ms */

int main (int argc, char **argv)
{
    int subscribers = atoi (argument (argc, argv, 3, "1"));
    int count = atoi (argument (argc, argv, 4, "100"));
    void *context, *updates, *sync;
    char text[64];
    int i;

    stop_on_signals ();
    print_library ("publisher");
    context = zmq_ctx_new ();
    updates = open_socket (context, ZMQ_PUB);
    sync = open_socket (context, ZMQ_REP);
    /*  Nobody is to miss an update because of a full queue. */
    set_option (updates, ZMQ_SNDHWM, 0);
    bind_socket (updates, argument (argc, argv, 1, "tcp://127.0.0.1:5561"), "publisher updates");
    bind_socket (sync, argument (argc, argv, 2, "tcp://127.0.0.1:5562"), "publisher sync");

    while (subscribers > 0) {
        int ready;
        send_text (updates, "probe", 0);
        ready = wait_readable (sync, clock_ms () + PROBE_INTERVAL);
        if (ready < 0)
            goto end;
        if (ready) {
            receive_text (sync, text, sizeof text);
            printf ("publisher: %s is there\n", text);
            send_text (sync, "", 0);
            subscribers--;
        }
    }
    for (i = 1; i <= count; i++) {
        sprintf (text, "update %d", i);
        send_text (updates, text, 0);
    }
    send_text (updates, "end", 0);
    printf ("publisher: published %d updates\n", count);
end:
    zmq_close (updates);
    zmq_close (sync);
    zmq_ctx_term (context);
    return 0;
}
