//! `scan`: a snapshot, and trail records beside it, judged by every policy.

use std::path::{Path, PathBuf};

use super::common::{CommonArgs, NetworkArgs};
use super::trail_args::{DigestArgs, StoreArgs, TimeArgs};
use super::{Failure, run};
use crate::audit::TrailInput;
use crate::findings::gate::Exit;
use crate::snapshot::Input;

/// Judge live accounts or a saved snapshot, and trail files beside it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --snapshot the accounts are asked, with the credentials that the AWS CLI would use.

Examples:
  lambda-audit scan
  lambda-audit scan --all-regions --profile audit
  lambda-audit scan --snapshot snapshot.jsonl.gz
  lambda-audit scan --snapshot snapshot.jsonl --trail ./AWSLogs --fail-on medium
  lambda-audit scan --snapshot snapshot.jsonl --trail ./AWSLogs --store audit.store
  lambda-audit scan --snapshot snapshot.jsonl --output text --output json=run.json
  zcat snapshot.jsonl.gz | lambda-audit scan --snapshot -

The format of snapshots: `lambda-audit schema snapshot`, and docs/snapshot.md.")]
pub(crate) struct Args {
    /// The snapshot: JSON Lines, plain or gzipped; `-` is standard input
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// CloudTrail files or directories; `-` is standard input
    #[arg(long, value_name = "PATH", num_args = 1..)]
    trail: Vec<PathBuf>,
    #[command(flatten)]
    scope: TimeArgs,
    #[command(flatten)]
    digests: DigestArgs,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    live: super::live::LiveArgs,
}

/// The most bytes of a snapshot that is no file, such as standard input: it is kept in memory, to be read twice.
const STREAM_LIMIT: u64 = 2 << 30;

pub(crate) fn snapshot_input(path: &Path, trail: &[PathBuf]) -> Result<Input, Failure> {
    if path.as_os_str() != "-" {
        return Input::path(path, STREAM_LIMIT).map_err(|error| {
            Failure::Usage(format!("cannot read the snapshot {}: {error}", path.display()))
        });
    }
    if trail.iter().any(|path| path.as_os_str() == "-") {
        return Err(Failure::Usage(
            "both the snapshot and the trail are read from standard input".to_owned(),
        ));
    }
    Input::stdin("standard input", STREAM_LIMIT)
        .map_err(|error| Failure::Usage(format!("cannot read the snapshot from standard input: {error}")))
}

/// Built without live accounts.
#[cfg(not(feature = "aws"))]
pub(crate) fn offline() -> Failure {
    Failure::Usage(
        "this lambda-audit was built without live accounts (feature `aws`): give it a file with --snapshot"
            .to_owned(),
    )
}

pub(crate) fn trail_input(paths: &[PathBuf]) -> TrailInput {
    if paths.is_empty() { TrailInput::None } else { TrailInput::Paths(paths.to_vec()) }
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve_report()?;
    let policies = plan.selected()?;
    let mut store = args.store.open(&args.trail)?;
    #[cfg(feature = "aws")]
    if args.snapshot.is_some() {
        args.live.unused()?;
    }
    let snapshot = match &args.snapshot {
        Some(path) => snapshot_input(path, &args.trail)?,
        #[cfg(feature = "aws")]
        None => args.live.input(crate::collect::needs::Needs::of(&policies))?,
        #[cfg(not(feature = "aws"))]
        None => return Err(offline()),
    };
    let (keys, scope) = (args.digests.keys()?, args.scope.scope(plan.now)?);
    let inputs = run::Inputs {
        snapshot: Some(snapshot),
        trail: trail_input(&args.trail),
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
