//! The texts of answers: short sentences that name the trail and the selector. Names and values come from whoever may
//! write a trail, so each is shortened here; renderers escape them for their format.

use super::collected::{Kind, Recorder};
use super::{Exclusion, Gap, Proof};
use crate::snapshot::api::FieldSelector;

/// The most characters of a name or value that a text repeats: longer than any ARN of a function.
const VALUE_LIMIT: usize = 220;
/// The most values of a list that a text repeats.
const LIST_LIMIT: usize = 2;
/// The most exclusions and gaps that a reason tells.
const REASON_LIMIT: usize = 3;

/// A text of bounded length.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE_LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `a, b and 3 others`.
pub(super) fn values_text(values: &[&str]) -> String {
    let shown: Vec<String> = values.iter().take(LIST_LIMIT).map(|value| short(value)).collect();
    match values.len().saturating_sub(LIST_LIMIT) {
        0 => shown.join(", "),
        1 => format!("{} and 1 other", shown.join(", ")),
        more => format!("{} and {more} others", shown.join(", ")),
    }
}

/// `resources.ARN StartsWith a, b and 3 others`.
pub(super) fn field_text(field: &FieldSelector) -> String {
    let operators = [
        ("Equals", &field.equals),
        ("StartsWith", &field.starts_with),
        ("EndsWith", &field.ends_with),
        ("NotEquals", &field.not_equals),
        ("NotStartsWith", &field.not_starts_with),
        ("NotEndsWith", &field.not_ends_with),
    ];
    let texts: Vec<String> = operators
        .into_iter()
        .filter_map(|(operator, values)| {
            let values: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
            (!values.is_empty()).then(|| format!("{operator} {}", values_text(&values)))
        })
        .collect();
    format!("{} {}", short(&field.field), texts.join(" "))
}

/// `organization trail NAME (ARN)`.
pub(super) fn recorder_text(arn: &str, recorder: &Recorder) -> String {
    let organization = if recorder.organization.get() == Ok(&true) { "organization " } else { "" };
    let kind = match recorder.kind {
        Kind::Trail => "trail",
        Kind::EventDataStore => "event data store",
    };
    match recorder.name.get() {
        Ok(name) => format!("{organization}{kind} {} ({})", short(name), short(arn)),
        Err(_) => format!("{organization}{kind} {}", short(arn)),
    }
}

fn sentences<'a>(details: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = details.len().saturating_sub(REASON_LIMIT);
    let mut text = details.take(REASON_LIMIT).collect::<Vec<_>>().join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn exclusions(excluded: &[Exclusion]) -> String {
    sentences(excluded.iter().map(|one| one.detail.as_str()))
}

fn proofs(proof: &[Proof], names: &[String]) -> String {
    let shown: Vec<String> = proof
        .iter()
        .zip(names)
        .map(|(proof, name)| format!("{} of {name} ({})", proof.selector, proof.text))
        .collect();
    sentences(shown.iter().map(String::as_str))
}

/// `names`: the recorder of each proof.
pub(super) fn yes(proof: &[Proof], names: &[String]) -> String {
    let together = if proof.len() > 1 { "together record" } else { "records" };
    format!("{} {together} every invocation", proofs(proof, names))
}

/// What narrows the selectors that do record comes first; other trails' cases explain less.
pub(super) fn partial(proof: &[Proof], names: &[String], excluded: &[Exclusion]) -> String {
    let selectors: Vec<String> =
        proof.iter().zip(names).map(|(proof, name)| format!("{} of {name} ", proof.selector)).collect();
    let is_theirs = |one: &&Exclusion| selectors.iter().any(|selector| one.detail.starts_with(selector));
    let (theirs, rest): (Vec<&Exclusion>, Vec<&Exclusion>) = excluded.iter().partition(is_theirs);
    let details: Vec<&str> = theirs.into_iter().chain(rest).map(|one| one.detail.as_str()).collect();
    let narrow =
        if details.is_empty() { String::new() } else { format!(": {}", sentences(details.into_iter())) };
    format!("only some invocations are recorded, by {}{narrow}", proofs(proof, names))
}

pub(super) fn no(excluded: &[Exclusion], account: &str, region: &str) -> String {
    if excluded.is_empty() {
        return format!("no trail or event data store covers account {account} in {region}");
    }
    format!("no active trail or event data store records the invocations: {}", exclusions(excluded))
}

pub(super) fn unread(gaps: &[Gap], proof: &[Proof], names: &[String], excluded: &[Exclusion]) -> String {
    let mut text = format!("not known: {}", sentences(gaps.iter().map(|gap| gap.detail.as_str())));
    if !proof.is_empty() {
        text.push_str(&format!("; known so far: {}", partial(proof, names, excluded)));
    } else if !excluded.is_empty() {
        text.push_str(&format!("; known so far: {}", exclusions(excluded)));
    }
    text
}
