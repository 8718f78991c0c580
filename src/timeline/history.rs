//! Answers from the whole timeline: what stood before a record, and what became of what it made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::{Act, Base, ChangeStatus, Effect, Facet, Line, Moment, Slot, State, Timeline, Trace, Want};
use crate::arn;
use crate::value::Reading;

/// Everything that was read of changes, and what is known to be missing.
pub struct History<'h> {
    timeline: &'h Timeline,
    base: Option<&'h Base>,
    /// Is something missing of the account's records between these seconds (both included)? `None`: any account.
    missing: &'h dyn Fn(Option<&str>, i64, i64) -> bool,
    /// The effects on lines that were asked about: one is asked about again and again.
    lines: RefCell<BTreeMap<Line, Rc<[&'h Effect]>>>,
}

/// What became of a change, and the record that decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub status: ChangeStatus,
    /// The record that undid it, or may have; `None` where no record that was read did.
    pub by: Option<Moment>,
}

impl Standing {
    fn key(&self) -> (u8, &Option<Moment>) {
        (self.status.rank(), &self.by)
    }

    /// Of two changes that show the same finding.
    #[must_use]
    pub fn or(self, other: Standing) -> Standing {
        if other.key() > self.key() { other } else { self }
    }

    /// Of two values that both have to stand.
    #[must_use]
    fn and(self, other: Standing) -> Standing {
        if other.key() < self.key() { other } else { self }
    }
}

/// From when on a line is followed.
#[derive(Debug, Clone, Copy)]
pub enum Since<'m> {
    /// What this record made.
    Record(&'m Moment),
    /// What the snapshot shows.
    Snapshot,
}

impl<'h> History<'h> {
    pub fn new(
        timeline: &'h Timeline,
        base: Option<&'h Base>,
        missing: &'h dyn Fn(Option<&str>, i64, i64) -> bool,
    ) -> Self {
        History { timeline, base, missing, lines: RefCell::default() }
    }

