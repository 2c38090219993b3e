/*  What czmq had before it had zsock, over the czmq of today: contexts that own their sockets, threads with a pipe, and the calls whose
 *  arguments have changed since. guide.py puts it in front of programs that do not compile without. The sockets are those of libzmq
 *  itself, which zmsg, zframe, zstr and zloop take to this day.
 *
 *  Only what the guide's programs use. They look at no result of these calls, and so it is handed on as libzmq gives it.
 */

#ifndef ZCTX_H
#define ZCTX_H

#include <czmq.h>

#include <stdarg.h>

typedef bool Bool;
#define TRUE 1
#define FALSE 0

/*  Contexts  */

typedef struct {
    void *context;
    bool borrowed; /* from the thread that began this one, and which ends it */
    zlist_t *sockets;
} zctx_t;

static inline zctx_t *zctx_over (void *context, bool borrowed)
{
    zctx_t *self = (zctx_t *)zmalloc (sizeof *self);
    self->context = context;
    self->borrowed = borrowed;
    self->sockets = zlist_new ();
    return self;
}

static inline zctx_t *zctx_new (void)
{
    zsys_catch_interrupts ();
    return zctx_over (zmq_ctx_new (), false);
}

/*  Old czmq let nothing linger unless it was told to.  */
static inline void zctx_close (void *socket)
{
    int linger = 0;
    zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close (socket);
}

static inline void zctx_destroy (zctx_t **self_p)
{
    zctx_t *self = *self_p;
    if (!self)
        return;
    void *socket;
    while ((socket = zlist_pop (self->sockets)))
        zctx_close (socket);
    zlist_destroy (&self->sockets);
    if (!self->borrowed)
        zmq_ctx_term (self->context);
    free (self);
    *self_p = NULL;
}

/*  Sockets  */

static inline void *zsocket_new (zctx_t *context, int type)
{
    void *socket = zmq_socket (context->context, type);
    if (socket)
        zlist_append (context->sockets, socket);
    return socket;
}

static inline void zsocket_destroy (zctx_t *context, void *socket)
{
    zlist_remove (context->sockets, socket);
    zctx_close (socket);
}

static inline int zsocket_at (int (*join) (void *, const char *), void *socket, const char *format, ...)
{
    char endpoint[256];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (endpoint, sizeof endpoint, format, arguments);
    va_end (arguments);
    return join (socket, endpoint);
}

#define zsocket_bind(...) zsocket_at (zmq_bind, __VA_ARGS__)
#define zsocket_connect(...) zsocket_at (zmq_connect, __VA_ARGS__)

static inline void zsocket_set (void *socket, int option, int value)
{
    zmq_setsockopt (socket, option, &value, sizeof value);
}

#define zsocket_set_sndhwm(socket, value) zsocket_set (socket, ZMQ_SNDHWM, value)
#define zsocket_set_sndtimeo(socket, value) zsocket_set (socket, ZMQ_SNDTIMEO, value)

static inline void zsocket_set_hwm (void *socket, int value)
{
    zsocket_set (socket, ZMQ_SNDHWM, value);
    zsocket_set (socket, ZMQ_RCVHWM, value);
}

static inline void zsocket_set_subscribe (void *socket, const char *topic)
{
    zmq_setsockopt (socket, ZMQ_SUBSCRIBE, topic, strlen (topic));
}

static inline int zsocket_rcvmore (void *socket)
{
    int more = 0;
    size_t size = sizeof more;
    zmq_getsockopt (socket, ZMQ_RCVMORE, &more, &size);
    return more;
}

/*  Names that are older still.  */
#define zsockopt_set_subscribe zsocket_set_subscribe
#define zsockopt_rcvmore zsocket_rcvmore

/*  Threads: detached ones, and those that have the context of who began them and a pipe to it  */

typedef void *(zthread_detached_fn) (void *arguments);
typedef void (zthread_attached_fn) (void *arguments, zctx_t *context, void *pipe);

typedef struct {
    zthread_attached_fn *function;
    void *arguments;
    zctx_t *context;
    void *pipe;
} zthread_t;

static inline void *zthread_attached (void *argument)
{
    zthread_t *self = (zthread_t *)argument;
    self->function (self->arguments, self->context, self->pipe);
    zctx_destroy (&self->context);
    free (self);
    return NULL;
}

static inline int zthread_new (zthread_detached_fn *function, void *arguments)
{
    pthread_t thread;
    return pthread_create (&thread, NULL, function, arguments) ? -1 : pthread_detach (thread);
}

/*  Its pipe holds one message in each direction, as it did.  */
static inline void *zthread_fork (zctx_t *context, zthread_attached_fn *function, void *arguments)
{
    zthread_t *child = (zthread_t *)zmalloc (sizeof *child);
    child->function = function;
    child->arguments = arguments;
    child->context = zctx_over (context->context, true);
    child->pipe = zsocket_new (child->context, ZMQ_PAIR);
    void *pipe = zsocket_new (context, ZMQ_PAIR);
    zsocket_set_hwm (child->pipe, 1);
    zsocket_set_hwm (pipe, 1);
    zsocket_bind (pipe, "inproc://pipe-%p", pipe);
    zsocket_connect (child->pipe, "inproc://pipe-%p", pipe);
    return zthread_new (zthread_attached, child) ? NULL : pipe;
}

/*  Calls that have gone  */

typedef int (zhash_foreach_fn) (const char *key, void *item, void *argument);

/*  The function may take items out.  */
static inline int zhash_foreach (zhash_t *self, zhash_foreach_fn *function, void *argument)
{
    int rc = 0;
    zlist_t *keys = zhash_keys (self);
    for (char *key = (char *)zlist_first (keys); key && rc == 0; key = (char *)zlist_next (keys)) {
        void *item = zhash_lookup (self, key);
        if (item)
            rc = function (key, item, argument);
    }
    zlist_destroy (&keys);
    return rc;
}

/*  A frame that owns what it is given; today's czmq only copies.  */
static inline zframe_t *zframe_new_zero_copy (void *data, size_t size, void (*release) (void *data, void *argument), void *argument)
{
    zframe_t *self = zframe_new (data, size);
    release (data, argument);
    return self;
}

#define zmsg_dump(message) zmsg_fprint (message, stderr)

/*  Calls that have other arguments now: strings were formats, a message could be given to load into, and a timer's function was
 *  that of a poller.  */

#define zstr_send zstr_sendf
#define zstr_sendm zstr_sendfm
#define zmsg_addstr zmsg_addstrf
#define zmsg_pushstr zmsg_pushstrf
#define zmsg_load(message, file) zmsg_load (file)
#define zloop_timer(loop, delay, times, function, argument) zloop_timer (loop, delay, times, (zloop_timer_fn *)(function), argument)

#endif
