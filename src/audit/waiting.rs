//! What waited until it was known whose the sessions are: the answers, and which files are read again.

use std::collections::BTreeMap;

use super::records::Again;
use crate::engine::state::{EventClass, Reading};
use crate::engine::{Tally, Waits};
use crate::facts::sessions::{Answers, Session, Sessions};
use crate::trail::FileOutcome;

/// Whose these sessions are.
pub(super) fn answers<'s>(
    sessions: &'s Sessions,
    asked: impl Iterator<Item = &'s Session>,
    reading: &Reading,
) -> Answers {
    let read = |account: &str, from: i64, to: Option<i64>| {
        reading.since(account, EventClass::Management).is_some_and(|since| since <= from)
            && !reading.has_hole(Some(account), from, to.unwrap_or(i64::MAX))
    };
    sessions.answers(asked, &read)
}

/// Judges what the answers decide; the rest is in files that are read again.
pub(super) fn decide(waiting: &Waits, answers: &Answers, tally: &mut Tally) -> Again {
    waiting.decide(answers, tally).into_iter().map(|(file, ids)| (file.to_owned(), ids)).collect()
}

/// A file that was not read the second time as it was the first, standard input for one, leaves unknown what waited.
pub(super) fn missed(
    waiting: &Waits,
    again: &Again,
    (first, second): (&[FileOutcome], &[FileOutcome]),
    tally: &mut Tally,
) {
    let read = |files: &[FileOutcome]| -> BTreeMap<String, (u64, u64)> {
        files.iter().map(|file| (file.path.clone(), (file.records, file.text_bytes))).collect()
    };
    let (first, second) = (read(first), read(second));
    for (file, sessions) in again {
        if first.get(file) != second.get(file) {
            waiting.give_up(file, sessions, tally);
        }
    }
}
