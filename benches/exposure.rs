//! One million typical documents must take less than five CPU-seconds on one core.
//!
//! Measures a sample, several times over, and scales the best round. What is measured is the time this process had a
//! processor, so that other work on the machine does not count. Exits with an error beyond the limit.

#![allow(clippy::print_stdout)]

mod cpu;

use std::hint::black_box;
use std::process::ExitCode;

use cpu::Clock;
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

fn main() -> ExitCode {
    let documents: Vec<String> = (0..DOCUMENTS).map(typical).collect();
    let trust = Trust::default();
    let context = Context { owner: Some("111122223333"), kind: ResourceKind::Function, trust: &trust };
    let clock = Clock::new();
    let round = || {
        let start = clock.now();
        for document in &documents {
            let _ = black_box(assess(black_box(document), &context));
        }
        clock.now() - start
    };
    let best = (0..5).map(|_| round()).fold(f64::INFINITY, f64::min);
    let million = best / DOCUMENTS as f64 * 1e6;
    println!(
        "exposure: {million:.2} {} for a million typical documents, limit {LIMIT_SECONDS:.1}",
        clock.kind
    );
    if million < LIMIT_SECONDS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
