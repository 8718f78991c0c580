//! What changed between two runs. A finding that the later run does not have is gone only if that run looked: else it
//! is told as not judged again, with the reason. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::gate::{Outcome, Thresholds, gate};
use crate::facts::schema::Origin;
use crate::policy::Severity;
use crate::report::{Finding, Report, Triage};

/// The version of this shape.
pub const VERSION: &str = "1";

/// What changed from one run to another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// Version of this shape: "1".
    pub version: String,
    pub old: Side,
    pub new: Side,
    /// Findings that only the later run has, gravest first.
    pub appeared: Vec<Finding>,
    /// Findings that only the earlier run has, though the later one judged what they are about.
    pub gone: Vec<Finding>,
    /// Findings that only the earlier run has, and of which the later one does not say that they are gone.
    pub not_judged: Vec<NotJudged>,
    /// Findings of both whose severity, status or triage differs.
    pub changed: Vec<Changed>,
    /// Findings of both that are the same.
    pub unchanged: u64,
    /// Policies that were judged by different rules or parameters.
    pub policies_changed: Vec<String>,
    pub exit_code: u8,
    pub verdict: String,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Side {
    pub file: String,
    pub generated_at: String,
    pub tool: String,
    pub findings: u64,
    /// Everything in scope was read and judged, accepted gaps aside.
    pub complete: bool,
}

/// A finding of the earlier run that the later one could not see.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NotJudged {
    pub finding: Finding,
    pub why: String,
}

/// A finding of both runs that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Changed {
    /// As it is now.
    pub finding: Finding,
    /// What differs: `severity low to high`.
    pub what: Vec<String>,
}

/// Compares two runs, each with the name of its file.
pub fn diff(old: (&str, &Report), new: (&str, &Report), thresholds: &Thresholds) -> Diff {
    let side = |(file, report): (&str, &Report)| Side {
        file: file.to_owned(),
        generated_at: report.generated_at.clone(),
        tool: report.tool.clone(),
        findings: report.findings.len() as u64,
        complete: report.scope.complete,
    };
    let (old_report, new_report) = (old.1, new.1);
    let before: BTreeMap<&str, &Finding> = by_fingerprint(old_report);
    let after: BTreeMap<&str, &Finding> = by_fingerprint(new_report);
    let mut appeared = Vec::new();
    let mut changed = Vec::new();
    let mut unchanged = 0;
    for finding in &new_report.findings {
        let Some(was) = before.get(finding.fingerprint.as_str()) else {
            appeared.push(finding.clone());
            continue;
        };
        let what = differences(was, finding);
        if what.is_empty() {
            unchanged += 1;
        } else {
            changed.push(Changed { finding: finding.clone(), what });
        }
    }
    let mut gone = Vec::new();
    let mut not_judged = Vec::new();
    for finding in old_report.findings.iter().filter(|one| !after.contains_key(one.fingerprint.as_str())) {
        match unseen(finding, new_report) {
            None => gone.push(finding.clone()),
            Some(why) => not_judged.push(NotJudged { finding: finding.clone(), why }),
        }
    }
    let policies_changed = new_report
        .policies
        .iter()
        .filter(|one| old_report.policy(&one.id).is_some_and(|other| other.version != one.version))
        .map(|one| one.id.clone())
        .collect();
    let counts = |finding: &&Finding| finding.triage != Triage::Waived;
    let graver = changed.iter().filter(|one| {
        before.get(one.finding.fingerprint.as_str()).is_some_and(|was| one.finding.severity > was.severity)
    });
    let worse: Vec<Severity> = appeared
        .iter()
        .chain(graver.map(|one| &one.finding))
        .filter(counts)
        .map(|finding| finding.severity)
        .collect();
    let incomplete = !not_judged.is_empty() || !new_report.scope.complete;
    let outcome = Outcome {
        gravest: worse.iter().max().copied(),
        incomplete,
        nothing_read: old_report.scope.nothing_read || new_report.scope.nothing_read,
    };
    let exit = gate(outcome, thresholds);
    let failing = worse.iter().filter(|severity| **severity >= thresholds.fail_on).count();
    let hole = match (not_judged.len(), new_report.scope.complete) {
        (0, true) => String::new(),
        (0, false) => "; the later run is not complete".to_owned(),
        (count, _) => format!("; {count} of the earlier findings were not judged again"),
    };
    let verdict =
        format!("{} new or graver at or above {} (exit {}){hole}", failing, thresholds.fail_on, exit.code());
    Diff {
        version: VERSION.to_owned(),
        old: side(old),
        new: side(new),
        appeared,
        gone,
        not_judged,
        changed,
        unchanged,
        policies_changed,
        exit_code: exit.code(),
        verdict,
    }
}

fn by_fingerprint(report: &Report) -> BTreeMap<&str, &Finding> {
    report.findings.iter().map(|finding| (finding.fingerprint.as_str(), finding)).collect()
}

fn differences(was: &Finding, is: &Finding) -> Vec<String> {
    let mut what = Vec::new();
    if was.severity != is.severity {
        what.push(format!("severity {} to {}", was.severity, is.severity));
    }
    if was.status != is.status {
        let word = |finding: &Finding| finding.status_word().unwrap_or("none").to_owned();
        what.push(format!("status {} to {}", word(was), word(is)));
    }
    if was.triage != is.triage {
        what.push(format!("{} to {}", was.triage.as_str(), is.triage.as_str()));
    }
    what
}

/// Why a run that does not have a finding does not say that it is gone. `None`: it looked.
fn unseen(finding: &Finding, run: &Report) -> Option<String> {
    if run.scope.nothing_read {
        return Some("nothing usable was read".to_owned());
    }
    let Some(policy) = run.coverage.policies.iter().find(|row| row.policy == finding.policy) else {
        return Some("the policy was not judged".to_owned());
    };
    let state = finding.origins.contains(&Origin::State);
    if state && run.inputs.snapshot.is_none() {
        return Some("no snapshot was read".to_owned());
    }
    if !state {
        if run.inputs.trail_files == 0 {
            return Some("no trail records were read".to_owned());
        }
        // Times of one shape compare as texts.
        let before = finding.last.as_ref().zip(run.inputs.first_record.as_ref());
        if before.is_none_or(|(last, first)| last < first) {
            return Some("its records are older than those that were read".to_owned());
        }
    }
    let subject = &finding.subject;
    if let Some(account) = subject.account.as_ref().filter(|account| !run.inputs.accounts.contains(account)) {
        return Some(format!("nothing of account {account} was read"));
    }
    if let Some(region) = subject.region.as_ref().filter(|region| !run.inputs.regions.contains(region)) {
        return Some(format!("nothing of region {region} was read"));
    }
    let concerns =
        |gap: &Option<String>, place: &Option<String>| gap.is_none() || place.is_none() || gap == place;
    let gap = run.coverage.read.iter().find(|read| {
        read.is_gap() && concerns(&read.account, &subject.account) && concerns(&read.region, &subject.region)
    });
    if let Some(gap) = gap {
        return Some(format!("{} was not fully read: {}", gap.surface, gap.outcome));
    }
    if policy.unknown > 0 {
        return Some(format!("{} judgements of the policy could not be made", policy.unknown));
    }
    let warming = run.coverage.warming_up.iter().find(|row| row.policy == finding.policy);
    warming.map(|row| format!("the policy is judged from {} only", row.from))
}
