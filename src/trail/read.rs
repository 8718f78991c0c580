//! Reading input files in parallel: bytes, decompression, records, and each file's outcome.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use memchr::memmem;
use rayon::prelude::*;

use super::digest::is_sidecar;
use super::file_name::TrailFileName;
use super::find::{Entry, What, find};
use super::index::MAX_TEXT;
use super::inflate::{Inflated, inflate, is_gzip};
use super::meter::Watch;
use super::outcome::{Fault, FaultKind, FileKind, FileOutcome, ForeignWhy, Status, Stream};
use super::prune::Prune;
use super::record::TrailRecord;
use super::remote::{Content, Fetched};
use super::space::{Buffers, Space, fill};
use super::split::{Sink, read_text};

/// Bounds and resources of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many threads read; `None`: as many as the machine offers.
    pub threads: Option<NonZeroUsize>,
    /// The most bytes of text read from one file, and the most bytes of the file itself; at most 4 GiB.
    pub max_file_bytes: usize,
    /// The most files that are listed.
    pub max_files: usize,
    /// Which files need not be opened.
    pub prune: Prune,
    /// Who is told how far it is.
    pub watch: Watch,
    /// What readings with the same options use one after the other.
    pub space: Space,
}

impl Default for Options {
    /// 512 MiB a file, five million files.
    fn default() -> Self {
        Self {
            threads: None,
            max_file_bytes: 512 << 20,
            max_files: 5_000_000,
            prune: Prune::default(),
            watch: Watch::default(),
            space: Space::default(),
        }
    }
}

impl Options {
    /// Runs this where files are read.
    fn on_threads<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.space.on_threads(self.threads.map_or(0, NonZeroUsize::get), work)
    }
}

/// Receives the records. Each file has an accumulator of its own, so no locking is needed. What is kept of a file is
/// returned in the order of the paths; what a visitor gathers elsewhere must not depend on which file came first.
pub trait RecordVisitor: Sync {
    /// What is gathered while one file is read.
    type PerFile;
    /// What is kept of it.
    type Kept: Send;

    /// Called once per file, before its records. `path` is for display; `named` is what the file's name says.
    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> Self::PerFile;

