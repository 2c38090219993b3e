//! A radix (Patricia) tree over byte strings, made to be compact and to be walked along a message.
//!
//! Each node stands for the bytes from the root down to it. Apart from the root, a node without a value has at least
//! two children, so that there are at most twice as many nodes as values. Children lie side by side in one
//! allocation, sorted by their first byte; labels up to 22 bytes lie in the node. Nothing here recurses: a hostile
//! peer may nest topics as deep as it likes.

use std::mem;

/// What a topic leads to.
pub trait Value: Default {
    /// True when it says nothing; the tree keeps no such entries.
    fn is_vacant(&self) -> bool;
}

/// See the module documentation.
pub struct Tree<V> {
    root: Node<V>,
}

struct Node<V> {
    label: Label,
    children: Box<[Node<V>]>,
    value: V,
}

const INLINE: usize = 22;

/// Children that are looked through one after another: hexadecimal digits have sixteen.
const SCANNED: usize = 16;

/// Bytes between a node and its parent; empty for the root only.
enum Label {
    Inline { size: u8, bytes: [u8; INLINE] },
    Heap { first: u8, bytes: Box<[u8]> },
}

impl<V: Value> Default for Tree<V> {
    fn default() -> Self {
        Self { root: Node::new(&[]) }
    }
}

impl<V: Value> Tree<V> {
    /// The value of a topic, made if there is none. The caller must not leave it vacant.
    pub fn entry(&mut self, topic: &[u8]) -> &mut V {
        let mut node = &mut self.root;
        let mut rest = topic;
        while let Some(&first) = rest.first() {
            let index = match node.find(first) {
                Ok(index) => {
                    let common = node.children[index].split_where_it_differs(rest);
                    rest = &rest[common..];
                    index
                }
                Err(index) => {
                    node.insert(index, Node::new(rest));
                    rest = &[];
                    index
                }
            };
            node = &mut node.children[index];
        }
        &mut node.value
    }

    /// Changes the value of a topic, and drops the entry if that makes it vacant. `None`: no such topic.
    pub fn update<R>(&mut self, topic: &[u8], change: impl FnOnce(&mut V) -> R) -> Option<R> {
        if topic.is_empty() {
            return (!self.root.value.is_vacant()).then(|| change(&mut self.root.value));
        }
        let mut parent = &mut self.root;
        let mut is_root = true;
        let mut rest = topic;
        loop {
            let index = parent.find(*rest.first()?).ok()?;
            let node = &mut parent.children[index];
            rest = rest.strip_prefix(node.label.bytes())?;
            if rest.is_empty() {
                if node.value.is_vacant() {
                    return None;
                }
                let result = change(&mut node.value);
                if node.value.is_vacant() {
                    parent.prune(index, is_root);
                }
                return Some(result);
            }
            is_root = false;
            parent = &mut parent.children[index];
        }
    }

    /// Visits the value of each topic that `data` begins with, shortest first, until `visit` returns true. Says whether
    /// it did.
    #[inline]
    pub fn any_prefix(&self, data: &[u8], mut visit: impl FnMut(&V) -> bool) -> bool {
        let mut node = &self.root;
        let mut rest = data;
        loop {
            if !node.value.is_vacant() && visit(&node.value) {
                return true;
            }
            let Some(&first) = rest.first() else { return false };
            let Ok(index) = node.find(first) else { return false };
            node = &node.children[index];
            match rest.strip_prefix(node.label.bytes()) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
    }

    /// Visits all topics, sorted by bytes, until `visit` returns true.
    pub fn any(&self, mut visit: impl FnMut(&[u8], &V) -> bool) -> bool {
        let mut topic = Vec::new();
        if !self.root.value.is_vacant() && visit(&topic, &self.root.value) {
            return true;
        }
        let mut levels = vec![(self.root.children.iter(), 0)];
        while let Some((siblings, size)) = levels.last_mut() {
            topic.truncate(*size);
            let Some(node) = siblings.next() else {
                levels.pop();
                continue;
            };
            topic.extend_from_slice(node.label.bytes());
            if !node.value.is_vacant() && visit(&topic, &node.value) {
                return true;
            }
            if !node.children.is_empty() {
                levels.push((node.children.iter(), topic.len()));
            }
        }
        false
    }
}

impl<V> Drop for Tree<V> {
    fn drop(&mut self) {
        let mut levels = vec![mem::take(&mut self.root.children)];
        while let Some(level) = levels.pop() {
            for mut node in level {
                if !node.children.is_empty() {
                    levels.push(mem::take(&mut node.children));
                }
            }
        }
    }
}

impl<V: Value> Node<V> {
    fn new(label: &[u8]) -> Self {
        Self { label: Label::new(label), children: Box::default(), value: V::default() }
    }

    #[inline]
    fn find(&self, first: u8) -> Result<usize, usize> {
        // One after another: where they are not in the cache, the processor fetches several at once, and a binary search
        // would wait for each.
        if self.children.len() <= SCANNED {
            for (index, child) in self.children.iter().enumerate() {
                if child.label.first() >= first {
                    return if child.label.first() == first { Ok(index) } else { Err(index) };
                }
            }
            return Err(self.children.len());
        }
        self.children.binary_search_by_key(&first, |child| child.label.first())
    }

