//! The report as GitHub-flavoured Markdown, for the summary of a workflow step: verdict, figures, the gravest findings,
//! what was not read.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::{plural, safe};
use super::{Finding, Report, Triage};
use crate::policy::Severity;

/// A step's summary holds 1 MiB; what is larger is not shown at all.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>
const SIZE_LIMIT: usize = 1_000_000;
/// Rows of coverage.
const ROWS: usize = 50;

/// Our own prose as Markdown text: every character that could mean something is escaped.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    // Lines of prose are one paragraph.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for c in safe(&text).chars() {
        match c {
            // Neither a link nor a mention is made of an entity.
            '<' | '>' | '&' | '@' | ':' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '?' | '\'' | '"' | '/' | '.' | '-') => {
                out.extend(['\\', c]);
            }
            '.' | '-' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// What was read, as code: nothing in it is Markdown or HTML, and a table stays one.
fn code(text: &str) -> String {
    let mut out = "<code>".to_owned();
    for c in safe(text).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '/' | '(' | ')' | ',' | ';') {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push_str("</code>");
    out
}

/// Writes the report, cut to what a step's summary holds.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut text = head(report);
    let tail = tail(report);
    let new: Vec<&Finding> = report.findings.iter().filter(|one| one.triage == Triage::New).collect();
    if !new.is_empty() {
        text.push_str(
            "\n### Findings\n\n| severity | policy | subject | what | since |\n|---|---|---|---|---|\n",
        );
        let mut shown = 0;
        for finding in &new {
            let row = row(finding);
            if text.len() + row.len() + tail.len() > SIZE_LIMIT {
                break;
            }
            text.push_str(&row);
            shown += 1;
        }
        if shown < new.len() {
            let _ = write!(
                text,
                "\n{} are left out: the JSON report has all.\n",
                plural((new.len() - shown) as u64, "finding")
            );
        }
    }
    text.push_str(&tail);
    out.write_all(text.as_bytes())
}

fn head(report: &Report) -> String {
    let summary = &report.summary;
    let mark = match summary.exit_code {
        0 => "✅",
        3 => "⚠️",
        _ => "❌",
    };
    let mut text = format!("## lambda-audit\n\n{mark} **{}**\n\n", prose(&summary.verdict));
    let severities: Vec<Severity> = Severity::ALL.into_iter().rev().collect();
    let count = |severity: Severity, triage: Triage| {
        report.findings.iter().filter(|one| one.severity == severity && one.triage == triage).count()
    };
    text.push_str(
        "| | critical | high | medium | low | info | total |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, triage, total) in [
        ("new", Triage::New, summary.new),
        ("baseline", Triage::Baseline, summary.baseline),
        ("waived", Triage::Waived, summary.waived),
    ] {
        let cells: Vec<String> =
            severities.iter().map(|severity| count(*severity, triage).to_string()).collect();
        let _ = writeln!(text, "| {name} | {} | {total} |", cells.join(" | "));
    }
    let _ = writeln!(text, "\nJudgements that could not be made: {}.", summary.unknown);
    text
}

fn row(finding: &Finding) -> String {
    let when = finding.first.as_deref().map_or("–".to_owned(), code);
    let cause = finding.cause.as_ref().filter(|cause| !cause.records.is_empty());
    let cause = cause.map_or(String::new(), |cause| format!("<br>{}", code(&super::text::cause(cause))));
    let status = finding.status_word().map_or(String::new(), |status| format!(" ({})", code(status)));
    format!(
        "| {} | {} | {} | {}{status}{cause} | {when} |\n",
        finding.severity,
        code(&finding.policy),
        code(finding.subject.label()),
        code(&finding.message.replace(finding.subject.label(), &finding.subject.name)),
    )
}

fn tail(report: &Report) -> String {
    let mut text = String::new();
    let gaps: Vec<_> = report.coverage.read.iter().filter(|read| read.is_gap()).collect();
    if !gaps.is_empty() {
        text.push_str(
            "\n### Not read\n\n| account | region | what | outcome | times |\n|---|---|---|---|---:|\n",
        );
        for read in gaps.iter().take(ROWS) {
            let missing =
                read.missing_permission.as_ref().map_or(String::new(), |action| format!(" {}", code(action)));
            let accepted = if read.accepted { " (accepted gap)" } else { "" };
            let place = |text: &Option<String>| text.as_deref().map_or("–".to_owned(), code);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {}{missing}{accepted} | {} |",
                place(&read.account),
                place(&read.region),
                code(&read.surface),
                code(&read.outcome),
                read.count
            );
        }
        if gaps.len() > ROWS {
            let _ = write!(text, "\n{} more rows are in the JSON report.\n", gaps.len() - ROWS);
        }
    }
    let whys =
        report.coverage.policies.iter().flat_map(|row| row.why.iter().map(move |why| (&row.policy, why)));
    let whys: Vec<_> = whys.collect();
    if !whys.is_empty() {
        text.push_str(
            "\n### Could not be judged\n\n| policy | missing | why | times |\n|---|---|---|---:|\n",
        );
        for (policy, why) in whys.iter().take(ROWS) {
            let accepted = if why.accepted { " (accepted gap)" } else { "" };
            let _ = writeln!(
                text,
                "| {} | {} | {}{accepted} | {} |",
                code(policy),
                code(&why.missing),
                code(why.why.as_str()),
                why.count
            );
        }
        if whys.len() > ROWS {
            let _ = write!(text, "\n{} more rows are in the JSON report.\n", whys.len() - ROWS);
        }
    }
    if !report.notices.is_empty() {
        text.push_str("\n### Notes\n\n");
        for notice in report.notices.iter().take(ROWS) {
            let _ = writeln!(text, "- {}", prose(notice));
        }
    }
    let _ = write!(text, "\n{}, {}\n", prose(&report.tool), prose(&report.generated_at));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_read_is_markdown_or_html() {
        assert_eq!(
            code("a|b`c`<i>\n@x"),
            "<code>a&#124;b&#96;c&#96;&#60;i&#62;&#92;u&#123;a&#125;&#64;x</code>"
        );
        assert_eq!(prose("a_b [c](http://d)"), "a\\_b \\[c\\]\\(http&#58;//d\\)");
    }
}
