//! Trail files in S3, against the fake endpoint: the findings that the same files give here, and no more of the bucket
//! listed and fetched than the question takes.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use std::collections::BTreeSet;

use fake_aws::{Bucket, Endpoint, Fault, FaultKind, Seen};
use live_support::{DEMO, aws, content};
use serde_json::Value as Json;
use support::{Ran, root};

const HERE: &str = "fixtures/accounts/demo/trail";
const THERE: &str = "s3://example-trail/AWSLogs";

/// The trail of the demo in a bucket of another region than the caller's, in small pages.
fn endpoint(change: impl FnOnce(&mut Bucket)) -> Endpoint {
    let mut content = content("demo");
    let mut bucket = Bucket::of(&root().join(HERE), "eu-central-1", 7);
    change(&mut bucket);
    content.buckets.insert("example-trail".to_owned(), bucket);
    fake_aws::start(content, None, 0)
}

fn there(endpoint: &Endpoint, more: &[&str]) -> Ran {
    aws(endpoint, DEMO, &[&["replay", THERE, "--output", "json"], more].concat())
}

fn here(more: &[&str]) -> Ran {
    support::run([&["replay", HERE, "--output", "json", "--now", support::NOW], more].concat())
}

/// Everything but places: findings, what was judged, what was read.
fn judged(ran: &Ran) -> (BTreeSet<String>, String, String) {
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings
        .map(|one| {
            let fields = ["policy", "severity", "status", "fingerprint", "event_ids", "count", "message"];
            fields.map(|name| one[name].to_string()).join(" ")
        })
        .collect();
    let policies = report["coverage"]["policies"].as_array().unwrap().iter();
    let counts: Vec<String> = policies
        .map(|one| {
            ["policy", "fail", "pass", "not_applicable", "unknown"]
                .map(|name| one[name].to_string())
                .join(" ")
        })
        .collect();
    (findings, counts.join("\n"), report["inputs"]["records"].to_string())
}

fn calls(endpoint: &Endpoint, api: &str) -> Vec<Seen> {
    endpoint.seen().into_iter().filter(|call| call.api == api && call.status == 200).collect()
}

#[test]
fn files_in_a_bucket_are_judged_like_the_same_files_here() {
    let endpoint = endpoint(|_| {});
    for profile in ["default", "strict"] {
        let more = ["--policy-profile", profile];
        let ran = there(&endpoint, &more);
        assert_eq!(judged(&ran), judged(&here(&more)), "{}", ran.stderr);
        assert_eq!(ran.code, here(&more).code);
    }
}

/// The same bounds leave out the same records; of what they leave out, nothing is listed or fetched.
#[test]
fn a_bounded_question_lists_and_fetches_no_more_than_it_takes() {
    for more in [
        &["--since", "2026-11-18", "--policy", "function-*", "layer-*"][..],
        &["--since", "2026-11-10", "--until", "2026-11-12", "--policy", "function-*"],
        &["--account", DEMO, "--policy", "function-*"],
        &["--region", "us-east-1", "--policy", "function-*"],
        &[
            "--account",
            DEMO,
            "--region",
            "eu-west-1",
            "--since",
            "2026-11-19",
            "--policy",
            "function-deleted",
        ],
        &["--since", "2d"],
    ] {
        let endpoint = endpoint(|_| {});
        let ran = there(&endpoint, more);
        assert_eq!(judged(&ran), judged(&here(more)), "{more:?} {}", ran.stderr);
        let fetched = calls(&endpoint, "s3:GetObject");
        let names: BTreeSet<_> = fetched.iter().filter_map(|call| call.resource.clone()).collect();
        let read = here(more).json()["coverage"]["read"].clone();
        let of = |outcome: &str| -> u64 {
            let rows = read.as_array().unwrap().iter();
            rows.filter(|row| row["outcome"] == outcome).map(|row| row["count"].as_u64().unwrap()).sum()
        };
        assert_eq!(names.len() as u64, of("ok"), "{more:?}");
        // Seven keys a page: all of the bucket takes more than twenty.
        let bounded = more.contains(&"--since") && more.contains(&"--region");
        let listed = calls(&endpoint, "s3:ListBucket");
        assert!(!bounded || (listed.len() < 20 && of("left_out") > 0), "{more:?} {}", listed.len());
    }
}

