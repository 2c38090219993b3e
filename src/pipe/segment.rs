//! Storage of a queue: a chain of fixed arrays of message slots.
//!
//! A chain starts with [`FIRST`] slots and grows fourfold up to [`LARGEST`], so an idle pipe stays small and a
//! busy one allocates nothing: the consumer leaves its spent array as a spare for the producer.

use crate::config::{SEGMENT_FIRST as FIRST, SEGMENT_LARGEST as LARGEST};
use crate::message::Message;
use crate::sync::{AtomicPtr, Ordering, UnsafeCell, prefetch_for_writing};
use std::mem::MaybeUninit;
use std::ptr;

/// One array of slots and the link to the next.
pub struct Segment {
    next: AtomicPtr<Segment>,
    slots: Box<[UnsafeCell<MaybeUninit<Message>>]>,
}

impl Segment {
    /// The first segment of a chain.
    pub fn first() -> *mut Self {
        Self::allocate(FIRST)
    }

    fn allocate(capacity: usize) -> *mut Self {
        let slots = (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
        Box::into_raw(Box::new(Self { next: AtomicPtr::new(ptr::null_mut()), slots }))
    }

    /// # Safety
    /// `segment` must come from this type and be unreachable for everybody else; messages in it are not dropped.
    pub unsafe fn free(segment: *mut Self) {
        // SAFETY: passed on to the caller.
        drop(unsafe { Box::from_raw(segment) });
    }

    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// # Safety
    /// The producer alone calls this, for a slot that the consumer has not been told about.
    #[inline(always)]
    pub unsafe fn fill(&self, index: usize, fill: impl FnOnce(&mut MaybeUninit<Message>)) {
        // SAFETY: exclusive by the contract above; `index` is below the capacity in all callers' loops.
        self.slots[index].with_mut(|slot| fill(unsafe { &mut *slot }));
    }

    /// A slot that is going to be filled soon; it may be beyond the last one.
    #[inline(always)]
    pub fn prepare(&self, index: usize) {
        prefetch_for_writing(self.slots.as_ptr().wrapping_add(index));
    }

    /// # Safety
    /// The slot must hold a message that nobody else reads: each is taken once.
    #[inline(always)]
    pub unsafe fn take(&self, index: usize) -> Message {
        // SAFETY: by the contract above.
        self.slots[index].with(|slot| unsafe { (*slot).assume_init_read() })
    }

    /// What the slot holds, without taking it: (control, MORE).
    ///
    /// # Safety
    /// The slot must hold a message, published to the caller and not taken yet.
    #[inline(always)]
    pub unsafe fn peek(&self, index: usize) -> (bool, bool) {
        self.slots[index].with(|slot| {
            // SAFETY: by the contract above.
            let message = unsafe { (*slot).assume_init_ref() };
            (message.is_control(), message.more())
        })
    }

    /// Moves a message straight to where it is wanted, whose old content is dropped.
    ///
    /// # Safety
    /// As for [`Segment::take`].
    #[inline(always)]
    pub unsafe fn take_into(&self, index: usize, place: &mut Message) {
        self.slots[index].with(|slot| {
            // SAFETY: by the contract above the slot's message is taken once; the place holds a message, dropped once.
            unsafe {
                std::ptr::drop_in_place(place);
                std::ptr::copy_nonoverlapping((*slot).as_ptr(), place, 1);
            }
        });
    }

    /// The following segment. The link was written before the count that made the consumer look for it.
    #[inline]
    pub fn next(&self) -> *mut Self {
        // Relaxed: ordered by the Acquire load of the published count.
        self.next.load(Ordering::Relaxed)
    }

    /// Appends a segment behind this full one: the spare if it is no smaller, else a larger new one.
    pub fn append(&self, spare: &AtomicPtr<Self>) -> *mut Self {
        // Acquire pairs with the Release in `recycle`: the consumer is done with the spare's slots.
        let kept = spare.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: a spare belongs to whoever swapped it out.
        let fits = !kept.is_null() && unsafe { &*kept }.capacity() >= self.capacity();
        let next = if fits {
            kept
        } else {
            if !kept.is_null() {
                // SAFETY: as above; a spare holds no messages.
                unsafe { Self::free(kept) };
            }
            Self::allocate((self.capacity() * 4).min(LARGEST))
        };
        // SAFETY: `next` is ours until it is linked.
        unsafe { &*next }.next.store(ptr::null_mut(), Ordering::Relaxed);
        // Relaxed: published together with the count.
        self.next.store(next, Ordering::Relaxed);
        next
    }

    /// Cuts off what was appended, after a rollback.
    ///
    /// # Safety
    /// The appended segments must be unpublished and without messages.
    pub unsafe fn cut(&self) {
        let mut next = self.next.swap(ptr::null_mut(), Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: by the contract above nobody else can reach the chain behind `self`.
            let following = unsafe { &*next }.next.load(Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { Self::free(next) };
            next = following;
        }
    }

    /// Leaves a spent segment to the producer.
    ///
    /// # Safety
    /// All its messages must have been taken, and the consumer must not return to it.
    pub unsafe fn recycle(segment: *mut Self, spare: &AtomicPtr<Self>) {
        // Release pairs with the Acquire in `append`; Acquire with a previous spare's Release.
        let previous = spare.swap(segment, Ordering::AcqRel);
        if !previous.is_null() {
            // SAFETY: swapped out, so ours; a spare holds no messages.
            unsafe { Self::free(previous) };
        }
    }
}
