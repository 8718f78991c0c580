//! What a fact leaves open until the whole timeline is known: what stood before its change.

use serde::{Deserialize, Serialize};

use super::{Facet, History, Line, Moment, line};
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact};
use crate::value::{OwnedValue, Reading};

/// Something asked of the time before a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// `before`: did the key stand there?
    Presence { line: Line, key: String },
    /// `previous_role`: what stood under the key?
    PreviousRole { line: Line },
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
                    Reading::Absent => OwnedValue::Unread(crate::value::Why::HistoryGap),
                    Reading::Unread(why) => OwnedValue::Unread(why),
                };
                vec![("previous_role", value)]
            }
        }
    }
}
