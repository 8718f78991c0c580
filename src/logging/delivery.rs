//! Did the invocations that CloudWatch counts arrive as records? What is compared is whether there is any record at
//! all: how many there should be is not known, since an asynchronous event may be tried several times.
//!
//! Taken as given, with their sources:
//! - An invocation counts for the minute when it began, whatever its end; refused and throttled requests do not count.
//!   <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
//! - Its record may be older: an asynchronous event waits for up to six hours, retries included.
//!   <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
//! - CloudTrail delivers within some minutes, as a rule; an hour is allowed for it.
//!   <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{Reading, Why};

/// Sums of invocations by the second at which their hour begins; hours without any are left out.
pub type Hours = BTreeMap<i64, f64>;

/// In how long stretches invocations are counted: seconds.
pub const HOUR: i64 = 3_600;
const QUARTER: i64 = 900;
const DAY: i64 = 86_400;
/// How long an asynchronous event may wait for its last attempt.
const WAITS: i64 = 6 * HOUR;
/// Clocks of the two services may differ, and an invocation may begin somewhat before its record's time.
const AFTER: i64 = QUARTER;
/// What was delivered later than this was not read in time to be compared.
const DELIVERY: i64 = HOUR;

/// Quarters of an hour with something in them: by day, a bit for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarters(BTreeMap<i64, u128>);

impl Quarters {
    pub fn add(&mut self, time: i64) {
        *self.0.entry(time.div_euclid(DAY)).or_default() |= 1 << (time.rem_euclid(DAY) / QUARTER);
    }

    pub fn merge(&mut self, other: Quarters) {
        for (day, quarters) in other.0 {
            *self.0.entry(day).or_default() |= quarters;
        }
    }

    /// Is there any from `from` to before `to`? Both are taken to the quarter that they are in.
    fn any(&self, from: i64, to: i64) -> bool {
        let bits = |day: i64, quarters: u128| {
            let first = (from - day * DAY).max(0) / QUARTER;
            let end = ((to - day * DAY + QUARTER - 1) / QUARTER).min(DAY / QUARTER);
            (first..end).any(|quarter| quarters & (1 << quarter) != 0)
        };
        let days = self.0.range(from.div_euclid(DAY)..=to.div_euclid(DAY));
        days.into_iter().any(|(day, quarters)| bits(*day, *quarters))
    }
}

/// Of when the records of a function's account and region were read.
#[derive(Clone, Copy)]
pub struct Read<'r> {
    /// From this second, and only from when on what is recorded did not change.
    pub from: i64,
    pub to: i64,
    /// Is something known to be missing between two seconds?
    pub missing: &'r dyn Fn(i64, i64) -> bool,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub undelivered: Reading<bool>,
    /// Hours without a record.
    pub hours: Reading<i64>,
    /// One sentence without its full stop.
    pub reason: String,
}

impl Comparison {
    fn unread(why: Why, reason: &str) -> Self {
        Comparison {
            undelivered: Reading::Unread(why),
            hours: Reading::Unread(why),
            reason: reason.to_owned(),
        }
    }
}

