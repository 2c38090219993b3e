//! A link as the other party of its socket's pipe: what it is told, and what passes the queues.
//!
//! The socket keeps the token of a half as long as its lane or feed is open: its in-use flag, which every call takes, stands for
//! the token, whose two locked instructions a message are saved. Who needs the half asks for it back (`LinkHandle::reclaim`).

use super::handle::LinkHandle;
use super::policy;
use super::reactor::Command;
use super::receive_pump::{ReceivePump, SideEffects};
use super::send_pump::SendPump;
use super::token::Held;
use crate::io::is_io_thread;
use crate::message::{Message, Traffic};
use crate::pipe::{Given, Peer};
use crate::sync::fork_generation;
use crate::sync::global::Ordering;
use std::time::Instant;

impl Peer for LinkHandle {
    fn is_direct(&self) -> bool {
        policy::inline_driving()
    }

    /// A thread that sends in a burst encodes its messages itself, past the queue.
    fn open_lane(&self) -> bool {
        // Relaxed: a hint; what counts is the same flag behind the token.
        if !self.napping.load(Ordering::Relaxed) {
            return false;
        }
        let Some(pump) = self.send.hold_if_free() else { return false };
        let opens = pump.can_collect();
        if opens {
            pump.keep();
        } else if pump.release() {
            self.post(Command::Send);
        }
        opens
    }

    unsafe fn take(&self, message: &mut Message, shared: bool) -> bool {
        // SAFETY: the caller's promise is passed on, here and below.
        unsafe { self.in_lane(|pump| pump.collect(message, shared)) }
    }

    unsafe fn take_queued(&self) -> bool {
        // SAFETY: as above.
        unsafe { self.in_lane(SendPump::collect_queued) }
    }

    unsafe fn takes_bundles(&self) -> bool {
        // What is to be written now is: it must not wait for a bundle to be full.
        // SAFETY: as above.
        unsafe { self.in_lane(SendPump::takes_bundles) && self.send.resume().can_collect() }
    }

    unsafe fn take_bundle(&self, bundle: &mut Message, traffic: Traffic) -> bool {
        // SAFETY: as above.
        unsafe { self.in_lane(|pump| pump.collect_bundle(bundle, traffic)) }
    }

    unsafe fn close_lane(&self) {
        // SAFETY: kept by `open_lane`, which the caller has called.
        if unsafe { self.send.resume() }.release() {
            self.post(Command::Send);
        }
    }

    /// What a waiting thread has read is decoded message by message as it asks.
    fn open_feed(&self) -> bool {
        // Relaxed: set by the thread that reads, or before it got the socket from another.
        if !self.keeping.load(Ordering::Relaxed) {
            return false;
        }
        self.receive.hold_if_free().map(Held::keep).is_some()
    }

    unsafe fn give(&self, place: &mut Message, taken: usize) -> Given {
        if self.receive.is_marked() {
            return Given::Nothing;
        }
        // SAFETY: kept by `open_feed`, which the caller has called, and between two calls of this.
        let mut pump = unsafe { self.receive.resume() };
        let given = pump.give(place, taken);
        if given && pump.is_keeping() {
            return Given::Message;
        }
        self.give_rest(pump, given, place, taken)
    }

    unsafe fn close_feed(&self) {
        // SAFETY: kept by `open_feed`, which the caller has called.
        if unsafe { self.receive.resume() }.release() {
            self.post(Command::Receive);
        }
    }

    fn make_room(&self) {
        if let Some(pump) = self.send.hold_if_free() {
            if pump.can_make_room() {
                self.drive_inline(pump, Instant::now());
            } else if pump.release() {
                self.post(Command::Send);
            }
        }
    }

    fn give_all(&self) {
        if self.keeping.swap(false, Ordering::Relaxed) {
            self.receive_inline();
        }
    }

    fn readable(&self) {
        self.kick_send();
    }

    /// A small limit is there to notice early that messages are not taken; the kernel's buffers would hide that.
    fn readable_full(&self) {
        if fork_generation() == self.thread().generation {
            self.post(Command::Send);
        }
    }

    fn writable(&self) {
        // A thread that waits for input itself will find what is kept once it has emptied the queue, and then the stream.
        if !self.hand_over() {
            self.post(Command::Receive);
        }
    }

    fn closed(&self) {
        self.post(Command::PipeClosed);
    }
}

impl LinkHandle {
    /// The rest of [`Peer::give`], when what is kept ends, or what comes next is not simply a message of one part.
    #[cold]
    fn give_rest(
        &self,
        mut pump: Held<'_, ReceivePump>,
        mut given: bool,
        place: &mut Message,
        taken: usize,
    ) -> Given {
        let mut effects = SideEffects::default();
        given = given || pump.give_next(place, taken, &mut effects);
        let keeping = pump.is_keeping();
        if !keeping {
            self.keeping.store(false, Ordering::Relaxed);
            if std::mem::take(&mut pump.blocked) {
                self.set_blocked(false);
            }
        }
        let over = pump.has_ending();
        if over {
            self.post(Command::Receive);
        }
        if !effects.is_nothing() && self.apply(effects) {
            self.kick_send();
        }
        match given {
            true if keeping && !over => Given::Message,
            true => Given::Last,
            false => Given::Nothing,
        }
    }

    /// Lets `work` encode into the batch, and writes what is due then, unless somebody has asked for the half.
    ///
    /// # Safety
    /// The caller has opened the lane.
    #[inline(always)]
    unsafe fn in_lane(&self, work: impl FnOnce(&mut SendPump) -> bool) -> bool {
        if self.send.is_marked() {
            return false;
        }
        // SAFETY: kept by `open_lane`, which the caller has called, and between two calls of this.
        let mut pump = unsafe { self.send.resume() };
        let done = work(&mut pump);
        if pump.is_due() {
            self.write_due(&mut pump);
        }
        done
    }

    #[cold]
    fn write_due(&self, pump: &mut SendPump) {
        // An I/O thread that takes a bundle out of a socket looks at each link at the end of its nap.
        if !is_io_thread() && self.write_now(pump, Instant::now()).1 {
            self.post(Command::Send);
        }
    }
}
