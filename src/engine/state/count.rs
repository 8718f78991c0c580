//! The table behind `count`: of every key the moments of its records, each with the value that counts. Adding and
//! merging are unions. Where all can be read twice, the first reading only tells where that is to be kept ([`rough`]).

mod marks;
mod rough;

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key::{Key, KeyMap};
use crate::facts::plain;
use crate::moment::Moment;
use crate::policy::program::Counting;
use marks::{Files, Marks};
pub(crate) use rough::Recount;
use rough::{Rough, Rule, Sorted};

/// What one record adds to a count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// A hash of the distinct value; `None`: the record counts by itself.
    value: Option<u64>,
    /// Where it stands: file and offset.
    #[serde(with = "plain::place")]
    pub(crate) place: (Arc<str>, u64),
}

impl Mark {
    /// Two with the same count once.
    fn counts_by(&self, moment: &Moment) -> u64 {
        self.value.unwrap_or_else(|| hash(moment))
    }
}

/// A record that counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One<'r> {
    /// `None`: its key was not read.
    pub(crate) key: Option<Key>,
    /// Whether it counts was not read.
    pub(crate) possible: bool,
    pub(crate) moment: &'r Moment,
    /// A hash of the value that counts; `None`: the record counts by itself.
    pub(crate) value: Option<u64>,
    pub(crate) place: (&'r Arc<str>, u64),
}

impl One<'_> {
    fn mark(&self) -> Mark {
        let (file, offset) = self.place;
        Mark { value: self.value, place: (Arc::clone(file), offset) }
    }
}

/// By which records count that have the same value: two with the same count once.
pub(crate) fn value(text: &str) -> u64 {
    hash(&text)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The records of one key.
#[derive(Debug, Serialize, Deserialize)]
struct Counted<T> {
    sure: Marks,
    possible: Marks,
    /// The facts of the earliest sure and of the earliest possible record.
    first: First<T>,
    doubt: First<T>,
}

type First<T> = Option<(Moment, T)>;

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Counted { sure: Marks::default(), possible: Marks::default(), first: None, doubt: None }
    }
}

/// The counts of all keys.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counts<T> {
    /// Of the records that are counted by themselves.
    files: Files,
    keys: KeyMap<Counted<T>>,
    /// Records whose key was not read: they may belong to any.
    loose: Option<Counted<T>>,
    #[serde(skip, default = "Rough::default")]
    rough: Rough<T>,
    #[serde(skip)]
    left: Left,
}

/// What of a first count was not counted again.
#[derive(Debug, Default)]
struct Left {
    /// Nothing can come of these.
    passed: u64,
    /// The same of records without a key, if nothing comes of others.
    loose: u64,
    /// By key, records that could not be read again.
    lost: HashMap<Option<Key>, u64>,
}

impl Left {
    fn merge(&mut self, other: Left) {
        self.passed += other.passed;
        self.loose += other.loose;
        other.lost.into_iter().for_each(|(key, records)| *self.lost.entry(key).or_default() += records);
    }
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Counts {
            files: Files::default(),
            keys: KeyMap::default(),
            loose: None,
            rough: Rough::default(),
            left: Left::default(),
        }
    }
}

/// How the records of one key came out.
#[derive(Debug)]
pub(crate) struct Total<T> {
    /// The earliest record's fact; `None`: no record certainly counts.
    pub(crate) held: Option<T>,
    /// The fact of a record that may count.
    pub(crate) doubt: Option<T>,
    /// The records in windows that reach the threshold, in order.
    pub(crate) reached: Vec<(Moment, Mark)>,
    /// The most that one window holds.
    pub(crate) most: u64,
    /// Records that would be in such a window if those that could not be judged counted.
    pub(crate) unknown: u64,
    /// Records that could not be counted again, and might reach the threshold with others.
    pub(crate) lost: u64,
    /// The rest.
    pub(crate) passed: u64,
}

/// What is counted, and how.
fn rule(count: &Counting) -> Rule {
    Rule { window: count.window, at_least: count.at_least, distinct: count.distinct.is_some() }
}

impl<T: Clone> Counts<T> {
    /// Counts a record by itself.
    pub(crate) fn add(&mut self, one: &One<'_>, hold: impl FnOnce() -> T) {
        let possible = one.possible || one.key.is_none();
        let counted = match one.key {
            Some(key) => self.keys.entry(key).or_default(),
            None => self.loose.get_or_insert_default(),
        };
        let Counted { sure, possible: maybe, first, doubt } = counted;
        let (marks, held) = if possible { (maybe, doubt) } else { (sure, first) };
        keep_first(held, one.moment, hold);
        marks.add(one.moment.clone(), one.mark(), &mut self.files);
    }

