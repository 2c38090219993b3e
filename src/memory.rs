//! Memory of the system: getting it at once, and giving it back.
//!
//! The library allocates with the system's allocator. glibc's keeps what thousands of connections leave behind, scattered
//! over pages, until it is asked.

use std::mem::MaybeUninit;

/// Returns unused memory to the system. Takes milliseconds: called after many links have ended, not for each.
pub fn give_back() {
    crate::message::give_back();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Gets the pages of memory that is about to be filled, all at once: a page fault for each of them would take longer. Where
/// that cannot be done, the faults do it.
pub fn populate(memory: &mut [MaybeUninit<u8>]) {
    #[cfg(target_os = "linux")]
    {
        /// The size of pages nearly everywhere.
        const PAGE: usize = 4096;
        let before = memory.as_ptr().align_offset(PAGE).min(memory.len());
        let pages = &mut memory[before..];
        let size = pages.len() / PAGE * PAGE;
        // SAFETY: whole pages of the caller's memory, whose content this does not change.
        unsafe { libc::madvise(pages.as_mut_ptr().cast(), size, libc::MADV_POPULATE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

#[cfg(all(test, not(loom), target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn populated_memory_is_there() {
        const SIZE: usize = 64 * 4096;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, for the whole test.
        let place = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, access, kind, -1, 0) };
        assert_ne!(place, libc::MAP_FAILED);
        let resident = || {
            let mut pages = [0_u8; SIZE / 4096];
            // SAFETY: asks for the mapping, a byte for each of its pages.
            assert_eq!(unsafe { libc::mincore(place, SIZE, pages.as_mut_ptr()) }, 0);
            pages.iter().filter(|&page| page & 1 == 1).count()
        };
        assert_eq!(resident(), 0);
        // SAFETY: the mapping, which nobody else uses.
        let memory = unsafe { std::slice::from_raw_parts_mut(place.cast::<MaybeUninit<u8>>(), SIZE) };
        populate(&mut []);
        populate(&mut memory[..4095]);
        assert_eq!(resident(), 0, "no whole page");
        populate(&mut memory[1..SIZE - 1]);
        // SAFETY: the first page of the mapping. Linux before 5.14 does not know how.
        let known = unsafe { libc::madvise(place, 4096, libc::MADV_POPULATE_WRITE) } == 0;
        assert_eq!(resident(), if known { SIZE / 4096 - 1 } else { 0 });
    }
}
