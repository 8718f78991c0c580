//! What a fact leaves open until the whole timeline is known: what stood before its change.

use serde::{Deserialize, Serialize};

use super::{Facet, History, Line, Moment, State, line};
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact};
use crate::logging::{self, Loss, RecorderState, Touched};
use crate::value::{OwnedValue, Reading, Why};

/// Something asked of the time before a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Question {
    /// `before`: did the key stand there?
    Presence { line: Line, key: String },
    /// `previous_role`: what stood under the key?
    PreviousRole { line: Line },
    /// `weakened`, `lost`, `recording_before`: does a trail or event data store record less than it did?
    Weakened { line: Line },
}

impl Question {
    /// What a fact of a change asks; `None`: it is complete.
    pub fn of(fact: &Fact<'_>) -> Option<Question> {
        if fact.origin != Origin::Change {
            return None;
        }
        match &fact.body {
            Body::LayerUse(layer) => {
                let key = layer.layer.known()?.to_string();
                let existing = layer.existing_function == Reading::Known(true);
                existing.then(|| Question::Presence { line: line(&fact.subject, Facet::Layers), key })
            }
            Body::Function(function) => {
                let asks = function.sets_role == Reading::Known(true)
                    && function.action.known().is_some_and(|action| action == "updated");
                asks.then(|| Question::PreviousRole { line: line(&fact.subject, Facet::Role) })
            }
            Body::LoggingChange(_) => Some(Question::Weakened { line: line(&fact.subject, Facet::Recorder) }),
            _ => None,
        }
    }

    /// The fields it decides, and their values.
    pub fn answer(&self, history: &History<'_>, moment: &Moment) -> Vec<(&'static str, OwnedValue)> {
        match self {
            Question::Presence { line, key } => {
                let before = history.state(line, moment, false);
                let word = match before.get(key) {
                    Reading::Known(_) => "present",
                    Reading::Absent => "absent",
                    Reading::Unread(_) => "not_known",
                };
                vec![("before", OwnedValue::Text(word.to_owned()))]
            }
            Question::PreviousRole { line } => {
                let value = match history.state(line, moment, false).get("role") {
                    Reading::Known(role) => OwnedValue::Text(role.to_owned()),
                    // A function has a role: where none is on the line, the record that set it was not read.
                    Reading::Absent => OwnedValue::Unread(Why::HistoryGap),
                    Reading::Unread(why) => OwnedValue::Unread(why),
                };
                vec![("previous_role", value)]
            }
            Question::Weakened { line } => weakened(history, line, moment),
        }
    }
}

fn weakened(history: &History<'_>, line: &Line, moment: &Moment) -> Vec<(&'static str, OwnedValue)> {
    let before = recorder(&history.state(line, moment, false));
    let after = recorder(&history.state(line, moment, true));
    let touched = Touched {
        multi_region: history.sets(line, moment, "multi_region"),
        organization: history.sets(line, moment, "organization"),
        selectors: history.sets(line, moment, "selectors"),
    };
    let (weakened, lost) = match logging::loss(&line.subject, &before, &after, touched) {
        Loss::Nothing => (OwnedValue::Bool(false), OwnedValue::Absent),
        Loss::Some(what) => (OwnedValue::Bool(true), OwnedValue::Text(what)),
        Loss::Unknown(why) => (OwnedValue::Unread(why), OwnedValue::Unread(why)),
    };
    let recording = match before.logging {
        Reading::Known(true) => "yes",
        Reading::Known(false) => "no",
        Reading::Absent | Reading::Unread(_) => "not_known",
    };
    let recording = OwnedValue::Text(recording.to_owned());
    vec![("weakened", weakened), ("lost", lost), ("recording_before", recording)]
}

/// A trail or event data store as its line has it.
fn recorder(state: &State) -> RecorderState {
    let flag = |key: &str| match state.get(key) {
        Reading::Known(value) => Reading::Known(value == "true" || value == "yes"),
        Reading::Absent => Reading::Unread(Why::NotInRecord),
        Reading::Unread(why) => Reading::Unread(why),
    };
    RecorderState {
        exists: flag("exists"),
        logging: flag("logging"),
        multi_region: flag("multi_region"),
        organization: flag("organization"),
        selectors: match state.get("selectors") {
            Reading::Known(text) => {
                serde_json::from_str(text).map_or(Reading::Unread(Why::Malformed), Reading::Known)
            }
            Reading::Absent => Reading::Unread(Why::NotInRecord),
            Reading::Unread(why) => Reading::Unread(why),
        },
    }
}
