//! The findings as CSV (RFC 4180), for spreadsheets. A cell that a spreadsheet would take for a formula is text.
//! <https://owasp.org/www-community/attacks/CSV_Injection>

use std::io::{self, Write};

use super::text::safe;
use super::{Finding, Report};

const HEAD: [&str; 23] = [
    "triage",
    "severity",
    "risk_score",
    "policy",
    "title",
    "subject",
    "type",
    "name",
    "account",
    "region",
    "message",
    "status",
    "origins",
    "first",
    "last",
    "count",
    "event_ids",
    "evidence",
    "source",
    "cause",
    "waiver",
    "fingerprint",
    "remediation",
];

/// Text for a cell, quoted. A leading `'` makes text of what begins like a formula, blanks before it or not.
fn cell(text: &str) -> String {
    let shown = safe(text);
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠');
    let guarded = shown.trim_start().starts_with(formula);
    format!("\"{}{}\"", if guarded { "'" } else { "" }, shown.replace('"', "\"\""))
}

/// Writes a line per finding, gravest first, whatever became of it.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    line(out, HEAD.map(str::to_owned).into_iter())?;
    for finding in &report.findings {
        let remediation = report.policy(&finding.policy).and_then(|policy| policy.remediate.as_deref());
        let remediation = remediation.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        line(out, row(finding, remediation.unwrap_or_default()).into_iter())?;
    }
    Ok(())
}

fn line(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    write!(out, "{}\r\n", cells.map(|text| cell(&text)).collect::<Vec<_>>().join(","))
}

fn row(finding: &Finding, remediation: String) -> [String; 23] {
    let subject = &finding.subject;
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let evidence: Vec<String> = finding
        .evidence
        .iter()
        .map(|one| format!("{} = {}, expected {}", one.field, one.observed, one.expected))
        .collect();
    let waiver = finding.waiver.as_ref();
    [
        finding.triage.as_str().to_owned(),
        finding.severity.as_str().to_owned(),
        finding.risk_score.to_string(),
        finding.policy.clone(),
        finding.title.clone(),
        subject.label().to_owned(),
        subject.kind.clone(),
        subject.name.clone(),
        some(&subject.account),
        some(&subject.region),
        finding.message.clone(),
        finding.status_word().unwrap_or_default().to_owned(),
        finding.origins.iter().map(|origin| origin.as_str()).collect::<Vec<_>>().join(" "),
        some(&finding.first),
        some(&finding.last),
        finding.count.to_string(),
        finding.event_ids.join(" "),
        evidence.join("; "),
        finding.evidence.first().map(|one| super::text::source(&one.source)).unwrap_or_default(),
        finding.cause.as_ref().map(super::text::cause).unwrap_or_default(),
        waiver
            .map(|one| format!("{} ({}, until {})", one.reason, one.owner, one.expires))
            .unwrap_or_default(),
        finding.fingerprint.clone(),
        remediation,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_stays_in_its_cell() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(cell("  @x"), "\"'  @x\"");
        assert_eq!(cell("\t=x"), "\"\\u{9}=x\"");
        assert_eq!(cell("a,b\nc"), "\"a,b\\u{a}c\"");
    }
}
