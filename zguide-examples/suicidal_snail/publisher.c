/*  Suicidal snail, the publisher: numbered updates that say when they were sent,
    and since when the publisher has been there.

    publisher ENDPOINT INTERVAL-MS */

#include "example.h"
#include "snail.h"

int main (int argc, char **argv)
{
    int interval = atoi (argument (argc, argv, 2, "1"));
    void *context, *publisher;
    int64_t born = wall_clock_ms ();
    long number = 0;
    char text[96];

    stop_on_signals ();
    print_library ("publisher");
    context = zmq_ctx_new ();
    publisher = open_socket (context, ZMQ_PUB);
    set_option (publisher, ZMQ_LINGER, 0);
    bind_socket (publisher, argument (argc, argv, 1, "tcp://127.0.0.1:5556"), "publisher");
    while (pause_ms (interval) >= 0) {
        sprintf (text, "%ld %lld %lld", ++number, (long long) wall_clock_ms (), (long long) born);
        send_text (publisher, text, 0);
    }
    printf ("publisher: sent %ld updates\n", number);
    zmq_close (publisher);
    zmq_ctx_term (context);
    return 0;
}
