//! Whether to spin before a wait: learnt from how long recent waits took.

use crate::config::{SPIN_LIMIT, SPIN_PROBE};
use crate::driver::spinning;
use std::time::Duration;

/// Confidence that the next wait is short. Two partners who answer each other at once but sleep in between see long waits,
/// most of which is waking: so a probe that succeeds is enough to begin, and a wait without a spin never ends it.
pub struct Spin {
    confidence: u8,
    waits: u32,
    spinning: bool,
}

/// Confidence from which a wait spins.
const ENOUGH: u8 = 2;
/// Highest confidence: this many long waits in a row stop the spinning.
const HIGHEST: u8 = 4;

impl Spin {
    pub fn new() -> Self {
        Self { confidence: ENOUGH, waits: 0, spinning: false }
    }

    /// How long the coming wait may spin.
    pub fn budget(&mut self) -> Duration {
        if !spinning() {
            return Duration::ZERO;
        }
        self.waits = self.waits.wrapping_add(1);
        self.spinning = self.confidence >= ENOUGH || self.waits.is_multiple_of(SPIN_PROBE);
        if self.spinning { SPIN_LIMIT } else { Duration::ZERO }
    }

    /// Learns from a wait that took so long.
    pub fn learn(&mut self, took: Duration) {
        if took <= SPIN_LIMIT {
            self.confidence = (self.confidence + 1).clamp(ENOUGH, HIGHEST);
        } else if self.spinning {
            self.confidence = self.confidence.saturating_sub(2);
        }
    }
}
