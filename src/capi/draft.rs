//! Draft functions of socket types that are not in this release: they fail with ENOTSUP, as the reference's do on
//! sockets of other types.

use super::error::{OrErrno, OrMinusOne, guard};
use super::socket::{text, with_socket};
use crate::error::Errno;
use crate::socket::Socket;
use std::ffi::{c_char, c_int, c_void};

fn unsupported<T>(handle: *mut c_void) -> crate::error::Result<T> {
    with_socket(handle, |_| Err(Errno::NOT_SUPPORTED))
}

/// Draft: joins a group of a DISH socket.
///
/// # Errors
/// - ENOTSUP: not a DISH socket.
/// - ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `group_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_join(s_: *mut c_void, group_: *const c_char) -> c_int {
    let _ = group_;
    guard(|| unsupported::<()>(s_)).or_minus_one()
}

/// Draft: leaves a group of a DISH socket.
///
/// # Errors
/// - ENOTSUP: not a DISH socket.
/// - ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `group_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_leave(s_: *mut c_void, group_: *const c_char) -> c_int {
    let _ = group_;
    guard(|| unsupported::<()>(s_)).or_minus_one()
}

/// Draft: connects a PEER socket and returns the routing id of the peer, or 0.
///
/// # Errors
/// - ENOTSUP: not a PEER socket.
/// - ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect_peer(s_: *mut c_void, addr_: *const c_char) -> u32 {
    let _ = addr_;
    guard(|| unsupported::<u32>(s_)).or_errno(0)
}

/// Draft: disconnects one peer of a SERVER or PEER socket.
///
/// # Errors
/// - ENOTSUP: another socket type.
/// - ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect_peer(s_: *mut c_void, routing_id_: u32) -> c_int {
    let _ = routing_id_;
    guard(|| unsupported::<()>(s_)).or_minus_one()
}

/// Draft: tells whether a peer of a ROUTER or REP socket can be sent to: ZMQ_POLLOUT, or 0 while its queue is full.
///
/// # Errors
/// - ENOTSUP: another socket type.
/// - EHOSTUNREACH: no peer has this routing id.
/// - EFAULT: NULL with a size.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `routing_id_`: NULL, or `routing_id_size_` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_get_peer_state(
    s_: *mut c_void,
    routing_id_: *const c_void,
    routing_id_size_: usize,
) -> c_int {
    guard(|| {
        let routing_id = match (routing_id_.is_null(), routing_id_size_) {
            (_, 0) => &[],
            (true, _) => return Err(Errno::FAULT),
            // SAFETY: the caller's promise, with NULL ruled out.
            (false, size) => unsafe { std::slice::from_raw_parts(routing_id_.cast::<u8>(), size) },
        };
        with_socket(s_, |socket| socket.peer_state(routing_id).map(c_int::from))
    })
    .or_minus_one()
}

/// Draft: zmq_socket_monitor with a choice of formats (1 or 2; 2 tells both endpoints) and of the monitor's socket type
/// (ZMQ_PAIR, ZMQ_PUB or ZMQ_PUSH).
///
/// # Errors
/// - EINVAL: not an endpoint, events that the format does not have, or another socket type.
/// - EPROTONOSUPPORT: not an inproc endpoint.
/// - EADDRINUSE: the endpoint is bound already.
/// - EMFILE, ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_versioned(
    s_: *mut c_void,
    addr_: *const c_char,
    events_: u64,
    event_version_: c_int,
    type_: c_int,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise, with NULL ruled out.
        let endpoint = if addr_.is_null() { None } else { Some(unsafe { text(addr_)? }) };
        with_socket(s_, |socket| socket.monitor(endpoint, events_, event_version_, type_))
    })
    .or_minus_one()
}

/// Draft: makes the monitor report how many messages wait in each pipe of the socket: an event
/// ZMQ_EVENT_PIPES_STATS for each, with two values, what is to be sent and what was received. They come from the I/O threads a moment later.
///
/// # Errors
/// - EINVAL: no monitor of the second version waits for such events.
/// - EAGAIN: there is no pipe.
/// - ENOTSOCK, ETERM.
///
/// # Safety
/// - `s_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_pipes_stats(s_: *mut c_void) -> c_int {
    guard(|| with_socket(s_, Socket::report_queues)).or_minus_one()
}
