//! REQ: a request to the next peer with room, then its reply, in turn.
//!
//! On the wire a request is `[request id, with CORRELATE][empty][body...]`, and so is the reply.

use super::dealer::Dealer;
use super::{Heed, Leftover, Mode, Origin, Pattern, PipeId, Pipes};
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number::{ZMQ_REQ_CORRELATE, ZMQ_REQ_RELAXED};
use crate::options::value::parse_nonnegative_flag;
use crate::routing::random_u32;
use smallvec::SmallVec;

/// See the module documentation.
pub struct Req {
    dealer: Dealer,
    state: State,
    /// The pipe the request went to; `None` when it is gone, then any peer may answer.
    asked: Option<PipeId>,
    request_id: u32,
    correlate: bool,
    relaxed: bool,
    /// Pipes of requests that were given up: a reply may come through them that is not the one to the last request.
    given_up: SmallVec<[PipeId; 1]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The next part sent begins a request.
    Ready,
    /// Within a request.
    Sending,
    /// The request is out. Only RELAXED may send another.
    Waiting,
    /// The envelope of the reply was taken off, its body follows.
    Receiving,
}

impl Default for Req {
    fn default() -> Self {
        Self {
            dealer: Dealer::default(),
            state: State::Ready,
            asked: None,
            request_id: random_u32(),
            correlate: false,
            relaxed: false,
            given_up: SmallVec::new(),
        }
    }
}

impl Req {
    /// Writes the envelope; AGAIN if no peer has room, and nothing happened.
    fn begin_request(&mut self, pipes: &mut Pipes, mode: Mode) -> Result<()> {
        let balancer = &mut self.dealer.balancer;
        if self.correlate {
            let request_id = self.request_id.wrapping_add(1);
            let mut part = Message::from_slice(&request_id.to_ne_bytes())?;
            part.set_more(true);
            balancer.send(pipes, &mut part, mode)?;
            self.request_id = request_id;
        }
        let mut delimiter = Message::new();
        delimiter.set_more(true);
        balancer.send(pipes, &mut delimiter, mode)?;
        self.asked = Some(balancer.last());
        // What came before this request cannot be the reply to it.
        self.dealer.queue.skip_message(pipes);
        while self.dealer.queue.begin(pipes).is_some() {
            self.dealer.queue.skip_message(pipes);
        }
        Ok(())
    }

    /// Takes the envelope of the reply off; drops everything else on the way.
    fn find_reply(&mut self, pipes: &mut Pipes) -> bool {
        let queue = &mut self.dealer.queue;
        while let Some(from) = queue.begin(pipes) {
            let mut is_reply = self.asked.is_none_or(|asked| asked == from);
            if is_reply && self.correlate {
                let id = self.request_id.to_ne_bytes();
                is_reply = queue.recv(pipes).is_some_and(|part| part.more() && part.data() == id);
            }
            if is_reply {
                is_reply = queue.recv(pipes).is_some_and(|part| part.more() && part.is_empty());
            }
            if is_reply {
                self.state = State::Receiving;
                return true;
            }
            queue.skip_message(pipes);
        }
        false
    }
}

