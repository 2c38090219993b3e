//! zmq-oxide: libzmq, rewritten. This file is the map; `ARCHITECTURE.md` tells the longer story.
//!
//! The library is a C one: what programs use is [`capi`], the functions of `zmq.h`. The Rust modules are public for this
//! repository's own tests and benches alone.
//!
//! # Layers, from the top
//! - [`capi`]: C pointers and errno, and nothing else.
//! - [`context`], [`socket`]: limits and threads; what is behind a `void *socket`: blocking, endpoints, readiness, monitors.
//! - [`pattern`], [`routing`]: socket types, and the parts they are made of.
//! - [`driver`]: links: who drives a connection, and its life from connect to linger.
//! - [`connection`], [`transport`]: ZMTP without I/O; addresses and sockets of the system.
//! - [`pipe`], [`io`], [`message`], [`options`], [`crypto`], [`gssapi`], [`sync`]: queues, event loops,
//!   bodies, settings, ciphers, Kerberos, atomics.
//!
//! # One message out
//! `zmq_send` -> [`socket`] (in-use flag, news) -> [`pattern`] (which pipe) -> [`pipe`] (queue, flush). If the reader of the
//! pipe slept, the link's handle in [`driver`] is told: the caller writes to the kernel itself, or the I/O thread does.
//!
//! # One message in
//! A readable stream -> [`driver`] (whoever holds the receive half) -> [`connection`] (bytes to messages) -> [`pipe`] ->
//! the socket's inbox, if it slept -> [`pattern`] (whose turn) -> `zmq_recv`.
//!
//! # Who drives
//! I/O threads, unless an application thread can do it cheaper: it writes what it sends on a quiet connection, and it reads
//! the few connections of a socket that it waits for. In a burst its messages then go past the queue of the pipe, both ways
//! (`pipe::Peer::take` and `give`). It only moves bytes; closing and reconnecting stay with the I/O thread.

pub mod capi;
pub mod config;
pub mod connection;
pub mod context;
pub mod crypto;
pub mod driver;
pub mod error;
pub mod gssapi;
pub mod io;
mod log;
mod memory;
pub mod message;
pub mod options;
pub mod pattern;
pub mod pipe;
pub mod routing;
pub mod socket;
pub mod sync;
pub mod transport;
