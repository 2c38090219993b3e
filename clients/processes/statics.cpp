// Objects that live as long as the process hold sockets: they are made before main and destroyed after it.

#include <zmq.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

static void expect (bool condition, const char *what)
{
    if (condition)
        return;
    std::fprintf (stderr, "statics: %s: %s\n", what, zmq_strerror (zmq_errno ()));
    _exit (1);
}

class Pair
{
  public:
    Pair () : context (zmq_ctx_new ()), server (zmq_socket (context, ZMQ_REP)), client (zmq_socket (context, ZMQ_REQ))
    {
        char endpoint[256];
        size_t size = sizeof endpoint;
        int timeout = 10000;
        expect (zmq_setsockopt (server, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0, "RCVTIMEO");
        expect (zmq_setsockopt (client, ZMQ_RCVTIMEO, &timeout, sizeof timeout) == 0, "RCVTIMEO");
        expect (zmq_bind (server, "tcp://127.0.0.1:*") == 0, "bind");
        expect (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "LAST_ENDPOINT");
        expect (zmq_connect (client, endpoint) == 0, "connect");
        exchange ();
    }

    ~Pair ()
    {
        exchange ();
        expect (zmq_close (client) == 0, "close");
        expect (zmq_close (server) == 0, "close");
        expect (zmq_ctx_term (context) == 0, "ctx_term");
    }

    void exchange ()
    {
        char text[8];
        expect (zmq_send (client, "Hello", 5, 0) == 5, "send");
        expect (zmq_recv (server, text, sizeof text, 0) == 5, "recv");
        expect (zmq_send (server, "World", 5, 0) == 5, "send");
        expect (zmq_recv (client, text, sizeof text, 0) == 5, "recv");
    }

  private:
    void *context, *server, *client;
};

static Pair first;
static thread_local Pair of_this_thread;
static Pair &made_when_used ()
{
    static Pair pair;
    return pair;
}

int main ()
{
    first.exchange ();
    of_this_thread.exchange ();
    made_when_used ().exchange ();
}
