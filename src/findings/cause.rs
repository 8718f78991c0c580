//! Cause: the records that produced the state a finding is about. Changes are gathered by what they changed while
//! records are read, and asked once findings are there. Pure.
//!
//! A state finding and the changes that show the same thing share a fingerprint, so the finding names their eventIDs:
//! these are its cause. Where the policy does not fail on the change itself (the record hides a parameter, or a layer
//! was checked against another list then), the latest change of the same part of the same subject is. Of a resource
//! policy that is not enough: another statement's record is no cause.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::facts::schema::Origin;
use crate::facts::{Source, SubjectKind, plain};
use crate::moment::EventId;
use crate::ordered;
use crate::report::{Cause, CauseRecord, Finding};

/// The most records a cause names.
const RECORDS: usize = 5;

/// A change, as compact as it can be: there may be a million.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// Seconds since 1970, UTC.
    pub time: i64,
    pub event_id: Option<EventId>,
    #[serde(with = "plain::shared")]
    pub file: Arc<str>,
    pub offset: u64,
    #[serde(with = "plain::counted")]
    pub by: Arc<By>,
    /// The record says exactly what it set: it can be told whether that is what the finding is about.
    pub exact: bool,
}

/// How and by whom a change was made: many are made in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct By {
    #[serde(with = "plain::shared")]
    pub event_name: Arc<str>,
    #[serde(with = "plain::shared_option")]
    pub principal: Option<Arc<str>>,
    #[serde(with = "plain::shared_option")]
    pub session_name: Option<Arc<str>>,
    #[serde(with = "plain::shared_option")]
    pub source_ip: Option<Arc<str>>,
    #[serde(with = "plain::shared_option")]
    pub user_agent: Option<Arc<str>>,
}

/// What a change changed: a kind of fact, and the subject as findings name it. For what records invocations the
/// account stands in the subject's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Key {
    #[serde(with = "crate::facts::plain::subject_kind")]
    kind: SubjectKind,
    subject: Box<str>,
}

/// All changes of a run. Merging is commutative but for the order within a key, which answers sort.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Changes {
    by: HashMap<Key, Vec<Change>>,
}

/// What is known of the records that were read, to say why a cause is missing.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Trail records were given.
    pub given: bool,
    /// Files or look-ups that were not fully read.
    pub unread: u64,
    /// The earliest record of all.
    pub first: Option<String>,
    /// Accounts of which records were read.
    pub accounts: std::collections::BTreeSet<String>,
    /// By account, when and by which event a trail was stopped or deleted.
    pub stopped: BTreeMap<String, (String, Option<String>)>,
}

/// The kind of what records invocations.
pub const RECORDER: &str = "recorder";

impl Changes {
    pub fn add(&mut self, kind: &'static str, subject: &str, change: Change) {
        ordered::push(self.by.entry(Key { kind, subject: subject.into() }).or_default(), change);
    }

    pub fn merge(&mut self, other: Changes) {
        if self.by.is_empty() {
            self.by = other.by;
            return;
        }
        for (key, changes) in other.by {
            ordered::append(self.by.entry(key).or_default(), changes);
        }
    }

