//! What the `exposure` command is given: a bare document, GetPolicy's answer, or lines of a snapshot. Text in,
//! documents out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ResourceKind;
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
    /// What the policy belongs to, where the input says.
    pub kind: Option<ResourceKind>,
    /// Why there is no document: the call for it did not end well.
    pub unread: Option<String>,
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
    let (document, unread) = match answered(text) {
        Answered::Document(document) => (document, None),
        Answered::Nothing => (text.to_owned(), None),
        Answered::Twice => (String::new(), Some(TWICE.to_owned())),
    };
    let resource = sole_resource(&document);
    Found { unread, ..with_resource(source.to_owned(), document, resource, None) }
}

const TWICE: &str = "the policy is written twice, and which one holds cannot be told";
const NAMES: [&str; 3] = ["Policy", "policy", "ResourcePolicy"];

enum Answered {
    /// As written: a member that stands in it twice must not be lost.
    Document(String),
    Nothing,
    Twice,
}

/// GetPolicy's and GetLayerVersionPolicy's answer: the policy in a string, or where that was already resolved.
fn answered(text: &str) -> Answered {
    let Ok(root) = json::parse(text) else { return Answered::Nothing };
    let members = root.members().unwrap_or_default();
    if members.iter().any(|member| member.name == "Statement") {
        return Answered::Nothing;
    }
    let mut found = members.iter().filter(|member| NAMES.contains(&member.name.as_ref()));
    match (found.next().map(|member| &member.node), found.next()) {
        (Some(_), Some(_)) => Answered::Twice,
        (Some(json::Node { value: json::Value::String(inner), .. }), None) => {
            Answered::Document(inner.clone().into_owned())
        }
        (Some(node @ json::Node { value: json::Value::Object(_), .. }), None) => {
            Answered::Document(text[node.span.clone()].to_owned())
        }
        _ => Answered::Nothing,
    }
}

/// The string that GetPolicy and GetLayerVersionPolicy answer with, or the document where it was already resolved.
fn policy_in(answer: &Value) -> Option<String> {
    NAMES.iter().find_map(|name| match answer.get(name)? {
        Value::String(text) => Some(text.clone()),
        value @ Value::Object(_) => Some(value.to_string()),
        _ => None,
    })
}

/// Every part of the snapshot that holds a policy, or should. A line or an answer that cannot be read may have held
/// one: it is given on, to be reported as unknown.
fn of_lines(source: &str, text: &str) -> Vec<Found> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read: Vec<Line> =
        lines.map(|(index, line)| of_line(format!("{source}:{}", index + 1), line)).collect();
    // A call that failed and was made again was answered.
    let answered: BTreeSet<Call> =
        read.iter().filter(|line| line.answered).filter_map(|line| line.call.clone()).collect();
    let superseded =
        |line: &Line| !line.answered && line.call.as_ref().is_some_and(|call| answered.contains(call));
    read.into_iter().filter(|line| !superseded(line)).filter_map(|line| line.found).collect()
}

/// The API, and what it was asked about.
type Call = (String, String);

/// What one line of a snapshot says.
#[derive(Default)]
struct Line {
    /// The call it is the answer of, where it is one for a policy.
    call: Option<Call>,
    answered: bool,
    found: Option<Found>,
}

fn of_line(source: String, line: &str) -> Line {
    let unread = |why: String| Found { source: source.clone(), unread: Some(why), ..Found::default() };
    let alone = |found: Found| Line { found: Some(found), ..Line::default() };
    let part = match serde_json::from_str::<Value>(line) {
        Ok(part) => part,
        Err(error) => return alone(unread(format!("the line is not JSON: {error}"))),
    };
    match part["type"].as_str() {
        Some("header" | "end") => return Line::default(),
        Some("part") => {}
        _ => return alone(unread("the line is not part of a snapshot".to_owned())),
    }
    let Some(api) = part["api"].as_str() else {
        return alone(unread("the snapshot part does not say what was called".to_owned()));
    };
    let kind = match api.strip_prefix("lambda:").unwrap_or(api) {
        "GetPolicy" | "GetResourcePolicy" => ResourceKind::Function,
        "GetLayerVersionPolicy" => ResourceKind::Layer,
        _ => return Line::default(),
    };
    let call = part["resource"].as_str().map(|resource| (api.to_owned(), resource.to_owned()));
    let nothing = Line { call: call.clone(), answered: true, found: None };
    let data = &part["data"];
    let text = |name: &str| [&part, data].iter().find_map(|of| of[name].as_str()).map(str::to_owned);
    let document = policy_in(data);
    let why = match part["outcome"]["status"].as_str().or(part["outcome"].as_str()) {
        // The newer API is not offered everywhere; GetPolicy answers there.
        Some("disabled") if api.ends_with("GetResourcePolicy") => return nothing,
        Some("ok") if document.is_some() => None,
        // Asked and answered: there is no policy.
        Some("ok") if has_no_policy(data) => return nothing,
        Some("ok") => Some(format!("{api} answered something that is no policy")),
        Some(status) => Some(match part["outcome"]["message"].as_str() {
            Some(message) => format!("{api}: {status}: {message}"),
            None => format!("{api}: {status}"),
        }),
        None => Some(format!("{api}: the snapshot does not say how the call ended")),
    };
    let document = document.filter(|_| why.is_none()).unwrap_or_default();
    let named = text("resource").filter(|arn| arn.starts_with("arn:"));
    let resource = named.or_else(|| sole_resource(&document));
    let mut found =
        with_resource(source, document, resource, text("qualifier").or_else(|| text("Qualifier")));
    found.owner = found.owner.or_else(|| text("account"));
    let answered = why.is_none();
    Line { call, answered, found: Some(Found { kind: Some(kind), unread: why, ..found }) }
}

/// The answer names a policy, and that is null.
fn has_no_policy(data: &Value) -> bool {
    let named = |name: &&str| data.get(name).is_some();
    let mut names = NAMES.iter().filter(|name| named(name)).peekable();
    names.peek().is_some() && names.all(|name| data[*name].is_null())
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
    Found { source, document, resource, qualifier, owner, ..Found::default() }
}