#[test]
fn what_passes_is_tried_again() {
    for kind in [FaultKind::ServerError, FaultKind::Reset, FaultKind::Throttled] {
        let endpoint = endpoint(|_| {});
        endpoint.fault(Fault::times("s3:GetObject", kind, 3));
        endpoint.fault(Fault::times("s3:ListBucket", kind, 2));
        let ran = there(&endpoint, &[]);
        assert_eq!(judged(&ran), judged(&here(&[])), "{kind:?} {}", ran.stderr);
    }
}

fn rows(ran: &Ran, outcome: &str) -> Vec<Json> {
    let rows = ran.json()["coverage"]["read"].as_array().unwrap().clone();
    rows.into_iter().filter(|row| row["outcome"] == outcome).collect()
}

#[test]
fn an_object_that_is_denied_or_gone_is_a_gap() {
    let mut gone = String::new();
    let endpoint = endpoint(|bucket| {
        gone = bucket.objects.keys().nth(5).unwrap().clone();
        bucket.gone.insert(gone.clone());
    });
    let ran = there(&endpoint, &["--exit-zero"]);
    assert_eq!(ran.code, 3);
    let failed = rows(&ran, "failed");
    assert!(failed.iter().any(|row| row["source"].as_str().unwrap().ends_with(&gone)), "{failed:?}");
    endpoint.fault(Fault::always("s3:GetObject", FaultKind::Denied));
    let ran = there(&endpoint, &["--exit-zero"]);
    let denied = rows(&ran, "denied");
    assert_eq!(denied[0]["missing_permission"], "s3:GetObject", "{denied:?}");
    assert!([2, 3].contains(&ran.code), "{}", ran.code);
}

/// Where enough came, files are fetched twice to count each record. What is refused then leaves the count unknown.
#[test]
fn an_object_that_is_refused_when_it_is_read_again_leaves_counts_unknown() {
    let more = ["--policy", "invoke-high-frequency", "discovery-burst-cli"];
    let whole = endpoint(|_| {});
    let ran = there(&whole, &more);
    let found = |ran: &Ran| ran.json()["findings"].as_array().unwrap().len();
    let fetched = calls(&whole, "s3:GetObject");
    let files: BTreeSet<_> = fetched.iter().filter_map(|call| call.resource.clone()).collect();
    assert!(found(&ran) > 0 && fetched.len() > files.len(), "{} of {}", fetched.len(), files.len());

    let refusing = endpoint(|_| {});
    refusing.fault(Fault::after("s3:GetObject", FaultKind::Denied, files.len() as u32));
    let ran = there(&refusing, &more);
    assert_eq!((found(&ran), ran.code), (0, 3), "{}", ran.stderr);
    let report = ran.json();
    let unknown = report["coverage"]["policies"].as_array().unwrap().iter();
    let unknown: u64 = unknown.map(|one| one["unknown"].as_u64().unwrap()).sum();
    assert!(unknown > 0 && report["coverage"].to_string().contains("history_gap"), "{}", report["coverage"]);
}

#[test]
fn a_listing_that_is_denied_or_breaks_off_is_a_gap_and_no_empty_bucket() {
    for (kind, after) in
        [(FaultKind::Denied, 0), (FaultKind::Denied, 3), (FaultKind::Truncated, 0), (FaultKind::Truncated, 2)]
    {
        let endpoint = endpoint(|_| {});
        endpoint.fault(Fault::after("s3:ListBucket", kind, after));
        let ran = there(&endpoint, &["--exit-zero"]);
        assert!([2, 3].contains(&ran.code), "{kind:?} {after}: {}", ran.code);
        if kind == FaultKind::Denied {
            assert_eq!(rows(&ran, "denied")[0]["missing_permission"], "s3:ListBucket");
        }
        let report = ran.json();
        let live =
            report["findings"].as_array().unwrap().iter().filter(|one| one["status"] == "live").count();
        assert_eq!(live, 0, "what came later may not have been read");
    }
}

#[test]
fn what_is_no_place_in_s3_is_refused() {
    let ran = support::run(["replay", "s3://No_Bucket/x"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("s3://BUCKET/PREFIX"), "{}", ran.stderr);
    let ran = support::run(["replay", "s3://example-trail/x", "--verify-digests"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--verify-digests"), "{}", ran.stderr);
    let endpoint = endpoint(|_| {});
    let ran = aws(&endpoint, DEMO, &["replay", "s3://example-missing/AWSLogs"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}
