//! Documents and callers to try each other on: what the property test and the second opinion draw from.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, unused_imports)]

mod actors;
mod documents;

use lambda_audit::exposure::evaluator::{Caller, Policy, Request};

pub(crate) use actors::{Actor, actors, keys, sample};
pub(crate) use documents::{CROSSING, Pools, drafts};

pub(crate) const OWNER: &str = "111122223333";
pub(crate) const NAMED: [&str; 2] = ["444455556666", "777788889999"];
/// In no document; two of them start like accounts that are.
pub(crate) const STRANGERS: [&str; 3] = ["999900001111", "444400001111", "111100002222"];
pub(crate) const ORGS: [&str; 2] = ["o-exampleorg1", "o-otherorg22"];
pub(crate) const STRANGE_ORG: &str = "o-stranger000";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
pub(crate) const RESOURCES: [&str; 3] = [
    FUNCTION,
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:live",
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:7",
];
pub(crate) const ACTIONS: [&str; 6] = [
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "lambda:InvokeAsync",
    "lambda:UpdateFunctionCode",
    "lambda:GetFunction",
    // For those that no list names.
    "lambda:SomethingNew",
];

/// Callers without credentials come through a URL and can only invoke.
pub(crate) fn possible(actor: &Actor, action: &str) -> bool {
    // Approximation 16: the keys of a URL are judged apart from the action, so signed callers may have any of them.
    match actor.caller {
        Caller::Anonymous => {
            actor.url && matches!(action, "lambda:InvokeFunctionUrl" | "lambda:InvokeFunction")
        }
        Caller::Principal { .. } | Caller::Service(_) => true,
    }
}

pub(crate) fn request(actor: &Actor, action: &str, resource: &str) -> Request {
    Request {
        caller: actor.caller.clone(),
        action: action.into(),
        resource: resource.into(),
        keys: actor.keys.clone(),
    }
}

/// Every action on every resource, but one only of those of which the same statements speak and to which the same
/// rules of the test apply: whatever a caller is answered to one, it is to the others.
pub(crate) fn distinct(policy: &Policy) -> Vec<(&'static str, &'static str)> {
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for action in ACTIONS {
        let rules =
            (action.starts_with("lambda:Invoke"), action == "lambda:InvokeFunction", action.ends_with("Url"));
        for resource in RESOURCES {
            let class = (policy.speaking_of(action, resource), rules);
            if !seen.contains(&class) {
                seen.push(class);
                kept.push((action, resource));
            }
        }
    }
    kept
}
