//! What pollers watch of a link's stream.
//!
//! The I/O thread's poller watches it for room to write, and for input while no application thread reads it (`reading`), otherwise for
//! the end of the input.
//! Where a socket has many links, their streams are watched for input together, in a set of the socket's own (`gathering`).

use super::gathering::Gathering;
use super::handle::LinkHandle;
use super::reactor::Command;
use super::reading::{Left, Look, Reading};
use crate::error::Result;
use crate::io::{Interest, Poller};
use crate::sync::global::Ordering;
use crate::transport::Stream;
use parking_lot::MutexGuard;
use std::os::fd::RawFd;
use std::sync::Arc;

/// See the module documentation.
#[derive(Default)]
pub(super) struct Registration {
    fd: Option<RawFd>,
    /// In the I/O thread's poller.
    own: Watch,
    wants_write: bool,
    /// The pipe is full.
    blocked: bool,
    reading: Reading,
    /// The halves are at work.
    established: bool,
    /// Where the stream is watched for input, while the halves are at work.
    gathering: Option<Arc<Gathering>>,
    /// In that set.
    gathered: Watch,
}

/// What one poller watches of a stream.
#[derive(Default)]
struct Watch {
    added: bool,
    current: Interest,
}

impl Watch {
    fn set(&mut self, poller: &Poller, fd: RawFd, key: u64, wanted: Interest) -> Result<()> {
        if wanted == self.current {
            return Ok(());
        }
        if self.added {
            poller.modify(fd, key, wanted)?;
        } else {
            poller.add(fd, key, wanted)?;
        }
        *self = Self { added: true, current: wanted };
        Ok(())
    }

    fn end(&mut self, poller: &Poller, fd: RawFd) {
        if std::mem::take(self).added {
            poller.remove(fd);
        }
    }

    /// Ends it unless it is for input: a poller reports a hang-up whatever is asked for, which cannot be acted on while nobody
    /// reads. The next change of interest begins it again.
    fn park(&mut self, poller: &Poller, fd: RawFd) {
        if !self.current.read {
            self.end(poller, fd);
        }
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
        let Some(stream) = usable else {
            if registration.reading.end_lease() {
                self.return_to_poller(registration);
            }
            return None;
        };
        if !registration.reading.begin_wait() {
            return None;
        }
        self.update(&mut registration);
        Some(stream)
    }

    /// Ends a wait.
    pub fn leave(&self) {
        let mut registration = self.registration.lock();
        match registration.reading.end_wait(self.keeping.load(Ordering::Relaxed)) {
            Left::Leased => self.begin_lease(registration),
            Left::ToPoller => self.return_to_poller(registration),
            Left::AsBefore => {}
        }
    }

    /// Nobody is to wait for a stream that a waiting thread has left: the poller watches it again. What that thread
    /// has read and kept must not depend on its coming back.
    fn return_to_poller(&self, mut registration: MutexGuard<'_, Registration>) {
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
        if !registration.blocked {
            return false;
        }
        let reading = &registration.reading;
        // One that waits may sleep already.
        let comes_back = reading.is_leased() || (reading.is_with_poller() && reading.is_waited_for());
        let set = registration.held_set();
        // Noted first: the set may be given back at any moment, and then asks who keeps something. If it is already, that was in vain.
        let set_comes_back = set.is_some_and(|set| {
            self.keeping.store(true, Ordering::Relaxed);
            set.note_kept(self.key.load(Ordering::Relaxed));
            set.is_leased()
        });
        if !comes_back && !set_comes_back {
            return false;
        }
        self.keeping.store(true, Ordering::Relaxed);
        if !set_comes_back {
            self.lease_to_reader(registration);
        }
        true
    }

    /// The I/O thread is far ahead of the application's thread. When that one has waited for input lately, it is to
    /// read the rest itself, once it has taken what is there: what one thread decodes and another one frees costs
    /// both.
    pub(super) fn leave_to_reader(&self) -> bool {
        let registration = self.registration.lock();
        if !registration.reading.is_with_poller() || !registration.reading.is_waited_for() {
            return false;
        }
        self.lease_to_reader(registration);
        true
    }

