//! The findings, by policy, gravest first: each with what was seen, what it came from and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::{badge, esc, prose, tags};
use crate::policy::{bundled, frameworks};
use crate::report::{Cause, Finding, PolicyInfo, Report, text};

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"findings\"><header><h2>Findings</h2><span class=\"soft small\">by policy, gravest first</span></header>"
    )?;
    if report.findings.is_empty() {
        let text = if report.scope.nothing_read {
            "Nothing was read, so nothing was judged."
        } else {
            "No findings in what was judged."
        };
        return writeln!(out, "<div class=\"card pad\">{text}</div></section>");
    }
    filters(report, out)?;
    // In order of each policy's gravest finding, which is the order of the findings.
    let mut order: Vec<&str> = Vec::new();
    let mut groups: BTreeMap<&str, Vec<(usize, &Finding)>> = BTreeMap::new();
    for (at, finding) in report.findings.iter().enumerate() {
        let group = groups.entry(&finding.policy).or_default();
        if group.is_empty() {
            order.push(&finding.policy);
        }
        group.push((at, finding));
    }
    for policy in order {
        let Some(findings) = groups.get(policy) else { continue };
        let Some((_, first)) = findings.first() else { continue };
        let info = report.policy(policy);
        writeln!(
            out,
            "<article class=\"card group\"><header><h3>{}</h3><p class=\"soft small\"><code>{}</code> · {}</p></header>",
            esc(&first.title),
            esc(policy),
            text::plural(findings.len() as u64, "finding")
        )?;
        if let Some(info) = info {
            why(info, out)?;
        }
        for (at, finding) in findings {
            one(*at, finding, info, out)?;
        }
        writeln!(out, "</article>")?;
    }
    writeln!(out, "</section>")
}

fn filters(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let options = |values: BTreeSet<&str>| -> String {
        values.into_iter().map(|value| format!("<option value=\"{0}\">{0}</option>", esc(value))).collect()
    };
    let severities: String = ["critical", "high", "medium", "low", "info"]
        .map(|word| format!("<option value=\"{word}\">{word}</option>"))
        .concat();
    let policies = report.findings.iter().map(|one| one.policy.as_str()).collect();
    let accounts = report.findings.iter().filter_map(|one| one.subject.account.as_deref()).collect();
    let triages = report.findings.iter().map(|one| one.triage.as_str());
    let status = triages.chain(report.findings.iter().filter_map(Finding::status_word)).collect();
    writeln!(
        out,
        "<form class=\"card filters\" id=\"filters\" hidden><label class=\"grow\">Search (press /)\
         <input id=\"search\" type=\"search\" autocomplete=\"off\" placeholder=\"name, account, event ID, address\"></label>\
         <label>Severity<select id=\"by-severity\"><option value=\"\">all</option>{severities}</select></label>\
         <label>Policy<select id=\"by-policy\"><option value=\"\">all</option>{}</select></label>\
         <label>Account<select id=\"by-account\"><option value=\"\">all</option>{}</select></label>\
         <label>Status<select id=\"by-status\"><option value=\"\">all</option>{}</select></label>\
         <button type=\"reset\">Clear</button><output id=\"shown\" aria-live=\"polite\"></output></form>",
        options(policies),
        options(accounts),
        options(status),
    )
}

