//! Judges trail records file by file. Each file has a tally of its own; they merge in any order to the same result.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::engine::state::{self, EventClass, Occasion};
use crate::engine::{Engine, Memory, Tally};
use crate::facts::from_record::{INVOCATIONS, LAMBDA, RecordContext, Wanted, facts_of};
use crate::facts::schema::Origin;
use crate::facts::{ApiCall, Body, Place};
use crate::trail::digest::Object;
use crate::trail::{FileOutcome, RecordVisitor, TrailFileName, TrailRecord};
use crate::value::{Reading, Why};

/// The last record of a function's invocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastInvoke {
    /// Seconds since 1970, UTC.
    pub time: i64,
    pub event_id: Option<String>,
}

/// What is learned from records beside findings.
#[derive(Debug, Default)]
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

/// Gathers one file's facts and findings.
pub(super) struct PerFile {
    path: Arc<str>,
    named: Option<TrailFileName>,
    /// The account of the record before, most often that of the next one too.
    account: Option<Arc<str>>,
    /// Whether a call of this source and name can matter to an `api_call` policy.
    matters: HashMap<String, HashMap<String, bool>>,
    pub(super) tally: Tally,
    pub(super) facts: RecordFacts,
    /// What the check of digests needs of it, if they are checked.
    pub(super) object: Option<Object>,
}

/// Judges every record with the engine.
pub(super) struct Judge<'j> {
    engine: &'j Engine<'j>,
    /// `None`: no policy asks what other records there are.
    memory: Option<&'j Memory<'j>>,
    wanted: Wanted,
    context: RecordContext<'j>,
    digests: Digests,
}

/// Whether files are kept for the check of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digests {
    Checked,
    Ignored,
}

impl<'j> Judge<'j> {
    pub(super) fn new(
        engine: &'j Engine<'j>,
        memory: &'j Memory<'j>,
        wanted: Wanted,
        context: RecordContext<'j>,
        digests: Digests,
    ) -> Self {
        Judge { engine, memory: engine.has_state().then_some(memory), wanted, context, digests }
    }

    /// Can a call of this source and name matter? Sound for every predicate: everything else is unread.
    fn matters(&self, source: &str, name: &str) -> bool {
        let mut call = ApiCall::unread(Why::NotInRecord);
        call.event_source = Reading::Known(source.into());
        call.event_name = Reading::Known(name.into());
        self.engine.matters(&call, Origin::Activity)
    }

    /// The same, asked once per source and name of a file: a name that was met before costs no allocation.
    fn remembered(
        &self,
        known: &mut HashMap<String, HashMap<String, bool>>,
        source: &str,
        name: &str,
    ) -> bool {
        if let Some(answer) = known.get(source).and_then(|names| names.get(name)) {
            return *answer;
        }
        let answer = self.matters(source, name);
        known.entry(source.to_owned()).or_default().insert(name.to_owned(), answer);
        answer
    }
}

impl RecordVisitor for Judge<'_> {
    type PerFile = PerFile;

    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> PerFile {
        PerFile {
            path: path.into(),
            named: named.cloned(),
            account: None,
            matters: HashMap::new(),
            tally: self.engine.tally(),
            facts: RecordFacts::default(),
            object: None,
        }
    }

    fn contents(&self, file: &mut PerFile, text: &[u8], outcome: &FileOutcome) {
        if self.digests == Digests::Checked {
            // What S3 says of an object comes from the files beside it.
            file.object = Object::read(outcome, text, None);
        }
    }

    fn record(&self, file: &mut PerFile, record: &TrailRecord<'_>) {
        let time = record.event_time();
        let facts = &mut file.facts;
        facts.records += 1;
        facts.first = [facts.first, Some(time)].into_iter().flatten().min();
        facts.last = facts.last.max(Some(time));
        let account = record.trail_account(file.named.as_ref());
        for (seen, value) in
            [(&mut facts.accounts, account.known()), (&mut facts.regions, record.aws_region().known())]
        {
            if let Some(value) = value
                && !seen.contains(value.as_ref())
            {
                seen.insert(value.to_string());
            }
        }
        let class = self.memory.map(|_| class_of(record));
        if let (Some(class), Some(account)) = (class, account.known()) {
            facts.reading.record(account, class, time);
            if file.account.as_deref() != Some(account) {
                file.account = Some(account.as_ref().into());
            }
        } else {
            file.account = None;
        }
        let (source, name) = (record.event_source(), record.canonical_name());
        let matters = self.wanted.api_call && self.remembered(&mut file.matters, &source, &name);
        let lambda = source == LAMBDA;
        if !matters && !lambda {
            return;
        }
        if lambda && INVOCATIONS.contains(&name.as_ref()) {
            facts.invocations += 1;
        }
        let wanted = Wanted { api_call: matters, ..self.wanted };
        let (engine, tally) = (self.engine, &mut file.tally);
        let occasion = class.map(|class| Occasion {
            time,
            event_id: record.event_id().known().map(ToString::to_string),
            account: file.account.clone(),
            class,
            file: file.path.clone(),
            offset: record.offset(),
        });
        facts_of(record, &file.path, file.named.as_ref(), wanted, self.context, &mut |fact| {
            if let (Body::Invocation(_), Some(arn), Place::Event(event)) =
                (&fact.body, fact.subject.arn.as_deref(), &fact.place)
            {
                let invoke = LastInvoke { time: event.time, event_id: event.id.map(str::to_owned) };
                later(&mut facts.last_invokes, arn, invoke);
            }
            match (&occasion, self.memory) {
                (Some(occasion), Some(memory)) => engine.judge_record(fact, occasion, memory, tally),
                _ => engine.judge(fact, tally),
            }
        });
    }
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
