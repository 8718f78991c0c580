//! Values by session, side by side in memory: there may be as many sessions as records, and all of them are gone through
//! when everything has been read.

use std::fmt;
use std::marker::PhantomData;

use hashbrown::HashTable;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::facts::sessions::Id;

/// A map from ids to values. It is written as any other map.
#[derive(Debug, Clone)]
pub(super) struct BySession<T> {
    all: Vec<(Id, T)>,
    /// Where each stands.
    places: HashTable<u32>,
}

impl<T> Default for BySession<T> {
    fn default() -> Self {
        BySession { all: Vec::new(), places: HashTable::new() }
    }
}

impl<T> BySession<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&T> {
        self.all.get(self.place(id)?).map(|(_, value)| value)
    }

    /// It is there then: `None` never comes.
    pub(super) fn get_or_insert_with(&mut self, id: Id, make: impl FnOnce() -> T) -> Option<&mut T> {
        let place = match self.place(&id) {
            Some(place) => place,
            None => self.push(id, make()),
        };
        self.all.get_mut(place).map(|(_, value)| value)
    }

    /// Puts a new value there; where there is one already, gives it and the new one back.
    pub(super) fn insert(&mut self, id: Id, value: T) -> Option<(&mut T, T)> {
        match self.place(&id) {
            Some(place) => self.all.get_mut(place).map(|(_, known)| (known, value)),
            None => {
                self.push(id, value);
                None
            }
        }
    }

    fn place(&self, id: &Id) -> Option<usize> {
        let is_it = |place: &u32| self.all.get(*place as usize).is_some_and(|(known, _)| known == id);
        self.places.find(id.as_hash(), is_it).map(|place| *place as usize)
    }

    /// Of an id that is not there yet.
    fn push(&mut self, id: Id, value: T) -> usize {
        let BySession { all, places } = self;
        let place = all.len();
        all.push((id, value));
        number(places, all, place);
        place
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&Id, &T)> {
        self.all.iter().map(|(id, value)| (id, value))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.all.iter().map(|(_, value)| value)
    }

    /// Takes all of them out, and keeps their space.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (Id, T)> {
        self.places.clear();
        self.all.drain(..)
    }

    /// All of them, taken out.
    pub(super) fn into_all(self) -> impl Iterator<Item = (Id, T)> {
        self.all.into_iter()
    }

    /// Keeps those, in no more space than they need.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Id, &mut T) -> bool) {
        let BySession { all, places } = self;
        all.retain_mut(|(id, value)| keep(id, value));
        all.shrink_to_fit();
        *places = HashTable::with_capacity(all.len());
        (0..all.len()).for_each(|place| number(places, all, place));
    }
}

/// Notes the place of an id that is not noted yet.
fn number<T>(places: &mut HashTable<u32>, all: &[(Id, T)], place: usize) {
    let hash = |place: &u32| all.get(*place as usize).map_or(0, |(id, _)| id.as_hash());
    // No memory holds as many as there are numbers.
    if let Ok(place) = u32::try_from(place) {
        places.insert_unique(hash(&place), place, hash);
    }
}

impl<T: Serialize> Serialize for BySession<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for BySession<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

/// For so many there is space before they are read.
const MOST_AT_ONCE: usize = 1 << 17;

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = BySession<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values by session")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A damaged store could claim more than there are.
        let count = map.size_hint().unwrap_or(0).min(MOST_AT_ONCE);
        let mut read = BySession { all: Vec::with_capacity(count), places: HashTable::with_capacity(count) };
        while let Some((id, value)) = map.next_entry()? {
            // Of two with one id, which only a damaged store could hold, the last counts.
            if let Some((known, value)) = read.insert(id, value) {
                *known = value;
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0u8..20, any::<u16>(), 0u8..4), 0..80)) {
            let (mut own, mut plain) = (BySession::<u16>::default(), BTreeMap::<Id, u16>::new());
            for (number, value, step) in steps {
                let id = id(number);
                match step {
                    0 => *own.get_or_insert_with(id, || value).unwrap() ^= 1,
                    1 => if let Some((known, value)) = own.insert(id, value) { *known = value },
                    2 => own.retain(|known, _| *known != id),
                    _ => {}
                }
                match step {
                    0 => *plain.entry(id).or_insert(value) ^= 1,
                    1 => { plain.insert(id, value); }
                    2 => { plain.remove(&id); }
                    _ => {}
                }
                prop_assert_eq!(own.get(&id), plain.get(&id));
                prop_assert_eq!(own.is_empty(), plain.is_empty());
                prop_assert_eq!(own.iter().map(|(id, value)| (*id, *value)).collect::<BTreeMap<_, _>>(), plain.clone());
            }
            let bytes = postcard::to_stdvec(&own).unwrap();
            let read: BTreeMap<Id, u16> = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read, &plain);
            let bytes = postcard::to_stdvec(&plain).unwrap();
            let read: BySession<u16> = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(read.into_all().collect::<BTreeMap<_, _>>(), plain);
            prop_assert_eq!(own.drain().count(), read_len(&bytes));
            prop_assert!(own.is_empty() && own.iter().next().is_none());
        }
    }

    fn id(number: u8) -> Id {
        // Behind their number.
        let bytes = [&[16][..], &[number; 16]].concat();
        postcard::from_bytes(&bytes).unwrap()
    }

    fn read_len(bytes: &[u8]) -> usize {
        postcard::from_bytes::<BTreeMap<Id, u16>>(bytes).unwrap().len()
    }
}
