//! A small JSON reader that keeps what was written: member order, repeated members, numbers as text, and the place
//! of every value. Nothing here knows about policies.
//!
//! It accepts exactly RFC 8259 (a test compares it with `serde_json`), within [`MAX_BYTES`] and [`MAX_DEPTH`].

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

/// Longest text read, in bytes. Lambda's own limit for a resource policy is 20,480 bytes; more than this is not a
/// policy, and everything downstream may rely on the bound.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_BYTES: usize = 64 * 1024;

/// Deepest nesting of arrays and objects. A policy needs six levels.
pub const MAX_DEPTH: usize = 32;

/// A value and the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// What was written.
    pub value: Value<'a>,
    /// Byte range in the text.
    pub span: Range<usize>,
}

/// A JSON value as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The number's own text: `007` is no number, `1e3` stays `1e3`.
    Number(&'a str),
    /// A string with its escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// An object's members in order; names may repeat.
    Object(Vec<Member<'a>>),
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Byte range of the name, quotes included.
    pub name_span: Range<usize>,
    /// Its value.
    pub node: Node<'a>,
}

/// Why a text is not JSON that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON.
    #[error("not JSON: {what} at byte {at}")]
    Syntax {
        /// What is wrong there.
        what: &'static str,
        /// Byte offset.
        at: usize,
    },
    /// Longer than [`MAX_BYTES`].
    #[error("{0} bytes are more than the {MAX_BYTES} that are read of one policy")]
    TooLong(usize),
    /// Deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels at byte {0}")]
    TooDeep(usize),
}

/// Reads one JSON value that fills the whole text.
pub fn parse(text: &str) -> Result<Node<'_>, JsonError> {
    if text.len() > MAX_BYTES {
        return Err(JsonError::TooLong(text.len()));
    }
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0 };
    let node = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => reader.fail("text after the value"),
    }
}

impl<'a> Node<'a> {
    /// The members, if this is an object.
    pub fn members(&self) -> Option<&[Member<'a>]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of the first member of that name, if this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.members()?.iter().find(|member| member.name == name).map(|member| &member.node)
    }

    /// Compact JSON with members in the order written.
    pub fn to_compact(&self) -> String {
        let mut out = String::with_capacity(self.span.len());
        self.compact_into(&mut out);
        out
    }

    fn compact_into(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => quote_into(text, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.compact_into(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quote_into(&member.name, out);
                    out.push(':');
                    member.node.compact_into(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends `text` as a JSON string.
pub(super) fn quote_into(text: &str, out: &mut String) {
    out.push('"');
    if !text.bytes().any(|b| b < 0x20 || matches!(b, b'"' | b'\\')) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if (c as u32) < 0x20 => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError::Syntax { what, at: self.at })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        self.space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(_) => return self.fail("no value starts like this"),
            None => return self.fail("the text ends where a value should stand"),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        self.fail("no value starts like this")
    }

    fn deeper(&self, depth: usize) -> Result<usize, JsonError> {
        if depth >= MAX_DEPTH { Err(JsonError::TooDeep(self.at)) } else { Ok(depth + 1) }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Vec::new()));
        }
        // Room as policies need it: many objects of one member, and a few at the levels of document and statement.
        let mut members = Vec::with_capacity(if depth == 1 || depth == 3 { 6 } else { 1 });
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.fail("a member's name must be a string");
            }
            let name = self.string()?;
            let name_span = start..self.at;
            self.space();
            if self.peek() != Some(b':') {
                return self.fail("a colon is missing");
            }
            self.at += 1;
            let node = self.value(depth)?;
            members.push(Member { name, name_span, node });
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(members));
                }
                _ => return self.fail("a comma or closing brace is missing"),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(Vec::new()));
        }
        let mut items = Vec::with_capacity(2);
        loop {
            items.push(self.value(depth)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return self.fail("a comma or closing bracket is missing"),
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail("a number with a leading zero");
            }
        } else if !self.digits() {
            return self.fail("a number without digits");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.digits() {
                return self.fail("a number without digits after its point");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return self.fail("a number without digits in its exponent");
            }
        }
        Ok(&self.text[start..self.at])
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let first = self.run()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(first));
        }
        let mut out = String::from(first);
        while self.peek() == Some(b'\\') {
            out.push(self.escape()?);
            out.push_str(self.run()?);
        }
        self.at += 1;
        Ok(Cow::Owned(out))
    }

    /// What of a string stands before its end or the next escape.
    fn run(&mut self) -> Result<&'a str, JsonError> {
        let rest = &self.bytes[self.at..];
        let length = memchr::memchr2(b'"', b'\\', rest);
        let run = &rest[..length.unwrap_or(rest.len())];
        let is_control = |b: &u8| *b < 0x20;
        if run.iter().any(is_control) {
            self.at += run.iter().take_while(|b| !is_control(b)).count();
            return self.fail("a control character in a string");
        }
        let start = self.at;
        self.at += run.len();
        match length {
            Some(_) => Ok(&self.text[start..self.at]),
            None => self.fail("a string that does not end"),
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.fail("an unknown escape"),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if !self.bytes[self.at..].starts_with(b"\\u") {
                return self.fail("half a surrogate pair");
            }
            self.at += 2;
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return self.fail("half a surrogate pair");
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.fail("half a surrogate pair"),
        }
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(b @ b'0'..=b'9') => b - b'0',
                Some(b @ b'a'..=b'f') => b - b'a' + 10,
                Some(b @ b'A'..=b'F') => b - b'A' + 10,
                _ => return self.fail("an unknown escape"),
            };
            code = code * 16 + u32::from(digit);
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_keep_their_place_and_their_spelling() {
        let text = r#" {"a": [1e3, "x\u00e9\ud83d\ude00"], "a": null} "#;
        let node = parse(text).unwrap();
        assert_eq!(&text[node.span.clone()], text.trim());
        let members = node.members().unwrap();
        assert_eq!(members.len(), 2, "a repeated member is kept");
        assert_eq!(&text[members[0].name_span.clone()], "\"a\"");
        assert_eq!(node.to_compact(), "{\"a\":[1e3,\"xé😀\"],\"a\":null}");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&deep(MAX_DEPTH)).is_ok());
        assert!(matches!(parse(&deep(MAX_DEPTH + 1)), Err(JsonError::TooDeep(_))));
        assert!(matches!(parse(&deep(MAX_BYTES)), Err(JsonError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn accepts_what_serde_json_accepts(text in r#"[\[\]{}",:\\u0-9a-fA-F.eE+\- ntrls]{0,24}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match (parse(&text), theirs) {
                (Ok(node), Ok(value)) => {
                    // Repeated members and the spelling of numbers are lost on their side only.
                    let again: serde_json::Value = serde_json::from_str(&node.to_compact()).unwrap();
                    prop_assert_eq!(again, value);
                }
                (Err(_), Err(_)) => {}
                // A number too large for a double is JSON all the same.
                (Ok(_), Err(e)) => prop_assert!(e.to_string().contains("number out of range"), "{}", text),
                (Err(e), Ok(_)) => prop_assert!(false, "{text}: {e}"),
            }
        }
    }
}
