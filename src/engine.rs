//! Judges facts against policies, and keeps the tally: findings by fingerprint, and per policy what was judged, failed,
//! passed, did not apply, and could not be judged. Pure.
//!
//! Tallies of parts of the input merge in any order to the same result, so that neither the order of files nor the
//! number of threads changes a byte of the output.

mod by_session;
mod kept;
mod memory;
mod places;
mod plan;
mod scope;
pub mod state;
mod tally;
mod waiting;
mod waits;

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::sessions::Unsaid;
use crate::facts::{Fact, KINDS, Place, Source, Subject};
use crate::findings::fingerprint;
use crate::findings::gaps::AcceptedGaps;
use crate::hashed::Keys;
use crate::policy::judge::Outcome;
use crate::policy::program::Program;
use crate::policy::{Env, Fail, Missing, Policy, Verdict};
use crate::timeline::{Trace, traces};
use crate::value::{Value, Why};
use state::{Rules, Standing};

pub use kept::Share;
pub use memory::{Memory, Recounts};
pub use plan::Plan;
pub use scope::{Needed, Scope};
pub use tally::{Gathered, Occurrence, PolicyTally, Tally, UnknownKey};
use waiting::Asks;
pub use waits::Waits;

/// The policies of a run, by the kind of fact they judge.
#[derive(Debug)]
pub struct Engine<'p> {
    policies: Vec<&'p Policy>,
    by_kind: Vec<Vec<usize>>,
    /// Which policies ask whose a session is.
    sessions: Vec<Option<Asks>>,
    /// The fields that are kept of a fact that waits, for each policy.
    kept: Vec<Box<[usize]>>,
    gaps: &'p AcceptedGaps,
    scope: Scope,
    /// By what keys of histories and counts are made.
    keys: Keys,
    /// What is read can be read again.
    reads_twice: bool,
}

/// What is to become of a record's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Treatment {
    Judged,
    /// Outside of what is reported: policies with state remember it for what they judge.
    Remembered,
}

/// Whose the sessions of records are.
pub enum Sessions<'s, 'r> {
    /// What the record says of its own is all there is.
    NotAsked,
    /// Other records may tell: what hangs on it is put off. `session`: what the fact's record says of its own.
    Undecided { session: &'s dyn Fn() -> Option<Unsaid<'r>>, waits: &'s mut Waits },
    /// The fact was put off; now it says whose its session is, as far as can be told.
    Decided,
}

impl<'p> Engine<'p> {
    pub fn new(policies: Vec<&'p Policy>, gaps: &'p AcceptedGaps) -> Self {
        let by_kind = KINDS
            .iter()
            .map(|kind| {
                let of_kind = |(at, policy): (usize, &&Policy)| (policy.kind.name == kind.name).then_some(at);
                policies.iter().enumerate().filter_map(of_kind).collect()
            })
            .collect();
        let sessions = policies.iter().map(|policy| Asks::of(policy)).collect();
        let kept = policies.iter().map(|policy| policy.used_fields().into_iter().collect()).collect();
        Engine {
            policies,
            by_kind,
            sessions,
            kept,
            gaps,
            scope: Scope::default(),
            keys: Keys::KNOWN,
            reads_twice: false,
        }
    }

