/*  Compiled with: -std=gnu11 -pthread */
/*  A program as users bring them: all in one process, threads for clients and workers,
    identities set by hand, static arrays of poll items. */

#include "helpers.h"
#include <pthread.h>

#define NBR_CLIENTS 10
#define NBR_WORKERS 3

static void *client_task (void *args)
{
    void *context = zmq_ctx_new ();
    void *client = zmq_socket (context, ZMQ_REQ);
    char *reply;

    s_set_id (client);
    zmq_connect (client, (char *) args);
    s_send (client, "HELLO");
    reply = s_recv (client);
    if (reply)
        printf ("Client: %s\n", reply);
    free (reply);
    zmq_close (client);
    zmq_ctx_destroy (context);
    return NULL;
}

static void *worker_task (void *args)
{
    void *context = zmq_ctx_new ();
    void *worker = zmq_socket (context, ZMQ_REQ);

    s_set_id (worker);
    zmq_connect (worker, (char *) args);
    s_send (worker, "READY");
    while (1) {
        char *identity = s_recv (worker), *empty, *request;
        if (!strcmp (identity, "END")) {
            free (identity);
            break;
        }
        empty = s_recv (worker);
        assert (*empty == 0);
        free (empty);
        request = s_recv (worker);
        free (request);
        s_sendmore (worker, identity);
        s_sendmore (worker, "");
        s_send (worker, "OK");
        free (identity);
    }
    zmq_close (worker);
    zmq_ctx_destroy (context);
    return NULL;
}

int main (void)
{
    void *context = zmq_init (1);
    void *frontend = zmq_socket (context, ZMQ_XREP);
    void *backend = zmq_socket (context, ZMQ_XREP);
    char front[256], back[256];
    size_t front_size = sizeof (front), back_size = sizeof (back);
    pthread_t clients[NBR_CLIENTS], workers[NBR_WORKERS];
    int nbr, client_nbr = NBR_CLIENTS, available_workers = 0, rc;
    char *worker_queue[NBR_WORKERS + 1];
    int64_t start = s_clock ();

    srandom ((unsigned) time (NULL));
    s_catch_signals ();
    rc = zmq_bind (frontend, "ipc://*");
    assert (rc == 0);
    rc = zmq_bind (backend, "tcp://127.0.0.1:*");
    assert (rc == 0);
    zmq_getsockopt (frontend, ZMQ_LAST_ENDPOINT, front, &front_size);
    zmq_getsockopt (backend, ZMQ_LAST_ENDPOINT, back, &back_size);
    for (nbr = 0; nbr < NBR_CLIENTS; nbr++)
        pthread_create (&clients[nbr], NULL, client_task, front);
    for (nbr = 0; nbr < NBR_WORKERS; nbr++)
        pthread_create (&workers[nbr], NULL, worker_task, back);

    while ((client_nbr > 0 || available_workers < NBR_WORKERS) && !s_interrupted) {
        zmq_pollitem_t items[] = {{backend, 0, ZMQ_POLLIN, 0}, {frontend, 0, ZMQ_POLLIN, 0}};
        rc = zmq_poll (items, available_workers ? 2 : 1, -1);
        if (rc == -1)
            break;
        if (items[0].revents & ZMQ_POLLIN) {
            char *worker_id = s_recv (backend), *empty, *client_id, *reply;
            assert (available_workers < NBR_WORKERS);
            worker_queue[available_workers++] = worker_id;
            empty = s_recv (backend);
            assert (empty[0] == 0);
            free (empty);
            client_id = s_recv (backend);
            if (strcmp (client_id, "READY") != 0) {
                empty = s_recv (backend);
                assert (empty[0] == 0);
                free (empty);
                reply = s_recv (backend);
                s_sendmore (frontend, client_id);
                s_sendmore (frontend, "");
                s_send (frontend, reply);
                free (reply);
                client_nbr--;
            }
            free (client_id);
        }
        if (items[1].revents & ZMQ_POLLIN) {
            char *client_id = s_recv (frontend), *empty = s_recv (frontend), *request;
            assert (empty[0] == 0);
            free (empty);
            request = s_recv (frontend);
            s_sendmore (backend, worker_queue[0]);
            s_sendmore (backend, "");
            s_sendmore (backend, client_id);
            s_sendmore (backend, "");
            s_send (backend, request);
            free (client_id);
            free (request);
            free (worker_queue[0]);
            available_workers--;
            memmove (worker_queue, worker_queue + 1, available_workers * sizeof (char *));
        }
    }
    while (available_workers > 0) {
        char *worker_id = worker_queue[--available_workers];
        s_sendmore (backend, worker_id);
        s_sendmore (backend, "");
        s_send (backend, "END");
        free (worker_id);
    }
    for (nbr = 0; nbr < NBR_CLIENTS; nbr++)
        pthread_join (clients[nbr], NULL);
    for (nbr = 0; nbr < NBR_WORKERS; nbr++)
        pthread_join (workers[nbr], NULL);
    zmq_close (frontend);
    zmq_close (backend);
    zmq_term (context);
    printf ("Done, %s\n", s_clock () - start < 30000 ? "in time" : "late");
    return 0;
}
