//! A policy's test file: named cases, each a fact, trail records or a snapshot, with the verdict expected.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::diagnostic::Diagnostic;
use super::read::{Fields, Located, Reader};
use super::yaml::{Kind, Node, read};
use super::{Policy, Severity, SourceText};
use crate::facts::schema::{FieldDecl, FieldType};
use crate::trust::Trust;
use crate::value::{OwnedValue, TextList, Why};

/// The most cases of one policy.
const MAX_CASES: usize = 1_000;

/// One case of a test file.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    /// From 1.
    pub line: usize,
    pub expect: Expect,
    /// The severity expected of a failure.
    pub level: Option<Severity>,
    /// The full names of the fields expected to be missing; empty: not asked.
    pub missing: Vec<String>,
    pub given: Given,
    /// A glob of subjects; facts about others do not count.
    pub subject: Option<String>,
    /// An eventID; the other records are the past and what comes after, and are not judged.
    pub event: Option<String>,
    pub trust: Trust,
}

/// What a case says the policy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expect {
    /// No fact of the policy's kind and origins is made.
    Nothing,
    NotApplicable,
    Pass,
    /// It fails, and was reported too short a time ago to be reported again.
    Repeated,
    /// Not judged: too little history was read before the record.
    WarmingUp,
    Unknown,
    Fail,
}

impl Expect {
    const WORDS: [(&'static str, Expect); 7] = [
        ("fail", Expect::Fail),
        ("pass", Expect::Pass),
        ("not_applicable", Expect::NotApplicable),
        ("unknown", Expect::Unknown),
        ("warming_up", Expect::WarmingUp),
        ("repeated", Expect::Repeated),
        ("nothing", Expect::Nothing),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Expect::Nothing => "nothing",
            Expect::NotApplicable => "not_applicable",
            Expect::Pass => "pass",
            Expect::WarmingUp => "warming_up",
            Expect::Repeated => "repeated",
            Expect::Unknown => "unknown",
            Expect::Fail => "fail",
        }
    }
}

/// What a case judges.
#[derive(Debug, Clone)]
pub enum Given {
    /// Values by field index; fields that are not named are unread.
    Fact(Vec<(usize, OwnedValue)>),
    /// CloudTrail records, in any order.
    Records(Vec<Json>),
    /// The same, each made many times.
    Repeated(Vec<Json>, Times),
    /// Lines of a snapshot.
    Snapshot(Vec<Json>),
}

/// How often each record of a case is made: for policies that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub times: usize,
    /// Seconds from one to the next.
    pub every: i64,
}

/// The most records that one record of a case is made into.
const MAX_TIMES: i64 = 10_000;

/// Reads the test file of a policy. All errors are returned, and every case without one.
pub fn cases(policy: &Policy, source: &SourceText) -> (Vec<Case>, Vec<Diagnostic>) {
    let mut reader = Reader::new(source);
    let cases = match read(&source.text) {
        Ok(node) => file(&mut reader, node, policy),
        Err(error) => {
            reader.error(&error.span, error.message);
            Vec::new()
        }
    };
    let mut errors = reader.errors;
    errors.sort_by_key(|error| error.span.as_ref().map(|span| (span.start, span.end)));
    (cases, errors)
}

fn file(r: &mut Reader<'_>, node: Node, policy: &Policy) -> Vec<Case> {
    let Some(mut keys) = r.map(node, "a test file") else { return Vec::new() };
    let items = keys.need(r, "cases").and_then(|node| r.list(node, "`cases`")).unwrap_or_default();
    keys.finish(r);
    if let Some(extra) = items.get(MAX_CASES) {
        r.error(&extra.span, format!("more than {MAX_CASES} cases"));
    }
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for item in items.into_iter().take(MAX_CASES) {
        let Some(mut keys) = r.map(item, "a case") else { continue };
        let case = one(r, &mut keys, policy, &mut names);
        keys.finish(r);
        cases.extend(case);
    }
    cases
}

