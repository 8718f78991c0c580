//! The report for people: verdict and figures, findings by policy, what was not read, what to do next.
//!
//! Names, tags and user agents come from strangers: everything that was read is escaped before it reaches a terminal.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use super::{Cause, Coverage, Finding, Report, Triage};
use crate::facts::Source;
use crate::facts::schema::Origin;
use crate::policy::Severity;
use crate::timeline::ChangeStatus;

/// How text is to look. Decided once, in `term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub color: Color,
    /// Columns to fit tables and wrapped text into.
    pub width: u16,
}

/// Whether escape sequences for colour are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    Never,
    Always,
}

/// Findings of one policy shown in full; the rest are counted, with the command that shows all.
const SHOWN_PER_POLICY: usize = 25;
/// Reasons shown for each policy that could not judge.
const SHOWN_REASONS: usize = 3;
/// Rows of coverage shown.
const SHOWN_ROWS: usize = 20;

/// Makes text safe for a terminal and for one line: control characters, line breaks, direction overrides and
/// characters that cannot be seen are shown as escapes.
pub fn safe(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
            // No character of any language.
            || matches!(c, '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hostile(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A colour, by what it says.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Grave,
    Warn,
    Mild,
    Good,
    Faint,
    Strong,
}

impl Style {
    fn paint(self, tone: Tone, text: &str) -> String {
        if self.color == Color::Never {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Grave => "1;31",
            Tone::Warn => "33",
            Tone::Mild => "36",
            Tone::Good => "32",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        let tone = match severity {
            Severity::Critical | Severity::High => Tone::Grave,
            Severity::Medium => Tone::Warn,
            Severity::Low => Tone::Mild,
            Severity::Info => Tone::Faint,
        };
        self.paint(tone, text)
    }

    /// Emphasised.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint(Tone::Strong, text)
    }

    fn wrap(self, indent: &str, text: &str) -> String {
        wrap(text, usize::from(self.width).max(40), indent)
    }
}

/// Breaks text at spaces so that lines fit `width`; what has no space stays whole, so that it can be copied.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column == 0 {
            out.push_str(indent);
            column = indent.len();
        } else if column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// A borderless table that fits the style's width.
pub(crate) fn table(style: Style, head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width);
    if !head.is_empty() {
        table.set_header(head.iter().map(|cell| style.paint(Tone::Faint, cell)));
    }
    table
}

/// Writes the report.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    inputs(report, style, out)?;
    figures(report, style, out)?;
    let unfound = Unfound::of(report);
    let mut shown: Vec<&Finding> = Vec::new();
    let mut rest = report.findings.iter().filter(|finding| finding.triage == Triage::New).peekable();
    while let Some(finding) = rest.next() {
        shown.push(finding);
        let same = |next: &&Finding| next.policy == finding.policy && next.severity == finding.severity;
        if !rest.peek().is_some_and(same) {
            group(&shown, &unfound, style, out)?;
            shown.clear();
        }
    }
    unfound.write(style, out)?;
    coverage(&report.coverage, style, out)?;
    for notice in &report.notices {
        writeln!(out, "{}", style.wrap("", &format!("note: {}", safe(notice))))?;
    }
    if !report.notices.is_empty() {
        writeln!(out)?;
    }
    let tone = match report.summary.exit_code {
        0 => Tone::Good,
        3 => Tone::Warn,
        _ => Tone::Grave,
    };
    writeln!(out, "{}", style.paint(tone, &safe(&report.summary.verdict)))
}

