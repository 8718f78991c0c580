//! What a fact says stands on a line, and what a finding about it rests on.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::{Facet, Keys, Line, Slot, Trace, Want};
use crate::arn;
use crate::facts::{Body, EXPOSURES, EventSource, Fact, FunctionUrl, Grant, Subject};
use crate::value::{Reading, TextList};

/// The line of a subject.
pub fn line(subject: &Subject<'_>, facet: Facet) -> Line {
    let (subject, scope) = match &subject.arn {
        Some(arn) => match arn::split_function(arn) {
            Some((function, qualifier)) => (function.to_owned(), qualifier.unwrap_or_default().to_owned()),
            None => (arn.to_string(), String::new()),
        },
        None => {
            let (name, scope) = match subject.kind {
                "function_version" | "alias" | "function_url" => {
                    subject.name.split_once(':').unwrap_or((&subject.name, ""))
                }
                _ => (&*subject.name, ""),
            };
            let of = |part: &Option<Cow<'_, str>>| part.as_deref().unwrap_or("?").to_owned();
            (format!("{name} {} {}", of(&subject.account), of(&subject.region)), scope.to_owned())
        }
    };
    // $LATEST is the function itself.
    let scope = if scope == "$LATEST" { String::new() } else { scope };
    Line { subject, scope, facet }
}

/// The keys and values that a fact says stand on a line. Of what it does not say, nothing is told here.
pub fn stands(fact: &Fact<'_>) -> Option<(Line, Keys)> {
    let on = |facet| line(&fact.subject, facet);
    Some(match &fact.body {
        Body::Grant(grant) => {
            let (key, value) = (statement_key(grant, &fact.part)?, entry(grant, &fact.part)?);
            (on(Facet::Policy), vec![(key, Slot::Known(value))])
        }
        Body::FunctionUrl(url) => {
            (on(Facet::Url), vec![("auth_type".into(), slot(&url.auth_type)), ("cors".into(), cors(url))])
        }
        Body::LayerUse(layer) => {
            let layer = layer.layer.known()?;
            (on(Facet::Layers), vec![(layer.as_ref().into(), Slot::Known("".into()))])
        }
        Body::EventSource(mapping) => (on(Facet::Mapping), mapping_keys(mapping)),
        Body::Function(function) => (on(Facet::Role), vec![("role".into(), slot(&function.role))]),
        _ => return None,
    })
}

/// The key of a statement: its Sid, else what it says.
pub fn statement_key(grant: &Grant<'_>, part: &str) -> Option<Box<str>> {
    match &grant.statement_id {
        Reading::Known(sid) => Some(sid.as_ref().into()),
        Reading::Absent => Some(format!("#{}", statement_hash(part)?).into()),
        Reading::Unread(_) => None,
    }
}

/// What tells statements apart, without the class of actions that stands before it in a grant's part.
fn statement_hash(part: &str) -> Option<String> {
    Some(hash(part.split_once('\u{1e}')?.1))
}

/// `CLASS EXPOSURE HASH` of one class of a statement's actions.
fn entry(grant: &Grant<'_>, part: &str) -> Option<Box<str>> {
    let (class, rest) = part.split_once('\u{1e}')?;
    let exposure = grant.exposure.known().map_or("unread", |exposure| exposure.as_ref());
    Some(format!("{class} {exposure} {}", hash(rest)).into())
}

/// Does a statement's value, one entry per line, still grant what `want` is an entry of: to as many, or more?
pub(super) fn grants(value: &str, want: &str) -> bool {
    let parts = |entry: &'_ str| -> Option<(String, usize, String)> {
        let mut parts = entry.split(' ');
        let (class, exposure, hash) = (parts.next()?, parts.next()?, parts.next()?);
        // Unread may be the widest.
        let width = EXPOSURES.iter().position(|known| *known == exposure).map_or(0, |at| at + 1);
        Some((class.to_owned(), width, hash.to_owned()))
    };
    let Some((class, width, hash)) = parts(want) else { return false };
    value.lines().filter_map(parts).any(|one| one.0 == class && one.2 == hash && one.1 <= width.max(1))
}

/// What a record sets of a trail or event data store, as the part of its fact: `KEY=VALUE;…`, with hashes for selectors
/// and `?` for what it does not say.
pub fn recorder_part(keys: &Keys) -> String {
    let one = |(key, slot): &(Box<str>, Slot)| match slot {
        Slot::Known(value) => format!("{key}={}", recorder_value(key, value)),
        Slot::Absent | Slot::Unread => format!("{key}=?"),
    };
    keys.iter().map(one).collect::<Vec<_>>().join(";")
}

