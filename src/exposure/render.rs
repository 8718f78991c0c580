//! The `exposure` command's answers: JSON, text with the deciding parts of the document underlined, and the exit
//! code. Writes to whatever it is given; decides nothing about exposure.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::input::{Found, Input};
use super::{
    Assessment, ConditionNote, Context, Exposure, Grant, ResourceKind, Unreadable, WrittenJson, assess,
};
use crate::trust::Trust;

/// Colours in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Plain.
    Never,
    /// ANSI escapes.
    Always,
}

/// One document and its judgement.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was read.
    pub found: Found,
    /// The account it was judged for.
    pub owner: Option<String>,
    /// The judgement, or why there is none.
    pub result: Result<Assessment, Unreadable>,
}

/// Everything the command was given, judged.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The documents in the order given, inputs that are none included.
    pub documents: Vec<Judged>,
    /// One bare document or answer was given, and nothing else: the JSON is that object itself.
    single: bool,
}

/// Judges every input. `owner` is the one given by hand; without it, the account that the input names.
pub fn answer(
    inputs: Vec<(String, Input)>,
    owner: Option<&str>,
    kind: ResourceKind,
    trust: &Trust,
) -> Answer {
    let single = matches!(inputs.as_slice(), [(_, Input::One(_) | Input::Unusable(_))]);
    let mut answer = Answer { single, ..Answer::default() };
    for (source, input) in inputs {
        let found = match input {
            Input::One(found) => vec![found],
            Input::Many(found) => found,
            Input::Unusable(why) => {
                let result = Err(Unreadable::Unusable(why));
                answer.documents.push(Judged {
                    found: Found { source, ..Found::default() },
                    owner: None,
                    result,
                });
                continue;
            }
        };
        for found in found {
            let owner = owner.map(str::to_owned).or_else(|| found.owner.clone());
            let kind = found.kind.unwrap_or(kind);
            let result = match &found.unread {
                Some(why) => Err(Unreadable::NotRead(why.clone())),
                None => assess(&found.document, &Context { owner: owner.as_deref(), kind, trust }),
            };
            answer.documents.push(Judged { found, owner, result });
        }
    }
    answer
}

impl Answer {
    /// 1: something outside trust is admitted. 2: the only input is not JSON or not an object. 3: something could
    /// not be told. 0: nothing of these.
    pub fn exit_code(&self) -> u8 {
        let finding = |judged: &Judged| judged.result.as_ref().map_or(None, |assessment| assessment.finding);
        let unknown =
            |judged: &Judged| judged.result.as_ref().map_or(true, |a| a.exposure == Exposure::Unknown);
        if self.documents.iter().any(|judged| finding(judged) == Some(true)) {
            1
        } else if let (true, [Judged { result: Err(Unreadable::Unusable(_)), .. }]) =
            (self.single, self.documents.as_slice())
        {
            2
        } else if self.documents.iter().any(|judged| finding(judged).is_none() || unknown(judged)) {
            3
        } else {
            0
        }
    }

    /// The JSON output.
    pub fn json(&self) -> Output<'_> {
        match (self.single, self.documents.as_slice()) {
            (true, [judged]) => Output::One(Policy::of(judged)),
            (_, documents) => Output::Many { documents: documents.iter().map(Sourced::of).collect() },
        }
    }
}

/// One object, or a list of them.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Output<'a> {
    /// For one input.
    One(Policy<'a>),
    /// For several, or a snapshot part.
    Many {
        /// In the order given.
        documents: Vec<Sourced<'a>>,
    },
}

/// A judged policy with where it was read.
#[derive(Debug, Clone, Serialize)]
pub struct Sourced<'a> {
    source: &'a str,
    qualifier: Option<&'a str>,
    #[serde(flatten)]
    policy: Policy<'a>,
}

/// A judged policy.
#[derive(Debug, Clone, Serialize)]
pub struct Policy<'a> {
    exposure: Exposure,
    finding: Option<bool>,
    grants: Vec<Line<'a>>,
    /// Why there are no grants, if the document could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A judged statement.
#[derive(Debug, Clone, Serialize)]
pub struct Line<'a> {
    sid: Option<&'a str>,
    effect: Option<&'a str>,
    principal: Option<&'a WrittenJson>,
    actions: &'a [Cow<'static, str>],
    resource: Option<&'a str>,
    exposure: Exposure,
    trusted: Option<bool>,
    via_url: bool,
    reason: &'a str,
    conditions: &'a [ConditionNote],
}

impl<'a> Sourced<'a> {
    fn of(judged: &'a Judged) -> Self {
        Self {
            source: &judged.found.source,
            qualifier: judged.found.qualifier.as_deref(),
            policy: Policy::of(judged),
        }
    }
}

