//! The part of a link that other threads reach: its two halves.
//!
//! The handle is the link's party in the pipe (`Peer`): a socket that wrote wakes it here. Then the caller
//! drives the send half itself when that pays (*inline send*), or leaves it to the I/O thread. A thread that
//! is about to block in a receive reads the receive half itself (*inline receive*) after having taken the stream out
//! of the poller (*adopted*). Either way an application thread only moves bytes: what ends a connection is
//! found again by the I/O thread, which alone reconnects or closes.

use super::reactor::Command;
use super::receive_pump::{Fetched, ReceivePump, Received, SideEffects};
use super::registration::Registration;
use super::send_pump::{Control, Nap, SendPump, Sent};
use super::token::{Held, Token};
use super::{pace, policy};
use crate::config::{CONTROLS_MAX, DRIVE_BUDGET, HOLD_PAUSE, HOLD_YIELDS};
use crate::io::{Mailbox, Poller, is_io_thread};
use crate::message::Traffic;
use crate::pipe::{Outlet, Peer};
use crate::sync::fork_generation;
use crate::sync::global::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::transport::Stream;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// An I/O thread as seen from elsewhere.
pub struct IoThread {
    pub mailbox: Arc<Mailbox<Command>>,
    pub poller: Arc<Poller>,
    /// Bit of ZMQ_AFFINITY.
    pub index: usize,
    /// Links and listeners it serves.
    pub load: AtomicUsize,
    /// Fork generation it was started in.
    pub generation: u32,
}

/// See the module documentation.
pub struct LinkHandle {
    me: Weak<Self>,
    listener: Option<u64>,
    thread: Arc<IoThread>,
    /// Poller key, given by the reactor.
    pub(super) key: AtomicU64,
    pub(super) send: Token<SendPump>,
    pub(super) receive: Token<ReceivePump>,
    /// The socket's party of the pipe.
    owner: Mutex<Option<Arc<dyn Peer>>>,
    pub(super) registration: Mutex<Registration>,
    /// Hints for who does not want the lock: an application's thread reads the stream; the stream is watched with others.
    pub(super) adopted: AtomicBool,
    pub(super) gathered: AtomicBool,
    controls: Mutex<Vec<Control>>,
    has_controls: AtomicBool,
    /// A PING is with the kernel, and the I/O thread does not know yet.
    pinged: AtomicBool,
    /// The I/O thread looks at the pipe in a moment.
    pub(super) napping: AtomicBool,
    /// An application thread waits until the kernel takes more.
    pub(super) awaiting_room: AtomicBool,
    /// The receive half has read bytes that are decoded one message at a time, as the application asks.
    pub(super) keeping: AtomicBool,
    /// Counts reads that brought bytes, for heartbeats.
    pub(super) traffic: AtomicU32,
    /// TTL the peer's last PING asked for, in milliseconds, plus one; 0 is none since last taken.
    peer_ttl: AtomicU64,
    /// How long unsent messages may still be sent once the socket let go of the pipe. `None`: for ever.
    pub(super) linger: Mutex<Option<Duration>>,
}

