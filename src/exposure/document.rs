//! A policy document as written: statements and their members with types and places, nothing judged yet.
//!
//! Whatever AWS's grammar allows in several shapes (string or list, one statement or a list) is read in all of them;
//! what it does not allow becomes a [`Fault`] of that statement or condition, never a guess.
//! Grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::Unreadable;
use super::json::{Member, Node, Value};

/// More statements than this are not read: a policy of 20,480 bytes cannot hold them.
pub const MAX_STATEMENTS: usize = 512;

/// A list that mostly has one element, which then needs no memory of its own.
pub type Few<T> = SmallVec<[T; 1]>;

/// A document's statements in the order written.
#[derive(Debug, Clone)]
pub struct Document<'n> {
    /// `Version`, if it is a string.
    pub version: Option<&'n str>,
    /// `Id`, if it is a string.
    pub id: Option<&'n str>,
    /// Readable statements, and for the others why not.
    pub statements: Vec<Result<Statement<'n>, Fault<'n>>>,
}

/// Why one statement cannot be read.
#[derive(Debug, Clone)]
pub struct Fault<'n> {
    /// What was written.
    pub node: &'n Node<'n>,
    /// `Sid`, if that much could be read.
    pub sid: Option<&'n str>,
    /// In words, starting in lower case.
    pub why: &'static str,
    /// The offending part.
    pub span: Range<usize>,
}

/// `Effect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`
    Deny,
}

impl Effect {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// What a policy is attached to, which decides whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// A function or layer version: every statement names principals.
    ToResource,
    /// A user, role, group, account or organizational unit: the policy is about whoever holds it, and every statement
    /// names resources.
    ToIdentity,
}

/// The two ways to name principals, actions and resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// `Principal`, `Action`, `Resource`
    Named,
    /// `NotPrincipal`, `NotAction`, `NotResource`: everything else
    AllBut,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone)]
pub struct PrincipalElement<'n> {
    /// Which of the two.
    pub sense: Sense,
    /// What was written.
    pub node: &'n Node<'n>,
    /// (type, value): type `*` for a lone string, else `AWS`, `Service`, `Federated`, `CanonicalUser`.
    pub entries: Few<(&'n str, Cow<'n, str>)>,
    /// Something in it could not be read.
    pub fault: Option<&'static str>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone)]
pub struct Names<'n> {
    /// Which of the two.
    pub sense: Sense,
    /// In the order written.
    pub list: Few<&'n str>,
    /// What was written.
    pub node: &'n Node<'n>,
    /// An element is not a string.
    pub fault: Option<&'static str>,
}

/// One key of one operator of the condition block.
#[derive(Debug, Clone)]
pub struct Condition<'n> {
    /// As written.
    pub operator: &'n str,
    /// As written.
    pub key: &'n str,
    /// Strings, numbers and booleans as text.
    pub values: Few<Cow<'n, str>>,
    /// The key and its values.
    pub span: Range<usize>,
    /// Why the condition cannot be relied on.
    pub fault: Option<&'static str>,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement<'n> {
    /// What was written, unknown members included.
    pub node: &'n Node<'n>,
    /// `Sid`, if it is a string.
    pub sid: Option<&'n str>,
    /// `Effect`
    pub effect: Effect,
    /// Where `Effect` stands.
    pub effect_span: Range<usize>,
    /// `Principal` or `NotPrincipal`
    pub principal: PrincipalElement<'n>,
    /// `Action` or `NotAction`
    pub actions: Names<'n>,
    /// `Resource` or `NotResource`. Absent: the resource the policy belongs to.
    pub resources: Option<Names<'n>>,
    /// The condition block, flattened.
    pub conditions: Vec<Condition<'n>>,
}

impl<'n> Document<'n> {
    /// Reads a document from JSON.
    ///
    /// # Errors
    /// [`Unreadable`] if it is not an object, has no one `Statement`, or has too many.
    pub fn read(root: &'n Node<'n>, attached: Attached) -> Result<Self, Unreadable> {
        let members = root.members().ok_or(Unreadable::NotAnObject)?;
        // In another case it is a name that AWS does not take; beside the right one it makes two of them.
        let mut found = members.iter().filter(|member| member.name.eq_ignore_ascii_case("Statement"));
        let statement = &found.next().filter(|m| m.name == "Statement").ok_or(Unreadable::NoStatement)?.node;
        if found.next().is_some() {
            return Err(Unreadable::Twice("Statement"));
        }
        let nodes = match &statement.value {
            Value::Array(items) => items.as_slice(),
            Value::Object(_) => std::slice::from_ref(statement),
            _ => return Err(Unreadable::NoStatement),
        };
        if nodes.len() > MAX_STATEMENTS {
            return Err(Unreadable::TooManyStatements(nodes.len()));
        }
        Ok(Self {
            version: root.get("Version").and_then(Node::text),
            id: root.get("Id").and_then(Node::text),
            statements: nodes.iter().map(|node| Statement::read(node, attached)).collect(),
        })
    }
}

