//! A file of transactions: each is written behind the last, and in force when the header says so. Whatever stops the
//! process, what the header does not cover was never written.
//!
//! Header, 32 bytes: 16 of [`MAGIC`], the format's version (u32), the length in force (u64), the CRC-32 of these 28.
//! Then frames: the payload's length (u64), its CRC-32, the CRC-32 of these 12, the payload. Numbers are little-endian.
//! All of it is verified before anything of it is used. The sums find damage, not forgery: who can write the store can
//! write what they like, as with the program's configuration.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use libdeflater::Crc;

use super::StoreError;

const MAGIC: [u8; 16] = *b"lambda-audit\0sto";
const VERSION: u32 = 1;
const HEADER: u64 = 32;
const FRAME: u64 = 16;
/// Than so many bytes: payloads are batches, but for what all files gave together.
const MOST_ARE_SHORTER: usize = 8 << 20;

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// The length in force.
    length: u64,
    /// A payload, by its place, that was read while everything was verified and is asked for next.
    kept: Option<(u64, Vec<u8>)>,
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn header(length: u64) -> [u8; HEADER as usize] {
    let mut bytes = [0; HEADER as usize];
    bytes[..16].copy_from_slice(&MAGIC);
    bytes[16..20].copy_from_slice(&VERSION.to_le_bytes());
    bytes[20..28].copy_from_slice(&length.to_le_bytes());
    let sum = crc(&bytes[..28]);
    bytes[28..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |four| u32::from_le_bytes(*four))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Takes in a payload, by its place, and says whether to keep it at hand. An error says what makes no sense in it.
pub(super) type Each<'e> = dyn FnMut(u64, &[u8]) -> Result<Then, String> + 'e;

/// What is to become of a payload that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Done,
    /// It is asked for next: of several the last.
    Keep,
}

/// A name beside the store's, for what is to take its place.
pub(super) fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

