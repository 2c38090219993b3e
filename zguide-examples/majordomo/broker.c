/*  Majordomo, the broker: requests go to services by name, and workers come and go.

    broker ENDPOINT HEARTBEAT-MS [EXPIRY-MS]

    A request that a worker took and did not answer before it fell silent goes to another one,
    three times at most. A request that nobody has taken after EXPIRY is dropped. */

#include "../load_balancer/queue.h"
#include "mdp.h"

#define TRIES 3

struct request
{
    struct request *next;
    struct message message; /* client's id, empty, body */
    int64_t expires;
    int tries;
};

struct service
{
    struct service *next;
    char name[256];
    struct request *requests; /* the oldest first */
};

struct worker
{
    struct worker *next;
    struct address address;
    struct service *service;
    struct request *request; /* what it is doing */
    int64_t expires, free_since;
};

static struct service *services;
static struct worker *workers;
static void *router;
static int64_t interval, expiry, turn;

/* ------------------------------------------------------------------ requests */

static void request_free (struct request *request)
{
    message_clear (&request->message);
    free (request);
}

static void queue_last (struct service *service, struct request *request)
{
    struct request **end = &service->requests;
    while (*end)
        end = &(*end)->next;
    request->next = NULL;
    *end = request;
}

static void queue_first (struct service *service, struct request *request)
{
    request->next = service->requests;
    service->requests = request;
}

static struct service *service_named (struct message *message, int frame)
{
    struct service *service;
    char name[256];

    message_text (message, frame, name, sizeof name);
    for (service = services; service; service = service->next)
        if (!strcmp (service->name, name))
            return service;
    service = calloc (1, sizeof *service);
    check (service != NULL, "calloc");
    strcpy (service->name, name);
    service->next = services;
    services = service;
    return service;
}

/* ------------------------------------------------------------------- workers */

static struct worker *worker_of (struct message *message)
{
    struct worker *worker;
    for (worker = workers; worker; worker = worker->next)
        if (message_equals (message, 0, worker->address.bytes, worker->address.size))
            return worker;
    return NULL;
}

static int send_to_worker (const struct address *address, const char *command, struct message *message)
{
    message_insert (message, 0, command, 1);
    message_insert (message, 0, MDP_WORKER, strlen (MDP_WORKER));
    message_insert (message, 0, "", 0);
    message_insert (message, 0, address->bytes, address->size);
    if (message_send (message, router) == 0)
        return 0;
    message_clear (message);
    return -1;
}

static void disconnect (const struct address *address)
{
    struct message message;
    message_init (&message);
    send_to_worker (address, MDP_DISCONNECT, &message);
}

/*  Takes a worker out. What it was doing is done by somebody else. */
static void worker_remove (struct worker *worker)
{
    struct worker **link = &workers;
    while (*link != worker)
        link = &(*link)->next;
    *link = worker->next;
    if (worker->request) {
        if (worker->request->tries < TRIES) {
            queue_first (worker->service, worker->request);
            printf ("broker: a request goes to another worker\n");
        } else
            request_free (worker->request);
    }
    free (worker);
}

static struct worker *longest_free (struct service *service)
{
    struct worker *worker, *best = NULL;
    for (worker = workers; worker; worker = worker->next)
        if (worker->service == service && !worker->request && (!best || worker->free_since < best->free_since))
            best = worker;
    return best;
}

static void dispatch (struct service *service)
{
    struct worker *worker;
    while (service->requests && (worker = longest_free (service))) {
        struct request *request = service->requests;
        struct message copy;

        service->requests = request->next;
        message_copy (&copy, &request->message);
        if (send_to_worker (&worker->address, MDP_REQUEST, &copy) == 0) {
            request->tries++;
            worker->request = request;
        } else {
            queue_first (service, request);
            printf ("broker: a worker for %s is gone\n", service->name);
            worker_remove (worker);
        }
    }
}

/* ------------------------------------------------------------------ commands */

static void reply_to_client (struct message *message, const char *service)
{
    message_insert (message, 2, service, strlen (service));
    message_insert (message, 2, MDP_CLIENT, strlen (MDP_CLIENT));
    message_send (message, router);
    message_clear (message);
}

/*  The broker's own services, 8/MMI. */
static void on_management (struct message *message, const char *name)
{
    const char *code = "501";
    char about[256];

    if (!strcmp (name, "mmi.service")) {
        struct worker *worker;
        message_text (message, 2, about, sizeof about);
        code = "404";
        for (worker = workers; worker; worker = worker->next)
            if (!strcmp (worker->service->name, about))
                code = "200";
    }
    while (message->count > 2)
        message_remove (message, 2);
    message_append_text (message, code);
    reply_to_client (message, name);
}

/*  Client's id, empty, MDPC01, service, body. */
static void on_client (struct message *message)
{
    char name[256];
    struct request *request;
    struct service *service;

    if (message->count < 5 || message->count > MESSAGE_FRAMES_OF_CLIENTS) {
        message_clear (message);
        return;
    }
    message_text (message, 3, name, sizeof name);
    if (!strncmp (name, "mmi.", 4)) {
        message_remove (message, 2);
        message_remove (message, 2);
        on_management (message, name);
        return;
    }
    service = service_named (message, 3);
    message_remove (message, 2);
    message_remove (message, 2);
    request = calloc (1, sizeof *request);
    check (request != NULL, "calloc");
    message_copy (&request->message, message);
    message_clear (message);
    request->expires = clock_ms () + expiry;
    queue_last (service, request);
    dispatch (service);
}

