//! The time of a record: RFC 3339 to whole seconds.

/// Seconds since 1970-01-01T00:00:00Z of an RFC 3339 time such as `2025-03-01T00:00:00Z`. A fraction is cut off and an
/// offset applied; a time without an offset, with a day that does not exist, or in any other form gives `None`.
/// CloudTrail writes `eventTime` in UTC with a resolution of one second:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
pub fn parse_event_time(text: &str) -> Option<i64> {
    if let Some(seconds) = plain_utc(text.as_bytes()) {
        return Some(seconds);
    }
    let bytes = text.as_bytes();
    if bytes.get(10) != Some(&b'T') || bytes.get(4) != Some(&b'-') {
        return None;
    }
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_nanosecond().div_euclid(1_000_000_000) as i64)
}

/// The form every record uses, without a general parser: `YYYY-MM-DDTHH:MM:SSZ`.
fn plain_utc(bytes: &[u8]) -> Option<i64> {
    let &[a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'Z'] = bytes else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let pair = |tens: u8, units: u8| Some(digit(tens)? * 10 + digit(units)?);
    let year = pair(a, b)? * 100 + pair(c, d)?;
    let (month, day) = (pair(e, f)?, pair(g, h)?);
    let (hour, minute, second) = (pair(i, j)?, pair(k, l)?, pair(m, n)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last_day = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=last_day).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days from civil, with years that begin in March (Howard Hinnant's public-domain derivation).
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_calendar_library() {
        let mut time: jiff::Timestamp = "1969-12-30T23:59:58Z".parse().unwrap();
        for step in 0..4_000 {
            assert_eq!(plain_utc(time.to_string().as_bytes()), Some(time.as_second()), "{time}");
            time += jiff::SignedDuration::from_secs(13 * 86_400 + 4_321 + step);
        }
    }

    #[test]
    fn reads_offsets_and_fractions_and_refuses_the_rest() {
        assert_eq!(parse_event_time("2025-03-01T00:00:00Z"), Some(1_740_787_200));
        assert_eq!(parse_event_time("2025-03-01T01:00:00+01:00"), Some(1_740_787_200));
        assert_eq!(parse_event_time("2025-03-01T00:00:00.999Z"), Some(1_740_787_200));
        for bad in [
            "",
            "2025-03-01",
            "2025-03-01T00:00:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-03-01T24:00:00Z",
            "20250301T000000Z",
            "1740787200",
            "Jul 10, 2023, 12:31:14 PM",
            "２０25-03-01T00:00:00Z",
        ] {
            assert_eq!(parse_event_time(bad), None, "{bad}");
        }
    }
}
