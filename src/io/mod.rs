//! What an event loop is made of: poller, timers, waker, mailbox, the I/O thread that turns them, and helper threads for what it must not do.
//!
//! Knows: descriptors, deadlines, threads. Must not know: what the descriptors carry. The loop in `thread` hands
//! commands, readiness and timers to a `Handler`.

mod app_thread;
mod helpers;
mod mailbox;
mod poller;
mod thread;
mod timers;
mod waker;

pub use app_thread::AppThread;
pub use helpers::Helpers;
pub use mailbox::Mailbox;
pub use poller::{Event, Interest, Poller};
pub use thread::{Handler, ThreadSettings, is_io_thread, run, spawn_plain, start, watch_mailbox};
pub use timers::{TimerId, Timers};
pub use waker::{Waker, Watcher};

#[cfg(all(test, loom))]
mod loom_tests;
