//! Snapshots that hide something: none of them may pass.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod review_support;

use review_support::{FUNCTION, found, function, lines, ok, part, public, scan, snapshot};
use serde_json::json;

const LIST: &str = "lambda:ListFunctions";
const GET: &str = "lambda:GetPolicy";
const WHOLE: &str = "lambda:GetResourcePolicy";
const URLS: &str = "lambda:ListFunctionUrlConfigs";
const MAPPINGS: &str = "lambda:ListEventSourceMappings";

#[test]
fn the_sound_snapshot_passes_and_an_open_policy_does_not() {
    assert_eq!(scan("sound", &snapshot("none", &[])).1, 0);
    let (report, code) = scan("open", &snapshot(GET, &[ok(GET, Some(FUNCTION), public())]));
    assert_eq!((found(&report), code), (vec!["function-invoke-public"], 1));
}

#[test]
fn a_whole_policy_that_is_not_offered_or_empty_does_not_hide_what_get_policy_read() {
    let empty = ok(WHOLE, Some(FUNCTION), json!({"Policy": null}));
    let disabled = part(WHOLE, Some(FUNCTION), "disabled", json!(null));
    let open = ok(GET, Some(FUNCTION), public());
    for (name, other) in [("whole-empty", empty.clone()), ("whole-disabled", disabled)] {
        for (order, parts) in [("a", [other.clone(), open.clone()]), ("b", [open.clone(), other])] {
            let (report, code) = scan(&format!("{name}-{order}"), &snapshot(GET, &parts));
            assert_eq!((found(&report), code), (vec!["function-invoke-public"], 1), "{name} {order}");
        }
    }
    assert_eq!(scan("whole-alone", &snapshot(GET, &[empty])).1, 3);
}

#[test]
fn a_policy_that_was_not_given_is_not_none() {
    let lost = [
        part(GET, Some(FUNCTION), "disabled", json!(null)),
        ok(GET, Some(FUNCTION), json!({})),
        ok(GET, Some(FUNCTION), json!({"policy": public()["Policy"]})),
        ok(GET, Some("orders"), json!({"Policy": null})),
        ok(GET, Some("function:orders"), json!({"Policy": null})),
        ok(GET, None, public()),
    ];
    for (at, one) in lost.into_iter().enumerate() {
        assert_eq!(scan(&format!("lost-{at}"), &snapshot(GET, std::slice::from_ref(&one))).1, 3, "{one}");
    }
}

#[test]
fn a_policy_read_in_one_of_several_attempts_is_read() {
    let denied = part(GET, Some(FUNCTION), "throttled", json!(null));
    let open = ok(GET, Some(FUNCTION), public());
    for (name, parts) in [("retry-a", [denied.clone(), open.clone()]), ("retry-b", [open, denied])] {
        let (report, code) = scan(name, &snapshot(GET, &parts));
        assert_eq!((found(&report), code), (vec!["function-invoke-public"], 1));
        assert_eq!(report["summary"]["unknown"], 0);
    }
}

#[test]
fn a_lost_page_is_not_found_again_by_the_last_one() {
    let bad = ok(LIST, None, json!({"Functions": [{"FunctionName": "pay"}], "NextMarker": "2"}));
    let last = ok(LIST, None, json!({"Functions": [function(FUNCTION)]}));
    for (name, parts) in [("page-a", [bad.clone(), last.clone()]), ("page-b", [last, bad])] {
        let (report, code) = scan(name, &snapshot(LIST, &parts));
        assert_eq!(code, 3);
        let rows = report["coverage"]["read"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["surface"] == LIST && row["outcome"] == "malformed"));
    }
}

#[test]
fn a_list_that_goes_on_is_not_whole_whoever_paged_it() {
    for marker in ["NextMarker", "NextToken"] {
        let page = ok(LIST, None, json!({"Functions": [function(FUNCTION)], marker: "2"}));
        assert_eq!(scan(marker, &snapshot(LIST, &[page])).1, 3, "{marker}");
    }
}