impl Pattern for Req {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        self.dealer.attach(pipes, id, origin);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.dealer.readable(pipes, id);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.dealer.writable(pipes, id);
    }

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.dealer.closed(pipes, id)
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.dealer.detach(pipes, id);
        self.asked = self.asked.filter(|&asked| asked != id);
        self.given_up.retain(|&mut given_up| given_up != id);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        if matches!(self.state, State::Waiting | State::Receiving) && !self.relaxed {
            return Err(Errno::STATE);
        }
        if self.state != State::Sending {
            let before = self.asked.filter(|_| self.state == State::Waiting);
            self.begin_request(pipes, mode)?;
            if let Some(id) = before
                && !self.given_up.contains(&id)
            {
                self.given_up.push(id);
            }
            self.state = State::Sending;
        }
        let more = message.more();
        let result = self.dealer.balancer.send(pipes, message, mode);
        match result {
            Ok(()) if !more => self.state = State::Waiting,
            // The peer died within the request, and nothing of it is left to swallow: the next part is a new one.
            Err(_) if !self.dealer.balancer.in_message() => self.state = State::Ready,
            _ => {}
        }
        result
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        if matches!(self.state, State::Ready | State::Sending) {
            return Err(Errno::STATE);
        }
        if self.state == State::Waiting && !self.find_reply(pipes) {
            return Err(Errno::AGAIN);
        }
        let part = self.dealer.queue.recv(pipes);
        if !part.as_ref().is_some_and(Message::more) {
            self.state = if part.is_some() { State::Ready } else { State::Waiting };
        }
        part.ok_or(Errno::AGAIN)
    }

    fn heeds(&self) -> Heed {
        // The late reply to a request that was given up must not be taken for the reply to the next one.
        let gives_up = self.relaxed && self.state == State::Waiting;
        let begins = self.state != State::Sending && !self.correlate;
        if begins && (gives_up || !self.given_up.is_empty()) { Heed::Everything } else { Heed::Nothing }
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            State::Waiting | State::Receiving if !self.relaxed => false,
            _ => self.dealer.can_send(pipes),
        }
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            State::Ready | State::Sending => false,
            State::Waiting => self.find_reply(pipes),
            State::Receiving => true,
        }
    }

    fn set_option(&mut self, pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        let flag = match option {
            ZMQ_REQ_CORRELATE => &mut self.correlate,
            ZMQ_REQ_RELAXED => &mut self.relaxed,
            _ => return self.dealer.set_option(pipes, option, value),
        };
        Some(parse_nonnegative_flag(Some(value)).map(|value| *flag = value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::testing::*;

    fn req(options: &[i32]) -> (World, Req) {
        let (mut world, mut req) = (World::new(), Req::default());
        for &option in options {
            assert_eq!(world.set(&mut req, option, 1), Some(Ok(())));
        }
        (world, req)
    }

    #[test]
    fn who_has_given_up_a_request_heeds_its_late_reply() {
        let (mut world, mut relaxed) = req(&[ZMQ_REQ_RELAXED]);
        let (a, b) = (world.accept(&mut relaxed, b""), world.accept(&mut relaxed, b""));
        assert_eq!(relaxed.heeds(), Heed::Nothing, "nothing was asked");
        world.send(&mut relaxed, &[b"1"]).unwrap();
        assert_eq!(relaxed.heeds(), Heed::Everything, "sending now is giving up");
        world.send(&mut relaxed, &[b"2"]).unwrap();
        world.peer_sends(b, &[b"", b"2"]);
        world.recv(&mut relaxed).unwrap();
        assert_eq!(relaxed.heeds(), Heed::Everything, "the first peer may still answer");
        world.lose(&mut relaxed, b);
        assert_eq!(relaxed.heeds(), Heed::Everything);
        relaxed.send(&mut world.pipes, &mut part(b"3", true), Mode::NonBlocking).unwrap();
        assert_eq!(relaxed.heeds(), Heed::Nothing, "within a request");
        world.send(&mut relaxed, &[b"rest"]).unwrap();
        world.lose(&mut relaxed, a);
        let c = world.accept(&mut relaxed, b"");
        world.peer_sends(c, &[b"", b"3"]);
        world.recv(&mut relaxed).unwrap();
        assert_eq!(relaxed.heeds(), Heed::Nothing, "who might answer late is gone");

        let (mut world, mut told_apart) = req(&[ZMQ_REQ_RELAXED, ZMQ_REQ_CORRELATE]);
        world.accept(&mut told_apart, b"");
        world.send(&mut told_apart, &[b"1"]).unwrap();
        assert_eq!(told_apart.heeds(), Heed::Nothing, "replies are told apart");
    }

    /// Trap 51.
    #[test]
    fn strictly_in_turn() {
        let (mut world, mut req) = req(&[]);
        assert_eq!(world.recv(&mut req), Err(Errno::STATE));
        assert_eq!(world.send(&mut req, &[b"x"]), Err(Errno::AGAIN));
        let (a, b) = (world.accept(&mut req, b""), world.accept(&mut req, b""));
        assert!(world.can_send(&mut req));
        for peer in [a, b, a] {
            world.send(&mut req, &[b"question", b"two"]).unwrap();
            assert_eq!(world.send(&mut req, &[b"x"]), Err(Errno::STATE));
            assert!(!world.can_send(&mut req) && !world.can_recv(&mut req));
            assert_eq!(world.peer_receives(peer), Some(parts(&[b"", b"question", b"two"])));
            world.peer_sends(peer, &[b"", b"answer", b"two"]);
            assert!(world.can_recv(&mut req));
            assert_eq!(world.recv_part(&mut req).unwrap().data(), b"answer");
            assert!(world.can_recv(&mut req));
            assert_eq!(world.send(&mut req, &[b"x"]), Err(Errno::STATE));
            assert_eq!(world.recv(&mut req), Ok(parts(&[b"two"])));
            assert_eq!(world.recv(&mut req), Err(Errno::STATE));
        }
    }

    /// Trap 52.
    #[test]
    fn only_the_peer_asked_may_answer_in_the_right_form() {
        let (mut world, mut req) = req(&[]);
        let (a, b) = (world.accept(&mut req, b""), world.accept(&mut req, b""));
        world.peer_sends(a, &[b"", b"too early"]);
        world.send(&mut req, &[b"question"]).unwrap();
        world.peer_sends(b, &[b"", b"not asked", b"at all"]);
        world.peer_sends(a, &[b"no delimiter", b"x"]);
        world.peer_sends(a, &[b""]);
        assert!(!world.can_recv(&mut req));
        assert_eq!(world.recv(&mut req), Err(Errno::AGAIN));
        world.peer_sends(a, &[b"", b"answer"]);
        assert_eq!(world.recv(&mut req), Ok(parts(&[b"answer"])));
    }

    #[test]
    fn the_death_of_the_peer_asked_lifts_the_restriction_only() {
        let (mut world, mut req) = req(&[]);
        let (a, b) = (world.accept(&mut req, b""), world.accept(&mut req, b""));
        world.send(&mut req, &[b"question"]).unwrap();
        world.lose(&mut req, a);
        assert_eq!(world.send(&mut req, &[b"x"]), Err(Errno::STATE));
        assert_eq!(world.recv(&mut req), Err(Errno::AGAIN));
        world.peer_sends(b, &[b"", b"answer"]);
        assert_eq!(world.recv(&mut req), Ok(parts(&[b"answer"])));
        world.send(&mut req, &[b"question"]).unwrap();
        world.peer_sends(b, &[b"", b"last", b"words"]);
        world.lose(&mut req, b);
        assert_eq!(world.recv(&mut req), Ok(parts(&[b"last", b"words"])));
    }

    #[test]
    fn relaxed_takes_a_late_reply_and_correlate_does_not() {
        for correlate in [false, true] {
            let (mut world, mut req) = req(&[ZMQ_REQ_RELAXED]);
            world.set(&mut req, ZMQ_REQ_CORRELATE, i32::from(correlate));
            let peer = world.accept(&mut req, b"");
            world.send(&mut req, &[b"1"]).unwrap();
            assert!(world.can_send(&mut req));
            world.send(&mut req, &[b"2"]).unwrap();
            let mut asked = [world.peer_receives(peer).unwrap(), world.peer_receives(peer).unwrap()];
            if correlate {
                let ids = [0, 1].map(|i: usize| u32::from_ne_bytes(asked[i][0][..].try_into().unwrap()));
                assert_eq!(ids[1], ids[0].wrapping_add(1));
            } else {
                assert_eq!(asked[0], parts(&[b"", b"1"]));
            }
            for request in &mut asked {
                request.push(b"reply".to_vec());
                let reply: Vec<_> = request.iter().map(|part| &part[..]).collect();
                world.peer_sends(peer, &reply);
            }
            let expected: &[&[u8]] = if correlate { &[b"2", b"reply"] } else { &[b"1", b"reply"] };
            assert_eq!(world.recv(&mut req), Ok(parts(expected)));
        }
    }

    #[test]
    fn a_request_cut_by_death_starts_over() {
        let (mut world, mut req) = req(&[]);
        let a = world.accept(&mut req, b"");
        req.send(&mut world.pipes, &mut part(b"1", true), Mode::NonBlocking).unwrap();
        world.lose(&mut req, a);
        let b = world.accept(&mut req, b"");
        assert_eq!(world.send(&mut req, &[b"2"]), Err(Errno::AGAIN));
        world.send(&mut req, &[b"2"]).unwrap();
        assert_eq!(world.peer_receives(b), Some(parts(&[b"", b"2"])));
    }

    #[test]
    fn relaxed_abandons_a_reply_half_read() {
        let (mut world, mut req) = req(&[ZMQ_REQ_RELAXED]);
        let peer = world.accept(&mut req, b"");
        world.send(&mut req, &[b"1"]).unwrap();
        world.peer_sends(peer, &[b"", b"a", b"b"]);
        assert!(world.recv_part(&mut req).unwrap().more());
        world.send(&mut req, &[b"2"]).unwrap();
        world.peer_sends(peer, &[b"", b"c"]);
        assert_eq!(world.recv(&mut req), Ok(parts(&[b"c"])));
    }
}
