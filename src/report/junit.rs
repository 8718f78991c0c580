//! The report as JUnit XML, as build servers read it: a suite per policy, a case per finding, an error per reason why
//! something could not be judged.

use std::io::{self, Write};

use super::{Finding, Report, Triage};

/// Text for an attribute or an element. Characters that XML 1.0 does not have are shown as escapes; line breaks
/// survive in attributes. <https://www.w3.org/TR/xml/#charsets>
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => out.extend(c.escape_unicode()),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// What one case came to.
enum Case<'r> {
    Failure(&'r Finding),
    Skipped(&'r Finding),
    Error { name: String, message: String },
    SkippedGap { name: String, message: String },
    Passed { name: String },
}

/// Writes the report.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut suites: Vec<(String, Vec<Case<'_>>)> = Vec::new();
    for policy in &report.coverage.policies {
        let mut cases: Vec<Case<'_>> =
            report.findings.iter().filter(|finding| finding.policy == policy.policy).map(of).collect();
        for why in &policy.why {
            let name = format!("could not be judged: {} ({})", why.missing, why.why);
            let message = format!("{} judgements, for example of {}", why.count, why.example);
            cases.push(match why.accepted {
                true => Case::SkippedGap { name, message },
                false => Case::Error { name, message },
            });
        }
        if policy.pass > 0 {
            cases.push(Case::Passed { name: format!("{} passed", policy.pass) });
        }
        suites.push((policy.policy.clone(), cases));
    }
    // A finding whose policy is not listed must not be lost.
    let listed =
        |finding: &&Finding| !report.coverage.policies.iter().any(|row| row.policy == finding.policy);
    let others: Vec<Case<'_>> = report.findings.iter().filter(listed).map(of).collect();
    if !others.is_empty() {
        suites.push(("other policies".to_owned(), others));
    }
    let unread: Vec<Case<'_>> = report
        .coverage
        .read
        .iter()
        .filter(|read| read.is_gap())
        .map(|read| {
            let at = [read.account.as_deref(), read.region.as_deref(), Some(read.surface.as_str())];
            let name = format!("not read: {}", at.into_iter().flatten().collect::<Vec<_>>().join(" "));
            let why =
                [Some(read.outcome.as_str()), read.missing_permission.as_deref(), read.detail.as_deref()];
            let message = why.into_iter().flatten().collect::<Vec<_>>().join(": ");
            if read.accepted { Case::SkippedGap { name, message } } else { Case::Error { name, message } }
        })
        .collect();
    suites.push(("coverage".to_owned(), unread));

    let count =
        |wanted: fn(&Case<'_>) -> bool, cases: &[Case<'_>]| cases.iter().filter(|case| wanted(case)).count();
    let figures = |cases: &[Case<'_>]| {
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
            cases.len(),
            count(|case| matches!(case, Case::Failure(_)), cases),
            count(|case| matches!(case, Case::Error { .. }), cases),
            count(|case| matches!(case, Case::Skipped(_) | Case::SkippedGap { .. }), cases),
        )
    };
    let total =
        |wanted: fn(&Case<'_>) -> bool| suites.iter().map(|(_, cases)| count(wanted, cases)).sum::<usize>();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"lambda-audit\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        total(|_| true),
        total(|case| matches!(case, Case::Failure(_))),
        total(|case| matches!(case, Case::Error { .. })),
        total(|case| matches!(case, Case::Skipped(_) | Case::SkippedGap { .. })),
    )?;
    for (name, cases) in &suites {
        let (name, time) = (xml(name), xml(report.generated_at.trim_end_matches('Z')));
        writeln!(out, "  <testsuite name=\"{name}\" timestamp=\"{time}\" {}>", figures(cases))?;
        for case in cases {
            one(&name, case, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "  <!-- exit code {} -->", report.summary.exit_code)?;
    writeln!(out, "</testsuites>")
}

fn of(finding: &Finding) -> Case<'_> {
    if finding.triage == Triage::New { Case::Failure(finding) } else { Case::Skipped(finding) }
}

fn one(suite: &str, case: &Case<'_>, out: &mut impl Write) -> io::Result<()> {
    let open = |name: &str| format!("    <testcase classname=\"{suite}\" name=\"{}\"", xml(name));
    match case {
        Case::Failure(finding) => {
            writeln!(out, "{}>", open(finding.subject.label()))?;
            let (message, severity) = (xml(&finding.message), finding.severity);
            writeln!(
                out,
                "      <failure message=\"{message}\" type=\"{severity}\">{}</failure>",
                xml(&details(finding))
            )?;
        }
        Case::Skipped(finding) => {
            writeln!(out, "{}>", open(finding.subject.label()))?;
            let why = match (&finding.waiver, finding.triage) {
                (Some(waiver), _) => {
                    format!("waived: {} ({}, until {})", waiver.reason, waiver.owner, waiver.expires)
                }
                (None, Triage::Baseline) => "in the baseline".to_owned(),
                (None, _) => "waived".to_owned(),
            };
            writeln!(out, "      <skipped message=\"{}\"/>", xml(&why))?;
        }
        Case::Error { name, message } => {
            writeln!(out, "{}>", open(name))?;
            writeln!(out, "      <error message=\"{}\" type=\"unread\"/>", xml(message))?;
        }
        Case::SkippedGap { name, message } => {
            writeln!(out, "{}>", open(name))?;
            writeln!(out, "      <skipped message=\"{}\"/>", xml(&format!("accepted gap: {message}")))?;
        }
        Case::Passed { name } => return writeln!(out, "{}/>", open(name)),
    }
    writeln!(out, "    </testcase>")
}

fn details(finding: &Finding) -> String {
    let mut lines = vec![format!("fingerprint {}", finding.fingerprint)];
    for evidence in &finding.evidence {
        lines.push(format!("{} = {}, expected {}", evidence.field, evidence.observed, evidence.expected));
        lines.push(super::text::source(&evidence.source));
    }
    if !finding.event_ids.is_empty() {
        lines.push(format!("events {}", finding.event_ids.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_does_not_have_is_shown_as_an_escape() {
        assert_eq!(
            xml("a<b>&\"'\n\u{1b}\u{0}\u{ffff}"),
            "a&lt;b&gt;&amp;&quot;&apos;&#10;\\u{1b}\\u{0}\\u{ffff}"
        );
    }
}
