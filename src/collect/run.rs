//! A collection from beginning to end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::ask::{Asker, Request, Shared};
use super::clients::Clients;
use super::gauge::Gauge;
use super::history::History;
use super::metrics;
use super::needs::{GET_ACCOUNT_SETTINGS, Needs};
use super::plan::{self, Estimate, LookUpCalls, Place};
use super::records::{LookUps, Records};
use super::session::{CollectError, Target, Whence, targets};
use super::sink::{Counts, Key, Known, Sink, failed, header};
use super::walk::Account;
use crate::audit::LookedUp;
use crate::snapshot::api::{ASSUME_ROLE, LIST_REGIONS};
use crate::snapshot::{Header, Scope};

#[derive(Debug, Clone)]
pub struct Options {
    /// The share of AWS's quotas to use.
    pub share: f64,
    /// How many times larger than documented the quotas are. For tests.
    pub quota_scale: f64,
    /// Who is told how far it is.
    pub gauge: std::sync::Arc<Gauge>,
    /// Of which seconds CloudWatch's counts are asked.
    pub(super) counted: (i64, i64),
    /// The account that lists its organization, though it may not be the management account.
    lists_accounts: Option<String>,
}

impl Options {
    /// `now`: seconds since 1970.
    pub fn new(share: f64, quota_scale: f64, now: i64) -> Self {
        let counted = metrics::window(now);
        Options { share, quota_scale, gauge: std::sync::Arc::default(), counted, lists_accounts: None }
    }

    pub(super) fn lists_accounts(&self, account: &str) -> bool {
        self.lists_accounts.as_deref() == Some(account)
    }
}

/// Why a collection stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    #[error("it was interrupted")]
    Interrupted,
    #[error("the credentials for account {account} have expired")]
    Expired { account: String },
    #[error("the network does not answer, or the credentials cannot be renewed")]
    Network,
    #[error("it cannot be written: {0}")]
    Write(String),
}

/// How a collection ended.
#[derive(Debug)]
pub struct Ended {
    /// `None`: it came to its end. A closing line was written then, and only then.
    pub stopped: Option<Stop>,
    /// The calls of this run.
    pub counts: Counts,
    pub scope: Vec<Scope>,
    /// What was looked up, if anything was to be.
    pub looked_up: Option<LookedUp>,
}

/// Where the lines go.
pub struct Opened {
    pub out: Box<dyn Write + Send>,
    /// Called when the header and what was known before are written.
    pub begun: Box<dyn FnOnce() -> std::io::Result<()>>,
}

impl Opened {
    /// A place that is good from the beginning.
    pub fn plain(out: Box<dyn Write + Send>) -> Self {
        Opened { out, begun: Box::new(|| Ok(())) }
    }
}

/// Collects a snapshot. `known` holds the answers of an earlier, unfinished collection; `look_ups` is asked for beside
/// it.
///
/// # Errors
/// [`CollectError`] if nothing can be asked. What cannot be read of the accounts is in the snapshot.
pub async fn collect(
    whence: &Whence,
    needs: Needs,
    mut options: Options,
    known: Known,
    look_ups: Option<LookUps>,
    open: impl FnOnce() -> std::io::Result<Opened>,
) -> Result<Ended, CollectError> {
    // Before anything is asked: it may name a directory that cannot be used.
    let records = look_ups.map(Records::new).transpose()?;
    let found = targets(whence).await?;
    if matches!(whence.accounts, super::Accounts::Organization { .. }) {
        options.lists_accounts = Some(found.caller.clone());
    }
    if let Some(counted) = known.counted() {
        options.counted = counted;
    }
    let scope = scope(&found.accounts);
    let started = known.header.as_ref().and_then(|header| header.started.clone());
    let mut first = header(started.unwrap_or_else(now), scope.clone());
    if let Some(Header { scope: earlier, .. }) = &known.header {
        first.scope.extend(earlier.iter().cloned());
        first.scope.sort();
        first.scope.dedup();
    }
    let opened = open()?;
    let sink = Sink::begin(opened.out, first)?;
    for part in known.parts() {
        sink.again(part.clone())?;
    }
    (opened.begun)()?;
    // An account that cannot be entered has no selectors to give.
    let entered = found.accounts.iter().filter(|target| target.config.is_ok());
    let accounts: BTreeSet<String> = entered.map(|target| target.account.clone()).collect();
    let shared = std::sync::Arc::new(Shared::new(needs, options, sink, known, accounts, records));
    let mut tasks = JoinSet::new();
    for target in found.accounts {
        if let Some(outcome) = target.unlisted {
            shared.write(failed(&global(&target.account, LIST_REGIONS, None), outcome));
        }
        match target.config {
            Ok(config) => {
                let (partition, regions) = (found.partition.clone(), target.regions);
                let account = Account::new(shared.clone(), target.account, config, partition, regions);
                tasks.spawn(account.walk());
            }
            Err((role, outcome)) => {
                if let Some(records) = &shared.records {
                    // Where no snapshot is judged, nobody else says that it was refused.
                    let alone = shared.needs.is_empty().then(|| outcome.clone());
                    records.not_entered(&target.account, alone);
                }
                shared.write(failed(&global(&target.account, ASSUME_ROLE, Some(role)), outcome));
            }
        }
    }
    let walk = async { while tasks.join_next().await.is_some() {} };
    tokio::pin!(walk);
    tokio::select! {
        () = &mut walk => {}
        interrupted = tokio::signal::ctrl_c() => {
            // If no signal can be listened for, the walk goes on.
            if interrupted.is_ok() {
                shared.stop(Stop::Interrupted);
            }
            walk.await;
        }
    }
    let stopped = shared.reason();
    if stopped.is_none() {
        shared.sink.end(now())?;
    }
    let looked_up = shared.records.as_ref().map(Records::finish).transpose()?;
    Ok(Ended { stopped, counts: shared.sink.counts(), scope, looked_up })
}

