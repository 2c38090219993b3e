//! Who reads: one stream, or all streams of a socket that are watched together.
//!
//! The I/O thread reads when its poller tells it to. An application thread that waits for input reads itself
//! meanwhile. When it waits again and again, or has read much, it keeps the right between its waits, on a *lease*. Nobody watches for
//! input then, so a lease is short: the I/O thread looks whether its holder comes back. The end of a stream is watched for unless that
//! waits for the pipe's reader, and then nobody has a lease any more.
//!
//! Here is the bookkeeping alone; what follows from it for pollers is up to the caller.

use super::policy;
use crate::config::{HAND_OVER, LEASE_GAP, LEASE_PATIENCE};
use std::time::Instant;

/// See the module documentation.
#[derive(Default)]
pub(super) struct Reading {
    reader: Reader,
    /// The I/O thread comes to look after a lease.
    looked_after: bool,
    /// Waits and reads of application threads, and the end of the last wait, unless input was asked for in other ways since.
    uses: u32,
    last_use: Option<Instant>,
    /// The peer asks whether this side lives, and has to be answered soon.
    is_asked: bool,
    /// Nothing more will come: what is left is not for a thread that may be long in coming back.
    ends: bool,
}

#[derive(Default)]
enum Reader {
    /// The I/O thread, when the poller tells it to.
    #[default]
    Poller,
    /// An application thread, which waits now; afterwards it keeps the lease that it had.
    Waiting(Option<Lease>),
    /// An application thread that is expected back.
    Leased(Lease),
}

/// Looks of the I/O thread that found the right in use, and those since that did not.
#[derive(Default, Clone, Copy)]
struct Lease {
    steady: u32,
    missed: u32,
}

/// What the end of a wait came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// A lease has begun ([`Reading::is_to_be_looked_after`]).
    Leased,
    /// The poller is to watch again.
    ToPoller,
    /// All is as it was before the wait.
    AsBefore,
}

/// What a look after a lease came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// It goes on: look again, and compare with this number of uses.
    Again(u32),
    /// There is nothing to look after any more.
    Over,
    /// The same, and the poller is to watch again.
    ToPoller,
}

impl Reading {
    /// A new connection of the same link: who looks after a lease still comes.
    pub(super) fn anew(&mut self) {
        *self = Self { looked_after: self.looked_after, ..Self::default() };
    }

    /// True when the poller is to watch for input.
    pub(super) fn is_with_poller(&self) -> bool {
        matches!(self.reader, Reader::Poller)
    }

    pub(super) fn is_leased(&self) -> bool {
        matches!(self.reader, Reader::Leased(_))
    }

    /// Whether an application thread has waited for input lately, and is taken to do so again.
    pub(super) fn is_waited_for(&self) -> bool {
        policy::inline_driving() && !self.ends && self.last_use.is_some_and(|last| last.elapsed() < HAND_OVER)
    }

    /// A thread begins to wait, and reads meanwhile. False: another one does already.
    pub(super) fn begin_wait(&mut self) -> bool {
        self.reader = match self.reader {
            Reader::Waiting(_) => return false,
            Reader::Leased(lease) => Reader::Waiting(Some(lease)),
            Reader::Poller => Reader::Waiting(None),
        };
        true
    }

    /// The holder of a lease reads, without having waited. False: there is no lease, and nobody waits.
    pub(super) fn note_use(&mut self) -> bool {
        if self.is_with_poller() {
            return false;
        }
        self.uses = self.uses.wrapping_add(1);
        true
    }

    /// That wait is over. What is waited for again and again stays with the thread, which saves two system calls a wait, and so
    /// does what it has `kept` much of; the I/O thread takes it back when that stops.
    pub(super) fn end_wait(&mut self, kept: bool) -> Left {
        self.uses = self.uses.wrapping_add(1);
        let now = Instant::now();
        let frequent = self.last_use.replace(now).is_some_and(|last| now - last < LEASE_GAP);
        let Reader::Waiting(lease) = self.reader else { return Left::AsBefore };
        if let Some(lease) = lease {
            self.reader = Reader::Leased(lease);
            return Left::AsBefore;
        }
        if (frequent || kept) && !self.ends {
            self.reader = Reader::Leased(Lease::default());
            return Left::Leased;
        }
        self.reader = Reader::Poller;
        Left::ToPoller
    }

