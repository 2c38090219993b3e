//! Frames on their way to the kernel.

use super::config::SLICES_MAX;
use crate::message::Message;
use std::collections::VecDeque;
use std::io::IoSlice;

/// Bytes to write: an arena of headers and small bodies, interrupted by large bodies that stay where they
/// are.
///
/// Adding a small frame touches nothing but the arena. A driver keeps one batch per thread and fills it for
/// one connection at a time.
#[derive(Debug, Default)]
pub struct WriteBatch {
    arena: Vec<u8>,
    /// Bytes of the arena that are written.
    arena_done: usize,
    bodies: VecDeque<LargeBody>,
    /// Bytes of the first large body that are written.
    body_done: usize,
    /// Unwritten bytes of all large bodies.
    body_bytes: usize,
}

#[derive(Debug)]
struct LargeBody {
    /// The body follows this many bytes of the arena.
    offset: usize,
    message: Message,
}

/// Written bytes at the front of the arena are given up when they are this many, and half of it.
const COMPACT_MIN: usize = 64 * 1024;

/// An empty arena that is larger is given up; usual ones are as large as a write and a message.
const ARENA_KEPT: usize = 256 * 1024;

impl WriteBatch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes not yet written.
    #[inline]
    pub fn len(&self) -> usize {
        self.arena.len() - self.arena_done + self.body_bytes
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the batch keeps for itself.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.arena.capacity()
    }

    /// Appends what is to be written next to `output`, in order, up to [`SLICES_MAX`] slices.
    pub fn io_slices<'a>(&'a self, output: &mut impl Extend<IoSlice<'a>>) {
        let mut start = self.arena_done;
        let mut skip = self.body_done;
        let mut left = SLICES_MAX;
        let mut push = |bytes: Option<&'a [u8]>| {
            if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty() && left > 0) {
                output.extend([IoSlice::new(bytes)]);
                left -= 1;
            }
        };
        for body in self.bodies.iter().take(SLICES_MAX) {
            push(self.arena.get(start..body.offset));
            push(body.message.data().get(skip..));
            (start, skip) = (body.offset, 0);
        }
        if self.bodies.len() < SLICES_MAX {
            push(self.arena.get(start..));
        }
    }

    /// The first `written` bytes are with the kernel. Large bodies are dropped as soon as they are written.
    pub fn advance(&mut self, written: usize) {
        let mut left = written;
        loop {
            let end = self.bodies.front().map_or(self.arena.len(), |body| body.offset);
            let step = left.min(end - self.arena_done);
            self.arena_done += step;
            left -= step;
            let Some(body) = self.bodies.front().filter(|_| left > 0) else { break };
            let step = left.min(body.message.len() - self.body_done);
            self.body_done += step;
            self.body_bytes -= step;
            left -= step;
            if self.body_done == body.message.len() {
                self.bodies.pop_front();
                self.body_done = 0;
            }
        }
        debug_assert!(left == 0, "more written than there was");
        if self.is_empty() {
            self.clear();
        } else if self.arena_done >= COMPACT_MIN && self.arena_done * 2 >= self.arena.len() {
            self.compact();
        }
    }

    /// Forgets everything; the arena's memory is kept, unless a large encrypted message made it grow.
    pub fn clear(&mut self) {
        self.arena.clear();
        if self.arena.capacity() > ARENA_KEPT {
            self.arena = Vec::new();
        }
        self.bodies.clear();
        (self.arena_done, self.body_done, self.body_bytes) = (0, 0, 0);
    }

    /// Adds bytes that lie side by side.
    #[inline]
    pub(super) fn append(&mut self, header: &[u8], body: &[u8]) {
        self.arena.reserve(header.len() + body.len());
        self.arena.extend_from_slice(header);
        self.arena.extend_from_slice(body);
    }

    /// Adds a header and a body that is not copied.
    pub(super) fn append_message(&mut self, header: &[u8], message: Message) {
        self.arena.extend_from_slice(header);
        self.body_bytes += message.len();
        self.bodies.push_back(LargeBody { offset: self.arena.len(), message });
    }

    /// The arena, for frames that are written by others.
    pub(super) fn arena(&mut self) -> &mut Vec<u8> {
        &mut self.arena
    }

    /// So that a batch that is refilled before it ever becomes empty does not grow for ever.
    fn compact(&mut self) {
        self.arena.drain(..self.arena_done);
        for body in &mut self.bodies {
            body.offset -= self.arena_done;
        }
        self.arena_done = 0;
    }
}
