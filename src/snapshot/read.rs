//! Reads a snapshot line by line, in bounded memory. A line that cannot be read is a fault with its place; the rest
//! goes on.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{End, Header, Line, Part, VERSION};

/// The longest line, in bytes. The largest answer of AWS's APIs that a part may hold is 6 MB.
pub const LINE_LIMIT: u64 = 64 << 20;
/// The most decompressed bytes read of one snapshot.
const SIZE_LIMIT: u64 = 8 << 30;
/// The most faults kept; beyond it only the last one is.
const FAULT_LIMIT: usize = 100;

/// Where a snapshot is read from. It is read twice: once to index what joins parts, once to judge.
#[derive(Debug, Clone)]
pub enum Input {
    File(PathBuf),
    /// A snapshot in memory, with the name it is shown under.
    Memory {
        name: String,
        bytes: Arc<[u8]>,
    },
}

impl Input {
    /// The name shown in findings and errors.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Memory { name, .. } => name.clone(),
        }
    }

    /// A path to read twice. What can be read only once (a FIFO, a shell's `<(…)`) is taken into memory.
    ///
    /// # Errors
    /// The underlying read's, or `InvalidData` past `limit` bytes of what is not a regular file.
    pub fn path(path: &Path, limit: u64) -> io::Result<Self> {
        let metadata = std::fs::metadata(path);
        if metadata.map_or(true, |metadata| metadata.is_file() || metadata.is_dir()) {
            return Ok(Input::File(path.to_owned()));
        }
        Self::stream(path.display().to_string(), File::open(path)?, limit)
    }

    /// Standard input in memory, decompressed or not as it is.
    ///
    /// # Errors
    /// The underlying read's, or `InvalidData` past `limit` bytes.
    pub fn stdin(name: &str, limit: u64) -> io::Result<Self> {
        Self::stream(name.to_owned(), io::stdin().lock(), limit)
    }

    fn stream(name: String, source: impl Read, limit: u64) -> io::Result<Self> {
        let mut bytes = Vec::new();
        source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it is longer than {limit} bytes; give a file instead"),
            ));
        }
        Ok(Input::Memory { name, bytes: bytes.into() })
    }

    fn open(&self) -> io::Result<Box<dyn BufRead + '_>> {
        let raw: Box<dyn Read + '_> = match self {
            Input::File(path) => Box::new(open_file(path)?),
            Input::Memory { bytes, .. } => Box::new(Cursor::new(&bytes[..])),
        };
        let mut buffered = BufReader::with_capacity(1 << 16, raw);
        let gzipped = buffered.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        Ok(if gzipped {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(buffered)))
        } else {
            Box::new(buffered)
        })
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    Ok(file)
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line number, from 1.
    pub line: u64,
    /// Byte offset of the line in the decompressed text.
    pub offset: u64,
    pub error: String,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot open {name}: {error}")]
    Open { name: String, error: io::Error },
    #[error("{name} is not a snapshot: {why}")]
    NotASnapshot { name: String, why: String },
    #[error(
        "{name} is a snapshot of version {found}; this lambda-audit reads version {VERSION}: use a newer one"
    )]
    Newer { name: String, found: u32 },
}

/// What the visitor is shown.
#[derive(Debug)]
pub enum Visit {
    Header(Header),
    Part(Part, u64),
    End(End),
}

/// Reads the snapshot, showing each line to `visit` in order.
///
/// # Errors
/// [`ReadError`] if it cannot be opened, its first line is not a header, or its version is newer. Everything after
/// the header that cannot be read is a [`Fault`] in the answer.
pub fn read(input: &Input, visit: &mut dyn FnMut(Visit)) -> Result<Vec<Fault>, ReadError> {
    let name = input.name();
    let mut reader = input.open().map_err(|error| ReadError::Open { name: name.clone(), error })?;
    let mut lines = Lines { reader: &mut *reader, buffer: Vec::new(), offset: 0, line: 0 };
    let not = |why: String| ReadError::NotASnapshot { name: name.clone(), why };

    let first = loop {
        match lines.next() {
            Ok(Some(Text::Line)) if lines.text().trim_ascii().is_empty() => {}
            Ok(Some(Text::Line)) => break parse(lines.text()),
            Ok(Some(Text::TooLong)) => return Err(not("its first line is too long".to_owned())),
            Ok(None) => return Err(not("it is empty".to_owned())),
            Err(error) => return Err(not(error.to_string())),
        }
    };
    match first {
        Ok(Line::Header(header)) if header.version > VERSION => {
            return Err(ReadError::Newer { name, found: header.version });
        }
        Ok(Line::Header(header)) => visit(Visit::Header(header)),
        Ok(_) => return Err(not("its first line is not a header".to_owned())),
        Err(error) => return Err(not(format!("its first line is not a header ({error})"))),
    }

    let mut faults = Vec::new();
    let mut ended = false;
    loop {
        let offset = lines.offset;
        let mut fault = |line: u64, error: String| {
            if faults.len() == FAULT_LIMIT {
                faults.pop();
            }
            faults.push(Fault { line, offset, error });
        };
        match lines.next() {
            Ok(None) => break,
            Ok(Some(Text::TooLong)) => {
                fault(lines.line, format!("the line is longer than {LINE_LIMIT} bytes"))
            }
            Ok(Some(Text::Line)) => {
                let text = lines.text();
                if text.trim_ascii().is_empty() {
                    continue;
                }
                match parse(text) {
                    Ok(_) if ended => fault(lines.line, "it comes after the closing line".to_owned()),
                    Ok(Line::Part(part)) => visit(Visit::Part(part, lines.line)),
                    Ok(Line::End(end)) => {
                        ended = true;
                        visit(Visit::End(end));
                    }
                    Ok(Line::Header(_)) => fault(lines.line, "a second header".to_owned()),
                    Err(error) => fault(lines.line, error.to_string()),
                }
            }
            Err(error) => {
                fault(lines.line.saturating_add(1), error.to_string());
                break;
            }
        }
    }
    Ok(faults)
}

