//! Tokens, one after the other, until there is a security context.
//!
//! Each step may block: the client's asks a key distribution centre in the network for a ticket, the server's reads keys and writes down what it has
//! seen. So the handshake hands a [`Negotiation`] out, and gets it back when somebody has run the step.

use super::Names;
use crate::gssapi::{Context, Credential, Error, Name, Refusal, Session, Step, Usage};

/// See the module documentation.
#[derive(Debug)]
pub struct Negotiation {
    names: Names,
    usage: Usage,
    parties: Option<Parties>,
    /// What the other side sent last.
    token: Vec<u8>,
    outcome: Option<Result<Step, Refusal>>,
}

/// What is found out in the first step.
#[derive(Debug)]
struct Parties {
    own: Option<Credential>,
    target: Option<Name>,
    context: Context,
}

impl Negotiation {
    pub fn new(names: &Names, usage: Usage) -> Self {
        Self { names: names.clone(), usage, parties: None, token: Vec::new(), outcome: None }
    }

    /// Takes what the other side sent; a step is due then.
    pub fn handle_token(&mut self, token: &[u8]) {
        self.token = token.to_vec();
    }

    /// True for a step that may have to wait for servers in the network.
    pub fn is_remote(&self) -> bool {
        self.usage == Usage::Initiate
    }

    /// Runs the step that is due. May block for as long as the system's configuration of Kerberos allows.
    pub fn run(&mut self) {
        self.outcome = Some(self.step());
    }

    fn step(&mut self) -> Result<Step, Refusal> {
        if self.parties.is_none() {
            self.parties = Some(Parties::find(&self.names, self.usage)?);
        }
        let Some(parties) = &mut self.parties else { return Err(Error::missing("a context").into()) };
        match &parties.target {
            Some(target) => parties.context.initiate(parties.own.as_ref(), target, &self.token),
            None => parties.context.accept(parties.own.as_ref(), &self.token),
        }
    }

    /// What the last step came to, once.
    pub fn take_outcome(&mut self) -> Result<Step, Refusal> {
        self.outcome.take().unwrap_or_else(|| Err(Error::missing("the step").into()))
    }

    /// The context, when it is complete.
    pub fn into_session(self) -> Option<Session> {
        self.parties.map(|parties| parties.context.into())
    }
}

impl Parties {
    fn find(names: &Names, usage: Usage) -> Result<Self, Error> {
        let own = match &names.own {
            Some(own) => {
                let own = Name::import(&own.text, own.kind)?;
                // The role alone counts: a client needs no key to accept with, a server no ticket.
                Some(Credential::acquire(&own, usage)?)
            }
            None => None,
        };
        let target = match (usage, &names.service) {
            (Usage::Accept, _) => None,
            (Usage::Initiate, Some(service)) => Some(Name::import(&service.text, service.kind)?),
            (Usage::Initiate, None) => return Err(Error::missing("the server's principal")),
        };
        Ok(Self { own, target, context: Context::new()? })
    }
}
