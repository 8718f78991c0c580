//! `repeat`, histories over all that was read, and histories in levels, against a plain model.

use super::*;
use crate::policy::Severity;

/// A finding's grade, and whether it is certain: as the model computes it from the record alone.
fn grade(record: &Record) -> ((Severity, u8), bool) {
    match record.wanted {
        Some(true) => ((Severity::High, 70), true),
        Some(false) => ((Severity::Low, 20), true),
        None => ((Severity::High, 70), false),
    }
}

/// One delivery of each event, in order.
fn events(records: &[Record]) -> Vec<Record> {
    let mut events: Vec<Record> = Vec::new();
    for record in records {
        if !events.contains(record) {
            events.push(record.clone());
        }
    }
    events.sort_by_key(Record::moment);
    events
}

/// How one record came out: failed with a level, or not.
fn ranked(
    policy: &Policy,
    records: &[Record],
    reading: &Reading,
) -> BTreeMap<(i64, u8), (Option<usize>, bool)> {
    let program = policy.program.as_ref().unwrap();
    let rules = Rules { program, judge: &policy.judge, keys: Keys::KNOWN };
    let mut part = Part::new(program);
    let mut out = BTreeMap::new();
    for record in records {
        let (fact, occasion) = (record.fact(), record.occasion());
        let standing = occasion.standing();
        let at = (&standing, true, CountMode::Exactly);
        let now = part.add(rules.look(&fact, &standing), at, || (record.moment(), record.fact()));
        assert_eq!(now, Now::Wait, "levels are told when all have been read");
    }
    part.settle(rules, reading, |(_, fact)| fact, &mut |settled| {
        if let Settled::Judged { held: (moment, fact), seen } = settled {
            let Outcome::Fail { level, certain, .. } = policy.judge.outcome(&fact, &Env { seen: &seen })
            else {
                panic!("it fails always")
            };
            out.insert(moment, (level, certain == crate::policy::judge::Certain::Yes));
        }
    });
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Every record fails; what is reported is what a reader of all records in order would report.
    #[test]
    fn repeats_are_those_of_a_list_of_all_records(
        records in corpus(),
        lengths in prop::collection::vec(0..12usize, 0..6),
        hours in 1..40i64,
    ) {
        let set = policies(&format!(
            "severity: low\nrisk_score: 20\nwhen: api_call.event_name.startsWith(\"n\")\n\
             levels: [{{when: api_call.direct, severity: high, risk_score: 70}}]\n\
             repeat: {{by: [api_call.account, api_call.principal], every: {hours}h}}\n"
        ));
        let policy = set.get("x").unwrap();
        let got = judged(policy, &divided(&records, &lengths), &reading(&records));

        // What was reported before, in order.
        let mut reported: Vec<Record> = Vec::new();
        for record in events(&records) {
            let silenced = reported.iter().any(|earlier| {
                record.principal.is_some()
                    && (earlier.account, earlier.principal) == (record.account, record.principal)
                    && earlier.time > record.time - hours * HOUR
                    && grade(earlier) >= grade(&record)
            });
            if !silenced {
                reported.push(record);
            }
        }
        let expected: BTreeSet<(i64, u8)> = reported.iter().map(Record::moment).collect();
        let rest: BTreeSet<(i64, u8)> =
            records.iter().map(Record::moment).filter(|moment| !expected.contains(moment)).collect();
        prop_assert_eq!(&got.failed, &expected);
        prop_assert_eq!(&got.repeated, &rest);
        let mut turned = records.clone();
        turned.reverse();
        prop_assert_eq!(judged(policy, &[&turned], &reading(&records)), got);
    }

    /// Is there another record with the key, before or after; one with another name; one that came before?
    #[test]
    fn levels_ask_what_a_list_of_all_records_tells(
        records in corpus(),
        hole in prop::option::of((0..2u8, 0..SPAN)),
    ) {
        let set = policies(
            "severity: info\nrisk_score: 1\nwhen: api_call.event_name.startsWith(\"n\")\nwarm_up: 20h\n\
             histories:\n  \
               any: {by: [api_call.account, api_call.principal], among: api_call.direct, window: all}\n  \
               named: {by: [api_call.account, api_call.principal], among: api_call.direct, window: all, other: api_call.event_name}\n  \
               before: {by: [api_call.account, api_call.principal], among: api_call.direct, window: 30h}\n\
             levels:\n\
             - {when: seen.named, severity: high, risk_score: 70}\n\
             - {when: '!seen.any', severity: medium, risk_score: 50}\n\
             - {when: '!seen.before', severity: low, risk_score: 20}\n",
        );
        let policy = set.get("x").unwrap();
        let mut reading = reading(&records);
        if let Some((account, at)) = hole {
            reading.hole(Hole { account: format!("{account:012}"), from: at, to: at });
        }
        let got = ranked(policy, &records, &reading);
        for record in &records {
            let since =
                records.iter().filter(|one| one.account == record.account).map(|one| one.time).min().unwrap();
            let cold = record.time < since + 20 * HOUR;
            let holed = |from: i64, to: i64| {
                hole.is_some_and(|(account, at)| account == record.account && from <= at && at <= to)
            };
            let ask = |also: &dyn Fn(&Record) -> bool, unread: bool| {
                let others = || records.iter()
                    .filter(|one| one.moment() != record.moment() && one.account == record.account)
                    .filter(|one| also(one));
                let sure = others().any(|one| {
                    one.wanted == Some(true) && one.principal.is_some() && one.principal == record.principal
                });
                let possible = others().any(|one| {
                    one.wanted != Some(false)
                        && (one.principal.is_none() || one.principal == record.principal)
                });
                match () {
                    () if record.principal.is_none() => Truth::Unknown,
                    () if sure => Truth::True,
                    () if possible || unread => Truth::Unknown,
                    () => Truth::False,
                }
            };
            let named = ask(&|one| one.name != record.name, holed(i64::MIN, i64::MAX));
            let any = ask(&|_| true, holed(i64::MIN, i64::MAX));
            let earlier = |one: &Record| {
                one.moment() < record.moment() && one.time > record.time - 30 * HOUR
            };
            let before = ask(&earlier, cold || holed(record.time - 30 * HOUR + 1, record.time));
            let not = |truth| match truth {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            };
            let levels = [named, not(any), not(before)];
            let first = levels.iter().position(|truth| *truth != Truth::False);
            let certain = first.is_none_or(|first| levels[first] == Truth::True);
            prop_assert_eq!(got[&record.moment()], (first, certain), "{:?} {:?}", record, levels);
        }
        let mut turned = records.clone();
        turned.reverse();
        prop_assert_eq!(ranked(policy, &turned, &reading), got);
    }
}
