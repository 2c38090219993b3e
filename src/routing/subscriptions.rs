//! Subscriptions: which topics are wanted, and by whom.
//!
//! SUB and XSUB count how often each topic was asked for ([`TopicCounts`]); PUB and XPUB know the pipes that want
//! it ([`TopicPipes`]). A message matches every topic that its first part begins with.

use super::radix::{Tree, Value};
use crate::pattern::PipeId;

impl Value for u32 {
    #[inline]
    fn is_vacant(&self) -> bool {
        *self == 0
    }
}

/// Topics and how often each was asked for.
#[derive(Default)]
pub struct TopicCounts {
    tree: Tree<u32>,
    total: usize,
}

impl TopicCounts {
    /// Asks for a topic once more. True when it was not asked for before.
    pub fn add(&mut self, topic: &[u8]) -> bool {
        let count = self.tree.entry(topic);
        *count += 1;
        self.total += 1;
        *count == 1
    }

    /// Takes one request back. True when it was the last for this topic; false also for a topic never asked for.
    pub fn remove(&mut self, topic: &[u8]) -> bool {
        let left = self.tree.update(topic, |count| {
            *count -= 1;
            *count
        });
        self.total -= usize::from(left.is_some());
        left == Some(0)
    }

    /// Whether a message that begins with `data` is wanted.
    #[inline]
    pub fn matches(&self, data: &[u8]) -> bool {
        self.tree.any_prefix(data, |_| true)
    }

    /// Each distinct topic once, sorted.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        self.tree.any(|topic, _| {
            visit(topic);
            false
        });
    }

    /// Requests in force, duplicates counted, as ZMQ_TOPICS_COUNT of SUB has it.
    pub fn total(&self) -> usize {
        self.total
    }
}

/// The pipes that want one topic. Nearly always there is one, or there are many.
#[derive(Default)]
enum PipeSet {
    #[default]
    None,
    One(PipeId),
    /// Sorted.
    Many(Vec<PipeId>),
}

