//! Sockets: opening, closing, options, endpoints.

use super::constants::ZMQ_PAIR;
use super::context::context;
use super::error::{OrMinusOne, OrNull, guard};
use crate::error::{Errno, Result};
use crate::socket::{self, SOCKETS, Socket};
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;

/// Runs with exclusive use of the socket behind a handle. ENOTSOCK, and EINTR in a forked child.
pub(super) fn with_socket<R>(handle: *mut c_void, work: impl FnOnce(&mut Socket) -> Result<R>) -> Result<R> {
    let mut guard = socket::find(handle)?.lock();
    work(guard.as_mut().ok_or(Errno::NOT_A_SOCKET)?)
}

/// An option value from C: `None` for (NULL, 0). EINVAL for NULL with a size.
///
/// # Safety
/// `value` must be NULL or point at `size` readable bytes.
pub(super) unsafe fn option_value<'a>(value: *const c_void, size: usize) -> Result<Option<&'a [u8]>> {
    match (value.is_null(), size) {
        (true, 0) => Ok(None),
        (true, _) => Err(Errno::INVALID),
        // SAFETY: the caller's promise.
        (false, _) => Ok(Some(unsafe { std::slice::from_raw_parts(value.cast(), size) })),
    }
}

/// Where to write an option value for C. EFAULT for NULL.
///
/// # Safety
/// `size` must be NULL or readable, `value` NULL or that many writable bytes.
pub(super) unsafe fn option_buffer<'a>(value: *mut c_void, size: *const usize) -> Result<&'a mut [u8]> {
    if size.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: not NULL, so readable.
    let size = unsafe { size.read() };
    if value.is_null() {
        return if size == 0 { Ok(&mut []) } else { Err(Errno::FAULT) };
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(value.cast(), size) })
}

/// An endpoint from C: bytes, since names and paths may be any. EINVAL for NULL.
///
/// # Safety
/// `endpoint` must be NULL or a NUL-terminated string.
pub(super) unsafe fn text<'a>(endpoint: *const c_char) -> Result<&'a OsStr> {
    if endpoint.is_null() {
        return Err(Errno::INVALID);
    }
    // SAFETY: not NULL, so a string.
    Ok(OsStr::from_bytes(unsafe { CStr::from_ptr(endpoint) }.to_bytes()))
}

/// Opens a socket.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINVAL: unknown socket type.
/// - EMFILE: ZMQ_MAX_SOCKETS is reached, or no file descriptor is left.
/// - ETERM: the context is ending.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket(context_: *mut c_void, type_: c_int) -> *mut c_void {
    guard(|| Ok(socket::open(&context(context_)?, type_)?.as_handle())).or_null()
}

/// Closes a socket. Does not wait: what is unsent is sent in the background, as far as ZMQ_LINGER asks for it.
///
/// # Errors
/// - ENOTSOCK: not a socket.
///
/// # Safety
/// - `s_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_close(s_: *mut c_void) -> c_int {
    guard(|| socket::close(SOCKETS.find(s_).ok_or(Errno::NOT_A_SOCKET)?)).or_minus_one()
}

/// Sets a socket option.
///
/// # Errors
/// - ENOTSOCK: not a socket.
/// - EINVAL: unknown option, wrong size, or a value out of range.
/// - ETERM: the context is ending.
///
/// # Safety
/// - `s_`: any value.
/// - `optval_`: NULL with length 0, or `optvallen_` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_setsockopt(
    s_: *mut c_void,
    option_: c_int,
    optval_: *const c_void,
    optvallen_: usize,
) -> c_int {
    guard(|| {
        with_socket(s_, |socket| {
            // SAFETY: the caller's promise.
            let value = unsafe { option_value(optval_, optvallen_)? };
            socket.set_option(option_, value)
        })
    })
    .or_minus_one()
}

