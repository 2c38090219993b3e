//! Fetching memory into the cache before it is used.
//!
//! A line that another processor has used last takes some hundred nanoseconds to come. A processor looks ahead far enough to wait for
//! several of them at once only where little else is done between two; a hint begins earlier. It changes nothing but time.

/// Fetches the line for writing: no other processor has it afterwards.
#[inline(always)]
pub fn prefetch_for_writing<T>(place: *const T) {
    // The compiler's own hint becomes one for reading, which leaves the line with the others, unless it is told that there is
    // this instruction. Processors with 64 bits have it or pass over it; the very first
    // of Intel's, of 2004, are said not to.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, for any address.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}
