//! The records of one key that count, in order and each once. There may be as many as there are records: most take
//! twenty-eight bytes, in one list, which is put in order whenever it has doubled.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Mark;
use crate::facts::plain;
use crate::moment::{EventId, Moment};
use crate::ordered::Ordered;

/// A file, by its number. A run reads fewer than there are numbers.
type File = u32;

/// The files of the records that count, by number. One may have several numbers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Files(#[serde(with = "plain::shared_texts")] Vec<Arc<str>>);

impl Files {
    fn number(&mut self, path: &Arc<str>) -> Option<File> {
        // Files are read one after the other.
        if !self.0.last().is_some_and(|last| Arc::ptr_eq(last, path) || last == path) {
            self.0.push(Arc::clone(path));
        }
        File::try_from(self.0.len() - 1).ok()
    }

    fn path(&self, file: File) -> Option<&Arc<str>> {
        self.0.get(file as usize)
    }

    /// Puts others behind these, and tells by how much their numbers grow.
    pub(super) fn append(&mut self, other: Files) -> File {
        let by = File::try_from(self.0.len()).unwrap_or(File::MAX);
        self.0.extend(other.0);
        by
    }
}

/// A record that counts by itself, as CloudTrail writes it: with a UUID, of a time that thirty-two bits tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Short {
    /// Seconds since 1970, UTC.
    time: u32,
    #[serde(with = "crate::sixteen")]
    id: [u8; 16],
    file: File,
    offset: u32,
}

impl Short {
    fn of(moment: &Moment, mark: &Mark, files: &mut Files) -> Option<Self> {
        let (Some(EventId::Uuid(id)), None) = (moment.id(), mark.value) else { return None };
        let (path, offset) = &mark.place;
        let (time, offset) = (u32::try_from(moment.time).ok()?, u32::try_from(*offset).ok()?);
        // Asked last: a file gets a number only where one is needed.
        Some(Short { time, id: *id, file: files.number(path)?, offset })
    }

    fn long(&self, files: &Files) -> (Moment, Mark) {
        let Short { time, id, file, offset } = *self;
        let path = files.path(file).cloned().unwrap_or_default();
        let moment = Moment::of_id(i64::from(time), EventId::Uuid(id));
        (moment, Mark { value: None, place: (path, u64::from(offset)) })
    }

    fn is_copy(&self, of: &Short) -> bool {
        (self.time, self.id) == (of.time, of.id)
    }

    fn by_place(&self, other: &Short, files: &Files) -> Ordering {
        let place = |one: &Short| (files.path(one.file), one.offset);
        place(self).cmp(&place(other))
    }
}

/// Records that were added; see [`Marks::in_order`].
#[derive(Debug, Default)]
pub(super) struct Marks {
    short: Ordered<Short>,
    /// All others.
    long: Ordered<(Moment, Mark)>,
    /// How many were added, copies included.
    added: u64,
}

fn drops_short(one: &mut Short, kept: &mut Short, files: &Files) -> bool {
    let is_copy = one.is_copy(kept);
    if is_copy && one.by_place(kept, files).is_lt() {
        *kept = *one;
    }
    is_copy
}

fn drops_long(one: &mut (Moment, Mark), kept: &mut (Moment, Mark)) -> bool {
    one.0 == kept.0
}

impl Marks {
    pub(super) fn add(&mut self, moment: Moment, mark: Mark, files: &mut Files) {
        self.added += 1;
        match Short::of(&moment, &mark, files) {
            Some(short) => self.short.push(short, |one, kept| drops_short(one, kept, files)),
            None => self.long.push((moment, mark), drops_long),
        }
    }

    /// How many were added: a second delivery is one more.
    pub(super) fn added(&self) -> u64 {
        self.added
    }

    /// `by`: by how much the other's files have greater numbers now.
    pub(super) fn merge(&mut self, other: Marks, by: File, files: &Files) {
        let Marks { mut short, long, added } = other;
        // They stay in order: each grows by the same.
        short.iter_mut().for_each(|one| one.file = one.file.saturating_add(by));
        self.short.merge(short, |one, kept| drops_short(one, kept, files));
        self.long.merge(long, drops_long);
        self.added += added;
    }

