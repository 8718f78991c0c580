//! `--since`, `--until`, `--account`, `--region`: a run that reports a part and opens only the files it needs finds what
//! a run over everything finds, and nothing else, however the records are divided into files.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Arc, LazyLock};

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::engine::Scope;
use lambda_audit::report::Finding;
use lambda_audit::trail::parse_event_time;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Library, files_below, root};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

struct Entry {
    id: String,
    time: i64,
    account: String,
    region: String,
    record: Value,
}

/// All records of the demo.
static RECORDS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for path in files_below(&root().join("fixtures/accounts/demo/trail")) {
        let bytes = std::fs::read(&path).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        for record in file["Records"].as_array().unwrap() {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            all.push(Entry {
                id: text("eventID"),
                time: parse_event_time(&text("eventTime")).unwrap(),
                account: text("recipientAccountId"),
                region: text("awsRegion"),
                record: record.clone(),
            });
        }
    }
    assert!(all.len() > 3_000);
    all
});

/// Policies with state: what they find hangs on other records.
const STATE: [&str; 10] = [
    "discovery-burst-cli",
    "function-code-downloaded",
    "function-role-changed",
    "function-url-invoked-anonymously",
    "invoke-high-frequency",
    "invoke-logging-weakened",
    "invoke-unusual-asn",
    "invoke-unusual-principal",
    "lambda-token-external",
    "layer-added-to-function",
];

/// A chain of numbers that look random.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % bound
    }
}

type Files = Vec<(String, Arc<[u8]>)>;

/// Divides records into files: of one account and region each, delivered up to a day after the record. Some lie in
/// files whose name says nothing, if `unnamed`.
fn files(chance: &mut Chance, unnamed: bool, of: impl Fn(&Entry) -> bool) -> Files {
    let mut files: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for entry in RECORDS.iter().filter(|entry| of(entry)) {
        // Mostly some minutes late, seldom hours; never more than the documented margins.
        let late = match chance.below(10) {
            0 => chance.below(23 * HOUR),
            1 => -chance.below(50 * 60),
            _ => chance.below(900),
        };
        let time = jiff::Timestamp::from_second((entry.time + late).div_euclid(300) * 300).unwrap();
        let stamp = time.strftime("%Y%m%dT%H%MZ");
        let (account, region) = (&entry.account, &entry.region);
        let name = if unnamed && chance.below(20) == 0 {
            format!("export-{}.json", chance.below(5))
        } else {
            format!(
                "AWSLogs/{account}/CloudTrail/{region}/{account}_CloudTrail_{region}_{stamp}_{:016}.json",
                chance.below(3)
            )
        };
        files.entry(name).or_default().push(&entry.record);
    }
    files
        .into_iter()
        .map(|(name, records)| (name, json!({"Records": records}).to_string().into_bytes().into()))
        .collect()
}

fn audit(scope: &Scope, files: Files) -> Audit {
    let mut library = Library::new("");
    library.scope = scope.clone();
    library.audit(None, TrailInput::Memory(files))
}

/// What must agree of a finding. What became of a change, and what it replaced, other times decide.
fn told(finding: &Finding) -> Value {
    json!([
        finding.policy,
        finding.subject.label(),
        finding.severity,
        finding.count,
        finding.first,
        finding.last,
        finding.event_ids
    ])
}

fn is_state(finding: &&Finding) -> bool {
    STATE.contains(&finding.policy.as_str())
}

