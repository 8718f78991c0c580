//! How long it takes to join 100,000 findings of a snapshot to the 1,000,000 change records that may have produced
//! them, gathering included. What is measured is the time this process had a processor. Prints figure and limit; fails
//! beyond the limit.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cpu;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use cpu::Clock;
use lambda_audit::audit::rfc3339;
use lambda_audit::facts::schema::Origin;
use lambda_audit::findings::cause::{By, Change, Changes, History};
use lambda_audit::moment::EventId;
use lambda_audit::policy::Severity;
use lambda_audit::report::{Finding, Subject, Triage};

const FINDINGS: usize = 100_000;
const RECORDS: usize = 1_000_000;
/// Files that gather by themselves and are merged.
const FILES: usize = 200;
/// Seconds.
const LIMIT: f64 = 5.0;
const KINDS: [&str; 4] = ["grant", "function_url", "layer_use", "event_source"];

fn arn(at: usize) -> String {
    format!("arn:aws:lambda:eu-west-1:111122223333:function:service-{:06}", at % FINDINGS)
}

fn finding(at: usize) -> Finding {
    // Every other one names the records that share its fingerprint.
    let (origins, event_ids) = match at % 2 {
        0 => (vec![Origin::State, Origin::Change], vec![event(at), event(at + FINDINGS)]),
        _ => (vec![Origin::State], Vec::new()),
    };
    Finding {
        policy: "function-invoke-public".to_owned(),
        title: String::new(),
        severity: Severity::High,
        risk_score: 73,
        level: None,
        origins,
        status: None,
        status_event_id: None,
        subject: Subject {
            arn: Some(arn(at)),
            kind: "function".to_owned(),
            name: format!("service-{at:06}"),
            account: Some("111122223333".to_owned()),
            region: None,
            logical_id: None,
        },
        message: String::new(),
        evidence: Vec::new(),
        event_ids,
        first: None,
        last: None,
        count: 1,
        fingerprint: String::new(),
        cause: None,
        triage: Triage::New,
        seen: None,
        waiver: None,
        knobs: Vec::new(),
    }
}

fn event(at: usize) -> String {
    format!("00000000-0000-4000-8000-{at:012}")
}

fn main() -> ExitCode {
    let findings: Vec<Finding> = (0..FINDINGS).map(finding).collect();
    let texts: Vec<Arc<str>> =
        (0..100).map(|at| format!("text that many records share, {at}").into()).collect();
    let text = |at: usize| Some(Arc::clone(&texts[at % texts.len()]));
    let by = |at: usize| By {
        event_name: Arc::clone(&texts[at % 4]),
        principal: text(at),
        session_name: text(at + 1),
        source_ip: text(at + 2),
        user_agent: text(at + 3),
    };
    let ways: Vec<Arc<By>> = (0..texts.len()).map(|at| Arc::new(by(at))).collect();
    let history = History { given: true, accounts: ["111122223333".to_owned()].into(), ..History::default() };
    let clock = Clock::new();
    let start = clock.now();
    let mut all = Changes::default();
    for file in 0..FILES {
        let mut changes = Changes::default();
        let path: Arc<str> = format!("{file}.json.gz").into();
        // Not in order of time: files come as they come.
        for at in (file..RECORDS).step_by(FILES) {
            let change = Change {
                time: 1_700_000_000 + (at as i64 * 7_919) % 7_000_000,
                event_id: Some(EventId::of(&event(at))),
                file: Arc::clone(&path),
                offset: at as u64,
                by: Arc::clone(&ways[at % ways.len()]),
                exact: true,
            };
            changes.add(KINDS[(at / FINDINGS) % 2], &arn(at), change);
        }
        all.merge(changes);
    }
    all.settle();
    let mut found = 0;
    for (at, finding) in findings.iter().enumerate() {
        let cause = all.cause(KINDS[at % 2], finding, &history, rfc3339).unwrap();
        found += usize::from(!black_box(cause).records.is_empty());
    }
    let seconds = clock.now() - start;
    assert_eq!(all.len(), RECORDS);
    println!(
        "cause: {FINDINGS} findings joined to {RECORDS} change records in {seconds:.2} {}, limit {LIMIT:.1}; {found} have a \
         cause",
        clock.kind
    );
    if seconds <= LIMIT && found == FINDINGS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
