//! CloudTrail's lookup history against the fake endpoint: the findings that the trail's files give, every record
//! once, whatever goes wrong on the way.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use fake_aws::{Content, Endpoint, Fault, FaultKind, History, Seen};
use live_support::{DEMO, aws, content, path};
use serde_json::{Value as Json, json};
use support::{Ran, root, scratch};

/// Policies that judge changes, and none that asks whose a session is: their records are all in the history.
const SERVED: [&str; 6] =
    ["event-source-*", "function-*", "invoke-logging-weakened", "layer-*", "public-grant-blocked", "trail-*"];
const REGIONS: [&str; 4] =
    ["--region=eu-west-1", "--region=eu-central-1", "--region=us-east-1", "--region=eu-north-1"];

/// Policy, subject, status, fingerprint and records of each finding.
fn findings(ran: &Ran) -> BTreeSet<String> {
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|one| {
            let fields =
                ["policy", "severity", "status", "fingerprint", "event_ids", "count", "first", "last"];
            fields.map(|name| one[name].to_string()).join(" ")
        })
        .collect()
}

fn unknown(ran: &Ran) -> BTreeMap<String, u64> {
    let report = ran.json();
    let policies = report["coverage"]["policies"].as_array().unwrap().iter();
    policies.map(|one| (one["policy"].to_string(), one["unknown"].as_u64().unwrap())).collect()
}

fn look_up(endpoint: &Endpoint, more: &[&str]) -> Ran {
    let mut arguments =
        vec!["replay", "--lookup-events", "--output", "json", "--skip-policy", "function-url-invoked-*"];
    arguments.push("--policy");
    arguments.extend(SERVED);
    arguments.extend(REGIONS);
    arguments.extend(more);
    aws(endpoint, DEMO, &arguments)
}

fn command_of(endpoint: &Endpoint) -> std::process::Command {
    live_support::command(endpoint, DEMO)
}

fn look_ups(endpoint: &Endpoint) -> Vec<Seen> {
    endpoint.seen().into_iter().filter(|call| call.api == "cloudtrail:LookupEvents").collect()
}

fn attribute(call: &Seen) -> String {
    let body: Json = serde_json::from_str(call.resource.as_deref().unwrap()).unwrap();
    let one = &body["LookupAttributes"][0];
    format!("{}={}", one["AttributeKey"].as_str().unwrap(), one["AttributeValue"].as_str().unwrap())
}

fn from_files() -> Ran {
    let mut arguments =
        vec!["replay", "fixtures/accounts/demo/trail", "--output", "json", "--now", support::NOW];
    arguments.extend(["--account", DEMO, "--skip-policy", "function-url-invoked-*", "--policy"]);
    arguments.extend(SERVED);
    support::run(arguments)
}

fn with_pages(entries: usize) -> Content {
    let mut content = content("demo");
    content.page = Some(entries);
    content
}

/// By service where that is cheap, by name where it is not: the findings are those of the trail's files.
#[test]
fn looked_up_records_are_judged_like_the_files_they_are_in() {
    let files = from_files();
    let expected = findings(&files);
    assert!(expected.len() > 10, "{}", expected.len());
    let mut by_name = BTreeSet::new();
    for page in [50, 2] {
        let content = with_pages(page);
        let endpoint = fake_aws::start(content, None, 0);
        let ran = look_up(&endpoint, &[]);
        assert_eq!(findings(&ran), expected, "{page} a page");
        assert_eq!(unknown(&ran), unknown(&files), "{page} a page");
        assert_eq!(ran.code, files.code, "{}", ran.stderr);
        by_name.insert(look_ups(&endpoint).iter().any(|call| attribute(call).starts_with("EventName=")));
    }
    assert_eq!(by_name.len(), 2, "one of the two was to be cheaper by service, the other by name");
}

