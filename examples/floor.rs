//! What replay is measured against: decompressing every gzip file below a directory, and nothing else.
//!
//!     cargo run --release --example floor -- DIR THREADS

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use libdeflater::{DecompressionError, Decompressor};
use rayon::prelude::*;

fn files(below: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            found.push(path);
        }
    }
    Ok(())
}

/// What a thread has from its first file to its last: a floor must not take more than it has to.
struct Space {
    bytes: Vec<u8>,
    text: Vec<u8>,
    decompressor: Decompressor,
}

thread_local! {
    static SPACE: RefCell<Space> =
        RefCell::new(Space { bytes: Vec::new(), text: Vec::new(), decompressor: Decompressor::new() });
}

/// How many bytes the file's text has.
fn inflate(path: &Path, Space { bytes, text, decompressor }: &mut Space) -> io::Result<u64> {
    bytes.clear();
    File::open(path)?.read_to_end(bytes)?;
    // The text's length stands at the end of a file of one member, and deflate makes less than 1,040 bytes of one.
    let length = bytes.last_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    if text.len() < length && length <= bytes.len().saturating_mul(1_040) {
        text.resize(length, 0);
    }
    loop {
        match decompressor.gzip_decompress(bytes, text) {
            Ok(length) => return Ok(length as u64),
            Err(DecompressionError::InsufficientSpace) => text.resize(text.len().max(1 << 20) * 2, 0),
            Err(error) => return Err(io::Error::other(format!("{}: {error}", path.display()))),
        }
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), threads) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: floor DIR [THREADS]"));
    };
    let threads = threads.map_or(Ok(0), |text| text.parse()).map_err(io::Error::other)?;
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(io::Error::other)?;
    let mut found = Vec::new();
    files(Path::new(&directory), &mut found)?;
    let bytes = found
        .par_iter()
        .with_max_len(1)
        .map(|path| SPACE.with_borrow_mut(|space| inflate(path, space)))
        .try_reduce(|| 0, |left, right| Ok(left + right))?;
    use io::Write;
    writeln!(io::stdout(), "{} files, {bytes} bytes", found.len())
}
