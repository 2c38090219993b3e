//! Messages.

use super::constants::{ZMQ_MORE, ZMQ_SHARED, ZMQ_SRCFD, zmq_free_fn, zmq_msg_t};
use super::error::{OrErrno, OrMinusOne, OrNull, guard, set_errno};
use crate::error::{Errno, Result};
use crate::message::Message;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// The message in C memory. EFAULT for NULL and for memory without a message.
///
/// # Safety
/// `memory` must be NULL or initialised memory of a `zmq_msg_t`, used by nobody else meanwhile.
#[inline]
pub(super) unsafe fn message<'a>(memory: *mut zmq_msg_t) -> Result<&'a mut Message> {
    let memory = memory.cast::<Message>();
    // SAFETY: the caller's promise, with NULL ruled out.
    if memory.is_null() || !unsafe { Message::is_valid(memory) } {
        return Err(Errno::FAULT);
    }
    // SAFETY: it holds a message, and the caller has it alone.
    Ok(unsafe { &mut *memory })
}

/// Puts a message into memory that holds none.
///
/// # Safety
/// `memory` must be NULL or writable memory of a `zmq_msg_t`; what it holds is overwritten, not closed.
unsafe fn put(memory: *mut zmq_msg_t, message: Message) -> Result<()> {
    // SAFETY: the caller's promise.
    *unsafe { put_empty(memory)? } = message;
    Ok(())
}

/// Makes an empty message in memory that holds none.
///
/// # Safety
/// As for [`put`].
#[inline]
unsafe fn put_empty<'a>(memory: *mut zmq_msg_t) -> Result<&'a mut Message> {
    // SAFETY: the caller's promise.
    Ok(unsafe { place(memory)? }.write(Message::new()))
}

/// Memory for a message.
///
/// # Safety
/// As for [`put`].
#[inline]
unsafe fn place<'a>(memory: *mut zmq_msg_t) -> Result<&'a mut MaybeUninit<Message>> {
    if memory.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { &mut *memory.cast::<MaybeUninit<Message>>() })
}

/// Makes an empty message.
///
/// # Errors
/// - EFAULT: NULL.
///
/// # Safety
/// - `msg_`: NULL, or writable memory that holds no message to be closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init(msg_: *mut zmq_msg_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { put_empty(msg_) }.map(drop).or_minus_one()
}

/// Makes a message of a given size, with undefined content.
///
/// # Errors
/// - ENOMEM: no memory for it.
/// - EFAULT: NULL.
///
/// # Safety
/// - `msg_`: NULL, or writable memory that holds no message to be closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_size(msg_: *mut zmq_msg_t, size_: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { place(msg_) }.and_then(|place| Message::init_sized(place, size_)).or_minus_one()
}

/// Draft: makes a message with a copy of a buffer.
///
/// # Errors
/// - ENOMEM: no memory for it.
/// - EFAULT: NULL, or a NULL buffer with a size.
///
/// # Safety
/// - `msg_`: NULL, or writable memory that holds no message to be closed.
/// - `buf_`: NULL, or `size_` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_buffer(
    msg_: *mut zmq_msg_t,
    buf_: *const c_void,
    size_: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { super::transfer::bytes(buf_, size_) }
        // SAFETY: the caller's promise.
        .and_then(|bytes| unsafe { put_empty(msg_) }?.assign(bytes))
        .or_minus_one()
}

/// Makes a message over memory of the application. `ffn_` gets the memory back: it is called once, perhaps on another
/// thread, when neither the application nor the library needs the content any more. Without `ffn_` the memory must
/// stay unchanged for ever.
///
/// # Errors
/// - ENOMEM: no memory; `ffn_` is not called.
/// - EFAULT: NULL, or NULL data with a size.
///
/// # Safety
/// - `msg_`: NULL, or writable memory that holds no message to be closed.
/// - `data_`: NULL, or `size_` bytes that stay valid until `ffn_` is called with them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_data(
    msg_: *mut zmq_msg_t,
    data_: *mut c_void,
    size_: usize,
    ffn_: Option<zmq_free_fn>,
    hint_: *mut c_void,
) -> c_int {
    guard(|| {
        if msg_.is_null() || (data_.is_null() && size_ > 0) {
            return Err(Errno::FAULT);
        }
        let message = match ffn_ {
            // SAFETY: the caller's promise.
            Some(free) => unsafe { Message::from_user(data_.cast(), size_, free, hint_)? },
            // SAFETY: the caller's promise.
            None => unsafe { Message::constant(data_.cast(), size_) },
        };
        // SAFETY: the caller's promise.
        unsafe { put(msg_, message) }
    })
    .or_minus_one()
}

/// Releases a message. Every message that was initialised must be closed.
///
/// # Errors
/// - EFAULT: NULL, or no message: it was closed already.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_close(msg_: *mut zmq_msg_t) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise; `message` has checked that there is a message to close.
        unsafe {
            let message: *mut Message = message(msg_)?;
            Message::close(message);
        }
        Ok(())
    })
    .or_minus_one()
}

/// Moves the content of one message to another, whose old content is released; the source becomes empty.
///
/// # Errors
/// - EFAULT: NULL, or no message.
///
/// # Safety
/// - `dest_`, `src_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_move(dest_: *mut zmq_msg_t, src_: *mut zmq_msg_t) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise; one reference at a time, as the two may be the same message.
        unsafe {
            message(src_)?;
            message(dest_)?;
            if !ptr::eq(dest_, src_) {
                let content = message(src_)?.take();
                *message(dest_)? = content;
            }
        }
        Ok(())
    })
    .or_minus_one()
}

