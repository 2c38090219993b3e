//! Calls into the application that must not be made while something of ours is held.
//!
//! A message's free function may call the library, or take a lock that the application holds around its own calls.
//! Where the last reference to a message goes while a socket is in use, the call is put off until the outermost
//! [`Deferral`] of the thread ends; without one it is made at once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;

/// A function of the application, with its two arguments.
pub type Callback = (unsafe extern "C" fn(*mut c_void, *mut c_void), *mut c_void, *mut c_void);

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<VecDeque<Callback>> = const { RefCell::new(VecDeque::new()) };
    /// Calls wait, and nobody makes them yet.
    static ANY: Cell<bool> = const { Cell::new(false) };
    /// They are being made, one after the other.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static OUTERMOST: Cell<u32> = const { Cell::new(0) };
}

/// A number that changes on this thread whenever something is held that was not before: with each call that uses a socket.
#[inline]
pub fn current_call() -> u32 {
    OUTERMOST.get()
}

/// While it lives, calls on this thread wait. To be dropped after what is held.
pub struct Deferral(());

impl Deferral {
    #[inline]
    pub fn begin() -> Self {
        let depth = DEPTH.get();
        DEPTH.set(depth + 1);
        if depth == 0 {
            OUTERMOST.set(OUTERMOST.get().wrapping_add(1));
        }
        Self(())
    }
}

impl Drop for Deferral {
    #[inline]
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        if depth == 0 && ANY.get() {
            run_waiting();
        }
    }
}

/// Makes the call, now or when the thread no longer holds anything.
///
/// # Safety
/// The function must be callable with its arguments, on this thread, at any later time.
pub unsafe fn call_back(callback: Callback) {
    let waits = DEPTH.get() > 0
        && WAITING
            .try_with(|waiting| waiting.borrow_mut().push_back(callback))
            .map(|()| ANY.set(true))
            .is_ok();
    if !waits {
        let (function, first, second) = callback;
        // SAFETY: the caller's promise.
        unsafe { function(first, second) };
    }
}

/// Makes the calls that wait, the oldest first. A function may use the library, which makes others wait; they come after it, never
/// within it: it may hold a lock of the application that the next one takes, and thousands may wait.
#[cold]
fn run_waiting() {
    if RUNNING.replace(true) {
        return;
    }
    // Taken one by one: more may come meanwhile.
    while let Ok(Some((function, first, second))) = WAITING.try_with(|waiting| {
        let callback = waiting.borrow_mut().pop_front();
        ANY.set(callback.is_some());
        callback
    }) {
        // SAFETY: promised to `call_back`.
        unsafe { function(first, second) };
    }
    RUNNING.set(false);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    thread_local! {
        static RUN: RefCell<Vec<(usize, bool)>> = const { RefCell::new(Vec::new()) };
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }

    /// Notes its number, and whether it was called within another one.
    extern "C" fn note(number: *mut c_void, _: *mut c_void) {
        RUN.with_borrow_mut(|run| run.push((number as usize, INSIDE.get())));
    }

    /// The same, and uses something of the library meanwhile.
    extern "C" fn use_library(number: *mut c_void, second: *mut c_void) {
        note(number, second);
        INSIDE.set(true);
        drop(Deferral::begin());
        INSIDE.set(false);
    }

    fn call(function: unsafe extern "C" fn(*mut c_void, *mut c_void), number: usize) {
        // SAFETY: the functions only look at the number.
        unsafe { call_back((function, number as *mut c_void, std::ptr::null_mut())) };
    }

    #[test]
    fn one_after_the_other_in_their_order() {
        let deferral = Deferral::begin();
        for number in 0..4 {
            call(use_library, number);
        }
        assert!(RUN.with_borrow(Vec::is_empty));
        drop(deferral);
        assert_eq!(RUN.take(), [(0, false), (1, false), (2, false), (3, false)]);
        call(note, 4);
        assert_eq!(RUN.take(), [(4, false)], "at once, where nothing is held");
    }
}
