//! Listening and accepting, for every stream transport.

use super::{Opened, Transport};
use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use parking_lot::Mutex;
use socket2::Socket;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::path::PathBuf;

/// A listening socket that any thread may close.
pub struct Listener {
    transport: &'static dyn Transport,
    endpoint: String,
    raw: RawFd,
    /// `None` once closed. Locked while accepting, so that closing never hits a descriptor in use.
    open: Mutex<Option<Opened>>,
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
    pub fn open(transport: &'static dyn Transport, address: &str, options: &SocketOptions) -> Result<Self> {
        let opened = transport.listen(address, options)?;
        opened.socket.set_nonblocking(true)?;
        Ok(Self {
            transport,
            endpoint: opened.endpoint.clone(),
            raw: opened.socket.as_raw_fd(),
            open: Mutex::new(Some(opened)),
        })
    }

    /// ZMQ_LAST_ENDPOINT of this bind.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn transport(&self) -> &'static dyn Transport {
        self.transport
    }

    /// The descriptor, for registration while the listener is open.
    pub fn raw(&self) -> RawFd {
        self.raw
    }

    /// Accepts one peer.
    pub fn accept(&self, options: &SocketOptions) -> Accepted {
        let open = self.open.lock();
        let Some(opened) = &*open else { return Accepted::Closed };
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

    /// Stops listening at once. The port is free when this returns.
    pub fn close(&self) {
        if let Some(opened) = self.open.lock().take() {
            drop(opened.socket);
            remove_all(&opened.remove);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn remove_all(paths: &[PathBuf]) {
    for path in paths {
        // Whatever cannot be removed stays: the application may have put files there.
        let _ = if path.is_dir() { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    }
}
