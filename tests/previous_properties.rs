//! What stood before a change, over random histories of a function's layers and role, against a plain model that walks
//! all records in order of time and eventID.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use lambda_audit::policy::{Overrides, PolicySet, SourceText};
use lambda_audit::report::Report;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::Library;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const WORDS: [&str; 3] = ["present", "absent", "not_known"];

/// A policy for each word that `before` can be, and one that compares roles.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let rank = "severity: low\nrisk_score: 1\nmessage: m\norigins: [change]\n";
    let mut texts: Vec<(String, String)> = WORDS
        .iter()
        .map(|word| {
            let id = word.replace('_', "-");
            let is = format!("layer_use.before == \"{word}\"");
            let when = format!("when: layer_use.existing_function && layer_use.attached && {is}\n");
            (format!("{id}.yaml"), format!("id: {id}\ntitle: t\non: layer_use\n{rank}{when}"))
        })
        .collect();
    let when = "applies_to: function.action == \"updated\" && function.sets_role\n\
                when: function.role != function.previous_role\n";
    texts.push(("role.yaml".to_owned(), format!("id: role\ntitle: t\non: function\n{rank}{when}")));
    let sources: Vec<SourceText> =
        texts.iter().map(|(path, text)| SourceText::new(path.as_str(), text.as_str())).collect();
    let (set, errors) = PolicySet::load(&sources, &Overrides::default());
    assert!(errors.is_empty(), "{errors:?}");
    Library::of(set)
});

#[derive(Debug, Clone)]
enum Did {
    Create(BTreeSet<u8>, u8),
    SetLayers(BTreeSet<u8>),
    SetRole(u8),
    /// The answer to a deployment shows the role.
    Deploy(u8),
    /// What was set is hidden.
    Hidden,
    Delete,
}

#[derive(Debug, Clone)]
struct Record {
    minute: u32,
    id: u32,
    did: Did,
    refused: bool,
    copies: usize,
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let layers = || prop::collection::btree_set(0..3u8, 0..3);
    let did = prop_oneof![
        2 => (layers(), 0..2u8).prop_map(|(layers, role)| Did::Create(layers, role)),
        5 => layers().prop_map(Did::SetLayers),
        4 => (0..2u8).prop_map(Did::SetRole),
        2 => (0..2u8).prop_map(Did::Deploy),
        1 => Just(Did::Hidden),
        1 => Just(Did::Delete),
    ];
    let record = (0..12u32, did, prop::bool::weighted(0.1), 1..3usize);
    prop::collection::vec(record, 1..14).prop_map(|records| {
        let number = |(at, (minute, did, refused, copies)): (usize, (u32, Did, bool, usize))| {
            // Not in the order of their times.
            let id = (at as u32 * 7 + 3) % 31;
            Record { minute, id, did, refused, copies }
        };
        records.into_iter().enumerate().map(number).collect()
    })
}

fn event_id(id: u32) -> String {
    format!("{id:08}-0000-4000-8000-000000000000")
}

fn layer(number: u8) -> String {
    format!("arn:aws:lambda:eu-west-1:111122223333:layer:layer-{number}:1")
}

fn role(number: u8) -> String {
    format!("arn:aws:iam::111122223333:role/role-{number}")
}

fn written(record: &Record) -> Json {
    let layers = |layers: &BTreeSet<u8>| layers.iter().copied().map(layer).collect::<Vec<_>>();
    let named = |more: Json| {
        let mut parameters = json!({"functionName": "orders"});
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    let (name, parameters, answer) = match &record.did {
        Did::Create(has, of) => {
            ("CreateFunction20150331", named(json!({"layers": layers(has), "role": role(*of)})), Json::Null)
        }
        Did::SetLayers(has) => {
            ("UpdateFunctionConfiguration20150331v2", named(json!({"layers": layers(has)})), Json::Null)
        }
        Did::SetRole(of) => {
            ("UpdateFunctionConfiguration20150331v2", named(json!({"role": role(*of)})), Json::Null)
        }
        Did::Deploy(of) => {
            let answer = json!({"functionName": "orders", "functionArn": FUNCTION, "role": role(*of)});
            ("UpdateFunctionCode20150331v2", named(json!({})), answer)
        }
        Did::Hidden => ("UpdateFunctionConfiguration20150331v2", Json::Null, Json::Null),
        Did::Delete => ("DeleteFunction20150331", named(json!({})), Json::Null),
    };
    let mut text = json!({
        "eventTime": format!("2026-10-16T10:{:02}:00Z", record.minute), "eventSource": "lambda.amazonaws.com",
        "eventName": name, "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.17", "userAgent": "aws-cli/2",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/deploy"},
        "requestParameters": parameters, "responseElements": answer, "recipientAccountId": "111122223333",
        "resources": [{"accountId": "111122223333", "type": "AWS::Lambda::Function", "ARN": FUNCTION}],
        "eventID": event_id(record.id),
    });
    if record.refused {
        text["errorCode"] = json!("AccessDenied");
    }
    text
}

fn report(records: &[Record], turn: usize) -> Report {
    let mut files: Vec<(String, Arc<[u8]>)> = Vec::new();
    for record in records {
        for _ in 0..record.copies {
            let text = json!({"Records": [written(record)]}).to_string();
            files.push((format!("{:04}.json", files.len()), text.into_bytes().into()));
        }
    }
    let len = files.len().max(1);
    files.rotate_left(turn % len);
    LIBRARY.report(None, files)
}

/// By policy, the eventIDs of its findings; and how many judgements of roles are unknown.
type Told = (BTreeMap<String, BTreeSet<String>>, u64);

fn told(report: &Report) -> Told {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in &report.findings {
        found.entry(finding.policy.clone()).or_default().extend(finding.event_ids.iter().cloned());
    }
    let unknown = report.coverage.policies.iter().filter(|row| row.policy == "role").map(|row| row.unknown);
    (found, unknown.sum())
}

/// What is known of the function, record after record.
fn model(records: &[Record]) -> Told {
    let mut order: Vec<&Record> = records.iter().filter(|record| !record.refused).collect();
    order.sort_by_key(|record| (record.minute, event_id(record.id)));
    let (mut layers, mut of): (Option<BTreeSet<u8>>, Option<u8>) = (None, None);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut unknown = 0;
    for record in order {
        let mut tell = |policy: &str| {
            found.entry(policy.to_owned()).or_default().insert(event_id(record.id));
        };
        match &record.did {
            Did::Create(has, role) => (layers, of) = (Some(has.clone()), Some(*role)),
            Did::SetLayers(has) => {
                for layer in has {
                    tell(match &layers {
                        None => "not-known",
                        Some(before) if before.contains(layer) => "present",
                        Some(_) => "absent",
                    });
                }
                layers = Some(has.clone());
            }
            Did::SetRole(role) => {
                match of {
                    None => unknown += record.copies as u64,
                    Some(before) if before != *role => tell("role"),
                    Some(_) => {}
                }
                of = Some(*role);
            }
            Did::Deploy(role) => of = Some(*role),
            Did::Hidden => {
                unknown += record.copies as u64;
                (layers, of) = (None, None);
            }
            Did::Delete => (layers, of) = (Some(BTreeSet::new()), None),
        }
    }
    (found, unknown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_stood_before_is_the_models(records in records(), turn in 0..20usize) {
        let got = told(&report(&records, turn));
        let expected = model(&records);
        prop_assert_eq!(&got.0, &expected.0);
        prop_assert_eq!(got.1, expected.1);
    }
}
