//! Judgements that wait until it is known whose a session is. A record often does not say whether a role's session is
//! a function's; others do, before or after it. What is kept meanwhile is not the record but, by session, how the
//! policies would judge its records either way; only where that is not enough is its file read again.

use std::sync::Arc;

use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};

use super::state::{Occasion, Rules};
use super::{Engine, Memory, Tally, Told, UnknownKey, example};
use crate::facts::schema::{FieldAccess, KindDecl};
use crate::facts::sessions::{Answers, HasSession, Id, Session};
use crate::facts::{Fact, Source, plain};
use crate::policy::judge::{Certain, Outcome};
use crate::policy::lang::ir::Pred;
use crate::policy::{Env, Policy};
use crate::value::{Truth, Value, Why};

/// The fields that say whose a session is.
pub(super) const FIELDS: [&str; 2] = ["lambda_session", "lambda_function"];

/// A fact whose session is a function's or not, whatever its record says.
struct Supposed<'f> {
    fact: &'f dyn FieldAccess,
    /// `None`: not read.
    is_functions: Option<bool>,
}

impl FieldAccess for Supposed<'_> {
    fn kind(&self) -> &'static KindDecl {
        self.fact.kind()
    }

    fn value(&self, index: usize) -> Value<'_> {
        let name = self.kind().fields.get(index).map_or("", |field| field.name);
        match (name, self.is_functions) {
            ("lambda_session", Some(is)) => Value::Bool(is),
            ("lambda_function", Some(false)) => Value::Absent,
            ("lambda_session" | "lambda_function", _) => Value::Unread(Why::NotInRecord),
            _ => self.fact.value(index),
        }
    }
}

/// Judgements of one policy that are unknown for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Unknown {
    #[serde(with = "plain::shared_list")]
    keys: Arc<[UnknownKey]>,
    accepted: bool,
    count: u64,
    /// The first in the file.
    example: Example,
}

/// A fact of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Example {
    label: Box<str>,
    event_id: Option<Box<str>>,
    offset: u64,
}

/// How one policy judges the records of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    /// The policy's position.
    policy: usize,
    /// If the session is no function's.
    pass: u64,
    not_applicable: u64,
    /// If it remains unread.
    unknown: Vec<Unknown>,
    /// Its records must be seen again, whatever the answer.
    again: bool,
}

/// One session in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct One {
    session: Session,
    /// Few.
    rows: Vec<Row>,
}

/// What waits of one file. There are many sessions: each takes little space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting(hashbrown::HashMap<Id, One, foldhash::fast::RandomState>);

impl Row {
    fn merge(&mut self, other: Row) {
        let Row { policy: _, pass, not_applicable, unknown, again } = other;
        self.pass += pass;
        self.not_applicable += not_applicable;
        self.again |= again;
        for more in unknown {
            let same = |known: &&mut Unknown| known.keys == more.keys && known.accepted == more.accepted;
            match self.unknown.iter_mut().find(same) {
                Some(known) => {
                    known.count += more.count;
                    if more.example.offset < known.example.offset {
                        known.example = more.example;
                    }
                }
                None => self.unknown.push(more),
            }
        }
    }
}

impl Waiting {
    /// What of it waits for policies that have a place among others, at these places.
    #[must_use]
    pub fn placed(self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let placed = |row: Row| Some(Row { policy: place(row.policy)?, ..row });
        let of = |one: One| One { rows: one.rows.into_iter().filter_map(placed).collect(), ..one };
        let all = self.0.into_iter().map(|(id, one)| (id, of(one)));
        Waiting(all.filter(|(_, one)| !one.rows.is_empty()).collect())
    }

