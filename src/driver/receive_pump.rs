//! From a stream to a pipe: the receive half of a link.

use crate::config::{FETCH_MINIMUM, KEEP_BUFFER, KEEP_BUFFERS, READ_BUFFER};
use crate::connection::{Failure, ReceiveHalf, Sink};
use crate::error::{Errno, Result};
use crate::message::{Message, Metadata, Traffic};
use crate::pipe::Outlet;
use crate::transport::{Read, Stream};
use std::cell::{Cell, RefCell};
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

/// What [`ReceivePump::fetch`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// Much came, and is kept.
    Kept,
    /// Little came: decode it now.
    Little,
    /// Nothing is there now.
    Nothing,
    /// Drive as usual: there is something out of the ordinary.
    Impossible,
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

impl SideEffects {
    #[inline]
    pub fn is_nothing(&self) -> bool {
        !self.traffic && self.peer_ttl.is_none() && self.pongs.is_empty()
    }
}

/// Reads, decodes, writes the pipe. Lives in a token.
#[derive(Default)]
pub struct ReceivePump {
    pub outlet: Option<Outlet>,
    connection: Option<Connection>,
    /// The last drive found the pipe full.
    pub blocked: bool,
    /// All that came over the connections of this link.
    pub received: Traffic,
}

struct Connection {
    stream: Arc<Stream>,
    half: ReceiveHalf,
    /// Read, but not decoded: the pipe was full, or the thread that reads takes its messages one by one.
    undecoded: Undecoded,
    /// Messages to deliver when the connection is gone.
    last: Vec<Message>,
    /// The end was found; whoever drives next is told again, until the link has acted on it.
    ending: Option<Ending>,
}

thread_local! {
    /// A large buffer for whoever reads now, empty at first; none while it is in use. Not to be had any more while the thread ends.
    static BUFFER: Cell<Option<Vec<u8>>> = const { Cell::new(Some(Vec::new())) };
    /// Smaller ones, for threads that keep what several connections have brought.
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take_buffer() -> Vec<u8> {
    sized(BUFFER.try_with(Cell::take).ok().flatten().unwrap_or_default(), READ_BUFFER)
}

fn sized(mut buffer: Vec<u8>, size: usize) -> Vec<u8> {
    buffer.resize(size, 0);
    buffer
}

/// A buffer to be kept: the large one, unless another connection keeps it.
fn take_buffer_to_keep() -> Vec<u8> {
    match BUFFER.try_with(Cell::take) {
        Ok(Some(large)) => sized(large, READ_BUFFER),
        _ => {
            let spare = SPARES.try_with(|spares| spares.borrow_mut().pop()).ok().flatten();
            sized(spare.unwrap_or_default(), KEEP_BUFFER)
        }
    }
}

fn put_back(buffer: Vec<u8>) {
    match buffer.len() {
        READ_BUFFER => drop(BUFFER.try_with(|place| place.set(Some(buffer)))),
        KEEP_BUFFER => drop(SPARES.try_with(|spares| {
            let mut spares = spares.borrow_mut();
            if spares.len() < KEEP_BUFFERS {
                spares.push(buffer);
            }
        })),
        _ => {}
    }
}

/// Runs with the thread's read buffer.
pub fn with_read_buffer<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = take_buffer();
    let result = work(&mut buffer);
    put_back(buffer);
    result
}

/// Bytes that wait to be decoded.
#[derive(Default)]
struct Undecoded {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Undecoded {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn slice(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Gives up memory that is much larger than what is left.
    fn compact(&mut self) {
        if self.slice().len() * 2 < self.bytes.len() {
            let bytes = self.slice().to_vec();
            *self = Self { end: bytes.len(), bytes, start: 0 };
        }
    }

    /// So many were decoded. A buffer that is empty goes back to the thread.
    fn advance(&mut self, count: usize) {
        self.start += count;
        if self.is_empty() {
            put_back(std::mem::take(self).bytes);
        }
    }
}

/// Gives one message of a single part to whoever waits for it; a message of several parts, and what follows it, goes
/// into the pipe.
struct FirstSink<'a> {
    place: &'a mut Message,
    state: First,
    pipe: PipeSink<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Wanted,
    Given,
    Diverted,
}

impl Sink for FirstSink<'_> {
    #[inline]
    fn has_room(&mut self) -> bool {
        match self.state {
            First::Wanted => true,
            First::Given => false,
            First::Diverted => self.pipe.has_room(),
        }
    }

