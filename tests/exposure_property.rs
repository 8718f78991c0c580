//! The classifier against the reference evaluator, over generated documents and callers.
//!
//! Soundness: a caller outside the classified exposure is never allowed. No empty alarm: for every exposure but
//! `none`, some caller of that class is allowed. What the documents leave out is what `docs/exposure.md` lists under
//! "Approximations". `LAMBDA_AUDIT_LONG` set: 100,000 documents.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exposure_support;

use lambda_audit::exposure::evaluator::{Caller, Decision, Policy, Request};
use lambda_audit::exposure::{Context, Exposure, Grant, Reach, ResourceKind, assess};
use lambda_audit::trust::Trust;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use rayon::prelude::*;
use serde_json::{Value, json};

use exposure_support::{
    Actor, CROSSING, FUNCTION, NAMED, OWNER, Pools, STRANGERS, actors, distinct, drafts, keys, possible,
    request, sample,
};

// ---- the two properties

fn at_least(reach: &Reach, exposure: Exposure) -> bool {
    matches!((reach.exposure.rank(), exposure.rank()), (Some(found), Some(wanted)) if found <= wanted)
}

/// Is the caller among those that the reach says it admits?
fn inside(reach: &Reach, actor: &Actor) -> bool {
    if reach.exposure == Exposure::Public {
        return true;
    }
    let by_network = at_least(reach, Exposure::Network) && actor.inside;
    let in_organization = reach.organizations.contains(&actor.organization);
    match actor.caller {
        Caller::Anonymous => by_network,
        Caller::Service(_) => {
            reach.exposure == Exposure::ServiceUnrestricted
                || at_least(reach, Exposure::ServiceUnrestricted) && reach.source_accounts.is_empty()
                || at_least(reach, Exposure::ServiceRestricted)
                    && (reach.source_accounts.contains(&actor.account) || in_organization)
                || at_least(reach, Exposure::ServiceUnrestricted)
        }
        Caller::Principal { .. } => {
            by_network
                || at_least(reach, Exposure::SameAccount) && actor.account == OWNER
                || at_least(reach, Exposure::CrossAccount) && reach.accounts.contains(&actor.account)
                || at_least(reach, Exposure::Organization) && in_organization
                // A unique id names a principal whose account the document does not tell.
                || reach.reason.contains("does not tell") && actor.account == NAMED[0]
        }
    }
}

/// Is the caller what makes the exposure what it is?
fn typical(reach: &Reach, actor: &Actor) -> bool {
    let service = matches!(actor.caller, Caller::Service(_));
    let signed = matches!(actor.caller, Caller::Principal { .. });
    match reach.exposure {
        Exposure::Public => {
            !service
                && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
                && !actor.inside
        }
        Exposure::CrossAccount => {
            signed
                && actor.account != OWNER
                && (reach.accounts.contains(&actor.account) || actor.account == NAMED[0])
        }
        Exposure::Network => {
            !service
                && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
                && actor.inside
        }
        Exposure::ServiceUnrestricted => {
            service && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
        }
        Exposure::Organization => signed && reach.organizations.contains(&actor.organization),
        Exposure::ServiceRestricted => {
            service
                && (reach.source_accounts.contains(&actor.account)
                    || reach.organizations.contains(&actor.organization))
        }
        Exposure::SameAccount => signed && actor.account == OWNER,
        Exposure::None | Exposure::Unknown => false,
    }
}

fn reach_for<'g>(grant: &'g Grant, action: &str) -> Option<&'g Reach> {
    if action.starts_with("lambda:Invoke") { grant.invoke.as_deref() } else { grant.beyond.as_deref() }
}

/// What the document may mean. `{"AWS": "*"}` names IAM principals and callers without credentials; whether it names
/// services too is not documented, so both are tried.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous>
fn readings(document: &Value) -> Vec<Policy> {
    let mut wide = document.clone();
    for statement in wide["Statement"].as_array_mut().unwrap() {
        for element in ["Principal", "NotPrincipal"] {
            if statement[element] == json!({"AWS": "*"}) {
                statement[element] = json!("*");
            }
        }
    }
    let mut all = vec![Policy::read(document).unwrap()];
    if wide != *document {
        all.push(Policy::read(&wide).unwrap());
    }
    all
}

/// A caller outside whom one reading allows.
fn unsound<'a>(
    document: &Value,
    grants: &[Grant],
    actors: impl Iterator<Item = &'a Actor> + Clone,
) -> Option<String> {
    readings(document).iter().find_map(|policy| {
        let distinct = distinct(policy);
        for actor in actors.clone() {
            for (action, resource) in distinct.iter().filter(|(action, _)| possible(actor, action)) {
                // Approximation 15: without the URL's own action this one is out of reach.
                if actor.caller == Caller::Anonymous && *action == "lambda:InvokeFunction" {
                    continue;
                }
                let admits = |grant| reach_for(grant, action).is_some_and(|reach| inside(reach, actor));
                let request = request(actor, action, resource);
                if !grants.iter().any(admits) && policy.decide(&request) == Decision::Allowed {
                    return Some(format!("allowed, though not admitted: {request:?}"));
                }
            }
        }
        None
    })
}

