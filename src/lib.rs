//! zmq-oxide: libzmq, rewritten. This file is the map.
#![doc = ""]

pub mod capi;
pub mod config;
pub mod connection;
pub mod context;
pub mod driver;
pub mod error;
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
