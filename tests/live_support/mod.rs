//! What the tests of live accounts share: the fake as the program's AWS.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::fake_aws::{self, Content, Endpoint, History};
use crate::support::{self, Ran, finish, program, root, scratch};

pub const SECRET: &str = "canary-secret-key";
pub const TOKEN: &str = "canary-session-token";
/// Who asks for the accounts of the demo's company, as its delegated administrator.
pub const DEMO: &str = "111122223333";
pub const OF_DEMO: [&str; 5] = ["--org-role", "AuditReader", "--account", "111122223333", "444455556666"];

pub fn story(name: &str) -> String {
    std::fs::read_to_string(root().join(format!("fixtures/accounts/{name}/snapshot.jsonl"))).unwrap()
}

pub fn fake(name: &str) -> Endpoint {
    fake_aws::start(content(name), None, 0)
}

/// A story with its history.
pub fn content(name: &str) -> Content {
    let mut content = Content::of(&story(name));
    content.history = History::below(&root().join(format!("fixtures/accounts/{name}/trail")));
    let now: jiff::Timestamp = support::NOW.parse().unwrap();
    content.history.now = Some(now.as_second());
    content
}

/// The program as `account`'s, with the fake as its AWS.
pub fn command(endpoint: &Endpoint, account: &str) -> Command {
    let mut command = program();
    command
        .env("AWS_ENDPOINT_URL", endpoint.url())
        .env("AWS_ACCESS_KEY_ID", account)
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
        .env("AWS_SESSION_TOKEN", TOKEN)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

pub fn aws(endpoint: &Endpoint, account: &str, arguments: &[&str]) -> Ran {
    let mut command = command(endpoint, account);
    command.args(arguments).args(["--now", support::NOW]);
    let asks =
        ["snapshot", "scan", "logging"].contains(&arguments[0]) || arguments.contains(&"--lookup-events");
    if asks && !arguments.contains(&"--quota-scale") {
        command.args(["--quota-scale", "1000"]);
    }
    finish(command)
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The parts of a snapshot, each as text, in order of text; what was refused without AWS's message.
pub fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .filter(|line| line["type"] == "part")
        .map(|line| line.to_string())
        .collect();
    parts.sort();
    parts
}

pub fn collected(endpoint: &Endpoint, account: &str, name: &str, more: &[&str]) -> (Ran, PathBuf) {
    let file = scratch(name).join("snapshot.jsonl");
    let arguments = [&["snapshot", "-o", path(&file), "--all-regions"], more].concat();
    (aws(endpoint, account, &arguments), file)
}
