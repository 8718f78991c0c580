//! A pattern in the language of each service.
//!
//! EventBridge: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>; metric
//! filters: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html>.

use serde_json::{Map, Value as Json, json};

use super::carried::{Carried, Condition, Path};
use crate::policy::{Policy, Quantity};
use crate::value::OwnedValue;

/// The longest pattern that CloudWatch Logs takes.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html>
const LONGEST_FILTER: usize = 1_024;

/// The pattern of an EventBridge rule. Events that somebody else puts on the bus cannot name a source of AWS's.
pub fn event_pattern(carried: &Carried) -> Json {
    let sources: Vec<&String> = carried.events.keys().collect();
    let names: Vec<&String> = carried.events.values().flatten().collect();
    let mut detail = Map::new();
    detail.insert("eventSource".to_owned(), json!(sources));
    detail.insert("eventName".to_owned(), json!(names));
    let mut alternatives = Vec::new();
    for condition in &carried.conditions {
        match condition {
            Condition::Any(parts) => {
                let parts: Vec<Json> = parts
                    .iter()
                    .map(|part| {
                        let mut one = Map::new();
                        put(&mut one, part);
                        Json::Object(one)
                    })
                    .collect();
                alternatives.push(parts);
            }
            condition => put(&mut detail, condition),
        }
    }
    // One `$or` is all that an object can have; a policy that needs two is written with the first.
    if let Some(first) = alternatives.into_iter().next() {
        detail.insert("$or".to_owned(), Json::Array(first));
    }
    json!({
        "source": [{"prefix": "aws."}],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": detail,
    })
}

fn put(object: &mut Map<String, Json>, condition: &Condition) {
    let (path, matchers) = match condition {
        Condition::Is { path, texts, any_case: false } => (*path, json!(texts)),
        Condition::Is { path, texts, any_case: true } => {
            let any: Vec<Json> = texts.iter().map(|text| json!({"equals-ignore-case": text})).collect();
            (*path, Json::Array(any))
        }
        Condition::Contains { path, text } => {
            let text = text.replace('\\', "\\\\").replace('*', "\\*");
            (*path, json!([{"wildcard": format!("*{text}*")}]))
        }
        Condition::Present(path) => (*path, json!([{"exists": true}])),
        Condition::Absent(path) => (*path, json!([{"exists": false}, null, ""])),
        // The caller's: it stands for itself.
        Condition::Any(_) => return,
    };
    let Some((last, above)) = path.split_last() else { return };
    let mut at = object;
    for name in above {
        let inner = at.entry((*name).to_owned()).or_insert_with(|| Json::Object(Map::new()));
        let Json::Object(inner) = inner else { return };
        at = inner;
    }
    // Of two conditions on one member the first is kept: leaving one out only makes the pattern wider.
    at.entry((*last).to_owned()).or_insert(matchers);
}

/// The pattern of a metric filter, and whether it carries all that `carried` does. `None`: it would be too long.
pub fn filter_pattern(carried: &Carried) -> Option<(String, bool)> {
    let fits = |(text, _): &(String, bool)| text.len() <= LONGEST_FILTER;
    let short = || Some((written(carried, false).0, false));
    Some(written(carried, true)).filter(fits).or_else(|| short().filter(fits))
}

/// `whole`: with every spelling of each name; else each name once, with whatever follows it.
fn written(carried: &Carried, whole: bool) -> (String, bool) {
    let mut exact = true;
    let mut parts = Vec::new();
    parts.push(any(carried.events.keys().map(|source| equal(&["eventSource"], source)).collect()));
    let names: Vec<&String> = carried.events.values().flatten().collect();
    let names: Vec<String> = if whole {
        names.into_iter().cloned().collect()
    } else {
        let canonical = |name: &String| crate::trail::canonical_name(name).to_owned();
        let mut short: Vec<String> = names.into_iter().map(canonical).collect();
        short.sort();
        short.dedup();
        short.into_iter().map(|name| format!("{name}*")).collect()
    };
    parts.push(any(names.iter().map(|name| equal(&["eventName"], name)).collect()));
    for condition in &carried.conditions {
        match term(condition) {
            Some(text) => parts.push(text),
            None => exact = false,
        }
    }
    (format!("{{ {} }}", parts.join(" && ")), exact)
}

/// `None`: the language cannot say it.
fn term(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Is { path, texts, any_case: false } if texts.iter().all(|text| is_plain(text)) => {
            Some(any(texts.iter().map(|text| equal(path, text)).collect()))
        }
        Condition::Contains { path, text } if is_plain(text) => {
            Some(format!("({})", equal(path, &format!("*{text}*"))))
        }
        Condition::Present(path) => Some(format!("({} EXISTS)", selector(path))),
        Condition::Absent(path) => {
            let of = selector(path);
            Some(format!("(({of} NOT EXISTS) || ({of} IS NULL) || ({of} = \"\"))"))
        }
        Condition::Any(parts) => Some(any(parts.iter().map(term).collect::<Option<_>>()?)),
        Condition::Is { .. } | Condition::Contains { .. } => None,
    }
}

/// A star stands for anything, and quotes cannot be written in a text.
fn is_plain(text: &str) -> bool {
    !text.contains(['*', '"', '\\'])
}

fn any(mut parts: Vec<String>) -> String {
    parts = parts
        .into_iter()
        .map(|part| if part.starts_with('(') { part } else { format!("({part})") })
        .collect();
    match parts.as_slice() {
        [one] => one.clone(),
        _ => format!("({})", parts.join(" || ")),
    }
}

fn equal(path: Path, text: &str) -> String {
    format!("{} = \"{text}\"", selector(path))
}

fn selector(path: Path) -> String {
    format!("$.{}", path.join("."))
}

/// When an alarm over the matching records goes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Seconds.
    pub period: i64,
    pub at_least: i64,
}

/// Of a policy that counts records: periods are aligned, so that a window lies in two of them at most, and one of these
/// has half of what it counts. Of all others: one record.
pub fn threshold(policy: &Policy) -> Threshold {
    let one = Threshold { period: 300, at_least: 1 };
    let Some(count) = &policy.state.count else { return one };
    let number = |quantity: Quantity| match quantity {
        Quantity::Is(number) => Some(number),
        Quantity::Param(at) => match &policy.params.get(at)?.value {
            OwnedValue::Int(number) => Some(*number),
            OwnedValue::Text(text) => crate::policy::parse_duration(text),
            _ => None,
        },
    };
    match (number(count.window), number(count.at_least), count.distinct) {
        (Some(window), Some(at_least), None) if window % 60 == 0 && (60..=86_400).contains(&window) => {
            Threshold { period: window, at_least: at_least.div_euclid(2) + at_least.rem_euclid(2) }
        }
        _ => one,
    }
}
