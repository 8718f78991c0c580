//! The two files of a new policy: they load and their cases pass; `lint` names what is left to fill in.

use super::lint::BLANK;
use crate::facts::schema::{FieldDecl, FieldType, KindDecl};

/// A policy file and its test file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skeleton {
    /// The text of `<id>.yaml`.
    pub policy: String,
    /// The text of `<id>.test.yaml`.
    pub tests: String,
}

/// The skeleton of a policy over a kind of fact. The id is taken as it is: loading the files checks it.
pub fn skeleton(id: &str, kind: &'static KindDecl) -> Skeleton {
    let name = kind.name;
    let (field, condition, fails, passes) = example(kind);
    let policy = format!(
        r#"id: {id}
title: {BLANK} what is wrong, as a sentence without a full stop
severity: low
risk_score: 21
since: 0.1.0
profile: default
on: {name}
when: {condition}
message: "{{{name}.subject}}: {BLANK} what is wrong with it"
attack:
  - {{tactic: {BLANK}, technique: {BLANK}}}
why: >-
  {BLANK} what an attacker or an accident makes of it
investigate: >-
  {BLANK} what to look at first
remediate: >-
  {BLANK} what to change
false_positives:
  - {BLANK} when this is as it should be
references:
  - {BLANK} https://docs.aws.amazon.com/lambda/
"#
    );
    let unknown = match kind.field(field).and_then(|index| kind.fields.get(index)) {
        Some(decl) if decl.can_be_unread => {
            format!(
                "  - name: it could not be read\n    expect: unknown\n    missing: [{name}.{field}]\n    fact: {{{field}: {{unread: denied}}}}\n"
            )
        }
        _ => String::new(),
    };
    let tests = format!(
        "cases:\n  - name: it is wrong\n    expect: fail\n    level: low\n    fact: {{{field}: {fails}}}\n  \
         - name: it is as it should be\n    expect: pass\n    fact: {{{field}: {passes}}}\n{unknown}"
    );
    Skeleton { policy, tests }
}

/// A field of the kind, a condition over it, and a value for which that is true and one for which it is false.
fn example(kind: &'static KindDecl) -> (&'static str, String, String, String) {
    let required = || kind.fields.iter().filter(|field| !field.optional && field.name != "subject");
    let readable = |field: &&FieldDecl| field.can_be_unread;
    let bools = || required().filter(|field| field.ty == FieldType::Bool);
    let texts = || required().filter(|field| field.ty == FieldType::Text && field.values.is_empty());
    let field = bools().find(readable).or_else(|| bools().next()).or_else(|| texts().find(readable));
    match field {
        Some(field) if field.ty == FieldType::Bool => {
            (field.name, format!("{}.{}", kind.name, field.name), "true".to_owned(), "false".to_owned())
        }
        other => {
            let name = other.map_or("subject", |field| field.name);
            let condition = format!("{}.{name} == \"{BLANK}\"", kind.name);
            (name, condition, format!("\"{BLANK}\""), "\"another\"".to_owned())
        }
    }
}
