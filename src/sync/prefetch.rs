//! Fetching memory into the cache before it is used.
//!
//! A line that another processor has written last takes about a hundred nanoseconds to come. A processor looks ahead far enough to
//! wait for several of them at once only where little else is done between two; these hints begin earlier. They never fault,
//! and change nothing but time.

/// Fetches the line for reading.
#[inline(always)]
pub fn prefetch_for_reading<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, for any address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Fetches the line for writing: no other processor has it afterwards.
#[inline(always)]
pub fn prefetch_for_writing<T>(place: *const T) {
    // The compiler's own hint becomes one for reading unless the instruction is known to exist; where it does not, it does nothing.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, for any address.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}
