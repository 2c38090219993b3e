/*  Majordomo, a worker. It sends back what it gets.

    worker BROKER SERVICE WORK-MS HEARTBEAT-MS */

#include "mdp_worker.h"

int main (int argc, char **argv)
{
    const char *service = argument (argc, argv, 2, "echo");
    int work = atoi (argument (argc, argv, 3, "0"));
    struct mdp_worker worker;
    struct message request;
    void *context;
    char text[96];

    stop_on_signals ();
    print_library ("worker");
    context = zmq_ctx_new ();
    mdp_worker_open (&worker, context, argument (argc, argv, 1, "tcp://127.0.0.1:5555"), service,
                     atoi (argument (argc, argv, 4, "1000")));
    printf ("worker: offers %s\n", service);

    while (wait_readable (worker.socket, mdp_worker_deadline (&worker)) >= 0)
        while (mdp_worker_serve (&worker, &request)) {
            printf ("worker: does %s\n", message_text (&request, 0, text, sizeof text));
            pause_ms (work);
            mdp_worker_reply (&worker, &request);
        }
    mdp_worker_close (&worker);
    zmq_ctx_term (context);
    return 0;
}
