//! Which records belong together.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::facts::schema::FieldAccess;
use crate::hashed::{HashedMap, Keys};
use crate::moment::Came;
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

/// Half of a hash: enough to tell two values apart, of which one is known.
pub(crate) type Other = NonZeroU64;

impl Key {
    fn other(self) -> Other {
        NonZeroU64::new(self.0).unwrap_or(NonZeroU64::MIN)
    }
}

/// A table by keys.
pub(crate) type KeyMap<T> = HashedMap<Key, T>;

/// The key of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keyed {
    pub(crate) key: Key,
    /// The fields, by position in `by`, that were not read; none of them is part of the hash.
    pub(crate) unread: u64,
}

impl Keys {
    /// The key of a fact by these fields. An absent value is a value; a list that is incomplete is unread.
    #[inline]
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
    pub(crate) fn value(self, field: Option<usize>, fact: &dyn FieldAccess, at: &impl Came) -> Option<Other> {
        match field {
            Some(field) => {
                let keyed = self.of(&[field], fact);
                (keyed.unread == 0).then(|| keyed.key.other())
            }
            None => {
                let mut hasher = self.hasher();
                at.moment().hash(&mut hasher);
                Some(finish(hasher, 0).other())
            }
        }
    }
}

/// Adds a value so that no two rows of values give the same bytes.
#[inline(always)]
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

#[inline]
fn finish(mut hasher: SipHasher13, unread: u64) -> Key {
    hasher.write_u64(unread);
    let hash = hasher.finish128();
    Key(hash.h1, hash.h2)
}

/// A kind has fewer fields than a mask has bits; one beyond would stand for every field beyond.
fn bit(at: usize) -> u64 {
    1 << at.min(63)
}
