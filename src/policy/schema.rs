//! The shape of a policy file for editors: JSON Schema. Loading does not use it (it reports more, and with places);
//! a test holds the two together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::load::ParamValue;
use super::{Attack, Control, Profile, Severity};
use crate::facts::schema::Origin;

/// The JSON Schema of a policy file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(PolicyDocument).to_value()
}

/// A policy: what is judged, over which facts, and what a reader is told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The file's name without `.yaml`; names the fault, not the fix.
    #[schemars(regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), length(max = 80))]
    pub id: String,
    /// One sentence without a full stop.
    pub title: String,
    pub severity: Severity,
    #[schemars(range(min = 0, max = 100))]
    pub risk_score: u8,
    /// The version that first had the policy.
    pub since: Option<String>,
    /// `strict` policies are judged on request only.
    pub profile: Option<Profile>,
    /// The kind of fact, which is also the root variable of the predicates.
    pub on: String,
    /// Default: every origin where the fields read can exist.
    #[schemars(length(min = 1))]
    pub origins: Option<Vec<Origin>>,
    /// False: the policy does not apply to the fact.
    pub applies_to: Option<String>,
    /// True: the fact fails. False: it passes.
    pub when: String,
    /// The first that is true gives the severity.
    pub levels: Option<Vec<LevelDocument>>,
    /// The finding's sentence, with `{kind.field}` placeholders.
    pub message: String,
    /// Fields that tell findings apart.
    pub group_by: Option<Vec<String>>,
    pub attack: Option<Vec<Attack>>,
    /// Controls of frameworks that it checks, by their own numbers.
    pub controls: Option<Vec<Control>>,
    pub why: Option<String>,
    pub investigate: Option<String>,
    pub remediate: Option<String>,
    pub false_positives: Option<Vec<String>>,
    pub references: Option<Vec<String>>,
    /// Named values that the configuration may override.
    pub params: Option<BTreeMap<String, ParamDocument>>,
    /// Whether a record with the same key has come before.
    pub histories: Option<BTreeMap<String, HistoryDocument>>,
    /// How much history must have been read: `14d`.
    pub warm_up: Option<Duration>,
    pub count: Option<CountDocument>,
    pub repeat: Option<RepeatDocument>,
}

/// A value, or one of the lists that ship with the program.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ParamDocument {
    Is(ParamValue),
    Listed(ListedDocument),
}

/// The name of a list: `iam-write-actions`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedDocument {
    pub list: String,
}

/// A length of time: `10s`, `60m`, `12h`, `30d`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Duration(#[schemars(regex(pattern = r"^[0-9]+[smhd]$"))] pub String);

/// A severity where a condition holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelDocument {
    pub when: String,
    pub severity: Severity,
    #[schemars(range(min = 0, max = 100))]
    pub risk_score: u8,
    pub note: Option<String>,
}

/// One history.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryDocument {
    pub by: Vec<String>,
    pub among: String,
    /// A length of time, or `all`: every other record that was read, before and after.
    #[schemars(regex(pattern = r"^([0-9]+[smhd]|all)$"))]
    pub window: String,
    /// With `window: all`: only a record with another value of this field counts.
    pub other: Option<String>,
}

/// At least so many within a window.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountDocument {
    #[schemars(length(min = 1))]
    pub by: Vec<String>,
    /// A length of time, or the text parameter that says it: `params.NAME`.
    #[schemars(regex(pattern = r"^([0-9]+[smhd]|params\.[a-z][a-z0-9_]*)$"))]
    pub window: String,
    pub distinct: Option<String>,
    pub at_least: AtLeast,
}

/// A number, or the parameter that has it: `params.NAME`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AtLeast {
    Is(#[schemars(range(min = 2, max = 1_000_000))] u32),
    Param(#[schemars(regex(pattern = r"^params\.[a-z][a-z0-9_]*$"))] String),
}

/// Report again at most so often.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatDocument {
    pub by: Vec<String>,
    pub every: Duration,
}
