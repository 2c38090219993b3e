//! The client's side of the GSSAPI handshake.

use super::negotiation::Negotiation;
use super::*;
use crate::connection::config::Security;
use crate::connection::mechanism::cipher::Ciphers;
use crate::connection::mechanism::{Mechanism, Progress, Step, refusal};
use crate::connection::metadata;
use crate::gssapi::Usage;

/// See the module documentation.
#[derive(Debug, Default)]
pub enum Client {
    #[default]
    Starting,
    /// A helper thread has the negotiation; the server has nothing to say.
    Negotiating,
    AwaitingToken(Box<Negotiation>),
    AwaitingReady(Session),
    Done,
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Security::GssapiClient(names) = &step.config.security else { return Ok(Progress::Continue) };
        *self = Self::Negotiating;
        Ok(Progress::Negotiate(Box::new(Negotiation::new(names, Usage::Initiate))))
    }

    fn handle_negotiation(
        &mut self,
        mut negotiation: Box<Negotiation>,
        step: &mut Step<'_>,
    ) -> Result<Progress, Failure> {
        let outcome = negotiation.take_outcome().map_err(|refusal| no_context(refusal.error))?;
        if !outcome.token.is_empty() {
            write_token(&outcome.token, step.output);
        }
        if !outcome.complete {
            *self = Self::AwaitingToken(negotiation);
            return Ok(Progress::Continue);
        }
        if outcome.token.is_empty() {
            // The server waits for a token that there is not.
            command::write(b"", b"", step.output);
        }
        let session = negotiation.into_session().ok_or_else(|| no_context("no context"))?;
        *self = Self::AwaitingReady(session);
        Ok(Progress::Continue)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Security::GssapiClient(names) = &step.config.security else { return Ok(Progress::Continue) };
        match std::mem::replace(self, Self::Done) {
            Self::AwaitingToken(mut negotiation) => {
                negotiation.handle_token(read_token(body)?);
                *self = Self::Negotiating;
                Ok(Progress::Negotiate(negotiation))
            }
            Self::AwaitingReady(session) => {
                let content = read_wrapped(&session, names.plaintext, body)?;
                if let Some(reason) = content.strip_prefix(command::ERROR) {
                    return Err(refusal(reason));
                }
                let Some(properties) = content.strip_prefix(command::READY) else {
                    return Err(unexpected(&content, "READY or ERROR"));
                };
                let peer = metadata::accept(step.config, properties).map_err(Failure::of_metadata)?;
                let own = metadata::local(step.config);
                write_wrapped(&session, names.plaintext, command::READY, &own, step.output)?;
                let ciphers = (!names.plaintext).then(|| Ciphers::gssapi(session));
                Ok(Progress::Done(peer, ciphers))
            }
            Self::Starting | Self::Negotiating | Self::Done => Err(unexpected(body, "nothing")),
        }
    }
}
