//! Which part of a policy a pattern over one record can hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::schema::{FieldSet, KindDecl, Origin};
use crate::facts::unread_fact;
use crate::policy::lang::ast::Relation;
use crate::policy::lang::ir::{Pred, PredKind, Term, TermKind, TextTest};
use crate::policy::{Env, Policy, Verdict};
use crate::trail::lambda_event_names;
use crate::value::{OwnedValue, Why};

/// A member of a record, by the names on the way to it.
pub type Path = &'static [&'static str];

/// What a record must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is one of these texts. `any_case`: in whatever case it is written.
    Is {
        path: Path,
        texts: Vec<String>,
        any_case: bool,
    },
    Contains {
        path: Path,
        text: String,
    },
    Present(Path),
    /// Not there, null, or an empty text: the three ways of writing that there is none.
    Absent(Path),
    Any(Vec<Condition>),
}

/// What of a policy a pattern carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Every spelling of the names of the events, by the endpoint of their service.
    pub events: BTreeMap<String, BTreeSet<String>>,
    pub conditions: Vec<Condition>,
    /// What it leaves out: fields, histories and counts, as the policy names them. Empty: the pattern is exact.
    pub left_out: Vec<String>,
}

impl Carried {
    /// Does it match exactly the records that the policy fires on, or cannot judge?
    pub fn is_exact(&self) -> bool {
        self.left_out.is_empty()
    }

    /// Events that only read are not sent to an ordinary rule of EventBridge.
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
    pub fn only_reads(&self) -> bool {
        let reads = |name: &String| ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb));
        self.events.values().flatten().any(reads)
    }
}

/// Why a policy cannot be written as a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCarried {
    #[error("it judges what is, not what is recorded: run `lambda-audit scan` on a schedule")]
    StateOnly,
    #[error("it asks for calls of any name: run `lambda-audit replay --store FILE` on the trail's files")]
    AnyCall,
}

/// # Errors
/// [`NotCarried`], if no pattern would say anything of it.
pub fn carried(policy: &Policy) -> Result<Carried, NotCarried> {
    if !policy.origins.iter().any(|origin| matches!(origin, Origin::Change | Origin::Activity)) {
        return Err(NotCarried::StateOnly);
    }
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in policy.trail_events() {
        let (Some(source), Some(name)) = (event.source, event.name) else { return Err(NotCarried::AnyCall) };
        if can_fire(policy, &name) {
            events.entry(source.clone()).or_default().extend(spellings(&source, &name));
        }
    }
    let mut carried = Carried { events, conditions: Vec::new(), left_out: Vec::new() };
    if carried.events.len() > 1 {
        // A pattern takes every name of every service.
        carried.left_out.push("the names of each service".to_owned());
    }
    if policy.kind.origins.contains(&Origin::Change) {
        // A record with an error code changed nothing.
        carried.conditions.push(Condition::Absent(ERROR_CODE));
    }
    let clauses = policy.applies_to.iter().map(|clause| &clause.pred).chain([&policy.when.pred]);
    for part in clauses.flat_map(conjuncts) {
        match condition(policy, part) {
            Some((condition, exact)) => {
                carried.conditions.extend(condition);
                if !exact {
                    carried.leave_out(policy, part);
                }
            }
            None => carried.leave_out(policy, part),
        }
    }
    if policy.state.count.is_some() {
        carried.left_out.push("count".to_owned());
    }
    carried.conditions.dedup();
    Ok(carried)
}

impl Carried {
    fn leave_out(&mut self, policy: &Policy, part: &Pred) {
        let fields = part.field_list().into_iter().filter_map(|index| policy.kind.fields.get(index));
        let histories = part.histories().into_iter().filter_map(|at| policy.state.histories.get(at));
        let names = fields
            .map(|field| format!("{}.{}", policy.kind.name, field.name))
            .chain(histories.map(|history| format!("seen.{}", history.name)));
        for name in names {
            if !self.left_out.contains(&name) {
                self.left_out.push(name);
            }
        }
    }
}

/// All of them must hold.
fn conjuncts(pred: &Pred) -> Vec<&Pred> {
    match &pred.kind {
        PredKind::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![pred],
    }
}

/// Every spelling of an event's name.
fn spellings(source: &str, name: &str) -> Vec<String> {
    let known = if source == "lambda.amazonaws.com" { lambda_event_names(name) } else { &[] };
    if known.is_empty() { vec![name.to_owned()] } else { known.iter().map(|one| (*one).to_owned()).collect() }
}

/// What the name of an event alone says of the fact that it makes.
fn told_by_name(kind: &KindDecl, name: &str) -> Vec<(&'static str, OwnedValue)> {
    let text = |text: &str| OwnedValue::Text(text.to_owned());
    match kind.name {
        "grant" => {
            let is_layer = name == "AddLayerVersionPermission";
            vec![("resource_type", text(if is_layer { "layer" } else { "function" }))]
        }
        "layer_use" => vec![("existing_function", OwnedValue::Bool(name != "CreateFunction"))],
        "event_source" if name.starts_with("Create") => vec![("action", text("created"))],
        "event_source" => vec![("action", text("updated"))],
        "function" => vec![(
            "action",
            text(match name {
                "CreateFunction" => "created",
                "UpdateFunctionConfiguration" => "updated",
                _ => "invoke_config",
            }),
        )],
        "code_signing_change" | "logging_change" => vec![("action", text(name))],
        "invocation" => vec![("event_name", text(name))],
        _ => Vec::new(),
    }
}

