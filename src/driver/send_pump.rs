//! From a pipe to a stream: the send half of a link.

use super::pace;
use crate::config::{
    INLINE_SEND_GAP, INLINE_SEND_RUN, NAP_MINIMUM, NAPS_MAX, SEND_CHUNK, SMALL_LIMIT, TALK_CHUNK,
    TALK_WRITES, WRITE_BATCH,
};
use crate::connection::{SendHalf, WriteBatch};
use crate::error::Result;
use crate::message::{Message, Metadata, Traffic};
use crate::pipe::{Inlet, Readiness};
use crate::transport::Stream;
use smallvec::SmallVec;
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

/// What the end of a nap came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nap {
    /// An application thread writes.
    Again,
    /// An application thread collects, and will write with its next message, if there is one.
    Urged,
    /// Drive.
    Over,
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
    /// End of the last write by an application thread, by that thread's clock.
    pub last_inline: Option<Instant>,
    /// Writes by application threads that followed closely on the one before.
    quick_writes: u32,
    /// The I/O thread will look again without being told.
    pub napping: bool,
    /// Messages that application threads have encoded since the last drive, and those among them that the I/O thread knows of.
    collected: u32,
    seen: u32,
    /// Looks of the I/O thread since then that found messages collected and not written.
    looks: u32,
    /// Whoever encodes the next message is to write.
    urged: bool,
    /// Reads of the connection that brought bytes, by the time of the last write of an application's thread, and such writes since that
    /// number has changed.
    heard: u32,
    unheard: u32,
    /// Something was given to the kernel, or tried to be, since this was last cleared.
    pub wrote: bool,
    /// A PING was given to the kernel since this was last cleared.
    pub pinged: bool,
    /// All that was encoded for the connections of this link.
    pub sent: Traffic,
    /// What the socket writes before its next mark was meant for a connection that is gone. The mark is an announcement; here is the one
    /// before it.
    stale: Option<Option<Arc<Metadata>>>,
}

struct Connection {
    stream: Arc<Stream>,
    half: SendHalf,
    /// What is encoded and not taken by the kernel yet, if anything.
    batch: Option<Box<WriteBatch>>,
    /// The kernel took no more at the last write.
    blocked: bool,
    /// Messages in the batch that did not come through the pipe, and were not tried to be written yet.
    passed: usize,
    /// There is a PING in the batch.
    has_ping: bool,
    /// The last part taken from the pipe was not the last of its message.
    in_message: bool,
    /// A write failed; the end is left to the receive half, so that what the peer sent is still read.
    broken: bool,
}

thread_local! {
    /// An empty batch for the next connection that this thread writes to. Not to be had any more while the thread ends, when the
    /// application's own destructors and exit handlers may still send.
    static BATCH: RefCell<Option<Box<WriteBatch>>> = const { RefCell::new(None) };
}

impl SendPump {
    /// Starts to feed a connection. `hello` is sent before anything else.
    pub fn connect(&mut self, stream: Arc<Stream>, mut half: SendHalf, hello: Option<Message>) {
        let batch = hello.map(|hello| {
            let mut batch = spare_batch();
            half.encode(hello, &mut batch);
            batch
        });
        self.connection = Some(Connection {
            stream,
            half,
            batch,
            blocked: false,
            has_ping: false,
            passed: 0,
            in_message: false,
            broken: false,
        });
    }

    /// Whether application threads write so often that batching is better. A few messages in a row are no burst.
    pub fn is_bursting(&mut self, now: Instant) -> bool {
        let quick = self
            .last_inline
            .is_some_and(|last| pace::at(now).saturating_duration_since(last) < INLINE_SEND_GAP);
        self.quick_writes = if quick { self.quick_writes + 1 } else { 0 };
        self.connection.is_some() && self.quick_writes >= INLINE_SEND_RUN && !self.has_small_limit()
    }

    /// Whether the pipe's limit is so small that each message has to count.
    fn has_small_limit(&self) -> bool {
        self.inlet.as_ref().is_some_and(|inlet| (1..SMALL_LIMIT).contains(&inlet.limit()))
    }

    /// Forgets the connection, and what it did not send: whole messages, so that the next connection begins with a first part.
    pub fn disconnect(&mut self) {
        (self.napping, self.pinged) = (false, false);
        let Some(connection) = self.connection.take() else { return };
        if let Some(inlet) = &mut self.inlet {
            inlet.count_passed(connection.passed);
        }
        let mut in_message = connection.in_message;
        while in_message {
            in_message = self.inlet.as_mut().and_then(Inlet::pop).is_some_and(|part| part.more());
        }
    }

    /// Drops what is in the pipe, and what the socket writes until it has heard of it, and made a mark: it says it again.
    pub fn discard(&mut self) {
        if let Some(inlet) = &mut self.inlet {
            inlet.discard();
            self.stale = Some(inlet.metadata().cloned());
        }
    }

