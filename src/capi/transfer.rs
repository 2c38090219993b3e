//! Sending and receiving.

use super::constants::zmq_msg_t;
use super::error::{OrMinusOne, guard};
use super::message::message;
use super::socket::with_socket;
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::socket::{self, Socket};
use std::ffi::{c_int, c_void};

/// Sizes are returned as int: what does not fit is clipped.
fn clip(size: usize) -> c_int {
    c_int::try_from(size).unwrap_or(c_int::MAX)
}

/// A buffer from C. EFAULT for NULL with a size.
///
/// # Safety
/// `data` must be NULL or point at `size` readable bytes.
pub(super) unsafe fn bytes<'a>(data: *const c_void, size: usize) -> Result<&'a [u8]> {
    match (data.is_null(), size) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Errno::FAULT),
        // SAFETY: the caller's promise.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(data.cast(), size) }),
    }
}

/// The message at an address. A wrong socket is reported before a wrong message, and so is the end of its context.
///
/// # Safety
/// As for [`message`].
#[inline(always)]
unsafe fn message_for<'a>(socket: *mut c_void, address: *mut zmq_msg_t) -> Result<&'a mut Message> {
    // SAFETY: the caller's promise.
    match unsafe { message(address) } {
        Err(error) => Err(earlier_error(socket, error)),
        found => found,
    }
}

/// What is wrong with the socket, if anything, otherwise what is wrong with the message.
#[cold]
fn earlier_error(socket: *mut c_void, error: Errno) -> Errno {
    with_socket(socket, Socket::enter).err().unwrap_or(error)
}

/// Sends a copy of a buffer as one part. Returns its size.
///
/// # Errors
/// - EAGAIN: it cannot be sent now, and ZMQ_DONTWAIT or ZMQ_SNDTIMEO says not to wait (longer).
/// - ENOTSUP: this socket type cannot send.
/// - EFSM: not in this state of the socket.
/// - EHOSTUNREACH: no route to the peer.
/// - EINVAL: this socket type has no multipart messages.
/// - EINTR: a signal came.
/// - EFAULT: NULL with a size.
/// - ETERM, ENOTSOCK, ENOMEM.
///
/// # Safety
/// - `s_`: any value.
/// - `buf_`: NULL, or `len_` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send(s_: *mut c_void, buf_: *const c_void, len_: usize, flags_: c_int) -> c_int {
    guard(|| {
        let mut message = Message::new();
        // SAFETY: the caller's promise.
        message.assign(unsafe { bytes(buf_, len_)? })?;
        socket::send(socket::find(s_)?, &mut message, flags_)?;
        Ok(clip(len_))
    })
    .or_minus_one()
}

/// Sends a buffer that never changes, without copying it. Returns its size.
///
/// # Errors
/// - As zmq_send.
///
/// # Safety
/// - `s_`: any value.
/// - `buf_`: NULL, or `len_` bytes that are valid and unchanged for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_send_const(
    s_: *mut c_void,
    buf_: *const c_void,
    len_: usize,
    flags_: c_int,
) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise.
        let data = unsafe { bytes(buf_, len_)? };
        // SAFETY: the caller's promise.
        let mut message = unsafe { Message::constant(data.as_ptr(), data.len()) };
        socket::send(socket::find(s_)?, &mut message, flags_)?;
        Ok(clip(len_))
    })
    .or_minus_one()
}

/// Receives one part into a buffer. Returns the size of the part, which may be larger than the buffer: then the rest is
/// dropped.
///
/// # Errors
/// - EAGAIN: there is nothing now, and ZMQ_DONTWAIT or ZMQ_RCVTIMEO says not to wait (longer).
/// - ENOTSUP: this socket type cannot receive.
/// - EFSM: not in this state of the socket.
/// - EINTR: a signal came.
/// - EFAULT: NULL with a size.
/// - ETERM, ENOTSOCK.
///
/// # Safety
/// - `s_`: any value.
/// - `buf_`: NULL, or `len_` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recv(s_: *mut c_void, buf_: *mut c_void, len_: usize, flags_: c_int) -> c_int {
    guard(|| {
        if buf_.is_null() && len_ > 0 {
            return Err(Errno::FAULT);
        }
        let mut message = Message::new();
        socket::recv_into(socket::find(s_)?, &mut message, flags_, false)?;
        let data = message.data();
        let size = data.len().min(len_);
        if size > 0 {
            // SAFETY: the caller's promise; the content of a message does not overlap the caller's buffer.
            unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), buf_.cast(), size) };
        }
        Ok(clip(data.len()))
    })
    .or_minus_one()
}

/// Sends a message part. On success the message is empty afterwards, on failure it keeps its content. Returns its size.
///
/// # Errors
/// - As zmq_send; EFAULT also for NULL and for no message.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
/// - `s_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_send(msg_: *mut zmq_msg_t, s_: *mut c_void, flags_: c_int) -> c_int {
    guard(|| {
        let socket = socket::find(s_)?;
        // SAFETY: the caller's promise.
        let message = unsafe { message_for(s_, msg_)? };
        let size = message.len();
        socket::send(socket, message, flags_)?;
        Ok(clip(size))
    })
    .or_minus_one()
}