    /// Growth by one each time: the copy is no dearer than the insertion, and 1 M topics waste nothing.
    fn insert(&mut self, index: usize, child: Self) {
        let mut children = mem::take(&mut self.children).into_vec();
        children.reserve_exact(1);
        children.insert(index, child);
        self.children = children.into_boxed_slice();
    }

    /// Splits this node where its label stops agreeing with `topic`; the number of bytes that agree.
    fn split_where_it_differs(&mut self, topic: &[u8]) -> usize {
        let label = self.label.bytes();
        let common = label.iter().zip(topic).take_while(|(a, b)| a == b).count();
        if common < label.len() {
            let upper = Self::new(&label[..common]);
            let lower_label = Label::new(&label[common..]);
            let mut lower = mem::replace(self, upper);
            lower.label = lower_label;
            self.children = Box::new([lower]);
        }
        common
    }

    /// Child `index` lost its value: takes it out, or joins it with its only child.
    fn prune(&mut self, index: usize, is_root: bool) {
        match self.children[index].children.len() {
            0 => {
                let mut children = mem::take(&mut self.children).into_vec();
                children.remove(index);
                self.children = children.into_boxed_slice();
                if !is_root && self.value.is_vacant() && self.children.len() == 1 {
                    self.absorb_only_child();
                }
            }
            1 => self.children[index].absorb_only_child(),
            _ => {}
        }
    }

    fn absorb_only_child(&mut self) {
        let Some(child) = mem::take(&mut self.children).into_vec().pop() else { return };
        self.label = Label::new(&[self.label.bytes(), child.label.bytes()].concat());
        self.value = child.value;
        self.children = child.children;
    }
}

impl Label {
    fn new(label: &[u8]) -> Self {
        if label.len() > INLINE {
            return Self::Heap { first: label[0], bytes: label.into() };
        }
        let mut bytes = [0; INLINE];
        bytes[..label.len()].copy_from_slice(label);
        Self::Inline { size: label.len() as u8, bytes }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline { size, bytes } => &bytes[..usize::from(*size)],
            Self::Heap { bytes, .. } => bytes,
        }
    }

    #[inline]
    fn first(&self) -> u8 {
        match self {
            Self::Inline { bytes, .. } => bytes[0],
            Self::Heap { first, .. } => *first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Value for u64 {
        fn is_vacant(&self) -> bool {
            *self == 0
        }
    }

    fn check(tree: &Tree<u64>, model: &BTreeMap<Vec<u8>, u64>) {
        let mut seen = Vec::new();
        tree.any(|topic, value| {
            seen.push((topic.to_vec(), *value));
            false
        });
        assert_eq!(seen, model.iter().map(|(k, v)| (k.clone(), *v)).collect::<Vec<_>>());
        let mut todo: Vec<_> = tree.root.children.iter().collect();
        while let Some(node) = todo.pop() {
            assert!(!node.value.is_vacant() || node.children.len() >= 2, "a node that could be joined");
            assert!(!node.label.bytes().is_empty());
            todo.extend(&node.children);
        }
    }

    #[test]
    fn agrees_with_a_sorted_map() {
        let mut state = 12345_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut tree = Tree::default();
        let mut model = BTreeMap::new();
        for step in 0..20_000 {
            // Few letters and repeated runs: many splits and joins, labels on both sides of the inline limit.
            let mut topic = Vec::new();
            for _ in 0..random(6) {
                // Now and then one of many, for nodes with many children.
                let letters = if random(8) == 0 { 24 } else { 3 };
                let letter = b'a' + random(letters) as u8;
                topic.extend(std::iter::repeat_n(letter, if random(4) == 0 { 30 } else { 1 }));
            }
            if random(2) == 0 {
                let value = random(100) + 1;
                *tree.entry(&topic) = value;
                model.insert(topic.clone(), value);
            } else {
                assert_eq!(tree.update(&topic, mem::take), model.remove(&topic));
            }
            topic.push(b'a');
            let mut sum = 0;
            tree.any_prefix(&topic, |value| {
                sum += value;
                false
            });
            assert_eq!(sum, (0..=topic.len()).filter_map(|size| model.get(&topic[..size])).sum::<u64>());
            if step % 500 == 0 {
                check(&tree, &model);
            }
        }
        check(&tree, &model);
        for topic in model.keys() {
            tree.update(topic, mem::take).unwrap();
        }
        assert!(tree.root.children.is_empty());
    }

    #[test]
    fn a_deep_tree_neither_recurses_nor_overflows() {
        let mut tree = Tree::<u64>::default();
        let topic = vec![b'x'; 20_000];
        for size in 0..=topic.len() {
            *tree.entry(&topic[..size]) = 1;
        }
        let mut count = 0;
        tree.any_prefix(&topic, |_| {
            count += 1;
            false
        });
        assert_eq!(count, 20_001);
        assert!(!tree.any(|_, _| false));
        std::thread::Builder::new().stack_size(64 * 1024).spawn(move || drop(tree)).unwrap().join().unwrap();
    }

    #[test]
    fn nodes_stay_small() {
        assert_eq!(size_of::<Label>(), 24);
        assert_eq!(size_of::<Node<u32>>(), 48);
    }
}
