//! Live accounts against the fake endpoint: the same answers as from the snapshot it was made of, whatever goes wrong
//! on the way; and never a pass made from what was not read.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fake_aws::{Content, Fault, FaultKind};
use lambda_audit::collect::needs::Needs;
use lambda_audit::policy::{PolicySet, Selection};
use live_support::{DEMO, OF_DEMO, aws, collected, fake, parts, path, story};
use serde_json::Value as Json;
use support::{root, scratch};

/// What was found and what could not be judged, without places in files.
fn judged(snapshot: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let ran = support::run(
        ["scan", "--policy-profile", "strict", "--output", "json", "--now", support::NOW, "--snapshot"]
            .into_iter()
            .chain([path(snapshot)]),
    );
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings
        .map(|one| {
            format!("{} {} {} {}", one["policy"], one["subject"]["name"], one["severity"], one["fingerprint"])
        })
        .collect();
    let policies = report["coverage"]["policies"].as_array().unwrap().iter();
    let counts = policies
        .map(|one| format!("{}: {} {} {}", one["policy"], one["fail"], one["pass"], one["unknown"]))
        .collect();
    (findings, counts)
}

#[test]
fn a_collected_account_is_judged_like_the_snapshot_it_was_made_of() {
    for (name, account, more) in [
        ("clean", "111122223333", &[][..]),
        ("organization", "123456789012", &["--org-role", "AuditReader"]),
        ("demo", DEMO, &OF_DEMO),
    ] {
        let endpoint = fake(name);
        let (ran, file) = collected(&endpoint, account, &format!("live-{name}"), more);
        assert!(file.exists(), "{name}: {ran:?}");
        let original = root().join(format!("fixtures/accounts/{name}/snapshot.jsonl"));
        let (found, counts) = judged(&file);
        let (expected, expected_counts) = judged(&original);
        assert_eq!(found, expected, "{name}: {ran:?}");
        assert_eq!(counts, expected_counts, "{name}");
    }
}

#[test]
fn no_call_is_made_twice() {
    let endpoint = fake("demo");
    let (ran, _) = collected(&endpoint, DEMO, "live-once", &OF_DEMO);
    let mut seen = BTreeSet::new();
    for call in endpoint.seen() {
        let beginning =
            ["sts:", "account:", "organizations:ListAccounts"].iter().any(|name| call.api.starts_with(name));
        let paged = call.api == "organizations:ListAccounts" || call.api.starts_with("lambda:List");
        if !beginning && !paged {
            let key = (call.api.clone(), call.account.clone(), call.region.clone(), call.resource.clone());
            assert!(seen.insert(key), "{call:?} twice; {ran:?}");
        }
    }
    assert!(seen.len() > 50, "{}", seen.len());
}

#[test]
fn pages_are_read_to_their_end_however_they_are_cut() {
    let mut content = Content::of(&story("demo"));
    content.page = Some(2);
    let small = fake_aws::start(content, None, 0);
    let (_, file) = collected(&small, DEMO, "live-pages", &OF_DEMO);
    let original = root().join("fixtures/accounts/demo/snapshot.jsonl");
    assert_eq!(judged(&file), judged(&original));
    for (kind, name) in [(FaultKind::Overlap, "live-overlap"), (FaultKind::Reversed, "live-reversed")] {
        small.heal();
        small.fault(Fault::always("lambda:ListFunctions", kind));
        let (_, file) = collected(&small, DEMO, name, &OF_DEMO);
        assert_eq!(judged(&file).0, judged(&original).0, "{kind:?}");
    }
}

