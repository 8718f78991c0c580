//! Changes of trails and event data stores: what a record sets, and the facts of those that may take something away.
//!
//! Parameter names: the API's members with the first letter lower-cased.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html>

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use super::effects::Table;
use super::{Reader, text};
use crate::arn;
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact, LoggingChange, Subject};
use crate::logging;
use crate::snapshot::api::EventSelectors;
use crate::timeline::{self, Act, Facet, Keys, Slot};
use crate::trail::{Field, Raw};
use crate::value::{Reading, Why};

/// The service whose records change what is recorded.
pub(crate) const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

pub(super) const CHANGES: [&str; 12] = [
    "CreateEventDataStore",
    "CreateTrail",
    "DeleteEventDataStore",
    "DeleteTrail",
    "PutEventSelectors",
    "RestoreEventDataStore",
    "StartEventDataStoreIngestion",
    "StartLogging",
    "StopEventDataStoreIngestion",
    "StopLogging",
    "UpdateEventDataStore",
    "UpdateTrail",
];

/// Those that may take something away: each makes a fact.
const WEAKENING: [&str; 7] = [
    "DeleteEventDataStore",
    "DeleteTrail",
    "PutEventSelectors",
    "StopEventDataStoreIngestion",
    "StopLogging",
    "UpdateEventDataStore",
    "UpdateTrail",
];

impl<'a> Reader<'_, 'a> {
    /// The trail or event data store that the record is about.
    fn recorder(&self) -> Subject<'a> {
        let is_store = self.name.contains("EventDataStore");
        let (kind, answered, asked): (_, &[&str], &[&str]) = if is_store {
            ("event_data_store", &["eventDataStoreArn"], &["eventDataStore"])
        } else {
            ("trail", &["trailARN"], &["trailName", "name"])
        };
        let answer = self.record.response_elements();
        let answer = answered.iter().find_map(|key| answer.known()?.get(key)?.as_str());
        let asked = asked.iter().find_map(|key| self.parameter(key));
        let named = answer.or(asked);
        let partition = || {
            let caller = self.record.identity().arn();
            caller.text().and_then(arn::partition).unwrap_or("aws").to_owned()
        };
        let made = named.as_deref().and_then(|name| {
            if name.starts_with("arn:") {
                return Some(name.to_owned());
            }
            let (account, region) = (self.account.as_deref()?, self.region.as_deref()?);
            let resource = if is_store { "eventdatastore" } else { "trail" };
            Some(format!("arn:{}:cloudtrail:{region}:{account}:{resource}/{name}", partition()))
        });
        let name = match (&made, named) {
            (Some(arn), _) => Cow::Owned(arn.rsplit('/').next().unwrap_or(arn).to_owned()),
            (None, Some(name)) => name,
            (None, None) => Cow::Borrowed(super::NO_RECORDER),
        };
        let account = made.as_deref().and_then(arn::account).map(|account| Cow::Owned(account.to_owned()));
        Subject {
            arn: made.map(Cow::Owned),
            kind,
            name,
            account: account.or_else(|| self.account.clone()),
            region: self.region.clone(),
        }
    }

    /// What the record sets of a recorder. The keys: see [`Facet::Recorder`].
    fn recorder_keys(&self) -> Keys {
        let flag = |value: bool| Slot::text(if value { "true" } else { "false" });
        let exists = |word: &str| ("exists".into(), Slot::text(word));
        let created = self.name.starts_with("Create");
        let mut keys = Keys::new();
        let mut set = |key: &str, slot: Option<Slot>| keys.extend(slot.map(|slot| (key.into(), slot)));
        match self.name.as_ref() {
            "StartLogging" | "StartEventDataStoreIngestion" => set("logging", Some(flag(true))),
            "StopLogging" | "StopEventDataStoreIngestion" | "DeleteEventDataStore" => {
                set("logging", Some(flag(false)));
            }
            "RestoreEventDataStore" => {
                let on = self.answered("status").as_deref() == Some("ENABLED");
                set("logging", Some(if on { flag(true) } else { Slot::Unread }));
            }
            "DeleteTrail" => keys.push(exists("no")),
            "PutEventSelectors" => set("selectors", Some(self.selectors().unwrap_or(Slot::Unread))),
            "CreateTrail" | "UpdateTrail" => {
                let or_default = created.then(|| flag(false));
                set("multi_region", self.flag("isMultiRegionTrail").or_else(|| or_default.clone()));
                set("organization", self.flag("isOrganizationTrail").or(or_default));
                if created {
                    // It records management events once it is started.
                    keys.extend([exists("yes"), ("logging".into(), flag(false)), no_selectors()]);
                }
            }
            _ => {
                // https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateEventDataStore.html
                let or_default = |value| created.then(|| flag(value));
                set("multi_region", self.flag("multiRegionEnabled").or_else(|| or_default(true)));
                set("organization", self.flag("organizationEnabled").or_else(|| or_default(false)));
                let selectors = self.selectors();
                set("selectors", selectors.or_else(|| created.then(|| no_selectors().1)));
                if created {
                    set("logging", Some(self.flag("startIngestion").unwrap_or_else(|| flag(true))));
                    keys.push(exists("yes"));
                }
            }
        }
        keys
    }

    fn answered(&self, key: &str) -> Option<Cow<'a, str>> {
        self.record.response_elements().known()?.get(key)?.as_str()
    }

    /// `None`: the record does not mention it.
    fn flag(&self, key: &str) -> Option<Slot> {
        match self.set(&[key]) {
            Field::Known(value) => Some(match value.as_bool() {
                Some(value) => Slot::text(if value { "true" } else { "false" }),
                None => Slot::Unread,
            }),
            Field::Absent => None,
            Field::Unread => Some(Slot::Unread),
        }
    }

    fn selectors(&self) -> Option<Slot> {
        let (basic, advanced) = (self.set(&["eventSelectors"]), self.set(&["advancedEventSelectors"]));
        if basic == Field::Unread || advanced == Field::Unread {
            return Some(Slot::Unread);
        }
        if basic == Field::Absent && advanced == Field::Absent {
            return None;
        }
        let mut object = Map::new();
        for (key, value) in [("EventSelectors", basic), ("AdvancedEventSelectors", advanced)] {
            if let Field::Known(value) = value {
                object.insert(key.to_owned(), pascal(serde_json::from_str(Raw::text(value)).ok()));
            }
        }
        let read = serde_json::from_value::<EventSelectors>(Json::Object(object)).ok();
        Some(read.and_then(|selectors| selectors_slot(&selectors)).unwrap_or(Slot::Unread))
    }

    pub(super) fn logging_change(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        if !WEAKENING.contains(&self.name.as_ref()) {
            return;
        }
        let subject = self.recorder();
        // A change that does not touch what is recorded makes no fact.
        let keys = self.recorder_keys();
        if keys.is_empty() {
            return;
        }
        let unread = Why::NotInRecord;
        let body = LoggingChange {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            recorder: Reading::Known(Cow::Borrowed(subject.kind)),
            account: text(subject.account.clone()),
            region: text(self.region.clone()),
            action: Reading::Known(self.name.clone()),
            weakened: Reading::Unread(unread),
            lost: Reading::Unread(unread),
            recording_before: Reading::Known(Cow::Borrowed("not_known")),
        };
        let part = timeline::recorder_part(&keys);
        emit(&self.fact(subject, Origin::Change, part, Body::LoggingChange(Box::new(body))));
    }
}

