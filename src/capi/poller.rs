//! Draft: pollers, which keep what they watch from one wait to the next.

use super::constants::zmq_poller_event_t;
use super::error::{OrMinusOne, OrNull, guard};
use super::poll::deadline;
use crate::error::{Errno, Result};
use crate::socket::{self, Event, Poller, Target};
use crate::sync::{Cell, Registry, Standing};
use std::ffi::{c_int, c_long, c_short, c_void};

static POLLERS: Registry<Poller> = Registry::new();

const ALL_EVENTS: c_short = 15;

/// The cell of a handle; another thread may destroy the poller in it meanwhile. EFAULT, and EINTR in a forked child.
fn find(handle: *mut c_void) -> Result<&'static Cell<Poller>> {
    let cell = POLLERS.find(handle).ok_or(Errno::FAULT)?;
    match cell.standing() {
        Standing::Own => Ok(cell),
        Standing::Inherited => Err(Errno::INTERRUPTED),
        Standing::Empty => Err(Errno::FAULT),
    }
}

/// What is written where there is no event.
const NO_EVENT: zmq_poller_event_t =
    zmq_poller_event_t { socket: std::ptr::null_mut(), fd: -1, user_data: std::ptr::null_mut(), events: 0 };

fn with_poller<R>(handle: *mut c_void, work: impl FnOnce(&mut Poller) -> Result<R>) -> Result<R> {
    let mut guard = find(handle)?.lock();
    work(guard.as_mut().ok_or(Errno::FAULT)?)
}

/// The socket behind a handle. ENOTSOCK.
fn socket_target(socket: *mut c_void) -> Result<Target> {
    if socket::find(socket)?.lock().is_none() {
        return Err(Errno::NOT_A_SOCKET);
    }
    Ok(Target::Socket(socket as usize))
}

fn check_events(events: c_short) -> Result<c_short> {
    if events & !ALL_EVENTS != 0 { Err(Errno::INVALID) } else { Ok(events) }
}

fn fd_target(fd: c_int) -> Result<Target> {
    if fd == -1 { Err(Errno::BAD_FD) } else { Ok(Target::Descriptor(fd)) }
}

/// Draft: makes a poller.
///
/// # Errors
/// - EMFILE, ENFILE: no descriptor is left for it to sleep on.
/// - ENOMEM: no memory.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_poller_new() -> *mut c_void {
    guard(|| {
        let poller = Poller::new()?;
        Ok(POLLERS.insert(|_| poller).ok_or(Errno::NO_MEMORY)?.as_handle())
    })
    .or_null()
}

/// Draft: destroys a poller and sets the pointer to NULL.
///
/// # Errors
/// - EFAULT: NULL, or not a poller.
///
/// # Safety
/// - `poller_p_`: NULL, or a readable and writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_destroy(poller_p_: *mut *mut c_void) -> c_int {
    guard(|| {
        if poller_p_.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: the caller's promise.
        let handle = unsafe { poller_p_.read() };
        let cell = POLLERS.find(handle).ok_or(Errno::FAULT)?;
        if cell.standing() == Standing::Inherited {
            // What the poller watches is the parent's.
            cell.abandon();
        } else {
            drop(find(handle)?.lock().take().ok_or(Errno::FAULT)?);
            POLLERS.free(cell);
        }
        // SAFETY: the caller's promise.
        unsafe { poller_p_.write(std::ptr::null_mut()) };
        Ok(())
    })
    .or_minus_one()
}

/// Draft: returns the number of things a poller watches.
///
/// # Errors
/// - EFAULT: not a poller.
///
/// # Safety
/// - `poller_`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_size(poller_: *mut c_void) -> c_int {
    guard(|| with_poller(poller_, |poller| Ok(poller.len() as c_int))).or_minus_one()
}

/// Draft: adds a socket.
///
/// # Errors
/// - EFAULT: not a poller.
/// - ENOTSOCK: not a socket.
/// - EINVAL: already there, or unknown events.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add(
    poller_: *mut c_void,
    socket_: *mut c_void,
    user_data_: *mut c_void,
    events_: c_short,
) -> c_int {
    guard(|| {
        with_poller(poller_, |poller| {
            poller.add(socket_target(socket_)?, check_events(events_)?, user_data_ as usize)
        })
    })
    .or_minus_one()
}

/// Draft: changes the events of a socket.
///
/// # Errors
/// - EFAULT: not a poller.
/// - ENOTSOCK: not a socket.
/// - EINVAL: not there, or unknown events.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify(
    poller_: *mut c_void,
    socket_: *mut c_void,
    events_: c_short,
) -> c_int {
    guard(|| with_poller(poller_, |poller| poller.modify(socket_target(socket_)?, check_events(events_)?)))
        .or_minus_one()
}

