/*  Node coordination, a subscriber: reports when it hears the publisher, and counts.

    subscriber UPDATES SYNC NAME */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 3, "subscriber");
    void *context, *updates, *sync;
    char text[64];
    int reported = 0, next = 1, number;

    print_library ("subscriber");
    context = zmq_ctx_new ();
    updates = open_socket (context, ZMQ_SUB);
    sync = open_socket (context, ZMQ_REQ);
    set_option (updates, ZMQ_RCVHWM, 0);
    check (zmq_setsockopt (updates, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (updates, argument (argc, argv, 1, "tcp://127.0.0.1:5561")) == 0, "zmq_connect");
    check (zmq_connect (sync, argument (argc, argv, 2, "tcp://127.0.0.1:5562")) == 0, "zmq_connect");

    for (;;) {
        receive_text (updates, text, sizeof text);
        if (!strcmp (text, "end"))
            break;
        if (!strcmp (text, "probe")) {
            if (!reported) {
                char reply[8];
                send_text (sync, name, 0);
                receive_text (sync, reply, sizeof reply);
                reported = 1;
            }
        } else if (sscanf (text, "update %d", &number) == 1 && number == next)
            next++;
        else {
            fprintf (stderr, "subscriber: expected update %d, got: %s\n", next, text);
            return 1;
        }
    }
    printf ("subscriber: %s got %d updates\n", name, next - 1);
    zmq_close (updates);
    zmq_close (sync);
    zmq_ctx_term (context);
    return 0;
}
