//! A fact of a record that is complete only when all records have been read, kept until then.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::schema::{FieldAccess, Origin};
use super::{Body, Event, Fact, Place, Subject, kind, plain};
use crate::moment::{EventId, Moment};
use crate::texts::Kept;
use crate::timeline::{History, Question};
use crate::value::{OwnedValue, Value, Why};

/// Plain data: what is kept of one file can be kept for longer, and put together later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenFact {
    #[serde(with = "plain::counted")]
    what: Arc<What>,
    #[serde(with = "plain::shared")]
    file: Arc<str>,
    offset: u64,
    event_id: Option<EventId>,
    time: i64,
}

/// What many of them have in common: the same change is made again and again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct What {
    kind: Box<str>,
    values: Box<[OwnedValue]>,
    subject: OpenSubject,
    part: Box<str>,
    question: Question,
    owner: Option<Box<str>>,
    home: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct OpenSubject {
    arn: Option<Box<str>>,
    kind: Box<str>,
    name: Box<str>,
    account: Option<Box<str>>,
    region: Option<Box<str>>,
}

/// What open facts that were met before have in common, each kept once.
#[derive(Debug, Clone, Default)]
pub struct Opened(Kept<What>);

/// The kinds of subjects that open facts have.
const SUBJECTS: [&str; 5] = ["function", "function_version", "alias", "trail", "event_data_store"];

impl OpenFact {
    /// `None`: the fact is complete as it is. `file`: its record's.
    pub fn of(
        fact: &Fact<'_>,
        file: &Arc<str>,
        (owner, home): (Option<&str>, Option<&str>),
        opened: &mut Opened,
    ) -> Option<Self> {
        let question = Question::of(fact)?;
        let Place::Event(event) = &fact.place else { return None };
        let fields: &dyn FieldAccess = fact.body.fields();
        let text = |part: &Option<Cow<'_, str>>| part.as_deref().map(Box::from);
        let subject: &Subject<'_> = &fact.subject;
        let what = What {
            kind: fields.kind().name.into(),
            values: (0..fields.kind().fields.len()).map(|index| fields.value(index).to_owned()).collect(),
            subject: OpenSubject {
                arn: text(&subject.arn),
                kind: subject.kind.into(),
                name: (*subject.name).into(),
                account: text(&subject.account),
                region: text(&subject.region),
            },
            part: fact.part.as_str().into(),
            question,
            owner: owner.map(Box::from),
            home: home.map(Box::from),
        };
        Some(OpenFact {
            what: opened.0.keep_own(what),
            file: Arc::clone(file),
            offset: event.offset,
            event_id: event.id.map(EventId::of),
            time: event.time,
        })
    }

    /// The account whose trail it is, and the region its record is of.
    pub fn place(&self) -> (Option<&str>, Option<&str>) {
        (self.what.owner.as_deref(), self.what.home.as_deref())
    }

    /// The fact, complete. `event_id`: its record's.
    pub fn close<'o>(&'o self, history: &History<'_>, event_id: Option<&'o str>) -> Option<Fact<'o>> {
        let What { kind: name, values, subject, part, question, owner: _, home: _ } = &*self.what;
        let declared = kind(name)?;
        let moment = Moment::new(self.time, event_id, &self.file, self.offset);
        let mut values = values.to_vec();
        for (field, value) in question.answer(history, &moment) {
            *values.get_mut(declared.field(field)?)? = value;
        }
        fn text(part: &Option<Box<str>>) -> Option<Cow<'_, str>> {
            part.as_deref().map(Cow::Borrowed)
        }
        let subject = Subject {
            arn: text(&subject.arn),
            kind: SUBJECTS.into_iter().find(|kind| *kind == &*subject.kind).unwrap_or("function"),
            name: Cow::Borrowed(&subject.name),
            account: text(&subject.account),
            region: text(&subject.region),
        };
        let event = Event { file: &self.file, offset: self.offset, id: event_id, time: self.time };
        Some(Fact {
            subject: subject.into(),
            origin: Origin::Change,
            place: Place::Event(event),
            part: part.to_string(),
            body: Body::of_values(name, values)?,
        })
    }

    /// The eventID of its record.
    pub fn event_id(&self) -> Option<String> {
        self.event_id.as_ref().map(EventId::text)
    }

    /// Time, file and offset of its record.
    pub fn record(&self) -> (i64, &str, u64) {
        (self.time, &self.file, self.offset)
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
