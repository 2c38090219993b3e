/* On a system without the library: as if GSSAPI were not built in, and everything else as ever. */
#include "../check.h"

static void nothing_is_known_of_it (void)
{
    static const int options[] = {ZMQ_GSSAPI_SERVER,    ZMQ_GSSAPI_PRINCIPAL,          ZMQ_GSSAPI_SERVICE_PRINCIPAL,
                                  ZMQ_GSSAPI_PLAINTEXT, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE};
    void *one = OPEN (ZMQ_PAIR), *two = OPEN (ZMQ_PAIR);
    EQUAL (zmq_has ("gssapi"), 0);
    EQUAL (zmq_has ("curve"), 1);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char buffer[300];
        size_t size = sizeof (int);
        FAILS (set_int (one, options[i], 1), EINVAL);
        FAILS (zmq_setsockopt (one, options[i], "name", 4), EINVAL);
        FAILS (zmq_getsockopt (one, options[i], buffer, &size), EINVAL);
        size = sizeof buffer;
        FAILS (zmq_getsockopt (one, options[i], buffer, &size), EINVAL);
    }
    EQUAL (get_int (one, ZMQ_MECHANISM), ZMQ_NULL);
    OK (zmq_connect (one, BIND (two, "tcp")));
    SEND (one, "hello");
    RECV (two, "hello");
}

RUN_CASES (CASE (nothing_is_known_of_it))
