//! From the text of a file to its records.
//!
//! A text is a sequence of JSON values: `{"Records":[…]}`, `{"Events":[…]}`, an array, or bare records, one or many,
//! on lines or not. So JSON Lines and files that were simply joined need no mode of their own. The offset of every
//! fault is exact, and reading goes on at the next record that can be found again.

use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::index::{Index, MAX_TEXT};
use super::json::{
    JsonError, JsonFault, Member, expect, peek, skip_string, skip_value, unescape, walk_object,
};
use super::outcome::{Fault, FaultKind, Stream};
use super::raw::Raw;
use super::record::TrailRecord;
use super::slot::Slot;
use super::walk::{Walked, Walker};

mod recover;

use recover::{Found, Resume};

/// Receives what a text holds: records in the order of the text, what is passed over too, each by themselves.
pub(crate) trait Sink {
    /// A record.
    fn record(&mut self, record: &TrailRecord<'_>);
    /// Whether there may be records that [`Sink::needs`] says no to.
    fn may_pass_over(&self) -> bool {
        false
    }
    /// Whether a record with this event source and name is needed whole.
    fn needs(&mut self, _source: &[u8], _name: &[u8]) -> bool {
        true
    }
    /// Takes note of a record whose source and name [`Sink::needs`] was asked about last, and said no to.
    fn pass_over(&mut self, _record: &TrailRecord<'_>) {}
    /// A summary (Insights, aggregated events) instead of a record.
    fn summary(&mut self);
    /// An object that describes a digest of trail files.
    fn digest(&mut self);
    /// `Records` was seen, or an empty list: the text is a trail's, even if it has no record.
    fn claim(&mut self);
    /// Something that could not be read.
    fn fault(&mut self, fault: Fault);
}

/// Reads a text; bytes that are not UTF-8 cost only the records they stand in.
/// `base` is what stands before `bytes` in the file's text: it is added to every offset.
pub(crate) fn read_text(bytes: &[u8], base: u64, sink: &mut impl Sink) {
    let replaced = OnceCell::new();
    let budget = bytes.len().saturating_mul(8);
    let (walker, batch) = (Walker::default(), Vec::with_capacity(BATCH));
    let mut reader = Reader {
        bytes,
        text: None,
        replaced: &replaced,
        base,
        sink,
        walker,
        batch,
        found: 0,
        budget,
        line: None,
        next: None,
        lone: false,
    };
    reader.values(if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 });
    reader.give();
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The members whose elements are records, as they are written without escapes.
static CONTAINERS: LazyLock<[Finder<'static>; 2]> =
    LazyLock::new(|| ["\"Records\"", "\"Events\""].map(Finder::new));

/// As a trail's files begin.
const RECORDS: &[u8] = br#"{"Records":["#;

/// The same length of text, with a NUL for each byte that is not UTF-8: the scanner refuses it exactly there.
fn without_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\0'));
    }
    text
}

/// One record from its own text.
pub(crate) fn parse_record(text: &str) -> Result<TrailRecord<'_>, Fault> {
    let json = |error: JsonError| Fault::text(error.at, FaultKind::Json(error.fault));
    if text.len() > MAX_TEXT {
        return Err(Fault::text(MAX_TEXT, FaultKind::TooLarge { limit: MAX_TEXT as u64 }));
    }
    let Some((start, b'{')) = peek(text.as_bytes(), 0) else {
        return Err(Fault::text(0, FaultKind::NotAnObject));
    };
    let mut index = Index::new(text);
    let end = walk_object(text, start + 1, 1, |member| index.add(&member)).map_err(json)?;
    if let Some((at, _)) = peek(text.as_bytes(), end) {
        return Err(Fault::text(at, FaultKind::Json(JsonFault::Expected("the end of the text"))));
    }
    let own = text.get(start..end).unwrap_or_default();
    TrailRecord::new(index, own, start as u64)
        .map_err(|missing| Fault::text(start, FaultKind::Missing(missing)))
}