    /// All of them in order. Of two deliveries of one event the first by place is kept.
    pub(super) fn in_order(self, files: &Files) -> Vec<(Moment, Mark)> {
        let Marks { mut short, mut long, added: _ } = self;
        short.order(|one, kept| drops_short(one, kept, files));
        let short = short.iter().map(|short| short.long(files));
        if long.is_empty() {
            return short.collect();
        }
        short.for_each(|one| long.push(one, drops_long));
        long.order(drops_long);
        long.into_vec()
    }
}

// Of the same records the same bytes.
impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.added, self.short.sorted(), self.long.sorted()).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (added, short, long) = Deserialize::deserialize(from)?;
        Ok(Marks { short: Ordered::of(short), long: Ordered::of(long), added })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Arc<str> {
        name.into()
    }

    /// A record by second, eventID, file and offset.
    type Record<'r> = (i64, &'r str, &'r str, u64);

    const ODD: &str = "not a UUID";

    fn id(at: u8) -> String {
        format!("00000000-0000-0000-0000-0000000000{at:02x}")
    }

    fn add(marks: &mut Marks, files: &mut Files, &(time, id, file, offset): &Record<'_>) {
        let moment = Moment::new(time, Some(id), file, offset);
        marks.add(moment, Mark { value: None, place: (path(file), offset) }, files);
    }

    fn told(marks: Marks, files: &Files) -> Vec<(i64, String, String, u64)> {
        let all = marks.in_order(files).into_iter();
        all.map(|(moment, mark)| {
            let id = moment.event_id().unwrap();
            (moment.time, id, mark.place.0.to_string(), mark.place.1)
        })
        .collect()
    }

    #[test]
    fn copies_count_once_from_the_first_place_whichever_file_came_first() {
        let (one, two) = (id(1), id(2));
        let records: [Record<'_>; 8] = [
            (5, &one, "b", 1),
            (5, &two, "b", 2),
            (5, &one, "a", 9),
            (4, &two, "c", 3),
            (5, &one, "c", 0),
            (5, ODD, "b", 7),
            (-1, &one, "b", 8),
            (5, ODD, "a", 7),
        ];
        let wanted = [
            (-1, id(1), "b".to_owned(), 8),
            (4, id(2), "c".to_owned(), 3),
            (5, id(1), "a".to_owned(), 9),
            (5, id(2), "b".to_owned(), 2),
            (5, ODD.to_owned(), "a".to_owned(), 7),
        ];
        for turn in 0..records.len() {
            let mut turned = records;
            turned.rotate_left(turn);
            for split in 0..=records.len() {
                let (first, second) = turned.split_at(split);
                let (mut marks, mut files) = (Marks::default(), Files::default());
                first.iter().for_each(|record| add(&mut marks, &mut files, record));
                let (mut more, mut others) = (Marks::default(), Files::default());
                second.iter().for_each(|record| add(&mut more, &mut others, record));
                let by = files.append(others);
                marks.merge(more, by, &files);
                assert_eq!(marks.added(), records.len() as u64);
                assert_eq!(told(marks, &files), wanted, "{turn} {split}");
            }
        }
    }

    #[test]
    fn what_is_written_down_is_read_back_and_does_not_hang_on_the_order() {
        let ids: Vec<String> = (0..200).map(id).collect();
        let written = |backwards: bool| {
            let (mut marks, mut files) = (Marks::default(), Files::default());
            let record = |at: usize| (at as i64 / 7, ids[at].as_str(), "f", at as u64);
            (0..ids.len())
                .map(|at| if backwards { ids.len() - 1 - at } else { at })
                .for_each(|at| add(&mut marks, &mut files, &record(at)));
            postcard::to_stdvec(&(files, marks)).unwrap()
        };
        assert_eq!(written(false), written(true));
        let (files, marks): (Files, Marks) = postcard::from_bytes(&written(true)).unwrap();
        let told = told(marks, &files);
        assert_eq!(told.len(), ids.len());
        assert!(told.is_sorted() && told.iter().all(|(.., file, _)| file == "f"));
    }
}
