//! Who changed what, gathered while records are read: what findings' causes are told from.

use std::collections::HashSet;
use std::sync::Arc;

use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::{Body, Fact};
use crate::findings::cause::{Change, Changes, RECORDER};
use crate::trail::{Field, TrailRecord};
use crate::value::Reading;

/// The service whose records change what records invocations.
pub(super) const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// Does a call of this name change what a trail or event data store records?
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html>
pub(super) fn changes_recording(name: &str) -> bool {
    matches!(
        name,
        "PutEventSelectors"
            | "CreateTrail"
            | "UpdateTrail"
            | "DeleteTrail"
            | "StartLogging"
            | "StopLogging"
            | "CreateEventDataStore"
            | "UpdateEventDataStore"
            | "DeleteEventDataStore"
            | "StartEventDataStoreIngestion"
            | "StopEventDataStoreIngestion"
    )
}

/// Texts that come again and again are kept once: names of callers, addresses, user agents.
#[derive(Debug, Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

/// The most different texts kept for sharing: beyond it a text is kept by itself.
const TEXTS: usize = 100_000;

impl Texts {
    fn keep(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if self.0.len() < TEXTS {
            self.0.insert(Arc::clone(&new));
        }
        new
    }

    fn known<T: AsRef<str>>(&mut self, field: Field<T>) -> Option<Arc<str>> {
        field.known().map(|text| self.keep(text.as_ref()))
    }

    /// Who made a record's call, when, from where and through what.
    pub(super) fn change(&mut self, record: &TrailRecord<'_>, file: &Arc<str>) -> Change {
        let identity = record.identity();
        let principal = identity.principal().known().map(ToString::to_string);
        Change {
            time: record.event_time(),
            event_id: record.event_id().known().map(|id| id.as_ref().into()),
            file: Arc::clone(file),
            offset: record.offset(),
            event_name: self.keep(&record.canonical_name()),
            principal: principal.map(|principal| self.keep(&principal)),
            session_name: self.known(identity.session_name()),
            source_ip: self.known(record.source_ip_address()),
            user_agent: self.known(record.user_agent()),
            exact: true,
        }
    }
}

/// Keeps a change of what records an account's invocations. A call that failed changed nothing.
pub(super) fn of_recorder(
    record: &TrailRecord<'_>,
    (file, texts): (&Arc<str>, &mut Texts),
    account: Option<&str>,
    changes: &mut Changes,
) {
    let succeeded = match record.error_code() {
        Field::Absent => true,
        Field::Known(code) => code.is_empty(),
        Field::Unread => false,
    };
    if let Some(account) = account.filter(|_| succeeded) {
        changes.add(RECORDER, account, texts.change(record, file));
    }
}

/// Keeps what a change's fact is about. `change`: of the fact's record, made when the first of its facts needs it.
pub(super) fn of_fact(fact: &Fact<'_>, change: impl FnOnce() -> Change, changes: &mut Changes) {
    if fact.origin != Origin::Change {
        return;
    }
    let exact = match &fact.body {
        Body::Grant(grant) => matches!(grant.principal, Reading::Known(_)),
        _ => true,
    };
    let fields: &dyn FieldAccess = fact.body.fields();
    changes.add(fields.kind().name, fact.subject.label(), Change { exact, ..change() });
}
