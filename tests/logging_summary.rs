//! What is said of trails themselves, and which accounts an organization's recorders cover.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::expect_used, reason = "a broken fixture fails its test")]

use lambda_audit::logging::{Case, Configured, Event, Recorders, Target};
use lambda_audit::snapshot::api::{EventDataStorePage, EventSelectors, TrailStatus, Trails};
use lambda_audit::value::{Reading, Why};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const MEMBER: &str = "111122223333";
const MANAGEMENT: &str = "444455556666";
const REGION: &str = "eu-west-1";
const TRAIL: &str = "arn:aws:cloudtrail:eu-west-1:444455556666:trail/org";

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("AWS's answer")
}

fn trails() -> Trails {
    of(json!({"trailList": [{
        "Name": "org", "TrailARN": TRAIL, "HomeRegion": REGION, "IsMultiRegionTrail": true,
        "IsOrganizationTrail": true, "LogFileValidationEnabled": false,
    }]}))
}

fn everything() -> EventSelectors {
    of(json!({"EventSelectors": [{
        "ReadWriteType": "All", "DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}],
    }]}))
}

fn logging() -> TrailStatus {
    of(json!({"IsLogging": true}))
}

/// The management account was collected in full; of the member, only the event data stores were listed.
fn organization() -> Recorders {
    let mut seen = Recorders::new();
    for account in [MEMBER, MANAGEMENT] {
        seen.add_event_data_stores(account, REGION, &EventDataStorePage::default());
    }
    seen.add_trails(MANAGEMENT, REGION, &trails());
    seen.add_selectors(TRAIL, &everything());
    seen.add_status(TRAIL, REGION, &logging());
    seen
}

fn solve(seen: &Recorders, account: &str, arn: &str) -> lambda_audit::logging::Answer {
    let target = Target { arn, account, region: REGION, partition: "aws" };
    seen.solver().solve(&target, Event::OF_FUNCTION)
}

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

#[test]
fn an_organization_trail_covers_known_members_only() {
    let mut seen = organization();
    let answer = solve(&seen, MEMBER, FUNCTION);
    assert_eq!(answer.configured, Reading::Unread(Why::NotCollected), "{answer:#?}");

    let mut member = seen.clone();
    member.add_organization(MEMBER, Some(MANAGEMENT));
    assert_eq!(solve(&member, MEMBER, FUNCTION).configured, Reading::Known(Configured::Yes));

    let mut listed = seen.clone();
    listed.add_members(MANAGEMENT, [MEMBER, MANAGEMENT]);
    assert_eq!(solve(&listed, MEMBER, FUNCTION).configured, Reading::Known(Configured::Yes));

    // In another organization, and its own trails were listed: there are none.
    seen.add_organization(MEMBER, Some("777788889999"));
    seen.add_trails(MEMBER, REGION, &Trails::default());
    let answer = solve(&seen, MEMBER, FUNCTION);
    assert_eq!(answer.configured, Reading::Known(Configured::No), "{answer:#?}");
    assert!(answer.excluded.is_empty());
}

#[test]
fn the_members_own_list_beats_membership() {
    let mut seen = organization();
    seen.add_organization(MEMBER, Some(MANAGEMENT));
    seen.add_trails(MEMBER, REGION, &Trails::default());
    assert_eq!(solve(&seen, MEMBER, FUNCTION).configured, Reading::Known(Configured::No));
    seen.add_trails(MEMBER, "us-east-1", &trails());
    assert_eq!(solve(&seen, MEMBER, FUNCTION).configured, Reading::Known(Configured::Yes));
}

#[test]
fn answers_that_contradict_each_other_are_not_believed() {
    let mut seen = organization();
    let own = "arn:aws:lambda:eu-west-1:444455556666:function:orders";
    assert_eq!(solve(&seen, MANAGEMENT, own).configured, Reading::Known(Configured::Yes));
    seen.add_selectors(TRAIL, &of(json!({"EventSelectors": []})));
    assert_eq!(solve(&seen, MANAGEMENT, own).configured, Reading::Unread(Why::Malformed));
}

#[test]
fn an_answer_without_selectors_is_not_read_as_none() {
    let mut seen = Recorders::new();
    seen.add_event_data_stores(MANAGEMENT, REGION, &EventDataStorePage::default());
    seen.add_trails(MANAGEMENT, REGION, &trails());
    seen.add_status(TRAIL, REGION, &logging());
    seen.add_selectors(TRAIL, &of(json!({})));
    let own = "arn:aws:lambda:eu-west-1:444455556666:function:orders";
    assert_eq!(solve(&seen, MANAGEMENT, own).configured, Reading::Unread(Why::Malformed));
}

