//! How many judgements wait in each file, in little space: there are many sessions, and most come in a few files that
//! stand beside each other.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A file's number among those that something waits of.
pub(super) type File = u32;

/// Of each file, in order of their numbers: the distance to the one before, and how many. Both as numbers of as few
/// bytes as they need, seven bits in each, the lowest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Bytes", into = "Bytes")]
pub(super) struct Places {
    bytes: Bytes,
    /// The number of the last.
    last: File,
}

type Bytes = SmallVec<[u8; 16]>;

impl From<Bytes> for Places {
    fn from(bytes: Bytes) -> Self {
        let mut places = Places { bytes, last: 0 };
        places.last = places.iter().last().map_or(0, |(file, _)| file);
        places
    }
}

impl From<Places> for Bytes {
    fn from(places: Places) -> Self {
        places.bytes
    }
}

impl Places {
    /// Of files in order of their numbers, each once.
    fn of(all: impl IntoIterator<Item = (File, u64)>) -> Self {
        let mut places = Places::default();
        all.into_iter().for_each(|(file, count)| places.push(file, count));
        places
    }

    /// Adds a file behind the last.
    fn push(&mut self, file: File, count: u64) {
        put(&mut self.bytes, u64::from(file.saturating_sub(self.last)));
        put(&mut self.bytes, count);
        self.last = file;
    }

    /// One more of that file.
    pub(super) fn add(&mut self, file: File) {
        if self.bytes.is_empty() || file > self.last {
            return self.push(file, 1);
        }
        if file < self.last {
            *self = self.with(&Places::of([(file, 1)]));
            return;
        }
        // The last number's bytes are those behind the last one that ends a number, but for its own.
        let before = self.bytes.iter().rev().skip(1).take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let at = self.bytes.len() - before;
        let count = self.bytes.get(at..).and_then(|mut bytes| take(&mut bytes)).unwrap_or(0);
        self.bytes.truncate(at);
        put(&mut self.bytes, count.saturating_add(1));
    }

    /// The files in order of their numbers, each with how many judgements wait there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (File, u64)> {
        let mut bytes = self.bytes.as_slice();
        let mut last: File = 0;
        std::iter::from_fn(move || {
            let (distance, count) = (take(&mut bytes)?, take(&mut bytes)?);
            // Only a damaged store could hold one that is larger.
            last = last.saturating_add(File::try_from(distance).unwrap_or(File::MAX));
            Some((last, count))
        })
    }

    /// Those of both.
    pub(super) fn with(&self, other: &Places) -> Places {
        let mut ours = self.iter().peekable();
        let mut others = other.iter().peekable();
        let merged = std::iter::from_fn(|| match (ours.peek().copied(), others.peek().copied()) {
            (Some((file, count)), Some((same, more))) if file == same => {
                ours.next();
                others.next();
                Some((file, count.saturating_add(more)))
            }
            (Some((file, _)), Some((other, _))) if other < file => others.next(),
            (Some(_), _) => ours.next(),
            (None, _) => others.next(),
        });
        Places::of(merged)
    }

    /// The same under other numbers.
    pub(super) fn renumber(&mut self, number: impl Fn(File) -> File) {
        let mut all: SmallVec<[(File, u64); 16]> =
            self.iter().map(|(file, count)| (number(file), count)).collect();
        all.sort_unstable();
        // Files that only a damaged store could hold have one number for all.
        all.dedup_by(|(file, more), (kept, count)| {
            let same = file == kept;
            if same {
                *count = count.saturating_add(*more);
            }
            same
        });
        *self = Places::of(all);
    }
}

fn put(bytes: &mut Bytes, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The next number; `None` at the end, or where there is none.
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Given = BTreeMap<File, u64>;

    fn given() -> impl Strategy<Value = Given> {
        let file = prop_oneof![0..40u32, any::<u32>()];
        let count = prop_oneof![1..300u64, any::<u64>()];
        prop::collection::btree_map(file, count, 0..20)
    }

    proptest! {
        #[test]
        fn they_are_those_of_a_map(
            one in given(), other in given(), more in prop::collection::vec(0..40u32, 0..20), by in 0..9u32,
        ) {
            let mut places = Places::of(one.clone());
            prop_assert_eq!(places.iter().collect::<Given>(), one.clone());
            places = places.with(&Places::of(other.clone()));
            let mut merged = one;
            for (file, count) in other {
                let known = merged.entry(file).or_default();
                *known = known.saturating_add(count);
            }
            prop_assert_eq!(places.iter().collect::<Given>(), merged.clone());
            for file in more {
                places.add(file);
                let known = merged.entry(file).or_default();
                *known = known.saturating_add(1);
            }
            prop_assert_eq!(places.iter().collect::<Given>(), merged.clone());
            let bytes = postcard::to_stdvec(&places).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Places>(&bytes).unwrap(), &places);
            let number = |file: File| file.wrapping_mul(2).wrapping_add(by) % 50;
            places.renumber(number);
            let mut numbered = Given::new();
            for (file, count) in merged {
                let known = numbered.entry(number(file)).or_default();
                *known = known.saturating_add(count);
            }
            prop_assert_eq!(places.iter().collect::<Given>(), numbered);
        }

        /// Of a damaged store.
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut places = Places::from(SmallVec::from_slice(&bytes));
            prop_assert!(places.iter().count() <= bytes.len() / 2);
            places.add(places.last);
            prop_assert!(places.iter().count() <= bytes.len() / 2 + 1);
        }
    }
}
