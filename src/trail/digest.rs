//! CloudTrail's own proof that a trail's files are all there and unchanged: hourly digest files, each with the hashes
//! of the log files delivered in that hour, signed, and linked to the digest before.
//!
//! - [`Object::read`] keeps of a file what the check needs; the bytes may come from anywhere, and so may the signature
//!   (a digest's object metadata in S3, or a file beside it on disk: [`Signature`]).
//! - [`PublicKeys`] is the answer of `aws cloudtrail list-public-keys`.
//! - [`verify`] judges every file that is there or should be. Pure.
//!
//! Nothing is intact without proof: a digest without a signature that can be checked is unverified, and so is every
//! log file that only such digests list.
//!
//! The format, and what is signed:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html>

mod chain;
mod file;
mod keys;
mod logs;
mod object;

use serde::{Deserialize, Serialize};

use file::Digest;
pub use file::DigestFault;
pub use keys::{KeyError, PublicKeys};
pub(crate) use object::is_digest;
pub use object::{Object, Signature, is_sidecar};

use super::file_name::TrailFileName;

/// What was found of one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verdict {
    /// The S3 key as the digests have it, where one names it; else the path.
    pub name: String,
    /// The file in which it was seen: itself, or the digest that lists it.
    pub seen_in: String,
    pub role: Role,
    pub account: Option<String>,
    pub region: Option<String>,
    pub state: State,
    /// From when to when its records may be: seconds since 1970, both included.
    pub span: Option<(i64, i64)>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Log,
    Digest,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Log => "log",
            Role::Digest => "digest",
        }
    }
}

/// How a file came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Proven to be as CloudTrail delivered it.
    Intact,
    /// A digest names it, and it is not there.
    Missing,
    Altered(Altered),
    /// A digest whose object metadata was read and has no signature.
    Unsigned,
    /// The digests of the time in which it was delivered do not list it.
    Unlisted,
    Unverified(Unverified),
}

/// What shows that a file is not as it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Altered {
    #[error("its content has another hash than its digest says")]
    Content,
    #[error("its content has another hash than the next digest says")]
    Link,
    #[error("its signature does not fit its content")]
    Signature,
    #[error("it stands under another name than the one it was delivered under")]
    Moved,
    #[error("it is no digest that could be read: {0}")]
    Format(DigestFault),
    #[error("it does not unpack")]
    Packing,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
pub enum Unverified {
    #[error("no public keys were given (--public-keys)")]
    NoKeys,
    #[error("the key it was signed with is not among those given")]
    UnknownKey,
    #[error("its key was not valid at the time of the digest")]
    KeyNotValid,
    #[error("its signature was not given, and no next digest gives it")]
    NoSignature,
    #[error("its signature is given only by a digest that is not verified itself")]
    NextUnverified,
    #[error("it is signed or hashed in a way that is not known")]
    Algorithm,
    #[error("it could not be read in full")]
    NotRead,
    #[error("only digests that are not verified list it")]
    DigestUnverified,
    #[error("no digest of its account, region and time was given")]
    NotCovered,
    #[error("its name does not say which file of a trail it is")]
    Unnamed,
}

impl State {
    /// A sentence about the file.
    pub fn reason(self) -> String {
        match self {
            State::Intact => "the digest chain proves that it is as it was delivered".to_owned(),
            State::Missing => "a digest names it, and it is not there".to_owned(),
            State::Altered(how) => how.to_string(),
            State::Unsigned => "its object metadata has no signature".to_owned(),
            State::Unlisted => "no digest of the time of its delivery lists it".to_owned(),
            State::Unverified(why) => why.to_string(),
        }
    }
}

/// Time that no digest covers, between two that do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Break {
    pub account: String,
    pub region: String,
    /// Seconds since 1970: the end of the digest before, the start of the digest after.
    pub from: i64,
    pub to: i64,
    /// The digest after it.
    pub seen_in: String,
}

/// What was found of all files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Every file that is there or should be, sorted.
    pub files: Vec<Verdict>,
    pub breaks: Vec<Break>,
}

/// Checks the files against each other.
pub fn verify(objects: Vec<Object>, keys: &PublicKeys) -> Findings {
    let mut chains = chain::Chains::default();
    let mut shelf = logs::Shelf::default();
    for object in objects {
        match object {
            Object::Metadata { of, signature } => chains.metadata(of, signature),
            Object::Digest(found) => chains.add(*found),
            Object::Log(found) => shelf.add(found),
        }
    }
    let mut out = Findings::default();
    let judged = chains.judge(keys, &mut out);
    shelf.judge(&judged, &mut out);
    out.files.sort();
    out.breaks.sort();
    out.breaks.dedup();
    out
}

/// The last part of a path or key.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Names of log files are compared without `.gz`: hashes are of the unpacked text, so an unpacked copy is as good.
fn log_name(path: &str) -> &str {
    let name = base_name(path);
    name.strip_suffix(".gz").unwrap_or(name)
}

/// Account and region of a file's name.
fn whose(named: Option<&TrailFileName>) -> (Option<String>, Option<String>) {
    (named.map(|name| name.account.clone()), named.map(|name| name.region.clone()))
}

#[cfg(test)]
mod tests;
