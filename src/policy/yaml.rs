//! YAML with the place of every node, and from bytes inside a scalar's value back to bytes of the file.
//!
//! Anchors and aliases are refused: a value has one place.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::lang::Span;

/// The largest policy or test file, in bytes.
pub(crate) const MAX_FILE: usize = 1024 * 1024;

/// A value and the bytes of the file that hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

/// A key and the bytes of the file that hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Kind {
    /// How an error message names it.
    pub(crate) fn show(&self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a bool",
            Kind::Int(_) => "an int",
            Kind::Float(_) => "a fraction",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// The file does not parse as YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct YamlError {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// Reads one YAML document.
///
/// # Errors
/// The first place where the text is no YAML, has a key twice, nests too deep or is larger than [`MAX_FILE`].
pub(crate) fn read(text: &str) -> Result<Node, YamlError> {
    if text.len() > MAX_FILE {
        return Err(YamlError { span: 0..0, message: format!("the file is larger than {MAX_FILE} bytes") });
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_aliases: 0, max_anchors: 0, max_depth: 64 },
    };
    match serde_saphyr::from_str_with_options::<Raw>(text, options) {
        Ok(raw) => Ok(raw.into_node(text)),
        Err(error) => {
            let start = error.location().map_or(0, |location| offset(text, &location));
            Err(YamlError { span: start..start, message: message(&error) })
        }
    }
}

fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or("").trim();
    // The place is given by the span; the library repeats it at the end of its first line.
    // Some messages go on with advice for the library's users.
    let end = [" at line ", ", set "].iter().filter_map(|mark| first.find(mark)).min().unwrap_or(first.len());
    let cut = first.get(..end).unwrap_or(first);
    format!("not readable as YAML: {cut}")
}

/// The byte that a location starts at.
fn offset(text: &str, location: &serde_saphyr::Location) -> usize {
    if let Some(byte) = location.span().byte_offset()
        && let Ok(byte) = usize::try_from(byte)
        && text.is_char_boundary(byte)
    {
        return byte;
    }
    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
    let column = usize::try_from(location.column()).unwrap_or(1).max(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    start + rest.chars().take_while(|c| *c != '\n').take(column - 1).map(char::len_utf8).sum::<usize>()
}

type Raw = Spanned<RawKind>;

enum RawKind {
    Scalar(Kind),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

trait IntoNode {
    fn into_node(self, text: &str) -> Node;
}

impl IntoNode for Raw {
    fn into_node(self, text: &str) -> Node {
        let span = span_of(text, &self.referenced);
        let kind = match self.value {
            RawKind::Scalar(kind) => kind,
            RawKind::List(items) => Kind::List(items.into_iter().map(|item| item.into_node(text)).collect()),
            RawKind::Map(entries) => Kind::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key = Key { span: span_of(text, &key.referenced), text: key.value };
                        (key, value.into_node(text))
                    })
                    .collect(),
            ),
        };
        Node { span, kind }
    }
}

fn span_of(text: &str, location: &serde_saphyr::Location) -> Span {
    let start = offset(text, location);
    let end = location
        .span()
        .byte_len()
        .and_then(|len| usize::try_from(len).ok())
        .map_or(start, |len| start.saturating_add(len))
        .min(text.len());
    // The span of a block goes on to the next key.
    let end = text.get(start..end).map_or(start, |raw| start + raw.trim_end().len());
    start..end
}

impl<'de> Deserialize<'de> for RawKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawKind;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawKind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(i64::try_from(value).map_or(Kind::Text(value.to_string()), Kind::Int)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawKind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(RawKind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawKind, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(RawKind::Map(entries))
    }
}

/// Where the bytes `inner` of a scalar's value stand in the file. `whole` is the scalar's span, quotes
/// included. Exact, or the scalar's start: never another place.
pub(crate) fn place(file: &str, whole: &Span, value: &str, inner: &Span) -> Span {
    let fallback = whole.start..first_line_end(file, whole);
    let raw = file.get(whole.clone()).unwrap_or("");
    // The span of a block begins with its first line's content: its column is the indentation.
    let line = file.get(..whole.start).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
    let block = line.chars().all(|c| c == ' ').then_some(line.len());
    let Some(map) =
        block.and_then(|indent| align(raw, value, Some(indent))).or_else(|| align(raw, value, None))
    else {
        return fallback;
    };
    let at = |index: usize| map.get(index).map(|byte| whole.start + byte);
    let Some(start) = at(inner.start) else { return fallback };
    if inner.end <= inner.start {
        return start..start;
    }
    // The end of the last byte, so that a span never swallows the indentation of the next line.
    match inner.end.checked_sub(1).and_then(at) {
        Some(last) if last >= start => start..last + 1,
        _ => start..start,
    }
}

