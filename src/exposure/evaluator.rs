//! Does AWS's documented logic allow this one request? The plain answer, without sets or classes.
//!
//! This is the reference that the classifier is tested against, so it shares nothing with it: it reads
//! `serde_json` values, and matches by itself. It judges the resource policy alone, as if the caller's own policies
//! allowed the call.
//!
//! Rules: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html> (a Deny wins),
//! `reference_policies_elements_principal.html`, `reference_policies_elements_notprincipal.html`,
//! `reference_policies_elements_condition_operators.html`, `reference_policies_multi-value-conditions.html`,
//! `reference_policies_variables.html`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

/// Who sends the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// An IAM principal.
    Principal {
        /// Its account, twelve digits.
        account: String,
        /// Its ARN; for a session the role's.
        arn: String,
        /// The session's own ARN, for a session.
        session: Option<String>,
    },
    /// An AWS service calling for itself.
    Service(String),
    /// Nobody's credentials.
    Anonymous,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who sends it.
    pub caller: Caller,
    /// `lambda:InvokeFunction`
    pub action: String,
    /// The function's ARN, with its qualifier if the call has one.
    pub resource: String,
    /// Condition keys that the request has, names in lower case. A key that is not here is missing.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// The answer of one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An Allow holds and no Deny does.
    Allowed,
    /// No statement holds.
    NotAllowed,
    /// A Deny holds.
    Denied,
    /// AWS would not have stored this document.
    Unreadable,
}

/// Judges one request against one document.
pub fn decide(document: &Value, request: &Request) -> Decision {
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Decision::Unreadable,
    };
    // Only this version has variables; in older documents `${` is text.
    let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
    let mut decision = Decision::NotAllowed;
    for statement in statements {
        let Some(holds) = statement.as_object().and_then(|statement| holds(statement, request, variables))
        else {
            return Decision::Unreadable;
        };
        match statement.get("Effect").and_then(Value::as_str) {
            Some("Deny") if holds => return Decision::Denied,
            Some("Allow") if holds => decision = Decision::Allowed,
            Some("Allow" | "Deny") => {}
            _ => return Decision::Unreadable,
        }
    }
    decision
}

/// `None`: not a statement that AWS stores.
fn holds(statement: &Map<String, Value>, request: &Request, variables: bool) -> Option<bool> {
    let principal = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(named), None) => names_caller(named, &request.caller)?,
        (None, Some(spared)) => !names_caller(spared, &request.caller)?,
        _ => return None,
    };
    let action = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(named), None) => matches_any(&strings(named)?, &request.action, Case::Ignored),
        (None, Some(spared)) => !matches_any(&strings(spared)?, &request.action, Case::Ignored),
        _ => return None,
    };
    let resource = match (statement.get("Resource"), statement.get("NotResource")) {
        (Some(named), None) => matches_any(&strings(named)?, &request.resource, Case::Kept),
        (None, Some(spared)) => !matches_any(&strings(spared)?, &request.resource, Case::Kept),
        (None, None) => true,
        _ => return None,
    };
    let conditions = match statement.get("Condition") {
        None => true,
        Some(block) => conditions_hold(block.as_object()?, request, variables)?,
    };
    Some(principal && action && resource && conditions)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

/// `*` is everyone. An account's id or root ARN is every principal in it. Another ARN is that principal, or every
/// session of that role. No other wildcards are allowed.
fn names_caller(element: &Value, caller: &Caller) -> Option<bool> {
    let kinds = match element {
        Value::String(text) if text == "*" => return Some(true),
        Value::Object(kinds) => kinds,
        _ => return None,
    };
    let mut named = false;
    for (kind, values) in kinds {
        for value in strings(values)? {
            named |= match (kind.as_str(), caller) {
                ("AWS", _) if value == "*" => true,
                ("AWS", Caller::Principal { account, arn, session }) => {
                    let root = format!(":iam::{account}:root");
                    value == *account
                        || (value.starts_with("arn:") && value.ends_with(&root))
                        || value == *arn
                        || session.as_deref() == Some(value.as_str())
                }
                ("Service", Caller::Service(name)) => value.eq_ignore_ascii_case(name),
                ("AWS" | "Service" | "Federated" | "CanonicalUser", _) => false,
                _ => return None,
            };
        }
    }
    Some(named)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Kept,
    Ignored,
}

