//! Records that hide or drop what matters: none of them may pass, and none may be taken for more than it says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod review_support;

use review_support::{FUNCTION, directory, found, program};
use serde_json::{Value, json};

/// Ids of policies that failed and that could not judge, and the exit code.
fn replay(name: &str, event: &str, change: Value) -> (Vec<String>, Vec<String>, i32) {
    let mut record = json!({"eventVersion": "1.11", "eventSource": "lambda.amazonaws.com", "eventName": event,
        "eventTime": "2026-11-01T00:00:00Z", "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
        "eventID": "00000000-0000-4000-8000-000000000001", "readOnly": false,
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "principalId": "AIDAEXAMPLE",
            "arn": "arn:aws:iam::111122223333:user/ada"}});
    for (key, value) in change.as_object().unwrap() {
        record[key] = value.clone();
    }
    let directory = directory(&format!("records-{name}"));
    std::fs::write(directory.join("t.json"), json!({"Records": [record]}).to_string()).unwrap();
    let args = ["replay", "t.json", "--policy-profile", "strict", "--output", "json"];
    let output = program(&directory).args(args).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let policies = report["coverage"]["policies"].as_array().unwrap();
    let unknown =
        policies.iter().filter(|row| row["unknown"] != 0).map(|row| row["policy"].as_str().unwrap());
    let found = found(&report).into_iter().map(str::to_owned).collect();
    (found, unknown.map(str::to_owned).collect(), output.status.code().unwrap())
}

fn permission(more: Value) -> Value {
    let mut parameters = json!({"functionName": FUNCTION, "statementId": "s", "action": "lambda:InvokeFunction",
        "principal": "*"});
    for (key, value) in more.as_object().unwrap() {
        parameters[key] = value.clone();
    }
    json!({"requestParameters": parameters})
}

#[test]
fn a_condition_that_cannot_be_read_is_neither_a_condition_nor_none() {
    const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
    for (at, more) in [
        json!({"principalOrgID": HIDDEN}),
        json!({"principalOrgID": 7}),
        json!({"principal": HIDDEN}),
        json!({"principal": "s3.amazonaws.com", "sourceAccount": 111_122_223_333u64}),
        json!({"invokedViaFunctionUrl": "yes"}),
        json!({"action": HIDDEN}),
    ]
    .into_iter()
    .enumerate()
    {
        let (found, unknown, code) =
            replay(&format!("hidden-{at}"), "AddPermission20150331v2", permission(more.clone()));
        assert_eq!((found.len(), code), (0, 3), "{more}");
        assert!(unknown.contains(&"function-invoke-public".to_owned()), "{more}: {unknown:?}");
    }
    let layer = json!({"requestParameters": {"layerName": "base", "versionNumber": 3, "statementId": "s",
        "action": "lambda:GetLayerVersion", "principal": "*", "organizationId": HIDDEN}});
    let (found, unknown, _) = replay("hidden-layer", "AddLayerVersionPermission20181031", layer);
    assert_eq!((found.len(), unknown), (0, vec!["layer-shared-externally".to_owned()]));
}

#[test]
fn the_stored_statement_speaks_where_parameters_are_hidden() {
    let statement = json!({"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION});
    let mut change = permission(json!({"principal": "HIDDEN_DUE_TO_SECURITY_REASONS"}));
    change["responseElements"] = json!({"statement": statement.to_string()});
    let (found, _, code) = replay("stored", "AddPermission20150331v2", change);
    assert_eq!((found, code), (vec!["function-invoke-public".to_owned()], 1));
}

#[test]
fn only_an_error_undoes_a_change() {
    for (name, code, expected) in [
        ("none", json!(null), 1),
        ("empty", json!(""), 1),
        ("denied", json!("AccessDenied"), 0),
        ("hidden", json!("HIDDEN_DUE_TO_SECURITY_REASONS"), 3),
    ] {
        let mut change = permission(json!({}));
        change["errorCode"] = code;
        assert_eq!(replay(&format!("error-{name}"), "AddPermission20150331v2", change).2, expected, "{name}");
    }
}

#[test]
fn an_answer_with_fewer_layers_does_not_take_back_what_was_asked_for() {
    let change = json!({
        "requestParameters": {"functionName": FUNCTION,
            "layers": ["arn:aws:lambda:eu-west-1:444455556666:layer:base:1"]},
        "responseElements": {"functionArn": FUNCTION, "layers": []}});
    let (found, _, _) = replay("layers", "UpdateFunctionConfiguration20150331v2", change);
    assert_eq!(found, ["layer-external", "layer-added-to-function"]);
}

#[test]
fn a_url_in_another_spelling_is_the_same_url() {
    let url = |word: &str| json!({"requestParameters": {"functionName": FUNCTION, "authType": word}});
    assert_eq!(replay("url-none", "CreateFunctionUrlConfig", url("none")).0, ["function-url-public"]);
    assert_eq!(replay("url-other", "CreateFunctionUrlConfig", url("ANYONE")).2, 3);
}