fn one(r: &mut Reader<'_>, keys: &mut Fields, policy: &Policy, names: &mut BTreeSet<String>) -> Option<Case> {
    let start = keys.span.start;
    let line = r.source.text.get(..start).unwrap_or("").matches('\n').count() + 1;
    let name = keys.need(r, "name").and_then(|node| r.text(node, "a case's name"));
    if let Some(name) = &name
        && !names.insert(name.value.clone())
    {
        r.error(&name.span, "another case has this name");
    }
    let expect = keys.need(r, "expect").and_then(|node| r.word(node, "expectation", &Expect::WORDS));
    let level = keys.take("level").and_then(|node| r.word(node, "severity", &Severity::WORDS));
    let missing = keys.take("missing").and_then(|node| r.texts(node, "`missing`")).unwrap_or_default();
    let subject = keys.take("subject").and_then(|node| r.text(node, "`subject`"));
    let event = keys.take("event").and_then(|node| r.text(node, "`event`"));
    let trust = trust(r, keys);
    let given = given(r, keys, policy, start);
    let (name, expect) = (name?, expect?.value);
    if let Some(level) = level.as_ref().filter(|_| expect != Expect::Fail) {
        r.error(&level.span, "only a failure has a level");
    }
    for field in &missing {
        if expect != Expect::Unknown {
            r.error(&field.span, "only an unknown verdict has missing fields");
        } else if let Err(error) = super::message::field(&field.value, 0..field.value.len(), policy.kind)
            && !field.value.starts_with("seen.")
        {
            r.lang(field, vec![error]);
        }
    }
    Some(Case {
        name: name.value,
        line,
        expect,
        level: level.map(|level| level.value),
        missing: missing.into_iter().map(|field| field.value).collect(),
        given: given?,
        subject: subject.map(|subject| subject.value),
        event: event.map(|event| event.value),
        trust,
    })
}

fn given(r: &mut Reader<'_>, keys: &mut Fields, policy: &Policy, start: usize) -> Option<Given> {
    let fact = keys.take("fact");
    let record = keys.take("record");
    let records = keys.take("records");
    let snapshot = keys.take("snapshot");
    let times = keys.take("repeated").and_then(|node| times(r, node));
    if let (Some(_), true) = (times, fact.is_some() || snapshot.is_some()) {
        r.error(&(start..start), "only records are `repeated`");
    }
    let made = |records: Vec<Json>| match times {
        Some(times) => Given::Repeated(records, times),
        None => Given::Records(records),
    };
    match (fact, record, records, snapshot) {
        (Some(node), None, None, None) => Some(Given::Fact(fact_fields(r, node, policy)?)),
        (None, Some(node), None, None) => Some(made(vec![object(r, node, "`record`")?])),
        (None, None, Some(node), None) => {
            let items = r.list(node, "`records`")?;
            Some(made(items.into_iter().filter_map(|item| object(r, item, "a record")).collect()))
        }
        (None, None, None, Some(node)) => {
            let items = r.list(node, "`snapshot`")?;
            Some(Given::Snapshot(
                items.into_iter().filter_map(|item| object(r, item, "a snapshot line")).collect(),
            ))
        }
        _ => {
            r.error(&(start..start), "a case has one of `fact`, `record`, `records` and `snapshot`");
            None
        }
    }
}

/// `{times: 1000, every: 3s}`.
fn times(r: &mut Reader<'_>, node: Node) -> Option<Times> {
    let mut keys = r.map(node, "`repeated`")?;
    let times = keys.need(r, "times").and_then(|node| r.int(node, "`times`", 1..=MAX_TIMES));
    let every = keys.need(r, "every").and_then(|node| r.duration(node, "`every`"));
    keys.finish(r);
    Some(Times { times: usize::try_from(times?.value).ok()?, every: every?.value })
}

/// The record and its like: each later than the one before, with an eventID of its own.
pub(crate) fn repeated(record: &Json, times: Times) -> Vec<Json> {
    let text = |key| record.get(key).and_then(Json::as_str);
    let Some(first) = text("eventTime").and_then(|time| time.parse::<jiff::Timestamp>().ok()) else {
        return vec![record.clone()];
    };
    let id = text("eventID").unwrap_or_default().to_owned();
    (0..times.times)
        .map(|at| {
            let mut record = record.clone();
            let seconds = times.every.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX));
            let time = first.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(first);
            record["eventTime"] = Json::from(time.to_string());
            record["eventID"] = Json::from(format!("{id}-{at}"));
            record
        })
        .collect()
}

fn trust(r: &mut Reader<'_>, keys: &mut Fields) -> Trust {
    let mut trust = Trust::default();
    let accounts = keys.take("trusted_accounts").and_then(|node| r.texts(node, "`trusted_accounts`"));
    for account in accounts.into_iter().flatten() {
        if account.value.len() == 12 && account.value.bytes().all(|byte| byte.is_ascii_digit()) {
            trust.add_account(account.value);
        } else {
            r.error(&account.span, "an account has 12 digits");
        }
    }
    let organizations =
        keys.take("trusted_organizations").and_then(|node| r.list(node, "`trusted_organizations`"));
    for item in organizations.into_iter().flatten() {
        let Some(mut keys) = r.map(item, "an organization") else { continue };
        let id = keys.need(r, "id").and_then(|node| r.text(node, "an organization's id"));
        let accounts = keys.take("accounts").and_then(|node| r.texts(node, "`accounts`"));
        keys.finish(r);
        if let Some(id) = id {
            let members = accounts.map(|list| list.into_iter().map(|account| account.value).collect());
            trust.add_organization(id.value, members);
        }
    }
    trust
}

