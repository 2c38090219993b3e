//! Bodies that do not fit into the message itself: one reference-counted block.
//!
//! A block either carries the bytes right behind its header (one allocation), or points at memory that the
//! application or a `Vec` owns and that is given back through a function when the last reference goes.

use super::{block, shelf};
use crate::config::{LARGE_MIN, POPULATE_MAX, POPULATE_MIN};
use crate::error::{Errno, Result};
use crate::memory::populate;
use crate::sync::{AtomicUsize, Ordering, call_back, fence};
use std::ffi::c_void;
use std::ptr::NonNull;

/// Gives application memory back: `zmq_free_fn` of zmq.h.
pub type FreeFn = unsafe extern "C" fn(data: *mut c_void, hint: *mut c_void);

/// Header of a shared body.
#[repr(C, align(16))]
struct Header {
    references: AtomicUsize,
    data: *mut u8,
    size: usize,
    release: Release,
}

const HEADER: usize = size_of::<Header>();
// A header alone is a block, too.
const _: () = assert!(HEADER == 64 && align_of::<Header>() == 16);

/// What to do with the bytes when the last reference goes.
enum Release {
    /// The bytes are part of the block, which has room for so many.
    Nothing(usize),
    /// They belong to the application.
    Call(FreeFn, *mut c_void),
    /// They are the end of a vector: where it starts, its length and capacity.
    Vector(*mut u8, usize, usize),
}

/// A counted reference to a body. Not `Drop`: it lives in a union, so its owner calls [`Content::release`].
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Content(NonNull<Header>);

impl Content {
    /// A block with room for `size` uninitialised bytes. Fails with ENOMEM.
    #[inline]
    pub fn allocate(size: usize) -> Result<Self> {
        if size >= LARGE_MIN { Self::allocate_large(size) } else { Self::allocate_block(size) }
    }

    #[cold]
    fn allocate_large(size: usize) -> Result<Self> {
        let mut bytes = shelf::take(size);
        if bytes.capacity() < size {
            bytes.try_reserve_exact(size).map_err(|_| Errno::NO_MEMORY)?;
            if (POPULATE_MIN..=POPULATE_MAX).contains(&size) {
                populate(bytes.spare_capacity_mut());
            }
        }
        Self::of_vector(bytes, 0, size)
    }

    fn allocate_block(size: usize) -> Result<Self> {
        let total = size.checked_add(HEADER).filter(|&total| total <= isize::MAX as usize);
        let total = block::room_for(total.ok_or(Errno::NO_MEMORY)?);
        let block = block::allocate(total).ok_or(Errno::NO_MEMORY)?;
        let room = total - HEADER;
        let header = block.cast::<Header>();
        // SAFETY: the block is large enough for a header followed by `size` bytes.
        unsafe {
            let data = block.as_ptr().add(HEADER);
            header.write(Header {
                references: AtomicUsize::new(1),
                data,
                size,
                release: Release::Nothing(room),
            });
        }
        Ok(Self(header))
    }

    /// A reference to application memory; `free` runs exactly once, when the last reference goes.
    ///
    /// # Safety
    /// `data` must stay valid for `size` bytes until `free` has been called. On failure nothing is called.
    pub unsafe fn from_user(data: *mut u8, size: usize, free: FreeFn, hint: *mut c_void) -> Result<Self> {
        Self::foreign(data, size, Release::Call(free, hint))
    }

