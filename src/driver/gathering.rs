//! The streams of a socket with many links, watched together.
//!
//! A thread that waits for a few streams names them to poll(2) each time; a hundred of them would cost more than an I/O
//! thread's help. So the streams of such a socket are in an epoll set of its own, one for each I/O thread that serves its
//! links. Its descriptor is one more for poll(2), and stands in the I/O thread's set while no application thread reads
//! (`reading`): who reads changes for all the streams at once. A stream whose end is there leaves the set.

use super::handle::{IoThread, LinkHandle};
use super::reactor::Command;
use super::reading::{Left, Look, Reading};
use crate::error::Result;
use crate::io::{Event, Interest, Poller};
use crate::sync::global::{AtomicU64, Ordering};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{HashMap, HashSet};
use std::os::fd::RawFd;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Keys of such sets in an I/O thread's poller have this bit.
pub(super) const GATHERING: u64 = 1 << 62;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// See the module documentation.
pub struct Gathering {
    me: Weak<Self>,
    thread: Arc<IoThread>,
    /// In the I/O thread's poller.
    key: u64,
    streams: Poller,
    /// By their keys in the I/O thread's poller.
    links: Mutex<HashMap<u64, Weak<LinkHandle>>>,
    state: Mutex<State>,
    /// Links that may keep what was read for the application's thread.
    keeping: Mutex<HashSet<u64>>,
}

#[derive(Default)]
struct State {
    reading: Reading,
    /// By the I/O thread's poller.
    watched: bool,
    /// Much was read during the present wait.
    has_kept: bool,
}

impl Gathering {
    /// An empty set, watched by `thread`. Fails without descriptors.
    pub fn new(thread: &Arc<IoThread>) -> Result<Arc<Self>> {
        let streams = Poller::new()?;
        let set = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            thread: thread.clone(),
            key: GATHERING | NEXT.fetch_add(1, Ordering::Relaxed) & (GATHERING - 1),
            streams,
            links: Mutex::default(),
            state: Mutex::default(),
            keeping: Mutex::default(),
        });
        thread.poller.add(set.raw(), set.key, Interest::NONE)?;
        thread.mailbox.post(Command::Gather(set.clone()));
        set.settle(set.state.lock());
        Ok(set)
    }

    /// Whether this set is for links that `thread` serves.
    pub fn is_of(&self, thread: &Arc<IoThread>) -> bool {
        Arc::ptr_eq(&self.thread, thread)
    }

    /// The descriptor that is readable when one of the streams is.
    pub fn raw(&self) -> RawFd {
        self.streams.raw()
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }

    pub(super) fn poller(&self) -> &Poller {
        &self.streams
    }

    pub(super) fn insert(&self, key: u64, link: Weak<LinkHandle>) {
        self.links.lock().insert(key, link);
    }

    pub(super) fn remove(&self, key: u64) {
        self.keeping.lock().remove(&key);
        let mut links = self.links.lock();
        links.remove(&key);
        if links.is_empty() {
            *links = HashMap::new();
        }
    }

    /// What is ready now.
    pub(super) fn ready(&self) -> Vec<Event> {
        let mut events = Vec::new();
        // A failure is found by whoever waits.
        let _ = self.streams.wait(&mut events, Some(Duration::ZERO));
        events
    }

    /// Reads what has come, once from each stream, on a thread that would otherwise wait for it. True when bytes came.
    pub fn read(&self) -> bool {
        let mut found = false;
        for event in self.ready() {
            let link = self.links.lock().get(&event.key).and_then(Weak::upgrade);
            let Some(link) = link else { continue };
            if event.readable || link.is_reading() {
                found |= link.receive_as_reader(true);
            } else {
                link.park_gathered();
            }
        }
        found
    }

    /// Takes the set out of the I/O thread's poller, for a thread that will wait for it itself. False: another thread has it.
    pub fn adopt(&self) -> bool {
        let mut state = self.state.lock();
        let begun = state.reading.begin_wait();
        state.has_kept = false;
        self.settle(state);
        begun
    }

    /// Ends a wait.
    pub fn leave(&self) {
        let mut state = self.state.lock();
        let has_kept = state.has_kept;
        let left = state.reading.end_wait(has_kept);
        if left == Left::Leased && state.reading.is_to_be_looked_after() {
            self.post(Command::LookAfter);
        }
        self.settle(state);
    }

    /// [`Gathering::read`] unless the I/O thread watches.
    pub fn read_leased(&self) -> bool {
        self.state.lock().reading.note_use() && self.read()
    }

    /// True while an application's thread that does not wait is expected back.
    pub(super) fn is_leased(&self) -> bool {
        self.state.lock().reading.is_leased()
    }

    /// The link with this key keeps what was read, until the application's thread comes for it.
    pub(super) fn note_kept(&self, key: u64) {
        self.keeping.lock().insert(key);
        self.state.lock().has_kept = true;
    }

    /// True while an application's thread reads.
    pub(super) fn is_held(&self) -> bool {
        !self.state.lock().reading.is_with_poller()
    }

    /// Gives the streams back to the I/O thread: the application asks in other ways than by waiting.
    pub fn give_back(&self) {
        let mut state = self.state.lock();
        state.reading.forget_waits();
        state.reading.end_lease();
        self.settle(state);
    }

    /// The I/O thread looks after a lease. `uses` is what it saw last; returns what it sees now while the lease goes on.
    pub(super) fn look_after(&self, uses: Option<u32>) -> Option<u32> {
        let mut state = self.state.lock();
        let look = state.reading.look_after(uses);
        self.settle(state);
        match look {
            Look::Again(uses) => Some(uses),
            Look::ToPoller | Look::Over => None,
        }
    }

    pub(super) fn note_heartbeats(&self) {
        self.state.lock().reading.note_heartbeats();
    }

    fn post(&self, command: impl FnOnce(Arc<Self>) -> Command) {
        if let Some(me) = self.me.upgrade() {
            self.thread.mailbox.post(command(me));
        }
    }

    /// Does what follows from a change of who reads.
    fn settle(&self, mut state: MutexGuard<'_, State>) {
        let watched = state.reading.is_with_poller();
        if watched == state.watched {
            return;
        }
        let interest = if watched { Interest::READ } else { Interest::NONE };
        match self.thread.poller.modify(self.raw(), self.key, interest) {
            Ok(()) => state.watched = watched,
            Err(error) => crate::log::debug!("cannot watch connections: {error}"),
        }
        drop(state);
        if watched {
            // What was kept must not depend on somebody coming for it.
            let keeping = std::mem::take(&mut *self.keeping.lock());
            for key in keeping {
                let link = self.links.lock().get(&key).and_then(Weak::upgrade);
                link.iter().for_each(|link| link.give_up_kept());
            }
        }
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.thread.poller.remove(self.raw());
        self.thread.mailbox.post(Command::Disperse(self.key));
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