/// Can an event of this name make the policy fire, whatever else is in its record?
fn can_fire(policy: &Policy, name: &str) -> bool {
    let Some(mut fact) = unread_fact(policy.kind, Why::NotCollected) else { return true };
    for (field, value) in told_by_name(policy.kind, name) {
        // What cannot be set stays unread, and decides nothing.
        if let Some(index) = policy.kind.field(field)
            && fact.set(index, value).is_err()
        {
            return true;
        }
    }
    let verdict = policy.judge(&*fact as &dyn FieldSet, &Env::default());
    !matches!(verdict, Verdict::Pass | Verdict::NotApplicable)
}

const ERROR_CODE: Path = &["errorCode"];

/// The members that fields are read from as they are.
fn member(field: &str) -> Option<Path> {
    Some(match field {
        "error_code" => ERROR_CODE,
        "identity_type" => &["userIdentity", "type"],
        "access_key" => &["userIdentity", "accessKeyId"],
        "source_ip" => &["sourceIPAddress"],
        "user_agent" => &["userAgent"],
        "vpc_endpoint" => &["vpcEndpointId"],
        _ => return None,
    })
}

/// What a record must be like for this to hold, and whether that is all that it takes. No condition: the names of the
/// events say it already. `None`: it cannot be said of one record.
fn condition(policy: &Policy, part: &Pred) -> Option<(Option<Condition>, bool)> {
    let name = |index: usize| policy.kind.fields.get(index).map(|field| field.name);
    let of_record = matches!(policy.kind.name, "api_call" | "invocation");
    match &part.kind {
        PredKind::Field(index) if of_record && name(*index) == Some("succeeded") => {
            Some((Some(Condition::Absent(ERROR_CODE)), true))
        }
        PredKind::Field(index) if is_told(policy, name(*index)?) => Some((None, true)),
        PredKind::Field(index) if of_record && name(*index) == Some("anonymous") => {
            let is = |path, text: &str| Condition::Is { path, texts: vec![text.to_owned()], any_case: false };
            let either = vec![
                is(&["userIdentity", "principalId"], "anonymous"),
                is(&["userIdentity", "accountId"], "ANONYMOUS_PRINCIPAL"),
            ];
            Some((Some(Condition::Any(either)), false))
        }
        PredKind::Has(index) if of_record => Some((Some(Condition::Present(member(name(*index)?)?)), false)),
        PredKind::Compare(Relation::Eq, left, right) => equality(policy, left, right),
        PredKind::Compare(Relation::Ne, left, right) => by_name(policy, left, right),
        PredKind::In(item, list) => equality(policy, item, list),
        PredKind::Test(TextTest::Contains, text, part) if of_record => {
            let (path, texts) = compared(policy, text, part)?;
            let [text] = texts.as_slice() else { return None };
            Some((Some(Condition::Contains { path, text: text.clone() }), false))
        }
        _ => None,
    }
}

/// A field that is one of some constants.
fn equality(policy: &Policy, left: &Term, right: &Term) -> Option<(Option<Condition>, bool)> {
    if let Some(said) = by_name(policy, left, right) {
        return Some(said);
    }
    if policy.kind.name == "function_url" && field(policy, left) == Some("auth_type") {
        let texts = constants(policy, right)?;
        let is = |path| Condition::Is { path, texts: texts.clone(), any_case: true };
        let either = vec![is(&["responseElements", "authType"]), is(&["requestParameters", "authType"])];
        return Some((Some(Condition::Any(either)), false));
    }
    let (path, texts) = compared(policy, left, right)?;
    let exact = path == ERROR_CODE;
    Some((Some(Condition::Is { path, texts, any_case: false }), exact))
}

/// Is it about nothing but the event's name and source? [`can_fire`] and `trail_events` have decided those.
fn by_name(policy: &Policy, left: &Term, right: &Term) -> Option<(Option<Condition>, bool)> {
    constants(policy, right)?;
    is_told(policy, field(policy, left)?).then_some((None, true))
}

fn is_told(policy: &Policy, field: &str) -> bool {
    let told = told_by_name(policy.kind, "").iter().any(|(name, _)| *name == field);
    told || (policy.kind.name == "api_call" && matches!(field, "event_source" | "event_name"))
}

fn field(policy: &Policy, term: &Term) -> Option<&'static str> {
    let TermKind::Field(index) = term.kind else { return None };
    policy.kind.fields.get(index).map(|field| field.name)
}

/// The member that a text field is read from, and the constants on the other side.
fn compared(policy: &Policy, left: &Term, right: &Term) -> Option<(Path, Vec<String>)> {
    if !matches!(policy.kind.name, "api_call" | "invocation") {
        return None;
    }
    Some((member(field(policy, left)?)?, constants(policy, right)?))
}

/// The texts that a term can be, by the policy and its parameters alone.
fn constants(policy: &Policy, term: &Term) -> Option<Vec<String>> {
    match &term.kind {
        TermKind::Text(text) => Some(vec![text.clone()]),
        TermKind::Texts(texts) => Some(texts.clone()),
        TermKind::Param(at) => match &policy.params.get(*at)?.value {
            OwnedValue::Text(text) => Some(vec![text.clone()]),
            OwnedValue::List(list) => Some(list.items.iter().map(ToString::to_string).collect()),
            _ => None,
        },
        _ => None,
    }
}