/// Draft: removes a socket.
///
/// # Errors
/// - EFAULT: not a poller.
/// - ENOTSOCK: not a socket.
/// - EINVAL: not there.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove(poller_: *mut c_void, socket_: *mut c_void) -> c_int {
    guard(|| with_poller(poller_, |poller| poller.remove(socket_target(socket_)?))).or_minus_one()
}

/// Draft: adds a file descriptor.
///
/// # Errors
/// - EFAULT: not a poller.
/// - EBADF: -1.
/// - EINVAL: already there, or unknown events.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_add_fd(
    poller_: *mut c_void,
    fd_: c_int,
    user_data_: *mut c_void,
    events_: c_short,
) -> c_int {
    guard(|| {
        with_poller(poller_, |poller| {
            poller.add(fd_target(fd_)?, check_events(events_)?, user_data_ as usize)
        })
    })
    .or_minus_one()
}

/// Draft: changes the events of a file descriptor.
///
/// # Errors
/// - EFAULT: not a poller.
/// - EBADF: -1.
/// - EINVAL: not there, or unknown events.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_modify_fd(poller_: *mut c_void, fd_: c_int, events_: c_short) -> c_int {
    guard(|| with_poller(poller_, |poller| poller.modify(fd_target(fd_)?, check_events(events_)?)))
        .or_minus_one()
}

/// Draft: removes a file descriptor.
///
/// # Errors
/// - EFAULT: not a poller.
/// - EBADF: -1.
/// - EINVAL: not there.
///
/// # Safety
/// - any argument: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_remove_fd(poller_: *mut c_void, fd_: c_int) -> c_int {
    guard(|| with_poller(poller_, |poller| poller.remove(fd_target(fd_)?))).or_minus_one()
}

/// Draft: waits for one event, for `timeout_` milliseconds; -1 is for ever.
///
/// # Errors
/// - EFAULT: not a poller, NULL, or nothing to wait for without a timeout.
/// - EAGAIN: nothing was ready until the timeout.
/// - EINTR: a signal came.
/// - ETERM.
///
/// # Safety
/// - `poller_`: any value.
/// - `event_`: NULL, or a writable event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait(
    poller_: *mut c_void,
    event_: *mut zmq_poller_event_t,
    timeout_: c_long,
) -> c_int {
    // SAFETY: the same contract, for one event.
    let count = unsafe { zmq_poller_wait_all(poller_, event_, 1, timeout_) };
    if count < 0 && !event_.is_null() {
        // SAFETY: the caller's promise, with NULL ruled out.
        unsafe { event_.write(NO_EVENT) };
    }
    count.min(0)
}

/// Draft: waits for events and returns how many there are.
///
/// # Errors
/// - As zmq_poller_wait; EINVAL: a negative number of events.
///
/// # Safety
/// - `poller_`: any value.
/// - `events_`: NULL, or `n_events_` writable events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_wait_all(
    poller_: *mut c_void,
    events_: *mut zmq_poller_event_t,
    n_events_: c_int,
    timeout_: c_long,
) -> c_int {
    guard(|| {
        let poller = find(poller_)?;
        if events_.is_null() {
            return Err(Errno::FAULT);
        }
        let room = usize::try_from(n_events_).map_err(|_| Errno::INVALID)?;
        let found = socket::wait_for_events(poller, room.max(1), deadline(timeout_))?;
        if room == 0 {
            return Err(Errno::AGAIN);
        }
        let events = found.iter().map(zmq_poller_event_t::from);
        for (index, event) in events.chain(std::iter::repeat(NO_EVENT)).take(room).enumerate() {
            // SAFETY: the caller's promise.
            unsafe { events_.add(index).write(event) };
        }
        Ok(found.len() as c_int)
    })
    .or_minus_one()
}

impl From<&Event> for zmq_poller_event_t {
    fn from(event: &Event) -> Self {
        let (socket, fd) = match event.target {
            Target::Socket(handle) => (handle as *mut c_void, -1),
            Target::Descriptor(fd) => (std::ptr::null_mut(), fd),
        };
        Self { socket, fd, user_data: event.user_data as *mut c_void, events: event.events }
    }
}

/// Draft: returns a descriptor that is readable on activity; only pollers with a thread-safe socket have one.
///
/// # Errors
/// - EFAULT: not a poller, or NULL.
/// - EINVAL: no thread-safe socket was added.
///
/// # Safety
/// - `poller_`: any value.
/// - `fd_`: NULL, or a writable int.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_poller_fd(poller_: *mut c_void, fd_: *mut c_int) -> c_int {
    guard(|| {
        with_poller(poller_, |_| if fd_.is_null() { Err::<(), _>(Errno::FAULT) } else { Err(Errno::INVALID) })
    })
    .or_minus_one()
}
