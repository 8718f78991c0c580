//! What each change event does to the timeline: the table from events to effects.
//!
//! What a record sets is read by the same code that makes its facts. A record that does not say what it changed, or
//! whether it did, leaves open what stands there. Parameter names: the API's members, first letter lower-cased.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

use std::borrow::Cow;

use super::{CLOUDTRAIL, LAMBDA, Reader, Wanted, recorders};
use crate::facts::{Fact, Subject};
use crate::timeline::{self, Act, Deed, Facet, Keys, Line, Moment, Slot, Target, Timeline};
use crate::trail::{Field, Raw, RawKind, TrailRecord};

use super::{RecordContext, RecordFile};

/// Adds what one record changed of what the wanted facts are about.
pub fn effects_of(
    record: &TrailRecord<'_>,
    file: RecordFile<'_>,
    wanted: Wanted,
    cx: RecordContext<'_>,
    timeline: &mut Timeline,
) {
    let source = record.event_source();
    if !is_change(&source, &record.canonical_name()) {
        return;
    }
    let done = match record.error_code() {
        Field::Absent => true,
        // Refused: nothing changed.
        Field::Known(_) => return,
        Field::Unread => false,
    };
    let reader = Reader::new(record, file, cx);
    let event_id = reader.event_id.as_deref();
    let moment = Moment::new(record.event_time(), event_id, file.path, record.offset());
    let mut table = Table { reader: &reader, wanted, done, moment, step: 0, timeline };
    if source == LAMBDA {
        table.lambda();
    } else if wanted.logging_change {
        table.recorder();
    }
}

/// Whether an event has effects.
pub(crate) fn is_change(source: &str, name: &str) -> bool {
    match source {
        LAMBDA => LAMBDA_CHANGES.binary_search(&name).is_ok(),
        CLOUDTRAIL => recorders::CHANGES.binary_search(&name).is_ok(),
        _ => false,
    }
}

const LAMBDA_CHANGES: [&str; 21] = [
    "AddLayerVersionPermission",
    "AddPermission",
    "CreateEventSourceMapping",
    "CreateFunction",
    "CreateFunctionUrlConfig",
    "DeleteAlias",
    "DeleteEventSourceMapping",
    "DeleteFunction",
    "DeleteFunctionEventInvokeConfig",
    "DeleteFunctionUrlConfig",
    "DeleteLayerVersion",
    "DeleteResourcePolicy",
    "PutFunctionEventInvokeConfig",
    "PutResourcePolicy",
    "RemoveLayerVersionPermission",
    "RemovePermission",
    "UpdateEventSourceMapping",
    "UpdateFunctionCode",
    "UpdateFunctionConfiguration",
    "UpdateFunctionEventInvokeConfig",
    "UpdateFunctionUrlConfig",
];

/// The events that have effects on what these facts are about, by the endpoint of their service: whoever asks for
/// records by name must ask for all of them, or what was undone would look as if it still stood.
pub(crate) fn change_names(wanted: Wanted) -> Vec<(&'static str, &'static str)> {
    let of = |name: &str| match name {
        "AddLayerVersionPermission"
        | "AddPermission"
        | "DeleteLayerVersion"
        | "DeleteResourcePolicy"
        | "PutResourcePolicy"
        | "RemoveLayerVersionPermission"
        | "RemovePermission" => wanted.grant,
        "CreateFunctionUrlConfig" | "DeleteFunctionUrlConfig" | "UpdateFunctionUrlConfig" => {
            wanted.function_url
        }
        "CreateEventSourceMapping" | "DeleteEventSourceMapping" | "UpdateEventSourceMapping" => {
            wanted.event_source
        }
        "DeleteFunctionEventInvokeConfig"
        | "PutFunctionEventInvokeConfig"
        | "UpdateFunctionEventInvokeConfig" => wanted.function,
        // Code and configuration say which layers and which role a function has, and nothing of its policies.
        "UpdateFunctionCode" | "UpdateFunctionConfiguration" => wanted.layer_use || wanted.function,
        // A function that is made, or gone, has nothing of before.
        _ => wanted.grant || wanted.function_url || wanted.layer_use || wanted.function,
    };
    let lambda = LAMBDA_CHANGES.into_iter().filter(|name| of(name)).map(|name| (LAMBDA, name));
    let recorders = recorders::CHANGES.into_iter().filter(|_| wanted.logging_change);
    lambda.chain(recorders.map(|name| (CLOUDTRAIL, name))).collect()
}

