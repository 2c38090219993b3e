//! The server's side of the GSSAPI handshake.

use super::negotiation::Negotiation;
use super::*;
use crate::connection::config::Security;
use crate::connection::mechanism::cipher::Ciphers;
use crate::connection::mechanism::{Mechanism, Progress, Step, refusal_data};
use crate::connection::metadata;
use crate::gssapi::{Name, Usage};

/// See the module documentation.
#[derive(Debug, Default)]
pub enum Server {
    #[default]
    Starting,
    /// A helper thread has the negotiation; the client has nothing to say.
    Negotiating,
    AwaitingToken(Box<Negotiation>),
    /// The context is complete on our side, and will be on the client's when it has our token.
    AwaitingEnd(Proven),
    /// The client is judged.
    AwaitingVerdict(Proven),
    AwaitingReady(Session),
    Done,
}

/// A client that proved who it is.
#[derive(Debug)]
pub struct Proven {
    session: Session,
    name: Option<Name>,
}

impl Server {
    /// The tokens are exchanged. A handler that is there is asked in any case, as in the reference: ZMQ_ZAP_ENFORCE_DOMAIN says only what
    /// happens without one.
    fn judge(&mut self, proven: Proven) -> Result<Progress, Failure> {
        let Some(name) = &proven.name else { return Err(no_context("the client has no name")) };
        let name = name.display().map_err(no_context)?;
        *self = Self::AwaitingVerdict(proven);
        Ok(Progress::Ask(vec![name]))
    }

    /// READY: what we say about ourselves.
    fn welcome(&mut self, proven: Proven, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let own = metadata::local(step.config);
        write_wrapped(&proven.session, is_plaintext(step), command::READY, &own, step.output)?;
        *self = Self::AwaitingReady(proven.session);
        Ok(Progress::Continue)
    }
}

fn is_plaintext(step: &Step<'_>) -> bool {
    matches!(&step.config.security, Security::GssapiServer(names) if names.plaintext)
}

impl Mechanism for Server {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        if let Security::GssapiServer(names) = &step.config.security {
            *self = Self::AwaitingToken(Box::new(Negotiation::new(names, Usage::Accept)));
        }
        Ok(Progress::Continue)
    }

    fn handle_negotiation(
        &mut self,
        mut negotiation: Box<Negotiation>,
        step: &mut Step<'_>,
    ) -> Result<Progress, Failure> {
        let outcome = match negotiation.take_outcome() {
            Ok(outcome) => outcome,
            Err(refusal) => {
                if !refusal.token.is_empty() {
                    // So that the client finds out why.
                    write_token(&refusal.token, step.output);
                }
                return Err(no_context(refusal.error));
            }
        };
        let answered = !outcome.token.is_empty();
        if answered {
            write_token(&outcome.token, step.output);
        }
        if !outcome.complete {
            *self = Self::AwaitingToken(negotiation);
            return Ok(Progress::Continue);
        }
        let session = negotiation.into_session().ok_or_else(|| no_context("no context"))?;
        let proven = Proven { session, name: outcome.peer };
        if answered {
            *self = Self::AwaitingEnd(proven);
            return Ok(Progress::Continue);
        }
        self.judge(proven)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        match std::mem::replace(self, Self::Done) {
            Self::AwaitingToken(mut negotiation) => {
                negotiation.handle_token(read_token(body)?);
                *self = Self::Negotiating;
                Ok(Progress::Negotiate(negotiation))
            }
            Self::AwaitingEnd(proven) if body.is_empty() => self.judge(proven),
            Self::AwaitingReady(session) => {
                let content = read_wrapped(&session, is_plaintext(step), body)?;
                let Some(properties) = content.strip_prefix(command::READY) else {
                    return Err(unexpected(&content, "READY"));
                };
                let peer = metadata::accept(step.config, properties).map_err(Failure::of_metadata)?;
                let ciphers = (!is_plaintext(step)).then(|| Ciphers::gssapi(session));
                Ok(Progress::Done(peer, ciphers))
            }
            _ => Err(unexpected(body, "nothing")),
        }
    }

    fn handle_approval(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        match std::mem::replace(self, Self::Done) {
            Self::AwaitingVerdict(proven) => self.welcome(proven, step),
            other => {
                *self = other;
                Ok(Progress::Continue)
            }
        }
    }

    /// ERROR comes in place of READY, and like it is wrapped, so that nobody else can send it.
    fn refuse(&mut self, status: u16, step: &mut Step<'_>) {
        if let Self::AwaitingVerdict(proven) = std::mem::replace(self, Self::Done) {
            let data = refusal_data(status);
            // The client is not welcome anyway.
            let _ = write_wrapped(&proven.session, is_plaintext(step), command::ERROR, &data, step.output);
        }
    }
}
