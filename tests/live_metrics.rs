//! What CloudWatch counts beside the records of trail files: what did not arrive is found, and nothing is said to have
//! arrived that was not read.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::path::{Path, PathBuf};

use fake_aws::{Content, Endpoint, Fault, FaultKind};
use live_support::{aws, path};
use serde_json::{Value as Json, json};
use support::{NOW, Ran, scratch};

const ACCOUNT: &str = "111122223333";
const POLICY: &str = "invoke-logging-undelivered";
const HOUR: i64 = 3_600;

fn now() -> i64 {
    NOW.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn text(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().to_string()
}

fn arn(name: &str) -> String {
    format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}")
}

fn part(api: &str, resource: Json, data: &Json) -> String {
    json!({"type": "part", "account": ACCOUNT, "region": "eu-west-1", "api": api, "resource": resource,
           "outcome": {"status": "ok"}, "data": data})
    .to_string()
}

/// An account whose one trail records every invocation.
fn account(functions: &[String]) -> String {
    let trail = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main");
    let all: Vec<Json> =
        functions.iter().map(|name| json!({"FunctionName": name, "FunctionArn": arn(name)})).collect();
    let mut lines = vec![
        json!({"type": "header", "version": 1, "scope": [{"account": ACCOUNT, "region": "eu-west-1"}]})
            .to_string(),
        part("lambda:ListFunctions", Json::Null, &json!({"Functions": all})),
        part(
            "cloudtrail:DescribeTrails",
            Json::Null,
            &json!({"trailList": [{"Name": "main", "TrailARN": trail, "HomeRegion": "eu-west-1",
                "IsMultiRegionTrail": true, "IsOrganizationTrail": false, "LogFileValidationEnabled": true}]}),
        ),
        part("cloudtrail:GetTrailStatus", json!(trail), &json!({"IsLogging": true})),
        part(
            "cloudtrail:GetEventSelectors",
            json!(trail),
            &json!({"TrailARN": trail, "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": true,
                "DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}],
                "ExcludeManagementEventSources": []}]}),
        ),
        part("cloudtrail:ListEventDataStores", Json::Null, &json!({"EventDataStores": []})),
    ];
    for name in functions {
        lines.push(part(
            "lambda:ListFunctionUrlConfigs",
            json!(arn(name)),
            &json!({"FunctionUrlConfigs": []}),
        ));
    }
    lines.join("\n") + "\n"
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Each hour of the last two days counts seven invocations of these.
fn counted(functions: &[&str]) -> Content {
    let mut content = Content::of(&account(&names(functions)));
    for name in functions {
        for hours in 1..=48 {
            content.counts.count(ACCOUNT, "eu-west-1", name, now() - hours * HOUR, 7.0);
        }
    }
    content
}

fn record(time: i64, number: usize, more: &Json) -> Json {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{number:012}"), "eventTime": text(time),
        "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "eu-west-1",
        "recipientAccountId": ACCOUNT, "eventCategory": "Management", "managementEvent": true, "readOnly": true,
        "eventType": "AwsApiCall", "sourceIPAddress": "192.0.2.7", "userAgent": "ops",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ops"), "accountId": ACCOUNT},
        "requestParameters": null, "responseElements": null,
    });
    let more = more.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(more);
    record
}

fn invoke(name: &str) -> Json {
    json!({
        "eventSource": "lambda.amazonaws.com", "eventName": "Invoke", "eventCategory": "Data", "managementEvent": false,
        "readOnly": false, "requestParameters": {"functionName": name},
        "resources": [{"accountId": ACCOUNT, "type": "AWS::Lambda::Function", "ARN": arn(name)}],
    })
}

