//! Facts from trail records: what happened (`api_call`, `invocation`), and what a configuration change made so.
//!
//! A record with an error code changed nothing: it makes an `api_call` and no other fact. A successful change whose
//! parameters are null or hidden makes a fact with unread fields.

mod activity;
pub(super) mod changes;
mod code_signing;
mod effects;
mod grants;
pub(super) mod guardrails;
mod recorders;
mod whence;

use std::borrow::Cow;
use std::cell::RefCell;

use super::schema::Origin;
use super::sessions::Answers;
use super::{Body, Event, Fact, Place, Subject};
use crate::lists::Lists;
use crate::network::{Networks, Recent};
use crate::trail::{Field, FunctionRef, TrailFileName, TrailRecord};
use crate::trust::Trusts;
use crate::value::{Reading, Why};
use activity::Asked;

pub use effects::effects_of;
pub(crate) use effects::{change_names, is_change};
pub(crate) use recorders::CLOUDTRAIL;
pub(in crate::facts) use recorders::selectors_slot;

/// The service whose records make facts of the other kinds.
pub(crate) const LAMBDA: &str = "lambda.amazonaws.com";

/// What facts are made with, beside the record.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext<'c> {
    pub trusts: &'c Trusts,
    pub lists: &'c Lists,
    pub networks: &'c Networks,
    /// Whose the sessions are of which the record does not say it; `None`: not asked, or not known yet.
    pub answers: Option<&'c Answers>,
}

/// The file of a record.
#[derive(Debug, Clone, Copy)]
pub struct RecordFile<'r> {
    pub path: &'r str,
    pub named: Option<&'r TrailFileName>,
    /// The addresses that its reader looked up before.
    pub recent: &'r RefCell<Recent>,
}

/// Which facts a run has policies for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub api_call: bool,
    pub invocation: bool,
    pub grant: bool,
    pub function_url: bool,
    pub layer_use: bool,
    pub event_source: bool,
    pub function: bool,
    pub code_signing_change: bool,
    pub logging_change: bool,
}

impl Wanted {
    pub const ALL: Wanted = Wanted {
        api_call: true,
        invocation: true,
        grant: true,
        function_url: true,
        layer_use: true,
        event_source: true,
        function: true,
        code_signing_change: true,
        logging_change: true,
    };
}

/// A trail record with its place, as facts are made from it.
#[derive(Debug)]
pub(super) struct Reader<'r, 'a> {
    pub(super) record: &'r TrailRecord<'a>,
    pub(super) name: Cow<'a, str>,
    pub(super) file: RecordFile<'r>,
    pub(super) event_id: Option<Cow<'a, str>>,
    /// The account whose trail it is.
    pub(super) account: Option<Cow<'a, str>>,
    pub(super) region: Option<Cow<'a, str>>,
    pub(super) cx: RecordContext<'r>,
    asked: Asked<'a>,
}

/// Makes the facts of one record that are wanted.
pub fn facts_of(
    record: &TrailRecord<'_>,
    file: RecordFile<'_>,
    wanted: Wanted,
    cx: RecordContext<'_>,
    emit: &mut dyn FnMut(&Fact<'_>),
) {
    let reader = Reader::new(record, file, cx);
    let lambda = record.event_source() == LAMBDA;
    if wanted.api_call {
        reader.api_call(emit);
    }
    if !lambda {
        let is_change = wanted.logging_change && is_change(&record.event_source(), &reader.name);
        if is_change && record.succeeded() {
            reader.logging_change(emit);
        }
        return;
    }
    if wanted.invocation && INVOCATIONS.contains(&reader.name.as_ref()) {
        reader.invocation(emit);
    }
    if record.succeeded() {
        changes::changes(&reader, wanted, emit);
    }
}

/// Names of the data events that are invocations.
pub const INVOCATIONS: [&str; 4] =
    ["Invoke", "InvokeExecution", "InvokeFunctionUrl", "InvokeWebFunctionEndpoint"];

/// A record's field as a fact has it: what cannot be read is not in the record.
pub(super) fn reading<T>(field: Field<T>) -> Reading<T> {
    match field {
        Field::Known(value) => Reading::Known(value),
        Field::Absent => Reading::Absent,
        Field::Unread => Reading::Unread(Why::NotInRecord),
    }
}

/// The same for a field that every record should have: absent is as good as unread.
pub(super) fn required<T>(field: Field<T>) -> Reading<T> {
    match field {
        Field::Known(value) => Reading::Known(value),
        Field::Absent | Field::Unread => Reading::Unread(Why::NotInRecord),
    }
}

pub(super) fn text<'t>(value: Option<Cow<'t, str>>) -> Reading<Cow<'t, str>> {
    Reading::or_unread(value, Why::NotInRecord)
}

/// What stands in place of a name that a record does not give.
const NO_FUNCTION: &str = "a function the record does not name";
const NO_CODE_SIGNING: &str = "a code signing configuration the record does not name";
const NO_LAYER: &str = "a layer the record does not name";
const NO_RECORDER: &str = "a trail or event data store the record does not name";

/// Does the record not say which function, layer or trail it is about?
fn is_unnamed(subject: &Subject<'_>) -> bool {
    subject.arn.is_none()
        && [NO_FUNCTION, NO_CODE_SIGNING, NO_LAYER, NO_RECORDER]
            .iter()
            .any(|name| subject.name.starts_with(name))
}

impl<'r, 'a> Reader<'r, 'a> {
    #[inline(always)]
    fn new(record: &'r TrailRecord<'a>, file: RecordFile<'r>, cx: RecordContext<'r>) -> Self {
        Reader {
            record,
            name: record.canonical_name(),
            file,
            event_id: record.event_id().into_known(),
            account: record.trail_account(file.named).into_known(),
            region: record.aws_region().into_known(),
            cx,
            asked: Asked::default(),
        }
    }

    fn event(&self) -> Event<'_> {
        Event {
            file: self.file.path,
            offset: self.record.offset(),
            id: self.event_id.as_deref(),
            time: self.record.event_time(),
        }
    }

    pub(super) fn fact<'f>(
        &'f self,
        subject: Subject<'f>,
        origin: Origin,
        part: String,
        body: Body<'f>,
    ) -> Fact<'f> {
        let event = self.event();
        Fact { subject: subject.into(), origin, place: Place::Event(event), part, body }
    }

    /// The function (or its alias or version) that a record is about.
    pub(super) fn function_subject(
        &self,
        function: &FunctionRef<'a>,
        qualifier: Option<&str>,
    ) -> Subject<'a> {
        let name = function.name.known().cloned().unwrap_or(Cow::Borrowed(NO_FUNCTION));
        let qualified = |text: Cow<'a, str>| match qualifier {
            Some(qualifier) => Cow::Owned(format!("{text}:{qualifier}")),
            None => text,
        };
        let arn = function.arn.known().cloned().map(qualified);
        // Told apart by account and region where there is no ARN, so that two functions never share a finding.
        let account = function.account.known().cloned().or_else(|| self.account.clone());
        Subject {
            arn,
            kind: match qualifier {
                None => "function",
                Some(version) if version.bytes().all(|byte| byte.is_ascii_digit()) => "function_version",
                Some(_) => "alias",
            },
            name: qualified(name),
            account,
            region: self.region.clone(),
        }
    }
}
