//! `zmq_poll`: readiness of several sockets and descriptors.

use super::Socket;
use super::adoption::{Adopted, For, Sources};
use super::inbox::{Inbox, Waiting};
use super::spin::Spin;
use super::wait::{self, find, lock, poll_until};
use crate::config::{ADOPTED_LINKS, SPUN_SOCKETS};
use crate::error::{Errno, Result};
use crate::sync::Cell;
use std::collections::HashSet;
use std::ffi::c_void;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

pub const POLL_IN: i16 = 1;
pub const POLL_OUT: i16 = 2;
pub const POLL_ERROR: i16 = 4;
pub const POLL_PRIORITY: i16 = 8;

/// One thing to watch.
pub struct Item {
    /// A socket, or NULL for a descriptor.
    pub socket: *mut c_void,
    pub fd: RawFd,
    pub wanted: i16,
    pub ready: i16,
    waiting: Option<Waiting>,
}

impl Item {
    pub fn new(socket: *mut c_void, fd: RawFd, wanted: i16) -> Self {
        Self { socket, fd, wanted, ready: 0, waiting: None }
    }
}

/// Fills in what is ready, waiting until something is, or until the deadline (`None`: for ever). Returns the number of
/// items ready; 0 at the deadline.
///
/// `mask` is the signal mask while waiting.
pub fn poll(items: &mut [Item], deadline: Option<Instant>, mask: Option<&libc::sigset_t>) -> Result<usize> {
    let glances = deadline.is_some_and(|deadline| Instant::now() >= deadline);
    poll_as(if glances { Role::Glances } else { Role::Waits }, items, deadline, mask)
}

/// [`poll`] without end, for a thread that does nothing but pass on what these sockets receive (a proxy).
pub fn poll_serving(items: &mut [Item]) -> Result<usize> {
    poll_as(Role::Serves, items, None, None)
}

/// What the polling thread is to the sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It may not come back soon: the I/O threads read.
    Glances,
    /// It waits, and reads the connections meanwhile as a blocking receive does, if there are not too many to wait for.
    Waits,
    /// The same, however many its sockets have together.
    Serves,
}

fn poll_as(
    role: Role,
    items: &mut [Item],
    deadline: Option<Instant>,
    mask: Option<&libc::sigset_t>,
) -> Result<usize> {
    if mask.is_some() {
        // A signal that only the mask lets through is seen even where there is no need to wait.
        poll_until(&mut [], Some(Instant::now()), mask)?;
    }
    let mut watch = None;
    let mut looked_everywhere = role == Role::Glances;
    loop {
        // Whoever looks is not one of those who wait.
        items.iter_mut().for_each(|item| item.waiting = None);
        let mut ready = check(items, role, watch.is_some())?;
        if ready > 0 || (looked_everywhere && deadline.is_some_and(|deadline| Instant::now() >= deadline)) {
            items.iter_mut().for_each(|item| item.waiting = None);
            if ready > 0 && role != Role::Glances {
                ready += read_the_others(items)?;
            }
            return Ok(ready);
        }
        match &mut watch {
            None => watch = Some(Watch::new(items, role)?),
            Some(watch) => {
                watch.wait(deadline, mask)?;
                looked_everywhere = true;
            }
        }
    }
}

/// What is ready now. `waits`: where nothing is, a wait begins before anybody else can take news of it.
fn check(items: &mut [Item], role: Role, waits: bool) -> Result<usize> {
    let mut ready = 0;
    let mut has_descriptors = false;
    for item in &mut *items {
        item.ready = 0;
        if item.socket.is_null() {
            has_descriptors |= item.fd >= 0;
            continue;
        }
        let mut guard = lock(item.socket)?;
        let socket = guard.as_mut().ok_or(Errno::NOT_A_SOCKET)?;
        let events = if role == Role::Glances { socket.events() } else { socket.events_of_waiter() };
        item.ready = events? & item.wanted;
        ready += usize::from(item.ready != 0);
        item.waiting = (waits && item.wanted != 0 && item.ready == 0).then(|| socket.inbox.begin_wait());
    }
    if has_descriptors {
        ready += check_descriptors(items)?;
    }
    Ok(ready)
}

/// Where something is ready nobody waits, and connections that the calling thread reads itself are read here: one
/// socket that is always ready must not hide the others, nor room for output the input of the same one. The number of
/// those that are ready, too.
fn read_the_others(items: &mut [Item]) -> Result<usize> {
    let mut ready = 0;
    for item in items {
        if item.socket.is_null() || item.wanted & !item.ready & POLL_IN == 0 {
            continue;
        }
        let mut guard = lock(item.socket)?;
        let socket = guard.as_mut().ok_or(Errno::NOT_A_SOCKET)?;
        if socket.read_leased() {
            let before = item.ready;
            item.ready |= socket.events_of_waiter()? & item.wanted;
            ready += usize::from(before == 0 && item.ready != 0);
        }
    }
    Ok(ready)
}

fn check_descriptors(items: &mut [Item]) -> Result<usize> {
    let mut entries: Vec<_> = items.iter().map(Item::as_entry).collect();
    poll_until(&mut entries, Some(Instant::now()), None)?;
    let mut ready = 0;
    for (item, entry) in items.iter_mut().zip(&entries) {
        if item.socket.is_null() {
            item.ready = from_poll(entry.revents);
            ready += usize::from(item.ready != 0);
        }
    }
    Ok(ready)
}

impl Item {
    /// The descriptor as poll(2) wants it; sockets are left out. Errors are told even where nothing is wanted.
    fn as_entry(&self) -> libc::pollfd {
        to_poll(if self.socket.is_null() { self.fd } else { -1 }, self.wanted)
    }
}