    /// True when nothing is left to write now.
    pub fn is_drained(&mut self) -> bool {
        let unsent = self.connection.as_ref().is_some_and(Connection::is_unsent);
        !unsent && self.inlet.as_mut().is_none_or(|inlet| inlet.poll() != Readiness::Ready)
    }

    /// Encodes a message on the thread that sends it, in the middle of a burst: it is written with those that follow, and
    /// never enters the queue. True when that was done; then the message is empty, unless others are going to get it, too.
    #[inline(always)]
    pub fn collect(&mut self, message: &mut Message, shared: bool) -> bool {
        if !self.collect_queued() {
            return false;
        }
        let Some(connection) = &mut self.connection else { return false };
        self.sent.count(message.len(), message.more());
        let batch = connection.batch.get_or_insert_with(spare_batch);
        if shared {
            connection.half.encode_shared(message, batch);
        } else {
            connection.half.encode_from(message, batch);
        }
        connection.passed += 1;
        self.collected += 1;
        true
    }

    /// Encodes what the pipe holds; whether [`SendPump::collect_bundle`] would then come to something.
    pub fn takes_bundles(&mut self) -> bool {
        self.collect_queued() && self.connection.as_ref().is_some_and(|connection| connection.half.is_plain())
    }

    /// [`SendPump::collect`] of a bundle.
    pub fn collect_bundle(&mut self, bundle: &mut Message, traffic: Traffic) -> bool {
        if !self.takes_bundles() {
            return false;
        }
        let Some(connection) = &mut self.connection else { return false };
        self.sent += traffic;
        connection.half.encode_framed(bundle, connection.batch.get_or_insert_with(spare_batch));
        connection.passed += traffic.messages as usize;
        self.collected += traffic.messages as u32;
        true
    }

    /// Encodes what the pipe holds, in the same way. True when that was all.
    #[inline(always)]
    pub fn collect_queued(&mut self) -> bool {
        let Self { inlet: Some(inlet), connection: Some(connection), napping: true, stale: None, .. } = self
        else {
            return false;
        };
        if connection.blocked || connection.broken {
            return false;
        }
        if inlet.backlog() > 0 {
            self.collected += connection.encode_queued(inlet, &mut self.sent, &mut self.stale) as u32;
            self.urged |= inlet.backlog() > 0;
            return inlet.backlog() == 0;
        }
        true
    }

    /// Whether [`SendPump::collect`] may come to something.
    pub fn can_collect(&self) -> bool {
        self.napping
            && self.connection.as_ref().is_some_and(|connection| !connection.blocked && !connection.broken)
    }

    /// The stream, when the kernel took no more of it.
    pub fn blocked_stream(&self) -> Option<&Arc<Stream>> {
        let connection = self.connection.as_ref()?;
        (connection.blocked && !connection.broken).then_some(&connection.stream)
    }

    /// The end of a nap: whether there is to be another. An application thread that is still sending will write itself, when what it has
    /// collected is worth it; two threads that write in turn are slower than one. If that takes too long it is asked to.
    pub fn end_nap(&mut self, lingering: bool) -> Nap {
        let attended = std::mem::take(&mut self.wrote);
        let busy = std::mem::replace(&mut self.seen, self.collected) != self.collected && !self.urged;
        let goes_on = !lingering && self.inlet.as_ref().is_some_and(|inlet| !inlet.is_closed());
        self.napping &= (attended || busy) && goes_on;
        if !self.napping {
            return Nap::Over;
        }
        self.looks = if attended { 0 } else { self.looks + 1 };
        if self.unwritten() * NAPS_MAX >= self.chunk() * self.looks as usize {
            return Nap::Again;
        }
        self.urged = true;
        Nap::Urged
    }

    /// Bytes that are encoded and not with the kernel.
    #[inline]
    fn unwritten(&self) -> usize {
        let batch = self.connection.as_ref().and_then(|connection| connection.batch.as_ref());
        batch.map_or(0, |batch| batch.len())
    }

    /// Whether a write would make room in the pipe: messages wait for nothing else.
    pub fn can_make_room(&self) -> bool {
        self.collected > 0 && self.connection.as_ref().is_some_and(|connection| !connection.blocked)
    }

