//! Memory for handles given to C: cells that are never unmapped, so that a stale or wrong pointer is told apart
//! from a live one without touching memory that is not ours.
//!
//! Cells come in chunks of doubling size. A pointer is a handle only if it is the address of a cell in a chunk; a
//! cell that was given back is reused as late as possible.

use super::global::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Ordering};
use super::{Deferral, Exclusive, ExclusiveGuard, fork_generation};
use crate::log;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ops::{Deref, DerefMut};

const FIRST_CHUNK: usize = 64;
const CHUNKS: usize = 20;

/// The generation of a cell without an object. No process has so many ancestors.
const NO_GENERATION: u32 = u32::MAX;

/// Whose object is in a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// This process's.
    Own,
    /// That of the process which this one was forked from.
    Inherited,
    /// There is none.
    Empty,
}

/// A place for one object behind a handle. Aligned so that two threads with a socket each share no cache line, nor a pair of them, which
/// processors fetch together. In this order: what is looked at first lies together.
#[repr(C, align(128))]
pub struct Cell<T> {
    /// The process generation that the object belongs to, or `NO_GENERATION`.
    generation: AtomicU32,
    value: Exclusive<Option<T>>,
    /// With ZMQ_LOG: the thread that uses the object, or used it last; 0 is one of the library's own.
    user: AtomicI32,
    /// Two threads at once were reported.
    reported: AtomicBool,
}

impl<T> Cell<T> {
    fn empty() -> Self {
        Self {
            generation: AtomicU32::new(NO_GENERATION),
            value: Exclusive::new(None),
            user: AtomicI32::new(0),
            reported: AtomicBool::new(false),
        }
    }

    /// Asked before a cell is locked: a thread of the parent may have used an inherited object at the time of the fork, and would be waited
    /// for without end.
    #[inline]
    pub fn standing(&self) -> Standing {
        // Relaxed: whoever gave out the handle has published the cell with it.
        match self.generation.load(Ordering::Relaxed) {
            generation if generation == fork_generation() => Standing::Own,
            NO_GENERATION => Standing::Empty,
            _ => Standing::Inherited,
        }
    }

    /// Forgets an inherited object, which is not touched.
    pub fn abandon(&self) {
        self.generation.store(NO_GENERATION, Ordering::Relaxed);
    }

    /// Waits for its turn and looks at what is there: `None` after the object was closed.
    #[inline]
    pub fn lock(&self) -> CellGuard<'_, T> {
        let object = match self.value.enter() {
            Some(object) => object,
            None => self.value.lock(|| self.report_contention()),
        };
        if log::enabled() {
            self.user.store(thread_id(), Ordering::Relaxed);
        }
        CellGuard { object, _deferral: Deferral::begin() }
    }

    #[cold]
    fn report_contention(&self) {
        if !log::enabled() {
            return;
        }
        let (user, own) = (self.user.load(Ordering::Relaxed), thread_id());
        if user != 0 && user != own && !self.reported.swap(true, Ordering::Relaxed) {
            let (first, second) = (thread_name(user), thread_name(own));
            let handle = self.as_handle();
            log::debug!(
                "{handle:p} is used by two threads at once, {first} and {second}: let one thread use it at a time"
            );
        }
    }

    /// The same without waiting, for the library's own threads.
    pub fn try_lock(&self) -> Option<CellGuard<'_, T>> {
        let object = self.value.try_lock()?;
        if log::enabled() {
            self.user.store(0, Ordering::Relaxed);
        }
        Some(CellGuard { object, _deferral: Deferral::begin() })
    }

    /// The handle for C.
    pub fn as_handle(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }
}

fn thread_id() -> libc::pid_t {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

/// Name and number of a thread of this process.
fn thread_name(id: libc::pid_t) -> String {
    let name = std::fs::read_to_string(format!("/proc/self/task/{id}/comm")).unwrap_or_default();
    format!("{} ({id})", name.trim())
}

/// Exclusive use of a cell. Calls into the application wait until it ends.
pub struct CellGuard<'a, T> {
    // Dropped in this order.
    object: ExclusiveGuard<'a, Option<T>>,
    _deferral: Deferral,
}

impl<T> Deref for CellGuard<'_, T> {
    type Target = Option<T>;

    #[inline]
    fn deref(&self) -> &Option<T> {
        &self.object
    }
}

impl<T> DerefMut for CellGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.object
    }
}

/// What a look into one chunk came to.
enum Found<T: 'static> {
    Cell(&'static Cell<T>),
    /// Not in this chunk.
    Elsewhere,
    /// Not a handle.
    Nothing,
}

