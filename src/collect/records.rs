//! Looks up records of CloudTrail's history: for each region and service the cheaper of all its records and of its
//! names one by one; every record once, whatever pages repeat.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::ask::{Asker, Request, Shared};
use super::history::History;
use super::quota::LOOKUP_EVENTS;
use super::redact::redacted;
use super::run::Stop;
use super::spool::{Page, Place, Spool};
use crate::audit::LookedUp;
use crate::engine::state::Hole;
use crate::report::Read;
use crate::snapshot::Outcome;
use crate::trail::canonical_name;

/// Look-ups of one region that are under way at one time: enough to keep the pace where answers are slow.
const AT_ONCE: usize = 8;
/// The most pages of one look-up: more events than an account can make in 90 days at the pace of the quota.
const PAGES: u64 = 20_000_000;
/// Events are there some minutes after their time; what was looked up before is looked at again so far back.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
const LATE: i64 = 3_600;

/// What to look up.
#[derive(Debug, Clone)]
pub struct LookUps {
    pub history: History,
    /// Seconds since 1970, both included.
    pub from: i64,
    pub to: i64,
    /// Where the records are kept, to go on from there; `None`: in memory, for one run.
    pub directory: Option<PathBuf>,
}

/// The look-ups of a collection.
#[derive(Debug)]
pub(super) struct Records {
    asked: LookUps,
    spool: Spool,
    seen: Mutex<HashSet<[u8; 16]>>,
    ended: Mutex<Vec<Ended>>,
    /// Roles of sessions of which a record does not say whose they are.
    roles: Mutex<BTreeSet<String>>,
    /// Accounts that could not be entered.
    outside: Mutex<Vec<(String, Option<Outcome>)>>,
}

/// How one look-up ended.
#[derive(Debug)]
struct Ended {
    account: String,
    region: String,
    attribute: String,
    pages: u64,
    /// Why it is not whole.
    left: Option<Outcome>,
}

/// An entry of a page, as far as it is used here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    event_id: Option<String>,
    event_name: Option<String>,
    event_source: Option<String>,
    event_time: Option<serde_json::Number>,
    cloud_trail_event: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    events: Vec<Event>,
    next_token: Option<String>,
}

/// One of the spans of a look-up, and the page to go on with.
#[derive(Debug)]
struct Span {
    from: i64,
    to: i64,
    token: Option<String>,
}

/// A look-up under way.
struct Look<'l> {
    asker: &'l Asker,
    records: &'l Records,
    attribute: String,
    place: Place,
    spans: Vec<Span>,
    pages: u64,
    /// Pages of the span, and the time of the earliest of their records.
    in_span: u64,
    oldest: i64,
    /// An earlier run found the others cheaper.
    given_up: bool,
}

enum Step {
    /// A page with more behind it, and the names on it.
    Page(Vec<String>),
    End,
    Failed(Outcome),
    Stopped,
}

impl Records {
    /// # Errors
    /// A directory that cannot be made or read.
    pub(super) fn new(asked: LookUps) -> io::Result<Self> {
        let mut seen = HashSet::new();
        let spool = Spool::open(asked.directory.clone(), &mut |id| {
            seen.insert(key(id));
        })?;
        Ok(Records {
            asked,
            spool,
            seen: Mutex::new(seen),
            ended: Mutex::default(),
            roles: Mutex::default(),
            outside: Mutex::default(),
        })
    }

    /// An account that cannot be asked. `outcome`: where nothing else keeps it.
    pub(super) fn not_entered(&self, account: &str, outcome: Option<Outcome>) {
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        outside.push((account.to_owned(), outcome));
    }