#[test]
fn each_question_is_asked_once_and_global_services_in_their_region() {
    let endpoint = fake_aws::start(content("demo"), None, 0);
    let ran =
        aws(&endpoint, DEMO, &["replay", "--lookup-events", "--output", "json", "--region", "eu-west-1"]);
    assert!([0, 1, 3].contains(&ran.code), "{ran:?}");
    let mut seen = BTreeSet::new();
    for call in look_ups(&endpoint) {
        assert_eq!(call.status, 200, "{call:?}");
        let iam = attribute(&call).contains("iam.amazonaws.com");
        assert_eq!(call.region == "us-east-1", iam, "{call:?}");
        let token =
            serde_json::from_str::<Json>(call.resource.as_deref().unwrap()).unwrap()["NextToken"].clone();
        assert!(seen.insert((call.region.clone(), attribute(&call), token.to_string())), "{call:?} twice");
    }
    // Data events and broad reads: said, with what would serve them, and not judged.
    let report = ran.json();
    let out = report["coverage"]["not_in_scope"].as_array().unwrap().clone();
    let served = |text: &str| out.iter().any(|row| row["what"].as_str().unwrap().starts_with(text));
    assert!(served("Invocations and other data events (") && served("What was called ("), "{out:?}");
    assert!(out.iter().any(|row| row["command"] == "lambda-audit replay s3://BUCKET/AWSLogs"));
    let judged = report["coverage"]["policies"].to_string();
    assert!(!judged.contains("lambda-token-external") && !judged.contains("invoke-unusual-asn"));
}

/// A history of so many records of one name, the newest now and ten minutes between them.
fn many(records: usize) -> Content {
    let mut content = content("clean");
    let now = content.history.now.unwrap();
    let mut history = History::default();
    history.now = Some(now);
    for at in 0..records {
        let time = jiff::Timestamp::from_second(now - 600 * at as i64).unwrap().to_string();
        history.add(json!({
            "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{at:012}"),
            "eventTime": time, "eventSource": "lambda.amazonaws.com", "eventName": "UpdateFunctionCode20150331v2",
            "awsRegion": "eu-west-1", "recipientAccountId": DEMO, "eventCategory": "Management",
            "managementEvent": true, "readOnly": false, "eventType": "AwsApiCall",
            "sourceIPAddress": "192.0.2.7", "userAgent": "deploy",
            "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{DEMO}:user/ci"), "accountId": DEMO},
            "requestParameters": {"functionName": format!("f{}", at % 40)}, "responseElements": null,
        }));
    }
    history.sort();
    content.history = history;
    content
}

const UPDATES: [&str; 6] =
    ["replay", "--lookup-events", "--output", "json", "--policy", "function-code-updated"];

#[test]
fn every_record_is_read_once_whatever_pages_repeat() {
    for kind in [None, Some(FaultKind::Overlap), Some(FaultKind::Reversed)] {
        let endpoint = fake_aws::start(many(1234), None, 0);
        if let Some(kind) = kind {
            endpoint.fault(Fault::always("cloudtrail:LookupEvents", kind));
        }
        let ran = aws(&endpoint, DEMO, &UPDATES);
        let report = ran.json();
        assert_eq!(report["inputs"]["records"], 1234, "{kind:?}");
        let counted: u64 =
            report["findings"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, 1234, "{kind:?}");
        assert!(look_ups(&endpoint).len() <= 1234_usize.div_ceil(50) + 12, "{}", look_ups(&endpoint).len());
    }
}

/// The quota is two a second for each account and region, and 80 % of it is used: on a scale of twenty.
#[test]
fn look_ups_keep_to_their_share_of_the_quota() {
    let endpoint = fake_aws::start(many(50 * 96), Some(20.0), 0);
    let ran = aws(&endpoint, DEMO, &[&UPDATES[..], &["--quota-scale", "20"]].concat());
    assert_eq!(ran.json()["inputs"]["records"], 50 * 96);
    let seen = look_ups(&endpoint);
    assert!(seen.iter().all(|call| call.status == 200));
    let at = |call: &Seen| call.at.as_secs_f64();
    let taken = at(seen.last().unwrap()) - at(seen.first().unwrap());
    let floor = (seen.len() - 1) as f64 / (2.0 * 20.0 * 0.8);
    // A machine that is busy with something else may be slower; faster than the quota's share it may never be.
    assert!(taken > floor * 0.9, "{taken} s of {floor} s");
    eprintln!("{} pages in {taken:.2} s, at least {floor:.2} s", seen.len());
}

