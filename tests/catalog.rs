//! The bundled policies as a catalogue: every file is what its name says, says what it must, is tested by cases of
//! every kind, and the cases notice every mutation. `lint` itself is shown to notice each kind of fault.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use lambda_audit::audit::cases::CaseFacts;
use lambda_audit::policy::cases::{Case, cases};
use lambda_audit::policy::lint::{Tests, lint};
use lambda_audit::policy::test::run;
use lambda_audit::policy::{Overrides, Policy, PolicySet, Severity, SourceText, bundled as files, mutate};
use support::{bundled, files_below, root};

/// What the first version promises: id, severity and risk score.
const PROMISED: [(&str, Severity, u8); 36] = [
    ("function-invoke-public", Severity::High, 73),
    ("function-invoke-cross-account", Severity::High, 73),
    ("function-invoke-organization", Severity::Medium, 47),
    ("function-invoke-network", Severity::Medium, 47),
    ("function-invoke-service-unrestricted", Severity::Medium, 47),
    ("function-invoke-service-foreign", Severity::Medium, 47),
    ("function-write-granted", Severity::High, 73),
    ("function-url-public", Severity::High, 73),
    ("function-url-cors-any-origin", Severity::Low, 21),
    ("layer-shared-externally", Severity::Medium, 47),
    ("layer-external", Severity::Medium, 47),
    ("event-source-mapping-created", Severity::Low, 21),
    ("event-source-external", Severity::Medium, 47),
    ("function-destination-external", Severity::Medium, 47),
    ("function-deleted", Severity::Low, 21),
    ("function-code-updated", Severity::Low, 21),
    ("public-grant-blocked", Severity::Medium, 47),
    ("invoke-cross-account", Severity::Medium, 47),
    ("lambda-role-iam-write", Severity::High, 73),
    ("invoke-logging-missing", Severity::Medium, 47),
    ("invoke-logging-partial", Severity::Low, 21),
    ("invoke-logging-delivery-failing", Severity::High, 73),
    ("trail-validation-off", Severity::Low, 21),
    ("trail-files-missing", Severity::High, 73),
    ("function-runtime-unsupported", Severity::Medium, 47),
    ("function-outside-vpc", Severity::Low, 21),
    ("function-vpc-single-az", Severity::Medium, 47),
    ("function-untagged", Severity::Low, 21),
    ("function-tracing-off", Severity::Low, 21),
    ("function-dead-letter-missing", Severity::Low, 21),
    ("function-env-unencrypted", Severity::Low, 21),
    ("function-env-secret", Severity::High, 73),
    ("function-env-code-injection", Severity::Medium, 47),
    ("function-code-signing-off", Severity::Low, 21),
    ("code-signing-weakened", Severity::Medium, 47),
    ("function-concurrency-unreserved", Severity::Info, 5),
];

const AREAS: [&str; 6] = ["exposure", "logging", "activity", "identity", "code", "guardrails"];

/// A policy's cases and the file they stand in.
fn tests_of(policy: &Policy) -> (SourceText, Vec<Case>) {
    let name = policy.file().replace(".yaml", files::TEST_SUFFIX);
    let source = files::tests()
        .into_iter()
        .find(|file| *file.name == *name)
        .unwrap_or_else(|| panic!("{} has no {name}", policy.id));
    let (cases, errors) = cases(policy, &source);
    assert!(errors.is_empty(), "{errors:?}");
    (source, cases)
}

