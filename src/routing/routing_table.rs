//! Routing ids: which pipe leads to whom.

use crate::pattern::PipeId;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

/// Routing ids of the peers of a socket.
///
/// A pipe keeps its id until it is forgotten, because what it brought must be delivered under that name; it *owns* the
/// id, so that messages go to it, until it is released. Peers choose their ids, hence a keyed hash.
pub struct RoutingTable {
    owners: HashMap<Arc<[u8]>, PipeId, RandomState>,
    /// By pipe number.
    ids: Vec<Option<Arc<[u8]>>>,
    /// Owner looked up last: nearly always the one asked for next.
    recent: PipeId,
    next: u32,
}

impl Default for RoutingTable {
    fn default() -> Self {
        Self { owners: HashMap::default(), ids: Vec::new(), recent: PipeId(u32::MAX), next: random_u32() }
    }
}

impl RoutingTable {
    /// The pipe that owns an id.
    #[inline]
    pub fn find(&mut self, id: &[u8]) -> Option<PipeId> {
        if self.recent.0 != u32::MAX && self.id(self.recent) == Some(id) {
            return Some(self.recent);
        }
        let owner = *self.owners.get(id)?;
        self.recent = owner;
        Some(owner)
    }

    /// The id of a pipe, whether it owns it or did so once.
    #[inline]
    pub fn id(&self, pipe: PipeId) -> Option<&[u8]> {
        self.ids.get(pipe.0 as usize)?.as_deref()
    }

    /// Gives an id to a pipe. False, and nothing happens, when another pipe owns it.
    pub fn claim(&mut self, id: &[u8], pipe: PipeId) -> bool {
        if self.owners.contains_key(id) {
            return false;
        }
        let id: Arc<[u8]> = id.into();
        self.owners.insert(id.clone(), pipe);
        self.name(pipe, id);
        true
    }

    /// Gives a pipe an id that no peer has: 0 and a 32-bit number, big-endian.
    pub fn claim_automatic(&mut self, pipe: PipeId) {
        while !self.claim(&self.automatic(), pipe) {
            self.next = self.next.wrapping_add(1);
        }
        self.next = self.next.wrapping_add(1);
    }

    /// Names a pipe without making it the owner: its peer is gone, but what it brought is not.
    pub fn name_only(&mut self, id: &[u8], pipe: PipeId) {
        if id.is_empty() {
            let automatic = self.automatic();
            self.next = self.next.wrapping_add(1);
            return self.name(pipe, automatic.as_slice().into());
        }
        self.name(pipe, id.into());
    }

    /// A pipe no longer owns its id: the peer is gone, or another pipe takes over.
    pub fn release(&mut self, pipe: PipeId) {
        if self.recent == pipe {
            self.recent = PipeId(u32::MAX);
        }
        if let Some(Some(id)) = self.ids.get(pipe.0 as usize)
            && self.owners.get(id) == Some(&pipe)
        {
            self.owners.remove(id);
        }
    }

    /// A pipe is about to be removed.
    pub fn forget(&mut self, pipe: PipeId) {
        self.release(pipe);
        if let Some(id) = self.ids.get_mut(pipe.0 as usize) {
            *id = None;
        }
    }

    /// The pipes that own an id.
    pub fn owners(&self) -> impl Iterator<Item = PipeId> + '_ {
        self.owners.values().copied()
    }

    fn name(&mut self, pipe: PipeId, id: Arc<[u8]>) {
        let number = pipe.0 as usize;
        if self.ids.len() <= number {
            self.ids.resize(number + 1, None);
        }
        self.ids[number] = Some(id);
    }

    fn automatic(&self) -> [u8; 5] {
        let [a, b, c, d] = self.next.to_be_bytes();
        [0, a, b, c, d]
    }
}

/// Where a counter starts that peers should not guess.
pub fn random_u32() -> u32 {
    RandomState::new().build_hasher().finish() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_owner() {
        let (a, b) = (PipeId(3), PipeId(0));
        let mut table = RoutingTable::default();
        assert!(table.claim(b"x", a));
        assert!(!table.claim(b"x", b));
        assert_eq!(table.find(b"x"), Some(a));
        assert_eq!(table.find(b"x"), Some(a), "from the memory of the last one");
        assert_eq!(table.find(b"y"), None);
        table.release(a);
        assert_eq!(table.find(b"x"), None);
        assert_eq!(table.id(a), Some(&b"x"[..]), "what it brought keeps its name");
        assert!(table.claim(b"x", b));
        table.forget(a);
        assert_eq!(table.find(b"x"), Some(b));
        assert_eq!(table.id(a), None);
        assert_eq!(table.owners().collect::<Vec<_>>(), [b]);
    }

    /// Trap 49.
    #[test]
    fn automatic_ids_count_up_and_avoid_those_in_use() {
        let mut table = RoutingTable { next: u32::MAX, ..RoutingTable::default() };
        assert!(table.claim(&[0, 0, 0, 0, 0], PipeId(9)));
        table.claim_automatic(PipeId(0));
        table.claim_automatic(PipeId(1));
        assert_eq!(table.id(PipeId(0)), Some(&[0, 255, 255, 255, 255][..]));
        assert_eq!(table.id(PipeId(1)), Some(&[0, 0, 0, 0, 1][..]));
    }
}
