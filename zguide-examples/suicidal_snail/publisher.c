/*  Suicidal snail, the publisher: numbered updates that say when they were sent.

    publisher ENDPOINT INTERVAL-MS */

#include "example.h"
#include "snail.h"

int main (int argc, char **argv)
{
    int interval = atoi (argument (argc, argv, 2, "1"));
    void *context, *publisher;
    long number = 0;
    char text[64];

    stop_on_signals ();
    print_library ("publisher");
    context = zmq_ctx_new ();
    publisher = open_socket (context, ZMQ_PUB);
    set_option (publisher, ZMQ_LINGER, 0);
    bind_socket (publisher, argument (argc, argv, 1, "tcp://127.0.0.1:5556"), "publisher");
    while (pause_ms (interval) >= 0) {
        sprintf (text, "%ld %lld", ++number, (long long) wall_clock_ms ());
        send_text (publisher, text, 0);
    }
    printf ("publisher: sent %ld updates\n", number);
    zmq_close (publisher);
    zmq_ctx_term (context);
    return 0;
}
