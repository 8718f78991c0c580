//! Guardrails: what is asked of GuardDuty, Security Hub, Access Analyzer, CloudWatch and EventBridge, and how.
//!
//! Addresses and bodies are those of the services' models: REST with JSON for the first three, operations in a header
//! for the others.

use serde_json::{Value, json};

use super::ask::{Asker, Request};
use super::http::{Call, Signed, encoded};
use super::json::{self, Service};
use super::outcome::Trouble;
use crate::snapshot::api::*;
use crate::value::Truth;
use crate::watch::{Watches, filter_watches, rule_watches};

/// Entries on a page.
const ENTRIES: u32 = 100;
/// Where the services allow no more.
const FEWER: u32 = 50;
/// The event bus that CloudTrail's events come to.
const BUS: &str = "default";
/// The largest answer: far more than the services' own limits let come.
const LARGEST: usize = 64 << 20;

/// A service whose operations are addresses: its name in signatures and addresses, and in `AWS_ENDPOINT_URL_…`.
type Rest = (&'static str, &'static str);
const GUARDDUTY: Rest = ("guardduty", "GUARDDUTY");
const SECURITY_HUB: Rest = ("securityhub", "SECURITYHUB");
const ANALYZER: Rest = ("access-analyzer", "ACCESSANALYZER");

/// Sends one request.
pub(super) async fn ask(signed: &Signed, region: &str, request: Request<'_>) -> Result<Vec<u8>, Trouble> {
    let Request { api, resource, token, .. } = request;
    let named = || resource.ok_or_else(|| Trouble::NotAsked("nothing was named to ask about".to_owned()));
    let query = |first: String, key: &str| match token {
        Some(token) => format!("?{first}&{key}={}", encoded(token, false)),
        None => format!("?{first}"),
    };
    let paged = |mut body: Value, key: &str| {
        if let Some(token) = token {
            body[key] = token.into();
        }
        body
    };
    let get = async |service, path: String| send(signed, region, service, ("GET", path, String::new())).await;
    let operation =
        async |service: &Service, name, body| json::ask(signed, service, region, (name, &body)).await;
    match api {
        LIST_DETECTORS => {
            get(GUARDDUTY, format!("/detector{}", query(format!("maxResults={FEWER}"), "nextToken"))).await
        }
        GET_DETECTOR => get(GUARDDUTY, format!("/detector/{}", encoded(named()?, false))).await,
        LIST_ANALYZERS => {
            get(ANALYZER, format!("/analyzer{}", query(format!("maxResults={ENTRIES}"), "nextToken"))).await
        }
        DESCRIBE_STANDARDS_CONTROLS => {
            let query = query(format!("MaxResults={ENTRIES}"), "NextToken");
            get(SECURITY_HUB, format!("/standards/controls/{}{query}", encoded(named()?, true))).await
        }
        GET_ENABLED_STANDARDS => {
            let body = paged(json!({"MaxResults": ENTRIES}), "NextToken").to_string();
            send(signed, region, SECURITY_HUB, ("POST", "/standards/get".to_owned(), body)).await
        }
        DESCRIBE_METRIC_FILTERS => {
            operation(&json::LOGS, "DescribeMetricFilters", paged(json!({"limit": FEWER}), "nextToken")).await
        }
        DESCRIBE_ALARMS => {
            let body = json!({"MaxRecords": ENTRIES, "AlarmTypes": ["MetricAlarm"]});
            operation(&json::CLOUDWATCH, "DescribeAlarms", paged(body, "NextToken")).await
        }
        LIST_RULES => {
            let body = json!({"EventBusName": BUS, "Limit": ENTRIES});
            operation(&json::EVENTS, "ListRules", paged(body, "NextToken")).await
        }
        LIST_TARGETS => {
            let body = json!({"Rule": named()?, "EventBusName": BUS, "Limit": ENTRIES});
            operation(&json::EVENTS, "ListTargetsByRule", paged(body, "NextToken")).await
        }
        _ => Err(Trouble::NotAsked(format!("{api} cannot be asked about this"))),
    }
}

async fn send(
    signed: &Signed,
    region: &str,
    (name, variable): Rest,
    (method, path, body): (&'static str, String, String),
) -> Result<Vec<u8>, Trouble> {
    let base = signed.address(variable, name, region);
    let call = Call {
        service: name,
        region: region.to_owned(),
        method,
        url: format!("{}{path}", base.trim_end_matches('/')),
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.into_bytes(),
        limit: LARGEST,
    };
    json::answer(signed.send(&call).await?)
}

/// Asks for the guardrails of a region, each as far as a policy needs it.
pub(super) async fn guardrails(asker: Asker) {
    let detectors = async {
        let pages: Vec<DetectorPage> = asker.list(LIST_DETECTORS, None).await;
        for id in pages.into_iter().flat_map(|page| page.detector_ids) {
            let _: Option<Detector> = asker.one(GET_DETECTOR, Some(&id)).await;
        }
    };
    let standards = async {
        let pages: Vec<StandardPage> = asker.list(GET_ENABLED_STANDARDS, None).await;
        for one in pages.into_iter().flat_map(|page| page.standards_subscriptions) {
            if one.is_in_use() {
                let arn = Some(one.standards_subscription_arn.as_str());
                let _: Vec<ControlPage> = asker.list(DESCRIBE_STANDARDS_CONTROLS, arn).await;
            }
        }
    };
    let analyzers = async {
        let _: Vec<AnalyzerPage> = asker.list(LIST_ANALYZERS, None).await;
    };
    let rules = async {
        let pages: Vec<RulePage> = asker.list(LIST_RULES, None).await;
        for rule in pages.into_iter().flat_map(|page| page.rules) {
            // Of other rules it does not matter where they lead.
            let watches =
                rule.event_pattern.as_deref().is_some_and(|pattern| may_match(rule_watches(pattern)));
            if watches && rule.state.as_deref() != Some("DISABLED") {
                let _: Vec<TargetPage> = asker.list(LIST_TARGETS, Some(&rule.name)).await;
            }
        }
    };
    let filters = async {
        let pages: Vec<MetricFilterPage> = asker.list(DESCRIBE_METRIC_FILTERS, None).await;
        let mut filters = pages.iter().flat_map(|page| &page.metric_filters);
        if filters.any(|filter| may_match(filter_watches(&filter.filter_pattern))) {
            let _: Vec<AlarmPage> = asker.list(DESCRIBE_ALARMS, None).await;
        }
    };
    tokio::join!(detectors, standards, analyzers, rules, filters);
}

/// Of what is sure to match nothing it does not matter who would be told.
fn may_match(watches: Watches) -> bool {
    watches.changes != Truth::False || watches.calls != Truth::False
}
