//! The client's side of the CURVE handshake.

use super::cipher::{Role, halves};
use super::*;
use crate::connection::command;
use crate::connection::config::Security;
use crate::connection::mechanism::cipher::Ciphers;
use crate::connection::mechanism::{Mechanism, Progress, Step, refusal, unexpected};
use crate::connection::metadata;
use crate::crypto::{BoxKey, KEY, PublicKey, SecretKey, random};

/// The keys that a client must know beforehand.
#[derive(Clone, Debug)]
pub struct ClientKeys {
    pub public: PublicKey,
    pub secret: SecretKey,
    pub server: PublicKey,
}

/// See the module documentation. Each state has the keys that are needed from there on.
#[derive(Debug, Default)]
pub enum Client {
    #[default]
    Starting,
    AwaitingWelcome {
        /// C' and c'.
        public: PublicKey,
        secret: SecretKey,
        /// Between c' and S.
        hello_key: BoxKey,
    },
    AwaitingReady {
        /// Between c' and S'.
        key: BoxKey,
    },
    Done,
}

/// The counters of the two commands that come before READY and the messages.
const HELLO_COUNTER: u64 = 1;
const INITIATE_COUNTER: u64 = 2;

impl Client {
    /// HELLO: C' and proof that somebody has c', for the server's eyes.
    fn write_hello(&mut self, keys: &ClientKeys, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let secret = SecretKey::generate().map_err(no_randomness)?;
        let public = secret.public_key();
        let hello_key = BoxKey::shared(&keys.server, &secret)
            .ok_or_else(|| Failure::reported(code::CRYPTOGRAPHIC, "the server's key is no key"))?;
        let mut data = vec![1, 0];
        data.resize(2 + 72, 0);
        data.extend_from_slice(&public);
        let counter = HELLO_COUNTER.to_be_bytes();
        data.extend_from_slice(&counter);
        seal(&hello_key, &nonce(HELLO_NONCE, &counter), vec![0; 64], &mut data);
        command::write(HELLO, &data, step.output);
        *self = Self::AwaitingWelcome { public, secret, hello_key };
        Ok(Progress::Continue)
    }

    /// INITIATE: the cookie, C, a vouch that c' is C's, and what we say about ourselves.
    fn answer_welcome(
        &mut self,
        body: &[u8],
        keys: &ClientKeys,
        step: &mut Step<'_>,
    ) -> Result<Progress, Failure> {
        let Self::AwaitingWelcome { public, secret, hello_key } = &*self else {
            return Err(unexpected(body, "READY or ERROR"));
        };
        if body.len() != WELCOME_SIZE {
            return Err(Failure::reported(code::CRYPTOGRAPHIC, "a WELCOME of the wrong size"));
        }
        let welcome_nonce = nonce(WELCOME_NONCE, &bytes::<16>(body, 8));
        let welcome = open(Some(hello_key), &welcome_nonce, body.get(24..).unwrap_or_default(), "WELCOME")?;
        let server: PublicKey = bytes(&welcome, 0);
        let cookie: [u8; COOKIE_SIZE] = bytes(&welcome, KEY);
        let key = BoxKey::shared(&server, secret).ok_or_else(|| unreadable("WELCOME"))?;
        let vouch_key = BoxKey::shared(&server, &keys.secret).ok_or_else(|| unreadable("WELCOME"))?;

        let vouch_nonce: [u8; 16] = random().map_err(no_randomness)?;
        let mut inner = keys.public.to_vec();
        inner.extend_from_slice(&vouch_nonce);
        let vouched = [&public[..], &keys.server[..]].concat();
        seal(&vouch_key, &nonce(VOUCH_NONCE, &vouch_nonce), vouched, &mut inner);
        inner.extend_from_slice(&metadata::local(step.config));

        let counter = INITIATE_COUNTER.to_be_bytes();
        let mut data = cookie.to_vec();
        data.extend_from_slice(&counter);
        seal(&key, &nonce(INITIATE_NONCE, &counter), inner, &mut data);
        command::write(INITIATE, &data, step.output);
        *self = Self::AwaitingReady { key };
        Ok(Progress::Continue)
    }

    /// READY: what the server says about itself.
    fn handle_ready(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Self::AwaitingReady { key } = std::mem::replace(self, Self::Done) else {
            return Err(unexpected(body, "WELCOME or ERROR"));
        };
        if body.len() < 30 {
            return Err(Failure::reported(code::MALFORMED_COMMAND_READY, "a READY that is too short"));
        }
        let counter: [u8; 8] = bytes(body, 6);
        let sealed = body.get(14..).unwrap_or_default();
        let properties = open(Some(&key), &nonce(READY_NONCE, &counter), sealed, "READY")?;
        let peer = metadata::accept(step.config, &properties).map_err(Failure::of_metadata)?;
        let received = u64::from_be_bytes(counter);
        let ciphers = Ciphers::curve(halves(&key, Role::Client, INITIATE_COUNTER, received));
        Ok(Progress::Done(peer, Some(ciphers)))
    }
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Security::CurveClient(keys) = &step.config.security else { return Ok(Progress::Continue) };
        self.write_hello(keys, step)
    }

    fn handle_command(&mut self, body: &[u8], step: &mut Step<'_>) -> Result<Progress, Failure> {
        let Security::CurveClient(keys) = &step.config.security else { return Ok(Progress::Continue) };
        if body.starts_with(WELCOME) {
            return self.answer_welcome(body, keys, step);
        }
        if body.starts_with(command::READY) {
            return self.handle_ready(body, step);
        }
        match (body.strip_prefix(command::ERROR), &*self) {
            (Some(reason), Self::AwaitingWelcome { .. } | Self::AwaitingReady { .. }) => Err(refusal(reason)),
            _ => Err(unexpected(body, "WELCOME, READY or ERROR")),
        }
    }
}
