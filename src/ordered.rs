//! Lists of what there may be a million of: they take little more space than what is in them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Adds one, and makes room for a quarter more where there is none: not for twice as much.
pub(crate) fn push<T>(list: &mut Vec<T>, one: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 4).max(4));
    }
    list.push(one);
}

/// Adds all of another one, and makes room as [`push`] does.
pub(crate) fn append<T>(list: &mut Vec<T>, more: Vec<T>) {
    if list.is_empty() {
        *list = more;
        return;
    }
    if list.capacity() - list.len() < more.len() {
        list.reserve_exact(more.len().max(list.len() / 4));
    }
    list.extend(more);
}

/// What was added, in order as far as it was put in order: whenever there is twice as much.
#[derive(Debug, Clone)]
pub(crate) struct Ordered<T> {
    list: Vec<T>,
    /// So many of the first are in order, each once.
    ordered: usize,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered { list: Vec::new(), ordered: 0 }
    }
}

/// How many are added before they are put in order for the first time.
const FEW: usize = 64;

impl<T: Ord> Ordered<T> {
    /// Of a list in whatever order.
    pub(crate) fn of(list: Vec<T>) -> Self {
        Ordered { list, ordered: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// `drops`: whether one is a copy of the one that is kept, which may take its place.
    pub(crate) fn push(&mut self, one: T, drops: impl FnMut(&mut T, &mut T) -> bool) {
        if self.list.len() >= (2 * self.ordered).max(FEW) {
            self.order(drops);
        }
        push(&mut self.list, one);
    }

    pub(crate) fn merge(&mut self, other: Ordered<T>, mut drops: impl FnMut(&mut T, &mut T) -> bool) {
        if self.list.is_empty() {
            *self = other;
        } else {
            other.list.into_iter().for_each(|one| self.push(one, &mut drops));
        }
    }

    pub(crate) fn order(&mut self, drops: impl FnMut(&mut T, &mut T) -> bool) {
        if self.ordered < self.list.len() {
            self.list.sort_unstable();
            self.list.dedup_by(drops);
            self.ordered = self.list.len();
        }
    }

    /// As they are, copies too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.list.iter()
    }

    /// The same, to change what their order does not hang on.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.list.iter_mut()
    }

    /// All of them in order, copies too.
    pub(crate) fn sorted(&self) -> Vec<&T> {
        let mut all: Vec<&T> = self.list.iter().collect();
        all.sort_unstable();
        all
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.list
    }
}

/// A list without copies: which were added in which order, and how often, makes no difference.
#[derive(Debug, Clone)]
pub(crate) struct Distinct<T>(Ordered<T>);

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct(Ordered::default())
    }
}

impl<T: Ord> Distinct<T> {
    pub(crate) fn add(&mut self, one: T) {
        self.0.push(one, |one, kept| one == kept);
    }

    pub(crate) fn merge(&mut self, other: Distinct<T>) {
        self.0.merge(other.0, |one, kept| one == kept);
    }

    /// As they are, copies too: for whoever wants few of them.
    pub(crate) fn added(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// In order, each once.
    pub(crate) fn all(&self) -> Vec<&T> {
        let mut all = self.0.sorted();
        all.dedup();
        all
    }
}

impl<T: Ord> PartialEq for Distinct<T> {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

impl<T: Ord> Eq for Distinct<T> {}

impl<T: Ord + Serialize> Serialize for Distinct<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.all())
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for Distinct<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::deserialize(from).map(|list| Distinct(Ordered::of(list)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_distinct_is_a_set(
            mut added in prop::collection::vec(0..400u32, 0..600),
            split in 0..600usize,
            turn in 0..600usize,
        ) {
            let set: BTreeSet<u32> = added.iter().copied().collect();
            let of = |all: &[u32]| {
                let mut list = Distinct::default();
                all.iter().for_each(|one| list.add(*one));
                list
            };
            let whole = of(&added);
            prop_assert_eq!(whole.all(), set.iter().collect::<Vec<_>>());
            let turned = turn.min(added.len());
            added.rotate_left(turned);
            let (first, second) = added.split_at(split.min(added.len()));
            let mut merged = of(first);
            merged.merge(of(second));
            prop_assert_eq!(&merged, &whole);
            let written = postcard::to_stdvec(&merged).unwrap();
            prop_assert_eq!(&written, &postcard::to_stdvec(&set).unwrap());
            let read: Distinct<u32> = postcard::from_bytes(&written).unwrap();
            prop_assert_eq!(read, whole);
        }
    }
}
