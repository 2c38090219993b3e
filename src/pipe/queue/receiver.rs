//! The consuming end of a queue.

use super::{AWAKE, CLOSED, GONE, Remains, SHIFT, Shared, WAITING, step};
use crate::config::{CLOSE, CLOSE_LOOKS, CLOSE_PAUSE};
use crate::message::{Message, Metadata};
use crate::pipe::segment::Segment;
use crate::sync::{Ordering, barrier, spin_loop};
use std::sync::Arc;

/// What [`Receiver::poll`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// A part is there.
    Ready,
    /// Nothing is there, and the producer owes a wake when there is.
    Asleep,
    /// Nothing is there, and nothing will be.
    Ended,
}

/// The consuming end.
pub struct Receiver {
    shared: Arc<Shared>,
    head: *mut Segment,
    index: usize,
    taken: usize,
    available: usize,
    messages: usize,
    ended: bool,
    metadata: Option<Arc<Metadata>>,
    owes_credit: bool,
    /// Looks in a row that found something, but little.
    close_looks: u8,
    /// Messages to be taken before the next report, and the limit this was computed from.
    until_step: usize,
    step_of: usize,
}

// SAFETY: the raw pointer leads to segments whose published slots only this handle takes; messages are Send.
unsafe impl Send for Receiver {}

impl Receiver {
    pub(super) fn new(shared: Arc<Shared>, first: *mut Segment, high_water: usize) -> Self {
        Self {
            shared,
            head: first,
            index: 0,
            taken: 0,
            available: 0,
            messages: 0,
            ended: false,
            metadata: None,
            owes_credit: false,
            close_looks: 0,
            until_step: step(high_water),
            step_of: high_water,
        }
    }

    /// Takes the next part. `None` is "not now" or, when [`Receiver::has_ended`], "never".
    #[inline]
    pub fn pop(&mut self) -> Option<Message> {
        loop {
            if self.taken == self.available && !self.look() {
                return None;
            }
            let message = self.take()?;
            if message.is_control() {
                self.metadata = message.metadata().cloned();
                continue;
            }
            if !message.more() {
                self.messages += 1;
                self.acknowledge(1);
            }
            return Some(message);
        }
    }

    /// [`Receiver::pop`] straight into `place`, whose old content is dropped; false when there is nothing. A message is
    /// one cache line, so this saves the copies of returning it.
    #[inline]
    pub fn pop_into(&mut self, place: &mut Message) -> bool {
        loop {
            if self.taken == self.available && !self.look() {
                return false;
            }
            if self.shared.latest.is_some() {
                return self.pop().is_some_and(|message| {
                    *place = message;
                    true
                });
            }
            self.enter_next_segment();
            // SAFETY: `taken < available`, so the slot is published and not taken.
            let (control, more) = unsafe { (*self.head).peek(self.index) };
            if control {
                self.metadata = self.take().and_then(|message| message.metadata().cloned());
                continue;
            }
            // SAFETY: as above; `taken` moves past it.
            unsafe { (*self.head).take_into(self.index, place) };
            self.index += 1;
            self.taken += 1;
            if !more {
                self.messages += 1;
                self.acknowledge(1);
            }
            return true;
        }
    }

    /// Looks for parts published since the last look. A consumer that is as fast as its producer would fetch the producer's word for
    /// every message, and the producer fetch it back: after some such looks it lets the producer get ahead a little.
    #[inline]
    fn look(&mut self) -> bool {
        if self.close_looks >= CLOSE_LOOKS {
            (0..CLOSE_PAUSE).for_each(|_| spin_loop());
        }
        // Acquire pairs with the Release store in `Sender::publish`.
        let word = self.shared.published.word.load(Ordering::Acquire);
        self.available = word >> SHIFT;
        self.ended = word & CLOSED != 0;
        match self.available - self.taken {
            0 => self.close_looks = 0,
            1..CLOSE => self.close_looks = self.close_looks.saturating_add(1),
            _ => {}
        }
        self.taken != self.available
    }

    #[inline]
    fn take(&mut self) -> Option<Message> {
        if let Some(latest) = &self.shared.latest {
            self.taken = self.available;
            return latest.lock().take();
        }
        self.enter_next_segment();
        // SAFETY: `taken < available`, so the slot was published; `taken` moves past it.
        let message = unsafe { (*self.head).take(self.index) };
        self.index += 1;
        self.taken += 1;
        Some(message)
    }

    #[inline]
    fn enter_next_segment(&mut self) {
        // SAFETY: `head` is alive: only this handle retires segments.
        let head = unsafe { &*self.head };
        if self.index == head.capacity() {
            let spent = std::mem::replace(&mut self.head, head.next());
            self.index = 0;
            // SAFETY: all its slots were taken, and `head` has moved on.
            unsafe { Segment::recycle(spent, &self.shared.spare) };
        }
    }

    /// Counts whole messages that were taken, and reports them in steps of the low-water mark `(high + 1) / 2`.
    #[inline]
    fn acknowledge(&mut self, taken: usize) {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        if high_water != self.step_of {
            // What was not reported until now may be more than the new limit allows.
            self.step_of = high_water;
            self.until_step = 0;
        }
        self.until_step = self.until_step.saturating_sub(taken);
        if self.until_step > 0 {
            return;
        }
        self.until_step = step(high_water);
        // AcqRel pairs with the producer's compare-and-swap in `refresh_credit`.
        let previous = self.shared.consumed.credit.swap(self.messages << SHIFT, Ordering::AcqRel);
        self.owes_credit |= previous & WAITING != 0;
    }

