//! The work of one I/O thread: links, listeners and their timers.
//!
//! Here is the table of links and what reaches the thread: commands, events of descriptors, timers. What is done about them is in
//! the files of this folder, in the order of a link's life: `connecting`, `handshaking`, `driving`, `ending`; `listening` is where accepted ones
//! come from, `trimming` says when their memory goes back.

mod connecting;
mod driving;
mod ending;
mod handshaking;
mod listening;
mod trimming;

use ending::loss_of;
use listening::ListenerEntry;
use trimming::Trimming;

use super::gathering::{GATHERING, Gathering};
use super::handle::{BUDGET, IoThread, LinkHandle};
use super::inquiry::Inquiry;
use super::link::{GateGuard, Link, LinkSettings, Owner, Role, State, Target};
use super::receive_pump::{Ending, ReceivePump, Received, SideEffects, with_read_buffer};
use super::report::{Report, event};
use super::send_pump::{Control, Nap, SendPump, Sent};
use crate::config::{
    ACCEPT_BUDGET, ACCEPT_PAUSE, ACCEPT_THREADS, ATTEND_AGAIN, CLOSE_LIMIT, CLOSE_STEP, INITIATE_THREADS,
    LEASE, NAP, NAP_GRACE, NAP_STEP, REMIND_AGAIN, TRIM_DELAY,
};
use crate::connection::{
    Established, Failure, FailureKind, Handshake, Heartbeat, HeartbeatAction, Negotiation, Verdict, Version,
};
use crate::error::{Errno, Result};
use crate::io::{Event, Handler, Helpers, Interest, TimerId, Timers, spawn_plain};
use crate::log::debug;
use crate::message::Metadata;
use crate::sync::global::Ordering;
use crate::transport::{
    Accepted, Attempt, Listener, Read, Route, Socks, Stream, finish_connect, start_connect,
};
use socket2::Socket;
use std::collections::HashMap;
use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Bits of ZMQ_RECONNECT_STOP.
const STOP_REFUSED: i32 = 1;
const STOP_HANDSHAKE: i32 = 2;
const STOP_AFTER_DISCONNECT: i32 = 4;

/// Poller keys of listeners have this bit, those of sets of streams another; links have their slot and generation.
const LISTENER: u64 = 1 << 63;

/// What other threads ask of an I/O thread.
pub enum Command {
    /// Start a connecting link; its pipe end, when it has one already, is in the handle.
    Connect {
        handle: Arc<LinkHandle>,
        settings: Arc<LinkSettings>,
        target: Arc<Target>,
        has_pipe: bool,
        /// Taken by the application's thread: the end of the context waits for a link from the call that made it.
        gate: GateGuard,
    },
    /// Watch a listener. `threads` are those that may serve its peers.
    Listen {
        number: u64,
        listener: Arc<Listener>,
        settings: Arc<LinkSettings>,
        threads: Arc<[Arc<IoThread>]>,
    },
    /// Serve a peer that another thread accepted.
    Accepted { socket: Socket, listener: Arc<Listener>, number: u64, settings: Arc<LinkSettings> },
    /// The listener was closed: end what it accepted, after lingering.
    Unlisten { number: u64, linger: Option<Duration> },
    /// Addresses of a connecting link.
    Resolved { handle: Arc<LinkHandle>, routes: Result<Vec<Route>> },
    /// There is something to send.
    Send(Arc<LinkHandle>),
    /// There will be more to send: look in a moment.
    Nap(Arc<LinkHandle>),
    /// There is room, or the end of a connection was seen.
    Receive(Arc<LinkHandle>),
    /// A PING asked for a deadline.
    Inspect(Arc<LinkHandle>),
    /// The ZAP handler has answered, or is gone.
    Verdict(Arc<LinkHandle>),
    /// The monitor wants to know the lengths of the queues.
    Statistics { handle: Arc<LinkHandle>, outbound: usize },
    /// A step of a handshake was run on a helper thread.
    Negotiated { handle: Arc<LinkHandle>, stream: Weak<Stream>, negotiation: Box<Negotiation> },
    /// An application thread keeps the stream adopted between its waits.
    Lease(Arc<LinkHandle>),
    /// The streams of a socket are watched together.
    Gather(Arc<Gathering>),
    /// An application thread keeps such a set adopted between its waits.
    LookAfter(Arc<Gathering>),
    /// The set with this key is no more.
    Disperse(u64),
    /// The socket closed its end of the pipe.
    PipeClosed(Arc<LinkHandle>),
    /// The socket let go of the link.
    Release(Arc<LinkHandle>),
    /// End the thread.
    Stop,
}

