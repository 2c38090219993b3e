//! Tests of one queue on one thread, and of two threads at full speed.

use super::testing::{Feed, Nobody};
use super::*;

fn part(byte: u8, more: bool) -> Message {
    let mut message = Message::from_slice(&[byte]).unwrap();
    message.set_more(more);
    message
}

fn push(tx: &mut Sender, byte: u8) {
    tx.push(part(byte, false));
    let _ = tx.flush();
}

fn pop(rx: &mut Receiver) -> Option<u8> {
    rx.pop().map(|message| message.data()[0])
}

#[test]
fn order_survives_many_segments() {
    let (mut tx, mut rx) = queue(0, false);
    for round in 0..3 {
        for i in 0..1000_u32 {
            tx.push(Message::from_slice(&(i + round).to_le_bytes()).unwrap());
        }
        let _ = tx.flush();
        for i in 0..1000_u32 {
            assert_eq!(rx.pop().unwrap().data(), (i + round).to_le_bytes());
        }
        assert!(rx.pop().is_none());
    }
}

#[test]
fn parts_are_invisible_until_flushed_and_roll_back() {
    for parts in [1, 3, 4, 5, 30, 300] {
        let (mut tx, mut rx) = queue(0, false);
        push(&mut tx, 1);
        for _ in 0..parts {
            tx.push(
                Message::from_slice(&[9; 100])
                    .map(|mut m| {
                        m.set_more(true);
                        m
                    })
                    .unwrap(),
            );
        }
        assert_eq!(pop(&mut rx), Some(1));
        assert_eq!(rx.poll(), Readiness::Asleep);
        tx.rollback();
        assert!(!tx.flush());
        tx.push(part(2, false));
        assert!(tx.flush(), "the reader slept");
        assert_eq!(pop(&mut rx), Some(2));
        assert!(rx.pop().is_none());
    }
}

#[test]
fn a_full_queue_reopens_at_the_low_water_mark() {
    for (high, reads) in [(10, 5), (7, 4), (4, 2), (3, 2), (2, 1), (1, 1)] {
        let (mut tx, mut rx) = queue(high, false);
        for _ in 0..high {
            assert!(tx.has_room());
            push(&mut tx, 0);
        }
        assert!(!tx.has_room());
        for read in 1..=reads {
            assert_eq!(pop(&mut rx), Some(0));
            assert_eq!(rx.take_owed_credit(), read == reads);
            assert_eq!(tx.has_room(), read == reads);
        }
    }
}

/// The reader has taken more than the new limit allows and not reported it: the next thing it counts is not to be taken for the
/// report.
#[test]
fn a_lowered_limit_does_not_stop_who_has_room() {
    for (before, after) in [(0, 1), (1000, 10), (0, 100)] {
        for counted in [0, 1] {
            let (mut tx, mut rx) = queue(before, false);
            for _ in 0..200 {
                push(&mut tx, 1);
            }
            while pop(&mut rx).is_some() {}
            tx.set_high_water(after);
            tx.count_passed(counted);
            let room = tx.has_room();
            rx.count_passed(counted);
            assert_eq!(rx.poll(), Readiness::Asleep);
            assert!(room || rx.take_owed_credit(), "{before} to {after}: the writer waits");
            assert!(tx.has_room());
        }
    }
}

#[test]
fn the_limit_counts_messages_and_never_stops_one_midway() {
    let (mut tx, _rx) = queue(2, false);
    for _ in 0..2 {
        for i in 0..3 {
            assert!(tx.has_room());
            tx.push(part(i, i < 2));
        }
        let _ = tx.flush();
    }
    assert!(!tx.has_room());
}

