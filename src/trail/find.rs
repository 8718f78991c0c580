//! From paths to files: directories are walked, every name has an entry, and the order does not depend on the order
//! in which paths were given or a directory lists its names.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::outcome::{FaultKind, FileKind, ForeignWhy};
use super::prune::Prune;

/// How deeply directories may nest; `AWSLogs/o-…/…/CloudTrail/REGION/Y/M/D` needs nine.
const MAX_DIRECTORIES: usize = 64;

/// What was found at a path.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// What is shown in its place, if that is another text: there may be millions of paths.
    shown: Option<String>,
    pub(crate) what: What,
}

impl Entry {
    pub(crate) fn new(path: PathBuf, what: What) -> Self {
        Entry { path, shown: None, what }
    }

    /// The path for display, also the sort key.
    pub(crate) fn display(&self) -> Cow<'_, str> {
        match &self.shown {
            Some(shown) => Cow::Borrowed(shown),
            None => self.path.to_string_lossy(),
        }
    }

    /// Shows another text.
    pub(crate) fn show(&mut self, text: &str) {
        self.shown = (self.path.to_str() != Some(text)).then(|| text.to_owned());
    }

    /// Shows its own path.
    pub(crate) fn show_path(&mut self) {
        self.shown = None;
    }

    /// In the order of what is shown.
    pub(crate) fn by_display(&self, other: &Self) -> Ordering {
        self.display().cmp(&other.display())
    }
}

#[derive(Debug)]
pub(crate) enum What {
    /// A regular file. `named`: the path was given, not found in a directory.
    File { named: bool },
    /// Standard input.
    Stdin,
    /// Nothing to open.
    Listed(FileKind),
    /// It cannot be read.
    Failed(FaultKind),
}

/// Finds the files at `inputs`, at most `max_files`, sorted by their displayed path.
pub(crate) fn find(inputs: &[PathBuf], max_files: usize, prune: &Prune) -> Vec<Entry> {
    let mut finder = Finder {
        entries: Vec::new(),
        files: BTreeMap::new(),
        directories: BTreeSet::new(),
        max_files,
        prune,
    };
    for path in inputs.iter().collect::<BTreeSet<_>>() {
        finder.input(path);
    }
    let mut entries = finder.entries;
    entries.sort_by(Entry::by_display);
    entries.shrink_to_fit();
    entries
}

struct Finder<'f> {
    entries: Vec<Entry>,
    /// Real path of each file → its entry.
    files: BTreeMap<PathBuf, usize>,
    /// Real paths of the directories that were walked: a loop of links ends here.
    directories: BTreeSet<PathBuf>,
    max_files: usize,
    prune: &'f Prune,
}

impl Finder<'_> {
    fn add(&mut self, path: impl Into<PathBuf>, what: What) {
        self.entries.push(Entry::new(path.into(), what));
    }

    fn failed(&mut self, path: impl Into<PathBuf>, error: &io::Error) {
        self.add(path, What::Failed(FaultKind::Io(error.to_string())));
    }

    fn input(&mut self, path: &Path) {
        if path == Path::new("-") {
            return self.add(path, What::Stdin);
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() || metadata.is_file() => metadata,
            // A pipe that a shell made has no real path.
            Ok(_) => return self.add(path, What::Failed(FaultKind::NotRegular)),
            Err(error) => return self.failed(path, &error),
        };
        match fs::canonicalize(path) {
            Ok(real) if metadata.is_dir() => self.directory(path, real),
            Ok(real) => self.file(path.to_owned(), real, What::File { named: true }),
            Err(error) => self.failed(path, &error),
        }
    }

    fn file(&mut self, path: PathBuf, real: PathBuf, what: What) {
        if let Some(first) = self.files.get(&real).and_then(|at| self.entries.get_mut(*at)) {
            if let What::File { named: true } = what {
                first.what = what;
            }
            return self.add(path, What::Listed(FileKind::Duplicate));
        }
        self.files.insert(real, self.entries.len());
        match self.prune.leaves_out(&path.to_string_lossy()) {
            Some(why) => self.add(path, What::Listed(FileKind::LeftOut(why))),
            None => self.add(path, what),
        }
    }

    /// Walks a directory and those below it.
    fn directory(&mut self, path: &Path, real: PathBuf) {
        let mut open = vec![(path.to_owned(), real, 0usize)];
        while let Some((path, real, depth)) = open.pop() {
            if !self.directories.insert(real.clone()) {
                self.add(path, What::Listed(FileKind::Duplicate));
                continue;
            }
            if depth > MAX_DIRECTORIES {
                self.add(path, What::Failed(FaultKind::DirectoryTooDeep));
                continue;
            }
            let mut names = match list(&path) {
                Ok((names, None)) => names,
                Ok((names, Some(error))) => {
                    self.failed(&path, &error);
                    names
                }
                Err(error) => {
                    self.failed(path, &error);
                    continue;
                }
            };
            names.sort_by(|(one, _), (other, _)| one.cmp(other));
            // The stack gives back the last first.
            for (name, kind) in names.into_iter().rev() {
                if self.entries.len() >= self.max_files {
                    return self.add(path, What::Failed(FaultKind::TooManyFiles(self.max_files)));
                }
                let child = within(&path, &name);
                match followed(&child, kind) {
                    Ok((kind, linked)) => {
                        let real = if linked { fs::canonicalize(&child) } else { Ok(within(&real, &name)) };
                        match real {
                            Ok(real) if kind.is_dir() => open.push((child, real, depth + 1)),
                            Ok(real) if kind.is_file() => {
                                self.file(child, real, What::File { named: false });
                            }
                            Ok(_) => self.add(child, What::Listed(FileKind::Foreign(ForeignWhy::NotRegular))),
                            Err(error) => self.failed(child, &error),
                        }
                    }
                    Err(error) => self.failed(child, &error),
                }
            }
        }
    }
}

/// What has this name in a directory. It takes as much space as it needs: there may be millions.
fn within(directory: &Path, name: &OsStr) -> PathBuf {
    let mut path = PathBuf::with_capacity(directory.as_os_str().len() + 1 + name.len());
    path.push(directory);
    path.push(name);
    path
}

/// What stands at a path, links followed, and whether it is a link.
fn followed(path: &Path, kind: io::Result<FileType>) -> io::Result<(FileType, bool)> {
    let kind = kind?;
    if kind.is_symlink() { Ok((fs::metadata(path)?.file_type(), true)) } else { Ok((kind, false)) }
}

/// Names with what stands there, as the listing itself mostly says.
type Listing = (Vec<(OsString, io::Result<FileType>)>, Option<io::Error>);

/// A directory's names, and the error that ended the listing early.
fn list(path: &Path) -> io::Result<Listing> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        match entry {
            Ok(entry) => names.push((entry.file_name(), entry.file_type())),
            Err(error) => return Ok((names, Some(error))),
        }
    }
    Ok((names, None))
}
