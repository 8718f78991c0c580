//! Arbitrary text and arbitrary JSON: nothing panics, what is no policy is never `none`, every answer is JSON.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lambda_audit::exposure::render::{Color, answer, text};
use lambda_audit::exposure::{Context, Exposure, ResourceKind, assess, input};
use lambda_audit::trust::Trust;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const OWNER: &str = "111122223333";

/// Words that lead into the reader, beside any other text.
fn word() -> impl Strategy<Value = String> {
    let known = [
        "Version",
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "NotPrincipal",
        "AWS",
        "Service",
        "Action",
        "NotAction",
        "Resource",
        "Condition",
        "StringLike",
        "ArnNotLike",
        "IpAddress",
        "Null",
        "aws:SourceArn",
        "aws:SourceIp",
        "aws:PrincipalOrgID",
        "*",
        "type",
        "part",
        "header",
        "api",
        "lambda:GetPolicy",
        "outcome",
        "status",
        "ok",
        "data",
        "Policy",
        "lambda:*",
        "${aws:ResourceAccount}",
        "arn:aws:iam::111122223333:root",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A policy or a snapshot part with something odd in one place.
fn almost() -> impl Strategy<Value = Value> {
    (0..8_usize, value()).prop_map(|(at, odd)| {
        let mut policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
            "Action": "lambda:InvokeFunction", "Resource": "*", "Condition": {"StringLike": {"aws:SourceArn": "*"}}}]});
        let places = ["/Statement", "/Statement/0", "/Statement/0/Principal", "/Statement/0/Action",
            "/Statement/0/Condition", "/Statement/0/Condition/StringLike", "/Statement/0/Resource"];
        match places.get(at) {
            Some(place) => *policy.pointer_mut(place).unwrap() = odd,
            None => policy = json!({"type": "part", "api": "lambda:GetPolicy", "outcome": {"status": "ok"}, "data": odd}),
        }
        policy
    })
}

fn holds(document: &str) -> Result<(), TestCaseError> {
    let trust = Trust::default();
    for kind in [ResourceKind::Function, ResourceKind::Layer] {
        if let Ok(judged) = assess(document, &Context { owner: Some(OWNER), kind, trust: &trust }) {
            let parsed = serde_json::from_str::<Value>(document);
            prop_assert!(parsed.is_ok_and(|value| value.get("Statement").is_some()), "judged: {document}");
            let unread = judged.grants.iter().any(|grant| grant.exposure == Exposure::Unknown);
            prop_assert!(!unread || judged.exposure != Exposure::None, "unread, and none: {document}");
        }
    }
    for owner in [Some(OWNER), None] {
        let inputs = vec![("any".to_owned(), input::read("any", document))];
        let answer = answer(inputs, owner, ResourceKind::Function, &trust);
        for color in [Color::Never, Color::Always] {
            let mut out = String::new();
            prop_assert!(text(&answer, color, &mut out).is_ok());
        }
        let json = serde_json::to_string(&answer.json()).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        if json.get("documents").is_none() {
            let judged = serde_json::from_str::<Value>(document).is_ok_and(|value| value.is_object());
            prop_assert!(judged || json["exposure"] == "unknown", "{document}: {json}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(document in any::<String>()) {
        holds(&document)?;
    }

    #[test]
    fn any_json(value in value()) {
        holds(&value.to_string())?;
    }

    #[test]
    fn anything_within_a_policy(value in almost(), cut in any::<prop::sample::Index>()) {
        let document = value.to_string();
        holds(&document)?;
        // Broken off at any character.
        let ends: Vec<usize> = document.char_indices().map(|(at, _)| at).collect();
        holds(&document[..ends[cut.index(ends.len())]])?;
    }
}
