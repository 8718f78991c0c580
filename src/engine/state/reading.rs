//! What was read of the past: since when, and what is known to be missing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What trails record separately, and may record from different days on.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventClass {
    Management,
    Data,
    NetworkActivity,
}

/// A stretch of an account's records that is known not to have been read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hole {
    pub account: String,
    /// Seconds since 1970 UTC, both included.
    pub from: i64,
    pub to: i64,
}

/// From when to when the records of each account and class were read, and the holes between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Earliest and latest record.
    intervals: BTreeMap<String, BTreeMap<EventClass, (i64, i64)>>,
    holes: Vec<Hole>,
}

impl Reading {
    /// A record was read.
    pub fn record(&mut self, account: &str, class: EventClass, time: i64) {
        self.interval(account, class, (time, time));
    }

    fn interval(&mut self, account: &str, class: EventClass, (first, last): (i64, i64)) {
        if !self.intervals.contains_key(account) {
            self.intervals.insert(account.to_owned(), BTreeMap::new());
        }
        if let Some(classes) = self.intervals.get_mut(account) {
            let known = classes.entry(class).or_insert((first, last));
            *known = (known.0.min(first), known.1.max(last));
        }
    }

    pub fn hole(&mut self, hole: Hole) {
        self.holes.push(hole);
    }

    pub fn merge(&mut self, other: Reading) {
        for (account, classes) in other.intervals {
            for (class, interval) in classes {
                self.interval(&account, class, interval);
            }
        }
        self.holes.extend(other.holes);
    }

    /// The earliest record of that account and class.
    pub(crate) fn since(&self, account: &str, class: EventClass) -> Option<i64> {
        Some(self.intervals.get(account)?.get(&class)?.0)
    }

    /// The latest record of the account.
    pub(crate) fn until(&self, account: &str) -> Option<i64> {
        self.intervals.get(account)?.values().map(|(_, last)| *last).max()
    }

    /// Is something missing of these seconds (both included)? `None`: of any account.
    pub(crate) fn has_hole(&self, account: Option<&str>, from: i64, to: i64) -> bool {
        self.holes.iter().any(|hole| {
            account.is_none_or(|account| hole.account == account) && hole.from <= to && hole.to >= from
        })
    }
}
