//! One link: what it is for, and which state its connection is in.

use super::backoff::Backoff;
use super::handle::LinkHandle;
use super::inquiry::Inquiry;
use super::report::{Report, event};
use crate::connection::{Config, Handshake, Heartbeat};
use crate::error::Result;
use crate::io::{TimerId, Waker};
use crate::message::Message;
use crate::options::{SocketOptions, SocketType};
use crate::pipe::{End, Peer};
use crate::sync::global::{AtomicUsize, Ordering};
use crate::transport::{Proxy, Route, Socks, Stream, Transport};
use socket2::Socket;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

/// The socket a link belongs to, as far as a link needs it.
pub trait Owner: Send + Sync {
    /// Makes a pipe between the socket and `link`, attaches one end to the socket and returns the other. Called when a
    /// handshake is done and there is no pipe yet. `connected`: the link is ours, not an accepted peer.
    fn open_pipe(
        &self,
        link: &Arc<LinkHandle>,
        options: &SocketOptions,
        connected: bool,
        metadata: &Arc<crate::message::Metadata>,
    ) -> End;

    /// Handles what was posted to the socket. False when an application thread is using it now.
    fn attend(&self) -> bool;

    /// A connecting link has ended for good, and the endpoint with it. To be followed by [`Owner::attend`].
    fn ended(&self, link: &Arc<LinkHandle>);

    /// Makes a pipe to whoever judges peers (ZAP), and returns the end of `asking`. `None`: nobody does. Fails when it is somebody
    /// who cannot.
    fn open_inquiry(&self, asking: Arc<dyn Peer>) -> Result<Option<End>>;

    /// Whether somebody wants to be told about such an event, or one of several.
    fn wants(&self, event: u64) -> bool;

    /// Tells the monitor.
    fn report(&self, report: &Report);
}

/// Counts the links of a context, for the end of the context to wait for.
#[derive(Default)]
pub struct Gate {
    count: AtomicUsize,
    pub waker: Waker,
}

/// One counted link.
pub struct GateGuard(Arc<Gate>);

impl Gate {
    pub fn enter(self: &Arc<Self>) -> GateGuard {
        self.count.fetch_add(1, Ordering::AcqRel);
        GateGuard(self.clone())
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }
}

impl Drop for GateGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.waker.notify();
        }
    }
}

/// Messages of our own that a link adds to what is exchanged with the peer.
#[derive(Clone, Default)]
pub struct Notices {
    /// Sent to each new peer before anything else (ZMQ_HELLO_MSG).
    pub hello: Option<Vec<u8>>,
    /// An empty message is delivered for each new peer (ZMQ_STREAM_NOTIFY, ZMQ_ROUTER_NOTIFY).
    pub peer_came: bool,
    /// An empty message is delivered when it is gone.
    pub peer_left: bool,
    /// Delivered when a peer that connected to us is gone (ZMQ_DISCONNECT_MSG).
    pub disconnect: Option<Vec<u8>>,
    /// Delivered when a connection of ours is lost (ZMQ_HICCUP_MSG).
    pub hiccup: Option<Vec<u8>>,
}

impl Notices {
    /// What to send first. Without memory for it, nothing.
    pub fn hello(&self) -> Option<Message> {
        Message::from_slice(self.hello.as_deref()?).ok()
    }

    /// What to deliver before anything of the peer.
    pub fn first(&self) -> Option<Message> {
        self.peer_came.then(Message::new)
    }

    /// What to deliver when the connection is gone. `connected`: it was ours, not that of an accepted peer.
    pub fn last(&self, connected: bool) -> Vec<Message> {
        let words = if connected { &self.hiccup } else { &self.disconnect };
        let words = words.as_deref().and_then(|words| Message::from_slice(words).ok());
        self.peer_left.then(Message::new).into_iter().chain(words).collect()
    }
}

/// What all links of one `zmq_connect` or `zmq_bind` share: the options in force then.
pub struct LinkSettings {
    pub options: SocketOptions,
    pub config: Arc<Config>,
    pub notices: Notices,
    pub owner: Arc<dyn Owner>,
    pub gate: Arc<Gate>,
}

impl LinkSettings {
    /// Whether the socket says again what it subscribes to when a connection is made anew.
    pub fn resubscribes(&self) -> bool {
        matches!(self.options.socket_type, SocketType::Sub | SocketType::Xsub)
    }
}

/// Where a connecting link goes.
pub struct Target {
    pub transport: &'static dyn Transport,
    /// The endpoint without its scheme.
    pub address: OsString,
    /// The endpoint as given.
    pub endpoint: OsString,
    /// Who makes the connection for us (ZMQ_SOCKS_PROXY).
    pub proxy: Option<Proxy>,
}

impl Target {
    /// Where our own connection goes: to the peer, or to the proxy.
    pub fn first_hop(&self) -> &OsStr {
        self.proxy.as_ref().map_or(&self.address, |proxy| proxy.address.as_ref())
    }

    /// The endpoint of [`Target::first_hop`], which is what a monitor is told.
    pub fn shown(&self) -> OsString {
        match &self.proxy {
            Some(proxy) => format!("{}://{}", self.transport.scheme(), proxy.address).into(),
            None => self.endpoint.clone(),
        }
    }
}

/// Who made the connection.
pub enum Role {
    Connect(Arc<Target>),
    /// Through the listener of this number.
    Accept(u64),
}

