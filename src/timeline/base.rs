//! What a snapshot says stands, and of which lines it was asked.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facet, Keys, Line, Slot, line, stands};
use crate::arn;
use crate::facts::{Body, Fact};

/// A snapshot as a moment of the timeline.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Seconds since 1970 UTC: when its collection began.
    pub from: i64,
    /// When it ended; the end of time where that is not known.
    pub to: i64,
    lines: BTreeMap<Line, Keys>,
    /// Subjects of whose facet everything was read: lines of theirs that are not there are empty.
    whole: BTreeSet<(String, Facet)>,
    /// Accounts and regions whose functions were listed, and whose mappings were.
    functions_listed: BTreeSet<(String, String)>,
    mappings_listed: BTreeSet<(String, String)>,
    functions: BTreeSet<String>,
}

static NOTHING: Keys = Vec::new();

impl Base {
    pub fn new(from: i64, to: Option<i64>) -> Self {
        Base { from, to: to.unwrap_or(i64::MAX), ..Base::default() }
    }

    /// A fact of the snapshot.
    pub fn add(&mut self, fact: &Fact<'_>) {
        let Some((line, keys)) = stands(fact) else {
            // A policy that was read and does not parse may say anything.
            if matches!(fact.body, Body::Grant(_))
                && let Some(keys) = self.lines.get_mut(&line(&fact.subject, Facet::Policy))
            {
                keys.push(("".into(), Slot::Unread));
            }
            return;
        };
        let facet = line.facet;
        let known = self.lines.entry(line).or_default();
        for (key, slot) in keys {
            merge(facet, known, key, slot);
        }
    }

    /// The line was read, whatever is on it.
    pub fn read(&mut self, line: Line) {
        self.lines.entry(line).or_default();
    }

    /// Everything that stands on a line.
    pub fn set(&mut self, line: Line, keys: Keys) {
        self.lines.insert(line, keys);
    }

    /// Everything of this facet of the subject was read.
    pub fn read_whole(&mut self, subject: &str, facet: Facet) {
        self.whole.insert((subject.to_owned(), facet));
    }

    /// Every function of the account and region was listed.
    pub fn functions_listed(&mut self, account: &str, region: &str) {
        self.functions_listed.insert((account.to_owned(), region.to_owned()));
    }

    pub fn mappings_listed(&mut self, account: &str, region: &str) {
        self.mappings_listed.insert((account.to_owned(), region.to_owned()));
    }

    /// A function, by its ARN without qualifier.
    pub fn function(&mut self, arn: &str) {
        self.functions.insert(arn.to_owned());
    }

    /// What stands on a line; `None`: it was not read.
    pub(super) fn line(&self, line: &Line) -> Option<&Keys> {
        if let Some(keys) = self.lines.get(line) {
            return Some(keys);
        }
        let subject = line.subject.as_str();
        let place = || Some((arn::account(subject)?.to_owned(), arn::region(subject)?.to_owned()));
        let is_gone = match line.facet {
            Facet::Mapping => place().is_some_and(|place| self.mappings_listed.contains(&place)),
            Facet::Recorder => false,
            _ => {
                arn::split_function(subject).is_some()
                    && !self.functions.contains(subject)
                    && place().is_some_and(|place| self.functions_listed.contains(&place))
            }
        };
        (is_gone || self.whole.contains(&(subject.to_owned(), line.facet))).then_some(&NOTHING)
    }
}

/// Adds a key. The classes of actions of one statement share one; whatever else is told in two ways is not known.
pub fn merge(facet: Facet, keys: &mut Keys, key: Box<str>, slot: Slot) {
    let Some((_, known)) = keys.iter_mut().find(|(known, _)| *known == key) else {
        keys.push((key, slot));
        return;
    };
    *known = match (std::mem::replace(known, Slot::Unread), slot) {
        (a, b) if a == b => a,
        (Slot::Known(a), Slot::Known(b)) if facet == Facet::Policy => {
            let more = !a.lines().any(|line| line == &*b);
            Slot::Known(if more { format!("{a}\n{b}").into() } else { a })
        }
        _ => Slot::Unread,
    };
}