/// Makes one message a copy of another; larger contents are shared, so do not change them afterwards.
///
/// # Errors
/// - EFAULT: NULL, or no message.
///
/// # Safety
/// - `dest_`, `src_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_copy(dest_: *mut zmq_msg_t, src_: *mut zmq_msg_t) -> c_int {
    guard(|| {
        // SAFETY: the caller's promise; one reference at a time, as the two may be the same message.
        unsafe {
            message(src_)?;
            message(dest_)?;
            let copy = message(src_)?.share();
            *message(dest_)? = copy;
        }
        Ok(())
    })
    .or_minus_one()
}

/// Returns the content. The pointer is valid until the message is changed or closed.
///
/// # Errors
/// - EFAULT: NULL, or no message; returns NULL.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_data(msg_: *mut zmq_msg_t) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { message(msg_) }.map(|message| message.data_mut_ptr().cast::<c_void>()).or_null()
}

/// Returns the number of bytes.
///
/// # Errors
/// - EFAULT: NULL, or no message; returns 0.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_size(msg_: *const zmq_msg_t) -> usize {
    // SAFETY: the caller's promise.
    unsafe { message(msg_.cast_mut()) }.map(|message| message.len()).or_errno(0)
}

/// Returns 1 when more parts of the same message follow.
///
/// # Errors
/// - EFAULT: NULL, or no message; returns 0.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_more(msg_: *const zmq_msg_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { message(msg_.cast_mut()) }.map(|message| c_int::from(message.more())).or_errno(0)
}

/// Returns a property: ZMQ_MORE, ZMQ_SRCFD (the file descriptor it came from), ZMQ_SHARED.
///
/// # Errors
/// - EINVAL: unknown property, or there is no descriptor.
/// - EFAULT: NULL, or no message.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_get(msg_: *const zmq_msg_t, property_: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { message(msg_.cast_mut()) }
        .and_then(|message| match property_ {
            ZMQ_MORE => Ok(c_int::from(message.more())),
            ZMQ_SHARED => Ok(c_int::from(message.is_shared())),
            ZMQ_SRCFD => message.metadata().and_then(|metadata| metadata.descriptor()).ok_or(Errno::INVALID),
            _ => Err(Errno::INVALID),
        })
        .or_minus_one()
}

/// Sets a property. There is none that can be set.
///
/// # Errors
/// - EINVAL: always.
///
/// # Safety
/// - `msg_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set(msg_: *mut zmq_msg_t, property_: c_int, optval_: c_int) -> c_int {
    let _ = (msg_, property_, optval_);
    set_errno(Errno::INVALID);
    -1
}

/// Returns a property of the connection that a message came from: Socket-Type, Routing-Id, User-Id, Peer-Address, or one
/// that the peer set itself (X-...). Valid as long as the message.
///
/// # Errors
/// - EINVAL: there is no such property; returns NULL.
/// - EFAULT: NULL, or no message; returns NULL.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
/// - `property_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_gets(msg_: *const zmq_msg_t, property_: *const c_char) -> *const c_char {
    guard(|| {
        // SAFETY: the caller's promise.
        let message = unsafe { message(msg_.cast_mut())? };
        if property_.is_null() {
            return Err(Errno::INVALID);
        }
        // SAFETY: not NULL, so a string.
        let name = unsafe { CStr::from_ptr(property_) }.to_str().map_err(|_| Errno::INVALID)?;
        let metadata = message.metadata().ok_or(Errno::INVALID)?;
        // The documented name of the property that ZMTP calls Identity.
        let alias = (name == "Routing-Id").then_some("Identity");
        let value = metadata.property(name).or_else(|| metadata.property(alias?));
        value.map(CStr::as_ptr).ok_or(Errno::INVALID)
    })
    .or_null()
}

/// Draft: sets the routing id of a message for a SERVER or PEER socket.
///
/// # Errors
/// - EINVAL: 0 is no routing id.
/// - EFAULT: NULL, or no message.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_routing_id(msg_: *mut zmq_msg_t, routing_id_: u32) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { message(msg_) }
        .and_then(|message| {
            if routing_id_ == 0 {
                return Err(Errno::INVALID);
            }
            message.set_routing_id(routing_id_);
            Ok(())
        })
        .or_minus_one()
}

/// Draft: returns the routing id of a message; 0 is none.
///
/// # Errors
/// - EFAULT: NULL, or no message; returns 0.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_routing_id(msg_: *mut zmq_msg_t) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { message(msg_) }.map(|message| message.routing_id()).or_errno(0)
}

/// Draft: sets the group of a message for a RADIO socket; what exceeds 255 bytes is cut off.
///
/// # Errors
/// - EFAULT: NULL, or no message.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
/// - `group_`: NULL, or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_group(msg_: *mut zmq_msg_t, group_: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { message(msg_) }
        .and_then(|message| {
            if group_.is_null() {
                return Err(Errno::FAULT);
            }
            // SAFETY: not NULL, so a string.
            message.set_group(unsafe { CStr::from_ptr(group_) }.to_bytes());
            Ok(())
        })
        .or_minus_one()
}

/// Draft: returns the group of a message; "" is none.
///
/// # Errors
/// - EFAULT: NULL, or no message; returns NULL.
///
/// # Safety
/// - `msg_`: NULL, or initialised memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_group(msg_: *mut zmq_msg_t) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { message(msg_) }.map(|message| message.group().as_ptr()).or_null()
}
