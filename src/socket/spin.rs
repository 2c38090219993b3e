//! Whether to spin before a wait: learnt from how long recent waits took.

use crate::config::{SPIN_LIMIT, SPIN_PROBE};
use crate::driver::spinning;
use std::time::Duration;

/// Confidence that the next wait is short. Rises slowly, falls fast.
pub struct Spin {
    confidence: u8,
    waits: u32,
}

/// Confidence from which a wait spins.
const ENOUGH: u8 = 2;
/// Highest confidence: this many long waits in a row stop the spinning.
const HIGHEST: u8 = 4;

impl Spin {
    pub fn new() -> Self {
        Self { confidence: ENOUGH, waits: 0 }
    }

    /// How long the coming wait may spin.
    pub fn budget(&mut self) -> Duration {
        if !spinning() {
            return Duration::ZERO;
        }
        self.waits = self.waits.wrapping_add(1);
        if self.confidence >= ENOUGH || self.waits.is_multiple_of(SPIN_PROBE) {
            return SPIN_LIMIT;
        }
        Duration::ZERO
    }

    /// Learns from a wait that took so long.
    pub fn learn(&mut self, took: Duration) {
        if took <= SPIN_LIMIT {
            self.confidence = (self.confidence + 1).min(HIGHEST);
        } else {
            self.confidence = self.confidence.saturating_sub(2);
        }
    }
}
