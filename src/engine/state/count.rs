//! The table behind `count`: of every key the moments of its records, each with the value that counts. Adding and
//! merging are unions.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use hashbrown::hash_map::Entry as KeyEntry;
use serde::{Deserialize, Serialize};

use super::key::{Key, KeyMap, Moment};
use crate::facts::plain;

/// What one record adds to a count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// A hash of the distinct value; of the moment where records are counted.
    value: u64,
    /// Where it stands: file and offset.
    #[serde(with = "plain::place")]
    pub(crate) place: (Arc<str>, u64),
}

impl Mark {
    /// A record that counts by itself.
    pub(crate) fn record(moment: &Moment, place: (Arc<str>, u64)) -> Self {
        Mark { value: hash(moment), place }
    }

    /// A record that counts by a value: two with the same count once.
    pub(crate) fn value(value: &str, place: (Arc<str>, u64)) -> Self {
        Mark { value: hash(&value), place }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

type Marks = BTreeMap<Moment, Mark>;

/// The records of one key.
#[derive(Debug, Serialize, Deserialize)]
struct Counted<T> {
    #[serde(deserialize_with = "plain::sorted")]
    sure: Marks,
    #[serde(deserialize_with = "plain::sorted")]
    possible: Marks,
    /// The facts of the earliest sure and of the earliest possible record.
    first: First<T>,
    doubt: First<T>,
}

type First<T> = Option<(Moment, T)>;

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Counted { sure: Marks::new(), possible: Marks::new(), first: None, doubt: None }
    }
}

/// The counts of all keys.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counts<T> {
    keys: KeyMap<Counted<T>>,
    /// Records whose key was not read: they may belong to any.
    loose: Option<Counted<T>>,
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Counts { keys: KeyMap::default(), loose: None }
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
    /// The rest.
    pub(crate) passed: u64,
}

impl<T: Clone> Counts<T> {
    /// `None`: the key was not read. `possible`: whether the record counts was not read.
    pub(crate) fn add(
        &mut self,
        key: Option<Key>,
        possible: bool,
        (moment, mark): (Moment, Mark),
        hold: impl FnOnce() -> T,
    ) {
        let possible = possible || key.is_none();
        let counted = match key {
            Some(key) => self.keys.entry(key).or_default(),
            None => self.loose.get_or_insert_default(),
        };
        let Counted { sure, possible: maybe, first, doubt } = counted;
        let (marks, held) = if possible { (maybe, doubt) } else { (sure, first) };
        if held.as_ref().is_none_or(|(known, _)| moment < *known) {
            *held = Some((moment.clone(), hold()));
        }
        put(marks, moment, mark);
    }

    pub(crate) fn merge(&mut self, other: Counts<T>) {
        if self.keys.is_empty() {
            self.keys = other.keys;
        } else {
            for (key, counted) in other.keys {
                match self.keys.entry(key) {
                    KeyEntry::Occupied(mut entry) => entry.get_mut().merge(counted),
                    KeyEntry::Vacant(entry) => {
                        entry.insert(counted);
                    }
                }
            }
        }
        match (&mut self.loose, other.loose) {
            (Some(counted), Some(more)) => counted.merge(more),
            (empty @ None, more) => *empty = more,
            (Some(_), None) => {}
        }
    }

    /// Judges every key: does any window (t − w, t] hold `at_least`? In order of the earliest record.
    pub(crate) fn settle(self, window: i64, at_least: u64) -> Vec<Total<T>> {
        let none = Marks::new();
        let loose = self.loose.as_ref().map_or(&none, |counted| &counted.possible);
        // Records without a key matter if they could lift some key, or each other, over the threshold.
        let mut loose_matters = loose.len() as u64 >= at_least && {
            let (inside, _) =
                windows(loose.iter().map(|(moment, mark)| (moment, mark, true)), window, at_least);
            inside.contains(&true)
        };
        let mut totals = Vec::new();
        for counted in self.keys.into_values() {
            let Counted { sure, possible, first, doubt } = counted;
            let (inside, most) =
                windows(sure.iter().map(|(moment, mark)| (moment, mark, false)), window, at_least);
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
                let (could, _) = windows(all.iter().copied(), window, at_least);
                for ((.., standing), could) in all.iter().zip(could) {
                    if could && *standing == Standing::Open {
                        unknown += 1;
                    }
                    loose_matters |= could && *standing == Standing::Loose;
                }
            }
            let records = (sure.len() + possible.len()) as u64;
            let reached: Vec<(Moment, Mark)> =
                sure.into_iter().zip(inside).filter(|(_, fired)| *fired).map(|(one, _)| one).collect();
            let passed = records - unknown - reached.len() as u64;
            let at = [&first, &doubt].into_iter().flatten().map(|(moment, _)| moment.clone()).min();
            let held = first.map(|(_, held)| held);
            let doubt = doubt.or_else(|| self.loose.as_ref()?.doubt.clone()).map(|(_, held)| held);
            totals.push((at, Total { held, doubt, reached, most, unknown, passed }));
        }
        if let Some(Counted { possible, doubt, .. }) = self.loose {
            let records = possible.len() as u64;
            let (unknown, passed) = if loose_matters { (records, 0) } else { (0, records) };
            let at = doubt.as_ref().map(|(moment, _)| moment.clone());
            let doubt = doubt.map(|(_, held)| held);
            totals.push((at, Total { held: None, doubt, reached: Vec::new(), most: 0, unknown, passed }));
        }
        totals.sort_by(|(a, _), (b, _)| a.cmp(b));
        totals.into_iter().map(|(_, total)| total).collect()
    }
}

impl<T> Counted<T> {
    fn merge(&mut self, other: Counted<T>) {
        other.sure.into_iter().for_each(|(moment, mark)| put(&mut self.sure, moment, mark));
        other.possible.into_iter().for_each(|(moment, mark)| put(&mut self.possible, moment, mark));
        earlier(&mut self.first, other.first);
        earlier(&mut self.doubt, other.doubt);
    }
}

fn earlier<T>(known: &mut First<T>, other: First<T>) {
    if let Some((moment, _)) = &other
        && known.as_ref().is_none_or(|(first, _)| moment < first)
    {
        *known = other;
    }
}

/// Of two deliveries of one event the first by place is kept.
fn put(marks: &mut Marks, moment: Moment, mark: Mark) {
    let known = marks.entry(moment).or_insert_with(|| mark.clone());
    if mark < *known {
        *known = mark;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fired,
    Open,
    Loose,
}

/// Which of these records, in order of time, are in a window that holds `at_least` different values, and the most that
/// a window holds.
fn windows<'m, S>(
    marks: impl Iterator<Item = (&'m Moment, &'m Mark, S)>,
    window: i64,
    at_least: u64,
) -> (Vec<bool>, u64) {
    let marks: Vec<(i64, u64)> = marks.map(|(moment, mark, _)| (moment.time, mark.value)).collect();
    let mut inside = vec![false; marks.len()];
    let mut most = 0;
    let mut values: HashMap<u64, u64> = HashMap::new();
    let (mut from, mut fired) = (0, 0);
    for (at, &(time, value)) in marks.iter().enumerate() {
        *values.entry(value).or_default() += 1;
        while let Some(&(_, gone)) = marks.get(from).filter(|(old, _)| *old <= time.saturating_sub(window)) {
            if let Entry::Occupied(mut entry) = values.entry(gone) {
                *entry.get_mut() -= 1;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
            from += 1;
        }
        let held = values.len() as u64;
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