    /// Counts a record of which one is enough to know whether it is to be counted by itself.
    pub(crate) fn add_roughly(&mut self, count: &Counting, one: &One<'_>, hold: impl FnOnce() -> T) {
        let rule = rule(count);
        let value = match one.value {
            Some(value) => value,
            None if rule.distinct => hash(one.moment),
            None => 0,
        };
        let possible = one.possible || one.key.is_none();
        self.rough.add(rule, (one.key, possible), (one.moment.time, value), |held| {
            keep_first(held, one.moment, hold);
        });
    }

    /// Which records are to be counted by themselves, now that all were counted roughly.
    pub(crate) fn recount(&mut self, count: &Counting) -> Recount {
        let Sorted { recount, facts, passed, loose } = std::mem::take(&mut self.rough).sort(rule(count));
        self.left.passed += passed;
        self.left.loose += loose;
        for (key, first, doubt) in facts {
            let counted = match key {
                Some(key) => self.keys.entry(key).or_default(),
                None => self.loose.get_or_insert_default(),
            };
            earlier(&mut counted.first, first);
            earlier(&mut counted.doubt, doubt);
        }
        recount
    }

    /// Counts a record by itself if it is one of those.
    pub(crate) fn add_again(&mut self, recount: &Recount, one: &One<'_>, hold: impl FnOnce() -> T) {
        if recount.has(one.key, one.moment.time) {
            self.add(one, hold);
        }
    }

    /// What was to be counted again of these times could not be read.
    pub(crate) fn give_up(&mut self, recount: &Recount, times: (i64, i64)) {
        for (key, records) in recount.within(times) {
            *self.left.lost.entry(key).or_default() += records;
        }
    }

    pub(crate) fn merge(&mut self, other: Counts<T>) {
        let Counts { files, keys, loose, rough, left } = other;
        self.rough.merge(rough);
        self.left.merge(left);
        let by = self.files.append(files);
        for (key, counted) in keys {
            self.keys.entry(key).or_default().merge(counted, by, &self.files);
        }
        if let Some(more) = loose {
            self.loose.get_or_insert_default().merge(more, by, &self.files);
        }
    }

    /// Judges every key: does any window (t − w, t] hold `at_least`? Gives them in order of the earliest record.
    pub(crate) fn settle(self, window: i64, at_least: u64, mut each: impl FnMut(Total<T>)) {
        let Counts { files, keys, loose: unkeyed, rough: _, left } = self;
        let lost = |key: Option<Key>| left.lost.get(&key).copied().unwrap_or_default();
        let unkeyed = unkeyed.map(|Counted { possible, doubt, .. }| {
            (possible.added() + left.loose, possible.in_order(&files), doubt)
        });
        let loose = unkeyed.as_ref().map_or(&[][..], |(_, loose, _)| loose);
        // Records without a key matter if they could lift some key, or each other, over the threshold.
        let mut loose_matters = lost(None) > 0 || {
            loose.len() as u64 >= at_least && windows(&values(loose), window, at_least).0.contains(&true)
        };
        let mut keys: Vec<(Key, Counted<T>)> = keys.into_iter().collect();
        keys.sort_by(|(a, one), (b, other)| (one.earliest(), a).cmp(&(other.earliest(), b)));
        // One after the other: the records of a key take more space in order.
        for (key, counted) in keys {
            let Counted { sure, possible, first, doubt } = counted;
            // Copies pass: what they are was told already.
            let records = sure.added() + possible.added();
            let (mut sure, possible) = (sure.in_order(&files), possible.in_order(&files));
            let (inside, most) = windows(&values(&sure), window, at_least);
            let mut unknown = 0;
            if possible.len() + loose.len() > 0
                && (sure.len() + possible.len() + loose.len()) as u64 >= at_least
            {
                let sure_marks = sure.iter().zip(&inside).map(|((moment, mark), fired)| {
                    (moment, mark, if *fired { Standing::Fired } else { Standing::Open })
                });
                let mut all: Vec<(&Moment, &Mark, Standing)> = sure_marks
                    .chain(possible.iter().map(|(moment, mark)| (moment, mark, Standing::Open)))
                    .chain(loose.iter().map(|(moment, mark)| (moment, mark, Standing::Loose)))
                    .collect();
                all.sort_by_key(|(moment, ..)| *moment);
                // The same record may be among those that count and those that may.
                let marks: Vec<_> =
                    all.iter().map(|(moment, mark, _)| (moment.time, Some(mark.counts_by(moment)))).collect();
                let (could, _) = windows(&marks, window, at_least);
                for ((.., standing), could) in all.iter().zip(could) {
                    if could && *standing == Standing::Open {
                        unknown += 1;
                    }
                    loose_matters |= could && *standing == Standing::Loose;
                }
            }
            let mut inside = inside.into_iter();
            sure.retain(|_| inside.next() == Some(true));
            let reached = sure;
            let passed = records.saturating_sub(unknown + reached.len() as u64);
            let lost = lost(Some(key));
            let held = first.map(|(_, held)| held);
            let doubt = doubt.or_else(|| unkeyed.as_ref()?.2.clone()).map(|(_, held)| held);
            each(Total { held, doubt, reached, most, unknown, lost, passed });
        }
        let nothing = || Total {
            held: None,
            doubt: None,
            reached: Vec::new(),
            most: 0,
            unknown: 0,
            lost: 0,
            passed: left.passed,
        };
        if let Some((records, _, doubt)) = unkeyed {
            let (unknown, passed) = if loose_matters { (records, 0) } else { (0, records) };
            let doubt = doubt.map(|(_, held)| held);
            each(Total { doubt, unknown, lost: lost(None), passed, ..nothing() });
        }
        if left.passed > 0 {
            each(nothing());
        }
    }
}

