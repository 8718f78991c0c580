//! One plain report of a run, and its renderers, each writing to `impl Write`. Pure: nothing here reads a clock, a
//! terminal or the environment, and nothing here decides anything.

mod context;
pub mod csv;
pub mod frameworks;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ocsf;
mod places;
pub mod sarif;
mod saved;
pub mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Source;
use crate::facts::schema::Origin;
use crate::policy::Severity;
use crate::timeline::ChangeStatus;
use crate::value::Why;

pub use context::{Access, BaselineUse, Cause, CauseRecord, PolicyInfo, Scope, WaiverNote};
pub use saved::{SavedError, parse};

/// The version of the report's JSON.
pub const VERSION: &str = "1";

/// A run's report. Times are RFC 3339 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this shape: "1".
    pub version: String,
    /// What wrote it: `lambda-audit 0.1.0`.
    pub tool: String,
    /// The only member that differs between two runs over the same input with the same clock.
    pub generated_at: String,
    /// What was asked for.
    pub scope: Scope,
    /// What was read, in figures.
    pub inputs: Inputs,
    /// Gravest first.
    pub findings: Vec<Finding>,
    /// Who may call what from outside, by the snapshot.
    pub access: Vec<Access>,
    pub coverage: Coverage,
    pub summary: Summary,
    /// What the user should know and is no finding: expired or unused waivers, say.
    pub notices: Vec<String>,
    /// The policies that were judged, in order of id.
    pub policies: Vec<PolicyInfo>,
}

impl Report {
    /// The policy of that id.
    pub fn policy(&self, id: &str) -> Option<&PolicyInfo> {
        let at = self.policies.binary_search_by(|policy| policy.id.as_str().cmp(id)).ok()?;
        self.policies.get(at)
    }

    /// Calls and files in scope that were not fully read, and are no accepted gaps.
    pub fn open_gaps(&self) -> impl Iterator<Item = &Read> {
        self.coverage.read.iter().filter(|read| read.is_gap() && !read.accepted)
    }

    /// Judgements that could not be made, accepted gaps aside.
    pub fn open_unknown(&self) -> u64 {
        self.scope.unknown_open
    }
}

/// What was read, in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// The snapshot, if one was given.
    pub snapshot: Option<SnapshotInput>,
    /// Trail files read, at least in part.
    pub trail_files: u64,
    /// Records read; copies delivered twice count twice.
    pub records: u64,
    /// The earliest and latest record.
    pub first_record: Option<String>,
    pub last_record: Option<String>,
    /// Accounts and regions that anything was read of.
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Policies judged.
    pub policies: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotInput {
    pub file: String,
    /// When its collection began.
    pub started: Option<String>,
    pub parts: u64,
    pub functions: u64,
    /// It has its closing line, with the right count of parts.
    pub complete: bool,
}

/// What a finding is about; null where there is none or it is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    pub arn: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub account: Option<String>,
    pub region: Option<String>,
    /// The logical id in a template; null for what was read of an account.
    pub logical_id: Option<String>,
}

impl Subject {
    /// What a reader is shown: the ARN, else the name.
    pub fn label(&self) -> &str {
        self.arn.as_deref().unwrap_or(&self.name)
    }
}

/// One observation that a finding rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// The field: `grant.exposure`.
    pub field: String,
    pub observed: serde_json::Value,
    /// What would have passed.
    pub expected: String,
    pub source: Source,
}

/// What became of a finding in triage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Triage {
    New,
    Baseline,
    Waived,
}

impl Triage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Triage::New => "new",
            Triage::Baseline => "baseline",
            Triage::Waived => "waived",
        }
    }
}

/// Whether an earlier run with the same store has reported a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    New,
    Known,
}

impl Seen {
    pub fn of(known: bool) -> Self {
        if known { Seen::Known } else { Seen::New }
    }
}

