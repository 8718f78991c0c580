//! Running a policy's cases.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::cases::{Case, Expect, Given, repeated};
use super::judge::{Certain, Judge, Outcome};
use super::lang::compile::Env;
use super::program::Program;
use super::{Policy, Severity, Verdict};
use crate::engine::state::{CountMode, Now, Occasion, Part, Reading, Rules, Settled};
use crate::facts::schema::{FieldAccess, KindDecl, Origin};
use crate::hashed::Keys;
use crate::trust::Trust;
use crate::value::{OwnedValue, Truth, Value, Why};

/// Makes facts from raw input. The engine's makers stand behind it, so that a case judges what a run would.
pub trait FactMaker {
    /// Facts of all kinds that these CloudTrail records make, in any order.
    ///
    /// # Errors
    /// A sentence: the input is no trail record.
    fn of_records(&self, records: &[Json], trust: &Trust) -> Result<Vec<Made>, String>;

    /// Facts of all kinds that these snapshot lines make; header and end may be left out.
    ///
    /// # Errors
    /// A sentence: the input is no snapshot.
    fn of_snapshot(&self, lines: &[Json], trust: &Trust) -> Result<Vec<Made>, String>;
}

/// A fact made from raw input, free of what it was read from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Made {
    /// What the fact is about, as a reader is shown it.
    pub subject: String,
    pub origin: Origin,
    #[serde(with = "crate::facts::plain::kind_decl")]
    kind: &'static KindDecl,
    /// By field, in order; the others were not kept.
    values: Vec<(usize, OwnedValue)>,
    /// The record that made it, where one did.
    occasion: Option<Occasion>,
}

impl Made {
    /// Copies the fact's fields.
    pub fn capture(fact: &dyn FieldAccess, subject: &str, origin: Origin) -> Self {
        Made::keep(fact, subject, origin, 0..fact.kind().fields.len())
    }

    /// Copies these of the fact's fields, by index in ascending order.
    pub fn keep(
        fact: &dyn FieldAccess,
        subject: &str,
        origin: Origin,
        fields: impl IntoIterator<Item = usize>,
    ) -> Self {
        let values = fields.into_iter().map(|index| (index, fact.value(index).to_owned())).collect();
        Made { subject: subject.to_owned(), origin, kind: fact.kind(), values, occasion: None }
    }

    /// Says which record made it.
    #[must_use]
    pub fn on(self, occasion: Occasion) -> Self {
        Made { occasion: Some(occasion), ..self }
    }
}

impl FieldAccess for Made {
    fn kind(&self) -> &'static KindDecl {
        self.kind
    }

    fn value(&self, index: usize) -> Value<'_> {
        let at = self.values.binary_search_by_key(&index, |(index, _)| *index);
        let value = at.ok().and_then(|at| self.values.get(at));
        value.map_or(Value::Unread(Why::NotCollected), |(_, value)| value.view())
    }
}

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub name: String,
    /// In the test file, from 1.
    pub line: usize,
    /// What was expected and what came, where they differ.
    pub fault: Option<Fault>,
}

/// A case that did not come out as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub expected: String,
    pub got: String,
}

/// How the cases of one policy went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    pub policy: String,
    pub cases: Vec<CaseResult>,
    /// Verdicts the policy can give and no case expects.
    pub gaps: Vec<Expect>,
}

impl TestReport {
    /// Every case as expected, and every possible verdict expected by one.
    pub fn passed(&self) -> bool {
        self.gaps.is_empty() && self.cases.iter().all(|case| case.fault.is_none())
    }
}

/// Runs a policy's cases.
pub fn run(policy: &Policy, cases: &[Case], maker: &dyn FactMaker) -> TestReport {
    let results = prepare(policy, cases, maker)
        .iter()
        .map(|prepared| CaseResult {
            name: prepared.case.name.clone(),
            line: prepared.case.line,
            fault: prepared.fault(policy),
        })
        .collect();
    TestReport { policy: policy.id.clone(), cases: results, gaps: gaps(policy, cases) }
}

/// Verdicts the policy can give and no case expects.
pub fn gaps(policy: &Policy, cases: &[Case]) -> Vec<Expect> {
    let mut needed = vec![Expect::Fail, Expect::Pass];
    if policy.applies_to.is_some() {
        needed.push(Expect::NotApplicable);
    }
    let unreadable = |index: usize| policy.kind.fields.get(index).is_some_and(|field| field.can_be_unread);
    if policy.deciding_fields().into_iter().any(unreadable) {
        needed.push(Expect::Unknown);
    }
    // Where only levels ask, the finding is there from the first record.
    if policy.state.warm_up.is_some() && !policy.when.pred.histories().is_empty() {
        needed.push(Expect::WarmingUp);
    }
    if policy.state.repeat.is_some() {
        needed.push(Expect::Repeated);
    }
    needed.retain(|needed| !cases.iter().any(|case| case.expect == *needed));
    needed
}

