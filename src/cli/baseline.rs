//! `baseline`: the findings of a run, written down as known.

use std::path::PathBuf;

use clap::Subcommand;

use super::common::CommonArgs;
use super::{Failure, output, report};
use crate::findings::baseline::{Baseline, Unfit};
use crate::findings::gate::Exit;
use crate::report::json;
use crate::term;

/// Write down what a run found, so that later runs fail on new findings only
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a baseline from a saved run, which must be complete and have left nothing out
    #[command(after_help = "\
Waived findings are not written: a waiver that expires brings its finding back.

Examples:
  lambda-audit scan --snapshot snapshot.jsonl --output json=run.json --exit-zero
  lambda-audit baseline write run.json --to baseline.json
  lambda-audit scan --snapshot snapshot.jsonl --baseline baseline.json")]
    Write(WriteArgs),
}

#[derive(Debug, clap::Args)]
struct WriteArgs {
    /// A run written with `--output json`
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = "baseline.json")]
    to: PathBuf,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let What::Write(args) = &args.command;
    let run = report::read(&args.run)?;
    let baseline = Baseline::of(&run).map_err(|unfit| {
        let next = match unfit {
            Unfit::Incomplete { .. } => {
                "Read what is missing, or accept the gaps in the configuration with reason, owner and expiry"
            }
            Unfit::Filtered(_) => "Run again without these options",
            Unfit::NothingRead => "Check the paths of that run",
        };
        Failure::Usage(format!("cannot make a baseline of {}: {unfit}. {next}", args.run.display()))
    })?;
    output::to_file(&args.to, |mut out| json::write(&baseline, &mut out))
        .map_err(|error| Failure::Write { to: args.to.display().to_string(), error })?;
    if !common.quiet {
        let to = args.to.display().to_string();
        term::tell(&format!("{}: {} findings are known", crate::report::text::safe(&to), baseline.len()));
    }
    Ok(Exit::Passed)
}
