//! Version, errors, capabilities, and the small helpers that programs use in tests: clocks, counters, threads.

use super::constants::{ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH, zmq_thread_fn};
use super::error::{OrErrno, OrNull, errno, guard};
use crate::error::{Errno, Result};
use crate::io::AppThread;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;
use std::time::Instant;

// ---- Version and errors ----

/// Tells the version of the library, which may differ from that of this header.
///
/// # Safety
/// - `major`, `minor`, `patch`: NULL, or room for an int.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) {
    let numbers = [(major, ZMQ_VERSION_MAJOR), (minor, ZMQ_VERSION_MINOR), (patch, ZMQ_VERSION_PATCH)];
    for (place, number) in numbers {
        if !place.is_null() {
            // SAFETY: the caller's promise, with NULL ruled out.
            unsafe { place.write(number) };
        }
    }
}

/// Returns errno of the calling thread as the library sees it.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_errno() -> c_int {
    errno()
}

/// Returns the text of an error number. The text stays valid for the rest of the process.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_strerror(errnum: c_int) -> *const c_char {
    let before = errno();
    let text = guard(|| Ok(error_text(errnum).as_ptr())).unwrap_or(c"Unknown error".as_ptr());
    // Programs print the text between a failure and a look at errno.
    super::error::restore_errno(before);
    text
}

/// Texts handed out so far. They are never freed, since callers may keep them; so there is a limit.
static TEXTS: RwLock<Option<HashMap<c_int, &'static CStr>>> = RwLock::new(None);

/// More texts than systems have error numbers; past it, only somebody who counts through all integers gets.
const TEXTS_MAX: usize = 4096;

fn error_text(number: c_int) -> &'static CStr {
    match number {
        n if n == Errno::STATE.raw() => return c"Operation cannot be accomplished in current state",
        n if n == Errno::INCOMPATIBLE_PROTOCOL.raw() => {
            return c"The protocol is not compatible with the socket type";
        }
        n if n == Errno::TERMINATED.raw() => return c"Context was terminated",
        n if n == Errno::NO_THREAD.raw() => return c"No thread available",
        // The C library says "No route to host".
        libc::EHOSTUNREACH => return c"Host unreachable",
        _ => {}
    }
    if let Some(text) = TEXTS.read().as_ref().and_then(|texts| texts.get(&number)) {
        return text;
    }
    let mut texts = TEXTS.write();
    let texts = texts.get_or_insert_default();
    if texts.len() >= TEXTS_MAX {
        return c"Unknown error";
    }
    texts.entry(number).or_insert_with(|| Box::leak(system_text(number).into_boxed_c_str()))
}

fn system_text(number: c_int) -> CString {
    let mut buffer = [0 as c_char; 256];
    // SAFETY: the buffer has the length that is passed. This is the POSIX form, which fills the buffer.
    unsafe { libc::strerror_r(number, buffer.as_mut_ptr(), buffer.len() - 1) };
    if buffer[0] == 0 {
        return CString::new(format!("Unknown error {number}")).unwrap_or_default();
    }
    // SAFETY: the last byte was kept out of reach, so that there is a NUL.
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_owned()
}

// ---- Capabilities ----

/// What zmq_has knows, and whether it is built in. GSSAPI is a matter of the system.
const CAPABILITIES: &[(&CStr, bool)] = &[
    (c"ipc", true),
    (c"pgm", false),
    (c"tipc", false),
    (c"norm", false),
    (c"curve", true),
    (c"vmci", false),
    (c"draft", true),
    (c"WS", false),
    (c"WSS", false),
    (c"vsock", false),
];

/// Returns 1 when the library was built with a capability: "ipc", "pgm", "tipc", "norm", "curve", "gssapi",
/// "vmci", "draft", "WS", "WSS" or "vsock". For everything else, "tcp" and "inproc" included, 0. For "gssapi" it is 1 when the
/// system has the library for it.
///
/// # Safety
/// - `capability`: NULL, or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_has(capability: *const c_char) -> c_int {
    if capability.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise, with NULL ruled out.
    let name = unsafe { CStr::from_ptr(capability) };
    let has =
        if name == c"gssapi" { crate::gssapi::is_available() } else { CAPABILITIES.contains(&(name, true)) };
    has.into()
}

// ---- Clocks ----