pub(super) struct Table<'t, 'r, 'a> {
    pub(super) reader: &'t Reader<'r, 'a>,
    wanted: Wanted,
    /// It is known that the call was not refused.
    done: bool,
    moment: Moment,
    step: u8,
    timeline: &'t mut Timeline,
}

/// A parameter of the record.
fn parameter<'a>(reader: &Reader<'_, 'a>, path: &[&str]) -> Field<Raw<'a>> {
    reader.record.request_parameter(path)
}

impl<'a> Table<'_, '_, 'a> {
    fn lambda(&mut self) {
        let wanted = self.wanted;
        match self.reader.name.as_ref() {
            "AddPermission" | "AddLayerVersionPermission" if wanted.grant => self.statement_added(),
            "RemovePermission" | "RemoveLayerVersionPermission" if wanted.grant => self.statement_removed(),
            "PutResourcePolicy" if wanted.grant => self.policy_put(),
            "DeleteResourcePolicy" if wanted.grant => {
                let subject = self.reader.policy_subject();
                self.on(&subject, Facet::Policy, Act::Replace(Keys::new()));
            }
            "DeleteLayerVersion" if wanted.grant => {
                let (subject, _) = self.reader.layer_subject();
                self.on(&subject, Facet::Policy, Act::Replace(Keys::new()));
            }
            "CreateFunctionUrlConfig" | "UpdateFunctionUrlConfig" if wanted.function_url => self.url(),
            "DeleteFunctionUrlConfig" if wanted.function_url => {
                let function = self.reader.record.function();
                let qualifier = function.qualifier.known().cloned();
                let subject = self.reader.function_subject(&function, qualifier.as_deref());
                self.on(&subject, Facet::Url, Act::Replace(Keys::new()));
            }
            "CreateEventSourceMapping" | "UpdateEventSourceMapping" | "DeleteEventSourceMapping"
                if wanted.event_source =>
            {
                self.mapping();
            }
            "CreateFunction" => {
                self.all(None, Act::Replace(Keys::new()));
                self.configured();
            }
            "UpdateFunctionConfiguration" => self.configured(),
            "UpdateFunctionCode" => self.shown(),
            "DeleteFunction" => self.deleted(),
            "DeleteAlias" => match parameter(self.reader, &["name"]) {
                Field::Known(alias) => {
                    let alias = alias.as_str().map(|alias| alias.as_ref().into());
                    let act = if alias.is_some() { Act::Replace(Keys::new()) } else { Act::Unread };
                    self.all(alias, act);
                }
                Field::Absent | Field::Unread => self.all(None, Act::Unread),
            },
            "PutFunctionEventInvokeConfig"
            | "UpdateFunctionEventInvokeConfig"
            | "DeleteFunctionEventInvokeConfig"
                if wanted.function =>
            {
                self.invoke_config();
            }
            _ => {}
        }
    }

    fn effect(&mut self, target: Target, scope: Option<Box<str>>, facet: Option<Facet>, act: Act) {
        // Whether it happened at all is not known.
        let act = match act {
            act if self.done => act,
            _ => Act::Unread,
        };
        let when = (self.moment.clone(), self.step);
        self.step = self.step.saturating_add(1);
        self.timeline.add(target, when, Deed { scope, facet, act });
    }

    fn somewhere(&self) -> Target {
        Target::Somewhere {
            account: self.reader.account.as_deref().map(str::to_owned),
            region: self.reader.region.as_deref().map(str::to_owned),
        }
    }

    /// On one facet of a subject; where the record does not say which subject, of any.
    pub(super) fn on(&mut self, subject: &Subject<'_>, facet: Facet, act: Act) {
        let Line { subject: name, scope, facet } = timeline::line(subject, facet);
        if super::is_unnamed(subject) {
            let act = if act == Act::Added { act } else { Act::Unread };
            self.effect(self.somewhere(), None, Some(facet), act);
            return;
        }
        self.effect(Target::Subject(name), Some(scope.into()), Some(facet), act);
    }

    /// On everything that a function has, in one scope or in all.
    fn all(&mut self, scope: Option<Box<str>>, act: Act) {
        let function = self.reader.record.function();
        let subject = self.reader.function_subject(&function, None);
        if super::is_unnamed(&subject) {
            for facet in Facet::OF_FUNCTION {
                self.effect(self.somewhere(), None, Some(facet), Act::Unread);
            }
            return;
        }
        let line = timeline::line(&subject, Facet::Policy);
        self.effect(Target::Subject(line.subject), scope, None, act);
    }

