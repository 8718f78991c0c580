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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::sample::{ACCOUNT, denied, finding, judged, report};
    use Severity::{High, Low};

    const STATE: &[Origin] = &[Origin::State];
    const CHANGE: &[Origin] = &[Origin::Change];

    fn plain() -> Thresholds {
        Thresholds { fail_on: High, exit_zero: false, allow_incomplete: false }
    }

    #[test]
    fn what_is_new_changed_and_gone_between_two_complete_runs() {
        let old = report(vec![
            finding("same", High, STATE),
            finding("worse", Low, STATE),
            finding("gone", High, STATE),
        ]);
        let new = report(vec![
            finding("same", High, STATE),
            finding("worse", High, STATE),
            finding("came", Low, STATE),
        ]);
        let names =
            |findings: &[Finding]| findings.iter().map(|one| one.fingerprint.clone()).collect::<Vec<_>>();
        let told = diff(("a", &old), ("b", &new), &plain());
        assert_eq!(
            (names(&told.appeared), names(&told.gone)),
            (vec!["came".to_owned()], vec!["gone".to_owned()])
        );
        assert_eq!(told.changed[0].what, ["severity low to high"]);
        assert_eq!((told.unchanged, told.not_judged.len(), told.exit_code), (1, 0, 1));
        // What only became less is no failure, and nothing at all is none.
        assert_eq!(diff(("b", &new), ("b", &new), &plain()).exit_code, 0);
        let back = diff(("b", &new), ("a", &old), &plain());
        assert_eq!((names(&back.appeared), back.exit_code), (vec!["gone".to_owned()], 1));
        let lax = Thresholds { exit_zero: true, ..plain() };
        assert_eq!(diff(("a", &old), ("b", &new), &lax).exit_code, 0);
    }

    #[test]
    fn a_finding_is_gone_only_if_the_later_run_looked() {
        type Case<'c> = (&'c [Origin], fn(&mut Report), &'c str);
        let table: [Case<'_>; 10] = [
            (STATE, |run| run.scope.nothing_read = true, "nothing usable"),
            (STATE, |run| run.coverage.policies.clear(), "was not judged"),
            (STATE, |run| run.inputs.snapshot = None, "no snapshot"),
            (CHANGE, |run| run.inputs.trail_files = 0, "no trail records"),
            (
                CHANGE,
                |run| run.inputs.first_record = Some("2026-11-13T00:00:00Z".to_owned()),
                "older than those",
            ),
            (STATE, |run| run.inputs.accounts.clear(), "nothing of account"),
            (STATE, |run| run.inputs.regions.clear(), "nothing of region"),
            (
                STATE,
                |run| run.coverage.read.push(denied(Some(ACCOUNT), None)),
                "lambda:GetPolicy was not fully read",
            ),
            (STATE, |run| run.coverage.read.push(denied(None, None)), "lambda:GetPolicy was not fully read"),
            (STATE, |run| run.coverage.policies = vec![judged("p", 3)], "3 judgements"),
        ];
        for (origins, change, why) in table {
            let old = report(vec![finding("a", High, origins)]);
            let mut new = report(Vec::new());
            let whole = diff(("a", &old), ("b", &new), &plain());
            assert_eq!((whole.gone.len(), whole.exit_code), (1, 0), "{why}");
            change(&mut new);
            let told = diff(("a", &old), ("b", &new), &plain());
            assert!(told.gone.is_empty(), "{why}");
            assert!(told.not_judged[0].why.contains(why), "{} is not {why}", told.not_judged[0].why);
            assert_eq!(told.exit_code, if new.scope.nothing_read { 2 } else { 3 }, "{why}");
        }
        // A hole elsewhere hides nothing of this.
        let old = report(vec![finding("a", High, STATE)]);
        let mut new = report(Vec::new());
        new.coverage.read.push(denied(Some("444455556666"), None));
        assert_eq!(diff(("a", &old), ("b", &new), &plain()).gone.len(), 1);
    }
}
