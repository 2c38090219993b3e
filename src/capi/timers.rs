//! Timers of the application: a set of them, and functions that are called when they are due.
//!
//! A set belongs to one thread at a time. Handlers run inside zmq_timers_execute, and may call every other
//! function on the same set, also destroy it: the set is not in use while a handler runs.

use super::constants::zmq_timer_fn;
use super::error::{OrErrno, OrMinusOne, OrNull, guard};
use crate::context::next_serial;
use crate::error::{Errno, Result};
use crate::sync::Registry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_int, c_long, c_void};
use std::time::{Duration, Instant};

static TIMERS: Registry<TimerSet> = Registry::new();

/// Some 280 years. Longer intervals would overflow the clock, and nobody will notice.
const INTERVAL_MAX: u64 = 1 << 43;
/// Cancelled timers stay in the queue until they are due, or until there are this many more than others.
const CANCELLED_SLACK: usize = 64;

/// When a timer is due, and a count that keeps equal times in the order in which they were armed.
type Due = (Instant, u64);

/// What is behind the handle of a set.
#[derive(Default)]
struct TimerSet {
    /// Tells this set from an earlier one with the same handle.
    serial: u64,
    queue: BTreeMap<Due, Timer>,
    due_by_id: HashMap<c_int, Due>,
    cancelled: usize,
    last_id: c_int,
    arms: u64,
}

#[derive(Clone, Copy)]
struct Timer {
    id: c_int,
    interval: Duration,
    handler: zmq_timer_fn,
    /// A pointer of the application's.
    arg: usize,
    cancelled: bool,
}

impl TimerSet {
    fn add(&mut self, interval: Duration, handler: zmq_timer_fn, arg: usize, now: Instant) -> c_int {
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        self.arm(Timer { id, interval, handler, arg, cancelled: false }, now);
        id
    }

    fn arm(&mut self, timer: Timer, now: Instant) {
        self.arms += 1;
        let due = (now + timer.interval, self.arms);
        self.queue.insert(due, timer);
        self.due_by_id.insert(timer.id, due);
    }

    /// Arms a timer anew, with another interval if there is one. A cancelled timer stays cancelled.
    fn rearm(&mut self, id: c_int, interval: Option<Duration>, now: Instant) -> Result<()> {
        let due = self.due_by_id.get(&id).ok_or(Errno::INVALID)?;
        let mut timer = self.queue.remove(due).ok_or(Errno::INVALID)?;
        timer.interval = interval.unwrap_or(timer.interval);
        self.arm(timer, now);
        Ok(())
    }

    fn cancel(&mut self, id: c_int) -> Result<()> {
        let due = self.due_by_id.get(&id).ok_or(Errno::INVALID)?;
        let timer = self.queue.get_mut(due).filter(|timer| !timer.cancelled).ok_or(Errno::INVALID)?;
        timer.cancelled = true;
        self.cancelled += 1;
        if self.cancelled > self.queue.len() / 2 + CANCELLED_SLACK {
            self.queue.retain(|_, timer| !timer.cancelled);
            self.due_by_id.retain(|_, due| self.queue.contains_key(due));
            self.cancelled = 0;
        }
        Ok(())
    }

    /// The next timer that is not cancelled. Sweeps those in front of it.
    fn first(&mut self) -> Option<(Due, Timer)> {
        loop {
            let entry = self.queue.first_entry()?;
            if !entry.get().cancelled {
                return Some((*entry.key(), *entry.get()));
            }
            self.due_by_id.remove(&entry.remove().id);
            self.cancelled -= 1;
        }
    }

    /// Milliseconds until the next timer, rounded up so that waiting that long is enough.
    fn timeout(&mut self, now: Instant) -> Option<c_long> {
        let ((due, _), _) = self.first()?;
        let millis = due.saturating_duration_since(now).as_nanos().div_ceil(1_000_000);
        Some(c_long::try_from(millis).unwrap_or(c_long::MAX))
    }

    /// The next timer that was due at `now` and armed before `arms`, armed again.
    fn next_due(&mut self, now: Instant, arms: u64) -> Option<Timer> {
        let ((due, arm), timer) = self.first()?;
        if due > now || arm > arms {
            return None;
        }
        self.rearm(timer.id, None, now).ok()?;
        Some(timer)
    }
}

/// Makes an empty set of timers. Returns NULL when memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_timers_new() -> *mut c_void {
    guard(|| {
        let cell = TIMERS.insert(|_| TimerSet { serial: next_serial(), ..TimerSet::default() });
        Ok(cell.ok_or(Errno::NO_MEMORY)?.as_handle())
    })
    .or_null()
}

