//! GSSAPI: connections that Kerberos vouches for (RFC 38, as far as it goes; the rest is what libzmq does).
//!
//! The commands in order: INITIATE with a token of the client's, INITIATE with one of the server's, and so on until both have a security context; a
//! command without anything from the client, when it has no token left; READY from the server; READY from the client. Unless both sides asked for plain
//! text, READY and everything behind it is wrapped in a MESSAGE.
//!
//! `client` and `server` are the two sides of the handshake, `negotiation` is what they leave to a helper thread, `cipher` is what they leave behind.

pub mod cipher;
pub mod client;
pub mod negotiation;
pub mod server;

use super::{check_structure, unexpected};
use crate::connection::command;
use crate::connection::failure::{Failure, FailureKind, code};
use crate::connection::frame::{COMMAND, Framing};
use crate::gssapi::{NameKind, Session};

pub const NAME: &str = "GSSAPI";

pub const INITIATE: &[u8] = b"\x08INITIATE";
pub const MESSAGE: &[u8] = b"\x07MESSAGE";

/// A name as the application has set it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    pub text: Vec<u8>,
    pub kind: NameKind,
}

/// What a side must know beforehand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// Who we are; `None` is whoever the process is.
    pub own: Option<Principal>,
    /// Whom a client wants to talk to.
    pub service: Option<Principal>,
    /// Nothing is wrapped; the other side has to think the same.
    pub plaintext: bool,
}

/// Appends an INITIATE with a token.
fn write_token(token: &[u8], output: &mut Vec<u8>) {
    // The library's tokens are far smaller than that.
    let size = u32::try_from(token.len()).unwrap_or(u32::MAX);
    command::write(INITIATE, &[&size.to_be_bytes(), token].concat(), output);
}

/// The token in an INITIATE.
fn read_token(body: &[u8]) -> Result<&[u8], Failure> {
    check_structure(body)?;
    let Some(data) = body.strip_prefix(INITIATE) else { return Err(unexpected(body, "INITIATE")) };
    sized(data)
        .ok_or_else(|| Failure::reported(code::MALFORMED_COMMAND_INITIATE, "an INITIATE with a wrong length"))
}

/// What follows four bytes that say how much it is.
fn sized(data: &[u8]) -> Option<&[u8]> {
    let (size, rest) = data.split_first_chunk()?;
    (u32::from_be_bytes(*size) as usize == rest.len()).then_some(rest)
}

/// There will be no context. As in the reference nothing more is said, and whoever connected comes back when the time for the handshake is over:
/// a ticket or a key may be there by then.
fn no_context(reason: impl std::fmt::Display) -> Failure {
    Failure { kind: FailureKind::Refused(None), reason: format!("GSSAPI: {reason}") }
}

/// Appends a command of the handshake that comes after the tokens.
fn write_wrapped(
    session: &Session,
    plaintext: bool,
    name: &[u8],
    data: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    if plaintext {
        command::write(name, data, output);
        return Ok(());
    }
    // What is inside has no flags, unlike the commands that come later.
    cipher::append(session, COMMAND, &[&[0], name, data], output)
}

/// Unwraps a command of the handshake that comes after the tokens.
fn read_wrapped(session: &Session, plaintext: bool, body: &[u8]) -> Result<Vec<u8>, Failure> {
    if plaintext {
        return Ok(body.to_vec());
    }
    let opened = cipher::open(session, body)?;
    Ok(opened.get(1..).unwrap_or_default().to_vec())
}

/// A frame header and MESSAGE, for `size` bytes of a token.
fn message_header(flags: u8, size: usize, output: &mut Vec<u8>) -> Result<(), Failure> {
    let Ok(short) = u32::try_from(size) else {
        return Err(Failure::too_large(size as u64, u32::MAX.into()));
    };
    let (header, header_size) = Framing::New.header(flags, MESSAGE.len() + 4 + size);
    output.extend_from_slice(header.get(..header_size).unwrap_or(&header));
    output.extend_from_slice(MESSAGE);
    output.extend_from_slice(&short.to_be_bytes());
    Ok(())
}
