//! ROUTER: the first part names the peer, in both directions.

use super::{Leftover, LinkTraits, Mode, Origin, Pattern, PipeId, Pipes};
use crate::config::LIMIT_AGAIN;
use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::number as n;
use crate::options::value::{parse_int_in, parse_nonnegative_flag};
use crate::routing::{FairQueue, RoutingTable};
use std::time::Instant;

/// ZMQ_NOTIFY_CONNECT of zmq.h.
const NOTIFY_CONNECT: i32 = 1;
/// ZMQ_NOTIFY_DISCONNECT of zmq.h.
const NOTIFY_DISCONNECT: i32 = 2;

/// What a peer is to the socket. Its place in the list is the number of its pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Standing {
    /// No pipe, or one that is ignored: its id belonged to another when it came, or another took it over. What it sends is never read.
    #[default]
    Ignored,
    /// Its routing id is not known yet.
    Anonymous,
    /// It has an id, and is read.
    Known,
}

/// Where the application is within a message it sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Outgoing {
    /// The next part is an id.
    #[default]
    Id,
    /// Parts go to this pipe.
    To(PipeId),
    /// Parts are dropped: the peer is unknown, was full, or died.
    Nowhere,
}

/// See the module documentation.
#[derive(Default)]
pub struct Router {
    queue: FairQueue,
    table: RoutingTable,
    peers: Vec<Standing>,
    outgoing: Outgoing,
    options: RouterOptions,
    /// The application does nothing but send, and reached this peer's small limit then, where there was room all the same.
    limit_reached: Option<(PipeId, Instant)>,
}

/// Options of ROUTER, which REP has too.
#[derive(Default)]
pub(super) struct RouterOptions {
    pub(super) mandatory: bool,
    pub(super) handover: bool,
    pub(super) probe: bool,
    pub(super) connect_routing_id: Option<Vec<u8>>,
    /// Peers are plain streams of bytes.
    raw: bool,
    /// Sum of ZMQ_NOTIFY_ values.
    notify: i32,
}

impl RouterOptions {
    pub(super) fn set(&mut self, option: i32, value: &[u8]) -> Option<Result<()>> {
        let flag = match option {
            n::ZMQ_ROUTER_MANDATORY => &mut self.mandatory,
            n::ZMQ_ROUTER_HANDOVER => &mut self.handover,
            n::ZMQ_ROUTER_RAW => &mut self.raw,
            n::ZMQ_PROBE_ROUTER => &mut self.probe,
            n::ZMQ_ROUTER_NOTIFY => {
                return Some(parse_int_in(Some(value), 0..=3).map(|notify| self.notify = notify));
            }
            n::ZMQ_CONNECT_ROUTING_ID if value.is_empty() => return Some(Err(Errno::INVALID)),
            n::ZMQ_CONNECT_ROUTING_ID => {
                self.connect_routing_id = Some(value.to_vec());
                return Some(Ok(()));
            }
            _ => return None,
        };
        Some(parse_nonnegative_flag(Some(value)).map(|value| *flag = value))
    }

    /// A stream that comes or goes is always told; of other peers, what ZMQ_ROUTER_NOTIFY asks for.
    pub(super) fn link_traits(&self) -> LinkTraits {
        LinkTraits {
            raw: self.raw,
            notify_connect: self.raw || self.notify & NOTIFY_CONNECT != 0,
            notify_disconnect: self.raw || self.notify & NOTIFY_DISCONNECT != 0,
        }
    }

    pub(super) fn int(&self, option: i32) -> Option<i32> {
        (option == n::ZMQ_ROUTER_NOTIFY).then_some(self.notify)
    }
}

