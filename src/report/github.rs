//! The report as GitHub's workflow commands: annotations of the run.
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::io::{self, Write};

use super::text::safe;
use super::{Finding, Report, Triage, places};
use crate::policy::Severity;

/// GitHub shows ten annotations of each kind of a step; the rest would go unseen.
const SHOWN: usize = 10;

/// The text after `::`.
fn data(text: &str) -> String {
    // Control characters first: what is left of line breaks is escaped as GitHub wants it.
    safe(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

const fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

/// Writes an annotation per new finding, gravest first and ten of each kind, one for what was not read or judged, and
/// one for the verdict. With an `anchor` all stand at that file.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, anchor: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let new: Vec<&Finding> = report.findings.iter().filter(|one| one.triage == Triage::New).collect();
    let unread = report.open_gaps().count() as u64;
    let unknown = report.open_unknown();
    let mut left_out = 0;
    for kind in ["error", "warning", "notice"] {
        // Room for what is said at the end, which must be seen.
        let room = if kind == "error" { SHOWN - 1 } else { SHOWN - 2 };
        let mut of_kind = new.iter().filter(|finding| command(finding.severity) == kind);
        for finding in of_kind.by_ref().take(room) {
            let place = places::of(finding, anchor);
            writeln!(
                out,
                "::{kind} file={},line={},title={}::{}",
                property(&place.path),
                place.line,
                property(&format!("{} ({})", finding.title, finding.severity)),
                data(&format!("{} [{}]", finding.message, finding.policy)),
            )?;
        }
        left_out += of_kind.count();
    }
    if left_out > 0 {
        writeln!(
            out,
            "::notice title=lambda-audit::{}",
            data(&format!("{left_out} more findings are in the report"))
        )?;
    }
    if unread > 0 || unknown > 0 {
        let text = format!("{unread} calls or inputs were not read, {unknown} judgements could not be made");
        writeln!(out, "::warning title=lambda-audit%3A not everything was read::{}", data(&text))?;
    }
    let verdict = match report.summary.exit_code {
        0 => "notice",
        3 => "warning",
        _ => "error",
    };
    writeln!(out, "::{verdict} title=lambda-audit::{}", data(&report.summary.verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_end_the_command_nor_begin_another() {
        assert_eq!(data("100%\n::error::x\r"), "100%25\\u{a}::error::x\\u{d}");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }
}
