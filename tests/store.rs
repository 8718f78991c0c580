//! Runs beside a store: whatever is read when, in whatever order, the result is that of one reading of everything; what
//! is kept is not read again, and what cannot be known any more is said.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::engine::Scope;
use lambda_audit::report::Seen;
use lambda_audit::store::Store;
use serde_json::{Value as Json, json};
use support::{Library, NOW, Story, files_below, root, scratch};

/// The demo's trail files, by the end of their paths.
fn demo() -> BTreeMap<PathBuf, Vec<u8>> {
    let trail = root().join("fixtures/accounts/demo/trail");
    let file = |path: PathBuf| (path.strip_prefix(&trail).unwrap().to_owned(), fs::read(&path).unwrap());
    let files: BTreeMap<_, _> = files_below(&trail).into_iter().map(file).collect();
    assert!(files.len() > 100);
    files
}

fn put(directory: &Path, name: &Path, bytes: &[u8]) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn whole(name: &str) -> PathBuf {
    let directory = scratch(name).join("AWSLogs");
    demo().iter().for_each(|(path, bytes)| put(&directory, path, bytes));
    directory
}

fn trail(directory: &Path) -> TrailInput {
    TrailInput::Paths(vec![directory.to_owned()])
}

/// A run beside a store, which remembers what it found as the command line does.
fn run(library: &Library, directory: &Path, store: &Path) -> Audit {
    let mut store = Store::open(store).unwrap();
    let snapshot = Story::read("demo").snapshot_input();
    let audit = library.audit_with(Some(snapshot), trail(directory), Some(&mut store));
    store.remember(audit.fingerprints.iter().copied()).unwrap();
    audit
}

fn clean(library: &Library, directory: &Path) -> Audit {
    library.audit(Some(Story::read("demo").snapshot_input()), trail(directory))
}

/// The report without what tells new findings from known ones.
fn told(audit: &Audit) -> Json {
    let mut report = serde_json::to_value(&audit.report).unwrap();
    for finding in report["findings"].as_array_mut().unwrap() {
        finding.as_object_mut().unwrap().remove("seen").unwrap();
    }
    report["summary"].as_object_mut().unwrap().remove("known").unwrap();
    report
}

#[track_caller]
fn same(one: &Json, other: &Json) {
    for member in one.as_object().unwrap().keys() {
        let (one, other) = (&one[member], &other[member]);
        if let (Some(many), Some(others)) = (one.as_array(), other.as_array()) {
            for (one, other) in many.iter().zip(others) {
                assert_eq!(one, other, "of {member}");
            }
            assert_eq!(many.len(), others.len(), "{member}");
        }
        assert_eq!(one, other, "{member}");
    }
    assert_eq!(one, other);
}

/// Numbers that look like chance, the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Puts other bytes of the same length and time in the place of a file: who reads it would notice.
fn overwrite(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let garbage = vec![b'#'; usize::try_from(metadata.len()).unwrap()];
    fs::write(path, garbage).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
}

