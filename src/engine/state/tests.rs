//! The tables and the two phases against a plain model that keeps every record.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::history::History;
use super::*;
use crate::facts::ApiCall;
use crate::facts::schema::FieldSet;
use crate::policy::test::Made;
use crate::policy::{Overrides, Policy, PolicySet, SourceText};
use crate::value::{OwnedValue, Why};

mod repeats;

const HOUR: i64 = 3_600;
/// Times of records lie within these seconds.
const SPAN: i64 = 80 * HOUR;

/// A record as the model keeps it: small ranges, so that keys, hours and seconds meet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    time: i64,
    id: u8,
    account: u8,
    /// `None`: not read.
    principal: Option<u8>,
    /// Whether it is what the policy looks for.
    wanted: Option<bool>,
    name: u8,
}

impl Record {
    fn moment(&self) -> (i64, u8) {
        (self.time, self.id)
    }

    fn fact(&self) -> Made {
        let mut call = ApiCall::unread(Why::NotInRecord);
        let mut set = |name: &str, value: OwnedValue| {
            let index = call.kind().field(name).unwrap();
            call.set(index, value).unwrap();
        };
        set("account", OwnedValue::Text(format!("{:012}", self.account)));
        if let Some(principal) = self.principal {
            set("principal", OwnedValue::Text(format!("p{principal}")));
        }
        if let Some(wanted) = self.wanted {
            set("direct", OwnedValue::Bool(wanted));
        }
        set("event_name", OwnedValue::Text(format!("n{}", self.name)));
        Made::capture(&call, "s", crate::facts::schema::Origin::Activity)
    }

    fn occasion(&self) -> Occasion {
        let id = format!("{:02x}000000-0000-4000-8000-000000000000", self.id);
        let account = format!("{:012}", self.account);
        let place = ("f".into(), u64::from(self.id));
        Occasion::new((self.time, Some(&id)), Some(account.into()), EventClass::Management, place)
    }
}

/// Deliveries of events: an eventID stands for one record, which may come several times.
fn corpus() -> impl Strategy<Value = Vec<Record>> {
    let wanted = prop_oneof![8 => Just(Some(true)), 2 => Just(Some(false)), 1 => Just(None)];
    let principal = prop_oneof![12 => (0..3u8).prop_map(Some), 1 => Just(None)];
    let record = (0..SPAN, 0..2u8, principal, wanted, 0..4u8, any::<bool>());
    let events = prop::collection::vec(record, 1..40).prop_map(|records| {
        let events = records.into_iter().enumerate();
        let events = events.map(|(id, (time, account, principal, wanted, name, close))| {
            // Half of the records share a few seconds at the edges of hours.
            let time = if close { time / HOUR * HOUR + time % 3 - 1 } else { time };
            Record { time, id: id as u8, account, principal, wanted, name }
        });
        events.collect::<Vec<_>>()
    });
    (events, prop::collection::vec(any::<prop::sample::Index>(), 0..10)).prop_flat_map(|(events, again)| {
        let copies: Vec<Record> = again.iter().map(|index| index.get(&events).clone()).collect();
        Just(events.into_iter().chain(copies).collect::<Vec<_>>()).prop_shuffle()
    })
}

fn policies(state: &str) -> PolicySet {
    let rank = if state.starts_with("severity") { "" } else { "severity: low\nrisk_score: 1\n" };
    let text = format!("id: x\ntitle: t\n{rank}on: api_call\nmessage: m\n{state}");
    let (set, errors) = PolicySet::load(&[SourceText::new("x.yaml", text.as_str())], &Overrides::default());
    assert!(errors.is_empty(), "{text}\n{errors:?}");
    set
}

/// What became of the records, told by eventID.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdicts {
    failed: BTreeSet<(i64, u8)>,
    unknown: BTreeSet<(i64, u8)>,
    warming: BTreeSet<(i64, u8)>,
    repeated: BTreeSet<(i64, u8)>,
    /// Judgements, copies included.
    passed: u64,
}

