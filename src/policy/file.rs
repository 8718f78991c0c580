//! A policy file as written: keys, types and places. Names and predicates are checked by `build`.

use super::lang::Span;
use super::read::{Located, Reader};
use super::yaml::{Kind, Node, read};
use super::{Attack, Control, Profile, Severity, Window};
use crate::facts::schema::Origin;
use crate::lists;
use crate::value::{OwnedValue, TextList};

pub(crate) struct PolicyFile {
    pub(crate) span: Span,
    pub(crate) id: Option<Located<String>>,
    pub(crate) title: Option<Located<String>>,
    pub(crate) severity: Option<Located<Severity>>,
    pub(crate) risk_score: Option<Located<i64>>,
    pub(crate) since: Option<Located<String>>,
    pub(crate) profile: Option<Located<Profile>>,
    pub(crate) on: Option<Located<String>>,
    pub(crate) origins: Option<Vec<Located<Origin>>>,
    pub(crate) applies_to: Option<Located<String>>,
    pub(crate) when: Option<Located<String>>,
    pub(crate) levels: Vec<LevelFile>,
    pub(crate) message: Option<Located<String>>,
    pub(crate) group_by: Option<Vec<Located<String>>>,
    pub(crate) attack: Vec<Located<Attack>>,
    pub(crate) controls: Vec<Control>,
    pub(crate) why: Option<String>,
    pub(crate) investigate: Option<String>,
    pub(crate) remediate: Option<String>,
    pub(crate) false_positives: Vec<String>,
    pub(crate) references: Vec<Located<String>>,
    pub(crate) params: Vec<(Located<String>, OwnedValue)>,
    pub(crate) histories: Vec<HistoryFile>,
    pub(crate) warm_up: Option<Located<i64>>,
    pub(crate) count: Option<CountFile>,
    pub(crate) repeat: Option<RepeatFile>,
}

pub(crate) struct LevelFile {
    pub(crate) when: Located<String>,
    pub(crate) severity: Severity,
    pub(crate) risk_score: i64,
    pub(crate) note: Option<Located<String>>,
}

pub(crate) struct HistoryFile {
    pub(crate) name: Located<String>,
    pub(crate) by: Vec<Located<String>>,
    pub(crate) among: Located<String>,
    pub(crate) window: Located<Window>,
    pub(crate) other: Option<Located<String>>,
}

pub(crate) struct CountFile {
    pub(crate) span: Span,
    pub(crate) by: Vec<Located<String>>,
    pub(crate) window: QuantityFile,
    pub(crate) distinct: Option<Located<String>>,
    pub(crate) at_least: QuantityFile,
}

/// A number, or the name of the parameter that gives it.
pub(crate) enum QuantityFile {
    Is(i64),
    Param(Located<String>),
}

pub(crate) struct RepeatFile {
    pub(crate) span: Span,
    pub(crate) by: Vec<Located<String>>,
    pub(crate) every: Located<i64>,
}

const ORIGINS: [(&str, Origin); 3] =
    [("state", Origin::State), ("change", Origin::Change), ("activity", Origin::Activity)];
const PROFILES: [(&str, Profile); 2] = [("default", Profile::Default), ("strict", Profile::Strict)];

/// Reads the keys. What is wrong is in the reader's errors; what is right is returned all the same.
pub(crate) fn policy_file(reader: &mut Reader<'_>) -> Option<PolicyFile> {
    let node = match read(&reader.source.text) {
        Ok(node) => node,
        Err(error) => {
            reader.error(&error.span, error.message);
            return None;
        }
    };
    let mut keys = reader.map(node, "a policy")?;
    let r = reader;
    let span = keys.span.clone();
    let start = span.start..span.start;
    let file = PolicyFile {
        span: start,
        id: keys.need(r, "id").and_then(|node| name(r, node, "the id")),
        title: keys.need(r, "title").and_then(|node| r.text(node, "the title")),
        severity: keys.need(r, "severity").and_then(|node| r.word(node, "severity", &Severity::WORDS)),
        risk_score: keys.need(r, "risk_score").and_then(|node| r.int(node, "the risk score", 0..=100)),
        since: keys.take("since").and_then(|node| r.text(node, "`since`")),
        profile: keys.take("profile").and_then(|node| r.word(node, "profile", &PROFILES)),
        on: keys.need(r, "on").and_then(|node| r.text(node, "`on`")),
        origins: keys.take("origins").and_then(|node| origins(r, node)),
        applies_to: keys.take("applies_to").and_then(|node| r.text(node, "`applies_to`")),
        when: keys.need(r, "when").and_then(|node| r.text(node, "`when`")),
        levels: keys.take("levels").map_or_else(Vec::new, |node| levels(r, node)),
        message: keys.need(r, "message").and_then(|node| r.text(node, "the message")),
        group_by: keys.take("group_by").and_then(|node| r.texts(node, "`group_by`")),
        attack: keys.take("attack").map_or_else(Vec::new, |node| attack(r, node)),
        controls: keys.take("controls").map_or_else(Vec::new, |node| controls(r, node)),
        why: keys.take("why").and_then(|node| r.text(node, "`why`")).map(|text| text.value),
        investigate: keys
            .take("investigate")
            .and_then(|node| r.text(node, "`investigate`"))
            .map(|text| text.value),
        remediate: keys.take("remediate").and_then(|node| r.text(node, "`remediate`")).map(|text| text.value),
        false_positives: keys
            .take("false_positives")
            .and_then(|node| r.texts(node, "`false_positives`"))
            .map_or_else(Vec::new, |texts| texts.into_iter().map(|text| text.value).collect()),
        references: keys
            .take("references")
            .and_then(|node| r.texts(node, "`references`"))
            .unwrap_or_default(),
        params: keys.take("params").map_or_else(Vec::new, |node| params(r, node)),
        histories: keys.take("histories").map_or_else(Vec::new, |node| histories(r, node)),
        warm_up: keys.take("warm_up").and_then(|node| r.duration(node, "`warm_up`")),
        count: keys.take("count").and_then(|node| count(r, node)),
        repeat: keys.take("repeat").and_then(|node| repeat(r, node)),
    };
    keys.finish(r);
    Some(file)
}

