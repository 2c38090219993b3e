//! Who reads a link's stream, and what the poller watches.
//!
//! An application thread that waits for input *adopts* the streams it waits for: it reads them itself. A stream that
//! is waited for again and again, or that brings much, it keeps between its waits, on a *lease*. Nobody watches a
//! leased stream, so a lease is short: the I/O thread looks whether its holder comes back.

use super::handle::LinkHandle;
use super::policy;
use super::reactor::Command;
use crate::config::{HAND_OVER, LEASE_GAP, LEASE_PATIENCE};
use crate::io::Interest;
use crate::sync::global::Ordering;
use crate::transport::Stream;
use parking_lot::MutexGuard;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

/// See the module documentation.
#[derive(Default)]
pub(super) struct Registration {
    fd: Option<RawFd>,
    /// In the poller's set.
    added: bool,
    current: Interest,
    wants_write: bool,
    /// The pipe is full.
    blocked: bool,
    reader: Reader,
    /// The I/O thread comes to look after a lease.
    looked_after: bool,
    /// Waits of application threads for this stream, and the end of the last one, unless input was asked for in other ways since.
    uses: u32,
    last_use: Option<Instant>,
    /// The peer asks whether this side lives, and has to be answered soon.
    is_asked: bool,
}

/// Who reads the stream.
#[derive(Default)]
enum Reader {
    /// The I/O thread, when the poller tells it to.
    #[default]
    Poller,
    /// An application thread, which waits for it now; afterwards it keeps the lease that it had.
    Waiting(Option<Lease>),
    /// An application thread that is expected back.
    Leased(Lease),
}

/// Looks of the I/O thread that found the stream in use, and those since that did not.
#[derive(Default, Clone, Copy)]
struct Lease {
    steady: u32,
    missed: u32,
}

impl Registration {
    /// Whether an application thread has waited for input lately, and is taken to do so again.
    fn is_waited_for(&self) -> bool {
        policy::inline_driving() && self.last_use.is_some_and(|last| last.elapsed() < HAND_OVER)
    }
}

impl LinkHandle {
    /// Takes the stream out of the poller's reading set, for a thread that will wait for it itself. `None`: there is
    /// no connection, or another thread has it.
    pub fn adopt(&self) -> Option<Arc<Stream>> {
        let held = self.receive.try_hold();
        // What has ended is for the I/O thread to find.
        let stream = held.as_ref().filter(|pump| !pump.has_ending()).and_then(|pump| pump.stream()).cloned();
        if held.is_some_and(|pump| pump.release()) {
            self.post(Command::Receive);
        }
        let mut registration = self.registration.lock();
        let usable = stream.filter(|stream| registration.fd == Some(stream.raw()) && !registration.blocked);
        match (usable, &registration.reader) {
            (_, Reader::Waiting(_)) | (None, Reader::Poller) => None,
            (None, Reader::Leased(_)) => {
                self.return_to_poller(registration);
                None
            }
            (Some(stream), &Reader::Leased(lease)) => {
                registration.reader = Reader::Waiting(Some(lease));
                Some(stream)
            }
            (Some(stream), Reader::Poller) => {
                registration.reader = Reader::Waiting(None);
                self.update(&mut registration);
                Some(stream)
            }
        }
    }

    /// Ends a wait. A stream waited for again and again stays adopted, which saves two system calls a wait, and so
    /// does one of which much was read; the I/O thread takes it back when that stops.
    pub fn leave(&self) {
        let mut registration = self.registration.lock();
        registration.uses = registration.uses.wrapping_add(1);
        let now = Instant::now();
        let frequent = registration.last_use.replace(now).is_some_and(|last| now - last < LEASE_GAP);
        match registration.reader {
            Reader::Waiting(Some(lease)) => registration.reader = Reader::Leased(lease),
            Reader::Waiting(None) if frequent || self.keeping.load(Ordering::Relaxed) => {
                self.lease(registration, Lease::default());
            }
            Reader::Waiting(None) => self.return_to_poller(registration),
            Reader::Poller | Reader::Leased(_) => {}
        }
    }

    /// Nobody is to wait for a stream that a waiting thread has left: the poller watches it again. What that thread
    /// has read and kept must not depend on its coming back.
    fn return_to_poller(&self, mut registration: MutexGuard<'_, Registration>) {
        registration.reader = Reader::Poller;
        self.update(&mut registration);
        drop(registration);
        self.give_up_kept();
    }

    pub(super) fn give_up_kept(&self) {
        if self.keeping.load(Ordering::Relaxed) {
            self.post(Command::Receive);
        }
    }

    /// The pipe has room again, after it was full. True when the application's thread is going to read the rest itself: it has
    /// waited for input lately, so it will do so again when the queue is empty, and the I/O thread need not run.
    pub(super) fn hand_over(&self) -> bool {
        let registration = self.registration.lock();
        let comes_back = match registration.reader {
            Reader::Poller => registration.is_waited_for(),
            // It may sleep already.
            Reader::Waiting(_) => false,
            Reader::Leased(_) => true,
        };
        if !registration.blocked || !comes_back {
            return false;
        }
        self.keeping.store(true, Ordering::Relaxed);
        self.lease_to_reader(registration);
        true
    }

    /// The I/O thread is far ahead of the application's thread. When that one has waited for input lately, it is to
    /// read the rest itself, once it has taken what is there: what one thread decodes and another one frees costs
    /// both.
    pub(super) fn leave_to_reader(&self) -> bool {
        let registration = self.registration.lock();
        if !matches!(registration.reader, Reader::Poller) || !registration.is_waited_for() {
            return false;
        }
        self.lease_to_reader(registration);
        true
    }

