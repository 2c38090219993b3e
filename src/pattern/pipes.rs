//! The pipes of one socket.
//!
//! A pattern holds [`PipeId`]s and asks this table for everything else, so that a pipe has one owner.

use super::bundling::{Bundling, Step};
use crate::message::{Message, Metadata};
use crate::pipe::{End, Outlet, Readiness};
use std::sync::Arc;

/// A pipe of one socket. Valid from `attach` to `detach` of the pattern; then the number may be used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PipeId(pub u32);

/// Table of the pipes of one socket.
#[derive(Default)]
pub struct Pipes {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    ended: Vec<PipeId>,
    /// Whether parts handed out carry their metadata: wanted by `zmq_msg_recv`, not by `zmq_recv`.
    pub with_metadata: bool,
    /// A pattern has given up looking for something that may still be there.
    pub look_again: bool,
    /// Messages that a pattern did not pass on.
    pub dropped: Dropped,
    /// Something may be open to pass the queues of a pipe.
    passing: bool,
    /// Part of that: what is kept back for several pipes.
    bundling: Bundling,
}

/// Messages that were dropped, by reason. One that goes to several peers counts for each that misses it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// The peer has more waiting than the high-water mark allows.
    pub full: u64,
    /// The peer is unknown, or gone.
    pub unreachable: u64,
    /// No subscription matches what was received.
    pub unwanted: u64,
}

struct Slot {
    end: End,
    /// False once the peer has closed: nothing more may be written.
    writable: bool,
    /// The other end is a socket of the same context.
    inproc: bool,
}

