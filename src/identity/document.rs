//! A policy document, reduced to what is asked.

use std::borrow::Cow;

use super::questions::{Asked, Questions};
use crate::exposure::document::{self, Attached, Effect, Names, Sense};
use crate::exposure::json;
use crate::exposure::pattern::Work;

/// The statements of a document that say something about the [`Questions`]. Read once, however many hold it.
#[derive(Debug, Clone, Default)]
pub struct Document {
    pub(super) statements: Vec<Statement>,
    /// Something in it could not be read: it may allow or deny more than the statements say.
    pub(super) unread: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// `statement AllowAll`, or by its place: `statement 2`.
    pub(super) label: String,
    pub(super) effect: Effect,
    pub(super) asked: Asked,
    /// `Resource` or `NotResource`.
    pub(super) sense: Sense,
    pub(super) resources: Vec<String>,
    pub(super) conditions: Vec<Condition>,
}

/// One key of one operator.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
    fault: Option<&'static str>,
}

impl Document {
    /// Reads a document's JSON text. What cannot be read is remembered, never left out.
    pub fn read(text: &str, questions: &Questions) -> Self {
        let unread = Document { statements: Vec::new(), unread: true };
        let Ok(root) = json::parse(text) else { return unread };
        let Ok(read) = document::Document::read(&root, Attached::ToIdentity) else { return unread };
        let work = Work::new();
        let mut all = Document::default();
        for (at, statement) in read.statements.iter().enumerate() {
            let Ok(statement) = statement else {
                all.unread = true;
                continue;
            };
            let asked = questions.covered(&statement.actions, &work);
            if asked == 0 {
                continue;
            }
            let Some(resources) = statement.resources.as_ref().filter(|names| names.fault.is_none()) else {
                all.unread = true;
                continue;
            };
            all.statements.push(Statement::of(statement, at, asked, resources));
        }
        if work.exhausted() { unread } else { all }
    }
}

impl Statement {
    fn of(statement: &document::Statement<'_>, at: usize, asked: Asked, resources: &Names<'_>) -> Self {
        let condition = |one: &document::Condition<'_>| Condition {
            operator: one.operator.to_owned(),
            key: one.key.to_owned(),
            values: one.values.iter().map(|value| value.clone().into_owned()).collect(),
            fault: one.fault,
        };
        Statement {
            label: match statement.sid.filter(|sid| !sid.is_empty()) {
                Some(sid) => format!("statement {sid}"),
                None => format!("statement {}", at + 1),
            },
            effect: statement.effect,
            asked,
            sense: resources.sense,
            resources: resources.list.iter().map(|text| (*text).to_owned()).collect(),
            conditions: statement.conditions.iter().map(condition).collect(),
        }
    }

    pub(super) fn asks(&self, question: usize) -> bool {
        self.asked >> question & 1 == 1
    }
}

impl Condition {
    pub(super) fn written(&self) -> document::Condition<'_> {
        document::Condition {
            operator: &self.operator,
            key: &self.key,
            values: self.values.iter().map(|value| Cow::Borrowed(value.as_str())).collect(),
            span: 0..0,
            fault: self.fault,
        }
    }
}
