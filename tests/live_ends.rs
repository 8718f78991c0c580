//! However a collection ends, nothing that was read is lost: killed, interrupted, or with the network gone.
#![cfg(all(feature = "aws", unix))]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fake_aws::{Endpoint, Fault, FaultKind};
use live_support::{DEMO, OF_DEMO, aws, collected, command, fake, parts, path};
use support::scratch;

/// Starts a collection, and gives it when the endpoint has seen so many calls.
fn until(endpoint: &Endpoint, calls: usize, file: &Path) -> Child {
    let mut command: Command = command(endpoint, DEMO);
    let arguments = ["snapshot", "-o", path(file), "--all-regions", "--quota-scale", "40"];
    command.args([&arguments[..], &OF_DEMO].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while endpoint.count() < calls && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "{} calls", endpoint.count());
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Points between the first call and the last, the same in every run of this test.
fn points(total: usize, count: usize) -> Vec<usize> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    (0..count).map(|_| 1 + next() % (total - 1)).collect()
}

#[test]
fn killed_at_twenty_points_and_resumed_the_snapshot_is_that_of_one_run() {
    let whole = fake("demo");
    let (_, complete) = collected(&whole, DEMO, "killed-whole", &OF_DEMO);
    let expected = parts(&std::fs::read_to_string(&complete).unwrap());
    let total = whole.seen().len();
    let checks: Vec<_> = points(total, 20).into_iter().enumerate().collect();
    let check = |(at, point): (usize, usize)| {
        let endpoint = fake("demo");
        let file = scratch(&format!("killed-{at}")).join("snapshot.jsonl");
        let mut child = until(&endpoint, point, &file);
        child.kill().unwrap();
        child.wait().unwrap();
        let resumed = [&["snapshot", "--resume", path(&file), "--all-regions"][..], &OF_DEMO].concat();
        let fresh = [&["snapshot", "-o", path(&file), "--all-regions"][..], &OF_DEMO].concat();
        let partial = file.with_extension("jsonl.partial");
        // Before there was anything to keep, or after everything was: both are whole without going on.
        let arguments = if partial.exists() { resumed } else { fresh };
        let before = if partial.exists() { std::fs::read(&partial).unwrap().len() } else { 0 };
        let ran = aws(&endpoint, DEMO, &arguments);
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{point} {error} {ran:?}"));
        assert_eq!(parts(&text), expected, "killed after {point} of {total} calls, {before} bytes");
        assert!(!partial.exists());
    };
    std::thread::scope(|scope| {
        for some in checks.chunks(5) {
            let check = &check;
            scope.spawn(move || some.iter().for_each(|one| check(*one)));
        }
    });
}

#[test]
fn an_interrupt_leaves_a_partial_snapshot_that_says_so() {
    let endpoint = fake("demo");
    let file = scratch("interrupted").join("snapshot.jsonl");
    let child = until(&endpoint, 60, &file);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("it was interrupted") && stderr.contains("--resume"), "{stderr}");
    let partial = file.with_extension("jsonl.partial");
    assert!(partial.exists() && !file.exists());
    let scan = support::run([
        "scan",
        "--output",
        "json",
        "--exit-zero",
        "--now",
        support::NOW,
        "--snapshot",
        path(&partial),
    ]);
    assert_eq!(scan.code, 3, "{}", scan.stderr);
    assert_eq!(scan.json()["inputs"]["snapshot"]["complete"], false);
}

/// What a scan has read until it is interrupted is judged, and what is missing is not passed over.
#[test]
fn an_interrupted_scan_judges_what_it_has() {
    let endpoint = fake("clean");
    endpoint.fault(Fault::always("lambda:GetPolicy", FaultKind::Slow(Duration::from_secs(20))));
    let mut command = command(&endpoint, DEMO);
    command.args(["scan", "--output", "json", "--now", support::NOW, "--quota-scale", "1000"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !endpoint.seen().iter().any(|call| call.api == "lambda:GetPolicy") {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "it waited for the answer");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["inputs"]["snapshot"]["complete"], false);
    assert_eq!(report["scope"]["complete"], false);
}

#[test]
fn a_role_is_assumed_first_and_what_it_may_not_do_is_said() {
    let endpoint = fake("clean");
    let role = format!("arn:aws:iam::{DEMO}:role/Audit");
    let file = scratch("role").join("snapshot.jsonl");
    // Another account's keys: everything that is collected is the role's.
    let ran = aws(&endpoint, "999900001111", &["snapshot", "-o", path(&file), "--role-arn", &role]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = endpoint.seen();
    assert!(seen.iter().any(|call| call.api == "sts:AssumeRole" && call.account == "999900001111"));
    assert!(seen.iter().filter(|call| call.api.starts_with("lambda:")).all(|call| call.account == DEMO));
    endpoint.fault(Fault::always("sts:AssumeRole", FaultKind::Denied));
    let ran = aws(&endpoint, "999900001111", &["scan", "--role-arn", &role]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("--role-arn cannot be assumed")
            && ran.stderr.contains("sts:AssumeRole is missing")
    );
}
