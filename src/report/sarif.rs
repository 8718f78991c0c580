//! The report as SARIF 2.1.0, for code scanning.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>, and what GitHub asks of it:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value as Json, json};

use super::text::safe;
use super::{Finding, PolicyInfo, Report, Triage, json, places};
use crate::policy::{Severity, bundled};

/// GitHub shows this many results of a run, and drops the rest without saying so.
pub const RESULT_LIMIT: usize = 5_000;
/// GitHub's limits of a rule's tags.
const TAG_LIMIT: usize = 20;
/// Notifications of unknown judgements and unread inputs.
const NOTIFICATION_LIMIT: usize = 500;

/// Writes the report. `anchor`: the file of the repository that every finding is shown at; without one, where it was
/// read.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, anchor: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    // New ones first: where not all fit, the accepted ones are left out before any that counts.
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| finding.triage != Triage::New);
    let left_out = findings.len().saturating_sub(RESULT_LIMIT);
    findings.truncate(RESULT_LIMIT);
    let rules = Rules::of(report);
    let results: Vec<Json> = findings.iter().map(|finding| result(finding, report, &rules, anchor)).collect();
    let mut notifications = Vec::new();
    if left_out > 0 {
        notifications.push(note(
            "warning",
            "results-cut",
            format!(
                "{left_out} of {} findings are not in this file: the gravest new ones are kept, the JSON report has all",
                report.findings.len()
            ),
        ));
    }
    notifications.extend(unread(report));
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver(report, &rules)},
            "automationDetails": {"id": "lambda-audit/"},
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": report.summary.exit_code != 2,
                "exitCode": report.summary.exit_code,
                "exitCodeDescription": plain(&report.summary.verdict),
                "endTimeUtc": report.generated_at,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    json::write(&log, out)
}

/// Every policy that was judged, and any other that a finding names (a saved run may come from elsewhere).
struct Rules<'r> {
    rules: Vec<(&'r str, Option<&'r PolicyInfo>, &'r str)>,
    at: BTreeMap<&'r str, usize>,
}

impl<'r> Rules<'r> {
    fn of(report: &'r Report) -> Self {
        let mut out = Rules { rules: Vec::new(), at: BTreeMap::new() };
        let judged = report.policies.iter().map(|policy| (policy.id.as_str(), policy.title.as_str()));
        let named = report.findings.iter().map(|one| (one.policy.as_str(), one.title.as_str()));
        for (id, title) in judged.chain(named) {
            if !out.at.contains_key(id) {
                out.at.insert(id, out.rules.len());
                out.rules.push((id, report.policy(id), title));
            }
        }
        out
    }
}

fn driver(report: &Report, rules: &Rules<'_>) -> Json {
    let version = report.tool.rsplit(' ').next().unwrap_or_default();
    let mut driver = json!({
        "name": "lambda-audit",
        "fullName": plain(&report.tool),
        "version": plain(version),
        "informationUri": "https://crates.io/crates/lambda-audit",
        "rules": rules.rules.iter().map(|(id, policy, title)| rule(id, *policy, title)).collect::<Vec<_>>(),
        "notifications": [
            notification("results-cut", "Not all findings are in the file.", "GitHub shows 5,000 results of a run. The gravest new findings are kept; the JSON report has all."),
            notification("not-judged", "A policy could not be judged.", "Something that the policy reads was not read: the message says what, and why. It is no pass."),
            notification("not-read", "A call or a file was not read.", "What it would have shown is unknown. Grant the missing permission, or accept the gap in the configuration."),
            notification("notice", "A notice of the run.", "Expired or unused waivers, stale entries of the baseline, and the like."),
        ],
    });
    if is_semantic(version)
        && let Some(driver) = driver.as_object_mut()
    {
        driver.insert("semanticVersion".to_owned(), version.into());
    }
    driver
}

fn notification(id: &str, short: &str, full: &str) -> Json {
    json!({
        "id": id,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": full},
    })
}

fn is_semantic(version: &str) -> bool {
    let numbers: Vec<&str> = version.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn rule(id: &str, policy: Option<&PolicyInfo>, title: &str) -> Json {
    let full = policy.and_then(|policy| policy.why.as_deref()).unwrap_or(title);
    let mut help = Vec::new();
    let mut markdown = Vec::new();
    let mut tags = vec!["security".to_owned(), "aws-lambda".to_owned()];
    let mut severity = Severity::Medium;
    let mut score = 50;
    if let Some(policy) = policy {
        severity = policy.severity;
        score = policy.risk_score;
        for (head, text) in
            [("Why", &policy.why), ("Investigate", &policy.investigate), ("Remediate", &policy.remediate)]
        {
            if let Some(text) = text {
                let text = text.trim();
                help.push(format!("{head}: {text}"));
                markdown.push(format!("**{head}**: {}", super::markdown::prose(text)));
            }
        }
        for attack in &policy.attack {
            tags.extend(
                [Some(&attack.tactic), attack.technique.as_ref()]
                    .into_iter()
                    .flatten()
                    .map(|id| format!("attack/{id}")),
            );
        }
        tags.extend(policy.controls.iter().map(|one| format!("{}/{}", one.framework, one.id)));
        tags.sort();
        tags.dedup();
        tags.truncate(TAG_LIMIT);
    }
    if help.is_empty() {
        help.push(title.to_owned());
        markdown.push(super::markdown::prose(title));
    }
    let mut rule = json!({
        "id": plain(id),
        "name": pascal(id),
        "shortDescription": {"text": sentence(title)},
        "fullDescription": {"text": sentence(full)},
        "help": {"text": plain(&help.join("\n\n")), "markdown": markdown.join("\n\n")},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {
            "tags": tags,
            "precision": "high",
            "problem.severity": problem(severity),
            "security-severity": security_severity(score),
        },
    });
    let reference = || policy?.references.iter().find(|link| link.starts_with("https://")).cloned();
    if let (Some(link), Some(rule)) = (bundled::page(id).or_else(reference), rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), Json::from(link));
    }
    rule
}

