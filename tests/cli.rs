//! The command line as a user sees it: the sessions under `tests/cmd` (`TRYCMD=overwrite` writes them), and damaged
//! trail files, each of which must be named with its place while the rest is judged.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use lambda_audit::audit::TrailInput;
use lambda_audit::trail::Options;
use serde_json::{Value as Json, json};
use support::{Library, NOW, Ran, program, run, scratch};

#[test]
fn sessions_are_as_documented() {
    trycmd::TestCases::new().env("COLUMNS", "100").env("NO_COLOR", "1").case("tests/cmd/*.trycmd").run();
}

/// A function was made public: the finding that must survive whatever happens to the file beside it.
fn opened(function: &str) -> Json {
    json!({
        "eventVersion": "1.11", "eventSource": "lambda.amazonaws.com", "eventName": "AddPermission20150331v2",
        "eventTime": "2026-11-17T02:18:10Z", "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.9",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/dev", "accountId": "111122223333"},
        "requestParameters": {"functionName": function, "statementId": "s", "action": "lambda:InvokeFunction", "principal": "*"},
        "responseElements": {"statement": format!("{{\"Sid\":\"s\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"arn:aws:lambda:eu-west-1:111122223333:function:{function}\"}}")},
        "eventID": format!("00000000-0000-4000-8000-{:012}", function.len()), "recipientAccountId": "111122223333"
    })
}

fn file_of(records: &[Json]) -> String {
    json!({"Records": records}).to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The rows of coverage that are gaps.
fn gaps(report: &Json) -> Vec<Json> {
    let rows = report["coverage"]["read"].as_array().unwrap().iter();
    rows.filter(|row| ["failed", "malformed"].contains(&row["outcome"].as_str().unwrap())).cloned().collect()
}

/// Replays as JSON and as text; both name the file and the place.
fn replayed(paths: &[&Path], more: &[&str]) -> (i32, Json) {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let run = |format: &str| -> Ran {
        let base = ["replay", "--now", NOW, "--output", format];
        run(base.iter().chain(&paths).chain(more).copied())
    };
    let (json, text) = (run("json"), run("text"));
    assert_eq!(json.code, text.code);
    let report = json.json();
    for row in gaps(&report) {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = row["detail"].as_str().unwrap();
        assert!(words(&text.stdout).contains(&words(detail)), "{detail:?} is not in\n{}", text.stdout);
        // A row about all of the input names no file.
        let Some(file) = row["source"].as_str() else { continue };
        assert!(
            text.stdout.replace(['\n', ' '], "").contains(&file.replace(' ', "")),
            "{file}\n{}",
            text.stdout
        );
    }
    (json.code, report)
}

fn subjects(report: &Json) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|one| one["policy"] == "function-invoke-public")
        .map(|one| support::text(&one["subject"]["name"]))
        .collect()
}

