//! A strict, non-recursive JSON scanner over borrowed text, and [`Raw`], a JSON value that is read only where asked.
//!
//! One scanner serves the splitting of files, the first look at a record and every later field access, so these can
//! never disagree: on member order, white space, `\u` escapes, or duplicate keys (the last one wins).
//! It accepts what RFC 8259 accepts and nothing else, except that nesting is capped at [`MAX_DEPTH`].
//! Numbers keep their text: a number too large for any machine type is still a valid value.

use std::borrow::Cow;

use wide::u8x16;

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

fn fail<T>(at: usize, fault: JsonFault) -> Scan<T> {
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
pub(super) fn special(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::from(chunk);
    // With this bit turned a quote is the next byte behind the control characters.
    let turned = bytes ^ u8x16::splat(2);
    let low = turned.min(u8x16::splat(0x20)).simd_eq(turned);
    (low | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The place behind the closing quote of a string without escapes, from behind its opening quote; `None` where it needs
/// a closer look.
#[inline(always)]
fn skip_plain(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let mask = special(*bytes.get(at..)?.first_chunk::<16>()?);
        if mask != 0 {
            at += mask.trailing_zeros() as usize;
            return (*bytes.get(at)? == b'"').then_some(at + 1);
        }
        at += 16;
    }
}

/// Skips a string from behind its opening quote to behind its closing quote.
#[inline(always)]
pub(crate) fn skip_string(bytes: &[u8], at: usize) -> Scan<usize> {
    match skip_plain(bytes, at) {
        Some(end) => Ok(end),
        None => skip_any_string(bytes, at),
    }
}

#[inline(never)]
fn skip_any_string(bytes: &[u8], mut at: usize) -> Scan<usize> {
    loop {
        while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
            let mask = special(*chunk);
            if mask != 0 {
                at += mask.trailing_zeros() as usize;
                break;
            }
            at += 16;
        }
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
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
            },
            Some(0..0x20) => return fail(at, JsonFault::ControlCharacter),
            Some(_) => at += 1,
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
            visit(Member { key, before, value: Raw(value), at: start });
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
fn has_escape(inner: &str) -> bool {
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

/// The kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, of any size
    Number,
    /// A string
    String,
    /// An array
    Array,
    /// An object
    Object,
}

/// The text of one valid JSON value, without white space around it. Reading it costs nothing until it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// Checks a text that holds exactly one JSON value, such as a policy kept as a string inside a record.
    ///
    /// # Errors
    /// The first fault and its byte offset; text behind the value is one.
    pub fn parse(text: &'a str) -> Result<Raw<'a>, JsonError> {
        let bytes = text.as_bytes();
        let end = skip_value(bytes, 0, 0)?;
        if let Some((at, _)) = peek(bytes, end) {
            return fail(at, JsonFault::Expected("the end of the text"));
        }
        let start = peek(bytes, 0).map_or(0, |(at, _)| at);
        Ok(Raw(text.get(start..end).unwrap_or("null")))
    }

    /// A value that the scanner has already passed over.
    pub(crate) fn scanned(text: &'a str) -> Raw<'a> {
        Raw(text)
    }

    /// The value's JSON text.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// The value's kind.
    pub fn kind(self) -> RawKind {
        match self.0.as_bytes().first() {
            Some(b'"') => RawKind::String,
            Some(b'{') => RawKind::Object,
            Some(b'[') => RawKind::Array,
            Some(b't' | b'f') => RawKind::Bool,
            Some(b'n') | None => RawKind::Null,
            Some(_) => RawKind::Number,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == RawKind::Null
    }

    /// A string with its escapes resolved (lone surrogates become U+FFFD); `None` for another kind.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.inner_text().map(unescape)
    }

    /// A string's text between its quotes, escapes not resolved.
    #[inline]
    pub(crate) fn inner_text(self) -> Option<&'a str> {
        match self.0.as_bytes() {
            [b'"', inner @ .., b'"'] => self.0.get(1..inner.len() + 1),
            _ => None,
        }
    }

    /// `true` or `false`; `None` for another kind.
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A whole number that fits; `None` for any other value.
    pub fn as_i64(self) -> Option<i64> {
        if self.kind() == RawKind::Number { self.0.parse().ok() } else { None }
    }

    /// An object's member; the last one, if the key is there several times. `None` too for another kind.
    pub fn get(self, key: &str) -> Option<Raw<'a>> {
        let mut found = None;
        self.each_member(|member| {
            if is_key(member.key, key) {
                found = Some(member.value);
            }
        });
        found
    }

    /// See [`Raw::get`], for several keys that need no escape: one walk.
    pub(crate) fn get_all<const N: usize>(self, keys: &[&str; N]) -> [Option<Raw<'a>>; N] {
        let mut found = [None; N];
        // Members mostly stand in one order: each search begins behind the key found before.
        let mut from = 0;
        self.each_member(|member| {
            let is_at = |name: &str| (from..N).chain(0..from).find(|&at| keys.get(at) == Some(&name));
            let at = is_at(member.key).or_else(|| {
                let name = unescape(member.key);
                if let Cow::Owned(name) = name { is_at(&name) } else { None }
            });
            if let Some(at) = at
                && let Some(slot) = found.get_mut(at)
            {
                *slot = Some(member.value);
                from = at + 1;
            }
        });
        found
    }

    /// An object's member at the end of a path of keys.
    pub fn at(self, path: &[&str]) -> Option<Raw<'a>> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// An object's members in the order of the text, duplicates included; empty for another kind.
    pub fn members(self) -> Vec<(Cow<'a, str>, Raw<'a>)> {
        let mut all = Vec::new();
        self.each_member(|member| all.push((unescape(member.key), member.value)));
        all
    }

    fn each_member(self, visit: impl FnMut(Member<'a>)) {
        if self.kind() == RawKind::Object {
            // The text was scanned before, so no fault can come up now.
            let _ = walk_object(self.0, 1, 0, visit);
        }
    }

    /// An array's elements; empty for another kind.
    pub fn items(self) -> Vec<Raw<'a>> {
        let mut all = Vec::new();
        let none: Option<()> = self.find_item(|item| {
            all.push(item);
            None
        });
        debug_assert!(none.is_none());
        all
    }

    /// What is found at the first of an array's elements that has it.
    pub(crate) fn find_item<T>(self, mut find: impl FnMut(Raw<'a>) -> Option<T>) -> Option<T> {
        let bytes = self.0.as_bytes();
        let mut at = 1;
        if self.kind() != RawKind::Array {
            return None;
        }
        while let Some((start, byte)) = peek(bytes, at) {
            if byte == b']' {
                break;
            }
            let end = skip_value(bytes, start, 0).ok()?;
            if let Some(found) = find(Raw(self.0.get(start..end)?)) {
                return Some(found);
            }
            at = match peek(bytes, end) {
                Some((comma, b',')) => comma + 1,
                _ => break,
            };
        }
        None
    }
}

/// Whether a key as it stands in the text, its escapes not resolved, is `key`, which needs none.
fn is_key(written: &str, key: &str) -> bool {
    // No escape is shorter than what it stands for.
    written == key || (written.len() > key.len() && has_escape(written) && unescape(written) == key)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
