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

use crate::error::Result;
use crate::message::{Bundle, Message, Traffic};
use std::sync::Arc;

/// How one party tells the other that there is something to do. Called on the teller's thread; must not block.
pub trait Peer: Send + Sync {
    /// The queue you read had put you to sleep, and now holds something, or its end; or nothing, if you have found that already. Poll again.
    fn readable(&self);
    /// The same, and it is full now: the other party waits for you, and does not do your work.
    fn readable_full(&self) {
        self.readable();
    }
    /// The queue you write was full, and now has room.
    fn writable(&self);
    /// The other party is gone: stop writing; what is left to read stays readable.
    fn closed(&self);
    /// The connection behind the pipe was lost and will be made again.
    fn hiccup(&self) {}

    // A party may drive the other's side of the pipe on its own thread. Then a message need not go through the queue, as
    // long as none waits in it: the order stays, and so does what a queue promises.

    /// True when the others are worth a call.
    fn is_direct(&self) -> bool {
        false
    }
    /// The right to hand messages over, past the queue (a *lane*); until it is closed, nobody else drives that side. False: not now.
    fn open_lane(&self) -> bool {
        false
    }
    /// Takes a whole message of a single part, which leaves an empty one behind unless it is `shared`: then others are going to get it,
    /// too. Called only while the queue shows everything that was written to it. False: the lane is to be closed.
    ///
    /// # Safety
    /// The caller has opened the lane.
    unsafe fn take(&self, message: &mut Message, shared: bool) -> bool {
        let _ = (message, shared);
        false
    }
    /// Takes what the queue shows: a message of several parts, which was to be complete first. False: the lane is to be closed.
    ///
    /// # Safety
    /// The caller has opened the lane.
    unsafe fn take_queued(&self) -> bool {
        false
    }
    /// Takes what the queue shows, if anything; whether it takes bundles then.
    ///
    /// # Safety
    /// The caller has opened the lane.
    unsafe fn takes_bundles(&self) -> bool {
        false
    }
    /// Takes messages that others are going to get, too ([`crate::message::Bundle`]), which count for `traffic`; otherwise as `take`.
    ///
    /// # Safety
    /// The caller has opened the lane.
    unsafe fn take_bundle(&self, bundle: &mut Message, traffic: Traffic) -> bool {
        let _ = (bundle, traffic);
        false
    }
    /// Gives the right back.
    ///
    /// # Safety
    /// The caller has opened the lane.
    unsafe fn close_lane(&self) {}
    /// The right to fetch messages, past the queue (a *feed*); until it is closed, nobody else drives that side. False: not now.
    fn open_feed(&self) -> bool {
        false
    }
    /// Gives a whole message of a single part into `place`, whose old content is dropped. Nothing while the queue holds something
    /// beyond the `taken` parts that the caller has had: that comes first ([`Outlet::is_read`]).
    ///
    /// # Safety
    /// The caller has opened the feed.
    unsafe fn give(&self, place: &mut Message, taken: usize) -> Given {
        let _ = (place, taken);
        Given::Nothing
    }
    /// Gives the right back.
    ///
    /// # Safety
    /// The caller has opened the feed.
    unsafe fn close_feed(&self) {}
    /// The other party keeps back what it took, to move it on with what follows: before you wait, make it go on.
    fn keeps_back(&self) {}
    /// Moves on what it took, if that makes room. Not while the lane is open.
    fn make_room(&self) {}
    /// Puts what it could give into the queue. Not while the feed is open.
    fn give_all(&self) {}
    /// Makes the party close its lane and its feed. False: it is in a call, and may be using them.
    fn reclaim(&self) -> bool {
        true
    }
}

/// What a feed came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Given {
    Message,
    /// A message, and the feed is to be closed.
    Last,
    /// Nothing, and the feed is to be closed.
    Nothing,
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
        End { tx: Outlet::new(forward_tx, second.clone()), rx: Inlet::new(backward_rx, second) },
        End { tx: Outlet::new(backward_tx, first.clone()), rx: Inlet::new(forward_rx, first) },
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

    /// Whether something is open to pass the queues.
    #[inline]
    pub fn is_passing(&self) -> bool {
        self.tx.lane || self.rx.feed
    }

    /// Closes what was opened to pass the queues.
    #[inline]
    pub fn end_passing(&mut self) {
        self.tx.close_lane();
        self.rx.close_feed();
    }

    /// The same, for good: the peer works for another pipe now.
    pub fn stop_passing(&mut self) {
        self.end_passing();
        (self.tx.direct, self.rx.direct) = (false, false);
    }
}

