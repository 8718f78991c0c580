//! A predicate after type checking: fields by index, parameters and histories by position, every node with its span.

use super::Span;
use super::ast::Relation;
use crate::value::OwnedValue;

/// The type of a value in a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Text,
    TextList,
    IntList,
}

impl Type {
    pub const fn as_str(self) -> &'static str {
        match self {
            Type::Bool => "a bool",
            Type::Int => "an int",
            Type::Text => "a text",
            Type::TextList => "a list of texts",
            Type::IntList => "a list of ints",
        }
    }
}

/// A named value of a policy that the configuration may override.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    /// Never absent, unread or an incomplete list.
    pub value: OwnedValue,
}

impl Param {
    pub fn ty(&self) -> Type {
        match self.value {
            OwnedValue::Bool(_) => Type::Bool,
            OwnedValue::Int(_) => Type::Int,
            OwnedValue::List(_) => Type::TextList,
            OwnedValue::Text(_) | OwnedValue::Absent | OwnedValue::Unread(_) => Type::Text,
        }
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Pred {
    pub span: Span,
    pub kind: PredKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PredKind {
    Const(bool),
    /// A bool field.
    Field(usize),
    /// A bool parameter.
    Param(usize),
    Has(usize),
    Seen(usize),
    Not(Box<Pred>),
    All(Vec<Pred>),
    Any(Vec<Pred>),
    If(Box<Pred>, Box<Pred>, Box<Pred>),
    /// Both true or both false.
    Same(Box<Pred>, Box<Pred>),
    /// Never [`Relation::In`]. Two ints or two texts.
    Compare(Relation, Term, Term),
    /// Membership in a list.
    In(Term, Term),
    Test(TextTest, Term, Term),
    /// An address in any of the networks.
    InCidr(Term, Term),
    Each(Each, Term, Box<Pred>),
}

/// Tests of one text against another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
    /// A regular expression found anywhere in the text, as in CEL.
    Matches,
    /// `*` any characters (also `/` and `:`), `?` one.
    Glob,
}

/// Over the elements of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Each {
    Exists,
    All,
}

/// A value that is not a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub span: Span,
    pub kind: TermKind,
    pub ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TermKind {
    Text(String),
    Int(i64),
    Texts(Vec<String>),
    Ints(Vec<i64>),
    Field(usize),
    Param(usize),
    /// The element that `exists` or `all` looks at.
    Element,
    Size(Box<Term>),
    If(Box<Pred>, Box<Term>, Box<Term>),
}

impl Pred {
    /// Calls `f` with every field the condition reads, in order of appearance.
    pub fn fields(&self, f: &mut impl FnMut(usize)) {
        match &self.kind {
            PredKind::Const(_) | PredKind::Param(_) | PredKind::Seen(_) => {}
            PredKind::Field(index) | PredKind::Has(index) => f(*index),
            PredKind::Not(of) => of.fields(f),
            PredKind::All(parts) | PredKind::Any(parts) => parts.iter().for_each(|part| part.fields(f)),
            PredKind::If(condition, yes, no) => {
                condition.fields(f);
                yes.fields(f);
                no.fields(f);
            }
            PredKind::Same(left, right) => {
                left.fields(f);
                right.fields(f);
            }
            PredKind::Compare(_, left, right)
            | PredKind::In(left, right)
            | PredKind::Test(_, left, right)
            | PredKind::InCidr(left, right) => {
                left.fields(f);
                right.fields(f);
            }
            PredKind::Each(_, list, body) => {
                list.fields(f);
                body.fields(f);
            }
        }
    }

    /// The fields the condition reads, each once, in order of appearance.
    pub fn field_list(&self) -> Vec<usize> {
        let mut list = Vec::new();
        self.fields(&mut |index| {
            if !list.contains(&index) {
                list.push(index);
            }
        });
        list
    }

    /// The parameters the condition reads, by position; one may stand there several times.
    pub fn params(&self) -> Vec<usize> {
        let mut list = Vec::new();
        self.walk(&mut |part| match &part.kind {
            PredKind::Param(index) => list.push(*index),
            PredKind::Compare(_, left, right)
            | PredKind::In(left, right)
            | PredKind::Test(_, left, right)
            | PredKind::InCidr(left, right) => {
                left.params(&mut list);
                right.params(&mut list);
            }
            PredKind::Each(_, of, _) => of.params(&mut list),
            _ => {}
        });
        list
    }