#[test]
fn a_trail_is_summed_up_once() {
    let mut seen = organization();
    seen.add_trails(MEMBER, REGION, &trails());
    seen.add_trails(MEMBER, "us-east-1", &trails());
    let all: Vec<_> = seen.trails().collect();
    assert_eq!(all.len(), 1);
    let trail = &all[0];
    assert_eq!((trail.arn, &trail.account), (TRAIL, &Reading::Known(MANAGEMENT)));
    assert_eq!(trail.region, Reading::Known(REGION.to_owned()));
    assert_eq!(
        (&trail.organization, &trail.multi_region, &trail.validation, &trail.logging, &trail.covers_lambda),
        (
            &Reading::Known(true),
            &Reading::Known(true),
            &Reading::Known(false),
            &Reading::Known(true),
            &Reading::Known(true)
        )
    );
}

#[test]
fn covers_lambda_asks_for_a_selector_that_can_match() {
    let covers = |selectors: Value| {
        let mut seen = Recorders::new();
        seen.add_trails(MANAGEMENT, REGION, &trails());
        seen.add_selectors(TRAIL, &of(selectors));
        seen.trails().next().expect("the trail").covers_lambda
    };
    let basic = |write: &str, value: &str| {
        json!({"EventSelectors": [{
            "ReadWriteType": write, "DataResources": [{"Type": "AWS::Lambda::Function", "Values": [value]}],
        }]})
    };
    assert_eq!(covers(basic("All", FUNCTION)), Reading::Known(true));
    assert_eq!(covers(basic("ReadOnly", FUNCTION)), Reading::Known(false));
    assert_eq!(covers(basic("All", &format!("{FUNCTION}:live"))), Reading::Known(false));
    assert_eq!(covers(basic("Sometimes", FUNCTION)), Reading::Unread(Why::Malformed));
    let advanced = |field: Value| {
        json!({"AdvancedEventSelectors": [{"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]}, field,
        ]}]})
    };
    assert_eq!(covers(advanced(json!({"Field": "eventName", "Equals": ["Invoke"]}))), Reading::Known(true));
    assert_eq!(covers(advanced(json!({"Field": "readOnly", "Equals": ["true"]}))), Reading::Known(false));
    assert_eq!(covers(advanced(json!({"Field": "new", "Equals": ["x"]}))), Reading::Unread(Why::Malformed));
    assert_eq!(covers(json!({})), Reading::Unread(Why::Malformed));
}

#[test]
fn a_trail_of_another_region_is_named_only_where_it_concerns_the_function() {
    let mut seen = Recorders::new();
    let virginia = "arn:aws:cloudtrail:us-east-1:444455556666:trail/virginia";
    let list: Trails = of(json!({"trailList": [{
        "TrailARN": virginia, "HomeRegion": "us-east-1", "IsMultiRegionTrail": false, "IsOrganizationTrail": false,
    }]}));
    seen.add_trails(MANAGEMENT, "us-east-1", &list);
    seen.add_trails(MANAGEMENT, REGION, &Trails::default());
    seen.add_event_data_stores(MANAGEMENT, REGION, &EventDataStorePage::default());
    seen.add_selectors(virginia, &everything());
    let own = "arn:aws:lambda:eu-west-1:444455556666:function:orders";
    let answer = solve(&seen, MANAGEMENT, own);
    assert_eq!(answer.configured, Reading::Known(Configured::No));
    assert_eq!(answer.excluded.iter().map(|one| one.case).collect::<Vec<_>>(), [Case::OtherRegion]);
}

#[test]
fn hostile_selectors_end_in_not_known_and_short_texts() {
    let mut seen = Recorders::new();
    seen.add_event_data_stores(MANAGEMENT, REGION, &EventDataStorePage::default());
    seen.add_trails(MANAGEMENT, REGION, &trails());
    seen.add_status(TRAIL, REGION, &logging());
    let many = |text: &str| (0..3_000).map(|n| format!("{text}{n}")).collect::<Vec<_>>();
    seen.add_selectors(
        TRAIL,
        &of(json!({"AdvancedEventSelectors": [{"Name": "é".repeat(100_000), "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
            {"Field": "userIdentity.arn", "StartsWith": many("arn:"), "NotEndsWith": many(":role")},
        ]}]})),
    );
    let own = "arn:aws:lambda:eu-west-1:444455556666:function:orders";
    let answer = solve(&seen, MANAGEMENT, own);
    assert_eq!(answer.configured, Reading::Unread(Why::Malformed), "{answer:#?}");
    assert!(answer.reason.chars().count() < 4_000, "{}", answer.reason);
}