/// The writing half: a sender that tells the peer.
pub struct Outlet {
    sender: Sender,
    peer: Arc<dyn Peer>,
    direct: bool,
    /// The peer's lane is ours: set by its opening alone, and cleared by closing it.
    lane: bool,
}

impl Outlet {
    fn new(sender: Sender, peer: Arc<dyn Peer>) -> Self {
        let direct = peer.is_direct() && !sender.conflates();
        Self { sender, peer, direct, lane: false }
    }

    /// See [`Sender::has_room`].
    #[inline]
    pub fn has_room(&mut self) -> bool {
        self.sender.has_room()
    }

    /// See [`Sender::is_at_small_limit`].
    pub fn is_at_small_limit(&self) -> bool {
        self.sender.is_at_small_limit()
    }

    /// Makes the peer move on what it took. True when there is room then.
    #[cold]
    pub fn make_room(&mut self) -> bool {
        if self.direct {
            self.close_lane();
            self.peer.make_room();
        }
        self.sender.has_room()
    }

    /// Writes a part, and shows the peer the message whose last part it is. Leaves an empty message behind.
    #[inline(always)]
    pub fn send(&mut self, message: &mut Message) {
        if !self.pass(message, false) {
            self.send_queued(message);
        }
    }

    fn send_queued(&mut self, message: &mut Message) {
        let (in_parts, more) = (self.sender.in_message(), message.more());
        self.sender.push_from(message);
        if !more {
            self.show(in_parts);
        }
    }

    /// [`Outlet::send`] of a message that others are going to get, too: it stays as it is.
    #[inline]
    pub fn send_shared(&mut self, message: &mut Message) {
        if self.pass(message, true) {
            return;
        }
        let in_parts = self.sender.in_message();
        self.sender.push(message.share());
        if !message.more() {
            self.show(in_parts);
        }
    }

    /// Hands a message of a single part over past the queue, if that can be done now.
    #[inline(always)]
    fn pass(&mut self, message: &mut Message, shared: bool) -> bool {
        if !self.direct || message.more() || !self.sender.is_shown() {
            return false;
        }
        self.open_lane();
        // SAFETY: the lane is open when it is asked.
        if self.lane && unsafe { self.peer.take(message, shared) } {
            self.sender.count_passed(1);
            return true;
        }
        self.close_lane();
        false
    }

    /// Shows the peer what was written. Messages of several parts go through the queue, so that they can be taken back until they are
    /// complete; who has
    /// a lane gets them on this thread all the same.
    #[inline]
    fn show(&mut self, in_parts: bool) {
        self.flush();
        if self.direct && in_parts {
            self.pass_queued();
        }
    }

    fn pass_queued(&mut self) {
        self.open_lane();
        // SAFETY: the lane is open when it is asked.
        if self.lane && !unsafe { self.peer.take_queued() } {
            self.close_lane();
        }
    }

    /// Prepares for a bundle: how many messages may be in it, if one can be handed over.
    pub fn room_for_bundle(&mut self) -> Option<usize> {
        if !self.direct || !self.sender.is_shown() || self.sender.in_message() {
            return None;
        }
        self.open_lane();
        // SAFETY: the lane is open when it is asked.
        (self.lane && unsafe { self.peer.takes_bundles() }).then(|| self.sender.room())
    }

    /// Hands a bundle over, for which there was room. The messages that were lost, for want of memory.
    pub fn send_bundle(&mut self, bundle: &mut Message, traffic: Traffic) -> u64 {
        // SAFETY: the lane is open when it is asked.
        if self.lane && self.sender.is_shown() && unsafe { self.peer.take_bundle(bundle, traffic) } {
            self.sender.count_passed(traffic.messages as usize);
            return 0;
        }
        self.close_lane();
        let lost =
            Bundle::bodies(bundle.data()).filter(|body| self.sender.push_copy(body, false).is_err()).count();
        self.flush();
        lost as u64
    }

    #[inline]
    fn open_lane(&mut self) {
        self.lane = self.lane || self.peer.open_lane();
    }

    #[inline]
    fn close_lane(&mut self) {
        if std::mem::take(&mut self.lane) {
            // SAFETY: it was open, and is not any more.
            unsafe { self.peer.close_lane() };
        }
    }

