//! Fair queueing: one whole message from each pipe that has input, in turn.

use super::PipeList;
use crate::message::Message;
use crate::pattern::{Leftover, PipeId, Pipes};
use std::collections::VecDeque;

/// Receives from several pipes. Holds the pipes that are awake; the others come back through [`FairQueue::activate`].
pub struct FairQueue {
    awake: PipeList,
    /// Place of the pipe whose turn it is; within `awake`, or 0 when that is empty.
    turn: usize,
    /// The pipe of the message that was begun and not finished.
    current: Option<PipeId>,
    /// What remains of that message when its pipe is already gone.
    salvaged: VecDeque<Message>,
    last: PipeId,
}

impl Default for FairQueue {
    fn default() -> Self {
        Self {
            awake: PipeList::default(),
            turn: 0,
            current: None,
            salvaged: VecDeque::new(),
            last: PipeId(u32::MAX),
        }
    }
}

impl FairQueue {
    /// A pipe is new, or was woken.
    #[inline]
    pub fn activate(&mut self, id: PipeId) {
        self.awake.push(id);
    }

    /// The peer of a pipe is gone. Says whether it still holds input; if not, the pipe is forgotten.
    pub fn close(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        if pipes.poll(id) {
            self.activate(id);
            return Leftover::Keep;
        }
        self.remove(pipes, id);
        Leftover::Discard
    }

    /// Forgets a pipe. A message that was begun can still be received to its end.
    pub fn remove(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.current == Some(id) && self.salvaged.is_empty() {
            self.salvage(pipes, id);
        }
        if let Some(place) = self.awake.place(id) {
            self.drop_at(place);
        }
    }

    /// Takes the next part.
    #[inline(always)]
    pub fn recv(&mut self, pipes: &mut Pipes) -> Option<Message> {
        if self.current.is_some() {
            return self.recv_rest(pipes);
        }
        loop {
            let id = self.awake.get(self.turn)?;
            let message = pipes.read(id);
            if let Some(first) = &message {
                self.last = id;
                if first.more() {
                    self.current = Some(id);
                } else {
                    self.advance();
                }
                return message;
            }
            if !pipes.poll(id) {
                self.drop_at(self.turn);
            }
        }
    }

    /// [`FairQueue::recv`] straight into `place`; false when there is nothing.
    #[inline(always)]
    pub fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> bool {
        if self.current.is_some() {
            return self.recv_rest_into(pipes, place);
        }
        while let Some(id) = self.awake.get(self.turn) {
            if pipes.read_into(id, place) {
                self.last = id;
                if place.more() {
                    self.current = Some(id);
                } else {
                    self.advance();
                }
                return true;
            }
            if !pipes.poll(id) {
                self.drop_at(self.turn);
            }
        }
        false
    }

    /// The pipe that the next message comes from.
    #[inline]
    pub fn next(&mut self, pipes: &mut Pipes) -> Option<PipeId> {
        if self.find(pipes) { self.awake.get(self.turn) } else { None }
    }

    /// Begins the next message without taking any of it: the pipe it comes from.
    #[inline]
    pub fn begin(&mut self, pipes: &mut Pipes) -> Option<PipeId> {
        let next = self.next(pipes)?;
        self.current = Some(next);
        self.current
    }

    /// Whether a part can be taken now.
    #[inline]
    pub fn has_input(&mut self, pipes: &mut Pipes) -> bool {
        self.current.is_some() || self.find(pipes)
    }

