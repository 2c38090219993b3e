/*  Last value cache: who subscribes gets the latest value at once, and then the updates.

    cache FRONTEND BACKEND

    Publishers connect to the frontend, subscribers to the backend. The XPUB receives
    each subscription; the cache answers with every value it has of that prefix. They go to
    all who have that subscription, so that an early subscriber may see a value twice. */

#include "example.h"

#define VALUES 10000

static struct message values[VALUES];
static int count;

static void keep (struct message *update)
{
    int i;
    for (i = 0; i < count; i++)
        if (message_equals (&values[i], 0, message_data (update, 0), message_size (update, 0)))
            break;
    if (i == VALUES)
        return;
    if (i == count)
        count++;
    message_clear (&values[i]);
    message_copy (&values[i], update);
}

/*  A subscription is the byte 1, and the prefix. */
static void answer (struct message *subscription, void *backend)
{
    size_t size = message_size (subscription, 0);
    char *bytes = message_data (subscription, 0);
    int i;

    if (size < 1 || bytes[0] != 1)
        return;
    printf ("cache: subscription to \"%.*s\"\n", (int) size - 1, bytes + 1);
    for (i = 0; i < count; i++)
        if (message_size (&values[i], 0) >= size - 1 && !memcmp (message_data (&values[i], 0), bytes + 1, size - 1)) {
            struct message copy;
            message_copy (&copy, &values[i]);
            message_send (&copy, backend);
            message_clear (&copy);
        }
}

int main (int argc, char **argv)
{
    void *context, *frontend, *backend;
    zmq_pollitem_t items[2];
    struct message message;

    stop_on_signals ();
    print_library ("cache");
    context = zmq_ctx_new ();
    frontend = open_socket (context, ZMQ_SUB);
    backend = open_socket (context, ZMQ_XPUB);
    check (zmq_setsockopt (frontend, ZMQ_SUBSCRIBE, "", 0) == 0, "ZMQ_SUBSCRIBE");
    /*  Also when somebody else has the same subscription already. */
    set_option (backend, ZMQ_XPUB_VERBOSE, 1);
    set_option (backend, ZMQ_LINGER, 0);
    bind_socket (frontend, argument (argc, argv, 1, "tcp://127.0.0.1:5557"), "cache frontend");
    bind_socket (backend, argument (argc, argv, 2, "tcp://127.0.0.1:5558"), "cache backend");

    memset (items, 0, sizeof items);
    items[0].socket = frontend;
    items[1].socket = backend;
    items[0].events = items[1].events = ZMQ_POLLIN;
    while (wait_any (items, 2, -1) > 0) {
        if (items[0].revents && message_receive (&message, frontend) == 0) {
            keep (&message);
            message_send (&message, backend);
            message_clear (&message);
        }
        if (items[1].revents && message_receive (&message, backend) == 0) {
            answer (&message, backend);
            message_clear (&message);
        }
    }
    printf ("cache: %d values\n", count);
    while (count > 0)
        message_clear (&values[--count]);
    zmq_close (frontend);
    zmq_close (backend);
    zmq_ctx_term (context);
    return 0;
}
