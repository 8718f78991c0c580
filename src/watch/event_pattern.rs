//! EventBridge's patterns over the record of a call.

use serde_json::{Map, Value};
use wildmatch::WildMatch;

use super::sample::{Member, Sample};
use crate::value::Truth;

/// Does the event of such a record match the pattern?
pub(super) fn matches(pattern: &Map<String, Value>, sample: &Sample) -> Truth {
    object(pattern, "", sample)
}

fn object(pattern: &Map<String, Value>, at: &str, sample: &Sample) -> Truth {
    // EventBridge takes no empty one.
    if pattern.is_empty() {
        return Truth::Unknown;
    }
    Truth::all(pattern.iter().map(|(key, value)| {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        match value {
            Value::Array(either) if key == "$or" => Truth::any(either.iter().map(|one| match one {
                Value::Object(one) => object(one, at, sample),
                _ => Truth::Unknown,
            })),
            Value::Object(inner) => object(inner, &path, sample),
            Value::Array(matchers) if !matchers.is_empty() => {
                let member = member(sample, &path);
                Truth::any(matchers.iter().map(|matcher| takes(matcher, member)))
            }
            // A pattern's leaves are lists.
            _ => Truth::Unknown,
        }
    }))
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
fn member(sample: &Sample, path: &str) -> Member {
    match path {
        "source" => Member::Text("aws.lambda"),
        "detail-type" => Member::Text("AWS API Call via CloudTrail"),
        path => path.strip_prefix("detail.").map_or(Member::Unknown, |path| sample.member(path)),
    }
}

fn takes(matcher: &Value, member: Member) -> Truth {
    let operator = match matcher {
        // Of several operators in one object nothing is documented.
        Value::Object(operators) if operators.len() == 1 => operators.iter().next(),
        Value::Object(_) | Value::Array(_) => return Truth::Unknown,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    match (operator, member) {
        (_, Member::Unknown) => Truth::Unknown,
        (Some((name, operand)), member) if name == "exists" => match operand {
            Value::Bool(exists) => (*exists == (member != Member::Missing)).into(),
            _ => Truth::Unknown,
        },
        (None, Member::Text(text)) => (matcher.as_str() == Some(text)).into(),
        (None, Member::Bool(is)) => (matcher.as_bool() == Some(is)).into(),
        (None, Member::Missing) => Truth::False,
        (Some((name, operand)), Member::Text(text)) => operator_takes(name, operand, text),
        (Some(_), Member::Bool(_) | Member::Missing) => Truth::Unknown,
    }
}

fn operator_takes(name: &str, operand: &Value, text: &str) -> Truth {
    match (name, operand) {
        ("anything-but", Value::String(one)) => (one != text).into(),
        ("anything-but", Value::Array(several)) => !Truth::any(several.iter().map(|one| match one {
            Value::String(one) => (one == text).into(),
            Value::Number(_) => Truth::False,
            _ => Truth::Unknown,
        })),
        ("anything-but", Value::Object(operators)) if operators.len() == 1 => {
            !Truth::any(operators.iter().flat_map(|(name, operand)| match operand {
                Value::Array(several) => several.iter().map(|one| text_takes(name, one, text)).collect(),
                one => vec![text_takes(name, one, text)],
            }))
        }
        // No text of these is a number or an address.
        ("numeric" | "cidr", _) => Truth::False,
        _ => text_takes(name, operand, text),
    }
}

fn text_takes(name: &str, operand: &Value, text: &str) -> Truth {
    // `{"prefix": {"equals-ignore-case": "aws."}}`
    let any_case = match operand {
        Value::Object(inner) if inner.len() == 1 => inner.get("equals-ignore-case").and_then(Value::as_str),
        _ => None,
    };
    let (text, wanted) = match (any_case, operand.as_str()) {
        (Some(wanted), _) => (text.to_lowercase(), wanted.to_lowercase()),
        (None, Some(wanted)) => (text.to_owned(), wanted.to_owned()),
        (None, None) => return Truth::Unknown,
    };
    match name {
        "prefix" => text.starts_with(&wanted).into(),
        "suffix" => text.ends_with(&wanted).into(),
        "equals-ignore-case" if any_case.is_none() => text.eq_ignore_ascii_case(&wanted).into(),
        "wildcard" if any_case.is_none() => wildcard(&wanted, &text),
        // What is newer than this.
        _ => Truth::Unknown,
    }
}

/// `*` is any run of characters, and there is no `?`. What a backslash escapes is in none of these texts.
fn wildcard(pattern: &str, text: &str) -> Truth {
    if pattern.contains('\\') {
        return Truth::Unknown;
    }
    WildMatch::new(&pattern.replace('?', "\u{1}")).matches(text).into()
}
