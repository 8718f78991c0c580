//! Invariant 2: the order of input files, the number of threads and the way records are spread over files change no
//! finding, and the first two not a byte of the output.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value as Json;
use support::{NOW, files_below, root, run, scratch};

/// A fixed shuffle: the same on every run, no help from chance needed.
fn shuffled<T>(mut list: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    for at in (1..list.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = (state >> 33) as usize % (at + 1);
        list.swap(at, other);
    }
    list
}

fn trail_of(directory: &str) -> Vec<String> {
    files_below(&root().join(directory))
        .iter()
        .map(|path| path.strip_prefix(root()).unwrap().to_string_lossy().into_owned())
        .collect()
}

fn output(before: &[&str], paths: &[String], after: &[&str]) -> (i32, String) {
    let ran =
        run(before.iter().copied().chain(paths.iter().map(String::as_str)).chain(after.iter().copied()));
    assert_eq!(ran.stderr, "");
    (ran.code, ran.stdout)
}

/// Runs over every order and thread count; all must say the same bytes.
fn same_bytes(before: &[&str], directory: &str, format: &str) {
    let files = trail_of(directory);
    assert!(files.len() >= 2, "{directory}");
    let base = ["--output", format, "--now", NOW, "--policy-profile", "strict"];
    let expected = output(before, &files, &[&base[..], &["--threads", "1"]].concat());
    assert!(expected.1.len() > 1000 && expected.0 == 1, "{directory}: {}", expected.1);
    let orders = [
        files.clone(),
        files.iter().rev().cloned().collect(),
        shuffled(files.clone(), 7),
        shuffled(files.clone(), 2026),
    ];
    for (order, threads) in orders.iter().zip(["8", "1", "2", "8"]) {
        let got = output(before, order, &[&base[..], &["--threads", threads]].concat());
        assert_eq!(got, expected, "{threads} threads");
    }
    // A file named twice is read once; a directory is its files.
    let twice: Vec<String> =
        shuffled(files.clone(), 3).into_iter().chain(files.iter().take(5).cloned()).collect();
    assert_eq!(output(before, &twice, &[&base[..], &["--threads", "2"]].concat()), expected, "named twice");
}

#[test]
fn the_demo_is_the_same_in_every_order_and_with_any_number_of_threads() {
    let before = ["scan", "--snapshot", "fixtures/accounts/demo/snapshot.jsonl", "--trail"];
    same_bytes(&before, "fixtures/accounts/demo/trail", "json");
    same_bytes(&before, "fixtures/accounts/demo/trail", "text");
}

#[test]
fn recorded_history_is_the_same_in_every_order_and_with_any_number_of_threads() {
    let files: Vec<String> = trail_of("fixtures/recorded/AWSLogs");
    assert!(files.len() >= 5);
    same_bytes(&["replay"], "fixtures/recorded/AWSLogs", "json");
    same_bytes(&["replay"], "fixtures/recorded/AWSLogs", "text");
    let base = ["--output", "json", "--now", NOW];
    let as_files = output(&["replay"], &files, &base);
    for threads in ["1", "8"] {
        let all = [&base[..], &["--threads", threads]].concat();
        assert_eq!(output(&["replay"], &["fixtures/recorded/AWSLogs".to_owned()], &all), as_files);
    }
}