/// What a timer is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// The deadline of a link's state.
    State(u64),
    Linger(u64),
    Accept(u64),
    Nap(u64),
    /// A link or a set of streams, and how often the lease had been used.
    Lease(u64, u32),
    /// A look at what the peer's kernel has not taken yet.
    Close(u64),
    /// A half was held by a thread in a call.
    Remind(u64),
    /// Sockets that were in use have news.
    Attend,
    /// Give unused memory back.
    Trim,
}

/// See the module documentation.
pub struct Reactor {
    thread: Arc<IoThread>,
    links: Vec<Option<Link>>,
    free: Vec<usize>,
    generation: u64,
    listeners: HashMap<u64, ListenerEntry>,
    gatherings: HashMap<u64, Weak<Gathering>>,
    timers: Timers<Purpose>,
    /// Timers that end a nap.
    naps: u32,
    /// Sockets with news, that an application thread was using.
    unattended: Vec<Arc<dyn Owner>>,
    /// For steps of handshakes that may block: those that wait for the network, and those that do not.
    initiators: Arc<Helpers>,
    acceptors: Arc<Helpers>,
    trimming: Trimming,
}

/// Slot in the low 32 bits, generation above: an event for a link that is gone finds nobody.
fn slot_of(key: u64) -> usize {
    (key & 0xffff_ffff) as usize
}

/// Why an attempt or a connection ended.
struct Loss {
    kind: LossKind,
    reason: String,
    /// What a monitor is told when it ended during the handshake: event and value.
    report: Option<(u64, u64)>,
}

/// What the next step depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LossKind {
    Network,
    Refused,
    Protocol,
}

impl Loss {
    /// The network failed, with this errno.
    fn network(reason: impl Into<String>, code: i32) -> Self {
        let report = Some((event::HANDSHAKE_FAILED_NO_DETAIL, code as u64));
        Self { kind: LossKind::Network, reason: reason.into(), report }
    }
}

impl Reactor {
    pub fn new(thread: Arc<IoThread>) -> Self {
        Self {
            thread,
            links: Vec::new(),
            free: Vec::new(),
            generation: 0,
            listeners: HashMap::new(),
            gatherings: HashMap::new(),
            timers: Timers::new(),
            naps: 0,
            unattended: Vec::new(),
            initiators: Helpers::new("ZMQbg/Initiate", INITIATE_THREADS),
            acceptors: Helpers::new("ZMQbg/Accept", ACCEPT_THREADS),
            trimming: Trimming::default(),
        }
    }

    // --- the table of links -----------------------------------------------------------------------------------

