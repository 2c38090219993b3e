/*  Compiled with: -std=gnu11 -pthread */
/*  A program as users bring them: all in one process, a thread and a context for
    each guest and each cook, and a waiter who knows which cook has nothing to do. */

#include "helpers.h"
#include <pthread.h>

#define GUESTS 10
#define COOKS 3

static char hall[256], kitchen[256];

static void *guest (void *number)
{
    void *ctx = zmq_init (1), *table = zmq_socket (ctx, ZMQ_REQ);
    char order[32], *dish;

    s_set_id (table);
    zmq_connect (table, hall);
    sprintf (order, "soup %d", (int) (intptr_t) number);
    s_send (table, order);
    dish = s_recv (table);
    printf ("guest: %s\n", dish);
    free (dish);
    zmq_close (table);
    zmq_term (ctx);
    return NULL;
}

static void *cook (void *unused)
{
    void *ctx = zmq_init (1), *stove = zmq_socket (ctx, ZMQ_REQ);
    char *whose, *order;

    s_set_id (stove);
    zmq_connect (stove, kitchen);
    s_send (stove, "idle");
    while ((whose = s_recv (stove)) && strcmp (whose, "go home")) {
        char dish[64];
        free (s_recv (stove));
        order = s_recv (stove);
        s_sleep (1);
        sprintf (dish, "hot %s", order);
        s_sendmore (stove, whose);
        s_sendmore (stove, "");
        s_send (stove, dish);
        free (order);
        free (whose);
    }
    free (whose);
    zmq_close (stove);
    zmq_term (ctx);
    return NULL;
}

int main (void)
{
    void *ctx = zmq_ctx_new (), *front = zmq_socket (ctx, ZMQ_XREP), *back = zmq_socket (ctx, ZMQ_XREP);
    size_t hall_size = sizeof hall, kitchen_size = sizeof kitchen;
    pthread_t threads[GUESTS + COOKS];
    char *idle[COOKS];
    int cooks = 0, served = 0, i;
    int64_t opened = s_clock ();

    srandom (time (NULL));
    s_catch_signals ();
    assert (zmq_bind (front, "ipc://*") == 0 && zmq_bind (back, "tcp://127.0.0.1:*") == 0);
    zmq_getsockopt (front, ZMQ_LAST_ENDPOINT, hall, &hall_size);
    zmq_getsockopt (back, ZMQ_LAST_ENDPOINT, kitchen, &kitchen_size);
    for (i = 0; i < GUESTS + COOKS; i++)
        pthread_create (&threads[i], NULL, i < GUESTS ? guest : cook, (void *) (intptr_t) i);

    while ((served < GUESTS || cooks < COOKS) && !s_interrupted) {
        zmq_pollitem_t items[] = {{back, 0, ZMQ_POLLIN, 0}, {front, 0, ZMQ_POLLIN, 0}};
        if (zmq_poll (items, cooks ? 2 : 1, -1) < 0)
            break;
        if (items[0].revents & ZMQ_POLLIN) {
            char *whose;
            idle[cooks++] = s_recv (back);
            free (s_recv (back));
            whose = s_recv (back);
            if (strcmp (whose, "idle")) {
                char *dish;
                free (s_recv (back));
                dish = s_recv (back);
                s_sendmore (front, whose);
                s_sendmore (front, "");
                s_send (front, dish);
                free (dish);
                served++;
            }
            free (whose);
        }
        if (items[1].revents & ZMQ_POLLIN) {
            char *whose = s_recv (front), *empty = s_recv (front), *order = s_recv (front);
            s_sendmore (back, idle[--cooks]);
            s_sendmore (back, "");
            s_sendmore (back, whose);
            s_sendmore (back, empty);
            s_send (back, order);
            free (idle[cooks]);
            free (whose);
            free (empty);
            free (order);
        }
    }
    while (cooks > 0) {
        s_sendmore (back, idle[--cooks]);
        s_sendmore (back, "");
        s_send (back, "go home");
        free (idle[cooks]);
    }
    for (i = 0; i < GUESTS + COOKS; i++)
        pthread_join (threads[i], NULL);
    zmq_close (front);
    zmq_close (back);
    zmq_term (ctx);
    printf ("kitchen: closed %s\n", s_clock () - opened < 30000 ? "in time" : "late");
    return 0;
}