#[test]
fn however_the_files_come_the_result_is_that_of_one_reading() {
    let library = Library::new("");
    let rounds = if std::env::var_os("LAMBDA_AUDIT_LONG").is_some() { 40 } else { 3 };
    let files: Vec<(PathBuf, Vec<u8>)> = demo().into_iter().collect();
    for round in 0..rounds {
        let mut chance = Chance(round);
        let scratch = scratch("store-divisions");
        let (directory, store) = (scratch.join("AWSLogs"), scratch.join("audit.store"));
        let copies = chance.below(4);
        let mut left: Vec<(PathBuf, Vec<u8>)> = files.clone();
        for _ in 0..copies {
            let (path, bytes) = files[chance.below(files.len())].clone();
            left.push((Path::new("copies").join(path.file_name().unwrap()), bytes));
        }
        fs::create_dir_all(&directory).unwrap();
        // Some are there at first with another's records, or cut off.
        let mut wrong = Vec::new();
        for _ in 0..chance.below(5) {
            let (path, bytes) = &files[chance.below(files.len())];
            let other = match chance.below(2) {
                0 => files[chance.below(files.len())].1.clone(),
                _ => bytes[..bytes.len() / 2].to_vec(),
            };
            // A change of neither length nor time cannot be seen.
            if other.len() != bytes.len() {
                put(&directory, path, &other);
                wrong.push((path.clone(), bytes.clone()));
            }
        }
        left.retain(|(path, _)| wrong.iter().all(|(other, _)| other != path));
        let stages = 1 + chance.below(3);
        for stage in 0..stages {
            let last = stage + 1 == stages;
            let count = if last { left.len() } else { chance.below(left.len()) };
            for _ in 0..count {
                let (path, bytes) = left.swap_remove(chance.below(left.len()));
                put(&directory, &path, &bytes);
            }
            if last {
                wrong.iter().for_each(|(path, bytes)| put(&directory, path, bytes));
            }
            let audit = run(&library, &directory, &store);
            if last || chance.below(2) == 0 {
                same(&told(&audit), &told(&clean(&library, &directory)));
            }
        }
        let expected = told(&clean(&library, &directory));
        files_below(&directory).iter().for_each(|path| overwrite(path));
        let again = run(&library, &directory, &store);
        same(&told(&again), &expected);
        assert!(again.report.findings.iter().all(|finding| finding.seen == Some(Seen::Known)));
    }
}

#[test]
fn findings_are_new_once_and_known_ever_after() {
    let library = Library::new("");
    let directory = whole("store-known");
    let store = directory.with_file_name("audit.store");
    let plain = clean(&library, &directory);
    assert_eq!(plain.report.summary.known, None);
    assert!(plain.report.findings.iter().all(|finding| finding.seen.is_none()));

    // One file comes later: what only it shows is new then.
    let late = files_below(&directory).pop().unwrap();
    let elsewhere = directory.parent().unwrap().join("aside");
    fs::rename(&late, &elsewhere).unwrap();
    let first = run(&library, &directory, &store);
    assert!(!first.report.findings.is_empty());
    assert!(first.report.findings.iter().all(|finding| finding.seen == Some(Seen::New)));
    assert_eq!(first.report.summary.known, Some(0));

    fs::rename(&elsewhere, &late).unwrap();
    let second = run(&library, &directory, &store);
    let before: BTreeSet<&str> =
        first.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for finding in &second.report.findings {
        let known = before.contains(finding.fingerprint.as_str());
        assert_eq!(finding.seen, Some(Seen::of(known)), "{}", finding.fingerprint);
    }
    // What is known fails the gate as before.
    assert_eq!(second.exit, plain.exit);
}

/// What the coverage says of one policy.
fn row<'r>(report: &'r Json, policy: &str) -> &'r Json {
    let rows = report["coverage"]["policies"].as_array().unwrap();
    rows.iter().find(|row| row["policy"] == policy).unwrap()
}

const CHANGED: &str = "invoke-unusual-principal";

#[test]
fn a_changed_policy_reads_the_files_for_itself_alone() {
    let before = Library::new("");
    // The configuration changes one policy's severity: a part of what its findings are.
    let after = Library::new(&format!("[severity]\n\"{CHANGED}\" = \"critical\"\n"));
    let directory = whole("store-changed");
    let store = directory.with_file_name("audit.store");
    run(&before, &directory, &store);
    let expected = told(&clean(&after, &directory));
    let same_store = directory.with_file_name("copy.store");
    fs::copy(&store, &same_store).unwrap();
    same(&told(&run(&after, &directory, &store)), &expected);
    // Kept as it is now: not read again, and the policy as it was before is there, too.
    files_below(&directory).iter().for_each(|path| overwrite(path));
    same(&told(&run(&after, &directory, &store)), &expected);
    let old = told(&run(&before, &directory, &store));
    assert_eq!(row(&old, "function-deleted"), row(&expected, "function-deleted"));

    // Files that are read again after all are found damaged: whatever asks for the past knows of holes now, but what
    // judged every record by itself has it from the store.
    let damaged = told(&run(&after, &directory, &same_store));
    for policy in
        ["function-deleted", "function-code-updated", "function-url-public", "lambda-role-iam-write"]
    {
        assert_eq!(row(&damaged, policy), row(&expected, policy));
        assert_ne!(row(&damaged, policy)["judged"], 0, "{policy}");
    }
    assert_ne!(row(&damaged, CHANGED), row(&expected, CHANGED));
}