/// The snapshot's parts may stand in any order too: what the findings are does not change.
#[test]
fn a_snapshot_with_its_parts_in_another_order_gives_the_same_findings() {
    let directory = scratch("determinism-snapshot");
    let text = fs::read_to_string(root().join("fixtures/accounts/demo/snapshot.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (header, end) = (lines[0], lines[lines.len() - 1]);
    let findings = |name: &str, lines: &[&str]| {
        let path = directory.join(name);
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        let path = path.display().to_string();
        findings(&run(["scan", "--snapshot", &path, "--now", NOW, "--output", "json"]).json())
    };
    let expected = findings("plain.jsonl", &lines);
    assert!(expected.len() >= 10);
    for seed in [1, 2, 3] {
        let mut other = vec![header];
        other.extend(shuffled(lines[1..lines.len() - 1].to_vec(), seed));
        other.push(end);
        assert_eq!(findings("shuffled.jsonl", &other), expected);
    }
}

/// What a finding says, less where it was read.
fn findings(report: &Json) -> BTreeMap<String, Json> {
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let mut finding = finding.clone();
            let evidence = finding["evidence"].as_array_mut().unwrap();
            for one in evidence.iter_mut() {
                one.as_object_mut().unwrap().remove("source");
            }
            for record in
                finding.pointer_mut("/cause/records").and_then(Json::as_array_mut).into_iter().flatten()
            {
                record.as_object_mut().unwrap().remove("source");
            }
            (support::text(&finding["fingerprint"]), finding)
        })
        .collect()
}

fn records_of(path: &Path) -> Vec<Json> {
    let bytes = fs::read(path).unwrap();
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let file: Json = serde_json::from_str(&text).unwrap();
    file["Records"].as_array().unwrap().clone()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same records in one file, in many, as lines, as an array, in several gzip members, in another order, twice.
#[test]
fn records_spread_over_other_files_give_the_same_findings() {
    for (from, snapshot) in [
        ("fixtures/accounts/demo/trail", Some("fixtures/accounts/demo/snapshot.jsonl")),
        ("fixtures/recorded/AWSLogs", None),
    ] {
        let directory = scratch("determinism-spread");
        let records: Vec<Json> =
            files_below(&root().join(from)).iter().flat_map(|path| records_of(path)).collect();
        assert!(records.len() >= 100, "{from}: {}", records.len());
        let run_on = |path: &str| {
            let mut all = match snapshot {
                Some(file) => vec!["scan", "--snapshot", file, "--trail", path],
                None => vec!["replay", path],
            };
            all.extend(["--now", NOW, "--policy-profile", "strict", "--output", "json"]);
            run(all).json()
        };
        let whole = run_on(from);
        let expected = findings(&whole);
        assert!(!expected.is_empty());
        let envelope = |records: &[Json]| serde_json::json!({"Records": records}).to_string().into_bytes();
        let lines = |records: &[Json]| {
            records.iter().map(|one| one.to_string() + "\n").collect::<String>().into_bytes()
        };
        let other_order = shuffled(records.clone(), 5);
        let layouts: [(&str, Vec<Vec<u8>>); 6] = [
            ("one", vec![envelope(&records)]),
            ("array", vec![Json::from(other_order.clone()).to_string().into_bytes()]),
            ("lines", vec![lines(&other_order)]),
            ("many", other_order.chunks(41).map(|chunk| gzip(&envelope(chunk))).collect()),
            ("members", vec![other_order.chunks(97).flat_map(|chunk| gzip(&lines(chunk))).collect()]),
            (
                "halves",
                vec![
                    gzip(&envelope(&records[..300.min(records.len() / 2)])),
                    lines(&records[300.min(records.len() / 2)..]),
                ],
            ),
        ];
        for (layout, files) in layouts {
            let at = directory.join(layout);
            fs::create_dir(&at).unwrap();
            for (number, bytes) in files.iter().enumerate() {
                let name = if bytes.starts_with(&[0x1f, 0x8b]) { "json.gz" } else { "json" };
                fs::write(at.join(format!("{number:04}.{name}")), bytes).unwrap();
            }
            let got = run_on(at.to_str().unwrap());
            assert_eq!(got["inputs"]["records"], whole["inputs"]["records"], "{layout}");
            assert_eq!(findings(&got), expected, "{from}: {layout}");
            let verdicts = |report: &Json| -> Vec<Json> {
                let rows = report["coverage"]["policies"].as_array().unwrap().iter();
                rows.map(|row| {
                    ["policy", "fail", "pass", "not_applicable", "unknown"]
                        .map(|key| row[key].clone())
                        .to_vec()
                        .into()
                })
                .collect()
            };
            assert_eq!(verdicts(&got), verdicts(&whole), "{layout}");
        }
    }
}
