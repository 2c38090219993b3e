//! What is left of a CURVE handshake: the keys that wrap messages and commands (RFC 26, "Message Command").

use super::{MESSAGE, unreadable};
use crate::connection::failure::{Failure, code};
use crate::connection::frame::Framing;
use crate::connection::mechanism::check_structure;
use crate::crypto::{BoxKey, CounterKey, TAG};

/// Bytes before the content: name, counter, tag.
const PROLOGUE: usize = 8 + 8 + TAG;
/// The smallest body: one that carries only flags.
const SMALLEST: usize = PROLOGUE + 1;

const FROM_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
const FROM_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";

/// Which side we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Client,
    Server,
}

/// For the two halves of a connection. `sent` and `received` are the last counters of the handshake.
pub fn halves(key: &BoxKey, role: Role, sent: u64, received: u64) -> (Sealer, Opener) {
    let (own, other) = match role {
        Role::Client => (FROM_CLIENT, FROM_SERVER),
        Role::Server => (FROM_SERVER, FROM_CLIENT),
    };
    let sealer = Sealer { key: CounterKey::new(key, own), counter: sent };
    let opener = Opener { key: CounterKey::new(key, other), counter: received, scratch: Vec::new() };
    (sealer, opener)
}

/// Wraps what is sent.
#[derive(Debug)]
pub struct Sealer {
    key: CounterKey,
    /// Of the last frame. A connection ends long before it overflows.
    counter: u64,
}

impl Sealer {
    /// Appends a whole frame with `flags` and what `parts` are together: copied once, and encrypted where it lies.
    pub fn append(&mut self, flags: u8, parts: &[&[u8]], output: &mut Vec<u8>) {
        self.counter += 1;
        let counter = self.counter.to_be_bytes();
        let size = SMALLEST + parts.iter().map(|part| part.len()).sum::<usize>();
        let (header, header_size) = Framing::New.header(0, size);
        output.reserve(header_size + size + crate::crypto::STEP);
        output.extend_from_slice(header.get(..header_size).unwrap_or(&header));
        let prologue = output.len();
        output.extend_from_slice(&[0; PROLOGUE]);
        output.push(flags);
        parts.iter().for_each(|part| output.extend_from_slice(part));
        // Encrypting may need the room before the content for itself, so that comes first.
        let tag = self.key.seal(&counter, output, prologue + PROLOGUE);
        if let Some(place) = output.get_mut(prologue..).and_then(|rest| rest.first_chunk_mut::<PROLOGUE>()) {
            place[..8].copy_from_slice(MESSAGE);
            place[8..16].copy_from_slice(&counter);
            place[16..].copy_from_slice(&tag);
        }
    }
}

/// Unwraps what is received.
#[derive(Debug)]
pub struct Opener {
    key: CounterKey,
    /// Of the last frame.
    counter: u64,
    /// Room to decrypt small bodies in.
    scratch: Vec<u8>,
}

impl Opener {
    /// Checks and decrypts a copy of the body of a frame. Returns the flags and the content.
    pub fn open_copy(&mut self, body: &[u8]) -> Result<(u8, &[u8]), Failure> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(body);
        let flags = self.open(&mut scratch)?;
        self.scratch = scratch;
        Ok((flags, self.scratch.get(Self::CONTENT..).unwrap_or_default()))
    }

    /// Checks and decrypts the body of a frame in place. Returns the flags; the content begins at [`Opener::CONTENT`].
    pub fn open(&mut self, body: &mut Vec<u8>) -> Result<u8, Failure> {
        let (counter, tag) = self.check(body)?;
        if !self.key.open(&counter, &tag, body, PROLOGUE) {
            return Err(unreadable("MESSAGE"));
        }
        self.counter = u64::from_be_bytes(counter);
        Ok(body.get(PROLOGUE).copied().unwrap_or_default())
    }

    /// Everything but the box: its counter and tag.
    fn check(&self, body: &[u8]) -> Result<([u8; 8], [u8; TAG]), Failure> {
        check_structure(body)?;
        if !body.starts_with(MESSAGE) {
            return Err(Failure::reported(code::UNEXPECTED_COMMAND, "a frame that is not encrypted"));
        }
        if body.len() < SMALLEST {
            return Err(Failure::reported(code::MALFORMED_COMMAND_MESSAGE, "a MESSAGE that is too short"));
        }
        let counter: [u8; 8] = super::bytes(body, MESSAGE.len());
        // Checked first, as the reference does; it only counts when the box opens.
        if u64::from_be_bytes(counter) <= self.counter {
            return Err(Failure::reported(code::INVALID_SEQUENCE, "a MESSAGE out of sequence"));
        }
        Ok((counter, super::bytes(body, MESSAGE.len() + 8)))
    }

    /// Where the content of an opened body begins.
    pub const CONTENT: usize = SMALLEST;
}