    #[inline]
    fn accept(&mut self, message: Message) {
        if self.state == First::Wanted {
            if !message.more() {
                self.state = First::Given;
                self.pipe.received.count(message.len(), false);
                *self.place = message;
                return;
            }
            self.state = First::Diverted;
        }
        self.pipe.accept(message);
    }

    #[inline]
    fn accept_copy(&mut self, body: &[u8], more: bool) -> Result<()> {
        if self.state == First::Wanted && !more {
            self.place.assign(body)?;
            self.state = First::Given;
            self.pipe.received.count(body.len(), false);
            return Ok(());
        }
        self.state = First::Diverted;
        self.pipe.accept_copy(body, more)
    }

    fn pong(&mut self, context: &[u8]) {
        self.pipe.pong(context);
    }

    fn ping_ttl(&mut self, ttl: Duration) {
        self.pipe.ping_ttl(ttl);
    }
}

/// Into the pipe; without one, messages are dropped.
struct PipeSink<'a> {
    outlet: Option<&'a mut Outlet>,
    effects: &'a mut SideEffects,
    received: &'a mut Traffic,
}

impl PipeSink<'_> {
    /// Shows the pipe's reader what came.
    fn flush(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.flush();
        }
    }
}

impl Sink for PipeSink<'_> {
    #[inline]
    fn has_room(&mut self) -> bool {
        self.outlet.as_mut().is_none_or(|outlet| outlet.has_room())
    }

    #[inline]
    fn accept(&mut self, message: Message) {
        self.received.count(message.len(), message.more());
        if let Some(outlet) = &mut self.outlet {
            outlet.push(message);
        }
    }

    #[inline]
    fn accept_copy(&mut self, body: &[u8], more: bool) -> Result<()> {
        self.received.count(body.len(), more);
        self.outlet.as_mut().map_or(Ok(()), |outlet| outlet.push_copy(body, more))
    }

    fn pong(&mut self, context: &[u8]) {
        self.effects.pongs.push(context.to_vec());
    }

    fn ping_ttl(&mut self, ttl: Duration) {
        self.effects.peer_ttl = Some(ttl);
    }
}

impl ReceivePump {
    /// Starts to read a connection. `undecoded` are bytes that came behind the handshake; `first` and `last` are messages to
    /// deliver before anything else, and when the connection is gone.
    pub fn connect(
        &mut self,
        stream: Arc<Stream>,
        half: ReceiveHalf,
        undecoded: Vec<u8>,
        first: Vec<Message>,
        last: Vec<Message>,
    ) {
        self.deliver(first);
        let undecoded = Undecoded { end: undecoded.len(), bytes: undecoded, start: 0 };
        self.connection = Some(Connection { stream, half, undecoded, last, ending: None });
    }

    /// Messages of our own, whatever the limit of the pipe.
    fn deliver(&mut self, messages: Vec<Message>) {
        if let Some(outlet) = self.outlet.as_mut().filter(|_| !messages.is_empty()) {
            messages.into_iter().for_each(|message| outlet.push(message));
            outlet.flush();
        }
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
        self.deliver_kept();
        self.blocked = false;
        if let Some(outlet) = &mut self.outlet {
            outlet.rollback();
        }
        if let Some(connection) = self.connection.take() {
            self.deliver(connection.last);
        }
    }

