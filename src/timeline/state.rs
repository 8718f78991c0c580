//! A line at one moment: what is known of each key, and since when.

use std::collections::BTreeMap;

use super::{Act, Keys, Slot};
use crate::value::{Reading, Why};

/// What a line holds. `since` is the time up to which it was last told: what happened after it was read may be
/// missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    keys: BTreeMap<Box<str>, Told>,
    /// Every other key.
    rest: Told,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    value: Reading<Box<str>>,
    since: i64,
}

impl State {
    /// Nothing was read of it yet.
    pub(super) fn unread() -> Self {
        State { keys: BTreeMap::new(), rest: Told { value: Reading::Unread(Why::HistoryGap), since: 0 } }
    }

    /// What a snapshot shows.
    pub(super) fn read(keys: &Keys, since: i64) -> Self {
        let mut state = State::unread();
        state.apply(&Act::Replace(keys.clone()), since);
        state
    }

    pub(super) fn apply(&mut self, act: &Act, time: i64) {
        let told = |slot: &Slot| Told {
            value: match slot {
                Slot::Known(value) => Reading::Known(value.clone()),
                Slot::Absent => Reading::Absent,
                Slot::Unread => Reading::Unread(Why::NotInRecord),
            },
            since: time,
        };
        match act {
            Act::Replace(keys) => {
                self.keys = keys.iter().map(|(key, slot)| (key.clone(), told(slot))).collect();
                self.rest = Told { value: Reading::Absent, since: time };
            }
            Act::Set(keys) => {
                self.keys.extend(keys.iter().map(|(key, slot)| (key.clone(), told(slot))));
            }
            Act::Added => {
                let all = self.keys.values_mut().chain([&mut self.rest]);
                for told in all.filter(|told| told.value == Reading::Absent) {
                    told.value = Reading::Unread(Why::NotInRecord);
                }
            }
            Act::Unread => {
                self.keys.clear();
                self.rest = Told { value: Reading::Unread(Why::NotInRecord), since: time };
            }
        }
    }

    /// Nothing is known any more of what was told before something that was not read: `missing` says whether there
    /// was such a thing between a time and the moment of this state.
    pub(super) fn forget(&mut self, missing: impl Fn(i64) -> bool) {
        for told in self.keys.values_mut().chain([&mut self.rest]) {
            if missing(told.since) {
                told.value = Reading::Unread(Why::HistoryGap);
            }
        }
    }

    /// What stands under a key.
    pub fn get(&self, key: &str) -> Reading<&str> {
        match &self.keys.get(key).unwrap_or(&self.rest).value {
            Reading::Known(value) => Reading::Known(value),
            Reading::Absent => Reading::Absent,
            Reading::Unread(why) => Reading::Unread(*why),
        }
    }

    /// Every key whose value is known, with the time up to which it was told.
    pub(super) fn known(&self) -> impl Iterator<Item = (&str, &str, i64)> {
        self.keys.iter().filter_map(|(key, told)| match &told.value {
            Reading::Known(value) => Some((&**key, &**value, told.since)),
            Reading::Absent | Reading::Unread(_) => None,
        })
    }
}