    /// Writes a copy of `body` as a part, invisible until [`Outlet::flush`]. Fails with ENOMEM.
    #[inline]
    pub fn push_copy(&mut self, body: &[u8], more: bool) -> Result<()> {
        self.sender.push_copy(body, more)
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
        if !self.sender.flush() {
            return;
        }
        if self.sender.is_full() {
            self.peer.readable_full();
        } else {
            self.peer.readable();
        }
    }

    /// Tells the peer that it can read although the queue is empty: this party will give it something.
    pub fn tell_readable(&self) {
        self.peer.readable();
    }

    /// True when the reader, who has taken so many parts, has taken all that was written.
    #[inline]
    pub fn is_read(&self, taken: usize) -> bool {
        self.sender.is_read(taken)
    }

    /// Drops what was written since the last flush.
    pub fn rollback(&mut self) {
        self.sender.rollback();
    }

    /// See [`Sender::queued`].
    pub fn queued(&mut self) -> usize {
        self.sender.queued()
    }

    /// See [`Sender::conflates`].
    pub fn conflates(&self) -> bool {
        self.sender.conflates()
    }

    /// See [`Sender::is_far_ahead`].
    pub fn is_far_ahead(&mut self) -> bool {
        self.sender.is_far_ahead()
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

impl Drop for Outlet {
    fn drop(&mut self) {
        self.close_lane();
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.close_feed();
    }
}

/// The reading half: a receiver that tells the peer about room.
pub struct Inlet {
    receiver: Receiver,
    peer: Arc<dyn Peer>,
    direct: bool,
    /// The peer's feed is ours, in the same manner.
    feed: bool,
}

impl Inlet {
    fn new(receiver: Receiver, peer: Arc<dyn Peer>) -> Self {
        let direct = peer.is_direct() && !receiver.conflates();
        Self { receiver, peer, direct, feed: false }
    }

    /// How the other party is told.
    pub fn peer(&self) -> Arc<dyn Peer> {
        self.peer.clone()
    }

    /// See [`Receiver::pop`].
    #[inline]
    pub fn pop(&mut self) -> Option<Message> {
        let mut message = self.receiver.pop();
        if message.is_none() && self.direct {
            message = self.pop_direct();
        }
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
        message
    }

    fn pop_direct(&mut self) -> Option<Message> {
        let mut message = Message::new();
        self.give(&mut message).then_some(message)
    }

    /// The peer may have something for the queue, if that is empty; what is in it comes first.
    #[inline]
    fn give(&mut self, place: &mut Message) -> bool {
        self.feed = self.feed || self.peer.open_feed();
        let taken = self.receiver.taken();
        // SAFETY: the feed is open when it is asked.
        let given = if self.feed { unsafe { self.peer.give(place, taken) } } else { Given::Nothing };
        if given != Given::Message {
            self.close_feed();
        }
        // What came of several parts went through the queue after all.
        given != Given::Nothing || self.receiver.pop_into(place)
    }

    #[inline]
    fn close_feed(&mut self) {
        if std::mem::take(&mut self.feed) {
            // SAFETY: it was open, and is not any more.
            unsafe { self.peer.close_feed() };
        }
    }

    /// See [`Receiver::pop_into`].
    #[inline(always)]
    pub fn pop_into(&mut self, place: &mut Message) -> bool {
        // An open feed is asked first: it gives nothing while there is something in the queue.
        let found = if self.feed {
            self.give(place)
        } else {
            self.receiver.pop_into(place) || (self.direct && self.give(place))
        };
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
        found
    }

    /// See [`Receiver::poll`].
    #[inline]
    pub fn poll(&mut self) -> Readiness {
        if self.direct && self.receiver.backlog() == 0 {
            self.close_feed();
            self.peer.give_all();
        }
        let readiness = self.receiver.poll();
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
        readiness
    }

    /// So many messages that went past the queue need no room any more.
    pub fn count_passed(&mut self, count: usize) {
        self.receiver.count_passed(count);
        if self.receiver.take_owed_credit() {
            self.peer.writable();
        }
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

    /// See [`Receiver::queued`].
    pub fn queued(&mut self) -> usize {
        self.receiver.queued()
    }

    /// See [`Receiver::backlog`].
    pub fn backlog(&self) -> usize {
        self.receiver.backlog()
    }

    /// See [`Receiver::limit`].
    pub fn limit(&self) -> usize {
        self.receiver.limit()
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
#[cfg(test)]
pub(crate) mod testing;
#[cfg(all(test, not(loom)))]
mod tests;
