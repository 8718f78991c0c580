//! Compares the invocations that CloudWatch counted with the records that were read: facts that need both a snapshot
//! and trail files.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Job, SnapshotRead, TrailRead, looked_up, rfc3339};
use crate::arn;
use crate::engine::{Engine, Tally};
use crate::facts::from_snapshot::Countable;
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact, InvokeDelivery, Place, Subject};
use crate::logging::{Comparison, Quarters, Read, compare};
use crate::snapshot::Scope;
use crate::snapshot::api::GET_METRIC_DATA;
use crate::value::Reading;

/// What is recorded changes some minutes after a trail's selectors do.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html>
const TAKES_EFFECT: i64 = 3_600;

/// What records say about delivery.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Arrivals {
    /// By account and region, the times of the earliest and of the latest record.
    spans: BTreeMap<(String, String), (i64, i64)>,
    /// By function, when a record of an invocation that ran arrived in the account that owns it.
    invocations: BTreeMap<String, Quarters>,
}

impl Arrivals {
    pub(super) fn read(&mut self, account: &str, region: &str, (first, last): (i64, i64)) {
        let span = self.spans.entry((account.to_owned(), region.to_owned())).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }

    pub(super) fn invocation(&mut self, function: &str, time: i64) {
        match self.invocations.get_mut(function) {
            Some(quarters) => quarters.add(time),
            None => self.invocations.entry(function.to_owned()).or_default().add(time),
        }
    }

    pub(super) fn merge(&mut self, other: Arrivals) {
        for ((account, region), span) in other.spans {
            self.read(&account, &region, span);
        }
        for (function, quarters) in other.invocations {
            self.invocations.entry(function).or_default().merge(quarters);
        }
    }
}

/// The comparison of one function.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub configured: Reading<&'static str>,
    pub comparison: Comparison,
}

/// Are invocations compared with what CloudWatch counted? It takes a snapshot with the counts, and trail files.
pub(super) fn is_compared(job: &Job<'_>, snapshot: Option<&SnapshotRead>) -> bool {
    snapshot.is_some_and(|read| read.index.has_counts()) && job.trail.is_given() && looked_up(job).is_none()
}

/// Judges every function whose invocations were counted. By the function's ARN, what was found.
pub(super) fn judge(
    job: &Job<'_>,
    engine: &Engine<'_>,
    snapshot: Option<&SnapshotRead>,
    trail: &TrailRead,
    tally: &mut Tally,
) -> BTreeMap<String, Delivery> {
    let mut all = BTreeMap::new();
    let Some(snapshot) = snapshot.filter(|_| is_compared(job, snapshot)) else { return all };
    // An organization's trail is changed in the account that owns it.
    let recorders = snapshot.index.trail_owners();
    for function in snapshot.index.countable() {
        let Scope { account, region } = &function.scope;
        if !job.scope.has_place(Some(account), Some(region)) {
            continue;
        }
        let comparison = compared(job, trail, &function, &recorders);
        let configured = function.configured.clone().map(|configured| configured.as_str());
        let label = function.arn.map_or_else(
            || format!("delivery of the records of functions of {account} in {region}"),
            str::to_owned,
        );
        let body = InvokeDelivery {
            subject: Reading::Known(Cow::Borrowed(&label)),
            account: Reading::Known(Cow::Borrowed(account)),
            region: Reading::Known(Cow::Borrowed(region)),
            configured: configured.clone().map(Cow::Borrowed),
            undelivered: comparison.undelivered.clone(),
            hours: comparison.hours.clone(),
            reason: Reading::Known(Cow::Borrowed(&comparison.reason)),
        };
        let subject = Subject {
            arn: function.arn.map(Cow::Borrowed),
            kind: if function.arn.is_some() { "function" } else { "account_region" },
            name: Cow::Borrowed(function.arn.map_or(label.as_str(), arn::last)),
            account: Some(Cow::Borrowed(account)),
            region: Some(Cow::Borrowed(region)),
        };
        let place = Place::Part {
            file: &snapshot.name,
            line: function.line,
            api: GET_METRIC_DATA,
            pointer: "/MetricDataResults".to_owned(),
        };
        let fact = Fact {
            subject: subject.into(),
            origin: Origin::State,
            place,
            part: String::new(),
            body: Body::InvokeDelivery(Box::new(body)),
        };
        engine.judge(&fact, tally);
        if function.arn.is_some() {
            all.insert(label, Delivery { configured, comparison });
        }
    }
    all
}

fn compared(
    job: &Job<'_>,
    trail: &TrailRead,
    function: &Countable<'_>,
    recorders: &std::collections::BTreeSet<String>,
) -> Comparison {
    let Scope { account, region } = &function.scope;
    let arrivals = &trail.facts.arrivals;
    let missing = |from: i64, to: i64| trail.is_missing(Some(account), from, to);
    let changed = recorders
        .iter()
        .chain([account])
        .filter_map(|owner| trail.facts.changes.last_of_recorders(owner))
        .max()
        .map(|time| time.saturating_add(TAKES_EFFECT));
    let read = arrivals.spans.get(&(account.clone(), region.clone())).map(|(first, last)| Read {
        // Records outside of what is reported are not looked at.
        from: [Some(*first), changed, job.scope.since].into_iter().flatten().max().unwrap_or(*first),
        to: job.scope.until.map_or(*last, |until| until.min(*last)),
        missing: &missing,
    });
    let arrived = function.arn.and_then(|arn| arrivals.invocations.get(arn));
    compare(function.counted, read, arrived, &rfc3339)
}