/// Finds the members of a record that was begun.
fn find(
    walker: &mut Walker,
    record: &mut TrailRecord<'_>,
    needs: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> Option<Walked> {
    let found = walker.walk(record.index(), needs)?;
    record.complete(found, &mut walker.clock)?;
    Some(found)
}

/// So many records are found before they are given to the sink: finding them and judging them is code of two kinds, of
/// which a processor does one better many times in a row.
const BATCH: usize = 32;

struct Reader<'a, S> {
    bytes: &'a [u8],
    /// The same, once more was looked at than records like those before: see [`Reader::text`].
    text: Option<&'a str>,
    replaced: &'a OnceCell<String>,
    base: u64,
    sink: &'a mut S,
    walker: Walker,
    /// Records that were found, and space for more.
    batch: Vec<TrailRecord<'a>>,
    /// So many of them were not given yet.
    found: usize,
    /// Bytes that finding the next record after faults may still scan: with the two answers below, which serve every
    /// question until reading passes them, it keeps a hostile file linear.
    budget: usize,
    line: Option<Found>,
    next: Option<Found>,
    /// An object stood alone that has no records: others may be records like each other, on lines or not.
    lone: bool,
}

impl<'a, S: Sink> Reader<'a, S> {
    /// Bytes that are not UTF-8 are replaced in it. A record like those before is walked through without it, which is as
    /// strict: in most files all are.
    fn text(&mut self) -> &'a str {
        let Reader { bytes, text, replaced, .. } = self;
        text.get_or_insert_with(|| match simdutf8::basic::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => replaced.get_or_init(|| without_invalid(bytes)),
        })
    }

    fn values(&mut self, mut at: usize) {
        while let Some((start, byte)) = peek(self.bytes, at) {
            let read = match byte {
                b'{' => self.top_object(start),
                b'[' => self.array(start + 1),
                _ => Err(JsonError { at: start, fault: JsonFault::Expected("a JSON object or array") }),
            };
            at = match read {
                Ok(end) => end,
                Err(error) => {
                    self.json_fault(error);
                    match self.fresh_line(error.at) {
                        Some(line) => line,
                        None => return self.give_up(error.at),
                    }
                }
            };
        }
    }

    fn give_up(&mut self, at: usize) {
        if peek(self.bytes, at).is_some() {
            self.fault(at, FaultKind::RestUnread);
        }
    }

    fn fault(&mut self, at: usize, kind: FaultKind) {
        let offset = self.base + at as u64;
        self.sink.fault(Fault { offset, stream: Stream::Text, kind });
    }

    fn json_fault(&mut self, error: JsonError) {
        let replaced = self.text().as_bytes().get(error.at) == Some(&0)
            && self.bytes.get(error.at).is_some_and(|byte| *byte != 0);
        let kind = if replaced { FaultKind::NotUtf8 } else { FaultKind::Json(error.fault) };
        self.fault(error.at, kind);
    }

    /// An object that stands alone: a container of records, or a record itself.
    fn top_object(&mut self, start: usize) -> Result<usize, JsonError> {
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(RECORDS)) {
            // What has, or may have, records of its own is none itself.
            let is_one = |text: &[u8]| CONTAINERS.iter().all(|key| key.find(text).is_none());
            return match self.lone.then(|| self.walk(start, is_one)).flatten() {
                Some(end) => Ok(end),
                None => self.members(start, None),
            };
        }
        self.sink.claim();
        let end = self.array(start + RECORDS.len())?;
        match after_member(self.bytes, end)? {
            After::End(end) => Ok(end),
            After::Key(_) => self.members(start, Some(end)),
        }
    }

    /// The same, from behind its bracket, or from behind a list of records with which it begins.
    fn members(&mut self, start: usize, records: Option<usize>) -> Result<usize, JsonError> {
        let text = self.text();
        let bytes = text.as_bytes();
        let mut index = Index::new(text);
        let mut is_container = records.is_some();
        let mut after = match (records, peek(bytes, start + 1)) {
            (Some(end), _) => after_member(bytes, end)?,
            (None, Some((last, b'}'))) => After::End(last + 1),
            (None, _) => After::Key(start + 1),
        };
        loop {
            let at = match after {
                After::Key(at) => at,
                After::End(end) => {
                    if !is_container {
                        self.lone = true;
                        self.object(index, start, end);
                    }
                    return Ok(end);
                }
            };
            let open = expect(bytes, at, b'"', "a string as key")?;
            let close = skip_string(bytes, open)?;
            let colon = expect(bytes, close, b':', "`:`")?;
            let (value, byte) =
                peek(bytes, colon).ok_or(JsonError { at: text.len(), fault: JsonFault::UnexpectedEnd })?;
            let key = text.get(open..close - 1).unwrap_or_default();
            let container = match unescape(key).as_ref() {
                "Records" => Some("Records"),
                "Events" => Some("Events"),
                _ => None,
            };
            if container == Some("Records") {
                self.sink.claim();
            }
            let end = match container {
                Some(_) if byte == b'[' => {
                    is_container = true;
                    self.array(value + 1)?
                }
                _ => skip_value(bytes, value, 1)?,
            };
            if let (Some(name), false) = (container, byte == b'[') {
                is_container = true;
                self.fault(value, FaultKind::NotAnArray(name));
            } else if let (None, Some(value_text)) = (container, text.get(value..end)) {
                let before = bytes.get(..close - 1).unwrap_or_default();
                index.add(&Member { key, before, value: Raw::scanned(value_text), at: value });
            }
            after = after_member(bytes, end)?;
        }
    }

    /// The elements of an array, from behind its `[` to behind its `]`. An error ends the array's reading.
    fn array(&mut self, mut at: usize) -> Result<usize, JsonError> {
        let bytes = self.bytes;
        if let Some((end, b']')) = peek(bytes, at) {
            self.sink.claim();
            return Ok(end + 1);
        }
        loop {
            let Some((start, _)) = peek(bytes, at) else {
                return Err(JsonError { at: bytes.len(), fault: JsonFault::UnexpectedEnd });
            };
            let error = match self.element(start) {
                Ok(end) => match peek(bytes, end) {
                    Some((comma, b',')) => {
                        at = comma + 1;
                        continue;
                    }
                    Some((last, b']')) => return Ok(last + 1),
                    Some((at, _)) => JsonError { at, fault: JsonFault::Expected("`,` or `]`") },
                    None => return Err(JsonError { at: bytes.len(), fault: JsonFault::UnexpectedEnd }),
                },
                Err(error) => error,
            };
            match self.recover(start, error.at) {
                Some(Resume::Element(next)) => {
                    self.json_fault(error);
                    at = next;
                }
                Some(Resume::End(end)) => {
                    self.json_fault(error);
                    return Ok(end);
                }
                None => return Err(error),
            }
        }
    }

    fn element(&mut self, start: usize) -> Result<usize, JsonError> {
        if self.bytes.get(start) != Some(&b'{') {
            let end = skip_value(self.text().as_bytes(), start, 1)?;
            self.fault(start, FaultKind::NotAnObject);
            return Ok(end);
        }
        if let Some(end) = self.walk(start, |_| true) {
            return Ok(end);
        }
        let text = self.text();
        let mut index = Index::new(text);
        let end = walk_object(text, start + 1, 1, |member| index.add(&member))?;
        self.object(index, start, end);
        Ok(end)
    }

    /// Reads a record as one like those before it. `None` where it is not, or anything is not as it should be. `is_one`:
    /// whether this text of an object is one record, not several.
    fn walk(&mut self, start: usize, is_one: impl FnOnce(&[u8]) -> bool) -> Option<usize> {
        let Reader { bytes, walker, sink, batch, found, .. } = self;
        // Records are found where they stay, in the space of those that were given before.
        if *found == batch.len() {
            batch.push(TrailRecord::unfound());
        }
        let record = batch.get_mut(*found)?;
        record.begin(bytes.get(start..)?, self.base + start as u64);
        let walked = if sink.may_pass_over() {
            find(walker, record, &mut |source, name| sink.needs(source, name))?
        } else {
            find(walker, record, &mut |_, _| true)?
        };
        let end = start + walked.len;
        if !bytes.get(start..end).is_some_and(is_one) {
            return None;
        }
        if walked.passed_over {
            sink.pass_over(record);
        } else {
            *found += 1;
            if *found >= BATCH {
                self.give();
            }
        }
        Some(end)
    }

    /// Gives the sink what was found.
    fn give(&mut self) {
        let found = self.batch.iter().take(std::mem::take(&mut self.found));
        found.for_each(|record| self.sink.record(record));
    }

    /// An object that stands where a record may stand.
    fn object(&mut self, index: Index<'a>, start: usize, end: usize) {
        let kept = [Slot::CloudTrailEvent, Slot::EventCategory, Slot::EventType].map(|slot| index.get(slot));
        let is_digest =
            index.get(Slot::DigestS3Bucket).is_some() && index.get(Slot::DigestStartTime).is_some();
        let inner_at = index.inner_at;
        let text = self.text().get(start..end).unwrap_or_default();
        match TrailRecord::new(index, text, self.base + start as u64) {
            Ok(record) => {
                self.give();
                self.sink.record(&record);
            }
            Err(missing) => match kept {
                [Some(inner), ..] if inner.inner_text().is_some() => self.inner(inner, inner_at),
                [_, category, event_type] if is_summary(category, event_type) => self.sink.summary(),
                _ if is_digest => self.sink.digest(),
                _ => self.fault(start, FaultKind::Missing(missing)),
            },
        }
    }

    /// The record in a LookupEvents entry, which is a string of JSON.
    fn inner(&mut self, value: Raw<'_>, at: usize) {
        let text = value.as_str().unwrap_or_default();
        match parse_record(&text) {
            Ok(mut record) => {
                record.stand_at(self.base + at as u64);
                self.give();
                self.sink.record(&record);
            }
            Err(fault) => {
                let insight = Raw::parse(&text)
                    .is_ok_and(|event| is_summary(event.get("eventCategory"), event.get("eventType")));
                if insight {
                    self.sink.summary();
                } else {
                    self.fault(at, FaultKind::Inner(Box::new(fault.kind)));
                }
            }
        }
    }
}

/// What follows a member of an object.
enum After {
    /// Another one's key, or white space before it.
    Key(usize),
    /// Behind the object's end.
    End(usize),
}

fn after_member(bytes: &[u8], end: usize) -> Result<After, JsonError> {
    match peek(bytes, end) {
        Some((comma, b',')) => Ok(After::Key(comma + 1)),
        Some((last, b'}')) => Ok(After::End(last + 1)),
        Some((at, _)) => Err(JsonError { at, fault: JsonFault::Expected("`,` or `}`") }),
        None => Err(JsonError { at: bytes.len(), fault: JsonFault::UnexpectedEnd }),
    }
}

/// CloudTrail's own summaries have no event name and time of their own:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html>,
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aggregated-events.html>.
fn is_summary(category: Option<Raw<'_>>, event_type: Option<Raw<'_>>) -> bool {
    let is = |value: Option<Raw<'_>>, names: [&str; 2]| {
        value.and_then(Raw::as_str).is_some_and(|text| names.contains(&text.as_ref()))
    };
    is(category, ["Insight", "Aggregated"]) || is(event_type, ["AwsCloudTrailInsight", "AwsAggregatedEvent"])
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