    /// Judges only what is in that scope.
    pub fn reporting(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Counts roughly first. Everything can be read again, and [`Engine::recount`] tells what has to be.
    pub fn reading_twice(mut self, reads_twice: bool) -> Self {
        self.reads_twice = reads_twice;
        self
    }

    /// Makes keys by this secret: what was remembered under it can be added.
    pub(crate) fn keyed_by(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) fn keys(&self) -> Keys {
        self.keys
    }

    fn rules<'r>(&self, policy: &'r Policy, program: &'r Program) -> Rules<'r> {
        Rules { program, judge: &policy.judge, keys: self.keys }
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn policies(&self) -> &[&'p Policy] {
        &self.policies
    }

    /// Whether any policy judges facts of this kind and origin.
    pub fn wants(&self, kind: &str, origin: Origin) -> bool {
        self.policies.iter().any(|policy| policy.kind.name == kind && policy.origins.contains(&origin))
    }

    /// Whether any policy reads a field of one of these names: in a predicate, in its message, or to tell findings,
    /// histories and counts apart.
    pub fn reads(&self, names: &[&str]) -> bool {
        self.policies.iter().any(|policy| {
            let fields = policy.used_fields();
            let mut fields = fields.into_iter().filter_map(|index| policy.kind.fields.get(index));
            fields.any(|field| names.contains(&field.name))
        })
    }

    /// An empty tally for these policies.
    pub fn tally(&self) -> Tally {
        Tally::new(self.policies.len())
    }

    /// Judges one fact of a snapshot with every policy of its kind and origin. What a policy asks of other records is
    /// unknown to it.
    pub fn judge(&self, fact: &Fact<'_>, tally: &mut Tally) {
        for (at, policy) in self.policies_of(fact.body.fields(), fact.origin) {
            self.judge_one(at, policy, fact, tally);
        }
    }

    /// Judges one fact of a trail record, by what is certain of it where that was worked out before. Policies with state
    /// remember it; [`Engine::recall`] judges it.
    pub fn judge_record<'r>(
        &self,
        fact: &Fact<'_>,
        (plan, treatment): (Option<&Plan>, Treatment),
        standing: &dyn Fn() -> &'r Standing<'r>,
        of: Sessions<'_, '_>,
        (memory, tally): (&mut Memory, &mut Tally),
    ) {
        let undecided = OnceCell::new();
        let mut of = of;
        let decided = matches!(of, Sessions::Decided);
        let fields: &dyn FieldAccess = fact.body.fields();
        let made;
        let plan = match plan {
            Some(plan) => plan,
            None => {
                made = Plan::unknown(self.policies_of(fields, fact.origin).map(|(at, _)| at));
                &made
            }
        };
        if !decided && treatment == Treatment::Judged {
            plan.done.iter().for_each(|(at, outcome)| tally.passed(*at, *outcome));
        }
        for row in &plan.rows {
            let at = row.at;
            let Some(policy) = self.policies.get(at).copied() else { continue };
            // Of what is not reported, only policies with state keep anything.
            if treatment == Treatment::Remembered && policy.program.is_none() {
                continue;
            }
            let asks = self.sessions.get(at).and_then(Option::as_ref);
            // What is certain by itself was never put off.
            if let Some(outcome) = row.passes()
                && !decided
                && !asks.is_some_and(Asks::is_of_histories)
            {
                self.mention((at, policy), (fields, &row.histories), standing(), &[], memory);
                if treatment == Treatment::Judged {
                    tally.passed(at, outcome);
                }
                continue;
            }
            if let Some(asks) = asks {
                let of_fact = (policy, fact, asks);
                match &mut of {
                    Sessions::Undecided { session, waits } => {
                        // Most facts are judged the same whoever's they are, or say whose.
                        let outcome =
                            row.outcome.unwrap_or_else(|| policy.judge.outcome(fields, &Env::default()));
                        let is_final = matches!(outcome, Outcome::Pass | Outcome::NotApplicable);
                        if is_final && policy.program.is_none() {
                            tally.passed(at, outcome);
                            continue;
                        }
                        let may_hang = || asks.is_undecided(fields).then(session).flatten();
                        if (!is_final || asks.is_of_histories())
                            && let Some(session) = undecided.get_or_init(may_hang)
                            && self.put_off(of_fact, row, standing(), session, (memory, waits))
                        {
                            continue;
                        }
                    }
                    Sessions::Decided if !self.was_put_off(of_fact) => continue,
                    Sessions::Decided | Sessions::NotAsked => {}
                }
            } else if decided {
                continue;
            }
            match &policy.program {
                None => self.judge_one(at, policy, fact, tally),
                Some(program) => {
                    let about = (fact, treatment, row);
                    self.remember((policy, program), about, standing(), (memory, tally));
                }
            }
        }
    }

    /// A file that some policies cannot be judged on, since it is gone: one judgement of each is unknown.
    pub fn unread_file(&self, path: &str, is_of: impl Fn(usize) -> bool, tally: &mut Tally) {
        let source = Source::Record { file: path.to_owned(), offset: 0, event_id: None };
        for (at, policy) in self.policies.iter().enumerate() {
            if is_of(at) && policy.origins.iter().any(|origin| *origin != Origin::State) {
                let why = Why::HistoryGap;
                let key = UnknownKey { field: policy.kind.name.to_owned(), why, accepted: false };
                tally.unknown(at, false, 1, [key], path, &source);
            }
        }
    }

    fn policies_of(
        &self,
        fields: &dyn FieldAccess,
        origin: Origin,
    ) -> impl Iterator<Item = (usize, &'p Policy)> {
        let kind = fields.kind();
        let kind = KINDS.iter().position(|known| std::ptr::eq(*known, kind));
        let ours = kind.and_then(|kind| self.by_kind.get(kind)).map_or(&[][..], Vec::as_slice);
        ours.iter()
            .filter_map(|&at| Some((at, *self.policies.get(at)?)))
            .filter(move |(_, policy)| policy.origins.contains(&origin))
    }

    fn judge_one(&self, at: usize, policy: &Policy, fact: &Fact<'_>, tally: &mut Tally) {
        let fields: &dyn FieldAccess = fact.body.fields();
        let env = Env { seen: &[] };
        match policy.judge(fields, &env) {
            Verdict::Pass => tally.count(at, |row| row.pass += 1),
            Verdict::NotApplicable => tally.count(at, |row| row.not_applicable += 1),
            Verdict::Unknown { missing } => {
                let accepted = self.gaps.accepts_unknown(&policy.id, fact);
                unknown(at, missing, &Told::of(policy, fact, accepted), 1, tally);
            }
            Verdict::Fail(_) if policy.state.count.is_some() => {
                let missing = vec![Missing { field: "count".to_owned(), why: Why::NotCollected }];
                let accepted = self.gaps.accepts_unknown(&policy.id, fact);
                unknown(at, missing, &Told::of(policy, fact, accepted), 1, tally);
            }
            Verdict::Fail(fail) => {
                failed(at, policy, (fields, &env, &fail), Told::of(policy, fact, false), tally)
            }
        }
    }
}

/// What is told of a fact beside its fields.
#[derive(Debug, Clone)]
struct Told {
    subject: Subject<'static>,
    origin: Origin,
    source: Source,
    event_id: Option<String>,
    time: Option<i64>,
    /// What tells findings apart.
    part: String,
    /// An accepted gap covers an unknown verdict.
    accepted: bool,
    /// What has to stand for a finding to hold.
    traces: Vec<Trace>,
}

impl Told {
    fn of(policy: &Policy, fact: &Fact<'_>, accepted: bool) -> Self {
        Told {
            traces: traces_of(policy, fact),
            subject: Subject::clone(&fact.subject).into_owned(),
            origin: fact.origin,
            source: source(&fact.place),
            event_id: event_id(&fact.place).map(str::to_owned),
            time: if let Place::Event(event) = &fact.place { Some(event.time) } else { None },
            part: part(policy, fact.body.fields(), &fact.part),
            accepted,
        }
    }
}

/// What has to stand for a finding to hold.
fn traces_of(policy: &Policy, fact: &Fact<'_>) -> Vec<Trace> {
    match fact.origin {
        // Nothing is left of what merely happened.
        Origin::Activity => Vec::new(),
        Origin::State | Origin::Change => {
            let fields = policy.deciding_fields();
            traces(fact, |name| policy.kind.field(name).is_some_and(|field| fields.contains(&field)))
        }
    }
}

fn unknown(at: usize, missing: Vec<Missing>, told: &Told, records: u64, tally: &mut Tally) {
    let example = example(told.subject.label(), told.event_id.as_deref());
    let accepted = told.accepted;
    let keys = missing.into_iter().map(|one| UnknownKey { field: one.field, why: one.why, accepted });
    tally.unknown(at, accepted, records, keys, &example, &told.source);
}

/// How a fact is named as an example.
fn example(label: &str, event_id: Option<&str>) -> String {
    match event_id {
        Some(id) => format!("{label} (event {id})"),
        None => label.to_owned(),
    }
}

fn failed(
    at: usize,
    policy: &Policy,
    (fields, env, fail): (&dyn FieldAccess, &Env<'_>, &Fail),
    told: Told,
    tally: &mut Tally,
) {
    tally.count(at, |row| row.fail += 1);
    // A level that may not hold is only a bound: the message says so.
    let level = fail.level.filter(|_| fail.level_missing.is_empty());
    let level = level.and_then(|level| policy.levels.get(level));
    tally.fail(
        fingerprint(&policy.id, told.subject.label(), &told.part),
        Occurrence {
            policy: at,
            severity: fail.severity,
            risk_score: fail.risk_score,
            level: level.and_then(|level| level.note.clone()),
            origin: told.origin,
            time: told.time,
            event_id: told.event_id,
            source: told.source,
            subject: told.subject,
            message: policy.message_for(fields, fail),
            evidence: policy.evidence(fields, env),
            traces: told.traces,
        },
    );
}

/// What tells findings of one policy and subject apart: the fact's own part, and what the policy groups by.
fn part(policy: &Policy, fields: &dyn FieldAccess, own: &str) -> String {
    let mut part = own.to_owned();
    for &field in &policy.group_by {
        part.push('\u{1d}');
        match fields.value(field) {
            Value::Absent | Value::Unread(_) => {}
            Value::Bool(value) => part.push_str(if value { "true" } else { "false" }),
            Value::Int(value) => part.push_str(&value.to_string()),
            Value::Text(value) => part.push_str(value),
            Value::List(list) => {
                let mut items: Vec<&str> = list.items.iter().map(AsRef::as_ref).collect();
                items.sort_unstable();
                part.push_str(&items.join("\u{1f}"));
            }
        }
    }
    part
}

fn event_id<'a>(place: &Place<'a>) -> Option<&'a str> {
    if let Place::Event(event) = place { event.id } else { None }
}

fn source(place: &Place<'_>) -> Source {
    match place {
        Place::Part { file, line, api, pointer } => Source::Snapshot {
            file: (*file).to_owned(),
            line: *line,
            pointer: pointer.clone(),
            api: (*api).to_owned(),
        },
        Place::File { file } => Source::File { file: (*file).to_owned() },
        Place::Event(event) => Source::Record {
            file: event.file.to_owned(),
            offset: event.offset,
            event_id: event.id.map(str::to_owned),
        },
    }
}
