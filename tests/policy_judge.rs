//! Policies from text to verdicts, evidence, messages and derived needs.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lambda_audit::facts;
use lambda_audit::facts::schema::{FieldSet, Origin};
use lambda_audit::policy::derive::Surface;
use lambda_audit::policy::load::ParamValue;
use lambda_audit::policy::{
    Env, Overrides, Policy, PolicySet, Profile, Selection, Severity, SourceText, Style, Verdict,
};
use lambda_audit::value::{OwnedValue, TextList, Why};

fn load(text: &str) -> PolicySet {
    let (set, errors) = PolicySet::load(&[SourceText::new("p.yaml", text)], &Overrides::default());
    let shown: Vec<String> = errors.iter().map(|error| error.render(Style::Plain)).collect();
    assert!(errors.is_empty(), "{}", shown.join("\n"));
    set
}

fn only(set: &PolicySet) -> &Policy {
    set.iter().next().unwrap()
}

fn fact(kind: &str, fields: &[(&str, OwnedValue)]) -> Box<dyn FieldSet + Send + Sync> {
    let decl = facts::kind(kind).unwrap();
    let mut fact = facts::unread_fact(decl, Why::NotCollected).unwrap();
    for (name, value) in fields {
        fact.set(decl.field(name).unwrap(), value.clone()).unwrap();
    }
    fact
}

fn text(value: &str) -> OwnedValue {
    OwnedValue::Text(value.to_owned())
}

const PUBLIC: &str = r#"
id: function-invoke-public
title: Lambda function can be invoked by anyone
severity: high
risk_score: 73
on: grant
applies_to: grant.resource_type == "function" && grant.allows_invoke && !grant.url_only
when: grant.exposure == "public"
levels:
  - {when: 'has(grant.qualifier) && grant.qualifier.startsWith("old")', severity: low, risk_score: 21, note: an old version}
message: "{grant.subject} can be invoked by anyone: {grant.reason}, {{{grant.qualifier}}}"
"#;

fn public_grant(more: &[(&str, OwnedValue)]) -> Box<dyn FieldSet + Send + Sync> {
    let mut fields = vec![
        ("subject", text("arn:aws:lambda:us-east-1:111122223333:function:pay")),
        ("resource_type", text("function")),
        ("allows_invoke", OwnedValue::Bool(true)),
        ("url_only", OwnedValue::Bool(false)),
        ("exposure", text("public")),
        ("qualifier", OwnedValue::Absent),
    ];
    fields.extend(more.iter().cloned());
    fact("grant", &fields)
}

#[test]
fn a_policy_passes_fails_does_not_apply_and_says_when_it_cannot_know() {
    let set = load(PUBLIC);
    let policy = only(&set);
    let env = Env::default();
    let Verdict::Fail(fail) = policy.judge(&*public_grant(&[]), &env) else { panic!("expected a failure") };
    assert_eq!((fail.severity, fail.risk_score, fail.level), (Severity::High, 73, None));
    assert!(fail.level_missing.is_empty());
    let private = public_grant(&[("exposure", text("same_account"))]);
    assert_eq!(policy.judge(&*private, &env), Verdict::Pass);
    let layer = public_grant(&[("resource_type", text("layer"))]);
    assert_eq!(policy.judge(&*layer, &env), Verdict::NotApplicable);
    let denied = public_grant(&[("exposure", OwnedValue::Unread(Why::Denied))]);
    let Verdict::Unknown { missing } = policy.judge(&*denied, &env) else { panic!("expected unknown") };
    assert_eq!(missing.len(), 1);
    assert_eq!((missing[0].field.as_str(), missing[0].why), ("grant.exposure", Why::Denied));
    // An unread field that cannot change the answer is not missed.
    let layer =
        public_grant(&[("resource_type", text("layer")), ("exposure", OwnedValue::Unread(Why::Denied))]);
    assert_eq!(policy.judge(&*layer, &env), Verdict::NotApplicable);
    let unread = fact("grant", &[("resource_type", text("function"))]);
    let Verdict::Unknown { missing } = policy.judge(&*unread, &env) else { panic!("expected unknown") };
    let names: Vec<&str> = missing.iter().map(|missing| missing.field.as_str()).collect();
    assert_eq!(names, ["grant.allows_invoke", "grant.url_only"]);
}

