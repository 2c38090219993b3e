//! From a pipe to a stream: the send half of a link.

use crate::config::{INLINE_SEND_GAP, INLINE_SEND_RUN, NAP_MINIMUM, WRITE_BATCH};
use crate::connection::{SendHalf, WriteBatch};
use crate::error::Result;
use crate::pipe::{Inlet, Readiness};
use crate::transport::Stream;
use std::cell::RefCell;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

/// What a drive came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// Everything is written, and the pipe sleeps.
    Idle,
    /// The kernel takes no more now: wait until the stream is writable.
    Blocked,
    /// The budget is used up.
    More,
    /// Everything is written in the middle of a burst: the pipe stays awake, and the I/O thread looks again in a moment.
    Napping,
    /// Everything is written, and the pipe has ended.
    Ended,
    /// There is no connection, or none to write to any more. What is in the pipe stays there.
    Unconnected,
}

/// What else a connection has to say, besides messages.
pub enum Control {
    Ping,
    Pong(Vec<u8>),
}

/// Reads the pipe, encodes, writes. Lives in a token.
#[derive(Default)]
pub struct SendPump {
    pub inlet: Option<Inlet>,
    connection: Option<Connection>,
    /// End of the last write by an application thread.
    pub last_inline: Option<Instant>,
    /// Writes by application threads that followed closely on the one before.
    quick_writes: u32,
    /// The I/O thread will look again without being told.
    pub napping: bool,
}

struct Connection {
    stream: Arc<Stream>,
    half: SendHalf,
    /// Encoded, but not taken by the kernel yet.
    unsent: Option<Box<WriteBatch>>,
    /// A write failed; the end is left to the receive half, so that what the peer sent is still read.
    broken: bool,
}

thread_local! {
    /// The batch a thread encodes into; it leaves with a connection when the kernel does not take all.
    static BATCH: RefCell<Option<Box<WriteBatch>>> = const { RefCell::new(None) };
}

impl SendPump {
    /// Starts to feed a connection.
    pub fn connect(&mut self, stream: Arc<Stream>, half: SendHalf) {
        self.connection = Some(Connection { stream, half, unsent: None, broken: false });
    }

    /// Whether application threads write so often that batching is better. A few messages in a row are no burst.
    pub fn is_bursting(&mut self) -> bool {
        let quick = self.last_inline.is_some_and(|last| last.elapsed() < INLINE_SEND_GAP);
        self.quick_writes = if quick { self.quick_writes + 1 } else { 0 };
        self.connection.is_some() && self.quick_writes >= INLINE_SEND_RUN
    }

    /// Forgets the connection, and what it did not send.
    pub fn disconnect(&mut self) {
        self.connection = None;
        self.napping = false;
    }

    /// Drops what is queued in the pipe: the socket will say it again.
    pub fn discard(&mut self) {
        if let Some(inlet) = &mut self.inlet {
            inlet.discard();
        }
    }

    /// True when nothing is left to write now.
    pub fn is_drained(&mut self) -> bool {
        let unsent = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.unsent.is_some() && !connection.broken);
        !unsent && self.inlet.as_mut().is_none_or(|inlet| inlet.poll() != Readiness::Ready)
    }

    /// Writes `controls` and then messages, in at most `budget` writes. With `may_nap`, a burst ends in a nap.
    pub fn drive(&mut self, mut controls: Vec<Control>, budget: usize, may_nap: bool) -> Sent {
        let Self { inlet, connection, napping, .. } = self;
        let mut moved = 0;
        let Some(connection) = connection.as_mut().filter(|connection| !connection.broken) else {
            return Sent::Unconnected;
        };
        for _ in 0..budget {
            let mut batch = match connection.unsent.take() {
                Some(batch) => batch,
                None => BATCH.with(RefCell::take).unwrap_or_default(),
            };
            for control in controls.drain(..) {
                match control {
                    Control::Ping => connection.half.encode_ping(&mut batch),
                    Control::Pong(context) => connection.half.encode_pong(&context, &mut batch),
                }
            }
            if let Some(inlet) = inlet {
                while batch.len() < WRITE_BATCH {
                    let Some(message) = inlet.pop() else { break };
                    connection.half.encode(message, &mut batch);
                    moved += 1;
                }
            }
            if batch.is_empty() {
                keep(batch);
                *napping |= may_nap && moved >= NAP_MINIMUM;
                if *napping && inlet.as_ref().is_some_and(|inlet| !inlet.is_closed()) {
                    return Sent::Napping;
                }
                match inlet.as_mut().map(Inlet::poll) {
                    Some(Readiness::Ready) => continue,
                    Some(Readiness::Ended) => return Sent::Ended,
                    Some(Readiness::Asleep) | None => return Sent::Idle,
                }
            }
            match write(&connection.stream, &mut batch) {
                Ok(true) => keep(batch),
                Ok(false) => {
                    connection.unsent = Some(batch);
                    return Sent::Blocked;
                }
                Err(error) => {
                    crate::log::debug!("write failed: {error}");
                    connection.broken = true;
                    return Sent::Unconnected;
                }
            }
        }
        Sent::More
    }
}

/// Gives the thread its empty batch back.
fn keep(mut batch: Box<WriteBatch>) {
    batch.clear();
    BATCH.with(|slot| *slot.borrow_mut() = Some(batch));
}

/// Writes until all is taken (true) or the kernel takes no more (false).
fn write(stream: &Stream, batch: &mut WriteBatch) -> Result<bool> {
    loop {
        let (written, offered) = {
            let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(8);
            batch.io_slices(&mut slices);
            let offered: usize = slices.iter().map(|slice| slice.len()).sum();
            (stream.write(&slices)?, offered)
        };
        batch.advance(written);
        if batch.is_empty() {
            return Ok(true);
        }
        if written < offered {
            return Ok(false);
        }
    }
}
