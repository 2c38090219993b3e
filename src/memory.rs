//! Giving memory back.
//!
//! The library allocates with the system's allocator. glibc's keeps what thousands of connections leave behind, scattered
//! over pages, until it is asked.

/// Returns unused memory to the system. Called once after many links have ended, not while they do.
pub fn give_back() {
    crate::message::give_back();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
