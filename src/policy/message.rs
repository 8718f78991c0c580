//! Finding messages: text with `{kind.field}` placeholders; `{{` and `}}` stand for braces.

use super::lang::{LangError, Span};
use crate::facts::schema::{FieldAccess, KindDecl};
use crate::value::Value;

/// A message with its placeholders resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(usize),
}

impl Template {
    /// # Errors
    /// Unknown placeholders and lone braces, each with its bytes.
    pub(crate) fn parse(text: &str, kind: &'static KindDecl) -> Result<Template, Vec<LangError>> {
        let mut parts = Vec::new();
        let mut errors = Vec::new();
        let mut plain = String::new();
        let mut chars = text.char_indices().peekable();
        while let Some((at, letter)) = chars.next() {
            match letter {
                '{' | '}' if chars.next_if(|(_, next)| *next == letter).is_some() => plain.push(letter),
                '}' => errors.push(LangError::new(at..at + 1, "a lone `}`").help("write `}}` for a brace")),
                '{' => match text.get(at..).and_then(|rest| rest.find('}')) {
                    None => {
                        errors.push(
                            LangError::new(at..at + 1, "the placeholder is not closed")
                                .help("write `{{` for a brace"),
                        );
                        break;
                    }
                    Some(length) => {
                        let end = at + length;
                        while chars.next_if(|(next, _)| *next <= end).is_some() {}
                        let name = text.get(at + 1..end).unwrap_or("");
                        match field(name, at + 1..end, kind) {
                            Ok(index) => {
                                parts.push(Part::Text(std::mem::take(&mut plain)));
                                parts.push(Part::Field(index));
                            }
                            Err(error) => errors.push(error),
                        }
                    }
                },
                other => plain.push(other),
            }
        }
        parts.push(Part::Text(plain));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        if errors.is_empty() { Ok(Template { parts }) } else { Err(errors) }
    }

    /// The fields the message shows.
    pub(crate) fn fields(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(index) => Some(*index),
            Part::Text(_) => None,
        })
    }

    pub(crate) fn fill(&self, fact: &dyn FieldAccess) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(index) => match fact.value(*index) {
                    Value::Unread(_) => out.push_str("(not read)"),
                    Value::Absent => out.push_str("(none)"),
                    Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
                    Value::Int(value) => out.push_str(&value.to_string()),
                    Value::Text(text) => out.push_str(text),
                    Value::List(list) => {
                        let known = list.items.join(", ");
                        match (known.is_empty(), list.incomplete) {
                            (true, None) => out.push_str("(none)"),
                            (true, Some(_)) => out.push_str("(not read)"),
                            (false, None) => out.push_str(&known),
                            (false, Some(_)) => {
                                out.push_str(&known);
                                out.push_str(" and others (not read)");
                            }
                        }
                    }
                },
            }
        }
        out
    }
}

/// The field that `kind.path` names.
pub(crate) fn field(name: &str, span: Span, kind: &'static KindDecl) -> Result<usize, LangError> {
    let path = name.strip_prefix(kind.name).and_then(|rest| rest.strip_prefix('.'));
    let Some(path) = path else {
        return Err(LangError::new(span, format!("`{name}` is no field of `{}`", kind.name))
            .help(format!("write `{}.FIELD`", kind.name)));
    };
    kind.field(path).ok_or_else(|| {
        LangError::new(span, format!("unknown field `{name}`"))
            .suggest(path, kind.fields.iter().map(|field| field.name))
    })
}
