//! `diff`: what changed between two runs, or between two snapshots judged by the same policies.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::common::{CommonArgs, Plan};
use super::output::{self, Format};
use super::{Failure, report, run};
use crate::findings::diff::{Diff, diff};
use crate::findings::gate::Exit;
use crate::report::text::{Style, safe, wrap};
use crate::report::{Finding, Report, json};
use crate::snapshot::Input;

/// Show what changed between two saved runs or two snapshots
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A finding that NEW does not have counts as gone only if NEW judged what it is about; otherwise it is listed as not
judged, with the reason, and the exit code is 3. Exits 1 for new or graver findings at or above --fail-on.

Examples:
  lambda-audit diff monday.json tuesday.json
  lambda-audit diff before.jsonl.gz after.jsonl.gz --fail-on medium")]
pub(crate) struct Args {
    /// The earlier run (written with `--output json`) or snapshot
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later one
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

/// The most bytes of a snapshot that is no file.
const STREAM_LIMIT: u64 = 2 << 30;

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let (old, new) = (side(&plan, &args.old)?, side(&plan, &args.new)?);
    let names = [&args.old, &args.new].map(|path| path.display().to_string());
    let [old_name, new_name] = &names;
    let diff = diff((old_name, &old), (new_name, &new), &plan.thresholds);
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&diff, &mut out),
            _ => text(&diff, plan.style_of(target), &mut out),
        })?;
    }
    report::exit_of(diff.exit_code)
}

/// A saved run as it is; a snapshot judged with the plan's policies.
fn side(plan: &Plan, path: &Path) -> Result<Report, Failure> {
    let cannot = |error: io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    if !is_snapshot(path).map_err(cannot)? {
        return report::read(path);
    }
    let input = Input::path(path, STREAM_LIMIT).map_err(cannot)?;
    let inputs = run::Inputs { snapshot: Some(input), ..run::Inputs::default() };
    Ok(run::audit(plan, plan.selected()?, inputs)?.report)
}

/// A saved run is one JSON object over many lines; a snapshot has a line of its own for the header, or is gzipped.
fn is_snapshot(path: &Path) -> io::Result<bool> {
    let mut first = Vec::new();
    BufReader::new(File::open(path)?).take(1 << 20).read_until(b'\n', &mut first)?;
    let gzipped = first.starts_with(&[0x1f, 0x8b]);
    let header = serde_json::from_slice::<serde_json::Value>(&first)
        .is_ok_and(|line| line.get("type").is_some_and(|kind| kind == "header"));
    Ok(gzipped || header)
}

/// Findings of one list shown; the rest are counted.
const SHOWN: usize = 50;

fn text(diff: &Diff, style: Style, out: &mut impl Write) -> io::Result<()> {
    let width = usize::from(style.width).max(40);
    let side = |name: &str, side: &crate::findings::diff::Side| {
        let incomplete = if side.complete { "" } else { ", not complete" };
        format!(
            "{name} {} of {}: {} findings{incomplete}",
            safe(&side.file),
            safe(&side.generated_at),
            side.findings
        )
    };
    writeln!(out, "{}\n{}\n", side("Old:", &diff.old), side("New:", &diff.new))?;
    let mut list = |head: &str, rows: Vec<(&Finding, String)>| -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", style.strong(&format!("{head} ({})", rows.len())))?;
        for (finding, more) in rows.iter().take(SHOWN) {
            let (severity, policy) = (finding.severity, safe(&finding.policy));
            writeln!(out, "  {severity}  {policy}  {}", safe(finding.subject.label()))?;
            let about = if more.is_empty() { &finding.message } else { more };
            writeln!(out, "{}", wrap(&safe(about), width, "    "))?;
        }
        if rows.len() > SHOWN {
            writeln!(out, "  … and {} more: --output json shows all", rows.len() - SHOWN)?;
        }
        writeln!(out)
    };
    list("New", diff.appeared.iter().map(|one| (one, String::new())).collect())?;
    list("Changed", diff.changed.iter().map(|one| (&one.finding, one.what.join("; "))).collect())?;
    list("Gone", diff.gone.iter().map(|one| (one, String::new())).collect())?;
    let unjudged = diff.not_judged.iter().map(|one| (&one.finding, one.why.clone())).collect();
    list("Not judged again, so not known to be gone", unjudged)?;
    if !diff.policies_changed.is_empty() {
        let changed = format!("Policies that changed in between: {}", diff.policies_changed.join(", "));
        writeln!(out, "{}\n", wrap(&safe(&changed), width, ""))?;
    }
    writeln!(
        out,
        "{} new, {} changed, {} gone, {} not judged again, {} unchanged. {}",
        diff.appeared.len(),
        diff.changed.len(),
        diff.gone.len(),
        diff.not_judged.len(),
        diff.unchanged,
        safe(&diff.verdict)
    )
}
