//! Pollers (`zmq_poller_*`): what they watch from one wait to the next.
//!
//! A wait does not look at every socket. Each watched socket has a [`Mark`], which is put into the poller's queue when the
//! socket is told news and when a call uses it. A wait looks at the marked sockets alone: one that is ready is
//! marked again for the next wait (readiness is a level), one that is not is left until it is marked anew. Nothing else can make
//! a socket ready: what it looked for and did not find is announced to its inbox when it comes.

use super::Socket;
use super::inbox::Inbox;
use super::poll::{from_poll, to_poll};
use super::wait::{find, lock, poll_until};
use crate::error::{Errno, Result};
use crate::io::{Waker, Watcher};
use crate::sync::Cell;
use crate::sync::global::{AtomicBool, Ordering};
use crossbeam_queue::SegQueue;
use std::collections::HashMap;
use std::ffi::c_void;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

/// What a poller can watch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// Handle of a socket.
    Socket(usize),
    Descriptor(RawFd),
}

/// Something watched is ready.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub target: Target,
    pub user_data: usize,
    pub events: i16,
}

/// See the module documentation.
pub struct Poller {
    /// What is watched, in the order in which it was added.
    entries: HashMap<u64, Entry>,
    numbers: HashMap<Target, u64>,
    next_number: u64,
    /// Descriptors are few as a rule, and asked about at each wait. Those served last are at the end.
    descriptors: Vec<u64>,
    marks: Arc<Marks>,
    /// Entries that want something.
    interested: usize,
    /// Sockets found not ready whose links may still hold back what they have to write.
    unsettled: Vec<u64>,
    /// Whose turn it is when not all that are ready fit into the answer.
    descriptors_first: bool,
}

struct Entry {
    target: Target,
    wanted: i16,
    user_data: usize,
    /// Of a socket that was open when last seen.
    watched: Option<Watched>,
    /// In the list of the unsettled.
    unsettled: bool,
}

struct Watched {
    inbox: Arc<Inbox>,
    mark: Arc<Mark>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.inbox.mailbox.waker.unwatch(&*self.mark);
    }
}

/// Sockets to look at, and who waits for them.
#[derive(Default)]
struct Marks {
    queue: SegQueue<Arc<Mark>>,
    waker: Waker,
}

/// A socket's place in the queue of one poller.
struct Mark {
    number: u64,
    queued: AtomicBool,
    marks: Arc<Marks>,
    me: std::sync::Weak<Self>,
}

impl Mark {
    /// True when it was not in the queue before.
    fn enqueue(&self) -> bool {
        // AcqRel pairs with `take`: who finds the mark queued has its news seen by whoever takes it out.
        if self.queued.swap(true, Ordering::AcqRel) {
            return false;
        }
        let Some(me) = self.me.upgrade() else { return false };
        self.marks.queue.push(me);
        true
    }
}

impl Watcher for Mark {
    fn noticed(&self) {
        if self.enqueue() {
            self.marks.waker.notify();
        }
    }
}

impl Marks {
    /// The next socket to look at; news that come from here on mark it again.
    fn take(&self) -> Option<Arc<Mark>> {
        let mark = self.queue.pop()?;
        mark.queued.swap(false, Ordering::AcqRel);
        Some(mark)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.entries.clear();
        // Marks hold the queue they are in.
        while self.marks.take().is_some() {}
    }
}

impl Poller {
    /// A poller that watches nothing. EMFILE, ENFILE when there is no descriptor for it to sleep on.
    pub fn new() -> Result<Self> {
        let marks = Arc::<Marks>::default();
        marks.waker.fd()?;
        Ok(Self {
            entries: HashMap::new(),
            numbers: HashMap::new(),
            next_number: 1,
            descriptors: Vec::new(),
            marks,
            interested: 0,
            unsettled: Vec::new(),
            descriptors_first: false,
        })
    }