    /// The effects on a line, in order.
    fn on(&self, line: &Line) -> Rc<[&'h Effect]> {
        let mut lines = self.lines.borrow_mut();
        if let Some(known) = lines.get(line) {
            return Rc::clone(known);
        }
        let effects: Rc<[&'h Effect]> = self.timeline.on(line).into();
        lines.insert(line.clone(), Rc::clone(&effects));
        effects
    }

    /// The line just before a record, or with the record's own effects.
    pub fn state(&self, line: &Line, moment: &Moment, with_own: bool) -> State {
        let mut state = State::unread();
        let mut from = i64::MIN;
        // A snapshot whose collection had not ended may show the change itself.
        if let Some(base) = self.base.filter(|base| base.to < moment.time)
            && let Some(keys) = base.line(line)
        {
            state = State::read(keys, base.from);
            from = base.from;
        }
        let effects = self.on(line);
        let is_told = |effect: &&Effect| effect.moment < *moment || (with_own && effect.moment == *moment);
        let mut told = effects.get(..effects.partition_point(is_told)).unwrap_or_default();
        told = told.get(told.partition_point(|effect| effect.moment.time < from)..).unwrap_or_default();
        // What came before one that tells of the whole line tells nothing of it any more: a line may be long, and be asked
        // about at each of its places.
        let whole = told.iter().rposition(|effect| matches!(effect.act(), Act::Replace(_) | Act::Unread));
        for effect in told.get(whole.unwrap_or(0)..).unwrap_or_default() {
            if effect.moment == *moment {
                // Its own effects come after whatever was not read.
                self.forget(&mut state, line, moment);
            }
            state.apply(effect.act(), effect.moment.time);
        }
        if !with_own {
            self.forget(&mut state, line, moment);
        }
        state
    }

    /// Does the record itself say something of the key, if not what?
    pub fn sets(&self, line: &Line, moment: &Moment, key: &str) -> bool {
        let own = |effect: &&Effect| effect.moment == *moment;
        self.on(line).iter().copied().filter(own).any(|effect| match effect.act() {
            Act::Set(keys) => keys.iter().any(|(set, _)| **set == *key),
            Act::Replace(_) | Act::Added | Act::Unread => true,
        })
    }

    fn forget(&self, state: &mut State, line: &Line, moment: &Moment) {
        let account = arn::account(&line.subject);
        state.forget(|since| (self.missing)(account, since, moment.time));
    }

    /// What became of what a finding rests on.
    pub fn standing(&self, trace: &Trace, since: Since<'_>) -> Standing {
        let effects = self.on(&trace.line);
        let one = |want: &Want| self.follow(&trace.line, want, since, &effects);
        let standings = trace.wants.iter().map(one);
        standings.reduce(Standing::and).unwrap_or(Standing { status: ChangeStatus::Unconfirmed, by: None })
    }

    fn follow(&self, line: &Line, want: &Want, since: Since<'_>, effects: &[&Effect]) -> Standing {
        let mut walk = Walk::new(line.facet, want);
        let mut base = self.base;
        let from = match since {
            Since::Snapshot => {
                let Some(base) = base else {
                    return Standing { status: ChangeStatus::Live, by: None };
                };
                // It shows what the finding is about, also where what it shows is not kept.
                walk.sure.insert(want.key.clone().unwrap_or_default(), base.from);
                base.from
            }
            Since::Record(moment) => {
                let before = self.state(line, moment, false);
                walk.begin(&before);
                base = base.filter(|base| base.from > moment.time);
                moment.time
            }
        };
        for effect in effects {
            let own = match since {
                Since::Record(moment) if effect.moment < *moment => continue,
                Since::Record(moment) => effect.moment == *moment,
                Since::Snapshot => false,
            };
            if effect.moment.time < from {
                continue;
            }
            if let Some(shown) = base.take_if(|base| base.from <= effect.moment.time)
                && let Some(keys) = shown.line(line)
            {
                walk.see(keys, shown.from);
            }
            walk.step(effect, own);
        }
        if let Some(shown) = base
            && let Some(keys) = shown.line(line)
        {
            walk.see(keys, shown.from);
        }
        let account = arn::account(&line.subject);
        walk.end(|told| (self.missing)(account, told, i64::MAX))
    }
}

/// Where a wanted value stands while effects pass by.
struct Walk<'w> {
    facet: Facet,
    want: &'w Want,
    /// The value before the change, where it is known.
    previous: Option<Box<str>>,
    /// Keys under which it stands for certain, each with the time of the last record that says so.
    sure: BTreeMap<Box<str>, i64>,
    /// Keys under which it stands perhaps.
    maybe: BTreeSet<Box<str>>,
    /// What ended it; the record that made it doubtful.
    undone: Option<Standing>,
    doubt: Option<Moment>,
}

impl<'w> Walk<'w> {
    fn new(facet: Facet, want: &'w Want) -> Self {
        Walk {
            facet,
            want,
            previous: None,
            sure: BTreeMap::new(),
            maybe: BTreeSet::new(),
            undone: None,
            doubt: None,
        }
    }

    fn holds(&self) -> bool {
        !self.sure.is_empty()
    }

    fn stood(&self) -> bool {
        self.holds() || !self.maybe.is_empty()
    }

    /// What stood before the change: the same value under other keys, and what was there in its place.
    fn begin(&mut self, before: &State) {
        if let Some(Reading::Known(value)) = self.want.key.as_deref().map(|key| before.get(key)) {
            self.previous = Some(value.into());
        }
        for (key, value, told) in before.known() {
            if self.want.is_met(self.facet, key, value) {
                self.sure.insert(key.into(), told);
            }
        }
    }

    fn put(&mut self, key: &str, slot: &Slot, time: i64) {
        let stood = self.sure.remove(key).is_some() | self.maybe.remove(key);
        match slot {
            Slot::Known(value) if self.want.is_met(self.facet, key, value) => {
                self.sure.insert(key.into(), time);
            }
            Slot::Unread if stood || self.want.key.as_deref().is_none_or(|wanted| wanted == key) => {
                self.maybe.insert(key.into());
            }
            Slot::Known(_) | Slot::Absent | Slot::Unread => {}
        }
    }

