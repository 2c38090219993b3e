//! Load balancing: each message to the next pipe that has room.

use super::PipeList;
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::pattern::{Mode, PipeId, Pipes};

/// Sends to one of several pipes. The first `awake` pipes of the list have room as far as known; the others come
/// back, behind them, through [`LoadBalancer::activate`].
pub struct LoadBalancer {
    pipes: PipeList,
    awake: usize,
    /// Place of the pipe whose turn it is; below `awake`, or 0.
    turn: usize,
    state: State,
    last: PipeId,
}

/// Where the application is within a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Between messages.
    Idle,
    /// Parts were written to this pipe, more follow.
    Within(PipeId),
    /// The pipe died with what was written; the application was not told yet.
    Broken,
    /// It was told; what is left of that message is swallowed.
    Swallowing,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self { pipes: PipeList::default(), awake: 0, turn: 0, state: State::Idle, last: PipeId(u32::MAX) }
    }
}

impl LoadBalancer {
    /// Adds a pipe, behind those that are awake.
    pub fn attach(&mut self, id: PipeId) {
        if self.pipes.push(id) {
            self.activate(id);
        }
    }

    /// A pipe has room again.
    pub fn activate(&mut self, id: PipeId) {
        if let Some(place) = self.pipes.place(id)
            && place >= self.awake
        {
            self.pipes.swap(place, self.awake);
            self.awake += 1;
        }
    }

    /// Forgets a pipe: its peer is gone, or it is about to be removed.
    pub fn remove(&mut self, id: PipeId) {
        if self.state == State::Within(id) {
            self.state = State::Broken;
        }
        let Some(mut place) = self.pipes.place(id) else { return };
        if place < self.awake {
            self.deactivate(place);
            place = self.awake;
        }
        self.pipes.swap_remove(place);
    }

