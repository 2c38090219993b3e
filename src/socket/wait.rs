//! Blocking send and receive.
//!
//! A call that cannot go on lets go of its socket and waits in poll(2) on the socket's eventfd, so that a signal
//! ends it with EINTR. Before it sleeps it helps itself where it can (`adoption`): a sender writes its links' pipes to the
//! kernel to make room, a receiver reads its links' streams.

use super::adoption::{Adopted, For};
use super::{SOCKETS, Socket};
use crate::config::ADOPTED_LINKS;
use crate::driver::LinkHandle;
use crate::error::{Errno, Result};
use crate::io::Waker;
use crate::message::Message;
use crate::pattern::Mode;
use crate::sync::global::Ordering;
use crate::sync::{Cell, CellGuard, Standing};
use smallvec::SmallVec;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// ZMQ_DONTWAIT of zmq.h.
pub const DONT_WAIT: i32 = 1;
/// ZMQ_SNDMORE of zmq.h.
pub const SEND_MORE: i32 = 2;

type Guard = CellGuard<'static, Socket>;

/// The cell of a handle; another thread may close the socket in it meanwhile. ENOTSOCK, and EINTR in a forked child.
#[inline]
pub fn find(handle: *mut c_void) -> Result<&'static Cell<Socket>> {
    own(SOCKETS.find(handle).ok_or(Errno::NOT_A_SOCKET)?)
}

/// The same for the cell.
#[inline]
pub(super) fn own(cell: &'static Cell<Socket>) -> Result<&'static Cell<Socket>> {
    match cell.standing() {
        Standing::Own => Ok(cell),
        Standing::Inherited => Err(Errno::INTERRUPTED),
        Standing::Empty => Err(Errno::NOT_A_SOCKET),
    }
}

/// Exclusive use of the socket behind a handle. ENOTSOCK, and EINTR in a forked child.
pub fn lock(handle: *mut c_void) -> Result<Guard> {
    let guard = find(handle)?.lock();
    if guard.is_none() {
        return Err(Errno::NOT_A_SOCKET);
    }
    Ok(guard)
}

#[inline]
fn socket(guard: &mut Guard) -> Result<&mut Socket> {
    guard.as_mut().ok_or(Errno::NOT_A_SOCKET)
}

/// `zmq_msg_send`: on success the message was taken.
#[inline(always)]
pub fn send(cell: &'static Cell<Socket>, message: &mut Message, flags: i32) -> Result<()> {
    let mut guard = cell.lock();
    let socket = socket(&mut guard)?;
    let timeout = socket.options.send_timeout;
    let blocking = flags & DONT_WAIT == 0 && timeout != Some(Duration::ZERO);
    let mode = if blocking { Mode::Blocking } else { Mode::NonBlocking };
    message.prepare_to_send(flags & SEND_MORE != 0);
    if socket.has_leases() {
        socket.heed()?;
    }
    match socket.try_send(message, mode) {
        Err(Errno::AGAIN) if blocking => send_waiting(cell, guard, message, timeout),
        result => result,
    }
}

#[cold]
fn send_waiting(
    cell: &'static Cell<Socket>,
    mut guard: Guard,
    message: &mut Message,
    timeout: Option<Duration>,
) -> Result<()> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        guard = wait(cell, guard, deadline, For::Room, false)?;
        match socket(&mut guard)?.try_send(message, Mode::Blocking) {
            Err(Errno::AGAIN) if !is_over(deadline) => {}
            result => return result,
        }
    }
}

/// `zmq_msg_recv`.
#[inline(always)]
pub fn recv_into(
    cell: &'static Cell<Socket>,
    place: &mut Message,
    flags: i32,
    with_metadata: bool,
) -> Result<()> {
    let mut guard = cell.lock();
    let socket = socket(&mut guard)?;
    match socket.try_recv(place, with_metadata) {
        Err(Errno::AGAIN) => {}
        result => return result,
    }
    let timeout = socket.options.receive_timeout;
    if flags & DONT_WAIT != 0 || timeout == Some(Duration::ZERO) {
        return if socket.look_at_streams() {
            socket.try_recv(place, with_metadata)
        } else {
            Err(Errno::AGAIN)
        };
    }
    recv_waiting(cell, guard, place, timeout, with_metadata)
}

/// The same without waiting, for a thread that waits in [`super::poll_serving`] next: the connections stay its own to read.
pub fn recv_in_service(cell: &'static Cell<Socket>, place: &mut Message) -> Result<()> {
    let mut guard = cell.lock();
    socket(&mut guard)?.try_recv_in_service(place)
}

/// Whether there is a part to receive now, for the same thread.
pub fn has_input(cell: &'static Cell<Socket>) -> Result<bool> {
    let mut guard = cell.lock();
    let socket = socket(&mut guard)?;
    Ok(socket.has_input()? || (socket.read_leased() && socket.has_input()?))
}

/// Whether a part would be taken now.
pub fn has_room(cell: &'static Cell<Socket>) -> Result<bool> {
    let mut guard = cell.lock();
    socket(&mut guard)?.has_room()
}

/// A part as a new message. See [`recv_into`].
pub fn recv(cell: &'static Cell<Socket>, flags: i32, with_metadata: bool) -> Result<Message> {
    let mut message = Message::new();
    recv_into(cell, &mut message, flags, with_metadata)?;
    Ok(message)
}

