//! Bytes to messages.
//!
//! Most frames are whole when they arrive, so [`ReceiveHalf::decode`] runs a loop over those and keeps no
//! state between them. Anything else takes one turn of the general path: a command, ZMTP 1.0, a REQ socket,
//! or a frame that is cut off by the end of the input and is kept in [`Partial`]. A raw connection has no frames: its
//! bytes become messages as they come.

use super::command::Command;
use super::config::{COMPACT_MAX, Config, DIRECT_MIN, FIRST_PIECE, OPEN_COPY_MAX};
use super::failure::Failure;
use super::frame::{COMMAND, Header, HeaderBuffer, LONG, MORE};
use super::greeting::Version;
use super::mechanism::cipher::{self, Opener};
use crate::crypto::STEP;
use crate::message::{CANCEL, Message, SUBSCRIBE, memory_for};
use std::time::Duration;

/// Where received messages go, and the only door from receiving to sending.
pub trait Sink {
    /// Asked before the first part of a message is consumed, and answered for the whole message.
    fn has_room(&mut self) -> bool;
    /// One part, MORE as received.
    fn accept(&mut self, message: Message);
    /// One part that lies in the input as a whole. Fails when there is no memory for it.
    #[inline]
    fn accept_copy(&mut self, body: &[u8], more: bool) -> crate::error::Result<()> {
        let mut message = Message::from_slice(body)?;
        message.set_more(more);
        self.accept(message);
        Ok(())
    }
    /// A PING asks for a PONG with this context.
    fn pong(&mut self, context: &[u8]);
    /// A PING asks for the connection to end after so much silence; never zero.
    fn ping_ttl(&mut self, ttl: Duration);
}

/// The receiving side of an established connection. Whichever thread holds the receive half decodes.
#[derive(Debug)]
pub struct ReceiveHalf {
    /// MAXMSGSIZE; of a raw connection the most bytes that become one message.
    limit: u64,
    version: Version,
    /// SUBSCRIBE and CANCEL mean something here.
    publishes: bool,
    position: Position,
    envelope: Envelope,
    partial: Partial,
    /// Size of the largest body that came in pieces until now, or of a first piece: the next one gets as much at once.
    largest: u32,
    /// The mechanism wraps what is received.
    opener: Option<Box<Opener>>,
}

/// Where in the stream of parts the next frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Position {
    BetweenMessages,
    InMessage,
}

/// What a REQ socket's peer must send next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Envelope {
    /// Not a REQ socket.
    Unchecked,
    /// A request id or the empty delimiter.
    Start,
    /// The empty delimiter.
    Delimiter,
    /// The reply itself.
    Body,
}

/// The frame that the last input cut off.
#[derive(Debug)]
enum Partial {
    None,
    Header(HeaderBuffer),
    Body(Body),
}

/// What one turn of the general path came to.
enum Turn {
    Consumed(usize),
    NoRoom,
}

impl ReceiveHalf {
    pub fn new(config: &Config, version: Version, opener: Option<Box<Opener>>) -> Self {
        Self {
            limit: match version {
                Version::Raw => config.chunk_max,
                _ => config.max_message_size.unwrap_or(u64::MAX),
            },
            version,
            publishes: config.publishes,
            position: Position::BetweenMessages,
            envelope: if config.request_envelope { Envelope::Start } else { Envelope::Unchecked },
            partial: Partial::None,
            largest: FIRST_PIECE as u32,
            opener,
        }
    }

    /// Frames are messages as they are: no wrapping, no envelope to check, no length to correct.
    #[inline]
    fn is_simple(&self) -> bool {
        self.version > Version::V1_0 && self.envelope == Envelope::Unchecked && self.opener.is_none()
    }