/// A case with its facts made, ready to be judged many times.
pub(crate) struct Prepared<'c> {
    pub(crate) case: &'c Case,
    facts: Result<Vec<Made>, String>,
    /// What was read of the past: the case's own records.
    reading: Reading,
}

/// The worst answer over a case's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    expect: Expect,
    rank: Option<(Severity, u8)>,
    /// The deciding level and whether it is certain; levels of equal rank differ in their notes.
    level: Option<(usize, bool)>,
}

pub(crate) fn prepare<'c>(policy: &Policy, cases: &'c [Case], maker: &dyn FactMaker) -> Vec<Prepared<'c>> {
    cases
        .iter()
        .map(|case| match facts(policy, case, maker) {
            Ok((facts, reading)) => Prepared { case, facts: Ok(facts), reading },
            Err(why) => Prepared { case, facts: Err(why), reading: Reading::default() },
        })
        .collect()
}

/// The facts that the policy judges, and what was read: all records, those that make no such fact included.
fn facts(policy: &Policy, case: &Case, maker: &dyn FactMaker) -> Result<(Vec<Made>, Reading), String> {
    let made = match &case.given {
        Given::Fact(fields) => {
            let mut values = vec![OwnedValue::Unread(Why::NotCollected); policy.kind.fields.len()];
            for (index, value) in fields {
                if let Some(slot) = values.get_mut(*index) {
                    *slot = value.clone();
                }
            }
            // A fact that is given is judged: its origin is one of the policy's.
            let origin = policy.origins.first().copied().unwrap_or(Origin::State);
            let subject = match policy.kind.field("subject").and_then(|index| values.get(index)) {
                Some(OwnedValue::Text(subject)) => subject.clone(),
                _ => String::new(),
            };
            vec![Made {
                subject,
                origin,
                kind: policy.kind,
                values: values.into_iter().enumerate().collect(),
                occasion: None,
            }]
        }
        Given::Records(records) => maker.of_records(records, &case.trust)?,
        Given::Repeated(records, times) => {
            let records: Vec<Json> = records.iter().flat_map(|record| repeated(record, *times)).collect();
            maker.of_records(&records, &case.trust)?
        }
        Given::Snapshot(lines) => maker.of_snapshot(lines, &case.trust)?,
    };
    let mut reading = Reading::default();
    for occasion in made.iter().filter_map(|fact| fact.occasion.as_ref()) {
        if let Some(account) = &occasion.account {
            reading.record(account, occasion.class, occasion.time());
        }
    }
    let facts = made
        .into_iter()
        .filter(|fact| std::ptr::eq(fact.kind, policy.kind) && policy.origins.contains(&fact.origin))
        .collect();
    Ok((facts, reading))
}

