//! Every word of a condition with the exposure it leads to: each operator in each of its forms
//! (`fixtures/exposure/operators.jsonl`), each key (`keys.jsonl`), and a wildcard in each part of an ARN
//! (`arn_wildcards.jsonl`). That the files have every operator and key that the program knows is held by a test beside
//! these lists, in `src/exposure/condition.rs`.
//!
//! Allow: the conditions stand in the one statement. Deny: they stand in a Deny of everyone, after a statement that
//! allows the same principal without conditions.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lambda_audit::exposure::{Context, ResourceKind, assess};
use lambda_audit::trust::Trust;
use serde_json::{Value, json};

const OPERATORS: &str = include_str!("../fixtures/exposure/operators.jsonl");
const KEYS: &str = include_str!("../fixtures/exposure/keys.jsonl");
const ARN_WILDCARDS: &str = include_str!("../fixtures/exposure/arn_wildcards.jsonl");

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn statement(effect: &str, principal: &Value) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": "lambda:InvokeFunction",
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:function:orders"})
}

fn exposure(effect: &str, principal: &Value, operator: &str, key: &str, value: &Value) -> String {
    let mut allow = statement("Allow", principal);
    let mut deny = statement("Deny", &json!("*"));
    let conditional = if effect == "Allow" { &mut allow } else { &mut deny };
    conditional["Condition"] = json!({operator: {key: value}});
    let statements = if effect == "Allow" { vec![allow] } else { vec![allow, deny] };
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let trust = Trust::default();
    let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
    let judged = assess(&document, &context).unwrap();
    for note in judged.grants.iter().flat_map(|grant| &grant.conditions) {
        assert!(!note.why.is_empty(), "{document}");
    }
    judged.exposure.as_str().to_owned()
}

fn same(report: &mut String, what: String, found: &str, wanted: &Value) {
    if wanted != found {
        *report += &format!("{what}: {found}, expected {wanted}\n");
    }
}

#[test]
fn every_form_of_every_operator_has_its_exposure() {
    let mut report = String::new();
    for row in rows(OPERATORS) {
        let text = |name: &str| row[name].as_str().unwrap();
        for (form, wanted) in row["forms"].as_object().unwrap() {
            // `ForAllValues:…IfExists`: the operator stands where the dots are, else after a prefix or before a suffix.
            let operator = match form.split_once('…') {
                Some((before, after)) => format!("{before}{}{after}", text("operator")),
                None if form.ends_with(':') => format!("{form}{}", text("operator")),
                None => format!("{}{form}", text("operator")),
            };
            let found = exposure(text("effect"), &row["principal"], &operator, text("key"), &row["value"]);
            same(&mut report, format!("{} by {operator}", text("effect")), &found, wanted);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_key_has_its_exposure() {
    let mut report = String::new();
    let everyone = json!("*");
    for row in rows(KEYS) {
        let text = |name: &str| row[name].as_str().unwrap();
        for (effect, operator, wanted) in
            [("Allow", text("operator"), &row["allow"]), ("Deny", text("denied_by"), &row["deny"])]
        {
            let found = exposure(effect, &everyone, operator, text("key"), &row["value"]);
            same(&mut report, format!("{effect} by {operator} {}", text("key")), &found, wanted);
            // A key's name is compared without regard to case.
            let loud = text("key").to_ascii_uppercase();
            same(
                &mut report,
                loud.clone(),
                &exposure(effect, &everyone, operator, &loud, &row["value"]),
                wanted,
            );
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn a_wildcard_in_each_part_of_an_arn_has_its_exposure() {
    let parts = ["arn", "partition", "service", "region", "account", "resource"];
    let service = (json!({"Service": "sns.amazonaws.com"}), "arn:aws:sns:eu-west-1:111122223333:topic");
    let principal = (json!("*"), "arn:aws:iam::444455556666:role/app");
    let mut report = String::new();
    for row in rows(ARN_WILDCARDS) {
        let operator = row["operator"].as_str().unwrap();
        for (class, key, (whom, arn)) in
            [("service", "aws:SourceArn", &service), ("principal", "aws:PrincipalArn", &principal)]
        {
            assert_eq!(row[class].as_object().unwrap().len(), parts.len());
            for (at, part) in parts.iter().enumerate() {
                let mut written: Vec<&str> = arn.splitn(6, ':').collect();
                written[at] = "*";
                let pattern = json!(written.join(":"));
                let found = exposure("Allow", whom, operator, key, &pattern);
                same(&mut report, format!("{operator} {pattern}"), &found, &row[class][*part]);
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
