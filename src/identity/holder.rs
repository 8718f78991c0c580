//! Who holds policies, and what follows from that: which conditions are decided, and what variables stand for.

use std::borrow::Cow;

use super::document::{Condition, Document, Statement};
use crate::exposure::condition::{Key, Values, meaning};
use crate::exposure::pattern::Work;
use crate::value::Why;

/// A user or role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    pub arn: &'a str,
    pub account: &'a str,
    /// A user's name; `None`: a role, whose sessions have none.
    pub user: Option<&'a str>,
}

/// A policy that is attached to something.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// `inline policy deploy`, `managed policy ARN of group developers`.
    pub through: Cow<'a, str>,
    /// Or why it was not read.
    pub document: Result<&'a Document, Why>,
}

/// Everything that decides what a user or role may do.
#[derive(Debug, Clone, Default)]
pub struct Policies<'a> {
    /// Its own and its groups'.
    pub identity: Vec<Held<'a>>,
    /// The policy that bounds it.
    pub boundary: Option<Held<'a>>,
    /// The service control policies of each level above it, of those levels that have any.
    pub controls: Vec<Vec<Held<'a>>>,
}

/// Does a statement's condition hold?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Applies {
    Never,
    Perhaps,
    Always,
}

/// A resource as it stands, or what a variable makes of it.
pub(super) enum Resolved<'s> {
    Is(Cow<'s, str>),
    /// At most what this matches.
    AtMost(String),
    /// Nothing: the variable has no value.
    Nothing,
}

impl<'s> Resolved<'s> {
    /// What it is, where that is certain.
    pub(super) fn certain(self) -> Option<Cow<'s, str>> {
        match self {
            Resolved::Is(text) => Some(text),
            Resolved::AtMost(_) | Resolved::Nothing => None,
        }
    }
}

impl Holder<'_> {
    pub(super) fn applies(&self, statement: &Statement, work: &Work) -> Applies {
        statement.conditions.iter().map(|one| self.holds(one, work)).min().unwrap_or(Applies::Always)
    }

    /// Decided only where the key is the holder's own and always there: its ARN (of a role's session the role's), its
    /// account, and that it is no service.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    fn holds(&self, condition: &Condition, work: &Work) -> Applies {
        let written = condition.written();
        let meaning = meaning(&written, Some(self.account));
        if meaning.ignored.is_some() {
            return Applies::Perhaps;
        }
        let own = match meaning.key {
            Key::PrincipalArn => self.arn,
            Key::PrincipalAccount => self.account,
            Key::IsService => "false",
            _ => return Applies::Perhaps,
        };
        let (patterns, negated) = match &meaning.values {
            Values::In(patterns) => (patterns, false),
            Values::NotIn(patterns) => (patterns, true),
            Values::All => return Applies::Always,
            Values::None => return Applies::Never,
            Values::Ip(_) | Values::NotIp(_) | Values::Some => return Applies::Perhaps,
        };
        let matches =
            |loose: bool| patterns.iter().any(|pattern| pattern.loose == loose && pattern.matches(own, work));
        match (matches(false), matches(true)) {
            (true, _) => {
                if negated {
                    Applies::Never
                } else {
                    Applies::Always
                }
            }
            (false, true) => Applies::Perhaps,
            (false, false) => {
                if negated {
                    Applies::Always
                } else {
                    Applies::Never
                }
            }
        }
    }

    /// The only variables with a known value are the user's name, which roles lack, and the account.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
    pub(super) fn resolve<'s>(&self, resource: &'s str) -> Resolved<'s> {
        if !resource.contains("${") {
            return Resolved::Is(Cow::Borrowed(resource));
        }
        let mut text = String::with_capacity(resource.len());
        let (mut rest, mut certain) = (resource, true);
        while let Some((before, tail)) = rest.split_once("${") {
            text.push_str(before);
            let Some((name, tail)) = tail.split_once('}') else {
                text.push('*');
                return Resolved::AtMost(text);
            };
            rest = tail;
            match (name.trim().to_ascii_lowercase().as_str(), self.user) {
                ("aws:username", Some(user)) => text.push_str(user),
                ("aws:username", None) => return Resolved::Nothing,
                ("aws:principalaccount", _) => text.push_str(self.account),
                _ => {
                    text.push('*');
                    certain = false;
                    // A default may hold a brace: what follows cannot be told from it.
                    if name.contains('\'') {
                        return Resolved::AtMost(text);
                    }
                }
            }
        }
        text.push_str(rest);
        if certain { Resolved::Is(Cow::Owned(text)) } else { Resolved::AtMost(text) }
    }
}