    /// Number of things watched.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Watches one more. ENOTSOCK; EINVAL when it is there already.
    pub fn add(&mut self, target: Target, wanted: i16, user_data: usize) -> Result<()> {
        if let Some(number) = self.numbers.get(&target) {
            if !self.entries[number].is_closed() {
                return Err(Errno::INVALID);
            }
            // The handle is a new socket's.
            self.remove(target)?;
        }
        let number = self.next_number;
        let watched = match target {
            Target::Socket(handle) => Some(self.watch(handle, number)?),
            Target::Descriptor(_) => {
                self.descriptors.push(number);
                None
            }
        };
        self.next_number += 1;
        self.numbers.insert(target, number);
        self.entries.insert(number, Entry { target, wanted, user_data, watched, unsettled: false });
        self.interested += usize::from(wanted != 0);
        Ok(())
    }

    fn watch(&self, handle: usize, number: u64) -> Result<Watched> {
        let inbox = open_socket(handle)?;
        let mark = Arc::new_cyclic(|me| Mark {
            number,
            queued: AtomicBool::new(false),
            marks: self.marks.clone(),
            me: me.clone(),
        });
        inbox.mailbox.waker.watch(mark.clone());
        mark.noticed();
        Ok(Watched { inbox, mark })
    }

    /// Changes what is wanted. EINVAL when it is not there, or was closed: a later socket with its handle is another one.
    pub fn modify(&mut self, target: Target, wanted: i16) -> Result<()> {
        let entry = self
            .numbers
            .get(&target)
            .and_then(|number| self.entries.get_mut(number))
            .ok_or(Errno::INVALID)?;
        if entry.is_closed() {
            return Err(Errno::INVALID);
        }
        self.interested -= usize::from(entry.wanted != 0);
        self.interested += usize::from(wanted != 0);
        entry.wanted = wanted;
        if let Some(watched) = &entry.watched {
            watched.mark.noticed();
        }
        Ok(())
    }

    /// Ends watching. EINVAL when it is not there.
    pub fn remove(&mut self, target: Target) -> Result<()> {
        let number = self.numbers.remove(&target).ok_or(Errno::INVALID)?;
        let entry = self.entries.remove(&number).ok_or(Errno::INVALID)?;
        self.interested -= usize::from(entry.wanted != 0);
        self.descriptors.retain(|&other| other != number);
        Ok(())
    }

    /// What is ready now, `room` things at most, in the order of adding. When there may be more, sockets and descriptors go
    /// first by turns, and of each kind those that were not served for longest.
    fn look(&mut self, room: usize) -> Result<Vec<Event>> {
        let mut ready = Vec::new();
        if self.descriptors_first {
            self.look_at_descriptors(room, &mut ready)?;
            self.look_at_sockets(room, &mut ready)?;
        } else {
            self.look_at_sockets(room, &mut ready)?;
            self.look_at_descriptors(room, &mut ready)?;
        }
        if ready.len() == room {
            self.descriptors_first = !self.descriptors_first;
        }
        ready.sort_unstable_by_key(|&(number, _)| number);
        Ok(ready.into_iter().map(|(_, event)| event).collect())
    }

