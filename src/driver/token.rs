//! A half of a connection that whoever is free drives.
//!
//! [`Token::try_hold`] never blocks. A caller that finds the token held leaves a mark; the holder finds it when it
//! lets go ([`Held::release`]) and must then look again on the caller's behalf. So work announced to a held
//! token is never forgotten, and nobody waits.
//!
//! A hold can be kept beyond the call that began it ([`Held::keep`], [`Token::resume`]). Who keeps one looks for marks while it works
//! ([`Token::is_marked`]), and has to be asked to let go while it does not.

use crate::sync::{AtomicU32, Ordering, UnsafeCell};
use std::ops::{Deref, DerefMut};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody else came by.
const MARKED: u32 = 2;

/// See the module documentation.
pub struct Token<T> {
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached only through `Held`, of which `state` admits one at a time.
unsafe impl<T: Send> Sync for Token<T> {}
// SAFETY: owning the token is owning the value.
unsafe impl<T: Send> Send for Token<T> {}

impl<T> Token<T> {
    pub fn new(value: T) -> Self {
        Self { state: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// The value, or `None` after leaving a mark for whoever holds it.
    #[inline]
    pub fn try_hold(&self) -> Option<Held<'_, T>> {
        let mut seen = FREE;
        loop {
            let next = if seen == FREE { HELD } else { MARKED };
            // Acquire pairs with the Release in `Held::release`; Release publishes the work behind the mark.
            match self.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(FREE) => return Some(Held { token: self, released: false }),
                Ok(_) => return None,
                Err(now) => seen = now,
            }
        }
    }

    /// The value, or `None` without a mark: the caller has another way.
    #[inline]
    pub fn hold_if_free(&self) -> Option<Held<'_, T>> {
        // Acquire pairs with the Release in `Held::release`.
        match self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Some(Held { token: self, released: false }),
            Err(_) => None,
        }
    }

    /// True when somebody came by, for a holder who may go on or let go.
    #[inline]
    pub fn is_marked(&self) -> bool {
        // Relaxed: a miss is found at the next look, or at the release.
        self.state.load(Ordering::Relaxed) == MARKED
    }

    /// Takes up a hold that was kept with [`Held::keep`]; it is kept further, unless it is released.
    ///
    /// # Safety
    /// The caller has kept it, and has not taken it up since.
    #[inline]
    pub unsafe fn resume(&self) -> Held<'_, T> {
        // Whatever happens, it stays kept until it is released.
        Held { token: self, released: true }
    }
}

/// Exclusive use of a token's value.
pub struct Held<'a, T> {
    token: &'a Token<T>,
    released: bool,
}

impl<T> Held<'_, T> {
    /// Goes on holding beyond this borrow, until [`Token::resume`].
    #[inline]
    pub fn keep(mut self) {
        self.released = true;
    }

    /// Lets go. True when somebody came by meanwhile: drive again.
    #[inline]
    #[must_use = "work that was announced meanwhile must be done"]
    pub fn release(mut self) -> bool {
        self.released = true;
        // AcqRel: Release hands the value on, Acquire sees the work behind a mark.
        self.token.state.swap(FREE, Ordering::AcqRel) == MARKED
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: one `Held` at a time, by `state`.
        self.token.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: one `Held` at a time, by `state`.
        self.token.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if !self.released {
            self.token.state.store(FREE, Ordering::Release);
        }
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use crate::sync::{Arc, AtomicU32};

    /// What a socket and its lane do, and an I/O thread that wants the half: the in-use flag stands for the kept hold.
    #[test]
    fn loom_a_kept_hold_is_given_back() {
        use crate::sync::Exclusive;
        loom::model(|| {
            let token = Arc::new(Token::new(0_u32));
            let in_use = Arc::new(Exclusive::new(false));
            let (other_token, other_in_use) = (token.clone(), in_use.clone());
            let socket = loom::thread::spawn(move || {
                let mut done = 0;
                for _ in 0..2 {
                    let Some(mut has_lane) = other_in_use.try_lock() else { continue };
                    if !*has_lane {
                        let Some(held) = other_token.hold_if_free() else { continue };
                        held.keep();
                        *has_lane = true;
                    }
                    // SAFETY: kept, by the flag that only who has the socket reads.
                    let mut held = unsafe { other_token.resume() };
                    *held += 1;
                    done += 1;
                    if other_token.is_marked() {
                        *has_lane = false;
                        let _ = held.release();
                    }
                }
                done
            });
            loop {
                if let Some(mut held) = token.try_hold() {
                    *held += 10;
                    let _ = held.release();
                    break;
                }
                if let Some(mut has_lane) = in_use.try_lock()
                    && std::mem::take(&mut *has_lane)
                {
                    // SAFETY: as above.
                    let _ = unsafe { token.resume() }.release();
                }
                loom::thread::yield_now();
            }
            let done = socket.join().unwrap();
            if std::mem::take(&mut *in_use.try_lock().unwrap()) {
                // SAFETY: as above.
                let _ = unsafe { token.resume() }.release();
            }
            assert_eq!(*token.try_hold().unwrap(), done + 10);
        });
    }

    /// Two threads announce one piece of work each and try to drive; all work gets done, one driver at a time.
    #[test]
    fn loom_announced_work_is_done() {
        loom::model(|| {
            let token = Arc::new(Token::new(0_u32));
            let announced = Arc::new(AtomicU32::new(0));
            let run = |token: &Token<u32>, announced: &AtomicU32| {
                announced.fetch_add(1, Ordering::Relaxed);
                while let Some(mut done) = token.try_hold() {
                    *done = announced.load(Ordering::Relaxed);
                    if !done.release() {
                        break;
                    }
                }
            };
            let (other_token, other_announced) = (token.clone(), announced.clone());
            let other = loom::thread::spawn(move || run(&other_token, &other_announced));
            run(&token, &announced);
            other.join().unwrap();
            assert_eq!(*token.try_hold().unwrap(), 2);
        });
    }
}
