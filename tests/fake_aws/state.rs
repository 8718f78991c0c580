//! What there is to answer: the parts of a snapshot, with the pages of a list put together again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::answers::{self, Answer};
use super::{Bucket, Counts, FaultKind, History, guardrails, iam, query};

/// What a request asks.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub account: String,
    pub region: String,
    pub api: String,
    pub resource: Option<String>,
    pub token: Option<String>,
    pub items: Option<usize>,
}

impl Asked {
    pub fn new(api: &str) -> Self {
        Asked { api: api.to_owned(), ..Asked::default() }
    }

    pub fn about(api: &str, resource: &str) -> Self {
        Asked { resource: Some(resource.to_owned()), ..Asked::new(api) }
    }
}

/// A value in every function's environment, and in the place its code is fetched from.
pub const CANARY: &str = "canary-environment-value";

type Key = (String, String, String, String);

/// Lists: where the entries are, what names the next page, and how many a page holds.
const LISTS: [(&str, &str, &str, usize); 21] = [
    ("lambda:ListFunctions", "Functions", "NextMarker", 50),
    ("lambda:ListAliases", "Aliases", "NextMarker", 50),
    ("lambda:ListVersionsByFunction", "Versions", "NextMarker", 50),
    ("lambda:ListFunctionUrlConfigs", "FunctionUrlConfigs", "NextMarker", 50),
    ("lambda:ListFunctionEventInvokeConfigs", "FunctionEventInvokeConfigs", "NextMarker", 50),
    ("lambda:ListLayers", "Layers", "NextMarker", 50),
    ("lambda:ListLayerVersions", "LayerVersions", "NextMarker", 50),
    ("lambda:ListEventSourceMappings", "EventSourceMappings", "NextMarker", 100),
    ("cloudtrail:ListEventDataStores", "EventDataStores", "NextToken", 5),
    ("ec2:DescribeSubnets", "Subnets", "NextToken", 1000),
    ("organizations:ListAccounts", "Accounts", "NextToken", 20),
    ("guardduty:ListDetectors", "DetectorIds", "NextToken", 50),
    ("securityhub:GetEnabledStandards", "StandardsSubscriptions", "NextToken", 100),
    ("securityhub:DescribeStandardsControls", "Controls", "NextToken", 100),
    ("access-analyzer:ListAnalyzers", "analyzers", "nextToken", 100),
    ("logs:DescribeMetricFilters", "metricFilters", "nextToken", 50),
    ("cloudwatch:DescribeAlarms", "MetricAlarms", "NextToken", 100),
    ("events:ListRules", "Rules", "NextToken", 100),
    ("events:ListTargetsByRule", "Targets", "NextToken", 100),
    ("organizations:ListParents", "Parents", "NextToken", 20),
    ("organizations:ListPoliciesForTarget", "Policies", "NextToken", 20),
];

const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

#[derive(Debug, Clone, Default)]
pub struct Content {
    /// Of calls that were read: the entries of a list, or the answer.
    answers: BTreeMap<Key, Value>,
    /// Of calls that were not: the outcome.
    failures: BTreeMap<Key, Value>,
    regions: BTreeMap<String, BTreeSet<String>>,
    /// Overrides the number of entries on a page.
    pub page: Option<usize>,
    /// What LookupEvents finds.
    pub history: History,
    /// What CloudWatch counts.
    pub counts: Counts,
    /// By name.
    pub buckets: BTreeMap<String, Bucket>,
}

impl Content {
    /// From the text of a snapshot.
    pub fn of(snapshot: &str) -> Self {
        let mut content = Content::default();
        for line in snapshot.lines().filter(|line| !line.trim().is_empty()) {
            let line: Value = serde_json::from_str(line).unwrap();
            for scope in line["scope"].as_array().into_iter().flatten() {
                let text = |name: &str| scope[name].as_str().unwrap().to_owned();
                content.regions.entry(text("account")).or_default().insert(text("region"));
            }
            if line["type"] == "part" {
                content.add(&line);
            }
        }
        content
    }

    fn add(&mut self, part: &Value) {
        let text = |name: &str| part[name].as_str().unwrap_or_default().to_owned();
        let api = text("api");
        let resource = if api == "organizations:ListAccounts" { String::new() } else { text("resource") };
        let key = (text("account"), text("region"), api.clone(), resource);
        if part["outcome"]["status"] != "ok" {
            self.failures.insert(key, part["outcome"].clone());
            return;
        }
        if api == "cloudwatch:GetMetricData" {
            self.counts.add(&key.0, &key.1, &part["data"]);
            return;
        }
        match LISTS.iter().find(|(list, ..)| *list == api) {
            None if api == DETAILS => {
                let known = self.answers.entry(key).or_insert_with(|| json!([]));
                known.as_array_mut().unwrap().extend(iam::entries(&part["data"]));
            }
            Some((_, entries, ..)) => {
                let known = self.answers.entry(key).or_insert_with(|| json!([]));
                let more = part["data"][entries].as_array().cloned().unwrap_or_default();
                known.as_array_mut().unwrap().extend(more);
            }
            None => {
                self.answers.insert(key, part["data"].clone());
            }
        }
    }

