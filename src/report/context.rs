//! What a report says beside its findings and coverage: the policies, what the run was asked for, whom the resources
//! admit, and what a finding's state came from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Source;
use crate::facts::schema::Origin;
use crate::policy::{Attack, Control, Profile, Severity};
use crate::value::Why;

/// A policy that was judged: enough to explain its findings without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyInfo {
    pub id: String,
    pub title: String,
    /// As in force: the configuration may override it.
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    pub profile: Profile,
    /// The kind of fact it judges.
    pub on: String,
    pub origins: Vec<Origin>,
    pub attack: Vec<Attack>,
    /// Controls of frameworks that it checks.
    #[serde(default)]
    pub controls: Vec<Control>,
    pub why: Option<String>,
    pub investigate: Option<String>,
    pub remediate: Option<String>,
    pub false_positives: Vec<String>,
    pub references: Vec<String>,
    /// A hash of the policy's file and of the parameters in force: it changes when the policy's verdicts may.
    pub version: String,
}

/// What the run was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// The least severity that fails the gate.
    pub fail_on: Option<Severity>,
    /// Options that left policies or inputs out: `--policy function-*`. Empty: everything in scope was judged.
    pub filters: Vec<String>,
    /// Everything in scope was read and judged, accepted gaps aside.
    pub complete: bool,
    /// Nothing usable was read.
    pub nothing_read: bool,
    /// Judgements that could not be made, accepted gaps aside.
    pub unknown_open: u64,
    /// The baseline that findings were compared with.
    pub baseline: Option<BaselineUse>,
}

/// How a baseline was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineUse {
    pub file: String,
    /// When the run it was written from was made.
    pub generated_at: String,
    pub tool: String,
    /// Findings it lists.
    pub entries: u64,
    /// Those of them that were not found this time.
    pub stale: u64,
    /// Activity in it counts as known.
    pub activity: bool,
}

/// Who may call a resource of the snapshot from outside its account, or a resource of which that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// ARN, or name where none is known.
    pub subject: String,
    pub name: String,
    pub account: Option<String>,
    pub region: Option<String>,
    /// `resource_policy` or `function_url`.
    pub via: String,
    /// Who is admitted: the words of `grant.exposure`; `unknown` where it could not be read.
    pub exposure: String,
    /// Accounts, organizations and services that are named; empty for anyone.
    pub who: Vec<String>,
    pub actions: Vec<String>,
    /// Everyone admitted is trusted by the configuration; null where it cannot be told.
    pub trusted: Option<bool>,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// Why it could not be read.
    pub unread: Option<Why>,
    pub source: Source,
}

/// What produced the state that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The records, the latest first: that one made the state what it is. Empty: no cause was found.
    pub records: Vec<CauseRecord>,
    /// Why no cause was found, in words.
    pub not_found: Option<String>,
}

/// One record that produced a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct CauseRecord {
    /// RFC 3339, UTC.
    pub time: String,
    pub event_name: String,
    pub event_id: Option<String>,
    /// Who: ARN of the role or user, an account or a service.
    pub principal: Option<String>,
    /// The session's name, for roles.
    pub session_name: Option<String>,
    /// From where.
    pub source_ip: Option<String>,
    /// Through what.
    pub user_agent: Option<String>,
    pub source: Source,
}

/// The waiver that covers a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverNote {
    pub reason: String,
    pub owner: String,
    /// The last day it holds.
    pub expires: String,
}
