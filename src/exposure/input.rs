//! What the `exposure` command is given: a bare document, GetPolicy's answer, or lines of a snapshot. Text in,
//! documents out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::json::{self, JsonError};

/// A policy document and what was said about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The file's name, with the line for lines of a snapshot.
    pub source: String,
    /// The document's text. GetPolicy's string is resolved.
    pub document: String,
    /// The resource's ARN, where the input names one.
    pub resource: Option<String>,
    /// Version or alias, where an ARN or the call names one.
    pub qualifier: Option<String>,
    /// The resource's account, where an ARN names it.
    pub owner: Option<String>,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// One document. It may still be unreadable.
    One(Found),
    /// The policies of a snapshot part, in order; none, if it has none.
    Many(Vec<Found>),
    /// Not JSON, or JSON that is not an object.
    Unusable(String),
}

/// Recognises one input. `source` is its name for people.
pub fn read(source: &str, text: &str) -> Input {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<Value>(text) {
        Ok(value) if is_snapshot_line(&value) => Input::Many(of_lines(source, text)),
        Ok(Value::Object(_)) => Input::One(of_object(source, text)),
        Ok(_) => Input::Unusable("the input is JSON, but not an object".to_owned()),
        Err(error) => {
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            match serde_json::from_str::<Value>(first) {
                Ok(value) if is_snapshot_line(&value) => Input::Many(of_lines(source, text)),
                _ if is_object_beyond_limits(text) => Input::One(Found {
                    source: source.to_owned(),
                    document: text.to_owned(),
                    ..Found::default()
                }),
                _ => Input::Unusable(format!("the input is not JSON: {error}")),
            }
        }
    }
}

/// Too deep or too long to be read to its end, and an object as far as that can be told: unknown, not unusable.
fn is_object_beyond_limits(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && matches!(json::parse(text), Err(JsonError::TooDeep(_) | JsonError::TooLong(_)))
}

fn is_snapshot_line(value: &Value) -> bool {
    matches!(value["type"].as_str(), Some("header" | "part" | "end")) && value.get("Statement").is_none()
}

/// A bare document, or GetPolicy's answer with the document in a string.
fn of_object(source: &str, text: &str) -> Found {
    let answer = serde_json::from_str::<Value>(text).unwrap_or_default();
    let inner = answer.get("Statement").is_none().then(|| policy_in(&answer)).flatten();
    let document = inner.unwrap_or_else(|| text.to_owned());
    let resource = sole_resource(&document);
    with_resource(source.to_owned(), document, resource, None)
}

/// The string that GetPolicy and GetLayerVersionPolicy answer with, or the document where it was already resolved.
fn policy_in(answer: &Value) -> Option<String> {
    ["Policy", "policy", "ResourcePolicy"].iter().find_map(|name| match answer.get(name)? {
        Value::String(text) => Some(text.clone()),
        value @ Value::Object(_) => Some(value.to_string()),
        _ => None,
    })
}

/// Every part of the snapshot that holds a policy.
fn of_lines(source: &str, text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    let mut unread: Vec<Found> = Vec::new();
    let mut answered = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let Ok(part) = serde_json::from_str::<Value>(line) else {
            // A line that cannot be read may have held a policy: it is given on, to be reported as unknown.
            if !line.trim().is_empty() {
                let source = format!("{source}:{}", index + 1);
                all.push(Found { source, document: line.to_owned(), ..Found::default() });
            }
            continue;
        };
        if let Some(refused) = refused(source, index, &part) {
            unread.push(refused);
            continue;
        }
        let data = part.get("data").unwrap_or(&part);
        if asks_for_policy(&part) {
            answered.extend(part["resource"].as_str().map(str::to_owned));
        }
        let Some(document) = policy_in(data) else { continue };
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| [&part, data].iter().find_map(|of| of.get(name)?.as_str()))
                .map(str::to_owned)
        };
        let resource = text(&["resource", "resource_arn", "arn"]).filter(|arn| arn.starts_with("arn:"));
        let qualifier = text(&["qualifier", "Qualifier"]);
        let owner = text(&["account"]);
        let resource = resource.or_else(|| sole_resource(&document));
        let mut found = with_resource(format!("{source}:{}", index + 1), document, resource, qualifier);
        found.owner = found.owner.or(owner);
        all.push(found);
    }
    // Asked again and answered: read.
    unread.retain(|one| one.resource.as_ref().is_none_or(|resource| !answered.contains(resource)));
    all.extend(unread);
    all
}

/// The part's API without its service.
fn api(part: &Value) -> Option<&str> {
    part["api"].as_str().map(|api| api.trim_start_matches("lambda:"))
}

fn asks_for_policy(part: &Value) -> bool {
    matches!(api(part), Some("GetPolicy" | "GetResourcePolicy" | "GetLayerVersionPolicy"))
}

/// A part that asked for a policy and got no answer: what it would have said is unknown. That a region does not offer
/// `GetResourcePolicy` says nothing of the policy, which `GetPolicy` gives.
fn refused(source: &str, index: usize, part: &Value) -> Option<Found> {
    let api = api(part)?;
    let status = part["outcome"].as_str().or(part["outcome"]["status"].as_str())?;
    if !asks_for_policy(part) || status == "ok" || (api == "GetResourcePolicy" && status == "disabled") {
        return None;
    }
    let text = |name: &str| part[name].as_str().map(str::to_owned);
    let source = format!("{source}:{} (not read: {status})", index + 1);
    let mut found = with_resource(source, String::new(), text("resource"), text("qualifier"));
    found.owner = found.owner.or_else(|| text("account"));
    Some(found)
}

/// The one Lambda ARN that the statements' `Resource` members name, if they all name the same.
fn sole_resource(document: &str) -> Option<String> {
    let value: Value = serde_json::from_str(document).ok()?;
    let statements = match value.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut sole: Option<&str> = None;
    for statement in statements {
        let resource = statement.get("Resource")?.as_str()?;
        let [_, _, service, ..] = super::pattern::arn_parts(resource)?;
        if service != "lambda" || sole.is_some_and(|other| other != resource) {
            return None;
        }
        sole = Some(resource);
    }
    sole.map(str::to_owned)
}

fn with_resource(
    source: String,
    document: String,
    resource: Option<String>,
    qualifier: Option<String>,
) -> Found {
    let parts = resource.as_deref().and_then(super::pattern::arn_parts);
    let owner =
        parts.map(|parts| parts[4]).filter(|account| super::pattern::is_account(account)).map(str::to_owned);
    // function:NAME:QUALIFIER; a layer's third part is its version, which is no qualifier.
    let named = parts.and_then(|parts| parts[5].strip_prefix("function:")?.split_once(':'));
    let qualifier = qualifier.or_else(|| named.map(|(_, qualifier)| qualifier.to_owned()));
    Found { source, document, resource, qualifier, owner }
}