/// One verdict on a case: of a fact, or of what its records came to together.
enum One<'f> {
    Fact(&'f Made, Outcome, Vec<Truth>),
    /// Records that reach a count, or may.
    Reached,
    Unknown(&'f Made),
    Passed,
    WarmingUp,
    Repeated,
}

impl Prepared<'_> {
    /// `None` where the facts could not be made.
    pub(crate) fn answer(&self, judge: &Judge, program: Option<&Program>) -> Option<Answer> {
        let nothing = Answer { expect: Expect::Nothing, rank: None, level: None };
        let of = |outcome: Outcome| match outcome {
            Outcome::Pass => Answer { expect: Expect::Pass, ..nothing },
            Outcome::NotApplicable => Answer { expect: Expect::NotApplicable, ..nothing },
            Outcome::Unknown => Answer { expect: Expect::Unknown, ..nothing },
            Outcome::Fail { rank, level, certain } => Answer {
                expect: Expect::Fail,
                rank: Some(rank),
                level: Some((level.map_or(usize::MAX, |level| level), certain == Certain::Yes)),
            },
        };
        let answers = self.verdicts(judge, program)?.into_iter().map(|one| match one {
            One::Fact(_, outcome, _) => of(outcome),
            One::Reached => Answer { expect: Expect::Fail, rank: Some(judge.base()), level: None },
            One::Unknown(_) => Answer { expect: Expect::Unknown, ..nothing },
            One::Passed => Answer { expect: Expect::Pass, ..nothing },
            One::WarmingUp => Answer { expect: Expect::WarmingUp, ..nothing },
            One::Repeated => Answer { expect: Expect::Repeated, ..nothing },
        });
        Some(answers.max().unwrap_or(nothing))
    }

    /// Every verdict on the case's facts, by the code that judges a run. Facts about other subjects or of
    /// other events than the case's are part of the past, and not judged.
    fn verdicts(&self, judge: &Judge, program: Option<&Program>) -> Option<Vec<One<'_>>> {
        let facts = self.facts.as_ref().ok()?;
        let glob = self.case.subject.as_deref().map(wildmatch::WildMatch::new);
        let event = self.case.event.as_deref();
        let about = |fact: &Made| {
            let id = fact.occasion.as_ref().and_then(Occasion::event_id);
            glob.as_ref().is_none_or(|glob| glob.matches(&fact.subject))
                && (event.is_none() || id.as_deref() == event)
        };
        let mut out = Vec::new();
        let Some(program) = program else {
            let judged = facts.iter().filter(|fact| about(fact));
            out.extend(judged.map(|fact| One::Fact(fact, judge.outcome(fact, &Env::default()), Vec::new())));
            return Some(out);
        };
        let rules = Rules { program, judge, keys: Keys::KNOWN };
        let mut part = Part::new(program);
        for fact in facts {
            let Some(occasion) = &fact.occasion else {
                // A fact alone: nothing has come before it, and nothing counts beside it.
                let seen = vec![Truth::False; program.histories.len()];
                let outcome = match judge.outcome(fact, &Env { seen: &seen }) {
                    Outcome::Fail { .. } if program.count.is_some() => Outcome::Pass,
                    outcome => outcome,
                };
                out.extend(about(fact).then_some(One::Fact(fact, outcome, seen)));
                continue;
            };
            let standing = occasion.standing();
            match part.add(rules.look(fact, &standing), (&standing, true, CountMode::Exactly), || fact) {
                Now::Judge(outcome) => {
                    out.extend(about(fact).then(|| One::Fact(fact, outcome, Vec::new())));
                }
                Now::Wait => {}
            }
        }
        part.settle(rules, &self.reading, |fact| *fact, &mut |settled| match settled {
            Settled::Judged { held, seen } if about(held) => {
                let outcome = judge.outcome(held, &Env { seen: &seen });
                out.push(One::Fact(held, outcome, seen));
            }
            Settled::WarmingUp { held, .. } if about(held) => out.push(One::WarmingUp),
            Settled::Repeated(held) if about(held) => out.push(One::Repeated),
            Settled::Repeated(_)
            | Settled::Judged { .. }
            | Settled::WarmingUp { .. }
            | Settled::Passed(0) => {}
            Settled::Passed(_) => out.push(One::Passed),
            Settled::Reached { .. } => out.push(One::Reached),
            Settled::Unknown { held, .. } | Settled::Lost { held, .. } => out.push(One::Unknown(held)),
        });
        Some(out)
    }

    fn fault(&self, policy: &Policy) -> Option<Fault> {
        let case = self.case;
        let answer = match (&self.facts, self.answer(&policy.judge, policy.program.as_ref())) {
            (Err(why), _) => {
                return Some(Fault {
                    expected: case.expect.as_str().to_owned(),
                    got: format!("no facts: {why}"),
                });
            }
            (_, None) => return None,
            (_, Some(answer)) => answer,
        };
        let missing = self.missing(policy);
        let right = answer.expect == case.expect
            && case.level.is_none_or(|level| answer.rank.is_some_and(|(severity, _)| severity == level))
            && (case.missing.is_empty() || same(&case.missing, &missing));
        if right {
            return None;
        }
        let mut expected = case.expect.as_str().to_owned();
        if let Some(level) = case.level {
            expected.push_str(&format!(" ({level})"));
        }
        if !case.missing.is_empty() {
            expected.push_str(&format!(" without {}", case.missing.join(", ")));
        }
        let mut got = answer.expect.as_str().to_owned();
        if let Some((severity, _)) = answer.rank {
            got.push_str(&format!(" ({severity})"));
        }
        if answer.expect == Expect::Unknown {
            got.push_str(&format!(" without {}", missing.join(", ")));
        }
        Some(Fault { expected, got })
    }

    /// The full names of the fields missing over all facts.
    fn missing(&self, policy: &Policy) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let verdicts = self.verdicts(&policy.judge, policy.program.as_ref());
        for one in verdicts.into_iter().flatten() {
            let missing = match one {
                One::Fact(fact, Outcome::Unknown, seen) => match policy.judge(fact, &Env { seen: &seen }) {
                    Verdict::Unknown { missing } => missing,
                    _ => continue,
                },
                One::Unknown(fact) => policy.doubts(fact),
                _ => continue,
            };
            names.extend(missing.into_iter().map(|missing| missing.field));
        }
        names.sort();
        names.dedup();
        names
    }
}

fn same(left: &[String], right: &[String]) -> bool {
    left.iter().all(|name| right.contains(name)) && right.iter().all(|name| left.contains(name))
}
