//! Texts of records, as strange as they may be.

use std::ops::Range;

use proptest::prelude::*;
use serde_json::Value;

use super::record;
use crate::trail::caller;

/// A JSON string: any of its characters may be written as an escape.
fn json_string(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, prop::collection::vec(0u8..6, 24)).prop_map(|(text, how)| {
        let mut out = String::from("\"");
        for (at, found) in text.chars().enumerate() {
            if how.get(at) == Some(&0) {
                let mut units = [0; 2];
                found
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            } else {
                let quoted = Value::String(found.to_string()).to_string();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        out.push('"');
        out
    })
}

pub(super) fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r\n")]
}

fn object(member: impl Strategy<Value = (String, String)>) -> impl Strategy<Value = String> {
    prop::collection::vec((member, space(), space()), 0..6).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|((key, value), before, after)| format!("{before}{key}{after}:{before}{value}{after}"))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

fn key() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("eventSource"),
        Just("eventName"),
        Just("eventTime"),
        Just("eventID"),
        Just("Records"),
        Just("requestParameters"),
        Just("resources"),
        Just("additionalEventData"),
        Just("x"),
    ];
    json_string(name.prop_map(str::to_owned))
}

/// Values that make it hard: times, names, nested objects and texts with a record's own members.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => json_string(prop_oneof![Just("2025-03-01T00:00:00Z".to_owned()), Just("lambda.amazonaws.com".to_owned())]),
        2 => json_string("[a-z\"\\\\{}\\[\\],: é😀\n]{0,12}"),
        1 => json_string(Just(record("Quoted"))),
        1 => prop_oneof![Just("null"), Just("true"), Just("-1.5e3"), Just("[]"), Just("{}")].prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            object((key(), inner.clone())),
            (prop::collection::vec(inner.clone(), 0..3), prop_oneof![Just(","), Just(" ,")])
                .prop_map(|(items, comma)| format!("[{}]", items.join(comma))),
            // As most lists are, or nearly.
            (
                prop::collection::vec(object((key(), inner)), 1..4),
                prop_oneof![8 => Just(","), 1 => Just(", ")]
            )
                .prop_map(|(items, comma)| format!("[{}]", items.join(comma))),
        ]
    })
}

/// A record: its own members somewhere among others, which may be duplicates of them.
pub(super) fn any_record() -> impl Strategy<Value = String> {
    let own = prop_oneof![
        4 => Just(vec![
            ("\"eventSource\"", "\"s3.amazonaws.com\""),
            ("\"eventName\"", "\"Put\""),
            ("\"eventTime\"", "\"2025-03-01T00:00:09Z\""),
        ]),
        1 => Just(vec![]),
    ];
    (own, prop::collection::vec((key(), value()), 0..5), any::<prop::sample::Selector>(), space()).prop_map(
        |(own, mut members, _, space)| {
            for (at, (key, value)) in own.into_iter().enumerate() {
                let place = (at * 2).min(members.len());
                members.insert(place, (key.to_owned(), value.to_owned()));
            }
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{key}{space}:{space}{value}{space}")).collect();
            format!("{{{space}{}}}", members.join(","))
        },
    )
}

/// A `userIdentity`, or what may stand in its place.
pub(super) fn caller() -> impl Strategy<Value = String> {
    let text = json_string("[a-z\"\\\\:{}\\[\\],]{0,20}|[a-z]{60,80}".prop_map(String::from));
    // All that are read, and others: the tests must not know fewer than the reader.
    let among = |objects: Range<usize>, others: &'static [&'static str]| {
        let keys: Vec<&str> = objects.flat_map(caller::keys).chain(others).copied().collect();
        prop::sample::select(keys)
    };
    let quoted = |key: &str| format!("\"{key}\"");
    let name = among(0..1, &["xtype", "t\\u0079pe", "a\\\"arn"]);
    let kind = prop::sample::select(vec![
        r#""AssumedRole""#,
        r#""IAMUser""#,
        r#""AWSService""#,
        r#""AWSAccount""#,
        r#""AWS\u0041ccount""#,
        "null",
    ]);
    let leaf = || {
        let texts = [
            r#""AWS::Lambda::Function""#,
            r#""arn:aws:lambda:us-east-1:111122223333:function:f""#,
            r#""arn:aws:iam::111122223333:role/orders""#,
            r#""arn:aws:iam::111122223333:role\/aws-service-role/ecs.amazonaws.com/x""#,
            r#""2025-03-01T00:00:00Z""#,
            r#""true""#,
            r#""""#,
            "true",
            "null",
            "[{\"arn\":1}]",
            "{}",
            "7",
        ];
        prop::sample::select(texts.to_vec()).prop_map(str::to_owned)
    };
    // Of a session's context, and of what is in it.
    let inner = object((among(2..caller::OBJECT_COUNT, &["a\\u0072n"]).prop_map(quoted), leaf())).boxed();
    let context = object((
        among(1..2, &["arn", "inScope\\u004ff"]).prop_map(quoted),
        prop_oneof![1 => leaf(), 4 => inner.clone()],
    ));
    let nested = prop_oneof![4 => context, 2 => inner, 1 => leaf()].boxed();
    let value = prop_oneof![3 => text, 2 => kind.clone().prop_map(str::to_owned), 2 => nested.clone()];
    let member = prop_oneof![
        4 => (name, value, space()),
        1 => (prop::sample::select(vec!["sessionContext", "inScopeOf"]), nested, space()),
    ];
    let members = prop::collection::vec(member, 0..8);
    let object = (kind, members).prop_map(|(kind, members)| {
        let mut all = vec![format!("\"type\":{kind}")];
        all.extend(
            members
                .into_iter()
                .map(|(name, value, space)| format!("{space}\"{name}\":{space}{value}{space}")),
        );
        format!("{{{}}}", all.join(","))
    });
    prop_oneof![8 => object, 1 => Just("null".to_owned()), 1 => Just("\"x\"".to_owned()), 1 => Just("[{\"type\":\"Root\"}]".to_owned())]
}
