//! How far a reading has come, for whoever shows it. Counted once a file: it costs nothing that can be measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a reading.
#[derive(Debug, Default)]
pub struct Meter {
    files_found: AtomicU64,
    files: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
    again: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Zero until they were listed. Files that are read again are as many more.
    pub files_found: u64,
    pub files: u64,
    pub records: u64,
    /// Of text, unpacked.
    pub bytes: u64,
    /// What threads have found so far: the same finding may be counted by several.
    pub findings: u64,
    /// How many of the files are there a second time.
    pub again: u64,
}

impl Meter {
    pub fn progress(&self) -> Progress {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Progress {
            files_found: read(&self.files_found),
            files: read(&self.files),
            records: read(&self.records),
            bytes: read(&self.bytes),
            findings: read(&self.findings),
            again: read(&self.again),
        }
    }

    pub(crate) fn found(&self, files: u64) {
        self.files_found.fetch_add(files, Ordering::Relaxed);
    }

    /// So many of the files that will be found were read before.
    pub(crate) fn again(&self, files: u64) {
        self.again.fetch_add(files, Ordering::Relaxed);
    }

    pub(crate) fn file(&self, records: u64, bytes: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn findings(&self, more: u64) {
        self.findings.fetch_add(more, Ordering::Relaxed);
    }
}

/// Whether anybody watches. Two readings with the same bounds are the same, whoever watches.
#[derive(Debug, Clone, Default)]
pub struct Watch(pub Option<Arc<Meter>>);

impl PartialEq for Watch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Watch {}
