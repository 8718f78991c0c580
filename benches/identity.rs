//! What 5,000 roles with ten policies each may do must be known in less than three CPU-seconds, reading the snapshot
//! included.
//!
//! What is measured is the time this process had a processor, so that other work on the machine does not count. Exits
//! with an error beyond the limit.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod cpu;

use std::hint::black_box;
use std::process::ExitCode;

use cpu::Clock;
use lambda_audit::facts::from_snapshot::{Index, StateFacts};
use lambda_audit::facts::{Body, Fact};
use lambda_audit::lists::Lists;
use lambda_audit::snapshot::{self, Input, Visit};
use lambda_audit::trust::Trust;
use serde_json::{Value, json};

const ROLES: usize = 5_000;
/// Of ten, as many are attached; the others are the role's own.
const ATTACHED: usize = 5;
const INLINE: usize = 5;
/// Managed policies of the account.
const MANAGED: usize = 400;
const LIMIT_SECONDS: f64 = 3.0;

/// A document as accounts have them: some statements about other services, now and then one that is asked about.
fn document(index: usize) -> Value {
    let name = format!("orders-{index}");
    let mut statements = vec![
        json!({"Sid": "Table", "Effect": "Allow",
               "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
               "Resource": format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}")}),
        json!({"Sid": "Logs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
               "Resource": format!("arn:aws:logs:*:111122223333:log-group:/aws/lambda/{name}:*")}),
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
               "Condition": {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}}),
    ];
    match index % 7 {
        0 => statements.push(json!({"Effect": "Allow", "Action": ["lambda:InvokeFunction", "lambda:Get*"],
                                    "Resource": format!("arn:aws:lambda:*:111122223333:function:{name}*")})),
        1 => statements.push(json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})),
        2 => statements.push(json!({"Effect": "Allow", "Action": ["iam:CreateRole", "iam:Put*"],
                                    "Resource": "arn:aws:iam::111122223333:role/app/*"})),
        3 => statements.push(json!({"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
                                    "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}})),
        _ => {}
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn text() -> String {
    let part = |data: &Value| {
        json!({"type": "part", "account": "111122223333", "region": null,
               "api": "iam:GetAccountAuthorizationDetails", "resource": null, "outcome": {"status": "ok"},
               "data": data})
        .to_string()
    };
    let managed = |at: usize| format!("arn:aws:iam::111122223333:policy/p{}", at % MANAGED);
    let role = |at: usize| {
        let own: Vec<Value> = (0..INLINE)
            .map(|one| json!({"PolicyName": format!("own-{one}"), "PolicyDocument": document(at * INLINE + one)}))
            .collect();
        let attached: Vec<Value> =
            (0..ATTACHED).map(|one| json!({"PolicyArn": managed(at * 3 + one)})).collect();
        json!({"Arn": format!("arn:aws:iam::111122223333:role/r{at}"), "RoleName": format!("r{at}"),
               "RolePolicyList": own, "AttachedManagedPolicies": attached})
    };
    let mut lines = vec![
        json!({"type": "header", "version": 1,
                                "scope": [{"account": "111122223333", "region": "eu-west-1"}]})
        .to_string(),
    ];
    let page = |roles: Vec<Value>, policies: Vec<Value>, marker: Option<usize>| {
        let mut data = json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles,
                              "Policies": policies});
        if let Some(marker) = marker {
            data["Marker"] = json!(marker.to_string());
        }
        part(&data)
    };
    for start in (0..ROLES).step_by(1000) {
        lines.push(page((start..start + 1000).map(role).collect(), Vec::new(), Some(start)));
    }
    let policy = |at: usize| {
        json!({"Arn": managed(at), "DefaultVersionId": "v1",
               "PolicyVersionList": [{"VersionId": "v1", "Document": document(at)}]})
    };
    lines.push(page(Vec::new(), (0..MANAGED).map(policy).collect(), None));
    lines.push(json!({"type": "end", "parts": lines.len() - 1}).to_string());
    lines.join("\n") + "\n"
}

fn main() -> ExitCode {
    let bytes = text().into_bytes();
    let megabytes = bytes.len() as f64 / 1e6;
    let input = Input::Memory { name: "bench".to_owned(), bytes: bytes.into() };
    let lists = Lists::embedded().unwrap();
    let clock = Clock::new();
    let round = || {
        let start = clock.now();
        let mut index = Index::default();
        assert!(snapshot::read(&input, &mut |visit| index.add(visit)).unwrap().is_empty());
        index.finish();
        let trusts = index.trusts(&Trust::default());
        let mut facts = StateFacts::new("bench", &index, &trusts, &lists);
        let mut principals = 0;
        let mut take =
            |fact: &Fact<'_>| principals += usize::from(matches!(black_box(&fact.body), Body::Principal(_)));
        snapshot::read(&input, &mut |visit| {
            if let Visit::Part(part, line) = visit {
                facts.part(&part, line, &mut take);
            }
        })
        .unwrap();
        facts.finish(&mut take);
        assert_eq!(principals, ROLES);
        clock.now() - start
    };
    let best = (0..3).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!(
        "identity: {best:.2} {} for {ROLES} roles with {} policies each ({megabytes:.0} MB), limit {LIMIT_SECONDS:.1}",
        clock.kind,
        ATTACHED + INLINE
    );
    if best < LIMIT_SECONDS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
