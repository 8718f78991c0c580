//! Why a condition came out as it did: the atoms that decided it, what would have decided otherwise, and which
//! fields were missing for an answer. Slower than evaluation; used for findings and unknown verdicts only.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::Span;
use super::ast::Relation;
use super::compile::{Compiled, Env};
use super::ir::{Each, Param, Pred, PredKind, Term, TermKind, TextTest};
use crate::facts::schema::{FieldAccess, KindDecl};
use crate::value::{OwnedValue, Truth, Value, Why};

/// One atom that decided a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The field's full name: `grant.exposure`; of a history `seen.NAME`.
    pub field: String,
    /// The field's value; null where it is absent.
    #[serde(with = "crate::facts::plain::json")]
    pub observed: Json,
    /// What would have made the atom come out otherwise: `not "public"`.
    pub expected: String,
}

/// A field that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The field's full name: `grant.exposure`; of a history `seen.NAME`.
    pub field: String,
    pub why: Why,
}

/// A condition's structure down to its atoms, each ready to be evaluated.
#[derive(Debug)]
pub struct Tree {
    kind: &'static KindDecl,
    root: Node,
}

#[derive(Debug)]
enum Node {
    Atom(Box<Atom>),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
}

#[derive(Debug)]
struct Atom {
    code: Compiled,
    /// Fields in order of appearance: the first is the one shown.
    fields: Vec<usize>,
    /// A history by position, and its name.
    seen: Option<(usize, String)>,
    /// What to expect instead when the atom is true, and when it is false.
    expected: [String; 2],
}

impl Tree {
    /// `text` is the predicate as written: atoms without a shorter description quote it.
    pub fn new(
        pred: &Pred,
        text: &str,
        kind: &'static KindDecl,
        params: &[Param],
        histories: &[String],
    ) -> Self {
        let names = Show { kind, params, histories, text };
        Tree { kind, root: names.node(pred) }
    }

