/* Attempts to connect that the reference takes for connections. */
#include "../check.h"
#include "../raw.h"
#include "../events.h"

/* Where source and destination are the same, and nobody listens, the system connects a socket with itself. That is a failed attempt
 * like others: more of them follow. */
static void connections_of_a_socket_with_itself (void)
{
    static const int kinds[] = {ZMQ_PUSH, ZMQ_DEALER};
    for (int i = 0; i < 2; i++) {
        char endpoint[100], both[200];
        int retried = 0, event;
        close (raw_listen (endpoint));
        snprintf (both, sizeof both, "%s;%s", endpoint, endpoint + strlen ("tcp://"));
        void *socket = OPEN (kinds[i]), *reader = watch (socket, ZMQ_EVENT_ALL);
        SET (socket, ZMQ_RECONNECT_IVL, 50);
        OK (zmq_connect (socket, both));
        do {
            event = next_event (reader, NULL, &value, ARRIVES_MS);
            retried += event == ZMQ_EVENT_CONNECT_RETRIED;
            if (event != ZMQ_EVENT_CONNECT_DELAYED && event != ZMQ_EVENT_CLOSED && event != ZMQ_EVENT_CONNECT_RETRIED)
                fail_at (__FILE__, __LINE__, "kind %d: event %#x after %d attempts", i, event, retried);
        } while (retried < 5 && event > 0 && event != ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        EQUAL (zmq_send (socket, "x", 1, ZMQ_DONTWAIT), 1); /* for who may come */
        CLOSE (socket);
        CLOSE (reader);
    }
}

RUN_CASES (CASE (connections_of_a_socket_with_itself))
