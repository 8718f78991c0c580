//! `report`: a saved run, written again in other formats.

use std::path::{Path, PathBuf};

use super::common::{CommonArgs, read_text};
use super::{Failure, run};
use crate::findings::gate::{Exit, Thresholds, again};
use crate::report::{self, Report};

/// Write a saved run again, in any format
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits as the run did, whatever the format; --exit-zero and --allow-incomplete hold here too.

Examples:
  lambda-audit scan --snapshot snapshot.jsonl --output text --output json=run.json
  lambda-audit report run.json --output html=run.html --output sarif=run.sarif
  lambda-audit report run.json --output markdown >> \"$GITHUB_STEP_SUMMARY\"")]
pub(crate) struct Args {
    /// A run written with `--output json`
    #[arg(value_name = "FILE")]
    file: PathBuf,
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
    run::report(&plan, &report)?;
    exit(&report, &plan.thresholds)
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