    /// The atoms that made the condition true or false; empty where it is unknown.
    pub fn evidence(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Vec<Evidence> {
        let mut list = Vec::new();
        self.root.evidence(self.kind, fact, env, &mut list);
        list
    }

    /// The unread fields because of which the condition is unknown; empty where it is not.
    pub fn missing(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Vec<Missing> {
        let mut list = Vec::new();
        self.root.missing(self.kind, fact, env, &mut list);
        list.sort();
        list.dedup();
        list
    }
}

impl Node {
    fn eval(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Truth {
        match self {
            Node::Atom(atom) => atom.code.eval(fact, env),
            Node::Not(of) => !of.eval(fact, env),
            Node::All(parts) => Truth::all(parts.iter().map(|part| part.eval(fact, env))),
            Node::Any(parts) => Truth::any(parts.iter().map(|part| part.eval(fact, env))),
            Node::If(condition, yes, no) => match condition.eval(fact, env) {
                Truth::True => yes.eval(fact, env),
                Truth::False => no.eval(fact, env),
                Truth::Unknown => Truth::Unknown,
            },
        }
    }

    fn evidence(&self, kind: &KindDecl, fact: &dyn FieldAccess, env: &Env<'_>, list: &mut Vec<Evidence>) {
        let outcome = self.eval(fact, env);
        if outcome == Truth::Unknown {
            return;
        }
        match self {
            Node::Atom(atom) => {
                let (field, observed) = match (&atom.seen, atom.fields.first()) {
                    (Some((_, name)), _) => (format!("seen.{name}"), json!(outcome == Truth::True)),
                    (None, Some(index)) => (full(kind, *index), observed(fact.value(*index))),
                    (None, None) => return,
                };
                let [if_true, if_false] = &atom.expected;
                let expected = if outcome == Truth::True { if_true } else { if_false };
                let evidence = Evidence { field, observed, expected: expected.clone() };
                if !list.contains(&evidence) {
                    list.push(evidence);
                }
            }
            Node::Not(of) => of.evidence(kind, fact, env, list),
            // Every part of a true conjunction decided; of a false one, the false parts did.
            Node::All(parts) | Node::Any(parts) => {
                for part in parts.iter().filter(|part| part.eval(fact, env) == outcome) {
                    part.evidence(kind, fact, env, list);
                }
            }
            Node::If(condition, yes, no) => {
                let taken = if condition.eval(fact, env) == Truth::True { yes } else { no };
                condition.evidence(kind, fact, env, list);
                taken.evidence(kind, fact, env, list);
            }
        }
    }

    fn missing(&self, kind: &KindDecl, fact: &dyn FieldAccess, env: &Env<'_>, list: &mut Vec<Missing>) {
        if self.eval(fact, env) != Truth::Unknown {
            return;
        }
        match self {
            Node::Atom(atom) => {
                if let Some((index, name)) = &atom.seen
                    && env.seen.get(*index).is_none_or(|seen| *seen == Truth::Unknown)
                {
                    list.push(Missing { field: format!("seen.{name}"), why: Why::HistoryGap });
                }
                for index in &atom.fields {
                    let why = match fact.value(*index) {
                        Value::Unread(why) => Some(why),
                        Value::List(values) => values.incomplete,
                        // An absent value that the checker says cannot be absent: what was read is not what AWS sends.
                        Value::Absent if !kind.fields.get(*index).is_some_and(|field| field.optional) => {
                            Some(Why::Malformed)
                        }
                        _ => None,
                    };
                    if let Some(why) = why {
                        list.push(Missing { field: full(kind, *index), why });
                    }
                }
            }
            Node::Not(of) => of.missing(kind, fact, env, list),
            Node::All(parts) | Node::Any(parts) => {
                parts.iter().for_each(|part| part.missing(kind, fact, env, list));
            }
            Node::If(condition, yes, no) => match condition.eval(fact, env) {
                Truth::True => yes.missing(kind, fact, env, list),
                Truth::False => no.missing(kind, fact, env, list),
                Truth::Unknown => condition.missing(kind, fact, env, list),
            },
        }
    }
}

fn full(kind: &KindDecl, index: usize) -> String {
    format!("{}.{}", kind.name, kind.fields.get(index).map_or("?", |field| field.name))
}

/// A field's value as a report shows it.
pub fn observed(value: Value<'_>) -> Json {
    match value {
        Value::Absent | Value::Unread(_) => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Text(text) => json!(text),
        Value::List(list) => json!(list.items),
    }
}

/// The most members of a list that a sentence shows.
const SHOWN: usize = 8;

struct Show<'s> {
    kind: &'static KindDecl,
    params: &'s [Param],
    histories: &'s [String],
    text: &'s str,
}

impl Show<'_> {
    fn node(&self, pred: &Pred) -> Node {
        let boxed = |pred: &Pred| Box::new(self.node(pred));
        match &pred.kind {
            PredKind::Not(of) => Node::Not(boxed(of)),
            PredKind::All(parts) => Node::All(parts.iter().map(|part| self.node(part)).collect()),
            PredKind::Any(parts) => Node::Any(parts.iter().map(|part| self.node(part)).collect()),
            PredKind::If(condition, yes, no) => Node::If(boxed(condition), boxed(yes), boxed(no)),
            _ => Node::Atom(Box::new(Atom {
                code: Compiled::new(pred, self.params),
                fields: pred.field_list(),
                seen: match pred.kind {
                    PredKind::Seen(index) => {
                        Some((index, self.histories.get(index).cloned().unwrap_or_default()))
                    }
                    _ => None,
                },
                expected: self.expected(pred),
            })),
        }
    }

    /// What to expect instead when the atom is true, and when it is false.
    fn expected(&self, pred: &Pred) -> [String; 2] {
        let pair = |if_true: String, if_false: String| [if_true, if_false];
        match &pred.kind {
            PredKind::Field(_) | PredKind::Seen(_) => pair("false".to_owned(), "true".to_owned()),
            PredKind::Has(_) => pair("absent".to_owned(), "present".to_owned()),
            PredKind::Compare(relation, left, right) => {
                let (relation, shown) = match (is_field(left), is_field(right)) {
                    (false, true) => (turned(*relation), self.term(left)),
                    _ => (*relation, self.term(right)),
                };
                let size =
                    if matches!((&left.kind, &right.kind), (TermKind::Size(_), _) | (_, TermKind::Size(_))) {
                        "size "
                    } else {
                        ""
                    };
                let say = |relation: Relation| match relation {
                    Relation::Eq => format!("{size}{shown}"),
                    Relation::Ne => format!("{size}not {shown}"),
                    other => format!("{size}{} {shown}", other.as_str()),
                };
                pair(say(opposite(relation)), say(relation))
            }
            PredKind::In(item, list) => match (is_field(item), is_field(list)) {
                (_, true) => {
                    let item = self.term(item);
                    pair(format!("a list without {item}"), format!("a list with {item}"))
                }
                _ => {
                    let list = self.term(list);
                    pair(format!("none of {list}"), format!("one of {list}"))
                }
            },
            PredKind::Test(test, _, pattern) => {
                let how = match test {
                    TextTest::StartsWith => "starting with",
                    TextTest::EndsWith => "ending with",
                    TextTest::Contains => "containing",
                    TextTest::Matches | TextTest::Glob => "matching",
                };
                let pattern = self.term(pattern);
                pair(format!("not {how} {pattern}"), format!("{how} {pattern}"))
            }
            PredKind::InCidr(_, networks) => {
                let networks = self.term(networks);
                pair(format!("an address outside {networks}"), format!("an address in {networks}"))
            }
            PredKind::Each(each, _, body) => {
                let body = self.slice(&body.span);
                match each {
                    Each::Exists => {
                        pair(format!("no element where {body}"), format!("an element where {body}"))
                    }
                    Each::All => {
                        pair(format!("an element where not ({body})"), format!("only elements where {body}"))
                    }
                }
            }
            _ => {
                let whole = self.slice(&pred.span);
                pair(format!("not ({whole})"), whole.to_owned())
            }
        }
    }

    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or("")
    }

