//! Judges trail records file by file. Each thread has a tally and a memory of its own; they merge in any order to the
//! same result.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::causes;
use super::class::{Plans, Telling};
use super::gathered::{Apart, Gathered, LastInvoke, RecordFacts};
use super::relevance::{Owner, Relevance, Told};
use crate::engine::state::{EventClass, Standing};
use crate::engine::{Engine, Recounts, Sessions, Treatment};
use crate::facts::from_record::{
    INVOCATIONS, LAMBDA, RecordContext, RecordFile, Wanted, effects_of, facts_of, is_change,
};
use crate::facts::open::OpenFact;
use crate::facts::sessions::{self, Id, Unsaid};
use crate::facts::{API_CALL, Fact, INVOCATION, Place};
use crate::threads::PerThread;
use crate::trail::digest::Object;
use crate::trail::{FileOutcome, RecordVisitor, TrailFileName, TrailRecord, Watch, canonical_name};
use crate::value::Value;

/// The fields that only the whole timeline answers.
const BEFORE: [&str; 3] = ["before", "previous_role", "weakened"];

/// Keeps what each file gave.
pub(super) trait Keep: Sync {
    /// Whether it was kept.
    fn keep(&self, outcome: &FileOutcome, apart: &mut Apart, object: Option<&Object>) -> bool;
}

/// What is at hand while one file is read.
#[derive(Debug)]
pub(super) struct PerFile {
    path: Arc<str>,
    named: Option<TrailFileName>,
    gathered: Gathered,
    /// Where each file's part is kept, what its thread gathered of the files before.
    aside: Option<Gathered>,
    owner: Owner,
    /// The record that was asked about last is an invocation.
    invocation: bool,
    /// Findings that its thread had before it.
    before: usize,
    /// What the check of digests needs of it, if they are checked.
    object: Option<Object>,
}

/// What is looked for in a file that is read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sought {
    /// Records of these sessions.
    pub(super) sessions: BTreeSet<Id>,
    /// Records that are to be counted by themselves.
    pub(super) counts: bool,
}

/// The files that are read again.
pub(super) type Again = HashMap<String, Sought>;

/// Which records are judged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pass<'j> {
    /// All; what hangs on whose a session is waits.
    First,
    /// Of files that are read again, what waited.
    Second(&'j Again, &'j Recounts),
}

/// Judges every record with the engine.
pub(super) struct Judge<'j> {
    engine: &'j Engine<'j>,
    /// A policy asks what other records there are.
    has_state: bool,
    /// A policy asks what stood before a change.
    asks_before: bool,
    /// A policy asks whose a session is.
    asks_sessions: bool,
    pass: Pass<'j>,
    wanted: Wanted,
    last_invokes: bool,
    context: RecordContext<'j>,
    digests: Digests,
    /// Nothing is left out of what is reported.
    everything: bool,
    watch: &'j Watch,
    /// There are calls that no policy asks about.
    may_pass_over: bool,
    calls: Telling,
    invocations: Telling,
    /// Of threads that read no file now.
    idle: PerThread<Gathered>,
    /// Each file's part is kept by itself: what is gathered must not depend on which other policies there are.
    keep: Option<&'j dyn Keep>,
    /// What files gave that could not be kept.
    loose: Mutex<Vec<Apart>>,
}

/// Whether files are kept for the check of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digests {
    Checked,
    Ignored,
}