fn with(mut record: Json, more: &Json) -> Json {
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

/// Trail files of three days: each hour a file with a record of something else, and these.
fn trail(name: &str, more: &[Json]) -> PathBuf {
    let directory = scratch(name).join("trail");
    std::fs::create_dir_all(&directory).unwrap();
    for hours in 0..72 {
        let time = now() - hours * HOUR;
        let number = hours as usize * 100;
        let mut records = vec![record(time, number, &json!({}))];
        records.extend(more.iter().enumerate().map(|(at, one)| record(time - 60, number + at + 1, one)));
        let stamp: String = text(time).replace([':', '-'], "").replace("00Z", "Z");
        let file = format!("{ACCOUNT}_CloudTrail_eu-west-1_{stamp}_abcdefgh.json");
        std::fs::write(directory.join(file), json!({"Records": records}).to_string()).unwrap();
    }
    directory
}

fn live(endpoint: &Endpoint, command: &str, trail: &Path, more: &[&str]) -> Ran {
    let arguments = [command, "--metrics", "--trail", path(trail), "--output", "json"];
    aws(endpoint, ACCOUNT, &[&arguments[..], more].concat())
}

fn scan(endpoint: &Endpoint, trail: &Path, more: &[&str]) -> Ran {
    live(endpoint, "scan", trail, &[&["--policy", POLICY], more].concat())
}

/// Findings' subjects, and how often the policy failed, passed and could not be judged.
fn found(ran: &Ran) -> (Vec<String>, [u64; 3]) {
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap().iter();
    let subjects = findings.map(|one| one["subject"]["name"].as_str().unwrap().to_owned()).collect();
    let row = &report["coverage"]["policies"][0];
    assert_eq!(row["policy"], POLICY);
    (subjects, ["fail", "pass", "unknown"].map(|name| row[name].as_u64().unwrap()))
}

#[test]
fn what_was_counted_and_did_not_arrive_is_found() {
    let endpoint = fake_aws::start(counted(&["orders", "stock"]), None, 0);
    let trail = trail("metrics-found", &[invoke("orders")]);
    let ran = scan(&endpoint, &trail, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(found(&ran), (vec!["stock".to_owned()], [1, 1, 0]), "{}", ran.stdout);
    let message = ran.json()["findings"][0]["message"].to_string();
    // The last hour is not compared: its records may be under way.
    assert!(message.contains("47 hours") && message.contains("329 invocations"), "{message}");
    let calls = endpoint.seen();
    assert_eq!(calls.iter().filter(|call| call.api == "cloudwatch:GetMetricData").count(), 1);

    let ran = live(&endpoint, "logging", &trail, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let rows = ran.json()["functions"].as_array().unwrap().clone();
    let status =
        |name: &str| rows.iter().find(|row| row["arn"] == arn(name)).unwrap()["delivered"]["status"].clone();
    assert_eq!((status("orders"), status("stock")), (json!("yes"), json!("no")));
}

/// What does not show that an invocation was recorded: a request that was refused, one that ran nothing, and a record of
/// the caller's account.
#[test]
fn only_records_of_invocations_that_ran_and_of_the_owners_trail_count() {
    let endpoint = fake_aws::start(counted(&["orders"]), None, 0);
    for (name, record, code) in [
        ("refused", with(invoke("orders"), &json!({"errorCode": "AccessDenied"})), 1),
        (
            "dry",
            with(
                invoke("orders"),
                &json!({"requestParameters": {"functionName": "orders", "invocationType": "DryRun"}}),
            ),
            1,
        ),
        ("elsewhere", with(invoke("orders"), &json!({"recipientAccountId": "444455556666"})), 1),
        ("execution", with(invoke("orders"), &json!({"eventName": "InvokeExecution"})), 0),
        ("url", with(invoke("orders"), &json!({"eventName": "InvokeFunctionUrl"})), 0),
        // As tables and exports write that there was no error.
        ("no-error", with(invoke("orders"), &json!({"errorCode": ""})), 0),
    ] {
        let ran = scan(&endpoint, &trail(&format!("metrics-{name}"), &[record]), &[]);
        assert_eq!(ran.code, code, "{name}: {ran:?}");
    }
}

#[test]
fn a_saved_snapshot_is_judged_like_the_account_and_without_files_not_at_all() {
    let endpoint = fake_aws::start(counted(&["orders", "stock"]), None, 0);
    let trail = trail("metrics-saved", &[invoke("orders")]);
    let file = scratch("metrics-saved-to").join("snapshot.jsonl");
    let ran = aws(&endpoint, ACCOUNT, &["snapshot", "-o", path(&file), "--metrics", "--policy", POLICY]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let saved = ["scan", "--output", "json", "--now", NOW, "--policy", POLICY, "--snapshot", path(&file)];
    let ran = support::run([&saved[..], &["--trail", path(&trail)]].concat());
    assert_eq!(found(&ran), (vec!["stock".to_owned()], [1, 1, 0]));
    let ran = support::run(saved);
    assert_eq!((ran.code, found(&ran).1), (0, [0, 0, 0]), "{ran:?}");
    let out = ran.json()["coverage"]["not_in_scope"].to_string();
    assert!(out.contains("scan --metrics --trail"), "{out}");
    // A store remembers what arrived: its second run reads no file.
    let store = scratch("metrics-store").join("audit.store");
    for _ in 0..2 {
        let ran = support::run([&saved[..], &["--trail", path(&trail), "--store", path(&store)]].concat());
        assert_eq!(found(&ran), (vec!["stock".to_owned()], [1, 1, 0]), "{ran:?}");
    }
}

#[test]
fn what_was_not_counted_is_unknown() {
    let trail = trail("metrics-denied", &[invoke("orders")]);
    for (kind, outcome) in [
        (FaultKind::Denied, "denied"),
        (FaultKind::ServerError, "failed"),
        (FaultKind::Truncated, "malformed"),
        (FaultKind::Throttled, "throttled"),
    ] {
        let endpoint = fake_aws::start(counted(&["orders", "stock"]), None, 0);
        endpoint.fault(Fault::always("cloudwatch:GetMetricData", kind));
        let ran = scan(&endpoint, &trail, &[]);
        assert_eq!((ran.code, found(&ran).1), (3, [0, 0, 2]), "{kind:?}: {ran:?}");
        let rows = ran.json()["coverage"]["read"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["surface"] == "cloudwatch:GetMetricData").unwrap();
        assert_eq!(row["outcome"], outcome);
        if kind == FaultKind::Denied {
            assert_eq!(row["missing_permission"], "cloudwatch:GetMetricData");
        }
        assert_eq!(live(&endpoint, "logging", &trail, &[]).code, 3, "{kind:?}");
        // It passes.
        endpoint.heal();
        endpoint.fault(Fault::times("cloudwatch:GetMetricData", kind, 2));
        if kind != FaultKind::Denied {
            assert_eq!(found(&scan(&endpoint, &trail, &[])).1, [1, 1, 0], "{kind:?}");
        }
    }
}

#[test]
fn what_was_not_read_is_unknown() {
    let endpoint = fake_aws::start(counted(&["orders"]), None, 0);
    let judged = |trail: &Path, more: &[&str]| found(&scan(&endpoint, trail, more)).1;
    let lost = trail("metrics-lost", &[]);
    assert_eq!(judged(&lost, &[]), [1, 0, 0]);
    // No file of the account, or of the hours.
    let other = trail("metrics-other", &[]);
    for entry in std::fs::read_dir(&other).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().replace("eu-west-1", "us-east-1");
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(judged(&other, &[]), [0, 0, 1]);
    assert_eq!(judged(&lost, &["--since", "5h"]), [0, 0, 1]);
    assert_eq!(judged(&lost, &["--until", "50h"]), [0, 0, 1]);
    // A file that cannot be read may hold what is missed; beside it, nothing else is missed.
    let broken = trail("metrics-broken", &[]);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&broken).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::write(&files[36], "{\"Records\":[{]}").unwrap();
    let [fail, pass, unknown] = judged(&broken, &[]);
    assert_eq!((fail, pass, unknown), (1, 0, 0), "hours that the file cannot be of are lost");
    // The trail began to record them an hour ago.
    let late = trail("metrics-late", &[]);
    let change = json!({
        "eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors", "readOnly": false,
        "requestParameters": {"trailName": "main"},
    });
    let file = late.join("change.json");
    std::fs::write(file, json!({"Records": [record(now() - HOUR, 99_999, &change)]}).to_string()).unwrap();
    assert_eq!(judged(&late, &[]), [0, 0, 1]);
}

#[test]
fn functions_are_asked_about_by_the_five_hundred_and_pages_are_read_to_their_end() {
    let all: Vec<String> = (0..501).map(|at| format!("f{at:03}")).collect();
    let mut content = Content::of(&account(&all));
    for (at, name) in all.iter().enumerate() {
        content.counts.count(ACCOUNT, "eu-west-1", name, now() - (at as i64 % 20 + 2) * HOUR, 1.0);
    }
    let whole = fake_aws::start(content.clone(), None, 0);
    let trail = trail("metrics-many", &[invoke("f007")]);
    assert_eq!(found(&scan(&whole, &trail, &[])).1, [500, 1, 0]);
    let calls = |endpoint: &Endpoint| {
        endpoint.seen().iter().filter(|call| call.api == "cloudwatch:GetMetricData").count()
    };
    assert_eq!(calls(&whole), 2);
    let plan =
        aws(&whole, ACCOUNT, &["snapshot", "--plan", "--metrics", "--policy", POLICY, "--output", "json"]);
    assert_eq!(plan.json()["places"][0]["calls"]["cloudwatch:GetMetricData"], 2, "{plan:?}");
    content.page = Some(60);
    let small = fake_aws::start(content, None, 0);
    assert_eq!(found(&scan(&small, &trail, &[])).1, [500, 1, 0]);
    assert_eq!(calls(&small), 10);
}

#[test]
fn an_unfinished_collection_goes_on_with_the_same_hours() {
    let endpoint = fake_aws::start(counted(&["orders", "stock"]), None, 0);
    let file = scratch("metrics-resumed").join("snapshot.jsonl");
    let arguments = ["snapshot", "-o", path(&file), "--metrics", "--policy", POLICY];
    endpoint.fault(Fault::always("lambda:ListFunctionUrlConfigs", FaultKind::ExpiredToken));
    let mut ran = aws(&endpoint, ACCOUNT, &arguments);
    for _ in 0..20 {
        let counts = endpoint.seen().iter().any(|call| call.api == "cloudwatch:GetMetricData");
        if counts || file.exists() {
            break;
        }
        ran =
            aws(&endpoint, ACCOUNT, &["snapshot", "--resume", path(&file), "--metrics", "--policy", POLICY]);
    }
    assert!(!file.exists(), "{ran:?}");
    endpoint.heal();
    let ran =
        aws(&endpoint, ACCOUNT, &["snapshot", "--resume", path(&file), "--metrics", "--policy", POLICY]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    let counted: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .filter(|line| line["api"] == "cloudwatch:GetMetricData")
        .collect();
    assert_eq!(counted.len(), 1, "{text}");
    assert_eq!(counted[0]["resource"], "2026-11-18T09:00:00Z/2026-11-20T09:00:00Z orders");
}

#[test]
fn counts_without_files_to_compare_them_with_are_refused() {
    let endpoint = fake_aws::start(counted(&["orders"]), None, 0);
    for command in ["scan", "logging"] {
        let ran = aws(&endpoint, ACCOUNT, &[command, "--metrics"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("--trail"), "{}", ran.stderr);
    }
    assert!(endpoint.seen().is_empty());
}
