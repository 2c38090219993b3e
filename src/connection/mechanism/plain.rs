//! PLAIN: the client sends a user name and a password in clear text (RFC 24). Commands in order: HELLO, WELCOME, INITIATE, READY;
//! instead of WELCOME or READY the server may send ERROR.

use super::{Mechanism, Progress, Step, check_structure, refusal, refusal_data, shown, unexpected};
use crate::connection::command;
use crate::connection::config::Security;
use crate::connection::failure::{Failure, code};
use crate::connection::metadata;

const HELLO: &[u8] = b"\x05HELLO";
const WELCOME: &[u8] = b"\x07WELCOME";
const INITIATE: &[u8] = b"\x08INITIATE";
/// The ERROR of libzmq's PLAIN on the wire: its source has `"\x05ERROR"`, of which C takes the E for a hexadecimal digit.
/// We send the same, because its clients understand nothing else, and understand both.
const ERROR: &[u8] = b"\x5eRROR";

/// The side that has a name and a password.
#[derive(Debug, Default)]
pub enum Client {
    #[default]
    AwaitingWelcome,
    AwaitingReady,
    Done,
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let mut data = Vec::new();
        if let Security::PlainClient { username, password } = &step.config.security {
            for text in [username, &**password] {
                // The options take at most 255 bytes.
                data.push(text.len() as u8);
                data.extend_from_slice(text);
            }
        }
        command::write(HELLO, &data, step.output);
        Ok(Progress::Continue)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        if let (Self::AwaitingWelcome, Some(rest)) = (&*self, body.strip_prefix(WELCOME)) {
            if !rest.is_empty() {
                return Err(Failure::reported(code::MALFORMED_COMMAND_WELCOME, "a WELCOME with data"));
            }
            *self = Self::AwaitingReady;
            command::write(INITIATE, &metadata::local(step.config), step.output);
            return Ok(Progress::Continue);
        }
        if let (Self::AwaitingReady, Some(properties)) = (&*self, body.strip_prefix(command::READY)) {
            *self = Self::Done;
            let peer = metadata::accept(step.config, properties).map_err(Failure::of_metadata)?;
            return Ok(Progress::Done(peer, None));
        }
        if let (Self::AwaitingWelcome | Self::AwaitingReady, Some(reason)) =
            (&*self, body.strip_prefix(ERROR).or_else(|| body.strip_prefix(command::ERROR)))
        {
            *self = Self::Done;
            return Err(refusal(reason));
        }
        Err(unexpected(body, "WELCOME, READY or ERROR"))
    }
}

/// The side that has names and passwords judged.
#[derive(Debug, Default)]
pub enum Server {
    #[default]
    AwaitingHello,
    AwaitingVerdict,
    AwaitingInitiate,
    Done,
}

impl Mechanism for Server {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn start(&mut self, _step: &mut Step<'_>) -> Result<Progress, Failure> {
        Ok(Progress::Continue)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        match self {
            Self::AwaitingHello => {
                check_structure(body)?;
                let Some(data) = body.strip_prefix(HELLO) else { return Err(unexpected(body, "HELLO")) };
                let credentials = parse_hello(data).ok_or_else(|| {
                    Failure::reported(code::MALFORMED_COMMAND_HELLO, "a HELLO with wrong lengths")
                })?;
                *self = Self::AwaitingVerdict;
                Ok(Progress::Ask(credentials))
            }
            Self::AwaitingInitiate => {
                let Some(properties) = body.strip_prefix(INITIATE) else {
                    return Err(unexpected(body, "INITIATE"));
                };
                *self = Self::Done;
                let peer = metadata::accept(step.config, properties)?;
                command::write(command::READY, &metadata::local(step.config), step.output);
                Ok(Progress::Done(peer, None))
            }
            Self::AwaitingVerdict | Self::Done => {
                let shown = shown(body);
                Err(Failure::reported(code::UNSPECIFIED, format!("command \"{shown}\" out of turn")))
            }
        }
    }

    fn handle_approval(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        *self = Self::AwaitingInitiate;
        command::write(WELCOME, &[], step.output);
        Ok(Progress::Continue)
    }

    fn refuse(&mut self, status: u16, step: &mut Step<'_>) {
        command::write(ERROR, &refusal_data(status), step.output);
    }
}

/// User name and password, each with its length in one byte.
fn parse_hello(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (size, rest) = data.split_first()?;
    let (username, rest) = rest.split_at_checked(usize::from(*size))?;
    let (size, rest) = rest.split_first()?;
    let (password, rest) = rest.split_at_checked(usize::from(*size))?;
    rest.is_empty().then(|| vec![username.to_vec(), password.to_vec()])
}
