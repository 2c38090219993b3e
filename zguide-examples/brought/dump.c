/*  Compiled with: -std=gnu11 */
/*  A program as users bring them: identities, as a dump shows them. */

#include "helpers.h"

int main (void)
{
    void *context = zmq_ctx_new ();
    void *sink = zmq_socket (context, ZMQ_ROUTER);
    void *anonymous = zmq_socket (context, ZMQ_REQ);
    void *identified = zmq_socket (context, ZMQ_REQ);

    zmq_bind (sink, "inproc://example");
    zmq_connect (anonymous, "inproc://example");
    s_send (anonymous, "ROUTER uses a generated 5 byte identity");
    s_dump (sink);
    zmq_setsockopt (identified, ZMQ_IDENTITY, "PEER2", 5);
    zmq_connect (identified, "inproc://example");
    s_send (identified, "ROUTER uses the identity of the REQ socket");
    s_dump (sink);
    s_sleep (1);
    zmq_close (sink);
    zmq_close (anonymous);
    zmq_close (identified);
    zmq_ctx_destroy (context);
    return 0;
}
