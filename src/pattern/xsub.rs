//! XSUB: receives from all publishers; subscriptions are sent as messages, and remembered for publishers to come.

use super::xpub::Subscription;
use super::{Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number as n;
use crate::options::value::{parse_bool_any, parse_nonnegative_flag};
use crate::routing::{FairQueue, FanOut, TopicCounts};
use std::collections::{BTreeMap, HashMap};

/// See the module documentation.
#[derive(Default)]
pub struct Xsub {
    pub(super) queue: FairQueue,
    fan_out: FanOut,
    pub(super) topics: TopicCounts,
    /// Publishers that have as much to read as the high-water mark allows, or are away: the topics that they will be told of once there is
    /// room, and whether they are wanted. No more than what they know and what is wanted differ by, however long that takes.
    behind: HashMap<PipeId, Changes>,
    /// Whether parts are looked at for subscriptions, when only first parts decide.
    examine: bool,
    within: bool,
    pub(super) invert_matching: bool,
    only_first_subscribe: bool,
    verbose_unsubscribe: bool,
}

type Changes = BTreeMap<Box<[u8]>, bool>;

impl Xsub {
    /// Tells one publisher each distinct topic. The queue's limit does not apply: a lost subscription is for ever.
    fn tell_all(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.behind.remove(&id);
        self.topics.for_each(|topic| tell(pipes, id, true, topic));
        if self.fan_out.in_message() {
            self.behind.insert(id, Changes::new());
        }
    }

    /// Counts a subscription, and sends it on if the publishers need to know.
    pub(super) fn subscribe(&mut self, pipes: &mut Pipes, message: &mut Message) {
        let (told, changed) = match Subscription::parse(message) {
            Some(Subscription { wanted: true, topic }) => (true, self.topics.add(topic)),
            Some(Subscription { wanted: false, topic }) => {
                let last = self.topics.remove(topic);
                (last || self.verbose_unsubscribe, last)
            }
            None => (true, false),
        };
        // A message begun must be ended, if need be with an unsubscription that nobody needs.
        if !told && !self.fan_out.in_message() {
            drop(message.take());
            return;
        }
        if !self.fan_out.in_message() && message.more() {
            self.note_who_is_full(pipes);
        }
        if changed {
            self.behind.values_mut().for_each(|changes| note_change(changes, message));
        }
        if !self.fan_out.in_message() && !message.more() {
            for &id in self.fan_out.pipes() {
                // Whoever is behind is not asked for room: the news of it would not come then.
                if self.behind.contains_key(&id) {
                    continue;
                }
                if pipes.has_room(id) {
                    pipes.write(id, message.share());
                    continue;
                }
                let mut changes = Changes::new();
                if changed {
                    note_change(&mut changes, message);
                }
                self.behind.insert(id, changes);
            }
            return message.clear();
        }
        self.send_to_all(pipes, message);
    }

    fn send_to_all(&mut self, pipes: &mut Pipes, message: &mut Message) {
        if !self.fan_out.in_message() {
            if message.more() {
                self.note_who_is_full(pipes);
            }
            self.fan_out.select_all();
            for &id in self.behind.keys() {
                if self.fan_out.deselect(id) {
                    pipes.count_drop(Some(id));
                }
            }
        }
        self.fan_out.send(pipes, message);
        if !self.fan_out.in_message() && !self.behind.is_empty() {
            let behind: Vec<_> = self.behind.keys().copied().collect();
            for id in behind {
                if pipes.has_room(id) {
                    self.catch_up(pipes, id);
                }
            }
        }
    }

    /// Whoever misses a message of several parts is to hear of the subscriptions in it.
    fn note_who_is_full(&mut self, pipes: &mut Pipes) {
        for &id in self.fan_out.pipes() {
            if !self.behind.contains_key(&id) && !pipes.finds_room(id) {
                self.behind.insert(id, Changes::new());
            }
        }
    }

    /// Tells a publisher that has room again what has changed.
    fn catch_up(&mut self, pipes: &mut Pipes, id: PipeId) {
        for (topic, wanted) in self.behind.remove(&id).into_iter().flatten() {
            tell(pipes, id, wanted, &topic);
        }
    }

    fn forget(&mut self, id: PipeId) {
        self.behind.remove(&id);
        self.fan_out.remove(id);
    }
}

fn tell(pipes: &mut Pipes, id: PipeId, wanted: bool, topic: &[u8]) {
    if let Ok(message) = (Subscription { wanted, topic }).command() {
        pipes.write(id, message);
    }
}

/// A topic is wanted now and was not, or the other way round: twice is nothing.
fn note_change(changes: &mut Changes, message: &Message) {
    if let Some(Subscription { wanted, topic }) = Subscription::parse(message)
        && changes.remove(topic).is_none()
    {
        changes.insert(topic.into(), wanted);
    }
}

impl Pattern for Xsub {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, _origin: &Origin) {
        self.queue.activate(id);
        self.fan_out.attach(id);
        self.tell_all(pipes, id);
    }

    fn readable(&mut self, _pipes: &mut Pipes, id: PipeId) {
        self.queue.activate(id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        // Subscriptions in the message being sent are told with its end.
        if !self.fan_out.in_message() {
            self.catch_up(pipes, id);
        }
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.forget(id);
        self.queue.close(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.forget(id);
        self.queue.remove(pipes, id);
    }

    fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.fan_out.contains(id) {
            if self.fan_out.deselect(id) {
                // The message that is being sent misses this peer as a whole.
                pipes.rollback(id);
            }
            pipes.mark(id);
            self.tell_all(pipes, id);
        }
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, _mode: Mode) -> Result<()> {
        if !self.within {
            self.examine = true;
        }
        let is_subscription = self.examine && Subscription::parse(message).is_some();
        if !self.within && self.only_first_subscribe {
            self.examine = is_subscription;
        }
        self.within = message.more();
        if is_subscription {
            self.subscribe(pipes, message);
        } else {
            self.send_to_all(pipes, message);
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        self.queue.recv(pipes).ok_or(Errno::AGAIN)
    }

    #[inline]
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        if self.queue.recv_into(pipes, place) { Ok(()) } else { Err(Errno::AGAIN) }
    }

    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        true
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_input(pipes)
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        Some(match option {
            n::ZMQ_SUBSCRIBE | n::ZMQ_UNSUBSCRIBE => Err(Errno::INVALID),
            n::ZMQ_INVERT_MATCHING => parse_bool_any(Some(value)).map(|on| self.invert_matching = on),
            n::ZMQ_ONLY_FIRST_SUBSCRIBE => {
                parse_nonnegative_flag(Some(value)).map(|on| self.only_first_subscribe = on)
            }
            n::ZMQ_XSUB_VERBOSE_UNSUBSCRIBE => {
                parse_bool_any(value.get(..4)).map(|on| self.verbose_unsubscribe = on)
            }
            _ => return None,
        })
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        match option {
            n::ZMQ_TOPICS_COUNT => Some(self.topics.total() as i32),
            n::ZMQ_INVERT_MATCHING => Some(i32::from(self.invert_matching)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{CANCEL, SUBSCRIBE};
    use crate::pattern::testing::*;

    fn xsub() -> (World, Xsub) {
        (World::new(), Xsub::default())
    }

    fn received(world: &mut World, peer: PipeId) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| world.peer_receives(peer)).flatten().collect()
    }

    /// Traps 39 and 42.
    #[test]
    fn every_subscription_and_the_last_unsubscription_are_sent_on() {
        let (mut world, mut xsub) = xsub();
        let peer = world.accept(&mut xsub, b"");
        for message in [&b"\x01a"[..], b"\x01a", b"\x00a", b"\x00a", b"\x00a", b"\x00unknown", b"\x01b"] {
            world.send(&mut xsub, &[message]).unwrap();
        }
        assert_eq!(received(&mut world, peer), parts(&[b"\x01a", b"\x01a", b"\x00a", b"\x01b"]));
        world.send(&mut xsub, &[b"\x01b"]).unwrap();
        world.send(&mut xsub, &[b"\x01"]).unwrap();
        assert_eq!(xsub.int_option(n::ZMQ_TOPICS_COUNT), Some(3));
        received(&mut world, peer);
        let late = world.accept(&mut xsub, b"");
        xsub.hiccup(&mut world.pipes, peer);
        for peer in [late, peer] {
            assert_eq!(received(&mut world, peer), parts(&[b"\x01", b"\x01b"]), "each distinct topic once");
        }
        assert_eq!(world.set(&mut xsub, n::ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, 1), Some(Ok(())));
        world.send(&mut xsub, &[b"\x00unknown"]).unwrap();
        assert_eq!(received(&mut world, peer), parts(&[b"\x00unknown"]));
    }

    /// Trap 43.
    #[test]
    fn raw_subscriptions_are_plain_messages_and_repeated_ones_are_commands() {
        let (mut world, mut xsub) = xsub();
        let peer = world.accept(&mut xsub, b"");
        world.send(&mut xsub, &[b"\x01a"]).unwrap();
        let raw = world.peer_receives_part(peer).unwrap();
        assert!(!raw.has_flags(SUBSCRIBE) && !raw.has_flags(CANCEL));
        xsub.hiccup(&mut world.pipes, peer);
        assert!(world.peer_receives_part(peer).unwrap().has_flags(SUBSCRIBE));
    }

    #[test]
    fn user_messages_go_upstream_to_all() {
        let (mut world, mut xsub) = xsub();
        let (a, b) = (world.accept(&mut xsub, b""), world.accept(&mut xsub, b""));
        world.send(&mut xsub, &[b"hello", b"\x01t", b""]).unwrap();
        world.send(&mut xsub, &[b""]).unwrap();
        for peer in [a, b] {
            assert_eq!(world.peer_receives(peer), Some(parts(&[b"hello", b"\x01t", b""])));
            assert_eq!(world.peer_receives(peer), Some(parts(&[b""])));
        }
        assert_eq!(xsub.int_option(n::ZMQ_TOPICS_COUNT), Some(1), "later parts count too");
        world.set(&mut xsub, n::ZMQ_ONLY_FIRST_SUBSCRIBE, 1).unwrap().unwrap();
        world.send(&mut xsub, &[b"hello", b"\x01u"]).unwrap();
        assert_eq!(xsub.int_option(n::ZMQ_TOPICS_COUNT), Some(1));
        world.send(&mut xsub, &[b"\x01v", b"\x01w"]).unwrap();
        assert_eq!(xsub.int_option(n::ZMQ_TOPICS_COUNT), Some(3));
    }

    #[test]
    fn an_unsubscription_at_the_end_does_not_leave_a_message_open() {
        let (mut world, mut xsub) = xsub();
        let peer = world.accept(&mut xsub, b"");
        world.send(&mut xsub, &[b"hello", b"\x00unknown"]).unwrap();
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"hello", b"\x00unknown"])));
        world.send(&mut xsub, &[b"\x00unknown", b"hello"]).unwrap();
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"hello"])));
    }

    #[test]
    fn subscriptions_beyond_the_limit_are_told_when_there_is_room() {
        let (mut world, mut xsub) = xsub();
        let peer = world.accept_of(&mut xsub, b"", 2);
        for message in [b"\x01a", b"\x01b", b"\x01c", b"\x01d", b"\x00a", b"\x00c", b"\x01b"] {
            world.send(&mut xsub, &[message]).unwrap();
        }
        world.send(&mut xsub, &[b"hello"]).unwrap();
        world.send(&mut xsub, &[b"\x01f", b"more"]).unwrap();
        world.send(&mut xsub, &[b"\x00f", b"more"]).unwrap();
        assert_eq!(received(&mut world, peer), parts(&[b"\x01a", b"\x01b"]));
        xsub.writable(&mut world.pipes, peer);
        assert_eq!(
            received(&mut world, peer),
            parts(&[b"\x00a", b"\x01d"]),
            "c was not heard of, b is known"
        );
        world.send(&mut xsub, &[b"\x01e"]).unwrap();
        assert_eq!(received(&mut world, peer), parts(&[b"\x01e"]));
        let late = world.accept_of(&mut xsub, b"", 1);
        assert_eq!(received(&mut world, late), parts(&[b"\x01b", b"\x01d", b"\x01e"]));
    }

    #[test]
    fn who_is_away_for_long_costs_what_has_changed() {
        let (mut world, mut xsub) = xsub();
        let peer = world.accept_of(&mut xsub, b"", 4);
        for number in 0..10_000_u32 {
            let topic = number.to_be_bytes();
            world.send(&mut xsub, &[&[b"\x01", &topic[..]].concat()]).unwrap();
            world.send(&mut xsub, &[&[b"\x00", &topic[..]].concat()]).unwrap();
        }
        assert!(xsub.behind[&peer].is_empty());
        world.send(&mut xsub, &[b"\x01last"]).unwrap();
        xsub.hiccup(&mut world.pipes, peer);
        assert_eq!(received(&mut world, peer)[4..], parts(&[b"\x01last"]));
        xsub.writable(&mut world.pipes, peer);
        assert_eq!(received(&mut world, peer), parts(&[]), "all was told at the hiccup");
    }

    #[test]
    fn a_message_that_is_being_sent_at_a_hiccup_is_not_mixed_with_subscriptions() {
        let (mut world, mut xsub) = xsub();
        let (a, b) = (world.accept(&mut xsub, b""), world.accept(&mut xsub, b""));
        world.send(&mut xsub, &[b"\x01t"]).unwrap();
        for peer in [a, b] {
            received(&mut world, peer);
        }
        xsub.send(&mut world.pipes, &mut part(b"hello", true), Mode::Blocking).unwrap();
        xsub.hiccup(&mut world.pipes, a);
        xsub.send(&mut world.pipes, &mut part(b"world", false), Mode::Blocking).unwrap();
        assert_eq!(received(&mut world, a), parts(&[b"\x01t"]));
        assert_eq!(received(&mut world, b), parts(&[b"hello", b"world"]));
    }

    #[test]
    fn who_misses_a_message_hears_of_the_subscriptions_in_it() {
        let (mut world, mut xsub) = xsub();
        let (lost, full) = (world.accept(&mut xsub, b""), world.accept_of(&mut xsub, b"", 1));
        world.send(&mut xsub, &[b"before"]).unwrap();
        received(&mut world, lost);
        xsub.send(&mut world.pipes, &mut part(b"\x01s", true), Mode::Blocking).unwrap();
        xsub.hiccup(&mut world.pipes, lost);
        let late = world.accept(&mut xsub, b"");
        assert_eq!(received(&mut world, full), parts(&[b"before"]));
        xsub.writable(&mut world.pipes, full);
        xsub.send(&mut world.pipes, &mut part(b"\x01t", false), Mode::Blocking).unwrap();
        for peer in [lost, full, late] {
            assert_eq!(received(&mut world, peer), parts(&[b"\x01s", b"\x01t"]));
        }
        assert!(xsub.behind.is_empty());
    }

    #[test]
    fn receives_unfiltered() {
        let (mut world, mut xsub) = xsub();
        assert!(world.can_send(&mut xsub) && !world.can_recv(&mut xsub));
        let peer = world.accept(&mut xsub, b"");
        world.peer_sends(peer, &[b"anything", b"at all"]);
        assert!(world.can_recv(&mut xsub));
        assert_eq!(world.recv(&mut xsub), Ok(parts(&[b"anything", b"at all"])));
        assert_eq!(world.set(&mut xsub, n::ZMQ_SUBSCRIBE, 0), Some(Err(Errno::INVALID)), "trap 13");
        assert_eq!(world.set(&mut xsub, n::ZMQ_XPUB_VERBOSE, 1), None);
        world.peer_sends(peer, &[b"last"]);
        world.lose(&mut xsub, peer);
        assert_eq!(world.recv(&mut xsub), Ok(parts(&[b"last"])));
        assert_eq!(world.recv(&mut xsub), Err(Errno::AGAIN));
        assert!(world.pipes.is_empty());
    }
}