/// All cells of one kind of object.
pub struct Registry<T: 'static> {
    chunks: [AtomicPtr<Cell<T>>; CHUNKS],
    free: Mutex<VecDeque<&'static Cell<T>>>,
}

impl<T: Send> Default for Registry<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send> Registry<T> {
    pub const fn new() -> Self {
        Self {
            chunks: [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS],
            free: Mutex::new(VecDeque::new()),
        }
    }

    /// Puts an object into a cell, made by a function that gets to know the cell first.
    pub fn insert(&self, make: impl FnOnce(&'static Cell<T>) -> T) -> Option<&'static Cell<T>> {
        let cell = {
            let mut free = self.free.lock();
            if free.is_empty() {
                self.grow(&mut free);
            }
            free.pop_front()?
        };
        let object = make(cell);
        *cell.lock() = Some(object);
        cell.generation.store(fork_generation(), Ordering::Relaxed);
        Some(cell)
    }

    /// Gives a cell back; its object must have been taken out.
    pub fn free(&self, cell: &'static Cell<T>) {
        cell.generation.store(NO_GENERATION, Ordering::Relaxed);
        cell.value.forget_users();
        self.free.lock().push_back(cell);
    }

    fn grow(&self, free: &mut VecDeque<&'static Cell<T>>) {
        let Some(index) = self.chunks.iter().position(|chunk| chunk.load(Ordering::Relaxed).is_null()) else {
            return;
        };
        let cells: Vec<_> = (0..FIRST_CHUNK << index).map(|_| Cell::empty()).collect();
        let cells: &'static mut [Cell<T>] = cells.leak();
        let start = cells.as_mut_ptr();
        // Release pairs with the Acquire in `find`.
        self.chunks[index].store(start, Ordering::Release);
        let cells: &'static [Cell<T>] = cells;
        free.extend(cells);
    }

    /// The cell behind a handle; `None` for any other pointer.
    #[inline]
    pub fn find(&self, handle: *mut c_void) -> Option<&'static Cell<T>> {
        match self.find_in(0, handle) {
            Found::Elsewhere => self.find_beyond(handle),
            Found::Cell(cell) => Some(cell),
            Found::Nothing => None,
        }
    }

    /// Most programs have few sockets: the first chunk is looked at inline, the others here.
    #[cold]
    fn find_beyond(&self, handle: *mut c_void) -> Option<&'static Cell<T>> {
        for index in 1..CHUNKS {
            match self.find_in(index, handle) {
                Found::Elsewhere => {}
                Found::Cell(cell) => return Some(cell),
                Found::Nothing => return None,
            }
        }
        None
    }

    #[inline(always)]
    fn find_in(&self, index: usize, handle: *mut c_void) -> Found<T> {
        // Acquire pairs with the Release in `grow`.
        let start = self.chunks[index].load(Ordering::Acquire);
        if start.is_null() {
            return Found::Nothing;
        }
        let offset = (handle as usize).wrapping_sub(start as usize);
        let size = size_of::<Cell<T>>();
        if offset >= (FIRST_CHUNK << index) * size {
            return Found::Elsewhere;
        }
        if !offset.is_multiple_of(size) {
            return Found::Nothing;
        }
        // SAFETY: inside a leaked chunk, at a multiple of the cell size: it is a cell for ever.
        Found::Cell(unsafe { &*start.wrapping_byte_add(offset) })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_cells_are_handles() {
        static REGISTRY: Registry<u32> = Registry::new();
        assert!(REGISTRY.find(std::ptr::null_mut()).is_none());
        let cells: Vec<_> = (0..200).filter_map(|i| REGISTRY.insert(|_| i)).collect();
        for (i, cell) in cells.iter().enumerate() {
            assert_eq!(*REGISTRY.find(cell.as_handle()).unwrap().lock(), Some(i as u32));
            assert_eq!(cell.standing(), Standing::Own);
            assert!(REGISTRY.find(cell.as_handle().wrapping_byte_add(1)).is_none());
        }
        let handle = cells[7].as_handle();
        *cells[7].lock() = None;
        REGISTRY.free(cells[7]);
        assert_eq!(*REGISTRY.find(handle).unwrap().lock(), None);
        assert_eq!(cells[7].standing(), Standing::Empty);
        cells[8].abandon();
        assert_eq!(cells[8].standing(), Standing::Empty);
        assert!(REGISTRY.find((&raw const REGISTRY).cast_mut().cast()).is_none());
    }
}
