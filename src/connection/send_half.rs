//! Messages to bytes.

use super::command;
use super::config::{Config, ZERO_COPY_MIN};
use super::frame::Framing;
use super::greeting::Version;
use super::mechanism::cipher::{self, Sealer};
use super::write_batch::WriteBatch;
use crate::log::debug;
use crate::message::{Message, SUBSCRIBE};
use std::sync::Arc;
use std::time::Duration;

/// The sending side of an established connection. Whichever thread holds the send half encodes.
#[derive(Debug)]
pub struct SendHalf {
    config: Arc<Config>,
    version: Version,
    /// Short messages have the plain two-byte header.
    plain: bool,
    /// The mechanism wraps what is sent.
    sealer: Option<Box<Sealer>>,
    /// Something could not be wrapped.
    broken: bool,
}

impl SendHalf {
    pub fn new(config: &Arc<Config>, version: Version, sealer: Option<Box<Sealer>>) -> Self {
        let plain = version > Version::V1_0 && sealer.is_none();
        Self { config: config.clone(), version, plain, sealer, broken: false }
    }

    /// True when something could not be wrapped: what comes after it must not be sent either, and the connection has to end.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Wraps `parts`, unless that has failed before.
    fn seal(&mut self, flags: u8, parts: &[&[u8]], batch: &mut WriteBatch) {
        let Some(sealer) = self.sealer.as_mut().filter(|_| !self.broken) else { return };
        if let Err(failure) = sealer.append(flags, parts, batch.arena()) {
            debug!("nothing more can be sent: {failure}");
            self.broken = true;
        }
    }

    /// Adds one message part. Small bodies are copied and the message dropped; large ones are kept until
    /// they are written.
    #[inline]
    pub fn encode(&mut self, mut message: Message, batch: &mut WriteBatch) {
        self.encode_from(&mut message, batch);
    }

    /// [`SendHalf::encode`] of a message that stays where it is, and is empty afterwards.
    #[inline]
    pub fn encode_from(&mut self, message: &mut Message, batch: &mut WriteBatch) {
        if self.encode_small(message, batch) {
            return message.clear();
        }
        self.encode_other(message.take(), batch);
    }

    /// [`SendHalf::encode`] of a message that others are going to get, too.
    #[inline]
    pub fn encode_shared(&mut self, message: &mut Message, batch: &mut WriteBatch) {
        if !self.encode_small(message, batch) {
            self.encode_other(message.share(), batch);
        }
    }

    /// Frames are those of ZMTP 2.0 and later, and nothing wraps them.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// Adds such frames, as many as a body holds ([`crate::message::Bundle`]). Only while [`SendHalf::is_plain`].
    pub fn encode_framed(&mut self, frames: &mut Message, batch: &mut WriteBatch) {
        if frames.len() < ZERO_COPY_MIN {
            batch.append(&[], frames.data());
        } else {
            batch.append_message(&[], frames.share());
        }
    }

    /// Copies what is short and simple, or special. False: it is neither.
    #[inline(always)]
    fn encode_small(&mut self, message: &Message, batch: &mut WriteBatch) -> bool {
        if message.is_special() {
            self.encode_special(message, batch);
            return true;
        }
        let (flags, body) = (u8::from(message.more()), message.data());
        let (true, Ok(short)) = (self.plain, u8::try_from(body.len())) else { return false };
        batch.append(&[flags, short], body);
        true
    }

    /// Adds a PING with our time to live; nothing for peers below 3.0.
    pub fn encode_ping(&mut self, batch: &mut WriteBatch) {
        self.encode_command(command::PING, &tenths(self.config.heartbeat.ttl).to_be_bytes(), batch);
    }

    /// Adds the answer to a PING; nothing for peers below 3.0.
    pub fn encode_pong(&mut self, context: &[u8], batch: &mut WriteBatch) {
        let context = context.get(..command::CONTEXT_MAX).unwrap_or(context);
        self.encode_command(command::PONG, context, batch);
    }

    fn encode_command(&mut self, name: &[u8], data: &[u8], batch: &mut WriteBatch) {
        if self.version < Version::V3_0 {
            return;
        }
        match &self.sealer {
            Some(_) => self.seal(cipher::COMMAND, &[name, data], batch),
            None => command::write(name, data, batch.arena()),
        }
    }

    /// Wrapped messages, long frames, all frames of ZMTP 1.0, and plain bytes.
    fn encode_other(&mut self, message: Message, batch: &mut WriteBatch) {
        let flags = u8::from(message.more());
        if self.sealer.is_some() {
            // MORE has the same bit inside.
            return self.seal(flags, &[message.data()], batch);
        }
        let (header, header_size) = self.framing().header(flags, message.len());
        let header = header.get(..header_size).unwrap_or(&header);
        if message.len() < ZERO_COPY_MIN {
            batch.append(header, message.data());
        } else {
            batch.append_message(header, message);
        }
    }

    /// Subscriptions: SUBSCRIBE and CANCEL commands since ZMTP 3.1, before that (and behind GSSAPI) messages whose
    /// first byte tells them apart. Control messages are between the library's own parts and never leave it.
    #[cold]
    fn encode_special(&mut self, message: &Message, batch: &mut WriteBatch) {
        if message.is_control() {
            return;
        }
        let body = message.data();
        let by_command = self.sealer.as_ref().is_none_or(|sealer| sealer.subscribes_by_command());
        if self.version >= Version::V3_1 && by_command {
            let name = if message.has_flags(SUBSCRIBE) { command::SUBSCRIBE } else { command::CANCEL };
            return self.encode_command(name, body.get(1..).unwrap_or_default(), batch);
        }
        if self.sealer.is_some() {
            return self.seal(0, &[body], batch);
        }
        let (header, header_size) = self.framing().header(0, body.len());
        batch.append(header.get(..header_size).unwrap_or(&header), body);
    }

    fn framing(&self) -> Framing {
        self.version.framing()
    }
}

/// Time to live on the wire; HEARTBEAT_TTL cannot exceed it.
fn tenths(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_millis() / 100).unwrap_or(u16::MAX)
}
