//! CloudWatch Logs' filter patterns over the record of a call.

use regex::Regex;
use wildmatch::WildMatch;

use super::sample::{Member, Sample};
use crate::value::Truth;

/// The deepest nesting of brackets.
const DEPTH: usize = 32;
/// What may stand in a regular expression besides letters and digits; there are no groups.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html>
const OF_EXPRESSIONS: &str = "^$?[]{}|\\*+.:_#=@/;,-";
/// What may stand in a value of which every character stands for itself, `*` aside.
const OF_VALUES: &str = "*.:_#=@/;,- ";

/// A pattern, read.
#[derive(Debug)]
pub(super) enum Filter {
    /// `{ … }`: about members of a record.
    Members(Condition),
    /// Words that stand in the record's text.
    Words { all: Vec<Word>, any: Vec<Word>, none: Vec<Word> },
}

#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// The member's name, if it is understood.
    Member(Option<String>, Test),
}

#[derive(Debug)]
pub(super) enum Test {
    Is(Word),
    IsNot(Word),
    /// `>` and the like: no text passes it.
    OfNumbers,
    /// `IS TRUE`, `IS FALSE`
    IsBool(bool),
    Exists(bool),
    /// `IS NULL`, and what else there may be.
    Other,
}

#[derive(Debug)]
pub(super) enum Word {
    /// A text, where `*` is any run of characters.
    Glob(String),
    Pattern(Box<Regex>),
    /// It is not understood.
    Other,
}

fn is_of(text: &str, others: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

impl Word {
    fn expression(text: &str) -> Self {
        match Regex::new(text) {
            Ok(expression) if is_of(text, OF_EXPRESSIONS) => Word::Pattern(Box::new(expression)),
            _ => Word::Other,
        }
    }

    fn text(text: &str) -> Self {
        if is_of(text, OF_VALUES) { Word::Glob(text.to_owned()) } else { Word::Other }
    }

    fn is(&self, text: &str) -> Truth {
        match self {
            Word::Glob(glob) => WildMatch::new(glob).matches(text).into(),
            Word::Pattern(pattern) => pattern.is_match(text).into(),
            Word::Other => Truth::Unknown,
        }
    }

    /// Does it stand in a record with these words? Whether parts of words count is not documented, and the rest of the
    /// record is not known: it does, or that is unknown.
    fn is_among(&self, words: &[&str]) -> Truth {
        let found = words.iter().any(|word| match self {
            Word::Glob(text) => text == word,
            Word::Pattern(pattern) => pattern.is_match(word),
            Word::Other => false,
        });
        if found { Truth::True } else { Truth::Unknown }
    }
}

impl Filter {
    /// `None`: it is not understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(inner) = text.strip_prefix('{') {
            let mut parser = Parser { rest: inner.strip_suffix('}')? };
            let condition = parser.any(0)?;
            return parser.rest.trim().is_empty().then_some(Filter::Members(condition));
        }
        // Of fields between spaces, which a record is not.
        if text.starts_with('[') {
            return None;
        }
        let (mut all, mut any, mut none) = (Vec::new(), Vec::new(), Vec::new());
        let mut parser = Parser { rest: text };
        loop {
            parser.space();
            let list = match parser.rest.chars().next() {
                None => return Some(Filter::Words { all, any, none }),
                Some('?') => &mut any,
                Some('-') => &mut none,
                Some(_) => &mut all,
            };
            parser.rest = parser.rest.strip_prefix(['?', '-']).unwrap_or(parser.rest);
            let is_quoted = parser.rest.starts_with('"');
            list.push(match parser.word(char::is_whitespace)? {
                // Asked for in quotes.
                Word::Glob(word) if !is_quoted && !is_of(&word, "_") => Word::Other,
                word => word,
            });
        }
    }

    pub(super) fn matches(&self, sample: &Sample) -> Truth {
        match self {
            Filter::Members(condition) => condition.holds(sample),
            // What the two kinds mean together is not documented.
            Filter::Words { all, any, .. } if !all.is_empty() && !any.is_empty() => Truth::Unknown,
            Filter::Words { all, any, none } => {
                let is_in = |word: &Word| word.is_among(&sample.words());
                let either = if any.is_empty() { Truth::True } else { Truth::any(any.iter().map(is_in)) };
                let out = !Truth::any(none.iter().map(is_in));
                Truth::all([Truth::all(all.iter().map(is_in)), either, out])
            }
        }
    }
}