impl Value for PipeSet {
    #[inline]
    fn is_vacant(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl PipeSet {
    #[inline]
    fn as_slice(&self) -> &[PipeId] {
        match self {
            Self::None => &[],
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    /// False when it was there already.
    fn insert(&mut self, id: PipeId) -> bool {
        match self {
            Self::None => *self = Self::One(id),
            Self::One(other) if *other == id => return false,
            Self::One(other) => *self = Self::Many(vec![id.min(*other), id.max(*other)]),
            Self::Many(ids) => match ids.binary_search(&id) {
                Ok(_) => return false,
                Err(place) => ids.insert(place, id),
            },
        }
        true
    }

    /// False when it was not there.
    fn remove(&mut self, id: PipeId) -> bool {
        match self {
            Self::One(other) if *other == id => *self = Self::None,
            Self::Many(ids) => {
                let Ok(place) = ids.binary_search(&id) else { return false };
                ids.remove(place);
                if let [only] = ids[..] {
                    *self = Self::One(only);
                }
            }
            _ => return false,
        }
        true
    }
}

/// What taking a subscription back did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// That pipe had not subscribed to it.
    NotFound,
    /// Others are still subscribed.
    OthersRemain,
    /// Nobody is subscribed any more.
    Last,
}

/// Topics and the pipes that want them.
#[derive(Default)]
pub struct TopicPipes {
    tree: Tree<PipeSet>,
    topics: usize,
    /// Number of topics, by pipe number, so that the removal of a pipe looks no further than it must.
    subscribed: Vec<u32>,
}

impl TopicPipes {
    /// Subscribes a pipe. True when it is the first subscriber of the topic.
    pub fn add(&mut self, topic: &[u8], id: PipeId) -> bool {
        let set = self.tree.entry(topic);
        let first = set.is_vacant();
        if set.insert(id) {
            let number = id.0 as usize;
            if self.subscribed.len() <= number {
                self.subscribed.resize(number + 1, 0);
            }
            self.subscribed[number] += 1;
        }
        self.topics += usize::from(first);
        first
    }

    /// Takes a pipe's subscription back, however often it was made.
    pub fn remove(&mut self, topic: &[u8], id: PipeId) -> Removal {
        match self.tree.update(topic, |set| (set.remove(id), set.is_vacant())) {
            None => Removal::NotFound,
            Some((false, _)) => Removal::NotFound,
            Some((true, vacant)) => {
                self.subscribed[id.0 as usize] -= 1;
                self.topics -= usize::from(vacant);
                if vacant { Removal::Last } else { Removal::OthersRemain }
            }
        }
    }

    /// Takes all subscriptions of a pipe back; tells each topic, sorted by bytes, and what that did.
    pub fn remove_pipe(&mut self, id: PipeId, mut told: impl FnMut(&[u8], Removal)) {
        let count = self.subscribed.get(id.0 as usize).map_or(0, |&count| count as usize);
        if count == 0 {
            return;
        }
        let mut topics: Vec<Box<[u8]>> = Vec::with_capacity(count);
        self.tree.any(|topic, set| {
            if set.as_slice().binary_search(&id).is_ok() {
                topics.push(topic.into());
            }
            topics.len() == count
        });
        for topic in topics {
            let removal = self.remove(&topic, id);
            told(&topic, removal);
        }
    }

    /// Calls `found` for each subscription that matches a message beginning with `data`; for a pipe with several
    /// matching subscriptions several times.
    #[inline]
    pub fn for_each_match(&self, data: &[u8], mut found: impl FnMut(PipeId)) {
        self.tree.any_prefix(data, |set| {
            for &id in set.as_slice() {
                found(id);
            }
            false
        });
    }

    /// Distinct topics, as ZMQ_TOPICS_COUNT of XPUB has it.
    pub fn topics(&self) -> usize {
        self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted() {
        let mut topics = TopicCounts::default();
        assert!(!topics.matches(b"abc"));
        assert!(topics.add(b"ab"));
        assert!(!topics.add(b"ab"));
        assert!(topics.add(b"a"));
        assert_eq!(topics.total(), 3);
        assert!(
            topics.matches(b"abc") && topics.matches(b"ac") && !topics.matches(b"b") && !topics.matches(b"")
        );
        assert!(!topics.remove(b"ab"));
        assert!(topics.remove(b"ab"));
        assert!(!topics.remove(b"ab"), "unknown");
        assert!(topics.remove(b"a"));
        assert_eq!(topics.total(), 0);
        assert!(!topics.matches(b"abc"));
        topics.add(b"");
        assert!(topics.matches(b"") && topics.matches(b"anything"));
        let mut all = Vec::new();
        for topic in [&b"z"[..], b"b", b"ba", b"b"] {
            topics.add(topic);
        }
        topics.for_each(|topic| all.push(topic.to_vec()));
        assert_eq!(all, [&b""[..], b"b", b"ba", b"z"]);
    }

    #[test]
    fn pipes_are_sets() {
        let (a, b, c) = (PipeId(5), PipeId(1), PipeId(9));
        let mut topics = TopicPipes::default();
        assert!(topics.add(b"t", a));
        assert!(!topics.add(b"t", a));
        assert!(!topics.add(b"t", b));
        assert!(!topics.add(b"t", c));
        assert!(topics.add(b"", c));
        assert_eq!(topics.topics(), 2);
        let mut found = Vec::new();
        topics.for_each_match(b"tx", |id| found.push(id));
        assert_eq!(found, [c, b, a, c]);
        assert_eq!(topics.remove(b"t", PipeId(77)), Removal::NotFound);
        assert_eq!(topics.remove(b"x", a), Removal::NotFound);
        assert_eq!(topics.remove(b"t", a), Removal::OthersRemain);
        assert_eq!(topics.remove(b"t", a), Removal::NotFound);
        assert_eq!(topics.remove(b"t", c), Removal::OthersRemain);
        assert_eq!(topics.remove(b"t", b), Removal::Last);
        assert_eq!(topics.topics(), 1);
    }

    #[test]
    fn a_pipe_leaves_with_its_topics_sorted() {
        let (a, b) = (PipeId(0), PipeId(1));
        let mut topics = TopicPipes::default();
        for topic in [&b"b"[..], b"\xff", b"a", b"", b"abc", b"ab"] {
            topics.add(topic, a);
        }
        topics.add(b"ab", b);
        topics.add(b"zzz", b);
        let mut told = Vec::new();
        topics.remove_pipe(a, |topic, removal| told.push((topic.to_vec(), removal)));
        let names: Vec<_> = told.iter().map(|(topic, _)| &topic[..]).collect();
        assert_eq!(names, [&b""[..], b"a", b"ab", b"abc", b"b", b"\xff"]);
        assert!(told.iter().all(|(topic, removal)| (*removal == Removal::OthersRemain) == (topic == b"ab")));
        assert_eq!(topics.topics(), 2);
        topics.remove_pipe(a, |_, _| panic!("nothing left"));
        topics.remove_pipe(PipeId(1000), |_, _| panic!("never seen"));
        topics.for_each_match(b"abc", |id| assert_eq!(id, b));
    }
}
