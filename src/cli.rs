//! The command line: arguments, then a resolved plan, then one file per command. Below `common::resolve` no flag is
//! read again and no default is decided twice.

mod baseline;
mod common;
mod completions;
mod config;
mod demo;
mod diff;
mod export;
mod exposure;
mod facts;
#[cfg(feature = "aws")]
mod live;
mod logging;
mod man;
mod output;
mod permissions;
#[cfg(feature = "aws")]
mod plan;
mod policy;
mod replay;
mod report;
mod run;
mod scan;
mod schema;
#[cfg(feature = "aws")]
mod snapshot;
mod trail_args;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::findings::gate::Exit;
use crate::report::text::safe;
use crate::term;

/// A run that could not be carried out: exit 2. The text says what failed, where, and what to do next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    /// Diagnostics, rendered with their excerpts, and a line that counts them.
    #[error("{rendered}\n{summary}")]
    Checks { rendered: String, summary: String },
    #[error("cannot write {to}: {error}")]
    Write { to: String, error: io::Error },
}

const AFTER_HELP: &str = "\
Examples:
  lambda-audit demo                                    a real audit of an invented company, offline
  lambda-audit scan                                    audit the account of your AWS credentials
  lambda-audit snapshot -o snapshot.jsonl              only collect, to judge later or elsewhere
  lambda-audit scan --snapshot snapshot.jsonl          judge a saved snapshot
  lambda-audit scan --snapshot s.jsonl --trail ./AWSLogs --output text --output json=run.json
  lambda-audit replay ./AWSLogs                        what happened, from CloudTrail files
  lambda-audit exposure policy.json --owner 111122223333
  lambda-audit logging --snapshot snapshot.jsonl       is Lambda data-event logging really on?

Exit codes: 0 passed and nothing left unread; 1 findings at or above --fail-on; 2 wrong usage,
configuration or policy, or nothing usable read; 3 passed, but something was not read or judged.";

/// Who can call what in AWS Lambda, who changed that, what happened - and what could not be read.
#[derive(Debug, Parser)]
#[command(name = "lambda-audit", version, after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    common: common::CommonArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    // Boxed: they have the most flags of all.
    Scan(Box<scan::Args>),
    #[cfg(feature = "aws")]
    Snapshot(Box<snapshot::Args>),
    Permissions(permissions::Args),
    Replay(Box<replay::Args>),
    Report(report::Args),
    Baseline(baseline::Args),
    Diff(diff::Args),
    Export(export::Args),
    Exposure(exposure::Args),
    Logging(Box<logging::Args>),
    Policy(policy::Args),
    Facts(facts::Args),
    Schema(schema::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// The command line's grammar, for completions and documentation.
pub fn grammar() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        Command::Demo(args) => demo::run(&args, &cli.common),
        Command::Scan(args) => scan::run(&args, &cli.common),
        #[cfg(feature = "aws")]
        Command::Snapshot(args) => snapshot::run(&args, &cli.common),
        Command::Permissions(args) => permissions::run(&args, &cli.common),
        Command::Replay(args) => replay::run(&args, &cli.common),
        Command::Report(args) => report::run(&args, &cli.common),
        Command::Baseline(args) => baseline::run(&args, &cli.common),
        Command::Diff(args) => diff::run(&args, &cli.common),
        Command::Export(args) => export::run(&args, &cli.common),
        Command::Exposure(args) => exposure::run(&args, &cli.common),
        Command::Logging(args) => logging::run(&args, &cli.common),
        Command::Policy(args) => policy::run(&args, &cli.common),
        Command::Facts(args) => facts::run(&args, &cli.common),
        Command::Schema(args) => schema::run(&args, &cli.common),
        Command::Config(args) => config::run(&args, &cli.common),
        Command::Completions(args) => completions::run(&args, &cli.common),
        Command::Man(args) => man::run(&args, &cli.common),
    };
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure @ Failure::Checks { .. }) => {
            term::tell(&failure.to_string());
            ExitCode::from(Exit::Unusable.code())
        }
        Err(failure) => {
            // It may name files and ids that strangers chose.
            term::tell(&format!("error: {}", safe(&failure.to_string())));
            ExitCode::from(Exit::Unusable.code())
        }
    }
}

/// Help and version go to standard output and are a success; everything else is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    // Printing fails only when nobody listens.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(Exit::Unusable.code()) } else { ExitCode::SUCCESS }
}
