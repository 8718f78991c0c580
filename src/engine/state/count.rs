//! The table behind `count`: of every key the moments of its records, each with the value that counts. Adding and
//! merging are unions.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::key::{Key, Moment};

/// What one record adds to a count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    /// A hash of the distinct value; of the moment where records are counted.
    value: u64,
    /// Where it stands: file and offset.
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
#[derive(Debug)]
struct Counted<T> {
    sure: Marks,
    possible: Marks,
    /// The earliest record's fact, the sure ones before the possible ones.
    held: (Rank, T),
}

type Rank = (bool, Moment);

/// The counts of all keys.
#[derive(Debug)]
pub(crate) struct Counts<T> {
    keys: HashMap<Key, Counted<T>>,
    /// Records whose key was not read: they may belong to any.
    loose: Option<Counted<T>>,
}

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Counts { keys: HashMap::new(), loose: None }
    }
}

/// How the records of one key came out.
#[derive(Debug)]
pub(crate) struct Total<T> {
    /// The earliest record's fact.
    pub(crate) held: T,
    /// The records in windows that reach the threshold, in order.
    pub(crate) reached: Vec<(Moment, Mark)>,
    /// The most that one window holds.
    pub(crate) most: u64,
    /// Records that would be in such a window if those that could not be judged counted.
    pub(crate) unknown: u64,
    /// The rest.
    pub(crate) passed: u64,
}

impl<T> Counts<T> {
    /// `None`: the key was not read. `possible`: whether the record counts was not read.
    pub(crate) fn add(
        &mut self,
        key: Option<Key>,
        possible: bool,
        (moment, mark): (Moment, Mark),
        hold: impl FnOnce() -> T,
    ) {
        let possible = possible || key.is_none();
        let rank = (possible, moment.clone());
        let counted = match key {
            Some(key) => match self.keys.entry(key) {
                Entry::Occupied(entry) => Ok(entry.into_mut()),
                Entry::Vacant(entry) => Err(Room::Key(entry)),
            },
            None => match &mut self.loose {
                Some(counted) => Ok(counted),
                empty => Err(Room::Loose(empty)),
            },
        };
        match counted {
            Ok(counted) => {
                if rank < counted.held.0 {
                    counted.held = (rank, hold());
                }
                put(if possible { &mut counted.possible } else { &mut counted.sure }, moment, mark);
            }
            Err(room) => {
                let one = Marks::from([(moment, mark)]);
                let (sure, possible) = if possible { (Marks::new(), one) } else { (one, Marks::new()) };
                room.fill(Counted { sure, possible, held: (rank, hold()) });
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Counts<T>) {
        for (key, counted) in other.keys {
            match self.keys.entry(key) {
                Entry::Occupied(mut entry) => entry.get_mut().merge(counted),
                Entry::Vacant(entry) => {
                    entry.insert(counted);
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
            let Counted { sure, possible, held } = counted;
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
            totals.push((held.0, Total { held: held.1, reached, most, unknown, passed }));
        }
        if let Some(Counted { possible, held, .. }) = self.loose {
            let records = possible.len() as u64;
            let (unknown, passed) = if loose_matters { (records, 0) } else { (0, records) };
            totals.push((held.0, Total { held: held.1, reached: Vec::new(), most: 0, unknown, passed }));
        }
        totals.sort_by(|(a, _), (b, _)| a.cmp(b));
        totals.into_iter().map(|(_, total)| total).collect()
    }
}

/// Where a new key's records go.
enum Room<'c, T> {
    Key(std::collections::hash_map::VacantEntry<'c, Key, Counted<T>>),
    Loose(&'c mut Option<Counted<T>>),
}

impl<T> Room<'_, T> {
    fn fill(self, counted: Counted<T>) {
        match self {
            Room::Key(entry) => {
                entry.insert(counted);
            }
            Room::Loose(slot) => *slot = Some(counted),
        }
    }
}

impl<T> Counted<T> {
    fn merge(&mut self, other: Counted<T>) {
        other.sure.into_iter().for_each(|(moment, mark)| put(&mut self.sure, moment, mark));
        other.possible.into_iter().for_each(|(moment, mark)| put(&mut self.possible, moment, mark));
        if other.held.0 < self.held.0 {
            self.held = other.held;
        }
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