#[test]
fn an_unfinished_history_is_gone_on_with() {
    let whole = fake_aws::start(many(900), None, 0);
    let expected = findings(&aws(&whole, DEMO, &UPDATES));
    let pages = look_ups(&whole).len();
    for point in [1, 4, 9, 15] {
        let directory = scratch(&format!("history-{point}"));
        let kept = [&UPDATES[..], &["--history", path(&directory)]].concat();
        let endpoint = fake_aws::start(many(900), None, 0);
        endpoint.fault(Fault::after("cloudtrail:LookupEvents", FaultKind::ExpiredToken, point));
        let ran = aws(&endpoint, DEMO, &kept);
        assert!(ran.stderr.contains("have expired"), "{}", ran.stderr);
        assert_eq!(ran.json()["scope"]["complete"], false);
        // As a killed process leaves it: the last line is torn.
        for entry in std::fs::read_dir(&directory).unwrap().take(1) {
            use std::io::Write;
            let file = std::fs::OpenOptions::new().append(true).open(entry.unwrap().path()).unwrap();
            (&file).write_all(b"{\"Events\":[{\"Ev").unwrap();
        }
        endpoint.heal();
        endpoint.forget();
        let ran = aws(&endpoint, DEMO, &kept);
        assert_eq!(findings(&ran), expected, "{point}");
        assert_eq!(ran.json()["inputs"]["records"], 900);
        let again = look_ups(&endpoint).len();
        assert!(again + point as usize <= pages + 4, "{again} after {point} of {pages}");
        // Nothing is left to ask.
        endpoint.forget();
        let ran = aws(&endpoint, DEMO, &kept);
        assert_eq!(findings(&ran), expected, "{point}");
        assert!(look_ups(&endpoint).len() <= 2, "{:?}", look_ups(&endpoint));
    }
}

/// A token that has become too old: the look-up begins again, and no record is read twice.
#[test]
fn a_token_of_an_earlier_run_may_be_refused() {
    let directory = scratch("history-token");
    let kept = [&UPDATES[..], &["--history", path(&directory)]].concat();
    let endpoint = fake_aws::start(many(900), None, 0);
    endpoint.fault(Fault::after("cloudtrail:LookupEvents", FaultKind::ExpiredToken, 12));
    aws(&endpoint, DEMO, &kept);
    for entry in std::fs::read_dir(&directory).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\"next\":\"", "\"next\":\"old-")).unwrap();
    }
    endpoint.heal();
    let ran = aws(&endpoint, DEMO, &kept);
    assert_eq!(ran.json()["inputs"]["records"], 900, "{}", ran.stderr);
    assert_eq!(ran.json()["scope"]["complete"], true);
}

#[test]
fn what_is_not_looked_up_is_a_gap_and_never_a_pass() {
    let files = fake_aws::start(content("demo"), None, 0);
    let clean = look_up(&files, &[]).json();
    let passes = |report: &Json| -> BTreeMap<String, u64> {
        let policies = report["coverage"]["policies"].as_array().unwrap().iter();
        policies.map(|one| (one["policy"].to_string(), one["pass"].as_u64().unwrap())).collect()
    };
    let check = |kind: FaultKind, outcome: &str, after: u32| {
        let endpoint = fake_aws::start(content("demo"), None, 0);
        endpoint.fault(Fault::after("cloudtrail:LookupEvents", kind, after));
        let ran = look_up(&endpoint, &["--fail-on", "critical", "--exit-zero"]);
        // Nothing at all was read where the first call failed.
        assert!([2, 3].contains(&ran.code), "{kind:?} {after}: {}", ran.code);
        let report = ran.json();
        let rows = report["coverage"]["read"].as_array().unwrap().clone();
        let row =
            rows.iter().find(|row| row["surface"] == "cloudtrail:LookupEvents" && row["outcome"] == outcome);
        let row = row.unwrap_or_else(|| panic!("{kind:?} {rows:?}"));
        if kind == FaultKind::Denied {
            assert_eq!(row["missing_permission"], "cloudtrail:LookupEvents");
        }
        for (policy, count) in passes(&report) {
            assert!(count <= passes(&clean)[&policy], "{kind:?}: {policy}");
        }
        // Whether a change still stands is not known while records may be missing.
        let live =
            report["findings"].as_array().unwrap().iter().filter(|one| one["status"] == "live").count();
        assert_eq!(live, 0, "{kind:?} {after}");
    };
    let kinds = [
        (FaultKind::Denied, "denied"),
        (FaultKind::ServerError, "failed"),
        (FaultKind::Truncated, "malformed"),
    ];
    // They wait for the quota most of the time.
    std::thread::scope(|scope| {
        for (kind, outcome) in kinds {
            for after in [0, 3] {
                let check = &check;
                scope.spawn(move || check(kind, outcome, after));
            }
        }
    });
}

