//! The server's side of the CURVE handshake.
//!
//! Between WELCOME and INITIATE the server knows nothing of the client but a key of its own: C' and s' travel in the cookie, so that a client
//! who never proves anything costs nothing but its connection.

use super::cipher::{Role, halves};
use super::*;
use crate::connection::command;
use crate::connection::config::Security;
use crate::connection::mechanism::cipher::Ciphers;
use crate::connection::mechanism::{Mechanism, Progress, Step, check_structure, shown, unexpected};
use crate::connection::metadata::{self, PeerMetadata};
use crate::crypto::{BoxKey, KEY, PublicKey, SecretKey, equal, random};
use zeroize::Zeroizing;

/// See the module documentation.
#[derive(Debug, Default)]
pub enum Server {
    #[default]
    AwaitingHello,
    /// The cookie opens with this key.
    AwaitingInitiate {
        cookie_key: BoxKey,
    },
    /// The client is judged.
    AwaitingVerdict(Proven),
    Done,
}

/// A client that proved who it is.
#[derive(Debug)]
pub struct Proven {
    /// Between s' and C'.
    key: BoxKey,
    /// Counter of its INITIATE.
    received: u64,
    peer: PeerMetadata,
}

const READY_COUNTER: u64 = 1;

impl Server {
    /// WELCOME: S' and the cookie, for the client's eyes.
    fn answer_hello(
        &mut self,
        body: &[u8],
        secret: &SecretKey,
        step: &mut Step<'_>,
    ) -> Result<Progress, Failure> {
        check_structure(body)?;
        if !body.starts_with(HELLO) {
            return Err(unexpected(body, "HELLO"));
        }
        if body.len() != HELLO_SIZE || bytes::<2>(body, 6) != [1, 0] {
            return Err(Failure::reported(
                code::MALFORMED_COMMAND_HELLO,
                "a HELLO of the wrong size or version",
            ));
        }
        let client: PublicKey = bytes(body, 80);
        let hello_key = BoxKey::shared(&client, secret);
        let hello_nonce = nonce(HELLO_NONCE, &bytes::<8>(body, 112));
        open(hello_key.as_ref(), &hello_nonce, body.get(120..).unwrap_or_default(), "HELLO")?;
        let hello_key = hello_key.ok_or_else(|| unreadable("HELLO"))?;

        let own = SecretKey::generate().map_err(no_randomness)?;
        let cookie_key = BoxKey::from_bytes(&random().map_err(no_randomness)?);
        let cookie_nonce: [u8; 16] = random().map_err(no_randomness)?;
        let welcome_nonce: [u8; 16] = random().map_err(no_randomness)?;
        let mut welcome = own.public_key().to_vec();
        welcome.extend_from_slice(&cookie_nonce);
        let kept = [&client[..], &own.as_bytes()[..]].concat();
        seal(&cookie_key, &nonce(COOKIE_NONCE, &cookie_nonce), kept, &mut welcome);
        let mut data = welcome_nonce.to_vec();
        seal(&hello_key, &nonce(WELCOME_NONCE, &welcome_nonce), welcome, &mut data);
        command::write(WELCOME, &data, step.output);
        *self = Self::AwaitingInitiate { cookie_key };
        Ok(Progress::Continue)
    }

    /// Checks the cookie, the client's claim to be C, and its vouch for C'; then C may be judged.
    fn handle_initiate(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Self::AwaitingInitiate { cookie_key } = std::mem::replace(self, Self::Done) else {
            return Err(unexpected(body, "nothing"));
        };
        check_structure(body)?;
        if !body.starts_with(INITIATE) {
            return Err(unexpected(body, "INITIATE"));
        }
        let sealed = body.get(INITIATE.len() + COOKIE_SIZE + 8..).unwrap_or_default();
        if sealed.len() < TAG + VOUCH_SIZE {
            return Err(Failure::reported(code::MALFORMED_COMMAND_INITIATE, "an INITIATE that is too short"));
        }
        let cookie: [u8; COOKIE_SIZE] = bytes(body, INITIATE.len());
        let cookie_nonce = nonce(COOKIE_NONCE, &bytes::<16>(&cookie, 0));
        let kept = Zeroizing::new(open(Some(&cookie_key), &cookie_nonce, &cookie[16..], "the cookie")?);
        let client: PublicKey = bytes(&kept, 0);
        let own = SecretKey::from_bytes(&bytes(&kept, KEY));
        let key = BoxKey::shared(&client, &own).ok_or_else(|| unreadable("INITIATE"))?;

        let counter: [u8; 8] = bytes(body, INITIATE.len() + COOKIE_SIZE);
        let inner = open(Some(&key), &nonce(INITIATE_NONCE, &counter), sealed, "INITIATE")?;
        let long_term: PublicKey = bytes(&inner, 0);
        let vouch_nonce = nonce(VOUCH_NONCE, &bytes::<16>(&inner, KEY));
        let vouch_key = BoxKey::shared(&long_term, &own);
        let vouch = inner.get(KEY + 16..VOUCH_SIZE).unwrap_or_default();
        let vouched = open(vouch_key.as_ref(), &vouch_nonce, vouch, "the vouch")?;
        if !equal(vouched.get(..KEY).unwrap_or_default(), &client) {
            return Err(Failure::reported(code::KEY_EXCHANGE, "the client vouches for another key"));
        }
        let peer = metadata::accept(step.config, inner.get(VOUCH_SIZE..).unwrap_or_default())?;
        let proven = Proven { key, received: u64::from_be_bytes(counter), peer };
        if step.config.zap.asks() {
            *self = Self::AwaitingVerdict(proven);
            return Ok(Progress::Ask(vec![long_term.to_vec()]));
        }
        Ok(finish(proven, step))
    }
}

/// READY: what we say about ourselves.
fn finish(proven: Proven, step: &mut Step<'_>) -> Progress {
    let Proven { key, received, peer } = proven;
    let counter = READY_COUNTER.to_be_bytes();
    let mut data = counter.to_vec();
    seal(&key, &nonce(READY_NONCE, &counter), metadata::local(step.config), &mut data);
    command::write(command::READY, &data, step.output);
    Progress::Done(peer, Some(Ciphers::curve(halves(&key, Role::Server, READY_COUNTER, received))))
}

impl Mechanism for Server {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, _step: &mut Step<'_>) -> Result<Progress, Failure> {
        Ok(Progress::Continue)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        match (&*self, &step.config.security) {
            (Self::AwaitingHello, Security::CurveServer(secret)) => self.answer_hello(body, secret, step),
            (Self::AwaitingInitiate { .. }, _) => self.handle_initiate(body, step),
            _ => {
                let shown = shown(body);
                Err(Failure::reported(code::UNSPECIFIED, format!("command \"{shown}\" out of turn")))
            }
        }
    }

    fn handle_approval(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        match std::mem::replace(self, Self::Done) {
            Self::AwaitingVerdict(proven) => Ok(finish(proven, step)),
            _ => Ok(Progress::Continue),
        }
    }
}