/// GitHub's scale: above 9.0 critical, from 7.0 high, from 4.0 medium.
fn security_severity(score: u8) -> String {
    let score = score.min(100);
    format!("{}.{}", score / 10, score % 10)
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

const fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

/// `function-invoke-public` as `FunctionInvokePublic`.
fn pascal(id: &str) -> String {
    let words = id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_ascii_uppercase(), rest.to_owned()]
        })
        .collect();
    if name.is_empty() { "Policy".to_owned() } else { name }
}

/// Text for a plain message: what would be a link, a placeholder or a control character to a viewer is none.
fn plain(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| safe(line).into_owned()).collect();
    let mut out = String::with_capacity(text.len());
    for c in lines.join("\n").chars() {
        match c {
            '\\' | '[' | ']' => out.extend(['\\', c]),
            '{' | '}' => out.extend([c, c]),
            _ => out.push(c),
        }
    }
    if out.trim().is_empty() { "(no text)".to_owned() } else { out }
}

/// The same, ending with a full stop.
fn sentence(text: &str) -> String {
    let text = plain(text);
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn result(finding: &Finding, report: &Report, rules: &Rules<'_>, anchor: Option<&str>) -> Json {
    let place = places::of(finding, anchor);
    let subject = &finding.subject;
    let mut result = json!({
        "ruleId": plain(&finding.policy),
        "ruleIndex": rules.at.get(finding.policy.as_str()),
        "level": level(finding.severity),
        "message": {"text": sentence(&finding.message)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": places::uri(&place.path)},
                "region": {"startLine": place.line},
            },
            "logicalLocations": [{
                "name": subject.name,
                "fullyQualifiedName": subject.label(),
                "kind": "resource",
            }],
        }],
        "partialFingerprints": {"lambdaAudit/v1": finding.fingerprint},
        "properties": {
            "severity": finding.severity,
            "security-severity": security_severity(finding.risk_score),
            "triage": finding.triage,
            "status": finding.status,
            "account": subject.account,
            "region": subject.region,
            "origins": finding.origins,
            "eventIds": finding.event_ids,
            "first": finding.first,
            "last": finding.last,
            "count": finding.count,
            "cause": finding.cause,
        },
    });
    let Some(object) = result.as_object_mut() else { return result };
    if let Some(waiver) = &finding.waiver {
        let why = format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.expires);
        let suppression = json!([{"kind": "external", "status": "accepted", "justification": plain(&why)}]);
        object.insert("suppressions".to_owned(), suppression);
    } else if finding.triage == Triage::Waived {
        object.insert("suppressions".to_owned(), json!([{"kind": "external", "status": "accepted"}]));
    }
    if report.scope.baseline.is_some() {
        let state = if finding.triage == Triage::Baseline { "unchanged" } else { "new" };
        object.insert("baselineState".to_owned(), state.into());
    }
    result
}

fn note(level: &str, id: &str, text: String) -> Json {
    json!({"level": level, "descriptor": {"id": id}, "message": {"text": sentence(&text)}})
}

/// What was not read or judged, so that a viewer does not take a short list of results for a clean account.
fn unread(report: &Report) -> Vec<Json> {
    let mut out = Vec::new();
    for read in report.coverage.read.iter().filter(|read| read.is_gap()) {
        let at = [read.account.as_deref(), read.region.as_deref(), Some(read.surface.as_str())];
        let at: Vec<&str> = at.into_iter().flatten().collect();
        let missing = read
            .missing_permission
            .as_ref()
            .map_or(String::new(), |action| format!(", missing permission {action}"));
        let accepted = if read.accepted { ", an accepted gap" } else { "" };
        let text = format!("Not read: {}: {}{missing}{accepted}", at.join(" "), read.outcome);
        out.push(note(if read.accepted { "note" } else { "warning" }, "not-read", text));
    }
    for policy in &report.coverage.policies {
        for why in &policy.why {
            let text = format!(
                "{} could not be judged {} times: {} is unread ({}), for example of {}",
                policy.policy, why.count, why.missing, why.why, why.example
            );
            out.push(note(if why.accepted { "note" } else { "warning" }, "not-judged", text));
        }
    }
    out.extend(report.notices.iter().map(|notice| note("note", "notice", notice.clone())));
    if out.len() > NOTIFICATION_LIMIT {
        let more = out.len() - NOTIFICATION_LIMIT;
        out.truncate(NOTIFICATION_LIMIT);
        out.push(note(
            "warning",
            "not-read",
            format!("{more} more notifications are in the JSON report only"),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_no_link_placeholder_or_control_character() {
        assert_eq!(plain("[x](http://e) {0}\u{1b}[2J"), "\\[x\\](http://e) {{0}}\\\\u{{1b}}\\[2J");
        assert_eq!(sentence("a"), "a.");
        assert_eq!(sentence("  "), "(no text).");
        assert_eq!(pascal("function-invoke-public"), "FunctionInvokePublic");
        assert_eq!(security_severity(73), "7.3");
        assert_eq!(security_severity(100), "10.0");
    }
}
