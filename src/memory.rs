//! The library's memory.
//!
//! It is the system's allocator's, except for large pieces: those are mapped one by one, and go back to the system with their last use.
//! glibc's allocator takes the size of what was freed for the size of what is going to be needed, and would keep up to
//! 64 MB for each thread that has read a large body, even if the peer that has sent it is gone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;

/// The size of pages nearly everywhere. What is larger is a multiple of it.
#[cfg(target_os = "linux")]
const PAGE: usize = 4096;

/// Returns unused memory to the system. Called once after many links have ended, not while they do: glibc's allocator
/// keeps what thousands of connections leave behind, scattered over pages, until it is asked.
pub fn give_back() {
    crate::message::give_back();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, on any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Gets the pages of memory that is about to be filled, all at once: a page fault for each of them would take longer. Where that cannot be done,
/// the faults do it.
pub fn populate(memory: &mut [MaybeUninit<u8>]) {
    #[cfg(target_os = "linux")]
    {
        let before = memory.as_ptr().align_offset(PAGE).min(memory.len());
        let pages = &mut memory[before..];
        let size = pages.len() / PAGE * PAGE;
        // SAFETY: whole pages of the caller's memory, whose content this does not change.
        unsafe { libc::madvise(pages.as_mut_ptr().cast(), size, libc::MADV_POPULATE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// See the module documentation.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

// SAFETY: each piece is the system allocator's, or a mapping of its own; which of them, its layout says, and so the same one gets it back.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if mapping::is_for(layout) {
            return mapping::map(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if mapping::is_for(layout) {
            // New mappings are zeroes.
            return mapping::map(layout.size());
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if mapping::is_for(layout) {
            // SAFETY: a mapping of this size, by its layout, and the caller gives it up.
            return unsafe { mapping::unmap(memory, layout.size()) };
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size is a valid one.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (mapping::is_for(layout), mapping::is_for(new)) {
            // SAFETY: the caller's promise.
            (false, false) => unsafe { System.realloc(memory, layout, size) },
            // SAFETY: a mapping of this size, by its layout.
            (true, true) => unsafe { mapping::resize(memory, layout.size(), size) },
            // SAFETY: the caller's promise; the old and the new piece are each valid for what is copied.
            _ => unsafe {
                let place = self.alloc(new);
                if !place.is_null() {
                    place.copy_from_nonoverlapping(memory, layout.size().min(size));
                    self.dealloc(memory, layout);
                }
                place
            },
        }
    }
}

#[cfg(target_os = "linux")]
mod mapping {
    use super::PAGE;
    use crate::config::MAPPED_MIN;
    use std::alloc::Layout;
    use std::ptr;

    #[inline]
    pub fn is_for(layout: Layout) -> bool {
        layout.size() >= MAPPED_MIN && layout.align() <= PAGE
    }

    /// New memory; null when there is none.
    #[cold]
    pub fn map(size: usize) -> *mut u8 {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, wherever there is room.
        or_null(unsafe { libc::mmap(ptr::null_mut(), size, access, kind, -1, 0) })
    }

    /// # Safety
    /// A mapping of that size, not used any more.
    #[cold]
    pub unsafe fn unmap(memory: *mut u8, size: usize) {
        // SAFETY: the caller's promise. A whole mapping of ours can be removed.
        unsafe { libc::munmap(memory.cast(), size) };
    }

    /// The mapping in another size, perhaps elsewhere; null, and nothing changed, when there is no memory.
    ///
    /// # Safety
    /// A mapping of that size.
    #[cold]
    pub unsafe fn resize(memory: *mut u8, size: usize, new: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        or_null(unsafe { libc::mremap(memory.cast(), size, new, libc::MREMAP_MAYMOVE) })
    }

    fn or_null(memory: *mut libc::c_void) -> *mut u8 {
        if memory == libc::MAP_FAILED { ptr::null_mut() } else { memory.cast() }
    }
}

/// Where there is no mremap(2) the system's allocator gets it all.
#[cfg(not(target_os = "linux"))]
mod mapping {
    use std::alloc::Layout;

    pub fn is_for(_: Layout) -> bool {
        false
    }

    pub fn map(_: usize) -> *mut u8 {
        std::ptr::null_mut()
    }

    pub unsafe fn unmap(_: *mut u8, _: usize) {}

    pub unsafe fn resize(_: *mut u8, _: usize, _: usize) -> *mut u8 {
        std::ptr::null_mut()
    }
}

#[cfg(all(test, not(loom), target_os = "linux"))]
mod tests {
    use super::*;
    use crate::config::MAPPED_MIN;

    fn bytes(count: usize) -> impl Iterator<Item = u8> {
        (0..count).map(|index| (index * 7 % 251) as u8)
    }

    /// The system's allocator has its own words before what it returns.
    fn is_mapped(memory: *const u8) -> bool {
        memory.addr().is_multiple_of(4096)
    }

    #[test]
    fn large_memory_is_mapped_on_its_own() {
        assert!(is_mapped(Vec::<u8>::with_capacity(MAPPED_MIN).as_ptr()));
        assert!(!is_mapped(Vec::<u8>::with_capacity(MAPPED_MIN - 1).as_ptr()));
        let zeroes = vec![0_u8; MAPPED_MIN + 1];
        assert!(is_mapped(zeroes.as_ptr()));
        assert!(zeroes.iter().all(|&byte| byte == 0));
    }

    #[test]
    fn memory_that_changes_its_size_keeps_its_content() {
        let sizes =
            [100, MAPPED_MIN - 1, MAPPED_MIN, 5 * MAPPED_MIN + 4097, 2 * MAPPED_MIN, MAPPED_MIN - 2, 10];
        let mut vector: Vec<u8> = bytes(10).collect();
        let mut kept = 10;
        for size in sizes {
            vector.truncate(size);
            vector.shrink_to(size);
            vector.reserve_exact(size - vector.len());
            assert_eq!(vector.capacity(), size);
            assert!(vector.iter().copied().eq(bytes(kept.min(size))), "{size}");
            vector.extend(bytes(size).skip(vector.len()));
            kept = size;
        }
    }

    #[test]
    fn populated_memory_is_there() {
        let mut memory = Vec::<u8>::with_capacity(1 << 20);
        let place = memory.as_mut_ptr();
        let pages = (1 << 20) / PAGE - 1;
        let mut resident = vec![0_u8; pages];
        let first = place.wrapping_add(place.align_offset(PAGE));
        // SAFETY: the first whole page of the vector.
        if unsafe { libc::madvise(first.cast(), PAGE, libc::MADV_POPULATE_WRITE) } != 0 {
            return; // Linux before 5.14.
        }
        populate(memory.spare_capacity_mut());
        // SAFETY: asks for whole pages of the vector, a byte for each.
        let result = unsafe { libc::mincore(first.cast(), pages * PAGE, resident.as_mut_ptr()) };
        assert_eq!(result, 0);
        assert!(resident.iter().all(|&page| page & 1 == 1));
        populate(&mut []);
    }

    #[test]
    fn there_may_be_no_memory() {
        let mut vector: Vec<u8> = vec![1; MAPPED_MIN];
        assert!(vector.try_reserve_exact(1 << 60).is_err());
        assert!(Vec::<u8>::new().try_reserve_exact(1 << 60).is_err());
        assert!(vector.iter().all(|&byte| byte == 1));
    }
}