fn scopes() -> impl Strategy<Value = Scope> {
    let first = parse_event_time("2026-10-20T00:00:00Z").unwrap();
    let pick =
        |list: &'static [&'static str]| prop::sample::select(vec![None, None, Some(list[0]), Some(list[1])]);
    let accounts = pick(&["111122223333", "444455556666"]);
    let regions = pick(&["eu-west-1", "us-east-1"]);
    (0..31 * DAY, 1..20 * DAY, any::<bool>(), accounts, regions).prop_map(
        move |(since, length, open, account, region)| Scope {
            since: Some(first + since),
            until: (!open).then_some(first + since + length),
            accounts: account.into_iter().map(str::to_owned).collect(),
            regions: region.into_iter().map(str::to_owned).collect(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_part_has_the_findings_of_the_whole(scope in scopes(), seed: u64) {
        let chance = &mut Chance(seed);
        // The file of a count's record tells whose it is: one whose name says nothing is reported with any account.
        let unnamed = scope.accounts.is_empty() && scope.regions.is_empty();
        let all = files(chance, unnamed, |_| true);
        let part = audit(&scope, all.clone());
        let inside = |entry: &Entry| {
            scope.has_time(entry.time) && scope.has_place(Some(&entry.account), Some(&entry.region))
        };

        // Policies that judge each record by itself: as if there were no other records.
        let alone = audit(&Scope::default(), files(chance, unnamed, inside));
        let stateless = |audit: &Audit| -> Vec<String> {
            audit.report.findings.iter().filter(|one| !is_state(one)).map(|one| told(one).to_string()).collect()
        };
        let sorted = |mut list: Vec<String>| { list.sort(); list };
        prop_assert_eq!(sorted(stateless(&part)), sorted(stateless(&alone)));

        // Policies that ask for other records: what they find in the whole, in the part. Lists of events are cut at 20.
        let whole = audit(&Scope::default(), all);
        let ids: BTreeSet<&str> = RECORDS.iter().filter(|one| inside(one)).map(|one| one.id.as_str()).collect();
        let stateful = |audit: &Audit| -> BTreeMap<String, BTreeSet<String>> {
            let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for one in audit.report.findings.iter().filter(is_state).filter(|one| one.event_ids.len() < 20) {
                let inside = one.event_ids.iter().filter(|id| ids.contains(id.as_str()));
                out.entry(format!("{} {}", one.policy, one.subject.label())).or_default().extend(inside.cloned());
            }
            out.retain(|_, events| !events.is_empty());
            out
        };
        prop_assert_eq!(stateful(&part), stateful(&whole));
        for one in part.report.findings.iter() {
            for id in &one.event_ids {
                prop_assert!(ids.contains(id.as_str()), "{} reports {id}", one.policy);
            }
        }
        // Every file has its outcome, opened or not.
        let rows = |audit: &Audit| -> u64 {
            audit.report.coverage.read.iter().filter(|row| row.surface == "trail").map(|row| row.count).sum()
        };
        prop_assert_eq!(rows(&part), rows(&whole));
    }
}

#[test]
fn files_outside_are_not_opened_and_what_policies_look_back_is() {
    let base = [
        "replay",
        "fixtures/accounts/demo/trail",
        "--now",
        "2026-11-20T09:00:00Z",
        "--output",
        "json",
        "--quiet",
    ];
    let policy = ["--policy", "function-code-downloaded"];
    let run = |more: &[&str]| support::run(base.iter().chain(&policy).chain(more).copied()).json();
    let (whole, part) = (run(&[]), run(&["--since", "2026-11-16T00:00:00Z"]));
    let rows = part["coverage"]["read"].as_array().unwrap();
    let left: Vec<_> = rows.iter().filter(|row| row["outcome"] == "left_out").collect();
    assert!(!left.is_empty() && left.iter().all(|row| row["detail"].is_string()), "{left:?}");
    assert!(part["inputs"]["records"].as_u64() < whole["inputs"]["records"].as_u64());
    // Its window and warm-up of two weeks, and a day for files delivered late; no further.
    let first = parse_event_time(part["inputs"]["first_record"].as_str().unwrap()).unwrap();
    let since = parse_event_time("2026-11-16T00:00:00Z").unwrap();
    assert!((since - 16 * DAY..since - 10 * DAY).contains(&first), "{first}");
    let told = |report: &Value| {
        report["findings"].as_array().unwrap().iter().map(|one| one["event_ids"].clone()).collect::<Vec<_>>()
    };
    assert!(!told(&whole).is_empty());
    assert_eq!(told(&part), told(&whole), "what the thief fetched on the 17th is new to two weeks");
}

#[test]
fn what_became_of_a_change_is_not_told_without_what_came_later() {
    // The basket's public grant of 27 October was taken back after a quarter of an hour.
    let at = |text: &str| parse_event_time(text);
    let between =
        Scope { since: at("2026-10-26T00:00:00Z"), until: at("2026-10-27T15:10:00Z"), ..Scope::default() };
    let status = |scope: &Scope| -> Vec<Option<String>> {
        let found = audit(scope, files(&mut Chance(2), false, |_| true)).report.findings;
        let ours = |one: &&Finding| {
            one.policy == "function-invoke-public" && one.subject.name.contains("basket-api")
        };
        found.iter().filter(ours).map(|one| one.status.map(|status| status.as_str().to_owned())).collect()
    };
    let seen = status(&between);
    assert!(seen.iter().all(|one| one.as_deref() != Some("live")), "{seen:?}");
}

#[test]
fn the_command_line_takes_times_accounts_and_regions() {
    let base = [
        "replay",
        "fixtures/accounts/demo/trail",
        "--now",
        "2026-11-20T09:00:00Z",
        "--output",
        "json",
        "--quiet",
    ];
    let run = |more: &[&str]| support::run(base.iter().chain(more).copied());
    let ran = run(&["--since", "4d", "--account", "444455556666", "--policy", "function-invoke-*"]);
    let report = ran.json();
    let left =
        report["coverage"]["read"].as_array().unwrap().iter().filter(|row| row["outcome"] == "left_out");
    assert!(left.count() >= 2, "{}", ran.stdout);
    for bad in [["--since", "soon"], ["--account", "12"], ["--region", "Ireland"]] {
        assert_eq!(run(&bad).code, 2, "{bad:?}");
    }
    assert_eq!(run(&["--since", "1d", "--until", "2d"]).code, 2);
    let nothing = run(&["--since", "1h", "--policy", "function-invoke-*"]);
    assert_eq!(nothing.code, 2);
    assert!(nothing.stdout.contains("outside of what is reported"), "{}", nothing.stdout);
}

#[test]
fn log_files_that_are_left_out_are_not_missing_of_their_digest() {
    let ran = support::run([
        "replay",
        "fixtures/digests/AWSLogs",
        "--verify-digests",
        "--public-keys",
        "fixtures/digests/public-keys.json",
        "--until",
        "2026-11-16T00:00:00Z",
        "--policy",
        "trail-files-missing",
        "--output",
        "json",
        "--quiet",
    ]);
    let report = ran.json();
    let found = report["findings"].as_array().unwrap();
    assert_eq!(found.len(), 1, "the one that is gone is gone: {}", ran.stdout);
    assert_eq!(report["coverage"]["policies"][0]["unknown"], 0);
    let left = report["coverage"]["read"].as_array().unwrap().iter().find(|row| row["outcome"] == "left_out");
    assert_eq!(left.unwrap()["count"], 4);
}
