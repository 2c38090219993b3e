//! Fan-out: each message to all pipes selected for it.

use super::PipeList;
use crate::message::Message;
use crate::pattern::{PipeId, Pipes};

/// Sends to many pipes. Pipes are selected at the first part of a message and stay so for all its parts; a pipe
/// that is full at the first part, or attached later, gets none of it.
#[derive(Default)]
pub struct FanOut {
    pipes: PipeList,
    selected: Vec<PipeId>,
    /// By pipe number: the round in which it was selected last.
    rounds: Vec<u32>,
    round: u32,
    in_message: bool,
}

impl FanOut {
    /// Adds a pipe.
    pub fn attach(&mut self, id: PipeId) {
        let number = id.0 as usize;
        if self.rounds.len() <= number {
            self.rounds.resize(number + 1, 0);
        }
        self.rounds[number] = 0;
        self.pipes.push(id);
    }

    /// Forgets a pipe. False when it was not there.
    pub fn remove(&mut self, id: PipeId) -> bool {
        let Some(place) = self.pipes.place(id) else { return false };
        self.pipes.swap_remove(place);
        self.selected.retain(|&selected| selected != id);
        true
    }

    /// Whether this pipe was attached and not removed.
    pub fn contains(&self, id: PipeId) -> bool {
        self.pipes.place(id).is_some()
    }

    /// All pipes.
    pub fn pipes(&self) -> &[PipeId] {
        self.pipes.as_slice()
    }

