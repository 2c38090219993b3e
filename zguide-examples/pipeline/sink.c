/*  Pipeline, the sink: collects the results, then tells the workers to end.

    sink RESULTS CONTROL WORKERS */

#include "example.h"

int main (int argc, char **argv)
{
    int workers = atoi (argument (argc, argv, 3, "1"));
    int expected = -1, collected = 0;
    char text[128];
    void *context, *results, *control;

    print_library ("sink");
    context = zmq_ctx_new ();
    results = open_socket (context, ZMQ_PULL);
    control = open_socket (context, ZMQ_XPUB);
    set_option (control, ZMQ_XPUB_VERBOSE, 1);
    bind_socket (results, argument (argc, argv, 1, "tcp://127.0.0.1:5558"), "sink");
    bind_socket (control, argument (argc, argv, 2, "tcp://127.0.0.1:5559"), "sink control");

    /*  The order to end would miss a worker that has not subscribed yet. */
    while (workers > 0) {
        receive_text (control, text, sizeof text);
        workers -= text[0] == 1;
    }
    /*  A result may overtake the number of tasks: they come over different connections. */
    while (expected < 0 || collected < expected) {
        receive_text (results, text, sizeof text);
        if (sscanf (text, "tasks %d", &expected) == 1)
            continue;
        printf ("sink: result %s\n", text);
        collected++;
    }
    printf ("sink: collected %d results\n", collected);
    send_text (control, "end", 0);
    zmq_close (results);
    zmq_close (control);
    zmq_ctx_term (context);
    return 0;
}
