//! Judgements that wait until it is known whose a session is. A record often does not say whether a role's session is
//! a function's; others do, before or after it. What is kept meanwhile is not the record but, by session, how the
//! policies would judge its records either way; only where that is not enough is its file read again.

use std::sync::Arc;

use super::plan::Row;
use super::state::{Rules, Standing};
use super::waits::{Waiting, Waits};
use super::{Engine, Memory, UnknownKey};
use crate::facts::schema::{FieldAccess, KindDecl};
use crate::facts::sessions::Unsaid;
use crate::facts::{Fact, Place};
use crate::hashed::Keys;
use crate::policy::judge::{Certain, Outcome};
use crate::policy::lang::ir::Pred;
use crate::policy::{Env, Policy};
use crate::value::{Truth, Value, Why};

/// The fields that say whose a session is.
const FIELDS: [&str; 2] = ["lambda_session", "lambda_function"];

/// What of a policy hangs on whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asks {
    /// Which of its histories do.
    pub(super) histories: Vec<bool>,
    /// Where its kind has [`FIELDS`].
    fields: [Option<usize>; 2],
}

impl Asks {
    /// `None` where neither a verdict nor what is told apart or remembered does.
    pub(super) fn of(policy: &Policy) -> Option<Self> {
        let fields = FIELDS.map(|name| policy.kind.field(name));
        let of_sessions = |index: usize| fields.contains(&Some(index));
        let state = &policy.state;
        let histories: Vec<bool> = state
            .histories
            .iter()
            .map(|history| {
                let keys = history.by.iter().chain(&history.other).copied();
                history.among.field_list().into_iter().chain(keys).any(of_sessions)
            })
            .collect();
        let counts = state.count.iter().flat_map(|count| count.by.iter().chain(&count.distinct));
        let repeats = state.repeat.iter().flat_map(|repeat| &repeat.by);
        let keys = counts.chain(repeats).chain(&policy.group_by).copied();
        let read = policy.predicates().flat_map(Pred::field_list).chain(keys).any(of_sessions);
        (read || histories.contains(&true)).then_some(Asks { histories, fields })
    }

    /// Do records come to be part of a history only if their sessions are, or are not, a function's?
    pub(super) fn is_of_histories(&self) -> bool {
        self.histories.contains(&true)
    }

    /// Does the fact not say whose its session is?
    pub(super) fn is_undecided(&self, fact: &dyn FieldAccess) -> bool {
        self.fields[0].is_some_and(|index| matches!(fact.value(index), Value::Unread(_)))
    }

    fn suppose<'f>(&'f self, fact: &'f dyn FieldAccess, is_functions: Option<bool>) -> Supposed<'f> {
        Supposed { fact, fields: self.fields, is_functions }
    }
}

/// A fact whose session is a function's or not, whatever its record says.
struct Supposed<'f> {
    fact: &'f dyn FieldAccess,
    fields: [Option<usize>; 2],
    /// `None`: not read.
    is_functions: Option<bool>,
}

impl FieldAccess for Supposed<'_> {
    fn kind(&self) -> &'static KindDecl {
        self.fact.kind()
    }

    fn value(&self, index: usize) -> Value<'_> {
        let [session, function] = self.fields.map(|field| field == Some(index));
        match self.is_functions {
            Some(is) if session => Value::Bool(is),
            Some(false) if function => Value::Absent,
            _ if session || function => Value::Unread(Why::NotInRecord),
            _ => self.fact.value(index),
        }
    }
}

/// How a fact is judged while it is not known whose its session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspense {
    /// The same, whatever the answer.
    None,
    /// A pass, or it does not apply, if it is no function's; unknown if that remains unread.
    Simple(Outcome),
    /// Not as simple as that.
    Open,
}

impl<'p> Engine<'p> {
    /// Whether any policy asks whose a session is.
    pub fn asks_sessions(&self) -> bool {
        self.sessions.iter().any(Option::is_some)
    }

