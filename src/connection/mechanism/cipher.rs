//! What a mechanism leaves behind: how messages and commands are wrapped, one way and the other.

use super::curve::cipher as curve;
use super::gssapi::cipher as gssapi;
use crate::connection::failure::Failure;
use crate::gssapi::Session;

/// Flags inside: more parts of the same message follow.
pub const MORE: u8 = 0x01;
/// Flags inside: the content is a command.
pub const COMMAND: u8 = 0x02;
/// Flags inside, GSSAPI alone: the content is a topic to subscribe to.
pub const SUBSCRIBE: u8 = 0x04;
/// Flags inside, GSSAPI alone: the content is a topic that is no longer wanted.
pub const CANCEL: u8 = 0x08;

/// For the two halves of a connection, one each.
#[derive(Debug)]
pub struct Ciphers {
    pub sealer: Box<Sealer>,
    pub opener: Box<Opener>,
}

impl Ciphers {
    pub fn curve((sealer, opener): (curve::Sealer, curve::Opener)) -> Self {
        Self { sealer: Box::new(Sealer::Curve(sealer)), opener: Box::new(Opener::Curve(opener)) }
    }

    pub fn gssapi(session: Session) -> Self {
        let (sealer, opener) = gssapi::halves(session);
        Self { sealer: Box::new(Sealer::Gssapi(sealer)), opener: Box::new(Opener::Gssapi(opener)) }
    }
}

/// Wraps what is sent.
#[derive(Debug)]
pub enum Sealer {
    Curve(curve::Sealer),
    Gssapi(gssapi::Sealer),
}

impl Sealer {
    /// Appends a whole frame with `flags` and what `parts` are together. After a failure nothing more can be sent.
    #[inline]
    pub fn append(&mut self, flags: u8, parts: &[&[u8]], output: &mut Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Curve(sealer) => {
                sealer.append(flags, parts, output);
                Ok(())
            }
            Self::Gssapi(sealer) => sealer.append(flags, parts, output),
        }
    }

    /// Subscriptions travel as commands to whoever knows them. Behind GSSAPI the reference understands them as messages alone.
    pub fn subscribes_by_command(&self) -> bool {
        matches!(self, Self::Curve(_))
    }
}

/// Unwraps what is received.
#[derive(Debug)]
pub enum Opener {
    Curve(curve::Opener),
    Gssapi(gssapi::Opener),
}

impl Opener {
    /// Checks and decrypts a copy of the body of a frame. Returns the flags and the content.
    #[inline]
    pub fn open_copy(&mut self, body: &[u8]) -> Result<(u8, &[u8]), Failure> {
        match self {
            Self::Curve(opener) => {
                opener.open_copy(body).map(|(flags, content)| (flags & (MORE | COMMAND), content))
            }
            Self::Gssapi(opener) => opener.open_copy(body),
        }
    }

    /// Checks and decrypts the body of a frame in place. Returns the flags, and where the content begins.
    #[inline]
    pub fn open(&mut self, body: &mut Vec<u8>) -> Result<(u8, usize), Failure> {
        match self {
            Self::Curve(opener) => {
                opener.open(body).map(|flags| (flags & (MORE | COMMAND), curve::Opener::CONTENT))
            }
            Self::Gssapi(opener) => opener.open(body).map(|flags| (flags, gssapi::Opener::CONTENT)),
        }
    }
}