    /// Looks up what belongs to the account's regions.
    pub(super) async fn of_account(
        shared: Arc<Shared>,
        partition: String,
        regions: Vec<String>,
        asker: impl Fn(&str) -> Asker,
    ) {
        let Some(records) = &shared.records else { return };
        let history = &records.asked.history;
        let mut tasks = JoinSet::new();
        let mut region = |region: &str, services| {
            let (shared, asker) = (shared.clone(), asker(region));
            tasks.spawn(async move {
                if let Some(records) = &shared.records {
                    records.of_region(&asker, services).await;
                }
            });
        };
        for one in &regions {
            region(one, history.in_region(one, &partition));
        }
        if let Some(home) = history.home(&partition)
            && !regions.iter().any(|one| one == home)
        {
            region(home, history.at_home(home, &partition));
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn of_region(&self, asker: &Asker, services: Vec<(String, BTreeSet<String>)>) {
        // Not spawned: they share what they borrow, and wait for the same quota anyway.
        let room = Semaphore::new(AT_ONCE);
        let all = services.into_iter().map(|(source, names)| self.of_service(asker, source, names, &room));
        join_all(all).await;
    }

    /// All records of a service, if they are not more pages than its names are; else those names.
    async fn of_service(&self, asker: &Asker, source: String, mut names: BTreeSet<String>, room: &Semaphore) {
        let mut look = Look::new(self, asker, format!("EventSource={source}"));
        loop {
            match look.step().await {
                Step::Page(met) => {
                    self.notice(&source, met, &mut names);
                    if look.is_dearer_than(names.len() as u64) {
                        if let Err(error) = look.abandon() {
                            asker.shared.stop(Stop::Write(error.to_string()));
                        }
                        break;
                    }
                }
                Step::End => return look.end(None),
                Step::Failed(outcome) => {
                    let refused = matches!(outcome, Outcome::Denied { .. });
                    look.end(Some(outcome));
                    // The permission is the same for the names.
                    if refused {
                        return;
                    }
                    break;
                }
                Step::Stopped => return look.end(Some(stopped())),
            }
        }
        let each = names.into_iter().map(|name| async move {
            // It is never closed.
            let permit = room.acquire().await;
            let mut look = Look::new(self, asker, format!("EventName={name}"));
            let left = loop {
                match look.step().await {
                    Step::Page(_) => {}
                    Step::End => break None,
                    Step::Failed(outcome) => break Some(outcome),
                    Step::Stopped => break Some(stopped()),
                }
            };
            look.end(left);
            drop(permit);
        });
        join_all(each).await;
    }

    /// Spellings of what is asked for that the list does not have.
    fn notice(&self, source: &str, met: Vec<String>, names: &mut BTreeSet<String>) {
        let asked = |name: &String| self.asked.history.has(source, canonical_name(name));
        names.extend(met.into_iter().filter(asked));
    }

    /// Everything that was looked up, with how it ended.
    ///
    /// # Errors
    /// What could not be written.
    pub(super) fn finish(&self) -> io::Result<LookedUp> {
        let (from, to) = (self.asked.from, self.asked.to);
        let mut out = LookedUp { not_in_scope: self.asked.history.not_in_scope(), ..LookedUp::default() };
        let mut answered: BTreeMap<(String, String), u64> = BTreeMap::new();
        type Left<'e> = (&'e Outcome, u64, &'e str);
        let mut left: BTreeMap<(String, String, String), Left<'_>> = BTreeMap::new();
        let mut read = BTreeSet::new();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for one in ended.iter() {
            let place = (one.account.clone(), one.region.clone());
            *answered.entry(place.clone()).or_default() += one.pages;
            match &one.left {
                None => {
                    read.insert(one.account.clone());
                }
                // The newest come first, but a hole must not be smaller than what is missing.
                Some(outcome) => {
                    out.holes.push(Hole { account: one.account.clone(), from, to });
                    let why = format!("{}{:?}", outcome.as_str(), outcome.message());
                    let first = left.entry((place.0, place.1, why)).or_insert((outcome, 0, &one.attribute));
                    first.1 += 1;
                    // Which one ended first is chance.
                    first.2 = first.2.min(&one.attribute);
                }
            }
        }
        for ((account, region), pages) in answered.into_iter().filter(|(_, pages)| *pages > 0) {
            let place = (Some(account), Some(region));
            out.rows.push(row(place, LOOKUP_EVENTS, (&Outcome::Ok, None), pages));
        }
        for ((account, region, _), (outcome, count, first)) in left {
            let why = outcome.message().unwrap_or(outcome.as_str()).to_owned();
            let detail =
                if count == 1 { format!("{first}: {why}") } else { format!("{first} and others: {why}") };
            let place = (Some(account), Some(region));
            out.rows.push(row(place, LOOKUP_EVENTS, (outcome, Some(detail)), count));
        }
        for (account, outcome) in self.outside.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            out.holes.push(Hole { account: account.clone(), from, to });
            if let Some(outcome) = outcome {
                let place = (Some(account.clone()), None);
                let why = (outcome, outcome.message().map(str::to_owned));
                out.rows.push(row(place, crate::snapshot::api::ASSUME_ROLE, why, 1));
            }
        }
        out.read = read.into_iter().map(|account| (account, from, to)).collect();
        out.holes.sort();
        out.holes.dedup();
        (out.files, out.paths) = self.spool.finish()?;
        Ok(out)
    }
}

fn row(
    (account, region): (Option<String>, Option<String>),
    surface: &str,
    (outcome, detail): (&Outcome, Option<String>),
    count: u64,
) -> Read {
    Read {
        account,
        region,
        surface: surface.to_owned(),
        outcome: outcome.as_str().to_owned(),
        missing_permission: outcome.missing_permission().map(str::to_owned),
        source: None,
        detail,
        count,
        accepted: false,
    }
}

fn stopped() -> Outcome {
    Outcome::Failed { message: Some("the collection stopped before its end".to_owned()) }
}

impl<'l> Look<'l> {
    fn new(records: &'l Records, asker: &'l Asker, attribute: String) -> Self {
        let (from, to) = (records.asked.from, records.asked.to);
        let place = Place { account: asker.account.clone(), region: asker.region.clone() };
        let known = records.spool.known(&place, &attribute);
        let given_up = known.abandoned;
        // What is taken from the end comes first.
        let mut spans = Vec::new();
        let covered = known.whole.filter(|(since, _)| *since <= from).map(|(_, until)| until);
        let begun = known.begun.filter(|(span, _)| covered.is_none() && span.0 <= from);
        match (covered, begun) {
            (Some(until), _) if until >= to => {}
            (Some(until), _) => spans.push(Span { from: until.saturating_sub(LATE), to, token: None }),
            (None, Some((span, token))) => {
                if span.1 < to {
                    spans.push(Span { from: span.1.saturating_sub(LATE), to, token: None });
                }
                spans.push(Span { from: span.0, to: span.1, token: Some(token) });
            }
            (None, None) => spans.push(Span { from, to, token: None }),
        }
        Look { asker, records, attribute, place, spans, pages: 0, in_span: 0, oldest: to, given_up }
    }

