//! Memory for large bodies, kept for the next ones.
//!
//! What a general allocator takes back of this size it soon returns to the system, and a program that sends or
//! receives one large message after the other has each page given to it anew each time. A few of them are kept here,
//! for all threads.

use crate::config::{LARGE_MIN, SHELF_BYTES};
use parking_lot::Mutex;

/// Empty vectors, the latest last, and the sum of their capacities.
struct Shelf {
    vectors: Vec<Vec<u8>>,
    bytes: usize,
}

/// The lock is only tried: nobody waits, and a forked child, in which it may be held for ever, gets on.
static SHELF: Mutex<Shelf> = Mutex::new(Shelf::new());

/// An empty vector for `size` bytes: one that was used before, of which no more than half would go to waste, or one
/// without memory.
pub fn take(size: usize) -> Vec<u8> {
    if size < LARGE_MIN {
        return Vec::new();
    }
    SHELF.try_lock().and_then(|mut shelf| shelf.take(size)).unwrap_or_default()
}

/// Takes a vector that nobody needs any more.
pub fn put(vector: Vec<u8>) {
    if (LARGE_MIN..=SHELF_BYTES).contains(&vector.capacity())
        && let Some(mut shelf) = SHELF.try_lock()
    {
        shelf.put(vector);
    }
}

/// Returns what is kept to the allocator.
pub fn give_back() {
    if let Some(mut shelf) = SHELF.try_lock() {
        *shelf = Shelf::new();
    }
}

impl Shelf {
    const fn new() -> Self {
        Self { vectors: Vec::new(), bytes: 0 }
    }

    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        let fits = |vector: &Vec<u8>| vector.capacity() >= size && vector.capacity() / 2 <= size;
        let vector = self.vectors.remove(self.vectors.iter().rposition(fits)?);
        self.bytes -= vector.capacity();
        Some(vector)
    }

    /// The oldest make room.
    fn put(&mut self, mut vector: Vec<u8>) {
        if self.vectors.try_reserve(1).is_err() {
            return;
        }
        vector.clear();
        self.bytes += vector.capacity();
        self.vectors.push(vector);
        while self.bytes > SHELF_BYTES {
            self.bytes -= self.vectors.remove(0).capacity();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn gives_what_fits() {
        const SIZE: usize = 1_000_000;
        let mut shelf = Shelf::new();
        let vector: Vec<u8> = Vec::with_capacity(SIZE);
        let address = vector.as_ptr();
        shelf.put(vector);
        assert!(shelf.take(SIZE + 1).is_none(), "too small");
        assert!(shelf.take(SIZE / 2 - 1).is_none(), "too much of it would be wasted");
        let again = shelf.take(SIZE - 5).unwrap();
        assert_eq!((again.as_ptr(), again.len(), again.capacity()), (address, 0, SIZE));
        assert!(shelf.take(SIZE).is_none());
    }

    #[test]
    fn keeps_the_latest() {
        let mut shelf = Shelf::new();
        let addresses: Vec<_> = (0..9)
            .map(|_| {
                let vector = vec![7; SHELF_BYTES / 4];
                let address = vector.as_ptr();
                shelf.put(vector);
                address
            })
            .collect();
        let kept: Vec<_> = std::iter::from_fn(|| shelf.take(SHELF_BYTES / 4)).collect();
        assert!(kept.iter().map(Vec::as_ptr).eq(addresses[5..].iter().rev().copied()));
        assert_eq!(shelf.bytes, 0);
    }

    #[test]
    fn neither_small_nor_huge_ones_are_kept() {
        for size in [LARGE_MIN - 1, SHELF_BYTES + 1] {
            put(Vec::with_capacity(size));
            assert_ne!(take(size).capacity(), size);
        }
    }
}
