//! Does a service control policy limit whom functions can be opened to?

use super::action::covers_name;
use super::condition::{Key, Values, meaning};
use super::document::{Attached, Condition, Document, Effect, Sense, Statement};
use super::json;
use super::pattern::{Work, glob};

/// Calls that open a function, and what of the request a condition can look at.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>
const OPENING: [Opening; 4] = [
    Opening { action: "lambda:AddPermission", principal: true, auth_type: true },
    Opening { action: "lambda:PutResourcePolicy", principal: false, auth_type: false },
    Opening { action: "lambda:CreateFunctionUrlConfig", principal: false, auth_type: true },
    Opening { action: "lambda:UpdateFunctionUrlConfig", principal: false, auth_type: true },
];

#[derive(Debug)]
struct Opening {
    action: &'static str,
    /// The request has `lambda:Principal`.
    principal: bool,
    /// It has `lambda:FunctionUrlAuthType`.
    auth_type: bool,
}

/// A function of any account, which no pattern names.
const UNNAMED: &str = "arn:aws:lambda:\u{1}:\u{1}:function:\u{1}";

/// A role that no pattern names.
const ANYONE: &str = "arn:aws:iam::\u{1}:role/\u{1}";

/// Does a Deny of it refuse open grants or open URLs, on every function? A Deny of everyone but some principals counts;
/// one that holds only where something else is so does not. `None`: a statement that may do it cannot be read.
pub(crate) fn limits_exposure(text: &str) -> Option<bool> {
    let root = json::parse(text).ok()?;
    let document = Document::read(&root, Attached::ToIdentity).ok()?;
    let work = Work::new();
    let read = || document.statements.iter().filter_map(|one| one.as_ref().ok());
    let limits = read().any(|one| one.effect == Effect::Deny && is_limit(one, &work));
    if work.exhausted() || !limits && document.statements.iter().any(Result::is_err) {
        return None;
    }
    Some(limits)
}

fn is_limit(statement: &Statement<'_>, work: &Work) -> bool {
    let everywhere = statement.resources.as_ref().is_some_and(|resources| {
        resources.fault.is_none()
            && resources.sense == Sense::Named
            && resources.list.iter().any(|pattern| glob(pattern, UNNAMED, work))
    });
    everywhere
        && OPENING.iter().any(|call| {
            covers_name(&statement.actions, call.action, work)
                && statement.conditions.iter().all(|condition| holds(condition, call, work))
        })
}

/// Does the condition hold for an open grant or URL, whoever asks for it?
fn holds(condition: &Condition<'_>, call: &Opening, work: &Work) -> bool {
    if condition.fault.is_some() {
        return false;
    }
    let operator = condition.operator.to_ascii_lowercase();
    let negated = operator.contains("not");
    if condition.key.eq_ignore_ascii_case("lambda:Principal") {
        return call.principal
            && operator.starts_with("string")
            && condition.values.iter().any(|value| value == "*") != negated;
    }
    let meaning = meaning(condition, None);
    match (meaning.key, &meaning.values) {
        (Key::UrlAuthType, Values::In(patterns)) => {
            call.auth_type && patterns.iter().any(|one| one.matches("NONE", work))
        }
        (Key::UrlAuthType, Values::NotIn(patterns)) => {
            call.auth_type && !patterns.iter().any(|one| one.matches("NONE", work))
        }
        // Everyone but some, not everyone but all.
        (Key::PrincipalArn, Values::NotIn(patterns)) => !patterns.iter().any(|one| one.matches(ANYONE, work)),
        (Key::PrincipalAccount, Values::NotIn(patterns)) => {
            !patterns.iter().any(|one| one.matches("\u{1}", work))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(statements: &str) -> Option<bool> {
        limits_exposure(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
    }

    #[test]
    fn what_limits_exposure() {
        for statement in [
            r#"{"Effect":"Deny","Action":["lambda:CreateFunctionUrlConfig","lambda:UpdateFunctionUrlConfig"],"Resource":"*","Condition":{"StringNotEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:*FunctionUrlConfig","Resource":"arn:aws:lambda:*:*:function:*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"StringEquals":{"lambda:Principal":"*"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"StringNotEquals":{"lambda:Principal":["111122223333","s3.amazonaws.com"]}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:PutResourcePolicy","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}}"#,
            r#"{"Effect":"Deny","NotAction":["iam:*"],"Resource":"*"}"#,
        ] {
            assert_eq!(limits(statement), Some(true), "{statement}");
        }
        for statement in [
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"lambda:DeleteFunction","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"lambda:CreateFunctionUrlConfig","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"arn:aws:lambda:*:*:function:payments-*"}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"StringEquals":{"lambda:Principal":"s3.amazonaws.com"}}}"#,
            // A request without the key.
            r#"{"Effect":"Deny","Action":"lambda:PutResourcePolicy","Resource":"*","Condition":{"StringEquals":{"lambda:Principal":"*"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:PutResourcePolicy","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#,
            // Everyone is excepted.
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:*"}}}"#,
            r#"{"Effect":"Deny","Action":"lambda:AddPermission","Resource":"*","Condition":{"StringNotLike":{"aws:PrincipalAccount":"*"}}}"#,
            // Of layers.
            r#"{"Effect":"Deny","Action":"lambda:AddLayerVersionPermission","Resource":"*"}"#,
        ] {
            assert_eq!(limits(statement), Some(false), "{statement}");
        }
        assert_eq!(limits_exposure("{"), None);
        assert_eq!(limits(r#"{"Effect":"Maybe"}"#), None);
    }
}