    /// Leases to a thread that has something else to take before it comes.
    pub(super) fn lease_patiently(&mut self) {
        let steady = if self.is_asked { 0 } else { LEASE_PATIENCE };
        self.reader = Reader::Leased(Lease { steady, missed: 0 });
    }

    /// True when the I/O thread has to be asked to look after a lease that has begun.
    pub(super) fn is_to_be_looked_after(&mut self) -> bool {
        !std::mem::replace(&mut self.looked_after, true)
    }

    /// What is waited for in other ways is not left to a thread again before it waits the next time.
    pub(super) fn forget_waits(&mut self) {
        self.last_use = None;
    }

    /// Ends a lease: at once (true), or with the wait that goes on now.
    pub(super) fn end_lease(&mut self) -> bool {
        let leased = self.is_leased();
        match self.reader {
            Reader::Leased(_) => self.reader = Reader::Poller,
            Reader::Waiting(_) => self.reader = Reader::Waiting(None),
            Reader::Poller => {}
        }
        leased
    }

    /// The end of what comes in is there. True where it is the first time.
    pub(super) fn note_end(&mut self) -> bool {
        self.end_lease();
        !std::mem::replace(&mut self.ends, true)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ends
    }

    /// True when an application's thread reads, and might not notice the end for a while.
    pub(super) fn may_miss_end(&self) -> bool {
        !self.ends && !self.is_with_poller()
    }

    /// The I/O thread looks after a lease. `uses` is what it saw last.
    pub(super) fn look_after(&mut self, uses: Option<u32>) -> Look {
        let (seen, is_asked) = (self.uses, self.is_asked);
        match &mut self.reader {
            Reader::Leased(lease) | Reader::Waiting(Some(lease)) if uses != Some(seen) => {
                // The first look has nothing to compare with.
                let steady = lease.steady + u32::from(uses.is_some());
                *lease = Lease { steady: if is_asked { 0 } else { steady.min(LEASE_PATIENCE) }, missed: 0 };
                return Look::Again(seen);
            }
            Reader::Leased(lease) if lease.missed < lease.steady => {
                lease.missed += 1;
                return Look::Again(seen);
            }
            _ => {}
        }
        self.looked_after = false;
        match self.reader {
            Reader::Poller => Look::Over,
            // A wait that takes as long as this pays for its own end.
            Reader::Waiting(_) => {
                self.reader = Reader::Waiting(None);
                Look::Over
            }
            Reader::Leased(_) => {
                self.reader = Reader::Poller;
                self.forget_waits();
                Look::ToPoller
            }
        }
    }

