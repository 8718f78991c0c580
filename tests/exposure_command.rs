//! What the `exposure` command reads and answers, at library level: JSON and exit code for every kind of input.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lambda_audit::exposure::render::{Color, answer, text};
use lambda_audit::exposure::{ResourceKind, input};
use lambda_audit::trust::Trust;
use serde_json::{Value, json};

const OWNER: Option<&str> = Some("111122223333");
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn policy(principal: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "s", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction",
        "Resource": FUNCTION, "Condition": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}]})
}

fn run(texts: &[&str], owner: Option<&str>) -> (Value, u8) {
    let inputs = texts.iter().enumerate().map(|(i, text)| {
        let source = format!("file{i}.json");
        (source.clone(), input::read(&source, text))
    });
    let answer = answer(inputs.collect(), owner, ResourceKind::Function, &Trust::default());
    let mut out = String::new();
    for color in [Color::Never, Color::Always] {
        text_of(&answer, color, &mut out);
    }
    assert!(!out.is_empty());
    (serde_json::to_value(answer.json()).unwrap(), answer.exit_code())
}

fn text_of(answer: &lambda_audit::exposure::render::Answer, color: Color, out: &mut String) {
    text(answer, color, out).unwrap();
}

#[test]
fn a_bare_document_gives_one_object() {
    let (json, code) = run(&[&policy(&json!({"AWS": "444455556666"})).to_string()], OWNER);
    let expected = json!({"exposure": "cross_account", "finding": true, "grants": [{
        "sid": "s", "effect": "Allow", "principal": {"AWS": "444455556666"}, "actions": ["lambda:InvokeFunction"],
        "resource": FUNCTION, "exposure": "cross_account", "trusted": false, "via_url": false,
        "reason": "principals of 444455556666 are admitted",
        "conditions": [{"key": "aws:PrincipalOrgID", "operator": "StringLike", "values": ["o-*"], "binds": false,
            "why": "the pattern does not fix an organization"}]}]});
    assert_eq!((json, code), (expected, 1));
}

