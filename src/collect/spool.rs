//! Where looked-up records are kept until they are judged: in memory, packed, or in a directory from which a later run
//! goes on. Each line is a page as `aws cloudtrail lookup-events` would give it, with how far the look-up had come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libdeflater::{CompressionLvl, Compressor};
use serde::{Deserialize, Serialize};

use crate::audit::NamedText;

/// Text is packed when there is so much of it.
const CHUNK: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) account: String,
    pub(super) region: String,
}

/// One page of a look-up, as far as it is new.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) span: (i64, i64),
    pub(super) next: Option<String>,
    /// EventID and record.
    pub(super) events: Vec<(Option<String>, Option<String>)>,
}

/// How far an earlier run came with a look-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// From when to when all was read.
    pub(super) whole: Option<(i64, i64)>,
    /// A span that was begun, and its next page.
    pub(super) begun: Option<((i64, i64), String)>,
    /// Others turned out to be cheaper.
    pub(super) abandoned: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    events: Vec<Entry>,
    looked_up: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_trail_event: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct State {
    attribute: String,
    from: i64,
    to: i64,
    next: Option<String>,
    /// It was given up for others that serve the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    abandoned: bool,
}

type Key = (Place, String);

pub(super) struct Spool {
    directory: Option<PathBuf>,
    /// Held as long as this is.
    _lock: Option<File>,
    known: HashMap<Key, Progress>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// Those that are there, and the places that are asked now: the records of others are none of this run's.
    files: BTreeSet<PathBuf>,
    asked: BTreeSet<Place>,
    memory: BTreeMap<Key, Vec<u8>>,
    packed: Vec<NamedText>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Spool {
    /// `seen` is told the eventIDs that are there already.
    ///
    /// # Errors
    /// A directory that cannot be made or read.
    pub(super) fn open(directory: Option<PathBuf>, seen: &mut dyn FnMut(&str)) -> io::Result<Self> {
        let lock = directory.as_deref().map(locked).transpose()?;
        let mut spool = Spool { directory, _lock: lock, known: HashMap::new(), open: Mutex::default() };
        if let Some(directory) = &spool.directory {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                if let Some(place) = place_of(&path) {
                    let (attribute, progress) = read(&path, seen)?;
                    spool.known.insert((place, attribute), progress);
                    spool.open.lock().unwrap_or_else(PoisonError::into_inner).files.insert(path);
                }
            }
        }
        Ok(spool)
    }

    pub(super) fn known(&self, place: &Place, attribute: &str) -> Progress {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).asked.insert(place.clone());
        self.known.get(&(place.clone(), attribute.to_owned())).cloned().unwrap_or_default()
    }

    pub(super) fn add(&self, place: &Place, attribute: &str, page: &Page) -> io::Result<()> {
        let entry = |(event_id, cloud_trail_event): &(Option<String>, Option<String>)| Entry {
            event_id: event_id.clone(),
            cloud_trail_event: cloud_trail_event.clone(),
        };
        let (from, to) = page.span;
        let next = page.next.clone();
        let looked_up = State { attribute: attribute.to_owned(), from, to, next, abandoned: false };
        self.line(place, attribute, &Line { events: page.events.iter().map(entry).collect(), looked_up })
    }

    /// Notes that a look-up will not be gone on with.
    pub(super) fn abandon(&self, place: &Place, attribute: &str) -> io::Result<()> {
        if self.directory.is_none() {
            return Ok(());
        }
        let looked_up =
            State { attribute: attribute.to_owned(), from: 0, to: 0, next: None, abandoned: true };
        self.line(place, attribute, &Line { events: Vec::new(), looked_up })
    }

    fn line(&self, place: &Place, attribute: &str, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.directory {
            Some(directory) => {
                let path = directory.join(file_name(place, attribute));
                // Opened for each page: there may be more files than a process may have open.
                let mut file = create(&path)?;
                open.files.insert(path);
                file.write_all(&text)
            }
            None => {
                let key = (place.clone(), attribute.to_owned());
                let held = open.memory.entry(key.clone()).or_default();
                held.extend_from_slice(&text);
                if held.len() >= CHUNK {
                    let held = std::mem::take(held);
                    open.pack(&key, &held)?;
                }
                Ok(())
            }
        }
    }

    /// The records: packed texts with their names, and files.
    pub(super) fn finish(&self) -> io::Result<(Vec<NamedText>, Vec<PathBuf>)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, held) in std::mem::take(&mut open.memory) {
            if !held.is_empty() {
                open.pack(&key, &held)?;
            }
        }
        let mut packed = std::mem::take(&mut open.packed);
        packed.sort();
        let is_asked = |path: &&PathBuf| place_of(path).is_some_and(|place| open.asked.contains(&place));
        Ok((packed, open.files.iter().filter(is_asked).cloned().collect()))
    }
}

