//! The waker's promise: work announced before or during falling asleep is never slept through.

use super::*;
use crate::sync::{Arc, AtomicU32, Ordering};

#[test]
fn loom_work_is_never_slept_through() {
    loom::model(|| {
        let waker = Arc::new(Waker::new());
        let work = Arc::new(AtomicU32::new(0));
        let (other, seen) = (waker.clone(), work.clone());
        let poster = loom::thread::spawn(move || {
            seen.store(1, Ordering::Relaxed);
            other.notify();
        });
        // A sleeper that got through `begin_sleep` before the notice must be counted by the notifier; one that
        // came after must be told not to sleep, and then sees the work.
        if waker.begin_sleep() {
            poster.join().unwrap();
            waker.end_sleep();
            assert!(waker.is_pending());
        }
        if waker.take() {
            assert_eq!(work.load(Ordering::Relaxed), 1);
        }
    });
}
