//! A strict, non-recursive JSON scanner over borrowed text.
//!
//! One scanner serves the splitting of files, the first look at a record and every later field access, so these can
//! never disagree: on member order, white space, `\u` escapes, or duplicate keys (the last one wins).
//! It accepts what RFC 8259 accepts and nothing else, except that nesting is capped at [`MAX_DEPTH`].
//! Numbers keep their text: a number too large for any machine type is still a valid value.

use std::borrow::Cow;

use wide::{i8x16, u8x16};

use super::raw::Raw;

/// How deeply arrays and objects may nest in one record.
pub const MAX_DEPTH: u32 = 120;

/// What is wrong with a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text ends inside a value.
    #[error("the text ends inside a JSON value")]
    UnexpectedEnd,
    /// Another token had to stand here.
    #[error("invalid JSON: expected {0}")]
    Expected(&'static str),
    /// A raw control character (below U+0020) in a string.
    #[error("invalid JSON: control character in a string")]
    ControlCharacter,
    /// A backslash that starts no escape.
    #[error("invalid JSON: invalid escape in a string")]
    BadEscape,
    /// A malformed number.
    #[error("invalid JSON: malformed number")]
    BadNumber,
    /// More than [`MAX_DEPTH`] levels.
    #[error("JSON nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// A fault and the byte where it was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset in the scanned text.
    pub at: usize,
    /// What is wrong there.
    pub fault: JsonFault,
}

pub(crate) type Scan<T> = Result<T, JsonError>;

pub(super) fn fail<T>(at: usize, fault: JsonFault) -> Scan<T> {
    Err(JsonError { at, fault })
}

/// The first byte at or after `at` that is not JSON white space, with its place. Mostly it is the first.
#[inline(always)]
pub(crate) fn peek(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    match *bytes.get(at)? {
        byte if byte > b' ' => Some((at, byte)),
        _ => peek_behind_space(bytes, at),
    }
}

#[inline(never)]
fn peek_behind_space(bytes: &[u8], mut at: usize) -> Option<(usize, u8)> {
    loop {
        match *bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            byte => return Some((at, byte)),
        }
    }
}

/// Requires one byte (after white space) and returns the place behind it.
#[inline]
pub(crate) fn expect(bytes: &[u8], at: usize, byte: u8, name: &'static str) -> Scan<usize> {
    match peek(bytes, at) {
        Some((at, found)) if found == byte => Ok(at + 1),
        Some((at, _)) => fail(at, JsonFault::Expected(name)),
        None => fail(bytes.len(), JsonFault::UnexpectedEnd),
    }
}

/// A mask of the bytes among sixteen that end a plain run of string characters: quotes, backslashes, control
/// characters. The lowest bit is the first byte's.
#[inline(always)]
fn special(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::from(chunk);
    // With this bit turned a quote is the next byte behind the control characters.
    let turned = bytes ^ u8x16::splat(2);
    let low = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (low | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The same, and of bytes that are not ASCII, too, which takes one step less.
#[inline(always)]
fn special_or_high(chunk: [u8; 16]) -> u32 {
    let bytes = i8x16::from(chunk.map(u8::cast_signed));
    // The same bit turned; as signed numbers, bytes that are not ASCII are below zero.
    let low = (bytes ^ i8x16::splat(2)).simd_lt(i8x16::splat(0x21));
    (low | bytes.simd_eq(i8x16::splat(b'\\'.cast_signed()))).to_bitmask()
}

/// From behind the opening quote of a string of ASCII without escapes to behind its closing quote; `None` where it needs a
/// closer look.
#[inline(always)]
pub(super) fn skip_plain(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some((chunk, behind)) = rest.split_first_chunk::<16>() {
        let mask = special_or_high(*chunk);
        if mask != 0 {
            let end = mask.trailing_zeros() as usize;
            return if chunk.get(end) == Some(&b'"') { rest.get(end + 1..) } else { None };
        }
        rest = behind;
    }
    None
}

/// Skips a string from behind its opening quote to behind its closing quote.
#[inline(always)]
pub(crate) fn skip_string(bytes: &[u8], at: usize) -> Scan<usize> {
    match bytes.get(at..).and_then(skip_plain) {
        Some(behind) => Ok(bytes.len() - behind.len()),
        None => look_through(bytes, at, &mut Seen::default()),
    }
}

/// What a string has in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) escapes: bool,
    /// There are bytes that are not ASCII in it, or close behind it.
    pub(super) high: bool,
}

/// As [`skip_string`], of one that is not as [`skip_plain`] takes it; notes what it has in it.
#[inline(never)]
pub(super) fn look_through(bytes: &[u8], mut at: usize, seen: &mut Seen) -> Scan<usize> {
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            seen.high |= u8x16::from(*chunk).to_bitmask() != 0;
            let mask = special(*chunk);
            if mask != 0 {
                at += mask.trailing_zeros() as usize;
                break;
            }
            at += 16;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => {
                seen.escapes = true;
                match bytes.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                    Some(b'u') => {
                        for i in at + 2..at + 6 {
                            match bytes.get(i) {
                                Some(digit) if digit.is_ascii_hexdigit() => {}
                                Some(_) => return fail(at, JsonFault::BadEscape),
                                None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
                            }
                        }
                        at += 6;
                    }
                    Some(_) => return fail(at, JsonFault::BadEscape),
                    None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
                }
            }
            Some(0..0x20) => return fail(at, JsonFault::ControlCharacter),
            Some(byte) => {
                seen.high |= !byte.is_ascii();
                at += 1;
            }
            None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
        }
    }
}

