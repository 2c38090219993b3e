/*  Every pair of socket types that can talk to each other, and what it is for.

    valid [ENDPOINT]

    For each pair: the first one named binds, the other connects, and a message
    goes to and fro, or one way. Printed is what each receiver sees. */

#include "example.h"

static void *context;
static const char *endpoint;

/*  Shows a message; an id that the library has chosen is shown as "id". */
static void show (const char *pair, const char *type, struct message *message)
{
    char text[64];
    int i;

    printf ("valid: %s: %s gets", pair, type);
    for (i = 0; i < message->count; i++)
        if (i == 0 && message_size (message, 0) == 5 && !*(char *) message_data (message, 0))
            printf (" [id]");
        else
            printf (" [%s]", message_text (message, i, text, sizeof text));
    printf ("\n");
}

static void receive (void *socket, struct message *message)
{
    check (wait_readable (socket, clock_ms () + 10000) == 1, "nothing arrives");
    check (message_receive (message, socket) == 0, "message_receive");
}

static void open_pair (int bind_type, int connect_type, void **binder, void **connecter)
{
    char bound[256];
    size_t size = sizeof bound;

    *binder = open_socket (context, bind_type);
    *connecter = open_socket (context, connect_type);
    if (bind_type == ZMQ_ROUTER && connect_type == ZMQ_ROUTER) {
        /*  Each ROUTER must know the other's id before it can speak first. */
        check (zmq_setsockopt (*connecter, ZMQ_ROUTING_ID, "bob", 3) == 0, "ZMQ_ROUTING_ID");
        check (zmq_setsockopt (*connecter, ZMQ_CONNECT_ROUTING_ID, "ann", 3) == 0, "ZMQ_CONNECT_ROUTING_ID");
    }
    if (connect_type == ZMQ_SUB)
        check (zmq_setsockopt (*connecter, ZMQ_SUBSCRIBE, "news", 4) == 0, "ZMQ_SUBSCRIBE");
    check (zmq_bind (*binder, endpoint) == 0, "zmq_bind");
    check (zmq_getsockopt (*binder, ZMQ_LAST_ENDPOINT, bound, &size) == 0, "ZMQ_LAST_ENDPOINT");
    check (zmq_connect (*connecter, bound) == 0, "zmq_connect");
}

/*  The connecting side speaks; the binding side, unless it can only receive,
    sends back what it got. `frames` is what the application has to write itself. */
static void ask (const char *pair, int bind_type, const char *bind_name, int connect_type, const char *connect_name,
                 const char *const *frames, int answers)
{
    struct message message;
    void *binder, *connecter;

    open_pair (bind_type, connect_type, &binder, &connecter);
    message_init (&message);
    while (*frames)
        message_append_text (&message, *frames++);
    check (message_send (&message, connecter) == 0, "message_send");
    receive (binder, &message);
    show (pair, bind_name, &message);
    if (answers) {
        check (message_send (&message, binder) == 0, "message_send");
        receive (connecter, &message);
        show (pair, connect_name, &message);
    }
    message_clear (&message);
    zmq_close (connecter);
    zmq_close (binder);
}

/*  Publishers. `probe` is what an XSUB sends to subscribe; a SUB does it by option. */
static void publish (const char *pair, int bind_type, int connect_type, const char *connect_name, const char *probe)
{
    struct message message;
    void *publisher, *subscriber;

    open_pair (bind_type, connect_type, &publisher, &subscriber);
    if (probe)
        send_text (subscriber, probe, 0);
    if (bind_type == ZMQ_XPUB) {
        receive (publisher, &message);
        printf ("valid: %s: XPUB gets the subscription [%d][%.*s]\n", pair, *(char *) message_data (&message, 0),
                (int) message_size (&message, 0) - 1, (char *) message_data (&message, 0) + 1);
        message_clear (&message);
        send_text (publisher, "news: first", 0);
    } else
        /*  A PUB is not told when somebody has joined. */
        do
            send_text (publisher, "news: first", 0);
        while (wait_readable (subscriber, clock_ms () + 10) == 0);
    receive (subscriber, &message);
    show (pair, connect_name, &message);
    message_clear (&message);
    if (bind_type == ZMQ_XPUB && connect_type == ZMQ_XSUB) {
        send_text (subscriber, "upstream", 0);
        receive (publisher, &message);
        show (pair, "XPUB", &message);
        message_clear (&message);
    }
    zmq_close (subscriber);
    zmq_close (publisher);
}

int main (int argc, char **argv)
{
    static const char *const plain[] = {"hello", NULL};
    static const char *const delimited[] = {"", "hello", NULL};
    static const char *const addressed[] = {"ann", "hello", NULL};

    print_library ("valid");
    endpoint = argument (argc, argv, 1, "tcp://127.0.0.1:*");
    context = zmq_ctx_new ();

    /*  One question, one answer, both sides in step. */
    ask ("rep/req", ZMQ_REP, "REP", ZMQ_REQ, "REQ", plain, 1);
    /*  A server that answers many clients in any order. */
    ask ("router/req", ZMQ_ROUTER, "ROUTER", ZMQ_REQ, "REQ", plain, 1);
    /*  A client that asks many services without waiting; it writes the delimiter itself. */
    ask ("rep/dealer", ZMQ_REP, "REP", ZMQ_DEALER, "DEALER", delimited, 1);
    /*  Both sides asynchronous: what servers and brokers are made of. */
    ask ("router/dealer", ZMQ_ROUTER, "ROUTER", ZMQ_DEALER, "DEALER", plain, 1);
    /*  Two asynchronous peers that need no addresses. */
    ask ("dealer/dealer", ZMQ_DEALER, "DEALER", ZMQ_DEALER, "DEALER", plain, 1);
    /*  N to N, each addressed by its id. */
    ask ("router/router", ZMQ_ROUTER, "ROUTER", ZMQ_ROUTER, "ROUTER", addressed, 1);
    /*  Updates to whoever wants them. */
    publish ("pub/sub", ZMQ_PUB, ZMQ_SUB, "SUB", NULL);
    /*  The same with subscriptions as messages: for forwarders and caches. */
    publish ("xpub/xsub", ZMQ_XPUB, ZMQ_XSUB, "XSUB", "\001news");
    publish ("pub/xsub", ZMQ_PUB, ZMQ_XSUB, "XSUB", "\001news");
    publish ("xpub/sub", ZMQ_XPUB, ZMQ_SUB, "SUB", NULL);
    /*  Work that flows one way. */
    ask ("pull/push", ZMQ_PULL, "PULL", ZMQ_PUSH, "PUSH", plain, 0);
    /*  Exactly two peers. */
    ask ("pair/pair", ZMQ_PAIR, "PAIR", ZMQ_PAIR, "PAIR", plain, 1);

    zmq_ctx_term (context);
    return 0;
}
