//! Policies: what is judged, and how. Pure: loading takes names and texts; the command line reads the files.
//!
//! `yaml` and `read` give every value its place, `file` knows the keys of a policy, `build` checks them against the
//! fact kinds, [`lang`] is the predicate language, `judge` gives verdicts, `derive` says what a policy needs to be
//! read, `program` what it asks across records; `cases`, `test`, `mutate` and `lint` check policies themselves. Not
//! here: making facts, and the tables behind state across records.

mod build;
pub mod bundled;
pub mod cases;
pub mod derive;
pub mod diagnostic;
mod file;
pub mod frameworks;
pub mod judge;
pub mod lang;
pub mod lint;
pub mod load;
mod message;
pub mod mutate;
pub mod new;
pub(crate) mod program;
mod read;
pub mod schema;
pub mod test;
mod yaml;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::schema::{KindDecl, Origin};
pub use diagnostic::{Diagnostic, SourceText, Style};
pub use frameworks::Control;
use judge::{Clause, Judge};
pub use judge::{Fail, Verdict};
pub use lang::compile::Env;
pub use lang::explain::{Evidence, Missing};
use lang::ir::{Param, Pred};
pub use load::{Overrides, PolicySet, Selection};
use message::Template;
use program::Program;
pub(crate) use read::parse_duration;
pub use schema::schema;

/// How grave a finding is. Ordered: `Info` is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// From the least to the gravest.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    pub(crate) const WORDS: [(&'static str, Severity); 5] = [
        ("info", Severity::Info),
        ("low", Severity::Low),
        ("medium", Severity::Medium),
        ("high", Severity::High),
        ("critical", Severity::Critical),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which runs a policy belongs to: `strict` ones are added on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    Default,
    Strict,
}

/// An ATT&CK tactic (`TA0003`) and technique (`T1546`, `T1578.005`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Attack {
    pub tactic: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
}

/// What a policy tells its reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    pub why: Option<String>,
    pub investigate: Option<String>,
    pub remediate: Option<String>,
    pub false_positives: Vec<String>,
    pub references: Vec<String>,
}

/// A finding's severity where a condition holds.
#[derive(Debug)]
pub struct Level {
    pub(crate) when: Clause,
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    pub note: Option<String>,
}

/// Which records a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Those before the fact's, by less than so many seconds.
    Last(i64),
    /// All others that were read, before and after.
    All,
}

/// Whether a record with the same key has come before, or is there at all.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub name: String,
    /// Indexes of the fields that make the key.
    pub by: Vec<usize>,
    pub among: Pred,
    pub window: Window,
    /// Only a record with another value of this field counts.
    pub other: Option<usize>,
}

/// A number in a policy: written there, or that of a parameter (by position).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    Is(i64),
    Param(usize),
}

/// At least so many records, or distinct values, with the same key within a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    pub by: Vec<usize>,
    /// Seconds; of a parameter the length of time that its text says.
    pub window: Quantity,
    /// Index of the field whose distinct values count; `None`: records count.
    pub distinct: Option<usize>,
    pub at_least: Quantity,
}

/// Report again at most so often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    pub by: Vec<usize>,
    /// Seconds.
    pub every: i64,
}

/// What a policy asks across records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// In the order of the file; `seen.NAME` and [`Env::seen`] go by position.
    pub histories: Vec<History>,
    /// Seconds of history that must have been read.
    pub warm_up: Option<i64>,
    pub count: Option<Count>,
    pub repeat: Option<Repeat>,
}

impl State {
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty() && self.warm_up.is_none() && self.count.is_none() && self.repeat.is_none()
    }
}

/// A policy, checked and compiled.
#[derive(Debug)]
pub struct Policy {
    pub id: String,
    pub title: String,
    /// As the policy says, or as the configuration overrides it.
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    /// The version of this program that first had it.
    pub since: Option<String>,
    pub profile: Profile,
    pub kind: &'static KindDecl,
    /// Facts of other origins are not judged.
    pub origins: Vec<Origin>,
    /// Indexes of the fields that tell findings apart.
    pub group_by: Vec<usize>,
    pub attack: Vec<Attack>,
    pub controls: Vec<Control>,
    pub texts: Texts,
    /// With their values in force.
    pub params: Vec<Param>,
    pub levels: Vec<Level>,
    pub state: State,
    /// The file it was read from.
    pub source: SourceText,
    pub(crate) applies_to: Option<Clause>,
    pub(crate) when: Clause,
    pub(crate) message: Template,
    pub(crate) judge: Judge,
    /// `None`: every fact is judged by itself.
    pub(crate) program: Option<Program>,
}

impl Policy {
    /// The file it was read from.
    pub fn file(&self) -> &Arc<str> {
        &self.source.name
    }

    /// `applies_to` as written, if there is one.
    pub fn applies_to(&self) -> Option<&str> {
        self.applies_to.as_ref().map(Clause::text)
    }

    /// `when` as written.
    pub fn when(&self) -> &str {
        self.when.text()
    }

    /// The line, from 1, of `when` in its file.
    pub fn line(&self) -> usize {
        self.source.text.get(..self.when.span.start).unwrap_or("").matches('\n').count() + 1
    }

    /// The parameters that its predicates read, and that the configuration may therefore override to change a
    /// verdict: `params.NAME`.
    pub fn knobs(&self) -> impl Iterator<Item = &Param> {
        self.params.iter()
    }
}