impl<'j> Judge<'j> {
    /// `last_invokes`: whether it is asked when each function was last invoked.
    pub(super) fn new(
        engine: &'j Engine<'j>,
        wanted: Wanted,
        last_invokes: bool,
        context: RecordContext<'j>,
        pass: Pass<'j>,
        (digests, watch): (Digests, &'j Watch),
    ) -> Self {
        let (has_state, asks_sessions) = (engine.has_state(), engine.asks_sessions());
        let mut judge = Judge {
            engine,
            has_state,
            asks_before: engine.reads(&BEFORE),
            asks_sessions,
            pass,
            wanted,
            last_invokes,
            context,
            digests,
            everything: engine.scope().is_everything(),
            watch,
            may_pass_over: false,
            calls: Telling::calls(engine),
            invocations: Telling::invocations(engine),
            idle: PerThread::default(),
            keep: None,
            loose: Mutex::default(),
        };
        // Where a call that no policy names matters, all do, and a first look at each would be lost time.
        judge.may_pass_over = !judge.relevance("", "").told.asked;
        judge
    }

    /// Judges for a store: everything is gathered that some policy of a later run may ask for.
    pub(super) fn keeping(
        engine: &'j Engine<'j>,
        context: RecordContext<'j>,
        watched: (Digests, &'j Watch),
        keep: &'j dyn Keep,
    ) -> Self {
        // By name: whatever else is gathered for some policies only has to be gathered for all here.
        let Judge {
            engine,
            has_state: _,
            asks_before: _,
            asks_sessions: _,
            pass,
            wanted,
            last_invokes,
            context,
            digests,
            everything,
            watch,
            may_pass_over: _,
            calls,
            invocations,
            idle,
            keep: _,
            loose,
        } = Judge::new(engine, Wanted::ALL, true, context, Pass::First, watched);
        let mut judge = Judge {
            engine,
            has_state: true,
            asks_before: true,
            asks_sessions: true,
            pass,
            wanted,
            last_invokes,
            context,
            digests,
            everything,
            watch,
            may_pass_over: false,
            calls,
            invocations,
            idle,
            keep: Some(keep),
            loose,
        };
        judge.may_pass_over = !judge.relevance("", "").told.asked;
        judge
    }

    /// Leaves to the end what a store leaves to the end.
    pub(super) fn beside_store(mut self) -> Self {
        self.asks_before = true;
        self
    }

    /// Takes what could not be kept.
    pub(super) fn loose(&self) -> Vec<Apart> {
        std::mem::take(&mut self.loose.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn nothing(&self) -> Gathered {
        Gathered::nothing(self.engine)
    }

    /// Keeps what a file gave, and adds it to what was gathered before.
    fn keep(
        &self,
        keep: &dyn Keep,
        mut of_file: Gathered,
        mut before: Gathered,
        (outcome, object): (&FileOutcome, Option<&Object>),
    ) -> Gathered {
        before.names = std::mem::take(&mut of_file.names);
        before.ways = std::mem::take(&mut of_file.ways);
        before.recent = std::mem::take(&mut of_file.recent);
        let mut apart = of_file.apart(self.engine);
        if keep.keep(outcome, &mut apart, object) {
            let sound = before.add(self.engine, apart, Some);
            debug_assert!(sound, "shares of this very engine");
        } else {
            self.loose.lock().unwrap_or_else(PoisonError::into_inner).push(apart);
        }
        before
    }

    /// What is to become of a record?
    fn treatment(&self, record: &TrailRecord<'_>, named: Option<&TrailFileName>) -> Treatment {
        if self.everything {
            return Treatment::Judged;
        }
        let (account, region) = (record.trail_account(named), record.aws_region());
        let scope = self.engine.scope();
        let place = scope.has_place(account.known().map(AsRef::as_ref), region.known().map(AsRef::as_ref));
        if place && scope.has_time(record.event_time()) { Treatment::Judged } else { Treatment::Remembered }
    }

    /// Everything that was gathered.
    pub(super) fn finish(self) -> Gathered {
        let mut all = self.nothing();
        for one in self.idle.into_values() {
            all.merge(self.engine, one);
        }
        all
    }

    /// Counts a record, by the members of a first look.
    #[inline(always)]
    fn count(
        &self,
        record: &TrailRecord<'_>,
        invocation: bool,
        (owner, named): (&mut Owner, Option<&TrailFileName>),
        facts: &mut RecordFacts,
    ) -> Option<EventClass> {
        facts.records += 1;
        facts.invocations += u64::from(invocation);
        let class = (self.has_state || self.asks_sessions).then(|| class_of(record));
        owner.record(record, named, class, facts);
        class
    }

    /// To which policies can a call of this source and name (as written) matter? Everything else about it is unread.
    fn relevance(&self, source: &str, name: &str) -> Relevance {
        let name = canonical_name(name);
        let lambda = source == LAMBDA;
        let invocation = lambda && INVOCATIONS.contains(&name);
        let texts = (source, name);
        let call = Plans::relevant(self.engine, &self.calls, texts);
        let recorder = source == causes::CLOUDTRAIL && causes::changes_recording(name);
        let change = is_change(source, name);
        let sessions = self.asks_sessions && sessions::Sessions::wants(source, name);
        let of_lambda = if invocation { self.wanted.invocation } else { lambda };
        let of_call = self.wanted.api_call && !call.is_empty();
        let asked = of_lambda || of_call || change || recorder || sessions;
        Relevance {
            name: name.into(),
            call,
            invoked: invocation.then(|| Plans::complete(self.engine, &self.invocations, texts)),
            recorder,
            sessions,
            change,
            told: Told { asked, invocation },
        }
    }
}

impl RecordVisitor for Judge<'_> {
    type PerFile = PerFile;
    /// Mostly nothing, of very many files.
    type Kept = Option<Box<Object>>;

    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> PerFile {
        let mut gathered = self.idle.take().unwrap_or_else(|| self.nothing());
        let aside = self.keep.is_some().then(|| {
            let (names, ways) = (std::mem::take(&mut gathered.names), std::mem::take(&mut gathered.ways));
            let recent = std::mem::take(&mut gathered.recent);
            std::mem::replace(&mut gathered, Gathered { names, ways, recent, ..self.nothing() })
        });
        PerFile {
            path: path.into(),
            named: named.cloned(),
            before: gathered.tally.findings.len(),
            gathered,
            aside,
            owner: Owner::default(),
            invocation: false,
            object: None,
        }
    }

    fn contents(&self, file: &mut PerFile, text: &[u8], outcome: &FileOutcome) {
        if self.digests == Digests::Checked {
            // What S3 says of an object comes from the files beside it.
            file.object = Object::read(outcome, text, None);
        }
    }

    fn may_pass_over(&self) -> bool {
        self.may_pass_over
    }

    fn needs(&self, file: &mut PerFile, source: &[u8], name: &[u8]) -> bool {
        let told = file.gathered.names.told((source, name), |source, name| self.relevance(source, name));
        file.invocation = told.invocation;
        told.asked
    }

    fn pass_over(&self, file: &mut PerFile, record: &TrailRecord<'_>) {
        let PerFile { named, gathered: Gathered { facts, .. }, owner, invocation, .. } = file;
        self.count(record, *invocation, (owner, named.as_ref()), facts);
    }

    fn record(&self, file: &mut PerFile, record: &TrailRecord<'_>) {
        // What of it is looked for again: how it is judged, and how it counts.
        let (judges, counts) = match self.pass {
            Pass::First => (true, None),
            Pass::Second(again, recounts) => {
                let Some(sought) = again.get(&*file.path) else { return };
                let session = || {
                    Unsaid::of(record, self.engine.keys())
                        .is_some_and(|one| sought.sessions.contains(&one.id))
                };
                let time = record.event_time();
                let counts = sought.counts && recounts.touches((time, time));
                (!sought.sessions.is_empty() && session(), counts.then_some(recounts))
            }
        };
        if !judges && counts.is_none() {
            return;
        }
        let source = record.event_source();
        let PerFile { path, named, gathered, owner, .. } = file;
        let Gathered { tally, memory, facts, names, recent, sessions, ways, opened, waiting } = gathered;
        let written = record.event_name();
        let texts = (source.as_bytes(), written.as_bytes());
        let relevance = names.of(texts, |source, name| self.relevance(source, name));
        let class = self.count(record, relevance.told.invocation, (owner, named.as_ref()), facts);
        if relevance.sessions && matches!(self.pass, Pass::First) {
            sessions.gather(record, &source, &relevance.name, owner.account_text());
        }
        if !relevance.told.asked {
            return;
        }
        let wanted = Wanted {
            api_call: self.wanted.api_call && !relevance.call.is_empty(),
            logging_change: self.wanted.logging_change && relevance.change,
            ..self.wanted
        };
        let time = record.event_time();
        let at = RecordFile { path, named: named.as_ref(), recent };
        if relevance.recorder {
            causes::of_recorder(record, (path, ways), owner.account_text(), &mut facts.changes);
        }
        if relevance.change {
            effects_of(record, at, wanted, self.context, &mut facts.timeline);
        }
        let treatment = self.treatment(record, named.as_ref());
        if treatment == Treatment::Remembered && !self.has_state && !relevance.change {
            return;
        }
        let (owner, path): (&Owner, &Arc<str>) = (owner, path);
        let made = OnceCell::new();
        let make = || {
            let event_id = record.event_id().into_known();
            let class = class.unwrap_or_else(|| class_of(record));
            Standing::new((time, event_id), owner.account(), class, (path, record.offset()))
        };
        let standing = || made.get_or_init(make);
        let session = || Unsaid::of(record, self.engine.keys());
        facts_of(record, at, wanted, self.context, &mut |fact| {
            if self.last_invokes
                && is_invocation(fact)
                && let (Some(arn), Place::Event(event)) = (fact.subject.arn.as_deref(), &fact.place)
            {
                let invoke = LastInvoke { time: event.time, event_id: event.id.map(str::to_owned) };
                facts.invoked(arn, invoke);
                // In the caller's account it says nothing of what the owner's trail delivers.
                if owner.account_text() == fact.subject.account.as_deref() && ran(record, fact) {
                    facts.arrivals.invocation(arn, event.time);
                }
            }
            causes::of_fact(fact, || causes::change(ways, record, path), &mut facts.changes);
            if relevance.change
                && self.asks_before
                && (treatment == Treatment::Judged || self.keep.is_some())
                && let Some(open) =
                    OpenFact::of(fact, path, (owner.account_text(), owner.region_text()), opened)
            {
                // Kept whatever is reported; closed only if it is.
                facts.open.push(open);
                return;
            }
            if let Some(recounts) = counts {
                self.engine.count_again(recounts, (fact, treatment), standing(), memory);
            }
            if !judges {
                return;
            }
            let of = match self.pass {
                _ if !self.asks_sessions => Sessions::NotAsked,
                Pass::First => Sessions::Undecided { session: &session, waits: waiting },
                Pass::Second(..) => Sessions::Decided,
            };
            let fields = fact.body.fields();
            let (plans, telling) = match &mut relevance.invoked {
                Some(invoked) if is_invocation(fact) => (Some(invoked), &self.invocations),
                _ => (Some(&mut relevance.call).filter(|_| is_call(fact)), &self.calls),
            };
            let plan = plans.map(|plans| {
                plans.of(fields, self.engine, (telling, &source, &relevance.name), record.identity())
            });
            self.engine.judge_record(fact, (plan, treatment), &standing, of, (memory, tally));
        });
    }

    fn end(&self, mut file: PerFile, outcome: &FileOutcome) -> Option<Box<Object>> {
        file.owner.flush(&mut file.gathered.facts);
        if let Some(meter) = &self.watch.0 {
            meter.findings(file.gathered.tally.findings.len().saturating_sub(file.before) as u64);
        }
        let object = match self.digests {
            Digests::Checked => file.object.or_else(|| Object::unread(outcome)),
            Digests::Ignored => None,
        };
        let all = match (self.keep, file.aside) {
            (Some(keep), Some(aside)) => self.keep(keep, file.gathered, aside, (outcome, object.as_ref())),
            _ => file.gathered,
        };
        self.idle.put(all);
        object.map(Box::new)
    }
}

fn is_call(fact: &Fact<'_>) -> bool {
    std::ptr::eq(fact.body.fields().kind(), &API_CALL)
}

fn is_invocation(fact: &Fact<'_>) -> bool {
    std::ptr::eq(fact.body.fields().kind(), &INVOCATION)
}

/// Where an invocation's fact says whether permissions were only checked.
static DRY_RUN: LazyLock<Option<usize>> = LazyLock::new(|| INVOCATION.field("dry_run"));

/// Did the function run? Requests that are refused are no invocations, and one that only checks permissions runs nothing.
fn ran(record: &TrailRecord<'_>, fact: &Fact<'_>) -> bool {
    let dry = DRY_RUN.map(|index| fact.body.fields().value(index));
    record.succeeded() && dry != Some(Value::Bool(true))
}

/// Which events a record is one of. Records of before `eventCategory` say only whether they are management events.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[inline]
pub(super) fn class_of(record: &TrailRecord<'_>) -> EventClass {
    // Of nearly all records, and without making a text of it.
    match record.category_as_written() {
        br#""Management""# => return EventClass::Management,
        br#""Data""# => return EventClass::Data,
        _ => {}
    }
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