    /// True when what was collected is worth a write.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.unwritten() >= self.chunk()
    }

    /// What a write is to bring.
    #[inline]
    fn chunk(&self) -> usize {
        if self.unheard < TALK_WRITES { TALK_CHUNK } else { SEND_CHUNK }
    }

    /// A write is about to be made, after so many reads that brought bytes.
    pub fn note_heard(&mut self, reads: u32) {
        let heard = std::mem::replace(&mut self.heard, reads) != reads;
        self.unheard = if heard { 0 } else { self.unheard.saturating_add(1) };
    }

    /// True when whoever encodes is to write now, and the kernel may take it.
    #[inline]
    pub fn is_due(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| !connection.blocked)
            && (self.urged || self.is_full())
    }

    /// Writes `controls` and then messages, in at most `budget` writes. With `may_nap`, a burst ends in a nap.
    pub fn drive(&mut self, mut controls: Vec<Control>, budget: usize, may_nap: bool) -> Sent {
        let Some(connection) = self.connection.as_mut().filter(|connection| !connection.broken) else {
            // See `Connection::give_up`.
            self.pinged |= controls.iter().any(|control| matches!(control, Control::Ping));
            return Sent::Unconnected;
        };
        let mut moved = std::mem::take(&mut self.collected) as usize;
        (self.seen, self.looks, self.urged) = (0, 0, false);
        for _ in 0..budget {
            let batch = connection.batch.get_or_insert_with(spare_batch);
            for control in controls.drain(..) {
                match control {
                    Control::Ping => {
                        connection.half.encode_ping(batch);
                        connection.has_ping = true;
                    }
                    Control::Pong(context) => connection.half.encode_pong(&context, batch),
                }
            }
            // Nothing follows a PING in its batch: once that is with the kernel, the answer may take its time.
            if !connection.has_ping
                && let Some(inlet) = &mut self.inlet
            {
                moved += connection.encode_queued(inlet, &mut self.sent, &mut self.stale);
            }
            let batch = connection.batch.get_or_insert_with(spare_batch);
            if connection.half.is_broken() {
                // Ended for the receive half to find, as if the network had failed.
                connection.stream.shutdown();
                self.pinged |= connection.give_up();
                return Sent::Unconnected;
            }
            if batch.is_empty() {
                break;
            }
            self.wrote = true;
            // Before the peer can have them: who waits for its answer to send more finds the room that they leave.
            if let Some(inlet) = &mut self.inlet {
                inlet.count_passed(std::mem::take(&mut connection.passed));
            }
            match write(&connection.stream, batch) {
                Ok(true) => {
                    connection.blocked = false;
                    self.pinged |= std::mem::take(&mut connection.has_ping);
                }
                Ok(false) => {
                    connection.blocked = true;
                    return Sent::Blocked;
                }
                Err(error) => {
                    crate::log::debug!("write failed: {error}");
                    self.pinged |= connection.give_up();
                    return Sent::Unconnected;
                }
            }
        }
        self.napping |= may_nap && moved >= NAP_MINIMUM && !self.has_small_limit();
        self.settle()
    }

    /// Everything that was taken from the pipe is written: is there more?
    fn settle(&mut self) -> Sent {
        // Nobody comes back to a nap that is not announced as one.
        self.napping &= self.inlet.as_ref().is_some_and(|inlet| !inlet.is_closed());
        if self.napping {
            return Sent::Napping;
        }
        let readiness = self.inlet.as_mut().map(Inlet::poll);
        if readiness == Some(Readiness::Ready) {
            return Sent::More;
        }
        if let Some(connection) = &mut self.connection {
            connection.put_batch_by();
        }
        if readiness == Some(Readiness::Ended) { Sent::Ended } else { Sent::Idle }
    }
}

impl Connection {
    /// Encodes what is in the pipe, up to the size of a write. The number of parts.
    fn encode_queued(
        &mut self,
        inlet: &mut Inlet,
        sent: &mut Traffic,
        stale: &mut Option<Option<Arc<Metadata>>>,
    ) -> usize {
        let batch = self.batch.get_or_insert_with(spare_batch);
        let (mut moved, mut message) = (0, Message::new());
        while batch.len() < WRITE_BATCH && inlet.pop_into(&mut message) {
            if let Some(before) = &*stale {
                if inlet.metadata().map(Arc::as_ptr) == before.as_ref().map(Arc::as_ptr) {
                    continue;
                }
                *stale = None;
            }
            self.in_message = message.more();
            sent.count(message.len(), message.more());
            self.half.encode_from(&mut message, batch);
            moved += 1;
        }
        moved
    }

    /// Nothing leaves any more. Whether a PING was to: then the time for its answer runs, so that heartbeats end the connection if nothing
    /// else does.
    fn give_up(&mut self) -> bool {
        self.broken = true;
        self.batch = None;
        std::mem::take(&mut self.has_ping)
    }

    fn is_unsent(&self) -> bool {
        !self.broken && self.batch.as_ref().is_some_and(|batch| !batch.is_empty())
    }

    /// Leaves the empty batch to the thread: an idle connection owns no buffer.
    fn put_batch_by(&mut self) {
        if let Some(batch) = self.batch.take() {
            let _ = BATCH.try_with(|spare| *spare.borrow_mut() = Some(batch));
        }
    }
}

/// The thread's spare batch, or a new one.
fn spare_batch() -> Box<WriteBatch> {
    BATCH.try_with(RefCell::take).ok().flatten().unwrap_or_default()
}

/// Writes until all is taken (true) or the kernel takes no more (false).
fn write(stream: &Stream, batch: &mut WriteBatch) -> Result<bool> {
    loop {
        let (written, offered) = {
            let mut slices = SmallVec::<[IoSlice<'_>; 8]>::new();
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

#[cfg(all(test, not(loom)))]
mod tests;