    /// Called for each record, in the order of the file. Only event source, name and time are known to be readable;
    /// nothing else was parsed yet.
    fn record(&self, file: &mut Self::PerFile, record: &TrailRecord<'_>);

    /// Called once per file that could be opened, before its records, with all of its unpacked text; `outcome` says how
    /// the reading of its bytes ended. Most visitors need only the records.
    fn contents(&self, _file: &mut Self::PerFile, _text: &[u8], _outcome: &FileOutcome) {}

    /// Whether there may be records that [`RecordVisitor::pass_over`] says yes to.
    fn may_pass_over(&self) -> bool {
        false
    }

    /// Whether a record with this event source and name (as written) cannot be passed over.
    fn needs(&self, _file: &mut Self::PerFile, _source: &[u8], _name: &[u8]) -> bool {
        true
    }

    /// Called instead of [`RecordVisitor::record`] for a record whose source and name [`RecordVisitor::needs`] was asked
    /// about last, and said no to, with the members of a first look: event source, name, time and category, account and
    /// region. Of the others none is there, but they were checked as strictly. Records that stand before it may be given
    /// after it.
    fn pass_over(&self, _file: &mut Self::PerFile, _record: &TrailRecord<'_>) {}

    /// Called once per file, behind its records, with how its reading ended.
    fn end(&self, file: Self::PerFile, outcome: &FileOutcome) -> Self::Kept;
}

/// Reads all files at `inputs` (files, directories, `-` for standard input). Every file has an outcome; outcomes are
/// sorted by path, and neither the order of `inputs` nor the number of threads changes anything.
pub fn read_inputs<V: RecordVisitor>(
    inputs: &[PathBuf],
    options: &Options,
    visitor: &V,
) -> Vec<(FileOutcome, V::Kept)> {
    read_entries(list(inputs, options), options, visitor)
}

/// The files at `inputs`, sorted by path, each once.
pub(crate) fn list(inputs: &[PathBuf], options: &Options) -> Vec<Entry> {
    find(inputs, options.max_files, &options.prune)
}

/// Reads files that were listed.
pub(crate) fn read_entries<V: RecordVisitor>(
    entries: Vec<Entry>,
    options: &Options,
    visitor: &V,
) -> Vec<(FileOutcome, V::Kept)> {
    if let Some(meter) = &options.watch.0 {
        meter.found(entries.len() as u64);
    }
    let pool = &options.space;
    let read = || {
        // There may be millions: what was read of one takes the place of its entry.
        entries
            .into_par_iter()
            .with_max_len(1)
            .map(|entry| {
                let read = pool.with(|buffers| read_entry(&entry, options, visitor, buffers));
                if let Some(meter) = &options.watch.0 {
                    meter.file(read.0.records, read.0.text_bytes);
                }
                read
            })
            .collect()
    };
    options.on_threads(read)
}

/// Reads files as they come from elsewhere; outcomes are sorted by path.
pub fn read_remote<V: RecordVisitor>(
    files: Box<dyn Iterator<Item = Fetched> + Send>,
    options: &Options,
    visitor: &V,
) -> Vec<(FileOutcome, V::Kept)> {
    let pool = &options.space;
    let read = || -> Vec<(FileOutcome, V::Kept)> {
        files
            .par_bridge()
            .map(|file| {
                let read = pool.with(|buffers| read_fetched(file, options, visitor, buffers));
                if let Some(meter) = &options.watch.0 {
                    meter.file(read.0.records, read.0.text_bytes);
                }
                read
            })
            .collect()
    };
    let mut read = options.on_threads(read);
    read.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    read
}

fn read_fetched<V: RecordVisitor>(
    file: Fetched,
    options: &Options,
    visitor: &V,
    buffers: &mut Buffers,
) -> (FileOutcome, V::Kept) {
    let Fetched { name, named, what, room } = file;
    let read = match what {
        Content::Bytes(bytes) => {
            read_source(&name, (&bytes[..], bytes.len()), Found::InDirectory, options, visitor, buffers)
        }
        Content::LeftOut(why) => without_records((&name, named), FileKind::LeftOut(why), None, visitor),
        Content::Failed(fault) => without_records((&name, named), FileKind::Unknown, Some(fault), visitor),
    };
    // What it made room for may be fetched now.
    drop(room);
    read
}

/// Reads one stream as if it were a file named as input.
pub fn read_stream<V: RecordVisitor>(
    path: &str,
    stream: impl Read,
    options: &Options,
    visitor: &V,
) -> (FileOutcome, V::Kept) {
    match options.prune.leaves_out(path) {
        Some(why) => without_records((path, None), FileKind::LeftOut(why), None, visitor),
        None => read_source(path, (stream, 0), Found::Named, options, visitor, &mut Buffers::new()),
    }
}

/// The most bytes of a file beside a digest.
const MAX_SIDECAR: usize = 64 << 10;

/// Whether a file was given as input or found in a directory: what is no trail is a fault only in the first case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Named,
    InDirectory,
}

fn read_entry<V: RecordVisitor>(
    entry: &Entry,
    options: &Options,
    visitor: &V,
    buffers: &mut Buffers,
) -> (FileOutcome, V::Kept) {
    let display = entry.display();
    let without_records = |kind, fault| without_records((&display, None), kind, fault, visitor);
    match &entry.what {
        What::Listed(kind) => without_records(*kind, None),
        What::Failed(fault) => without_records(FileKind::Unknown, Some(fault.clone())),
        What::Stdin => {
            read_source(&display, (std::io::stdin().lock(), 0), Found::Named, options, visitor, buffers)
        }
        What::File { named } => match File::open(&entry.path) {
            Ok(file) => {
                let found = if *named { Found::Named } else { Found::InDirectory };
                let size = file.metadata().map_or(0, |data| data.len());
                let source = (file, usize::try_from(size).unwrap_or(usize::MAX));
                read_source(&display, source, found, options, visitor, buffers)
            }
            Err(error) => without_records(FileKind::Unknown, Some(FaultKind::Io(error.to_string()))),
        },
    }
}

/// The outcome of a file of which nothing is read.
fn without_records<V: RecordVisitor>(
    (path, named): (&str, Option<TrailFileName>),
    kind: FileKind,
    fault: Option<FaultKind>,
    visitor: &V,
) -> (FileOutcome, V::Kept) {
    let mut outcome = FileOutcome::new(path.to_owned(), kind);
    outcome.named = named.or_else(|| TrailFileName::parse(path));
    if let Some(fault) = fault {
        outcome.status = Status::Failed;
        outcome.add_fault(Fault::file(0, fault));
    }
    let gathered = visitor.begin(&outcome.path, outcome.named.as_ref());
    let kept = visitor.end(gathered, &outcome);
    (outcome, kept)
}

/// `size`: how long the source is said to be, where something says it; a wrong one only takes time.
fn read_source<V: RecordVisitor>(
    path: &str,
    (mut source, size): (impl Read, usize),
    found: Found,
    options: &Options,
    visitor: &V,
    buffers: &mut Buffers,
) -> (FileOutcome, V::Kept) {
    let Buffers { file, text, decompressor } = buffers;
    let mut outcome = FileOutcome::new(path.to_owned(), FileKind::Unknown);
    outcome.named = TrailFileName::parse(path);
    let mut gathered = visitor.begin(path, outcome.named.as_ref());
    let sidecar = is_sidecar(path);

    let limit = options.max_file_bytes.min(if sidecar { MAX_SIDECAR } else { MAX_TEXT });
    let (file, error) = fill(file, &mut source, (size, limit.saturating_add(1)));
    if let Some(error) = error {
        outcome.add_fault(Fault::file(file.len() as u64, FaultKind::Io(error.to_string())));
    }
    if file.len() > limit {
        let kind = FaultKind::TooLarge { limit: limit as u64 };
        outcome.add_fault(Fault::file(limit as u64, kind));
    }
    let file = file.get(..limit).unwrap_or(file);

    let inflated;
    let all: &[u8] = if is_gzip(file) {
        inflated = inflate(file, limit, text, decompressor);
        text.get(..inflated.len).unwrap_or_default()
    } else {
        inflated = Inflated::default();
        file
    };
    inflated.faults.into_iter().for_each(|fault| outcome.add_fault(fault));
    outcome.text_bytes = all.len() as u64;
    if sidecar {
        outcome.kind = FileKind::Metadata;
    }
    visitor.contents(&mut gathered, all, &outcome);
    if sidecar {
        outcome.status = if outcome.fault_count > 0 { Status::Failed } else { Status::Ok };
        let kept = visitor.end(gathered, &outcome);
        return (outcome, kept);
    }

    let bytes_fault = outcome.fault_count > 0;
    let mut gatherer =
        Gatherer { outcome, gathered, visitor, claimed: false, digest: false, shape_only: true };
    let mut from = 0;
    for to in inflated.breaks.into_iter().chain([all.len()]) {
        read_text(all.get(from..to).unwrap_or_default(), from as u64, &mut gatherer);
        from = to;
    }
    if bytes_fault {
        gatherer.outcome.status = Status::Failed;
    }
    judge(&mut gatherer, all, found);
    let kept = visitor.end(gatherer.gathered, &gatherer.outcome);
    (gatherer.outcome, kept)
}

struct Gatherer<'v, V: RecordVisitor> {
    outcome: FileOutcome,
    gathered: V::PerFile,
    visitor: &'v V,
    claimed: bool,
    digest: bool,
    /// Every fault of the text so far: sound JSON, of another shape than a trail's.
    shape_only: bool,
}

