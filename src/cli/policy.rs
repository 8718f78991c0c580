//! `policy`: list, explain, check, test and begin policies.

mod check;
mod show;

use std::path::PathBuf;

use clap::Subcommand;

use super::Failure;
use super::common::CommonArgs;
use crate::findings::gate::Exit;

pub(super) use show::param_value;

/// List, explain, check and test policies, or begin a new one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit policy list
  lambda-audit policy list --framework security-hub
  lambda-audit policy show function-invoke-public
  lambda-audit policy lint ./policies
  lambda-audit policy test ./policies --mutate
  lambda-audit policy new queue-foreign --on event_source --in ./policies")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the policies that are loaded
    List {
        /// Only those that check a control of this framework, with its numbers: security-hub, mitre-attack, …
        #[arg(long, value_name = "NAME")]
        framework: Option<String>,
    },
    /// Show one policy: what it asks, why, what it needs to be read, what to do
    Show {
        /// The policy's id
        id: String,
    },
    /// Check policy files: language, required texts, a case of every kind; exit 1 for faults
    Lint {
        /// Policy files or directories [default: the bundled policies]
        paths: Vec<PathBuf>,
    },
    /// Run the cases beside policies; exit 1 if one fails
    Test {
        /// Policy files or directories [default: the bundled policies]
        paths: Vec<PathBuf>,
        /// Also change every part of every policy, and fail if no case notices
        #[arg(long)]
        mutate: bool,
    },
    /// Write the two files of a new policy
    New {
        /// The policy's id: names the fault, as in function-url-public
        id: String,
        /// The kind of fact it judges: see `lambda-audit facts`
        #[arg(long, value_name = "KIND")]
        on: String,
        /// The directory to write them to
        #[arg(long = "in", value_name = "DIR", default_value = "policies")]
        directory: PathBuf,
    },
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    match &args.command {
        What::List { framework } => show::list(framework.as_deref(), common),
        What::Show { id } => show::show(id, common),
        What::Lint { paths } => check::lint(paths, common),
        What::Test { paths, mutate } => {
            let how = if *mutate { check::How::Mutate } else { check::How::Cases };
            check::test(paths, how, common)
        }
        What::New { id, on, directory } => check::new(id, on, directory),
    }
}
