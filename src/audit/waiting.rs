//! What waited until all was read: whose the sessions are, which records are counted, and which files are read again for
//! that.

use std::collections::{BTreeMap, HashSet};

use super::records::{Again, Sought};
use crate::engine::state::{EventClass, Reading};
use crate::engine::{Engine, Memory, Recounts, Tally, Waits};
use crate::facts::sessions::{Answers, Id, Session, Sessions};
use crate::trail::FileOutcome;

/// Whose these sessions are.
pub(super) fn answers<'s>(
    sessions: &'s Sessions,
    asked: impl Iterator<Item = (&'s Id, &'s Session)>,
    reading: &Reading,
) -> Answers {
    let read = |account: &str, from: i64, to: Option<i64>| {
        reading.since(account, EventClass::Management).is_some_and(|since| since <= from)
            && !reading.has_hole(Some(account), from, to.unwrap_or(i64::MAX))
    };
    sessions.answers(asked, &read)
}

/// Judges what the answers decide; the rest is in files that are read again, and waits on.
pub(super) fn decide(waiting: &mut Waits, answers: &Answers, tally: &mut Tally) -> Again {
    let again = waiting.decide(answers, tally).into_iter();
    let again: Again =
        again.map(|(file, sessions)| (file.to_owned(), Sought { sessions, counts: false })).collect();
    let sought: HashSet<&Id> = again.values().flat_map(|sought| &sought.sessions).collect();
    waiting.retain(|id| sought.contains(id));
    again
}

/// Adds the files that have records to be counted again.
pub(super) fn count(recounts: &Recounts, files: &[FileOutcome], again: &mut Again) {
    for file in files {
        if file.times.is_some_and(|times| recounts.touches(times)) {
            again.entry(file.path.clone()).or_default().counts = true;
        }
    }
}

/// A file that was not read the second time as it was the first leaves unknown what waited.
pub(super) fn missed<'f>(
    (waiting, recounts): (&Waits, &Recounts),
    again: &Again,
    (first, second): (&'f [FileOutcome], &'f [FileOutcome]),
    engine: &Engine<'_>,
    (memory, tally): (&mut Memory, &mut Tally),
) {
    let by_path = |files: &'f [FileOutcome]| -> BTreeMap<&'f str, &'f FileOutcome> {
        files.iter().map(|file| (file.path.as_str(), file)).collect()
    };
    let same = |one: &FileOutcome, other: &FileOutcome| {
        (one.records, one.text_bytes) == (other.records, other.text_bytes)
    };
    let (first, second) = (by_path(first), by_path(second));
    for (path, sought) in again {
        let (first, second) = (first.get(path.as_str()), second.get(path.as_str()));
        if first.zip(second).is_some_and(|(first, second)| same(first, second)) {
            continue;
        }
        waiting.give_up(path, &sought.sessions, tally);
        if let Some(times) = first.and_then(|first| first.times).filter(|_| sought.counts) {
            engine.give_up(recounts, times, memory);
        }
    }
}