/// A reach of which no caller is allowed by its statement, less every Deny, under any reading.
fn empty_alarm(document: &Value, grants: &[Grant], actors: &[Actor]) -> Option<String> {
    let readings = readings(document);
    grants.iter().enumerate().find_map(|(at, grant)| {
        let alone: Vec<Policy> = readings
            .iter()
            .map(|policy| {
                policy.only(|index| index == at || document["Statement"][index]["Effect"] == "Deny")
            })
            .collect();
        [(&grant.invoke, true), (&grant.beyond, false)].into_iter().find_map(|(reach, invoking)| {
            let reach = reach.as_ref()?;
            // Which account a unique id belongs to, a document does not tell: here it is the first named one.
            let idle = reach.exposure == Exposure::None || reach.reason.contains("does not tell");
            let found =
                idle || alone.iter().any(|policy| has_typical_caller(policy, reach, invoking, actors));
            (!found).then(|| {
                let exposure = reach.exposure.as_str();
                format!("statement {at}: no {exposure} caller is allowed: {}", reach.reason)
            })
        })
    })
}

fn has_typical_caller(policy: &Policy, reach: &Reach, invoking: bool, actors: &[Actor]) -> bool {
    let distinct = distinct(policy);
    // In strides, so that different ones come early.
    let strides = (0..actors.len()).map(|step| &actors[step * 7919 % actors.len()]);
    strides.filter(|actor| typical(reach, actor)).any(|actor| {
        distinct
            .iter()
            .filter(|(action, _)| action.starts_with("lambda:Invoke") == invoking && possible(actor, action))
            .any(|(action, resource)| policy.decide(&request(actor, action, resource)) == Decision::Allowed)
    })
}

/// May the answer be wider than AWS's? The numbers are those of `docs/exposure.md`.
fn is_approximate(document: &Value) -> bool {
    let text = document.to_string();
    let statements = document["Statement"].as_array().unwrap();
    let of = |effect: &'static str| {
        statements.iter().filter(move |s| s["Effect"] == effect).map(|s| &s["Resource"])
    };
    let lower = text.to_ascii_lowercase();
    // 3: a variable includes and never excludes. 7: whose a unique id is.
    ["${", "aws:userid"].iter().any(|wide| text.contains(wide))
        // 4 and 11: Denies that cover an Allow's resources only together.
        || of("Allow").any(|allowed| allowed.to_string().contains('*') && of("Deny").any(|denied| denied != allowed))
        // 4: two patterns with wildcards that no ARN matches at once, or of which one contains the other's matches.
        || text.contains(CROSSING)
            && ["arn:aws:iam::*:role/app", "arn:aws:iam::111122223333:*"].iter().any(|other| text.contains(other))
        || ["arn:aws:sns:*:444455556666:*", "arn:aws:sns:eu-west-1:*:topic"].iter().all(|one| text.contains(one))
        // 10: no address, and no endpoint either.
        || [r#""aws:SourceIp":"true""#, r#""aws:SourceIp":"false""#].iter().any(|asked| text.contains(asked))
        // 18: two of them are read apart, each the way that admits more.
        || text.matches(r#"{"AWS":"*"}"#).count() > 1
        // 19: an account that may be missing, beside an organization that it comes with.
        || ["ifexists", "aws:sourceaccount", "aws:sourceorg"].iter().all(|part| lower.contains(part))
        // 17: an organization's id and its paths.
        || text.contains("AWS:principalOrgId") && text.contains("aws:PrincipalOrgPaths")
        || text.contains("aws:PrincipalOrgID") && text.contains("aws:PrincipalOrgPaths")
        // 16: the two keys of a URL.
        || ["lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"].iter().all(|key| text.contains(key))
}

fn judged(document: &Value) -> Vec<Grant> {
    let trust = Trust::default();
    let context = Context { owner: Some(OWNER), kind: ResourceKind::Function, trust: &trust };
    assess(&document.to_string(), &context).unwrap().grants
}

/// Runs `check` over generated documents.
fn over_documents(check: impl Fn(&Value, &[Grant], &[Actor], u64) -> Option<String> + Sync) {
    let long = std::env::var_os("LAMBDA_AUDIT_LONG").is_some();
    let cases = match (long, cfg!(debug_assertions)) {
        (true, _) => 100_000,
        (false, false) => 4_000,
        // Unoptimised, the evaluator takes ten times as long.
        (false, true) => 500,
    };
    let pools = Pools::new();
    let actors = actors();
    let runs = 4;
    let faults: Vec<String> = (0..runs)
        .into_par_iter()
        .filter_map(|_| {
            let cases = cases / runs;
            let config =
                Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
            let outcome = TestRunner::new(config).run(&drafts(), |(allows, denies, seed)| {
                let document = pools.document(&allows, &denies);
                match check(&document, &judged(&document), &actors, seed) {
                    Some(fault) => Err(TestCaseError::fail(format!("{document:#}\n{fault}"))),
                    None => Ok(()),
                }
            });
            match outcome {
                Ok(()) => None,
                Err(TestError::Fail(why, _) | TestError::Abort(why)) => Some(why.to_string()),
            }
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults[0]);
}

#[test]
fn nobody_outside_the_exposure_is_allowed() {
    over_documents(|document, grants, actors, seed| unsound(document, grants, sample(actors, seed, 60)));
}

#[test]
fn no_alarm_is_empty() {
    over_documents(
        |document, grants, actors, _| {
            if is_approximate(document) { None } else { empty_alarm(document, grants, actors) }
        },
    );
}

fn statement(effect: &str, principal: &Value, conditions: &Value) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": FUNCTION,
        "Condition": conditions})
}

