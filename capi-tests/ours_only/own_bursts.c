/* Messages of several parts in bursts over connections that are lost. The reference may abort then. */
#include "../check.h"
#include "../raw.h"
#include "../endless.h"

static void *send_parts_without_end (void *push)
{
    while (!atomic_load (&stop)) {
        int n = zmq_send (push, "01234", 5, ZMQ_SNDMORE | ZMQ_DONTWAIT);
        if (n == 5)
            n = zmq_send (push, "56789", 5, ZMQ_DONTWAIT);
        if (n == -1 && zmq_errno () != EAGAIN)
            return NULL;
    }
    return push;
}

/* The connection is lost in the middle of messages: the next one begins with a first part. */
static void connections_lost_within_messages (void)
{
    lose_connections_of (send_parts_without_end, "\1\5" "01234" "\0\5" "56789", 14);
}

RUN_CASES (CASE (connections_lost_within_messages))