/// A failed policy on one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub policy: String,
    pub title: String,
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    /// The note of the level that set the severity, where one did.
    pub level: Option<String>,
    pub origins: Vec<Origin>,
    /// Whether what was changed still holds; of several changes, of the one of which most is left. What only a
    /// snapshot shows is live. Null for what merely happened.
    pub status: Option<ChangeStatus>,
    /// The record that mitigated or reverted it, or may have; null where it is not known.
    pub status_event_id: Option<String>,
    pub subject: Subject,
    pub message: String,
    pub evidence: Vec<Evidence>,
    /// The earliest, at most 20.
    pub event_ids: Vec<String>,
    pub first: Option<String>,
    pub last: Option<String>,
    /// Different records, or places in the snapshot, that show it.
    pub count: u64,
    pub fingerprint: String,
    /// The records that produced the state; null for activity, and where it was not looked into.
    pub cause: Option<Cause>,
    pub triage: Triage,
    /// The waiver that covers it.
    pub waiver: Option<WaiverNote>,
    /// Whether an earlier run with the same store has reported it; null without a store.
    pub seen: Option<Seen>,
    /// What in the configuration would change it.
    pub knobs: Vec<String>,
}

impl Finding {
    /// What became of the change, as a word.
    pub fn status_word(&self) -> Option<&str> {
        self.status.map(crate::timeline::ChangeStatus::as_str)
    }
}

/// What was read, what was not, and what could not be judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    pub read: Vec<Read>,
    pub policies: Vec<PolicyCoverage>,
    /// Policies whose history is still too short to judge.
    pub warming_up: Vec<WarmingUp>,
    pub not_in_scope: Vec<NotInScope>,
}

/// Calls or files with the same outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Read {
    pub account: Option<String>,
    pub region: Option<String>,
    /// The API, `trail`, or the kind of file.
    pub surface: String,
    /// `ok`, `denied`, `throttled`, `disabled`, `failed`, `malformed`; `not_collected` for what the configuration
    /// requires and was not given; `missing`, `altered`,
    /// `unsigned`, `unlisted`, `unverified` for what the digests of trail files show; `not_asked` for a call the snapshot has no part of (policies that need it are
    /// unknown); `foreign` for files that are none of CloudTrail's; `left_out` for
    /// files that were not opened, because what they hold is outside of what is reported.
    pub outcome: String,
    pub missing_permission: Option<String>,
    /// Where, or the first of several places.
    pub source: Option<String>,
    /// What went wrong, in words.
    pub detail: Option<String>,
    /// How many calls or files.
    pub count: u64,
    /// An accepted gap covers it.
    pub accepted: bool,
}

impl Read {
    /// Was it tried, or required, and not fully read?
    pub fn is_gap(&self) -> bool {
        !matches!(self.outcome.as_str(), "ok" | "disabled" | "foreign" | "not_asked" | "left_out")
    }
}

/// What one policy judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyCoverage {
    pub policy: String,
    pub judged: u64,
    pub fail: u64,
    /// Of these, the ones that were not reported again: the policy's `repeat`.
    pub repeated: u64,
    pub pass: u64,
    pub not_applicable: u64,
    pub unknown: u64,
    pub why: Vec<UnknownWhy>,
}

/// Why judgements are unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnknownWhy {
    /// The field that was not read.
    pub missing: String,
    pub why: Why,
    pub count: u64,
    /// One of the subjects.
    pub example: String,
    pub source: Source,
    /// An accepted gap covers them.
    pub accepted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WarmingUp {
    pub policy: String,
    pub account: String,
    /// The date from which it is judged.
    pub from: String,
}

/// What the run did not set out to judge, and the command that would.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotInScope {
    pub what: String,
    pub command: String,
}

/// The figures a gate or a dashboard reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Of all findings, waived and baseline ones included.
    pub by_severity: BTreeMap<Severity, u64>,
    pub by_policy: BTreeMap<String, u64>,
    pub new: u64,
    pub baseline: u64,
    pub waived: u64,
    /// Of all findings, those that an earlier run with the same store has reported; null without a store.
    pub known: Option<u64>,
    /// Judgements that could not be made.
    pub unknown: u64,
    pub exit_code: u8,
    /// Why the exit code is what it is, in words.
    pub verdict: String,
}

/// The JSON Schema of a report.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