impl Table<'_, '_, '_> {
    pub(super) fn recorder(&mut self) {
        let subject = self.reader.recorder();
        let keys = self.reader.recorder_keys();
        let act = match self.reader.name.as_ref() {
            "CreateTrail" | "CreateEventDataStore" | "DeleteTrail" => Act::Replace(keys),
            _ => Act::Set(keys),
        };
        self.on(&subject, Facet::Recorder, act);
    }
}

/// The value of selectors on the timeline, the same however they were read; `None` if there are none to read.
pub(in crate::facts) fn selectors_slot(selectors: &EventSelectors) -> Option<Slot> {
    serde_json::to_string(&logging::normal(selectors)?).ok().map(Slot::text)
}

fn no_selectors() -> (Box<str>, Slot) {
    let none = EventSelectors { event_selectors: Some(Vec::new()), advanced_event_selectors: None };
    ("selectors".into(), selectors_slot(&none).unwrap_or(Slot::Unread))
}

/// Members as the API spells them, from members as records spell them.
fn pascal(value: Option<Json>) -> Json {
    match value {
        Some(Json::Array(items)) => items.into_iter().map(|item| pascal(Some(item))).collect(),
        Some(Json::Object(members)) => {
            let member = |(key, value): (String, Json)| {
                let mut letters = key.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                (first.into_iter().chain(letters).collect::<String>(), pascal(Some(value)))
            };
            Json::Object(members.into_iter().map(member).collect())
        }
        Some(value) => value,
        // Not read: no list, which the shape asks for.
        None => Json::Bool(false),
    }
}
