//! What is wrong with a policy, a test case or the configuration of one: message, place, excerpt, next step.

use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::lang::Span;

/// A file's name and text.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// As the user would write it; bundled policies: `bundled:<area>/<id>.yaml`.
    pub name: Arc<str>,
    pub text: Arc<str>,
}

impl SourceText {
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        SourceText { name: name.into(), text: text.into() }
    }
}

/// One error. Its source text travels with it, so that it can be rendered anywhere.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub file: Arc<str>,
    /// Bytes of the file; `None` where the error has no place in a file.
    pub span: Option<Span>,
    /// From 1; 0 where the error has no place.
    pub line: usize,
    /// In characters from 1; 0 where the error has no place.
    pub column: usize,
    pub message: String,
    /// The next step, if there is an obvious one.
    pub help: Option<String>,
    text: Arc<str>,
}

/// Whether an excerpt uses terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Coloured,
}

impl Diagnostic {
    pub fn new(source: &SourceText, span: Span, message: impl Into<String>, help: Option<String>) -> Self {
        let text = &source.text;
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let before = text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Diagnostic {
            file: source.name.clone(),
            span: Some(start..end),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            message: message.into(),
            help,
            text: source.text.clone(),
        }
    }

    /// An error without a place: of the configuration, or about a file as a whole.
    pub fn general(file: impl Into<Arc<str>>, message: impl Into<String>, help: Option<String>) -> Self {
        Diagnostic {
            file: file.into(),
            span: None,
            line: 0,
            column: 0,
            message: message.into(),
            help,
            text: Arc::from(""),
        }
    }

    /// The message with an excerpt of the file, ready to print; no line end at the end. Control characters in the
    /// excerpt and the message cannot reach the terminal.
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        };
        let (file, clean) = (visible(&self.file), visible(&self.message));
        let help = self.help.as_deref().map(visible);
        let Some(span) = &self.span else {
            let mut group: Group<'_> =
                Group::with_title(Level::ERROR.primary_title(format!("{file}: {clean}")));
            if let Some(help) = &help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            return renderer.render(&[group]);
        };
        let snippet =
            Snippet::source(&*self.text).path(&file).annotation(AnnotationKind::Primary.span(span.clone()));
        let mut group = Level::ERROR.primary_title(clean).element(snippet);
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// With a replacement for what could move a terminal's cursor or turn the text's direction: names of files are chosen
/// by strangers too.
fn visible(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    text.chars().map(|c| if hostile(c) { '\u{fffd}' } else { c }).collect()
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.span {
            Some(_) => write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}