impl<V: RecordVisitor> Gatherer<'_, V> {
    fn count(&mut self, record: &TrailRecord<'_>) {
        self.outcome.records += 1;
        let time = record.event_time();
        let (first, last) = self.outcome.times.unwrap_or((time, time));
        self.outcome.times = Some((first.min(time), last.max(time)));
    }
}

impl<V: RecordVisitor> Sink for Gatherer<'_, V> {
    fn record(&mut self, record: &TrailRecord<'_>) {
        self.count(record);
        self.visitor.record(&mut self.gathered, record);
    }

    fn may_pass_over(&self) -> bool {
        self.visitor.may_pass_over()
    }

    fn needs(&mut self, source: &[u8], name: &[u8]) -> bool {
        self.visitor.needs(&mut self.gathered, source, name)
    }

    fn pass_over(&mut self, record: &TrailRecord<'_>) {
        self.visitor.pass_over(&mut self.gathered, record);
        self.count(record);
    }

    fn summary(&mut self) {
        self.outcome.summaries += 1;
    }

    fn digest(&mut self) {
        self.digest = true;
    }

    fn claim(&mut self) {
        self.claimed = true;
    }

    fn fault(&mut self, fault: Fault) {
        self.shape_only &= fault.kind.is_shape();
        self.outcome.status = self.outcome.status.max(Status::Malformed);
        self.outcome.add_fault(fault);
    }
}

