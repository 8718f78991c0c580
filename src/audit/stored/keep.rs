//! Keeping what files give while they are read.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use super::pack;
use crate::audit::gathered::{Apart, RecordFacts};
use crate::audit::records::{Digests, Judge, Keep, PerFile};
use crate::facts::sessions::Sessions;
use crate::store::{FileKey, Gave, Policies, Store, StoreError};
use crate::trail::digest::Object;
use crate::trail::{FaultKind, FileOutcome, RecordVisitor, TrailFileName, TrailRecord};

/// What is to become of one file that is read.
#[derive(Debug, Clone)]
pub(super) struct Task {
    /// `None`: it cannot be kept.
    pub(super) key: Option<FileKey>,
    /// Only for the policies that know nothing of it.
    pub(super) more: bool,
}

/// By the path that is shown.
pub(super) type Tasks = HashMap<String, Task>;

/// What all keepers write to.
pub(super) struct Shared<'s> {
    pub(super) store: Mutex<&'s mut Store>,
    pub(super) error: Mutex<Option<StoreError>>,
    pub(super) failed: AtomicBool,
}

impl<'s> Shared<'s> {
    pub(super) fn new(store: &'s mut Store) -> Self {
        Shared { store: Mutex::new(store), error: Mutex::default(), failed: AtomicBool::new(false) }
    }
}

/// Keeps what files give to a set of policies.
pub(super) struct Keeper<'a, 's> {
    pub(super) policies: &'a Policies,
    pub(super) tasks: &'a Tasks,
    pub(super) digests: Digests,
    pub(super) shared: &'a Shared<'s>,
}

impl Keep for Keeper<'_, '_> {
    fn keep(&self, outcome: &FileOutcome, apart: &mut Apart, object: Option<&Object>) -> bool {
        if !self.policies.has_facts {
            // They are there already.
            (apart.facts, apart.sessions) = (RecordFacts::default(), Sessions::default());
        }
        let Some(Task { key: Some(key), more }) = self.tasks.get(&outcome.path) else { return false };
        // It may be read next time.
        if outcome.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Io(_))) {
            return false;
        }
        let written = pack::write(&outcome.path, apart, true).and_then(|gathered| {
            let gave = Gave {
                file: key,
                outcome,
                accounts: &apart.facts.accounts,
                object: (self.digests == Digests::Checked).then_some(object),
                adds: *more,
                gathered: &gathered,
            };
            let mut store = self.shared.store.lock().unwrap_or_else(PoisonError::into_inner);
            store.add(self.policies, &gave)
        });
        if let Err(error) = written {
            // Whatever follows is not read: the run is over.
            self.shared.failed.store(true, Ordering::Relaxed);
            self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        true
    }
}

/// Judges files in full, or for the policies that know nothing of them.
pub(super) struct Both<'v> {
    pub(super) tasks: &'v Tasks,
    pub(super) failed: &'v AtomicBool,
    pub(super) full: Judge<'v>,
    pub(super) more: Judge<'v>,
}

impl<'v> Both<'v> {
    fn judge(&self, more: bool) -> &Judge<'v> {
        if more { &self.more } else { &self.full }
    }

    fn goes_on(&self) -> bool {
        !self.failed.load(Ordering::Relaxed)
    }
}

impl RecordVisitor for Both<'_> {
    type PerFile = (bool, PerFile);
    type Kept = Option<Box<Object>>;

    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> Self::PerFile {
        let more = self.tasks.get(path).is_some_and(|task| task.more);
        (more, self.judge(more).begin(path, named))
    }

    fn contents(&self, (more, file): &mut Self::PerFile, text: &[u8], outcome: &FileOutcome) {
        self.judge(*more).contents(file, text, outcome);
    }

    fn may_pass_over(&self) -> bool {
        self.full.may_pass_over() || self.more.may_pass_over()
    }

    fn needs(&self, (more, file): &mut Self::PerFile, source: &[u8], name: &[u8]) -> bool {
        self.judge(*more).needs(file, source, name)
    }

    fn pass_over(&self, (more, file): &mut Self::PerFile, record: &TrailRecord<'_>) {
        self.judge(*more).pass_over(file, record);
    }

    fn record(&self, (more, file): &mut Self::PerFile, record: &TrailRecord<'_>) {
        if self.goes_on() {
            self.judge(*more).record(file, record);
        }
    }

    fn end(&self, (more, file): Self::PerFile, outcome: &FileOutcome) -> Option<Box<Object>> {
        self.goes_on().then(|| self.judge(more).end(file, outcome)).flatten()
    }
}