/// A finding of the state is told who made it, from the history that the same command looked up.
#[test]
fn a_scan_looks_up_the_causes_of_what_it_finds() {
    let endpoint = fake_aws::start(content("demo"), None, 0);
    let arguments = ["scan", "--all-regions", "--output", "json", "--policy-profile", "strict"];
    let ran = aws(&endpoint, DEMO, &arguments);
    let report = ran.json();
    let caused = |one: &&Json| !one["cause"]["records"][0]["event_id"].is_null();
    let caused = report["findings"].as_array().unwrap().iter().filter(caused).count();
    assert!(caused > 3, "{caused}: {}", report["findings"]);
    // It is judged by what its role's trust policy says, where the record does not say whose the session is.
    assert!(endpoint.seen().iter().any(|call| call.api == "cloudtrail:LookupEvents"));
    endpoint.forget();
    let ran = aws(&endpoint, DEMO, &[&arguments[..], &["--no-history"]].concat());
    assert!(ran.code != 2 && look_ups(&endpoint).is_empty());
}

/// A record that does not say whether its session is a function's: the role's trust policy is read, and answers it.
#[test]
fn the_trust_policy_of_a_records_role_decides_whose_its_session_is() {
    let role = format!("arn:aws:iam::{DEMO}:role/Indexer");
    let snapshot = |service: &str| {
        let functions = json!({"Functions": [{"FunctionName": "indexer", "Role": role,
            "FunctionArn": format!("arn:aws:lambda:us-east-1:{DEMO}:function:indexer")}]});
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": service}}]});
        let part = |region: Json, api: &str, resource: Json, data: Json| {
            json!({"type": "part", "account": DEMO, "region": region, "api": api, "resource": resource,
                "outcome": {"status": "ok"}, "data": data})
            .to_string()
        };
        [
            json!({"type": "header", "version": 1, "scope": [{"account": DEMO, "region": "us-east-1"}]})
                .to_string(),
            part(json!("us-east-1"), "lambda:ListFunctions", Json::Null, functions),
            part(
                Json::Null,
                "iam:GetRole",
                json!(role),
                json!({"Role": {"RoleName": "Indexer", "Arn": role, "AssumeRolePolicyDocument": trust}}),
            ),
        ]
        .join("\n")
    };
    let judged = |service: &str, fault: Option<FaultKind>| {
        let mut content = Content::of(&snapshot(service));
        let now: jiff::Timestamp = support::NOW.parse().unwrap();
        content.history.now = Some(now.as_second());
        for at in 0..3 {
            let time = jiff::Timestamp::from_second(now.as_second() - 3_600 * (at + 1)).unwrap().to_string();
            content.history.add(json!({
                "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{at:012}"), "eventTime": time,
                "eventSource": "iam.amazonaws.com", "eventName": "CreateAccessKey", "awsRegion": "us-east-1",
                "recipientAccountId": DEMO, "eventCategory": "Management", "managementEvent": true, "readOnly": false,
                "eventType": "AwsApiCall", "sourceIPAddress": "192.0.2.7", "userAgent": "Boto3",
                "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:indexer", "accountId": DEMO,
                    "arn": format!("arn:aws:sts::{DEMO}:assumed-role/Indexer/indexer"), "accessKeyId": "ASIAEXAMPLE",
                    "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "arn": role,
                        "accountId": DEMO, "userName": "Indexer"}}},
                "requestParameters": {"userName": "ops"}, "responseElements": null,
            }));
        }
        content.history.sort();
        let endpoint = fake_aws::start(content, None, 0);
        if let Some(fault) = fault {
            endpoint.fault(Fault::always("iam:GetRole", fault));
        }
        let arguments =
            ["scan", "--output", "json", "--policy", "lambda-role-iam-write", "--region", "us-east-1"];
        let ran = aws(&endpoint, DEMO, &arguments);
        let asked =
            endpoint.seen().iter().filter(|call| call.api == "iam:GetRole" && call.status == 200).count();
        let row = ran.json()["coverage"]["policies"][0].clone();
        let counts = ["fail", "pass", "unknown"].map(|name| row[name].as_u64().unwrap());
        (counts, asked, ran.code)
    };
    assert_eq!(judged("lambda.amazonaws.com", None), ([3, 0, 0], 1, 1));
    let (counts, asked, code) = judged("ec2.amazonaws.com", None);
    assert_eq!((counts[0], counts[2], asked, code), (0, 0, 1, 0), "{counts:?}");
    assert_eq!(judged("lambda.amazonaws.com", Some(FaultKind::Denied)), ([0, 0, 3], 0, 3));
}

