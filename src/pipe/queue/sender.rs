//! The producing end of a queue.

use super::{AWAKE, CLOSED, GONE, SHIFT, Shared, WAITING, step};
use crate::config::{QUEUE_BURST, SLOTS_AHEAD, SMALL_LIMIT, UNLIMITED_STEP};
use crate::error::Result;
use crate::message::Message;
use crate::pipe::segment::Segment;
use crate::sync::{Ordering, barrier};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Where the last whole message ended, to roll back to.
#[derive(Clone, Copy)]
struct Mark {
    segment: *mut Segment,
    index: usize,
    written: usize,
}

/// The producing end.
pub struct Sender {
    shared: Arc<Shared>,
    tail: *mut Segment,
    index: usize,
    written: usize,
    messages: usize,
    acknowledged: usize,
    in_message: bool,
    closed: bool,
    complete: Mark,
    flushed: usize,
    /// Publications in a row that found nobody asleep; [`QUEUE_BURST`] is a burst.
    found_awake: u32,
}

// SAFETY: the raw pointers lead to segments that only this handle writes to; messages are Send.
unsafe impl Send for Sender {}

impl Sender {
    pub(super) fn new(shared: Arc<Shared>, first: *mut Segment) -> Self {
        Self {
            shared,
            tail: first,
            index: 0,
            written: 0,
            messages: 0,
            acknowledged: 0,
            in_message: false,
            closed: false,
            complete: Mark { segment: first, index: 0, written: 0 },
            flushed: 0,
            found_awake: 0,
        }
    }

    /// True when a message may be begun, or the one begun may be continued. When it is false the consumer owes a
    /// wake once it has read down to the low-water mark.
    #[inline]
    pub fn has_room(&mut self) -> bool {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        if high_water == 0 || self.in_message || self.messages.saturating_sub(self.acknowledged) < high_water
        {
            return true;
        }
        self.refresh_credit(high_water)
    }

    /// Whether a small limit is reached, by what the consumer had reported at the last look.
    pub fn is_at_small_limit(&self) -> bool {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        let unread = self.messages.saturating_sub(self.acknowledged);
        !self.in_message && (1..SMALL_LIMIT).contains(&high_water) && unread >= high_water
    }

    #[cold]
    fn refresh_credit(&mut self, high_water: usize) -> bool {
        let credit = &self.shared.consumed.credit;
        // Acquire pairs with the consumer's Release in `Receiver::acknowledge`.
        let mut seen = credit.load(Ordering::Acquire);
        loop {
            self.acknowledged = self.acknowledged.max(seen >> SHIFT);
            if self.messages.saturating_sub(self.acknowledged) < high_water {
                return true;
            }
            if seen & (WAITING | GONE) != 0 {
                return seen & GONE == 0 && self.is_all_taken();
            }
            match credit.compare_exchange(seen, seen | WAITING, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return self.is_all_taken(),
                Err(now) => seen = now,
            }
        }
    }

    /// A consumer that sleeps has taken everything, though it may not have reported it: steps are for one limit, and the limit
    /// may have changed since. One that falls asleep after this look reports (`Receiver::report_change`).
    fn is_all_taken(&mut self) -> bool {
        // A read-modify-write, so that it comes before or after the consumer's in `Receiver::fall_asleep`.
        let asleep = self.shared.consumed.asleep.fetch_or(AWAKE, Ordering::AcqRel);
        if asleep != self.written + 1 {
            return false;
        }
        self.acknowledged = self.messages;
        true
    }

    /// Changes the limit. The caller tells a waiting producer to look again.
    pub fn set_high_water(&self, high_water: usize) {
        if self.shared.latest.is_none() {
            // Relaxed: a limit orders nothing.
            self.shared.high_water.store(high_water, Ordering::Relaxed);
        }
    }

    /// Appends a part, invisible until [`Sender::flush`]. Room is the caller's business.
    #[inline]
    pub fn push(&mut self, message: Message) {
        let more = message.more();
        if self.shared.latest.is_some() {
            self.replace_latest(message);
        } else {
            self.fill_slot(|slot| _ = slot.write(message));
        }
        self.count(more);
    }