    /// Ends the stream of messages to the socket: from here on what the peer sends is read and dropped.
    pub fn close_outlet(&mut self) {
        self.deliver_kept();
        self.blocked = false;
        if let Some(mut outlet) = self.outlet.take() {
            outlet.close();
        }
    }

    /// What was read and kept for the application is its due, as if it were in the pipe already.
    fn deliver_kept(&mut self) {
        let (Some(connection), Some(outlet)) = (&mut self.connection, &mut self.outlet) else { return };
        if connection.ending.is_some() || connection.undecoded.is_empty() {
            return;
        }
        let mut effects = SideEffects::default();
        let received = &mut self.received;
        let pipe = &mut PipeSink { outlet: Some(outlet), effects: &mut effects, received };
        match connection.half.decode(connection.undecoded.slice(), pipe) {
            Ok(count) => connection.undecoded.advance(count),
            Err(failure) => connection.ending = Some(Ending::Failure(failure)),
        }
        outlet.flush();
    }

    /// The stream, for a thread that wants to wait for it.
    pub fn stream(&self) -> Option<&Arc<Stream>> {
        self.connection.as_ref().map(|connection| &connection.stream)
    }

    /// Reads once, and when much came keeps it for [`ReceivePump::give`].
    pub fn fetch(&mut self, effects: &mut SideEffects) -> Fetched {
        let (Some(connection), Some(outlet)) = (&mut self.connection, &self.outlet) else {
            return Fetched::Impossible;
        };
        // Who wants the latest message alone takes it from the queue.
        if outlet.conflates() || connection.ending.is_some() || !connection.undecoded.is_empty() {
            return Fetched::Impossible;
        }
        connection.fetch(effects)
    }

    /// Whether the pipe's reader is a good way behind.
    pub fn is_far_ahead(&mut self) -> bool {
        self.outlet.as_mut().is_some_and(Outlet::is_far_ahead)
    }

    /// True when there is something for [`ReceivePump::give`].
    pub fn is_keeping(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.undecoded.is_empty())
    }

    /// Tells the pipe's reader that there is input, as if it were in the queue.
    pub fn announce_input(&self) {
        if let Some(outlet) = &self.outlet {
            outlet.tell_readable();
        }
    }

    /// The next message of what [`ReceivePump::fetch`] has kept, unless there is something in the pipe, whose reader has taken
    /// `taken` parts. False also when what comes next is not a message of a single part that is there as a whole.
    #[inline]
    pub fn give(&mut self, place: &mut Message, taken: usize) -> bool {
        let (Some(connection), Some(outlet)) = (&mut self.connection, &self.outlet) else { return false };
        if connection.ending.is_some() || !outlet.is_read(taken) {
            return false;
        }
        let Ok(count @ 1..) = connection.half.decode_one(connection.undecoded.slice(), place) else {
            return false;
        };
        connection.undecoded.advance(count);
        self.received.count(place.len(), false);
        true
    }

    /// The same where [`ReceivePump::give`] has found nothing. False also when there is no message of a single part: if there was
    /// one of several, it is in the pipe now.
    pub fn give_next(&mut self, place: &mut Message, taken: usize, effects: &mut SideEffects) -> bool {
        let (Some(connection), Some(outlet)) = (&mut self.connection, &mut self.outlet) else { return false };
        if connection.ending.is_some() || !outlet.is_read(taken) {
            return false;
        }
        let pipe = PipeSink { outlet: Some(outlet), effects, received: &mut self.received };
        let mut sink = FirstSink { place, state: First::Wanted, pipe };
        let decoded = connection.half.decode(connection.undecoded.slice(), &mut sink);
        let state = sink.state;
        match decoded {
            Ok(count) => connection.undecoded.advance(count),
            Err(failure) => connection.ending = Some(Ending::Failure(failure)),
        }
        if state == First::Diverted {
            outlet.flush();
        }
        state == First::Given
    }

    /// True when the end of the connection was found.
    pub fn has_ending(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.ending.is_some())
    }

    /// Reads at most `budget` times and shows the pipe's reader what came.
    pub fn drive(&mut self, budget: usize, effects: &mut SideEffects) -> Received {
        let Self { outlet, connection, received, .. } = self;
        let Some(connection) = connection else { return Received::Unconnected };
        if let Some(ending) = &connection.ending {
            return Received::Over(ending.clone());
        }
        let mut sink = PipeSink { outlet: outlet.as_mut(), effects, received };
        let outcome = match connection.decode_rest(&mut sink) {
            Some(stop) => stop,
            None if budget == 0 => Received::More,
            None => with_read_buffer(|buffer| connection.read(budget, buffer, &mut sink)),
        };
        sink.flush();
        if let Received::Over(ending) = &outcome {
            connection.ending = Some(ending.clone());
        }
        outcome
    }
}

