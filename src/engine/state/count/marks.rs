//! The records of one key that count, in order and each once. There may be as many as there are records: they stand in
//! one list, which is put in order whenever it has doubled.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Mark;
use crate::engine::state::key::Moment;

/// Records that were added; see [`Marks::in_order`].
#[derive(Debug, Default)]
pub(super) struct Marks {
    list: Vec<(Moment, Mark)>,
    /// So many of the first are in order, each once.
    ordered: usize,
    /// How many were added, copies included.
    added: u64,
}

/// How many are added before they are put in order for the first time.
const FEW: usize = 64;

impl Marks {
    pub(super) fn add(&mut self, moment: Moment, mark: Mark) {
        if self.list.len() >= (2 * self.ordered).max(FEW) {
            self.order();
        }
        self.list.push((moment, mark));
        self.added += 1;
    }

    /// How many were added: a second delivery is one more.
    pub(super) fn added(&self) -> u64 {
        self.added
    }

    pub(super) fn merge(&mut self, other: Marks) {
        if self.list.is_empty() {
            *self = other;
        } else {
            let added = self.added + other.added;
            other.list.into_iter().for_each(|(moment, mark)| self.add(moment, mark));
            self.added = added;
        }
    }

    /// All of them in order. Of two deliveries of one event the first by place is kept.
    pub(super) fn in_order(mut self) -> Vec<(Moment, Mark)> {
        self.order();
        self.list
    }

    fn order(&mut self) {
        if self.ordered < self.list.len() {
            self.list.sort_unstable();
            self.list.dedup_by(|one, kept| one.0 == kept.0);
            self.ordered = self.list.len();
        }
    }
}

// Of the same records the same bytes.
impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.ordered == self.list.len() {
            return (self.added, &self.list).serialize(to);
        }
        let copy = Marks { list: self.list.clone(), ordered: 0, added: 0 };
        (self.added, copy.in_order()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What is in order already is not sorted again for long.
        let (added, list) = Deserialize::deserialize(from)?;
        Ok(Marks { list, ordered: 0, added })
    }
}
