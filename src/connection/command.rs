//! Commands: a body that begins with a name (RFC 37, "Commands").

use super::frame::{COMMAND, Framing};
use std::time::Duration;

pub const READY: &[u8] = b"\x05READY";
pub const ERROR: &[u8] = b"\x05ERROR";
pub const SUBSCRIBE: &[u8] = b"\x09SUBSCRIBE";
pub const CANCEL: &[u8] = b"\x06CANCEL";
pub const PING: &[u8] = b"\x04PING";
pub const PONG: &[u8] = b"\x04PONG";

/// Most bytes of a PING's context that come back in the PONG (RFC 37: `ping-context = 0*16OCTET`).
pub const CONTEXT_MAX: usize = 16;

/// A command that may come after the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
    /// The time to live is zero when the peer asks for none.
    Ping {
        ttl: Duration,
        context: &'a [u8],
    },
    /// Unknown, malformed, or without a meaning for us (PONG): counts as traffic and is otherwise ignored.
    Other,
}

impl<'a> Command<'a> {
    pub fn parse(body: &'a [u8]) -> Self {
        if let Some(topic) = body.strip_prefix(SUBSCRIBE) {
            return Self::Subscribe(topic);
        }
        if let Some(topic) = body.strip_prefix(CANCEL) {
            return Self::Cancel(topic);
        }
        // A PING without its two bytes of time to live is malformed, and thus ignored.
        if let Some((ttl, context)) = body.strip_prefix(PING).and_then(<[u8]>::split_first_chunk) {
            // 32 bits at least: 65535 tenths of a second do not fit into 16 bits of milliseconds.
            let ttl = Duration::from_millis(u64::from(u16::from_be_bytes(*ttl)) * 100);
            return Self::Ping { ttl, context: context.get(..CONTEXT_MAX).unwrap_or(context) };
        }
        Self::Other
    }
}

/// Appends a whole command frame.
pub fn write(name: &[u8], data: &[u8], output: &mut Vec<u8>) {
    let (header, size) = Framing::New.header(COMMAND, name.len() + data.len());
    output.reserve(size + name.len() + data.len());
    output.extend_from_slice(header.get(..size).unwrap_or(&header));
    output.extend_from_slice(name);
    output.extend_from_slice(data);
}