fn why(policy: &PolicyInfo, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<details class=\"why\"><summary>Why it matters, and how to look into it</summary>")?;
    for (head, text) in [("Why", &policy.why), ("Investigate", &policy.investigate)] {
        if let Some(text) = text {
            writeln!(out, "<p><b>{head}.</b> {}</p>", prose(text))?;
        }
    }
    if !policy.false_positives.is_empty() {
        writeln!(out, "<p><b>May be fine.</b></p><ul>")?;
        for text in &policy.false_positives {
            writeln!(out, "<li>{}</li>", prose(text))?;
        }
        writeln!(out, "</ul>")?;
    }
    if !policy.attack.is_empty() {
        let ids: Vec<String> = policy
            .attack
            .iter()
            .map(|one| {
                esc(&[Some(one.tactic.as_str()), one.technique.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "))
            })
            .collect();
        writeln!(out, "<p><b>ATT&amp;CK.</b> {}</p>", ids.join(", "))?;
    }
    if let Some(page) = bundled::page(&policy.id) {
        // The only link that leaves the report; it tells the page nothing of where it stands.
        let page = esc(&page);
        writeln!(out, "<p><b>Reference.</b> <a href=\"{page}\" rel=\"noreferrer\">{page}</a></p>")?;
    }
    if !policy.controls.is_empty() {
        let ids: Vec<String> = policy
            .controls
            .iter()
            .map(|one| esc(&format!("{} {}", frameworks::title(&one.framework), one.id)))
            .collect();
        writeln!(out, "<p><b>Controls.</b> {}</p>", ids.join(", "))?;
    }
    if !policy.references.is_empty() {
        // As text: the page links nowhere.
        let links: Vec<String> =
            policy.references.iter().map(|link| format!("<code>{}</code>", esc(link))).collect();
        writeln!(out, "<p><b>References.</b> {}</p>", links.join("<br>"))?;
    }
    writeln!(out, "</details>")
}

fn one(at: usize, finding: &Finding, policy: Option<&PolicyInfo>, out: &mut impl Write) -> io::Result<()> {
    let subject = &finding.subject;
    // The name is enough where the subject stands beside it in full.
    let message = finding.message.replace(subject.label(), &subject.name);
    write!(
        out,
        "<details class=\"finding\" id=\"f{at}\" data-severity=\"{}\" data-policy=\"{}\" data-account=\"{}\" \
         data-triage=\"{}\" data-status=\"{}\"><summary><span>{}</span><span class=\"what\"><b>{}</b><span>{}</span></span>\
         <span class=\"tags\">{}</span></summary><div class=\"body\">",
        finding.severity,
        esc(&finding.policy),
        esc(subject.account.as_deref().unwrap_or_default()),
        finding.triage.as_str(),
        esc(finding.status_word().unwrap_or_default()),
        badge(finding.severity),
        esc(&subject.name),
        esc(&message),
        tags(finding),
    )?;
    facts(finding, out)?;
    if let Some(cause) = &finding.cause {
        write!(out, "<h4>Cause</h4>")?;
        causes(cause, out)?;
    }
    if !finding.evidence.is_empty() {
        write!(
            out,
            "<h4>Evidence</h4><div class=\"scroll\" role=\"region\" aria-label=\"Evidence of finding {at}\" tabindex=\"0\"><table><thead><tr>\
             <th scope=\"col\">Field</th><th scope=\"col\">Observed</th><th scope=\"col\">Expected</th></tr></thead><tbody>"
        )?;
        for evidence in &finding.evidence {
            write!(
                out,
                "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
                esc(&evidence.field),
                esc(&evidence.observed.to_string()),
                esc(&evidence.expected)
            )?;
        }
        write!(out, "</tbody></table></div>")?;
        if let Some(evidence) = finding.evidence.first() {
            write!(
                out,
                "<p class=\"soft small\">Read from <code>{}</code></p>",
                esc(&text::source(&evidence.source))
            )?;
        }
    }
    if let Some(remediate) = policy.and_then(|policy| policy.remediate.as_deref()) {
        write!(out, "<h4>Remediation</h4><p>{}</p>", prose(remediate))?;
    }
    if !finding.knobs.is_empty() {
        let knobs: Vec<String> =
            finding.knobs.iter().map(|knob| format!("<code>{}</code>", esc(knob))).collect();
        write!(out, "<p class=\"soft small\">Changed by {}</p>", knobs.join(", "))?;
    }
    writeln!(out, "</div></details>")
}

fn facts(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let subject = &finding.subject;
    write!(out, "<dl class=\"facts\">")?;
    let mut fact = |name: &str, value: String| write!(out, "<dt>{name}</dt><dd>{value}</dd>");
    fact("Subject", format!("<code>{}</code>", esc(subject.label())))?;
    let place: Vec<&str> =
        [subject.account.as_deref(), subject.region.as_deref()].into_iter().flatten().collect();
    if !place.is_empty() {
        fact("Account, region", esc(&place.join(", ")))?;
    }
    if let Some(level) = &finding.level {
        fact("Level", esc(level))?;
    }
    if let (Some(first), Some(last)) = (&finding.first, &finding.last) {
        let when = if first == last { esc(first) } else { format!("{} to {}", esc(first), esc(last)) };
        fact("Seen", format!("{when}, {}", text::plural(finding.count, "time")))?;
    }
    if !finding.event_ids.is_empty() {
        let ids: Vec<String> =
            finding.event_ids.iter().map(|id| format!("<code>{}</code>", esc(id))).collect();
        fact("Events", ids.join("<br>"))?;
    }
    if let Some(status) = finding.status_word() {
        let by = finding
            .status_event_id
            .as_deref()
            .map_or(String::new(), |id| format!(", by event <code>{}</code>", esc(id)));
        fact("Status", format!("{}{by}", esc(status)))?;
    }
    if let Some(waiver) = &finding.waiver {
        fact(
            "Waived",
            format!("{} ({}, until {})", esc(&waiver.reason), esc(&waiver.owner), esc(&waiver.expires)),
        )?;
    }
    fact("Risk score", finding.risk_score.to_string())?;
    fact("Fingerprint", format!("<code>{}</code>", esc(&finding.fingerprint)))?;
    write!(out, "</dl>")
}

fn causes(cause: &Cause, out: &mut impl Write) -> io::Result<()> {
    if cause.records.is_empty() {
        let why = cause.not_found.as_deref().unwrap_or("it was not looked into");
        return write!(out, "<p>No cause found: {}.</p>", esc(why));
    }
    for record in &cause.records {
        write!(out, "<dl class=\"facts\">")?;
        let rows = [
            ("When", Some(&record.time)),
            ("What", Some(&record.event_name)),
            ("Who", record.principal.as_ref()),
            ("Session", record.session_name.as_ref()),
            ("From", record.source_ip.as_ref()),
            ("Through", record.user_agent.as_ref()),
            ("Event", record.event_id.as_ref()),
        ];
        for (name, value) in rows {
            if let Some(value) = value {
                write!(out, "<dt>{name}</dt><dd><code>{}</code></dd>", esc(value))?;
            }
        }
        write!(out, "</dl>")?;
    }
    Ok(())
}