    /// Asks for the next page.
    async fn step(&mut self) -> Step {
        let Some(span) = self.spans.last_mut() else { return Step::End };
        let request = Request {
            api: LOOKUP_EVENTS,
            resource: Some(&self.attribute),
            token: span.token.as_deref(),
            span: Some((span.from, span.to)),
            names: &[],
        };
        let answer = match self.asker.persist(request, |bytes| serde_json::from_slice::<Answer>(bytes)).await
        {
            None => return Step::Stopped,
            Some(Err(_)) if span.token.is_some() && self.in_span == 0 => {
                // It is from an earlier run, and what named the page may be too old by now.
                span.token = None;
                return Step::Page(Vec::new());
            }
            Some(Err(outcome)) => return Step::Failed(outcome),
            Some(Ok(answer)) => answer,
        };
        self.pages += 1;
        self.in_span += 1;
        let circles = answer.next_token.is_some() && answer.next_token == span.token;
        if circles || self.pages > PAGES {
            return Step::Failed(Outcome::Failed { message: Some("its pages have no end".to_owned()) });
        }
        span.token = answer.next_token;
        let times = answer.events.iter().filter_map(|event| event.event_time.as_ref()?.as_f64());
        self.oldest = times.map(|time| time as i64).fold(self.oldest, i64::min);
        let names = answer.events.iter().filter_map(|event| event.event_name.clone()).collect();
        if self.records.asked.history.asks_roles() {
            self.records.note_roles(&answer.events);
        }
        let page = Page {
            span: (span.from, span.to),
            next: span.token.clone(),
            events: self.records.fresh(answer.events),
        };
        if let Err(error) = self.records.spool.add(&self.place, &self.attribute, &page) {
            self.asker.shared.stop(Stop::Write(error.to_string()));
            return Step::Stopped;
        }
        self.asker.shared.options.gauge.records(page.events.len());
        if page.next.is_some() {
            return Step::Page(names);
        }
        self.spans.pop();
        self.in_span = 0;
        if self.spans.is_empty() { Step::End } else { Step::Page(names) }
    }

