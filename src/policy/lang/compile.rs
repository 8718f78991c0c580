//! A checked condition to closures. Constants are folded, parameters bound, patterns and networks compiled once;
//! evaluation allocates nothing and always ends.
//!
//! Any operation on a value that was not read is unknown. `&&` and `||` are Kleene's. A value that the checker says
//! cannot be there (absent although required, or of another type) is unknown too, never false.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ast::Relation;
use super::ir::{Each, Param, Pred, PredKind, Term, TermKind, TextTest};
use crate::facts::schema::FieldAccess;
use crate::value::{OwnedValue, TextList, Truth, Value};

/// What a predicate can ask beside the fact: whether a history has seen the fact's key before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Env<'e> {
    /// One answer per history of the policy, in its order; a history without an answer is unknown.
    pub seen: &'e [Truth],
}

/// What a closure sees.
#[derive(Clone, Copy)]
struct Scope<'s> {
    fact: &'s (dyn FieldAccess + 's),
    env: &'s Env<'s>,
    element: Option<&'s str>,
}

type Code = Box<dyn for<'s> Fn(&Scope<'s>) -> Truth + Send + Sync>;

/// A condition ready to be evaluated.
pub struct Compiled(Code);

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compiled")
    }
}

impl Compiled {
    /// Compiles a checked condition with these parameter values. A pattern or network that does not compile (the
    /// checker reports those) makes its test unknown.
    pub fn new(pred: &Pred, params: &[Param]) -> Self {
        Compiled(Compiler { params, element: None }.pred(pred))
    }

    /// The condition's truth for one fact.
    pub fn eval(&self, fact: &dyn FieldAccess, env: &Env<'_>) -> Truth {
        (self.0)(&Scope { fact, env, element: None })
    }
}

/// The largest compiled regular expression, in bytes.
pub const MAX_REGEX: usize = 256 * 1024;

pub(crate) fn regex(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(MAX_REGEX).nest_limit(64).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => "too large".to_owned(),
            // The library draws an excerpt over several lines; its last line says what is wrong.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or("").trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        },
    )
}

/// A network, or one address as the network of itself.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

struct Compiler<'p> {
    params: &'p [Param],
    /// The element's value where `exists` or `all` over a written list is unrolled.
    element: Option<Literal>,
}

#[derive(Debug, Clone)]
enum Literal {
    Text(String),
    Int(i64),
}

/// A value that is not a condition, ready to be read.
enum Get {
    Text(Box<str>),
    Int(i64),
    List(TextList<'static>),
    Field(usize),
    Element,
    Size(Box<Get>),
    If(Code, Box<Get>, Box<Get>),
}

impl Get {
    /// `Unread` stands for every value that cannot be used.
    fn get<'s>(&'s self, scope: &Scope<'s>) -> Option<Value<'s>> {
        match self {
            Get::Text(text) => Some(Value::Text(text)),
            Get::Int(value) => Some(Value::Int(*value)),
            Get::List(list) => Some(Value::List(list)),
            Get::Field(index) => match scope.fact.value(*index) {
                Value::Absent | Value::Unread(_) => None,
                value => Some(value),
            },
            Get::Element => scope.element.map(Value::Text),
            Get::Size(of) => match of.get(scope)? {
                Value::Text(text) => i64::try_from(text.chars().count()).ok().map(Value::Int),
                Value::List(list) if list.incomplete.is_none() => {
                    i64::try_from(list.items.len()).ok().map(Value::Int)
                }
                _ => None,
            },
            Get::If(condition, yes, no) => match condition(scope) {
                Truth::True => yes.get(scope),
                Truth::False => no.get(scope),
                Truth::Unknown => None,
            },
        }
    }
}

fn holds<T: PartialOrd + ?Sized>(relation: Relation, left: &T, right: &T) -> bool {
    match relation {
        Relation::Eq => left == right,
        Relation::Ne => left != right,
        Relation::Lt => left < right,
        Relation::Le => left <= right,
        Relation::Gt => left > right,
        Relation::Ge => left >= right,
        Relation::In => false,
    }
}

/// Code, or its value where that is known already.
enum Folded {
    Const(Truth),
    Code(Code),
}

impl Folded {
    fn code(self) -> Code {
        match self {
            Folded::Const(value) => Box::new(move |_| value),
            Folded::Code(code) => code,
        }
    }
}

impl Compiler<'_> {
    fn pred(&self, pred: &Pred) -> Code {
        self.fold(pred).code()
    }

