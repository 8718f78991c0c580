//! Judges facts against policies, and keeps the tally: findings by fingerprint, and per policy what was judged, failed,
//! passed, did not apply, and could not be judged. Pure.
//!
//! Tallies of parts of the input merge in any order to the same result, so that neither the order of files nor the
//! number of threads changes a byte of the output.

mod tally;

use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::{Fact, KINDS, Place, Source};
use crate::findings::fingerprint;
use crate::findings::gaps::AcceptedGaps;
use crate::policy::{Env, Policy, Verdict};
use crate::value::Value;

pub use tally::{Gathered, Occurrence, PolicyTally, Tally, UnknownKey};

/// The policies of a run, by the kind of fact they judge.
#[derive(Debug)]
pub struct Engine<'p> {
    policies: Vec<&'p Policy>,
    by_kind: Vec<Vec<usize>>,
    gaps: &'p AcceptedGaps,
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
        Engine { policies, by_kind, gaps }
    }

    pub fn policies(&self) -> &[&'p Policy] {
        &self.policies
    }

    /// Whether any policy judges facts of this kind and origin.
    pub fn wants(&self, kind: &str, origin: Origin) -> bool {
        self.policies.iter().any(|policy| policy.kind.name == kind && policy.origins.contains(&origin))
    }

    /// Whether any policy reads a field of one of these names, in its message too.
    pub fn reads(&self, names: &[&str]) -> bool {
        self.policies.iter().any(|policy| {
            let fields = policy.fields().into_iter().filter_map(|index| policy.kind.fields.get(index));
            let mut fields = fields.map(|field| field.name);
            fields.any(|name| names.contains(&name))
        })
    }

    /// An empty tally for these policies.
    pub fn tally(&self) -> Tally {
        Tally::new(self.policies.len())
    }

    /// Judges one fact with every policy of its kind and origin.
    pub fn judge(&self, fact: &Fact<'_>, tally: &mut Tally) {
        let fields = fact.body.fields();
        let Some(kind) = KINDS.iter().position(|kind| std::ptr::eq(*kind, fields.kind())) else { return };
        for &at in self.by_kind.get(kind).into_iter().flatten() {
            let Some(&policy) = self.policies.get(at) else { continue };
            if policy.origins.contains(&fact.origin) {
                self.judge_one(at, policy, fact, tally);
            }
        }
    }

    fn judge_one(&self, at: usize, policy: &Policy, fact: &Fact<'_>, tally: &mut Tally) {
        let fields: &dyn FieldAccess = fact.body.fields();
        let env = Env { seen: &[] };
        match policy.judge(fields, &env) {
            Verdict::Pass => tally.count(at, |row| row.pass += 1),
            Verdict::NotApplicable => tally.count(at, |row| row.not_applicable += 1),
            Verdict::Unknown { missing } => {
                let accepted = self.gaps.accepts_unknown(&policy.id, fact);
                let source = source(&fact.place);
                let example = match event_id(&fact.place) {
                    Some(id) => format!("{} (event {id})", fact.subject.label()),
                    None => fact.subject.label().to_owned(),
                };
                let keys =
                    missing.into_iter().map(|one| UnknownKey { field: one.field, why: one.why, accepted });
                tally.unknown(at, accepted, keys, &example, source);
            }
            Verdict::Fail(fail) => {
                tally.count(at, |row| row.fail += 1);
                let part = part(policy, fact);
                let label = fact.subject.label();
                // A level that may not hold is only a bound: the message says so.
                let level = fail.level.filter(|_| fail.level_missing.is_empty());
                let level = level.and_then(|level| policy.levels.get(level));
                tally.fail(
                    fingerprint(&policy.id, label, &part),
                    Occurrence {
                        policy: at,
                        severity: fail.severity,
                        risk_score: fail.risk_score,
                        level: level.and_then(|level| level.note.clone()),
                        origin: fact.origin,
                        time: if let Place::Event(event) = &fact.place { Some(event.time) } else { None },
                        event_id: event_id(&fact.place).map(str::to_owned),
                        source: source(&fact.place),
                        subject: fact.subject.clone().into_owned(),
                        message: policy.message_for(fields, &fail),
                        evidence: policy.evidence(fields, &env),
                    },
                );
            }
        }
    }
}

/// What tells findings of one policy and subject apart: the fact's own part, and what the policy groups by.
fn part(policy: &Policy, fact: &Fact<'_>) -> String {
    let fields = fact.body.fields();
    let mut part = fact.part.clone();
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
        Place::Event(event) => Source::Record {
            file: event.file.to_owned(),
            offset: event.offset,
            event_id: event.id.map(str::to_owned),
        },
    }
}
