//! Listening and accepting, for every stream transport.

use super::{Opened, Transport};
use crate::error::{Errno, Result};
use crate::io::{Interest, Poller};
use crate::options::SocketOptions;
use crate::sync::fork_generation;
use parking_lot::Mutex;
use socket2::Socket;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::PathBuf;
use std::sync::Arc;

/// A listening socket that any thread may close.
pub struct Listener {
    transport: &'static dyn Transport,
    endpoint: OsString,
    /// `None` once closed. Locked while accepting and while the poller is told, so that closing never hits a descriptor in use,
    /// and a descriptor that was closed, and perhaps belongs to somebody else by now, is never watched.
    open: Mutex<Option<Open>>,
    /// As a number only: monitors tell it.
    descriptor: u64,
    /// Fork generation it was opened in: in a child, it is the parent's.
    generation: u32,
}

struct Open {
    opened: Opened,
    /// Where it is watched.
    poller: Option<Arc<Poller>>,
}

/// What one call of [`Listener::accept`] found.
pub enum Accepted {
    Peer(Socket),
    /// A peer came and was turned away by a filter, or could not be set up.
    Refused,
    /// Nobody waits.
    Nobody,
    /// Descriptors or memory are short: pause.
    Exhausted(Errno),
    Closed,
}

impl Listener {
    /// Opens and listens.
    pub fn open(transport: &'static dyn Transport, address: &OsStr, options: &SocketOptions) -> Result<Self> {
        let opened = transport.listen(address, options)?;
        opened.socket.set_nonblocking(true)?;
        Ok(Self {
            transport,
            endpoint: opened.endpoint.clone(),
            descriptor: opened.socket.as_raw_fd() as u64,
            open: Mutex::new(Some(Open { opened, poller: None })),
            generation: fork_generation(),
        })
    }

    /// ZMQ_LAST_ENDPOINT of this bind.
    pub fn endpoint(&self) -> &OsStr {
        &self.endpoint
    }

    pub fn transport(&self) -> &'static dyn Transport {
        self.transport
    }

    /// The number of the descriptor, for reports.
    pub fn descriptor(&self) -> u64 {
        self.descriptor
    }

    /// Starts to report peers to a poller; nothing once the listener is closed.
    pub fn watch(&self, poller: &Arc<Poller>, key: u64) -> Result<()> {
        if let Some(open) = &mut *self.open.lock() {
            poller.add(open.opened.socket.as_raw_fd(), key, Interest::READ)?;
            open.poller = Some(poller.clone());
        }
        Ok(())
    }

    /// Stops reporting, until [`Listener::watch`].
    pub fn rest(&self) {
        if let Some(open) = &mut *self.open.lock() {
            open.rest();
        }
    }

    /// True once [`Listener::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.open.lock().is_none()
    }

    /// Accepts one peer.
    pub fn accept(&self, options: &SocketOptions) -> Accepted {
        let open = self.open.lock();
        let Some(Open { opened, .. }) = &*open else { return Accepted::Closed };
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: no address is asked for.
        let raw = unsafe {
            libc::accept4(opened.socket.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), flags)
        };
        if raw < 0 {
            return match Errno::last().raw() {
                libc::EAGAIN => Accepted::Nobody,
                code @ (libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
                    Accepted::Exhausted(Errno::from(std::io::Error::from_raw_os_error(code)))
                }
                // Not a socket that accepts: it would be reported for ever.
                code @ (libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP) => {
                    Accepted::Exhausted(Errno::from(std::io::Error::from_raw_os_error(code)))
                }
                // The peer gave up before it was accepted, or a network error was queued: accept(2).
                _ => Accepted::Refused,
            };
        }
        // SAFETY: a new descriptor that nobody else owns.
        let socket = unsafe { Socket::from_raw_fd(raw) };
        if !self.transport.admits(&socket, options) || self.transport.tune(&socket, options).is_err() {
            return Accepted::Refused;
        }
        Accepted::Peer(socket)
    }

    /// Stops listening at once. The port is free when this returns. Fails when a file of the library's own cannot be removed.
    pub fn close(&self) -> Result<()> {
        let mut open = self.open.lock();
        if self.generation != fork_generation() {
            std::mem::forget(open.take());
            return Ok(());
        }
        let Some(mut open) = open.take() else { return Ok(()) };
        // A forked child may hold the descriptor too; then closing it here would not end the reports.
        open.rest();
        drop(open.opened.socket);
        remove_all(&open.opened.remove)
    }
}

impl Open {
    fn rest(&mut self) {
        if let Some(poller) = self.poller.take() {
            poller.remove(self.opened.socket.as_raw_fd());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// Tries each; the first failure is returned. Whatever cannot be removed stays: the application may have put files there.
pub(super) fn remove_all(paths: &[PathBuf]) -> Result<()> {
    let remove = |path: &PathBuf| -> Result<()> {
        if path.is_dir() {
            std::fs::remove_dir(path)?;
        } else {
            std::fs::remove_file(path)?;
        }
        Ok(())
    };
    paths.iter().map(remove).fold(Ok(()), Result::and)
}
