//! The coverage ledger: every call and every file with its outcome. Those that went well are counted together; every
//! other one keeps its place.

use std::collections::BTreeMap;

use super::{SnapshotRead, TrailRead};
use crate::findings::gaps::AcceptedGaps;
use crate::report::Read;
use crate::snapshot::Outcome;
use crate::trail::digest::{Findings, State};
use crate::trail::{FaultKind, FileKind, FileOutcome, Status};

/// What rows are counted together by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: Option<String>,
    region: Option<String>,
    surface: String,
    outcome: &'static str,
    missing_permission: Option<String>,
    detail: Option<String>,
}

#[derive(Debug, Default)]
struct Rows(BTreeMap<Key, (u64, Option<String>)>);

impl Rows {
    fn add(&mut self, key: Key, source: Option<String>) {
        let row = self.0.entry(key).or_insert((0, source));
        row.0 += 1;
    }
}

/// All rows, in a fixed order.
pub(super) fn rows(snapshot: Option<&SnapshotRead>, trail: &TrailRead, gaps: &AcceptedGaps) -> Vec<Read> {
    let mut rows = Rows::default();
    if let Some(read) = snapshot {
        of_snapshot(read, &mut rows);
    }
    for file in &trail.files {
        of_file(file, &mut rows);
    }
    if let Some(found) = &trail.digests {
        of_digests(found, &mut rows);
    }
    rows.0
        .into_iter()
        .map(|(key, (count, source))| Read {
            accepted: gaps.accepts_unread(&key.surface, key.account.as_deref(), key.region.as_deref()),
            account: key.account,
            region: key.region,
            surface: key.surface,
            outcome: key.outcome.to_owned(),
            missing_permission: key.missing_permission,
            source,
            detail: key.detail,
            count,
        })
        .collect()
}

fn of_snapshot(read: &SnapshotRead, rows: &mut Rows) {
    let whole = |outcome, detail: String| Key {
        account: None,
        region: None,
        surface: "snapshot".to_owned(),
        outcome,
        missing_permission: None,
        detail: Some(detail),
    };
    let place = |line: u64| Some(format!("{}:{line}", read.name));
    for (call, state) in &read.index.calls {
        let outcome = match (&state.failure, state.why()) {
            (_, None) => &Outcome::Ok,
            (Some(failure), Some(_)) => failure,
            // Pages came, and the last of them says that more follow.
            (None, Some(_)) => &Outcome::Failed { message: Some("its last pages are missing".to_owned()) },
        };
        let key = Key {
            account: Some(call.account.clone()),
            region: call.region.clone(),
            surface: call.api.to_owned(),
            outcome: outcome.as_str(),
            missing_permission: outcome.missing_permission().map(str::to_owned),
            detail: outcome.message().map(str::to_owned),
        };
        let source = if matches!(outcome, Outcome::Ok) { None } else { place(state.line) };
        rows.add(key, source);
    }
    for (scope, api) in read.index.never_asked() {
        let key = Key {
            account: Some(scope.account),
            region: Some(scope.region),
            surface: api.to_owned(),
            outcome: "not_asked",
            missing_permission: None,
            detail: Some("the snapshot has no part for it".to_owned()),
        };
        rows.add(key, None);
    }
    for (line, what) in &read.index.foreign {
        rows.add(whole("malformed", what.clone()), place(*line));
    }
    for fault in &read.faults {
        rows.add(whole("malformed", format!("{} (byte {})", fault.error, fault.offset)), place(fault.line));
    }
    if !read.index.is_complete() {
        let why = match &read.index.end {
            None => "no closing line: the snapshot is incomplete".to_owned(),
            Some(end) => {
                format!("its closing line counts {} parts, {} were read", end.parts, read.index.parts)
            }
        };
        rows.add(whole("failed", why), None);
    }
}

/// What the digests do not prove, or disprove.
fn of_digests(found: &Findings, rows: &mut Rows) {
    for file in &found.files {
        let outcome = match file.state {
            State::Intact => continue,
            State::Missing => "missing",
            State::Altered(_) => "altered",
            State::Unsigned => "unsigned",
            State::Unlisted => "unlisted",
            State::Unverified(_) => "unverified",
        };
        let key = Key {
            account: file.account.clone(),
            region: file.region.clone(),
            surface: format!("trail {}", file.role.as_str()),
            outcome,
            missing_permission: None,
            detail: Some(file.state.reason()),
        };
        rows.add(key, Some(file.name.clone()));
    }
    for broken in &found.breaks {
        let (from, to) = (super::rfc3339(broken.from), super::rfc3339(broken.to));
        let key = Key {
            account: Some(broken.account.clone()),
            region: Some(broken.region.clone()),
            surface: "trail digest".to_owned(),
            outcome: "missing",
            missing_permission: None,
            detail: Some(format!("no digest covers the time from {from} to {to}")),
        };
        rows.add(key, Some(broken.seen_in.clone()));
    }
}

fn of_file(file: &FileOutcome, rows: &mut Rows) {
    let named = file.named.as_ref();
    let denied = file.faults.iter().find_map(|fault| match &fault.kind {
        FaultKind::Denied { permission } => Some(permission.clone()),
        _ => None,
    });
    let (surface, outcome) = match (file.status, file.kind) {
        (Status::Failed, _) if denied.is_some() => ("trail", "denied"),
        (Status::Failed, _) => ("trail", "failed"),
        (Status::Malformed, _) => ("trail", "malformed"),
        (Status::Ok, FileKind::Trail) => ("trail", "ok"),
        (Status::Ok, FileKind::Digest) => ("digest", "ok"),
        (Status::Ok, FileKind::LeftOut(_)) => ("trail", "left_out"),
        (Status::Ok, FileKind::Metadata) => ("digest signature", "ok"),
        (Status::Ok, FileKind::Summaries) => ("insights", "ok"),
        (Status::Ok, FileKind::Duplicate) => ("duplicate", "ok"),
        (Status::Ok, FileKind::Foreign(_)) => ("file", "foreign"),
        (Status::Ok, FileKind::Unknown) => ("trail", "failed"),
    };
    let detail = match (outcome, file.faults.first()) {
        ("ok", _) => None,
        ("left_out", _) => match file.kind {
            FileKind::LeftOut(why) => Some(why.to_string()),
            _ => None,
        },
        ("foreign", _) => match file.kind {
            FileKind::Foreign(why) => Some(why.to_string()),
            _ => None,
        },
        (_, Some(fault)) if file.fault_count > 1 => {
            Some(format!("{fault}, and {} more faults", file.fault_count - 1))
        }
        (_, Some(fault)) => Some(fault.to_string()),
        (_, None) => None,
    };
    let key = Key {
        account: named.map(|named| named.account.clone()),
        region: named.map(|named| named.region.clone()),
        surface: surface.to_owned(),
        outcome,
        missing_permission: denied,
        detail,
    };
    let source = !matches!(outcome, "ok" | "left_out");
    let source = source.then(|| file.path.clone());
    rows.add(key, source);
}