    /// How many changes of how many subjects.
    pub fn len(&self) -> usize {
        self.by.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// Puts the changes of each subject in order and drops copies. Once, before [`Changes::cause`] is asked.
    pub fn settle(&mut self) {
        for changes in self.by.values_mut() {
            changes.sort_unstable_by(|a, b| b.cmp(a));
            // Two deliveries of one event are one.
            changes.dedup_by(|a, b| a.event_id.is_some() && a.event_id == b.event_id);
        }
    }

    fn of(&self, kind: &'static str, subject: &str) -> &[Change] {
        self.by.get(&Key { kind, subject: subject.into() }).map_or(&[], Vec::as_slice)
    }

    /// When an account last changed what records, by the records.
    pub fn last_of_recorders(&self, account: &str) -> Option<i64> {
        self.of(RECORDER, account).iter().map(|change| change.time).max()
    }

    /// By account, the latest record that stopped or deleted what records.
    pub fn stopped(&self, rfc3339: fn(i64) -> String) -> BTreeMap<String, (String, Option<String>)> {
        let stops = |change: &&Change| {
            matches!(
                &*change.by.event_name,
                "StopLogging" | "DeleteTrail" | "StopEventDataStoreIngestion" | "DeleteEventDataStore"
            )
        };
        let of = |(key, changes): (&Key, &Vec<Change>)| {
            let last = changes.iter().filter(stops).max()?;
            Some((key.subject.to_string(), (rfc3339(last.time), last.event_id.as_ref().map(EventId::text))))
        };
        self.by.iter().filter(|(key, _)| key.kind == RECORDER).filter_map(of).collect()
    }

    /// The cause of a finding about facts of `kind`. `None` for what merely happened.
    pub fn cause(
        &self,
        kind: &'static str,
        finding: &Finding,
        history: &History,
        rfc3339: fn(i64) -> String,
    ) -> Option<Cause> {
        if finding.origins.iter().all(|origin| *origin == Origin::Activity) {
            return None;
        }
        let subject = &finding.subject;
        let recorder = matches!(kind, "invoke_logging" | "trail");
        let changes = match (recorder, &subject.account) {
            (true, Some(account)) => self.of(RECORDER, account),
            (true, None) => &[],
            (false, _) => self.of(kind, subject.label()),
        };
        let ids: Vec<EventId> = finding.event_ids.iter().map(|id| EventId::of(id)).collect();
        let named = |change: &&Change| change.event_id.as_ref().is_some_and(|id| ids.contains(id));
        let mut records: Vec<&Change> = changes.iter().filter(named).take(RECORDS).collect();
        if records.is_empty() {
            let may = |change: &&Change| kind != "grant" || !change.exact;
            // What set it last; of a recorder, what changed it last.
            records = changes.iter().filter(may).take(if recorder { 3 } else { 1 }).collect();
        }
        let not_found = records.is_empty().then(|| why_none(kind, finding, changes, history));
        Some(Cause { records: records.into_iter().map(|change| told(change, rfc3339)).collect(), not_found })
    }
}

fn told(change: &Change, rfc3339: fn(i64) -> String) -> CauseRecord {
    let own = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let event_id = change.event_id.as_ref().map(EventId::text);
    let By { event_name, principal, session_name, source_ip, user_agent } = &*change.by;
    CauseRecord {
        time: rfc3339(change.time),
        event_name: event_name.to_string(),
        event_id: event_id.clone(),
        principal: own(principal),
        session_name: own(session_name),
        source_ip: own(source_ip),
        user_agent: own(user_agent),
        source: Source::Record { file: change.file.to_string(), offset: change.offset, event_id },
    }
}

/// Why no record is the cause: the first of these that holds.
fn why_none(kind: &str, finding: &Finding, changes: &[Change], history: &History) -> String {
    if !history.given {
        return "no trail records were read".to_owned();
    }
    if !matches!(
        kind,
        "grant" | "function_url" | "layer_use" | "event_source" | "function" | "invoke_logging" | "trail"
    ) {
        return "records do not show changes of this kind of thing".to_owned();
    }
    let account = finding.subject.account.as_deref();
    if let Some(account) = account.filter(|account| !history.accounts.contains(*account)) {
        return format!("no record of account {account} was read");
    }
    if history.unread > 0 {
        let files = if history.unread == 1 {
            "1 trail file was".to_owned()
        } else {
            format!("{} trail files were", history.unread)
        };
        return format!("{files} not fully read, and no other record shows it");
    }
    let first = history.first.as_deref().unwrap_or("an unknown time");
    if let Some((time, event)) = account.and_then(|account| history.stopped.get(account)) {
        let event = event.as_deref().map_or(String::new(), |id| format!(" (event {id})"));
        return format!(
            "older than the history, which begins at {first}, or made while logging was off: a trail of the account was stopped or deleted at {time}{event}"
        );
    }
    if changes.is_empty() {
        format!("older than the history, which begins at {first}")
    } else {
        format!("{} records changed it since {first}, and none of them to this: it is older", changes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Severity;
    use crate::report::{Subject, Triage};

    fn time(seconds: i64) -> String {
        format!("t{seconds}")
    }

    fn change(time: i64, id: &str, name: &str, exact: bool) -> Change {
        Change {
            time,
            event_id: Some(EventId::of(id)),
            file: "f".into(),
            offset: 0,
            by: Arc::new(By {
                event_name: name.into(),
                principal: Some("arn:aws:iam::111122223333:role/deploy".into()),
                session_name: None,
                source_ip: Some("203.0.113.7".into()),
                user_agent: None,
            }),
            exact,
        }
    }

    fn finding(origins: &[Origin], subject: &str, ids: &[&str]) -> Finding {
        Finding {
            policy: "p".to_owned(),
            title: "t".to_owned(),
            severity: Severity::High,
            risk_score: 50,
            level: None,
            origins: origins.to_vec(),
            status: None,
            status_event_id: None,
            subject: Subject {
                arn: Some(subject.to_owned()),
                kind: "function".to_owned(),
                name: "n".to_owned(),
                account: Some("111122223333".to_owned()),
                region: None,
                logical_id: None,
            },
            message: String::new(),
            evidence: Vec::new(),
            event_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            first: None,
            last: None,
            count: 1,
            fingerprint: "v1:0".to_owned(),
            cause: None,
            triage: Triage::New,
            waiver: None,
            seen: None,
            knobs: Vec::new(),
        }
    }

    fn history() -> History {
        History {
            given: true,
            first: Some("t0".to_owned()),
            accounts: ["111122223333".to_owned()].into(),
            ..History::default()
        }
    }

    fn ids(cause: &Cause) -> Vec<&str> {
        cause.records.iter().filter_map(|record| record.event_id.as_deref()).collect()
    }

    #[test]
    fn the_records_that_a_finding_names_are_its_cause_latest_first_and_once() {
        let mut changes = Changes::default();
        changes.add("grant", "f", change(1, "a", "AddPermission", true));
        changes.add("grant", "f", change(3, "c", "AddPermission", true));
        changes.add("grant", "g", change(4, "x", "AddPermission", true));
        let mut more = Changes::default();
        more.add("grant", "f", change(3, "c", "AddPermission", true));
        more.add("grant", "f", change(2, "b", "AddPermission", true));
        changes.merge(more);
        changes.settle();
        assert_eq!(changes.len(), 4);
        let of = |origins: &[Origin], ids: &[&str]| {
            changes.cause("grant", &finding(origins, "f", ids), &history(), time)
        };
        let cause = of(&[Origin::State, Origin::Change], &["a", "c"]).unwrap();
        assert_eq!(ids(&cause), ["c", "a"]);
        assert_eq!(cause.records[0].time, "t3");
        // Another statement's record is no cause of this one.
        let none = of(&[Origin::State], &[]).unwrap();
        assert!(none.records.is_empty());
        assert_eq!(
            none.not_found.unwrap(),
            "3 records changed it since t0, and none of them to this: it is older"
        );
        assert_eq!(of(&[Origin::Activity], &["a"]), None);
    }

    #[test]
    fn a_record_that_hides_what_it_granted_may_be_the_cause_and_of_other_things_the_last_is() {
        let mut changes = Changes::default();
        changes.add("grant", "f", change(1, "hidden", "AddPermission", false));
        changes.add("grant", "f", change(2, "other", "AddPermission", true));
        for (at, id) in [(1, "old"), (5, "new")] {
            changes.add("function_url", "f", change(at, id, "UpdateFunctionUrlConfig", true));
            changes.add(RECORDER, "111122223333", change(at, id, "PutEventSelectors", true));
        }
        changes.settle();
        let of = |kind| changes.cause(kind, &finding(&[Origin::State], "f", &[]), &history(), time).unwrap();
        assert_eq!(ids(&of("grant")), ["hidden"]);
        assert_eq!(ids(&of("function_url")), ["new"]);
        assert_eq!(ids(&of("invoke_logging")), ["new", "old"]);
        assert!(of("layer_use").records.is_empty());
    }

    #[test]
    fn why_there_is_none_is_told() {
        let changes = Changes::default();
        let why = |history: &History| {
            changes
                .cause("layer_use", &finding(&[Origin::State], "f", &[]), history, time)
                .unwrap()
                .not_found
                .unwrap()
        };
        assert_eq!(why(&History::default()), "no trail records were read");
        assert_eq!(why(&history()), "older than the history, which begins at t0");
        let other = History { accounts: ["444455556666".to_owned()].into(), ..history() };
        assert_eq!(why(&other), "no record of account 111122223333 was read");
        assert!(why(&History { unread: 2, ..history() }).starts_with("2 trail files were not fully read"));
        let stopped = [("111122223333".to_owned(), ("t7".to_owned(), Some("e".to_owned())))].into();
        assert!(why(&History { stopped, ..history() }).contains("stopped or deleted at t7 (event e)"));
    }
}