fn matches_any(patterns: &[String], text: &str, case: Case) -> bool {
    patterns.iter().any(|pattern| match case {
        Case::Kept => like(pattern.as_bytes(), text.as_bytes()),
        Case::Ignored => like(pattern.to_ascii_lowercase().as_bytes(), text.to_ascii_lowercase().as_bytes()),
    })
}

/// `*` any characters, `?` one. Row by row, so that no pattern is slow.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    let mut row: Vec<bool> = std::iter::once(true).chain(text.iter().map(|_| false)).collect();
    for &p in pattern {
        let mut next = Vec::with_capacity(row.len());
        next.push(p == b'*' && row[0]);
        for (index, &t) in text.iter().enumerate() {
            next.push(match p {
                b'*' => row[index + 1] || next[index],
                b'?' => row[index],
                p => row[index] && p == t,
            });
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}

/// ARNs are compared part by part.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) =
        (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern == "*"
        || patterns.len() == 6
            && parts.len() == 6
            && patterns.iter().zip(parts).all(|(p, t)| like(p.as_bytes(), t.as_bytes()))
}

/// Blocks and keys are ANDed.
fn conditions_hold(block: &Map<String, Value>, request: &Request, variables: bool) -> Option<bool> {
    let mut all = true;
    for (operator, keys) in block {
        for (key, values) in keys.as_object()? {
            let found = request.keys.get(&key.to_ascii_lowercase());
            let values = strings(values)?;
            let values: Vec<Option<String>> =
                values.into_iter().map(|v| if variables { replaced(&v, request) } else { Some(v) }).collect();
            all &= condition_holds(operator, found.map(Vec::as_slice), &values)?;
        }
    }
    Some(all)
}

/// `None`: a variable has no value, and the comparison fails.
fn replaced(value: &str, request: &Request) -> Option<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}')?;
        out.push_str(before);
        match request.keys.get(&name.trim().to_ascii_lowercase()).map(Vec::as_slice) {
            Some([one]) => out.push_str(one),
            _ => return None,
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

fn condition_holds(operator: &str, found: Option<&[String]>, values: &[Option<String>]) -> Option<bool> {
    if operator == "Null" {
        let missing = found.is_none().to_string();
        return Some(values.iter().flatten().any(|value| *value == missing));
    }
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (set, operator),
        None => ("", operator),
    };
    let (if_exists, operator) = match operator.strip_suffix("IfExists") {
        Some(operator) => (true, operator),
        None => (false, operator),
    };
    let negated = operator.contains("Not");
    // One value of the request against the policy's values: any for a positive operator, none for a negated one.
    let one = |value: &String| {
        let hits: Option<Vec<bool>> = values
            .iter()
            .map(|pattern| pattern.as_ref().map_or(Some(false), |pattern| compare(operator, value, pattern)))
            .collect();
        hits.map(|hits| hits.contains(&true) != negated)
    };
    match (set, found) {
        ("ForAllValues", None) => Some(true),
        (_, None) if if_exists => Some(true),
        ("ForAnyValue", None) => Some(false),
        ("", None) => Some(negated),
        ("ForAllValues", Some(found)) => {
            found.iter().map(one).collect::<Option<Vec<_>>>().map(|all| !all.contains(&false))
        }
        ("ForAnyValue", Some(found)) => {
            found.iter().map(one).collect::<Option<Vec<_>>>().map(|all| all.contains(&true))
        }
        ("", Some(found)) => {
            let hits = found.iter().map(one).collect::<Option<Vec<_>>>()?;
            Some(if negated { !hits.contains(&false) } else { hits.contains(&true) })
        }
        _ => None,
    }
}

/// The operator without its negation; `None` if there is no such operator here.
fn compare(operator: &str, value: &str, pattern: &str) -> Option<bool> {
    Some(match operator {
        "StringEquals" | "StringNotEquals" => value == pattern,
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => value.eq_ignore_ascii_case(pattern),
        "StringLike" | "StringNotLike" => like(pattern.as_bytes(), value.as_bytes()),
        "ArnLike" | "ArnEquals" | "ArnNotLike" | "ArnNotEquals" => arn_like(pattern, value),
        "Bool" => value.eq_ignore_ascii_case(pattern),
        "IpAddress" | "NotIpAddress" => in_network(value, pattern)?,
        _ => return None,
    })
}

fn in_network(address: &str, network: &str) -> Option<bool> {
    let network = match network.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => IpNet::from(network.parse::<IpAddr>().ok()?),
    };
    Some(address.parse::<IpAddr>().is_ok_and(|address| network.contains(&address)))
}
