//! What policies with state remember of a run's records, and the verdicts when all have been read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::plan::Row;
use super::state::{CountMode, Counted, Now, Part, Reading, Recount, Settled, Standing};
use super::{Engine, Occurrence, Scope, Tally, Told, Treatment, failed, part, traces_of, unknown};
use crate::arn;
use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::{Fact, Source, Subject, plain};
use crate::findings::fingerprint;
use crate::moment::{Came, Moment};
use crate::policy::judge::Outcome;
use crate::policy::program::{Counting, Program};
use crate::policy::test::Made;
use crate::policy::{Env, Evidence, Missing, Policy, Verdict};
use crate::timeline::Trace;
use crate::trail::TrailFileName;
use crate::value::{Truth, Value, Why};

/// What the policies with state remember of the records that one thread has read: in which order records are added,
/// and which memory has them, change nothing.
#[derive(Debug)]
pub struct Memory {
    /// One for each policy of the engine; `None` where it has no state.
    pub(super) parts: Vec<Option<Part<Held>>>,
}

/// What is kept of a record's fact until all records have been read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Held {
    fields: Made,
    subject: Subject<'static>,
    origin: Origin,
    moment: Moment,
    #[serde(with = "plain::shared")]
    file: Arc<str>,
    /// Byte offset of the record in the decompressed text.
    offset: u64,
    /// What tells facts of one record apart.
    part: Box<str>,
    accepted: bool,
    traces: Box<[Trace]>,
    treatment: Treatment,
}

impl Held {
    fn told(self, policy: &Policy) -> (Made, Told) {
        let Held { fields, subject, origin, moment, file, offset, part: own, accepted, traces, treatment: _ } =
            self;
        let event_id = moment.event_id();
        let told = Told {
            subject,
            origin,
            source: Source::Record { file: file.to_string(), offset, event_id: event_id.clone() },
            event_id,
            time: Some(moment.time),
            part: part(policy, &fields, &own),
            accepted,
            traces: traces.into_vec(),
        };
        (fields, told)
    }
}

/// What is counted record by record in a second reading, by policy.
#[derive(Debug)]
pub struct Recounts(Vec<Option<Recount>>);

impl Recounts {
    /// Whether something of that time, in seconds, both included, is counted again.
    pub fn touches(&self, times: (i64, i64)) -> bool {
        self.0.iter().flatten().any(|recount| recount.touches(times))
    }
}

impl<'p> Engine<'p> {
    /// An empty memory for these policies.
    pub fn memory(&self) -> Memory {
        let parts = self.policies.iter().map(|policy| policy.program.as_ref().map(Part::new));
        Memory { parts: parts.collect() }
    }

