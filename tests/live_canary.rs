//! No credential, value of an environment variable or code reaches a file, a log or a report: not what the program asks
//! with, not what it is answered, and not what records hold.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::path::{Path, PathBuf};

use fake_aws::{Bucket, Content, Endpoint, Fault, FaultKind};
use live_support::{DEMO, aws, content, path};
use serde_json::{Value as Json, json};
use support::scratch;

/// Every secret has it in it: the key and token of the caller, those of roles that are assumed, of records, values of
/// environment variables, places of code.
const CANARY: &str = "canary";

/// A record as CloudTrail writes it: with the token that the call handed out.
fn record(number: usize, name: &str, more: &Json) -> Json {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": format!("0000c0de-0000-4000-8000-{number:012}"),
        "eventTime": "2026-11-19T08:30:00Z", "eventSource": "lambda.amazonaws.com", "eventName": name,
        "awsRegion": "eu-west-1", "recipientAccountId": DEMO, "eventCategory": "Management", "managementEvent": true,
        "readOnly": false, "eventType": "AwsApiCall", "sourceIPAddress": "192.0.2.7", "userAgent": "deploy",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{DEMO}:user/ci"), "accountId": DEMO},
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn records() -> Vec<Json> {
    vec![
        record(
            1,
            "UpdateFunctionConfiguration20150331v2",
            &json!({"requestParameters": {"functionName": "orders-api", "environment": {"variables": {"KEY": CANARY}}},
                "responseElements": {"functionName": "orders-api", "environment": {"variables": {"KEY": CANARY}},
                    "role": format!("arn:aws:iam::{DEMO}:role/other")}}),
        ),
        record(
            2,
            "CreateFunction20150331",
            &json!({"requestParameters": {"functionName": "orders-api", "code": {"zipFile": CANARY},
                    "environment": {"variables": {"KEY": CANARY}}}, "responseElements": null}),
        ),
        record(
            3,
            "AddPermission20150331v2",
            &json!({"requestParameters": {"functionName": "orders-api", "principal": "*", "statementId": "s",
                    "action": "lambda:InvokeFunction"},
                "responseElements": {"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": CANARY,
                    "secretAccessKey": CANARY}}}),
        ),
    ]
}

fn endpoint(fault: Option<FaultKind>) -> Endpoint {
    let mut content: Content = content("demo");
    let file = json!({"Records": records()}).to_string().into_bytes();
    let mut bucket = Bucket { region: "eu-west-1".to_owned(), page: 1_000, ..Bucket::default() };
    let name = format!(
        "AWSLogs/{DEMO}/CloudTrail/eu-west-1/2026/11/19/{DEMO}_CloudTrail_eu-west-1_20261119T0835Z_x.json"
    );
    bucket.objects.insert(name, file);
    content.buckets.insert("example-trail".to_owned(), bucket);
    records().into_iter().for_each(|record| content.history.add(record));
    content.history.sort();
    let endpoint = fake_aws::start(content, None, 0);
    if let Some(kind) = fault {
        endpoint.fault(Fault::after("*", kind, 25));
    }
    endpoint
}

/// Everything that a directory holds, however it is packed.
fn written(directory: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, all);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
}

fn holds(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(CANARY)
}

#[test]
fn secrets_reach_no_file_no_log_and_no_report() {
    let faults = [
        None,
        Some(FaultKind::Denied),
        Some(FaultKind::ServerError),
        Some(FaultKind::Truncated),
        Some(FaultKind::Signature),
        Some(FaultKind::ExpiredToken),
    ];
    let check = |(at, fault): (usize, &Option<FaultKind>)| {
        let directory = scratch(&format!("secrets-{at}"));
        let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let formats = ["text", "json", "sarif", "junit", "csv", "markdown", "github", "ocsf", "html"];
        let outputs: Vec<String> =
            formats.iter().flat_map(|one| ["--output".to_owned(), format!("{one}={}", file(one))]).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let organization = ["--org-role", "AuditReader", "--account", DEMO, "444455556666"];
        let (snapshot, history, store) = (file("snapshot.jsonl"), file("history"), file("audit.store"));
        let runs: [(&[&str], &[&str]); 6] = [
            (&["snapshot", "-o", &snapshot, "--all-regions", "--everything", "--metrics"], &organization),
            (&["snapshot", "--resume", &snapshot, "--all-regions", "--everything"], &organization),
            (&["scan", "--all-regions", "--history", &history], &outputs),
            (&["scan", "--all-regions", "--store", &store], &["--output", "json"]),
            (&["replay", "s3://example-trail/AWSLogs"], &outputs),
            (&["logging", "--metrics", "--trail", "s3://example-trail/AWSLogs"], &["--output", "json"]),
        ];
        let mut all = Vec::new();
        for (arguments, more) in runs {
            let endpoint = endpoint(*fault);
            // What is tried again goes on at the pace of the quota: fewer look-ups do.
            let is_tried_again = matches!(fault, Some(FaultKind::ServerError | FaultKind::Truncated));
            let looks_up = arguments.first() == Some(&"scan") && is_tried_again;
            let fewer: &[&str] = if looks_up { &["--policy", "function-*"] } else { &[] };
            let ran = aws(&endpoint, DEMO, &[arguments, fewer, more].concat());
            let shown = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!shown.contains(CANARY), "{fault:?} {arguments:?}: {shown}");
            written(&directory, &mut all);
        }
        for (path, bytes) in &all {
            assert!(!holds(bytes), "{fault:?}: {}", path.display());
        }
        if fault.is_none() {
            let there =
                |name: &str| all.iter().any(|(path, bytes)| path.ends_with(name) && bytes.len() > 500);
            assert!(there("snapshot.jsonl") && there("sarif") && there("html") && there("audit.store"));
            let kept = all.iter().filter(|(path, _)| path.starts_with(&history));
            let kept: Vec<u8> = kept.flat_map(|(_, bytes)| bytes.clone()).collect();
            let kept = String::from_utf8(kept).unwrap();
            assert!(kept.contains("0000c0de-0000-4000-8000-000000000003") && kept.contains("ASIAEXAMPLE"));
            // The findings that hang on these records are there all the same.
            let report = std::fs::read_to_string(path(&directory.join("json"))).unwrap();
            assert!(report.contains("0000c0de"), "{report}");
        }
    };
    std::thread::scope(|scope| {
        for one in faults.iter().enumerate() {
            scope.spawn(move || check(one));
        }
    });
}
