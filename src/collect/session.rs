//! Whom to ask and with which credentials: the caller, the accounts of its organization, their regions.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::error::SdkError;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::outcome::{Next, Trouble, next};
use super::trust;
use crate::arn;
use crate::snapshot::Outcome;
use crate::snapshot::api::{ASSUME_ROLE, LIST_ACCOUNTS, LIST_REGIONS};

/// The name of the sessions that are made, as trails show it.
const SESSION: &str = "lambda-audit";
/// Credentials are renewed when less than this is left of them.
const MARGIN: Duration = Duration::from_secs(300);
/// Waiting longer for one answer makes no sense.
const ATTEMPT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// Where to begin.
#[derive(Debug, Clone, Default)]
pub struct Whence {
    pub profile: Option<String>,
    /// A role to assume first.
    pub role_arn: Option<String>,
    pub regions: Regions,
    pub accounts: Accounts,
}

#[derive(Debug, Clone, Default)]
pub enum Regions {
    /// The one that the profile or the environment names.
    #[default]
    Configured,
    Named(Vec<String>),
    /// All that each account has enabled.
    All,
}

#[derive(Debug, Clone, Default)]
pub enum Accounts {
    #[default]
    Own,
    /// Those of the organization, each through this role.
    Organization {
        role: String,
        /// Only these; empty: all.
        only: Vec<String>,
        except: Vec<String>,
    },
}

/// Why nothing can be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error(
        "no AWS credentials are accepted: {0}\nSet them as for the AWS CLI (`aws sts get-caller-identity` shows \
         whether they work), or name a profile with --profile"
    )]
    Credentials(String),
    #[error(
        "no region is known: name one with --region, or use --all-regions; `scan --snapshot FILE` judges a saved \
         snapshot and asks nobody"
    )]
    NoRegion,
    #[error("{what}: {why}")]
    Refused { what: &'static str, why: String },
    #[error("AWS_CA_BUNDLE={path} cannot be used: {why}")]
    Certificates { path: String, why: String },
    #[error("no account is left to collect: see --account and --exclude-account")]
    NoAccount,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// An account to collect.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) account: String,
    /// `Err`: its role could not be assumed.
    pub(super) config: Result<SdkConfig, (String, Outcome)>,
    pub(super) regions: Vec<String>,
    /// Its regions could not be listed.
    pub(super) unlisted: Option<Outcome>,
}

/// What is to be collected.
#[derive(Debug)]
pub(super) struct Targets {
    /// Who is asking.
    pub(super) caller: String,
    pub(super) partition: String,
    pub(super) accounts: Vec<Target>,
}

/// The caller's own credentials, or those of the role that it assumes first.
pub(super) async fn own_config(whence: &Whence) -> Result<SdkConfig, CollectError> {
    trust::choose()?;
    let config = base(whence).await;
    match &whence.role_arn {
        None => Ok(config),
        Some(role) => assume(&config, role).await.map_err(|outcome| CollectError::Refused {
            what: "the role of --role-arn cannot be assumed",
            why: described(&outcome),
        }),
    }
}

