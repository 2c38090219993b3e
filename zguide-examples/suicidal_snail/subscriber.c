/*  Suicidal snail, a subscriber: one that cannot keep up ends, and says so.

    subscriber ENDPOINT LIMIT-MS

    Ends with status 1 when an update is older than the limit, or when one is missing:
    a full queue at the publisher drops, and a publisher that was started again has
    forgotten what it had not sent. Whoever watches the process can do
    something about it; a subscriber that lags in silence deceives everybody. */

#include "example.h"
#include "snail.h"

int main (int argc, char **argv)
{
    int64_t limit = atoi (argument (argc, argv, 2, "1000"));
    void *context, *subscriber;
    long expected = 0, received = 0;
    long long publisher_born = 0;
    int status = 0;

    stop_on_signals ();
    print_library ("subscriber");
    context = zmq_ctx_new ();
    subscriber = open_socket (context, ZMQ_SUB);
    check (zmq_setsockopt (subscriber, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_connect (subscriber, argument (argc, argv, 1, "tcp://127.0.0.1:5556")) == 0, "zmq_connect");

    while (!status && wait_readable (subscriber, -1) == 1) {
        struct message update;
        char text[96];
        long number;
        long long sent_at, born;

        if (message_receive (&update, subscriber))
            continue;
        if (sscanf (message_text (&update, 0, text, sizeof text), "%ld %lld %lld", &number, &sent_at, &born) == 3) {
            received++;
            if (wall_clock_ms () - sent_at > limit) {
                printf ("subscriber: too slow, update %ld is %lld ms old\n", number, (long long) wall_clock_ms () - sent_at);
                status = 1;
            } else if (expected && born != publisher_born) {
                printf ("subscriber: the publisher has been started again\n");
                status = 1;
            } else if (expected && number != expected) {
                printf ("subscriber: %ld updates are missing\n", number - expected);
                status = 1;
            }
            expected = number + 1;
            publisher_born = born;
            if (received % 100 == 0)
                printf ("subscriber: received %ld\n", received);
        }
        message_clear (&update);
    }
    zmq_close (subscriber);
    zmq_ctx_term (context);
    return status;
}