/// A store covers look-ups: the next run asks only for what is newer, and knows what was reported.
#[test]
fn with_a_store_only_what_is_newer_is_looked_up() {
    let content = |records: usize, later: i64| {
        let mut content = many(records);
        content.history.now = content.history.now.map(|now| now + later);
        content
    };
    let store = scratch("history-store").join("audit.store");
    let run = |endpoint: &Endpoint, command: &[&str], now: &str| {
        let arguments =
            [command, &["--output", "json", "--policy", "function-code-updated", "--store", path(&store)]];
        let mut run = command_of(endpoint);
        run.args(arguments.concat()).args(["--quota-scale", "1000", "--now", now]);
        support::finish(run)
    };
    let clean = fake_aws::start(content(900, 0), None, 0);
    let expected = findings(&aws(&clean, DEMO, &UPDATES));
    for command in [&["replay", "--lookup-events"][..], &["scan"]] {
        let endpoint = fake_aws::start(content(900, 0), None, 0);
        let ran = run(&endpoint, command, support::NOW);
        assert_eq!(findings(&ran), expected, "{ran:?}");
        endpoint.forget();
        let ran = run(&endpoint, command, "2026-11-20T09:30:00Z");
        assert_eq!((findings(&ran), ran.json()["inputs"]["records"].clone()), (expected.clone(), json!(900)));
        // Of the service the newest page, of each name what is newer and the hour before: 900 records are 18 pages.
        let made = look_ups(&endpoint);
        assert!(made.len() <= 7, "{made:?}");
        let since = |call: &Seen| {
            let body: Json = serde_json::from_str(call.resource.as_deref().unwrap()).unwrap();
            body["StartTime"].as_i64().unwrap()
        };
        let now: jiff::Timestamp = support::NOW.parse().unwrap();
        let by_name = made.iter().filter(|call| attribute(call).starts_with("EventName="));
        assert!(by_name.map(since).all(|since| since == now.as_second() - 3_600), "{made:?}");
        let seen: BTreeSet<String> =
            ran.json()["findings"].as_array().unwrap().iter().map(|one| one["seen"].to_string()).collect();
        assert_eq!(seen, BTreeSet::from(["\"known\"".to_owned()]));
    }
    let ran = support::run([
        "scan",
        "--snapshot",
        "fixtures/accounts/clean/snapshot.jsonl",
        "--store",
        path(&store),
    ]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("name some"), "{}", ran.stderr);
}

