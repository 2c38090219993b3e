//! One direction of a pipe: an unbounded single-producer, single-consumer queue with credit and sleep.
//!
//! Four words are shared.
//!
//! `published` is written by the producer: the number of parts that the consumer may take, and CLOSED: nothing follows. Both are
//! in one word, so whoever sees that it is closed also sees everything that was sent before.
//!
//! `asleep` is where the two meet. A consumer that found nothing writes down that it sleeps, then looks at `published` once
//! more. A producer that has published looks whether the consumer sleeps; if it does, the producer takes the word back, and owes
//! the wake. A wake may find nothing: the consumer may have taken what was published before the producer came to the word, and may
//! have written down its next sleep by then. So whoever is woken polls again, and only a poll that ends in [`Readiness::Asleep`] is
//! followed by another wake.
//! - Usually both exchange the word: one exchange comes first, and what was written before it is seen by the other.
//! - In a *burst*, many publications that found nobody asleep, the producer only reads the word, behind a light fence. The consumer
//!   is told by `burst`, and takes the heavy half before its second look (`sync::barrier`). `burst` is set before an exchange
//!   that finds nobody asleep, and cleared after one that finds somebody, so a consumer that does not see it has exchanged the word
//!   before or after all of the burst.
//!
//! `credit` is written by the consumer: the number of whole messages taken, in steps of the low-water mark,
//! and two flags.
//! - WAITING is set by a producer that found the queue full, with a compare-and-swap as above; the consumer's next
//!   step is a swap that returns it, and the consumer then owes the producer a wake.
//! - GONE: the consumer was dropped; what is written now is never read.
//!
//! Parts that were written but not flushed are not counted in `published`, hence invisible; those of an unfinished
//! message are never flushed, and roll back.
//! Slots are handed over by the count: the producer's Release store of `published` pairs with the consumer's
//! Acquire load.

use super::segment::Segment;
use crate::config::{CLOSE, CLOSE_LOOKS, CLOSE_PAUSE, QUEUE_BURST, UNLIMITED_STEP};
use crate::error::Result;
use crate::message::{Message, Metadata};
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, UnsafeCell, barrier, spin_loop};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

const CLOSED: usize = 1;
const WAITING: usize = 1;
const GONE: usize = 2;
const SHIFT: u32 = 2;
/// In `asleep`: the consumer does not sleep. Otherwise the word is one more than the number of parts it had taken.
const AWAKE: usize = 0;

/// Written by the producer.
struct Published {
    /// Parts published, CLOSED.
    word: AtomicUsize,
    /// The producer looks at `asleep` behind a light fence.
    burst: AtomicBool,
}

/// Written by the consumer, mostly.
struct Consumed {
    /// Messages taken, WAITING, GONE.
    credit: AtomicUsize,
    asleep: AtomicUsize,
}

struct Shared {
    published: CachePadded<Published>,
    consumed: CachePadded<Consumed>,
    /// High-water mark in messages; 0 is unlimited.
    high_water: AtomicUsize,
    spare: AtomicPtr<Segment>,
    /// Conflation: the only message, instead of the segments.
    latest: Option<Mutex<Option<Message>>>,
    /// Where the consumer stood when it was dropped.
    remains: UnsafeCell<Remains>,
}

/// The part of the chain that is left when both ends are gone.
#[derive(Clone, Copy)]
struct Remains {
    head: *mut Segment,
    index: usize,
    taken: usize,
}

// SAFETY: `remains` is written by the consumer's drop and read when the last handle drops, which `Arc` orders;
// everything else is atomic or a lock, and the segments it leads to are governed by `Sender` and `Receiver`.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        let spare = self.spare.load(Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: both handles are gone, and a spare holds no messages.
            unsafe { Segment::free(spare) };
        }
        // SAFETY: both handles are gone.
        let Remains { mut head, mut index, taken } = self.remains.with(|remains| unsafe { *remains });
        let written = self.published.word.load(Ordering::Relaxed) >> SHIFT;
        let mut left = if self.latest.is_some() { 0 } else { written - taken };
        while !head.is_null() {
            // SAFETY: the chain is ours alone now.
            let segment = unsafe { Box::from_raw(head) };
            while left > 0 && index < segment.capacity() {
                // SAFETY: `left` slots from here on were published and never taken; closing dropped the rest.
                drop(unsafe { segment.take(index) });
                index += 1;
                left -= 1;
            }
            head = segment.next();
            index = 0;
        }
    }
}

/// Makes a queue. `high_water` is in messages, 0 is unlimited; with `conflate` only the latest part is kept.
pub fn queue(high_water: usize, conflate: bool) -> (Sender, Receiver) {
    let first = Segment::first();
    let shared = Arc::new(Shared {
        published: CachePadded::new(Published { word: AtomicUsize::new(0), burst: AtomicBool::new(false) }),
        consumed: CachePadded::new(Consumed { credit: AtomicUsize::new(0), asleep: AtomicUsize::new(AWAKE) }),
        high_water: AtomicUsize::new(if conflate { 0 } else { high_water }),
        spare: AtomicPtr::new(ptr::null_mut()),
        latest: conflate.then(|| Mutex::new(None)),
        remains: UnsafeCell::new(Remains { head: first, index: 0, taken: 0 }),
    });
    let sender = Sender {
        shared: shared.clone(),
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
    };
    let receiver = Receiver {
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
    };
    (sender, receiver)
}

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

    /// A message went past the queue; the limit counts it until [`Receiver::count_passed`].
    #[inline]
    pub fn count_passed(&mut self) {
        self.messages += 1;
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

/// Messages from one report of the consumer to the next. Without a limit nobody waits for reports, but they still tell how much is queued.
fn step(high_water: usize) -> usize {
    if high_water == 0 { UNLIMITED_STEP } else { high_water.div_ceil(2) }
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
            self.step_of = high_water;
            self.until_step = self.until_step.min(step(high_water));
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

    /// So many messages that went past the queue ([`Sender::count_passed`]) need no room any more.
    pub fn count_passed(&mut self, count: usize) {
        self.messages += count;
        self.acknowledge(count);
    }

    /// Reports all that was taken if the limit has changed: a producer may wait although everything is taken.
    fn report_change(&mut self) {
        let high_water = self.shared.high_water.load(Ordering::Relaxed);
        if high_water != self.step_of {
            self.step_of = high_water;
            self.until_step = step(high_water);
            let previous = self.shared.consumed.credit.swap(self.messages << SHIFT, Ordering::AcqRel);
            self.owes_credit |= previous & WAITING != 0;
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
