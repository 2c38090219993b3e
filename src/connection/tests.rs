//! Protocol tests without I/O: bytes as written in the specifications, and pairs of our own.

use super::frame::{Framing, HEADER_MAX};
use super::*;
use crate::message::{CANCEL, MORE, Message, SUBSCRIBE};
use std::sync::Arc;
use std::time::Duration;

pub(crate) mod gssapi;
mod halves;
mod handshake;
mod heartbeat;
mod hostile;
mod security;

/// The signature of a peer without a routing id.
const SIGNATURE: &[u8] = &[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f];

/// A small generator (xorshift64*), so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

fn config(name: &'static str, number: u8, peers: &'static [&'static str]) -> Config {
    Config {
        socket_name: name,
        socket_number: number,
        peers,
        routing_id: Vec::new(),
        sends_identity: matches!(name, "REQ" | "DEALER" | "ROUTER"),
        uses_identity: matches!(name, "ROUTER" | "REP"),
        publishes: matches!(name, "PUB" | "XPUB"),
        request_envelope: name == "REQ",
        max_message_size: None,
        properties: Vec::new(),
        heartbeat: HeartbeatConfig::default(),
        raw: false,
        chunk_max: 8192,
        security: Security::Null,
        zap: Zap::default(),
    }
}

pub(crate) fn dealer() -> Config {
    config("DEALER", 5, &["REP", "DEALER", "ROUTER"])
}

fn router() -> Config {
    config("ROUTER", 6, &["REQ", "DEALER", "ROUTER"])
}

fn xpub() -> Config {
    config("XPUB", 9, &["SUB", "XSUB"])
}

/// The 64-byte greeting of a peer.
fn greeting(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([major, minor]);
    bytes.extend(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

/// A short command frame.
fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let body = [&[name.len() as u8], name.as_bytes(), data].concat();
    [&[4, body.len() as u8], &body[..]].concat()
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    [&[name.len() as u8], name.as_bytes(), &(value.len() as u32).to_be_bytes(), value].concat()
}

/// A short message frame.
fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [&[flags, body.len() as u8], body].concat()
}

/// What came out of a receive half.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Event {
    Part(u8, Vec<u8>),
    Pong(Vec<u8>),
    Ttl(Duration),
}

/// A sink that writes everything down, with room for so many messages.
struct Log {
    events: Vec<Event>,
    room: usize,
}

impl Log {
    fn new() -> Self {
        Self { events: Vec::new(), room: usize::MAX }
    }
}

impl Sink for Log {
    fn has_room(&mut self) -> bool {
        self.room > 0
    }

    fn accept(&mut self, message: Message) {
        let flags = [MORE, SUBSCRIBE, CANCEL]
            .into_iter()
            .filter(|&flag| message.has_flags(flag))
            .fold(0, |a, b| a | b);
        if flags & MORE == 0 {
            assert!(self.room > 0, "more messages than there was room for");
            self.room -= 1;
        }
        self.events.push(Event::Part(flags, message.data().to_vec()));
    }

    fn pong(&mut self, context: &[u8]) {
        self.events.push(Event::Pong(context.to_vec()));
    }

    fn ping_ttl(&mut self, ttl: Duration) {
        self.events.push(Event::Ttl(ttl));
    }
}

fn part(flags: u8, body: impl AsRef<[u8]>) -> Event {
    Event::Part(flags, body.as_ref().to_vec())
}

fn message(flags: u8, body: impl AsRef<[u8]>) -> Message {
    let mut message = Message::from_slice(body.as_ref()).unwrap();
    message.add_flags(flags);
    message
}

/// Everything a batch would write, in pieces of at most `step` bytes.
fn write_out(batch: &mut WriteBatch, step: usize) -> Vec<u8> {
    let mut output = Vec::new();
    while !batch.is_empty() {
        let mut slices = Vec::new();
        batch.io_slices(&mut slices);
        assert!(slices.len() <= config::SLICES_MAX && slices.iter().all(|slice| !slice.is_empty()));
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(step).collect();
        assert!(!bytes.is_empty());
        let before = batch.len();
        batch.advance(bytes.len());
        assert_eq!(batch.len(), before - bytes.len());
        output.extend(bytes);
    }
    output
}

fn encode(version: Version, messages: impl IntoIterator<Item = Message>) -> Vec<u8> {
    let mut send = SendHalf::new(&Arc::new(dealer()), version, None);
    let mut batch = WriteBatch::new();
    messages.into_iter().for_each(|message| send.encode(message, &mut batch));
    write_out(&mut batch, usize::MAX)
}

/// Feeds a receive half in pieces whose sizes `next` chooses; stops at the first failure.
fn decode_pieces(
    config: &Config,
    version: Version,
    mut input: &[u8],
    mut next: impl FnMut() -> usize,
) -> (Vec<Event>, Result<(), FailureKind>) {
    let mut receive = ReceiveHalf::new(config, version, None);
    let mut log = Log::new();
    while !input.is_empty() {
        let (piece, rest) = input.split_at(next().clamp(1, input.len()));
        match receive.decode(piece, &mut log) {
            Ok(used) => assert_eq!(used, piece.len()),
            Err(failure) => return (log.events, Err(failure.kind)),
        }
        input = rest;
    }
    (log.events, Ok(()))
}

/// The same input at once and byte by byte must give the same; returns it.
fn decode(config: &Config, version: Version, input: &[u8]) -> (Vec<Event>, Result<(), FailureKind>) {
    let at_once = decode_pieces(config, version, input, || usize::MAX);
    assert_eq!(at_once, decode_pieces(config, version, input, || 1));
    at_once
}
