//! Who changed what, gathered while records are read: what findings' causes are told from.

use std::borrow::Cow;
use std::sync::Arc;

use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::{Body, Fact};
use crate::findings::cause::{By, Change, Changes, RECORDER};
use crate::moment::EventId;
use crate::texts::{Kept, Texts};
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

/// How the changes that were met before were made.
#[derive(Debug, Default)]
pub(super) struct Ways {
    texts: Texts,
    known: Kept<By>,
}

/// Who made a record's call, when, from where and through what.
pub(super) fn change(ways: &mut Ways, record: &TrailRecord<'_>, file: &Arc<str>) -> Change {
    let Ways { texts, known } = ways;
    let identity = record.identity();
    let principal = identity.principal().known().map(ToString::to_string);
    let mut kept = |field: Field<Cow<'_, str>>| field.known().map(|text| texts.keep(text.as_ref()));
    let (session_name, source_ip, user_agent) =
        (kept(identity.session_name()), kept(record.source_ip_address()), kept(record.user_agent()));
    let by = By {
        event_name: texts.keep(&record.canonical_name()),
        principal: principal.map(|principal| texts.keep(&principal)),
        session_name,
        source_ip,
        user_agent,
    };
    Change {
        time: record.event_time(),
        event_id: record.event_id().known().map(|id| EventId::of(id)),
        file: Arc::clone(file),
        offset: record.offset(),
        by: known.keep_own(by),
        exact: true,
    }
}

/// Keeps a change of what records an account's invocations. A call that failed changed nothing.
pub(super) fn of_recorder(
    record: &TrailRecord<'_>,
    (file, ways): (&Arc<str>, &mut Ways),
    account: Option<&str>,
    changes: &mut Changes,
) {
    if let Some(account) = account.filter(|_| record.succeeded()) {
        changes.add(RECORDER, account, change(ways, record, file));
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