#[test]
fn the_end_comes_after_what_was_sent() {
    let (mut tx, mut rx) = queue(0, false);
    push(&mut tx, 1);
    tx.push(part(2, true));
    assert!(!tx.close());
    assert_eq!(rx.poll(), Readiness::Ready);
    assert!(!rx.has_ended());
    assert_eq!(pop(&mut rx), Some(1));
    assert!(rx.pop().is_none());
    assert!(rx.has_ended());
    assert_eq!(rx.poll(), Readiness::Ended);
}

#[test]
fn closing_wakes_a_sleeper() {
    let (mut tx, mut rx) = queue(0, false);
    assert_eq!(rx.poll(), Readiness::Asleep);
    assert_eq!(rx.poll(), Readiness::Asleep);
    assert!(tx.close());
}

#[test]
fn conflation_keeps_the_last_part() {
    let (mut tx, mut rx) = queue(1, true);
    for i in 0..10 {
        assert!(tx.has_room());
        tx.push(part(i, i % 3 != 0));
        let _ = tx.flush();
    }
    let message = rx.pop().unwrap();
    assert_eq!((message.data(), message.more()), (&[9][..], false));
    assert!(rx.pop().is_none());
    assert_eq!(rx.poll(), Readiness::Asleep);
    push(&mut tx, 11);
    assert_eq!(rx.poll(), Readiness::Ready);
    assert_eq!(pop(&mut rx), Some(11));
}

#[test]
fn metadata_takes_effect_in_order() {
    let (mut tx, mut rx) = queue(0, false);
    push(&mut tx, 1);
    tx.push_uncounted(Message::control(Arc::new(crate::message::Metadata::new(b"b".to_vec()))));
    push(&mut tx, 2);
    assert_eq!(pop(&mut rx), Some(1));
    assert!(rx.metadata().is_none());
    assert_eq!(rx.poll(), Readiness::Ready);
    assert_eq!(rx.metadata().unwrap().routing_id(), b"b");
    assert_eq!(pop(&mut rx), Some(2));
}

