//! What is asked of every user and role.

use std::ops::Range;

use crate::exposure::action::covers_name;
use crate::exposure::document::{Names, Sense};
use crate::exposure::pattern::{Work, has_wildcard};

/// A call that makes or empowers users and roles, or lifts what limits them, and what it is made on: `role`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamWrite {
    /// `AttachRolePolicy`
    pub action: String,
    pub resource_type: String,
}

/// Stands for every name that no policy can mention: a policy's text has no control characters.
pub(super) const UNNAMED: &str = "\u{1}";

/// Calls that let someone in, or change what a function does.
const CONTROL: [(&str, Target); 5] = [
    ("lambda:AddPermission", Target::Function),
    ("lambda:CreateEventSourceMapping", Target::Mapping),
    ("lambda:CreateFunctionUrlConfig", Target::Function),
    ("lambda:PutResourcePolicy", Target::Function),
    ("lambda:UpdateFunctionCode", Target::Function),
];

/// Where an action must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// On a resource that no policy mentions.
    Anything,
    /// On a function that no policy mentions.
    Function,
    /// On an event source mapping that no policy mentions.
    Mapping,
    /// On some IAM resource of the account: `role`.
    Iam(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) action: String,
    pub(super) target: Target,
}

/// The actions that are asked about.
#[derive(Debug, Clone, Default)]
pub struct Questions(Vec<Question>);

/// A set of questions, one bit each.
pub(super) type Asked = u64;

impl Questions {
    pub fn new(writes: &[IamWrite]) -> Self {
        let of = |action: &str, target| Question { action: action.to_owned(), target };
        let mut all = vec![
            of(&format!("{UNNAMED}:{UNNAMED}"), Target::Anything),
            of("lambda:InvokeFunction", Target::Function),
        ];
        all.extend(CONTROL.map(|(action, target)| of(action, target)));
        all.extend(
            writes
                .iter()
                .map(|one| of(&format!("iam:{}", one.action), Target::Iam(one.resource_type.clone()))),
        );
        // A test holds that the list that ships fits.
        all.truncate(Asked::BITS as usize);
        Questions(all)
    }

    pub(super) fn all(&self) -> &[Question] {
        &self.0
    }

    pub(super) const ANYTHING: usize = 0;
    pub(super) const INVOKE: usize = 1;

    pub(super) fn control() -> Range<usize> {
        2..2 + CONTROL.len()
    }

    pub(super) fn iam(&self) -> Range<usize> {
        Self::control().end..self.0.len()
    }

    /// Those that a statement's `Action` or `NotAction` covers.
    pub(super) fn covered(&self, actions: &Names<'_>, work: &Work) -> Asked {
        // Most statements are about other services: their names need not be compared.
        if actions.sense == Sense::Named && !actions.list.iter().any(|name| may_be_asked(name)) {
            return 0;
        }
        let covers = |question: &Question| covers_name(actions, &question.action, work);
        self.0.iter().enumerate().filter(|(_, one)| covers(one)).fold(0, |all, (at, _)| all | 1 << at)
    }
}

fn may_be_asked(action: &str) -> bool {
    let service = action.split(':').next().unwrap_or(action);
    has_wildcard(service) || service.eq_ignore_ascii_case("iam") || service.eq_ignore_ascii_case("lambda")
}
