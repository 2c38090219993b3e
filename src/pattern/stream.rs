//! STREAM: plain tcp or ipc peers. The first part names the peer, the second is a piece of its stream.
//!
//! A peer that came or left shows as its id and an empty part (ZMQ_STREAM_NOTIFY), which its link delivers.

use super::{Leftover, LinkTraits, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number as n;
use crate::options::value::parse_bool01;
use crate::routing::{FairQueue, RoutingTable};

/// Where the application is within a message it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Outgoing {
    /// The next part is an id.
    #[default]
    Id,
    /// The next part goes to this peer.
    To(PipeId),
    /// The next part is dropped.
    Nowhere,
}

/// See the module documentation.
pub struct Stream {
    queue: FairQueue,
    table: RoutingTable,
    outgoing: Outgoing,
    notify: bool,
    connect_routing_id: Option<Vec<u8>>,
    /// The id given to the latest peer, which is what ZMQ_ROUTING_ID reads as.
    latest: Vec<u8>,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            queue: FairQueue::default(),
            table: RoutingTable::default(),
            outgoing: Outgoing::default(),
            notify: true,
            connect_routing_id: None,
            latest: Vec::new(),
        }
    }
}

impl Stream {
    fn stop_sending_to(&mut self, id: PipeId) {
        self.table.release(id);
        if self.outgoing == Outgoing::To(id) {
            self.outgoing = Outgoing::Nowhere;
        }
    }

    /// The id part of a message to send. On failure it was not taken as one.
    fn begin_sending(&mut self, pipes: &mut Pipes, message: &mut Message) -> Result<()> {
        self.outgoing = match self.table.find(message.data()) {
            // An id that is the whole message makes the next part its data, for nobody: as in the reference.
            _ if !message.more() => Outgoing::Nowhere,
            Some(id) if pipes.has_room(id) => Outgoing::To(id),
            Some(id) if pipes.is_open(id) => return Err(Errno::AGAIN),
            _ => return Err(Errno::HOST_UNREACHABLE),
        };
        message.clear();
        Ok(())
    }
}

impl Pattern for Stream {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        let claimed = origin.routing_id.as_ref().is_some_and(|name| self.table.claim(name, id));
        if !claimed {
            self.table.claim_automatic(id);
            self.latest = self.table.id(id).unwrap_or_default().to_vec();
        }
        if !pipes.is_open(id) {
            self.table.release(id);
        }
        self.queue.activate(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activate(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.stop_sending_to(id);
        self.queue.close(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.stop_sending_to(id);
        self.queue.remove(pipes, id);
        self.table.forget(id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, _mode: Mode) -> Result<()> {
        match std::mem::take(&mut self.outgoing) {
            Outgoing::Id => return self.begin_sending(pipes, message),
            Outgoing::To(id) if message.is_empty() => pipes.hang_up(id),
            Outgoing::To(id) => {
                message.set_more(false);
                pipes.write(id, message.take());
            }
            Outgoing::Nowhere => {}
        }
        message.clear();
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if self.queue.in_message() {
            return self.queue.recv(pipes).ok_or(Errno::AGAIN);
        }
        let from = self.queue.begin(pipes).ok_or(Errno::AGAIN)?;
        let mut id = Message::from_slice(self.table.id(from).unwrap_or_default())?;
        id.set_more(true);
        if pipes.with_metadata {
            id.set_metadata(pipes.metadata(from).cloned());
        }
        Ok(id)
    }

    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_input(pipes)
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        match option {
            n::ZMQ_STREAM_NOTIFY => Some(parse_bool01(Some(value)).map(|notify| self.notify = notify)),
            n::ZMQ_CONNECT_ROUTING_ID if value.is_empty() => Some(Err(Errno::INVALID)),
            n::ZMQ_CONNECT_ROUTING_ID => {
                self.connect_routing_id = Some(value.to_vec());
                Some(Ok(()))
            }
            _ => None,
        }
    }

    fn link_traits(&self) -> LinkTraits {
        LinkTraits { raw: true, notify_connect: self.notify, notify_disconnect: self.notify }
    }

    fn shown_routing_id(&self) -> Option<&[u8]> {
        (!self.latest.is_empty()).then_some(&self.latest)
    }

    fn take_connect_routing_id(&mut self) -> Result<Option<Vec<u8>>> {
        let name = self.connect_routing_id.take();
        match &name {
            Some(name) if self.table.find(name).is_some() => Err(Errno::ADDRESS_IN_USE),
            _ => Ok(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    #[test]
    fn an_id_then_a_piece_of_the_stream() {
        let (mut world, mut stream) = (World::new(), Stream::default());
        assert!(world.can_send(&mut stream) && !world.can_recv(&mut stream));
        let (a, b) = (world.connect(&mut stream, Some(b"a")), world.accept(&mut stream, b""));
        let automatic = stream.shown_routing_id().unwrap().to_vec();
        assert_eq!(automatic.len(), 5);
        world.peer_sends(b, &[b"GET /"]);
        assert_eq!(world.recv(&mut stream), Ok(vec![automatic.clone(), b"GET /".to_vec()]));
        world.send(&mut stream, &[&automatic, b"200"]).unwrap();
        world.send(&mut stream, &[b"a", b"x"]).unwrap();
        assert_eq!(world.peer_receives(b), Some(parts(&[b"200"])));
        assert_eq!(world.peer_receives(a), Some(parts(&[b"x"])));
        assert_eq!(world.send(&mut stream, &[b"nobody", b"x"]), Err(Errno::HOST_UNREACHABLE));
    }

    #[test]
    fn more_on_the_data_is_ignored_and_a_lone_id_swallows_the_next_part() {
        let (mut world, mut stream) = (World::new(), Stream::default());
        let a = world.connect(&mut stream, Some(b"a"));
        world.send(&mut stream, &[b"a"]).unwrap();
        world.send(&mut stream, &[b"dropped"]).unwrap();
        for bytes in [b"a", b"1", b"a", b"2"] {
            stream.send(&mut world.pipes, &mut part(bytes, true), Mode::NonBlocking).unwrap();
        }
        assert_eq!(world.peer_receives(a), Some(parts(&[b"1"])));
        assert_eq!(world.peer_receives(a), Some(parts(&[b"2"])));
    }

    #[test]
    fn an_empty_part_hangs_up_and_the_dead_are_unreachable() {
        let (mut world, mut stream) = (World::new(), Stream::default());
        let (a, b) = (world.connect(&mut stream, Some(b"a")), world.connect(&mut stream, Some(b"b")));
        world.send(&mut stream, &[b"a", b""]).unwrap();
        assert!(world.pipes.end(a).is_none());
        world.peer_sends(b, &[b"last words"]);
        world.lose(&mut stream, b);
        assert_eq!(world.send(&mut stream, &[b"b", b"x"]), Err(Errno::HOST_UNREACHABLE));
        assert_eq!(world.recv(&mut stream), Ok(parts(&[b"b", b"last words"])));
        assert_eq!(world.recv(&mut stream), Err(Errno::AGAIN));
    }
}
