//! Telling a process from its forked children: what was made before a fork belongs to the parent.

use super::global::{AtomicU32, Ordering};
use std::sync::Once;

/// Forks between the first process that used the library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Starts to count. Done before anything is made that a child must not touch.
pub fn watch_forks() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the handler only increments an atomic, which is allowed after fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// The process generation: differs between a parent and its forked child.
#[inline]
pub fn fork_generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}
