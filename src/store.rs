//! The store of earlier runs: of every input file what it gave, so that the next run reads only what is new, and what
//! was found before, so that it is known again.
//!
//! One file, written behind its end in transactions (`journal`). An entry (`entry`) says what a file gave to a set of
//! policies, each under a hash of all that its contribution depends on; `index` has the places of the entries that are
//! in force. What was gathered is bytes here: the audit makes and reads them.

mod entry;
mod index;
mod journal;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::findings::Fingerprint;
use crate::hashed::Keys;
use crate::trail::digest::Object;
pub use entry::{Digest, FileKey, Makers, Policies};
use entry::{Entry, FileEntry};
use index::Index;
pub use index::{Blob, Stored};
use journal::Journal;

/// A store cannot be used, or not be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "cannot open the store {path}: {error}; give --store a file in a directory that can be written to"
    )]
    Open { path: PathBuf, error: std::io::Error },
    #[error(
        "{path} is not a store of lambda-audit: nothing was read and it was left as it is; \
         give --store the path of a store, or of a file that does not exist yet"
    )]
    Foreign { path: PathBuf },
    #[error(
        "the store {path} is damaged ({what}): nothing was read and it was left as it is; \
         restore it from a copy, or give --store a new file to read everything anew"
    )]
    Damaged { path: PathBuf, what: String },
    #[error(
        "the store {path} was written by a newer version (format {found}, this one knows {known}): nothing was read \
         and it was left as it is; use the version that wrote it, or give --store a new file"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error(
        "the store {path} is in use by another process; wait for its end and run again; each of two runs at once \
         needs a store of its own"
    )]
    InUse { path: PathBuf },
    #[error(
        "cannot write to the store {path}: {error}; it is as it was after its last whole batch of files; make room \
         and run again, and what is in it is not read again"
    )]
    Write { path: PathBuf, error: std::io::Error },
    #[error("cannot read the store {path}: {error}")]
    Read { path: PathBuf, error: std::io::Error },
    #[error("what was gathered of {file} cannot be written down: {what}")]
    Encode { file: String, what: String },
}

/// An open store: no other process has it open.
#[derive(Debug)]
pub struct Store {
    journal: Journal,
    index: Index,
    keys: Keys,
    /// Of the next transaction.
    batch: Vec<u8>,
    batched: usize,
    /// When the batch was begun.
    begun: Option<Instant>,
}

/// What is written of one file.
#[derive(Debug)]
pub struct Gave<'g> {
    pub file: &'g FileKey,
    /// How its reading ended.
    pub outcome: &'g crate::trail::FileOutcome,
    /// The accounts that its records are of.
    pub accounts: &'g BTreeSet<String>,
    /// What the check of digests needs of it; `None`: nobody asked.
    pub object: Option<Option<&'g Object>>,
    /// `Some` adds to what is there; else it replaces all that is there of the file.
    pub adds: bool,
    pub gathered: &'g [u8],
}

/// A batch is written when it has so many files or bytes, or is so old.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: usize = 8 << 20;
const BATCH_TIME: Duration = Duration::from_secs(2);

