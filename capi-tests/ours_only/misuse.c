/* Every function with every kind of wrong handle and pointer: an error, and nothing else. The reference ends the process in many of these. */
#define ZMQ_BUILD_DRAFT_API
#include "../check.h"
#include <dlfcn.h>
#include <sys/uio.h>

typedef long (*call) (void *handle);

/* Draft functions are looked up, because the programs are linked with the reference. */
#define DRAFT(type, name) ((type) (uintptr_t) dlsym (RTLD_DEFAULT, #name))

static char text[300];
static int number;
static size_t size;
static zmq_msg_t spare;
static void *proxied; /* both sides of a proxy */

static void on_timer (int id, void *argument)
{
    (void) id, (void) argument;
}

/* ---- one line a function: everything but the handle is right ------------------------------------------------ */

#define LINE(name, ...) \
    static long name (void *h) { return (long) (__VA_ARGS__); }

LINE (close_, zmq_close (h))
LINE (bind_, zmq_bind (h, "inproc://misuse"))
LINE (connect_, zmq_connect (h, "inproc://misuse"))
LINE (unbind_, zmq_unbind (h, "inproc://misuse"))
LINE (disconnect_, zmq_disconnect (h, "inproc://misuse"))
LINE (send_, zmq_send (h, "x", 1, ZMQ_DONTWAIT))
LINE (send_const_, zmq_send_const (h, "x", 1, ZMQ_DONTWAIT))
LINE (recv_, zmq_recv (h, text, 1, ZMQ_DONTWAIT))
LINE (msg_send_, zmq_msg_send (&spare, h, ZMQ_DONTWAIT))
LINE (msg_recv_, zmq_msg_recv (&spare, h, ZMQ_DONTWAIT))
LINE (sendmsg_, zmq_sendmsg (h, &spare, ZMQ_DONTWAIT))
LINE (recvmsg_, zmq_recvmsg (h, &spare, ZMQ_DONTWAIT))
LINE (sendiov_, zmq_sendiov (h, &(struct iovec){text, 1}, 1, ZMQ_DONTWAIT))
LINE (recviov_, zmq_recviov (h, (struct iovec[1]){{NULL, 0}}, (size = 1, &size), ZMQ_DONTWAIT))
LINE (setsockopt_, zmq_setsockopt (h, ZMQ_LINGER, &number, sizeof number))
LINE (getsockopt_, (size = sizeof number, zmq_getsockopt (h, ZMQ_LINGER, &number, &size)))
LINE (monitor_, zmq_socket_monitor (h, "inproc://misuse-monitor", ZMQ_EVENT_ALL))
LINE (monitor_off_, zmq_socket_monitor (h, NULL, 0))
LINE (monitor_versioned_, DRAFT (int (*) (void *, const char *, uint64_t, int, int), zmq_socket_monitor_versioned) (h, "inproc://misuse-monitor", 1, 2, ZMQ_PAIR))
LINE (pipes_stats_, DRAFT (int (*) (void *), zmq_socket_monitor_pipes_stats) (h))
LINE (peer_state_, DRAFT (int (*) (void *, const void *, size_t), zmq_socket_get_peer_state) (h, "x", 1))
LINE (join_, DRAFT (int (*) (void *, const char *), zmq_join) (h, "group"))
LINE (leave_, DRAFT (int (*) (void *, const char *), zmq_leave) (h, "group"))
LINE (disconnect_peer_, DRAFT (int (*) (void *, uint32_t), zmq_disconnect_peer) (h, 1))
LINE (poll_, zmq_poll (&(zmq_pollitem_t){h, 0, ZMQ_POLLIN, 0}, 1, 0))
LINE (proxy_, zmq_proxy (h, h, NULL))
LINE (proxy_steerable_, zmq_proxy_steerable (h, h, NULL, NULL))
LINE (capture_, zmq_proxy (proxied, proxied, h))
LINE (device_, zmq_device (ZMQ_QUEUE, h, h))

