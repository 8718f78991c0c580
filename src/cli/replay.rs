//! `replay`: CloudTrail history through the same policies.

use std::path::PathBuf;

use super::common::{CommonArgs, NetworkArgs};
use super::trail_args::{DigestArgs, ScopeArgs, StoreArgs};
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
  lambda-audit replay ./AWSLogs --store audit.store      every day: only new files are read
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
    #[command(flatten)]
    store: StoreArgs,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve_report()?;
    let (keys, scope) = (args.digests.keys()?, args.scope.scope(plan.now)?);
    let policies = plan.selected()?;
    let mut store = args.store.open(&args.paths)?;
    let inputs = run::Inputs {
        snapshot: None,
        trail: scan::trail_input(&args.paths),
        networks: args.networks.files(),
        digests: keys,
        scope,
        store: store.as_mut(),
    };
    let audit = run::audit(&plan, policies, inputs)?;
    let exit = run::write(&plan, &audit)?;
    run::remember(store, &audit)?;
    Ok(exit)
}
