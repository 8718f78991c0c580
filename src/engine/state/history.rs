//! The table behind `seen`: of every key and hour the first record and the last time. Adding and merging are
//! commutative, associative and idempotent, so that neither the order of files nor a second delivery changes it; for
//! windows of an hour and more its answers are those of a list of all records.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::key::{Key, Keyed, Moment, key_without};
use crate::facts::schema::FieldAccess;
use crate::value::Truth;

const HOUR: i64 = 3_600;

/// What is kept of the records with one key in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    /// Hours since 1970.
    hour: i64,
    first: Moment,
    last: i64,
}

/// The cells of each key, in order of their hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Table(HashMap<Key, Vec<Cell>>);

impl Table {
    fn add(&mut self, key: Key, moment: Moment) {
        let cell = Cell { hour: moment.time.div_euclid(HOUR), last: moment.time, first: moment };
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(vec![cell]);
            }
            Entry::Occupied(mut entry) => put(entry.get_mut(), cell),
        }
    }

    fn merge(&mut self, other: Table) {
        for (key, cells) in other.0 {
            match self.0.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(cells);
                }
                Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    cells.into_iter().for_each(|cell| put(known, cell));
                }
            }
        }
    }

    /// Has a record with this key come strictly before, and later than `window` seconds before?
    fn seen(&self, key: Key, moment: &Moment, window: i64) -> bool {
        let Some(cells) = self.0.get(&key) else { return false };
        let after = moment.time.saturating_sub(window);
        let (oldest, own) = (after.div_euclid(HOUR), moment.time.div_euclid(HOUR));
        let from = cells.partition_point(|cell| cell.hour < oldest);
        // The window is an hour or more: of the own hour only the end can lie outside, of the oldest only the beginning.
        cells
            .iter()
            .skip(from)
            .take_while(|cell| cell.hour <= own)
            .any(|cell| if cell.hour == own { cell.first < *moment } else { cell.last > after })
    }
}

fn put(cells: &mut Vec<Cell>, cell: Cell) {
    let at = cells.partition_point(|known| known.hour < cell.hour);
    match cells.get_mut(at).filter(|known| known.hour == cell.hour) {
        Some(known) => {
            known.last = known.last.max(cell.last);
            if cell.first < known.first {
                known.first = cell.first;
            }
        }
        None => cells.insert(at, cell),
    }
}

/// Whether a record is certainly one of a history's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    Sure,
    /// Something that was not read decides.
    Possible,
}

/// One history over the records added so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    sure: Table,
    /// Records that may be among the history's, or whose key was not read in full.
    possible: Table,
    /// Which fields of keys were not read, over all possible records.
    masks: BTreeSet<u64>,
}

impl History {
    pub(crate) fn add(&mut self, keyed: Keyed, certainty: Certainty, moment: Moment) {
        if keyed.unread == 0 && certainty == Certainty::Sure {
            self.sure.add(keyed.key, moment);
        } else {
            self.masks.insert(keyed.unread);
            self.possible.add(keyed.key, moment);
        }
    }

    pub(crate) fn merge(&mut self, other: History) {
        self.sure.merge(other.sure);
        self.possible.merge(other.possible);
        self.masks.extend(other.masks);
    }

    /// Has one certainly been seen? More records never turn a yes into a no.
    pub(crate) fn surely(&self, keyed: Keyed, moment: &Moment, window: i64) -> bool {
        keyed.unread == 0 && self.sure.seen(keyed.key, moment, window)
    }

    /// Has one been seen, as far as the records added tell? A fact whose own key was not read in full cannot say.
    pub(crate) fn seen(
        &self,
        by: &[usize],
        fact: &dyn FieldAccess,
        keyed: Keyed,
        moment: &Moment,
        window: i64,
    ) -> Truth {
        if keyed.unread != 0 {
            return Truth::Unknown;
        }
        if self.sure.seen(keyed.key, moment, window) {
            return Truth::True;
        }
        let possibly = self.masks.iter().any(|&mask| {
            let key = if mask == 0 { keyed.key } else { key_without(by, fact, mask) };
            self.possible.seen(key, moment, window)
        });
        if possibly { Truth::Unknown } else { Truth::False }
    }
}
