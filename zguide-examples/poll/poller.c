/*  One thread that serves several sockets: tasks, updates and requests.

    poller TASKS UPDATES REQUESTS

    zmq_poll waits for all of them at once, and each ready one is read until it
    has nothing left, or its turn is over: a busy socket must not starve the others. */

#include "example.h"

enum { TASKS, UPDATES, REQUESTS, SOCKETS };
static const int types[SOCKETS] = {ZMQ_PULL, ZMQ_SUB, ZMQ_REP};
static const char *const names[SOCKETS] = {"tasks", "updates", "requests"};

int main (int argc, char **argv)
{
    void *context;
    zmq_pollitem_t items[SOCKETS];
    int counts[SOCKETS] = {0, 0, 0}, i;

    stop_on_signals ();
    print_library ("poller");
    context = zmq_ctx_new ();
    memset (items, 0, sizeof items);
    for (i = 0; i < SOCKETS; i++) {
        items[i].socket = open_socket (context, types[i]);
        items[i].events = ZMQ_POLLIN;
        bind_socket (items[i].socket, argument (argc, argv, i + 1, "tcp://127.0.0.1:*"), names[i]);
    }
    check (zmq_setsockopt (items[UPDATES].socket, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");

    while (wait_any (items, SOCKETS, -1) > 0)
        for (i = 0; i < SOCKETS; i++) {
            struct message message;
            int turn = 100;
            while ((items[i].revents & ZMQ_POLLIN) && turn-- > 0) {
                if (i == REQUESTS ? message_receive_question (&message, items[i].socket)
                                  : message_receive (&message, items[i].socket))
                    break;
                counts[i]++;
                if (i == REQUESTS) {
                    message_send (&message, items[i].socket);
                    break; /* a REP socket has one request at a time */
                }
                message_clear (&message);
            }
        }
    for (i = 0; i < SOCKETS; i++) {
        printf ("poller: %d %s\n", counts[i], names[i]);
        zmq_close (items[i].socket);
    }
    zmq_ctx_term (context);
    return 0;
}
