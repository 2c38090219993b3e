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

mod receiver;
mod sender;

pub use receiver::{Readiness, Receiver};
pub use sender::Sender;

use super::segment::Segment;
use crate::config::UNLIMITED_STEP;
use crate::message::Message;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
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
    (Sender::new(shared.clone(), first), Receiver::new(shared, first, high_water))
}

/// Messages from one report of the consumer to the next. Without a limit nobody waits for reports, but they still tell how much is queued.
fn step(high_water: usize) -> usize {
    if high_water == 0 { UNLIMITED_STEP } else { high_water.div_ceil(2) }
}