#[test]
fn the_promised_policies_are_there_with_their_severity() {
    let set = bundled();
    for (id, severity, risk_score) in PROMISED {
        let policy = set.get(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!((policy.severity, policy.risk_score), (severity, risk_score), "{id}");
    }
    // The levels that the catalogue gives by name.
    let levels = |id: &str| -> Vec<(Severity, u8)> {
        set.get(id).unwrap().levels.iter().map(|level| (level.severity, level.risk_score)).collect()
    };
    assert!(levels("layer-shared-externally").contains(&(Severity::High, 73)));
    assert!(levels("function-url-cors-any-origin").iter().any(|(severity, _)| *severity == Severity::Medium));
    assert!(levels("function-url-public").iter().any(|(severity, _)| *severity == Severity::Low));
}

#[test]
fn every_file_is_two_files_in_an_area_and_is_named_as_its_policy() {
    let mut policies = BTreeSet::new();
    let mut tests = BTreeSet::new();
    for path in files_below(&root().join("policies")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let area = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        if let Some(id) = name.strip_suffix(files::TEST_SUFFIX) {
            assert!(tests.insert((area, id.to_owned())));
        } else if let Some(id) = name.strip_suffix(".yaml") {
            assert!(AREAS.contains(&area.as_str()), "{area} is no area of policies");
            assert!(policies.insert((area, id.to_owned())));
        } else {
            assert_eq!(name, "INDEX.md", "{} is no policy", path.display());
        }
    }
    assert_eq!(policies, tests, "each policy has its cases beside it");
    let loaded: BTreeSet<(String, String)> = bundled()
        .iter()
        .map(|policy| {
            let mut parts = policy.file().rsplit('/');
            let file = parts.next().unwrap().to_owned();
            assert_eq!(file, format!("{}.yaml", policy.id));
            (parts.next().unwrap().to_owned(), policy.id.clone())
        })
        .collect();
    assert_eq!(loaded, policies, "what is embedded is what is in the directory");
}

#[test]
fn every_policy_says_what_it_must_and_lint_has_nothing_to_add() {
    let set = bundled();
    let mut titles = BTreeSet::new();
    for policy in set.iter() {
        let id = &policy.id;
        let (source, cases) = tests_of(policy);
        let faults = lint(policy, Some(Tests { source: &source, cases: &cases }));
        assert!(faults.is_empty(), "{faults:?}");

        assert!(titles.insert(policy.title.to_lowercase()), "two policies are called {:?}", policy.title);
        assert!(!policy.title.ends_with('.') && policy.title.len() <= 100, "{id}: {:?}", policy.title);
        assert!(policy.since.is_some(), "{id} does not say since when");
        let texts = &policy.texts;
        for (key, text) in
            [("why", &texts.why), ("investigate", &texts.investigate), ("remediate", &texts.remediate)]
        {
            let words = text.as_deref().unwrap_or("").split_whitespace().count();
            assert!(words >= 8, "{id}: {words} words of `{key}`");
        }
        assert!(!texts.false_positives.is_empty() && !policy.attack.is_empty(), "{id}");
        // A tactic may stand alone, but not every one.
        assert!(policy.attack.iter().any(|tag| tag.technique.is_some()), "{id}");
        for tag in &policy.attack {
            assert!(is_tag(&tag.tactic, "TA"), "{id}: {tag:?}");
            assert!(tag.technique.as_deref().is_none_or(is_technique), "{id}: {tag:?}");
        }
        let links: BTreeSet<&String> = texts.references.iter().collect();
        assert_eq!(links.len(), texts.references.len(), "{id} gives a link twice");
        assert!(links.iter().any(|link| link.starts_with("https://docs.aws.amazon.com/")), "{id}: {links:?}");
        for link in links {
            let host = link.strip_prefix("https://").unwrap_or_else(|| panic!("{id}: {link}"));
            let host = host.split('/').next().unwrap();
            assert!(host.contains('.') && !host.contains(['@', ':', ' ']), "{id}: {link}");
        }
    }
}

/// Checked here by other means than lint's own.
fn is_tag(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).and_then(|digits| digits.parse::<u16>().ok()).is_some()
        && text.len() == prefix.len() + 4
}

fn is_technique(text: &str) -> bool {
    let (technique, sub) = text.split_once('.').unwrap_or((text, "000"));
    let sub = sub.strip_prefix('A').unwrap_or(sub);
    is_tag(technique, "T") && sub.len() == 3 && sub.parse::<u16>().is_ok()
}