impl<'a> Policy<'a> {
    fn of(judged: &'a Judged) -> Self {
        match &judged.result {
            Ok(assessment) => Self {
                exposure: assessment.exposure,
                finding: assessment.finding,
                grants: assessment.grants.iter().map(Line::of).collect(),
                reason: None,
            },
            Err(error) => Self::unknown(error.to_string()),
        }
    }

    fn unknown(reason: String) -> Self {
        Self { exposure: Exposure::Unknown, finding: None, grants: Vec::new(), reason: Some(reason) }
    }
}

impl<'a> Line<'a> {
    fn of(grant: &'a Grant) -> Self {
        Self {
            sid: grant.sid.as_deref(),
            effect: grant.effect.as_deref(),
            principal: grant.principal.as_ref(),
            actions: &grant.actions,
            resource: grant.resource.as_deref(),
            exposure: grant.exposure,
            trusted: grant.trusted,
            via_url: grant.url.is_only(),
            reason: grant.reason(),
            conditions: &grant.conditions,
        }
    }
}

/// Writes the answer as text: for every document its exposure, then each statement with what decides underlined.
///
/// # Errors
/// Only those of `out`.
pub fn text(answer: &Answer, color: Color, out: &mut impl Write) -> fmt::Result {
    if answer.documents.is_empty() {
        return writeln!(out, "no resource policy in the input");
    }
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    for judged in &answer.documents {
        let source = printable(&judged.found.source);
        match &judged.result {
            Ok(assessment) => {
                let finding = match assessment.finding {
                    Some(true) => "finding",
                    Some(false) => "no finding",
                    None => "cannot be told whether a finding",
                };
                let qualifier = judged.found.qualifier.as_deref().map(|q| format!(" ({})", printable(q)));
                let qualifier = qualifier.unwrap_or_default();
                writeln!(out, "{source}{qualifier}: {} ({finding})", assessment.exposure.as_str())?;
                let document = Source::of(&judged.found.document);
                for (index, grant) in assessment.grants.iter().enumerate() {
                    writeln!(out, "{}", renderer.render(&[statement(&source, &document, index, grant)]))?;
                }
            }
            Err(error) => writeln!(out, "{source}: unknown ({})", printable(&error.to_string()))?,
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A document laid out for reading: one line stays as written, and control characters are made visible without
/// moving anything.
struct Source {
    text: String,
}

impl Source {
    fn of(document: &str) -> Self {
        // Byte for byte, so that spans still hold: a control character is one byte, and so is a space or `?`.
        let text = document
            .chars()
            .flat_map(|c| {
                let dangerous = c.is_control() && c != '\n' || is_bidi(c);
                let width = if dangerous { c.len_utf8() } else { 0 };
                let kept = (!dangerous).then_some(c);
                std::iter::repeat_n('?', width).chain(kept)
            })
            .collect();
        Self { text }
    }
}

/// Names come from strangers: nothing that moves the cursor or reorders text gets through.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidi(c) { '?' } else { c }).collect()
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

fn statement<'t>(
    source: &'t str,
    document: &'t Source,
    index: usize,
    grant: &'t Grant,
) -> annotate_snippets::Group<'t> {
    let level = match (grant.exposure, grant.trusted) {
        (_, Some(false)) => Level::ERROR,
        (Exposure::Unknown, _) | (_, None) => Level::WARNING,
        _ => Level::INFO,
    };
    let name = grant.sid.as_deref().map_or_else(|| format!("statement {}", index + 1), printable);
    let effect = printable(grant.effect.as_deref().unwrap_or("no effect"));
    let title = format!("{name} ({effect}): {}: {}", grant.exposure.as_str(), printable(grant.reason()));
    let mut snippet = Snippet::source(document.text.as_str()).path(source).fold(true);
    let mark = |span: &Range<usize>| document.text.get(span.clone()).is_some();
    if let Some(span) =
        grant.marks.fault.as_ref().or(grant.marks.principal.as_ref()).filter(|span| mark(span))
    {
        let label = if grant.marks.fault.is_some() { "this cannot be read" } else { "who" };
        snippet = snippet.annotation(AnnotationKind::Primary.span(span.clone()).label(label));
    }
    if let Some(span) = grant.marks.actions.as_ref().filter(|span| mark(span)) {
        snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label("may do this"));
    }
    for note in grant.conditions.iter().filter(|note| mark(&note.span)) {
        let label =
            format!("{}: {}", if note.binds { "binds" } else { "does not bind" }, printable(&note.why));
        snippet = snippet.annotation(AnnotationKind::Context.span(note.span.clone()).label(label));
    }
    level.primary_title(title).element(snippet)
}
