//! One million typical documents must take less than five CPU-seconds on one core.
//!
//! Measures a sample, several times over, and scales the best round. What is measured is the time this process had a
//! processor, so that other work on the machine does not count. Exits with an error beyond the limit.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use lambda_audit::exposure::{Context, ResourceKind, assess};
use lambda_audit::trust::Trust;

const DOCUMENTS: usize = 20_000;
const LIMIT_SECONDS: f64 = 5.0;

/// The shapes that AddPermission writes, with sizes as accounts have them.
fn typical(index: usize) -> String {
    let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}-{index}");
    let allow = |sid: &str, principal: &str, condition: &str| {
        format!(
            r#"{{"Sid":"{sid}","Effect":"Allow","Principal":{principal},"Action":"lambda:InvokeFunction","Resource":"{}"{condition}}}"#,
            arn("orders")
        )
    };
    let api = allow(
        "api",
        r#"{"Service":"apigateway.amazonaws.com"}"#,
        r#","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:eu-west-1:111122223333:abc123/*/*/*"}}"#,
    );
    let bucket = allow(
        "bucket",
        r#"{"Service":"s3.amazonaws.com"}"#,
        r#","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::a-bucket"}}"#,
    );
    let account = allow("account", r#"{"AWS":"arn:aws:iam::444455556666:root"}"#, "");
    let organization =
        allow("org", "\"*\"", r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorg1"}}"#);
    let statements = match index % 5 {
        0 | 1 => api,
        2 => bucket,
        3 => format!("{account},{organization}"),
        _ => format!("{api},{bucket}"),
    };
    format!(r#"{{"Version":"2012-10-17","Id":"default","Statement":[{statements}]}}"#)
}

/// Time on a processor so far, where the system tells: Linux counts it for a process's first thread, and there is no
/// other here. Source: <https://docs.kernel.org/scheduler/sched-stats.html> (`/proc/<pid>/schedstat`)
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

fn main() -> ExitCode {
    let documents: Vec<String> = (0..DOCUMENTS).map(typical).collect();
    let trust = Trust::default();
    let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
    let clock = Instant::now();
    let now = || cpu_seconds().unwrap_or_else(|| clock.elapsed().as_secs_f64());
    let kind = if cpu_seconds().is_some() { "CPU-seconds" } else { "seconds" };
    let round = || {
        let start = now();
        for document in &documents {
            let _ = black_box(assess(black_box(document), &context));
        }
        now() - start
    };
    let best = (0..5).map(|_| round()).fold(f64::INFINITY, f64::min);
    let million = best / DOCUMENTS as f64 * 1e6;
    println!("exposure: {million:.2} {kind} for a million typical documents, limit {LIMIT_SECONDS:.1}");
    if million < LIMIT_SECONDS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
