//! Asks one thing of one account and region, page by page, at the pace of the quotas, again after what passes; every
//! end goes to the sink.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, Semaphore};

use super::clients::Clients;
use super::needs::Needs;
use super::outcome::{Next, next};
use super::pace::Pace;
use super::quota::Bucket;
use super::records::Records;
use super::run::{Options, Stop};
use super::sink::{Key, Known, Sink, answered, failed};
use crate::snapshot::Outcome;
use crate::snapshot::api::*;

/// Requests that wait for an answer at one time, over everything.
const IN_FLIGHT: usize = 64;
/// Attempts where the quota is in use by others.
const THROTTLED_ATTEMPTS: u32 = 12;
/// Attempts where the network or the service failed.
const FAILED_ATTEMPTS: u32 = 4;
/// The first pause before another attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// Calls in a row that the network failed, each after all its attempts: it is gone.
const DEAD: u32 = 8;
/// The most pages of one list. At 50 functions a page, more than an account can hold.
const PAGES: usize = 20_000;

/// What all accounts and regions of a collection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) needs: Needs,
    pub(super) options: Options,
    pub(super) sink: Sink,
    pub(super) known: Known,
    /// Accounts that are collected: a trail's selectors are asked of its owner.
    pub(super) accounts: std::collections::BTreeSet<String>,
    /// What is looked up beside it.
    pub(super) records: Option<Records>,
    paces: Mutex<HashMap<(String, String, Bucket), Arc<Pace>>>,
    in_flight: Semaphore,
    stopped: AtomicBool,
    reason: Mutex<Option<Stop>>,
    wake: Notify,
    dead: AtomicU32,
}

impl Shared {
    pub(super) fn new(
        needs: Needs,
        options: Options,
        sink: Sink,
        known: Known,
        accounts: std::collections::BTreeSet<String>,
        records: Option<Records>,
    ) -> Self {
        Shared {
            needs,
            options,
            sink,
            known,
            accounts,
            records,
            paces: Mutex::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
            stopped: AtomicBool::new(false),
            reason: Mutex::default(),
            wake: Notify::new(),
            dead: AtomicU32::new(0),
        }
    }

    fn pace(&self, account: &str, region: &str, bucket: Bucket) -> Arc<Pace> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), region.to_owned(), bucket);
        let rate = bucket.per_second() * self.options.share * self.options.quota_scale;
        paces.entry(key).or_insert_with(|| Arc::new(Pace::new(rate))).clone()
    }

    /// Seconds that the quotas make of one function.
    pub(super) fn each_function(&self) -> f64 {
        let of_each = |api: &&str| {
            [
                GET_RESOURCE_POLICY,
                LIST_ALIASES,
                LIST_VERSIONS,
                LIST_URLS,
                LIST_EVENT_INVOKE_CONFIGS,
                LIST_TAGS,
                GET_CODE_SIGNING,
                GET_CONCURRENCY,
            ]
            .contains(api)
        };
        let rate = |bucket: Bucket| bucket.per_second() * self.options.share * self.options.quota_scale;
        let own = if self.needs.wants(GET_POLICY) { 1.0 / rate(Bucket::GetPolicy) } else { 0.0 };
        (self.needs.apis().filter(of_each).count() as f64 / rate(Bucket::Lambda)).max(own)
    }

    /// Stops everything: nothing is asked any more. The first reason counts.
    pub(super) fn stop(&self, why: Stop) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.stopped.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    pub(super) fn reason(&self) -> Option<Stop> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends when everything is stopped.
    async fn until_stopped(&self) {
        let woken = self.wake.notified();
        if !self.is_stopped() {
            woken.await;
        }
    }

    /// Writes a part. What cannot be written ends the collection.
    pub(super) fn write(&self, part: crate::snapshot::Part) {
        if let Err(error) = self.sink.part(part) {
            self.stop(Stop::Write(error.to_string()));
        }
    }
}

/// One request: the API, what it is about, and the page that a token names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'q> {
    pub(super) api: &'static str,
    pub(super) resource: Option<&'q str>,
    pub(super) token: Option<&'q str>,
    /// Of a question about a time: from second to second.
    pub(super) span: Option<(i64, i64)>,
    /// Of a question about several things: their names.
    pub(super) names: &'q [&'q str],
}

impl<'q> Request<'q> {
    pub(super) fn new(api: &'static str, resource: Option<&'q str>, token: Option<&'q str>) -> Self {
        Request { api, resource, token, span: None, names: &[] }
    }
}

