//! Messages to a thread: a lock-free queue and a [`Waker`].

use super::waker::Waker;
use crossbeam_queue::SegQueue;

/// Many threads post, one at a time takes.
pub struct Mailbox<T> {
    queue: SegQueue<T>,
    pub waker: Waker,
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Mailbox<T> {
    pub fn new() -> Self {
        Self { queue: SegQueue::new(), waker: Waker::new() }
    }

    /// Adds an item and wakes the reader if it sleeps.
    pub fn post(&self, item: T) {
        self.queue.push(item);
        self.waker.notify();
    }

    /// Takes notice of news; then [`Mailbox::pop`] until there is nothing left.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.waker.take()
    }

    /// Items there are now. Those that come after [`Mailbox::has_news`] make it true again.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The oldest item.
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }
}
