//! Contexts.

use super::error::{OrMinusOne, OrNull, guard};
use crate::context::Context;
use crate::error::{Errno, Result};
use crate::options::number::{ZMQ_IO_THREADS, ZMQ_THREAD_NAME_PREFIX};
use crate::sync::{Cell, Registry};
use std::ffi::{c_int, c_void};
use std::sync::Arc;

static CONTEXTS: Registry<Arc<Context>> = Registry::new();

fn cell(handle: *mut c_void) -> Result<&'static Cell<Arc<Context>>> {
    CONTEXTS.find(handle).ok_or(Errno::FAULT)
}

/// The context behind a handle. EFAULT.
pub(super) fn context(handle: *mut c_void) -> Result<Arc<Context>> {
    cell(handle)?.lock().clone().ok_or(Errno::FAULT)
}

fn new_context() -> Result<*mut c_void> {
    let context = Context::new()?;
    let cell = CONTEXTS.insert(|_| context).ok_or(Errno::TOO_MANY_FILES)?;
    Ok(cell.as_handle())
}

/// Makes a context. Threads start with its first socket.
///
/// # Errors
/// - EMFILE: no file descriptor is left.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_new() -> *mut c_void {
    guard(new_context).or_null()
}

/// Ends a context: every call on its sockets fails with ETERM, and this call waits until all sockets are closed and
/// what they had to send was sent, as far as ZMQ_LINGER asks for it. The context is freed.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINTR: a signal came; call again to go on waiting.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_term(context_: *mut c_void) -> c_int {
    guard(|| {
        let cell = cell(context_)?;
        let context = context(context_)?;
        context.terminate()?;
        if cell.lock().take().is_some() {
            CONTEXTS.free(cell);
        }
        Ok(())
    })
    .or_minus_one()
}

/// Makes every call on the sockets of a context fail with ETERM, except zmq_close. Does not wait, and may be repeated.
///
/// # Errors
/// - EFAULT: not a context.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_shutdown(context_: *mut c_void) -> c_int {
    guard(|| {
        context(context_)?.shut_down();
        Ok(())
    })
    .or_minus_one()
}

/// Sets a context option.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINVAL: unknown option, or a value out of range.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set(context_: *mut c_void, option_: c_int, optval_: c_int) -> c_int {
    guard(|| context(context_)?.options.lock().set(option_, optval_)).or_minus_one()
}

/// Returns a context option, or -1.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINVAL: unknown option.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get(context_: *mut c_void, option_: c_int) -> c_int {
    guard(|| context(context_)?.options.lock().get(option_)).or_minus_one()
}

/// Draft: sets a context option of any type.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINVAL: unknown option, wrong size, or a value out of range.
///
/// # Safety
/// - `context_`: any value.
/// - `optval_`: NULL with length 0, or `optvallen_` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set_ext(
    context_: *mut c_void,
    option_: c_int,
    optval_: *const c_void,
    optvallen_: usize,
) -> c_int {
    guard(|| {
        let context = context(context_)?;
        // SAFETY: the caller's promise.
        let value = unsafe { super::socket::option_value(optval_, optvallen_)? };
        context.options.lock().set_ext(option_, value)
    })
    .or_minus_one()
}

/// Draft: reads a context option of any type.
///
/// # Errors
/// - EFAULT: not a context.
/// - EINVAL: unknown option, or a wrong size.
///
/// # Safety
/// - `context_`: any value.
/// - `optval_`: NULL, or as many writable bytes as `optvallen_` points at.
/// - `optvallen_`: NULL, or a readable size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get_ext(
    context_: *mut c_void,
    option_: c_int,
    optval_: *mut c_void,
    optvallen_: *mut usize,
) -> c_int {
    guard(|| {
        let context = context(context_)?;
        // SAFETY: the caller's promise.
        let out = unsafe { super::socket::option_buffer(optval_, optvallen_)? };
        if option_ == ZMQ_THREAD_NAME_PREFIX || out.len() == size_of::<c_int>() {
            return context.options.lock().get_ext(option_, out);
        }
        Err(Errno::INVALID)
    })
    .or_minus_one()
}

/// Deprecated: zmq_ctx_new and ZMQ_IO_THREADS in one.
///
/// # Errors
/// - EINVAL: `io_threads_` is negative.
/// - EMFILE: no file descriptor is left.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_init(io_threads_: c_int) -> *mut c_void {
    guard(|| {
        if io_threads_ < 0 {
            return Err(Errno::INVALID);
        }
        let handle = new_context()?;
        context(handle)?.options.lock().set(ZMQ_IO_THREADS, io_threads_)?;
        Ok(handle)
    })
    .or_null()
}

/// Deprecated: zmq_ctx_term.
///
/// # Errors
/// - As zmq_ctx_term.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_term(context_: *mut c_void) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_ctx_term(context_) }
}

/// Deprecated: zmq_ctx_term.
///
/// # Errors
/// - As zmq_ctx_term.
///
/// # Safety
/// - `context_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_destroy(context_: *mut c_void) -> c_int {
    // SAFETY: the same contract.
    unsafe { zmq_ctx_term(context_) }
}