#[test]
fn what_is_gone_still_counts_and_is_unknown_to_a_policy_that_comes_later() {
    let before = Library::new("");
    let after = Library::new(&format!("[severity]\n\"{CHANGED}\" = \"critical\"\n"));
    let directory = whole("store-gone");
    let store = directory.with_file_name("audit.store");
    let first = told(&run(&before, &directory, &store));
    let all = files_below(&directory);
    for path in all.iter().skip(all.len() / 2) {
        fs::remove_file(path).unwrap();
    }
    same(&told(&run(&before, &directory, &store)), &first);

    let later = run(&after, &directory, &store);
    let report = told(&later);
    let gone = json!({"missing": "invocation", "why": "history_gap"});
    let why = row(&report, CHANGED)["why"].as_array().unwrap();
    let of_files = why.iter().find(|why| why["missing"] == gone["missing"]).unwrap();
    assert_eq!(of_files["why"], gone["why"]);
    assert!(of_files["count"].as_u64().unwrap() > 10, "{of_files}");
    assert_eq!(row(&report, "function-deleted"), row(&first, "function-deleted"), "the others know all");
    let rows = report["coverage"]["read"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["surface"] == "store" && row["outcome"] == "failed"));

    // Whom another configuration trusts changes everything: nothing of what is gone can be used.
    let trusting = Library::new("own_networks = [\"203.0.113.0/24\"]\n");
    let report = told(&run(&trusting, &directory, &store));
    for policy in ["function-deleted", CHANGED] {
        let why = row(&report, policy)["why"].as_array().unwrap();
        assert!(why.iter().any(|why| why["why"] == "history_gap"), "{policy}: {why:?}");
    }
}

#[test]
fn a_file_that_is_not_asked_for_still_counts() {
    let library = Library::new("");
    let directory = whole("store-elsewhere");
    let store = directory.with_file_name("audit.store");
    let all = told(&run(&library, &directory, &store));
    let one = files_below(&directory).remove(0);
    let mut opened = Store::open(&store).unwrap();
    let snapshot = Story::read("demo").snapshot_input();
    let audit = library.audit_with(Some(snapshot), TrailInput::Paths(vec![one]), Some(&mut opened));
    let part = told(&audit);
    assert_eq!(part["findings"], all["findings"]);
    assert_eq!(part["inputs"]["records"], all["inputs"]["records"]);
}