#[test]
fn every_kind_of_input_has_its_exit_code() {
    let (open, own) = (policy(&json!("*")).to_string(), policy(&json!({"AWS": "111122223333"})).to_string());
    let get_policy = |inner: &str| json!({"Policy": inner, "RevisionId": "r"}).to_string();
    let part = |inner: &str, qualifier: &str| {
        json!({"type": "part", "account": "111122223333", "region": "eu-west-1", "api": "GetPolicy",
            "resource": FUNCTION, "qualifier": qualifier, "outcome": "ok", "data": {"Policy": inner}})
        .to_string()
    };
    let snapshot = format!(
        "{}\n{}\n{}\n",
        json!({"type": "header", "version": 1}),
        part(&own, "live"),
        part(&open, "7")
    );
    let own_snapshot = format!("{}\n{}", part(&own, "1"), json!({"type": "end"}));
    let broken_line = format!("{own_snapshot}\n{{\"type\":\"part\",\"data\"");
    let unread_statement = r#"{"Statement":[{"Effect":"Allow"}]}"#;
    let deep = format!(r#"{{"Statement":{}{}}}"#, "[".repeat(300), "]".repeat(300));
    // What stands twice must not be lost on the way: the last one would win.
    let twice_inside = open.replace("\"Effect\":\"Allow\"", "\"Effect\":\"Allow\",\"Effect\":\"Deny\"");
    assert_ne!(twice_inside, open);
    let resolved = format!(r#"{{"Policy":{twice_inside}}}"#);
    let (open_text, own_text) = (json!(open).to_string(), json!(own).to_string());
    let two_policies = format!(r#"{{"Policy":{open_text},"Policy":{own_text}}}"#);
    let with_mark = format!("\u{feff}{open}");
    let cases: [(&str, &[&str], u8); 25] = [
        ("a byte order mark", &[&with_mark], 1),
        ("a member twice", &[&twice_inside], 3),
        ("a member twice in GetPolicy's answer", &[&get_policy(&twice_inside)], 3),
        ("a member twice in an answer that was resolved", &[&resolved], 3),
        ("two policies in one answer", &[&two_policies], 3),
        ("nothing", &[""], 2),
        ("a text", &["\"Statement\""], 2),
        ("null", &["null"], 2),
        ("a finding", &[&open], 1),
        ("no finding", &[&own], 0),
        ("GetPolicy's answer, a finding", &[&get_policy(&open)], 1),
        ("GetPolicy's answer, no finding", &[&get_policy(&own)], 0),
        ("GetPolicy's answer, broken inside", &[&get_policy("{")], 3),
        ("several, one a finding", &[&own, &open], 1),
        ("several, no finding", &[&own, &own], 0),
        ("several, one broken", &[&own, "nonsense"], 3),
        ("several, one broken, one a finding", &["nonsense", &open], 1),
        ("a snapshot with a finding", &[&snapshot], 1),
        ("a snapshot without", &[&own_snapshot], 0),
        ("a snapshot with a broken line", &[&broken_line], 3),
        ("not JSON", &["nonsense"], 2),
        ("a list", &["[]"], 2),
        ("an object without statements", &["{}"], 3),
        ("an unreadable statement", &[unread_statement], 3),
        ("too deep", &[&deep], 3),
    ];
    for (what, texts, wanted) in cases {
        let (json, code) = run(texts, OWNER);
        assert_eq!(code, wanted, "{what}: {json:#}");
        if wanted >= 2 && texts.len() == 1 && json.get("exposure").is_some() {
            assert_eq!((&json["exposure"], &json["finding"]), (&json!("unknown"), &Value::Null), "{what}");
        }
    }
}

#[test]
fn several_documents_and_snapshots_say_where_they_were_read() {
    let own = policy(&json!({"AWS": "111122223333"})).to_string();
    let part = json!({"type": "part", "api": "lambda:GetPolicy", "outcome": {"status": "ok"},
            "resource": format!("{FUNCTION}:live"), "data": {"Policy": own}})
    .to_string();
    let (json, code) = run(&[&part], None);
    assert_eq!(code, 0, "the ARN names the owner: {json:#}");
    assert_eq!(json["documents"][0]["source"], "file0.json:1");
    assert_eq!(json["documents"][0]["qualifier"], "live");
    assert_eq!(json["documents"][0]["exposure"], "same_account");
    let (json, _) = run(&[&own, "nonsense"], None);
    assert_eq!(json["documents"][1]["exposure"], "unknown");
    assert_eq!(json["documents"].as_array().unwrap().len(), 2);
}

#[test]
fn text_underlines_what_decides_and_lets_nothing_through() {
    let open = policy(&json!("*")).to_string().replace("\"s\"", "\"\\u001b[31m\u{202e}red\"");
    let inputs = vec![("a\u{1b}b.json".to_owned(), input::read("a\u{1b}b.json", &open))];
    let answer = answer(inputs, OWNER, ResourceKind::Function, &Trust::default());
    let mut out = String::new();
    text(&answer, Color::Never, &mut out).unwrap();
    assert!(
        out.contains("public (finding)") && out.contains("does not bind") && out.contains("^^^"),
        "{out}"
    );
    assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out:?}");
}

#[test]
fn a_snapshots_calls_for_policies_are_judged_or_unknown_and_others_ignored() {
    let own = policy(&json!({"AWS": "111122223333"})).to_string();
    let layer =
        json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion",
        "Resource": "arn:aws:lambda:eu-west-1:111122223333:layer:fonts:1"}]})
        .to_string();
    let (ok, denied) =
        (json!({"status": "ok"}), json!({"status": "denied", "permission": "lambda:GetPolicy"}));
    let failed = |status: &str| json!({"status": status, "message": "why"});
    let held = |document: &str| json!({"Policy": document});
    // What, API, outcome, data, exposure if there is a document, exit code.
    type Case<'a> = (&'a str, &'a str, Value, Value, Option<&'a str>, u8);
    let cases: [Case<'_>; 15] = [
        ("judged", "lambda:GetPolicy", ok.clone(), held(&own), Some("same_account"), 0),
        ("judged too", "lambda:GetResourcePolicy", ok.clone(), held(&own), Some("same_account"), 0),
        ("as a layer", "lambda:GetLayerVersionPolicy", ok.clone(), held(&layer), Some("public"), 1),
        ("no policy", "lambda:GetPolicy", ok.clone(), json!({"Policy": null}), None, 0),
        // Only the newer API may not be there; a GetPolicy that says so has not answered.
        ("not offered", "lambda:GetResourcePolicy", failed("disabled"), Value::Null, None, 0),
        ("disabled", "lambda:GetPolicy", failed("disabled"), Value::Null, Some("unknown"), 3),
        ("denied", "lambda:GetPolicy", denied, Value::Null, Some("unknown"), 3),
        ("throttled", "lambda:GetResourcePolicy", failed("throttled"), Value::Null, Some("unknown"), 3),
        ("failed", "lambda:GetLayerVersionPolicy", failed("failed"), Value::Null, Some("unknown"), 3),
        ("failed after an answer", "lambda:GetPolicy", failed("malformed"), held(&own), Some("unknown"), 3),
        ("no outcome", "lambda:GetPolicy", Value::Null, held(&own), Some("unknown"), 3),
        ("an answer without a policy", "lambda:GetPolicy", ok.clone(), json!({}), Some("unknown"), 3),
        (
            "a policy that is a number",
            "lambda:GetPolicy",
            ok.clone(),
            json!({"Policy": 1}),
            Some("unknown"),
            3,
        ),
        ("another API", "lambda:GetFunction", ok, held(&own), None, 0),
        ("another API, denied", "iam:GetRole", failed("denied"), Value::Null, None, 0),
    ];
    for (what, api, outcome, data, exposure, code) in cases {
        let part = json!({"type": "part", "account": "111122223333", "region": "eu-west-1", "api": api,
            "resource": FUNCTION, "outcome": outcome, "data": data});
        let (json, found) = run(&[&part.to_string()], None);
        assert_eq!(json["documents"][0]["exposure"].as_str(), exposure, "{what}: {json:#}");
        assert_eq!(found, code, "{what}: {json:#}");
    }
}
