//! For tests: pipes whose other ends are in the test's hands, and a socket that only passes news on.

use super::{Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::Result;
use crate::message::{Message, Metadata};
use crate::pipe::testing::Lane;
use crate::pipe::{End, Limits, Peer, pipe};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

/// What a party was told.
#[derive(Default)]
struct News {
    readable: Mutex<bool>,
    writable: Mutex<bool>,
    closed: Mutex<bool>,
}

impl Peer for News {
    fn readable(&self) {
        *self.readable.lock() = true;
    }
    fn writable(&self) {
        *self.writable.lock() = true;
    }
    fn closed(&self) {
        *self.closed.lock() = true;
    }
}

struct Link {
    far: Option<End>,
    near: Arc<News>,
}

/// The pipes of a socket under test.
pub(crate) struct World {
    pub(crate) pipes: Pipes,
    links: BTreeMap<PipeId, Link>,
}

/// A part.
pub(crate) fn part(bytes: &[u8], more: bool) -> Message {
    let mut message = Message::from_slice(bytes).unwrap();
    message.set_more(more);
    message
}

/// Parts of a message as bytes.
pub(crate) fn parts(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.to_vec()).collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self { pipes: Pipes::default(), links: BTreeMap::new() }
    }

    /// A pipe without limits.
    pub(crate) fn pipe(&mut self) -> PipeId {
        self.pipe_of(0)
    }

    /// A pipe that takes so many messages from the socket.
    pub(crate) fn pipe_of(&mut self, limit: usize) -> PipeId {
        let limits =
            Limits { forward: limit, backward: 0, conflate_forward: false, conflate_backward: false };
        self.pipe_to(limits, Arc::new(News::default()))
    }

    /// A pipe to a party that takes messages past the queue.
    pub(crate) fn pipe_with_lane(&mut self, limit: usize) -> (PipeId, Arc<Lane>) {
        let limits =
            Limits { forward: limit, backward: 0, conflate_forward: false, conflate_backward: false };
        let lane = Arc::new(Lane::default());
        (self.pipe_to(limits, lane.clone()), lane)
    }

    fn pipe_to(&mut self, limits: Limits, peer: Arc<dyn Peer>) -> PipeId {
        let near = Arc::new(News::default());
        let (end, far) = pipe(limits, near.clone(), peer);
        let id = self.pipes.insert(end, false);
        self.links.insert(id, Link { far: Some(far), near });
        id
    }

    fn far(&mut self, id: PipeId) -> Option<&mut End> {
        self.links.get_mut(&id)?.far.as_mut()
    }

    pub(crate) fn peer_sends(&mut self, id: PipeId, parts: &[&[u8]]) {
        for (index, bytes) in parts.iter().enumerate() {
            self.peer_sends_part(id, part(bytes, index + 1 < parts.len()));
        }
    }

    pub(crate) fn peer_sends_part(&mut self, id: PipeId, message: Message) {
        let tx = &mut self.far(id).unwrap().tx;
        let more = message.more();
        tx.push(message);
        if !more {
            tx.flush();
        }
    }

    pub(crate) fn peer_announces(&mut self, id: PipeId, routing_id: &[u8]) {
        let metadata = Arc::new(Metadata::new(routing_id.to_vec()));
        let tx = &mut self.far(id).unwrap().tx;
        tx.push_uncounted(Message::control(metadata));
        tx.flush();
    }

    pub(crate) fn peer_receives_part(&mut self, id: PipeId) -> Option<Message> {
        self.far(id)?.rx.pop()
    }

    pub(crate) fn peer_receives(&mut self, id: PipeId) -> Option<Vec<Vec<u8>>> {
        let mut message = Vec::new();
        loop {
            let part = self.peer_receives_part(id)?;
            message.push(part.data().to_vec());
            if !part.more() {
                return Some(message);
            }
        }
    }

    pub(crate) fn peer_closes(&mut self, id: PipeId) {
        self.links.get_mut(&id).unwrap().far.take().unwrap().close();
    }

    pub(crate) fn woken(&self, id: PipeId) -> bool {
        take(&mut *self.links[&id].near.readable.lock())
    }

    pub(crate) fn has_room_again(&self, id: PipeId) -> bool {
        take(&mut *self.links[&id].near.writable.lock())
    }

    /// A connection that was accepted, with a peer that announced this routing id.
    pub(crate) fn accept(&mut self, pattern: &mut dyn Pattern, routing_id: &[u8]) -> PipeId {
        self.accept_of(pattern, routing_id, 0)
    }

    /// The same with a limit.
    pub(crate) fn accept_of(&mut self, pattern: &mut dyn Pattern, routing_id: &[u8], limit: usize) -> PipeId {
        let id = self.pipe_of(limit);
        self.peer_announces(id, routing_id);
        pattern.attach(&mut self.pipes, id, &Origin::default());
        id
    }

    /// A connection of our own, not yet established.
    pub(crate) fn connect(&mut self, pattern: &mut dyn Pattern, routing_id: Option<&[u8]>) -> PipeId {
        let id = self.pipe();
        let routing_id = routing_id.map(<[u8]>::to_vec);
        pattern.attach(&mut self.pipes, id, &Origin { connected: true, inproc: false, routing_id });
        id
    }

    /// The peer closes, and the socket hears of it.
    pub(crate) fn lose(&mut self, pattern: &mut dyn Pattern, id: PipeId) {
        self.peer_closes(id);
        self.pump(pattern);
    }

    /// The application disconnects.
    pub(crate) fn detach(&mut self, pattern: &mut dyn Pattern, id: PipeId) {
        pattern.detach(&mut self.pipes, id);
        self.pipes.remove(id);
        self.links.remove(&id);
    }

    /// Passes on what the socket was told.
    pub(crate) fn pump(&mut self, pattern: &mut dyn Pattern) {
        let links: Vec<_> = self.links.iter().map(|(&id, link)| (id, link.near.clone())).collect();
        for (id, news) in links {
            if take(&mut *news.readable.lock()) {
                pattern.readable(&mut self.pipes, id);
            }
            if take(&mut *news.writable.lock()) {
                pattern.writable(&mut self.pipes, id);
            }
            if take(&mut *news.closed.lock()) {
                self.pipes.forbid_writing(id);
                if pattern.closed(&mut self.pipes, id) == Leftover::Discard {
                    self.detach(pattern, id);
                }
            }
        }
        while let Some(id) = self.pipes.take_ended() {
            self.detach(pattern, id);
        }
    }

    pub(crate) fn send(&mut self, pattern: &mut dyn Pattern, parts: &[&[u8]]) -> Result<()> {
        self.pump(pattern);
        for (index, bytes) in parts.iter().enumerate() {
            let mut message = part(bytes, index + 1 < parts.len());
            let result = pattern.send(&mut self.pipes, &mut message, Mode::NonBlocking);
            match result {
                Ok(()) => assert!(message.is_empty() && !message.more(), "taken on success"),
                Err(_) => assert_eq!(&message.data(), bytes, "untouched on failure"),
            }
            result?;
        }
        self.pump(pattern);
        Ok(())
    }

    pub(crate) fn recv_part(&mut self, pattern: &mut dyn Pattern) -> Result<Message> {
        self.pump(pattern);
        let result = pattern.recv(&mut self.pipes);
        self.pump(pattern);
        result
    }

    pub(crate) fn recv(&mut self, pattern: &mut dyn Pattern) -> Result<Vec<Vec<u8>>> {
        let mut message = Vec::new();
        loop {
            let part = self.recv_part(pattern)?;
            message.push(part.data().to_vec());
            if !part.more() {
                return Ok(message);
            }
        }
    }

    pub(crate) fn can_recv(&mut self, pattern: &mut dyn Pattern) -> bool {
        self.pump(pattern);
        let can = pattern.can_recv(&mut self.pipes);
        self.pump(pattern);
        can
    }

    pub(crate) fn can_send(&mut self, pattern: &mut dyn Pattern) -> bool {
        self.pump(pattern);
        pattern.can_send(&mut self.pipes)
    }

    /// Sets an integer option.
    pub(crate) fn set(&mut self, pattern: &mut dyn Pattern, option: i32, value: i32) -> Option<Result<()>> {
        pattern.set_option(&mut self.pipes, option, &value.to_ne_bytes())
    }
}
