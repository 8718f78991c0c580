//! Runs that are killed at any moment: whatever was kept, the run that comes to its end has the findings of one that
//! was never disturbed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use support::{NOW, files_below, root, scratch};

/// How often it is killed. `.ci/long` asks for more.
fn kills() -> u32 {
    if std::env::var_os("LAMBDA_AUDIT_LONG").is_some() { 50 } else { 6 }
}

fn program(directory: &std::path::Path, store: Option<&str>) -> Command {
    let mut command = support::program();
    command.current_dir(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["replay", "AWSLogs", "--now", NOW, "--output", "json"]);
    if let Some(store) = store {
        command.args(["--store", store]);
    }
    command
}

fn kill(mut child: Child, after: Duration) -> bool {
    std::thread::sleep(after);
    let killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_counted_twice() {
    let scratch = scratch("store-killed");
    let demo = root().join("fixtures/accounts/demo/trail");
    // A few hundred small files; the second and third of each are copies of the first.
    for path in files_below(&demo) {
        for directory in ["one", "two", "three"] {
            let to = scratch.join("AWSLogs").join(directory).join(path.strip_prefix(&demo).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&path, to).unwrap();
        }
    }
    let begun = Instant::now();
    let clean = support::finish(program(&scratch, None));
    let full = begun.elapsed();
    assert_eq!(clean.code, 1, "{}", clean.stderr);
    let clean = clean.json();

    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    let mut chance = u64::from(seed) | 1;
    let (mut killed, mut rounds) = (0, 0);
    while killed < kills() {
        // From time to time from the beginning, else on what the killed ones left.
        rounds += 1;
        if rounds % 5 == 0 {
            let left = fs::remove_file(scratch.join("audit.store"));
            assert!(left.is_ok() || rounds < 50, "there was never a store");
        }
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (chance >> 33) % 1_000;
        let after = full.mul_f64(share as f64 / 1_000.0);
        killed += u32::from(kill(program(&scratch, Some("audit.store")).spawn().unwrap(), after));
        assert!(rounds < 50 * kills(), "it ends before it can be killed");
        if rounds % 7 == 0 {
            check(&scratch, &clean, seed, killed);
        }
    }
    check(&scratch, &clean, seed, killed);
    check(&scratch, &clean, seed, killed);
}

fn check(scratch: &std::path::Path, clean: &serde_json::Value, seed: u32, killed: u32) {
    let finished = support::finish(program(scratch, Some("audit.store")));
    assert_eq!(finished.code, 1, "seed {seed}, {killed} kills: {}", finished.stderr);
    let mut report = finished.json();
    for finding in report["findings"].as_array_mut().unwrap() {
        finding["seen"] = serde_json::Value::Null;
    }
    report["summary"]["known"] = serde_json::Value::Null;
    assert_eq!(&report, clean, "seed {seed}, {killed} kills");
}
