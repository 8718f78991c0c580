//! Tokens to an expression. Recursion is bounded by [`MAX_DEPTH`]; chains of `&&`, `||` and `.` are loops.

use super::ast::{Expr, Name, Node, Relation};
use super::lexer::{Token, tokens};
use super::{LangError, MAX_DEPTH, MAX_LENGTH, Span};

/// Parses a predicate.
///
/// # Errors
/// The first thing that is not in the grammar, a text longer than [`MAX_LENGTH`] or nested deeper than
/// [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Expr, LangError> {
    if text.len() > MAX_LENGTH {
        return Err(LangError::new(0..0, format!("the predicate is longer than {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        token => Err(parser.unexpected(&format!("unexpected {} after the predicate", token.show()))),
    }
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> Span {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.get(self.at.min(last)).map_or(0..0, |(_, span)| span.clone())
    }

    fn bump(&mut self) {
        self.at += 1;
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, symbol: &str, of: &str) -> Result<Span, LangError> {
        let span = self.span();
        if self.take(symbol) {
            return Ok(span);
        }
        Err(self.unexpected(&format!("expected `{symbol}` {of}, found {}", self.peek().show())))
    }

    fn unexpected(&self, message: &str) -> LangError {
        LangError::new(self.span(), message)
    }

    /// Runs one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, LangError>) -> Result<T, LangError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.unexpected(&format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Result<Expr, LangError> {
        let condition = self.disjunction()?;
        if !self.take("?") {
            return Ok(condition);
        }
        self.nested(|parser| {
            let yes = parser.disjunction()?;
            parser.expect(":", "of the conditional")?;
            let no = parser.expression()?;
            let span = condition.span.start..no.span.end;
            Ok(Expr { span, node: Node::If(Box::new(condition), Box::new(yes), Box::new(no)) })
        })
    }

    fn disjunction(&mut self) -> Result<Expr, LangError> {
        self.chain("||", Self::conjunction, Node::Any)
    }

    fn conjunction(&mut self) -> Result<Expr, LangError> {
        self.chain("&&", Self::relation, Node::All)
    }

    fn chain(
        &mut self,
        symbol: &str,
        part: fn(&mut Self) -> Result<Expr, LangError>,
        make: fn(Vec<Expr>) -> Node,
    ) -> Result<Expr, LangError> {
        let first = part(self)?;
        if !matches!(self.peek(), Token::Symbol(next) if *next == symbol) {
            return Ok(first);
        }
        let start = first.span.start;
        let mut end = first.span.end;
        let mut parts = vec![first];
        while self.take(symbol) {
            let next = part(self)?;
            end = next.span.end;
            parts.push(next);
        }
        Ok(Expr { span: start..end, node: make(parts) })
    }

    fn relation(&mut self) -> Result<Expr, LangError> {
        let left = self.unary()?;
        let Some(relation) = self.relation_symbol() else { return Ok(left) };
        self.bump();
        let right = self.unary()?;
        if self.relation_symbol().is_some() {
            return Err(self
                .unexpected("comparisons do not chain")
                .help("write two comparisons with `&&`, or use brackets"));
        }
        let span = left.span.start..right.span.end;
        Ok(Expr { span, node: Node::Relation(relation, Box::new(left), Box::new(right)) })
    }

    fn relation_symbol(&self) -> Option<Relation> {
        Some(match self.peek() {
            Token::In => Relation::In,
            Token::Symbol("==") => Relation::Eq,
            Token::Symbol("!=") => Relation::Ne,
            Token::Symbol("<") => Relation::Lt,
            Token::Symbol("<=") => Relation::Le,
            Token::Symbol(">") => Relation::Gt,
            Token::Symbol(">=") => Relation::Ge,
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expr, LangError> {
        let start = self.span().start;
        if !self.take("!") {
            return self.member();
        }
        self.nested(|parser| {
            let of = parser.unary()?;
            Ok(Expr { span: start..of.span.end, node: Node::Not(Box::new(of)) })
        })
    }

    fn member(&mut self) -> Result<Expr, LangError> {
        let mut of = self.primary()?;
        let mut links = 0;
        loop {
            if matches!(self.peek(), Token::Symbol("[")) {
                return Err(self.unexpected("indexing is not in the subset of CEL that policies use"));
            }
            if !self.take(".") {
                return Ok(of);
            }
            links += 1;
            if links > MAX_DEPTH {
                return Err(self.unexpected(&format!("more than {MAX_DEPTH} names in a row")));
            }
            let name = self.name()?;
            let start = of.span.start;
            if self.take("(") {
                let (args, end) = self.nested(|parser| parser.arguments(")"))?;
                of = Expr { span: start..end, node: Node::Method(Box::new(of), name, args) };
            } else {
                of = Expr { span: start..name.span.end, node: Node::Select(Box::new(of), name) };
            }
        }
    }

    fn name(&mut self) -> Result<Name, LangError> {
        let span = self.span();
        match self.peek() {
            Token::Ident(text) => {
                let text = text.clone();
                self.bump();
                Ok(Name { span, text })
            }
            token => Err(self.unexpected(&format!("expected a name after `.`, found {}", token.show()))),
        }
    }

    /// Expressions up to the closing symbol, and where that ends.
    fn arguments(&mut self, close: &'static str) -> Result<(Vec<Expr>, usize), LangError> {
        let mut args = Vec::new();
        if !matches!(self.peek(), Token::Symbol(next) if *next == close) {
            loop {
                args.push(self.expression()?);
                if !self.take(",") || close == "]" && matches!(self.peek(), Token::Symbol("]")) {
                    break;
                }
            }
        }
        let end = self.expect(close, "here")?.end;
        Ok((args, end))
    }

    fn primary(&mut self) -> Result<Expr, LangError> {
        let span = self.span();
        let node = match self.peek().clone() {
            Token::True => Node::Bool(true),
            Token::False => Node::Bool(false),
            Token::Int(value) => Node::Int(value),
            Token::Text(text) => Node::Text(text),
            Token::Ident(text) => {
                self.bump();
                if !self.take("(") {
                    return Ok(Expr { span, node: Node::Ident(text) });
                }
                let (args, end) = self.nested(|parser| parser.arguments(")"))?;
                let start = span.start;
                return Ok(Expr { span: start..end, node: Node::Call(Name { span, text }, args) });
            }
            Token::Symbol("(") => {
                self.bump();
                // The brackets belong to the span, so that an excerpt shows the whole condition.
                let mut inner = self.nested(Self::expression)?;
                inner.span = span.start..self.expect(")", "to close the bracket")?.end;
                return Ok(inner);
            }
            Token::Symbol("[") => {
                self.bump();
                let (items, end) = self.nested(|parser| parser.arguments("]"))?;
                return Ok(Expr { span: span.start..end, node: Node::List(items) });
            }
            token => return Err(self.unexpected(&format!("expected a value, found {}", token.show()))),
        };
        self.bump();
        Ok(Expr { span, node })
    }
}