impl Journal {
    /// Opens the journal at a path, or makes one where nothing is.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let open = |error| StoreError::Open { path: path.to_owned(), error };
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Err(StoreError::Foreign { path: path.to_owned() }),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => Self::begin(path)?,
            Err(error) => return Err(open(error)),
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(open)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(open(error)),
        }
        if !is_still(&file, path) {
            return Err(StoreError::InUse { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(HEADER).read_to_end(&mut bytes).map_err(open)?;
        if !bytes.starts_with(&MAGIC) {
            return Err(StoreError::Foreign { path: path.to_owned() });
        }
        let length = u64_at(&bytes, 20);
        let mut journal = Journal { path: path.to_owned(), file, length, kept: None };
        let version = u32_at(&bytes, 16);
        if version > VERSION {
            return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
        }
        if bytes.len() as u64 != HEADER || bytes != header(journal.length) {
            return Err(journal.damaged("its header is not whole".to_owned()));
        }
        let there = journal.file.metadata().map_err(open)?.len();
        if there < journal.length || journal.length < HEADER {
            let what = format!("{} bytes are there of {}", there, journal.length);
            journal.length = 0;
            return Err(journal.damaged(what));
        }
        Ok(journal)
    }

    /// Makes an empty journal in one step: whoever looks finds nothing or all of it.
    fn begin(path: &Path) -> Result<(), StoreError> {
        let open = |error| StoreError::Open { path: path.to_owned(), error };
        let aside = aside(path);
        let made = Self::create(&aside).map(drop).map_err(|error| match error {
            StoreError::Write { error, .. } => open(error),
            other => other,
        });
        let placed = made.and_then(|()| match fs::hard_link(&aside, path) {
            // Another process was faster: its store is as good.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // A file system without links.
            Err(_) => fs::rename(&aside, path).map_err(open),
            Ok(()) => Ok(()),
        });
        drop(fs::remove_file(&aside));
        placed
    }

    /// An empty journal in a new file.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        let write = |error| StoreError::Write { path: path.to_owned(), error };
        drop(fs::remove_file(path));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        private(&mut options);
        let mut file = options.open(path).map_err(write)?;
        if let Err(TryLockError::Error(error)) = file.try_lock() {
            return Err(write(error));
        }
        file.write_all(&header(HEADER)).and_then(|()| file.sync_all()).map_err(write)?;
        Ok(Journal { path: path.to_owned(), file, length: HEADER, kept: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It has another path now.
    pub(super) fn renamed(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    /// Bytes in force.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what }
    }

    /// Verifies everything, and shows the payload of each transaction with its place.
    pub(super) fn scan(&mut self, each: &mut Each<'_>) -> Result<(), StoreError> {
        let mut at = HEADER;
        let mut payload = Vec::new();
        let mut head = [0; FRAME as usize];
        let read = |error| StoreError::Read { path: self.path.clone(), error };
        self.file.seek(SeekFrom::Start(at)).map_err(read)?;
        while at < self.length {
            let damaged = |what: &str| StoreError::Damaged {
                path: self.path.clone(),
                what: format!("byte {at}: {what}"),
            };
            let left =
                (self.length - at).checked_sub(FRAME).ok_or_else(|| damaged("a transaction is cut off"))?;
            self.file.read_exact(&mut head).map_err(read)?;
            let length = u64_at(&head, 0);
            if crc(&head[..12]) != u32_at(&head, 12) || length > left {
                return Err(damaged("a transaction does not begin here"));
            }
            payload.clear();
            // The sum of the head says that this is what was written.
            let room = usize::try_from(length).unwrap_or(0);
            if payload.capacity() < room {
                // Nothing of the last one is to be moved, and most that follow have room, too.
                payload = Vec::with_capacity(room.max(MOST_ARE_SHORTER));
            }
            Read::by_ref(&mut self.file).take(length).read_to_end(&mut payload).map_err(read)?;
            if payload.len() as u64 != length || crc(&payload) != u32_at(&head, 8) {
                return Err(damaged("the sum of a transaction is another one"));
            }
            if each(at + FRAME, &payload).map_err(|what| damaged(&what))? == Then::Keep {
                self.kept = Some((at + FRAME, std::mem::take(&mut payload)));
            }
            at += FRAME + length;
        }
        Ok(())
    }

    /// Writes a transaction. Gives the place of its payload. On an error nothing has changed.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<u64, StoreError> {
        let at = self.length;
        let length = payload.len() as u64;
        let written = self.write(at, payload).inspect_err(|_| {
            // What stands behind the length in force is not looked at; it only takes up room.
            drop(self.file.set_len(at));
        });
        let end = at + FRAME + length;
        // On the disk before the header says so.
        let in_force = written.and_then(|()| self.put_header(end).inspect_err(|_| drop(self.put_header(at))));
        in_force.map_err(|error| StoreError::Write { path: self.path.clone(), error })?;
        self.length = end;
        Ok(at + FRAME)
    }

    fn write(&mut self, at: u64, payload: &[u8]) -> io::Result<()> {
        let mut head = [0; FRAME as usize];
        head[..8].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        head[8..12].copy_from_slice(&crc(payload).to_le_bytes());
        let sum = crc(&head[..12]);
        head[12..].copy_from_slice(&sum.to_le_bytes());
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&head)?;
        self.file.write_all(payload)?;
        self.file.sync_data()
    }

    fn put_header(&mut self, length: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(length))?;
        self.file.sync_data()
    }

    /// Gives what stands at a place to `with`.
    pub(super) fn read<T>(
        &mut self,
        at: u64,
        length: u64,
        with: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, StoreError> {
        if let Some((from, bytes)) = self.kept.take()
            && let Some(start) = at.checked_sub(from).and_then(|start| usize::try_from(start).ok())
            && let Some(bytes) = bytes.get(start..)
            && bytes.len() as u64 == length
        {
            return Ok(with(bytes));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let read = self
            .file
            .seek(SeekFrom::Start(at))
            .and_then(|_| Read::by_ref(&mut self.file).take(length).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 == length => Ok(with(&bytes)),
            Ok(_) => Err(self.damaged("it became shorter".to_owned())),
            Err(error) => Err(StoreError::Read { path: self.path.clone(), error }),
        }
    }
}

/// Only its owner may read it: it has names and addresses from records.
#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

/// Is the file still the one at the path, or was it replaced before it was locked?
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &File, _: &Path) -> bool {
    true
}