#[test]
fn a_damaged_file_is_named_with_its_place_and_the_rest_is_judged() {
    let directory = scratch("cli-faults");
    let good = directory.join("good.json");
    fs::write(&good, file_of(&[opened("orders")])).unwrap();
    let two = file_of(&[opened("first"), opened("second-one")]);
    let middle = two.find("second-one").unwrap();
    let whole = gzip(two.as_bytes());
    let mut corrupt = whole.clone();
    corrupt[whole.len() / 2] ^= 0xff;
    // Name, bytes, outcome, what the detail says, and what of the file is still judged.
    let cut_at = format!("(byte {} of the file)", whole.len() - 9);
    let broken = two.replacen("\"eventID\"", "\"eventID", 1);
    type Row<'r> = (&'r str, Vec<u8>, &'r str, &'r str, &'r [&'r str]);
    let table: [Row<'_>; 6] = [
        ("cut.json.gz", whole[..whole.len() - 9].to_vec(), "failed", &cut_at, &[]),
        ("damaged.json.gz", corrupt, "failed", "gzip data is damaged", &[]),
        ("half.json", two.as_bytes()[..middle].to_vec(), "malformed", "(byte ", &["first"]),
        ("broken.json", broken.into_bytes(), "malformed", "(byte ", &[]),
        (
            "notes.txt",
            b"not a trail at all".to_vec(),
            "malformed",
            "not a CloudTrail file: not JSON (byte 0)",
            &[],
        ),
        ("policy.json", br#"{"Version":"2012-10-17"}"#.to_vec(), "malformed", "not a CloudTrail file", &[]),
    ];
    for (name, bytes, outcome, says, judged) in table {
        let path = directory.join(name);
        fs::write(&path, bytes).unwrap();
        let (code, report) = replayed(&[&path, &good], &[]);
        assert_eq!(code, 1, "{name}: the finding beside it");
        let found = subjects(&report);
        assert!(found.contains(&"orders".to_owned()), "{name}: {found:?}");
        assert!(judged.iter().all(|one| found.contains(&(*one).to_owned())), "{name}: {found:?}");
        let rows = gaps(&report);
        assert_eq!(rows.len(), 1, "{name}: {rows:?}");
        assert_eq!(
            (&rows[0]["outcome"], &rows[0]["source"]),
            (&json!(outcome), &json!(path.to_str().unwrap()))
        );
        assert!(rows[0]["detail"].as_str().unwrap().contains(says), "{name}: {}", rows[0]["detail"]);
        // Without findings it is incomplete, and alone it is unusable unless something of it was read.
        assert_eq!(replayed(&[&path, &good], &["--exit-zero"]).0, 3, "{name}");
        let alone = replayed(&[&path], &["--exit-zero"]).0;
        assert!([2, 3].contains(&alone), "{name} alone: {alone}");
        if !judged.is_empty() {
            assert_eq!(alone, 3, "{name} alone");
        }
        if name.ends_with(".txt") || name == "policy.json" {
            assert_eq!(alone, 2, "{name} alone");
        }
    }
}

#[test]
fn a_file_that_unpacks_beyond_the_bound_fails_at_that_place() {
    let many: Vec<Json> = (0..200).map(|at| opened(&format!("f{at:04}"))).collect();
    let bytes = gzip(file_of(&many).as_bytes());
    let mut library = Library::new("");
    let files = vec![
        ("bomb.json.gz".to_owned(), bytes.into()),
        ("good.json".to_owned(), file_of(&[opened("orders")]).into_bytes().into()),
    ];
    library.options = Options { max_file_bytes: 20_000, ..Options::default() };
    let audit = library.audit(None, TrailInput::Memory(files.clone()));
    let row = audit.report.coverage.read.iter().find(|row| row.is_gap()).unwrap();
    assert_eq!((row.outcome.as_str(), row.source.as_deref()), ("failed", Some("bomb.json.gz")));
    assert!(row.detail.as_deref().unwrap().contains("20000"), "{row:?}");
    let found = support::failing(&audit)["function-invoke-public"].len();
    assert!((2..200).contains(&found), "what came before the bound, and the other file: {found}");
    library.options = Options::default();
    let audit = library.audit(None, TrailInput::Memory(files));
    assert_eq!(support::failing(&audit)["function-invoke-public"].len(), 201);
}

