//! What some of a fact's fields tell of the verdicts on it, worked out once for all facts that have the same there: most
//! calls pass most policies by who made them, from where, and what they are.
//!
//! Sound: a verdict that is certain while the other fields are unread is the verdict, whatever they are.

use super::Engine;
use super::waiting::{Asks, Suspended};
use crate::facts::schema::{FieldAccess, Origin};
use crate::policy::judge::Outcome;
use crate::policy::{Env, Policy};
use crate::value::{Truth, Value};

/// The policies that a fact can matter to, and what is certain of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Policies that it passes, or that it is none of, and of which nothing else is to be asked or kept.
    pub(super) done: Box<[(usize, Outcome)]>,
    /// The others.
    pub(super) rows: Box<[Row]>,
}

/// One policy of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The policy's position in the engine.
    pub(super) at: usize,
    /// What the policy says of the fact by itself, if that is certain: other records may still decide.
    pub(super) outcome: Option<Outcome>,
    /// Whether the fact is one of each history's, as far as that was worked out.
    pub(super) histories: Box<[Truth]>,
    /// What becomes of it while it is not known whose its session is, if that is certain.
    pub(super) suspended: Option<Suspended>,
}

impl Row {
    /// Nothing is certain of it.
    fn unknown(at: usize) -> Self {
        Row { at, outcome: None, histories: Box::default(), suspended: None }
    }

    fn of(at: usize, policy: &Policy, asks: Option<&Asks>, fields: &dyn FieldAccess) -> Self {
        let outcome = policy.judge.outcome(fields, &Env::default());
        let program = policy.program.iter();
        let histories = program.flat_map(|program| &program.histories);
        Row {
            at,
            suspended: asks.and_then(|asks| Suspended::of(policy, fields, asks)),
            outcome: Row::is_certain(outcome, policy, fields).then_some(outcome),
            histories: histories.map(|history| history.among.eval(fields, &Env::default())).collect(),
        }
    }

    fn is_certain(outcome: Outcome, policy: &Policy, fields: &dyn FieldAccess) -> bool {
        let is_read = |index: usize| !matches!(fields.value(index), Value::Unread(_));
        match outcome {
            Outcome::Pass | Outcome::NotApplicable => true,
            // It counts, however grave it is.
            Outcome::Fail { .. } => policy.state.count.is_some(),
            // Only histories can tell more.
            Outcome::Unknown => policy.program.is_some() && policy.deciding_fields().into_iter().all(is_read),
        }
    }

    /// That the fact passes, or is not one of the policy's, if that is certain.
    pub(super) fn passes(&self) -> Option<Outcome> {
        self.outcome.filter(|outcome| matches!(outcome, Outcome::Pass | Outcome::NotApplicable))
    }

    /// The verdict, where nothing else is to be asked or kept of the fact.
    fn done(&self) -> Option<Outcome> {
        self.passes().filter(|_| self.histories.iter().all(|among| *among == Truth::False))
    }
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.done.is_empty() && self.rows.is_empty()
    }

    /// Of these policies, by position, of which nothing is certain.
    pub(super) fn unknown(policies: impl Iterator<Item = usize>) -> Self {
        Plan { done: Box::default(), rows: policies.map(Row::unknown).collect() }
    }

    fn of(mut done: Vec<(usize, Outcome)>, rows: impl Iterator<Item = Row>) -> Self {
        let mut open = Vec::new();
        for row in rows {
            match row.done() {
                Some(outcome) => done.push((row.at, outcome)),
                None => open.push(row),
            }
        }
        Plan { done: done.into(), rows: open.into() }
    }
}

impl Engine<'_> {
    /// The policies to which a fact can matter of which only these fields are read: it can fail, be unknown, or be one
    /// of a history's. To the others it cannot, whatever the other fields are.
    pub fn plan(&self, fields: &dyn FieldAccess, origin: Origin) -> Plan {
        Plan { done: Box::default(), ..self.whole_plan(fields, origin) }
    }

    /// The same with all policies.
    pub fn whole_plan(&self, fields: &dyn FieldAccess, origin: Origin) -> Plan {
        let rows = self.policies_of(fields, origin).map(|(at, policy)| self.row(at, policy, fields));
        Plan::of(Vec::new(), rows)
    }

    /// A plan for facts of which more fields are read. No policy is left out: verdicts are counted.
    pub fn narrow(&self, plan: &Plan, fields: &dyn FieldAccess) -> Plan {
        let policy = |row: &Row| Some((row.at, *self.policies.get(row.at)?));
        let policies = plan.rows.iter().filter_map(policy);
        Plan::of(plan.done.to_vec(), policies.map(|(at, policy)| self.row(at, policy, fields)))
    }

    fn row(&self, at: usize, policy: &Policy, fields: &dyn FieldAccess) -> Row {
        Row::of(at, policy, self.sessions.get(at).and_then(Option::as_ref), fields)
    }
}
