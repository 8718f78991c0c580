//! Where in a store what is in force stands.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::entry::{Entry, FileEntry, FileKey, Policies};
use super::journal::Then;
use crate::findings::Fingerprint;
use crate::hashed::Keys;
use crate::trail::FileOutcome;
use crate::trail::digest::Object;

/// Where something that was gathered stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob {
    /// Position among the sets of policies.
    pub(super) set: u32,
    pub(super) at: u64,
    pub(super) length: u64,
}

/// What is kept of one file.
#[derive(Debug, Clone)]
pub struct Stored {
    pub key: FileKey,
    pub outcome: FileOutcome,
    pub accounts: BTreeSet<String>,
    /// What the check of digests needs of it; `None`: nobody asked.
    pub object: Option<Option<Object>>,
    /// What it gave; the first has the facts, those that follow are of policies that came later.
    pub blobs: Vec<Blob>,
    /// Position of its entry among all.
    pub(super) entry: u64,
}

impl Blob {
    /// In bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

#[derive(Debug, Default)]
pub(super) struct Index {
    /// `None` of a store that has nothing yet.
    pub(super) keys: Option<Keys>,
    pub(super) sets: Vec<Policies>,
    pub(super) files: BTreeMap<String, Stored>,
    /// What all files gave together, and the position of its entry: files that follow are not in it.
    pub(super) merged: Option<(Blob, u64)>,
    pub(super) known: HashSet<Fingerprint>,
    entries: u64,
}

impl Index {
    /// Takes in the entries of one transaction, which stand at this place. What stands there in no sense is an error.
    pub(super) fn read(&mut self, at: u64, payload: &[u8]) -> Result<Then, String> {
        let mut rest = payload;
        let mut then = Then::Done;
        while !rest.is_empty() {
            let (entry, behind) = Entry::read(rest).map_err(|error| error.to_string())?;
            let end = at + (payload.len() - behind.len()) as u64;
            rest = behind;
            if self.keys.is_none() != matches!(entry, Entry::Secret(_)) {
                return Err("its secret is not its first entry".to_owned());
            }
            self.entries += 1;
            // What all files gave together is what a run asks for, if nothing has taken its place.
            then = if matches!(entry, Entry::Merged(..)) { Then::Keep } else { Then::Done };
            self.add(entry, end)?;
        }
        Ok(then)
    }

    fn add(&mut self, entry: Entry<'_>, end: u64) -> Result<(), String> {
        let blob = |set: u32, bytes: &[u8]| {
            let length = bytes.len() as u64;
            Blob { set, at: end - length, length }
        };
        match entry {
            Entry::Secret(keys) => self.keys = Some(keys),
            Entry::Set(policies) => self.sets.push(policies),
            Entry::File(entry, bytes) => {
                let FileEntry { file, set, outcome, accounts, object } = entry;
                self.check(set)?;
                let blobs = vec![blob(set, bytes.0)];
                let stored = Stored { key: file, outcome, accounts, object, blobs, entry: self.entries };
                if self.files.insert(stored.key.path.clone(), stored).is_some() {
                    self.merged = None;
                }
            }
            Entry::More(entry, bytes) => {
                let FileEntry { file, set, outcome, accounts: _, object } = entry;
                self.check(set)?;
                let blob = blob(set, bytes.0);
                let shared = self.merged.as_ref().is_some_and(|(merged, _)| self.overlap(merged.set, set));
                if shared {
                    self.merged = None;
                }
                match self.files.get_mut(&file.path).filter(|stored| stored.key == file) {
                    Some(stored) => {
                        stored.blobs.push(blob);
                        if object.is_some() {
                            stored.object = object;
                        }
                        if outcome.is_worse(&stored.outcome) {
                            stored.outcome = outcome;
                        }
                    }
                    None => return Err("something adds to a file that is not there".to_owned()),
                }
            }
            Entry::Merged(set, bytes) => {
                self.check(set)?;
                self.merged = Some((blob(set, bytes.0), self.entries));
            }
            Entry::Known(fingerprints) => self.known.extend(fingerprints),
        }
        Ok(())
    }

    fn check(&self, set: u32) -> Result<(), String> {
        if (set as usize) < self.sets.len() { Ok(()) } else { Err("an entry of no known set".to_owned()) }
    }

    fn overlap(&self, one: u32, other: u32) -> bool {
        match (self.sets.get(one as usize), self.sets.get(other as usize)) {
            (Some(one), Some(other)) => other.policies.iter().any(|policy| one.policies.contains(policy)),
            _ => true,
        }
    }

    pub(super) fn set(&self, policies: &Policies) -> Option<u32> {
        self.sets.iter().position(|known| known == policies).and_then(|at| u32::try_from(at).ok())
    }

    /// About how many bytes are in force.
    pub(super) fn live(&self) -> u64 {
        let blobs = self
            .files
            .values()
            .flat_map(|stored| &stored.blobs)
            .chain(self.merged.iter().map(|(blob, _)| blob));
        blobs.map(|blob| blob.length).sum::<u64>()
            + 512 * self.files.len() as u64
            + 16 * self.known.len() as u64
    }
}
