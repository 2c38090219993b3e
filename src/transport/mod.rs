//! Transports: what an address means and how its sockets are made. One file per scheme, one trait.
//!
//! Knows: address syntax, socket options, accept filters. Must not know: ZMTP, pipes, retries. Listening,
//! accepting and connecting are written once, in `listener` and `connector`, on top of `Transport`.
//! inproc is not here: it has no addresses of the system, and lives in the context.

mod connector;
mod ipc;
mod listener;
mod socks;
mod stream;
mod tcp;

pub use connector::{Attempt, Route, finish_connect, start_connect};
pub use listener::{Accepted, Listener};
pub use socks::{Proxy, Socks};
pub use stream::{Read, Stream};

use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use socket2::{SockAddr, SockRef, Socket};
use std::ffi::{OsStr, OsString};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A scheme of addresses.
pub trait Transport: Send + Sync {
    /// The text before `://`.
    fn scheme(&self) -> &'static str;

    /// Checks the syntax of an address to connect to. EINVAL, ENAMETOOLONG.
    fn check(&self, address: &OsStr, options: &SocketOptions) -> Result<()>;

    /// Whether [`Transport::routes`] may ask a name server and so must not run on an I/O thread.
    fn needs_lookup(&self, address: &OsStr) -> bool;

    /// Where an address to connect to leads, in the order to be tried.
    fn routes(&self, address: &OsStr, options: &SocketOptions) -> Result<Vec<Route>>;

    /// Host and port of an address to connect to, for a proxy that shall do it. `None`: no proxy can.
    fn destination<'a>(&self, _address: &'a OsStr) -> Option<(&'a str, u16)> {
        None
    }

    /// Opens a listening socket. May ask a name server.
    fn listen(&self, address: &OsStr, options: &SocketOptions) -> Result<Opened>;

    /// Other spellings under which an endpoint given to `zmq_unbind` or `zmq_disconnect` may be known.
    fn aliases(&self, _address: &OsStr, _options: &SocketOptions) -> Vec<OsString> {
        Vec::new()
    }

    /// Applies options to a socket that will connect.
    fn prepare(&self, socket: &Socket, options: &SocketOptions) -> Result<()> {
        self.tune(socket, options)
    }

    /// Applies options to a socket that will connect or was accepted.
    fn tune(&self, socket: &Socket, options: &SocketOptions) -> Result<()>;

    /// Whether a peer that connected may stay (ZMQ_TCP_ACCEPT_FILTER, ZMQ_IPC_FILTER_*).
    fn admits(&self, socket: &Socket, options: &SocketOptions) -> bool;

    /// The peer as told to applications: the Peer-Address property.
    fn peer_address(&self, fd: RawFd) -> String;

    /// An address as endpoint text.
    fn endpoint(&self, address: &SockAddr) -> OsString;

    /// Both ends of a connection as endpoint text; empty where the system does not know.
    fn endpoints(&self, fd: RawFd) -> (OsString, OsString) {
        // SAFETY: the caller's socket keeps the descriptor open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let socket = SockRef::from(&fd);
        let text = |address: std::io::Result<SockAddr>| {
            address.map(|address| self.endpoint(&address)).unwrap_or_default()
        };
        (text(socket.local_addr()), text(socket.peer_addr()))
    }
}

/// A socket that listens.
pub struct Opened {
    pub socket: Socket,
    /// ZMQ_LAST_ENDPOINT.
    pub endpoint: OsString,
    /// Files to remove when the listener goes: those the library named itself.
    pub remove: Vec<PathBuf>,
}

static TRANSPORTS: [&dyn Transport; 2] = [&tcp::Tcp, &ipc::Ipc];

/// Splits `scheme://address`. EINVAL when there is no scheme or no address, EPROTONOSUPPORT when the scheme is no text.
pub fn split(endpoint: &OsStr) -> Result<(&str, &OsStr)> {
    let bytes = endpoint.as_bytes();
    let end = bytes.windows(3).position(|three| three == b"://").ok_or(Errno::INVALID)?;
    let (scheme, address) = (&bytes[..end], &bytes[end + 3..]);
    if scheme.is_empty() || address.is_empty() {
        return Err(Errno::INVALID);
    }
    let scheme = std::str::from_utf8(scheme).map_err(|_| Errno::PROTOCOL_NOT_SUPPORTED)?;
    Ok((scheme, OsStr::from_bytes(address)))
}

/// The transport of a scheme. EPROTONOSUPPORT.
pub fn find(scheme: &str) -> Result<&'static dyn Transport> {
    TRANSPORTS
        .iter()
        .find(|transport| transport.scheme() == scheme)
        .copied()
        .ok_or(Errno::PROTOCOL_NOT_SUPPORTED)
}
