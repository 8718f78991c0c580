//! Judges trail records file by file. Each thread has a tally and a memory of its own; they merge in any order to the
//! same result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::causes::{self, Texts};
use super::relevance::{Names, Owner, Relevance};
use crate::engine::state::{self, EventClass, Occasion};
use crate::engine::{Engine, Memory, Share, Tally};
use crate::facts::from_record::{
    INVOCATIONS, LAMBDA, RecordContext, Wanted, effects_of, facts_of, is_change,
};
use crate::facts::schema::Origin;
use crate::facts::{API_CALL, ApiCall, Fact, INVOCATION, Place};
use crate::findings::cause::Changes;
use crate::timeline::Timeline;
use crate::trail::{FileOutcome, RecordVisitor, TrailFileName, TrailRecord, canonical_name};
use crate::value::{Reading, Why};

/// The last record of a function's invocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastInvoke {
    /// Seconds since 1970, UTC.
    pub time: i64,
    pub event_id: Option<String>,
}

/// What is learned from records beside findings.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RecordFacts {
    pub records: u64,
    /// Lambda data events.
    pub invocations: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub accounts: BTreeSet<String>,
    pub regions: BTreeSet<String>,
    /// By the function's unqualified ARN.
    pub last_invokes: BTreeMap<String, LastInvoke>,
    /// Of each account and class; empty where no policy asks what other records there are.
    pub reading: state::Reading,
    /// Who changed what.
    pub changes: Changes,
    /// What changes did to what the policies ask about.
    pub timeline: Timeline,
}

impl RecordFacts {
    pub fn merge(&mut self, other: RecordFacts) {
        self.records += other.records;
        self.invocations += other.invocations;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.accounts.extend(other.accounts);
        self.regions.extend(other.regions);
        self.reading.merge(other.reading);
        self.changes.merge(other.changes);
        self.timeline.merge(other.timeline);
        for (function, invoke) in other.last_invokes {
            later(&mut self.last_invokes, &function, invoke);
        }
    }
}

fn later(all: &mut BTreeMap<String, LastInvoke>, function: &str, invoke: LastInvoke) {
    match all.get_mut(function) {
        Some(known) if *known >= invoke => {}
        Some(known) => *known = invoke,
        None => {
            all.insert(function.to_owned(), invoke);
        }
    }
}

/// What one thread gathers, file after file. Which thread read which file changes nothing.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) tally: Tally,
    pub(super) memory: Memory,
    pub(super) facts: RecordFacts,
    names: Names,
    /// Shared by the changes that were met.
    texts: Texts,
}

impl Gathered {
    pub(super) fn nothing(engine: &Engine<'_>) -> Self {
        Gathered {
            tally: engine.tally(),
            memory: engine.memory(),
            facts: RecordFacts::default(),
            names: Names::default(),
            texts: Texts::default(),
        }
    }

    /// Adds what some files gave: the shares with the positions of their policies. False: a share is none of its
    /// policy's.
    pub(super) fn add(
        &mut self,
        engine: &Engine<'_>,
        shares: impl Iterator<Item = (usize, Share)>,
        facts: RecordFacts,
    ) -> bool {
        self.facts.merge(facts);
        let mut sound = true;
        for (at, share) in shares {
            sound &= engine.add_share(at, share, (&mut self.memory, &mut self.tally));
        }
        sound
    }
}

/// What is at hand while one file is read.
#[derive(Debug)]
pub(super) struct PerFile {
    path: Arc<str>,
    named: Option<TrailFileName>,
    gathered: Gathered,
    /// Where each file's part is kept, what its thread gathered of the files before.
    before: Option<Gathered>,
    owner: Owner,
}

/// Keeps what each file gave.
pub(super) trait Keep: Sync {
    /// Whether it was kept.
    fn keep(&self, outcome: &FileOutcome, facts: &RecordFacts, shares: &[Share]) -> bool;
}

/// What one file gave that could not be kept.
#[derive(Debug)]
pub(super) struct Loose {
    pub(super) facts: RecordFacts,
    pub(super) shares: Vec<Share>,
}

/// Judges every record with the engine.
pub(super) struct Judge<'j> {
    engine: &'j Engine<'j>,
    /// A policy asks what other records there are.
    has_state: bool,
    wanted: Wanted,
    last_invokes: bool,
    context: RecordContext<'j>,
    /// There are calls that no policy asks about.
    may_pass_over: bool,
    /// Of threads that read no file now.
    idle: Mutex<Vec<Gathered>>,
    /// Each file's part is kept by itself: what is gathered must not depend on which other policies there are.
    keep: Option<&'j dyn Keep>,
    loose: Mutex<Vec<Loose>>,
}