impl Store {
    /// Opens a store, or makes one where no file is.
    ///
    /// # Errors
    /// [`StoreError`]: the file is as it was.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut journal = Journal::open(path)?;
        let mut index = Index::default();
        journal.scan(&mut |at, payload| index.read(at, payload))?;
        let secret = index.keys;
        Store::with(journal, index, secret.unwrap_or_else(crate::chance::keys))
    }

    /// `keys`: for a store that has no secret yet.
    fn with(journal: Journal, index: Index, keys: Keys) -> Result<Self, StoreError> {
        let is_new = index.keys.is_none();
        let mut store = Store { journal, index, keys, batch: Vec::new(), batched: 0, begun: None };
        if is_new {
            store.push(&Entry::Secret(keys))?;
            store.commit()?;
        }
        Ok(store)
    }

    /// The secret by which the keys of everything in it are made.
    pub(crate) fn keys(&self) -> Keys {
        self.keys
    }

    /// What is kept of each file, by its key.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Stored)> {
        self.index.files.iter().map(|(path, stored)| (path.as_str(), stored))
    }

    pub fn file(&self, path: &str) -> Option<&Stored> {
        self.index.files.get(path)
    }

    /// The policies that a blob holds the contributions to.
    pub fn policies(&self, blob: &Blob) -> Option<&Policies> {
        self.index.sets.get(blob.set as usize)
    }

    /// What all files together gave, and the files that it does not have yet with the bytes of what they gave.
    pub fn merged(&self) -> Option<(&Blob, impl Iterator<Item = (&str, u64)>)> {
        let (blob, entry) = self.index.merged.as_ref()?;
        let pending = self.index.files.iter().filter(move |(_, stored)| stored.entry > *entry);
        let bytes = |stored: &Stored| stored.blobs.iter().map(|blob| blob.length).sum();
        Some((blob, pending.map(move |(path, stored)| (path.as_str(), bytes(stored)))))
    }

    /// Gives the bytes of a blob to `with`.
    ///
    /// # Errors
    /// They cannot be read any more.
    pub fn read<T>(&mut self, blob: &Blob, with: impl FnOnce(&[u8]) -> T) -> Result<T, StoreError> {
        self.journal.read(blob.at, blob.length, with)
    }

    /// An error that says that what was read of the store makes no sense.
    pub fn damaged(&self, what: impl std::fmt::Display) -> StoreError {
        self.journal.damaged(what.to_string())
    }

    /// Has an earlier run found this?
    pub fn knows(&self, fingerprint: &Fingerprint) -> bool {
        self.index.known.contains(fingerprint)
    }

    /// Adds what a file gave to these policies. It is written with its batch.
    ///
    /// # Errors
    /// The batch was due and could not be written: the store is as before it.
    pub fn add(&mut self, policies: &Policies, gave: &Gave<'_>) -> Result<(), StoreError> {
        let set = self.set(policies)?;
        let Gave { file, outcome, accounts, object, adds, gathered } = *gave;
        let entry = FileEntry {
            file: file.clone(),
            set,
            outcome: outcome.clone(),
            accounts: accounts.clone(),
            object: object.map(|object| object.cloned()),
        };
        let entry =
            if adds { Entry::More(entry, gathered.into()) } else { Entry::File(entry, gathered.into()) };
        self.push(&entry)?;
        self.batched += 1;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        if self.batched >= BATCH_FILES || self.batch.len() >= BATCH_BYTES || begun.elapsed() >= BATCH_TIME {
            self.commit()?;
        }
        Ok(())
    }

    /// Writes what all files in the store together gave to these policies.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn merge(&mut self, policies: &Policies, gathered: &[u8]) -> Result<(), StoreError> {
        self.commit()?;
        let set = self.set(policies)?;
        self.push(&Entry::Merged(set, gathered.into()))?;
        self.commit()
    }

    /// Remembers findings that were reported.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn remember(&mut self, found: impl Iterator<Item = Fingerprint>) -> Result<(), StoreError> {
        let new: Vec<Fingerprint> = found.filter(|one| !self.index.known.contains(one)).collect();
        if !new.is_empty() {
            self.push(&Entry::Known(new))?;
        }
        self.commit()
    }

    /// Writes the batch: all of it or nothing.
    ///
    /// # Errors
    /// The store is as before the batch.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let at = self.journal.append(&self.batch)?;
        let read = self.index.read(at, &self.batch);
        self.batch.clear();
        self.batched = 0;
        self.begun = None;
        read.map(drop).map_err(|what| self.journal.damaged(what))
    }

    fn set(&mut self, policies: &Policies) -> Result<u32, StoreError> {
        if let Some(at) = self.index.set(policies) {
            return Ok(at);
        }
        // In the index with the batch that it is written with.
        self.commit()?;
        self.push(&Entry::Set(policies.clone()))?;
        self.commit()?;
        self.index.set(policies).ok_or_else(|| self.journal.damaged("a set was lost".to_owned()))
    }

    fn push(&mut self, entry: &Entry<'_>) -> Result<(), StoreError> {
        entry.write(&mut self.batch).map_err(|error| {
            self.batch.clear();
            StoreError::Encode { file: self.journal.path().display().to_string(), what: error.to_string() }
        })
    }

    /// Writes the store anew without what is not in force any more, where that is most of it. Whatever goes wrong on
    /// the way, the store stays as it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        let live = self.index.live();
        if self.journal.length() < 2 * live + TIDY {
            return Ok(());
        }
        let path = self.journal.path().to_owned();
        let aside = journal::aside(&path);
        let result = self.copy(&aside).and_then(|mut fresh| {
            fs::rename(&aside, &path).map_err(|error| StoreError::Write { path: path.clone(), error })?;
            fresh.journal.renamed(&path);
            Ok(fresh)
        });
        match result {
            Ok(fresh) => {
                *self = fresh;
                Ok(())
            }
            Err(error) => {
                // Nothing is lost: the store is where it was.
                drop(fs::remove_file(&aside));
                Err(error)
            }
        }
    }

    /// Everything that is in force, as a store at another path.
    fn copy(&mut self, path: &Path) -> Result<Store, StoreError> {
        let journal = Journal::create(path)?;
        let mut fresh = Store::with(journal, Index::default(), self.keys)?;
        let files: Vec<(String, Stored)> =
            self.index.files.iter().map(|(path, stored)| (path.clone(), stored.clone())).collect();
        let merged = self.index.merged;
        let is_newer = |stored: &Stored| merged.as_ref().is_none_or(|(_, entry)| stored.entry > *entry);
        let (newer, older): (Vec<_>, Vec<_>) = files.iter().partition(|(_, stored)| is_newer(stored));
        for (path, stored) in older {
            self.copy_file(path, stored, &mut fresh)?;
        }
        if let Some((blob, _)) = &merged
            && let Some(policies) = self.policies(blob).cloned()
        {
            self.read(blob, |bytes| fresh.merge(&policies, bytes))??;
        }
        for (path, stored) in newer {
            self.copy_file(path, stored, &mut fresh)?;
        }
        fresh.remember(self.index.known.iter().copied())?;
        Ok(fresh)
    }

    fn copy_file(&mut self, path: &str, stored: &Stored, fresh: &mut Store) -> Result<(), StoreError> {
        for (at, blob) in stored.blobs.iter().enumerate() {
            let Some(policies) = self.policies(blob).cloned() else { continue };
            let file = FileKey { path: path.to_owned(), ..stored.key.clone() };
            self.read(blob, |gathered| {
                let gave = Gave {
                    file: &file,
                    outcome: &stored.outcome,
                    accounts: &stored.accounts,
                    object: stored.object.as_ref().map(Option::as_ref),
                    adds: at > 0,
                    gathered,
                };
                fresh.add(&policies, &gave)
            })??;
        }
        Ok(())
    }
}

/// Less than this is not worth writing a store anew.
const TIDY: u64 = 4 << 20;

#[cfg(test)]
mod tests;
