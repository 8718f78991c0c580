//! What the program writes and reads has the shape that its own `schema` prints: reports, snapshots, policy files,
//! configuration.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;

use jsonschema::Validator;
use serde_json::{Value as Json, json};
use support::{NOW, STORIES, Story, files_below, root, run, yaml};

fn schema(name: &str) -> Json {
    let ran = run(["schema", name]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let schema = ran.json();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("schema {name}: {error}"));
    schema
}

fn validator(schema: &Json) -> Validator {
    jsonschema::validator_for(schema).unwrap()
}

fn faults(validator: &Validator, value: &Json) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn holds(validator: &Validator, value: &Json, what: &str) {
    assert_eq!(faults(validator, value), Vec::<String>::new(), "{what}");
}

#[test]
fn reports_have_the_shape_of_their_schema() {
    let schema = schema("report");
    let report = validator(&schema);
    let mut reports = vec![("demo".to_owned(), run(["demo", "--output", "json", "--quiet"]).json())];
    for name in STORIES {
        let mut arguments = Story::read(name).arguments();
        arguments.extend(["--output".to_owned(), "json".to_owned()]);
        reports.push((name.to_owned(), run(arguments).json()));
    }
    for arguments in [
        vec!["replay", "fixtures/recorded"],
        vec!["replay", "README.md"],
        vec!["scan", "--snapshot", "fixtures/accounts/throttled/snapshot.jsonl"],
    ] {
        let what = arguments.join(" ");
        let all = arguments.into_iter().chain(["--now", NOW, "--output", "json"]);
        reports.push((what, run(all).json()));
    }
    for (what, value) in &reports {
        holds(&report, value, what);
        assert_eq!((&value["version"], &value["generated_at"]), (&json!("1"), &json!(NOW)), "{what}");
    }
    // Every member that the schema requires is one whose absence it notices, and a wrong type is one too.
    let demo = &reports[0].1;
    for key in schema["required"].as_array().unwrap() {
        let mut without = demo.clone();
        without.as_object_mut().unwrap().remove(key.as_str().unwrap());
        assert!(!report.is_valid(&without), "{key} may be missing");
    }
    for (pointer, wrong) in [
        ("/findings/0/severity", json!("grave")),
        ("/findings/0/risk_score", json!(300)),
        ("/findings/0/subject/arn", json!(5)),
        ("/coverage/policies/0/unknown", json!(-1)),
        ("/summary/exit_code", json!("0")),
    ] {
        let mut other = demo.clone();
        *other.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
        assert!(!report.is_valid(&other), "{pointer}");
    }
    // What the schema does not name is not written.
    let named: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert!(demo.as_object().unwrap().keys().all(|key| named.contains(&key)), "{named:?}");
}

#[test]
fn snapshots_have_the_shape_of_their_schema_line_by_line() {
    let schema = schema("snapshot");
    let line = validator(&schema);
    let data: BTreeMap<&String, Validator> =
        schema["x-data"].as_object().unwrap().iter().map(|(api, schema)| (api, validator(schema))).collect();
    let mut files: Vec<_> =
        STORIES.iter().map(|name| root().join(format!("fixtures/accounts/{name}/snapshot.jsonl"))).collect();
    files.extend(
        files_below(&root().join("fixtures/logging"))
            .into_iter()
            .filter(|path| path.extension().unwrap() == "jsonl"),
    );
    files.push(root().join("docs/examples/snapshot.jsonl"));
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for path in files {
        for (at, text) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let value: Json = serde_json::from_str(text).unwrap();
            let what = format!("{}:{}", path.display(), at + 1);
            holds(&line, &value, &what);
            if value["type"] == "part" && value["outcome"]["status"] == "ok" {
                let api = support::text(&value["api"]);
                let shape = data.get(&api).unwrap_or_else(|| panic!("{what}: no schema of {api}'s data"));
                holds(shape, &value["data"], &what);
                *seen.entry(api).or_default() += 1;
            }
        }
    }
    assert!(seen.len() >= 14, "{seen:?}");
    for wrong in [
        json!({"type": "part"}),
        json!({"type": "header"}),
        json!({"type": "ending", "parts": 1}),
        json!({"type": "part", "account": "1", "api": "a", "outcome": {"status": "fine"}}),
    ] {
        assert!(!line.is_valid(&wrong), "{wrong}");
    }
    assert!(!data[&"lambda:ListFunctions".to_owned()].is_valid(&json!({"Functions": [{"FunctionName": 5}]})));
}

#[test]
fn policies_have_the_shape_of_their_schema() {
    let policy = validator(&schema("policy"));
    let mut checked = 0;
    for directory in ["policies", "docs/examples/policies"] {
        for path in files_below(&root().join(directory)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if !name.ends_with(".yaml") || name.ends_with(".test.yaml") {
                continue;
            }
            let value = yaml(&fs::read_to_string(&path).unwrap());
            holds(&policy, &value, name);
            let mut other = value;
            other["severity"] = json!("grave");
            assert!(!policy.is_valid(&other));
            checked += 1;
        }
    }
    assert!(checked >= 23, "{checked}");
}

#[test]
fn configurations_have_the_shape_of_their_schema() {
    let config = validator(&schema("config"));
    let mut checked = 0;
    let files = files_below(&root().join("docs"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "toml"));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let value: toml::Table = toml::from_str(&text).unwrap();
        holds(&config, &plain(toml::Value::Table(value)), &path.display().to_string());
        assert_eq!(
            run(["config", "check", "--config", path.to_str().unwrap()]).code,
            0,
            "{}",
            path.display()
        );
        checked += 1;
    }
    assert!(checked >= 1, "there is no example configuration");
    for wrong in
        [json!({"fail_onn": "high"}), json!({"fail_on": "grave"}), json!({"waivers": [{"policy": "x"}]})]
    {
        assert!(!config.is_valid(&wrong), "{wrong}");
    }
}

/// TOML as JSON; dates as text.
fn plain(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(plain).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            Json::Object(table.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
    }
}
