//! The only door to atomics and shared mutable cells.
//!
//! Under `cfg(loom)` the types come from loom, so that every interleaving of the lock-free parts can be explored;
//! otherwise they are std's. `Exclusive` is the in-use flag of a socket, `presence` the part of it that each thread
//! has, `Registry` holds what C handles point at, `barrier` is a fence that costs one side nothing, `prefetch` is a hint to the
//! cache, `fork` counts forks, `global` holds the few process-wide statics, which loom does not model.

pub mod barrier;
mod deferred;
mod exclusive;
mod fork;
mod prefetch;
mod presence;
mod registry;

pub use deferred::{Callback, Deferral, call_back, current_call};
pub use exclusive::{Exclusive, ExclusiveGuard};
pub use fork::{fork_generation, watch_forks};
pub use prefetch::prefetch_for_writing;
pub use registry::{Cell, CellGuard, Registry, Standing};

#[cfg(loom)]
pub use loom::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::yield_now,
};

#[cfg(not(loom))]
pub use self::plain::*;

#[cfg(not(loom))]
#[allow(clippy::disallowed_types)]
mod plain {
    pub use std::hint::spin_loop;
    pub use std::sync::Arc;
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
    pub use std::thread::yield_now;

    /// std's cell behind loom's interface: access goes through a closure that gets the pointer.
    #[derive(Debug)]
    #[repr(transparent)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline(always)]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// Atomics for process-wide statics.
#[allow(clippy::disallowed_types)]
pub mod global {
    pub use std::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
    };
}
