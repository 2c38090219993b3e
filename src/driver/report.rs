//! What a link reports to the monitor of its socket: the events of zmq.h.

use std::ffi::{OsStr, OsString};

/// Events, as numbered in zmq.h.
pub mod event {
    pub const CONNECTED: u64 = 0x0001;
    pub const CONNECT_DELAYED: u64 = 0x0002;
    pub const CONNECT_RETRIED: u64 = 0x0004;
    pub const LISTENING: u64 = 0x0008;
    pub const BIND_FAILED: u64 = 0x0010;
    pub const ACCEPTED: u64 = 0x0020;
    pub const ACCEPT_FAILED: u64 = 0x0040;
    pub const CLOSED: u64 = 0x0080;
    pub const CLOSE_FAILED: u64 = 0x0100;
    pub const DISCONNECTED: u64 = 0x0200;
    pub const MONITOR_STOPPED: u64 = 0x0400;
    pub const HANDSHAKE_FAILED_NO_DETAIL: u64 = 0x0800;
    pub const HANDSHAKE_SUCCEEDED: u64 = 0x1000;
    pub const HANDSHAKE_FAILED_PROTOCOL: u64 = 0x2000;
    pub const HANDSHAKE_FAILED_AUTH: u64 = 0x4000;
    pub const PIPES_STATS: u64 = 0x10000;
    /// Those that tell the end of a connection.
    pub const ENDS: u64 =
        DISCONNECTED | HANDSHAKE_FAILED_NO_DETAIL | HANDSHAKE_FAILED_PROTOCOL | HANDSHAKE_FAILED_AUTH;
}

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub event: u64,
    /// A descriptor, an errno, an interval in milliseconds or a code, as zmq.h says for each event.
    pub value: u64,
    /// Where an event has two values: PIPES_STATS.
    pub second_value: Option<u64>,
    /// This side's endpoint.
    pub local: OsString,
    /// The other side's.
    pub remote: OsString,
    /// The one that stands for the connection: the local one on the side that bound.
    pub bound: bool,
}

impl Report {
    /// About nothing in particular.
    pub fn new(event: u64, value: u64) -> Self {
        Self {
            event,
            value,
            second_value: None,
            local: OsString::new(),
            remote: OsString::new(),
            bound: false,
        }
    }

    /// Lengths of the queues of a pipe, in messages.
    pub fn queues(outbound: usize, inbound: usize) -> Self {
        Self { second_value: Some(inbound as u64), ..Self::new(event::PIPES_STATS, outbound as u64) }
    }

    /// About an endpoint that was bound.
    pub fn bound(event: u64, value: u64, endpoint: impl Into<OsString>) -> Self {
        Self { local: endpoint.into(), bound: true, ..Self::new(event, value) }
    }

    /// About an endpoint to connect to.
    pub fn connecting(event: u64, value: u64, endpoint: &OsStr) -> Self {
        Self { remote: endpoint.to_owned(), ..Self::new(event, value) }
    }

    /// The endpoint of the first format.
    pub fn endpoint(&self) -> &OsStr {
        if self.bound { &self.local } else { &self.remote }
    }
}