impl<'n> Statement<'n> {
    fn read(node: &'n Node<'n>, attached: Attached) -> Result<Self, Fault<'n>> {
        let sid = node.get("Sid").and_then(Node::text);
        let fault = |why, span: &Range<usize>| Fault { node, sid, why, span: span.clone() };
        let Some(members) = node.members() else {
            return Err(fault("the statement is not an object", &node.span));
        };
        let mut parts = Parts::default();
        for member in members {
            let slot = match member.name.as_ref() {
                "Effect" => &mut parts.effect,
                "Principal" => &mut parts.principal,
                "NotPrincipal" => &mut parts.not_principal,
                "Action" => &mut parts.action,
                "NotAction" => &mut parts.not_action,
                "Resource" => &mut parts.resource,
                "NotResource" => &mut parts.not_resource,
                "Condition" => &mut parts.condition,
                "Sid" => continue,
                _ => {
                    parts.unknown.get_or_insert(member);
                    continue;
                }
            };
            if slot.replace(member).is_some() {
                return Err(fault(
                    "a member is written twice, and which one holds cannot be told",
                    &member.name_span,
                ));
            }
        }
        let effect = parts.effect.ok_or_else(|| fault("Effect is missing", &node.span))?;
        let effect_kind = match effect.node.text() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(fault("Effect is neither Allow nor Deny", &effect.node.span)),
        };
        // What it says of an Allow can only limit that; a Deny might reach less far than it seems to.
        if let (Effect::Deny, Some(member)) = (effect_kind, parts.unknown) {
            return Err(fault("a Deny with a member that AWS does not know", &member.name_span));
        }
        for member in [parts.principal, parts.not_principal].into_iter().flatten() {
            let kinds = member.node.members().unwrap_or_default();
            let twice =
                |(at, kind): &(usize, &Member<'_>)| kinds[..*at].iter().any(|other| other.name == kind.name);
            if let Some((_, kind)) = kinds.iter().enumerate().find(twice) {
                return Err(fault(
                    "a kind of principal is written twice, and which one holds cannot be told",
                    &kind.name_span,
                ));
            }
        }
        let principal = match (parts.principal, parts.not_principal) {
            (Some(member), None) => PrincipalElement::read(Sense::Named, &member.node),
            (None, Some(member)) => PrincipalElement::read(Sense::AllBut, &member.node),
            (Some(_), Some(member)) => {
                return Err(fault("Principal and NotPrincipal exclude each other", &member.name_span));
            }
            (None, None) if attached == Attached::ToIdentity => PrincipalElement::holder(node),
            (None, None) => return Err(fault("Principal is missing", &node.span)),
        };
        if attached == Attached::ToIdentity && parts.principal.or(parts.not_principal).is_some() {
            return Err(fault("a policy of an identity names no principal", &node.span));
        }
        let actions = match (parts.action, parts.not_action) {
            (Some(member), None) => Names::read(Sense::Named, &member.node),
            (None, Some(member)) => Names::read(Sense::AllBut, &member.node),
            (Some(_), Some(member)) => {
                return Err(fault("Action and NotAction exclude each other", &member.name_span));
            }
            (None, None) => return Err(fault("Action is missing", &node.span)),
        };
        if let Some(why) = actions.fault {
            return Err(fault(why, &actions.node.span));
        }
        let resources = match (parts.resource, parts.not_resource) {
            (Some(member), None) => Some(Names::read(Sense::Named, &member.node)),
            (None, Some(member)) => Some(Names::read(Sense::AllBut, &member.node)),
            (Some(_), Some(member)) => {
                return Err(fault("Resource and NotResource exclude each other", &member.name_span));
            }
            (None, None) if attached == Attached::ToIdentity => {
                return Err(fault("Resource is missing", &node.span));
            }
            (None, None) => None,
        };
        Ok(Self {
            node,
            sid,
            effect: effect_kind,
            effect_span: effect.node.span.clone(),
            principal,
            actions,
            resources,
            conditions: parts.condition.map(|member| Condition::read_block(&member.node)).unwrap_or_default(),
        })
    }
}

#[derive(Default)]
struct Parts<'n> {
    effect: Option<&'n Member<'n>>,
    principal: Option<&'n Member<'n>>,
    not_principal: Option<&'n Member<'n>>,
    action: Option<&'n Member<'n>>,
    not_action: Option<&'n Member<'n>>,
    resource: Option<&'n Member<'n>>,
    not_resource: Option<&'n Member<'n>>,
    condition: Option<&'n Member<'n>>,
    unknown: Option<&'n Member<'n>>,
}

