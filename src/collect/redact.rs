//! What is secret in a record and no policy asks for: tokens and keys that the call handed out (CloudTrail does record the
//! session token of an AssumeRole), passwords, values of environment variables, code. It is taken out before a record
//! is kept.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html>

use memchr::memmem;
use serde_json::Value;

use crate::trail::HIDDEN;

/// Members whose value is secret, by their names in lower case.
const SECRET: [&str; 6] =
    ["password", "secretaccesskey", "securitytoken", "sessiontoken", "x-amz-security-token", "zipfile"];

/// Without one of these a text has no such member. `\u`: a name may be spelled so.
const SIGNS: [&str; 6] = ["oken", "ecret", "assword", "nvironment", "ipFile", "\\u"];

/// The record without its secrets. A text that is no JSON is kept by nobody: it is empty then.
pub(super) fn redacted(record: String) -> String {
    if !SIGNS.iter().any(|sign| memmem::find(record.as_bytes(), sign.as_bytes()).is_some()) {
        return record;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&record) else { return String::new() };
    if hide(&mut value) { value.to_string() } else { record }
}

/// Whether anything was hidden.
fn hide(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |hidden, item| hide(item) | hidden),
        Value::Object(members) => members.iter_mut().fold(false, |hidden, (name, member)| {
            let name = name.to_ascii_lowercase();
            let secret = SECRET.iter().any(|secret| name.ends_with(secret));
            let here = match member {
                Value::Null => false,
                _ if secret => {
                    *member = HIDDEN.into();
                    true
                }
                Value::Object(environment) if name == "environment" => {
                    let variables =
                        environment.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("variables"));
                    let values = variables.and_then(|(_, variables)| variables.as_object_mut());
                    let values: Vec<&mut Value> =
                        values.into_iter().flat_map(|all| all.values_mut()).collect();
                    let any = !values.is_empty();
                    values.into_iter().for_each(|value| *value = HIDDEN.into());
                    any
                }
                member => hide(member),
            };
            here | hidden
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let record = r#"{"eventName":"AssumeRole","responseElements":{"credentials":{"accessKeyId":"ASIAEXAMPLE",
            "sessionToken":"canary","secretAccessKey":"canary","expiration":"x"}},
            "requestParameters":{"environment":{"variables":{"A":"canary"}},"code":{"zipFile":"canary"},
            "list":[{"masterUserPassword":"canary"}],"eventSourceToken":"alexa","se\u0073sionToken":"canary"}}"#;
        let kept = redacted(record.to_owned());
        assert!(!kept.contains("canary"), "{kept}");
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept["responseElements"]["credentials"]["accessKeyId"], "ASIAEXAMPLE");
        assert_eq!(kept["requestParameters"]["eventSourceToken"], "alexa");
        assert_eq!(kept["requestParameters"]["environment"]["variables"]["A"], HIDDEN);
    }

    #[test]
    fn a_record_without_secrets_is_kept_letter_for_letter() {
        for record in [r#"{ "b":1.50, "a":"x" }"#, r#"{ "eventSourceToken": "t", "sessionToken":null}"#] {
            assert_eq!(redacted(record.to_owned()), record);
        }
        assert_eq!(redacted("{\"sessionToken\":\"broken".to_owned()), "");
    }
}