/// What the generated documents once found, with every caller.
#[test]
fn documents_that_once_broke_a_property_hold() {
    let sns = json!({"Service": "sns.amazonaws.com"});
    let topic = json!({"AWS:SourceArn": "arn:aws:sns:eu-west-1:*:topic"});
    let role = json!({"AWS": "arn:aws:iam::444455556666:role/app"});
    let mut all_but_role = statement("Allow", &role, &json!({"ArnLike": {"aws:PrincipalArn": role["AWS"]}}));
    all_but_role["NotPrincipal"] = all_but_role.as_object_mut().unwrap().remove("Principal").unwrap();
    let mut same_in_any_account = all_but_role.clone();
    same_in_any_account["Condition"] = json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}});
    let mut deny_others = statement("Deny", &json!({"AWS": NAMED[0]}), &json!({}));
    deny_others["NotPrincipal"] = deny_others.as_object_mut().unwrap().remove("Principal").unwrap();
    let documents = [
        // A string's wildcard crosses colons, an ARN's does not: what is left has more of them.
        (
            Exposure::ServiceUnrestricted,
            json!([statement("Allow", &sns, &json!({"StringLike": topic, "ArnNotLike": topic}))]),
        ),
        (
            Exposure::ServiceUnrestricted,
            json!([
                statement(
                    "Allow",
                    &sns,
                    &json!({"StringLike": topic, "Null": {"aws:SourceAccount": "true"}})
                ),
                statement("Deny", &json!("*"), &json!({"ArnLike": topic})),
            ]),
        ),
        // Everyone under AWS may be fewer than everyone.
        (
            Exposure::ServiceUnrestricted,
            json!([
                statement("Allow", &json!("*"), &json!({})),
                statement("Deny", &json!({"AWS": "*"}), &json!({})),
            ]),
        ),
        // Whoever was taken out stays so when a Deny leaves one account only.
        (Exposure::None, json!([all_but_role, deny_others])),
        (Exposure::None, json!([same_in_any_account, deny_others])),
    ];
    let actors = actors();
    for (exposure, statements) in documents {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let grants = judged(&document);
        assert_eq!(grants[0].exposure, exposure, "{document:#}");
        assert_eq!(unsound(&document, &grants, actors.iter()), None, "{document:#}");
        assert_eq!(empty_alarm(&document, &grants, &actors), None, "{document:#}");
    }
}

/// A tag's value may hold colons, and a path in IAM may too: what the variable puts before the account's place moves
/// it behind.
#[test]
fn a_variable_before_the_account_does_not_fix_it() {
    let pattern = "arn:aws:iam:${aws:PrincipalTag/x}:111122223333:role/app";
    let document = json!({"Version": "2012-10-17", "Statement": [
        statement("Allow", &json!("*"), &json!({"ArnLike": {"aws:PrincipalArn": pattern}}))]});
    let arn = "arn:aws:iam::999900001111:role/y:111122223333:role/app";
    let caller = Caller::Principal { account: STRANGERS[0].into(), arn: arn.into(), session: None };
    let keys = keys(&[("aws:principalarn", arn), ("aws:principaltag/x", ":999900001111:role/y")]);
    let request = Request { caller, action: "lambda:InvokeFunction".into(), resource: FUNCTION.into(), keys };
    assert_eq!(Policy::read(&document).unwrap().decide(&request), Decision::Allowed);
    assert_eq!(judged(&document)[0].exposure, Exposure::Public);
}
