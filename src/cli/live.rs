//! What `snapshot`, `scan` and `logging` share when they ask AWS: whom, how fast, and where the answers go.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration};
use jiff::Timestamp;

use super::Failure;
use super::common::Plan;
use crate::audit::TrailInput;
use crate::collect::history::{DAYS, History};
use crate::collect::needs::Needs;
use crate::collect::{
    Accounts, CollectError, Ended, Known, LookUps, Opened, Options, Reached, Regions, Whence, collect, quota,
};
use crate::engine::Scope;
use crate::policy::Policy;
use crate::snapshot::Input;
use crate::term;

/// With whose credentials.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CallerArgs {
    /// Profile of the AWS configuration to take credentials and region from
    #[arg(long, value_name = "NAME", help_heading = "Live accounts")]
    pub(crate) profile: Option<String>,
    /// Ask every region that the account has enabled
    #[arg(long, conflicts_with = "region", help_heading = "Live accounts")]
    pub(crate) all_regions: bool,
    /// Assume this role first
    #[arg(long, value_name = "ARN", help_heading = "Live accounts")]
    pub(crate) role_arn: Option<String>,
    /// Ask all accounts of the organization, each through its role of this name
    #[arg(long, value_name = "NAME", help_heading = "Live accounts")]
    pub(crate) org_role: Option<String>,
    /// With --org-role: not these accounts
    #[arg(long, value_name = "ID", value_parser = super::common::account, num_args = 1.., requires = "org_role", help_heading = "Live accounts")]
    pub(crate) exclude_account: Vec<String>,
}

/// How fast.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PaceArgs {
    /// The share of AWS's request quotas to use; deployments need the rest
    #[arg(long, value_name = "0-1", default_value_t = quota::SHARE, value_parser = share, help_heading = "Live accounts")]
    pub(crate) quota_share: f64,
    /// Take the quotas to be so many times larger than documented
    #[arg(long, hide = true, default_value_t = 1.0)]
    pub(crate) quota_scale: f64,
}

/// Whom to ask, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LiveArgs {
    #[command(flatten)]
    caller: CallerArgs,
    /// Regions to ask [default: the configured one]
    #[arg(long, value_name = "REGION", num_args = 1.., help_heading = "Live accounts")]
    region: Vec<String>,
    /// With --org-role: only these accounts
    #[arg(long, value_name = "ID", value_parser = super::common::account, num_args = 1.., requires = "org_role", help_heading = "Live accounts")]
    account: Vec<String>,
    /// Read the policies of versions that aliases or statements name, or of all published versions
    #[arg(long, value_enum, default_value_t, value_name = "WHICH", help_heading = "Live accounts")]
    versions: Versions,
    /// Ask CloudWatch how many invocations it counts, to compare them with the records of trail files
    #[arg(long, help_heading = "Live accounts")]
    pub(crate) metrics: bool,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Versions {
    #[default]
    Named,
    All,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("a share is more than 0 and at most 1".to_owned()),
    }
}

impl LiveArgs {
    pub(crate) fn whence(&self) -> Whence {
        self.caller.whence(&self.region, (&self.account, &self.caller.exclude_account))
    }

    /// Nothing of this has a meaning beside a saved snapshot.
    ///
    /// # Errors
    /// If any of it is given.
    pub(crate) fn unused(&self, in_s3: bool) -> Result<(), Failure> {
        let more = [
            (!self.region.is_empty(), "--region"),
            (self.versions == Versions::All, "--versions"),
            (self.metrics, "--metrics"),
        ];
        // Trail files in S3 are read with somebody's credentials too.
        let unused =
            |(given, name): &&(bool, &str)| *given && !(in_s3 && ["--profile", "--role-arn"].contains(name));
        match self.caller.given().iter().chain(&more).find(unused) {
            Some((_, name)) => Err(Failure::Usage(format!(
                "{name} is about live accounts, and --snapshot names a saved one: leave one of them out"
            ))),
            None => Ok(()),
        }
    }

    /// With the versions and CloudWatch's counts, if they are asked for.
    pub(crate) fn needs(&self, needs: Needs) -> Needs {
        let needs = if self.versions == Versions::All { needs.with_versions() } else { needs };
        if self.metrics { needs.with_metrics() } else { needs }
    }