impl Condition {
    fn holds(&self, sample: &Sample) -> Truth {
        match self {
            Condition::All(all) => Truth::all(all.iter().map(|one| one.holds(sample))),
            Condition::Any(any) => Truth::any(any.iter().map(|one| one.holds(sample))),
            Condition::Member(name, test) => {
                let member = name.as_deref().map_or(Member::Unknown, |name| sample.member(name));
                test.passes(member)
            }
        }
    }
}

impl Test {
    fn passes(&self, member: Member) -> Truth {
        match (self, member) {
            (_, Member::Unknown) | (Test::Other, _) => Truth::Unknown,
            (Test::Exists(exists), member) => (*exists == (member != Member::Missing)).into(),
            (Test::Is(word), Member::Text(text)) => word.is(text),
            (Test::IsNot(word), Member::Text(text)) => !word.is(text),
            (Test::IsBool(wanted), Member::Bool(is)) => (*wanted == is).into(),
            (Test::OfNumbers | Test::IsBool(_), Member::Text(_) | Member::Missing) => Truth::False,
            (Test::Is(_), Member::Missing) => Truth::False,
            // Not documented.
            (Test::IsNot(_), Member::Missing) => Truth::Unknown,
            (Test::Is(_) | Test::IsNot(_) | Test::OfNumbers, Member::Bool(_)) => Truth::Unknown,
        }
    }
}

struct Parser<'p> {
    rest: &'p str,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, what: &str) -> bool {
        self.space();
        let found = self.rest.get(..what.len()).is_some_and(|start| start.eq_ignore_ascii_case(what));
        if found {
            self.rest = &self.rest[what.len()..];
        }
        found
    }

    fn any(&mut self, depth: usize) -> Option<Condition> {
        let mut list = vec![self.all(depth)?];
        while self.takes("||") {
            list.push(self.all(depth)?);
        }
        Some(Condition::Any(list))
    }

    fn all(&mut self, depth: usize) -> Option<Condition> {
        let mut list = vec![self.one(depth)?];
        while self.takes("&&") {
            list.push(self.one(depth)?);
        }
        Some(Condition::All(list))
    }

    fn one(&mut self, depth: usize) -> Option<Condition> {
        if depth > DEPTH {
            return None;
        }
        if self.takes("(") {
            let inner = self.any(depth + 1)?;
            return self.takes(")").then_some(inner);
        }
        if !self.takes("$") {
            return None;
        }
        let name = self.name();
        let test = if self.takes("!=") {
            Test::IsNot(self.value()?)
        } else if [">=", "<=", ">", "<"].iter().any(|operator| self.takes(operator)) {
            self.value()?;
            Test::OfNumbers
        } else if self.takes("=") {
            Test::Is(self.value()?)
        } else if self.takes("NOT EXISTS") {
            Test::Exists(false)
        } else if self.takes("EXISTS") {
            Test::Exists(true)
        } else if self.takes("IS") {
            match self.value()? {
                Word::Glob(word) if word.eq_ignore_ascii_case("true") => Test::IsBool(true),
                Word::Glob(word) if word.eq_ignore_ascii_case("false") => Test::IsBool(false),
                _ => Test::Other,
            }
        } else {
            return None;
        };
        Some(Condition::Member(name, test))
    }

    /// `.eventName`, `.['eventName']`, `.requestParameters.principal`; `None`: another form.
    fn name(&mut self) -> Option<String> {
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '=' | '!' | '<' | '>' | ')');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let name = name.strip_prefix('.')?;
        match name.strip_prefix("['").and_then(|name| name.strip_suffix("']")) {
            // In quotes a dot is part of one name.
            Some(quoted) => is_of(quoted, "_-").then(|| quoted.to_owned()),
            None => is_of(name, "._-").then(|| name.to_owned()),
        }
    }

    fn value(&mut self) -> Option<Word> {
        self.space();
        self.word(|letter| letter.is_whitespace() || matches!(letter, ')' | '&' | '|'))
    }

    /// In quotes, between percent signs, or up to what ends it.
    fn word(&mut self, ends: impl Fn(char) -> bool) -> Option<Word> {
        for mark in ['"', '%'] {
            if let Some(rest) = self.rest.strip_prefix(mark) {
                let (word, rest) = rest.split_once(mark)?;
                self.rest = rest;
                return Some(if mark == '%' { Word::expression(word) } else { Word::text(word) });
            }
        }
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| Word::text(word))
    }
}
