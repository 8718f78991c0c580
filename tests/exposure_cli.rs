//! The `exposure` command as it is run: for every kind of input its exit code and its whole JSON, and what the text
//! says of several files at once.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use serde_json::{Value as Json, json};
use support::{Ran, finish, program, root, scratch};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

/// A document that admits another account.
fn partner() -> Json {
    json!({"Version": "2012-10-17", "Id": "default", "Statement": [
        {"Sid": "partner", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
            "Action": "lambda:InvokeFunction", "Resource": FUNCTION,
            "Condition": {"StringEquals": {"aws:UserAgent": "tool"}}},
        {"Effect": "Deny", "Principal": "*", "Action": ["lambda:Get*", "lambda:List*"], "Resource": FUNCTION}]})
}

/// What is said of it.
fn partner_judged() -> Json {
    json!({"exposure": "cross_account", "finding": true, "grants": [
        {"sid": "partner", "effect": "Allow", "principal": {"AWS": "arn:aws:iam::444455556666:root"},
            "actions": ["lambda:InvokeFunction"], "resource": FUNCTION, "exposure": "cross_account",
            "trusted": false, "via_url": false, "reason": "principals of 444455556666 are admitted",
            "conditions": [{"key": "aws:UserAgent", "operator": "StringEquals", "values": ["tool"],
                "binds": false, "why": "any caller can send this"}]},
        {"sid": null, "effect": "Deny", "principal": "*", "actions": ["lambda:Get*", "lambda:List*"],
            "resource": FUNCTION, "exposure": "none", "trusted": true, "via_url": false,
            "reason": "it denies everyone it names", "conditions": []}]})
}

fn own() -> Json {
    json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"},
        "Action": "lambda:InvokeFunction", "Resource": FUNCTION}})
}

fn own_judged() -> Json {
    json!({"exposure": "same_account", "finding": false, "grants": [
        {"sid": null, "effect": "Allow", "principal": {"AWS": "111122223333"},
            "actions": ["lambda:InvokeFunction"], "resource": FUNCTION, "exposure": "same_account",
            "trusted": true, "via_url": false, "reason": "only the owner's own principals are admitted",
            "conditions": []}]})
}

/// A document that could not be read.
fn unknown(reason: &str) -> Json {
    json!({"exposure": "unknown", "finding": null, "grants": [], "reason": reason})
}

fn sourced(source: &str, qualifier: Option<&str>, judged: Json) -> Json {
    let mut whole = json!({"source": source, "qualifier": qualifier});
    whole.as_object_mut().unwrap().extend(judged.as_object().unwrap().clone());
    whole
}

fn part(resource: &str, outcome: Json, data: Json) -> String {
    json!({"type": "part", "account": "111122223333", "region": "eu-west-1", "api": "lambda:GetPolicy",
        "resource": resource, "outcome": outcome, "data": data})
    .to_string()
}

/// Runs the command over files of these contents: `0.json`, `1.json` and so on.
fn run(name: &str, contents: &[String], arguments: &[&str]) -> Ran {
    let directory = scratch(&format!("exposure-cli-{name}"));
    let mut command = program();
    command.current_dir(&directory).arg("exposure").args(arguments);
    for (index, content) in contents.iter().enumerate() {
        fs::write(directory.join(format!("{index}.json")), content).unwrap();
        command.arg(format!("{index}.json"));
    }
    finish(command)
}

struct Case {
    what: &'static str,
    contents: Vec<String>,
    json: Json,
    code: i32,
}

fn case(what: &'static str, contents: Vec<String>, json: Json, code: i32) -> Case {
    Case { what, contents, json, code }
}