/// What a collection would cost. Asks each account and region how many functions it has, if anything is asked of these.
///
/// # Errors
/// [`CollectError`] if nothing can be asked.
pub async fn estimate(
    whence: &Whence,
    needs: &Needs,
    history: Option<&History>,
    share: f64,
) -> Result<Vec<Estimate>, CollectError> {
    let found = targets(whence).await?;
    let sink = Sink::begin(Box::new(std::io::sink()), header(now(), Vec::new()))?;
    let options = Options::new(share, 1.0, 0);
    let shared = std::sync::Arc::new(Shared::new(
        needs.clone(),
        options,
        sink,
        Known::default(),
        BTreeSet::new(),
        None,
    ));
    let partition = found.partition;
    let mut places = BTreeMap::new();
    let mut tasks = JoinSet::new();
    for target in found.accounts {
        if let Some((history, home)) = history.and_then(|history| Some((history, history.home(&partition)?)))
            && !target.regions.iter().any(|region| region == home)
        {
            let look_ups = LookUpCalls::of(&history.at_home(home, &partition));
            let (account, region) = (target.account.clone(), home.to_owned());
            let place = Place { account, region, functions: Some(0), look_ups };
            // Only the events of global services are asked for there.
            places.insert(
                (place.account.clone(), place.region.clone()),
                plan::estimate(&Needs::default(), place, share),
            );
        }
        for region in target.regions {
            let (shared, config, account) = (shared.clone(), target.config.clone(), target.account.clone());
            let asked = history.map(|history| history.in_region(&region, &partition)).unwrap_or_default();
            tasks.spawn(async move {
                let functions = match &config {
                    _ if shared.needs.is_empty() => Some(0),
                    Ok(config) => {
                        let clients = Clients::new(config, &region);
                        let asker = Asker::new(shared, clients, account.clone(), region.clone());
                        functions(&asker).await
                    }
                    Err(_) => None,
                };
                Place { account, region, functions, look_ups: LookUpCalls::of(&asked) }
            });
        }
    }
    while let Some(place) = tasks.join_next().await {
        let Ok(place) = place else { continue };
        let key = (place.account.clone(), place.region.clone());
        places.insert(key, plan::estimate(needs, place, share));
    }
    Ok(places.into_values().collect())
}

async fn functions(asker: &Asker) -> Option<u64> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Settings {
        account_usage: Usage,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Usage {
        function_count: u64,
    }
    let request = Request::new(GET_ACCOUNT_SETTINGS, None, None);
    let answer = asker.persist(request, |bytes| serde_json::from_slice::<Settings>(bytes));
    Some(answer.await?.ok()?.account_usage.function_count)
}

fn scope(targets: &[Target]) -> Vec<Scope> {
    let of = |target: &Target| -> Vec<Scope> {
        let place = |region: &String| Scope { account: target.account.clone(), region: region.clone() };
        target.regions.iter().map(place).collect()
    };
    let mut scope: Vec<Scope> = targets.iter().flat_map(of).collect();
    scope.sort();
    scope.dedup();
    scope
}

fn global(account: &str, api: &str, resource: Option<String>) -> Key {
    (account.to_owned(), None, api.to_owned(), resource)
}

/// The time a snapshot carries. It decides nothing.
fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}