/// Killed again and again at any moment, and started anew: nothing lost, nothing counted twice.
#[test]
fn killed_at_any_moment_a_store_loses_no_record() {
    let whole = fake_aws::start(many(900), None, 0);
    let expected = findings(&aws(&whole, DEMO, &UPDATES));
    let total = look_ups(&whole).len();
    let store = scratch("history-killed").join("audit.store");
    let endpoint = fake_aws::start(many(900), None, 0);
    let kept =
        [&UPDATES[..], &["--store", path(&store), "--quota-scale", "100", "--now", support::NOW]].concat();
    for round in 0..12 {
        endpoint.forget();
        let mut run = command_of(&endpoint);
        run.args(&kept).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut child = run.spawn().unwrap();
        while look_ups(&endpoint).len() < round % 5 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    endpoint.forget();
    let ran = aws(&endpoint, DEMO, &kept[..kept.len() - 2]);
    assert_eq!(findings(&ran), expected);
    assert_eq!(ran.json()["inputs"]["records"], 900);
    assert!(look_ups(&endpoint).len() < total, "what was read is not asked for again");
}

/// Two runs at once would write into each other's files.
#[test]
fn a_history_is_one_runs_at_a_time() {
    let endpoint = fake_aws::start(many(9), None, 0);
    let directory = scratch("history-locked");
    let lock = std::fs::File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let ran = aws(&endpoint, DEMO, &[&UPDATES[..], &["--history", path(&directory)]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("another run"), "{}", ran.stderr);
    assert!(endpoint.seen().is_empty());
    drop(lock);
    assert_eq!(aws(&endpoint, DEMO, &[&UPDATES[..], &["--history", path(&directory)]].concat()).code, 0);
}

/// What `--plan` says of look-ups is what is made: a page of each service at least, and no more than one of each name,
/// where no name has more.
#[test]
fn the_plan_of_look_ups_is_what_is_called() {
    for command in [&["replay", "--lookup-events"][..], &["scan"]] {
        for page in [50, 1] {
            let endpoint = fake_aws::start(with_pages(page), None, 0);
            let arguments = [command, &["--output", "json", "--region", "eu-west-1"]].concat();
            let plan = aws(&endpoint, DEMO, &[&arguments[..], &["--plan"]].concat());
            assert_eq!(plan.code, 0, "{plan:?}");
            assert!(look_ups(&endpoint).is_empty());
            aws(&endpoint, DEMO, &arguments);
            let made = look_ups(&endpoint);
            let places = plan.json()["places"].as_array().unwrap().clone();
            let planned: BTreeSet<&str> =
                places.iter().map(|place| place["region"].as_str().unwrap()).collect();
            let asked: BTreeSet<&str> = made.iter().map(|call| call.region.as_str()).collect();
            assert_eq!(planned, asked);
            for place in places {
                let least = place["calls"]["cloudtrail:LookupEvents"].as_u64().unwrap();
                let by_name = place["look_ups"]["calls_by_name"].as_u64().unwrap();
                let here = made.iter().filter(|call| place["region"] == call.region.as_str());
                let attributes: BTreeSet<String> = here.clone().map(attribute).collect();
                let count = attributes.len() as u64;
                assert!(least <= count && count <= by_name, "{least} {count} {by_name}: {place}");
                if page == 50 && place["region"] == "us-east-1" {
                    assert_eq!(here.count() as u64, least, "{place}");
                }
                let seconds = place["look_ups"]["seconds_by_name"].as_f64().unwrap();
                assert!((seconds - by_name as f64 / 1.6).abs() < 1e-6, "{place}");
            }
        }
    }
    let endpoint = fake_aws::start(content("clean"), None, 0);
    let text = aws(&endpoint, DEMO, &["scan", "--plan"]).stdout;
    assert!(text.contains("by name") && text.contains("Look-ups are a page"), "{text}");
}

#[test]
fn what_no_history_has_is_refused_before_anything_is_asked() {
    let endpoint = fake_aws::start(content("clean"), None, 0);
    let ran = aws(&endpoint, DEMO, &["replay", "--lookup-events", "--since", "120d"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("90 days") && ran.stderr.contains("s3://"), "{}", ran.stderr);
    let ran = aws(
        &endpoint,
        DEMO,
        &["replay", "--lookup-events", "--policy", "invoke-*", "--skip-policy", "invoke-logging-*"],
    );
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("no data events"), "{}", ran.stderr);
    let ran = support::run(["replay", "fixtures/accounts/clean/trail", "--all-regions"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--lookup-events"), "{}", ran.stderr);
    assert!(endpoint.seen().is_empty());
    assert!(root().exists());
}