    /// What CloudWatch counts is compared with records, and these are in trail files only.
    ///
    /// # Errors
    /// If the counts are asked for and no files are given.
    pub(crate) fn with_files(&self, trail: &[PathBuf]) -> Result<(), Failure> {
        if self.metrics && trail.is_empty() {
            return Err(Failure::Usage(
                "--metrics compares what CloudWatch counts with the records of trail files: name them with --trail, as \
                 in --trail s3://BUCKET/AWSLogs"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Collects into `open`'s place.
    pub(crate) fn collect(
        &self,
        needs: Needs,
        known: Known,
        look_ups: Option<LookUps>,
        (open, plan): (impl FnOnce() -> io::Result<Opened>, &Plan),
    ) -> Result<Ended, Failure> {
        self.pace.collect(&self.whence(), self.needs(needs), known, look_ups, (open, plan))
    }

    /// Collects into memory, for one run. Says on standard error if it stopped before its end.
    pub(crate) fn input(
        &self,
        needs: Needs,
        look_ups: Option<LookUps>,
        plan: &Plan,
    ) -> Result<(Input, TrailInput), Failure> {
        let memory = Memory::default();
        let out = memory.clone();
        let open = move || Ok(Opened::plain(Box::new(out)));
        let ended = self.collect(needs, Known::default(), look_ups, (open, plan))?;
        let trail = judged(ended);
        let bytes = std::mem::take(&mut *memory.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((Input::Memory { name: "live".to_owned(), bytes: bytes.into() }, trail))
    }
}

impl CallerArgs {
    pub(crate) fn whence(&self, regions: &[String], accounts: (&[String], &[String])) -> Whence {
        let (only, except) = accounts;
        Whence {
            profile: self.profile.clone(),
            role_arn: self.role_arn.clone(),
            regions: if self.all_regions {
                Regions::All
            } else if regions.is_empty() {
                Regions::Configured
            } else {
                Regions::Named(regions.to_vec())
            },
            accounts: match &self.org_role {
                None => Accounts::Own,
                Some(role) => Accounts::Organization {
                    role: role.clone(),
                    only: only.to_vec(),
                    except: except.to_vec(),
                },
            },
        }
    }

    /// The options that have a meaning for live accounts alone, and whether they are given.
    pub(crate) fn given(&self) -> [(bool, &'static str); 4] {
        [
            (self.profile.is_some(), "--profile"),
            (self.all_regions, "--all-regions"),
            (self.role_arn.is_some(), "--role-arn"),
            (self.org_role.is_some(), "--org-role"),
        ]
    }
}

impl PaceArgs {
    pub(crate) fn collect(
        &self,
        whence: &Whence,
        needs: Needs,
        known: Known,
        look_ups: Option<LookUps>,
        (open, plan): (impl FnOnce() -> io::Result<Opened>, &Plan),
    ) -> Result<Ended, Failure> {
        let options = Options::new(self.quota_share, self.quota_scale, plan.now.as_second());
        let gauge = options.gauge.clone();
        let shown = term::is_shown(plan.quiet);
        let bar = shown.then(|| term::ProgressLine::of(move |elapsed| line(&gauge.reached(), elapsed)));
        let (gauge, began) = (options.gauge.clone(), Instant::now());
        let ended = block_on(async { collect(whence, needs, options, known, look_ups, open).await });
        drop(bar);
        if shown && ended.is_ok() {
            let calls = HumanCount(gauge.reached().calls);
            term::tell(&format!("{calls} calls answered in {}", HumanDuration(began.elapsed())));
        }
        ended
    }
}

/// How far a collection is, in one line.
fn line(reached: &Reached, elapsed: Duration) -> String {
    let Reached { calls, records, functions, functions_found, left } = *reached;
    let mut parts = vec![format!("{} calls answered", HumanCount(calls))];
    if functions_found > 0 {
        parts.push(format!("{} of {} functions", HumanCount(functions), HumanCount(functions_found)));
    }
    if records > 0 {
        parts.push(format!("{} records looked up", HumanCount(records)));
    }
    parts.push(HumanDuration(elapsed).to_string());
    if left > Duration::ZERO {
        parts.push(format!("at least {} left by the quotas", HumanDuration(left)));
    }
    parts.join(", ")
}

/// The records of a collection that are judged. Says on standard error if it stopped before its end.
pub(crate) fn judged(ended: Ended) -> TrailInput {
    if let Some(stop) = &ended.stopped {
        term::tell(&format!("The collection stopped: {stop}. What was read is judged."));
    }
    ended.looked_up.map_or(TrailInput::None, |looked_up| TrailInput::LookedUp(Box::new(looked_up)))
}

/// What to look up for these policies in the time that is reported, and before it what they look back.
///
/// # Errors
/// A time of which there is no history.
pub(crate) fn look_ups(
    history: History,
    policies: &[&Policy],
    (scope, now): (&Scope, Timestamp),
    directory: Option<PathBuf>,
) -> Result<LookUps, Failure> {
    let now = now.as_second();
    let first = now.saturating_sub(DAYS * 86_400);
    if scope.since.is_some_and(|since| since < first) {
        return Err(Failure::Usage(format!(
            "CloudTrail's lookup history has {DAYS} days, and --since is before that: give the trail's files, as in \
             `lambda-audit replay s3://BUCKET/AWSLogs --since TIME`"
        )));
    }
    let needed = scope.needed(policies);
    Ok(LookUps {
        history,
        from: needed.from.map_or(first, |from| from.max(first)),
        to: needed.to.map_or(now, |to| to.min(now)),
        directory,
    })
}

/// Runs to the end of `work`.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CollectError>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Usage(format!("cannot start: {error}")))?;
    runtime.block_on(work).map_err(|error| Failure::Usage(error.to_string()))
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