impl Connection {
    /// See [`ReceivePump::fetch`]. Anything out of the ordinary is left to the usual drive, which finds it again.
    fn fetch(&mut self, effects: &mut SideEffects) -> Fetched {
        if self.half.wants_body() {
            return Fetched::Impossible;
        }
        let mut bytes = take_buffer_to_keep();
        let (count, fetched) = match self.stream.read(&mut bytes) {
            Ok(Read::Bytes(count)) if count < FETCH_MINIMUM => (count, Fetched::Little),
            Ok(Read::Bytes(count)) => (count, Fetched::Kept),
            Ok(Read::WouldBlock) => (0, Fetched::Nothing),
            Ok(Read::End) | Err(_) => (0, Fetched::Impossible),
        };
        effects.traffic |= count > 0;
        self.undecoded = Undecoded { bytes, start: 0, end: count };
        self.undecoded.advance(0);
        fetched
    }

    /// Decodes what was read before.
    fn decode_rest(&mut self, sink: &mut PipeSink<'_>) -> Option<Received> {
        if !self.undecoded.is_empty() {
            match self.half.decode(self.undecoded.slice(), sink) {
                Err(failure) => return Some(Received::Over(Ending::Failure(failure))),
                Ok(count) => self.undecoded.advance(count),
            }
            if !self.undecoded.is_empty() {
                self.undecoded.compact();
                return Some(Received::Blocked);
            }
        }
        None
    }

    fn read(&mut self, budget: usize, buffer: &mut [u8], sink: &mut PipeSink<'_>) -> Received {
        for _ in 0..budget {
            let (direct, asked, read) = match self.half.body_tail() {
                Some((body, room)) => (true, room, self.stream.append(body, room)),
                None => (false, buffer.len(), self.stream.read(buffer)),
            };
            let count = match read {
                Ok(Read::Bytes(count)) => count,
                Ok(Read::WouldBlock) => return Received::Drained,
                Ok(Read::End) => return Received::Over(Ending::Closed),
                Err(error) => return Received::Over(Ending::Network(error)),
            };
            sink.effects.traffic = true;
            if direct {
                if let Err(failure) = self.half.body_filled(sink) {
                    return Received::Over(Ending::Failure(failure));
                }
            } else if let Some(stop) = self.decode(&buffer[..count], sink) {
                return stop;
            }
            // A short read has emptied the socket; if not, the poller tells again.
            if count < asked {
                return Received::Drained;
            }
            sink.flush();
        }
        Received::More
    }

    /// Decodes, and keeps what the pipe has no room for.
    fn decode(&mut self, bytes: &[u8], sink: &mut PipeSink<'_>) -> Option<Received> {
        match self.half.decode(bytes, sink) {
            Err(failure) => Some(Received::Over(Ending::Failure(failure))),
            Ok(consumed) if consumed < bytes.len() => {
                let bytes = bytes[consumed..].to_vec();
                self.undecoded = Undecoded { end: bytes.len(), bytes, start: 0 };
                Some(Received::Blocked)
            }
            Ok(_) => None,
        }
    }
}
