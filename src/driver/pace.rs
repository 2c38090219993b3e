//! A clock that stands still while its thread writes, to tell how fast an application sends.
//!
//! A publisher writes to all its subscribers before it comes back to the first. The time between two writes of one link
//! says little then; the time in which the thread did something else says whether it is sending in a loop.

use crate::config::INLINE_SEND_STEP;
use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    /// Time this thread has spent writing.
    static WRITING: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Now, by this thread's clock. Comparable with what the same thread was told; times of another thread mean nothing here, and
/// only make a single comparison wrong.
pub fn now() -> Instant {
    shift(Instant::now())
}

/// Does a write, during which the clock stands still; returns what it came to, and the time after it.
pub fn write<R>(work: impl FnOnce() -> R) -> (R, Instant) {
    let begun = Instant::now();
    let result = work();
    let ended = Instant::now();
    WRITING.set(WRITING.get() + (ended - begun) + INLINE_SEND_STEP);
    (result, shift(ended))
}

fn shift(time: Instant) -> Instant {
    time.checked_sub(WRITING.get()).unwrap_or(time)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn stands_still_while_the_thread_writes() {
        let pause = Duration::from_millis(20);
        let (_, first) = write(|| ());
        for _ in 0..3 {
            write(|| std::thread::sleep(pause));
        }
        assert!(now() < first + pause, "writes count");
        std::thread::sleep(pause);
        let (_, last) = write(|| ());
        assert!(last + 4 * INLINE_SEND_STEP >= first + pause, "other time does not count");
    }
}
