//! The reference evaluator against an implementation by others, the crate `iam-rs`: every disagreement must be one of
//! [`CLASSES`], which `docs/exposure.md` lists with the page of AWS that says who is right.
//!
//! A class is not a guess about the document: it is a rewriting of it that takes the one feature away which the crate
//! reads otherwise. A disagreement is explained if the crate agrees once the features are taken away.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod exposure_support;

use std::collections::BTreeMap;

use iam_rs::{Arn, Context, ContextValue, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy};
use lambda_audit::exposure::evaluator::{Caller, Decision, Policy, Request};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use exposure_support::{Pools, actors, distinct, drafts, possible, request, sample};

/// What the crate reads otherwise than AWS documents it.
struct Class {
    /// As in `docs/exposure.md`.
    title: &'static str,
    page: &'static str,
    /// Says the same to the crate as the document says to AWS.
    rewrite: fn(&mut Value, &Request),
}

/// In this order: what a variable stands for is compared part by part too.
const CLASSES: [Class; 4] = [
    Class {
        title: "Variables in conditions are replaced",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-wheretouse",
        rewrite: variables_by_value,
    },
    Class {
        title: "An account as principal names everyone in it",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts",
        rewrite: accounts_as_the_caller,
    },
    Class {
        title: "`ArnEquals` takes wildcards as `ArnLike` does",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN",
        rewrite: arn_equals_as_arn_like,
    },
    Class {
        title: "A wildcard in an ARN stays in its part",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN",
        rewrite: arns_part_by_part,
    },
];

/// Equals nothing that a request has.
const NOTHING: &str = "\u{1}nothing";

fn statements(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    document["Statement"].as_array_mut().unwrap().iter_mut().map(|one| one.as_object_mut().unwrap())
}

/// Each value of `node`, which is one or a list.
fn each(node: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match node {
        Value::String(text) => change(text),
        Value::Array(list) => list.iter_mut().for_each(|one| each(one, change)),
        _ => {}
    }
}

/// Each value of the conditions whose operator passes, with the request's value of the key.
fn each_condition(
    document: &mut Value,
    request: &Request,
    of: fn(&str) -> bool,
    change: fn(&mut String, Option<&String>, &Request),
) {
    for statement in statements(document) {
        for (operator, keys) in
            statement.get_mut("Condition").and_then(Value::as_object_mut).into_iter().flatten()
        {
            for (key, values) in keys.as_object_mut().unwrap() {
                let found = request.keys.get(&key.to_ascii_lowercase()).and_then(|found| found.first());
                if of(operator) {
                    each(values, &mut |value| change(value, found, request));
                }
            }
        }
    }
}

fn accounts_as_the_caller(document: &mut Value, request: &Request) {
    let Caller::Principal { account, arn, .. } = &request.caller else { return };
    let root = format!("arn:aws:iam::{account}:root");
    for statement in statements(document) {
        for name in ["Principal", "NotPrincipal"] {
            if let Some(named) = statement.get_mut(name).and_then(|principal| principal.get_mut("AWS")) {
                each(named, &mut |value| {
                    if *value == *account || *value == root {
                        value.clone_from(arn);
                    }
                });
            }
        }
    }
}

fn arn_equals_as_arn_like(document: &mut Value, _: &Request) {
    for statement in statements(document) {
        let Some(block) = statement.get_mut("Condition").and_then(Value::as_object_mut) else { continue };
        let mut renamed: Map<String, Value> = Map::new();
        for (operator, keys) in std::mem::take(block) {
            let name = operator.replace("ArnEquals", "ArnLike").replace("ArnNotEquals", "ArnNotLike");
            let of = renamed.entry(name).or_insert_with(|| json!({})).as_object_mut().unwrap();
            for (key, values) in keys.as_object().unwrap() {
                // Both operators may have the key; its name's case does not matter.
                let free = if of.contains_key(key) { key.to_ascii_uppercase() } else { key.clone() };
                of.insert(free, values.clone());
            }
        }
        *block = renamed;
    }
}

fn arns_part_by_part(document: &mut Value, request: &Request) {
    each_condition(
        document,
        request,
        |operator| operator.contains("Like") && operator.contains("Arn"),
        |value, found, _| {
            let Some(found) = found else { return };
            let matches = {
                let (patterns, parts): (Vec<_>, Vec<_>) =
                    (value.splitn(6, ':').collect(), found.splitn(6, ':').collect());
                *value == "*"
                    || patterns.len() == 6
                        && parts.len() == 6
                        && patterns
                            .iter()
                            .zip(&parts)
                            .all(|(pattern, part)| Arn::wildcard_match(part, pattern))
            };
            *value = if matches { found.clone() } else { NOTHING.to_owned() };
        },
    );
}

