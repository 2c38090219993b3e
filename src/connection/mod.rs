//! Connections: ZMTP without I/O.
//!
//! Knows: ZMTP 3.1, 3.0 (RFC 37, RFC 23), 2.0 (RFC 15) and 1.0 (RFC 13): greeting, security mechanism,
//! metadata, frames, commands, heartbeats. Bytes, messages and `now` go in; bytes, messages and deadlines
//! come out.
//! Must not know: file descriptors, clocks, threads, pipes, socket patterns beyond the few facts in `Config`.
//!
//! # Life of a connection
//! A `Handshake` is fed what the peer sends and says what to write, until it is ready; then it is consumed
//! into an `Established`: what is known about the peer, and two halves that share nothing but the immutable
//! `Config`, so that two threads may hold one each.
//! - `SendHalf` turns messages into a `WriteBatch`: small frames side by side in one arena, large bodies
//!   by reference, to be written with `writev`.
//! - `ReceiveHalf` turns bytes into messages and hands them to a `Sink`. Whatever receiving makes us send
//!   (a PONG) goes through the sink too: that is the only way from receiving to sending.
//! - On a raw connection (STREAM, ZMQ_ROUTER_RAW) there is no handshake: `Established::raw`.
//! - `Heartbeat` keeps the deadlines of PING, of the answer to it, and of the TTL that the peer asked for.
//!
//! # What the driver owes
//! - Before anything is read: write `Handshake::take_output`, and again after each
//!   `Handshake::handle_input`. Peers wait for each other's bytes in the middle of the greeting, so holding
//!   output back can dead-lock.
//! - Bytes that the handshake did not consume belong to `ReceiveHalf::decode`.
//! - When bytes arrive: `Heartbeat::handle_traffic` first, then decode. The other way round, the deadline
//!   that a PING just set would be cancelled by that very PING.
//! - When decode consumed less than it was given, the sink had no room; the rest is offered again later. The
//!   rest is never empty in that case, so nothing is forgotten inside.
//! - Any `Failure` ends the connection. `FailureKind` says what follows from it.
//! - When `Handshake::take_request` has something, ask the ZAP handler; its answer goes to `Handshake::handle_verdict`,
//!   meanwhile the peer's bytes as ever to `Handshake::handle_input`.
//! - When `Handshake::take_negotiation` has something, run it on a thread that may block, and give it back to
//!   `Handshake::handle_negotiation`; meanwhile the same.
//!
//! # Trust
//! No input panics, and no length is believed: a buffer grows with the bytes that have arrived. Until the
//! handshake is done, a frame may have 64 KiB (`config::HANDSHAKE_FRAME_MAX`).
//!
//!
//! # Where the rest will go
//! - A mechanism is a file in `mechanism/` with its trait, and a row there.
//! - WebSocket framing is a variant of `frame::Framing`; its handshake begins at the mechanism, not at the
//!   greeting.

#![forbid(unsafe_code)]

mod command;
pub mod config;
mod failure;
mod frame;
mod greeting;
mod handshake;
mod heartbeat;
mod mechanism;
mod metadata;
mod receive_half;
mod send_half;
mod write_batch;
mod zap;

pub use config::{Config, HeartbeatConfig, Security, ZERO_COPY_MIN};
pub use failure::{Failure, FailureKind, code};
pub use greeting::Version;
pub use handshake::{Established, Handshake};
pub use heartbeat::{Heartbeat, HeartbeatAction};
pub use mechanism::curve::client::ClientKeys;
pub use mechanism::gssapi::negotiation::Negotiation;
pub use mechanism::gssapi::{Names, Principal};
pub use receive_half::{ReceiveHalf, Sink};
pub use send_half::SendHalf;
pub use write_batch::WriteBatch;
pub use zap::{Verdict, Zap};

#[cfg(test)]
pub(crate) mod tests;
