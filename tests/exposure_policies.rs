//! `finding` of an exposure says what the bundled policies say: over every document of the table, it is true exactly
//! where one of them fails, and unknown exactly where none fails and one cannot judge. Grants that only open a URL
//! are the URL policy's, which judges the URL and not the document.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use lambda_audit::audit::cases::CaseFacts;
use lambda_audit::exposure::{Context, ResourceKind, assess};
use lambda_audit::policy::load::Overrides;
use lambda_audit::policy::test::FactMaker;
use lambda_audit::policy::{Env, PolicySet, Verdict};
use lambda_audit::trust::Trust;
use serde_json::{Value, json};

const TABLE: &str = include_str!("../fixtures/exposure/table.jsonl");

fn trust(row: &Value) -> Trust {
    let mut trust = Trust::default();
    for id in row["trusted_accounts"].as_array().into_iter().flatten() {
        trust.add_account(id.as_str().unwrap());
    }
    for (id, members) in row["trusted_orgs"].as_object().into_iter().flatten() {
        let members = members
            .as_array()
            .map(|list| list.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>());
        trust.add_organization(id, members);
    }
    trust
}

#[test]
fn a_finding_is_what_the_bundled_policies_find() {
    let (policies, errors) = PolicySet::load_with_bundled(&[], &Overrides::default());
    assert!(errors.is_empty());
    let maker = CaseFacts::new().unwrap();
    let (mut judged, mut of_urls, mut faults) = (0, 0, Vec::new());
    for (number, line) in TABLE.lines().enumerate() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().map_or_else(|| row["document"].to_string(), str::to_owned);
        let owner = match row.get("owner") {
            None => "111122223333",
            Some(Value::String(owner)) => owner,
            // A snapshot always knows who owns what.
            Some(_) => continue,
        };
        let layer = row["kind"] == "layer";
        let (kind, api, resource) = if layer {
            (
                ResourceKind::Layer,
                "lambda:GetLayerVersionPolicy",
                format!("arn:aws:lambda:eu-west-1:{owner}:layer:fonts:1"),
            )
        } else {
            (
                ResourceKind::Function,
                "lambda:GetPolicy",
                format!("arn:aws:lambda:eu-west-1:{owner}:function:orders"),
            )
        };
        let trust = trust(&row);
        let (expected, urls_only) = match assess(&text, &Context { owner: Some(owner), kind, trust: &trust })
        {
            Err(_) => (None, false),
            Ok(whole) => {
                let mut untrusted = whole.grants.iter().filter(|grant| grant.trusted != Some(true));
                (whole.finding, whole.finding == Some(true) && untrusted.all(|grant| grant.url.is_only()))
            }
        };
        let part = json!({"type": "part", "account": owner, "region": "eu-west-1", "api": api, "resource": resource,
            "outcome": {"status": "ok"}, "data": {"Policy": text}});
        // Nothing else is there: the lists were read and are empty.
        let empty = |api: &str, member: &str| {
            json!({"type": "part", "account": owner, "region": "eu-west-1", "api": api, "resource": null,
                "outcome": {"status": "ok"}, "data": {member: []}})
        };
        let lists = [empty("lambda:ListFunctions", "Functions"), empty("lambda:ListLayers", "Layers")];
        let facts = maker.of_snapshot(&[part, lists[0].clone(), lists[1].clone()], &trust).unwrap();
        let mut found = Some(false);
        let mut failing = Vec::new();
        for policy in policies.iter().filter(|policy| policy.kind.name == "grant") {
            for fact in &facts {
                if !std::ptr::eq(lambda_audit::facts::schema::FieldAccess::kind(fact), policy.kind) {
                    continue;
                }
                match policy.judge(fact, &Env { seen: &[] }) {
                    Verdict::Fail(_) => {
                        failing.push(policy.id.clone());
                        found = Some(true);
                    }
                    Verdict::Unknown { .. } if found == Some(false) => found = None,
                    _ => {}
                }
            }
        }
        judged += 1;
        of_urls += usize::from(urls_only);
        if found != expected && !(urls_only && found == Some(false)) {
            faults.push(format!(
                "line {}: finding {expected:?}, policies {found:?} {failing:?}: {line}",
                number + 1
            ));
        }
    }
    assert!(judged >= 150 && of_urls >= 1, "{judged} documents, {of_urls} of URLs only");
    assert!(faults.is_empty(), "{} of {judged}:\n{}", faults.len(), faults.join("\n"));
}
