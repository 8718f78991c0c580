//! Every broken configuration under `fixtures/broken/config` is refused with exactly the diagnostics that stand beside
//! it, before anything is judged. `BLESS=1` writes them.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use support::{compare, finish, program, root, run, scratch};

fn names() -> Vec<String> {
    let directory = root().join("fixtures/broken/config");
    let mut names: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    names
}

#[test]
fn broken_configurations_get_exactly_these_diagnostics() {
    let mut wrong = Vec::new();
    for name in names() {
        let file = format!("fixtures/broken/config/{name}");
        let ran = run(["config", "check", "--config", &file]);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{name}: {}", ran.stderr);
        // Each diagnostic has its place, and the last line counts them.
        let places = ran.stderr.matches(&format!("{file}:")).count();
        let last = ran.stderr.trim_end().lines().last().unwrap();
        let count: usize =
            last.strip_prefix(&format!("{file}: ")).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(count >= 1 && places == count + 1, "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{name}: {:?}", ran.stderr);
        let saved = root().join("fixtures/broken/config").join(name.replace(".toml", ".expected"));
        wrong.extend(compare(&saved, &ran.stderr).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_judged_with_a_broken_configuration() {
    let directory = scratch("config-scan");
    let report = directory.join("run.json");
    let output = format!("json={}", report.display());
    for name in names() {
        let file = format!("fixtures/broken/config/{name}");
        let commands: [&[&str]; 4] = [
            &["scan", "--snapshot", "fixtures/accounts/demo/snapshot.jsonl"],
            // Checked before any input is read: this one is not there.
            &["replay", "missing"],
            &["demo"],
            &["logging", "--snapshot", "fixtures/accounts/demo/snapshot.jsonl"],
        ];
        for command in commands {
            let ran = run(command.iter().copied().chain(["--config", &file, "--output", &output]));
            assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}: {command:?}: {}", ran.stderr);
            assert!(ran.stderr.trim_end().ends_with("nothing was judged"), "{name}: {}", ran.stderr);
            assert!(!ran.stderr.contains("missing:"), "{}", ran.stderr);
            assert!(!report.exists(), "{name}: {command:?} wrote a report");
        }
    }
}

#[test]
fn the_file_of_the_working_directory_counts_and_the_command_line_wins() {
    let directory = scratch("config-here");
    let here = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).current_dir(&directory);
        finish(command)
    };
    let snapshot = root().join("fixtures/accounts/organization/snapshot.jsonl").display().to_string();
    let scan = |more: &[&str]| here(&[&["scan", "--snapshot", &snapshot], more].concat());
    assert_eq!(scan(&[]).code, 1);
    fs::write(directory.join("lambda-audit.toml"), "fail_on = \"critical\"\n").unwrap();
    assert_eq!(scan(&[]).code, 0);
    assert_eq!(scan(&["--fail-on", "medium"]).code, 1);
    let other = directory.join("other.toml");
    fs::write(&other, "fail_on = \"low\"\ntrusted_accounts = [\"999988887777\"]\n").unwrap();
    let other = other.display().to_string();
    let ran = scan(&["--config", &other, "--output", "json"]);
    assert_eq!(ran.code, 1);
    let by_policy = &ran.json()["summary"]["by_policy"];
    assert!(by_policy.get("function-invoke-cross-account").is_none(), "{by_policy}");
    let ran = scan(&["--trusted-account", "999988887777", "--output", "json"]);
    assert!(ran.json()["summary"]["by_policy"].get("function-invoke-cross-account").is_none());
    // A severity and a parameter of the file are in force.
    fs::write(
        directory.join("lambda-audit.toml"),
        "[severity]\nfunction-invoke-organization = \"critical\"\n",
    )
    .unwrap();
    let report = scan(&["--output", "json"]).json();
    let found =
        report["findings"].as_array().unwrap().iter().find(|one| one["severity"] == "critical").unwrap();
    assert_eq!(found["policy"], "function-invoke-organization");
    let shown = here(&["config", "show", "--output", "json", "--fail-on", "low"]).json();
    assert_eq!((&shown["fail_on"], &shown["file"]), (&"low".into(), &"lambda-audit.toml".into()));
    fs::write(directory.join("lambda-audit.toml"), "fail_onn = 1\n").unwrap();
    assert_eq!((here(&["config", "check"]).code, scan(&[]).code), (1, 2));
}
