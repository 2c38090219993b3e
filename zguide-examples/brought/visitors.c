/*  Compiled with: -std=gnu11 */
/*  A program as users bring them: what arrives from whom, as a dump shows it. */

#include "helpers.h"

int main (void)
{
    void *ctx = zmq_ctx_new (), *door = zmq_socket (ctx, ZMQ_ROUTER);
    void *stranger = zmq_socket (ctx, ZMQ_REQ), *friend = zmq_socket (ctx, ZMQ_DEALER);

    zmq_bind (door, "inproc://door");
    zmq_connect (stranger, "inproc://door");
    s_send (stranger, "you do not know me");
    s_dump (door);
    zmq_setsockopt (friend, ZMQ_IDENTITY, "Ann", 3);
    zmq_connect (friend, "inproc://door");
    s_sendmore (friend, "it is me");
    s_send (friend, "\001\002");
    s_dump (door);
    zmq_close (door);
    zmq_close (stranger);
    zmq_close (friend);
    zmq_ctx_destroy (ctx);
    return 0;
}
