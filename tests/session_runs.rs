//! Whose a session is, over whole runs: by records before and after it, in the same file and others, in any order.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::store::Store;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::Library;

const POLICY: &str = "lambda-role-iam-write";

fn stamp(second: u32) -> String {
    format!("2026-10-16T10:{:02}:{:02}Z", second / 60, second % 60)
}

fn record(id: usize, second: u32, source: &str, name: &str, who: Json, more: Json) -> Json {
    let mut record = json!({
        "userIdentity": who, "eventTime": stamp(second), "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.17", "userAgent": "aws-sdk-go",
        "requestParameters": null, "responseElements": null, "recipientAccountId": "111122223333",
        "eventID": format!("{id:08}-0000-4000-8000-000000000000"),
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record
}

fn session(key: u8) -> Json {
    json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:job{key}"), "accountId": "111122223333",
        "arn": format!("arn:aws:sts::111122223333:assumed-role/Jobs/job{key}"), "accessKeyId": format!("ASIAEXAMPLE{key}"),
    })
}

/// To whom a key is issued.
fn issue(id: usize, second: u32, key: u8, to_lambda: bool) -> Json {
    let who = if to_lambda {
        json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"})
    } else {
        json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/carol", "accountId": "111122223333"})
    };
    let answer = json!({"responseElements": {"credentials": {"accessKeyId": format!("ASIAEXAMPLE{key}")}}});
    record(id, second, "sts", "AssumeRole", who, answer)
}

fn iam_write(id: usize, second: u32, key: u8) -> Json {
    record(id, second, "iam", "CreateUser", session(key), json!({}))
}

fn files(parts: &[Vec<Json>]) -> Vec<(String, Arc<[u8]>)> {
    let file = |(at, records): (usize, &Vec<Json>)| {
        (format!("{at}.json"), json!({"Records": records}).to_string().into_bytes().into())
    };
    parts.iter().enumerate().map(file).collect()
}

/// EventIDs found, and how many passed and were unknown.
fn verdicts(audit: &Audit) -> (BTreeSet<usize>, u64, u64) {
    let found = audit.report.findings.iter().filter(|finding| finding.policy == POLICY);
    let ids = found.flat_map(|finding| finding.event_ids.clone()).map(|id| id[..8].parse().unwrap());
    let row = audit.report.coverage.policies.iter().find(|row| row.policy == POLICY).unwrap();
    (ids.collect(), row.pass, row.unknown)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// The model reads all records first, and then looks at each.
    #[test]
    fn a_session_is_whose_its_credentials_are(
        events in prop::collection::vec((0..3u8, 0..4u8, 0..600u32, 0..3usize), 1..16),
        turn in any::<bool>(),
    ) {
        let mut parts = vec![Vec::new(); 3];
        for (id, &(what, key, second, file)) in events.iter().enumerate() {
            parts[file].push(match what {
                0 => issue(id, second, key, key == 0),
                _ => iam_write(id, second, key),
            });
        }
        let issued = |key: u8| events.iter().any(|&(what, of, ..)| what == 0 && of == key);
        let writes = || events.iter().enumerate().filter(|(_, (what, ..))| *what != 0).map(|(id, event)| (id, event.1));
        let found: BTreeSet<usize> =
            writes().filter(|&(_, key)| key == 0 && issued(0)).map(|(id, _)| id).collect();
        let pass = writes().filter(|&(_, key)| key != 0 && issued(key)).count() as u64;
        let unknown = writes().filter(|&(_, key)| !issued(key)).count() as u64;
        let mut files = files(&parts);
        if turn {
            files.reverse();
        }
        let audit = Library::new("").audit(None, TrailInput::Memory(files));
        prop_assert_eq!(verdicts(&audit), (found, pass, unknown));
    }
}

#[test]
fn files_are_read_again_from_disk_and_threads_change_nothing() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("session-runs");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let parts = [
        vec![iam_write(1, 10, 0), iam_write(2, 11, 1)],
        vec![iam_write(3, 5, 0), iam_write(4, 6, 2)],
        vec![issue(5, 0, 0, true), issue(6, 0, 1, false)],
    ];
    for (name, bytes) in files(&parts) {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
    let run = |threads: usize| {
        let mut library = Library::new("");
        library.options.threads = NonZeroUsize::new(threads);
        let report = library.audit(None, TrailInput::Paths(vec![directory.clone()])).report;
        serde_json::to_value((report.findings, report.coverage)).unwrap()
    };
    assert_eq!(run(1), run(3));
    let library = Library::new("");
    let audit = library.audit(None, TrailInput::Paths(vec![directory]));
    assert_eq!(verdicts(&audit), (BTreeSet::from([1, 3]), 1, 1));
}

