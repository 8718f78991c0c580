//! Test files of policies: what is read, what passes, and which mutants survive.

#![allow(clippy::unwrap_used)]

use lambda_audit::facts::{self, schema::Origin};
use lambda_audit::policy::cases::{Case, Expect, cases};
use lambda_audit::policy::mutate;
use lambda_audit::policy::test::{FactMaker, Made, run};
use lambda_audit::policy::{Overrides, PolicySet, SourceText, Style};
use lambda_audit::trust::Trust;
use lambda_audit::value::{OwnedValue, Why};
use serde_json::Value as Json;

const POLICY: &str = r#"
id: function-named
title: t
severity: high
risk_score: 73
on: function
applies_to: function.region in params.regions
when: function.name.startsWith("pub") || function.destinations.exists(d, d == "x")
levels:
  - {when: function.account == "111122223333", severity: low, risk_score: 21}
message: "{function.subject}"
params:
  regions: [eu-west-1, us-east-1]
"#;

const CASES: &str = r#"
cases:
  - {name: named, expect: fail, level: high, fact: {region: eu-west-1, name: public, account: "444455556666", destinations: []}}
  - {name: our own, expect: fail, level: low, fact: {region: us-east-1, name: public, account: "111122223333", destinations: []}}
  - {name: by destination, expect: fail, fact: {region: us-east-1, name: x, account: "444455556666", destinations: [x]}}
  - {name: neither, expect: pass, fact: {region: eu-west-1, name: xpub, destinations: [y]}}
  - {name: elsewhere, expect: not_applicable, fact: {region: eu-north-1, name: public}}
  - name: more destinations may exist
    expect: unknown
    missing: [function.destinations]
    fact: {region: eu-west-1, name: x, destinations: {items: [y], unread: denied}}
  - name: two functions of a record
    expect: fail
    subject: "*:first"
    record: {names: [pub1, other]}
  - {name: the other function, expect: pass, subject: "*:second", record: {names: [pub1, other]}}
  - {name: a record that makes nothing, expect: nothing, records: [{names: []}]}
"#;

/// One function per name; the first is `:first`, the others `:second`.
struct Names;

impl FactMaker for Names {
    fn of_records(&self, records: &[Json], _: &Trust) -> Result<Vec<Made>, String> {
        let decl = facts::kind("function").unwrap();
        let names = records.iter().flat_map(|record| record["names"].as_array().unwrap());
        Ok(names
            .enumerate()
            .map(|(at, name)| {
                let mut fact = facts::unread_fact(decl, Why::NotInRecord).unwrap();
                let texts =
                    [("name", name.as_str().unwrap()), ("region", "eu-west-1"), ("account", "444455556666")];
                for (field, text) in texts {
                    fact.set(decl.field(field).unwrap(), OwnedValue::Text(text.to_owned())).unwrap();
                }
                let none = OwnedValue::List(lambda_audit::value::TextList::default());
                fact.set(decl.field("destinations").unwrap(), none).unwrap();
                Made::capture(&*fact, if at == 0 { "f:first" } else { "f:second" }, Origin::Change)
            })
            .collect())
    }

    fn of_snapshot(&self, _: &[Json], _: &Trust) -> Result<Vec<Made>, String> {
        Err("no snapshots here".to_owned())
    }
}

fn set() -> PolicySet {
    let (set, errors) = PolicySet::load(&[SourceText::new("p.yaml", POLICY)], &Overrides::default());
    assert!(errors.is_empty(), "{errors:?}");
    set
}

fn read(text: &str) -> (Vec<Case>, Vec<String>) {
    let set = set();
    let (cases, errors) = cases(set.get("function-named").unwrap(), &SourceText::new("p.test.yaml", text));
    (cases, errors.iter().map(ToString::to_string).collect())
}

#[test]
fn cases_run_over_facts_and_records() {
    let set = set();
    let policy = set.get("function-named").unwrap();
    let (cases, errors) = read(CASES);
    assert_eq!(errors, Vec::<String>::new());
    let report = run(policy, &cases, &Names);
    assert!(report.passed(), "{report:#?}");
    assert_eq!(report.cases.len(), 9);
}

#[test]
fn a_wrong_expectation_and_a_gap_are_reported() {
    let set = set();
    let policy = set.get("function-named").unwrap();
    let (cases, _) = read(
        "cases:\n  - {name: a, expect: fail, level: low, fact: {region: eu-west-1, name: pub, account: '1', destinations: []}}\n  \
         - {name: b, expect: pass, fact: {region: eu-west-1}}\n  - {name: c, expect: pass, snapshot: [{type: part}]}\n",
    );
    let report = run(policy, &cases, &Names);
    let faults: Vec<String> = report
        .cases
        .iter()
        .map(|case| {
            case.fault
                .as_ref()
                .map_or_else(String::new, |fault| format!("{} ≠ {}", fault.expected, fault.got))
        })
        .collect();
    assert_eq!(
        faults,
        [
            "fail (low) ≠ fail (high)",
            "pass ≠ unknown without function.destinations, function.name",
            "pass ≠ no facts: no snapshots here",
        ]
    );
    assert_eq!(report.gaps, [Expect::NotApplicable, Expect::Unknown]);
    assert!(!report.passed());
}

#[test]
fn test_files_are_checked_with_places() {
    let (_, errors) = read(
        "cases:\n  - {name: a, expect: fails, fact: {regin: eu-west-1}}\n  - {name: a, expect: pass, level: low}\n  \
         - {name: b, expect: pass, fact: {name: 5, account: null, role: {unread: never}}, extra: 1}\n",
    );
    assert_eq!(
        errors,
        [
            "p.test.yaml:2:23: `fails` is no expectation",
            "p.test.yaml:2:37: `function` has no field `regin`",
            "p.test.yaml:3:5: a case has one of `fact`, `record`, `records` and `snapshot`",
            "p.test.yaml:3:12: another case has this name",
            "p.test.yaml:3:36: only a failure has a level",
            "p.test.yaml:4:42: `name` is a text, found an int",
            "p.test.yaml:4:54: `account` is always there: it cannot be absent",
            "p.test.yaml:4:75: `never` is no reason",
            "p.test.yaml:4:84: unknown key `extra`",
        ]
    );
}

#[test]
fn mutants_die_where_cases_pin_every_atom_and_survive_where_they_do_not() {
    let set = set();
    let policy = set.get("function-named").unwrap();
    let (all, _) = read(CASES);
    let report = mutate::run(policy, &all, &Names);
    let survivors: Vec<String> = report.survivors.iter().map(ToString::to_string).collect();
    assert_eq!(survivors, Vec::<String>::new());
    // Atoms true and false: `in`, startsWith, exists, its body, the level; the literals of startsWith, the body and
    // the level; two members of the parameter.
    assert_eq!(report.mutants, 10 + 3 + 2);

    let few: Vec<Case> =
        all.into_iter().filter(|case| case.name != "by destination" && case.name != "our own").collect();
    let report = mutate::run(policy, &few, &Names);
    let survivors: Vec<String> = report.survivors.iter().map(ToString::to_string).collect();
    assert!(
        survivors.iter().any(|text| text == "p.yaml:8:79: no case notices: \"x\" becomes \"x~\""),
        "{survivors:#?}"
    );
    assert!(
        survivors.iter().any(|text| text.contains("\"us-east-1\" is dropped from params.regions")),
        "{survivors:#?}"
    );
    assert!(report.survivors[0].render(Style::Plain).contains("p.yaml:"));
}