    fn fold(&self, pred: &Pred) -> Folded {
        let code: Code = match &pred.kind {
            PredKind::Const(value) => return Folded::Const(Truth::from(*value)),
            PredKind::Param(index) => {
                return Folded::Const(match self.params.get(*index).map(|param| &param.value) {
                    Some(OwnedValue::Bool(value)) => Truth::from(*value),
                    _ => Truth::Unknown,
                });
            }
            PredKind::Field(index) => {
                let index = *index;
                Box::new(move |scope| match scope.fact.value(index) {
                    Value::Bool(value) => Truth::from(value),
                    _ => Truth::Unknown,
                })
            }
            PredKind::Has(index) => {
                let index = *index;
                Box::new(move |scope| match scope.fact.value(index) {
                    Value::Unread(_) => Truth::Unknown,
                    Value::Absent => Truth::False,
                    _ => Truth::True,
                })
            }
            PredKind::Seen(index) => {
                let index = *index;
                Box::new(move |scope| scope.env.seen.get(index).copied().unwrap_or(Truth::Unknown))
            }
            PredKind::Not(of) => match self.fold(of) {
                Folded::Const(value) => return Folded::Const(!value),
                Folded::Code(code) => Box::new(move |scope| !code(scope)),
            },
            PredKind::All(parts) => return self.join(parts.iter().map(|part| self.fold(part)), Truth::False),
            PredKind::Any(parts) => return self.join(parts.iter().map(|part| self.fold(part)), Truth::True),
            PredKind::If(condition, yes, no) => {
                let (yes, no) = (self.fold(yes), self.fold(no));
                match self.fold(condition) {
                    Folded::Const(Truth::True) => return yes,
                    Folded::Const(Truth::False) => return no,
                    Folded::Const(Truth::Unknown) => return Folded::Const(Truth::Unknown),
                    Folded::Code(condition) => {
                        let (yes, no) = (yes.code(), no.code());
                        Box::new(move |scope| match condition(scope) {
                            Truth::True => yes(scope),
                            Truth::False => no(scope),
                            Truth::Unknown => Truth::Unknown,
                        })
                    }
                }
            }
            PredKind::Same(left, right) => {
                let (left, right) = (self.pred(left), self.pred(right));
                Box::new(move |scope| match (left(scope), right(scope)) {
                    (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                    (left, right) => Truth::from(left == right),
                })
            }
            PredKind::Compare(relation, left, right) => return self.compare(*relation, left, right),
            PredKind::In(item, list) => self.membership(item, list),
            PredKind::Test(test, text, pattern) => self.test(*test, text, pattern),
            PredKind::InCidr(address, networks) => self.in_cidr(address, networks),
            PredKind::Each(each, list, body) => return self.each(*each, list, body),
        };
        Folded::Code(code)
    }

    /// Kleene's `&&` (decided by False) or `||` (decided by True).
    fn join(&self, parts: impl Iterator<Item = Folded>, decisive: Truth) -> Folded {
        let mut codes: Vec<Code> = Vec::new();
        let mut otherwise = !decisive;
        for part in parts {
            match part {
                Folded::Const(value) if value == decisive => return Folded::Const(decisive),
                Folded::Const(Truth::Unknown) => otherwise = Truth::Unknown,
                Folded::Const(_) => {}
                Folded::Code(code) => codes.push(code),
            }
        }
        let run = move |scope: &Scope<'_>, codes: &[Code]| {
            let mut result = otherwise;
            for code in codes {
                let value = code(scope);
                if value == decisive {
                    return decisive;
                }
                if value == Truth::Unknown {
                    result = Truth::Unknown;
                }
            }
            result
        };
        if codes.is_empty() {
            return Folded::Const(otherwise);
        }
        Folded::Code(Box::new(move |scope| run(scope, &codes)))
    }