static const struct
{
    const char *name;
    call run;
} of_sockets[] = {
#define ROW(name) {#name, name}
    ROW (close_),      ROW (bind_),       ROW (connect_),         ROW (unbind_),      ROW (disconnect_),    ROW (send_),
    ROW (send_const_), ROW (recv_),       ROW (msg_send_),        ROW (msg_recv_),    ROW (sendmsg_),       ROW (recvmsg_),
    ROW (sendiov_),    ROW (recviov_),    ROW (setsockopt_),      ROW (getsockopt_),  ROW (monitor_),       ROW (monitor_off_),
    ROW (monitor_versioned_), ROW (pipes_stats_), ROW (peer_state_), ROW (join_), ROW (leave_), ROW (disconnect_peer_),
    ROW (proxy_),      ROW (proxy_steerable_), ROW (device_),
};

/* What is no handle of a socket: nothing, memory of all kinds, and handles of other things. */
static int strangers (void **handles)
{
    static char zeros[8192], ones[8192];
    static int on_the_stack_once;
    int count = 0;
    memset (ones, 255, sizeof ones);
    void *closed = zmq_socket (context (), ZMQ_PAIR);
    OK (zmq_close (closed));
    handles[count++] = zeros;
    handles[count++] = zeros + 1;
    handles[count++] = ones + 8;
    handles[count++] = &on_the_stack_once;
    handles[count++] = (void *) (uintptr_t) 8;
    handles[count++] = (void *) UINTPTR_MAX;
    handles[count++] = closed;
    handles[count++] = (char *) closed + 8;
    handles[count++] = (char *) closed - 64;
    return count;
}

static void fails (const char *name, call run, void *handle, int code)
{
    errno = 0;
    long result = run (handle);
    if (result != -1 || errno != code)
        fail_at (__FILE__, __LINE__, "%s (%p) is %ld, errno %d (%s), expected %d", name, handle, result, errno,
                 zmq_strerror (errno), code);
}

static void functions_of_sockets (void)
{
    void *handles[12] = {NULL};
    zmq_msg_init (&spare);
    int count = 1 + strangers (handles + 1);
    handles[count++] = context ();
    for (size_t i = 0; i < sizeof of_sockets / sizeof *of_sockets; i++)
        for (int k = 0; k < count; k++)
            fails (of_sockets[i].name, of_sockets[i].run, handles[k], of_sockets[i].run == proxy_ || of_sockets[i].run == proxy_steerable_ || of_sockets[i].run == device_ ? (handles[k] ? ENOTSOCK : EFAULT) : ENOTSOCK);
    for (int k = 1; k < count; k++) /* NULL is a descriptor */
        fails ("poll_", poll_, handles[k], ENOTSOCK);
    /* Nothing has been moved when a proxy is refused. */
    void *peer;
    JOIN (proxied, ZMQ_PAIR, peer, ZMQ_PAIR, "inproc");
    SEND (peer, "stays");
    for (int k = 1; k < count; k++) /* NULL is no capture */
        fails ("capture_", capture_, handles[k], ENOTSOCK);
    RECV (proxied, "stays");
}

/* ---- contexts ---------------------------------------------------------------------------------------------- */

LINE (ctx_term_, zmq_ctx_term (h))
LINE (ctx_shutdown_, zmq_ctx_shutdown (h))
LINE (ctx_set_, zmq_ctx_set (h, ZMQ_IO_THREADS, 1))
LINE (ctx_get_, zmq_ctx_get (h, ZMQ_IO_THREADS))
LINE (ctx_destroy_, zmq_ctx_destroy (h))
LINE (term_, zmq_term (h))
LINE (socket_, zmq_socket (h, ZMQ_PAIR) ? 0 : -1)
LINE (ctx_set_ext_, DRAFT (int (*) (void *, int, const void *, size_t), zmq_ctx_set_ext) (h, ZMQ_IO_THREADS, &number, sizeof number))
LINE (ctx_get_ext_, DRAFT (int (*) (void *, int, void *, size_t *), zmq_ctx_get_ext) (h, ZMQ_IO_THREADS, &number, (size = sizeof number, &size)))

static void functions_of_contexts (void)
{
    static const call calls[] = {ctx_term_, ctx_shutdown_, ctx_set_, ctx_get_, ctx_destroy_, term_, socket_, ctx_set_ext_, ctx_get_ext_};
    static const char *const names[] = {"ctx_term", "ctx_shutdown", "ctx_set", "ctx_get", "ctx_destroy", "term", "socket", "ctx_set_ext", "ctx_get_ext"};
    void *handles[14] = {NULL}, *ended = zmq_ctx_new ();
    OK (zmq_ctx_term (ended));
    int count = 1 + strangers (handles + 1);
    handles[count++] = ended;
    handles[count++] = OPEN (ZMQ_PAIR);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int k = 0; k < count; k++)
            fails (names[i], calls[i], handles[k], EFAULT);
}

