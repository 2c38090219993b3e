//! Why a connection ended, and what its owner does about it.

use std::fmt;

/// The `ZMQ_PROTOCOL_ERROR_*` values of zmq.h that this room reports.
pub mod code {
    pub const UNSPECIFIED: u32 = 0x1000_0000;
    pub const UNEXPECTED_COMMAND: u32 = 0x1000_0001;
    pub const INVALID_SEQUENCE: u32 = 0x1000_0002;
    pub const KEY_EXCHANGE: u32 = 0x1000_0003;
    pub const MALFORMED_COMMAND: u32 = 0x1000_0011;
    pub const MALFORMED_COMMAND_MESSAGE: u32 = 0x1000_0012;
    pub const MALFORMED_COMMAND_HELLO: u32 = 0x1000_0013;
    pub const MALFORMED_COMMAND_INITIATE: u32 = 0x1000_0014;
    pub const MALFORMED_COMMAND_ERROR: u32 = 0x1000_0015;
    pub const MALFORMED_COMMAND_READY: u32 = 0x1000_0016;
    pub const MALFORMED_COMMAND_WELCOME: u32 = 0x1000_0017;
    pub const INVALID_METADATA: u32 = 0x1000_0018;
    pub const CRYPTOGRAPHIC: u32 = 0x1100_0001;
    pub const MECHANISM_MISMATCH: u32 = 0x1100_0002;
    pub const ZAP_UNSPECIFIED: u32 = 0x2000_0000;
    pub const ZAP_MALFORMED_REPLY: u32 = 0x2000_0001;
    pub const ZAP_BAD_REQUEST_ID: u32 = 0x2000_0002;
    pub const ZAP_BAD_VERSION: u32 = 0x2000_0003;
    pub const ZAP_INVALID_STATUS_CODE: u32 = 0x2000_0004;
    pub const ZAP_INVALID_METADATA: u32 = 0x2000_0005;
}

/// The end of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    /// Plain words for ZMQ_LOG.
    pub reason: String,
}

/// What follows from a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The peer broke the protocol: close, do not reconnect. With a value, HANDSHAKE_FAILED_PROTOCOL is due.
    Protocol(Option<u32>),
    /// The peer answered our READY with ERROR 300, 400 or 500: HANDSHAKE_FAILED_AUTH is due; close, do not
    /// reconnect.
    Authentication(u16),
    /// The peer sent ERROR before it saw our READY, or we denied it: nothing more is said (but what is written already); wait
    /// until it closes (or the handshake times out), then reconnect. With a value, HANDSHAKE_FAILED_AUTH is due at once.
    Refused(Option<u16>),
    /// Nobody judged the peer, though somebody has to: close as after a network error.
    NoVerdict,
    /// A key is missing that the system's source of random numbers did not give: the same.
    NoRandomness,
    /// No memory for what the peer sends: close as after a network error, reconnect.
    NoMemory,
}

impl Failure {
    /// A breach of the protocol that no monitor event reports.
    #[cold]
    pub(super) fn protocol(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Protocol(None), reason: reason.into() }
    }

    /// A breach of the protocol that is reported as HANDSHAKE_FAILED_PROTOCOL.
    #[cold]
    pub(super) fn reported(code: u32, reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Protocol(Some(code)), reason: reason.into() }
    }

    /// The same failure, reported as malformed metadata.
    #[cold]
    pub(super) fn of_metadata(self) -> Self {
        Self { kind: FailureKind::Protocol(Some(code::INVALID_METADATA)), ..self }
    }

    #[cold]
    pub(super) fn no_memory(size: u64) -> Self {
        Self { kind: FailureKind::NoMemory, reason: format!("no memory for a body of {size} bytes") }
    }

    /// A frame above MAXMSGSIZE, or above the limit of the handshake.
    #[cold]
    pub(super) fn too_large(size: u64, limit: u64) -> Self {
        Self::protocol(format!("a frame of {size} bytes exceeds the limit of {limit}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}