    /// True when a message was begun and not finished.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.current.is_some()
    }

    /// The pipe that the last part came from.
    #[inline]
    pub fn last(&self) -> PipeId {
        self.last
    }

    /// Drops the rest of the message that was begun.
    pub fn skip_message(&mut self, pipes: &mut Pipes) {
        while self.in_message() && self.recv_rest(pipes).is_some() {}
    }

    /// Moves the turn to a pipe with input.
    #[inline]
    fn find(&mut self, pipes: &mut Pipes) -> bool {
        while let Some(id) = self.awake.get(self.turn) {
            if pipes.poll(id) {
                return true;
            }
            self.drop_at(self.turn);
        }
        false
    }

    fn recv_rest(&mut self, pipes: &mut Pipes) -> Option<Message> {
        let mut message = Message::new();
        self.recv_rest_into(pipes, &mut message).then_some(message)
    }

    fn recv_rest_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> bool {
        let Some(id) = self.current else { return false };
        if !self.salvaged.is_empty() {
            return self.take_salvaged(place);
        }
        let found = pipes.read_into(id, place);
        self.last = id;
        // Messages are in the pipe as a whole, so nothing can only mean that somebody emptied it.
        if !found || !place.more() {
            self.current = None;
            if self.awake.get(self.turn) == Some(id) {
                self.advance();
            }
        }
        found
    }

    #[cold]
    fn take_salvaged(&mut self, place: &mut Message) -> bool {
        let Some(message) = self.salvaged.pop_front() else { return false };
        if !message.more() {
            self.current = None;
        }
        *place = message;
        true
    }

    #[cold]
    fn salvage(&mut self, pipes: &mut Pipes, id: PipeId) {
        let with_metadata = std::mem::replace(&mut pipes.with_metadata, true);
        while let Some(message) = pipes.read(id) {
            let more = message.more();
            self.salvaged.push_back(message);
            if !more {
                break;
            }
        }
        pipes.with_metadata = with_metadata;
        if self.salvaged.is_empty() {
            self.current = None;
        }
    }

    #[inline]
    fn advance(&mut self) {
        self.turn += 1;
        if self.turn >= self.awake.len() {
            self.turn = 0;
        }
    }

    fn drop_at(&mut self, place: usize) {
        self.awake.swap_remove(place);
        if self.turn >= self.awake.len() {
            self.turn = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    #[test]
    fn one_whole_message_per_pipe_in_turn() {
        let mut world = World::new();
        let mut queue = FairQueue::default();
        let peers: Vec<_> = (0..3).map(|_| world.pipe()).collect();
        for (index, peer) in peers.iter().enumerate() {
            for round in 0..3 {
                world.peer_sends(*peer, &[&[index as u8], &[round]]);
            }
            queue.activate(*peer);
        }
        let mut seen = Vec::new();
        while let Some(part) = queue.recv(&mut world.pipes) {
            seen.push(part.data()[0]);
        }
        assert_eq!(seen, [0, 0, 1, 0, 2, 0, 0, 1, 1, 1, 2, 1, 0, 2, 1, 2, 2, 2]);
        assert!(!queue.has_input(&mut world.pipes));
        world.peer_sends(peers[1], &[b"x"]);
        assert!(world.woken(peers[1]), "an empty pipe sleeps");
        queue.activate(peers[1]);
        queue.activate(peers[1]);
        assert!(queue.has_input(&mut world.pipes));
        assert_eq!(queue.recv(&mut world.pipes).unwrap().data(), b"x");
        assert_eq!(queue.last(), peers[1]);
        assert!(queue.recv(&mut world.pipes).is_none());
    }

    #[test]
    fn a_message_begun_survives_the_removal_of_its_pipe() {
        let mut world = World::new();
        let mut queue = FairQueue::default();
        let (a, b) = (world.pipe(), world.pipe());
        world.peer_sends(a, &[b"1", b"2", b"3"]);
        world.peer_sends(a, &[b"lost"]);
        world.peer_sends(b, &[b"b"]);
        queue.activate(a);
        queue.activate(b);
        assert_eq!(queue.recv(&mut world.pipes).unwrap().data(), b"1");
        queue.remove(&mut world.pipes, a);
        world.pipes.remove(a);
        let parts: Vec<_> = std::iter::from_fn(|| queue.recv(&mut world.pipes)).collect();
        assert_eq!(parts.iter().map(Message::data).collect::<Vec<_>>(), [b"2", b"3", b"b"]);
        assert!(parts[0].more() && !parts[1].more());
    }

    #[test]
    fn a_closed_pipe_is_kept_while_it_has_input() {
        let mut world = World::new();
        let mut queue = FairQueue::default();
        let (a, b) = (world.pipe(), world.pipe());
        for id in [a, b] {
            queue.activate(id);
        }
        assert!(!queue.has_input(&mut world.pipes));
        world.peer_sends(a, &[b"x"]);
        world.peer_closes(a);
        world.peer_closes(b);
        assert_eq!(queue.close(&mut world.pipes, a), Leftover::Keep);
        assert_eq!(queue.close(&mut world.pipes, b), Leftover::Discard);
        world.pipes.remove(b);
        assert_eq!(queue.recv(&mut world.pipes).unwrap().data(), b"x");
        assert!(queue.recv(&mut world.pipes).is_none());
        assert_eq!(world.pipes.take_ended(), Some(a));
        assert_eq!(world.pipes.take_ended(), None);
    }

    #[test]
    fn a_message_can_be_begun_before_it_is_taken() {
        let mut world = World::new();
        let mut queue = FairQueue::default();
        let (a, b) = (world.pipe(), world.pipe());
        assert_eq!(queue.begin(&mut world.pipes), None);
        for id in [a, b] {
            world.peer_sends(id, &[b"x", b"y"]);
            queue.activate(id);
        }
        assert_eq!(queue.begin(&mut world.pipes), Some(a));
        queue.skip_message(&mut world.pipes);
        assert_eq!(queue.begin(&mut world.pipes), Some(b));
        assert!(queue.recv(&mut world.pipes).unwrap().more());
        assert!(!queue.recv(&mut world.pipes).unwrap().more());
        assert!(!queue.in_message());
        assert_eq!(queue.begin(&mut world.pipes), None);
    }
}
