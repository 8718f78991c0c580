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

/// Reads the times of one file's records, most of which are of the same hour as the one before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// An hour as it is written, up to the minutes, and when it began.
    hour: Option<([u8; 14], i64)>,
}

impl Clock {
    /// The same as [`parse_event_time`], of the bytes of a text.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<i64> {
        if let (Some((hour, began)), Some((written, rest))) = (&self.hour, text.split_first_chunk())
            && rest.len() == 6
            && written == hour
            && let Some(within) = text.last_chunk().and_then(|last| minutes(*last))
        {
            return Some(began + within);
        }
        self.read_any(text)
    }

    #[inline(never)]
    fn read_any(&mut self, text: &[u8]) -> Option<i64> {
        let Some(time) = plain_utc(text) else {
            return parse_event_time(std::str::from_utf8(text).ok()?);
        };
        self.hour = text.first_chunk().map(|hour| (*hour, time - time.rem_euclid(3_600)));
        Some(time)
    }
}

/// Seconds since the hour, of a time from the last digit of its hour on.
#[inline]
fn minutes(text: [u8; 8]) -> Option<i64> {
    let pairs = pairs(text, *b"0:00:00Z")?;
    let (minute, second) = (pairs[2], pairs[5]);
    (minute <= 59 && second <= 59).then_some(i64::from(minute) * 60 + i64::from(second))
}

/// The form every record uses, without a general parser: `YYYY-MM-DDTHH:MM:SSZ`.
fn plain_utc(bytes: &[u8]) -> Option<i64> {
    let bytes: &[u8; 20] = bytes.try_into().ok()?;
    let (date, time) = bytes.split_first_chunk::<8>()?;
    let date = pairs(*date, *b"0000-00-")?;
    let hours = pairs(*time.first_chunk()?, *b"00T00:00")?;
    let seconds = pairs(*time.last_chunk()?, *b"0:00:00Z")?;
    let pair = |of: [u8; 8], at: usize| u32::from(of[at]);
    let year = pair(date, 0) * 100 + pair(date, 2);
    let (month, day) = (pair(date, 5), pair(hours, 0));
    let (hour, minute, second) = (pair(hours, 3), pair(hours, 6), pair(seconds, 5));
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
    // Days from civil, with years that begin in March (Howard Hinnant's public-domain derivation). The first of them
    // here is 400 years before the year 0, so that no year is below zero.
    let shifted = year + 400 - u32::from(month <= 2);
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = i64::from(era * 146_097 + day_of_era) - (719_468 + 146_097);
    Some(days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second))
}

/// At each place the number of two digits that begins there; `None` where one of eight bytes is no digit and a zero is in
/// the form, or another byte than the form's.
#[inline]
fn pairs(bytes: [u8; 8], form: [u8; 8]) -> Option<[u8; 8]> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // As digits are 0x30 to 0x39, and all else is the same as in the form: at most nine, or zero.
    let digits = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(form);
    let room = u64::from_le_bytes(form.map(|byte| if byte == b'0' { 0x7f - 9 } else { 0x7f }));
    if (digits | ((digits & !HIGH) + room)) & HIGH != 0 {
        return None;
    }
    Some((digits * 10 + (digits >> 8)).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_calendar_library() {
        let mut time: jiff::Timestamp = "1969-12-30T23:59:58Z".parse().unwrap();
        let mut clock = Clock::default();
        for step in 0..4_000 {
            assert_eq!(plain_utc(time.to_string().as_bytes()), Some(time.as_second()), "{time}");
            assert_eq!(clock.read(time.to_string().as_bytes()), Some(time.as_second()), "{time}");
            let near = time + jiff::SignedDuration::from_secs(step);
            assert_eq!(clock.read(near.to_string().as_bytes()), Some(near.as_second()), "{near}");
            time += jiff::SignedDuration::from_secs(13 * 86_400 + 4_321 + step);
        }
    }

    #[test]
    fn any_other_byte_is_refused_or_read_as_a_calendar_library_reads_it() {
        let time = *b"2024-02-29T19:45:38Z";
        for at in 0..time.len() {
            for byte in 0..=u8::MAX {
                let mut other = time;
                other[at] = byte;
                let read = std::str::from_utf8(&other).ok().and_then(|text| text.parse().ok());
                let read = read.map(|time: jiff::Timestamp| time.as_second());
                let found = plain_utc(&other);
                assert!(found.is_none() || found == read, "{other:?}");
                let mut clock = Clock::default();
                assert_eq!(clock.read(&time), plain_utc(&time));
                let parsed = std::str::from_utf8(&other).ok().and_then(parse_event_time);
                assert_eq!(clock.read(&other), parsed, "{other:?}");
                assert!(found.is_some() || read.is_none() || !byte.is_ascii_digit(), "{other:?}");
            }
        }
        assert_eq!(plain_utc(b"0000-01-01T00:00:00Z"), Some(-62_167_219_200));
        assert_eq!(plain_utc(b"9999-12-31T23:59:59Z"), Some(253_402_300_799));
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
            "2025/03/01T00:00:00Z",
            "2025-03-01 00:00:00Z",
            "2025-00-01T00:00:00Z",
            "2025-03-00T00:00:00Z",
            "2025-03-0:T00:00:00Z",
            "2025-03-01T00:0/:00Z",
            "２０25-03-01T00:00:00Z",
        ] {
            assert_eq!(parse_event_time(bad), None, "{bad}");
        }
    }
}