    /// Are there likely to be more pages than so many? Told by how far back those that were read reach.
    fn is_dearer_than(&self, others: u64) -> bool {
        let Some(span) = self.spans.last() else { return false };
        let reached = span.to.saturating_sub(self.oldest).max(1) as f64;
        let length = span.to.saturating_sub(span.from) as f64;
        self.given_up || self.in_span as f64 * (length / reached - 1.0) > others as f64
    }

    /// Not needed any more: others serve what it would have.
    fn abandon(self) -> io::Result<()> {
        let kept = self.records.spool.abandon(&self.place, &self.attribute);
        self.end(None);
        kept
    }

    fn end(self, left: Option<Outcome>) {
        let Place { account, region } = self.place;
        let ended = Ended { account, region, attribute: self.attribute, pages: self.pages, left };
        self.records.ended.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
    }
}

impl Records {
    /// The entries that were not seen before, with their records, secrets left out.
    fn fresh(&self, events: Vec<Event>) -> Vec<(Option<String>, Option<String>)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let new = |event: &Event| event.event_id.as_deref().is_none_or(|id| seen.insert(key(id)));
        let kept = |event: Event| (event.event_id, event.cloud_trail_event.map(redacted));
        events.into_iter().filter(new).map(kept).collect()
    }
}

impl Records {
    fn note_roles(&self, events: &[Event]) {
        let of_iam = |event: &&Event| event.event_source.as_deref() == Some("iam.amazonaws.com");
        let records = events.iter().filter(of_iam).filter_map(|event| event.cloud_trail_event.as_deref());
        let roles: Vec<String> = records.filter_map(undecided_role).collect();
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).extend(roles);
    }

    /// The roles of an account whose trust policies would say whether a session may be a function's.
    pub(super) fn roles(&self, account: &str) -> Vec<String> {
        let roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        roles.iter().filter(|role| crate::arn::account(role) == Some(account)).cloned().collect()
    }
}

/// The role of a record that does not say whether its session is a function's.
fn undecided_role(record: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Record {
        user_identity: Identity,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identity {
        session_context: Context,
        in_scope_of: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Context {
        session_issuer: Issuer,
    }
    #[derive(Deserialize)]
    struct Issuer {
        #[serde(rename = "type")]
        kind: String,
        arn: String,
    }
    let Record { user_identity } = serde_json::from_str(record).ok()?;
    let Issuer { kind, arn } = user_identity.session_context.session_issuer;
    (kind == "Role" && user_identity.in_scope_of.is_none()).then_some(arn)
}

/// An eventID in little space.
fn key(id: &str) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

/// Waits for all, of however many tasks.
async fn join_all<F: Future<Output = ()>>(all: impl Iterator<Item = F>) {
    let mut pending: Vec<std::pin::Pin<Box<F>>> = all.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        pending.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