#[test]
fn an_answer_without_its_list_is_not_an_empty_list() {
    for (api, resource, member) in [
        (LIST, None, "functions"),
        ("lambda:ListAliases", Some(FUNCTION), "aliases"),
        (URLS, Some(FUNCTION), "functionUrlConfigs"),
        ("lambda:ListFunctionEventInvokeConfigs", Some(FUNCTION), "functionEventInvokeConfigs"),
        ("lambda:ListLayers", None, "layers"),
        (MAPPINGS, None, "eventSourceMappings"),
        ("cloudtrail:DescribeTrails", None, "trails"),
        ("cloudtrail:ListEventDataStores", None, "eventDataStores"),
    ] {
        for data in [json!({}), json!({member: [{"a": "b"}]})] {
            let (_, code) = scan(&format!("list-{member}"), &snapshot(api, &[ok(api, resource, data)]));
            assert_eq!(code, 3, "{api}");
        }
    }
}

#[test]
fn functions_listed_with_their_versions_are_joined_by_the_function() {
    let all = ["", ":$LATEST", ":7"].map(|qualifier| function(&format!("{FUNCTION}{qualifier}")));
    let version = format!("{FUNCTION}:7");
    let text = |policy: serde_json::Value| {
        let page = ok(LIST, None, json!({"Functions": all}));
        snapshot(LIST, &[page, ok(GET, Some(&version), policy)])
    };
    let (report, code) = scan("versions", &text(json!({"Policy": null})));
    assert_eq!(code, 0);
    assert_eq!(report["inputs"]["snapshot"]["functions"], 1);
    assert_eq!(scan("versions-open", &text(public())).1, 1);
    let page = ok(LIST, None, json!({"Functions": all}));
    assert_eq!(scan("versions-unread", &snapshot(LIST, &[page])).1, 3, "nobody asked for version 7's policy");
}

#[test]
fn a_page_that_is_there_twice_counts_once() {
    let page = ok(LIST, None, json!({"Functions": [function(FUNCTION)]}));
    let (report, code) = scan("twice", &snapshot(LIST, &[page.clone(), page]));
    assert_eq!((code, &report["inputs"]["snapshot"]["functions"]), (0, &json!(1)));
}

#[test]
fn words_in_another_spelling_do_not_pass() {
    let url = |word: &str| {
        ok(URLS, Some(FUNCTION), json!({"FunctionUrlConfigs": [{"FunctionArn": FUNCTION, "AuthType": word}]}))
    };
    let (report, _) = scan("auth-none", &snapshot(URLS, &[url("none")]));
    assert_eq!(found(&report), ["function-url-public"]);
    assert_eq!(scan("auth-other", &snapshot(URLS, &[url("ANYONE")])).1, 3);
    assert_eq!(scan("auth-iam", &snapshot(URLS, &[url("AWS_IAM")])).1, 0);

    let mapping = |state: &str| {
        let source = "arn:aws:sqs:eu-west-1:444455556666:q";
        ok(
            MAPPINGS,
            None,
            json!({"EventSourceMappings": [{"UUID": "u", "EventSourceArn": source,
            "FunctionArn": FUNCTION, "State": state}]}),
        )
    };
    let (report, _) = scan("mapping-enabled", &snapshot(MAPPINGS, &[mapping("enabled")]));
    assert_eq!(found(&report), ["event-source-external"]);
}

#[test]
fn a_snapshot_of_nothing_is_not_an_account_without_faults() {
    let header = json!({"type": "header", "version": 1}).to_string() + "\n";
    let end = |count: u64| json!({"type": "end", "parts": count}).to_string() + "\n";
    assert_eq!(scan("nothing", &(header.clone() + &end(0))).1, 2);
    // A region of which only a policy was read: its functions were never listed.
    let policy = ok(GET, Some(FUNCTION), json!({"Policy": null})).to_string() + "\n";
    assert_eq!(scan("no-list", &(header.clone() + &policy + &end(1))).1, 3);
    let organization = json!({"type": "part", "account": "111122223333", "api": "organizations:ListAccounts",
        "outcome": {"status": "ok"}, "data": {"Accounts": []}});
    assert_eq!(scan("no-region", &(header + &organization.to_string() + "\n" + &end(1))).1, 3);
    assert_eq!(scan("scope-only", &lines(&[])).1, 3);
}