#[cold]
fn recv_waiting(
    cell: &'static Cell<Socket>,
    mut guard: Guard,
    place: &mut Message,
    timeout: Option<Duration>,
    with_metadata: bool,
) -> Result<()> {
    // Where answers do not keep the thread waiting, the next one is likely to be with the kernel already.
    let mut asked = false;
    if let Some(socket) = guard.as_mut().filter(|socket| !socket.sleeps) {
        asked = socket.has_leases();
        if socket.read_leased() {
            match socket.try_recv(place, with_metadata) {
                Err(Errno::AGAIN) => {}
                result => return result,
            }
        }
    }
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        guard = wait(cell, guard, deadline, For::Input, std::mem::take(&mut asked))?;
        match socket(&mut guard)?.try_recv(place, with_metadata) {
            Err(Errno::AGAIN) if !is_over(deadline) => {}
            result => return result,
        }
    }
}

fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| Instant::now() >= deadline)
}

/// Waits until there is news, or what is waited for may have come. `asked`: the streams that the thread keeps were just read. EAGAIN after the deadline, EINTR after a signal.
fn wait(
    cell: &'static Cell<Socket>,
    mut guard: Guard,
    deadline: Option<Instant>,
    what: For,
    asked: bool,
) -> Result<Guard> {
    let socket = socket(&mut guard)?;
    let serial = socket.serial();
    let sources = match what {
        For::Input => socket.sources_to_read(),
        For::Room => {
            // What its peers say meanwhile must not wait for the end of this.
            socket.end_leases();
            socket.sources_to_write()
        }
    };
    socket.end_naps();
    let mut adopted = Adopted::new(&sources, what);
    let started = Instant::now();
    let spin = socket.spin.budget();
    // In a conversation nothing is there yet, and to ask for it would be one system call in vain.
    let asks_first = !asked && (!socket.sleeps || what == For::Room || !spin.is_zero());
    if (asks_first || adopted.len() < sources.len()) && sources.help(what) {
        adopted.helped = true;
        return Ok(guard);
    }
    let waiting = socket.inbox.begin_wait();
    let waker = waiting.waker();
    drop(guard);
    let found = spin_until(spin, started, deadline, || {
        waker.is_pending() || (what == For::Input && sources.help(what))
    });
    let result = if found { Ok(false) } else { sleep(waker, Some(&adopted), deadline) };
    adopted.helped = result == Ok(true) && sources.help(what);
    drop(adopted);
    drop(waiting);
    result?;
    let mut guard = cell.lock();
    let socket = guard.as_mut().filter(|socket| socket.serial() == serial).ok_or(Errno::NOT_A_SOCKET)?;
    socket.spin.learn(started.elapsed());
    socket.sleeps = !found;
    Ok(guard)
}

/// Spins until `done`, or until the time is up; false in the latter case.
pub(super) fn spin_until(
    budget: Duration,
    started: Instant,
    deadline: Option<Instant>,
    mut done: impl FnMut() -> bool,
) -> bool {
    if budget.is_zero() {
        return false;
    }
    loop {
        if done() {
            return true;
        }
        let now = Instant::now();
        if now - started >= budget || deadline.is_some_and(|deadline| now >= deadline) {
            return false;
        }
        std::thread::yield_now();
    }
}

/// Sleeps until the waker or an adopted stream has something: true when it was a stream.
fn sleep(waker: &Waker, adopted: Option<&Adopted<'_>>, deadline: Option<Instant>) -> Result<bool> {
    let fd = waker.fd()?;
    if !waker.begin_sleep() {
        return Ok(false);
    }
    let mut entries = SmallVec::<[libc::pollfd; ADOPTED_LINKS + 1]>::new();
    entries.push(libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    entries.extend(adopted.iter().flat_map(|adopted| adopted.entries()));
    let result = poll_until(&mut entries, deadline, None);
    waker.end_sleep();
    if entries[0].revents != 0 {
        waker.end_wait();
    }
    if result? == 0 && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(Errno::AGAIN);
    }
    Ok(entries[1..].iter().any(|entry| entry.revents != 0))
}

/// ppoll(2) until a time, under another signal mask if one is given; the number of ready descriptors.
pub fn poll_until(
    entries: &mut [libc::pollfd],
    until: Option<Instant>,
    mask: Option<&libc::sigset_t>,
) -> Result<usize> {
    let timeout = until.map(|until| {
        let left = until.saturating_duration_since(Instant::now());
        libc::timespec {
            tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos().into(),
        }
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the entries, the timeout and the mask live across the call.
    let count = unsafe { libc::ppoll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, timeout, mask) };
    usize::try_from(count).map_err(|_| Errno::last())
}

/// Sleeps until a waker is notified. EINTR after a signal.
pub fn sleep_on(waker: &Waker) -> Result<()> {
    match sleep(waker, None, None) {
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

impl Socket {
    /// See [`recv_in_service`].
    #[inline]
    pub(super) fn try_recv_in_service(&mut self, place: &mut Message) -> Result<()> {
        match self.try_recv(place, false) {
            Err(Errno::AGAIN) if self.read_leased() => self.try_recv(place, false),
            result => result,
        }
    }

    /// Writes what was kept back to be batched: the application is about to wait, perhaps for the answer.
    pub(super) fn end_naps(&mut self) {
        self.pipes.end_passing();
        if self.inbox.naps.swap(false, Ordering::Relaxed) {
            let naps = self.links().fold(false, |naps, link| link.end_nap() | naps);
            self.inbox.naps.fetch_or(naps, Ordering::Relaxed);
        }
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Arc<LinkHandle>> {
        self.attached.iter().flatten().filter_map(|attached| attached.link.as_ref())
    }
}

/// Whether a socket answers every message it receives (REP). ENOTSOCK.
pub fn is_reply(cell: &'static Cell<Socket>) -> Result<bool> {
    let mut guard = cell.lock();
    Ok(socket(&mut guard)?.kind == crate::options::SocketType::Rep)
}
