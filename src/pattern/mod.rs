//! Socket types: one file each, one trait, one row in `create`.
//!
//! Knows: which pipe a message goes to or comes from, envelopes, subscriptions, what may be sent when. Must not
//! know: connections, threads, blocking, endpoints. A pattern is called by its socket, on one thread at a time,
//! and answers at once: `Errno::AGAIN` means "not now", and the socket decides whether to wait.

#![forbid(unsafe_code)]

mod bundling;
mod dealer;
mod pair;
mod pipes;
mod publish;
mod pull;
mod push;
mod rep;
mod req;
mod router;
mod stream;
mod subscribe;
#[cfg(test)]
pub(crate) mod testing;
mod xpub;
mod xsub;

pub use pipes::{Dropped, PipeId, Pipes};

use crate::error::{Errno, Result};
use crate::message::Message;
use crate::options::SocketType;

/// Makes the pattern of a socket type; `None`: there is none yet.
pub fn create(kind: SocketType) -> Option<Box<dyn Pattern>> {
    Some(match kind {
        SocketType::Pair => Box::new(pair::Pair::default()),
        SocketType::Pub => Box::new(publish::Publish::default()),
        SocketType::Sub => Box::new(subscribe::Subscribe::default()),
        SocketType::Req => Box::new(req::Req::default()),
        SocketType::Rep => Box::new(rep::Rep::default()),
        SocketType::Dealer => Box::new(dealer::Dealer::default()),
        SocketType::Router => Box::new(router::Router::default()),
        SocketType::Pull => Box::new(pull::Pull::default()),
        SocketType::Push => Box::new(push::Push::default()),
        SocketType::Xpub => Box::new(xpub::Xpub::default()),
        SocketType::Xsub => Box::new(xsub::Xsub::default()),
        SocketType::Stream => Box::new(stream::Stream::default()),
        _ => return None,
    })
}

/// How a pipe came about.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Made by `zmq_connect` of this socket, not by a peer that connected.
    pub connected: bool,
    /// The other end is a socket of the same context.
    pub inproc: bool,
    /// ZMQ_CONNECT_ROUTING_ID given for this connect.
    pub routing_id: Option<Vec<u8>>,
}

/// What a socket wants of its links besides ZMTP. Asked at each bind and connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkTraits {
    /// Peers are plain streams of bytes.
    pub raw: bool,
    /// An empty message is delivered for each peer that came.
    pub notify_connect: bool,
    /// An empty message is delivered for each peer that left.
    pub notify_disconnect: bool,
}

/// What becomes of a pipe whose peer is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leftover {
    /// It holds input that the application may still read.
    Keep,
    /// Nothing in it matters.
    Discard,
}

/// Whether the caller of a send would wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Blocking,
    NonBlocking,
}

/// How much what peers say decides about what is sent next, so that it must not wait for the next receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heed {
    Nothing,
    /// What they had said up to a moment ago (`config::HEED_STEP`).
    Lately,
    /// All that has come.
    Everything,
}

/// The rules of one socket type.
///
/// `attach`, then any of `readable`, `writable`, `hiccup`; `closed` at most once, after which nothing may be written to
/// the pipe; `detach` last. A pipe attached is awake in both directions: look for input and room at once.
pub trait Pattern: Send {
    /// A pipe was added.
    fn attach(&mut self, pipes: &mut Pipes, id: PipeId, origin: &Origin);

    /// A pipe that slept has input, its end, or news about its peer (metadata); or nothing, if it was looked at meanwhile.
    fn readable(&mut self, pipes: &mut Pipes, id: PipeId);

    /// A pipe that was full has room.
    fn writable(&mut self, pipes: &mut Pipes, id: PipeId);

    /// The peer is gone. Says whether unread input keeps the pipe alive until it was read.
    fn closed(&mut self, pipes: &mut Pipes, id: PipeId) -> Leftover;

    /// The pipe is about to be removed, with whatever is in it.
    fn detach(&mut self, pipes: &mut Pipes, id: PipeId);

    /// The connection behind a pipe was lost and will be made again; for SUB and XSUB the queue towards the peer was
    /// emptied, and is until they have made a mark ([`Pipes::mark`]).
    fn hiccup(&mut self, _pipes: &mut Pipes, _id: PipeId) {}

    /// Sends a part. On success the message was taken; on failure it is untouched. AGAIN: no room now.
    fn send(&mut self, _pipes: &mut Pipes, _message: &mut Message, _mode: Mode) -> Result<()> {
        Err(Errno::NOT_SUPPORTED)
    }

    /// Receives a part. AGAIN: nothing now.
    fn recv(&mut self, _pipes: &mut Pipes) -> Result<Message> {
        Err(Errno::NOT_SUPPORTED)
    }

    /// Receives a part into `place`, whose old content is dropped, if not at once then by the caller. On success nothing is left of it,
    /// nor of its properties.
    fn recv_into(&mut self, pipes: &mut Pipes, place: &mut Message) -> Result<()> {
        *place = self.recv(pipes)?;
        Ok(())
    }

    /// How much what peers say decides about what is sent next. Asked before a send, while an application's thread reads connections.
    fn heeds(&self) -> Heed {
        Heed::Nothing
    }

    /// ZMQ_POLLOUT of ZMQ_EVENTS.
    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// ZMQ_POLLIN of ZMQ_EVENTS. May fetch a message ahead.
    fn can_recv(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// Sets an option of this socket type; `None`: not one of its options. A NULL value with length 0 is `&[]`.
    fn set_option(&mut self, _pipes: &mut Pipes, _option: i32, _value: &[u8]) -> Option<Result<()>> {
        None
    }

    /// Integer options of this socket type that can be read (ZMQ_TOPICS_COUNT, ZMQ_ROUTER_NOTIFY).
    fn int_option(&self, _option: i32) -> Option<i32> {
        None
    }

    /// See [`LinkTraits`].
    fn link_traits(&self) -> LinkTraits {
        LinkTraits::default()
    }

    /// Whether a message for the peer of this routing id would be taken now. NOT_SUPPORTED: peers are not addressed;
    /// HOST_UNREACHABLE: there is no such peer.
    fn can_send_to(&mut self, _pipes: &mut Pipes, _routing_id: &[u8]) -> Result<bool> {
        Err(Errno::NOT_SUPPORTED)
    }

    /// What ZMQ_ROUTING_ID reads as, when that is not the option's value.
    fn shown_routing_id(&self) -> Option<&[u8]> {
        None
    }

    /// ZMQ_CONNECT_ROUTING_ID set for the next connect; used once. An id in use is ADDRESS_IN_USE.
    fn take_connect_routing_id(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}