/// Asks one account and region.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) shared: Arc<Shared>,
    pub(super) clients: Clients,
    pub(super) account: String,
    pub(super) region: String,
    /// The region has no `GetResourcePolicy`.
    no_whole_policies: Arc<AtomicBool>,
}

/// An answer of an API, as far as it is kept.
pub(super) trait Answer: DeserializeOwned + Serialize + Send {
    /// What names the page that follows.
    fn next(&self) -> Option<&str> {
        None
    }
}

macro_rules! answers {
    ($($page:ty),* ; $($paged:ty => $next:ident),* $(,)?) => {
        $(impl Answer for $page {})*
        $(impl Answer for $paged {
            fn next(&self) -> Option<&str> {
                self.$next.as_deref()
            }
        })*
    };
}

answers! {
    PolicyText, Tags, FunctionCodeSigning, FunctionConcurrency, Trails, EventSelectors, TrailStatus, EventDataStore, GetRole, DescribeOrganization, DescribePolicy, Detector;
    FunctionPage => next_marker, AliasPage => next_marker, VersionPage => next_marker, UrlPage => next_marker,
    EventInvokePage => next_marker, LayerPage => next_marker, LayerVersionPage => next_marker,
    MappingPage => next_marker, EventDataStorePage => next_token, SubnetPage => next_token, AccountPage => next_token,
    MetricPage => next_token,
    AuthorizationPage => marker, ParentPage => next_token, PolicyPage => next_token,
    DetectorPage => next_token, StandardPage => next_token,
    ControlPage => next_token, AnalyzerPage => next_token, MetricFilterPage => next_token, AlarmPage => next_token,
    RulePage => next_token, TargetPage => next_token,
}

impl Asker {
    pub(super) fn new(shared: Arc<Shared>, clients: Clients, account: String, region: String) -> Self {
        Asker { shared, clients, account, region, no_whole_policies: Arc::default() }
    }

    pub(super) fn wants(&self, api: &str) -> bool {
        self.shared.needs.wants(api)
    }

    /// Asks, if a policy needs it. `None`: it was not needed or not answered; the sink knows which.
    pub(super) async fn one<A: Answer>(&self, api: &'static str, resource: Option<&str>) -> Option<A> {
        self.list(api, resource).await.into_iter().next()
    }

    /// The same for what records turned out to need.
    pub(super) async fn one_needed<A: Answer>(&self, api: &'static str, resource: Option<&str>) -> Option<A> {
        self.pages(Request::new(api, resource, None)).await.into_iter().next()
    }

    /// Asks for all pages, if a policy needs it. Pages that an earlier collection read are not asked for again.
    pub(super) async fn list<A: Answer>(&self, api: &'static str, resource: Option<&str>) -> Vec<A> {
        self.list_of(Request::new(api, resource, None)).await
    }

    /// The same for a question that says more.
    pub(super) async fn list_of<A: Answer>(&self, request: Request<'_>) -> Vec<A> {
        let api = request.api;
        let absent = api == GET_RESOURCE_POLICY && self.no_whole_policies.load(Ordering::Relaxed);
        if !self.wants(api) || absent { Vec::new() } else { self.pages(request).await }
    }

    async fn pages<A: Answer>(&self, request: Request<'_>) -> Vec<A> {
        let mut pages: Vec<A> = Vec::new();
        let key = self.key(request.api, request.resource);
        for part in self.shared.known.of(&key) {
            let Some(data) = &part.data else { return pages };
            // What does not parse is asked again.
            let Ok(page) = serde_json::from_str::<A>(data.get()) else { break };
            pages.push(page);
        }
        if pages.last().is_some_and(|page| page.next().is_none()) {
            return pages;
        }
        let mut resumed = !pages.is_empty();
        loop {
            let token = pages.last().and_then(A::next).map(str::to_owned);
            let Some(page) = self.page::<A>(&key, Request { token: token.as_deref(), ..request }).await
            else {
                // What named the next page may be too old by now: the list is read from its beginning then.
                if std::mem::take(&mut resumed) && !self.shared.is_stopped() {
                    pages.clear();
                    continue;
                }
                break;
            };
            resumed = false;
            let following = page.next().map(str::to_owned);
            pages.push(page);
            if following.is_none() {
                break;
            }
            let circles = following == token || pages.len() >= PAGES;
            if circles {
                let message = Some("its pages have no end".to_owned());
                self.shared.write(failed(&key, Outcome::Failed { message }));
                break;
            }
        }
        pages
    }