/// One value or a list of values.
fn one_or_many<'n>(node: &'n Node<'n>) -> &'n [Node<'n>] {
    match &node.value {
        Value::Array(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// A key whose values are account ids.
fn names_account(key: &str) -> bool {
    key.get(key.len().saturating_sub("account".len())..)
        .is_some_and(|end| end.eq_ignore_ascii_case("account"))
}

/// An account id written as a number has lost its leading zeros.
fn account_number(text: &str) -> Option<Cow<'_, str>> {
    (text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| if text.len() == 12 { Cow::Borrowed(text) } else { Cow::Owned(format!("{text:0>12}")) })
}

impl<'n> PrincipalElement<'n> {
    /// Whoever the policy is attached to.
    fn holder(node: &'n Node<'n>) -> Self {
        Self { sense: Sense::Named, node, entries: Few::new(), fault: None }
    }

    fn read(sense: Sense, node: &'n Node<'n>) -> Self {
        let mut this = Self { sense, node, entries: Few::new(), fault: None };
        match &node.value {
            Value::String(text) if text == "*" => this.entries.push(("*", Cow::Borrowed("*"))),
            Value::Object(members) => {
                for member in members {
                    this.read_kind(member);
                }
            }
            _ => this.fault = Some("the principal is neither \"*\" nor an object"),
        }
        if this.entries.is_empty() && this.fault.is_none() {
            this.fault = Some("the principal names nobody, which AWS does not store");
        }
        this
    }

    fn read_kind(&mut self, member: &'n Member<'n>) {
        let kind = member.name.as_ref();
        if !matches!(kind, "AWS" | "Service" | "Federated" | "CanonicalUser") {
            self.fault = Some("a kind of principal that AWS does not know");
            return;
        }
        for item in one_or_many(&member.node) {
            match &item.value {
                Value::String(text) => self.entries.push((kind, Cow::Borrowed(text.as_ref()))),
                Value::Number(text) if kind == "AWS" => match account_number(text) {
                    Some(account) => self.entries.push((kind, account)),
                    None => self.fault = Some("a number that is no account id"),
                },
                _ => self.fault = Some("a principal that is not a string"),
            }
        }
    }
}

impl<'n> Names<'n> {
    fn read(sense: Sense, node: &'n Node<'n>) -> Self {
        let items = one_or_many(node);
        let list: Few<_> = items.iter().filter_map(Node::text).collect();
        let fault = if list.len() < items.len() {
            Some("an action or resource is not a string")
        } else if list.is_empty() {
            Some("an empty list of actions or resources, which AWS does not store")
        } else {
            None
        };
        Self { sense, list, node, fault }
    }
}

impl<'n> Condition<'n> {
    fn read_block(node: &'n Node<'n>) -> Vec<Self> {
        let broken = |operator, key, span: &Range<usize>, why| Self {
            operator,
            key,
            values: Few::new(),
            span: span.clone(),
            fault: Some(why),
        };
        let Some(operators) = node.members() else {
            return vec![broken("", "", &node.span, "the condition block is not an object")];
        };
        let mut all = Vec::with_capacity(operators.len());
        for operator in operators {
            let name = operator.name.as_ref();
            let Some(keys) = operator.node.members() else {
                all.push(broken(name, "", &operator.node.span, "the operator's value is not an object"));
                continue;
            };
            // Nothing to compare: AWS's grammar wants a key, and what it makes of none is not documented.
            if keys.is_empty() {
                all.push(broken(name, "", &operator.node.span, "the operator has no keys"));
            }
            let operator_twice =
                operators.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).count() > 1;
            for key in keys {
                let mut condition = Self::read_one(name, key);
                if operator_twice {
                    condition.fault =
                        Some("the operator is written twice, and which one holds cannot be told");
                } else if keys.iter().filter(|other| other.name.eq_ignore_ascii_case(&key.name)).count() > 1 {
                    condition.fault = Some("the key is written twice, and which one holds cannot be told");
                }
                all.push(condition);
            }
        }
        all
    }

    fn read_one(operator: &'n str, key: &'n Member<'n>) -> Self {
        let items = one_or_many(&key.node);
        let mut values = Few::with_capacity(items.len());
        let mut fault = items.is_empty().then_some("the list of values is empty");
        for item in items {
            match &item.value {
                Value::String(text) => values.push(Cow::Borrowed(text.as_ref())),
                Value::Bool(true) => values.push(Cow::Borrowed("true")),
                Value::Bool(false) => values.push(Cow::Borrowed("false")),
                Value::Number(text) => {
                    values.push(Cow::Borrowed(*text));
                    // How AWS writes the others as text is not documented, and so is what they equal.
                    if !text.bytes().all(|b| b.is_ascii_digit())
                        || names_account(&key.name) && text.len() != 12
                    {
                        fault = Some("a number that need not be compared as it is written");
                    }
                }
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    fault = Some("a value is not a string, number or boolean");
                }
            }
        }
        let span = key.name_span.start..key.node.span.end;
        Self { operator, key: key.name.as_ref(), values, span, fault }
    }
}
