//! DEALER: sends to its peers in turn, receives from them in turn.

use super::{Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::{number::ZMQ_PROBE_ROUTER, value::parse_nonnegative_flag};
use crate::routing::{FairQueue, LoadBalancer};

/// See the module documentation. Also what PAIR and REQ are made of.
#[derive(Default)]
pub struct Dealer {
    pub(super) queue: FairQueue,
    pub(super) balancer: LoadBalancer,
    probe: bool,
}

impl Pattern for Dealer {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        if self.probe {
            pipes.try_write(id, &mut Message::new());
        }
        self.balancer.attach(id);
        if pipes.poll(id) {
            self.queue.activate(id);
        }
    }

    /// Looks at once, also for who only sends: what is announced about the peer with each connection is not to pile up.
    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        if pipes.take_announcements(id) {
            self.queue.activate(id);
        }
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.balancer.activate(id);
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.balancer.remove(id);
        self.queue.close(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.balancer.remove(id);
        self.queue.remove(pipes, id);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        self.balancer.send(pipes, message, mode)
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.queue.recv(pipes).ok_or(Errno::AGAIN)
    }

    #[inline]
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        if self.queue.recv_into(pipes, place) { Ok(()) } else { Err(Errno::AGAIN) }
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.balancer.has_room(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_input(pipes)
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        (option == ZMQ_PROBE_ROUTER)
            .then(|| parse_nonnegative_flag(Some(value)).map(|probe| self.probe = probe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    #[test]
    fn sends_and_receives_in_turn() {
        let (mut world, mut dealer) = (World::new(), Dealer::default());
        assert!(!world.can_send(&mut dealer) && !world.can_recv(&mut dealer));
        let (a, b) = (world.connect(&mut dealer, None), world.accept(&mut dealer, b"b"));
        for message in [b"1", b"2", b"3"] {
            world.send(&mut dealer, &[message]).unwrap();
        }
        assert_eq!(world.peer_receives(a), Some(parts(&[b"1"])));
        assert_eq!(world.peer_receives(b), Some(parts(&[b"2"])));
        assert_eq!(world.peer_receives(a), Some(parts(&[b"3"])));
        world.peer_sends(a, &[b"x"]);
        world.peer_sends(b, &[b"y", b"z"]);
        assert_eq!(world.recv(&mut dealer), Ok(parts(&[b"x"])));
        assert_eq!(world.recv(&mut dealer), Ok(parts(&[b"y", b"z"])));
        world.peer_sends(a, &[b"last words"]);
        world.lose(&mut dealer, a);
        world.send(&mut dealer, &[b"4"]).unwrap();
        assert_eq!(world.peer_receives(b), Some(parts(&[b"4"])), "nothing is sent to the dead");
        assert_eq!(world.recv(&mut dealer), Ok(parts(&[b"last words"])));
        assert_eq!(world.recv(&mut dealer), Err(Errno::AGAIN));
        assert_eq!(world.pipes.len(), 1);
    }

    #[test]
    fn probe_and_metadata() {
        let (mut world, mut dealer) = (World::new(), Dealer::default());
        assert_eq!(world.set(&mut dealer, ZMQ_PROBE_ROUTER, -1), Some(Err(Errno::INVALID)));
        assert_eq!(world.set(&mut dealer, ZMQ_PROBE_ROUTER, 2), Some(Ok(())));
        assert_eq!(world.set(&mut dealer, 33, 1), None);
        let peer = world.accept(&mut dealer, b"me");
        assert_eq!(world.peer_receives(peer), Some(parts(&[b""])));
        world.peer_sends(peer, &[b"x"]);
        world.peer_sends(peer, &[b"y"]);
        assert!(world.recv_part(&mut dealer).unwrap().metadata().is_none());
        world.pipes.with_metadata = true;
        assert_eq!(world.recv_part(&mut dealer).unwrap().metadata().unwrap().routing_id(), b"me");
    }
}