/// The value of a recorder's key as parts and wants have it.
pub(super) fn recorder_value(key: &str, value: &str) -> String {
    if key == "selectors" { hash(value) } else { value.to_owned() }
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn slot(reading: &Reading<Cow<'_, str>>) -> Slot {
    match reading {
        Reading::Known(text) => Slot::Known(text.as_ref().into()),
        Reading::Absent => Slot::Absent,
        Reading::Unread(_) => Slot::Unread,
    }
}

fn texts(list: &TextList<'_>) -> String {
    let mut items: Vec<&str> = list.items.iter().map(AsRef::as_ref).collect();
    items.sort_unstable();
    items.dedup();
    items.join("\u{1f}")
}

fn cors(url: &FunctionUrl<'_>) -> Slot {
    match (&url.allow_origins, &url.allow_credentials) {
        (Reading::Known(origins), Reading::Known(credentials)) if origins.incomplete.is_none() => {
            Slot::Known(hash(&format!("{credentials}\u{1e}{}", texts(origins))).into())
        }
        _ => Slot::Unread,
    }
}

/// The function is kept by its name: records name it by name or by ARN.
fn mapping_keys(mapping: &EventSource<'_>) -> Vec<(Box<str>, Slot)> {
    let function = match &mapping.function {
        Reading::Known(function) => {
            let name = match arn::split_function(function) {
                Some((arn, qualifier)) => {
                    let name = arn::last(arn);
                    qualifier.map_or_else(|| name.to_owned(), |qualifier| format!("{name}:{qualifier}"))
                }
                None => function.to_string(),
            };
            Slot::Known(name.into())
        }
        other => slot(other),
    };
    let source = match &mapping.source {
        // A broker outside AWS has no ARN.
        Reading::Absent => Slot::Known("".into()),
        other => slot(other),
    };
    let enabled = match mapping.enabled {
        Reading::Known(enabled) => Slot::Known(if enabled { "true" } else { "false" }.into()),
        Reading::Absent | Reading::Unread(_) => Slot::Unread,
    };
    vec![("function".into(), function), ("source".into(), source), ("enabled".into(), enabled)]
}

/// What has to stand for a finding about a fact to hold, where the policy reads the fields for which `reads` is true.
/// Any of the traces is enough. Empty: it cannot be told.
pub fn traces(fact: &Fact<'_>, reads: impl Fn(&str) -> bool) -> Vec<Trace> {
    let want = |key: &str, slot: Slot| match slot {
        Slot::Known(value) => Some(Want { key: Some(key.into()), value }),
        Slot::Absent | Slot::Unread => None,
    };
    match &fact.body {
        Body::Grant(grant) => {
            let Some(value) = entry(grant, &fact.part) else { return Vec::new() };
            let wants = vec![Want { key: statement_key(grant, &fact.part), value }];
            vec![Trace { line: line(&fact.subject, Facet::Policy), wants }]
        }
        Body::FunctionUrl(url) => {
            let mut wants = Vec::new();
            if reads("auth_type") || reads("admits_public") {
                wants.extend(want("auth_type", slot(&url.auth_type)));
            }
            if reads("allow_origins") || reads("allow_credentials") {
                wants.extend(want("cors", cors(url)));
            }
            found(line(&fact.subject, Facet::Url), wants)
        }
        Body::LayerUse(layer) => {
            let layer = layer.layer.known();
            let wants = layer.and_then(|layer| want(layer, Slot::Known("".into())));
            found(line(&fact.subject, Facet::Layers), wants.into_iter().collect())
        }
        Body::EventSource(mapping) => {
            let keys = mapping_keys(mapping);
            // One that is off already cannot be blocked any more.
            let wants = keys
                .into_iter()
                .filter(|(key, slot)| **key != *"enabled" || *slot == Slot::Known("true".into()));
            let wants = wants.filter_map(|(key, slot)| want(&key, slot)).collect();
            found(line(&fact.subject, Facet::Mapping), wants)
        }
        Body::LoggingChange(_) => {
            // What a record set of a recorder is its fact's part.
            let wants = fact.part.split(';').filter_map(|one| one.split_once('='));
            let wants = wants.filter(|(_, value)| *value != "true" && *value != "?");
            let wants = wants.map(|(key, value)| Want { key: Some(key.into()), value: value.into() });
            found(line(&fact.subject, Facet::Recorder), wants.collect())
        }
        Body::Function(function) => {
            let mut traces = Vec::new();
            if reads("role") {
                let wants = want("role", slot(&function.role)).into_iter().collect();
                traces.extend(found(line(&fact.subject, Facet::Role), wants));
            }
            if (reads("destinations") || reads("untrusted_destinations"))
                && let Reading::Known(targets) = &function.untrusted_destinations
            {
                for target in &targets.items {
                    let wants = vec![Want { key: None, value: target.as_ref().into() }];
                    traces.extend(found(line(&fact.subject, Facet::Destinations), wants));
                }
            }
            traces
        }
        _ => Vec::new(),
    }
}

fn found(line: Line, wants: Vec<Want>) -> Vec<Trace> {
    if wants.is_empty() { Vec::new() } else { vec![Trace { line, wants }] }
}
