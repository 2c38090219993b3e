//! SUB: receives what it subscribed to.

use super::xpub::Subscription;
use super::xsub::Xsub;
use super::{Leftover, Origin, Pattern, PipeId, Pipes};
use crate::config::FILTER_BUDGET;
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number as n;

/// XSUB that subscribes by option and filters what it receives, with the subscriptions in force at that moment.
#[derive(Default)]
pub struct Subscribe {
    xsub: Xsub,
    /// First part of a message that matched when somebody asked whether there is one.
    fetched: Option<Message>,
}

impl Subscribe {
    /// The first part of the next message that is wanted, into `place`; others are dropped. False: there is none.
    #[inline]
    fn fetch(&mut self, pipes: &mut Pipes, place: &mut Message) -> bool {
        let Xsub { queue, topics, invert_matching, .. } = &mut self.xsub;
        for _ in 0..FILTER_BUDGET {
            if !queue.recv_into(pipes, place) {
                return false;
            }
            if topics.matches(place.data()) != *invert_matching {
                return true;
            }
            pipes.dropped.unwanted += 1;
            // Whoever owns its memory gets it back now, not with the next message.
            place.clear_to_reuse();
            queue.skip_message(pipes);
        }
        pipes.look_again = true;
        false
    }
}

impl Pattern for Subscribe {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        self.xsub.attach(pipes, id, origin);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.writable(pipes, id);
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.xsub.closed(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.detach(pipes, id);
    }

    fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.xsub.hiccup(pipes, id);
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        let mut message = Message::new();
        self.recv_into(pipes, &mut message).map(|()| message)
    }

    #[inline]
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        if let Some(message) = self.fetched.take() {
            *place = if pipes.with_metadata { message } else { without_metadata(message) };
            return Ok(());
        }
        if self.xsub.queue.in_message() {
            return self.xsub.recv_into(pipes, place);
        }
        if self.fetch(pipes, place) { Ok(()) } else { Err(Errno::AGAIN) }
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        if self.fetched.is_some() || self.xsub.queue.in_message() {
            return true;
        }
        // Whoever receives it may want the metadata, and by then its pipe may be gone.
        let with_metadata = std::mem::replace(&mut pipes.with_metadata, true);
        let mut first = Message::new();
        self.fetched = self.fetch(pipes, &mut first).then_some(first);
        pipes.with_metadata = with_metadata;
        self.fetched.is_some()
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        match option {
            n::ZMQ_SUBSCRIBE | n::ZMQ_UNSUBSCRIBE => {
                let message = Subscription { wanted: option == n::ZMQ_SUBSCRIBE, topic: value }.command();
                Some(message.map(|mut message| self.xsub.subscribe(pipes, &mut message)))
            }
            n::ZMQ_INVERT_MATCHING => self.xsub.set_option(pipes, option, value),
            _ => None,
        }
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        self.xsub.int_option(option)
    }
}