/* ---- timers and pollers -------------------------------------------------------------------------------------- */

LINE (timers_add_, zmq_timers_add (h, 1, on_timer, NULL))
LINE (timers_cancel_, zmq_timers_cancel (h, 1))
LINE (timers_set_interval_, zmq_timers_set_interval (h, 1, 1))
LINE (timers_reset_, zmq_timers_reset (h, 1))
LINE (timers_timeout_, zmq_timers_timeout (h))
LINE (timers_execute_, zmq_timers_execute (h))
LINE (timers_destroy_, zmq_timers_destroy (&h))
LINE (poller_destroy_, DRAFT (int (*) (void **), zmq_poller_destroy) (&h))
LINE (poller_size_, DRAFT (int (*) (void *), zmq_poller_size) (h))
LINE (poller_add_fd_, DRAFT (int (*) (void *, int, void *, short), zmq_poller_add_fd) (h, 0, NULL, ZMQ_POLLIN))
LINE (poller_remove_fd_, DRAFT (int (*) (void *, int), zmq_poller_remove_fd) (h, 0))
LINE (poller_add_, DRAFT (int (*) (void *, void *, void *, short), zmq_poller_add) (h, proxied, NULL, ZMQ_POLLIN))
LINE (poller_modify_, DRAFT (int (*) (void *, void *, short), zmq_poller_modify) (h, proxied, ZMQ_POLLIN))
LINE (poller_remove_, DRAFT (int (*) (void *, void *), zmq_poller_remove) (h, proxied))
LINE (poller_modify_fd_, DRAFT (int (*) (void *, int, short), zmq_poller_modify_fd) (h, 0, ZMQ_POLLIN))
LINE (poller_wait_all_, DRAFT (int (*) (void *, void *, int, long), zmq_poller_wait_all) (h, text, 2, 0))
LINE (poller_wait_, DRAFT (int (*) (void *, void *, long), zmq_poller_wait) (h, text, 0))
LINE (poller_fd_, DRAFT (int (*) (void *, int *), zmq_poller_fd) (h, &number))

static void functions_of_timers_and_pollers (void)
{
    static const call calls[] = {timers_add_,     timers_cancel_, timers_set_interval_, timers_reset_,     timers_timeout_, timers_execute_, timers_destroy_,
                                 poller_destroy_, poller_size_,   poller_add_fd_,       poller_remove_fd_, poller_wait_,    poller_fd_,
                                 poller_add_,     poller_modify_, poller_remove_,       poller_modify_fd_, poller_wait_all_};
    static const char *const names[] = {"timers_add", "timers_cancel", "timers_set_interval", "timers_reset", "timers_timeout", "timers_execute", "timers_destroy",
                                        "poller_destroy", "poller_size", "poller_add_fd", "poller_remove_fd", "poller_wait", "poller_fd",
                                        "poller_add", "poller_modify", "poller_remove", "poller_modify_fd", "poller_wait_all"};
    void *handles[16] = {NULL}, *timers = zmq_timers_new (), *poller = DRAFT (void *(*) (void), zmq_poller_new) ();
    int count = 1 + strangers (handles + 1);
    proxied = OPEN (ZMQ_PAIR);
    handles[count++] = context ();
    handles[count++] = proxied;
    /* Copies of what has been destroyed. */
    handles[count++] = timers;
    handles[count++] = poller;
    CHECK (zmq_timers_add (timers, 1, on_timer, NULL) > 0);
    OK (DRAFT (int (*) (void *, void *, void *, short), zmq_poller_add) (poller, proxied, NULL, ZMQ_POLLIN));
    OK (zmq_timers_destroy (&timers));
    OK (DRAFT (int (*) (void **), zmq_poller_destroy) (&poller));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int k = 0; k < count; k++)
            fails (names[i], calls[i], handles[k], EFAULT);
}

/* ---- after the context has ended ------------------------------------------------------------------------------- */