/// A region may not have the newer call yet: that is no gap where the older one answers, and it is not asked again.
#[test]
fn a_region_without_whole_policies_is_asked_for_the_others() {
    let endpoint = fake("clean");
    endpoint.fault(Fault::always("lambda:GetResourcePolicy", FaultKind::UnknownOperation));
    let (ran, file) = collected(&endpoint, "111122223333", "live-older", &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(judged(&file).0, judged(&root().join("fixtures/accounts/clean/snapshot.jsonl")).0);
    // Listing functions with the same answer is a failure: it would be taken for "there are none".
    endpoint.fault(Fault::always("lambda:ListFunctions", FaultKind::UnknownOperation));
    let (ran, _) = collected(&endpoint, "111122223333", "live-no-lambda", &[]);
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn what_is_about_live_accounts_is_refused_beside_a_snapshot() {
    let file = "fixtures/accounts/clean/snapshot.jsonl";
    for command in ["scan", "logging"] {
        let ran = support::run([command, "--snapshot", file, "--all-regions"]);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains("--all-regions is about live accounts"), "{}", ran.stderr);
    }
}

/// Pacing, on a scale of twenty: the time that the share of the quotas allows, and no throttle on the way.
#[test]
fn calls_keep_to_their_share_of_the_quotas() {
    let mut snapshot = String::from(
        r#"{"type":"header","version":1,"scope":[{"account":"111122223333","region":"eu-west-1"}]}"#,
    );
    let functions: Vec<Json> = (0..400)
        .map(|at| {
            let arn = format!("arn:aws:lambda:eu-west-1:111122223333:function:f{at}");
            serde_json::json!({"FunctionName": format!("f{at}"), "FunctionArn": arn})
        })
        .collect();
    let part = serde_json::json!({
        "type": "part", "account": "111122223333", "region": "eu-west-1", "api": "lambda:ListFunctions",
        "resource": null, "outcome": {"status": "ok"}, "data": {"Functions": functions},
    });
    snapshot.push('\n');
    snapshot.push_str(&part.to_string());
    let endpoint = fake_aws::start(Content::of(&snapshot), Some(20.0), 0);
    let file = scratch("live-pace").join("snapshot.jsonl");
    let arguments = ["snapshot", "-o", path(&file), "--quota-scale", "20"];
    let ran = aws(&endpoint, "111122223333", &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen: Vec<_> = endpoint.seen().into_iter().filter(|call| call.api.starts_with("lambda:")).collect();
    let throttled = seen.iter().filter(|call| call.status == 429).count();
    assert_eq!(throttled, 0);
    let shared: Vec<_> = seen.iter().filter(|call| call.api != "lambda:GetPolicy").collect();
    // Pages, lists of layers and mappings, and seven calls for each function.
    assert_eq!(shared.len(), 8 + 2 + 7 * 400);
    let taken = (shared.iter().map(|call| call.at).max().unwrap()
        - shared.iter().map(|call| call.at).min().unwrap())
    .as_secs_f64();
    let floor = shared.len() as f64 / (15.0 * 20.0 * 0.8);
    // A machine that is busy with something else may be slower; faster than the quota's share it may never be.
    assert!(taken > floor * 0.9, "{taken} s of {floor} s");
    eprintln!("{} calls in {taken:.2} s, at least {floor:.2} s", shared.len());
}

#[test]
fn what_passes_is_tried_again() {
    for (at, kind) in [FaultKind::ServerError, FaultKind::Reset, FaultKind::Truncated, FaultKind::Throttled]
        .into_iter()
        .enumerate()
    {
        let endpoint = fake("clean");
        endpoint.fault(Fault::times("lambda:GetPolicy", kind, 2));
        endpoint.fault(Fault::times("cloudtrail:DescribeTrails", kind, 2));
        let (ran, file) = collected(&endpoint, "111122223333", &format!("live-again-{at}"), &[]);
        assert_eq!(ran.code, 0, "{kind:?}: {ran:?}");
        let original = root().join("fixtures/accounts/clean/snapshot.jsonl");
        assert_eq!(judged(&file), judged(&original), "{kind:?}");
    }
}

/// Each fault that stays, on each API, and each policy: it stands in the ledger with its outcome, nothing passes that
/// did not pass before, a policy that does not need the call is judged as before, and the exit code says that something
/// is missing.
#[test]
fn a_fault_that_stays_is_in_the_ledger_and_never_a_pass() {
    let original = root().join("fixtures/accounts/clean/snapshot.jsonl");
    let counted = |report: &Json| -> BTreeMap<String, [u64; 4]> {
        let policies = report["coverage"]["policies"].as_array().unwrap().iter();
        let counts = |one: &Json| {
            ["fail", "pass", "not_applicable", "unknown"].map(|name| one[name].as_u64().unwrap())
        };
        policies.map(|one| (one["policy"].as_str().unwrap().to_owned(), counts(one))).collect()
    };
    let scan = |file: &Path| {
        support::run(["scan", "--output", "json", "--now", support::NOW, "--snapshot", path(file)])
    };
    let clean = counted(&scan(&original).json());
    let (set, _) = PolicySet::load_with_bundled(&[], &Default::default());
    let (policies, _) = set.select(&Selection::default());
    let needs: BTreeMap<&str, Needs> =
        policies.iter().map(|policy| (policy.id.as_str(), Needs::of(&[policy]))).collect();
    let apis = [
        "lambda:ListFunctions",
        "lambda:ListAliases",
        "lambda:GetPolicy",
        "lambda:GetResourcePolicy",
        "lambda:ListFunctionUrlConfigs",
        "lambda:ListFunctionEventInvokeConfigs",
        "lambda:ListLayers",
        "lambda:ListEventSourceMappings",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:ListEventDataStores",
        "guardduty:ListDetectors",
        "guardduty:GetDetector",
        "securityhub:GetEnabledStandards",
        "securityhub:DescribeStandardsControls",
        "access-analyzer:ListAnalyzers",
        "events:ListRules",
        "events:ListTargetsByRule",
        "logs:DescribeMetricFilters",
    ];
    let check = |api: &str, kind: FaultKind, outcome: &str| {
        let endpoint = fake("clean");
        endpoint.fault(Fault::always(api, kind));
        let name = format!("live-fault-{outcome}-{}", api.replace(':', "-"));
        let (ran, file) = collected(&endpoint, "111122223333", &name, &["--output", "json"]);
        assert_eq!(ran.code, 3, "{api} {kind:?}: {ran:?}");
        let calls = ran.json()["calls"].as_array().unwrap().clone();
        // Half of a refusal ("there is no policy") does not say what it was.
        let alike = |row: &Json| row == outcome || kind == FaultKind::Truncated && row == "failed";
        let row = calls.iter().find(|row| row["api"] == api && alike(&row["outcome"]));
        let row = row.unwrap_or_else(|| panic!("{api} {kind:?} {calls:?}"));
        if kind == FaultKind::Denied {
            assert_eq!(row["missing_permission"], api);
        }
        let scan = scan(&file);
        assert!([1, 3].contains(&scan.code), "{api} {kind:?}: {}", scan.code);
        let mut needing = 0;
        for (policy, counts) in counted(&scan.json()) {
            let before = clean[&policy];
            assert!(counts[1] <= before[1], "{api} {kind:?}: {policy} passes {counts:?} times, {before:?}");
            if needs[policy.as_str()].wants(api) {
                needing += 1;
            } else {
                // What it does not apply to may have come from the call.
                let decided = |counts: [u64; 4]| [counts[0], counts[1], counts[3]];
                let same = decided(counts) == decided(before);
                assert!(same, "{api} {kind:?}: {policy} does not need it: {counts:?}, {before:?}");
            }
        }
        assert!(needing > 0, "no policy needs {api}: why is it asked?");
        let rows = scan.json()["coverage"]["read"].as_array().unwrap().clone();
        assert!(
            rows.iter().any(|row| row["surface"] == api && alike(&row["outcome"])),
            "{api} {kind:?}: {rows:?}"
        );
    };
    std::thread::scope(|scope| {
        for api in apis {
            // Most of the time is spent waiting for the next attempt.
            let check = &check;
            scope.spawn(move || {
                check(api, FaultKind::Denied, "denied");
                check(api, FaultKind::ServerError, "failed");
                check(api, FaultKind::Truncated, "malformed");
            });
        }
    });
}

#[test]
fn expired_credentials_leave_a_partial_file_and_resuming_ends_it() {
    let whole = fake("demo");
    let (_, complete) = collected(&whole, DEMO, "live-whole", &OF_DEMO);
    let expected = parts(&std::fs::read_to_string(&complete).unwrap());
    let total = whole.seen().len() as u32;
    for point in 0..10 {
        let endpoint = fake("demo");
        endpoint.fault(Fault::after("*", FaultKind::ExpiredToken, 20 + point * (total - 30) / 10));
        let name = format!("live-resume-{point}");
        let (ran, file) = collected(&endpoint, DEMO, &name, &OF_DEMO);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("have expired"), "{}", ran.stderr);
        let partial = file.with_extension("jsonl.partial");
        assert!(partial.exists() && !file.exists());
        let scan = support::run(["scan", "--snapshot", path(&partial), "--now", support::NOW]);
        assert!([1, 3].contains(&scan.code), "{scan:?}");
        let read = parts(&std::fs::read_to_string(&partial).unwrap()).len();

        // As a killed process leaves it: the last line is torn.
        let mut text = std::fs::read(&partial).unwrap();
        text.truncate(text.len() - 7);
        std::fs::write(&partial, text).unwrap();
        endpoint.heal();
        endpoint.forget();
        let named = if point % 2 == 0 { &partial } else { &file };
        let arguments = [&["snapshot", "--resume", path(named), "--all-regions"][..], &OF_DEMO].concat();
        let ran = aws(&endpoint, DEMO, &arguments);
        assert!(file.exists() && !partial.exists(), "{ran:?}");
        assert_eq!(parts(&std::fs::read_to_string(&file).unwrap()), expected);
        let again = endpoint.seen().iter().filter(|call| call.api.starts_with("lambda:")).count();
        assert!(again + read <= total as usize, "{again} calls after {read} parts");
    }
}

#[test]
fn a_file_of_an_unfinished_collection_is_not_overwritten() {
    let endpoint = fake("clean");
    let file = scratch("live-overwrite").join("snapshot.jsonl");
    std::fs::write(file.with_extension("jsonl.partial"), "precious").unwrap();
    let ran = aws(&endpoint, "111122223333", &["snapshot", "-o", path(&file)]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--resume"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(file.with_extension("jsonl.partial")).unwrap(), "precious");
}

/// No credential, value of an environment variable or place of code reaches a file, a log or a report.
#[test]
fn secrets_go_nowhere() {
    for kind in [None, Some(FaultKind::Denied), Some(FaultKind::ServerError), Some(FaultKind::Truncated)] {
        let endpoint = fake("demo");
        if let Some(kind) = kind {
            endpoint.fault(Fault::after("*", kind, 30));
        }
        let name = format!("live-secrets-{kind:?}");
        let more = [&OF_DEMO[..], &["--everything"]].concat();
        let (ran, file) = collected(&endpoint, DEMO, &name, &more);
        let live = aws(&endpoint, DEMO, &["scan", "--output", "json"]);
        let mut texts = vec![ran.stdout, ran.stderr, live.stdout, live.stderr];
        for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
            texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        assert!(texts.iter().map(String::len).sum::<usize>() > 1000);
        // The value of this one was seen for what it is, and its name is told.
        let told = |text: &String| text.contains("GITHUB_DEPLOY_TOKEN") && text.contains("github-pat");
        assert!(kind.is_some() || texts.iter().any(told), "{texts:?}");
        for text in texts {
            assert!(!text.contains("canary"), "{kind:?}: {text}");
        }
    }
}

#[test]
fn scan_and_logging_ask_the_account_themselves() {
    let endpoint = fake("clean");
    let scan = aws(&endpoint, "111122223333", &["scan", "--output", "json"]);
    assert_eq!(scan.code, 0, "{scan:?}");
    assert_eq!(scan.json()["inputs"]["snapshot"]["complete"], true);
    endpoint.forget();
    let logging = aws(&endpoint, "111122223333", &["logging", "--output", "json"]);
    let original = support::run([
        "logging",
        "--output",
        "json",
        "--now",
        support::NOW,
        "--snapshot",
        "fixtures/accounts/clean/snapshot.jsonl",
    ]);
    assert_eq!(logging.json()["functions"], original.json()["functions"]);
    let apis: BTreeSet<String> = endpoint.seen().into_iter().map(|call| call.api).collect();
    assert!(!apis.contains("lambda:GetPolicy") && !apis.contains("iam:GetRole"), "{apis:?}");
}

#[test]
fn only_what_a_chosen_policy_reads_is_asked() {
    let endpoint = fake("clean");
    aws(&endpoint, "111122223333", &["scan", "--policy", "event-source-external"]);
    let apis: BTreeSet<String> = endpoint.seen().into_iter().map(|call| call.api).collect();
    let lambda: Vec<&String> = apis.iter().filter(|api| api.starts_with("lambda:")).collect();
    assert_eq!(lambda, ["lambda:ListEventSourceMappings"]);
    // Who changed it is looked up too.
    let trail: Vec<&String> = apis.iter().filter(|api| api.starts_with("cloudtrail:")).collect();
    assert_eq!(trail, ["cloudtrail:LookupEvents"]);
}

#[test]
fn tags_are_asked_for_only_where_a_role_is_shared() {
    let endpoint = fake("demo");
    let asked =
        ["scan", "--all-regions", "--policy", "execution-role-shared", "--output", "json", "--exit-zero"];
    let ran = aws(&endpoint, "111122223333", &asked);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut by_role: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in story("demo").lines().map(|line| serde_json::from_str::<Json>(line).unwrap()) {
        if line["api"] == "lambda:ListFunctions" && line["account"] == "111122223333" {
            for function in line["data"]["Functions"].as_array().unwrap() {
                let text = |name: &str| function[name].as_str().unwrap().to_owned();
                by_role.entry(text("Role")).or_default().insert(text("FunctionArn"));
            }
        }
    }
    let all: usize = by_role.values().map(BTreeSet::len).sum();
    let shared: BTreeSet<String> =
        by_role.into_values().filter(|functions| functions.len() > 1).flatten().collect();
    let tags = endpoint.seen().into_iter().filter(|call| call.api == "lambda:ListTags");
    let tags: Vec<String> = tags.filter_map(|call| call.resource).collect();
    assert_eq!(tags.len(), shared.len(), "each once");
    assert_eq!(tags.into_iter().collect::<BTreeSet<_>>(), shared);
    assert!(shared.len() < all);
    // The same as of the snapshot, which has the tags of all.
    let names: BTreeSet<String> = ran.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["subject"]["name"].to_string())
        .collect();
    assert_eq!(names, BTreeSet::from(["\"CatalogueRole\"".to_owned(), "\"OrdersServiceRole\"".to_owned()]));
}

#[test]
fn an_account_that_cannot_be_entered_is_a_gap() {
    let endpoint = fake("organization");
    endpoint.fault(Fault::always("sts:AssumeRole", FaultKind::Denied));
    let more = ["--org-role", "AuditReader", "--output", "json"];
    let (ran, file) = collected(&endpoint, "123456789012", "live-entered", &more);
    assert_eq!(ran.code, 3, "{ran:?}");
    let scan = support::run(["scan", "--output", "json", "--now", support::NOW, "--snapshot", path(&file)]);
    let rows = scan.json()["coverage"]["read"].as_array().unwrap().clone();
    let denied: BTreeSet<String> = rows
        .iter()
        .filter(|row| row["surface"] == "sts:AssumeRole" && row["missing_permission"] == "sts:AssumeRole")
        .map(|row| row["account"].to_string())
        .collect();
    assert_eq!(denied.len(), 2, "{rows:?}");
    assert!([1, 3].contains(&scan.code));
}

#[test]
fn without_credentials_nothing_is_judged_and_the_next_step_is_named() {
    let endpoint = fake("clean");
    endpoint.fault(Fault::always("sts:GetCallerIdentity", FaultKind::ExpiredToken));
    let ran = aws(&endpoint, "111122223333", &["scan"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("expired") && ran.stderr.contains("--profile"), "{}", ran.stderr);
}

#[test]
fn a_dead_network_stops_the_collection_and_leaves_what_was_read() {
    let endpoint = fake("demo");
    endpoint.fault(Fault::after("*", FaultKind::Reset, 40));
    let (ran, file) = collected(&endpoint, DEMO, "live-dead", &OF_DEMO);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("the network does not answer"), "{}", ran.stderr);
    assert!(file.with_extension("jsonl.partial").exists());
}

#[test]
fn the_plan_is_what_is_called() {
    let endpoint = fake("clean");
    let plan = aws(&endpoint, "111122223333", &["snapshot", "--plan", "--all-regions", "--output", "json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    endpoint.forget();
    collected(&endpoint, "111122223333", "live-plan", &[]);
    let seen = endpoint.seen();
    for place in plan.json()["places"].as_array().unwrap() {
        for (api, count) in place["calls"].as_object().unwrap() {
            let made = seen
                .iter()
                .filter(|call| call.api == *api && place["region"].as_str() == Some(call.region.as_str()))
                .count() as u64;
            // Aliases have policies too; whole policies spare the other call.
            let policies = api.ends_with("Policy");
            let expected = count.as_u64().unwrap();
            assert!(made == expected || policies && made > 0, "{api}: {made}, planned {expected}");
        }
    }
}
