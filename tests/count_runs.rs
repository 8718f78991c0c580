//! Counts over whole runs: first roughly, then record by record where enough came, against a model that keeps all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::store::Store;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::Library;

const POLICY: &str = "invoke-high-frequency";
const AT_LEAST: usize = 4;
/// Seconds.
const WINDOW: u32 = 600;
const CONFIG: &str = "[params.invoke-high-frequency]\nat_least = 4\nwindow = \"10m\"\n";

/// An invocation: its eventID's number, its second, and by whom.
type Call = (usize, u32, u8);

fn record((id, second, who): Call) -> Json {
    let function = "arn:aws:lambda:us-east-1:111122223333:function:orders";
    json!({
        "eventTime": format!("2026-10-16T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60),
        "eventSource": "lambda.amazonaws.com", "eventName": "Invoke", "awsRegion": "us-east-1",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "principalId": "AIDAEXAMPLE",
            "arn": format!("arn:aws:iam::111122223333:user/user-{who}"), "userName": format!("user-{who}")},
        "sourceIPAddress": "198.51.100.17", "userAgent": "aws-sdk-go", "recipientAccountId": "111122223333",
        "requestParameters": {"functionName": function}, "responseElements": null,
        "resources": [{"accountId": "111122223333", "type": "AWS::Lambda::Function", "ARN": function}],
        "eventID": format!("{id:08}-0000-4000-8000-000000000000"), "eventCategory": "Data",
        "managementEvent": false,
    })
}

fn files(parts: &[Vec<Call>]) -> Vec<(String, Arc<[u8]>)> {
    let file = |(at, calls): (usize, &Vec<Call>)| {
        let records: Vec<Json> = calls.iter().copied().map(record).collect();
        (format!("{at}.json"), json!({"Records": records}).to_string().into_bytes().into())
    };
    parts.iter().enumerate().map(file).collect()
}

fn write(directory: &Path, parts: &[Vec<Call>]) {
    for (name, bytes) in files(parts) {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
}

/// By caller, the records that are told.
fn found(audit: &Audit) -> BTreeMap<String, (u64, BTreeSet<usize>)> {
    let findings = audit.report.findings.iter().filter(|finding| finding.policy == POLICY);
    findings
        .map(|one| {
            let ids = one.event_ids.iter().map(|id| id[..8].parse().unwrap()).collect();
            (one.subject.label().to_owned(), (one.count, ids))
        })
        .collect()
}

/// Every window that ends at a record of a caller, over one delivery of each event.
fn expected(calls: &[Call]) -> BTreeMap<String, (u64, BTreeSet<usize>)> {
    let mut all: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for &(_, end, who) in calls {
        let inside =
            calls.iter().filter(|(_, second, of)| *of == who && *second <= end && *second + WINDOW > end);
        let inside: BTreeSet<usize> = inside.map(|(id, ..)| *id).collect();
        if inside.len() >= AT_LEAST {
            all.entry(format!("arn:aws:iam::111122223333:user/user-{who}")).or_default().extend(inside);
        }
    }
    all.into_iter().map(|(who, ids)| (who, (ids.len() as u64, ids))).collect()
}

/// Calls within two hours in a few files, half of them in a few minutes, some of them delivered twice.
fn calls() -> impl Strategy<Value = Vec<Vec<Call>>> {
    let second = prop_oneof![0..7_200u32, 1_100..1_300u32];
    let calls = prop::collection::vec((second, 0..3u8, 0..3usize), 1..18);
    let again = prop::collection::vec((any::<prop::sample::Index>(), 0..3usize), 0..5);
    (calls, again).prop_map(|(calls, again)| {
        let mut parts = vec![Vec::new(); 3];
        for (id, (second, who, file)) in calls.iter().enumerate() {
            parts[*file].push((id, *second, *who));
        }
        for (index, file) in again {
            let id = index.index(calls.len());
            parts[file].push((id, calls[id].0, calls[id].1));
        }
        parts
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn windows_are_those_of_a_list_of_all_records(parts in calls()) {
        let audit = Library::new(CONFIG).audit(None, TrailInput::Memory(files(&parts)));
        prop_assert_eq!(found(&audit), expected(&parts.concat()));
    }
}

/// A store and a pipe keep every record the first time: the same is found.
#[test]
fn what_can_be_read_once_only_is_counted_the_same() {
    let parts: Vec<Vec<Call>> = vec![
        (0..9).map(|id| (id, 600 * id as u32, 0)).collect(),
        (10..30).map(|id| (id, 1_190 + id as u32, (id % 2) as u8)).collect(),
        (20..34).map(|id| (id, 1_190 + id as u32, (id % 2) as u8)).collect(),
    ];
    let directory = support::scratch("count-runs");
    let trail = directory.join("trail");
    std::fs::create_dir_all(&trail).unwrap();
    write(&trail, &parts);
    let model = expected(&parts.concat());
    assert!(model.len() == 2 && model.values().any(|(count, _)| *count > 10), "{model:?}");
    let library = Library::new(CONFIG);
    let told = |audit: &Audit| -> BTreeMap<String, u64> {
        found(audit).into_iter().map(|(who, (count, _))| (who, count)).collect()
    };
    let counts: BTreeMap<String, u64> = model.iter().map(|(who, (count, _))| (who.clone(), *count)).collect();
    let twice = library.audit(None, TrailInput::Paths(vec![trail.clone()]));
    assert_eq!(told(&twice), counts);
    let mut store = Store::open(&directory.join("counts.store")).unwrap();
    let once = library.audit_with(None, TrailInput::Paths(vec![trail.clone()]), Some(&mut store));
    assert_eq!(told(&once), counts);
    let of = |audit: &Audit| -> Vec<Json> {
        let findings = audit.report.findings.iter().filter(|one| one.policy == POLICY);
        findings
            .map(|one| json!([one.fingerprint, one.event_ids, one.first, one.last, one.message]))
            .collect()
    };
    assert_eq!(of(&once), of(&twice));

    // What comes through a pipe is there once.
    let all: Vec<Json> = parts.concat().into_iter().map(record).collect();
    let config = directory.join("lambda-audit.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let mut command = support::program();
    command
        .args(["replay", "-", "--exit-zero", "--policy", POLICY, "--output", "json", "--config"])
        .arg(&config);
    let file = directory.join("all.json");
    std::fs::write(&file, json!({"Records": all}).to_string()).unwrap();
    command.stdin(std::fs::File::open(&file).unwrap());
    let report = support::finish(command).json();
    let piped: BTreeMap<String, u64> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (support::text(&one["subject"]["arn"]), one["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(piped, counts);
}