/// Sleeps for a number of seconds.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_sleep(seconds: c_int) {
    if let Ok(seconds) = c_uint::try_from(seconds) {
        // SAFETY: no preconditions. A signal ends it early, as callers of the C function expect.
        unsafe { libc::sleep(seconds) };
    }
}

/// Starts a stopwatch. Free it with zmq_stopwatch_stop.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_stopwatch_start() -> *mut c_void {
    guard(|| Ok(Box::into_raw(Box::new(Instant::now())).cast())).or_null()
}

/// Returns the microseconds since the start; the stopwatch runs on.
///
/// # Safety
/// - `watch`: NULL (returns 0), or a stopwatch that was not stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong {
    // SAFETY: the caller's promise.
    let start = unsafe { watch.cast::<Instant>().as_ref() };
    start.map_or(0, |start| start.elapsed().as_micros() as c_ulong)
}

/// Returns the microseconds since the start, and frees the stopwatch.
///
/// # Safety
/// - `watch`: NULL (returns 0), or a stopwatch that was not stopped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong {
    // SAFETY: the caller's promise.
    let elapsed = unsafe { zmq_stopwatch_intermediate(watch) };
    if !watch.is_null() {
        // SAFETY: `zmq_stopwatch_start` made it with a box, and the caller gives it up.
        drop(unsafe { Box::from_raw(watch.cast::<Instant>()) });
    }
    elapsed
}

// ---- Atomic counters ----

// The counters of the C interface are used from any thread through plain pointers, outside of what loom models.
use crate::sync::global::{AtomicU32, Ordering};

/// Makes a counter with value 0. Returns NULL when memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_atomic_counter_new() -> *mut c_void {
    guard(|| Ok(Box::into_raw(Box::new(AtomicU32::new(0))).cast())).or_null()
}

/// Sets the value.
///
/// # Safety
/// - `counter`: NULL (does nothing), or a counter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_set(counter: *mut c_void, value: c_int) {
    // SAFETY: the caller's promise.
    if let Some(counter) = unsafe { counter_ref(counter) } {
        // All operations are SeqCst: counters guard the user's own memory, in ways unknown here.
        counter.store(value as u32, Ordering::SeqCst);
    }
}

/// Adds one. Returns the value from before.
///
/// # Safety
/// - `counter`: NULL (returns 0), or a counter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_inc(counter: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { counter_ref(counter) }.map_or(0, |counter| counter.fetch_add(1, Ordering::SeqCst) as c_int)
}

/// Subtracts one. Returns 0 when the value becomes 0, otherwise 1.
///
/// # Safety
/// - `counter`: NULL (returns 0), or a counter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_dec(counter: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { counter_ref(counter) }.is_some_and(|counter| counter.fetch_sub(1, Ordering::SeqCst) != 1).into()
}

/// Returns the value.
///
/// # Safety
/// - `counter`: NULL (returns 0), or a counter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_value(counter: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { counter_ref(counter) }.map_or(0, |counter| counter.load(Ordering::SeqCst) as c_int)
}

/// Frees the counter and sets the pointer to NULL.
///
/// # Safety
/// - `counter_p`: NULL, or a pointer to NULL or to a counter that nobody uses any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_atomic_counter_destroy(counter_p: *mut *mut c_void) {
    if counter_p.is_null() {
        return;
    }
    // SAFETY: the caller's promise, with NULL ruled out.
    let counter = unsafe { counter_p.replace(ptr::null_mut()) };
    if !counter.is_null() {
        // SAFETY: `zmq_atomic_counter_new` made it with a box, and the caller gives it up.
        drop(unsafe { Box::from_raw(counter.cast::<AtomicU32>()) });
    }
}

/// # Safety
/// `counter` is NULL or from `zmq_atomic_counter_new`, and lives as long as the reference is used.
unsafe fn counter_ref<'a>(counter: *mut c_void) -> Option<&'a AtomicU32> {
    // SAFETY: passed on.
    unsafe { counter.cast::<AtomicU32>().as_ref() }
}

// ---- Threads ----

/// Runs `func(arg)` on a new thread, with a stack of the size that the system gives to threads. Free the handle with
/// zmq_threadclose.
///
/// # Errors
/// Returns NULL.
/// - EFAULT: `func` is NULL.
/// - EAGAIN: the system has no thread left.
///
/// # Safety
/// - `func`: NULL, or a function that may be called on another thread with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadstart(func: Option<zmq_thread_fn>, arg: *mut c_void) -> *mut c_void {
    guard(|| {
        let func = func.ok_or(Errno::FAULT)?;
        // SAFETY: the caller's promise.
        let thread = unsafe { AppThread::start(c"ZMQapp", func, arg) }?;
        Ok(Box::into_raw(Box::new(thread)).cast())
    })
    .or_null()
}

