//! What a pattern matches, by an evaluator of its own for each language, after their documentation:
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html> and
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html>.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "test support")]

use serde_json::Value as Json;

/// The event that EventBridge makes of a record.
pub fn event_of(record: &Json) -> Json {
    let source = record["eventSource"].as_str().unwrap_or_default();
    let service = source.trim_end_matches(".amazonaws.com");
    serde_json::json!({
        "version": "0", "source": format!("aws.{service}"), "detail-type": "AWS API Call via CloudTrail",
        "detail": record,
    })
}

/// Does an event match an event pattern?
pub fn event_matches(pattern: &Json, event: &Json) -> bool {
    pattern.as_object().unwrap().iter().all(|(name, wanted)| match (name.as_str(), wanted) {
        ("$or", Json::Array(either)) => either.iter().any(|one| event_matches(one, event)),
        (_, Json::Object(_)) => {
            let nothing = serde_json::json!({});
            event_matches(wanted, event.get(name).filter(|value| value.is_object()).unwrap_or(&nothing))
        }
        (_, Json::Array(any)) => any.iter().any(|one| leaf(one, event.get(name))),
        other => panic!("no part of a pattern: {other:?}"),
    })
}

fn leaf(wanted: &Json, value: Option<&Json>) -> bool {
    // One of a list's elements is enough.
    if let Some(Json::Array(values)) = value {
        return values.iter().any(|value| leaf(wanted, Some(value)));
    }
    let text = value.and_then(Json::as_str);
    match wanted {
        Json::Object(operator) => {
            let (name, argument) = operator.iter().next().unwrap();
            assert_eq!(operator.len(), 1);
            match name.as_str() {
                // Of leaves only: an object is not one.
                "exists" => argument.as_bool().unwrap() == value.is_some_and(|value| !value.is_object()),
                "prefix" => text.is_some_and(|text| text.starts_with(argument.as_str().unwrap())),
                "equals-ignore-case" => {
                    text.is_some_and(|text| text.to_lowercase() == argument.as_str().unwrap().to_lowercase())
                }
                "wildcard" => text.is_some_and(|text| wildcard(argument.as_str().unwrap(), text)),
                other => panic!("an operator that is not known: {other}"),
            }
        }
        plain => value == Some(plain),
    }
}

/// `*` is anything, `\*` a star, `\\` a backslash.
fn wildcard(pattern: &str, text: &str) -> bool {
    #[derive(PartialEq)]
    enum Piece {
        Any,
        Is(char),
    }
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '*' => Piece::Any,
            '\\' => Piece::Is(letters.next().unwrap()),
            other => Piece::Is(other),
        });
    }
    fn matches(pieces: &[Piece], text: &[char]) -> bool {
        match pieces.split_first() {
            None => text.is_empty(),
            Some((Piece::Any, rest)) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
            Some((Piece::Is(letter), rest)) => text.first() == Some(letter) && matches(rest, &text[1..]),
        }
    }
    matches(&pieces, &text.chars().collect::<Vec<_>>())
}

/// Does a record match a filter pattern?
pub fn filter_matches(pattern: &str, record: &Json) -> bool {
    let inner = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
    let mut parser = Parser { rest: inner.trim(), record };
    let answer = parser.any();
    assert_eq!(parser.rest, "", "the whole pattern is read: {pattern}");
    answer
}

struct Parser<'p> {
    rest: &'p str,
    record: &'p Json,
}

impl<'p> Parser<'p> {
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> bool {
        let mut answer = self.all();
        while self.eat("||") {
            let next = self.all();
            answer = answer || next;
        }
        answer
    }

    fn all(&mut self) -> bool {
        let mut answer = self.term();
        while self.eat("&&") {
            let next = self.term();
            answer = answer && next;
        }
        answer
    }

    fn term(&mut self) -> bool {
        if self.eat("(") {
            let answer = self.any();
            assert!(self.eat(")"), "a bracket is open before {:?}", self.rest);
            return answer;
        }
        let end = self.rest.find(' ').unwrap();
        let (selector, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        let path = selector.strip_prefix("$.").unwrap();
        let value = path.split('.').try_fold(self.record, |at, name| at.get(name));
        if self.eat("NOT EXISTS") {
            return value.is_none();
        }
        if self.eat("EXISTS") {
            return value.is_some();
        }
        if self.eat("IS NULL") {
            return value.is_some_and(Json::is_null);
        }
        assert!(self.eat("= \""), "no comparison: {:?}", self.rest);
        let (text, rest) = self.rest.split_once('"').unwrap();
        self.rest = rest.trim_start();
        // Quotes were eaten with the spaces behind them: none of our texts begins with one.
        value.and_then(Json::as_str).is_some_and(|value| wildcard(text, value))
    }
}
