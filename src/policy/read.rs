//! Typed reading of YAML nodes: every wrong type and unknown key is reported, not only the first.

use super::diagnostic::{Diagnostic, SourceText};
use super::lang::{LangError, Span, suggest};
use super::yaml::{Key, Kind, Node, place};

/// A value and the bytes of the file that hold it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Located<T> {
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: f(self.value), span: self.span }
    }
}

/// Collects what is wrong with one file.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    pub(crate) source: &'s SourceText,
    pub(crate) errors: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s SourceText) -> Self {
        Reader { source, errors: Vec::new() }
    }

    pub(crate) fn error(&mut self, span: &Span, message: impl Into<String>) {
        self.help(span, message, None);
    }

    pub(crate) fn help(&mut self, span: &Span, message: impl Into<String>, help: Option<String>) {
        self.errors.push(Diagnostic::new(self.source, span.clone(), message, help));
    }

    /// Errors inside a predicate, placed where its text stands in the file.
    pub(crate) fn lang(&mut self, text: &Located<String>, errors: Vec<LangError>) {
        for error in errors {
            let span = place(&self.source.text, &text.span, &text.value, &error.span);
            self.help(&span, error.message, error.help);
        }
    }

    pub(crate) fn map(&mut self, node: Node, what: &str) -> Option<Fields> {
        match node.kind {
            Kind::Map(entries) => Some(Fields { span: node.span, entries, asked: Vec::new() }),
            other => {
                self.error(&node.span, format!("{what} is a mapping, found {}", other.show()));
                None
            }
        }
    }

    pub(crate) fn list(&mut self, node: Node, what: &str) -> Option<Vec<Node>> {
        match node.kind {
            Kind::List(items) => Some(items),
            other => {
                self.error(&node.span, format!("{what} is a list, found {}", other.show()));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, node: Node, what: &str) -> Option<Located<String>> {
        match node.kind {
            Kind::Text(value) if !value.trim().is_empty() => Some(Located { value, span: node.span }),
            Kind::Text(_) | Kind::Null => {
                self.error(&node.span, format!("{what} is empty"));
                None
            }
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                let message = format!("{what} is a text, found {}", node.kind.show());
                self.help(&node.span, message, Some("put it in quotes".to_owned()));
                None
            }
            Kind::List(_) | Kind::Map(_) => {
                self.error(&node.span, format!("{what} is a text, found {}", node.kind.show()));
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, node: Node, what: &str) -> Option<Vec<Located<String>>> {
        let items = self.list(node, what)?;
        Some(items.into_iter().filter_map(|item| self.text(item, &format!("each of {what}"))).collect())
    }

    pub(crate) fn int(
        &mut self,
        node: Node,
        what: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<Located<i64>> {
        match node.kind {
            Kind::Int(value) if range.contains(&value) => Some(Located { value, span: node.span }),
            Kind::Int(_) => {
                let message = format!("{what} is between {} and {}", range.start(), range.end());
                self.error(&node.span, message);
                None
            }
            other => {
                self.error(&node.span, format!("{what} is an int, found {}", other.show()));
                None
            }
        }
    }

    /// One of a closed set of words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        node: Node,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Option<Located<T>> {
        let text = self.text(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(text.map(|_| *value));
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = suggest::nearest(&text.value, all.iter().copied())
            .map_or_else(|| format!("one of {}", all.join(", ")), |word| format!("did you mean `{word}`?"));
        self.help(&text.span, format!("`{}` is no {what}", text.value.escape_debug()), Some(help));
        None
    }

    /// `params.NAME`: the name. Other texts, and nodes that are none, are given back.
    pub(crate) fn param(&mut self, node: Node) -> Result<Located<String>, Node> {
        match &node.kind {
            Kind::Text(text) => match text.strip_prefix("params.") {
                Some(name) => Ok(Located { value: name.to_owned(), span: node.span }),
                None => Err(node),
            },
            _ => Err(node),
        }
    }

    /// A length of time: `10s`, `60m`, `12h`, `30d`, in seconds.
    pub(crate) fn duration(&mut self, node: Node, what: &str) -> Option<Located<i64>> {
        let text = self.text(node, what)?;
        let seconds = parse_duration(&text.value);
        if seconds.is_none() {
            let help = "write a whole number with s, m, h or d: 10s, 60m, 12h, 30d".to_owned();
            self.help(&text.span, format!("{what} is no length of time"), Some(help));
        }
        seconds.map(|value| Located { value, span: text.span })
    }
}

/// The longest length of time, in seconds: ten years.
const MAX_DURATION: i64 = 3653 * 86_400;

pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(unit).filter(|seconds| (1..=MAX_DURATION).contains(seconds))
}

/// The entries of a mapping, taken one by one; what is left over is unknown.
pub(crate) struct Fields {
    pub(crate) span: Span,
    entries: Vec<(Key, Node)>,
    asked: Vec<&'static str>,
}

impl Fields {
    /// The node of a key that may be missing.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        let index = self.entries.iter().position(|(known, _)| known.text == key)?;
        Some(self.entries.swap_remove(index).1)
    }

    /// The node of a key that must be there.
    pub(crate) fn need(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<Node> {
        let node = self.take(key);
        if node.is_none() {
            let start = self.span.start;
            reader.error(&(start..start), format!("`{key}` is missing"));
        }
        node
    }

    /// Reports every key that was never asked for.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in &self.entries {
            let help = suggest::nearest(&key.text, self.asked.iter().copied())
                .map(|known| format!("did you mean `{known}`?"));
            reader.help(&key.span, format!("unknown key `{}`", key.text.escape_debug()), help);
        }
    }

    /// All entries, for mappings whose keys are names.
    pub(crate) fn into_entries(self) -> Vec<(Key, Node)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn lengths_of_time_have_a_unit_and_a_bound() {
        assert_eq!(parse_duration("10s"), Some(10));
        assert_eq!(parse_duration("30d"), Some(30 * 86_400));
        for wrong in ["", "d", "-1d", "1.5h", "0s", "30", "1w", "9999999999999999999d", "99999d", "1ü"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
