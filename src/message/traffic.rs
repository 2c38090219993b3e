//! Counting what passes by.

use std::fmt;

/// Messages, and the bytes of all their parts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Traffic {
    pub messages: u64,
    pub bytes: u64,
}

impl Traffic {
    /// Counts a part of so many bytes. A message counts with its last part.
    #[inline(always)]
    pub fn count(&mut self, size: usize, more: bool) {
        self.messages += u64::from(!more);
        self.bytes += size as u64;
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages ({} bytes)", self.messages, self.bytes)
    }
}
