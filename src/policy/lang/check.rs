//! An expression to a typed condition: names against the fact kind's declaration, types, guards of optional fields,
//! closed sets. Every error is reported, each with its bytes.

mod term;

use std::collections::BTreeSet;

use super::ast::{Expr, Name, Node, Relation};
use super::guard::{Guards, Outcome, proven};
use super::ir::{Each, Param, Pred, PredKind, Term, TermKind, TextTest, Type};
use super::parse::parse;
use super::{LangError, Span};
use crate::facts::schema::{FieldDecl, FieldType, KindDecl};

/// What a predicate may name.
#[derive(Debug, Clone, Copy)]
pub struct Names<'n> {
    pub kind: &'static KindDecl,
    pub params: &'n [Param],
    pub histories: &'n [String],
}

/// Parses and checks a condition over the facts for which the conditions in `given` hold.
///
/// # Errors
/// Everything that is wrong with it, in order of appearance.
pub fn check(text: &str, names: Names<'_>, given: &[&Pred]) -> Result<Pred, Vec<LangError>> {
    let expr = parse(text).map_err(|error| vec![error])?;
    let mut guards = Guards::new();
    for pred in given {
        guards.extend(proven(pred, Outcome::Holds));
    }
    let mut checker = Checker { names, errors: Vec::new(), element: None };
    let pred = checker.pred(&expr, &guards);
    match pred {
        Some(pred) if checker.errors.is_empty() => Ok(pred),
        _ => {
            checker.errors.sort_by_key(|error| (error.span.start, error.span.end));
            Err(checker.errors)
        }
    }
}

/// `None` means that an error was reported.
struct Checker<'n> {
    names: Names<'n>,
    errors: Vec<LangError>,
    /// The variable of the enclosing `exists` or `all`.
    element: Option<Element>,
}

struct Element {
    name: String,
    ty: Type,
    /// The elements, where the list is written in the policy and they are known when it is compiled.
    constants: Option<Vec<String>>,
}