    /// To a thread that has something else to take before it comes to the stream.
    fn lease_to_reader(&self, registration: MutexGuard<'_, Registration>) {
        if matches!(registration.reader, Reader::Poller) {
            let steady = if registration.is_asked { 0 } else { LEASE_PATIENCE };
            self.lease(registration, Lease { steady, missed: 0 });
        }
    }

    fn lease(&self, mut registration: MutexGuard<'_, Registration>, lease: Lease) {
        registration.reader = Reader::Leased(lease);
        self.update(&mut registration);
        let looked_after = std::mem::replace(&mut registration.looked_after, true);
        drop(registration);
        if !looked_after {
            self.post(Command::Lease);
        }
    }

    /// True while an application's thread reads the stream, and the poller does not watch for input.
    pub fn is_adopted(&self) -> bool {
        !matches!(self.registration.lock().reader, Reader::Poller)
    }

    /// Gives the stream back to the poller: the application asks in other ways than by waiting.
    pub fn give_back(&self) {
        let mut registration = self.registration.lock();
        registration.last_use = None;
        if matches!(registration.reader, Reader::Leased(_)) {
            self.return_to_poller(registration);
        }
    }

    /// The I/O thread looks after a lease. `uses` is what it saw last; returns what it sees now while the lease goes on.
    pub(super) fn check_lease(&self, uses: Option<u32>) -> Option<u32> {
        let mut registration = self.registration.lock();
        let (seen, is_asked) = (registration.uses, registration.is_asked);
        match &mut registration.reader {
            Reader::Leased(lease) | Reader::Waiting(Some(lease)) if uses != Some(seen) => {
                // The first look has nothing to compare with.
                let steady = lease.steady + u32::from(uses.is_some());
                *lease = Lease { steady: if is_asked { 0 } else { steady.min(LEASE_PATIENCE) }, missed: 0 };
                return Some(seen);
            }
            Reader::Leased(lease) if lease.missed < lease.steady => {
                lease.missed += 1;
                return Some(seen);
            }
            _ => {}
        }
        registration.looked_after = false;
        match registration.reader {
            Reader::Poller => {}
            // A wait that takes as long as this pays for its own end.
            Reader::Waiting(_) => registration.reader = Reader::Waiting(None),
            Reader::Leased(_) => {
                // Who has not come is not left anything again, before it waits the next time.
                registration.last_use = None;
                self.return_to_poller(registration);
            }
        }
        None
    }

    /// The peer, or this side, ends connections on which nothing is heard for a while.
    pub(super) fn note_heartbeats(&self) {
        self.registration.lock().is_asked = true;
    }

    /// Gives a stream that is leased back, for a look at it on the I/O thread. False: nobody has to look.
    pub(super) fn take_back(&self) -> bool {
        let registration = self.registration.lock();
        let leased = matches!(registration.reader, Reader::Leased(_));
        if leased {
            self.return_to_poller(registration);
        }
        leased
    }

    /// Starts to watch a stream. Called by the reactor for each new connection.
    pub(super) fn register(&self, fd: RawFd, interest: Interest) -> crate::error::Result<()> {
        let mut registration = self.registration.lock();
        self.thread().poller.add(fd, self.key.load(Ordering::Relaxed), interest)?;
        *registration = Registration {
            fd: Some(fd),
            added: true,
            current: interest,
            wants_write: interest.write,
            blocked: !interest.read,
            looked_after: registration.looked_after,
            ..Registration::default()
        };
        Ok(())
    }

    /// Stops watching.
    pub(super) fn unregister(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd.filter(|_| registration.added) {
            self.thread().poller.remove(fd);
        }
        *registration = Registration { looked_after: registration.looked_after, ..Registration::default() };
    }

    /// Watches, or stops watching, for room to write.
    pub(super) fn want_write(&self, wanted: bool) {
        let mut registration = self.registration.lock();
        registration.wants_write = wanted;
        self.update(&mut registration);
    }

    /// Stops watching for input while the pipe is full.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let mut registration = self.registration.lock();
        registration.blocked = blocked;
        self.update(&mut registration);
    }

    /// True when input is watched for.
    pub(super) fn is_reading(&self) -> bool {
        self.registration.lock().current.read
    }

    /// Takes the stream out of the poller altogether: it reports a hang-up that cannot be acted on while nobody
    /// reads. The next change of interest puts it back.
    pub(super) fn park(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd.filter(|_| registration.added && !registration.current.read) {
            self.thread().poller.remove(fd);
            registration.added = false;
            registration.current = Interest::NONE;
        }
    }

    fn update(&self, registration: &mut Registration) {
        let Some(fd) = registration.fd else { return };
        let wanted = Interest {
            read: !registration.blocked && matches!(registration.reader, Reader::Poller),
            write: registration.wants_write,
        };
        if wanted == registration.current {
            return;
        }
        let key = self.key.load(Ordering::Relaxed);
        let poller = &self.thread().poller;
        let result =
            if registration.added { poller.modify(fd, key, wanted) } else { poller.add(fd, key, wanted) };
        match result {
            Ok(()) => {
                registration.added = true;
                registration.current = wanted;
            }
            Err(error) => {
                crate::log::debug!("cannot watch a connection: {error}");
                // Somebody has to find out how it goes on.
                self.post(Command::Receive);
            }
        }
    }
}