/// Finds accounts and regions. A few calls, before anything is collected.
pub(super) async fn targets(whence: &Whence) -> Result<Targets, CollectError> {
    let config = own_config(whence).await?;
    let (own, partition) = caller(&config).await?;
    let mut chosen = Vec::new();
    match &whence.accounts {
        Accounts::Own => chosen.push((own.clone(), Ok(config.clone()))),
        Accounts::Organization { role, only, except } => {
            let members = members(&config).await?;
            let named = |id: &String| (only.is_empty() || only.contains(id)) && !except.contains(id);
            for id in members.into_iter().filter(named) {
                let assumed = if id == own {
                    Ok(config.clone())
                } else {
                    let arn = format!("arn:{partition}:iam::{id}:role/{role}");
                    assume(&config, &arn).await.map_err(|outcome| (arn, outcome))
                };
                chosen.push((id, assumed));
            }
        }
    }
    if chosen.is_empty() {
        return Err(CollectError::NoAccount);
    }
    let default = match &whence.regions {
        Regions::Named(named) => named.clone(),
        Regions::All => enabled_regions(&config).await.map_err(|outcome| CollectError::Refused {
            what: "the account's regions cannot be listed (needed for --all-regions)",
            why: described(&outcome),
        })?,
        Regions::Configured => vec![config.region().ok_or(CollectError::NoRegion)?.to_string()],
    };
    let mut accounts = Vec::new();
    for (account, config) in chosen {
        let mut regions = default.clone();
        let mut unlisted = None;
        if let (Regions::All, Ok(config), false) = (&whence.regions, &config, account == own) {
            match enabled_regions(config).await {
                Ok(listed) => regions = listed,
                // Those of the caller's account are asked; that others may be enabled stands in the ledger.
                Err(outcome) => unlisted = Some(outcome),
            }
        }
        accounts.push(Target { account, config, regions, unlisted });
    }
    Ok(Targets { caller: own, partition, accounts })
}

/// The chain of credentials that every AWS tool has. Retries are this program's own: the SDK's would be shared
/// between accounts, and would not slow down the others.
async fn base(whence: &Whence) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(trust::chosen())
        .build_https();
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts);
    if let Some(profile) = &whence.profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    match (&whence.regions, config.region()) {
        // Some region is needed to ask who is asking.
        (Regions::Named(regions), _) => match regions.first() {
            Some(region) => config.to_builder().region(Region::new(region.clone())).build(),
            None => config,
        },
        (Regions::All, None) => config.to_builder().region(Region::from_static("us-east-1")).build(),
        _ => config,
    }
}

/// The account and partition of the caller.
async fn caller(config: &SdkConfig) -> Result<(String, String), CollectError> {
    if config.region().is_none() {
        return Err(CollectError::NoRegion);
    }
    let client = aws_sdk_sts::Client::new(config);
    let refused = |trouble: &Trouble| match trouble {
        Trouble::Network(what) => CollectError::Credentials(format!("{what}, or there are no credentials")),
        other => CollectError::Credentials(described(&ended("sts:GetCallerIdentity", other))),
    };
    let answer = again(|| client.get_caller_identity().send()).await.map_err(|trouble| refused(&trouble))?;
    let arn = answer.arn().unwrap_or_default();
    let account = answer
        .account()
        .filter(|account| arn::is_account(account))
        .ok_or_else(|| CollectError::Credentials("AWS did not say whose they are".to_owned()))?;
    Ok((account.to_owned(), arn::partition(arn).unwrap_or("aws").to_owned()))
}

/// The organization's accounts that are in use.
async fn members(config: &SdkConfig) -> Result<Vec<String>, CollectError> {
    let client = aws_sdk_organizations::Client::new(config);
    let mut token: Option<String> = None;
    let mut accounts = Vec::new();
    loop {
        let page = again(|| client.list_accounts().set_next_token(token.clone()).send()).await;
        let page = page.map_err(|trouble| CollectError::Refused {
            what: "the organization's accounts cannot be listed (needed for --org-role)",
            why: described(&ended(LIST_ACCOUNTS, &trouble)),
        })?;
        let active = |account: &&aws_sdk_organizations::types::Account| {
            account.status() == Some(&aws_sdk_organizations::types::AccountStatus::Active)
        };
        let ids = page.accounts().iter().filter(active).filter_map(|account| account.id());
        accounts.extend(ids.filter(|id| arn::is_account(id)).map(str::to_owned));
        match page.next_token() {
            Some(next) if token.as_deref() != Some(next) => token = Some(next.to_owned()),
            _ => break,
        }
    }
    accounts.sort();
    accounts.dedup();
    Ok(accounts)
}

