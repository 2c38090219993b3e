//! From the first byte to the first message.

use super::config::{Config, HANDSHAKE_FRAME_MAX, Security};
use super::failure::{Failure, FailureKind, code};
use super::frame::{Framing, HeaderBuffer};
use super::greeting::{Greeting, Outcome, Version};
use super::mechanism::cipher::Ciphers;
use super::mechanism::gssapi::negotiation::Negotiation;
use super::mechanism::{self, Mechanism, Progress, Step};
use super::metadata::PeerMetadata;
use super::receive_half::ReceiveHalf;
use super::send_half::SendHalf;
use super::zap::{self, Approval, Verdict};
use crate::message::Message;
use std::sync::Arc;

/// One side of a handshake. See the room's documentation for what the driver owes.
///
/// Used by the I/O thread that owns the link. After a failure, only dropping it is useful.
#[derive(Debug)]
pub struct Handshake {
    config: Arc<Config>,
    output: Vec<u8>,
    mechanism: Box<dyn Mechanism>,
    /// Credentials to be judged, until they are asked for.
    credentials: Option<Vec<Vec<u8>>>,
    /// A step that may block, until it is asked for.
    negotiation: Option<Box<Negotiation>>,
    /// What the handler said of the peer.
    approval: Approval,
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting(Greeting),
    /// ZMTP 1.0 and 2.0: the peer's identity frame is awaited.
    Identity {
        version: Version,
        injected: bool,
        frame: FrameReader,
    },
    /// ZMTP 3.x: commands of the mechanism. `unsent`: what we wrote since the greeting is not yet taken.
    Mechanism {
        version: Version,
        unsent: bool,
        frame: FrameReader,
    },
    /// Nothing more is consumed.
    Ready {
        version: Version,
        injected: bool,
        peer: PeerMetadata,
        ciphers: Option<Ciphers>,
    },
}

/// The result of a handshake.
#[derive(Debug)]
pub struct Established {
    pub send: SendHalf,
    pub receive: ReceiveHalf,
    /// Below 3.0 there are no heartbeats, and no HANDSHAKE_SUCCEEDED event is due.
    pub version: Version,
    /// The peer's routing id; empty when it has none or the socket uses none.
    pub routing_id: Vec<u8>,
    /// What the ZAP handler vouches for.
    pub approval: Approval,
    /// The peer's properties in its order, Socket-Type and Identity included.
    pub properties: Vec<(String, Vec<u8>)>,
    /// Messages to deliver before any that the peer sends.
    pub injected: Vec<Message>,
}

impl Established {
    /// A connection that is a plain stream of bytes: there is nothing to agree on.
    pub fn raw(config: &Arc<Config>) -> Self {
        Self {
            send: SendHalf::new(config, Version::Raw, None),
            receive: ReceiveHalf::new(config, Version::Raw, None),
            version: Version::Raw,
            routing_id: Vec::new(),
            approval: Approval::default(),
            properties: Vec::new(),
            injected: Vec::new(),
        }
    }
}

impl Handshake {
    /// Begins a handshake; the first ten bytes are in the output at once.
    pub fn new(config: Arc<Config>) -> Self {
        let mut output = Vec::with_capacity(SIZE_HINT);
        let mechanism = mechanism::create(&config);
        let state = State::Greeting(Greeting::new(config.routing_id.len(), &mut output));
        Self {
            config,
            output,
            mechanism,
            credentials: None,
            negotiation: None,
            approval: Approval::default(),
            state,
        }
    }