    pub fn accounts(&self) -> Vec<String> {
        self.regions.keys().cloned().collect()
    }

    fn key(asked: &Asked) -> Key {
        let global = asked.api.starts_with("iam:") || asked.api.starts_with("organizations:");
        let region = if global { String::new() } else { asked.region.clone() };
        (asked.account.clone(), region, asked.api.clone(), asked.resource.clone().unwrap_or_default())
    }

    pub fn answer(&self, asked: &Asked, odd: Option<FaultKind>) -> Answer {
        match asked.api.as_str() {
            "sts:GetCallerIdentity" => return query::identity(&asked.account),
            "sts:AssumeRole" => return query::assumed(asked.resource.as_deref().unwrap_or_default()),
            "account:ListRegions" => return self.list_regions(asked),
            "lambda:GetAccountSettings" => return self.settings(asked),
            "iam:GetRole" => return self.role(asked),
            "s3:ListBucket" | "s3:GetObject" => return super::s3::answer(&self.buckets, asked),
            "cloudtrail:LookupEvents" => return self.history.answer(asked, self.page, odd),
            "cloudwatch:GetMetricData" => return self.counts.answer(asked, self.page.unwrap_or(100_800)),
            _ => {}
        }
        let key = Self::key(asked);
        if let Some(failure) = self.failures.get(&key) {
            return failed(asked, failure);
        }
        match (LISTS.iter().find(|(list, ..)| *list == asked.api), self.answers.get(&key)) {
            (Some(list), known) => {
                let entries = known.and_then(Value::as_array).cloned().unwrap_or_default();
                self.page(asked, list, entries, odd)
            }
            (None, known) if asked.api == DETAILS => {
                let entries = known.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                iam::page(asked, entries, self.page)
            }
            (None, Some(answer)) => match asked.api.as_str() {
                "lambda:GetPolicy" | "lambda:GetResourcePolicy" | "lambda:GetLayerVersionPolicy"
                    if answer["Policy"].is_null() =>
                {
                    missing(asked)
                }
                "lambda:GetFunctionCodeSigningConfig" => {
                    let mut answer = answer.clone();
                    // The model asks for it, and a function without a configuration has none to give.
                    answer["CodeSigningConfigArn"] = answer["CodeSigningConfigArn"].take();
                    Answer::json(&answer)
                }
                api => Answer::json(&guardrails::on_the_wire(api, timed(api, answer.clone()))),
            },
            (None, None) => match asked.api.as_str() {
                "cloudtrail:DescribeTrails" => Answer::json(&json!({"trailList": []})),
                // Settings that most functions do not have.
                "lambda:ListTags" => Answer::json(&json!({"Tags": {}})),
                "lambda:GetFunctionConcurrency" => Answer::json(&json!({})),
                "lambda:GetFunctionCodeSigningConfig" => {
                    let name = asked.resource.as_deref().and_then(|arn| arn.rsplit(':').next());
                    Answer::json(&json!({"FunctionName": name, "CodeSigningConfigArn": null}))
                }
                _ => missing(asked),
            },
        }
    }

    fn page(
        &self,
        asked: &Asked,
        (_, entries, next, size): &(&str, &str, &str, usize),
        mut all: Vec<Value>,
        odd: Option<FaultKind>,
    ) -> Answer {
        if odd == Some(FaultKind::Reversed) {
            all.reverse();
        }
        if asked.api == "lambda:ListFunctions" {
            for function in &mut all {
                with_values(function);
                function["Code"] = json!({"Location": format!("https://code.example.com/{CANARY}")});
            }
        }
        let size = self.page.unwrap_or(*size).min(asked.items.unwrap_or(usize::MAX));
        // A token belongs to its call: with another it is refused.
        let bound = format!("{}|{}", asked.api, asked.resource.as_deref().unwrap_or_default());
        let start = match &asked.token {
            None => 0,
            Some(token) => match token.split_once('|') {
                Some((at, of)) if of == bound => at.parse().unwrap_or(usize::MAX),
                _ => {
                    let code = if *next == "NextToken" {
                        "InvalidNextTokenException"
                    } else {
                        "InvalidParameterValueException"
                    };
                    return Answer::refused(asked, 400, code, "the token is not of this call");
                }
            },
        };
        let overlap = usize::from(odd == Some(FaultKind::Overlap) && start > 0);
        let shown: Vec<Value> =
            all.iter().skip(start - overlap.min(start)).take(size + overlap).cloned().collect();
        let mut body = json!({});
        let shown = shown.into_iter().map(|one| timed(&asked.api, one)).collect::<Vec<_>>();
        body[*entries] = Value::from(shown);
        if start + size < all.len() {
            body[*next] = Value::from(format!("{}|{bound}", start + size));
        }
        if asked.api == "ec2:DescribeSubnets" {
            return query::subnets(&body);
        }
        Answer::json(&guardrails::on_the_wire(&asked.api, body))
    }

