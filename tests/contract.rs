//! The exit code, for every command, state and output format: 2 before 1 before 3 before 0, the same whatever the
//! format and wherever it goes, and the same as the report says.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value as Json;
use support::{NOW, Ran, Story, finish, program, run, scratch};

/// Runs the same arguments with each way to say an output, and holds them to one code and one text each.
fn in_every_format(directory: &Path, arguments: &[&str], code: i32) -> Json {
    let file = |name: &str| directory.join(name).display().to_string();
    let with = |outputs: &[&str]| {
        let outputs = outputs.iter().flat_map(|output| ["--output", output]);
        let ran = run(arguments.iter().copied().chain(outputs));
        assert_eq!(ran.code, code, "{arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran
    };
    let (plain, json) = (with(&[]), with(&["json"]));
    let (text_file, json_file) = (file("out.txt"), file("out.json"));
    let both = with(&["text", &format!("json={json_file}")]);
    assert_eq!((&both.stdout, &fs::read_to_string(&json_file).unwrap()), (&plain.stdout, &json.stdout));
    let files = with(&[&format!("text={text_file}"), &format!("json={json_file}")]);
    assert_eq!(files.stdout, "", "{arguments:?}");
    assert_eq!(fs::read_to_string(&json_file).unwrap(), json.stdout, "{arguments:?}");
    // A file has no colour, unless it is asked for.
    assert_eq!(fs::read_to_string(&text_file).unwrap(), plain.stdout, "{arguments:?}");
    let text = plain;
    let json = json.json();
    if let Some(said) = json.pointer("/summary/exit_code") {
        assert_eq!(said, code, "{arguments:?}");
        let verdict = json["summary"]["verdict"].as_str().unwrap();
        assert!(verdict.contains(&format!("(exit {code}")), "{verdict}");
        assert!(text.stdout.contains(&format!("(exit {code}")), "{}", text.stdout);
    }
    json
}

/// A usage error: 2, a message on standard error, nothing on standard output, no output file.
fn refused(arguments: &[&str], says: &str) {
    // Several tests at once come here.
    let directory = scratch(&format!("contract-refused-{:?}", std::thread::current().id()));
    let file = directory.join("out.json");
    for output in [None, Some("json".to_owned()), Some(format!("json={}", file.display()))] {
        let output = output.iter().flat_map(|output| ["--output", output]);
        let ran = run(arguments.iter().copied().chain(output));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}\n{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{arguments:?} says\n{}", ran.stderr);
        assert!(!file.exists(), "{arguments:?} wrote {}", file.display());
    }
}

/// Files of a test, written where it can name them.
fn written(directory: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The arguments for a story's state, after `scan`.
fn story(name: &str) -> Vec<String> {
    Story::read(name).arguments()
}

fn with<'a>(base: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    base.iter().map(String::as_str).chain(more.iter().copied()).collect()
}

#[test]
fn a_scan_exits_with_its_state_in_every_format() {
    let directory = scratch("contract-scan");
    let (clean, findings, both) = (story("clean"), story("organization"), story("denied"));
    // The clean account's snapshot without its closing line: nothing fails, and something was not read.
    let clean_snapshot = Story::read("clean").snapshot;
    let cut = clean_snapshot.trim_end().rsplit_once('\n').unwrap().0;
    let cut = written(&directory, "cut.jsonl", format!("{cut}\n"));
    let incomplete: Vec<String> = ["scan", "--snapshot", &cut, "--now", NOW].map(str::to_owned).to_vec();
    let table: [(&[String], &[&str], i32); 20] = [
        (&clean, &[], 0),
        (&clean, &["--fail-on", "low"], 1),
        (&clean, &["--fail-on", "medium"], 0),
        (&clean, &["--fail-on", "low", "--exit-zero"], 0),
        (&findings, &[], 1),
        (&findings, &["--fail-on", "critical"], 0),
        (&findings, &["--exit-zero"], 0),
        (&findings, &["--allow-incomplete"], 1),
        (&incomplete, &[], 3),
        (&incomplete, &["--exit-zero"], 3),
        (&incomplete, &["--allow-incomplete"], 0),
        (&both, &[], 1),
        (&both, &["--fail-on", "critical"], 3),
        (&both, &["--exit-zero"], 3),
        (&both, &["--allow-incomplete"], 1),
        (&both, &["--exit-zero", "--allow-incomplete"], 0),
        (&both, &["--fail-on", "critical", "--allow-incomplete"], 0),
        (&both, &["--color", "always"], 1),
        (&both, &["--quiet"], 1),
        (&both, &["--skip-policy", "*"], 2),
    ];
    for (base, more, code) in table {
        if code == 2 {
            refused(&with(base, more), "no policy is left to judge");
        } else {
            in_every_format(&directory, &with(base, more), code);
        }
    }
}

#[test]
fn a_replay_exits_with_its_state_in_every_format() {
    let directory = scratch("contract-replay");
    let empty = written(&directory, "none.json", r#"{"Records":[]}"#);
    let nothing = written(&directory, "nothing.json", "");
    fs::create_dir(directory.join("bare")).unwrap();
    let bare = directory.join("bare").display().to_string();
    let missing = directory.join("missing").display().to_string();
    let trail = "fixtures/accounts/clean/trail";
    let table: [(&[&str], i32); 10] = [
        (&[trail], 0),
        (&[trail, "--fail-on", "low"], 1),
        (&["fixtures/recorded"], 1),
        (&["fixtures/accounts/denied/trail"], 3),
        (&[trail, &missing], 3),
        (&[trail, &missing, "--allow-incomplete"], 0),
        (&["fixtures/recorded", &missing], 1),
        (&["fixtures/recorded", &missing, "--exit-zero"], 3),
        // Read, and without records: that is an answer.
        (&[&empty], 0),
        (&["README.md", &empty], 3),
    ];
    for (arguments, code) in table {
        let all: Vec<&str> = ["replay", "--now", NOW].iter().chain(arguments).copied().collect();
        in_every_format(&directory, &all, code);
    }
    // Nothing usable is 2 whatever is allowed, and the report still says what was tried.
    let unusable: [&[&str]; 4] = [&[&nothing], &[&missing], &[&bare], &["README.md", "Cargo.toml"]];
    for arguments in unusable {
        for more in [&[][..], &["--exit-zero", "--allow-incomplete"]] {
            let all: Vec<&str> =
                ["replay", "--now", NOW].iter().chain(arguments).chain(more).copied().collect();
            in_every_format(&directory, &all, 2);
        }
    }
}

#[test]
fn demo_always_exits_0() {
    let directory = scratch("contract-demo");
    for more in [&["--quiet"][..], &["--fail-on", "info", "--policy-profile", "default"]] {
        let all: Vec<&str> = ["demo"].iter().chain(more).copied().collect();
        in_every_format(&directory, &all, 0);
    }
}

#[test]
fn logging_exits_1_for_blind_functions_3_for_unknown_ones_and_0_for_partial_ones() {
    let directory = scratch("contract-logging");
    let table: [(&str, &[&str], i32); 8] = [
        ("accounts/clean/snapshot", &[], 0),
        ("accounts/demo/snapshot", &[], 1),
        ("accounts/demo/snapshot", &["--exit-zero"], 0),
        ("accounts/denied/snapshot", &[], 3),
        ("accounts/denied/snapshot", &["--allow-incomplete"], 0),
        ("logging/trails-not-listed", &[], 3),
        ("logging/other-principal", &[], 0),
        ("logging/stopped", &[], 1),
    ];
    for (name, more, code) in table {
        let snapshot = format!("fixtures/{name}.jsonl");
        let all: Vec<&str> = ["logging", "--snapshot", &snapshot].iter().chain(more).copied().collect();
        let json = in_every_format(&directory, &all, code);
        let configured: Vec<&str> = json["functions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["configured"].as_str().unwrap())
            .collect();
        match name {
            "logging/other-principal" => assert!(configured.iter().all(|word| *word == "partial")),
            "logging/stopped" | "accounts/demo/snapshot" => assert!(configured.contains(&"no")),
            "accounts/denied/snapshot" | "logging/trails-not-listed" => {
                assert!(configured.contains(&"unknown") && !configured.contains(&"no"), "{configured:?}");
            }
            _ => assert!(configured.iter().all(|word| *word == "yes"), "{configured:?}"),
        }
    }
    refused(&["logging", "--snapshot", "missing.jsonl"], "cannot open missing.jsonl");
}

#[test]
fn exposure_exits_1_for_a_finding_3_for_what_it_cannot_read_and_2_for_nothing() {
    let directory = scratch("contract-exposure");
    let statement = |principal: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:orders"}}]}}"#
        )
    };
    let open = written(&directory, "open.json", statement("\"*\""));
    let own = written(&directory, "own.json", statement(r#"{"AWS":"111122223333"}"#));
    let partner = written(&directory, "partner.json", statement(r#"{"AWS":"444455556666"}"#));
    let odd = written(&directory, "odd.json", r#"{"Statement":[{"Effect":"Allow"}]}"#);
    let noise = written(&directory, "noise.json", "nonsense");
    let table: [(&[&str], i32); 12] = [
        (&[&own], 0),
        (&[&open], 1),
        (&[&open, "--exit-zero"], 0),
        // Here a finding always counts.
        (&[&open, "--fail-on", "critical"], 1),
        (&[&partner], 1),
        (&[&partner, "--trusted-account", "444455556666"], 0),
        (&[&odd], 3),
        (&[&odd, "--allow-incomplete"], 0),
        (&[&own, &noise], 3),
        (&[&open, &noise], 1),
        (&[&noise], 2),
        (&[&noise, "--exit-zero", "--allow-incomplete"], 2),
    ];
    for (arguments, code) in table {
        let all: Vec<&str> =
            ["exposure", "--owner", "111122223333"].iter().chain(arguments).copied().collect();
        in_every_format(&directory, &all, code);
    }
    refused(&["exposure", "missing.json", "--owner", "111122223333"], "cannot read missing.json");
    refused(&["exposure", &own, "--owner", "1111"], "12 digits");
}

#[test]
fn checks_of_files_exit_1_for_faults_and_2_where_there_is_nothing_to_check() {
    let directory = scratch("contract-checks");
    let good = directory.join("good");
    fs::create_dir(&good).unwrap();
    for end in ["yaml", "test.yaml"] {
        let from = format!("policies/activity/function-deleted.{end}");
        fs::copy(support::root().join(&from), good.join(format!("function-deleted.{end}"))).unwrap();
    }
    let good = good.display().to_string();
    let skeleton = directory.join("new").display().to_string();
    assert_eq!(run(["policy", "new", "queue-foreign", "--on", "event_source", "--in", &skeleton]).code, 0);
    let wrong = directory.join("wrong");
    fs::create_dir(&wrong).unwrap();
    let policy = fs::read_to_string(support::root().join("policies/activity/function-deleted.yaml")).unwrap();
    let other = policy.replace("DeleteFunction", "DeleteAlias");
    fs::write(wrong.join("function-deleted.yaml"), other).unwrap();
    fs::copy(format!("{good}/function-deleted.test.yaml"), wrong.join("function-deleted.test.yaml")).unwrap();
    let wrong = wrong.display().to_string();
    let table: [(&[&str], i32); 8] = [
        (&["policy", "lint"], 0),
        (&["policy", "lint", &good], 0),
        (&["policy", "lint", &skeleton], 1),
        (&["policy", "lint", "fixtures/broken/policies"], 1),
        (&["policy", "test", &good], 0),
        (&["policy", "test", &good, "--mutate"], 0),
        (&["policy", "test", &skeleton, "--mutate"], 0),
        (&["policy", "test", &wrong], 1),
    ];
    for (arguments, code) in table {
        in_every_format(&directory, arguments, code);
    }
    refused(&["policy", "lint", "missing"], "missing");
    refused(&["policy", "test", "missing"], "missing");
    fs::create_dir(directory.join("bare")).unwrap();
    refused(&["policy", "lint", directory.join("bare").to_str().unwrap()], "no policy files");

    let sound = written(&directory, "sound.toml", "fail_on = \"medium\"\n");
    let faulty = written(&directory, "faulty.toml", "fail_on = \"grave\"\n");
    assert_eq!(run(["config", "check", "--config", &sound]).code, 0);
    let ran = run(["config", "check", "--config", &faulty]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("unknown severity `grave`"), "{}", ran.stderr);
    assert_eq!(run(["config", "check", "--config", "missing.toml"]).code, 2);
    let mut nowhere = program();
    nowhere.args(["config", "check"]).current_dir(&directory);
    assert_eq!(finish(nowhere).code, 2, "there is no lambda-audit.toml");
}

#[test]
fn what_is_asked_wrongly_is_refused_with_2_before_anything_is_read() {
    let directory = scratch("contract-usage");
    let snapshot = "fixtures/accounts/demo/snapshot.jsonl";
    let policies = directory.join("policies");
    fs::create_dir(&policies).unwrap();
    fs::write(policies.join("bad.yaml"), "id: bad\n").unwrap();
    let policies = policies.display().to_string();
    let config = written(&directory, "bad.toml", "fail_onn = \"high\"\n");
    let newer = written(&directory, "newer.jsonl", "{\"type\":\"header\",\"version\":2}\n");
    let table: [(&[&str], &str); 17] = [
        (&[], "Usage"),
        (&["scna"], "scna"),
        (&["scan"], "--snapshot"),
        (&["replay"], "PATH"),
        (&["scan", "--snapshot", snapshot, "--output", "sarfi"], "unknown format `sarfi`"),
        (&["scan", "--snapshot", snapshot, "--fail-on", "grave"], "grave"),
        (&["scan", "--snapshot", snapshot, "--trusted-account", "1234"], "12 digits"),
        (&["scan", "--snapshot", snapshot, "--trusted-org", "example"], "o-exampleorgid"),
        (&["scan", "--snapshot", snapshot, "--now", "yesterday"], "yesterday"),
        (&["scan", "--snapshot", snapshot, "--threads", "0"], "--threads"),
        (&["scan", "--snapshot", snapshot, "--policy", "function-invok-*"], "function-invok-*"),
        (&["scan", "--snapshot", snapshot, "--policies", &policies], "bad.yaml"),
        (&["scan", "--snapshot", snapshot, "--policies", "missing"], "missing"),
        (&["scan", "--snapshot", snapshot, "--config", &config], "fail_onn"),
        (&["scan", "--snapshot", snapshot, "--config", "missing.toml"], "missing.toml"),
        (&["scan", "--snapshot", "missing.jsonl"], "cannot open missing.jsonl"),
        (&["scan", "--snapshot", &newer], "use a newer one"),
    ];
    for (arguments, says) in table {
        refused(arguments, says);
        if !arguments.is_empty() {
            let lax: Vec<&str> =
                arguments.iter().chain(&["--exit-zero", "--allow-incomplete"]).copied().collect();
            assert_eq!(run(lax).code, 2, "{arguments:?}");
        }
    }
    for outputs in
        [&["--output", "text", "--output", "json"][..], &["--output", "json=x", "--output", "text=x"]]
    {
        let all: Vec<&str> = ["demo"].iter().chain(outputs).copied().collect();
        let ran = run(all);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    }
    let ran = run(["demo", "--output", &format!("json={}", directory.join("no/such/file").display())]);
    assert_eq!(ran.code, 2, "an output that cannot be written: {}", ran.stderr);
    // All faults of configuration and policies are told together.
    let ran = run(["scan", "--snapshot", snapshot, "--config", &config, "--policies", &policies]);
    assert!(ran.stderr.contains("fail_onn") && ran.stderr.contains("bad.yaml"), "{}", ran.stderr);
    for fine in [&["--help"][..], &["--version"], &["scan", "--help"]] {
        assert_eq!(run(fine).code, 0);
    }
}

/// Runs with a standard output that nobody reads to its end.
fn half_read(arguments: &[&str], bytes: usize) -> (i32, String) {
    let mut command = program();
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    pipe.read_exact(&mut vec![0; bytes]).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_closed_pipe_is_a_normal_end_that_hides_nothing() {
    let directory = scratch("contract-pipe");
    assert_eq!(half_read(&["demo", "--output", "json", "--quiet"], 1), (0, String::new()));
    // More than a pipe holds is still to be written when it closes.
    let story = story("demo");
    let arguments = with(&story, &["--output", "json"]);
    assert!(run(arguments.clone()).stdout.len() > (1 << 16) + 8192, "the output fits into a pipe");
    assert_eq!(half_read(&arguments, 1), (1, String::new()), "findings are findings, whoever listens");
    for bytes in [0, 1] {
        let file: PathBuf = directory.join(format!("run{bytes}.json"));
        let to_file = format!("json={}", file.display());
        let (code, stderr) = half_read(&with(&story, &["--output", "text", "--output", &to_file]), bytes);
        assert_eq!((code, stderr.as_str()), (1, ""));
        let report: Json = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(report["summary"]["exit_code"], 1, "the other output is written whole");
    }
}

/// The clean account with an entry of configuration.
fn configured(directory: &Path, name: &str, config: &str, more: &[&str]) -> (Ran, Json) {
    let config = written(directory, "lambda-audit.toml", config);
    let base = story(name);
    let all = with(&base, more);
    let all: Vec<&str> = all.into_iter().chain(["--config", &config, "--output", "json"]).collect();
    let ran = run(all);
    let json = ran.json();
    assert_eq!(json["summary"]["exit_code"], ran.code);
    (ran, json)
}

fn waiver(subject: &str, expires: &str) -> String {
    format!(
        "[[waivers]]\npolicy = \"function-invoke-*\"\nsubject = \"{subject}\"\nreason = \"a partner\"\n\
         owner = \"platform\"\nexpires = {expires}\n"
    )
}

#[test]
fn a_waiver_holds_until_it_expires_and_is_never_silent() {
    let directory = scratch("contract-waiver");
    let high = "arn:aws:lambda:eu-west-1:111122223333:function:invoices-export";
    let notices = |json: &Json| -> Vec<String> {
        json["notices"].as_array().unwrap().iter().map(support::text).collect()
    };
    let triage = |json: &Json| -> Vec<String> {
        let all = json["findings"].as_array().unwrap().iter();
        all.filter(|one| one["policy"] == "function-invoke-cross-account")
            .map(|one| support::text(&one["triage"]))
            .collect()
    };
    // The organization story fails on one high finding; the last day of a waiver still counts.
    for (expires, code, waived) in [("2027-01-31", 0, 1), ("2026-11-20", 0, 1), ("2026-11-19", 1, 0)] {
        let (ran, json) = configured(&directory, "organization", &waiver(high, expires), &[]);
        assert_eq!(ran.code, code, "expires {expires}");
        assert_eq!(triage(&json), [if waived == 1 { "waived" } else { "new" }], "it is shown all the same");
        assert_eq!(json["summary"]["waived"], waived);
        let expired = notices(&json).iter().any(|notice| notice.contains("expired on 2026-11-19"));
        assert_eq!(expired, waived == 0, "{:?}", notices(&json));
    }
    let (ran, json) = configured(&directory, "organization", &waiver("*:function:gone", "2027-01-31"), &[]);
    assert_eq!(ran.code, 1);
    assert!(notices(&json).iter().any(|one| one.contains("matches no finding")), "{:?}", notices(&json));
    // A waiver is of its subject and policy only.
    let (ran, _) = configured(&directory, "denied", &waiver("*:function:invoices-mailer", "2027-01-31"), &[]);
    assert_eq!(ran.code, 1, "the public URL is not waived");
    // It does not make whole what was not read.
    let (ran, _) = configured(
        &directory,
        "denied",
        &(waiver("*", "2027-01-31")
            + &waiver("*", "2027-01-31").replace("function-invoke-*", "function-url-*")),
        &[],
    );
    assert_eq!(ran.code, 3);
}

#[test]
fn an_accepted_gap_turns_3_into_0_until_it_expires() {
    let directory = scratch("contract-gap");
    let gap = |key: &str, glob: &str, expires: &str| {
        format!(
            "[[accepted_gaps]]\n{key} = \"{glob}\"\nreason = \"next quarter\"\nowner = \"platform\"\nexpires = {expires}\n"
        )
    };
    let critical = &["--fail-on", "critical"][..];
    let all = gap("surface", "*", "2026-11-20") + &gap("policy", "*", "2026-11-20");
    let (ran, json) = configured(&directory, "denied", &all, critical);
    assert_eq!(ran.code, 0, "{:#}", json["coverage"]);
    let rows = json["coverage"]["read"].as_array().unwrap();
    let denied: Vec<&Json> = rows.iter().filter(|row| row["outcome"] == "denied").collect();
    assert!(denied.len() >= 5 && denied.iter().all(|row| row["accepted"] == true), "{denied:?}");
    assert!(json["summary"]["unknown"].as_u64() > Some(0), "what is unknown stays unknown");
    // Each half alone leaves the other open, and so does one that is over.
    for config in [
        gap("surface", "*", "2027-01-31"),
        gap("policy", "*", "2027-01-31"),
        gap("surface", "*", "2026-11-19") + &gap("policy", "*", "2026-11-19"),
        gap("surface", "lambda:GetPolicy", "2027-01-31") + &gap("policy", "function-*", "2027-01-31"),
    ] {
        let (ran, json) = configured(&directory, "denied", &config, critical);
        // A surface that is accepted covers what could not be judged for want of it, so the first may leave little.
        let open = json["coverage"]["read"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["outcome"] == "denied" && row["accepted"] == false)
            || json["coverage"]["policies"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|row| row["why"].as_array().unwrap())
                .any(|why| why["accepted"] == false);
        assert_eq!(ran.code, if open { 3 } else { 0 }, "{config}");
    }
    // Findings are no gaps.
    assert_eq!(configured(&directory, "denied", &all, &[]).0.code, 1);
}

#[test]
fn require_puts_absent_surfaces_in_scope() {
    let directory = scratch("contract-require");
    let snapshot = "fixtures/accounts/clean/snapshot.jsonl";
    let trail = "fixtures/accounts/clean/trail";
    let table: [(&str, &[&str], i32); 8] = [
        ("trail", &["scan", "--snapshot", snapshot], 3),
        ("trail", &["scan", "--snapshot", snapshot, "--trail", trail], 0),
        ("snapshot", &["replay", trail], 3),
        ("snapshot", &["scan", "--snapshot", snapshot], 0),
        ("organization", &["scan", "--snapshot", snapshot], 3),
        (
            "organization",
            &["scan", "--snapshot", "fixtures/accounts/organization/snapshot.jsonl", "--exit-zero"],
            0,
        ),
        ("invoke-records", &["scan", "--snapshot", snapshot], 3),
        ("invoke-records", &["replay", trail], 0),
    ];
    for (surface, arguments, code) in table {
        let config = written(&directory, "require.toml", format!("require = [\"{surface}\"]\n"));
        let all: Vec<&str> =
            arguments.iter().copied().chain(["--now", NOW, "--config", config.as_str()]).collect();
        let json = in_every_format(&directory, &all, code);
        let missing: Vec<&Json> = json["coverage"]["read"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["outcome"] == "not_collected")
            .collect();
        assert_eq!(missing.len(), usize::from(code == 3), "{surface}: {missing:?}");
        assert!(missing.iter().all(|row| row["surface"] == surface), "{missing:?}");
        // Without the requirement the same run passes.
        let json = in_every_format(&directory, &all[..all.len() - 2], 0);
        assert_eq!(json["summary"]["exit_code"], 0);
    }
}
