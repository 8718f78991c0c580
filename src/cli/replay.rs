//! `replay`: CloudTrail history through the same policies.

use std::path::PathBuf;

#[cfg(feature = "aws")]
use super::common::Plan;
use super::common::{CommonArgs, NetworkArgs};
#[cfg(feature = "aws")]
use super::live::{judged, look_ups};
use super::trail_args::{DigestArgs, Kept, ScopeArgs, StoreArgs};
use super::{Failure, run, scan};
#[cfg(feature = "aws")]
use crate::audit::TrailInput;
#[cfg(feature = "aws")]
use crate::collect::{Known, Opened, Whence, history::History, needs::Needs};
#[cfg(feature = "aws")]
use crate::engine::Scope;
use crate::findings::gate::Exit;
#[cfg(feature = "aws")]
use crate::policy::Policy;

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
  lambda-audit replay s3://BUCKET/AWSLogs --since 7d   lists no more of it than that takes
  lambda-audit replay --lookup-events --all-regions    CloudTrail's own history: management events of 90 days
  lambda-audit replay 2026-11-20.json.gz --policy 'function-invoke-*'
  aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=lambda.amazonaws.com \\
    | lambda-audit replay -")]
pub(crate) struct Args {
    /// CloudTrail files or directories, or s3://BUCKET/PREFIX; `-` is standard input
    #[cfg_attr(feature = "aws", arg(required_unless_present = "lookup_events", value_name = "PATH"))]
    #[cfg_attr(not(feature = "aws"), arg(required = true, value_name = "PATH"))]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    digests: DigestArgs,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    live: LiveArgs,
}

/// Where the records are looked up, and with whose credentials.
#[cfg(feature = "aws")]
#[derive(Debug, clap::Args)]
struct LiveArgs {
    /// Read CloudTrail's lookup history of a live account: management events of 90 days. --region and --account say
    /// of which, too
    #[arg(long, conflicts_with_all = ["paths", "verify_digests"], help_heading = "Live accounts")]
    lookup_events: bool,
    /// Keep the records that are looked up in this directory, and ask only for what it has not got
    #[arg(long, value_name = "DIR", requires = "lookup_events", help_heading = "Live accounts")]
    history: Option<PathBuf>,
    /// Only say which calls it takes and how long the quotas make them
    #[arg(long, requires = "lookup_events", conflicts_with_all = ["history", "store"], help_heading = "Live accounts")]
    plan: bool,
    #[command(flatten)]
    caller: super::live::CallerArgs,
    #[command(flatten)]
    pace: super::live::PaceArgs,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve_report()?;
    let (keys, scope) = (args.digests.keys()?, args.scope.scope(plan.now)?);
    let policies = plan.selected()?;
    #[cfg(feature = "aws")]
    let kept = if args.live.lookup_events { Kept::LookUps } else { Kept::Nothing };
    #[cfg(not(feature = "aws"))]
    let kept = Kept::Nothing;
    #[cfg(feature = "aws")]
    if args.live.plan {
        let history = History::of(&policies, false);
        let whence = args.live.of_scope(&scope);
        let share = args.live.pace.quota_share;
        return super::plan::show(&plan, &whence, (&Needs::default(), Some(&history)), share);
    }
    let store = args.store.open(&args.paths, kept)?;
    #[cfg(feature = "aws")]
    let (trail, policies) = args.live.trail(&plan, policies, (&scope, args), keys.is_some())?;
    #[cfg(not(feature = "aws"))]
    let trail = scan::trail_input(&args.paths)?;
    let inputs = run::Inputs {
        snapshot: None,
        trail,
        networks: args.networks.files(),
        digests: keys,
        scope,
        store: None,
    };
    run::carry_out(&plan, policies, inputs, store)
}

#[cfg(feature = "aws")]
impl LiveArgs {
    /// Whom to ask: the accounts and regions that are reported.
    fn of_scope(&self, scope: &Scope) -> Whence {
        let regions: Vec<String> = scope.regions.iter().cloned().collect();
        let accounts: Vec<String> = scope.accounts.iter().cloned().collect();
        self.caller.whence(&regions, (&accounts, &self.caller.exclude_account))
    }

    /// The records to judge, and the policies that they can serve.
    fn trail<'p>(
        &self,
        plan: &Plan,
        mut policies: Vec<&'p Policy>,
        (scope, args): (&Scope, &Args),
        digests: bool,
    ) -> Result<(TrailInput, Vec<&'p Policy>), Failure> {
        let paths = &args.paths;
        if !self.lookup_events {
            // Files in S3 are read with somebody's credentials too.
            let in_s3 = paths.iter().any(|path| scan::is_s3(path));
            let unused = |(given, name): &&(bool, &str)| {
                *given && !(in_s3 && ["--profile", "--role-arn"].contains(name))
            };
            if let Some((_, name)) = self.caller.given().iter().find(unused) {
                return Err(Failure::Usage(format!(
                    "{name} is about live accounts: give --lookup-events with it, and no files"
                )));
            }
            let whence = self.caller.whence(&[], (&[], &[]));
            return Ok((scan::trail_input(paths, &whence, digests)?, policies));
        }
        let history = History::of(&policies, false);
        policies.retain(|policy| history.serves(policy));
        if history.is_empty() {
            let rows = history.not_in_scope();
            let why: Vec<&str> = rows.iter().map(|row| row.what.as_str()).collect();
            return Err(Failure::Usage(format!(
                "CloudTrail's lookup history serves none of the chosen policies. {}",
                why.join(". ")
            )));
        }
        let directory = args.store.history(self.history.as_deref());
        let asked = look_ups(history, &policies, (scope, plan.now), directory)?;
        let whence = self.of_scope(scope);
        let open = || Ok(Opened::plain(Box::new(std::io::sink())));
        let ended =
            self.pace.collect(&whence, Needs::default(), Known::default(), Some(asked), (open, plan))?;
        Ok((judged(ended), policies))
    }
}
