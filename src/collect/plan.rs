//! What a collection costs: calls per API, and the time that the quotas allow for them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::needs::Needs;
use super::quota::{Bucket, LOOKUP_EVENTS, SERIES};
use crate::snapshot::api::*;

/// `ListFunctions` answers with at most 50 functions a page.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>
const PAGE: u64 = 50;

/// What is known of one account and region before anything is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub account: String,
    pub region: String,
    /// `None`: it could not be asked.
    pub functions: Option<u64>,
    /// What is looked up there.
    pub look_ups: LookUpCalls,
}

/// How often `LookupEvents` is called: how many pages there are is known only when they are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookUpCalls {
    /// Where the records of each service are a page.
    pub least: u64,
    /// Where they are so many that every name is looked up by itself, and is a page.
    pub by_name: u64,
}

impl LookUpCalls {
    /// `asked`: services, each with the names of its events.
    pub fn of(asked: &[(String, BTreeSet<String>)]) -> Self {
        let services = asked.len() as u64;
        let names: u64 = asked.iter().map(|(_, names)| names.len() as u64).sum();
        LookUpCalls { least: services, by_name: services + names }
    }

    /// How long the quota makes so many calls.
    pub fn time(calls: u64, share: f64) -> Duration {
        let seconds = calls as f64 / (Bucket::LookupEvents.per_second() * share);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// The calls of one place: at least so many. Aliases, layers and trails are known only when they are listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub place: Place,
    pub calls: BTreeMap<&'static str, u64>,
    pub time: Duration,
}

/// The calls at least, and the time they take at this share of the quotas.
pub fn estimate(needs: &Needs, place: Place, share: f64) -> Estimate {
    let functions = place.functions.unwrap_or(0);
    let calls: BTreeMap<&'static str, u64> = needs
        .apis()
        .filter_map(|api| Some((api, least(api, functions)?)))
        .chain([(LOOKUP_EVENTS, place.look_ups.least)])
        .filter(|(_, calls)| *calls > 0)
        .collect();
    let mut buckets: BTreeMap<Bucket, u64> = BTreeMap::new();
    for (api, count) in &calls {
        *buckets.entry(Bucket::of(api)).or_default() += count;
    }
    let seconds = |(bucket, count): (Bucket, u64)| count as f64 / (bucket.per_second() * share);
    let longest = buckets.into_iter().map(seconds).fold(0.0, f64::max);
    Estimate { place, calls, time: Duration::try_from_secs_f64(longest).unwrap_or(Duration::MAX) }
}

/// Of a region with so many functions; `None` where only listing tells, or the call is not a region's.
fn least(api: &str, functions: u64) -> Option<u64> {
    match api {
        LIST_FUNCTIONS => Some(functions.div_ceil(PAGE).max(1)),
        GET_POLICY
        | GET_RESOURCE_POLICY
        | LIST_ALIASES
        | LIST_VERSIONS
        | LIST_URLS
        | LIST_EVENT_INVOKE_CONFIGS
        | LIST_TAGS
        | GET_CODE_SIGNING
        | GET_CONCURRENCY => Some(functions),
        GET_METRIC_DATA => Some(functions.div_ceil(SERIES)),
        LIST_LAYERS
        | LIST_MAPPINGS
        | DESCRIBE_TRAILS
        | LIST_EVENT_DATA_STORES
        | LIST_DETECTORS
        | GET_ENABLED_STANDARDS
        | LIST_ANALYZERS
        | DESCRIBE_METRIC_FILTERS
        | LIST_RULES => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bucket_decides() {
        let place = |functions| Place {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            functions: Some(functions),
            look_ups: LookUpCalls::default(),
        };
        let estimate = estimate(&Needs::everything(), place(1000), 0.8);
        assert_eq!(estimate.calls.get(LIST_FUNCTIONS), Some(&20));
        assert_eq!(estimate.calls.get(GET_POLICY), Some(&1000));
        // 20 pages, seven calls for each function, one list of layers and one of mappings, at 12 a second.
        assert!((estimate.time.as_secs_f64() - 7022.0 / 12.0).abs() < 1e-6, "{:?}", estimate.time);
        assert_eq!(super::estimate(&Needs::default(), place(1000), 0.8).time, Duration::ZERO);
    }

    #[test]
    fn look_ups_are_a_page_of_each_service_and_perhaps_one_of_each_name() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let asked = [("a".to_owned(), names(&["x", "y"])), ("b".to_owned(), names(&["z"]))];
        let look_ups = LookUpCalls::of(&asked);
        assert_eq!((look_ups.least, look_ups.by_name), (2, 5));
        assert_eq!(LookUpCalls::time(16, 0.8), Duration::from_secs(10));
        let (account, region) = (String::new(), String::new());
        let place = Place { account, region, functions: Some(0), look_ups };
        let estimate = super::estimate(&Needs::default(), place, 0.5);
        assert_eq!(estimate.calls.get(LOOKUP_EVENTS), Some(&2));
        assert_eq!(estimate.time, Duration::from_secs(2));
    }
}
