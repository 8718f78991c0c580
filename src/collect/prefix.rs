//! What the path of a directory of trail files says, so that most of a bucket need not be listed:
//! `AWSLogs/[o-ORG/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>

use crate::arn;
use crate::trail::{LeftOut, NEWER, OLDER, Prune, TrailFileName};

/// What becomes of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Listed,
    LeftOut(LeftOut),
}

/// What is known of a directory by its path.
#[derive(Debug, Default)]
struct Known<'p> {
    account: Option<&'p str>,
    class: Option<&'p str>,
    region: Option<&'p str>,
    date: Vec<i16>,
}

fn known(prefix: &str) -> Known<'_> {
    let parts: Vec<&str> = prefix.split('/').filter(|part| !part.is_empty()).collect();
    let Some(class) = parts.iter().position(|part| part.starts_with("CloudTrail")) else {
        let account = parts.last().copied().filter(|part| arn::is_account(part));
        return Known { account: account.filter(|_| parts.contains(&"AWSLogs")), ..Known::default() };
    };
    let account =
        class.checked_sub(1).and_then(|at| parts.get(at)).copied().filter(|part| arn::is_account(part));
    if account.is_none() {
        return Known::default();
    }
    let date = parts.iter().skip(class + 2).map_while(|part| part.parse().ok()).take(3).collect();
    Known { account, class: parts.get(class).copied(), region: parts.get(class + 1).copied(), date }
}

/// Is everything below it listed in one go? Where nothing more can be left out, that takes the fewest calls.
pub(super) fn is_flat(prefix: &str, prune: &Prune) -> bool {
    if *prune == Prune::default() {
        return true;
    }
    let known = known(prefix);
    let timed = prune.from.is_some() || prune.to.is_some();
    known.region.is_some() && (!timed || known.date.len() == 3)
}

/// Is a directory listed? Only what its path says for certain leaves it out.
pub(super) fn below(prefix: &str, prune: &Prune) -> Below {
    let known = known(prefix);
    let other = |set: &Option<std::collections::BTreeSet<String>>, value: Option<&str>| {
        value.is_some_and(|value| set.as_ref().is_some_and(|set| !set.contains(value)))
    };
    if other(&prune.accounts, known.account) {
        return Below::LeftOut(LeftOut::Account);
    }
    if other(&prune.regions, known.region) {
        return Below::LeftOut(LeftOut::Region);
    }
    // Digests prove files of other days.
    if known.class != Some("CloudTrail") {
        return Below::Listed;
    }
    let Some((first, last)) = span(&known.date) else { return Below::Listed };
    if prune.from.is_some_and(|from| last.saturating_add(NEWER) < from) {
        return Below::LeftOut(LeftOut::Before);
    }
    if prune.to.is_some_and(|to| first.saturating_sub(OLDER) >= to) {
        return Below::LeftOut(LeftOut::After);
    }
    Below::Listed
}

/// The first and last second of a year, month or day.
fn span(date: &[i16]) -> Option<(i64, i64)> {
    let small = |at: usize| date.get(at).map(|part| i8::try_from(*part).ok());
    let first = match (date.first()?, small(1), small(2)) {
        (year, None, _) => jiff::civil::Date::new(*year, 1, 1),
        (year, Some(month), None) => jiff::civil::Date::new(*year, month?, 1),
        (year, Some(month), Some(day)) => jiff::civil::Date::new(*year, month?, day?),
    }
    .ok()?;
    let next = match date.len() {
        1 => jiff::civil::Date::new(first.year().checked_add(1)?, 1, 1).ok()?,
        2 => first.last_of_month().tomorrow().ok()?,
        _ => first.tomorrow().ok()?,
    };
    let second =
        |date: jiff::civil::Date| Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second());
    Some((second(first)?, second(next)? - 1))
}

/// The same in the form of a file's name: whose records are missing where the directory was not read, and from when.
pub(super) fn named(prefix: &str) -> Option<TrailFileName> {
    let known = known(prefix);
    let time = span(&known.date).map_or(i64::MIN, |(first, _)| first);
    Some(TrailFileName {
        account: known.account?.to_owned(),
        region: known.region.unwrap_or_default().to_owned(),
        time,
        class: known.class.unwrap_or("CloudTrail").to_owned(),
        organization: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn directories_are_left_out_only_by_what_their_path_says() {
        let noon =
            |day: &str| format!("2026-11-{day}T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_second();
        let prune = Prune {
            from: Some(noon("10")),
            to: Some(noon("12")),
            accounts: Some(BTreeSet::from(["111122223333".to_owned()])),
            regions: None,
        };
        let base = "x/AWSLogs/o-exampleorg1/";
        let why = |path: &str| below(&format!("{base}{path}"), &prune);
        assert_eq!(why("444455556666/"), Below::LeftOut(LeftOut::Account));
        assert_eq!(why("111122223333/"), Below::Listed);
        assert_eq!(why("111122223333/CloudTrail/"), Below::Listed);
        let region = "111122223333/CloudTrail/eu-west-1/";
        assert_eq!(why(&format!("{region}2025/")), Below::LeftOut(LeftOut::Before));
        assert_eq!(why(&format!("{region}2026/")), Below::Listed);
        assert_eq!(why(&format!("{region}2026/10/")), Below::LeftOut(LeftOut::Before));
        assert_eq!(why(&format!("{region}2026/11/")), Below::Listed);
        assert_eq!(why(&format!("{region}2026/11/09/")), Below::LeftOut(LeftOut::Before));
        // Files are delivered later than their records.
        for day in ["10", "11", "12", "13"] {
            assert_eq!(why(&format!("{region}2026/11/{day}/")), Below::Listed, "{day}");
        }
        assert_eq!(why(&format!("{region}2026/11/14/")), Below::LeftOut(LeftOut::After));
        assert_eq!(why("111122223333/CloudTrail-Digest/eu-west-1/2020/"), Below::Listed);
        assert_eq!(why("2019/strange/"), Below::Listed);
        assert!(is_flat("anything/", &Prune::default()) && !is_flat("AWSLogs/", &prune));
        assert!(is_flat(&format!("{base}{region}2026/11/10/"), &prune));
    }
}