    /// To a thread that has something else to take before it comes to the stream.
    fn lease_to_reader(&self, mut registration: MutexGuard<'_, Registration>) {
        if registration.reading.is_with_poller() {
            registration.reading.lease_patiently();
            self.begin_lease(registration);
        }
    }

    fn begin_lease(&self, mut registration: MutexGuard<'_, Registration>) {
        self.update(&mut registration);
        let must_ask = registration.reading.is_to_be_looked_after();
        drop(registration);
        if must_ask {
            self.post(Command::Lease);
        }
    }

    /// True while an application's thread reads the stream, and no poller watches for input.
    pub(super) fn is_adopted(&self) -> bool {
        // Relaxed: whoever is wrong for a moment leaves the rest to the I/O thread.
        self.adopted.load(Ordering::Relaxed)
            || (self.gathered.load(Ordering::Relaxed) && self.registration.lock().held_set().is_some())
    }

    /// What was read of the stream is kept for the application's thread.
    pub(super) fn note_kept(&self) {
        self.keeping.store(true, Ordering::Relaxed);
        if let Some(set) = self.registration.lock().held_set() {
            set.note_kept(self.key.load(Ordering::Relaxed));
        }
    }

    /// Reads what has come, if the poller does not watch for it, on the thread that is to read it. True when bytes came.
    pub fn read_leased(&self) -> bool {
        self.registration.lock().reading.note_use() && self.receive_as_reader(true)
    }

    /// Gives the stream back to the poller: the application asks in other ways than by waiting.
    pub fn give_back(&self) {
        let mut registration = self.registration.lock();
        registration.reading.forget_waits();
        if registration.reading.end_lease() {
            self.return_to_poller(registration);
        }
    }

    /// The I/O thread looks after a lease. `uses` is what it saw last; returns what it sees now while the lease goes on.
    pub(super) fn check_lease(&self, uses: Option<u32>) -> Option<u32> {
        let mut registration = self.registration.lock();
        match registration.reading.look_after(uses) {
            Look::Again(uses) => return Some(uses),
            Look::ToPoller => self.return_to_poller(registration),
            Look::Over => {}
        }
        None
    }

    /// The peer, or this side, ends connections on which nothing is heard for a while.
    pub(super) fn note_heartbeats(&self) {
        let mut registration = self.registration.lock();
        registration.reading.note_heartbeats();
        if let Some(gathering) = &registration.gathering {
            gathering.note_heartbeats();
        }
    }

    /// Gives a stream that is leased back, for a look at it on the I/O thread. False: nobody has to look.
    pub(super) fn take_back(&self) -> bool {
        let mut registration = self.registration.lock();
        if registration.reading.end_lease() {
            self.return_to_poller(registration);
            return true;
        }
        registration.held_set().is_some()
    }

    /// The peer has ended the connection, or its network has: the I/O thread reads what is left, whoever is the reader. False when
    /// that has to wait until there is room.
    pub(super) fn note_end(&self) -> bool {
        let mut registration = self.registration.lock();
        if registration.blocked {
            return false;
        }
        if registration.reading.note_end() {
            // From here on it is watched by itself: who reads the others may not be there.
            if let Some(fd) = registration.fd {
                self.end_gathered(&mut registration, fd);
            }
            self.update(&mut registration);
        }
        true
    }

    /// Starts to watch a stream. Called by the reactor for each new connection.
    pub(super) fn register(&self, fd: RawFd, interest: Interest) -> Result<()> {
        let mut registration = self.registration.lock();
        registration.own = Watch::default();
        registration.own.set(&self.thread().poller, fd, self.key.load(Ordering::Relaxed), interest)?;
        registration.fd = Some(fd);
        registration.wants_write = interest.write;
        registration.blocked = !interest.read;
        registration.reading.anew();
        self.note_reader(&registration);
        Ok(())
    }

    /// Stops watching.
    pub(super) fn unregister(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd.take() {
            registration.own.end(&self.thread().poller, fd);
            self.end_gathered(&mut registration, fd);
        }
        registration.established = false;
        registration.reading.anew();
        self.note_reader(&registration);
    }

    /// The halves are at work.
    pub(super) fn note_established(&self) {
        let mut registration = self.registration.lock();
        registration.established = true;
        self.update(&mut registration);
    }