impl LinkHandle {
    /// A link served by `thread`, not connected. `listener` is the number of the listener that accepted it, if one did.
    pub fn new(thread: Arc<IoThread>, listener: Option<u64>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            listener,
            thread,
            key: AtomicU64::new(0),
            send: Token::new(SendPump::default()),
            receive: Token::new(ReceivePump::default()),
            owner: Mutex::default(),
            registration: Mutex::default(),
            adopted: AtomicBool::new(false),
            gathered: AtomicBool::new(false),
            controls: Mutex::default(),
            has_controls: AtomicBool::new(false),
            pinged: AtomicBool::new(false),
            napping: AtomicBool::new(false),
            awaiting_room: AtomicBool::new(false),
            keeping: AtomicBool::new(false),
            traffic: AtomicU32::new(0),
            peer_ttl: AtomicU64::new(0),
            linger: Mutex::new(None),
        })
    }

    /// The I/O thread that serves this link.
    pub fn thread(&self) -> &Arc<IoThread> {
        &self.thread
    }

    /// The listener that accepted the peer.
    pub fn listener(&self) -> Option<u64> {
        self.listener
    }

    /// What was sent and received over all connections of this link.
    pub(super) fn traffic(&self) -> (Traffic, Traffic) {
        (self.with_send(|pump| pump.sent), self.with_receive(|pump| pump.received))
    }

    /// Messages in the pipe that the socket has not taken yet.
    pub(super) fn queued(&self) -> usize {
        self.with_receive(|pump| pump.outlet.as_mut().map_or(0, Outlet::queued))
    }

    /// Tells the monitor how much waits in the pipe, of which the socket knows the `outbound` messages; on the I/O thread, a
    /// moment later.
    pub fn ask_for_statistics(&self, outbound: usize) {
        self.post(|handle| Command::Statistics { handle, outbound });
    }

    /// Ends the stream of messages to the socket: from here on what the peer sends is read and dropped.
    pub fn stop_receiving(&self) {
        self.with_receive(ReceivePump::close_outlet);
    }

    /// Sets how long what is unsent may still be sent after the socket lets go.
    pub fn set_linger(&self, linger: Option<Duration>) {
        *self.linger.lock() = linger;
    }

    pub(super) fn me(&self) -> Weak<Self> {
        self.me.clone()
    }

    pub(super) fn post(&self, command: impl FnOnce(Arc<Self>) -> Command) {
        if let Some(me) = self.me.upgrade() {
            self.thread.mailbox.post(command(me));
        }
    }

    /// Ends the link on behalf of its socket, also when it has no pipe now.
    pub fn release(&self) {
        self.post(Command::Release);
    }

    // --- sending -------------------------------------------------------------------------------------------

    /// The pipe has something to send: write it here and now if that pays, else leave it to the I/O thread.
    pub(super) fn kick_send(&self) {
        if fork_generation() != self.thread.generation {
            return; // A forked child: the connection is the parent's.
        }
        if is_io_thread() || !policy::inline_driving() {
            return self.post(Command::Send);
        }
        let Some(mut pump) = self.send.try_hold() else { return };
        let now = Instant::now();
        if pump.is_bursting(now) {
            // Nobody needs to be woken for each message: the I/O thread looks at the pipe in a moment.
            pump.napping = true;
            let marked = pump.release();
            self.begin_nap();
            self.post(Command::Nap);
            if marked {
                self.post(Command::Send);
            }
            return;
        }
        self.drive_inline(pump, now);
    }

    /// The pipe will be looked at in a moment.
    pub(super) fn begin_nap(&self) {
        if !self.napping.swap(true, Ordering::Relaxed) {
            let owner = self.owner.lock().clone();
            owner.iter().for_each(|owner| owner.keeps_back());
        }
    }

    /// Writes what a nap has kept back, on a thread that is about to wait for an answer. True while the nap lasts.
    pub fn end_nap(&self) -> bool {
        let napping = self.napping.load(Ordering::Relaxed);
        if napping {
            self.assist_send();
        }
        napping
    }

    /// The end of a nap, on the I/O thread. A thread that is in a call on the socket, or holds the half, is writing or about to.
    pub(super) fn look_at_nap(&self, lingering: bool) -> Nap {
        let mut pump = self.send.hold_if_free();
        if pump.is_none() && self.reclaim() {
            pump = self.send.hold_if_free();
        }
        let Some(mut pump) = pump else { return Nap::Again };
        let nap = pump.end_nap(lingering);
        if pump.release() {
            self.post(Command::Send);
        }
        nap
    }

    /// Writes what the pipe holds, on a thread that would otherwise wait for room. True when something was written.
    pub fn assist_send(&self) -> bool {
        if fork_generation() != self.thread.generation {
            return false;
        }
        let Some(mut pump) = self.send.try_hold() else { return false };
        pump.wrote = false;
        self.drive_inline(pump, Instant::now())
    }

    /// One write on the calling thread, which lets go then. True when all that there was is with the kernel.
    pub(super) fn drive_inline(&self, mut pump: Held<'_, SendPump>, now: Instant) -> bool {
        let (written, goes_on) = self.write_now(&mut pump, now);
        if goes_on | pump.release() {
            self.post(Command::Send);
        }
        written
    }

    /// One write on the calling thread. Whether all that there was is with the kernel, and whether the I/O thread has to go on.
    pub(super) fn write_now(&self, pump: &mut SendPump, now: Instant) -> (bool, bool) {
        let controls = self.take_controls(pump);
        pump.note_heard(self.traffic.load(Ordering::Relaxed));
        let (sent, ended) = pace::write(now, || pump.drive(controls, 1, false));
        pump.last_inline = Some(ended);
        let written = pump.wrote && sent != Sent::Blocked;
        (written, self.note_sent(pump, sent))
    }

    /// Watches for room to write when the kernel took no more. Done while the half is held, so that two drivers cannot overtake
    /// each other between finding out and acting on it. True when the I/O thread has to go on.
    pub(super) fn note_sent(&self, pump: &mut SendPump, sent: Sent) -> bool {
        if std::mem::take(&mut pump.pinged) {
            self.pinged.store(true, Ordering::Relaxed);
        }
        match sent {
            // At the end of the nap the I/O thread will find it.
            Sent::Blocked if pump.napping => false,
            Sent::Blocked => {
                self.want_write(true);
                false
            }
            Sent::More | Sent::Ended => true,
            // There was too much before it to say it.
            Sent::Idle => self.has_controls(),
            Sent::Napping | Sent::Unconnected => false,
        }
    }

    /// The stream to wait for, for a thread that waits for room: it will write itself once the kernel takes more. `None`: the
    /// kernel is not what holds the messages up.
    pub fn await_room(&self) -> Option<Arc<Stream>> {
        let pump = self.send.hold_if_free()?;
        let stream = pump.blocked_stream().cloned();
        if stream.is_some() {
            self.awaiting_room.store(true, Ordering::SeqCst);
            self.want_write(false);
        }
        if pump.release() {
            self.post(Command::Send);
        }
        stream
    }

    /// Ends [`LinkHandle::await_room`]. If nothing came of it, or the nap ended meanwhile, the rest is tried once more; what the kernel
    /// does not take is watched by the I/O thread.
    pub fn leave_room(&self, written: bool) {
        // SeqCst, here and in the reactor's `end_nap`: one of the two sees the other.
        self.awaiting_room.store(false, Ordering::SeqCst);
        if !written || !self.napping.load(Ordering::SeqCst) {
            self.assist_send();
        }
    }

    /// Queues something to be said besides messages; the caller then drives the send half. A peer that asks for more answers
    /// than it reads gets the first of them. A PING is there once.
    pub(super) fn push_control(&self, control: Control) {
        let mut controls = self.controls.lock();
        let has_place = match control {
            Control::Ping => !controls.iter().any(|other| matches!(other, Control::Ping)),
            Control::Pong(_) => controls.len() < CONTROLS_MAX,
        };
        if has_place {
            controls.push(control);
            self.has_controls.store(true, Ordering::Release);
        }
    }

    /// Whether something is to be said that nobody has taken to say it.
    pub(super) fn has_controls(&self) -> bool {
        self.has_controls.load(Ordering::Relaxed)
    }

    /// Whether a PING has left since the last call.
    pub(super) fn take_pinged(&self) -> bool {
        self.pinged.load(Ordering::Relaxed) && self.pinged.swap(false, Ordering::Relaxed)
    }

    /// What is to be said, unless much is unsent already.
    pub(super) fn take_controls(&self, pump: &SendPump) -> Vec<Control> {
        if pump.is_full() {
            return Vec::new();
        }
        if self.has_controls() && self.has_controls.swap(false, Ordering::Acquire) {
            return std::mem::take(&mut *self.controls.lock());
        }
        Vec::new()
    }

    // --- receiving -----------------------------------------------------------------------------------------

    /// Reads what is there, on a thread that would otherwise wait for it. True when bytes came.
    pub fn receive_inline(&self) -> bool {
        self.receive_as_reader(self.is_adopted())
    }

    /// The same, where it is known whether an application's thread is the reader of the stream.
    pub(super) fn receive_as_reader(&self, adopted: bool) -> bool {
        let Some(mut pump) = self.receive.try_hold() else { return false };
        let mut effects = SideEffects::default();
        let received = match if adopted { pump.fetch(&mut effects) } else { Fetched::Impossible } {
            Fetched::Kept => {
                self.note_kept();
                pump.announce_input();
                Received::More
            }
            Fetched::Little => pump.drive(0, &mut effects),
            Fetched::Nothing => Received::Drained,
            Fetched::Impossible => pump.drive(1, &mut effects),
        };
        self.note_room(&mut pump, &received);
        let over = matches!(received, Received::Over(_));
        if over {
            // While the half is held there is no next connection yet.
            self.stop_telling();
        }
        let marked = pump.release();
        let traffic = effects.traffic;
        if self.keeping.load(Ordering::Relaxed) && !self.is_adopted() {
            // The poller has the stream again, and nobody is waited for.
            self.give_up_kept();
        }
        if self.apply(effects) {
            self.kick_send();
        }
        if over || marked {
            self.post(Command::Receive);
        }
        traffic
    }

    /// Starts or stops watching for input, by whether the pipe had room. Done while the half is held, so that two
    /// drivers cannot overtake each other between finding out and acting on it.
    pub(super) fn note_room(&self, pump: &mut ReceivePump, received: &Received) {
        let blocked = matches!(received, Received::Blocked);
        if std::mem::replace(&mut pump.blocked, blocked) != blocked {
            self.set_blocked(blocked);
        }
    }

    /// Notes what receiving brought besides messages. True when there is something to send.
    pub(super) fn apply(&self, effects: SideEffects) -> bool {
        if effects.traffic {
            self.traffic.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(ttl) = effects.peer_ttl {
            self.peer_ttl.store(ttl.as_millis() as u64 + 1, Ordering::Relaxed);
            self.post(Command::Inspect);
        }
        let must_send = !effects.pongs.is_empty();
        if must_send {
            self.note_heartbeats();
        }
        for context in effects.pongs {
            self.push_control(Control::Pong(context));
        }
        must_send
    }

    /// The TTL of a PING that came since the last call.
    pub(super) fn take_peer_ttl(&self) -> Option<Duration> {
        match self.peer_ttl.swap(0, Ordering::Relaxed) {
            0 => None,
            millis => Some(Duration::from_millis(millis - 1)),
        }
    }
}

