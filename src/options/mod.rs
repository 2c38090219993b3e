//! Options: what a socket or a context can be told, checked once at the border.
//!
//! Knows: the number, size, range and default of every option (`table` has one row each), and the types in which
//! the other rooms read them (`SocketOptions`, `ContextOptions`).
//! Must not know: sockets, pipes, connections; who uses a value, and when it takes effect.
//!
//! `zmq_setsockopt` asks the pattern first (options of one socket type, parsed with the helpers of `value`),
//! then `SocketOptions::set`. `zmq_getsockopt` asks the socket for what only it can know (RCVMORE, FD, EVENTS,
//! LAST_ENDPOINT), then the pattern, then `SocketOptions::get`. Connections work on a clone, taken when
//! `zmq_bind` or `zmq_connect` is called.
#![forbid(unsafe_code)]

mod accept_filter;
mod context;
pub mod number;
mod socket;
mod socket_type;
pub mod table;
pub mod value;
pub mod z85;

pub use accept_filter::{IpcFilters, TcpAcceptFilter};
pub use context::ContextOptions;
pub use socket::{Mechanism, SocketOptions};
pub use socket_type::SocketType;

#[cfg(test)]
mod tests;
