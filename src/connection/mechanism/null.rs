//! NULL: each side sends READY, in any order (RFC 37, "The NULL Security Mechanism").
//!
//! A side with a ZAP domain has the peer judged by its address before it sends its own.

use super::{Mechanism, Progress, Step, refusal_status, unexpected};
use crate::connection::command;
use crate::connection::failure::{Failure, FailureKind};
use crate::connection::metadata::{self, PeerMetadata};

/// State of the NULL handshake.
#[derive(Debug, Default)]
pub struct Null {
    /// Our READY is written.
    ready: bool,
    peer: Peer,
}

/// What the peer has said.
#[derive(Debug, Default)]
enum Peer {
    /// READY or ERROR may come.
    #[default]
    Waiting,
    /// READY came; no command may follow until ours is out.
    Ready(PeerMetadata),
    /// The handshake is over.
    Done,
}

impl Null {
    fn write_ready(&mut self, step: &mut Step<'_>) -> Progress {
        command::write(command::READY, &metadata::local(step.config), step.output);
        self.ready = true;
        self.progress()
    }

    fn progress(&mut self) -> Progress {
        match std::mem::replace(&mut self.peer, Peer::Done) {
            Peer::Ready(peer) if self.ready => Progress::Done(peer, None),
            peer => {
                self.peer = peer;
                Progress::Continue
            }
        }
    }
}

impl Mechanism for Null {
    fn name(&self) -> &'static str {
        "NULL"
    }

    /// Our READY does not wait for the peer's.
    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        if step.config.zap.domain.is_empty() {
            return Ok(self.write_ready(step));
        }
        Ok(Progress::Ask(Vec::new()))
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        if !matches!(self.peer, Peer::Waiting) {
            return Err(unexpected(body, "nothing"));
        }
        if let Some(properties) = body.strip_prefix(command::READY) {
            self.peer = Peer::Ready(metadata::accept(step.config, properties)?);
            return Ok(self.progress());
        }
        if let Some(reason) = body.strip_prefix(command::ERROR) {
            self.peer = Peer::Done;
            let (status, reason) = refusal_status(reason)?;
            let kind = match (step.all_sent && self.ready, status) {
                (true, Some(status)) => FailureKind::Authentication(status),
                (true, None) => FailureKind::Protocol(None),
                (false, status) => FailureKind::Refused(status),
            };
            return Err(Failure { kind, reason });
        }
        Err(unexpected(body, "READY"))
    }

    fn handle_approval(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        Ok(self.write_ready(step))
    }
}
