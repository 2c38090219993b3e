//! Memory for small bodies.
//!
//! A message is often allocated by one thread and freed by another: a sender and an I/O thread, two ends of an inproc pipe. A general
//! allocator takes a lock for each of those; here a thread keeps the blocks it freed in *magazines*, of one size each, and takes its next
//! ones from them, and whole magazines change threads through a depot (Bonwick and Adams, "Magazines and Vmem", USENIX 2001).
//!
//! A magazine is an array of addresses, not a list through the blocks: giving one away and taking it again touches nothing of the
//! block, which may be in another processor's cache. Its first line is fetched a few blocks before it is used.
//!
//! A thread holds at most two magazines of each size, the depot [`DEPOT_MAGAZINES`] full ones; what is beyond that goes back to the system at
//! once, a thread's magazines when it ends, and the depot's with [`give_back`].

use crate::config::{
    BLOCK_CLASSES as CLASSES, BLOCK_STEP as STEP, BLOCKS_AHEAD, DEPOT_MAGAZINES, MAGAZINE_BYTES,
};
use crate::sync::prefetch_for_writing;
use parking_lot::Mutex;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::mem;
use std::ptr::NonNull;

const LARGEST: usize = CLASSES * STEP;
const ALIGNMENT: usize = 16;

/// How many bytes a block for `size` has. Larger ones than the largest class are as large as asked for.
#[inline]
pub fn room_for(size: usize) -> usize {
    if size > LARGEST { size } else { size.next_multiple_of(STEP).max(STEP) }
}

/// A block of `room` bytes, a value of [`room_for`], aligned to 16. `None` without memory.
#[inline]
pub fn allocate(room: usize) -> Option<NonNull<u8>> {
    if room <= LARGEST {
        let class = room / STEP - 1;
        if let Ok(Some(block)) = CACHE.try_with(|cache| cache.0[class].borrow_mut().take(class)) {
            return Some(block);
        }
    }
    allocate_anew(room)
}

#[cold]
fn allocate_anew(room: usize) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(room, ALIGNMENT).ok()?;
    // SAFETY: `room` is never 0.
    NonNull::new(unsafe { alloc(layout) })
}