    /// The histories the condition asks, by position; one may stand there several times.
    pub fn histories(&self) -> Vec<usize> {
        let mut list = Vec::new();
        self.walk(&mut |part| {
            if let PredKind::Seen(index) = part.kind {
                list.push(index);
            }
        });
        list
    }

    /// The condition with every span empty: equal conditions are equal wherever they are written.
    #[must_use]
    pub fn without_spans(&self) -> Pred {
        let all = |parts: &[Pred]| parts.iter().map(Pred::without_spans).collect();
        let bare = |pred: &Pred| Box::new(pred.without_spans());
        let kind = match &self.kind {
            PredKind::Not(of) => PredKind::Not(bare(of)),
            PredKind::All(parts) => PredKind::All(all(parts)),
            PredKind::Any(parts) => PredKind::Any(all(parts)),
            PredKind::If(condition, yes, no) => PredKind::If(bare(condition), bare(yes), bare(no)),
            PredKind::Same(left, right) => PredKind::Same(bare(left), bare(right)),
            PredKind::Compare(relation, left, right) => {
                PredKind::Compare(*relation, left.without_spans(), right.without_spans())
            }
            PredKind::In(item, list) => PredKind::In(item.without_spans(), list.without_spans()),
            PredKind::Test(test, text, pattern) => {
                PredKind::Test(*test, text.without_spans(), pattern.without_spans())
            }
            PredKind::InCidr(address, networks) => {
                PredKind::InCidr(address.without_spans(), networks.without_spans())
            }
            PredKind::Each(each, list, body) => PredKind::Each(*each, list.without_spans(), bare(body)),
            kind @ (PredKind::Const(_)
            | PredKind::Field(_)
            | PredKind::Param(_)
            | PredKind::Has(_)
            | PredKind::Seen(_)) => kind.clone(),
        };
        Pred { span: 0..0, kind }
    }

    /// Calls `f` with every condition in this one, outermost first.
    pub fn walk<'p>(&'p self, f: &mut impl FnMut(&'p Pred)) {
        f(self);
        match &self.kind {
            PredKind::Not(of) => of.walk(f),
            PredKind::All(parts) | PredKind::Any(parts) => parts.iter().for_each(|part| part.walk(f)),
            PredKind::If(condition, yes, no) => {
                condition.walk(f);
                yes.walk(f);
                no.walk(f);
            }
            PredKind::Same(left, right) => {
                left.walk(f);
                right.walk(f);
            }
            PredKind::Each(_, list, body) => {
                list.walk(f);
                body.walk(f);
            }
            PredKind::Compare(_, left, right)
            | PredKind::In(left, right)
            | PredKind::Test(_, left, right)
            | PredKind::InCidr(left, right) => {
                left.walk(f);
                right.walk(f);
            }
            PredKind::Const(_)
            | PredKind::Field(_)
            | PredKind::Param(_)
            | PredKind::Has(_)
            | PredKind::Seen(_) => {}
        }
    }
}

impl Term {
    pub fn fields(&self, f: &mut impl FnMut(usize)) {
        match &self.kind {
            TermKind::Field(index) => f(*index),
            TermKind::Size(of) => of.fields(f),
            TermKind::If(condition, yes, no) => {
                condition.fields(f);
                yes.fields(f);
                no.fields(f);
            }
            TermKind::Text(_)
            | TermKind::Int(_)
            | TermKind::Texts(_)
            | TermKind::Ints(_)
            | TermKind::Param(_)
            | TermKind::Element => {}
        }
    }

    fn params(&self, list: &mut Vec<usize>) {
        match &self.kind {
            TermKind::Param(index) => list.push(*index),
            TermKind::Size(of) => of.params(list),
            // The condition is walked as a condition.
            TermKind::If(_, yes, no) => {
                yes.params(list);
                no.params(list);
            }
            _ => {}
        }
    }

    fn without_spans(&self) -> Term {
        let bare = |term: &Term| Box::new(term.without_spans());
        let kind = match &self.kind {
            TermKind::Size(of) => TermKind::Size(bare(of)),
            TermKind::If(condition, yes, no) => {
                TermKind::If(Box::new(condition.without_spans()), bare(yes), bare(no))
            }
            kind => kind.clone(),
        };
        Term { span: 0..0, kind, ty: self.ty }
    }

    fn walk<'p>(&'p self, f: &mut impl FnMut(&'p Pred)) {
        match &self.kind {
            TermKind::Size(of) => of.walk(f),
            TermKind::If(condition, yes, no) => {
                condition.walk(f);
                yes.walk(f);
                no.walk(f);
            }
            _ => {}
        }
    }
}