    /// [`Sender::push`] of what is in `message`, which is empty afterwards.
    #[inline]
    pub fn push_from(&mut self, message: &mut Message) {
        if self.shared.latest.is_some() {
            return self.push(message.take());
        }
        let more = message.more();
        self.fill_slot(|slot| message.move_into(slot));
        self.count(more);
    }

    /// [`Sender::push`] of a copy of `body`. Fails with ENOMEM.
    #[inline]
    pub fn push_copy(&mut self, body: &[u8], more: bool) -> Result<()> {
        if self.shared.latest.is_some() {
            self.push(Message::from_slice(body)?);
            return Ok(());
        }
        let mut result = Ok(());
        self.fill_slot(|slot| {
            let message = slot.write(Message::new());
            result = message.assign(body);
            message.set_more(more);
        });
        // Without memory the slot holds an empty message that is not counted: the next one takes its place.
        if result.is_err() {
            self.index -= 1;
            return result;
        }
        self.count(more);
        Ok(())
    }

    /// Lets `fill` write a message into the next slot.
    #[inline(always)]
    fn fill_slot(&mut self, fill: impl FnOnce(&mut MaybeUninit<Message>)) {
        // SAFETY: `tail` is alive while this handle is: the consumer frees a segment only after leaving it
        // for the next, and there is none behind the tail.
        let mut tail = unsafe { &*self.tail };
        if self.index == tail.capacity() {
            self.tail = tail.append(&self.shared.spare);
            self.index = 0;
            // SAFETY: just linked, as above.
            tail = unsafe { &*self.tail };
        }
        tail.prepare(self.index + SLOTS_AHEAD);
        // SAFETY: slots behind the published count belong to the producer.
        unsafe { tail.fill(self.index, fill) };
        self.index += 1;
    }

    #[inline(always)]
    fn count(&mut self, more: bool) {
        self.written += 1;
        self.in_message = more;
        if !more {
            self.messages += 1;
            self.complete = Mark { segment: self.tail, index: self.index, written: self.written };
        }
    }

    #[cold]
    fn replace_latest(&mut self, mut message: Message) {
        message.set_more(false);
        if let Some(latest) = &self.shared.latest {
            let previous = latest.lock().replace(message);
            drop(previous);
        }
    }

    /// Appends a part that the limit does not count (control, hello).
    pub fn push_uncounted(&mut self, message: Message) {
        if self.shared.latest.is_some() && message.is_control() {
            return;
        }
        let messages = self.messages;
        self.push(message);
        self.messages = messages;
    }

    /// Makes every whole message visible; the parts of an unfinished one stay hidden. True when the consumer slept:
    /// the caller owes it a wake.
    #[inline]
    #[must_use = "a sleeping consumer must be woken"]
    pub fn flush(&mut self) -> bool {
        let written = self.complete.written;
        if written == self.flushed || self.closed {
            return false;
        }
        self.flushed = written;
        self.publish(written << SHIFT)
    }

    /// Shows the consumer a new word. True when it slept.
    #[inline]
    fn publish(&mut self, word: usize) -> bool {
        // Release hands the slots over (pairs with the Acquire in `Receiver`).
        self.shared.published.word.store(word, Ordering::Release);
        if self.found_awake == QUEUE_BURST {
            barrier::light();
            // Relaxed: what it says is acted upon by the exchange.
            if self.shared.consumed.asleep.load(Ordering::Relaxed) == AWAKE {
                return false;
            }
        }
        self.take_sleeper()
    }

    /// Takes the consumer's word that it sleeps. True when it does.
    fn take_sleeper(&mut self) -> bool {
        let burst = &self.shared.published.burst;
        let begins = self.found_awake + 1 == QUEUE_BURST && barrier::is_available();
        if begins {
            // Relaxed: seen by whoever exchanges the word after us.
            burst.store(true, Ordering::Relaxed);
        }
        // AcqRel pairs with the exchange in `Receiver::fall_asleep`: the later one sees what was written before the earlier.
        let slept = self.shared.consumed.asleep.swap(AWAKE, Ordering::AcqRel) != AWAKE;
        let in_burst = begins || self.found_awake == QUEUE_BURST;
        self.found_awake = match (slept, in_burst) {
            (true, _) => 0,
            (false, true) => QUEUE_BURST,
            (false, false) => (self.found_awake + 1).min(QUEUE_BURST - 1),
        };
        if slept && in_burst {
            // Release: who sees it sees what the burst has published.
            burst.store(false, Ordering::Release);
        }
        slept
    }