/// Takes a block back.
///
/// # Safety
/// It must come from [`allocate`] with the same `room`, and not be used any more.
#[inline]
pub unsafe fn release(block: NonNull<u8>, room: usize) {
    if room <= LARGEST {
        let class = room / STEP - 1;
        // SAFETY: the caller's promise, and this is the class of its room.
        if CACHE.try_with(|cache| unsafe { cache.0[class].borrow_mut().put(block, class) }) == Ok(true) {
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { free(block, room) };
}

/// # Safety
/// As for [`release`].
unsafe fn free(block: NonNull<u8>, room: usize) {
    // SAFETY: the layout was valid when the block was allocated with it.
    unsafe { dealloc(block.as_ptr(), Layout::from_size_align_unchecked(room, ALIGNMENT)) };
}

/// Blocks in a full magazine.
const fn capacity(class: usize) -> usize {
    let length = MAGAZINE_BYTES / ((class + 1) * STEP);
    if length < 8 { 8 } else { length }
}

/// Free blocks of one size, which are nobody's but the magazine's. It has no memory of its own before the first.
struct Magazine(Vec<NonNull<u8>>);

// SAFETY: nobody else reaches the blocks.
unsafe impl Send for Magazine {}

impl Magazine {
    const fn new() -> Self {
        Self(Vec::new())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_full(&self, class: usize) -> bool {
        self.0.len() >= capacity(class)
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = self.0.pop();
        if let Some(ahead) = self.0.len().checked_sub(BLOCKS_AHEAD) {
            prefetch_for_writing(self.0[ahead].as_ptr());
        }
        block
    }

    /// False when it is full, or has no memory yet.
    ///
    /// # Safety
    /// The block must be free, nobody else's, and of the magazine's class.
    #[inline]
    unsafe fn push(&mut self, block: NonNull<u8>) -> bool {
        let has_room = self.0.len() < self.0.capacity();
        if has_room {
            self.0.push(block);
        }
        has_room
    }

    fn free_blocks(&mut self, class: usize) {
        for block in self.0.drain(..) {
            // SAFETY: a free block of this class, by the contract of `push`, which is leaving the magazine.
            unsafe { free(block, (class + 1) * STEP) };
        }
    }
}

/// A thread's free blocks of one size.
struct Class {
    /// The one in use.
    loaded: Magazine,
    /// Full or empty.
    other: Magazine,
}

impl Class {
    const fn new() -> Self {
        Self { loaded: Magazine::new(), other: Magazine::new() }
    }

    #[inline]
    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.loaded.pop().or_else(|| self.refill(class))
    }

    #[cold]
    fn refill(&mut self, class: usize) -> Option<NonNull<u8>> {
        if self.other.is_empty() {
            DEPOT[class].fetch(&mut self.other);
        }
        mem::swap(&mut self.loaded, &mut self.other);
        self.loaded.pop()
    }

    /// False when there is no place for the block.
    ///
    /// # Safety
    /// The block must be free, nobody else's, and of this class.
    #[inline]
    unsafe fn put(&mut self, block: NonNull<u8>, class: usize) -> bool {
        // SAFETY: the caller's promise, here and below.
        unsafe { self.loaded.push(block) || self.put_after_change(block, class) }
    }

    /// # Safety
    /// As for [`Class::put`].
    #[cold]
    unsafe fn put_after_change(&mut self, block: NonNull<u8>, class: usize) -> bool {
        if self.loaded.is_full(class) {
            mem::swap(&mut self.loaded, &mut self.other);
            if self.loaded.is_full(class) {
                DEPOT[class].store(&mut self.loaded);
                // What the depot did not take.
                self.loaded.free_blocks(class);
            }
        }
        // An exact reservation makes the capacity the limit of `push`.
        let has_memory = self.loaded.0.try_reserve_exact(capacity(class)).is_ok();
        // SAFETY: the caller's promise.
        has_memory && unsafe { self.loaded.push(block) }
    }
}

struct Cache([RefCell<Class>; CLASSES]);

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, kept) in self.0.iter_mut().enumerate() {
            let kept = kept.get_mut();
            kept.loaded.free_blocks(class);
            kept.other.free_blocks(class);
        }
    }
}

thread_local! {
    /// Not to be had any more while the thread ends.
    static CACHE: Cache = const { Cache([const { RefCell::new(Class::new()) }; CLASSES]) };
}

/// Magazines of one size that no thread has.
struct Depot(Mutex<Stock>);

struct Stock {
    full: Vec<Magazine>,
    empty: Vec<Magazine>,
}

static DEPOT: [Depot; CLASSES] =
    [const { Depot(Mutex::new(Stock { full: Vec::new(), empty: Vec::new() })) }; CLASSES];

/// The lock is only tried: whoever does not get it does without. So nobody waits, and a forked child, in which the lock may be
/// held for ever, gets on.
impl Depot {
    /// Changes an empty magazine for a full one, if there is one.
    fn fetch(&self, magazine: &mut Magazine) {
        if let Some(stock) = &mut self.0.try_lock()
            && let Some(full) = stock.full.pop()
        {
            put_by(&mut stock.empty, mem::replace(magazine, full));
        }
    }

    /// Changes a full magazine for an empty one, if there is room for it.
    fn store(&self, magazine: &mut Magazine) {
        if let Some(stock) = &mut self.0.try_lock()
            && stock.full.len() < DEPOT_MAGAZINES
            && stock.full.try_reserve(1).is_ok()
        {
            let empty = stock.empty.pop().unwrap_or(Magazine::new());
            stock.full.push(mem::replace(magazine, empty));
        }
    }
}

