//! Values by session, many side by side in memory: there may be as many sessions as records, and all of them are gone
//! through when everything has been read. None is ever moved to make room for more.

use std::fmt;
use std::marker::PhantomData;

use hashbrown::HashTable;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::facts::sessions::Id;

/// The bytes in which some stand side by side: as many as allocators give without a rest.
const CHUNK: usize = 16 << 10;

/// A map from ids to values. It is written as any other map.
#[derive(Debug, Clone)]
pub(super) struct BySession<T> {
    /// None has more than [`BySession::TOGETHER`].
    all: Vec<Vec<(Id, T)>>,
    /// Where each stands.
    places: HashTable<u32>,
}

impl<T> Default for BySession<T> {
    fn default() -> Self {
        BySession { all: Vec::new(), places: HashTable::new() }
    }
}

impl<T> BySession<T> {
    /// How many stand side by side.
    const TOGETHER: usize = {
        let fit = CHUNK / size_of::<(Id, T)>();
        if fit == 0 { 1 } else { fit }
    };

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&T> {
        at(&self.all, self.place(id)?).map(|(_, value)| value)
    }

    /// It is there then: `None` never comes.
    pub(super) fn get_or_insert_with(&mut self, id: Id, make: impl FnOnce() -> T) -> Option<&mut T> {
        let place = match self.place(&id) {
            Some(place) => place,
            None => self.push(id, make()),
        };
        self.at_mut(place)
    }

    /// Puts a new value there; where there is one already, gives it and the new one back.
    pub(super) fn insert(&mut self, id: Id, value: T) -> Option<(&mut T, T)> {
        match self.place(&id) {
            Some(place) => self.at_mut(place).map(|known| (known, value)),
            None => {
                self.push(id, value);
                None
            }
        }
    }

    fn at_mut(&mut self, place: usize) -> Option<&mut T> {
        let values = self.all.get_mut(place / Self::TOGETHER)?;
        values.get_mut(place % Self::TOGETHER).map(|(_, value)| value)
    }

    fn place(&self, id: &Id) -> Option<usize> {
        let is_it = |place: &u32| at(&self.all, *place as usize).is_some_and(|(known, _)| known == id);
        self.places.find(id.as_hash(), is_it).map(|place| *place as usize)
    }

    /// Of an id that is not there yet.
    fn push(&mut self, id: Id, value: T) -> usize {
        let BySession { all, places } = self;
        if all.last().is_none_or(|last| last.len() >= Self::TOGETHER) {
            all.push(Vec::with_capacity(Self::TOGETHER));
        }
        let of = all.len() - 1;
        let mut place = of * Self::TOGETHER;
        if let Some(last) = all.last_mut() {
            place += last.len();
            last.push((id, value));
        }
        note(places, (id, place), |place| at(all, place).map(|(id, _)| id));
        place
    }

    /// Adds those of another one. `both`: adds a value to the one that is there of the same session.
    pub(super) fn append(&mut self, other: Self, mut both: impl FnMut(&mut T, T)) {
        for mut values in other.all {
            let mut next = 0;
            while let Some((id, _)) = values.get(next) {
                let id = *id;
                match self.place(&id) {
                    Some(place) => {
                        let (_, value) = values.swap_remove(next);
                        if let Some(known) = self.at_mut(place) {
                            both(known, value);
                        }
                    }
                    None => {
                        let BySession { all, places } = self;
                        let first = all.len() * Self::TOGETHER;
                        let id_at = |place: usize| match place.checked_sub(first) {
                            Some(here) => values.get(here).map(|(id, _)| id),
                            None => at(all, place).map(|(id, _)| id),
                        };
                        note(places, (id, first + next), id_at);
                        next += 1;
                    }
                }
            }
            self.all.push(values);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &T)> {
        self.all.iter().flatten().map(|(id, value)| (id, value))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut().flatten().map(|(_, value)| value)
    }

    /// All of them, taken out.
    fn into_all(self) -> impl Iterator<Item = (Id, T)> {
        self.all.into_iter().flatten()
    }

    /// Keeps those. Where it is all of them, none is moved.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Id, &mut T) -> bool) {
        for values in &mut self.all {
            values.retain_mut(|(id, value)| keep(id, value));
        }
        if self.all.iter().map(Vec::len).sum::<usize>() == self.places.len() {
            return;
        }
        for (id, value) in std::mem::take(self).into_all() {
            self.push(id, value);
        }
    }
}

/// Notes the place of an id that is not noted yet. `id_at`: what stands at a place.
fn note<'i>(places: &mut HashTable<u32>, (id, place): (Id, usize), id_at: impl Fn(usize) -> Option<&'i Id>) {
    // No memory holds as many as there are numbers.
    if let Ok(place) = u32::try_from(place) {
        places.insert_unique(id.as_hash(), place, |place| id_at(*place as usize).map_or(0, Id::as_hash));
    }
}

fn at<T>(all: &[Vec<(Id, T)>], place: usize) -> Option<&(Id, T)> {
    all.get(place / BySession::<T>::TOGETHER)?.get(place % BySession::<T>::TOGETHER)
}

impl<T: Serialize> Serialize for BySession<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.places.len()))?;
        self.iter().try_for_each(|(id, value)| map.serialize_entry(id, value))?;
        map.end()
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
        let mut read = BySession { all: Vec::new(), places: HashTable::with_capacity(count) };
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

    /// Few stand side by side.
    type Wide = (u16, [u64; 31]);

    proptest! {
        #[test]
        fn it_is_a_map(
            many in any::<bool>(), steps in proptest::collection::vec((any::<u8>(), any::<u16>(), 0u8..5), 0..400),
        ) {
            let (mut own, mut plain) = (BySession::<Wide>::default(), BTreeMap::<Id, Wide>::new());
            for (number, value, step) in steps {
                let number = if many { number } else { number % 20 };
                let (id, value) = (id_of(number), (value, [0; 31]));
                match step {
                    0 => own.get_or_insert_with(id, || value).unwrap().0 ^= 1,
                    1 => if let Some((known, value)) = own.insert(id, value) { *known = value },
                    2 => own.retain(|known, _| *known != id),
                    4 => {
                        let (mut more, before) = (BySession::default(), id_of(number.wrapping_add(1)));
                        more.insert(id, value);
                        more.insert(before, value);
                        own.append(more, |known, value| *known = value);
                        plain.insert(before, value);
                    }
                    _ => {}
                }
                match step {
                    0 => plain.entry(id).or_insert(value).0 ^= 1,
                    1 => { plain.insert(id, value); }
                    2 => { plain.remove(&id); }
                    4 => { plain.insert(id, value); }
                    _ => {}
                }
                prop_assert_eq!(own.get(&id), plain.get(&id));
                prop_assert_eq!(own.is_empty(), plain.is_empty());
                prop_assert_eq!(own.iter().map(|(id, value)| (*id, *value)).collect::<BTreeMap<_, _>>(), plain.clone());
            }
            let bytes = postcard::to_stdvec(&own).unwrap();
            let read: BTreeMap<Id, Wide> = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&read, &plain);
            let bytes = postcard::to_stdvec(&plain).unwrap();
            let read: BySession<Wide> = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(read.into_all().collect::<BTreeMap<_, _>>(), plain);
        }
    }

    fn id_of(number: u8) -> Id {
        // Behind their number.
        let bytes = [&[16][..], &[number; 16]].concat();
        postcard::from_bytes(&bytes).unwrap()
    }
}
