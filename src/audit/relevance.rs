//! What the records of a file have in common, so that most of them cost no look-up: which policies a call's source and
//! name can matter to, and whose record it is.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::class::Plans;
use super::gathered::RecordFacts;
use crate::engine::state::EventClass;
use crate::short::same;
use crate::trail::{TrailFileName, TrailRecord};

/// What a call's source and name alone tell.
#[derive(Debug)]
pub(super) struct Relevance {
    /// The name without date and version.
    pub(super) name: Box<str>,
    /// What is certain of the call.
    pub(super) call: Plans,
    /// And of the invocation, where it is one.
    pub(super) invoked: Option<Plans>,
    /// A record of Lambda's: it may be a change.
    pub(super) lambda: bool,
    /// It changes what records invocations.
    pub(super) recorder: bool,
    /// It may say whose sessions are.
    pub(super) sessions: bool,
    /// One of Lambda's invocations.
    pub(super) invocation: bool,
    /// It has effects on the timeline.
    pub(super) change: bool,
}

#[derive(Debug)]
struct Known {
    /// Source and name, one behind the other.
    texts: Box<str>,
    /// Where the name begins.
    name_at: usize,
    relevance: Relevance,
}

impl Known {
    /// Source and name.
    fn texts(&self) -> (&str, &str) {
        self.texts.split_at_checked(self.name_at).unwrap_or_default()
    }

    fn is_of(&self, source: &str, name: &str) -> bool {
        let (known_source, known_name) = self.texts();
        same(known_source.as_bytes(), source.as_bytes()) && same(known_name.as_bytes(), name.as_bytes())
    }
}

/// How many are kept before all are forgotten: there are some ten thousand event names.
const KEPT: usize = 1 << 16;

/// The relevance of every source and name that was met, as written. They come from records: the hash is seeded by chance.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashTable<Known>,
    hasher: foldhash::quality::RandomState,
}

impl Names {
    /// Asked once for each source and name.
    pub(super) fn of(&mut self, source: &str, name: &str, ask: impl FnOnce() -> Relevance) -> &mut Relevance {
        let Names { known, hasher } = self;
        if known.len() >= KEPT {
            known.clear();
        }
        let rehash = |known: &Known| hasher.hash_one(known.texts());
        match known.entry(hasher.hash_one((source, name)), |known| known.is_of(source, name), rehash) {
            Entry::Occupied(entry) => &mut entry.into_mut().relevance,
            Entry::Vacant(entry) => {
                let texts = [source, name].concat().into();
                let new = Known { texts, name_at: source.len(), relevance: ask() };
                &mut entry.insert(new).into_mut().relevance
            }
        }
    }
}

/// The account and region of the record before, most often those of the next one too, and what was read of them since.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// Both as the record before had them.
    written: Option<[Box<str>; 2]>,
    account: Option<Arc<str>>,
    region: Option<Box<str>>,
    /// Earliest and latest record of each class.
    read: [Option<(i64, i64)>; 3],
    /// Earliest and latest record of all.
    span: Option<(i64, i64)>,
}

const CLASSES: [EventClass; 3] = [EventClass::Management, EventClass::Data, EventClass::NetworkActivity];

impl Owner {
    /// The account whose trail the record is from.
    pub(super) fn account(&self) -> Option<&Arc<str>> {
        self.account.as_ref()
    }

    /// The same, to look at.
    pub(super) fn account_text(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The region of the record.
    pub(super) fn region_text(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Notes whose record this is. `class`: where a policy asks what was read of each.
    pub(super) fn record(
        &mut self,
        record: &TrailRecord<'_>,
        named: Option<&TrailFileName>,
        class: Option<EventClass>,
        facts: &mut RecordFacts,
    ) {
        let written = record.place_as_written();
        let is_as_before = |known: &[Box<str>; 2]| {
            known.iter().zip(written).all(|(known, text)| same(known.as_bytes(), text.as_bytes()))
        };
        if !self.written.as_ref().is_some_and(is_as_before) {
            self.stands_in(record, named, facts);
            self.written = Some(written.map(Into::into));
        }
        let time = record.event_time();
        let (first, last) = self.span.unwrap_or((time, time));
        self.span = Some((first.min(time), last.max(time)));
        if let Some(class) = class
            && let Some((_, read)) = CLASSES.iter().zip(&mut self.read).find(|(of, _)| **of == class)
        {
            let (first, last) = read.unwrap_or((time, time));
            *read = Some((first.min(time), last.max(time)));
        }
    }

    /// The record may be of another account or region than the one before.
    fn stands_in(
        &mut self,
        record: &TrailRecord<'_>,
        named: Option<&TrailFileName>,
        facts: &mut RecordFacts,
    ) {
        let account = record.trail_account(named);
        let account = account.text();
        if self.account.as_deref() != account {
            self.flush(facts);
            self.account = account.map(Into::into);
            if let Some(account) = account.filter(|account| !facts.accounts.contains(*account)) {
                facts.accounts.insert(account.to_owned());
            }
        }
        let region = record.aws_region();
        let region = region.text();
        if self.region.as_deref() != region {
            self.flush_span(facts);
            self.region = region.map(Into::into);
            if let Some(region) = region.filter(|region| !facts.regions.contains(*region)) {
                facts.regions.insert(region.to_owned());
            }
        }
    }

    /// Writes down what was read of the account so far.
    pub(super) fn flush(&mut self, facts: &mut RecordFacts) {
        for (class, read) in CLASSES.into_iter().zip(&mut self.read) {
            if let (Some((first, last)), Some(account)) = (read.take(), &self.account) {
                facts.reading.record(account, class, first);
                facts.reading.record(account, class, last);
            }
        }
        self.flush_span(facts);
    }

    fn flush_span(&mut self, facts: &mut RecordFacts) {
        if let (Some(span), Some(account), Some(region)) = (self.span.take(), &self.account, &self.region) {
            facts.arrivals.read(account, region, span);
        }
    }
}