type TestPart = Part<((i64, u8), Made)>;

/// Adds the records, divided into these parts, as a run does.
fn added(
    (policy, mode): (&Policy, CountMode<'_>),
    parts: &[&[Record]],
    whole: &mut TestPart,
    out: &mut Verdicts,
) {
    let program = policy.program.as_ref().unwrap();
    let rules = Rules { program, judge: &policy.judge, keys: Keys::KNOWN };
    for records in parts {
        let mut part = Part::new(program);
        for record in *records {
            let (fact, occasion) = (record.fact(), record.occasion());
            let hold = || (record.moment(), record.fact());
            let standing = occasion.standing();
            match part.add(rules.look(&fact, &standing), (&standing, true, mode), hold) {
                Now::Wait => {}
                Now::Judge(outcome) => tell(out, outcome, record.moment()),
            }
        }
        whole.merge(part);
    }
}

/// Judges the records, divided into these parts, by the code that judges a run.
fn judged(policy: &Policy, parts: &[&[Record]], reading: &Reading) -> Verdicts {
    let mut out = Verdicts::default();
    let mut whole = Part::new(policy.program.as_ref().unwrap());
    added((policy, CountMode::Exactly), parts, &mut whole, &mut out);
    settled(policy, whole, reading, out)
}

/// The same of records that are counted roughly, and then, of these parts that have some, by themselves. Those that were
/// read again once are told.
fn counted_twice(
    policy: &Policy,
    parts: &[&[Record]],
    is_there: impl Fn(usize) -> bool,
) -> (Verdicts, BTreeSet<usize>) {
    let program = policy.program.as_ref().unwrap();
    let count = program.count.as_ref().unwrap();
    let mut out = Verdicts::default();
    let mut whole = Part::new(program);
    added((policy, CountMode::Roughly(count)), parts, &mut whole, &mut out);
    let recount = whole.recount(count);
    let mut again = BTreeSet::new();
    for (at, part) in parts.iter().enumerate() {
        let times = part.iter().map(|record| record.time);
        let times = times.clone().min().zip(times.max());
        let Some(times) = times.filter(|times| recount.touches(*times)) else { continue };
        again.insert(at);
        if is_there(at) {
            added((policy, CountMode::Again(&recount)), &[part], &mut whole, &mut Verdicts::default());
        } else {
            whole.give_up(&recount, times);
        }
    }
    (settled(policy, whole, &Reading::default(), out), again)
}

fn settled(policy: &Policy, whole: TestPart, reading: &Reading, mut out: Verdicts) -> Verdicts {
    let program = policy.program.as_ref().unwrap();
    let rules = Rules { program, judge: &policy.judge, keys: Keys::KNOWN };
    whole.settle(rules, reading, |(_, fact)| fact, &mut |settled| match settled {
        Settled::Passed(records) => out.passed += records,
        Settled::Judged { held: (moment, fact), seen } => {
            tell(&mut out, policy.judge.outcome(&fact, &Env { seen: &seen }), moment);
        }
        Settled::Repeated((moment, _)) => {
            out.repeated.insert(moment);
        }
        Settled::WarmingUp { held: (moment, _), .. } => {
            out.warming.insert(moment);
        }
        Settled::Reached { records, .. } => {
            out.failed.extend(records.iter().map(|record| (record.moment.time, record.offset as u8)));
        }
        Settled::Unknown { held: (moment, _), .. } | Settled::Lost { held: (moment, _), .. } => {
            out.unknown.insert(moment);
        }
    });
    out
}

fn tell(out: &mut Verdicts, outcome: Outcome, moment: (i64, u8)) {
    match outcome {
        Outcome::Pass | Outcome::NotApplicable => out.passed += 1,
        Outcome::Unknown => {
            out.unknown.insert(moment);
        }
        Outcome::Fail { .. } => {
            out.failed.insert(moment);
        }
    }
}

fn reading(records: &[Record]) -> Reading {
    let mut reading = Reading::default();
    for record in records {
        reading.record(&format!("{:012}", record.account), EventClass::Management, record.time);
    }
    reading
}

/// Every record against every other: what histories, warm-up and holes mean.
fn model(records: &[Record], window: i64, warm_up: Option<i64>, hole: Option<(u8, i64, i64)>) -> Verdicts {
    let mut out = Verdicts::default();
    for record in records {
        let before = |other: &&Record| {
            other.moment() < record.moment()
                && other.time > record.time - window
                && other.account == record.account
        };
        let possible = records
            .iter()
            .filter(before)
            .filter(|other| other.wanted != Some(false))
            .filter(|other| other.principal.is_none() || other.principal == record.principal);
        let sure = possible.clone().any(|other| {
            other.wanted == Some(true) && other.principal.is_some() && record.principal.is_some()
        });
        let doubt = record.principal.is_none() || possible.count() > 0;
        let since =
            records.iter().filter(|other| other.account == record.account).map(|other| other.time).min();
        let warm = warm_up.is_none_or(|warm_up| since.unwrap() + warm_up <= record.time);
        let holed = hole.is_some_and(|(account, from, to)| {
            account == record.account && from <= record.time && to > record.time - window
        });
        // when: direct && !seen
        if record.wanted == Some(false) || sure {
            out.passed += 1;
        } else if !doubt && !holed && !warm {
            out.warming.insert(record.moment());
        } else if doubt || holed || record.wanted.is_none() {
            out.unknown.insert(record.moment());
        } else {
            out.failed.insert(record.moment());
        }
    }
    out
}

/// Divides the records into parts of these lengths.
fn divided<'r>(records: &'r [Record], lengths: &[usize]) -> Vec<&'r [Record]> {
    let mut rest = records;
    let mut parts = Vec::new();
    for &length in lengths {
        let (part, more) = rest.split_at(length.min(rest.len()));
        parts.push(part);
        rest = more;
    }
    parts.push(rest);
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn histories_are_those_of_a_list_of_all_records(
        records in corpus(),
        lengths in prop::collection::vec(0..12usize, 0..6),
        window in prop_oneof![Just(1), Just(2), Just(25)],
        warm_up in prop::option::of(1..60i64),
        hole in prop::option::of((0..2u8, 0..SPAN, 0..10 * HOUR)),
    ) {
        let mut state = format!(
            "histories: {{h: {{by: [api_call.account, api_call.principal], among: api_call.direct, window: {window}h}}}}\n\
             when: api_call.direct && !seen.h\n"
        );
        if let Some(hours) = warm_up {
            state.push_str(&format!("warm_up: {hours}h\n"));
        }
        let set = policies(&state);
        let policy = set.get("x").unwrap();
        let mut reading = reading(&records);
        let hole = hole.map(|(account, from, length)| (account, from, from + length));
        if let Some((account, from, to)) = hole {
            reading.hole(Hole { account: format!("{account:012}"), from, to });
        }
        let expected = model(&records, window * HOUR, warm_up.map(|hours| hours * HOUR), hole);
        let got = judged(policy, &divided(&records, &lengths), &reading);
        prop_assert_eq!(&got, &expected);
        let mut turned = records.clone();
        turned.reverse();
        prop_assert_eq!(judged(policy, &[&turned], &reading), expected);
    }

    /// Merging a table with itself changes nothing, and the order of merging neither.
    #[test]
    fn tables_merge_in_any_order_and_any_number_of_times(
        records in corpus(),
        at in any::<prop::sample::Index>(),
        window in prop_oneof![Just(Window::Last(HOUR)), Just(Window::Last(20 * HOUR)), Just(Window::All)],
    ) {
        let table = |records: &[Record]| {
            let mut history = History::new(window);
            for record in records {
                let keys = Keys::of_secret(3, 5);
                let keyed = keys.of(&[record.fact().kind().field("principal").unwrap()], &record.fact());
                let moment = record.occasion().moment;
                let certainty = if record.wanted == Some(true) { Certainty::Sure } else { Certainty::Possible };
                let value = keys.value(None, &record.fact(), &moment);
                history.add(keyed, certainty, &moment, value);
            }
            history
        };
        let (left, right) = records.split_at(at.index(records.len()));
        let (left, right) = (table(left), table(right));
        let mut one = left.clone();
        one.merge(right.clone());
        let mut two = right.clone();
        two.merge(left.clone());
        two.merge(one.clone());
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(one, table(&records));
    }

    #[test]
    fn counts_are_those_of_a_list_of_all_records(
        records in corpus(),
        lengths in prop::collection::vec(0..12usize, 0..6),
        hours in 1..30i64,
        at_least in 2..5usize,
        distinct in any::<bool>(),
    ) {
        let distinct_key = if distinct { ", distinct: api_call.event_name" } else { "" };
        let set = policies(&format!(
            "when: api_call.direct\n\
             count: {{by: [api_call.account, api_call.principal], window: {hours}h, at_least: {at_least}{distinct_key}}}\n"
        ));
        let policy = set.get("x").unwrap();
        let got = judged(policy, &divided(&records, &lengths), &reading(&records));

        // Every window that ends at a record of a key, over one delivery of each event.
        let mut events: Vec<&Record> = Vec::new();
        for record in &records {
            if !events.contains(&record) {
                events.push(record);
            }
        }
        let fired = |certain: bool| -> BTreeSet<(i64, u8)> {
            let counts = |one: &Record| if certain { one.wanted == Some(true) } else { one.wanted != Some(false) };
            let mut fired = BTreeSet::new();
            for end in &events {
                for (account, principal) in (0..2u8).flat_map(|a| (0..3u8).map(move |p| (a, p))) {
                    let inside: Vec<&&Record> = events.iter()
                        .filter(|one| one.account == account || (!certain && one.principal.is_none()))
                        .filter(|one| one.principal == Some(principal) || (!certain && one.principal.is_none()))
                        .filter(|one| counts(one) && one.time <= end.time && one.time > end.time - hours * HOUR)
                        .collect();
                    let values: BTreeSet<u8> =
                        inside.iter().map(|one| if distinct { one.name } else { one.id }).collect();
                    if values.len() >= at_least {
                        fired.extend(inside.iter().map(|one| one.moment()));
                    }
                }
            }
            fired
        };
        let (sure, possible) = (fired(true), fired(false));
        prop_assert_eq!(&got.failed, &sure);
        // Something is unknown exactly where what was not read could add to what is found.
        let named: BTreeSet<(i64, u8)> =
            events.iter().filter(|one| one.principal.is_some()).map(|one| one.moment()).collect();
        let doubtful = possible.intersection(&named).any(|moment| !sure.contains(moment));
        if doubtful {
            prop_assert!(!got.unknown.is_empty());
        }
        if possible.is_empty() {
            prop_assert!(got.unknown.is_empty());
        }
        let mut turned = records.clone();
        turned.reverse();
        prop_assert_eq!(&judged(policy, &[&turned], &reading(&records)), &got);

        // Counted roughly first, it is the same.
        let parts = divided(&records, &lengths);
        let (twice, again) = counted_twice(policy, &parts, |_| true);
        prop_assert_eq!(&twice.failed, &got.failed);
        prop_assert_eq!(&twice.unknown, &got.unknown);
        prop_assert_eq!(twice.passed, got.passed);
        // A part that is not there the second time never makes a pass of what it had.
        for gone in again {
            let (without, _) = counted_twice(policy, &parts, |at| at != gone);
            let here: BTreeSet<(i64, u8)> = parts[gone].iter().map(Record::moment).collect();
            prop_assert!(without.failed.is_subset(&got.failed));
            if !got.failed.is_disjoint(&here) {
                prop_assert!(!without.unknown.is_empty(), "{:?} of {:?}", without, got);
            }
        }
    }
}
