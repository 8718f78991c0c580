//! Lambda's paths.

use axum::http::{Method, Uri};

use super::{Answer, Asked, decoded, fields};

/// What a request asks.
pub fn request(method: &Method, uri: &Uri) -> Result<Asked, Answer> {
    let unknown = || Answer::error(404, "UnknownOperationException", "");
    if method != Method::GET {
        return Err(unknown());
    }
    let path: Vec<String> = uri.path().trim_matches('/').split('/').map(decoded).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = fields(uri.query().unwrap_or_default());
    let mut asked = match path.as_slice() {
        ["2015-03-31", "functions"] => Asked::new("lambda:ListFunctions"),
        ["2015-03-31", "functions", name, "aliases"] => Asked::about("lambda:ListAliases", name),
        ["2015-03-31", "functions", name, "versions"] => Asked::about("lambda:ListVersionsByFunction", name),
        ["2015-03-31", "functions", name, "policy"] => match query.get("Qualifier") {
            Some(qualifier) => Asked::about("lambda:GetPolicy", &format!("{name}:{qualifier}")),
            None => Asked::about("lambda:GetPolicy", name),
        },
        ["2026-07-09", "resource-policy", arn] => Asked::about("lambda:GetResourcePolicy", arn),
        ["2021-10-31", "functions", name, "urls"] => Asked::about("lambda:ListFunctionUrlConfigs", name),
        ["2019-09-25", "functions", name, "event-invoke-config", "list"] => {
            Asked::about("lambda:ListFunctionEventInvokeConfigs", name)
        }
        ["2017-03-31", "tags", arn] => Asked::about("lambda:ListTags", arn),
        ["2019-09-30", "functions", name, "concurrency"] => {
            Asked::about("lambda:GetFunctionConcurrency", name)
        }
        ["2020-06-30", "functions", name, "code-signing-config"] => {
            Asked::about("lambda:GetFunctionCodeSigningConfig", name)
        }
        ["2018-10-31", "layers"] => Asked::new("lambda:ListLayers"),
        ["2018-10-31", "layers", name, "versions"] => Asked::about("lambda:ListLayerVersions", name),
        ["2018-10-31", "layers", name, "versions", version, "policy"] => {
            Asked::about("lambda:GetLayerVersionPolicy", &format!("{name}:{version}"))
        }
        ["2015-03-31", "event-source-mappings"] => Asked::new("lambda:ListEventSourceMappings"),
        ["2016-08-19", "account-settings"] => Asked::new("lambda:GetAccountSettings"),
        _ => return Err(unknown()),
    };
    asked.token = query.get("Marker").cloned();
    if let Some(items) = query.get("MaxItems") {
        let most = if asked.api == "lambda:ListEventSourceMappings" { 10_000 } else { 50 };
        match items.parse() {
            // More than it gives is not refused; it gives what it gives.
            Ok(items) if (1..=10_000).contains(&items) => asked.items = Some(std::cmp::min(items, most)),
            _ => return Err(Answer::error(400, "InvalidParameterValueException", "MaxItems")),
        }
    }
    Ok(asked)
}
