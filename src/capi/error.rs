//! From `Result` to what C expects: a return value and `errno`.
//!
//! Every exported function is one `guard(|| ...)` followed by one of the methods of [`OrErrno`], [`OrMinusOne`]
//! or [`OrNull`].

use crate::error::{Errno, Result};
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an exported function. No panic may unwind into C: it becomes EFAULT.
#[inline]
pub fn guard<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // A panic leaves state behind that rooms below guard themselves, as they do against panics on I/O threads.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        // Dropping what was thrown could throw once more; that is given up, and leaks.
        catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(std::mem::forget);
        Err(Errno::FAULT)
    })
}

/// Sets `errno` of the calling thread.
#[inline]
pub fn set_errno(error: Errno) {
    // SAFETY: the C library's pointer to this thread's errno is always valid.
    unsafe { *errno_location() = error.raw() };
}

/// Puts back a value read with [`errno`].
pub fn restore_errno(number: c_int) {
    // SAFETY: as above.
    unsafe { *errno_location() = number };
}

/// `errno` of the calling thread.
#[inline]
pub fn errno() -> c_int {
    // SAFETY: as above.
    unsafe { *errno_location() }
}

#[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox"))]
unsafe fn errno_location() -> *mut c_int {
    // SAFETY: no preconditions.
    unsafe { libc::__errno_location() }
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
unsafe fn errno_location() -> *mut c_int {
    // SAFETY: no preconditions.
    unsafe { libc::__error() }
}

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
unsafe fn errno_location() -> *mut c_int {
    // SAFETY: no preconditions.
    unsafe { libc::__errno() }
}

/// For functions with a failure value of their own.
pub trait OrErrno<T> {
    /// The value; on failure sets `errno` and returns `failure`.
    fn or_errno(self, failure: T) -> T;
}

impl<T> OrErrno<T> for Result<T> {
    #[inline]
    fn or_errno(self, failure: T) -> T {
        self.unwrap_or_else(|error| {
            set_errno(error);
            failure
        })
    }
}

/// For functions that return 0 or a count, and -1 on failure.
pub trait OrMinusOne {
    /// 0 or the count; on failure sets `errno` and returns -1.
    fn or_minus_one(self) -> c_int;
}

impl OrMinusOne for Result<()> {
    #[inline]
    fn or_minus_one(self) -> c_int {
        self.map(|()| 0).or_minus_one()
    }
}

impl OrMinusOne for Result<c_int> {
    #[inline]
    fn or_minus_one(self) -> c_int {
        self.or_errno(-1)
    }
}

/// For functions that return a pointer, and NULL on failure.
pub trait OrNull {
    /// What C gets.
    type Pointer;
    /// The pointer; on failure sets `errno` and returns NULL.
    fn or_null(self) -> Self::Pointer;
}

impl<T> OrNull for Result<*mut T> {
    type Pointer = *mut T;

    #[inline]
    fn or_null(self) -> *mut T {
        self.or_errno(std::ptr::null_mut())
    }
}

impl<T> OrNull for Result<*const T> {
    type Pointer = *const T;

    #[inline]
    fn or_null(self) -> *const T {
        self.or_errno(std::ptr::null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_leaves_errno_alone() {
        set_errno(Errno::AGAIN);
        assert_eq!(guard(|| Ok(())).or_minus_one(), 0);
        assert_eq!(guard(|| Ok(7)).or_minus_one(), 7);
        assert_eq!(errno(), libc::EAGAIN);
    }

    #[test]
    fn failure_sets_errno() {
        assert_eq!(Err::<(), _>(Errno::TERMINATED).or_minus_one(), -1);
        assert_eq!(errno(), 156_384_765);
        assert!(Err::<*mut u8, _>(Errno::INVALID).or_null().is_null());
        assert_eq!(errno(), libc::EINVAL);
        assert_eq!(Err(Errno::NOT_SUPPORTED).or_errno(0u32), 0);
        assert_eq!(errno(), libc::ENOTSUP);
    }

    #[test]
    fn a_panic_is_a_fault() {
        assert_eq!(guard::<()>(|| std::panic::resume_unwind(Box::new(1))).or_minus_one(), -1);
        assert_eq!(errno(), libc::EFAULT);
    }
}
