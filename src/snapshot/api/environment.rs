//! A function's environment variables, as a snapshot may hold them: their names, and which of them hold what looks like
//! a credential. AWS's answer has the values: they are looked at when it is read, and go no further.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secrets;

/// What is kept of <https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentResponse.html>. An answer of AWS, with
/// `Variables`, can be pasted in as it is: its values are forgotten as soon as they have been looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", try_from = "Answer")]
pub struct Environment {
    /// Names of the variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Those whose values look like credentials, each with the rule that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Vec<FoundSecret>>,
    /// The rules that were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Why AWS gave no variables: most often a key that the caller may not decrypt with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<EnvironmentError>,
}

/// A variable that holds what looks like a credential.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FoundSecret {
    pub name: String,
    /// Id of the rule: `github-pat`.
    pub rule: String,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_EnvironmentError.html>. Its message is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EnvironmentError {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// What is read: AWS's form, or that of a snapshot.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    /// Of any type: a parser that says which value it did not expect would quote it.
    #[serde(default)]
    variables: Option<serde_json::Value>,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    secrets: Option<Vec<FoundSecret>>,
    #[serde(default)]
    rules: Option<String>,
    #[serde(default)]
    error: Option<EnvironmentError>,
}

/// None of the messages holds a name or a value.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the environment's `Variables` is no object")]
    NoObject,
    #[error("of the environment the names or the secrets are missing")]
    Half,
    #[error(transparent)]
    Rules(#[from] secrets::Unusable),
}

impl TryFrom<Answer> for Environment {
    type Error = Unreadable;

    fn try_from(answer: Answer) -> Result<Self, Unreadable> {
        if answer.error.is_some() {
            return Ok(Environment { error: answer.error, ..Environment::default() });
        }
        match (answer.variables, answer.names, answer.secrets) {
            (Some(serde_json::Value::Object(variables)), None, None) => looked_at(variables),
            (Some(_), ..) => Err(Unreadable::NoObject),
            (None, Some(names), Some(secrets)) => Ok(Environment {
                names: Some(names),
                secrets: Some(secrets),
                rules: answer.rules,
                error: None,
            }),
            // AWS: there are no variables.
            (None, None, None) => looked_at(serde_json::Map::new()),
            (None, ..) => Err(Unreadable::Half),
        }
    }
}

fn looked_at(variables: serde_json::Map<String, serde_json::Value>) -> Result<Environment, Unreadable> {
    let variables: BTreeMap<String, serde_json::Value> = variables.into_iter().collect();
    let mut found = Vec::new();
    for (name, value) in &variables {
        let other;
        let text = match value.as_str() {
            Some(text) => text,
            None => {
                other = value.to_string();
                &other
            }
        };
        for rule in secrets::matching(name, text)? {
            found.push(FoundSecret { name: name.clone(), rule: rule.to_owned() });
        }
    }
    Ok(Environment {
        names: Some(variables.into_keys().collect()),
        secrets: Some(found),
        rules: Some(secrets::RULES.to_owned()),
        error: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Environment, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_looked_at_and_forgotten() {
        let token = ["ghp", "_", "xK3mQ8vB2nL7wR4tY9pZ1sD6fG5hJ0cA3eUo"].concat();
        let answer = serde_json::json!({"Variables": {"TABLE": "orders", "DEPLOY": token, "LEVEL": 3}});
        let kept = read(&answer.to_string()).unwrap();
        let written = serde_json::to_string(&kept).unwrap();
        assert_eq!(
            written,
            r#"{"Names":["DEPLOY","LEVEL","TABLE"],"Secrets":[{"Name":"DEPLOY","Rule":"github-pat"}],"Rules":"gitleaks 8.30.1"}"#
        );
        // What is kept is read as what it was.
        assert_eq!(read(&written).unwrap(), kept);
        assert!(!format!("{kept:?}").contains("orders"));
    }

    #[test]
    fn none_is_not_unread() {
        assert_eq!(read("{}").unwrap().names, Some(Vec::new()));
        assert_eq!(read(r#"{"Variables":{}}"#).unwrap().names, Some(Vec::new()));
        let denied = read(r#"{"Error":{"ErrorCode":"AccessDeniedException","Message":"key 1"}}"#).unwrap();
        assert_eq!(denied.names, None);
        assert_eq!(
            serde_json::to_string(&denied).unwrap(),
            r#"{"Error":{"ErrorCode":"AccessDeniedException"}}"#
        );
        assert!(read(r#"{"Names":["A"]}"#).is_err() && read(r#"{"Secrets":[]}"#).is_err());
    }

    /// Whatever is wrong with it, no message quotes what it holds.
    #[test]
    fn no_error_quotes_a_value() {
        for odd in [
            r#"{"Variables":"canary"}"#,
            r#"{"Variables":["canary"]}"#,
            r#"{"Variables":{"X":"canary"},"Names":["X"]}"#,
        ] {
            let error = read(odd).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        assert_eq!(read(r#"{"Variables":{"X":{"Y":"canary"}}}"#).unwrap().secrets, Some(Vec::new()));
    }
}