    /// Takes over a vector without copying it.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self> {
        Self::from_vec_tail(bytes, 0)
    }

    /// Takes over a vector without copying it; what lies before `start` is not part of the body. `start` is at most its length.
    pub fn from_vec_tail(bytes: Vec<u8>, start: usize) -> Result<Self> {
        let start = start.min(bytes.len());
        let size = bytes.len() - start;
        Self::of_vector(bytes, start, size)
    }

    /// `size` bytes of a vector's memory, from `start` on: within its capacity.
    fn of_vector(bytes: Vec<u8>, start: usize, size: usize) -> Result<Self> {
        debug_assert!(start + size <= bytes.capacity());
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        let (vector, length, capacity) = (bytes.as_mut_ptr(), bytes.len(), bytes.capacity());
        // SAFETY: within the vector's memory, or at its end.
        let data = unsafe { vector.add(start) };
        Self::foreign(data, size, Release::Vector(vector, length, capacity)).inspect_err(|_| {
            // SAFETY: the vector was not taken over, so it is dropped here, once.
            unsafe { std::mem::ManuallyDrop::drop(&mut bytes) };
        })
    }

    fn foreign(data: *mut u8, size: usize, release: Release) -> Result<Self> {
        let header = block::allocate(HEADER).ok_or(Errno::NO_MEMORY)?.cast::<Header>();
        // SAFETY: freshly allocated, with room for a header.
        unsafe { header.write(Header { references: AtomicUsize::new(1), data, size, release }) };
        Ok(Self(header))
    }

    fn header(&self) -> &Header {
        // SAFETY: the block lives as long as a counted reference, and `self` is one.
        unsafe { self.0.as_ref() }
    }

    /// Start of the bytes.
    #[inline]
    pub fn data(&self) -> *mut u8 {
        self.header().data
    }

    /// Number of bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.header().size
    }

    /// Whether [`Content::reuse`] may come to something, for a block of at most `limit` bytes.
    #[inline]
    pub fn is_reusable(&self, limit: usize) -> bool {
        let header = self.header();
        // Acquire as in `reuse`.
        matches!(header.release, Release::Nothing(room) if room <= limit)
            && header.references.load(Ordering::Acquire) == 1
    }

    /// Makes the block one of `size` bytes, if it is a block of its own that nobody else refers to, and of a fitting size: no more than
    /// half of it may go to waste.
    #[inline]
    pub fn reuse(&mut self, size: usize) -> bool {
        let header = self.header();
        let Release::Nothing(room) = header.release else { return false };
        // Acquire pairs with the Release of other owners in `release`: they are done with the bytes.
        if size > room || size < room / 2 || header.references.load(Ordering::Acquire) != 1 {
            return false;
        }
        // SAFETY: this is the only reference, and it is borrowed mutably.
        unsafe { self.0.as_mut() }.size = size;
        true
    }

    /// A second reference to the same bytes.
    #[inline]
    pub fn share(&self) -> Self {
        // Relaxed: a new reference is made from an existing one, which keeps the block alive.
        self.header().references.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }

    /// Gives this reference up.
    ///
    /// # Safety
    /// The reference must not be used afterwards.
    #[inline]
    pub unsafe fn release(self) {
        let references = &self.header().references;
        // A sole owner needs no atomic subtraction; Acquire pairs with the Release below on other threads.
        if references.load(Ordering::Acquire) != 1 {
            // Release orders this owner's reads and writes before the free; pairs with the fence.
            if references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: this was the last reference.
        unsafe { self.destroy() };
    }

    /// # Safety
    /// No other reference may exist.
    unsafe fn destroy(self) {
        if let Release::Nothing(room) = self.header().release {
            // SAFETY: the size it was allocated with.
            return unsafe { block::release(self.0.cast(), room + HEADER) };
        }
        // SAFETY: the block was written by `foreign` and is read out once, here.
        let header = unsafe { self.0.read() };
        // SAFETY: the size of `foreign`.
        unsafe { block::release(self.0.cast(), HEADER) };
        // The block is gone before user code runs: a free function may call back into the library.
        match header.release {
            Release::Nothing(_) => {}
            // SAFETY: the caller of `from_user` promised that the pair is valid until this one call.
            Release::Call(free, hint) => unsafe { call_back((free, header.data.cast(), hint)) },
            Release::Vector(vector, length, capacity) => {
                // SAFETY: pointer, length and capacity come from the vector taken over in `of_vector`.
                shelf::put(unsafe { Vec::from_raw_parts(vector, length, capacity) });
            }
        }
    }
}
