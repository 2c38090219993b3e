//! PULL: one message from each peer in turn.

use super::{Leftover, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::routing::FairQueue;

/// See the module documentation.
#[derive(Default)]
pub struct Pull {
    queue: FairQueue,
}

impl Pattern for Pull {
    fn attach(&mut self, _pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        self.queue.activate(id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activate(id);
    }

    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.queue.close(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.queue.remove(pipes, id);
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.queue.recv(pipes).ok_or(Errno::AGAIN)
    }

    #[inline]
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        if self.queue.recv_into(pipes, place) { Ok(()) } else { Err(Errno::AGAIN) }
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_input(pipes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    #[test]
    fn receives_in_turn_and_never_sends() {
        let (mut world, mut pull) = (World::new(), Pull::default());
        assert_eq!(world.recv(&mut pull), Err(Errno::AGAIN));
        let (a, b) = (world.accept(&mut pull, b""), world.accept(&mut pull, b""));
        assert!(!world.can_recv(&mut pull), "what a connection announces is no message");
        world.peer_sends(a, &[b"a1"]);
        world.peer_sends(a, &[b"a2"]);
        world.peer_sends(b, &[b"b1", b"more"]);
        assert!(world.can_recv(&mut pull));
        assert_eq!(world.recv(&mut pull), Ok(parts(&[b"a1"])));
        assert_eq!(world.recv(&mut pull), Ok(parts(&[b"b1", b"more"])));
        assert_eq!(world.recv(&mut pull), Ok(parts(&[b"a2"])));
        assert_eq!(world.recv(&mut pull), Err(Errno::AGAIN));
        assert_eq!(world.send(&mut pull, &[b"x"]), Err(Errno::NOT_SUPPORTED));
        assert!(!world.can_send(&mut pull));
    }

    #[test]
    fn what_a_peer_left_behind_is_read_and_its_pipe_goes() {
        let (mut world, mut pull) = (World::new(), Pull::default());
        let peer = world.accept(&mut pull, b"");
        assert!(!world.can_recv(&mut pull));
        world.peer_sends(peer, &[b"1", b"2"]);
        world.lose(&mut pull, peer);
        assert_eq!(world.pipes.len(), 1);
        assert_eq!(world.recv(&mut pull), Ok(parts(&[b"1", b"2"])));
        assert_eq!(world.recv(&mut pull), Err(Errno::AGAIN));
        assert!(world.pipes.is_empty());
    }

    /// Trap 33.
    #[test]
    fn a_disconnect_discards_what_was_not_read() {
        let (mut world, mut pull) = (World::new(), Pull::default());
        let peer = world.connect(&mut pull, None);
        world.peer_sends(peer, &[b"1", b"2"]);
        world.peer_sends(peer, &[b"3"]);
        assert!(pull.recv(&mut world.pipes).unwrap().more());
        world.detach(&mut pull, peer);
        assert_eq!(pull.recv(&mut world.pipes).unwrap().data(), b"2", "never a truncated message");
        assert_eq!(world.recv(&mut pull), Err(Errno::AGAIN));
    }
}