fn without_metadata(mut message: Message) -> Message {
    message.set_metadata(None);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{CANCEL, SUBSCRIBE};
    use crate::pattern::testing::*;

    fn sub() -> (World, Subscribe) {
        (World::new(), Subscribe::default())
    }

    fn subscribe(world: &mut World, sub: &mut Subscribe, topic: &[u8]) {
        sub.set_option(&mut world.pipes, n::ZMQ_SUBSCRIBE, topic).unwrap().unwrap();
    }

    fn unsubscribe(world: &mut World, sub: &mut Subscribe, topic: &[u8]) {
        sub.set_option(&mut world.pipes, n::ZMQ_UNSUBSCRIBE, topic).unwrap().unwrap();
    }

    /// Trap 39.
    #[test]
    fn receives_what_it_subscribed_to() {
        let (mut world, mut sub) = sub();
        let peer = world.accept(&mut sub, b"");
        world.peer_sends(peer, &[b"no subscription yet"]);
        assert!(!world.can_recv(&mut sub));
        subscribe(&mut world, &mut sub, b"a");
        subscribe(&mut world, &mut sub, b"a");
        assert_eq!(sub.int_option(n::ZMQ_TOPICS_COUNT), Some(2), "duplicates counted");
        unsubscribe(&mut world, &mut sub, b"a");
        for _ in 0..2 {
            world.peer_sends(peer, &[b"b", b"a", b"a"]);
            world.peer_sends(peer, &[b"abc", b"b"]);
        }
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"abc", b"b"])));
        assert!(world.can_recv(&mut sub));
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"abc", b"b"])));
        assert_eq!(world.recv(&mut sub), Err(Errno::AGAIN));
        assert_eq!(world.send(&mut sub, &[b"x"]), Err(Errno::NOT_SUPPORTED));
        assert!(!world.can_send(&mut sub));
        let sent: Vec<_> = std::iter::from_fn(|| world.peer_receives_part(peer)).collect();
        assert_eq!(sent.len(), 2);
        assert!(sent.iter().all(|part| part.data() == b"\x01a" && part.has_flags(SUBSCRIBE)));
        unsubscribe(&mut world, &mut sub, b"a");
        unsubscribe(&mut world, &mut sub, b"never asked for");
        let cancel = world.peer_receives_part(peer).unwrap();
        assert!(cancel.data() == b"\x00a" && cancel.has_flags(CANCEL));
        assert_eq!(world.peer_receives(peer), None);
    }

    /// Trap 64.
    #[test]
    fn filters_at_the_time_of_receiving() {
        let (mut world, mut sub) = sub();
        let peer = world.accept(&mut sub, b"me");
        subscribe(&mut world, &mut sub, b"");
        for message in [b"1", b"2", b"3"] {
            world.peer_sends(peer, &[message, b"tail"]);
        }
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"1", b"tail"])));
        assert!(world.can_recv(&mut sub));
        unsubscribe(&mut world, &mut sub, b"");
        world.pipes.with_metadata = true;
        let fetched = world.recv_part(&mut sub).unwrap();
        assert_eq!(fetched.data(), b"2", "what was fetched is delivered");
        assert_eq!(fetched.metadata().unwrap().routing_id(), b"me");
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"tail"])));
        assert_eq!(world.recv(&mut sub), Err(Errno::AGAIN));
    }

    #[test]
    fn inverted_matching_and_options_of_others() {
        let (mut world, mut sub) = sub();
        let peer = world.accept(&mut sub, b"");
        subscribe(&mut world, &mut sub, b"a");
        assert_eq!(world.set(&mut sub, n::ZMQ_INVERT_MATCHING, -1), Some(Ok(())));
        assert_eq!(sub.int_option(n::ZMQ_INVERT_MATCHING), Some(1));
        world.peer_sends(peer, &[b"a"]);
        world.peer_sends(peer, &[b"b"]);
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"b"])));
        assert_eq!(world.set(&mut sub, n::ZMQ_ONLY_FIRST_SUBSCRIBE, 1), None);
        assert_eq!(world.set(&mut sub, n::ZMQ_XSUB_VERBOSE_UNSUBSCRIBE, 1), None);
    }

    /// Trap 42.
    #[test]
    fn a_new_publisher_is_told_what_is_still_wanted() {
        let (mut world, mut sub) = sub();
        for topic in [b"b", b"a", b"b", b"c"] {
            subscribe(&mut world, &mut sub, topic);
        }
        unsubscribe(&mut world, &mut sub, b"c");
        let peer = world.connect(&mut sub, None);
        for expected in [b"\x01a", b"\x01b"] {
            assert_eq!(world.peer_receives(peer), Some(parts(&[expected])));
        }
        assert_eq!(world.peer_receives(peer), None);
        sub.hiccup(&mut world.pipes, peer);
        assert_eq!(world.peer_receives(peer), Some(parts(&[b"\x01a"])));
    }

    #[test]
    fn a_message_fetched_outlives_its_publisher() {
        let (mut world, mut sub) = sub();
        subscribe(&mut world, &mut sub, b"");
        let peer = world.connect(&mut sub, None);
        world.peer_sends(peer, &[b"1", b"2"]);
        assert!(world.can_recv(&mut sub));
        world.detach(&mut sub, peer);
        assert_eq!(world.recv(&mut sub), Ok(parts(&[b"1", b"2"])));
        assert_eq!(world.recv(&mut sub), Err(Errno::AGAIN));
    }
}
