//! NULL: each side sends READY, in any order (RFC 37, "The NULL Security Mechanism").

use crate::connection::command;
use crate::connection::config::Config;
use crate::connection::failure::{Failure, FailureKind, code};
use crate::connection::metadata::{self, PeerMetadata};

/// State of the NULL handshake.
#[derive(Debug, Default)]
pub enum Null {
    /// The peer's READY may come.
    #[default]
    Waiting,
    /// It came; whatever follows is no longer for the handshake.
    Ready(PeerMetadata),
    /// READY was handed on, or ERROR came: no command may follow.
    Done,
}

impl Null {
    /// Our READY does not wait for the peer's.
    pub fn start(&mut self, config: &Config, output: &mut Vec<u8>) {
        command::write(command::READY, &metadata::local(config), output);
    }

    pub fn handle_command(&mut self, config: &Config, body: &[u8], all_sent: bool) -> Result<(), Failure> {
        if let (Self::Waiting, Some(properties)) = (&*self, body.strip_prefix(command::READY)) {
            *self = Self::Ready(metadata::accept(config, properties)?);
            return Ok(());
        }
        if let (Self::Waiting, Some(reason)) = (&*self, body.strip_prefix(command::ERROR)) {
            *self = Self::Done;
            return Err(refusal(reason, all_sent));
        }
        let name = body.get(..body.len().min(32)).unwrap_or_default().escape_ascii();
        Err(Failure::reported(
            code::UNEXPECTED_COMMAND,
            format!("unexpected command \"{name}\" instead of READY"),
        ))
    }

    pub fn take_peer(&mut self) -> Option<PeerMetadata> {
        match std::mem::replace(self, Self::Done) {
            Self::Ready(peer) => Some(peer),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// What an ERROR command means. Its data is a short string; bytes after it are ignored.
pub fn refusal(data: &[u8], all_sent: bool) -> Failure {
    let reason = data.split_first().and_then(|(size, text)| text.get(..usize::from(*size)));
    let Some(reason) = reason else {
        return Failure::reported(code::MALFORMED_COMMAND_ERROR, "an ERROR command shorter than its reason");
    };
    // RFC 27 status codes; any other text is for people.
    let status = match reason {
        b"300" => Some(300),
        b"400" => Some(400),
        b"500" => Some(500),
        _ => None,
    };
    let kind = match (all_sent, status) {
        (true, Some(status)) => FailureKind::Authentication(status),
        (true, None) => FailureKind::Protocol(None),
        (false, status) => FailureKind::Refused(status),
    };
    Failure { kind, reason: format!("the peer refused: \"{}\"", reason.escape_ascii()) }
}
