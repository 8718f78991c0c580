//! The reference of facts, from their declarations.

use std::fmt::Write as _;

use super::{NOTE, cell, codes};
use crate::facts::KINDS;
use crate::facts::schema::{FieldDecl, KindDecl, Origin};
use crate::value::Why;

const INTRODUCTION: &str = "
# Facts

What policies judge. A fact's kind is the root variable of predicates: `grant.exposure == \"public\"`. Facts come from a
snapshot (origin `state`), from a trail record that made something so (`change`), or from a record of something that
happened (`activity`). `lambda-audit facts KIND` prints the same.

- *optional*: it can be read and not be there; a predicate guards it with `has()`.
- *can be unread*: it cannot be read in every run. A predicate that depends on it then is unknown, never true or false
  by default ([the language](language.md)). Fields without this mark are always read.
- Fields of a kind with several origins that only some of them know say so: the others leave them unread.
- *from*: the page the meaning rests on.
";

/// The page `docs/facts.md`.
pub fn facts_reference() -> String {
    let mut page =
        format!("{NOTE}{INTRODUCTION}\nWhy a field can be unread: {}.\n", codes(Why::ALL.map(Why::as_str)));
    page.push_str("\n| kind | origins | means |\n|---|---|---|\n");
    for kind in KINDS {
        row(&mut page, &[format!("[`{0}`](#{0})", kind.name), origins(kind.origins), cell(kind.means)]);
    }
    for kind in KINDS {
        section(&mut page, kind);
    }
    page
}

fn section(page: &mut String, kind: &KindDecl) {
    put(page, format_args!("\n## {}\n\n{}. Origins: {}.\n", kind.name, kind.means, origins(kind.origins)));
    if !kind.events.is_empty() {
        put(page, format_args!("Records that make it: {}.\n", codes(kind.events)));
    }
    page.push_str("\n| field | type | means |\n|---|---|---|\n");
    for (index, field) in kind.fields.iter().enumerate() {
        row(page, &[format!("`{}`", field.name), ty(field), meaning(kind, index, field)]);
    }
}

fn ty(field: &FieldDecl) -> String {
    let mut words = vec![field.ty.as_str().to_owned()];
    words.extend((!field.unit.is_empty()).then(|| field.unit.to_owned()));
    words.extend(field.optional.then(|| "optional".to_owned()));
    words.extend(field.can_be_unread.then(|| "can be unread".to_owned()));
    words.join(", ")
}

fn meaning(kind: &KindDecl, index: usize, field: &FieldDecl) -> String {
    let mut text = format!("{}.", cell(field.means));
    if !field.values.is_empty() {
        let _ = write!(text, " One of {}.", codes(field.values));
    }
    let known = kind.field_origins(index);
    if known != kind.origins {
        let _ = write!(text, " Known in {} only.", origins(known));
    }
    if !field.permissions.is_empty() {
        let _ = write!(text, " Needs {}.", codes(field.permissions));
    }
    if !field.page.is_empty() {
        let _ = write!(text, " [from]({})", field.page);
    }
    text
}

fn origins(origins: &[Origin]) -> String {
    origins.iter().map(|origin| origin.as_str()).collect::<Vec<_>>().join(", ")
}

fn row(page: &mut String, cells: &[String]) {
    put(page, format_args!("| {} |\n", cells.join(" | ")));
}

/// Writing to a String does not fail.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_kind_stands_there_once() {
        let page = facts_reference();
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, KINDS.iter().map(|kind| kind.fields.len()).sum::<usize>());
        assert!(KINDS.iter().all(|kind| page.contains(&format!("\n## {}\n", kind.name))));
    }
}
