//! The table behind `seen`: of every key, in stretches as long as the window, the first record and the last time.
//! Adding and merging are commutative, associative and idempotent, so that neither the order of files nor a second
//! delivery changes it; its answers are those of a list of all records. A history without a window keeps of every key
//! two different values: enough to know of another one.

use std::collections::BTreeSet;

use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};

use super::key::{Key, KeyMap, Keyed, Other};
use crate::facts::schema::FieldAccess;
use crate::hashed::{HashedMap, Keys};
use crate::moment::{Came, Moment};
use crate::policy::Window;
use crate::value::Truth;

/// What is kept of the records with one key in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    first: Moment,
    last: i64,
}

impl Cell {
    #[inline]
    fn add(&mut self, at: &impl Came) {
        let time = at.time();
        self.last = self.last.max(time);
        // Most often there is nothing to copy.
        if time <= self.first.time && *at.moment() < self.first {
            self.first.clone_from(at.moment());
        }
    }

    fn merge(&mut self, other: Cell) {
        self.last = self.last.max(other.last);
        if other.first < self.first {
            self.first = other.first;
        }
    }
}

/// A key, and one stretch of time: windows since 1970.
type Within = (Key, i64);

/// What is kept of the records with one key over all that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ever {
    /// The two least of the values that came: one of them is another than any given value.
    values: [Option<Other>; 2],
    /// One came whose value was not read.
    any: bool,
}

impl Ever {
    fn of(value: Option<Other>) -> Self {
        Ever { values: [value, None], any: value.is_none() }
    }

    fn merge(&mut self, other: &Ever) {
        self.any |= other.any;
        for value in other.values.into_iter().flatten() {
            self.values = match self.values {
                [None, _] => [Some(value), None],
                [Some(first), _] if value < first => [Some(value), Some(first)],
                [Some(first), second] if value > first && second.is_none_or(|second| value < second) => {
                    [Some(first), Some(value)]
                }
                known => known,
            };
        }
    }

    /// Is there certainly a value other than this one? `None`: this one was not read.
    fn has_other(&self, than: Option<Other>) -> bool {
        match than {
            Some(own) => self.values.into_iter().flatten().any(|value| value != own),
            None => self.values.iter().all(Option::is_some),
        }
    }
}

/// What comes before or beside a fact is asked for by these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'m> {
    pub(crate) moment: &'m Moment,
    /// What a record must differ in, of a history without a window; `None`: it was not read.
    pub(crate) value: Option<Other>,
}

/// What is kept of each key in each stretch, or over all time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Table {
    Last { window: i64, cells: HashedMap<Within, Cell> },
    All(KeyMap<Ever>),
}

impl Table {
    fn new(window: Window) -> Self {
        match window {
            Window::Last(window) => Table::Last { window: window.max(1), cells: HashedMap::default() },
            Window::All => Table::All(KeyMap::default()),
        }
    }

    #[inline]
    fn add(&mut self, key: Key, at: &impl Came, value: Option<Other>) {
        match self {
            Table::Last { window, cells } => {
                let within = (key, at.time().div_euclid(*window));
                let new = || Cell { first: at.moment().clone(), last: at.time() };
                cells.entry(within).and_modify(|known| known.add(at)).or_insert_with(new);
            }
            Table::All(keys) => keys.entry(key).or_default().merge(&Ever::of(value)),
        }
    }

    fn merge(&mut self, other: Table) {
        match (self, other) {
            (Table::Last { cells, .. }, Table::Last { cells: more, .. }) if cells.is_empty() => *cells = more,
            (Table::All(keys), Table::All(more)) if keys.is_empty() => *keys = more,
            (Table::Last { cells, .. }, Table::Last { cells: more, .. }) => {
                for (within, cell) in more {
                    match cells.entry(within) {
                        Entry::Vacant(entry) => {
                            entry.insert(cell);
                        }
                        Entry::Occupied(mut entry) => entry.get_mut().merge(cell),
                    }
                }
            }
            (Table::All(keys), Table::All(more)) => {
                for (key, ever) in more {
                    keys.entry(key).or_default().merge(&ever);
                }
            }
            // Tables of one history are of one sort.
            (Table::Last { .. }, Table::All(_)) | (Table::All(_), Table::Last { .. }) => {}
        }
    }