    /// Drops the parts of an unfinished message.
    pub fn rollback(&mut self) {
        self.in_message = false;
        if self.shared.latest.is_some() || self.written == self.complete.written {
            return;
        }
        let Mark { segment, index, written } = self.complete;
        let (mut at, mut slot) = (segment, index);
        for _ in written..self.written {
            // SAFETY: the chain from the mark to the tail is unpublished, so it is the producer's.
            let mut current = unsafe { &*at };
            if slot == current.capacity() {
                at = current.next();
                slot = 0;
                // SAFETY: as above.
                current = unsafe { &*at };
            }
            // SAFETY: each of these slots was written and not published.
            drop(unsafe { current.take(slot) });
            slot += 1;
        }
        // SAFETY: emptied above, and unpublished.
        unsafe { (*segment).cut() };
        (self.tail, self.index, self.written) = (segment, index, written);
    }

    /// Ends the stream behind the last whole message; parts of an unfinished one are dropped. True when a wake is owed.
    #[must_use = "a sleeping consumer must be woken"]
    pub fn close(&mut self) -> bool {
        if self.closed {
            return false;
        }
        self.rollback();
        self.closed = true;
        self.flushed = self.written;
        self.publish(self.written << SHIFT | CLOSED)
    }

    /// True in the middle of a multipart message.
    #[inline]
    pub fn in_message(&self) -> bool {
        self.in_message
    }

    /// Messages went past the queue; the limit counts them until [`super::Receiver::count_passed`].
    #[inline]
    pub fn count_passed(&mut self, count: usize) {
        self.messages += count;
    }

    /// How many messages there is room for, by what the consumer has reported.
    pub fn room(&mut self) -> usize {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        if high_water == 0 {
            return usize::MAX;
        }
        // Acquire as in `refresh_credit`.
        let credit = self.shared.consumed.credit.load(Ordering::Acquire) >> SHIFT;
        self.acknowledged = self.acknowledged.max(credit);
        high_water.saturating_sub(self.messages.saturating_sub(self.acknowledged))
    }

    /// True when the limit is reached.
    #[inline]
    pub fn is_full(&mut self) -> bool {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        if high_water == 0 || self.messages.saturating_sub(self.acknowledged) < high_water {
            return false;
        }
        // Acquire as in `refresh_credit`.
        self.acknowledged =
            self.acknowledged.max(self.shared.consumed.credit.load(Ordering::Acquire) >> SHIFT);
        self.messages.saturating_sub(self.acknowledged) >= high_water
    }

    /// Messages that the consumer has not reported as taken, which it does in steps of the low-water mark; exact when it sleeps.
    pub fn queued(&mut self) -> usize {
        if !self.is_all_taken() {
            // Acquire as in `refresh_credit`.
            let credit = self.shared.consumed.credit.load(Ordering::Acquire) >> SHIFT;
            self.acknowledged = self.acknowledged.max(credit);
        }
        self.messages.saturating_sub(self.acknowledged)
    }

    /// Whether the consumer is a good way behind, by what it has reported.
    pub fn is_far_ahead(&mut self) -> bool {
        // Acquire as in `refresh_credit`.
        self.acknowledged =
            self.acknowledged.max(self.shared.consumed.credit.load(Ordering::Acquire) >> SHIFT);
        let unread = self.messages.saturating_sub(self.acknowledged);
        let limit = self.shared.high_water.load(Ordering::Relaxed);
        unread > step(limit) + UNLIMITED_STEP
    }

    /// True when so many parts are all that was written.
    #[inline]
    pub fn is_read(&self, taken: usize) -> bool {
        self.written == taken
    }

    /// True when the consumer can see everything that was written.
    #[inline]
    pub fn is_shown(&self) -> bool {
        self.written == self.flushed && !self.closed
    }

    /// True when only the latest message is kept.
    pub fn conflates(&self) -> bool {
        self.shared.latest.is_some()
    }

    /// True when nobody will read any more.
    pub fn is_orphaned(&self) -> bool {
        self.shared.consumed.credit.load(Ordering::Relaxed) & GONE != 0
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Whoever drops an end tells the peer; the wake owed here is part of that.
        let _ = self.close();
    }
}
