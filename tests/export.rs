//! Standing detection: what is exported of a policy stands in the relation to it that it says, over the records of the
//! policy's cases and of the fixture accounts; the evaluators of patterns are the tests' own.

#![allow(clippy::unwrap_used)]

mod export_support;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use export_support::{event_matches, event_of, filter_matches};
use lambda_audit::audit::TrailInput;
use lambda_audit::export::{Carried, NotCarried, carried, event_pattern, filter_pattern, threshold};
use lambda_audit::policy::cases::{Expect, Given, cases};
use lambda_audit::policy::{Policy, bundled as files};
use lambda_audit::trail::canonical_name;
use serde_json::Value as Json;
use support::{Library, Story, bundled, files_below, root};

/// A policy with what is exported of it.
struct Exported<'p> {
    policy: &'p Policy,
    carried: Carried,
    event: Json,
    /// With whether it carries as much.
    filter: Option<(String, bool)>,
}

impl Exported<'_> {
    fn all(set: &lambda_audit::policy::PolicySet) -> Vec<Exported<'_>> {
        set.iter()
            .filter_map(|policy| {
                let carried = carried(policy).ok()?;
                let (event, filter) = (event_pattern(&carried), filter_pattern(&carried));
                Some(Exported { policy, carried, event, filter })
            })
            .collect()
    }

    /// It fires: every pattern must match.
    fn fires(&self, record: &Json, whence: &str) {
        let id = &self.policy.id;
        assert!(event_matches(&self.event, &event_of(record)), "{id}: no event for {whence}: {record}");
        if let Some((filter, _)) = &self.filter {
            assert!(filter_matches(filter, record), "{id}: {filter} is silent on {whence}: {record}");
        }
    }

    /// It passes, or does not apply: an exact pattern must not match.
    fn is_silent(&self, record: &Json, whence: &str) {
        let id = &self.policy.id;
        if !self.carried.is_exact() {
            return;
        }
        assert!(!event_matches(&self.event, &event_of(record)), "{id}: an event for {whence}: {record}");
        if let Some((filter, true)) = &self.filter {
            assert!(!filter_matches(filter, record), "{id}: {filter} fires on {whence}: {record}");
        }
    }
}

#[test]
fn what_is_exported_and_what_is_not() {
    let set = bundled();
    for policy in set.iter() {
        let records = policy
            .surfaces()
            .iter()
            .any(|surface| surface.as_str().starts_with("trail ") && surface.as_str() != "trail digests");
        match carried(policy) {
            Ok(carried) => {
                assert!(records && !carried.events.is_empty(), "{}", policy.id);
                // Something of the policy is in it: at least the names.
                assert!(carried.events.values().all(|names| !names.is_empty()), "{}", policy.id);
            }
            Err(NotCarried::StateOnly) => assert!(!records, "{}", policy.id),
            Err(NotCarried::AnyCall) => {
                assert!(policy.trail_events().iter().any(|event| event.name.is_none()), "{}", policy.id);
            }
        }
    }
    let of = |id: &str| carried(set.get(id).unwrap());
    assert!(of("function-code-updated").unwrap().is_exact());
    assert_eq!(of("function-runtime-unsupported"), Err(NotCarried::StateOnly));
    assert_eq!(of("lambda-token-external"), Err(NotCarried::AnyCall));
    assert_eq!(
        of("function-invoke-public").unwrap().left_out.first().map(String::as_str),
        Some("grant.allows_invoke")
    );
    // A change of a layer's policy is none of a function's.
    let names: BTreeSet<String> =
        of("function-invoke-public").unwrap().events.into_values().flatten().collect();
    let canonical: BTreeSet<&str> = names.iter().map(|name| canonical_name(name)).collect();
    assert_eq!(canonical, BTreeSet::from(["AddPermission", "PutResourcePolicy"]));
    let created = of("function-role-changed").unwrap().events.into_values().flatten().collect::<Vec<_>>();
    assert!(created.iter().all(|name| canonical_name(name) == "UpdateFunctionConfiguration"), "{created:?}");
}