    fn role(&self, asked: &Asked) -> Answer {
        let name = asked.resource.as_deref().unwrap_or_default();
        let of = |key: &Key| {
            key.0 == asked.account && key.2 == asked.api && key.3.rsplit('/').next() == Some(name)
        };
        if let Some((_, failure)) = self.failures.iter().find(|(key, _)| of(key)) {
            return failed(asked, failure);
        }
        match self.answers.iter().find(|(key, _)| of(key)) {
            Some((_, answer)) => query::role(&answer["Role"]),
            None => missing(asked),
        }
    }

    fn list_regions(&self, asked: &Asked) -> Answer {
        let region = |name: &String| json!({"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"});
        let regions: Vec<Value> =
            self.regions.get(&asked.account).into_iter().flatten().map(region).collect();
        Answer::json(&json!({"Regions": regions}))
    }

    fn settings(&self, asked: &Asked) -> Answer {
        let key =
            (asked.account.clone(), asked.region.clone(), "lambda:ListFunctions".to_owned(), String::new());
        let count = self.answers.get(&key).and_then(Value::as_array).map_or(0, Vec::len);
        Answer::json(
            &json!({"AccountLimit": {}, "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": count}}),
        )
    }
}

/// An environment in AWS's form, from what a snapshot keeps of it: with values, each of which is a canary.
fn with_values(function: &mut Value) {
    let Some(kept) = function.get("Environment").cloned() else { return };
    if let Some(code) = kept.pointer("/Error/ErrorCode") {
        function["Environment"] = json!({"Error": {"ErrorCode": code, "Message": CANARY}});
        return;
    }
    let mut variables = json!({});
    for name in kept["Names"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        variables[name] = Value::from(CANARY);
    }
    for found in kept["Secrets"].as_array().into_iter().flatten() {
        assert_eq!(found["Rule"], "github-pat", "no value is known that matches another rule");
        let value = ["ghp", "_canary", "Kx3mQ8vB2nL7wR4tY9pZ1sD6fG5hJ0"].concat();
        variables[found["Name"].as_str().unwrap()] = Value::from(value);
    }
    function["Environment"] = json!({"Variables": variables});
}

fn failed(asked: &Asked, outcome: &Value) -> Answer {
    match outcome["status"].as_str().unwrap() {
        "denied" => answers::denied(asked),
        "throttled" => answers::throttled(asked),
        "disabled" => {
            let code = match asked.api.as_str() {
                "organizations:DescribeOrganization" => "AWSOrganizationsNotInUseException",
                "cloudtrail:ListEventDataStores" => "UnsupportedOperationException",
                "lambda:GetResourcePolicy" => "UnknownOperationException",
                "securityhub:GetEnabledStandards" => "InvalidAccessException",
                _ => "OptInRequired",
            };
            let message = outcome["message"].as_str().unwrap_or("not in use");
            Answer::refused(asked, 400, code, message)
        }
        "malformed" => Answer::json(&json!({"Other": true})),
        _ => answers::server_error(asked),
    }
}

/// Times as they are on the wire, seconds since 1970, where the AWS CLI (and so a fixture) writes them as text.
fn timed(api: &str, mut entry: Value) -> Value {
    let names: &[&str] = match api {
        "cloudtrail:GetTrailStatus" => &[
            "LatestNotificationTime",
            "LatestDeliveryTime",
            "StartLoggingTime",
            "StopLoggingTime",
            "LatestCloudWatchLogsDeliveryTime",
            "LatestDigestDeliveryTime",
        ],
        "cloudtrail:ListEventDataStores" | "cloudtrail:GetEventDataStore" => {
            &["CreatedTimestamp", "UpdatedTimestamp"]
        }
        "lambda:ListEventSourceMappings" => &["LastModified", "StartingPositionTimestamp"],
        "lambda:ListFunctionEventInvokeConfigs" => &["LastModified"],
        "organizations:ListAccounts" => &["JoinedTimestamp"],
        _ => &[],
    };
    for name in names {
        if let Some(text) = entry.get(*name).and_then(Value::as_str) {
            let time: jiff::Timestamp = text.replace("+0000", "Z").parse().unwrap();
            entry[*name] = json!(time.as_second());
        }
    }
    entry
}

/// What AWS says of a resource that it does not know.
fn missing(asked: &Asked) -> Answer {
    let (status, code) = match asked.api.as_str() {
        "iam:GetRole" => (404, "NoSuchEntity"),
        "cloudtrail:GetEventSelectors" | "cloudtrail:GetTrailStatus" => (400, "TrailNotFoundException"),
        "cloudtrail:GetEventDataStore" => (400, "EventDataStoreNotFoundException"),
        "organizations:DescribeOrganization" => (400, "AWSOrganizationsNotInUseException"),
        "guardduty:GetDetector" => (400, "BadRequestException"),
        "organizations:DescribePolicy" => (400, "PolicyNotFoundException"),
        _ => (404, "ResourceNotFoundException"),
    };
    Answer::refused(asked, status, code, "The resource you requested does not exist.")
}
