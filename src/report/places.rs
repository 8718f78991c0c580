//! Where a finding is shown in formats that know files and lines only.

use std::fmt::Write as _;

use super::Finding;
use crate::facts::Source;

/// A file as a URI reference, and a line from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: u64,
}

/// The declared anchor, else where the finding's first evidence was read. Formats that know lines show a trail record
/// at the first: its text has no line breaks.
pub(super) fn of(finding: &Finding, anchor: Option<&str>) -> Place {
    if let Some(anchor) = anchor {
        return Place { path: anchor.to_owned(), line: 1 };
    }
    match finding.evidence.first().map(|evidence| &evidence.source) {
        Some(source) => of_source(source),
        None => Place { path: "lambda-audit".to_owned(), line: 1 },
    }
}

pub(super) fn of_source(source: &Source) -> Place {
    let (file, line) = match source {
        Source::Snapshot { file, line, .. } => (file, (*line).max(1)),
        Source::Record { file, .. } => (file, 1),
    };
    let path = if file.is_empty() { "lambda-audit" } else { file };
    Place { path: path.to_owned(), line }
}

/// A path as a URI reference: relative paths stay relative, absolute ones become `file:` URIs. Everything that has a
/// meaning in URIs is escaped. <https://www.rfc-editor.org/rfc/rfc3986#section-2>
pub(super) fn uri(path: &str) -> String {
    // A Windows path, by its drive or its separators.
    let drive = matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let forward = if drive || !path.contains('/') { path.replace('\\', "/") } else { path.to_owned() };
    let mut out = String::with_capacity(path.len() + 8);
    if drive {
        out.push_str("file:///");
    } else if forward.starts_with('/') {
        out.push_str("file://");
    }
    for byte in forward.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into())
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if out.is_empty() { "lambda-audit".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("a/b c.jsonl"), "a/b%20c.jsonl");
        assert_eq!(uri("/tmp/x#1?.json"), "file:///tmp/x%231%3F.json");
        assert_eq!(uri("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(uri(r"C:\audit\s.jsonl"), "file:///C%3A/audit/s.jsonl");
        assert_eq!(uri("ä\n"), "%C3%A4%0A");
        assert_eq!(uri(""), "lambda-audit");
    }
}