    /// A snapshot shows the line.
    fn see(&mut self, keys: &super::Keys, time: i64) {
        let stood = self.stood();
        self.sure.clear();
        self.maybe.clear();
        keys.iter().for_each(|(key, slot)| self.put(key, slot, time));
        if self.stood() {
            self.undone = None;
        } else if stood {
            let value = self.want.key.as_deref().and_then(|wanted| known(keys, wanted));
            let status = match self.facet {
                Facet::Policy | Facet::Layers => ChangeStatus::Reverted,
                _ => self.changed_to(value),
            };
            self.undone = Some(Standing { status, by: None });
        }
    }

    fn step(&mut self, effect: &Effect, own: bool) {
        let (stood, held) = (self.stood(), self.holds());
        let time = effect.moment.time;
        match effect.act() {
            // A trail that is deleted, or made anew, does not record again what it stopped to record.
            Act::Replace(keys) if self.facet == Facet::Recorder && !own => {
                if known(keys, "exists") == Some("yes") && self.want.key.as_deref() == Some("exists") {
                    self.doubt_all();
                }
            }
            Act::Replace(keys) => {
                self.sure.clear();
                self.maybe.clear();
                keys.iter().for_each(|(key, slot)| self.put(key, slot, time));
            }
            Act::Set(keys) => keys.iter().for_each(|(key, slot)| {
                // A statement that the record does not show is another one.
                if own || *slot != Slot::Unread || self.sure.contains_key(key) || self.maybe.contains(key) {
                    self.put(key, slot, time);
                }
            }),
            Act::Added => {}
            Act::Unread => self.doubt_all(),
        }
        if self.holds() {
            self.undone = None;
            self.doubt = None;
        } else if self.stood() {
            self.undone = None;
            if held {
                self.doubt = Some(effect.moment.clone());
            }
        } else if stood && !self.stood() {
            let status = self.ending(effect.act());
            self.undone = Some(Standing { status, by: Some(effect.moment.clone()) });
        }
    }

    fn doubt_all(&mut self) {
        self.maybe.extend(std::mem::take(&mut self.sure).into_keys());
    }

    /// Was the very thing removed, or something put in its place?
    fn ending(&self, act: &Act) -> ChangeStatus {
        let keys = match act {
            Act::Replace(keys) | Act::Set(keys) => keys,
            Act::Added | Act::Unread => return ChangeStatus::Unconfirmed,
        };
        let value = self.want.key.as_deref().and_then(|wanted| known(keys, wanted));
        match (self.facet, act) {
            (Facet::Layers, _) => ChangeStatus::Reverted,
            (Facet::Policy | Facet::Destinations, Act::Replace(keys)) if !keys.is_empty() => {
                ChangeStatus::Mitigated
            }
            (Facet::Policy | Facet::Destinations, Act::Set(keys))
                if keys.iter().any(|(_, slot)| matches!(slot, Slot::Known(_))) =>
            {
                ChangeStatus::Mitigated
            }
            _ => self.changed_to(value),
        }
    }

    fn changed_to(&self, value: Option<&str>) -> ChangeStatus {
        match (self.facet, value) {
            // Nothing stands there any more.
            (_, None) => ChangeStatus::Reverted,
            (Facet::Role | Facet::Recorder, Some(value)) if self.previous.as_deref() == Some(value) => {
                ChangeStatus::Reverted
            }
            // On or off: what is not one is the other.
            (Facet::Recorder, Some("true" | "false")) => ChangeStatus::Reverted,
            (_, Some(_)) => ChangeStatus::Mitigated,
        }
    }

    /// `missing`: something that came after that time was not read.
    fn end(self, missing: impl Fn(i64) -> bool) -> Standing {
        if self.sure.values().any(|told| !missing(*told)) {
            return Standing { status: ChangeStatus::Live, by: None };
        }
        match self.undone {
            Some(undone) => undone,
            None => Standing { status: ChangeStatus::Unconfirmed, by: self.doubt },
        }
    }
}

fn known<'k>(keys: &'k super::Keys, wanted: &str) -> Option<&'k str> {
    keys.iter().find_map(|(key, slot)| match slot {
        Slot::Known(value) if **key == *wanted => Some(&**value),
        _ => None,
    })
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
