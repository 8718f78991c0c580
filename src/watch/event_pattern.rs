//! EventBridge's patterns over the record of a call.

use serde_json::{Map, Value};
use wildmatch::WildMatch;

use super::{SOURCE, Sample};

/// Can the event of such a record match the pattern?
pub(super) fn matches(pattern: &Map<String, Value>, sample: &Sample) -> bool {
    let event = |path: &str| match path {
        "source" => Some("aws.lambda"),
        "detail-type" => Some("AWS API Call via CloudTrail"),
        "detail.eventSource" => Some(SOURCE),
        "detail.eventName" => Some(sample.name),
        _ => None,
    };
    object(pattern, "", &event)
}

fn object<'e>(pattern: &Map<String, Value>, at: &str, event: &dyn Fn(&str) -> Option<&'e str>) -> bool {
    pattern.iter().all(|(key, value)| {
        if key == "$or" {
            let either = value.as_array().map_or(&[][..], Vec::as_slice);
            return either.iter().filter_map(Value::as_object).any(|one| object(one, at, event));
        }
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match value {
            Value::Object(inner) => object(inner, &path, event),
            // Of other members nothing is known: they may have what is asked.
            Value::Array(matchers) => {
                event(&path).is_none_or(|text| matchers.iter().any(|matcher| matcher_takes(matcher, text)))
            }
            // A pattern's leaves are lists.
            _ => false,
        }
    })
}

fn matcher_takes(matcher: &Value, text: &str) -> bool {
    match matcher {
        Value::String(exact) => exact == text,
        Value::Object(operator) => operator.iter().all(|(name, operand)| operator_takes(name, operand, text)),
        _ => false,
    }
}

fn operator_takes(name: &str, operand: &Value, text: &str) -> bool {
    // `{"prefix": {"equals-ignore-case": "aws."}}`
    let any_case = operand.get("equals-ignore-case").and_then(Value::as_str);
    let (text, wanted) = match any_case {
        Some(wanted) => (text.to_lowercase(), Some(wanted.to_lowercase())),
        None => (text.to_owned(), operand.as_str().map(str::to_owned)),
    };
    match (name, wanted) {
        ("prefix", Some(wanted)) => text.starts_with(&wanted),
        ("suffix", Some(wanted)) => text.ends_with(&wanted),
        ("equals-ignore-case", Some(wanted)) => text.eq_ignore_ascii_case(&wanted),
        ("wildcard", Some(wanted)) => wildcard(&wanted, &text),
        ("exists", _) => operand.as_bool() == Some(true),
        ("anything-but", _) => match operand {
            Value::String(one) => *one != text,
            Value::Array(several) => !several.iter().any(|one| one == text.as_str()),
            Value::Object(inner) => {
                let excluded = |(name, operand): (&String, &Value)| match operand {
                    Value::Array(several) => several.iter().any(|one| operator_takes(name, one, &text)),
                    one => operator_takes(name, one, &text),
                };
                !inner.iter().any(excluded)
            }
            _ => true,
        },
        // Numbers and addresses do not match texts; what is newer than this may.
        ("numeric" | "cidr", _) => false,
        _ => true,
    }
}

/// `*` is any run of characters; there is no `?`.
fn wildcard(pattern: &str, text: &str) -> bool {
    WildMatch::new(&pattern.replace('?', "\u{1}")).matches(text)
}
