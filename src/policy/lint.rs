//! What a loaded policy still lacks to be published: texts, ATT&CK tags, links, cases of every verdict.

use super::cases::Case;
use super::diagnostic::{Diagnostic, SourceText};
use super::lang::Span;
use super::test::gaps;
use super::yaml::{Kind, read};
use super::{Attack, Policy};

/// What `new` leaves for the author to fill in; a text that still has it is not finished.
pub const BLANK: &str = "FILL IN";

/// A policy's test file and its cases.
#[derive(Debug, Clone, Copy)]
pub struct Tests<'t> {
    pub source: &'t SourceText,
    pub cases: &'t [Case],
}

/// Everything that is missing or malformed, in order of place; empty: the policy may be published.
pub fn lint(policy: &Policy, tests: Option<Tests<'_>>) -> Vec<Diagnostic> {
    let mut lint = Lint { policy, errors: Vec::new() };
    lint.names();
    lint.texts();
    lint.tags();
    lint.blanks(&policy.source);
    lint.cases(tests);
    if let Some(tests) = tests {
        lint.blanks(tests.source);
    }
    lint.errors
        .sort_by_key(|error| (error.file != policy.source.name, error.span.as_ref().map(|span| span.start)));
    lint.errors
}

struct Lint<'p> {
    policy: &'p Policy,
    errors: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn at(&mut self, key: &str, message: impl Into<String>) {
        let span = self.place(key);
        self.errors.push(Diagnostic::new(&self.policy.source, span, message, None));
    }

    /// The key in the policy's file, or the file's start.
    fn place(&self, key: &str) -> Span {
        let node = read(&self.policy.source.text).ok();
        let entries = node.map(|node| node.kind);
        match entries {
            Some(Kind::Map(entries)) => {
                entries.into_iter().find(|(known, _)| known.text == key).map_or(0..0, |(known, _)| known.span)
            }
            _ => 0..0,
        }
    }

    fn names(&mut self) {
        let file = &self.policy.source.name;
        let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
        let stem = stem.strip_suffix(".yaml").unwrap_or(stem);
        if stem != self.policy.id {
            let message = format!("the file is named `{stem}`, the policy `{}`", self.policy.id);
            self.at("id", message);
        }
        if let Some(count) = &self.policy.state.count {
            if !self.policy.message.fields().any(|field| count.by.contains(&field)) {
                self.at("message", "the message does not say what it is about: a field of the count's `by`");
            }
            return;
        }
        let subject = self.policy.kind.field("subject");
        if subject.is_some_and(|subject| !self.policy.message.fields().any(|field| field == subject)) {
            let message =
                format!("the message does not say what it is about: {{{}.subject}}", self.policy.kind.name);
            self.at("message", message);
        }
    }

    fn texts(&mut self) {
        let policy = self.policy;
        let texts = &policy.texts;
        let single =
            [("why", &texts.why), ("investigate", &texts.investigate), ("remediate", &texts.remediate)];
        for (key, text) in single {
            if text.is_none() {
                self.at(key, format!("`{key}` is missing"));
            }
        }
        let lists = [("false_positives", &texts.false_positives), ("references", &texts.references)];
        for (key, list) in lists {
            if list.is_empty() {
                self.at(key, format!("`{key}` is missing"));
            }
        }
        for link in &texts.references {
            if link.contains(BLANK) {
                continue;
            }
            if !link.starts_with("https://") || link.chars().any(|c| c.is_whitespace() || c.is_control()) {
                self.at("references", format!("`{}` is no https link", link.escape_debug()));
            }
        }
    }

    /// What a skeleton leaves open, wherever it stands.
    fn blanks(&mut self, source: &SourceText) {
        for (start, blank) in source.text.match_indices(BLANK) {
            let span = start..start + blank.len();
            self.errors.push(Diagnostic::new(source, span, "not filled in", None));
        }
    }

    fn tags(&mut self) {
        if self.policy.attack.is_empty() {
            self.at("attack", "`attack` is missing");
        }
        for Attack { tactic, technique } in &self.policy.attack {
            if tactic == BLANK {
                continue;
            }
            if !numbered(tactic, "TA") {
                self.at("attack", format!("`{}` is no ATT&CK tactic such as TA0003", tactic.escape_debug()));
            }
            if let Some(technique) = technique
                && !is_technique(technique)
            {
                let message = format!(
                    "`{}` is no ATT&CK technique such as T1546 or T1578.005",
                    technique.escape_debug()
                );
                self.at("attack", message);
            }
        }
    }

    fn cases(&mut self, tests: Option<Tests<'_>>) {
        let Some(tests) = tests else {
            self.at("id", format!("the test file {}.test.yaml is missing", self.policy.id));
            return;
        };
        for gap in gaps(self.policy, tests.cases) {
            let message = format!("no case expects `{}`", gap.as_str());
            self.errors.push(Diagnostic::new(tests.source, 0..0, message, None));
        }
    }
}

fn numbered(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `T1546`, `T1578.005`, and AWS's own sub-techniques such as `T1648.A001`
/// (<https://aws-samples.github.io/threat-technique-catalog-for-aws/>).
fn is_technique(text: &str) -> bool {
    match text.split_once('.') {
        None => numbered(text, "T"),
        Some((technique, sub)) => {
            let digits = sub.strip_prefix('A').unwrap_or(sub);
            numbered(technique, "T") && digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_form_of_the_catalogue() {
        assert!(numbered("TA0003", "TA") && !numbered("TA003", "TA") && !numbered("T0003", "TA"));
        for good in ["T1546", "T1578.005", "T1648.A001"] {
            assert!(is_technique(good), "{good}");
        }
        for bad in ["T154", "T1578.5", "TA0003", "T1648.B001", "T1648.A01", "t1546", ""] {
            assert!(!is_technique(bad), "{bad}");
        }
    }
}