    /// Takes what the peer sent; returns how much was consumed. That is everything, unless the sink had no
    /// room for the next message: then the rest, which is not empty, is to be offered again once there is
    /// room.
    pub fn decode(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<usize, Failure> {
        if self.version == Version::Raw {
            return self.decode_raw(input, sink);
        }
        let mut used = 0;
        if !matches!(self.partial, Partial::None) {
            used = self.resume(input, sink)?;
        }
        loop {
            if self.is_simple() {
                used = self.decode_whole(input, used, sink)?;
            }
            let Some(rest) = input.get(used..).filter(|rest| !rest.is_empty()) else { return Ok(used) };
            match self.decode_next(rest, sink)? {
                Turn::Consumed(count) => used += count,
                Turn::NoRoom => return Ok(used),
            }
        }
    }

    /// Bytes without frames: each piece that arrives is a message.
    fn decode_raw(&self, input: &[u8], sink: &mut impl Sink) -> Result<usize, Failure> {
        let largest = usize::try_from(self.limit).unwrap_or(usize::MAX).max(1);
        let mut used = 0;
        for chunk in input.chunks(largest) {
            if !sink.has_room() {
                break;
            }
            sink.accept_copy(chunk, false).map_err(|_| Failure::no_memory(chunk.len() as u64))?;
            used += chunk.len();
        }
        Ok(used)
    }

    /// Takes one message of a single part, if the input begins with a whole one, into `place`, whose old content is dropped.
    /// Returns how much was consumed; 0 when the input begins with anything else, which is [`ReceiveHalf::decode`]'s business.
    #[inline]
    pub fn decode_one(&mut self, input: &[u8], place: &mut Message) -> Result<usize, Failure> {
        let between = self.position == Position::BetweenMessages && matches!(self.partial, Partial::None);
        if !between || !self.is_simple() {
            return Ok(0);
        }
        let (size, rest) = match input {
            [flags, size, rest @ ..] if flags & (LONG | COMMAND | MORE) == 0 => (u64::from(*size), rest),
            [flags, rest @ ..] if flags & (LONG | COMMAND | MORE) == LONG => match rest.split_first_chunk() {
                Some((size, rest)) => (u64::from_be_bytes(*size), rest),
                None => return Ok(0),
            },
            _ => return Ok(0),
        };
        let Some(body) = usize::try_from(size).ok().and_then(|size| rest.get(..size)) else { return Ok(0) };
        if size > self.limit {
            return Ok(0);
        }
        place.assign(body).map_err(|_| Failure::no_memory(size))?;
        Ok(input.len() - rest.len() + body.len())
    }

    /// When a large body is outstanding: where to append its next bytes, and how many at most; there is capacity for them,
    /// which grows as it fills. To be followed by [`ReceiveHalf::body_filled`].
    pub fn body_tail(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        match &mut self.partial {
            Partial::Body(body) => body.tail(),
            _ => None,
        }
    }

    /// True when [`ReceiveHalf::body_tail`] has something.
    pub fn wants_body(&self) -> bool {
        matches!(&self.partial, Partial::Body(body) if body.missing() >= DIRECT_MIN)
    }

    /// Bytes were appended to [`ReceiveHalf::body_tail`].
    pub fn body_filled(&mut self, sink: &mut impl Sink) -> Result<(), Failure> {
        self.complete(sink)
    }

    /// Whole message frames, one after the other, from `used` on. Returns at the first frame that is
    /// something else, or when there is no room: the general path looks at it again.
    #[inline]
    fn decode_whole(
        &mut self,
        input: &[u8],
        mut used: usize,
        sink: &mut impl Sink,
    ) -> Result<usize, Failure> {
        let limit = self.limit;
        let mut position = self.position;
        loop {
            let frame = input.get(used..).unwrap_or_default();
            let (flags, size, rest) = match frame {
                [flags, size, rest @ ..] if flags & (LONG | COMMAND) == 0 => (flags, u64::from(*size), rest),
                [flags, rest @ ..] if flags & COMMAND == 0 => {
                    let Some((size, rest)) = rest.split_first_chunk().filter(|_| flags & LONG != 0) else {
                        break;
                    };
                    (flags, u64::from_be_bytes(*size), rest)
                }
                _ => break,
            };
            let Some(body) = usize::try_from(size).ok().and_then(|size| rest.get(..size)) else { break };
            if size > limit {
                break;
            }
            if position == Position::BetweenMessages && !sink.has_room() {
                break;
            }
            let more = flags & MORE != 0;
            if sink.accept_copy(body, more).is_err() {
                return Err(Failure::no_memory(size));
            }
            used += frame.len() - rest.len() + body.len();
            position = if more { Position::InMessage } else { Position::BetweenMessages };
        }
        self.position = position;
        Ok(used)
    }

    /// One frame of any kind, or the beginning of one. No frame is partial before.
    fn decode_next(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<Turn, Failure> {
        let parsed = self.version.framing().parse(input)?;
        let Some((header, header_size)) = parsed else {
            if !self.may_begin(sink) {
                return Ok(Turn::NoRoom);
            }
            let mut buffer = HeaderBuffer::default();
            let (used, _) = buffer.fill(self.version.framing(), input)?;
            self.partial = Partial::Header(buffer);
            return Ok(Turn::Consumed(used));
        };
        let size = header.body_size(self.limit)?;
        let rest = input.get(header_size..).unwrap_or_default();
        let Some(bytes) = rest.get(..size) else {
            if !self.may_begin(sink) {
                return Ok(Turn::NoRoom);
            }
            let mut body = Body::new(header, size, self.largest as usize);
            let used = body.take(rest)?;
            self.partial = Partial::Body(body);
            return Ok(Turn::Consumed(header_size + used));
        };
        if self.opener.is_some() {
            // What is in it shows only when it is opened, which cannot be done twice.
            if !self.may_begin(sink) {
                return Ok(Turn::NoRoom);
            }
            if size <= OPEN_COPY_MAX && self.envelope == Envelope::Unchecked {
                self.open_copy(bytes, sink)?;
            } else {
                let mut body = Vec::new();
                body.try_reserve_exact(size + STEP).map_err(|_| Failure::no_memory(header.size))?;
                body.extend_from_slice(bytes);
                self.open(body, sink)?;
            }
        } else if !header.command() {
            if !self.may_begin(sink) {
                return Ok(Turn::NoRoom);
            }
            let message = Message::from_slice(bytes).map_err(|_| Failure::no_memory(header.size))?;
            self.deliver(header.more(), message, sink)?;
        } else {
            let command = self.parse_command(bytes);
            // A PING is answered even when there is no room for messages.
            let needs_room = matches!(command, Command::Subscribe(_) | Command::Cancel(_));
            if needs_room && !self.may_begin(sink) {
                return Ok(Turn::NoRoom);
            }
            execute(command, sink)?;
        }
        Ok(Turn::Consumed(header_size + size))
    }

    /// Goes on with the frame that was cut off; returns how much of the input belonged to it.
    fn resume(&mut self, input: &[u8], sink: &mut impl Sink) -> Result<usize, Failure> {
        let mut used = 0;
        if let Partial::Header(buffer) = &mut self.partial {
            let (count, header) = buffer.fill(self.version.framing(), input)?;
            let Some(header) = header else { return Ok(count) };
            used = count;
            self.partial =
                Partial::Body(Body::new(header, header.body_size(self.limit)?, self.largest as usize));
        }
        if let Partial::Body(body) = &mut self.partial {
            used += body.take(input.get(used..).unwrap_or_default())?;
        }
        self.complete(sink)?;
        Ok(used)
    }

    /// Hands the partial frame on if it is complete. Room was asked for when it began.
    fn complete(&mut self, sink: &mut impl Sink) -> Result<(), Failure> {
        if !matches!(&self.partial, Partial::Body(body) if body.missing() == 0) {
            return Ok(());
        }
        let Partial::Body(body) = std::mem::replace(&mut self.partial, Partial::None) else { return Ok(()) };
        self.largest = self.largest.max(u32::try_from(body.size).unwrap_or(u32::MAX));
        if self.opener.is_some() {
            return self.open(body.bytes, sink);
        }
        if body.header.command() {
            return execute(self.parse_command(&body.bytes), sink);
        }
        let more = body.header.more();
        self.deliver(more, body.into_message()?, sink)
    }

    /// Unwraps a small body that lies in the input as a whole.
    fn open_copy(&mut self, body: &[u8], sink: &mut impl Sink) -> Result<(), Failure> {
        let Some(mut opener) = self.opener.take() else { return Ok(()) };
        let (flags, content) = opener.open_copy(body)?;
        if flags & !cipher::MORE != 0 {
            execute(self.opened_command(flags, content), sink)?;
        } else {
            let more = flags & cipher::MORE != 0;
            sink.accept_copy(content, more).map_err(|_| Failure::no_memory(content.len() as u64))?;
            self.position = if more { Position::InMessage } else { Position::BetweenMessages };
        }
        self.opener = Some(opener);
        Ok(())
    }

    /// Unwraps a body. The flags of its frame mean nothing, those inside count.
    fn open(&mut self, mut body: Vec<u8>, sink: &mut impl Sink) -> Result<(), Failure> {
        let Some(opener) = &mut self.opener else { return Ok(()) };
        let size = body.len() as u64;
        let (flags, at) = opener.open(&mut body)?;
        if flags & !cipher::MORE != 0 {
            let content = body.get(at..).unwrap_or_default();
            return execute(self.opened_command(flags, content), sink);
        }
        let message = Message::from_vec_tail(body, at).map_err(|_| Failure::no_memory(size))?;
        self.deliver(flags & cipher::MORE != 0, message, sink)
    }

    /// Whether a frame may begin here: within a message always, a first part only when there is room for it.
    fn may_begin(&self, sink: &mut impl Sink) -> bool {
        self.position == Position::InMessage || sink.has_room()
    }

    /// Hands on a message part.
    fn deliver(&mut self, more: bool, mut message: Message, sink: &mut impl Sink) -> Result<(), Failure> {
        if self.envelope != Envelope::Unchecked {
            self.envelope = self.envelope.next(message.len(), more)?;
        }
        message.set_more(more);
        self.position = if more { Position::InMessage } else { Position::BetweenMessages };
        sink.accept(message);
        Ok(())
    }

    /// What was wrapped as something else than a message.
    fn opened_command<'a>(&self, flags: u8, content: &'a [u8]) -> Command<'a> {
        match flags & !cipher::MORE {
            cipher::COMMAND => self.parse_command(content),
            cipher::SUBSCRIBE if self.publishes => Command::Subscribe(content),
            cipher::CANCEL if self.publishes => Command::Cancel(content),
            _ => Command::Other,
        }
    }