impl Router {
    fn standing(&self, id: PipeId) -> Standing {
        self.peers.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn set_standing(&mut self, id: PipeId, standing: Standing) {
        let number = id.0 as usize;
        if self.peers.len() <= number {
            self.peers.resize(number + 1, Standing::Ignored);
        }
        self.peers[number] = standing;
    }

    /// Looks whether an anonymous peer has said who it is; if so, admits it.
    fn identify(&mut self, pipes: &mut Pipes, id: PipeId) {
        let has_input = pipes.poll(id);
        let name = match pipes.peer_routing_id(id) {
            Some(name) => name,
            // Whoever sends before it announced anything has nothing to announce.
            None if has_input => Vec::new(),
            None => return self.set_standing(id, Standing::Anonymous),
        };
        self.admit(pipes, id, &name);
    }

    fn admit(&mut self, pipes: &mut Pipes, id: PipeId, name: &[u8]) {
        if !pipes.is_open(id) {
            self.table.name_only(name, id);
        } else if name.is_empty() {
            self.table.claim_automatic(id);
        } else if !self.table.claim(name, id) {
            let Some(other) = self.table.find(name).filter(|_| self.options.handover) else {
                return self.set_standing(id, Standing::Ignored);
            };
            self.retire(pipes, other);
            self.table.claim(name, id);
        }
        self.set_standing(id, Standing::Known);
        self.queue.activate(id);
    }

    /// Another peer takes over the id: this one is not read any more after the message being read, nor written to.
    fn retire(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.table.forget(id);
        self.queue.remove(pipes, id);
        self.set_standing(id, Standing::Ignored);
        if self.outgoing == Outgoing::To(id) {
            pipes.rollback(id);
            self.outgoing = Outgoing::Nowhere;
        }
        pipes.dismiss(id);
    }

    fn stop_sending_to(&mut self, id: PipeId) {
        self.table.release(id);
        if self.outgoing == Outgoing::To(id) {
            self.outgoing = Outgoing::Nowhere;
        }
    }

    /// Whether a peer takes a message. Who does nothing but send to it without waiting, and reaches a small limit again and again, is told so once
    /// each time, although there may be room by now; the next call finds it.
    fn finds_room(&mut self, pipes: &mut Pipes, id: PipeId, mode: Mode) -> bool {
        let passes_by = self.options.mandatory && mode == Mode::NonBlocking && pipes.is_at_small_limit(id);
        if !pipes.finds_room(id) {
            return false;
        }
        if !passes_by {
            return true;
        }
        let now = Instant::now();
        let before = self.limit_reached.replace((id, now));
        let again = before.is_some_and(|(peer, last)| peer == id && now - last < LIMIT_AGAIN);
        pipes.look_again |= again;
        !again
    }

    /// The id part of a message to send. On failure it was not taken as one.
    fn begin_sending(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        if message.more() {
            self.outgoing = match self.table.find(message.data()) {
                Some(id) if self.finds_room(pipes, id, mode) => Outgoing::To(id),
                Some(id) if self.options.mandatory && pipes.is_open(id) => return Err(Errno::AGAIN),
                _ if self.options.mandatory => return Err(Errno::HOST_UNREACHABLE),
                peer => {
                    pipes.count_drop(peer);
                    Outgoing::Nowhere
                }
            };
        }
        drop(message.take());
        Ok(())
    }
}

impl Pattern for Router {
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin) {
        if self.options.probe {
            pipes.try_write(id, &mut Message::new());
        }
        match &origin.routing_id {
            Some(name) => self.admit(pipes, id, name),
            None => self.identify(pipes, id),
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId) {
        match self.standing(id) {
            // What is announced about the peer with each connection is not to pile up.
            Standing::Ignored => drop(pipes.poll(id)),
            Standing::Anonymous => self.identify(pipes, id),
            Standing::Known => self.queue.activate(id),
        }
    }

    fn writable(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover {
        self.stop_sending_to(id);
        if self.standing(id) == Standing::Anonymous {
            self.identify(pipes, id);
        }
        match self.standing(id) {
            Standing::Known => self.queue.close(pipes, id),
            Standing::Ignored | Standing::Anonymous => Leftover::Discard,
        }
    }

    fn detach(&mut self, pipes: &mut Pipes, id: PipeId) {
        self.stop_sending_to(id);
        self.queue.remove(pipes, id);
        self.table.forget(id);
        self.set_standing(id, Standing::Ignored);
    }

    fn send(&mut self, pipes: &mut Pipes, message: &mut Message, mode: Mode) -> Result<()> {
        if self.outgoing == Outgoing::Id {
            return self.begin_sending(pipes, message, mode);
        }
        if self.options.raw {
            message.set_more(false);
        }
        let more = message.more();
        match self.outgoing {
            Outgoing::To(id) if self.options.raw && message.is_empty() => pipes.hang_up(id),
            Outgoing::Id => {}
            Outgoing::To(id) => pipes.write(id, message.take()),
            Outgoing::Nowhere => drop(message.take()),
        }
        if !more {
            self.outgoing = Outgoing::Id;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes) -> Result<Message> {
        let mut message = Message::new();
        self.recv_into(pipes, &mut message).map(|()| message)
    }

    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        self.limit_reached = None;
        if self.queue.in_message() {
            return if self.queue.recv_into(pipes, place) { Ok(()) } else { Err(Errno::AGAIN) };
        }
        let from = self.queue.next(pipes).ok_or(Errno::AGAIN)?;
        // Without memory the message stays where it is.
        place.assign(self.table.id(from).unwrap_or_default())?;
        self.queue.begin(pipes);
        place.set_more(true);
        if pipes.with_metadata {
            place.set_metadata(pipes.metadata(from).cloned());
        }
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.limit_reached = None;
        !self.options.mandatory
            || self.outgoing != Outgoing::Id
            || self.table.owners().any(|id| pipes.has_room(id))
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.has_input(pipes)
    }

    fn set_option(&mut self, _pipes: &mut Pipes, option: i32, value: &[u8]) -> Option<Result<()>> {
        self.options.set(option, value)
    }

    fn int_option(&self, option: i32) -> Option<i32> {
        self.options.int(option)
    }

    fn can_send_to(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<bool> {
        let peer = self.table.find(routing_id).ok_or(Errno::HOST_UNREACHABLE)?;
        Ok(pipes.has_room(peer))
    }

    fn link_traits(&self) -> LinkTraits {
        self.options.link_traits()
    }

    fn take_connect_routing_id(&mut self) -> Result<Option<Vec<u8>>> {
        let name = self.options.connect_routing_id.take();
        match &name {
            Some(name) if self.table.find(name).is_some() => Err(Errno::ADDRESS_IN_USE),
            _ => Ok(name),
        }
    }
}

#[cfg(test)]
#[path = "router/tests.rs"]
mod tests;
