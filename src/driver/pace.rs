//! A clock that stands still while its thread writes, to tell how fast an application sends.
//!
//! A publisher writes to all its subscribers before it comes back to the first. The time between two writes of one
//! link says little then; the time in which the thread did something else says whether it is sending in a loop. So
//! the clock also stands still between two writes of one call: the thread did nothing but go from one link to the
//! next. (A proxy passes many messages on in one call: a burst in any case.)

use crate::config::INLINE_SEND_STEP;
use crate::sync::current_call;
use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// Time this thread has spent writing.
    static WRITING: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// In which call it wrote last, and the end of that.
    static LAST: Cell<Option<(u32, Instant)>> = const { Cell::new(None) };
}

/// The present `time`, by this thread's clock. Comparable with what the same thread was told; times of another thread mean nothing here, and
/// only make a single comparison wrong.
pub fn at(time: Instant) -> Instant {
    shift(time)
}

/// Does a write, begun just now, during which the clock stands still; returns what it came to, and the time after it.
pub fn write<R>(begun: Instant, work: impl FnOnce() -> R) -> (R, Instant) {
    let result = work();
    let ended = Instant::now();
    let call = current_call();
    let before = match LAST.replace(Some((call, ended))) {
        Some((last, left)) if last == call => begun - left,
        _ => INLINE_SEND_STEP,
    };
    WRITING.set(WRITING.get() + before + (ended - begun));
    (result, shift(ended))
}

fn shift(time: Instant) -> Instant {
    time.checked_sub(WRITING.get()).unwrap_or(time)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::sync::Deferral;

    #[test]
    fn stands_still_while_the_thread_writes() {
        let pause = Duration::from_millis(20);
        let write = |length| {
            let _call = Deferral::begin();
            super::write(Instant::now(), || std::thread::sleep(length)).1
        };
        let first = write(Duration::ZERO);
        for _ in 0..3 {
            write(pause);
        }
        assert!(at(Instant::now()) < first + pause, "writes count");
        std::thread::sleep(pause);
        let last = write(Duration::ZERO);
        assert!(last + 4 * INLINE_SEND_STEP >= first + pause, "other time does not count");
    }

    #[test]
    fn stands_still_between_two_writes_of_a_call() {
        let pause = Duration::from_millis(20);
        let _call = Deferral::begin();
        let (_, first) = write(Instant::now(), || ());
        for _ in 0..3 {
            std::thread::sleep(pause);
            write(Instant::now(), || ());
        }
        assert!(at(Instant::now()) < first + pause, "the time between counts");
    }
}
