//! Text to tokens, with the escapes of CEL's strings undone.

use super::{LangError, Span};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    Int(i64),
    Text(String),
    True,
    False,
    In,
    Symbol(&'static str),
    End,
}

impl Token {
    /// How an error message names it.
    pub(crate) fn show(&self) -> String {
        match self {
            Token::Ident(name) => format!("`{name}`"),
            Token::Int(value) => format!("`{value}`"),
            Token::Text(_) => "a text".to_owned(),
            Token::True => "`true`".to_owned(),
            Token::False => "`false`".to_owned(),
            Token::In => "`in`".to_owned(),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::End => "the end".to_owned(),
        }
    }
}

/// Two-byte symbols first: the longest match wins.
const SYMBOLS: [&str; 15] = ["==", "!=", "<=", ">=", "&&", "||", "!", "<", ">", "?", ":", "(", ")", "[", "]"];

/// Words that CEL reserves and that therefore cannot stand as names. `function` is one too, but it is the name of a
/// fact kind here: the one place where the subset accepts what CEL's grammar does not.
const RESERVED: [&str; 14] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
];
const MORE_RESERVED: [&str; 2] = ["void", "while"];

/// Splits the text into tokens, the last being [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, LangError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut all = Vec::new();
    loop {
        let (token, span) = lexer.next()?;
        let last = token == Token::End;
        all.push((token, span));
        if last {
            return Ok(all);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    fn next(&mut self) -> Result<(Token, Span), LangError> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c'));
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else {
                break;
            }
        }
        let start = self.at;
        let Some(first) = self.peek() else { return Ok((Token::End, start..start)) };
        let rest = self.rest();
        if matches!(first, '"' | '\'') {
            return self.text_literal(start, Raw::No);
        }
        if matches!(first, 'r' | 'R') && rest.get(1..2).is_some_and(|c| c == "\"" || c == "'") {
            self.at += 1;
            return self.text_literal(start, Raw::Yes);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            return self.word(word, start..self.at);
        }
        if first.is_ascii_digit() {
            return self.number(start, Sign::Plus);
        }
        if first == '-' {
            self.at += 1;
            if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                return self.number(start, Sign::Minus);
            }
            return Err(arithmetic(start..self.at, "-"));
        }
        if first == '.' {
            self.at += 1;
            return Ok((Token::Symbol("."), start..self.at));
        }
        if first == ',' {
            self.at += 1;
            return Ok((Token::Symbol(","), start..self.at));
        }
        for symbol in SYMBOLS {
            if rest.starts_with(symbol) {
                self.at += symbol.len();
                return Ok((Token::Symbol(symbol), start..self.at));
            }
        }
        self.bump();
        let span = start..self.at;
        Err(match first {
            '+' | '*' | '/' | '%' => arithmetic(span, &first.to_string()),
            '=' => LangError::new(span, "a single `=` is no operator").help("compare with `==`"),
            '&' | '|' => LangError::new(span, format!("a single `{first}` is no operator"))
                .help(format!("write `{first}{first}`")),
            '{' => LangError::new(span, "maps and messages are not in the subset of CEL that policies use"),
            _ => LangError::new(span, format!("unexpected character {first:?}")),
        })
    }

    fn word(&self, word: &str, span: Span) -> Result<(Token, Span), LangError> {
        let token = match word {
            "true" => Token::True,
            "false" => Token::False,
            "in" => Token::In,
            "null" => {
                return Err(LangError::new(span, "`null` is not in the subset of CEL that policies use")
                    .help("ask with `has(…)` whether a field is there"));
            }
            _ if RESERVED.contains(&word) || MORE_RESERVED.contains(&word) => {
                return Err(LangError::new(span, format!("`{word}` is a reserved word of CEL")));
            }
            _ => Token::Ident(word.to_owned()),
        };
        Ok((token, span))
    }

    fn number(&mut self, start: usize, sign: Sign) -> Result<(Token, Span), LangError> {
        let from = self.at;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let fraction =
            self.rest().starts_with('.') && self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let span = start..self.at;
        if fraction || word.starts_with(|c: char| c.is_ascii_digit()) && is_exponent(word) {
            return Err(LangError::new(span, "fractions are not in the subset of CEL that policies use"));
        }
        let (digits, radix) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        if let Some(number) = word.strip_suffix(['u', 'U']) {
            return Err(LangError::new(
                span,
                "unsigned numbers are not in the subset of CEL that policies use",
            )
            .help(format!("write `{number}`")));
        }
        debug_assert!(from <= self.at);
        let signed = if sign == Sign::Minus { format!("-{digits}") } else { digits.to_owned() };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return Err(LangError::new(span, format!("`{word}` is not a number")));
        }
        match i64::from_str_radix(&signed, radix) {
            Ok(value) => Ok((Token::Int(value), span)),
            Err(_) => Err(LangError::new(span, "the number does not fit in 64 bits")),
        }
    }

    fn text_literal(&mut self, start: usize, raw: Raw) -> Result<(Token, Span), LangError> {
        let rest = self.rest();
        let quote = if rest.starts_with('"') { '"' } else { '\'' };
        if rest.starts_with("\"\"\"") || rest.starts_with("'''") {
            let span = start..self.at + 3;
            return Err(LangError::new(span, "triple quotes are not in the subset of CEL that policies use"));
        }
        self.bump();
        let mut value = String::new();
        loop {
            let from = self.at;
            match self.bump() {
                None | Some('\n' | '\r') => {
                    return Err(LangError::new(start..from, "the text is not closed on its line"));
                }
                Some(c) if c == quote => return Ok((Token::Text(value), start..self.at)),
                Some('\\') if raw == Raw::No => value.push(self.escape(from)?),
                Some(c) => value.push(c),
            }
        }
    }

    fn escape(&mut self, from: usize) -> Result<char, LangError> {
        let letter = self.bump();
        let code = match letter {
            Some('a') => 7,
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => 10,
            Some('r') => 13,
            Some('t') => 9,
            Some('v') => 11,
            Some(c @ ('\\' | '\'' | '"' | '`' | '?')) => u32::from(c),
            Some('x' | 'X') => self.digits(from, 2, 16)?,
            Some('u') => self.digits(from, 4, 16)?,
            Some('U') => self.digits(from, 8, 16)?,
            Some('0'..='3') => {
                self.at -= 1;
                self.digits(from, 3, 8)?
            }
            _ => {
                return Err(LangError::new(from..self.at, "unknown escape in a text")
                    .help("write `\\\\` for a backslash"));
            }
        };
        char::from_u32(code)
            .ok_or_else(|| LangError::new(from..self.at, "the escape is no Unicode character"))
    }

    fn digits(&mut self, from: usize, count: usize, radix: u32) -> Result<u32, LangError> {
        let mut code = 0u32;
        for _ in 0..count {
            match self.peek().and_then(|c| c.to_digit(radix)) {
                Some(digit) => {
                    self.at += 1;
                    code = code.wrapping_mul(radix).wrapping_add(digit);
                }
                None => {
                    return Err(LangError::new(from..self.at, format!("the escape takes {count} digits")));
                }
            }
        }
        Ok(code)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Raw {
    No,
    Yes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn is_exponent(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
    !word.starts_with("0x") && !word.starts_with("0X") && digits.starts_with(['e', 'E'])
}

fn arithmetic(span: Span, symbol: &str) -> LangError {
    LangError::new(span, format!("arithmetic (`{symbol}`) is not in the subset of CEL that policies use"))
}
