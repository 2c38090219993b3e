//! Connecting without blocking: one attempt on one route.

use super::{Stream, Transport};
use crate::error::{Errno, Result};
use crate::options::SocketOptions;
use socket2::{Domain, SockAddr, Socket, Type};
use std::net::SocketAddrV4;
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
    match open(route) {
        Err(Errno::FAMILY_NOT_SUPPORTED) => {
            // The kernel is built without IPv6: the same address as IPv4, if it is one.
            let route = route.without_mapping().ok_or(Errno::FAMILY_NOT_SUPPORTED)?;
            Ok(begin(open(&route)?, transport, &route, options))
        }
        socket => Ok(begin(socket?, transport, route, options)),
    }
}

/// A socket for a route, non-blocking and close-on-exec from birth.
fn open(route: &Route) -> Result<Socket> {
    let domain = Domain::from(i32::from(route.remote.family()));
    Ok(Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None)?)
}

fn begin(socket: Socket, transport: &dyn Transport, route: &Route, options: &SocketOptions) -> Attempt {
    match connect(&socket, transport, route, options) {
        Ok(true) => Attempt::Connected(socket),
        Ok(false) => Attempt::Pending(socket),
        Err(error) => Attempt::Refused(error, socket),
    }
}

impl Route {
    /// The same with IPv4 addresses in place of those that are mapped into IPv6.
    fn without_mapping(&self) -> Option<Self> {
        let unmapped = |address: &SockAddr| {
            let address = address.as_socket_ipv6()?;
            Some(SockAddr::from(SocketAddrV4::new(address.ip().to_ipv4_mapped()?, address.port())))
        };
        let local = match &self.local {
            Some(local) => Some(unmapped(local)?),
            None => None,
        };
        Some(Self { local, remote: unmapped(&self.remote)? })
    }
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
    transport.prepare(socket, options)?;
    if let Some(local) = &route.local {
        socket.set_reuse_address(true)?;
        socket.bind(local)?;
    }
    match socket.connect(&route.remote) {
        Ok(()) => finish_connect(socket).map(|()| true),
        Err(error) => match error.raw_os_error() {
            // An interrupted connect goes on in the background, as POSIX says.
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(false),
            // A unix listener with a full backlog cannot be waited for: try again later.
            _ => Err(Errno::from(error)),
        },
    }
}

/// The outcome of an attempt. ECONNREFUSED also where a socket was connected to itself: the kernel had chosen the very port that nobody
/// listens on.
pub fn finish_connect(socket: &Socket) -> Result<()> {
    match socket.take_error()? {
        None if is_connected_to_itself(socket) => Err(Errno::CONNECTION_REFUSED),
        None => Ok(()),
        Some(error) => Err(Errno::from(error)),
    }
}

fn is_connected_to_itself(socket: &Socket) -> bool {
    let address = |address: std::io::Result<SockAddr>| address.ok().and_then(|address| address.as_socket());
    let local = address(socket.local_addr());
    local.is_some() && local == address(socket.peer_addr())
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Self {
        Self::new(OwnedFd::from(socket))
    }
}
