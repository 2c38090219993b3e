//! The greeting: who speaks which version, and which mechanism (RFC 37, "Version Negotiation").
//!
//! It is written in three steps, each answering what the peer has shown so far, so that peers of every
//! version find their own form:
//! 1. at once, ten bytes that a 1.0 peer takes for the long header of an identity frame;
//! 2. once the peer's signature is complete, our major version;
//! 3. once the peer's major version is known, the rest in its form: 12 bytes in total for 2.0 and earlier, 64
//!    for 3.0 and later.

use super::frame::{Framing, HeaderBuffer};

/// The protocol spoken on a connection: the lower of both sides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// None: the connection is a plain stream of bytes (STREAM, ZMQ_ROUTER_RAW).
    Raw,
    V1_0,
    V2_0,
    V3_0,
    V3_1,
}

impl Version {
    pub(super) fn framing(self) -> Framing {
        match self {
            Self::Raw => Framing::Raw,
            Self::V1_0 => Framing::Old,
            _ => Framing::New,
        }
    }
}

/// A mechanism's name as in the greeting: padded with NUL.
pub type MechanismName = [u8; 20];

const SIZE: usize = 64;
const SIZE_OLD: usize = 12;
const SIGNATURE: usize = 10;
const MAJOR: u8 = 3;
const MINOR: u8 = 1;

/// What a greeting comes down to.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// ZMTP 1.0 without a greeting: the bytes so far begin the peer's identity frame, and our first ten bytes
    /// were the header of ours.
    Unversioned(HeaderBuffer),
    /// A twelve-byte greeting; an identity frame follows.
    Old(Version),
    /// A full greeting; the mechanism follows.
    Full(Version, MechanismName),
}

/// Reads the peer's greeting and writes ours.
#[derive(Debug)]
pub struct Greeting {
    received: [u8; SIZE],
    filled: usize,
}

impl Greeting {
    /// Writes the first step.
    pub fn new(routing_id_size: usize, output: &mut Vec<u8>) -> Self {
        output.push(0xff);
        output.extend_from_slice(&(routing_id_size as u64 + 1).to_be_bytes());
        output.push(0x7f);
        Self { received: [0; SIZE], filled: 0 }
    }

    /// Takes bytes until the greeting is complete. Returns how many, and then what came of it.
    pub fn handle_input(
        &mut self,
        input: &[u8],
        socket_number: u8,
        mechanism: &MechanismName,
        output: &mut Vec<u8>,
    ) -> (usize, Option<Outcome>) {
        for (used, &byte) in input.iter().enumerate() {
            if self.filled == 0 && byte != 0xff {
                // The short length of an identity frame: not ours to consume.
                return (used, Some(Outcome::Unversioned(HeaderBuffer::default())));
            }
            let Some(slot) = self.received.get_mut(self.filled) else { return (used, None) };
            *slot = byte;
            self.filled += 1;
            if let Some(outcome) = self.step(byte, socket_number, mechanism, output) {
                return (used + 1, Some(outcome));
            }
        }
        (input.len(), None)
    }

    /// Acts on the byte just stored.
    fn step(
        &self,
        byte: u8,
        socket_number: u8,
        mechanism: &MechanismName,
        output: &mut Vec<u8>,
    ) -> Option<Outcome> {
        let major = self.received[SIGNATURE];
        match self.filled {
            // Flags without the lowest bit: the long header of a 1.0 identity frame.
            SIGNATURE if byte & 1 == 0 => {
                let mut header = HeaderBuffer::default();
                // Ten bytes that begin with 0xff are a whole header; a length of zero is found out later.
                let _ = header.fill(Framing::Old, &self.received[..SIGNATURE]);
                return Some(Outcome::Unversioned(header));
            }
            SIGNATURE => output.push(MAJOR),
            // The value just read is the peer's major version, or revision as 2.0 calls it.
            11 if major < 2 => output.push(socket_number),
            11 => {
                output.push(MINOR);
                output.extend_from_slice(mechanism);
                // as-server and filler. The reference writes 0 for servers too, and peers ignore it.
                output.extend_from_slice(&[0; 32]);
            }
            // The socket type of the peer is not checked: 1.0 and 2.0 leave that to the application.
            SIZE_OLD if major == 0 => return Some(Outcome::Old(Version::V1_0)),
            SIZE_OLD if major == 1 => return Some(Outcome::Old(Version::V2_0)),
            SIZE => {
                let version =
                    if major == 3 && self.received[11] == 0 { Version::V3_0 } else { Version::V3_1 };
                let mut name = [0; 20];
                name.copy_from_slice(&self.received[12..32]);
                return Some(Outcome::Full(version, name));
            }
            _ => {}
        }
        None
    }
}
