//! Pipes: how messages travel between two parties, each on a thread of its own.
//!
//! Knows: messages, credit, sleep and wake, the end of a stream. Must not know: who the parties are. A pipe
//! joins a socket and a link, or two sockets (inproc); each party is told about the other's doings through
//! `Peer`, the only thing this room asks of its users.
//!
//! A pipe is two queues (`queue`), one each way. Each party holds an `End`: it writes to one queue and reads
//! from the other. An end is dropped by its owner alone; the other party finds CLOSED behind the last message, and
//! is told at once through `Peer::closed`.

mod queue;
mod segment;

pub use queue::{Readiness, Receiver, Sender, queue};

use crate::message::Message;
use std::sync::Arc;

/// How one party tells the other that there is something to do. Called on the teller's thread; must not block.
pub trait Peer: Send + Sync {
    /// The queue you read had put you to sleep, and now holds something (or its end).
    fn readable(&self);
    /// The queue you write was full, and now has room.
    fn writable(&self);
    /// The other party is gone: stop writing; what is left to read stays readable.
    fn closed(&self);
    /// The connection behind the pipe was lost and will be made again.
    fn hiccup(&self) {}
}

/// Limits of the two queues of a pipe, in messages; 0 is unlimited.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Queue written by the first party.
    pub forward: usize,
    /// Queue written by the second party.
    pub backward: usize,
    /// Keep only the latest message: queue written by the first party.
    pub conflate_forward: bool,
    /// Keep only the latest message: queue written by the second party.
    pub conflate_backward: bool,
}

/// Makes a pipe between two parties, known by how they are told.
pub fn pipe(limits: Limits, first: Arc<dyn Peer>, second: Arc<dyn Peer>) -> (End, End) {
    let (forward_tx, forward_rx) = queue(limits.forward, limits.conflate_forward);
    let (backward_tx, backward_rx) = queue(limits.backward, limits.conflate_backward);
    (
        End {
            tx: Outlet { sender: forward_tx, peer: second.clone() },
            rx: Inlet { receiver: backward_rx, peer: second },
        },
        End {
            tx: Outlet { sender: backward_tx, peer: first.clone() },
            rx: Inlet { receiver: forward_rx, peer: first },
        },
    )
}

/// One party's side of a pipe.
pub struct End {
    pub tx: Outlet,
    pub rx: Inlet,
}

impl End {
    /// Leaves the pipe: ends the outgoing stream and tells the peer. What it had flushed stays readable for it.
    pub fn close(mut self) {
        self.tx.close();
    }
}

/// The writing half: a sender that tells the peer.
pub struct Outlet {
    sender: Sender,
    peer: Arc<dyn Peer>,
}

impl Outlet {
    /// See [`Sender::has_room`].
    #[inline]
    pub fn has_room(&mut self) -> bool {
        self.sender.has_room()
    }

    /// Writes a part, invisible until [`Outlet::flush`].
    #[inline]
    pub fn push(&mut self, message: Message) {
        self.sender.push(message);
    }

    /// See [`Sender::push_uncounted`].
    pub fn push_uncounted(&mut self, message: Message) {
        self.sender.push_uncounted(message);
    }

    /// Shows the peer what was written, and wakes it if it slept.
    #[inline]
    pub fn flush(&mut self) {
        if self.sender.flush() {
            self.peer.readable();
        }
    }

    /// Drops what was written since the last flush.
    pub fn rollback(&mut self) {
        self.sender.rollback();
    }

    /// True in the middle of a multipart message.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.sender.in_message()
    }

    /// Ends the stream and tells the peer.
    pub fn close(&mut self) {
        let _ = self.sender.close();
        self.peer.closed();
    }

    /// Tells the peer that the connection behind the pipe was lost.
    pub fn hiccup(&self) {
        self.peer.hiccup();
    }

    /// Changes the limit; a peer is not told, a waiting writer looks again on its own.
    pub fn set_high_water(&self, high_water: usize) {
        self.sender.set_high_water(high_water);
    }
}

/// The reading half: a receiver that tells the peer about room.
pub struct Inlet {
    receiver: Receiver,
    peer: Arc<dyn Peer>,
}

impl Inlet {
    /// See [`Receiver::pop`].
    #[inline]
    pub fn pop(&mut self) -> Option<Message> {
        let message = self.receiver.pop();
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
        message
    }

    /// See [`Receiver::pop_into`].
    #[inline]
    pub fn pop_into(&mut self, place: &mut Message) -> bool {
        let found = self.receiver.pop_into(place);
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
        found
    }

    /// See [`Receiver::poll`].
    #[inline]
    pub fn poll(&mut self) -> Readiness {
        self.receiver.poll()
    }

    /// See [`Receiver::has_ended`].
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.receiver.has_ended()
    }

    /// See [`Receiver::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// See [`Receiver::metadata`].
    #[inline]
    pub fn metadata(&self) -> Option<&Arc<crate::message::Metadata>> {
        self.receiver.metadata()
    }

    /// See [`Receiver::backlog`].
    pub fn backlog(&self) -> usize {
        self.receiver.backlog()
    }

    /// Changes the limit; tells a peer that may wait for room under the old one.
    pub fn set_high_water(&mut self, high_water: usize) {
        self.receiver.set_high_water(high_water);
        self.peer.writable();
    }

    /// Drops everything readable now.
    pub fn discard(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
