//! Which records belong together, and which of two came first.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::facts::schema::FieldAccess;
use crate::value::Value;

/// A hash of the values of a key's fields. Names come from strangers: the hash is one that nobody can make collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key([u8; 16]);

/// The key of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keyed {
    pub(crate) key: Key,
    /// The fields, by position in `by`, that were not read; none of them is part of the hash.
    pub(crate) unread: u64,
}

/// The key of a fact by these fields. An absent value is a value; a list that is incomplete is unread.
pub(crate) fn key_of(by: &[usize], fact: &dyn FieldAccess) -> Keyed {
    let unread = by.iter().enumerate().fold(0, |mask, (at, &field)| match fact.value(field) {
        Value::Unread(_) => mask | bit(at),
        Value::List(list) if list.incomplete.is_some() => mask | bit(at),
        _ => mask,
    });
    Keyed { key: key_without(by, fact, unread), unread }
}

/// The key without the fields of a mask: what a record whose other fields were not read has in common with the fact.
pub(crate) fn key_without(by: &[usize], fact: &dyn FieldAccess, without: u64) -> Key {
    let mut hasher = Sha256::new();
    hasher.update(without.to_be_bytes());
    let mut text = |tag: u8, bytes: &[u8]| {
        hasher.update([tag]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for (at, &field) in by.iter().enumerate() {
        if without & bit(at) != 0 {
            continue;
        }
        match fact.value(field) {
            Value::Absent | Value::Unread(_) => text(0, &[]),
            Value::Bool(value) => text(1, &[u8::from(value)]),
            Value::Int(value) => text(2, &value.to_be_bytes()),
            Value::Text(value) => text(3, value.as_bytes()),
            Value::List(list) => {
                let mut items: Vec<&str> = list.items.iter().map(AsRef::as_ref).collect();
                items.sort_unstable();
                text(4, &(items.len() as u64).to_be_bytes());
                items.into_iter().for_each(|item| text(5, item.as_bytes()));
            }
        }
    }
    let hash: [u8; 32] = hasher.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    Key(short)
}

/// A kind has fewer fields than a mask has bits; one beyond would stand for every field beyond.
fn bit(at: usize) -> u64 {
    1 << at.min(63)
}

/// When a record came: by time, and in the same second by its eventID. Two deliveries of one event are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// Seconds since 1970, UTC.
    pub(crate) time: i64,
    event: EventKey,
}

/// An eventID in little space. AWS's ids are UUIDs; as bytes they have the order of their texts. Others follow them,
/// and records without an id come last, by their place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum EventKey {
    Uuid([u8; 16]),
    Text(Box<str>),
    Place(Box<str>, u64),
}

impl Moment {
    /// `file` and `offset` stand for a record that has no id.
    pub(crate) fn new(time: i64, event_id: Option<&str>, file: &str, offset: u64) -> Self {
        let event = match event_id {
            Some(id) => uuid(id).map_or_else(|| EventKey::Text(id.into()), EventKey::Uuid),
            None => EventKey::Place(file.into(), offset),
        };
        Moment { time, event }
    }

    /// The eventID, where the record has one.
    pub(crate) fn event_id(&self) -> Option<String> {
        match &self.event {
            EventKey::Uuid(bytes) => {
                let mut text = String::with_capacity(36);
                for (at, byte) in bytes.iter().enumerate() {
                    if matches!(at, 4 | 6 | 8 | 10) {
                        text.push('-');
                    }
                    for nibble in [byte >> 4, byte & 15] {
                        text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                    }
                }
                Some(text)
            }
            EventKey::Text(text) => Some(text.to_string()),
            EventKey::Place(..) => None,
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