/// Says what a file is. What holds no record is foreign only where it makes no claim to be a trail: a damaged trail
/// must never pass for a file of someone else's.
fn judge<V: RecordVisitor>(gatherer: &mut Gatherer<'_, V>, text: &[u8], found: Found) {
    let outcome = &mut gatherer.outcome;
    if outcome.records > 0 || gatherer.claimed {
        outcome.kind = FileKind::Trail;
        return;
    }
    if outcome.summaries > 0 || gatherer.digest {
        outcome.kind = if gatherer.digest { FileKind::Digest } else { FileKind::Summaries };
        return;
    }
    let own = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let why = match own.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => ForeignWhy::Empty,
        Some(b'{' | b'[') => ForeignWhy::OtherJson,
        Some(_) => ForeignWhy::NotJson,
    };
    // Without any text because of a fault: that fault says what is wrong, not that the file was empty.
    if why == ForeignWhy::Empty
        && outcome.fault_count > 0
        && (found == Found::Named || outcome.named.is_some())
    {
        outcome.status = outcome.status.max(Status::Malformed);
        return;
    }
    if found == Found::Named || outcome.named.is_some() {
        let kind = if why == ForeignWhy::Empty { FaultKind::Empty } else { FaultKind::NotATrail(why) };
        outcome.kind = if why == ForeignWhy::Empty { FileKind::Unknown } else { FileKind::Foreign(why) };
        outcome.status = outcome.status.max(Status::Malformed);
        outcome.faults.insert(0, Fault { offset: 0, stream: Stream::Text, kind });
        outcome.faults.truncate(FileOutcome::MAX_FAULTS);
        outcome.fault_count += 1;
        return;
    }
    let may_be_trail = match why {
        ForeignWhy::Empty => outcome.status == Status::Failed,
        ForeignWhy::OtherJson => {
            !gatherer.shape_only && (outcome.status == Status::Failed || mentions_events(text))
        }
        _ => {
            let utf16 = text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]);
            utf16 || (has_json_name(&outcome.path) && mentions_events(text))
        }
    };
    if !may_be_trail {
        outcome.kind = FileKind::Foreign(why);
        outcome.status = Status::Ok;
        outcome.faults.clear();
        outcome.fault_count = 0;
    }
}

/// Whether the names of a record's members occur anywhere.
fn mentions_events(text: &[u8]) -> bool {
    ["eventSource", "eventName", "CloudTrailEvent"]
        .iter()
        .any(|name| memmem::find(text, name.as_bytes()).is_some())
}

fn has_json_name(path: &str) -> bool {
    let path = path.strip_suffix(".gz").unwrap_or(path);
    [".json", ".jsonl", ".ndjson", ".log"].iter().any(|extension| path.ends_with(extension))
}