#[test]
fn the_command_line_refuses_what_cannot_be_a_store() {
    let scratch = scratch("store-refused");
    let file = scratch.join("notes.txt");
    fs::write(&file, "not a store\n").unwrap();
    let store = file.to_str().unwrap();
    let trail = "fixtures/accounts/demo/trail";
    let refused = |arguments: &[&str]| {
        let ran = support::run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        ran.stderr
    };
    let said = refused(&["replay", trail, "--store", store]);
    assert!(said.contains("is not a store of lambda-audit") && said.contains("give --store"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a store\n");
    let fresh = scratch.join("audit.store");
    let fresh = fresh.to_str().unwrap();
    let said = refused(&["replay", "-", "--store", fresh]);
    assert!(said.contains("standard input"), "{said}");
    let said = refused(&["scan", "--snapshot", "fixtures/accounts/demo/snapshot.jsonl", "--store", fresh]);
    assert!(said.contains("--store"), "{said}");
    let held = Store::open(Path::new(fresh)).unwrap();
    let said = refused(&["replay", trail, "--store", fresh]);
    assert!(said.contains("in use by another process"), "{said}");
    drop(held);
    let ran = support::run(["replay", trail, "--store", fresh, "--now", NOW, "--output", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["findings"][0]["seen"], "new");
    assert_eq!(report["summary"]["known"], 0);
}

/// A limit on the size of files stands for a disk that is full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_and_leaves_the_store_as_it_was() {
    use std::process::Command;
    let directory = whole("store-full");
    let store = directory.with_file_name("audit.store");
    let bash = |limit: &str| {
        let script = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec {} replay AWSLogs --store audit.store --now {NOW} --output json",
            env!("CARGO_BIN_EXE_lambda-audit")
        );
        let mut command = Command::new("bash");
        command.args(["-c", &script]).env_clear().current_dir(directory.parent().unwrap());
        support::finish(command)
    };
    let full = bash("40");
    assert_eq!(full.code, 2, "{}", full.stderr);
    assert!(
        full.stderr.contains("cannot write to the store") && full.stderr.contains("run again"),
        "{full:?}"
    );
    assert_eq!(full.stdout, "");
    let kept = Store::open(&store).unwrap().files().count();
    assert!(kept < files_below(&directory).len(), "{kept}");
    let finished = bash("unlimited");
    assert_eq!(finished.code, 1, "{}", finished.stderr);
    fs::remove_file(&store).unwrap();
    assert_eq!(finished.json()["findings"], bash("unlimited").json()["findings"]);
}

/// What a file gives is kept for each scope by itself.
#[test]
fn a_part_that_is_reported_is_that_of_one_reading() {
    let scratch = scratch("store-scope");
    let (directory, store) = (scratch.join("files"), scratch.join("audit.store"));
    // Names that say nothing: every file is read, with a store and without.
    for (at, bytes) in demo().into_values().enumerate() {
        put(&directory, Path::new(&format!("{at:04}.json.gz")), &bytes);
    }
    let everything = Library::new("");
    let whole = told(&clean(&everything, &directory));
    same(&told(&run(&everything, &directory, &store)), &whole);
    let account = whole["inputs"]["accounts"][0].as_str().unwrap().to_owned();
    let last = whole["inputs"]["last_record"].as_str().unwrap();
    let last = last.parse::<jiff::Timestamp>().unwrap().as_second();
    let scopes = [
        Scope { since: Some(last - 3 * 86_400), ..Scope::default() },
        Scope { until: Some(last - 86_400), accounts: BTreeSet::from([account]), ..Scope::default() },
        Scope { regions: BTreeSet::from(["us-east-1".to_owned()]), ..Scope::default() },
    ];
    for scope in scopes {
        let mut part = Library::new("");
        part.scope = scope;
        let expected = told(&clean(&part, &directory));
        assert_ne!(expected["findings"], whole["findings"]);
        same(&told(&run(&part, &directory, &store)), &expected);
        same(&told(&run(&part, &directory, &store)), &expected);
        same(&told(&run(&everything, &directory, &store)), &whole);
    }
}

/// Files of two directories that are shown by the same path are two files.
#[test]
fn a_path_of_another_directory_is_another_file() {
    let scratch = scratch("store-alike");
    let files = files_below(&root().join("fixtures/recorded/AWSLogs"));
    let (one, other) = files.split_at(files.len() / 2);
    for (place, files) in [("one", one), ("other", other)] {
        for (at, path) in files.iter().enumerate() {
            put(
                &scratch.join(place).join("logs"),
                Path::new(&format!("{at}.json.gz")),
                &fs::read(path).unwrap(),
            );
        }
    }
    let run = |place: &str, more: &[&str]| {
        let mut command = support::program();
        command.current_dir(scratch.join(place));
        command
            .args(["replay", "--now", NOW, "--output", "json", "--exit-zero", "--allow-incomplete"])
            .args(more);
        support::finish(command).json()
    };
    let counts = |report: &Json| {
        let rows = report["coverage"]["policies"].as_array().unwrap().clone();
        let figures = ["policy", "judged", "fail", "pass", "not_applicable", "unknown"];
        rows.iter().map(|row| figures.map(|name| row[name].to_string())).collect::<Vec<_>>()
    };
    run("one", &["logs", "--store", "../audit.store", "--policy", "function-*"]);
    run("other", &["logs", "--store", "../audit.store", "--policy", "function-*"]);
    let clean = run("one", &["logs", "../other/logs"]);
    for place in ["other", "one"] {
        let beside = run(place, &["logs", "--store", "../audit.store"]);
        assert_eq!(counts(&beside), counts(&clean));
        assert_eq!(beside["inputs"]["records"], clean["inputs"]["records"]);
    }
}
