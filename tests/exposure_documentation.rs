//! What AWS's own pages say, as documents of ours that embody it: `fixtures/exposure/aws_documentation.jsonl`, one
//! statement of a page a line. The reference evaluator and the classifier share an author; this holds both.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use lambda_audit::exposure::evaluator::{Caller, Decision, Request, decide};
use lambda_audit::exposure::{Context, ResourceKind, assess};
use lambda_audit::trust::Trust;
use serde_json::Value;

const VECTORS: &str = include_str!("../fixtures/exposure/aws_documentation.jsonl");

fn caller(vector: &Value) -> Caller {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let caller = &vector["caller"];
    match (&caller["principal"], &caller["service"]) {
        (principal @ Value::Object(_), _) => Caller::Principal {
            account: text(&principal["account"]).unwrap(),
            arn: text(&principal["arn"]).unwrap(),
            session: text(&principal["session"]),
        },
        (_, Value::String(service)) => Caller::Service(service.clone()),
        _ => Caller::Anonymous,
    }
}

#[test]
fn what_the_documentation_says_is_so() {
    let trust = Trust::default();
    let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
    let vectors: Vec<Value> = VECTORS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(vectors.len() >= 40);
    let mut report = String::new();
    for vector in &vectors {
        let keys: BTreeMap<String, Vec<String>> =
            serde_json::from_value(vector["caller"]["keys"].clone()).unwrap();
        let request = Request {
            caller: caller(vector),
            action: vector["action"].as_str().unwrap().to_owned(),
            resource: vector["resource"].as_str().unwrap().to_owned(),
            keys,
        };
        assert!(vector["page"].as_str().unwrap().starts_with("https://docs.aws.amazon.com/"));
        let decision = decide(&vector["document"], &request);
        if (decision == Decision::Allowed) != vector["allowed"].as_bool().unwrap() {
            report += &format!("{}: {decision:?}\n", vector["says"]);
        }
        let judged = assess(&vector["document"].to_string(), &context).unwrap();
        if judged.exposure.as_str() != vector["exposure"] {
            report +=
                &format!("{}: {}, not {}\n", vector["says"], judged.exposure.as_str(), vector["exposure"]);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}
