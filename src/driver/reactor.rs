//! The work of one I/O thread: links, listeners and their timers.

use super::handle::{BUDGET, IoThread, LinkHandle};
use super::link::{GateGuard, Link, LinkSettings, Role, State, Target};
use super::receive_pump::{Ending, ReceivePump, Received, SideEffects, with_read_buffer};
use super::report::{Report, event};
use super::send_pump::{Control, SendPump, Sent};
use crate::config::{
    ACCEPT_BUDGET, ACCEPT_PAUSE, CLOSE_LIMIT, CLOSE_STEP, LEASE, NAP, TRIM_AFTER, TRIM_DELAY,
};
use crate::connection::{Failure, FailureKind, Handshake, Heartbeat, HeartbeatAction};
use crate::error::{Errno, Result};
use crate::io::{Event, Handler, Interest, TimerId, Timers, spawn_plain};
use crate::log::debug;
use crate::message::Metadata;
use crate::sync::global::Ordering;
use crate::transport::{Accepted, Attempt, Listener, Read, Route, Stream, finish_connect, start_connect};
use socket2::Socket;
use std::collections::HashMap;
use std::io::IoSlice;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bits of ZMQ_RECONNECT_STOP.
const STOP_REFUSED: i32 = 1;
const STOP_HANDSHAKE: i32 = 2;
const STOP_AFTER_DISCONNECT: i32 = 4;

/// Poller keys of listeners have this bit; links have their slot and generation.
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
    /// An application thread keeps the stream adopted between its waits.
    Lease(Arc<LinkHandle>),
    /// The socket closed its end of the pipe.
    PipeClosed(Arc<LinkHandle>),
    /// The socket let go of the link.
    Release(Arc<LinkHandle>),
    /// End the thread.
    Stop,
}

struct ListenerEntry {
    listener: Arc<Listener>,
    settings: Arc<LinkSettings>,
    threads: Arc<[Arc<IoThread>]>,
}

impl ListenerEntry {
    fn report_failure(&self, code: u64) {
        let report = Report::bound(event::ACCEPT_FAILED, code, self.listener.endpoint());
        self.settings.owner.report(&report);
    }
}

