/*  Load balancing, a worker: asks for work by being ready.

    worker BACKEND NAME WORK-MS

    A REQ socket does it: READY is its question, a request the answer, and each
    reply the next question. Answers "Hello N" with "World N". */

#include "example.h"

int main (int argc, char **argv)
{
    const char *name = argument (argc, argv, 2, "worker");
    int work = atoi (argument (argc, argv, 3, "1"));
    void *context, *broker;
    int done = 0;

    stop_on_signals ();
    print_library ("worker");
    context = zmq_ctx_new ();
    broker = open_socket (context, ZMQ_REQ);
    set_option (broker, ZMQ_LINGER, 1000);
    check (zmq_connect (broker, argument (argc, argv, 1, "tcp://127.0.0.1:5673")) == 0, "zmq_connect");
    send_text (broker, "READY", 0);
    printf ("worker: %s is ready\n", name);

    while (wait_readable (broker, -1) == 1) {
        struct message request;
        char text[64], reply[80];
        if (message_receive (&request, broker))
            continue;
        message_text (&request, request.count - 1, text, sizeof text);
        if (pause_ms (work) < 0) {
            message_clear (&request);
            break;
        }
        sprintf (reply, "World%s", strchr (text, ' ') ? strchr (text, ' ') : "");
        message_remove (&request, request.count - 1);
        message_append_text (&request, reply);
        message_send (&request, broker);
        done++;
    }
    printf ("worker: %s did %d requests\n", name, done);
    zmq_close (broker);
    zmq_ctx_term (context);
    return 0;
}