    fn term(&self, term: &Term) -> Get {
        match &term.kind {
            TermKind::Text(text) => Get::Text(text.as_str().into()),
            TermKind::Int(value) => Get::Int(*value),
            TermKind::Texts(texts) => Get::List(TextList::complete(texts.clone())),
            // Lists of ints stand only in `in` and in `exists`/`all`, which read them from the term, and in `size`.
            TermKind::Ints(ints) => Get::List(TextList::complete(ints.iter().map(i64::to_string))),
            TermKind::Field(index) => Get::Field(*index),
            TermKind::Param(index) => match self.params.get(*index).map(|param| &param.value) {
                Some(OwnedValue::Text(text)) => Get::Text(text.as_str().into()),
                Some(OwnedValue::Int(value)) => Get::Int(*value),
                Some(OwnedValue::List(list)) => Get::List(list.clone()),
                // The checker lets no other value through; an index beyond the declaration is unread.
                _ => Get::Field(usize::MAX),
            },
            TermKind::Element => match &self.element {
                Some(Literal::Text(text)) => Get::Text(text.as_str().into()),
                Some(Literal::Int(value)) => Get::Int(*value),
                None => Get::Element,
            },
            TermKind::Size(of) => Get::Size(Box::new(self.term(of))),
            TermKind::If(condition, yes, no) => {
                Get::If(self.pred(condition), Box::new(self.term(yes)), Box::new(self.term(no)))
            }
        }
    }

    fn compare(&self, relation: Relation, left: &Term, right: &Term) -> Folded {
        Folded::Code(match (self.term(left), self.term(right)) {
            (Get::Int(left), Get::Int(right)) => {
                return Folded::Const(Truth::from(holds(relation, &left, &right)));
            }
            (Get::Text(left), Get::Text(right)) => {
                return Folded::Const(Truth::from(holds(relation, &left, &right)));
            }
            // The two commonest forms, without a step in between.
            (Get::Field(index), Get::Text(text)) if relation == Relation::Eq => {
                Box::new(move |scope| match scope.fact.value(index) {
                    Value::Text(value) => Truth::from(*value == *text),
                    _ => Truth::Unknown,
                })
            }
            (Get::Field(index), Get::Text(text)) if relation == Relation::Ne => {
                Box::new(move |scope| match scope.fact.value(index) {
                    Value::Text(value) => Truth::from(*value != *text),
                    _ => Truth::Unknown,
                })
            }
            (left, right) => Box::new(move |scope| match (left.get(scope), right.get(scope)) {
                (Some(Value::Text(left)), Some(Value::Text(right))) => {
                    Truth::from(holds(relation, left, right))
                }
                (Some(Value::Int(left)), Some(Value::Int(right))) => {
                    Truth::from(holds(relation, &left, &right))
                }
                _ => Truth::Unknown,
            }),
        })
    }

    fn membership(&self, item: &Term, list: &Term) -> Code {
        let item = self.term(item);
        if let TermKind::Ints(ints) = &list.kind {
            let ints = ints.clone();
            return Box::new(move |scope| match item.get(scope) {
                Some(Value::Int(item)) => Truth::from(ints.contains(&item)),
                _ => Truth::Unknown,
            });
        }
        match self.term(list) {
            Get::List(list) => {
                let mut texts: Vec<Box<str>> = list.items.iter().map(|text| (**text).into()).collect();
                texts.sort_unstable();
                // Lengths differ more often than not: a few comparisons for equality beat a search by order.
                let few = texts.len() <= 16;
                Box::new(move |scope| match item.get(scope) {
                    Some(Value::Text(item)) if few => Truth::from(texts.iter().any(|text| **text == *item)),
                    Some(Value::Text(item)) => {
                        Truth::from(texts.binary_search_by(|text| (**text).cmp(item)).is_ok())
                    }
                    _ => Truth::Unknown,
                })
            }
            list => Box::new(move |scope| match (item.get(scope), list.get(scope)) {
                (Some(Value::Text(item)), Some(Value::List(list))) => {
                    if list.items.iter().any(|text| *text == item) {
                        Truth::True
                    } else {
                        ended(list, Truth::False)
                    }
                }
                _ => Truth::Unknown,
            }),
        }
    }

