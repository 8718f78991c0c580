//! What waited until it was known whose the sessions are: the answers, and which files are read again.

use std::collections::BTreeMap;

use super::records::Again;
use crate::engine::state::{EventClass, Reading};
use crate::engine::{Tally, Waiting};
use crate::facts::sessions::{Answers, Session, Sessions};
use crate::trail::FileOutcome;

/// Whose these sessions are.
pub(super) fn answers<'s>(
    sessions: &Sessions,
    asked: impl Iterator<Item = &'s Session>,
    reading: &Reading,
) -> Answers {
    let read = |account: &str, from: i64, to: Option<i64>| {
        reading.since(account, EventClass::Management).is_some_and(|since| since <= from)
            && !reading.has_hole(Some(account), from, to.unwrap_or(i64::MAX))
    };
    let mut answers = Answers::default();
    for session in asked {
        answers.add(session, sessions.answer(session, &read));
    }
    answers
}

/// Judges what the answers decide; the rest is in files that are read again.
pub(super) fn decide(waiting: &[(String, Waiting)], answers: &Answers, tally: &mut Tally) -> Again {
    let mut again = Again::new();
    for (file, waiting) in waiting {
        let sessions = waiting.decide(file, answers, tally);
        if !sessions.is_empty() {
            again.entry(file.clone()).or_default().extend(sessions);
        }
    }
    again
}

/// A file that was not read the second time as it was the first, standard input for one, leaves unknown what waited.
pub(super) fn missed(
    waiting: &[(String, Waiting)],
    again: &Again,
    (first, second): (&[FileOutcome], &[FileOutcome]),
    tally: &mut Tally,
) {
    let read = |files: &[FileOutcome]| -> BTreeMap<String, (u64, u64)> {
        files.iter().map(|file| (file.path.clone(), (file.records, file.text_bytes))).collect()
    };
    let (first, second) = (read(first), read(second));
    for (file, waiting) in waiting {
        let Some(sessions) = again.get(file) else { continue };
        if first.get(file) != second.get(file) {
            let sessions: Vec<_> = sessions.iter().copied().collect();
            waiting.give_up(file, &sessions, tally);
        }
    }
}