    /// Sends a part. AGAIN: no pipe has room; the part is untouched.
    ///
    /// When the pipe of a message dies within it, the rest is swallowed; a caller that would not wait gets AGAIN once.
    #[inline]
    pub fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        if self.state != State::Idle {
            return self.send_rest(pipes, message, mode);
        }
        let more = message.more();
        while self.awake > 0 {
            let Some(id) = self.pipes.get(self.turn) else { break };
            if pipes.try_write(id, message) || (pipes.make_room(id) && pipes.try_write(id, message)) {
                self.last = id;
                if more {
                    self.state = State::Within(id);
                } else {
                    self.advance();
                }
                return Ok(());
            }
            self.deactivate(self.turn);
        }
        Err(Errno::AGAIN)
    }

    /// Whether a part can be sent now.
    #[inline]
    pub fn has_room(&mut self, pipes: &mut Pipes) -> bool {
        if self.state != State::Idle {
            return true;
        }
        while self.awake > 0 {
            let Some(id) = self.pipes.get(self.turn) else { break };
            if pipes.finds_room(id) {
                return true;
            }
            self.deactivate(self.turn);
        }
        false
    }

    /// True when a message was begun and not finished.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.state != State::Idle
    }

    /// The pipe that the last part went to.
    #[inline]
    pub fn last(&self) -> PipeId {
        self.last
    }

    fn send_rest(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        let more = message.more();
        if let State::Within(id) = self.state {
            if pipes.try_write(id, message) {
                if !more {
                    self.state = State::Idle;
                    self.advance();
                }
                return Ok(());
            }
            pipes.rollback(id);
            pipes.count_drop(None);
            self.state = State::Broken;
        }
        let told = self.state == State::Swallowing || mode == Mode::Blocking;
        self.state = if more { State::Swallowing } else { State::Idle };
        if !told {
            return Err(Errno::AGAIN);
        }
        drop(message.take());
        Ok(())
    }

    #[inline]
    fn advance(&mut self) {
        self.turn += 1;
        if self.turn >= self.awake {
            self.turn = 0;
        }
    }

    fn deactivate(&mut self, place: usize) {
        self.awake -= 1;
        self.pipes.swap(place, self.awake);
        if self.turn >= self.awake {
            self.turn = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    fn balancer(world: &mut World, pipes: &[PipeId]) -> LoadBalancer {
        let mut balancer = LoadBalancer::default();
        for &id in pipes {
            balancer.attach(id);
        }
        assert!(balancer.has_room(&mut world.pipes) || pipes.is_empty());
        balancer
    }

    #[test]
    fn whole_messages_in_turn_first_attached_first() {
        let mut world = World::new();
        let ids = [world.pipe(), world.pipe(), world.pipe()];
        let mut balancer = balancer(&mut world, &ids);
        for number in 0..6_u8 {
            for more in [true, false] {
                balancer.send(&mut world.pipes, &mut part(&[number], more), Mode::NonBlocking).unwrap();
            }
        }
        for (index, id) in ids.into_iter().enumerate() {
            let index = index as u8;
            assert_eq!(world.peer_receives(id), Some(vec![vec![index], vec![index]]));
            assert_eq!(world.peer_receives(id), Some(vec![vec![index + 3], vec![index + 3]]));
            assert_eq!(world.peer_receives(id), None);
        }
    }

    #[test]
    fn full_pipes_are_skipped_until_they_have_room() {
        let mut world = World::new();
        let (small, large) = (world.pipe_of(1), world.pipe_of(3));
        let mut balancer = balancer(&mut world, &[small, large]);
        for _ in 0..4 {
            balancer.send(&mut world.pipes, &mut part(b"x", false), Mode::NonBlocking).unwrap();
        }
        let mut message = part(b"kept", false);
        assert_eq!(balancer.send(&mut world.pipes, &mut message, Mode::NonBlocking), Err(Errno::AGAIN));
        assert_eq!(message.data(), b"kept");
        assert!(!balancer.has_room(&mut world.pipes));
        assert!(world.peer_receives(small).is_some());
        assert!(world.has_room_again(small));
        balancer.activate(small);
        balancer.activate(small);
        assert!(balancer.has_room(&mut world.pipes));
        balancer.send(&mut world.pipes, &mut message, Mode::NonBlocking).unwrap();
        assert_eq!(balancer.last(), small);
        assert_eq!(world.peer_receives(small), Some(vec![b"kept".to_vec()]));
    }

    /// Trap 66.
    #[test]
    fn a_pipe_that_dies_within_a_message_takes_the_message_with_it() {
        for mode in [Mode::NonBlocking, Mode::Blocking] {
            let mut world = World::new();
            let (a, b) = (world.pipe(), world.pipe());
            let mut balancer = balancer(&mut world, &[a, b]);
            balancer.send(&mut world.pipes, &mut part(b"1", true), mode).unwrap();
            world.pipes.forbid_writing(a);
            balancer.remove(a);
            assert!(balancer.has_room(&mut world.pipes));
            let mut second = part(b"2", true);
            match mode {
                Mode::NonBlocking => {
                    assert_eq!(balancer.send(&mut world.pipes, &mut second, mode), Err(Errno::AGAIN));
                    assert_eq!(second.data(), b"2");
                }
                Mode::Blocking => balancer.send(&mut world.pipes, &mut second, mode).unwrap(),
            }
            balancer.send(&mut world.pipes, &mut part(b"3", true), mode).unwrap();
            balancer.send(&mut world.pipes, &mut part(b"4", false), mode).unwrap();
            balancer.send(&mut world.pipes, &mut part(b"next", false), mode).unwrap();
            assert_eq!(world.peer_receives(a), None);
            assert_eq!(world.peer_receives(b), Some(vec![b"next".to_vec()]));
        }
    }

    #[test]
    fn removing_another_pipe_does_not_disturb_a_message() {
        let mut world = World::new();
        let ids = [world.pipe(), world.pipe(), world.pipe()];
        let mut balancer = balancer(&mut world, &ids);
        for _ in 0..2 {
            balancer.send(&mut world.pipes, &mut part(b"x", false), Mode::NonBlocking).unwrap();
        }
        balancer.send(&mut world.pipes, &mut part(b"a", true), Mode::NonBlocking).unwrap();
        balancer.remove(ids[0]);
        balancer.send(&mut world.pipes, &mut part(b"b", false), Mode::NonBlocking).unwrap();
        assert_eq!(world.peer_receives(ids[2]), Some(vec![b"a".to_vec(), b"b".to_vec()]));
        balancer.send(&mut world.pipes, &mut part(b"c", false), Mode::NonBlocking).unwrap();
        balancer.remove(ids[1]);
        balancer.remove(ids[2]);
        assert!(!balancer.has_room(&mut world.pipes));
        assert_eq!(
            balancer.send(&mut world.pipes, &mut part(b"c", false), Mode::Blocking),
            Err(Errno::AGAIN)
        );
    }
}