fn fact_fields(r: &mut Reader<'_>, node: Node, policy: &Policy) -> Option<Vec<(usize, OwnedValue)>> {
    let kind = policy.kind;
    let mut fields = Vec::new();
    for (key, value) in r.map(node, "`fact`")?.into_entries() {
        let name = Located { value: key.text, span: key.span };
        let Some(index) = kind.field(&name.value) else {
            let known = kind.fields.iter().map(|field| field.name);
            let help = super::lang::suggest::nearest(&name.value, known)
                .map(|known| format!("did you mean `{known}`?"));
            r.help(&name.span, format!("`{}` has no field `{}`", kind.name, name.value.escape_debug()), help);
            continue;
        };
        let Some(field) = kind.fields.get(index) else { continue };
        if let Some(value) = field_value(r, value, field) {
            fields.push((index, value));
        }
    }
    Some(fields)
}

fn field_value(r: &mut Reader<'_>, node: Node, field: &FieldDecl) -> Option<OwnedValue> {
    let what = format!("`{}`", field.name);
    match (node.kind, field.ty) {
        (Kind::Null, _) if field.optional => Some(OwnedValue::Absent),
        (Kind::Null, _) => {
            r.error(&node.span, format!("{what} is always there: it cannot be absent"));
            None
        }
        (Kind::Map(entries), ty) => unread(r, Node { span: node.span, kind: Kind::Map(entries) }, ty, &what),
        (Kind::Bool(value), FieldType::Bool) => Some(OwnedValue::Bool(value)),
        (Kind::Int(value), FieldType::Int) => Some(OwnedValue::Int(value)),
        (Kind::Text(value), FieldType::Text) => {
            if !field.values.is_empty() && !field.values.contains(&value.as_str()) {
                let help = Some(format!("its values are {}", field.values.join(", ")));
                r.help(&node.span, format!("{what} is never \"{}\"", value.escape_debug()), help);
                return None;
            }
            Some(OwnedValue::Text(value))
        }
        (Kind::List(items), FieldType::List) => {
            let list = Node { span: node.span, kind: Kind::List(items) };
            let texts = r.texts(list, &what)?;
            Some(OwnedValue::List(TextList::complete(texts.into_iter().map(|text| text.value))))
        }
        (other, ty) => {
            let help = matches!(ty, FieldType::Text).then(|| "put it in quotes".to_owned());
            r.help(&node.span, format!("{what} is {}, found {}", article(ty), other.show()), help);
            None
        }
    }
}

/// `{unread: denied}`, of a list also `{items: […], unread: denied}`.
fn unread(r: &mut Reader<'_>, node: Node, ty: FieldType, what: &str) -> Option<OwnedValue> {
    let mut keys = r.map(node, what)?;
    let words = Why::ALL.map(|why| (why.as_str(), why));
    let why = keys.need(r, "unread").and_then(|node| r.word(node, "reason", &words));
    let items = if ty == FieldType::List { keys.take("items") } else { None };
    keys.finish(r);
    let why = why?.value;
    match items {
        None => Some(OwnedValue::Unread(why)),
        Some(node) => {
            let items = r.texts(node, "`items`")?.into_iter().map(|text| text.value.into()).collect();
            Some(OwnedValue::List(TextList { items, incomplete: Some(why) }))
        }
    }
}

fn article(ty: FieldType) -> &'static str {
    match ty {
        FieldType::Bool => "a bool",
        FieldType::Int => "an int",
        FieldType::Text => "a text",
        FieldType::List => "a list of texts",
    }
}

fn object(r: &mut Reader<'_>, node: Node, what: &str) -> Option<Json> {
    if !matches!(node.kind, Kind::Map(_)) {
        r.error(&node.span, format!("{what} is a mapping, found {}", node.kind.show()));
        return None;
    }
    Some(json(node))
}

fn json(node: Node) -> Json {
    match node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => Json::Bool(value),
        Kind::Int(value) => Json::from(value),
        Kind::Float(value) => Json::from(value),
        Kind::Text(value) => Json::String(value),
        Kind::List(items) => Json::Array(items.into_iter().map(json).collect()),
        Kind::Map(entries) => Json::Object(
            entries.into_iter().map(|(key, value)| (key.text, json(value))).collect::<Map<_, _>>(),
        ),
    }
}