    /// From here on the stream of each connection is watched together with others of its socket.
    pub fn join(&self, gathering: &Arc<Gathering>) {
        let mut registration = self.registration.lock();
        if registration.gathering.is_none() {
            registration.gathering = Some(gathering.clone());
            if registration.reading.is_asked() {
                gathering.note_heartbeats();
            }
            self.update(&mut registration);
        }
    }

    /// Ends that.
    pub fn part(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd {
            self.end_gathered(&mut registration, fd);
        }
        registration.gathering = None;
        self.return_to_poller(registration);
    }

    fn end_gathered(&self, registration: &mut Registration, fd: RawFd) {
        if let Some(gathering) = &registration.gathering {
            registration.gathered.end(gathering.poller(), fd);
            gathering.remove(self.key.load(Ordering::Relaxed));
        }
    }

    /// The end of the connection was found by a thread that must not act on it, and would be told of it again and again until the
    /// I/O thread has.
    pub(super) fn stop_telling(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd {
            self.end_gathered(&mut registration, fd);
        }
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
        let registration = self.registration.lock();
        registration.own.current.read || registration.gathered.current.read
    }

    /// Takes the stream out of the poller, if that does not watch for input: see [`Watch::park`]. For the I/O thread.
    pub(super) fn park(&self) {
        let mut registration = self.registration.lock();
        if let Some(fd) = registration.fd {
            registration.own.park(&self.thread().poller, fd);
        }
        drop(registration);
        self.park_gathered();
    }

    /// The same for the set in which it is, for whoever was told by that.
    pub(super) fn park_gathered(&self) {
        let mut registration = self.registration.lock();
        let Registration { fd: Some(fd), gathering: Some(set), gathered, .. } = &mut *registration else {
            return;
        };
        gathered.park(set.poller(), *fd);
    }

    fn note_reader(&self, registration: &Registration) {
        self.adopted.store(!registration.reading.is_with_poller(), Ordering::Relaxed);
        self.gathered.store(registration.is_gathered(), Ordering::Relaxed);
    }

    fn update(&self, registration: &mut Registration) {
        self.note_reader(registration);
        let Some(fd) = registration.fd else { return };
        let key = self.key.load(Ordering::Relaxed);
        let reads = !registration.blocked && registration.reading.is_with_poller();
        let mut result = Ok(());
        if registration.is_gathered() {
            let wanted = if reads { Interest::READ } else { Interest::NONE };
            result = self.watch_gathered(registration, fd, key, wanted);
        }
        // Where that failed the stream is watched as any other.
        let read = reads && !registration.is_gathered();
        let end = !read && !registration.blocked && registration.is_end_to_be_watched();
        let own = Interest { read, write: registration.wants_write, end };
        result = result.and(registration.own.set(&self.thread().poller, fd, key, own));
        if let Err(error) = result {
            crate::log::debug!("cannot watch a connection: {error}");
            // Somebody has to find out how it goes on.
            self.post(Command::Receive);
        }
    }

    fn watch_gathered(
        &self,
        registration: &mut Registration,
        fd: RawFd,
        key: u64,
        wanted: Interest,
    ) -> Result<()> {
        let Some(gathering) = registration.gathering.clone() else { return Ok(()) };
        if !registration.gathered.added && wanted != Interest::NONE {
            gathering.insert(key, self.me());
        }
        let result = registration.gathered.set(gathering.poller(), fd, key, wanted);
        if result.is_err() {
            self.end_gathered(registration, fd);
            registration.gathering = None;
            self.note_reader(registration);
        }
        result
    }
}

impl Registration {
    /// True when the end of the stream might be noticed by an application's thread alone, whenever that comes back.
    fn is_end_to_be_watched(&self) -> bool {
        self.reading.may_miss_end() || self.is_gathered()
    }

    fn is_gathered(&self) -> bool {
        self.established && self.gathering.is_some() && !self.reading.has_ended()
    }

    /// The set in which the stream is, if an application's thread reads all that is in it.
    fn held_set(&self) -> Option<&Gathering> {
        let set = self.gathering.as_deref().filter(|_| self.is_gathered() && self.reading.is_with_poller());
        set.filter(|set| set.is_held())
    }
}