    fn insert(&mut self, link: Link) -> u64 {
        self.generation = (self.generation + 1) & 0x3fff_ffff;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.links.push(None);
            self.links.len() - 1
        });
        let key = (self.generation << 32) | slot as u64;
        link.handle.key.store(key, Ordering::Relaxed);
        self.links[slot] = Some(link);
        self.thread.load.fetch_add(1, Ordering::Relaxed);
        key
    }

    fn link(&mut self, key: u64) -> Option<&mut Link> {
        let link = self.links.get_mut(slot_of(key))?.as_mut()?;
        (link.handle.key.load(Ordering::Relaxed) == key).then_some(link)
    }

    /// The key of the link behind a handle, while it lives.
    fn find(&mut self, handle: &Arc<LinkHandle>) -> Option<u64> {
        let key = handle.key.load(Ordering::Relaxed);
        self.link(key).filter(|link| Arc::ptr_eq(&link.handle, handle)).map(|_| key)
    }

    /// Does something to one link. A panic in it ends that link alone.
    fn with_link(&mut self, key: u64, work: impl FnOnce(&mut Self, u64)) {
        if catch_unwind(AssertUnwindSafe(|| work(self, key))).is_err() {
            debug!("internal error: a connection is closed");
            self.finish(key);
        }
    }

    fn set_timer(&mut self, key: u64, after: Option<Duration>) {
        let at = after.map(|after| Instant::now() + after);
        self.set_deadline(key, at);
    }

    fn set_deadline(&mut self, key: u64, at: Option<Instant>) {
        let timer = at.map(|at| self.timers.set(at, Purpose::State(key)));
        let Some(link) = self.link(key) else { return };
        if let Some(old) = std::mem::replace(&mut link.timer, timer) {
            self.timers.cancel(old);
        }
    }

    // --- timers -----------------------------------------------------------------------------------------------

    fn state_timer(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.timer = None;
        match &mut link.state {
            State::Waiting => self.attempt(key),
            State::Connecting { .. } => self.route_decided(key, Err(Errno::TIMED_OUT)),
            State::Proxying { .. } => {
                self.proxy_failed(key, "the proxy did not answer in time".to_owned(), libc::ETIMEDOUT);
            }
            State::Handshaking { .. } => {
                self.lost(key, Loss::network("the handshake took too long", libc::EAGAIN));
            }
            State::Established { .. } => self.heartbeat(key),
            State::Resolving | State::Stopped => {}
        }
    }

    /// A heartbeat deadline has come, or a new one is to be set.
    fn heartbeat(&mut self, key: u64) {
        let now = Instant::now();
        let Some(handle) = self.link(key).map(|link| link.handle.clone()) else { return };
        // What the peer has said may wait for a thread that has not come back for it.
        if handle.take_back() {
            self.drive_receive(key);
        }
        let Some(link) = self.link(key) else { return };
        let State::Established { heartbeat, traffic, .. } = &mut link.state else { return };
        if handle.take_pinged() {
            heartbeat.handle_ping_sent(now);
        }
        let seen = handle.traffic.load(Ordering::Relaxed);
        if seen != *traffic {
            *traffic = seen;
            heartbeat.handle_traffic(now);
        }
        if let Some(ttl) = handle.take_peer_ttl() {
            heartbeat.handle_ping_ttl(ttl, now);
        }
        match heartbeat.handle_timeout(now) {
            HeartbeatAction::Dead => return self.hear_once_more(key, &handle, seen),
            HeartbeatAction::SendPing => self.ping(key, &handle, now),
            HeartbeatAction::Nothing => {}
        }
        if let Some(Link { state: State::Established { heartbeat, .. }, .. }) = self.link(key) {
            let deadline = heartbeat.poll_timeout();
            self.set_deadline(key, deadline);
        }
    }

    /// Sends a PING. Where it has to wait, the next look finds out whether it has left.
    fn ping(&mut self, key: u64, handle: &LinkHandle, now: Instant) {
        handle.note_heartbeats();
        handle.push_control(Control::Ping);
        self.drive_send(key);
        if handle.take_pinged()
            && let Some(Link { state: State::Established { heartbeat, .. }, .. }) = self.link(key)
        {
            heartbeat.handle_ping_sent(now);
        }
    }
}

impl Reactor {
    /// A peer has said nothing for too long, unless it is with the kernel: a thread that reads the stream may not have been
    /// running, and timers come before what has arrived.
    fn hear_once_more(&mut self, key: u64, handle: &LinkHandle, heard: u32) {
        self.drive_receive(key);
        if !self.is_established(key) {
            return;
        }
        let is_read_elsewhere = match handle.receive.hold_if_free() {
            Some(pump) => pump.release(),
            None => true,
        };
        if handle.traffic.load(Ordering::Relaxed) != heard {
            self.heartbeat(key);
        } else if is_read_elsewhere {
            self.set_deadline(key, Some(Instant::now() + REMIND_AGAIN));
            handle.post(Command::Receive);
        } else {
            self.lost(key, Loss::network("the peer is silent", libc::ETIMEDOUT));
        }
    }
}