#[test]
fn levels_choose_the_first_that_holds_and_the_graver_where_one_is_unknown() {
    let set = load(PUBLIC);
    let policy = only(&set);
    let env = Env::default();
    let old = public_grant(&[("qualifier", text("old-1"))]);
    let Verdict::Fail(fail) = policy.judge(&*old, &env) else { panic!("expected a failure") };
    assert_eq!((fail.severity, fail.risk_score, fail.level), (Severity::Low, 21, Some(0)));
    assert!(policy.message_for(&*old, &fail).ends_with(": an old version"));
    let unread = public_grant(&[("qualifier", OwnedValue::Unread(Why::Throttled))]);
    let Verdict::Fail(fail) = policy.judge(&*unread, &env) else { panic!("expected a failure") };
    assert_eq!((fail.severity, fail.level), (Severity::High, None));
    assert_eq!(fail.level_missing.len(), 1);
    assert!(policy.message_for(&*unread, &fail).contains("grant.qualifier (throttled)"));
}

#[test]
fn evidence_names_what_was_observed_and_what_would_have_passed() {
    let set = load(PUBLIC);
    let policy = only(&set);
    let evidence = policy.evidence(&*public_grant(&[]), &Env::default());
    let shown: Vec<String> =
        evidence.iter().map(|e| format!("{} {} {}", e.field, e.observed, e.expected)).collect();
    assert_eq!(
        shown,
        [
            // What `applies_to` asks is no evidence: it chose the fact, it did not fail it.
            "grant.exposure \"public\" not \"public\"",
        ]
    );
    assert_eq!(
        policy.message(&*public_grant(&[])),
        "arn:aws:lambda:us-east-1:111122223333:function:pay can be invoked by anyone: (not read), {(none)}"
    );
}

#[test]
fn needs_are_derived_from_the_fields_read() {
    let set = load(PUBLIC);
    let policy = only(&set);
    assert_eq!(policy.origins, [Origin::State, Origin::Change]);
    assert!(policy.permissions().contains("lambda:GetPolicy"));
    let events: Vec<String> = policy.trail_events().iter().map(ToString::to_string).collect();
    assert_eq!(
        events,
        ["lambda:AddLayerVersionPermission", "lambda:AddPermission", "lambda:PutResourcePolicy"]
    );
    assert_eq!(
        policy.surfaces().into_iter().collect::<Vec<_>>(),
        [Surface::Snapshot, Surface::TrailManagement]
    );

    let url = load(
        "id: a\ntitle: t\nseverity: low\nrisk_score: 1\non: function_url\n\
         when: function_url.auth_type == 'NONE' && function_url.admits_public == 'both'\n\
         message: '{function_url.subject}'\n",
    );
    assert_eq!(only(&url).origins, [Origin::State]);
    assert!(only(&url).trail_events().is_empty());
}

#[test]
fn trail_events_of_activity_are_narrowed_by_the_predicate() {
    let head = "id: a\ntitle: t\nseverity: low\nrisk_score: 1\non: api_call\nmessage: '{api_call.subject}'\n";
    let events = |rest: &str| -> Vec<String> {
        only(&load(&format!("{head}{rest}"))).trail_events().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        events(
            "applies_to: api_call.event_source == 'iam.amazonaws.com' && \
             api_call.event_name in ['CreateUser', 'CreateRole']\n\
             when: api_call.succeeded"
        ),
        ["iam:CreateRole", "iam:CreateUser"]
    );
    // A prefix cannot be told from the literals alone: every event of the source stays.
    assert_eq!(
        events(
            "when: api_call.event_source == 'iam.amazonaws.com' && \
             (api_call.event_name.startsWith('List') || api_call.event_name == 'X')"
        ),
        ["iam:*"]
    );
    assert_eq!(events("when: api_call.succeeded && api_call.event_name != 'X'"), ["*:*"]);
    assert_eq!(events("when: api_call.succeeded"), ["*:*"]);
    let invocations = load(
        "id: a\ntitle: t\nseverity: low\nrisk_score: 1\non: invocation\nmessage: '{invocation.subject}'\n\
         when: invocation.event_name == 'Invoke' && invocation.succeeded",
    );
    let events: Vec<String> = only(&invocations).trail_events().iter().map(ToString::to_string).collect();
    assert_eq!(events, ["lambda:Invoke"]);
    assert_eq!(only(&invocations).surfaces().into_iter().collect::<Vec<_>>(), [Surface::TrailData]);
}

