//! The report as one self-contained page: no network, no code but its own (a strict Content-Security-Policy names the
//! hashes of the one script and the one style sheet), readable without the script, on a small screen and printed.
//!
//! Every text passes [`esc`]. What was read never becomes a tag, an attribute's name, a link's target or an id.

mod coverage;
mod findings;
mod frameworks;
mod timeline;

use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::frameworks::{ControlRow, rows};
use super::text::{plural, safe};
use super::{Access, Report, Triage};
use crate::policy::Severity;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// Rows of who can call what.
const ACCESS_ROWS: usize = 1_000;

/// Text for an element or a quoted attribute: what HTML gives a meaning to, and characters that could not be seen.
pub(super) fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in safe(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Prose of a policy: its lines stay lines.
fn prose(text: &str) -> String {
    text.trim().split('\n').map(|line| esc(line.trim())).collect::<Vec<_>>().join("<br>")
}

/// The hash of an element's text as a policy names it. <https://www.w3.org/TR/CSP3/#grammardef-hash-source>
fn hash(text: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    format!("'sha256-{}'", base64(&hash))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4u32 {
            let letter = LETTERS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            out.push(if at as usize <= chunk.len() { letter.into() } else { '=' });
        }
    }
    out
}

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    begin(report, &["timeline", "outside", "findings", "frameworks", "coverage"], out)?;
    timeline::write(report, out)?;
    outside(report, out)?;
    findings::write(report, out)?;
    frameworks::write(&rows(report).iter().collect::<Vec<_>>(), out)?;
    coverage::write(report, out)?;
    notes(report, out)?;
    end(report, out)
}

/// Writes a page of some controls only, with what was not read: without that none of them is more than a number.
///
/// # Errors
/// The writer's.
pub(crate) fn by_framework(report: &Report, rows: &[&ControlRow], out: &mut impl Write) -> io::Result<()> {
    begin(report, &["frameworks", "coverage"], out)?;
    frameworks::write(rows, out)?;
    coverage::write(report, out)?;
    end(report, out)
}

/// The sections that the bar may lead to.
const SECTIONS: [(&str, &str); 5] = [
    ("timeline", "Timeline"),
    ("outside", "Who outside"),
    ("findings", "Findings"),
    ("frameworks", "Frameworks"),
    ("coverage", "Coverage"),
];

/// Up to the first section.
fn begin(report: &Report, sections: &[&str], out: &mut impl Write) -> io::Result<()> {
    let links = SECTIONS.iter().filter(|(id, _)| sections.contains(id));
    let links: String = links.map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    let main = if sections.contains(&"findings") { "findings" } else { "frameworks" };
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {style}; \
         script-src {script}; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>lambda-audit: {}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<a class=\"skip\" href=\"#{main}\">Skip to the {main}</a>\n\
         <div class=\"bar\"><nav class=\"wrap\" aria-label=\"Sections\"><b>lambda-audit</b>\
         {links}<button id=\"theme\" type=\"button\">Light or dark</button></nav></div>\n\
         <main class=\"wrap\">\n",
        esc(&report.summary.verdict)
    )?;
    // Where there is nothing to choose from, the severities are only counted.
    hero(report, sections.contains(&"findings") && !report.findings.is_empty(), out)
}

fn end(report: &Report, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "</main>\n<footer class=\"wrap\">{}, {}. Times are UTC.</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        esc(&report.tool),
        esc(&report.generated_at)
    )
}

/// A word of a closed set for a class.
fn tone(report: &Report) -> (&'static str, &'static str) {
    match report.summary.exit_code {
        0 if report.scope.complete => ("pass", "✓"),
        0 | 3 => ("incomplete", "!"),
        _ => ("fail", "✕"),
    }
}

