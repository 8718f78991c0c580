//! The classifier against the reference evaluator, over generated documents and callers.
//!
//! Soundness: a caller outside the classified exposure is never allowed. No empty alarm: for every exposure but
//! `none`, some caller of that class is allowed. What the documents leave out is what `docs/exposure.md` lists under
//! "Approximations". `LAMBDA_AUDIT_LONG` set: 100,000 documents.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exposure_support;

use lambda_audit::exposure::evaluator::{Caller, Decision, Policy};
use lambda_audit::exposure::{Context, Exposure, Grant, Reach, ResourceKind, assess};
use lambda_audit::trust::Trust;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use rayon::prelude::*;
use serde_json::Value;

use exposure_support::{
    Actor, CROSSING, NAMED, OWNER, Pools, STRANGERS, actors, distinct, drafts, possible, request, sample,
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
    if action.starts_with("lambda:Invoke") { grant.invoke.as_ref() } else { grant.beyond.as_ref() }
}

fn unsound(policy: &Policy, grants: &[Grant], actors: &[&Actor]) -> Option<String> {
    let distinct = distinct(policy);
    for actor in actors {
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
}

/// The statement's worst reach has a caller that this statement, less every Deny, allows.
fn empty_alarm(
    document: &Value,
    policy: &Policy,
    at: usize,
    grant: &Grant,
    actors: &[Actor],
) -> Option<String> {
    let alone = policy.only(|index| index == at || document["Statement"][index]["Effect"] == "Deny");
    let distinct = distinct(&alone);
    for (reach, invoking) in [(&grant.invoke, true), (&grant.beyond, false)] {
        let Some(reach) = reach.as_ref().filter(|reach| reach.exposure != Exposure::None) else { continue };
        // Which account a unique id belongs to, a document does not tell: here it is the first named one.
        if reach.reason.contains("does not tell") {
            continue;
        }
        // In strides, so that different ones come early.
        let strides = (0..actors.len()).map(|step| &actors[step * 7919 % actors.len()]);
        let found = strides.filter(|actor| typical(reach, actor)).any(|actor| {
            distinct
                .iter()
                .filter(|(action, _)| {
                    action.starts_with("lambda:Invoke") == invoking && possible(actor, action)
                })
                .any(|(action, resource)| {
                    alone.decide(&request(actor, action, resource)) == Decision::Allowed
                })
        });
        if !found {
            return Some(format!("no {} caller is allowed: {}", reach.exposure.as_str(), reach.reason));
        }
    }
    None
}

/// May the answer be wider than AWS's? The numbers are those of `docs/exposure.md`.
fn is_approximate(document: &Value) -> bool {
    let text = document.to_string();
    let statements = document["Statement"].as_array().unwrap();
    let of = |effect: &'static str| {
        statements.iter().filter(move |s| s["Effect"] == effect).map(|s| &s["Resource"])
    };
    // 3: a variable includes and never excludes. 7: whose a unique id is.
    ["${", "aws:userid"].iter().any(|wide| text.contains(wide))
        // 4 and 11: Denies that cover an Allow's resources only together.
        || of("Allow").any(|allowed| allowed.to_string().contains('*') && of("Deny").any(|denied| denied != allowed))
        // 4: two patterns with wildcards that no ARN matches at once, or of which one contains the other's matches.
        || text.contains(CROSSING) && text.contains("arn:aws:iam::*:role/app")
        || ["arn:aws:sns:*:444455556666:*", "arn:aws:sns:eu-west-1:*:topic"].iter().all(|one| text.contains(one))
        // 10: no address, and no endpoint either.
        || text.contains(r#""aws:SourceIp":"true""#)
        // 17: an organization's id and its paths.
        || text.contains("AWS:principalOrgId") && text.contains("aws:PrincipalOrgPaths")
        || text.contains("aws:PrincipalOrgID") && text.contains("aws:PrincipalOrgPaths")
        // 16: the two keys of a URL.
        || ["lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"].iter().all(|key| text.contains(key))
}

/// Runs `check` over generated documents.
fn over_documents(check: impl Fn(&Value, &Policy, &[Grant], &[Actor], u64) -> Option<String> + Sync) {
    let long = std::env::var_os("LAMBDA_AUDIT_LONG").is_some();
    let cases = match (long, cfg!(debug_assertions)) {
        (true, _) => 100_000,
        (false, false) => 4_000,
        // Unoptimised, the evaluator takes ten times as long.
        (false, true) => 500,
    };
    let pools = Pools::new();
    let actors = actors();
    let trust = Trust::default();
    let context = Context { owner: Some(OWNER), kind: ResourceKind::Function, trust: &trust };
    let runs = 4;
    let faults: Vec<String> = (0..runs)
        .into_par_iter()
        .filter_map(|_| {
            let cases = cases / runs;
            let config =
                Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
            let outcome = TestRunner::new(config).run(&drafts(), |(allows, denies, seed)| {
                let document = pools.document(&allows, &denies);
                let judged = assess(&document.to_string(), &context).unwrap();
                let policy = Policy::read(&document).unwrap();
                match check(&document, &policy, &judged.grants, &actors, seed) {
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
    over_documents(|_, policy, grants, actors, seed| {
        let sample: Vec<&Actor> = sample(actors, seed, 60).collect();
        unsound(policy, grants, &sample)
    });
}

#[test]
fn no_alarm_is_empty() {
    over_documents(|document, policy, grants, actors, _| {
        if is_approximate(document) {
            return None;
        }
        grants.iter().enumerate().find_map(|(at, grant)| {
            empty_alarm(document, policy, at, grant, actors).map(|fault| format!("statement {at}: {fault}"))
        })
    });
}