impl<T> Counted<T> {
    /// When its earliest record came.
    fn earliest(&self) -> Option<&Moment> {
        [&self.first, &self.doubt].into_iter().flatten().map(|(moment, _)| moment).min()
    }

    /// `by`: by how much the other's files have greater numbers now.
    fn merge(&mut self, other: Counted<T>, by: u32, files: &Files) {
        self.sure.merge(other.sure, by, files);
        self.possible.merge(other.possible, by, files);
        earlier(&mut self.first, other.first);
        earlier(&mut self.doubt, other.doubt);
    }
}

/// When records came, of which none is another one's copy, and what they count by.
fn values(marks: &[(Moment, Mark)]) -> Vec<(i64, Option<u64>)> {
    marks.iter().map(|(moment, mark)| (moment.time, mark.value)).collect()
}

/// Holds the fact of a record that is earlier than the one that is held.
fn keep_first<T>(held: &mut First<T>, moment: &Moment, hold: impl FnOnce() -> T) {
    if held.as_ref().is_none_or(|(known, _)| moment < known) {
        *held = Some((moment.clone(), hold()));
    }
}

fn earlier<T>(known: &mut First<T>, other: First<T>) {
    if let Some((moment, _)) = &other
        && known.as_ref().is_none_or(|(first, _)| moment < first)
    {
        *known = other;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fired,
    Open,
    Loose,
}

/// Which of these records, in order of time, each with its value, are in a window that holds `at_least` different values,
/// and the most that a window holds. `None`: another value than all others.
fn windows(marks: &[(i64, Option<u64>)], window: i64, at_least: u64) -> (Vec<bool>, u64) {
    let mut inside = vec![false; marks.len()];
    let mut most = 0;
    let mut values: HashMap<u64, u64> = HashMap::new();
    let (mut from, mut fired, mut alone) = (0, 0, 0);
    for (at, &(time, value)) in marks.iter().enumerate() {
        match value {
            Some(value) => *values.entry(value).or_default() += 1,
            None => alone += 1,
        }
        while let Some(&(_, gone)) = marks.get(from).filter(|(old, _)| *old <= time.saturating_sub(window)) {
            match gone.map(|gone| values.entry(gone)) {
                Some(Entry::Occupied(mut entry)) => {
                    *entry.get_mut() -= 1;
                    if *entry.get() == 0 {
                        entry.remove();
                    }
                }
                Some(Entry::Vacant(_)) => {}
                None => alone -= 1,
            }
            from += 1;
        }
        let held = values.len() as u64 + alone;
        most = most.max(held);
        // A window holds all records of its last second.
        if held >= at_least {
            let end = at + marks.iter().skip(at).take_while(|(later, _)| *later == time).count();
            let begin = from.max(fired);
            inside.iter_mut().take(end).skip(begin).for_each(|one| *one = true);
            fired = fired.max(end);
        }
    }
    (inside, most)
}