    fn deleted(&mut self) {
        let function = self.reader.record.function();
        match &function.qualifier {
            Field::Known(version) => {
                let version = Some(version.as_ref().into());
                self.all(version, Act::Replace(Keys::new()));
            }
            Field::Absent => self.all(None, Act::Replace(Keys::new())),
            Field::Unread => self.all(None, Act::Unread),
        }
    }

    /// The statements that the record's own facts show.
    fn statements(&self) -> (Subject<'static>, Option<Keys>) {
        let mut keys = Keys::new();
        let mut read = true;
        let mut subject = None;
        super::grants::grants(self.reader, &mut |fact: &Fact<'_>| {
            subject.get_or_insert_with(|| Subject::clone(&fact.subject).into_owned());
            match timeline::stands(fact) {
                Some((_, found)) => {
                    for (key, slot) in found {
                        timeline::merge(Facet::Policy, &mut keys, key, slot);
                    }
                }
                None => read = false,
            }
        });
        let subject = subject.unwrap_or_else(|| self.reader.policy_subject().into_owned());
        (subject, read.then_some(keys))
    }

    fn statement_added(&mut self) {
        let (subject, keys) = self.statements();
        let act = match (keys, self.reader.parameter("statementId")) {
            (Some(keys), _) => Act::Set(keys),
            (None, Some(sid)) => Act::Set(vec![(sid.as_ref().into(), Slot::Unread)]),
            (None, None) => Act::Added,
        };
        self.on(&subject, Facet::Policy, act);
    }

    fn policy_put(&mut self) {
        let (subject, keys) = self.statements();
        // A policy whose facts are none grants nothing: it parses, and has no statement.
        self.on(&subject, Facet::Policy, keys.map_or(Act::Unread, Act::Replace));
    }

    fn statement_removed(&mut self) {
        let subject = if self.reader.name.starts_with("RemoveLayer") {
            self.reader.layer_subject().0
        } else {
            let function = self.reader.record.function();
            let qualifier = function.qualifier.known().cloned();
            self.reader.function_subject(&function, qualifier.as_deref())
        };
        let act = match self.reader.parameter("statementId") {
            Some(sid) => Act::Set(vec![(sid.as_ref().into(), Slot::Absent)]),
            None => Act::Unread,
        };
        self.on(&subject, Facet::Policy, act);
    }

    fn url(&mut self) {
        let mut found = None;
        self.reader.url(&mut |fact| {
            found =
                timeline::stands(fact).map(|(_, keys)| (Subject::clone(&fact.subject).into_owned(), keys));
        });
        let Some((subject, keys)) = found else { return };
        if self.reader.name.starts_with("Create") {
            self.on(&subject, Facet::Url, Act::Replace(keys));
            return;
        }
        let said = |key: &str| {
            let name = if key == "cors" { "cors" } else { "authType" };
            // Neither in the answer nor in the parameters: it stays what it was.
            self.reader.set(&[name]) != Field::Absent
                || (key == "cors" && self.reader.record.response_elements().known().is_some())
        };
        let keys = keys.into_iter().filter(|(key, _)| said(key)).collect();
        self.on(&subject, Facet::Url, Act::Set(keys));
    }

    fn mapping(&mut self) {
        let mut found = None;
        self.reader.mapping(&mut |fact| {
            found =
                timeline::stands(fact).map(|(_, keys)| (Subject::clone(&fact.subject).into_owned(), keys));
        });
        let Some((subject, keys)) = found else { return };
        if subject.kind != "event_source_mapping" {
            // Which mapping it is, the record does not say.
            let act = if self.reader.name.starts_with("Create") { Act::Added } else { Act::Unread };
            self.effect(self.somewhere(), None, Some(Facet::Mapping), act);
            return;
        }
        let act = match self.reader.name.as_ref() {
            "DeleteEventSourceMapping" => Act::Replace(Keys::new()),
            "CreateEventSourceMapping" => Act::Replace(keys),
            _ => {
                let told = self.reader.record.request_parameters().known().is_some();
                // What parameters that are there do not mention stays what it was.
                Act::Set(keys.into_iter().filter(|(_, slot)| !told || *slot != Slot::Unread).collect())
            }
        };
        self.on(&subject, Facet::Mapping, act);
    }

    /// A function's layers, role and dead-letter target, as far as the record sets them.
    fn configured(&mut self) {
        let function = self.reader.record.function();
        let subject = self.reader.function_subject(&function, None);
        if self.wanted.layer_use {
            match self.reader.attached() {
                Field::Absent => {}
                Field::Known(layers) => {
                    let mut unread = false;
                    let mut keys = Keys::new();
                    for layer in layers {
                        match layer {
                            Some(layer) => keys.push((layer.as_ref().into(), Slot::text(""))),
                            None => unread = true,
                        }
                    }
                    self.on(&subject, Facet::Layers, Act::Replace(keys));
                    if unread {
                        self.on(&subject, Facet::Layers, Act::Added);
                    }
                }
                Field::Unread => self.on(&subject, Facet::Layers, Act::Unread),
            }
        }
        if self.wanted.function {
            self.role();
            let dead_letter = self.target(&["deadLetterConfig", "targetArn"]);
            let named = parameter(self.reader, &["deadLetterConfig"]);
            let slot = match (dead_letter, named) {
                // Mentioned without a target: there is none any more.
                (Field::Absent, Field::Known(_)) => Some(Slot::Absent),
                (Field::Absent, _) => None,
                (Field::Known(slot), _) => Some(slot),
                (Field::Unread, _) => Some(Slot::Unread),
            };
            if let Some(slot) = slot {
                self.on(&subject, Facet::Destinations, Act::Set(vec![("dead_letter".into(), slot)]));
            }
        }
    }

    /// What the answer to another change shows of the function's role and layers. What it does not show may be there.
    fn shown(&mut self) {
        if self.wanted.function {
            self.role();
        }
        let layers = self.reader.record.response_elements().known().and_then(|answer| answer.get("layers"));
        if self.wanted.layer_use
            && let Some(layers) = layers.filter(|layers| layers.kind() == RawKind::Array)
        {
            let function = self.reader.record.function();
            let subject = self.reader.function_subject(&function, None);
            let arns = layers.items().into_iter().map(|layer| layer.get("arn").and_then(Raw::as_str));
            let keys: Option<Keys> = arns.map(|arn| Some((arn?.as_ref().into(), Slot::text("")))).collect();
            self.on(&subject, Facet::Layers, keys.map_or(Act::Unread, Act::Replace));
        }
    }

    /// The role that the record sets, or shows.
    fn role(&mut self) {
        let function = self.reader.record.function();
        let subject = self.reader.function_subject(&function, None);
        let slot = match self.reader.set_text(&["role"]) {
            Field::Known(role) => Slot::text(role.as_ref()),
            // It stays what it was.
            Field::Absent => return,
            Field::Unread if self.reader.name == "UpdateFunctionCode" => return,
            Field::Unread => Slot::Unread,
        };
        self.on(&subject, Facet::Role, Act::Set(vec![("role".into(), slot)]));
    }

    fn target(&self, path: &[&str]) -> Field<Slot> {
        match parameter(self.reader, path) {
            Field::Known(target) => Field::Known(match target.as_str() {
                Some(target) if target.is_empty() => Slot::Absent,
                Some(target) => Slot::text(target.as_ref()),
                None => Slot::Unread,
            }),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        }
    }

    /// Destinations of asynchronous calls, of the function or of one qualifier.
    fn invoke_config(&mut self) {
        let function = self.reader.record.function();
        let subject = self.reader.function_subject(&function, None);
        let qualifier: Cow<'_, str> = match &function.qualifier {
            Field::Known(qualifier) => qualifier.clone(),
            Field::Absent => "$LATEST".into(),
            Field::Unread => {
                self.on(&subject, Facet::Destinations, Act::Unread);
                return;
            }
        };
        let whole = !self.reader.name.starts_with("Update");
        let deleted = self.reader.name.starts_with("Delete");
        let mut keys = Keys::new();
        for (key, member) in [("success", "onSuccess"), ("failure", "onFailure")] {
            let slot = match self.target(&["destinationConfig", member, "destination"]) {
                _ if deleted => Slot::Absent,
                Field::Known(slot) => slot,
                Field::Absent if whole || self.mentions(&["destinationConfig", member]) => Slot::Absent,
                Field::Absent => continue,
                Field::Unread => Slot::Unread,
            };
            keys.push((format!("{qualifier} {key}").into(), slot));
        }
        self.on(&subject, Facet::Destinations, Act::Set(keys));
    }

    fn mentions(&self, path: &[&str]) -> bool {
        match parameter(self.reader, path) {
            Field::Known(value) => value.kind() == RawKind::Object,
            Field::Absent | Field::Unread => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_is_sorted() {
        assert!(super::LAMBDA_CHANGES.is_sorted());
        assert!(super::recorders::CHANGES.is_sorted());
    }
}