#[test]
fn every_case_of_records_stands_in_the_stated_relation() {
    let set = bundled();
    let (mut fired, mut silent) = (0, 0);
    for exported in Exported::all(&set) {
        let policy = exported.policy;
        let name = policy.file().replace(".yaml", files::TEST_SUFFIX);
        let source = files::tests().into_iter().find(|file| *file.name == *name).unwrap();
        let (cases, errors) = cases(policy, &source);
        assert!(errors.is_empty());
        for case in cases {
            let (Given::Records(records) | Given::Repeated(records, _)) = &case.given else { continue };
            let judged = match (records.as_slice(), &case.event) {
                ([one], _) => Some(one),
                (several, Some(event)) => several.iter().find(|one| one["eventID"] == event.as_str()),
                _ => None,
            };
            let Some(record) = judged else { continue };
            let whence = format!("{:?}", case.name);
            match case.expect {
                Expect::Fail | Expect::Repeated => {
                    exported.fires(record, &whence);
                    fired += 1;
                }
                Expect::Pass | Expect::NotApplicable | Expect::Nothing => {
                    exported.is_silent(record, &whence);
                    silent += usize::from(exported.carried.is_exact());
                }
                Expect::Unknown | Expect::WarmingUp => {}
            }
        }
    }
    assert!(fired >= 100 && silent >= 2, "{fired} {silent}");
}

/// All records below a directory, by eventID.
fn records_below(directory: &std::path::Path) -> BTreeMap<String, Json> {
    let mut records = BTreeMap::new();
    for file in files_below(directory) {
        let bytes = std::fs::read(&file).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        let file: Json = serde_json::from_str(&text).unwrap();
        for record in file["Records"].as_array().unwrap() {
            records.insert(record["eventID"].as_str().unwrap().to_owned(), record.clone());
        }
    }
    records
}

#[test]
fn every_record_of_the_fixture_accounts_stands_in_the_stated_relation() {
    let set = bundled();
    let exported = Exported::all(&set);
    let library = Library::new("");
    let (mut fired, mut exact) = (0, 0);
    for name in ["demo", "denied", "organization", "clean"] {
        let story = Story::read(name);
        let records = records_below(&root().join("fixtures/accounts").join(name).join("trail"));
        let audit = library.audit(None, TrailInput::Memory(story.trail.clone()));
        for one in &exported {
            let id = &one.policy.id;
            let findings = audit.report.findings.iter().filter(|finding| finding.policy == *id);
            let ids: BTreeSet<&String> = findings.flat_map(|finding| &finding.event_ids).collect();
            for event in &ids {
                one.fires(&records[*event], name);
                fired += 1;
            }
            let matched =
                records.values().filter(|record| event_matches(&one.event, &event_of(record))).count() as u64;
            let row = audit.report.coverage.policies.iter().find(|row| row.policy == *id).unwrap();
            if one.carried.is_exact() {
                assert!(
                    (row.fail..=row.fail + row.unknown).contains(&matched),
                    "{name}: {id}: {matched} records match, {} fail, {} unknown",
                    row.fail,
                    row.unknown
                );
                exact += matched;
            }
            // A filter that says it carries as much matches the same.
            if let Some((filter, true)) = &one.filter {
                let filtered =
                    records.values().filter(|record| filter_matches(filter, record)).count() as u64;
                assert_eq!(filtered, matched, "{name}: {id}: {filter}");
            }
        }
    }
    assert!(fired > 100 && exact > 20, "{fired} {exact}");
}

#[test]
fn filters_fit_and_alarms_count_no_less_than_the_policy() {
    let set = bundled();
    for one in Exported::all(&set) {
        let (filter, _) = one.filter.as_ref().unwrap_or_else(|| panic!("{}: no filter", one.policy.id));
        assert!(filter.len() <= 1024, "{}: {}", one.policy.id, filter.len());
    }
    // A window of an hour lies in two aligned hours: one of them has half.
    let often = threshold(set.get("invoke-high-frequency").unwrap());
    assert_eq!((often.period, often.at_least), (3600, 500));
    assert_eq!(threshold(set.get("function-deleted").unwrap()).at_least, 1);
}