    /// Commands exist since ZMTP 3.0; subscriptions are for publishers. What is neither is ignored.
    fn parse_command<'a>(&self, body: &'a [u8]) -> Command<'a> {
        match Command::parse(body) {
            _ if self.version < Version::V3_0 => Command::Other,
            Command::Subscribe(_) | Command::Cancel(_) if !self.publishes => Command::Other,
            command => command,
        }
    }
}

impl Envelope {
    /// The state after a part of `size` bytes, or an error if it must not come here. Whether the socket
    /// expects a request id is not known here: both forms pass.
    fn next(self, size: usize, more: bool) -> Result<Self, Failure> {
        match self {
            Self::Start if more && size == 4 => Ok(Self::Delimiter),
            Self::Start | Self::Delimiter if more && size == 0 => Ok(Self::Body),
            Self::Start | Self::Delimiter => {
                Err(Failure::protocol("a reply without an empty delimiter frame"))
            }
            Self::Body if !more => Ok(Self::Start),
            Self::Body | Self::Unchecked => Ok(self),
        }
    }
}

/// Acts on a command.
fn execute(command: Command<'_>, sink: &mut impl Sink) -> Result<(), Failure> {
    match command {
        Command::Subscribe(topic) => sink.accept(subscription(1, SUBSCRIBE, topic)?),
        Command::Cancel(topic) => sink.accept(subscription(0, CANCEL, topic)?),
        Command::Ping { ttl, context } => {
            if !ttl.is_zero() {
                sink.ping_ttl(ttl);
            }
            sink.pong(context);
        }
        Command::Other => {}
    }
    Ok(())
}