impl Checker<'_> {
    fn error<T>(&mut self, error: LangError) -> Option<T> {
        self.errors.push(error);
        None
    }

    fn say<T>(&mut self, span: &Span, message: impl Into<String>) -> Option<T> {
        self.error(LangError::new(span.clone(), message))
    }

    fn pred(&mut self, expr: &Expr, guards: &Guards) -> Option<Pred> {
        let kind = match &expr.node {
            Node::Bool(value) => PredKind::Const(*value),
            Node::Not(of) => PredKind::Not(Box::new(self.pred(of, guards)?)),
            Node::All(parts) => PredKind::All(self.chain(parts, guards, Outcome::Holds)?),
            Node::Any(parts) => PredKind::Any(self.chain(parts, guards, Outcome::Fails)?),
            Node::If(condition, yes, no) => {
                let condition = self.pred(condition, guards)?;
                let yes = self.pred(yes, &with(guards, proven(&condition, Outcome::Holds)));
                let no = self.pred(no, &with(guards, proven(&condition, Outcome::Fails)));
                PredKind::If(Box::new(condition), Box::new(yes?), Box::new(no?))
            }
            Node::Relation(relation, left, right) => self.relation(*relation, left, right, guards)?,
            Node::Call(name, args) => self.call(expr, name, args, guards)?,
            Node::Method(of, name, args) => self.method(expr, of, name, args, guards)?,
            Node::Select(of, name) if is_ident(of, "seen") => PredKind::Seen(self.history(name)?),
            Node::Select(of, name) if is_ident(of, "params") => {
                let index = self.param(name)?;
                let ty = self.names.params[index].ty();
                if ty != Type::Bool {
                    return self.say(
                        &expr.span,
                        format!("expected a condition, but `params.{}` is {}", name.text, ty.as_str()),
                    );
                }
                PredKind::Param(index)
            }
            Node::Select(..) => {
                let index = self.field(expr)?;
                let field = self.decl(index)?;
                if field.ty != FieldType::Bool {
                    return self.error(
                        LangError::new(
                            expr.span.clone(),
                            format!(
                                "expected a condition, but `{}` is {}",
                                self.full(field),
                                type_of(field.ty).as_str()
                            ),
                        )
                        .help("compare it with a value"),
                    );
                }
                self.guarded(index, &expr.span, guards)?;
                PredKind::Field(index)
            }
            Node::Int(_) | Node::Text(_) | Node::List(_) => {
                return self.say(&expr.span, "expected a condition, found a value");
            }
            Node::Ident(name) => return self.lone_name(name, &expr.span),
        };
        Some(Pred { span: expr.span.clone(), kind })
    }

    /// Each part may rely on what the parts before it have proven.
    fn chain(&mut self, parts: &[Expr], guards: &Guards, outcome: Outcome) -> Option<Vec<Pred>> {
        let mut guards = guards.clone();
        let mut checked = Vec::with_capacity(parts.len());
        for part in parts {
            if let Some(part) = self.pred(part, &guards) {
                guards.extend(proven(&part, outcome));
                checked.push(part);
            }
        }
        (checked.len() == parts.len()).then_some(checked)
    }

    fn relation(
        &mut self,
        relation: Relation,
        left: &Expr,
        right: &Expr,
        guards: &Guards,
    ) -> Option<PredKind> {
        if relation == Relation::In {
            let (item, list) = (self.term(left, guards), self.term(right, guards));
            let (item, list) = (item?, list?);
            let wanted = match list.ty {
                Type::TextList => Type::Text,
                Type::IntList => Type::Int,
                other => {
                    return self
                        .say(&list.span, format!("`in` looks into a list, but this is {}", other.as_str()));
                }
            };
            if item.ty != wanted {
                return self.say(
                    &item.span,
                    format!("the list holds {}s, but this is {}", short(wanted), item.ty.as_str()),
                );
            }
            self.closed_set(&item, &list);
            return Some(PredKind::In(item, list));
        }
        let bools = (self.is_condition(left), self.is_condition(right));
        match bools {
            (true, true) => {
                let (left, right) = (self.pred(left, guards), self.pred(right, guards));
                let (left, right) = (Box::new(left?), Box::new(right?));
                match relation {
                    Relation::Eq => Some(PredKind::Same(left, right)),
                    Relation::Ne => {
                        let span = left.span.start..right.span.end;
                        Some(PredKind::Not(Box::new(Pred { span, kind: PredKind::Same(left, right) })))
                    }
                    _ => self.say(&left.span, format!("`{}` does not order bools", relation.as_str())),
                }
            }
            (true, false) => self.bool_against(left, right, guards),
            (false, true) => self.bool_against(right, left, guards),
            (false, false) => {
                let (left, right) = (self.term(left, guards), self.term(right, guards));
                let (left, right) = (left?, right?);
                if left.ty != right.ty {
                    return self.say(
                        &(left.span.start..right.span.end),
                        format!("cannot compare {} with {}", left.ty.as_str(), right.ty.as_str()),
                    );
                }
                if !matches!(left.ty, Type::Int | Type::Text) {
                    return self.error(
                        LangError::new(left.span.start..right.span.end, "lists are not compared")
                            .help("use `in`, `exists`, `all` or `size`"),
                    );
                }
                self.closed_set(&left, &right);
                self.closed_set(&right, &left);
                Some(PredKind::Compare(relation, left, right))
            }
        }
    }

    fn bool_against(&mut self, condition: &Expr, other: &Expr, guards: &Guards) -> Option<PredKind> {
        let condition = self.pred(condition, guards);
        let other = self.term(other, guards)?;
        let condition = condition?;
        let error = LangError::new(
            condition.span.start.min(other.span.start)..condition.span.end.max(other.span.end),
            format!("cannot compare a bool with {}", other.ty.as_str()),
        );
        let quoted = matches!(&other.kind, TermKind::Text(text) if text == "true" || text == "false");
        self.error(if quoted { error.help("write `true` or `false` without quotes") } else { error })
    }

    /// Decides by form alone whether an operand is a bool, so that a comparison of two bools can be told.
    fn is_condition(&self, expr: &Expr) -> bool {
        match &expr.node {
            Node::Bool(_) | Node::Not(_) | Node::All(_) | Node::Any(_) | Node::Relation(..) => true,
            Node::If(_, yes, _) => self.is_condition(yes),
            Node::Call(name, _) => name.text != "size",
            Node::Method(_, name, _) => name.text != "size",
            Node::Select(of, _) if is_ident(of, "seen") => true,
            Node::Select(of, name) if is_ident(of, "params") => {
                self.names.params.iter().any(|param| param.name == name.text && param.ty() == Type::Bool)
            }
            Node::Select(..) => path(expr).is_some_and(|(root, path)| {
                root == self.names.kind.name
                    && self
                        .names
                        .kind
                        .fields
                        .iter()
                        .any(|field| field.name == path && field.ty == FieldType::Bool)
            }),
            Node::Int(_) | Node::Text(_) | Node::List(_) | Node::Ident(_) => false,
        }
    }

    fn call(&mut self, expr: &Expr, name: &Name, args: &[Expr], guards: &Guards) -> Option<PredKind> {
        match name.text.as_str() {
            "has" => {
                let [arg] = self.exactly(name, args)?;
                if !matches!(&arg.node, Node::Select(..)) || path(arg).is_none() {
                    return self.say(&arg.span, "`has` takes a field");
                }
                let index = self.field(arg)?;
                let field = self.decl(index)?;
                if !field.optional {
                    let message =
                        format!("`{}` is always there: `has` asks about optional fields", self.full(field));
                    return self.say(&expr.span, message);
                }
                Some(PredKind::Has(index))
            }
            "in_cidr" => {
                let [address, networks] = self.exactly(name, args)?;
                self.in_cidr(address, networks, guards)
            }
            "glob" => {
                let [text, pattern] = self.exactly(name, args)?;
                self.text_test(TextTest::Glob, text, pattern, guards)
            }
            "size" => self.say(&expr.span, "expected a condition, but `size` is an int"),
            "matches" => {
                let [text, pattern] = self.exactly(name, args)?;
                self.text_test(TextTest::Matches, text, pattern, guards)
            }
            other => {
                let error = LangError::new(name.span.clone(), format!("unknown function `{other}`"));
                let error = if METHODS.contains(&other) {
                    error.help(format!("write it after the value: `value.{other}(…)`"))
                } else {
                    error.suggest(other, ["has", "in_cidr", "glob", "size", "matches"])
                };
                self.error(error)
            }
        }
    }

    fn method(
        &mut self,
        expr: &Expr,
        of: &Expr,
        name: &Name,
        args: &[Expr],
        guards: &Guards,
    ) -> Option<PredKind> {
        let test = match name.text.as_str() {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            "matches" => TextTest::Matches,
            "exists" => return self.each(Each::Exists, of, name, args, guards),
            "all" => return self.each(Each::All, of, name, args, guards),
            "size" => return self.say(&expr.span, "expected a condition, but `size` is an int"),
            other => {
                let error = LangError::new(name.span.clone(), format!("unknown function `{other}`"));
                let error = if ["has", "in_cidr", "glob"].contains(&other) {
                    error.help(format!("write it before its arguments: `{other}(…)`"))
                } else {
                    error.suggest(other, METHODS)
                };
                return self.error(error);
            }
        };
        let [pattern] = self.exactly(name, args)?;
        self.text_test(test, of, pattern, guards)
    }

    fn each(
        &mut self,
        each: Each,
        of: &Expr,
        name: &Name,
        args: &[Expr],
        guards: &Guards,
    ) -> Option<PredKind> {
        let [variable, body] = self.exactly(name, args)?;
        if self.element.is_some() {
            return self
                .say(&name.span, format!("`{}` does not stand inside another `exists` or `all`", name.text));
        }
        let Node::Ident(variable_name) = &variable.node else {
            return self.say(&variable.span, format!("`{}` takes a name for the element first", name.text));
        };
        if variable_name == self.names.kind.name || variable_name == "params" || variable_name == "seen" {
            return self.say(
                &variable.span,
                format!("`{variable_name}` already has a meaning: choose another name"),
            );
        }
        let list = self.term(of, guards)?;
        let ty = match list.ty {
            Type::TextList => Type::Text,
            Type::IntList => Type::Int,
            other => {
                return self.say(
                    &list.span,
                    format!("`{}` looks into a list, but this is {}", name.text, other.as_str()),
                );
            }
        };
        if matches!(list.kind, TermKind::If(..)) {
            return self.say(&list.span, format!("`{}` takes a field, a parameter or a list", name.text));
        }
        let constants =
            (!matches!(list.kind, TermKind::Field(_))).then(|| constant_texts(&list, self.names.params));
        self.element = Some(Element { name: variable_name.clone(), ty, constants });
        let body_pred = self.pred(body, guards);
        self.element = None;
        Some(PredKind::Each(each, list, Box::new(body_pred?)))
    }

    fn exactly<'e, const N: usize>(&mut self, name: &Name, args: &'e [Expr]) -> Option<[&'e Expr; N]> {
        let refs: Vec<&Expr> = args.iter().collect();
        match refs.try_into() {
            Ok(args) => Some(args),
            Err(_) => self.say(
                &name.span,
                format!(
                    "`{}` takes {N} argument{}, found {}",
                    name.text,
                    if N == 1 { "" } else { "s" },
                    args.len()
                ),
            ),
        }
    }

    fn history(&mut self, name: &Name) -> Option<usize> {
        let histories = self.names.histories;
        match histories.iter().position(|history| *history == name.text) {
            Some(index) => Some(index),
            None => self.error(
                LangError::new(name.span.clone(), format!("unknown history `seen.{}`", name.text))
                    .suggest(&name.text, histories.iter().map(String::as_str)),
            ),
        }
    }

    fn param(&mut self, name: &Name) -> Option<usize> {
        let params = self.names.params;
        match params.iter().position(|param| param.name == name.text) {
            Some(index) => Some(index),
            None => self.error(
                LangError::new(name.span.clone(), format!("unknown parameter `params.{}`", name.text))
                    .suggest(&name.text, params.iter().map(|param| param.name.as_str())),
            ),
        }
    }

    /// The index of the field that a chain of names stands for.
    fn field(&mut self, expr: &Expr) -> Option<usize> {
        let Some((root, path)) = path(expr) else {
            return self.say(&expr.span, "expected a field");
        };
        let kind = self.names.kind;
        if root != kind.name {
            let error = LangError::new(
                expr.span.start..expr.span.start + root.len(),
                format!("unknown variable `{root}`: the policy is about `{}`", kind.name),
            );
            return self.error(error.suggest(&root, [kind.name, "params", "seen"]));
        }
        match kind.field(&path) {
            Some(index) => Some(index),
            None => self.error(
                LangError::new(expr.span.clone(), format!("unknown field `{root}.{path}`"))
                    .suggest(&path, kind.fields.iter().map(|field| field.name)),
            ),
        }
    }

    fn lone_name<T>(&mut self, name: &str, span: &Span) -> Option<T> {
        if let Some(element) = &self.element
            && element.name == name
        {
            let ty = element.ty;
            return self.say(span, format!("expected a condition, but `{name}` is {}", ty.as_str()));
        }
        if name == self.names.kind.name {
            return self.say(span, format!("`{name}` is the whole fact: name one of its fields"));
        }
        let error = LangError::new(span.clone(), format!("unknown name `{name}`"));
        let kind = self.names.kind;
        let error = if kind.field(name).is_some() {
            error.help(format!("did you mean `{}.{name}`?", kind.name))
        } else {
            error.suggest(name, [kind.name, "params", "seen", "true", "false"])
        };
        self.error(error)
    }

    fn decl(&self, index: usize) -> Option<&'static FieldDecl> {
        self.names.kind.fields.get(index)
    }

    fn full(&self, field: &FieldDecl) -> String {
        format!("{}.{}", self.names.kind.name, field.name)
    }

    fn guarded(&mut self, index: usize, span: &Span, guards: &Guards) -> Option<()> {
        let field = self.decl(index)?;
        if !field.optional || guards.contains(&index) {
            return Some(());
        }
        let name = self.full(field);
        self.error(
            LangError::new(span.clone(), format!("`{name}` may be absent"))
                .help(format!("guard it on this path: `has({name}) && …` or `!has({name}) || …`")),
        )
    }

    /// A field with a closed set of values is compared only with values of the set.
    fn closed_set(&mut self, field: &Term, other: &Term) {
        let TermKind::Field(index) = field.kind else { return };
        let Some(decl) = self.decl(index) else { return };
        if decl.values.is_empty() {
            return;
        }
        let known: BTreeSet<&str> = decl.values.iter().copied().collect();
        for text in constant_texts(other, self.names.params) {
            if !known.contains(text.as_str()) {
                let mut error = LangError::new(
                    other.span.clone(),
                    format!("`{}` is never \"{}\"", self.full(decl), text.escape_debug()),
                )
                .suggest(&text, decl.values.iter().copied());
                if error.help.is_none() {
                    error = error.help(format!("its values are {}", decl.values.join(", ")));
                }
                self.errors.push(error);
            }
        }
    }
}