impl Open {
    fn pack(&mut self, (place, attribute): &Key, text: &[u8]) -> io::Result<()> {
        let mut compressor = Compressor::new(CompressionLvl::fastest());
        let mut packed = vec![0; compressor.gzip_compress_bound(text.len())];
        let length = compressor.gzip_compress(text, &mut packed).map_err(io::Error::other)?;
        packed.truncate(length);
        let name =
            format!("LookupEvents/{}/{}/{attribute}-{:06}", place.account, place.region, self.packed.len());
        self.packed.push((name, packed.into()));
        Ok(())
    }
}

/// Makes the directory, and keeps others out: two runs at once would write into each other's files.
fn locked(directory: &Path) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    let lock = create(&directory.join("lock"))?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => {
            io::Error::other(format!("{} is in use by another run", directory.display()))
        }
        fs::TryLockError::Error(error) => error,
    })?;
    Ok(lock)
}

/// Records say who did what from where: they are for their owner alone.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Behind the place, so that it tells itself from other files.
const SUFFIX: &str = ".lookup.jsonl";

fn file_name(place: &Place, attribute: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' };
    let attribute: String = attribute.chars().map(plain).collect();
    format!("{}_{}_{attribute}{SUFFIX}", place.account, place.region)
}

fn place_of(path: &Path) -> Option<Place> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    let mut parts = name.split('_');
    let (account, region) = (parts.next()?, parts.next()?);
    crate::arn::is_account(account).then(|| Place { account: account.to_owned(), region: region.to_owned() })
}

/// Reads how far a look-up had come. A line that was torn by the end of a run is cut off.
fn read(path: &Path, seen: &mut dyn FnMut(&str)) -> io::Result<(String, Progress)> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut attribute, mut progress) = (String::new(), Progress::default());
    let (mut text, mut sound) = (Vec::new(), 0u64);
    loop {
        text.clear();
        let length = reader.read_until(b'\n', &mut text)?;
        if length == 0 {
            break;
        }
        let whole = text.ends_with(b"\n");
        let Some(line) = serde_json::from_slice::<Line>(&text).ok().filter(|_| whole) else {
            if whole {
                let what = format!("{}: byte {sound} begins no page of a look-up", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            OpenOptions::new().write(true).open(path)?.set_len(sound)?;
            break;
        };
        sound += length as u64;
        line.events.iter().filter_map(|entry| entry.event_id.as_deref()).for_each(&mut *seen);
        let State { attribute: of, from, to, next, abandoned } = line.looked_up;
        attribute = of;
        match next {
            _ if abandoned => {
                progress.begun = None;
                progress.abandoned = true;
            }
            Some(next) => progress.begun = Some(((from, to), next)),
            None => {
                progress.begun = None;
                progress.whole = Some(match progress.whole {
                    Some((since, until)) if from <= until && since <= to => (since.min(from), until.max(to)),
                    _ => (from, to),
                });
            }
        }
    }
    Ok((attribute, progress))
}
