//! Security mechanisms: what happens between the greeting and the first message (RFC 37, "Security
//! Mechanisms").
//!
//! A mechanism is a file here and a variant below. It reads the bodies of the peer's handshake commands,
//! writes its own, and ends with what the peer said about itself. It must not know frames or versions.

mod null;

use super::config::Config;
use super::failure::Failure;
use super::greeting::MechanismName;
use super::metadata::PeerMetadata;

/// The mechanism in use on one connection.
#[derive(Debug)]
pub enum Mechanism {
    Null(null::Null),
}

impl Mechanism {
    /// The mechanism that the socket is configured for.
    pub fn new(_config: &Config) -> Self {
        Self::Null(null::Null::default())
    }

    /// Must be equal on both sides, padding included.
    pub fn name(&self) -> &'static MechanismName {
        match self {
            Self::Null(_) => b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        }
    }

    /// Whether peers that know no mechanisms (before ZMTP 3.0) may connect.
    pub fn allows_old_peers(&self, config: &Config) -> bool {
        match self {
            Self::Null(_) => !config.zap_domain_set,
        }
    }

    /// Writes the command frames that wait for nothing.
    pub fn start(&mut self, config: &Config, output: &mut Vec<u8>) {
        match self {
            Self::Null(null) => null.start(config, output),
        }
    }

    /// Takes the body of a command. `all_sent` says that everything written so far was taken by the driver.
    pub fn handle_command(&mut self, config: &Config, body: &[u8], all_sent: bool) -> Result<(), Failure> {
        match self {
            Self::Null(null) => null.handle_command(config, body, all_sent),
        }
    }

    /// What the peer said, once nothing is left to exchange.
    pub fn take_peer(&mut self) -> Option<PeerMetadata> {
        match self {
            Self::Null(null) => null.take_peer(),
        }
    }
}
