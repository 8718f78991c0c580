//! What was read, by account and region, and what was not read or judged: as clearly as the findings.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::esc;
use crate::report::{Read, Report, text};

/// Rows of each table.
const ROWS: usize = 500;

/// What is known of one account and region.
#[derive(Default)]
struct Cell<'r> {
    ok: u64,
    gaps: Vec<&'r Read>,
    not_asked: u64,
}

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let coverage = &report.coverage;
    let gaps: Vec<&Read> =
        coverage.read.iter().filter(|read| read.is_gap() || read.outcome == "not_asked").collect();
    writeln!(
        out,
        "<section id=\"coverage\"><header><h2>Coverage</h2><span class=\"soft small\">what was read, and what was not</span></header>"
    )?;
    matrix(report, out)?;
    if !gaps.is_empty() {
        table(
            "Not read",
            &["Account", "Region", "What", "Outcome", "Missing permission", "Detail", "Times"],
            gaps.iter().map(|read| {
                let some = |text: &Option<String>| esc(text.as_deref().unwrap_or("–"));
                let accepted = if read.accepted { " (accepted gap)" } else { "" };
                let detail = [read.detail.as_deref(), read.source.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>();
                vec![
                    some(&read.account),
                    some(&read.region),
                    format!("<code>{}</code>", esc(&read.surface)),
                    format!("<b>{}</b>{accepted}", esc(&read.outcome)),
                    some(&read.missing_permission),
                    esc(&detail.join(", ")),
                    read.count.to_string(),
                ]
            }),
            out,
        )?;
    }
    let unknown = coverage.policies.iter().flat_map(|row| row.why.iter().map(move |why| (row, why)));
    table(
        "Could not be judged",
        &["Policy", "Missing", "Why", "Times", "For example"],
        unknown.map(|(row, why)| {
            let accepted = if why.accepted { " (accepted gap)" } else { "" };
            vec![
                format!("<code>{}</code>", esc(&row.policy)),
                format!("<code>{}</code>", esc(&why.missing)),
                format!("{}{accepted}", why.why),
                why.count.to_string(),
                esc(&why.example),
            ]
        }),
        out,
    )?;
    table(
        "Warming up",
        &["Policy", "Account", "Judged from"],
        coverage
            .warming_up
            .iter()
            .map(|row| vec![format!("<code>{}</code>", esc(&row.policy)), esc(&row.account), esc(&row.from)]),
        out,
    )?;
    table(
        "Not in scope of this run",
        &["What", "Served by"],
        coverage
            .not_in_scope
            .iter()
            .map(|row| vec![esc(&row.what), format!("<code>{}</code>", esc(&row.command))]),
        out,
    )?;
    table(
        "Policies",
        &["Policy", "Judged", "Failed", "Passed", "Not applicable", "Unknown"],
        coverage.policies.iter().map(|row| {
            let mut cells = vec![format!("<code>{}</code>", esc(&row.policy))];
            cells.extend(
                [row.judged, row.fail, row.pass, row.not_applicable, row.unknown].map(|n| n.to_string()),
            );
            cells
        }),
        out,
    )?;
    writeln!(out, "</section>")
}

fn matrix(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut cells: BTreeMap<(&str, &str), Cell<'_>> = BTreeMap::new();
    let mut regions: BTreeSet<&str> = BTreeSet::new();
    let mut accounts: BTreeSet<&str> = BTreeSet::new();
    for read in report.coverage.read.iter().filter(|read| read.outcome != "foreign") {
        let Some(account) = read.account.as_deref() else { continue };
        let region = read.region.as_deref().unwrap_or_default();
        accounts.insert(account);
        regions.insert(region);
        let cell = cells.entry((account, region)).or_default();
        if read.is_gap() {
            cell.gaps.push(read);
        } else if read.outcome == "not_asked" {
            cell.not_asked += read.count;
        } else {
            cell.ok += read.count;
        }
    }
    if accounts.is_empty() {
        return writeln!(out, "<div class=\"card pad\">No call and no file names an account.</div>");
    }
    write!(
        out,
        "<div class=\"card scroll\" role=\"region\" aria-label=\"Coverage by account and region\" tabindex=\"0\">\
         <table class=\"matrix\"><thead><tr><th scope=\"col\">Account</th>"
    )?;
    for region in &regions {
        let name = if region.is_empty() { "global".to_owned() } else { esc(region) };
        write!(out, "<th scope=\"col\">{name}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for account in accounts.iter().take(ROWS) {
        write!(out, "<tr><th scope=\"row\"><code>{}</code></th>", esc(account))?;
        for region in &regions {
            match cells.get(&(*account, *region)) {
                None => write!(out, "<td class=\"cell-none\">nothing read</td>")?,
                Some(cell) => one(cell, out)?,
            }
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if accounts.len() > ROWS {
        writeln!(
            out,
            "<p class=\"soft\">{} more accounts are in the JSON report.</p>",
            accounts.len() - ROWS
        )?;
    }
    Ok(())
}

fn one(cell: &Cell<'_>, out: &mut impl Write) -> io::Result<()> {
    let asked = if cell.not_asked > 0 {
        format!("<div class=\"small soft\">{} not asked</div>", text::plural(cell.not_asked, "call"))
    } else {
        String::new()
    };
    let ok = text::plural(cell.ok, "call or file").replace("call or files", "calls or files");
    if cell.gaps.is_empty() {
        return write!(out, "<td class=\"cell-ok\">✓ {ok}{asked}</td>");
    }
    let unread: u64 = cell.gaps.iter().map(|read| read.count).sum();
    let names: BTreeSet<String> = cell
        .gaps
        .iter()
        .map(|read| {
            format!("<div class=\"small\"><code>{}</code> {}</div>", esc(&read.surface), esc(&read.outcome))
        })
        .collect();
    write!(
        out,
        "<td class=\"cell-gap\"><b>✕ {unread} not read</b> of {}{}{asked}</td>",
        cell.ok + unread,
        names.into_iter().take(6).collect::<String>()
    )
}

/// A table under its own heading; nothing where it has no row. All of it has passed [`esc`].
pub(super) fn table(
    name: &str,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    write!(
        out,
        "<details class=\"more\" open><summary>{name}</summary><div class=\"card scroll\" role=\"region\" aria-label=\"{name}\" \
         tabindex=\"0\"><table class=\"stack\"><thead><tr>"
    )?;
    for cell in head {
        write!(out, "<th scope=\"col\">{cell}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    let mut left = 0;
    for (at, row) in rows.enumerate() {
        if at >= ROWS {
            left += 1;
            continue;
        }
        write!(out, "<tr>")?;
        for (cell, label) in row.iter().zip(head) {
            write!(out, "<td data-label=\"{label}\">{cell}</td>")?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if left > 0 {
        writeln!(out, "<p class=\"soft\">{left} more rows are in the JSON report.</p>")?;
    }
    writeln!(out, "</details>")
}