fn variables_by_value(document: &mut Value, request: &Request) {
    each_condition(
        document,
        request,
        |_| true,
        |value, _, request| {
            let Some((before, rest)) = value.split_once("${") else { return };
            let (name, after) = rest.split_once('}').unwrap();
            *value = match request.keys.get(&name.to_ascii_lowercase()) {
                Some(found) => format!("{before}{}{after}", found[0]),
                None => NOTHING.to_owned(),
            };
        },
    );
}

/// The crate's answer: is the request allowed? `None`: it cannot judge the document, or such a caller.
fn theirs(document: &Value, request: &Request) -> Option<bool> {
    let policy: IAMPolicy = serde_json::from_value(document.clone()).ok()?;
    let principal = match &request.caller {
        Caller::Principal { arn, .. } => Principal::Aws(PrincipalId::String(arn.clone())),
        Caller::Service(name) => Principal::Service(PrincipalId::String(name.clone())),
        // It asks for one principal, and this is none.
        Caller::Anonymous => return None,
    };
    let mut context = Context::new();
    for (key, values) in &request.keys {
        let value = match values[0].as_str() {
            "true" => ContextValue::Boolean(true),
            "false" => ContextValue::Boolean(false),
            text => ContextValue::String(text.to_owned()),
        };
        context.insert(key.clone(), value);
    }
    let resource = Arn::parse(&request.resource).unwrap();
    let asked = IAMRequest::new_with_context(principal, request.action.clone(), resource, context);
    Some(evaluate_policy(&policy, &asked).ok()? == iam_rs::Decision::Allow)
}

/// Which classes explain that the crate does not answer `ours`? `None`: it still does not when all are taken away.
fn explained(document: &Value, request: &Request, ours: bool) -> Option<Vec<usize>> {
    let rewritten = |kept: &[usize]| {
        let mut document = document.clone();
        kept.iter().for_each(|&class| (CLASSES[class].rewrite)(&mut document, request));
        theirs(&document, request) == Some(ours)
    };
    let mut needed: Vec<usize> = (0..CLASSES.len()).collect();
    if !rewritten(&needed) {
        return None;
    }
    for class in 0..CLASSES.len() {
        let fewer: Vec<usize> = needed.iter().copied().filter(|other| *other != class).collect();
        if rewritten(&fewer) {
            needed = fewer;
        }
    }
    Some(needed)
}

#[test]
fn every_disagreement_with_another_implementation_is_explained() {
    let documents = match (std::env::var_os("LAMBDA_AUDIT_LONG").is_some(), cfg!(debug_assertions)) {
        (true, _) => 20_000,
        (false, false) => 2_000,
        (false, true) => 400,
    };
    let (pools, actors) = (Pools::new(), actors());
    let mut runner = TestRunner::new(Config::default());
    let (mut asked, mut judged, mut disagreed) = (0_u64, 0_u64, 0_u64);
    let mut by_class: BTreeMap<usize, u64> = BTreeMap::new();
    for drawn in 0..documents * 10 {
        // Some classes are rare: where one has not come up yet, more is drawn.
        if drawn >= documents && by_class.len() == CLASSES.len() {
            break;
        }
        let (allows, denies, seed) = drafts().new_tree(&mut runner).unwrap().current();
        let document = pools.document(&allows, &denies);
        let policy = Policy::read(&document).unwrap();
        for actor in sample(&actors, seed, 30) {
            for (action, resource) in
                distinct(&policy).into_iter().filter(|(action, _)| possible(actor, action))
            {
                let request = request(actor, action, resource);
                let ours = policy.decide(&request) == Decision::Allowed;
                asked += 1;
                let Some(theirs) = theirs(&document, &request) else { continue };
                judged += 1;
                if theirs == ours {
                    continue;
                }
                disagreed += 1;
                let Some(classes) = explained(&document, &request, ours) else {
                    panic!("unexplained: here {ours}, there {theirs}\n{document:#}\n{request:#?}");
                };
                for class in classes {
                    *by_class.entry(class).or_default() += 1;
                }
            }
        }
    }
    let counts: Vec<_> = by_class.iter().map(|(class, count)| (CLASSES[*class].title, count)).collect();
    let report = format!("{asked} requests, {judged} judged by both, {disagreed} disagreements: {counts:#?}");
    // Shown by `cargo test -- --nocapture`, and with any failure.
    #[allow(clippy::print_stdout)]
    {
        println!("{report}");
    }
    assert!(judged * 2 > asked, "the other implementation hardly judges anything: {report}");
    assert_eq!(by_class.len(), CLASSES.len(), "a class that explains nothing is not listed: {report}");
}

#[test]
fn the_page_lists_every_class_with_its_source() {
    let page = include_str!("../docs/exposure.md");
    for Class { title, page: source, .. } in &CLASSES {
        let row = page.lines().find(|line| line.contains(title));
        assert!(row.is_some_and(|row| row.contains(source)), "{title}: {source}");
    }
}
