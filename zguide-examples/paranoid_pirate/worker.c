/*  Paranoid Pirate, a worker: notices a dead broker, and comes back. It sends back what it gets.

    worker BROKER NAME WORK-MS HEARTBEAT-MS

    Silence means that the broker is dead or has given this worker up. Either way the
    conversation begins anew, on a new socket, at growing intervals. Work
    has to be shorter than three heartbeats, or to be done in a thread of its own. */

#include "example.h"
#include "ppp.h"

#define LONGEST_PAUSE 16 /* heartbeats */

static void *context;

static void *connect_worker (const char *endpoint, const char *name)
{
    void *broker = open_socket (context, ZMQ_DEALER);
    set_option (broker, ZMQ_LINGER, 0);
    check (zmq_connect (broker, endpoint) == 0, "zmq_connect");
    send_text (broker, PPP_READY, 0);
    printf ("worker: %s is ready\n", name);
    return broker;
}

int main (int argc, char **argv)
{
    const char *endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:5673");
    const char *name = argument (argc, argv, 2, "worker");
    int work = atoi (argument (argc, argv, 3, "0"));
    int interval = atoi (argument (argc, argv, 4, "1000"));
    int64_t beat_at, silent_at, pause = interval;
    struct message message;
    char text[96];
    void *broker;

    stop_on_signals ();
    print_library ("worker");
    context = zmq_ctx_new ();
    broker = connect_worker (endpoint, name);
    beat_at = clock_ms () + interval;
    silent_at = clock_ms () + PPP_LIVENESS * interval;

    for (;;) {
        int ready = wait_readable (broker, beat_at < silent_at ? beat_at : silent_at);
        if (ready < 0)
            break;
        if (ready && message_receive (&message, broker) == 0) {
            /*  Client's id, empty, request: all of it goes back as it came. */
            if (message.count >= 3) {
                printf ("worker: does %s\n", message_text (&message, message.count - 1, text, sizeof text));
                pause_ms (work);
                message_send (&message, broker);
            }
            message_clear (&message);
            pause = interval;
            silent_at = clock_ms () + PPP_LIVENESS * interval;
        } else if (!ready && clock_ms () >= silent_at) {
            printf ("worker: the broker is silent\n");
            if (pause_ms (pause) < 0)
                break;
            if (pause < LONGEST_PAUSE * interval)
                pause *= 2;
            zmq_close (broker);
            broker = connect_worker (endpoint, name);
            silent_at = clock_ms () + PPP_LIVENESS * interval;
        }
        if (clock_ms () >= beat_at) {
            message_init (&message);
            message_append_text (&message, PPP_HEARTBEAT);
            message_send (&message, broker);
            message_clear (&message);
            beat_at = clock_ms () + interval;
        }
    }
    zmq_close (broker);
    zmq_ctx_term (context);
    return 0;
}