fn origins(r: &mut Reader<'_>, node: Node) -> Option<Vec<Located<Origin>>> {
    let items = r.list(node, "`origins`")?;
    Some(items.into_iter().filter_map(|item| r.word(item, "origin", &ORIGINS)).collect())
}

fn levels(r: &mut Reader<'_>, node: Node) -> Vec<LevelFile> {
    let mut levels = Vec::new();
    for item in r.list(node, "`levels`").unwrap_or_default() {
        let Some(mut keys) = r.map(item, "a level") else { continue };
        let when = keys.need(r, "when").and_then(|node| r.text(node, "a level's `when`"));
        let severity = keys.need(r, "severity").and_then(|node| r.word(node, "severity", &Severity::WORDS));
        let risk_score = keys.need(r, "risk_score").and_then(|node| r.int(node, "the risk score", 0..=100));
        let note = keys.take("note").and_then(|node| r.text(node, "a level's note"));
        keys.finish(r);
        if let (Some(when), Some(severity), Some(risk_score)) = (when, severity, risk_score) {
            levels.push(LevelFile { when, severity: severity.value, risk_score: risk_score.value, note });
        }
    }
    levels
}

fn attack(r: &mut Reader<'_>, node: Node) -> Vec<Located<Attack>> {
    let mut list = Vec::new();
    for item in r.list(node, "`attack`").unwrap_or_default() {
        let span = item.span.clone();
        let Some(mut keys) = r.map(item, "an entry of `attack`") else { continue };
        let tactic = keys.need(r, "tactic").and_then(|node| r.text(node, "a tactic"));
        let technique = keys.take("technique").and_then(|node| r.text(node, "a technique"));
        keys.finish(r);
        if let Some(tactic) = tactic {
            let value = Attack { tactic: tactic.value, technique: technique.map(|text| text.value) };
            list.push(Located { value, span });
        }
    }
    list
}

fn controls(r: &mut Reader<'_>, node: Node) -> Vec<Control> {
    let mut list: Vec<Control> = Vec::new();
    for item in r.list(node, "`controls`").unwrap_or_default() {
        let span = item.span.clone();
        let Some(mut keys) = r.map(item, "an entry of `controls`") else { continue };
        let framework = keys.need(r, "framework").and_then(|node| name(r, node, "the framework"));
        let id = keys.need(r, "id").and_then(|node| r.text(node, "a control's id"));
        keys.finish(r);
        let (Some(framework), Some(id)) = (framework, id) else { continue };
        let control = Control { framework: framework.value, id: id.value };
        if control.id.is_empty() || control.id.len() > 40 || control.id.contains(char::is_whitespace) {
            r.error(&id.span, "a control's id has 1 to 40 letters and no spaces");
        } else if list.contains(&control) {
            r.error(&span, format!("{} {} stands there twice", control.framework, control.id));
        } else {
            list.push(control);
        }
    }
    list
}

