//! CURVE: confidential and authenticated connections (RFC 26, CurveZMQ).
//!
//! The commands in order: HELLO, WELCOME, INITIATE, READY, then every message and command is wrapped in a MESSAGE. `client` and `server` are the two
//! sides of the handshake, `cipher` is what they leave behind.
//!
//! Names of keys as in the specification: C and c are the client's long-term public and secret key, S and s the server's, with a prime those of one
//! connection.

pub mod cipher;
pub mod client;
pub mod server;

use crate::connection::failure::{Failure, FailureKind, code};
use crate::crypto::{BoxKey, NONCE, TAG};
use crate::error::Errno;

pub const NAME: &str = "CURVE";

pub const HELLO: &[u8] = b"\x05HELLO";
pub const WELCOME: &[u8] = b"\x07WELCOME";
pub const INITIATE: &[u8] = b"\x08INITIATE";
pub const MESSAGE: &[u8] = b"\x07MESSAGE";

/// Bytes of the commands whose size is fixed, their names included.
pub const HELLO_SIZE: usize = 200;
pub const WELCOME_SIZE: usize = 168;
/// Cookie with its nonce.
pub const COOKIE_SIZE: usize = 96;
/// C, the vouch with its nonce.
pub const VOUCH_SIZE: usize = 32 + 16 + 80;

/// Fixed parts of nonces that end with a counter.
pub const HELLO_NONCE: &[u8; 16] = b"CurveZMQHELLO---";
pub const INITIATE_NONCE: &[u8; 16] = b"CurveZMQINITIATE";
pub const READY_NONCE: &[u8; 16] = b"CurveZMQREADY---";
/// Fixed parts of nonces that end with 16 random bytes.
pub const WELCOME_NONCE: &[u8; 8] = b"WELCOME-";
pub const COOKIE_NONCE: &[u8; 8] = b"COOKIE--";
pub const VOUCH_NONCE: &[u8; 8] = b"VOUCH---";

/// A whole nonce of its fixed and its changing part, which have 24 bytes together.
pub fn nonce(prefix: &[u8], rest: &[u8]) -> [u8; NONCE] {
    debug_assert_eq!(prefix.len() + rest.len(), NONCE);
    let mut nonce = [0; NONCE];
    nonce.iter_mut().zip(prefix.iter().chain(rest)).for_each(|(place, byte)| *place = *byte);
    nonce
}

/// Appends a box of `body`: tag, then what was encrypted.
pub fn seal(key: &BoxKey, nonce: &[u8; NONCE], mut body: Vec<u8>, output: &mut Vec<u8>) {
    let tag = key.seal(nonce, &mut body);
    output.extend_from_slice(&tag);
    output.extend_from_slice(&body);
}

/// Opens a box of the handshake.
pub fn open(
    key: Option<&BoxKey>,
    nonce: &[u8; NONCE],
    sealed: &[u8],
    command: &str,
) -> Result<Vec<u8>, Failure> {
    let opened = sealed.split_first_chunk::<TAG>().and_then(|(tag, body)| {
        let mut body = body.to_vec();
        key?.open(nonce, tag, &mut body).then_some(body)
    });
    opened.ok_or_else(|| unreadable(command))
}

/// A box that does not open: damaged, forged, or made for another key.
pub fn unreadable(command: &str) -> Failure {
    Failure::reported(code::CRYPTOGRAPHIC, format!("cannot decrypt {command}: are the keys right?"))
}

/// A copy of `N` bytes at `at`. The caller has checked the size.
pub fn bytes<const N: usize>(body: &[u8], at: usize) -> [u8; N] {
    body.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

pub fn no_randomness(error: Errno) -> Failure {
    Failure { kind: FailureKind::NoRandomness, reason: format!("no random numbers for a key: {error}") }
}