fn inputs(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let inputs = &report.inputs;
    let mut parts = Vec::new();
    if let Some(snapshot) = &inputs.snapshot {
        let when = snapshot.started.as_deref().map_or(String::new(), |time| format!(" of {}", safe(time)));
        let incomplete = if snapshot.complete { "" } else { ", incomplete" };
        parts.push(format!("snapshot{when} ({}{incomplete})", plural(snapshot.functions, "function")));
    }
    if inputs.trail_files > 0 {
        let span = match (&inputs.first_record, &inputs.last_record) {
            (Some(first), Some(last)) => format!(", {} to {}", safe(first), safe(last)),
            _ => String::new(),
        };
        parts.push(format!(
            "{} in {}{span}",
            plural(inputs.records, "trail record"),
            plural(inputs.trail_files, "file")
        ));
    }
    if parts.is_empty() {
        parts.push("nothing".to_owned());
    }
    let accounts = plural(inputs.accounts.len() as u64, "account");
    let regions = plural(inputs.regions.len() as u64, "region");
    let judged = if inputs.policies == 1 { "policy".to_owned() } else { "policies".to_owned() };
    let line =
        format!("Read {}: {accounts}, {regions}; judged by {} {judged}.", parts.join("; "), inputs.policies);
    writeln!(out, "{}\n", style.wrap("", &line))
}

/// `1 file`, `1,234 files`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(count))
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn figures(report: &Report, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mut table = table(style, &["SEVERITY", "FINDINGS", "POLICIES"]);
    let mut any = false;
    for severity in Severity::ALL.into_iter().rev() {
        let of_it: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.severity == severity).collect();
        if of_it.is_empty() {
            continue;
        }
        any = true;
        let mut policies: Vec<&str> = of_it.iter().map(|finding| finding.policy.as_str()).collect();
        policies.sort_unstable();
        policies.dedup();
        table.add_row([
            style.severity(severity, severity.as_str()),
            thousands(of_it.len() as u64),
            safe(&policies.join(", ")).into_owned(),
        ]);
    }
    if any {
        writeln!(out, "{}\n", trim(&table.to_string()))
    } else if report.summary.exit_code == 2 {
        // Nothing was judged: nobody is to read a clean bill here.
        Ok(())
    } else {
        writeln!(out, "{}\n", style.paint(Tone::Good, "No findings."))
    }
}

/// Table lines are padded to their width: nobody wants the spaces.
pub(crate) fn trim(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Why no cause was found, where that is the same of several findings and is told once for all of them.
struct Unfound<'a>(BTreeMap<&'a str, u64>);

impl<'a> Unfound<'a> {
    fn of(report: &'a Report) -> Self {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for finding in report.findings.iter().filter(|finding| finding.triage == Triage::New) {
            if let Some(why) = finding.cause.as_ref().and_then(Self::why) {
                *counts.entry(why).or_default() += 1;
            }
        }
        counts.retain(|_, findings| *findings > 1);
        Self(counts)
    }

    fn why(cause: &Cause) -> Option<&str> {
        cause.not_found.as_deref().filter(|_| cause.records.is_empty())
    }

    fn tells(&self, cause: &Cause) -> bool {
        Self::why(cause).is_some_and(|why| self.0.contains_key(why))
    }

    fn write(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        for (why, findings) in &self.0 {
            let line = format!("No cause found of {}: {}", plural(*findings, "finding"), safe(why));
            writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("", &line)))?;
        }
        if self.0.is_empty() { Ok(()) } else { writeln!(out) }
    }
}

fn group(findings: &[&Finding], unfound: &Unfound<'_>, style: Style, out: &mut impl Write) -> io::Result<()> {
    let Some(first) = findings.first() else { return Ok(()) };
    writeln!(
        out,
        "{}  {}  {}",
        style.severity(first.severity, &first.severity.as_str().to_uppercase()),
        style.paint(Tone::Strong, &safe(&first.policy)),
        safe(&first.title)
    )?;
    for finding in findings.iter().take(SHOWN_PER_POLICY) {
        one(finding, unfound, style, out)?;
    }
    if findings.len() > SHOWN_PER_POLICY {
        let more = findings.len() - SHOWN_PER_POLICY;
        writeln!(out, "  … and {more} more: --output json shows all")?;
    }
    if !first.knobs.is_empty() {
        let knobs = first.knobs.iter().map(|knob| safe(knob)).collect::<Vec<_>>().join("; ");
        writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("  ", &format!("Changed by: {knobs}"))))?;
    }
    writeln!(out)
}

