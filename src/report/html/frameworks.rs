//! The run by the controls of frameworks: how each stands, and which policies say so.

use std::io::{self, Write};

use super::coverage::table;
use super::esc;
use crate::policy::frameworks;
use crate::report::frameworks::{ControlRow, Standing, by_framework};

/// Writes a table for each framework.
pub(super) fn write(rows: &[&ControlRow], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"frameworks\"><header><h2>Frameworks</h2><span class=\"soft small\">a control without findings is \
         as good as what was judged of it</span></header>"
    )?;
    if rows.is_empty() {
        writeln!(out, "<div class=\"card pad\">No policy of the run names a control.</div>")?;
    }
    for (framework, rows) in by_framework(rows) {
        table(
            &esc(frameworks::title(framework)),
            &["Control", "Stands", "Findings", "Waived", "Judged", "Unknown", "Policies"],
            rows.iter().map(|row| {
                let policies = row.policies.iter().map(|policy| format!("<code>{}</code>", esc(policy)));
                vec![
                    format!("<b>{}</b>", esc(&row.id)),
                    standing(row.standing),
                    row.findings.to_string(),
                    row.waived.to_string(),
                    row.judged.to_string(),
                    row.unknown.to_string(),
                    policies.collect::<Vec<_>>().join("<br>"),
                ]
            }),
            out,
        )?;
    }
    writeln!(out, "</section>")
}

fn standing(standing: Standing) -> String {
    let class = match standing {
        Standing::Findings => "badge high",
        Standing::Unknown => "badge medium",
        Standing::Clear | Standing::NotJudged => "line-badge",
    };
    format!("<span class=\"{class}\">{}</span>", standing.as_str())
}