/// Compares what CloudWatch counted with what arrived. `written` shows a second as text.
pub fn compare(
    counted: Result<&Hours, Why>,
    read: Option<Read<'_>>,
    arrived: Option<&Quarters>,
    written: &dyn Fn(i64) -> String,
) -> Comparison {
    let counted = match counted {
        Ok(counted) => counted,
        Err(why) => {
            return Comparison::unread(why, &format!("CloudWatch's counts were not read ({why})"));
        }
    };
    if counted.is_empty() {
        let reason = "CloudWatch counts no invocations of it".to_owned();
        return Comparison { undelivered: Reading::Known(false), hours: Reading::Known(0), reason };
    }
    let Some(read) = read else {
        return Comparison::unread(Why::NotCollected, "no record of its account and region was read");
    };
    let (mut lost, mut compared, mut holes) = (Vec::new(), 0usize, 0usize);
    for (hour, count) in counted {
        let (from, to) = (hour - WAITS, hour + HOUR + AFTER);
        if from < read.from || hour + HOUR + DELIVERY > read.to {
            continue;
        }
        // A record is enough, whatever else is missing.
        if arrived.is_some_and(|arrived| arrived.any(from, to)) {
            compared += 1;
        } else if (read.missing)(from, to) {
            holes += 1;
        } else {
            compared += 1;
            lost.push((*hour, *count));
        }
    }
    let of = format!("of {} hours in which CloudWatch counts invocations", counted.len());
    if let (Some((first, _)), Some((last, _))) = (lost.first(), lost.last()) {
        let sum: f64 = lost.iter().map(|(_, count)| count).sum();
        let reason = format!(
            "{of}, the records of {compared} were read; in {} of these, from {} to {}, it counts {sum:.0} invocations, \
             and no record of one arrived",
            lost.len(),
            written(*first),
            written(last + HOUR)
        );
        let hours = i64::try_from(lost.len()).unwrap_or(i64::MAX);
        return Comparison { undelivered: Reading::Known(true), hours: Reading::Known(hours), reason };
    }
    if holes > 0 {
        return Comparison::unread(Why::HistoryGap, &format!("{of}, records of {holes} are missing"));
    }
    if compared == 0 {
        let why = "the records of none were read, with the six hours before and an hour for their delivery";
        return Comparison::unread(Why::NotCollected, &format!("{of}, {why}"));
    }
    let reason =
        format!("{of}, the records of {compared} were read, and in all of these invocations arrived");
    Comparison { undelivered: Reading::Known(false), hours: Reading::Known(0), reason }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOON: i64 = 20_000 * DAY + 12 * HOUR;

    fn hours(at: &[i64]) -> Hours {
        at.iter().map(|hour| (NOON + hour * HOUR, 7.0)).collect()
    }

    fn quarters(at: &[i64]) -> Quarters {
        let mut quarters = Quarters::default();
        at.iter().for_each(|time| quarters.add(*time));
        quarters
    }

    /// Read from six hours before noon until eight o'clock in the evening.
    fn compared(counted: &[i64], arrived: &[i64], hole: Option<(i64, i64)>) -> Comparison {
        let missing = move |from: i64, to: i64| hole.is_some_and(|(first, last)| from <= last && first <= to);
        let read = Read { from: NOON - 6 * HOUR, to: NOON + 8 * HOUR, missing: &missing };
        compare(Ok(&hours(counted)), Some(read), Some(&quarters(arrived)), &|time| time.to_string())
    }

    fn verdict(counted: &[i64], arrived: &[i64], hole: Option<(i64, i64)>) -> Reading<bool> {
        compared(counted, arrived, hole).undelivered
    }

    #[test]
    fn quarters_are_found_across_midnight() {
        let midnight = 20_001 * DAY;
        let some = quarters(&[midnight - 1]);
        assert!(some.any(midnight - QUARTER, midnight));
        assert!(!some.any(midnight, midnight + DAY));
        assert!(some.any(midnight - 3 * DAY, midnight + 3 * DAY));
        assert!(!some.any(midnight - 2 * QUARTER, midnight - QUARTER));
        let mut both = quarters(&[midnight]);
        both.merge(some);
        assert!(both.any(midnight, midnight + 1) && both.any(midnight - 1, midnight));
        assert!(quarters(&[-1]).any(-QUARTER, 0));
    }

    #[test]
    fn an_hour_without_a_record_is_undelivered() {
        let found = compared(&[0, 1], &[], None);
        assert_eq!((found.undelivered, found.hours), (Reading::Known(true), Reading::Known(2)));
        assert!(found.reason.contains("14 invocations"), "{}", found.reason);
    }

    /// What was asked for at six and begins at noon has its record at six.
    #[test]
    fn a_record_of_up_to_six_hours_before_is_enough() {
        assert_eq!(verdict(&[0], &[NOON - 6 * HOUR], None), Reading::Known(false));
        assert_eq!(verdict(&[0], &[NOON - 6 * HOUR - 1], None), Reading::Known(true));
        assert_eq!(verdict(&[0], &[NOON + HOUR + AFTER - 1], None), Reading::Known(false));
        assert_eq!(verdict(&[0], &[NOON + HOUR + AFTER], None), Reading::Known(true));
    }

    /// Records may still be on their way, and those of before were not read.
    #[test]
    fn hours_at_the_ends_are_not_compared() {
        assert_eq!(verdict(&[-1], &[], None), Reading::Unread(Why::NotCollected));
        assert_eq!(verdict(&[6], &[], None), Reading::Known(true));
        assert_eq!(verdict(&[7], &[], None), Reading::Unread(Why::NotCollected));
        assert_eq!(verdict(&[7, 0], &[NOON], None), Reading::Known(false));
    }

    #[test]
    fn what_a_hole_may_hide_is_unknown() {
        let hole = Some((NOON, NOON));
        assert_eq!(verdict(&[0], &[], hole), Reading::Unread(Why::HistoryGap));
        // A record was read beside the hole.
        assert_eq!(verdict(&[0], &[NOON - HOUR], hole), Reading::Known(false));
        // Another hour says it for certain.
        assert_eq!(verdict(&[0, 6], &[], Some((NOON - 6 * HOUR, NOON - 1))), Reading::Known(true));
        assert_eq!(verdict(&[0, 1], &[NOON + 2 * HOUR], hole), Reading::Unread(Why::HistoryGap));
    }

    #[test]
    fn what_was_not_counted_or_not_read() {
        let written = |time: i64| time.to_string();
        let of = |counted: Result<&Hours, Why>| compare(counted, None, None, &written).undelivered;
        assert_eq!(of(Err(Why::Denied)), Reading::Unread(Why::Denied));
        assert_eq!(of(Ok(&Hours::new())), Reading::Known(false));
        assert_eq!(of(Ok(&hours(&[0]))), Reading::Unread(Why::NotCollected));
    }
}
