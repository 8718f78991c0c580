//! Does a service control policy limit whom functions can be opened to?

use super::action::covers_name;
use super::condition::{Key, Values, meaning};
use super::document::{Attached, Condition, Document, Effect, Sense, Statement};
use super::json;
use super::pattern::{Work, glob};

/// Calls that open a function, and the request that a guard must refuse: a grant to everyone, a URL without a signature.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>
const OPENING: [&str; 5] = [
    "lambda:AddPermission",
    "lambda:PutResourcePolicy",
    "lambda:AddLayerVersionPermission",
    "lambda:CreateFunctionUrlConfig",
    "lambda:UpdateFunctionUrlConfig",
];

/// A function of any account, which no pattern names.
const UNNAMED: &str = "arn:aws:lambda:\u{1}:\u{1}:function:\u{1}";

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
    let opens = OPENING.iter().any(|action| covers_name(&statement.actions, action, work));
    let everywhere = statement.resources.as_ref().is_some_and(|resources| {
        resources.fault.is_none()
            && resources.sense == Sense::Named
            && resources.list.iter().any(|pattern| glob(pattern, UNNAMED, work))
    });
    opens && everywhere && statement.conditions.iter().all(|condition| holds(condition, work))
}

/// Does the condition hold for an open grant or URL, whoever asks for it?
fn holds(condition: &Condition<'_>, work: &Work) -> bool {
    if condition.fault.is_some() {
        return false;
    }
    let operator = condition.operator.to_ascii_lowercase();
    let negated = operator.contains("not");
    if condition.key.eq_ignore_ascii_case("lambda:Principal") {
        return operator.starts_with("string")
            && condition.values.iter().any(|value| value == "*") != negated;
    }
    let meaning = meaning(condition, None);
    match (meaning.key, &meaning.values) {
        (Key::UrlAuthType, Values::In(patterns)) => patterns.iter().any(|one| one.matches("NONE", work)),
        (Key::UrlAuthType, Values::NotIn(patterns)) => !patterns.iter().any(|one| one.matches("NONE", work)),
        // Everyone but some.
        (Key::PrincipalArn | Key::PrincipalAccount, Values::NotIn(_)) => true,
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
        ] {
            assert_eq!(limits(statement), Some(false), "{statement}");
        }
        assert_eq!(limits_exposure("{"), None);
        assert_eq!(limits(r#"{"Effect":"Maybe"}"#), None);
    }
}