#[test]
fn all_cases_pass_and_every_mutant_is_noticed() {
    let maker = CaseFacts::new().unwrap();
    let (mut total, mut mutants) = (0, 0);
    for policy in bundled().iter() {
        let (source, cases) = tests_of(policy);
        let report = run(policy, &cases, &maker);
        let faults: Vec<_> = report.cases.iter().filter(|case| case.fault.is_some()).collect();
        assert!(report.passed() && faults.is_empty(), "{}: {faults:#?}", source.name);
        let mutation = mutate::run(policy, &cases, &maker);
        let survivors: Vec<String> = mutation.survivors.iter().map(ToString::to_string).collect();
        assert_eq!(survivors, Vec::<String>::new(), "{}", policy.id);
        assert!(mutation.mutants >= 2, "{}: {} mutants", policy.id, mutation.mutants);
        total += cases.len();
        mutants += mutation.mutants;
    }
    assert!(total >= 530 && mutants >= 230, "{total} cases, {mutants} mutants");
}

/// A bundled policy with one fault planted: lint names it, and cases notice what changes the meaning.
#[test]
fn lint_and_cases_notice_what_is_broken() {
    let source =
        files::policies().into_iter().find(|file| file.name.ends_with("/function-deleted.yaml")).unwrap();
    let (set, _) = PolicySet::load(std::slice::from_ref(&source), &Overrides::default());
    let (tests, cases) = tests_of(set.get("function-deleted").unwrap());
    let faults_of = |name: &str, text: &str, cases: &[Case]| -> Vec<String> {
        let (set, errors) = PolicySet::load(&[SourceText::new(name, text)], &Overrides::default());
        assert!(errors.is_empty(), "{errors:?}");
        let policy = set.iter().next().unwrap();
        lint(policy, Some(Tests { source: &tests, cases })).into_iter().map(|fault| fault.message).collect()
    };
    let name = &*source.name;
    assert_eq!(faults_of(name, &source.text, &cases), Vec::<String>::new());

    let renamed = faults_of("policies/activity/other.yaml", &source.text, &cases);
    assert_eq!(renamed, ["the file is named `other`, the policy `function-deleted`"]);
    let planted = [
        ("TA0040", "TA040", "is no ATT&CK tactic"),
        ("technique: T1485", "technique: T148", "is no ATT&CK technique"),
        ("https://docs.aws", "http://docs.aws", "is no https link"),
        ("\nwhy: |", "\nwhy: |\n  FILL IN", "not filled in"),
        ("{api_call.subject}", "A function", "does not say what it is about"),
    ];
    for (from, to, expected) in planted {
        assert!(source.text.contains(from), "{from:?} is not there to be broken");
        let faults = faults_of(name, &source.text.replace(from, to), &cases);
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{to:?}: {faults:?}");
    }
    for key in ["why", "investigate", "remediate", "false_positives", "references", "attack"] {
        let faults = faults_of(name, &without(&source.text, key), &cases);
        assert!(faults.contains(&format!("`{key}` is missing")), "{key}: {faults:?}");
    }
    for gone in ["fail", "pass", "not_applicable", "unknown"] {
        let mut fewer = tests_of(set.get("function-deleted").unwrap()).1;
        fewer.retain(|case| case.expect.as_str() != gone);
        assert!(fewer.len() < cases.len(), "no case expects {gone}");
        assert_eq!(faults_of(name, &source.text, &fewer), [format!("no case expects `{gone}`")]);
    }

    // Another meaning under the same cases is a failed case.
    let text = source.text.replace("DeleteFunction", "DeleteAlias");
    let (set, errors) = PolicySet::load(&[SourceText::new(name, text.as_str())], &Overrides::default());
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!run(set.iter().next().unwrap(), &cases, &CaseFacts::new().unwrap()).passed());
}

/// The policy file without one of its keys.
fn without(text: &str, key: &str) -> String {
    let mut skipping = false;
    let mut out = String::new();
    for line in text.lines() {
        if !line.starts_with([' ', '#', '-']) && !line.is_empty() {
            skipping = line.starts_with(&format!("{key}:"));
        }
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    assert!(out.len() < text.len(), "there is no {key}");
    out
}
