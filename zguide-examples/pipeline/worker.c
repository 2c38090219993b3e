/*  Pipeline, a worker: takes tasks, does them, pushes the results to the sink.

    worker TASKS RESULTS CONTROL NAME

    Ends when the sink says on the control socket that everything is done. */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 4, "worker");
    void *context, *tasks, *results, *control;
    zmq_pollitem_t items[2];
    int done = 0;

    stop_on_signals ();
    print_library ("worker");
    context = zmq_ctx_new ();
    tasks = open_socket (context, ZMQ_PULL);
    results = open_socket (context, ZMQ_PUSH);
    control = open_socket (context, ZMQ_SUB);
    check (zmq_setsockopt (control, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (tasks, argument (argc, argv, 1, "tcp://127.0.0.1:5557")) == 0, "zmq_connect");
    check (zmq_connect (results, argument (argc, argv, 2, "tcp://127.0.0.1:5558")) == 0, "zmq_connect");
    check (zmq_connect (control, argument (argc, argv, 3, "tcp://127.0.0.1:5559")) == 0, "zmq_connect");

    memset (items, 0, sizeof items);
    items[0].socket = tasks;
    items[1].socket = control;
    items[0].events = items[1].events = ZMQ_POLLIN;
    while (wait_any (items, 2, -1) > 0) {
        char task[32], result[96];
        if (items[1].revents)
            break;
        receive_text (tasks, task, sizeof task);
        sprintf (result, "%s %.32s", task, name);
        send_text (results, result, 0);
        done++;
    }
    printf ("worker: %s did %d tasks\n", name, done);
    zmq_close (tasks);
    zmq_close (results);
    zmq_close (control);
    zmq_ctx_term (context);
    return 0;
}
