//! GuardDuty, Security Hub and Access Analyzer: REST with JSON.

use axum::http::{Method, Uri};
use serde_json::{Map, Value};

use super::{Answer, Asked, decoded, fields};

pub const SERVICES: [&str; 3] = ["guardduty", "securityhub", "access-analyzer"];

pub fn request(service: &str, method: &Method, uri: &Uri, body: &str) -> Result<Asked, Answer> {
    let query = fields(uri.query().unwrap_or_default());
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let path = decoded(uri.path());
    let asked = match (service, method, path.as_str()) {
        ("guardduty", &Method::GET, "/detector") => Asked::new("guardduty:ListDetectors"),
        ("guardduty", &Method::GET, path) if path.starts_with("/detector/") => {
            Asked::about("guardduty:GetDetector", &path["/detector/".len()..])
        }
        ("access-analyzer", &Method::GET, "/analyzer") => Asked::new("access-analyzer:ListAnalyzers"),
        ("securityhub", &Method::POST, "/standards/get") => Asked::new("securityhub:GetEnabledStandards"),
        ("securityhub", &Method::GET, path) if path.starts_with("/standards/controls/") => {
            Asked::about("securityhub:DescribeStandardsControls", &path["/standards/controls/".len()..])
        }
        _ => return Err(Answer::error(404, "UnknownOperationException", "")),
    };
    let token = query.get("nextToken").or_else(|| query.get("NextToken")).cloned();
    let token = token.or_else(|| body["NextToken"].as_str().map(str::to_owned));
    Ok(Asked { token, ..asked })
}

/// GuardDuty's members begin with a small letter, where the AWS CLI (and so a fixture) writes a capital one.
pub fn on_the_wire(api: &str, value: Value) -> Value {
    if !api.starts_with("guardduty:") {
        return value;
    }
    match value {
        Value::Object(members) => {
            let small = |name: String| {
                let mut letters = name.chars();
                let first = letters.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(letters).collect::<String>()
            };
            let all = members.into_iter().map(|(name, value)| (small(name), on_the_wire(api, value)));
            Value::Object(all.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(|item| on_the_wire(api, item)).collect(),
        other => other,
    }
}
