//! Readiness of descriptors: epoll. What another platform must supply is this file.

use crate::error::{Errno, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Which readiness is wanted. Errors and hang-ups are always reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
    /// The end of what comes in, for who leaves the reading to others.
    pub end: bool,
}

impl Interest {
    pub const NONE: Self = Self { read: false, write: false, end: false };
    pub const READ: Self = Self { read: true, ..Self::NONE };
    pub const WRITE: Self = Self { write: true, ..Self::NONE };

    fn bits(self) -> u32 {
        let mut bits = 0;
        if self.read {
            bits |= libc::EPOLLIN;
        }
        if self.write {
            bits |= libc::EPOLLOUT;
        }
        if self.end {
            bits |= libc::EPOLLRDHUP;
        }
        bits as u32
    }
}

/// One report of the poller.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub key: u64,
    pub readable: bool,
    pub writable: bool,
    /// The end of what comes in, if it was asked for.
    pub ended: bool,
    /// Error or hang-up: reported whatever was asked for.
    pub failed: bool,
}

/// An epoll set. Registration may be changed from any thread.
pub struct Poller {
    fd: OwnedFd,
}

impl Poller {
    pub fn new() -> Result<Self> {
        // SAFETY: no pointers are involved.
        let raw = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if raw < 0 {
            return Err(Errno::last());
        }
        // SAFETY: a new descriptor that nobody else owns.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(raw) } })
    }

    /// Readable while something watched is ready, for poll(2) and for other such sets.
    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Starts to watch a descriptor.
    pub fn add(&self, fd: RawFd, key: u64, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, key, interest)
    }

    /// Changes what is wanted of a watched descriptor.
    pub fn modify(&self, fd: RawFd, key: u64, interest: Interest) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, key, interest)
    }

    /// Stops watching a descriptor.
    pub fn remove(&self, fd: RawFd) {
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest::NONE);
    }

    fn control(&self, operation: i32, fd: RawFd, key: u64, interest: Interest) -> Result<()> {
        let mut event = libc::epoll_event { events: interest.bits(), u64: key };
        // SAFETY: the event outlives the call.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut event) };
        if result < 0 { Err(Errno::last()) } else { Ok(()) }
    }

    /// Waits for reports, at most `timeout` (`None`: for ever), and appends them to `events`.
    pub fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        let mut raw = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let count = self.wait_raw(&mut raw, timeout);
        if count < 0 {
            let error = Errno::last();
            return if error == Errno::INTERRUPTED { Ok(()) } else { Err(error) };
        }
        events.extend(raw.iter().take(count as usize).map(|event| {
            let bits = event.events as i32;
            Event {
                key: event.u64,
                readable: bits & libc::EPOLLIN != 0,
                writable: bits & libc::EPOLLOUT != 0,
                ended: bits & libc::EPOLLRDHUP != 0,
                failed: bits & (libc::EPOLLERR | libc::EPOLLHUP) != 0,
            }
        }));
        Ok(())
    }

    /// epoll_pwait2(2), which knows microseconds; epoll_wait(2) on kernels before 5.11.
    fn wait_raw(&self, events: &mut [libc::epoll_event], timeout: Option<Duration>) -> i32 {
        let fd = self.fd.as_raw_fd();
        let Some(timeout) =
            timeout.filter(|timeout| *timeout < Duration::from_millis(1) && !timeout.is_zero())
        else {
            let millis = timeout.map_or(-1, |timeout| {
                i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
            });
            // SAFETY: the array has room for as many events as announced.
            return unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), events.len() as i32, millis) };
        };
        let limit = libc::timespec { tv_sec: 0, tv_nsec: timeout.subsec_nanos().into() };
        let no_mask = std::ptr::null::<libc::sigset_t>();
        // SAFETY: the array has room for as many events as announced, and the limit lives across the call.
        let count = unsafe {
            let (events, room) = (events.as_mut_ptr(), events.len());
            libc::syscall(libc::SYS_epoll_pwait2, fd, events, room, &raw const limit, no_mask, 8_usize)
        };
        // ENOSYS from an old kernel, EPERM from a filter that does not know the call.
        if count < 0 && Errno::last() != Errno::INTERRUPTED {
            // SAFETY: as above.
            return unsafe { libc::epoll_wait(fd, events.as_mut_ptr(), events.len() as i32, 1) };
        }
        count as i32
    }
}
