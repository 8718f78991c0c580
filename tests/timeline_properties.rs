//! What became of changes, over random histories, against a plain model that keeps every record: the set of worlds
//! that what was read leaves possible, walked once in order of time and eventID.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use lambda_audit::timeline::ChangeStatus;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::Library;

const FUNCTIONS: [&str; 2] = ["orders", "search"];
const SIDS: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Did {
    Add(usize),
    Remove(usize),
    /// Which statement is not in the record.
    RemoveSome,
    /// Which function is not in the record.
    RemoveSomewhere,
    /// A whole policy: these statements admit everyone; with another one beside them.
    Put(BTreeSet<usize>, bool),
    PutUnread,
    DeletePolicy,
    DeleteFunction,
    OpenUrl,
    SignUrl,
    /// Another setting than who may call.
    TouchUrl,
    TouchUrlUnread,
    DeleteUrl,
}

#[derive(Debug, Clone)]
struct Record {
    minute: i64,
    id: u32,
    function: usize,
    did: Did,
    refused: bool,
    copies: usize,
}

fn did() -> impl Strategy<Value = Did> {
    prop_oneof![
        4 => (0..SIDS.len()).prop_map(Did::Add),
        3 => (0..SIDS.len()).prop_map(Did::Remove),
        1 => Just(Did::RemoveSome),
        1 => Just(Did::RemoveSomewhere),
        2 => (proptest::collection::btree_set(0..SIDS.len(), 0..3), any::<bool>())
            .prop_map(|(sids, other)| Did::Put(sids, other)),
        1 => Just(Did::PutUnread),
        1 => Just(Did::DeletePolicy),
        1 => Just(Did::DeleteFunction),
        3 => Just(Did::OpenUrl),
        1 => Just(Did::SignUrl),
        1 => Just(Did::TouchUrl),
        1 => Just(Did::TouchUrlUnread),
        1 => Just(Did::DeleteUrl),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    (0..40_i64, any::<u32>(), 0..FUNCTIONS.len(), did(), 0..8_u8, 0..6_usize).prop_map(
        |(minute, id, function, did, refused, copies)| Record {
            minute: minute * 10,
            id,
            function,
            did,
            refused: refused == 0,
            copies: if copies == 0 { 2 } else { 1 },
        },
    )
}

/// None of the policies that are asked here asks where calls come from, so that no table is loaded.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::new(""));

const START: i64 = 1_795_000_020;

fn clock(minute: i64) -> String {
    jiff::Timestamp::from_second(START + minute * 60).unwrap().to_string()
}

fn event_id(record: &Record) -> String {
    format!("{:08x}-0000-4000-8000-000000000000", record.id)
}

fn arn(function: usize) -> String {
    format!("arn:aws:lambda:eu-west-1:111122223333:function:{}", FUNCTIONS[function])
}

fn statement(sid: &str, function: usize) -> Value {
    json!({
        "Sid": sid, "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
        "Resource": arn(function),
    })
}

fn written(record: &Record) -> Value {
    let name = FUNCTIONS[record.function];
    let function = record.function;
    let named = json!({"functionName": name});
    let with = |key: &str, value: Value| {
        let mut named = named.clone();
        named[key] = value;
        named
    };
    let (event, parameters) = match &record.did {
        Did::Add(sid) => {
            let add = json!({
                "functionName": name, "statementId": SIDS[*sid], "action": "lambda:InvokeFunction", "principal": "*",
            });
            ("AddPermission20150331v2", add)
        }
        Did::Remove(sid) => ("RemovePermission20150331v2", with("statementId", json!(SIDS[*sid]))),
        Did::RemoveSome => {
            ("RemovePermission20150331v2", with("statementId", json!("HIDDEN_DUE_TO_SECURITY_REASONS")))
        }
        Did::RemoveSomewhere => ("RemovePermission20150331v2", Value::Null),
        Did::Put(sids, other) => {
            let mut all: Vec<Value> = sids.iter().map(|sid| statement(SIDS[*sid], function)).collect();
            if *other {
                let mut own = statement("own", function);
                own["Principal"] = json!({"AWS": "arn:aws:iam::111122223333:root"});
                all.push(own);
            }
            let policy = json!({"Version": "2012-10-17", "Statement": all}).to_string();
            ("PutResourcePolicy", json!({"resourceArn": arn(function), "policy": policy}))
        }
        Did::PutUnread => ("PutResourcePolicy", json!({"resourceArn": arn(function)})),
        Did::DeletePolicy => ("DeleteResourcePolicy", json!({"resourceArn": arn(function)})),
        Did::DeleteFunction => ("DeleteFunction20150331", named),
        Did::OpenUrl => ("CreateFunctionUrlConfig", with("authType", json!("NONE"))),
        Did::SignUrl => ("UpdateFunctionUrlConfig", with("authType", json!("AWS_IAM"))),
        Did::TouchUrl => ("UpdateFunctionUrlConfig", with("invokeMode", json!("BUFFERED"))),
        Did::TouchUrlUnread => {
            ("UpdateFunctionUrlConfig", with("authType", json!("HIDDEN_DUE_TO_SECURITY_REASONS")))
        }
        Did::DeleteUrl => ("DeleteFunctionUrlConfig", named),
    };
    let mut written = json!({
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/deploy", "accountId": "111122223333"},
        "eventTime": clock(record.minute), "eventSource": "lambda.amazonaws.com", "eventName": event,
        "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.17", "requestParameters": parameters,
        "eventID": event_id(record), "recipientAccountId": "111122223333",
    });
    if record.refused {
        written["errorCode"] = json!("AccessDeniedException");
    }
    written
}

fn file_name(minute: i64, at: usize) -> String {
    let time: String = clock(minute).chars().filter(char::is_ascii_alphanumeric).collect();
    let time = format!("{}Z", &time[..13]);
    format!("AWSLogs/111122223333_CloudTrail_eu-west-1_{time}_AbCdEfGhIjKl{at:04}.json")
}

fn files(records: &[Record], broken: Option<i64>, turn: usize) -> Vec<(String, Arc<[u8]>)> {
    let mut files = Vec::new();
    for record in records {
        for _ in 0..record.copies {
            let text = json!({"Records": [written(record)]}).to_string();
            files.push((file_name(record.minute, files.len()), text.into_bytes().into()));
        }
    }
    if let Some(minute) = broken {
        files.push((file_name(minute, 9_999), b"{\"Records\":[{".as_slice().into()));
    }
    let len = files.len().max(1);
    files.rotate_left(turn % len);
    if turn % 2 == 1 {
        files.reverse();
    }
    files
}

type Standing = (ChangeStatus, Option<String>);

/// One thing that can stand in several ways: a public grant under several Sids, or an open URL.
#[derive(Debug, Clone)]
struct Thing {
    /// Every set of ways in which it may stand.
    worlds: BTreeSet<BTreeSet<usize>>,
    /// The same, if nothing is missing between the records: it tells which record made it doubtful.
    whole: BTreeSet<BTreeSet<usize>>,
    /// The ways that were ever made to stand: else there is no finding.
    made: bool,
    ended: Option<Standing>,
    doubted: Option<String>,
}

impl Default for Thing {
    fn default() -> Self {
        let worlds = BTreeSet::from([BTreeSet::new()]);
        Thing { whole: worlds.clone(), worlds, made: false, ended: None, doubted: None }
    }
}

impl Thing {
    fn step(
        &mut self,
        by: Option<&Record>,
        how: ChangeStatus,
        each: impl Fn(&BTreeSet<usize>) -> Vec<BTreeSet<usize>>,
    ) {
        let some = |worlds: &BTreeSet<BTreeSet<usize>>| worlds.iter().any(|world| !world.is_empty());
        let all = |worlds: &BTreeSet<BTreeSet<usize>>| worlds.iter().all(|world| !world.is_empty());
        let (stood, sure) = (some(&self.worlds), all(&self.whole));
        self.worlds = self.worlds.iter().flat_map(&each).collect();
        if stood && !some(&self.worlds) {
            self.ended = Some((how, by.map(event_id)));
        }
        if by.is_some() {
            self.whole = self.whole.iter().flat_map(&each).collect();
            if all(&self.whole) {
                self.doubted = None;
            } else if sure {
                self.doubted = by.map(event_id);
            }
        }
    }

    fn standing(&self) -> Option<Standing> {
        if !self.made {
            return None;
        }
        let ways = |world: &BTreeSet<usize>| world.is_empty();
        Some(if !self.worlds.iter().any(ways) {
            (ChangeStatus::Live, None)
        } else if self.worlds.iter().all(ways) {
            self.ended.clone().unwrap()
        } else {
            (ChangeStatus::Unconfirmed, self.doubted.clone())
        })
    }
}

/// Any of what stands may be gone.
fn perhaps_less(world: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
    let all: Vec<usize> = world.iter().copied().collect();
    let subset =
        |mask: u32| all.iter().enumerate().filter(move |(at, _)| mask >> at & 1 == 1).map(|(_, one)| *one);
    (0..1 << all.len()).map(|mask| subset(mask).collect()).collect()
}

#[derive(Default)]
struct Model {
    grants: BTreeMap<usize, Thing>,
    urls: BTreeMap<usize, Thing>,
}

impl Model {
    fn of(records: &[Record], hole: Option<i64>) -> Model {
        let mut model = Model::default();
        let mut order: Vec<&Record> = records.iter().filter(|record| !record.refused).collect();
        order.sort_by_key(|record| (record.minute, event_id(record)));
        let mut hole = hole;
        for record in order {
            if hole.take_if(|end| *end < record.minute).is_some() {
                model.forget();
            }
            model.step(record);
        }
        if hole.is_some() {
            model.forget();
        }
        model
    }

    fn forget(&mut self) {
        for thing in self.grants.values_mut().chain(self.urls.values_mut()) {
            thing.step(None, ChangeStatus::Unconfirmed, perhaps_less);
        }
    }

    fn step(&mut self, record: &Record) {
        use ChangeStatus::{Mitigated, Reverted};
        let with = |world: &BTreeSet<usize>, way| vec![world.iter().copied().chain([way]).collect()];
        let without = |world: &BTreeSet<usize>, way: usize| {
            vec![world.iter().copied().filter(|one| *one != way).collect()]
        };
        let none = |_: &BTreeSet<usize>| vec![BTreeSet::new()];
        let by = Some(record);
        let grant = self.grants.entry(record.function).or_default();
        let url = self.urls.entry(record.function).or_default();
        match &record.did {
            Did::Add(sid) => {
                grant.made = true;
                grant.step(by, Reverted, |world| with(world, *sid));
            }
            Did::Remove(sid) => grant.step(by, Reverted, |world| without(world, *sid)),
            Did::RemoveSome | Did::PutUnread => grant.step(by, Mitigated, perhaps_less),
            Did::RemoveSomewhere => {
                for grant in self.grants.values_mut() {
                    grant.step(by, Mitigated, perhaps_less);
                }
            }
            Did::Put(sids, other) => {
                grant.made |= !sids.is_empty();
                let how = if *other { Mitigated } else { Reverted };
                grant.step(by, how, |_| vec![sids.clone()]);
            }
            Did::DeletePolicy => grant.step(by, Reverted, none),
            Did::DeleteFunction => {
                grant.step(by, Reverted, none);
                url.step(by, Reverted, none);
            }
            Did::OpenUrl => {
                url.made = true;
                url.step(by, Reverted, |_| vec![BTreeSet::from([0])]);
            }
            Did::SignUrl => url.step(by, Mitigated, none),
            Did::TouchUrl => {}
            Did::TouchUrlUnread => url.step(by, Mitigated, perhaps_less),
            Did::DeleteUrl => url.step(by, Reverted, none),
        }
    }
}

/// What the audit says: by policy and function.
fn told(records: &[Record], broken: Option<i64>, turn: usize) -> BTreeMap<(String, usize), Standing> {
    let mut told = BTreeMap::new();
    for finding in &LIBRARY
        .report(Some(&["function-invoke-public", "function-url-public"]), files(records, broken, turn))
        .findings
    {
        let function = FUNCTIONS.iter().position(|name| *name == finding.subject.name).unwrap();
        let standing = (finding.status.unwrap(), finding.status_event_id.clone());
        told.insert((finding.policy.clone(), function), standing);
    }
    told
}

/// The end of the hole that a broken file of that minute leaves: the next file's time.
fn hole_end(records: &[Record], broken: i64) -> i64 {
    let next = records.iter().map(|record| record.minute).filter(|minute| *minute > broken).min();
    next.unwrap_or(i64::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_status_of_changes_is_the_models(
        records in proptest::collection::vec(record(), 1..14),
        broken in proptest::option::weighted(0.3, 0..40_i64),
        turn in 0..50_usize,
    ) {
        let broken = broken.map(|minute| minute * 10);
        let model = Model::of(&records, broken.map(|minute| hole_end(&records, minute)));
        let mut expected = BTreeMap::new();
        for (policy, things) in
            [("function-invoke-public", &model.grants), ("function-url-public", &model.urls)]
        {
            for (function, thing) in things {
                if let Some(standing) = thing.standing() {
                    expected.insert((policy.to_owned(), *function), standing);
                }
            }
        }
        prop_assert_eq!(told(&records, broken, turn), expected);
        prop_assert_eq!(told(&records, broken, turn), told(&records, broken, turn + 3));
    }
}
