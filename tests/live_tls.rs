//! Connections behind TLS: only to whom an authority that is trusted vouches for.
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used)]

mod fake_aws;
mod live_support;
mod support;

use fake_aws::{Bucket, Endpoint};
use live_support::{DEMO, command, content};
use support::{Ran, finish, root, scratch};

const OF_TESTS: &str = "tests/fake_aws/tls/ca.pem";

fn run(endpoint: &Endpoint, bundle: Option<&str>, arguments: &[&str]) -> Ran {
    let mut command = command(endpoint, DEMO);
    if let Some(bundle) = bundle {
        command.env("AWS_CA_BUNDLE", bundle);
    }
    command.args(arguments).args(["--output", "json", "--now", support::NOW]);
    finish(command)
}

#[test]
fn an_authority_that_the_environment_names_is_taken_and_no_other() {
    let mut content = content("demo");
    let bucket = Bucket::of(&root().join("fixtures/accounts/demo/trail"), "eu-west-1", 1_000);
    content.buckets.insert("example-trail".to_owned(), bucket);
    let endpoint = fake_aws::start_with_tls(content);
    let scan: &[&str] =
        &["scan", "--policy", "event-source-external", "--no-history", "--quota-scale", "1000"];
    let replay: &[&str] =
        &["replay", "s3://example-trail/AWSLogs", "--since", "2026-11-19", "--policy", "function-*"];
    let bundle = root().join(OF_TESTS);
    let bundle = bundle.to_str();
    let ran = run(&endpoint, bundle, scan);
    assert!(!ran.json()["findings"].as_array().unwrap().is_empty(), "{ran:?}");
    let ran = run(&endpoint, bundle, replay);
    assert!(ran.json()["inputs"]["records"].as_u64().unwrap() > 0, "{ran:?}");
    let answered = endpoint.count();
    assert!(answered > 3);
    // The system's authorities do not vouch for it, and nothing is sent to whom nobody vouches for.
    let ran = run(&endpoint, None, scan);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("the connection failed"), "{}", ran.stderr);
    let ran = run(&endpoint, None, replay);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(endpoint.count(), answered);
}

#[test]
fn a_file_without_authorities_is_refused() {
    let endpoint = fake_aws::start_with_tls(content("clean"));
    let directory = scratch("tls-bundles");
    let odd = directory.join("odd.pem");
    std::fs::write(&odd, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for bundle in [odd.to_str().unwrap(), "tests/fake_aws/tls/key.pem", "nowhere.pem"] {
        let ran = run(&endpoint, Some(bundle), &["scan"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("AWS_CA_BUNDLE="), "{}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    assert_eq!(endpoint.count(), 0);
}
