//! A connected byte stream on a plain descriptor.

use crate::error::{Errno, Result};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Outcome of a read that did not fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Read {
    Bytes(usize),
    /// Nothing there now.
    WouldBlock,
    /// The peer has finished.
    End,
}

/// A non-blocking stream socket. Reading and writing go on independently, on any thread.
pub struct Stream {
    fd: OwnedFd,
}

impl Stream {
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Bytes that were written and that the peer's kernel does not have yet. Local sockets have none: what is written is there.
    pub fn unacknowledged(&self) -> usize {
        let socket = socket2::SockRef::from(&self.fd);
        if !matches!(socket.domain(), Ok(socket2::Domain::IPV4 | socket2::Domain::IPV6)) {
            return 0;
        }
        let mut count: libc::c_int = 0;
        // SAFETY: the number is writable; SIOCOUTQ has the value of TIOCOUTQ.
        let result = unsafe { libc::ioctl(self.raw(), libc::TIOCOUTQ, &raw mut count) };
        if result < 0 { 0 } else { usize::try_from(count).unwrap_or(0) }
    }

    /// Tells the peer that nothing follows.
    pub fn end_writing(&self) {
        let _ = socket2::SockRef::from(&self.fd).shutdown(std::net::Shutdown::Write);
    }

    /// Reads what is there, up to the size of `buffer`.
    #[inline]
    pub fn read(&self, buffer: &mut [u8]) -> Result<Read> {
        // SAFETY: the buffer is writable for its length.
        unsafe { self.read_raw(buffer.as_mut_ptr(), buffer.len()) }
    }

    /// Appends what is there to `bytes`, at most `most` and what there is capacity for.
    pub fn append(&self, bytes: &mut Vec<u8>, most: usize) -> Result<Read> {
        let spare = bytes.spare_capacity_mut();
        let room = spare.len().min(most);
        // SAFETY: spare capacity is writable.
        let read = unsafe { self.read_raw(spare.as_mut_ptr().cast(), room) };
        if let Ok(Read::Bytes(count)) = read {
            // SAFETY: the kernel has written that many bytes behind the length.
            unsafe { bytes.set_len(bytes.len() + count) };
        }
        read
    }

    /// # Safety
    /// `room` bytes at `start` must be writable.
    #[inline]
    unsafe fn read_raw(&self, start: *mut u8, room: usize) -> Result<Read> {
        loop {
            // SAFETY: the caller's promise.
            let count = unsafe { libc::recv(self.raw(), start.cast(), room, 0) };
            match count {
                0 => return Ok(Read::End),
                1.. => return Ok(Read::Bytes(count as usize)),
                _ => match Errno::last() {
                    Errno::AGAIN => return Ok(Read::WouldBlock),
                    Errno::INTERRUPTED => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Writes what the kernel takes; 0 when it takes nothing now. Never raises SIGPIPE.
    #[inline]
    pub fn write(&self, slices: &[IoSlice<'_>]) -> Result<usize> {
        loop {
            let count = if let [slice] = slices {
                // SAFETY: the slice is readable for its length.
                unsafe { libc::send(self.raw(), slice.as_ptr().cast(), slice.len(), libc::MSG_NOSIGNAL) }
            } else {
                // SAFETY: an all-zero header is valid; IoSlice has the layout of iovec, and lives across the call.
                unsafe {
                    let mut header = std::mem::zeroed::<libc::msghdr>();
                    header.msg_iov = slices.as_ptr().cast_mut().cast();
                    header.msg_iovlen = slices.len() as _;
                    libc::sendmsg(self.raw(), &raw const header, libc::MSG_NOSIGNAL)
                }
            };
            if count >= 0 {
                return Ok(count as usize);
            }
            match Errno::last() {
                Errno::AGAIN => return Ok(0),
                Errno::INTERRUPTED => {}
                error => return Err(error),
            }
        }
    }

    /// Ends both directions; whoever polls the descriptor notices.
    pub fn shutdown(&self) {
        // SAFETY: no pointers are involved.
        unsafe { libc::shutdown(self.raw(), libc::SHUT_RDWR) };
    }
}