const METHODS: [&str; 7] = ["startsWith", "endsWith", "contains", "matches", "exists", "all", "size"];

/// The texts a term can be, as far as the policy's own text says: literals and defaults of parameters.
fn constant_texts(term: &Term, params: &[Param]) -> Vec<String> {
    use crate::value::OwnedValue;
    match &term.kind {
        TermKind::Text(text) => vec![text.clone()],
        TermKind::Texts(texts) => texts.clone(),
        TermKind::Param(index) => match params.get(*index).map(|param| &param.value) {
            Some(OwnedValue::Text(text)) => vec![text.clone()],
            Some(OwnedValue::List(list)) => list.items.iter().map(|item| item.to_string()).collect(),
            _ => Vec::new(),
        },
        TermKind::If(_, yes, no) => {
            let mut texts = constant_texts(yes, params);
            texts.extend(constant_texts(no, params));
            texts
        }
        _ => Vec::new(),
    }
}

fn with(guards: &Guards, more: Guards) -> Guards {
    guards.iter().copied().chain(more).collect()
}

fn is_ident(expr: &Expr, name: &str) -> bool {
    matches!(&expr.node, Node::Ident(text) if text == name)
}

/// `a.b.c` as its root and the path after it.
fn path(expr: &Expr) -> Option<(String, String)> {
    let mut names = Vec::new();
    let mut at = expr;
    loop {
        match &at.node {
            Node::Select(of, name) => {
                names.push(name.text.as_str());
                at = of;
            }
            Node::Ident(root) => {
                names.reverse();
                return Some((root.clone(), names.join(".")));
            }
            _ => return None,
        }
    }
}

pub(crate) fn type_of(ty: FieldType) -> Type {
    match ty {
        FieldType::Bool => Type::Bool,
        FieldType::Int => Type::Int,
        FieldType::Text => Type::Text,
        FieldType::List => Type::TextList,
    }
}

fn short(ty: Type) -> &'static str {
    if ty == Type::Int { "int" } else { "text" }
}
