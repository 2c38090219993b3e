//! Every interleaving of one queue's two threads, as far as loom explores it.

use super::*;
use loom::sync::Notify;

fn message(byte: u8) -> Message {
    Message::from_slice(&[byte]).unwrap()
}

/// A consumer that sleeps when nothing is there must get `messages` and the end: no wake is lost.
fn sleep_and_wake(messages: u8) {
    let (mut tx, mut rx) = queue(0, false);
    let notify = std::sync::Arc::new(Notify::new());
    let waker = notify.clone();
    let producer = loom::thread::spawn(move || {
        for byte in 0..messages {
            tx.push(message(byte));
            if tx.flush() {
                waker.notify();
            }
        }
        if tx.close() {
            waker.notify();
        }
    });
    let mut expected = 0;
    loop {
        match rx.poll() {
            Readiness::Ready => {
                assert_eq!(rx.pop().unwrap().data(), [expected]);
                expected += 1;
            }
            Readiness::Asleep => notify.wait(),
            Readiness::Ended => break,
        }
    }
    assert_eq!(expected, messages);
    producer.join().unwrap();
}

/// Before, in and after bursts, which begin with the second publication here that finds nobody asleep. More steps than can be explored in every order: three times the threads
/// change where neither waits.
#[test]
fn loom_no_wake_is_lost() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| sleep_and_wake(3));
}

/// A producer that waits for room must be told when there is.
#[test]
fn loom_no_credit_is_lost() {
    loom::model(|| {
        let (mut tx, mut rx) = queue(1, false);
        let notify = std::sync::Arc::new(Notify::new());
        let waker = notify.clone();
        tx.push(message(0));
        let _ = tx.flush();
        let consumer = loom::thread::spawn(move || {
            assert!(rx.pop().is_some());
            if rx.take_owed_credit() {
                waker.notify();
            }
            rx
        });
        while !tx.has_room() {
            notify.wait();
        }
        drop(consumer.join().unwrap());
    });
}

/// Segments change hands, the first of them small, while both sides are at work.
#[test]
fn loom_segments_change_hands() {
    loom::model(|| {
        let (mut tx, mut rx) = queue(0, false);
        for byte in 0..4 {
            tx.push(message(byte));
        }
        let _ = tx.flush();
        let producer = loom::thread::spawn(move || {
            tx.push(message(4));
            let _ = tx.flush();
            tx.push(message(5));
            tx.rollback();
        });
        let mut expected = 0;
        while expected < 4 {
            assert_eq!(rx.pop().unwrap().data(), [expected]);
            expected += 1;
        }
        if let Some(last) = rx.pop() {
            assert_eq!(last.data(), [4]);
        }
        producer.join().unwrap();
    });
}

/// A consumer reports in steps of the limit it knows. When the limit is lowered meanwhile the producer must neither wait
/// for a step that does not come nor miss that everything was taken.
#[test]
fn loom_a_lowered_limit_leaves_nobody_waiting() {
    loom::model(|| {
        let (mut tx, mut rx) = queue(8, false);
        let notify = std::sync::Arc::new(Notify::new());
        let waker = notify.clone();
        for byte in 0..3 {
            tx.push(message(byte));
        }
        let _ = tx.flush();
        let consumer = loom::thread::spawn(move || {
            let mut taken = 0;
            while rx.poll() == Readiness::Ready {
                taken += usize::from(rx.pop().is_some());
                if rx.take_owed_credit() {
                    waker.notify();
                }
            }
            if rx.take_owed_credit() {
                waker.notify();
            }
            assert_eq!(taken, 3);
            rx
        });
        tx.set_high_water(2);
        while !tx.has_room() {
            notify.wait();
        }
        drop(consumer.join().unwrap());
    });
}

/// Messages that went past the queue count against the limit until the other side says that they are gone.
#[test]
fn loom_room_of_passed_messages_comes_back() {
    loom::model(|| {
        let (mut tx, mut rx) = queue(1, false);
        let notify = std::sync::Arc::new(Notify::new());
        let waker = notify.clone();
        tx.count_passed(1);
        let consumer = loom::thread::spawn(move || {
            rx.count_passed(1);
            if rx.take_owed_credit() {
                waker.notify();
            }
            rx
        });
        while !tx.has_room() {
            notify.wait();
        }
        drop(consumer.join().unwrap());
    });
}