fn one(finding: &Finding, unfound: &Unfound<'_>, style: Style, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {}", style.paint(Tone::Strong, &safe(finding.subject.label())))?;
    // The subject stands above in full: its name is enough in the sentence.
    let message = finding.message.replace(finding.subject.label(), &finding.subject.name);
    writeln!(out, "{}", style.wrap("    ", &safe(&message)))?;
    for evidence in &finding.evidence {
        let observed = evidence.observed.to_string();
        let line =
            format!("{} = {}, expected {}", safe(&evidence.field), safe(&observed), safe(&evidence.expected));
        writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("    ", &line)))?;
    }
    let mut places: Vec<String> = Vec::new();
    if let Some(evidence) = finding.evidence.first() {
        places.push(source(&evidence.source));
    }
    if let (Some(first), Some(last)) = (&finding.first, &finding.last) {
        let (first, last) = (safe(first), safe(last));
        let when = if first == last { first.into_owned() } else { format!("{first} to {last}") };
        let ids = match finding.event_ids.as_slice() {
            [] => String::new(),
            [id] => format!(", event {}", safe(id)),
            [id, ..] => format!(", {} records, first event {}", thousands(finding.count), safe(id)),
        };
        let what = if finding.origins.contains(&Origin::State) { "changed " } else { "" };
        places.push(format!("{what}{when}{ids}"));
    }
    if !places.is_empty() {
        writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("    ", &places.join("; "))))?;
    }
    if let Some(cause) = finding.cause.as_ref().filter(|cause| !unfound.tells(cause)) {
        let line = format!("Cause: {}", self::cause(cause));
        writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("    ", &line)))?;
    }
    if let Some(standing) = standing(finding) {
        writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("    ", &standing)))?;
    }
    Ok(())
}

/// Whether what was changed still holds. What only a snapshot shows does, and is not told again.
fn standing(finding: &Finding) -> Option<String> {
    let status = finding.status.filter(|_| finding.origins.contains(&Origin::Change))?;
    let by = finding.status_event_id.as_deref().map(|id| format!(" by event {}", safe(id)));
    Some(match status {
        ChangeStatus::Live => "live: nothing that was read undid it".to_owned(),
        ChangeStatus::Mitigated | ChangeStatus::Reverted => {
            let by = by.unwrap_or_else(|| ", as the snapshot shows; the record was not read".to_owned());
            format!("{}{by}", status.as_str())
        }
        ChangeStatus::Unconfirmed => match by {
            Some(by) => format!("unconfirmed: perhaps undone{by}"),
            None => "unconfirmed: whether it still holds could not be read".to_owned(),
        },
    })
}

/// A source in one line.
pub(crate) fn source(source: &Source) -> String {
    match source {
        Source::Snapshot { file, line, pointer, api } => {
            format!("{}:{line} ({} {})", safe(file), safe(api), safe(pointer)).replace(" )", ")")
        }
        Source::Record { file, offset, .. } => {
            format!("{} (record at byte {offset} of its text)", safe(file))
        }
        Source::File { file } => safe(file).into_owned(),
    }
}

/// Who made it so, when, from where and through what, in one line; or why that is not known.
pub(crate) fn cause(cause: &Cause) -> String {
    let Some(record) = cause.records.first() else {
        let why = cause.not_found.as_deref().unwrap_or("not looked into");
        return format!("no cause found: {}", safe(why));
    };
    let mut text = format!("{} {}", safe(&record.time), safe(&record.event_name));
    let mut more = |word: &str, value: &Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {word} {}", safe(value)));
        }
    };
    more("by", &record.principal);
    more("as", &record.session_name);
    more("from", &record.source_ip);
    more("with", &record.user_agent);
    more("event", &record.event_id);
    if cause.records.len() > 1 {
        text.push_str(&format!(" ({} records in all)", cause.records.len()));
    }
    text
}

