//! CloudWatch Logs' filter patterns over the record of a call.

use regex::Regex;
use wildmatch::WildMatch;

use super::{SOURCE, Sample};

/// The deepest nesting of brackets.
const DEPTH: usize = 32;

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
    Member { name: String, test: Test },
}

#[derive(Debug)]
pub(super) enum Test {
    Is(Word),
    IsNot(Word),
    /// `IS TRUE`, `IS NULL`, numbers: no test of a text.
    Other,
    Exists(bool),
}

#[derive(Debug)]
pub(super) enum Word {
    Glob(String),
    Pattern(Box<Regex>),
}

impl Word {
    fn of(text: &str) -> Option<Self> {
        match text.strip_prefix('%').and_then(|text| text.strip_suffix('%')) {
            Some(pattern) => Some(Word::Pattern(Box::new(Regex::new(pattern).ok()?))),
            None => Some(Word::Glob(text.to_owned())),
        }
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Word::Glob(glob) => WildMatch::new(&glob.replace('?', "\u{1}")).matches(text),
            Word::Pattern(pattern) => pattern.is_match(text),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Word::Glob(word) => text.contains(word.as_str()),
            Word::Pattern(pattern) => pattern.is_match(text),
        }
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
            list.push(parser.word(|letter| letter.is_whitespace())?);
        }
    }

    pub(super) fn matches(&self, sample: &Sample) -> bool {
        match self {
            Filter::Members(condition) => condition.holds(sample),
            Filter::Words { all, any, none } => {
                // What every record has. Other words may stand in it, but a change of Lambda's need not have them.
                let text = format!("eventSource {SOURCE} eventName {} awsRegion userIdentity", sample.name);
                let is_in = |word: &Word| word.is_in(&text);
                all.iter().all(is_in) && (any.is_empty() || any.iter().any(is_in)) && !none.iter().any(is_in)
            }
        }
    }
}

impl Condition {
    fn holds(&self, sample: &Sample) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|one| one.holds(sample)),
            Condition::Any(any) => any.iter().any(|one| one.holds(sample)),
            Condition::Member { name, test } => {
                let value = match name.as_str() {
                    "eventSource" => SOURCE,
                    "eventName" => sample.name,
                    // Nothing is known of other members: it may be so.
                    _ => return true,
                };
                match test {
                    Test::Is(word) => word.is(value),
                    Test::IsNot(word) => !word.is(value),
                    Test::Other => false,
                    Test::Exists(exists) => *exists,
                }
            }
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
        if !self.takes("$.") && !self.takes("$") {
            return None;
        }
        let name = self.name()?;
        let test = if self.takes("!=") {
            Test::IsNot(self.value()?)
        } else if [">=", "<=", ">", "<"].iter().any(|operator| self.takes(operator)) {
            self.value()?;
            Test::Other
        } else if self.takes("=") {
            Test::Is(self.value()?)
        } else if self.takes("NOT EXISTS") {
            Test::Exists(false)
        } else if self.takes("EXISTS") {
            Test::Exists(true)
        } else if self.takes("IS") {
            self.value()?;
            Test::Other
        } else {
            return None;
        };
        Some(Condition::Member { name, test })
    }

    /// `eventName`, `['eventName']`, `requestParameters.principal`
    fn name(&mut self) -> Option<String> {
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '=' | '!' | '<' | '>' | ')');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        let name = name.replace(['[', ']', '\'', '"'], "");
        (!name.is_empty()).then_some(name)
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
                return if mark == '%' {
                    Word::of(&format!("%{word}%"))
                } else {
                    Some(Word::Glob(word.to_owned()))
                };
            }
        }
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() { None } else { Word::of(word) }
    }
}
