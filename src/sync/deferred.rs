//! Calls into the application that must not be made while something of ours is held.
//!
//! A message's free function may call the library, or take a lock that the application holds around its own calls.
//! Where the last reference to a message goes while a socket is in use, the call is put off until the outermost
//! [`Deferral`] of the thread ends; without one it is made at once.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

/// A function of the application, with its two arguments.
pub type Callback = (unsafe extern "C" fn(*mut c_void, *mut c_void), *mut c_void, *mut c_void);

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static WAITING: RefCell<Vec<Callback>> = const { RefCell::new(Vec::new()) };
    static ANY: Cell<bool> = const { Cell::new(false) };
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
        && WAITING.try_with(|waiting| waiting.borrow_mut().push(callback)).map(|()| ANY.set(true)).is_ok();
    if !waits {
        let (function, first, second) = callback;
        // SAFETY: the caller's promise.
        unsafe { function(first, second) };
    }
}

#[cold]
fn run_waiting() {
    // Taken one by one: a callback may come back here.
    while let Ok(Some((function, first, second))) = WAITING.try_with(|waiting| {
        let callback = waiting.borrow_mut().pop();
        ANY.set(callback.is_some());
        callback
    }) {
        // SAFETY: promised to `call_back`.
        unsafe { function(first, second) };
    }
}
