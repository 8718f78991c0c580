//! The table of documents with the exposure each must have: `fixtures/exposure/table.jsonl`, one document a line.
//!
//! `document` (JSON) or `text` (anything) is judged for `owner` (default 111122223333, `null`: not known); `exposure`
//! and `finding` are the whole's, `grants` and `via_url` each statement's, `invoke` and `beyond` the first
//! statement's classes of actions, `url` what the policy does for a URL of type NONE.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use lambda_audit::exposure::{Context, ResourceKind, UrlAdmission, assess};
use lambda_audit::trust::Trust;
use serde_json::Value;

const TABLE: &str = include_str!("../fixtures/exposure/table.jsonl");

fn trust(row: &Value) -> Trust {
    let mut trust = Trust::default();
    for id in row["trusted_accounts"].as_array().into_iter().flatten() {
        trust.add_account(id.as_str().unwrap());
    }
    for (id, members) in row["trusted_orgs"].as_object().into_iter().flatten() {
        let members = members.as_array().map(|list| {
            list.iter().map(|member| member.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
        });
        trust.add_organization(id, members);
    }
    trust
}

fn strings(row: &Value, field: &str) -> Option<Vec<String>> {
    row[field].as_array().map(|list| list.iter().map(|one| one.as_str().unwrap().to_owned()).collect())
}

fn faults(row: &Value) -> Vec<String> {
    let text = match row.get("text") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => row["document"].to_string(),
    };
    let trust = trust(row);
    let owner = match row.get("owner") {
        None => Some("111122223333"),
        Some(owner) => owner.as_str(),
    };
    let kind = if row["kind"] == "layer" { ResourceKind::Layer } else { ResourceKind::Function };
    let judged = match (assess(&text, &Context { owner, kind, trust: &trust }), row.get("unreadable")) {
        (Err(_), Some(_)) => return Vec::new(),
        (Err(error), None) => return vec![format!("unreadable: {error}")],
        (Ok(_), Some(_)) => return vec!["read, though it is not readable".to_owned()],
        (Ok(judged), None) => judged,
    };
    let mut faults = Vec::new();
    let mut same = |what: &str, found: String, wanted: String| {
        if found != wanted {
            faults.push(format!("{what}: {found}, expected {wanted}"));
        }
    };
    same("exposure", judged.exposure.as_str().into(), row["exposure"].as_str().unwrap().into());
    same("finding", format!("{:?}", judged.finding), format!("{:?}", row["finding"].as_bool()));
    if let Some(wanted) = strings(row, "grants") {
        let found: Vec<_> = judged.grants.iter().map(|grant| grant.exposure.as_str()).collect();
        same("grants", format!("{found:?}"), format!("{wanted:?}"));
    }
    if let Some(wanted) = row["via_url"].as_array() {
        let found: Vec<_> = judged.grants.iter().map(|grant| Value::from(grant.url.is_only())).collect();
        same("via_url", format!("{found:?}"), format!("{wanted:?}"));
    }
    if let Some(wanted) = row["url"].as_str() {
        let found = match judged.url {
            UrlAdmission::Both => "both",
            UrlAdmission::OnlyOlder => "only_older",
            UrlAdmission::Neither => "neither",
            UrlAdmission::Unknown => "unknown",
        };
        same("url", found.into(), wanted.into());
    }
    let first = judged.grants.first();
    let classes = [("invoke", first.map(|g| &g.invoke)), ("beyond", first.map(|g| &g.beyond))];
    for (field, reach) in classes {
        if let Some(wanted) = row[field].as_str() {
            let found = reach.and_then(Option::as_ref).map_or("absent", |reach| reach.exposure.as_str());
            same(field, found.into(), wanted.into());
        }
    }
    for grant in &judged.grants {
        if grant.reason().is_empty() || grant.conditions.iter().any(|note| note.why.is_empty()) {
            same("reason", "none".into(), "some".into());
        }
    }
    faults
}

#[test]
fn every_document_of_the_table_has_its_exposure() {
    let rows: Vec<Value> = TABLE.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 150);
    let mut report = String::new();
    for row in &rows {
        for fault in faults(row) {
            report += &format!("{}: {fault}\n", row["name"]);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn rows_have_names_of_their_own() {
    let names: Vec<String> =
        TABLE.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].to_string()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

/// The table speaks of exposures only; this of the notes beside each condition.
#[test]
fn notes_say_which_conditions_bind() {
    let trust = Trust::default();
    let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
    let binds = |principal: &str, condition: &str| {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"lambda:InvokeFunction","Condition":{condition}}}}}"#
        );
        let judged = assess(&text, &context).unwrap();
        let notes = &judged.grants[0].conditions;
        for note in notes {
            assert!(text[note.span.clone()].contains(note.key.as_ref()), "{note:?}");
        }
        notes.iter().map(|note| note.binds).collect::<Vec<_>>()
    };
    let (all, s3) = ("\"*\"", r#"{"Service":"s3.amazonaws.com"}"#);
    let org = r#""aws:PrincipalOrgID":"o-exampleorg1""#;
    assert_eq!(binds(all, &format!(r#"{{"StringEquals":{{{org},"aws:UserAgent":"x"}}}}"#)), [true, false]);
    assert_eq!(binds(all, r#"{"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#), [false]);
    assert_eq!(binds(all, &format!(r#"{{"StringEqualsIfExists":{{{org}}}}}"#)), [false]);
    let network = r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"Null":{"aws:SourceVpc":"true"}}"#;
    assert_eq!(binds(all, network), [true, false]);
    let bucket = r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"},"StringEquals":{"aws:SourceAccount":"111122223333"}}"#;
    assert_eq!(binds(s3, bucket), [false, true]);
    assert_eq!(binds(s3, &format!(r#"{{"StringEquals":{{{org}}}}}"#)), [true]);
    assert_eq!(binds(r#"{"AWS":"444455556666"}"#, &format!(r#"{{"StringNotEquals":{{{org}}}}}"#)), [false]);
}

/// Nobody is left: because of a Deny, or without one.
#[test]
fn a_reason_names_a_deny_only_where_there_is_one() {
    let reason = |condition: &str, denies: &str| {
        let allow = format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Condition":{condition}}}"#
        );
        let trust = Trust::default();
        let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
        let judged = assess(&format!(r#"{{"Statement":[{allow}{denies}]}}"#), &context).unwrap();
        assert_eq!(judged.exposure.as_str(), "none");
        judged.grants[0].reason().to_owned()
    };
    let contradiction = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg1"},"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-otherorg22/*"}}"#;
    assert_eq!(reason(contradiction, ""), "nobody: its conditions cannot be met together");
    let deny = r#",{"Effect":"Deny","Principal":"*","Action":"*"}"#;
    assert_eq!(reason(contradiction, deny), "nobody: its conditions cannot be met together");
    assert_eq!(reason("{}", deny), "nobody: a Deny takes away everyone it would admit");
}