/// Frees a set of timers and sets the pointer to NULL. No handler is called any more.
///
/// # Errors
/// - EFAULT: `timers_p` is NULL, or does not point to a set.
///
/// # Safety
/// - `timers_p`: NULL, or a readable and writable pointer of any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_destroy(timers_p: *mut *mut c_void) -> c_int {
    guard(|| {
        if timers_p.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: the caller's promise, with NULL ruled out.
        let cell = TIMERS.find(unsafe { timers_p.read() }).ok_or(Errno::FAULT)?;
        cell.lock().take().ok_or(Errno::FAULT)?;
        TIMERS.free(cell);
        // SAFETY: as above.
        unsafe { timers_p.write(std::ptr::null_mut()) };
        Ok(())
    })
    .or_minus_one()
}

/// Adds a timer that comes due every `interval` milliseconds. Returns its id, a positive number.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers, or `handler` is NULL.
///
/// # Safety
/// - `timers`: any value.
/// - `handler`: NULL, or a function that may be called with `arg` as long as the timer exists.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_add(
    timers: *mut c_void,
    interval: usize,
    handler: Option<zmq_timer_fn>,
    arg: *mut c_void,
) -> c_int {
    guard(|| {
        with_set(timers, |set| {
            let handler = handler.ok_or(Errno::FAULT)?;
            Ok(set.add(millis(interval), handler, arg as usize, Instant::now()))
        })
    })
    .or_minus_one()
}

/// Takes a timer out of the set. Its handler may do so too.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers.
/// - EINVAL: there is no such timer, or it was cancelled before.
///
/// # Safety
/// - `timers`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_cancel(timers: *mut c_void, timer_id: c_int) -> c_int {
    guard(|| with_set(timers, |set| set.cancel(timer_id))).or_minus_one()
}

/// Changes the interval of a timer, in milliseconds; the next one begins now.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers.
/// - EINVAL: there is no such timer.
///
/// # Safety
/// - `timers`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_set_interval(
    timers: *mut c_void,
    timer_id: c_int,
    interval: usize,
) -> c_int {
    guard(|| with_set(timers, |set| set.rearm(timer_id, Some(millis(interval)), Instant::now())))
        .or_minus_one()
}

/// Begins the interval of a timer anew.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers.
/// - EINVAL: there is no such timer.
///
/// # Safety
/// - `timers`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_reset(timers: *mut c_void, timer_id: c_int) -> c_int {
    guard(|| with_set(timers, |set| set.rearm(timer_id, None, Instant::now()))).or_minus_one()
}

/// Returns the milliseconds until the next timer is due, 0 when one is, and -1 when there is none.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers.
///
/// # Safety
/// - `timers`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_timeout(timers: *mut c_void) -> c_long {
    guard(|| with_set(timers, |set| Ok(set.timeout(Instant::now()).unwrap_or(-1)))).or_errno(-1)
}

/// Calls the handlers of all timers that are due, in the order of their times, and arms them again from now. A
/// timer that was due more than once is called once.
///
/// # Errors
/// - EFAULT: `timers` is no set of timers.
///
/// # Safety
/// - `timers`: any value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_timers_execute(timers: *mut c_void) -> c_int {
    guard(|| {
        let now = Instant::now();
        let (serial, arms) = with_set(timers, |set| Ok((set.serial, set.arms)))?;
        let next = |set: &mut TimerSet| {
            if set.serial == serial { Ok(set.next_due(now, arms)) } else { Err(Errno::FAULT) }
        };
        // Ends also when a handler has destroyed the set.
        while let Ok(Some(timer)) = with_set(timers, next) {
            // SAFETY: the promise made to `zmq_timers_add`.
            unsafe { (timer.handler)(timer.id, timer.arg as *mut c_void) };
        }
        Ok(())
    })
    .or_minus_one()
}

fn millis(interval: usize) -> Duration {
    Duration::from_millis(u64::try_from(interval).unwrap_or(u64::MAX).min(INTERVAL_MAX))
}

