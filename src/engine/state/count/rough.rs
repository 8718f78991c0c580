//! The first count of a reading that can be repeated: of every key, how many records came in each stretch of time. That
//! is never less than what counts. Which keys may reach the threshold, and when, is told by it; only there every record
//! is counted by itself, in a second reading.
//!
//! Where values count, not records, the values of each second are kept: they are few, however many records have them.

use std::collections::{BTreeMap, BTreeSet};

use super::{First, earlier, windows};
use crate::engine::state::key::{Key, KeyMap};

/// When what counted: a stretch as long as the window, in windows since 1970; where values count, a second and the value.
type Cell = (i64, u64);

/// What came of one key.
#[derive(Debug)]
struct Row<T> {
    /// How many records there were.
    cells: BTreeMap<Cell, u64>,
    /// As in an exact count.
    first: First<T>,
    doubt: First<T>,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Row { cells: BTreeMap::new(), first: None, doubt: None }
    }
}

/// The first count of all keys.
#[derive(Debug)]
pub(super) struct Rough<T> {
    keys: KeyMap<Row<T>>,
    /// Records whose key was not read.
    loose: Row<T>,
}

impl<T> Default for Rough<T> {
    fn default() -> Self {
        Rough { keys: KeyMap::default(), loose: Row::default() }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Seconds.
    pub(super) window: i64,
    pub(super) at_least: u64,
    /// Values, not records.
    pub(super) distinct: bool,
}

impl Rule {
    fn cell(self, time: i64, value: u64) -> Cell {
        if self.distinct { (time, value) } else { (time.div_euclid(self.window.max(1)), 0) }
    }
}

/// What is counted record by record.
#[derive(Debug)]
pub(crate) struct Recount {
    rule: Rule,
    /// By key, the times of cells, and how many records each has.
    keys: KeyMap<BTreeMap<i64, u64>>,
    /// The same of records whose key was not read.
    loose: BTreeMap<i64, u64>,
}

impl Recount {
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.loose.is_empty()
    }

    /// Is a record of that time, whose key is this one, counted again? `None`: its key was not read.
    pub(super) fn has(&self, key: Option<Key>, time: i64) -> bool {
        let (time, _) = self.rule.cell(time, 0);
        match key {
            Some(key) => self.keys.get(&key).is_some_and(|cells| cells.contains_key(&time)),
            None => self.loose.contains_key(&time),
        }
    }

    /// Whether something of that time, both seconds included, is counted again.
    pub(crate) fn touches(&self, (from, to): (i64, i64)) -> bool {
        let (first, last) = (self.rule.cell(from, 0).0, self.rule.cell(to, 0).0);
        let mut all = self.keys.values().chain([&self.loose]);
        first <= last && all.any(|cells| cells.range(first..=last).next().is_some())
    }

    /// How many records of each key lie in these times as far as the first count tells. `None`: of those without one.
    pub(super) fn within(&self, (from, to): (i64, i64)) -> Vec<(Option<Key>, u64)> {
        let (first, last) = (self.rule.cell(from, 0).0, self.rule.cell(to, 0).0);
        let keyed = self.keys.iter().map(|(key, cells)| (Some(*key), cells));
        keyed
            .chain([(None, &self.loose)])
            .filter(|_| first <= last)
            .map(|(key, cells)| (key, cells.range(first..=last).map(|(_, records)| records).sum()))
            .filter(|(_, records)| *records > 0)
            .collect()
    }
}

/// What the first count leaves.
pub(super) struct Sorted<T> {
    pub(super) recount: Recount,
    /// The facts of keys that are counted again; `None`: of records without one.
    pub(super) facts: Vec<(Option<Key>, First<T>, First<T>)>,
    /// Records with a key that nothing can come of.
    pub(super) passed: u64,
    /// Records without one that are not counted again.
    pub(super) loose: u64,
}

impl<T: Clone> Rough<T> {
    /// `possible`: whether the record counts was not read.
    pub(super) fn add(
        &mut self,
        rule: Rule,
        (key, possible): (Option<Key>, bool),
        (time, value): (i64, u64),
        hold: impl FnOnce(&mut First<T>),
    ) {
        let row = match key {
            Some(key) => self.keys.entry(key).or_default(),
            None => &mut self.loose,
        };
        let Row { cells, first, doubt } = row;
        hold(if possible { doubt } else { first });
        *cells.entry(rule.cell(time, value)).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: Rough<T>) {
        if self.keys.is_empty() {
            self.keys = other.keys;
        } else {
            other.keys.into_iter().for_each(|(key, row)| self.keys.entry(key).or_default().merge(row));
        }
        self.loose.merge(other.loose);
    }

    /// Which keys may reach the threshold, and when.
    pub(super) fn sort(self, rule: Rule) -> Sorted<T> {
        let Rough { keys, loose } = self;
        let mut recount = Recount { rule, keys: KeyMap::default(), loose: BTreeMap::new() };
        let mut facts = Vec::new();
        let mut passed = 0;
        let none = BTreeMap::new();
        let mut loose_times = rule.reaching(&none, &loose.cells);
        for (key, row) in keys {
            let times = rule.reaching(&row.cells, &loose.cells);
            let mut again: BTreeMap<i64, u64> = BTreeMap::new();
            for ((time, _), records) in row.cells {
                if times.contains(&time) {
                    *again.entry(time).or_default() += records;
                } else {
                    passed += records;
                }
            }
            if !again.is_empty() {
                recount.keys.insert(key, again);
                facts.push((Some(key), row.first, row.doubt));
            }
            loose_times.extend(times);
        }
        let mut rest = 0;
        let has_loose = !loose.cells.is_empty();
        for ((time, _), records) in loose.cells {
            if loose_times.contains(&time) {
                *recount.loose.entry(time).or_default() += records;
            } else {
                rest += records;
            }
        }
        if has_loose {
            facts.push((None, loose.first, loose.doubt));
        }
        Sorted { recount, facts, passed, loose: rest }
    }
}

impl Rule {
    /// The times of cells in which a window may lie that reaches the threshold.
    fn reaching(self, own: &BTreeMap<Cell, u64>, loose: &BTreeMap<Cell, u64>) -> BTreeSet<i64> {
        let mut times = BTreeSet::new();
        // Most keys have less than that altogether.
        if own.values().chain(loose.values()).sum::<u64>() < self.at_least {
            return times;
        }
        let all = || own.iter().chain(loose);
        if self.distinct {
            let mut marks: Vec<_> = all().map(|((time, value), _)| (*time, Some(*value))).collect();
            marks.sort_unstable();
            let (inside, _) = windows(&marks, self.window, self.at_least);
            let inside = marks.iter().zip(inside).filter(|(_, inside)| *inside);
            times.extend(inside.map(|((time, _), _)| *time));
            return times;
        }
        // A window touches two neighbouring stretches at most.
        let mut sums: BTreeMap<i64, u64> = BTreeMap::new();
        all().for_each(|((time, _), records)| *sums.entry(*time).or_default() += records);
        for (&time, &records) in &sums {
            let next = time.saturating_add(1);
            let both = records + sums.get(&next).copied().unwrap_or_default();
            if both >= self.at_least {
                times.extend([time, next]);
            }
        }
        times
    }
}

impl<T> Row<T> {
    fn merge(&mut self, other: Row<T>) {
        let Row { cells, first, doubt } = other;
        if self.cells.is_empty() {
            self.cells = cells;
        } else {
            cells.into_iter().for_each(|(cell, more)| *self.cells.entry(cell).or_default() += more);
        }
        earlier(&mut self.first, first);
        earlier(&mut self.doubt, doubt);
    }
}