    /// Adds what else waits of the same file.
    pub fn merge(&mut self, other: Waiting) {
        for (id, one) in other.0 {
            match self.0.entry(id) {
                Entry::Occupied(mut entry) => entry.get_mut().merge(one),
                Entry::Vacant(entry) => {
                    entry.insert(one);
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.0.values().map(|one| &one.session)
    }

    /// Judges what these answers decide, and says of which sessions the records of `file` must be seen again.
    pub fn decide(&self, file: &str, answers: &Answers, tally: &mut Tally) -> Vec<Id> {
        let mut again = Vec::new();
        for (id, one) in &self.0 {
            match answers.of(*id) {
                _ if one.again() => again.push(*id),
                Some(true) => again.push(*id),
                Some(false) => {
                    for row in &one.rows {
                        tally.count(row.policy, |counts| {
                            counts.pass += row.pass;
                            counts.not_applicable += row.not_applicable;
                        });
                    }
                }
                None => one.unknown(file, tally),
            }
        }
        again
    }

    /// These sessions' records could not be seen again: what they are is unknown.
    pub fn give_up(&self, file: &str, sessions: &[Id], tally: &mut Tally) {
        sessions.iter().filter_map(|id| self.0.get(id)).for_each(|one| one.unknown(file, tally));
    }
}

impl One {
    fn again(&self) -> bool {
        self.rows.iter().any(|row| row.again)
    }

    fn merge(&mut self, other: One) {
        for row in other.rows {
            match self.rows.iter_mut().find(|known| known.policy == row.policy) {
                Some(known) => known.merge(row),
                None => self.rows.push(row),
            }
        }
    }

    fn unknown(&self, file: &str, tally: &mut Tally) {
        for row in &self.rows {
            for one in &row.unknown {
                let Example { label, event_id, offset } = &one.example;
                let source = Source::Record {
                    file: file.to_owned(),
                    offset: *offset,
                    event_id: event_id.as_deref().map(str::to_owned),
                };
                let example = example(label, event_id.as_deref());
                tally.unknown(
                    row.policy,
                    one.accepted,
                    one.count,
                    one.keys.iter().cloned(),
                    &example,
                    &source,
                );
            }
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
    pub(super) fn put_off<'o>(
        &self,
        at: usize,
        (policy, fact, histories): (&Policy, &Fact<'_>, &[bool]),
        known: Option<&Suspended>,
        occasion: &dyn Fn() -> &'o Occasion,
        (id, record): (Id, &dyn HasSession),
        (memory, waiting): (&mut Memory, &mut Waiting),
    ) -> bool {
        let fields = fact.body.fields();
        let suspense = known.map_or_else(|| suspense(policy, fields, histories), |known| known.suspense);
        if suspense == Suspense::None {
            return false;
        }
        let one = match waiting.0.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match record.session(id) {
                Some(session) => entry.insert(One { session, rows: Vec::with_capacity(1) }),
                None => return false,
            },
        };
        let row = match one.rows.iter().position(|row| row.policy == at) {
            Some(row) => row,
            None => {
                let unknown = Vec::with_capacity(1);
                one.rows.push(Row { policy: at, pass: 0, not_applicable: 0, unknown, again: false });
                one.rows.len() - 1
            }
        };
        let Some(row) = one.rows.get_mut(row) else { return false };
        match suspense {
            Suspense::Simple(Outcome::NotApplicable) => row.not_applicable += 1,
            Suspense::Simple(_) => row.pass += 1,
            Suspense::None | Suspense::Open => row.again = true,
        }
        let unread = Supposed { fact: fields, is_functions: None };
        let accepted = self.gaps.accepts_unknown(&policy.id, fact);
        let made;
        let keys = match known.filter(|_| !accepted) {
            Some(known) => &known.keys,
            None => {
                made = doubts(policy, &unread, accepted);
                &made
            }
        };
        match row.unknown.iter_mut().find(|known| Arc::ptr_eq(&known.keys, keys) || known.keys == *keys) {
            Some(known) => known.count += 1,
            None => {
                let told = Told::of(policy, fact, accepted);
                let example = Example {
                    label: told.subject.label().into(),
                    event_id: told.event_id.map(Into::into),
                    offset: if let Source::Record { offset, .. } = told.source { offset } else { 0 },
                };
                row.unknown.push(Unknown { keys: Arc::clone(keys), accepted, count: 1, example });
            }
        }
        // What does not hang on the answer is remembered now: others may ask for it.
        if let (Some(program), Some(part)) = (&policy.program, self.part(memory, at)) {
            part.mention(self.rules(policy, program), &unread, occasion(), histories);
        }
        true
    }

    /// Whether [`Engine::judge_record`] put the judgement off when the session was not known.
    pub(super) fn was_put_off(&self, (policy, fact, histories): (&Policy, &Fact<'_>, &[bool])) -> bool {
        suspense(policy, fact.body.fields(), histories) != Suspense::None
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
    pub(super) fn of(policy: &Policy, fields: &dyn FieldAccess, histories: &[bool]) -> Option<Self> {
        let is_read = |index: usize| {
            let of_session = policy.kind.fields.get(index).is_some_and(|field| FIELDS.contains(&field.name));
            of_session || !matches!(fields.value(index), Value::Unread(_))
        };
        let simple = policy.state.count.is_none() && !histories.contains(&true);
        (simple && policy.deciding_fields().into_iter().all(is_read)).then(|| Suspended {
            suspense: suspense(policy, fields, histories),
            keys: doubts(policy, &Supposed { fact: fields, is_functions: None }, false),
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

fn suspense(policy: &Policy, fields: &dyn FieldAccess, histories: &[bool]) -> Suspense {
    let unread = Supposed { fact: fields, is_functions: None };
    let no = Supposed { fact: fields, is_functions: Some(false) };
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
    let rules = Rules { program, judge: &policy.judge, keys: program.keys };
    // Is the record one of a history's only if the session is, or is not, a function's?
    let mentioned = program
        .histories
        .iter()
        .zip(histories)
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

/// Whether a verdict, or what is told apart or remembered, depends on whose a session is; and if so, which histories do.
pub(super) fn asks(policy: &Policy) -> Option<Vec<bool>> {
    let of_sessions =
        |index: usize| policy.kind.fields.get(index).is_some_and(|field| FIELDS.contains(&field.name));
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
    (read || histories.contains(&true)).then_some(histories)
}

/// Does the fact not say whose its session is?
pub(super) fn is_undecided(fact: &Fact<'_>) -> bool {
    let fields = fact.body.fields();
    let index = fields.kind().field(FIELDS[0]);
    index.is_some_and(|index| matches!(fields.value(index), Value::Unread(_)))
}