    /// True when a message was begun and not finished: then the selection stands.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.in_message
    }

    /// Begins a selection, with no pipe in it.
    #[inline]
    pub fn select_none(&mut self) {
        self.selected.clear();
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.rounds.fill(0);
            self.round = 1;
        }
    }

    /// Adds a pipe to the selection; once, however often it is called.
    #[inline]
    pub fn select(&mut self, id: PipeId) {
        if let Some(round) = self.rounds.get_mut(id.0 as usize)
            && *round != self.round
        {
            *round = self.round;
            self.selected.push(id);
        }
    }

    /// Selects all pipes.
    #[inline]
    pub fn select_all(&mut self) {
        self.selected.clear();
        self.selected.extend_from_slice(self.pipes.as_slice());
    }

    /// Takes a pipe out of the selection: it gets nothing more of the message. False when it was not in it.
    pub fn deselect(&mut self, id: PipeId) -> bool {
        let before = self.selected.len();
        self.selected.retain(|&selected| selected != id);
        self.selected.len() < before
    }

    /// Selects the pipes that are not selected, in place of those that are.
    pub fn invert(&mut self) {
        self.selected.clear();
        let (rounds, round) = (&self.rounds, self.round);
        self.selected.extend(self.pipes.as_slice().iter().filter(|id| rounds[id.0 as usize] != round));
    }

    /// Whether no pipe of the selection would miss the next part (ZMQ_XPUB_NODROP).
    pub fn has_room(&mut self, pipes: &mut Pipes) -> bool {
        self.selected.iter().all(|&id| pipes.has_room(id))
    }

    /// [`FanOut::send`], perhaps later and together with what follows: not for who has to know which peers get it.
    #[inline]
    pub fn send_bundled(&mut self, pipes: &mut Pipes, message: &mut Message) {
        if self.in_message || self.selected.len() < 2 || !pipes.try_bundle(&self.selected, message) {
            self.send(pipes, message);
        }
    }

    /// Sends a part to the selection. Takes the message, also when nobody gets it.
    #[inline]
    pub fn send(&mut self, pipes: &mut Pipes, message: &mut Message) {
        let more = message.more();
        let mut place = 0;
        while let Some(&id) = self.selected.get(place) {
            // The last pipe gets the message itself.
            let is_last = place + 1 == self.selected.len();
            let written =
                if is_last { pipes.try_write(id, message) } else { pipes.try_write_shared(id, message) };
            if written {
                place += 1;
            } else if !pipes.make_room(id) {
                pipes.count_drop(Some(id));
                self.selected.swap_remove(place);
            }
        }
        message.clear();
        self.in_message = more;
        if !more {
            self.selected.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    fn fan_out(pipes: &[PipeId]) -> FanOut {
        let mut fan_out = FanOut::default();
        for &id in pipes {
            fan_out.attach(id);
        }
        fan_out
    }

    #[test]
    fn all_selected_pipes_get_one_copy() {
        let mut world = World::new();
        let ids = [world.pipe(), world.pipe(), world.pipe()];
        let mut fan_out = fan_out(&ids);
        fan_out.select_none();
        for id in [ids[0], ids[2], ids[0]] {
            fan_out.select(id);
        }
        let mut message = part(&[7; 100], false);
        fan_out.send(&mut world.pipes, &mut message);
        assert!(message.is_empty());
        assert_eq!(world.peer_receives(ids[0]), Some(vec![vec![7; 100]]));
        assert_eq!(world.peer_receives(ids[1]), None);
        assert_eq!(world.peer_receives(ids[2]), Some(vec![vec![7; 100]]));
        assert_eq!(world.peer_receives(ids[0]), None);

        fan_out.select_none();
        fan_out.select(ids[0]);
        fan_out.invert();
        fan_out.send(&mut world.pipes, &mut part(b"x", false));
        let got: Vec<_> = ids.iter().map(|&id| world.peer_receives(id).is_some()).collect();
        assert_eq!(got, [false, true, true]);
    }

    #[test]
    fn a_full_pipe_misses_a_message_as_a_whole() {
        let mut world = World::new();
        let (small, large) = (world.pipe_of(1), world.pipe_of(9));
        let mut fan_out = fan_out(&[small, large]);
        let mut send = |world: &mut World, byte: u8, more| {
            if !fan_out.in_message() {
                fan_out.select_all();
            }
            let room = fan_out.has_room(&mut world.pipes);
            fan_out.send(&mut world.pipes, &mut part(&[byte], more));
            room
        };
        assert!(send(&mut world, 1, false));
        assert!(!send(&mut world, 2, true));
        assert_eq!(world.peer_receives(small), Some(vec![vec![1]]));
        assert!(send(&mut world, 3, false), "who missed the first part is out of the message");
        assert_eq!(world.peer_receives(small), None);
        assert!(send(&mut world, 4, true));
        assert!(send(&mut world, 5, false), "a message begun can be finished");
        assert_eq!(world.peer_receives(small), Some(vec![vec![4], vec![5]]));
        for expected in [vec![vec![1]], vec![vec![2], vec![3]], vec![vec![4], vec![5]]] {
            assert_eq!(world.peer_receives(large), Some(expected));
        }
    }

    #[test]
    fn pipes_join_and_leave_between_messages() {
        let mut world = World::new();
        let (a, b, late) = (world.pipe(), world.pipe(), world.pipe());
        let mut fan_out = fan_out(&[a, b]);
        fan_out.select_all();
        fan_out.send(&mut world.pipes, &mut part(b"1", true));
        fan_out.attach(late);
        assert!(fan_out.remove(b));
        assert!(!fan_out.remove(b));
        fan_out.send(&mut world.pipes, &mut part(b"2", false));
        assert_eq!(world.peer_receives(a), Some(vec![b"1".to_vec(), b"2".to_vec()]));
        assert_eq!(world.peer_receives(b), None);
        assert_eq!(world.peer_receives(late), None);
        assert!(fan_out.contains(late) && !fan_out.contains(b));
    }

    #[test]
    fn rounds_may_wrap() {
        let mut world = World::new();
        let a = world.pipe();
        let mut fan_out = fan_out(&[a]);
        fan_out.round = u32::MAX;
        fan_out.rounds[a.0 as usize] = 1;
        fan_out.select_none();
        fan_out.select(a);
        assert_eq!(fan_out.selected, [a]);
    }
}
