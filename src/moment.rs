//! When a record came, and which of two came first.

use serde::{Deserialize, Serialize};

/// When a record came: by time, and in the same second by its eventID. Two deliveries of one event are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970, UTC.
    pub time: i64,
    event: EventKey,
}

/// What tells records of one second apart. Those without an id come last, by their place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum EventKey {
    Id(EventId),
    Place(Box<(Box<str>, u64)>),
}

/// An eventID in little space. AWS's ids are UUIDs; as bytes they have the order of their texts. Others follow them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventId {
    Uuid(#[serde(with = "crate::sixteen")] [u8; 16]),
    Other(Box<str>),
}

/// What came at some moment: when in all detail only where the second does not tell.
pub(crate) trait Came {
    /// Seconds since 1970, UTC.
    fn time(&self) -> i64;
    fn moment(&self) -> &Moment;
}

impl Came for Moment {
    fn time(&self) -> i64 {
        self.time
    }

    fn moment(&self) -> &Moment {
        self
    }
}

impl Moment {
    /// `time`: seconds since 1970, UTC. `file` and `offset` stand for a record that has no id.
    pub fn new(time: i64, event_id: Option<&str>, file: &str, offset: u64) -> Self {
        let event = match event_id {
            Some(id) => EventKey::Id(EventId::of(id)),
            None => EventKey::Place(Box::new((file.into(), offset))),
        };
        Moment { time, event }
    }

    /// Of a record with an eventID.
    pub(crate) fn of_id(time: i64, id: EventId) -> Self {
        Moment { time, event: EventKey::Id(id) }
    }

    pub(crate) fn id(&self) -> Option<&EventId> {
        match &self.event {
            EventKey::Id(id) => Some(id),
            EventKey::Place(_) => None,
        }
    }

    /// The eventID, where the record has one.
    pub fn event_id(&self) -> Option<String> {
        self.id().map(EventId::text)
    }
}

impl EventId {
    /// Of the text in a record.
    pub fn of(text: &str) -> Self {
        uuid(text).map_or_else(|| EventId::Other(text.into()), EventId::Uuid)
    }

    /// The text in the record.
    pub fn text(&self) -> String {
        match self {
            EventId::Uuid(bytes) => {
                let mut text = String::with_capacity(36);
                for (at, byte) in bytes.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        text.push('-');
                    }
                    for nibble in [byte >> 4, byte & 15] {
                        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                    }
                }
                text
            }
            EventId::Other(text) => text.to_string(),
        }
    }
}

/// The bytes of a UUID in the one form whose text they give back.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let four =
        |at: usize| u64::from(u32::from_le_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]));
    let eight = |first: usize, second: usize| four(first) | four(second) << 32;
    // The groups of 8, 4, 4, 4 and 12 digits.
    let words = [eight(0, 4), eight(9, 14), eight(19, 24), eight(28, 32)];
    let mut other = [8, 13, 18, 23].iter().fold(0, |other, &at| other | u64::from(text[at] ^ b'-'));
    let mut bytes = [0; 16];
    let (fours, _) = bytes.as_chunks_mut::<4>();
    for (four, word) in fours.iter_mut().zip(words) {
        let (read, is_other) = digits(word);
        *four = read;
        other |= is_other;
    }
    (other == 0).then_some(bytes)
}

/// What eight hexadecimal digits in lower case stand for, and zero; not zero, if one is none.
#[inline(always)]
fn digits(text: u64) -> ([u8; 4], u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let is_letter = text >> 6 & ONES;
    let values = (text & (ONES * 0x0f)) + is_letter * 9;
    // Written again: the digits above nine are letters.
    let is_above = (values + ONES * 6) >> 4 & ONES;
    let written = values + ONES * u64::from(b'0') + is_above * u64::from(b'a' - b'9' - 1);
    // The first of two digits counts sixteen times.
    let pairs = values << 4 | values >> 8;
    let [a, _, b, _, c, _, d, _] = pairs.to_le_bytes();
    ([a, b, c, d], (written ^ text) | (values & (ONES * 0xf0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_one_that_its_bytes_give_back() {
        let id = *b"7ef1b0da-27da-520b-b177-c44966d3b087";
        for at in 0..id.len() {
            for byte in 0..0x80 {
                let mut other = id;
                other[at] = byte;
                let other = std::str::from_utf8(&other).unwrap();
                let read = EventId::of(other);
                assert_eq!(read.text(), other);
                let is_dash = matches!(at, 8 | 13 | 18 | 23);
                let is_one = if is_dash { byte == b'-' } else { b"0123456789abcdef".contains(&byte) };
                assert_eq!(matches!(read, EventId::Uuid(_)), is_one, "{other}");
            }
        }
        let EventId::Uuid(bytes) = EventId::of("00112233-4455-6677-8899-aabbccddeeff") else { panic!() };
        assert_eq!(bytes, std::array::from_fn(|at| at as u8 * 0x11));
    }

    #[test]
    fn ids_keep_their_text_and_their_order() {
        let ids = [
            "00000000-0000-0000-0000-00000000000a",
            "7ef1b0da-27da-520b-b177-c44966d3b087",
            "7ef1b0da-27da-520b-b177-c44966d3b088",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ];
        let moments: Vec<Moment> = ids.iter().map(|id| Moment::new(5, Some(id), "f", 0)).collect();
        assert!(moments.is_sorted() && moments.windows(2).all(|pair| pair[0] != pair[1]));
        for (moment, id) in moments.iter().zip(ids) {
            assert_eq!(moment.event_id().as_deref(), Some(id));
        }
        for odd in ["", "7EF1B0DA-27da-520b-b177-c44966d3b087", "7ef1b0da-27da-520b-b177xc44966d3b087", "é"]
        {
            assert_eq!(Moment::new(5, Some(odd), "f", 0).event_id().as_deref(), Some(odd));
        }
        assert_eq!(Moment::new(5, None, "f", 7).event_id(), None);
        assert_ne!(Moment::new(5, None, "f", 7), Moment::new(5, None, "f", 8));
        assert!(Moment::new(4, None, "f", 7) < Moment::new(5, Some(ids[0]), "f", 0));
    }
}