/// A subscription in the form that publishers read: the first byte tells, the topic follows.
fn subscription(first: u8, flag: u8, topic: &[u8]) -> Result<Message, Failure> {
    let no_memory = || Failure::no_memory(topic.len() as u64);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(topic.len() + 1).map_err(|_| no_memory())?;
    bytes.push(first);
    bytes.extend_from_slice(topic);
    let mut message = Message::from_vec(bytes).map_err(|_| no_memory())?;
    message.add_flags(flag);
    Ok(message)
}

/// A body that arrives in pieces.
///
/// The memory is that of the bytes that came, or [`FIRST_PIECE`], or twice what came, whichever is more: never what the
/// length promises, unless a body as large as that has come over this connection before. It becomes the message's memory
/// without being copied.
#[derive(Debug)]
struct Body {
    header: Header,
    size: usize,
    /// The body so far.
    bytes: Vec<u8>,
}

impl Body {
    fn new(header: Header, size: usize, at_once: usize) -> Self {
        let at_once = size.min(at_once);
        let mut bytes = memory_for(at_once);
        // Without memory: found, and told, when the bytes come.
        let _ = bytes.try_reserve_exact(at_once);
        Self { header, size, bytes }
    }

    fn missing(&self) -> usize {
        self.size.saturating_sub(self.bytes.len())
    }

    /// Copies what belongs to the body; returns how much that was.
    fn take(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let input = input.get(..self.missing()).unwrap_or(input);
        if !input.is_empty() {
            self.reserve(input.len())?;
            self.bytes.extend_from_slice(input);
        }
        Ok(input.len())
    }

    /// Where the next bytes go. Without memory, nowhere; then copying them fails and reports it.
    fn tail(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        if self.missing() < DIRECT_MIN {
            return None;
        }
        self.reserve(1).ok()?;
        let room = self.missing().min(self.bytes.capacity() - self.bytes.len());
        Some((&mut self.bytes, room))
    }

    /// Makes room for `count` more bytes behind `bytes`.
    fn reserve(&mut self, count: usize) -> Result<(), Failure> {
        let length = self.bytes.len();
        if self.bytes.capacity() - length >= count {
            return Ok(());
        }
        let target = (length + count).max(length.saturating_mul(2)).max(FIRST_PIECE).min(self.size);
        self.bytes.try_reserve_exact(target - length).map_err(|_| Failure::no_memory(self.header.size))
    }

    fn into_message(self) -> Result<Message, Failure> {
        let message = match self.size {
            0..COMPACT_MAX => Message::from_slice(&self.bytes),
            _ => Message::from_vec(self.bytes),
        };
        message.map_err(|_| Failure::no_memory(self.header.size))
    }
}
