//! Every bundled policy on every fixture account: what its story says must fail fails and nothing else, what it says
//! cannot be judged is unknown and nothing else, and the whole table is saved, so that a policy that begins to fire
//! on another's fixture is seen. `BLESS=1` writes the table.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write;

use lambda_audit::report::PolicyCoverage;
use support::{Library, STORIES, Story, bundled, compare, failing, root};

fn coverage(library: &Library, story: &Story) -> Vec<PolicyCoverage> {
    library.audit(Some(story.snapshot_input()), story.trail_input()).report.coverage.policies
}

/// Account, region, surface, outcome.
type Place<'a> = (Option<&'a str>, Option<&'a str>, &'a str, &'a str);

#[test]
fn the_table_of_all_policies_and_stories_is_the_saved_one() {
    let library = Library::new("");
    let policies: Vec<String> = bundled().iter().map(|policy| policy.id.clone()).collect();
    let width = policies.iter().map(String::len).max().unwrap();
    let mut out = String::from(
        "# Every bundled policy on every fixture account: fail/pass/not applicable/unknown judgements, then the\n\
         # failing subjects. Written by BLESS=1 cargo test --test matrix.\n\n",
    );
    write!(out, "{:width$}", "policy").unwrap();
    STORIES.iter().for_each(|story| write!(out, "  {story:>14}").unwrap());
    let audits: Vec<_> = STORIES
        .iter()
        .map(|name| Story::read(name))
        .map(|story| library.audit(Some(story.snapshot_input()), story.trail_input()))
        .collect();
    for policy in &policies {
        write!(out, "\n{policy:width$}").unwrap();
        for audit in &audits {
            let row = audit.report.coverage.policies.iter().find(|row| row.policy == *policy).unwrap();
            assert_eq!(row.judged, row.fail + row.pass + row.not_applicable + row.unknown, "{policy}");
            let cell = format!("{}/{}/{}/{}", row.fail, row.pass, row.not_applicable, row.unknown);
            write!(out, "  {cell:>14}").unwrap();
        }
    }
    write!(out, "\n{:width$}", "exit code").unwrap();
    audits.iter().for_each(|audit| write!(out, "  {:>14}", audit.exit.code()).unwrap());
    out.push('\n');
    for (name, audit) in STORIES.iter().zip(&audits) {
        write!(out, "\n{name}\n").unwrap();
        for (policy, subjects) in failing(audit) {
            writeln!(out, "  {policy}").unwrap();
            for subject in subjects {
                let of: Vec<_> = audit
                    .report
                    .findings
                    .iter()
                    .filter(|one| one.policy == policy && one.subject.label() == subject)
                    .map(|one| format!("{} ×{}", one.severity, one.count))
                    .collect();
                writeln!(out, "    {subject}  {}", of.join(", ")).unwrap();
            }
        }
    }
    compare(&root().join("tests/matrix.txt"), &out).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn each_story_fails_exactly_what_it_says() {
    let library = Library::new("");
    for name in STORIES {
        let story = Story::read(name);
        let audit = library.audit(Some(story.snapshot_input()), story.trail_input());
        let got = failing(&audit);
        assert_eq!(got, story.expected_of("fail"), "{name}");
        let silent = story.expected["silent"].as_array().unwrap();
        assert!(!silent.is_empty(), "{name} has no near misses");
        for row in silent {
            let (policy, subject) = (support::text(&row["policy"]), support::text(&row["subject"]));
            let judged = audit.report.coverage.policies.iter().any(|one| one.policy == policy);
            assert!(judged, "{name}: there is no policy {policy}");
            let fired = got.get(&policy).is_some_and(|subjects| subjects.contains(&subject));
            assert!(!fired, "{name}: {policy} fires on {subject}, but {}", row["why"]);
        }
    }
}

/// The report counts unknown judgements and shows one example of each kind; accepting one subject at a time makes the
/// ledger say how many are that subject's.
#[test]
fn each_story_leaves_unknown_exactly_what_it_says() {
    for name in STORIES {
        let story = Story::read(name);
        let expected = story.expected_of("unknown");
        let total = |policy: &str| expected.get(policy).map_or(0, |subjects| subjects.len() as u64);
        for row in coverage(&Library::new(""), &story) {
            assert_eq!(row.unknown, total(&row.policy), "{name}: {}", row.policy);
        }
        let rounds = expected.values().map(|subjects| subjects.len()).max().unwrap_or(0);
        for round in 0..rounds {
            let chosen: BTreeMap<&String, &String> = expected
                .iter()
                .filter_map(|(policy, subjects)| Some((policy, subjects.iter().nth(round)?)))
                .collect();
            let config: String = chosen
                .iter()
                .map(|(policy, subject)| {
                    format!(
                        "[[accepted_gaps]]\npolicy = {policy:?}\nsubject = {subject:?}\nreason = \"this one\"\n\
                         owner = \"test\"\nexpires = 2027-01-31\n"
                    )
                })
                .collect();
            for row in coverage(&Library::new(&config), &story) {
                let Some(subject) = chosen.get(&row.policy) else { continue };
                // A judgement without several fields is counted once for each of them.
                let fields: Vec<_> = row.why.iter().filter(|why| why.accepted).collect();
                assert!(!fields.is_empty(), "{name}: {} is not unknown for {subject}", row.policy);
                assert!(
                    fields.iter().all(|why| why.count == 1 && why.example.starts_with(subject.as_str())),
                    "{name}: {} of {subject}: {fields:?}",
                    row.policy
                );
            }
        }
    }
}

/// `not_read`: every call that was tried and failed is in the ledger with its outcome and missing permission.
#[test]
fn what_each_story_could_not_read_is_in_the_ledger() {
    let library = Library::new("");
    for name in STORIES {
        let story = Story::read(name);
        let audit = library.audit(Some(story.snapshot_input()), story.trail_input());
        let mut expected: BTreeMap<Place<'_>, u64> = BTreeMap::new();
        for row in story.expected["not_read"].as_array().unwrap() {
            let key = (
                row["account"].as_str(),
                row["region"].as_str(),
                row["api"].as_str().unwrap(),
                row["outcome"].as_str().unwrap(),
            );
            *expected.entry(key).or_default() += 1;
        }
        let mut got: BTreeMap<Place<'_>, u64> = BTreeMap::new();
        for row in audit.report.coverage.read.iter().filter(|row| row.is_gap() && row.surface != "snapshot") {
            let key =
                (row.account.as_deref(), row.region.as_deref(), row.surface.as_str(), row.outcome.as_str());
            *got.entry(key).or_default() += row.count;
            assert_eq!(row.outcome == "denied", row.missing_permission.is_some(), "{name}: {row:?}");
        }
        assert_eq!(got, expected, "{name}");
        let complete = audit.report.inputs.snapshot.as_ref().unwrap().complete;
        assert_eq!(complete, story.expected["complete"].as_bool().unwrap(), "{name}");
        let said = audit.report.coverage.read.iter().any(|row| row.surface == "snapshot" && row.is_gap());
        assert_eq!(complete, !said, "{name}: the ledger says that the snapshot is incomplete");
    }
}

#[test]
fn every_bundled_policy_fails_at_least_once_in_the_demo() {
    let ran = support::run(["demo", "--output", "json", "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report = ran.json();
    let rows = report["coverage"]["policies"].as_array().unwrap();
    // A sample of ninety days has no chain of digests: tests/trail_digests.rs shows this one on a chain.
    let of_digests = |row: &&serde_json::Value| row["policy"] == "trail-files-missing";
    assert_eq!(rows.iter().filter(of_digests).count(), 1);
    let rows: Vec<_> = rows.iter().filter(|row| !of_digests(row)).collect();
    let silent: Vec<&str> =
        rows.iter().filter(|row| row["fail"] == 0).map(|row| row["policy"].as_str().unwrap()).collect();
    assert_eq!(silent, Vec::<&str>::new());
    let mut judged: Vec<&str> = rows.iter().map(|row| row["policy"].as_str().unwrap()).collect();
    judged.sort_unstable();
    let bundled = bundled();
    let mut all: Vec<&str> = bundled.iter().map(|policy| policy.id.as_str()).collect();
    all.retain(|id| *id != "trail-files-missing");
    all.sort_unstable();
    assert_eq!(judged, all, "the demo judges every bundled policy, strict ones too");
    let by_policy = report["summary"]["by_policy"].as_object().unwrap();
    assert!(all.iter().all(|id| by_policy[*id].as_u64() >= Some(1)), "{by_policy:?}");
}