/// `filters`: whether the page has findings that a severity chooses from.
fn hero(report: &Report, filters: bool, out: &mut impl Write) -> io::Result<()> {
    let (class, mark) = tone(report);
    let inputs = &report.inputs;
    let mut read = Vec::new();
    if let Some(snapshot) = &inputs.snapshot {
        let when = snapshot.started.as_deref().map_or(String::new(), |time| format!(" of {}", esc(time)));
        let state = if snapshot.complete { "" } else { ", not complete" };
        read.push(format!("a snapshot{when} ({}{state})", plural(snapshot.functions, "function")));
    }
    if inputs.trail_files > 0 {
        let span = match (&inputs.first_record, &inputs.last_record) {
            (Some(first), Some(last)) => format!(", {} to {}", esc(first), esc(last)),
            _ => String::new(),
        };
        read.push(format!(
            "{} in {}{span}",
            plural(inputs.records, "trail record"),
            plural(inputs.trail_files, "file")
        ));
    }
    if read.is_empty() {
        read.push("nothing".to_owned());
    }
    let mut asked = Vec::new();
    asked.extend(report.scope.fail_on.map(|severity| format!("fails on {severity} and above")));
    asked.extend(report.scope.filters.iter().map(|filter| esc(filter)));
    if let Some(baseline) = &report.scope.baseline {
        asked.push(format!(
            "compared with the baseline {} of {}",
            esc(&baseline.file),
            esc(&baseline.generated_at)
        ));
    }
    writeln!(
        out,
        "<div class=\"hero\"><div class=\"verdict {class}\"><div class=\"mark\" aria-hidden=\"true\">{mark}</div><div>\
         <h1>{}</h1><p class=\"soft\">Read {}: {}, {}; {} judged{}.</p></div></div>",
        esc(&report.summary.verdict),
        read.join("; "),
        plural(inputs.accounts.len() as u64, "account"),
        plural(inputs.regions.len() as u64, "region"),
        if inputs.policies == 1 { "1 policy".to_owned() } else { format!("{} policies", inputs.policies) },
        if asked.is_empty() { String::new() } else { format!(" ({})", asked.join("; ")) },
    )?;
    writeln!(out, "<ul class=\"counts\">")?;
    for severity in Severity::ALL.into_iter().rev() {
        let count = report.summary.by_severity.get(&severity).copied().unwrap_or(0);
        let zero = if count == 0 { " zero" } else { "" };
        let (open, close) = if filters {
            let button =
                format!("button type=\"button\" data-severity=\"{severity}\" aria-pressed=\"false\"");
            (button, "button")
        } else {
            ("div".to_owned(), "div")
        };
        writeln!(
            out,
            "<li class=\"{severity}{zero}\"><{open}><strong>{count}</strong><span>{severity}</span></{close}></li>"
        )?;
    }
    let summary = &report.summary;
    for (name, count) in [
        ("new", summary.new),
        ("in baseline", summary.baseline),
        ("waived", summary.waived),
        ("not judged", summary.unknown),
    ] {
        let zero = if count == 0 { " class=\"zero\"" } else { "" };
        writeln!(out, "<li{zero}><div><strong>{count}</strong><span>{name}</span></div></li>")?;
    }
    writeln!(out, "</ul></div>")
}

/// How wide an exposure is: the widest first, what is not known above all.
fn rank(access: &Access) -> usize {
    let known = crate::facts::EXPOSURES.iter().position(|word| *word == access.exposure);
    known.map_or(0, |at| at + 1)
}

fn exposure_words(access: &Access) -> (&'static str, &'static str) {
    match access.exposure.as_str() {
        "public" => ("Anyone", "high"),
        "cross_account" => ("Other accounts", "high"),
        "network" => ("Any account, from certain networks", "medium"),
        "service_unrestricted" => ("A service, for any customer", "medium"),
        "organization" => ("An organization", "medium"),
        "service_restricted" => ("A service, for a fixed account", "low"),
        _ => ("Not known", "info"),
    }
}

