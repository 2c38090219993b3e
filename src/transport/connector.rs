//! Connecting without blocking: one attempt on one route.

use super::{Stream, Transport};
use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use socket2::{Domain, SockAddr, Socket, Type};
use std::os::fd::OwnedFd;

/// A way to a peer.
#[derive(Clone, Debug)]
pub struct Route {
    /// Source address to bind first, when the endpoint names one.
    pub local: Option<SockAddr>,
    pub remote: SockAddr,
}

/// What came of starting an attempt.
pub enum Attempt {
    Connected(Socket),
    /// Wait until writable, then call [`finish_connect`].
    Pending(Socket),
    /// It failed at once. The socket is there so that its number can be reported.
    Refused(Errno, Socket),
}

/// Starts a non-blocking connect. Fails where there is no socket to try it with.
pub fn start_connect(transport: &dyn Transport, route: &Route, options: &SocketOptions) -> Result<Attempt> {
    let domain = Domain::from(i32::from(route.remote.family()));
    // Non-blocking and close-on-exec from birth.
    let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)?;
    Ok(match connect(&socket, transport, route, options) {
        Ok(true) => Attempt::Connected(socket),
        Ok(false) => Attempt::Pending(socket),
        Err(error) => Attempt::Refused(error, socket),
    })
}

/// True when it is connected already.
fn connect(
    socket: &Socket,
    transport: &dyn Transport,
    route: &Route,
    options: &SocketOptions,
) -> Result<bool> {
    if i32::from(route.remote.family()) == libc::AF_INET6 {
        let _ = socket.set_only_v6(false);
    }
    transport.tune(socket, options)?;
    if let Some(local) = &route.local {
        socket.set_reuse_address(true)?;
        socket.bind(local)?;
    }
    match socket.connect(&route.remote) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            // An interrupted connect goes on in the background, as POSIX says.
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(false),
            // A unix listener with a full backlog cannot be waited for: try again later.
            _ => Err(Errno::from(error)),
        },
    }
}

/// The outcome of a pending attempt.
pub fn finish_connect(socket: &Socket) -> Result<()> {
    match socket.take_error()? {
        None => Ok(()),
        Some(error) => Err(Errno::from(error)),
    }
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Self {
        Self::new(OwnedFd::from(socket))
    }
}