/// Which state a connection is in. Each names what is waited for.
pub enum State {
    /// A helper thread to find the addresses.
    Resolving,
    /// A timer, before the next attempt.
    Waiting,
    /// The kernel, to finish connecting; `routes` are tried next.
    Connecting { socket: Socket, routes: Vec<Route> },
    /// The proxy, to connect us.
    Proxying { socket: Socket, socks: Box<Socks> },
    /// The peer's part of the handshake.
    Handshaking {
        stream: Arc<Stream>,
        handshake: Box<Handshake>,
        output: Vec<u8>,
        /// The peer was turned away, or turned us away: nothing is left but to wait for its end.
        refused: bool,
        /// The monitor knows why.
        told: bool,
        inquiry: Option<Inquiry>,
    },
    /// Nothing: the halves in the handle do the work.
    Established { stream: Arc<Stream>, heartbeat: Heartbeat, traffic: u32 },
    /// The application, to let go of the endpoint: no further attempt will be made.
    Stopped,
}

impl State {
    /// For the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Resolving => "resolving",
            Self::Waiting => "waiting to reconnect",
            Self::Connecting { .. } => "connecting",
            Self::Proxying { .. } => "asking the proxy",
            Self::Handshaking { .. } => "handshaking",
            Self::Established { .. } => "established",
            Self::Stopped => "stopped",
        }
    }
}

/// See the module documentation. Owned by the reactor of one I/O thread.
pub struct Link {
    pub handle: Arc<LinkHandle>,
    pub settings: Arc<LinkSettings>,
    pub role: Role,
    pub transport: &'static dyn Transport,
    pub state: State,
    pub backoff: Backoff,
    /// Deadline of the present state: attempt, handshake, heartbeat or pause.
    pub timer: Option<TimerId>,
    /// The socket let go; what is unsent may still be sent until this timer fires.
    pub lingering: bool,
    /// Everything is sent; the connection stays open until the peer's kernel has it: what that lacks, and since when.
    pub closing: Option<(usize, Instant)>,
    pub linger_timer: Option<TimerId>,
    /// Connections that got through the handshake.
    pub connections: u32,
    /// For the log: who the peer is, when it connected to us.
    peer: String,
    /// For a monitor: the other side's endpoint.
    remote: Option<Box<OsString>>,
    pub has_pipe: bool,
    /// A timer will look at the pipe.
    pub napping: bool,
    /// A timer is set to drive the halves again.
    pub reminding: bool,
    pub _gate: GateGuard,
}

impl Link {
    pub fn new(
        handle: Arc<LinkHandle>,
        settings: Arc<LinkSettings>,
        role: Role,
        transport: &'static dyn Transport,
        state: State,
        gate: GateGuard,
    ) -> Self {
        let options = &settings.options;
        let interval = options.reconnect_interval.unwrap_or_default();
        let backoff = Backoff::new(interval, options.reconnect_interval_max);
        Self {
            handle,
            settings,
            role,
            transport,
            state,
            backoff,
            timer: None,
            lingering: false,
            closing: None,
            linger_timer: None,
            connections: 0,
            peer: String::new(),
            remote: None,
            has_pipe: false,
            napping: false,
            reminding: false,
            _gate: gate,
        }
    }

    /// Reports an event of the connection behind a descriptor.
    pub fn report(&self, event: u64, value: u64, fd: RawFd) {
        if self.settings.owner.wants(event) {
            self.report_on(Report::new(event, value), fd);
        }
    }

    /// Adds the endpoints of the connection behind a descriptor to a report, and gives it to the monitor.
    pub fn report_on(&self, report: Report, fd: RawFd) {
        self.settings.owner.report(&self.about(report, fd));
    }

    /// A report with the endpoints of the connection behind a descriptor.
    pub fn about(&self, report: Report, fd: RawFd) -> Report {
        let (local, mut remote) = self.transport.endpoints(fd);
        if let Some(noted) = self.remote.as_deref().filter(|_| remote.is_empty()) {
            remote.clone_from(noted);
        }
        match &self.role {
            Role::Connect(target) => Report { local, remote: target.shown(), bound: false, ..report },
            Role::Accept(_) => Report { local, remote, bound: true, ..report },
        }
    }

    /// Remembers for a monitor who is behind a new connection: after a reset the system does not know any more.
    pub fn note_remote(&mut self, fd: RawFd) {
        self.remote = (matches!(self.role, Role::Accept(_)) && self.settings.owner.wants(event::ENDS))
            .then(|| Box::new(self.transport.endpoints(fd).1));
    }

    /// Reports an event of an attempt to connect.
    pub fn report_attempt(&self, event: u64, value: u64) {
        if let Some(report) = self.about_attempt(event, value) {
            self.settings.owner.report(&report);
        }
    }

    /// A report of an attempt to connect, if anybody wants it.
    pub fn about_attempt(&self, event: u64, value: u64) -> Option<Report> {
        match &self.role {
            Role::Connect(target) if self.settings.owner.wants(event) => {
                Some(Report::connecting(event, value, &target.shown()))
            }
            Role::Connect(_) | Role::Accept(_) => None,
        }
    }

    /// The peer as its transport knows it.
    pub fn peer_address(&self, stream: &Stream) -> String {
        self.transport.peer_address(stream.raw())
    }

    /// Remembers for the log who has connected to the endpoint of a listener.
    pub fn note_peer(&mut self, listener: &OsStr, fd: RawFd) {
        if crate::log::enabled() {
            let (_, remote) = self.transport.endpoints(fd);
            self.peer = format!("peer {} of {}", remote.display(), listener.display());
        }
    }

    /// What the log calls it.
    pub fn name(&self) -> Cow<'_, str> {
        match &self.role {
            Role::Connect(target) => target.endpoint.to_string_lossy(),
            Role::Accept(_) => Cow::from(&self.peer),
        }
    }
}