/// What a timer is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// The deadline of a link's state.
    State(u64),
    Linger(u64),
    Accept(u64),
    Nap(u64),
    Lease(u64, u32),
    /// A look at what the peer's kernel has not taken yet.
    Close(u64),
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
    timers: Timers<Purpose>,
    /// Links ended since memory was last given back.
    ended: usize,
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
            timers: Timers::new(),
            ended: 0,
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

    // --- connecting -------------------------------------------------------------------------------------------

    /// Begins an attempt: finds the addresses, here or on a helper thread.
    fn attempt(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let Role::Connect(target) = &link.role else { return };
        let (target, settings) = (target.clone(), link.settings.clone());
        if !target.transport.needs_lookup(&target.address) {
            let routes = target.transport.routes(&target.address, &settings.options);
            return self.resolved(key, routes);
        }
        link.state = State::Resolving;
        // Weak: an answer that comes after the end of the context finds nobody.
        let handle = Arc::downgrade(&link.handle);
        let started = spawn_plain("ZMQbg/Resolver", move || {
            let routes = target.transport.routes(&target.address, &settings.options);
            if let Some(handle) = handle.upgrade() {
                handle.post(|handle| Command::Resolved { handle, routes });
            }
        });
        if let Err(error) = started {
            self.lost(key, Loss::network(format!("no thread for name resolution: {error}"), error.raw()));
        }
    }

    fn resolved(&mut self, key: u64, routes: Result<Vec<Route>>) {
        match routes {
            Ok(mut routes) => {
                routes.reverse();
                self.connect_next(key, routes);
            }
            Err(error) => {
                self.lost(key, Loss::network(format!("the address cannot be resolved: {error}"), error.raw()))
            }
        }
    }

    /// Tries the routes, the last of the list first.
    fn connect_next(&mut self, key: u64, mut routes: Vec<Route>) {
        let mut failure = Errno::INVALID;
        while let Some(route) = routes.pop() {
            let Some(link) = self.link(key) else { return };
            let Role::Connect(target) = &link.role else { return };
            match start_connect(target.transport, &route, &link.settings.options) {
                Ok(Attempt::Connected(socket)) => return self.begin_handshake(key, socket),
                Ok(Attempt::Pending(socket)) => {
                    debug!("{}: connecting", link.endpoint());
                    link.report_attempt(event::CONNECT_DELAYED, libc::EINPROGRESS as u64);
                    let timeout = link.settings.options.connect_timeout.filter(|timeout| !timeout.is_zero());
                    let fd = socket.as_raw_fd();
                    link.state = State::Connecting { socket, routes };
                    return match link.handle.register(fd, Interest::WRITE) {
                        Ok(()) => self.set_timer(key, timeout),
                        Err(error) => self.lost(key, Loss::network(error.to_string(), error.raw())),
                    };
                }
                Err(error) => failure = error,
            }
        }
        if let Some(link) = self.link(key) {
            link.report_attempt(event::CLOSED, 0);
        }
        self.lost(key, attempt_failed(failure));
    }

    /// The kernel has decided about a pending attempt.
    fn connect_decided(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.handle.unregister();
        let State::Connecting { socket, routes } = std::mem::replace(&mut link.state, State::Waiting) else {
            return;
        };
        match finish_connect(&socket) {
            Ok(()) => self.begin_handshake(key, socket),
            Err(error) if routes.is_empty() => {
                link.report_attempt(event::CLOSED, socket.as_raw_fd() as u64);
                drop(socket);
                self.lost(key, attempt_failed(error));
            }
            Err(_) => self.connect_next(key, routes),
        }
    }

    // --- handshake --------------------------------------------------------------------------------------------

    fn begin_handshake(&mut self, key: u64, socket: Socket) {
        let Some(link) = self.link(key) else { return };
        debug!("{}: connected", link.endpoint());
        link.backoff.reset();
        let stream = Arc::new(Stream::from(socket));
        let connected = match link.role {
            Role::Connect(_) => event::CONNECTED,
            Role::Accept(_) => event::ACCEPTED,
        };
        link.report(connected, stream.raw() as u64, stream.raw());
        let handshake = Box::new(Handshake::new(link.settings.config.clone()));
        let timeout = link.settings.options.handshake_interval.filter(|interval| !interval.is_zero());
        let registered = link.handle.register(stream.raw(), Interest::READ);
        link.state = State::Handshaking { stream, handshake, output: Vec::new(), refused: false };
        if let Err(error) = registered {
            return self.lost(key, Loss::network(error.to_string(), error.raw()));
        }
        self.set_timer(key, timeout);
        self.write_handshake(key);
    }

    /// Writes what the handshake has to say.
    fn write_handshake(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let State::Handshaking { stream, handshake, output, .. } = &mut link.state else { return };
        output.extend(handshake.take_output());
        let mut written = 0;
        while written < output.len() {
            match stream.write(&[IoSlice::new(&output[written..])]) {
                Ok(0) => break,
                Ok(count) => written += count,
                // The read side will find out; what the peer said before is still worth reading.
                Err(_) => written = output.len(),
            }
        }
        output.drain(..written);
        let unsent = !output.is_empty();
        link.handle.want_write(unsent);
    }

    fn read_handshake(&mut self, key: u64) {
        for _ in 0..BUDGET {
            let Some(link) = self.link(key) else { return };
            let State::Handshaking { stream, handshake, refused, .. } = &mut link.state else { return };
            let mut refusal = None;
            let fd = stream.raw();
            let outcome = with_read_buffer(|buffer| match stream.read(buffer) {
                Ok(Read::WouldBlock) => Ok(None),
                Ok(Read::End) => Err(Loss::network("the peer closed during the handshake", libc::EPIPE)),
                Err(error) => Err(Loss::network(format!("during the handshake: {error}"), error.raw())),
                // The peer was refused or refused us: wait for it to close.
                Ok(Read::Bytes(_)) if *refused => Ok(Some(Vec::new())),
                Ok(Read::Bytes(count)) => match handshake.handle_input(&buffer[..count]) {
                    Ok(consumed) => Ok(Some(buffer[consumed..count].to_vec())),
                    Err(Failure { kind: FailureKind::Refused(status), reason }) => {
                        debug!("the peer refused the connection: {reason}");
                        *refused = true;
                        refusal = status;
                        Ok(Some(Vec::new()))
                    }
                    Err(failure) => Err(loss_of(failure)),
                },
            });
            if let Some(status) = refusal {
                link.report(event::HANDSHAKE_FAILED_AUTH, u64::from(status), fd);
            }
            let rest = match outcome {
                Ok(None) => return,
                Ok(Some(rest)) => rest,
                // What we owe the peer is written even so: it learns why.
                Err(loss) => {
                    self.write_handshake(key);
                    return self.lost(key, loss);
                }
            };
            self.write_handshake(key);
            let Some(link) = self.link(key) else { return };
            let State::Handshaking { handshake, refused: false, output, .. } = &link.state else { continue };
            if handshake.is_ready() {
                let output = output.clone();
                return self.establish(key, rest, output);
            }
        }
    }

    /// The handshake is done: makes the pipe if there is none, and lets the halves go to work.
    fn establish(&mut self, key: u64, rest: Vec<u8>, unsent: Vec<u8>) {
        let Some(link) = self.link(key) else { return };
        let state = std::mem::replace(&mut link.state, State::Stopped);
        let State::Handshaking { stream, handshake, .. } = state else { return };
        let established = handshake.finish();
        debug!("{}: handshake done, ZMTP {:?}", link.endpoint(), established.version);
        if established.version >= crate::connection::Version::V3_0 {
            link.report(event::HANDSHAKE_SUCCEEDED, 0, stream.raw());
        }
        let metadata = Arc::new(describe_peer(link, &stream, &established));
        let now = Instant::now();
        let heartbeats = established.version >= crate::connection::Version::V3_0;
        let config = if heartbeats { link.settings.config.heartbeat } else { Default::default() };
        let heartbeat = Heartbeat::new(&config, now);
        let deadline = heartbeat.poll_timeout();
        let traffic = link.handle.traffic.load(Ordering::Relaxed);
        link.state = State::Established { stream: stream.clone(), heartbeat, traffic };
        let connected = matches!(link.role, Role::Connect(_));
        let (handle, settings) = (link.handle.clone(), link.settings.clone());
        if link.has_pipe {
            handle.with_receive(|pump| pump.announce(metadata));
        } else {
            link.has_pipe = true;
            handle.supply(settings.owner.open_pipe(&handle, &settings.options, connected, &metadata));
        }
        let injected = established.injected;
        handle.with_receive(|pump| pump.connect(stream.clone(), established.receive, rest, injected));
        handle.with_send(|pump| pump.connect(stream, established.send));
        if !unsent.is_empty() {
            // The kernel did not take the end of our handshake: rare enough to give up on this connection.
            return self.lost(key, Loss::network("the peer does not read", libc::EAGAIN));
        }
        self.set_deadline(key, deadline);
        settings.owner.attend();
        self.drive_receive(key);
        self.drive_send(key);
    }

    // --- driving ----------------------------------------------------------------------------------------------

    fn drive_send(&mut self, key: u64) {
        let Some(link) = self.link(key).filter(|link| link.closing.is_none()) else { return };
        let (handle, lingering) = (link.handle.clone(), link.lingering);
        let Some(mut pump) = handle.send.try_hold() else { return };
        let controls = handle.take_controls(&pump);
        let sent = pump.drive(controls, BUDGET, !lingering);
        pump.wrote = false;
        let more = handle.note_sent(&pump, sent) && sent == Sent::More;
        if pump.release() | more {
            handle.post(Command::Send);
        }
        match sent {
            Sent::Napping => self.nap(key),
            Sent::Ended if lingering => self.close(key),
            // What is left cannot be sent on this connection any more; nobody else may be reading it.
            Sent::Unconnected if lingering && self.is_established(key) => {
                self.lost(key, Loss::network("the peer is gone", libc::EPIPE));
            }
            _ if lingering => {
                self.finish_if_drained(key);
            }
            _ => {}
        }
    }

    fn is_established(&mut self, key: u64) -> bool {
        self.link(key).is_some_and(|link| matches!(link.state, State::Established { .. }))
    }

    /// Looks at the pipe again in a moment.
    fn nap(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.handle.napping.store(true, Ordering::Relaxed);
        if !std::mem::replace(&mut link.napping, true) {
            self.timers.set(Instant::now() + NAP, Purpose::Nap(key));
        }
    }

    fn end_nap(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let lingering = link.lingering;
        let again = link.handle.with_send(|pump| pump.end_nap(lingering));
        if again {
            self.timers.set(Instant::now() + NAP, Purpose::Nap(key));
            return;
        }
        link.napping = false;
        // SeqCst: see `LinkHandle::leave_room`. A thread that waits until the kernel takes more will write, or tell us.
        link.handle.napping.store(false, Ordering::SeqCst);
        if !link.handle.awaiting_room.load(Ordering::SeqCst) {
            self.drive_send(key);
        }
    }

    /// Looks whether an adopted stream is still in use.
    fn check_lease(&mut self, key: u64, uses: Option<u32>) {
        let Some(link) = self.link(key) else { return };
        if let Some(uses) = link.handle.check_lease(uses) {
            self.timers.set(Instant::now() + LEASE, Purpose::Lease(key, uses));
        } else {
            link.handle.give_up_kept();
        }
    }

    fn drive_receive(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let handle = link.handle.clone();
        let Some(mut pump) = handle.receive.try_hold() else { return };
        let mut effects = SideEffects::default();
        let received = pump.drive(BUDGET, &mut effects);
        handle.note_room(&mut pump, &received);
        let marked = pump.release();
        if handle.apply(effects) {
            self.drive_send(key);
        }
        match received {
            Received::Drained | Received::Blocked | Received::Unconnected => {}
            Received::More => handle.post(Command::Receive),
            Received::Over(ending) => return self.over(key, ending),
        }
        if marked {
            handle.post(Command::Receive);
        }
    }

    /// The receive half found the end of an established connection.
    fn over(&mut self, key: u64, ending: Ending) {
        let loss = match ending {
            Ending::Closed => Loss::network("the peer closed the connection", libc::EPIPE),
            Ending::Network(error) => Loss::network(error.to_string(), error.raw()),
            Ending::Failure(failure) => loss_of(failure),
        };
        self.lost(key, loss);
    }

    fn link_event(&mut self, key: u64, event: Event) {
        let Some(link) = self.link(key) else { return };
        match &link.state {
            State::Connecting { .. } => self.connect_decided(key),
            State::Handshaking { .. } => {
                if event.writable {
                    self.write_handshake(key);
                }
                if event.readable || event.failed {
                    self.read_handshake(key);
                }
            }
            State::Established { .. } => {
                let handle = link.handle.clone();
                if event.writable {
                    handle.want_write(false);
                    self.drive_send(key);
                }
                if event.readable || (event.failed && handle.is_reading()) {
                    self.drive_receive(key);
                } else if event.failed && self.link(key).is_some_and(|link| link.lingering) {
                    self.lost(key, Loss::network("the peer is gone", libc::EPIPE));
                } else if event.failed {
                    handle.want_write(false);
                    handle.park();
                }
            }
            State::Resolving | State::Waiting | State::Stopped => {}
        }
    }

    // --- endings ----------------------------------------------------------------------------------------------

    /// An attempt failed or a connection ended: retry, or end the link.
    fn lost(&mut self, key: u64, loss: Loss) {
        self.set_deadline(key, None);
        let Some(link) = self.link(key) else { return };
        if link.closing.is_some() {
            return self.finish(key);
        }
        let Loss { kind, reason, report } = loss;
        let retry = match kind {
            LossKind::Network => true,
            LossKind::Refused => link.settings.options.reconnect_stop & STOP_REFUSED == 0,
            LossKind::Protocol => false,
        };
        if let State::Handshaking { stream, .. } | State::Established { stream, .. } = &link.state {
            if let (State::Handshaking { .. }, Some((event, value))) = (&link.state, report) {
                link.report(event, value, stream.raw());
            }
            link.report(event::DISCONNECTED, stream.raw() as u64, stream.raw());
        }
        let during_handshake = matches!(link.state, State::Handshaking { .. });
        debug!("{}: {} ended: {reason}", link.endpoint(), link.state.name());
        let was_attempt = matches!(link.state, State::Connecting { .. } | State::Resolving | State::Waiting);
        let stop = link.settings.options.reconnect_stop;
        let retry = retry
            && matches!(link.role, Role::Connect(_))
            && !(during_handshake && stop & STOP_HANDSHAKE != 0)
            && !(link.lingering && stop & STOP_AFTER_DISCONNECT != 0);
        match kind {
            _ if retry => {}
            LossKind::Refused => return self.end_endpoint(key),
            LossKind::Network | LossKind::Protocol => return self.finish(key),
        }
        link.handle.unregister();
        self.drop_connection(key);
        if let Some(link) = self.link(key)
            && link.lingering
            && self.finish_if_drained(key)
        {
            return;
        }
        self.retry(key, was_attempt);
    }

    /// Ends a link that may not try again; the socket may connect to the same endpoint anew.
    fn end_endpoint(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let (handle, owner) = (link.handle.clone(), link.settings.owner.clone());
        self.finish(key);
        owner.ended(&handle);
    }

    /// Waits for the next attempt, as the options say.
    fn retry(&mut self, key: u64, was_attempt: bool) {
        let Some(link) = self.link(key) else { return };
        match link.settings.options.reconnect_delay() {
            Some(_) => {
                let pause = link.backoff.next(super::backoff::random());
                debug!("{}: next attempt in {} ms", link.endpoint(), pause.as_millis());
                link.report_attempt(event::CONNECT_RETRIED, pause.as_millis() as u64);
                link.state = State::Waiting;
                self.set_timer(key, Some(pause));
            }
            // A first attempt that failed leaves the pipe in place for ever, a lost connection ends it.
            None if was_attempt => link.state = State::Stopped,
            None => self.end_endpoint(key),
        }
    }

    /// Takes the halves off a connection that is gone. What is queued in the pipe stays, except where the socket will
    /// say it again (subscriptions), or where there is no pipe without a connection (ZMQ_IMMEDIATE).
    fn drop_connection(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let state = std::mem::replace(&mut link.state, State::Waiting);
        let (handle, settings) = (link.handle.clone(), link.settings.clone());
        handle.with_receive(ReceivePump::disconnect);
        handle.with_send(SendPump::disconnect);
        let State::Established { stream, .. } = state else { return };
        release_waiters(&stream);
        if settings.options.immediate {
            link.has_pipe = false;
            close_pipe(&handle);
        } else {
            let resubscribes = matches!(
                settings.options.socket_type,
                crate::options::SocketType::Sub | crate::options::SocketType::Xsub
            );
            if resubscribes {
                handle.with_send(SendPump::discard);
            }
            handle.with_receive(|pump| {
                if let Some(outlet) = &pump.outlet {
                    outlet.hiccup();
                }
            });
        }
        settings.owner.attend();
    }

    /// The socket closed a pipe of this link: the one there is now, or an earlier one that was closed from here
    /// (ZMQ_IMMEDIATE), which says nothing about the link.
    fn pipe_closed(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        if link.handle.with_send(|pump| pump.inlet.as_ref().is_some_and(crate::pipe::Inlet::is_closed)) {
            self.release(key);
        }
    }

    /// The socket let go: send what is left as long as linger allows, then end.
    fn release(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let linger = *link.handle.linger.lock();
        self.begin_linger(key, linger);
    }

    fn begin_linger(&mut self, key: u64, linger: Option<Duration>) {
        let Some(link) = self.link(key) else { return };
        if link.lingering {
            return;
        }
        link.lingering = true;
        let (handle, owner) = (link.handle.clone(), link.settings.owner.clone());
        // The socket is told first, so that it writes nothing more. From here on what the peer sends is read and dropped:
        // its answers to heartbeats keep the connection, its end ends it.
        handle.stop_receiving();
        owner.attend();
        let established = self.is_established(key);
        if established {
            handle.set_blocked(false);
        }
        if established {
            self.drive_send(key);
        }
        if self.finish_if_drained(key) {
            return;
        }
        let stops = self.link(key).is_some_and(|link| {
            link.settings.options.reconnect_stop & STOP_AFTER_DISCONNECT != 0 && !established
        });
        match linger {
            _ if stops => self.finish(key),
            Some(Duration::ZERO) => self.finish(key),
            Some(linger) => {
                let timer = self.timers.set(Instant::now() + linger, Purpose::Linger(key));
                self.replace_linger_timer(key, Some(timer));
            }
            None => {}
        }
    }

    fn replace_linger_timer(&mut self, key: u64, timer: Option<TimerId>) {
        let Some(link) = self.link(key) else { return };
        if let Some(old) = std::mem::replace(&mut link.linger_timer, timer) {
            self.timers.cancel(old);
        }
    }

    /// Ends a lingering link that has nothing left to send.
    fn finish_if_drained(&mut self, key: u64) -> bool {
        let Some(link) = self.link(key) else { return true };
        let handle = link.handle.clone();
        let Some(mut pump) = handle.send.try_hold() else { return false };
        let drained = pump.is_drained();
        if pump.release() {
            handle.post(Command::Send);
        }
        if drained {
            self.close(key);
        }
        drained
    }

    /// Ends a link that has sent everything, once the peer's kernel has taken it: anything that the peer says to a socket that is
    /// closed already would make the kernel drop what it still holds.
    fn close(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        let linger = *link.handle.linger.lock();
        let limit = linger.map_or(CLOSE_LIMIT, |linger| linger.min(CLOSE_LIMIT));
        let State::Established { stream, .. } = &link.state else { return self.finish(key) };
        let (left, now) = (stream.unacknowledged(), Instant::now());
        if left == 0 || limit.is_zero() {
            return self.finish(key);
        }
        let stream = stream.clone();
        match link.closing {
            Some((before, since)) if left >= before && now - since >= limit => return self.finish(key),
            Some((before, _)) if left >= before => {}
            started => {
                link.closing = Some((left, now));
                if started.is_none() {
                    stream.end_writing();
                    self.set_deadline(key, None);
                }
            }
        }
        self.timers.set(Instant::now() + CLOSE_STEP, Purpose::Close(key));
    }

    /// Ends a link for good.
    fn finish(&mut self, key: u64) {
        self.set_deadline(key, None);
        self.replace_linger_timer(key, None);
        if self.link(key).is_none() {
            return;
        }
        let Some(link) = self.links[slot_of(key)].take() else { return };
        self.free.push(slot_of(key));
        self.thread.load.fetch_sub(1, Ordering::Relaxed);
        debug!("{}: ended", link.endpoint());
        let handle = &link.handle;
        handle.unregister();
        handle.with_receive(ReceivePump::disconnect);
        handle.with_send(SendPump::disconnect);
        if let State::Handshaking { stream, .. } | State::Established { stream, .. } = &link.state {
            // Input that nobody will read would make the kernel reset the connection, and drop what we sent last.
            with_read_buffer(|buffer| {
                for _ in 0..BUDGET {
                    if !matches!(stream.read(buffer), Ok(Read::Bytes(_))) {
                        break;
                    }
                }
            });
            release_waiters(stream);
        }
        close_pipe(handle);
        link.settings.owner.attend();
        self.ended += 1;
        if self.ended == TRIM_AFTER {
            self.timers.set(Instant::now() + TRIM_DELAY, Purpose::Trim);
        }
    }

    /// Gives memory of links that are gone back to the system, once they stop going.
    fn trim(&mut self) {
        self.links.truncate(self.links.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        self.free.retain(|&slot| slot < self.links.len());
        self.links.shrink_to_fit();
        self.free.shrink_to_fit();
        self.ended = 0;
        crate::memory::give_back();
    }

    // --- listeners --------------------------------------------------------------------------------------------

    fn listen(&mut self, number: u64, entry: ListenerEntry) {
        if let Err(error) = entry.listener.watch(&self.thread.poller, LISTENER | number) {
            debug!("{}: cannot be watched: {error}", entry.listener.endpoint());
        }
        self.thread.load.fetch_add(1, Ordering::Relaxed);
        self.listeners.insert(number, entry);
    }

    fn accept(&mut self, number: u64) {
        for _ in 0..ACCEPT_BUDGET {
            let Some(entry) = self.listeners.get(&number) else { return };
            match entry.listener.accept(&entry.settings.options) {
                Accepted::Peer(socket) => {
                    let (listener, settings) = (entry.listener.clone(), entry.settings.clone());
                    let least = entry.threads.iter().min_by_key(|thread| thread.load.load(Ordering::Relaxed));
                    match least {
                        Some(thread) if !Arc::ptr_eq(thread, &self.thread) => {
                            thread.mailbox.post(Command::Accepted { socket, listener, number, settings });
                        }
                        _ => self.adopt_peer(socket, &listener, number, settings),
                    }
                }
                Accepted::Refused => {
                    debug!("{}: a peer was refused", entry.listener.endpoint());
                    entry.report_failure(0);
                }
                Accepted::Exhausted(error) => {
                    debug!("{}: accepting pauses: {error}", entry.listener.endpoint());
                    entry.report_failure(error.raw() as u64);
                    entry.listener.rest();
                    self.timers.set(Instant::now() + ACCEPT_PAUSE, Purpose::Accept(number));
                    return;
                }
                Accepted::Nobody | Accepted::Closed => return,
            }
        }
    }

    fn resume_accept(&mut self, number: u64) {
        if let Some(entry) = self.listeners.get(&number)
            && let Err(error) = entry.listener.watch(&self.thread.poller, LISTENER | number)
        {
            debug!("{}: cannot be watched: {error}", entry.listener.endpoint());
        }
    }

    fn adopt_peer(&mut self, socket: Socket, listener: &Listener, number: u64, settings: Arc<LinkSettings>) {
        if listener.is_closed() {
            return;
        }
        let handle = LinkHandle::new(self.thread.clone(), Some(number));
        let gate = settings.gate.enter();
        let key = self.insert(Link::new(
            handle,
            settings,
            Role::Accept(number),
            listener.transport(),
            State::Waiting,
            gate,
        ));
        self.with_link(key, |reactor, key| reactor.begin_handshake(key, socket));
    }

    fn unlisten(&mut self, number: u64, linger: Option<Duration>) {
        if self.listeners.remove(&number).is_some() {
            self.thread.load.fetch_sub(1, Ordering::Relaxed);
        }
        let accepted =
            |link: &&Link| matches!(link.role, Role::Accept(from) if from == number) && !link.lingering;
        let keys: Vec<u64> = self
            .links
            .iter()
            .flatten()
            .filter(accepted)
            .map(|link| link.handle.key.load(Ordering::Relaxed))
            .collect();
        for key in keys {
            self.with_link(key, |reactor, key| {
                reactor.begin_linger(key, linger);
            });
        }
    }

    // --- timers -----------------------------------------------------------------------------------------------

    fn state_timer(&mut self, key: u64) {
        let Some(link) = self.link(key) else { return };
        link.timer = None;
        match &mut link.state {
            State::Waiting => self.attempt(key),
            State::Connecting { socket, .. } => {
                let descriptor = socket.as_raw_fd() as u64;
                link.handle.unregister();
                link.report_attempt(event::CLOSED, descriptor);
                self.lost(key, Loss::network("the attempt took too long", libc::ETIMEDOUT));
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
        let Some(link) = self.link(key) else { return };
        let handle = link.handle.clone();
        let State::Established { heartbeat, traffic, .. } = &mut link.state else { return };
        let seen = handle.traffic.load(Ordering::Relaxed);
        if seen != *traffic {
            *traffic = seen;
            heartbeat.handle_traffic(now);
        }
        if let Some(ttl) = handle.take_peer_ttl() {
            heartbeat.handle_ping_ttl(ttl, now);
        }
        let action = heartbeat.handle_timeout(now);
        let deadline = heartbeat.poll_timeout();
        match action {
            HeartbeatAction::Dead => {
                return self.lost(key, Loss::network("the peer is silent", libc::ETIMEDOUT));
            }
            HeartbeatAction::SendPing => {
                handle.push_control(Control::Ping);
                self.drive_send(key);
            }
            HeartbeatAction::Nothing => {}
        }
        self.set_deadline(key, deadline);
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
            Command::Lease(handle) => {
                self.for_handle(&handle, |reactor, key| reactor.check_lease(key, None));
            }
            Command::PipeClosed(handle) => self.for_handle(&handle, Self::pipe_closed),
            Command::Release(handle) => self.for_handle(&handle, Self::release),
            Command::Stop => return false,
        }
        true
    }

    fn event(&mut self, event: Event) {
        if event.key & LISTENER != 0 {
            self.accept(event.key & !LISTENER);
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
                Purpose::Nap(key) => self.with_link(key, Self::end_nap),
                Purpose::Lease(key, uses) => {
                    self.with_link(key, |reactor, key| reactor.check_lease(key, Some(uses)));
                }
                Purpose::Close(key) => self.with_link(key, Self::close),
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

/// A thread that adopted a stream still holds it, and would wait for it for ever: ends the stream for everybody.
fn release_waiters(stream: &Arc<Stream>) {
    if Arc::strong_count(stream) > 1 {
        stream.shutdown();
    }
}

/// Ends both directions of a link's pipe; the socket is told, and what it received stays readable.
fn close_pipe(handle: &Arc<LinkHandle>) {
    let inlet = handle.with_send(|pump| pump.inlet.take());
    let outlet = handle.with_receive(|pump| pump.outlet.take());
    if let Some(mut outlet) = outlet {
        outlet.close();
    }
    drop(inlet);
}

fn attempt_failed(error: Errno) -> Loss {
    let reason = format!("cannot connect: {error}");
    let kind = if error.raw() == libc::ECONNREFUSED { LossKind::Refused } else { LossKind::Network };
    Loss { kind, reason, report: None }
}

fn loss_of(failure: Failure) -> Loss {
    let reason = failure.reason;
    match failure.kind {
        FailureKind::NoMemory => Loss::network(reason, libc::ENOMEM),
        FailureKind::Refused(_) => Loss::network(reason, libc::EPIPE),
        FailureKind::Protocol(code) => {
            let report = code.map(|code| (event::HANDSHAKE_FAILED_PROTOCOL, u64::from(code)));
            Loss { kind: LossKind::Protocol, reason, report }
        }
        FailureKind::Authentication(status) => {
            let report = Some((event::HANDSHAKE_FAILED_AUTH, u64::from(status)));
            Loss { kind: LossKind::Protocol, reason, report }
        }
    }
}

/// What applications can ask about the peer (`zmq_msg_gets`). What the transport vouches for comes first, so that a
/// peer cannot claim it.
fn describe_peer(link: &Link, stream: &Stream, established: &crate::connection::Established) -> Metadata {
    let mut metadata = Metadata::new(established.routing_id.clone());
    metadata.set_descriptor(stream.raw());
    metadata.insert("Peer-Address", link.peer_address(stream).as_bytes());
    for (name, value) in &established.properties {
        metadata.insert(name, value);
    }
    metadata
}
