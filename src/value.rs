//! Values as predicates see them, and why one could not be read.
//!
//! *Absent* (read, and not there) and *unread* (not read) are different values. Neither is ever a default.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a field could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// AWS refused the call that reads it.
    Denied,
    /// AWS throttled the call until the collector gave up.
    Throttled,
    /// The call failed for another reason.
    Failed,
    /// What was read does not parse.
    Malformed,
    /// Nobody asked: the part is not in the snapshot, or the surface was not given.
    NotCollected,
    /// The trail record does not say.
    NotInRecord,
    /// It needs history that was not read.
    HistoryGap,
}

impl Why {
    /// All reasons, in the order of the documentation.
    pub const ALL: [Why; 7] = [
        Why::Denied,
        Why::Throttled,
        Why::Failed,
        Why::Malformed,
        Why::NotCollected,
        Why::NotInRecord,
        Why::HistoryGap,
    ];

    /// The word used in reports and in policy test cases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::Denied => "denied",
            Why::Throttled => "throttled",
            Why::Failed => "failed",
            Why::Malformed => "malformed",
            Why::NotCollected => "not_collected",
            Why::NotInRecord => "not_in_record",
            Why::HistoryGap => "history_gap",
        }
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field of a fact: known, read and not there, or not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    Known(T),
    Absent,
    Unread(Why),
}

impl<T> Reading<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Reading::Known(value) => Some(value),
            Reading::Absent | Reading::Unread(_) => None,
        }
    }

    /// `Some` is known, `None` is unread for the given reason.
    pub fn or_unread(value: Option<T>, why: Why) -> Self {
        value.map_or(Reading::Unread(why), Reading::Known)
    }

    /// `Some` is known, `None` is absent.
    pub fn or_absent(value: Option<T>) -> Self {
        value.map_or(Reading::Absent, Reading::Known)
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Reading::Known(value) => Reading::Known(f(value)),
            Reading::Absent => Reading::Absent,
            Reading::Unread(why) => Reading::Unread(why),
        }
    }
}

/// A list of texts that knows whether it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TextList<'a> {
    pub items: Vec<Cow<'a, str>>,
    /// `Some`: more elements may exist, and this is why they could not be read.
    pub incomplete: Option<Why>,
}

impl<'a> TextList<'a> {
    pub fn complete(items: impl IntoIterator<Item = impl Into<Cow<'a, str>>>) -> Self {
        TextList { items: items.into_iter().map(Into::into).collect(), incomplete: None }
    }
}

/// What a predicate gets when it reads a field. Borrowed: reading a field never allocates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Absent,
    Unread(Why),
    Bool(bool),
    Int(i64),
    Text(&'a str),
    List(&'a TextList<'a>),
}

/// A value that owns its data, as policy test cases and parameters give it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OwnedValue {
    Absent,
    Unread(Why),
    Bool(bool),
    Int(i64),
    Text(String),
    List(TextList<'static>),
}

impl OwnedValue {
    pub fn view(&self) -> Value<'_> {
        match self {
            OwnedValue::Absent => Value::Absent,
            OwnedValue::Unread(why) => Value::Unread(*why),
            OwnedValue::Bool(value) => Value::Bool(*value),
            OwnedValue::Int(value) => Value::Int(*value),
            OwnedValue::Text(value) => Value::Text(value),
            OwnedValue::List(value) => Value::List(value),
        }
    }
}

/// The result of a predicate: Kleene's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    /// False if one is, else unknown if one is; true of none.
    pub fn all(truths: impl IntoIterator<Item = Truth>) -> Self {
        let mut all = Truth::True;
        for one in truths {
            match one {
                Truth::False => return Truth::False,
                Truth::Unknown => all = Truth::Unknown,
                Truth::True => {}
            }
        }
        all
    }

    /// The same as what was read; unknown is unread for this reason.
    pub fn reading(self, unknown: Why) -> Reading<bool> {
        match self {
            Truth::True => Reading::Known(true),
            Truth::False => Reading::Known(false),
            Truth::Unknown => Reading::Unread(unknown),
        }
    }

    /// True if one is, else unknown if one is; false of none.
    pub fn any(truths: impl IntoIterator<Item = Truth>) -> Self {
        !Truth::all(truths.into_iter().map(|one| !one))
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::True } else { Truth::False }
    }
}