#[test]
fn the_evaluators_know_their_languages() {
    let record = serde_json::json!({"eventSource": "lambda.amazonaws.com", "eventName": "Invoke", "errorCode": null,
        "userIdentity": {"type": "AWSAccount"}, "userAgent": "x aws-cli/2"});
    let event = event_of(&record);
    for (pattern, expected) in [
        (r#"{"source":[{"prefix":"aws."}]}"#, true),
        (r#"{"source":["custom"]}"#, false),
        (r#"{"detail":{"errorCode":[{"exists":false}]}}"#, false),
        (r#"{"detail":{"errorCode":[{"exists":false},null]}}"#, true),
        (r#"{"detail":{"nothing":[{"exists":false}]}}"#, true),
        (r#"{"detail":{"userIdentity":{"type":["IAMUser","AWSAccount"]}}}"#, true),
        (r#"{"detail":{"userIdentity":{"type":[{"equals-ignore-case":"awsaccount"}]}}}"#, true),
        (r#"{"detail":{"userAgent":[{"wildcard":"*aws-cli/*"}]}}"#, true),
        (r#"{"detail":{"userAgent":[{"wildcard":"aws-cli/*"}]}}"#, false),
        (r#"{"detail":{"$or":[{"eventName":["X"]},{"eventName":["Invoke"]}]}}"#, true),
    ] {
        let pattern: Json = serde_json::from_str(pattern).unwrap();
        assert_eq!(event_matches(&pattern, &event), expected, "{pattern}");
    }
    for (pattern, expected) in [
        (r#"{ ($.eventName = "Invoke") && ($.nothing NOT EXISTS) }"#, true),
        (r#"{ (($.eventName = "X") || ($.eventName = "Inv*")) }"#, true),
        (r#"{ ($.eventName = "X") || ($.eventName = "Y") && ($.eventName = "Invoke") }"#, false),
        (r#"{ ($.errorCode IS NULL) }"#, true),
        (r#"{ ($.errorCode NOT EXISTS) }"#, false),
        (r#"{ ($.userIdentity.type EXISTS) }"#, true),
        (r#"{ ($.userIdentity.type = "") }"#, false),
    ] {
        assert_eq!(filter_matches(pattern, &record), expected, "{pattern}");
    }
}

#[test]
fn the_command_writes_what_can_be_deployed() {
    let ran = support::run(["export", "eventbridge", "--output", "json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let answer = ran.json();
    let patterns = answer["patterns"].as_array().unwrap();
    assert!(patterns.len() > 10 && !answer["not_exported"].as_array().unwrap().is_empty());
    assert!(
        patterns
            .iter()
            .all(|one| (one["carries"] == "exact") == one["left_out"].as_array().unwrap().is_empty())
    );

    let rules = support::run([
        "export",
        "eventbridge",
        "function-code-downloaded",
        "function-url-public",
        "--as",
        "cloudformation",
    ]);
    let template = support::yaml(&rules.stdout.replace("!Ref ", ""));
    let resources = template["Resources"].as_object().unwrap();
    assert_eq!(resources.len(), 2);
    // Reads are not sent to an ordinary rule.
    assert_eq!(
        resources["FunctionCodeDownloadedRule"]["Properties"]["State"],
        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    );
    assert_eq!(resources["FunctionUrlPublicRule"]["Properties"]["State"], "ENABLED");
    let filters = support::run(["export", "metric-filter", "function-*", "--as", "terraform"]);
    assert_eq!(filters.code, 0);
    assert_eq!(
        filters.stdout.matches("resource \"aws_cloudwatch_log_metric_filter\"").count(),
        filters.stdout.matches("resource \"aws_cloudwatch_metric_alarm\"").count()
    );
    assert!(filters.stdout.contains("# Not here: function-untagged: "), "{}", filters.stdout);

    let none = support::run(["export", "eventbridge", "function-untagged"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("it judges what is, not what is recorded"), "{}", none.stderr);
    assert_eq!(support::run(["export", "eventbridge", "no-such-policy"]).code, 2);
}
