//! `facts`: what policies can ask, from the declarations.

use std::io::Write;

use serde::Serialize;

use super::Failure;
use super::common::CommonArgs;
use super::output::{self, Format};
use crate::facts::KINDS;
use crate::facts::schema::{FieldDecl, KindDecl, Origin};
use crate::findings::gate::Exit;
use crate::report::json;
use crate::report::text::{Style, wrap};
use crate::term;

/// List the facts that policies judge, with every field
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit facts                 the kinds
  lambda-audit facts grant           the fields of one kind
  lambda-audit facts --output json   everything, for tools")]
pub(crate) struct Args {
    /// Kinds to show in full
    kinds: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Kind {
    name: &'static str,
    means: &'static str,
    origins: &'static [Origin],
    events: &'static [&'static str],
    fields: Vec<Field>,
}

#[derive(Debug, Serialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
    unit: Option<&'static str>,
    optional: bool,
    can_be_unread: bool,
    values: &'static [&'static str],
    origins: &'static [Origin],
    permissions: &'static [&'static str],
    means: &'static str,
    page: Option<&'static str>,
}

impl Kind {
    fn of(kind: &'static KindDecl) -> Self {
        let text = |text: &'static str| (!text.is_empty()).then_some(text);
        let field = |(at, field): (usize, &'static FieldDecl)| Field {
            name: format!("{}.{}", kind.name, field.name),
            ty: field.ty.as_str(),
            unit: text(field.unit),
            optional: field.optional,
            can_be_unread: field.can_be_unread,
            values: field.values,
            origins: kind.field_origins(at),
            permissions: field.permissions,
            means: field.means,
            page: text(field.page),
        };
        Kind {
            name: kind.name,
            means: kind.means,
            origins: kind.origins,
            events: kind.events,
            fields: kind.fields.iter().enumerate().map(field).collect(),
        }
    }
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let mut kinds = Vec::new();
    for name in &args.kinds {
        let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        kinds.push(crate::facts::kind(name).ok_or_else(|| {
            Failure::Usage(format!("there is no fact kind `{name}`; the kinds are {}", known()))
        })?);
    }
    let style = term::stdout_style(common.color);
    for target in &output::checked(&common.output)? {
        output::write(target, |mut out| match target.format {
            Format::Json => {
                let chosen: &[&'static KindDecl] = if kinds.is_empty() { &KINDS } else { &kinds };
                let all: Vec<Kind> = chosen.iter().copied().map(Kind::of).collect();
                json::write(&serde_json::json!({"version": "1", "kinds": all}), &mut out)
            }
            Format::Text if kinds.is_empty() => overview(style, &mut out),
            _ => kinds.iter().try_for_each(|kind| in_full(kind, style, &mut out)),
        })?;
    }
    Ok(Exit::Passed)
}

fn overview(style: Style, out: &mut impl Write) -> std::io::Result<()> {
    for kind in KINDS {
        writeln!(out, "{:<15} {:>2} fields  {}", kind.name, kind.fields.len(), origins(kind.origins))?;
        writeln!(out, "{}", wrap(kind.means, usize::from(style.width), "    "))?;
    }
    writeln!(out, "\nThe fields of one kind: lambda-audit facts grant")
}

fn origins(origins: &[Origin]) -> String {
    origins.iter().map(|origin| origin.as_str()).collect::<Vec<_>>().join(", ")
}

fn in_full(kind: &KindDecl, style: Style, out: &mut impl Write) -> std::io::Result<()> {
    let width = usize::from(style.width);
    writeln!(out, "{} ({})\n{}", kind.name, origins(kind.origins), wrap(kind.means, width, "  "))?;
    if !kind.events.is_empty() {
        writeln!(out, "{}", wrap(&format!("Made by records of {}", kind.events.join(", ")), width, "  "))?;
    }
    for (at, field) in kind.fields.iter().enumerate() {
        let mut notes = vec![field.ty.as_str().to_owned()];
        notes.extend((!field.unit.is_empty()).then(|| field.unit.to_owned()));
        notes.extend(field.optional.then(|| "optional".to_owned()));
        notes.extend(field.can_be_unread.then(|| "can be unread".to_owned()));
        let known_in = kind.field_origins(at);
        notes.extend((known_in != kind.origins).then(|| format!("{} only", origins(known_in))));
        writeln!(out, "\n  {}.{}  ({})", kind.name, field.name, notes.join(", "))?;
        writeln!(out, "{}", wrap(field.means, width, "      "))?;
        if !field.values.is_empty() {
            writeln!(out, "{}", wrap(&format!("One of {}", field.values.join(", ")), width, "      "))?;
        }
        if !field.page.is_empty() {
            writeln!(out, "      {}", field.page)?;
        }
    }
    writeln!(out)
}