const TUNABLE: &str = "
id: foreign-names
title: t
severity: low
risk_score: 1
on: function
when: function.name in params.names || params.also && function.destinations.exists(d, glob(d, params.pattern))
message: '{function.subject}'
params: {names: [a, b], also: true, pattern: 'arn:*'}
";

#[test]
fn the_configuration_overrides_parameters_and_severity_with_checked_types() {
    let source = [SourceText::new("p.yaml", TUNABLE)];
    let set = |name: &str, value: ParamValue| Overrides {
        params: BTreeMap::from([("foreign-names".to_owned(), BTreeMap::from([(name.to_owned(), value)]))]),
        severity: BTreeMap::from([("foreign-names".to_owned(), Severity::Critical)]),
        ..Overrides::default()
    };
    let env = Env::default();
    let named = |name: &str, destinations: &[&str]| {
        let list = TextList::complete(destinations.iter().map(|text| (*text).to_owned()));
        fact("function", &[("name", text(name)), ("destinations", OwnedValue::List(list))])
    };
    let (policies, errors) = PolicySet::load(&source, &set("names", ParamValue::List(vec!["c".into()])));
    assert!(errors.is_empty(), "{errors:?}");
    let Verdict::Fail(fail) = only(&policies).judge(&*named("c", &[]), &env) else {
        panic!("expected a failure")
    };
    assert_eq!(fail.severity, Severity::Critical);
    assert_eq!(only(&policies).judge(&*named("a", &["x"]), &env), Verdict::Pass);
    assert!(matches!(only(&policies).judge(&*named("a", &["x", "arn:aws:sqs/q"]), &env), Verdict::Fail(_)));

    let messages = |overrides: &Overrides| -> Vec<String> {
        PolicySet::load(&source, overrides).1.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        messages(&set("names", ParamValue::Int(1))),
        ["configuration: parameter `names` of `foreign-names`: expected a list of texts, found an int"]
    );
    assert_eq!(
        messages(&set("nams", ParamValue::Int(1))),
        ["configuration: policy `foreign-names` has no parameter `nams`"]
    );
    let severity = BTreeMap::from([("foreign-name".to_owned(), Severity::Low)]);
    let other = Overrides { severity, ..Overrides::default() };
    assert_eq!(messages(&other), ["configuration: there is no policy `foreign-name`"]);
}

#[test]
fn selection_knows_profiles_and_globs_and_reports_a_glob_that_names_nothing() {
    let policy = |id: &str, profile: &str| {
        SourceText::new(
            format!("{id}.yaml"),
            format!(
                "id: {id}\ntitle: t\nseverity: low\nrisk_score: 1\nprofile: {profile}\non: function\n\
                 when: function.name == 'x'\nmessage: '{{function.subject}}'\n"
            ),
        )
    };
    let sources = [policy("a-one", "default"), policy("a-two", "strict"), policy("b-one", "default")];
    let (set, errors) = PolicySet::load(&sources, &Overrides::default());
    assert!(errors.is_empty());
    let ids = |selection: &Selection| -> (Vec<String>, usize) {
        let (policies, errors) = set.select(selection);
        (policies.iter().map(|policy| policy.id.clone()).collect(), errors.len())
    };
    assert_eq!(ids(&Selection::default()), (vec!["a-one".into(), "b-one".into()], 0));
    let strict =
        Selection { profile: Some(Profile::Strict), skip: vec!["b-*".into()], ..Selection::default() };
    assert_eq!(ids(&strict), (vec!["a-one".into(), "a-two".into()], 0));
    let named = Selection { only: vec!["a-*".into(), "c-*".into()], ..Selection::default() };
    assert_eq!(ids(&named), (vec!["a-one".into(), "a-two".into()], 1));
}

#[test]
fn an_id_stands_in_one_file_of_a_layer() {
    let twice = [SourceText::new("a.yaml", PUBLIC), SourceText::new("b.yaml", PUBLIC)];
    let (_, errors) = PolicySet::load(&twice, &Overrides::default());
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("stands in two files"));
}

#[test]
fn bundled_policies_load() {
    let (_, errors) = PolicySet::load_with_bundled(&[], &Overrides::default());
    let text: Vec<String> = errors.iter().map(|error| error.render(Style::Plain)).collect();
    assert!(errors.is_empty(), "{}", text.join("\n"));
}
