//! Messages and commands behind a GSSAPI handshake: MESSAGE, four bytes of length, and a token with flags and content.

use super::{MESSAGE, message_header, sized};
use crate::connection::failure::{Failure, FailureKind, code};
use crate::connection::mechanism::{check_structure, unexpected};
use crate::gssapi::{Buffer, Session};

/// Appends a whole frame with what `parts` are together, the inner flags first.
pub fn append(
    session: &Session,
    frame_flags: u8,
    parts: &[&[u8]],
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    // The library wants it in one piece.
    let token = session
        .wrap(&parts.concat())
        .map_err(|error| Failure { kind: FailureKind::NoMemory, reason: format!("GSSAPI: {error}") })?;
    message_header(frame_flags, token.len(), output)?;
    output.extend_from_slice(&token);
    Ok(())
}

/// What is in the body of a frame: flags and content.
pub fn open(session: &Session, body: &[u8]) -> Result<Buffer, Failure> {
    check_structure(body)?;
    let Some(data) = body.strip_prefix(MESSAGE) else { return Err(unexpected(body, "MESSAGE")) };
    let token = sized(data)
        .ok_or_else(|| Failure::reported(code::MALFORMED_COMMAND_MESSAGE, "a MESSAGE with a wrong length"))?;
    let opened = session
        .unwrap(token)
        .map_err(|error| Failure::reported(code::CRYPTOGRAPHIC, format!("GSSAPI: {error}")))?;
    if opened.is_empty() {
        return Err(Failure::reported(code::MALFORMED_COMMAND_MESSAGE, "a MESSAGE without flags"));
    }
    Ok(opened)
}

/// For the two halves of a connection.
pub fn halves(session: Session) -> (Sealer, Opener) {
    (Sealer(session.clone()), Opener { session, opened: None })
}

/// Wraps what is sent.
#[derive(Debug)]
pub struct Sealer(Session);

impl Sealer {
    /// Appends a whole frame with `flags` and what `parts` are together.
    pub fn append(&mut self, flags: u8, parts: &[&[u8]], output: &mut Vec<u8>) -> Result<(), Failure> {
        let mut inside: Vec<&[u8]> = vec![std::slice::from_ref(&flags)];
        inside.extend_from_slice(parts);
        append(&self.0, 0, &inside, output)
    }
}

/// Unwraps what is received.
#[derive(Debug)]
pub struct Opener {
    session: Session,
    /// What was opened last.
    opened: Option<Buffer>,
}

impl Opener {
    /// Where the content of an opened body begins.
    pub const CONTENT: usize = 1;

    /// Checks and decrypts the body of a frame. Returns the flags and the content.
    pub fn open_copy(&mut self, body: &[u8]) -> Result<(u8, &[u8]), Failure> {
        let opened: &[u8] = self.opened.insert(open(&self.session, body)?);
        Ok(opened.split_first().map_or((0, &[]), |(flags, content)| (*flags, content)))
    }

    /// The same, with the result in place of the body.
    pub fn open(&mut self, body: &mut Vec<u8>) -> Result<u8, Failure> {
        let opened = open(&self.session, body)?;
        body.clear();
        body.extend_from_slice(&opened);
        Ok(body.first().copied().unwrap_or_default())
    }
}