    fn look_at_sockets(&mut self, room: usize, ready: &mut Vec<(u64, Event)>) -> Result<()> {
        for _ in 0..self.marks.queue.len() {
            if ready.len() >= room {
                break;
            }
            let Some(mark) = self.marks.take() else { break };
            let Some(entry) = self.entries.get_mut(&mark.number) else { continue };
            match entry.look() {
                Ok(Some(0)) => {
                    if !std::mem::replace(&mut entry.unsettled, true) {
                        self.unsettled.push(mark.number);
                    }
                }
                Ok(Some(events)) => {
                    mark.enqueue();
                    ready.push((mark.number, entry.event(events)));
                }
                Ok(None) => self.forget(mark.number),
                Err(error) => {
                    mark.enqueue();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// A socket was closed while it was watched. It counts until it is removed, and is not looked at again.
    fn forget(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.watched = None;
            self.interested -= usize::from(std::mem::take(&mut entry.wanted) != 0);
        }
    }

    fn look_at_descriptors(&mut self, room: usize, ready: &mut Vec<(u64, Event)>) -> Result<()> {
        if self.descriptors.is_empty() || ready.len() >= room {
            return Ok(());
        }
        let mut polled = self.polled();
        poll_until(&mut polled, Some(Instant::now()), None)?;
        let mut served = 0;
        for (index, (number, polled)) in self.descriptors.iter().zip(&polled).enumerate() {
            let events = from_poll(polled.revents);
            if let Some(entry) = self.entries.get(number).filter(|_| events != 0 && ready.len() < room) {
                ready.push((*number, entry.event(events)));
                served = index + 1;
            }
        }
        if ready.len() == room {
            self.descriptors.rotate_left(served);
        }
        Ok(())
    }

    /// The descriptors as poll(2) wants them.
    fn polled(&self) -> Vec<libc::pollfd> {
        let of = |number| match self.entries.get(number) {
            // One of which nothing is wanted is left out.
            Some(&Entry { target: Target::Descriptor(fd), wanted, .. }) if wanted != 0 => to_poll(fd, wanted),
            _ => to_poll(-1, 0),
        };
        self.descriptors.iter().map(of).collect()
    }

    /// The application is about to wait: what its sockets held back is written.
    fn settle(&mut self) {
        for number in std::mem::take(&mut self.unsettled) {
            if let Some(entry) = self.entries.get_mut(&number) {
                entry.unsettled = false;
                entry.with_socket(|socket| socket.end_naps());
            }
        }
    }
}

impl Entry {
    fn event(&self, events: i16) -> Event {
        Event { target: self.target, user_data: self.user_data, events }
    }

    /// A socket that was closed while it was watched.
    fn is_closed(&self) -> bool {
        matches!(self.target, Target::Socket(_)) && self.with_socket(|_| ()).is_none()
    }

    /// What of the wanted a socket is ready for; `None`: it was closed.
    fn look(&self) -> Result<Option<i16>> {
        self.with_socket(Socket::events).transpose().map(|events| events.map(|events| events & self.wanted))
    }

    /// Uses the socket, unless it was closed; a later one may have its handle.
    fn with_socket<R>(&self, work: impl FnOnce(&mut Socket) -> R) -> Option<R> {
        let (Target::Socket(handle), Some(watched)) = (self.target, &self.watched) else { return None };
        let mut guard = find(handle as *mut c_void).ok()?.lock();
        guard.as_mut().filter(|socket| socket.serial() == watched.inbox.serial).map(work)
    }
}

/// The inbox of an open socket. ENOTSOCK.
fn open_socket(handle: usize) -> Result<Arc<Inbox>> {
    let guard = lock(handle as *mut c_void)?;
    Ok(guard.as_ref().ok_or(Errno::NOT_A_SOCKET)?.inbox.clone())
}

/// Waits until something is ready, `room` things at most being told. EFAULT when the poller was destroyed, or wants
/// nothing and has no deadline; EAGAIN after the deadline; EINTR; ETERM.
pub fn wait_for_events(cell: &Cell<Poller>, room: usize, deadline: Option<Instant>) -> Result<Vec<Event>> {
    loop {
        let (marks, mut polled) = {
            let mut guard = cell.lock();
            let poller = guard.as_mut().ok_or(Errno::FAULT)?;
            poller.marks.waker.take();
            let ready = poller.look(room)?;
            if !ready.is_empty() {
                return Ok(ready);
            }
            if deadline.is_none() && poller.interested == 0 {
                return Err(Errno::FAULT);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Errno::AGAIN);
            }
            poller.settle();
            (poller.marks.clone(), poller.polled())
        };
        polled.push(libc::pollfd { fd: marks.waker.fd()?, events: libc::POLLIN, revents: 0 });
        if marks.waker.begin_sleep() {
            let result = poll_until(&mut polled, deadline, None);
            marks.waker.end_sleep();
            if polled.last().is_some_and(|waker| waker.revents != 0) {
                marks.waker.end_wait();
            }
            result?;
        }
    }
}
