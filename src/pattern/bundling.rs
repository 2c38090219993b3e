//! Messages in a row that go to the same pipes, passed on together.
//!
//! A publisher in a burst would copy each message into the batch of each of its peers. Where messages go to the same
//! peers one after another, they are laid out once, and the peers' batches refer to the whole.

use super::PipeId;
use crate::config::BUNDLE_AFTER;
use crate::message::{Bundle, Message};

/// See the module documentation.
#[derive(Default)]
pub(super) struct Bundling {
    bundle: Bundle,
    /// Who gets what is in it.
    pub(super) members: Vec<PipeId>,
    /// Who gets the same messages one by one.
    pub(super) others: Vec<PipeId>,
    /// All of them, in the order in which they were selected.
    selection: Vec<PipeId>,
    /// Messages in a row since that has changed.
    same: u32,
    /// Messages that may be added.
    room: usize,
}

/// What is to be done with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It goes to each pipe on its own, after what is in the bundle.
    Alone,
    /// A bundle may be begun.
    Begin,
    /// It may be added.
    Add,
}

impl Bundling {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.bundle.is_empty()
    }

    /// A message is about to go to these pipes.
    #[inline]
    pub(super) fn next(&mut self, selection: &[PipeId], message: &Message) -> Step {
        if self.selection != selection {
            self.note_change(selection);
            return Step::Alone;
        }
        if !Bundle::suits(message) {
            return Step::Alone;
        }
        if !self.bundle.is_empty() {
            return if self.room > 0 { Step::Add } else { Step::Alone };
        }
        self.same += 1;
        if self.same > BUNDLE_AFTER { Step::Begin } else { Step::Alone }
    }

    #[cold]
    fn note_change(&mut self, selection: &[PipeId]) {
        self.selection.clear();
        self.selection.extend_from_slice(selection);
        self.same = 0;
    }

    /// Begins a bundle: `room` says how many messages a pipe takes in it, if any. False: too few take part.
    pub(super) fn begin(&mut self, mut room: impl FnMut(PipeId) -> Option<usize>) -> bool {
        self.members.clear();
        self.others.clear();
        self.room = usize::MAX;
        for &id in &self.selection {
            match room(id).filter(|&room| room > BUNDLE_AFTER as usize) {
                Some(room) => {
                    self.members.push(id);
                    self.room = self.room.min(room);
                }
                None => self.others.push(id),
            }
        }
        self.same = 0;
        self.members.len() > 1 && self.bundle.prepare()
    }

    /// Adds a message. True when the bundle is full.
    #[inline]
    pub(super) fn add(&mut self, message: &Message) -> bool {
        self.bundle.push(message);
        self.room -= 1;
        self.same = BUNDLE_AFTER;
        self.bundle.is_full()
    }

    pub(super) fn take(&mut self) -> (crate::error::Result<Message>, crate::message::Traffic) {
        self.bundle.take()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{BUNDLE_AFTER, BUNDLE_BYTES, BUNDLED_MAX};
    use crate::pattern::PipeId;
    use crate::pattern::testing::*;
    use crate::pipe::testing::Lane;
    use std::sync::Arc;

    struct Publisher {
        world: World,
        lanes: Vec<(PipeId, Arc<Lane>)>,
    }

    impl Publisher {
        fn new(lanes: usize, limit: usize) -> Self {
            let mut world = World::new();
            let lanes = (0..lanes).map(|_| world.pipe_with_lane(limit)).collect();
            Self { world, lanes }
        }

        fn all(&self) -> Vec<PipeId> {
            self.lanes.iter().map(|&(id, _)| id).collect()
        }

        /// As a fan-out does it.
        fn send(&mut self, ids: &[PipeId], body: &[u8]) {
            let mut message = part(body, false);
            if self.world.pipes.try_bundle(ids, &mut message) {
                assert!(message.is_empty());
                return;
            }
            for &id in ids {
                if !self.world.pipes.try_write_shared(id, &mut message) {
                    self.world.pipes.count_drop(Some(id));
                }
            }
        }

        fn send_numbers(&mut self, ids: &[PipeId], numbers: std::ops::Range<u32>) {
            numbers.for_each(|number| self.send(ids, &number.to_be_bytes()));
        }
    }

    fn numbers(range: std::ops::Range<u32>) -> Vec<Vec<u8>> {
        range.map(|number| number.to_be_bytes().to_vec()).collect()
    }

    #[test]
    fn many_in_a_row_are_passed_on_together() {
        let mut publisher = Publisher::new(3, 0);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..100);
        for (_, lane) in &publisher.lanes {
            assert_eq!(lane.taken(), numbers(0..BUNDLE_AFTER + 1), "the rest is kept back");
        }
        publisher.world.pipes.end_passing();
        for (_, lane) in &publisher.lanes {
            assert_eq!(lane.taken(), numbers(BUNDLE_AFTER + 1..100));
            assert_eq!(lane.bundles(), [99 - BUNDLE_AFTER as usize]);
        }
    }

    #[test]
    fn a_full_bundle_does_not_wait() {
        let mut publisher = Publisher::new(2, 0);
        let all = publisher.all();
        let count = 2 * BUNDLE_BYTES / 1000;
        for _ in 0..count {
            publisher.send(&all, &[7; 1000]);
        }
        let taken = publisher.lanes[0].1.taken().len();
        assert!(taken > count / 2 && taken < count, "{taken} of {count}");
    }

    #[test]
    fn what_does_not_fit_comes_after_what_was_kept_back() {
        let mut publisher = Publisher::new(2, 0);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..50);
        publisher.send(&all, &[1; BUNDLED_MAX + 1]);
        publisher.send_numbers(&all, 50..60);
        publisher.send_numbers(&all[..1], 60..61);
        let mut expected = numbers(0..50);
        expected.push(vec![1; BUNDLED_MAX + 1]);
        expected.extend(numbers(50..60));
        assert_eq!(publisher.lanes[1].1.taken(), expected);
        expected.extend(numbers(60..61));
        assert_eq!(publisher.lanes[0].1.taken(), expected);
    }

    #[test]
    fn one_that_takes_no_bundles_gets_its_messages_beside() {
        let mut publisher = Publisher::new(2, 0);
        let slow = publisher.world.pipe_of(0);
        let mut all = publisher.all();
        all.push(slow);
        publisher.send_numbers(&all, 0..50);
        for body in numbers(0..50) {
            assert_eq!(publisher.world.peer_receives(slow), Some(vec![body]));
        }
        publisher.world.pipes.end_passing();
        assert_eq!(publisher.lanes[0].1.taken(), numbers(0..50));
    }

    #[test]
    fn a_bundle_that_is_refused_goes_through_the_queue() {
        let mut publisher = Publisher::new(3, 0);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..50);
        publisher.lanes[1].1.refuse();
        publisher.world.pipes.end_passing();
        assert_eq!(publisher.lanes[0].1.taken(), numbers(0..50));
        let mut got = publisher.lanes[1].1.taken();
        while let Some(message) = publisher.world.peer_receives(all[1]) {
            got.extend(message);
        }
        assert_eq!(got, numbers(0..50));
    }

    #[test]
    fn no_more_than_there_is_room_for() {
        let mut publisher = Publisher::new(2, 30);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..50);
        publisher.world.pipes.end_passing();
        for (_, lane) in &publisher.lanes {
            assert_eq!(lane.taken(), numbers(0..30));
        }
        assert_eq!(publisher.world.pipes.dropped.full, 40);
    }

    #[test]
    fn a_pipe_that_leaves_takes_what_was_kept_back() {
        let mut publisher = Publisher::new(3, 0);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..50);
        drop(publisher.world.pipes.remove(all[2]));
        for (_, lane) in &publisher.lanes {
            assert_eq!(lane.taken(), numbers(0..50));
        }
        publisher.send_numbers(&all[..2], 50..90);
        publisher.world.pipes.forbid_writing(all[1]);
        publisher.send_numbers(&all[..2], 90..91);
        assert_eq!(publisher.lanes[0].1.taken(), numbers(50..91));
        assert_eq!(publisher.lanes[1].1.taken(), numbers(50..90));
    }

    #[test]
    fn a_new_pipe_with_an_old_number_is_asked_anew() {
        let mut publisher = Publisher::new(2, 0);
        let all = publisher.all();
        publisher.send_numbers(&all, 0..50);
        drop(publisher.world.pipes.remove(all[1]));
        let (id, lane) = publisher.world.pipe_with_lane(0);
        assert_eq!(id, all[1]);
        lane.refuse();
        publisher.send_numbers(&all, 50..100);
        assert_eq!(publisher.world.peer_receives(id), Some(numbers(50..51)));
        publisher.world.pipes.end_passing();
        assert_eq!(publisher.lanes[0].1.taken(), numbers(0..100));
    }

    #[test]
    fn receivers_that_change_with_each_message_are_not_kept_waiting() {
        let mut publisher = Publisher::new(3, 0);
        let all = publisher.all();
        for number in 0..50 {
            publisher.send_numbers(&all[..2 + (number % 2) as usize], number..number + 1);
        }
        assert_eq!(publisher.lanes[0].1.taken(), numbers(0..50));
        assert_eq!(publisher.lanes[0].1.bundles(), []);
    }
}
