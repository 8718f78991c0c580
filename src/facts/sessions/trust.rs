//! Does a role's trust policy let Lambda take the role? Read with care on both sides: a yes and a no are both certain.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Whether a trust policy admits Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admits {
    /// A statement allows it to the service, under whatever conditions.
    Yes,
    /// Every statement that allows anything names others.
    No,
    /// It does not parse, or names everyone.
    Unread,
}

/// Reads a trust policy: JSON text, percent-encoded or not, or the JSON itself.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub fn admits_lambda(document: &Json) -> Admits {
    let parsed = match document {
        Json::String(text) => {
            let decoded =
                if text.trim_start().starts_with('{') { Some(text.clone()) } else { percent_decoded(text) };
            decoded.and_then(|text| serde_json::from_str::<Json>(&text).ok())
        }
        other => Some(other.clone()),
    };
    let statements = match parsed.as_ref().and_then(|document| document.get("Statement")) {
        Some(Json::Array(list)) => list.as_slice(),
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => return Admits::Unread,
    };
    let mut all = Admits::No;
    for statement in statements {
        match of_statement(statement) {
            Admits::Yes => return Admits::Yes,
            Admits::Unread => all = Admits::Unread,
            Admits::No => {}
        }
    }
    all
}

fn of_statement(statement: &Json) -> Admits {
    match statement.get("Effect").and_then(Json::as_str) {
        Some("Deny") => return Admits::No,
        Some("Allow") => {}
        _ => return Admits::Unread,
    }
    // `"*"`, `NotPrincipal`, or nothing: whether services are meant is not said.
    let Some(Json::Object(principals)) = statement.get("Principal") else { return Admits::Unread };
    let mut all = Admits::No;
    for (kind, value) in principals {
        let names: Option<Vec<&str>> = match value {
            Json::String(one) => Some(vec![one]),
            Json::Array(list) => list.iter().map(Json::as_str).collect(),
            _ => None,
        };
        let Some(names) = names else {
            all = Admits::Unread;
            continue;
        };
        for name in names {
            let name = name.to_ascii_lowercase();
            match kind.as_str() {
                "Service" if name == "lambda.amazonaws.com" => return Admits::Yes,
                "Service" if name.contains("lambda") || name.contains('*') => all = Admits::Unread,
                "AWS" if name == "*" => all = Admits::Unread,
                "Service" | "AWS" | "Federated" | "CanonicalUser" => {}
                _ => all = Admits::Unread,
            }
        }
    }
    all
}

/// IAM answers with percent-encoded JSON (RFC 3986); the CLI decodes it.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