    /// Takes what the peer sent. Returns how much of it was consumed: all, until the handshake is ready.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            if rest.is_empty() || self.is_ready() {
                return Ok(used);
            }
            used += self.handle_some(rest)?;
        }
    }

    /// Bytes to write now. Each byte is returned once.
    pub fn take_output(&mut self) -> Vec<u8> {
        if let State::Mechanism { unsent, .. } = &mut self.state {
            *unsent = false;
        }
        std::mem::take(&mut self.output)
    }

    /// The frames of a request to the ZAP handler, once, when the peer is to be judged; [`Handshake::handle_verdict`] goes on.
    /// `address` finds out the peer's, as its transport knows it.
    pub fn take_request(&mut self, address: impl FnOnce() -> String) -> Option<Vec<Vec<u8>>> {
        let credentials = self.credentials.take()?;
        Some(zap::request(&self.config, self.mechanism.name(), &address(), credentials))
    }

    /// A step that may block, once, when there is one to run; [`Handshake::handle_negotiation`] goes on.
    pub fn take_negotiation(&mut self) -> Option<Box<Negotiation>> {
        self.negotiation.take()
    }

    /// Takes back what [`Handshake::take_negotiation`] gave, after it was run. What is written after a failure tells the peer why.
    pub fn handle_negotiation(&mut self, negotiation: Box<Negotiation>) -> Result<(), Failure> {
        self.step(|mechanism, step| mechanism.handle_negotiation(negotiation, step))
    }

    /// Takes the answer to [`Handshake::take_request`]. What is written after a failure tells the peer why.
    pub fn handle_verdict(&mut self, verdict: Verdict) -> Result<(), Failure> {
        match verdict {
            Verdict::NoHandler => {
                if matches!(self.config.security, Security::PlainServer) || self.config.zap.insists() {
                    let reason =
                        "no ZAP handler is bound to inproc://zeromq.zap.01 in this context".to_owned();
                    return Err(Failure { kind: FailureKind::NoVerdict, reason });
                }
            }
            Verdict::Reply(frames) => match zap::parse_reply(&frames) {
                Ok(approval) => self.approval = approval,
                Err(failure) => {
                    if let FailureKind::Refused(Some(status @ (400 | 500))) = failure.kind {
                        self.step(|mechanism, step| {
                            mechanism.refuse(status, step);
                            Ok(Progress::Continue)
                        })?;
                    }
                    return Err(failure);
                }
            },
        }
        self.step(Mechanism::handle_approval)
    }

    /// Both sides have said what they must; [`Handshake::finish`] may follow, after
    /// [`Handshake::take_output`].
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// The established connection. Call it when ready, with the output taken: later bytes would overtake it.
    pub fn finish(self) -> Established {
        debug_assert!(self.is_ready() && self.output.is_empty(), "finish before the handshake is ready");
        let (version, injected, peer, ciphers) = match self.state {
            State::Ready { version, injected, peer, ciphers } => (version, injected, peer, ciphers),
            _ => (Version::V3_0, false, PeerMetadata::default(), None),
        };
        let (sealer, opener) = ciphers.map(|ciphers| (ciphers.sealer, ciphers.opener)).unzip();
        let injected = if injected { subscribe_all() } else { Vec::new() };
        Established {
            send: SendHalf::new(&self.config, version, sealer),
            receive: ReceiveHalf::new(&self.config, version, opener),
            version,
            routing_id: peer.routing_id,
            approval: self.approval,
            properties: peer.properties,
            injected,
        }
    }

    /// Does the next step; returns what it consumed, which is something unless the input is empty.
    fn handle_some(&mut self, input: &[u8]) -> Result<usize, Failure> {
        match &mut self.state {
            State::Greeting(greeting) => {
                let name = mechanism::padded(self.mechanism.name());
                let (used, outcome) =
                    greeting.handle_input(input, self.config.socket_number, &name, &mut self.output);
                let Some(outcome) = outcome else { return Ok(used) };
                self.after_greeting(outcome)?;
                // Even without further input: the header of an unversioned peer may be its whole frame.
                Ok(used + self.handle_some(input.get(used..).unwrap_or_default())?)
            }
            State::Identity { version, injected, frame } => {
                let (used, complete) = frame.fill(version.framing(), input, &self.config)?;
                if complete {
                    let mut peer = PeerMetadata::default();
                    if self.config.uses_identity {
                        peer.routing_id = std::mem::take(&mut frame.body);
                    }
                    self.state = State::Ready { version: *version, injected: *injected, peer, ciphers: None };
                }
                Ok(used)
            }
            State::Mechanism { frame, .. } => {
                let (used, complete) = frame.fill(Framing::New, input, &self.config)?;
                if complete {
                    // The COMMAND flag is not looked at, as in the reference.
                    let body = std::mem::take(frame).body;
                    self.step(|mechanism, step| mechanism.handle_command(&body, step))?;
                }
                Ok(used)
            }
            State::Ready { .. } => Ok(0),
        }
    }

    /// Lets the mechanism do something, and acts on what it came to.
    fn step(
        &mut self,
        work: impl FnOnce(&mut (dyn Mechanism + 'static), &mut Step<'_>) -> Result<Progress, Failure>,
    ) -> Result<(), Failure> {
        let State::Mechanism { version, unsent, .. } = self.state else { return Ok(()) };
        let mut step = Step { config: &self.config, output: &mut self.output, all_sent: !unsent };
        match work(&mut *self.mechanism, &mut step)? {
            Progress::Continue => {}
            Progress::Ask(credentials) => self.credentials = Some(credentials),
            Progress::Negotiate(negotiation) => self.negotiation = Some(negotiation),
            Progress::Done(peer, ciphers) => {
                self.state = State::Ready { version, injected: false, peer, ciphers };
            }
        }
        Ok(())
    }

    /// Chooses the dialogue that follows the greeting, and writes our first frame of it.
    fn after_greeting(&mut self, outcome: Outcome) -> Result<(), Failure> {
        if let Outcome::Full(version, name) = outcome {
            if name != mechanism::padded(self.mechanism.name()) {
                let name = name.split(|&byte| byte == 0).next().unwrap_or_default().escape_ascii();
                return Err(Failure::reported(
                    code::MECHANISM_MISMATCH,
                    format!("the peer uses the mechanism \"{name}\""),
                ));
            }
            self.state = State::Mechanism { version, unsent: true, frame: FrameReader::default() };
            return self.step(Mechanism::start);
        }
        if !matches!(self.config.security, Security::Null) || !self.config.zap.domain.is_empty() {
            return Err(Failure::protocol("the peer is older than ZMTP 3.0 and cannot authenticate"));
        }
        let (version, injected, header) = match outcome {
            // The header of our identity frame was the signature; 1.0 has no subscriptions on the wire.
            Outcome::Unversioned(header) => (Version::V1_0, self.config.publishes, header),
            Outcome::Old(version) | Outcome::Full(version, _) => {
                let (header, size) = version.framing().header(0, self.config.routing_id.len());
                self.output.extend_from_slice(header.get(..size).unwrap_or(&header));
                (version, false, HeaderBuffer::default())
            }
        };
        self.output.extend_from_slice(&self.config.routing_id);
        let frame = FrameReader { header, ..FrameReader::default() };
        self.state = State::Identity { version, injected, frame };
        Ok(())
    }
}

