//! REP: a request from each peer in turn, then the reply to it.
//!
//! A request begins with an envelope: the parts up to and including the first empty one. It is kept and put in
//! front of the reply, so that requests that came through ROUTERs find their way back.

use super::router::RouterOptions;
use super::{Leftover, LinkTraits, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::routing::FairQueue;

/// See the module documentation. Peers are told apart by their pipes, so routing ids do not matter, not even equal ones.
#[derive(Default)]
pub struct Rep {
    queue: FairQueue,
    state: State,
    /// Parts up to and including the delimiter, all with MORE.
    envelope: Vec<Message>,
    /// Whom the reply goes to; `None`: it is dropped.
    requester: Option<PipeId>,
    options: RouterOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    /// No request was begun.
    #[default]
    Idle,
    /// The envelope was taken off, parts of the body follow.
    Receiving,
    /// The request was read; the first part of the reply is due.
    Owing,
    /// Within the reply.
    Replying,
}

impl Rep {
    /// Takes the envelope of the next request off; drops what has none.
    fn find_request(&mut self, pipes: &mut Pipes) -> bool {
        while let Some(from) = self.queue.begin(pipes) {
            self.envelope.clear();
            while let Some(mut part) = self.queue.recv(pipes) {
                if !part.more() {
                    break;
                }
                let is_delimiter = part.is_empty();
                part.prepare_to_send(true);
                self.envelope.push(part);
                if is_delimiter {
                    self.requester = Some(from);
                    self.state = State::Receiving;
                    return true;
                }
            }
        }
        false
    }

    fn begin_reply(&mut self, pipes: &mut Pipes) {
        if !self.requester.is_some_and(|id| pipes.finds_room(id)) {
            pipes.count_drop(self.requester.take());
        }
        for part in self.envelope.drain(..) {
            if let Some(id) = self.requester {
                pipes.write(id, part);
            }
        }
    }

    fn forget(&mut self, id: PipeId) {
        self.requester = self.requester.filter(|&requester| requester != id);
    }
}

impl Pattern for Rep {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        if self.options.probe {
            pipes.try_write(id, &mut Message::new());
        }
        self.queue.activate(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activate(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.forget(id);
        self.queue.close(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.forget(id);
        self.queue.remove(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, _mode: Mode) -> Result<()> {
        match self.state {
            State::Idle | State::Receiving => return Err(Errno::STATE),
            State::Owing => self.begin_reply(pipes),
            State::Replying => {}
        }
        self.state = if message.more() { State::Replying } else { State::Idle };
        let message = message.take();
        if let Some(id) = self.requester {
            pipes.write(id, message);
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if matches!(self.state, State::Owing | State::Replying) {
            return Err(Errno::STATE);
        }
        if self.state == State::Idle && !self.find_request(pipes) {
            return Err(Errno::AGAIN);
        }
        let part = self.queue.recv(pipes);
        if !part.as_ref().is_some_and(Message::more) {
            self.state = if part.is_some() { State::Owing } else { State::Idle };
        }
        part.ok_or(Errno::AGAIN)
    }

    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        matches!(self.state, State::Owing | State::Replying)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            State::Idle => self.find_request(pipes),
            State::Receiving => true,
            State::Owing | State::Replying => false,
        }
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        self.options.set(option, value)
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        self.options.int(option)
    }

    fn can_send_to(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<bool> {
        let ids: Vec<_> = pipes.ids().collect();
        let named = |id: &PipeId| pipes.peer_routing_id(*id).is_some_and(|name| name == routing_id);
        let peer = ids.into_iter().find(named).filter(|_| !routing_id.is_empty());
        Ok(pipes.has_room(peer.ok_or(Errno::HOST_UNREACHABLE)?))
    }

    fn link_traits(&self) -> LinkTraits {
        self.options.link_traits()
    }

    fn take_connect_routing_id(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.options.connect_routing_id.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    #[test]
    fn strictly_in_turn_with_the_envelope_put_back() {
        let (mut world, mut rep) = (World::new(), Rep::default());
        let (a, b) = (world.accept(&mut rep, b"same"), world.accept(&mut rep, b"same"));
        assert_eq!(world.send(&mut rep, &[b"x"]), Err(Errno::STATE));
        assert_eq!(world.recv(&mut rep), Err(Errno::AGAIN));
        world.peer_sends(a, &[b"hop", b"hop2", b"", b"question", b"", b"rest"]);
        world.peer_sends(b, &[b"", b"other"]);
        assert!(world.can_recv(&mut rep) && !world.can_send(&mut rep));
        assert_eq!(world.recv_part(&mut rep).unwrap().data(), b"question");
        assert_eq!(world.send(&mut rep, &[b"x"]), Err(Errno::STATE), "the request is not read to its end");
        assert_eq!(world.recv(&mut rep), Ok(parts(&[b"", b"rest"])));
        assert!(!world.can_recv(&mut rep) && world.can_send(&mut rep));
        assert_eq!(world.recv(&mut rep), Err(Errno::STATE));
        world.send(&mut rep, &[b"answer", b"two"]).unwrap();
        assert_eq!(world.peer_receives(a), Some(parts(&[b"hop", b"hop2", b"", b"answer", b"two"])));
        assert_eq!(world.send(&mut rep, &[b"x"]), Err(Errno::STATE));
        assert_eq!(world.recv(&mut rep), Ok(parts(&[b"other"])));
        world.send(&mut rep, &[b"y"]).unwrap();
        assert_eq!(world.peer_receives(b), Some(parts(&[b"", b"y"])));
    }

    #[test]
    fn requests_without_an_envelope_are_discarded() {
        let (mut world, mut rep) = (World::new(), Rep::default());
        let peer = world.accept(&mut rep, b"");
        world.peer_sends(peer, &[b"no delimiter", b"x"]);
        world.peer_sends(peer, &[b"x", b""]);
        world.peer_sends(peer, &[b""]);
        assert!(!world.can_recv(&mut rep));
        world.peer_sends(peer, &[b"", b"good"]);
        assert_eq!(world.recv(&mut rep), Ok(parts(&[b"good"])));
        world.send(&mut rep, &[b"y"]).unwrap();
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"", b"y"])));
    }

    /// Trap 51.
    #[test]
    fn a_reply_to_a_vanished_or_full_requester_is_dropped() {
        let (mut world, mut rep) = (World::new(), Rep::default());
        let (gone, full) = (world.accept(&mut rep, b""), world.accept_of(&mut rep, b"", 1));
        world.peer_sends(gone, &[b"", b"1"]);
        world.recv(&mut rep).unwrap();
        world.lose(&mut rep, gone);
        world.send(&mut rep, &[b"answer", b"two"]).unwrap();

        world.peer_sends(full, &[b"", b"2"]);
        world.peer_sends(full, &[b"", b"3"]);
        for answer in [b"2", b"3"] {
            world.recv(&mut rep).unwrap();
            world.send(&mut rep, &[answer, b"tail"]).unwrap();
        }
        assert_eq!(world.peer_receives(full), Some(parts(&[b"", b"2", b"tail"])));
        assert_eq!(world.peer_receives(full), None);

        world.peer_sends(full, &[b"", b"4"]);
        world.recv(&mut rep).unwrap();
        rep.send(&mut world.pipes, &mut part(b"half", true), Mode::Blocking).unwrap();
        world.lose(&mut rep, full);
        world.send(&mut rep, &[b"rest"]).unwrap();
        assert!(world.pipes.is_empty());
        assert_eq!(world.recv(&mut rep), Err(Errno::AGAIN));
    }

    #[test]
    fn a_request_half_read_outlives_its_peer() {
        let (mut world, mut rep) = (World::new(), Rep::default());
        let peer = world.accept(&mut rep, b"");
        world.peer_sends(peer, &[b"", b"1", b"2"]);
        assert_eq!(world.recv_part(&mut rep).unwrap().data(), b"1");
        world.lose(&mut rep, peer);
        assert_eq!(world.recv(&mut rep), Ok(parts(&[b"2"])));
        world.send(&mut rep, &[b"answer"]).unwrap();
        assert_eq!(world.recv(&mut rep), Err(Errno::AGAIN));
        assert!(world.pipes.is_empty());
    }
}
