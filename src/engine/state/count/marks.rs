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
}

/// How many are added before they are put in order for the first time.
const FEW: usize = 64;

impl Marks {
    pub(super) fn add(&mut self, moment: Moment, mark: Mark) {
        if self.list.len() >= (2 * self.ordered).max(FEW) {
            self.order();
        }
        self.list.push((moment, mark));
    }

    pub(super) fn merge(&mut self, other: Marks) {
        if self.list.is_empty() {
            *self = other;
        } else {
            other.list.into_iter().for_each(|(moment, mark)| self.add(moment, mark));
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
            return self.list.serialize(to);
        }
        Marks { list: self.list.clone(), ordered: 0 }.in_order().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What is in order already is not sorted again for long.
        Ok(Marks { list: Vec::deserialize(from)?, ordered: 0 })
    }
}
