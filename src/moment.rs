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
    Uuid([u8; 16]),
    Other(Box<str>),
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

/// What each hexadecimal digit in lower case stands for; of other bytes the high bits are set.
const DIGITS: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// The bytes of a UUID in the one form whose text they give back.
fn uuid(text: &str) -> Option<[u8; 16]> {
    /// Where the two digits of each byte begin.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    let mut odd = 0;
    for (byte, at) in bytes.iter_mut().zip(PLACES) {
        let (high, low) = (DIGITS[usize::from(text[at])], DIGITS[usize::from(text[at + 1])]);
        odd |= high | low;
        *byte = high << 4 | (low & 0x0f);
    }
    let dashes = [8, 13, 18, 23].iter().all(|&at| text[at] == b'-');
    (dashes && odd & 0xf0 == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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
