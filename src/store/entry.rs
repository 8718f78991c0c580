//! What stands in a store.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::findings::Fingerprint;
use crate::hashed::Keys;
use crate::trail::FileOutcome;
use crate::trail::digest::Object;

/// A hash of everything that something depends on.
pub type Digest = [u8; 16];

/// What made facts out of records: the program's own code and lists, and whom the configuration trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Makers(pub Digest);

/// Policies that something was gathered for, in order of id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    pub makers: Makers,
    /// Id, and a hash of all that a policy's contribution depends on.
    pub policies: Vec<(String, Digest)>,
    /// The facts that are there whatever the policies are: times, accounts, changes.
    pub has_facts: bool,
}

/// An input file: which, and in which state it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKey {
    /// Its real path.
    pub path: String,
    /// Named as an input, not found in a directory: then it has to be a trail.
    pub named: bool,
    pub size: u64,
    /// Seconds and nanoseconds since 1970; negative before.
    pub modified: (i64, u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub(super) file: FileKey,
    /// Position among the sets.
    pub(super) set: u32,
    pub(super) outcome: FileOutcome,
    pub(super) accounts: BTreeSet<String>,
    /// What the check of digests needs of it; `None`: nobody asked.
    pub(super) object: Option<Option<Object>>,
}

/// One entry. What was gathered stands at its end.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry<'e> {
    /// The secret by which the keys of histories and counts are made. The first entry of all.
    Secret(Keys),
    Set(Policies),
    /// All that is known of a file.
    File(FileEntry, #[serde(borrow)] Bytes<'e>),
    /// What the file gave to more policies.
    More(FileEntry, #[serde(borrow)] Bytes<'e>),
    /// What all files before this entry gave together.
    Merged(u32, #[serde(borrow)] Bytes<'e>),
    /// Findings that were reported.
    Known(Vec<Fingerprint>),
}

impl<'e> Entry<'e> {
    pub(super) fn write(&self, to: &mut Vec<u8>) -> Result<(), postcard::Error> {
        let before = to.len();
        let written = postcard::to_extend(self, std::mem::take(to));
        match written {
            Ok(all) => {
                *to = all;
                debug_assert!(to.len() > before);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// The first entry of these bytes, and the rest of them.
    pub(super) fn read(bytes: &'e [u8]) -> Result<(Self, &'e [u8]), postcard::Error> {
        postcard::take_from_bytes(bytes)
    }
}

/// Bytes that are not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes<'e>(pub(super) &'e [u8]);

impl<'e> From<&'e [u8]> for Bytes<'e> {
    fn from(bytes: &'e [u8]) -> Self {
        Bytes(bytes)
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0)
    }
}

impl<'de: 'e, 'e> Deserialize<'de> for Bytes<'e> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> de::Visitor<'de> for Borrowed {
            type Value = Bytes<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Bytes<'de>, E> {
                Ok(Bytes(bytes))
            }
        }
        from.deserialize_bytes(Borrowed)
    }
}