fn outside(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"outside\"><header><h2>Who outside can call what</h2><span class=\"soft small\">by the snapshot's \
         resource policies and function URLs</span></header>"
    )?;
    if report.access.is_empty() {
        let text = if report.inputs.snapshot.is_none() {
            "No snapshot was read, so what is open now is not known."
        } else {
            "Nothing that was read admits anyone from outside its account."
        };
        return writeln!(out, "<div class=\"card pad\">{text}</div></section>");
    }
    writeln!(
        out,
        "<div class=\"card scroll\" role=\"region\" aria-label=\"Who outside can call what\" tabindex=\"0\">\
         <table class=\"stack\"><thead><tr><th scope=\"col\">Who</th><th scope=\"col\">can call</th><th scope=\"col\">through</th>\
         <th scope=\"col\">Actions</th><th scope=\"col\">Trusted</th></tr></thead><tbody>"
    )?;
    let mut rows: Vec<&Access> = report.access.iter().collect();
    rows.sort_by_key(|row| (rank(row), row.trusted == Some(true)));
    for row in rows.iter().take(ACCESS_ROWS) {
        let (words, tone) = exposure_words(row);
        let tone = if row.trusted == Some(true) { "info" } else { tone };
        let who: String = row.who.iter().map(|one| format!(" <code>{}</code>", esc(one))).collect();
        let reason = row
            .reason
            .as_deref()
            .map_or(String::new(), |text| format!("<div class=\"soft small\">{}</div>", esc(text)));
        let unread = row
            .unread
            .map_or(String::new(), |why| format!("<div class=\"small\">could not be read: {why}</div>"));
        let via = if row.via == "function_url" { "function URL" } else { "resource policy" };
        let place = [row.account.as_deref(), row.region.as_deref()]
            .into_iter()
            .flatten()
            .map(esc)
            .collect::<Vec<_>>();
        writeln!(
            out,
            "<tr><td class=\"who\" data-label=\"Who\"><span class=\"badge {tone}\">{words}</span>{who}{unread}{reason}</td>\
             <td data-label=\"can call\"><b>{}</b><div class=\"soft small keep\">{}</div></td><td class=\"keep\" data-label=\"through\">{via}</td>\
             <td data-label=\"Actions\" class=\"small keep\">{}</td><td data-label=\"Trusted\">{}</td></tr>",
            esc(&row.name),
            place.join(" "),
            row.actions
                .iter()
                .map(|one| format!("<code>{}</code>", esc(one)))
                .collect::<Vec<_>>()
                .join("<br>"),
            match row.trusted {
                Some(true) => "yes",
                Some(false) => "no",
                None => "not known",
            },
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if rows.len() > ACCESS_ROWS {
        writeln!(
            out,
            "<p class=\"soft\">{} more rows are in the JSON report.</p>",
            rows.len() - ACCESS_ROWS
        )?;
    }
    writeln!(out, "</section>")
}

fn notes(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.notices.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section id=\"notes\"><header><h2>Notes</h2></header><div class=\"card pad\"><ul class=\"plain\">"
    )?;
    for notice in &report.notices {
        writeln!(out, "<li>{}</li>", esc(notice))?;
    }
    writeln!(out, "</ul></div></section>")
}

/// A badge of a finding's severity.
fn badge(severity: Severity) -> String {
    format!("<span class=\"badge {severity}\">{severity}</span>")
}

/// Words that follow a finding's severity: what became of it.
fn tags(finding: &super::Finding) -> String {
    let mut out = String::new();
    if finding.triage != Triage::New {
        let _ = write!(out, "<span class=\"line-badge\">{}</span>", finding.triage.as_str());
    }
    if let Some(status) = finding.status_word() {
        let _ = write!(out, "<span class=\"line-badge\">{}</span>", esc(status));
    }
    for origin in &finding.origins {
        let _ = write!(out, "<span class=\"line-badge\">{}</span>", origin.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_the_policy_wants_them() {
        // https://www.rfc-editor.org/rfc/rfc4648#section-10
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(hash(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(
            esc("<a href=\"x\" b='y'>&\u{1b}\u{202e}"),
            "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\\u{1b}\\u{202e}"
        );
    }

    #[test]
    fn the_page_fetches_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains("</"));
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("innerHTML") && !SCRIPT.contains("http"));
    }
}