#[test]
fn unread_messages_are_released_whoever_goes_first() {
    use crate::sync::global::{AtomicUsize, Ordering};
    unsafe extern "C" fn count(_: *mut std::ffi::c_void, hint: *mut std::ffi::c_void) {
        // SAFETY: the counter outlives the queues.
        unsafe { &*hint.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
    }
    let freed = AtomicUsize::new(0);
    for order in 0..3 {
        freed.store(0, Ordering::SeqCst);
        let (mut tx, mut rx) = queue(0, false);
        for i in 0..50 {
            let hint = (&raw const freed).cast_mut().cast();
            // SAFETY: no byte is read, the length is zero.
            tx.push(unsafe { Message::from_user(std::ptr::dangling_mut(), 0, count, hint) }.unwrap());
            if i < 40 {
                let _ = tx.flush();
            }
        }
        for _ in 0..7 {
            drop(rx.pop());
        }
        match order {
            0 => drop((tx, rx)),
            1 => drop((rx, tx)),
            _ => {
                drop(rx);
                let _ = tx.flush();
                drop(tx);
            }
        }
        assert_eq!(freed.load(Ordering::SeqCst), 50);
    }
}

#[test]
fn two_threads_lose_and_reorder_nothing() {
    const COUNT: u32 = 300_000;
    let (mut tx, mut rx) = queue(100, false);
    let writer = std::thread::spawn(move || {
        for i in 0..COUNT {
            while !tx.has_room() {
                std::thread::yield_now();
            }
            tx.push(Message::from_slice(&i.to_le_bytes()).unwrap());
            let _ = tx.flush();
        }
    });
    for i in 0..COUNT {
        let message = loop {
            match rx.pop() {
                Some(message) => break message,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(message.data(), i.to_le_bytes());
    }
    writer.join().unwrap();
}

/// Bursts of all lengths with pauses between them: each sleep of the reader is ended, also by the end of the stream.
#[test]
fn a_sleeping_reader_is_woken_after_bursts_and_pauses() {
    const BURSTS: u32 = 2_000;
    let (mut tx, mut rx) = queue(0, false);
    let reader = std::thread::current();
    let total: u32 = (0..BURSTS).map(|burst| burst % 200).sum();
    let writer = std::thread::spawn(move || {
        let mut next = 0_u32;
        for burst in 0..BURSTS {
            for _ in 0..burst % 200 {
                tx.push(Message::from_slice(&next.to_le_bytes()).unwrap());
                next += 1;
                if tx.flush() {
                    reader.unpark();
                }
            }
            if burst % 3 == 0 {
                std::thread::yield_now();
            }
        }
        if tx.close() {
            reader.unpark();
        }
    });
    let mut expected = 0_u32;
    loop {
        match rx.poll() {
            Readiness::Ready => {
                assert_eq!(rx.pop().unwrap().data(), expected.to_le_bytes());
                expected += 1;
            }
            Readiness::Asleep => {
                let begun = std::time::Instant::now();
                std::thread::park_timeout(std::time::Duration::from_secs(10));
                assert!(begun.elapsed().as_secs() < 9, "not woken after {expected} messages");
            }
            Readiness::Ended => break,
        }
    }
    assert_eq!(expected, total);
    writer.join().unwrap();
}

/// A pipe whose other party has these to give.
fn fed(messages: &[&[u8]]) -> (Inlet, Arc<Feed>) {
    let feed = Arc::new(Feed::default());
    let limits = Limits { forward: 0, backward: 0, conflate_forward: false, conflate_backward: false };
    let (near, far) = pipe(limits, Arc::new(Nobody), feed.clone());
    *feed.end.lock() = Some(far);
    feed.has.lock().extend(messages.iter().map(|message| message.to_vec()));
    (near.rx, feed)
}

fn send_by(feed: &Feed, body: &[u8]) {
    let mut message = Message::from_slice(body).unwrap();
    feed.end.lock().as_mut().unwrap().tx.send(&mut message);
}

fn next_of(inlet: &mut Inlet) -> Option<Vec<u8>> {
    let mut place = Message::new();
    inlet.pop_into(&mut place).then(|| place.data().to_vec())
}

#[test]
fn a_feed_gives_one_by_one_and_is_closed_behind_the_last() {
    let (mut inlet, feed) = fed(&[b"1", b"2", b"3"]);
    for expected in [b"1", b"2", b"3"] {
        assert_eq!(next_of(&mut inlet).unwrap(), expected);
    }
    assert_eq!(next_of(&mut inlet), None);
    assert_eq!(*feed.opened.lock(), 1);
}

#[test]
fn what_is_in_the_queue_comes_before_what_an_open_feed_has() {
    let (mut inlet, feed) = fed(&[b"1", b"4", b"5"]);
    assert_eq!(next_of(&mut inlet).unwrap(), b"1");
    send_by(&feed, b"2");
    send_by(&feed, b"3");
    for expected in [b"2", b"3", b"4", b"5"] {
        assert_eq!(next_of(&mut inlet).unwrap(), expected);
    }
    assert_eq!(next_of(&mut inlet), None);
    send_by(&feed, b"6");
    assert_eq!(next_of(&mut inlet).unwrap(), b"6");
}

#[test]
fn what_a_feed_puts_into_the_queue_comes_in_its_place() {
    let (mut inlet, _feed) = fed(&[b"1", b"\x002", b"3", b"\x004"]);
    for expected in [&b"1"[..], b"\x002", b"3", b"\x004"] {
        assert_eq!(next_of(&mut inlet).unwrap(), expected);
    }
    assert_eq!(next_of(&mut inlet), None);
}

#[test]
fn a_reader_that_goes_closes_its_feed() {
    let (mut inlet, feed) = fed(&[b"1", b"2"]);
    assert_eq!(next_of(&mut inlet).unwrap(), b"1");
    assert!(feed.is_open());
    drop(inlet);
    assert!(!feed.is_open());
}
