//! Baselines: the findings of an earlier complete run, so that a gate may ask for new ones only. Pure: texts in, texts
//! out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::schema::Origin;
use crate::policy::Severity;
use crate::report::{Report, Triage};

/// The version of the file.
pub const VERSION: &str = "1";
/// The word that tells a baseline from other files of this program.
const KIND: &str = "lambda-audit-baseline";

/// A baseline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// `lambda-audit-baseline`.
    kind: String,
    /// Version of this shape: "1".
    version: String,
    /// What made the run.
    tool: String,
    /// When the run was made.
    generated_at: String,
    /// Policy id → the policy's version in that run.
    policies: BTreeMap<String, String>,
    /// Fingerprint → the finding.
    findings: BTreeMap<String, Entry>,
}

/// A finding that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub policy: String,
    pub subject: String,
    pub severity: Severity,
    pub origins: Vec<Origin>,
    /// The latest record of it.
    pub last: Option<String>,
}

/// Why a file is no baseline that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("it is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("it is not a baseline: `lambda-audit baseline write RUN.json` makes one")]
    NoBaseline,
    #[error(
        "it is a baseline of version {0}, and this program reads version {VERSION}: use a newer lambda-audit"
    )]
    Newer(String),
    #[error("it is not a baseline of version {VERSION}: {0}")]
    Shape(serde_json::Error),
}

/// Why a run cannot be made a baseline: what it did not see would later look new, or worse, known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("nothing usable was read")]
    NothingRead,
    #[error("the run left things out: {0}")]
    Filtered(String),
    #[error(
        "the run is not complete: {gaps} calls or inputs were not fully read, {unknown} judgements could not be made"
    )]
    Incomplete { gaps: u64, unknown: u64 },
}

impl Baseline {
    /// The baseline of a run: everything it found that is not waived.
    ///
    /// # Errors
    /// [`Unfit`] unless the run was complete and left nothing out.
    pub fn of(report: &Report) -> Result<Self, Unfit> {
        if report.scope.nothing_read {
            return Err(Unfit::NothingRead);
        }
        if !report.scope.filters.is_empty() {
            return Err(Unfit::Filtered(report.scope.filters.join(", ")));
        }
        let (gaps, unknown) = (report.open_gaps().count() as u64, report.open_unknown());
        if !report.scope.complete || gaps > 0 || unknown > 0 {
            return Err(Unfit::Incomplete { gaps, unknown });
        }
        let findings = report.findings.iter().filter(|finding| finding.triage != Triage::Waived);
        Ok(Baseline {
            kind: KIND.to_owned(),
            version: VERSION.to_owned(),
            tool: report.tool.clone(),
            generated_at: report.generated_at.clone(),
            policies: report.policies.iter().map(|one| (one.id.clone(), one.version.clone())).collect(),
            findings: findings
                .map(|finding| {
                    let entry = Entry {
                        policy: finding.policy.clone(),
                        subject: finding.subject.label().to_owned(),
                        severity: finding.severity,
                        origins: finding.origins.clone(),
                        last: finding.last.clone(),
                    };
                    (finding.fingerprint.clone(), entry)
                })
                .collect(),
        })
    }

    /// Reads a baseline file.
    ///
    /// # Errors
    /// [`BaselineError`]: a baseline that is not wholly understood accepts nothing.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(BaselineError::Json)?;
        if value.get("kind").and_then(serde_json::Value::as_str) != Some(KIND) {
            return Err(BaselineError::NoBaseline);
        }
        match value.get("version").and_then(serde_json::Value::as_str) {
            Some(VERSION) => {}
            Some(other) => return Err(BaselineError::Newer(other.to_owned())),
            None => return Err(BaselineError::NoBaseline),
        }
        // From the text again: a value has lost what stood twice.
        serde_json::from_str(text).map_err(BaselineError::Shape)
    }

    pub fn get(&self, fingerprint: &str) -> Option<&Entry> {
        self.findings.get(fingerprint)
    }

    pub fn len(&self) -> usize {
        self.findings.len()
    }

    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    pub fn tool(&self) -> &str {
        &self.tool
    }

    pub fn generated_at(&self) -> &str {
        &self.generated_at
    }

    /// The version of a policy in the run that the baseline was written from.
    pub fn version_of(&self, policy: &str) -> Option<&str> {
        self.policies.get(policy).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_baseline_accepts_nothing() {
        assert!(matches!(Baseline::parse("{"), Err(BaselineError::Json(_))));
        assert!(matches!(Baseline::parse("{}"), Err(BaselineError::NoBaseline)));
        assert!(matches!(
            Baseline::parse(r#"{"version":"1","findings":[]}"#),
            Err(BaselineError::NoBaseline)
        ));
        let of = |version: &str, more: &str| {
            Baseline::parse(&format!(
                r#"{{"kind":"lambda-audit-baseline","version":"{version}","tool":"t","generated_at":"2026-11-20T09:00:00Z","policies":{{}},"findings":{{}}{more}}}"#
            ))
        };
        assert!(of("1", "").unwrap().is_empty());
        assert!(matches!(of("2", ""), Err(BaselineError::Newer(version)) if version == "2"));
        assert!(matches!(of("1", r#","wildcard":true"#), Err(BaselineError::Shape(_))));
    }
}
