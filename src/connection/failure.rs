//! Why a connection ended, and what its owner does about it.

use std::fmt;

/// The `ZMQ_PROTOCOL_ERROR_*` values of zmq.h that this room reports.
pub mod code {
    pub const UNEXPECTED_COMMAND: u32 = 0x1000_0001;
    pub const MALFORMED_COMMAND_ERROR: u32 = 0x1000_0015;
    pub const MECHANISM_MISMATCH: u32 = 0x1100_0002;
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
    /// The peer sent ERROR before it saw our READY: nothing more is written; wait until it closes (or the
    /// handshake times out), then reconnect. With a value, HANDSHAKE_FAILED_AUTH is due at once.
    Refused(Option<u16>),
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
