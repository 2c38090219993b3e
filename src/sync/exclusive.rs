//! A value that one thread uses at a time: the in-use flag that every socket carries.
//!
//! Taking it costs one compare-and-swap, giving it back one store. It is made for a lock that is nearly
//! always free: an application uses a socket from one thread, and the I/O thread borrows it for a moment
//! (with [`Exclusive::try_lock`]) to clean up after peers that left, or to take back what the socket keeps. A second caller yields until its turn.

use super::{AtomicBool, Ordering, UnsafeCell};
use std::ops::{Deref, DerefMut};

/// See the module documentation.
pub struct Exclusive<T> {
    busy: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through a guard, and `busy` admits one guard at a time; so sharing the
// cell only ever moves exclusive access between threads, which `T: Send` allows.
unsafe impl<T: Send> Sync for Exclusive<T> {}
// SAFETY: owning the cell is owning the value.
unsafe impl<T: Send> Send for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub fn new(value: T) -> Self {
        Self { busy: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits for its turn. The wait yields the processor, then sleeps in steps of 50 µs.
    #[inline]
    pub fn lock(&self) -> ExclusiveGuard<'_, T> {
        match self.try_lock() {
            Some(guard) => guard,
            None => self.lock_contended(),
        }
    }

    /// The value if nobody uses it now.
    #[inline]
    pub fn try_lock(&self) -> Option<ExclusiveGuard<'_, T>> {
        // Acquire pairs with the Release store in the guard's drop.
        match self.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Some(ExclusiveGuard { owner: self }),
            Err(_) => None,
        }
    }

    #[cold]
    fn lock_contended(&self) -> ExclusiveGuard<'_, T> {
        let mut turns = 0_u32;
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            turns += 1;
            if turns < 64 {
                std::thread::yield_now();
            } else {
                std::thread::sleep(std::time::Duration::from_micros(50));
            }
        }
    }
}

/// Exclusive access, given back when dropped.
pub struct ExclusiveGuard<'a, T> {
    owner: &'a Exclusive<T>,
}

impl<T> Deref for ExclusiveGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one (see `try_lock`), and the reference does not outlive it.
        self.owner.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ExclusiveGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard is the only one (see `try_lock`), and the reference does not outlive it.
        self.owner.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ExclusiveGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire in `try_lock`.
        self.owner.busy.store(false, Ordering::Release);
    }
}
