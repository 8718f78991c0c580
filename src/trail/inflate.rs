//! Decompression: every member of a gzip file, bounded, and as much as can be had of a damaged one.
//!
//! The fast way is a whole-buffer decoder, which reads one member and does not say where it ended. What it gave is taken
//! only where nothing can follow that member: the length of its text, with which it ends, stands at the end of the file
//! and nowhere else.
//! A damaged member's text is given as far as it goes: its checksum was not or could not be confirmed, so the last of it
//! may be altered, which the file's fault says.
//! All other files, and those the fast way refuses, are read member by member as a stream.

use std::io::Read;

use flate2::bufread::GzDecoder;
use libdeflater::{DecompressionError, Decompressor};
use memchr::memmem;

use super::outcome::{Fault, FaultKind, Stream};
use super::space::make_room;

/// The bytes every gzip member begins with (RFC 1952: ID1, ID2, and the only method there is).
const MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];
/// A gzip header and trailer without data are longer than this.
const SMALLEST_MEMBER: usize = 18;
/// How many places behind damaged members are tried for another.
const MAX_RESUMES: usize = 256;
/// What the buffer begins with.
const FIRST_GUESS: usize = 64 << 10;

/// What came out of a compressed file.
#[derive(Debug, Default)]
pub(crate) struct Inflated {
    /// The length of the text in the buffer.
    pub(crate) len: usize,
    /// Where in the text something is missing: what follows continues nothing that stands before.
    pub(crate) breaks: Vec<usize>,
    /// What went wrong.
    pub(crate) faults: Vec<Fault>,
}

/// Whether a file is gzip.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Decompresses all members into `buffer`, whose length grows as needed and is kept for the next file. The file's own
/// claim of its size only makes the first guess smaller, and no size exceeds `limit` bytes.
pub(crate) fn inflate(bytes: &[u8], limit: usize, buffer: &mut Vec<u8>, fast: &mut Decompressor) -> Inflated {
    match whole(bytes, limit, buffer, fast) {
        Some(len) => Inflated { len, ..Inflated::default() },
        None => members(bytes, limit, buffer),
    }
}

/// The only member's text; `None` if the stream reader must say what is wrong.
fn whole(bytes: &[u8], limit: usize, buffer: &mut Vec<u8>, fast: &mut Decompressor) -> Option<usize> {
    // The trailer ends with the length of the text, modulo 2³²: if nothing follows, it is what is needed. Looked for first,
    // it brings the file to where the decoder reads it.
    let end = bytes.last_chunk::<4>()?;
    if memmem::find(bytes, end) != bytes.len().checked_sub(4) {
        return None;
    }
    let claim = u32::from_le_bytes(*end);
    let guess = bytes.len().saturating_mul(12).min(claim as usize).max(FIRST_GUESS);
    make_room(buffer, guess, limit);
    loop {
        let room = buffer.len().min(limit);
        match fast.gzip_decompress(bytes, buffer.get_mut(..room)?) {
            Ok(len) => return (len as u32 == claim).then_some(len),
            Err(DecompressionError::InsufficientSpace) if room < limit => {
                make_room(buffer, room.saturating_mul(2), limit);
            }
            Err(_) => return None,
        }
    }
}

fn members(bytes: &[u8], limit: usize, buffer: &mut Vec<u8>) -> Inflated {
    let mut out = Inflated::default();
    let mut budget = Budget { places: MAX_RESUMES, text: limit };
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if !is_gzip(rest) {
            // Zeros are padding: tapes and some tools add them.
            if rest.iter().any(|byte| *byte != 0) {
                out.faults.push(Fault::file(at as u64, FaultKind::GzipTrailing));
                at = match resume(bytes, at, limit, buffer, &mut out, &mut budget) {
                    Some(next) => next,
                    None => break,
                };
                continue;
            }
            break;
        }
        match member(rest, out.len, limit, buffer) {
            (len, Ok(used)) => {
                out.len = len;
                at += used;
            }
            (len, Err(Stop::Full)) => {
                out.len = len;
                let kind = FaultKind::TooLarge { limit: limit as u64 };
                out.faults.push(Fault { offset: len as u64, stream: Stream::Text, kind });
                break;
            }
            (len, Err(Stop::Bad { used, kind })) => {
                out.len = len;
                out.faults.push(Fault::file((at + used) as u64, kind));
                at = match resume(bytes, at + 1, limit, buffer, &mut out, &mut budget) {
                    Some(next) => next,
                    None => break,
                };
            }
        }
    }
    out
}

/// What finding sound members behind damaged ones may still cost.
struct Budget {
    places: usize,
    /// Bytes of text that were decompressed for nothing.
    text: usize,
}

enum Stop {
    /// The bound was reached.
    Full,
    /// Damaged after this many bytes of input.
    Bad { used: usize, kind: FaultKind },
}

/// Appends one member's text to the first `len` bytes of the buffer: how much text there is now, and how many bytes of
/// input the member took.
fn member(bytes: &[u8], mut len: usize, limit: usize, buffer: &mut Vec<u8>) -> (usize, Result<usize, Stop>) {
    let mut decoder = GzDecoder::new(bytes);
    loop {
        if len == buffer.len() && len < limit {
            buffer.resize(len.saturating_mul(2).max(FIRST_GUESS).min(limit), 0);
        }
        let room = buffer.len().min(limit);
        let mut spare = [0u8; 1];
        let target = match buffer.get_mut(len..room) {
            Some(target) if !target.is_empty() => target,
            // At the bound: only the end of the data may follow.
            _ => &mut spare,
        };
        let is_spare = len >= room;
        match decoder.read(target) {
            Ok(0) => return (len, Ok(bytes.len() - decoder.into_inner().len())),
            Ok(_) if is_spare => return (len, Err(Stop::Full)),
            Ok(count) => len += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                let used = bytes.len() - decoder.get_ref().len();
                let kind = match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => FaultKind::GzipTruncated,
                    _ => FaultKind::GzipCorrupt,
                };
                return (len, Err(Stop::Bad { used, kind }));
            }
        }
    }
}

/// Finds a sound member behind a damaged place, appends its text as a new piece, and returns where it ends. Only a
/// member that is whole (its checksum holds) is taken: anything else may be chance.
fn resume(
    bytes: &[u8],
    from: usize,
    limit: usize,
    buffer: &mut Vec<u8>,
    out: &mut Inflated,
    budget: &mut Budget,
) -> Option<usize> {
    let rest = bytes.get(from..)?;
    for found in memmem::find_iter(rest, MAGIC) {
        budget.places = budget.places.checked_sub(1)?;
        let start = from + found;
        let tail = bytes.get(start..)?;
        if tail.len() < SMALLEST_MEMBER {
            return None;
        }
        match member(tail, out.len, limit, buffer) {
            (len, Ok(used)) => {
                out.breaks.push(out.len);
                out.len = len;
                return Some(start + used);
            }
            (_, Err(Stop::Full)) => return None,
            (len, Err(Stop::Bad { .. })) => budget.text = budget.text.checked_sub(len - out.len)?,
        }
    }
    None
}

#[cfg(test)]
#[path = "inflate_tests.rs"]
mod tests;
