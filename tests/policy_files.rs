//! Policy files as a whole: the schema, the skeleton of a new policy, lint, and the bundled policies.

#![allow(clippy::unwrap_used)]

use lambda_audit::facts;
use lambda_audit::policy::cases::cases;
use lambda_audit::policy::lint::{BLANK, Tests, lint};
use lambda_audit::policy::new::skeleton;
use lambda_audit::policy::test::{FactMaker, Made, run};
use lambda_audit::policy::{Overrides, Policy, PolicySet, SourceText, bundled, mutate, schema};
use lambda_audit::trust::Trust;
use serde_json::Value as Json;

/// Every key of a policy file, once.
const EVERY_KEY: &str = r#"
id: every-key
title: t
severity: high
risk_score: 73
since: 0.1.0
profile: strict
on: api_call
origins: [activity]
applies_to: api_call.lambda_session
when: api_call.event_name in params.names && !seen.before
levels:
  - {when: api_call.read_only, severity: low, risk_score: 1, note: n}
message: "{api_call.subject}"
group_by: [api_call.subject]
attack: [{tactic: TA0001, technique: T1234}]
why: w
investigate: i
remediate: r
false_positives: [f]
references: ["https://example.com/"]
params: {names: [a]}
histories:
  before: {by: [api_call.principal], among: api_call.succeeded, window: 30d}
warm_up: 14d
controls: [{framework: security-hub, id: Lambda.1}]
count: {by: [api_call.session_arn], window: 10s, distinct: api_call.event_name, at_least: 6}
repeat: {by: [api_call.access_key], every: 7d}
"#;

fn json(yaml: &str) -> Json {
    serde_saphyr::from_str_with_options(yaml, serde_saphyr::options! { strict_booleans: true }).unwrap()
}

#[test]
fn the_schema_has_exactly_the_keys_that_loading_knows() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full = json(EVERY_KEY);
    let faults: Vec<String> = validator.iter_errors(&full).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let mut written: Vec<&String> = full.as_object().unwrap().keys().collect();
    written.sort();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(sorted, written);
    // Loading knows them all too: the only faults are those of keys that do not go together.
    let (_, errors) = PolicySet::load(&[SourceText::new("every-key.yaml", EVERY_KEY)], &Overrides::default());
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the records counted differ in `api_call.subject`: only fields of `by` can be told",
            "the records counted differ in `api_call.subject`: they are grouped by fields of `by`",
            "`count` and `repeat` do not go together",
            "`count` and `histories` do not go together",
            "`count` and `levels` do not go together",
        ]
    );
    for (wrong, instead) in
        [("severity: high", "severity: grave"), ("risk_score: 73", "risk_score: 101"), ("on:", "onn:")]
    {
        assert!(!validator.is_valid(&json(&EVERY_KEY.replace(wrong, instead))), "{instead}");
    }
}

/// Cases of skeletons are facts; nothing is made of raw input.
struct NoMaker;

impl FactMaker for NoMaker {
    fn of_records(&self, _: &[Json], _: &Trust) -> Result<Vec<Made>, String> {
        Err("no records here".to_owned())
    }
    fn of_snapshot(&self, _: &[Json], _: &Trust) -> Result<Vec<Made>, String> {
        Err("no snapshots here".to_owned())
    }
}

fn load_one(name: &str, text: &str) -> PolicySet {
    let (set, errors) = PolicySet::load(&[SourceText::new(name, text)], &Overrides::default());
    assert!(errors.is_empty(), "{text}\n{errors:?}");
    set
}

#[test]
fn a_skeleton_of_every_kind_loads_and_passes_its_cases_and_lint_asks_for_its_blanks_only() {
    for kind in facts::KINDS {
        let skeleton = skeleton("new-policy", kind);
        let set = load_one("new-policy.yaml", &skeleton.policy);
        let policy: &Policy = set.get("new-policy").unwrap();
        let source = SourceText::new("new-policy.test.yaml", skeleton.tests.as_str());
        let (cases, errors) = cases(policy, &source);
        assert!(errors.is_empty(), "{}: {errors:?}", kind.name);
        let report = run(policy, &cases, &NoMaker);
        assert!(report.passed(), "{report:#?}");
        assert!(mutate::run(policy, &cases, &NoMaker).survivors.is_empty(), "{}", kind.name);
        let faults = lint(policy, Some(Tests { source: &source, cases: &cases }));
        assert!(faults.iter().all(|fault| fault.message == "not filled in"), "{}: {faults:?}", kind.name);
        let blanks = skeleton.policy.matches(BLANK).count() + skeleton.tests.matches(BLANK).count();
        assert_eq!(faults.len(), blanks);
    }
}

#[test]
fn lint_names_everything_that_is_missing() {
    let text = "id: bare\ntitle: t\nseverity: low\nrisk_score: 1\non: function\nwhen: function.name == 'x'\n\
                message: no subject\nattack: [{tactic: TA3, technique: T1.2}]\nreferences: ['http://example.com']\n";
    let set = load_one("other.yaml", text);
    let policy = set.get("bare").unwrap();
    let faults: Vec<String> = lint(policy, None).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "other.yaml:1:1: the file is named `other`, the policy `bare`",
            "other.yaml:1:1: `why` is missing",
            "other.yaml:1:1: `investigate` is missing",
            "other.yaml:1:1: `remediate` is missing",
            "other.yaml:1:1: `false_positives` is missing",
            "other.yaml:1:1: the test file bare.test.yaml is missing",
            "other.yaml:7:1: the message does not say what it is about: {function.subject}",
            "other.yaml:8:1: `TA3` is no ATT&CK tactic such as TA0003",
            "other.yaml:8:1: `T1.2` is no ATT&CK technique such as T1546 or T1578.005",
            "other.yaml:9:1: `http://example.com` is no https link",
        ]
    );
    let source = SourceText::new("bare.test.yaml", "cases:\n  - {name: a, expect: pass, fact: {name: y}}\n");
    let (cases, _) = cases(policy, &source);
    let faults = lint(policy, Some(Tests { source: &source, cases: &cases }));
    let gaps: Vec<&str> = faults
        .iter()
        .filter(|fault| &*fault.file == "bare.test.yaml")
        .map(|fault| fault.message.as_str())
        .collect();
    assert_eq!(gaps, ["no case expects `fail`", "no case expects `unknown`"]);
}

#[test]
fn bundled_policies_have_the_shape_of_the_schema_and_the_name_of_their_file() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let (set, errors) = PolicySet::load_with_bundled(&[], &Overrides::default());
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(set.len(), bundled::policies().len());
    for source in bundled::policies() {
        let faults: Vec<String> = validator
            .iter_errors(&json(&source.text))
            .map(|error| format!("{}: {error}", source.name))
            .collect();
        assert_eq!(faults, Vec::<String>::new());
    }
    for policy in set.iter() {
        assert!(policy.file().ends_with(&format!("/{}.yaml", policy.id)), "{}", policy.file());
    }
}
