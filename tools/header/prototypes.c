/*
 * Fails to compile when zmq.h lacks a function of the C interface, or declares it with another type.
 * Run by tools/header.sh --compile, as C and as C++.
 */
#include <zmq.h>
#include <zmq.h>

#define SAME(result, name, parameters) \
    extern result (*check_##name) parameters; \
    result (*check_##name) parameters = name

SAME (int, zmq_errno, (void));
SAME (const char *, zmq_strerror, (int));
SAME (void, zmq_version, (int *, int *, int *));
SAME (int, zmq_has, (const char *));

SAME (void *, zmq_ctx_new, (void));
SAME (int, zmq_ctx_term, (void *));
SAME (int, zmq_ctx_shutdown, (void *));
SAME (int, zmq_ctx_set, (void *, int, int));
SAME (int, zmq_ctx_get, (void *, int));
SAME (void *, zmq_init, (int));
SAME (int, zmq_term, (void *));
SAME (int, zmq_ctx_destroy, (void *));

SAME (int, zmq_msg_init, (zmq_msg_t *));
SAME (int, zmq_msg_init_size, (zmq_msg_t *, size_t));
SAME (int, zmq_msg_init_data, (zmq_msg_t *, void *, size_t, zmq_free_fn *, void *));
SAME (int, zmq_msg_send, (zmq_msg_t *, void *, int));
SAME (int, zmq_msg_recv, (zmq_msg_t *, void *, int));
SAME (int, zmq_msg_close, (zmq_msg_t *));
SAME (int, zmq_msg_move, (zmq_msg_t *, zmq_msg_t *));
SAME (int, zmq_msg_copy, (zmq_msg_t *, zmq_msg_t *));
SAME (void *, zmq_msg_data, (zmq_msg_t *));
SAME (size_t, zmq_msg_size, (const zmq_msg_t *));
SAME (int, zmq_msg_more, (const zmq_msg_t *));
SAME (int, zmq_msg_get, (const zmq_msg_t *, int));
SAME (int, zmq_msg_set, (zmq_msg_t *, int, int));
SAME (const char *, zmq_msg_gets, (const zmq_msg_t *, const char *));

SAME (void *, zmq_socket, (void *, int));
SAME (int, zmq_close, (void *));
SAME (int, zmq_setsockopt, (void *, int, const void *, size_t));
SAME (int, zmq_getsockopt, (void *, int, void *, size_t *));
SAME (int, zmq_bind, (void *, const char *));
SAME (int, zmq_connect, (void *, const char *));
SAME (int, zmq_unbind, (void *, const char *));
SAME (int, zmq_disconnect, (void *, const char *));
SAME (int, zmq_send, (void *, const void *, size_t, int));
SAME (int, zmq_send_const, (void *, const void *, size_t, int));
SAME (int, zmq_recv, (void *, void *, size_t, int));
SAME (int, zmq_sendmsg, (void *, zmq_msg_t *, int));
SAME (int, zmq_recvmsg, (void *, zmq_msg_t *, int));
SAME (int, zmq_sendiov, (void *, struct iovec *, size_t, int));
SAME (int, zmq_recviov, (void *, struct iovec *, size_t *, int));
SAME (int, zmq_socket_monitor, (void *, const char *, int));

SAME (int, zmq_poll, (zmq_pollitem_t *, int, long));
SAME (int, zmq_proxy, (void *, void *, void *));
SAME (int, zmq_proxy_steerable, (void *, void *, void *, void *));
SAME (int, zmq_device, (int, void *, void *));

SAME (char *, zmq_z85_encode, (char *, const uint8_t *, size_t));
SAME (uint8_t *, zmq_z85_decode, (uint8_t *, const char *));
SAME (int, zmq_curve_keypair, (char *, char *));
SAME (int, zmq_curve_public, (char *, const char *));

SAME (void *, zmq_atomic_counter_new, (void));
SAME (void, zmq_atomic_counter_set, (void *, int));
SAME (int, zmq_atomic_counter_inc, (void *));
SAME (int, zmq_atomic_counter_dec, (void *));
SAME (int, zmq_atomic_counter_value, (void *));
SAME (void, zmq_atomic_counter_destroy, (void **));

SAME (void *, zmq_timers_new, (void));
SAME (int, zmq_timers_destroy, (void **));
SAME (int, zmq_timers_add, (void *, size_t, zmq_timer_fn, void *));
SAME (int, zmq_timers_cancel, (void *, int));
SAME (int, zmq_timers_set_interval, (void *, int, size_t));
SAME (int, zmq_timers_reset, (void *, int));
SAME (long, zmq_timers_timeout, (void *));
SAME (int, zmq_timers_execute, (void *));

SAME (void *, zmq_stopwatch_start, (void));
SAME (unsigned long, zmq_stopwatch_intermediate, (void *));
SAME (unsigned long, zmq_stopwatch_stop, (void *));
SAME (void, zmq_sleep, (int));
SAME (void *, zmq_threadstart, (zmq_thread_fn *, void *));
SAME (void, zmq_threadclose, (void *));

#ifdef ZMQ_BUILD_DRAFT_API

SAME (int, zmq_ctx_set_ext, (void *, int, const void *, size_t));
SAME (int, zmq_ctx_get_ext, (void *, int, void *, size_t *));

SAME (int, zmq_join, (void *, const char *));
SAME (int, zmq_leave, (void *, const char *));
SAME (uint32_t, zmq_connect_peer, (void *, const char *));
SAME (int, zmq_disconnect_peer, (void *, uint32_t));
SAME (int, zmq_socket_get_peer_state, (void *, const void *, size_t));
SAME (int, zmq_socket_monitor_versioned, (void *, const char *, uint64_t, int, int));
SAME (int, zmq_socket_monitor_pipes_stats, (void *));

SAME (int, zmq_msg_set_routing_id, (zmq_msg_t *, uint32_t));
SAME (uint32_t, zmq_msg_routing_id, (zmq_msg_t *));
SAME (int, zmq_msg_set_group, (zmq_msg_t *, const char *));
SAME (const char *, zmq_msg_group, (zmq_msg_t *));
SAME (int, zmq_msg_init_buffer, (zmq_msg_t *, const void *, size_t));

SAME (void *, zmq_poller_new, (void));
SAME (int, zmq_poller_destroy, (void **));
SAME (int, zmq_poller_size, (void *));
SAME (int, zmq_poller_add, (void *, void *, void *, short));
SAME (int, zmq_poller_modify, (void *, void *, short));
SAME (int, zmq_poller_remove, (void *, void *));
SAME (int, zmq_poller_wait, (void *, zmq_poller_event_t *, long));
SAME (int, zmq_poller_wait_all, (void *, zmq_poller_event_t *, int, long));
SAME (int, zmq_poller_fd, (void *, zmq_fd_t *));
SAME (int, zmq_poller_add_fd, (void *, zmq_fd_t, void *, short));
SAME (int, zmq_poller_modify_fd, (void *, zmq_fd_t, short));
SAME (int, zmq_poller_remove_fd, (void *, zmq_fd_t));
SAME (int, zmq_ppoll, (zmq_pollitem_t *, int, long, const void *));

#endif

/* Sizes that programs were compiled with: negative array sizes do not compile. */
extern char size_of_a_message[sizeof (zmq_msg_t) == 64 ? 1 : -1];
extern char size_of_a_poll_item[sizeof (zmq_pollitem_t) == sizeof (void *) + 8 ? 1 : -1];
