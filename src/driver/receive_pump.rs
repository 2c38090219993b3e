//! From a stream to a pipe: the receive half of a link.

use crate::config::READ_BUFFER;
use crate::connection::{Failure, ReceiveHalf, Sink};
use crate::error::Errno;
use crate::message::{Message, Metadata};
use crate::pipe::Outlet;
use crate::transport::{Read, Stream};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// What a drive came to.
#[derive(Debug)]
pub enum Received {
    /// Nothing more is there now.
    Drained,
    /// The pipe is full: do not read until it has room.
    Blocked,
    /// The budget is used up.
    More,
    /// The connection is over.
    Over(Ending),
    /// There is no connection.
    Unconnected,
}

/// Why a connection is over.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The peer closed.
    Closed,
    /// The network failed.
    Network(Errno),
    /// The peer broke the protocol.
    Failure(Failure),
}

/// What receiving makes us do besides delivering messages.
#[derive(Default)]
pub struct SideEffects {
    pub pongs: Vec<Vec<u8>>,
    pub peer_ttl: Option<Duration>,
    /// Bytes arrived: the peer lives.
    pub traffic: bool,
}

/// Reads, decodes, writes the pipe. Lives in a token.
#[derive(Default)]
pub struct ReceivePump {
    pub outlet: Option<Outlet>,
    connection: Option<Connection>,
    /// The last drive found the pipe full.
    pub blocked: bool,
}

struct Connection {
    stream: Arc<Stream>,
    half: ReceiveHalf,
    /// Read, but not decoded because the pipe was full.
    undecoded: Vec<u8>,
    /// The end was found; whoever drives next is told again, until the link has acted on it.
    ending: Option<Ending>,
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Runs with the thread's read buffer.
pub fn with_read_buffer<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    BUFFER.with(|buffer| {
        let mut buffer = buffer.borrow_mut();
        if buffer.is_empty() {
            buffer.resize(READ_BUFFER, 0);
        }
        work(&mut buffer)
    })
}

struct PipeSink<'a> {
    outlet: &'a mut Outlet,
    effects: &'a mut SideEffects,
}

impl Sink for PipeSink<'_> {
    #[inline]
    fn has_room(&mut self) -> bool {
        self.outlet.has_room()
    }

    #[inline]
    fn accept(&mut self, message: Message) {
        self.outlet.push(message);
    }

    fn pong(&mut self, context: &[u8]) {
        self.effects.pongs.push(context.to_vec());
    }

    fn ping_ttl(&mut self, ttl: Duration) {
        self.effects.peer_ttl = Some(ttl);
    }
}

impl ReceivePump {
    /// Starts to read a connection. `undecoded` are bytes that came behind the handshake, `injected` messages that the
    /// handshake of an old peer stands for.
    pub fn connect(
        &mut self,
        stream: Arc<Stream>,
        half: ReceiveHalf,
        undecoded: Vec<u8>,
        injected: Vec<Message>,
    ) {
        if let Some(outlet) = &mut self.outlet {
            injected.into_iter().for_each(|message| outlet.push(message));
            outlet.flush();
        }
        self.connection = Some(Connection { stream, half, undecoded, ending: None });
    }

    /// Tells the pipe's reader who the peer is now.
    pub fn announce(&mut self, metadata: Arc<Metadata>) {
        if let Some(outlet) = &mut self.outlet {
            outlet.push_uncounted(Message::control(metadata));
            outlet.flush();
        }
    }

    /// Forgets the connection; a message it did not finish is dropped.
    pub fn disconnect(&mut self) {
        self.connection = None;
        self.blocked = false;
        if let Some(outlet) = &mut self.outlet {
            outlet.rollback();
        }
    }

    /// The stream, for a thread that wants to wait for it.
    pub fn stream(&self) -> Option<&Arc<Stream>> {
        self.connection.as_ref().map(|connection| &connection.stream)
    }

    /// Reads at most `budget` times and shows the pipe's reader what came.
    pub fn drive(&mut self, budget: usize, effects: &mut SideEffects) -> Received {
        let (Some(connection), Some(outlet)) = (&mut self.connection, &mut self.outlet) else {
            return Received::Unconnected;
        };
        if let Some(ending) = &connection.ending {
            return Received::Over(ending.clone());
        }
        let received = with_read_buffer(|buffer| connection.read(outlet, budget, buffer, effects));
        outlet.flush();
        if let Received::Over(ending) = &received {
            connection.ending = Some(ending.clone());
        }
        received
    }
}

impl Connection {
    fn read(
        &mut self,
        outlet: &mut Outlet,
        budget: usize,
        buffer: &mut [u8],
        effects: &mut SideEffects,
    ) -> Received {
        if !self.undecoded.is_empty() {
            let bytes = std::mem::take(&mut self.undecoded);
            if let Some(stop) = self.decode(&bytes, outlet, effects) {
                return stop;
            }
        }
        for _ in 0..budget {
            let (asked, read) = match self.half.body_buffer() {
                Some(body) => (body.len(), self.stream.read(body)),
                None => (buffer.len(), self.stream.read(buffer)),
            };
            let count = match read {
                Ok(Read::Bytes(count)) => count,
                Ok(Read::WouldBlock) => return Received::Drained,
                Ok(Read::End) => return Received::Over(Ending::Closed),
                Err(error) => return Received::Over(Ending::Network(error)),
            };
            effects.traffic = true;
            if self.half.body_buffer().is_some() {
                let mut sink = PipeSink { outlet, effects };
                if let Err(failure) = self.half.body_filled(count, &mut sink) {
                    return Received::Over(Ending::Failure(failure));
                }
            } else if let Some(stop) = self.decode(&buffer[..count], outlet, effects) {
                return stop;
            }
            // A short read has emptied the socket; if not, the poller tells again.
            if count < asked {
                return Received::Drained;
            }
            outlet.flush();
        }
        Received::More
    }

    /// Decodes, and keeps what the pipe has no room for.
    fn decode(&mut self, bytes: &[u8], outlet: &mut Outlet, effects: &mut SideEffects) -> Option<Received> {
        match self.half.decode(bytes, &mut PipeSink { outlet, effects }) {
            Err(failure) => Some(Received::Over(Ending::Failure(failure))),
            Ok(consumed) if consumed < bytes.len() => {
                self.undecoded = bytes[consumed..].to_vec();
                Some(Received::Blocked)
            }
            Ok(_) => None,
        }
    }
}