/// Parses a line. Not by serde's own tagging: it buffers, and a part's data must stay the text that was read.
fn parse(text: &[u8]) -> serde_json::Result<Line> {
    #[derive(serde::Deserialize)]
    struct Tag {
        #[serde(rename = "type")]
        kind: Kind,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Header,
        Part,
        End,
    }
    Ok(match serde_json::from_slice::<Tag>(text)?.kind {
        Kind::Header => Line::Header(serde_json::from_slice(text)?),
        Kind::Part => Line::Part(serde_json::from_slice(text)?),
        Kind::End => Line::End(serde_json::from_slice(text)?),
    })
}

enum Text {
    Line,
    TooLong,
}

struct Lines<'a> {
    reader: &'a mut dyn BufRead,
    buffer: Vec<u8>,
    offset: u64,
    line: u64,
}

impl Lines<'_> {
    fn text(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads the next line into the buffer. `None` at the end.
    fn next(&mut self) -> io::Result<Option<Text>> {
        self.buffer.clear();
        let read = (&mut *self.reader).take(LINE_LIMIT).read_until(b'\n', &mut self.buffer)? as u64;
        if read == 0 {
            return Ok(None);
        }
        self.offset += read;
        self.line += 1;
        if self.offset > SIZE_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the snapshot is longer than {SIZE_LIMIT} bytes"),
            ));
        }
        if read == LINE_LIMIT && self.buffer.last() != Some(&b'\n') {
            self.skip_line()?;
            return Ok(Some(Text::TooLong));
        }
        Ok(Some(Text::Line))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Ok(());
            }
            let end = memchr::memchr(b'\n', available);
            let used = end.map_or(available.len(), |at| at + 1);
            self.reader.consume(used);
            self.offset += used as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str = r#"{"type":"header","version":1}"#;
    const PART: &str = r#"{"type":"part","account":"111122223333","region":"eu-west-1","api":"lambda:GetPolicy","resource":null,"outcome":{"status":"denied","permission":"lambda:GetPolicy"},"data":{"Policy":null}}"#;
    const END: &str = r#"{"type":"end","parts":1}"#;

    fn memory(bytes: impl Into<Vec<u8>>) -> Input {
        Input::Memory { name: "s".to_owned(), bytes: bytes.into().into() }
    }

    fn shape(input: &Input) -> (Result<Vec<Fault>, String>, String) {
        let mut seen = String::new();
        let result = read(input, &mut |visit| {
            seen.push(match visit {
                Visit::Header(_) => 'h',
                Visit::Part(..) => 'p',
                Visit::End(_) => 'e',
            });
        });
        (result.map_err(|error| error.to_string()), seen)
    }

    fn gz(text: &str) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn plain_gzipped_and_several_members_read_the_same() {
        let text = format!("{HEADER}\n{PART}\n\n{END}\n");
        let mut members = gz(&format!("{HEADER}\n{PART}\n"));
        members.extend(gz(&format!("{END}\n")));
        for input in [memory(text.clone()), memory(gz(&text)), memory(members)] {
            assert_eq!(shape(&input), (Ok(vec![]), "hpe".to_owned()));
        }
    }

    #[test]
    fn what_is_no_snapshot_is_refused_and_says_why() {
        for (text, why) in [
            ("", "s is not a snapshot: it is empty"),
            (END, "s is not a snapshot: its first line is not a header"),
            (
                r#"{"type":"header","version":2}"#,
                "s is a snapshot of version 2; this lambda-audit reads version 1: use a newer one",
            ),
        ] {
            assert_eq!(shape(&memory(text)).0.unwrap_err(), why);
        }
        assert!(
            shape(&memory("{}"))
                .0
                .unwrap_err()
                .starts_with("s is not a snapshot: its first line is not a header (")
        );
        assert!(shape(&memory(gz("")[..4].to_vec())).0.unwrap_err().starts_with("s is not a snapshot: "));
    }

    #[test]
    fn a_broken_line_is_a_fault_with_its_place_and_the_rest_is_read() {
        let (faults, seen) =
            shape(&memory(format!("{HEADER}\n{{\"type\":\"part\"\n{PART}\n{END}\n{PART}\n")));
        let faults = faults.unwrap();
        assert_eq!(seen, "hpe");
        assert_eq!((faults[0].line, faults[0].offset), (2, HEADER.len() as u64 + 1));
        assert_eq!(faults[1].error, "it comes after the closing line");
    }

    #[test]
    fn a_truncated_gzip_keeps_what_came_before() {
        let text = format!("{HEADER}\n{PART}\n{PART}\n{PART}\n{END}\n");
        let whole = gz(&text);
        let (faults, _) = shape(&memory(whole[..whole.len() - 9].to_vec()));
        assert_eq!(faults.unwrap().len(), 1);
    }
}
