//! For tests: a party that does nothing, and parties that take and give messages past the queue.

use super::{End, Given, Peer};
use crate::message::{Bundle, Message, Traffic};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::mem::take;

/// A party that does nothing.
pub(crate) struct Nobody;

impl Peer for Nobody {
    fn readable(&self) {}
    fn writable(&self) {}
    fn closed(&self) {}
}

/// A party that takes messages past the queue, until it is told to refuse them.
#[derive(Default)]
pub(crate) struct Lane {
    refuses: Mutex<bool>,
    open: Mutex<bool>,
    taken: Mutex<Vec<Vec<u8>>>,
    /// Messages in each bundle.
    bundles: Mutex<Vec<usize>>,
}

impl Lane {
    pub(crate) fn refuse(&self) {
        *self.refuses.lock() = true;
    }

    /// What it took past the queue.
    pub(crate) fn taken(&self) -> Vec<Vec<u8>> {
        take(&mut self.taken.lock())
    }

    pub(crate) fn bundles(&self) -> Vec<usize> {
        take(&mut self.bundles.lock())
    }
}

impl Peer for Lane {
    fn readable(&self) {}
    fn writable(&self) {}
    fn closed(&self) {}
    fn is_direct(&self) -> bool {
        true
    }
    fn open_lane(&self) -> bool {
        *self.open.lock() = !*self.refuses.lock();
        *self.open.lock()
    }
    unsafe fn close_lane(&self) {
        assert!(std::mem::replace(&mut *self.open.lock(), false), "closed without being open");
    }
    unsafe fn take(&self, message: &mut Message, _shared: bool) -> bool {
        assert!(*self.open.lock());
        if *self.refuses.lock() {
            return false;
        }
        self.taken.lock().push(message.data().to_vec());
        true
    }
    unsafe fn takes_bundles(&self) -> bool {
        assert!(*self.open.lock());
        !*self.refuses.lock()
    }
    unsafe fn take_bundle(&self, bundle: &mut Message, traffic: Traffic) -> bool {
        assert!(*self.open.lock());
        if *self.refuses.lock() {
            return false;
        }
        self.bundles.lock().push(traffic.messages as usize);
        self.taken.lock().extend(Bundle::bodies(bundle.data()).map(<[u8]>::to_vec));
        true
    }
}

/// A party that has messages to give, of which those that begin with a zero go through the queue.
#[derive(Default)]
pub(crate) struct Feed {
    /// Its own end of the pipe.
    pub(crate) end: Mutex<Option<End>>,
    pub(crate) has: Mutex<VecDeque<Vec<u8>>>,
    open: Mutex<bool>,
    /// Times that it was opened.
    pub(crate) opened: Mutex<usize>,
}

impl Feed {
    pub(crate) fn is_open(&self) -> bool {
        *self.open.lock()
    }
}

impl Peer for Feed {
    fn readable(&self) {}
    fn writable(&self) {}
    fn closed(&self) {}
    fn is_direct(&self) -> bool {
        true
    }
    fn open_feed(&self) -> bool {
        let opens = !self.has.lock().is_empty();
        if opens {
            *self.opened.lock() += 1;
            assert!(!std::mem::replace(&mut *self.open.lock(), true), "opened twice");
        }
        opens
    }
    unsafe fn close_feed(&self) {
        assert!(std::mem::replace(&mut *self.open.lock(), false), "closed without being open");
    }
    unsafe fn give(&self, place: &mut Message, taken: usize) -> Given {
        assert!(*self.open.lock());
        let mut end = self.end.lock();
        let Some(end) = end.as_mut().filter(|end| end.tx.is_read(taken)) else { return Given::Nothing };
        let mut has = self.has.lock();
        let Some(next) = has.pop_front() else { return Given::Nothing };
        let mut message = Message::from_slice(&next).unwrap();
        if next.first() == Some(&0) {
            end.tx.send(&mut message);
            return Given::Nothing;
        }
        *place = message;
        if has.is_empty() { Given::Last } else { Given::Message }
    }
}
