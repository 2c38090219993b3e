//! Waking a thread that waits in poll or epoll, without a system call when it does not wait.
//!
//! One word holds PENDING (there is work), EXPOSED (the application polls the descriptor itself, ZMQ_FD), WATCHED (pollers are
//! told) and the number of sleepers. `notify` sets PENDING and writes to the eventfd only if that was news and somebody may be
//! waiting. Whoever sets PENDING tells the watchers. A sleeper adds itself, then looks at PENDING again before it waits: both are read-modify-writes of one
//! word, so either the notifier sees the sleeper or the sleeper sees PENDING.

use crate::error::Result;
use crate::sync::{AtomicU32, Ordering};
use parking_lot::Mutex;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};

const PENDING: u32 = 1;
const EXPOSED: u32 = 2;
const WATCHED: u32 = 4;
const SLEEPER: u32 = 8;

/// Hears of all work that is announced to a waker. Called on the announcing thread; must not block.
pub trait Watcher: Send + Sync {
    fn noticed(&self);
}

/// See the module documentation.
pub struct Waker {
    state: AtomicU32,
    fd: OnceLock<OwnedFd>,
    watchers: Mutex<Vec<Arc<dyn Watcher>>>,
}

impl Default for Waker {
    fn default() -> Self {
        Self::new()
    }
}

impl Waker {
    pub fn new() -> Self {
        Self { state: AtomicU32::new(0), fd: OnceLock::new(), watchers: Mutex::default() }
    }

    /// Tells that there is work. Work is written before the call and visible after [`Waker::take`].
    #[inline]
    pub fn notify(&self) {
        // AcqRel pairs with `take` and `begin_sleep`.
        let previous = self.state.fetch_or(PENDING, Ordering::AcqRel);
        if previous & PENDING == 0 && previous != 0 {
            self.announce(previous);
        }
    }

    #[cold]
    fn announce(&self, state: u32) {
        if state & WATCHED != 0 {
            self.tell_watchers();
        }
        if state & !WATCHED != 0 {
            self.signal();
        }
    }

    /// From now on the watcher is told of work, at the latest when what was announced before is taken notice of.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) {
        let mut watchers = self.watchers.lock();
        watchers.push(watcher);
        self.state.fetch_or(WATCHED, Ordering::AcqRel);
    }

    /// Ends [`Waker::watch`]: the watcher is not told any more once this returns.
    pub fn unwatch(&self, watcher: &dyn Watcher) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|other| !std::ptr::addr_eq(Arc::as_ptr(other), watcher));
        if watchers.is_empty() {
            self.state.fetch_and(!WATCHED, Ordering::AcqRel);
        }
    }

    /// Whether the application waits for the descriptor in its own way, or a poller is told.
    pub fn is_followed(&self) -> bool {
        self.state.load(Ordering::Relaxed) & (EXPOSED | WATCHED) != 0
    }

    /// Whether there is work, or somebody who watches.
    #[inline]
    pub fn wants_attention(&self) -> bool {
        self.state.load(Ordering::Relaxed) & (PENDING | WATCHED) != 0
    }

    /// Whether somebody watches.
    pub fn is_watched(&self) -> bool {
        self.state.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// Makes the watchers look, whether or not there is work.
    pub fn tell_watchers(&self) {
        self.watchers.lock().iter().for_each(|watcher| watcher.noticed());
    }

    /// Takes notice of the work. False when there is none.
    #[inline]
    pub fn take(&self) -> bool {
        // Relaxed: a miss is found at the next call, or by `begin_sleep`.
        if self.state.load(Ordering::Relaxed) & PENDING == 0 {
            return false;
        }
        if self.state.load(Ordering::Relaxed) & EXPOSED != 0 {
            // Before PENDING goes: a notice that comes later signals again, and that signal must stay.
            self.drain();
        }
        self.state.fetch_and(!PENDING, Ordering::AcqRel);
        true
    }

    /// For ZMQ_EVENTS: brings an exposed descriptor to rest, also when a signal came after its notice was taken. The
    /// caller takes notice right afterwards.
    pub fn settle(&self) {
        if self.state.load(Ordering::Relaxed) & EXPOSED != 0 {
            self.drain();
        }
    }

    /// After a wait that found the descriptor readable. Where the application polls it too, or another thread waits, it stays
    /// readable until the news are taken.
    pub fn end_wait(&self) {
        self.drain();
        let state = self.state.load(Ordering::Relaxed);
        if state & PENDING != 0 && state & !(PENDING | WATCHED) != 0 {
            self.signal();
        }
    }

    /// Whether there is work, without taking notice.
    #[inline]
    pub fn is_pending(&self) -> bool {
        self.state.load(Ordering::Relaxed) & PENDING != 0
    }

    /// Announces a wait on [`Waker::fd`]. False: there is work, do not wait, and do not call `end_sleep`.
    pub fn begin_sleep(&self) -> bool {
        let previous = self.state.fetch_add(SLEEPER, Ordering::AcqRel);
        if previous & PENDING != 0 {
            self.end_sleep();
            return false;
        }
        true
    }

    /// Ends the wait announced by `begin_sleep`.
    pub fn end_sleep(&self) {
        self.state.fetch_sub(SLEEPER, Ordering::AcqRel);
    }

    /// The descriptor to wait on; made when first asked for. Call it before `begin_sleep`.
    pub fn fd(&self) -> Result<RawFd> {
        if let Some(fd) = self.fd.get() {
            return Ok(fd.as_raw_fd());
        }
        // SAFETY: no pointers are involved.
        let raw = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if raw < 0 {
            return Err(crate::error::Errno::last());
        }
        // SAFETY: a new descriptor that nobody else owns.
        let _ = self.fd.set(unsafe { OwnedFd::from_raw_fd(raw) });
        self.fd()
    }

    /// Gives the descriptor to the application for good: from now on every piece of news is signalled on it.
    pub fn expose(&self) -> Result<RawFd> {
        let fd = self.fd()?;
        if self.state.load(Ordering::Relaxed) & EXPOSED == 0 {
            // Readable at first: whoever starts to poll it looks at ZMQ_EVENTS once, which makes it come to rest.
            let previous = self.state.fetch_or(EXPOSED | PENDING, Ordering::AcqRel);
            self.announce(previous | EXPOSED);
        }
        Ok(fd)
    }

    /// Makes the descriptor unreadable.
    pub fn drain(&self) {
        if let Some(fd) = self.fd.get() {
            let mut count = 0_u64;
            // SAFETY: eight writable bytes, as eventfd(2) asks for.
            unsafe { libc::read(fd.as_raw_fd(), (&raw mut count).cast(), 8) };
        }
    }

    #[cold]
    fn signal(&self) {
        if let Some(fd) = self.fd.get() {
            let one = 1_u64;
            // SAFETY: eight readable bytes; a failure could only be a full counter, which is readable anyway.
            unsafe { libc::write(fd.as_raw_fd(), (&raw const one).cast(), 8) };
        }
    }
}
