//! Every format has the same exit code, to a file, to standard output and from a saved run; baselines and differences
//! from files.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use support::{NOW, Story, finish, program, scratch};

const FORMATS: [&str; 9] = ["text", "json", "sarif", "junit", "csv", "markdown", "github", "ocsf", "html"];

/// One run that writes every format to a file, one for each format to standard output, and a later rendering of the
/// saved run: the same exit code, and the same text.
fn everywhere(directory: &Path, arguments: &[&str], code: i32) -> Json {
    let file = |format: &str| directory.join(format!("out.{format}")).display().to_string();
    let saved = file("json");
    let mut all = program();
    all.args(arguments);
    for format in FORMATS {
        all.args(["--output", &format!("{format}={}", file(format))]);
    }
    let all = finish(all);
    assert_eq!((all.code, all.stdout.as_str()), (code, ""), "{arguments:?}\n{}", all.stderr);
    for format in FORMATS {
        let mut streamed = program();
        streamed.args(arguments).args(["--output", format]);
        let streamed = finish(streamed);
        assert_eq!(streamed.code, code, "{format} to standard output");
        // Where nothing could be judged, no output was begun.
        assert_eq!(streamed.stdout, fs::read_to_string(file(format)).unwrap_or_default(), "{format}");
        if code == 2 && !Path::new(&saved).exists() {
            continue;
        }
        let mut again = program();
        again.args(["report", &saved, "--output", format]);
        let again = finish(again);
        assert_eq!((again.code, &again.stdout), (code, &streamed.stdout), "{format} of the saved run");
    }
    fs::read_to_string(&saved).map_or(Json::Null, |text| serde_json::from_str(&text).unwrap())
}

#[test]
fn every_format_has_the_same_exit_code() {
    let directory = scratch("formats-exit");
    let written = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let clean = "fixtures/accounts/clean/snapshot.jsonl";
    let findings = "fixtures/accounts/organization/snapshot.jsonl";
    let text = Story::read("clean").snapshot;
    let cut = written("cut.jsonl", &format!("{}\n", text.trim_end().rsplit_once('\n').unwrap().0));
    let waivers = written(
        "waived.toml",
        "[[waivers]]\npolicy = \"*\"\nsubject = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-31\"\n\
         [[accepted_gaps]]\npolicy = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-31\"\n",
    );
    let gaps = written(
        "gaps.toml",
        "[[accepted_gaps]]\npolicy = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-31\"\n\
         [[accepted_gaps]]\nsurface = \"*\"\nreason = \"r\"\nowner = \"o\"\nexpires = \"2027-01-31\"\n",
    );
    let first = directory.join("first.json").display().to_string();
    let baseline = directory.join("baseline.json").display().to_string();
    let base = ["scan", "--snapshot", findings, "--now", NOW, "--config", &gaps];
    let ran = support::run(base.iter().copied().chain(["--output", &format!("json={first}")]));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let ran = support::run(["baseline", "write", &first, "--to", &baseline]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let nothing = written("nothing.json", "");
    let none: &[&str] = &[];
    for (name, arguments, more, code) in [
        ("clean", &["scan", "--snapshot", clean, "--now", NOW][..], none, 0),
        ("findings", &["scan", "--snapshot", findings, "--now", NOW], none, 1),
        ("waived only", &["scan", "--snapshot", findings, "--now", NOW, "--config", &waivers], none, 0),
        ("baseline only", &base, &["--baseline", &baseline], 0),
        ("incomplete", &["scan", "--snapshot", &cut, "--now", NOW], none, 3),
        ("nothing usable", &["replay", &nothing, "--now", NOW], none, 2),
        ("error", &["scan", "--snapshot", "missing.jsonl", "--now", NOW], none, 2),
    ] {
        let all: Vec<&str> = arguments.iter().chain(more).copied().collect();
        let of_this = scratch(&format!("formats-exit-{}", name.replace(' ', "-")));
        let json = everywhere(&of_this, &all, code);
        if json.is_null() {
            continue;
        }
        let summary = &json["summary"];
        let figure = |name: &str| summary[name].as_u64().unwrap();
        let total = json["findings"].as_array().unwrap().len() as u64;
        assert_eq!(figure("new") + figure("baseline") + figure("waived"), total, "{name}");
        assert_eq!(
            summary["by_severity"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>(),
            total
        );
        match name {
            "waived only" => assert_eq!((figure("new"), figure("waived")), (0, total)),
            "baseline only" => assert_eq!((figure("new"), figure("baseline")), (0, total)),
            _ => assert_eq!(figure("new"), total),
        }
    }
}

/// The program's own baseline and differences, from files.
#[test]
fn a_baseline_and_a_difference_from_files() {
    let directory = scratch("formats-baseline");
    let file = |name: &str| directory.join(name).display().to_string();
    let snapshot = "fixtures/accounts/organization/snapshot.jsonl";
    let saved = |name: &str, more: &[&str]| {
        let output = format!("json={}", file(name));
        let base = ["scan", "--snapshot", snapshot, "--now", NOW, "--exit-zero", "--allow-incomplete"];
        let ran = support::run(
            base.iter().copied().chain(["--output", output.as_str()]).chain(more.iter().copied()),
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        file(name)
    };
    let (whole, part) = (saved("whole.json", &[]), saved("part.json", &["--policy", "function-*"]));
    let to = file("baseline.json");
    // Left something out: no baseline, and no file.
    let refused = support::run(["baseline", "write", &part, "--to", &to]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("left things out: --policy function-*"), "{}", refused.stderr);
    assert!(!Path::new(&to).exists());
    // A part of a run does not say that the rest is gone.
    let ran = support::run(["diff", &whole, &part, "--output", "json"]);
    let diff = ran.json();
    assert_eq!(ran.code, 3, "{diff:#}");
    assert!(diff["gone"].as_array().unwrap().is_empty());
    assert!(!diff["not_judged"].as_array().unwrap().is_empty());
    // Two snapshots, judged by the same policies.
    let clean = "fixtures/accounts/clean/snapshot.jsonl";
    let ran = support::run(["diff", clean, snapshot, "--now", NOW, "--output", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!ran.json()["appeared"].as_array().unwrap().is_empty());
    // What is no baseline, no run, or of a newer program is refused before anything is judged.
    let newer = fs::read_to_string(&whole).unwrap().replacen("\"version\": \"1\"", "\"version\": \"2\"", 1);
    fs::write(file("newer.json"), newer).unwrap();
    for (arguments, says) in [
        (vec!["report".to_owned(), file("newer.json")], "use a newer lambda-audit"),
        (vec!["report".to_owned(), "README.md".to_owned()], "it is not JSON"),
        (
            ["report", &whole, "--fail-on", "low"].map(str::to_owned).to_vec(),
            "give --fail-on and --baseline to the run itself",
        ),
        (
            ["scan", "--snapshot", clean, "--baseline", &whole].map(str::to_owned).to_vec(),
            "it is not a baseline",
        ),
        (["policy", "list", "--output", "sarif"].map(str::to_owned).to_vec(), "writes text or json"),
    ] {
        let ran = support::run(&arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
}
