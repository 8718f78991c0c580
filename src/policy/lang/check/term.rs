//! Checking of values that are not conditions, and of the tests over texts.

use super::{Checker, is_ident, path, type_of};
use crate::policy::lang::LangError;
use crate::policy::lang::ast::{Expr, Node};
use crate::policy::lang::compile::{network, regex};
use crate::policy::lang::guard::{Guards, Outcome, proven};
use crate::policy::lang::ir::{PredKind, Term, TermKind, TextTest, Type};
use crate::value::OwnedValue;

impl Checker<'_> {
    pub(super) fn term(&mut self, expr: &Expr, guards: &Guards) -> Option<Term> {
        let (kind, ty) = match &expr.node {
            Node::Int(value) => (TermKind::Int(*value), Type::Int),
            Node::Text(text) => (TermKind::Text(text.clone()), Type::Text),
            Node::List(items) => self.list(expr, items)?,
            Node::Ident(name) => match &self.element {
                Some(element) if element.name == *name => (TermKind::Element, element.ty),
                _ => return self.lone_name(name, &expr.span),
            },
            Node::Select(of, name) if is_ident(of, "params") => {
                let index = self.param(name)?;
                (TermKind::Param(index), self.names.params[index].ty())
            }
            Node::Select(of, name) if is_ident(of, "seen") => {
                self.history(name)?;
                return self.say(&expr.span, "a history is a condition, not a value");
            }
            Node::Select(..) if path(expr).is_some() => {
                let index = self.field(expr)?;
                let ty = self.decl(index)?.ty;
                self.guarded(index, &expr.span, guards)?;
                (TermKind::Field(index), type_of(ty))
            }
            Node::Call(name, args) if name.text == "size" => {
                let [of] = self.exactly(name, args)?;
                self.size(of, guards)?
            }
            Node::Method(of, name, args) if name.text == "size" => {
                let [] = self.exactly(name, args)?;
                self.size(of, guards)?
            }
            Node::If(condition, yes, no) => {
                let condition = self.pred(condition, guards)?;
                let yes_guards = super::with(guards, proven(&condition, Outcome::Holds));
                let no_guards = super::with(guards, proven(&condition, Outcome::Fails));
                let (yes, no) = (self.term(yes, &yes_guards), self.term(no, &no_guards));
                let (yes, no) = (yes?, no?);
                if yes.ty != no.ty {
                    let message = format!("the two sides differ: {} and {}", yes.ty.as_str(), no.ty.as_str());
                    return self.say(&expr.span, message);
                }
                if !matches!(yes.ty, Type::Int | Type::Text) {
                    return self.say(&expr.span, "a conditional chooses between texts, ints or conditions");
                }
                let ty = yes.ty;
                (TermKind::If(Box::new(condition), Box::new(yes), Box::new(no)), ty)
            }
            Node::Select(..) => return self.say(&expr.span, "fields are read from the fact alone"),
            Node::Call(..) | Node::Method(..) => {
                // Reports an unknown function; a known one is a condition where a value is wanted.
                self.pred(expr, guards)?;
                return self.say(&expr.span, "expected a value, found a condition");
            }
            Node::Bool(_) | Node::Not(_) | Node::All(_) | Node::Any(_) | Node::Relation(..) => {
                return self.say(&expr.span, "expected a value, found a condition");
            }
        };
        if ty == Type::Bool {
            return self.say(&expr.span, "expected a text, an int or a list, found a bool");
        }
        Some(Term { span: expr.span.clone(), kind, ty })
    }

    fn list(&mut self, expr: &Expr, items: &[Expr]) -> Option<(TermKind, Type)> {
        let mut texts = Vec::new();
        let mut ints = Vec::new();
        for item in items {
            match &item.node {
                Node::Text(text) if ints.is_empty() => texts.push(text.clone()),
                Node::Int(value) if texts.is_empty() => ints.push(*value),
                Node::Text(_) | Node::Int(_) => {
                    return self.say(&item.span, "a list holds texts or ints, not both");
                }
                _ => return self.say(&item.span, "a list holds literal texts or ints"),
            }
        }
        if items.is_empty() {
            return self.say(&expr.span, "the list is empty");
        }
        for (index, item) in items.iter().enumerate() {
            if items.iter().take(index).any(|before| before.node == item.node) {
                self.errors.push(LangError::new(item.span.clone(), "the list has this member twice"));
            }
        }
        Some(if ints.is_empty() {
            (TermKind::Texts(texts), Type::TextList)
        } else {
            (TermKind::Ints(ints), Type::IntList)
        })
    }

    fn size(&mut self, of: &Expr, guards: &Guards) -> Option<(TermKind, Type)> {
        let of = self.term(of, guards)?;
        if of.ty == Type::Int {
            return self.say(&of.span, "`size` takes a text or a list, but this is an int");
        }
        Some((TermKind::Size(Box::new(of)), Type::Int))
    }

    pub(super) fn text_test(
        &mut self,
        test: TextTest,
        text: &Expr,
        pattern: &Expr,
        guards: &Guards,
    ) -> Option<PredKind> {
        let (text, pattern) = (self.term(text, guards), self.term(pattern, guards));
        let (text, pattern) = (text?, pattern?);
        if text.ty == Type::TextList && test == TextTest::Contains {
            return self.error(
                LangError::new(
                    text.span.clone(),
                    "`contains` looks into a text, but this is a list of texts",
                )
                .help("ask with `value in list`"),
            );
        }
        for side in [&text, &pattern] {
            if side.ty != Type::Text {
                return self.say(&side.span, format!("expected a text, but this is {}", side.ty.as_str()));
            }
        }
        if matches!(test, TextTest::Matches | TextTest::Glob) {
            for text in self.constants(&pattern, "a pattern")? {
                if test == TextTest::Matches
                    && let Err(why) = regex(&text)
                {
                    return self.say(&pattern.span, format!("not a usable regular expression: {why}"));
                }
            }
        }
        Some(PredKind::Test(test, text, pattern))
    }

    pub(super) fn in_cidr(&mut self, address: &Expr, networks: &Expr, guards: &Guards) -> Option<PredKind> {
        let (address, networks) = (self.term(address, guards), self.term(networks, guards));
        let (address, networks) = (address?, networks?);
        if address.ty != Type::Text {
            return self
                .say(&address.span, format!("expected an address, but this is {}", address.ty.as_str()));
        }
        if !matches!(networks.ty, Type::Text | Type::TextList) {
            return self
                .say(&networks.span, format!("expected networks, but this is {}", networks.ty.as_str()));
        }
        for text in self.constants(&networks, "a network")? {
            if network(&text).is_none() {
                return self.say(
                    &networks.span,
                    format!(
                        "\"{}\" is not a network such as 10.0.0.0/8 or 2001:db8::/32",
                        text.escape_debug()
                    ),
                );
            }
        }
        Some(PredKind::InCidr(address, networks))
    }

    /// The texts of a term that must be known when the policy is compiled.
    fn constants(&mut self, term: &Term, what: &str) -> Option<Vec<String>> {
        match &term.kind {
            TermKind::Text(text) => Some(vec![text.clone()]),
            TermKind::Texts(texts) => Some(texts.clone()),
            TermKind::Param(index) => Some(match &self.names.params[*index].value {
                OwnedValue::Text(text) => vec![text.clone()],
                OwnedValue::List(list) => list.items.iter().map(|item| item.to_string()).collect(),
                _ => Vec::new(),
            }),
            TermKind::Element if self.element.as_ref().is_some_and(|element| element.constants.is_some()) => {
                self.element.as_ref().and_then(|element| element.constants.clone())
            }
            _ => self
                .say(&term.span, format!("{what} must be written in the policy: a literal or a parameter")),
        }
    }
}
