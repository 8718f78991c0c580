//! `replay`: CloudTrail history through the same policies.

use std::path::PathBuf;

use super::common::{CommonArgs, NetworkArgs};
use super::trail_args::{DigestArgs, ScopeArgs};
use super::{Failure, run, scan};
use crate::findings::gate::Exit;

/// Judge what CloudTrail files recorded: changes, and what happened
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads {\"Records\":[…]}, a bare array, JSON Lines, and the output of `aws cloudtrail lookup-events`, each plain or
gzipped. Directories are read with everything below them.

Examples:
  lambda-audit replay ./AWSLogs
  lambda-audit replay ./AWSLogs --since 7d --account 111122223333
  lambda-audit replay ./AWSLogs --verify-digests --public-keys keys.json
  lambda-audit replay 2026-11-20.json.gz --policy 'function-invoke-*'
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=lambda.amazonaws.com \\
    | lambda-audit replay -")]
pub(crate) struct Args {
    /// CloudTrail files or directories; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    digests: DigestArgs,
    #[command(flatten)]
    networks: NetworkArgs,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve_report()?;
    let (keys, scope) = (args.digests.keys()?, args.scope.scope(plan.now)?);
    let trail = scan::trail_input(&args.paths);
    let audit = run::audit(&plan, plan.selected()?, None, trail, args.networks.files(), keys, scope)?;
    run::write(&plan, &audit)
}
