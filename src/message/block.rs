//! Memory for small bodies.
//!
//! A message is often allocated by one thread and freed by another: a sender and an I/O thread, two ends of an inproc pipe. A general
//! allocator takes a lock for each of those; here a thread keeps the blocks it freed in lists by size and takes its next ones from
//! them, and whole lists change threads through a depot.
//!
//! A thread holds at most two lists of each size, the depot [`DEPOT_LISTS`]; what is beyond that goes back to the system at once, a thread's
//! lists when it ends, and the depot's with [`give_back`].

use crate::config::{BLOCK_CLASSES as CLASSES, BLOCK_LIST_BYTES, BLOCK_STEP as STEP, DEPOT_LISTS};
use parking_lot::Mutex;
use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};

const LARGEST: usize = CLASSES * STEP;
const ALIGNMENT: usize = 16;

/// A free block.
struct Node {
    next: *mut Node,
}

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
        if let Ok(Some(block)) = CACHE.try_with(|cache| cache.classes[class].take(class)) {
            return Some(block.cast());
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
        // SAFETY: the block is the caller's to give, and large enough for a node.
        if CACHE.try_with(|cache| unsafe { cache.classes[class].put(block.cast(), class) }).is_ok() {
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

/// Blocks in a full list.
const fn list_length(class: usize) -> u32 {
    let length = BLOCK_LIST_BYTES / ((class + 1) * STEP);
    if length < 8 { 8 } else { length as u32 }
}

/// A thread's free blocks of one size.
struct Class {
    head: Cell<*mut Node>,
    count: Cell<u32>,
    /// A full list, or none.
    spare: Cell<*mut Node>,
}

impl Class {
    const fn new() -> Self {
        Self { head: Cell::new(ptr::null_mut()), count: Cell::new(0), spare: Cell::new(ptr::null_mut()) }
    }

    #[inline]
    fn take(&self, class: usize) -> Option<NonNull<Node>> {
        let node = NonNull::new(self.head.get()).or_else(|| self.refill(class))?;
        // SAFETY: a node in the list is a free block of ours.
        self.head.set(unsafe { node.as_ref() }.next);
        self.count.set(self.count.get() - 1);
        Some(node)
    }

    #[cold]
    fn refill(&self, class: usize) -> Option<NonNull<Node>> {
        let mut list = self.spare.replace(ptr::null_mut());
        if list.is_null() {
            list = DEPOT[class].take()?.as_ptr();
        }
        self.head.set(list);
        self.count.set(list_length(class));
        NonNull::new(list)
    }

    /// # Safety
    /// The block must be free, and of this class.
    #[inline]
    unsafe fn put(&self, node: NonNull<Node>, class: usize) {
        if self.count.get() == list_length(class) {
            self.put_list_by(class);
        }
        // SAFETY: the block is large enough, aligned, and nobody's.
        unsafe { node.write(Node { next: self.head.get() }) };
        self.head.set(node.as_ptr());
        self.count.set(self.count.get() + 1);
    }

    #[cold]
    fn put_list_by(&self, class: usize) {
        let full = self.head.replace(ptr::null_mut());
        self.count.set(0);
        if let Some(list) = NonNull::new(self.spare.replace(full))
            && !DEPOT[class].put(list)
        {
            // SAFETY: the list has left this thread's hands, and nobody else has it.
            unsafe { free_list(list.as_ptr(), class) };
        }
    }
}

/// # Safety
/// Nobody else may have the list.
unsafe fn free_list(mut list: *mut Node, class: usize) {
    while let Some(node) = NonNull::new(list) {
        // SAFETY: a free block with a link.
        list = unsafe { node.as_ref() }.next;
        // SAFETY: all blocks of a class have this size.
        unsafe { free(node.cast(), (class + 1) * STEP) };
    }
}

struct Cache {
    classes: [Class; CLASSES],
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (index, class) in self.classes.iter().enumerate() {
            // SAFETY: the thread is ending, and its lists were its own.
            unsafe {
                free_list(class.head.replace(ptr::null_mut()), index);
                free_list(class.spare.replace(ptr::null_mut()), index);
            }
        }
    }
}

thread_local! {
    /// Not to be had any more while the thread ends.
    static CACHE: Cache = const { Cache { classes: [const { Class::new() }; CLASSES] } };
}

/// Full lists of one size that no thread has.
struct Depot(Mutex<Vec<List>>);

struct List(NonNull<Node>);

// SAFETY: a list is a chain of free blocks that only its owner reaches.
unsafe impl Send for List {}

static DEPOT: [Depot; CLASSES] = [const { Depot(Mutex::new(Vec::new())) }; CLASSES];

/// The lock is only tried: whoever does not get it does without. So nobody waits, and a forked child, in which the lock may be
/// held for ever, gets on.
impl Depot {
    fn take(&self) -> Option<NonNull<Node>> {
        Some(self.0.try_lock()?.pop()?.0)
    }

    /// False when the depot is full.
    fn put(&self, list: NonNull<Node>) -> bool {
        let Some(mut lists) = self.0.try_lock() else { return false };
        if lists.len() >= DEPOT_LISTS {
            return false;
        }
        lists.push(List(list));
        true
    }
}

/// Returns what the depot holds to the allocator.
pub fn give_back() {
    for (class, depot) in DEPOT.iter().enumerate() {
        let lists = depot.0.try_lock().map(|mut lists| std::mem::take(&mut *lists)).unwrap_or_default();
        for List(list) in lists {
            // SAFETY: taken out of the depot, so ours.
            unsafe { free_list(list.as_ptr(), class) };
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

    #[test]
    fn lists_change_threads_through_the_depot() {
        let room = 320;
        let length = list_length(room / STEP - 1) as usize;
        let blocks = fill(length * 3, room);
        let freed = blocks.clone();
        std::thread::spawn(move || release_all(&freed, room)).join().unwrap();
        // Two lists stayed with the thread, and were freed when it ended.
        let again = fill(length, room);
        assert!(again.iter().all(|block| blocks.contains(block)), "not from the depot");
        release_all(&again, room);
    }

    #[test]
    fn a_thread_that_ends_may_still_send() {
        thread_local! {
            static LATE: Cell<Option<Box<Late>>> = const { Cell::new(None) };
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