impl Pipes {
    /// Adds a pipe. `inproc`: the other end is a socket of the same context.
    pub fn insert(&mut self, end: End, inproc: bool) -> PipeId {
        let slot = Some(Slot { end, writable: true, inproc });
        match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                PipeId(index)
            }
            None => {
                self.slots.push(slot);
                PipeId(self.slots.len() as u32 - 1)
            }
        }
    }

    /// Takes a pipe out.
    pub fn remove(&mut self, id: PipeId) -> Option<End> {
        self.pass_bundle();
        let slot = self.slots.get_mut(id.0 as usize)?.take()?;
        self.free.push(id.0);
        self.ended.retain(|&ended| ended != id);
        if self.free.len() == self.slots.len() {
            *self = Self { with_metadata: self.with_metadata, dropped: self.dropped, ..Self::default() };
        }
        Some(slot.end)
    }

    /// The end of a pipe.
    #[inline]
    pub fn end(&mut self, id: PipeId) -> Option<&mut End> {
        self.pass_bundle();
        Some(&mut self.slots.get_mut(id.0 as usize)?.as_mut()?.end)
    }

    /// Gives up what was opened to pass the queues: before anything but sending and receiving is done with a socket, and before
    /// it waits.
    #[inline]
    pub fn end_passing(&mut self) {
        if std::mem::take(&mut self.passing) {
            self.pass_bundle();
            self.passing = false;
            self.slots.iter_mut().flatten().for_each(|slot| slot.end.end_passing());
        }
    }

    /// All pipes there are.
    pub fn ids(&self) -> impl Iterator<Item = PipeId> + '_ {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.is_some())
            .map(|(index, _)| PipeId(index as u32))
    }

    /// Number of pipes.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True when there is no pipe.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes that the peer of a pipe is gone: nothing may be written any more.
    pub fn forbid_writing(&mut self, id: PipeId) {
        self.pass_bundle();
        if let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) {
            slot.writable = false;
            slot.end.stop_passing();
            slot.end.tx.rollback();
        }
    }

    /// Whether the next part may be written: the peer is there, and a message may be begun or continued.
    #[inline]
    pub fn has_room(&mut self, id: PipeId) -> bool {
        self.pass_bundle();
        match self.slots.get_mut(id.0 as usize) {
            Some(Some(slot)) => slot.writable && slot.end.tx.has_room(),
            _ => false,
        }
    }

    /// Counts a message that is not passed on to a pipe that has no room; `None`: there is no such pipe.
    pub fn count_drop(&mut self, id: Option<PipeId>) {
        match id {
            Some(id) if self.is_open(id) => self.dropped.full += 1,
            _ => self.dropped.unreachable += 1,
        }
    }

    /// Whether the peer is still there.
    #[inline]
    pub fn is_open(&self, id: PipeId) -> bool {
        matches!(self.slots.get(id.0 as usize), Some(Some(slot)) if slot.writable)
    }

    /// Writes a part; shows it to the peer with the last part of its message. The caller asked for room at the first.
    /// A part for a pipe that is gone is dropped.
    #[inline]
    pub fn write(&mut self, id: PipeId, mut message: Message) {
        self.pass_bundle();
        if let Some(Some(slot)) = self.slots.get_mut(id.0 as usize)
            && slot.writable
        {
            slot.end.tx.send(&mut message);
            self.passing |= slot.end.is_passing();
        }
    }

    /// [`Pipes::has_room`] and [`Pipes::write`] in one: takes the part if it may be written.
    #[inline]
    pub fn try_write(&mut self, id: PipeId, message: &mut Message) -> bool {
        self.pass_bundle();
        self.try_send(id, |outlet| outlet.send(message))
    }

    /// [`Pipes::try_write`] of a message that others are going to get, too: it stays as it is.
    #[inline]
    pub fn try_write_shared(&mut self, id: PipeId, message: &mut Message) -> bool {
        self.pass_bundle();
        self.try_send(id, |outlet| outlet.send_shared(message))
    }

    #[inline(always)]
    fn try_send(&mut self, id: PipeId, send: impl FnOnce(&mut Outlet)) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else { return false };
        if !slot.writable || !slot.end.tx.has_room() {
            return false;
        }
        send(&mut slot.end.tx);
        self.passing |= slot.end.is_passing();
        true
    }

    /// [`Pipes::has_room`], or room can be made: what is in the way can be written now.
    #[inline]
    pub fn finds_room(&mut self, id: PipeId) -> bool {
        self.has_room(id) || self.make_room(id)
    }

    /// See [`crate::pipe::Sender::is_at_small_limit`].
    pub fn is_at_small_limit(&mut self, id: PipeId) -> bool {
        self.end(id).is_some_and(|end| end.tx.is_at_small_limit())
    }

    /// When a pipe had no room: makes room if what is in the way can be written now.
    #[cold]
    pub fn make_room(&mut self, id: PipeId) -> bool {
        self.pass_bundle();
        self.make_room_beside(id)
    }

    /// The same for a pipe that gets nothing of the bundle.
    #[cold]
    fn make_room_beside(&mut self, id: PipeId) -> bool {
        match self.slots.get_mut(id.0 as usize) {
            Some(Some(slot)) => slot.writable && slot.end.tx.make_room(),
            _ => false,
        }
    }

    /// Sends a message to all of the selected pipes, later and together with those that follow, if they go to the same pipes.
    /// False: it has to be sent to each of them.
    #[inline]
    pub fn try_bundle(&mut self, selected: &[PipeId], message: &mut Message) -> bool {
        match self.bundling.next(selected, message) {
            Step::Alone => {
                self.pass_bundle();
                return false;
            }
            Step::Begin if !self.begin_bundle() => return false,
            Step::Begin | Step::Add => {}
        }
        for place in 0..self.bundling.others.len() {
            let id = self.bundling.others[place];
            while !self.try_send(id, |outlet| outlet.send_shared(message)) {
                if !self.make_room_beside(id) {
                    self.count_drop(Some(id));
                    break;
                }
            }
        }
        if self.bundling.add(message) {
            self.pass_bundle();
        }
        message.clear();
        true
    }

    #[cold]
    fn begin_bundle(&mut self) -> bool {
        let Self { slots, bundling, passing, .. } = self;
        bundling.begin(|id| {
            let slot = slots.get_mut(id.0 as usize)?.as_mut().filter(|slot| slot.writable)?;
            let room = slot.end.tx.room_for_bundle();
            *passing |= slot.end.is_passing();
            room
        })
    }

    /// Passes on what was kept back for several pipes.
    #[inline]
    fn pass_bundle(&mut self) {
        if !self.bundling.is_empty() {
            self.pass_bundle_now();
        }
    }

    #[cold]
    fn pass_bundle_now(&mut self) {
        let (bundle, traffic) = self.bundling.take();
        let Ok(mut bundle) = bundle else {
            self.dropped.full += traffic.messages * self.bundling.members.len() as u64;
            return;
        };
        for id in &self.bundling.members {
            let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else { continue };
            if slot.writable {
                self.dropped.full += slot.end.tx.send_bundle(&mut bundle, traffic);
                self.passing |= slot.end.is_passing();
            }
        }
    }

    /// Tells the link at the other end that what follows is meant for the next connection, where it drops what was meant for the last.
    pub fn mark(&mut self, id: PipeId) {
        if self.is_open(id)
            && let Some(end) = self.end(id)
        {
            end.tx.push_uncounted(Message::control(Arc::new(Metadata::new(Vec::new()))));
            end.tx.flush();
        }
    }

    /// Drops the message begun on a pipe and not finished.
    pub fn rollback(&mut self, id: PipeId) {
        if let Some(end) = self.end(id) {
            end.tx.rollback();
        }
    }

    /// [`Pipes::read`] straight into `place`; false when there is nothing.
    #[inline(always)]
    pub fn read_into(&mut self, id: PipeId, place: &mut Message) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else { return false };
        let kept = place.take_metadata();
        let found = slot.end.rx.pop_into(place);
        self.passing |= slot.end.is_passing();
        if !found {
            if slot.end.rx.has_ended() {
                self.mark_ended(id);
            }
            return false;
        }
        if self.with_metadata {
            // Usually the place held the same metadata before: then nothing is counted.
            place.set_metadata(match (kept, slot.end.rx.metadata()) {
                (Some(kept), Some(current)) if Arc::ptr_eq(&kept, current) => Some(kept),
                (_, current) => current.cloned(),
            });
        }
        true
    }

    /// Reads a part. `None`: nothing there now; the pipe sleeps only after [`Pipes::poll`] said so.
    #[inline(always)]
    pub fn read(&mut self, id: PipeId) -> Option<Message> {
        let with_metadata = self.with_metadata;
        let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else { return None };
        // One variable, returned as it is: a message is 64 bytes, and each copy of it counts.
        let mut message = slot.end.rx.pop();
        self.passing |= slot.end.is_passing();
        match &mut message {
            Some(message) if with_metadata => message.set_metadata(slot.end.rx.metadata().cloned()),
            Some(_) => {}
            None if slot.end.rx.has_ended() => self.mark_ended(id),
            None => {}
        }
        message
    }

    /// Whether a part is there. When not, the pipe falls asleep and the pattern's `readable` is called when there is
    /// again; a pipe that has ended is noted for removal.
    #[inline]
    pub fn poll(&mut self, id: PipeId) -> bool {
        let Some(end) = self.end(id) else { return false };
        match end.rx.poll() {
            Readiness::Ready => true,
            Readiness::Asleep => false,
            Readiness::Ended => {
                self.mark_ended(id);
                false
            }
        }
    }

    /// Ends a pipe from this side: the socket removes it, with whatever is unread in it, before the call returns.
    #[cold]
    pub fn hang_up(&mut self, id: PipeId) {
        self.mark_ended(id);
    }

    /// Leaves a peer that is not admitted, or not any more. A socket of the same context is told so by the end of the pipe. A connection
    /// stays, with nobody at this end: it would be made again, and the peer admitted.
    pub fn dismiss(&mut self, id: PipeId) {
        if matches!(self.slots.get(id.0 as usize), Some(Some(slot)) if slot.inproc) {
            self.hang_up(id);
        } else {
            self.poll(id);
        }
    }

    /// Takes what a peer has announced of itself, where a pipe that slept has something. Whether there may be something to read besides; where
    /// there is not, the pipe sleeps again.
    #[inline]
    pub fn take_announcements(&mut self, id: PipeId) -> bool {
        // With an empty queue there is nothing to take, and it was woken for something that can go past it.
        self.end(id).is_some_and(|end| end.rx.backlog() == 0) || self.poll(id)
    }

    #[cold]
    fn mark_ended(&mut self, id: PipeId) {
        if !self.ended.contains(&id) {
            self.ended.push(id);
        }
    }

    /// Pipes found ended since the last call. The socket detaches and removes them.
    #[inline]
    pub fn take_ended(&mut self) -> Option<PipeId> {
        self.ended.pop()
    }

    /// What the stream last announced about the peer.
    pub fn metadata(&self, id: PipeId) -> Option<&Arc<Metadata>> {
        self.slots.get(id.0 as usize)?.as_ref()?.end.rx.metadata()
    }

    /// Routing id the peer announced; `None` before it is known, empty when it announced none.
    pub fn peer_routing_id(&mut self, id: PipeId) -> Option<Vec<u8>> {
        Some(self.end(id)?.rx.metadata()?.routing_id().to_vec())
    }
}