#[test]
fn what_is_no_trail_in_a_directory_is_listed_and_no_fault() {
    let directory = scratch("cli-directory");
    let trail = directory.join("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/17");
    let digests = directory.join("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/17");
    fs::create_dir_all(&trail).unwrap();
    fs::create_dir_all(&digests).unwrap();
    let name = "111122223333_CloudTrail_eu-west-1_20261117T0220Z_AbCdEfGhIjKlMnOp.json.gz";
    fs::write(trail.join(name), gzip(file_of(&[opened("orders")]).as_bytes())).unwrap();
    let digest = json!({
        "awsAccountId": "111122223333", "digestStartTime": "2026-11-17T02:00:00Z",
        "digestEndTime": "2026-11-17T03:00:00Z", "digestS3Bucket": "trails", "logFiles": []
    });
    let digest_name = "111122223333_CloudTrail-Digest_eu-west-1_audit_eu-west-1_20261117T030000Z.json.gz";
    fs::write(digests.join(digest_name), gzip(digest.to_string().as_bytes())).unwrap();
    fs::write(directory.join("README.txt"), "notes").unwrap();
    let (code, report) = replayed(&[&directory], &[]);
    assert_eq!((code, subjects(&report)), (1, vec!["orders".to_owned()]));
    assert_eq!((gaps(&report), &report["inputs"]["trail_files"]), (vec![], &json!(1)));
    let surfaces: Vec<(&str, &str)> = report["coverage"]["read"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["surface"].as_str().unwrap(), row["outcome"].as_str().unwrap()))
        .collect();
    assert!(surfaces.contains(&("digest", "ok")) && surfaces.contains(&("file", "foreign")), "{surfaces:?}");
    assert_eq!(replayed(&[&directory], &["--exit-zero"]).0, 0, "nothing in it was unreadable");
    // Cut inside the tree it is a fault, whoever named the directory.
    let cut = trail.join("111122223333_CloudTrail_eu-west-1_20261117T0225Z_AbCdEfGhIjKlMnOq.json.gz");
    let whole = gzip(file_of(&[opened("orders")]).as_bytes());
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let (code, report) = replayed(&[&directory], &["--exit-zero"]);
    assert_eq!((code, gaps(&report).len()), (3, 1));
}

#[test]
fn standard_input_is_a_trail_or_a_snapshot_but_not_both() {
    let fed = |arguments: &[&str], bytes: &[u8]| {
        let mut command = program();
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A run that refuses its arguments does not read.
        drop(child.stdin.take().unwrap().write_all(bytes));
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let records = file_of(&[opened("orders")]);
    for bytes in [records.clone().into_bytes(), gzip(records.as_bytes())] {
        let (code, text) = fed(&["replay", "-", "--now", NOW], &bytes);
        assert!(code == 1 && text.contains("function:orders"), "{text}");
    }
    let lookup = json!({"Events": [{"EventId": "1", "CloudTrailEvent": opened("orders").to_string()}]});
    assert_eq!(fed(&["replay", "-"], lookup.to_string().as_bytes()).0, 1);
    let snapshot = fs::read(support::root().join("fixtures/accounts/organization/snapshot.jsonl")).unwrap();
    assert_eq!(fed(&["scan", "--snapshot", "-"], &snapshot).0, 1);
    assert_eq!(fed(&["scan", "--snapshot", "-"], &gzip(&snapshot)).0, 1);
    assert_eq!(fed(&["scan", "--snapshot", "-", "--trail", "-"], &snapshot), (2, String::new()));
    assert_eq!(fed(&["scan", "--snapshot", "-"], b""), (2, String::new()));
}

/// Names are attackers' texts: no output lets them steer a terminal.
#[test]
fn nothing_that_was_read_steers_the_terminal() {
    let directory = scratch("cli-hostile");
    let mut record = opened("orders");
    record["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/\u{1b}[2J\u{202e}dev\u{7}");
    record["eventName"] = json!("UpdateFunctionCode20150331v2");
    record["requestParameters"]["functionName"] = json!("orders\u{1b}]0;x\u{7}\r\nPassed (exit 0)");
    let path = directory.join("hostile\u{1b}[31m.json");
    fs::write(&path, file_of(&[record])).unwrap();
    let shown = path.to_str().unwrap();
    for more in [&["--color", "never"][..], &["--color", "auto"], &["--output", "json"]] {
        let ran = run(["replay", shown, "--now", NOW].iter().copied().chain(more.iter().copied()));
        assert!(ran.code == 0 && ran.stdout.contains("function-code-updated"), "{ran:?}");
        for text in [&ran.stdout, &ran.stderr] {
            let odd = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert!(odd.is_none() || (more[1] == "json" && odd == Some('\u{202e}')), "{odd:?} in {text}");
        }
        assert!(
            !ran.stdout.lines().any(|line| line.starts_with("Passed (exit 0)") && !line.contains("findings"))
        );
    }
    let missing = run(["scan", "--snapshot", "no\u{1b}[31msuch\u{7}"]);
    assert!(missing.code == 2 && !missing.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", missing.stderr);
}