    /// What is remembered of the policy at this position.
    pub(super) fn part<'m>(&self, memory: &'m mut Memory, at: usize) -> Option<&'m mut Part<Held>> {
        memory.parts.get_mut(at)?.as_mut()
    }

    /// Adds to a memory what another one has.
    pub fn remember_all(&self, memory: &mut Memory, other: Memory) {
        for (part, more) in memory.parts.iter_mut().zip(other.parts) {
            if let (Some(part), Some(more)) = (part, more) {
                part.merge(more);
            }
        }
    }

    /// Whether any policy asks what other records there are.
    pub fn has_state(&self) -> bool {
        self.policies.iter().any(|policy| policy.program.is_some())
    }

    /// Adds a fact to the policy's histories that it is one of, and that are not left out. `known`: whether it is one of
    /// each, as far as that was worked out before.
    #[inline]
    pub(super) fn mention(
        &self,
        (at, policy): (usize, &Policy),
        (fields, known): (&dyn FieldAccess, &[Truth]),
        standing: &Standing<'_>,
        leave_out: &[bool],
        memory: &mut Memory,
    ) {
        if let (Some(program), Some(part)) = (&policy.program, self.part(memory, at)) {
            part.mention(self.rules(policy, program), (fields, known), standing, leave_out);
        }
    }

    pub(super) fn remember(
        &self,
        (policy, program): (&Policy, &Program),
        (fact, treatment, row): (&Fact<'_>, Treatment, &Row),
        standing: &Standing<'_>,
        (memory, tally): (&mut Memory, &mut Tally),
    ) {
        let at = row.at;
        let fields: &dyn FieldAccess = fact.body.fields();
        let rules = self.rules(policy, program);
        let Some(Some(part)) = memory.parts.get_mut(at) else { return };
        let look = part.look(rules, (fields, (row.outcome, &row.histories)), standing);
        let hold = || self.hold((at, policy), (fact, treatment), standing);
        let mode = match &program.count {
            Some(count) if self.counts_twice(at, policy) => CountMode::Roughly(count),
            _ => CountMode::Exactly,
        };
        let now = part.add(look, (standing, treatment == Treatment::Judged, mode), hold);
        match now {
            Now::Wait => {}
            Now::Judge(_) if treatment == Treatment::Remembered => {}
            Now::Judge(outcome @ (Outcome::Pass | Outcome::NotApplicable)) => tally.passed(at, outcome),
            Now::Judge(Outcome::Unknown | Outcome::Fail { .. }) => self.judge_one(at, policy, fact, tally),
        }
    }

    /// What is kept of a fact.
    fn hold(
        &self,
        (at, policy): (usize, &Policy),
        (fact, treatment): (&Fact<'_>, Treatment),
        standing: &Standing<'_>,
    ) -> Held {
        let kept = self.kept.get(at).into_iter().flatten().copied();
        Held {
            fields: Made::keep(fact.body.fields(), "", fact.origin, kept),
            subject: Subject::clone(&fact.subject).into_owned(),
            origin: fact.origin,
            moment: standing.moment().clone(),
            file: Arc::clone(standing.file),
            offset: standing.offset,
            part: fact.part.as_str().into(),
            accepted: self.gaps.accepts_unknown(&policy.id, fact),
            traces: traces_of(policy, fact).into(),
            treatment,
        }
    }

    /// Are this policy's records counted roughly first? Those that wait for other records before they are counted are
    /// not: what is told of them comes too late.
    fn counts_twice(&self, at: usize, policy: &Policy) -> bool {
        let waits = self.sessions.get(at).is_some_and(Option::is_some);
        self.reads_twice && !waits && policy.origins.iter().all(|origin| *origin == Origin::Activity)
    }

    /// What is to be counted record by record when everything is read again, now that it was read once.
    pub fn recount(&self, memory: &mut Memory) -> Recounts {
        let rows = self.policies.iter().zip(&mut memory.parts).enumerate().map(|(at, (policy, part))| {
            let count = policy.program.as_ref()?.count.as_ref().filter(|_| self.counts_twice(at, policy))?;
            let recount = part.as_mut()?.recount(count);
            (!recount.is_empty()).then_some(recount)
        });
        Recounts(rows.collect())
    }

    /// Counts a fact that is read again.
    pub fn count_again(
        &self,
        recounts: &Recounts,
        (fact, treatment): (&Fact<'_>, Treatment),
        standing: &Standing<'_>,
        memory: &mut Memory,
    ) {
        let fields: &dyn FieldAccess = fact.body.fields();
        for (at, policy) in self.policies_of(fields, fact.origin) {
            let recount = recounts.0.get(at).and_then(Option::as_ref);
            let Some((recount, program)) = recount.zip(policy.program.as_ref()) else { continue };
            let Some(part) = self.part(memory, at) else { continue };
            let look = part.look(self.rules(policy, program), (fields, (None, &[])), standing);
            let hold = || self.hold((at, policy), (fact, treatment), standing);
            // Whether it counts was told the first time.
            let (Now::Wait | Now::Judge(_)) =
                part.add(look, (standing, treatment == Treatment::Judged, CountMode::Again(recount)), hold);
        }
    }

    /// What was to be counted again of these times, in seconds, could not be read.
    pub fn give_up(&self, recounts: &Recounts, times: (i64, i64), memory: &mut Memory) {
        for (recount, part) in recounts.0.iter().zip(&mut memory.parts) {
            if let (Some(recount), Some(part)) = (recount, part) {
                part.give_up(recount, times);
            }
        }
    }

    /// Judges what is remembered, now that everything has been read.
    /// `reading`: what was read of the past, by position of the policy; of some there may be less than of others.
    pub fn recall<'r>(&self, memory: Memory, reading: &dyn Fn(usize) -> &'r Reading, tally: &mut Tally) {
        for (at, (policy, part)) in self.policies.iter().zip(memory.parts).enumerate() {
            let (Some(program), Some(part)) = (&policy.program, part) else { continue };
            let rules = self.rules(policy, program);
            part.settle(rules, reading(at), |held| &held.fields, &mut |settled| {
                settle(at, (policy, program), settled, (&self.scope, tally));
            });
        }
    }
}

fn settle(
    at: usize,
    (policy, program): (&Policy, &Program),
    settled: Settled<Held>,
    (scope, tally): (&Scope, &mut Tally),
) {
    match settled {
        // Only what is reported is judged. A count's doubt stands for other records too, and is always told.
        Settled::Judged { held, .. } | Settled::WarmingUp { held, .. } | Settled::Repeated(held)
            if held.treatment == Treatment::Remembered => {}
        Settled::Passed(records) => tally.count(at, |row| row.pass += records),
        Settled::Repeated(_) => tally.count(at, |row| {
            row.fail += 1;
            row.repeated += 1;
        }),
        Settled::WarmingUp { account, from, .. } => tally.warming_up(at, &account, from),
        Settled::Judged { held, seen } => {
            let env = Env { seen: &seen };
            match policy.judge(&held.fields, &env) {
                Verdict::Pass => tally.count(at, |row| row.pass += 1),
                Verdict::NotApplicable => tally.count(at, |row| row.not_applicable += 1),
                Verdict::Unknown { missing } => unknown(at, missing, &held.told(policy).1, 1, tally),
                Verdict::Fail(fail) => {
                    let (fields, told) = held.told(policy);
                    failed(at, policy, (&fields, &env, &fail), told, tally);
                }
            }
        }
        Settled::Unknown { held, records } => {
            let missing = policy.doubts(&held.fields);
            unknown(at, missing, &held.told(policy).1, records, tally);
        }
        Settled::Lost { held, records } => {
            let missing = vec![Missing { field: "count".to_owned(), why: Why::HistoryGap }];
            unknown(at, missing, &held.told(policy).1, records, tally);
        }
        Settled::Reached { held, mut records, most } => {
            records.retain(|record| reported(scope, record));
            let (Some(count), Some(first)) = (&program.count, records.first()) else { return };
            tally.count(at, |row| row.fail += records.len() as u64);
            let subject = subject(policy, count, &held);
            let part = part(policy, &held.fields, "");
            let evidence = Evidence {
                field: match count.distinct.and_then(|index| policy.kind.fields.get(index)) {
                    Some(field) => format!("count of different {}.{}", policy.kind.name, field.name),
                    None => "count".to_owned(),
                },
                observed: json!(most),
                expected: format!("< {} within {}", count.at_least, length(count.window)),
            };
            let occurrence = Occurrence {
                policy: at,
                severity: policy.severity,
                risk_score: policy.risk_score,
                level: None,
                origin: held.origin,
                time: Some(first.moment.time),
                event_id: first.moment.event_id(),
                source: first.source(),
                message: policy.message(&held.fields),
                evidence: vec![evidence],
                traces: held.traces.to_vec(),
                subject,
            };
            let fingerprint = fingerprint(&policy.id, occurrence.subject.label(), &part);
            tally.fail_all(fingerprint, occurrence, &records);
        }
    }
}

/// Is a record that counted in what is reported? Where its file's name does not say whose it is, it is.
fn reported(scope: &Scope, record: &Counted) -> bool {
    if scope.is_everything() {
        return true;
    }
    let named = TrailFileName::parse(&record.file);
    let (account, region) = match &named {
        Some(named) => (Some(named.account.as_str()), Some(named.region.as_str())),
        None => (None, None),
    };
    scope.has_time(record.moment.time) && scope.has_place(account, region)
}

/// What a count is about: its key, not the one record that came first.
fn subject(policy: &Policy, count: &Counting, held: &Held) -> Subject<'static> {
    let by_subject = policy.kind.field("subject").is_some_and(|subject| count.by.contains(&subject));
    let text = |&index: &usize| match held.fields.value(index) {
        Value::Text(text) => Some((policy.kind.fields.get(index)?.name, text)),
        _ => None,
    };
    let is_caller = |name: &str| matches!(name, "principal" | "session_arn");
    let caller = count.by.iter().filter_map(text).find(|(name, _)| is_caller(name));
    let first = caller.or_else(|| count.by.iter().find_map(text));
    match first {
        Some((name, text)) if !by_subject => Subject {
            arn: text.starts_with("arn:").then(|| text.to_owned().into()),
            kind: if is_caller(name) { "principal" } else { name },
            name: text.to_owned().into(),
            account: arn::account(text).map(|account| account.to_owned().into()),
            region: None,
        },
        _ => held.subject.clone(),
    }
}

/// Seconds as a policy writes them.
fn length(seconds: i64) -> String {
    for (unit, of) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds % of == 0 {
            return format!("{}{unit}", seconds / of);
        }
    }
    format!("{seconds}s")
}
