//! Tables from JSON Schemas, as schemars writes them: one per object, or one of all paths.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{cell, codes};

/// How deep paths are followed: schemas that contain themselves end here.
const MAX_DEPTH: usize = 8;

/// A table of members for the schema itself and for each of its definitions, those in alphabetical order. `level` is
/// that of the definitions' headings.
pub fn members(schema: &Value, level: usize) -> String {
    let mut text = object_table(schema);
    for (name, definition) in definitions(schema) {
        let _ = write!(text, "\n{} {name}\n", "#".repeat(level));
        if let Some(means) = description(definition) {
            let _ = write!(text, "\n{means}\n");
        }
        text.push_str(&object_table(definition));
    }
    text
}

/// One table with a row for each member at any depth: `Functions[].Role`.
pub fn paths(schema: &Value) -> String {
    let mut text = "| member | type | means |\n|---|---|---|\n".to_owned();
    follow(schema, schema, "", 0, &mut text);
    text
}

/// What a schema says of itself, on one line.
pub(crate) fn description(schema: &Value) -> Option<String> {
    let words = schema.get("description")?.as_str()?;
    Some(words.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn definitions(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("$defs").and_then(Value::as_object).into_iter().flatten()
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The members of an object, the words of an enumeration, or the shapes of a union.
fn object_table(schema: &Value) -> String {
    if let Some(properties) = properties(schema) {
        let mut text = "\n| member | type | means |\n|---|---|---|\n".to_owned();
        for (name, member) in properties {
            let _ = writeln!(text, "| `{name}` | {} | {} |", ty(schema, name, member), means(member));
        }
        return text;
    }
    let shapes: Vec<&Value> = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten().collect();
    if !shapes.is_empty() {
        let mut text = "\n| one of | members | means |\n|---|---|---|\n".to_owned();
        for shape in shapes {
            let members = properties(shape).map_or(String::new(), |all| {
                let own = all.iter().filter(|(_, member)| member.get("const").is_none());
                own.map(|(name, member)| format!("`{name}`: {}", ty(shape, name, member)))
                    .collect::<Vec<_>>()
                    .join("; ")
            });
            let _ = writeln!(text, "| {} | {members} | {} |", tag(shape), means(shape));
        }
        return text;
    }
    match schema.get("enum").and_then(Value::as_array) {
        Some(words) => format!("\nOne of {}.\n", codes(words.iter().filter_map(Value::as_str))),
        None => String::new(),
    }
}

/// What tells a shape from the others: its words, or the member that has a fixed value.
fn tag(shape: &Value) -> String {
    let words = shape.get("enum").and_then(Value::as_array);
    if let Some(words) = words {
        return codes(words.iter().filter_map(Value::as_str));
    }
    if let Some(word) = shape.get("const").and_then(Value::as_str) {
        return format!("`{word}`");
    }
    let fixed = properties(shape).into_iter().flatten().find_map(|(name, member)| {
        member.get("const").and_then(Value::as_str).map(|word| format!("`{name}: {word}`"))
    });
    fixed.unwrap_or_else(|| name_of(shape))
}

fn means(schema: &Value) -> String {
    description(schema).map_or(String::new(), |words| cell(&words))
}

/// The type in words; `optional` where the member may be left out.
fn ty(parent: &Value, name: &str, member: &Value) -> String {
    let required = parent
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)));
    let words = type_words(member);
    if required || words.ends_with("or null") { words } else { format!("{words}, optional") }
}

fn name_of(schema: &Value) -> String {
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.rsplit('/').next())
        .map_or("any".to_owned(), |name| format!("[{name}](#{})", name.to_lowercase()))
}

fn type_words(schema: &Value) -> String {
    let one = |word: &str| match word {
        "array" => match schema.get("items") {
            Some(items) => format!("list of {}", type_words(items)),
            None => "list".to_owned(),
        },
        "object" => match schema.get("additionalProperties") {
            Some(values) if values.is_object() => format!("map to {}", type_words(values)),
            _ => "object".to_owned(),
        },
        "string" => "text".to_owned(),
        other => other.to_owned(),
    };
    match schema.get("type") {
        Some(Value::String(word)) => one(word),
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or ")
        }
        _ => match schema.get("anyOf").and_then(Value::as_array) {
            Some(choices) => choices.iter().map(type_words).collect::<Vec<_>>().join(" or "),
            None => name_of(schema),
        },
    }
}

fn follow(root: &Value, schema: &Value, path: &str, depth: usize, text: &mut String) {
    let schema = resolved(root, schema);
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(items) = schema.get("items") {
        return follow(root, items, &format!("{path}[]"), depth + 1, text);
    }
    for (name, member) in properties(schema).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let target = resolved(root, member);
        let words = ty(schema, name, member);
        // A reference names a table that is not on this page: its rows follow right here.
        let words = if words.contains("](#") { plain(&words) } else { words };
        let note = Some(means(member)).filter(|note| !note.is_empty()).unwrap_or_else(|| means(target));
        let _ = writeln!(text, "| `{path}` | {words} | {note} |");
        follow(root, target, &path, depth + 1, text);
    }
}

/// Links as `object`.
fn plain(words: &str) -> String {
    let mut out = String::new();
    let mut rest = words;
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        out.push_str("object");
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    out + rest
}

/// The schema a reference, or the one choice beside null, stands for.
fn resolved<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let schema = choices.and_then(|all| all.iter().find(|one| one.get("$ref").is_some())).unwrap_or(schema);
    schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| root.pointer(path.strip_prefix('#')?))
        .unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_through_lists_and_definitions() {
        let schemas = crate::snapshot::schema();
        let table = paths(&schemas["x-data"]["lambda:ListFunctions"]);
        assert!(table.contains("| `Functions` | list of object |"), "{table}");
        assert!(table.contains("| `Functions[].FunctionName` | text |"), "{table}");
        assert!(table.contains("| `Functions[].DeadLetterConfig.TargetArn` | text or null |"), "{table}");
        assert!(!table.contains("](#"), "{table}");
    }

    #[test]
    fn members_name_every_definition_and_word() {
        let table = members(&crate::report::schema(), 3);
        assert!(table.contains("| `findings` | list of [Finding](#finding) |"), "{table}");
        assert!(table.contains("\n### Finding\n"), "{table}");
        assert!(table.contains("`low`, `medium`"), "{table}");
    }
}