/// Reads a socket option; `*optvallen_` becomes the size of the value.
///
/// # Errors
/// - ENOTSOCK: not a socket.
/// - EINVAL: unknown option, or a wrong size.
/// - EFAULT: a NULL buffer or size.
/// - ETERM: the context is ending.
///
/// # Safety
/// - `s_`: any value.
/// - `optval_`: NULL, or as many writable bytes as `optvallen_` points at.
/// - `optvallen_`: NULL, or a readable and writable size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_getsockopt(
    s_: *mut c_void,
    option_: c_int,
    optval_: *mut c_void,
    optvallen_: *mut usize,
) -> c_int {
    guard(|| {
        with_socket(s_, |socket| {
            // SAFETY: the caller's promise.
            let out = unsafe { option_buffer(optval_, optvallen_)? };
            let size = socket.option(option_, out)?;
            // SAFETY: `option_buffer` ruled NULL out.
            unsafe { optvallen_.write(size) };
            Ok(())
        })
    })
    .or_minus_one()
}

/// Binds a socket to an endpoint, and listens there.
///
/// # Errors
/// - EINVAL: the endpoint is NULL or malformed.
/// - EPROTONOSUPPORT: unknown transport.
/// - ENOCOMPATPROTO: the transport does not go with the socket type.
/// - EADDRINUSE, EADDRNOTAVAIL, ENODEV, ENAMETOOLONG, EACCES and others of the system.
/// - EMTHREAD: there is no I/O thread.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_bind(s_: *mut c_void, addr_: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    guard(|| with_socket(s_, |socket| socket.bind(unsafe { text(addr_)? }))).or_minus_one()
}

/// Connects a socket to an endpoint. Returns at once; the connection is made, and made again, in the background.
///
/// # Errors
/// - EINVAL: the endpoint is NULL or malformed.
/// - EPROTONOSUPPORT: unknown transport.
/// - ENOCOMPATPROTO: the transport does not go with the socket type.
/// - ENAMETOOLONG: the path is too long.
/// - EMTHREAD: there is no I/O thread.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_connect(s_: *mut c_void, addr_: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    guard(|| with_socket(s_, |socket| socket.connect(unsafe { text(addr_)? }))).or_minus_one()
}

/// Stops listening on an endpoint, and closes the connections that were made through it.
///
/// # Errors
/// - EINVAL: the endpoint is NULL or malformed.
/// - EPROTONOSUPPORT: unknown transport.
/// - ENOENT: the socket does not know this endpoint; bound ones are known by ZMQ_LAST_ENDPOINT.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_unbind(s_: *mut c_void, addr_: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    guard(|| with_socket(s_, |socket| socket.remove_endpoint(unsafe { text(addr_)? }))).or_minus_one()
}

/// Ends the connection to an endpoint. Unread messages from it are dropped, unsent ones linger.
///
/// # Errors
/// - EINVAL: the endpoint is NULL or malformed.
/// - EPROTONOSUPPORT: unknown transport.
/// - ENOENT: the socket is not connected to this endpoint.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_disconnect(s_: *mut c_void, addr_: *const c_char) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_unbind(s_, addr_) }
}

/// Reports what happens to the connections of a socket, as messages of two frames: event (16 bits) and value (32 bits) in the
/// byte order of the machine, then the endpoint. The library binds a ZMQ_PAIR socket to `addr_`; connect one to it, and receive.
/// Reports never delay a connection: a reader that is too slow loses some. NULL ends the reports.
///
/// # Errors
/// - EINVAL: not an endpoint, or unknown events.
/// - EPROTONOSUPPORT: not an inproc endpoint.
/// - EADDRINUSE: the endpoint is bound already.
/// - EMFILE: ZMQ_MAX_SOCKETS is reached.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `addr_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor(s_: *mut c_void, addr_: *const c_char, events_: c_int) -> c_int {
    // SAFETY: the same contract.
    unsafe { super::draft::zmq_socket_monitor_versioned(s_, addr_, events_ as u64, 1, ZMQ_PAIR) }
}
