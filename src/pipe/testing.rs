//! For tests: a party that takes messages past the queue.

use super::Peer;
use crate::message::{Bundle, Message, Traffic};
use parking_lot::Mutex;
use std::mem::take;

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
