//! How long one verdict of a predicate takes. Prints the figure and its limit; fails beyond the limit.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use lambda_audit::facts;
use lambda_audit::policy::lang::check::{Names, check};
use lambda_audit::policy::lang::compile::{Compiled, Env};
use lambda_audit::value::{OwnedValue, Truth, Why};

/// Nanoseconds per evaluation that no predicate here may exceed.
const LIMIT: f64 = 100.0;
const ROUNDS: u32 = 2_000_000;

const PREDICATES: [(&str, &str); 4] = [
    ("comparison", r#"grant.exposure == "public""#),
    (
        "typical",
        r#"grant.resource_type == "function" && grant.allows_invoke && !grant.url_only && grant.exposure == "public""#,
    ),
    ("guarded", r#"has(grant.qualifier) && grant.qualifier.startsWith("prod") || grant.effect == "deny""#),
    (
        "list",
        r#"grant.subject in ["a", "b", "c", "d", "e", "f", "g", "h"] || grant.subject.endsWith(":pay")"#,
    ),
];

fn main() -> ExitCode {
    let kind = facts::kind("grant").unwrap();
    let mut fact = facts::unread_fact(kind, Why::NotCollected).unwrap();
    let text = |text: &str| OwnedValue::Text(text.to_owned());
    for (field, value) in [
        ("subject", text("arn:aws:lambda:us-east-1:111122223333:function:pay")),
        ("resource_type", text("function")),
        ("qualifier", text("production")),
        ("effect", text("allow")),
        ("allows_invoke", OwnedValue::Bool(true)),
        ("url_only", OwnedValue::Bool(false)),
        ("exposure", text("public")),
    ] {
        fact.set(kind.field(field).unwrap(), value).unwrap();
    }
    let mut worst = 0f64;
    for (name, predicate) in PREDICATES {
        let pred = check(predicate, Names { kind, params: &[], histories: &[] }, &[]).unwrap();
        let compiled = Compiled::new(&pred, &[]);
        let env = Env::default();
        // The best of five: other work on the machine only ever adds time.
        let best = (0..5)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..ROUNDS {
                    assert_eq!(black_box(&compiled).eval(black_box(&*fact), &env), Truth::True);
                }
                start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
            })
            .fold(f64::INFINITY, f64::min);
        println!("{name:<12} {best:6.1} ns (limit {LIMIT} ns)");
        worst = worst.max(best);
    }
    if worst <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
