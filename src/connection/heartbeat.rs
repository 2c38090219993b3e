//! Deadlines of a connection that is up (RFC 37, "Connection Heartbeating"). Time is an argument.

use super::config::HeartbeatConfig;
use std::time::{Duration, Instant};

/// Looks whether a PING has left, within the time that its answer may take.
const LOOKS: u32 = 8;

/// Decides when to ping, and when a silent peer is dead. Not for peers below ZMTP 3.0.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    /// When the next PING is due.
    ping: Option<Instant>,
    /// When to look whether the last PING has left; `None`: it has.
    unsent: Option<Instant>,
    /// When a peer that did not answer a PING is given up.
    answer: Option<Instant>,
    /// When the time to live that the peer asked for is over.
    ttl: Option<Instant>,
}

/// What to do at a deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeartbeatAction {
    Nothing,
    /// Then call [`Heartbeat::handle_ping_sent`] once it has left.
    SendPing,
    /// Close the connection as after a network error, and reconnect.
    Dead,
}

impl Heartbeat {
    pub fn new(config: &HeartbeatConfig, now: Instant) -> Self {
        let ping = after(now, config.interval);
        Self {
            interval: config.interval,
            timeout: config.timeout,
            ping,
            unsent: None,
            answer: None,
            ttl: None,
        }
    }

    /// Bytes arrived: the peer lives. Call it before decoding them.
    #[inline]
    pub fn handle_traffic(&mut self, _now: Instant) {
        self.answer = None;
        self.ttl = None;
    }

    /// A PING asked us to give the peer up after `ttl` of silence; zero asks for nothing.
    pub fn handle_ping_ttl(&mut self, ttl: Duration, now: Instant) {
        self.ttl = after(now, ttl);
    }

    /// When [`Heartbeat::handle_timeout`] must be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.ping, self.unsent, self.answer, self.ttl].into_iter().flatten().min()
    }

    /// The PING that was asked for is with the kernel: the peer has to say something from now on. A PING that cannot be sent, since the
    /// peer is slow to read what was sent before it, proves nothing.
    pub fn handle_ping_sent(&mut self, now: Instant) {
        self.unsent = None;
        // The clock runs from the first PING without an answer; later ones do not extend it.
        self.answer = self.answer.or_else(|| after(now, self.timeout));
    }

    /// Acts on the deadlines that have passed. May be called early.
    pub fn handle_timeout(&mut self, now: Instant) -> HeartbeatAction {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if passed(self.answer) || passed(self.ttl) {
            return HeartbeatAction::Dead;
        }
        if passed(self.unsent) {
            self.unsent = after(now, self.timeout / LOOKS);
        }
        if !passed(self.ping) {
            return HeartbeatAction::Nothing;
        }
        // From the deadline, not from now, so that late timers do not stretch the interval; but never a
        // burst.
        self.ping = self.ping.and_then(|ping| after(ping, self.interval)).filter(|&ping| ping > now);
        self.ping = self.ping.or_else(|| after(now, self.interval));
        if self.unsent.is_some() {
            return HeartbeatAction::Nothing;
        }
        self.unsent = after(now, self.timeout / LOOKS);
        HeartbeatAction::SendPing
    }
}

/// The instant `delay` after `from`; never for zero, which turns a timer off.
fn after(from: Instant, delay: Duration) -> Option<Instant> {
    if delay.is_zero() { None } else { from.checked_add(delay) }
}
