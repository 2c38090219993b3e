//! Security mechanisms: what happens between the greeting and the first message (RFC 37, "Security
//! Mechanisms").
//!
//! A mechanism is a file here and a row in [`create`]. It reads the bodies of the peer's handshake commands, writes its own, may have the
//! peer's credentials judged (`zap`), may leave work to a thread that can wait, and ends with what the peer said about itself. It must not know frames
//! or versions; what it leaves behind for messages is in `cipher`.

pub mod cipher;
pub mod curve;
pub mod gssapi;
mod null;
mod plain;

use super::command;
use super::config::{Config, Security};
use super::failure::{Failure, FailureKind, code};
use super::greeting::MechanismName;
use super::metadata::PeerMetadata;
use cipher::Ciphers;
use gssapi::negotiation::Negotiation;

/// The mechanism in use on one connection.
pub trait Mechanism: std::fmt::Debug + Send {
    /// Must be equal on both sides.
    fn name(&self) -> &'static str;

    /// The greeting is done.
    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure>;

    /// The body of a command has come.
    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure>;

    /// The peer is welcome: the answer to [`Progress::Ask`].
    fn handle_approval(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let _ = step;
        Ok(Progress::Continue)
    }

    /// The peer is not welcome, with status 400 or 500: tells it.
    fn refuse(&mut self, status: u16, step: &mut Step<'_>) {
        command::write(command::ERROR, &refusal_data(status), step.output);
    }

    /// The step is run: the answer to [`Progress::Negotiate`].
    fn handle_negotiation(
        &mut self,
        negotiation: Box<Negotiation>,
        step: &mut Step<'_>,
    ) -> Result<Progress, Failure> {
        let _ = (negotiation, step);
        Ok(Progress::Continue)
    }
}

/// What a mechanism works with.
pub struct Step<'a> {
    pub config: &'a Config,
    /// Command frames to write.
    pub output: &'a mut Vec<u8>,
    /// Everything written before was taken by the driver.
    pub all_sent: bool,
}

/// What a step came to.
#[derive(Debug)]
pub enum Progress {
    /// The peer has the word.
    Continue,
    /// These credentials are to be judged; any command that comes before the verdict is out of place.
    Ask(Vec<Vec<u8>>),
    /// A step that may block is to be run elsewhere; any command that comes before it is done is out of place.
    Negotiate(Box<Negotiation>),
    /// Nothing is left to exchange.
    Done(PeerMetadata, Option<Ciphers>),
}

/// The mechanism that the socket is configured for.
pub fn create(config: &Config) -> Box<dyn Mechanism> {
    match &config.security {
        Security::Null => Box::new(null::Null::default()),
        Security::PlainClient { .. } => Box::new(plain::Client::default()),
        Security::PlainServer => Box::new(plain::Server::default()),
        Security::CurveClient(_) => Box::new(curve::client::Client::default()),
        Security::CurveServer(_) => Box::new(curve::server::Server::default()),
        Security::GssapiClient(_) => Box::new(gssapi::client::Client::default()),
        Security::GssapiServer(_) => Box::new(gssapi::server::Server::default()),
    }
}

/// A name as in the greeting: padded with NUL.
pub fn padded(name: &str) -> MechanismName {
    let mut padded = MechanismName::default();
    padded.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
    padded
}

/// A command is a name and something behind it.
fn check_structure(body: &[u8]) -> Result<(), Failure> {
    match body {
        [size, rest @ ..] if !rest.is_empty() && rest.len() >= usize::from(*size) => Ok(()),
        _ => Err(Failure::reported(code::MALFORMED_COMMAND, "a command shorter than its name")),
    }
}

/// The name of a command, for messages; what follows may be secret.
fn shown(body: &[u8]) -> impl std::fmt::Display {
    let size = body.first().map_or(0, |&size| 1 + usize::from(size));
    body.get(..size.min(body.len()).min(32)).unwrap_or_default().escape_ascii()
}

/// A command that has no place where it came.
fn unexpected(body: &[u8], expected: &str) -> Failure {
    let shown = shown(body);
    Failure::reported(
        code::UNEXPECTED_COMMAND,
        format!("unexpected command \"{shown}\" instead of {expected}"),
    )
}

/// What an ERROR command means to a side that has sent all it had to say.
fn refusal(data: &[u8]) -> Failure {
    let (status, reason) = match refusal_status(data) {
        Ok(refusal) => refusal,
        Err(failure) => return failure,
    };
    let kind = status.map_or(FailureKind::Protocol(None), FailureKind::Authentication);
    Failure { kind, reason }
}

/// Reads the data of an ERROR command: a short string; bytes after it are ignored. Three of them are statuses of RFC 27,
/// any other text is for people.
fn refusal_status(data: &[u8]) -> Result<(Option<u16>, String), Failure> {
    let reason = data.split_first().and_then(|(size, text)| text.get(..usize::from(*size)));
    let Some(reason) = reason else {
        return Err(Failure::reported(
            code::MALFORMED_COMMAND_ERROR,
            "an ERROR command shorter than its reason",
        ));
    };
    let status = match reason {
        b"300" => Some(300),
        b"400" => Some(400),
        b"500" => Some(500),
        _ => None,
    };
    Ok((status, format!("the peer refused: \"{}\"", reason.escape_ascii())))
}

/// The data of an ERROR command: a short string.
fn refusal_data(status: u16) -> Vec<u8> {
    let text = status.to_string();
    [&[text.len() as u8], text.as_bytes()].concat()
}
