//! The predicate language: a strict subset of CEL, from text to closures. Pure.
//!
//! `lexer` → `parse` (an [`ast`]) → `check` (a typed [`ir`], every error with its byte span) → `worlds` (what can
//! never or always hold) → `compile` (closures) and `explain` (which atoms decided, and what was not read).
//! The grammar and meaning are those of <https://github.com/google/cel-spec/blob/master/doc/langdef.md>; the
//! reference page, with everything that is left out, is `docs/language.md`.

pub mod ast;
pub mod check;
pub mod compile;
pub mod explain;
mod guard;
pub mod ir;
mod lexer;
pub mod parse;
pub mod suggest;
pub mod worlds;

/// A byte range in the predicate's text.
pub type Span = std::ops::Range<usize>;

/// The longest predicate, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;

/// The deepest nesting of brackets, negations, conditionals and calls.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a predicate, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LangError {
    pub span: Span,
    pub message: String,
    /// The next step for the author, if there is an obvious one.
    pub help: Option<String>,
}

impl LangError {
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        LangError { span, message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean` when a known name is near.
    #[must_use]
    pub fn suggest<'n>(self, wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Self {
        match suggest::nearest(wrong, known) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}
