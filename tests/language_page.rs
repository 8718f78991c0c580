//! The examples of `docs/language.md` give the answers that stand beside them.

#![allow(clippy::unwrap_used)]

use lambda_audit::facts::{self, schema::FieldSet};
use lambda_audit::policy::lang::check::{Names, check};
use lambda_audit::policy::lang::compile::{Compiled, Env};
use lambda_audit::value::{OwnedValue, TextList, Truth, Why};
use serde_json::Value as Json;

const PAGE: &str = include_str!("../docs/language.md");

/// The contents of the page's blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    PAGE.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

fn value(json: &Json) -> OwnedValue {
    let why = |word: &Json| *Why::ALL.iter().find(|why| word == why.as_str()).unwrap();
    let list = |items: &Json, incomplete| {
        let items =
            items.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned().into()).collect();
        OwnedValue::List(TextList { items, incomplete })
    };
    match json {
        Json::Null => OwnedValue::Absent,
        Json::Bool(value) => OwnedValue::Bool(*value),
        Json::String(text) => OwnedValue::Text(text.clone()),
        Json::Array(_) => list(json, None),
        Json::Object(map) if map.contains_key("items") => list(&map["items"], Some(why(&map["unread"]))),
        Json::Object(map) => OwnedValue::Unread(why(&map["unread"])),
        Json::Number(_) => panic!("no ints on the page"),
    }
}

fn fact() -> Box<dyn FieldSet + Send + Sync> {
    let of_facts = blocks("yaml").into_iter().filter(|block| block.starts_with("fact:"));
    let [block] = of_facts.collect::<Vec<_>>().try_into().unwrap();
    let fields: Json = serde_saphyr::from_str(block).unwrap();
    let kind = facts::kind(fields["fact"].as_str().unwrap()).unwrap();
    let mut fact = facts::unread_fact(kind, Why::NotCollected).unwrap();
    for (name, json) in fields.as_object().unwrap().iter().filter(|(name, _)| *name != "fact") {
        fact.set(kind.field(name).unwrap(), value(json)).unwrap();
    }
    fact
}

#[test]
fn every_example_gives_the_answer_beside_it() {
    let fact = fact();
    let names = Names { kind: fact.kind(), params: &[], histories: &[] };
    let mut count = 0;
    for line in blocks("cel").into_iter().flat_map(str::lines) {
        let (predicate, expected) = line.rsplit_once("// ").unwrap();
        let got = match check(predicate, names, &[]) {
            Err(errors) => format!("error: {}", errors[0].message),
            Ok(pred) => match Compiled::new(&pred, &[]).eval(&*fact, &Env::default()) {
                Truth::True => "true".to_owned(),
                Truth::False => "false".to_owned(),
                Truth::Unknown => "unknown".to_owned(),
            },
        };
        assert_eq!(got, expected, "{predicate}");
        count += 1;
    }
    assert!(count >= 49, "only {count} examples were found");
}
