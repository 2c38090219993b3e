//! Threads that run a function of the application (`zmq_threadstart`): as pthread_create(3) makes them by default, and free to leave
//! with pthread_exit(3).

use crate::error::{Errno, Result};
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;

/// What such a thread runs.
pub type Routine = unsafe extern "C-unwind" fn(argument: *mut c_void);

/// A thread to be joined.
pub struct AppThread(libc::pthread_t);

#[derive(Clone, Copy)]
struct Task {
    name: &'static CStr,
    routine: Routine,
    argument: *mut c_void,
}

// SAFETY: as the system declares it. Its start routine is of the same calling convention; that it may be unwound concerns the
// system's own code alone, which expects that.
unsafe extern "C" {
    /// pthread_create(3), with a start routine that may be unwound.
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
}

impl AppThread {
    /// Starts a thread with all signals blocked, as the reference has it for every thread that it starts. EAGAIN. The name has 15
    /// bytes at most.
    ///
    /// # Safety
    /// The routine may be called on another thread with the argument.
    pub unsafe fn start(name: &'static CStr, routine: Routine, argument: *mut c_void) -> Result<Self> {
        let task = Box::into_raw(Box::new(Task { name, routine, argument }));
        let mut thread = MaybeUninit::uninit();
        // SAFETY: room for the thread's number, and a task that the start routine takes.
        let code = unsafe { pthread_create(thread.as_mut_ptr(), ptr::null(), run, task.cast()) };
        if code != 0 {
            // SAFETY: made above, and there is no thread that takes it.
            drop(unsafe { Box::from_raw(task) });
            return Err(Errno::from(std::io::Error::from_raw_os_error(code)));
        }
        // SAFETY: filled in, since there was no error.
        Ok(Self(unsafe { thread.assume_init() }))
    }

    /// Waits for the thread to end.
    pub fn join(self) {
        // SAFETY: a thread that was started, and that nobody else joins.
        unsafe { libc::pthread_join(self.0, ptr::null_mut()) };
    }
}

/// The start routine. Nothing in it needs to be dropped when the application's routine ends the thread with pthread_exit(3).
extern "C-unwind" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: `start` made it with a box, for this thread alone.
    let Task { name, routine, argument } = *unsafe { Box::from_raw(task.cast::<Task>()) };
    let mut all = MaybeUninit::uninit();
    // SAFETY: the set is filled before it is used; the name is a C string; the routine may be called, as whoever started the thread has
    // promised.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut());
        libc::pthread_setname_np(libc::pthread_self(), name.as_ptr());
        routine(argument);
    }
    ptr::null_mut()
}