impl Handler for Reactor {
    type Command = Command;

    fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Connect { handle, settings, target, has_pipe, gate } => {
                let transport = target.transport;
                let mut link =
                    Link::new(handle, settings, Role::Connect(target), transport, State::Waiting, gate);
                link.has_pipe = has_pipe;
                let key = self.insert(link);
                self.with_link(key, Self::attempt);
            }
            Command::Listen { number, listener, settings, threads } => {
                self.listen(number, ListenerEntry { listener, settings, threads });
            }
            Command::Accepted { socket, listener, number, settings } => {
                self.adopt_peer(socket, &listener, number, settings);
            }
            Command::Unlisten { number, linger } => self.unlisten(number, linger),
            Command::Resolved { handle, routes } => {
                if let Some(key) = self.find(&handle) {
                    self.with_link(key, |reactor, key| reactor.resolved(key, routes));
                }
            }
            Command::Send(handle) => self.for_handle(&handle, Self::drive_send),
            Command::Nap(handle) => self.for_handle(&handle, Self::nap),
            Command::Receive(handle) => self.for_handle(&handle, Self::drive_receive),
            Command::Inspect(handle) => self.for_handle(&handle, Self::heartbeat),
            Command::Verdict(handle) => self.for_handle(&handle, Self::verdict),
            Command::Statistics { handle, outbound } => {
                self.for_handle(&handle, |reactor, key| reactor.report_queues(key, outbound));
            }
            Command::Negotiated { handle, stream, negotiation } => {
                self.for_handle(&handle, |reactor, key| reactor.negotiated(key, &stream, negotiation));
            }
            Command::Lease(handle) => {
                self.for_handle(&handle, |reactor, key| reactor.check_lease(key, None));
            }
            Command::Gather(set) => drop(self.gatherings.insert(set.key(), Arc::downgrade(&set))),
            Command::LookAfter(set) => self.look_after(set.key(), None),
            Command::Disperse(key) => drop(self.gatherings.remove(&key)),
            Command::PipeClosed(handle) => self.for_handle(&handle, Self::pipe_closed),
            Command::Release(handle) => self.for_handle(&handle, Self::release),
            Command::Stop => return false,
        }
        true
    }

    fn event(&mut self, event: Event) {
        if event.key & LISTENER != 0 {
            self.accept(event.key & !LISTENER);
        } else if event.key & GATHERING != 0 {
            self.gathered_events(event.key);
        } else {
            self.with_link(event.key, |reactor, key| reactor.link_event(key, event));
        }
    }

    fn timers(&mut self, now: Instant) -> Option<Instant> {
        while let Some(purpose) = self.timers.pop_due(now) {
            match purpose {
                Purpose::State(key) => self.with_link(key, Self::state_timer),
                Purpose::Linger(key) => self.with_link(key, |reactor, key| {
                    debug!("linger time is over, unsent messages are dropped");
                    reactor.finish(key);
                }),
                Purpose::Accept(number) => self.resume_accept(number),
                Purpose::Nap(key) => {
                    self.naps -= 1;
                    self.with_link(key, Self::end_nap);
                }
                Purpose::Lease(key, uses) if key & GATHERING != 0 => self.look_after(key, Some(uses)),
                Purpose::Lease(key, uses) => {
                    self.with_link(key, |reactor, key| reactor.check_lease(key, Some(uses)));
                }
                Purpose::Close(key) => self.with_link(key, Self::close),
                Purpose::Remind(key) => self.with_link(key, Self::drive_again),
                Purpose::Attend => self.attend_again(),
                Purpose::Trim => self.trim(),
            }
        }
        self.timers.next_deadline()
    }
}

impl Reactor {
    fn for_handle(&mut self, handle: &Arc<LinkHandle>, work: impl FnOnce(&mut Self, u64)) {
        if let Some(key) = self.find(handle) {
            self.with_link(key, work);
        }
    }
}