    /// Connections on which nothing is heard for a while are ended, by the peer or by this side.
    pub(super) fn note_heartbeats(&mut self) {
        self.is_asked = true;
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn waited(reading: &mut Reading, kept: bool) -> Left {
        assert!(reading.begin_wait());
        reading.end_wait(kept)
    }

    #[test]
    fn the_second_wait_in_a_short_time_is_the_first_of_a_lease() {
        let mut reading = Reading::default();
        assert_eq!(waited(&mut reading, false), Left::ToPoller);
        assert_eq!(waited(&mut reading, false), Left::Leased);
        assert!(reading.is_to_be_looked_after());
        assert!(reading.is_leased() && !reading.is_with_poller());
        assert_eq!(waited(&mut reading, false), Left::AsBefore);
        assert!(reading.is_leased());
        assert!(!reading.is_to_be_looked_after(), "who looks after it comes already");
    }

    #[test]
    fn who_keeps_what_it_has_read_has_a_lease() {
        let mut reading = Reading::default();
        assert_eq!(waited(&mut reading, true), Left::Leased);
    }

    #[test]
    fn one_thread_waits_at_a_time() {
        let mut reading = Reading::default();
        assert!(reading.begin_wait());
        assert!(!reading.begin_wait());
        assert!(!reading.is_with_poller() && !reading.is_leased());
    }

    #[test]
    fn a_lease_ends_when_its_holder_does_not_come_back() {
        let mut reading = Reading::default();
        waited(&mut reading, true);
        assert!(reading.is_to_be_looked_after());
        assert_eq!(reading.look_after(None), Look::Again(1), "the first look compares with nothing");
        assert_eq!(reading.look_after(Some(1)), Look::ToPoller);
        assert!(reading.is_with_poller() && !reading.is_waited_for());
        assert!(reading.is_to_be_looked_after(), "nobody comes any more");
        assert_eq!(reading.look_after(None), Look::Over);
    }

    #[test]
    fn patience_grows_with_use_and_is_bounded() {
        let mut reading = Reading::default();
        waited(&mut reading, true);
        let Look::Again(mut seen) = reading.look_after(None) else { panic!() };
        for _ in 0..10 {
            waited(&mut reading, false);
            let look = reading.look_after(Some(seen));
            assert_ne!(look, Look::Again(seen));
            let Look::Again(now) = look else { panic!("{look:?}") };
            seen = now;
        }
        for _ in 0..LEASE_PATIENCE {
            assert_eq!(reading.look_after(Some(seen)), Look::Again(seen));
        }
        assert_eq!(reading.look_after(Some(seen)), Look::ToPoller);
    }

    #[test]
    fn who_reads_without_waiting_keeps_the_lease() {
        let mut reading = Reading::default();
        assert!(!reading.note_use());
        waited(&mut reading, true);
        let Look::Again(seen) = reading.look_after(None) else { panic!() };
        assert!(reading.note_use());
        assert_eq!(reading.look_after(Some(seen)), Look::Again(seen + 1));
    }

    #[test]
    fn with_heartbeats_there_is_no_patience() {
        let mut reading = Reading::default();
        reading.note_heartbeats();
        reading.lease_patiently();
        let Look::Again(seen) = reading.look_after(None) else { panic!() };
        assert_eq!(reading.look_after(Some(seen)), Look::ToPoller);
    }

    #[test]
    fn a_lease_that_is_given_up_during_a_wait_ends_with_it() {
        let mut reading = Reading::default();
        waited(&mut reading, true);
        let Look::Again(seen) = reading.look_after(None) else { panic!() };
        assert!(reading.begin_wait());
        assert_eq!(reading.look_after(Some(seen)), Look::Over, "a long wait");
        reading.forget_waits();
        assert_eq!(reading.end_wait(false), Left::ToPoller);
    }

    #[test]
    fn a_lease_that_another_thread_ends_during_a_wait_ends_with_it() {
        let mut reading = Reading::default();
        waited(&mut reading, true);
        assert!(reading.begin_wait());
        reading.forget_waits();
        assert!(!reading.end_lease());
        assert_eq!(reading.end_wait(false), Left::ToPoller);
    }

    #[test]
    fn what_has_ended_is_left_to_nobody() {
        let mut reading = Reading::default();
        assert!(!reading.may_miss_end(), "the poller sees it");
        waited(&mut reading, true);
        assert!(reading.is_leased() && reading.may_miss_end());
        assert!(reading.note_end());
        assert!(reading.is_with_poller() && !reading.may_miss_end() && !reading.is_waited_for());
        assert!(!reading.note_end());
        assert_eq!(waited(&mut reading, true), Left::ToPoller);

        let mut reading = Reading::default();
        waited(&mut reading, true);
        assert!(reading.begin_wait());
        assert!(reading.may_miss_end());
        assert!(reading.note_end());
        assert!(!reading.is_with_poller(), "the thread that waits finds it, too");
        assert_eq!(reading.end_wait(true), Left::ToPoller);
        reading.anew();
        assert_eq!(waited(&mut reading, true), Left::Leased);
    }

    #[test]
    fn a_new_connection_starts_with_the_poller() {
        let mut reading = Reading::default();
        waited(&mut reading, true);
        assert!(reading.is_to_be_looked_after());
        reading.anew();
        assert!(reading.is_with_poller());
        assert!(!reading.is_to_be_looked_after());
        assert_eq!(reading.look_after(Some(1)), Look::Over);
    }
}
