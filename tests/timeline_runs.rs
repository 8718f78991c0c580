//! What became of changes over whole runs: the recorded exercise, snapshots before and after, and the gate.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::findings::gate::Exit;
use lambda_audit::timeline::ChangeStatus;
use serde_json::{Value, json};
use support::{Library, memory, root};

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn recorded(config: &str) -> Audit {
    let trail = TrailInput::Paths(vec![root().join("fixtures/recorded/AWSLogs")]);
    Library::new(config).audit(None, trail)
}

#[test]
fn the_recorded_grant_was_removed_later_and_fails_the_gate_all_the_same() {
    let audit = recorded("");
    assert_eq!(audit.exit, Exit::Failed);
    let finding =
        audit.report.findings.iter().find(|finding| finding.policy == "function-invoke-public").unwrap();
    assert_eq!(finding.status, Some(ChangeStatus::Reverted));
    assert_eq!(finding.status_event_id.as_deref(), Some("444dad9b-a033-4725-855a-13c32f534878"));
}

#[test]
fn the_configuration_may_narrow_the_gate_to_statuses() {
    for (statuses, exit) in [
        (r#"["reverted"]"#, Exit::Failed),
        (r#"["live", "mitigated", "unconfirmed"]"#, Exit::Passed),
        ("[]", Exit::Passed),
    ] {
        let audit = recorded(&format!("fail_on_status = {statuses}\n"));
        assert_eq!(audit.exit, exit, "{statuses}");
        // Every finding is told all the same.
        assert_eq!(audit.report.summary.by_policy["function-invoke-public"], 1);
    }
    // What merely happened has no status, and always counts.
    let audit = recorded("fail_on_status = []\nfail_on = \"low\"\n");
    assert_eq!(audit.report.findings.iter().filter(|finding| finding.status.is_none()).count(), 4);
}

fn snapshot(started: &str, finished: &str, policy: Option<&str>) -> String {
    let part = |api: &str, resource: Value, data: Value| {
        json!({
            "type": "part", "account": "111122223333", "region": "eu-west-1", "api": api, "resource": resource,
            "outcome": {"status": "ok"}, "data": data,
        })
    };
    let functions = json!({"Functions": [{
        "FunctionName": "orders", "FunctionArn": ARN, "Runtime": "python3.13",
        "Role": "arn:aws:iam::111122223333:role/orders",
    }]});
    let lines = [
        json!({"type": "header", "version": 1, "started": started}),
        part("lambda:ListFunctions", Value::Null, functions),
        part("lambda:GetPolicy", json!(ARN), json!({"Policy": policy})),
        json!({"type": "end", "parts": 2, "finished": finished}),
    ];
    lines.map(|line| format!("{line}\n")).concat()
}

const PUBLIC: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"open","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:orders"}]}"#;

fn record(time: &str, name: &str, parameters: Value) -> Value {
    json!({
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/deploy", "accountId": "111122223333"},
        "eventTime": time, "eventSource": "lambda.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.17", "requestParameters": parameters, "recipientAccountId": "111122223333",
        "eventID": format!("event-{time}"),
    })
}

fn added(time: &str) -> Value {
    let parameters = json!({
        "functionName": "orders", "statementId": "open", "action": "lambda:InvokeFunction", "principal": "*",
    });
    record(time, "AddPermission20150331v2", parameters)
}

fn removed(time: &str) -> Value {
    record(time, "RemovePermission20150331v2", json!({"functionName": "orders", "statementId": "open"}))
}

/// Status and deciding event of the public grant.
fn standing(snapshot: &str, records: &[Value]) -> (Option<ChangeStatus>, Option<String>) {
    let text = json!({"Records": records}).to_string();
    let trail = TrailInput::Memory(vec![("records.json".to_owned(), text.into_bytes().into())]);
    let audit = Library::new("").audit(Some(memory(snapshot)), trail);
    let finding =
        audit.report.findings.into_iter().find(|finding| finding.policy == "function-invoke-public").unwrap();
    (finding.status, finding.status_event_id)
}

#[test]
fn a_snapshot_says_what_stands_when_it_was_taken() {
    use ChangeStatus::{Live, Reverted};
    let noon = |policy| snapshot("2026-11-10T12:00:00Z", "2026-11-10T12:10:00Z", policy);
    let (before, during, after) = ("2026-11-10T11:00:00Z", "2026-11-10T12:05:00Z", "2026-11-10T13:00:00Z");
    let by = |time: &str| Some(format!("event-{time}"));
    // A newer snapshot: it still stands, or somebody removed it whose record was not read.
    assert_eq!(standing(&noon(Some(PUBLIC)), &[added(before)]), (Some(Live), None));
    assert_eq!(standing(&noon(None), &[added(before)]), (Some(Reverted), None));
    // Made anew without a record: it stands.
    let again = [added("2026-11-10T10:00:00Z"), removed(before)];
    assert_eq!(standing(&noon(Some(PUBLIC)), &again), (Some(Live), None));
    assert_eq!(standing(&noon(None), &again), (Some(Reverted), by(before)));
    // An older one says nothing of what came later; one taken meanwhile may show it or not.
    assert_eq!(standing(&noon(None), &[added(after)]), (Some(Live), None));
    assert_eq!(standing(&noon(None), &[added(during)]), (Some(Live), None));
    assert_eq!(standing(&noon(Some(PUBLIC)), &[added(before), removed(after)]), (Some(Reverted), by(after)));
    // What only a snapshot shows is live.
    assert_eq!(standing(&noon(Some(PUBLIC)), &[]), (Some(Live), None));
}