static void functions_after_the_end (void)
{
    void *c = zmq_ctx_new (), *socket = zmq_socket (c, ZMQ_ROUTER);
    zmq_msg_init (&spare);
    OK (zmq_bind (socket, "inproc://misuse"));
    OK (zmq_ctx_shutdown (c));
    for (size_t i = 1; i < sizeof of_sockets / sizeof *of_sockets; i++) /* all but close */
        if (of_sockets[i].run != join_ && of_sockets[i].run != leave_ && of_sockets[i].run != disconnect_peer_)
            fails (of_sockets[i].name, of_sockets[i].run, socket, ETERM);
    fails ("poll_", poll_, socket, ETERM);
    OK (zmq_close (socket));
    OK (zmq_ctx_term (c));
}

/* ---- NULL for everything else ---------------------------------------------------------------------------------- */

static void nothing_at_all (void)
{
    void *pair = OPEN (ZMQ_PAIR), *timers = zmq_timers_new (), *nothing = NULL;
    char key[41];
    OK (zmq_bind (pair, "inproc://alone"));
    zmq_msg_init_size (&spare, 3);
    FAILS (zmq_setsockopt (pair, ZMQ_LINGER, NULL, sizeof number), EINVAL);
    FAILS (zmq_getsockopt (pair, ZMQ_LINGER, &number, NULL), EFAULT);
    FAILS (zmq_sendiov (pair, NULL, 1, ZMQ_DONTWAIT), EINVAL);
    FAILS (zmq_sendiov (pair, &(struct iovec){NULL, 5}, 1, ZMQ_DONTWAIT), EFAULT);
    FAILS (zmq_recviov (pair, NULL, &size, ZMQ_DONTWAIT), EINVAL);
    FAILS (zmq_recviov (pair, &(struct iovec){NULL, 0}, NULL, ZMQ_DONTWAIT), EINVAL);
    FAILS (zmq_msg_init_data (NULL, text, 1, NULL, NULL), EFAULT);
    FAILS (zmq_msg_copy (&spare, NULL), EFAULT);
    FAILS (zmq_msg_move (&spare, NULL), EFAULT);
    EQUAL (zmq_msg_size (&spare), 3);
    CHECK (zmq_msg_data (NULL) == NULL);
    EQUAL (zmq_msg_size (NULL), 0);
    EQUAL (zmq_msg_more (NULL), 0);
    FAILS (zmq_msg_get (NULL, ZMQ_MORE), EFAULT);
    FAILS (zmq_msg_set (NULL, ZMQ_MORE, 1), EINVAL);
    NOTHING (zmq_msg_gets (NULL, "Identity"), EFAULT);
    NOTHING (zmq_msg_gets (&spare, NULL), EINVAL);
    FAILS (zmq_timers_add (timers, 1, NULL, NULL), EFAULT);
    FAILS (zmq_timers_destroy (&nothing), EFAULT);
    NOTHING (zmq_z85_encode (NULL, (const uint8_t *) "abcd", 4), EINVAL);
    NOTHING (zmq_z85_encode (text, NULL, 4), EINVAL);
    NOTHING (zmq_z85_decode (NULL, "abcde"), EINVAL);
    FAILS (zmq_curve_keypair (NULL, key), EINVAL);
    FAILS (zmq_curve_keypair (key, NULL), EINVAL);
    FAILS (zmq_curve_public (NULL, key), EINVAL);
    FAILS (zmq_curve_public (key, NULL), EINVAL);
    NOTHING (zmq_threadstart (NULL, NULL), EFAULT);
    zmq_threadclose (NULL);
    zmq_version (NULL, NULL, NULL);
    zmq_stopwatch_intermediate (NULL);
    zmq_stopwatch_stop (NULL);
    zmq_atomic_counter_set (NULL, 1);
    zmq_atomic_counter_inc (NULL);
    zmq_atomic_counter_dec (NULL);
    zmq_atomic_counter_value (NULL);
    zmq_atomic_counter_destroy (NULL);
    zmq_atomic_counter_destroy (&nothing);
    EQUAL (zmq_poll (NULL, 0, 0), 0);
    OK (zmq_timers_destroy (&timers));
    OK (zmq_msg_close (&spare));
}

RUN_CASES (CASE (functions_of_sockets), CASE (functions_of_contexts), CASE (functions_of_timers_and_pollers), CASE (functions_after_the_end),
           CASE (nothing_at_all))
