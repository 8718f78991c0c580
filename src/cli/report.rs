//! `report`: a saved run, written again in other formats.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::common::{CommonArgs, Plan, read_text};
use super::output::{self, Format};
use super::{Failure, run};
use crate::findings::gate::{Exit, Thresholds, again};
use crate::report::{self, Report, frameworks, html, json};

/// Write a saved run again, in any format
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits as the run did, whatever the format; --exit-zero and --allow-incomplete hold here too.

Examples:
  lambda-audit scan --snapshot snapshot.jsonl --output text --output json=run.json
  lambda-audit report run.json --output html=run.html --output sarif=run.sarif
  lambda-audit report run.json --framework security-hub
  lambda-audit report run.json --output markdown >> \"$GITHUB_STEP_SUMMARY\"")]
pub(crate) struct Args {
    /// A run written with `--output json`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the findings by control of this framework, or of `all`: as text, JSON or HTML
    #[arg(long, value_name = "NAME")]
    framework: Option<String>,
}

/// The largest saved run, in bytes.
const LIMIT: u64 = 2 << 30;

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    // A saved run is not judged again: a bar that is not applied must not look as if it had been passed.
    if common.fail_on.is_some() || common.baseline.is_some() {
        return Err(Failure::Usage(
            "a saved run exits as it did: give --fail-on and --baseline to the run itself".to_owned(),
        ));
    }
    let plan = common.resolve_report()?;
    let report = read(&args.file)?;
    match &args.framework {
        Some(framework) => by_framework(&plan, &report, framework)?,
        None => run::report(&plan, &report)?,
    }
    exit(&report, &plan.thresholds)
}

fn by_framework(plan: &Plan, report: &Report, framework: &str) -> Result<(), Failure> {
    let all = frameworks::rows(report);
    let rows: Vec<_> = all.iter().filter(|row| framework == "all" || row.framework == framework).collect();
    if rows.is_empty() {
        let known: BTreeSet<&str> = all.iter().map(|row| row.framework.as_str()).collect();
        let known: Vec<&str> = known.into_iter().collect();
        return Err(Failure::Usage(format!(
            "no policy of the run names a control of `{framework}`: there are all, {}",
            known.join(", ")
        )));
    }
    let shown = [Format::Text, Format::Json, Format::Html];
    if plan.outputs.iter().any(|target| !shown.contains(&target.format)) {
        return Err(Failure::Usage("--framework is written as text, json or html".to_owned()));
    }
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&serde_json::json!({"version": "1", "controls": rows}), &mut out),
            Format::Html => html::by_framework(report, &rows, &mut out),
            _ => frameworks::text(&rows, plan.style_of(target), &mut out),
        })?;
    }
    Ok(())
}

/// How the saved run ended, with what this command line allows.
pub(crate) fn exit(report: &Report, thresholds: &Thresholds) -> Result<Exit, Failure> {
    again(report.summary.exit_code, report.scope.complete, thresholds).ok_or_else(|| {
        Failure::Usage(format!(
            "the saved run has no exit code of this program: {}",
            report.summary.exit_code
        ))
    })
}

/// An exit code of this program as such.
pub(crate) fn exit_of(code: u8) -> Result<Exit, Failure> {
    let all = [Exit::Passed, Exit::Failed, Exit::Unusable, Exit::Incomplete];
    all.into_iter()
        .find(|exit| exit.code() == code)
        .ok_or_else(|| Failure::Usage(format!("exit code {code}")))
}

/// Reads a saved run.
pub(crate) fn read(path: &Path) -> Result<Report, Failure> {
    let name = path.display();
    let text = read_text(path, LIMIT)
        .map_err(|error| Failure::Usage(format!("cannot read the run {name}: {error}")))?;
    report::parse(&text).map_err(|error| Failure::Usage(format!("cannot read the run {name}: {error}")))
}