fn first_line_end(file: &str, whole: &Span) -> usize {
    let raw = file.get(whole.clone()).unwrap_or("");
    whole.start + raw.find('\n').unwrap_or(raw.len())
}

/// For each byte of the value (and its end) the byte of the raw scalar it came from; `None` where the two cannot be
/// laid side by side, as with escapes.
fn align(raw: &str, value: &str, indent: Option<usize>) -> Option<Vec<usize>> {
    let bytes = raw.as_bytes();
    let quoted = indent.is_none() && matches!(bytes.first()?, b'"' | b'\'');
    let mut at = usize::from(quoted);
    let mut map = Vec::with_capacity(value.len() + 1);
    for byte in value.bytes() {
        match bytes.get(at) {
            Some(next) if *next == byte && byte != b'\n' => {
                map.push(at);
                at += 1;
            }
            Some(b'\n' | b'\r') if matches!(byte, b'\n' | b' ') => {
                map.push(at);
                if bytes.get(at) == Some(&b'\r') {
                    at += 1;
                }
                at = line_start(bytes, at + 1, indent);
            }
            // Trailing line ends of a block may be beyond the scalar's span.
            None if byte == b'\n' => map.push(at),
            _ => return None,
        }
    }
    // An escape at the very end would otherwise go unnoticed.
    if quoted && bytes.get(at) != bytes.first() {
        return None;
    }
    map.push(at.min(raw.len()));
    Some(map)
}

/// The first byte of a line's content: after a block's indentation, or after all blanks of a folded line.
fn line_start(bytes: &[u8], from: usize, indent: Option<usize>) -> usize {
    let most = indent.unwrap_or(usize::MAX);
    let blanks = bytes.get(from..).unwrap_or(&[]).iter();
    let is_blank = |byte: &&u8| **byte == b' ' || (indent.is_none() && **byte == b'\t');
    from + blanks.take_while(is_blank).count().min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text at the place in the file of `part` inside the value of key `k`.
    fn found(file: &str, part: &str) -> String {
        let Kind::Map(entries) = read(file).unwrap().kind else { panic!("no mapping") };
        let (_, node) = entries.into_iter().find(|(key, _)| key.text == "k").unwrap();
        let Kind::Text(value) = node.kind else { panic!("no text") };
        let start = value.find(part).unwrap();
        let span = place(file, &node.span, &value, &(start..start + part.len()));
        file[span].to_owned()
    }

    #[test]
    fn places_inside_scalars_are_exact_or_the_start() {
        assert_eq!(found("a: 1\nk: grant.exposure == 1\n", "exposure"), "exposure");
        assert_eq!(found("k: 'grant.exposure == 1' # c\nz: 1\n", "exposure"), "exposure");
        assert_eq!(found("k: \"grant.exposure == 1\"\n", "exposure"), "exposure");
        assert_eq!(found("k: |\n  grant.a\n    && grant.exposure\nz: 1\n", "exposure"), "exposure");
        assert_eq!(found("k: |-\n  ü grant.a\n  && grant.exposure", "exposure"), "exposure");
        assert_eq!(found("k: >\n  grant.a\n  && grant.exposure\nz: 1\n", "exposure"), "exposure");
        assert_eq!(found("k: grant.a\n  && grant.exposure\nz: 1\n", "exposure"), "exposure");
        // With an escape the places cannot be laid side by side: the whole scalar is shown.
        assert_eq!(
            found("k: \"grant.a == \\\"x\\\" && exposure\"\n", "exposure"),
            "\"grant.a == \\\"x\\\" && exposure\""
        );
        assert_eq!(found("k: 'it''s exposure'\n", "exposure"), "'it''s exposure'");
    }

    #[test]
    fn what_is_no_yaml_is_an_error_with_a_place() {
        let error = read("a: 1\nb: [1\n").unwrap_err();
        assert!(error.span.start >= 5, "{error:?}");
        assert!(read("a: &x 1\nb: *x\n").is_err());
        assert!(read("a: 1\na: 2\n").is_err());
        let deep = "[".repeat(2000);
        assert!(read(&deep).is_err());
    }
}