/// Receives a message part, in place of what the message holds. Returns its size.
///
/// # Errors
/// - As zmq_recv; EFAULT also for NULL and for no message.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
/// - `s_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_recv(msg_: *mut zmq_msg_t, s_: *mut c_void, flags_: c_int) -> c_int {
    guard(|| {
        let socket = socket::find(s_)?;
        // SAFETY: the caller's promise.
        let message = unsafe { message_for(s_, msg_)? };
        // Released before the socket is used: a free function may call the library.
        message.clear_to_reuse();
        socket::recv_into(socket, message, flags_, true).inspect_err(|_| message.clear())?;
        Ok(clip(message.len()))
    })
    .or_minus_one()
}

/// Deprecated: zmq_msg_send with the arguments in another order.
///
/// # Errors
/// - As zmq_msg_send.
///
/// # Safety
/// - As zmq_msg_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendmsg(s_: *mut c_void, msg_: *mut zmq_msg_t, flags_: c_int) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_msg_send(msg_, s_, flags_) }
}

/// Deprecated: zmq_msg_recv with the arguments in another order.
///
/// # Errors
/// - As zmq_msg_recv.
///
/// # Safety
/// - As zmq_msg_recv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recvmsg(s_: *mut c_void, msg_: *mut zmq_msg_t, flags_: c_int) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_msg_recv(msg_, s_, flags_) }
}

/// Sends several buffers: with ZMQ_SNDMORE as the parts of one message, otherwise as one message each. Returns the size
/// of the last.
///
/// # Errors
/// - EINVAL: NULL, or no buffers.
/// - As zmq_send; what was sent before the failure stays sent.
///
/// # Safety
/// - `s_`: any value.
/// - `iov_`: NULL, or `count_` readable entries, each with a buffer of its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_sendiov(
    s_: *mut c_void,
    iov_: *mut libc::iovec,
    count_: usize,
    flags_: c_int,
) -> c_int {
    guard(|| {
        let socket = socket::find(s_)?;
        if iov_.is_null() || count_ == 0 {
            return Err(Errno::INVALID);
        }
        // SAFETY: the caller's promise.
        let entries = unsafe { std::slice::from_raw_parts(iov_, count_) };
        if entries.iter().any(|entry| entry.iov_base.is_null() && entry.iov_len > 0) {
            // Before anything is sent.
            return Err(Errno::FAULT);
        }
        let mut size = 0;
        for (index, entry) in entries.iter().enumerate() {
            // SAFETY: the caller's promise.
            let mut message = Message::from_slice(unsafe { bytes(entry.iov_base, entry.iov_len)? })?;
            let last = index + 1 == entries.len();
            let flags = if last { flags_ & !SEND_MORE } else { flags_ };
            socket::send(socket, &mut message, flags)?;
            size = entry.iov_len;
        }
        Ok(clip(size))
    })
    .or_minus_one()
}

const SEND_MORE: c_int = super::constants::ZMQ_SNDMORE;

/// Receives the parts of one message into buffers that it allocates with malloc; the caller frees them. Returns the number
/// of parts received, also in `*count_`.
///
/// # Errors
/// - EINVAL: NULL, or room for no part.
/// - As zmq_recv; `*count_` is then the number of parts received before the failure.
///
/// # Safety
/// - `s_`: any value.
/// - `iov_`: NULL, or as many writable entries as `count_` points at.
/// - `count_`: NULL, or a readable and writable number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_recviov(
    s_: *mut c_void,
    iov_: *mut libc::iovec,
    count_: *mut usize,
    flags_: c_int,
) -> c_int {
    guard(|| {
        let socket = socket::find(s_)?;
        // SAFETY: the caller's promise, with NULL ruled out first.
        if count_.is_null() || iov_.is_null() || unsafe { count_.read() } == 0 {
            return Err(Errno::INVALID);
        }
        // SAFETY: as above.
        let room = unsafe { count_.read() };
        // SAFETY: as above.
        unsafe { count_.write(0) };
        let mut received = 0;
        let mut more = true;
        while more && received < room {
            let message = socket::recv(socket, flags_, false)?;
            more = message.more();
            // SAFETY: malloc has no preconditions; a size of 0 still gives something to free.
            let buffer = unsafe { libc::malloc(message.len().max(1)) };
            if buffer.is_null() {
                return Err(Errno::NO_MEMORY);
            }
            // SAFETY: the buffer was made for that many bytes; the entry is one of the caller's.
            unsafe {
                std::ptr::copy_nonoverlapping(message.data().as_ptr(), buffer.cast(), message.len());
                iov_.add(received).write(libc::iovec { iov_base: buffer, iov_len: message.len() });
                received += 1;
                count_.write(received);
            }
        }
        Ok(clip(received))
    })
    .or_minus_one()
}
