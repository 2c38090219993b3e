/* A forked child with its parent's sockets, while the application's thread reads their many connections. The reference hangs in some of these calls. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include "../raw.h"
#include "../faults.h"
#include "../many.h"

static const char *const streams[] = {"tcp", "ipc"};

/* A child asks for what has come and closes everything: it takes nothing from us. */
static void a_child_that_asks (void)
{
    for (int variant = 0; variant < 4; variant++) {
        struct crowd crowd;
        gather (&crowd, &pulls, streams[variant % 2], variant / 2 ? 3 : 8);
        for (enum way way = 0; way < WAYS; way++) {
            int status = -1;
            wait_often (&crowd, way % 2);
            for (int i = 0; i < 3 * crowd.count; i++)
                REQUIRE (say (&crowd, i % crowd.count));
            pid_t child = fork ();
            if (child == 0) {
                char body[100];
                zmq_pollitem_t item = {crowd.here, 0, ZMQ_POLLIN, 0};
                alarm (5);
                for (int i = 0; i < 3; i++)
                    zmq_recv (crowd.here, body, sizeof body, ZMQ_DONTWAIT);
                zmq_poll (&item, 1, 0);
                get_int (crowd.here, ZMQ_EVENTS);
                zmq_recv (crowd.here, body, sizeof body, ZMQ_DONTWAIT);
                zmq_close (crowd.here);
                for (int i = 0; i < crowd.count; i++)
                    zmq_close (crowd.peers[i]);
                zmq_ctx_term (context ());
                _exit (0);
            }
            REQUIRE (child > 0 && waitpid (child, &status, 0) == child);
            EQUAL (status, 0);
            collect (&crowd, way);
        }
        wait_often (&crowd, 0);
        part (&crowd);
    }
}

RUN_CASES (CASE (a_child_that_asks))
