//! What a tired engineer, a pipe and a hostile name do to the command line.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod review_support;

use std::io::Read;
use std::process::Stdio;

use review_support::{FUNCTION, directory, ok, part, program, public, snapshot};

fn open_snapshot() -> String {
    snapshot("lambda:GetPolicy", &[ok("lambda:GetPolicy", Some(FUNCTION), public())])
}

#[test]
fn a_path_without_trails_beside_a_sound_snapshot_does_not_pass() {
    let directory = directory("wrong-trail");
    std::fs::write(directory.join("s.jsonl"), snapshot("none", &[])).unwrap();
    std::fs::create_dir(directory.join("notes")).unwrap();
    std::fs::write(directory.join("notes/readme.txt"), "no trail").unwrap();
    let scan = |trail: &str| {
        program(&directory).args(["scan", "--snapshot", "s.jsonl", "--trail", trail]).output().unwrap()
    };
    let output = scan("notes");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("no CloudTrail file was found"), "{text}");
    std::fs::write(directory.join("notes/t.json"), "{\"Records\":[]}").unwrap();
    assert_eq!(scan("notes").status.code(), Some(0));
}

#[test]
fn a_reader_that_leaves_changes_neither_the_exit_code_nor_the_other_outputs() {
    let directory = directory("pipe");
    std::fs::write(directory.join("s.jsonl"), open_snapshot()).unwrap();
    let args = ["scan", "--snapshot", "s.jsonl", "--output", "text", "--output", "json=run.json"];
    let mut child = program(&directory).args(args).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let report = std::fs::read(directory.join("run.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["summary"]["exit_code"], 1);
}

#[test]
fn a_snapshot_that_can_be_read_only_once_is_judged() {
    let directory = directory("fifo");
    let fifo = directory.join("s");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let mut child =
        program(&directory).args(["scan", "--snapshot", "s"]).stdout(Stdio::piped()).spawn().unwrap();
    std::fs::write(&fifo, open_snapshot()).unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
}

/// `replay <(…)`: the shell's path leads to no file.
#[test]
fn trail_files_through_a_pipe_with_a_path_are_refused_with_the_way_that_works() {
    let command = ["-c", "\"$0\" replay <(echo '{\"Records\":[]}')", env!("CARGO_BIN_EXE_lambda-audit")];
    let output = std::process::Command::new("bash").args(command).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    let text: Vec<&str> = text.split_whitespace().collect();
    assert!(text.join(" ").contains("read as -, standard input"), "{text:?}");
}

#[test]
fn a_policy_that_was_refused_is_not_an_empty_one_for_exposure() {
    let directory = directory("exposure-refused");
    let refused = part("lambda:GetPolicy", Some(FUNCTION), "throttled", serde_json::json!(null));
    let none = ok("lambda:GetPolicy", Some(FUNCTION), serde_json::json!({"Policy": null}));
    for (parts, expected) in [
        (vec![refused.clone()], 3),
        (vec![none.clone()], 0),
        (vec![refused.clone(), none.clone()], 0),
        (vec![none, refused], 0),
    ] {
        std::fs::write(directory.join("s.jsonl"), snapshot("lambda:GetPolicy", &parts)).unwrap();
        let output = program(&directory).args(["exposure", "s.jsonl"]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{parts:?}");
    }
}

#[test]
fn names_of_files_cannot_move_the_cursor() {
    let directory = directory("names");
    let name = "s\u{1b}[2J\n\u{202e}x\u{9b}.yaml";
    for exists in [false, true] {
        if exists {
            std::fs::write(directory.join(name), "").unwrap();
        }
        for command in [
            &["scan", "--snapshot"][..],
            &["logging", "--snapshot"],
            &["exposure"],
            &["replay"],
            &["config", "check", "--config"],
            &["config", "show", "--config"],
            &["policy", "lint"],
            &["policy", "test"],
            &["policy", "show"],
            &["policy", "list", "--policies"],
            &["facts"],
        ] {
            let output = program(&directory).args(command).arg(name).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            let hostile = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(hostile), "{command:?}: {text:?}");
            assert!(text.lines().all(|line| !line.starts_with('\u{202e}')), "{command:?}: {text:?}");
        }
    }
}

#[test]
fn a_policy_under_a_name_that_is_not_read_is_an_error() {
    let directory = directory("yml");
    std::fs::write(directory.join("s.jsonl"), snapshot("none", &[])).unwrap();
    std::fs::create_dir(directory.join("own")).unwrap();
    std::fs::write(directory.join("own/my-rule.yml"), "id: my-rule\n").unwrap();
    let args = ["scan", "--snapshot", "s.jsonl", "--policies", "own"];
    let output = program(&directory).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("own/my-rule.yml"));
}