async fn enabled_regions(config: &SdkConfig) -> Result<Vec<String>, Outcome> {
    use aws_sdk_account::types::RegionOptStatus::{Enabled, EnabledByDefault, Enabling};
    let client = aws_sdk_account::Client::new(config);
    let mut token: Option<String> = None;
    let mut regions = Vec::new();
    loop {
        let page = again(|| {
            let request = client.list_regions().set_next_token(token.clone());
            let statuses = [Enabled, EnabledByDefault, Enabling];
            request.set_region_opt_status_contains(Some(statuses.to_vec())).send()
        })
        .await;
        let page = page.map_err(|trouble| ended(LIST_REGIONS, &trouble))?;
        regions.extend(page.regions().iter().filter_map(|region| region.region_name()).map(str::to_owned));
        match page.next_token() {
            Some(next) if token.as_deref() != Some(next) => token = Some(next.to_owned()),
            _ => break,
        }
    }
    regions.sort();
    regions.dedup();
    Ok(regions)
}

/// A few attempts at a call of the beginning.
async fn again<T, E, F>(send: impl Fn() -> F) -> Result<T, Trouble>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let mut pause = Duration::from_millis(300);
    let mut attempts = 1;
    loop {
        match send().await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                let trouble = Trouble::of(&error);
                if attempts >= 4 || !matches!(next("", &trouble), Next::Throttled | Next::Again(_)) {
                    return Err(trouble);
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempts += 1;
    }
}

/// How a call of the beginning ended.
fn ended(api: &str, trouble: &Trouble) -> Outcome {
    match next(api, trouble) {
        Next::Ends(outcome) | Next::Again(outcome) => outcome,
        Next::Throttled => Outcome::Throttled { message: Some("throttled again and again".to_owned()) },
        Next::Expired => Outcome::Failed { message: Some("the credentials have expired".to_owned()) },
        Next::NoPolicy => Outcome::Failed { message: None },
    }
}

fn described(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Denied { permission, message } => match message {
            Some(message) => format!("denied, {permission} is missing ({message})"),
            None => format!("denied, {permission} is missing"),
        },
        Outcome::Ok => "no answer".to_owned(),
        other => other.message().unwrap_or(other.as_str()).to_owned(),
    }
}

/// A role's credentials, renewed before they expire.
struct Assumed {
    client: aws_sdk_sts::Client,
    role: String,
    current: Mutex<Credentials>,
}

impl fmt::Debug for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assumed").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Assumed {
    async fn credentials(&self) -> provider::Result {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh = current.expiry().is_none_or(|expiry| expiry > SystemTime::now() + MARGIN);
        if fresh {
            return Ok(current);
        }
        let renewed = assumed(&self.client, &self.role)
            .await
            .map_err(|outcome| CredentialsError::provider_error(described(&outcome)))?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = renewed.clone();
        Ok(renewed)
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

/// The same configuration with the role's credentials.
async fn assume(config: &SdkConfig, role: &str) -> Result<SdkConfig, Outcome> {
    let client = aws_sdk_sts::Client::new(config);
    let first = assumed(&client, role).await?;
    let provider = Assumed { client, role: role.to_owned(), current: Mutex::new(first) };
    Ok(config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        // One cache for each role: else the first one's answer would be everyone's.
        .identity_cache(aws_sdk_sts::config::IdentityCache::lazy().build())
        .build())
}

async fn assumed(client: &aws_sdk_sts::Client, role: &str) -> Result<Credentials, Outcome> {
    let answer = again(|| client.assume_role().role_arn(role).role_session_name(SESSION).send())
        .await
        .map_err(|trouble| ended(ASSUME_ROLE, &trouble))?;
    let given = answer
        .credentials()
        .ok_or_else(|| Outcome::Malformed { message: Some("the answer holds no credentials".to_owned()) })?;
    Ok(Credentials::new(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
        SystemTime::try_from(*given.expiration()).ok(),
        "AssumeRole",
    ))
}
