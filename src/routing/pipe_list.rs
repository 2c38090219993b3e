//! An array of pipes in which the place of each is known.

use crate::pattern::PipeId;

const ABSENT: u32 = u32::MAX;

/// Pipes in an order of their own, with constant-time lookup, swap and removal.
#[derive(Default)]
pub struct PipeList {
    items: Vec<PipeId>,
    /// Place in `items`, by pipe number.
    places: Vec<u32>,
}

impl PipeList {
    /// Number of pipes.
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The pipe at a place.
    #[inline]
    pub fn get(&self, place: usize) -> Option<PipeId> {
        self.items.get(place).copied()
    }

    /// All of them in order.
    #[inline]
    pub fn as_slice(&self) -> &[PipeId] {
        &self.items
    }

    /// Where a pipe is.
    #[inline]
    pub fn place(&self, id: PipeId) -> Option<usize> {
        match self.places.get(id.0 as usize) {
            Some(&place) if place != ABSENT => Some(place as usize),
            _ => None,
        }
    }

    /// Adds a pipe at the end. False when it is there already.
    pub fn push(&mut self, id: PipeId) -> bool {
        let number = id.0 as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, ABSENT);
        }
        if self.places[number] != ABSENT {
            return false;
        }
        self.places[number] = self.items.len() as u32;
        self.items.push(id);
        true
    }

    /// Exchanges two places.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        self.items.swap(a, b);
        self.places[self.items[a].0 as usize] = a as u32;
        self.places[self.items[b].0 as usize] = b as u32;
    }

    /// Takes out the pipe at a place; the last one moves there.
    pub fn swap_remove(&mut self, place: usize) {
        self.swap(place, self.items.len() - 1);
        if let Some(id) = self.items.pop() {
            self.places[id.0 as usize] = ABSENT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_swaps_and_removals() {
        let mut list = PipeList::default();
        for number in [7, 0, 3, 9] {
            assert!(list.push(PipeId(number)));
        }
        assert!(!list.push(PipeId(3)));
        list.swap(0, 3);
        list.swap_remove(1);
        assert_eq!(list.as_slice(), [PipeId(9), PipeId(7), PipeId(3)]);
        for (place, &id) in list.as_slice().iter().enumerate() {
            assert_eq!(list.place(id), Some(place));
        }
        assert_eq!(list.place(PipeId(0)), None);
        assert_eq!(list.place(PipeId(100)), None);
        for _ in 0..3 {
            list.swap_remove(0);
        }
        assert!(list.is_empty());
        assert!(list.push(PipeId(7)));
    }
}