fn params(r: &mut Reader<'_>, node: Node) -> Vec<(Located<String>, OwnedValue)> {
    let mut list = Vec::new();
    for (key, value) in r.map(node, "`params`").map_or_else(Vec::new, super::read::Fields::into_entries) {
        let name = Located { value: key.text, span: key.span };
        if !is_name(&name.value) {
            r.error(&name.span, "a parameter's name is made of a–z, 0–9 and `_`, and begins with a letter");
            continue;
        }
        let what = format!("`params.{}`", name.value);
        let value = match value.kind {
            Kind::Bool(value) => OwnedValue::Bool(value),
            Kind::Int(value) => OwnedValue::Int(value),
            Kind::Text(value) => OwnedValue::Text(value),
            Kind::List(items) => {
                let items = Node { span: value.span, kind: Kind::List(items) };
                let texts = r.texts(items, &what).unwrap_or_default();
                OwnedValue::List(TextList::complete(texts.into_iter().map(|text| text.value)))
            }
            Kind::Map(_) => match listed(r, value, &what) {
                Some(list) => list,
                None => continue,
            },
            other => {
                let message =
                    format!("{what} is a bool, an int, a text or a list of texts, found {}", other.show());
                r.error(&value.span, message);
                continue;
            }
        };
        list.push((name, value));
    }
    list
}

/// `{list: NAME}`: one of the lists that ship with the program, where the same names stand in several places.
fn listed(r: &mut Reader<'_>, node: Node, what: &str) -> Option<OwnedValue> {
    let mut keys = r.map(node, what)?;
    let name = keys.need(r, "list").and_then(|node| r.text(node, "a list's name"));
    keys.finish(r);
    let name = name?;
    match lists::named(&name.value) {
        Ok(Some(items)) => Some(OwnedValue::List(TextList::complete(items))),
        Ok(None) => {
            r.error(&name.span, format!("there is no list `{}`", name.value));
            None
        }
        Err(error) => {
            r.error(&name.span, error.to_string());
            None
        }
    }
}

fn histories(r: &mut Reader<'_>, node: Node) -> Vec<HistoryFile> {
    let mut list = Vec::new();
    for (key, value) in r.map(node, "`histories`").map_or_else(Vec::new, super::read::Fields::into_entries) {
        let name = Located { value: key.text, span: key.span };
        if !is_name(&name.value) {
            r.error(&name.span, "a history's name is made of a–z, 0–9 and `_`, and begins with a letter");
        }
        let Some(mut keys) = r.map(value, "a history") else { continue };
        let by = keys.need(r, "by").and_then(|node| r.texts(node, "`by`"));
        let among = keys.need(r, "among").and_then(|node| r.text(node, "`among`"));
        let window = keys.need(r, "window").and_then(|node| window(r, node));
        let other = keys.take("other").and_then(|node| r.text(node, "`other`"));
        keys.finish(r);
        if let (Some(by), Some(among), Some(window)) = (by, among, window) {
            list.push(HistoryFile { name, by, among, window, other });
        }
    }
    list
}

/// `all`, or a length of time.
fn window(r: &mut Reader<'_>, node: Node) -> Option<Located<Window>> {
    if matches!(&node.kind, Kind::Text(text) if text == "all") {
        return Some(Located { value: Window::All, span: node.span });
    }
    let length = r.duration(node, "the window")?;
    Some(Located { value: Window::Last(length.value), span: length.span })
}

fn count(r: &mut Reader<'_>, node: Node) -> Option<CountFile> {
    let mut keys = r.map(node, "`count`")?;
    let span = keys.span.clone();
    let by = keys.need(r, "by").and_then(|node| r.texts(node, "`by`"));
    let window = keys
        .need(r, "window")
        .and_then(|node| quantity(r, node, |r, node| Some(r.duration(node, "the window")?.value)));
    let distinct = keys.take("distinct").and_then(|node| r.text(node, "`distinct`"));
    let at_least = keys
        .need(r, "at_least")
        .and_then(|node| quantity(r, node, |r, node| Some(r.int(node, "`at_least`", AT_LEAST)?.value)));
    keys.finish(r);
    Some(CountFile { span, by: by?, window: window?, distinct, at_least: at_least? })
}

/// What `at_least` can be.
pub(crate) const AT_LEAST: std::ops::RangeInclusive<i64> = 2..=1_000_000;

fn quantity(
    r: &mut Reader<'_>,
    node: Node,
    number: impl FnOnce(&mut Reader<'_>, Node) -> Option<i64>,
) -> Option<QuantityFile> {
    match r.param(node) {
        Ok(name) => Some(QuantityFile::Param(name)),
        Err(node) => number(r, node).map(QuantityFile::Is),
    }
}

fn repeat(r: &mut Reader<'_>, node: Node) -> Option<RepeatFile> {
    let mut keys = r.map(node, "`repeat`")?;
    let span = keys.span.clone();
    let by = keys.need(r, "by").and_then(|node| r.texts(node, "`by`"));
    let every = keys.need(r, "every").and_then(|node| r.duration(node, "`every`"));
    keys.finish(r);
    Some(RepeatFile { span, by: by?, every: every? })
}

fn name(r: &mut Reader<'_>, node: Node, what: &str) -> Option<Located<String>> {
    let text = r.text(node, what)?;
    let good = text.value.len() <= 80
        && text.value.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if good {
        return Some(text);
    }
    r.error(&text.span, format!("{what} is made of a–z and 0–9, joined by `-`, of at most 80 letters"));
    None
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