fn coverage(coverage: &Coverage, style: Style, out: &mut impl Write) -> io::Result<()> {
    let gaps: Vec<_> =
        coverage.read.iter().filter(|read| read.is_gap() || read.outcome == "not_asked").collect();
    if !gaps.is_empty() {
        writeln!(out, "{}", style.paint(Tone::Strong, "Not read"))?;
        for read in gaps.iter().take(SHOWN_ROWS) {
            let place = [read.account.as_deref(), read.region.as_deref(), Some(read.surface.as_str())];
            let place = place.into_iter().flatten().map(safe).collect::<Vec<_>>().join(" ");
            let times =
                if read.count > 1 { format!(" {} times", thousands(read.count)) } else { String::new() };
            let mut why = vec![format!("{}{times}", safe(&read.outcome))];
            why.extend(
                read.missing_permission.iter().map(|action| format!("missing permission {}", safe(action))),
            );
            why.extend(read.detail.iter().map(|detail| safe(detail).into_owned()));
            why.extend(read.accepted.then(|| "accepted gap".to_owned()));
            let line = match &read.source {
                Some(source) => format!("{place}: {} ({})", why.join("; "), safe(source)),
                None => format!("{place}: {}", why.join("; ")),
            };
            writeln!(out, "{}", style.wrap("  ", &line))?;
        }
        if gaps.len() > SHOWN_ROWS {
            writeln!(out, "  … and {} more: --output json shows all", gaps.len() - SHOWN_ROWS)?;
        }
        writeln!(out)?;
    }
    let unknown: Vec<_> = coverage.policies.iter().filter(|policy| policy.unknown > 0).collect();
    if !unknown.is_empty() {
        writeln!(out, "{}", style.paint(Tone::Strong, "Could not be judged"))?;
        for policy in unknown {
            let count = format!("{} of {}", thousands(policy.unknown), thousands(policy.judged));
            writeln!(out, "  {}  {count}", safe(&policy.policy))?;
            for why in policy.why.iter().take(SHOWN_REASONS) {
                let accepted = if why.accepted { ", accepted gap" } else { "" };
                let times =
                    if why.count > 1 { format!(" ({} times)", thousands(why.count)) } else { String::new() };
                let line =
                    format!("{} {}{times}{accepted}: {}", safe(&why.missing), why.why, safe(&why.example));
                writeln!(out, "{}", style.paint(Tone::Faint, &style.wrap("    ", &line)))?;
            }
            if policy.why.len() > SHOWN_REASONS {
                writeln!(out, "    … and {} more reasons", policy.why.len() - SHOWN_REASONS)?;
            }
        }
        writeln!(out)?;
    }
    for warming in &coverage.warming_up {
        let line = format!(
            "{} is warming up for {}: judged from {}",
            safe(&warming.policy),
            safe(&warming.account),
            safe(&warming.from)
        );
        writeln!(out, "{}", style.wrap("", &line))?;
    }
    if !coverage.warming_up.is_empty() {
        writeln!(out)?;
    }
    if !coverage.not_in_scope.is_empty() {
        writeln!(out, "{}", style.paint(Tone::Strong, "Not in scope of this run"))?;
        for row in &coverage.not_in_scope {
            writeln!(out, "{}", style.wrap("  ", &safe(&row.what)))?;
            if !row.command.is_empty() {
                writeln!(out, "      {}", style.paint(Tone::Faint, &safe(&row.command)))?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_cannot_move_the_cursor_or_break_the_line() {
        assert_eq!(safe("plain-name_1"), "plain-name_1");
        assert_eq!(safe("a\u{1b}[2Jb\nc\u{202e}d\u{9b}e"), "a\\u{1b}[2Jb\\u{a}c\\u{202e}d\\u{9b}e");
        assert_eq!(safe("a\u{61c}b\u{e0041}c\u{ad}"), "a\\u{61c}b\\u{e0041}c\\u{ad}");
    }

    #[test]
    fn long_words_stay_whole_so_that_they_can_be_copied() {
        assert_eq!(wrap("aa bb ccccccccccccc d", 8, "  "), "  aa bb\n  ccccccccccccc\n  d");
        assert_eq!(plural(1, "file"), "1 file");
        assert_eq!(plural(1_234_567, "file"), "1,234,567 files");
    }
}
