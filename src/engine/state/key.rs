//! Which records belong together, and which of two came first.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::facts::schema::FieldAccess;
use crate::value::Value;

/// A hash of the values of a key's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key(u64, u64);

// It is a hash already: tables take it as it is.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Hashes keys by what they are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = self.0.rotate_left(8) ^ value;
    }
}

/// A table by keys.
pub(crate) type KeyMap<T> = hashbrown::HashMap<Key, T, std::hash::BuildHasherDefault<AsItIs>>;

/// The key of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keyed {
    pub(crate) key: Key,
    /// The fields, by position in `by`, that were not read; none of them is part of the hash.
    pub(crate) unread: u64,
}

/// Makes keys. Names come from strangers: the hash is keyed by a secret that was chosen by chance, so that nobody can
/// make two names collide, and one seem to have been seen because another was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys(pub(super) u64, pub(super) u64);

impl Keys {
    /// Known to all: for cases, whose author is the policy's, and where no key is made.
    pub(crate) const KNOWN: Keys = Keys(0, 0);

    /// Of a secret that nobody can know who names what is judged.
    pub(crate) const fn of_secret(one: u64, two: u64) -> Self {
        Keys(one, two)
    }

    /// The key of a fact by these fields. An absent value is a value; a list that is incomplete is unread.
    pub(crate) fn of(self, by: &[usize], fact: &dyn FieldAccess) -> Keyed {
        let mut hasher = self.hasher();
        let mut unread = 0;
        for (at, &field) in by.iter().enumerate() {
            match fact.value(field) {
                Value::Unread(_) => unread |= bit(at),
                Value::List(list) if list.incomplete.is_some() => unread |= bit(at),
                value => add(&mut hasher, value),
            }
        }
        Keyed { key: finish(hasher, unread), unread }
    }

    /// The key without the fields of a mask: what a record whose other fields were not read has in common with the
    /// fact.
    pub(crate) fn without(self, by: &[usize], fact: &dyn FieldAccess, without: u64) -> Key {
        let mut hasher = self.hasher();
        for (at, &field) in by.iter().enumerate() {
            if without & bit(at) == 0 {
                add(&mut hasher, fact.value(field));
            }
        }
        finish(hasher, without)
    }

    /// What a record must differ in to be another one: this field's value, else the record itself. `None`: it was not
    /// read.
    pub(crate) fn value(self, field: Option<usize>, fact: &dyn FieldAccess, moment: &Moment) -> Option<Key> {
        match field {
            Some(field) => {
                let keyed = self.of(&[field], fact);
                (keyed.unread == 0).then_some(keyed.key)
            }
            None => {
                let mut hasher = self.hasher();
                moment.hash(&mut hasher);
                Some(finish(hasher, 0))
            }
        }
    }

    fn hasher(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Adds a value so that no two rows of values give the same bytes.
fn add(hasher: &mut SipHasher13, value: Value<'_>) {
    let mut text = |tag: u8, bytes: &[u8]| {
        // No text is so long that its length would touch the highest byte.
        hasher.write_u64(bytes.len() as u64 ^ u64::from(tag) << 56);
        hasher.write(bytes);
    };
    match value {
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

fn finish(mut hasher: SipHasher13, unread: u64) -> Key {
    hasher.write_u64(unread);
    let hash = hasher.finish128();
    Key(hash.h1, hash.h2)
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

/// What tells records of one second apart. Those without an id come last, by their place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum EventKey {
    Id(EventId),
    Place(Box<(Box<str>, u64)>),
}

/// An eventID in little space. AWS's ids are UUIDs; as bytes they have the order of their texts. Others follow them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum EventId {
    Uuid([u8; 16]),
    Other(Box<str>),
}

impl Moment {
    /// `file` and `offset` stand for a record that has no id.
    pub(crate) fn new(time: i64, event_id: Option<&str>, file: &str, offset: u64) -> Self {
        let event = match event_id {
            Some(id) => EventKey::Id(EventId::of(id)),
            None => EventKey::Place(Box::new((file.into(), offset))),
        };
        Moment { time, event }
    }

    /// The eventID, where the record has one.
    pub(crate) fn event_id(&self) -> Option<String> {
        match &self.event {
            EventKey::Id(id) => Some(id.text()),
            EventKey::Place(_) => None,
        }
    }
}

impl EventId {
    pub(crate) fn of(text: &str) -> Self {
        uuid(text).map_or_else(|| EventId::Other(text.into()), EventId::Uuid)
    }

    pub(crate) fn text(&self) -> String {
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
