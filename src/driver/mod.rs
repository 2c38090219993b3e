//! Links: who drives a connection, and its life.
//!
//! Knows: pipes, connections, streams, timers; connecting, retrying, lingering. Must not know: sockets and their
//! patterns. What a link needs of its socket it asks of its `Owner`.
//!
//! A link is one `zmq_connect`, or one accepted peer. Its life (`link`) is managed on one I/O thread, by the
//! `reactor`. Its bytes are moved by two pumps, `send_pump` and `receive_pump`, each in a `token` of the
//! link's `handle`: whichever thread holds the token drives, and holding it includes holding the end of the pipe.

mod backoff;
mod gathering;
mod handle;
mod inquiry;
mod link;
mod pace;
mod party;
mod policy;
mod reactor;
mod reading;
mod receive_pump;
mod registration;
mod report;
mod send_pump;
mod token;

pub use gathering::Gathering;
pub use handle::{IoThread, LinkHandle};
pub use link::{Gate, GateGuard, LinkSettings, Notices, Owner, Target};
pub use policy::{inline_driving, spinning};
pub use reactor::{Command, Reactor};
pub use report::{Report, event};