/// A descriptor as poll(2) wants it.
pub(super) fn to_poll(fd: RawFd, wanted: i16) -> libc::pollfd {
    let mut events = 0;
    for (ours, theirs) in [(POLL_IN, libc::POLLIN), (POLL_OUT, libc::POLLOUT), (POLL_PRIORITY, libc::POLLPRI)]
    {
        if wanted & ours != 0 {
            events |= theirs;
        }
    }
    libc::pollfd { fd, events, revents: 0 }
}

/// What poll(2) found, in the terms of zmq.h.
pub(super) fn from_poll(revents: libc::c_short) -> i16 {
    let mut ready = 0;
    for (theirs, ours) in [(libc::POLLIN, POLL_IN), (libc::POLLOUT, POLL_OUT), (libc::POLLPRI, POLL_PRIORITY)]
    {
        if revents & theirs != 0 {
            ready |= ours;
        }
    }
    if revents & !(libc::POLLIN | libc::POLLOUT | libc::POLLPRI) != 0 {
        ready |= POLL_ERROR;
    }
    ready
}

/// The descriptors behind the items: collected once per call, used for each wait.
struct Watch {
    inboxes: Vec<Arc<Inbox>>,
    entries: Vec<libc::pollfd>,
    /// Connections that the waiting thread reads itself.
    sources: Sources,
    /// A socket that knows whether it pays to spin. Not among many, nor where descriptors are waited for, too: each
    /// look at them is a system call.
    spinner: Option<&'static Cell<Socket>>,
}

impl Watch {
    fn new(items: &[Item], role: Role) -> Result<Self> {
        let mut inboxes: Vec<Arc<Inbox>> = Vec::new();
        let mut sources = Sources::default();
        let mut known = HashSet::with_capacity(items.len());
        for item in items.iter().filter(|item| !item.socket.is_null() && item.wanted != 0) {
            let mut guard = lock(item.socket)?;
            let socket = guard.as_mut().ok_or(Errno::NOT_A_SOCKET)?;
            socket.end_naps();
            if item.wanted & POLL_IN != 0 {
                sources.extend(socket.sources_to_read());
            } else if !items.iter().any(|other| other.socket == item.socket && other.wanted & POLL_IN != 0) {
                // What its peers say meanwhile must not wait for the end of this.
                socket.end_leases();
            }
            if known.insert(Arc::as_ptr(&socket.inbox)) {
                inboxes.push(socket.inbox.clone());
            }
        }
        if role == Role::Waits && sources.len() > ADOPTED_LINKS {
            sources = Sources::default();
            for item in items.iter().filter(|item| !item.socket.is_null() && item.wanted & POLL_IN != 0) {
                lock(item.socket)?.as_mut().ok_or(Errno::NOT_A_SOCKET)?.end_leases();
            }
        }
        let mut entries = Vec::with_capacity(inboxes.len() + items.len() + sources.len());
        for inbox in &inboxes {
            entries.push(libc::pollfd { fd: inbox.mailbox.waker.fd()?, events: libc::POLLIN, revents: 0 });
        }
        // Without those that stand for nothing: the kernel counts them against the limit of open files.
        entries.extend(items.iter().map(Item::as_entry).filter(|entry| entry.fd >= 0));
        let has_descriptors = items.iter().any(|item| item.socket.is_null() && item.fd >= 0);
        let reads = items.iter().find(|item| !item.socket.is_null() && item.wanted & POLL_IN != 0);
        let spins = role == Role::Waits && !has_descriptors && inboxes.len() <= SPUN_SOCKETS;
        let spinner = reads.filter(|_| spins).and_then(|item| find(item.socket).ok());
        Ok(Self { inboxes, entries, sources, spinner })
    }

    fn wait(&mut self, deadline: Option<Instant>, mask: Option<&libc::sigset_t>) -> Result<()> {
        let started = Instant::now();
        let spin = self.with_spin(Spin::budget).unwrap_or_default();
        let mut entries = std::mem::take(&mut self.entries);
        let adopted = Adopted::new(&self.sources, For::Input);
        let found = wait::spin_until(spin, started, deadline, || {
            self.inboxes.iter().any(|inbox| inbox.mailbox.waker.is_pending()) || self.sources.help(For::Input)
        });
        let result = if found { Ok(()) } else { self.sleep(&mut entries, &adopted, deadline, mask) };
        drop(adopted);
        self.entries = entries;
        self.with_spin(|spin| spin.learn(started.elapsed()));
        result
    }

    fn with_spin<R>(&self, work: impl FnOnce(&mut Spin) -> R) -> Option<R> {
        let mut socket = self.spinner?.lock();
        Some(work(&mut socket.as_mut()?.spin))
    }

    fn sleep(
        &self,
        entries: &mut Vec<libc::pollfd>,
        adopted: &Adopted<'_>,
        deadline: Option<Instant>,
        mask: Option<&libc::sigset_t>,
    ) -> Result<()> {
        let inboxes = &self.inboxes;
        let without = entries.len();
        entries.extend(adopted.entries());
        let mut asleep = 0;
        while asleep < inboxes.len() && inboxes[asleep].mailbox.waker.begin_sleep() {
            asleep += 1;
        }
        let all = asleep == inboxes.len();
        let result = if all { poll_until(entries, deadline, mask) } else { Ok(0) };
        for (inbox, entry) in inboxes.iter().zip(&*entries).take(asleep) {
            inbox.mailbox.waker.end_sleep();
            if all && entry.revents != 0 {
                inbox.mailbox.waker.end_wait();
            }
        }
        if all {
            adopted.read(&entries[without..]);
        }
        entries.truncate(without);
        result.map(drop)
    }
}