#[test]
fn stolen_credentials_are_found_by_the_record_of_their_issue() {
    let stolen = |id| {
        let agent = json!({"userAgent": "aws-cli/2.31.9 md/command#sts.get-caller-identity"});
        record(id, 30, "sts", "GetCallerIdentity", session(0), agent)
    };
    let library = Library::new("");
    for parts in [
        vec![vec![stolen(1)], vec![issue(2, 0, 0, true)]],
        vec![vec![issue(2, 0, 0, true), stolen(1)]],
        vec![vec![issue(2, 0, 0, true)], vec![stolen(1)], vec![stolen(1)]],
    ] {
        let audit = library.audit(None, TrailInput::Memory(files(&parts)));
        let found: Vec<_> =
            audit.report.findings.iter().filter(|one| one.policy == "lambda-token-external").collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, lambda_audit::policy::Severity::High);
        assert_eq!((found[0].count, found[0].event_ids.len()), (1, 1));
    }
    let audit =
        library.audit(None, TrailInput::Memory(files(&[vec![stolen(1)], vec![issue(2, 0, 0, false)]])));
    assert!(audit.report.findings.iter().all(|one| one.policy != "lambda-token-external"));
}

/// A directory of files, and a store beside it.
struct Place {
    files: std::path::PathBuf,
    store: std::path::PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let scratch = support::scratch(name);
        let files = scratch.join("files");
        std::fs::create_dir_all(&files).unwrap();
        Place { files, store: scratch.join("audit.store") }
    }

    fn put(&self, file: &(String, Arc<[u8]>)) {
        std::fs::write(self.files.join(&file.0), &file.1).unwrap();
    }

    fn trail(&self) -> TrailInput {
        TrailInput::Paths(vec![self.files.clone()])
    }

    fn run(&self, library: &Library) -> Audit {
        let mut store = Store::open(&self.store).unwrap();
        library.audit_with(None, self.trail(), Some(&mut store))
    }
}

/// All of a report that does not tell new from known.
fn told(audit: &Audit) -> Json {
    let mut report = serde_json::to_value(&audit.report).unwrap();
    report["summary"]["known"] = Json::Null;
    for finding in report["findings"].as_array_mut().unwrap() {
        finding["seen"] = Json::Null;
    }
    report
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Files come one after the other, in any order: what they say of sessions is that of one reading.
    #[test]
    fn beside_a_store_a_session_is_whose_its_credentials_are(
        events in prop::collection::vec((0..3u8, 0..4u8, 0..600u32, 0..4usize), 1..24),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
    ) {
        let mut parts = vec![Vec::new(); 4];
        for (id, &(what, key, second, file)) in events.iter().enumerate() {
            parts[file].push(match what {
                0 => issue(id, second, key, key == 0),
                _ => iam_write(id, second, key),
            });
        }
        let place = Place::new("session-store-order");
        let files = files(&parts);
        let library = Library::new("");
        for at in order {
            place.put(&files[at]);
            let clean = told(&library.audit(None, place.trail()));
            prop_assert_eq!(&told(&place.run(&library)), &clean);
        }
        let clean = told(&library.audit(None, place.trail()));
        prop_assert_eq!(&told(&place.run(&library)), &clean);
    }
}

#[test]
fn what_must_be_seen_again_and_is_gone_is_unknown() {
    let place = Place::new("session-store-gone");
    let parts = [vec![iam_write(1, 10, 0), iam_write(2, 11, 1)], vec![iam_write(3, 5, 0)]];
    files(&parts).iter().for_each(|file| place.put(file));
    let library = Library::new("");
    assert_eq!(verdicts(&place.run(&library)), (BTreeSet::new(), 0, 3));
    // Now it is said whose the session of two files is; one of them is gone.
    std::fs::remove_file(place.files.join("0.json")).unwrap();
    let late = json!({"Records": [issue(5, 0, 0, true), issue(6, 0, 1, false)]}).to_string();
    place.put(&("late.json".to_owned(), late.into_bytes().into()));
    assert_eq!(verdicts(&place.run(&library)), (BTreeSet::from([3]), 1, 1));
    assert_eq!(verdicts(&place.run(&library)), (BTreeSet::from([3]), 1, 1));
    // It is there again, as it was.
    let before = std::fs::metadata(place.files.join("1.json")).unwrap().modified().unwrap();
    place.put(&files(&parts)[0]);
    std::fs::File::options()
        .write(true)
        .open(place.files.join("0.json"))
        .unwrap()
        .set_modified(before)
        .unwrap();
    assert_eq!(verdicts(&place.run(&library)), (BTreeSet::from([1, 3]), 1, 0));
    // In its place is another one of the same size and time.
    let other = json!({"Records": [iam_write(1, 10, 0), iam_write(2, 11, 0)]}).to_string();
    let name = place.files.join("0.json");
    let modified = std::fs::metadata(&name).unwrap().modified().unwrap();
    assert_eq!(std::fs::metadata(&name).unwrap().len(), other.len() as u64);
    std::fs::write(&name, "x".repeat(other.len())).unwrap();
    std::fs::File::options().write(true).open(&name).unwrap().set_modified(modified).unwrap();
    assert_eq!(verdicts(&place.run(&library)), (BTreeSet::from([3]), 1, 1));
}
