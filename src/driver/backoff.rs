//! The pause before the next connection attempt.

use std::time::Duration;

/// Pauses between attempts, as ZMQ_RECONNECT_IVL and ZMQ_RECONNECT_IVL_MAX describe them.
pub struct Backoff {
    interval: Duration,
    max: Duration,
    next: Duration,
    /// The last attempt ended during its handshake.
    turned_away: bool,
}

impl Backoff {
    pub fn new(interval: Duration, max: Duration) -> Self {
        Self { interval, max, next: interval, turned_away: false }
    }

    /// The pause from now. Without a maximum it is the interval and a random part of the same size, so that many
    /// clients of a restarted server do not come back at once; with one it doubles up to the maximum. Then clients that are turned away, all
    /// alike, each wait some time between half the pause and the whole, but not less than the interval, which is all of the first pause.
    pub fn next(&mut self, random: u64) -> Duration {
        if self.max.is_zero() {
            let millis = self.interval.as_millis().max(1) as u64;
            return self.interval + Duration::from_millis(random % millis);
        }
        let pause = self.next.min(self.max.max(self.interval));
        self.next = pause * 2;
        if !std::mem::take(&mut self.turned_away) {
            return pause;
        }
        let least = (pause / 2).max(self.interval).min(pause);
        least + Duration::from_micros(random % ((pause - least).as_micros() as u64 + 1))
    }

    /// The attempt ended during its handshake.
    pub fn turn_away(&mut self) {
        self.turned_away = true;
    }

    /// An attempt succeeded.
    pub fn reset(&mut self) {
        self.next = self.interval;
    }
}

/// A random number good enough to spread retries. Not for secrets.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_the_maximum_and_starts_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(50), ms(200));
        let pauses: Vec<_> = (0..5).map(|_| backoff.next(99)).collect();
        assert_eq!(pauses, [ms(50), ms(100), ms(200), ms(200), ms(200)]);
        backoff.reset();
        assert_eq!(backoff.next(0), ms(50));
    }

    #[test]
    fn clients_that_are_turned_away_do_not_come_back_together() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(50), ms(400));
        let mut pause = |random| {
            backoff.turn_away();
            backoff.next(random)
        };
        assert_eq!(pause(u64::MAX), ms(50));
        assert_eq!(pause(0), ms(50));
        assert_eq!(pause(30_000), ms(130));
        assert_eq!(pause(200_000), ms(400));
        assert_eq!(pause(1_000), ms(201));
        // One that found nobody there.
        assert_eq!(backoff.next(1_000), ms(400));
    }

    #[test]
    fn without_a_maximum_the_pause_is_spread() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(0));
        assert_eq!(backoff.next(0), ms(100));
        assert_eq!(backoff.next(99), ms(199));
        assert_eq!(backoff.next(100), ms(100));
    }
}
