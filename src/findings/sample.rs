//! Findings and reports for tests of this module.

use crate::facts::schema::Origin;
use crate::policy::Severity;
use crate::report::{
    self, Coverage, Finding, Inputs, PolicyCoverage, Read, Report, Scope, SnapshotInput, Subject, Summary,
    Triage,
};

pub(super) const ACCOUNT: &str = "111122223333";

/// A finding of policy `p` on the function `name`, whose fingerprint is its name.
pub(super) fn finding(name: &str, severity: Severity, origins: &[Origin]) -> Finding {
    let record = origins != [Origin::State];
    Finding {
        policy: "p".to_owned(),
        title: "t".to_owned(),
        severity,
        risk_score: 50,
        level: None,
        origins: origins.to_vec(),
        status: None,
        status_event_id: None,
        subject: Subject {
            arn: Some(format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}")),
            kind: "function".to_owned(),
            name: name.to_owned(),
            account: Some(ACCOUNT.to_owned()),
            region: Some("eu-west-1".to_owned()),
            logical_id: None,
        },
        message: String::new(),
        evidence: Vec::new(),
        event_ids: Vec::new(),
        first: record.then(|| "2026-11-10T00:00:00Z".to_owned()),
        last: record.then(|| "2026-11-12T00:00:00Z".to_owned()),
        count: 1,
        fingerprint: name.to_owned(),
        cause: None,
        triage: Triage::New,
        waiver: None,
        seen: None,
        knobs: Vec::new(),
    }
}

/// A complete run over a snapshot and a trail of one account and region.
pub(super) fn report(findings: Vec<Finding>) -> Report {
    Report {
        version: report::VERSION.to_owned(),
        tool: "lambda-audit 0.1.0".to_owned(),
        generated_at: "2026-11-20T09:00:00Z".to_owned(),
        scope: Scope { complete: true, ..Scope::default() },
        inputs: Inputs {
            snapshot: Some(SnapshotInput::default()),
            trail_files: 1,
            first_record: Some("2026-11-01T00:00:00Z".to_owned()),
            last_record: Some("2026-11-20T00:00:00Z".to_owned()),
            accounts: vec![ACCOUNT.to_owned()],
            regions: vec!["eu-west-1".to_owned()],
            ..Inputs::default()
        },
        findings,
        access: Vec::new(),
        coverage: Coverage { policies: vec![judged("p", 0)], ..Coverage::default() },
        summary: Summary::default(),
        notices: Vec::new(),
        policies: Vec::new(),
    }
}

pub(super) fn judged(policy: &str, unknown: u64) -> PolicyCoverage {
    PolicyCoverage {
        policy: policy.to_owned(),
        judged: 1 + unknown,
        fail: 0,
        repeated: 0,
        pass: 1,
        not_applicable: 0,
        unknown,
        why: Vec::new(),
    }
}

/// A call that was refused.
pub(super) fn denied(account: Option<&str>, region: Option<&str>) -> Read {
    Read {
        account: account.map(str::to_owned),
        region: region.map(str::to_owned),
        surface: "lambda:GetPolicy".to_owned(),
        outcome: "denied".to_owned(),
        missing_permission: None,
        source: None,
        detail: None,
        count: 1,
        accepted: true,
    }
}
