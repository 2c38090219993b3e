//! zmq_poll.

use super::constants::zmq_pollitem_t;
use super::error::{OrMinusOne, guard};
use crate::error::{Errno, Result};
use crate::socket::{self, Item};
use std::ffi::{c_int, c_long};
use std::time::{Duration, Instant};

/// The time a timeout in milliseconds ends; `None` for a negative one: never.
pub(super) fn deadline(timeout: c_long) -> Option<Instant> {
    let millis = u64::try_from(timeout).ok()?;
    Instant::now().checked_add(Duration::from_millis(millis))
}

fn poll(items: &mut [zmq_pollitem_t], timeout: c_long, mask: Option<&libc::sigset_t>) -> Result<c_int> {
    let mut watched: Vec<Item> =
        items.iter().map(|item| Item::new(item.socket, item.fd, item.events)).collect();
    let result = socket::poll(&mut watched, deadline(timeout), mask);
    for (item, watched) in items.iter_mut().zip(&watched) {
        item.revents = watched.ready;
    }
    Ok(result? as c_int)
}

/// Waits until one of several sockets and file descriptors is ready, for `timeout_` milliseconds; -1 is for ever. Returns
/// the number of items that are ready, 0 at the timeout.
///
/// # Errors
/// - ENOTSOCK: an item has a socket that is none.
/// - EINVAL: a negative number of items.
/// - EFAULT: NULL with items.
/// - EINTR: a signal came.
/// - ETERM.
///
/// # Safety
/// - `items_`: NULL, or `nitems_` readable and writable items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poll(items_: *mut zmq_pollitem_t, nitems_: c_int, timeout_: c_long) -> c_int {
    guard(|| {
        let count = usize::try_from(nitems_).map_err(|_| Errno::INVALID)?;
        if count == 0 {
            return poll(&mut [], timeout_, None);
        }
        if items_.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: the caller's promise.
        poll(unsafe { std::slice::from_raw_parts_mut(items_, count) }, timeout_, None)
    })
    .or_minus_one()
}

/// Draft: zmq_poll with a signal mask that is in force while it runs.
///
/// # Errors
/// - As zmq_poll.
///
/// # Safety
/// - `items_`: NULL, or `nitems_` readable and writable items.
/// - `sigmask_`: NULL, or a readable sigset_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ppoll(
    items_: *mut zmq_pollitem_t,
    nitems_: c_int,
    timeout_: c_long,
    sigmask_: *const libc::sigset_t,
) -> c_int {
    if sigmask_.is_null() {
        // SAFETY: the same contract.
        return unsafe { zmq_poll(items_, nitems_, timeout_) };
    }
    guard(|| {
        let count = usize::try_from(nitems_).map_err(|_| Errno::INVALID)?;
        if items_.is_null() && count > 0 {
            return Err(Errno::FAULT);
        }
        let items = match count {
            0 => &mut [],
            // SAFETY: the caller's promise, with NULL ruled out.
            _ => unsafe { std::slice::from_raw_parts_mut(items_, count) },
        };
        // SAFETY: the caller's promise: a sigset_t.
        let mask = unsafe { sigmask_.read() };
        poll(items, timeout_, Some(&mask))
    })
    .or_minus_one()
}