impl<'j> Judge<'j> {
    /// `last_invokes`: whether it is asked when each function was last invoked.
    pub(super) fn new(
        engine: &'j Engine<'j>,
        wanted: Wanted,
        last_invokes: bool,
        context: RecordContext<'j>,
    ) -> Self {
        let has_state = engine.has_state();
        let mut judge = Judge {
            engine,
            has_state,
            wanted,
            last_invokes,
            context,
            may_pass_over: false,
            idle: Mutex::default(),
            keep: None,
            loose: Mutex::default(),
        };
        // Where a call that no policy names matters, all do, and a first look at each would be lost time.
        judge.may_pass_over = !judge.asks(&judge.relevance("", ""));
        judge
    }

    /// Judges for a store: everything is gathered that some policy of a later run may ask for.
    pub(super) fn keeping(engine: &'j Engine<'j>, context: RecordContext<'j>, keep: &'j dyn Keep) -> Self {
        // By name: whatever else is gathered for some policies only has to be gathered for all here.
        let Judge {
            engine,
            has_state: _,
            wanted,
            last_invokes,
            context,
            may_pass_over,
            idle,
            keep: _,
            loose,
        } = Judge::new(engine, Wanted::ALL, true, context);
        Judge {
            engine,
            has_state: true,
            wanted,
            last_invokes,
            context,
            may_pass_over,
            idle,
            keep: Some(keep),
            loose,
        }
    }