    /// Puts a judgement off, if it hangs on whose the session is. True: it was.
    pub(super) fn put_off(
        &self,
        (policy, fact, asks): (&Policy, &Fact<'_>, &Asks),
        row: &Row,
        standing: &Standing<'_>,
        session: &Unsaid<'_>,
        (memory, waits): (&mut Memory, &mut Waits),
    ) -> bool {
        let fields = fact.body.fields();
        let known = row.suspended.as_ref();
        let suspense = known.map_or_else(|| suspense(policy, fields, asks), |known| known.suspense);
        if suspense == Suspense::None {
            return false;
        }
        let unread = asks.suppose(fields, None);
        let accepted = self.gaps.accepts_unknown(&policy.id, fact);
        let made;
        let keys = match known.filter(|_| !accepted) {
            Some(known) => &known.keys,
            None => {
                made = doubts(policy, &unread, accepted);
                &made
            }
        };
        let event = if let Place::Event(event) = &fact.place { Some(event) } else { None };
        let of_fact = Waiting {
            policy: row.at,
            suspense,
            keys,
            accepted,
            label: &fact.subject.only_label(),
            event_id: event.and_then(|event| event.id),
            offset: event.map_or(0, |event| event.offset),
        };
        waits.add(session, standing.file, &of_fact);
        // What does not hang on the answer is remembered now: others may ask for it.
        if policy.program.is_some() {
            self.mention((row.at, policy), (&unread, &row.histories), standing, &asks.histories, memory);
        }
        true
    }

    /// Whether [`Engine::judge_record`] put the judgement off when the session was not known.
    pub(super) fn was_put_off(&self, (policy, fact, asks): (&Policy, &Fact<'_>, &Asks)) -> bool {
        suspense(policy, fact.body.fields(), asks) != Suspense::None
    }
}

/// How facts that are alike are judged while it is not known whose their sessions are, and for which reasons they are
/// unknown if that remains so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspended {
    suspense: Suspense,
    keys: Arc<[UnknownKey]>,
}

impl Suspended {
    /// `None` where more of a fact decides than is read of this one.
    pub(super) fn of(policy: &Policy, fields: &dyn FieldAccess, asks: &Asks) -> Option<Self> {
        let is_read = |index: usize| {
            asks.fields.contains(&Some(index)) || !matches!(fields.value(index), Value::Unread(_))
        };
        let simple = policy.state.count.is_none() && !asks.is_of_histories();
        (simple && policy.deciding_fields().into_iter().all(is_read)).then(|| Suspended {
            suspense: suspense(policy, fields, asks),
            keys: doubts(policy, &asks.suppose(fields, None), false),
        })
    }
}

/// Why it is not known what a fact is judged.
fn doubts(policy: &Policy, unread: &Supposed<'_>, accepted: bool) -> Arc<[UnknownKey]> {
    let key = |field, why| UnknownKey { field, why, accepted };
    let keys: Vec<UnknownKey> =
        policy.doubts(unread).into_iter().map(|one| key(one.field, one.why)).collect();
    if !keys.is_empty() {
        return keys.into();
    }
    Arc::new([key(format!("{}.{}", policy.kind.name, FIELDS[0]), Why::NotInRecord)])
}

fn suspense(policy: &Policy, fields: &dyn FieldAccess, asks: &Asks) -> Suspense {
    let unread = asks.suppose(fields, None);
    let no = asks.suppose(fields, Some(false));
    let outcome = policy.judge.outcome(&unread, &Env::default());
    let hangs = match outcome {
        Outcome::Pass | Outcome::NotApplicable => false,
        Outcome::Unknown => true,
        Outcome::Fail { certain, .. } => certain == Certain::No,
    };
    let Some(program) = &policy.program else {
        return match (hangs, policy.judge.outcome(&no, &Env::default())) {
            (false, _) => Suspense::None,
            (true, otherwise @ (Outcome::Pass | Outcome::NotApplicable)) if outcome == Outcome::Unknown => {
                Suspense::Simple(otherwise)
            }
            (true, _) => Suspense::Open,
        };
    };
    // No key is made here: by whichever secret it would be changes nothing.
    let rules = Rules { program, judge: &policy.judge, keys: Keys::KNOWN };
    // Is the record one of a history's only if the session is, or is not, a function's?
    let mentioned = program
        .histories
        .iter()
        .zip(&asks.histories)
        .any(|(history, asks)| *asks && history.among.eval(&unread, &Env::default()) != Truth::False);
    if mentioned {
        return Suspense::Open;
    }
    if !hangs {
        return Suspense::None;
    }
    let simple = outcome == Outcome::Unknown && rules.alone(&unread) == Some(Outcome::Unknown);
    match rules.alone(&no) {
        Some(otherwise @ (Outcome::Pass | Outcome::NotApplicable)) if simple => Suspense::Simple(otherwise),
        _ => Suspense::Open,
    }
}