    /// Has a record with this key come strictly before, and less than the window before? Over all time: is there
    /// another one?
    fn seen(&self, key: Key, asked: Asked<'_>) -> bool {
        let (window, cells) = match self {
            Table::Last { window, cells } => (*window, cells),
            Table::All(keys) => return keys.get(&key).is_some_and(|ever| ever.has_other(asked.value)),
        };
        let moment = asked.moment;
        let after = moment.time.saturating_sub(window);
        let own = moment.time.div_euclid(window);
        // A stretch is as long as the window. All of the own one that came before is within it; of the one before that
        // the end may be.
        cells.get(&(key, own)).is_some_and(|cell| cell.first < *moment)
            || cells.get(&(key, own - 1)).is_some_and(|cell| cell.last > after)
    }

    /// May a record with this key be another one?
    fn possibly(&self, key: Key, asked: Asked<'_>) -> bool {
        match self {
            Table::Last { .. } => self.seen(key, asked),
            Table::All(keys) => keys.get(&key).is_some_and(|ever| {
                ever.any || ever.has_other(asked.value) || (asked.value.is_none() && ever.values[0].is_some())
            }),
        }
    }
}

/// Whether a record is certainly one of a history's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Certainty {
    Sure,
    /// Something that was not read decides.
    Possible,
}

/// One history over the records added so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    sure: Table,
    /// Records that may be among the history's, or whose key was not read in full.
    possible: Table,
    /// Which fields of keys were not read, over all possible records.
    masks: BTreeSet<u64>,
}

impl History {
    pub(crate) fn new(window: Window) -> Self {
        History { sure: Table::new(window), possible: Table::new(window), masks: BTreeSet::new() }
    }

    /// Is it one over this window?
    pub(crate) fn is_of(&self, window: Window) -> bool {
        let is_of = |table: &Table| match (table, window) {
            (Table::Last { window, .. }, Window::Last(of)) => *window == of.max(1),
            (Table::All(_), Window::All) => true,
            (Table::Last { .. }, Window::All) | (Table::All(_), Window::Last(_)) => false,
        };
        is_of(&self.sure) && is_of(&self.possible)
    }

    /// `value`: what a record must differ in from this one, of a history without a window.
    #[inline]
    pub(crate) fn add(&mut self, keyed: Keyed, certainty: Certainty, at: &impl Came, value: Option<Other>) {
        let valued = matches!(self.sure, Table::Last { .. }) || value.is_some();
        if keyed.unread == 0 && valued && certainty == Certainty::Sure {
            self.sure.add(keyed.key, at, value);
        } else {
            self.masks.insert(keyed.unread);
            self.possible.add(keyed.key, at, value);
        }
    }

    pub(crate) fn merge(&mut self, other: History) {
        self.sure.merge(other.sure);
        self.possible.merge(other.possible);
        self.masks.extend(other.masks);
    }

    /// Has one certainly been seen? More records never turn a yes into a no.
    pub(crate) fn surely(&self, keyed: Keyed, asked: Asked<'_>) -> bool {
        keyed.unread == 0 && self.sure.seen(keyed.key, asked)
    }

    /// Has one been seen, as far as the records added tell? A fact whose own key was not read in full cannot say.
    pub(crate) fn seen(
        &self,
        (keys, by): (Keys, &[usize]),
        fact: &dyn FieldAccess,
        keyed: Keyed,
        asked: Asked<'_>,
    ) -> Truth {
        if keyed.unread != 0 {
            return Truth::Unknown;
        }
        if self.sure.seen(keyed.key, asked) {
            return Truth::True;
        }
        let possibly = self.sure.possibly(keyed.key, asked)
            || self.masks.iter().any(|&mask| {
                let key = if mask == 0 { keyed.key } else { keys.without(by, fact, mask) };
                self.possible.possibly(key, asked)
            });
        if possibly { Truth::Unknown } else { Truth::False }
    }
}