/// Waits for the thread to end, and frees the handle.
///
/// # Safety
/// - `thread`: NULL, or a handle of zmq_threadstart that was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_threadclose(thread: *mut c_void) {
    let join = || -> Result<()> {
        if !thread.is_null() {
            // SAFETY: `zmq_threadstart` made it with a box, and the caller gives it up.
            unsafe { Box::from_raw(thread.cast::<AppThread>()) }.join();
        }
        Ok(())
    };
    guard(join).or_errno(());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    fn text(number: c_int) -> &'static str {
        // SAFETY: the texts are static.
        unsafe { CStr::from_ptr(zmq_strerror(number)) }.to_str().unwrap()
    }

    #[test]
    fn error_texts() {
        assert_eq!(text(156_384_763), "Operation cannot be accomplished in current state");
        assert_eq!(text(156_384_766), "No thread available");
        assert_eq!(text(libc::EHOSTUNREACH), "Host unreachable");
        assert_eq!(text(libc::EINVAL), "Invalid argument");
        assert_eq!(text(123_456), "Unknown error 123456");
        assert_eq!(text(-1), "Unknown error -1");
        assert_eq!(zmq_strerror(libc::EAGAIN), zmq_strerror(libc::EAGAIN));
    }

    #[test]
    fn asking_for_a_text_keeps_errno() {
        crate::capi::error::set_errno(Errno::AGAIN);
        text(98_765);
        assert_eq!(zmq_errno(), libc::EAGAIN);
    }

    #[test]
    fn capabilities_are_case_sensitive() {
        // SAFETY: C strings.
        let has = |name: &CStr| unsafe { zmq_has(name.as_ptr()) };
        assert_eq!((has(c"ipc"), has(c"draft")), (1, 1));
        assert_eq!((has(c"IPC"), has(c"tcp"), has(c""), has(c"ws")), (0, 0, 0, 0));
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { zmq_has(ptr::null()) }, 0);
    }

    #[test]
    fn counters_may_go_below_zero() {
        // SAFETY: the counter lives until the end of the block.
        unsafe {
            let mut counter = zmq_atomic_counter_new();
            assert_eq!(zmq_atomic_counter_inc(counter), 0);
            assert_eq!(zmq_atomic_counter_inc(counter), 1);
            assert_eq!(zmq_atomic_counter_dec(counter), 1);
            assert_eq!(zmq_atomic_counter_dec(counter), 0);
            assert_eq!(zmq_atomic_counter_dec(counter), 1);
            assert_eq!(zmq_atomic_counter_value(counter), -1);
            zmq_atomic_counter_set(counter, 7);
            assert_eq!(zmq_atomic_counter_value(counter), 7);
            zmq_atomic_counter_destroy(&mut counter);
            assert!(counter.is_null());
            zmq_atomic_counter_destroy(&mut counter);
        }
    }

    #[test]
    fn a_thread_has_its_name_and_argument() {
        unsafe extern "C-unwind" fn run(arg: *mut c_void) {
            // SAFETY: the test passes a boxed sender.
            let sender = unsafe { Box::from_raw(arg.cast::<mpsc::Sender<String>>()) };
            sender.send(std::fs::read_to_string("/proc/thread-self/comm").unwrap()).unwrap();
        }
        let (sender, receiver) = mpsc::channel::<String>();
        // SAFETY: `run` takes the box.
        unsafe {
            let thread = zmq_threadstart(Some(run), Box::into_raw(Box::new(sender)).cast());
            zmq_threadclose(thread);
            assert!(zmq_threadstart(None, ptr::null_mut()).is_null());
        }
        assert_eq!(receiver.recv().unwrap(), "ZMQapp\n");
    }

    #[test]
    fn a_stopwatch_counts_up() {
        let watch = zmq_stopwatch_start();
        std::thread::sleep(Duration::from_millis(2));
        // SAFETY: stopped once, at the end.
        unsafe {
            let first = zmq_stopwatch_intermediate(watch);
            assert!(first >= 2000);
            assert!(zmq_stopwatch_stop(watch) >= first);
        }
    }
}