    fn test(&self, test: TextTest, text: &Term, pattern: &Term) -> Code {
        fn over(text: Get, holds: impl Fn(&str) -> bool + Send + Sync + 'static) -> Code {
            Box::new(move |scope| match text.get(scope) {
                Some(Value::Text(text)) => Truth::from(holds(text)),
                _ => Truth::Unknown,
            })
        }
        let text = self.term(text);
        let pattern = self.term(pattern);
        match (test, pattern) {
            (TextTest::Matches, Get::Text(pattern)) => match regex(&pattern) {
                Ok(regex) => over(text, move |text| regex.is_match(text)),
                Err(_) => Box::new(|_| Truth::Unknown),
            },
            (TextTest::Glob, Get::Text(pattern)) => {
                let glob = wildmatch::WildMatch::new(&pattern);
                over(text, move |text| glob.matches(text))
            }
            (TextTest::Matches | TextTest::Glob, _) => Box::new(|_| Truth::Unknown),
            (TextTest::StartsWith, Get::Text(pattern)) => over(text, move |text| text.starts_with(&*pattern)),
            (TextTest::EndsWith, Get::Text(pattern)) => over(text, move |text| text.ends_with(&*pattern)),
            (TextTest::Contains, Get::Text(pattern)) => {
                let finder = memchr::memmem::Finder::new(pattern.as_bytes()).into_owned();
                over(text, move |text| finder.find(text.as_bytes()).is_some())
            }
            (_, pattern) => Box::new(move |scope| match (text.get(scope), pattern.get(scope)) {
                (Some(Value::Text(text)), Some(Value::Text(pattern))) => Truth::from(match test {
                    TextTest::StartsWith => text.starts_with(pattern),
                    TextTest::EndsWith => text.ends_with(pattern),
                    TextTest::Contains | TextTest::Matches | TextTest::Glob => text.contains(pattern),
                }),
                _ => Truth::Unknown,
            }),
        }
    }

    fn in_cidr(&self, address: &Term, networks: &Term) -> Code {
        let address = self.term(address);
        let texts: Vec<String> = match self.term(networks) {
            Get::Text(text) => vec![text.into()],
            Get::List(list) => list.items.iter().map(|text| text.to_string()).collect(),
            _ => return Box::new(|_| Truth::Unknown),
        };
        let Some(networks) = texts.iter().map(|text| network(text)).collect::<Option<Vec<IpNet>>>() else {
            return Box::new(|_| Truth::Unknown);
        };
        Box::new(move |scope| match address.get(scope) {
            // A text that is no address (a service's name, say) is in no network.
            Some(Value::Text(text)) => Truth::from(text.parse::<IpAddr>().is_ok_and(|address| {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            })),
            _ => Truth::Unknown,
        })
    }

    fn each(&self, each: Each, list: &Term, body: &Pred) -> Folded {
        let decisive = if each == Each::Exists { Truth::True } else { Truth::False };
        let literals: Option<Vec<Literal>> = match (&list.kind, self.term(list)) {
            (TermKind::Ints(ints), _) => Some(ints.iter().map(|value| Literal::Int(*value)).collect()),
            (_, Get::List(list)) => {
                Some(list.items.iter().map(|text| Literal::Text(text.to_string())).collect())
            }
            _ => None,
        };
        if let Some(literals) = literals {
            let bodies = literals
                .into_iter()
                .map(|literal| Compiler { params: self.params, element: Some(literal) }.fold(body));
            return self.join(bodies, decisive);
        }
        let list = self.term(list);
        let body = self.pred(body);
        Folded::Code(Box::new(move |scope| {
            let Some(Value::List(list)) = list.get(scope) else { return Truth::Unknown };
            let mut result = ended(list, !decisive);
            for item in &list.items {
                let value = body(&Scope { element: Some(item), ..*scope });
                if value == decisive {
                    return decisive;
                }
                if value == Truth::Unknown {
                    result = Truth::Unknown;
                }
            }
            result
        }))
    }
}

/// The answer when no known element decides: an incomplete list may hold one that does.
fn ended(list: &TextList<'_>, complete: Truth) -> Truth {
    if list.incomplete.is_some() { Truth::Unknown } else { complete }
}