    /// So many messages that went past the queue ([`super::Sender::count_passed`]) need no room any more.
    pub fn count_passed(&mut self, count: usize) {
        self.messages += count;
        self.acknowledge(count);
    }

    /// Reports all that was taken if the limit has changed: a producer may wait although everything is taken.
    fn report_change(&mut self) {
        if self.shared.high_water.load(Ordering::Relaxed) != self.step_of {
            self.acknowledge(0);
        }
    }

    /// True once after reading made room that the producer waits for: the caller owes it a wake.
    #[inline]
    #[must_use = "a waiting producer must be woken"]
    pub fn take_owed_credit(&mut self) -> bool {
        std::mem::take(&mut self.owes_credit)
    }

    /// Writes down that everything is taken, and that a wake is wanted. False: something came meanwhile.
    fn fall_asleep(&mut self) -> bool {
        let asleep = &self.shared.consumed.asleep;
        if asleep.load(Ordering::Relaxed) == self.taken + 1 {
            // Whatever was published since it was written down has its wake on the way.
            return true;
        }
        // AcqRel pairs with the exchange in `Sender::take_sleeper`.
        asleep.swap(self.taken + 1, Ordering::AcqRel);
        // Acquire pairs with the Release at the end of a burst.
        if self.shared.published.burst.load(Ordering::Acquire) {
            barrier::heavy();
        }
        if self.look() || self.ended {
            // The producer may have taken the word already: then its wake comes in vain.
            self.shared.consumed.asleep.swap(AWAKE, Ordering::AcqRel);
            return false;
        }
        self.report_change();
        true
    }

    /// Whether a part is there; when not, goes to sleep.
    #[inline]
    pub fn poll(&mut self) -> Readiness {
        loop {
            if self.taken == self.available && !self.look() {
                if self.ended {
                    return Readiness::Ended;
                }
                if self.fall_asleep() {
                    return Readiness::Asleep;
                }
                continue;
            }
            if let Some(latest) = &self.shared.latest {
                if latest.lock().is_some() {
                    return Readiness::Ready;
                }
                // Taken already, before it was counted.
                self.taken = self.available;
                continue;
            }
            self.enter_next_segment();
            // SAFETY: `taken < available`, so the slot is published and not taken.
            if !unsafe { (*self.head).peek(self.index) }.0 {
                return Readiness::Ready;
            }
            if let Some(message) = self.take() {
                self.metadata = message.metadata().cloned();
            }
        }
    }

    /// True when everything was read and the producer has closed.
    #[inline]
    pub fn has_ended(&self) -> bool {
        self.ended && self.taken == self.available
    }

    /// True when the producer has closed, whether or not everything was read.
    pub fn is_closed(&self) -> bool {
        self.shared.published.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// True when only the latest message is kept.
    pub fn conflates(&self) -> bool {
        self.shared.latest.is_some()
    }

    /// Parts taken since the beginning.
    #[inline]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Whole messages published and not yet taken. Looks at each of them.
    pub fn queued(&mut self) -> usize {
        self.look();
        if let Some(latest) = &self.shared.latest {
            return usize::from(latest.lock().is_some());
        }
        let (mut segment, mut index, mut messages) = (self.head, self.index, 0);
        for _ in self.taken..self.available {
            // SAFETY: published and not taken, and only this handle retires segments, so what leads there is alive.
            let mut current = unsafe { &*segment };
            if index == current.capacity() {
                (segment, index) = (current.next(), 0);
                // SAFETY: as above.
                current = unsafe { &*segment };
            }
            // SAFETY: as above.
            let (control, more) = unsafe { current.peek(index) };
            messages += usize::from(!control && !more);
            index += 1;
        }
        messages
    }

    /// Parts published and not yet taken.
    #[inline]
    pub fn backlog(&self) -> usize {
        (self.shared.published.word.load(Ordering::Relaxed) >> SHIFT) - self.taken
    }

    /// What the stream last announced about the peer.
    #[inline]
    pub fn metadata(&self) -> Option<&Arc<Metadata>> {
        self.metadata.as_ref()
    }

    /// The limit, in messages; 0 is none.
    pub fn limit(&self) -> usize {
        self.shared.high_water.load(Ordering::Relaxed)
    }

    /// Changes the limit that the low-water mark is computed from.
    pub fn set_high_water(&self, high_water: usize) {
        if self.shared.latest.is_none() {
            self.shared.high_water.store(high_water, Ordering::Relaxed);
        }
    }

    /// Drops whatever is published. The stream goes on behind it.
    pub fn discard(&mut self) {
        while self.pop().is_some() {}
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.discard();
        let remains = Remains { head: self.head, index: self.index, taken: self.taken };
        // SAFETY: only this handle writes it, once, and it is read when no handle is left.
        self.shared.remains.with_mut(|slot| unsafe { *slot = remains });
        self.shared.consumed.credit.fetch_or(GONE, Ordering::AcqRel);
    }
}
