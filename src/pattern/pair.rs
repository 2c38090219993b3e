//! PAIR: one peer, both ways. Others may connect and are ignored.

use super::dealer::Dealer;
use super::{Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::Result;
use crate::message::Message;

/// A DEALER that admits one peer at a time. A peer that comes when there is none is admitted even if the one before
/// left something to read; one that was ignored is not promoted.
#[derive(Default)]
pub struct Pair {
    dealer: Dealer,
    peer: Option<PipeId>,
    /// Peers that are gone and left something to read: nearly always none.
    departed: Vec<PipeId>,
}

impl Pair {
    fn is_ours(&self, id: PipeId) -> bool {
        self.peer == Some(id) || self.departed.contains(&id)
    }
}

impl Pattern for Pair {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        if self.peer.is_none() {
            self.peer = Some(id);
            self.dealer.attach(pipes, id, origin);
        } else {
            pipes.dismiss(id);
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.is_ours(id) {
            self.dealer.readable(pipes, id);
        } else {
            pipes.dismiss(id);
        }
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.is_ours(id) {
            self.dealer.writable(pipes, id);
        }
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        if self.peer != Some(id) {
            return Leftover::Discard;
        }
        self.peer = None;
        let leftover = self.dealer.closed(pipes, id);
        if leftover == Leftover::Keep {
            self.departed.push(id);
        }
        leftover
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.is_ours(id) {
            self.dealer.detach(pipes, id);
            self.departed.retain(|&departed| departed != id);
            self.peer = self.peer.filter(|&peer| peer != id);
        }
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        self.dealer.send(pipes, message, mode)
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.dealer.recv(pipes)
    }

    #[inline]
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        self.dealer.recv_into(pipes, place)
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.dealer.can_send(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.dealer.can_recv(pipes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Errno;
    use crate::pattern::testing::*;

    #[test]
    fn the_first_peer_wins_and_others_are_not_promoted() {
        let (mut world, mut pair) = (World::new(), Pair::default());
        assert_eq!(world.send(&mut pair, &[b"x"]), Err(Errno::AGAIN));
        let first = world.accept(&mut pair, b"");
        let second = world.accept(&mut pair, b"");
        world.peer_sends(second, &[b"ignored"]);
        assert!(!world.can_recv(&mut pair));
        for _ in 0..2 {
            world.send(&mut pair, &[b"x", b"y"]).unwrap();
            assert_eq!(world.peer_receives(first), Some(parts(&[b"x", b"y"])));
        }
        world.peer_sends(first, &[b"left", b"behind"]);
        world.lose(&mut pair, first);
        assert_eq!(world.send(&mut pair, &[b"x"]), Err(Errno::AGAIN));
        assert!(!world.can_send(&mut pair));
        let third = world.accept(&mut pair, b"");
        world.send(&mut pair, &[b"z"]).unwrap();
        assert_eq!(world.peer_receives(third), Some(parts(&[b"z"])));
        assert_eq!(world.recv(&mut pair), Ok(parts(&[b"left", b"behind"])));
        assert_eq!(world.recv(&mut pair), Err(Errno::AGAIN));
        world.peer_sends(third, &[b"w"]);
        assert_eq!(world.recv(&mut pair), Ok(parts(&[b"w"])));
        assert_eq!(world.peer_receives(second), None);
        world.lose(&mut pair, second);
        assert_eq!(world.pipes.len(), 1);
    }

    #[test]
    fn a_message_cut_by_the_peers_death_does_not_reach_the_next() {
        let (mut world, mut pair) = (World::new(), Pair::default());
        let first = world.accept(&mut pair, b"");
        pair.send(&mut world.pipes, &mut part(b"1", true), Mode::Blocking).unwrap();
        world.lose(&mut pair, first);
        let next = world.accept(&mut pair, b"");
        pair.send(&mut world.pipes, &mut part(b"2", false), Mode::Blocking).unwrap();
        assert_eq!(world.peer_receives(next), None);
        world.detach(&mut pair, next);
        assert!(!world.can_send(&mut pair));
    }
}
