use super::*;

#[cfg(not(loom))]
mod threads {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::sync::mpsc::channel;

    fn use_often<T>(value: &Exclusive<T>, times: u32) {
        for _ in 0..times {
            drop(value.enter().unwrap_or_else(|| value.lock(|| ())));
        }
    }

    #[test]
    fn who_comes_often_is_favoured_until_another_comes() {
        let value = Exclusive::new(0);
        assert!(value.enter().is_none());
        use_often(&value, BIAS_AFTER);
        if !barrier::is_available() {
            return;
        }
        *value.enter().unwrap() = 1;
        std::thread::scope(|scope| {
            let borrowed = scope.spawn(|| value.try_lock().is_some_and(|found| *found == 1)).join();
            assert!(borrowed.unwrap());
            assert!(value.enter().is_none());
            use_often(&value, BIAS_AFTER);
            assert!(value.enter().is_some(), "who only borrows does not make it harder");
            scope.spawn(|| *value.lock(|| ()) = 2).join().unwrap();
        });
        assert!(value.enter().is_none());
        use_often(&value, BIAS_AFTER);
        assert!(value.enter().is_none(), "it takes longer the second time");
        use_often(&value, BIAS_AFTER);
        assert_eq!(*value.enter().unwrap(), 2);
    }

    #[test]
    fn the_favoured_thread_keeps_others_out_and_waits_for_them() {
        let value = Arc::new(Exclusive::new(()));
        use_often(&value, BIAS_AFTER);
        let inside = value.enter().unwrap_or_else(|| value.lock(|| ()));
        let other = value.clone();
        let (came, coming) = channel();
        let (go, gone) = channel::<()>();
        let thread = std::thread::spawn(move || {
            assert!(other.try_lock().is_none());
            let contended = std::cell::Cell::new(0);
            came.send(()).unwrap();
            let guard = other.lock(|| contended.set(contended.get() + 1));
            assert_eq!(contended.get(), 1);
            came.send(()).unwrap();
            gone.recv().unwrap();
            drop(guard);
        });
        coming.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(coming.try_recv().is_err(), "one at a time");
        drop(inside);
        coming.recv().unwrap();
        assert!(value.enter().is_none() && value.try_lock().is_none());
        go.send(()).unwrap();
        thread.join().unwrap();
        assert!(value.try_lock().is_some());
    }

    #[test]
    fn nested_values_take_the_flag() {
        let (outer, inner) = (Exclusive::new(()), Exclusive::new(()));
        use_often(&outer, BIAS_AFTER);
        use_often(&inner, BIAS_AFTER);
        let guard = outer.enter();
        if guard.is_some() {
            assert!(inner.enter().is_none());
        }
        drop(inner.lock(|| ()));
        drop(guard);
        assert_eq!(inner.enter().is_some(), barrier::is_available());
    }

    #[test]
    fn a_later_thread_inherits_the_favour() {
        let value = Arc::new(Exclusive::new(0_u32));
        let entered = Arc::new(AtomicU32::new(0));
        for _ in 0..8 {
            let (value, entered) = (value.clone(), entered.clone());
            std::thread::spawn(move || {
                for _ in 0..4 * BIAS_AFTER {
                    match value.enter() {
                        Some(mut count) => {
                            *count += 1;
                            entered.fetch_add(1, Ordering::Relaxed);
                        }
                        None => *value.lock(|| ()) += 1,
                    }
                }
            })
            .join()
            .unwrap();
        }
        assert_eq!(*value.try_lock().unwrap(), 8 * 4 * BIAS_AFTER);
        assert_eq!(entered.load(Ordering::Relaxed) > 0, barrier::is_available());
    }

    /// Three that want it all the time, one of them only if it is free; none of their steps may be lost.
    #[test]
    fn no_two_are_inside_at_once() {
        let value = Exclusive::new(0_u64);
        let borrowed = std::sync::atomic::AtomicU64::new(0);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let often = scope.spawn(|| {
                for _ in 0..100_000 {
                    *value.enter().unwrap_or_else(|| value.lock(|| ())) += 1;
                }
            });
            let seldom = scope.spawn(|| {
                for _ in 0..50 {
                    *value.enter().unwrap_or_else(|| value.lock(|| ())) += 1;
                    std::thread::sleep(std::time::Duration::from_micros(200));
                }
            });
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if let Some(mut count) = value.try_lock() {
                        *count += 1;
                        borrowed.fetch_add(1, Ordering::Relaxed);
                    }
                    std::thread::sleep(std::time::Duration::from_micros(20));
                }
            });
            often.join().unwrap();
            seldom.join().unwrap();
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(*value.try_lock().unwrap(), 100_050 + borrowed.load(Ordering::Relaxed));
    }
}

#[cfg(loom)]
mod loom_tests {
    use super::*;
    use crate::sync::Arc;

    fn presence() -> &'static Presence {
        Box::leak(Box::new(Presence::new()))
    }

    /// What `enter` and `lock` do, for a thread that goes away instead of waiting. The number of times it came in.
    fn add(value: &Exclusive<u32>, own: &'static Presence) -> u32 {
        let guard = value.enter_favoured(own).or_else(|| {
            let guard = value.take_flag()?;
            if value.is_entered(Some(own)) {
                return None;
            }
            value.learn(Some(own));
            Some(guard)
        });
        let Some(mut count) = guard else { return 0 };
        *count += 1;
        1
    }

    /// One thread is favoured; another one uses the value, and may be favoured in turn; a third borrows it.
    #[test]
    fn loom_bias_admits_one_at_a_time() {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| {
            let value = Arc::new(Exclusive::new(0_u32));
            let first = presence();
            let mut done = add(&value, first);
            let (second, third) = (value.clone(), value.clone());
            let second = loom::thread::spawn(move || {
                let own = presence();
                add(&second, own) + add(&second, own)
            });
            let third = loom::thread::spawn(move || {
                let Some(mut count) = third.try_lock() else { return 0 };
                *count += 1;
                1
            });
            done += add(&value, first) + add(&value, first);
            done += second.join().unwrap() + third.join().unwrap();
            let count = value.take_flag().map(|count| *count);
            assert_eq!(count, Some(done));
        });
    }
}
