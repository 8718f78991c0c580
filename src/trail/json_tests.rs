use proptest::prelude::*;

use super::*;
use crate::trail::record::Escapes;
use crate::trail::{RawKind, skip};

#[test]
fn reads_members_lazily_and_the_last_duplicate_wins() {
    let raw = Raw::parse(r#" {"a":1,"b":{"c":["x",{"d":null}]},"a":"two","\u0061b":true} "#).unwrap();
    assert_eq!(raw.get("a").unwrap().as_str().unwrap(), "two");
    assert_eq!(raw.get("ab").unwrap().as_bool(), Some(true));
    let items = raw.at(&["b", "c"]).unwrap().items();
    assert_eq!(items.len(), 2);
    assert!(items[1].get("d").unwrap().is_null());
    assert_eq!(items[0].get("d"), None);
    assert_eq!(raw.members().len(), 4);
    assert_eq!(raw.at(&["b", "c", "d"]), None);
}

#[test]
fn numbers_keep_their_text() {
    let raw = Raw::parse("[1e999999,-0.0,123456789012345678901234567890,7]").unwrap();
    let items = raw.items();
    assert_eq!(items[0].text(), "1e999999");
    assert_eq!(items[2].as_i64(), None);
    assert_eq!(items[3].as_i64(), Some(7));
}

#[test]
fn escapes_are_resolved_and_lone_surrogates_replaced() {
    let text = r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00|\ud83d|\ud83dx|\ude00|\ud83d\u0041""#;
    assert_eq!(
        Raw::parse(text).unwrap().as_str().unwrap(),
        "a\"\\/\u{8}\u{c}\n\r\té😀|\u{fffd}|\u{fffd}x|\u{fffd}|\u{fffd}A"
    );
}

#[test]
fn nesting_is_capped_without_recursion() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Raw::parse(&nested(MAX_DEPTH as usize)).is_ok());
    assert_eq!(
        Raw::parse(&nested(MAX_DEPTH as usize + 1)),
        Err(JsonError { at: MAX_DEPTH as usize, fault: JsonFault::TooDeep })
    );
    assert!(Raw::parse(&"{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn faults_name_their_byte() {
    for (text, at, fault) in [
        ("", 0, JsonFault::UnexpectedEnd),
        ("{", 1, JsonFault::UnexpectedEnd),
        ("{\"a\" 1}", 5, JsonFault::Expected("`:`")),
        ("{\"a\":1 \"b\"", 7, JsonFault::Expected("`,` or `}`")),
        ("{\"a\":1,}", 7, JsonFault::Expected("a string as key")),
        ("[1,]", 3, JsonFault::Expected("a JSON value")),
        ("[1}", 2, JsonFault::Expected("`,` or `]`")),
        ("\"a\nb\"", 2, JsonFault::ControlCharacter),
        ("\"0123456789\u{1}\"", 11, JsonFault::ControlCharacter),
        ("\"a\\x\"", 2, JsonFault::BadEscape),
        ("\"\\u12g4\"", 1, JsonFault::BadEscape),
        ("01", 0, JsonFault::BadNumber),
        ("-", 1, JsonFault::UnexpectedEnd),
        ("1.e", 2, JsonFault::BadNumber),
        ("nul", 3, JsonFault::UnexpectedEnd),
        ("nil", 0, JsonFault::Expected("a JSON value")),
        ("1 2", 2, JsonFault::Expected("the end of the text")),
    ] {
        assert_eq!(Raw::parse(text), Err(JsonError { at, fault }), "{text}");
    }
}

/// Texts near JSON: valid documents with a few bytes changed, so that both verdicts are common.
fn near_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9]{1,2})?",
        "\"([a-z é]|\\\\u[0-9a-f]{4}|\\\\[nt\"\\\\/]){0,12}\"",
    ];
    let document = leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-b]{1,2}", inner), 0..4).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!(" \"{key}\" :{value}")).collect();
                format!("{{{}}}", members.join(",\n"))
            }),
        ]
    });
    let change = (any::<prop::sample::Index>(), "[\\[\\]{},:\"\\\\ 0-9a-zé\u{1}-]");
    (document, prop::collection::vec(change, 0..3)).prop_map(|(document, changes)| {
        let mut chars: Vec<char> = document.chars().collect();
        for (at, with) in changes {
            let at = at.index(chars.len());
            chars[at] = with.chars().next().unwrap_or('x');
        }
        chars.into_iter().collect()
    })
}

/// A whole number beyond `f64` is a valid document but no `Value`, and a lone surrogate is no `String`.
fn value_of(raw: Raw<'_>) -> serde_json::Value {
    use serde_json::Value;
    match raw.kind() {
        RawKind::Null => Value::Null,
        RawKind::Bool => Value::Bool(raw.as_bool().unwrap()),
        RawKind::Number => serde_json::from_str(raw.text()).unwrap(),
        RawKind::String => Value::String(raw.as_str().unwrap().into_owned()),
        RawKind::Array => raw.items().into_iter().map(value_of).collect(),
        RawKind::Object => {
            raw.members().into_iter().map(|(key, value)| (key.into_owned(), value_of(value))).collect()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn accepts_exactly_what_serde_json_accepts_and_reads_the_same(text in near_json()) {
        let plain = serde_json::from_str::<serde::de::IgnoredAny>(&text);
        let ours = Raw::parse(&text);
        prop_assert_eq!(ours.is_ok(), plain.is_ok(), "{} {:?} {:?}", text, ours, plain);
        if let (Ok(raw), Ok(value)) = (ours, serde_json::from_str::<serde_json::Value>(&text)) {
            prop_assert_eq!(value_of(raw), value);
        }
    }

    /// Of bytes that may be no text: a value is passed over exactly if the scanner accepts it, and it is UTF-8.
    #[test]
    fn what_is_passed_over_at_once_is_what_the_scanner_accepts(
        text in near_json(), change in any::<Option<(prop::sample::Index, u8)>>(), outer in 0..3u32,
        behind in prop_oneof![Just(""), Just(" "), Just(",\"eventTime\":\"2025-03-01T00:00:00Z\"}")],
    ) {
        let mut bytes = text.into_bytes();
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(behind.bytes());
        let start = peek(&bytes, 0).map_or(0, |(at, _)| at);
        let is_text = |end: &usize| std::str::from_utf8(&bytes[start..*end]).is_ok();
        let accepted = skip_value(&bytes, start, outer).ok().filter(is_text);
        let rest = skip::value(&bytes[start..], outer, &mut Escapes::None);
        prop_assert_eq!(rest.map(|rest| bytes.len() - rest.len()), accepted, "{}", String::from_utf8_lossy(&bytes));
    }
}