fn skip_digits(bytes: &[u8], mut at: usize) -> Scan<usize> {
    let start = at;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at == start {
        return match bytes.get(at) {
            Some(_) => fail(at, JsonFault::BadNumber),
            None => fail(at, JsonFault::UnexpectedEnd),
        };
    }
    Ok(at)
}

fn skip_number(bytes: &[u8], mut at: usize) -> Scan<usize> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    let start = at;
    at = skip_digits(bytes, at)?;
    if bytes.get(start) == Some(&b'0') && at > start + 1 {
        return fail(start, JsonFault::BadNumber);
    }
    if bytes.get(at) == Some(&b'.') {
        at = skip_digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = skip_digits(bytes, at)?;
    }
    Ok(at)
}

fn skip_word(bytes: &[u8], at: usize, word: &'static str) -> Scan<usize> {
    for (i, byte) in word.bytes().enumerate() {
        match bytes.get(at + i) {
            Some(found) if *found == byte => {}
            Some(_) => return fail(at, JsonFault::Expected("a JSON value")),
            None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
        }
    }
    Ok(at + word.len())
}

/// Skips a member's key from before its opening quote to behind its colon.
#[inline]
fn skip_key(bytes: &[u8], at: usize) -> Scan<usize> {
    let at = expect(bytes, at, b'"', "a string as key")?;
    let at = skip_string(bytes, at)?;
    expect(bytes, at, b':', "`:`")
}

/// Skips one value, and returns the place behind it. `outer` is how many levels already enclose the value.
pub(crate) fn skip_value(bytes: &[u8], mut at: usize, outer: u32) -> Scan<usize> {
    // One bit a level, the innermost lowest: set where it is an object.
    let mut objects = 0u128;
    let mut depth = 0u32;
    loop {
        let Some((start, byte)) = peek(bytes, at) else {
            return fail(bytes.len(), JsonFault::UnexpectedEnd);
        };
        at = match byte {
            b'"' => skip_string(bytes, start + 1)?,
            b'{' | b'[' => {
                let is_object = byte == b'{';
                depth += 1;
                if depth + outer > MAX_DEPTH {
                    return fail(start, JsonFault::TooDeep);
                }
                objects = (objects << 1) | u128::from(is_object);
                let close = if is_object { b'}' } else { b']' };
                match peek(bytes, start + 1) {
                    Some((end, found)) if found == close => {
                        objects >>= 1;
                        depth -= 1;
                        end + 1
                    }
                    _ if is_object => {
                        at = skip_key(bytes, start + 1)?;
                        continue;
                    }
                    _ => {
                        at = start + 1;
                        continue;
                    }
                }
            }
            b'-' | b'0'..=b'9' => skip_number(bytes, start)?,
            b't' => skip_word(bytes, start, "true")?,
            b'f' => skip_word(bytes, start, "false")?,
            b'n' => skip_word(bytes, start, "null")?,
            _ => return fail(start, JsonFault::Expected("a JSON value")),
        };
        // Behind a value: close what ends here, or go on to the next one.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            let is_object = objects & 1 == 1;
            match peek(bytes, at) {
                Some((comma, b',')) => {
                    at = if is_object { skip_key(bytes, comma + 1)? } else { comma + 1 };
                    break;
                }
                Some((end, b'}')) if is_object => at = end + 1,
                Some((end, b']')) if !is_object => at = end + 1,
                Some((at, _)) if is_object => return fail(at, JsonFault::Expected("`,` or `}`")),
                Some((at, _)) => return fail(at, JsonFault::Expected("`,` or `]`")),
                None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
            }
            objects >>= 1;
            depth -= 1;
        }
    }
}

