/* Subscribers that keep the latest message alone, in a publisher's bursts. The reference may forget it while it is being read. */
#include "../check.h"
#include "../publishers.h"

/* Two who want but the latest, among two who get everything. */
static void the_latest_alone (void)
{
    void *pub = OPEN (ZMQ_PUB), *subs[4];
    struct label label;
    SET (pub, ZMQ_SNDHWM, 0);
    const char *endpoint = BIND (pub, "tcp"), *inproc = BIND (pub, "inproc");
    for (int i = 0; i < 4; i++) {
        subs[i] = OPEN (ZMQ_SUB);
        SET (subs[i], ZMQ_RCVTIMEO, ARRIVES_MS);
        if (i < 2)
            SET (subs[i], ZMQ_RCVHWM, 0);
        else
            SET (subs[i], ZMQ_CONFLATE, 1);
        subscribe (subs[i], "");
        OK (zmq_connect (subs[i], i == 3 ? inproc : endpoint));
    }
    settle (pub, subs, 4);
    int next = 0;
    for (int length = 1; length < 3000; length = length * 3 / 2 + 1) {
        for (int i = 0; i < length; i++)
            REQUIRE (publish_sized (pub, next + i, 50, 0));
        all_take (subs, 2, next, next + length);
        for (int k = 2, last = -1; k < 4; k++, last = -1)
            while (last != next + length - 1) {
                REQUIRE (take (subs[k], &label) && label.number > last);
                last = label.number;
            }
        next += length;
    }
}

RUN_CASES (CASE (the_latest_alone))
