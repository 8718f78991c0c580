//! CloudTrail's lookup history, as strict as AWS's: at most one attribute, matched exactly; 50 records a page, newest
//! first; management events of 90 days; a token that is good for the same question only.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::{Answer, Asked, FaultKind};

const KEYS: [&str; 8] = [
    "EventId",
    "EventName",
    "ReadOnly",
    "Username",
    "ResourceType",
    "ResourceName",
    "EventSource",
    "AccessKeyId",
];
const DAYS: f64 = 90.0;

#[derive(Debug, Clone)]
struct Event {
    time: i64,
    id: String,
    name: String,
    source: String,
    record: Value,
}

/// Records by account and region, newest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    events: BTreeMap<(String, String), Vec<Event>>,
    /// The present: seconds since 1970. `None`: the age of records does not matter.
    pub now: Option<i64>,
}

impl History {
    /// Of all trail files below a directory.
    pub fn below(directory: &Path) -> Self {
        let mut history = History::default();
        let mut open = vec![directory.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut text = Vec::new();
            match path.extension().and_then(|name| name.to_str()) {
                Some("gz") => {
                    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
                }
                Some("json") => text = bytes,
                _ => continue,
            }
            let text: Value = serde_json::from_slice(&text).unwrap();
            text["Records"].as_array().into_iter().flatten().for_each(|record| history.add(record.clone()));
        }
        history.sort();
        history
    }

    /// Adds a record; data events are in no lookup history.
    pub fn add(&mut self, record: Value) {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        if text("eventCategory") != "Management" {
            return;
        }
        let time: jiff::Timestamp = text("eventTime").parse().unwrap();
        let event = Event {
            time: time.as_second(),
            id: text("eventID"),
            name: text("eventName"),
            source: text("eventSource"),
            record: record.clone(),
        };
        self.events.entry((text("recipientAccountId"), text("awsRegion"))).or_default().push(event);
    }

    pub fn sort(&mut self) {
        for events in self.events.values_mut() {
            events.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
            // A trail may deliver a record twice; the history has it once.
            events.dedup_by(|a, b| a.id == b.id);
        }
    }

    pub fn len(&self) -> usize {
        self.events.values().map(Vec::len).sum()
    }

    pub fn answer(&self, asked: &Asked, page: Option<usize>, odd: Option<FaultKind>) -> Answer {
        let refused = |code: &str| Answer::refused(asked, 400, code, "the request is not valid");
        let body: Value = serde_json::from_str(asked.resource.as_deref().unwrap_or("{}")).unwrap();
        let known = ["LookupAttributes", "StartTime", "EndTime", "EventCategory", "MaxResults", "NextToken"];
        if body.as_object().unwrap().keys().any(|key| !known.contains(&key.as_str())) {
            return refused("ValidationException");
        }
        let attributes = body["LookupAttributes"].as_array().cloned().unwrap_or_default();
        if attributes.len() > 1 {
            return refused("InvalidLookupAttributesException");
        }
        let attribute =
            attributes.first().map(|one| (one["AttributeKey"].clone(), one["AttributeValue"].clone()));
        let (key, value) = match &attribute {
            None => (None, String::new()),
            Some((key, value)) => match (key.as_str(), value.as_str()) {
                (Some(key), Some(value)) if KEYS.contains(&key) && (1..=2000).contains(&value.len()) => {
                    (Some(key), value.to_owned())
                }
                _ => return refused("InvalidLookupAttributesException"),
            },
        };
        let most = match body.get("MaxResults") {
            None => 50,
            Some(most) => match most.as_u64() {
                Some(most) if (1..=50).contains(&most) => most as usize,
                _ => return refused("InvalidMaxResultsException"),
            },
        };
        let most = page.unwrap_or(most).min(most);
        let time = |name: &str| body.get(name).map(|time| time.as_f64().unwrap_or(f64::NAN));
        let (from, to) = (time("StartTime"), time("EndTime"));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return refused("InvalidTimeRangeException");
        }
        let oldest = self.now.map_or(f64::MIN, |now| now as f64 - DAYS * 86_400.0);
        let from = from.unwrap_or(f64::MIN).max(oldest);
        let to = to.unwrap_or(f64::MAX);
        let text = |record: &Value, pointer: &str| {
            record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let is_asked = |event: &&Event| {
            let at = event.time as f64;
            let record = &event.record;
            let is = match key {
                None => true,
                Some("EventName") => event.name == value,
                Some("EventSource") => event.source == value,
                Some("EventId") => event.id == value,
                Some("ReadOnly") => record["readOnly"].as_bool().is_some_and(|is| is.to_string() == value),
                Some("AccessKeyId") => text(record, "/userIdentity/accessKeyId") == value,
                Some("Username") => text(record, "/userIdentity/userName") == value,
                Some(_) => false,
            };
            is && from <= at && at <= to
        };
        let place = (asked.account.clone(), asked.region.clone());
        let mut all: Vec<&Event> = self.events.get(&place).into_iter().flatten().filter(is_asked).collect();
        if odd == Some(FaultKind::Reversed) {
            all.reverse();
        }
        // The token belongs to the question: all of it but the token itself.
        let mut question = body.clone();
        question.as_object_mut().unwrap().remove("NextToken");
        let bound = question.to_string();
        let start = match asked.token.as_deref() {
            None => 0,
            Some(token) => match token.split_once('|').map(|(at, of)| (at.parse::<usize>(), of)) {
                Some((Ok(at), of)) if of == bound && at < all.len() => at,
                _ => return refused("InvalidNextTokenException"),
            },
        };
        let overlap = if odd == Some(FaultKind::Overlap) { start.min(7) } else { 0 };
        let shown = all.iter().skip(start - overlap).take(most + overlap);
        let events: Vec<Value> = shown.map(|event| entry(event)).collect();
        let mut answer = json!({"Events": events});
        if start + most < all.len() {
            answer["NextToken"] = Value::from(format!("{}|{bound}", start + most));
        }
        Answer::json(&answer)
    }
}

fn entry(event: &Event) -> Value {
    json!({
        "EventId": event.id,
        "EventName": event.name,
        "EventSource": event.source,
        "EventTime": event.time as f64,
        "ReadOnly": event.record["readOnly"].as_bool().unwrap_or(false).to_string(),
        "Resources": [],
        "CloudTrailEvent": event.record.to_string(),
    })
}