fn cases() -> Vec<Case> {
    let (partner, own) = (partner().to_string(), own().to_string());
    let answer = |document: &str| json!({"Policy": document, "RevisionId": "1"}).to_string();
    let ok = || json!({"status": "ok"});
    let alias = format!("{FUNCTION}:live");
    let snapshot = [
        json!({"type": "header", "version": 1}).to_string(),
        part(FUNCTION, ok(), json!({"Policy": own})),
        part(&alias, ok(), json!({"Policy": partner})),
        part(&format!("{FUNCTION}:7"), ok(), json!({"Policy": null})),
        json!({"type": "end"}).to_string(),
    ]
    .join("\n");
    let denied = part(FUNCTION, json!({"status": "denied", "message": "no permission"}), Json::Null);
    let cut = &partner[..partner.len() - 1];
    let no_statement = "the document has no Statement object or list";
    let not_json = "the input is not JSON: expected ident at line 1 column 2";
    vec![
        case("a bare document with a finding", vec![partner.clone()], partner_judged(), 1),
        case("a bare document without", vec![own.clone()], own_judged(), 0),
        case("GetPolicy's answer with a finding", vec![answer(&partner)], partner_judged(), 1),
        case("GetPolicy's answer without", vec![answer(&own)], own_judged(), 0),
        case(
            "several documents",
            vec![own.clone(), answer(&partner)],
            json!({"documents": [
                sourced("0.json", None, own_judged()), sourced("1.json", None, partner_judged())]}),
            1,
        ),
        case(
            "several documents without a finding",
            vec![own.clone(), own.clone()],
            json!({"documents": [sourced("0.json", None, own_judged()), sourced("1.json", None, own_judged())]}),
            0,
        ),
        case(
            "several documents, one of them no JSON",
            vec![own.clone(), "nonsense".to_owned()],
            json!({"documents": [
                sourced("0.json", None, own_judged()), sourced("1.json", None, unknown(not_json))]}),
            3,
        ),
        case(
            "several documents, the first no JSON, one a finding",
            vec!["nonsense".to_owned(), partner.clone()],
            json!({"documents": [
                sourced("0.json", None, unknown(not_json)), sourced("1.json", None, partner_judged())]}),
            1,
        ),
        case(
            "a snapshot",
            vec![snapshot],
            json!({"documents": [
                sourced("0.json:2", None, own_judged()), sourced("0.json:3", Some("live"), partner_judged())]}),
            1,
        ),
        case(
            "one part of a snapshot",
            vec![part(&alias, ok(), json!({"Policy": own}))],
            json!({"documents": [sourced("0.json:1", Some("live"), own_judged())]}),
            0,
        ),
        case(
            "a part whose call was denied",
            vec![denied],
            json!({"documents": [sourced("0.json:1", None, unknown(
                "the policy was not read: lambda:GetPolicy: denied: no permission"))]}),
            3,
        ),
        case(
            "a part of a resource without a policy",
            vec![part(FUNCTION, ok(), json!({"Policy": null}))],
            json!({"documents": []}),
            0,
        ),
        case("no JSON", vec!["nonsense".to_owned()], unknown(not_json), 2),
        case(
            "nothing",
            vec![String::new()],
            unknown("the input is not JSON: EOF while parsing a value at line 1 column 0"),
            2,
        ),
        case(
            "a document cut short",
            vec![cut.to_owned()],
            unknown(&format!(
                "the input is not JSON: EOF while parsing an object at line 1 column {}",
                cut.len()
            )),
            2,
        ),
        case("a list", vec!["[]".to_owned()], unknown("the input is JSON, but not an object"), 2),
        case("a string", vec!["\"x\"".to_owned()], unknown("the input is JSON, but not an object"), 2),
        case("null", vec!["null".to_owned()], unknown("the input is JSON, but not an object"), 2),
        case("an empty object", vec!["{}".to_owned()], unknown(no_statement), 3),
        case(
            "a Statement that is a string",
            vec![r#"{"Statement":"x"}"#.to_owned()],
            unknown(no_statement),
            3,
        ),
        case(
            "Statement twice",
            vec![r#"{"Statement":[],"Statement":[]}"#.to_owned()],
            unknown("Statement is written twice, and which one holds cannot be told"),
            3,
        ),
        case(
            "GetPolicy's answer with a broken document",
            vec![answer("{")],
            unknown("not JSON: a member's name must be a string at byte 1"),
            3,
        ),
        case("GetPolicy's answer with an empty one", vec![answer("{}")], unknown(no_statement), 3),
        case(
            "nested too deep",
            vec![format!(r#"{{"Statement":{}{}}}"#, "[".repeat(40), "]".repeat(40))],
            unknown("nested deeper than 32 levels at byte 44"),
            3,
        ),
        case(
            "too long",
            vec![format!(r#"{{"Id":"{}","Statement":[]}}"#, "x".repeat(69_976))],
            unknown("70000 bytes are more than the 65536 that are read of one policy"),
            3,
        ),
        case(
            "a statement that cannot be read",
            vec![r#"{"Statement":[{"Sid":"half","Effect":"Allow"}]}"#.to_owned()],
            json!({"exposure": "unknown", "finding": null, "grants": [
                {"sid": "half", "effect": "Allow", "principal": null, "actions": [], "resource": null,
                    "exposure": "unknown", "trusted": null, "via_url": false,
                    "reason": "the statement cannot be read: Principal is missing", "conditions": []}]}),
            3,
        ),
    ]
}

#[test]
fn every_kind_of_input_has_its_json_and_exit_code() {
    for Case { what, contents, json, code } in cases() {
        let ran = run("table", &contents, &["--owner", "111122223333", "--output", "json"]);
        assert_eq!(ran.json(), json, "{what}");
        assert_eq!(ran.code, code, "{what}: {}", ran.stderr);
    }
}

/// An organization whose members are not known leaves the answer open, and a statement without its owner has none.
#[test]
fn trust_and_owner_come_from_the_command_line_or_the_document() {
    let partner = [partner().to_string()];
    let judged = |arguments: &[&str]| {
        let ran = run("trust", &partner, &[arguments, &["--output", "json"]].concat());
        (ran.json()["finding"].clone(), ran.json()["grants"][0]["trusted"].clone(), ran.code)
    };
    let finding = (json!(true), json!(false), 1);
    assert_eq!(judged(&[]), finding, "the document names its owner");
    assert_eq!(judged(&["--owner", "111122223333"]), finding);
    assert_eq!(judged(&["--trusted-account", "444455556666"]), (json!(false), json!(true), 0));
    assert_eq!(judged(&["--owner", "444455556666"]), (json!(false), json!(true), 0));
    assert_eq!(judged(&["--trusted-org", "o-exampleorg1"]), (Json::Null, Json::Null, 3));
    let nameless = [json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}).to_string()];
    let refused = run("nameless", &nameless, &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("--owner 111122223333"), "{}", refused.stderr);
}

#[test]
fn several_files_stand_one_after_the_other_under_their_names() {
    let contents = [own().to_string(), partner().to_string(), "nonsense".to_owned()];
    let ran = run("several", &contents, &["--owner", "111122223333"]);
    let headings: Vec<&str> = ran.stdout.lines().filter(|line| line.contains(".json: ")).collect();
    assert_eq!(
        headings,
        [
            "0.json: same_account (no finding)",
            "1.json: cross_account (finding)",
            "2.json: unknown (the input is not JSON: expected ident at line 1 column 2)"
        ],
        "{}",
        ran.stdout
    );
    assert_eq!(ran.code, 1);
    // Each statement stands under its own file, with its own text underlined.
    let (first, second) = ran.stdout.split_once("\n1.json: ").unwrap();
    assert!(first.contains("--> 0.json:1:") && !first.contains("--> 1.json"), "{first}");
    assert!(second.contains("error: partner (Allow)") && second.contains("^ who"), "{second}");
    assert!(second.contains("may do this") && second.contains("does not bind: any caller can send this"));
    assert!(second.contains("info: statement 2 (Deny)"), "{second}");
}

/// The page shows the command's JSON as it is.
#[test]
fn the_pages_example_is_what_the_command_says() {
    let page = fs::read_to_string(root().join("docs/exposure.md")).unwrap();
    let shown = page.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    let document = "docs/examples/bucket-policy.json";
    let ran = support::run(["exposure", document, "--owner", "111122223333", "--output", "json"]);
    assert_eq!(ran.json(), serde_json::from_str::<Json>(shown).unwrap());
}
