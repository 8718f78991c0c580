//! Where reading goes on after something that is no JSON.

use memchr::{memchr, memchr_iter};

use super::{Index, Reader, Sink, TrailRecord, peek, walk_object};

pub(super) enum Resume {
    /// At the next element.
    Element(usize),
    /// Behind the end of the array.
    End(usize),
}

impl<S: Sink> Reader<'_, S> {
    /// Where reading can go on after a fault at `fault` in the element that starts at `start`.
    pub(super) fn recover(&mut self, start: usize, fault: usize) -> Option<Resume> {
        let from = self.before_open(fault).max(start + 1);
        let next = self.next_record(from);
        let balanced = self.balanced(start).filter(|end| *end > fault);
        let bytes = self.bytes;
        match (next, balanced.and_then(|end| peek(bytes, end))) {
            // A record inside what looks like one element: the element's strings or braces do not pair.
            (Some(next), Some((end, _))) if next < end => Some(Resume::Element(next)),
            (_, Some((comma, b','))) => Some(Resume::Element(comma + 1)),
            (_, Some((end, b']'))) => Some(Resume::End(end + 1)),
            (next, _) => next.map(Resume::Element),
        }
    }

    /// A string without end swallows the text up to the first quote of the next object: the place of that object's
    /// brace, if one stands right before `at`; else `at`.
    fn before_open(&mut self, at: usize) -> usize {
        let trimmed = self.text().get(..at).map_or("", str::trim_end);
        let open = trimmed.strip_suffix('"').unwrap_or(trimmed).trim_end();
        if open.ends_with('{') { open.len() - 1 } else { at }
    }

    /// The next place that holds a whole record, behind a comma or another object and before the next document.
    fn next_record(&mut self, from: usize) -> Option<usize> {
        match self.next {
            Some(found) if found.serves(from) => found.at,
            _ => {
                let at = self.search_record(from);
                self.next = Some(Found { from, at });
                at
            }
        }
    }

    fn search_record(&mut self, from: usize) -> Option<usize> {
        let text = self.text();
        let bytes = text.as_bytes();
        let limit = self.fresh_line(from).unwrap_or(bytes.len());
        for open in memchr_iter(b'{', bytes.get(from..limit)?).map(|at| from + at) {
            let before = bytes.get(..open)?.iter().rfind(|byte| !byte.is_ascii_whitespace());
            if !matches!(before, Some(b',' | b'}')) {
                continue;
            }
            let mut index = Index::new(text);
            let scanned = walk_object(text, open + 1, 1, |member| index.add(&member));
            let used = scanned.unwrap_or_else(|error| error.at).saturating_sub(open);
            self.budget = self.budget.checked_sub(used)?;
            if let Ok(end) = scanned
                && TrailRecord::new(index, text.get(open..end)?, 0).is_ok()
            {
                return Some(open);
            }
        }
        None
    }

    /// The end of the value at `start`, by pairing brackets outside of strings only.
    fn balanced(&mut self, start: usize) -> Option<usize> {
        let bytes = self.bytes;
        let mut depth = 0usize;
        let mut at = start;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        self.budget = self.budget.checked_sub(at - start)?;
                        return Some(at + 1);
                    }
                }
                b'"' => at = end_of_string(bytes, at + 1)? - 1,
                _ => {}
            }
            at += 1;
        }
        self.budget = self.budget.saturating_sub(at - start);
        None
    }

    /// The next line that begins with `{` or `[` and does not continue a list.
    pub(super) fn fresh_line(&mut self, from: usize) -> Option<usize> {
        match self.line {
            Some(found) if found.serves(from) => found.at,
            _ => {
                let at = self.search_line(from);
                self.line = Some(Found { from, at });
                at
            }
        }
    }

    fn search_line(&self, from: usize) -> Option<usize> {
        let bytes = self.bytes;
        // A fault is often noticed at the first byte of the line that should have been another value.
        let from = from.saturating_sub(1);
        memchr_iter(b'\n', bytes.get(from..)?).map(|at| from + at).find_map(|line| {
            let opens = matches!(bytes.get(line + 1), Some(b'{' | b'['));
            let goes_on = || {
                let last = bytes.get(..line)?.iter().rfind(|byte| !byte.is_ascii_whitespace());
                last.filter(|byte| matches!(byte, b',' | b':'))
            };
            (opens && goes_on().is_none()).then_some(line + 1)
        })
    }
}

/// A search's answer for every start between where it began and what it found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    from: usize,
    at: Option<usize>,
}

impl Found {
    fn serves(self, from: usize) -> bool {
        self.from <= from && self.at.is_none_or(|at| from <= at)
    }
}

/// The end of a string whatever it holds.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let quote = at + memchr(b'"', bytes.get(at..)?)?;
        let slashes = bytes.get(at..quote)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        at = quote + 1;
        if slashes % 2 == 0 {
            return Some(at);
        }
    }
}
