//! Policies with state over whole runs: the order and division of files, copies, holes, and history that is required.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::report::Finding;
use lambda_audit::value::Why;
use serde_json::json;
use support::{Library, Story};

const STATE: [&str; 7] = [
    "discovery-burst-cli",
    "function-code-downloaded",
    "function-url-invoked-anonymously",
    "invoke-high-frequency",
    "invoke-unusual-asn",
    "invoke-unusual-principal",
    "lambda-token-external",
];

type Files = Vec<(String, Arc<[u8]>)>;

fn demo() -> Files {
    let root = support::root().join("fixtures/accounts/demo/trail");
    let file = |path: &std::path::PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(path).unwrap().into())
    };
    let files: Files = support::files_below(&root).iter().map(file).collect();
    assert!(files.len() > 100);
    files
}

fn findings(audit: &Audit) -> Vec<&Finding> {
    let ours = |finding: &&Finding| STATE.contains(&finding.policy.as_str());
    audit.report.findings.iter().filter(ours).collect()
}

#[test]
fn neither_the_order_of_files_nor_copies_change_a_finding() {
    let library = Library::new("");
    let snapshot = || Some(Story::read("demo").snapshot_input());
    let plain = library.audit(snapshot(), TrailInput::Memory(demo()));
    let fired: std::collections::BTreeSet<&str> =
        findings(&plain).iter().map(|finding| finding.policy.as_str()).collect();
    assert_eq!(fired.into_iter().collect::<Vec<_>>(), STATE);

    let mut turned = demo();
    turned.reverse();
    let half = turned.len() / 2;
    turned.rotate_left(half);
    let other = library.audit(snapshot(), TrailInput::Memory(turned));
    assert_eq!(findings(&plain), findings(&other));
    assert_eq!(plain.report.coverage.warming_up, other.report.coverage.warming_up);

    let mut twice = demo();
    twice.extend(demo().into_iter().map(|(name, bytes)| (format!("zz/{name}"), bytes)));
    let twice = library.audit(snapshot(), TrailInput::Memory(twice));
    assert_eq!(findings(&plain), findings(&twice));
    assert_eq!(plain.report.coverage.warming_up, twice.report.coverage.warming_up);
}

/// One invocation record of the account on this day of October.
fn invocation(day: u32, user: &str) -> serde_json::Value {
    json!({
        "userIdentity": {
            "type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{user}"), "accountId": "111122223333",
        },
        "eventTime": format!("2026-10-{day:02}T12:00:00Z"), "eventSource": "lambda.amazonaws.com",
        "eventName": "Invoke", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.17",
        "requestParameters": {"functionName": "arn:aws:lambda:eu-west-1:111122223333:function:orders"},
        "resources": [{
            "accountId": "111122223333", "type": "AWS::Lambda::Function",
            "ARN": "arn:aws:lambda:eu-west-1:111122223333:function:orders",
        }],
        "eventID": format!("{day:08}-0000-4000-8000-{:0>12}", user.len()), "eventCategory": "Data",
        "recipientAccountId": "111122223333",
    })
}

fn file(day: u32, region: &str, text: String) -> (String, Arc<[u8]>) {
    let name = format!("111122223333_CloudTrail_{region}_202610{day:02}T1205Z_AbCdEfGhIjKlMnOp.json");
    (name, text.into_bytes().into())
}

fn day(day: u32, user: &str) -> (String, Arc<[u8]>) {
    file(day, "eu-west-1", json!({"Records": [invocation(day, user)]}).to_string())
}

/// Failing eventIDs, and the count of judgements unknown for want of history, of invoke-unusual-principal.
fn unusual(audit: &Audit) -> (Vec<String>, u64) {
    let of = |policy: &str| policy == "invoke-unusual-principal";
    let mut ids: Vec<String> = audit
        .report
        .findings
        .iter()
        .filter(|finding| of(&finding.policy))
        .flat_map(|finding| finding.event_ids.clone())
        .collect();
    ids.sort();
    let unknown = audit.report.coverage.policies.iter().filter(|row| of(&row.policy));
    let gaps = unknown
        .flat_map(|row| &row.why)
        .filter(|why| why.missing == "seen.callers" && why.why == Why::HistoryGap)
        .map(|why| why.count)
        .sum();
    (ids, gaps)
}

#[test]
fn a_first_record_within_reach_of_a_damaged_file_is_unknown() {
    let library = Library::new("");
    let id = |day: u32| format!("{day:08}-0000-4000-8000-{:0>12}", 2);
    // A job has called since the first; two users call for the first time on the 20th and the 31st.
    let files = |broken: Option<(u32, &str)>| {
        let mut files = vec![day(1, "job"), day(10, "job"), day(20, "a1"), day(31, "b2")];
        files.extend(broken.map(|(day, region)| file(day, region, "{\"Records\":[{\"eventTi".to_owned())));
        TrailInput::Memory(files)
    };
    assert_eq!(unusual(&library.audit(None, files(None))), (vec![id(20), id(31)], 0));
    // Missing from the 15th to the 20th, and from the 3rd to the 10th: the fortnight before the 31st is free of the second.
    assert_eq!(unusual(&library.audit(None, files(Some((15, "eu-west-1"))))), (vec![], 2));
    assert_eq!(unusual(&library.audit(None, files(Some((3, "eu-west-1"))))), (vec![id(31)], 1));
    // In another region no later file says that it was whole again.
    assert_eq!(unusual(&library.audit(None, files(Some((3, "us-east-1"))))), (vec![], 2));
}

#[test]
fn history_may_be_required() {
    let short = || TrailInput::Memory(vec![day(1, "job"), day(10, "a1")]);
    let long = || TrailInput::Memory(vec![day(1, "job"), day(16, "job")]);
    let run = |config: &str, trail| {
        let audit = Library::new(config).audit(None, trail);
        let warming: Vec<String> = audit
            .report
            .coverage
            .warming_up
            .iter()
            .filter(|row| row.policy == "invoke-unusual-principal")
            .map(|row| format!("{} {}", row.account, row.from))
            .collect();
        (audit.exit.code(), warming)
    };
    let listed = vec!["111122223333 2026-10-15T12:00:00Z".to_owned()];
    assert_eq!(run("", short()), (0, listed.clone()));
    assert_eq!(run("require = [\"history\"]", short()), (3, listed.clone()));
    // What came first is listed, but the account's history is long enough by now.
    assert_eq!(run("", long()), (0, listed.clone()));
    assert_eq!(run("require = [\"history\"]", long()), (0, listed));
}
