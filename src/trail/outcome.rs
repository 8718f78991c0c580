//! What became of each input file, and what was wrong with it.

use serde::{Deserialize, Serialize};

use super::file_name::TrailFileName;
use super::json::JsonFault;
use super::prune::LeftOut;

/// Which bytes an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// The file's own bytes (compressed, where it is).
    File,
    /// The decompressed text.
    Text,
}

/// Something in a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{kind} (byte {offset}{})", match .stream { Stream::File => " of the file", Stream::Text => "" })]
pub struct Fault {
    /// Byte offset where it was noticed.
    pub offset: u64,
    /// What the offset counts.
    pub stream: Stream,
    /// What is wrong. Kept in a store as its words.
    #[serde(with = "words")]
    pub kind: FaultKind,
}

impl Fault {
    pub(crate) fn text(offset: usize, kind: FaultKind) -> Self {
        Self { offset: offset as u64, stream: Stream::Text, kind }
    }

    pub(crate) fn file(offset: u64, kind: FaultKind) -> Self {
        Self { offset, stream: Stream::File, kind }
    }
}

/// What can be wrong with a file or a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(String),
    /// It may not be read; `permission` is the IAM action that is missing.
    #[error("denied, {permission} is missing")]
    Denied { permission: String },
    /// A FIFO, socket or device: it is never opened, since reading one may never end.
    #[error("not a regular file or directory (what comes through a pipe is read as -, standard input)")]
    NotRegular,
    /// A directory deeper than the bound.
    #[error("directories nested too deeply")]
    DirectoryTooDeep,
    /// More files than the bound.
    #[error("more than {0} files: the rest is not listed")]
    TooManyFiles(usize),
    /// The compressed file ends before its data does.
    #[error("the gzip data is cut off")]
    GzipTruncated,
    /// The compressed data is damaged.
    #[error("the gzip data is damaged")]
    GzipCorrupt,
    /// Bytes that are not gzip behind the last gzip member.
    #[error("bytes that are not gzip follow the gzip data")]
    GzipTrailing,
    /// More text than the bound: reading stopped there.
    #[error("more than {limit} bytes: the rest was not read")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not JSON.
    #[error(transparent)]
    Json(JsonFault),
    /// A record that is not an object.
    #[error("a record that is not an object")]
    NotAnObject,
    /// A record without what every record has, or with it in another shape.
    #[error("a record without a readable {}", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// `Records` or `Events` that is not an array.
    #[error("`{0}` is not an array")]
    NotAnArray(&'static str),
    /// A damaged record inside a LookupEvents `CloudTrailEvent` string.
    #[error("in the string of CloudTrailEvent: {0}")]
    Inner(Box<FaultKind>),
    /// A file without any text, where a trail was promised.
    #[error("the file is empty")]
    Empty,
    /// A file named as input, or named like a trail, that is none.
    #[error("not a CloudTrail file: {0}")]
    NotATrail(ForeignWhy),
    /// Reading on was not possible after the fault before this one.
    #[error("the rest was not read")]
    RestUnread,
    /// What an earlier run said of a file, as a store keeps it.
    #[error("{0}")]
    Told(String),
}

impl FaultKind {
    /// Whether the text is sound JSON of another shape than a trail's. Other lists of events have names and times too;
    /// `eventSource` is what tells a record that lost something from an object that never was one.
    pub(crate) fn is_shape(&self) -> bool {
        match self {
            FaultKind::Missing(names) => names.contains(&"eventSource"),
            FaultKind::NotAnObject | FaultKind::NotAnArray("Events") => true,
            _ => false,
        }
    }
}

/// A kind of fault as its words.
mod words {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::FaultKind;

    pub(super) fn serialize<S: Serializer>(kind: &FaultKind, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(kind)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<FaultKind, D::Error> {
        String::deserialize(from).map(FaultKind::Told)
    }
}

/// Why a file is taken to be none of CloudTrail's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
pub enum ForeignWhy {
    /// No text at all.
    #[error("empty")]
    Empty,
    /// Not JSON text: an image, another compression, prose.
    #[error("not JSON")]
    NotJson,
    /// JSON of another shape.
    #[error("other JSON")]
    OtherJson,
    /// A FIFO, socket or device.
    #[error("not a regular file")]
    NotRegular,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileKind {
    /// Trail records, perhaps none.
    Trail,
    /// A digest of trail files (integrity data, no records).
    Digest,
    /// The object metadata of a digest, in a file beside it.
    Metadata,
    /// Only CloudTrail's own summaries: Insights or aggregated events.
    Summaries,
    /// Something else, found in a directory.
    Foreign(ForeignWhy),
    /// Not opened: its path says that nothing in it matters.
    LeftOut(LeftOut),
    /// Reached before under another name; read once.
    Duplicate,
    /// Nothing could be told: nothing of it was read.
    Unknown,
}

/// How far the reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// All of it was read.
    Ok,
    /// All bytes were read, but some of them could not be understood.
    Malformed,
    /// Not all bytes could be read.
    Failed,
}

/// What became of one input file. Every file has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutcome {
    /// The path as given or found, for display; `-` is standard input.
    pub path: String,
    /// What it holds.
    pub kind: FileKind,
    /// How far the reading came.
    pub status: Status,
    /// Records given to the visitor, duplicates included.
    pub records: u64,
    /// Insights and aggregated events: recognised, not given to the visitor.
    pub summaries: u64,
    /// Bytes of decompressed text that were read.
    pub text_bytes: u64,
    /// Earliest and latest time of its records: seconds since 1970.
    pub times: Option<(i64, i64)>,
    /// What the name says, where it follows CloudTrail's naming.
    pub named: Option<TrailFileName>,
    /// What was wrong, in the order it was noticed: the first [`FileOutcome::MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// How many faults there were.
    pub fault_count: u64,
}

impl FileOutcome {
    /// How many faults of one file are kept; all are counted.
    pub const MAX_FAULTS: usize = 50;

    pub(crate) fn new(path: String, kind: FileKind) -> Self {
        Self {
            path,
            kind,
            status: Status::Ok,
            records: 0,
            summaries: 0,
            text_bytes: 0,
            times: None,
            named: None,
            faults: Vec::new(),
            fault_count: 0,
        }
    }

    pub(crate) fn add_fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < Self::MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    /// Is there more wrong by this account of a file than by that one?
    pub(crate) fn is_worse(&self, than: &FileOutcome) -> bool {
        (self.status, self.fault_count) > (than.status, than.fault_count)
    }

    /// Whether anything usable was read: records, or a sound trail that has none.
    pub fn is_usable(&self) -> bool {
        self.records > 0 || (self.kind == FileKind::Trail && self.status == Status::Ok)
    }
}
