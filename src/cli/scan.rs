//! `scan`: a snapshot, and trail records beside it, judged by every policy.

use std::path::{Path, PathBuf};
#[cfg(feature = "aws")]
use std::sync::Arc;

#[cfg(feature = "aws")]
use super::common::Plan;
use super::common::{CommonArgs, NetworkArgs};
use super::trail_args::{DigestArgs, Kept, StoreArgs, TimeArgs};
use super::{Failure, run};
use crate::audit::TrailInput;
#[cfg(feature = "aws")]
use crate::engine::Scope;
use crate::findings::gate::Exit;
#[cfg(feature = "aws")]
use crate::policy::Policy;
use crate::snapshot::Input;

/// Judge live accounts or a saved snapshot, and trail files beside it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --snapshot the accounts are asked, with the credentials that the AWS CLI would use: for their state, and for
what CloudTrail's lookup history of 90 days has of the events that the policies are about.

Examples:
  lambda-audit scan
  lambda-audit scan --all-regions --profile audit
  lambda-audit scan --all-regions --plan                 the calls it takes, and how long the quotas make them
  lambda-audit scan --store audit.store                  every day: looks up only what is new
  lambda-audit scan --metrics --trail s3://BUCKET/AWSLogs --since 3d
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
    /// CloudTrail files or directories, or s3://BUCKET/PREFIX; `-` is standard input
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
    /// Do not look up what CloudTrail recorded
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with_all = ["snapshot", "trail"], help_heading = "Live accounts")]
    no_history: bool,
    /// Keep the records that are looked up in this directory, and ask only for what it has not got
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["snapshot", "trail", "no_history"], help_heading = "Live accounts")]
    history: Option<PathBuf>,
    /// Only say which calls it takes and how long the quotas make them
    #[cfg(feature = "aws")]
    #[arg(long, conflicts_with_all = ["snapshot", "store", "history"], help_heading = "Live accounts")]
    plan: bool,
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
        "this lambda-audit was built without live accounts (--no-default-features): give it a file with --snapshot"
            .to_owned(),
    )
}

/// Files and directories here.
#[cfg(not(feature = "aws"))]
pub(crate) fn trail_input(paths: &[PathBuf]) -> Result<TrailInput, Failure> {
    if paths.iter().any(|path| is_s3(path)) {
        return Err(Failure::Usage(
            "this lambda-audit was built without live accounts (--no-default-features): copy the files, as with \
             `aws s3 sync s3://BUCKET/AWSLogs AWSLogs`, and name the directory"
                .to_owned(),
        ));
    }
    Ok(if paths.is_empty() { TrailInput::None } else { TrailInput::Paths(paths.to_vec()) })
}

/// Files and directories, here and in S3.
#[cfg(feature = "aws")]
pub(crate) fn trail_input(
    paths: &[PathBuf],
    whence: &crate::collect::Whence,
    digests: bool,
) -> Result<TrailInput, Failure> {
    use crate::collect::{Buckets, Location};
    let (there, here): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| is_s3(path));
    if there.is_empty() {
        return Ok(if here.is_empty() { TrailInput::None } else { TrailInput::Paths(here) });
    }
    if digests {
        return Err(Failure::Usage(
            "--verify-digests needs the files here: copy them, with the metadata of the digests beside them \
             (docs/trail.md), and name the directory"
                .to_owned(),
        ));
    }
    let place = |path: &PathBuf| {
        let text = path.to_string_lossy();
        Location::parse(&text).ok_or_else(|| {
            Failure::Usage(format!("{text} is no place in S3: it looks like s3://BUCKET/PREFIX"))
        })
    };
    let locations = there.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    Ok(TrailInput::Remote(Arc::new(Buckets::new(whence.clone(), locations)), here))
}

pub(crate) fn is_s3(path: &Path) -> bool {
    path.to_string_lossy().starts_with("s3://")
}

impl Args {
    /// Are records of a live account looked up?
    fn looks_up(&self) -> Kept {
        #[cfg(feature = "aws")]
        if self.snapshot.is_none() && self.trail.is_empty() && !self.no_history {
            return Kept::LookUps;
        }
        Kept::Nothing
    }

    fn trail_input(&self, digests: bool) -> Result<TrailInput, Failure> {
        #[cfg(feature = "aws")]
        return trail_input(&self.trail, &self.live.whence(), digests);
        #[cfg(not(feature = "aws"))]
        {
            let _ = digests;
            trail_input(&self.trail)
        }
    }
}

/// Asks the accounts: for their state, and for their history unless trail files are given or it is not wanted. What
/// the history cannot serve is not judged, and listed as not in scope.
#[cfg(feature = "aws")]
fn live<'p>(
    args: &Args,
    plan: &Plan,
    mut policies: Vec<&'p Policy>,
    (scope, digests): (&Scope, bool),
) -> Result<(Input, TrailInput, Vec<&'p Policy>), Failure> {
    use super::live::look_ups;
    use crate::collect::history::History;
    args.live.with_files(&args.trail)?;
    let needs = crate::collect::needs::Needs::of(&policies);
    if args.looks_up() == Kept::Nothing {
        // Before anything is asked: it may name no place.
        let trail = args.trail_input(digests)?;
        let (snapshot, _) = args.live.input(needs, None, plan)?;
        return Ok((snapshot, trail, policies));
    }
    let history = History::of(&policies, true);
    policies.retain(|policy| history.serves(policy));
    if policies.is_empty() {
        return Err(Failure::Usage(
            "none of the chosen policies can be judged from the state of an account and CloudTrail's lookup \
             history: give trail files with --trail"
                .to_owned(),
        ));
    }
    let directory = args.store.history(args.history.as_deref());
    let asked = look_ups(history, &policies, (scope, plan.now), directory)?;
    let (snapshot, trail) = args.live.input(needs, Some(asked), plan)?;
    Ok((snapshot, trail, policies))
}

#[cfg(feature = "aws")]
fn show_plan(args: &Args, plan: &Plan, policies: &[&Policy]) -> Result<Exit, Failure> {
    use crate::collect::{history::History, needs::Needs};
    let history = (args.looks_up() == Kept::LookUps).then(|| History::of(policies, true));
    let needs = args.live.needs(Needs::of(policies));
    super::plan::show(plan, &args.live.whence(), (&needs, history.as_ref()), args.live.pace.quota_share)
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve_report()?;
    let policies = plan.selected()?;
    #[cfg(feature = "aws")]
    if args.plan {
        return show_plan(args, &plan, &policies);
    }
    let store = args.store.open(&args.trail, args.looks_up())?;
    #[cfg(feature = "aws")]
    if args.snapshot.is_some() {
        args.live.unused(args.trail.iter().any(|path| is_s3(path)))?;
    }
    let (keys, scope) = (args.digests.keys()?, args.scope.scope(plan.now)?);
    let (snapshot, trail, policies) = match &args.snapshot {
        Some(path) => (snapshot_input(path, &args.trail)?, args.trail_input(keys.is_some())?, policies),
        #[cfg(feature = "aws")]
        None => live(args, &plan, policies, (&scope, keys.is_some()))?,
        #[cfg(not(feature = "aws"))]
        None => return Err(offline()),
    };
    let inputs = run::Inputs {
        snapshot: Some(snapshot),
        trail,
        networks: args.networks.files(),
        digests: keys,
        scope,
        store: None,
    };
    run::carry_out(&plan, policies, inputs, store)
}
