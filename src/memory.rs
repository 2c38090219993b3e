//! The library's private allocator.
//!
//! Message bodies are allocated on one thread and freed on another, which glibc's allocator does under locks; and
//! it keeps what thousands of connections leave behind. mimalloc does neither. Only the library's own allocations
//! go there, the application's are untouched.

#[cfg(not(loom))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Returns unused memory of the calling thread to the system.
pub fn give_back() {
    // SAFETY: may be called at any time, on any thread.
    #[cfg(not(loom))]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}