static void on_ready (struct message *message, struct worker *worker)
{
    char name[256];

    message_text (message, 4, name, sizeof name);
    if (worker || message->count < 5 || !strncmp (name, "mmi.", 4)) {
        struct address address = address_of (message, 0);
        if (worker)
            worker_remove (worker);
        disconnect (&address);
        return;
    }
    worker = calloc (1, sizeof *worker);
    check (worker != NULL, "calloc");
    worker->address = address_of (message, 0);
    worker->service = service_named (message, 4);
    worker->expires = clock_ms () + MDP_LIVENESS * interval;
    worker->free_since = turn++;
    worker->next = workers;
    workers = worker;
    printf ("broker: a worker for %s has joined\n", worker->service->name);
    dispatch (worker->service);
}

/*  Worker's id, empty, MDPW01, command, and for a reply: client's id, empty, body. */
static void on_worker (struct message *message)
{
    struct worker *worker = worker_of (message);
    struct address address = address_of (message, 0);

    if (worker)
        worker->expires = clock_ms () + MDP_LIVENESS * interval;
    if (message_is (message, 3, MDP_READY))
        on_ready (message, worker);
    else if (message_is (message, 3, MDP_DISCONNECT)) {
        if (worker) {
            struct service *service = worker->service;
            worker_remove (worker);
            dispatch (service);
        }
    } else if (!worker)
        /*  It was given up, or belongs to an earlier life of the broker: it has to begin anew. */
        disconnect (&address);
    else if (message_is (message, 3, MDP_REPLY) && message->count >= 7 && worker->request
             && message_equals (message, 4, message_data (&worker->request->message, 0),
                                message_size (&worker->request->message, 0))) {
        int i;
        request_free (worker->request);
        worker->request = NULL;
        worker->free_since = turn++;
        for (i = 0; i < 4; i++)
            message_remove (message, 0);
        reply_to_client (message, worker->service->name);
        dispatch (worker->service);
    } else if (!message_is (message, 3, MDP_HEARTBEAT)) {
        worker_remove (worker);
        disconnect (&address);
    }
    message_clear (message);
}

/*  `late` is how much later than planned it is: a broker that was itself stopped
    for a while must not blame the others for it. */
static void on_interval (int64_t late)
{
    struct worker *worker, *next;
    struct service *service;

    for (worker = workers; worker && late > interval; worker = worker->next)
        worker->expires += late;
    for (worker = workers; worker; worker = next) {
        struct message beat;
        next = worker->next;
        message_init (&beat);
        if (clock_ms () < worker->expires && send_to_worker (&worker->address, MDP_HEARTBEAT, &beat) == 0)
            continue;
        printf ("broker: a worker for %s is gone\n", worker->service->name);
        worker_remove (worker);
    }
    for (service = services; service; service = service->next) {
        struct request **link = &service->requests;
        while (*link) {
            struct request *request = *link;
            if (clock_ms () >= request->expires) {
                printf ("broker: a request for %s has expired\n", service->name);
                *link = request->next;
                request_free (request);
            } else
                link = &request->next;
        }
        dispatch (service);
    }
}

int main (int argc, char **argv)
{
    void *context;
    int64_t interval_at;

    stop_on_signals ();
    print_library ("broker");
    interval = atoi (argument (argc, argv, 2, "1000"));
    expiry = atoi (argument (argc, argv, 3, "30000"));
    context = zmq_ctx_new ();
    router = open_socket (context, ZMQ_ROUTER);
    set_option (router, ZMQ_ROUTER_MANDATORY, 1);
    set_option (router, ZMQ_LINGER, 500);
    bind_socket (router, argument (argc, argv, 1, "tcp://127.0.0.1:5555"), "broker");
    interval_at = clock_ms () + interval;

    for (;;) {
        struct message message;
        int ready = wait_readable (router, interval_at);
        if (ready < 0)
            break;
        if (ready && message_receive (&message, router) == 0) {
            if (message_is (&message, 1, "") && message_is (&message, 2, MDP_CLIENT))
                on_client (&message);
            else if (message_is (&message, 1, "") && message_is (&message, 2, MDP_WORKER))
                on_worker (&message);
            message_clear (&message);
        }
        if (clock_ms () >= interval_at) {
            on_interval (clock_ms () - interval_at);
            interval_at = clock_ms () + interval;
        }
    }
    while (workers) {
        struct worker *worker = workers;
        disconnect (&worker->address);
        worker_remove (worker);
    }
    while (services) {
        struct service *service = services;
        while (service->requests) {
            struct request *request = service->requests;
            service->requests = request->next;
            request_free (request);
        }
        services = service->next;
        free (service);
    }
    zmq_close (router);
    zmq_ctx_term (context);
    return 0;
}
