//! What the records of a file have in common, so that most of them cost no look-up: which policies a call's source and
//! name can matter to, and whose record it is.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

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
    /// It changes what records invocations.
    pub(super) recorder: bool,
    /// It may say whose sessions are.
    pub(super) sessions: bool,
    /// It has effects on the timeline.
    pub(super) change: bool,
    pub(super) told: Told,
}

/// What is told of a record before it is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// More is asked of it than whose it is, and when.
    pub(super) asked: bool,
    /// One of Lambda's invocations.
    pub(super) invocation: bool,
}

/// A source and a name.
pub(super) type Texts<'t> = (&'t [u8], &'t [u8]);

/// A source and a name, and what is told at once of their records. It stands by itself in little space, the texts
/// included: there are many, and each record is looked up.
#[derive(Debug)]
struct Known {
    /// Source and name, one behind the other.
    texts: SmallVec<[u8; 64]>,
    /// Where the name begins.
    name_at: usize,
    told: Told,
    relevance: Box<Relevance>,
}

impl Known {
    /// Source and name.
    fn texts(&self) -> Texts<'_> {
        self.texts.split_at_checked(self.name_at).unwrap_or_default()
    }

    #[inline(always)]
    fn is_of(&self, (source, name): Texts<'_>) -> bool {
        let (known_source, known_name) = self.texts();
        same(known_name, name) && same(known_source, source)
    }
}

/// How many are kept before all are forgotten: there are some ten thousand event names.
const KEPT: usize = 1 << 16;

/// The relevance of every source and name that was met, as written. They come from records: the hash is seeded by chance.
#[derive(Debug)]
pub(super) struct Names {
    known: Vec<Known>,
    /// Their places.
    found: HashTable<u32>,
    hasher: foldhash::quality::RandomState,
    /// Those that were met last, by a few of their bytes: most records are told by them, without a hash.
    last: [u32; LAST],
}

/// How many of those met last are kept at hand.
const LAST: usize = 1 << 8;

impl Default for Names {
    fn default() -> Self {
        Names { known: Vec::new(), found: HashTable::new(), hasher: Default::default(), last: [0; LAST] }
    }
}

/// Where a source and a name are at hand, if they are.
#[inline]
fn at_hand((source, name): Texts<'_>) -> usize {
    let part = |of: Option<&[u8; 4]>| of.map_or(0, |part| u32::from_le_bytes(*part).into());
    let ends: u64 = part(name.first_chunk()) << 32 | part(name.last_chunk());
    let mixed = ends ^ (part(source.first_chunk()) << 16) ^ (name.len() as u64);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % LAST
}

impl Names {
    /// Asked once for each source and name.
    pub(super) fn of(
        &mut self,
        texts: Texts<'_>,
        ask: impl FnOnce(&str, &str) -> Relevance,
    ) -> &mut Relevance {
        &mut self.find(texts, ask).relevance
    }

    /// The same, where nothing else is needed yet.
    pub(super) fn told(&mut self, texts: Texts<'_>, ask: impl FnOnce(&str, &str) -> Relevance) -> Told {
        self.find(texts, ask).told
    }

    #[inline]
    fn find(&mut self, texts: Texts<'_>, ask: impl FnOnce(&str, &str) -> Relevance) -> &mut Known {
        let at_hand = at_hand(texts);
        let last = self.last[at_hand] as usize;
        let is_it = self.known.get(last).is_some_and(|known| known.is_of(texts));
        let at = if is_it { last } else { self.look_up(texts, ask) };
        self.last[at_hand] = at as u32;
        &mut self.known[at]
    }

    #[inline(never)]
    fn look_up(&mut self, texts: Texts<'_>, ask: impl FnOnce(&str, &str) -> Relevance) -> usize {
        let Names { known, found, hasher, .. } = self;
        if known.len() >= KEPT {
            known.clear();
            found.clear();
        }
        let of = |at: &u32| known.get(*at as usize).map(Known::texts);
        let is_it = |at: &u32| known.get(*at as usize).is_some_and(|known| known.is_of(texts));
        match found.entry(hasher.hash_one(texts), is_it, |at| hasher.hash_one(of(at).unwrap_or_default())) {
            Entry::Occupied(entry) => *entry.get() as usize,
            Entry::Vacant(entry) => {
                let (source, name) = texts;
                // Both are UTF-8: what is not would be no name that anybody asks for.
                let text = String::from_utf8_lossy;
                let relevance = Box::new(ask(&text(source), &text(name)));
                let (texts, name_at) = (SmallVec::from_slice(&[source, name].concat()), source.len());
                let at = known.len();
                entry.insert(at as u32);
                known.push(Known { texts, name_at, told: relevance.told, relevance });
                at
            }
        }
    }
}

/// The account and region of the record before, most often those of the next one too, and what was read of them since.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// Both as the record before had them.
    written: Option<[Box<[u8]>; 2]>,
    account: Option<Arc<str>>,
    region: Option<Box<str>>,
    /// The records of each class.
    read: [Times; 3],
    /// All records.
    span: Times,
}

/// From the earliest time to the latest.
#[derive(Debug)]
struct Times {
    first: i64,
    last: i64,
}

impl Default for Times {
    fn default() -> Self {
        Times { first: i64::MAX, last: i64::MIN }
    }
}

impl Times {
    fn add(&mut self, time: i64) {
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
    }

    /// `None`: there was no time. There is none any more.
    fn take(&mut self) -> Option<(i64, i64)> {
        let Times { first, last } = std::mem::take(self);
        (first <= last).then_some((first, last))
    }
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
        let is_as_before =
            |known: &[Box<[u8]>; 2]| known.iter().zip(written).all(|(known, text)| same(known, text));
        if !self.written.as_ref().is_some_and(is_as_before) {
            self.stands_in(record, named, facts);
            self.written = Some(written.map(Into::into));
        }
        let time = record.event_time();
        self.span.add(time);
        if let Some(class) = class
            && let Some((_, read)) = CLASSES.iter().zip(&mut self.read).find(|(of, _)| **of == class)
        {
            read.add(time);
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
        let Some((first, last)) = self.span.take() else { return };
        facts.first = Some(facts.first.map_or(first, |before| before.min(first)));
        facts.last = facts.last.max(Some(last));
        if let (Some(account), Some(region)) = (&self.account, &self.region) {
            facts.arrivals.read(account, region, (first, last));
        }
    }
}