    fn key(&self, api: &str, resource: Option<&str>) -> Key {
        // Global services are asked once for the account.
        let global = api.starts_with("iam:") || api.starts_with("organizations:");
        let region = (!global).then(|| self.region.clone());
        (self.account.clone(), region, api.to_owned(), resource.map(str::to_owned))
    }

    /// One page, to the sink and to the caller.
    async fn page<A: Answer>(&self, key: &Key, request: Request<'_>) -> Option<A> {
        let api = request.api;
        // It is about the organization of whoever asks.
        let resource = request.resource.filter(|_| api != LIST_ACCOUNTS);
        let request = Request { resource, ..request };
        let read = self.persist(request, |bytes| serde_json::from_slice::<A>(bytes)).await?;
        let written = read.and_then(|page: A| {
            let data = serde_json::value::to_raw_value(&page)
                .map_err(|error| Outcome::Malformed { message: Some(error.to_string()) })?;
            Ok((page, data))
        });
        match written {
            Ok((page, data)) => {
                self.shared.write(answered(key, data));
                Some(page)
            }
            Err(outcome) => {
                // A region that has not got the call yet is asked once.
                if api == GET_RESOURCE_POLICY && matches!(outcome, Outcome::Disabled { .. }) {
                    self.no_whole_policies.store(true, Ordering::Relaxed);
                }
                self.shared.write(failed(key, outcome));
                None
            }
        }
    }

    /// Asks until there is an answer or no hope of one. `None`: everything was stopped before.
    pub(super) async fn persist<T>(
        &self,
        request: Request<'_>,
        parse: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Option<Result<T, Outcome>> {
        let (shared, api) = (&self.shared, request.api);
        let pace = shared.pace(&self.account, &self.region, Bucket::of(api));
        let (mut throttled, mut failures) = (0, 0);
        loop {
            let sent = tokio::select! {
                biased;
                () = shared.until_stopped() => return None,
                sent = self.attempt(&pace, request) => sent,
            };
            let next = match sent {
                Ok(bytes) => match parse(&bytes) {
                    Ok(answer) => {
                        shared.options.gauge.call();
                        shared.dead.store(0, Ordering::Relaxed);
                        return Some(Ok(answer));
                    }
                    // The parser's own words can quote the answer.
                    Err(error) => Next::Again(Outcome::Malformed {
                        message: Some(format!("the answer does not parse at byte {}", error.column())),
                    }),
                },
                Err(trouble) => {
                    let network = matches!(trouble, super::outcome::Trouble::Network(_));
                    if network && failures + 1 >= FAILED_ATTEMPTS {
                        if shared.dead.fetch_add(1, Ordering::Relaxed) + 1 >= DEAD {
                            shared.stop(Stop::Network);
                            return None;
                        }
                    } else if !network {
                        shared.dead.store(0, Ordering::Relaxed);
                    }
                    next(api, &trouble)
                }
            };
            match next {
                Next::NoPolicy => return Some(parse(br#"{"Policy":null}"#).map_err(|_| unreadable())),
                Next::Ends(outcome) => return Some(Err(outcome)),
                Next::Expired => {
                    shared.stop(Stop::Expired { account: self.account.clone() });
                    return None;
                }
                Next::Throttled => {
                    pace.throttled();
                    throttled += 1;
                    if throttled >= THROTTLED_ATTEMPTS {
                        let message = Some(format!("throttled {throttled} times in a row"));
                        return Some(Err(Outcome::Throttled { message }));
                    }
                }
                Next::Again(outcome) => {
                    failures += 1;
                    if failures >= FAILED_ATTEMPTS {
                        return Some(Err(outcome));
                    }
                    tokio::select! {
                        () = shared.until_stopped() => return None,
                        () = tokio::time::sleep(PAUSE * 2u32.pow(failures - 1)) => {}
                    }
                }
            }
        }
    }

    async fn attempt(&self, pace: &Pace, request: Request<'_>) -> Result<Vec<u8>, super::outcome::Trouble> {
        pace.turn().await;
        // It is never closed.
        let permit = self.shared.in_flight.acquire().await;
        let sent = self.clients.send(request).await;
        drop(permit);
        sent
    }
}

fn unreadable() -> Outcome {
    Outcome::Malformed { message: Some("an empty policy does not parse".to_owned()) }
}