/// One member of an object: the key's text between its quotes (escapes not resolved), and the value.
pub(crate) struct Member<'a> {
    pub(crate) key: &'a str,
    /// All that stands before the key's closing quote.
    pub(crate) before: &'a [u8],
    pub(crate) value: Raw<'a>,
    /// Where the value starts in the scanned text.
    pub(crate) at: usize,
}

/// Walks an object from behind its `{` to behind its `}`, giving each member to `visit`. The object itself stands at
/// nesting level `level` (1 for a record).
pub(crate) fn walk_object<'a>(
    text: &'a str,
    mut at: usize,
    level: u32,
    mut visit: impl FnMut(Member<'a>),
) -> Scan<usize> {
    let bytes = text.as_bytes();
    if let Some((end, b'}')) = peek(bytes, at) {
        return Ok(end + 1);
    }
    loop {
        let open = expect(bytes, at, b'"', "a string as key")?;
        let close = skip_string(bytes, open)?;
        let start = expect(bytes, close, b':', "`:`")?;
        let start = peek(bytes, start).map_or(start, |(at, _)| at);
        // Most members are strings.
        let end = match bytes.get(start) {
            Some(b'"') => skip_string(bytes, start + 1)?,
            _ => skip_value(bytes, start, level)?,
        };
        // Both ends of each slice are ASCII delimiters of a scanned token, so the slices exist.
        if let (Some(key), Some(before), Some(value)) =
            (text.get(open..close - 1), bytes.get(..close - 1), text.get(start..end))
        {
            visit(Member { key, before, value: Raw::scanned(value), at: start });
        }
        match peek(bytes, end) {
            Some((comma, b',')) => at = comma + 1,
            Some((end, b'}')) => return Ok(end + 1),
            Some((at, _)) => return fail(at, JsonFault::Expected("`,` or `}`")),
            None => return fail(bytes.len(), JsonFault::UnexpectedEnd),
        }
    }
}

/// Whether one of eight bytes is a backslash: it is the one whose difference to a backslash is zero.
/// <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>
#[inline]
fn has_slash(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let rest = u64::from_le_bytes(bytes) ^ (ONES * b'\\' as u64);
    rest.wrapping_sub(ONES) & !rest & (ONES << 7) != 0
}

/// Most strings are short: sixteen bytes at a time, without a call.
#[inline]
pub(super) fn has_escape(inner: &str) -> bool {
    let slash = u8x16::splat(b'\\');
    let found = |chunk: [u8; 16]| u8x16::from(chunk).simd_eq(slash).to_bitmask() != 0;
    let bytes = inner.as_bytes();
    match bytes.last_chunk::<16>() {
        // The last chunk may overlap the one before it.
        Some(last) => bytes.as_chunks::<16>().0.iter().any(|chunk| found(*chunk)) || found(*last),
        None => match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => has_slash(*first) || has_slash(*last),
            _ => bytes.contains(&b'\\'),
        },
    }
}

/// Resolves the escapes of a string's inner text. A lone surrogate becomes U+FFFD: attacker-controlled names hold
/// such things, and a record must not be lost for it.
#[inline]
pub(crate) fn unescape(inner: &str) -> Cow<'_, str> {
    if !has_escape(inner) {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('u') => {
                let (found, used) = code_point(escape.as_bytes());
                out.push(found);
                rest = escape.get(used..).unwrap_or("");
                continue;
            }
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(other) => out.push(other),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Decodes `uXXXX` or `uXXXX\uXXXX` at the start of `bytes`; returns the character and how many bytes it took.
fn code_point(bytes: &[u8]) -> (char, usize) {
    let unit = |from: usize| {
        let digits = std::str::from_utf8(bytes.get(from..from + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(1) else { return (char::REPLACEMENT_CHARACTER, bytes.len()) };
    if (0xD800..0xDC00).contains(&first)
        && bytes.get(5..7) == Some(b"\\u")
        && let Some(second @ 0xDC00..0xE000) = unit(7)
    {
        let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return (char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