    /// Takes what could not be kept.
    pub(super) fn loose(&self) -> Vec<Loose> {
        std::mem::take(&mut self.loose.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn nothing(&self) -> Gathered {
        Gathered::nothing(self.engine)
    }

    /// Everything that was gathered.
    pub(super) fn finish(self) -> Gathered {
        let mut all = self.nothing();
        for one in self.idle.into_inner().unwrap_or_else(PoisonError::into_inner) {
            all.tally.merge(one.tally);
            self.engine.remember_all(&mut all.memory, one.memory);
            all.facts.merge(one.facts);
        }
        all
    }

    /// Keeps what a file gave, and adds it to what was gathered before.
    fn keep(
        &self,
        keep: &dyn Keep,
        of_file: Gathered,
        mut before: Gathered,
        outcome: &FileOutcome,
    ) -> Gathered {
        let Gathered { tally, memory, facts, names, texts } = of_file;
        (before.names, before.texts) = (names, texts);
        let shares = self.engine.shares(tally, memory);
        if keep.keep(outcome, &facts, &shares) {
            let sound = before.add(self.engine, shares.into_iter().enumerate(), facts);
            debug_assert!(sound, "shares of this very engine");
        } else {
            self.loose.lock().unwrap_or_else(PoisonError::into_inner).push(Loose { facts, shares });
        }
        before
    }

    /// Is anything more asked about a record than whose it is and when?
    fn asks(&self, relevance: &Relevance) -> bool {
        let of_lambda = if relevance.invocation { self.wanted.invocation } else { relevance.lambda };
        of_lambda
            || relevance.change
            || relevance.recorder
            || (self.wanted.api_call && !relevance.call.is_empty())
    }

    /// Counts a record, by the members of a first look.
    fn count(&self, file: &mut PerFile, record: &TrailRecord<'_>, invocation: bool) -> Option<EventClass> {
        let PerFile { named, gathered: Gathered { facts, .. }, owner, .. } = file;
        let time = record.event_time();
        facts.records += 1;
        facts.first = Some(facts.first.map_or(time, |first| first.min(time)));
        facts.last = facts.last.max(Some(time));
        facts.invocations += u64::from(invocation);
        let class = self.has_state.then(|| class_of(record));
        owner.record(record, named.as_ref(), class, facts);
        class
    }

    /// To which policies can a call of this source and name matter? Everything else about it is unread.
    fn relevance(&self, source: &str, name: &str) -> Relevance {
        let mut call = ApiCall::unread(Why::NotInRecord);
        call.event_source = Reading::Known(source.into());
        call.event_name = Reading::Known(name.into());
        let lambda = source == LAMBDA;
        Relevance {
            call: self.engine.relevant(&call, Origin::Activity),
            lambda,
            recorder: source == causes::CLOUDTRAIL && causes::changes_recording(name),
            invocation: lambda && INVOCATIONS.contains(&name),
            change: lambda && is_change(name),
        }
    }
}

impl RecordVisitor for Judge<'_> {
    type PerFile = PerFile;
    type Kept = ();

    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> PerFile {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut gathered = idle.unwrap_or_else(|| self.nothing());
        let before = self.keep.is_some().then(|| {
            let (names, texts) = (std::mem::take(&mut gathered.names), std::mem::take(&mut gathered.texts));
            std::mem::replace(&mut gathered, Gathered { names, texts, ..self.nothing() })
        });
        PerFile { path: path.into(), named: named.cloned(), gathered, before, owner: Owner::default() }
    }

    fn may_pass_over(&self) -> bool {
        self.may_pass_over
    }

    fn needs(&self, file: &mut PerFile, source: &str, name: &str) -> bool {
        let name = canonical_name(name);
        self.asks(file.gathered.names.of(source, name, || self.relevance(source, name)))
    }

    fn pass_over(&self, file: &mut PerFile, record: &TrailRecord<'_>) -> bool {
        let (source, name) = (record.event_source(), record.canonical_name());
        let relevance = file.gathered.names.of(&source, &name, || self.relevance(&source, &name));
        let (passed, invocation) = (!self.asks(relevance), relevance.invocation);
        if passed {
            self.count(file, record, invocation);
        }
        passed
    }

    fn record(&self, file: &mut PerFile, record: &TrailRecord<'_>) {
        let (source, name) = (record.event_source(), record.canonical_name());
        let relevance = file.gathered.names.of(&source, &name, || self.relevance(&source, &name));
        let invocation = relevance.invocation;
        let class = self.count(file, record, invocation);
        let PerFile { path, named, gathered, before: _, owner } = file;
        let Gathered { tally, memory, facts, names, texts } = gathered;
        let relevance = names.of(&source, &name, || self.relevance(&source, &name));
        if !self.asks(relevance) {
            return;
        }
        let wanted = Wanted { api_call: self.wanted.api_call && !relevance.call.is_empty(), ..self.wanted };
        let time = record.event_time();
        if relevance.recorder {
            causes::of_recorder(record, (path, texts), owner.account().as_deref(), &mut facts.changes);
        }
        if relevance.change {
            effects_of(record, path, named.as_ref(), wanted, self.context, &mut facts.timeline);
        }
        let occasion = || {
            let event_id = record.event_id();
            let event_id = event_id.text();
            let class = class.unwrap_or_else(|| class_of(record));
            Occasion::new((time, event_id), owner.account(), class, (path.clone(), record.offset()))
        };
        facts_of(record, path, named.as_ref(), wanted, self.context, &mut |fact| {
            if self.last_invokes
                && is_invocation(fact)
                && let (Some(arn), Place::Event(event)) = (fact.subject.arn.as_deref(), &fact.place)
            {
                let invoke = LastInvoke { time: event.time, event_id: event.id.map(str::to_owned) };
                later(&mut facts.last_invokes, arn, invoke);
            }
            causes::of_fact(fact, || texts.change(record, path), &mut facts.changes);
            let relevant = is_call(fact).then_some(&relevance.call);
            self.engine.judge_record(fact, relevant, &occasion, (memory, tally));
        });
    }

    fn end(&self, mut file: PerFile, outcome: &FileOutcome) {
        file.owner.flush(&mut file.gathered.facts);
        let all = match (self.keep, file.before) {
            (Some(keep), Some(before)) => self.keep(keep, file.gathered, before, outcome),
            _ => file.gathered,
        };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(all);
    }
}

fn is_call(fact: &Fact<'_>) -> bool {
    std::ptr::eq(fact.body.fields().kind(), &API_CALL)
}

fn is_invocation(fact: &Fact<'_>) -> bool {
    std::ptr::eq(fact.body.fields().kind(), &INVOCATION)
}

/// Which events a record is one of. Records of before `eventCategory` say only whether they are management events.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub(super) fn class_of(record: &TrailRecord<'_>) -> EventClass {
    match record.event_category().text() {
        Some("Data") => EventClass::Data,
        Some("NetworkActivity") => EventClass::NetworkActivity,
        Some(_) => EventClass::Management,
        None if record.management_event().known() == Some(&false) => EventClass::Data,
        None if record.event_source() == LAMBDA
            && INVOCATIONS.contains(&record.canonical_name().as_ref()) =>
        {
            EventClass::Data
        }
        None => EventClass::Management,
    }
}