    fn term(&self, term: &Term) -> String {
        let text = |text: &str| format!("\"{text}\"");
        let list = |items: Vec<String>| {
            let rest = items.len().saturating_sub(SHOWN);
            let shown = items.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
            if rest == 0 { shown } else { format!("{shown} and {rest} more") }
        };
        match &term.kind {
            TermKind::Text(value) => text(value),
            TermKind::Int(value) => value.to_string(),
            TermKind::Texts(items) => list(items.iter().map(|item| text(item)).collect()),
            TermKind::Ints(items) => list(items.iter().map(i64::to_string).collect()),
            TermKind::Param(index) => match self.params.get(*index).map(|param| &param.value) {
                Some(OwnedValue::Text(value)) => text(value),
                Some(OwnedValue::Int(value)) => value.to_string(),
                Some(OwnedValue::List(items)) => list(items.items.iter().map(|item| text(item)).collect()),
                _ => self.slice(&term.span).to_owned(),
            },
            TermKind::Field(index) => full(self.kind, *index),
            TermKind::Element | TermKind::Size(_) | TermKind::If(..) => self.slice(&term.span).to_owned(),
        }
    }
}

fn is_field(term: &Term) -> bool {
    match &term.kind {
        TermKind::Field(_) => true,
        TermKind::Size(of) => is_field(of),
        _ => false,
    }
}

fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Eq => Relation::Ne,
        Relation::Ne => Relation::Eq,
        Relation::Lt => Relation::Ge,
        Relation::Le => Relation::Gt,
        Relation::Gt => Relation::Le,
        Relation::Ge => Relation::Lt,
        Relation::In => Relation::In,
    }
}

/// The same comparison with its sides exchanged.
fn turned(relation: Relation) -> Relation {
    match relation {
        Relation::Lt => Relation::Gt,
        Relation::Le => Relation::Ge,
        Relation::Gt => Relation::Lt,
        Relation::Ge => Relation::Le,
        other => other,
    }
}
