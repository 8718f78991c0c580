//! A fact of a record that is complete only when all records have been read, kept until then.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::schema::{FieldAccess, Origin};
use super::{Body, Event, Fact, Place, Subject, kind, plain};
use crate::timeline::{History, Moment, Question};
use crate::value::{OwnedValue, Value, Why};

/// Plain data: what is kept of one file can be kept for longer, and put together later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenFact {
    kind: String,
    values: Vec<OwnedValue>,
    subject: OpenSubject,
    #[serde(with = "plain::shared_string")]
    file: String,
    offset: u64,
    event_id: Option<String>,
    time: i64,
    part: String,
    question: Question,
    /// The account whose trail it is.
    pub owner: Option<String>,
    /// The region its record is of.
    pub home: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OpenSubject {
    arn: Option<String>,
    kind: String,
    name: String,
    account: Option<String>,
    region: Option<String>,
}

/// The kinds of subjects that open facts have.
const SUBJECTS: [&str; 5] = ["function", "function_version", "alias", "trail", "event_data_store"];

impl OpenFact {
    /// `None`: the fact is complete as it is.
    pub fn of(fact: &Fact<'_>, owner: Option<&str>, home: Option<&str>) -> Option<Self> {
        let question = Question::of(fact)?;
        let Place::Event(event) = &fact.place else { return None };
        let fields: &dyn FieldAccess = fact.body.fields();
        let text = |part: &Option<Cow<'_, str>>| part.as_deref().map(str::to_owned);
        let subject: &Subject<'_> = &fact.subject;
        Some(OpenFact {
            kind: fields.kind().name.to_owned(),
            values: (0..fields.kind().fields.len()).map(|index| fields.value(index).to_owned()).collect(),
            subject: OpenSubject {
                arn: text(&subject.arn),
                kind: subject.kind.to_owned(),
                name: subject.name.to_string(),
                account: text(&subject.account),
                region: text(&subject.region),
            },
            file: event.file.to_owned(),
            offset: event.offset,
            event_id: event.id.map(str::to_owned),
            time: event.time,
            part: fact.part.clone(),
            question,
            owner: owner.map(str::to_owned),
            home: home.map(str::to_owned),
        })
    }

    /// The fact, complete.
    pub fn close(&self, history: &History<'_>) -> Option<Fact<'_>> {
        let declared = kind(&self.kind)?;
        let moment = Moment::new(self.time, self.event_id.as_deref(), &self.file, self.offset);
        let mut values = self.values.clone();
        for (field, value) in self.question.answer(history, &moment) {
            *values.get_mut(declared.field(field)?)? = value;
        }
        let text = |part: &Option<String>| part.clone().map(Cow::Owned);
        let subject = Subject {
            arn: text(&self.subject.arn),
            kind: SUBJECTS.into_iter().find(|kind| *kind == self.subject.kind).unwrap_or("function"),
            name: Cow::Owned(self.subject.name.clone()),
            account: text(&self.subject.account),
            region: text(&self.subject.region),
        };
        let event =
            Event { file: &self.file, offset: self.offset, id: self.event_id.as_deref(), time: self.time };
        Some(Fact {
            subject: subject.into(),
            origin: Origin::Change,
            place: Place::Event(event),
            part: self.part.clone(),
            body: Body::of_values(&self.kind, values)?,
        })
    }

    /// Time, eventID, file and offset of its record.
    pub fn record(&self) -> (i64, Option<&str>, &str, u64) {
        (self.time, self.event_id.as_deref(), &self.file, self.offset)
    }
}

impl Value<'_> {
    /// A copy that owns its data.
    pub fn to_owned(self) -> OwnedValue {
        match self {
            Value::Absent => OwnedValue::Absent,
            Value::Unread(why) => OwnedValue::Unread(why),
            Value::Bool(value) => OwnedValue::Bool(value),
            Value::Int(value) => OwnedValue::Int(value),
            Value::Text(text) => OwnedValue::Text(text.into()),
            Value::List(list) => OwnedValue::List(crate::value::TextList {
                items: list.items.iter().map(|item| Cow::Owned(item.to_string())).collect(),
                incomplete: list.incomplete,
            }),
        }
    }
}

impl Body<'static> {
    /// A body from its fields' values in the order of the declaration; `None` for kinds whose facts are never open.
    fn of_values(kind: &str, values: Vec<OwnedValue>) -> Option<Self> {
        fn filled<K: super::schema::FieldSet>(mut fact: K, values: Vec<OwnedValue>) -> Option<Box<K>> {
            for (index, value) in values.into_iter().enumerate() {
                fact.set(index, value).ok()?;
            }
            Some(Box::new(fact))
        }
        let why = Why::NotInRecord;
        Some(match kind {
            "layer_use" => Body::LayerUse(filled(super::LayerUse::unread(why), values)?),
            "function" => Body::Function(filled(super::Function::unread(why), values)?),
            "logging_change" => Body::LoggingChange(filled(super::LoggingChange::unread(why), values)?),
            _ => return None,
        })
    }
}