/// What a usual handshake writes between two calls of `take_output`, in bytes.
const SIZE_HINT: usize = 128;

/// A subscription to everything, on behalf of a peer that cannot subscribe.
fn subscribe_all() -> Vec<Message> {
    Message::from_slice(b"\x01").into_iter().collect()
}

/// Collects one small frame. Its memory grows with the bytes that arrive.
#[derive(Debug, Default)]
struct FrameReader {
    header: HeaderBuffer,
    body: Vec<u8>,
}

impl FrameReader {
    /// Takes bytes of one frame; returns how many, and whether the body is complete.
    fn fill(&mut self, framing: Framing, input: &[u8], config: &Config) -> Result<(usize, bool), Failure> {
        let (used, header) = self.header.fill(framing, input)?;
        let Some(header) = header else { return Ok((used, false)) };
        let limit = config.max_message_size.unwrap_or(u64::MAX).min(HANDSHAKE_FRAME_MAX);
        let missing = header.body_size(limit)?.saturating_sub(self.body.len());
        let rest = input.get(used..).unwrap_or_default();
        let piece = rest.get(..missing).unwrap_or(rest);
        self.body.try_reserve(piece.len()).map_err(|_| Failure::no_memory(header.size))?;
        self.body.extend_from_slice(piece);
        Ok((used + piece.len(), piece.len() == missing))
    }
}
