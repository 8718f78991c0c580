//! `schema`: JSON Schemas of what the tool reads and writes.

use super::Failure;
use super::common::CommonArgs;
use super::output::{self, Output};
use crate::findings::gate::Exit;
use crate::report::json;

/// Print the JSON Schema of a format
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit schema config > lambda-audit.schema.json
  lambda-audit schema snapshot --output json=snapshot.schema.json")]
pub(crate) struct Args {
    /// Which format
    #[arg(value_enum)]
    format: Name,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Name {
    /// A line of a snapshot
    Snapshot,
    /// A policy file
    Policy,
    /// The report of a run
    Report,
    /// lambda-audit.toml
    Config,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let schema = match args.format {
        Name::Snapshot => crate::snapshot::schema(),
        Name::Policy => crate::policy::schema(),
        Name::Report => crate::report::schema(),
        Name::Config => crate::config::schema(),
    };
    let targets: &[Output] = &output::checked(&common.output)?;
    for target in targets {
        // There is one way to print a schema, whatever the format asked for.
        output::write(target, |mut out| json::write(&schema, &mut out))?;
    }
    Ok(Exit::Passed)
}
