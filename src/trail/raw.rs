//! [`Raw`], a JSON value that is read only where asked.

use std::borrow::Cow;

use super::json::{JsonError, JsonFault, Member, fail, has_escape, peek, skip_value, unescape, walk_object};
use crate::short::same;

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

    /// The same of several keys, which need no escape, at once.
    pub(crate) fn get_all<const N: usize>(self, keys: &[&str; N]) -> [Option<Raw<'a>>; N] {
        let mut found = Members::of(keys);
        self.each_member(|member| found.note(&member));
        found.values
    }

    /// What is found at the first of an array's objects that has it, by these of its members, whose keys need no escape.
    pub(crate) fn find_object<const N: usize, T>(
        self,
        keys: &[&str; N],
        mut find: impl FnMut([Option<Raw<'a>>; N]) -> Option<T>,
    ) -> Option<T> {
        self.each_item(|at, byte| {
            if byte != b'{' {
                return Some((skip_value(self.0.as_bytes(), at, 0).ok()?, None));
            }
            let mut found = Members::of(keys);
            let end = walk_object(self.0, at + 1, 1, |member| found.note(&member)).ok()?;
            Some((end, find(found.values)))
        })
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
        self.each_item(|at, _| {
            let end = skip_value(self.0.as_bytes(), at, 0).ok()?;
            Some((end, find(Raw(self.0.get(at..end)?))))
        })
    }

    /// Reads an array's elements until one gives something. `read` gets where one begins, and with which byte, and gives
    /// where it ends.
    fn each_item<T>(self, mut read: impl FnMut(usize, u8) -> Option<(usize, Option<T>)>) -> Option<T> {
        let bytes = self.0.as_bytes();
        let mut at = 1;
        if self.kind() != RawKind::Array {
            return None;
        }
        while let Some((start, byte)) = peek(bytes, at) {
            if byte == b']' {
                break;
            }
            let (end, found) = read(start, byte)?;
            if found.is_some() {
                return found;
            }
            at = match peek(bytes, end) {
                Some((comma, b',')) => comma + 1,
                _ => break,
            };
        }
        None
    }
}

/// The members of an object that have these keys, which need no escape. Of duplicate keys the last counts.
struct Members<'k, 'a, const N: usize> {
    keys: &'k [&'k str; N],
    values: [Option<Raw<'a>>; N],
    /// Members mostly stand in one order: each search begins behind the key found before.
    from: usize,
}

impl<'k, 'a, const N: usize> Members<'k, 'a, N> {
    fn of(keys: &'k [&'k str; N]) -> Self {
        Members { keys, values: [None; N], from: 0 }
    }

    fn note(&mut self, member: &Member<'a>) {
        let (keys, from) = (self.keys, self.from);
        let is_at = |name: &str| {
            let is_it = |&at: &usize| keys.get(at).is_some_and(|key| same(key.as_bytes(), name.as_bytes()));
            (from..N).chain(0..from).find(is_it)
        };
        let at = is_at(member.key).or_else(|| {
            let name = unescape(member.key);
            if let Cow::Owned(name) = name { is_at(&name) } else { None }
        });
        if let Some(at) = at
            && let Some(value) = self.values.get_mut(at)
        {
            *value = Some(member.value);
            self.from = at + 1;
        }
    }
}

/// Whether a key as it stands in the text, its escapes not resolved, is `key`, which needs none.
fn is_key(written: &str, key: &str) -> bool {
    // No escape is shorter than what it stands for.
    written == key || (written.len() > key.len() && has_escape(written) && unescape(written) == key)
}
