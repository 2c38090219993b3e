//! Routing: the parts that patterns are made of.
//!
//! Knows: which pipe is next. Must not know: socket types, envelopes, options, connections.
//!
//! A pattern receives through a `FairQueue`, sends to one of several peers through a `LoadBalancer` or to many of
//! them through a `FanOut`, and finds pipes by topic (`TopicPipes`) or by routing id (`RoutingTable`).
//!
//! All of them keep lists of [`PipeId`](crate::pattern::PipeId)s (`PipeList`): an array of the pipes in use now, and
//! for each pipe its place in the array. So joining, leaving and skipping are a swap; nothing is hashed, shifted or
//! allocated for a message. A list holds awake pipes only. A pipe leaves it when `Pipes::poll` (input) or
//! `Pipes::has_room` (output) said no, because exactly then the peer owes a wake, which brings it back.
//!
//! Whole messages: the pipe in which a multipart message was begun is remembered until the last part. Incoming
//! messages are in the pipe as a whole, so what is left of one can be salvaged when its pipe is removed. Outgoing ones
//! are invisible to the peer until the last part, so a pipe that dies takes the parts written with it.

#![forbid(unsafe_code)]

mod fair_queue;
mod fan_out;
mod load_balancer;
mod pipe_list;
mod radix;
mod routing_table;
mod subscriptions;

pub use fair_queue::FairQueue;
pub use fan_out::FanOut;
pub use load_balancer::LoadBalancer;
pub use pipe_list::PipeList;
pub use routing_table::{RoutingTable, random_u32};
pub use subscriptions::{Removal, TopicCounts, TopicPipes};
