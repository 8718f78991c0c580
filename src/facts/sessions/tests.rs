#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::trail::TrailRecord;

impl Sessions {
    fn answer(&self, session: &Session, read: &dyn Fn(&str, i64, Option<i64>) -> bool) -> Option<bool> {
        self.answer_with(session, &mut KnownRoles::default(), read)
    }
}

const NOON: i64 = 1_792_238_400;
const HOUR: i64 = 3_600;

fn stamp(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().to_string()
}

fn gathered(records: &[Json]) -> Sessions {
    let mut sessions = Sessions::new(Keys::KNOWN);
    for record in records {
        let text = record.to_string();
        let record = TrailRecord::parse(&text).unwrap();
        let (source, name) = (record.event_source(), record.canonical_name());
        sessions.gather(&record, &source, &name, record.trail_account(None).text());
    }
    sessions
}

fn record(time: i64, source: &str, name: &str, who: Json, more: Json) -> Json {
    let mut all = json!({
        "eventTime": stamp(time), "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "userIdentity": who, "recipientAccountId": "111122223333", "eventID": format!("{source}{name}{time}"),
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// A call of the session at noon; its credentials are of an hour before.
fn call(key: Option<&str>, name: &str) -> Session {
    let mut who = json!({
        "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/Orders/{name}"),
        "principalId": format!("AROAEXAMPLE:{name}"),
        "sessionContext": {
            "sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/app/Orders"},
            "attributes": {"creationDate": stamp(NOON - HOUR), "mfaAuthenticated": "false"},
        },
    });
    if let Some(key) = key {
        who["accessKeyId"] = json!(key);
    }
    let text = record(NOON, "s3", "ListBuckets", who, json!({})).to_string();
    Session::of(&TrailRecord::parse(&text).unwrap(), Keys::KNOWN).unwrap().1
}

fn issued(who: Json, name: &str, key: &str) -> Json {
    record(NOON - HOUR, "sts", name, who, json!({"responseElements": {"credentials": {"accessKeyId": key}}}))
}

fn lambda() -> Json {
    json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"})
}

fn user() -> Json {
    json!({"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/carol", "accountId": "111122223333"})
}

fn trust(who: &str) -> String {
    json!({"Statement": {"Effect": "Allow", "Principal": {"Service": who}, "Action": "sts:AssumeRole"}})
        .to_string()
}

fn changed(time: i64, name: &str, who: &str) -> Json {
    let document = if name == "CreateRole" { "assumeRolePolicyDocument" } else { "policyDocument" };
    record(
        time,
        "iam",
        name,
        user(),
        json!({"requestParameters": {"roleName": "Orders", document: trust(who)}}),
    )
}

fn everything(_: &str, _: i64, _: Option<i64>) -> bool {
    true
}

#[test]
fn credentials_are_those_of_whom_they_were_issued_to() {
    let answer = |who: Json, name: &str| {
        gathered(&[issued(who, name, "ASIA1")]).answer(&call(Some("ASIA1"), "orders"), &everything)
    };
    assert_eq!(answer(lambda(), "AssumeRole"), Some(true));
    assert_eq!(answer(user(), "AssumeRole"), Some(false));
    for name in ISSUING {
        assert_eq!(answer(user(), name), Some(false), "{name}");
    }
    assert_eq!(
        answer(json!({"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"}), "AssumeRole"),
        Some(false)
    );
    // Of Lambda's, or of nobody who is named: they may be a function's.
    for who in [
        json!({"type": "AWSService", "invokedBy": "edgelambda.amazonaws.com"}),
        json!({"type": "AWSService"}),
        json!({"type": "Unknown"}),
        json!({}),
    ] {
        assert_eq!(answer(who.clone(), "AssumeRole"), None, "{who}");
    }
    let one = [issued(lambda(), "AssumeRole", "ASIA1")];
    assert_eq!(gathered(&one).answer(&call(Some("ASIA2"), "orders"), &everything), None);
    assert_eq!(gathered(&one).answer(&call(None, "orders"), &everything), None);
    let both = [issued(lambda(), "AssumeRole", "ASIA1"), issued(user(), "AssumeRole", "ASIA1")];
    assert_eq!(gathered(&both).answer(&call(Some("ASIA1"), "orders"), &everything), None);
    // No credentials came of it.
    let refused = record(NOON, "sts", "AssumeRole", user(), json!({"responseElements": null}));
    assert_eq!(gathered(&[refused]).answer(&call(Some("ASIA1"), "orders"), &everything), None);
}

#[test]
fn a_session_with_a_functions_name_of_a_role_that_lambda_may_take_is_a_functions() {
    let function = record(
        NOON + HOUR,
        "lambda",
        "CreateFunction20150331",
        user(),
        json!({
            "requestParameters": {"functionName": "orders"},
            "responseElements": {"functionArn": "arn:aws:lambda:eu-west-1:111122223333:function:orders"},
        }),
    );
    let role = changed(NOON - 48 * HOUR, "CreateRole", "lambda.amazonaws.com");
    let all = gathered(&[function.clone(), role.clone()]);
    assert_eq!(all.answer(&call(None, "orders"), &everything), Some(true));
    assert_eq!(all.answer(&call(None, "carol"), &everything), None, "no function's name");
    assert_eq!(gathered(&[role]).answer(&call(None, "orders"), &everything), None, "no function is known");
    let mut snapshot = gathered(&[]);
    snapshot.snapshot_role("arn:aws:iam::111122223333:role/app/Orders", Admits::Yes);
    snapshot.function("arn:aws:lambda:eu-west-1:111122223333:function:orders:live");
    assert_eq!(snapshot.answer(&call(None, "orders"), &everything), Some(true));
    // A call that failed shows no function.
    let mut failed = function;
    failed["errorCode"] = json!("ServiceException");
    let failed = gathered(&[failed, changed(NOON - 48 * HOUR, "CreateRole", "lambda.amazonaws.com")]);
    assert_eq!(failed.answer(&call(None, "orders"), &everything), None);
}

#[test]
fn a_role_that_lambda_may_not_take_has_no_functions_sessions() {
    let at = |changes: &[Json], read: &dyn Fn(&str, i64, Option<i64>) -> bool| {
        gathered(changes).answer(&call(None, "orders"), read)
    };
    let created = || changed(NOON - 48 * HOUR, "CreateRole", "ec2.amazonaws.com");
    assert_eq!(at(&[created()], &everything), Some(false));
    assert_eq!(at(&[created()], &|_, _, _| false), None, "a change may be missing");
    // What is missing after the session was made does not matter.
    assert_eq!(
        at(&[created()], &|account, from, to| {
            account == "111122223333" && from == NOON - 48 * HOUR && to == Some(NOON - HOUR)
        }),
        Some(false)
    );
    assert_eq!(at(&[changed(NOON, "CreateRole", "ec2.amazonaws.com")], &everything), None, "later");
    let to_lambda = |time| changed(time, "UpdateAssumeRolePolicy", "lambda.amazonaws.com");
    assert_eq!(at(&[created(), to_lambda(NOON - 2 * HOUR)], &everything), None);
    assert_eq!(at(&[created(), to_lambda(NOON - HOUR - 60)], &everything), None);
    assert_eq!(at(&[created(), to_lambda(NOON)], &everything), Some(false), "the session is older");
    let back = changed(NOON - HOUR - 60, "UpdateAssumeRolePolicy", "ec2.amazonaws.com");
    assert_eq!(at(&[to_lambda(NOON - 48 * HOUR), back], &everything), None, "it may not hold everywhere yet");
    let hidden = record(
        NOON - 48 * HOUR,
        "iam",
        "UpdateAssumeRolePolicy",
        user(),
        json!({
            "requestParameters": {"roleName": "Orders"}
        }),
    );
    assert_eq!(at(&[hidden], &everything), None);
}

#[test]
fn a_snapshots_trust_holds_back_to_what_was_read() {
    let with = |records: &[Json], admits, read: &dyn Fn(&str, i64, Option<i64>) -> bool| {
        let mut sessions = gathered(records);
        sessions.snapshot_role("arn:aws:iam::111122223333:role/app/Orders", admits);
        sessions.answer(&call(None, "orders"), read)
    };
    let of_iam = || record(NOON - 2 * HOUR, "iam", "ListUsers", user(), json!({}));
    assert_eq!(with(&[of_iam()], Admits::No, &everything), Some(false));
    assert_eq!(with(&[of_iam()], Admits::Unread, &everything), None);
    assert_eq!(with(&[], Admits::No, &everything), None, "IAM's records were not read");
    assert_eq!(
        with(&[of_iam()], Admits::No, &|_, _, to| to.is_some()),
        None,
        "a change may be missing since"
    );
    let later = changed(NOON, "UpdateAssumeRolePolicy", "ec2.amazonaws.com");
    assert_eq!(with(&[later], Admits::No, &everything), None, "it was another before");
}

#[test]
fn trust_policies() {
    let admits =
        |principal: Json| admits_lambda(&json!({"Statement": [{"Effect": "Allow", "Principal": principal}]}));
    for yes in [
        json!({"Service": "lambda.amazonaws.com"}),
        json!({"Service": ["ec2.amazonaws.com", "Lambda.amazonaws.com"]}),
    ] {
        assert_eq!(admits(yes.clone()), Admits::Yes, "{yes}");
    }
    for no in [
        json!({"Service": "ec2.amazonaws.com"}),
        json!({"AWS": "arn:aws:iam::111122223333:root"}),
        json!({"AWS": ["444455556666"], "Service": ["ecs-tasks.amazonaws.com"]}),
        json!({"Federated": "arn:aws:iam::111122223333:oidc-provider/git.example.com"}),
    ] {
        assert_eq!(admits(no.clone()), Admits::No, "{no}");
    }
    for unread in [
        json!("*"),
        json!({"AWS": "*"}),
        json!({"Service": "*"}),
        json!({"Service": "edgelambda.amazonaws.com"}),
        json!({"Service": 7}),
        json!({"Someone": "x"}),
        json!(null),
    ] {
        assert_eq!(admits(unread.clone()), Admits::Unread, "{unread}");
    }
    let encoded = trust("lambda.amazonaws.com").replace('{', "%7B").replace('"', "%22");
    assert_eq!(admits_lambda(&json!(encoded)), Admits::Yes);
    let denied = json!({"Statement": [{"Effect": "Deny", "Principal": {"Service": "lambda.amazonaws.com"}}]});
    assert_eq!(admits_lambda(&denied), Admits::No);
    for odd in
        [json!("nonsense"), json!("%7"), json!({}), json!({"Statement": 7}), json!({"Statement": [{}]})]
    {
        assert_eq!(admits_lambda(&odd), Admits::Unread, "{odd}");
    }
}

proptest! {
    /// What is gathered is the same in any order, however divided, and however often.
    #[test]
    fn gathering_is_a_union(
        picks in prop::collection::vec((0..8usize, 0..3i64), 1..20),
        at in any::<prop::sample::Index>(),
    ) {
        let records: Vec<Json> = picks.iter().map(|&(what, hours)| {
            let time = NOON - (hours + 1) * HOUR;
            match what {
                0 => issued(lambda(), "AssumeRole", "ASIA1"),
                1 => issued(user(), "AssumeRole", "ASIA1"),
                2 => issued(user(), "GetSessionToken", "ASIA2"),
                3 => changed(time, "CreateRole", "ec2.amazonaws.com"),
                4 => changed(time, "UpdateAssumeRolePolicy", "lambda.amazonaws.com"),
                5 => changed(time, "UpdateAssumeRolePolicy", "ec2.amazonaws.com"),
                6 => record(time, "lambda", "GetFunction", user(), json!({
                    "requestParameters": {"functionName": format!("f{hours}")}
                })),
                _ => record(time, "s3", "ListBuckets", user(), json!({})),
            }
        }).collect();
        let whole = gathered(&records);
        let mut turned = records.clone();
        turned.reverse();
        prop_assert_eq!(&gathered(&turned), &whole);
        let (left, right) = records.split_at(at.index(records.len()));
        let (left, right) = (gathered(left), gathered(right));
        let mut one = left.clone();
        one.merge(right.clone());
        let mut two = right;
        two.merge(left);
        two.merge(one.clone());
        prop_assert_eq!(&one, &whole);
        prop_assert_eq!(&two, &whole);
    }
}
