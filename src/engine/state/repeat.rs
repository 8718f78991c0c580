//! What `repeat` leaves out: a record that fails again, too short a time after one with the same key was reported at
//! least as grave. Records come in order of time and eventID, when all have been read.

use std::collections::BTreeMap;

use super::key::{Key, KeyMap};
use crate::moment::Moment;
use crate::policy::Severity;
use crate::policy::judge::Certain;

/// How grave a record is told to be. One whose level is certain is graver than one that is so at most.
pub(super) type Told = ((Severity, u8), bool);

pub(super) fn told(rank: (Severity, u8), certain: Certain) -> Told {
    (rank, certain == Certain::Yes)
}

/// What was reported of one key.
#[derive(Debug)]
struct Reported {
    /// The last time of each grade.
    last: BTreeMap<Told, i64>,
    /// The record before, and whether it was reported: another delivery of it has the same answer.
    before: (Moment, bool),
}

/// What was reported of every key.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Seconds.
    every: i64,
    keys: KeyMap<Reported>,
}

impl Repeats {
    pub(super) fn new(every: i64) -> Self {
        Repeats { every, keys: KeyMap::default() }
    }

    /// Is the next record, in order, to be reported? `None`: its key was not read; it is, and silences no other.
    pub(super) fn report(&mut self, key: Option<Key>, moment: &Moment, told: Told) -> bool {
        let Some(key) = key else { return true };
        let Some(known) = self.keys.get_mut(&key) else {
            let last = BTreeMap::from([(told, moment.time)]);
            self.keys.insert(key, Reported { last, before: (moment.clone(), true) });
            return true;
        };
        if known.before.0 == *moment {
            return known.before.1;
        }
        let after = moment.time.saturating_sub(self.every);
        let report = known.last.range(told..).all(|(_, last)| *last <= after);
        if report {
            known.last.insert(told, moment.time);
        }
        known.before = (moment.clone(), report);
        report
    }
}
