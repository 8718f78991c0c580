//! Collects five thousand functions from the fake endpoint, and looks up two hundred pages of history, with quotas
//! twenty times as large as documented; prints each figure with its limit and fails if one is passed. Needs the
//! program beside it: `cargo build --release && cargo run --release --example live-scale`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example")]

#[path = "../tests/fake_aws/mod.rs"]
mod fake_aws;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use fake_aws::{Content, Endpoint, History, Seen};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const FUNCTIONS: usize = 5_000;
const SCALE: f64 = 20.0;
const SHARE: f64 = 0.8;
const PAGES: usize = 200;

fn main() -> ExitCode {
    let mut good = true;
    let mut figure = |name: &str, value: f64, limit: f64, unit: &str| {
        let holds = value <= limit;
        good &= holds;
        println!(
            "{name:<66} {value:>10.2} {unit:<3} limit {limit:>10.2}  {}",
            if holds { "ok" } else { "MISSED" }
        );
    };

    let endpoint = fake_aws::start(Content::of(&functions()), Some(SCALE), 0);
    let planned = plan(&endpoint);
    endpoint.forget();
    let file = std::env::temp_dir().join(format!("lambda-audit-scale-{}.jsonl", std::process::id()));
    let ran = run(&endpoint, &["snapshot", "-o", file.to_str().unwrap(), "--quota-scale", "20"]);
    std::fs::remove_file(&file).unwrap();
    let seen = endpoint.seen();
    let floor = planned["seconds"].as_f64().unwrap() / SCALE;
    figure("collecting 5,000 functions", ran.wall.as_secs_f64(), floor * 1.10, "s");
    let begun = seen.first().unwrap().at;
    let late = |call: &&Seen| call.at > begun + Duration::from_secs(1);
    let throttled = seen.iter().filter(late).filter(|call| call.status == 429 || call.status == 400).count();
    figure("throttles after the first second", throttled as f64, 0.0, "");
    let mut made: BTreeMap<&str, u64> = BTreeMap::new();
    seen.iter().for_each(|call| *made.entry(&call.api).or_default() += 1);
    let calls = planned["places"][0]["calls"].as_object().unwrap();
    for (api, count) in calls {
        let made = made.get(api.as_str()).copied().unwrap_or(0) as f64;
        let planned = count.as_f64().unwrap();
        figure(&format!("{api}: {made} calls, off the plan by"), (made - planned).abs(), 0.0, "");
    }
    figure("memory at most", ran.memory, 200.0, "MiB");

    let endpoint = fake_aws::start(history(), Some(SCALE), 0);
    let arguments = ["replay", "--lookup-events", "--policy", "function-code-updated", "--quota-scale", "20"];
    let ran =
        run(&endpoint, &[&arguments[..], &["--output", "json", "--now", "2026-11-20T09:00:00Z"]].concat());
    let seen: Vec<Seen> =
        endpoint.seen().into_iter().filter(|call| call.api == "cloudtrail:LookupEvents").collect();
    let taken = seen.last().unwrap().at - seen.first().unwrap().at;
    let floor = (seen.len() - 1) as f64 / (2.0 * SCALE * SHARE);
    figure(&format!("looking up {} pages", seen.len()), taken.as_secs_f64(), floor * 1.05, "s");
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let missed = (PAGES * 50) as f64 - report["inputs"]["records"].as_f64().unwrap();
    figure("records missed, or read twice", missed.abs(), 0.0, "");
    figure("memory at most", ran.memory, 200.0, "MiB");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Ran {
    wall: Duration,
    /// MiB.
    memory: f64,
    stdout: Vec<u8>,
}

fn program(endpoint: &Endpoint, arguments: &[&str]) -> Command {
    let beside = std::env::current_exe().unwrap();
    let program = beside.parent().unwrap().parent().unwrap().join("lambda-audit");
    let mut command = Command::new(program);
    command.env_clear().env("AWS_ENDPOINT_URL", endpoint.url());
    command
        .env("AWS_ACCESS_KEY_ID", ACCOUNT)
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .env("AWS_REGION", "eu-west-1");
    command.args(arguments).stdin(Stdio::null());
    command
}

fn plan(endpoint: &Endpoint) -> Value {
    let output = program(endpoint, &["snapshot", "--plan", "--output", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(endpoint: &Endpoint, arguments: &[&str]) -> Ran {
    let began = Instant::now();
    let out = tempfile();
    let mut child = program(endpoint, arguments).stdout(out.0).spawn().unwrap();
    let mut memory: f64 = 0.0;
    // What the system counted as the most so far; the last look is just before the end.
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = most.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
        memory = memory.max(kilobytes.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(Duration::from_millis(20));
    }
    let wall = began.elapsed();
    let stdout = std::fs::read(&out.1).unwrap();
    std::fs::remove_file(&out.1).unwrap();
    Ran { wall, memory, stdout }
}

fn tempfile() -> (std::fs::File, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("lambda-audit-scale-{}.out", std::process::id()));
    (std::fs::File::create(&path).unwrap(), path)
}

/// A snapshot that lists them; nothing is attached to any.
fn functions() -> String {
    let one = |at: usize| {
        let arn = format!("arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f{at}");
        json!({"FunctionName": format!("f{at}"), "FunctionArn": arn, "Role": format!("arn:aws:iam::{ACCOUNT}:role/r"),
               "Runtime": "python3.13", "Layers": [], "Timeout": 30, "MemorySize": 512, "Handler": "main.handler"})
    };
    let functions: Vec<Value> = (0..FUNCTIONS).map(one).collect();
    let scope =
        json!({"type": "header", "version": 1, "scope": [{"account": ACCOUNT, "region": "eu-west-1"}]});
    let part = json!({
        "type": "part", "account": ACCOUNT, "region": "eu-west-1", "api": "lambda:ListFunctions", "resource": null,
        "outcome": {"status": "ok"}, "data": {"Functions": functions},
    });
    format!("{scope}\n{part}")
}

/// Two hundred pages of one name, a record every ten minutes.
fn history() -> Content {
    let mut content = Content::default();
    let now: jiff::Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let mut history = History::default();
    for at in 0..PAGES * 50 {
        let time = jiff::Timestamp::from_second(now.as_second() - 600 * at as i64).unwrap().to_string();
        history.add(json!({
            "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{at:012}"), "eventTime": time,
            "eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionCode20150331v2",
            "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "eventCategory": "Management",
            "managementEvent": true, "readOnly": false, "sourceIPAddress": "192.0.2.7", "userAgent": "deploy",
            "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ci"), "accountId": ACCOUNT},
            "requestParameters": {"functionName": format!("f{}", at % 40)}, "responseElements": null,
        }));
    }
    history.sort();
    content.history = history;
    content
}
