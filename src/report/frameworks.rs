//! A run by the controls of frameworks: what of each was judged, found, and left open. A control without findings is
//! not one that is met: it is as good as what was judged of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::text::{Style, safe, table, trim};
use super::{PolicyInfo, Report};
use crate::policy::frameworks;

/// How a control stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A policy that checks it has findings.
    Findings,
    /// None has, and not everything could be judged.
    Unknown,
    /// Everything was judged, and nothing found.
    Clear,
    /// There was nothing to judge.
    NotJudged,
}

impl Standing {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Standing::Findings => "findings",
            Standing::Unknown => "unknown",
            Standing::Clear => "clear",
            Standing::NotJudged => "not judged",
        }
    }
}

/// One control, over all policies of the run that check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ControlRow {
    pub framework: String,
    pub id: String,
    pub standing: Standing,
    /// Findings that are not waived.
    pub findings: u64,
    /// Findings that a waiver covers.
    pub waived: u64,
    pub judged: u64,
    pub unknown: u64,
    pub policies: Vec<String>,
}

/// Every control that a policy of the run names, in order of framework and number.
pub fn rows(report: &Report) -> Vec<ControlRow> {
    let mut by_control: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for policy in &report.policies {
        for (framework, ids) in of(policy) {
            for id in ids {
                by_control.entry((framework, id)).or_default().insert(&policy.id);
            }
        }
    }
    let mut rows: Vec<ControlRow> = by_control
        .into_iter()
        .map(|((framework, id), policies)| row(report, framework, id, &policies))
        .collect();
    rows.sort_by(|a, b| {
        (&a.framework, frameworks::natural(&a.id)).cmp(&(&b.framework, frameworks::natural(&b.id)))
    });
    rows
}

fn of(policy: &PolicyInfo) -> BTreeMap<&str, BTreeSet<&str>> {
    frameworks::all(&policy.attack, &policy.controls)
}

fn row(report: &Report, framework: &str, id: &str, policies: &BTreeSet<&str>) -> ControlRow {
    let found = report.findings.iter().filter(|finding| policies.contains(finding.policy.as_str()));
    let (waived, open): (Vec<_>, Vec<_>) = found.partition(|finding| finding.waiver.is_some());
    let judged = report.coverage.policies.iter().filter(|row| policies.contains(row.policy.as_str()));
    let (judged, unknown) =
        judged.fold((0, 0), |(judged, unknown), row| (judged + row.judged, unknown + row.unknown));
    let standing = match (open.len(), unknown, judged) {
        (1.., ..) => Standing::Findings,
        (0, 1.., _) => Standing::Unknown,
        (0, 0, 0) => Standing::NotJudged,
        (0, 0, _) => Standing::Clear,
    };
    ControlRow {
        framework: framework.to_owned(),
        id: id.to_owned(),
        standing,
        findings: open.len() as u64,
        waived: waived.len() as u64,
        judged,
        unknown,
        policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
    }
}

/// The same by framework, in its order.
pub(super) fn by_framework<'r>(rows: &[&'r ControlRow]) -> BTreeMap<&'r str, Vec<&'r ControlRow>> {
    let mut all: BTreeMap<&str, Vec<&ControlRow>> = BTreeMap::new();
    for row in rows {
        all.entry(&row.framework).or_default().push(row);
    }
    all
}

/// A table for each framework.
pub(crate) fn text(rows: &[&ControlRow], style: Style, out: &mut impl Write) -> io::Result<()> {
    for (at, (name, rows)) in by_framework(rows).into_iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", style.strong(&safe(frameworks::title(name))))?;
        let mut table = table(style, &["CONTROL", "STANDING", "FINDINGS", "UNKNOWN", "POLICIES"]);
        for row in rows {
            table.add_row([
                safe(&row.id).into_owned(),
                row.standing.as_str().to_owned(),
                row.findings.to_string(),
                row.unknown.to_string(),
                row.policies.iter().map(|policy| safe(policy).into_owned()).collect::<Vec<_>>().join(", "),
            ]);
        }
        writeln!(out, "{}", trim(&table.to_string()))?;
    }
    Ok(())
}
