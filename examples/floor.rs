//! What replay is measured against: decompressing every gzip file below a directory, and nothing else.
//!
//!     cargo run --release --example floor -- DIR THREADS

use std::fs;
use std::io;
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

/// How many bytes the file's text has.
fn inflate(path: &Path, text: &mut Vec<u8>, decompressor: &mut Decompressor) -> io::Result<u64> {
    let bytes = fs::read(path)?;
    loop {
        match decompressor.gzip_decompress(&bytes, text) {
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
        .map_init(|| (Vec::new(), Decompressor::new()), |(text, fast), path| inflate(path, text, fast))
        .try_reduce(|| 0, |left, right| Ok(left + right))?;
    use io::Write;
    writeln!(io::stdout(), "{} files, {bytes} bytes", found.len())
}