/// Uses the set behind a handle; EFAULT when there is none.
fn with_set<R>(handle: *mut c_void, work: impl FnOnce(&mut TimerSet) -> Result<R>) -> Result<R> {
    let cell = TIMERS.find(handle).ok_or(Errno::FAULT)?;
    let mut guard = cell.lock();
    work(guard.as_mut().ok_or(Errno::FAULT)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::error::errno;

    /// Notes its timer's id in the vector that is its argument.
    unsafe extern "C" fn note(id: c_int, arg: *mut c_void) {
        // SAFETY: the tests pass a vector that outlives the set.
        unsafe { (*arg.cast::<Vec<c_int>>()).push(id) };
    }

    fn added(intervals: &[u64], log: &mut Vec<c_int>, now: Instant) -> TimerSet {
        let mut set = TimerSet::default();
        for interval in intervals {
            set.add(Duration::from_millis(*interval), note, &raw mut *log as usize, now);
        }
        set
    }

    fn due(set: &mut TimerSet, now: Instant) -> Vec<c_int> {
        let arms = set.arms;
        std::iter::from_fn(|| set.next_due(now, arms).map(|timer| timer.id)).collect()
    }

    #[test]
    fn due_timers_come_in_order_and_once() {
        let now = Instant::now();
        let after = |millis| now + Duration::from_millis(millis);
        let mut set = added(&[30, 10, 0, 10], &mut Vec::new(), now);
        assert_eq!(set.timeout(now), Some(0));
        assert_eq!(due(&mut set, now), [3]);
        assert_eq!(due(&mut set, after(25)), [3, 2, 4]);
        // Armed from the time of the call, not from when it should have been.
        assert_eq!(due(&mut set, after(34)), [3, 1]);
        assert_eq!(due(&mut set, after(35)), [3, 2, 4]);
    }

    #[test]
    fn cancelled_timers_stay_known_until_swept() {
        let now = Instant::now();
        let mut set = added(&[10, 20], &mut Vec::new(), now);
        assert_eq!(set.cancel(1), Ok(()));
        assert_eq!(set.cancel(1), Err(Errno::INVALID));
        assert_eq!(set.rearm(1, None, now), Ok(()));
        assert_eq!(set.timeout(now), Some(20));
        assert_eq!(set.rearm(1, None, now), Err(Errno::INVALID));
        assert_eq!(set.cancel(2), Ok(()));
        assert_eq!(set.timeout(now), None);
        assert_eq!(set.cancel(3), Err(Errno::INVALID));
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        let mut set = TimerSet::default();
        for _ in 0..10_000 {
            let id = set.add(Duration::from_secs(3600), note, 0, Instant::now());
            set.cancel(id).unwrap();
        }
        assert!(set.queue.len() < 500 && set.due_by_id.len() == set.queue.len());
    }

    #[test]
    fn timeouts_are_rounded_up() {
        let now = Instant::now();
        let mut set = added(&[10], &mut Vec::new(), now);
        assert_eq!(set.timeout(now + Duration::from_micros(500)), Some(10));
        assert_eq!(set.timeout(now + Duration::from_micros(9_999)), Some(1));
        assert_eq!(set.timeout(now + Duration::from_millis(11)), Some(0));
        assert_eq!(set.rearm(1, Some(millis(usize::MAX)), now), Ok(()));
        assert!(set.timeout(now) > Some(1 << 42));
    }

    #[test]
    fn dead_handles_are_faults() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(zmq_timers_execute(std::ptr::null_mut()), -1);
            assert_eq!(errno(), libc::EFAULT);
            assert_eq!(zmq_timers_timeout(std::ptr::null_mut()), -1);
            assert_eq!(zmq_timers_destroy(&mut std::ptr::null_mut()), -1);
            let mut set = zmq_timers_new();
            assert_eq!(zmq_timers_add(set, 1, None, std::ptr::null_mut()), -1);
            assert_eq!(errno(), libc::EFAULT);
            assert_eq!(zmq_timers_destroy(&mut set), 0);
            assert!(set.is_null());
        }
    }

    #[test]
    fn handlers_may_cancel_and_destroy() {
        unsafe extern "C" fn cancel(id: c_int, set: *mut c_void) {
            // SAFETY: the argument is the set.
            assert_eq!(unsafe { zmq_timers_cancel(set, id) }, 0);
        }
        unsafe extern "C" fn destroy(_: c_int, set: *mut c_void) {
            // SAFETY: the argument is the set.
            assert_eq!(unsafe { zmq_timers_destroy(&mut { set }) }, 0);
        }
        let mut log = Vec::<c_int>::new();
        // SAFETY: the set is used until a handler destroys it.
        unsafe {
            let set = zmq_timers_new();
            zmq_timers_add(set, 0, Some(cancel), set);
            zmq_timers_add(set, 0, Some(note), (&raw mut log).cast());
            assert_eq!(zmq_timers_execute(set), 0);
            assert_eq!(zmq_timers_execute(set), 0);
            zmq_timers_add(set, 0, Some(destroy), set);
            zmq_timers_add(set, 0, Some(note), (&raw mut log).cast());
            assert_eq!(zmq_timers_execute(set), 0);
        }
        assert_eq!(log, [2, 2, 2]);
    }
}
