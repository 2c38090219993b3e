//! What a connection must be told, and the numbers it is tuned with.

use super::mechanism::curve::client::ClientKeys;
use super::mechanism::gssapi::Names;
use super::zap::Zap;
use crate::crypto::SecretKey;
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// Largest frame a peer may send before the handshake is done, in bytes. A READY with a routing id and every
/// property anybody uses has a few hundred; MAXMSGSIZE lowers the limit, as in the reference.
pub const HANDSHAKE_FRAME_MAX: u64 = 64 * 1024;

/// Most properties kept of one peer. The smallest property has 5 bytes on the wire and about 50 here, so that
/// without a limit a READY of 64 KiB would cost ten times that for the life of the connection.
pub const PROPERTIES_MAX: usize = 1024;

/// Bodies of at least this many bytes are written from where they are; smaller ones are copied behind their
/// header. Copying 2000 bytes and dropping the message takes about 65 ns (measured); a slice of its own costs
/// about as much in the kernel (estimated, to be measured with a driver).
pub const ZERO_COPY_MIN: usize = 2048;

/// Most slices given to one writev: enough to fill any socket buffer with bodies of [`ZERO_COPY_MIN`] or
/// more.
pub const SLICES_MAX: usize = 64;

/// First piece of memory for a body that is larger than what has arrived of it, in bytes; then it doubles.
/// Also what a peer that has sent no larger body can make us reserve (not touch) with ten bytes.
pub const FIRST_PIECE: usize = 256 * 1024;

/// With this many bytes of a body outstanding it is received straight into its own memory: then the copy that
/// is saved should cost more than the system call that reads what follows the body (estimated).
pub const DIRECT_MIN: usize = 8 * 1024;

/// A body that arrived in pieces and is smaller than this is copied into a block of its own, so that it is
/// one allocation and not two.
pub const COMPACT_MAX: usize = 2048;

/// Encrypted bodies up to this size are decrypted in memory that stays with the connection, and copied out of it: one allocation less.
pub const OPEN_COPY_MAX: usize = 4096;

/// Facts about the local socket that its connections act on. Shared by all of them.
#[derive(Clone, Debug)]
pub struct Config {
    /// Value of the Socket-Type property (RFC 37, "The Socket-Type Property").
    pub socket_name: &'static str,
    /// Socket type in the greeting of ZMTP 2.0 and 1.0.
    pub socket_number: u8,
    /// Values of Socket-Type that are accepted of a peer.
    pub peers: &'static [&'static str],
    /// Own routing id, 0 to 255 bytes.
    pub routing_id: Vec<u8>,
    /// REQ, DEALER and ROUTER send an Identity property, even an empty one; others send none.
    pub sends_identity: bool,
    /// ROUTER and REP take the routing id of the peer.
    pub uses_identity: bool,
    /// PUB and XPUB: take SUBSCRIBE and CANCEL commands, and subscribe unversioned peers to everything.
    pub publishes: bool,
    /// REQ: a reply must begin with an empty frame, or with a request id and an empty frame.
    pub request_envelope: bool,
    /// MAXMSGSIZE: largest body accepted, in bytes.
    pub max_message_size: Option<u64>,
    /// Properties set by the application (METADATA). Names have 1 to 255 bytes.
    pub properties: Vec<(String, Vec<u8>)>,
    pub heartbeat: HeartbeatConfig,
    /// The connection is a plain stream of bytes: no handshake, no frames.
    pub raw: bool,
    /// Most bytes of a raw connection that become one message (ZMQ_IN_BATCH_SIZE).
    pub chunk_max: u64,
    pub security: Security,
    pub zap: Zap,
}

/// The mechanism, this side's role in it, and what it needs for that.
#[derive(Clone)]
pub enum Security {
    Null,
    /// Name and password have at most 255 bytes.
    PlainClient {
        username: Vec<u8>,
        password: Zeroizing<Vec<u8>>,
    },
    PlainServer,
    CurveClient(Box<ClientKeys>),
    CurveServer(SecretKey),
    GssapiClient(Box<Names>),
    GssapiServer(Box<Names>),
}

impl fmt::Debug for Security {
    /// The name alone: passwords do not belong into any text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::PlainClient { .. } => "PlainClient",
            Self::PlainServer => "PlainServer",
            Self::CurveClient(_) => "CurveClient",
            Self::CurveServer(_) => "CurveServer",
            Self::GssapiClient(_) => "GssapiClient",
            Self::GssapiServer(_) => "GssapiServer",
        })
    }
}

/// Heartbeating (RFC 37, "Connection Heartbeating").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeartbeatConfig {
    /// Time between two PINGs; zero sends none.
    pub interval: Duration,
    /// Silence after a PING that ends the connection; zero waits for ever.
    pub timeout: Duration,
    /// Silence after which the peer shall give us up; sent in each PING in tenths of a second.
    pub ttl: Duration,
}
