/*  Load balancing broker: gives each request to the worker that has been free longest.

    broker FRONTEND BACKEND

    A worker says READY once; each reply says that it is free again. While nobody
    is free, requests stay in the frontend's queue, where the high-water mark
    holds the clients back. */

#include "queue.h"

int main (int argc, char **argv)
{
    void *context, *frontend, *backend;
    struct worker_queue workers = {0, {{0, {0}}}};
    zmq_pollitem_t items[2];

    stop_on_signals ();
    print_library ("broker");
    context = zmq_ctx_new ();
    frontend = open_socket (context, ZMQ_ROUTER);
    backend = open_socket (context, ZMQ_ROUTER);
    /*  A worker that is gone is noticed when it is given work. */
    set_option (backend, ZMQ_ROUTER_MANDATORY, 1);
    bind_socket (frontend, argument (argc, argv, 1, "tcp://127.0.0.1:5672"), "broker frontend");
    bind_socket (backend, argument (argc, argv, 2, "tcp://127.0.0.1:5673"), "broker backend");

    memset (items, 0, sizeof items);
    items[0].socket = backend;
    items[1].socket = frontend;
    items[0].events = items[1].events = ZMQ_POLLIN;
    /*  The frontend is looked at only while there is somebody to do the work. */
    while (wait_any (items, workers.count > 0 ? 2 : 1, -1) > 0) {
        struct message message;

        /*  From a worker: id, empty, then READY or the client's envelope with the reply. */
        if ((items[0].revents & ZMQ_POLLIN) && message_receive (&message, backend) == 0) {
            workers_add (&workers, &message);
            if (message.count > 3) {
                message_remove (&message, 0);
                message_remove (&message, 0);
                message_send (&message, frontend);
            }
            message_clear (&message);
        }
        /*  From a client: id, empty, request. In front of it comes the worker's id. */
        if (workers.count > 0 && wait_readable (frontend, clock_ms ()) == 1 && message_receive_from_client (&message, frontend) == 0) {
            message_insert (&message, 0, "", 0);
            message_insert (&message, 0, "", 0);
            while (workers.count > 0) {
                struct address worker = workers_take (&workers);
                message_remove (&message, 0);
                message_insert (&message, 0, worker.bytes, worker.size);
                if (message_send (&message, backend) == 0)
                    break;
                printf ("broker: a worker is gone\n");
            }
            if (message.count > 0)
                printf ("broker: a request was lost: every worker is gone\n");
            message_clear (&message);
        }
    }
    zmq_close (frontend);
    zmq_close (backend);
    zmq_ctx_term (context);
    return 0;
}