impl LinkHandle {
    /// Makes the socket close what it has opened to pass the queues. False: a thread is in a call on it, and may be using that.
    pub(super) fn reclaim(&self) -> bool {
        let owner = self.owner.lock().clone();
        owner.is_none_or(|owner| owner.reclaim())
    }

    /// Half a connection, once its driver lets go. Not for a thread that is in a call on the socket and has not ended passing.
    fn hold<'a, T>(&self, half: &'a Token<T>) -> Held<'a, T> {
        let mut turns = 0;
        loop {
            if let Some(held) = half.try_hold() {
                return held;
            }
            self.reclaim();
            turns += 1;
            if turns < HOLD_YIELDS {
                std::thread::yield_now();
            } else {
                std::thread::sleep(HOLD_PAUSE);
            }
        }
    }
}

/// Writes and reads of one link before others get their turn.
pub(super) const BUDGET: usize = DRIVE_BUDGET;

impl LinkHandle {
    /// Gives the link its end of a pipe.
    pub fn supply(&self, end: crate::pipe::End) {
        *self.owner.lock() = Some(end.rx.peer());
        self.with_send(|pump| pump.inlet = Some(end.rx));
        self.with_receive(|pump| pump.outlet = Some(end.tx));
    }

    /// Does something to the send half, once its driver lets go.
    pub(super) fn with_send<R>(&self, work: impl FnOnce(&mut SendPump) -> R) -> R {
        let mut pump = self.hold(&self.send);
        let result = work(&mut pump);
        if pump.release() {
            self.post(Command::Send);
        }
        result
    }

    /// Does something to the receive half, once its driver lets go.
    pub(super) fn with_receive<R>(&self, work: impl FnOnce(&mut ReceivePump) -> R) -> R {
        let mut pump = self.hold(&self.receive);
        let result = work(&mut pump);
        if pump.release() {
            self.post(Command::Receive);
        }
        result
    }
}
