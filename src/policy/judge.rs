//! The verdict of one policy on one fact, and its evidence.

use super::lang::Span;
use super::lang::compile::{Compiled, Env};
use super::lang::explain::{Evidence, Missing, Tree};
use super::lang::ir::{Param, Pred};
use super::{Policy, Severity};
use crate::facts::schema::{FieldAccess, KindDecl};
use crate::value::{Truth, Value};

/// What one policy says about one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    NotApplicable,
    Fail(Fail),
    Unknown {
        /// The unread fields that this answer depends on; never empty.
        missing: Vec<Missing>,
    },
}

/// A failed judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    /// The level that decided, by position; `None`: the policy's own severity.
    pub level: Option<usize>,
    /// Because of these unread fields the severity is only an upper bound; empty where it is certain.
    pub level_missing: Vec<Missing>,
}

/// A predicate of a policy: as written, as checked, and ready to be explained.
#[derive(Debug)]
pub(crate) struct Clause {
    text: String,
    /// Of the scalar in the file.
    pub(crate) span: Span,
    pub(crate) pred: Pred,
    tree: Tree,
}

impl Clause {
    pub(crate) fn new(
        text: String,
        span: Span,
        pred: Pred,
        kind: &'static KindDecl,
        params: &[Param],
        histories: &[String],
    ) -> Self {
        let tree = Tree::new(&pred, &text, kind, params, histories);
        Clause { text, span, pred, tree }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The closures of a policy: all that a verdict needs. Mutants of a policy are other judges.
#[derive(Debug)]
pub(crate) struct Judge {
    applies_to: Option<Compiled>,
    when: Compiled,
    levels: Vec<Rank>,
    base: (Severity, u8),
}

#[derive(Debug)]
struct Rank {
    when: Compiled,
    rank: (Severity, u8),
}

impl Rank {
    fn holds(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> bool {
        self.when.eval(fact, env) == Truth::True
    }
}

/// A verdict without its explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    NotApplicable,
    Fail {
        rank: (Severity, u8),
        /// `None`: the policy's own severity.
        level: Option<usize>,
        certain: Certain,
    },
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certain {
    Yes,
    /// A level before the deciding one is unknown: the rank is the gravest that is possible.
    No,
}

impl Judge {
    pub(crate) fn new<'p>(
        applies_to: Option<&Pred>,
        when: &Pred,
        levels: impl IntoIterator<Item = (&'p Pred, (Severity, u8))>,
        base: (Severity, u8),
        params: &[Param],
    ) -> Self {
        Judge {
            applies_to: applies_to.map(|pred| Compiled::new(pred, params)),
            when: Compiled::new(when, params),
            levels: levels
                .into_iter()
                .map(|(pred, rank)| Rank { when: Compiled::new(pred, params), rank })
                .collect(),
            base,
        }
    }

    /// The policy's own severity and risk score.
    pub(crate) fn base(&self) -> (Severity, u8) {
        self.base
    }

    /// Whether the policy is about the fact; no history decides that.
    pub(crate) fn applies(&self, fact: &dyn FieldAccess) -> Truth {
        self.applies_to.as_ref().map_or(Truth::True, |code| code.eval(fact, &Env::default()))
    }

    #[inline]
    pub(crate) fn outcome(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Outcome {
        match self.applies(fact) {
            Truth::True => {}
            Truth::False => return Outcome::NotApplicable,
            Truth::Unknown => return Outcome::Unknown,
        }
        match self.when.eval(fact, env) {
            Truth::True => self.rank(fact, env),
            Truth::False => Outcome::Pass,
            Truth::Unknown => Outcome::Unknown,
        }
    }

    fn rank(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Outcome {
        let mut gravest: Option<((Severity, u8), Option<usize>)> = None;
        let mut certain = Certain::Yes;
        let mut offer = |rank: (Severity, u8), level: Option<usize>| {
            if gravest.is_none_or(|(best, _)| rank > best) {
                gravest = Some((rank, level));
            }
        };
        let mut decided = false;
        for (index, level) in self.levels.iter().enumerate() {
            match level.when.eval(fact, env) {
                Truth::False => continue,
                Truth::Unknown => certain = Certain::No,
                Truth::True => decided = true,
            }
            offer(level.rank, Some(index));
            if decided {
                break;
            }
        }
        if !decided {
            offer(self.base, None);
        }
        let (rank, level) = gravest.unwrap_or((self.base, None));
        Outcome::Fail { rank, level, certain }
    }
}

impl Policy {
    /// Judges a fact of the policy's kind. Whether the fact's origin is one of the policy's is the caller's check.
    pub fn judge(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Verdict {
        match self.judge.outcome(fact, env) {
            Outcome::Pass => Verdict::Pass,
            Outcome::NotApplicable => Verdict::NotApplicable,
            Outcome::Unknown => Verdict::Unknown { missing: self.missing(fact, env) },
            Outcome::Fail { rank: (severity, risk_score), level, certain } => {
                let level_missing = match certain {
                    Certain::Yes => Vec::new(),
                    Certain::No => {
                        let mut missing: Vec<Missing> =
                            self.levels.iter().flat_map(|level| level.when.tree.missing(fact, env)).collect();
                        missing.sort();
                        missing.dedup();
                        missing
                    }
                };
                Verdict::Fail(Fail { severity, risk_score, level, level_missing })
            }
        }
    }

    /// The verdict's name alone, for counting: cheaper than [`Policy::judge`], which also explains.
    pub fn passes(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Option<bool> {
        match self.judge.outcome(fact, env) {
            Outcome::Pass | Outcome::NotApplicable => Some(true),
            Outcome::Fail { .. } => Some(false),
            Outcome::Unknown => None,
        }
    }

    /// Why it is not known whether a fact counts, or with which others: what its verdict lacks, else what its key and
    /// its distinct value do.
    pub(crate) fn doubts(&self, fact: &dyn FieldAccess) -> Vec<Missing> {
        let mut missing = match self.judge(fact, &Env::default()) {
            Verdict::Unknown { missing } => missing,
            _ => Vec::new(),
        };
        let of_count = self.state.count.iter().flat_map(|count| count.by.iter().chain(&count.distinct));
        missing.extend(of_count.filter_map(|&index| {
            let why = match fact.value(index) {
                Value::Unread(why) => why,
                Value::List(list) => list.incomplete?,
                _ => return None,
            };
            let name = self.kind.fields.get(index)?.name;
            Some(Missing { field: format!("{}.{name}", self.kind.name), why })
        }));
        missing.sort();
        missing.dedup();
        missing
    }

    fn missing(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Vec<Missing> {
        let applies = self.applies_to.as_ref().map_or_else(Vec::new, |clause| clause.tree.missing(fact, env));
        if applies.is_empty() { self.when.tree.missing(fact, env) } else { applies }
    }

    /// The atoms of `when` because of which a fact fails (or passes), each with what was observed and what would have
    /// decided otherwise; those of `applies_to` only where `when` asks for nothing.
    pub fn evidence(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Vec<Evidence> {
        let mut list = self.when.tree.evidence(fact, env);
        if list.is_empty() {
            list = self.applies_to.iter().flat_map(|clause| clause.tree.evidence(fact, env)).collect();
        }
        list.extend(self.levels_that_hold(fact, env));
        list
    }

    /// Of a policy whose levels ask histories: all levels that hold, not only the one that decides.
    fn levels_that_hold(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Option<Evidence> {
        self.program.as_ref().filter(|program| program.levels_ask)?;
        let holding = self.judge.levels.iter().zip(&self.levels).filter(|(code, _)| code.holds(fact, env));
        let named: Vec<String> = holding
            .map(|(_, level)| match &level.note {
                Some(note) => format!("{}: {note}", level.severity),
                None => level.severity.to_string(),
            })
            .collect();
        if named.is_empty() {
            return None;
        }
        let expected = "no level holds".to_owned();
        Some(Evidence { field: "levels".to_owned(), observed: named.into(), expected })
    }

    /// The finding's sentence: unread fields show as `(not read)`, absent ones as `(none)`.
    pub fn message(&self, fact: &dyn FieldAccess) -> String {
        self.message.fill(fact)
    }

    /// The sentence with what the level adds: its note, and what was not read where the severity is only an upper
    /// bound.
    pub fn message_for(&self, fact: &dyn FieldAccess, fail: &Fail) -> String {
        let mut text = self.message(fact);
        if let Some(note) =
            fail.level.and_then(|level| self.levels.get(level)).and_then(|level| level.note.as_ref())
            && fail.level_missing.is_empty()
        {
            text.push_str(": ");
            text.push_str(note);
        }
        if !fail.level_missing.is_empty() {
            let fields: Vec<String> = fail
                .level_missing
                .iter()
                .map(|missing| format!("{} ({})", missing.field, missing.why))
                .collect();
            text.push_str(&format!("; {} at most: not read: {}", fail.severity, fields.join(", ")));
        }
        text
    }
}