/// Keeps an empty magazine, if there is room for it.
fn put_by(empty: &mut Vec<Magazine>, magazine: Magazine) {
    if empty.len() < DEPOT_MAGAZINES && empty.try_reserve(1).is_ok() {
        empty.push(magazine);
    }
}

/// Returns what the depot holds to the allocator.
pub fn give_back() {
    for (class, depot) in DEPOT.iter().enumerate() {
        let Some((full, _empty)) =
            depot.0.try_lock().map(|mut stock| (mem::take(&mut stock.full), mem::take(&mut stock.empty)))
        else {
            continue;
        };
        for mut magazine in full {
            magazine.free_blocks(class);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn fill(count: usize, room: usize) -> Vec<usize> {
        (0..count).map(|_| allocate(room).unwrap().as_ptr() as usize).collect()
    }

    fn release_all(blocks: &[usize], room: usize) {
        for &block in blocks {
            // SAFETY: from `fill`, each once.
            unsafe { release(NonNull::new(block as *mut u8).unwrap(), room) };
        }
    }

    #[test]
    fn rooms_are_multiples_of_the_step_up_to_the_largest() {
        for (size, room) in
            [(0, 64), (1, 64), (64, 64), (65, 128), (1088, 1088), (1089, 1089), (70_000, 70_000)]
        {
            assert_eq!(room_for(size), room, "{size}");
        }
    }

    #[test]
    fn a_block_is_given_out_once_at_a_time_and_comes_back() {
        for room in [64, 192, 1088, 5000] {
            let blocks = fill(1000, room);
            let mut sorted = blocks.clone();
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= room), "blocks overlap");
            assert!(blocks.iter().all(|block| block % ALIGNMENT == 0));
            release_all(&blocks, room);
        }
        let last = allocate(64).unwrap();
        // SAFETY: just allocated.
        unsafe { release(last, 64) };
        assert_eq!(allocate(64).unwrap(), last);
        release_all(&[last.as_ptr() as usize], 64);
    }

    /// What the depot has of a size that only one test uses.
    fn stock(room: usize) -> (usize, usize) {
        let stock = DEPOT[room / STEP - 1].0.lock();
        (stock.full.len(), stock.empty.len())
    }

    #[test]
    fn magazines_change_threads_through_the_depot() {
        let room = 704;
        let length = capacity(room / STEP - 1);
        let blocks = fill(length * 4, room);
        assert_eq!(stock(room), (0, 0));
        let freed = blocks.clone();
        std::thread::spawn(move || release_all(&freed, room)).join().unwrap();
        assert_eq!(stock(room), (2, 0), "two stayed with the thread, and were freed when it ended");
        let again = fill(length, room);
        assert_eq!(stock(room), (1, 1), "the empty one was left for the full one");
        assert!(again.iter().all(|block| blocks.contains(block)));
        release_all(&again, room);
    }

    #[test]
    fn the_depot_takes_so_many_and_no_more() {
        let room = 576;
        let length = capacity(room / STEP - 1);
        let blocks = fill((DEPOT_MAGAZINES + 5) * length, room);
        release_all(&blocks, room);
        assert_eq!(stock(room), (DEPOT_MAGAZINES, 0));
        let again = fill(blocks.len(), room);
        assert_eq!(stock(room), (0, DEPOT_MAGAZINES));
        release_all(&again, room);
    }

    #[test]
    fn a_thread_that_ends_may_still_send() {
        thread_local! {
            static LATE: std::cell::Cell<Option<Box<Late>>> = const { std::cell::Cell::new(None) };
        }
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                let blocks = fill(100, 128);
                release_all(&blocks, 128);
            }
        }
        std::thread::spawn(|| {
            LATE.set(Some(Box::new(Late)));
            release_all(&fill(100, 128), 128);
        })
        .join()
        .unwrap();
    }
}
