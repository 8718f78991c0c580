//! What `snapshot`, `scan` and `logging` share when they ask AWS: whom, how fast, and where the answers go.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::Failure;
use crate::collect::needs::Needs;
use crate::collect::{
    Accounts, CollectError, Ended, Known, Opened, Options, Regions, Whence, collect, quota,
};
use crate::snapshot::Input;
use crate::term;

/// Whom to ask, and how.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LiveArgs {
    /// Profile of the AWS configuration to take credentials and region from
    #[arg(long, value_name = "NAME", help_heading = "Live accounts")]
    profile: Option<String>,
    /// Regions to ask [default: the configured one]
    #[arg(long, value_name = "REGION", num_args = 1.., help_heading = "Live accounts")]
    region: Vec<String>,
    /// Ask every region that the account has enabled
    #[arg(long, conflicts_with = "region", help_heading = "Live accounts")]
    all_regions: bool,
    /// Assume this role first
    #[arg(long, value_name = "ARN", help_heading = "Live accounts")]
    role_arn: Option<String>,
    /// Ask all accounts of the organization, each through its role of this name
    #[arg(long, value_name = "NAME", help_heading = "Live accounts")]
    org_role: Option<String>,
    /// With --org-role: only these accounts
    #[arg(long, value_name = "ID", value_parser = super::common::account, num_args = 1.., requires = "org_role", help_heading = "Live accounts")]
    account: Vec<String>,
    /// With --org-role: not these accounts
    #[arg(long, value_name = "ID", value_parser = super::common::account, num_args = 1.., requires = "org_role", help_heading = "Live accounts")]
    exclude_account: Vec<String>,
    /// Read the policies of versions that aliases or statements name, or of all published versions
    #[arg(long, value_enum, default_value_t, value_name = "WHICH", help_heading = "Live accounts")]
    versions: Versions,
    /// The share of AWS's request quotas to use; deployments need the rest
    #[arg(long, value_name = "0-1", default_value_t = quota::SHARE, value_parser = share, help_heading = "Live accounts")]
    pub(crate) quota_share: f64,
    /// Take the quotas to be so many times larger than documented
    #[arg(long, hide = true, default_value_t = 1.0)]
    quota_scale: f64,
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
        Whence {
            profile: self.profile.clone(),
            role_arn: self.role_arn.clone(),
            regions: if self.all_regions {
                Regions::All
            } else if self.region.is_empty() {
                Regions::Configured
            } else {
                Regions::Named(self.region.clone())
            },
            accounts: match &self.org_role {
                None => Accounts::Own,
                Some(role) => Accounts::Organization {
                    role: role.clone(),
                    only: self.account.clone(),
                    except: self.exclude_account.clone(),
                },
            },
        }
    }

    /// Nothing of this has a meaning beside a saved snapshot.
    ///
    /// # Errors
    /// If any of it is given.
    pub(crate) fn unused(&self) -> Result<(), Failure> {
        let named = [
            (self.profile.is_some(), "--profile"),
            (!self.region.is_empty(), "--region"),
            (self.all_regions, "--all-regions"),
            (self.role_arn.is_some(), "--role-arn"),
            (self.org_role.is_some(), "--org-role"),
            (self.versions == Versions::All, "--versions"),
        ];
        match named.iter().find(|(given, _)| *given) {
            Some((_, name)) => Err(Failure::Usage(format!(
                "{name} is about live accounts, and --snapshot names a saved one: leave one of them out"
            ))),
            None => Ok(()),
        }
    }

    /// With the versions, if they are asked for.
    pub(crate) fn needs(&self, needs: Needs) -> Needs {
        if self.versions == Versions::All { needs.with_versions() } else { needs }
    }

    /// Collects into `open`'s place.
    pub(crate) fn collect(
        &self,
        needs: Needs,
        known: Known,
        open: impl FnOnce() -> io::Result<Opened>,
    ) -> Result<Ended, Failure> {
        let options = Options::new(self.quota_share, self.quota_scale);
        let whence = self.whence();
        block_on(async { collect(&whence, self.needs(needs), options, known, open).await })
    }

    /// Collects into memory, for one run. Says on standard error if it stopped before its end.
    pub(crate) fn input(&self, needs: Needs) -> Result<Input, Failure> {
        let memory = Memory::default();
        let out = memory.clone();
        let ended = self.collect(needs, Known::default(), move || Ok(Opened::plain(Box::new(out))))?;
        if let Some(stop) = &ended.stopped {
            term::tell(&format!("The collection stopped: {stop}. What was read is judged."));
        }
        let bytes = std::mem::take(&mut *memory.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Input::Memory { name: "live".to_owned(), bytes: bytes.into() })
    }
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
