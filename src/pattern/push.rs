//! PUSH: each message to the next peer with room.

use super::{Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::Result;
use crate::message::Message;
use crate::routing::LoadBalancer;

/// See the module documentation. What peers send is never read.
#[derive(Default)]
pub struct Push {
    balancer: LoadBalancer,
}

impl Pattern for Push {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        self.balancer.attach(id);
        pipes.poll(id);
    }

    /// What is announced about the peer with each connection is not to pile up.
    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        pipes.poll(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.balancer.activate(id);
    }

    fn closed(&mut self, _pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.balancer.remove(id);
        Leftover::Discard
    }

    fn detach(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.balancer.remove(id);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        self.balancer.send(pipes, message, mode)
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.balancer.has_room(pipes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;
    use crate::pattern::testing::*;

    #[test]
    fn sends_in_turn_and_never_receives() {
        let (mut world, mut push) = (World::new(), Push::default());
        assert!(!world.can_send(&mut push));
        assert_eq!(world.send(&mut push, &[b"x"]), Err(Errno::AGAIN));
        let (a, b) = (world.accept(&mut push, b""), world.accept(&mut push, b""));
        assert!(world.can_send(&mut push));
        for message in [b"1", b"2", b"3"] {
            world.send(&mut push, &[message, b"tail"]).unwrap();
        }
        assert_eq!(world.peer_receives(a), Some(parts(&[b"1", b"tail"])));
        assert_eq!(world.peer_receives(b), Some(parts(&[b"2", b"tail"])));
        assert_eq!(world.peer_receives(a), Some(parts(&[b"3", b"tail"])));
        world.peer_sends(a, &[b"nobody reads this"]);
        assert_eq!(world.recv(&mut push), Err(Errno::NOT_SUPPORTED));
        assert!(!world.can_recv(&mut push));
        world.lose(&mut push, a);
        assert_eq!(world.pipes.len(), 1);
        world.lose(&mut push, b);
        assert!(world.pipes.is_empty());
        assert_eq!(world.send(&mut push, &[b"x"]), Err(Errno::AGAIN));
    }

    /// Traps 36 and 37.
    #[test]
    fn the_limit_counts_messages() {
        let (mut world, mut push) = (World::new(), Push::default());
        let peer = world.accept_of(&mut push, b"", 3);
        for _ in 0..3 {
            world.send(&mut push, &[b"a", b"b", b"c"]).unwrap();
        }
        assert_eq!(world.send(&mut push, &[b"a", b"b"]), Err(Errno::AGAIN));
        assert!(!world.can_send(&mut push));
        world.peer_receives(peer).unwrap();
        assert!(!world.can_send(&mut push));
        world.peer_receives(peer).unwrap();
        assert!(world.can_send(&mut push));
        world.send(&mut push, &[b"a", b"b"]).unwrap();
    }

    /// Trap 66.
    #[test]
    fn a_cut_message_is_told_once() {
        let (mut world, mut push) = (World::new(), Push::default());
        let a = world.accept(&mut push, b"");
        push.send(&mut world.pipes, &mut part(b"1", true), Mode::NonBlocking).unwrap();
        world.lose(&mut push, a);
        let b = world.accept(&mut push, b"");
        assert_eq!(world.send(&mut push, &[b"2", b"3"]), Err(Errno::AGAIN));
        world.send(&mut push, &[b"2", b"3"]).unwrap();
        assert_eq!(world.peer_receives(b), None);
        world.send(&mut push, &[b"whole"]).unwrap();
        assert_eq!(world.peer_receives(b), Some(parts(&[b"whole"])));
    }
}
