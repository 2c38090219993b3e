//! Where each thread is: the half of a biased lock that belongs to the thread.

use super::{AtomicUsize, Ordering};

/// Says which value a thread has entered without taking its in-use flag; see [`super::Exclusive`]. Each belongs to
/// one thread at a time, and is never freed, so that others may look at it at any time: a later thread gets it when
/// this one has ended. Aligned so that two threads, which write theirs all the time, share no cache line.
#[repr(align(128))]
pub struct Presence {
    /// Address of the value; 0 is none.
    inside: AtomicUsize,
}

impl Presence {
    pub(super) fn new() -> Self {
        Self { inside: AtomicUsize::new(0) }
    }

    /// Whether the thread is in nothing. For itself.
    #[inline]
    pub(super) fn is_nowhere(&self) -> bool {
        self.inside.load(Ordering::Relaxed) == 0
    }

    /// The thread says where it is.
    #[inline]
    pub(super) fn enter(&self, place: usize) {
        // Release: whoever sees this sees what the thread did in the place before.
        self.inside.store(place, Ordering::Release);
    }

    /// What the thread did there is to be seen by whoever sees that it has left.
    #[inline]
    pub(super) fn leave(&self) {
        self.inside.store(0, Ordering::Release);
    }

    /// Whether the thread is there; when it is not, what it did there can be seen.
    pub(super) fn is_in(&self, place: usize) -> bool {
        // Acquire pairs with both stores.
        self.inside.load(Ordering::Acquire) == place
    }
}

#[cfg(not(loom))]
pub(super) use threads::{existing, own};

/// Loom's threads have none but those that a test gives them.
#[cfg(loom)]
pub(super) fn existing() -> Option<&'static Presence> {
    None
}

#[cfg(loom)]
pub(super) fn own() -> Option<&'static Presence> {
    None
}

#[cfg(not(loom))]
mod threads {
    use super::Presence;
    use parking_lot::Mutex;
    use std::cell::Cell;

    /// Those of threads that have ended. The lock is only tried: in a forked child it may be held for ever.
    static FREE: Mutex<Vec<&'static Presence>> = Mutex::new(Vec::new());

    thread_local! {
        static OWN: Cell<Option<&'static Presence>> = const { Cell::new(None) };
        static LOAN: Loan = const { Loan };
    }

    /// Gives the thread's presence back when the thread ends.
    struct Loan;

    impl Drop for Loan {
        fn drop(&mut self) {
            // A thread that ends in the middle of a call keeps what it has entered.
            if let Some(presence) = OWN.take().filter(|presence| presence.is_nowhere())
                && let Some(mut free) = FREE.try_lock()
            {
                free.push(presence);
            }
        }
    }

    /// What the calling thread has, if it was given one.
    #[inline]
    pub fn existing() -> Option<&'static Presence> {
        OWN.get()
    }

    /// What the calling thread has, or gets now. `None` while the thread ends.
    pub fn own() -> Option<&'static Presence> {
        existing().or_else(|| {
            LOAN.try_with(|_| ()).ok()?;
            let free = FREE.try_lock().and_then(|mut free| free.pop());
            let presence = free.unwrap_or_else(|| Box::leak(Box::new(Presence::new())));
            OWN.set(Some(presence));
            Some(presence)
        })
    }
}
