//! What is kept of each file for the check.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Digest, DigestFault, Unverified, base_name};
use crate::trail::file_name::TrailFileName;
use crate::trail::outcome::{FaultKind, FileKind, FileOutcome};

/// SHA-256 of a file's unpacked text.
pub(super) type Hash = [u8; 32];

/// Beside a digest `X`: its signature in hexadecimal, and nothing else.
const SIGNATURE: &str = ".signature";
/// Beside a digest `X`: the answer of `aws s3api head-object`.
const METADATA: &str = ".metadata.json";

/// Is the path one of a file that stands beside a digest and holds its object metadata?
pub fn is_sidecar(path: &str) -> bool {
    sidecar_of(path).is_some()
}

/// The digest a sidecar belongs to.
fn sidecar_of(path: &str) -> Option<&str> {
    let of = path.strip_suffix(SIGNATURE).or_else(|| path.strip_suffix(METADATA))?;
    TrailFileName::parse(of).filter(|name| name.class == DIGEST).map(|_| of)
}

/// The class of digest files in [`TrailFileName`].
pub(super) const DIGEST: &str = "CloudTrail-Digest";

/// Is it a digest's name?
pub(crate) fn is_digest(named: &TrailFileName) -> bool {
    named.class == DIGEST
}

/// What the object metadata of a digest says of its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signature {
    /// In hexadecimal, as `x-amz-meta-signature` has it.
    Hex(String),
    /// The metadata was read, and there is none.
    None,
    /// The metadata could not be read or understood.
    Unread,
}

impl Signature {
    /// Of a sidecar's text.
    fn read(path: &str, text: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(text) else { return Signature::Unread };
        if path.ends_with(SIGNATURE) {
            return match text.trim() {
                "" => Signature::None,
                hex => Signature::Hex(hex.to_owned()),
            };
        }
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "Metadata")]
            metadata: std::collections::BTreeMap<String, String>,
        }
        match serde_json::from_str::<Head>(text) {
            Ok(head) => head.metadata.get("signature").map_or(Signature::None, |hex| Self::Hex(hex.clone())),
            Err(_) => Signature::Unread,
        }
    }
}

/// One input file, as far as the check needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// Metadata of the digest of that name.
    Metadata {
        of: String,
        signature: Signature,
    },
    Digest(Box<FoundDigest>),
    Log(FoundLog),
}

/// A digest file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDigest {
    pub(super) path: String,
    pub(super) named: TrailFileName,
    /// From its object metadata, where that was read with it.
    pub(super) signature: Option<Signature>,
    /// Its hash, and what it says.
    pub(super) content: Result<(Hash, Digest), NotADigest>,
}

/// Why a digest's content is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NotADigest {
    Format(DigestFault),
    Packing,
    NotRead,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLog {
    pub(super) path: String,
    pub(super) named: Option<TrailFileName>,
    pub(super) hash: Result<Hash, NoHash>,
}

/// Why a log file has no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NoHash {
    /// Its bytes were read, and are no sound gzip file.
    Packing,
    Unverified(Unverified),
    /// It is there, and was not to be judged.
    LeftOut,
}

impl Object {
    /// What the check needs of a file: `text` is all its text, unpacked; `outcome` says how the reading of its bytes
    /// ended. `signature` is what the object's metadata says, for a source that has any. `None`: the name is of no
    /// file of a trail.
    pub fn read(outcome: &FileOutcome, text: &[u8], signature: Option<Signature>) -> Option<Object> {
        if outcome.kind == FileKind::Metadata {
            let of = sidecar_of(&outcome.path)?;
            let read = outcome.fault_count == 0;
            let signature = if read { Signature::read(&outcome.path, text) } else { Signature::Unread };
            return Some(Object::Metadata { of: base_name(of).to_owned(), signature });
        }
        let named = outcome.named.clone()?;
        let broken = outcome.faults.first().map(|fault| is_packing(&fault.kind));
        if named.class == DIGEST {
            let content = match broken {
                Some(true) => Err(NotADigest::Packing),
                Some(false) => Err(NotADigest::NotRead),
                None => Digest::parse(text).map(|digest| (hash(text), digest)).map_err(NotADigest::Format),
            };
            let path = outcome.path.clone();
            return Some(Object::Digest(Box::new(FoundDigest { path, named, signature, content })));
        }
        let hash = match broken {
            Some(true) => Err(NoHash::Packing),
            Some(false) => Err(NoHash::Unverified(Unverified::NotRead)),
            None => Ok(hash(text)),
        };
        Some(Object::Log(FoundLog { path: outcome.path.clone(), named: Some(named), hash }))
    }

    /// A file that may be a trail's, of which the reading kept nothing: it could not be opened, or its name says
    /// nothing. `None` if it is of no concern.
    pub fn unread(outcome: &FileOutcome) -> Option<Object> {
        let path = outcome.path.clone();
        match &outcome.named {
            Some(_) if matches!(outcome.kind, FileKind::Duplicate | FileKind::Metadata) => None,
            Some(named) if matches!(outcome.kind, FileKind::LeftOut(_)) => {
                let named = Some(named.clone());
                Some(Object::Log(FoundLog { path, named, hash: Err(NoHash::LeftOut) }))
            }
            Some(named) if named.class == DIGEST => Some(Object::Digest(Box::new(FoundDigest {
                path,
                named: named.clone(),
                signature: None,
                content: Err(NotADigest::NotRead),
            }))),
            Some(named) => Some(Object::Log(FoundLog {
                path,
                named: Some(named.clone()),
                hash: Err(NoHash::Unverified(Unverified::NotRead)),
            })),
            None if outcome.kind == FileKind::Trail => Some(Object::Log(FoundLog {
                path,
                named: None,
                hash: Err(NoHash::Unverified(Unverified::Unnamed)),
            })),
            None => None,
        }
    }
}

fn hash(text: &[u8]) -> Hash {
    Sha256::digest(text).into()
}

/// Is the fault in the file's own bytes, all of which were read?
fn is_packing(fault: &FaultKind) -> bool {
    matches!(fault, FaultKind::GzipTruncated | FaultKind::GzipCorrupt | FaultKind::GzipTrailing)
}
