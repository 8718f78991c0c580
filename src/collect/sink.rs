//! Where parts go as they are read, and what an earlier, unfinished collection left.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::value::RawValue;

use super::metrics::window_of;
use crate::snapshot::api::GET_METRIC_DATA;
use crate::snapshot::{End, Header, Input, Line, Outcome, Part, ReadError, Scope, VERSION, Visit, read};

/// What was asked: account, region, API, resource.
pub(super) type Key = (String, Option<String>, String, Option<String>);

/// How the calls of one account, region and API ended.
pub type Counts = BTreeMap<CountKey, u64>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountKey {
    pub account: String,
    pub region: Option<String>,
    pub api: String,
    /// The outcome's word.
    pub outcome: &'static str,
    pub missing_permission: Option<String>,
}

/// Takes the lines of a snapshot. Each is written whole and at once: what was read survives whatever comes next.
pub struct Sink {
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    parts: u64,
    counts: Counts,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

impl Sink {
    /// Begins a snapshot with its header, or (with `parts` already there) goes on with one.
    ///
    /// # Errors
    /// The underlying write's.
    pub fn begin(mut out: Box<dyn Write + Send>, header: Header) -> io::Result<Self> {
        line(&mut out, &Line::Header(header))?;
        Ok(Sink { state: Mutex::new(State { out, parts: 0, counts: Counts::new() }) })
    }

    /// Writes a part that an earlier collection read.
    ///
    /// # Errors
    /// The underlying write's.
    pub fn again(&self, part: Part) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.parts += 1;
        line(&mut state.out, &Line::Part(part))
    }

    pub(super) fn part(&self, part: Part) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = CountKey {
            account: part.account.clone(),
            region: part.region.clone(),
            api: part.api.clone(),
            outcome: part.outcome.as_str(),
            missing_permission: part.outcome.missing_permission().map(str::to_owned),
        };
        *state.counts.entry(key).or_default() += 1;
        state.parts += 1;
        line(&mut state.out, &Line::Part(part))
    }

    /// Writes the closing line.
    ///
    /// # Errors
    /// The underlying write's.
    pub fn end(&self, finished: String) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let end = Line::End(End { parts: state.parts, finished: Some(finished) });
        line(&mut state.out, &end)
    }

    /// The calls of this run, by how they ended.
    pub fn counts(&self) -> Counts {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }
}

/// The header of a collection that begins now.
pub(super) fn header(started: String, scope: Vec<Scope>) -> Header {
    Header {
        version: VERSION,
        tool: format!("lambda-audit {}", env!("CARGO_PKG_VERSION")),
        started: Some(started),
        scope,
    }
}

fn line(out: &mut Box<dyn Write + Send>, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

/// The answers that an earlier collection read. Failures are not among them: they are asked again.
#[derive(Debug, Default)]
pub struct Known {
    pub header: Option<Header>,
    answers: HashMap<Key, Vec<Part>>,
}

impl Known {
    /// Reads what an earlier collection left. A line that was torn by its end is left out.
    ///
    /// # Errors
    /// [`ReadError`] if it is no snapshot.
    pub fn read(input: &Input) -> Result<Self, ReadError> {
        let mut known = Known::default();
        read(input, &mut |visit| match visit {
            Visit::Header(header) => known.header = Some(header),
            Visit::Part(part, _) if matches!(part.outcome, Outcome::Ok | Outcome::Disabled { .. }) => {
                let key =
                    (part.account.clone(), part.region.clone(), part.api.clone(), part.resource.clone());
                known.answers.entry(key).or_default().push(part);
            }
            Visit::Part(..) | Visit::End(_) => {}
        })?;
        Ok(known)
    }

    /// All parts, in no particular order; those of one call in the order of its pages.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.answers.values().flatten()
    }

    /// Of which seconds CloudWatch's counts were asked.
    pub(super) fn counted(&self) -> Option<(i64, i64)> {
        let mut asked = self.answers.keys().filter(|(_, _, api, _)| api == GET_METRIC_DATA);
        asked.find_map(|(_, _, _, resource)| window_of(resource.as_deref()?))
    }

    pub(super) fn of(&self, key: &Key) -> &[Part] {
        self.answers.get(key).map_or(&[], Vec::as_slice)
    }
}

/// A part with an answer.
pub(super) fn answered(key: &Key, data: Box<RawValue>) -> Part {
    part(key, Outcome::Ok, Some(data))
}

/// A part without one.
pub(super) fn failed(key: &Key, outcome: Outcome) -> Part {
    part(key, outcome, None)
}

fn part((account, region, api, resource): &Key, outcome: Outcome, data: Option<Box<RawValue>>) -> Part {
    Part {
        account: account.clone(),
        region: region.clone(),
        api: api.clone(),
        resource: resource.clone(),
        outcome,
        data,
    }
}
