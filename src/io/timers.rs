//! Timers of one I/O thread.

use std::collections::BTreeMap;
use std::time::Instant;

/// Names a timer that was set, to cancel it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerId(Instant, u64);

/// Deadlines in order, each with what it is for.
pub struct Timers<T> {
    next: u64,
    queue: BTreeMap<TimerId, T>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Timers<T> {
    pub fn new() -> Self {
        Self { next: 0, queue: BTreeMap::new() }
    }

    /// Sets a timer.
    pub fn set(&mut self, at: Instant, purpose: T) -> TimerId {
        self.next += 1;
        let id = TimerId(at, self.next);
        self.queue.insert(id, purpose);
        id
    }

    /// Forgets a timer; one that has fired is ignored.
    pub fn cancel(&mut self, id: TimerId) {
        self.queue.remove(&id);
    }

    /// The earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|(id, _)| id.0)
    }

    /// Takes one timer that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<T> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        Some(entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timers_fire_in_order_and_only_when_due() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set(at(20), 'b');
        let cancelled = timers.set(at(15), 'x');
        timers.set(at(10), 'a');
        timers.cancel(cancelled);
        assert_eq!(timers.next_deadline(), Some(at(10)));
        assert_eq!(timers.pop_due(at(9)), None);
        assert_eq!(timers.pop_due(at(30)), Some('a'));
        assert_eq!(timers.pop_due(at(30)), Some('b'));
        assert_eq!(timers.pop_due(at(30)), None);
    }
}
